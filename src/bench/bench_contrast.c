/* SPDX-License-Identifier: Apache-2.0 */
/* bench_contrast -- rows EQ-2 to EQ-6: which groups of an attribute differ, pair by pair,
 * beside how far apart all of them are (bench_equity.c). An AUC by z on sqrt(V1 + V2), a
 * rate by Newcombe's interval and the pooled z test; p of one attribute and measure
 * together are Holm's (bench.md 3). A pair is "sex=F;against=M". Of many pairs only those
 * that differ are told, and how many there were. */
#include "bench/bench_priv.h"
#include "stat/stat_fair.h"

enum { PAIRS_TOLD = 45 }; /* of ten groups: all */
#define DIFFERENT 0.05

struct pairs {
    struct bench_run *r;
    const struct bench_majors *g;
    size_t attribute;
    const char *row, *name; /* "auc" */
    size_t told;
};

static int tell(struct pairs *p, const struct stat_contrast *c, const char *how)
{
    const struct bench_attribute *a = &p->r->attribute.v[p->attribute];
    const struct stat_auc *x = &stat_fair_group(p->g->fair, c->a)->auc,
                          *y = &stat_fair_group(p->g->fair, c->b)->auc;
    char name[64], group[BENCH_PATH];
    int err;
    snprintf(group, sizeof group, "%s=%s;against=%s", a->name, a->value.v[c->a],
             a->value.v[c->b]);
    snprintf(name, sizeof name, "%s_contrast", p->name);
    err = bench_emit(p->r, p->row, name, group, c->diff,
                     (const double[2]){c->ci.lo, c->ci.hi}, how, x->n + y->n,
                     x->n_pos + y->n_pos);
    snprintf(name, sizeof name, "%s_contrast_p", p->name);
    return err ? err
               : bench_emit(p->r, p->row, name, group, c->holm, bench_no_ci, "holm",
                            x->n + y->n, x->n_pos + y->n_pos);
}

static int counts(struct pairs *p, size_t all, size_t differ)
{
    const char *attribute = p->r->attribute.v[p->attribute].name;
    char name[64];
    int err;
    snprintf(name, sizeof name, "%s_contrasts", p->name);
    err = bench_emit(p->r, p->row, name, attribute, (double)all, bench_no_ci, "count",
                     p->g->n, p->g->positives);
    snprintf(name, sizeof name, "%s_contrasts_that_differ", p->name);
    return err ? err
               : bench_emit(p->r, p->row, name, attribute, (double)differ, bench_no_ci,
                            "holm", p->g->n, p->g->positives);
}

int bench_contrasts(struct bench_run *r, const struct bench_majors *g, size_t attribute,
                    enum stat_measure m, const char *row, const char *name)
{
    struct pairs p = {.r = r, .g = g, .attribute = attribute, .row = row, .name = name};
    size_t groups = stat_fair_groups(g->fair), n = 0, differ = 0;
    struct stat_contrast *c = am_malloc((groups * (groups - 1) / 2 + 1) * sizeof *c);
    int err = c ? stat_fair_contrasts(g->fair, m, g->use, c, &n) : AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        bool is = c[i].holm <= DIFFERENT; /* not of NaN */
        differ += is;
        if ((n <= PAIRS_TOLD || is) && p.told < PAIRS_TOLD) {
            p.told++;
            err = tell(&p, &c[i], m == STAT_M_AUC ? "delong-unpaired" : "newcombe");
        }
    }
    free(c);
    return err ? err : counts(&p, n, differ);
}
