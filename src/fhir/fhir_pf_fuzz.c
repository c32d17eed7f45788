/* SPDX-License-Identifier: Apache-2.0 */
/* {"p": [profiles...], "r": resource}: any definitions that can be loaded, asked of any
 * resource one after another. The verdict agrees with the problems told. */
#include "fhir/valid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct fhir_valid *v, const struct fhir_profiles *p,
                const struct json *resource)
{
    for (size_t i = 0; i <= fhir_profiles_count(p); i++) {
        struct str url = fhir_profiles_url(p, i);
        struct diag d;
        int err;
        diag_init(&d);
        err = fhir_valid_check_as(v, resource, &url, i < fhir_profiles_count(p),
                                  FHIR_VALID_ADVICE, &d);
        am_assert((err == AM_OK) == (d.errors == 0));
        diag_release(&d);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fhir_valid *v;
    const struct json_limits limits = {.depth = 200, .raw_numbers = true};
    struct fhir_profiles *p = NULL;
    struct json_doc *doc = NULL;
    struct diag d;
    if (!v)
        am_assert(fhir_valid_new(&v) == AM_OK);
    if (json_parse(&doc, (struct str){(const char *)data, size}, &limits, NULL))
        return 0;
    diag_init(&d);
    am_assert(fhir_profiles_new(&p, NULL) == AM_OK);
    for (json_each(it, json_get(json_root(doc), "p"))) {
        int err = fhir_profiles_add(p, it.val, &d);
        am_assert(err != AM_E_NOMEM);
    }
    if (fhir_profiles_ready(p, &d) == AM_OK) {
        fhir_valid_use(v, p);
        ask(v, p, json_get(json_root(doc), "r"));
        fhir_valid_use(v, NULL);
    }
    fhir_profiles_free(p);
    diag_release(&d);
    json_free(doc);
    return 0;
}
