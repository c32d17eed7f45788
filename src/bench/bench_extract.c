/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_extract.h"

enum { JUDGES = 2000, POOL = 5000, MOST = 5000, PATHS = 5000, BASES = 64 };
static const int64_t budgets[] = {50, 200, 1000, MOST};
static const double marks[] = {0.95, 0.99};
enum { MARKS = AM_LEN(marks) };

struct theft {
    struct bench_run *r;
    struct bench_oracle oracle;
    struct probe_input *in;
    size_t f;
    double *pool, *at, *s; /* the thief's rows; the judge's and their scores */
    uint8_t *decided;
    size_t pools, judges;
    double *x, *score; /* questions and answers */
    char (*text)[24];
    const char **name;
    double fewest[MARKS]; /* questions, of all ways */
};

static int emit(struct theft *t, const char *name, const char *group, double v,
                const char *how)
{
    return bench_emit(t->r, "CY-6", name, group, v, bench_no_ci, how, (int64_t)t->judges,
                      0);
}

static int emit_agreement(struct theft *t, const char *name, const char *group, double v)
{
    int64_t n = (int64_t)t->judges;
    struct stat_ci ci = stat_wilson((int64_t)llround(v * (double)n), n);
    if (isnan(v))
        return emit(t, name, group, NAN, "no_answer");
    return bench_emit(t->r, "CY-6", name, group, v, (const double[2]){ci.lo, ci.hi},
                      "wilson", n, 0);
}

static void reached(struct theft *t, double agreement, double queries,
                    double first[MARKS])
{
    for (size_t k = 0; k < MARKS; k++)
        if (agreement >= marks[k] && !(first[k] <= queries))
            first[k] = queries;
    if (first != t->fewest)
        reached(t, agreement, queries, t->fewest);
}

/* ---- who serves the thief, who judges -------------------------------------------------
 */
struct drawn {
    uint64_t key;
    uint32_t row;
};

static int by_key(const void *a, const void *b)
{
    const struct drawn *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* A patient is the thief's or the judge's, with all rows. */
static int split(struct theft *t)
{
    struct bench_run *r = t->r;
    struct drawn *d = am_malloc((r->used + 1) * sizeof *d);
    if (!d)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->used; i++) {
        struct stat_rng rng;
        stat_rng_init(&rng, r->seed, BENCH_DRAW_EXTRACT, r->cluster[r->of[i]]);
        d[i] = (struct drawn){stat_rng_next(&rng), (uint32_t)i};
    }
    qsort(d, r->used, sizeof *d, by_key);
    for (size_t k = 0; k < r->used; k++) {
        size_t i = d[k].row;
        const double *row = r->x + r->of[i] * t->f;
        if (d[k].key & 1 && t->judges < JUDGES) {
            memcpy(t->at + t->judges * t->f, row, t->f * sizeof *row);
            t->s[t->judges] = r->s[i];
            t->decided[t->judges++] = r->s[i] >= r->threshold;
        } else if (!(d[k].key & 1) && t->pools < POOL) {
            memcpy(t->pool + t->pools++ * t->f, row, t->f * sizeof *row);
        }
    }
    free(d);
    return AM_OK;
}

static int theft_room(struct theft *t)
{
    size_t f = t->f, used = t->r->used;
    t->pool = am_malloc((AM_MIN(used, (size_t)POOL) * f + 1) * sizeof *t->pool);
    t->at = am_malloc((AM_MIN(used, (size_t)JUDGES) * f + 1) * sizeof *t->at);
    t->s = am_malloc(JUDGES * sizeof *t->s);
    t->decided = am_malloc(JUDGES);
    t->x = am_malloc((MOST * f + 1) * sizeof *t->x);
    t->score = am_malloc(MOST * sizeof *t->score);
    t->text = am_malloc((f + 1) * sizeof *t->text);
    t->name = am_malloc((f + 1) * sizeof *t->name);
    if (!t->pool || !t->at || !t->s || !t->decided || !t->x || !t->score || !t->text ||
        !t->name)
        return AM_E_NOMEM;
    for (size_t j = 0; j < f; j++) {
        snprintf(t->text[j], sizeof t->text[j], "f%zu", j);
        t->name[j] = t->text[j];
    }
    return AM_OK;
}

static void theft_close(struct theft *t)
{
    bench_oracle_close(&t->oracle);
    bench_inputs_free(t->r, t->in);
    free(t->pool);
    free(t->at);
    free(t->s);
    free(t->decided);
    free(t->x);
    free(t->score);
    free(t->text);
    free(t->name);
}

/* ---- copies ---------------------------------------------------------------------------
 */
/* A copy of an image model is fitted on hundreds of inputs at the cost of their cube. */
enum { COPY_INPUTS_MAX = 256 };

static int curve(struct theft *t, const char *copy, probe_copy_fn *fit,
                 const char *questions)
{
    struct bench_copier how = {t->f, t->name};
    const struct probe_copy c = {.features = t->f,
                                 .threshold = t->r->threshold,
                                 .x = t->x,
                                 .score = t->score,
                                 .n = MOST,
                                 .at = t->at,
                                 .decided = t->decided,
                                 .m = t->judges,
                                 .fit = fit,
                                 .cookie = &how};
    double first[MARKS] = {NAN, NAN};
    char group[96];
    int err = AM_OK;
    for (size_t b = 0; b < AM_LEN(budgets) && !err; b++) {
        double agreement = NAN;
        snprintf(group, sizeof group, "copy=%s;questions=%s;budget=%lld", copy, questions,
                 (long long)budgets[b]);
        if (t->f > COPY_INPUTS_MAX) {
            err = emit(t, "copy_agreement", group, NAN, "too_many_inputs");
            continue;
        }
        err = probe_copy_agreement(&c, (size_t)budgets[b], &agreement);
        if (!err)
            err = emit_agreement(t, "copy_agreement", group, agreement);
        reached(t, agreement, (double)budgets[b], first);
    }
    snprintf(group, sizeof group, "copy=%s;questions=%s", copy, questions);
    if (!err)
        err = emit(t, "queries_to_95_agreement", group, first[0], "budgets_tried");
    return err ? err
               : emit(t, "queries_to_99_agreement", group, first[1], "budgets_tried");
}

static int copies(struct theft *t, const char *questions)
{
    size_t asked, answered = 0;
    char group[64];
    int err = probe_ask(&t->oracle.probe, t->x, MOST, t->score, &asked);
    for (size_t i = 0; i < MOST && !err; i++)
        answered += isnan(t->score[i]) ? 0 : 1;
    snprintf(group, sizeof group, "questions=%s", questions);
    if (!err)
        err = emit(t, "questions_answered", group, (double)answered, "count");
    if (!err)
        err = curve(t, "trees", bench_copy_trees, questions);
    return err ? err : curve(t, "logistic", bench_copy_logistic, questions);
}

/* ---- equations ------------------------------------------------------------------------
 */
/* The row to start from, when the middle of the ranges says too little: the complete one
 * of the first BASES whose answer is nearest to 1/2. What was asked for it counts. */
static int base_row(struct theft *t, struct probe_oracle *o, double *base)
{
    size_t n = AM_MIN(t->pools, (size_t)BASES), asked, best = n;
    double s[BASES];
    int err = n ? probe_ask(o, t->pool, n, s, &asked) : AM_OK;
    for (size_t i = 0; i < n && !err; i++) {
        bool whole = !isnan(s[i]);
        for (size_t j = 0; j < t->f; j++)
            whole &= !isnan(t->pool[i * t->f + j]);
        if (whole && (best == n || fabs(s[i] - 0.5) < fabs(s[best] - 0.5)))
            best = i;
    }
    if (!err && best < n)
        memcpy(base, t->pool + best * t->f, t->f * sizeof *base);
    return err;
}

static void middle(const struct theft *t, double *base)
{
    for (size_t j = 0; j < t->f; j++)
        base[j] = probe_project(&t->in[j], (t->in[j].lo + t->in[j].hi) / 2);
}

static int solve(struct theft *t, struct probe_oracle *o, double *base,
                 struct probe_linear *l)
{
    int64_t before = o->queries;
    int err;
    middle(t, base);
    err = probe_equations(o, t->in, base, l);
    if (!err && !l->linear) {
        probe_linear_release(l);
        err = base_row(t, o, base);
        if (!err)
            err = probe_equations(o, t->in, base, l);
    }
    l->queries = o->queries - before;
    return err;
}

/* Rows with a missing value are not judged: a plane says nothing of them. */
static double judge_plane(const struct theft *t, const struct probe_linear *l,
                          double *error)
{
    size_t n = 0, same = 0;
    *error = 0;
    for (size_t i = 0; i < t->judges; i++) {
        const double *x = t->at + i * t->f;
        double s = probe_linear_score(l, x);
        bool whole = true;
        for (size_t j = 0; j < t->f; j++)
            whole &= !isnan(x[j]);
        if (!whole)
            continue;
        n++;
        same += (s >= t->r->threshold) == t->decided[i];
        *error = fmax(*error, fabs(s - t->s[i]));
    }
    return n ? (double)same / (double)n : NAN;
}

static double weight_error(const struct probe_linear *l, const struct probe_linear *true_)
{
    double miss = 0, all = 0;
    for (size_t j = 0; j < l->n; j++) {
        miss += (l->w[j] - true_->w[j]) * (l->w[j] - true_->w[j]);
        all += true_->w[j] * true_->w[j];
    }
    return sqrt(miss / all);
}

static int emit_plane(struct theft *t, const struct probe_linear *l, int decimals,
                      const struct probe_linear *full)
{
    double error = NAN, agreement = NAN;
    char group[32] = "decimals=all";
    int err;
    if (decimals >= 0)
        snprintf(group, sizeof group, "decimals=%d", decimals);
    if (!l->linear)
        return emit(t, "equation_agreement", group, NAN, "answers_at_the_ends");
    agreement = judge_plane(t, l, &error);
    reached(t, agreement, (double)l->queries, t->fewest);
    err = emit_agreement(t, "equation_agreement", group, agreement);
    if (!err)
        err = emit(t, "equation_score_error", group, isnan(agreement) ? NAN : error,
                   "largest");
    if (!err)
        err = emit(t, "equation_queries", group, (double)l->queries, "count");
    if (!err && full && full->linear)
        err =
            emit(t, "equation_weight_error", group, weight_error(l, full), "relative_l2");
    return err;
}

static int equations(struct theft *t)
{
    static const int decimals[] = {3, 2};
    struct probe_linear full = {0};
    double *base = am_malloc((t->f + 1) * sizeof *base);
    int err = base ? solve(t, &t->oracle.probe, base, &full) : AM_E_NOMEM;
    if (!err)
        err = emit_plane(t, &full, -1, NULL);
    for (size_t k = 0; k < AM_LEN(decimals) && !err; k++) {
        struct probe_rounding rounding;
        struct probe_linear l = {0};
        probe_round(&rounding, &t->oracle.probe, decimals[k]);
        err = solve(t, &rounding.oracle, base, &l);
        if (!err)
            err = emit_plane(t, &l, decimals[k], &full);
        probe_linear_release(&l);
    }
    probe_linear_release(&full);
    free(base);
    return err;
}

/* ---- paths ----------------------------------------------------------------------------
 */
static double judge_paths(const struct theft *t, const struct probe_paths *p)
{
    size_t same = 0;
    for (size_t i = 0; i < t->judges; i++) {
        double s = probe_paths_score(p, t->at + i * t->f);
        same += !isnan(s) && (s >= t->r->threshold) == t->decided[i];
    }
    return t->judges ? (double)same / (double)t->judges : NAN;
}

static int paths(struct theft *t)
{
    struct probe_paths p;
    double agreement, *base = am_malloc((t->f + 1) * sizeof *base);
    int err = AM_E_NOMEM;
    if (base) {
        middle(t, base);
        t->oracle.probe.budget = PATHS;
        err = probe_paths(&t->oracle.probe, t->in, base, &p);
        t->oracle.probe.budget = -1;
    }
    free(base);
    if (err)
        return err;
    agreement = judge_paths(t, &p);
    err = emit(t, "path_leaves", "", (double)p.leaves,
               p.piecewise ? "count" : "score_is_smooth");
    if (!err)
        err = emit(t, "path_complete", "", p.complete, "queue_ran_dry");
    if (!err)
        err = emit(t, "path_queries", "", (double)p.queries, "count");
    if (!err && p.piecewise)
        err = emit_agreement(t, "path_agreement", "", agreement);
    if (p.piecewise)
        reached(t, agreement, (double)p.queries, t->fewest);
    probe_paths_release(&p);
    return err;
}

/* ---- the family -----------------------------------------------------------------------
 */
static int majority(struct theft *t)
{
    size_t positives = 0;
    for (size_t i = 0; i < t->judges; i++)
        positives += t->decided[i];
    return emit_agreement(
        t, "majority_share", "",
        stat_proportion((int64_t)AM_MAX(positives, t->judges - positives),
                        (int64_t)t->judges));
}

static int steal(struct theft *t)
{
    int err = majority(t);
    if (!err && t->pools) {
        err = probe_questions_like(t->in, t->f, t->pool, t->pools, t->r->seed,
                                   BENCH_DRAW_EXTRACT + 1, t->x, MOST);
        if (!err)
            err = copies(t, "like");
    }
    if (!err) {
        probe_questions_blind(t->in, t->f, t->r->seed, BENCH_DRAW_EXTRACT + 2, t->x,
                              MOST);
        err = copies(t, "blind");
    }
    if (!err)
        err = equations(t);
    if (!err)
        err = paths(t);
    if (!err)
        err = emit(t, "queries_to_95_agreement", "", t->fewest[0], "fewest_of_all");
    return err ? err
               : emit(t, "queries_to_99_agreement", "", t->fewest[1], "fewest_of_all");
}

int bench_extraction(struct bench_run *r)
{
    struct theft t = {.r = r, .f = r->feature.n, .fewest = {NAN, NAN}};
    int err = bench_oracle_open(&t.oracle, r, -1);
    if (!err)
        err = bench_inputs(r, &t.in);
    if (!err)
        err = theft_room(&t);
    if (!err)
        err = split(&t);
    if (!err)
        err = steal(&t);
    theft_close(&t);
    if (err || r->remote)
        return err; /* its controls: bench_burst.c */
    return bench_not_applicable(r, "CY-6", "no_network_endpoint");
}
