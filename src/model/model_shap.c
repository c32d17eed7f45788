/* SPDX-License-Identifier: Apache-2.0 */
/* Path-dependent TreeSHAP: the values of Lundberg, Erion, Lee, "Consistent Individualized
 * Feature Attribution for Tree Ensembles" (2018), where an input that is not known
 * follows the covers of the tree. Contributions are on the margin scale.
 *
 * A Shapley value is the mean over t in [0,1] of what input i adds when every other input
 * is known with probability t (G. Owen, Management Science 18 (1972) P64). For a leaf of
 * value v whose input j agrees (o = 1) or not (o = 0) and is passed by a share z of the
 * covers,
 *     phi_i = v (o_i - z_i) * integral of prod_{j != i} (t o_j + (1 - t) z_j) dt,
 * a polynomial of degree d - 1: Gauss-Legendre with ceil(d/2) nodes is exact. All terms
 * of the product are positive, so nothing cancels at any depth. */
#include <math.h>

#include "model/model_shap_priv.h"

enum { PATH_NODES_MAX = (MODEL_SHAP_DEPTH_MAX + 1) / 2 };

struct path_game {
    double *t, *w, *u; /* nodes, weights on [0,1], 1/(1-t): for 1, 2, ... nodes */
    double *f, *c;     /* of the leaf: [ask][agrees][node] factor; what it is worth */
    size_t q;
};

static size_t path_q(size_t d)
{
    return AM_MAX((d + 1) / 2, (size_t)1);
}

static size_t path_at(size_t q) /* where the rule of q nodes begins */
{
    return q * (q - 1) / 2;
}

/* Newton on the Legendre polynomial P_n from Tricomi's first guess. */
static void gauss_legendre(size_t n, double *t, double *w, double *u)
{
    for (size_t i = 0; i < n; i++) {
        double x = cos(3.14159265358979323846 * ((double)i + 0.75) / ((double)n + 0.5)),
               slope = 1;
        for (int step = 0; step < 100; step++) {
            double p = x, before = 1, move;
            for (size_t k = 2; k <= n; k++) {
                double next =
                    ((double)(2 * k - 1) * x * p - (double)(k - 1) * before) / (double)k;
                before = p;
                p = next;
            }
            slope = (double)n * (x * p - before) / (x * x - 1);
            move = p / slope;
            x -= move;
            if (fabs(move) < 1e-15)
                break;
        }
        t[i] = (1 + x) / 2;
        w[i] = 1 / ((1 - x * x) * slope * slope);
        u[i] = 1 / (1 - t[i]);
    }
}

static void path_leaf(void *state, const struct shap_leaf *l)
{
    struct path_game *g = state;
    size_t q = g->q = path_q(l->d);
    const double *t = g->t + path_at(q), *w = g->w + path_at(q);
    for (size_t j = 0; j < l->d; j++) {
        double *f = g->f + 2 * j * q, *c = g->c + 2 * j * q, z = l->ask[j].zero;
        for (size_t k = 0; k < q; k++) {
            f[k] = (1 - t[k]) * z;
            c[k] = -l->value * w[k] * g->u[path_at(q) + k];
            f[q + k] = t[k] + f[k];
            c[q + k] = l->value * w[k] * (1 - z) / f[q + k];
        }
    }
}

static void path_value(void *state, const struct shap_leaf *l, const uint8_t *one,
                       double *out)
{
    const struct path_game *g = state;
    double all[PATH_NODES_MAX];
    size_t q = g->q;
    for (size_t k = 0; k < q; k++)
        all[k] = 1;
    for (size_t j = 0; j < l->d; j++)
        for (size_t k = 0; k < q; k++)
            all[k] *= g->f[(2 * j + one[j]) * q + k];
    for (size_t j = 0; j < l->d; j++) {
        double v = 0;
        for (size_t k = 0; k < q; k++)
            v += all[k] * g->c[(2 * j + one[j]) * q + k];
        out[j] = v;
    }
}

/* The expected value by cover; children lie behind their parent, so backwards works. */
int model_shap_prepare(struct model_xgb *x)
{
    double *mean = am_malloc(AM_MAX(x->node.n, 1u) * sizeof *mean);
    if (!mean)
        return AM_E_NOMEM;
    x->shap_base = (double)x->base_margin;
    for (size_t i = x->node.n; i-- > 0;) {
        const struct model_node *nd = &x->node.v[i];
        uint32_t l = nd->left, r = l + 1;
        if (!nd->step)
            mean[i] = (double)nd->u.value;
        else if (x->cover.v[i] > 0 && x->cover.v[l] > 0 && x->cover.v[r] > 0)
            mean[i] =
                (mean[l] * (double)x->cover.v[l] + mean[r] * (double)x->cover.v[r]) /
                (double)x->cover.v[i];
        else
            mean[i] = NAN;
    }
    for (size_t i = 0; i < x->tree.n; i++)
        x->shap_base += (double)x->tree.v[i].weight * mean[x->tree.v[i].root];
    free(mean);
    return AM_OK;
}

int model_shap(const struct model_xgb *x, const double *in, size_t n, double *phi)
{
    size_t d, q;
    struct path_game g;
    struct shap_game game = {MODEL_SHAP_DEPTH_MAX, &g, path_leaf, path_value};
    int err;
    if (isnan(x->shap_base) || x->depth > MODEL_SHAP_DEPTH_MAX)
        return AM_E_UNSUPPORTED;
    d = AM_MAX(model_shap_most(x), (size_t)1);
    q = path_q(d);
    g = (struct path_game){.t = am_malloc(path_at(q + 1) * sizeof *g.t),
                           .w = am_malloc(path_at(q + 1) * sizeof *g.w),
                           .u = am_malloc(path_at(q + 1) * sizeof *g.u),
                           .f = am_malloc(2 * d * q * sizeof *g.f),
                           .c = am_malloc(2 * d * q * sizeof *g.c)};
    err = g.t && g.w && g.u && g.f && g.c ? AM_OK : AM_E_NOMEM;
    for (size_t k = 1; k <= q && !err; k++)
        gauss_legendre(k, g.t + path_at(k), g.w + path_at(k), g.u + path_at(k));
    if (!err)
        err = model_shap_play(x, &game, in, n, x->shap_base, phi);
    free(g.t);
    free(g.w);
    free(g.u);
    free(g.f);
    free(g.c);
    return err;
}
