/* SPDX-License-Identifier: Apache-2.0 */
/* Older bodies under the newest key and dictionary, a few at a time while all else goes
 * on: sealed here, exchanged in the writer. A rid names one version for ever, wherever
 * its row has moved meanwhile, and its body never changes: the exchange cannot be
 * stale. */
#include "base/log.h"
#include "eds/eds_priv.h"

struct eds_resealed {
    int64_t rid;
    struct str body;
};
struct eds_resealing {
    struct eds *e;
    struct eds_view *v;
    int64_t after;
    size_t max, seen, bytes;
    bool more; /* the group ended before the versions did */
    struct arena a;
    VEC(struct eds_resealed) done;
    struct buf kept, sealed;
};

static bool eds_newest(const struct eds *e, struct str body)
{
    unsigned key = atomic_load(&e->n_keys), dict = eds_dict_now(e);
    return body.n >= EDS_HEAD && (uint8_t)body.p[1] == (uint8_t)dict &&
           (uint8_t)body.p[2] == (uint8_t)key &&
           (uint8_t)body.p[3] == (uint8_t)(key >> 8);
}

static int eds_reseal_one(struct eds_resealing *r, const struct eds_version *x)
{
    struct eds_resealed done = {.rid = x->m.rid};
    char *p;
    int err;
    buf_clear(&r->kept);
    buf_clear(&r->sealed);
    err = eds_unseal(r->e, x->m.type, x->m.id, x->body, &r->kept);
    if (!err)
        err = eds_seal(r->e, str_c(x->m.type), str_c(x->m.id), buf_str(&r->kept),
                       &r->sealed);
    if (err == AM_E_TAMPERED || err == AM_E_UNAVAILABLE) { /* fsck tells it, as before */
        LOG_E("eds.reseal", log_s("wrong", "a body"), log_i("rid", x->m.rid));
        return AM_OK;
    }
    if (err)
        return err;
    r->bytes += r->sealed.n;
    p = arena_dup(&r->a, buf_str(&r->sealed));
    if (!p)
        return AM_E_NOMEM;
    done.body = (struct str){p, r->sealed.n};
    return vec_push(&r->done, done);
}

static int eds_reseal_version(void *arg, const struct eds_version *x)
{
    struct eds_resealing *r = arg;
    int err = AM_OK;
    r->more = r->seen++ == r->max || r->bytes >= r->e->walk_b;
    if (r->more)
        return 1;
    r->after = x->m.rid;
    if (!x->m.gone && !eds_newest(r->e, x->body))
        err = eds_reseal_one(r, x);
    return err;
}

static int eds_reseal_read(struct eds_view *v, void *arg)
{
    struct eds_resealing *r = arg;
    return eds_walk(v, r->after, eds_reseal_version, r);
}

static int eds_reseal_write(struct db_conn *c, void *arg)
{
    const struct eds_resealing *r = arg;
    int err = AM_OK;
    for (size_t i = 0; i < r->done.n && !err; i++) {
        if (r->e->apart) {
            err = db_exec_later(c, "update body set body = $1 where rid = $2", "bi",
                                r->done.v[i].body, r->done.v[i].rid);
            continue;
        }
        err = db_exec_later(c, "update res set body = $1 where rid = $2", "bi",
                            r->done.v[i].body, r->done.v[i].rid);
        if (!err)
            err = db_exec_later(c, "update hist set body = $1 where rid = $2", "bi",
                                r->done.v[i].body, r->done.v[i].rid);
    }
    return err;
}

int eds_reseal(struct eds *e, int64_t *rid, size_t n)
{
    struct eds_resealing r = {.e = e, .after = *rid, .max = n};
    int err;
    arena_init(&r.a, 512 << 20);
    buf_init(&r.kept, EDS_BODY_MAX);
    buf_init(&r.sealed, 2 * EDS_BODY_MAX);
    err = eds_view(e, eds_reseal_read, &r);
    if (!err && r.done.n)
        err = db_write(e->db, eds_reseal_write, &r);
    if (!err)
        *rid = r.more ? r.after : 0;
    arena_release(&r.a);
    buf_release(&r.kept);
    buf_release(&r.sealed);
    vec_release(&r.done);
    return err;
}
