/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a bill of materials and as the text of a record: first byte: the format.
 */
#include "registry/registry_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data + 1, size - 1};
    struct json_doc *doc = NULL;
    struct diag d;
    size_t errors;
    if (size < 1)
        return 0;
    diag_init(&d);
    if (registry_sbom_read(text, data[0] & 1 ? "spdx" : "cyclonedx", NULL, &d) == AM_OK)
        am_assert(d.errors > 0); /* nothing is declared: no document can be right */
    if (json_parse(&doc, text, NULL, NULL) == AM_OK) {
        errors = d.errors;
        (void)!registry_personal(json_root(doc), &d);
        am_assert(d.errors == errors); /* warnings only */
    }
    json_free(doc);
    diag_release(&d);
    return 0;
}
