/* SPDX-License-Identifier: Apache-2.0 */
/* Exports of a version by name of format. */
#include "registry/registry_card.h"

const char *registry_export_type(struct str format)
{
    if (str_eqc(format, "chai"))
        return "application/xml";
    if (str_eqc(format, "fhir"))
        return "application/fhir+json";
    return str_eqc(format, "annex8") || str_eqc(format, "hti1") ? "application/json"
                                                                : NULL;
}

int registry_export(struct registry *r, const uint8_t digest[32], uint64_t size,
                    struct str format, const char *lang, struct buf *out)
{
    struct registry_card c;
    struct jw w;
    int err;
    if (!registry_export_type(format))
        return AM_E_UNSUPPORTED;
    err = registry_card_load(r, digest, size, &c);
    if (!err && str_eqc(format, "hti1") &&
        (err = registry_card_places(r, digest, c.tree_size, &c)))
        registry_card_release(&c);
    if (err)
        return err;
    jw_init(&w, out);
    if (str_eqc(format, "chai"))
        err = registry_card_chai(&c, lang, out);
    else if (str_eqc(format, "fhir"))
        registry_card_fhir(&c, &w);
    else if (str_eqc(format, "annex8"))
        registry_card_annex8(&c, &w);
    else
        registry_card_hti1(&c, &w);
    if (!err && !str_eqc(format, "chai"))
        err = jw_done(&w);
    registry_card_release(&c);
    return err;
}
