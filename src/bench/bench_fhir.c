/* SPDX-License-Identifier: Apache-2.0 */
/* bench_fhir -- resources to events. Patients first, since a bulk export names them in
 * any order: the file is read twice. */
#include "bench/bench_fhir.h"

#include <math.h>

#include "base/clock.h"
#include "base/map.h"

enum { FHIR_LINE_MAX = 64 << 20, FHIR_TEXT_MAX = 256 << 20 };

struct reading { /* one pass */
    struct bench_fhir *f;
    struct map *who; /* "Patient/id" or full URL -> patient */
    bool patients;   /* the first pass */
};
struct place {
    size_t line, entry; /* entry SIZE_MAX: the line is the resource */
};

static void bad(struct bench_fhir *f, const struct place *p, const char *member,
                const char *code, const char *detail)
{
    char at[BENCH_SOURCE_PLACE];
    if (p->entry == SIZE_MAX)
        snprintf(at, sizeof at, "%zu:%s", p->line, member);
    else
        snprintf(at, sizeof at, "%zu:/entry/%zu/resource%s", p->line, p->entry, member);
    if (f->d->errors - f->before < BENCH_SOURCE_BAD)
        diag_err(f->d, at, code, "%s", detail);
}

/* ---- the mapping
 * ---------------------------------------------------------------------------- */
static void read_code(struct str text, struct bench_fhir_field *out)
{
    out->system = str_cut(text, '|', &out->code);
}

static void read_field(const struct json *doc, struct bench_fhir_field *out)
{
    static const char *const take[] = {"last", "first", "min", "max", "mean", "count"};
    struct str condition = json_get_str(doc, "condition");
    out->doc = doc;
    read_code(condition.n ? condition : json_get_str(doc, "code"), out);
    out->condition = condition.n > 0;
    out->unit = json_get_str(doc, "unit");
    out->within = json_get_str(doc, "within");
    out->after = json_get_str(doc, "after");
    out->patient = json_get_str(doc, "patient");
    for (size_t i = 0; i < AM_LEN(take); i++)
        if (json_str_is(json_get(doc, "take"), take[i]))
            out->take = (enum bench_fhir_take)i;
}

static int read_mapping(struct bench_fhir *f, const struct json *doc)
{
    const struct json *mapping = json_get(doc, "mapping"),
                      *index = json_get(mapping, "index"),
                      *fields = json_get(mapping, "fields");
    struct str at = json_get_str(index, "at");
    if (!fields)
        diag_err(f->d, "1:1", "bench.fhir_mapping", "a mapping of fields is needed");
    f->field = am_calloc(f->g->name.n + 1, sizeof *f->field);
    if (!f->field)
        return AM_E_NOMEM;
    for (size_t i = 0; i < f->g->name.n; i++) {
        const struct json *one = json_getn(fields, f->g->name.v[i]);
        if (one)
            read_field(one, &f->field[i]);
        f->g->seen[i] = one != NULL;
    }
    if (index && !at.n)
        read_field(index, &f->field[f->g->name.n]);
    f->by_event = index && !at.n;
    if (at.n && time_parse(at, &f->index_at))
        diag_err(f->d, "1:1", "bench.fhir_mapping", "the index time is no instant");
    return f->d->errors > f->before ? AM_E_INVALID : AM_OK;
}

/* ---- patients
 * ------------------------------------------------------------------------------- */
static int add_text(struct bench_fhir *f, struct str v, struct bench_cell *out)
{
    *out = (struct bench_cell){f->text.n, v.n};
    return buf_add(&f->text, v);
}

static int name_patient(struct reading *r, struct str name, const struct place *p)
{
    size_t other;
    if (!name.n)
        return AM_OK;
    if (!map_get(r->who, name, &other)) {
        bad(r->f, p, "/id", "bench.fhir_patient", "two Patients of one identity");
        return AM_OK;
    }
    return map_set(r->who, name, r->f->patient.n - 1);
}

/* gender, birthDate, id or a pointer into the Patient; age and deceased need the index
 * time and are worked out later. */
static int fixed_cells(struct bench_fhir *f, const struct json *v,
                       struct bench_fhir_patient *p)
{
    int err = AM_OK;
    p->fixed = am_calloc(f->g->name.n + 1, sizeof *p->fixed);
    if (!p->fixed)
        return AM_E_NOMEM;
    for (size_t i = 0; i < f->g->name.n && !err; i++) {
        struct str name = f->field[i].patient;
        char number[JSON_NUM];
        const struct json *one;
        if (!name.n || str_eqc(name, "age") || str_eqc(name, "deceased"))
            continue;
        one = name.p[0] == '/' ? json_pointer(v, name) : json_getn(v, name);
        if (json_type(one) == JSON_NUMBER)
            err = add_text(
                f, (struct str){number, json_num_format(json_num(one, 0), number)},
                &p->fixed[i]);
        else if (json_type(one) == JSON_BOOL)
            err = add_text(f, json_bool(one, false) ? STR("true") : STR("false"),
                           &p->fixed[i]);
        else
            err = add_text(f, json_str(one), &p->fixed[i]);
    }
    return err;
}

static int add_event(struct bench_fhir *f, size_t patient, size_t field, int64_t at,
                     double number, struct str text)
{
    struct bench_fhir_event e = {.patient = (uint32_t)patient,
                                 .field = (uint32_t)field,
                                 .order = (uint32_t)f->event.n,
                                 .at = at,
                                 .number = number};
    int err = add_text(f, text, &e.text);
    return err ? err : vec_push(&f->event, e);
}

static int deceased(struct bench_fhir *f, const struct json *v, const struct place *p)
{
    struct str when = json_get_str(v, "deceasedDateTime");
    int64_t at = 0;
    int err = AM_OK;
    if (!when.n && !json_bool(json_get(v, "deceasedBoolean"), false))
        return AM_OK;
    if (when.n && fhir_time(when, &at))
        bad(f, p, "/deceasedDateTime", "bench.fhir_time", "not a date or time");
    for (size_t i = 0; i < f->g->name.n && !err; i++)
        if (str_eqc(f->field[i].patient, "deceased"))
            err = add_event(f, f->patient.n - 1, i, at, 1, STR_NULL);
    return err;
}

static int read_patient(struct reading *r, const struct json *v, struct str url,
                        const struct place *p)
{
    struct bench_fhir *f = r->f;
    struct str birth = json_get_str(v, "birthDate"), id = json_get_str(v, "id");
    struct bench_fhir_patient one = {.line = p->line, .index_at = f->index_at};
    char name[160];
    int err = fixed_cells(f, v, &one);
    if (birth.n && fhir_time(birth, &one.birth_at))
        bad(f, p, "/birthDate", "bench.fhir_time", "not a date");
    one.has_birth = birth.n == 10; /* an age needs the day */
    if (!id.n || id.n > 64)
        bad(f, p, "/id", "bench.fhir_patient", "an id of 1 to 64 characters is needed");
    if (!err)
        err = vec_push(&f->patient, one);
    if (err) {
        free(one.fixed);
        return err;
    }
    snprintf(name, sizeof name, "Patient/%.*s", (int)AM_MIN(id.n, (size_t)64), id.p);
    err = name_patient(r, str_c(name), p);
    if (!err && !str_eqc(url, name))
        err = name_patient(r, url, p);
    return err ? err : deceased(f, v, p);
}

/* ---- observations and conditions
 * ------------------------------------------------------------ */
static bool has_code(const struct json *concept, const struct bench_fhir_field *f)
{
    for (json_each(it, json_get(concept, "coding")))
        if (str_eq(json_get_str(it.val, "system"), f->system) &&
            str_eq(json_get_str(it.val, "code"), f->code))
            return true;
    return false;
}

static bool quantity(struct bench_fhir *f, const struct json *q,
                     const struct bench_fhir_field *field, const struct place *p,
                     double *out)
{
    struct str unit = json_get_str(q, "code");
    size_t before = f->d->errors;
    *out = json_num(json_get(q, "value"), NAN);
    if (isnan(*out))
        bad(f, p, "/valueQuantity/value", "bench.fhir_value", "a number is expected");
    if (json_get(q, "comparator"))
        bad(f, p, "/valueQuantity/comparator", "bench.fhir_value",
            "a bound is not a measured value");
    if (str_eq(unit, field->unit))
        return f->d->errors == before;
    if (!field->unit.n)
        bad(f, p, "/valueQuantity/code", "bench.fhir_unit", "the mapping says no unit");
    else if (!json_str_is(json_get(q, "system"), "http://unitsofmeasure.org") ||
             fhir_unit_convert(*out, unit, field->unit, out))
        bad(f, p, "/valueQuantity/code", "bench.fhir_unit",
            "this unit does not convert to that of the mapping");
    return f->d->errors == before;
}

/* value[x] of an observation or of its component. No value: nothing happened. */
static int add_value(struct bench_fhir *f, const struct json *v, size_t patient,
                     size_t field, int64_t at, const struct place *p)
{
    const struct json *one, *code;
    double x = NAN;
    if ((one = json_get(v, "valueQuantity")))
        return quantity(f, one, &f->field[field], p, &x)
                   ? add_event(f, patient, field, at, x, STR_NULL)
                   : AM_OK;
    if ((one = json_get(v, "valueInteger")) || (one = json_get(v, "valueBoolean"))) {
        x = json_type(one) == JSON_BOOL ? json_bool(one, false) : json_num(one, NAN);
        if (isnan(x))
            bad(f, p, "/valueInteger", "bench.fhir_value", "a number is expected");
        return add_event(f, patient, field, at, x, STR_NULL);
    }
    if ((one = json_get(v, "valueCodeableConcept"))) {
        code = json_get(json_at(json_get(one, "coding"), 0), "code");
        return add_event(f, patient, field, at, NAN, json_str(code));
    }
    if ((one = json_get(v, "valueString")))
        return add_event(f, patient, field, at, NAN, json_str(one));
    return f->field[field].take == BENCH_TAKE_COUNT || field == f->g->name.n
               ? add_event(f, patient, field, at, 1, STR_NULL)
               : AM_OK;
}

static bool counts(struct bench_fhir *f, const struct json *v, const struct place *p)
{
    static const char *const yes[] = {"final", "amended", "corrected"},
                             *const no[] = {"registered", "preliminary", "cancelled",
                                            "entered-in-error", "unknown"};
    for (size_t i = 0; i < AM_LEN(yes); i++)
        if (json_str_is(json_get(v, "status"), yes[i]))
            return true;
    for (size_t i = 0; i < AM_LEN(no); i++)
        if (json_str_is(json_get(v, "status"), no[i]))
            return false;
    bad(f, p, "/status", "bench.fhir_value", "not a status of an Observation");
    return false;
}

static bool when_of(struct bench_fhir *f, const struct json *v, bool condition,
                    const struct place *p, int64_t *at)
{
    static const char *const name[2][4] = {
        {"/effectiveDateTime", "/effectiveInstant", "/effectivePeriod/end",
         "/effectivePeriod/start"},
        {"/onsetDateTime", "/onsetPeriod/start", "/recordedDate", "/recordedDate"}};
    *at = 0;
    for (size_t i = 0; i < 4; i++) {
        struct str t = json_str(json_pointer(v, str_c(name[condition][i])));
        if (!t.n)
            continue;
        if (!fhir_time(t, at))
            return true;
        bad(f, p, name[condition][i], "bench.fhir_time", "not a date or time");
        return false;
    }
    bad(f, p, name[condition][0], "bench.fhir_time", "a time is needed");
    return false;
}

static int read_observation(struct bench_fhir *f, const struct json *v, size_t patient,
                            size_t field, const struct place *p)
{
    bool whole = has_code(json_get(v, "code"), &f->field[field]), part = false;
    int64_t at;
    int err = AM_OK;
    for (json_each(it, json_get(v, "component")))
        part |= has_code(json_get(it.val, "code"), &f->field[field]);
    if ((!whole && !part) || !counts(f, v, p) || !when_of(f, v, false, p, &at))
        return AM_OK;
    if (whole)
        err = add_value(f, v, patient, field, at, p);
    for (json_each(it, json_get(v, "component")))
        if (!err && has_code(json_get(it.val, "code"), &f->field[field]))
            err = add_value(f, it.val, patient, field, at, p);
    return err;
}

static int read_condition(struct bench_fhir *f, const struct json *v, size_t patient,
                          size_t field, const struct place *p)
{
    struct str sure = json_str(json_pointer(v, STR("/verificationStatus/coding/0/code")));
    int64_t at;
    if (!has_code(json_get(v, "code"), &f->field[field]) ||
        str_eqc(sure, "entered-in-error") || str_eqc(sure, "refuted") ||
        !when_of(f, v, true, p, &at))
        return AM_OK;
    return add_event(f, patient, field, at, 1, STR_NULL);
}

static int read_resource(struct reading *r, const struct json *v, struct str url,
                         const struct place *p)
{
    struct bench_fhir *f = r->f;
    struct str type = json_get_str(v, "resourceType");
    bool condition = str_eqc(type, "Condition");
    size_t patient = SIZE_MAX;
    int err = AM_OK;
    if (r->patients)
        return str_eqc(type, "Patient") ? read_patient(r, v, url, p) : AM_OK;
    if (!condition && !str_eqc(type, "Observation"))
        return AM_OK;
    for (size_t i = 0; i <= f->g->name.n && !err; i++) {
        const struct bench_fhir_field *field = &f->field[i];
        size_t before = f->event.n;
        if (!field->code.n || field->condition != condition)
            continue;
        err = condition ? read_condition(f, v, 0, i, p) : read_observation(f, v, 0, i, p);
        if (before == f->event.n)
            continue;
        if (patient == SIZE_MAX &&
            map_get(r->who, json_str(json_pointer(v, STR("/subject/reference"))),
                    &patient)) {
            bad(f, p, "/subject/reference", "bench.fhir_patient",
                "no Patient of the file");
            f->event.n = before;
            return err;
        }
        for (; before < f->event.n; before++)
            f->event.v[before].patient = (uint32_t)patient;
    }
    return err;
}

/* ---- the file
 * ------------------------------------------------------------------------------- */
static int read_document(struct reading *r, const struct json *v, size_t line)
{
    struct place p = {line, SIZE_MAX};
    int err = AM_OK;
    if (!json_get_str(v, "resourceType").n)
        bad(r->f, &p, "/resourceType", "bench.fhir_value", "a resource is expected");
    if (!json_str_is(json_get(v, "resourceType"), "Bundle"))
        return read_resource(r, v, STR_NULL, &p);
    for (json_each(it, json_get(v, "entry"))) {
        p.entry = it.i;
        err = err ? err
                  : read_resource(r, json_get(it.val, "resource"),
                                  json_get_str(it.val, "fullUrl"), &p);
    }
    return err;
}

static int read_text(struct reading *r, struct str text, size_t line, struct diag *d)
{
    const struct json_limits limits = {.size_b = FHIR_LINE_MAX};
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, text, &limits, d);
    if (!err)
        err = read_document(r, json_root(doc), line);
    json_free(doc);
    return err;
}

/* One resource a line, or the whole file as one. */
static int read_file(struct reading *r, struct str bytes)
{
    struct bench_fhir *f = r->f;
    struct str rest, first = str_cut(bytes, '\n', &rest);
    struct json_doc *probe = NULL;
    const struct json_limits limits = {.size_b = FHIR_LINE_MAX};
    size_t line = 0;
    int err = json_parse(&probe, first, &limits, NULL);
    json_free(probe);
    if (err == AM_E_NOMEM)
        return err;
    if (err)
        return read_text(r, bytes, 1, f->d);
    while (bytes.n && !err && f->d->errors - f->before < BENCH_SOURCE_BAD) {
        struct diag own;
        char at[32];
        diag_init(&own);
        err = read_text(r, str_cut(bytes, '\n', &bytes), ++line, &own);
        snprintf(at, sizeof at, "%zu:", line);
        diag_merge(f->d, &own, at);
        diag_release(&own);
    }
    return err;
}

static void release(struct bench_fhir *f)
{
    for (size_t i = 0; i < f->patient.n; i++)
        free(f->patient.v[i].fixed);
    vec_release(&f->patient);
    vec_release(&f->event);
    free(f->field);
    buf_wipe(&f->text);
}

int bench_read_fhir(struct bench_source *s, const struct json *doc, struct str bytes,
                    struct diag *d)
{
    struct bench_grid g;
    struct map who;
    struct bench_fhir f = {.g = &g, .d = d, .before = d->errors};
    struct reading r = {.f = &f, .who = &who, .patients = true};
    int err = bench_grid_init(&g, doc);
    buf_init(&f.text, FHIR_TEXT_MAX);
    map_init(&who);
    if (!err)
        err = read_mapping(&f, doc);
    if (!err)
        err = read_file(&r, bytes);
    r.patients = false;
    if (!err && d->errors == f.before)
        err = read_file(&r, bytes);
    if (!err && d->errors > f.before)
        err = AM_E_INVALID;
    if (!err)
        err = bench_fhir_rows(&f);
    if (!err)
        err = bench_grid_table(&g, s, d);
    map_release(&who);
    release(&f);
    bench_grid_release(&g);
    return err;
}
