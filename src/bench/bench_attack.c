/* SPDX-License-Identifier: Apache-2.0 */
/* bench_attack -- row RB-3: can an error of measurement turn a decision that is right?
 *
 * At most ATTACK_ROWS used rows, evenly spread over all; those decided rightly are
 * attacked. A ball of one unit (probe_unit(): the analytical variation) in every number
 * and integer that can change: all may err at once (L_inf). Codes and booleans stay: they
 * are not measured. Each method has RB-3's budget per row.
 *
 * Exact methods first: equations when the model is linear, boxes of leaves when it is a
 * forest. A row that they prove to have no counter-example in the ball is not attacked
 * further: no method could find one. The success curve counts the others' questions.
 *
 *   robust_accuracy_ratio   rows still right / rows right; the bound is Wilson's
 *   success_rate            budget=B: right rows turned within B questions of one method
 *   method_success          of the rows it was run on; a method that was not has the
 *                           reason where the interval's method stands
 *   distance_median         in units, over rows whose nearest change is known
 *   change_median, example_change    in the unit of the input: changes, never values, of
 *                           two digits, and none when fewer than ten rows are attacked
 *
 * Images: bench_attack_image.c.
 *
 * Bounded: rows, questions and boxes; a model that dies is NaN with "model_failed". */
#include "bench/bench_job.h"
#include "bench/bench_rules.h"
#include "bench/bench_oracle.h"
#include "probe/probe_attack.h"
#include "stat/stat_boot.h"

enum {
    ATTACK_ROWS = 200,
    ATTACK_BUDGET = 2500,  /* of RB-3, per row and method */
    ATTACK_POOL = 500,     /* rows of each decision to start from */
    ATTACK_DISTANCES = 50, /* rows whose distance is searched without an exact method */
    ATTACK_BOXES = 2000,
    ATTACK_EXAMPLES = 5,
    ATTACK_PARTS = 8 /* of the rows */
};
#define ATTACK_EPS 1.0

enum method {
#define X(name) METHOD_##name,
    PROBE_ATTACK_MAP(X)
#undef X
        METHOD_exact_linear,
    METHOD_leaf_box,
    METHODS
};
static const struct {
    const char *name;
    probe_attack_fn *run;
} methods[METHODS] = {
#define X(name) {#name, probe_attack_##name},
    PROBE_ATTACK_MAP(X)
#undef X
        {"exact_linear", NULL},
    {"leaf_box", NULL},
};
static const int64_t budgets[] = {50, 100, 250, 500, 1000, ATTACK_BUDGET};

struct victim {
    uint32_t at;     /* used row */
    bool broken;     /* in the ball */
    bool proven;     /* nothing in the ball: an exact method says so */
    int64_t first;   /* fewest questions of one method; -1: none */
    double distance; /* of x: the nearest change found; infinite: none */
    double *x;       /* that change: the row, in the join what moved */
};
struct attacks {
    struct bench_run *r;
    struct bench_oracle o;
    struct probe_input *in;
    struct probe_rules rules;
    struct probe_linear linear;
    double *pool[2]; /* rows decided 0, 1 */
    size_t n_pool[2];
    struct victim *victim;
    size_t rows, right; /* of the sample; victims */
    double *found, *x;  /* a row; those of the victims */
    struct model_axis *axis;
    int64_t tried[METHODS], broke[METHODS], most;
    const char *forest; /* why leaf boxes are not searched; NULL: they are */
    size_t without_cv, part;
    int64_t queries;
    bool linear_model, dead;
};

static const double *row_of(const struct attacks *a, size_t used)
{
    return a->r->x + (size_t)a->r->of[used] * a->r->feature.n;
}

static bool decides(const struct attacks *a, size_t used)
{
    return a->r->s[used] >= a->r->threshold;
}

/* ---- what is attacked -----------------------------------------------------------------
 */
static void fill_pool(struct attacks *a, int side)
{
    size_t f = a->r->feature.n, of = 0, seen = 0;
    for (size_t i = 0; i < a->r->used; i++)
        of += decides(a, i) == (side == 1);
    for (size_t i = 0; i < a->r->used; i++) {
        size_t n = AM_MIN(of, (size_t)ATTACK_POOL);
        if (decides(a, i) != (side == 1))
            continue;
        if (seen++ * n / of == a->n_pool[side] && a->n_pool[side] < n)
            memcpy(a->pool[side] + a->n_pool[side]++ * f, row_of(a, i),
                   f * sizeof **a->pool);
    }
}

static int take_rows(struct attacks *a)
{
    size_t f = a->r->feature.n;
    a->rows = AM_MIN(a->r->used, (size_t)ATTACK_ROWS);
    a->victim = am_calloc(a->rows + 1, sizeof *a->victim);
    a->x = am_calloc((a->rows + 1) * f, sizeof *a->x);
    a->found = am_calloc(f + 1, sizeof *a->found);
    a->axis = am_calloc(f + 1, sizeof *a->axis);
    for (int side = 0; side < 2; side++)
        a->pool[side] = am_malloc(ATTACK_POOL * f * sizeof **a->pool);
    if (!a->victim || !a->x || !a->found || !a->axis || !a->pool[0] || !a->pool[1])
        return AM_E_NOMEM;
    for (size_t i = 0; i < a->rows; i++) {
        size_t used = i * a->r->used / a->rows;
        if (decides(a, used) == (a->r->y[used] == 1)) {
            a->victim[a->right] = (struct victim){.at = (uint32_t)used,
                                                  .first = -1,
                                                  .distance = INFINITY,
                                                  .x = a->x + a->right * f};
            a->right++;
        }
    }
    for (int side = 0; side < 2; side++)
        fill_pool(a, side);
    for (size_t j = 0; j < f; j++)
        a->without_cv +=
            a->in[j].kind == PROBE_NUMBER && !a->in[j].immutable && !(a->in[j].cva > 0);
    return AM_OK;
}

static struct probe_goal goal_of(struct attacks *a, const struct victim *v, double eps)
{
    int other = !decides(a, v->at);
    return (struct probe_goal){.oracle = &a->o.probe,
                               .rules = &a->rules,
                               .x = row_of(a, v->at),
                               .score = a->r->s[v->at],
                               .threshold = a->r->threshold,
                               .norm = PROBE_LINF,
                               .eps = eps,
                               .mark = ATTACK_EPS,
                               .measured_only = true,
                               .pool = a->pool[other],
                               .n_pool = a->n_pool[other],
                               .budget = ATTACK_BUDGET,
                               .seed = a->r->seed,
                               .stream = v->at};
}

/* ---- one method, one row --------------------------------------------------------------
 */
static void note(struct attacks *a, struct victim *v, enum method m,
                 const struct probe_found *f, bool counts)
{
    bool broken = f->found && f->distance <= ATTACK_EPS * (1 + 1e-9);
    a->tried[m]++;
    a->broke[m] += broken;
    a->most = AM_MAX(a->most, f->queries);
    v->broken |= broken;
    if (counts && f->first >= 0 && (v->first < 0 || f->first < v->first))
        v->first = f->first;
    if (f->found && f->distance < v->distance) {
        v->distance = f->distance;
        memcpy(v->x, f->x, a->r->feature.n * sizeof *v->x);
    }
}

static int run_linear(struct attacks *a, struct victim *v)
{
    struct probe_goal g = goal_of(a, v, INFINITY);
    struct probe_found f = {.x = a->found};
    int err = probe_attack_linear(&g, &a->linear, &f);
    if (err)
        return err;
    note(a, v, METHOD_exact_linear, &f, false);
    v->proven = !v->broken && f.lower > ATTACK_EPS * 1.001; /* equations are rounded */
    return AM_OK;
}

/* From the nearest row of the other decision. What the worker says is asked again. */
static int ask_boxes(struct attacks *a, const struct victim *v, struct model_nearest *q)
{
    const struct probe_goal g = goal_of(a, v, INFINITY);
    size_t f = a->r->feature.n, best = g.n_pool;
    double near = INFINITY;
    struct diag own;
    int err;
    for (size_t i = 0; i < g.n_pool; i++) {
        double d = probe_distance(&a->rules, PROBE_LINF, g.x, g.pool + i * f);
        if (d < near) {
            near = d;
            best = i;
        }
    }
    if (best < g.n_pool)
        memcpy(a->found, g.pool + best * f, f * sizeof *a->found);
    for (size_t j = 0; j < f; j++) {
        const struct probe_input *in = &a->in[j];
        bool moves = in->kind == PROBE_NUMBER || in->kind == PROBE_INTEGER;
        a->axis[j] =
            (struct model_axis){.lo = in->lo,
                                .hi = in->hi,
                                .unit = probe_unit(in, g.x[j]),
                                .grain = probe_grid(in),
                                .fixed = in->immutable || !moves || isnan(g.x[j])};
    }
    diag_init(&own);
    err = model_session_nearest(a->o.session, g.x, a->axis, best < g.n_pool, q, a->found,
                                &own);
    diag_release(&own);
    return err;
}

static int run_boxes(struct attacks *a, struct victim *v)
{
    struct model_nearest q = {
        .threshold = a->r->threshold, .eps = INFINITY, .boxes_max = ATTACK_BOXES};
    const double *x = row_of(a, v->at);
    struct probe_found f = {.x = a->found, .first = -1};
    size_t asked;
    double s = NAN;
    int err = ask_boxes(a, v, &q);
    if (err == AM_E_NOMEM)
        return err;
    if (err) { /* also: the worker is gone; the oracle starts another */
        a->forest = err == AM_E_UNSUPPORTED ? "not_a_forest" : "model_failed";
        if (err != AM_E_UNSUPPORTED) {
            model_session_close(a->o.session);
            a->o.session = NULL;
        }
        return AM_OK;
    }
    if (q.found)
        err = probe_ask(&a->o.probe, a->found, 1, &s, &asked);
    if (err)
        return err;
    f.distance = probe_distance(&a->rules, PROBE_LINF, x, a->found);
    f.found = q.found && !isnan(s) && (s >= a->r->threshold) != decides(a, v->at) &&
              probe_reachable(&a->rules, x, a->found);
    f.queries = q.found;
    note(a, v, METHOD_leaf_box, &f, false);
    v->proven = !v->broken && q.lower > ATTACK_EPS * (1 + 1e-4);
    return AM_OK;
}

static int run_methods(struct attacks *a, struct victim *v, bool nearest)
{
    int err = AM_OK;
    for (int m = 0; m < METHOD_exact_linear && !err && !a->o.dead; m++) {
        bool hop = m == METHOD_hopskipjump;
        struct probe_goal g = goal_of(a, v, hop ? INFINITY : ATTACK_EPS);
        struct probe_found f = {.x = a->found};
        if (v->proven && !(hop && nearest))
            continue;
        err = methods[m].run(&g, &f);
        if (!err)
            note(a, v, (enum method)m, &f, true);
    }
    return err;
}

static int attack_all(struct attacks *a)
{
    size_t f = a->r->feature.n, base = AM_MIN(a->n_pool[0], (size_t)32);
    double *rows = am_malloc((64 * f + 1) * sizeof *rows);
    int err = rows ? AM_OK : AM_E_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < base && !err; i++)
        memcpy(rows + n++ * f, a->pool[0] + i * f, f * sizeof *rows);
    for (size_t i = 0; i < a->n_pool[1] && n < 64 && !err; i++)
        memcpy(rows + n++ * f, a->pool[1] + i * f, f * sizeof *rows);
    if (!err)
        err = probe_linear_fit(&a->o.probe, a->in, rows, n, &a->linear);
    free(rows);
    a->linear_model = a->linear.linear;
    if (a->part) /* asked once, told once */
        a->queries -= a->o.probe.queries;
    for (size_t i = a->part; i < a->right && !err && !a->o.dead; i += ATTACK_PARTS) {
        struct victim *v = &a->victim[i];
        if (a->linear.linear)
            err = run_linear(a, v);
        else if (!a->forest && a->o.session)
            err = run_boxes(a, v);
        if (!err)
            err = run_methods(a, v, i < ATTACK_DISTANCES && isinf(v->distance));
    }
    a->queries += a->o.probe.queries;
    return err;
}

/* ---- what is told ---------------------------------------------------------------------
 */
static int tell(struct attacks *a, const char *name, const char *group, double v,
                const double ci[2], const char *how, size_t n)
{
    bool dead = a->dead;
    return bench_emit(a->r, "RB-3", name, group, dead ? NAN : v, dead ? bench_no_ci : ci,
                      dead ? "model_failed" : how, (int64_t)n, 0);
}

static int count(struct attacks *a, const char *name, double v, size_t n)
{
    return tell(a, name, "", v, bench_no_ci, "count", n);
}

static int share(struct attacks *a, const char *name, const char *group, size_t x,
                 size_t n)
{
    struct stat_ci w = stat_wilson((int64_t)x, (int64_t)n);
    return tell(a, name, group, stat_proportion((int64_t)x, (int64_t)n),
                (const double[2]){w.lo, w.hi}, "wilson", n);
}

static int tell_accuracy(struct attacks *a)
{
    size_t broken = 0, proven = 0;
    struct stat_ci w;
    int err;
    for (size_t i = 0; i < a->right; i++) {
        broken += a->victim[i].broken;
        proven += a->victim[i].proven;
    }
    w = stat_wilson((int64_t)(a->right - broken), (int64_t)a->right);
    err = share(a, "clean_accuracy", "", a->right, a->rows);
    if (!err)
        err = share(a, "robust_accuracy", "", a->right - broken, a->rows);
    if (!err)
        err = share(a, "robust_accuracy_ratio", "", a->right - broken, a->right);
    if (!err)
        err = tell(a, "robust_accuracy_ratio_ci95_low", "", w.lo,
                   (const double[2]){w.lo, w.hi}, "wilson", a->right);
    if (!err)
        err = count(a, "rows_proven_robust", (double)proven, a->right);
    if (!err)
        err = count(a, "query_budget", ATTACK_BUDGET, a->right);
    if (!err)
        err = count(a, "queries_of_one_attack_max", (double)a->most, a->right);
    if (!err)
        err = count(a, "queries", (double)a->queries, a->right);
    return err ? err
               : count(a, "inputs_without_analytical_cv", (double)a->without_cv,
                       a->right);
}

static const char *not_run(const struct attacks *a, int m)
{
    if (m == METHOD_exact_linear)
        return a->linear_model ? "nothing_to_attack" : "not_linear";
    if (m == METHOD_leaf_box)
        return a->linear_model ? "not_a_forest" : a->forest ? a->forest : "model_failed";
    return a->right ? "rows_proven" : "nothing_to_attack";
}

static int tell_methods(struct attacks *a)
{
    char group[64];
    int err = AM_OK;
    for (size_t b = 0; b < AM_LEN(budgets) && !err; b++) {
        size_t n = 0;
        for (size_t i = 0; i < a->right; i++)
            n += a->victim[i].first >= 0 && a->victim[i].first <= budgets[b];
        snprintf(group, sizeof group, "budget=%d", (int)budgets[b]);
        err = share(a, "success_rate", group, n, a->right);
    }
    for (int m = 0; m < METHODS && !err; m++) {
        snprintf(group, sizeof group, "method=%s", methods[m].name);
        err = a->tried[m]
                  ? share(a, "method_success", group, (size_t)a->broke[m],
                          (size_t)a->tried[m])
                  : tell(a, "method_success", group, NAN, bench_no_ci, not_run(a, m), 0);
    }
    if (!err) /* neither the contract nor the runtime hands gradients over */
        err = tell(a, "method_success", "method=white_box", NAN, bench_no_ci,
                   "no_gradients", 0);
    return err;
}

/* NaN of none; *err when there is no memory to sort. */
static double median(double *v, size_t n, int *err)
{
    if (!*err)
        *err = stat_sort(v, n);
    return *err ? NAN : stat_quantile(v, n, 0.5);
}

static double two_digits(double v)
{
    double scale = v != 0 ? pow(10, floor(log10(fabs(v))) - 1) : 1;
    return nearbyint(v / scale) * scale;
}

static int by_distance(const void *p, const void *q)
{
    const struct victim *a = p, *b = q;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* The nearest first; the victims are sorted. */
static int tell_examples(struct attacks *a)
{
    char group[160];
    int err = AM_OK;
    for (size_t i = 0; i < a->right && i < ATTACK_EXAMPLES && !err; i++)
        for (size_t j = 0; j < a->r->feature.n && !err; j++) {
            double d = isinf(a->victim[i].distance) ? 0 : a->victim[i].x[j];
            if (d == 0)
                continue;
            snprintf(group, sizeof group, "example=%zu;input=%.*s", i + 1,
                     STR_FMT(a->in[j].name));
            err = tell(a, "example_change", group, two_digits(d), bench_no_ci,
                       "two_digits", 1);
        }
    return err;
}

static int tell_changes(struct attacks *a, double *v)
{
    char group[128];
    double middle;
    size_t n = 0;
    int err = AM_OK;
    for (size_t i = 0; i < a->right; i++)
        if (!isinf(a->victim[i].distance))
            v[n++] = a->victim[i].distance;
    middle = median(v, n, &err);
    if (!err)
        err = tell(a, "distance_median", "", n < BENCH_SHOWN_MIN ? NAN : middle,
                   bench_no_ci, "linf_in_units", n);
    for (size_t j = 0; j < a->r->feature.n && !err; j++) {
        size_t k = 0;
        for (size_t i = 0; i < a->right; i++)
            if (!isinf(a->victim[i].distance) && a->victim[i].x[j] != 0)
                v[k++] = fabs(a->victim[i].x[j]);
        if (k < BENCH_SHOWN_MIN)
            continue;
        snprintf(group, sizeof group, "input=%.*s", STR_FMT(a->in[j].name));
        middle = median(v, k, &err);
        if (!err)
            err = tell(a, "change_median", group, middle, bench_no_ci, "median", k);
    }
    return err || a->right < BENCH_SHOWN_MIN ? err : tell_examples(a);
}

static int tell_all(struct attacks *a)
{
    double *v = am_malloc((a->right + 1) * sizeof *v);
    int err = v ? tell_accuracy(a) : AM_E_NOMEM;
    qsort(a->victim, a->right, sizeof *a->victim, by_distance);
    if (!err)
        err = tell_methods(a);
    if (!err)
        err = tell_changes(a, v);
    free(v);
    return err;
}

/* ---- a part, and all of them ----------------------------------------------------------
 */
static const char *const forests[] = {NULL, "not_a_forest", "model_failed"};

static double change(const struct attacks *a, const struct victim *v, size_t j)
{
    double d = v->x[j] - row_of(a, v->at)[j];
    return isnan(d) ? 0 : d;
}

static int give_victim(struct attacks *a, size_t i)
{
    const struct victim *v = &a->victim[i];
    const double first[] = {v->broken, v->proven, (double)(v->first + 1), v->distance};
    int err = AM_OK;
    for (size_t k = 0; k < AM_LEN(first) && !err; k++)
        err = bench_give(a->r, first[k]);
    for (size_t j = 0; j < a->r->feature.n && !err && !isinf(v->distance); j++)
        err = bench_give(a->r, change(a, v, j)); /* no value of a row leaves */
    return err;
}

static int give(struct attacks *a)
{
    size_t forest = AM_LEN(forests) - 1;
    int err = bench_give(a->r, a->o.dead);
    while (forest && !(a->forest && !strcmp(a->forest, forests[forest])))
        forest--;
    if (!err)
        err = bench_give(a->r, a->linear_model);
    if (!err)
        err = bench_give(a->r, (double)forest);
    if (!err)
        err = bench_give(a->r, (double)a->most);
    if (!err)
        err = bench_give(a->r, (double)a->queries);
    for (int m = 0; m < METHODS && !err; m++) {
        err = bench_give(a->r, (double)a->tried[m]);
        if (!err)
            err = bench_give(a->r, (double)a->broke[m]);
    }
    for (size_t i = a->part; i < a->right && !err; i += ATTACK_PARTS)
        err = give_victim(a, i);
    return err;
}

static int take_part(struct attacks *a, size_t k)
{
    static const int64_t any = INT64_C(1) << 53;
    struct bench_taken p = bench_taken(a->r, k);
    size_t forest;
    int64_t most;
    a->dead |= bench_take_count(&p, 1) != 0;
    a->linear_model |= bench_take_count(&p, 1) != 0;
    forest = (size_t)bench_take_count(&p, AM_LEN(forests) - 1);
    a->forest = forest ? forests[forest] : a->forest;
    most = bench_take_count(&p, any);
    a->most = AM_MAX(a->most, most);
    a->queries += bench_take_count(&p, any);
    for (int m = 0; m < METHODS; m++) {
        a->tried[m] += bench_take_count(&p, ATTACK_ROWS);
        a->broke[m] += bench_take_count(&p, ATTACK_ROWS);
    }
    for (size_t i = k; i < a->right; i += ATTACK_PARTS) {
        struct victim *v = &a->victim[i];
        v->broken = bench_take_count(&p, 1) != 0;
        v->proven = bench_take_count(&p, 1) != 0;
        v->first = bench_take_count(&p, any) - 1;
        v->distance = bench_take(&p);
        for (size_t j = 0; j < a->r->feature.n && !isinf(v->distance); j++)
            v->x[j] = bench_take(&p);
    }
    return p.bad ? AM_E_TAMPERED : AM_OK;
}

static int open_attacks(struct attacks *a, struct bench_run *r, size_t part)
{
    int err;
    *a = (struct attacks){.r = r, .part = part};
    err = bench_inputs(r, &a->in);
    a->rules = (struct probe_rules){.input = a->in, .n = r->feature.n};
    bench_rules_of(r, &a->rules);
    return err ? err : take_rows(a);
}

static void close_attacks(struct attacks *a)
{
    bench_oracle_close(&a->o);
    probe_linear_release(&a->linear);
    for (int side = 0; side < 2; side++)
        free(a->pool[side]);
    free(a->victim);
    free(a->x);
    free(a->found);
    free(a->axis);
    bench_inputs_free(a->r, a->in);
}

size_t bench_attack_parts(const struct bench_run *r)
{
    return r->image.width ? 0 : ATTACK_PARTS; /* 0: one job */
}

int bench_attack_part(struct bench_run *r, size_t k)
{
    struct attacks a;
    int err = open_attacks(&a, r, k);
    if (!err)
        err = bench_oracle_open(&a.o, r, -1);
    if (!err)
        err = attack_all(&a);
    if (!err)
        err = give(&a);
    close_attacks(&a);
    return err;
}

int bench_attack(struct bench_run *r)
{
    struct attacks a;
    int err;
    if (r->image.width)
        return bench_attack_image(r);
    err = open_attacks(&a, r, 0);
    for (size_t k = 0; k < r->parts && !err; k++)
        err = take_part(&a, k);
    if (!err)
        err = tell_all(&a);
    close_attacks(&a);
    return err;
}
