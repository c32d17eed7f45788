/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction of an erasure (eds/erase.h): each link that is touched is computed
 * once more and attested, the versions leave, the erasure gets a leaf of its own. */
#include "base/clock.h"
#include "base/log.h"
#include "eds/eds_erase_priv.h"
#include "eds/eds_index_priv.h"

bool eds_ground_ok(const char *ground)
{
    static const char *const known[] = {
#define X(code) code,
        EDS_GROUNDS(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(known) && ground; i++)
        if (!strcmp(known[i], ground))
            return true;
    return false;
}

void eds_erase_release(struct eds_erase *x)
{
    free(x->fated);
    x->fated = NULL;
    x->n_fated = 0;
    arena_release(&x->arena);
}

struct erase_one { /* a version that goes */
    struct eds_scar scar;
    bool current;
};
struct erasing {
    struct eds *e;
    struct eds_erase *x;
    struct eds_view v;
    struct eds_scars scars;
    VEC(struct erase_one) one; /* by rid */
    VEC(struct eds_attest) attest;
    struct buf kept;
    /* of the link looked at */
    int64_t from, last;
    uint8_t prev[CRYPTO_SHA256], link[CRYPTO_SHA256];
    struct crypto_sha256 chain, was, will;
    size_t i, scar; /* the next of `one`, of the scars */
    bool scarred;
};

/* ---- which versions ---- */
static int erase_rids(struct erasing *r, const char *sql, int64_t kind,
                      const struct eds_id *id, const char *type, bool current)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(r->v.c, sql, &s);
    if (err)
        return err;
    db_bind_int(s, 1, kind);
    db_bind_blob(s, 2, id->p, id->n);
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        struct erase_one o = {.scar = {.rid = db_int(s, 0), .ver = db_int(s, 1)},
                              .current = current};
        eds_tag(r->e, type, (struct str){id->p, id->n}, o.scar.tag);
        err = vec_push(&r->one, o);
    }
    return err;
}

static int erase_cmp(const void *a, const void *b)
{
    const struct erase_one *x = a, *y = b;
    return x->scar.rid < y->scar.rid ? -1 : x->scar.rid > y->scar.rid;
}

static int erase_gather(struct erasing *r)
{
    int err = AM_OK;
    for (size_t i = 0; i < r->x->n_fated && !err; i++) {
        const struct eds_fated *f = &r->x->fated[i];
        char type[EDS_NAME];
        struct eds_id id;
        int64_t kind = 0;
        if (f->fate != EDS_GOES)
            continue;
        snprintf(type, sizeof type, "%.*s", STR_FMT(f->type));
        eds_id_pack(f->id, &id);
        err = eds_kind(r->e, f->type, &kind);
        if (!err)
            err = erase_rids(r, "select rid, ver from res where type = $1 and id = $2",
                             kind, &id, type, true);
        if (!err)
            err = erase_rids(r, "select rid, ver from hist where type = $1 and id = $2",
                             kind, &id, type, false);
    }
    if (!err && !r->one.n)
        err = AM_E_NOTFOUND;
    if (!err)
        qsort(r->one.v, r->one.n, sizeof *r->one.v, erase_cmp);
    return err;
}

/* ---- one link ---- */
static int erase_link_row(struct erasing *r, const char *sql, int64_t rid, int64_t *last,
                          uint8_t hash[CRYPTO_SHA256], bool *row)
{
    struct db_stmt *s;
    int err = db_prepare(r->v.c, sql, &s);
    *row = false;
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, row);
    if (err || !*row)
        return err;
    *last = db_int(s, 0);
    if (db_blob(s, 1).n != CRYPTO_SHA256)
        return AM_E_TAMPERED;
    memcpy(hash, db_blob(s, 1).p, CRYPTO_SHA256);
    return AM_OK;
}

static int erase_link_open(struct erasing *r, int64_t rid)
{
    bool row;
    int err = erase_link_row(
        r, "select last, hash from link where last >= $1 order by last limit 1", rid,
        &r->last, r->link, &row);
    if (!err && !row)
        err = AM_E_TAMPERED;
    r->from = 0;
    memset(r->prev, 0, sizeof r->prev);
    if (!err)
        err = erase_link_row(
            r, "select last, hash from link where last < $1 order by last desc limit 1",
            r->last, &r->from, r->prev, &row);
    eds_chain_begin(&r->chain, r->prev);
    eds_attest_begin(&r->was, r->prev);
    eds_attest_begin(&r->will, r->prev);
    r->scarred = false;
    while (r->scar < r->scars.scar.n && r->scars.scar.v[r->scar].rid <= r->from)
        r->scar++;
    return err;
}

/* What earlier erasures took from this link, below a rid. */
static void erase_scars(struct erasing *r, int64_t below)
{
    while (r->scar < r->scars.scar.n && r->scars.scar.v[r->scar].rid < below) {
        const struct eds_scar *s = &r->scars.scar.v[r->scar++];
        eds_attest_scar(&r->was, s->rid, s->blind);
        eds_attest_scar(&r->will, s->rid, s->blind);
        r->scarred = true;
    }
}

static int erase_version(void *arg, const struct eds_version *x)
{
    struct erasing *r = arg;
    struct erase_one *o = r->i < r->one.n ? &r->one.v[r->i] : NULL;
    uint8_t digest[CRYPTO_SHA256] = {0};
    struct eds_leaf l = eds_leaf_of(x, digest);
    int err = x->damaged ? AM_E_TAMPERED : AM_OK;
    if (x->m.rid > r->last)
        return 1;
    buf_clear(&r->kept);
    if (!err && !x->m.gone)
        err = eds_unseal(r->e, x->m.type, x->m.id, x->body, &r->kept);
    if (err)
        return err;
    eds_body_digest(r->e, buf_str(&r->kept), digest);
    erase_scars(r, x->m.rid);
    eds_chain_add(&r->chain, &l);
    eds_attest_leaf(&r->was, &l);
    if (o && o->scar.rid == x->m.rid) {
        eds_blind(r->e, &l, o->scar.blind);
        eds_attest_scar(&r->will, x->m.rid, o->scar.blind);
        r->i++;
    } else {
        eds_attest_leaf(&r->will, &l);
    }
    return AM_OK;
}

/* E3: what is kept must be what the link, or the attest before, says. */
static int erase_link_end(struct erasing *r)
{
    const struct eds_attest *before = eds_attest_of(&r->scars, r->last);
    struct eds_attest a = {.last = r->last};
    uint8_t is[CRYPTO_SHA256];
    erase_scars(r, r->last + 1);
    if (before)
        eds_attest_end(r->e, &r->was, r->last, r->link, is);
    else
        crypto_sha256_end(&r->chain, is);
    if (before ? !crypto_equal(is, before->hash, sizeof is)
               : r->scarred || !crypto_equal(is, r->link, sizeof is)) {
        LOG_E("eds.erase", log_s("wrong", "the chain"), log_i("rid", r->last));
        return AM_E_TAMPERED;
    }
    eds_attest_end(r->e, &r->will, r->last, r->link, a.hash);
    return vec_push(&r->attest, a);
}

static int erase_links(struct erasing *r)
{
    int err = AM_OK;
    while (!err && r->i < r->one.n) {
        int64_t rid = r->one.v[r->i].scar.rid;
        err = erase_link_open(r, rid);
        if (!err)
            err = eds_walk(&r->v, r->from, erase_version, r);
        if (!err)
            err = erase_link_end(r);
        if (!err && r->i < r->one.n && r->one.v[r->i].scar.rid <= r->last)
            err = AM_E_TAMPERED; /* a version the walk did not meet */
    }
    return err;
}

/* ---- writing ---- */
/* Segments may hold its rows until they are made anew: each is said to be dead, by a
 * rid of its own (`ended` is the key). */
static int erase_take(struct erasing *r, const struct erase_one *o, int64_t *rid,
                      int64_t erasure)
{
    int err = db_exec_later(r->v.c,
                            "insert into erased (rid, erasure, ver, tag, blind) values"
                            " ($1, $2, $3, $4, $5)",
                            "iiibb", o->scar.rid, erasure, o->scar.ver,
                            (struct str){(const char *)o->scar.tag, EDS_TAG},
                            (struct str){(const char *)o->scar.blind, CRYPTO_SHA256});
    if (!err && o->current)
        err = db_exec_later(r->v.c, "insert into dead (ended, rid) values ($1, $2)", "ii",
                            ++*rid, o->scar.rid);
    return err ? err
               : db_exec_later(r->v.c,
                               o->current ? "delete from res where rid = $1"
                                          : "delete from hist where rid = $1",
                               "i", o->scar.rid);
}

static int erase_seg(struct erasing *r, int64_t *seg)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(r->v.c, "select coalesce(max(n), 0) from seg", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *seg = db_int(s, 0);
    return err;
}

/* The rows of this erasure join what was loaded, for its digest. */
static int erase_join(struct erasing *r, int64_t erasure)
{
    int err = AM_OK;
    for (size_t i = 0; i < r->one.n && !err; i++) {
        r->one.v[i].scar.erasure = erasure;
        err = vec_push(&r->scars.scar, r->one.v[i].scar);
    }
    for (size_t i = 0; i < r->attest.n && !err; i++) {
        r->attest.v[i].erasure = erasure;
        err = vec_push(&r->scars.attest, r->attest.v[i]);
    }
    return err;
}

static int erase_proof(struct erasing *r, const struct eds_proof *p, uint8_t head[])
{
    const struct eds_erasure *x = &p->is;
    uint8_t digest[CRYPTO_SHA256];
    struct crypto_sha256 h;
    int err = db_exec_later(
        r->v.c,
        "insert into erasure (rid, at, who, ground, reason, resources, versions, seg,"
        " dict, scrubbed) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
        "iisssiiii", x->rid, x->at, x->who, x->ground, x->reason, x->resources,
        x->versions, p->seg, p->dict);
    for (size_t i = 0; i < r->attest.n && !err; i++)
        err = db_exec_later(
            r->v.c, "insert into attest (last, erasure, hash) values ($1, $2, $3)", "iib",
            r->attest.v[i].last, x->rid,
            (struct str){(const char *)r->attest.v[i].hash, CRYPTO_SHA256});
    eds_proof_digest(r->e, &r->scars, p, digest);
    eds_chain_begin(&h, r->e->now.head);
    eds_chain_erasure(&h, x->rid, x->at, digest);
    crypto_sha256_end(&h, head);
    return err ? err
               : db_exec_later(r->v.c, "insert into link (last, hash) values ($1, $2)",
                               "ib", x->rid,
                               (struct str){(const char *)head, CRYPTO_SHA256});
}

static int erase_write(struct erasing *r)
{
    struct eds *e = r->e;
    struct eds_proof p = {.is = {.at = AM_MAX(time_now(), e->now.at),
                                 .who = str_c(r->x->who),
                                 .ground = str_c(r->x->ground),
                                 .reason = str_c(r->x->reason ? r->x->reason : ""),
                                 .resources = r->x->resources,
                                 .versions = (int64_t)r->one.n},
                          .dict = atomic_load(&e->n_dicts)};
    uint8_t head[CRYPTO_SHA256];
    int64_t rid = e->now.rid;
    int err = erase_seg(r, &p.seg);
    p.is.rid = e->now.rid + 1;
    for (size_t i = 0; i < r->one.n; i++)
        p.is.rid += r->one.v[i].current;
    for (size_t i = 0; i < r->one.n && !err; i++)
        err = erase_take(r, &r->one.v[i], &rid, p.is.rid);
    if (!err)
        err = erase_join(r, p.is.rid);
    if (!err)
        err = erase_proof(r, &p, head);
    if (err)
        return err;
    e->now.rid = r->x->rid = p.is.rid;
    e->now.at = r->x->at = p.is.at;
    e->now.scarred = true;
    r->x->versions = p.is.versions;
    memcpy(e->now.head, head, sizeof head);
    return AM_OK;
}

static int erase_run(struct db_conn *c, void *arg)
{
    struct erasing *r = arg;
    int err = eds_now(r->e, c);
    r->v = (struct eds_view){.e = r->e, .c = c, .writer = true};
    if (!err)
        err = eds_scars_load(&r->v, &r->scars);
    if (!err)
        err = erase_gather(r);
    if (!err)
        err = erase_links(r);
    return err ? err : erase_write(r);
}

static bool erase_asked(const struct eds_erase *x)
{
    size_t who = x->who ? strlen(x->who) : 0, reason = x->reason ? strlen(x->reason) : 0;
    return eds_ground_ok(x->ground) && who && who <= EDS_WHO_MAX &&
           reason <= EDS_REASON_MAX && str_utf8(str_c(x->who)) &&
           (!reason || str_utf8(str_c(x->reason)));
}

int eds_erase(struct eds *e, struct eds_erase *x)
{
    struct erasing r = {.e = e, .x = x};
    int err;
    arena_init(&x->arena, 1 << 30);
    if (!erase_asked(x))
        return AM_E_INVALID;
    err = eds_whose(e, x);
    for (size_t i = 0; i < x->n_fated && !err; i++)
        if (x->fated[i].fate == EDS_RETAINED)
            err = AM_E_FORBIDDEN;
    if (err || x->dry)
        return err;
    eds_scars_init(&r.scars);
    buf_init(&r.kept, EDS_BODY_MAX);
    eds_merger_hold(e); /* no segment is half made: later ones are without the dead */
    err = db_write(e->db, erase_run, &r);
    eds_kept_clear(e->kept); /* another epoch: it would end a merge begun before */
    eds_merger_let(e);
    am_assert(!pthread_mutex_lock(&e->lock));
    memset(e->counted, 0, sizeof e->counted);
    am_assert(!pthread_mutex_unlock(&e->lock));
    eds_sample_forget(e);
    eds_scars_release(&r.scars);
    vec_release(&r.one);
    vec_release(&r.attest);
    buf_release(&r.kept);
    if (!err)
        eds_merger_wrote(e, x->rid);
    return err;
}
