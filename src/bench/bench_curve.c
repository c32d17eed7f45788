/* SPDX-License-Identifier: Apache-2.0 */
/* bench_curve -- points to draw: ROC overall and per site, calibration overall. At most
 * 400 points a curve, always with both ends; bins of calibration hold at least 10 people.
 */
#include "bench/bench_priv.h"

enum { CURVE_POINTS = 400, CURVE_BINS = 10 };

struct ranked { /* rows by falling score */
    double *s;
    uint8_t *y;
    size_t n, m;
};

static void ranked_release(struct ranked *k)
{
    free(k->s);
    free(k->y);
}

static int rank_rows(const struct bench_run *r, size_t set, struct ranked *k)
{
    uint32_t *order = am_malloc((r->used + 1) * sizeof *order);
    double *s = am_malloc((r->used + 1) * sizeof *s);
    uint8_t *y = am_malloc(r->used + 1);
    int err = order && s && y ? AM_OK : AM_E_NOMEM;
    *k = (struct ranked){.s = am_malloc((r->used + 1) * sizeof *k->s),
                         .y = am_malloc(r->used + 1)};
    err = k->s && k->y ? err : AM_E_NOMEM;
    for (size_t i = 0; i < r->used && !err; i++)
        if (set == SIZE_MAX || r->cases.v[r->of[i]].set == set) {
            s[k->n] = r->s[i];
            y[k->n++] = r->y[i];
        }
    if (!err)
        err = stat_order(s, k->n, order);
    for (size_t i = 0; i < k->n && !err; i++) {
        k->s[i] = s[order[k->n - 1 - i]];
        k->y[i] = y[order[k->n - 1 - i]];
        k->m += k->y[i];
    }
    free(order);
    free(s);
    free(y);
    if (err)
        ranked_release(k);
    return err;
}

static void point(struct jw *w, double x, double y)
{
    jw_obj(w);
    jw_knum(w, "x", x);
    jw_knum(w, "y", y);
    jw_obj_end(w);
}

/* Steps of the empirical ROC: one point per distinct score, thinned evenly. */
static void roc(struct jw *w, const struct ranked *k)
{
    double m = (double)k->m, neg = (double)(k->n - k->m);
    size_t tp = 0, fp = 0, step = k->n / CURVE_POINTS + 1, last = 0;
    point(w, 0, 0);
    for (size_t i = 0; i < k->n; i++) {
        tp += k->y[i];
        fp += !k->y[i];
        if (i + 1 < k->n && (k->s[i + 1] == k->s[i] || i + 1 - last < step))
            continue;
        last = i + 1;
        point(w, (double)fp / neg, (double)tp / m);
    }
}

static void roc_json(struct jw *w, const char *group, const struct ranked *k)
{
    jw_obj(w);
    jw_kstrz(w, "group", group);
    jw_kint(w, "n", (int64_t)k->n);
    jw_kint(w, "positives", (int64_t)k->m);
    jw_key(w, "points");
    jw_arr(w);
    if (k->m && k->m < k->n)
        roc(w, k);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void bin_json(struct jw *w, const struct ranked *k, size_t from, size_t to)
{
    struct stat_sum sum = {0};
    int64_t m = 0, n = (int64_t)(to - from);
    struct stat_ci ci;
    for (size_t i = from; i < to; i++) {
        stat_add(&sum, k->s[i]);
        m += k->y[i];
    }
    ci = stat_wilson(m, n);
    jw_obj(w);
    jw_knum(w, "x", stat_total(&sum) / (double)n);
    jw_knum(w, "y", stat_proportion(m, n));
    jw_knum(w, "low", ci.lo);
    jw_knum(w, "high", ci.hi);
    jw_kint(w, "n", n);
    jw_kint(w, "positives", m);
    jw_obj_end(w);
}

/* Bins of equal mass, from the lowest scores. */
static void calibration(struct jw *w, const struct ranked *k)
{
    size_t bins = AM_MIN((size_t)CURVE_BINS, k->n / BENCH_SHOWN_MIN);
    for (size_t b = bins; b-- > 0;)
        bin_json(w, k, k->n * b / bins, k->n * (b + 1) / bins);
}

int bench_curves(const struct bench_run *r, struct buf *json)
{
    struct ranked k;
    struct jw w;
    int err = rank_rows(r, SIZE_MAX, &k);
    if (err)
        return err;
    jw_init(&w, json);
    jw_obj(&w);
    jw_key(&w, "attributions");
    bench_bars_json(r, &w);
    jw_key(&w, "calibration");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstrz(&w, "group", "");
    jw_key(&w, "points");
    jw_arr(&w);
    calibration(&w, &k);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_key(&w, "roc");
    jw_arr(&w);
    roc_json(&w, "", &k);
    ranked_release(&k);
    for (size_t i = 0; i < r->set.n && !err; i++) {
        char group[160];
        snprintf(group, sizeof group, "site=%.*s", STR_FMT(r->set.v[i].site));
        err = rank_rows(r, i, &k);
        if (err)
            break;
        roc_json(&w, group, &k);
        ranked_release(&k);
    }
    jw_arr_end(&w);
    jw_knum(&w, "threshold", r->threshold);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}
