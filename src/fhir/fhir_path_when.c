/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_when -- dates, dateTimes and times with their precision.
 *
 * Seconds and their fraction are one precision, as N1 says. A value without a zone may
 * be of any zone from -12:00 to +14:00: where that decides, comparing gives nothing. */
#include "base/clock.h"
#include "fhir/fhir_path_priv.h"

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar, and back: Hinnant,
 * "chrono-compatible low-level date algorithms". */
static int64_t to_days(int64_t y, int m, int d)
{
    int64_t era, doe;
    int yoe, doy;
    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (int)(y - era * 400);
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    doe = (int64_t)yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void from_days(int64_t z, struct fhir_when *w)
{
    int64_t era, doe, yoe, y;
    int doy, mp;
    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    y = yoe + era * 400;
    doy = (int)(doe - (365 * yoe + yoe / 4 - yoe / 100));
    mp = (5 * doy + 2) / 153;
    w->day = (uint8_t)(doy - (153 * mp + 2) / 5 + 1);
    w->month = (uint8_t)(mp + (mp < 10 ? 3 : -9));
    w->year = (int16_t)(y + (w->month <= 2));
}

static bool two(struct str *s, int lo, int hi, uint8_t *out)
{
    int64_t v;
    if (s->n < 2 || s->p[0] < '0' || s->p[0] > '9' ||
        str_int(str_sub(*s, 0, 2), lo, hi, &v))
        return false;
    *s = str_sub(*s, 2, s->n);
    *out = (uint8_t)v;
    return true;
}

static bool eat(struct str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = str_sub(*s, 1, s->n);
    return true;
}

static bool parse_fraction(struct str *s, struct fhir_when *w)
{
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (!n)
        return false;
    w->precision = FHIR_FRACTION;
    w->digits = (uint8_t)AM_MIN(n, 9);
    for (size_t k = 0; k < 9; k++)
        w->nano = w->nano * 10 + (k < n ? (uint32_t)(s->p[k] - '0') : 0);
    *s = str_sub(*s, n, s->n);
    return true;
}

static bool parse_zone(struct str *s, struct fhir_when *w)
{
    uint8_t h, m;
    bool minus = s->n && s->p[0] == '-';
    if (!s->n)
        return true;
    if (eat(s, 'Z')) {
        w->zone = 0;
        return true;
    }
    if ((!eat(s, '+') && !eat(s, '-')) || !two(s, 0, 14, &h) || !eat(s, ':') ||
        !two(s, 0, 59, &m))
        return false;
    w->zone = (int16_t)((minus ? -1 : 1) * (h * 60 + m));
    return true;
}

static bool parse_clock(struct str *s, struct fhir_when *w)
{
    if (!two(s, 0, 23, &w->hour))
        return false;
    w->precision = FHIR_HOUR;
    if (!eat(s, ':'))
        return true;
    if (!two(s, 0, 59, &w->minute))
        return false;
    w->precision = FHIR_MINUTE;
    if (!eat(s, ':'))
        return true;
    if (!two(s, 0, 60, &w->second)) /* 60: a leap second, as R4's pattern allows */
        return false;
    w->precision = FHIR_SECOND;
    return !eat(s, '.') || parse_fraction(s, w);
}

static bool parse_day(struct str *s, struct fhir_when *w)
{
    int64_t year;
    if (s->n < 4 || s->p[0] < '0' || s->p[0] > '9' ||
        str_int(str_sub(*s, 0, 4), 1, 9999, &year))
        return false;
    *s = str_sub(*s, 4, s->n);
    w->year = (int16_t)year;
    w->precision = FHIR_YEAR;
    if (!eat(s, '-'))
        return true;
    if (!two(s, 1, 12, &w->month))
        return false;
    w->precision = FHIR_MONTH;
    if (!eat(s, '-'))
        return true;
    w->precision = FHIR_DAY;
    return two(s, 1, month_days(w->year, w->month), &w->day);
}

int fhir_when_parse(struct str s, enum fhir_path_kind kind, struct fhir_when *out)
{
    struct fhir_when w = {.zone = FHIR_NO_ZONE};
    bool ok;
    if (kind == FHIR_PATH_TIME) {
        ok = parse_clock(&s, &w);
    } else {
        ok = parse_day(&s, &w);
        if (ok && kind == FHIR_PATH_DATETIME && w.precision == FHIR_DAY && eat(&s, 'T') &&
            s.n)
            ok = parse_clock(&s, &w) && parse_zone(&s, &w);
    }
    if (!ok || s.n)
        return AM_E_SYNTAX;
    *out = w;
    return AM_OK;
}

/* Nanoseconds would overflow: seconds since 1970 and the rest, missing parts at their
 * least. */
static int64_t seconds(const struct fhir_when *w)
{
    return to_days(w->year ? w->year : 1970, w->month ? w->month : 1,
                   w->day ? w->day : 1) *
               86400 +
           w->hour * 3600 + w->minute * 60 + w->second;
}

static void to_utc(struct fhir_when *w)
{
    int64_t s;
    if (w->zone == FHIR_NO_ZONE || w->zone == 0 || w->precision < FHIR_HOUR)
        return;
    s = seconds(w) - (int64_t)w->zone * 60;
    {
        int64_t day = (s >= 0 ? s : s - 86399) / 86400;
        int64_t left = s - day * 86400;
        from_days(day, w);
        w->hour = (uint8_t)(left / 3600);
        w->minute = (uint8_t)(left / 60 % 60);
        w->second = (uint8_t)(left % 60);
    }
    w->zone = 0;
}

/* Part by part down to the coarser precision. */
bool fhir_fp_when_cmp(const struct fhir_when *a, const struct fhir_when *b, int *out)
{
    struct fhir_when x = *a, y = *b;
    int depth, pa, pb;
    if ((x.zone == FHIR_NO_ZONE) != (y.zone == FHIR_NO_ZONE) && x.year && y.year) {
        int64_t diff;
        to_utc(&x), to_utc(&y);
        diff = seconds(&x) - seconds(&y);
        /* a day covers up to 24 hours more than its start */
        if (x.precision >= FHIR_DAY && y.precision >= FHIR_DAY && diff < 38 * 3600 &&
            diff > -38 * 3600 &&
            (x.precision == FHIR_DAY || y.precision == FHIR_DAY ||
             (diff <= 14 * 3600 && diff >= -14 * 3600)))
            return false;
    } else if (x.zone != y.zone) {
        to_utc(&x), to_utc(&y);
    }
    pa = AM_MIN(x.precision, FHIR_SECOND), pb = AM_MIN(y.precision, FHIR_SECOND);
    depth = AM_MIN(pa, pb);
    {
        const int xs[] = {x.year, x.month, x.day, x.hour, x.minute, x.second},
                  ys[] = {y.year, y.month, y.day, y.hour, y.minute, y.second};
        for (int i = 0; i < depth; i++)
            if (xs[i] != ys[i]) {
                *out = xs[i] < ys[i] ? -1 : 1;
                return true;
            }
    }
    if (pa != pb)
        return false;
    *out = pa < FHIR_SECOND ? 0 : (x.nano > y.nano) - (x.nano < y.nano);
    return true;
}

int fhir_fp_when_equal(const struct fhir_when *a, const struct fhir_when *b, bool like)
{
    int c;
    if (!fhir_fp_when_cmp(a, b, &c))
        return like ? 0 : PATH_UNKNOWN;
    return c == 0;
}

static const struct {
    const char *word, *many, *ucum;
    int64_t nano; /* 0: month and year */
} path_units[] = {{"year", "years", "a", 0},
                  {"month", "months", "mo", 0},
                  {"week", "weeks", "wk", 604800000000000},
                  {"day", "days", "d", 86400000000000},
                  {"hour", "hours", "h", 3600000000000},
                  {"minute", "minutes", "min", 60000000000},
                  {"second", "seconds", "s", 1000000000},
                  {"millisecond", "milliseconds", "ms", 1000000}};

struct str fhir_fp_calendar(struct str word)
{
    for (size_t i = 0; i < AM_LEN(path_units); i++)
        if (str_eqc(word, path_units[i].word) || str_eqc(word, path_units[i].many))
            return str_c(path_units[i].word);
    return STR_NULL;
}

static bool add_months(struct fhir_when *w, int64_t months)
{
    int64_t total = (int64_t)w->year * 12 + (w->month ? w->month - 1 : 0) + months;
    int64_t year = total / 12;
    if (total < 12 || year > 9999)
        return false;
    w->year = (int16_t)year;
    if (w->month)
        w->month = (uint8_t)(total % 12 + 1);
    if (w->day)
        w->day = (uint8_t)AM_MIN(w->day, month_days(w->year, w->month));
    return true;
}

static bool add_nano(struct fhir_when *w, bool time, path_wide nano)
{
    path_wide now = (path_wide)seconds(w) * 1000000000 + w->nano + nano;
    const path_wide day = (path_wide)86400 * 1000000000;
    path_wide days = now / day, left = now % day;
    if (left < 0)
        left += day, days--;
    if (days > 2932896 || days < -719162) /* 0001-01-01 .. 9999-12-31 */
        return false;
    if (!time) {
        struct fhir_when d;
        from_days((int64_t)days, &d);
        w->year = d.year;
        if (w->month)
            w->month = d.month;
        if (w->day)
            w->day = d.day;
    }
    w->nano = (uint32_t)(left % 1000000000);
    left /= 1000000000;
    w->hour = (uint8_t)(left / 3600);
    w->minute = (uint8_t)((int64_t)left / 60 % 60);
    w->second = (uint8_t)(left % 60);
    return true;
}

/* A unit finer than the value's precision: whole parts of that precision are added, as
 * N1 says ("@2014 + 24 months" is @2016). */
static bool add_coarse(struct fhir_when *w, path_wide nano)
{
    path_wide days = nano / ((path_wide)86400 * 1000000000);
    if (w->precision == FHIR_YEAR)
        return add_months(w, (int64_t)(days / 365) * 12);
    if (w->precision == FHIR_MONTH)
        return add_months(w, (int64_t)(days / 30));
    return add_nano(w, false, days * 86400 * 1000000000);
}

int fhir_fp_when_add(struct fhir_when *w, bool time, struct fhir_decimal v,
                     struct str unit)
{
    struct str word = fhir_fp_calendar(unit);
    int64_t whole;
    for (size_t i = 0; i < AM_LEN(path_units); i++) {
        bool named = word.n && str_eqc(word, path_units[i].word);
        path_wide nano;
        if (!named && !(path_units[i].nano && str_eqc(unit, path_units[i].ucum)))
            continue;
        if (!path_units[i].nano) { /* years and months */
            if (time)
                return AM_E_INVALID;
            if (!fhir_fp_dec_int(v, &whole) || whole > 120000 || whole < -120000)
                return AM_E_TOOBIG;
            if (w->precision == FHIR_YEAR && i == 1)
                whole = whole / 12 * 12;
            return add_months(w, i == 0 ? whole * 12 : whole) ? AM_OK : AM_E_TOOBIG;
        }
        if (i < 6) /* decimals count for seconds and below only */
            v = fhir_fp_dec_round(v, 0, 0);
        v = fhir_fp_dec_round(v, 9, 0);
        if (v.scale != 9 || fhir_fp_dec_v(v) > (path_wide)1 << 90 ||
            fhir_fp_dec_v(v) < -((path_wide)1 << 90))
            return AM_E_TOOBIG;
        nano = fhir_fp_dec_v(v) / 1000000000 * path_units[i].nano +
               fhir_fp_dec_v(v) % 1000000000 * path_units[i].nano / 1000000000;
        if (!time && w->precision <= FHIR_DAY)
            return add_coarse(w, nano) ? AM_OK : AM_E_TOOBIG;
        if (i == 7 && w->precision == FHIR_SECOND)
            w->precision = FHIR_FRACTION, w->digits = 3;
        return add_nano(w, time, nano) ? AM_OK : AM_E_TOOBIG;
    }
    return AM_E_INVALID;
}

int fhir_fp_when_digits(const struct fhir_when *w, enum fhir_path_kind kind)
{
    static const int digits[] = {0, 4, 6, 8, 10, 12, 14, 17};
    int n = digits[w->precision];
    if (w->precision == FHIR_FRACTION)
        n = 14 + AM_MAX(w->digits, 3);
    return kind == FHIR_PATH_TIME ? n - 8 : n;
}

/* The first or the last instant that *w may mean, at `digits` of precision. */
bool fhir_fp_when_boundary(struct fhir_when *w, enum fhir_path_kind kind, int64_t digits,
                           bool high)
{
    static const int64_t known[] = {4, 6, 8, 10, 12, 14, 17};
    struct fhir_when o = *w;
    uint8_t want = 0;
    if (kind == FHIR_PATH_TIME)
        digits += 8;
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (digits == known[i])
            want = (uint8_t)(i + 1);
    if (!want || (kind == FHIR_PATH_TIME && want < FHIR_HOUR) ||
        (kind == FHIR_PATH_DATE && want > FHIR_DAY))
        return false;
    if (o.precision < FHIR_MONTH && kind != FHIR_PATH_TIME)
        o.month = high ? 12 : 1;
    if (o.precision < FHIR_DAY && kind != FHIR_PATH_TIME)
        o.day = (uint8_t)(high ? month_days(o.year, o.month) : 1);
    if (o.precision < FHIR_HOUR)
        o.hour = high ? 23 : 0;
    /* an hour alone is no FHIR dateTime: it is read as its first minute */
    if (o.precision < FHIR_MINUTE)
        o.minute = high && o.precision < FHIR_HOUR ? 59 : 0;
    if (o.precision < FHIR_SECOND)
        o.second = high ? 59 : 0;
    if (o.precision < FHIR_FRACTION)
        o.nano = high ? 999000000 : 0;
    o.digits = 3;
    o.precision = want;
    if (kind == FHIR_PATH_DATETIME && o.zone == FHIR_NO_ZONE && want >= FHIR_HOUR)
        o.zone = high ? -12 * 60 : 14 * 60;
    if (want < FHIR_HOUR)
        o.zone = FHIR_NO_ZONE;
    *w = o;
    return true;
}

void fhir_fp_when_now(int64_t at, struct fhir_when *out)
{
    int64_t s = at / 1000000, day;
    if (at < 0 && at % 1000000)
        s--;
    day = (s >= 0 ? s : s - 86399) / 86400;
    *out = (struct fhir_when){.zone = 0, .precision = FHIR_FRACTION, .digits = 3};
    from_days(day, out);
    s -= day * 86400;
    out->hour = (uint8_t)(s / 3600);
    out->minute = (uint8_t)(s / 60 % 60);
    out->second = (uint8_t)(s % 60);
    out->nano = (uint32_t)((at % 1000000 + 1000000) % 1000000 / 1000 * 1000000);
}

struct str fhir_fp_when_write(const struct fhir_when *w, enum fhir_path_kind kind,
                              char mem[PATH_WHEN_TEXT])
{
    char text[16];
    size_t n = 0;
#define PUT(...) n += (size_t)snprintf(mem + n, PATH_WHEN_TEXT - n, __VA_ARGS__)
    if (kind != FHIR_PATH_TIME) {
        PUT("%04d", w->year);
        if (w->precision >= FHIR_MONTH)
            PUT("-%02u", w->month);
        if (w->precision >= FHIR_DAY)
            PUT("-%02u", w->day);
    }
    if (w->precision >= FHIR_HOUR) {
        PUT("%s%02u", kind == FHIR_PATH_TIME ? "" : "T", w->hour);
        if (w->precision >= FHIR_MINUTE)
            PUT(":%02u", w->minute);
        if (w->precision >= FHIR_SECOND)
            PUT(":%02u", w->second);
        if (w->precision >= FHIR_FRACTION) {
            snprintf(text, sizeof text, "%09u", w->nano);
            PUT(".%.*s", w->digits ? w->digits : 3, text);
        }
        if (w->zone == 0)
            PUT("Z");
        else if (w->zone != FHIR_NO_ZONE)
            PUT("%c%02d:%02d", w->zone < 0 ? '-' : '+', abs(w->zone) / 60,
                abs(w->zone) % 60);
    }
#undef PUT
    return (struct str){mem, n};
}
