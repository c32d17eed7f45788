/* SPDX-License-Identifier: Apache-2.0 */
/* bench_attack_image -- row RB-3 of a model that reads an image: can a change of a few
 * grey levels, which nobody sees, turn a decision that is right?
 *
 * Square attack (probe_square.c; M. Andriushchenko, ECCV 2020), L_inf, margin loss,
 * batched, on at most ROWS used rows evenly spread, those decided rightly. Three balls:
 * 2/255, 4/255 and 8/255 of the range. Each is given RB-3's 2,500 questions: in the first
 * ball every row, in the others 50 of them, evenly spread. Those 50 are also attacked a
 * second time in the first ball, from other stripes, up to 5,000 (bench.md 5.4); the row
 * judges what 2,500 found. A change within a ball is within the larger
 * ones too, and counts there with the questions it took.
 *
 *   robust_accuracy_ratio   of 2/255 within 2,500: rows still right / rows right
 *   robust_accuracy_ratio   eps=E: the same of the 50 in the larger balls
 *   success_rate            eps=E;budget=B: right rows turned within B questions
 *   distance_median         grey levels of the largest change, over the rows turned
 *
 * Other methods of RB-3 are for tables: the reason stands where the interval's method
 * does. */
#include "bench/bench_oracle.h"
#include "probe/probe_attack.h"
#include "stat/stat_boot.h"

enum { ROWS = 200, BUDGET = 2500, RUNS = 2, BALLS = 3, CURVE = 50 };
static const int radius[BALLS] = {2, 4, 8}; /* grey levels; the first is the row's */
static const int64_t budgets[] = {50, 100, 250, 500, 1000, BUDGET, RUNS *BUDGET};

struct target {
    uint32_t at;          /* used row */
    int64_t first[BALLS]; /* questions until it turned; -1: it did not */
    double distance;      /* grey levels; infinite: none found */
};
struct siege {
    struct bench_run *r;
    struct bench_oracle o;
    struct probe_input *in;
    struct probe_rules rules;
    struct target *target;
    double *found;
    size_t rows, right; /* of the sample; targets */
    int64_t most;
};

static int begin(struct siege *a)
{
    int err = bench_inputs(a->r, &a->in);
    a->rows = AM_MIN(a->r->used, (size_t)ROWS);
    a->target = am_calloc(a->rows + 1, sizeof *a->target);
    a->found = am_malloc((a->r->feature.n + 1) * sizeof *a->found);
    if (!err && (!a->target || !a->found))
        err = AM_E_NOMEM;
    for (size_t i = 0; i < a->rows && !err; i++) {
        size_t used = i * a->r->used / a->rows;
        if ((a->r->s[used] >= a->r->threshold) == (a->r->y[used] == 1))
            a->target[a->right++] = (struct target){
                .at = (uint32_t)used, .first = {-1, -1, -1}, .distance = INFINITY};
    }
    a->rules = (struct probe_rules){.input = a->in, .n = a->r->feature.n};
    return err ? err : bench_oracle_open(&a->o, a->r, -1);
}

static void end(struct siege *a)
{
    bench_oracle_close(&a->o);
    bench_inputs_free(a->r, a->in);
    free(a->target);
    free(a->found);
}

/* One of the 50? */
static bool curved(const struct siege *a, size_t i)
{
    return a->right <= CURVE || i * CURVE / a->right != (i + 1) * CURVE / a->right;
}

/* One ball: two attacks at most. */
static int attack(struct siege *a, struct target *t, int ball, int runs)
{
    const struct raster_shape *s = &a->r->image;
    struct probe_goal g = {.oracle = &a->o.probe,
                           .rules = &a->rules,
                           .x = a->r->x + (size_t)a->r->of[t->at] * a->r->feature.n,
                           .score = a->r->s[t->at],
                           .threshold = a->r->threshold,
                           .norm = PROBE_LINF,
                           .eps = radius[ball],
                           .mark = radius[ball],
                           .shape = {s->channels, s->height, s->width},
                           .budget = BUDGET,
                           .seed = a->r->seed};
    int64_t asked = 0;
    int err = AM_OK;
    for (int run = 0; run < runs; run++) {
        struct probe_found f = {.x = a->found};
        if (err || t->first[ball] >= 0 || a->o.dead)
            break;
        g.stream = ((uint64_t)t->at * BALLS + (uint64_t)ball) * RUNS + (uint64_t)run;
        err = probe_attack_square(&g, &f);
        if (!err && f.found && f.first >= 0) {
            t->first[ball] = asked + f.first;
            t->distance = fmin(t->distance, f.distance);
        }
        asked += f.queries;
        a->most = AM_MAX(a->most, f.queries);
    }
    return err;
}

static int attack_all(struct siege *a)
{
    int err = AM_OK;
    for (size_t i = 0; i < a->right && !err; i++)
        for (int b = 0; b < (curved(a, i) ? BALLS : 1) && !err; b++) {
            if (b && a->target[i].first[b - 1] <= BUDGET) /* later: a second attack's */
                a->target[i].first[b] = a->target[i].first[b - 1];
            err = attack(a, &a->target[i], b, curved(a, i) && !b ? RUNS : 1);
        }
    return err;
}

/* Targets turned in this ball within so many questions; *of: of how many asked so far. */
static size_t turned(const struct siege *a, int ball, int64_t budget, size_t *of)
{
    size_t n = 0;
    *of = 0;
    for (size_t i = 0; i < a->right; i++) {
        if ((ball || budget > BUDGET) && !curved(a, i))
            continue;
        ++*of;
        n += a->target[i].first[ball] >= 0 && a->target[i].first[ball] <= budget;
    }
    return n;
}

/* ---- what is told ---------------------------------------------------------------------
 */
/* A model that died while it was asked has shown nothing. */
static int tell(const struct siege *a, const char *name, const char *group, double v,
                const struct stat_ci *ci, const char *how, size_t n)
{
    const double bounds[2] = {ci && !a->o.dead ? ci->lo : NAN,
                              ci && !a->o.dead ? ci->hi : NAN};
    return bench_emit(a->r, "RB-3", name, group, a->o.dead ? NAN : v, bounds,
                      a->o.dead ? "model_failed" : how, (int64_t)n, 0);
}

static int part(const struct siege *a, const char *name, const char *group, size_t x,
                size_t n)
{
    const struct stat_ci w = stat_wilson((int64_t)x, (int64_t)n);
    return tell(a, name, group, stat_proportion((int64_t)x, (int64_t)n), &w, "wilson", n);
}

static int tell_row(const struct siege *a)
{
    size_t of, held = a->right - turned(a, 0, BUDGET, &of);
    const struct stat_ci w = stat_wilson((int64_t)held, (int64_t)a->right);
    int err = part(a, "clean_accuracy", "", a->right, a->rows);
    if (!err)
        err = part(a, "robust_accuracy", "", held, a->rows);
    if (!err)
        err = part(a, "robust_accuracy_ratio", "", held, a->right);
    if (!err)
        err = tell(a, "robust_accuracy_ratio_ci95_low", "", w.lo, &w, "wilson", a->right);
    if (!err)
        err = tell(a, "query_budget", "", BUDGET, NULL, "count", a->right);
    if (!err)
        err = tell(a, "queries_of_one_attack_max", "", (double)a->most, NULL, "count",
                   a->right);
    return err ? err
               : tell(a, "queries", "", (double)a->o.probe.queries, NULL, "count",
                      a->right);
}

static int tell_ball(const struct siege *a, int ball)
{
    char group[64];
    size_t of, n = turned(a, ball, BUDGET, &of);
    int err;
    snprintf(group, sizeof group, "eps=%d/255", radius[ball]);
    err = part(a, "robust_accuracy_ratio", group, of - n, of);
    for (size_t b = 0; b < AM_LEN(budgets) - (ball > 0) && !err; b++) {
        snprintf(group, sizeof group, "eps=%d/255;budget=%d", radius[ball],
                 (int)budgets[b]);
        n = turned(a, ball, budgets[b], &of);
        err = part(a, "success_rate", group, n, of);
    }
    return err;
}

static int tell_methods(const struct siege *a)
{
#define X(name) #name,
    static const char *const method[] = {PROBE_ATTACK_MAP(X) "exact_linear", "leaf_box",
                                         "white_box"};
#undef X
    size_t of, n = turned(a, 0, BUDGET, &of);
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(method) && !err; i++) {
        char group[64];
        snprintf(group, sizeof group, "method=%s", method[i]);
        err = strcmp(method[i], "square") == 0 && a->right
                  ? part(a, "method_success", group, n, of)
                  : tell(a, "method_success", group, NAN, NULL,
                         a->right ? "an_image" : "nothing_to_attack", 0);
    }
    return err;
}

static int tell_distance(const struct siege *a)
{
    double *v = am_malloc((a->right + 1) * sizeof *v);
    size_t n = 0;
    int err = v ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < a->right && !err; i++)
        if (!isinf(a->target[i].distance))
            v[n++] = a->target[i].distance;
    if (!err)
        err = stat_sort(v, n);
    if (!err)
        err = tell(a, "distance_median", "",
                   n < BENCH_SHOWN_MIN ? NAN : stat_quantile(v, n, 0.5), NULL,
                   "linf_in_grey_levels", n);
    free(v);
    return err;
}

int bench_attack_image(struct bench_run *r)
{
    struct siege a = {.r = r};
    int err = begin(&a);
    if (!err)
        err = attack_all(&a);
    if (!err)
        err = tell_row(&a);
    for (int b = 0; b < BALLS && !err; b++)
        err = tell_ball(&a, b);
    if (!err)
        err = tell_methods(&a);
    if (!err)
        err = tell_distance(&a);
    end(&a);
    return err;
}
