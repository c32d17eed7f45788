/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of a record, compiled once. */
#include <math.h>
#include <stdlib.h>

#include "feature/feature_priv.h"

struct compiling {
    struct feature_plan *p;
    struct diag *d;
    size_t at;
    int err;
};

static void wrong(struct compiling *c, const char *tail, const char *code,
                  const char *detail)
{
    char path[80];
    snprintf(path, sizeof path, "/%zu%s", c->at, tail);
    diag_err(c->d, path, code, "%s", detail);
}

static struct str keep(struct compiling *c, struct str s)
{
    char *p = s.p ? arena_dup(&c->p->arena, s) : NULL;
    if (s.p && !p)
        c->err = AM_E_NOMEM;
    return p ? (struct str){p, s.n} : STR_NULL;
}

/* Index of a word; `otherwise` when there is none. */
static int word_of(struct compiling *c, const struct json *v, const char *const *word,
                   size_t n, int otherwise, const char *tail)
{
    if (!v)
        return otherwise;
    for (size_t i = 0; i < n; i++)
        if (json_str_is(v, word[i]))
            return (int)i;
    wrong(c, tail, "feature.word", "not one of the words this may be");
    return otherwise;
}

static void compile_policies(struct compiling *c, const struct json *input,
                             const struct json *chart, struct feature_input *in)
{
    static const char *const policy[] = {"refuse", "flag", "impute"};
    bool allowed = json_bool(json_get(input, "missing_allowed"), false);
    in->missing = (enum feature_policy)word_of(c, json_get(chart, "missing"), policy, 3,
                                               allowed ? FEATURE_FLAG : FEATURE_REFUSE,
                                               "/chart/missing");
    in->implausible =
        (enum feature_policy)word_of(c, json_get(chart, "implausible"), policy, 3,
                                     FEATURE_REFUSE, "/chart/implausible");
    in->impute = json_num(json_get(chart, "impute"), NAN);
    if ((in->missing == FEATURE_IMPUTE || in->implausible == FEATURE_IMPUTE) !=
        isfinite(in->impute))
        wrong(c, "/chart/impute", "feature.impute",
              "a number to impute is given just when something is imputed");
    if (isfinite(in->impute) && !(in->impute >= in->from && in->impute <= in->to))
        wrong(c, "/chart/impute", "feature.range",
              "the number to impute is outside the range of the input");
    if (in->missing == FEATURE_FLAG && !allowed)
        wrong(c, "/chart/missing", "feature.missing",
              "the model does not accept a missing value (missing_allowed)");
    /* What is left when all values were implausible is missing: it must be allowed. */
    if (in->implausible == FEATURE_FLAG && !allowed && in->missing != FEATURE_IMPUTE)
        wrong(c, "/chart/implausible", "feature.missing",
              "the model does not accept a missing value (missing_allowed)");
}

/* Does the aggregate of such values have the unit the model reads? */
static void compile_units(struct compiling *c, const struct json *chart,
                          struct feature_input *in)
{
    struct str given = json_get_str(chart, "value_unit"), from;
    double x;
    char rate[200];
    bool derived = in->ask.aggregate >= FEATURE_SLOPE;
    in->value_unit = given.p ? keep(c, given) : derived ? STR_NULL : in->ask.unit;
    if (given.p && !derived && !str_eq(given, in->ask.unit))
        wrong(c, "/chart/value_unit", "feature.unit",
              "only a slope, a count or a time has values in another unit than its own");
    if (in->ask.aggregate == FEATURE_SLOPE && !given.p) {
        wrong(c, "/chart", "feature.unit", "a slope needs the unit of its values");
        return;
    }
    if (given.p && fhir_unit_check(given)) {
        wrong(c, "/chart/value_unit", "feature.unit", "not a unit we can convert");
        return;
    }
    if (!derived)
        return;
    snprintf(rate, sizeof rate, "(%.*s)/s", (int)AM_MIN(given.n, 150), given.p);
    from = in->ask.aggregate == FEATURE_SLOPE   ? str_c(rate)
           : in->ask.aggregate == FEATURE_COUNT ? STR("1")
                                                : STR("s");
    if (fhir_unit_convert(1, from, in->ask.unit, &x))
        wrong(c, "/unit", "feature.unit",
              "what the aggregate gives cannot be converted to this unit");
    if (in->ask.aggregate == FEATURE_SLOPE)
        in->rate_unit = keep(c, from);
}

/* Of values that are not in the input's unit the record says apart what is plausible. */
static void compile_value_range(struct compiling *c, const struct json *range,
                                struct feature_input *in)
{
    bool derived = in->ask.aggregate >= FEATURE_SLOPE;
    in->value_from = json_num(json_at(range, 0), derived ? -INFINITY : in->from);
    in->value_to = json_num(json_at(range, 1), derived ? INFINITY : in->to);
    if (range && !derived)
        wrong(c, "/chart/value_range", "feature.range",
              "only a slope, a count or a time has a range of values of its own");
    if (!(in->from <= in->to) || !(in->value_from <= in->value_to))
        wrong(c, "/range", "feature.range", "the range is empty");
}

static void compile_words(struct compiling *c, const struct json *values,
                          struct feature_input *in)
{
    in->words = json_size(values);
    if (!in->words)
        return;
    in->word = arena_alloc(&c->p->arena, in->words, sizeof *in->word);
    if (!in->word) {
        c->err = AM_E_NOMEM;
        return;
    }
    for (json_each(it, values))
        in->word[it.i] = (struct feature_word){keep(c, it.key), json_num(it.val, NAN)};
}

static void compile_input(struct compiling *c, const struct json *input)
{
    static const char *const source[] = {"observation", "patient.age", "patient.sex"};
    static const char *const aggregate[] = {"last", "first", "min",   "max",
                                            "mean", "slope", "count", "time_since"};
    struct feature_input *in = &c->p->in[c->at];
    const struct json *chart = json_get(input, "chart"),
                      *range = json_get(input, "range"),
                      *coding = json_get(input, "coding"),
                      *back = json_get(chart, "look_back_s");
    in->ask.name = keep(c, json_get_str(input, "name"));
    in->ask.unit = keep(c, json_get_str(input, "unit"));
    in->source = (enum feature_source)word_of(c, json_get(input, "source"), source, 3,
                                              FEATURE_OBSERVED, "/source");
    in->ask.aggregate = (enum feature_aggregate)word_of(
        c, json_get(chart, "aggregate"), aggregate, 8, FEATURE_LAST, "/chart/aggregate");
    if (in->source == FEATURE_OBSERVED) {
        in->ask.system = keep(c, json_get_str(coding, "system"));
        in->ask.code = keep(c, json_get_str(coding, "code"));
        if (!in->ask.code.n)
            wrong(c, "/coding", "feature.coding", "an observation is found by its code");
    } else if (chart) {
        wrong(c, "/chart", "feature.source", "only observations have a window");
    }
    if (back &&
        !(json_is_int(back) && json_int(back, 0) >= 1 && json_int(back, 0) <= 3155760000))
        wrong(c, "/chart/look_back_s", "feature.window",
              "a window is of 1 second to 100 years");
    else
        in->ask.look_back_us = json_int(back, 0) * 1000000;
    in->from = json_num(json_at(range, 0), -INFINITY);
    in->to = json_num(json_at(range, 1), INFINITY);
    compile_value_range(c, json_get(chart, "value_range"), in);
    compile_policies(c, input, chart, in);
    compile_units(c, chart, in);
    compile_words(c, json_get(input, "values"), in);
}

int feature_plan_new(struct feature_plan **out, const struct json *inputs, struct diag *d)
{
    struct diag own;
    struct compiling c = {.d = &own};
    int err;
    if (!json_size(inputs) || json_size(inputs) > FEATURE_MAX) {
        diag_err(d, "", "feature.inputs", "1 to %d inputs are asked", FEATURE_MAX);
        return AM_E_INVALID;
    }
    c.p = am_calloc(1, sizeof *c.p);
    if (!c.p)
        return AM_E_NOMEM;
    diag_init(&own);
    arena_init(&c.p->arena, 16 << 20);
    c.p->n = json_size(inputs);
    c.p->in = arena_alloc(&c.p->arena, c.p->n, sizeof *c.p->in);
    c.err = c.p->in ? AM_OK : AM_E_NOMEM;
    for (json_each(it, inputs)) {
        if (c.err)
            break;
        c.at = it.i;
        compile_input(&c, it.val);
    }
    err = c.err ? c.err : diag_result(&own);
    diag_merge(d, &own, "");
    diag_release(&own);
    if (err)
        feature_plan_free(c.p);
    else
        *out = c.p;
    return err;
}

void feature_plan_free(struct feature_plan *p)
{
    if (!p)
        return;
    arena_release(&p->arena);
    free(p);
}

size_t feature_plan_size(const struct feature_plan *p)
{
    return p->n;
}

void feature_plan_ask(const struct feature_plan *p, size_t i, struct feature_ask *out)
{
    am_assert(i < p->n);
    *out = p->in[i].ask;
}
