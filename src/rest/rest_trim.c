/* SPDX-License-Identifier: Apache-2.0 */
/* _summary and _elements, by the tables of R4 (fhir/def.h): what is left out, and the tag
 * SUBSETTED that says so. A data type is told whole or not at all; the members of a
 * backbone element are looked at one by one. */
#include "fhir/def.h"
#include "rest/rest_priv.h"

bool rest_trims(const struct rest_trim *t)
{
    return t->elements || t->summary != FHIR_SUMMARY_FALSE;
}

static bool trim_asked(const struct rest_trim *t, struct str type, struct str name,
                       const struct fhir_elem *e)
{
    for (size_t i = 0; i < t->elements; i++) {
        struct str rest, want = t->element[i], first = str_cut(want, '.', &rest);
        if (str_eq(first, type) && rest.n) /* "Patient.name" */
            first = str_cut(rest, '.', &rest);
        if (str_eq(first, name) || (e && str_eq(first, fhir_text(e->name))))
            return true;
    }
    return false;
}

/* Is a member of the resource itself told? */
static bool trim_keeps(const struct rest_trim *t, const struct fhir_type *type,
                       struct str name)
{
    const struct fhir_member *m;
    const struct fhir_elem *e;
    bool must, asked;
    if (str_starts(name, STR("_")))
        name = str_sub(name, 1, name.n);
    if (str_eqc(name, "resourceType") || str_eqc(name, "id") || str_eqc(name, "meta"))
        return true;
    m = type ? fhir_member_find(type, name) : NULL;
    e = m ? &fhir_def_elem[m->elem] : NULL;
    must = e && (e->min > 0 || (e->flags & FHIR_ELEM_MODIFIER));
    asked = trim_asked(t, type ? fhir_text(type->name) : STR_NULL, name, e);
    if (t->elements && t->summary == FHIR_SUMMARY_FALSE)
        return must || asked;
    switch (t->summary) {
    case FHIR_SUMMARY_TRUE:
        return asked || (e && (e->flags & FHIR_ELEM_SUMMARY));
    case FHIR_SUMMARY_TEXT:
        return asked || must || str_eqc(name, "text");
    case FHIR_SUMMARY_DATA:
        return !str_eqc(name, "text");
    default:
        return true;
    }
}

static void trim_value(struct jw *w, const struct json *v, const struct fhir_type *type);

static bool trim_summary(const struct fhir_type *type, struct str name)
{
    const struct fhir_member *m;
    if (str_starts(name, STR("_")))
        name = str_sub(name, 1, name.n);
    m = fhir_member_find(type, name);
    return m && (fhir_def_elem[m->elem].flags & FHIR_ELEM_SUMMARY);
}

/* Of a backbone element, its members that belong to a summary; all when none does. */
static void trim_backbone(struct jw *w, const struct json *v,
                          const struct fhir_type *type)
{
    bool some = false;
    for (json_each(it, v))
        some |= trim_summary(type, it.key);
    jw_obj(w);
    for (json_each(it, v)) {
        const struct fhir_member *m = fhir_member_find(type, it.key);
        if (some && !trim_summary(type, it.key))
            continue;
        jw_keyn(w, it.key);
        trim_value(w, it.val, m && m->type != FHIR_NONE ? &fhir_def_type[m->type] : NULL);
    }
    jw_obj_end(w);
}

static void trim_value(struct jw *w, const struct json *v, const struct fhir_type *type)
{
    if (!type || type->kind != FHIR_KIND_BACKBONE)
        jw_val(w, v);
    else if (json_type(v) == JSON_ARRAY) {
        jw_arr(w);
        for (json_each(it, v))
            trim_value(w, it.val, type);
        jw_arr_end(w);
    } else if (json_type(v) == JSON_OBJECT)
        trim_backbone(w, v, type);
    else
        jw_val(w, v);
}

static void trim_tag(struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue");
    jw_kstrz(w, "code", "SUBSETTED");
    jw_obj_end(w);
}

static void trim_meta(struct jw *w, const struct json *meta)
{
    jw_key(w, "meta");
    jw_obj(w);
    for (json_each(it, meta))
        if (!str_eqc(it.key, "tag")) {
            jw_keyn(w, it.key);
            jw_val(w, it.val);
        }
    jw_key(w, "tag");
    jw_arr(w);
    for (json_each(it, json_get(meta, "tag")))
        jw_val(w, it.val);
    trim_tag(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

void rest_trim(struct jw *w, const struct json *resource, const struct rest_trim *t)
{
    const struct fhir_type *type = fhir_type_find(json_get_str(resource, "resourceType"));
    jw_obj(w);
    for (json_each(it, resource)) {
        const struct fhir_member *m;
        if (!trim_keeps(t, type, it.key))
            continue;
        if (str_eqc(it.key, "meta")) {
            trim_meta(w, it.val);
            continue;
        }
        m = type ? fhir_member_find(type, it.key) : NULL;
        jw_keyn(w, it.key);
        trim_value(w, it.val,
                   t->summary == FHIR_SUMMARY_TRUE && m && m->type != FHIR_NONE
                       ? &fhir_def_type[m->type]
                       : NULL);
    }
    if (!json_get(resource, "meta"))
        trim_meta(w, NULL);
    jw_obj_end(w);
}
