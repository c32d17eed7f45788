/* SPDX-License-Identifier: Apache-2.0 */
/* The index rows of FHIR, the same whoever writes: a node, an import, a check. */
#include "eds/eds.h"
#include "fhir/param.h"

int eds_rows_fhir(void *arg, const struct fhir_row_key *key, const struct json *resource,
                  struct arena *a, struct fhir_rows *out)
{
    const struct fhir_index x = {.key = *key, .words = true};
    (void)arg;
    return fhir_rows(resource, &x, a, out);
}
