/* SPDX-License-Identifier: Apache-2.0 */
/* bench_sites -- row MS-1: the areas of the sites as one, and what another site may
 * expect; row MS-2: how many establishments and GST took part (that a protocol binds them
 * is on the registry's form). */
#include "bench/bench_priv.h"
#include "stat/stat_meta.h"

/* First what holds its truth as often as it says (stat_hksj), then what bench.md defines
 * the pooled area by. */
static int tell_first(struct bench_run *r, const struct stat_hksj *h)
{
    const char *few = "fewer_than_2_sites";
    int err = bench_emit(
        r, "MS-1", "pooled_auc_hksj", "", h->mean, (double[2]){h->ci.lo, h->ci.hi},
        h->k < 2 ? few : "hartung-knapp-sidik-jonkman-logit", (int64_t)h->k, 0);
    if (!err)
        err = bench_emit(r, "MS-1", "next_site_auc", "", h->mean,
                         (double[2]){h->prediction.lo, h->prediction.hi},
                         h->k < 2 ? few : "q-profile-prediction", (int64_t)h->k, 0);
    return err ? err : bench_fact(r, "MS-1", "tau2_paule_mandel", h->tau2, "q-is-df");
}

static int tell(struct bench_run *r, const struct stat_meta *m)
{
    const double random[2] = {m->random_ci.lo, m->random_ci.hi},
                 next[2] = {m->prediction.lo, m->prediction.hi};
    int err = bench_emit(r, "MS-1", "pooled_auc", "", m->random, random,
                         "dersimonian-laird-logit", (int64_t)m->k, 0);
    if (!err)
        err = bench_emit(r, "MS-1", "next_site_auc_higgins", "", m->random, next,
                         m->k < 3 ? "fewer_than_3_sites" : "higgins-prediction",
                         (int64_t)m->k, 0);
    if (!err)
        err = bench_fact(r, "MS-1", "tau2", m->k < 2 ? NAN : m->tau2,
                         "dersimonian-laird-logit");
    if (!err)
        err = bench_fact(r, "MS-1", "i2", m->hetero.i2, "cochran-q");
    if (!err)
        err = bench_fact(r, "MS-1", "heterogeneity_p", m->hetero.p, "cochran-q");
    return err ? err
               : bench_fact(r, "MS-1", "sites_left_out", (double)m->left_out, "count");
}

int bench_pooled(struct bench_run *r)
{
    struct stat_auc *a = am_calloc(r->set.n + 1, sizeof *a);
    struct stat_meta m;
    struct stat_hksj h;
    int err = a ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < r->set.n && !err; i++) {
        struct bench_slice p;
        err = bench_slice(r, BENCH_SITE, i, 0, &p);
        a[i] = p.auc;
    }
    if (!err)
        err = stat_meta_auc(a, r->set.n, &m);
    if (!err)
        err = stat_meta_auc_hksj(a, r->set.n, &h);
    free(a);
    if (!err)
        err = tell_first(r, &h);
    return err ? err : tell(r, &m);
}

int bench_sites(struct bench_run *r)
{
    int64_t sites = 0, gst = 0;
    int err;
    for (size_t i = 0; i < r->set.n; i++) {
        bool before = false;
        for (size_t k = 0; k < i; k++)
            before |= r->set.v[k].n && str_eq(r->set.v[k].gst, r->set.v[i].gst);
        sites += r->set.v[i].n > 0;
        gst += r->set.v[i].n > 0 && !before;
    }
    err = bench_fact(r, "MS-2", "establishments", (double)sites, "count");
    if (!err)
        err = bench_fact(r, "MS-2", "distinct_gst", (double)gst, "count");
    return err ? err : bench_forms(r, "MS-2", false);
}
