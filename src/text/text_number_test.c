/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/test.h"
#include "text/text.h"

#define N "\xe2\x80\xaf" /* narrow no-break space */
#define L "\xe2\x80\x8e" /* left-to-right mark */

static const enum text_lang all[] = {TEXT_FR, TEXT_AR, TEXT_EN};

/* node -e 'for (l of ["fr","ar-MA","en"]) console.log(JSON.stringify(
 *   new Intl.NumberFormat(l, {minimumFractionDigits: 2, maximumFractionDigits:
 * 2}).format(V)))' */
static void numbers_follow_each_language(void **state)
{
    (void)state;
    static const struct {
        double v;
        int decimals;
        const char *want[3];
    } c[] = {
        {1234567.89, 2, {"1" N "234" N "567,89", "1.234.567,89", "1,234,567.89"}},
        {-1234567.89, 2, {"-1" N "234" N "567,89", L "-1.234.567,89", "-1,234,567.89"}},
        {0.861, 3, {"0,861", "0,861", "0.861"}},
        {999, 0, {"999", "999", "999"}},
        {1000, 0, {"1" N "000", "1.000", "1,000"}},
        {-0.001, 2, {"0,00", "0,00", "0.00"}}, /* no minus before nothing */
        {NAN, 2, {"—", "—", "—"}},
        {INFINITY, 2, {"—", "—", "—"}},
    };
    for (size_t i = 0; i < AM_LEN(c); i++)
        for (size_t l = 0; l < 3; l++) {
            struct buf b;
            buf_init(&b, 1000);
            assert_ok(text_num(&b, all[l], c[i].v, c[i].decimals));
            assert_string_equal(b.p, c[i].want[l]);
            buf_release(&b);
        }
}

static void the_largest_numbers_fit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 2000);
    assert_ok(text_num(&b, TEXT_FR, -1.7976931348623157e308, 17));
    assert_int_equal(b.n, 1 + 309 + 102 * strlen(N) + 1 + 17);
    buf_clear(&b);
    assert_ok(text_int(&b, TEXT_EN, INT64_MIN));
    assert_string_equal(b.p, "-9,223,372,036,854,775,808");
    buf_release(&b);
}

/* new Intl.NumberFormat(l, {style: "percent", minimumFractionDigits: 1}).format(0.125) */
static void percentages_follow_each_language(void **state)
{
    (void)state;
    static const char *const want[] = {"12,5" N "%", "12,5" L "%" L, "12.5%"};
    for (size_t l = 0; l < 3; l++) {
        struct buf b;
        buf_init(&b, 100);
        assert_ok(text_percent(&b, all[l], 0.125, 1));
        assert_string_equal(b.p, want[l]);
        buf_release(&b);
    }
}

static void date_is(enum text_lang l, int64_t s, const char *want)
{
    struct buf b;
    buf_init(&b, 100);
    assert_ok(text_date(&b, l, s * 1000000));
    assert_string_equal(b.p, want);
    buf_release(&b);
}

/* date -u -d '...' +%s; months: new Intl.DateTimeFormat("ar-MA", {month: "long"}) */
static void dates_are_written_with_the_month_in_words(void **state)
{
    (void)state;
    static const char *const ar[] = {"يناير", "فبراير", "مارس",   "أبريل",
                                     "ماي",   "يونيو",  "يوليوز", "غشت",
                                     "شتنبر", "أكتوبر", "نونبر",  "دجنبر"};
    date_is(TEXT_FR, 1795219200, "21 novembre 2026");
    date_is(TEXT_AR, 1795219200, "21 نونبر 2026");
    date_is(TEXT_EN, 1795219200, "21 November 2026");
    date_is(TEXT_FR, 1767225600, "1er janvier 2026");
    date_is(TEXT_EN, 1767225599, "31 December 2025"); /* one second before */
    date_is(TEXT_EN, 951782400, "29 February 2000");
    date_is(TEXT_EN, 4107456000, "28 February 2100");
    date_is(TEXT_EN, 4107542400, "1 March 2100"); /* 2100 is no leap year */
    date_is(TEXT_EN, -1, "31 December 1969");
    date_is(TEXT_EN, -62135596800, "1 January 1");
    static const int fifteenth[] = {14,  45,  73,  104, 134, 165,
                                    195, 226, 257, 287, 318, 348};
    for (int m = 0; m < 12; m++) {
        char want[64];
        snprintf(want, sizeof want, "15 %s 1970", ar[m]);
        date_is(TEXT_AR, fifteenth[m] * (int64_t)86400, want);
    }
}

static void times_are_24_hours_and_name_their_zone(void **state)
{
    (void)state;
    static const char *const want[] = {"21 novembre 2026 à 14:05 UTC",
                                       "21 نونبر 2026 في 14:05 UTC",
                                       "21 November 2026 at 14:05 UTC"};
    for (size_t l = 0; l < 3; l++) {
        struct buf b;
        buf_init(&b, 100);
        assert_ok(text_datetime(
            &b, all[l], (1795219200 + 14 * 3600 + 5 * 60 + 59) * (int64_t)1000000));
        assert_string_equal(b.p, want[l]);
        buf_release(&b);
    }
}

static void extreme_instants_do_not_overflow(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_ok(text_datetime(&b, TEXT_EN, INT64_MIN));
    buf_clear(&b);
    assert_ok(text_datetime(&b, TEXT_EN, INT64_MAX));
    /* date -u -d @9223372036854 */
    assert_string_equal(b.p, "10 January 294247 at 04:00 UTC");
    buf_release(&b);
}

TEST_MAIN(TEST(numbers_follow_each_language), TEST(the_largest_numbers_fit),
          TEST(percentages_follow_each_language),
          TEST(dates_are_written_with_the_month_in_words),
          TEST(times_are_24_hours_and_name_their_zone),
          TEST(extreme_instants_do_not_overflow))
