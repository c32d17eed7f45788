/* SPDX-License-Identifier: Apache-2.0 */
/* json_format -- the formats that are asserted, each by its RFC. */
#include "json/json_schema_priv.h"

/* n decimal digits at *i as a number; -1 when they are not there. */
static int json_digits_at(struct str s, size_t *i, size_t n)
{
    int v = 0;
    if (*i + n > s.n)
        return -1;
    for (size_t k = 0; k < n; k++) {
        char c = s.p[*i + k];
        if (c < '0' || c > '9')
            return -1;
        v = v * 10 + (c - '0');
    }
    *i += n;
    return v;
}

static bool json_char_at(struct str s, size_t *i, const char *of)
{
    if (*i >= s.n || !s.p[*i] || !strchr(of, s.p[*i]))
        return false;
    ++*i;
    return true;
}

/* RFC 3339 full-date, with the calendar. */
static bool json_date_at(struct str s, size_t *i)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y = json_digits_at(s, i, 4), m, d;
    bool leap;
    if (y < 0 || !json_char_at(s, i, "-") || (m = json_digits_at(s, i, 2)) < 1 ||
        m > 12 || !json_char_at(s, i, "-") || (d = json_digits_at(s, i, 2)) < 1)
        return false;
    leap = m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    return d <= days[m - 1] + leap;
}

/* RFC 3339 full-time. A leap second can only be the last of a day in UTC. */
static bool json_time_at(struct str s, size_t *i)
{
    int h = json_digits_at(s, i, 2), m, sec, oh = 0, om = 0, sign = 1, utc;
    if (h < 0 || h > 23 || !json_char_at(s, i, ":") ||
        (m = json_digits_at(s, i, 2)) < 0 || m > 59 || !json_char_at(s, i, ":") ||
        (sec = json_digits_at(s, i, 2)) < 0 || sec > 60)
        return false;
    if (json_char_at(s, i, ".")) {
        size_t from = *i;
        while (json_char_at(s, i, "0123456789"))
            ;
        if (*i == from)
            return false;
    }
    if (!json_char_at(s, i, "Zz")) {
        sign = *i < s.n && s.p[*i] == '-' ? -1 : 1;
        if (!json_char_at(s, i, "+-") || (oh = json_digits_at(s, i, 2)) < 0 || oh > 23 ||
            !json_char_at(s, i, ":") || (om = json_digits_at(s, i, 2)) < 0 || om > 59)
            return false;
    }
    utc = (h * 60 + m - sign * (oh * 60 + om) + 2 * 1440) % 1440;
    return sec < 60 || utc == 23 * 60 + 59;
}

static bool json_format_date(struct str s)
{
    size_t i = 0;
    return json_date_at(s, &i) && i == s.n;
}

static bool json_format_date_time(struct str s)
{
    size_t i = 0;
    return json_date_at(s, &i) && json_char_at(s, &i, "Tt") && json_time_at(s, &i) &&
           i == s.n;
}

/* 8-4-4-4-12 hexadecimal digits, RFC 4122. */
static bool json_format_uuid(struct str s)
{
    if (s.n != 36)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        size_t k = i;
        if (!json_char_at(s, &k, dash ? "-" : "0123456789abcdefABCDEF"))
            return false;
    }
    return true;
}

static bool json_format_pointer(struct str s)
{
    if (s.n && s.p[0] != '/')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '~' && (i + 1 >= s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '1')))
            return false;
    return true;
}

static bool json_format_regex(struct str s)
{
    struct json_regex *re;
    int err = json_regex_new(&re, s, 0, NULL);
    if (!err)
        json_regex_free(re);
    return err != AM_E_INVALID; /* what we do not run may still be well-formed */
}

/* Dotted runs of atext, RFC 5321 section 4.1.2. */
static bool json_dot_atom(struct str s, const char *marks)
{
    bool dot = true; /* one may not stand here */
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == '.' ? dot : !alnum && !(c && strchr(marks, c)))
            return false;
        dot = c == '.';
    }
    return !dot;
}

static bool json_ipv4(struct str s)
{
    for (int k = 0; k < 4; k++) {
        struct str rest, part = str_cut(s, '.', &rest);
        int64_t v;
        if (str_int(part, 0, 255, &v) || (part.n > 1 && part.p[0] == '0') ||
            (rest.p == NULL) != (k == 3))
            return false;
        s = rest;
    }
    return true;
}

static bool json_email_domain(struct str s)
{
    if (str_starts(s, STR("[")) && str_ends(s, STR("]"))) {
        s = str_sub(s, 1, s.n - 1);
        if (!str_starts(s, STR("IPv6:")))
            return json_ipv4(s);
        for (size_t i = 5; i < s.n;)
            if (!json_char_at(s, &i, "0123456789abcdefABCDEF:."))
                return false;
        return s.n >= 7;
    }
    return s.n <= 255 && json_dot_atom(s, "-") && !str_starts(s, STR("-")) &&
           !str_ends(s, STR("-"));
}

static bool json_format_email(struct str s)
{
    size_t at = s.n;
    struct str local;
    while (at && s.p[at - 1] != '@')
        at--;
    if (!at)
        return false;
    local = str_sub(s, 0, at - 1);
    if (local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"') {
        for (size_t i = 1; i + 1 < local.n; i++) {
            if (local.p[i] == '"' || (unsigned char)local.p[i] < 0x20)
                return false;
            if (local.p[i] == '\\' && ++i + 1 >= local.n)
                return false;
        }
    } else if (local.n > 64 || !json_dot_atom(local, "!#$%&'*+-/=?^_`{|}~")) {
        return false;
    }
    return json_email_domain(str_sub(s, at, s.n));
}

json_format_fn *json_format(struct str name)
{
    static const struct {
        const char *name;
        json_format_fn *fn;
    } t[] = {{"date", json_format_date},  {"date-time", json_format_date_time},
             {"uri", json_uri_ok},        {"email", json_format_email},
             {"uuid", json_format_uuid},  {"json-pointer", json_format_pointer},
             {"regex", json_format_regex}};
    for (size_t i = 0; i < AM_LEN(t); i++)
        if (str_eqc(name, t[i].name))
            return t[i].fn;
    return NULL;
}
