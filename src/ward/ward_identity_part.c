/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a Patient: ward_identity.h. */
#include "ward/ward_identity.h"

#include <string.h>

#include "ward/ward_place_tbl.h"

/* ---- places ---- */
static const struct {
    const char *code, *name, *arabic;
} part_region[] = {
#define X(code, name, arabic) {code, name, arabic},
    WARD_REGIONS(X)
#undef X
};
static const struct {
    const char *code, *region, *name;
} part_province[] = {
#define X(code, region, name) {code, region, name},
    WARD_PROVINCES(X)
#undef X
};

static size_t province_at(struct str code)
{
    size_t i = 0;
    while (i < AM_LEN(part_province) && !str_eqc(code, part_province[i].code))
        i++;
    return i;
}

const char *ward_province_region(struct str code)
{
    size_t i = province_at(code);
    return i < AM_LEN(part_province) ? part_province[i].region : NULL;
}

const char *ward_region_name(struct str code, enum text_lang l)
{
    for (size_t i = 0; i < AM_LEN(part_region); i++)
        if (str_eqc(code, part_region[i].code))
            return l == TEXT_AR ? part_region[i].arabic : part_region[i].name;
    return NULL;
}

int ward_province_called(enum text_lang l, struct str code, struct buf *out)
{
    size_t i = province_at(code);
    if (i == AM_LEN(part_province))
        return AM_E_NOTFOUND;
    return buf_addf(out, "%s (%s)", part_province[i].name,
                    ward_region_name(str_c(part_province[i].region), l));
}

/* ---- found in a patient ---- */
static bool part_old(const struct json *x)
{
    struct str use = json_get_str(x, "use");
    return str_eqc(use, "old") || str_eqc(use, "maiden") || str_eqc(use, "anonymous") ||
           json_get(json_get(x, "period"), "end");
}

static struct str name_family(const struct json *name)
{
    struct str family = json_get_str(name, "family");
    return family.n ? family : json_get_str(name, "text");
}

const struct json *ward_name_of(const struct json *patient, bool arabic)
{
    const struct json *best = NULL;
    for (json_each(it, json_get(patient, "name"))) {
        struct str s = name_family(it.val);
        if (!s.n)
            s = json_str(json_at(json_get(it.val, "given"), 0));
        if (!s.n || part_old(it.val) || ward_arabic(s) != arabic)
            continue;
        if (!best || (json_str_is(json_get(it.val, "use"), "official") &&
                      !json_str_is(json_get(best, "use"), "official")))
            best = it.val;
    }
    return best;
}

const struct json *ward_number_of(const struct json *patient, const char *system)
{
    for (json_each(it, json_get(patient, "identifier")))
        if (json_str_is(json_get(it.val, "system"), system) && !part_old(it.val) &&
            json_get_str(it.val, "value").n)
            return it.val;
    return NULL;
}

const struct json *ward_phone_of(const struct json *patient)
{
    for (json_each(it, json_get(patient, "telecom")))
        if (json_str_is(json_get(it.val, "system"), "phone") && !part_old(it.val))
            return it.val;
    return NULL;
}

static const struct json *address_of(const struct json *patient)
{
    for (json_each(it, json_get(patient, "address")))
        if (!part_old(it.val))
            return it.val;
    return NULL;
}

static struct str address_province(const struct json *address)
{
    for (json_each(it, json_get(address, "extension")))
        if (json_str_is(json_get(it.val, "url"), WARD_PROVINCE_CODE))
            return json_get_str(json_get(it.val, "valueCoding"), "code");
    return STR_NULL;
}

const char *ward_ipp_system(const struct ward_entry *e)
{
    const struct ward *w = e->f.v->pages;
    return w->ipp;
}

/* Several given names, or lines of an address, as one text: "Fatima Zahra". */
static int list_text(struct ward_entry *e, const struct json *list, const char *apart,
                     struct str *out)
{
    char *text;
    struct buf b;
    int err = AM_OK;
    buf_init(&b, WARD_LINE_MAX * 4);
    for (json_each(it, list)) {
        if (!err && b.n)
            err = buf_adds(&b, apart);
        if (!err)
            err = buf_add(&b, web_text_or(json_str(it.val)));
    }
    text = err ? NULL : arena_dup(e->f.v->req->arena, buf_str(&b));
    buf_release(&b);
    *out = text ? str_c(text) : STR_NULL;
    return err ? err : text ? AM_OK : AM_E_NOMEM;
}

static int read_name(struct ward_entry *e, bool arabic)
{
    const struct json *name = ward_name_of(e->f.patient.root, arabic);
    struct str given;
    int err = list_text(e, json_get(name, "given"), " ", &given);
    if (!err)
        err = ward_field_set(e, arabic ? "family_ar" : "family", name_family(name));
    if (!err)
        err = ward_field_set(e, arabic ? "given_ar" : "given", given);
    return err;
}

static int read_address(struct ward_entry *e)
{
    const struct json *a = address_of(e->f.patient.root);
    struct str street;
    int err = list_text(e, json_get(a, "line"), ", ", &street);
    if (!err)
        err = ward_field_set(e, "street", street);
    if (!err)
        err = ward_field_set(e, "city", json_get_str(a, "city"));
    if (!err)
        err = ward_field_set(e, "province", address_province(a));
    return err;
}

int ward_identity_read(struct ward_entry *e)
{
    const struct json *p = e->f.patient.root;
    const struct {
        const char *field;
        struct str value;
    } x[] = {
        {"born", json_get_str(p, "birthDate")},
        {"gender", json_get_str(p, "gender")},
        {"ipp", json_get_str(ward_number_of(p, ward_ipp_system(e)), "value")},
        {"cin", json_get_str(ward_number_of(p, WARD_CIN), "value")},
        {"cnss", json_get_str(ward_number_of(p, WARD_CNSS), "value")},
        {"phone", json_get_str(ward_phone_of(p), "value")},
        {"version", json_get_str(json_get(p, "meta"), "versionId")},
    };
    int err = read_name(e, false);
    if (!err)
        err = read_name(e, true);
    for (size_t i = 0; i < AM_LEN(x) && !err; i++)
        err = ward_field_set(e, x[i].field, x[i].value);
    return err ? err : read_address(e);
}

/* ---- written ---- */
/* Elements of a list but one, which is written anew (or left out). */
static void put_rest(struct jw *w, const struct json *list, const struct json *but)
{
    for (json_each(it, list))
        if (it.val != but)
            jw_val(w, it.val);
}

static void put_other_names(struct jw *w, const struct json *patient)
{
    const struct json *latin = ward_name_of(patient, false),
                      *arabic = ward_name_of(patient, true);
    for (json_each(it, json_get(patient, "name")))
        if (it.val != latin && it.val != arabic)
            ward_core_name(w, it.val);
}

static void put_name(struct ward_entry *e, struct jw *w, bool arabic)
{
    struct str family = ward_field_value(e, arabic ? "family_ar" : "family"),
               given = ward_field_value(e, arabic ? "given_ar" : "given"), had = STR_NULL;
    const struct json *old = ward_name_of(e->f.patient.root, arabic);
    if (!family.n && !given.n)
        return;
    if (old && list_text(e, json_get(old, "given"), " ", &had)) {
        w->err = w->err ? w->err : AM_E_NOMEM;
        return;
    }
    if (old && str_eq(family, name_family(old)) && str_eq(given, web_text_or(had))) {
        ward_core_name(w, old);
        return;
    }
    jw_obj(w);
    if (arabic) {
        jw_key(w, "extension");
        jw_arr(w);
        ward_core_arabic(w);
        jw_arr_end(w);
    }
    jw_kstrz(w, "use", "official");
    if (family.n)
        jw_kstr(w, "family", family);
    if (given.n) {
        jw_key(w, "given");
        jw_arr(w);
        jw_str(w, given);
        jw_arr_end(w);
    }
    jw_obj_end(w);
}

static void put_number(struct ward_entry *e, struct jw *w, const char *field,
                       const char *system, bool ipp)
{
    struct str value = ward_field_value(e, field);
    const struct json *old = ward_number_of(e->f.patient.root, system);
    if (!value.n)
        return;
    if (old && str_eq(value, json_get_str(old, "value"))) {
        if (ipp)
            ward_core_ipp(w, old);
        else
            jw_val(w, old);
        return;
    }
    jw_obj(w);
    jw_key(w, "type");
    jw_obj(w);
    if (ipp) {
        jw_key(w, "coding");
        jw_arr(w);
        ward_core_mr(w);
        jw_arr_end(w);
    }
    jw_kstrz(w, "text",
             !strcmp(field, "ipp")   ? "IPP"
             : !strcmp(field, "cin") ? "CIN"
                                     : "CNSS");
    jw_obj_end(w);
    jw_kstrz(w, "system", system);
    jw_kstr(w, "value", value);
    jw_obj_end(w);
}

static void put_numbers(struct ward_entry *e, struct jw *w)
{
    const struct json *p = e->f.patient.root;
    const char *system[] = {ward_ipp_system(e), WARD_CIN, WARD_CNSS};
    for (json_each(it, json_get(p, "identifier"))) {
        bool ours = json_str_is(json_get(it.val, "system"), WARD_FORM_SYSTEM);
        for (size_t i = 0; i < AM_LEN(system); i++)
            ours = ours || ward_number_of(p, system[i]) == it.val;
        if (!ours)
            jw_val(w, it.val);
    }
    put_number(e, w, "ipp", system[0], true);
    put_number(e, w, "cin", WARD_CIN, false);
    put_number(e, w, "cnss", WARD_CNSS, false);
}

static void put_place(struct jw *w, const char *url, const char *system, struct str code,
                      const char *name)
{
    jw_obj(w);
    jw_kstrz(w, "url", url);
    jw_key(w, "valueCoding");
    jw_obj(w);
    jw_kstrz(w, "system", system);
    jw_kstr(w, "code", code);
    jw_kstrz(w, "display", name);
    jw_obj_end(w);
    jw_obj_end(w);
}

static void put_address_of(struct jw *w, struct str street, struct str city,
                           struct str province)
{
    const char *region = province.n ? ward_province_region(province) : NULL;
    jw_obj(w);
    if (region) {
        jw_key(w, "extension");
        jw_arr(w);
        put_place(w, WARD_REGION_CODE, WARD_REGION, str_c(region),
                  ward_region_name(str_c(region), TEXT_FR));
        put_place(w, WARD_PROVINCE_CODE, WARD_PROVINCE, province,
                  part_province[province_at(province)].name);
        jw_arr_end(w);
    }
    jw_kstrz(w, "use", "home");
    if (street.n) {
        jw_key(w, "line");
        jw_arr(w);
        jw_str(w, street);
        jw_arr_end(w);
    }
    if (city.n)
        jw_kstr(w, "city", city);
    if (region) {
        jw_kstrz(w, "district", part_province[province_at(province)].name);
        jw_kstrz(w, "state", ward_region_name(str_c(region), TEXT_FR));
    }
    jw_kstrz(w, "country", "MA");
    jw_obj_end(w);
}

static void put_address(struct ward_entry *e, struct jw *w)
{
    const struct json *old = address_of(e->f.patient.root);
    struct str street = ward_field_value(e, "street"), city = ward_field_value(e, "city"),
               province = ward_field_value(e, "province"), had = STR_NULL;
    if (old && list_text(e, json_get(old, "line"), ", ", &had)) {
        w->err = w->err ? w->err : AM_E_NOMEM;
        return;
    }
    if (old && str_eq(street, web_text_or(had)) &&
        str_eq(city, web_text_or(json_get_str(old, "city"))) &&
        str_eq(province, web_text_or(address_province(old))))
        jw_val(w, old);
    else if (street.n || city.n || province.n)
        put_address_of(w, street, city, province);
}

static void put_phone(struct ward_entry *e, struct jw *w)
{
    const struct json *old = ward_phone_of(e->f.patient.root);
    struct str phone = ward_field_value(e, "phone");
    if (old && str_eq(phone, web_text_or(json_get_str(old, "value")))) {
        jw_val(w, old);
    } else if (phone.n) {
        jw_obj(w);
        jw_kstrz(w, "system", "phone");
        jw_kstr(w, "value", phone);
        jw_obj_end(w);
    }
}

/* FHIR has no empty lists: what a list would hold is looked at first. */
static void put_list(struct ward_entry *e, struct jw *w, const char *key,
                     const struct json *but,
                     void (*put)(struct ward_entry *, struct jw *), bool any)
{
    const struct json *list = json_get(e->f.patient.root, key);
    size_t left = json_size(list) - (but != NULL);
    if (!left && !any)
        return;
    jw_key(w, key);
    jw_arr(w);
    put(e, w);
    put_rest(w, list, but);
    jw_arr_end(w);
}

static void put_names(struct ward_entry *e, struct jw *w)
{
    jw_key(w, "name"); /* one at least: checked */
    jw_arr(w);
    put_name(e, w, false);
    put_name(e, w, true);
    put_other_names(w, e->f.patient.root);
    jw_arr_end(w);
}

/* What FHIR says beside a value (an hour of birth, why it is not known) is of that value:
 * it goes with another. */
static void put_simple(struct jw *w, const struct json *p, const char *key,
                       const char *beside, struct str value)
{
    if (value.n)
        jw_kstr(w, key, value);
    if (json_get(p, beside) && str_eq(value, web_text_or(json_get_str(p, key))))
        jw_kval(w, beside, json_get(p, beside));
}

void ward_identity_put(struct ward_entry *e, struct jw *w)
{
    const struct json *p = e->f.patient.root;
    jw_key(w, "identifier"); /* one at least: checked */
    jw_arr(w);
    put_numbers(e, w);
    jw_arr_end(w);
    put_names(e, w);
    put_list(e, w, "telecom", ward_phone_of(p), put_phone,
             ward_field_value(e, "phone").n > 0);
    put_simple(w, p, "gender", "_gender", ward_field_value(e, "gender"));
    put_simple(w, p, "birthDate", "_birthDate", ward_field_value(e, "born"));
    put_list(e, w, "address", address_of(p), put_address,
             ward_field_value(e, "street").n || ward_field_value(e, "city").n ||
                 ward_field_value(e, "province").n);
}
