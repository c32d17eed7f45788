/* SPDX-License-Identifier: Apache-2.0 */
/* What erasures left: blinds, attests, proofs (eds/erase.h). All hashes are keyed with
 * the key of digests: who has the files alone can neither make one nor guess whose it
 * is. */
#include "eds/eds_scar_priv.h"

#include <endian.h>

void eds_scars_init(struct eds_scars *s)
{
    *s = (struct eds_scars){0};
    arena_init(&s->texts, 64 << 20);
}

void eds_scars_release(struct eds_scars *s)
{
    vec_release(&s->scar);
    vec_release(&s->attest);
    vec_release(&s->proof);
    arena_release(&s->texts);
}

/* ---- reading ---- */
static int scar_bytes(struct str from, uint8_t *to, size_t n)
{
    if (from.n != n)
        return AM_E_TAMPERED;
    memcpy(to, from.p, n);
    return AM_OK;
}

static int scars_erased(struct db_conn *c, struct eds_scars *s)
{
    struct db_stmt *q;
    bool row = false;
    int err = db_prepare(
        c, "select rid, erasure, ver, tag, blind from erased order by rid", &q);
    if (!err)
        err = db_step(q, &row);
    for (; !err && row; err = err ? err : db_step(q, &row)) {
        struct eds_scar x = {db_int(q, 0), db_int(q, 1), db_int(q, 2), {0}, {0}};
        err = scar_bytes(db_blob(q, 3), x.tag, sizeof x.tag);
        if (!err)
            err = scar_bytes(db_blob(q, 4), x.blind, sizeof x.blind);
        if (!err)
            err = vec_push(&s->scar, x);
    }
    return err;
}

static int scars_attests(struct db_conn *c, struct eds_scars *s)
{
    struct db_stmt *q;
    bool row = false;
    int err = db_prepare(
        c, "select last, erasure, hash from attest order by last, erasure", &q);
    if (!err)
        err = db_step(q, &row);
    for (; !err && row; err = err ? err : db_step(q, &row)) {
        struct eds_attest x = {db_int(q, 0), db_int(q, 1), {0}};
        err = scar_bytes(db_blob(q, 2), x.hash, sizeof x.hash);
        if (!err)
            err = vec_push(&s->attest, x);
    }
    return err;
}

static int scar_text(struct arena *a, struct str *s)
{
    char *p = arena_dup(a, *s);
    s->p = p;
    return p ? AM_OK : AM_E_NOMEM;
}

static int scars_proof(struct db_stmt *q, struct eds_scars *s)
{
    struct eds_proof x = {.is = {.rid = db_int(q, 0),
                                 .at = db_int(q, 1),
                                 .resources = db_int(q, 2),
                                 .versions = db_int(q, 3),
                                 .who = db_str(q, 4),
                                 .ground = db_str(q, 5),
                                 .reason = db_str(q, 6),
                                 .scrubbed = db_int(q, 8) != 0},
                          .seg = db_int(q, 7),
                          .dict = db_int(q, 9)};
    int err = scar_text(&s->texts, &x.is.who);
    if (!err)
        err = scar_text(&s->texts, &x.is.ground);
    if (!err)
        err = scar_text(&s->texts, &x.is.reason);
    return err ? err : vec_push(&s->proof, x);
}

static int scars_proofs(struct db_conn *c, struct eds_scars *s)
{
    struct db_stmt *q;
    bool row = false;
    int err = db_prepare(c,
                         "select rid, at, resources, versions, who, ground, reason, seg,"
                         " scrubbed, dict from erasure order by rid",
                         &q);
    if (!err)
        err = db_step(q, &row);
    for (; !err && row; err = err ? err : db_step(q, &row))
        err = scars_proof(q, s);
    return err;
}

static int scars_table(void *arg, const char *table, const struct db_column *col,
                       size_t n)
{
    struct eds *e = arg;
    (void)col, (void)n;
    if (!strcmp(table, "attest"))
        atomic_store(&e->scars, true);
    return AM_OK;
}

static int scars_there(struct db_conn *c, void *e)
{
    return db_tables(c, scars_table, e);
}

int eds_scars_there(struct eds *e)
{
    return atomic_load(&e->scars) ? AM_OK : db_read(e->db, scars_there, e);
}

int eds_scars_load(struct eds_view *v, struct eds_scars *s)
{
    int err;
    if (!atomic_load(&v->e->scars))
        return AM_OK;
    err = scars_proofs(v->c, s);
    if (!err)
        err = scars_erased(v->c, s);
    return err ? err : scars_attests(v->c, s);
}

int eds_erasures(struct eds_view *v, eds_erasure_fn *fn, void *arg)
{
    struct eds_scars s;
    int err;
    eds_scars_init(&s);
    err = atomic_load(&v->e->scars) ? scars_proofs(v->c, &s) : AM_OK;
    for (size_t i = 0; i < s.proof.n && !err; i++)
        err = fn(arg, &s.proof.v[i].is);
    eds_scars_release(&s);
    return err > 0 ? AM_OK : err;
}

const struct eds_attest *eds_attest_of(const struct eds_scars *s, int64_t last)
{
    size_t lo = 0, hi = s->attest.n;
    while (lo < hi) { /* the first of a later link */
        size_t mid = lo + (hi - lo) / 2;
        if (s->attest.v[mid].last > last)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo && s->attest.v[lo - 1].last == last ? &s->attest.v[lo - 1] : NULL;
}

/* ---- hashes ---- */
static void scar_num(struct crypto_sha256 *h, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    crypto_sha256_add(h, (struct str){(const char *)&be, sizeof be});
}

static void scar_str(struct crypto_sha256 *h, struct str s)
{
    scar_num(h, (int64_t)s.n);
    crypto_sha256_add(h, s);
}

static void scar_hash(struct crypto_sha256 *h, const uint8_t hash[CRYPTO_SHA256])
{
    crypto_sha256_add(h, (struct str){(const char *)hash, CRYPTO_SHA256});
}

/* Each begins with what it is, so none passes for another. */
static void scar_seal(const struct eds *e, struct crypto_sha256 *h,
                      uint8_t out[CRYPTO_SHA256])
{
    uint8_t plain[CRYPTO_SHA256];
    crypto_sha256_end(h, plain);
    am_assert(!crypto_hmac_sha256((struct str){(const char *)e->mac, EDS_KEY},
                                  (struct str){(const char *)plain, sizeof plain}, out));
}

void eds_tag(const struct eds *e, const char *type, struct str id, uint8_t out[EDS_TAG])
{
    struct crypto_sha256 h;
    uint8_t whole[CRYPTO_SHA256];
    crypto_sha256_init(&h);
    scar_str(&h, STR("amane eds tag 1"));
    scar_str(&h, str_c(type));
    scar_str(&h, id);
    scar_seal(e, &h, whole);
    memcpy(out, whole, EDS_TAG);
}

void eds_blind(const struct eds *e, const struct eds_leaf *l, uint8_t out[CRYPTO_SHA256])
{
    struct crypto_sha256 h;
    crypto_sha256_init(&h);
    scar_str(&h, STR("amane eds blind 1"));
    eds_chain_add(&h, l);
    scar_seal(e, &h, out);
}

void eds_attest_begin(struct crypto_sha256 *h, const uint8_t prev[CRYPTO_SHA256])
{
    crypto_sha256_init(h);
    scar_str(h, STR("amane eds attest 1"));
    scar_hash(h, prev);
}

void eds_attest_leaf(struct crypto_sha256 *h, const struct eds_leaf *l)
{
    crypto_sha256_add(h, STR("l"));
    eds_chain_add(h, l);
}

void eds_attest_scar(struct crypto_sha256 *h, int64_t rid,
                     const uint8_t blind[CRYPTO_SHA256])
{
    crypto_sha256_add(h, STR("e"));
    scar_num(h, rid);
    scar_hash(h, blind);
}

void eds_attest_proof(struct crypto_sha256 *h, int64_t rid,
                      const uint8_t digest[CRYPTO_SHA256])
{
    crypto_sha256_add(h, STR("p"));
    scar_num(h, rid);
    scar_hash(h, digest);
}

void eds_attest_end(const struct eds *e, struct crypto_sha256 *h, int64_t last,
                    const uint8_t link[CRYPTO_SHA256], uint8_t out[CRYPTO_SHA256])
{
    crypto_sha256_add(h, STR("."));
    scar_num(h, last);
    scar_hash(h, link);
    scar_seal(e, h, out);
}

void eds_proof_digest(const struct eds *e, const struct eds_scars *s,
                      const struct eds_proof *p, uint8_t out[CRYPTO_SHA256])
{
    const struct eds_erasure *x = &p->is;
    struct crypto_sha256 h;
    crypto_sha256_init(&h);
    scar_str(&h, STR("amane eds erasure 1"));
    scar_num(&h, x->rid);
    scar_num(&h, x->at);
    scar_num(&h, x->resources);
    scar_num(&h, x->versions);
    scar_num(&h, p->seg);
    scar_num(&h, p->dict);
    scar_str(&h, x->who);
    scar_str(&h, x->ground);
    scar_str(&h, x->reason);
    for (size_t i = 0; i < s->scar.n; i++) {
        const struct eds_scar *r = &s->scar.v[i];
        if (r->erasure != x->rid)
            continue;
        crypto_sha256_add(&h, STR("e"));
        scar_num(&h, r->rid);
        scar_num(&h, r->ver);
        crypto_sha256_add(&h, (struct str){(const char *)r->tag, sizeof r->tag});
        scar_hash(&h, r->blind);
    }
    for (size_t i = 0; i < s->attest.n; i++) {
        const struct eds_attest *a = &s->attest.v[i];
        if (a->erasure != x->rid)
            continue;
        crypto_sha256_add(&h, STR("a"));
        scar_num(&h, a->last);
        scar_hash(&h, a->hash);
    }
    scar_seal(e, &h, out);
}

/* ---- an id that was erased ---- */
int eds_scar_find(struct eds *e, struct db_conn *c, const char *type, struct str id,
                  int64_t ver, struct eds_meta *m)
{
    uint8_t tag[EDS_TAG];
    struct db_stmt *q;
    bool row = false;
    int err;
    if (!atomic_load(&e->scars))
        return AM_E_NOTFOUND;
    err = db_prepare(c,
                     "select d.rid, d.ver, x.at from erased d join erasure x on"
                     " x.rid = d.erasure where d.tag = $1 and (d.ver = $2 or $2 = 0)"
                     " order by d.ver desc limit 1",
                     &q);
    if (err)
        return err;
    eds_tag(e, type, id, tag);
    db_bind_blob(q, 1, tag, sizeof tag);
    db_bind_int(q, 2, ver);
    err = db_step(q, &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    if (err)
        return err;
    *m = (struct eds_meta){.rid = db_int(q, 0),
                           .ver = db_int(q, 1),
                           .at = db_int(q, 2),
                           .gone = true,
                           .erased = true};
    memcpy(m->type, type, strlen(type) + 1);
    return eds_id_unpack(id, m->id);
}
