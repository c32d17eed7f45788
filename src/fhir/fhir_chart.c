/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a Bundle into a chart. Nothing is guessed: what is not understood is a problem
 * with its place. */
#include "fhir/fhir.h"

#include <math.h>

#include "base/clock.h"

struct fhir_place { /* "Bundle.entry[3].resource" */
    char text[64];
};

static struct fhir_place fhir_place(size_t entry)
{
    struct fhir_place p;
    snprintf(p.text, sizeof p.text, "Bundle.entry[%zu].resource", entry);
    return p;
}

static void fhir_bad(struct diag *d, const char *base, const char *member,
                     const char *code, const char *detail)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s%s", base, *base && *member ? "." : "", member);
    diag_err(d, path, code, "%s", detail);
}

/* date, or dateTime: YYYY, YYYY-MM, YYYY-MM-DD, or an instant; partial dates start their
 * period (R4 datatypes, 2.24.0.1). */
int fhir_time(struct str s, int64_t *at)
{
    char full[11];
    if (s.n > 10)
        return time_parse(s, at);
    if (s.n == 4)
        snprintf(full, sizeof full, "%.*s-01-01", STR_FMT(s));
    else if (s.n == 7)
        snprintf(full, sizeof full, "%.*s-01", STR_FMT(s));
    else if (s.n == 10)
        snprintf(full, sizeof full, "%.*s", STR_FMT(s));
    else
        return AM_E_SYNTAX;
    return time_parse_date(str_c(full), at);
}

/* R4 datatypes, id: [A-Za-z0-9-.]{1,64}. References and traces are built from it. */
static void fhir_check_id(struct str id, const char *place, struct diag *d)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    bool ok = id.n > 0 && id.n <= 64;
    for (size_t i = 0; ok && i < id.n; i++)
        ok = memchr(allowed, id.p[i], sizeof allowed - 1) != NULL;
    if (!ok)
        fhir_bad(d, place, "id", "fhir.required",
                 "an id of 1 to 64 letters, digits, - and . is needed");
}

static void fhir_read_patient(const struct json *r, size_t entry, struct fhir_patient *p,
                              struct diag *d)
{
    struct fhir_place place = fhir_place(entry);
    struct str sex = json_get_str(r, "gender"), birth = json_get_str(r, "birthDate");
    p->id = json_get_str(r, "id");
    fhir_check_id(p->id, place.text, d);
    if (str_eqc(sex, "male"))
        p->sex = FHIR_MALE;
    else if (str_eqc(sex, "female"))
        p->sex = FHIR_FEMALE;
    else if (str_eqc(sex, "other"))
        p->sex = FHIR_OTHER;
    else if (sex.n && !str_eqc(sex, "unknown"))
        fhir_bad(d, place.text, "gender", "fhir.code", "male, female, other or unknown");
    if (!birth.n)
        return;
    if (fhir_time(birth, &p->birth_at))
        fhir_bad(d, place.text, "birthDate", "fhir.date", "not a date");
    else
        p->has_birth = true;
}

static void fhir_read_codings(const struct json *concept, const char *place,
                              struct fhir_observation *o, struct diag *d)
{
    const struct json *list = json_get(concept, "coding");
    if (json_type(list) != JSON_ARRAY || !json_size(list))
        fhir_bad(d, place, "code.coding", "fhir.required", "a coding is expected");
    for (json_each(it, list)) {
        if (o->codings == AM_LEN(o->coding)) {
            fhir_bad(d, place, "code.coding", "fhir.too_many", "8 codings at most");
            break;
        }
        o->coding[o->codings].system = json_get_str(it.val, "system");
        o->coding[o->codings++].code = json_get_str(it.val, "code");
    }
}

static void fhir_read_quantity(const struct json *q, const char *place,
                               struct fhir_observation *o, struct diag *d)
{
    struct str system = json_get_str(q, "system");
    o->kind = FHIR_VALUE_QUANTITY;
    o->number = json_num(json_get(q, "value"), NAN);
    o->unit = json_get_str(q, "code");
    if (isnan(o->number))
        fhir_bad(d, place, "valueQuantity.value", "fhir.required",
                 "a number is expected");
    if (json_get(q, "comparator"))
        fhir_bad(d, place, "valueQuantity.comparator", "fhir.comparator",
                 "a bound such as < 5 is not a measured value");
    if (!str_eqc(system, "http://unitsofmeasure.org"))
        fhir_bad(d, place, "valueQuantity.system", "fhir.unit_system",
                 "UCUM is expected");
    else if (fhir_unit_check(o->unit))
        fhir_bad(d, place, "valueQuantity.code", "fhir.unit", "not a UCUM unit we know");
}

/* Observation.value[x] is a choice of one. Kinds that no model input can be (text,
 * ranges, attachments...) leave the observation without a value. */
static void fhir_one_value(const struct json *r, const char *place, struct diag *d)
{
    size_t n = 0;
    for (json_each(it, r))
        n += str_starts(it.key, STR("value"));
    if (n > 1)
        fhir_bad(d, place, "value", "fhir.one_value", "one value[x] at most");
}

static void fhir_read_value(const struct json *r, const char *place,
                            struct fhir_observation *o, struct diag *d)
{
    const struct json *v;
    fhir_one_value(r, place, d);
    if ((v = json_get(r, "valueQuantity"))) {
        fhir_read_quantity(v, place, o, d);
    } else if ((v = json_get(r, "valueCodeableConcept"))) {
        const struct json *c = json_at(json_get(v, "coding"), 0);
        o->kind = FHIR_VALUE_CODE;
        o->value_system = json_get_str(c, "system");
        o->value_code = json_get_str(c, "code");
        if (!o->value_code.n)
            fhir_bad(d, place, "valueCodeableConcept.coding", "fhir.required",
                     "a coding is expected");
    } else if ((v = json_get(r, "valueBoolean"))) {
        o->kind = FHIR_VALUE_BOOLEAN;
        o->number = json_bool(v, false) ? 1 : 0;
        if (json_type(v) != JSON_BOOL)
            fhir_bad(d, place, "valueBoolean", "fhir.type", "true or false");
    } else if ((v = json_get(r, "valueInteger"))) {
        o->kind = FHIR_VALUE_INTEGER;
        o->number = (double)json_int(v, 0);
        if (!json_is_int(v))
            fhir_bad(d, place, "valueInteger", "fhir.type", "an integer is expected");
    }
}

static bool fhir_status_known(struct str s)
{
    static const char *const known[] = {"registered",       "preliminary", "final",
                                        "amended",          "corrected",   "cancelled",
                                        "entered-in-error", "unknown"};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(s, known[i]))
            return true;
    return false;
}

/* Each component (systolic and diastolic of one blood pressure) is found by its own code;
 * it shares the instant, status and identity of the observation it belongs to. */
static int fhir_read_components(const struct fhir_observation *whole,
                                const struct fhir_place *place, struct fhir_chart *out,
                                struct diag *d)
{
    for (json_each(it, json_get(whole->resource, "component"))) {
        struct fhir_observation o = {.resource = whole->resource,
                                     .entry = whole->entry,
                                     .id = whole->id,
                                     .status = whole->status,
                                     .effective_at = whole->effective_at};
        char at[160];
        int err;
        snprintf(at, sizeof at, "%s.component[%zu]", place->text, it.i);
        fhir_read_codings(json_get(it.val, "code"), at, &o, d);
        fhir_read_value(it.val, at, &o, d);
        err = vec_push(&out->observation, o);
        if (err)
            return err;
    }
    return AM_OK;
}

static int fhir_read_observation(const struct json *r, size_t entry,
                                 struct fhir_chart *out, struct diag *d)
{
    int err;
    struct fhir_place place = fhir_place(entry);
    struct fhir_observation o = {.resource = r,
                                 .entry = entry,
                                 .id = json_get_str(r, "id"),
                                 .status = json_get_str(r, "status")};
    struct str when = json_get_str(r, "effectiveDateTime");
    if (!when.n)
        when = json_get_str(r, "effectiveInstant");
    if (!when.n)
        when = json_get_str(json_get(r, "effectivePeriod"), "end");
    fhir_check_id(o.id, place.text, d);
    if (!fhir_status_known(o.status))
        fhir_bad(d, place.text, "status", "fhir.code", "not an Observation status");
    else if (str_eqc(o.status, "entered-in-error") || str_eqc(o.status, "cancelled"))
        fhir_bad(d, place.text, "status", "fhir.withdrawn",
                 "an observation taken back is no basis for a prediction");
    fhir_read_codings(json_get(r, "code"), place.text, &o, d);
    if (when.n && fhir_time(when, &o.effective_at))
        fhir_bad(d, place.text, "effectiveDateTime", "fhir.date", "not a date or time");
    fhir_read_value(r, place.text, &o, d);
    err = vec_push(&out->observation, o);
    return err ? err : fhir_read_components(&o, &place, out, d);
}

/* "Patient/id", or the fullUrl ("urn:uuid:...") of the patient's entry. Who an
 * observation is about is said, never supposed. */
static bool fhir_same_patient(struct str ref, const struct fhir_patient *p,
                              struct str url)
{
    if (!ref.n)
        return false;
    if (url.n && str_eq(ref, url))
        return true;
    return p->id.n && str_starts(ref, STR("Patient/")) &&
           str_eq(str_sub(ref, 8, ref.n), p->id);
}

static void fhir_check_subjects(const struct fhir_chart *c, struct str url,
                                struct diag *d)
{
    const struct json *seen = NULL;
    for (size_t i = 0; i < c->observation.n; i++) {
        const struct fhir_observation *o = &c->observation.v[i];
        struct fhir_place place = fhir_place(o->entry);
        if (o->resource == seen) /* components share their observation's subject */
            continue;
        seen = o->resource;
        if (!fhir_same_patient(json_get_str(json_get(seen, "subject"), "reference"),
                               &c->patient, url))
            fhir_bad(d, place.text, "subject.reference", "fhir.other_patient",
                     "this observation is not about the patient of the Bundle");
    }
}

static int fhir_read_entry(const struct json *entry, size_t i, struct fhir_chart *out,
                           struct str *url, size_t *patients, struct diag *d)
{
    const struct json *r = json_get(entry, "resource");
    struct str type = json_get_str(r, "resourceType");
    struct fhir_place place = fhir_place(i);
    if (str_eqc(type, "Patient")) {
        fhir_read_patient(r, i, &out->patient, d);
        *url = json_get_str(entry, "fullUrl");
        (*patients)++;
        return AM_OK;
    }
    if (str_eqc(type, "Observation"))
        return fhir_read_observation(r, i, out, d);
    fhir_bad(d, place.text, "resourceType", "fhir.unexpected",
             "Patient and Observation are expected here");
    return AM_OK;
}

int fhir_chart_read(const struct json *v, struct fhir_chart *out, struct diag *d)
{
    struct fhir_chart c = {0};
    struct str type = json_get_str(v, "type"), url = STR_NULL;
    size_t patients = 0, before = d->errors;
    int err = AM_OK;
    if (!json_str_is(json_get(v, "resourceType"), "Bundle"))
        fhir_bad(d, "", "resourceType", "fhir.bundle", "a Bundle is expected");
    else if (!str_eqc(type, "collection") && !str_eqc(type, "transaction") &&
             !str_eqc(type, "batch"))
        fhir_bad(d, "Bundle", "type", "fhir.code", "collection, transaction or batch");
    if (json_get(v, "entry") && json_type(json_get(v, "entry")) != JSON_ARRAY)
        fhir_bad(d, "Bundle", "entry", "fhir.type", "a list is expected");
    for (json_each(it, json_get(v, "entry"))) {
        err = fhir_read_entry(it.val, it.i, &c, &url, &patients, d);
        if (err)
            break;
    }
    if (!err && patients != 1)
        fhir_bad(d, "Bundle", "entry", "fhir.one_patient",
                 "exactly one Patient is expected");
    if (!err && patients == 1)
        fhir_check_subjects(&c, url, d);
    if (!err && d->errors > before)
        err = AM_E_INVALID;
    if (err) {
        fhir_chart_release(&c);
        return err;
    }
    *out = c;
    return AM_OK;
}

void fhir_chart_release(struct fhir_chart *c)
{
    vec_release(&c->observation);
}

static bool fhir_usable(const struct fhir_observation *o)
{
    return str_eqc(o->status, "final") || str_eqc(o->status, "amended") ||
           str_eqc(o->status, "corrected");
}

const struct fhir_observation *fhir_chart_find(const struct fhir_chart *c,
                                               struct str system, struct str code)
{
    const struct fhir_observation *best = NULL;
    for (size_t i = 0; i < c->observation.n; i++) {
        const struct fhir_observation *o = &c->observation.v[i];
        for (size_t k = 0; k < o->codings; k++)
            if (fhir_usable(o) && str_eq(o->coding[k].system, system) &&
                str_eq(o->coding[k].code, code) &&
                (!best || o->effective_at > best->effective_at))
                best = o;
    }
    return best;
}

int fhir_age_years(int64_t birth_at, int64_t at)
{
    int by, bm, bd, y, m, day;
    time_ymd(birth_at, &by, &bm, &bd);
    time_ymd(at, &y, &m, &day);
    return y - by - (m < bm || (m == bm && day < bd));
}
