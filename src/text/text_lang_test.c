/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "text/text.h"

static void locales_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        int want; /* -1: not ours */
    } v[] = {
        {"fr", TEXT_FR},
        {"ar", TEXT_AR},
        {"en", TEXT_EN},
        {"FR", TEXT_FR},
        {"ar_MA.UTF-8", TEXT_AR},
        {"ar-MA", TEXT_AR},
        {"en.UTF-8", TEXT_EN},
        {"fr@euro", TEXT_FR},
        {"C", -1},
        {"POSIX", -1},
        {"", -1},
        {"fra", -1},
        {"f", -1},
        {"de_DE", -1},
        {"-fr", -1},
    };
    for (size_t i = 0; i < AM_LEN(v); i++) {
        enum text_lang l = TEXT_LANGS;
        assert_int_equal(text_lang_parse(str_c(v[i].s), &l), v[i].want >= 0);
        if (v[i].want >= 0)
            assert_int_equal(l, v[i].want);
        else
            assert_int_equal(l, TEXT_LANGS);
    }
    enum text_lang l;
    assert_false(text_lang_parse(STR_NULL, &l));
    assert_string_equal(text_lang_dir(TEXT_AR), "rtl");
    assert_string_equal(text_lang_dir(TEXT_FR), "ltr");
}

static void the_reader_s_preference_wins(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum text_lang want;
    } v[] = {
        {"", TEXT_FR},
        {"de", TEXT_FR},
        {"ar", TEXT_AR},
        {"ar-MA,ar;q=0.9,fr;q=0.8,en;q=0.7", TEXT_AR},
        {"de, en;q=0.5, ar;q=0.4", TEXT_EN},
        {"en;q=0.8, ar;q=0.9", TEXT_AR},
        {"en, ar", TEXT_EN}, /* equal weights: the first named */
        {"en;q=0, ar;q=0.001", TEXT_AR},
        {"fr;q=0, *", TEXT_AR},
        {"fr;q=0, ar;q=0, *;q=0.1", TEXT_EN},
        {"*", TEXT_FR},
        {"en;q=1.0, fr;q=1.001", TEXT_EN}, /* a weight over 1 is malformed: ignored */
        {"en;q=x, ar;q=0.1", TEXT_AR},
        {"en ; q = 0.2 , ar ; Q=0.3", TEXT_AR},
        {"ar;level=1;q=0.9, en;q=0.8", TEXT_AR},
        {",,;q=1,;,ar,", TEXT_AR},
        {"fr;q=0, ar;q=0, en;q=0", TEXT_FR},
    };
    for (size_t i = 0; i < AM_LEN(v); i++)
        if (text_lang_accept(str_c(v[i].header)) != v[i].want)
            fail_msg("%s", v[i].header);
    assert_int_equal(text_lang_accept(STR_NULL), TEXT_FR);
    char longest[300];
    memset(longest, ',', sizeof longest);
    memcpy(longest + 63, "en", 3); /* element 64 is the last one read */
    assert_int_equal(text_lang_accept(str_c(longest)), TEXT_EN);
    memset(longest, ',', sizeof longest);
    memcpy(longest + 64, "en", 3);
    assert_int_equal(text_lang_accept(str_c(longest)), TEXT_FR);
}

TEST_MAIN(TEST(locales_are_understood), TEST(the_reader_s_preference_wins))
