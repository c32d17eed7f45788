/* SPDX-License-Identifier: Apache-2.0 */
/* bench_severe -- row PF-5: cases whose miss harms most. Counted, with the exact interval
 * of their rate, and listed by site and place in the site's file, for the clinicians who
 * review each one: the registry's form says that they did. */
#include "bench/bench_priv.h"

enum { CASES_LISTED = 200 };

struct severe {
    struct bench_run *r;
    int64_t positives, missed, unknown;
};

static int list(struct severe *x, size_t i)
{
    const struct bench_case *c = &x->r->cases.v[x->r->of[i]];
    char group[BENCH_PATH];
    snprintf(group, sizeof group, "site=%.*s;case=%u", STR_FMT(x->r->set.v[c->set].site),
             c->row + 1);
    return bench_emit(x->r, "PF-5", "severe_false_negative", group, x->r->s[i],
                      bench_no_ci, "score", 1, 1);
}

static int look(struct severe *x)
{
    const struct bench_run *r = x->r;
    const double *severity = bench_extra(r, "case:severe");
    int err = severity ? AM_OK : AM_E_INTERNAL;
    for (size_t i = 0; i < r->used && !err; i++) {
        double severe = r->y[i] ? severity[r->of[i]] : 0;
        x->unknown += isnan(severe);
        x->positives += severe > 0;
        if (severe > 0 && r->s[i] < r->threshold && x->missed++ < CASES_LISTED)
            err = list(x, i);
    }
    return err;
}

/* The form counts the cases that were shown to clinicians: they must be these. */
static int reviewed(const struct severe *x, bool declared)
{
    const struct json *form =
        json_get(json_get(x->r->manifest, "forms"), "severe_review");
    if (!form)
        return AM_OK;
    if (!declared || json_int(json_get(form, "cases"), -1) != x->missed)
        return bench_fact(x->r, "PF-5", "severe_false_negatives_reviewed_share", NAN,
                          declared ? "other_cases" : "severity_not_declared");
    if (!x->missed)
        return bench_fact(x->r, "PF-5", "severe_false_negatives_reviewed_share", 1,
                          "no_case");
    return bench_forms(x->r, "PF-5", false);
}

int bench_severe(struct bench_run *r)
{
    struct severe x = {.r = r};
    struct stat_ci ci;
    bool declared = false;
    int err = AM_OK;
    for (size_t i = 0; i < r->set.n; i++)
        declared |= json_get(r->set.v[i].doc, "severity") != NULL;
    if (declared)
        err = look(&x);
    ci = stat_clopper_pearson(x.missed, x.positives);
    if (!err)
        err = bench_emit(r, "PF-5", "severe_false_negative_rate", "",
                         stat_proportion(x.missed, x.positives),
                         (const double[2]){ci.lo, ci.hi},
                         declared ? "clopper-pearson" : "severity_not_declared",
                         x.positives, x.positives);
    if (!err)
        err = bench_emit(r, "PF-5", "severe_false_negatives", "",
                         declared ? (double)x.missed : NAN, bench_no_ci,
                         declared ? "count" : "severity_not_declared", x.positives,
                         x.positives);
    if (!err && declared)
        err = bench_emit(r, "PF-5", "severity_unknown", "", (double)x.unknown,
                         bench_no_ci, "count", x.positives, x.positives);
    return err ? err : reviewed(&x, declared);
}
