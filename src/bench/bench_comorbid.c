/* SPDX-License-Identifier: Apache-2.0 */
/* bench_comorbid -- row EQ-11: is the model as good for those who have something else?
 * Sensitivity, false alarms and calibration with and without each declared comorbidity,
 * compared within strata of age and sex; and, where an input carries the flag, what the
 * score does when that input alone is switched. */
#include "bench/bench_oracle.h"
#include "stat/stat_calib.h"
#include "stat/stat_meta.h"
#include "stat/stat_shrink.h"

enum { TOGGLED = 1000, SIDE_N = 100, SIDE_CLASS = 30, CITL_CLASS = 5 };

struct comorbid {
    struct bench_run *r;
    const struct bench_flag *flag;
    const struct bench_attribute *sex, *age;
    struct stat_stratum *tpr, *fpr;
    size_t strata;
    int64_t n[2], m[2]; /* without, with: rows, positives */
    char group[48];     /* no '=': not a group of people, whose size a policy reads */
};

static size_t part(const struct bench_attribute *a, uint32_t at)
{
    return !a ? 0 : a->id[at] == BENCH_NO_GROUP ? a->value.n : a->id[at];
}

static size_t parts(const struct bench_attribute *a)
{
    return a ? a->value.n + 1 : 1;
}

static size_t stratum(const struct comorbid *c, size_t i)
{
    uint32_t at = c->r->of[i];
    return part(c->sex, at) * parts(c->age) + part(c->age, at);
}

static int emit(struct comorbid *c, const char *name, double v, struct stat_ci ci,
                const char *how)
{
    return bench_emit(c->r, "EQ-11", name, c->group, v, (const double[2]){ci.lo, ci.hi},
                      how, c->n[1], c->m[1]);
}

static int count(struct comorbid *c)
{
    const struct bench_run *r = c->r;
    c->strata = parts(c->sex) * parts(c->age);
    c->tpr = am_calloc(c->strata, sizeof *c->tpr);
    c->fpr = am_calloc(c->strata, sizeof *c->fpr);
    if (!c->tpr || !c->fpr)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->used; i++) {
        double flag = c->flag->v[r->of[i]];
        size_t v = flag == 1;
        struct stat_stratum *s = &(r->y[i] ? c->tpr : c->fpr)[stratum(c, i)];
        if (isnan(flag))
            continue;
        c->n[v]++;
        c->m[v] += r->y[i];
        *(v ? &s->n1 : &s->n0) += 1;
        *(v ? &s->x1 : &s->x0) += r->s[i] >= r->threshold;
    }
    return AM_OK;
}

static bool enough(const struct comorbid *c)
{
    for (size_t v = 0; v < 2; v++)
        if (c->n[v] < SIDE_N || c->m[v] < SIDE_CLASS || c->n[v] - c->m[v] < SIDE_CLASS)
            return false;
    return true;
}

static struct stat_ci absolute(struct stat_ci ci)
{
    double a = fabs(ci.lo), b = fabs(ci.hi);
    return (struct stat_ci){ci.lo <= 0 && ci.hi >= 0 ? 0 : fmin(a, b), fmax(a, b)};
}

static int rates(struct comorbid *c)
{
    struct stat_strata t, f;
    double dt, df;
    int err;
    stat_mantel_haenszel(c->tpr, c->strata, &t);
    stat_mantel_haenszel(c->fpr, c->strata, &f);
    dt = fabs(t.difference);
    df = fabs(f.difference);
    err = emit(c, "tpr_difference", t.difference, t.difference_ci, "mantel-haenszel");
    if (!err)
        err = emit(c, "fpr_difference", f.difference, f.difference_ci, "mantel-haenszel");
    if (err)
        return err;
    return emit(c, "abs_comorbidity_delta", isnan(dt) || isnan(df) ? NAN : fmax(dt, df),
                absolute(dt >= df ? t.difference_ci : f.difference_ci),
                "mantel-haenszel");
}

/* ---- calibration: the differences of the strata, weighed by their variances
 * ------------ */
static int citl_of(const struct comorbid *c, size_t k, double v, double *s, uint8_t *y,
                   struct stat_calibration *out)
{
    const struct bench_run *r = c->r;
    size_t n = 0, m = 0;
    *out = (struct stat_calibration){.citl = NAN, .citl_se = NAN};
    for (size_t i = 0; i < r->used; i++) {
        if (c->flag->v[r->of[i]] != v || stratum(c, i) != k)
            continue;
        s[n] = r->s[i];
        m += y[n++] = r->y[i];
    }
    return m < CITL_CLASS || n - m < CITL_CLASS ? AM_OK : stat_calibration(s, y, n, out);
}

static int citl(struct comorbid *c)
{
    const struct bench_run *r = c->r;
    double *s = am_malloc((r->used + 1) * sizeof *s),
           *d = am_calloc(c->strata, sizeof *d), *v = am_calloc(c->strata, sizeof *v);
    uint8_t *y = am_malloc(r->used + 1);
    struct stat_meta all;
    int err = s && d && v && y ? AM_OK : AM_E_NOMEM;
    for (size_t k = 0; k < c->strata && !err; k++) {
        struct stat_calibration off, on;
        err = citl_of(c, k, 0, s, y, &off);
        if (!err)
            err = citl_of(c, k, 1, s, y, &on);
        if (err)
            break;
        d[k] = on.citl - off.citl;
        v[k] = on.citl_se * on.citl_se + off.citl_se * off.citl_se;
    }
    if (!err) {
        stat_meta_dl(d, v, c->strata, &all);
        err = emit(c, "citl_difference", all.fixed, all.fixed_ci, "inverse-variance");
    }
    free(s);
    free(d);
    free(v);
    free(y);
    return err;
}

/* ---- the input alone is switched
 * -------------------------------------------------------- */
static int ask_both(struct comorbid *c, size_t input, size_t n, double *x, double *a,
                    double *b, bool *answered)
{
    struct bench_run *r = c->r;
    struct bench_oracle o;
    size_t f = r->feature.n, asked[2] = {0};
    int err = bench_oracle_open(&o, r, (int64_t)(2 * n));
    if (err)
        return err;
    for (unsigned to = 0; to < 2 && !err; to++) {
        for (size_t i = 0; i < n; i++) {
            memcpy(x + i * f, r->x + r->of[i * r->used / n] * f, f * sizeof *x);
            x[i * f + input] = to;
        }
        err = probe_ask(&o.probe, x, n, to ? b : a, &asked[to]);
    }
    *answered = asked[0] == n && asked[1] == n && !o.dead;
    bench_oracle_close(&o);
    return err;
}

static int tell_toggle(struct comorbid *c, const double *a, const double *b, size_t n)
{
    struct stat_sum moved = {0};
    int64_t flips = 0, good = 0;
    struct stat_ci ci;
    int err;
    for (size_t i = 0; i < n; i++) {
        if (isnan(a[i]) || isnan(b[i]))
            continue;
        good++;
        stat_add(&moved, fabs(a[i] - b[i]));
        flips += (a[i] >= c->r->threshold) != (b[i] >= c->r->threshold);
    }
    ci = stat_wilson(flips, good);
    err = bench_emit(c->r, "EQ-11", "toggle_mean_abs_ds", c->group,
                     good ? stat_total(&moved) / (double)good : NAN, bench_no_ci,
                     "oracle", good, 0);
    return err ? err
               : bench_emit(c->r, "EQ-11", "toggle_flip_rate", c->group,
                            stat_proportion(flips, good), (const double[2]){ci.lo, ci.hi},
                            "wilson", good, 0);
}

static int toggle(struct comorbid *c)
{
    struct bench_run *r = c->r;
    size_t input = 0, n = AM_MIN(r->used, (size_t)TOGGLED), f = r->feature.n;
    double *x, *a;
    bool answered = false;
    int err;
    while (input < f && !str_eq(r->feature.v[input].name, c->flag->input))
        input++;
    if (!c->flag->input.n || input == f || !n || r->kept_csv)
        return AM_OK;
    x = am_malloc(n * f * sizeof *x);
    a = am_malloc(2 * n * sizeof *a);
    err = x && a ? ask_both(c, input, n, x, a, a + n, &answered) : AM_E_NOMEM;
    if (!err && answered)
        err = tell_toggle(c, a, a + n, n);
    else if (!err)
        err =
            emit(c, "toggle_flip_rate", NAN, (struct stat_ci){NAN, NAN}, "model_failed");
    free(x);
    free(a);
    return err;
}

static int one(struct comorbid *c)
{
    int err = count(c);
    if (!err && !enough(c))
        err = emit(c, "abs_comorbidity_delta", NAN, (struct stat_ci){NAN, NAN},
                   "too_few_people");
    else if (!err)
        err = rates(c);
    if (!err && enough(c))
        err = citl(c);
    return err ? err : toggle(c);
}

int bench_comorbidities(struct bench_run *r)
{
    struct bench_flags f = {0};
    int err = bench_flags(r, "comorbidities", &f);
    for (size_t i = 0; i < f.n && !err; i++) {
        struct comorbid c = {.r = r,
                             .flag = &f.flag[i],
                             .sex = bench_attribute(r, "sex"),
                             .age = bench_attribute(r, "age_band")};
        snprintf(c.group, sizeof c.group, "comorbidity:%.*s", STR_FMT(f.flag[i].code));
        err = one(&c);
        free(c.tpr);
        free(c.fpr);
    }
    if (!err && !f.n)
        err = bench_fact(r, "EQ-11", "abs_comorbidity_delta", NAN, "none_declared");
    bench_flags_release(&f);
    return err;
}
