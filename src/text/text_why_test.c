/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "base/test.h"
#include "text/text.h"

static struct diag d;

static void check_detail(enum text_lang l, const char *want)
{
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(text_detail(&b, l, &d.item[d.n - 1]));
    assert_str_equal(buf_str(&b), want);
    buf_release(&b);
}

static int setup(void **state)
{
    (void)state;
    diag_init(&d);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    diag_release(&d);
    return 0;
}

static void a_detail_keeps_its_format_and_its_values(void **state)
{
    (void)state;
    struct diag e;
    diag_err(&d, "/p", "c", "%zu of %lld, %.*s, %u%% more", (size_t)7, (long long)-3, 2,
             "abc", 9U);
    diag_add(&d, DIAG_ERROR, "", "c", "%lx %.3f %g %s and %d", 255UL, 0.5, 1e-3, "s", 5);
    diag_init(&e);
    diag_merge(&e, &d, "/x");
    for (size_t i = 0; i < 2; i++) {
        const struct diag_item *a = i ? &e.item[0] : &d.item[0];
        assert_string_equal(a->format, "%zu of %lld, %.*s, %u%% more");
        assert_int_equal(a->values, 4);
        assert_string_equal(a->value[0], "7");
        assert_string_equal(a->value[1], "-3");
        assert_string_equal(a->value[2], "ab");
        assert_string_equal(a->value[3], "9");
    }
    assert_string_equal(d.item[1].value[0], "ff");
    assert_string_equal(d.item[1].value[1], "0.500");
    assert_string_equal(d.item[1].value[2], "0.001");
    assert_int_equal(d.item[1].values, DIAG_VALUES); /* the fifth is dropped */
    diag_release(&e);
}

static void a_detail_is_said_in_the_language(void **state)
{
    (void)state;
    diag_err(&d, "", "wrong_role", "%s%s%s may not sign %s", "vendor", "", "", "V7.base");
    check_detail(TEXT_EN, "vendor may not sign V7.base");
    check_detail(TEXT_FR,
                 "le rôle «\u202ffournisseur\u202f» ne signe pas l\u2019acte V7.base");
    check_detail(TEXT_AR, "دور «مورّد» لا يوقع الإجراء V7.base");
}

static void an_error_of_the_system_is_said_too(void **state)
{
    (void)state;
    diag_err(&d, "", "node.key", "the key cannot be read: %s",
             am_err_text(AM_E_NOTFOUND));
    check_detail(TEXT_FR, "introuvable");
    diag_err(&d, "", "bad_record", "%s", "too long"); /* a wrapper's literal */
    check_detail(TEXT_FR, "trop long");
}

static void without_words_names_and_numbers_are_left(void **state)
{
    (void)state;
    diag_err(&d, "", "x.y", "nobody wrote \"the words\" of this: %d, %s (see V7.base)",
             12, "model.xgb");
    check_detail(TEXT_FR, "\"the words\", 12, model.xgb, V7.base");
    diag_err(&d, "", "x.y", "plain English, all of it.");
    check_detail(TEXT_AR, "");
    diag_err(&d, "", "x.y", "%s", "deployment");
    check_detail(TEXT_FR, "Déploiement");
    diag_err(&d, "", "x.y", "%s", "somewhere");
    check_detail(TEXT_FR, "");
}

/* Every sentence with a hole for a detail, filled with one that has no words. */
static void no_sentence_shows_an_english_detail(void **state)
{
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < text_ids(); i++) {
        const char *id = text_id_at(i);
        if (strncmp(id, "diag.", 5) != 0)
            continue;
        diag_clear(&d);
        diag_err(&d, "", id + 5, "zebras graze where zebras grazed");
        for (enum text_lang l = TEXT_FR; l < TEXT_EN; l++) {
            struct buf b;
            buf_init(&b, 8192);
            assert_ok(text_problem(&b, l, &d.item[0]));
            assert_null(strstr(b.p, "zebra"));
            assert_null(strstr(b.p, "{detail}"));
            assert_null(strstr(b.p, "()"));
            assert_true(b.n > 0);
            buf_release(&b);
        }
        seen++;
    }
    assert_true(seen > 600);
}

static void no_memory_is_an_error_and_no_half_a_sentence(void **state)
{
    (void)state;
    diag_err(&d, "", "wrong_role", "%s%s%s may not sign %s", "vendor", "", "", "V7");
    for (long n = 1;; n++) {
        struct buf b;
        buf_init(&b, 8192);
        am_oom_at(n);
        int err = text_problem(&b, TEXT_FR, &d.item[0]);
        bool delivered = am_oom_at(0);
        assert_int_equal(err, delivered ? AM_E_NOMEM : AM_OK);
        assert_int_equal(b.n > 0, !delivered);
        buf_release(&b);
        if (!delivered)
            break;
    }
}

#define TEST_D(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TEST_MAIN(TEST_D(a_detail_keeps_its_format_and_its_values),
          TEST_D(a_detail_is_said_in_the_language),
          TEST_D(an_error_of_the_system_is_said_too),
          TEST_D(without_words_names_and_numbers_are_left),
          TEST_D(no_sentence_shows_an_english_detail),
          TEST_D(no_memory_is_an_error_and_no_half_a_sentence))
