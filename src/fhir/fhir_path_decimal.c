/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_decimal -- exact decimals: 128-bit integers over a power of ten. N1 asks for
 * 28 digits and steps of 10^-8; 38 digits are kept, up to 28 of them after the point. */
#include <math.h>

#include "fhir/fhir_path_priv.h"

enum { PATH_SCALE = 28, PATH_QUOTIENT = 20 };

struct fhir_decimal fhir_fp_dec(path_wide v, int scale)
{
    return (struct fhir_decimal){
        .lo = (uint64_t)v, .hi = (int64_t)(v >> 64), .scale = scale};
}

path_wide fhir_fp_dec_v(struct fhir_decimal d)
{
    return (path_wide)d.hi * ((path_wide)1 << 64) + (path_wide)d.lo;
}

/* v * 10^n; false when it does not fit. */
static bool shift(path_wide *v, int n)
{
    for (; n > 0; n--)
        if (__builtin_mul_overflow(*v, (path_wide)10, v))
            return false;
    return true;
}

static path_wide divide(path_wide v, path_wide by, int mode)
{
    path_wide q = v / by, r = v % by;
    bool below = (r < 0) != (by < 0);
    if (r == 0 || mode == 0)
        return q;
    if (mode == 2) { /* nearest, halves away from zero */
        path_wide half = by / 2, m = r < 0 ? -r : r, b = half < 0 ? -half : half;
        if (m > b || (m == b && by % 2 == 0))
            return below ? q - 1 : q + 1;
        return q;
    }
    return mode < 0 ? (below ? q - 1 : q) : (below ? q : q + 1);
}

struct fhir_decimal fhir_fp_dec_round(struct fhir_decimal a, int scale, int mode)
{
    path_wide v = fhir_fp_dec_v(a), by = 1;
    int cut = a.scale - scale;
    if (cut <= 0) {
        path_wide more = v;
        return shift(&more, -cut) ? fhir_fp_dec(more, scale) : a;
    }
    if (cut > 38)
        return fhir_fp_dec(mode > 0 && mode != 2 && v > 0 ? 1
                           : mode < 0 && v < 0            ? -1
                                                          : 0,
                           scale);
    for (int i = 0; i < cut; i++)
        if (__builtin_mul_overflow(by, (path_wide)10, &by))
            return fhir_fp_dec(0, scale);
    return fhir_fp_dec(divide(v, by, mode), scale);
}

/* Zeros after the point that say nothing in a computed value. */
static struct fhir_decimal trim(struct fhir_decimal d, int least)
{
    path_wide v = fhir_fp_dec_v(d);
    while (d.scale > least && v % 10 == 0)
        v /= 10, d.scale--;
    return fhir_fp_dec(v, d.scale);
}

/* Both over one power of ten. */
static bool align(struct fhir_decimal a, struct fhir_decimal b, path_wide *x,
                  path_wide *y, int *scale)
{
    *x = fhir_fp_dec_v(a), *y = fhir_fp_dec_v(b);
    *scale = AM_MAX(a.scale, b.scale);
    if (shift(x, *scale - a.scale) && shift(y, *scale - b.scale))
        return true;
    a = trim(a, 0), b = trim(b, 0);
    *x = fhir_fp_dec_v(a), *y = fhir_fp_dec_v(b);
    *scale = AM_MAX(a.scale, b.scale);
    return shift(x, *scale - a.scale) && shift(y, *scale - b.scale);
}

int fhir_fp_dec_cmp(struct fhir_decimal a, struct fhir_decimal b)
{
    path_wide x, y;
    int scale;
    if (!align(a, b, &x, &y, &scale)) { /* far apart: doubles tell */
        double u = fhir_decimal_double(a), w = fhir_decimal_double(b);
        return (u > w) - (u < w);
    }
    return (x > y) - (x < y);
}

bool fhir_fp_dec_like(struct fhir_decimal a, struct fhir_decimal b)
{
    a = trim(a, 0), b = trim(b, 0);
    {
        int scale = AM_MIN(a.scale, b.scale);
        return fhir_fp_dec_cmp(fhir_fp_dec_round(a, scale, 2),
                               fhir_fp_dec_round(b, scale, 2)) == 0;
    }
}

bool fhir_fp_dec_add(struct fhir_decimal a, struct fhir_decimal b,
                     struct fhir_decimal *out)
{
    path_wide x, y, sum;
    int scale;
    if (!align(a, b, &x, &y, &scale) || __builtin_add_overflow(x, y, &sum))
        return false;
    *out = fhir_fp_dec(sum, scale);
    return true;
}

bool fhir_fp_dec_mul(struct fhir_decimal a, struct fhir_decimal b,
                     struct fhir_decimal *out)
{
    path_wide product;
    for (;;) {
        if (!__builtin_mul_overflow(fhir_fp_dec_v(a), fhir_fp_dec_v(b), &product) &&
            a.scale + b.scale <= 2 * PATH_SCALE) {
            *out = fhir_fp_dec(product, a.scale + b.scale);
            if (out->scale > PATH_SCALE)
                *out = fhir_fp_dec_round(*out, PATH_SCALE, 2);
            return true;
        }
        /* Give up the digits that matter least, after the point only. */
        if (a.scale >= b.scale && a.scale > 0)
            a = fhir_fp_dec_round(a, a.scale - 1, 2);
        else if (b.scale > 0)
            b = fhir_fp_dec_round(b, b.scale - 1, 2);
        else
            return false;
    }
}

bool fhir_fp_dec_div(struct fhir_decimal a, struct fhir_decimal b,
                     struct fhir_decimal *out)
{
    path_wide x = fhir_fp_dec_v(a), y = fhir_fp_dec_v(b), more;
    int scale = a.scale - b.scale;
    if (y == 0)
        return false;
    for (; scale < PATH_QUOTIENT; scale++, x = more) {
        more = x;
        if (!shift(&more, 1))
            break;
    }
    x = divide(x, y, 2);
    for (; scale < 0; scale++)
        if (!shift(&x, 1))
            return false;
    *out = trim(fhir_fp_dec(x, scale), 0);
    return true;
}

bool fhir_fp_dec_int(struct fhir_decimal d, int64_t *out)
{
    path_wide v = fhir_fp_dec_v(fhir_fp_dec_round(d, 0, 0));
    if (v < INT64_MIN || v > INT64_MAX)
        return false;
    *out = (int64_t)v;
    return true;
}

int fhir_decimal_parse(struct str s, struct fhir_decimal *out)
{
    path_wide v = 0;
    int scale = 0;
    size_t i = 0, digits = 0;
    bool minus = s.n && s.p[0] == '-', point = false;
    for (i = minus; i < s.n; i++) {
        if (s.p[i] == '.' && !point && digits) {
            point = true;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9')
            break;
        digits++;
        if (v == 0 && point && scale >= PATH_SCALE)
            continue; /* zeros beyond what is kept */
        if (__builtin_mul_overflow(v, (path_wide)10, &v) ||
            __builtin_add_overflow(v, (path_wide)(s.p[i] - '0'), &v))
            return AM_E_TOOBIG;
        scale += point;
    }
    if (!digits || s.p[i - 1] == '.')
        return AM_E_SYNTAX;
    if (i < s.n) {
        int64_t power;
        size_t plus = i + 1 < s.n && s.p[i + 1] == '+';
        if ((s.p[i] != 'e' && s.p[i] != 'E') ||
            str_int(str_sub(s, i + 1 + plus, s.n), -1000, 1000, &power))
            return AM_E_SYNTAX;
        scale -= (int)power;
    }
    if (scale < 0 && v != 0 && !shift(&v, AM_MIN(-scale, 40)))
        return AM_E_TOOBIG;
    scale = AM_MAX(scale, 0);
    if (scale > PATH_SCALE) {
        struct fhir_decimal d =
            fhir_fp_dec_round(fhir_fp_dec(v, AM_MIN(scale, 100)), PATH_SCALE, 2);
        v = fhir_fp_dec_v(d);
        scale = PATH_SCALE;
    }
    *out = fhir_fp_dec(minus ? -v : v, scale);
    return AM_OK;
}

double fhir_decimal_double(struct fhir_decimal d)
{
    char mem[PATH_DEC_TEXT];
    double out = 0;
    struct str s = fhir_fp_dec_write(d, mem);
    return str_double(s, &out) ? 0 : out;
}

/* Of a computed double: 15 digits, which hide its binary tail. */
struct fhir_decimal fhir_fp_dec_of(double v)
{
    char mem[64];
    struct fhir_decimal d = {0};
    int n = snprintf(mem, sizeof mem, "%.15g", v);
    if (n <= 0 || fhir_decimal_parse((struct str){mem, (size_t)n}, &d))
        return fhir_fp_dec(0, 0);
    return d;
}

struct str fhir_fp_dec_write(struct fhir_decimal d, char mem[PATH_DEC_TEXT])
{
    size_t at = PATH_DEC_TEXT - 1;
    path_wide v = fhir_fp_dec_v(d);
    bool minus = v < 0;
    int left = d.scale;
    mem[at] = 0;
    do {
        int digit = (int)(v % 10);
        mem[--at] = (char)('0' + (digit < 0 ? -digit : digit));
        v /= 10;
        if (--left == 0)
            mem[--at] = '.';
    } while (v != 0 || left >= 0);
    if (mem[at] == '.')
        mem[--at] = '0';
    if (minus)
        mem[--at] = '-';
    return (struct str){mem + at, PATH_DEC_TEXT - 1 - at};
}

int fhir_fp_dec_text(struct fhir_decimal d, struct arena *arena, struct str *out)
{
    char mem[PATH_DEC_TEXT];
    struct str s = fhir_fp_dec_write(d, mem);
    char *copy = arena_dup(arena, s);
    if (!copy)
        return AM_E_NOMEM;
    *out = (struct str){copy, s.n};
    return AM_OK;
}
