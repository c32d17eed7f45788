/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_quantity -- quantities: UCUM and calendar units, equality, order, arithmetic.
 *
 * A year and a month are no definite time: 1 year = 12 months, but whether 1 year = 1 'a'
 * is not known; equivalence (~) takes 365 and 30 days. */
#include "fhir/fhir_path_priv.h"
#include "fhir/fhir_priv.h"

struct path_measure {
    struct fhir_decimal value; /* in base units */
    struct fhir_decimal factor;
    struct fhir_unit unit;
    unsigned vague; /* months in a calendar year or month, 0: a definite unit */
};

static bool measure(const struct fhir_path_item *q, struct path_measure *out)
{
    static const struct {
        const char *word, *ucum;
        unsigned months;
    } words[] = {{"year", "a", 12},  {"month", "mo", 1},      {"week", "wk", 0},
                 {"day", "d", 0},    {"hour", "h", 0},        {"minute", "min", 0},
                 {"second", "s", 0}, {"millisecond", "ms", 0}};
    struct str unit = q->quantity.unit.n ? q->quantity.unit : STR("1");
    *out = (struct path_measure){.value = q->quantity.value};
    if (q->calendar)
        for (size_t i = 0; i < AM_LEN(words); i++)
            if (str_eqc(unit, words[i].word)) {
                unit = str_c(words[i].ucum);
                out->vague = words[i].months;
                break;
            }
    if (fhir_unit_parse(unit, &out->unit))
        return false;
    out->factor = fhir_fp_dec_of(out->unit.factor);
    if (out->unit.offset != 0 &&
        !fhir_fp_dec_add(out->value, fhir_fp_dec_of(out->unit.offset), &out->value))
        return false;
    return fhir_fp_dec_mul(out->value, out->factor, &out->value);
}

static bool commensurable(const struct path_measure *a, const struct path_measure *b)
{
    return !memcmp(a->unit.dim, b->unit.dim, sizeof a->unit.dim) &&
           a->unit.arbitrary == b->unit.arbitrary;
}

/* Puts both into one unit. like: vague units stand for days. */
static bool together(const struct fhir_path_item *a, const struct fhir_path_item *b,
                     bool like, struct fhir_decimal *x, struct fhir_decimal *y)
{
    struct path_measure m, n;
    *x = a->quantity.value, *y = b->quantity.value;
    if (a->calendar == b->calendar && str_eq(a->quantity.unit, b->quantity.unit))
        return true;
    if (!measure(a, &m) || !measure(b, &n) || !commensurable(&m, &n))
        return false;
    if (m.vague && n.vague && a->calendar && b->calendar)
        return fhir_fp_dec_mul(*x, fhir_fp_dec(m.vague, 0), x) &&
               fhir_fp_dec_mul(*y, fhir_fp_dec(n.vague, 0), y);
    if ((m.vague || n.vague) && !like)
        return false;
    if (a->calendar && b->calendar) { /* ~ with days and shorter */
        if (m.vague &&
            !fhir_fp_dec_mul(*x, fhir_fp_dec(m.vague == 12 ? 31536000 : 2592000, 0),
                             &m.value))
            return false;
        if (n.vague &&
            !fhir_fp_dec_mul(*y, fhir_fp_dec(n.vague == 12 ? 31536000 : 2592000, 0),
                             &n.value))
            return false;
    }
    *x = m.value, *y = n.value;
    return true;
}

int fhir_fp_quantity_equal(const struct fhir_path_item *a, const struct fhir_path_item *b,
                           bool like)
{
    struct fhir_decimal x, y;
    if (!together(a, b, like, &x, &y))
        return like ? 0 : PATH_UNKNOWN;
    return like ? fhir_fp_dec_like(x, y) : fhir_fp_dec_cmp(x, y) == 0;
}

bool fhir_fp_quantity_cmp(const struct fhir_path_item *a, const struct fhir_path_item *b,
                          int *out)
{
    struct fhir_decimal x, y;
    if (!together(a, b, false, &x, &y))
        return false;
    *out = fhir_fp_dec_cmp(x, y);
    return true;
}

bool fhir_fp_quantity_parse(struct str s, struct fhir_path_item *out)
{
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    struct str unit;
    struct fhir_path_item item = {.kind = FHIR_PATH_QUANTITY};
    bool plus = s.n && s.p[0] == '+';
    while (i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.'))
        i++;
    if (fhir_decimal_parse(str_sub(s, plus, i), &item.quantity.value))
        return false;
    unit = str_trim(str_sub(s, i, s.n));
    if (!unit.n) {
        if (i < s.n)
            return false;
        item.quantity.unit = STR("1");
    } else if (unit.p[0] == '\'') {
        if (unit.n < 3 || unit.p[unit.n - 1] != '\'')
            return false;
        item.quantity.unit = str_sub(unit, 1, unit.n - 1);
    } else {
        item.calendar = true;
        item.quantity.unit = fhir_fp_calendar(unit);
        if (!item.quantity.unit.n || s.p[i] != ' ')
            return false;
    }
    *out = item;
    return true;
}

/* "a.b" or "a/b" */
static int unit_pair(struct arena *arena, struct str a, struct str b, char op,
                     struct str *out)
{
    bool wrap = op == '/' && (str_find(b, '.') < b.n || str_find(b, '/') < b.n);
    bool one_a = str_eqc(a, "1") || !a.n, one_b = str_eqc(b, "1") || !b.n;
    char *z;
    if (one_b) {
        *out = one_a ? STR("1") : a;
        return AM_OK;
    }
    if (op == '/' && str_eq(a, b)) {
        *out = STR("1");
        return AM_OK;
    }
    if (op == '.' && one_a) {
        *out = b;
        return AM_OK;
    }
    if (str_find(b, '/') < b.n)
        wrap = true;
    z = arena_printf(arena, wrap ? "%.*s%c(%.*s)" : "%.*s%c%.*s", STR_FMT(a), op,
                     STR_FMT(b));
    if (!z)
        return AM_E_NOMEM;
    *out = str_c(z);
    return AM_OK;
}

static struct str ucum(const struct fhir_path_item *q)
{
    static const char *const pair[][2] = {
        {"week", "wk"},  {"day", "d"},          {"hour", "h"}, {"minute", "min"},
        {"second", "s"}, {"millisecond", "ms"}, {"year", "a"}, {"month", "mo"}};
    for (size_t i = 0; i < AM_LEN(pair) && q->calendar; i++)
        if (str_eqc(q->quantity.unit, pair[i][0]))
            return str_c(pair[i][1]);
    return q->quantity.unit;
}

static int scale_quantity(struct path_eval *e, const struct path_op *op,
                          struct fhir_path_item *a, const struct fhir_path_item *b,
                          bool *has)
{
    bool mul = op->code == PATH_MUL;
    *has =
        mul ? fhir_fp_dec_mul(a->quantity.value, b->quantity.value, &a->quantity.value)
            : fhir_fp_dec_div(a->quantity.value, b->quantity.value, &a->quantity.value);
    if (str_eqc(b->quantity.unit, "1"))
        return AM_OK;
    if (mul && str_eqc(a->quantity.unit, "1")) {
        a->quantity.unit = b->quantity.unit;
        a->calendar = b->calendar;
        return AM_OK;
    }
    if (*has) {
        struct str unit = ucum(a);
        a->calendar = false;
        return unit_pair(e->arena, unit, ucum(b), mul ? '.' : '/', &a->quantity.unit);
    }
    return AM_OK;
}

/* The sum in the finer unit of the two. */
static void add_quantity(const struct path_op *op, struct fhir_path_item *a,
                         const struct fhir_path_item *b, bool *has)
{
    struct path_measure m, n;
    struct fhir_decimal y = b->quantity.value;
    *has = false;
    if (op->code == PATH_SUB)
        y = fhir_fp_dec(-fhir_fp_dec_v(y), y.scale);
    if (a->calendar != b->calendar || !str_eq(a->quantity.unit, b->quantity.unit)) {
        if (!measure(a, &m) || !measure(b, &n) || !commensurable(&m, &n) ||
            m.unit.offset != 0 || n.unit.offset != 0 ||
            ((m.vague != 0) != (n.vague != 0)))
            return;
        if (fhir_fp_dec_cmp(m.factor, n.factor) > 0) {
            struct fhir_decimal ratio;
            if (!fhir_fp_dec_div(m.factor, n.factor, &ratio) ||
                !fhir_fp_dec_mul(a->quantity.value, ratio, &a->quantity.value))
                return;
            a->quantity.unit = b->quantity.unit;
            a->calendar = b->calendar;
        } else {
            struct fhir_decimal ratio;
            if (!fhir_fp_dec_div(n.factor, m.factor, &ratio) ||
                !fhir_fp_dec_mul(y, ratio, &y))
                return;
        }
    }
    *has = fhir_fp_dec_add(a->quantity.value, y, &a->quantity.value);
}

static int numbers(const struct path_op *op, struct fhir_path_item *a,
                   const struct fhir_path_item *b, bool *has)
{
    bool whole = a->kind == FHIR_PATH_INTEGER && b->kind == FHIR_PATH_INTEGER;
    struct fhir_decimal x = a->kind == FHIR_PATH_INTEGER ? fhir_fp_dec(a->integer, 0)
                                                         : a->decimal,
                        y = b->kind == FHIR_PATH_INTEGER ? fhir_fp_dec(b->integer, 0)
                                                         : b->decimal,
                        r = {0};
    switch (op->code) {
    case PATH_SUB:
        y = fhir_fp_dec(-fhir_fp_dec_v(y), y.scale);
        *has = fhir_fp_dec_add(x, y, &r);
        break;
    case PATH_ADD:
        *has = fhir_fp_dec_add(x, y, &r);
        break;
    case PATH_MUL:
        *has = fhir_fp_dec_mul(x, y, &r);
        break;
    case PATH_DIV:
        whole = false;
        *has = fhir_fp_dec_div(x, y, &r);
        break;
    default: { /* div and mod: over one power of ten, exactly */
        struct fhir_decimal q, back;
        *has = fhir_fp_dec_div(x, y, &q);
        if (!*has)
            break;
        q = fhir_fp_dec_round(q, 0, 0);
        *has = fhir_fp_dec_mul(q, y, &back) &&
               fhir_fp_dec_add(x, fhir_fp_dec(-fhir_fp_dec_v(back), back.scale), &r);
        if (op->code == PATH_IDIV) {
            r = q;
            whole = true;
        }
        break;
    }
    }
    if (!*has)
        return AM_OK;
    if (whole) {
        path_wide v = fhir_fp_dec_v(r);
        *has = v >= INT32_MIN && v <= INT32_MAX;
        *a = (struct fhir_path_item){.kind = FHIR_PATH_INTEGER, .integer = (int64_t)v};
    } else {
        *a = (struct fhir_path_item){.kind = FHIR_PATH_DECIMAL, .decimal = r};
    }
    return AM_OK;
}

static int strings(struct path_eval *e, struct fhir_path_item *a,
                   const struct fhir_path_item *b)
{
    size_t n = a->text.n + b->text.n;
    char *z;
    int err = fhir_fp_spend(e, n / 64);
    if (err)
        return err;
    z = arena_alloc(e->arena, n + 1, 1);
    if (!z)
        return AM_E_NOMEM;
    memcpy(z, a->text.p, a->text.n);
    memcpy(z + a->text.n, b->text.p, b->text.n);
    a->text = (struct str){z, n};
    return AM_OK;
}

static int dates(struct path_eval *e, const struct path_op *op, struct fhir_path_item *a,
                 const struct fhir_path_item *b, bool *has)
{
    struct fhir_decimal v = b->quantity.value;
    int err;
    if (op->code == PATH_SUB)
        v = fhir_fp_dec(-fhir_fp_dec_v(v), v.scale);
    if (!b->calendar &&
        (str_eqc(b->quantity.unit, "a") || str_eqc(b->quantity.unit, "mo")))
        return fhir_fp_error(e, op, "fhirpath.type"); /* no definite length to add */
    err = fhir_fp_when_add(&a->when, a->kind == FHIR_PATH_TIME, v, b->quantity.unit);
    *has = !err;
    return err == AM_E_INVALID ? fhir_fp_error(e, op, "fhirpath.type") : AM_OK;
}

static bool is_number(const struct fhir_path_item *i)
{
    return i->kind == FHIR_PATH_INTEGER || i->kind == FHIR_PATH_DECIMAL;
}

int fhir_fp_arith(struct path_eval *e, const struct path_op *op, struct fhir_path_item *a,
                  const struct fhir_path_item *b, bool *has)
{
    struct fhir_path_item x = *a, y = *b;
    bool sum = op->code == PATH_ADD || op->code == PATH_SUB;
    *has = true;
    if (is_number(a) && is_number(b))
        return numbers(op, a, b, has);
    if (op->code == PATH_ADD && a->kind == FHIR_PATH_STRING &&
        b->kind == FHIR_PATH_STRING)
        return strings(e, a, b);
    if (sum && a->kind >= FHIR_PATH_DATE && a->kind <= FHIR_PATH_TIME &&
        b->kind == FHIR_PATH_QUANTITY)
        return dates(e, op, a, b, has);
    if ((a->kind == FHIR_PATH_QUANTITY || b->kind == FHIR_PATH_QUANTITY) &&
        (is_number(a) || a->kind == FHIR_PATH_QUANTITY) &&
        (is_number(b) || b->kind == FHIR_PATH_QUANTITY) && op->code <= PATH_SUB &&
        op->code != PATH_IDIV && op->code != PATH_MOD) {
        struct fhir_path_item *part[] = {&x, &y};
        for (int i = 0; i < 2; i++)
            if (is_number(part[i])) {
                struct fhir_decimal v = part[i]->kind == FHIR_PATH_INTEGER
                                            ? fhir_fp_dec(part[i]->integer, 0)
                                            : part[i]->decimal;
                *part[i] = (struct fhir_path_item){.kind = FHIR_PATH_QUANTITY};
                part[i]->quantity.value = v;
                part[i]->quantity.unit = STR("1");
            }
        *a = x;
        if (!sum)
            return scale_quantity(e, op, a, &y, has);
        add_quantity(op, a, &y, has);
        return AM_OK;
    }
    return fhir_fp_error(e, op, "fhirpath.type");
}

/* q in the unit of the other, commensurable. */
bool fhir_fp_quantity_in(struct fhir_path_item *q, const struct fhir_path_item *unit)
{
    struct path_measure m, n;
    struct fhir_decimal v;
    if (q->calendar == unit->calendar && str_eq(q->quantity.unit, unit->quantity.unit))
        return true;
    if (!measure(q, &m) || !measure(unit, &n) || !commensurable(&m, &n))
        return false;
    if (m.vague && n.vague) {
        if (!fhir_fp_dec_mul(q->quantity.value, fhir_fp_dec(m.vague, 0), &m.value) ||
            !fhir_fp_dec_div(m.value, fhir_fp_dec(n.vague, 0), &v))
            return false;
    } else if (!fhir_fp_dec_div(m.value, n.factor, &v)) {
        return false;
    }
    if (n.unit.offset != 0 && !fhir_fp_dec_add(v, fhir_fp_dec_of(-n.unit.offset), &v))
        return false;
    q->quantity.value = v;
    q->quantity.unit = unit->quantity.unit;
    q->calendar = unit->calendar;
    return true;
}
