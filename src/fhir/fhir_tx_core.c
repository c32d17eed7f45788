/* SPDX-License-Identifier: Apache-2.0 */
/* HL7's own code systems and value sets of R4, which may be given to everybody (CC0) and
 * are in the program (tools/fhirterms2c.py). */
#include "fhir/fhir_tx_priv.h"

enum { CORE_MAX_B = 64 << 20 };

static int core_add(struct fhir_tx *t, struct str line, struct diag *d)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, line, NULL, d);
    if (!err)
        err = fhir_tx_add(t, json_root(doc), d);
    json_free(doc);
    return err;
}

int fhir_tx_core(struct fhir_tx **out)
{
    struct str line, text = {(const char *)fhir_tx_core_text, fhir_tx_core_b};
    struct fhir_tx *t = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    err = fhir_tx_new(&t, CORE_MAX_B);
    while (!err && text.n) {
        line = str_cut(text, '\n', &text);
        err = core_add(t, line, &d);
    }
    if (!err)
        err = fhir_tx_ready(t, &d);
    am_assert(err != AM_E_INVALID && err != AM_E_SYNTAX && err != AM_E_EXISTS);
    diag_release(&d);
    if (err)
        fhir_tx_free(t);
    else
        *out = t;
    return err;
}
