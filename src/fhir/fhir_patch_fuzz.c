/* SPDX-License-Identifier: Apache-2.0 */
/* A patch, and after a NUL the document: an array is a JSON Patch, an object a FHIRPath
 * Patch. What comes out is JSON again; what fails leaves nothing. */
#include "fhir/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest, text = str_cut((struct str){(const char *)data, size}, 0, &rest);
    struct json_doc *patch = NULL, *doc = NULL, *again = NULL;
    struct buf out;
    int err;
    if (rest.n > 4096 || text.n > 4096)
        return 0;
    buf_init(&out, FHIR_PATCH_B);
    if (!json_parse(&patch, text, NULL, NULL) && !json_parse(&doc, rest, NULL, NULL)) {
        err = json_type(json_root(patch)) == JSON_ARRAY
                  ? fhir_patch_json(json_root(doc), json_root(patch), &out, NULL)
                  : fhir_patch_path(json_root(doc), json_root(patch), &out, NULL);
        if (err) {
            am_assert(out.n == 0);
        } else {
            struct json_limits deep = {.depth = 1000};
            err = json_parse(&again, buf_str(&out), &deep, NULL);
            am_assert(!err || err == AM_E_TOOBIG);
        }
    }
    json_free(patch);
    json_free(doc);
    json_free(again);
    buf_release(&out);
    return 0;
}
