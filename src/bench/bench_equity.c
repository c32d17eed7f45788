/* SPDX-License-Identifier: Apache-2.0 */
/* bench_equity -- rows EQ-2 to EQ-6: how far apart the groups of one attribute are. Only
 * major groups are compared (label-matrix.md, 2: a group of three rows would decide
 * otherwise); the rest is in EQ-1's table. A measure's group is the attribute. */
#include "bench/bench_priv.h"
#include "stat/stat_calib.h"

enum { PERMUTATIONS = 500 };
static const struct stat_major_rule major_rule = {.n = 100, .n_pos = 30, .n_neg = 30};
static const struct {
    enum stat_measure m;
    const char *row, *name, *short_name;
} spreads[] = {
    {STAT_M_AUC, "EQ-2", "auc_spread", "auc"},
    {STAT_M_TPR, "EQ-3", "tpr_spread", "tpr"},
    {STAT_M_FPR, "EQ-4", "fpr_spread", "fpr"},
    {STAT_M_ODDS, "EQ-4", "equalized_odds_difference", "equalized_odds"},
    {STAT_M_SELECTION, "EQ-5", "demographic_parity_difference", "selection"},
    {STAT_M_PPV, "EQ-6", "ppv_spread", "ppv"},
    {STAT_M_NPV, "EQ-6", "npv_spread", "npv"},
};

struct equity {
    struct bench_run *r;
    const char *attribute;
    struct bench_majors g;
    int err;
};

static void emit(struct equity *e, const char *row, const char *name, double v,
                 const double ci[2], const char *method)
{
    if (!e->err)
        e->err = bench_emit(e->r, row, name, e->attribute, v, ci, method, e->g.n,
                            e->g.positives);
}

/* The rows of the attribute's groups, NaN groups left out; ids as the run has them. */
static int build(const struct bench_run *r, size_t a, struct stat_fair **out)
{
    const struct bench_attribute *at = &r->attribute.v[a];
    size_t n = 0, used = r->used;
    double *s = am_malloc((used + 1) * sizeof *s);
    uint8_t *y = am_malloc(used + 1);
    uint32_t *g = am_malloc((used + 1) * sizeof *g);
    int err = s && y && g ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < used && !err; i++) {
        uint16_t id = at->id[r->of[i]];
        if (id == BENCH_NO_GROUP)
            continue;
        s[n] = r->s[i];
        y[n] = r->y[i];
        g[n++] = id;
    }
    if (!err)
        err = stat_fair_new(out, s, y, g, n, at->value.n, r->threshold);
    free(g);
    free(y);
    free(s);
    return err;
}

int bench_majors(const struct bench_run *r, size_t attribute, struct bench_majors *out)
{
    struct bench_majors m = {0};
    int err = build(r, attribute, &m.fair);
    size_t groups = err ? 0 : stat_fair_groups(m.fair);
    if (!err && !(m.use = am_calloc(groups + 1, sizeof *m.use)))
        err = AM_E_NOMEM;
    if (err) {
        bench_majors_release(&m);
        return err;
    }
    m.major = stat_fair_major(m.fair, &major_rule, m.use);
    for (size_t g = 0; g < groups; g++)
        if (m.use[g]) {
            m.n += stat_fair_group(m.fair, g)->auc.n;
            m.positives += stat_fair_group(m.fair, g)->auc.n_pos;
        }
    *out = m;
    return AM_OK;
}

void bench_majors_release(struct bench_majors *m)
{
    stat_fair_free(m->fair);
    free(m->use);
    *m = (struct bench_majors){0};
}

/* Nothing to compare: said for each row, so that none is silently missing. */
static int too_few(struct equity *e)
{
    for (size_t i = 0; i < AM_LEN(spreads); i++)
        emit(e, spreads[i].row, spreads[i].name, NAN, bench_no_ci,
             "too_few_major_groups");
    return e->err;
}

static int all_spreads(struct equity *e)
{
    struct stat_boot boot[STAT_MEASURES];
    struct stat_null chance[STAT_MEASURES];
    uint64_t test = BENCH_DRAW_EQUITY;
    int err =
        stat_fair_boot(e->g.fair, e->g.use, STAT_BOOT_REPLICATES, e->r->seed, test, boot);
    if (!err)
        err = stat_fair_permute(e->g.fair, e->g.use, PERMUTATIONS, e->r->seed, test + 1,
                                chance);
    for (size_t i = 0; i < AM_LEN(spreads) && !err; i++) {
        const struct stat_boot *b = &boot[spreads[i].m];
        const double ci[2] = {b->percentile.lo, b->percentile.hi};
        char name[64];
        struct stat_spread s;
        stat_fair_spread(e->g.fair, spreads[i].m, e->g.use, &s);
        emit(e, spreads[i].row, spreads[i].name, s.difference, ci,
             "bootstrap-percentile");
        snprintf(name, sizeof name, "%s_by_chance", spreads[i].name);
        emit(e, spreads[i].row, name, chance[spreads[i].m].expected, bench_no_ci,
             "permutation");
        snprintf(name, sizeof name, "%s_p", spreads[i].name);
        emit(e, spreads[i].row, name, chance[spreads[i].m].p, bench_no_ci, "permutation");
    }
    return err ? err : e->err;
}

/* What max - min does not show: the distance from all rows together, which pairs differ.
 */
static int pairs(struct equity *e, size_t a)
{
    for (size_t i = 0; i < AM_LEN(spreads) && !e->err; i++) {
        char name[64];
        struct stat_spread s;
        stat_fair_spread(e->g.fair, spreads[i].m, e->g.use, &s);
        snprintf(name, sizeof name, "%s_deviation", spreads[i].short_name);
        emit(e, spreads[i].row, name, s.deviation, bench_no_ci, "largest");
        if (!e->err && spreads[i].m != STAT_M_ODDS)
            e->err = bench_contrasts(e->r, &e->g, a, spreads[i].m, spreads[i].row,
                                     spreads[i].short_name);
    }
    return e->err;
}

/* The ratio of parity; whether the groups' areas differ at all. */
static int around(struct equity *e)
{
    struct stat_spread s;
    struct stat_hetero h;
    int err = stat_fair_heterogeneity(e->g.fair, STAT_M_AUC, e->g.use, &h);
    if (err)
        return err;
    emit(e, "EQ-2", "auc_heterogeneity_p", h.p, bench_no_ci, "cochran-q");
    emit(e, "EQ-2", "auc_i2", h.i2, bench_no_ci, "cochran-q");
    stat_fair_spread(e->g.fair, STAT_M_ODDS, e->g.use, &s);
    emit(e, "EQ-4", "equalized_odds_ratio", s.ratio, bench_no_ci, "min/max");
    stat_fair_spread(e->g.fair, STAT_M_SELECTION, e->g.use, &s);
    emit(e, "EQ-5", "parity_ratio_comment_below", s.ratio, bench_no_ci, "min/max");
    return e->err;
}

/* ---- a predictor that medicine justifies: calibration and sensitivity per band instead
 * (definitions.legitimate_predictor). Whether it is one is the evaluator's to say. */
bool bench_predictor_declared(const struct bench_run *r, const char *attribute)
{
    /* definitions.legitimate_predictor, never: whatever the plan says */
    static const char *const never[] = {
        "sex", "site", "gst", "insurance_scheme", "origin", "ethnic_origin"};
    for (size_t i = 0; i < AM_LEN(never); i++)
        if (strcmp(attribute, never[i]) == 0)
            return false;
    for (json_each(
             it, json_pointer(r->record, STR("/evaluation_plan/legitimate_predictors"))))
        if (json_str_is(json_get(it.val, "attribute"), attribute))
            return true;
    return false;
}

static int citl_of(const struct equity *e, size_t a, size_t g, double *out)
{
    struct bench_rows x;
    struct stat_calibration c;
    int err = bench_rows(e->r, BENCH_GROUP, a, g, &x);
    if (err)
        return err;
    err = stat_calibration(x.s, x.y, x.n, &c);
    if (!err)
        *out = fabs(c.citl);
    bench_rows_release(&x);
    return err;
}

static int bands(struct equity *e, size_t a)
{
    double worst = 0, least = 1;
    for (size_t g = 0; g < stat_fair_groups(e->g.fair); g++) {
        double citl = NAN, tpr = stat_fair_group(e->g.fair, g)->tpr;
        int err = e->g.use[g] ? citl_of(e, a, g, &citl) : AM_OK;
        if (err)
            return err;
        if (!e->g.use[g])
            continue;
        worst = isnan(citl) || isnan(worst) ? NAN : fmax(worst, citl);
        least = fmin(least, tpr);
    }
    for (size_t i = 0; i < 2; i++) {
        const char *row = i ? "EQ-3" : "EQ-2";
        emit(e, row, "abs_citl_logit_per_band", worst, bench_no_ci, "irls");
        emit(e, row, "sensitivity_in_every_major_band", least, bench_no_ci, "count");
    }
    return e->err;
}

static int one_attribute(struct equity *e, size_t a)
{
    int err = bench_majors(e->r, a, &e->g);
    if (!err && e->g.major < 2)
        return too_few(e);
    if (!err)
        err = all_spreads(e);
    if (!err)
        err = around(e);
    if (!err)
        err = pairs(e, a);
    if (!err && bench_predictor_declared(e->r, e->attribute))
        err = bands(e, a);
    return err;
}

int bench_equity(struct bench_run *r)
{
    int err = AM_OK;
    for (size_t a = 0; a < r->attribute.n && !err; a++) {
        struct equity e = {.r = r, .attribute = r->attribute.v[a].name};
        if (r->attribute.v[a].value.n == 0 || r->attribute.v[a].context)
            continue;
        err = one_attribute(&e, a);
        bench_majors_release(&e.g);
    }
    if (!err)
        err = bench_crossings(r);
    if (!err)
        err = bench_demography(r);
    if (!err)
        err = bench_missed(r);
    if (!err)
        err = bench_comorbidities(r);
    return err ? err : bench_prevalence(r);
}
