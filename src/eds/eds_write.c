/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a group, in the writer thread: decide what each ask means on what is current,
 * take away what is replaced, insert what is new, and one link of the chain. */
#include "base/clock.h"
#include "eds/eds_index_priv.h"
#include "eds/eds_scar_priv.h"

enum { EDS_MATCH_CHUNK = 64 };

/* ---- conditions ---- */
/* Which term is the rarest: its resources are asked for the others. */
static int eds_rarest(struct eds_view *v, const struct eds_op *op, size_t *best)
{
    int64_t least = INT64_MAX, n = 0;
    int err = AM_OK;
    *best = 0;
    for (size_t i = 0; i < op->n_terms && !err && op->n_terms > 1 && least > 0; i++) {
        err = eds_tok_count(v, op->term[i], &n);
        if (!err && n < least) {
            least = n;
            *best = i;
        }
    }
    return err;
}

static int eds_has_all(struct eds_view *v, const struct eds_op *op, size_t but,
                       int64_t rid, bool *all)
{
    int err = AM_OK;
    *all = true;
    for (size_t i = 0; i < op->n_terms && *all && !err; i++)
        if (i != but)
            err = eds_tok_has(v, op->term[i], rid, all);
    return err;
}

static int eds_match_terms(struct eds_view *v, const struct eds_op *op, int64_t found[2],
                           size_t *n)
{
    int64_t rid[EDS_MATCH_CHUNK], below = INT64_MAX;
    size_t best, got = EDS_MATCH_CHUNK;
    int err = eds_rarest(v, op, &best);
    *n = 0;
    while (!err && *n < 2 && got == EDS_MATCH_CHUNK) {
        err = eds_tok(v, op->term[best], below, EDS_MATCH_CHUNK, rid, &got);
        for (size_t i = 0; i < got && *n < 2 && !err; i++) {
            bool all;
            err = eds_has_all(v, op, best, rid[i], &all);
            if (!err && all)
                found[(*n)++] = rid[i];
        }
        if (got)
            below = rid[got - 1];
    }
    return err;
}

static int eds_match(struct eds_view *v, const struct eds_op *op, int64_t found[2],
                     size_t *n)
{
    int err = op->match ? op->match(v, op->match_arg, found, n)
                        : eds_match_terms(v, op, found, n);
    return err ? err : *n > 1 ? AM_E_PRECONDITION : AM_OK;
}

/* ---- what is current ---- */
struct eds_current {
    int64_t rid, ver; /* rid 0: there is none; ver: of the newest, deletion included */
};

/* One that was erased goes on counting: a version's number names one text for ever. */
static int eds_current_erased(struct eds *e, struct db_conn *c, const struct eds_op *op,
                              struct eds_current *now)
{
    struct eds_meta m;
    int err = eds_scar_find(e, c, op->type, (struct str){op->key.p, op->key.n}, 0, &m);
    if (!err)
        now->ver = AM_MAX(now->ver, m.ver);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int eds_current(struct eds *e, struct db_conn *c, const struct eds_op *op,
                       struct eds_current *now)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select rid, ver from res where type = $1 and id = $2", &s);
    *now = (struct eds_current){0};
    if (err)
        return err;
    db_bind_int(s, 1, op->kind);
    db_bind_blob(s, 2, op->key.p, op->key.n);
    err = db_step(s, &row);
    if (!err && row) {
        *now = (struct eds_current){db_int(s, 0), db_int(s, 1)};
        return AM_OK;
    }
    if (!err)
        err = db_prepare(c,
                         "select ver from hist where type = $1 and id = $2"
                         " order by ver desc limit 1",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, op->kind);
    db_bind_blob(s, 2, op->key.p, op->key.n);
    err = db_step(s, &row);
    if (!err && row)
        now->ver = db_int(s, 0);
    return err || !e->now.scarred ? err : eds_current_erased(e, c, op, now);
}

/* ---- deciding ---- */
static int eds_existed(struct eds_view *v, struct eds_group *g, struct eds_op *op,
                       int64_t rid)
{
    struct eds_meta m;
    char *id;
    int err = op->settled ? AM_E_CONFLICT : eds_fetch(v, rid, NULL, &m);
    if (err)
        return err;
    id = arena_dup(&g->arena, str_c(m.id));
    if (!id)
        return AM_E_NOMEM;
    op->done = (struct eds_done){EDS_EXISTED, str_c(id), m.rid, m.ver, m.at};
    return AM_OK;
}

static int eds_decide_create(struct eds_view *v, struct eds_group *g, struct eds_op *op)
{
    struct eds_current now = {0};
    int64_t found[2];
    size_t n = 0;
    int err = op->conditional ? eds_match(v, op, found, &n) : AM_OK;
    if (err)
        return err;
    if (n)
        return eds_existed(v, g, op, found[0]);
    if (!op->fresh)
        err = eds_current(v->e, v->c, op, &now);
    if (!err && now.rid)
        return op->keep ? eds_existed(v, g, op, now.rid) : AM_E_EXISTS;
    op->done.did = EDS_CREATED;
    op->done.ver = now.ver + 1;
    return err;
}

/* UPDATE and DELETE: the condition must still mean what it meant to whoever prepared. */
static int eds_decide_other(struct eds_view *v, struct eds_op *op)
{
    struct eds_current now;
    int64_t found[2] = {0};
    size_t n = 0;
    int err = op->conditional ? eds_match(v, op, found, &n) : AM_OK;
    if (!err)
        err = eds_current(v->e, v->c, op, &now);
    if (err)
        return err;
    if (op->conditional && found[0] != now.rid)
        return AM_E_CONFLICT;
    if (op->if_match && (!now.rid || now.ver != op->if_match))
        return AM_E_PRECONDITION;
    if (op->if_none && now.rid)
        return AM_E_PRECONDITION;
    if (op->judged && op->judged != now.ver + 1)
        return AM_E_CONFLICT;
    op->old = now.rid;
    op->done.ver = now.ver + 1;
    if (op->verb == EDS_DELETE)
        op->done.did = now.rid ? EDS_DELETED : EDS_NOTHING;
    else
        op->done.did = now.rid ? EDS_UPDATED : EDS_CREATED;
    return AM_OK;
}

static int eds_decide(struct eds_view *v, struct eds_group *g)
{
    for (size_t i = 0; i < g->op.n; i++) {
        struct eds_op *op = &g->op.v[i];
        int err = op->verb == EDS_CREATE ? eds_decide_create(v, g, op)
                                         : eds_decide_other(v, op);
        if (err) {
            g->bad = i;
            return err;
        }
    }
    return AM_OK;
}

static bool eds_written(const struct eds_op *op)
{
    return op->done.did != EDS_EXISTED && op->done.did != EDS_NOTHING;
}

static bool eds_bodied(const struct eds_op *op)
{
    return op->done.did == EDS_CREATED || op->done.did == EDS_UPDATED;
}

/* ---- taking away ---- */
/* Its rows stay where they are until the segment is made anew: it is said to be dead. */
static int eds_retire(const struct eds *e, struct db_conn *c, const struct eds_op *op)
{
    int err = db_exec_later(
        c,
        e->apart ? "insert into hist_row (rid, type, id, ver, at, gone) select rid, type,"
                   " id, ver, at, 0 from res_row where rid = $1"
                 : "insert into hist (rid, type, id, ver, at, gone, body) select rid,"
                   " type, id, ver, at, 0, body from res where rid = $1",
        "i", op->old);
    if (!err)
        err = db_exec_later(c, "delete from res where rid = $1", "i", op->old);
    return err ? err
               : db_exec_later(c, "insert into dead (ended, rid) values ($1, $2)", "ii",
                               op->done.rid, op->old);
}

static int eds_bury(const struct eds *e, struct db_conn *c, const struct eds_op *op)
{
    if (e->apart)
        return db_exec_later(c,
                             "insert into hist_row (rid, type, id, ver, at, gone) values"
                             " ($1, $2, $3, $4, $5, 1)",
                             "iibii", op->done.rid, op->kind,
                             (struct str){op->key.p, op->key.n}, op->done.ver,
                             op->done.at);
    return db_exec_later(c,
                         "insert into hist (rid, type, id, ver, at, gone, body) values"
                         " ($1, $2, $3, $4, $5, 1, $6)",
                         "iibiib", op->done.rid, op->kind,
                         (struct str){op->key.p, op->key.n}, op->done.ver, op->done.at,
                         STR(""));
}

/* ---- inserting ---- */
struct eds_columns {
    int64_t *i[4];
    struct str *s[3];
};

static int eds_columns_new(struct eds_columns *k, struct arena *a, size_t n)
{
    bool good = true;
    for (size_t j = 0; j < AM_LEN(k->i); j++)
        good = (k->i[j] = arena_alloc(a, n + 1, sizeof *k->i[j])) && good;
    for (size_t j = 0; j < AM_LEN(k->s); j++)
        good = (k->s[j] = arena_alloc(a, n + 1, sizeof *k->s[j])) && good;
    return good ? AM_OK : AM_E_NOMEM;
}

/* Bodies first: a row without its body would be worse than a body without its row. */
static int eds_insert_apart(struct db_conn *c, struct eds *e, struct eds_columns *k,
                            size_t n)
{
    int err;
    if (n)
        eds_parts_put(e, k->i[0][n - 1]);
    err = db_insert_many(c, "body (rid, body)", "ib",
                         (union db_array[]){{.i = k->i[0]}, {.s = k->s[1]}}, n);
    if (err)
        return err;
    return db_insert_many(c, "res_row (rid, type, id, ver, at, terms)", "iibiib",
                          (union db_array[]){{.i = k->i[0]},
                                             {.i = k->i[1]},
                                             {.s = k->s[0]},
                                             {.i = k->i[2]},
                                             {.i = k->i[3]},
                                             {.s = k->s[2]}},
                          n);
}

static int eds_insert_res(struct db_conn *c, const struct eds_group *g,
                          struct eds_columns *k)
{
    size_t n = 0;
    for (size_t i = 0; i < g->op.n; i++) {
        const struct eds_op *op = &g->op.v[i];
        if (!eds_bodied(op))
            continue;
        k->i[0][n] = op->done.rid;
        k->i[1][n] = op->kind;
        k->s[0][n] = (struct str){op->key.p, op->key.n};
        k->i[2][n] = op->done.ver;
        k->i[3][n] = op->done.at;
        k->s[1][n] = op->body;
        k->s[2][n++] = op->terms;
    }
    if (g->e->apart)
        return eds_insert_apart(c, g->e, k, n);
    return db_insert_many(c, "res (rid, type, id, ver, at, body, terms)", "iibiibb",
                          (union db_array[]){{.i = k->i[0]},
                                             {.i = k->i[1]},
                                             {.s = k->s[0]},
                                             {.i = k->i[2]},
                                             {.i = k->i[3]},
                                             {.s = k->s[1]},
                                             {.s = k->s[2]}},
                          n);
}

static int eds_insert(struct db_conn *c, struct eds_group *g)
{
    struct eds_columns k;
    struct arena a;
    int err;
    arena_init(&a, SIZE_MAX);
    err = eds_columns_new(&k, &a, g->op.n);
    if (!err)
        err = eds_insert_res(c, g, &k);
    arena_release(&a);
    return err;
}

/* ---- the group ---- */
/* rid, at and the leaf of each version, in the order of the asks. */
static size_t eds_number(struct eds_group *g, struct crypto_sha256 *h, int64_t *rid,
                         int64_t at)
{
    size_t n = 0;
    for (size_t i = 0; i < g->op.n; i++) {
        struct eds_op *op = &g->op.v[i];
        if (!eds_written(op))
            continue;
        op->done.rid = ++*rid;
        op->done.at = at;
        eds_chain_add(h, &(struct eds_leaf){.rid = op->done.rid,
                                            .ver = op->done.ver,
                                            .at = at,
                                            .type = op->type,
                                            .id = {op->key.p, op->key.n},
                                            .gone = op->done.did == EDS_DELETED,
                                            .digest = op->digest});
        n++;
    }
    return n;
}

static int eds_store(struct db_conn *c, struct eds_group *g)
{
    int err = AM_OK;
    for (size_t i = 0; i < g->op.n && !err; i++) {
        const struct eds_op *op = &g->op.v[i];
        if (op->old && eds_written(op))
            err = eds_retire(g->e, c, op);
        if (!err && op->done.did == EDS_DELETED)
            err = eds_bury(g->e, c, op);
    }
    return err ? err : eds_insert(c, g);
}

/* What the view of the function before saw is good while nothing was undone. */
static int eds_decide_all(struct db_conn *c, struct eds_group *g)
{
    struct eds *e = g->e;
    struct eds_view v = {
        .e = e, .c = c, .writer = true, .epoch = eds_kept_epoch(e->kept)};
    int err;
    if (e->writer_ix && e->writer_ix->ground != e->now.ground) {
        eds_ix_free(e, e->writer_ix);
        e->writer_ix = NULL;
    }
    v.ix = e->writer_ix;
    err = eds_decide(&v, g);
    e->writer_ix = v.ix;
    return err;
}

int eds_group_run(struct db_conn *c, void *arg)
{
    struct eds_group *g = arg;
    struct eds *e = g->e;
    struct crypto_sha256 h;
    uint8_t head[CRYPTO_SHA256];
    int64_t rid, at;
    int err = eds_now(e, c);
    if (!err && atomic_load(&e->lost))
        err = AM_E_UNAVAILABLE;
    if (!err)
        err = eds_decide_all(c, g);
    if (err)
        return err;
    rid = e->now.rid;
    at = AM_MAX(time_now(), e->now.at);
    eds_chain_begin(&h, e->now.head);
    if (!eds_number(g, &h, &rid, at))
        return AM_OK;
    crypto_sha256_end(&h, head);
    err = eds_store(c, g);
    if (!err)
        err = db_exec_later(c, "insert into link (last, hash) values ($1, $2)", "ib", rid,
                            (struct str){(const char *)head, sizeof head});
    if (err)
        return err;
    e->now.rid = g->last = rid;
    e->now.at = at;
    memcpy(e->now.head, head, sizeof head);
    memcpy(g->head, head, sizeof head);
    return AM_OK;
}
