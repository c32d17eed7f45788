/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON text: read it as a chart. What is accepted is about one patient, and whatever
 * is found in it is usable; what is refused names at least one problem. */
#include "fhir/fhir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void accepted(const struct fhir_chart *c)
{
    am_assert(c->patient.id.n > 0 && c->patient.id.n <= 64);
    for (size_t i = 0; i < c->observation.n; i++) {
        const struct fhir_observation *o = &c->observation.v[i], *newest;
        double v;
        am_assert(o->codings > 0 && o->codings <= AM_LEN(o->coding));
        if (o->kind == FHIR_VALUE_QUANTITY)
            am_assert(fhir_unit_convert(o->number, o->unit, o->unit, &v) == AM_OK);
        newest = fhir_chart_find(c, o->coding[0].system, o->coding[0].code);
        if (newest)
            am_assert(!str_eqc(newest->status, "entered-in-error") &&
                      !str_eqc(newest->status, "preliminary"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc = NULL;
    struct fhir_chart c = {0};
    struct diag d;
    int err;
    if (json_parse(&doc, (struct str){(const char *)data, size}, NULL, NULL))
        return 0;
    diag_init(&d);
    err = fhir_chart_read(json_root(doc), &c, &d);
    am_assert(err == AM_OK || (err == AM_E_INVALID && d.errors && !c.observation.v));
    if (!err)
        accepted(&c);
    fhir_chart_release(&c);
    diag_release(&d);
    json_free(doc);
    return 0;
}
