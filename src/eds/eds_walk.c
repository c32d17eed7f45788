/* SPDX-License-Identifier: Apache-2.0 */
/* Every version there is, oldest first: res and hist merged by rid, a page at a time,
 * which ends by number and by bytes, so that memory stays small however long the store
 * and however large its bodies are. */
#include "eds/eds_priv.h"

enum { EDS_WALK_PAGE = 200, EDS_WALK_BYTES = 256 << 20 };

struct eds_walk_list {
    const char *sql;
    struct arena a; /* of the page */
    struct eds_version at[EDS_WALK_PAGE];
    size_t n, i;
    int64_t after, kind; /* kind 0: all */
    bool current, end;
};

static int eds_walk_copy(struct arena *a, struct str from, struct str *to)
{
    char *p = arena_dup(a, from);
    *to = (struct str){p, from.n};
    return p ? AM_OK : AM_E_NOMEM;
}

static int eds_walk_row(const struct eds_view *v, struct eds_walk_list *l,
                        struct db_stmt *s)
{
    struct eds_version *x = &l->at[l->n];
    struct str id;
    int err = eds_meta_read(v, s, &x->m);
    l->after = db_int(s, 0);
    x->damaged = err == AM_E_TAMPERED;
    if (x->damaged) /* told by whoever walks, with what could be read */
        err = AM_OK;
    x->m.current = l->current;
    x->m.gone = db_int(s, 6) != 0;
    id = db_blob(s, 2);
    x->id_n = AM_MIN(id.n, sizeof x->id);
    memcpy(x->id, id.p, x->id_n);
    if (!err)
        err = eds_walk_copy(&l->a, db_blob(s, 5), &x->body);
    x->terms = STR_NULL;
    if (!err && l->current)
        err = eds_walk_copy(&l->a, db_blob(s, 7), &x->terms);
    l->n += !err;
    return err;
}

static int eds_walk_fill(struct eds_view *v, struct eds_walk_list *l)
{
    struct db_stmt *s;
    bool row = false;
    size_t bytes = 0;
    int err = db_prepare(v->c, l->sql, &s);
    if (err)
        return err;
    arena_release(&l->a);
    l->n = l->i = 0;
    db_bind_int(s, 1, l->after);
    db_bind_int(s, 2, EDS_WALK_PAGE);
    if (l->kind)
        db_bind_int(s, 3, l->kind);
    for (err = db_step(s, &row); !err && row && bytes < v->e->walk_b;
         err = err ? err : db_step(s, &row)) {
        err = eds_walk_row(v, l, s);
        if (!err)
            bytes += l->at[l->n - 1].body.n + l->at[l->n - 1].terms.n;
    }
    l->end = !row && l->n < EDS_WALK_PAGE; /* a row that is left begins the next page */
    return err;
}

static int eds_walk_next(struct eds_view *v, struct eds_walk_list l[2],
                         const struct eds_version **out)
{
    struct eds_walk_list *best = NULL;
    *out = NULL;
    for (int k = 0; k < 2; k++) {
        if (l[k].i == l[k].n && !l[k].end) {
            int err = eds_walk_fill(v, &l[k]);
            if (err)
                return err;
        }
        if (l[k].i < l[k].n && (!best || l[k].at[l[k].i].m.rid < best->at[best->i].m.rid))
            best = &l[k];
    }
    if (best)
        *out = &best->at[best->i++];
    return AM_OK;
}

int eds_walk(struct eds_view *v, int64_t after, eds_walk_fn *fn, void *arg)
{
    static const char *const sql[2] = {
        "select rid, type, id, ver, at, body, 0, terms from res where rid > $1"
        " order by rid limit $2",
        "select rid, type, id, ver, at, body, gone from hist where rid > $1"
        " order by rid limit $2"};
    struct eds_walk_list *l = am_calloc(2, sizeof *l);
    const struct eds_version *x;
    int err;
    if (!l)
        return AM_E_NOMEM;
    for (int k = 0; k < 2; k++) {
        l[k].sql = sql[k];
        l[k].after = after;
        l[k].current = k == 0;
        arena_init(&l[k].a, EDS_WALK_BYTES);
    }
    do {
        err = eds_walk_next(v, l, &x);
        if (!err && x)
            err = fn(arg, x);
    } while (!err && x);
    for (int k = 0; k < 2; k++)
        arena_release(&l[k].a);
    free(l);
    return err > 0 ? AM_OK : err;
}

int eds_walk_current(struct eds_view *v, int64_t after, eds_walk_fn *fn, void *arg)
{
    struct eds_walk_list *l = am_calloc(1, sizeof *l);
    int err = AM_OK;
    if (!l)
        return AM_E_NOMEM;
    l->sql = "select rid, type, id, ver, at, body, 0, terms from res where rid > $1"
             " order by rid limit $2";
    l->after = after;
    l->current = true;
    arena_init(&l->a, EDS_WALK_BYTES);
    while (!err && !l->end) {
        err = eds_walk_fill(v, l);
        for (; !err && l->i < l->n; l->i++)
            err = fn(arg, &l->at[l->i]);
    }
    arena_release(&l->a);
    free(l);
    return err > 0 ? AM_OK : err;
}

/* ---- what is current, as it is read ---- */
struct eds_each {
    struct eds_view *v;
    eds_version_fn *fn;
    void *arg;
    struct buf kept, text;
};

static int eds_each_version(struct eds_each *x, const struct eds_version *at)
{
    int err;
    buf_clear(&x->kept);
    buf_clear(&x->text);
    if (at->damaged)
        return AM_E_TAMPERED;
    err = eds_unseal(x->v->e, at->m.type, at->m.id, at->body, &x->kept);
    if (!err)
        err = eds_body_join(&x->text, buf_str(&x->kept), &at->m);
    return err ? err : x->fn(x->arg, &at->m, buf_str(&x->text));
}

static int eds_each_list(struct eds_each *x, struct eds_walk_list *l)
{
    int err = AM_OK;
    while (!err && !l->end) {
        err = eds_walk_fill(x->v, l);
        for (; !err && l->i < l->n; l->i++)
            err = eds_each_version(x, &l->at[l->i]);
    }
    return err > 0 ? AM_OK : err;
}

int eds_each(struct eds_view *v, struct str type, int64_t after, eds_version_fn *fn,
             void *arg)
{
    struct eds_each x = {.v = v, .fn = fn, .arg = arg};
    struct eds_walk_list *l;
    int64_t kind = 0;
    int err = type.n ? eds_kind(v->e, type, &kind) : AM_OK;
    if (err)
        return err == AM_E_NOTFOUND ? AM_OK : err; /* there are none */
    l = am_calloc(1, sizeof *l);
    if (!l)
        return AM_E_NOMEM;
    l->sql = kind ? "select rid, type, id, ver, at, body, 0, terms from res where"
                    " type = $3 and rid > $1 order by rid limit $2"
                  : "select rid, type, id, ver, at, body, 0, terms from res where"
                    " rid > $1 order by rid limit $2";
    l->after = after;
    l->kind = kind;
    l->current = true;
    arena_init(&l->a, EDS_WALK_BYTES);
    buf_init(&x.kept, EDS_BODY_MAX);
    buf_init(&x.text, 2 * EDS_BODY_MAX);
    err = eds_each_list(&x, l);
    buf_release(&x.kept);
    buf_release(&x.text);
    arena_release(&l->a);
    free(l);
    return err;
}
