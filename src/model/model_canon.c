/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical weight digest (bench.md, 6.1 b): what the weights are, whatever the file
 * around them looks like.
 *
 *   for each tensor, in byte order of names:
 *       name NUL dtype NUL shape ("2,3") NUL, byte count as u64 little-endian, bytes
 *   then for each operator, in order:  "op" NUL text NUL
 *
 * Left out on purpose: comments, producer, names of nodes and features, statistics of the
 * training that no prediction and no explanation depends on. */
#include <endian.h>

#include "model/model_priv.h"

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "raw tensor bytes are hashed as they lie in memory: little-endian machines only"
#endif

static void canon_z(struct model_canon *c, const char *z)
{
    crypto_sha256_add(&c->h, (struct str){z, strlen(z) + 1});
}

void model_canon_init(struct model_canon *c)
{
    crypto_sha256_init(&c->h);
    c->last[0] = 0;
}

void model_canon_head(struct model_canon *c, const char *name, const char *dtype,
                      const int64_t *shape, size_t rank, uint64_t size_b)
{
    char text[24];
    am_assert(strncmp(c->last, name, sizeof c->last - 1) <= 0); /* order is the promise */
    snprintf(c->last, sizeof c->last, "%s", name);
    canon_z(c, name);
    canon_z(c, dtype);
    for (size_t i = 0; i < rank; i++) {
        snprintf(text, sizeof text, "%s%lld", i ? "," : "", (long long)shape[i]);
        crypto_sha256_add(&c->h, str_c(text));
    }
    crypto_sha256_add(&c->h, (struct str){"", 1});
    crypto_sha256_add(&c->h, (struct str){(const char *)&size_b, sizeof size_b});
}

void model_canon_data(struct model_canon *c, const void *p, size_t n)
{
    if (n)
        crypto_sha256_add(&c->h, (struct str){p, n});
}

void model_canon_tensor1(struct model_canon *c, const char *name, const char *dtype,
                         const void *p, size_t n, size_t item_b)
{
    const int64_t shape = (int64_t)n;
    model_canon_head(c, name, dtype, &shape, 1, n * item_b);
    model_canon_data(c, p, n * item_b);
}

void model_canon_op(struct model_canon *c, struct str text)
{
    canon_z(c, "op");
    crypto_sha256_add(&c->h, text);
    crypto_sha256_add(&c->h, (struct str){"", 1});
}

void model_canon_end(struct model_canon *c, uint8_t out[CRYPTO_SHA256])
{
    crypto_sha256_end(&c->h, out);
}
