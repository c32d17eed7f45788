/* SPDX-License-Identifier: Apache-2.0 */
/* What the desk writes is of the Moroccan core, and says so (meta.profile). What came
 * from elsewhere and the form does not hold stays; where the core asks for what is
 * certain (an IPP of this establishment is of type MR, a name in Arabic letters says that
 * it is) it is added, and where it holds what the core has no room for (two cards, a name
 * in both scripts at once) the patient is written without the declaration: a warehouse
 * that has the core loaded would refuse him, and a person at the desk could not put that
 * right. */
#include "ward/ward_identity.h"

#define V2_TYPE "http://terminology.hl7.org/CodeSystem/v2-0203"

/* ---- names ---- */
static bool name_says(const struct json *name)
{
    for (json_each(it, json_get(name, "extension")))
        if (json_str_is(json_get(it.val, "url"), WARD_LANGUAGE) &&
            (json_str_is(json_get(it.val, "valueCode"), "ar") ||
             json_str_is(json_get(it.val, "valueString"), "ar")))
            return true;
    return false;
}

/* Parts in Arabic letters, and others. */
static void name_parts(const struct json *name, size_t *arabic, size_t *other)
{
    static const char *const one[] = {"family", "text"};
    for (size_t i = 0; i < AM_LEN(one); i++) {
        struct str s = json_get_str(name, one[i]);
        *arabic += s.n && ward_arabic(s);
        *other += s.n && !ward_arabic(s);
    }
    for (json_each(it, json_get(name, "given"))) {
        *arabic += ward_arabic(json_str(it.val));
        *other += !ward_arabic(json_str(it.val));
    }
}

void ward_core_name(struct jw *w, const struct json *name)
{
    static const char *const extension[] = {"extension", NULL};
    size_t arabic = 0, other = 0;
    name_parts(name, &arabic, &other);
    if (!arabic || other || name_says(name)) {
        jw_val(w, name);
        return;
    }
    jw_obj(w);
    jw_key(w, "extension");
    jw_arr(w);
    for (json_each(it, json_get(name, "extension")))
        jw_val(w, it.val);
    ward_core_arabic(w);
    jw_arr_end(w);
    ward_tx_copy(w, name, extension);
    jw_obj_end(w);
}

void ward_core_arabic(struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "url", WARD_LANGUAGE);
    jw_kstrz(w, "valueCode", "ar");
    jw_obj_end(w);
}

/* ---- numbers ---- */
static bool number_typed(const struct json *identifier)
{
    for (json_each(it, json_get(json_get(identifier, "type"), "coding")))
        if (json_str_is(json_get(it.val, "system"), V2_TYPE) &&
            json_str_is(json_get(it.val, "code"), "MR"))
            return true;
    return false;
}

void ward_core_mr(struct jw *w)
{
    jw_obj(w);
    jw_kstrz(w, "system", V2_TYPE);
    jw_kstrz(w, "code", "MR");
    jw_obj_end(w);
}

void ward_core_ipp(struct jw *w, const struct json *identifier)
{
    static const char *const of[] = {"type", NULL}, *const coding[] = {"coding", NULL};
    const struct json *type = json_get(identifier, "type");
    if (number_typed(identifier)) {
        jw_val(w, identifier);
        return;
    }
    jw_obj(w);
    jw_key(w, "type");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    for (json_each(it, json_get(type, "coding")))
        jw_val(w, it.val);
    ward_core_mr(w);
    jw_arr_end(w);
    ward_tx_copy(w, type, coding);
    jw_obj_end(w);
    ward_tx_copy(w, identifier, of);
    jw_obj_end(w);
}

/* ---- what stays ---- */
static bool names_fit(const struct json *patient)
{
    for (json_each(it, json_get(patient, "name"))) {
        size_t arabic = 0, other = 0;
        name_parts(it.val, &arabic, &other);
        if ((!json_get_str(it.val, "family").n && !json_get_str(it.val, "text").n) ||
            (arabic && other) || (!arabic && name_says(it.val)))
            return false;
    }
    return true;
}

/* One card and one CNSS number at most; an IPP has a system and a value. */
static bool numbers_fit(const struct json *patient)
{
    size_t cin = 0, cnss = 0;
    for (json_each(it, json_get(patient, "identifier"))) {
        cin += json_str_is(json_get(it.val, "system"), WARD_CIN);
        cnss += json_str_is(json_get(it.val, "system"), WARD_CNSS);
        if (number_typed(it.val) &&
            (!json_get_str(it.val, "system").n || !json_get_str(it.val, "value").n))
            return false;
    }
    return cin <= 1 && cnss <= 1;
}

/* Places of addresses are codes that the core has. */
static bool places_fit(const struct json *patient)
{
    for (json_each(a, json_get(patient, "address"))) {
        size_t region = 0, province = 0;
        for (json_each(it, json_get(a.val, "extension"))) {
            const struct json *coding = json_get(it.val, "valueCoding");
            struct str code = json_get_str(coding, "code");
            if (json_str_is(json_get(it.val, "url"), WARD_REGION_CODE)) {
                if (region++ || !json_str_is(json_get(coding, "system"), WARD_REGION) ||
                    !ward_region_name(code, TEXT_FR))
                    return false;
            } else if (json_str_is(json_get(it.val, "url"), WARD_PROVINCE_CODE)) {
                if (province++ ||
                    !json_str_is(json_get(coding, "system"), WARD_PROVINCE) ||
                    !ward_province_region(code))
                    return false;
            }
        }
    }
    return true;
}

bool ward_core_fits(const struct json *patient)
{
    return names_fit(patient) && numbers_fit(patient) && places_fit(patient);
}
