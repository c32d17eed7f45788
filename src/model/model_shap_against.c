/* SPDX-License-Identifier: Apache-2.0 */
/* Interventional TreeSHAP: an input that is not known has the value of a row of the
 * background (H. Chen et al., "True to the model or true to the data?", 2020; the
 * algorithm for one leaf: Lundberg et al., Nature Machine Intelligence 2 (2020) 56, S).
 *
 * For one row of the background, a leaf is reached by mixtures of it and the explained
 * row when every input agrees in one of them. With a inputs that agree in the explained
 * row alone and b in the other alone, each of the a gets v (a-1)! b! / (a+b)!, each of
 * the b gets -v a! (b-1)! / (a+b)!. Rows of the background with the same bits count once,
 * so a leaf of d inputs costs at most 4^d whatever the size of the background. */
#include <math.h>

#include "model/model_shap_priv.h"

enum { AGAINST_BITS = 64 };

struct against_game {
    size_t n; /* rows of the background */
    int32_t *key;
    uint32_t *one;
    uint64_t *bits; /* of every row; then the distinct ones, rising */
    double *share;
    size_t distinct;
    double *beta; /* [a][b] = (a-1)! b! / (a+b)! */
};

static int by_bits(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void against_leaf(void *state, const struct shap_leaf *l)
{
    struct against_game *g = state;
    size_t k = 0;
    memset(g->bits, 0, g->n * sizeof *g->bits);
    for (size_t j = 0; j < l->d; j++) {
        model_shap_agree(l, j, g->key, g->n, g->n, g->one);
        for (size_t r = 0; r < g->n; r++)
            g->bits[r] |= (uint64_t)(g->one[r] & 1) << j;
    }
    qsort(g->bits, g->n, sizeof *g->bits, by_bits);
    for (size_t r = 0; r < g->n; k++) {
        size_t from = r;
        while (r < g->n && g->bits[r] == g->bits[from])
            r++;
        g->bits[k] = g->bits[from];
        g->share[k] = l->value * (double)(r - from) / (double)g->n;
    }
    g->distinct = k;
}

static double beta_at(const struct against_game *g, size_t a, size_t b)
{
    return g->beta[a * (AGAINST_BITS + 1) + b];
}

static void against_value(void *state, const struct shap_leaf *l, const uint8_t *one,
                          double *out)
{
    const struct against_game *g = state;
    uint64_t own = 0, all = l->d == AGAINST_BITS ? UINT64_MAX : (UINT64_C(1) << l->d) - 1;
    for (size_t j = 0; j < l->d; j++) {
        own |= (uint64_t)one[j] << j;
        out[j] = 0;
    }
    for (size_t k = 0; k < g->distinct; k++) {
        uint64_t other = g->bits[k], here = own & ~other, there = other & ~own;
        size_t a = (size_t)__builtin_popcountll(here),
               b = (size_t)__builtin_popcountll(there);
        double up, down;
        if ((own | other) != all)
            continue;
        up = a ? g->share[k] * beta_at(g, a, b) : 0;
        down = b ? g->share[k] * beta_at(g, b, a) : 0;
        for (; here; here &= here - 1)
            out[__builtin_ctzll(here)] += up;
        for (; there; there &= there - 1)
            out[__builtin_ctzll(there)] -= down;
    }
}

/* (a-1)! b! / (a+b)!: 1/a at b = 0, then b / (a+b) each. */
static void fill_beta(double *beta)
{
    for (size_t a = 1; a <= AGAINST_BITS; a++) {
        beta[a * (AGAINST_BITS + 1)] = 1.0 / (double)a;
        for (size_t b = 1; b <= AGAINST_BITS; b++)
            beta[a * (AGAINST_BITS + 1) + b] =
                beta[a * (AGAINST_BITS + 1) + b - 1] * (double)b / (double)(a + b);
    }
}

static int mean_margin(const struct model_xgb *x, const double *in, size_t n, double *out)
{
    float *m = am_malloc(n * sizeof *m);
    double sum = 0;
    if (!m)
        return AM_E_NOMEM;
    model_xgb_margins(x, in, n, m);
    for (size_t r = 0; r < n; r++)
        sum += (double)m[r];
    free(m);
    *out = sum / (double)n;
    return AM_OK;
}

static int against_init(struct against_game *g, const struct model_xgb *x,
                        const double *background, size_t n)
{
    *g = (struct against_game){
        .n = n,
        .key = am_malloc(n * x->features * sizeof *g->key),
        .one = am_calloc(n, sizeof *g->one),
        .bits = am_malloc(n * sizeof *g->bits),
        .share = am_malloc(n * sizeof *g->share),
        .beta =
            am_calloc((size_t)(AGAINST_BITS + 1) * (AGAINST_BITS + 1), sizeof *g->beta),
    };
    if (!g->key || !g->one || !g->bits || !g->share || !g->beta)
        return AM_E_NOMEM;
    model_shap_columns(background, n, x->features, n, g->key);
    fill_beta(g->beta);
    return AM_OK;
}

int model_shap_against(const struct model_xgb *x, const double *in, size_t n,
                       const double *background, size_t rows, double *phi)
{
    struct against_game g;
    struct shap_game game = {AGAINST_BITS, &g, against_leaf, against_value};
    double base;
    int err = against_init(&g, x, background, rows);
    if (!err)
        err = mean_margin(x, background, rows, &base);
    if (!err)
        err = model_shap_play(x, &game, in, n, base, phi);
    free(g.key);
    free(g.one);
    free(g.bits);
    free(g.share);
    free(g.beta);
    return err;
}
