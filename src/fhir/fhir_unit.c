/* SPDX-License-Identifier: Apache-2.0 */
/* UCUM: parsing unit expressions into a factor and a dimension vector, converting between
 * commensurable units. Grammar: the UCUM specification 2.1, section 2; units on ratio
 * scales: fhir_ucum_tbl.h; special units (sections 21 and 22): the temperatures by their
 * scale; all others (pH, levels, slopes, homeopathic and prism units) equal themselves
 * alone: 10 dB is 1 B, and neither is a number of anything else. */
#include "fhir/fhir_priv.h"

#include <math.h>

#include "fhir/fhir_ucum_tbl.h"

struct fhir_atom {
    const char *code;
    bool metric;
    double factor;
    signed char dim[FHIR_ARBITRARY];
    bool arbitrary;
    double offset;
};

static const struct fhir_atom fhir_atoms[] = {
#define X(code, metric, factor, m, s, g, rad, k, c, cd, arbitrary)                       \
    {code, metric, factor, {m, s, g, rad, k, c, cd}, arbitrary, 0},
    FHIR_UCUM_TABLE(X)
#undef X
};
static const struct fhir_atom fhir_special[] = {
    {"Cel", true, 1, {[4] = 1}, false, 273.15},
    {"[degF]", false, 5.0 / 9.0, {[4] = 1}, false, 459.67},
    {"[degRe]", false, 1.25, {[4] = 1}, false, 218.52},
    {"[pH]", false, 1, {0}, true, 0}, /* a logarithm of mol/l: no factor can convert it */
    {"Np", true, 1, {0}, true, 0},
    {"B", true, 1, {0}, true, 0},
    {"B[SPL]", true, 1, {0}, true, 0},
    {"B[V]", true, 1, {0}, true, 0},
    {"B[mV]", true, 1, {0}, true, 0},
    {"B[uV]", true, 1, {0}, true, 0},
    {"B[10.nV]", true, 1, {0}, true, 0},
    {"B[W]", true, 1, {0}, true, 0},
    {"B[kW]", true, 1, {0}, true, 0},
    {"%[slope]", false, 1, {0}, true, 0},
    {"[p'diop]", false, 1, {0}, true, 0},
    {"[hp'_X]", false, 1, {0}, true, 0},
    {"[hp'_C]", false, 1, {0}, true, 0},
    {"[hp'_M]", false, 1, {0}, true, 0},
    {"[hp'_Q]", false, 1, {0}, true, 0},
    {"[m/s2/Hz^(1/2)]", false, 1, {0}, true, 0},
    {"bit_s", false, 1, {0}, true, 0},
};

static const struct {
    const char *code;
    double factor;
} fhir_prefixes[] = {
    {"Y", 1e24},  {"Z", 1e21},     {"E", 1e18},          {"P", 1e15},
    {"T", 1e12},  {"G", 1e9},      {"M", 1e6},           {"k", 1e3},
    {"h", 1e2},   {"da", 1e1},     {"d", 1e-1},          {"c", 1e-2},
    {"m", 1e-3},  {"u", 1e-6},     {"n", 1e-9},          {"p", 1e-12},
    {"f", 1e-15}, {"a", 1e-18},    {"z", 1e-21},         {"y", 1e-24},
    {"Ki", 1024}, {"Mi", 1048576}, {"Gi", 1073741824.0}, {"Ti", 1099511627776.0}};

static const struct fhir_atom *fhir_atom_find(struct str s)
{
    size_t lo = 0, hi = AM_LEN(fhir_atoms);
    for (size_t i = 0; i < AM_LEN(fhir_special); i++)
        if (str_eqc(s, fhir_special[i].code))
            return &fhir_special[i];
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = str_cmp(s, str_c(fhir_atoms[mid].code));
        if (c == 0)
            return &fhir_atoms[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

/* Which one it is: kept in index rows, so it stays what it is (the first was pH). */
static unsigned fhir_arbitrary(const struct fhir_atom *a)
{
    if (a < fhir_special || a >= fhir_special + AM_LEN(fhir_special))
        return 2 + (unsigned)(a - fhir_atoms);
    return a == &fhir_special[3] ? 1 : 0x10000 + (unsigned)(a - fhir_special);
}

static void fhir_from_atom(const struct fhir_atom *a, double prefix,
                           struct fhir_unit *out)
{
    *out = (struct fhir_unit){.factor = a->factor * prefix, .offset = a->offset / prefix};
    for (int i = 0; i < FHIR_ARBITRARY; i++)
        out->dim[i] = a->dim[i];
    if (a->arbitrary) {
        if (!strcmp(a->code, "[IU]")) /* [IU] is [iU] spelt otherwise */
            a = fhir_atom_find(STR("[iU]"));
        out->dim[FHIR_ARBITRARY] = 1;
        out->arbitrary = fhir_arbitrary(a);
    }
}

static int fhir_atom(struct str s, struct fhir_unit *out)
{
    const struct fhir_atom *a = fhir_atom_find(s);
    if (a) {
        fhir_from_atom(a, 1, out);
        return AM_OK;
    }
    for (size_t p = 0; p < AM_LEN(fhir_prefixes); p++) {
        struct str prefix = str_c(fhir_prefixes[p].code);
        if (!str_starts(s, prefix))
            continue;
        a = fhir_atom_find(str_sub(s, prefix.n, s.n));
        if (a && a->metric) {
            fhir_from_atom(a, fhir_prefixes[p].factor, out);
            return AM_OK;
        }
    }
    return AM_E_SYNTAX;
}

static int fhir_combine(struct fhir_unit *u, const struct fhir_unit *v, int power)
{
    /* A special unit stands alone (UCUM section 21): Cel/s has no meaning here. */
    if (v->offset != 0 || u->offset != 0)
        return AM_E_SYNTAX;
    u->factor *= pow(v->factor, power);
    for (int i = 0; i < FHIR_DIMS; i++)
        u->dim[i] += v->dim[i] * power;
    if (v->arbitrary && u->arbitrary && u->arbitrary != v->arbitrary)
        return AM_E_SYNTAX;
    if (v->arbitrary)
        u->arbitrary = v->arbitrary;
    if (!u->dim[FHIR_ARBITRARY])
        u->arbitrary = 0; /* [iU]/[iU]: a plain number again */
    return AM_OK;
}

struct fhir_scan {
    struct str left;
    const char *start;
    unsigned depth;
};

static int fhir_term(struct fhir_scan *s, struct fhir_unit *out);

static int fhir_skip_annotation(struct fhir_scan *s)
{
    size_t end;
    if (!s->left.n || s->left.p[0] != '{')
        return AM_OK;
    end = str_find(s->left, '}');
    if (end == s->left.n || str_find(str_sub(s->left, 1, end), '{') < end - 1)
        return AM_E_SYNTAX;
    s->left = str_sub(s->left, end + 1, s->left.n);
    return AM_OK;
}

/* The symbol up to an operator or an exponent: brackets protect what they hold. */
static struct str fhir_take_symbol(struct fhir_scan *s)
{
    size_t i = 0;
    bool inside = false;
    for (; i < s->left.n; i++) {
        char c = s->left.p[i];
        if (c == '[')
            inside = true;
        else if (c == ']')
            inside = false;
        else if (!inside &&
                 (strchr("./(){}", c) || c == '+' || c == '-' || (c >= '0' && c <= '9')))
            break;
    }
    {
        struct str symbol = str_sub(s->left, 0, i);
        s->left = str_sub(s->left, i, s->left.n);
        return symbol;
    }
}

static int fhir_exponent(struct fhir_scan *s, int *out)
{
    size_t i = 0;
    int64_t v;
    *out = 1;
    if (i < s->left.n && (s->left.p[i] == '+' || s->left.p[i] == '-'))
        i++;
    while (i < s->left.n && s->left.p[i] >= '0' && s->left.p[i] <= '9')
        i++;
    if (i == 0)
        return AM_OK;
    if (str_int(str_sub(s->left, s->left.p[0] == '+', i), -99, 99, &v))
        return AM_E_SYNTAX;
    *out = (int)v;
    s->left = str_sub(s->left, i, s->left.n);
    return AM_OK;
}

static int fhir_number(struct fhir_scan *s, struct fhir_unit *out)
{
    size_t i = 0;
    int64_t v;
    while (i < s->left.n && s->left.p[i] >= '0' && s->left.p[i] <= '9')
        i++;
    if (str_int(str_sub(s->left, 0, i), 0, INT64_C(1000000000000), &v))
        return AM_E_SYNTAX;
    *out = (struct fhir_unit){.factor = (double)v};
    s->left = str_sub(s->left, i, s->left.n);
    /* "10*3" and "10^3" are the number ten raised (UCUM table 2). */
    if (v == 10 && s->left.n && (s->left.p[0] == '*' || s->left.p[0] == '^')) {
        int power;
        s->left = str_sub(s->left, 1, s->left.n);
        if (fhir_exponent(s, &power))
            return AM_E_SYNTAX;
        out->factor = pow(10, power);
    }
    return AM_OK;
}

static int fhir_component(struct fhir_scan *s, struct fhir_unit *out)
{
    struct fhir_unit atom;
    int power, err;
    *out = (struct fhir_unit){.factor = 1};
    if (s->left.n && s->left.p[0] == '{')
        return fhir_skip_annotation(s); /* {score}: the unity, annotated */
    if (s->left.n && s->left.p[0] == '(') {
        if (++s->depth > 16)
            return AM_E_SYNTAX;
        s->left = str_sub(s->left, 1, s->left.n);
        err = fhir_term(s, out);
        s->depth--;
        if (err || !s->left.n || s->left.p[0] != ')')
            return AM_E_SYNTAX;
        s->left = str_sub(s->left, 1, s->left.n);
        return fhir_skip_annotation(s);
    }
    if (s->left.n && s->left.p[0] >= '0' && s->left.p[0] <= '9') {
        err = fhir_number(s, out);
        return err ? err : fhir_skip_annotation(s);
    }
    err = fhir_atom(fhir_take_symbol(s), &atom);
    if (!err)
        err = fhir_exponent(s, &power);
    if (err)
        return err;
    if (power == 1)
        *out = atom;
    else
        err = fhir_combine(out, &atom, power);
    return err ? err : fhir_skip_annotation(s);
}

static int fhir_term(struct fhir_scan *s, struct fhir_unit *out)
{
    int sign = 1, err;
    bool first = true;
    struct fhir_unit total = {.factor = 1}, one;
    if (s->left.n && s->left.p[0] == '/' && s->left.p == s->start) {
        sign = -1; /* "/min": only at the very beginning */
        s->left = str_sub(s->left, 1, s->left.n);
    }
    for (;;) {
        err = fhir_component(s, &one);
        if (err)
            return err;
        if (first && sign == 1)
            total = one;
        else
            err = fhir_combine(&total, &one, sign);
        if (err)
            return err;
        first = false;
        if (!s->left.n || (s->left.p[0] != '.' && s->left.p[0] != '/'))
            break;
        sign = s->left.p[0] == '/' ? -1 : 1;
        s->left = str_sub(s->left, 1, s->left.n);
    }
    *out = total;
    return AM_OK;
}

int fhir_unit_parse(struct str unit, struct fhir_unit *out)
{
    struct fhir_scan s = {.left = unit, .start = unit.p};
    if (unit.n == 0 || unit.n > 256)
        return AM_E_SYNTAX;
    if (fhir_term(&s, out) || s.left.n)
        return AM_E_SYNTAX;
    /* "0", "1/0", or prefixes and powers past what a double holds measure nothing. */
    return isfinite(out->factor) && out->factor > 0 ? AM_OK : AM_E_SYNTAX;
}

int fhir_unit_check(struct str unit)
{
    struct fhir_unit u;
    return fhir_unit_parse(unit, &u);
}

int fhir_unit_convert(double value, struct str from, struct str to, double *out)
{
    struct fhir_unit a, b;
    if (str_eq(from, to)) { /* no arithmetic, no rounding */
        int err = fhir_unit_check(from);
        if (!err)
            *out = value;
        return err;
    }
    if (fhir_unit_parse(from, &a) || fhir_unit_parse(to, &b))
        return AM_E_SYNTAX;
    if (memcmp(a.dim, b.dim, sizeof a.dim) != 0 || a.arbitrary != b.arbitrary)
        return AM_E_INVALID;
    /* One rounding fewer when no offset is involved. */
    if (a.offset == 0 && b.offset == 0)
        value = value * (a.factor / b.factor);
    else
        value = (value + a.offset) * (a.factor / b.factor) - b.offset;
    if (!isfinite(value))
        return AM_E_INVALID;
    *out = value;
    return AM_OK;
}

int fhir_unit_canonical(double value, struct str unit, double *out, uint32_t *dimensions)
{
    struct fhir_unit u;
    uint32_t h = 2166136261u;
    if (fhir_unit_parse(unit, &u))
        return AM_E_SYNTAX;
    value = (value + u.offset) * u.factor;
    if (!isfinite(value))
        return AM_E_INVALID;
    for (int i = 0; i < FHIR_DIMS; i++) /* FNV-1a; a power is at most 99 times a few */
        h = (h ^ ((uint32_t)u.dim[i] & 0xFFFF)) * 16777619u;
    h = (h ^ u.arbitrary) * 16777619u;
    *dimensions = h ? h : 1;
    *out = value;
    return AM_OK;
}
