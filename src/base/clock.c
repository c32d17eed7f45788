/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t time_fixed; /* threads read it while a test moves it */

static int64_t time_read(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * TIME_SECOND + ts.tv_nsec / 1000;
}

int64_t time_now(void)
{
    int64_t fixed = atomic_load(&time_fixed);
    return fixed ? fixed : time_read(CLOCK_REALTIME);
}

int64_t time_mono(void)
{
    return time_read(CLOCK_BOOTTIME); /* counts while the machine sleeps: leases must */
}

void time_fake(int64_t now)
{
    atomic_store(&time_fixed, now);
}

/* Days since 1970-01-01 of a proleptic Gregorian date, and back: the era method (years
 * start in March, so that the leap day is last). */
static int64_t time_days(int64_t y, int m, int d)
{
    int64_t era, yoe, doy;
    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void time_civil(int64_t days, int *y, int *m, int *d)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097,
            doe = z - era * 146097,
            yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365,
            doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*m <= 2));
}

static int64_t time_floor_day(int64_t at)
{
    return at >= 0 ? at / TIME_DAY : -((-at + TIME_DAY - 1) / TIME_DAY);
}

void time_ymd(int64_t at, int *year, int *month, int *day)
{
    time_civil(time_floor_day(at), year, month, day);
}

/* n digits of v and what follows them; printf takes longer than all else of a page. */
static char *time_put(char *w, int64_t v, int n, char end)
{
    for (int i = n; i-- > 0; v /= 10)
        w[i] = (char)('0' + v % 10);
    w[n] = end;
    return w + n + 1;
}

const char *time_format(int64_t at, char out[TIME_TEXT])
{
    int64_t days = time_floor_day(at), us = at - days * TIME_DAY, s = us / TIME_SECOND;
    char *w = out;
    int y, m, d;
    time_civil(days, &y, &m, &d);
    am_assert(y >= 0 && y <= 9999);
    w = time_put(w, y, 4, '-');
    w = time_put(w, m, 2, '-');
    w = time_put(w, d, 2, 'T');
    w = time_put(w, s / 3600, 2, ':');
    w = time_put(w, s / 60 % 60, 2, ':');
    w = time_put(w, s % 60, 2, '.');
    if (us % TIME_SECOND)
        w = time_put(w, us % TIME_SECOND, 6, 'Z');
    w[-1] = 'Z';
    *w = 0;
    return out;
}

static int time_digits(struct str *s, size_t n, int lo, int hi, int *out)
{
    int v = 0;
    if (s->n < n)
        return AM_E_SYNTAX;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return AM_E_SYNTAX;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = str_sub(*s, n, s->n);
    *out = v;
    return v < lo || v > hi ? AM_E_SYNTAX : AM_OK;
}

static bool time_char(struct str *s, const char *any)
{
    if (s->n == 0 || s->p[0] == 0 || !strchr(any, s->p[0]))
        return false;
    *s = str_sub(*s, 1, s->n);
    return true;
}

static int time_month_days(int y, int m)
{
    static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)) ? 29 : len[m - 1];
}

static int time_take_date(struct str *s, int64_t *days)
{
    int y, m, d;
    if (time_digits(s, 4, 1, 9999, &y) || !time_char(s, "-") ||
        time_digits(s, 2, 1, 12, &m) || !time_char(s, "-") ||
        time_digits(s, 2, 1, time_month_days(y, m), &d))
        return AM_E_SYNTAX;
    *days = time_days(y, m, d);
    return AM_OK;
}

int time_parse_date(struct str s, int64_t *at)
{
    int64_t days;
    if (time_take_date(&s, &days) || s.n)
        return AM_E_SYNTAX;
    *at = days * TIME_DAY;
    return AM_OK;
}

static int time_take_zone(struct str *s, int64_t *offset_s)
{
    int h, m, sign = s->n && s->p[0] == '-' ? -1 : 1;
    *offset_s = 0;
    if (time_char(s, "Zz"))
        return AM_OK;
    if (!time_char(s, "+-") || time_digits(s, 2, 0, 23, &h) || !time_char(s, ":") ||
        time_digits(s, 2, 0, 59, &m))
        return AM_E_SYNTAX;
    *offset_s = sign * (h * 3600 + m * 60);
    return AM_OK;
}

int time_parse(struct str s, int64_t *at)
{
    int64_t days, zone, frac = 0, unit = TIME_SECOND / 10;
    int h, m, sec;
    if (time_take_date(&s, &days) || !time_char(&s, "Tt") ||
        time_digits(&s, 2, 0, 23, &h) || !time_char(&s, ":") ||
        time_digits(&s, 2, 0, 59, &m) || !time_char(&s, ":") ||
        time_digits(&s, 2, 0, 59, &sec))
        return AM_E_SYNTAX;
    if (time_char(&s, ".")) {
        size_t k = 0;
        for (; s.n && s.p[0] >= '0' && s.p[0] <= '9'; k++, unit /= 10) {
            frac += (s.p[0] - '0') * unit;
            s = str_sub(s, 1, s.n);
        }
        if (k == 0)
            return AM_E_SYNTAX;
    }
    if (time_take_zone(&s, &zone) || s.n)
        return AM_E_SYNTAX;
    *at = days * TIME_DAY + (h * 3600 + m * 60 + sec - zone) * TIME_SECOND + frac;
    return AM_OK;
}

static int64_t time_add_months(int64_t at, int64_t months)
{
    int64_t day = time_floor_day(at), rest = at - day * TIME_DAY, total;
    int y, m, d, last;
    time_civil(day, &y, &m, &d);
    total = (int64_t)y * 12 + (m - 1) + months;
    y = (int)(total / 12);
    m = (int)(total % 12) + 1;
    last = time_month_days(y, m);
    return time_days(y, m, AM_MIN(d, last)) * TIME_DAY + rest;
}

int time_add_iso(int64_t at, struct str duration, int64_t *out)
{
    static const char order[] = "YMDTHMS";
    size_t at_unit = 0, parts = 0;
    struct str s = duration;
    if (!time_char(&s, "P"))
        return AM_E_SYNTAX;
    while (s.n) {
        int64_t v;
        size_t k = 0;
        if (time_char(&s, "T")) {
            if (at_unit > 3 || s.n == 0)
                return AM_E_SYNTAX;
            at_unit = 4;
            continue;
        }
        while (k < s.n && s.p[k] >= '0' && s.p[k] <= '9')
            k++;
        if (k == s.n || str_int(str_sub(s, 0, k), 0, 1000000, &v))
            return AM_E_SYNTAX;
        while (at_unit < 7 && order[at_unit] != s.p[k])
            at_unit = order[at_unit] == 'T' ? 7 : at_unit + 1;
        if (at_unit == 7)
            return AM_E_SYNTAX;
        switch (at_unit++) {
        case 0:
            at = time_add_months(at, v > 9000 ? 0 : v * 12);
            break;
        case 1:
            at = time_add_months(at, v > 100000 ? 0 : v);
            break;
        case 2:
            at += v * TIME_DAY;
            break;
        case 4:
            at += v * 3600 * TIME_SECOND;
            break;
        case 5:
            at += v * 60 * TIME_SECOND;
            break;
        default:
            at += v * TIME_SECOND;
        }
        parts++;
        s = str_sub(s, k + 1, s.n);
    }
    if (!parts)
        return AM_E_SYNTAX;
    *out = at;
    return AM_OK;
}
