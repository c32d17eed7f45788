/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/conf.h"

static void defaults_fit_their_own_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONF_KEYS; i++) {
        const struct conf_entry *e = conf_entry((enum conf_key)i);
        struct conf c;
        struct diag d;
        conf_init(&c, e->servers);
        diag_init(&d);
        assert_ok(conf_set(&c, str_c(e->key), str_c(e->def), "", &d));
        diag_release(&d);
        conf_release(&c);
    }
}

static void a_file_is_read_whole_and_errors_name_their_line(void **state)
{
    (void)state;
    struct conf c;
    struct diag d;
    conf_init(&c, CONF_N);
    diag_init(&d);
    assert_ok(conf_read(&c, STR("# note\n\npoll_ms = 250\nbehind_proxy=true\n"), &d));
    assert_int_equal(conf_int(&c, CONF_POLL_MS), 250);
    assert_true(conf_bool(&c, CONF_BEHIND_PROXY));
    assert_string_equal(conf_text(&c, CONF_LISTEN), "127.0.0.1:8080");
    assert_int_equal(
        conf_read(&c, STR("poll_ms = 1\nnonsense\nrefresh_s = 5\nno = 1"), &d),
        AM_E_INVALID);
    assert_int_equal(d.errors, 4); /* out of range, syntax, the other server's, unknown */
    assert_string_equal(d.item[0].path, "line 1");
    assert_string_equal(d.item[1].code, "conf.syntax");
    assert_string_equal(d.item[2].path, "line 3");
    assert_string_equal(d.item[3].code, "conf.unknown");
    assert_int_equal(conf_int(&c, CONF_POLL_MS), 250);
    conf_release(&c);
    diag_release(&d);
}

static void the_environment_wins_over_the_file(void **state)
{
    (void)state;
    struct conf c;
    struct diag d;
    conf_init(&c, CONF_R);
    diag_init(&d);
    setenv("AMANE_REFRESH_S", "7", 1);
    assert_ok(conf_read(&c, STR("refresh_s = 9"), &d));
    assert_ok(conf_environment(&c, &d));
    assert_int_equal(conf_int(&c, CONF_REFRESH_S), 7);
    setenv("AMANE_REFRESH_S", "x", 1);
    assert_int_equal(conf_environment(&c, &d), AM_E_INVALID);
    assert_string_equal(d.item[0].path, "AMANE_REFRESH_S");
    unsetenv("AMANE_REFRESH_S");
    conf_release(&c);
    diag_release(&d);
}

static void problems_are_all_kept_with_their_arguments(void **state)
{
    (void)state;
    struct diag d, e;
    diag_init(&d);
    diag_init(&e);
    diag_err(&d, "/a", "x.y", "wrong %d", 3);
    diag_arg(&d, "got", "3");
    diag_add(&d, DIAG_WARNING, "/b", "w", "careful");
    assert_int_equal(diag_result(&d), AM_E_INVALID);
    diag_merge(&e, &d, "/root");
    assert_int_equal(e.n, 2);
    assert_string_equal(e.item[0].path, "/root/a");
    assert_string_equal(e.item[0].arg[0].value, "3");
    assert_string_equal(e.item[0].detail, "wrong 3");
    for (int i = 0; i < DIAG_MAX + 10; i++)
        diag_err(&e, "", "many", "x");
    assert_int_equal(e.n, DIAG_MAX);
    assert_int_equal(e.more, 12);
    diag_clear(&e);
    assert_int_equal(diag_result(&e), AM_OK);
    am_oom_at(1);
    diag_err(&e, "", "lost", "x");
    am_oom_at(0);
    assert_int_equal(diag_result(&e),
                     AM_E_INVALID); /* the text is lost, the error is not */
    diag_err(NULL, "", "nobody listens", "x");
    diag_release(&d);
    diag_release(&e);
}

TEST_MAIN(TEST(defaults_fit_their_own_table),
          TEST(a_file_is_read_whole_and_errors_name_their_line),
          TEST(the_environment_wins_over_the_file),
          TEST(problems_are_all_kept_with_their_arguments))
