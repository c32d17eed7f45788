/* SPDX-License-Identifier: Apache-2.0 */
/* bench_recent -- row DM-2: has the model kept what it was certified for, in the data as
 * they came? The rows in order of `columns.timestamp` are cut into windows of equal
 * size; the AUC of each stands against the certified one.
 *
 *   certified   monitoring.certified_auc; else the AUC of the rows up to
 *               monitoring.reference_until; else that of the whole run, which is what
 *               this run would certify
 *   windows     as many as 12, each of 100 rows and about 30 of each class at least, and
 *               such that in a stream that does not change chance alone takes some
 *               window more than 0.05 below the whole in 5 % of random orders at most
 *               (stat_stream_chance): smaller windows would find drift everywhere
 *   window_auc_ci95_low             the lowest of the windows' bounds (bench.md 1.1)
 *   window_auc_drop_from_certified  the largest fall
 *
 * No timestamps, or too few rows for two windows: null with the reason, never a pass.
 * Beside them, documented: each window's area, prevalence and distribution of the score;
 * the inputs (bench_recent_input.c); the stream value by value (bench_recent_stream.c).
 */
#include "bench/bench_recent.h"
#include "stat/stat_drift.h"

enum { ORDERS = 400 };
#define FALL   0.05 /* limit of DM-2 in the matrix 0.2.0: what chance must not reach */
#define CHANCE 0.05

size_t bench_recent_window(const struct recent *t, size_t w, size_t *n)
{
    size_t all = t->n - t->first, each = all / t->windows, more = all % t->windows;
    *n = each + (w < more);
    return t->first + w * each + AM_MIN(w, more);
}

int bench_recent_emit(const struct recent *t, const char *name, const char *group,
                      double v, const double ci[2], const char *how, size_t n)
{
    return bench_emit(t->r, "DM-2", name, group, v, ci, how, (int64_t)n, 0);
}

static int nothing(struct bench_run *r, const char *why)
{
    int err = bench_fact(r, "DM-2", "window_auc_ci95_low", NAN, why);
    return err ? err : bench_fact(r, "DM-2", "window_auc_drop_from_certified", NAN, why);
}

/* ---- the rows in order of time --------------------------------------------------------
 */
static void release(struct recent *t)
{
    free(t->used);
    free(t->s);
    free(t->y);
    free(t->patient);
}

struct timed {
    double at;
    uint64_t turn; /* equal instants are in no order: one is drawn */
    uint32_t used;
};

static int by_time(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    int c = (x->at > y->at) - (x->at < y->at);
    c = c ? c : (x->turn > y->turn) - (x->turn < y->turn);
    return c ? c : (x->used > y->used) - (x->used < y->used);
}

/* Ids of patients from 0, in order of their first row. */
static void number_patients(struct recent *t, uint32_t *id)
{
    const struct bench_run *r = t->r;
    for (size_t i = 0; i <= r->clusters; i++)
        id[i] = UINT32_MAX;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t c = r->cluster[r->of[t->used[i]]];
        if (id[c] == UINT32_MAX)
            id[c] = (uint32_t)t->patients++;
        t->patient[i] = id[c];
    }
}

static int sort_rows(struct recent *t, const double *order)
{
    struct bench_run *r = t->r;
    struct timed *v = am_malloc((r->used + 1) * sizeof *v);
    uint32_t *id = am_malloc((r->clusters + 1) * sizeof *id);
    struct stat_rng g;
    t->used = am_malloc((r->used + 1) * sizeof *t->used);
    t->s = am_malloc((r->used + 1) * sizeof *t->s);
    t->y = am_malloc(r->used + 1);
    t->patient = am_malloc((r->used + 1) * sizeof *t->patient);
    if (!v || !id || !t->used || !t->s || !t->y || !t->patient) {
        free(v);
        free(id);
        return AM_E_NOMEM;
    }
    stat_rng_init(&g, r->seed, BENCH_DRAW_RECENT + RECENT_TIES, 0);
    for (size_t i = 0; i < r->used; i++)
        if (!isnan(order[r->of[i]]))
            v[t->n++] = (struct timed){order[r->of[i]], stat_rng_next(&g), (uint32_t)i};
    t->without = r->used - t->n;
    qsort(v, t->n, sizeof *v, by_time);
    for (size_t i = 0; i < t->n; i++) {
        t->used[i] = v[i].used;
        t->s[i] = r->s[v[i].used];
        t->y[i] = r->y[v[i].used];
        t->reference += v[i].at < 0;
    }
    number_patients(t, id);
    free(v);
    free(id);
    return AM_OK;
}

/* ---- how many windows -----------------------------------------------------------------
 */
static bool wide_enough(const struct recent *t, size_t windows)
{
    size_t n = t->n - t->first, m = 0;
    for (size_t i = t->first; i < t->n; i++)
        m += t->y[i];
    return n >= windows * RECENT_ROWS && m >= windows * RECENT_CLASS &&
           n - m >= windows * RECENT_CLASS;
}

static int choose_windows(struct recent *t)
{
    const struct stat_stream stream = {t->patient + t->first, t->n - t->first,
                                       t->patients};
    t->windows = 0;
    for (size_t w = RECENT_WINDOWS; w >= 2; w--) {
        int err;
        if (!wide_enough(t, w))
            continue;
        err =
            stat_stream_chance(&stream, t->s + t->first, t->y + t->first, w, FALL, ORDERS,
                               t->r->seed, BENCH_DRAW_RECENT + RECENT_CHANCE, &t->chance);
        if (err)
            return err;
        if (t->chance > CHANCE)
            continue;
        t->windows = w;
        return AM_OK;
    }
    return AM_OK;
}

/* ---- the windows ----------------------------------------------------------------------
 */
static int part(const struct recent *t, size_t from, size_t n, struct bench_slice *out)
{
    struct bench_run *r = t->r;
    struct bench_rows x = {.s = t->s + from, .y = t->y + from, .n = n};
    int err;
    x.cluster = am_malloc((n + 1) * sizeof *x.cluster);
    if (!x.cluster)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        x.cluster[i] = r->cluster[r->of[t->used[from + i]]];
        x.positives += x.y[i];
    }
    err = bench_slice_of(r, &x, out);
    free(x.cluster);
    return err;
}

/* The score of a window against that of the reference. */
static int score_drift(const struct recent *t, const char *group, size_t from, size_t n)
{
    struct stat_drift d;
    int err = stat_drift(t->s, t->reference, t->s + from, n, &d);
    if (!err)
        err = bench_recent_emit(t, "score_psi", group, d.binned.psi, bench_no_ci,
                                "deciles", n);
    if (!err)
        err = bench_recent_emit(t, "score_js", group, d.binned.js, bench_no_ci, "deciles",
                                n);
    if (!err)
        err = bench_recent_emit(t, "score_ks", group, d.ks, bench_no_ci, "two-sample", n);
    if (!err)
        err = bench_recent_emit(t, "score_ks_p", group, d.ks_p, bench_no_ci, "asymptotic",
                                n);
    return err ? err
               : bench_recent_emit(t, "score_w1", group, d.w1, bench_no_ci, "two-sample",
                                   n);
}

static int one_window(const struct recent *t, size_t w, struct bench_slice *p)
{
    size_t n, from = bench_recent_window(t, w, &n);
    char group[32];
    struct stat_ci v;
    int err = part(t, from, n, p);
    if (err)
        return err;
    snprintf(group, sizeof group, "window=%zu", w + 1);
    err = bench_emit(t->r, "DM-2", "window_auc", group, p->auc.auc,
                     (const double[2]){p->gate.lo, p->gate.hi}, p->method, p->auc.n,
                     p->auc.n_pos);
    v = stat_wilson(p->auc.n_pos, p->auc.n);
    if (!err)
        err = bench_emit(t->r, "DM-2", "window_prevalence", group,
                         stat_proportion(p->auc.n_pos, p->auc.n),
                         (const double[2]){v.lo, v.hi}, "wilson", p->auc.n, p->auc.n_pos);
    return err || from < t->reference ? err : score_drift(t, group, from, n);
}

/* A bound that is not there is the lowest of all. */
static bool lower(const struct bench_slice *a, const struct bench_slice *b)
{
    return isnan(a->gate.lo) ? !isnan(b->gate.lo) : a->gate.lo < b->gate.lo;
}

static int tell(const struct recent *t, const struct bench_slice *worst,
                const struct bench_slice *least, double certified, const char *from)
{
    struct bench_run *r = t->r;
    const double both[2] = {worst->gate.lo, worst->gate.hi},
                 fall[2] = {certified - least->gate.hi, certified - least->gate.lo};
    int64_t n = worst->auc.n, m = worst->auc.n_pos;
    int err = bench_emit(r, "DM-2", "window_auc", "", worst->auc.auc, both, worst->method,
                         n, m);
    if (!err)
        err = bench_emit(r, "DM-2", "window_auc_ci95_low", "", worst->gate.lo, both,
                         worst->method, n, m);
    if (!err)
        err = bench_more_positives(r, "DM-2", "window_auc_ci95_low", "", worst, true);
    if (!err)
        err = bench_emit(r, "DM-2", "window_auc_drop_from_certified", "",
                         certified - least->auc.auc, fall, least->method, least->auc.n,
                         least->auc.n_pos);
    return err ? err
               : bench_emit(r, "DM-2", "certified_auc", "", certified, bench_no_ci, from,
                            (int64_t)t->n, 0);
}

/* ---- what was certified ---------------------------------------------------------------
 */
static int certified_auc(const struct recent *t, double *auc, const char **from)
{
    const struct json *v =
        json_get(json_get(t->r->manifest, "monitoring"), "certified_auc");
    struct bench_slice p;
    int err;
    *auc = json_num(v, NAN);
    *from = "declared";
    if (json_type(v) == JSON_NUMBER)
        return AM_OK;
    *from = t->declared ? "reference" : "this_run";
    err = t->declared ? part(t, 0, t->reference, &p)
                      : bench_slice(t->r, BENCH_ALL, 0, 0, &p);
    *auc = err ? NAN : p.auc.auc;
    return err;
}

static int windows(const struct recent *t)
{
    struct bench_slice worst, least, p;
    const char *from;
    double certified;
    int err = certified_auc(t, &certified, &from);
    for (size_t w = 0; w < t->windows && !err; w++) {
        err = one_window(t, w, &p);
        if (!w || lower(&p, &worst))
            worst = p;
        if (!w || !(p.auc.auc >= least.auc.auc))
            least = p;
    }
    if (!err)
        err = tell(t, &worst, &least, certified, from);
    if (!err)
        err = bench_fact(t->r, "DM-2", "windows", (double)t->windows, "count");
    return err ? err
               : bench_fact(t->r, "DM-2", "window_chance", t->chance, "permutation");
}

static int watch(struct recent *t)
{
    int err;
    t->declared = t->reference > 0;
    t->first = t->reference;
    err = choose_windows(t);
    if (err)
        return err;
    if (!t->windows)
        return nothing(t->r, "too_few_rows");
    if (!t->declared)
        bench_recent_window(t, 0, &t->reference);
    err = windows(t);
    if (!err)
        err = bench_recent_inputs(t);
    return err ? err : bench_recent_streams(t);
}

int bench_recent(struct bench_run *r)
{
    const double *order = bench_extra(r, "case:order");
    struct recent t = {.r = r};
    int err;
    if (!order)
        return nothing(r, "no_timestamps");
    err = sort_rows(&t, order);
    if (!err)
        err = bench_fact(r, "DM-2", "rows_without_timestamp", (double)t.without, "count");
    if (!err)
        err = watch(&t);
    release(&t);
    return err;
}
