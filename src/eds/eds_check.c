/* SPDX-License-Identifier: Apache-2.0 */
/* fsck: every version is opened and hashed along the chain; the rows of each current one
 * are made anew and compared with its terms; the terms of all are summed and compared
 * with the index. Only when the sums differ are single rows looked for, to name them. */
#include "base/clock.h"
#include "base/log.h"
#include "eds/eds_scar_priv.h"

enum { EDS_NAMED_MAX = 1000 }; /* problems told; the count goes on */

struct eds_checking {
    struct eds_view *v;
    struct eds_check *c;
    struct eds_sum want[4], have[4];
    size_t bad;
    /* the chain */
    struct crypto_sha256 h, attest;
    struct eds_scars scars;
    size_t scar, proof; /* the next of each */
    bool scarred;       /* the open link holds an erased version */
    uint8_t head[CRYPTO_SHA256], link[CRYPTO_SHA256];
    int64_t last;    /* rid that ends the open link; 0: none is open */
    int64_t top, at; /* the greatest rid; the instant of the version before */
    struct buf kept, text, terms;
};

static void eds_wrong(struct eds_checking *k, const char *code, const struct eds_meta *m)
{
    struct eds_problem p = {.code = code};
    if (m)
        p.where = *m;
    if (k->bad++ < EDS_NAMED_MAX && k->c->problem)
        k->c->problem(k->c->arg, &p);
}

/* ---- the chain ---- */
static int eds_link_next(struct eds_checking *k, int64_t rid)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(
        k->v->c, "select last, hash from link where last >= $1 order by last limit 1",
        &s);
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, &row);
    k->last = 0;
    if (err || !row)
        return err;
    k->last = db_int(s, 0);
    if (db_blob(s, 1).n == sizeof k->link)
        memcpy(k->link, db_blob(s, 1).p, sizeof k->link);
    else
        memset(k->link, 0, sizeof k->link);
    eds_chain_begin(&k->h, k->head);
    eds_attest_begin(&k->attest, k->head);
    k->scarred = false;
    return AM_OK;
}

/* One that an erasure touched can be computed no more: the attest tells of the rest. */
static void eds_link_end(struct eds_checking *k)
{
    const struct eds_attest *a = eds_attest_of(&k->scars, k->last);
    uint8_t is[CRYPTO_SHA256];
    bool good;
    if (!k->last)
        return;
    if (a) {
        eds_attest_end(k->v->e, &k->attest, k->last, k->link, is);
        good = crypto_equal(is, a->hash, sizeof is);
    } else {
        crypto_sha256_end(&k->h, is);
        good = !k->scarred && crypto_equal(is, k->link, sizeof is);
    }
    if (!good)
        eds_wrong(k, "eds.chain", &(struct eds_meta){.rid = k->last});
    memcpy(k->head, k->link, sizeof k->head); /* what follows is judged by itself */
    k->last = 0;
}

static int eds_link_at(struct eds_checking *k, const struct eds_meta *m)
{
    int err = AM_OK;
    if (k->last && m->rid > k->last)
        eds_link_end(k);
    if (!k->last)
        err = eds_link_next(k, m->rid);
    if (!err && !k->last)
        eds_wrong(k, "eds.unlinked", m);
    return err;
}

static int eds_link_add(struct eds_checking *k, const struct eds_version *x,
                        const uint8_t *digest)
{
    struct eds_leaf l = eds_leaf_of(x, digest);
    int err = eds_link_at(k, &x->m);
    if (err || !k->last)
        return err;
    eds_chain_add(&k->h, &l);
    eds_attest_leaf(&k->attest, &l);
    return AM_OK;
}

/* ---- what erasures left ---- */
static int eds_link_scar(struct eds_checking *k, const struct eds_scar *s)
{
    int err = eds_link_at(k, &(struct eds_meta){.rid = s->rid});
    k->c->erased++;
    k->scarred = true;
    eds_attest_scar(&k->attest, s->rid, s->blind);
    return err;
}

static int eds_link_proof(struct eds_checking *k, const struct eds_proof *p)
{
    struct eds_meta m = {.rid = p->is.rid};
    uint8_t digest[CRYPTO_SHA256];
    int err = eds_link_at(k, &m);
    k->c->erasures++;
    if (p->is.at < k->at)
        eds_wrong(k, "eds.order", &m);
    k->at = p->is.at;
    if (err || !k->last)
        return err;
    eds_proof_digest(k->v->e, &k->scars, p, digest);
    eds_chain_erasure(&k->h, p->is.rid, p->is.at, digest);
    eds_attest_proof(&k->attest, p->is.rid, digest);
    return AM_OK;
}

/* Erased versions and erasures up to a rid, in its order. */
static int eds_link_holes(struct eds_checking *k, int64_t rid)
{
    const struct eds_scars *s = &k->scars;
    int err = AM_OK;
    while (!err) {
        int64_t scar = k->scar < s->scar.n ? s->scar.v[k->scar].rid : INT64_MAX;
        int64_t proof = k->proof < s->proof.n ? s->proof.v[k->proof].is.rid : INT64_MAX;
        if (AM_MIN(scar, proof) > rid || AM_MIN(scar, proof) == INT64_MAX)
            break;
        err = scar < proof ? eds_link_scar(k, &s->scar.v[k->scar++])
                           : eds_link_proof(k, &s->proof.v[k->proof++]);
    }
    return err;
}

/* Links after the last version there is: what they spoke of was removed. */
static int eds_link_rest(struct eds_checking *k, int64_t rid)
{
    int err;
    eds_link_end(k);
    err = eds_link_next(k, rid + 1);
    if (!err && k->last)
        eds_wrong(k, "eds.missing", &(struct eds_meta){.rid = k->last});
    return err;
}

/* ---- one version ---- */
static int eds_sum_term(void *arg, const struct fhir_row *r)
{
    struct eds_checking *k = ((void **)arg)[0];
    eds_sum_add(k->want, r, *(const int64_t *)((void **)arg)[1]);
    return AM_OK;
}

/* Its rows made anew, packed as its terms are. */
static int eds_rows_again(struct eds_checking *k, const struct eds_version *x)
{
    int err = eds_rows_of(k->v->e, &x->m, buf_str(&k->kept), &k->text, &k->terms);
    if (!err && !str_eq(buf_str(&k->terms), x->terms))
        eds_wrong(k, "eds.terms", &x->m);
    if (err == AM_E_SYNTAX) {
        eds_wrong(k, "eds.body", &x->m);
        err = AM_OK;
    }
    return err;
}

static int eds_check_terms(struct eds_checking *k, const struct eds_version *x)
{
    int64_t rid = x->m.rid;
    int err = eds_terms_each(x->terms, eds_sum_term, (void *[]){k, &rid});
    if (err == AM_E_TAMPERED) {
        eds_wrong(k, "eds.terms", &x->m);
        return AM_OK;
    }
    return err || !k->v->e->rows || k->c->older ? err : eds_rows_again(k, x);
}

static int eds_check_body(struct eds_checking *k, const struct eds_version *x,
                          uint8_t digest[CRYPTO_SHA256])
{
    int err;
    buf_clear(&k->kept);
    buf_clear(&k->text);
    memset(digest, 0, CRYPTO_SHA256);
    err = eds_unseal(k->v->e, x->m.type, x->m.id, x->body, &k->kept);
    if (!err) {
        eds_body_digest(k->v->e, buf_str(&k->kept), digest);
        err = eds_body_join(&k->text, buf_str(&k->kept), &x->m);
    }
    if (err == AM_E_TAMPERED || err == AM_E_UNAVAILABLE) {
        eds_wrong(k, "eds.body", &x->m);
        return AM_OK;
    }
    return err || !x->m.current ? err : eds_check_terms(k, x);
}

static bool eds_check_on(struct eds_checking *k, int64_t done)
{
    if (!k->c->progress || done % 256)
        return true;
    return k->c->progress(k->c->arg, done, k->top);
}

static int eds_check_version(void *arg, const struct eds_version *x)
{
    struct eds_checking *k = arg;
    uint8_t digest[CRYPTO_SHA256] = {0};
    int err = eds_link_holes(k, x->m.rid);
    k->c->versions++;
    if (err)
        return err;
    if (!eds_check_on(k, x->m.rid))
        return AM_E_TIMEOUT;
    if (x->m.at < k->at)
        eds_wrong(k, "eds.order", &x->m);
    k->at = x->m.at;
    if (x->damaged)
        eds_wrong(k, "eds.name", &x->m);
    else if (!x->m.gone)
        err = eds_check_body(k, x, digest);
    return err ? err : eds_link_add(k, x, digest);
}

/* ---- the tables ---- */
static int eds_sum_row(void *arg, const struct fhir_row *r, int64_t rid)
{
    struct eds_checking *k = arg;
    k->c->rows++;
    eds_sum_add(k->have, r, rid);
    return AM_OK;
}

struct eds_naming {
    struct eds_checking *k;
    const struct eds_meta *m;
    bool told;
};

static int eds_name_lost(void *arg, const struct fhir_row *r)
{
    struct eds_naming *n = arg;
    bool has = true;
    int err = n->told ? AM_OK : eds_index_has(n->k->v, r, n->m->rid, &has);
    if (!err && !has) {
        n->told = true;
        eds_wrong(n->k, "eds.row_missing", n->m);
    }
    return err;
}

static int eds_name_missing(void *arg, const struct eds_version *x)
{
    struct eds_naming n = {arg, &x->m, false};
    int err = x->m.current ? eds_terms_each(x->terms, eds_name_lost, &n) : AM_OK;
    return err == AM_E_TAMPERED ? AM_OK : err;
}

struct eds_owned {
    const struct fhir_row *r;
    bool yes;
};

static int eds_is_owned(void *arg, const struct fhir_row *r)
{
    struct eds_owned *o = arg;
    o->yes = o->yes || fhir_row_cmp(o->r, r) == 0;
    return AM_OK;
}

static int eds_name_extra(void *arg, const struct fhir_row *r, int64_t rid)
{
    struct eds_checking *k = arg;
    struct eds_owned o = {r, false};
    struct eds_meta m = {.rid = rid};
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(
        k->v->c, "select rid, type, id, ver, at, terms from res where rid = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, &row);
    if (!err && row) {
        (void)!eds_meta_read(k->v, s, &m);
        err = eds_terms_each(db_blob(s, 5), eds_is_owned, &o);
    }
    if (err == AM_E_TAMPERED)
        err = AM_OK; /* told already */
    if (!err && !o.yes)
        eds_wrong(k, "eds.row_extra", &m);
    return err;
}

static int eds_check_index(struct eds_checking *k)
{
    int err = eds_index_each(k->v, eds_sum_row, k);
    if (err == AM_E_TAMPERED) { /* a page is not there, or cannot be read */
        eds_wrong(k, "eds.index", NULL);
        return AM_OK;
    }
    if (err || memcmp(k->want, k->have, sizeof k->want) == 0)
        return err;
    err = eds_walk(k->v, 0, eds_name_missing, k);
    if (!err)
        err = eds_index_each(k->v, eds_name_extra, k);
    if (!err && !k->bad) /* the sums differ, yet nothing could be named */
        eds_wrong(k, "eds.index", NULL);
    return err;
}

static int eds_check_fn(struct eds_view *v, void *arg)
{
    struct eds_checking k = {.v = v, .c = arg};
    int err = eds_top(v, &k.top);
    v->alone = true;
    eds_scars_init(&k.scars);
    if (!err)
        err = eds_scars_load(v, &k.scars);
    if (err == AM_E_TAMPERED)
        eds_wrong(&k, "eds.erasure", NULL);
    if (!err)
        err = eds_rows_older(v, &k.c->older);
    if (!err && k.c->older)
        LOG_W("eds.rows", log_s("wrong", "an older program's: not compared with what"
                                         " this one makes"));
    buf_init(&k.kept, EDS_BODY_MAX);
    buf_init(&k.text, 2 * EDS_BODY_MAX);
    buf_init(&k.terms, EDS_BODY_MAX);
    if (!err)
        err = eds_walk(v, 0, eds_check_version, &k);
    if (!err)
        err = eds_link_holes(&k, INT64_MAX);
    if (!err)
        err = eds_link_rest(&k, k.top);
    if (!err)
        err = eds_check_index(&k);
    memcpy(k.c->head, k.head, sizeof k.head);
    buf_release(&k.kept);
    buf_release(&k.text);
    buf_release(&k.terms);
    eds_scars_release(&k.scars);
    return err ? err : k.bad ? AM_E_TAMPERED : AM_OK;
}

/* The pages first: what the database itself finds wrong needs no key to be seen. */
int eds_check(struct eds *e, struct eds_check *c)
{
    int page, err;
    c->versions = c->rows = c->erased = c->erasures = 0;
    page = db_check(e->db);
    if (page == AM_E_TAMPERED && c->problem)
        c->problem(c->arg, &(struct eds_problem){.code = "eds.page"});
    if (page && page != AM_E_TAMPERED && page != AM_E_UNSUPPORTED)
        return page;
    err = eds_view(e, eds_check_fn, c);
    return page == AM_E_TAMPERED ? page : err;
}
