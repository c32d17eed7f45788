/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON text given to the validator: the verdict agrees with the problems told, and
 * the OperationOutcome made of them is itself valid. */
#include "fhir/valid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void outcome(const struct fhir_valid *v, const struct json *root,
                    const struct diag *d)
{
    struct json_doc *doc = NULL;
    struct diag again;
    struct buf b;
    struct jw w;
    buf_init(&b, (size_t)64 << 20);
    diag_init(&again);
    jw_init(&w, &b);
    am_assert(fhir_outcome(&w, root, d, NULL, NULL) == AM_OK);
    am_assert(jw_done(&w) == AM_OK);
    am_assert(json_parse(&doc, buf_str(&b), NULL, NULL) == AM_OK);
    am_assert(fhir_valid_check(v, json_root(doc), 0, &again) == AM_OK);
    json_free(doc);
    diag_release(&again);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fhir_valid *v;
    const struct json_limits limits = {.depth = 200, .raw_numbers = size & 1};
    struct json_doc *doc = NULL;
    struct diag d;
    int err;
    if (!v)
        am_assert(fhir_valid_new(&v) == AM_OK);
    diag_init(&d);
    if (json_parse(&doc, (struct str){(const char *)data, size}, &limits, NULL) ==
        AM_OK) {
        err = fhir_valid_check(v, json_root(doc), FHIR_VALID_ADVICE, &d);
        am_assert((err == AM_OK) == (d.errors == 0));
        outcome(v, json_root(doc), &d);
        json_free(doc);
    }
    diag_release(&d);
    return 0;
}
