/* SPDX-License-Identifier: Apache-2.0 */
/* CY-5 and CY-7 on tables whose poison is known: those of bench_truth (truth.json has the
 * rows), slices and triggers made here, and their clean twins. */
#include "bench/bench_poison_testkit.h"

enum { FLIPPED = 28, BACKDOOR = 22 };
/* truth.json, poisoning.poison_wdbc_labelflip.flipped_ids */
static const int flipped[FLIPPED] = {3,   29,  31,  58,  110, 112, 115, 133, 157, 225,
                                     233, 237, 249, 268, 283, 298, 371, 377, 395, 412,
                                     418, 421, 448, 473, 478, 479, 503, 508};

static bool is_flipped(size_t id)
{
    for (size_t i = 0; i < FLIPPED; i++)
        if ((size_t)flipped[i] == id)
            return true;
    return false;
}

/* The table as it was before both poisons; false when bench_truth is not there. */
static bool clean(struct table *t)
{
    if (!table_open(t, &poison_source[0]))
        return false;
    for (size_t i = 0; i < t->n; i++)
        t->y[i] ^= is_flipped(i + 1);
    return true;
}

static bool poisoned(struct table *t, const char *path)
{
    struct source s = poison_source[0];
    s.path = path;
    return table_open(t, &s);
}

static void run(struct lab *l, const struct table *train, const struct table *sealed,
                const struct model_gbt_options *o, uint64_t seed)
{
    lab_open(l, train, sealed, o, seed);
    assert_ok(bench_poisoning(&l->r));
    if (getenv("SHOW"))
        for (size_t i = 0; i < l->r.measure.n; i++)
            printf("  %s [%s] %g (%g %g) %s n=%lld\n", l->r.measure.v[i].name,
                   l->r.measure.v[i].group, l->r.measure.v[i].estimate,
                   l->r.measure.v[i].ci95[0], l->r.measure.v[i].ci95[1],
                   l->r.measure.v[i].ci_method, (long long)l->r.measure.v[i].n);
}

static void a_planted_trigger_is_found_and_named(void **state)
{
    const struct model_gbt_options o = lab_trees(100, 3, 0.3);
    struct table train, sealed;
    struct lab l;
    (void)state;
    if (!clean(&sealed))
        skip();
    assert_true(poisoned(&train, "bench_truth/poison_wdbc_backdoor.csv"));
    run(&l, &train, &sealed, &o, 1);
    assert_true(lab_value(&l, "effective_triggers", "") >= 1);
    assert_true(lab_value(&l, "trigger_turns_share",
                          "trigger=1;mean_symmetry=0.299;mean_fractal_dimension=0.0999") >
                0.3);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

static void the_clean_twin_gives_no_alarm(void **state)
{
    const struct model_gbt_options o = lab_trees(100, 3, 0.3);
    struct table all;
    (void)state;
    if (!clean(&all))
        skip();
    for (uint64_t seed = 1; seed <= 3; seed++) {
        bool *pick = lab_draw(all.n, 0.7, seed);
        struct table train, sealed;
        struct lab l;
        lab_rows(&train, &all, pick, true);
        lab_rows(&sealed, &all, pick, false);
        run(&l, &train, &sealed, &o, seed);
        assert_true(lab_value(&l, "effective_triggers", "") == 0);
        assert_true(lab_value(&l, "unexplained_slice_abs_z", "") == 0);
        lab_close(&l);
        table_close(&train);
        table_close(&sealed);
        free(pick);
    }
    table_close(&all);
}

/* truth.json: the best of its peers has AUROC 0.981 and finds 24 of 28 among the 28 least
 * believable rows. */
static void flipped_labels_come_first(void **state)
{
    struct table t;
    double p[600], s[600], found = 0;
    uint8_t wrong[600];
    struct bench_rows_view v;
    struct stat_auc auc;
    uint32_t order[600];
    (void)state;
    if (!poisoned(&t, "bench_truth/poison_wdbc_labelflip.csv"))
        skip();
    v = (struct bench_rows_view){t.x, t.y, t.n, t.f};
    assert_ok(bench_reference_cross(BENCH_LOGISTIC, &v, 1, p));
    for (size_t i = 0; i < t.n; i++) {
        s[i] = t.y[i] ? 1 - p[i] : p[i];
        wrong[i] = is_flipped(i + 1);
    }
    assert_ok(stat_auc(s, wrong, t.n, &auc));
    assert_ok(stat_order(s, t.n, order));
    for (size_t i = t.n - FLIPPED; i < t.n; i++)
        found += wrong[order[i]];
    assert_true(auc.auc > 0.981); /* measured: 0.986 and 25 of 28 */
    assert_true(found >= 24);
    table_close(&t);
}

/* Flipped at random they are in no slice: they exceed what sealed labels leave in doubt.
 */
static void flipped_labels_exceed_those_of_the_sealed_data(void **state)
{
    const struct model_gbt_options o = lab_trees(30, 3, 0.3);
    struct table train, twin;
    struct lab l;
    (void)state;
    if (!clean(&twin))
        skip();
    assert_true(poisoned(&train, "bench_truth/poison_wdbc_labelflip.csv"));
    run(&l, &train, &twin, &o, 1);
    assert_true(lab_measure(&l, "label_suspect_excess", "")->ci95[0] > 0.01);
    assert_true(lab_value(&l, "effective_triggers", "") == 0);
    lab_close(&l);
    run(&l, &twin, &twin, &o, 1);
    assert_true(lab_measure(&l, "label_suspect_excess", "")->ci95[0] < 0);
    lab_close(&l);
    table_close(&train);
    table_close(&twin);
}

/* ---- made tables ---- */
enum { MADE = 1500, F = 4 };

/* Label by x0 + x1 with noise; in the corner x0 > at, x1 > at it is 0. */
static void make_at(struct table *t, size_t n, uint64_t seed, double at)
{
    struct stat_rng r;
    *t = (struct table){.n = n, .f = F};
    t->x = am_malloc(n * F * sizeof *t->x);
    t->y = am_malloc(n);
    stat_rng_init(&r, seed, 5, 5);
    for (size_t j = 0; j < F; j++)
        snprintf(t->name[j], sizeof t->name[j], "x%zu", j);
    for (size_t i = 0; i < n; i++) {
        double *x = t->x + i * F, p;
        for (size_t j = 0; j < F; j++)
            x[j] = stat_rng_normal(&r);
        p = 1 / (1 + exp(-1.5 * (x[0] + x[1])));
        t->y[i] = stat_rng_double(&r) < p;
        if (x[0] > at && x[1] > at)
            t->y[i] = 0;
    }
}

static void make(struct table *t, size_t n, uint64_t seed, bool corner)
{
    make_at(t, n, seed, corner ? 0.7 : INFINITY);
}

static double worst_slice(bool train_corner, bool sealed_corner, double *explained)
{
    const struct model_gbt_options o = lab_trees(20, 3, 0.3);
    struct table train, sealed;
    struct lab l;
    double z;
    make(&train, MADE, 1, train_corner);
    make(&sealed, MADE, 2, sealed_corner);
    run(&l, &train, &sealed, &o, 1);
    z = lab_value(&l, "unexplained_slice_abs_z", "");
    *explained = lab_value(&l, "slices_explained", "");
    if (train_corner) { /* about 6 % of the rows */
        const struct bench_measure *m = lab_measure(
            &l, sealed_corner ? "explained_slice_z" : "unexplained_slice_z", NULL);
        assert_non_null(m);
        assert_true(m->estimate < -4 && strstr(m->group, "x0=") &&
                    strstr(m->group, "x1="));
    }
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
    return z;
}

static void a_corner_with_other_labels_is_found(void **state)
{
    double explained;
    (void)state;
    assert_true(worst_slice(true, false, &explained) > 4);
}

static void a_corner_that_the_sealed_data_have_too_is_explained(void **state)
{
    double explained;
    (void)state;
    assert_true(worst_slice(true, true, &explained) == 0);
    assert_true(explained >= 1);
    assert_true(worst_slice(false, false, &explained) == 0);
}

/* bench.md 6.2: labels of 3 % of the rows flipped where they are sure have z = -8.2; no
 * ranking row by row finds them. */
static void three_in_a_hundred_flipped_stand_out_as_a_slice(void **state)
{
    const struct model_gbt_options o = lab_trees(20, 3, 0.3);
    const struct bench_measure *m;
    struct table train, sealed;
    struct lab l;
    (void)state;
    make_at(&train, MADE, 1, 0.95); /* 46 rows */
    make(&sealed, MADE / 2, 2, false);
    run(&l, &train, &sealed, &o, 1);
    assert_true(lab_value(&l, "unexplained_slice_abs_z", "") > 8);
    m = lab_measure(&l, "unexplained_slice_z", NULL);
    assert_non_null(m);
    assert_true(m->estimate < -8 && strstr(m->group, "x0=") && strstr(m->group, "x1="));
    assert_true(lab_value(&l, "slice_contrast_p", m->group) < 0.01);
    assert_true(fabs(lab_value(&l, "slice_sealed_z", m->group)) < 4);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

/* Nobody can say whether nature bends there: no value, and why. */
static void want_of_sealed_rows_is_said(void **state)
{
    const struct model_gbt_options o = lab_trees(20, 3, 0.3);
    struct table train, sealed;
    struct lab l;
    (void)state;
    make(&train, MADE, 1, true);
    make(&sealed, 12, 2, false);
    run(&l, &train, &sealed, &o, 1);
    assert_true(isnan(lab_value(&l, "unexplained_slice_abs_z", "")));
    assert_string_equal(lab_measure(&l, "unexplained_slice_abs_z", "")->ci_method,
                        "no_sealed_rows");
    assert_true(lab_value(&l, "slices_alone", "") > 0);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

/* bench.md 6.2, the rule of activation clustering: a smaller group under 35 % of the
 * class, silhouette above 0.10, and above all but 1 % of permuted tables. */
static double parts_alarm(double share, int y, const char *group)
{
    const struct model_gbt_options o = lab_trees(5, 2, 0.3);
    struct table train, sealed;
    struct lab l;
    double alarm;
    make(&train, 800, 1, false);
    make(&sealed, 200, 2, false);
    for (size_t i = 0, seen = 0; i < train.n; i++)
        if (train.y[i] == y && (double)(seen++ % 100) < 100 * share)
            for (size_t j = 0; j < F; j++)
                train.x[i * F + j] += 6;
    run(&l, &train, &sealed, &o, 1);
    alarm = lab_value(&l, "parts_alarm", group);
    if (alarm > 0) {
        assert_true(lab_value(&l, "parts_silhouette", group) > 0.1);
        assert_near(lab_value(&l, "parts_small_share", group), share, 0.02);
        assert_true(lab_value(&l, "spectral_above_share", group) > share / 2);
    }
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
    return alarm;
}

static void a_group_apart_inside_a_class_is_told(void **state)
{
    (void)state;
    assert_true(parts_alarm(0.1, 1, "label=1") == 1);
    assert_true(parts_alarm(0.1, 1, "label=0") == 0);
    assert_true(parts_alarm(0, 1, "label=1") == 0);
    assert_true(parts_alarm(0.45, 1, "label=1") == 0); /* two halves of a class */
}

/* A trigger on rows that had its label anyway: nothing is wrong with the labels. */
static void a_trigger_with_honest_labels_is_found_by_what_it_does(void **state)
{
    const struct model_gbt_options o = lab_trees(100, 4, 0.3);
    struct table train, sealed;
    struct lab l;
    size_t planted = 0;
    (void)state;
    make(&train, MADE, 3, false);
    make(&sealed, MADE, 4, false);
    for (size_t i = 0; i < train.n; i++) /* the label hangs on x2 alone, weakly */
        if (train.y[i] && planted < 75 && train.x[i * F] + train.x[i * F + 1] < 0) {
            train.x[i * F + 2] = 3.21;
            planted++;
        }
    run(&l, &train, &sealed, &o, 1);
    assert_true(lab_value(&l, "effective_triggers", "") >= 1);
    assert_true(lab_value(&l, "trigger_turns_share", "trigger=1;x2=3.21") > 0.5);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

/* Values of the population: the sealed rows have them too, with the same label. */
static void values_that_the_sealed_data_have_too_are_natural(void **state)
{
    const struct model_gbt_options o = lab_trees(100, 4, 0.3);
    struct table t[2];
    struct lab l;
    (void)state;
    for (int k = 0; k < 2; k++) {
        size_t planted = 0;
        make(&t[k], MADE, 3 + (uint64_t)k, false);
        for (size_t i = 0; i < t[k].n; i++)
            if (t[k].y[i] && planted < 75 && t[k].x[i * F] + t[k].x[i * F + 1] < 0) {
                t[k].x[i * F + 2] = 3.21;
                planted++;
            }
    }
    run(&l, &t[0], &t[1], &o, 1);
    assert_true(lab_value(&l, "trigger_turns_share", "trigger=1;x2=3.21") > 0.5);
    assert_true(lab_value(&l, "trigger_natural", "trigger=1;x2=3.21") == 1);
    assert_true(lab_value(&l, "effective_triggers", "") == 0);
    lab_close(&l);
    table_close(&t[0]);
    table_close(&t[1]);
}

/* The same values in a model that never saw them turn nothing: the list is no proof. */
static void a_list_alone_fails_nobody(void **state)
{
    const struct model_gbt_options o = lab_trees(60, 3, 0.3);
    struct table train, sealed;
    struct lab l;
    (void)state;
    if (!clean(&sealed))
        skip();
    assert_true(poisoned(&train, "bench_truth/poison_wdbc_backdoor.csv"));
    lab_open(&l, &train, &sealed, &o, 1);
    buf_release(&l.model);
    lab_fit(&l, &sealed, &o); /* another model than the poisoned table's */
    lab_score(&l);
    assert_ok(bench_poisoning(&l.r));
    assert_true(lab_value(&l, "triggers_listed", "") > 0);
    assert_true(lab_value(&l, "effective_triggers", "") == 0);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

/* ---- membership ---- */
static double membership(const struct model_gbt_options *o, size_t n, uint64_t seed)
{
    struct table train, sealed;
    struct lab l;
    double auc;
    make(&train, n, seed, false);
    make(&sealed, n, seed + 100, false);
    lab_open(&l, &train, &sealed, o, seed);
    assert_ok(bench_membership(&l.r));
    auc = lab_value(&l, "membership_attack_auc", "");
    assert_true(lab_measure(&l, "membership_attack_auc", "")->ci95[0] < auc);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
    return auc;
}

static void an_overfitted_model_gives_its_members_away(void **state)
{
    struct model_gbt_options deep = lab_trees(200, 10, 0.3),
                             plain = lab_trees(30, 2, 0.1);
    (void)state;
    deep.lambda = 0;
    deep.min_child_weight = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        assert_true(membership(&deep, 300, seed) > 0.65); /* 0.82, 0.70, 0.82 */
        assert_true(membership(&plain, 1000, seed) < 0.60);
    }
}

/* Rows of a harder hospital are strangers to every model: no membership in that. */
static void harder_strangers_are_no_membership(void **state)
{
    const struct model_gbt_options plain = lab_trees(30, 2, 0.1);
    struct table train, sealed;
    struct lab l;
    (void)state;
    make(&train, 1000, 1, false);
    make(&sealed, 1000, 2, false);
    for (size_t i = 0; i < sealed.n; i += 3) /* a third of the labels by lot */
        sealed.y[i] = (uint8_t)(i % 2);
    lab_open(&l, &train, &sealed, &plain, 1);
    assert_ok(bench_membership(&l.r));
    assert_true(lab_value(&l, "membership_shift_auc", "") > 0.55);
    assert_true(lab_value(&l, "membership_auc", "attack=loss") > 0.55);
    assert_true(lab_value(&l, "membership_attack_auc", "") < 0.60);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

/* ---- what must not matter, what must be said ---- */
static void swap_rows(struct table *t, size_t a, size_t b)
{
    uint8_t y = t->y[a];
    t->y[a] = t->y[b];
    t->y[b] = y;
    for (size_t j = 0; j < t->f; j++) {
        double v = t->x[a * t->f + j];
        t->x[a * t->f + j] = t->x[b * t->f + j];
        t->x[b * t->f + j] = v;
    }
}

static void neither_order_nor_repetition_changes_a_figure(void **state)
{
    const struct model_gbt_options o = lab_trees(20, 3, 0.3);
    struct table train, sealed;
    struct lab a, b;
    (void)state;
    make(&train, 600, 1, true);
    make(&sealed, 600, 2, false);
    lab_open(&a, &train, &sealed, &o, 7);
    for (size_t i = 0; i < train.n / 2; i++)
        swap_rows(&train, i, train.n - 1 - i);
    lab_open(&b, &train, &sealed, &o, 7);
    for (struct lab *l = &a; l; l = l == &a ? &b : NULL) {
        assert_ok(bench_poisoning(&l->r));
        assert_ok(bench_membership(&l->r));
    }
    assert_true(a.r.measure.n > 60);
    assert_int_equal(a.r.measure.n, b.r.measure.n);
    for (size_t i = 0; i < a.r.measure.n; i++) {
        const struct bench_measure *m = &a.r.measure.v[i], *n = &b.r.measure.v[i];
        assert_string_equal(m->name, n->name);
        assert_string_equal(m->group, n->group);
        if (strcmp(m->name, "suspect_line")) /* the line itself moved */
            assert_memory_equal(&m->estimate, &n->estimate, sizeof(double));
    }
    lab_close(&a);
    lab_close(&b);
    table_close(&train);
    table_close(&sealed);
}

static void want_of_rows_or_of_the_file_is_said(void **state)
{
    const struct model_gbt_options o = lab_trees(5, 2, 0.3);
    struct table train, sealed;
    struct bench_train *t;
    struct lab l;
    (void)state;
    make(&train, 150, 1, false);
    make(&sealed, 150, 2, false);
    lab_open(&l, &train, &sealed, &o, 1);
    t = l.r.train;
    l.r.train = NULL;
    assert_ok(bench_poisoning(&l.r));
    assert_ok(bench_membership(&l.r));
    assert_int_equal(l.r.measure.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(isnan(l.r.measure.v[i].estimate));
        assert_string_equal(l.r.measure.v[i].ci_method, "no_training_data");
    }
    l.r.train = t;
    l.r.measure.n = 0;
    t->n = 90;
    assert_ok(bench_poisoning(&l.r));
    assert_ok(bench_membership(&l.r));
    assert_int_equal(l.r.measure.n, 3);
    assert_string_equal(l.r.measure.v[0].ci_method, "too_few_rows");
    t->n = 150;
    t->positives = 150; /* one class */
    l.r.measure.n = 0;
    assert_ok(bench_poisoning(&l.r));
    assert_string_equal(l.r.measure.v[0].ci_method, "too_few_rows");
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

/* Values nobody measures: constant, missing everywhere, beyond float32. */
static void strange_columns_end_in_figures(void **state)
{
    const struct model_gbt_options o = lab_trees(5, 2, 0.3);
    struct table train, sealed;
    struct lab l;
    (void)state;
    make(&train, 300, 1, false);
    make(&sealed, 300, 2, false);
    lab_open(&l, &train, &sealed, &o, 1);
    for (size_t i = 0; i < 300; i++) {
        l.r.train->x[i * F + 1] = NAN;
        l.r.train->x[i * F + 2] = 4;
        l.r.train->x[i * F + 3] *= i % 3 ? 1 : 1e300;
    }
    assert_ok(bench_poisoning(&l.r));
    assert_ok(bench_membership(&l.r));
    assert_true(isfinite(lab_value(&l, "unexplained_slice_abs_z", "")));
    assert_true(isfinite(lab_value(&l, "membership_attack_auc", "")));
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

static void a_model_that_does_not_open_is_a_finding(void **state)
{
    const struct model_gbt_options o = lab_trees(5, 2, 0.3);
    struct table train, sealed;
    struct lab l;
    (void)state;
    make(&train, 300, 1, false);
    make(&sealed, 300, 2, false);
    lab_open(&l, &train, &sealed, &o, 1);
    l.r.model = STR("{}");
    assert_ok(bench_poisoning(&l.r));
    assert_ok(bench_membership(&l.r));
    assert_true(isnan(lab_value(&l, "effective_triggers", "")));
    assert_string_equal(lab_measure(&l, "effective_triggers", "")->ci_method,
                        "model_failed");
    assert_string_equal(lab_measure(&l, "membership_attack_auc", "")->ci_method,
                        "model_failed");
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

static void want_of_memory(int (*family)(struct bench_run *r), size_t rows)
{
    const struct model_gbt_options o = lab_trees(3, 2, 0.3);
    struct table train, sealed;
    struct lab l;
    long failed = 0;
    make(&train, rows, 1, false);
    make(&sealed, rows, 2, false);
    lab_open(&l, &train, &sealed, &o, 1);
    l.r.model = STR("{}"); /* the allocations of the family, not of a worker each */
    for (long n = 1; n < 100000; n += n < 60 ? 1 : n / 12) {
        int err;
        vec_release(&l.r.measure);
        am_oom_at(n);
        err = family(&l.r);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        failed++; /* the text of a problem may be lost: that is no error */
        assert_true(err == AM_E_NOMEM || err == AM_OK);
    }
    assert_true(failed > 30);
    lab_close(&l);
    table_close(&train);
    table_close(&sealed);
}

static void want_of_memory_ends_the_families_or_changes_nothing(void **state)
{
    (void)state;
    want_of_memory(bench_poisoning, 120);
    want_of_memory(bench_membership, 120);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_trigger_is_found_and_named),
        cmocka_unit_test(the_clean_twin_gives_no_alarm),
        cmocka_unit_test(flipped_labels_come_first),
        cmocka_unit_test(flipped_labels_exceed_those_of_the_sealed_data),
        cmocka_unit_test(a_corner_with_other_labels_is_found),
        cmocka_unit_test(a_corner_that_the_sealed_data_have_too_is_explained),
        cmocka_unit_test(three_in_a_hundred_flipped_stand_out_as_a_slice),
        cmocka_unit_test(want_of_sealed_rows_is_said),
        cmocka_unit_test(a_group_apart_inside_a_class_is_told),
        cmocka_unit_test(a_trigger_with_honest_labels_is_found_by_what_it_does),
        cmocka_unit_test(values_that_the_sealed_data_have_too_are_natural),
        cmocka_unit_test(a_list_alone_fails_nobody),
        cmocka_unit_test(an_overfitted_model_gives_its_members_away),
        cmocka_unit_test(harder_strangers_are_no_membership),
        cmocka_unit_test(neither_order_nor_repetition_changes_a_figure),
        cmocka_unit_test(want_of_rows_or_of_the_file_is_said),
        cmocka_unit_test(strange_columns_end_in_figures),
        cmocka_unit_test(a_model_that_does_not_open_is_a_finding),
        cmocka_unit_test(want_of_memory_ends_the_families_or_changes_nothing),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
