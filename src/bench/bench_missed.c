/* SPDX-License-Identifier: Apache-2.0 */
/* bench_missed -- row EQ-10: who has the condition and is not found. Per declared
 * condition (all positives when none is) and population: the share of positives missed
 * with its exact interval; the worst population against the best; of a rare condition
 * only what its few positives could exclude. */
#include "bench/bench_priv.h"
#include "stat/stat_shrink.h"

enum { MISSED_MIN = 30 };
#define RARE_SHARE 0.01

struct missed {
    struct bench_run *r;
    const struct bench_flag *flag; /* NULL: every row */
    char name[64];                 /* "condition=73211009" */
    int64_t rows, positives, missed, known;
};
/* Of one attribute, over the conditions that are not rare. */
struct worst {
    struct stat_ratio ratio;
    int64_t positives;
    bool any;
};

static bool has(const struct missed *m, size_t i)
{
    return !m->flag || m->flag->v[m->r->of[i]] == 1;
}

static void count(struct missed *m)
{
    const struct bench_run *r = m->r;
    for (size_t i = 0; i < r->used; i++) {
        m->known += !m->flag || !isnan(m->flag->v[r->of[i]]);
        if (!has(m, i))
            continue;
        m->rows++;
        m->positives += r->y[i];
        m->missed += r->y[i] && r->s[i] < r->threshold;
    }
}

static bool rare(const struct missed *m)
{
    return m->positives < MISSED_MIN ||
           (m->flag && (double)m->rows < RARE_SHARE * (double)m->known);
}

static int tell(struct missed *m, const char *group, int64_t x, int64_t n)
{
    struct stat_ci ci = stat_clopper_pearson(x, n);
    return bench_emit(m->r, "EQ-10", "condition_fnr", group, stat_proportion(x, n),
                      (const double[2]){ci.lo, ci.hi}, "clopper-pearson", n, n);
}

/* Missed and positives of each group of an attribute. */
static void populations(const struct missed *m, const struct bench_attribute *a,
                        int64_t *missed, int64_t *positives)
{
    const struct bench_run *r = m->r;
    for (size_t i = 0; i < r->used; i++) {
        uint16_t id = a->id[r->of[i]];
        if (id == BENCH_NO_GROUP || !r->y[i] || !has(m, i))
            continue;
        positives[id]++;
        missed[id] += r->s[i] < r->threshold;
    }
}

static int tell_populations(struct missed *m, const struct bench_attribute *a,
                            const int64_t *missed, const int64_t *positives)
{
    char group[BENCH_PATH];
    int err = AM_OK;
    for (size_t g = 0; g < a->value.n && !err; g++) {
        if (positives[g] < BENCH_SHOWN_MIN)
            continue;
        snprintf(group, sizeof group, "%s;%s=%s", m->name, a->name, a->value.v[g]);
        err = tell(m, group, missed[g], positives[g]);
    }
    return err;
}

/* Populations of fewer than 30 positives are shown, not compared. */
static int compare(struct missed *m, const struct bench_attribute *a, int64_t *missed,
                   int64_t *positives, struct worst *w)
{
    struct stat_missed u;
    char group[BENCH_PATH];
    int64_t n = 0;
    for (size_t g = 0; g < a->value.n; g++) {
        if (positives[g] < MISSED_MIN)
            missed[g] = positives[g] = 0;
        n += positives[g];
    }
    stat_underdiagnosis(missed, positives, a->value.n, &u);
    /* Not known is worse than any, and stays: the order of the conditions is nobody's. */
    if (!w->any || isnan(u.ratio.ci.hi) || u.ratio.ci.hi > w->ratio.ci.hi) {
        w->ratio = u.ratio;
        w->positives = n;
    }
    w->any = true;
    snprintf(group, sizeof group, "%s;%s", m->name, a->name);
    return bench_emit(m->r, "EQ-10", "condition_fnr_ratio", group, u.ratio.ratio,
                      (const double[2]){u.ratio.ci.lo, u.ratio.ci.hi},
                      u.groups < 2 ? "too_few_populations" : "donner-zou", n, n);
}

static int by_attribute(struct missed *m, struct worst *w)
{
    int err = AM_OK;
    for (size_t k = 0; k < m->r->attribute.n && !err; k++) {
        const struct bench_attribute *a = &m->r->attribute.v[k];
        if (a->context)
            continue; /* a device is no population: RB-6 */
        int64_t *missed = am_calloc(2 * a->value.n + 1, sizeof *missed),
                *positives = missed;
        if (!missed)
            return AM_E_NOMEM;
        positives += a->value.n;
        populations(m, a, missed, positives);
        err = tell_populations(m, a, missed, positives);
        if (!err && !rare(m))
            err = compare(m, a, missed, positives, &w[k]);
        free(missed);
    }
    return err;
}

static int one_condition(struct missed *m, struct worst *w)
{
    int err = AM_OK;
    count(m);
    if (m->positives >= BENCH_SHOWN_MIN)
        err = tell(m, m->name, m->missed, m->positives);
    if (!err && rare(m)) /* "can only exclude a sensitivity below this" */
        err = bench_emit(m->r, "EQ-10", "excludable_sensitivity", m->name,
                         stat_excludable_sensitivity(m->positives), bench_no_ci,
                         "clopper-pearson", m->positives, m->positives);
    return err ? err : by_attribute(m, w);
}

static int tell_worst(struct bench_run *r, const struct worst *w)
{
    int err = AM_OK;
    for (size_t k = 0; k < r->attribute.n && !err; k++) {
        bool no = !w[k].any;
        if (r->attribute.v[k].context)
            continue;
        err = bench_emit(
            r, "EQ-10", "fnr_ratio", r->attribute.v[k].name, no ? NAN : w[k].ratio.ratio,
            no ? bench_no_ci : (const double[2]){w[k].ratio.ci.lo, w[k].ratio.ci.hi},
            no                        ? "only_rare_conditions"
            : isnan(w[k].ratio.ratio) ? "too_few_populations"
                                      : "donner-zou",
            w[k].positives, w[k].positives);
    }
    if (!err && !r->attribute.n)
        err = bench_fact(r, "EQ-10", "fnr_ratio", NAN, "no_population_declared");
    return err;
}

int bench_missed(struct bench_run *r)
{
    struct bench_flags f = {0};
    struct worst *w = am_calloc(r->attribute.n + 1, sizeof *w);
    int err = w ? bench_flags(r, "conditions", &f) : AM_E_NOMEM;
    for (size_t i = 0; i < AM_MAX(f.n, (size_t)1) && !err; i++) {
        struct missed m = {.r = r, .flag = f.n ? &f.flag[i] : NULL};
        snprintf(m.name, sizeof m.name, "condition=%.*s",
                 STR_FMT(f.n ? f.flag[i].code : STR("target")));
        err = one_condition(&m, w);
    }
    if (!err)
        err = tell_worst(r, w);
    bench_flags_release(&f);
    free(w);
    return err;
}
