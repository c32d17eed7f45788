/* SPDX-License-Identifier: Apache-2.0 */
/* Preparing a group, in its owner's thread: everything that does not need to know what is
 * current. */
#include "base/log.h"
#include "eds/eds_index_priv.h"

enum { EDS_GROUP_BYTES = 512 << 20 };

int eds_group_new(struct eds_group **out, struct eds *e)
{
    struct eds_group *g = am_calloc(1, sizeof *g);
    if (!g)
        return AM_E_NOMEM;
    g->e = e;
    g->bad = SIZE_MAX;
    arena_init(&g->arena, EDS_GROUP_BYTES);
    buf_init(&g->work, 2 * EDS_BODY_MAX);
    buf_init(&g->work2, 2 * EDS_BODY_MAX);
    *out = g;
    return AM_OK;
}

void eds_group_free(struct eds_group *g)
{
    if (!g)
        return;
    arena_release(&g->arena);
    vec_release(&g->op);
    buf_release(&g->work);
    buf_release(&g->work2);
    free(g);
}

static int eds_keep(struct eds_group *g, struct str s, struct str *out)
{
    char *p = arena_dup(&g->arena, s);
    if (!p)
        return AM_E_NOMEM;
    *out = (struct str){p, s.n};
    return AM_OK;
}

/* ---- index rows ---- */
static int eds_rows_add(struct eds_group *g, const struct json *v, struct eds_op *op)
{
    struct eds *e = g->e;
    struct fhir_rows rows = {0};
    struct arena a;
    int err;
    arena_init(&a, EDS_BODY_MAX);
    err = e->rows(e->rows_arg, &e->row_key, v, &a, &rows);
    buf_clear(&g->work);
    if (!err)
        err = eds_terms_pack(&g->work, &rows);
    if (!err)
        err = eds_keep(g, buf_str(&g->work), &op->terms);
    free(rows.v);
    arena_release(&a);
    return err;
}

/* kept: in g->work, which is not needed any more afterwards. */
static int eds_index_add(struct eds_group *g, struct str type, struct eds_op *op)
{
    struct json_doc *doc = NULL;
    int err;
    if (!g->e->rows) {
        op->terms = (struct str){"\0\0\0\0", 4};
        return AM_OK;
    }
    buf_clear(&g->work2);
    err = eds_body_index(&g->work2, buf_str(&g->work), type, op->done.id);
    if (!err)
        err = eds_parse(&doc, buf_str(&g->work2));
    if (!err)
        err = eds_rows_add(g, json_root(doc), op);
    json_free(doc);
    return err;
}

/* ---- the body ---- */
static int eds_body_add(struct eds_group *g, const struct eds_ask *ask, struct eds_op *op,
                        struct diag *d)
{
    int err;
    buf_clear(&g->work);
    buf_clear(&g->work2);
    err = eds_body_split(&g->work, ask->body, ask->type, d);
    if (err)
        return err;
    eds_body_digest(g->e, buf_str(&g->work), op->digest);
    eds_sample_add(g->e, buf_str(&g->work));
    err = eds_seal(g->e, ask->type, op->done.id, buf_str(&g->work), &g->work2);
    if (!err)
        err = eds_keep(g, buf_str(&g->work2), &op->body);
    return err ? err : eds_index_add(g, ask->type, op);
}

static int eds_id_add(struct eds_group *g, const struct eds_ask *ask, struct eds_op *op,
                      struct diag *d)
{
    char made[37];
    int err = AM_OK;
    bool given = ask->id.n > 0;
    op->fresh = !given || ask->fresh;
    if (!given && ask->verb != EDS_CREATE)
        err = AM_E_INVALID;
    if (given && !eds_id_ok(ask->id))
        err = AM_E_INVALID;
    if (err) {
        diag_err(d, "/id", "eds.id", "an id is 1 to 64 of A-Z a-z 0-9 - .");
        return err;
    }
    if (!given)
        err = eds_new_id(made);
    if (!err)
        err = eds_keep(g, given ? ask->id : str_c(made), &op->done.id);
    if (!err)
        eds_id_pack(op->done.id, &op->key);
    return err;
}

int eds_put(struct eds_group *g, const struct eds_ask *ask, struct diag *d)
{
    struct eds_op op = {.verb = ask->verb,
                        .if_match = ask->if_match,
                        .if_none = ask->if_none,
                        .judged = ask->judged,
                        .keep = ask->keep,
                        .conditional = ask->conditional,
                        .settled = ask->settled,
                        .term = ask->term,
                        .n_terms = ask->n_terms,
                        .match = ask->match,
                        .match_arg = ask->match_arg};
    int err = eds_kind_make(g->e, ask->type, &op.kind);
    am_assert(!g->written);
    am_assert(!ask->conditional || ask->match || ask->n_terms);
    am_assert(ask->verb == EDS_DELETE || ask->body);
    if (g->op.n >= EDS_GROUP_MAX)
        return AM_E_TOOBIG;
    if (err == AM_E_INVALID)
        diag_err(d, "/resourceType", "eds.type", "not the name of a type");
    if (!err) {
        op.type = eds_kind_name(g->e, op.kind);
        err = eds_id_add(g, ask, &op, d);
    }
    if (!err && ask->verb != EDS_DELETE)
        err = eds_body_add(g, ask, &op, d);
    return err ? err : vec_push(&g->op, op);
}

size_t eds_group_bad(const struct eds_group *g)
{
    return g->bad;
}

size_t eds_group_n(const struct eds_group *g)
{
    return g->op.n;
}

const struct eds_done *eds_done(const struct eds_group *g, size_t i)
{
    am_assert(i < g->op.n);
    return &g->op.v[i].done;
}

/* ---- ready to be written ---- */
static int eds_op_cmp(const void *a, const void *b)
{
    const struct eds_op *x = *(struct eds_op *const *)a, *y = *(struct eds_op *const *)b;
    if (x->kind != y->kind)
        return x->kind > y->kind ? 1 : -1;
    return str_cmp((struct str){x->key.p, x->key.n}, (struct str){y->key.p, y->key.n});
}

/* Two asks about one resource: which of them is to hold? */
static int eds_twice(struct eds_group *g)
{
    struct eds_op **by = am_calloc(g->op.n + 1, sizeof *by);
    int err = AM_OK;
    if (!by)
        return AM_E_NOMEM;
    for (size_t i = 0; i < g->op.n; i++)
        by[i] = &g->op.v[i];
    qsort(by, g->op.n, sizeof(struct eds_op *), eds_op_cmp);
    for (size_t i = 1; i < g->op.n && !err; i++)
        if (eds_op_cmp(&by[i - 1], &by[i]) == 0) {
            err = AM_E_INVALID;
            g->bad = (size_t)(AM_MAX(by[i - 1], by[i]) - g->op.v);
        }
    free(by);
    return err;
}

static int eds_follow(struct eds_view *v, void *arg)
{
    struct eds_ix *x;
    (void)arg;
    return eds_ix_get(v, &x);
}

/* Conditions are decided in the writer: the rows they look at are read before, here. */
static int eds_group_ahead(struct eds_group *g)
{
    bool any = false;
    for (size_t i = 0; i < g->op.n; i++)
        any = any || g->op.v[i].conditional;
    return any ? eds_view(g->e, eds_follow, NULL) : AM_OK;
}

int eds_write(struct eds_group *g)
{
    int err = eds_twice(g);
    am_assert(!g->written);
    am_assert(g->e->mode == EDS_WRITE);
    g->written = true;
    if (err || !g->op.n)
        return err;
    err = eds_group_ahead(g);
    if (!err)
        err = db_write(g->e->db, eds_group_run, g);
    if (err)
        return err;
    if (g->last)
        eds_told(g->e, g->last, g->head);
    eds_merger_wrote(g->e, g->last);
    eds_learn(g->e);
    return AM_OK;
}
