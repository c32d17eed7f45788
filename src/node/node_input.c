/* SPDX-License-Identifier: Apache-2.0 */
/* From a chart to the numbers a model was declared to read. A value that is not what the
 * record says is a refusal with its place, never a silent repair. */
#include "node/node_run_priv.h"

#include <math.h>

static void node_input_bad(struct diag *d, struct str name, const char *code,
                           const char *detail)
{
    char path[160];
    snprintf(path, sizeof path, "/inputs/%.*s", (int)AM_MIN(name.n, 100), name.p);
    diag_err(d, path, code, "%s", detail);
}

/* Codes stand for numbers only as declared in `values`. */
static double node_coded(const struct json *input, struct str code, struct diag *d)
{
    const struct json *v = json_getn(json_get(input, "values"), code);
    if (json_type(v) != JSON_NUMBER)
        node_input_bad(d, json_get_str(input, "name"), "input.code",
                       "this code has no declared value");
    return json_num(v, NAN);
}

static double node_observed(const struct json *input, const struct fhir_observation *o,
                            struct diag *d)
{
    struct str name = json_get_str(input, "name"), unit = json_get_str(input, "unit");
    double v = NAN;
    int err;
    switch (o->kind) {
    case FHIR_VALUE_QUANTITY:
        err = fhir_unit_convert(o->number, o->unit, unit, &v);
        if (err)
            node_input_bad(d, name, "input.unit",
                           "the unit cannot be converted to the declared one");
        return err ? NAN : v;
    case FHIR_VALUE_CODE:
        return node_coded(input, o->value_code, d);
    case FHIR_VALUE_BOOLEAN:
    case FHIR_VALUE_INTEGER:
        return o->number;
    default:
        node_input_bad(d, name, "input.kind", "the observation has no value");
        return NAN;
    }
}

static double node_from_patient(const struct json *input, struct str source,
                                const struct fhir_chart *c, int64_t at, struct diag *d)
{
    if (str_eqc(source, "patient.age"))
        return c->patient.has_birth ? (double)fhir_age_years(c->patient.birth_at, at)
                                    : (double)NAN;
    if (c->patient.sex == FHIR_MALE)
        return node_coded(input, STR("male"), d);
    if (c->patient.sex == FHIR_FEMALE)
        return node_coded(input, STR("female"), d);
    return NAN;
}

static void node_check_range(const struct json *input, double v, struct diag *d)
{
    const struct json *range = json_get(input, "range");
    double lo = json_num(json_at(range, 0), -INFINITY),
           hi = json_num(json_at(range, 1), INFINITY);
    char text[128];
    if (isnan(v) || (v >= lo && v <= hi))
        return;
    snprintf(text, sizeof text, "%g is outside the plausible range [%g, %g]", v, lo, hi);
    node_input_bad(d, json_get_str(input, "name"), "input.out_of_range", text);
}

int node_inputs(const struct json *record, const struct fhir_chart *c, int64_t at,
                struct node_input *in, size_t *n, struct diag *d)
{
    size_t before = d->errors, k = 0;
    for (json_each(it, json_get(record, "inputs"))) {
        struct str source = json_get_str(it.val, "source"),
                   name = json_get_str(it.val, "name");
        const struct json *coding = json_get(it.val, "coding");
        struct node_input *x = &in[k];
        if (k == NODE_INPUTS_MAX)
            return AM_E_TOOBIG;
        *x = (struct node_input){
            .name = name, .unit = json_get_str(it.val, "unit"), .value = NAN};
        if (str_starts(source, STR("patient."))) {
            x->value = node_from_patient(it.val, source, c, at, d);
        } else {
            x->from = fhir_chart_find(c, json_get_str(coding, "system"),
                                      json_get_str(coding, "code"));
            if (x->from)
                x->value = node_observed(it.val, x->from, d);
        }
        if (isnan(x->value) && d->errors == before &&
            !json_bool(json_get(it.val, "missing_allowed"), false))
            node_input_bad(d, name, "input.missing", "this value is needed");
        node_check_range(it.val, x->value, d);
        k++;
    }
    *n = k;
    return d->errors > before ? AM_E_INVALID : AM_OK;
}

/* An age in whole years, or {value, unit} in UCUM time. */
static double node_age_bound(const struct json *v, double otherwise)
{
    double years;
    if (json_type(v) == JSON_NUMBER)
        return json_num(v, otherwise);
    if (fhir_unit_convert(json_num(json_get(v, "value"), NAN), json_get_str(v, "unit"),
                          STR("a"), &years) == AM_OK &&
        isfinite(years))
        return years;
    return otherwise;
}

bool node_in_population(const struct json *record, const struct fhir_patient *p,
                        int64_t at, const char **why)
{
    const struct json *pop = json_get(record, "population");
    double lo = node_age_bound(json_get(pop, "age_min"), INFINITY),
           hi = node_age_bound(json_get(pop, "age_max"), -INFINITY), age;
    struct str sex = json_get_str(pop, "sex");
    *why = "the birth date is not known";
    if (!p->has_birth || p->birth_at > at)
        return false;
    age = fhir_age_years(p->birth_at, at);
    *why = "the patient's age is outside the declared population";
    if (!(age >= lo && age <= hi))
        return false;
    *why = "the patient's sex is outside the declared population";
    /* A word we do not know admits nobody. */
    if (!str_eqc(sex, "any") && !(str_eqc(sex, "male") && p->sex == FHIR_MALE) &&
        !(str_eqc(sex, "female") && p->sex == FHIR_FEMALE))
        return false;
    *why = "";
    return true;
}
