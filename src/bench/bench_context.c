/* SPDX-License-Identifier: Apache-2.0 */
/* bench_context -- row RB-6: is the model as good on another device, under another
 * protocol, in another period? Groups of these kinds in the manifest are not groups of
 * people: they feed this row and none of equity's.
 *
 *   context_spread  per attribute ("device"): the larger of the spreads of AUC and of
 *                   sensitivity over its major groups, max - min, with the interval of
 *                   that one; context_spread_ci95_high is the higher of the two bounds
 *
 * Bootstrap stratified by group and label, as for equity. No such group declared, or
 * fewer than two major ones: null with the reason, never a pass. The table has one entry
 * per value ("context=device;value=A"), none of fewer than BENCH_SHOWN_MIN rows. */
#include "bench/bench_priv.h"

struct context {
    struct bench_run *r;
    const char *attribute;
    struct bench_majors g;
};

static int emit(const struct context *c, const char *name, double v, double lo, double hi,
                const char *how)
{
    return bench_emit(c->r, "RB-6", name, c->attribute, v, (const double[2]){lo, hi}, how,
                      c->g.n, c->g.positives);
}

static int nothing(const struct context *c, const char *why)
{
    int err = emit(c, "context_spread", NAN, NAN, NAN, why);
    return err ? err : emit(c, "context_spread_ci95_high", NAN, NAN, NAN, why);
}

static int spreads(const struct context *c)
{
    static const char how[] = "bootstrap-percentile";
    struct stat_boot boot[STAT_MEASURES];
    struct stat_spread auc, tpr;
    const struct stat_ci *a = &boot[STAT_M_AUC].percentile,
                         *t = &boot[STAT_M_TPR].percentile, *worst;
    bool by_auc;
    int err = stat_fair_boot(c->g.fair, c->g.use, STAT_BOOT_REPLICATES, c->r->seed,
                             BENCH_DRAW_CONTEXT, boot);
    if (err)
        return err;
    stat_fair_spread(c->g.fair, STAT_M_AUC, c->g.use, &auc);
    stat_fair_spread(c->g.fair, STAT_M_TPR, c->g.use, &tpr);
    by_auc = auc.difference >= tpr.difference;
    worst = by_auc ? a : t;
    err = emit(c, "context_spread", by_auc ? auc.difference : tpr.difference, worst->lo,
               worst->hi, how);
    if (!err)
        err = emit(c, "context_spread_ci95_high", fmax(a->hi, t->hi), worst->lo,
                   worst->hi, how);
    if (!err)
        err = emit(c, "auc_spread", auc.difference, a->lo, a->hi, how);
    return err ? err : emit(c, "sensitivity_spread", tpr.difference, t->lo, t->hi, how);
}

static int table(const struct context *c, size_t a)
{
    const struct bench_attribute *at = &c->r->attribute.v[a];
    int err = AM_OK;
    for (size_t v = 0; v < at->value.n && !err; v++) {
        struct bench_slice p;
        const struct stat_rate *s = &p.b.sensitivity;
        char group[160];
        err = bench_slice(c->r, BENCH_GROUP, a, v, &p);
        if (err || p.auc.n < BENCH_SHOWN_MIN)
            continue;
        snprintf(group, sizeof group, "context=%s;value=%s", at->name, at->value.v[v]);
        err = bench_emit(c->r, "RB-6", "auc", group, p.auc.auc,
                         (const double[2]){p.gate.lo, p.gate.hi}, p.method, p.auc.n,
                         p.auc.n_pos);
        if (!err)
            err = bench_emit(c->r, "RB-6", "sensitivity", group, s->value,
                             (const double[2]){s->wilson.lo, s->wilson.hi}, "wilson",
                             s->n, p.auc.n_pos);
    }
    return err;
}

static int one_attribute(struct context *c, size_t a)
{
    int err = table(c, a);
    if (!err)
        err = bench_majors(c->r, a, &c->g);
    if (!err)
        err = c->g.major < 2 ? nothing(c, "too_few_major_groups") : spreads(c);
    bench_majors_release(&c->g);
    return err;
}

int bench_context(struct bench_run *r)
{
    size_t n = 0;
    int err = AM_OK;
    for (size_t a = 0; a < r->attribute.n && !err; a++) {
        struct context c = {.r = r, .attribute = r->attribute.v[a].name};
        if (!r->attribute.v[a].context || r->attribute.v[a].value.n == 0)
            continue;
        n++;
        err = one_attribute(&c, a);
    }
    if (!err && !n)
        err = nothing(&(struct context){.r = r, .attribute = ""}, "no_context_declared");
    return err;
}
