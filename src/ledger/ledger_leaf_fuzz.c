/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile leaves: one that parses is written again byte for byte. */
#include "ledger/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str leaf = {(const char *)data, size};
    struct ledger_leaf_view v;
    struct buf b;
    if (ledger_leaf_parse(leaf, &v))
        return 0;
    buf_init(&b, 8192);
    am_assert(!ledger_leaf(v.payload_sha256, buf_str(&v.sig), buf_str(&v.spki), &b));
    am_assert(str_eq(buf_str(&b), leaf));
    buf_release(&b);
    ledger_leaf_release(&v);
    return 0;
}
