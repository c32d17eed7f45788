/* SPDX-License-Identifier: Apache-2.0 */
/* Rank statistics in exact integers. For a positive, W = 2 (negatives below) + ties is
 * 2k V10, and likewise for a negative: sums of W and W^2 are integers, so AUC and the
 * DeLong variance are exact until the last division, whatever the order of the rows (I1).
 * Sizes: W < 2^32, sum W < 2^62, m sum W^2 < 2^126. */
#include <math.h>

#include "stat/stat_priv.h"

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

int stat_check_rows(const double *s, const uint8_t *y, size_t n, struct stat_auc *out)
{
    struct stat_auc a = {.auc = NAN, .var = NAN};
    if (n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n; i++) {
        if (y[i] > 1)
            return AM_E_INVALID;
        if (isnan(s[i]))
            a.rejected++;
        else
            a.n_pos += y[i];
    }
    a.n = (int64_t)n - a.rejected;
    a.n_neg = a.n - a.n_pos;
    *out = a;
    return AM_OK;
}

/* What one walk over the tie groups collects. */
struct ranks {
    uint64_t u; /* sum of W over positives = 2 m k AUC; over negatives it is the same */
    u128 q10, q01; /* sums of W^2 over positives, over negatives */
};

/* sample variance of W / scale, from exact sums; n >= 2 */
static double variance(u128 q, uint64_t sum, uint64_t n, double scale)
{
    u128 num = (u128)n * q - (u128)sum * sum;
    return (double)num / ((double)n * (double)(n - 1)) / (scale * scale);
}

static void finish(struct stat_auc *a, const struct ranks *r)
{
    if (a->n_pos == 0 || a->n_neg == 0)
        return; /* absent */
    uint64_t m = (uint64_t)a->n_pos, k = (uint64_t)a->n_neg;
    double dm = (double)m, dk = (double)k;
    a->auc = (double)r->u / (2 * dm * dk);
    if (m >= 2 && k >= 2)
        a->var = variance(r->q10, r->u, m, 2 * dk) / dm +
                 variance(r->q01, r->u, k, 2 * dm) / dk;
}

/* One tie group: pos positives and neg negatives, above `below` negatives and under
 * `above` positives. */
static void tie_group(struct ranks *r, uint64_t pos, uint64_t neg, uint64_t below,
                      uint64_t above)
{
    uint64_t w10 = 2 * below + neg, w01 = 2 * above + pos;
    r->u += pos * w10;
    r->q10 += (u128)(pos * w10) * w10;
    r->q01 += (u128)(neg * w01) * w01;
}

/* p: m sorted keys of positives; q: k of negatives */
static void merge(const uint64_t *p, size_t m, const uint64_t *q, size_t k,
                  struct ranks *r)
{
    size_t i = 0, j = 0;
    while (i < m || j < k) {
        uint64_t key = j >= k || (i < m && p[i] < q[j]) ? p[i] : q[j];
        size_t i0 = i, j0 = j;
        while (i < m && p[i] == key)
            i++;
        while (j < k && q[j] == key)
            j++;
        tie_group(r, i - i0, j - j0, j0, m - i);
    }
}

void stat_auc_of_keys(const uint64_t *pos, const uint64_t *neg, struct stat_auc *a)
{
    struct ranks r = {0};
    a->auc = a->var = NAN;
    merge(pos, (size_t)a->n_pos, neg, (size_t)a->n_neg, &r);
    finish(a, &r);
}

int stat_auc(const double *s, const uint8_t *y, size_t n, struct stat_auc *out)
{
    struct stat_auc a;
    int err = stat_check_rows(s, y, n, &a);
    if (err)
        return err;
    if (a.n_pos > 0 && a.n_neg > 0) {
        /* The classes are sorted apart, as bare keys: half the memory traffic of sorting
         * (key, row) pairs, and no placement needs to find its row again. */
        size_t m = (size_t)a.n_pos, k = (size_t)a.n_neg;
        uint64_t *key = am_malloc((m + k + AM_MAX(m, k)) * sizeof *key);
        if (!key)
            return AM_E_NOMEM;
        uint64_t *p = key, *q = key + m;
        for (size_t i = 0; i < n; i++)
            if (!isnan(s[i]))
                *(y[i] ? p++ : q++) = stat_key(s[i]);
        stat_sort_keys(key, key + m + k, m);
        stat_sort_keys(key + m, key + m + k, k);
        stat_auc_of_keys(key, key + m, &a);
        free(key);
    }
    *out = a;
    return AM_OK;
}

/* W of every row (0 for rows that `skip` names, or whose score is NaN), and the sums. */
static int rank_rows(const double *s, const uint8_t *y, size_t n, const uint8_t *skip,
                     uint32_t *w, struct ranks *r)
{
    struct stat_item *v = am_malloc(2 * n * sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    size_t used = 0, m = 0;
    for (size_t i = 0; i < n; i++) {
        w[i] = 0;
        if (isnan(s[i]) || (skip && skip[i]))
            continue;
        v[used++] = (struct stat_item){stat_key(s[i]), (uint32_t)i, y[i]};
        m += y[i];
    }
    stat_sort_items(v, v + n, used);
    size_t below = 0, above = m;
    for (size_t i = 0, end; i < used; i = end) {
        size_t pos = 0;
        for (end = i; end < used && v[end].key == v[i].key; end++)
            pos += v[end].y;
        size_t neg = end - i - pos;
        above -= pos;
        tie_group(r, pos, neg, below, above);
        for (size_t j = i; j < end; j++)
            w[v[j].row] = (uint32_t)(v[j].y ? 2 * below + neg : 2 * above + pos);
        below += neg;
    }
    free(v);
    return AM_OK;
}

int stat_auc_placements(const double *s, const uint8_t *y, size_t n, struct stat_auc *out,
                        double *place)
{
    struct stat_auc a;
    struct ranks r = {0};
    int err = stat_check_rows(s, y, n, &a);
    if (err || n == 0) {
        if (!err)
            *out = a;
        return err;
    }
    uint32_t *w = am_malloc(n * sizeof *w);
    if (!w)
        return AM_E_NOMEM;
    err = rank_rows(s, y, n, NULL, w, &r);
    if (!err) {
        double of_pos = 2 * (double)a.n_neg, of_neg = 2 * (double)a.n_pos;
        for (size_t i = 0; i < n; i++) {
            double of = y[i] ? of_pos : of_neg;
            place[i] = isnan(s[i]) || of == 0 ? NAN : w[i] / of;
        }
        finish(&a, &r);
        *out = a;
    }
    free(w);
    return err;
}

/* ---- intervals ---- */

static const struct stat_ci NO_CI = {NAN, NAN};

struct stat_ci stat_auc_wald(const struct stat_auc *a)
{
    if (!(a->var > 0))
        return NO_CI;
    double half = STAT_Z95 * sqrt(a->var);
    return (struct stat_ci){fmax(0, a->auc - half), fmin(1, a->auc + half)};
}

struct stat_ci stat_auc_logit(const struct stat_auc *a)
{
    if (!(a->var > 0 && a->auc > 0 && a->auc < 1))
        return NO_CI;
    double mid = log(a->auc / (1 - a->auc));
    double half = STAT_Z95 * sqrt(a->var) / (a->auc * (1 - a->auc));
    return (struct stat_ci){1 / (1 + exp(-(mid - half))), 1 / (1 + exp(-(mid + half)))};
}

struct stat_ci stat_auc_gate(const struct stat_auc *a, enum stat_ci_method *how)
{
    enum stat_ci_method unused;
    if (!how)
        how = &unused;
    int64_t least = AM_MIN(a->n_pos, a->n_neg);
    if (least == 0) {
        *how = STAT_CI_NONE;
        return NO_CI;
    }
    if (!(a->var > 0) || a->auc <= 0 || a->auc >= 1) {
        *how = STAT_CI_WILSON;
        return stat_wilson_p(a->auc, (double)least);
    }
    bool logit = a->auc > 0.95 || least < 50;
    *how = logit ? STAT_CI_LOGIT : STAT_CI_WALD;
    return logit ? stat_auc_logit(a) : stat_auc_wald(a);
}

const char *stat_ci_method_name(enum stat_ci_method how)
{
    static const char *const name[] = {"none", "delong-wald", "delong-logit",
                                       "wilson-neff"};
    return (size_t)how < AM_LEN(name) ? name[how] : "none";
}

/* ---- two scores on the same rows ---- */

/* Sample covariance of WA and WB over the rows of one class, divided by their scales:
 * exact up to the division, and |n sum WaWb - sum sum| < 2^127. */
struct cross {
    u128 q;  /* sum of WA WB */
    i128 d;  /* sum of (WA - WB) */
    u128 d2; /* sum of (WA - WB)^2 */
};

static void cross_add(struct cross *c, uint64_t wa, uint64_t wb)
{
    int64_t d = (int64_t)wa - (int64_t)wb;
    c->q += (u128)wa * wb;
    c->d += d;
    c->d2 += (u128)((i128)d * d);
}

static double covariance(const struct cross *c, uint64_t ua, uint64_t ub, int64_t n,
                         double scale)
{
    i128 num = (i128)((u128)n * c->q) - (i128)((u128)ua * ub);
    return (double)num / ((double)n * (double)(n - 1)) / (scale * scale);
}

/* Variance of the difference of placements: no cancellation of Va + Vb - 2 Cov. */
static double variance_of_diff(const struct cross *c, int64_t n, double scale)
{
    i128 num = (i128)((u128)n * c->d2) - c->d * c->d;
    return (double)num / ((double)n * (double)(n - 1)) / (scale * scale);
}

void stat_conclude(struct stat_compare *c)
{
    c->diff = c->a.auc - c->b.auc;
    c->z = c->p = NAN;
    c->ci = NO_CI;
    if (!(c->var > 0))
        return;
    double se = sqrt(c->var);
    c->z = c->diff / se;
    c->p = stat_normal_p2(c->z);
    c->ci.lo = fmax(-1, c->diff - STAT_Z95 * se);
    c->ci.hi = fmin(1, c->diff + STAT_Z95 * se);
}

static void compare(struct stat_compare *c, const struct ranks *ra,
                    const struct ranks *rb, const struct cross *pos,
                    const struct cross *neg)
{
    finish(&c->a, ra);
    finish(&c->b, rb);
    c->cov = c->var = NAN;
    if (c->a.n_pos >= 2 && c->a.n_neg >= 2) {
        double dm = (double)c->a.n_pos, dk = (double)c->a.n_neg;
        c->cov = covariance(pos, ra->u, rb->u, c->a.n_pos, 2 * dk) / dm +
                 covariance(neg, ra->u, rb->u, c->a.n_neg, 2 * dm) / dk;
        c->var = variance_of_diff(pos, c->a.n_pos, 2 * dk) / dm +
                 variance_of_diff(neg, c->a.n_neg, 2 * dm) / dk;
    }
    stat_conclude(c);
}

int stat_auc_paired(const double *sa, const double *sb, const uint8_t *y, size_t n,
                    struct stat_compare *out)
{
    struct stat_compare c = {0};
    struct ranks ra = {0}, rb = {0};
    struct cross pos = {0}, neg = {0};
    int err = stat_check_rows(sa, y, n, &c.a);
    if (err)
        return err;
    uint32_t *wa = am_malloc((n + 1) * sizeof *wa), *wb = am_malloc((n + 1) * sizeof *wb);
    uint8_t *skip = am_malloc(n + 1);
    err = wa && wb && skip ? AM_OK : AM_E_NOMEM;
    if (err)
        goto out;
    c.a.n = c.a.n_pos = 0;
    for (size_t i = 0; i < n; i++) {
        skip[i] = isnan(sa[i]) || isnan(sb[i]);
        c.a.n += !skip[i];
        c.a.n_pos += !skip[i] && y[i];
    }
    c.a.n_neg = c.a.n - c.a.n_pos;
    c.a.rejected = (int64_t)n - c.a.n;
    c.b = c.a;
    err = n ? rank_rows(sa, y, n, skip, wa, &ra) : AM_OK;
    if (!err)
        err = n ? rank_rows(sb, y, n, skip, wb, &rb) : AM_OK;
    if (err)
        goto out;
    for (size_t i = 0; i < n; i++)
        if (!skip[i])
            cross_add(y[i] ? &pos : &neg, wa[i], wb[i]);
    compare(&c, &ra, &rb, &pos, &neg);
    *out = c;
out:
    free(skip);
    free(wb);
    free(wa);
    return err;
}

void stat_auc_unpaired(const struct stat_auc *a, const struct stat_auc *b,
                       struct stat_compare *out)
{
    *out = (struct stat_compare){.a = *a, .b = *b, .cov = 0, .var = a->var + b->var};
    stat_conclude(out);
}
