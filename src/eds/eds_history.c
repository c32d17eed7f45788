/* SPDX-License-Identifier: Apache-2.0 */
/* Histories, newest first or onward: the current versions (res) and those of the past
 * (hist), two lists falling (or rising) by rid, merged a page at a time. */
#include "eds/eds_priv.h"

enum { EDS_PAGE = 64 };

struct eds_entry {
    struct eds_meta m;
    struct buf body;
};
struct eds_source {
    const char *sql;
    bool current, keyed; /* keyed: $2 is the id */
    int64_t bound;       /* of the next page, excluded */
    struct eds_entry at[EDS_PAGE];
    size_t n, i;
    bool end;
};
struct eds_merge {
    struct eds_view *v;
    const struct eds_past *p;
    int64_t kind;
    struct eds_id id;
    struct eds_source from[2];
};

/* $1 the bound, $2 how many, $3 kind, $4 id: as many as each scope needs. The last two
 * are onward. */
static const char *const eds_past_sql[5][2] = {
    {"select rid, type, id, ver, at, body, 0 from res where rid < $1"
     " order by rid desc limit $2",
     "select rid, type, id, ver, at, body, gone from hist where rid < $1"
     " order by rid desc limit $2"},
    {"select rid, type, id, ver, at, body, 0 from res where type = $3 and rid < $1"
     " order by rid desc limit $2",
     "select rid, type, id, ver, at, body, gone from hist where type = $3 and rid < $1"
     " order by rid desc limit $2"},
    {"select rid, type, id, ver, at, body, 0 from res where type = $3 and id = $4"
     " and rid < $1 order by rid desc limit $2",
     "select rid, type, id, ver, at, body, gone from hist where type = $3 and id = $4"
     " and rid < $1 order by ver desc limit $2"},
    {"select rid, type, id, ver, at, body, 0 from res where rid > $1"
     " order by rid limit $2",
     "select rid, type, id, ver, at, body, gone from hist where rid > $1"
     " order by rid limit $2"},
    {"select rid, type, id, ver, at, body, 0 from res where type = $3 and rid > $1"
     " order by rid limit $2",
     "select rid, type, id, ver, at, body, gone from hist where type = $3 and rid > $1"
     " order by rid limit $2"},
};

static int eds_scope(const struct eds_past *p)
{
    return p->onward ? 3 + (p->type.n > 0) : p->id.n ? 2 : p->type.n ? 1 : 0;
}

static int eds_take(struct eds_merge *m, struct eds_source *f, struct db_stmt *s)
{
    struct eds_entry *x = &f->at[f->n];
    int err = eds_meta_read(m->v, s, &x->m);
    x->m.current = f->current;
    x->m.gone = db_int(s, 6) != 0;
    buf_clear(&x->body);
    if (!err && m->p->bodies)
        err = buf_add(&x->body, db_blob(s, 5));
    f->n += !err;
    f->bound = x->m.rid;
    return err;
}

static int eds_fill(struct eds_merge *m, struct eds_source *f)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(m->v->c, f->sql, &s);
    if (err)
        return err;
    f->n = f->i = 0;
    db_bind_int(s, 1, f->bound);
    db_bind_int(s, 2, EDS_PAGE);
    if (m->p->type.n)
        db_bind_int(s, 3, m->kind);
    if (m->p->id.n)
        db_bind_blob(s, 4, m->id.p, m->id.n);
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        if (db_int(s, 4) < m->p->since_at)
            break; /* what is older by rid is older by the clock */
        err = eds_take(m, f, s);
    }
    f->end = f->n < EDS_PAGE;
    return err;
}

/* Whose turn it is of the two heads; NULL: both are at their end. */
static int eds_next(struct eds_merge *m, struct eds_entry **out)
{
    struct eds_source *best = NULL;
    for (size_t k = 0; k < AM_LEN(m->from); k++) {
        struct eds_source *f = &m->from[k];
        if (f->i == f->n && !f->end) {
            int err = eds_fill(m, f);
            if (err)
                return err;
        }
        if (f->i < f->n &&
            (!best || (f->at[f->i].m.rid > best->at[best->i].m.rid) != m->p->onward))
            best = f;
    }
    *out = best ? &best->at[best->i++] : NULL;
    return AM_OK;
}

static int eds_tell(struct eds_merge *m, struct eds_entry *x, struct buf *kept,
                    struct buf *text, eds_version_fn *fn, void *arg)
{
    int err = AM_OK;
    buf_clear(kept);
    buf_clear(text);
    if (m->p->bodies && !x->m.gone) {
        err = eds_unseal(m->v->e, x->m.type, x->m.id, buf_str(&x->body), kept);
        if (!err)
            err = eds_body_join(text, buf_str(kept), &x->m);
    }
    return err ? err : fn(arg, &x->m, buf_str(text));
}

static int eds_merge_run(struct eds_merge *m, eds_version_fn *fn, void *arg)
{
    struct eds_entry *x;
    struct buf kept, text;
    int err;
    buf_init(&kept, EDS_BODY_MAX);
    buf_init(&text, 2 * EDS_BODY_MAX);
    do {
        err = eds_next(m, &x);
        if (!err && x)
            err = eds_tell(m, x, &kept, &text, fn, arg);
    } while (!err && x);
    buf_release(&kept);
    buf_release(&text);
    return err > 0 ? AM_OK : err;
}

int eds_history(struct eds_view *v, const struct eds_past *p, eds_version_fn *fn,
                void *arg)
{
    struct eds_merge *m;
    int scope = eds_scope(p), err = AM_OK;
    int64_t kind = 0;
    am_assert(!p->id.n || p->type.n);
    am_assert(!p->onward || (!p->id.n && !p->below && !p->since_at));
    if (p->type.n)
        err = eds_kind(v->e, p->type, &kind);
    if (!err && p->id.n && !eds_id_ok(p->id))
        err = AM_E_NOTFOUND;
    if (err)
        return err == AM_E_NOTFOUND ? AM_OK : err; /* nothing ever was */
    m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    *m = (struct eds_merge){.v = v, .p = p, .kind = kind};
    if (p->id.n)
        eds_id_pack(p->id, &m->id);
    for (size_t k = 0; k < AM_LEN(m->from); k++) {
        m->from[k].sql = eds_past_sql[scope][k];
        m->from[k].bound = p->onward ? p->after : p->below ? p->below : INT64_MAX;
        m->from[k].current = k == 0;
        for (size_t i = 0; i < EDS_PAGE; i++)
            buf_init(&m->from[k].at[i].body, 2 * EDS_BODY_MAX);
    }
    err = eds_merge_run(m, fn, arg);
    for (size_t k = 0; k < AM_LEN(m->from); k++)
        for (size_t i = 0; i < EDS_PAGE; i++)
            buf_release(&m->from[k].at[i].body);
    free(m);
    return err;
}
