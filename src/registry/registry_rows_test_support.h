/* SPDX-License-Identifier: Apache-2.0 */
/* Statements signed here and written straight into the database of a registry, beyond its
 * log: its next opening verifies, folds and appends them, as after a crash. What benches
 * and tests on many statements share. */
#ifndef REGISTRY_ROWS_TEST_SUPPORT_H
#define REGISTRY_ROWS_TEST_SUPPORT_H

#include "registry/registry_test_support.h"

enum { ROWS_SLICE = 5000 };
struct rows {
    struct t *t;
    uint64_t first; /* index of the next slice */
    size_t n;
    struct buf leaf[ROWS_SLICE], payload[ROWS_SLICE];
    uint8_t digest[ROWS_SLICE][32];
};

static inline void rows_begin(struct rows *s, struct t *t)
{
    struct registry_stats now;
    registry_stats(t->r, &now);
    memset(s, 0, sizeof *s);
    s->t = t;
    s->first = now.size;
}

static inline int rows_put(struct db_conn *c, void *arg)
{
    const struct rows *s = arg;
    int err = AM_OK;
    for (size_t i = 0; i < s->n && !err; i++)
        err = db_exec(c,
                      "insert into entry (idx, leaf, payload_sha256, payload)"
                      " values ($1, $2, $3, $4)",
                      "ibbb", (int64_t)(s->first + i), buf_str(&s->leaf[i]),
                      (struct str){(const char *)s->digest[i], 32},
                      buf_str(&s->payload[i]));
    return err;
}

static inline void rows_end(struct rows *s)
{
    assert_ok(db_write(registry_db(s->t->r), rows_put, s));
    for (size_t i = 0; i < s->n; i++) {
        buf_release(&s->payload[i]);
        buf_release(&s->leaf[i]);
    }
    s->first += s->n;
    s->n = 0;
}

/* spki: of the key. */
static inline void rows_add(struct rows *s, enum ledger_kind kind,
                            const struct crypto_key *key, struct str spki,
                            struct str record)
{
    struct buf *payload = &s->payload[s->n], *leaf = &s->leaf[s->n], pae, sig;
    struct json_doc *doc = NULL;
    buf_init(payload, 65536);
    buf_init(leaf, 4096);
    buf_init(&pae, 65536);
    buf_init(&sig, 256);
    assert_ok(json_parse(&doc, record, NULL, NULL));
    assert_ok(ledger_statement(kind, json_root(doc), STR(T_BASE), payload, NULL));
    crypto_sha256(buf_str(payload), s->digest[s->n]);
    assert_ok(ledger_pae(buf_str(payload), &pae));
    assert_ok(crypto_sign(key, buf_str(&pae), &sig));
    assert_ok(ledger_leaf(s->digest[s->n], buf_str(&sig), spki, leaf));
    json_free(doc);
    buf_release(&sig);
    buf_release(&pae);
    if (++s->n == ROWS_SLICE)
        rows_end(s);
}

#endif
