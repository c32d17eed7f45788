/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile certificates; the genesis each brings along is taken as the pinned one, so that
 * what lies behind it is reached. */
#include "ledger/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct ledger_certificate c;
    struct json_doc *doc;
    uint8_t pinned[32] = {0};
    if (json_parse(&doc, text, NULL, NULL))
        return 0;
    crypto_sha256(json_get_str(json_root(doc), "genesis"), pinned);
    json_free(doc);
    if (!ledger_certificate_open(text, pinned, &c, NULL)) {
        am_assert(c.tree_size >= 1 && c.tree_size <= c.checkpoint.size);
        ledger_certificate_release(&c);
    }
    return 0;
}
