/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_ready -- the part of folding an entry that needs no state: leaf read, payload
 * hashed, signature verified, statement parsed. Any thread may do it ahead of the fold.
 *
 * A verifier remembers keys it has parsed: parsing a P-256 key costs more than verifying
 * a signature with it. Those that sign much get a table of multiples: it costs as much as
 * 500 signatures save, and 150 KiB, so few have one. */
#include "ledger/ledger_priv.h"

enum { KEYS_MAX = 4096, TABLES_MAX = 64, TABLE_AFTER = 500 };

struct verifier_key {
    struct crypto_key *key;
    struct crypto_p256_table *table;
    unsigned seen;
};

struct ledger_verifier {
    struct map by_id;
    VEC(struct verifier_key) key;
    unsigned tables;
    struct buf pae;
};

int ledger_verifier_new(struct ledger_verifier **out)
{
    struct ledger_verifier *v = am_calloc(1, sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    buf_init(&v->pae, LEDGER_PAYLOAD_MAX + 128);
    *out = v;
    return AM_OK;
}

static void forget(struct ledger_verifier *v)
{
    for (size_t i = 0; i < v->key.n; i++) {
        crypto_p256_table_free(v->key.v[i].table);
        crypto_key_free(v->key.v[i].key);
    }
    v->tables = 0;
    vec_release(&v->key);
    map_release(&v->by_id);
}

void ledger_verifier_free(struct ledger_verifier *v)
{
    if (!v)
        return;
    forget(v);
    buf_release(&v->pae);
    free(v);
}

static int key_of(struct ledger_verifier *v, const struct ledger_leaf_view *leaf,
                  struct verifier_key **out)
{
    struct verifier_key k = {0};
    size_t i;
    int err;
    if (!map_get(&v->by_id, str_c(leaf->key_id), &i) && i < v->key.n) {
        *out = &v->key.v[i];
        return AM_OK;
    }
    if (v->key.n >= KEYS_MAX) /* many strangers: no memory for their sake */
        forget(v);
    err = crypto_key_from_spki(&k.key, buf_str(&leaf->spki));
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_TAMPERED;
    if (crypto_key_alg(k.key) != CRYPTO_P256)
        err = AM_E_TAMPERED;
    if (!err)
        err = map_set(&v->by_id, str_c(leaf->key_id), v->key.n);
    if (!err)
        err = vec_push(&v->key, k);
    if (err) {
        crypto_key_free(k.key);
        return err;
    }
    *out = &v->key.v[v->key.n - 1];
    return AM_OK;
}

/* Without memory for a table the slow way says the same. */
static int verify_with(struct ledger_verifier *v, struct verifier_key *k, struct str data,
                       struct str sig)
{
    if (!k->table && v->tables < TABLES_MAX && ++k->seen == TABLE_AFTER) {
        if (crypto_p256_table_new(&k->table, k->key) == AM_OK)
            v->tables++;
        k->seen = 0;
    }
    return k->table ? crypto_p256_table_verify(k->table, data, sig)
                    : crypto_verify(k->key, data, sig);
}

/* The leaf carries the key whose digest is its key_id: what the directory holds under
 * that name is the same key. */
static int check_signature(struct ledger_verifier *v, const struct ledger_leaf_view *leaf,
                           struct str payload)
{
    struct verifier_key *key;
    int err = key_of(v, leaf, &key);
    if (err)
        return err;
    buf_clear(&v->pae);
    err = ledger_pae(payload, &v->pae);
    return err ? err : verify_with(v, key, buf_str(&v->pae), buf_str(&leaf->sig));
}

/* A statement that cannot be read is an entry without effect, not an error. */
static int read_statement(struct str type_base, struct ledger_ready *r)
{
    int err;
    if (!type_base.p) /* entry 0 names it */
        return AM_OK;
    err = ledger_statement_parse(r->payload, type_base, &r->st, NULL);
    r->readable = !err;
    return err == AM_E_NOMEM ? err : AM_OK;
}

int ledger_prepare(struct ledger_verifier *v, const struct ledger_leaf_view *leaf,
                   struct str payload, struct str type_base, struct ledger_ready *out)
{
    struct ledger_ready r = {.payload = payload};
    uint8_t digest[32];
    int err = AM_OK;
    crypto_sha256(payload, digest);
    if (memcmp(digest, leaf->payload_sha256, 32) != 0)
        return AM_E_TAMPERED;
    if (v)
        err = check_signature(v, leaf, payload);
    if (err)
        return err;
    memcpy(r.payload_sha256, digest, 32);
    memcpy(r.key_id, leaf->key_id, sizeof r.key_id);
    err = read_statement(type_base, &r);
    if (err)
        return err;
    *out = r;
    return AM_OK;
}

void ledger_ready_release(struct ledger_ready *r)
{
    ledger_statement_release(&r->st);
    r->readable = false;
}

int ledger_signature(const struct ledger *l, const char *key_id, struct str payload,
                     struct str sig)
{
    size_t k = ledger_find_key(l, key_id);
    struct buf pae;
    int err;
    if (k == LEDGER_NONE)
        return AM_E_NOTFOUND;
    buf_init(&pae, LEDGER_PAYLOAD_MAX + 128);
    err = ledger_pae(payload, &pae);
    if (!err)
        err = crypto_verify(l->key.v[k].pub, buf_str(&pae), sig);
    buf_release(&pae);
    return err;
}
