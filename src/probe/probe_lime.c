/* SPDX-License-Identifier: Apache-2.0 */
/* LIME for rows of a table: PROBE_LIME_ROWS rows around the explained one (itself first),
 * numbers moved by a normal draw of the background's standard deviation and brought back
 * into their range, codes, flags and missing values taken from a row of the background.
 * The model of it is linear in what moved: z = (v - x) / sd of a number, z = 1 for a code
 * that stayed. Weights exp(-d^2 / 2 w^2) with w = .75 sqrt(inputs) as the package has
 * them (the root of exp(-d^2 / w^2)), d^2 = sum z^2 + codes that changed; ridge 1. */
#include <math.h>

#include "probe/probe_explain_priv.h"
#include "stat/stat.h"
#include "stat/stat_logit.h"

#define LIME_WIDTH 0.75
#define LIME_RIDGE 1.0

struct lime {
    const struct probe_explain *e;
    const struct probe_input *in;
    const double *x;
    size_t f;
    struct explain_players players;
    size_t *from; /* of a player: the row of the background it is drawn from */
    double *sd;   /* NaN: as a code */
    double *rows, *z, *answer, *weight;
    double *a, *b, *mean, *all; /* all: coefficients, seed by seed */
};

static bool as_code(const struct lime *l, size_t j)
{
    return isnan(l->sd[j]);
}

/* Does it come and go with another input? */
static bool tied(const struct lime *l, size_t j)
{
    for (size_t k = 0; k < l->f; k++)
        if (k != j && l->players.lead[k] == l->players.lead[j])
            return true;
    return false;
}

static void deviations(struct lime *l)
{
    const struct probe_explain *e = l->e;
    for (size_t j = 0; j < l->f; j++) {
        struct stat_sum sum = {0}, square = {0};
        size_t n = 0;
        double mean;
        l->sd[j] = NAN;
        if (l->in[j].kind == PROBE_CODE || l->in[j].kind == PROBE_BOOLEAN ||
            isnan(l->x[j]) || tied(l, j))
            continue;
        for (size_t r = 0; r < e->rows; r++)
            if (!isnan(e->background[r * l->f + j])) {
                stat_add(&sum, e->background[r * l->f + j]);
                n++;
            }
        mean = stat_total(&sum) / (double)n;
        for (size_t r = 0; r < e->rows; r++) {
            double d = e->background[r * l->f + j] - mean;
            stat_add(&square, isnan(d) ? 0 : d * d);
        }
        l->sd[j] = n ? sqrt(stat_total(&square) / (double)n) : NAN;
        if (!(l->sd[j] > 0)) /* it never varies: nor here */
            l->sd[j] = NAN;
    }
}

static bool stayed(const struct lime *l, const double *row, size_t j)
{
    return row[j] == l->x[j] || (isnan(row[j]) && isnan(l->x[j]));
}

static double drawn(struct lime *l, size_t j, struct stat_rng *rng)
{
    size_t lead = l->players.lead[j];
    if (probe_player_follows(&l->players, j))
        return l->x[j];
    if (!as_code(l, j))
        return probe_project(&l->in[j], l->x[j] + l->sd[j] * stat_rng_normal(rng));
    if (lead == j)
        l->from[j] = stat_rng_below(rng, l->e->rows);
    return l->e->background[l->from[lead] * l->f + j];
}

/* What is derived follows what moved. */
static void follow(const struct lime *l, double *row)
{
    for (size_t k = 0; k < l->players.n; k++) {
        const struct explain_derived *d = &l->players.derived[k];
        bool moved = false;
        for (size_t j = 0; j < l->f && !moved; j++)
            moved = d->source[j / 64] >> j % 64 & 1 && !stayed(l, row, j);
        if (moved)
            probe_player_derive(&l->players, d, row);
    }
}

/* 1 when the whole player of lead j is as it was. */
static double player_stayed(const struct lime *l, const double *row, size_t j)
{
    for (size_t k = j; k < l->f; k++)
        if (l->players.lead[k] == j && !stayed(l, row, k))
            return 0;
    return 1;
}

/* The row as the linear model sees it; its squared distance. */
static double seen(const struct lime *l, const double *row, double *z)
{
    double d2 = 0;
    for (size_t j = 0; j < l->f; j++) {
        z[j] = 0; /* what follows, or is told by its player's first */
        if (probe_player_follows(&l->players, j) || l->players.lead[j] != j)
            continue;
        if (as_code(l, j)) {
            z[j] = player_stayed(l, row, j);
            d2 += 1 - z[j];
        } else {
            z[j] = (row[j] - l->x[j]) / l->sd[j];
            d2 += z[j] * z[j];
        }
    }
    return d2;
}

static void perturb(struct lime *l, struct stat_rng *rng)
{
    size_t f = l->f;
    double width2 = LIME_WIDTH * LIME_WIDTH * (double)f;
    for (size_t i = 0; i < PROBE_LIME_ROWS; i++) {
        double *row = l->rows + i * f;
        for (size_t j = 0; j < f; j++)
            row[j] = i ? drawn(l, j, rng) : l->x[j];
        if (i)
            follow(l, row);
        l->weight[i] = exp(-seen(l, row, l->z + i * f) / (2 * width2));
    }
}

/* Weighted means of the columns, then of the answers. */
static double centre(struct lime *l, double *mean_y)
{
    struct stat_sum all = {0}, y = {0};
    for (size_t j = 0; j < l->f; j++)
        l->mean[j] = 0;
    for (size_t i = 0; i < PROBE_LIME_ROWS; i++) {
        if (isnan(l->answer[i]))
            l->weight[i] = 0;
        stat_add(&all, l->weight[i]);
        stat_add(&y, l->weight[i] > 0 ? l->weight[i] * l->answer[i] : 0);
        for (size_t j = 0; j < l->f; j++)
            l->mean[j] += l->weight[i] * l->z[i * l->f + j];
    }
    for (size_t j = 0; j < l->f; j++)
        l->mean[j] /= stat_total(&all);
    *mean_y = stat_total(&y) / stat_total(&all);
    return stat_total(&all);
}

static bool ridge(struct lime *l, double mean_y)
{
    size_t f = l->f;
    memset(l->a, 0, f * (f + 1) / 2 * sizeof *l->a);
    memset(l->b, 0, f * sizeof *l->b);
    for (size_t i = 0; i < PROBE_LIME_ROWS; i++) {
        double *z = l->z + i * f, w = l->weight[i];
        for (size_t j = 0; j < f; j++)
            z[j] -= l->mean[j];
        for (size_t j = 0, at = 0; j < f && w > 0; j++) {
            double wz = w * z[j];
            l->b[j] += wz * (l->answer[i] - mean_y);
            for (size_t k = 0; k <= j; k++)
                l->a[at++] += wz * z[k];
        }
    }
    for (size_t j = 0; j < f; j++)
        l->a[j * (j + 1) / 2 + j] += LIME_RIDGE;
    if (!stat_cholesky(l->a, f))
        return false;
    stat_cholesky_solve(l->a, f, l->b);
    return true;
}

static double explained(const struct lime *l, double mean_y)
{
    struct stat_sum rest = {0}, whole = {0};
    for (size_t i = 0; i < PROBE_LIME_ROWS; i++) {
        double d = l->answer[i] - mean_y, fit = 0;
        if (!(l->weight[i] > 0))
            continue;
        for (size_t j = 0; j < l->f; j++)
            fit += l->b[j] * l->z[i * l->f + j];
        stat_add(&rest, l->weight[i] * (d - fit) * (d - fit));
        stat_add(&whole, l->weight[i] * d * d);
    }
    return stat_total(&whole) > 0 ? 1 - stat_total(&rest) / stat_total(&whole) : NAN;
}

/* The strongest inputs of a fit, as bits; of equals the first. */
static void top(const double *b, size_t f, uint64_t bits[PROBE_LIME_MAX / 64])
{
    memset(bits, 0, PROBE_LIME_MAX / 8);
    for (size_t k = 0; k < PROBE_LIME_TOP && k < f; k++) {
        size_t best = f;
        for (size_t j = 0; j < f; j++)
            if (!(bits[j / 64] >> j % 64 & 1) &&
                (best == f || fabs(b[j]) > fabs(b[best])))
                best = j;
        bits[best / 64] |= UINT64_C(1) << best % 64;
    }
}

static double mean_jaccard(const struct lime *l)
{
    uint64_t bits[PROBE_LIME_SEEDS][PROBE_LIME_MAX / 64];
    double sum = 0;
    int pairs = 0;
    for (size_t s = 0; s < PROBE_LIME_SEEDS; s++)
        top(l->all + s * l->f, l->f, bits[s]);
    for (size_t s = 0; s < PROBE_LIME_SEEDS; s++)
        for (size_t t = 0; t < s; t++, pairs++) {
            int both = 0, any = 0;
            for (size_t w = 0; w < PROBE_LIME_MAX / 64; w++) {
                both += __builtin_popcountll(bits[s][w] & bits[t][w]);
                any += __builtin_popcountll(bits[s][w] | bits[t][w]);
            }
            sum += (double)both / any;
        }
    return sum / pairs;
}

static int one_seed(struct lime *l, size_t seed, double *r2, bool *answered)
{
    struct stat_rng rng;
    double mean_y;
    size_t asked;
    int err;
    stat_rng_init(&rng, l->e->seed, EXPLAIN_LIME, seed);
    perturb(l, &rng);
    err = probe_ask(l->e->oracle, l->rows, PROBE_LIME_ROWS, l->answer, &asked);
    if (err)
        return err;
    *answered = asked == PROBE_LIME_ROWS && centre(l, &mean_y) > 0 && ridge(l, mean_y);
    if (!*answered)
        return AM_OK;
    *r2 = explained(l, mean_y);
    memcpy(l->all + seed * l->f, l->b, l->f * sizeof *l->b);
    return AM_OK;
}

static int lime_init(struct lime *l, const struct probe_explain *e,
                     const struct probe_input *in, const double *x)
{
    size_t f = e->oracle->features, n = PROBE_LIME_ROWS;
    int err;
    *l = (struct lime){.e = e,
                       .in = in,
                       .x = x,
                       .f = f,
                       .from = am_malloc(f * sizeof *l->from),
                       .sd = am_malloc(f * sizeof *l->sd),
                       .rows = am_malloc(n * f * sizeof *l->rows),
                       .z = am_malloc(n * f * sizeof *l->z),
                       .answer = am_malloc(n * sizeof *l->answer),
                       .weight = am_malloc(n * sizeof *l->weight),
                       .a = am_malloc(f * (f + 1) / 2 * sizeof *l->a),
                       .b = am_malloc(f * sizeof *l->b),
                       .mean = am_malloc(f * sizeof *l->mean),
                       .all = am_calloc(PROBE_LIME_SEEDS * f, sizeof *l->all)};
    err = probe_players_open(&l->players, e->rules, f);
    if (err)
        return err;
    return l->from && l->sd && l->rows && l->z && l->answer && l->weight && l->a &&
                   l->b && l->mean && l->all
               ? AM_OK
               : AM_E_NOMEM;
}

static void lime_release(struct lime *l)
{
    probe_players_release(&l->players);
    free(l->from);
    free(l->sd);
    free(l->rows);
    free(l->z);
    free(l->answer);
    free(l->weight);
    free(l->a);
    free(l->b);
    free(l->mean);
    free(l->all);
}

int probe_lime(const struct probe_explain *e, const struct probe_input *in,
               const double *x, double *effect, struct probe_lime *out)
{
    struct lime l;
    double r2 = 0;
    bool answered = true;
    int err;
    *out = (struct probe_lime){.r2 = NAN, .jaccard = NAN};
    if (e->oracle->features > PROBE_LIME_MAX)
        return AM_E_TOOBIG;
    if (!e->rows || e->rows > PROBE_BACKGROUND || !e->oracle->features)
        return AM_E_INVALID;
    err = lime_init(&l, e, in, x);
    if (!err)
        deviations(&l);
    for (size_t s = 0; s < PROBE_LIME_SEEDS && !err && answered; s++) {
        double one = NAN;
        err = one_seed(&l, s, &one, &answered);
        r2 += one / PROBE_LIME_SEEDS;
    }
    for (size_t j = 0; j < l.f && !err; j++) {
        effect[j] = answered ? 0 : NAN;
        for (size_t s = 0; s < PROBE_LIME_SEEDS && answered; s++)
            effect[j] += l.all[s * l.f + j] / PROBE_LIME_SEEDS;
    }
    if (!err && answered)
        *out = (struct probe_lime){true, r2, mean_jaccard(&l)};
    lime_release(&l);
    return err;
}
