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
    struct stat_sum sum = {0};
    int err = stat_binary(s, y, n, r->threshold, &out->b);
    if (!err && r->clustered)
        err = stat_auc_clustered(s, y, cluster, n, r->clusters, &out->auc);
    else
        out->auc = out->b.auc;
    if (err)
        return err;
    for (size_t i = 0; i < n; i++)
        stat_add(&sum, s[i]);
    out->mean = n ? stat_total(&sum) / (double)n : NAN;
    out->gate = stat_auc_gate(&out->auc, &how);
    snprintf(out->method, sizeof out->method, "%s%s", r->clustered ? "obuchowski:" : "",
             stat_ci_method_name(how));
    return AM_OK;
}

int bench_rows(const struct bench_run *r, enum bench_by by, size_t which, size_t value,
               struct bench_rows *out)
{
    struct bench_rows x = {.s = am_malloc((r->used + 1) * sizeof *x.s),
                           .y = am_malloc(r->used + 1),
                           .cluster = am_malloc((r->used + 1) * sizeof *x.cluster)};
    if (!x.s || !x.y || !x.cluster) {
        bench_rows_release(&x);
        return AM_E_NOMEM;
    }
    for (size_t i = 0; i < r->used; i++) {
        if (!in_slice(r, i, by, which, value))
            continue;
        x.s[x.n] = r->s[i];
        x.y[x.n] = r->y[i];
        x.positives += r->y[i];
        x.cluster[x.n++] = r->cluster[r->of[i]];
    }
    *out = x;
    return AM_OK;
}

void bench_rows_release(struct bench_rows *x)
{
    free(x->s);
    free(x->y);
    free(x->cluster);
}

int bench_slice_of(const struct bench_run *r, const struct bench_rows *x,
                   struct bench_slice *out)
{
    return measure(r, x->s, x->y, x->cluster, x->n, out);
}

int bench_slice(const struct bench_run *r, enum bench_by by, size_t which, size_t value,
                struct bench_slice *out)
{
    struct bench_rows x;
    int err = bench_rows(r, by, which, value, &x);
    *out = (struct bench_slice){0};
    if (err)
        return err;
    err = bench_slice_of(r, &x, out);
    bench_rows_release(&x);
    return err;
}
