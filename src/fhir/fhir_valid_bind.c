/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings: a code where only the codes of a value set may stand. Required ones bind, and
 * so does the widest set (maxValueSet) of the others; of a CodeableConcept one coding has
 * to be of the set. */
#include "fhir/fhir_valid_priv.h"

/* What leaves only the widest set is told, and does no more harm: real data name
 * languages by other systems than BCP 47 (Synthea's Hindi and Arabic). */
static void refuse(struct fhir_walk *w, const struct fhir_at *at, const char *name,
                   const struct fhir_set *s, struct str found, bool required)
{
    fhir_valid_say(w, required ? DIAG_ERROR : DIAG_WARNING, at, name, "fhir.not_in_list",
                   "set", fhir_text(s->url));
    if (found.n) {
        char z[80];
        snprintf(z, sizeof z, "%.*s", (int)AM_MIN(found.n, 60), found.p);
        if (str_utf8(str_c(z)))
            diag_arg(w->d, "found", z);
    }
}

/* A Coding or Quantity says its system, but where the set is a grammar. */
static bool coded(const struct fhir_set *s, const struct json *v)
{
    struct str system = json_get_str(v, "system"), code = json_get_str(v, "code");
    if (s->kind == FHIR_SET_OPEN)
        return true;
    return code.n && (system.n || s->kind != FHIR_SET_LIST) &&
           fhir_set_has(s, system, code);
}

static void concept(struct fhir_walk *w, const struct fhir_at *at,
                    const struct fhir_set *s, const struct json *v, bool required)
{
    const struct json *coding = json_get(v, "coding");
    for (json_each(it, coding))
        if (coded(s, it.val))
            return;
    if (!json_size(coding) && (!required || json_get(v, "extension")))
        return; /* a text, or the reason why there is no code */
    refuse(w, at, NULL, s, json_get_str(json_at(coding, 0), "code"), required);
}

void fhir_valid_bound(struct fhir_walk *w, const struct fhir_at *at,
                      const struct fhir_member *m, const struct json *v)
{
    const struct fhir_binding *b = &fhir_def_binding[fhir_def_elem[m->elem].binding];
    bool required = b->strength == FHIR_REQUIRED && b->set != FHIR_NONE;
    uint16_t which = required ? b->set : b->max;
    const struct fhir_set *s;
    if (which == FHIR_NONE)
        return;
    s = &fhir_def_set[which];
    if (m->prim) {
        struct str code = json_str(v);
        if (json_type(v) == JSON_STRING && !fhir_set_has(s, STR_NULL, code))
            refuse(w, at, NULL, s, code, required);
        return;
    }
    switch (fhir_member_type(m)->role) {
    case FHIR_ROLE_CODEABLE_CONCEPT:
        concept(w, at, s, v, required);
        break;
    case FHIR_ROLE_CODING:
        if ((required || json_get(v, "code")) && !coded(s, v) &&
            !json_get(v, "extension"))
            refuse(w, at, NULL, s, json_get_str(v, "code"), required);
        break;
    default: /* Quantity and its kin: the unit */
        if (json_get(v, "code") && !coded(s, v))
            refuse(w, at, "code", s, json_get_str(v, "code"), required);
    }
}
