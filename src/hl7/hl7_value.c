/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "hl7/map.h"

/* ---- numbers ---- */
static size_t digits(struct str s, size_t from)
{
    size_t n = from;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n - from;
}

int hl7_decimal(struct buf *out, struct str s)
{
    size_t i = s.n && (s.p[0] == '+' || s.p[0] == '-'), whole = digits(s, i), part = 0;
    size_t zeros = 0, at = i + whole, before = out->n;
    bool negative = i && s.p[0] == '-';
    int err = AM_OK;
    if (at < s.n && s.p[at] == '.')
        part = digits(s, ++at);
    if (at + part != s.n || whole + part == 0 || whole + part > 30)
        return AM_E_SYNTAX;
    while (zeros + 1 < whole && s.p[i + zeros] == '0')
        zeros++;
    if (negative)
        err = buf_addc(out, '-');
    if (!err)
        err = whole ? buf_add(out, str_sub(s, i + zeros, i + whole)) : buf_addc(out, '0');
    if (!err && part)
        err = buf_addc(out, '.');
    if (!err && part)
        err = buf_add(out, str_sub(s, at, at + part));
    if (err)
        buf_cut(out, before);
    return err;
}

/* ---- dates ---- */
struct when {
    int year, month, day, hour, minute, second; /* -1: not given */
    struct str fraction;                        /* digits after the point */
    char zone[7];                               /* "+01:00"; empty: none */
};

static bool take(struct str *s, size_t n, int lo, int hi, int *out)
{
    int64_t v;
    if (digits(str_sub(*s, 0, n), 0) != n || str_int(str_sub(*s, 0, n), lo, hi, &v))
        return false;
    *out = (int)v;
    *s = str_sub(*s, n, s->n);
    return true;
}

static int month_days(int y, int m)
{
    static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : n[m - 1];
}

static bool zone_read(struct str s, char zone[7])
{
    int h, m;
    char sign = s.n ? s.p[0] : 0;
    if (s.n != 5 || (sign != '+' && sign != '-'))
        return false;
    s = str_sub(s, 1, s.n);
    if (!take(&s, 2, 0, 14, &h) || !take(&s, 2, 0, 59, &m))
        return false;
    snprintf(zone, 7, "%c%02d:%02d", sign, h, m);
    return true;
}

static int when_read(struct when *w, struct str s)
{
    size_t z = 0;
    *w = (struct when){.month = -1, .day = -1, .hour = -1, .minute = -1, .second = -1};
    while (z < s.n && s.p[z] != '+' && s.p[z] != '-')
        z++;
    if (z < s.n && !zone_read(str_sub(s, z, s.n), w->zone))
        return AM_E_SYNTAX;
    s = str_sub(s, 0, z);
    if (!take(&s, 4, 1, 9999, &w->year))
        return AM_E_SYNTAX;
    if (s.n && !take(&s, 2, 1, 12, &w->month))
        return AM_E_SYNTAX;
    if (s.n && !take(&s, 2, 1, month_days(w->year, w->month), &w->day))
        return AM_E_SYNTAX;
    if (s.n && !take(&s, 2, 0, 23, &w->hour))
        return AM_E_SYNTAX;
    if (s.n && !take(&s, 2, 0, 59, &w->minute))
        return AM_E_SYNTAX;
    if (s.n && !take(&s, 2, 0, 59, &w->second))
        return AM_E_SYNTAX;
    if (s.n > 1 && s.p[0] == '.' && w->second >= 0 && digits(s, 1) == s.n - 1 && s.n <= 7)
        w->fraction = str_sub(s, 1, s.n);
    else if (s.n)
        return AM_E_SYNTAX;
    return AM_OK;
}

static int date_put(struct buf *out, const struct when *w)
{
    if (w->month < 0)
        return buf_addf(out, "%04d", w->year);
    if (w->day < 0)
        return buf_addf(out, "%04d-%02d", w->year, w->month);
    return buf_addf(out, "%04d-%02d-%02d", w->year, w->month, w->day);
}

int hl7_date(struct buf *out, struct str s)
{
    struct when w;
    int err = when_read(&w, s);
    return err ? err : date_put(out, &w);
}

int hl7_date_time(struct buf *out, struct str s, struct str zone)
{
    struct when w;
    int err = when_read(&w, s);
    if (err || w.minute < 0)
        return err ? err : date_put(out, &w);
    if (!w.zone[0] && !zone.n)
        return AM_E_NOTFOUND;
    /* FHIR wants seconds with minutes, and says that they may be filled with zero. */
    return buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d%s%.*s%.*s", w.year, w.month,
                    w.day, w.hour, w.minute, w.second < 0 ? 0 : w.second,
                    w.fraction.n ? "." : "", STR_FMT(w.fraction),
                    w.zone[0] ? 6 : (int)zone.n, w.zone[0] ? w.zone : zone.p);
}

int hl7_instant(struct str s, struct str zone, int64_t *at)
{
    struct buf b;
    int err;
    buf_init(&b, 64);
    err = hl7_date_time(&b, s, zone);
    if (!err)
        err = time_parse(buf_str(&b), at);
    buf_release(&b);
    return err;
}

/* ---- parts of an address ---- */
int hl7_uri(struct buf *out, struct str s)
{
    int err = AM_OK;
    for (size_t i = 0; !err && i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                     (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));
        err = plain ? buf_addc(out, (char)c) : buf_addf(out, "%%%02X", c);
    }
    return err;
}

/* ---- merging ---- */
static bool among(const struct json *names, struct str key)
{
    for (json_each(it, names))
        if (str_eq(json_str(it.val), key))
            return true;
    return false;
}

/* "deceased" of deceasedBoolean, deceasedDateTime; STR_NULL: key is of no choice. */
static struct str choice_of(const struct json *choices, struct str key)
{
    for (json_each(it, choices)) {
        struct str name = json_str(it.val);
        if (str_starts(key, name) && key.n > name.n && key.p[name.n] >= 'A' &&
            key.p[name.n] <= 'Z')
            return name;
    }
    return STR_NULL;
}

/* The member of v that is of that choice, and has another name. */
static const struct json *other_of(const struct json *choices, struct str key,
                                   const struct json *v)
{
    struct str name = choice_of(choices, key);
    for (json_each(it, name.n ? v : NULL))
        if (!str_eq(it.key, key) && str_eq(choice_of(choices, it.key), name))
            return it.val;
    return NULL;
}

/* Does `over` take the place of a member of base by another type? That something is
 * (true) is less than when it was, or how often: then base stays. */
static bool says_more(const struct json *over)
{
    return over && !json_bool(over, false);
}

static void merge(struct jw *w, const struct json *base, const struct json *over,
                  const struct hl7_merging *how)
{
    static const struct hl7_merging plain = {0};
    if (json_type(base) != JSON_OBJECT || json_type(over) != JSON_OBJECT) {
        jw_val(w, over);
        return;
    }
    jw_obj(w);
    for (json_each(it, base)) {
        const struct json *new =
            among(how->keep, it.key) ? NULL : json_getn(over, it.key);
        if (!new && says_more(other_of(how->choice, it.key, over)))
            continue;
        jw_keyn(w, it.key);
        if (new)
            merge(w, among(how->whole, it.key) ? NULL : it.val, new, &plain);
        else
            jw_val(w, it.val);
    }
    for (json_each(it, over)) {
        bool less = !says_more(it.val) && other_of(how->choice, it.key, base);
        if (!json_getn(base, it.key) && !less) {
            jw_keyn(w, it.key);
            jw_val(w, it.val);
        }
    }
    jw_obj_end(w);
}

int hl7_merge(struct buf *out, const struct json *base, const struct json *over,
              const struct hl7_merging *how)
{
    size_t before = out->n;
    struct jw w;
    int err;
    jw_init(&w, out);
    merge(&w, base, over, how);
    err = jw_done(&w);
    if (err)
        buf_cut(out, before);
    return err;
}
