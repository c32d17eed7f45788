/* SPDX-License-Identifier: Apache-2.0 */
/* Primitive values: what the regular expressions of the specification say, and calendars
 * besides (30 February is no date). NULL, or what was expected. */
#include "fhir/fhir_valid_priv.h"

enum { V_TEXT_MAX = 1 << 20 }; /* "strings SHALL NOT exceed 1MB in size" */

/* Classes of bytes, so that a text is one loop over a table. */
enum { V_SPACE = 1, V_DIGIT = 2, V_ALPHA = 4, V_ID = 8, V_BASE64 = 16, V_CTRL = 32 };
static uint8_t class_of(unsigned char c)
{
    uint8_t k = 0;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        k = V_SPACE;
    else if (c < 32)
        k = V_CTRL;
    else if (c >= '0' && c <= '9')
        k = V_DIGIT | V_ID | V_BASE64;
    else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        k = V_ALPHA | V_ID | V_BASE64;
    else if (c == '-' || c == '.')
        k = V_ID;
    else if (c == '+' || c == '/')
        k = V_BASE64;
    return k;
}

static bool all(struct str s, unsigned classes)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(class_of((unsigned char)s.p[i]) & classes))
            return false;
    return s.n > 0;
}

static bool text(struct str s)
{
    bool ink = false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 32 && c != '\t' && c != '\n' && c != '\r')
            return false;
        ink |= c > 32;
    }
    return ink && s.n <= V_TEXT_MAX;
}

/* Elements of HTML that act: whoever shows a text as HTML runs them. */
static bool acts(struct str s)
{
    static const char *const active[] = {"script", "iframe", "object", "embed"};
    for (size_t i = 0; i < AM_LEN(active); i++) {
        size_t n = strlen(active[i]);
        if (s.n > n && str_eq_nocase(str_sub(s, 0, n), str_c(active[i])) &&
            !(class_of((unsigned char)s.p[n]) & V_ID))
            return true;
    }
    return false;
}

/* The narrative may have none (2.4.0), and a plain text is not a way around that. */
static bool plain(struct str s)
{
    const char *p = s.n ? memchr(s.p, '<', s.n) : NULL;
    while (p) {
        size_t at = (size_t)(p - s.p) + 1;
        if (acts(str_sub(s, at, s.n)))
            return false;
        p = at < s.n ? memchr(s.p + at, '<', s.n - at) : NULL;
    }
    return text(s);
}

static bool no_space(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ')
            return false;
    return s.n > 0;
}

static bool code(struct str s)
{
    bool gap = true; /* a blank may not come first, nor twice, nor last */
    for (size_t i = 0; i < s.n; i++) {
        uint8_t k = class_of((unsigned char)s.p[i]);
        if (k == V_CTRL || (k == V_SPACE && gap))
            return false;
        gap = k == V_SPACE;
    }
    return s.n > 0 && !gap;
}

bool fhir_valid_id(struct str s)
{
    return s.n <= 64 && all(s, V_ID);
}

static bool two(const char *p, int lo, int hi, int *v)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *v = (p[0] - '0') * 10 + (p[1] - '0');
    return *v >= lo && *v <= hi;
}

static bool date(struct str s, bool whole)
{
    static const int8_t last[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int century, year, m, d;
    if (s.n < 4 || !two(s.p, 0, 99, &century) || !two(s.p + 2, 0, 99, &year))
        return false;
    year += century * 100;
    if (!year || (s.n == 4 && whole))
        return false;
    if (s.n == 4)
        return true;
    if (s.n < 7 || s.p[4] != '-' || !two(s.p + 5, 1, 12, &m))
        return false;
    if (s.n == 7)
        return !whole;
    if (s.n != 10 || s.p[7] != '-' || !two(s.p + 8, 1, last[m - 1], &d))
        return false;
    return m != 2 || d < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* hh:mm:ss[.f] */
static bool clock_time(struct str s)
{
    int v;
    return s.n >= 8 && s.p[2] == ':' && s.p[5] == ':' && two(s.p, 0, 23, &v) &&
           two(s.p + 3, 0, 59, &v) && two(s.p + 6, 0, 60, &v) &&
           (s.n == 8 || (s.p[8] == '.' && all(str_sub(s, 9, s.n), V_DIGIT)));
}

static bool instant(struct str s)
{
    int h, m;
    const char *z;
    if (s.n < 20 || s.p[10] != 'T' || !date(str_sub(s, 0, 10), true))
        return false;
    if (s.p[s.n - 1] == 'Z')
        return clock_time(str_sub(s, 11, s.n - 1));
    z = s.p + s.n - 6;
    return s.n >= 25 && (z[0] == '+' || z[0] == '-') && z[3] == ':' &&
           two(z + 1, 0, 14, &h) && two(z + 4, 0, h == 14 ? 0 : 59, &m) &&
           clock_time(str_sub(s, 11, s.n - 6));
}

static bool date_time(struct str s)
{
    return s.n <= 10 ? date(s, false) : instant(s);
}

static bool whole_date(struct str s)
{
    return date(s, false);
}

static bool base64(struct str s)
{
    size_t n = 0, pad = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t k = class_of((unsigned char)s.p[i]);
        if (k == V_SPACE)
            continue;
        if (s.p[i] == '=')
            pad++;
        else if (pad || !(k & V_BASE64))
            return false;
        n++;
    }
    return n > 0 && n % 4 == 0 && pad <= 2;
}

/* What follows "urn:oid:". */
static bool arcs(struct str s)
{
    struct str rest = s;
    if (s.n < 3 || s.p[0] < '0' || s.p[0] > '2' || s.p[1] != '.' || s.p[s.n - 1] == '.')
        return false;
    while (rest.n) {
        struct str arc = str_cut(rest, '.', &rest);
        if (!all(arc, V_DIGIT) || (arc.n > 1 && arc.p[0] == '0'))
            return false;
    }
    return true;
}

/* What follows "urn:uuid:". */
static bool dashed(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (i == 8 || i == 13 || i == 18 || i == 23
                ? c != '-'
                : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return s.n == 36;
}

static bool oid(struct str s)
{
    return str_starts(s, STR("urn:oid:")) && arcs(str_sub(s, 8, s.n));
}

static bool uuid(struct str s)
{
    return str_starts(s, STR("urn:uuid:")) && dashed(str_sub(s, 9, s.n));
}

/* A uri: no blank, and where it says it is an OID or a UUID, one. */
static bool uri(struct str s)
{
    if (!no_space(s))
        return false;
    if (s.p[0] == 'u' && str_starts(s, STR("urn:")))
        return str_starts(s, STR("urn:oid:"))    ? oid(s)
               : str_starts(s, STR("urn:uuid:")) ? uuid(s)
                                                 : true;
    return !str_starts(s, STR("oid:")) && !str_starts(s, STR("uuid:"));
}

static bool div_of_xhtml(struct str s)
{
    return str_starts(s, STR("<div")) || str_starts(s, STR("<?xml"));
}

static const char *numeric(enum fhir_prim prim, const struct json *v)
{
    struct str written = json_num_text(v);
    int64_t i = json_int(v, INT64_MIN);
    if (json_type(v) != JSON_NUMBER)
        return "a number";
    if (prim == FHIR_PRIM_DECIMAL)
        return NULL;
    if (!json_is_int(v) || i < INT32_MIN || i > INT32_MAX ||
        (written.n && !all(str_sub(written, written.p[0] == '-', written.n), V_DIGIT)))
        return "a 32-bit integer";
    if (prim == FHIR_PRIM_POSITIVE_INT && i < 1)
        return "1 or more";
    if (prim == FHIR_PRIM_UNSIGNED_INT && i < 0)
        return "0 or more";
    return NULL;
}

static const struct {
    bool (*is)(struct str s);
    const char *wrong;
} grammars[] = {
    [FHIR_PRIM_STRING] = {plain, "a text: not blank, without control characters, 1 MB; "
                                 "no script, iframe, object or embed of HTML"},
    [FHIR_PRIM_MARKDOWN] = {text, "a text: not blank, without control characters, 1 MB"},
    [FHIR_PRIM_CODE] = {code, "a code: words separated by one blank"},
    [FHIR_PRIM_ID] = {fhir_valid_id, "at most 64 letters, digits, - and ."},
    [FHIR_PRIM_URI] = {uri, "a URI without blanks; urn:oid: and urn:uuid: well formed"},
    [FHIR_PRIM_URL] = {uri, "a URI without blanks; urn:oid: and urn:uuid: well formed"},
    [FHIR_PRIM_CANONICAL] = {uri,
                             "a URI without blanks; urn:oid: and urn:uuid: well formed"},
    [FHIR_PRIM_OID] = {oid, "urn:oid:..."},
    [FHIR_PRIM_UUID] = {uuid, "urn:uuid:... in lower case"},
    [FHIR_PRIM_DATE] = {whole_date, "a date: YYYY, YYYY-MM or YYYY-MM-DD"},
    [FHIR_PRIM_DATE_TIME] = {date_time, "a date, or a date and time with its zone"},
    [FHIR_PRIM_INSTANT] = {instant, "a date and time with seconds and zone"},
    [FHIR_PRIM_TIME] = {clock_time, "hh:mm:ss"},
    [FHIR_PRIM_BASE64_BINARY] = {base64, "base64"},
    [FHIR_PRIM_XHTML] = {div_of_xhtml, "a div of XHTML"},
};

const char *fhir_valid_prim(enum fhir_prim prim, const struct json *v)
{
    if (prim == FHIR_PRIM_BOOLEAN)
        return json_type(v) == JSON_BOOL ? NULL : "true or false";
    if (prim < AM_LEN(grammars) && grammars[prim].is)
        return json_type(v) == JSON_STRING && grammars[prim].is(json_str(v))
                   ? NULL
                   : grammars[prim].wrong;
    return numeric(prim, v);
}
