/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of a record that a schema cannot say and that need nothing but the record: order
 * of dates and bounds, sums, one name once (registry.md, section 3). Each problem has the
 * pointer of the value to change. */
#include "registry/registry_priv.h"

#include <math.h>

#include "fhir/fhir.h"
#include "model/model.h"

void registry_problem(struct diag *d, const char *code, const char *detail,
                      const char *path, ...)
{
    char at[192];
    va_list ap;
    va_start(ap, path);
    vsnprintf(at, sizeof at, path, ap);
    va_end(ap);
    diag_add(d, DIAG_ERROR, at, code, "%s", detail);
}

/* Dates and instants of the schema sort as text; an instant starts with its date. */
static struct str rule_day(struct str s)
{
    return str_sub(s, 0, 10);
}

static bool rule_after(struct str a, struct str b)
{
    return a.n >= 10 && b.n >= 10 && str_cmp(rule_day(a), rule_day(b)) > 0;
}

static bool rule_inside(const struct json *range, const struct json *v)
{
    double x = json_num(v, NAN), lo = json_num(json_at(range, 0), NAN),
           hi = json_num(json_at(range, 1), NAN);
    return isnan(x) || isnan(lo) || isnan(hi) || (x >= lo && x <= hi);
}

/* One member, one element each: "name" of inputs, "id" of risks... */
static void rule_once(const struct json *list, const char *list_name, const char *member,
                      struct diag *d)
{
    struct map seen;
    size_t at;
    map_init(&seen);
    for (json_each(it, list)) {
        struct str s = json_get_str(it.val, member);
        if (!s.n)
            continue;
        if (map_get(&seen, s, &at) == AM_OK)
            registry_problem(d, "record.twice", "this name is already taken above",
                             "/%s/%zu/%s", list_name, it.i, member);
        else if (map_set(&seen, s, it.i))
            break; /* out of memory: the problem is not ours to invent */
    }
    map_release(&seen);
}

static void rule_range(const struct json *range, const char *list, size_t i,
                       struct diag *d)
{
    if (json_num(json_at(range, 0), 0) > json_num(json_at(range, 1), INFINITY))
        registry_problem(d, "record.range_inverted", "the lower bound is above the upper",
                         "/%s/%zu/range", list, i);
}

static void rule_unit(const struct json *v, const char *list, size_t i, struct diag *d)
{
    struct str unit = json_get_str(v, "unit");
    if (unit.n && fhir_unit_check(unit))
        registry_problem(d, "record.unit_unknown", "not a UCUM unit this registry knows",
                         "/%s/%zu/unit", list, i);
}

/* Field 13: a training is named by a code that a certificate on an account can carry
 * (a list of CODE=DATE there), once. */
static void rule_trainings(const struct json *record, struct diag *d)
{
    const struct json *list = json_get(record, "required_training");
    rule_once(list, "required_training", "code", d);
    for (json_each(it, list)) {
        struct str code = json_get_str(it.val, "code");
        bool good = code.n <= 63;
        for (size_t i = 0; i < code.n && good; i++)
            good =
                (unsigned char)code.p[i] > ' ' && code.p[i] != '=' && code.p[i] != 0x7f;
        if (!good)
            registry_problem(d, "record.training_code",
                             "at most 63 bytes, no space, no equals sign",
                             "/required_training/%zu/code", it.i);
    }
}

/* An image is the only input: source, type and member say so together, it has the pixels
 * that a model here can read (MODEL_FEATURES_MAX), and is not missing. */
static void rule_image(const struct json *in, const struct json *one, size_t i,
                       struct diag *d)
{
    const struct json *image = json_get(one, "image"), *range = json_get(one, "range");
    bool typed = json_str_is(json_get(one, "type"), "image");
    double pixels = json_num(json_get(image, "width"), 0) *
                    json_num(json_get(image, "height"), 0) *
                    json_num(json_get(image, "channels"), 0);
    if (typed == json_str_is(json_get(one, "source"), "imaging") && typed == !!image &&
        (!typed || (json_size(in) == 1 && pixels <= MODEL_FEATURES_MAX &&
                    !json_bool(json_get(one, "missing_allowed"), false) &&
                    json_num(json_at(range, 0), 0) < json_num(json_at(range, 1), 1))))
        return;
    registry_problem(d, "record.image_input",
                     "an image is the only input, of source imaging, of at most 4,096 "
                     "values, never missing",
                     "/inputs/%zu", i);
}

static void rule_inputs(const struct json *record, struct diag *d)
{
    const struct json *in = json_get(record, "inputs");
    rule_once(in, "inputs", "name", d);
    for (json_each(it, in)) {
        rule_image(in, it.val, it.i, d);
        struct str source = json_get_str(it.val, "source");
        const struct json *range = json_get(it.val, "range");
        rule_range(range, "inputs", it.i, d);
        rule_unit(it.val, "inputs", it.i, d);
        if (str_starts(source, STR("patient.")) &&
            !json_bool(json_get(it.val, "protected"), true))
            registry_problem(d, "record.protected_unflagged",
                             "age and sex are protected variables",
                             "/inputs/%zu/protected", it.i);
        for (json_each(v, json_get(it.val, "values")))
            if (!rule_inside(range, v.val))
                registry_problem(
                    d, "record.value_outside", "a number the range does not hold",
                    "/inputs/%zu/values/%.*s", it.i, (int)AM_MIN(v.key.n, 64), v.key.p);
        for (json_each(v, json_get(it.val, "value_texts")))
            if (!json_getn(json_get(it.val, "values"), v.key))
                registry_problem(d, "record.value_text", "words for a code that is not",
                                 "/inputs/%zu/value_texts/%.*s", it.i,
                                 (int)AM_MIN(v.key.n, 64), v.key.p);
    }
}

static void rule_outputs(const struct json *record, struct diag *d)
{
    const struct json *out = json_get(record, "outputs");
    rule_once(out, "outputs", "name", d);
    for (json_each(it, out)) {
        const struct json *range = json_get(it.val, "range");
        rule_range(range, "outputs", it.i, d);
        rule_unit(it.val, "outputs", it.i, d);
        if (!rule_inside(range, json_get(it.val, "threshold")))
            registry_problem(d, "record.threshold_outside",
                             "the threshold is outside the range of the output",
                             "/outputs/%zu/threshold", it.i);
        if (json_str_is(json_get(it.val, "type"), "probability") &&
            (json_num(json_at(range, 0), 0) < 0 || json_num(json_at(range, 1), 1) > 1))
            registry_problem(d, "record.probability_range",
                             "a probability lies between 0 and 1", "/outputs/%zu/range",
                             it.i);
    }
}

static const struct json *rule_output(const struct json *record, struct str name)
{
    for (json_each(it, json_get(record, "outputs")))
        if (str_eq(json_get_str(it.val, "name"), name))
            return it.val;
    return NULL;
}

static void rule_plan(const struct json *record, struct diag *d)
{
    const struct json *plan = json_get(record, "evaluation_plan"),
                      *range = json_get(plan, "utility_range");
    if (json_num(json_get(range, "low"), 0) > json_num(json_get(range, "high"), 1))
        registry_problem(d, "record.range_inverted", "the lower bound is above the upper",
                         "/evaluation_plan/utility_range");
    for (json_each(it, json_get(plan, "thresholds"))) {
        struct str name = json_get_str(it.val, "output");
        const struct json *out = rule_output(record, name);
        if (name.n && !out)
            registry_problem(d, "record.output_unknown", "no output has this name",
                             "/evaluation_plan/thresholds/%zu/output", it.i);
        else if (!rule_inside(json_get(out, "range"), json_get(it.val, "value")))
            registry_problem(d, "record.threshold_outside",
                             "the threshold is outside the range of the output",
                             "/evaluation_plan/thresholds/%zu/value", it.i);
    }
}

/* registry.md field 30: from <= to <= the day of the declaration. */
static void rule_data(const struct json *record, const char *list, struct diag *d)
{
    struct str today = json_get_str(record, "issued_at");
    for (json_each(it, json_get(record, list))) {
        struct str from = json_get_str(it.val, "from"), to = json_get_str(it.val, "to");
        if (rule_after(from, to))
            registry_problem(d, "record.dates_inverted", "ends before it starts",
                             "/%s/%zu/to", list, it.i);
        if (rule_after(to, today))
            registry_problem(d, "record.date_ahead", "data later than the declaration",
                             "/%s/%zu/to", list, it.i);
        if (json_int(json_get(it.val, "n_patients"), 0) >
            json_int(json_get(it.val, "n_rows"), INT64_MAX))
            registry_problem(d, "record.more_patients_than_rows",
                             "every patient has at least one row", "/%s/%zu/n_rows", list,
                             it.i);
        if (!registry_country(json_get_str(it.val, "country")) &&
            json_get_str(it.val, "country").n)
            registry_problem(d, "record.country_unknown", "not an ISO 3166-1 code",
                             "/%s/%zu/country", list, it.i);
    }
}

/* Field 32: for each variable the groups make 100 %, within what rounding explains. */
static void rule_representativeness(const struct json *record, struct diag *d)
{
    const struct json *list = json_get(record, "representativeness");
    for (json_each(it, list)) {
        struct str variable = json_get_str(it.val, "variable");
        double sum = 0;
        bool first = true;
        for (json_each(other, list)) {
            if (!str_eq(json_get_str(other.val, "variable"), variable))
                continue;
            if (other.i < it.i)
                first = false;
            sum += json_num(json_get(other.val, "pct"), 0);
        }
        if (first && variable.n && fabs(sum - 100) > 0.5 + 1e-9) {
            char text[48];
            snprintf(text, sizeof text, "the groups add up to %.2f %%", sum);
            registry_problem(d, "record.not_hundred", text, "/representativeness/%zu/pct",
                             it.i);
        }
        if (json_size(list) > 300)
            break; /* quadratic: the schema allows 1,000, people declare a dozen */
    }
}

/* Field 44: a change once, a limit once; a claim names the version it changes. */
static void rule_changes(const struct json *record, struct diag *d)
{
    const struct json *list = json_get(json_get(record, "change_plan"), "changes");
    rule_once(list, "change_plan/changes", "type", d);
    for (json_each(it, list))
        for (json_each(limit, json_get(it.val, "acceptance")))
            for (json_each(other, json_get(it.val, "acceptance")))
                if (other.i < limit.i &&
                    json_equal(json_get(other.val, "row"), json_get(limit.val, "row")) &&
                    json_equal(json_get(other.val, "measure"),
                               json_get(limit.val, "measure")) &&
                    json_equal(json_get(other.val, "op"), json_get(limit.val, "op"))) {
                    registry_problem(d, "record.twice", "this limit is given above",
                                     "/change_plan/changes/%zu/acceptance/%zu", it.i,
                                     limit.i);
                    break;
                }
    if (json_get(record, "planned_change") && !json_get(record, "previous_version"))
        registry_problem(d, "record.change_of_nothing",
                         "say which version these weights change", "/planned_change");
}

static void rule_regulatory(const struct json *record, struct diag *d)
{
    const struct json *list = json_get(json_get(record, "regulatory"), "certificates");
    struct str today = json_get_str(record, "issued_at");
    for (json_each(it, list)) {
        struct str from = json_get_str(it.val, "issued"),
                   to = json_get_str(it.val, "expires");
        if (rule_after(from, to))
            registry_problem(d, "record.dates_inverted", "ends before it starts",
                             "/regulatory/certificates/%zu/expires", it.i);
        else if (rule_after(today, to))
            registry_problem(d, "record.certificate_expired", "expired at declaration",
                             "/regulatory/certificates/%zu/expires", it.i);
        if (rule_after(from, today))
            registry_problem(d, "record.date_ahead", "issued after the declaration",
                             "/regulatory/certificates/%zu/issued", it.i);
    }
}

/* Field 39: TLS 1.2 or later, said so. */
static bool rule_tls(struct str s)
{
    static const char *const good[] = {"TLS 1.2", "TLS 1.3", "TLS1.2",
                                       "TLS1.3",  "TLSv1.2", "TLSv1.3"};
    for (size_t g = 0; g < AM_LEN(good); g++)
        for (size_t i = 0; i + strlen(good[g]) <= s.n; i++)
            if (memcmp(s.p + i, good[g], strlen(good[g])) == 0)
                return true;
    return false;
}

static void rule_safety(const struct json *record, struct diag *d)
{
    struct str method = json_get_str(json_get(record, "explainability"), "method"),
               transit = json_get_str(json_get(record, "cybersecurity"),
                                      "encryption_in_transit");
    rule_once(json_get(record, "risks"), "risks", "id", d);
    if (str_eqc(method, "none") &&
        !json_str_is(json_get(record, "criticality"), "standard"))
        registry_problem(d, "record.explanation_due",
                         "no explanation is accepted only where criticality is standard",
                         "/explainability/method");
    if (transit.n && !rule_tls(transit))
        registry_problem(d, "record.tls", "name TLS 1.2 or later",
                         "/cybersecurity/encryption_in_transit");
}

static void rule_identity(const struct json *record, struct diag *d)
{
    struct str label = json_get_str(record, "version_label"),
               seed = json_str(json_get(record, "random_seed"));
    const struct json *before = json_get(record, "previous_version"),
                      *population = json_get(record, "population");
    if (before &&
        registry_semver(label, json_get_str(before, "version_label")) == REGISTRY_BEFORE)
        registry_problem(d, "record.version_not_greater",
                         "the version must be greater than the one it follows",
                         "/version_label");
    if (before && label.n &&
        str_eq(json_get_str(before, "model_digest"),
               json_get_str(record, "model_digest")))
        registry_problem(d, "record.own_predecessor", "a version cannot follow itself",
                         "/previous_version");
    if (json_int(json_get(population, "age_min"), 0) >
        json_int(json_get(population, "age_max"), INT64_MAX))
        registry_problem(d, "record.range_inverted", "the lower bound is above the upper",
                         "/population/age_max");
    if (seed.n > 20 || (seed.n == 20 && str_cmp(seed, STR("18446744073709551615")) > 0))
        registry_problem(d, "record.seed_range", "at most 18446744073709551615",
                         "/random_seed");
    for (json_each(it, json_get(record, "countries_available")))
        if (!registry_country(json_str(it.val)) && json_str(it.val).n)
            registry_problem(d, "record.country_unknown", "not an ISO 3166-1 code",
                             "/countries_available/%zu", it.i);
}

void registry_rule_version(const struct json *record, struct diag *d)
{
    rule_identity(record, d);
    registry_rule_codes(record, d);
    rule_trainings(record, d);
    rule_inputs(record, d);
    rule_outputs(record, d);
    rule_plan(record, d);
    rule_data(record, "training_data", d);
    rule_data(record, "validation_data", d);
    rule_representativeness(record, d);
    rule_safety(record, d);
    rule_regulatory(record, d);
    rule_changes(record, d);
}

void registry_rule_algorithm(const struct json *record, struct diag *d)
{
    static const char *const party[] = {"developer", "local_representative", "declarant"};
    for (size_t i = 0; i < AM_LEN(party); i++) {
        struct str country = json_get_str(json_get(record, party[i]), "country");
        if (country.n && !registry_country(country))
            registry_problem(d, "record.country_unknown", "not an ISO 3166-1 code",
                             "/%s/country", party[i]);
        else if (i == 1 && country.n && !str_eqc(country, "MA"))
            registry_problem(d, "record.representative_abroad",
                             "the representative is in Morocco", "/%s/country", party[i]);
    }
}

/* Fields 56 and 75: low <= estimate <= high, and an interval says how it was made. */
static void rule_measure(const struct json *m, const char *list, size_t i, struct diag *d)
{
    double est = json_num(json_get(m, "estimate"), NAN),
           low = json_num(json_get(m, "ci95_low"), NAN),
           high = json_num(json_get(m, "ci95_high"), NAN);
    if (est < low - 1e-12 || est > high + 1e-12)
        registry_problem(d, "record.estimate_outside",
                         "the estimate is outside its interval", "/%s/%zu/estimate", list,
                         i);
    else if (low > high)
        registry_problem(d, "record.range_inverted", "the lower bound is above the upper",
                         "/%s/%zu/ci95_high", list, i);
    if ((!isnan(low) || !isnan(high)) && !json_get_str(m, "ci_method").n)
        registry_problem(d, "record.method_unnamed", "name the method of the interval",
                         "/%s/%zu/ci_method", list, i);
}

/* Fields 53 to 58. */
void registry_rule_evidence(const struct json *record, struct diag *d)
{
    const struct json *data = json_get(record, "dataset"),
                      *bench = json_get(record, "bench"),
                      *rows = json_get(record, "rows");
    int64_t n = 0, positives = 0;
    if (rule_after(json_get_str(json_get(data, "period"), "from"),
                   json_get_str(json_get(data, "period"), "to")))
        registry_problem(d, "record.dates_inverted", "ends before it starts",
                         "/dataset/period/to");
    if (str_cmp(json_get_str(bench, "started"), json_get_str(bench, "ended")) > 0)
        registry_problem(d, "record.dates_inverted", "ends before it starts",
                         "/bench/ended");
    for (json_each(it, json_get(data, "sites"))) {
        n += json_int(json_get(it.val, "n"), 0);
        positives += json_int(json_get(it.val, "positives"), 0);
    }
    if (json_get(data, "sites") && n != json_int(json_get(data, "n"), n))
        registry_problem(d, "record.sites_sum", "the sites do not add up to n",
                         "/dataset/n");
    if (json_get(data, "sites") &&
        positives != json_int(json_get(data, "positives"), positives))
        registry_problem(d, "record.sites_sum", "the sites do not add up to positives",
                         "/dataset/positives");
    for (json_each(it, json_get(record, "measures"))) {
        bool listed = false;
        rule_measure(it.val, "measures", it.i, d);
        /* n is what the measure divides by: the negatives, for a specificity. */
        if (json_int(json_get(it.val, "positives"), 0) >
            json_int(json_get(json_get(record, "dataset"), "positives"), INT64_MAX))
            registry_problem(d, "record.more_positives", "more positives than cases",
                             "/measures/%zu/positives", it.i);
        for (json_each(r, rows))
            listed |= str_eq(json_str(r.val), json_get_str(it.val, "row"));
        if (!listed && rows)
            registry_problem(d, "record.row_unlisted", "rows does not name this row",
                             "/measures/%zu/row", it.i);
    }
}

/* Fields 71, 74 to 76. */
void registry_rule_deployment(const struct json *record, struct diag *d)
{
    static const char *const paper[] = {"dpia", "cndp_authorization"};
    struct str today = json_get_str(record, "issued_at");
    const struct json *dpia = json_get(record, "dpia"),
                      *base = json_get(record, "baseline_indicators");
    for (size_t i = 0; i < AM_LEN(paper); i++)
        if (rule_after(today, json_get_str(json_get(record, paper[i]), "expires")))
            registry_problem(d, "record.certificate_expired", "expired at signature",
                             "/%s/expires", paper[i]);
    if (rule_after(json_get_str(dpia, "date"), json_get_str(dpia, "expires")))
        registry_problem(d, "record.dates_inverted", "ends before it starts",
                         "/dpia/expires");
    if (rule_after(json_get_str(json_get(base, "period"), "from"),
                   json_get_str(json_get(base, "period"), "to")))
        registry_problem(d, "record.dates_inverted", "ends before it starts",
                         "/baseline_indicators/period/to");
    rule_once(json_get(base, "values"), "baseline_indicators/values", "code", d);
    for (json_each(it, json_get(record, "local_validation")))
        rule_measure(it.val, "local_validation", it.i, d);
}

void registry_rule_decision(const struct json *record, struct diag *d)
{
    struct str at = json_get_str(record, "decided_at"),
               until = json_get_str(record, "expires_at");
    const struct json *pop = json_get(json_get(record, "scope"), "population");
    if (until.n && at.n && str_cmp(until, at) <= 0)
        registry_problem(d, "record.dates_inverted", "ends before it starts",
                         "/expires_at");
    if (json_int(json_get(pop, "age_min"), 0) >
        json_int(json_get(pop, "age_max"), INT64_MAX))
        registry_problem(d, "record.range_inverted", "the lower bound is above the upper",
                         "/scope/population/age_max");
    rule_once(json_get(record, "signers"), "signers", "key_id", d);
}
