/* SPDX-License-Identifier: Apache-2.0 */
/* bench_scalar -- rows PF-1 and PF-4: what bench.md (1.1, 1.4, 1.5, 3) prints beside the
 * figures that a gate reads. Of all rows and of each site:
 *
 *   auc_delong_wald, auc_delong_logit     whatever the gate's rule took
 *   auc_bootstrap_percentile, _bca        2,000 times, within each class; of repeated
 *                                         patients none: no row is drawn alone
 *   average_precision, partial_auc_fpr10, youden_best and its threshold
 *   balanced_accuracy, youden, f1, mcc    at the frozen threshold
 *
 * and of every part shown mean_score, accuracy, fpr, selection_rate, and the exact
 * interval of each rate: gates read Wilson's, both are printed. */
#include "bench/bench_priv.h"
#include "stat/stat_boot.h"
#include "stat/stat_score.h"

#define SPECIFIC 0.1 /* false alarms: the part of the curve where a hospital can work */

struct scalar {
    struct bench_run *r;
    const char *group;
    const struct bench_slice *p;
    int err;
};

static void emit(struct scalar *c, const char *row, const char *name, double v,
                 struct stat_ci ci, const char *method)
{
    if (!c->err)
        c->err = bench_emit(c->r, row, name, c->group, v, (const double[2]){ci.lo, ci.hi},
                            method, c->p->auc.n, c->p->auc.n_pos);
}

static void plain(struct scalar *c, const char *row, const char *name, double v,
                  const char *method)
{
    emit(c, row, name, v, (struct stat_ci){NAN, NAN}, method);
}

/* Both of DeLong's, clustered like the area itself. */
static void delong(struct scalar *c)
{
    const char *before = c->r->clustered ? "obuchowski:" : "";
    char method[48];
    snprintf(method, sizeof method, "%sdelong-wald", before);
    emit(c, "PF-1", "auc_delong_wald", c->p->auc.auc, stat_auc_wald(&c->p->auc), method);
    snprintf(method, sizeof method, "%sdelong-logit", before);
    emit(c, "PF-1", "auc_delong_logit", c->p->auc.auc, stat_auc_logit(&c->p->auc),
         method);
}

static int bootstrap(struct scalar *c, const struct bench_rows *x, uint64_t draw)
{
    struct stat_boot b = {.percentile = {NAN, NAN}, .bca = {NAN, NAN}, .estimate = NAN};
    int err = c->r->clustered ? AM_OK
                              : stat_auc_boot(x->s, x->y, x->n, STAT_BOOT_REPLICATES,
                                              c->r->seed, BENCH_DRAW_AUC + draw, &b);
    if (err)
        return err;
    emit(c, "PF-1", "auc_bootstrap_percentile", b.estimate, b.percentile,
         c->r->clustered ? "repeated_patients" : "bootstrap-percentile");
    emit(c, "PF-1", "auc_bootstrap_bca", b.estimate, b.bca,
         c->r->clustered ? "repeated_patients" : "bootstrap-bca");
    return c->err;
}

static int curve(struct scalar *c, const struct bench_rows *x)
{
    struct stat_youden best;
    double precision, partial;
    int err = stat_average_precision(x->s, x->y, x->n, &precision);
    if (!err)
        err = stat_partial_auc(x->s, x->y, x->n, SPECIFIC, &partial);
    if (!err)
        err = stat_youden_best(x->s, x->y, x->n, &best);
    if (err)
        return err;
    plain(c, "PF-1", "average_precision", precision, "steps");
    plain(c, "PF-1", "partial_auc_fpr10", partial, "trapezes");
    plain(c, "PF-1", "youden_best", best.j, "largest");
    plain(c, "PF-1", "youden_best_threshold", best.threshold, "largest");
    return c->err;
}

int bench_scalars(struct bench_run *r, enum bench_by by, size_t which, uint64_t draw,
                  const char *group, const struct bench_slice *p)
{
    struct scalar c = {.r = r, .group = group, .p = p};
    struct stat_table t = stat_table_of(&p->b.at);
    struct bench_rows x;
    int err = bench_rows(r, by, which, 0, &x);
    if (err)
        return err;
    delong(&c);
    err = c.err ? c.err : bootstrap(&c, &x, draw);
    if (!err)
        err = curve(&c, &x);
    bench_rows_release(&x);
    plain(&c, "PF-4", "balanced_accuracy", t.balanced_accuracy, "count");
    plain(&c, "PF-4", "youden", t.youden, "count");
    plain(&c, "PF-4", "f1", t.f1, "count");
    plain(&c, "PF-4", "mcc", t.mcc, "count");
    return err ? err : c.err;
}

int bench_more_rates(struct bench_run *r, const char *group, const struct bench_slice *p)
{
    const struct stat_confusion *at = &p->b.at;
    const int64_t n = at->tp + at->fp + at->tn + at->fn;
    const struct stat_rate accuracy = stat_rate(at->tp + at->tn, n);
    const struct stat_rate fpr = stat_rate(at->fp, at->fp + at->tn),
                           selection = stat_rate(at->tp + at->fp, n);
    const struct {
        const char *row, *name;
        const struct stat_rate *v;
    } score[] = {{"PF-4", "accuracy", &accuracy},
                 {"PF-4", "fpr", &fpr},
                 {"PF-4", "selection_rate", &selection}},
      exact[] = {{"PF-3", "sensitivity_exact", &p->b.sensitivity},
                 {"PF-4", "specificity_exact", &p->b.specificity},
                 {"PF-4", "ppv_exact", &p->b.ppv},
                 {"PF-4", "npv_exact", &p->b.npv},
                 {"PF-4", "accuracy_exact", &accuracy}};
    int err = bench_emit(r, "PF-1", "mean_score", group, p->mean, bench_no_ci, "mean", n,
                         p->auc.n_pos);
    for (size_t i = 0; i < AM_LEN(score) && !err; i++)
        err = bench_emit(r, score[i].row, score[i].name, group, score[i].v->value,
                         (const double[2]){score[i].v->wilson.lo, score[i].v->wilson.hi},
                         "wilson", score[i].v->n, p->auc.n_pos);
    for (size_t i = 0; i < AM_LEN(exact) && !err; i++)
        err = bench_emit(r, exact[i].row, exact[i].name, group, exact[i].v->value,
                         (const double[2]){exact[i].v->clopper_pearson.lo,
                                           exact[i].v->clopper_pearson.hi},
                         "clopper-pearson", exact[i].v->n, p->auc.n_pos);
    return err;
}
