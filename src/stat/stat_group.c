/* SPDX-License-Identifier: Apache-2.0 */
/* The same statistics on parts of the rows: per group, or by patient. */
#include <math.h>

#include "stat/stat_priv.h"

/* Rows brought together group by group, in row order inside a group. */
struct split {
    double *s;
    uint8_t *y;
    size_t *from; /* group g is [from[g], from[g+1]) */
};

static void split_release(struct split *p)
{
    free(p->s);
    free(p->y);
    free(p->from);
}

static int split_init(struct split *p, const double *s, const uint8_t *y,
                      const uint32_t *group, size_t n, size_t groups)
{
    *p = (struct split){0};
    if (n > STAT_ROWS_MAX || groups > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n; i++)
        if (group[i] >= groups)
            return AM_E_INVALID;
    p->s = am_malloc((n + 1) * sizeof *p->s);
    p->y = am_malloc(n + 1);
    p->from = am_calloc(groups + 2, sizeof *p->from);
    if (!p->s || !p->y || !p->from) {
        split_release(p);
        return AM_E_NOMEM;
    }
    /* from[g+2] counts, then from[g+1] is where the next row of g goes: when all rows are
     * placed it has become the start of g+1. */
    for (size_t i = 0; i < n; i++)
        p->from[group[i] + 2]++;
    for (size_t g = 2; g < groups + 2; g++)
        p->from[g] += p->from[g - 1];
    for (size_t i = 0; i < n; i++) {
        size_t at = p->from[group[i] + 1]++;
        p->s[at] = s[i];
        p->y[at] = y[i];
    }
    return AM_OK;
}

int stat_auc_groups(const double *s, const uint8_t *y, const uint32_t *group, size_t n,
                    size_t groups, struct stat_auc *out)
{
    struct split p;
    int err = split_init(&p, s, y, group, n, groups);
    if (err)
        return err;
    for (size_t g = 0; g < groups && !err; g++)
        err = stat_auc(p.s + p.from[g], p.y + p.from[g], p.from[g + 1] - p.from[g],
                       &out[g]);
    split_release(&p);
    return err;
}

int stat_binary_groups(const double *s, const uint8_t *y, const uint32_t *group, size_t n,
                       size_t groups, double threshold, struct stat_binary *out)
{
    struct split p;
    int err = split_init(&p, s, y, group, n, groups);
    if (err)
        return err;
    for (size_t g = 0; g < groups && !err; g++)
        err = stat_binary(p.s + p.from[g], p.y + p.from[g], p.from[g + 1] - p.from[g],
                          threshold, &out[g]);
    split_release(&p);
    return err;
}

/* One patient: sums of placements and sizes. */
struct cluster {
    struct stat_sum v10, v01;
    int64_t m, k;
};

static double obuchowski(const struct cluster *c, size_t n, const struct stat_auc *a)
{
    struct stat_sum s10 = {0}, s01 = {0}, s11 = {0};
    double i10 = 0, i01 = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        double d10 = stat_total(&c[i].v10) - (double)c[i].m * a->auc;
        double d01 = stat_total(&c[i].v01) - (double)c[i].k * a->auc;
        i10 += c[i].m > 0;
        i01 += c[i].k > 0;
        all += c[i].m > 0 || c[i].k > 0;
        stat_add(&s10, d10 * d10);
        stat_add(&s01, d01 * d01);
        stat_add(&s11, d10 * d01);
    }
    if (i10 < 2 || i01 < 2)
        return NAN;
    double m = (double)a->n_pos, k = (double)a->n_neg;
    double v10 = stat_total(&s10) * i10 / ((i10 - 1) * m);
    double v01 = stat_total(&s01) * i01 / ((i01 - 1) * k);
    double v11 = stat_total(&s11) * all / (all - 1);
    return fmax(0, v10 / m + v01 / k + 2 * v11 / (m * k));
}

/* Sums of placements (of scores a, or of a minus b when there is a b) patient by patient.
 */
static void gather(struct cluster *c, const uint32_t *cluster, const uint8_t *y,
                   const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct cluster *one = &c[cluster[i]];
        if (isnan(a[i]))
            continue;
        stat_add(y[i] ? &one->v10 : &one->v01, b ? a[i] - b[i] : a[i]);
        *(y[i] ? &one->m : &one->k) += 1;
    }
}

static int check_clusters(const uint32_t *cluster, size_t n, size_t clusters)
{
    if (clusters > STAT_ROWS_MAX || n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n; i++)
        if (cluster[i] >= clusters)
            return AM_E_INVALID;
    return AM_OK;
}

int stat_auc_clustered(const double *s, const uint8_t *y, const uint32_t *cluster,
                       size_t n, size_t clusters, struct stat_auc *out)
{
    struct stat_auc a;
    int err = check_clusters(cluster, n, clusters);
    if (err)
        return err;
    double *place = am_malloc((n + 1) * sizeof *place);
    struct cluster *c = am_calloc(clusters + 1, sizeof *c);
    err = place && c ? stat_auc_placements(s, y, n, &a, place) : AM_E_NOMEM;
    if (!err) {
        gather(c, cluster, y, place, NULL, n);
        a.var = a.n_pos && a.n_neg ? obuchowski(c, clusters, &a) : NAN;
        *out = a;
    }
    free(c);
    free(place);
    return err;
}

int stat_auc_paired_clustered(const double *sa, const double *sb, const uint8_t *y,
                              const uint32_t *cluster, size_t n, size_t clusters,
                              struct stat_compare *out)
{
    struct stat_compare v;
    int err = check_clusters(cluster, n, clusters);
    if (!err)
        err = stat_auc_paired(sa, sb, y, n, &v);
    if (err)
        return err;
    double *s = am_malloc((n + 1) * sizeof *s), *pa = am_malloc((n + 1) * sizeof *pa);
    double *pb = am_malloc((n + 1) * sizeof *pb);
    struct cluster *c = am_calloc(clusters + 1, sizeof *c);
    struct stat_auc both, unused;
    err = s && pa && pb && c ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++)
        s[i] = isnan(sb[i]) ? NAN : sa[i];
    if (!err)
        err = stat_auc_placements(s, y, n, &both, pa);
    for (size_t i = 0; i < n && !err; i++)
        s[i] = isnan(sa[i]) ? NAN : sb[i];
    if (!err)
        err = stat_auc_placements(s, y, n, &unused, pb);
    if (!err) {
        gather(c, cluster, y, pa, pb, n);
        both.auc = v.diff;
        v.cov = NAN;
        v.var = both.n_pos && both.n_neg ? obuchowski(c, clusters, &both) : NAN;
        stat_conclude(&v);
        *out = v;
    }
    free(c);
    free(pb);
    free(pa);
    free(s);
    return err;
}
