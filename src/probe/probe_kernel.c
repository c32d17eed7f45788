/* SPDX-License-Identifier: Apache-2.0 */
/* KernelSHAP: the Shapley values are the weighted least squares solution of
 *     v(S) - v(0) = sum_{i in S} phi_i,   weight (M-1) / (C(M,s) s (M-s)),
 * under sum phi = v(all) - v(0). Coalitions come in pairs with their complements. Sizes
 * that the budget pays for are asked whole, so nothing of them is left to chance; the
 * others are drawn, size by size as their weight says, the same coalition twice being one
 * question that counts twice.
 *
 * Standard error: the estimate moves with the drawn pairs only, to first order by
 * A^-1 sum z w (y - z phi) of each, projected on the constraint; their sample variance is
 * that of the estimate (the sandwich of Huber and White). */
#include <math.h>

#include "probe/probe_explain_priv.h"
#include "stat/stat.h"
#include "stat/stat_logit.h"

enum { KERNEL_FIRST = 64, KERNEL_EXTRA = 2048 };

struct kernel {
    struct explain_game *g;
    size_t m, words, budget;
    /* coalitions in pairs: 2 i and 2 i + 1 */
    uint64_t *set;
    double *y;       /* worth minus base */
    uint32_t *times; /* of a pair: how often drawn; 0: of a whole size */
    double *weight;  /* of a pair of a whole size: of each of the two */
    size_t pairs, asked, room;
    uint32_t *slot; /* hash of drawn pairs: index + 1 */
    size_t slots;
    /* sizes left to draw from */
    double *left; /* weight of size s and its complement */
    double rest;  /* their sum */
    size_t draws;
    struct stat_rng rng;
    double *a, *b, *one, *sum, *square, *u;
};

static size_t packed(size_t i, size_t j)
{
    return i * (i + 1) / 2 + j;
}

static void put(uint64_t *set, size_t i)
{
    set[i / 64] |= UINT64_C(1) << i % 64;
}

static bool has(const uint64_t *set, size_t i)
{
    return set[i / 64] >> i % 64 & 1;
}

static void complement(const struct kernel *k, const uint64_t *set, uint64_t *out)
{
    for (size_t w = 0; w < k->words; w++)
        out[w] = ~set[w];
    if (k->m % 64)
        out[k->words - 1] &= (UINT64_C(1) << k->m % 64) - 1;
}

static uint64_t *pair_at(const struct kernel *k, size_t pair)
{
    return k->set + 2 * pair * k->words;
}

/* ---- whole sizes
 * ---------------------------------------------------------------------- */
/* Subsets of size s; more than `most`: most + 1. */
static size_t choose(size_t m, size_t s, size_t most)
{
    double c = 1;
    for (size_t i = 1; i <= s; i++)
        c *= (double)(m - s + i) / (double)i;
    return c > (double)most ? most + 1 : (size_t)(c + 0.5);
}

static bool own_complement(const struct kernel *k, size_t s)
{
    return 2 * s == k->m;
}

/* All subsets of size s in order of their members; of a half, those that hold input 0. */
static void whole_size(struct kernel *k, size_t s, double weight)
{
    uint32_t member[PROBE_EXPLAIN_MAX];
    size_t i;
    for (i = 0; i < s; i++)
        member[i] = (uint32_t)i;
    do {
        uint64_t *set = pair_at(k, k->pairs);
        if (own_complement(k, s) && member[0])
            return;
        memset(set, 0, k->words * sizeof *set);
        for (i = 0; i < s; i++)
            put(set, member[i]);
        complement(k, set, set + k->words);
        k->weight[k->pairs++] = weight;
        for (i = s; i > 0 && member[i - 1] == k->m - s + i - 1; i--)
            ;
        if (i) {
            member[i - 1]++;
            for (size_t j = i; j < s; j++)
                member[j] = member[j - 1] + 1;
        }
    } while (i);
}

static void whole_sizes(struct kernel *k)
{
    size_t m = k->m, budget = k->budget;
    k->rest = 0;
    for (size_t s = 1; 2 * s <= m; s++) {
        k->left[s] = (own_complement(k, s) ? 1.0 : 2.0) * (double)(m - 1) /
                     ((double)s * (double)(m - s));
        k->rest += k->left[s];
    }
    for (size_t s = 1; 2 * s <= m; s++) {
        size_t sets = choose(m, s, budget) * (own_complement(k, s) ? 1 : 2);
        if (sets > budget || (double)budget * k->left[s] / k->rest < (double)sets - 1e-8)
            break;
        whole_size(k, s, k->left[s] / (double)sets);
        budget -= sets;
        k->rest -= k->left[s];
        k->left[s] = 0;
    }
}

/* ---- drawn coalitions
 * ----------------------------------------------------------------- */
static uint64_t hash_of(const struct kernel *k, const uint64_t *set)
{
    uint64_t h = 0;
    for (size_t w = 0; w < k->words; w++) {
        h ^= set[w];
        h = stat_splitmix64(&h);
    }
    return h;
}

static void draw_set(struct kernel *k, uint64_t *set)
{
    double at = stat_rng_double(&k->rng) * k->rest;
    size_t size = 1, m = k->m;
    for (size_t s = 1; 2 * s <= m; s++)
        if (k->left[s] > 0) {
            size = s;
            at -= k->left[s];
            if (at < 0)
                break;
        }
    memset(set, 0, k->words * sizeof *set);
    for (size_t i = m - size; i < m; i++) { /* R. Floyd: a subset of that size */
        size_t v = (size_t)stat_rng_below(&k->rng, i + 1);
        put(set, has(set, v) ? i : v);
    }
    if (own_complement(k, size) && !has(set, 0)) /* of the two, the one that holds 0 */
        complement(k, set, set);
}

/* One more draw; a new pair when it was not met before. */
static void draw_pair(struct kernel *k)
{
    uint64_t *set = pair_at(k, k->pairs);
    size_t h;
    draw_set(k, set);
    for (h = hash_of(k, set) % k->slots; k->slot[h]; h = (h + 1) % k->slots)
        if (!memcmp(pair_at(k, k->slot[h] - 1), set, k->words * sizeof *set)) {
            k->times[k->slot[h] - 1]++;
            k->draws++;
            return;
        }
    complement(k, set, set + k->words);
    k->times[k->pairs++] = 1;
    k->slot[h] = (uint32_t)k->pairs;
    k->draws++;
}

static int ask_new(struct kernel *k)
{
    int err = probe_explain_ask(k->g, pair_at(k, k->asked), 2 * (k->pairs - k->asked),
                                k->y + 2 * k->asked);
    for (size_t i = 2 * k->asked; i < 2 * k->pairs && !err; i++)
        k->y[i] -= k->g->base;
    k->asked = k->pairs;
    return err;
}

/* ---- least squares
 * -------------------------------------------------------------------- */
static double weight_of(const struct kernel *k, size_t pair)
{
    return k->times[pair] ? k->rest * k->times[pair] / (2.0 * (double)k->draws)
                          : k->weight[pair];
}

static size_t members(const struct kernel *k, const uint64_t *set, uint32_t *out)
{
    size_t n = 0;
    for (size_t w = 0; w < k->words; w++)
        for (uint64_t v = set[w]; v; v &= v - 1)
            out[n++] = (uint32_t)(64 * w + (size_t)__builtin_ctzll(v));
    return n;
}

static void add_sets(struct kernel *k)
{
    uint32_t in[PROBE_EXPLAIN_MAX];
    size_t m = k->m;
    memset(k->a, 0, m * (m + 1) / 2 * sizeof *k->a);
    memset(k->b, 0, m * sizeof *k->b);
    for (size_t c = 0; c < 2 * k->pairs; c++) {
        double w = weight_of(k, c / 2);
        size_t n = members(k, k->set + c * k->words, in);
        for (size_t i = 0; i < n; i++) {
            k->b[in[i]] += w * k->y[c];
            for (size_t j = 0; j <= i; j++)
                k->a[packed(in[i], in[j])] += w;
        }
    }
}

static double total(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

/* phi = A^-1 b, moved along A^-1 1 until it adds up to delta. False: too few coalitions
 * to tell. */
static bool solve(struct kernel *k, double *phi)
{
    size_t m = k->m;
    double delta = k->g->score - k->g->base, move;
    add_sets(k);
    if (!stat_cholesky(k->a, m))
        return false;
    for (size_t i = 0; i < m; i++)
        k->one[i] = 1;
    stat_cholesky_solve(k->a, m, k->one);
    memcpy(phi, k->b, m * sizeof *phi);
    stat_cholesky_solve(k->a, m, phi);
    move = (delta - total(phi, m)) / total(k->one, m);
    for (size_t i = 0; i < m; i++)
        phi[i] += move * k->one[i];
    return true;
}

/* What one draw of the pair moves the estimate by, times the number of draws. */
static void influence(struct kernel *k, const double *phi, size_t pair, double *u)
{
    size_t m = k->m;
    double move;
    memset(u, 0, m * sizeof *u);
    for (unsigned side = 0; side < 2; side++) {
        const uint64_t *set = pair_at(k, pair) + side * k->words;
        double r = k->y[2 * pair + side];
        for (size_t i = 0; i < m; i++)
            r -= has(set, i) ? phi[i] : 0;
        for (size_t i = 0; i < m; i++)
            u[i] += has(set, i) ? r * k->rest / 2 : 0;
    }
    stat_cholesky_solve(k->a, m, u);
    move = total(u, m) / total(k->one, m);
    for (size_t i = 0; i < m; i++)
        u[i] -= move * k->one[i];
}

static double standard_error(struct kernel *k, const double *phi)
{
    double n = (double)k->draws, worst = 0;
    memset(k->sum, 0, k->m * sizeof *k->sum);
    memset(k->square, 0, k->m * sizeof *k->square);
    for (size_t p = 0; p < k->pairs; p++) {
        if (!k->times[p])
            continue;
        influence(k, phi, p, k->u);
        for (size_t i = 0; i < k->m; i++) {
            k->sum[i] += k->times[p] * k->u[i];
            k->square[i] += k->times[p] * k->u[i] * k->u[i];
        }
    }
    for (size_t i = 0; i < k->m && n > 1; i++) {
        double mean = k->sum[i] / n;
        worst = fmax(worst, (k->square[i] / n - mean * mean) / (n - 1));
    }
    return n > 1 ? sqrt(fmax(worst, 0)) : INFINITY;
}

/* ---- the whole
 * ------------------------------------------------------------------------ */
static int kernel_init(struct kernel *k, struct explain_game *g)
{
    size_t m = g->m, most = g->e->coalitions_max;
    *k = (struct kernel){.g = g, .m = m, .words = g->words};
    k->budget = AM_MAX(most ? most : 2 * m + KERNEL_EXTRA, 2 * m);
    k->room = k->budget / 2 + 1;
    k->slots = 2 * k->room + 1;
    k->set = am_malloc(2 * (k->room + 1) * k->words * sizeof *k->set);
    k->y = am_malloc(2 * k->room * sizeof *k->y);
    k->times = am_calloc(k->room + 1, sizeof *k->times);
    k->weight = am_calloc(k->room + 1, sizeof *k->weight);
    k->slot = am_calloc(k->slots, sizeof *k->slot);
    k->left = am_calloc(m + 1, sizeof *k->left);
    k->a = am_malloc(m * (m + 1) / 2 * sizeof *k->a);
    k->b = am_malloc(m * sizeof *k->b);
    k->one = am_malloc(m * sizeof *k->one);
    k->sum = am_malloc(m * sizeof *k->sum);
    k->square = am_malloc(m * sizeof *k->square);
    k->u = am_malloc(m * sizeof *k->u);
    stat_rng_init(&k->rng, g->e->seed, EXPLAIN_KERNEL, 0);
    return k->set && k->y && k->times && k->weight && k->slot && k->left && k->a &&
                   k->b && k->one && k->sum && k->square && k->u
               ? AM_OK
               : AM_E_NOMEM;
}

static void kernel_release(struct kernel *k)
{
    free(k->set);
    free(k->y);
    free(k->times);
    free(k->weight);
    free(k->slot);
    free(k->left);
    free(k->a);
    free(k->b);
    free(k->one);
    free(k->sum);
    free(k->square);
    free(k->u);
}

static double range_of(const double *phi, size_t m)
{
    double lo = phi[0], hi = phi[0];
    for (size_t i = 1; i < m; i++) {
        lo = fmin(lo, phi[i]);
        hi = fmax(hi, phi[i]);
    }
    return hi - lo;
}

/* Draws until `goal` pairs are known, or nothing new comes: a size may run dry. */
static void draw_until(struct kernel *k, size_t goal)
{
    size_t tries = 0, most = 16 * k->room;
    while (k->pairs < goal && tries++ < most)
        draw_pair(k);
}

/* Asks what was drawn and solves; *done when nothing more is to be asked. */
static int kernel_step(struct kernel *k, size_t goal, double *value, double *se,
                       bool *done)
{
    double tolerance =
        k->g->e->tolerance != 0 ? k->g->e->tolerance : PROBE_EXPLAIN_TOLERANCE;
    int err;
    if (k->rest > 1e-9)
        draw_until(k, goal);
    err = ask_new(k);
    *done = err || k->g->failed || goal >= k->budget / 2 || k->pairs < goal;
    if (err || k->g->failed)
        return err;
    if (!solve(k, value)) {
        k->g->failed = *done;
        return AM_OK;
    }
    *se = k->draws ? standard_error(k, value) : 0;
    *done |= *se <= tolerance * range_of(value, k->m);
    return AM_OK;
}

int probe_kernel(struct explain_game *g, double *value, double *se, size_t *asked)
{
    struct kernel k;
    bool done = false;
    size_t goal;
    int err = kernel_init(&k, g);
    *se = 0;
    if (!err)
        whole_sizes(&k);
    goal = AM_MIN(k.pairs + AM_MAX((size_t)KERNEL_FIRST, k.m / 2), k.budget / 2);
    while (!err && !done) {
        err = kernel_step(&k, goal, value, se, &done);
        goal = AM_MIN(goal + goal / 2, k.budget / 2);
    }
    *asked = 2 * k.pairs;
    kernel_release(&k);
    return err;
}
