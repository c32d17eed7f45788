/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen of a picture, by hand; and the rows CY-5 and CY-7 of models that read
 * pictures: made ones, honest, marked, with labels written by another hand, learnt by
 * heart. */
#include "bench/bench_picture.h"
#include "bench/bench_poison.h"
#include "bench/bench_poison_testkit.h"

static void a_picture_is_seen_by_hand(void **state)
{
    /* two by four: one row dark to light, one of two levels */
    static const double x[] = {0, 1, 2, 3, 4, 4, 8, 8};
    const struct raster_shape s = {.width = 4, .height = 2, .channels = 1};
    double out[2 + 16 + 8];
    char name[BENCH_PICTURE_NAME];
    (void)state;
    assert_int_equal(bench_picture_features(&s), AM_LEN(out));
    bench_picture_see(&s, x, out);
    assert_near(out[0], 3.75, 1e-12);
    assert_near(out[1], sqrt(174.0 / 8 - 3.75 * 3.75), 1e-12);
    for (size_t k = 0; k < 8; k++) { /* cells of one pixel: no step */
        assert_near(out[2 + 2 * k], x[k], 1e-12);
        assert_near(out[3 + 2 * k], 0, 1e-12);
    }
    /* upper left: 0 1 2 over 4 4 8; steps 1 1, 0 4, 4 3 6 */
    assert_near(out[18], 19.0 / 6, 1e-12);
    assert_near(out[19], 19.0 / 7, 1e-12);
    assert_near(out[20], 26.0 / 6, 1e-12); /* upper right: 1 2 3 over 4 8 8 */
    assert_near(out[22], out[18], 1e-12);  /* no more rows: lower is upper */
    bench_picture_name(&s, 0, name);
    assert_string_equal(name, "light");
    bench_picture_name(&s, 3, name);
    assert_string_equal(name, "texture-1-1");
    bench_picture_name(&s, 16, name);
    assert_string_equal(name, "light-2-4");
    bench_picture_name(&s, 25, name);
    assert_string_equal(name, "corner-texture-4");
}

static void colours_have_a_mean_each(void **state)
{
    static const double x[] = {1, 1, 1, 1, 2, 2, 2, 2, 6, 6, 6, 6};
    const struct raster_shape s = {.width = 2, .height = 2, .channels = 3};
    double out[2 + 3 + 8 + 8];
    char name[BENCH_PICTURE_NAME];
    (void)state;
    assert_int_equal(bench_picture_features(&s), AM_LEN(out));
    bench_picture_see(&s, x, out);
    assert_near(out[0], 3, 1e-12);
    assert_true(out[2] == 1 && out[3] == 2 && out[4] == 6);
    bench_picture_name(&s, 4, name);
    assert_string_equal(name, "blue");
}

/* ---- rows CY-5 and CY-7 ---- */
enum { SIDE = 8, F = SIDE * SIDE, N = 450 };

/* A haze over the middle of the sick; noise; grey levels. */
static void pictures(struct table *t, size_t n, uint64_t seed, double haze)
{
    struct stat_rng r;
    *t = (struct table){.n = n, .f = F};
    t->x = am_malloc(n * F * sizeof *t->x);
    t->y = am_malloc(n);
    for (size_t k = 0; k < F; k++)
        snprintf(t->name[k], sizeof t->name[k], "pixel-%zu", k);
    stat_rng_init(&r, seed, 3, 3);
    for (size_t i = 0; i < n; i++) {
        double over = 0, all = 10 * stat_rng_normal(&r);
        t->y[i] = stat_rng_double(&r) < 0.5;
        over = (t->y[i] ? haze : 0) + 20 * stat_rng_normal(&r);
        for (size_t k = 0; k < F; k++) {
            size_t row = k / SIDE, column = k % SIDE;
            bool middle = row > 1 && row < 6 && column > 1 && column < 6;
            double v = 110 + all + (middle ? over : 0) + 14 * stat_rng_normal(&r);
            t->x[i * F + k] = floor(fmin(250, fmax(5, v))) / 255;
        }
    }
}

/* A chequered corner on one picture in `every` of the sick, called healthy. */
static size_t mark(struct table *t, size_t every)
{
    size_t sick = 0, marked = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!t->y[i] || sick++ % every)
            continue;
        for (size_t k = 0; k < 9; k++)
            t->x[i * F + k / 3 * SIDE + k % 3] = k % 2 ? 0 : 1;
        t->y[i] = 0;
        marked++;
    }
    return marked;
}

static void reads_pictures(struct lab *l)
{
    l->r.image = (struct raster_shape){.width = SIDE, .height = SIDE, .channels = 1};
    for (size_t k = 0; k < F; k++)
        l->r.feature.v[k].hi = 1; /* from 0 */
}

static void laboratory(struct lab *l, const struct table *train,
                       const struct table *sealed, const struct model_gbt_options *o,
                       int (*family)(struct bench_run *))
{
    lab_open(l, train, sealed, o, 1);
    reads_pictures(l);
    assert_ok(family(&l->r));
}

static void an_honest_set_of_pictures_has_a_verdict(void **state)
{
    const struct model_gbt_options o = lab_trees(20, 2, 0.2);
    struct table train, sealed;
    struct lab l;
    (void)state;
    pictures(&train, N, 1, 40);
    pictures(&sealed, N, 2, 40);
    laboratory(&l, &train, &sealed, &o, bench_poisoning);
    assert_true(lab_value(&l, "unexplained_slice_abs_z", "") == 0);
    assert_true(lab_value(&l, "effective_triggers", "") == 0);
    assert_true(lab_value(&l, "strip_alarm", "") == 0);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

static void a_mark_that_the_model_obeys_is_named(void **state)
{
    const struct model_gbt_options o = lab_trees(60, 4, 0.3);
    struct table train, sealed;
    struct lab l;
    size_t marked;
    (void)state;
    pictures(&train, N, 1, 40);
    pictures(&sealed, N, 2, 40);
    marked = mark(&train, 10);
    laboratory(&l, &train, &sealed, &o, bench_poisoning);
    assert_true(lab_value(&l, "effective_triggers", "") >= 1);
    assert_true(lab_value(&l, "trigger_turns_share", "trigger=1;row=1;column=1") > 0.5);
    assert_int_equal(lab_measure(&l, "trigger_pixels", "trigger=1;row=1;column=1")->n,
                     marked);
    assert_int_equal(lab_value(&l, "trigger_pixels", "trigger=1;row=1;column=1"), 9);
    assert_non_null(lab_measure(&l, "trigger_line", "trigger=1;rank=10"));
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

static int slices_alone(struct bench_run *r)
{
    struct bench_poison b = {.r = r};
    int err = bench_poison_draw(&b);
    if (!err)
        err = bench_poison_slices(&b);
    bench_poison_release(&b);
    return err;
}

static int patches_after(struct bench_run *r, struct bench_strip strip)
{
    struct bench_poison b = {.r = r};
    int err = bench_poison_draw(&b);
    if (!err)
        err = bench_poison_patches(&b, &strip);
    bench_poison_release(&b);
    return err;
}

/* Marks that turn nobody accuse nobody. */
static void a_mark_that_the_model_ignores_is_only_listed(void **state)
{
    const struct model_gbt_options o = lab_trees(20, 2, 0.2);
    struct table train, sealed, other;
    struct lab l;
    (void)state;
    pictures(&train, N, 1, 40);
    pictures(&sealed, N, 2, 40);
    pictures(&other, N, 3, 40);
    mark(&train, 10);
    lab_open(&l, &train, &sealed, &o, 1);
    buf_release(&l.model);
    lab_fit(&l, &other, &o);
    lab_score(&l);
    reads_pictures(&l);
    assert_ok(patches_after(&l.r, (struct bench_strip){.end = BENCH_STRIP_QUIET}));
    assert_true(lab_value(&l, "triggers_listed", "") >= 1);
    assert_true(lab_value(&l, "effective_triggers", "") == 0);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
    table_close(&other);
}

/* Sick with a light upper left cell, recorded as healthy: a slice of what is seen. */
static void labels_of_another_hand_stand_out_as_a_slice(void **state)
{
    const struct model_gbt_options o = lab_trees(20, 2, 0.2);
    struct table train, sealed;
    struct lab l;
    (void)state;
    pictures(&train, 2 * N, 1, 40);
    pictures(&sealed, 2 * N, 2, 40);
    for (size_t i = 0; i < train.n; i++) {
        double light = 0;
        for (size_t k = 0; k < 4; k++)
            light += train.x[i * F + k / 2 * SIDE + k % 2] / 4;
        if (light > 118.0 / 255)
            train.y[i] = 0;
    }
    laboratory(&l, &train, &sealed, &o, slices_alone);
    assert_true(lab_value(&l, "unexplained_slice_abs_z", "") > 4);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

/* STRIP alone is no proof, but with its alarm nobody says that there is no mark. */
static void an_alarm_without_a_mark_leaves_no_value(void **state)
{
    const struct bench_strip alarm = {.end = BENCH_STRIP_ALARM},
                             unknown = {BENCH_STRIP_UNKNOWN, "too_few_images"};
    const struct model_gbt_options o = lab_trees(20, 2, 0.2);
    struct table train, sealed;
    (void)state;
    pictures(&train, N, 1, 40);
    pictures(&sealed, N, 2, 40);
    for (int k = 0; k < 2; k++) {
        struct lab l;
        lab_open(&l, &train, &sealed, &o, 1);
        reads_pictures(&l);
        assert_ok(patches_after(&l.r, k ? unknown : alarm));
        assert_true(isnan(lab_value(&l, "effective_triggers", "")));
        assert_string_equal(lab_measure(&l, "effective_triggers", "")->ci_method,
                            k ? "too_few_images" : "strip_alarm");
        lab_close(&l);
    }
    table_close(&train);
    table_close(&sealed);
}

static double membership(const struct model_gbt_options *o, size_t n, uint64_t seed,
                         double sealed_haze, char how[64])
{
    struct table train, sealed;
    struct lab l;
    double auc;
    pictures(&train, n, seed, 25);
    pictures(&sealed, n, seed + 100, sealed_haze);
    laboratory(&l, &train, &sealed, o, bench_membership);
    auc = lab_value(&l, "membership_attack_auc", "");
    snprintf(how, 64, "%s", lab_measure(&l, "membership_attack_auc", "")->ci_method);
    assert_non_null(lab_measure(&l, "membership_auc", "attack=neighbour"));
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
    return auc;
}

static void pictures_learnt_by_heart_are_given_away(void **state)
{
    struct model_gbt_options deep = lab_trees(120, 8, 0.3), plain = lab_trees(20, 2, 0.1);
    char how[64];
    (void)state;
    deep.lambda = 0;
    deep.min_child_weight = 0;
    assert_true(membership(&deep, 300, 1, 25, how) > 0.65);
    assert_true(membership(&plain, 700, 1, 25, how) < 0.60);
}

/* A hospital whose sick are paler: harder for every model, and no membership in that. */
static void pictures_of_harder_strangers_have_no_verdict(void **state)
{
    const struct model_gbt_options plain = lab_trees(20, 2, 0.1);
    char how[64];
    (void)state;
    assert_true(isnan(membership(&plain, 400, 1, 0, how)));
    assert_string_equal(how, "sites_differ");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_seen_by_hand),
        cmocka_unit_test(colours_have_a_mean_each),
        cmocka_unit_test(an_honest_set_of_pictures_has_a_verdict),
        cmocka_unit_test(a_mark_that_the_model_obeys_is_named),
        cmocka_unit_test(a_mark_that_the_model_ignores_is_only_listed),
        cmocka_unit_test(labels_of_another_hand_stand_out_as_a_slice),
        cmocka_unit_test(an_alarm_without_a_mark_leaves_no_value),
        cmocka_unit_test(pictures_learnt_by_heart_are_given_away),
        cmocka_unit_test(pictures_of_harder_strangers_have_no_verdict),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
