/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_param_value -- what a value means to the index, said once for resources and
 * queries: intervals of dates, folded texts, names of references, canonical units. */
#include "fhir/fhir_param_priv.h"

#include "base/clock.h"
#include "fhir/fhir.h"
#include "search/search.h"

/* ---- dates --------------------------------------------------------------------------
 */
static int date_day(struct str s, int64_t *lo, int64_t *hi)
{
    char full[32];
    int err;
    if (s.n == 10) {
        err = time_parse_date(s, lo);
        *hi = *lo + TIME_DAY - 1;
        return err;
    }
    if (s.n != 4 && s.n != 7)
        return AM_E_SYNTAX;
    snprintf(full, sizeof full, "%.*s%s", STR_FMT(s), s.n == 4 ? "-01-01" : "-01");
    err = time_parse_date(str_c(full), lo);
    for (int day = 31; !err && day >= 28; day--) { /* the last that this month has */
        snprintf(full, sizeof full, "%.*s%s-%d", STR_FMT(s), s.n == 4 ? "-12" : "", day);
        if (!time_parse_date(str_c(full), hi)) {
            *hi += TIME_DAY - 1;
            return AM_OK;
        }
    }
    return err ? err : AM_E_SYNTAX;
}

/* Digits after the point of "hh:mm:ss.fff": their width in microseconds. */
static int64_t date_width(struct str clock)
{
    int64_t w = TIME_SECOND;
    if (clock.n == 5)
        return 60 * TIME_SECOND;
    for (size_t i = 9; i < clock.n && w > 1; i++)
        w /= 10;
    return w;
}

int fhir_date_interval(struct str s, int64_t *lo, int64_t *hi)
{
    char full[48], zone[8] = "Z";
    struct str clock;
    int64_t a, b;
    size_t z = 11;
    int err, n;
    if (s.n <= 10) {
        err = date_day(s, &a, &b);
        if (!err)
            *lo = a, *hi = b;
        return err;
    }
    while (z < s.n && s.p[z] != 'Z' && s.p[z] != '+' && s.p[z] != '-' && s.p[z] != ' ')
        z++;
    clock = str_sub(s, 11, z);
    if (s.n > 40 || s.p[10] != 'T' || (clock.n != 5 && clock.n < 8) || s.n - z > 6 ||
        (clock.n > 8 && (clock.p[8] != '.' || clock.n == 9)))
        return AM_E_SYNTAX;
    for (size_t i = 9; i < clock.n; i++)
        if (clock.p[i] < '0' || clock.p[i] > '9')
            return AM_E_SYNTAX;
    if (z < s.n) /* a '+' of a query string arrives as a blank */
        snprintf(zone, sizeof zone, "%c%.*s", s.p[z] == ' ' ? '+' : s.p[z],
                 (int)(s.n - z - 1), s.p + z + 1);
    n = snprintf(full, sizeof full, "%.*sT%.*s%s%s", 10, s.p, (int)AM_MIN(clock.n, 15u),
                 clock.p, clock.n == 5 ? ":00" : "", zone);
    err = time_parse((struct str){full, (size_t)n}, &a);
    if (err)
        return err;
    *lo = a;
    *hi = a + date_width(clock) - 1;
    return AM_OK;
}

/* A missing end is open (R4 search, 3.1.1.4.7). */
static bool date_period(const struct json *v, int64_t *lo, int64_t *hi)
{
    struct str start = json_get_str(v, "start"), end = json_get_str(v, "end");
    int64_t a;
    *lo = INT64_MIN;
    *hi = INT64_MAX;
    if (!start.n && !end.n)
        return false;
    if (start.n && fhir_date_interval(start, lo, &a))
        return false;
    return !end.n || !fhir_date_interval(end, &a, hi);
}

static void date_widen(int64_t *lo, int64_t *hi, int64_t a, int64_t b, bool *some)
{
    *lo = *some ? AM_MIN(*lo, a) : a;
    *hi = *some ? AM_MAX(*hi, b) : b;
    *some = true;
}

/* The outer limits of a Timing: its events and the bounds of what repeats. */
static void date_timing(const struct json *v, int64_t *lo, int64_t *hi, bool *some)
{
    const struct json *bounds = json_get(json_get(v, "repeat"), "boundsPeriod");
    int64_t a, b;
    for (json_each(it, json_get(v, "event")))
        if (!fhir_date_interval(json_str(it.val), &a, &b))
            date_widen(lo, hi, a, b, some);
    if (bounds && date_period(bounds, &a, &b))
        date_widen(lo, hi, a, b, some);
}

void fhir_date_of(const struct json *v, const struct fhir_pbranch *b, int64_t *lo,
                  int64_t *hi, bool *some)
{
    *some = false;
    if (b->leaf == FHIR_LEAF_PERIOD)
        *some = date_period(v, lo, hi);
    else if (b->leaf == FHIR_LEAF_TIMING)
        date_timing(v, lo, hi, some);
    else
        *some = !fhir_date_interval(json_str(v), lo, hi);
}

/* ---- texts --------------------------------------------------------------------------
 */
struct str fhir_fold(struct arena *a, struct str text)
{
    size_t cap = 2 * text.n + 8;
    char *p = arena_alloc(a, cap, 1);
    size_t n = p ? search_fold(text, p, cap) : 0;
    while (p && n + 4 > cap) { /* full, perhaps: a letter may fold to several */
        cap *= 2;
        p = arena_alloc(a, cap, 1);
        n = p ? search_fold(text, p, cap) : 0;
    }
    return p ? (struct str){p, n} : STR_NULL;
}

struct str fhir_fold_row(struct arena *a, struct str text)
{
    char folded[FHIR_ROW_TEXT_MAX];
    struct str s = {folded, search_fold(text, folded, sizeof folded)};
    s.p = arena_dup(a, s);
    return s.p ? s : STR_NULL;
}

struct str fhir_no_case(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1, 1);
    if (!p)
        return STR_NULL;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i],
                      before = i ? (unsigned char)s.p[i - 1] : 0;
        bool latin = before == 0xC3 && c >= 0x80 && c <= 0x9E && c != 0x97;
        p[i] = (char)(latin || (c >= 'A' && c <= 'Z') ? c + 0x20 : c);
    }
    return (struct str){p, s.n};
}

/* ---- references ---------------------------------------------------------------------
 */
static size_t ref_mark(struct str s, struct str mark)
{
    for (size_t i = 0; i + mark.n <= s.n; i++)
        if (!memcmp(s.p + i, mark.p, mark.n))
            return i;
    return s.n;
}

struct str fhir_reference_name(struct str r, struct str base, struct str *version)
{
    size_t cut;
    *version = STR_NULL;
    if (!r.n || r.p[0] == '#' || str_find(r, '?') < r.n)
        return STR_NULL;
    if (base.n && r.n > base.n + 1 && str_starts(r, base) && r.p[base.n] == '/')
        r = str_sub(r, base.n + 1, r.n);
    cut = ref_mark(r, STR("/_history/"));
    if (cut == r.n)
        cut = str_find(r, '|'); /* a canonical address and its version */
    if (cut < r.n)
        *version = r;
    return str_sub(r, 0, cut);
}

const struct json *fhir_contained_of(const struct json *resource, struct str reference)
{
    if (reference.n < 2 || reference.p[0] != '#')
        return NULL;
    for (json_each(it, json_get(resource, "contained")))
        if (str_eq(json_get_str(it.val, "id"), str_sub(reference, 1, reference.n)))
            return it.val;
    return NULL;
}

static struct str ref_type(const struct json *resource, const struct json *v,
                           struct str reference)
{
    struct str type = json_get_str(v, "type"), rest;
    size_t end = ref_mark(reference, STR("/_history/")), from, last;
    if (reference.n && reference.p[0] == '#') {
        const struct json *inside = fhir_contained_of(resource, reference);
        return inside ? json_get_str(inside, "resourceType") : type;
    }
    for (last = end; last > 0 && reference.p[last - 1] != '/'; last--)
        ;
    for (from = last ? last - 1 : 0; from > 0 && reference.p[from - 1] != '/'; from--)
        ;
    rest = last ? str_sub(reference, from, last - 1) : STR_NULL;
    return fhir_search_type(rest) ? rest : type;
}

bool fhir_reference_of(const struct json *resource, const struct json *v,
                       const struct fhir_pbranch *b, struct str base, char own[128],
                       struct str *target, struct str *version)
{
    struct str r =
        json_type(v) == JSON_STRING ? json_str(v) : json_get_str(v, "reference");
    *version = STR_NULL;
    if (b->leaf == FHIR_LEAF_RESOURCE) { /* the resource itself stands there */
        struct str type = json_get_str(v, "resourceType"), id = json_get_str(v, "id");
        int n = snprintf(own, 128, "%.*s/%.*s", STR_FMT(type), STR_FMT(id));
        *target = (struct str){own, (size_t)n};
        return type.n && id.n && n < 128;
    }
    if (b->target && !str_eq(ref_type(resource, v, r), fhir_pool(b->target)))
        return false;
    *target = fhir_reference_name(r, base, version);
    return true;
}

/* ---- units --------------------------------------------------------------------------
 */
static uint32_t unit_number(struct str system, struct str code)
{
    return fhir_param_number(system, code); /* any hash of two texts serves */
}

double fhir_unit_value(double value, struct str system, struct str code, uint32_t *unit)
{
    double v;
    if (str_eqc(system, FHIR_UCUM) && !fhir_unit_canonical(value, code, &v, unit))
        return v;
    *unit = unit_number(system, code);
    return value;
}
