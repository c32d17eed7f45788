/* SPDX-License-Identifier: Apache-2.0 */
/* Building: one pass over the rows, one sort per group and class. */
#include <math.h>

#include "stat/stat_fair_priv.h"

void stat_fair_free(struct stat_fair *f)
{
    if (!f)
        return;
    free(f->group);
    free(f->key);
    free(f->from);
    free(f);
}

size_t stat_fair_groups(const struct stat_fair *f)
{
    return f->groups;
}

const struct stat_group *stat_fair_group(const struct stat_fair *f, size_t g)
{
    am_assert(g < f->groups);
    return &f->group[g];
}

const struct stat_group *stat_fair_overall(const struct stat_fair *f)
{
    return &f->overall;
}

/* Means are summed in row order. */
struct means {
    struct stat_sum score, square;
    bool no_probability;
};

static void means_add(struct means *m, double s, double y)
{
    double e = s - y;
    stat_add(&m->score, s);
    stat_add(&m->square, e * e);
    m->no_probability |= s < 0 || s > 1;
}

/* Rates and means of a group whose counts are known. */
static void finish_group(struct stat_group *g, const struct means *m)
{
    const struct stat_confusion *c = &g->at;
    int64_t n = g->auc.n;
    g->prevalence = stat_proportion(g->auc.n_pos, n);
    g->selection = stat_proportion(c->tp + c->fp, n);
    g->tpr = stat_proportion(c->tp, c->tp + c->fn);
    g->fnr = stat_proportion(c->fn, c->tp + c->fn);
    g->fpr = stat_proportion(c->fp, c->fp + c->tn);
    g->ppv = stat_proportion(c->tp, c->tp + c->fp);
    g->npv = stat_proportion(c->tn, c->tn + c->fn);
    g->mean_score = n ? stat_total(&m->score) / (double)n : NAN;
    g->brier = n && !m->no_probability ? stat_total(&m->square) / (double)n : NAN;
}

static int check(const uint8_t *y, const uint32_t *group, size_t n, size_t groups,
                 double t)
{
    if (n > STAT_ROWS_MAX || groups > STAT_GROUPS_MAX)
        return AM_E_TOOBIG;
    if (groups == 0 || isnan(t))
        return AM_E_INVALID;
    for (size_t i = 0; i < n; i++)
        if (y[i] > 1 || group[i] >= groups)
            return AM_E_INVALID;
    return AM_OK;
}

static void count_one(struct stat_group *g, double s, uint8_t y, double t)
{
    if (isnan(s)) {
        g->auc.rejected++;
        g->at.rejected++;
        return;
    }
    g->auc.n++;
    *(y ? &g->auc.n_pos : &g->auc.n_neg) += 1;
    if (s >= t)
        *(y ? &g->at.tp : &g->at.fp) += 1;
    else
        *(y ? &g->at.fn : &g->at.tn) += 1;
}

/* Counts, sums, and where each stratum begins. means[groups] is the overall's. */
static void count_rows(struct stat_fair *f, const double *s, const uint8_t *y,
                       const uint32_t *group, size_t n, double t, struct means *means)
{
    for (size_t i = 0; i < n; i++) {
        count_one(&f->group[group[i]], s[i], y[i], t);
        count_one(&f->overall, s[i], y[i], t);
        if (!isnan(s[i])) {
            means_add(&means[group[i]], s[i], y[i]);
            means_add(&means[f->groups], s[i], y[i]);
        }
    }
    for (size_t g = 0; g < f->groups; g++) {
        f->from[2 * g + 1] = f->from[2 * g] + (size_t)f->group[g].auc.n_pos;
        f->from[2 * g + 2] = f->from[2 * g + 1] + (size_t)f->group[g].auc.n_neg;
        finish_group(&f->group[g], &means[g]);
    }
    finish_group(&f->overall, &means[f->groups]);
}

/* next: 2 groups positions, used up. */
static void place_rows(struct stat_fair *f, const double *s, const uint8_t *y,
                       const uint32_t *group, size_t n, size_t *next)
{
    memcpy(next, f->from, 2 * f->groups * sizeof *next);
    for (size_t i = 0; i < n; i++)
        if (!isnan(s[i]))
            f->key[next[2 * group[i] + !y[i]]++] = stat_key(s[i]);
}

/* all, tmp: room for all keys. */
static void sort_rows(struct stat_fair *f, uint64_t *all, uint64_t *tmp)
{
    size_t m = (size_t)f->overall.auc.n_pos, k = (size_t)f->overall.auc.n_neg;
    uint64_t *to[2] = {all, all + m};
    for (size_t part = 0; part < 2 * f->groups; part++) {
        size_t n = f->from[part + 1] - f->from[part];
        uint64_t *key = f->key + f->from[part];
        stat_sort_keys(key, tmp, n);
        memcpy(to[part % 2], key, n * sizeof *key);
        to[part % 2] += n;
    }
    stat_sort_keys(all, tmp, m);
    stat_sort_keys(all + m, tmp, k);
    stat_auc_of_keys(all, all + m, &f->overall.auc);
    for (size_t g = 0; g < f->groups; g++)
        stat_auc_of_keys(f->key + f->from[2 * g], f->key + f->from[2 * g + 1],
                         &f->group[g].auc);
}

static int build(struct stat_fair *f, const double *s, const uint8_t *y,
                 const uint32_t *group, size_t n, double t)
{
    size_t groups = f->groups;
    struct means *means = am_calloc(groups + 1, sizeof *means);
    size_t *next = am_calloc(2 * groups, sizeof *next);
    uint64_t *spare = am_malloc((2 * n + 1) * sizeof *spare);
    f->group = am_calloc(groups, sizeof *f->group);
    f->from = am_calloc(2 * groups + 1, sizeof *f->from);
    f->key = am_malloc((n + 1) * sizeof *f->key);
    int err =
        means && next && spare && f->group && f->from && f->key ? AM_OK : AM_E_NOMEM;
    if (!err) {
        count_rows(f, s, y, group, n, t, means);
        place_rows(f, s, y, group, n, next);
        sort_rows(f, spare, spare + n);
    }
    free(spare);
    free(next);
    free(means);
    return err;
}

int stat_fair_new(struct stat_fair **out, const double *s, const uint8_t *y,
                  const uint32_t *group, size_t n, size_t groups, double t)
{
    int err = check(y, group, n, groups, t);
    if (err)
        return err;
    struct stat_fair *f = am_calloc(1, sizeof *f);
    if (!f)
        return AM_E_NOMEM;
    f->groups = groups;
    err = build(f, s, y, group, n, t);
    if (err) {
        stat_fair_free(f);
        return err;
    }
    *out = f;
    return AM_OK;
}
