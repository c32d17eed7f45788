/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_testkit.h"

/* One site of `pos` sick and `neg` healthy persons; x as given, "?" is missing. */
static void open_with(struct kit *k, int pos, int neg, const char *sick, const char *well,
                      const char *more)
{
    struct buf b;
    kit_open(k, more);
    buf_init(&b, 1 << 20);
    assert_ok(buf_adds(&b, "id,x,y,s,a\n"));
    for (int i = 0; i < pos; i++)
        assert_ok(buf_addf(&b, "p%d,%s,yes,F,50\n", i, sick));
    for (int i = 0; i < neg; i++)
        assert_ok(buf_addf(&b, "n%d,%s,no,F,50\n", i, well));
    write_data(k, "east", b.p);
    write_data(k, "west", "id,x,y,s,a\nq1,7,yes,F,50\nq2,7,no,F,50\n");
    buf_release(&b);
}

static bool refused(int pos, int neg, const char *sick, const char *well,
                    const char *more)
{
    struct kit k;
    int err;
    bool named = false;
    open_with(&k, pos, neg, sick, well, more);
    err = bench_run(&k.run, &k.in, &k.d);
    for (size_t i = 0; i < k.d.n; i++)
        named |= !strcmp(k.d.item[i].code, "bench.leaked_label") &&
                 !strcmp(k.d.item[i].path, "/manifest/features/x/decisive");
    if (err && !named)
        fail_msg("%s %s", k.d.item[0].path, k.d.item[0].detail);
    assert_int_equal(err, named ? AM_E_INVALID : AM_OK);
    kit_close(&k);
    return named;
}

static void an_input_that_is_the_label_is_refused_whatever_its_direction(void **state)
{
    (void)state;
    assert_true(refused(300, 300, "30", "5", ""));
    assert_true(refused(300, 300, "5", "30", ""));
}

static void declared_decisive_it_is_measured(void **state)
{
    (void)state;
    assert_true(
        refused(300, 300, "30", "5", ",\"features\":{\"x\":{\"decisive\":false}}"));
    assert_false(
        refused(300, 300, "30", "5", ",\"features\":{\"x\":{\"decisive\":true}}"));
}

/* A record that lets x be missing. */
static void let_missing(struct kit *k)
{
    static const char was[] = "\"missing_allowed\":false";
    char *at = strstr(k->record.p, was);
    struct buf b;
    assert_non_null(at);
    buf_init(&b, 1 << 20);
    assert_ok(buf_addf(&b, "%.*s\"missing_allowed\":true%s", (int)(at - k->record.p),
                       k->record.p, at + sizeof was - 1));
    json_free(k->record_doc);
    assert_ok(json_parse(&k->record_doc, buf_str(&b), NULL, &k->d));
    k->in.record = json_root(k->record_doc);
    buf_release(&b);
}

static void a_test_only_done_after_the_outcome_is_refused_too(void **state)
{
    struct kit k;
    (void)state;
    open_with(&k, 300, 300, "20", "?", "");
    let_missing(&k);
    assert_int_equal(bench_run(&k.run, &k.in, &k.d), AM_E_INVALID);
    assert_true(warned(&k, "bench.leaked_label"));
    kit_close(&k);
}

static void a_class_of_thirty_decides_and_of_less_does_not(void **state)
{
    (void)state; /* the site west adds one of each class, and ties them */
    assert_true(refused(29, 3000, "30", "5", ""));
    assert_false(refused(28, 3000, "30", "5", ""));
}

static void how_well_the_best_input_separates_is_measured(void **state)
{
    struct kit k;
    (void)state;
    open_with(&k, 40, 60, "20", "20", "");
    kit_run(&k);
    /* all but two rows tie with each other; those of the west tie too: one half */
    assert_near(value(&k, "DA-3", "largest_single_input_auc", ""),
                fabs((40 * 60 * 0.5 + 40 * 1.0 + 0.5) / (41.0 * 61) - 0.5) + 0.5, 1e-2);
    kit_close(&k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(an_input_that_is_the_label_is_refused_whatever_its_direction),
        TEST(declared_decisive_it_is_measured),
        TEST(a_test_only_done_after_the_outcome_is_refused_too),
        TEST(a_class_of_thirty_decides_and_of_less_does_not),
        TEST(how_well_the_best_input_separates_is_measured),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
