/* SPDX-License-Identifier: Apache-2.0 */
/* Path-dependent TreeSHAP: Lundberg, Erion, Lee, "Consistent Individualized Feature
 * Attribution for Tree Ensembles" (2018), algorithm 2, O(trees x leaves x depth^2).
 *
 * A path is the set of features split on so far. Element i keeps the share of paths that
 * flow on when its feature is unknown (zero: by cover) and known (one: 0 or 1), and the
 * weight of all subsets of size i. Contributions are on the margin scale. */
#include <math.h>

#include "model/model_priv.h"

struct shap_step {
    double zero, one, weight;
    int64_t feature; /* -1: the root's placeholder */
};
struct shap {
    const struct model_xgb *x;
    const struct model_tree *tree;
    const double *row, *inverse;
    double *phi;
};
enum { SHAP_TABLE = MODEL_SHAP_DEPTH_MAX + 4 };

/* 1/i, since a walk does little but divide by small integers. */
static void shap_table(double *inverse)
{
    for (int i = 1; i < SHAP_TABLE; i++)
        inverse[i] = 1.0 / i;
}

static void shap_extend(const double *inverse, struct shap_step *p, size_t d, double zero,
                        double one, int64_t feature)
{
    double per = inverse[d + 1];
    p[d] = (struct shap_step){zero, one, d == 0 ? 1 : 0, feature};
    for (size_t i = d; i-- > 0;) {
        p[i + 1].weight += one * p[i].weight * (double)(i + 1) * per;
        p[i].weight = zero * p[i].weight * (double)(d - i) * per;
    }
}

/* Takes element k out again, as if its feature had not been split on. (one is 0 or 1) */
static void shap_unwind(const double *inverse, struct shap_step *p, size_t d, size_t k)
{
    double zero = p[k].zero, next = p[d].weight, n = (double)(d + 1);
    if (p[k].one != 0) {
        double part = zero * inverse[d + 1];
        for (size_t i = d; i-- > 0;) {
            double w = p[i].weight;
            p[i].weight = next * n * inverse[i + 1];
            next = w - p[i].weight * part * (double)(d - i);
        }
    } else {
        double part = n / zero;
        for (size_t i = d; i-- > 0;)
            p[i].weight = p[i].weight * part * inverse[d - i];
    }
    for (size_t i = k; i < d; i++) {
        p[i].feature = p[i + 1].feature;
        p[i].zero = p[i + 1].zero;
        p[i].one = p[i + 1].one;
    }
}

/* The total weight of the path with element k taken out. */
static double shap_unwound_sum(const double *inverse, const struct shap_step *p, size_t d,
                               size_t k)
{
    double zero = p[k].zero, next = p[d].weight, n = (double)(d + 1), total = 0;
    if (p[k].one != 0) {
        double part = zero * inverse[d + 1];
        for (size_t i = d; i-- > 0;) {
            double w = next * n * inverse[i + 1];
            total += w;
            next = p[i].weight - w * part * (double)(d - i);
        }
        return total;
    }
    for (size_t i = d; i-- > 0;)
        total += p[i].weight * inverse[d - i];
    return total * n / zero;
}

static void shap_leaf(const struct shap *s, const struct shap_step *p, size_t d,
                      float value)
{
    double v = (double)s->tree->weight * (double)value;
    for (size_t i = 1; i <= d; i++)
        s->phi[p[i].feature] +=
            shap_unwound_sum(s->inverse, p, d, i) * (p[i].one - p[i].zero) * v;
}

/* parent: the path so far, d elements; ours is written right behind it. The depth of the
 * recursion is the tree's, at most MODEL_SHAP_DEPTH_MAX. */
static void shap_walk(const struct shap *s, uint32_t at, struct shap_step *parent,
                      size_t d, double zero, double one, int64_t feature)
{
    const struct model_node *nd = &s->x->node.v[at];
    struct shap_step *p = parent + d;
    double in_zero = 1, in_one = 1, cover = (double)s->x->cover.v[at];
    uint32_t hot, cold;
    size_t k = 0;
    memcpy(p, parent, d * sizeof *p);
    shap_extend(s->inverse, p, d, zero, one, feature);
    if (!nd->step) {
        shap_leaf(s, p, d, nd->u.value);
        return;
    }
    hot = nd->left + model_goes_right(s->x, nd, (float)s->row[nd->feature]);
    cold = hot == nd->left ? hot + 1 : nd->left;
    while (k <= d && p[k].feature != (int64_t)nd->feature)
        k++;
    if (k <= d) { /* split on before: its old share moves into the new one */
        in_zero = p[k].zero;
        in_one = p[k].one;
        shap_unwind(s->inverse, p, d, k);
        d--;
    }
    shap_walk(s, hot, p, d + 1, in_zero * (double)s->x->cover.v[hot] / cover, in_one,
              nd->feature);
    shap_walk(s, cold, p, d + 1, in_zero * (double)s->x->cover.v[cold] / cover, 0,
              nd->feature);
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
    size_t f = x->features, room = (x->depth + 2) * (x->depth + 3) / 2 + x->depth + 2;
    double inverse[SHAP_TABLE];
    struct shap_step *path;
    if (isnan(x->shap_base) || x->depth > MODEL_SHAP_DEPTH_MAX)
        return AM_E_UNSUPPORTED;
    path = am_malloc(room * sizeof *path);
    if (!path)
        return AM_E_NOMEM;
    shap_table(inverse);
    memset(phi, 0, n * (f + 1) * sizeof *phi);
    for (size_t r = 0; r < n; r++) {
        for (size_t t = 0; t < x->tree.n; t++) {
            struct shap s = {x, &x->tree.v[t], in + r * f, inverse, phi + r * (f + 1)};
            shap_walk(&s, s.tree->root, path, 0, 1, 1, -1);
        }
        phi[r * (f + 1) + f] = x->shap_base;
    }
    free(path);
    return AM_OK;
}
