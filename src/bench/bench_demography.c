/* SPDX-License-Identifier: Apache-2.0 */
/* bench_demography -- row EQ-8: sex and age were compared; ethnic origin was, under an
 * authorisation of the CNDP, or is declared not measured. The spreads themselves are
 * those of EQ-2 and EQ-3, said again by attribute. */
#include "bench/bench_priv.h"

/* The spread of an attribute that EQ-2 or EQ-3 has, said under EQ-8. */
static int again(struct bench_run *r, const char *row, const char *name)
{
    int err = AM_OK;
    for (size_t i = 0; i < r->measure.n && !err; i++) {
        struct bench_measure m = r->measure.v[i];
        if (strcmp(m.row, row) != 0 || strcmp(m.name, name) != 0)
            continue;
        snprintf(m.row, sizeof m.row, "EQ-8");
        err = vec_push(&r->measure, m);
    }
    return err;
}

/* 1: its groups were compared; NaN: too few people; 0: nobody declares it. */
static double compared(const struct bench_run *r, const char *attribute)
{
    for (size_t i = 0; i < r->measure.n; i++) {
        const struct bench_measure *m = &r->measure.v[i];
        if (!strcmp(m->row, "EQ-2") && !strcmp(m->name, "auc_spread") &&
            !strcmp(m->group, attribute))
            return isnan(m->estimate) ? NAN : 1;
    }
    return 0;
}

int bench_demography(struct bench_run *r)
{
    const struct json *declared = json_get(r->manifest, "ethnic_origin");
    double sex = compared(r, "sex"), age = compared(r, "age_band"),
           both = isnan(sex) || isnan(age) ? NAN : fmin(sex, age),
           origin = bench_origin_authorised(r) ? compared(r, "origin")
                    : declared                 ? 1
                                               : NAN;
    const char *how = bench_origin_authorised(r) ? "cndp_authorised"
                      : declared                 ? "not_measured"
                                                 : "not_declared";
    int err =
        bench_fact(r, "EQ-8", "sex_and_age_evaluated", sex == 0 || age == 0 ? 0 : both,
                   isnan(both) ? "too_few_major_groups" : "presence");
    if (!err)
        err = bench_fact(r, "EQ-8", "origin_evaluated_or_declared_not_measured", origin,
                         how);
    if (!err)
        err = again(r, "EQ-2", "auc_spread");
    return err ? err : again(r, "EQ-3", "tpr_spread");
}
