/* SPDX-License-Identifier: Apache-2.0 */
/* tlog_test -- what this module's test programs share. */
#ifndef TLOG_TEST_H
#define TLOG_TEST_H

#include "base/test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlog/tlog.h"

/* Ed25519 key whose 32-byte seed is first, first + 1, ... */
static inline struct crypto_key *seeded_key(uint8_t first)
{
    uint8_t der[48] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    struct crypto_key *k = NULL;
    struct buf pem;
    for (size_t i = 0; i < 32; i++)
        der[16 + i] = (uint8_t)(first + i);
    buf_init(&pem, 1000);
    assert_ok(buf_adds(&pem, "-----BEGIN PRIVATE KEY-----\n"));
    assert_ok(crypto_base64(&pem, (struct str){(const char *)der, sizeof der}));
    assert_ok(buf_adds(&pem, "\n-----END PRIVATE KEY-----\n"));
    assert_ok(crypto_key_from_pem(&k, buf_str(&pem), STR_NULL));
    buf_release(&pem);
    return k;
}

static inline int remove_one(const char *path, const struct stat *st, int type,
                             struct FTW *w)
{
    (void)st, (void)type, (void)w;
    return remove(path);
}

static inline void remove_tree(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void temp_dir(char out[64])
{
    snprintf(out, 64, "%s/amane-tlog-XXXXXX", test_top());
    assert_non_null(mkdtemp(out));
}

#endif
