/* SPDX-License-Identifier: Apache-2.0 */
/* The index rows of a store that an older program made, made anew by the one that opens
 * it to write, before anything is searched or written.
 *
 * Table row_format holds one row: n, the format of the rows in `terms`; up_to, how far a
 * remaking came (-1: not begun); seg, the greatest number a segment had when it began.
 *
 *   A1  first, in one transaction, all segments are made invalid, so that no row of the
 *       older format is found once a newer one may be;
 *   A2  then `terms`, EDS_AGAIN resources a transaction, which says how far it came: one
 *       that was cut short goes on from there;
 *   A3  the format is told in the last transaction. Who reads beside the writer asks it
 *       in each view, and its searches are refused until it is this program's.
 *
 * Segments are then made as for any store whose tail is long. What cannot be read keeps
 * the rows it has: eds_check() names it, before and after. */
#include "base/clock.h"
#include "base/log.h"
#include "eds/eds_index_priv.h"

enum { EDS_AGAIN = 500, EDS_AGAIN_LOG = 10 }; /* resources; seconds between lines */

struct eds_again_row {
    int64_t rid;
    struct str terms;
};
struct eds_again {
    struct eds *e;
    int64_t format, up_to, seg, top;
    int64_t seen, begin, told;
    size_t bytes;
    bool end; /* nothing is left */
    struct arena a;
    VEC(struct eds_again_row) row;
    struct buf kept, text, terms;
};

/* ---- the rows of one resource ---- */
int eds_rows_of(struct eds *e, const struct eds_meta *m, struct str kept,
                struct buf *text, struct buf *terms)
{
    struct json_doc *doc = NULL;
    struct fhir_rows rows = {0};
    struct arena a;
    int err;
    buf_clear(text);
    buf_clear(terms);
    err = eds_body_index(text, kept, str_c(m->type), str_c(m->id));
    arena_init(&a, EDS_BODY_MAX);
    if (!err)
        err = eds_parse(&doc, buf_str(text));
    if (!err)
        err = e->rows(e->rows_arg, &e->row_key, json_root(doc), &a, &rows);
    if (!err)
        err = eds_terms_pack(terms, &rows);
    free(rows.v);
    arena_release(&a);
    json_free(doc);
    return err;
}

static int again_one(struct eds_again *g, const struct eds_version *x)
{
    struct eds_again_row r = {.rid = x->m.rid};
    char *p;
    int err = x->damaged ? AM_E_TAMPERED : AM_OK;
    buf_clear(&g->kept);
    if (!err)
        err = eds_unseal(g->e, x->m.type, x->m.id, x->body, &g->kept);
    if (!err)
        err = eds_rows_of(g->e, &x->m, buf_str(&g->kept), &g->text, &g->terms);
    if (err == AM_E_TAMPERED || err == AM_E_SYNTAX || err == AM_E_TOOBIG ||
        err == AM_E_INVALID) {
        LOG_E("eds.rows", log_s("wrong", "not made anew"), log_i("rid", r.rid),
              log_err(err));
        return AM_OK;
    }
    if (err || str_eq(buf_str(&g->terms), x->terms))
        return err;
    p = arena_dup(&g->a, buf_str(&g->terms));
    if (!p)
        return AM_E_NOMEM;
    r.terms = (struct str){p, g->terms.n};
    g->bytes += r.terms.n;
    return vec_push(&g->row, r);
}

static int again_version(void *arg, const struct eds_version *x)
{
    struct eds_again *g = arg;
    if (g->seen == EDS_AGAIN || g->bytes >= g->e->walk_b) {
        g->end = false;
        return 1;
    }
    g->seen++;
    g->up_to = x->m.rid;
    return again_one(g, x);
}

/* ---- the table ---- */
static int again_read(struct eds_view *v, void *arg)
{
    struct eds_again *g = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, "select n, up_to from row_format", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && !row)
        err = AM_E_TAMPERED;
    if (err)
        return err;
    g->format = db_int(s, 0);
    g->up_to = db_int(s, 1);
    return eds_top(v, &g->top);
}

static int again_begin(struct db_conn *c, void *unused)
{
    int err = db_exec(c,
                      "update row_format set up_to = 0, seg = (select coalesce(max(n), 0)"
                      " from seg)",
                      NULL);
    (void)unused;
    return err ? err : db_exec(c, "update seg set live = 0", NULL);
}

static int again_write(struct db_conn *c, void *arg)
{
    const struct eds_again *g = arg;
    int err = AM_OK;
    for (size_t i = 0; i < g->row.n && !err; i++)
        err = db_exec_later(c,
                            g->e->apart ? "update res_row set terms = $1 where rid = $2"
                                        : "update res set terms = $1 where rid = $2",
                            "bi", g->row.v[i].terms, g->row.v[i].rid);
    return err ? err
               : db_exec_later(c, "update row_format set n = $1, up_to = $2", "ii",
                               g->end ? (int64_t)EDS_ROW_FORMAT : g->format,
                               g->end ? (int64_t)-1 : g->up_to);
}

static int again_page(struct eds_view *v, void *arg)
{
    return eds_walk_current(v, ((struct eds_again *)arg)->up_to, again_version, arg);
}

static int again_tell(struct eds_again *g)
{
    int64_t now = time_mono();
    if (g->e->progress && !g->e->progress(g->e->progress_arg, g->up_to, g->top))
        return AM_E_TIMEOUT;
    if (g->e->progress || now - g->told < EDS_AGAIN_LOG * TIME_SECOND)
        return AM_OK;
    LOG_I("eds.rows", log_s("made_anew", "of an older program's store"),
          log_i("done", g->up_to), log_i("of", g->top));
    g->told = now;
    return AM_OK;
}

static int again_run(struct eds_again *g)
{
    int err = g->up_to < 0 ? db_write(g->e->db, again_begin, NULL) : AM_OK;
    g->up_to = AM_MAX(g->up_to, 0);
    g->begin = time_mono();
    g->told = g->begin - (EDS_AGAIN_LOG - 2) * TIME_SECOND; /* first after two */
    while (!err && !g->end) {
        g->seen = 0;
        g->bytes = g->row.n = 0;
        g->end = true;
        arena_release(&g->a);
        err = eds_view(g->e, again_page, g);
        if (!err)
            err = db_write(g->e->db, again_write, g);
        if (!err && !g->end)
            err = again_tell(g);
    }
    if (!err && g->top)
        LOG_I("eds.rows", log_s("made_anew", "all"), log_i("of", g->top),
              log_i("seconds", (time_mono() - g->begin) / TIME_SECOND));
    return err;
}

/* ---- opening ---- */
static int again_table(void *arg, const char *table, const struct db_column *col,
                       size_t n)
{
    (void)col, (void)n;
    *(bool *)arg = *(bool *)arg || !strcmp(table, "row_format");
    return AM_OK;
}

static int again_there(struct db_conn *c, void *there)
{
    return db_tables(c, again_table, there);
}

int eds_again(struct eds *e)
{
    struct eds_again g = {.e = e};
    int err = e->mode == EDS_WRITE ? AM_OK : db_read(e->db, again_there, &e->formatted);
    if (e->mode == EDS_WRITE)
        e->formatted = true;
    if (err || !e->formatted || e->mode == EDS_KEYS)
        return err;
    err = eds_view(e, again_read, &g);
    if (!err && g.format > EDS_ROW_FORMAT) {
        LOG_E("eds.rows", log_i("format", g.format), log_i("known", EDS_ROW_FORMAT),
              log_s("wrong", "written by a newer program"));
        return AM_E_UNSUPPORTED;
    }
    if (err || e->mode != EDS_WRITE || !e->rows || g.format == EDS_ROW_FORMAT)
        return err;
    arena_init(&g.a, SIZE_MAX);
    buf_init(&g.kept, EDS_BODY_MAX);
    buf_init(&g.text, 2 * EDS_BODY_MAX);
    buf_init(&g.terms, EDS_BODY_MAX);
    err = again_run(&g);
    arena_release(&g.a);
    buf_release(&g.kept);
    buf_release(&g.text);
    buf_release(&g.terms);
    vec_release(&g.row);
    e->progress = NULL; /* lent for the opening alone */
    return err;
}

int eds_rows_older(struct eds_view *v, bool *older)
{
    struct eds_again g = {.format = 0};
    int err = AM_OK;
    *older = false;
    if (v->writer || v->e->mode == EDS_WRITE || !v->e->rows)
        return AM_OK;
    if (v->e->formatted)
        err = again_read(v, &g);
    *older = g.format != EDS_ROW_FORMAT;
    return err;
}
