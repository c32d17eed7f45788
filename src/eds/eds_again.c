/* SPDX-License-Identifier: Apache-2.0 */
/* The index rows of a store that an older program made, made anew by the one that opens
 * it to write, before anything is searched or written.
 *
 * Table row_format holds one row: n, the format of the rows in `terms`; up_to, how far a
 * remaking came (-1: none is under way); target, the format it makes; seg, the greatest
 * number a segment had when it began.
 *
 *   A1  first, in one transaction, all segments are made invalid, so that no row of the
 *       older format is found once a newer one may be;
 *   A2  then `terms`, EDS_AGAIN resources a transaction, which says how far it came: one
 *       that was cut short goes on from there. One that makes another format (an older
 *       program, come back, or a newer one) begins anew: what it finds is a mixture;
 *   A3  the tail, which is the whole store now, is merged, and then the format is told.
 *       Who reads beside the writer asks it in each view, and its searches are refused
 *       until it is this program's and no remaking is under way;
 *   A4  each of these transactions finds the table as the one before left it, or fails: a
 *       server that lacks the last of them (a failover) lacks its rows too.
 *
 * What cannot be read keeps the rows it has: eds_check() names it, before and after. */
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
    int64_t format, up_to, target; /* as the table says */
    int64_t at, top;               /* what was read ends there; the store ends there */
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
    g->at = x->m.rid;
    return again_one(g, x);
}

/* ---- the table ---- */
static int again_read(struct eds_view *v, void *arg)
{
    struct eds_again *g = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(v->c, "select n, up_to, target from row_format", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && !row)
        err = AM_E_TAMPERED;
    if (err)
        return err;
    g->format = db_int(s, 0);
    g->up_to = db_int(s, 1);
    g->target = db_int(s, 2);
    return eds_top(v, &g->top);
}

/* Never another's: the table says what it said to this one (A4). */
static int again_said(struct db_conn *c, int err)
{
    return err ? err : db_changes(c) == 1 ? AM_OK : AM_E_CONFLICT;
}

static int again_begin(struct db_conn *c, void *arg)
{
    const struct eds_again *g = arg;
    int err =
        db_exec(c,
                "update row_format set up_to = 0, target = $1, seg = (select max(n) from"
                " (select n from seg union all select seg from row_format) x)"
                " where n = $2 and up_to = $3 and target = $4",
                "iiii", (int64_t)EDS_ROW_FORMAT, g->format, g->up_to, g->target);
    err = again_said(c, err);
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
    if (!err)
        err = db_exec(c,
                      "update row_format set up_to = $1 where n = $2 and up_to = $3 and"
                      " target = $4",
                      "iiii", g->at, g->format, g->up_to, g->target);
    return again_said(c, err);
}

static int again_told(struct db_conn *c, void *arg)
{
    const struct eds *e = arg;
    int err = db_exec(c,
                      "update row_format set n = $1, up_to = -1 where n = $2 and"
                      " up_to = $3 and target = $1",
                      "iii", (int64_t)EDS_ROW_FORMAT, e->again.format, e->again.up_to);
    return again_said(c, err);
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
    int err = AM_OK;
    if (g->up_to < 0 || g->target != EDS_ROW_FORMAT) {
        err = db_write(g->e->db, again_begin, g);
        g->up_to = 0;
        g->target = EDS_ROW_FORMAT;
    }
    g->begin = time_mono();
    g->told = g->begin - (EDS_AGAIN_LOG - 2) * TIME_SECOND; /* first after two */
    while (!err && !g->end) {
        g->seen = 0;
        g->at = g->up_to;
        g->bytes = g->row.n = 0;
        g->end = true;
        arena_release(&g->a);
        err = eds_view(g->e, again_page, g);
        if (!err)
            err = db_write(g->e->db, again_write, g);
        if (!err)
            g->up_to = g->at;
        if (!err && !g->end)
            err = again_tell(g);
    }
    if (!err && g->top)
        LOG_I("eds.rows", log_s("made_anew", "all"), log_i("of", g->top),
              log_i("seconds", (time_mono() - g->begin) / TIME_SECOND));
    g->e->again.done = !err;
    g->e->again.format = g->format;
    g->e->again.up_to = g->up_to;
    return err;
}

/* ---- opening ---- */
static int again_table(void *arg, const char *table, const struct db_column *col,
                       size_t n)
{
    struct eds *e = arg;
    (void)col, (void)n;
    if (!strcmp(table, "row_format"))
        atomic_store(&e->formatted, true);
    return AM_OK;
}

static int again_there(struct db_conn *c, void *e)
{
    return db_tables(c, again_table, e);
}

int eds_formats_there(struct eds *e)
{
    return atomic_load(&e->formatted) ? AM_OK : db_read(e->db, again_there, e);
}

/* This program's, and no remaking under way, whoever began it. */
static bool again_none(const struct eds_again *g)
{
    return g->format == EDS_ROW_FORMAT && g->up_to < 0;
}

int eds_again(struct eds *e)
{
    struct eds_again g = {.e = e};
    int err = eds_formats_there(e);
    if (err || !atomic_load(&e->formatted) || e->mode == EDS_KEYS)
        return err;
    err = eds_view(e, again_read, &g);
    if (!err && g.format > EDS_ROW_FORMAT) {
        LOG_E("eds.rows", log_i("format", g.format), log_i("known", EDS_ROW_FORMAT),
              log_s("wrong", "written by a newer program"));
        return AM_E_UNSUPPORTED;
    }
    if (err || e->mode != EDS_WRITE || !e->rows || again_none(&g))
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

int eds_again_end(struct eds *e)
{
    int err = e->again.done ? db_write(e->db, again_told, e) : AM_OK;
    e->again.done = false;
    return err;
}

int eds_rows_older(struct eds_view *v, bool *older)
{
    struct eds_again g = {.up_to = -1};
    int err = AM_OK;
    *older = false;
    if (v->writer || v->e->mode == EDS_WRITE || !v->e->rows)
        return AM_OK;
    if (atomic_load(&v->e->formatted))
        err = again_read(v, &g);
    *older = !again_none(&g);
    return err;
}
