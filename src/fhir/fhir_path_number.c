/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_number -- functions over numbers, boundaries and precision. Roots, powers and
 * logarithms go through doubles and come back with 15 digits. */
#include <math.h>

#include "fhir/fhir_path_priv.h"

static int push_real(struct path_eval *e, double v)
{
    return isfinite(v) && fabs(v) < 1e28 ? fhir_fp_push_dec(e, fhir_fp_dec_of(v)) : AM_OK;
}

static int push_whole(struct path_eval *e, struct fhir_decimal d)
{
    int64_t i;
    return fhir_fp_dec_int(d, &i) && i >= INT32_MIN && i <= INT32_MAX
               ? fhir_fp_push_int(e, i)
               : AM_OK;
}

static bool as_decimal(const struct fhir_path_item *i, struct fhir_decimal *out)
{
    if (i->kind == FHIR_PATH_INTEGER)
        *out = fhir_fp_dec(i->integer, 0);
    else if (i->kind == FHIR_PATH_DECIMAL)
        *out = i->decimal;
    else
        return false;
    return true;
}

static int power(struct path_eval *e, const struct fhir_path_item *x,
                 struct fhir_decimal b, const struct fhir_path_item *y,
                 struct fhir_decimal p)
{
    int64_t n;
    if (fhir_fp_dec_cmp(p, fhir_fp_dec_round(p, 0, 0)) == 0 && fhir_fp_dec_int(p, &n) &&
        n >= 0 && n <= 128) { /* exactly, while it fits */
        struct fhir_decimal r = fhir_fp_dec(1, 0);
        bool fits = true;
        for (int64_t i = 0; i < n && fits; i++)
            fits = fhir_fp_dec_mul(r, b, &r);
        if (fits && x->kind == FHIR_PATH_INTEGER && y->kind == FHIR_PATH_INTEGER)
            return push_whole(e, r);
        if (fits)
            return fhir_fp_push_dec(e, r);
    }
    return push_real(e, pow(fhir_decimal_double(b), fhir_decimal_double(p)));
}

static int absolute(struct path_eval *e, struct fhir_path_item x)
{
    if (x.kind == FHIR_PATH_INTEGER) {
        x.integer = x.integer < 0 ? -x.integer : x.integer;
    } else {
        struct fhir_decimal *d =
            x.kind == FHIR_PATH_QUANTITY ? &x.quantity.value : &x.decimal;
        if (fhir_fp_dec_v(*d) < 0)
            *d = fhir_fp_dec(-fhir_fp_dec_v(*d), d->scale);
    }
    return fhir_fp_push(e, &x);
}

/* 1.587 stands for 1.5865 .. 1.5875 */
static int boundary_decimal(struct path_eval *e, struct fhir_path_item x, int64_t digits,
                            bool high)
{
    struct fhir_decimal *d =
                            x.kind == FHIR_PATH_QUANTITY ? &x.quantity.value : &x.decimal,
                        half, bound;
    if (x.kind == FHIR_PATH_INTEGER) {
        *d = fhir_fp_dec(x.integer, 0);
        x.kind = FHIR_PATH_DECIMAL;
    }
    if (digits < 0 || digits > 28)
        return AM_OK;
    half = fhir_fp_dec(high ? 5 : -5, d->scale + 1);
    if (!fhir_fp_dec_add(*d, half, &bound))
        return AM_OK;
    *d = fhir_fp_dec_round(bound, (int)digits, high ? 1 : -1);
    return fhir_fp_push(e, &x);
}

static int boundary(struct path_eval *e, const struct path_op *op,
                    const struct path_frame *f, struct fhir_path_item x)
{
    bool high = op->fn == PATH_FN_HIGH_BOUNDARY, has = true;
    int64_t digits = x.kind == FHIR_PATH_DATE       ? 8
                     : x.kind == FHIR_PATH_DATETIME ? 17
                     : x.kind == FHIR_PATH_TIME     ? 9
                                                    : 8;
    int err = op->argc ? fhir_fp_arg_int(e, op, 0, f, &digits, &has) : AM_OK;
    if (err || !has)
        return err;
    if (x.kind >= FHIR_PATH_DATE && x.kind <= FHIR_PATH_TIME)
        return fhir_fp_when_boundary(&x.when, (enum fhir_path_kind)x.kind, digits, high)
                   ? fhir_fp_push(e, &x)
                   : AM_OK;
    if (x.kind == FHIR_PATH_INTEGER || x.kind == FHIR_PATH_DECIMAL ||
        x.kind == FHIR_PATH_QUANTITY)
        return boundary_decimal(e, x, digits, high);
    return fhir_fp_error(e, op, "fhirpath.type");
}

/* Of a decimal the digits after the point, of a date its digits. */
static int precision(struct path_eval *e, const struct path_op *op,
                     struct fhir_path_item x)
{
    struct fhir_decimal d;
    if (x.kind >= FHIR_PATH_DATE && x.kind <= FHIR_PATH_TIME)
        return fhir_fp_push_int(
            e, fhir_fp_when_digits(&x.when, (enum fhir_path_kind)x.kind));
    if (!as_decimal(&x, &d))
        return fhir_fp_error(e, op, "fhirpath.type");
    return fhir_fp_push_int(e, d.scale);
}

static int comparable(struct path_eval *e, const struct path_op *op,
                      const struct fhir_path_item *x, const struct fhir_path_item *y)
{
    int c;
    if (x->kind != FHIR_PATH_QUANTITY || y->kind != FHIR_PATH_QUANTITY)
        return fhir_fp_error(e, op, "fhirpath.type");
    return fhir_fp_push_bool(e, fhir_fp_quantity_cmp(x, y, &c));
}

static int rounded(struct path_eval *e, const struct path_op *op,
                   const struct path_frame *f, const struct fhir_path_item *x,
                   struct fhir_decimal v)
{
    int64_t digits = 0;
    bool has = true;
    int err = op->argc ? fhir_fp_arg_int(e, op, 0, f, &digits, &has) : AM_OK;
    if (err)
        return err;
    if (has && (digits < 0 || digits > 28))
        return fhir_fp_error(e, op, "fhirpath.arguments");
    if (x->kind == FHIR_PATH_INTEGER)
        return fhir_fp_push(e, x);
    return fhir_fp_push_dec(
        e, fhir_fp_dec_round(v, (int)AM_MIN(digits, (int64_t)v.scale), 2));
}

int fhir_fp_call_number(struct path_eval *e, const struct path_op *op,
                        const struct path_frame *f, uint32_t from)
{
    struct fhir_path_item x, y;
    struct fhir_decimal v = {0}, w = {0};
    bool has, has_y = true;
    int err = fhir_fp_one(e, op, from, &x, &has);
    if (err)
        return err;
    e->n = from;
    if (!has)
        return AM_OK;
    if (op->fn == PATH_FN_LOW_BOUNDARY || op->fn == PATH_FN_HIGH_BOUNDARY)
        return boundary(e, op, f, x);
    if (op->fn == PATH_FN_PRECISION)
        return precision(e, op, x);
    if (op->fn == PATH_FN_ABS && x.kind == FHIR_PATH_QUANTITY)
        return absolute(e, x);
    if (op->fn != PATH_FN_COMPARABLE && !as_decimal(&x, &v))
        return fhir_fp_error(e, op, "fhirpath.type");
    if (op->fn == PATH_FN_ROUND)
        return rounded(e, op, f, &x, v);
    if (op->argc) {
        err = fhir_fp_arg(e, op, 0, f, &y, &has_y);
        if (err || !has_y)
            return err;
        if (op->fn == PATH_FN_COMPARABLE)
            return comparable(e, op, &x, &y);
        if (!as_decimal(&y, &w))
            return fhir_fp_error(e, op, "fhirpath.type");
    }
    switch (op->fn) {
    case PATH_FN_ABS:
        return absolute(e, x);
    case PATH_FN_CEILING:
        return push_whole(e, fhir_fp_dec_round(v, 0, 1));
    case PATH_FN_FLOOR:
        return push_whole(e, fhir_fp_dec_round(v, 0, -1));
    case PATH_FN_TRUNCATE:
        return push_whole(e, fhir_fp_dec_round(v, 0, 0));
    case PATH_FN_EXP:
        return push_real(e, exp(fhir_decimal_double(v)));
    case PATH_FN_LN:
        return push_real(e, log(fhir_decimal_double(v)));
    case PATH_FN_LOG:
        return push_real(e, log(fhir_decimal_double(v)) / log(fhir_decimal_double(w)));
    case PATH_FN_POWER:
        return power(e, &x, v, &y, w);
    default:
        return push_real(e, sqrt(fhir_decimal_double(v)));
    }
}
