/* SPDX-License-Identifier: Apache-2.0 */
/* Row RB-3 of an image, against what a plane over its pixels allows: within eps of every
 * pixel the log-odds move by at most eps times the sum of the weights' sizes, so which
 * decisions can turn is known exactly. */
#include "base/test.h"

#include <math.h>

#include "bench/bench_oracle.h"
#include "model/model_test_worker.h"

enum { SIDE = 4, PIXELS = SIDE * SIDE, ROWS = 40, LEARNT = 400 };

struct siege_case {
    struct bench_run r;
    struct bench_feature feature[PIXELS];
    struct buf model;
    struct json_doc *record;
    struct diag d;
    double x[ROWS * PIXELS], s[ROWS], margin[ROWS], reach; /* log-odds; of one level */
    uint8_t y[ROWS];
    uint32_t of[ROWS];
    size_t right;
};

static double logit(double s)
{
    return log(s / (1 - s));
}

/* Grey levels near 128: nothing is cut at black or white. Labels by half of the pixels.
 */
static void pictures(double *x, uint8_t *y, size_t n, uint64_t stream)
{
    struct stat_rng rng;
    stat_rng_init(&rng, 5, 1, stream);
    for (size_t i = 0; i < n; i++) {
        double sum = 60 * (stat_rng_double(&rng) - 0.5);
        for (size_t j = 0; j < PIXELS; j++) {
            x[i * PIXELS + j] = nearbyint(128 + 6 * stat_rng_normal(&rng));
            sum += j % 2 ? 0 : (j % 3 ? 1 : -1) * (x[i * PIXELS + j] - 128);
        }
        y[i] = sum > 0;
    }
}

static void measure_weights(struct siege_case *c, const struct model *m)
{
    double base[PIXELS], at, step;
    for (size_t j = 0; j < PIXELS; j++)
        base[j] = 128;
    assert_ok(model_score(m, base, 1, &at));
    for (size_t j = 0; j < PIXELS; j++) {
        base[j]++;
        assert_ok(model_score(m, base, 1, &step));
        base[j]--;
        c->reach += fabs(logit(step) - logit(at));
    }
}

static void begin(struct siege_case *c, size_t rows)
{
    static double x[LEARNT * PIXELS];
    static uint8_t y[LEARNT];
    static char text[PIXELS][8];
    const char *name[PIXELS];
    struct model_fit_options o = {.ridge = 1};
    struct model *m;
    struct buf report;
    *c = (struct siege_case){.reach = 0};
    diag_init(&c->d);
    buf_init(&c->model, 1 << 20);
    buf_init(&report, 1 << 20);
    for (size_t j = 0; j < PIXELS; j++) {
        snprintf(text[j], sizeof text[j], "p%zu", j);
        name[j] = text[j];
        c->feature[j] = (struct bench_feature){
            .name = str_c(text[j]), .type = STR("number"), .hi = 255};
    }
    pictures(x, y, LEARNT, 1);
    assert_ok(
        model_fit_logistic(x, y, LEARNT, name, PIXELS, &o, &c->model, &report, &c->d));
    buf_release(&report);
    assert_ok(model_load(&m, buf_str(&c->model), &c->d));
    measure_weights(c, m);
    pictures(c->x, c->y, rows, 2);
    assert_ok(model_score(m, c->x, rows, c->s));
    model_free(m);
    for (uint32_t i = 0; i < rows; i++) {
        c->of[i] = i;
        c->margin[i] = fabs(logit(c->s[i]));
        c->right += (c->s[i] >= 0.5) == c->y[i];
    }
    assert_ok(
        json_parse(&c->record, STR("{\"outputs\":[{\"range\":[0,1]}]}"), NULL, &c->d));
    c->r.record = json_root(c->record);
    c->r.model = buf_str(&c->model);
    c->r.image = (struct raster_shape){SIDE, SIDE, 1};
    c->r.feature.v = c->feature;
    c->r.feature.n = PIXELS;
    c->r.x = c->x;
    c->r.s = c->s;
    c->r.y = c->y;
    c->r.of = c->of;
    c->r.used = rows;
    c->r.threshold = 0.5;
    c->r.seed = 11;
}

static void finish(struct siege_case *c)
{
    vec_release(&c->r.measure);
    buf_release(&c->model);
    json_free(c->record);
    diag_release(&c->d);
}

static const struct bench_measure *told(const struct siege_case *c, const char *name,
                                        const char *group)
{
    for (size_t i = 0; i < c->r.measure.n; i++) {
        const struct bench_measure *m = &c->r.measure.v[i];
        if (!strcmp(m->name, name) && !strcmp(m->group, group))
            return m;
    }
    fail_msg("%s %s was not told", name, group);
    return NULL;
}

/* Decisions that are right and nearer than that to the other side. */
static size_t within(const struct siege_case *c, double levels)
{
    size_t n = 0;
    for (size_t i = 0; i < c->r.used; i++)
        n += (c->s[i] >= 0.5) == c->y[i] && c->margin[i] < levels * c->reach;
    return n;
}

static void what_can_turn_turns_and_nothing_else(void **state)
{
    static const int ball[] = {2, 4, 8};
    struct siege_case c;
    double before = 1;
    (void)state;
    begin(&c, ROWS);
    assert_ok(bench_attack_image(&c.r));
    assert_true(c.right > ROWS / 2 && within(&c, 2) > 3 && within(&c, 2) < c.right - 3);
    for (size_t b = 0; b < AM_LEN(ball); b++) {
        char group[32];
        const struct bench_measure *m;
        double turned;
        snprintf(group, sizeof group, "eps=%d/255", ball[b]);
        m = told(&c, "robust_accuracy_ratio", group);
        turned = (1 - m->estimate) * (double)c.right;
        assert_int_equal(m->n, c.right);
        /* never more than is possible; a plane of 16 pixels leaves the attack no excuse
         */
        assert_true(turned <= (double)within(&c, ball[b]) + 1e-9);
        assert_true(turned >= (double)within(&c, 0.95 * ball[b]) - 1e-9);
        assert_true(m->estimate <= before);
        before = m->estimate;
    }
    assert_near(told(&c, "robust_accuracy_ratio", "")->estimate,
                told(&c, "robust_accuracy_ratio", "eps=2/255")->estimate, 0);
    assert_near(told(&c, "clean_accuracy", "")->estimate, (double)c.right / ROWS, 1e-15);
    assert_near(told(&c, "robust_accuracy", "")->estimate * ROWS,
                told(&c, "robust_accuracy_ratio", "")->estimate * (double)c.right, 1e-12);
    finish(&c);
}

static void more_questions_turn_no_fewer(void **state)
{
    static const int budget[] = {50, 100, 250, 500, 1000, 2500, 5000};
    struct siege_case c;
    double before = 0;
    (void)state;
    begin(&c, ROWS);
    assert_ok(bench_attack_image(&c.r));
    for (size_t b = 0; b < AM_LEN(budget); b++) {
        char group[48];
        double share;
        snprintf(group, sizeof group, "eps=2/255;budget=%d", budget[b]);
        share = told(&c, "success_rate", group)->estimate;
        assert_true(share >= before);
        before = share;
    }
    assert_true(before > told(&c, "success_rate", "eps=2/255;budget=50")->estimate);
    assert_true(told(&c, "queries_of_one_attack_max", "")->estimate <= 2500);
    assert_true(told(&c, "distance_median", "")->estimate <= 8);
    assert_string_equal(told(&c, "method_success", "method=hopskipjump")->ci_method,
                        "an_image");
    assert_true(isnan(told(&c, "method_success", "method=leaf_box")->estimate));
    assert_true(!isnan(told(&c, "method_success", "method=square")->estimate));
    finish(&c);
}

static void a_model_that_does_not_open_has_shown_nothing(void **state)
{
    struct siege_case c;
    (void)state;
    begin(&c, 4);
    c.r.model = STR("{}");
    assert_ok(bench_attack_image(&c.r));
    assert_true(isnan(told(&c, "robust_accuracy_ratio", "")->estimate));
    assert_string_equal(told(&c, "robust_accuracy_ratio", "")->ci_method, "model_failed");
    assert_true(isnan(told(&c, "clean_accuracy", "")->estimate));
    finish(&c);
}

static void nothing_right_is_nothing_to_attack(void **state)
{
    struct siege_case c;
    (void)state;
    begin(&c, 4);
    for (size_t i = 0; i < 4; i++)
        c.y[i] = !(c.s[i] >= 0.5);
    assert_ok(bench_attack_image(&c.r));
    assert_true(isnan(told(&c, "robust_accuracy_ratio", "")->estimate));
    assert_near(told(&c, "clean_accuracy", "")->estimate, 0, 0);
    assert_string_equal(told(&c, "method_success", "method=square")->ci_method,
                        "nothing_to_attack");
    finish(&c);
}

/* Every allocation of the beginning, then ever fewer: an attack makes thousands alike. */
static void no_memory_is_an_error_and_leaks_nothing(void **state)
{
    struct siege_case c;
    long failed = 0;
    bool more = true;
    (void)state;
    begin(&c, 1);
    c.y[0] = c.s[0] >= 0.5;
    for (long n = 1; more; n += n < 40 ? 1 : n) {
        int err;
        am_oom_at(n);
        err = bench_attack_image(&c.r);
        more = am_oom_at(0);
        if (!more)
            assert_ok(err);
        else /* a worker that could not be started is a model that says nothing */
            assert_true(err == AM_E_NOMEM ||
                        isnan(told(&c, "clean_accuracy", "")->estimate));
        failed += more;
        c.r.measure.n = 0;
    }
    assert_true(failed > 10);
    finish(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(what_can_turn_turns_and_nothing_else),
        TEST(more_questions_turn_no_fewer),
        TEST(a_model_that_does_not_open_has_shown_nothing),
        TEST(nothing_right_is_nothing_to_attack),
        TEST(no_memory_is_an_error_and_leaks_nothing),
    };
    int code = model_test_worker(argc, argv);
    return code < 0 ? cmocka_run_group_tests(t, NULL, NULL) : code;
}
