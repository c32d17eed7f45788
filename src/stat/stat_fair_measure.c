/* SPDX-License-Identifier: Apache-2.0 */
/* From the table of groups to measures, contrasts and heterogeneity. */
#include <math.h>

#include "stat/stat_fair_priv.h"
#include "stat/stat_multi.h"

const char *stat_measure_name(enum stat_measure m)
{
    static const char *const name[] = {"selection", "tpr", "fpr", "ppv",
                                       "npv",       "auc", "odds"};
    return (unsigned)m < STAT_MEASURES ? name[m] : "";
}

double stat_group_value(const struct stat_group *g, enum stat_measure m)
{
    switch (m) {
    case STAT_M_SELECTION:
        return g->selection;
    case STAT_M_TPR:
        return g->tpr;
    case STAT_M_FPR:
        return g->fpr;
    case STAT_M_PPV:
        return g->ppv;
    case STAT_M_NPV:
        return g->npv;
    case STAT_M_AUC:
        return g->auc.auc;
    case STAT_M_ODDS:
    case STAT_MEASURES:
        break;
    }
    return NAN;
}

void stat_group_counts(const struct stat_group *g, enum stat_measure m, int64_t *x,
                       int64_t *n)
{
    const struct stat_confusion *c = &g->at;
    const int64_t counts[][2] = {
        [STAT_M_SELECTION] = {c->tp + c->fp, g->auc.n},
        [STAT_M_TPR] = {c->tp, c->tp + c->fn},
        [STAT_M_FPR] = {c->fp, c->fp + c->tn},
        [STAT_M_PPV] = {c->tp, c->tp + c->fp},
        [STAT_M_NPV] = {c->tn, c->tn + c->fn},
    };
    am_assert((unsigned)m < AM_LEN(counts));
    *x = counts[m][0];
    *n = counts[m][1];
}

size_t stat_fair_major(const struct stat_fair *f, const struct stat_major_rule *rule,
                       bool *use)
{
    size_t found = 0;
    for (size_t g = 0; g < f->groups; g++) {
        const struct stat_auc *a = &f->group[g].auc;
        use[g] = a->n >= rule->n && a->n_pos >= rule->n_pos && a->n_neg >= rule->n_neg;
        found += use[g];
    }
    return found;
}

struct stat_spread stat_spread_none(void)
{
    return (struct stat_spread){
        .lowest = NAN, .highest = NAN, .difference = NAN, .ratio = NAN, .deviation = NAN};
}

void stat_spread_add(struct stat_spread *s, size_t g, double value)
{
    if (isnan(value))
        return;
    if (s->groups == 0 || value < s->lowest)
        s->lowest = value, s->at_lowest = g;
    if (s->groups == 0 || value > s->highest)
        s->highest = value, s->at_highest = g;
    s->groups++;
}

void stat_spread_end(struct stat_spread *s, double overall)
{
    if (s->groups < 2)
        return;
    s->difference = s->highest - s->lowest;
    s->ratio = s->highest > 0 ? s->lowest / s->highest : NAN;
    /* the farthest from any point is one of the two ends */
    if (!isnan(overall))
        s->deviation = fmax(fabs(s->highest - overall), fabs(s->lowest - overall));
}

static double either(double a, double b, double (*pick)(double, double))
{
    return isnan(a) || isnan(b) ? NAN : pick(a, b);
}

static void odds_spread(const struct stat_fair *f, const bool *use,
                        struct stat_spread *out)
{
    struct stat_spread t, p;
    stat_fair_spread(f, STAT_M_TPR, use, &t);
    stat_fair_spread(f, STAT_M_FPR, use, &p);
    *out = (struct stat_spread){
        .groups = AM_MIN(t.groups, p.groups),
        .lowest = NAN,
        .highest = NAN,
        .difference = either(t.difference, p.difference, fmax),
        .ratio = either(t.ratio, p.ratio, fmin),
        .deviation = either(t.deviation, p.deviation, fmax),
    };
}

void stat_fair_spread(const struct stat_fair *f, enum stat_measure m, const bool *use,
                      struct stat_spread *out)
{
    struct stat_spread s = stat_spread_none();
    if (m == STAT_M_ODDS) {
        odds_spread(f, use, out);
        return;
    }
    for (size_t g = 0; g < f->groups; g++)
        if (fair_in_use(use, g))
            stat_spread_add(&s, g, stat_group_value(&f->group[g], m));
    stat_spread_end(&s, stat_group_value(&f->overall, m));
    *out = s;
}

double stat_fair_average_odds(const struct stat_fair *f, const bool *use)
{
    struct stat_spread t, p;
    stat_fair_spread(f, STAT_M_TPR, use, &t);
    stat_fair_spread(f, STAT_M_FPR, use, &p);
    return (t.difference + p.difference) / 2;
}

static void contrast_auc(const struct stat_group *a, const struct stat_group *b,
                         struct stat_contrast *c)
{
    struct stat_compare r;
    stat_auc_unpaired(&a->auc, &b->auc, &r);
    c->diff = r.diff;
    c->ci = r.ci;
    c->z = r.z;
    c->p = r.p;
}

static void contrast_rate(const struct stat_group *a, const struct stat_group *b,
                          enum stat_measure m, struct stat_contrast *c)
{
    int64_t x1, n1, x2, n2;
    stat_group_counts(a, m, &x1, &n1);
    stat_group_counts(b, m, &x2, &n2);
    c->diff = stat_proportion(x1, n1) - stat_proportion(x2, n2);
    c->ci = stat_newcombe(x1, n1, x2, n2);
    double pooled = (double)(x1 + x2) / (double)(n1 + n2);
    double var = pooled * (1 - pooled) * (1 / (double)n1 + 1 / (double)n2);
    c->z = var > 0 ? c->diff / sqrt(var) : NAN;
    c->p = isnan(c->z) ? NAN : stat_normal_p2(c->z);
}

static int adjust(struct stat_contrast *c, size_t n)
{
    double *p = am_malloc((2 * n + 1) * sizeof *p), *adjusted;
    if (!p)
        return AM_E_NOMEM;
    adjusted = p + n;
    for (size_t i = 0; i < n; i++)
        p[i] = c[i].p;
    int err = stat_holm(p, n, adjusted);
    for (size_t i = 0; i < n && !err; i++)
        c[i].holm = adjusted[i];
    if (!err)
        err = stat_bh(p, n, adjusted);
    for (size_t i = 0; i < n && !err; i++)
        c[i].bh = adjusted[i];
    free(p);
    return err;
}

int stat_fair_contrasts(const struct stat_fair *f, enum stat_measure m, const bool *use,
                        struct stat_contrast *out, size_t *n)
{
    size_t made = 0;
    if ((unsigned)m >= STAT_M_ODDS)
        return AM_E_INVALID;
    for (size_t a = 0; a < f->groups; a++)
        for (size_t b = a + 1; b < f->groups; b++) {
            if (!fair_in_use(use, a) || !fair_in_use(use, b))
                continue;
            struct stat_contrast c = {.a = a, .b = b, .holm = NAN, .bh = NAN};
            if (m == STAT_M_AUC)
                contrast_auc(&f->group[a], &f->group[b], &c);
            else
                contrast_rate(&f->group[a], &f->group[b], m, &c);
            out[made++] = c;
        }
    int err = adjust(out, made);
    if (!err)
        *n = made;
    return err;
}

int stat_fair_heterogeneity(const struct stat_fair *f, enum stat_measure m,
                            const bool *use, struct stat_hetero *out)
{
    size_t k = 0;
    if ((unsigned)m >= STAT_M_ODDS)
        return AM_E_INVALID;
    double *y = am_malloc(2 * f->groups * sizeof *y), *v = y + f->groups;
    int64_t *x = am_malloc(2 * f->groups * sizeof *x), *trials = x + f->groups;
    int err = y && x ? AM_OK : AM_E_NOMEM;
    for (size_t g = 0; g < f->groups && !err; g++) {
        if (!fair_in_use(use, g))
            continue;
        y[k] = f->group[g].auc.auc;
        v[k] = f->group[g].auc.var;
        if (m != STAT_M_AUC)
            stat_group_counts(&f->group[g], m, &x[k], &trials[k]);
        k++;
    }
    if (!err && m == STAT_M_AUC)
        stat_cochran(y, v, k, out);
    else if (!err)
        stat_chi2_rates(x, trials, k, out);
    free(x);
    free(y);
    return err;
}
