/* SPDX-License-Identifier: Apache-2.0 */
/* Resampling and shuffling without rows: what a replicate needs to know of a group is how
 * many of its positives and negatives land in each block of sorted scores. */
#include <math.h>

#include "stat/stat_fair_priv.h"

__extension__ typedef unsigned __int128 u128;

enum { BOOT_BLOCKS = 128, NULL_BLOCKS = 64, RATES = STAT_M_AUC, DIRECT = 12 };

/* ---- blocks of sorted scores ---- */

struct blocks {
    size_t n;
    int64_t pos[BOOT_BLOCKS + 1], neg[BOOT_BLOCKS + 1];
    double inside[BOOT_BLOCKS + 1]; /* AUC of the pairs inside, 0 without any */
    int64_t m, k;
    uint8_t
        *of[2]; /* block of each positive, of each negative; NULL when they are many */
};

/* Next tie group of two sorted lists: how many of each. */
static void next_ties(const uint64_t *p, size_t m, const uint64_t *q, size_t k, size_t *i,
                      size_t *j, int64_t *pos, int64_t *neg)
{
    size_t i0 = *i, j0 = *j;
    uint64_t key = j0 >= k || (i0 < m && p[i0] < q[j0]) ? p[i0] : q[j0];
    while (*i < m && p[*i] == key)
        (*i)++;
    while (*j < k && q[*j] == key)
        (*j)++;
    *pos = (int64_t)(*i - i0);
    *neg = (int64_t)(*j - j0);
}

static void cut(struct blocks *b, const uint64_t *p, size_t m, const uint64_t *q,
                size_t k, size_t most)
{
    double twice_u = 0, full = 2.0 / (double)most;
    size_t i = 0, j = 0;
    b->n = 0;
    b->m = (int64_t)m;
    b->k = (int64_t)k;
    if (m == 0 || k == 0)
        return;
    int64_t pos = 0, neg = 0;
    while (i < m || j < k) {
        int64_t tied_pos, tied_neg;
        next_ties(p, m, q, k, &i, &j, &tied_pos, &tied_neg);
        twice_u += (double)tied_pos * (double)(2 * neg + tied_neg);
        pos += tied_pos;
        neg += tied_neg;
        double weight = (double)pos / (double)m + (double)neg / (double)k;
        if (weight < full && (i < m || j < k))
            continue;
        am_assert(b->n <= most);
        b->pos[b->n] = pos;
        b->neg[b->n] = neg;
        b->inside[b->n] = pos && neg ? twice_u / (2 * (double)pos * (double)neg) : 0;
        b->n++;
        pos = neg = 0;
        twice_u = 0;
    }
}

/* A small class is drawn row by row: cheaper than a binomial per block. */
static int direct_table(const int64_t *count, size_t blocks, int64_t rows, uint8_t **out)
{
    *out = NULL;
    if (rows > (int64_t)(DIRECT * blocks))
        return AM_OK;
    uint8_t *of = am_malloc((size_t)rows + 1);
    if (!of)
        return AM_E_NOMEM;
    size_t at = 0;
    for (size_t b = 0; b < blocks; b++)
        for (int64_t i = 0; i < count[b]; i++)
            of[at++] = (uint8_t)b;
    *out = of;
    return AM_OK;
}

/* Uniform below n, without division but for rare rejections (D. Lemire 2019). */
static size_t below(struct stat_rng *r, uint64_t n)
{
    u128 x = (u128)stat_rng_next(r) * n;
    if ((uint64_t)x < n)
        for (uint64_t reject = (0 - n) % n; (uint64_t)x < reject;)
            x = (u128)stat_rng_next(r) * n;
    return (size_t)(x >> 64);
}

static void draw_class(struct stat_rng *r, const int64_t *count, size_t blocks,
                       int64_t rows, const uint8_t *of, int64_t *out)
{
    if (!of) {
        stat_rng_resample(r, count, blocks, out);
        return;
    }
    memset(out, 0, blocks * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        out[of[below(r, (uint64_t)rows)]]++;
}

/* AUC of pos[b] positives and neg[b] negatives in the blocks of b; NaN when a class is
 * empty. */
static double auc_of(const struct blocks *b, const int64_t *pos, const int64_t *neg)
{
    double u = 0, before = 0, m = 0;
    for (size_t i = 0; i < b->n; i++) {
        u += (double)pos[i] * (before + b->inside[i] * (double)neg[i]);
        before += (double)neg[i];
        m += (double)pos[i];
    }
    return m > 0 && before > 0 ? u / (m * before) : NAN;
}

/* ---- one replicate ---- */

static void add_rates(struct stat_spread s[STAT_MEASURES], size_t g, int64_t tp,
                      int64_t m, int64_t fp, int64_t k)
{
    stat_spread_add(&s[STAT_M_SELECTION], g, stat_proportion(tp + fp, m + k));
    stat_spread_add(&s[STAT_M_TPR], g, stat_proportion(tp, m));
    stat_spread_add(&s[STAT_M_FPR], g, stat_proportion(fp, k));
    stat_spread_add(&s[STAT_M_PPV], g, stat_proportion(tp, tp + fp));
    stat_spread_add(&s[STAT_M_NPV], g, stat_proportion(k - fp, m + k - tp - fp));
}

/* The differences of one replicate, appended to what has a value. */
struct replicates {
    double *v[STAT_MEASURES];
    size_t n[STAT_MEASURES];
};

static void keep(struct replicates *r, struct stat_spread s[STAT_MEASURES])
{
    double d[STAT_MEASURES];
    for (size_t m = 0; m < STAT_M_ODDS; m++) {
        stat_spread_end(&s[m], NAN);
        d[m] = s[m].difference;
    }
    d[STAT_M_ODDS] = d[STAT_M_TPR] > d[STAT_M_FPR] ? d[STAT_M_TPR] : d[STAT_M_FPR];
    if (isnan(d[STAT_M_TPR]))
        d[STAT_M_ODDS] = NAN;
    for (size_t m = 0; m < STAT_MEASURES; m++)
        if (!isnan(d[m]))
            r->v[m][r->n[m]++] = d[m];
}

static int replicates_init(struct replicates *r, size_t n)
{
    double *all = am_malloc(STAT_MEASURES * n * sizeof *all);
    *r = (struct replicates){0};
    if (!all)
        return AM_E_NOMEM;
    for (size_t m = 0; m < STAT_MEASURES; m++)
        r->v[m] = all + m * n;
    return AM_OK;
}

static int check_replicates(size_t n)
{
    return n > STAT_BOOT_MAX ? AM_E_TOOBIG : n < 2 ? AM_E_INVALID : AM_OK;
}

/* ---- bootstrap ---- */

static void boot_one(const struct stat_fair *f, const bool *use, const struct blocks *b,
                     struct stat_rng *r, struct replicates *to)
{
    struct stat_spread s[STAT_MEASURES];
    int64_t pos[BOOT_BLOCKS + 1], neg[BOOT_BLOCKS + 1];
    for (size_t m = 0; m < STAT_MEASURES; m++)
        s[m] = stat_spread_none();
    for (size_t g = 0; g < f->groups; g++) {
        const struct stat_group *one = &f->group[g];
        int64_t m = one->auc.n_pos, k = one->auc.n_neg;
        if (!fair_in_use(use, g))
            continue;
        add_rates(s, g, m ? stat_rng_binomial(r, m, (double)one->at.tp / (double)m) : 0,
                  m, k ? stat_rng_binomial(r, k, (double)one->at.fp / (double)k) : 0, k);
        if (m == 0 || k == 0)
            continue;
        draw_class(r, b[g].pos, b[g].n, m, b[g].of[0], pos);
        draw_class(r, b[g].neg, b[g].n, k, b[g].of[1], neg);
        stat_spread_add(&s[STAT_M_AUC], g, auc_of(&b[g], pos, neg));
    }
    keep(to, s);
}

static int cut_groups(const struct stat_fair *f, const bool *use, struct blocks *b)
{
    int err = AM_OK;
    for (size_t g = 0; g < f->groups && !err; g++) {
        const uint64_t *pos = f->key + f->from[2 * g], *neg = f->key + f->from[2 * g + 1];
        size_t m = (size_t)f->group[g].auc.n_pos, k = (size_t)f->group[g].auc.n_neg;
        if (!fair_in_use(use, g))
            continue;
        cut(&b[g], pos, m, neg, k, BOOT_BLOCKS);
        err = direct_table(b[g].pos, b[g].n, b[g].m, &b[g].of[0]);
        if (!err)
            err = direct_table(b[g].neg, b[g].n, b[g].k, &b[g].of[1]);
    }
    return err;
}

static double observed(const struct stat_fair *f, const bool *use, enum stat_measure m)
{
    struct stat_spread s;
    stat_fair_spread(f, m, use, &s);
    return s.difference;
}

int stat_fair_boot(const struct stat_fair *f, const bool *use, size_t replicates,
                   uint64_t seed, uint64_t test, struct stat_boot out[STAT_MEASURES])
{
    struct replicates to;
    struct stat_boot result[STAT_MEASURES];
    int err = check_replicates(replicates);
    if (err)
        return err;
    struct blocks *b = am_calloc(f->groups, sizeof *b);
    err = replicates_init(&to, replicates);
    if (!err)
        err = b ? cut_groups(f, use, b) : AM_E_NOMEM;
    for (size_t i = 0; i < replicates && !err; i++) {
        struct stat_rng r;
        stat_rng_init(&r, seed, test, i);
        boot_one(f, use, b, &r, &to);
    }
    for (size_t m = 0; m < STAT_MEASURES && !err; m++)
        err = stat_boot_ci(to.v[m], to.n[m], observed(f, use, (enum stat_measure)m), NAN,
                           &result[m]);
    if (!err)
        memcpy(out, result, sizeof result);
    for (size_t g = 0; b && g < f->groups; g++) {
        free(b[g].of[0]);
        free(b[g].of[1]);
    }
    free(to.v[0]);
    free(b);
    return err;
}

/* ---- shuffling ---- */

/* What is still to be dealt out among the groups. */
struct deal {
    int64_t pos[NULL_BLOCKS + 1], neg[NULL_BLOCKS + 1];
    int64_t m, k, tp, fp;
};

/* Takes n of the left items, block by block, without replacement. */
static void take_class(struct stat_rng *r, int64_t *left, size_t blocks, int64_t total,
                       int64_t n, int64_t *out)
{
    for (size_t b = 0; b < blocks; b++) {
        out[b] = stat_rng_hypergeometric(r, total, left[b], n);
        total -= left[b];
        n -= out[b];
        left[b] -= out[b];
    }
}

static void shuffle_one(const struct stat_fair *f, const bool *use,
                        const struct blocks *b, struct deal left, struct stat_rng *r,
                        struct replicates *to)
{
    struct stat_spread s[STAT_MEASURES];
    int64_t pos[NULL_BLOCKS + 1], neg[NULL_BLOCKS + 1];
    for (size_t m = 0; m < STAT_MEASURES; m++)
        s[m] = stat_spread_none();
    for (size_t g = 0; g < f->groups; g++) {
        int64_t m = f->group[g].auc.n_pos, k = f->group[g].auc.n_neg;
        if (!fair_in_use(use, g))
            continue;
        int64_t tp = stat_rng_hypergeometric(r, left.m, left.tp, m);
        int64_t fp = stat_rng_hypergeometric(r, left.k, left.fp, k);
        add_rates(s, g, tp, m, fp, k);
        take_class(r, left.pos, b->n, left.m, m, pos);
        take_class(r, left.neg, b->n, left.k, k, neg);
        if (m && k)
            stat_spread_add(&s[STAT_M_AUC], g, auc_of(b, pos, neg));
        left.tp -= tp;
        left.fp -= fp;
        left.m -= m;
        left.k -= k;
    }
    keep(to, s);
}

/* All groups in use as one: blocks, and what there is to deal. */
static int pool_groups(const struct stat_fair *f, const bool *use, struct blocks *b,
                       struct deal *all)
{
    size_t n = f->from[2 * f->groups], m = 0;
    *all = (struct deal){0};
    uint64_t *key = am_malloc((2 * n + 1) * sizeof *key), *tmp, *to = key;
    if (!key)
        return AM_E_NOMEM;
    tmp = key + n;
    for (size_t class = 0; class < 2; class ++) {
        for (size_t g = 0; g < f->groups; g++) {
            size_t from = f->from[2 * g + class], end = f->from[2 * g + class + 1];
            if (!fair_in_use(use, g))
                continue;
            memcpy(to, f->key + from, (end - from) * sizeof *key);
            to += end - from;
        }
        if (class == 0)
            m = (size_t)(to - key);
    }
    size_t k = (size_t)(to - key) - m;
    stat_sort_keys(key, tmp, m);
    stat_sort_keys(key + m, tmp, k);
    cut(b, key, m, key + m, k, NULL_BLOCKS);
    free(key);
    memcpy(all->pos, b->pos, b->n * sizeof *b->pos);
    memcpy(all->neg, b->neg, b->n * sizeof *b->neg);
    all->m = (int64_t)m;
    all->k = (int64_t)k;
    for (size_t g = 0; g < f->groups; g++)
        if (fair_in_use(use, g)) {
            all->tp += f->group[g].at.tp;
            all->fp += f->group[g].at.fp;
        }
    return AM_OK;
}

static struct stat_null null_of(const double *v, size_t n, double seen)
{
    struct stat_null r = {NAN, NAN};
    struct stat_sum sum = {0};
    double above = 0;
    if (n == 0 || isnan(seen))
        return r;
    for (size_t i = 0; i < n; i++) {
        stat_add(&sum, v[i]);
        above += v[i] >= seen - 1e-12; /* blocks and rows round differently */
    }
    r.expected = stat_total(&sum) / (double)n;
    r.p = (1 + above) / (1 + (double)n);
    return r;
}

int stat_fair_permute(const struct stat_fair *f, const bool *use, size_t replicates,
                      uint64_t seed, uint64_t test, struct stat_null out[STAT_MEASURES])
{
    struct replicates to;
    struct deal all;
    int err = check_replicates(replicates);
    if (err)
        return err;
    struct blocks *b = am_calloc(1, sizeof *b);
    err = replicates_init(&to, replicates);
    if (!err)
        err = b ? pool_groups(f, use, b, &all) : AM_E_NOMEM;
    for (size_t i = 0; i < replicates && !err; i++) {
        struct stat_rng r;
        stat_rng_init(&r, seed, test, i);
        shuffle_one(f, use, b, all, &r, &to);
    }
    for (size_t m = 0; m < STAT_MEASURES && !err; m++)
        out[m] = null_of(to.v[m], to.n[m], observed(f, use, (enum stat_measure)m));
    free(to.v[0]);
    free(b);
    return err;
}

/* ---- hypergeometric draws ---- */

static double log_factorial(double n)
{
    return n < 1 ? 0
                 : (n + 0.5) * log(n) - n + 0.5 * log(2 * M_PI) + stat_stirling_error(n);
}

static double log_mass(double all, double marked, double draws, double x)
{
    double rest = all - marked;
    return log_factorial(marked) - log_factorial(x) - log_factorial(marked - x) +
           log_factorial(rest) - log_factorial(draws - x) -
           log_factorial(rest - draws + x) + log_factorial(draws) +
           log_factorial(all - draws) - log_factorial(all);
}

/* 2 marked <= all and 2 draws <= all: x runs from 0. The walk leaves the mode on both
 * sides in turn until u is used up. */
static int64_t from_mode(struct stat_rng *r, double all, double marked, double draws)
{
    double mode = floor((draws + 1) * (marked + 1) / (all + 2)),
           most = fmin(marked, draws);
    double rest = all - marked - draws, hi = mode, lo = mode;
    double up = exp(log_mass(all, marked, draws, mode)), down = up;
    double u = stat_rng_double(r) - up;
    while (u >= 0 && (hi < most || lo > 0) && up + down > 1e-18) {
        if (hi < most) {
            up *= (marked - hi) * (draws - hi) / ((hi + 1) * (rest + hi + 1));
            hi++;
            u -= up;
            if (u < 0)
                return (int64_t)hi;
        } else {
            up = 0;
        }
        if (lo > 0) {
            down *= lo * (rest + lo) / ((marked - lo + 1) * (draws - lo + 1));
            lo--;
            u -= down;
            if (u < 0)
                return (int64_t)lo;
        } else {
            down = 0;
        }
    }
    return (int64_t)mode;
}

int64_t stat_rng_hypergeometric(struct stat_rng *r, int64_t total, int64_t marked,
                                int64_t draws)
{
    am_assert(marked >= 0 && marked <= total && draws >= 0 && draws <= total);
    if (2 * marked > total)
        return draws - stat_rng_hypergeometric(r, total, total - marked, draws);
    if (2 * draws > total)
        return marked - stat_rng_hypergeometric(r, total, marked, total - draws);
    if (marked == 0 || draws == 0)
        return 0;
    return from_mode(r, (double)total, (double)marked, (double)draws);
}
