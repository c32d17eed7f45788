/* SPDX-License-Identifier: Apache-2.0 */
/* Points to numbers. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "feature/feature_priv.h"

struct running {
    const struct feature_input *in;
    struct feature_value *out;
    int64_t at;
    struct arena *arena;
    struct diag *d;
    double *number; /* of out->used, in value_unit */
    bool said;      /* the input has a problem already */
};

static void refuse(struct running *r, const char *code, const char *detail)
{
    char path[160];
    struct str name = r->in->ask.name;
    snprintf(path, sizeof path, "/inputs/%.*s", (int)AM_MIN(name.n, 100), name.p);
    diag_err(r->d, path, code, "%s", detail);
    r->said = true;
}

static double number_of_word(struct running *r, struct str code)
{
    for (size_t i = 0; i < r->in->words; i++)
        if (str_eq(r->in->word[i].code, code))
            return r->in->word[i].number;
    refuse(r, "input.code", "this code has no declared value");
    return NAN;
}

/* In value_unit; NAN and a problem told: not convertible. */
static double number_of(struct running *r, const struct feature_point *p)
{
    double v;
    if (p->code.p)
        return number_of_word(r, p->code);
    if (r->in->words) {
        refuse(r, "input.code", "a number, where one of the declared codes is asked");
        return NAN;
    }
    if (!r->in->value_unit.p)
        return p->number;
    /* a bare number is one of "1": never silently of the unit that was hoped for */
    if (!fhir_unit_convert(p->number, p->unit.n ? p->unit : STR("1"), r->in->value_unit,
                           &v))
        return v;
    refuse(r, "input.unit", "the unit cannot be converted to the declared one");
    return NAN;
}

static int order(const void *a, const void *b)
{
    const struct feature_point *x = *(const struct feature_point *const *)a,
                               *y = *(const struct feature_point *const *)b;
    return x->at != y->at ? (x->at < y->at ? -1 : 1) : str_cmp(x->ref, y->ref);
}

/* Those of the window, in order, plausible; F1, F2. */
static int gather(struct running *r, const struct feature_points *p)
{
    const struct feature_input *in = r->in;
    struct feature_value *o = r->out;
    int64_t back = in->ask.look_back_us;
    size_t n = 0;
    if (p->n > FEATURE_POINTS)
        return AM_E_TOOBIG;
    o->used = arena_alloc(r->arena, p->n + 1, sizeof *o->used);
    r->number = arena_alloc(r->arena, p->n + 1, sizeof *r->number);
    if (!o->used || !r->number)
        return AM_E_NOMEM;
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].at <= r->at && (!back || r->at - p->v[i].at < back))
            o->used[n++] = &p->v[i];
    if (n)
        qsort(o->used, n, sizeof *o->used, order);
    for (size_t i = 0; i < n && !r->said; i++) {
        double v = number_of(r, o->used[i]);
        if (v >= in->value_from && v <= in->value_to) {
            r->number[o->n_used] = v;
            o->used[o->n_used++] = o->used[i];
        } else {
            o->dropped++;
        }
    }
    return AM_OK;
}

/* Neumaier's sum: the mean of values of like size loses no digit to their number. */
static double sum(const double *v, size_t n, double minus)
{
    volatile double s = 0, c = 0;
    for (size_t i = 0; i < n; i++) {
        double x = v[i] - minus;
        volatile double t = s + x;
        c += fabs(s) >= fabs(x) ? (s - t) + x : (x - t) + s;
        s = t;
    }
    return s + c;
}

/* Least squares: sum (t - t0)(v - v0) / sum (t - t0)^2, t in seconds from the first. */
static double slope(const struct running *r)
{
    const struct feature_value *o = r->out;
    size_t n = o->n_used;
    double t0 = 0, v0, num = 0, den = 0;
    if (n < 2 || o->used[0]->at == o->used[n - 1]->at)
        return NAN;
    v0 = sum(r->number, n, 0) / (double)n;
    for (size_t i = 0; i < n; i++)
        t0 += (double)(o->used[i]->at - o->used[0]->at) / 1e6 / (double)n;
    for (size_t i = 0; i < n; i++) {
        double t = (double)(o->used[i]->at - o->used[0]->at) / 1e6 - t0;
        num += t * (r->number[i] - v0);
        den += t * t;
    }
    return num / den;
}

static double derived(struct running *r, double v, struct str from)
{
    double x;
    if (isnan(v) || !fhir_unit_convert(v, from, r->in->ask.unit, &x))
        return isnan(v) ? v : x;
    refuse(r, "input.unit", "the unit cannot be converted to the declared one");
    return NAN;
}

static void keep_one(struct feature_value *o, size_t i)
{
    o->used[0] = o->used[i];
    o->n_used = 1;
}

static double aggregate(struct running *r)
{
    struct feature_value *o = r->out;
    size_t n = o->n_used, at = 0;
    double v;
    if (r->in->ask.aggregate == FEATURE_COUNT)
        return derived(r, (double)n, STR("1"));
    if (!n)
        return NAN;
    switch (r->in->ask.aggregate) {
    case FEATURE_LAST:
        at = n - 1;
        break;
    case FEATURE_FIRST:
        break;
    case FEATURE_MIN:
        for (size_t i = 1; i < n; i++)
            at = r->number[i] < r->number[at] ? i : at;
        break;
    case FEATURE_MAX_OF:
        for (size_t i = 1; i < n; i++)
            at = r->number[i] > r->number[at] ? i : at;
        break;
    case FEATURE_MEAN:
        return sum(r->number, n, 0) / (double)n;
    case FEATURE_SLOPE:
        return derived(r, slope(r), r->in->rate_unit);
    case FEATURE_COUNT:
    case FEATURE_TIME_SINCE:
        v = (double)(r->at - o->used[n - 1]->at) / 1e6;
        keep_one(o, n - 1);
        return derived(r, v, STR("s"));
    }
    v = r->number[at];
    keep_one(o, at);
    return v;
}

/* ---- what is missing or cannot be ---- */
static void settle(struct running *r, double v)
{
    const struct feature_input *in = r->in;
    struct feature_value *o = r->out;
    bool odd = o->dropped || (!isnan(v) && !(v >= in->from && v <= in->to));
    char text[128];
    if (odd && in->implausible == FEATURE_REFUSE) {
        if (o->dropped)
            snprintf(text, sizeof text, "%zu of its values are not plausible",
                     o->dropped);
        else
            snprintf(text, sizeof text, "%g is outside the plausible range [%g, %g]", v,
                     in->from, in->to);
        refuse(r, "input.out_of_range", text);
        return;
    }
    if (!isnan(v) && !(v >= in->from && v <= in->to)) {
        o->dropped++;
        v = NAN;
    }
    o->value = v;
    if (!isnan(v))
        return;
    o->state = FEATURE_MISSING;
    o->n_used = 0;
    if (o->dropped ? in->implausible == FEATURE_IMPUTE : in->missing == FEATURE_IMPUTE) {
        o->value = in->impute;
        o->state = FEATURE_IMPUTED;
    } else if (in->missing == FEATURE_REFUSE) {
        refuse(r, "input.missing", "this value is needed");
    } else if (in->missing == FEATURE_IMPUTE) {
        o->value = in->impute; /* flagged as implausible, then missing, then imputed */
        o->state = FEATURE_IMPUTED;
    }
}

static double of_patient(struct running *r, const struct fhir_patient *p)
{
    if (r->in->source == FEATURE_AGE)
        return p->has_birth && p->birth_at <= r->at
                   ? (double)fhir_age_years(p->birth_at, r->at)
                   : (double)NAN;
    if (p->sex == FHIR_MALE)
        return number_of_word(r, STR("male"));
    if (p->sex == FHIR_FEMALE)
        return number_of_word(r, STR("female"));
    return NAN;
}

static int run_one(struct running *r, const struct fhir_patient *patient,
                   const struct feature_points *points)
{
    double v;
    int err = AM_OK;
    *r->out = (struct feature_value){.value = NAN};
    if (r->in->source == FEATURE_OBSERVED) {
        err = gather(r, points);
        if (err || r->said)
            return err;
        v = aggregate(r);
    } else {
        v = of_patient(r, patient);
    }
    if (!r->said)
        settle(r, v);
    if (r->out->n_used)
        r->out->at = r->out->used[r->out->n_used - 1]->at;
    return AM_OK;
}

int feature_run(const struct feature_plan *p, const struct fhir_patient *patient,
                const struct feature_points *points, int64_t at, struct arena *arena,
                struct feature_value *out, struct diag *d)
{
    bool bad = false;
    for (size_t i = 0; i < p->n; i++) {
        struct running r = {
            .in = &p->in[i], .out = &out[i], .at = at, .arena = arena, .d = d};
        int err = run_one(&r, patient, &points[i]);
        if (err)
            return err;
        bad = bad || r.said;
    }
    return bad ? AM_E_INVALID : AM_OK;
}

void feature_write(const struct feature_plan *p, const struct feature_value *v,
                   struct jw *w)
{
    static const char *const state[] = {"given", "missing", "imputed"};
    char at[TIME_TEXT];
    jw_arr(w);
    for (size_t i = 0; i < p->n; i++) {
        jw_obj(w);
        jw_kstr(w, "name", p->in[i].ask.name);
        jw_knum(w, "value", v[i].value);
        jw_kstr(w, "unit", p->in[i].ask.unit);
        jw_kstrz(w, "state", state[v[i].state]);
        if (v[i].dropped)
            jw_kint(w, "dropped", (int64_t)v[i].dropped);
        if (v[i].n_used) {
            jw_kstrz(w, "at", time_format(v[i].at, at));
            jw_key(w, "used");
            jw_arr(w);
            for (size_t k = 0; k < v[i].n_used; k++)
                jw_str(w, v[i].used[k]->ref);
            jw_arr_end(w);
        }
        jw_obj_end(w);
    }
    jw_arr_end(w);
}
