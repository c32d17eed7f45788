/* SPDX-License-Identifier: Apache-2.0 */
/* UCUM: parsing unit expressions into a factor and a dimension vector, converting between
 * commensurable units. Atoms and factors: the UCUM specification 2.1, tables 3 to 22 (the
 * part clinics use). Grammar: section 2; special units on non-ratio scales: section 22.
 */
#include "fhir/fhir.h"

#include <math.h>

enum { FHIR_DIMS = 8 }; /* m, s, g, rad, K, C, cd, and arbitrary (never convertible) */
struct fhir_unit {
    double factor;
    int dim[FHIR_DIMS];
    double offset;      /* special units: base = (value + offset) * factor */
    uint64_t arbitrary; /* hash of the arbitrary unit's name: only equals itself */
};

struct fhir_atom {
    const char *code;
    bool metric;
    double factor;
    signed char m, s, g, rad, k;
    double offset;
    bool arbitrary;
};

static const struct fhir_atom fhir_atoms[] = {
    {"m", true, 1, 1, 0, 0, 0, 0, 0, false},
    {"s", true, 1, 0, 1, 0, 0, 0, 0, false},
    {"g", true, 1, 0, 0, 1, 0, 0, 0, false},
    {"rad", true, 1, 0, 0, 0, 1, 0, 0, false},
    {"K", true, 1, 0, 0, 0, 0, 1, 0, false},
    {"mol", true, 6.0221367e23, 0, 0, 0, 0, 0, 0, false}, /* UCUM table 9 */
    {"eq", true, 6.0221367e23, 0, 0, 0, 0, 0, 0, false},
    {"osm", true, 6.0221367e23, 0, 0, 0, 0, 0, 0, false},
    {"%", false, 0.01, 0, 0, 0, 0, 0, 0, false},
    {"[ppth]", false, 1e-3, 0, 0, 0, 0, 0, 0, false},
    {"[ppm]", false, 1e-6, 0, 0, 0, 0, 0, 0, false},
    {"[pi]", false, 3.14159265358979323846, 0, 0, 0, 0, 0, 0, false},
    {"L", true, 1e-3, 3, 0, 0, 0, 0, 0, false},
    {"l", true, 1e-3, 3, 0, 0, 0, 0, 0, false},
    {"min", false, 60, 0, 1, 0, 0, 0, 0, false},
    {"h", false, 3600, 0, 1, 0, 0, 0, 0, false},
    {"d", false, 86400, 0, 1, 0, 0, 0, 0, false},
    {"wk", false, 604800, 0, 1, 0, 0, 0, 0, false},
    {"a", false, 31557600, 0, 1, 0, 0, 0, 0, false}, /* mean Julian year */
    {"mo", false, 2629800, 0, 1, 0, 0, 0, 0, false}, /* a / 12 */
    {"t", true, 1e6, 0, 0, 1, 0, 0, 0, false},
    {"Hz", true, 1, 0, -1, 0, 0, 0, 0, false},
    {"N", true, 1e3, 1, -2, 1, 0, 0, 0, false},
    {"Pa", true, 1e3, -1, -2, 1, 0, 0, 0, false},
    {"bar", true, 1e8, -1, -2, 1, 0, 0, 0, false},
    {"J", true, 1e3, 2, -2, 1, 0, 0, 0, false},
    {"W", true, 1e3, 2, -3, 1, 0, 0, 0, false},
    {"cal", true, 4184, 2, -2, 1, 0, 0, 0, false}, /* cal_th, 4.184 J */
    {"[Cal]", false, 4184e3, 2, -2, 1, 0, 0, 0, false},
    {"kat", true, 6.0221367e23, 0, -1, 0, 0, 0, 0, false},
    {"U", true, 6.0221367e23 * 1e-6 / 60, 0, -1, 0, 0, 0, 0, false}, /* umol/min */
    {"m[Hg]", true, 133322e3, -1 - 0, -2, 1, 0, 0, 0, false}, /* 133.322 kPa (table 13) */
    {"m[H2O]", true, 980665e1, -1, -2, 1, 0, 0, 0, false},    /* 9.80665 kPa */
    {"[in_i]", false, 0.0254, 1, 0, 0, 0, 0, 0, false},
    {"[ft_i]", false, 0.3048, 1, 0, 0, 0, 0, 0, false},
    {"[lb_av]", false, 453.59237, 0, 0, 1, 0, 0, 0, false},
    {"[oz_av]", false, 28.349523125, 0, 0, 1, 0, 0, 0, false},
    {"Cel", true, 1, 0, 0, 0, 0, 1, 273.15, false},
    {"[degF]", false, 5.0 / 9.0, 0, 0, 0, 0, 1, 459.67, false},
    {"deg", false, 0.017453292519943295, 0, 0, 0, 1, 0, 0, false},
    {"[iU]", true, 1, 0, 0, 0, 0, 0, 0, true},
    {"[IU]", true, 1, 0, 0, 0, 0, 0, 0, true},
    {"[arb'U]", false, 1, 0, 0, 0, 0, 0, 0, true},
    {"[pH]", false, 1, 0, 0, 0, 0, 0, 0, true},
    {"[drp]", false, 5e-8, 3, 0, 0, 0, 0, 0, false}, /* 1/20 mL */
    {"[CFU]", true, 1, 0, 0, 0, 0, 0, 0, true},
};

static const struct {
    const char *code;
    double factor;
} fhir_prefixes[] = {{"Y", 1e24},  {"Z", 1e21},  {"E", 1e18},  {"P", 1e15},
                     {"T", 1e12},  {"G", 1e9},   {"M", 1e6},   {"k", 1e3},
                     {"h", 1e2},   {"da", 1e1},  {"d", 1e-1},  {"c", 1e-2},
                     {"m", 1e-3},  {"u", 1e-6},  {"n", 1e-9},  {"p", 1e-12},
                     {"f", 1e-15}, {"a", 1e-18}, {"z", 1e-21}, {"y", 1e-24}};

static void fhir_from_atom(const struct fhir_atom *a, double prefix,
                           struct fhir_unit *out)
{
    *out = (struct fhir_unit){.factor = a->factor * prefix,
                              .dim = {a->m, a->s, a->g, a->rad, a->k},
                              .offset = a->offset / prefix};
    if (a->arbitrary) {
        bool iu = !strcmp(a->code, "[iU]") || !strcmp(a->code, "[IU]");
        out->dim[7] = 1;
        out->arbitrary = str_hash(str_c(iu ? "[iU]" : a->code));
    }
}

static int fhir_atom(struct str s, struct fhir_unit *out)
{
    for (size_t i = 0; i < AM_LEN(fhir_atoms); i++)
        if (str_eqc(s, fhir_atoms[i].code)) {
            fhir_from_atom(&fhir_atoms[i], 1, out);
            return AM_OK;
        }
    for (size_t p = 0; p < AM_LEN(fhir_prefixes); p++) {
        struct str prefix = str_c(fhir_prefixes[p].code);
        if (!str_starts(s, prefix))
            continue;
        for (size_t i = 0; i < AM_LEN(fhir_atoms); i++)
            if (fhir_atoms[i].metric &&
                str_eqc(str_sub(s, prefix.n, s.n), fhir_atoms[i].code)) {
                fhir_from_atom(&fhir_atoms[i], fhir_prefixes[p].factor, out);
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
    if (v->arbitrary) {
        if (u->arbitrary && u->arbitrary != v->arbitrary)
            return AM_E_SYNTAX;
        u->arbitrary = v->arbitrary;
    }
    return AM_OK;
}

struct fhir_scan {
    struct str left;
    unsigned depth;
};

static int fhir_term(struct fhir_scan *s, struct fhir_unit *out);

static int fhir_skip_annotation(struct fhir_scan *s)
{
    size_t end;
    if (!s->left.n || s->left.p[0] != '{')
        return AM_OK;
    end = str_find(s->left, '}');
    if (end == s->left.n)
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
    if (str_int(str_sub(s->left, s->left.p[0] == '+', i), -9, 9, &v))
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
        return AM_OK;
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
    if (s->left.n && s->left.p[0] == '/') {
        sign = -1;
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

static int fhir_unit_parse(struct str unit, struct fhir_unit *out)
{
    struct fhir_scan s = {.left = unit};
    int err;
    if (unit.n == 0 || unit.n > 256)
        return AM_E_SYNTAX;
    err = fhir_term(&s, out);
    return err ? err : s.left.n ? AM_E_SYNTAX : AM_OK;
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
    if (!isfinite(a.factor) || !isfinite(b.factor) || b.factor == 0)
        return AM_E_INVALID;
    /* One rounding fewer when no offset is involved. */
    if (a.offset == 0 && b.offset == 0)
        *out = value * (a.factor / b.factor);
    else
        *out = (value + a.offset) * (a.factor / b.factor) - b.offset;
    return AM_OK;
}
