/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_VAULT_PRIV_H
#define BENCH_VAULT_PRIV_H

#include "base/vec.h"
#include "bench/bench_vault.h"

enum { VAULT_PATH = 4096, VAULT_DOC_MAX = 64 << 20, VAULT_FILE_MAX = 256 << 20 };
/* Files of a member, and the place its images are sealed as. */
#define VAULT_TABLE        "%zu.sealed"
#define VAULT_IMAGES       "%zu.images"
#define VAULT_IMAGES_PLACE UINT32_C(0x80000000)

struct bench_vault {
    char dir[VAULT_PATH - 256];
    uint8_t key[32];
    char key_id[17];
};
struct vault_set { /* head and log of one set, both checked */
    char dir[VAULT_PATH - 128], id[64], last[CRYPTO_HEX];
    struct json_doc *doc;
    const struct json *head;
    uint8_t salt[32], data[32], seal[32], log[32]; /* keys */
    VEC(struct json_doc *) use;
    size_t log_b; /* bytes of whole lines */
};

/* Tests stop the process at a step; NULL: no test. */
enum vault_step {
    VAULT_LOCKED,
    VAULT_LINE_HALF,
    VAULT_LOGGED,
    VAULT_COUNTED,
    VAULT_OPENED
};
extern void (*bench_vault_step)(enum vault_step step);

#define VAULT_TAMPERED "bench.sealed_tampered"
/* A problem of a set, at its id; returns err. */
int bench_vault_problem(struct diag *d, const char *id, int err, const char *code,
                        const char *detail);
AM_CHECK int bench_vault_lock(const struct bench_vault *v, int *fd);
void bench_vault_unlock(int fd);
bool bench_vault_id(struct str id);
void bench_vault_keys(const struct bench_vault *v, struct vault_set *s);
AM_CHECK int bench_vault_set_dir(const struct bench_vault *v, const char *name,
                                 struct vault_set *s);
/* Loads and checks head and log. Under the lock. AM_E_NOTFOUND. */
AM_CHECK int bench_vault_load(const struct bench_vault *v, struct str id,
                              struct vault_set *s, struct diag *d);
void bench_vault_set_release(struct vault_set *s);
/* text: the head without its "mac". */
AM_CHECK int bench_vault_head_write(const struct vault_set *s, struct str text);
/* The members of v but one, in canonical form. */
AM_CHECK int bench_vault_canon(struct buf *out, const struct json *v, const char *skip);
/* The body of a JSON object gets its HMAC over before || "\n" || body: appended. */
AM_CHECK int bench_vault_mac(const uint8_t key[32], const char *before, struct str body,
                             char hex[CRYPTO_HEX]);
AM_CHECK int bench_vault_signed(struct buf *out, struct str body,
                                const char mac[CRYPTO_HEX]);
/* bench_vault_log.c */
AM_CHECK int bench_vault_log_load(struct vault_set *s, struct diag *d);
AM_CHECK int bench_vault_log_add(struct vault_set *s, struct str body);
AM_CHECK int bench_vault_log_count(struct vault_set *s);
/* bench_vault_use.c: does the line count against a budget? */
bool bench_vault_costs(const struct json *line);
/* bench_vault_chunk.c: bytes to a sealed file's bytes and back. */
AM_CHECK int bench_vault_seal(const struct vault_set *s, uint32_t member,
                              struct str plain, struct buf *out);
AM_CHECK int bench_vault_unseal(const struct vault_set *s, uint32_t member,
                                struct str sealed, uint64_t size_b, struct buf *out);
#endif
