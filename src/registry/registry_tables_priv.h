/* SPDX-License-Identifier: Apache-2.0 */
/* registry_tables_priv -- a database compared with, or copied to, another one. */
#ifndef REGISTRY_TABLES_PRIV_H
#define REGISTRY_TABLES_PRIV_H

#include "registry/registry_priv.h"

enum { REGISTRY_TABLES_MAX = 64 };
struct registry_table {
    char name[64];
    uint64_t rows;
    uint8_t sha256[CRYPTO_SHA256]; /* of its rows, in the order of the key */
};
struct registry_tables {
    struct registry_table table[REGISTRY_TABLES_MAX];
    size_t n;
    uint64_t root_at, leaves; /* root_at: leaves the root covers; 0: all */
    struct tlog_hash part[64], root;
    size_t parts;
};
AM_CHECK int registry_tables_look(struct db *d, uint64_t root_at,
                                  struct registry_tables *out);
/* AM_E_EXISTS: a table there has rows. out: what was read, and written. */
AM_CHECK int registry_tables_copy(struct db *from, struct db *to,
                                  struct registry_tables *out);
/* AM_E_TAMPERED, and which table. */
AM_CHECK int registry_tables_same(const struct registry_tables *a,
                                  const struct registry_tables *b, struct diag *d);

/* A stopped registry's folder, locked, its two databases open (registry_move.c). */
struct registry_held {
    struct crypto_key *key;
    struct tlog *log;
    struct tlog_checkpoint head;
    struct registry_store store;
    struct auth *auth;
};
AM_CHECK int registry_hold(struct registry_held *h, const char *dir, struct diag *d);
void registry_held_release(struct registry_held *h);

#endif
