/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile statements, in two ways: as payloads, and as records put into a statement,
 * which must then be read back with the same digest. */
#include "ledger/ledger.h"

#define BASE STR("https://b/v1")

static void as_record(struct str text)
{
    struct ledger_statement_view v;
    struct json_doc *doc;
    if (json_parse(&doc, text, NULL, NULL))
        return;
    for (int k = 0; k < LEDGER_KINDS; k++) {
        struct buf b;
        buf_init(&b, 4 << 20);
        if (!ledger_statement((enum ledger_kind)k, json_root(doc), BASE, &b, NULL)) {
            am_assert(!ledger_statement_parse(buf_str(&b), BASE, &v, NULL));
            am_assert(v.kind == (enum ledger_kind)k);
            am_assert(json_equal(v.record, json_root(doc)));
            ledger_statement_release(&v);
        }
        buf_release(&b);
    }
    json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct ledger_statement_view v;
    if (!ledger_statement_parse(text, BASE, &v, NULL))
        ledger_statement_release(&v);
    as_record(text);
    return 0;
}
