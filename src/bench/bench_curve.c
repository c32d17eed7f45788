/* SPDX-License-Identifier: Apache-2.0 */
/* bench_curve -- points to draw (schema/bench-curves-1.json): ROC overall and per site,
 * calibration with its histogram, net benefit. At most 400 points a curve, always with
 * both ends; bins of calibration and of the histogram hold at least 10 people, and a
 * site of fewer has no curve. */
#include "bench/bench_priv.h"
#include "stat/stat_boot.h"
#include "stat/stat_calib.h"

enum { CURVE_POINTS = 400, CURVE_BINS = 10, CURVE_BARS = 20, CURVE_GRID = 99 };

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
        if (!isnan(r->s[i]) && (set == SIZE_MAX || r->cases.v[r->of[i]].set == set)) {
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

/* The interval of the sensitivity is Wilson's at this score, taken as given. */
static void point(struct jw *w, const struct ranked *k, size_t tp, size_t fp)
{
    struct stat_ci ci = stat_wilson((int64_t)tp, (int64_t)k->m);
    jw_obj(w);
    jw_knum(w, "x", (double)fp / (double)(k->n - k->m));
    jw_knum(w, "y", (double)tp / (double)k->m);
    jw_knum(w, "low", ci.lo);
    jw_knum(w, "high", ci.hi);
    jw_obj_end(w);
}

/* Steps of the empirical ROC: one point per distinct score, thinned evenly. */
static void roc(struct jw *w, const struct ranked *k)
{
    size_t tp = 0, fp = 0, step = k->n / CURVE_POINTS + 1, last = 0;
    point(w, k, 0, 0);
    for (size_t i = 0; i < k->n; i++) {
        tp += k->y[i];
        fp += !k->y[i];
        if (i + 1 < k->n && (k->s[i + 1] == k->s[i] || i + 1 - last < step))
            continue;
        last = i + 1;
        point(w, k, tp, fp);
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
    if (k->m && k->m < k->n && k->n >= BENCH_SHOWN_MIN)
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

/* Scores in [0,1] by twentieths, neighbours joined until each bar holds 10 people. */
static void histogram(struct jw *w, const struct ranked *k)
{
    int64_t n[CURVE_BARS] = {0}, m[CURVE_BARS] = {0}, people = 0, ill = 0, rest;
    for (size_t i = 0; i < k->n; i++) {
        if (!(k->s[i] >= 0 && k->s[i] <= 1))
            return;
        int b = AM_MIN((int)(k->s[i] * CURVE_BARS), CURVE_BARS - 1);
        n[b]++;
        m[b] += k->y[i];
    }
    rest = (int64_t)k->n;
    for (int b = 0, from = 0; b < CURVE_BARS; b++) {
        people += n[b];
        ill += m[b];
        rest -= n[b];
        if (people < BENCH_SHOWN_MIN || (rest < BENCH_SHOWN_MIN && b + 1 < CURVE_BARS))
            continue;
        jw_obj(w);
        jw_knum(w, "from", (double)from / CURVE_BARS);
        jw_knum(w, "to", (double)(b + 1) / CURVE_BARS);
        jw_kint(w, "n", people);
        jw_kint(w, "positives", ill);
        jw_obj_end(w);
        from = b + 1;
        people = ill = 0;
    }
}

static void calibration_json(struct jw *w, const struct ranked *k)
{
    jw_key(w, "calibration");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "group", "");
    jw_key(w, "points");
    jw_arr(w);
    calibration(w, k);
    jw_arr_end(w);
    jw_key(w, "histogram");
    jw_arr(w);
    histogram(w, k);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_arr_end(w);
}

static void benefit_json(struct jw *w, const struct stat_benefit *b)
{
    jw_obj(w);
    jw_knum(w, "p", b->p);
    jw_knum(w, "model", b->model);
    jw_knum(w, "all", b->all);
    jw_knum(w, "over_best", b->model - fmax(b->all, 0));
    jw_knum(w, "low", b->over_best.lo);
    jw_knum(w, "high", b->over_best.hi);
    jw_obj_end(w);
}

/* Net benefit at every hundredth, where scores are probabilities. */
static int decision_json(const struct bench_run *r, struct jw *w)
{
    struct stat_benefit b[CURVE_GRID];
    double grid[CURVE_GRID];
    int err = AM_OK;
    jw_key(w, "decision");
    jw_arr(w);
    if (json_str_is(json_pointer(r->record, STR("/evaluation_plan/output_scale")),
                    "probability") &&
        r->used >= BENCH_SHOWN_MIN && !isnan(r->s[0])) { /* a model that was measured */
        for (int i = 0; i < CURVE_GRID; i++)
            grid[i] = (i + 1) / 100.0;
        err = stat_benefit(r->s, r->y, r->used, grid, CURVE_GRID, STAT_BOOT_REPLICATES,
                           r->seed, BENCH_DRAW_BENEFIT, b);
        jw_obj(w);
        jw_kstrz(w, "group", "");
        jw_key(w, "points");
        jw_arr(w);
        for (size_t i = 0; i < CURVE_GRID && !err; i++)
            benefit_json(w, &b[i]);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return err;
}

/* Units of the inputs: what a change of one of them is told in. */
static void inputs_json(const struct bench_run *r, struct jw *w)
{
    jw_key(w, "inputs");
    jw_arr(w);
    for (json_each(it, json_get(r->record, "inputs"))) {
        jw_obj(w);
        jw_kval(w, "name", json_get(it.val, "name"));
        if (json_get_str(it.val, "unit").n)
            jw_kval(w, "unit", json_get(it.val, "unit"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int rocs_json(const struct bench_run *r, struct jw *w)
{
    struct ranked k;
    int err = rank_rows(r, SIZE_MAX, &k);
    if (err)
        return err;
    calibration_json(w, &k);
    jw_key(w, "roc");
    jw_arr(w);
    roc_json(w, "", &k);
    ranked_release(&k);
    for (size_t i = 0; i < r->set.n && !err; i++) {
        char group[BENCH_PATH];
        snprintf(group, sizeof group, "site=%.*s", STR_FMT(r->set.v[i].site));
        err = rank_rows(r, i, &k);
        if (err)
            break;
        roc_json(w, group, &k);
        ranked_release(&k);
    }
    jw_arr_end(w);
    return err;
}

int bench_curves(const struct bench_run *r, struct buf *json)
{
    struct jw w;
    int err;
    jw_init(&w, json);
    jw_obj(&w);
    jw_key(&w, "attributions");
    bench_bars_json(r, &w);
    err = rocs_json(r, &w);
    if (!err)
        err = decision_json(r, &w);
    inputs_json(r, &w);
    jw_knum(&w, "threshold", r->threshold);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}
