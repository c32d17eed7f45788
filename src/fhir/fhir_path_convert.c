/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_convert -- toX() and convertsToX() of N1, section 5.5. */
#include "fhir/fhir_path_priv.h"

static bool any_of(struct str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(s, str_c(words[i])))
            return true;
    return false;
}

static bool to_boolean(const struct fhir_path_item *in, struct fhir_path_item *out)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "1", "1.0"},
                             *const no[] = {"false", "f", "no", "n", "0", "0.0"};
    bool is_yes = false, is_no = false;
    if (in->kind == FHIR_PATH_BOOLEAN) {
        *out = *in;
        return true;
    }
    if (in->kind == FHIR_PATH_STRING) {
        is_yes = any_of(in->text, yes, AM_LEN(yes));
        is_no = any_of(in->text, no, AM_LEN(no));
    } else if (in->kind == FHIR_PATH_INTEGER) {
        is_yes = in->integer == 1;
        is_no = in->integer == 0;
    } else if (in->kind == FHIR_PATH_DECIMAL) {
        is_yes = fhir_fp_dec_cmp(in->decimal, fhir_fp_dec(1, 0)) == 0;
        is_no = fhir_fp_dec_cmp(in->decimal, fhir_fp_dec(0, 0)) == 0;
    }
    *out = (struct fhir_path_item){.kind = FHIR_PATH_BOOLEAN, .boolean = is_yes};
    return is_yes || is_no;
}

static bool to_integer(const struct fhir_path_item *in, struct fhir_path_item *out)
{
    *out = (struct fhir_path_item){.kind = FHIR_PATH_INTEGER};
    if (in->kind == FHIR_PATH_INTEGER)
        out->integer = in->integer;
    else if (in->kind == FHIR_PATH_BOOLEAN)
        out->integer = in->boolean;
    else if (in->kind != FHIR_PATH_STRING ||
             str_int(str_starts(in->text, STR("+")) ? str_sub(in->text, 1, in->text.n)
                                                    : in->text,
                     INT32_MIN, INT32_MAX, &out->integer))
        return false;
    return true;
}

static bool to_decimal(const struct fhir_path_item *in, struct fhir_path_item *out)
{
    struct str s = in->text;
    *out = (struct fhir_path_item){.kind = FHIR_PATH_DECIMAL};
    switch (in->kind) {
    case FHIR_PATH_DECIMAL:
        out->decimal = in->decimal;
        return true;
    case FHIR_PATH_INTEGER:
        out->decimal = fhir_fp_dec(in->integer, 0);
        return true;
    case FHIR_PATH_BOOLEAN:
        out->decimal = fhir_fp_dec(in->boolean ? 10 : 0, 1); /* 1.0 */
        return true;
    case FHIR_PATH_STRING:
        if (str_starts(s, STR("+")))
            s = str_sub(s, 1, s.n);
        return str_find(s, 'e') == s.n && str_find(s, 'E') == s.n &&
               !fhir_decimal_parse(s, &out->decimal);
    default:
        return false;
    }
}

static bool to_when(const struct fhir_path_item *in, enum fhir_path_kind kind,
                    struct fhir_path_item *out)
{
    *out = *in;
    out->kind = (uint8_t)kind;
    if (in->kind == kind)
        return true;
    if (in->kind == FHIR_PATH_DATE && kind == FHIR_PATH_DATETIME)
        return true;
    if (in->kind == FHIR_PATH_DATETIME && kind == FHIR_PATH_DATE) {
        out->when = (struct fhir_when){.year = in->when.year,
                                       .month = in->when.month,
                                       .day = in->when.day,
                                       .zone = FHIR_NO_ZONE,
                                       .precision = AM_MIN(in->when.precision, FHIR_DAY)};
        return true;
    }
    if (in->kind != FHIR_PATH_STRING)
        return false;
    if (kind == FHIR_PATH_DATE) { /* the date of a dateTime */
        struct fhir_path_item dt = {.kind = FHIR_PATH_DATETIME};
        return !fhir_when_parse(in->text, FHIR_PATH_DATETIME, &dt.when) &&
               to_when(&dt, FHIR_PATH_DATE, out);
    }
    return !fhir_when_parse(in->text, kind, &out->when);
}

static bool to_quantity(const struct fhir_path_item *in, struct fhir_path_item *out)
{
    struct fhir_path_item d;
    if (in->kind == FHIR_PATH_QUANTITY) {
        *out = *in;
        return true;
    }
    if (in->kind == FHIR_PATH_STRING)
        return fhir_fp_quantity_parse(in->text, out);
    if (!to_decimal(in, &d))
        return false;
    if (in->kind == FHIR_PATH_BOOLEAN)
        d.decimal = fhir_fp_dec(in->boolean ? 10 : 0, 1);
    *out = (struct fhir_path_item){.kind = FHIR_PATH_QUANTITY};
    out->quantity.value = d.decimal;
    out->quantity.unit = STR("1");
    return true;
}

int fhir_path_text(const struct fhir_path_item *item, struct arena *arena,
                   struct str *out)
{
    char mem[PATH_WHEN_TEXT];
    struct fhir_path_item v;
    struct str s = STR("");
    char *z;
    if (!fhir_fp_value(arena, item, &v))
        return AM_E_INVALID;
    switch (v.kind) {
    case FHIR_PATH_BOOLEAN:
        *out = v.boolean ? STR("true") : STR("false");
        return AM_OK;
    case FHIR_PATH_STRING:
        *out = v.text;
        return AM_OK;
    case FHIR_PATH_DECIMAL:
        return fhir_fp_dec_text(v.decimal, arena, out);
    case FHIR_PATH_INTEGER:
        return fhir_fp_dec_text(fhir_fp_dec(v.integer, 0), arena, out);
    case FHIR_PATH_DATE:
    case FHIR_PATH_DATETIME:
    case FHIR_PATH_TIME:
        s = fhir_fp_when_write(&v.when, (enum fhir_path_kind)v.kind, mem);
        z = arena_dup(arena, s);
        break;
    case FHIR_PATH_QUANTITY: {
        char number[PATH_DEC_TEXT];
        s = fhir_fp_dec_write(v.quantity.value, number);
        z = arena_printf(arena, v.calendar ? "%.*s %.*s" : "%.*s '%.*s'", STR_FMT(s),
                         STR_FMT(v.quantity.unit));
        s.n = z ? strlen(z) : 0;
        break;
    }
    default:
        return AM_E_INVALID;
    }
    if (!z)
        return AM_E_NOMEM;
    *out = (struct str){z, s.n};
    return AM_OK;
}

int fhir_fp_convert(struct path_eval *e, const struct fhir_path_item *in,
                    enum fhir_path_kind kind, struct fhir_path_item *out, bool *has)
{
    int err = AM_OK;
    switch (kind) {
    case FHIR_PATH_BOOLEAN:
        *has = to_boolean(in, out);
        break;
    case FHIR_PATH_INTEGER:
        *has = to_integer(in, out);
        break;
    case FHIR_PATH_DECIMAL:
        *has = to_decimal(in, out);
        break;
    case FHIR_PATH_QUANTITY:
        *has = to_quantity(in, out);
        break;
    case FHIR_PATH_STRING:
        *out = (struct fhir_path_item){.kind = FHIR_PATH_STRING};
        err = fhir_path_text(in, e->arena, &out->text);
        *has = !err;
        err = err == AM_E_INVALID ? AM_OK : err;
        break;
    default:
        *has = to_when(in, kind, out);
        break;
    }
    return err;
}

/* toQuantity(unit): the value in that unit. */
static int in_unit(struct path_eval *e, const struct path_op *op,
                   const struct path_frame *f, struct fhir_path_item *q, bool *has)
{
    struct fhir_path_item unit, one = {.kind = FHIR_PATH_QUANTITY};
    bool got;
    int c, err = fhir_fp_arg(e, op, 0, f, &unit, &got);
    if (err || !got)
        return err;
    if (unit.kind != FHIR_PATH_STRING)
        return fhir_fp_error(e, op, "fhirpath.type");
    one.quantity.value = fhir_fp_dec(1, 0);
    one.quantity.unit = unit.text;
    if (fhir_fp_calendar(unit.text).n) {
        one.calendar = true;
        one.quantity.unit = fhir_fp_calendar(unit.text);
    }
    *has = fhir_fp_quantity_cmp(q, &one, &c);
    if (*has)
        *has = fhir_fp_quantity_in(q, &one);
    return AM_OK;
}

int fhir_fp_call_convert(struct path_eval *e, const struct path_op *op,
                         const struct path_frame *f, uint32_t from)
{
    static const uint8_t kinds[] = {
        FHIR_PATH_BOOLEAN, FHIR_PATH_INTEGER,  FHIR_PATH_DECIMAL, FHIR_PATH_STRING,
        FHIR_PATH_DATE,    FHIR_PATH_DATETIME, FHIR_PATH_TIME,    FHIR_PATH_QUANTITY};
    unsigned nth = (unsigned)(op->fn - PATH_FN_TO_BOOLEAN);
    struct fhir_path_item in, out;
    bool has, got = false;
    int err = fhir_fp_one(e, op, from, &in, &has);
    if (err)
        return err;
    e->n = from;
    if (!has)
        return AM_OK;
    err = fhir_fp_convert(e, &in, (enum fhir_path_kind)kinds[nth / 2], &out, &got);
    if (!err && got && op->argc)
        err = in_unit(e, op, f, &out, &got);
    if (err)
        return err;
    if (nth % 2)
        return fhir_fp_push_bool(e, got);
    return got ? fhir_fp_push(e, &out) : AM_OK;
}
