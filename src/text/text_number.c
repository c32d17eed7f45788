/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and dates as each language writes them (CLDR 46: fr, ar-MA, en). */
#include <math.h>

#include "text/text.h"

#define NNBSP "\xe2\x80\xaf" /* U+202F, narrow no-break space */
#define LRM                                                                              \
    "\xe2\x80\x8e" /* U+200E: keeps a sign before its number in right-to-left text */
#define DASH "\xe2\x80\x94" /* what stands where there is no number */

static const struct {
    const char *group, *decimal, *minus, *percent;
} style[TEXT_LANGS] = {
    [TEXT_FR] = {NNBSP, ",", "-", NNBSP "%"},
    [TEXT_AR] = {".", ",", LRM "-", LRM "%" LRM},
    [TEXT_EN] = {",", ".", "-", "%"},
};

/* digits: "[-]ddd[?ddd]" as printf wrote it, in whatever locale. */
static int localised(struct buf *out, enum text_lang l, const char *digits, bool percent)
{
    size_t before = out->n;
    bool negative = *digits == '-', zero = !strpbrk(digits, "123456789");
    const char *p = digits + negative;
    size_t whole = strspn(p, "0123456789");
    int err = negative && !zero ? buf_adds(out, style[l].minus) : AM_OK;
    for (size_t i = 0; i < whole && !err; i++) {
        if (i && (whole - i) % 3 == 0)
            err = buf_adds(out, style[l].group);
        if (!err)
            err = buf_addc(out, p[i]);
    }
    p += whole;
    if (!err && *p) {
        err = buf_adds(out, style[l].decimal);
        p += strcspn(p, "0123456789");
        if (!err)
            err = buf_adds(out, p);
    }
    if (!err && percent)
        err = buf_adds(out, style[l].percent);
    if (err)
        buf_cut(out, before);
    return err;
}

int text_int(struct buf *out, enum text_lang l, int64_t v)
{
    char d[24];
    am_assert(l < TEXT_LANGS);
    snprintf(d, sizeof d, "%lld", (long long)v);
    return localised(out, l, d, false);
}

static int number(struct buf *out, enum text_lang l, double v, int decimals, bool percent)
{
    char d[400]; /* the longest double has 309 digits before its comma */
    am_assert(l < TEXT_LANGS && decimals >= 0 && decimals <= 17);
    if (!isfinite(v))
        return buf_adds(out, DASH);
    snprintf(d, sizeof d, "%.*f", decimals, v);
    return localised(out, l, d, percent);
}

int text_num(struct buf *out, enum text_lang l, double v, int decimals)
{
    return number(out, l, v, decimals, false);
}

int text_percent(struct buf *out, enum text_lang l, double share, int decimals)
{
    return number(out, l, share * 100, decimals, true);
}

/* Moroccan Arabic month names: CLDR ar-MA, in daily use by the State and the press. */
static const char *const month[TEXT_LANGS][12] = {
    [TEXT_FR] = {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août",
                 "septembre", "octobre", "novembre", "décembre"},
    [TEXT_AR] = {"يناير", "فبراير", "مارس", "أبريل", "ماي", "يونيو", "يوليوز", "غشت",
                 "شتنبر", "أكتوبر", "نونبر", "دجنبر"},
    [TEXT_EN] = {"January", "February", "March", "April", "May", "June", "July", "August",
                 "September", "October", "November", "December"},
};

struct civil {
    int64_t year;
    unsigned month, day; /* 1-12, 1-31 */
    unsigned hour, minute;
};

/* Proleptic Gregorian calendar in eras of 400 years = 146,097 days, years counted from
 * 1 March so that the leap day is last. Needs no time zone database and no lock. */
static struct civil civil(int64_t at)
{
    const int64_t day_us = 86400 * (int64_t)1000000;
    int64_t of_day = at % day_us, days = at / day_us;
    if (of_day < 0) { /* before 1970: rounding down, without overflow at the far end */
        of_day += day_us;
        days--;
    }
    unsigned minutes = (unsigned)(of_day / 60000000);
    int64_t z = days + 719468; /* days from 0000-03-01 to 1970-01-01 */
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned m = (5 * doy + 2) / 153; /* 0 = March */
    return (struct civil){
        .year = era * 400 + yoe + (m >= 10),
        .month = m < 10 ? m + 3 : m - 9,
        .day = doy - (153 * m + 2) / 5 + 1,
        .hour = minutes / 60,
        .minute = minutes % 60,
    };
}

int text_date(struct buf *out, enum text_lang l, int64_t at)
{
    am_assert(l < TEXT_LANGS);
    struct civil c = civil(at);
    /* French writes the first of a month as an ordinal. */
    return buf_addf(out, "%u%s %s %lld", c.day, l == TEXT_FR && c.day == 1 ? "er" : "",
                    month[l][c.month - 1], (long long)c.year);
}

int text_datetime(struct buf *out, enum text_lang l, int64_t at)
{
    static const char *const sep[TEXT_LANGS] = {
        [TEXT_FR] = " à ", [TEXT_AR] = " في ", [TEXT_EN] = " at "};
    size_t before = out->n;
    struct civil c = civil(at);
    int err = text_date(out, l, at);
    if (!err)
        err = buf_addf(out, "%s%02u:%02u UTC", sep[l], c.hour, c.minute);
    if (err)
        buf_cut(out, before);
    return err;
}
