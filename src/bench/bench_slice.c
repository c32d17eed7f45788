/* SPDX-License-Identifier: Apache-2.0 */
/* bench_slice -- the statistics of one part of the rows. Repeated patients: the AUC of
 * Obuchowski, by the same gate rule; the rates keep their Wilson interval. */
#include "bench/bench_priv.h"

static bool in_slice(const struct bench_run *r, size_t i, enum bench_by by, size_t which,
                     size_t value)
{
    const struct bench_case *c = &r->cases.v[r->of[i]];
    switch (by) {
    case BENCH_SITE:
        return c->set == which;
    case BENCH_GST:
        return str_eq(r->set.v[c->set].gst, r->set.v[which].gst);
    case BENCH_GROUP:
        return r->attribute.v[which].id[r->of[i]] == value;
    case BENCH_ALL:
        break;
    }
    return true;
}

static int measure(const struct bench_run *r, const double *s, const uint8_t *y,
                   const uint32_t *cluster, size_t n, struct bench_slice *out)
{
    enum stat_ci_method how;
    int err = stat_binary(s, y, n, r->threshold, &out->b);
    if (!err && r->clustered)
        err = stat_auc_clustered(s, y, cluster, n, r->clusters, &out->auc);
    else
        out->auc = out->b.auc;
    if (err)
        return err;
    out->gate = stat_auc_gate(&out->auc, &how);
    snprintf(out->method, sizeof out->method, "%s%s", r->clustered ? "obuchowski:" : "",
             stat_ci_method_name(how));
    return AM_OK;
}

int bench_slice(const struct bench_run *r, enum bench_by by, size_t which, size_t value,
                struct bench_slice *out)
{
    double *s = am_malloc((r->used + 1) * sizeof *s);
    uint8_t *y = am_malloc(r->used + 1);
    uint32_t *cluster = am_malloc((r->used + 1) * sizeof *cluster);
    size_t n = 0;
    int err = s && y && cluster ? AM_OK : AM_E_NOMEM;
    *out = (struct bench_slice){0};
    for (size_t i = 0; i < r->used && !err; i++) {
        if (!in_slice(r, i, by, which, value))
            continue;
        s[n] = r->s[i];
        y[n] = r->y[i];
        cluster[n++] = r->cluster[r->of[i]];
    }
    if (!err)
        err = measure(r, s, y, cluster, n, out);
    free(cluster);
    free(y);
    free(s);
    return err;
}
