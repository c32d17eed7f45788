/* SPDX-License-Identifier: Apache-2.0 */
/* Shapley values by asking, against games that can be worked out otherwise. */
#include "probe/probe_explain.h"

#include <malloc.h>
#include <math.h>

#include "base/test.h"
#include "probe/probe_mutate.h"
#include "stat/stat.h"

/* ---- models
 * ---------------------------------------------------------------------------- */
struct asked {
    size_t f;
    double (*one)(const double *x, size_t f);
    size_t rows, peak_b; /* largest call; memory in use during one */
};

static int answer(void *cookie, const double *x, size_t n, double *score)
{
    struct asked *a = cookie;
    struct mallinfo2 m = mallinfo2();
    a->rows = AM_MAX(a->rows, n);
    a->peak_b = AM_MAX(a->peak_b, (size_t)(m.uordblks + m.hblkhd));
    for (size_t i = 0; i < n; i++)
        score[i] = a->one(x + i * a->f, a->f);
    return AM_OK;
}

static double weight(size_t j)
{
    return j % 2 ? -0.3 * (double)j : 0.2 * (double)j + 0.1;
}

static double linear(const double *x, size_t f)
{
    double sum = 0.4;
    for (size_t j = 0; j < f; j++)
        sum += weight(j) * x[j];
    return sum;
}

/* Interactions of every order between neighbours. */
static double bent(const double *x, size_t f)
{
    double sum = 0;
    for (size_t j = 0; j < f; j++)
        sum += weight(j) * tanh(x[j] + 0.7 * x[(j + 1) % f] * x[(j + 3) % f]);
    return 1 / (1 + exp(-sum));
}

static double silent(const double *x, size_t f)
{
    (void)x;
    (void)f;
    return NAN;
}

/* Crashes where the first input is large: half of the background. */
static double fragile(const double *x, size_t f)
{
    return x[0] > 0 ? NAN : linear(x, f);
}

static void draw(double *x, size_t n, uint64_t seed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = stat_rng_normal(&r);
}

enum { ROWS = 5, MOST = 40 };
struct bed {
    struct asked a;
    struct probe_oracle o;
    double background[ROWS * MOST], x[MOST], phi[MOST];
    struct probe_explain e;
    struct probe_shapley how;
};

static void bed_open(struct bed *b, double (*one)(const double *, size_t), size_t f)
{
    *b = (struct bed){.a = {.f = f, .one = one}};
    b->o = (struct probe_oracle){.ask = answer,
                                 .cookie = &b->a,
                                 .features = f,
                                 .lo = NAN,
                                 .hi = NAN,
                                 .budget = -1};
    draw(b->background, ROWS * f, 5);
    draw(b->x, f, 6);
    b->e = (struct probe_explain){
        .oracle = &b->o, .background = b->background, .rows = ROWS, .seed = 42};
}

/* By the definition, coalition by coalition. */
static void shapley(const struct bed *b, double *phi)
{
    size_t f = b->a.f;
    double *v = calloc((size_t)1 << f, sizeof *v), w[MOST] = {1.0 / (double)f}, mix[MOST];
    for (size_t s = 1; s < f; s++)
        w[s] = w[s - 1] * (double)s / (double)(f - s);
    for (size_t s = 0; s < (size_t)1 << f; s++)
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t j = 0; j < f; j++)
                mix[j] = s >> j & 1 ? b->x[j] : b->background[r * f + j];
            v[s] += b->a.one(mix, f) / ROWS;
        }
    for (size_t j = 0; j < f; j++) {
        phi[j] = 0;
        for (size_t s = 0; s < (size_t)1 << f; s++)
            if (!(s >> j & 1))
                phi[j] += w[__builtin_popcountll(s)] * (v[s | (size_t)1 << j] - v[s]);
    }
    free(v);
}

static double sum_of(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

/* ---- Shapley values
 * -------------------------------------------------------------------- */
static void few_inputs_are_enumerated(void **state)
{
    struct bed b;
    double want[MOST];
    (void)state;
    for (size_t f = 1; f <= PROBE_EXACT_MAX; f += 3) {
        bed_open(&b, bent, f);
        shapley(&b, want);
        assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
        assert_true(b.how.answered && b.how.exact && b.how.se == 0);
        for (size_t j = 0; j < f; j++)
            assert_near(b.phi[j], want[j], 1e-12);
        assert_near(sum_of(b.phi, f) + b.how.base, b.how.score, 1e-12);
        assert_int_equal(b.how.coalitions, ((size_t)1 << f) - 2);
    }
}

static void a_linear_model_is_its_weights(void **state)
{
    struct bed b;
    (void)state;
    bed_open(&b, linear, 30);
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_true(b.how.answered && !b.how.exact);
    for (size_t j = 0; j < 30; j++) {
        double mean = 0;
        for (size_t r = 0; r < ROWS; r++)
            mean += b.background[r * 30 + j] / ROWS;
        assert_near(b.phi[j], weight(j) * (b.x[j] - mean), 1e-9);
    }
}

/* 2^10 coalitions are within the budget: no size is drawn, nothing is left to chance. */
static void kernelshap_of_all_coalitions_is_exact(void **state)
{
    struct bed b;
    double want[MOST];
    (void)state;
    for (size_t f = 3; f <= 10; f++) {
        bed_open(&b, bent, f);
        shapley(&b, want);
        b.e.sampled = true;
        assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
        assert_true(b.how.answered && !b.how.exact && b.how.se == 0);
        for (size_t j = 0; j < f; j++)
            assert_near(b.phi[j], want[j], 1e-9);
    }
}

static void the_standard_error_is_the_error(void **state)
{
    enum { F = 14, SEEDS = 60 };
    struct bed b;
    double want[F], square = 0, se = 0;
    (void)state;
    bed_open(&b, bent, F);
    shapley(&b, want);
    b.e.tolerance = -1;
    b.e.coalitions_max = 400;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double worst = 0;
        b.e.seed = seed;
        assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
        assert_near(sum_of(b.phi, F) + b.how.base, b.how.score, 1e-9);
        for (size_t j = 0; j < F; j++)
            worst = fmax(worst, fabs(b.phi[j] - want[j]));
        square += worst * worst;
        se += b.how.se * b.how.se;
    }
    /* the worst of 14 errors is beyond the largest of 14 standard errors, not far */
    assert_true(sqrt(square / se) > 0.8 && sqrt(square / se) < 2.5);
}

static void it_stops_when_the_error_is_small(void **state)
{
    struct bed b;
    double lo, hi;
    (void)state;
    bed_open(&b, bent, 16);
    b.e.tolerance = 0.05;
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    lo = hi = b.phi[0];
    for (size_t j = 1; j < 16; j++) {
        lo = fmin(lo, b.phi[j]);
        hi = fmax(hi, b.phi[j]);
    }
    assert_true(b.how.se > 0 && b.how.se <= 0.05 * (hi - lo));
    assert_true(b.how.coalitions < 2 * 16 + 2048);
    b.e.tolerance = -1;
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_int_equal(b.how.coalitions, 2 * 16 + 2048);
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    struct bed b;
    double again[MOST];
    (void)state;
    bed_open(&b, bent, 20);
    assert_ok(probe_shapley(&b.e, b.x, again, &b.how));
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_memory_equal(again, b.phi, 20 * sizeof *again);
    b.e.seed++;
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_memory_not_equal(again, b.phi, 20 * sizeof *again);
}

static void an_input_like_all_of_the_background_adds_nothing(void **state)
{
    struct bed b;
    (void)state;
    bed_open(&b, bent, 14);
    for (size_t r = 0; r < ROWS; r++) {
        b.background[r * 14 + 3] = b.x[3];
        b.background[r * 14 + 5] = b.x[5];
    }
    b.e.tolerance = -1;
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_true(b.how.exact); /* twelve are left */
    assert_true(b.phi[3] == 0 && b.phi[5] == 0 && b.phi[4] != 0);
    assert_ok(probe_shapley(&b.e, b.background, b.phi, &b.how));
    b.e.rows = 1;
    assert_ok(probe_shapley(&b.e, b.background, b.phi, &b.how));
    assert_true(b.how.answered && b.phi[0] == 0);
}

static void answers_that_are_missing_are_said_so(void **state)
{
    struct bed b;
    (void)state;
    bed_open(&b, silent, 5);
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_true(!b.how.answered && isnan(b.phi[0]));
    bed_open(&b, linear, 5);
    b.o.budget = 20;
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_true(!b.how.answered && isnan(b.phi[0]));
    bed_open(&b, fragile, 5); /* means of the rows that answer */
    b.x[0] = -1;
    b.background[0] = -2;
    assert_ok(probe_shapley(&b.e, b.x, b.phi, &b.how));
    assert_true(b.how.answered && !isnan(b.phi[0]));
}

static void sizes_out_of_bounds_are_refused(void **state)
{
    struct bed b;
    struct probe_lime lime;
    (void)state;
    bed_open(&b, linear, 5);
    b.e.rows = 0;
    assert_int_equal(probe_shapley(&b.e, b.x, b.phi, &b.how), AM_E_INVALID);
    b.e.rows = PROBE_BACKGROUND + 1;
    assert_int_equal(probe_shapley(&b.e, b.x, b.phi, &b.how), AM_E_INVALID);
    assert_int_equal(probe_lime(&b.e, NULL, b.x, b.phi, &lime), AM_E_INVALID);
    b.o.features = PROBE_EXPLAIN_MAX + 1;
    assert_int_equal(probe_shapley(&b.e, b.x, b.phi, &b.how), AM_E_TOOBIG);
    assert_int_equal(probe_lime(&b.e, NULL, b.x, b.phi, &lime), AM_E_TOOBIG);
}

/* ---- the background
 * -------------------------------------------------------------------- */
enum { MANY = 21000, WIDE = 30 };

static void the_background_is_drawn_in_proportion_whatever_the_order(void **state)
{
    static uint64_t key[MANY];
    static uint8_t y[MANY], back_y[MANY];
    static uint64_t back[MANY];
    uint32_t a[PROBE_BACKGROUND], b[PROBE_BACKGROUND];
    size_t n, m, positives = 0;
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        key[i] = back[MANY - 1 - i] = i * 977;
        y[i] = back_y[MANY - 1 - i] = i % 8 == 0;
    }
    assert_ok(probe_background(key, y, MANY, PROBE_BACKGROUND, 7, a, &n));
    assert_ok(probe_background(back, back_y, MANY, PROBE_BACKGROUND, 7, b, &m));
    assert_true(n == PROBE_BACKGROUND && m == n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(key[a[i]], back[b[i]]);
        positives += y[a[i]];
    }
    assert_true(positives == 12 || positives == 13); /* 12.5 */
    assert_ok(probe_background(key, y, MANY, PROBE_BACKGROUND, 8, b, &m));
    assert_memory_not_equal(a, b, sizeof a);
    assert_ok(probe_background(key, y, 3, PROBE_BACKGROUND, 7, a, &n));
    assert_int_equal(n, 3);
    assert_ok(probe_background(key, y, 0, PROBE_BACKGROUND, 7, a, &n));
    assert_int_equal(n, 0);
}

/* shap#1173: a background of 21,000 rows asked for a matrix of 155 GB. */
static void memory_is_bounded_whatever_the_background(void **state)
{
    double *rows = calloc((size_t)MANY * WIDE, sizeof *rows), *few, phi[WIDE];
    uint64_t *key = calloc(MANY, sizeof *key);
    uint32_t at[PROBE_BACKGROUND];
    struct bed b;
    struct mallinfo2 before;
    size_t n;
    (void)state;
    draw(rows, (size_t)MANY * WIDE, 3);
    assert_ok(probe_row_keys(rows, NULL, MANY, WIDE, key));
    assert_ok(probe_background(key, NULL, MANY, PROBE_BACKGROUND, 42, at, &n));
    few = calloc(n * WIDE, sizeof *few);
    for (size_t i = 0; i < n; i++)
        memcpy(few + i * WIDE, rows + at[i] * WIDE, WIDE * sizeof *few);
    bed_open(&b, bent, WIDE);
    b.e.background = few;
    b.e.rows = n;
    b.e.tolerance = -1;
    before = mallinfo2();
    assert_ok(probe_shapley(&b.e, rows, phi, &b.how));
    assert_true(b.how.answered);
    assert_int_equal(b.o.queries, 1 + 100 + (2 * WIDE + 2048) * 100);
    assert_true(b.a.rows * WIDE * sizeof(double) <= PROBE_EXPLAIN_BLOCK_B);
    /* ours; the oracle's copy and answers of a block are as much again */
    assert_true(b.a.peak_b < (size_t)(before.uordblks + before.hblkhd) + (12u << 20));
    free(rows);
    free(few);
    free(key);
}

/* ---- LIME
 * ------------------------------------------------------------------------------ */
static const struct probe_input number = {
    .lo = -1e9, .hi = 1e9, .cva = NAN, .cvi = NAN, .decimals = -1};

static void lime_finds_a_linear_model(void **state)
{
    struct bed b;
    struct probe_input in[7];
    struct probe_lime how;
    (void)state;
    bed_open(&b, linear, 7);
    for (size_t j = 0; j < 7; j++)
        in[j] = number;
    assert_ok(probe_lime(&b.e, in, b.x, b.phi, &how));
    assert_true(how.answered && how.r2 > 0.999 && how.jaccard == 1);
    for (size_t j = 0; j < 7; j++) {
        double mean = 0, square = 0;
        for (size_t r = 0; r < ROWS; r++)
            mean += b.background[r * 7 + j] / ROWS;
        for (size_t r = 0; r < ROWS; r++)
            square += pow(b.background[r * 7 + j] - mean, 2) / ROWS;
        assert_near(b.phi[j], weight(j) * sqrt(square), 0.01);
    }
    assert_int_equal(b.o.queries, PROBE_LIME_SEEDS * PROBE_LIME_ROWS);
}

static double of_a_code(const double *x, size_t f)
{
    (void)f;
    return x[0] == 2 ? 0.9 : isnan(x[1]) ? 0.5 : 0.1;
}

static void lime_knows_codes_and_missing_values(void **state)
{
    double background[] = {1, 0, 2, 3, 3, NAN, 2, 4, 1, NAN}, x[] = {2, NAN}, effect[2],
           values[] = {1, 2, 3};
    struct asked a = {.f = 2, .one = of_a_code};
    struct probe_oracle o = {
        .ask = answer, .cookie = &a, .features = 2, .lo = 0, .hi = 1, .budget = -1};
    struct probe_explain e = {.oracle = &o, .background = background, .rows = 5};
    struct probe_input in[2] = {number, number};
    struct probe_lime how;
    (void)state;
    in[0].kind = PROBE_CODE;
    in[0].values = values;
    in[0].n_values = 3;
    assert_ok(probe_lime(&e, in, x, effect, &how));
    assert_true(how.answered && effect[0] > 0.4 && effect[1] > 0 && effect[1] < 0.3);
    a.one = silent;
    assert_ok(probe_lime(&e, in, x, effect, &how));
    assert_true(!how.answered && isnan(how.r2) && isnan(effect[0]));
}

/* ---- memory
 * ---------------------------------------------------------------------------- */
static int explain_all(void)
{
    struct bed b;
    struct probe_input in[14];
    struct probe_lime lime;
    uint64_t key[3] = {1, 2, 3};
    uint32_t at[3];
    size_t n;
    int err;
    bed_open(&b, linear, 14);
    for (size_t j = 0; j < 14; j++)
        in[j] = number;
    err = probe_shapley(&b.e, b.x, b.phi, &b.how);
    if (!err)
        err = probe_lime(&b.e, in, b.x, b.phi, &lime);
    b.o.features = b.a.f = 3;
    if (!err)
        err = probe_shapley(&b.e, b.x, b.phi, &b.how);
    return err ? err : probe_background(key, NULL, 3, 2, 1, at, &n);
}

static void allocation_failures_are_errors(void **state)
{
    (void)state;
    assert_true(test_oom(explain_all) > 10);
}

TEST_MAIN(TEST(few_inputs_are_enumerated), TEST(a_linear_model_is_its_weights),
          TEST(kernelshap_of_all_coalitions_is_exact),
          TEST(the_standard_error_is_the_error), TEST(it_stops_when_the_error_is_small),
          TEST(the_same_seed_gives_the_same_bits),
          TEST(an_input_like_all_of_the_background_adds_nothing),
          TEST(answers_that_are_missing_are_said_so),
          TEST(sizes_out_of_bounds_are_refused),
          TEST(the_background_is_drawn_in_proportion_whatever_the_order),
          TEST(memory_is_bounded_whatever_the_background),
          TEST(lime_finds_a_linear_model), TEST(lime_knows_codes_and_missing_values),
          TEST(allocation_failures_are_errors))
