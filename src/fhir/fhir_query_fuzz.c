/* SPDX-License-Identifier: Apache-2.0 */
/* A type, then a query string: what is understood stays within its bounds, and what is
 * kept of it is understood again. */
#include "fhir/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text, type = str_cut((struct str){(const char *)data, size}, '?', &text);
    struct fhir_query_config c = {.key = {{1, 2}},
                                  .type = type,
                                  .base = STR("http://node/fhir"),
                                  .now = 1717200000000000,
                                  .words = true};
    struct fhir_query q, again;
    struct fhir_pair *pairs;
    struct arena a;
    struct diag d;
    size_t n;
    int err;
    arena_init(&a, 32 << 20);
    diag_init(&d);
    err = fhir_query_split(text, &a, &pairs, &n, &d);
    if (!err)
        err = fhir_query_parse(&q, &c, pairs, n, &a, &d);
    if (err)
        am_assert(err == AM_E_NOMEM || diag_result(&d));
    else {
        am_assert(q.asks <= FHIR_QUERY_ASKS && q.includes <= FHIR_QUERY_INCLUDES);
        am_assert(!fhir_query_parse(&again, &c, q.kept, q.n_kept, &a, &d));
        am_assert(again.asks == q.asks && again.n_kept == q.n_kept);
    }
    diag_release(&d);
    arena_release(&a);
    return 0;
}
