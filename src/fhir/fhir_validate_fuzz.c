/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON text given to the validator. */
#include "fhir/fhir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    if (json_parse(&doc, (struct str){(const char *)data, size}, NULL, NULL) == AM_OK) {
        err = fhir_validate(json_root(doc), &d);
        am_assert((err == AM_OK) == (d.errors == 0));
        json_free(doc);
    }
    diag_release(&d);
    return 0;
}
