/* SPDX-License-Identifier: Apache-2.0 */
/* bench_versus -- row PF-8: against the readers or the score in use, on the same
 * patients. Rows without the comparator's word are left out of both. */
#include "bench/bench_priv.h"
#include "stat/stat_order.h"

struct versus {
    struct bench_run *r;
    double *a, *b, t; /* the model's scores, the other's; its threshold */
    uint8_t *y;
    size_t n;
    int64_t positives;
};

static int gather(struct versus *v)
{
    const struct bench_run *r = v->r;
    const double *said = bench_extra(r, "case:comparator");
    v->a = am_malloc((r->used + 1) * sizeof *v->a);
    v->b = am_malloc((r->used + 1) * sizeof *v->b);
    v->y = am_malloc(r->used + 1);
    if (!v->a || !v->b || !v->y)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->used; i++) {
        double other = said ? said[r->of[i]] : NAN;
        if (isnan(other))
            continue;
        v->b[v->n] = other;
        v->a[v->n] = r->s[i];
        v->y[v->n] = r->y[i];
        v->positives += r->y[i];
        v->n++;
    }
    return AM_OK;
}

static int emit(struct versus *v, const char *name, double x, struct stat_ci ci,
                const char *how)
{
    return bench_emit(v->r, "PF-8", name, "", x, (const double[2]){ci.lo, ci.hi}, how,
                      (int64_t)v->n, v->positives);
}

/* Rows of one class (2: both) where only the model is right, only the other is. */
static void discordant(const struct versus *v, uint8_t class, int64_t out[2])
{
    out[0] = out[1] = 0;
    for (size_t i = 0; i < v->n; i++) {
        bool a = (v->a[i] >= v->r->threshold) == v->y[i],
             b = (v->b[i] >= v->t) == v->y[i];
        if (class < 2 && v->y[i] != class)
            continue;
        out[0] += a && !b;
        out[1] += b && !a;
    }
}

static int mcnemar(struct versus *v)
{
    static const struct {
        uint8_t class;
        const char *difference, *p;
    } part[] = {{1, "sensitivity_difference", "sensitivity_mcnemar_p"},
                {0, "specificity_difference", "specificity_mcnemar_p"},
                {2, "accuracy_difference", "mcnemar_p"}};
    const struct stat_ci none = {NAN, NAN};
    int err = AM_OK;
    for (size_t k = 0; k < AM_LEN(part) && !err; k++) {
        int64_t only[2], n = part[k].class == 2   ? (int64_t)v->n
                             : part[k].class == 1 ? v->positives
                                                  : (int64_t)v->n - v->positives;
        discordant(v, part[k].class, only);
        err = emit(v, part[k].difference,
                   n ? (double)(only[0] - only[1]) / (double)n : NAN, none, "paired");
        if (!err)
            err = emit(v, part[k].p, n ? stat_mcnemar(only[0], only[1]) : NAN, none,
                       "mcnemar-exact");
    }
    return err;
}

static int compare(struct versus *v)
{
    const struct stat_ci none = {NAN, NAN};
    struct stat_compare c;
    int err = stat_auc_paired(v->a, v->b, v->y, v->n, &c);
    if (!err)
        err = emit(v, "comparator_auc", c.b.auc, stat_auc_gate(&c.b, NULL), "delong");
    if (!err)
        err = emit(v, "auc_difference", c.diff, c.ci, "delong-paired");
    if (!err)
        err = emit(v, "auc_difference_p", c.p, none, "delong-paired");
    return err ? err : mcnemar(v);
}

int bench_versus(struct bench_run *r)
{
    const struct json *doc = json_get(r->manifest, "comparator");
    struct versus v = {.r = r, .t = json_num(json_get(doc, "threshold"), NAN)};
    int err;
    if (!doc)
        return bench_fact(r, "PF-8", "auc_difference", NAN, "no_comparator_declared");
    err = gather(&v);
    if (!err)
        err = compare(&v);
    free(v.a);
    free(v.b);
    free(v.y);
    return err;
}
