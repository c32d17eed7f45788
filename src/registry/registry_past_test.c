/* SPDX-License-Identifier: Apache-2.0 */
/* The fold at an older size: one at a time, a few kept, bounded for each reader, given up
 * when the reader has gone. */
#include "registry/registry_test_support.h"

static struct t t;
static uint64_t now_size;

static int setup(void **state)
{
    struct registry_stats s;
    (void)state;
    t_begin(&t);
    t_registry(&t);
    for (int i = 0; i < 60; i++) {
        assert_ok(t_event(&t, T_HAS1,
                          "\"type\":\"recusal\",\"key_id\":\"%s\",\"ground\":"
                          "\"interest\",\"with_org\":\"WITH%02d\"",
                          t.id[T_HAS1], i));
    }
    registry_stats(t.r, &s);
    now_size = s.size;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    t_end(&t);
    return 0;
}

static int size_of(void *arg, const struct ledger *l, uint64_t cosigned)
{
    *(uint64_t *)arg = ledger_size(l);
    return cosigned == ledger_size(l) ? AM_OK : AM_E_INTERNAL;
}

/* Somebody who leaves when asked for the `until`th time; counts how often it was. */
struct reader {
    int asked, until;
    bool nested;
};

static bool gone(void *cookie)
{
    struct reader *x = cookie;
    uint64_t size;
    x->asked++;
    if (x->nested) /* while this one is folded */
        assert_int_equal(registry_view_at(t.r, 5, size_of, &size), AM_E_UNAVAILABLE);
    return x->asked == x->until;
}

static int ask(const char *who, struct reader *x, uint64_t size)
{
    struct registry_reader reader = {str_c(who), gone, x};
    uint64_t got = 0;
    int err = registry_view_as(t.r, &reader, size, size_of, &got);
    if (!err)
        assert_int_equal(got, size);
    return err;
}

static void who_comes_while_one_is_folded_comes_again(void **state)
{
    struct reader x = {.nested = true};
    (void)state;
    assert_ok(ask("10.0.0.1", &x, now_size));
    assert_true(x.asked >= 3);
    x = (struct reader){0};
    assert_ok(ask("10.0.0.1", &x, 5)); /* and is served afterwards */
}

static void what_is_kept_is_not_folded_again(void **state)
{
    struct reader x = {0};
    (void)state;
    assert_ok(ask("10.0.0.2", &x, 40));
    assert_ok(ask("10.0.0.2", &x, 8));
    x.asked = 0;
    for (int i = 0; i < 5; i++) {
        assert_ok(ask("10.0.0.2", &x, 40));
        assert_ok(ask("10.0.0.2", &x, 8));
    }
    assert_int_equal(x.asked, 0);
}

static void it_is_given_up_when_the_reader_has_gone(void **state)
{
    struct reader x = {0};
    (void)state;
    for (uint64_t size = 4; size > 0; size--) /* nothing larger is kept */
        assert_ok(ask("10.0.0.3", &x, size));
    x = (struct reader){.until = 3};
    assert_int_equal(ask("10.0.0.3", &x, now_size), AM_E_UNAVAILABLE);
    x = (struct reader){0};
    assert_ok(ask("10.0.0.3", &x, now_size)); /* goes on where it was */
    assert_true(x.asked <= (int)(now_size / 16) - 1);
}

static void a_reader_has_so_much_a_minute_and_others_have_theirs(void **state)
{
    struct reader x = {0};
    uint64_t size = 0;
    int n = 0, err;
    (void)state;
    do {
        /* going back, so that none that is kept lies below */
        err = ask("10.0.0.4", &x, 30 - (uint64_t)(n % 30));
    } while (!err && ++n < 10000);
    assert_int_equal(err, AM_E_TOOMANY);
    assert_true(n >= 50);
    assert_ok(ask("10.0.0.5", &x, 3));
    assert_ok(registry_view_at(t.r, 2, size_of, &size)); /* ours is not counted */
    assert_int_equal(size, 2);
}

static void no_size_that_is_none_is_folded(void **state)
{
    struct reader x = {0};
    (void)state;
    assert_int_equal(ask("10.0.0.6", &x, 0), AM_E_NOTFOUND);
    assert_int_equal(ask("10.0.0.6", &x, now_size + 1), AM_E_NOTFOUND);
    assert_int_equal(x.asked, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(who_comes_while_one_is_folded_comes_again),
        TEST(what_is_kept_is_not_folded_again),
        TEST(it_is_given_up_when_the_reader_has_gone),
        TEST(a_reader_has_so_much_a_minute_and_others_have_theirs),
        TEST(no_size_that_is_none_is_folded),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
