/* SPDX-License-Identifier: Apache-2.0 */
/* The primitive types of R4: the regular expressions of
 * https://hl7.org/fhir/R4/datatypes.html written as small readers, with the calendar
 * besides. */
#include "fhir/fhir_priv.h"

static bool every(struct str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(set, s.p[i]) || !s.p[i])
            return false;
    return s.n > 0;
}
#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* No control characters; something else than nothing. */
static bool text(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' && !blank(s.p[i]))
            return false;
    return s.n > 0;
}

/* One blank between words, none at the ends. */
static bool code(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (blank(s.p[i]) && (i == 0 || i + 1 == s.n || blank(s.p[i - 1])))
            return false;
    return text(s);
}

static bool no_blank(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (blank(s.p[i]))
            return false;
    return s.n > 0;
}

static bool number(struct str s, size_t digits, int lo, int hi, int *out)
{
    int64_t v;
    if (s.n != digits || !every(s, DIGITS) || str_int(s, lo, hi, &v))
        return false;
    *out = (int)v;
    return true;
}

/* YYYY, YYYY-MM, YYYY-MM-DD; whole: only the last. */
static bool date(struct str s, bool whole)
{
    static const int last[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    struct str rest, year = str_cut(s, '-', &rest), month;
    if (!number(year, 4, 1, 9999, &y) || s.p[s.n - 1] == '-')
        return false;
    if (!rest.n)
        return !whole;
    month = str_cut(rest, '-', &rest);
    if (!number(month, 2, 1, 12, &m))
        return false;
    if (!rest.n)
        return !whole;
    return number(rest, 2, 1, last[m - 1], &d) &&
           (m != 2 || d < 29 || (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)));
}

/* hh:mm:ss[.f] */
static bool clock_time(struct str s)
{
    int v;
    struct str fraction;
    if (s.n < 8 || s.p[2] != ':' || s.p[5] != ':')
        return false;
    fraction = str_sub(s, 8, s.n);
    return number(str_sub(s, 0, 2), 2, 0, 23, &v) &&
           number(str_sub(s, 3, 5), 2, 0, 59, &v) &&
           number(str_sub(s, 6, 8), 2, 0, 60, &v) &&
           (!fraction.n ||
            (fraction.p[0] == '.' && every(str_sub(fraction, 1, fraction.n), DIGITS)));
}

static bool instant(struct str s)
{
    struct str rest, day = str_cut(s, 'T', &rest);
    int h, m;
    if (!rest.n || !date(day, true))
        return false;
    if (rest.p[rest.n - 1] == 'Z')
        return clock_time(str_sub(rest, 0, rest.n - 1));
    if (rest.n < 14 || (rest.p[rest.n - 6] != '+' && rest.p[rest.n - 6] != '-') ||
        rest.p[rest.n - 3] != ':')
        return false;
    return number(str_sub(rest, rest.n - 5, rest.n - 3), 2, 0, 14, &h) &&
           number(str_sub(rest, rest.n - 2, rest.n), 2, 0, h == 14 ? 0 : 59, &m) &&
           clock_time(str_sub(rest, 0, rest.n - 6));
}

static bool base64(struct str s)
{
    size_t n = 0, pad = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (blank(s.p[i]))
            continue;
        if (s.p[i] == '=')
            pad++;
        else if (pad || !strchr(DIGITS LETTERS "+/", s.p[i]) || !s.p[i])
            return false;
        n++;
    }
    return n > 0 && n % 4 == 0 && pad <= 2;
}

static bool oid(struct str s)
{
    struct str rest;
    if (!str_starts(s, STR("urn:oid:")))
        return false;
    s = str_sub(s, 8, s.n);
    if (s.n < 3 || s.p[0] < '0' || s.p[0] > '2' || s.p[1] != '.' || s.p[s.n - 1] == '.')
        return false;
    for (rest = s; rest.n;) {
        struct str arc = str_cut(rest, '.', &rest);
        if (!every(arc, DIGITS) || (arc.n > 1 && arc.p[0] == '0'))
            return false;
    }
    return true;
}

static bool uuid(struct str s)
{
    if (s.n != 45 || !str_starts(s, STR("urn:uuid:")))
        return false;
    for (size_t i = 9; i < s.n; i++) {
        size_t k = i - 9;
        bool dash = k == 8 || k == 13 || k == 18 || k == 23;
        if (dash ? s.p[i] != '-' : !strchr(DIGITS "abcdef", s.p[i]))
            return false;
    }
    return true;
}

static bool xhtml(struct str s)
{
    return str_starts(s, STR("<div")) && str_ends(s, STR("</div>"));
}

static bool id(struct str s)
{
    return s.n <= 64 && every(s, DIGITS LETTERS "-.");
}

static bool whole_date(struct str s)
{
    return date(s, false);
}

static bool date_time(struct str s)
{
    return date(s, false) || instant(s);
}

static const struct {
    const char *type;
    bool (*is)(struct str s);
    const char *wrong;
} texts[] = {
    {"string", text, "a text without control characters"},
    {"markdown", text, "a text without control characters"},
    {"code", code, "a code: words separated by one blank"},
    {"uri", no_blank, "a URI has no blank"},
    {"url", no_blank, "a URL has no blank"},
    {"canonical", no_blank, "a canonical address has no blank"},
    {"id", id, "at most 64 letters, digits, - and ."},
    {"oid", oid, "urn:oid:..."},
    {"uuid", uuid, "urn:uuid:... in lower case"},
    {"date", whole_date, "a date: YYYY, YYYY-MM or YYYY-MM-DD"},
    {"dateTime", date_time, "a date, or a date and time with its zone"},
    {"instant", instant, "a date and time with seconds and zone"},
    {"time", clock_time, "hh:mm:ss"},
    {"base64Binary", base64, "base64"},
    {"xhtml", xhtml, "a div of XHTML"},
};

static const char *numeric(struct str type, const struct json *v)
{
    int64_t i = json_int(v, INT64_MIN);
    if (json_type(v) != JSON_NUMBER)
        return "a number";
    if (str_eqc(type, "decimal"))
        return NULL;
    if (!json_is_int(v) || i < INT32_MIN || i > INT32_MAX)
        return "a 32-bit integer";
    if (str_eqc(type, "positiveInt") && i < 1)
        return "1 or more";
    if (str_eqc(type, "unsignedInt") && i < 0)
        return "0 or more";
    return NULL;
}

const char *fhir_primitive(struct str type, const struct json *v)
{
    if (str_eqc(type, "boolean"))
        return json_type(v) == JSON_BOOL ? NULL : "true or false";
    for (size_t i = 0; i < AM_LEN(texts); i++)
        if (str_eqc(type, texts[i].type))
            return json_type(v) == JSON_STRING && texts[i].is(json_str(v))
                       ? NULL
                       : texts[i].wrong;
    return numeric(type, v);
}
