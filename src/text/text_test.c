/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "text/text_priv.h"

/* CLDR 46 sample numbers of each Arabic form; the same numbers for fr and en come from
 *   node -e 'for (n of N) console.log(new Intl.PluralRules("fr").select(n))' */
static void plural_forms_follow_cldr(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        int fr, ar, en;
    } v[] = {
        {0, 0, 0, 1},    {1, 0, 1, 0},   {2, 1, 2, 1},         {3, 1, 3, 1},
        {10, 1, 3, 1},   {103, 1, 3, 1}, {110, 1, 3, 1},       {1003, 1, 3, 1},
        {11, 1, 4, 1},   {26, 1, 4, 1},  {99, 1, 4, 1},        {111, 1, 4, 1},
        {1011, 1, 4, 1}, {100, 1, 5, 1}, {101, 1, 5, 1},       {102, 1, 5, 1},
        {200, 1, 5, 1},  {202, 1, 5, 1}, {1000, 1, 5, 1},      {1000000, 1, 5, 1},
        {-1, 0, 1, 0},   {-11, 1, 4, 1}, {INT64_MIN, 1, 3, 1}, /* ...808 */
    };
    for (size_t i = 0; i < AM_LEN(v); i++) {
        assert_int_equal(text_plural_form(TEXT_FR, v[i].n), v[i].fr);
        assert_int_equal(text_plural_form(TEXT_AR, v[i].n), v[i].ar);
        assert_int_equal(text_plural_form(TEXT_EN, v[i].n), v[i].en);
    }
}

static void every_message_exists_in_every_language(void **state)
{
    (void)state;
    assert_true(text_ids() > 300);
    for (size_t i = 0; i < text_ids(); i++) {
        if (i)
            assert_true(strcmp(text_id_at(i - 1), text_id_at(i)) < 0);
        for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++) {
            int forms = !text_catalog[i].plural ? 1 : l == TEXT_AR ? 6 : 2;
            for (int f = 0; f < forms; f++) {
                struct str s = text_catalog[i].form[l][f];
                if (!s.n || !str_utf8(s))
                    fail_msg("%s has no %s text", text_id_at(i), text_lang_code(l));
            }
            assert_true(text_has(l, text_id_at(i)));
        }
    }
    assert_null(text_id_at(text_ids()));
}

static void must_have(const char *id)
{
    for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++)
        if (!text_has(l, id))
            fail_msg("%s is not in the %s catalogue", id, text_lang_code(l));
}

static void every_error_has_a_text_for_people(void **state)
{
    (void)state;
    for (int i = 1; i < AM_I_COUNT; i++)
        must_have(am_err_key(-i));
}

static void every_state_and_requirement_has_a_name(void **state)
{
    (void)state;
    static const char *const id[] = {"state.v.none",         "state.v.draft",
                                     "state.v.declared",     "state.v.inadmissible",
                                     "state.v.admissible",   "state.v.under_evaluation",
                                     "state.v.evaluated",    "state.v.labelled",
                                     "state.v.deferred",     "state.v.refused",
                                     "state.v.suspended",    "state.v.expired",
                                     "state.v.withdrawn",    "state.v.archived",
                                     "state.p.proposed",     "state.p.pre_deployment",
                                     "state.p.pilot",        "state.p.deployed",
                                     "state.p.suspended",    "state.p.stopped",
                                     "state.p.retired",      "level.base",
                                     "level.intermediate",   "level.advanced",
                                     "verdict.pass",         "verdict.fail",
                                     "verdict.insufficient", "verdict.not_applicable"};
    for (size_t i = 0; i < AM_LEN(id); i++)
        must_have(id[i]);
    /* label-matrix.md: 52 rows */
    static const struct {
        const char *family;
        int rows;
    } matrix[] = {{"ID", 5},  {"DA", 4}, {"PF", 8}, {"RB", 6}, {"CY", 7},
                  {"EQ", 12}, {"RP", 2}, {"MS", 2}, {"DM", 2}, {"GV", 4}};
    int total = 0;
    for (size_t i = 0; i < AM_LEN(matrix); i++)
        for (int k = 1; k <= matrix[i].rows; k++, total++) {
            char row[24];
            snprintf(row, sizeof row, "row.%s-%d", matrix[i].family, k);
            must_have(row);
        }
    assert_int_equal(total, 52);
}

static void unknown_id_is_shown_and_counted(void **state)
{
    (void)state;
    size_t before = text_misses();
    assert_str_equal(text_get(TEXT_AR, "no.such.id"), "no.such.id");
    assert_int_equal(text_misses(), before + 1);
    assert_false(text_has(TEXT_FR, "no.such.id"));
    struct buf b;
    buf_init(&b, 100);
    assert_ok(text_plural(&b, TEXT_FR, "no.such.id", 3, NULL, 0));
    assert_str_equal(buf_str(&b), "no.such.id");
    buf_release(&b);
}

static void placeholders_are_replaced_once(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    struct text_arg a[] = {{"version", STR("{version}")}};
    assert_ok(text_fmt(&b, TEXT_EN, "model.version", a, 1));
    assert_str_equal(buf_str(&b), "Version {version}"); /* a value is never read again */
    buf_clear(&b);
    assert_ok(text_fmt(&b, TEXT_EN, "model.version", NULL, 0));
    assert_str_equal(buf_str(&b), "Version {version}"); /* unknown placeholders stay */
    buf_clear(&b);
    struct text_arg two[] = {{"lo", STR("1")}, {"hi", STR("2")}};
    assert_ok(text_fmt(&b, TEXT_FR, "metric.ci_range", two, 2));
    assert_str_equal(buf_str(&b), "1 à 2");
    buf_release(&b);
}

static void french_typography_is_applied(void **state)
{
    (void)state;
    assert_str_equal(text_get(TEXT_FR, "word.why"), "Pourquoi\xe2\x80\xaf?");
    assert_str_equal(text_get(TEXT_FR, "login.user"), "Nom d’utilisateur");
}

static void plural_text_carries_its_number(void **state)
{
    (void)state;
    static const struct {
        enum text_lang l;
        int64_t n;
        const char *want;
    } v[] = {
        {TEXT_FR, 0, "0 patient"},
        {TEXT_FR, 1, "1 patient"},
        {TEXT_FR, 2, "2 patients"},
        {TEXT_FR, 1204,
         "1\xe2\x80\xaf"
         "204 patients"},
        {TEXT_EN, 0, "0 patients"},
        {TEXT_EN, 1, "1 patient"},
        {TEXT_AR, 1, "مريض واحد"},
        {TEXT_AR, 2, "مريضان"},
        {TEXT_AR, 3, "3 مرضى"},
        {TEXT_AR, 11, "11 مريضا"},
        {TEXT_AR, 100, "100 مريض"},
        {TEXT_AR, 1204, "1.204 مرضى"},
    };
    for (size_t i = 0; i < AM_LEN(v); i++) {
        struct buf b;
        buf_init(&b, 200);
        assert_ok(text_plural(&b, v[i].l, "metric.n", v[i].n, NULL, 0));
        assert_string_equal(b.p, v[i].want);
        buf_release(&b);
    }
}

static void failure_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 12);
    struct text_arg a[] = {{"version", STR("2.0.1-a-very-long-version-name")}};
    assert_ok(buf_adds(&b, "x"));
    assert_int_equal(text_fmt(&b, TEXT_EN, "model.version", a, 1), AM_E_TOOBIG);
    assert_str_equal(buf_str(&b), "x");
    assert_int_equal(text_num(&b, TEXT_FR, 1e30, 0), AM_E_TOOBIG);
    assert_str_equal(buf_str(&b), "x");
    assert_int_equal(text_datetime(&b, TEXT_EN, 0), AM_E_TOOBIG);
    assert_str_equal(buf_str(&b), "x");
    buf_release(&b);
}

static void survives_no_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct buf b;
        buf_init(&b, 1000);
        am_oom_at(n);
        int err = text_plural(&b, TEXT_AR, "metric.n", 12345, NULL, 0);
        bool delivered = am_oom_at(0);
        assert_int_equal(err, delivered ? AM_E_NOMEM : AM_OK);
        assert_int_equal(b.n > 0, !delivered);
        buf_release(&b);
        if (!delivered)
            break;
    }
}

TEST_MAIN(TEST(plural_forms_follow_cldr), TEST(every_message_exists_in_every_language),
          TEST(every_error_has_a_text_for_people),
          TEST(every_state_and_requirement_has_a_name),
          TEST(unknown_id_is_shown_and_counted), TEST(placeholders_are_replaced_once),
          TEST(french_typography_is_applied), TEST(plural_text_carries_its_number),
          TEST(failure_leaves_the_buffer_as_it_was), TEST(survives_no_memory))
