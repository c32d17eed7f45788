/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_value -- from elements to System values, equality, equivalence, order. */
#include "fhir/fhir_path_priv.h"

/* As written, where the reader kept it so. */
struct str fhir_fp_number(const struct json *v, char mem[JSON_NUM])
{
    struct str text = json_num_text(v);
    return text.n ? text : (struct str){mem, json_num_format(json_num(v, 0), mem)};
}

static bool number(const struct json *v, int kind, struct fhir_path_item *out)
{
    char mem[JSON_NUM];
    struct str text = fhir_fp_number(v, mem);
    if (kind != FHIR_PATH_DECIMAL && json_is_int(v) && str_find(text, '.') == text.n &&
        str_find(text, 'e') == text.n && str_find(text, 'E') == text.n) {
        *out =
            (struct fhir_path_item){.kind = FHIR_PATH_INTEGER, .integer = json_int(v, 0)};
        return true;
    }
    *out = (struct fhir_path_item){.kind = FHIR_PATH_DECIMAL};
    return !fhir_decimal_parse(text, &out->decimal);
}

/* value with its UCUM code, or its unit as written */
static bool quantity(const struct json *v, struct fhir_path_item *out)
{
    struct fhir_path_item n;
    struct str code = json_get_str(v, "code"), unit = json_get_str(v, "unit");
    if (json_type(json_get(v, "value")) != JSON_NUMBER || json_get(v, "comparator") ||
        !number(json_get(v, "value"), FHIR_PATH_DECIMAL, &n))
        return false;
    *out = (struct fhir_path_item){.kind = FHIR_PATH_QUANTITY};
    out->quantity.value = n.decimal;
    out->quantity.unit = code.n ? code : unit.n ? unit : STR("1");
    return true;
}

bool fhir_fp_value(struct arena *arena, const struct fhir_path_item *in,
                   struct fhir_path_item *out)
{
    const struct json *v = in->node.v;
    int kind;
    (void)arena;
    if (in->kind != FHIR_PATH_NODE) {
        *out = *in;
        return true;
    }
    switch (json_type(v)) {
    case JSON_BOOL:
        *out = (struct fhir_path_item){.kind = FHIR_PATH_BOOLEAN,
                                       .boolean = json_bool(v, false)};
        return true;
    case JSON_NUMBER:
        return number(v, fhir_fp_kind(in->type), out);
    case JSON_STRING:
        kind = fhir_fp_kind(in->type);
        *out = (struct fhir_path_item){.kind = (uint8_t)AM_MAX(kind, 0)};
        if ((kind == FHIR_PATH_DATE || kind == FHIR_PATH_DATETIME ||
             kind == FHIR_PATH_TIME) &&
            !fhir_when_parse(json_str(v), (enum fhir_path_kind)kind, &out->when))
            return true;
        *out = (struct fhir_path_item){.kind = FHIR_PATH_STRING, .text = json_str(v)};
        return true;
    case JSON_OBJECT:
        return fhir_fp_type_quantity(in->type) && quantity(v, out);
    default:
        return false;
    }
}

bool fhir_path_value(const struct fhir_path_item *item, struct arena *arena,
                     struct fhir_path_item *out)
{
    return fhir_fp_value(arena, item, out);
}

/* ---- equality ------------------------------------------------------------------------
 */
uint32_t fhir_fp_fold(uint32_t c, bool upper)
{
    uint32_t low = upper ? 0 : 32;
    if (c < 0x80) {
        if (upper)
            return c >= 'a' && c <= 'z' ? c - 32 : c;
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
    if (upper) {
        if ((c >= 0xE0 && c <= 0xFE && c != 0xF7) ||
            (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) || (c >= 0x430 && c <= 0x44F))
            return c - 32;
        if (c >= 0x450 && c <= 0x45F)
            return c - 80;
        if (c == 0xFF)
            return 0x178;
    } else {
        if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
            (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) || (c >= 0x410 && c <= 0x42F))
            return c + low;
        if (c >= 0x400 && c <= 0x40F)
            return c + 80;
        if (c == 0x178)
            return 0xFF;
    }
    /* Latin Extended-A: capital and small letter side by side */
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) ||
        (c >= 0x14A && c <= 0x177))
        return upper ? c & ~1u : c | 1u;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return upper ? ((c & 1) ? c : c - 1) : ((c & 1) ? c + 1 : c);
    return c;
}

/* Next folded code point, blanks made one; 0 at the end. */
static uint32_t next_like(struct str s, size_t *i)
{
    uint32_t cp;
    if (*i >= s.n)
        return 0;
    if (strchr(" \t\r\n", s.p[*i]) && s.p[*i]) {
        while (*i < s.n && s.p[*i] && strchr(" \t\r\n", s.p[*i]))
            (*i)++;
        return ' ';
    }
    cp = fhir_fp_utf8(s, i);
    return fhir_fp_fold(cp, false);
}

static bool like_strings(struct str a, struct str b)
{
    size_t i = 0, k = 0;
    a = str_trim(a), b = str_trim(b);
    for (;;) {
        uint32_t x = next_like(a, &i), y = next_like(b, &k);
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

static int json_like(struct path_eval *e, const struct json *a, const struct json *b,
                     bool like);

static int arrays(struct path_eval *e, const struct json *a, const struct json *b,
                  bool like)
{
    uint64_t taken[4] = {0};
    size_t n = json_size(a);
    if (!like || n > 256) {
        struct json_iter y = json_iter(b);
        for (json_each(x, a)) {
            int r = json_next(&y) ? json_like(e, x.val, y.val, like) : 0;
            if (r != 1)
                return r;
        }
        return 1;
    }
    for (json_each(x, a)) { /* in any order */
        int found = 0;
        for (json_each(y, b)) {
            if (taken[y.i / 64] >> (y.i % 64) & 1)
                continue;
            found = json_like(e, x.val, y.val, like);
            if (found < 0)
                return found;
            if (found) {
                taken[y.i / 64] |= UINT64_C(1) << (y.i % 64);
                break;
            }
        }
        if (!found)
            return 0;
    }
    return 1;
}

/* Deep, decimals by value; bounded by the depth of what was parsed. */
static int json_like(struct path_eval *e, const struct json *a, const struct json *b,
                     bool like)
{
    enum json_type t = json_type(a);
    int err = fhir_fp_spend(e, 1 + json_str(a).n / 64);
    if (err)
        return err;
    if (t != json_type(b) || json_size(a) != json_size(b))
        return 0;
    if (t == JSON_STRING)
        return like ? like_strings(json_str(a), json_str(b))
                    : str_eq(json_str(a), json_str(b));
    if (t == JSON_ARRAY)
        return arrays(e, a, b, like);
    if (t != JSON_OBJECT)
        return json_equal(a, b);
    err = fhir_fp_spend(e, json_size(a));
    if (err)
        return err;
    {
        struct json_iter y = json_iter(b);
        for (json_each(x, a)) {
            const struct json *other;
            int r;
            /* mostly in the same order */
            other = json_next(&y) && str_eq(x.key, y.key) ? y.val : json_getn(b, x.key);
            r = other ? json_like(e, x.val, other, like) : 0;
            if (r != 1)
                return r;
        }
    }
    return 1;
}

static bool is_date(const struct fhir_path_item *i)
{
    return i->kind == FHIR_PATH_DATE || i->kind == FHIR_PATH_DATETIME;
}

/* A string of an unknown type beside a date is read as one. */
static void meet(struct fhir_path_item *a, const struct fhir_path_item *b)
{
    struct fhir_when w;
    if (a->kind != FHIR_PATH_STRING || (b->kind < FHIR_PATH_DATE) ||
        b->kind > FHIR_PATH_TIME)
        return;
    {
        enum fhir_path_kind kind =
            b->kind == FHIR_PATH_TIME ? FHIR_PATH_TIME : FHIR_PATH_DATETIME;
        if (fhir_when_parse(a->text, kind, &w))
            return;
        *a = (struct fhir_path_item){.kind = (uint8_t)kind, .when = w};
    }
}

static struct fhir_decimal decimal_of(const struct fhir_path_item *i)
{
    return i->kind == FHIR_PATH_INTEGER ? fhir_fp_dec(i->integer, 0) : i->decimal;
}

static bool is_number(const struct fhir_path_item *i)
{
    return i->kind == FHIR_PATH_INTEGER || i->kind == FHIR_PATH_DECIMAL;
}

static int equal_values(const struct fhir_path_item *a, const struct fhir_path_item *b,
                        bool like)
{
    struct fhir_path_item x = *a, y = *b;
    if (is_number(a) && is_number(b)) {
        if (a->kind == FHIR_PATH_INTEGER && b->kind == FHIR_PATH_INTEGER)
            return a->integer == b->integer;
        return like ? fhir_fp_dec_like(decimal_of(a), decimal_of(b))
                    : fhir_fp_dec_cmp(decimal_of(a), decimal_of(b)) == 0;
    }
    if (a->kind == FHIR_PATH_QUANTITY || b->kind == FHIR_PATH_QUANTITY) {
        struct fhir_path_item *part[] = {&x, &y};
        for (int i = 0; i < 2; i++)
            if (is_number(part[i])) {
                struct fhir_decimal v = decimal_of(part[i]);
                *part[i] = (struct fhir_path_item){.kind = FHIR_PATH_QUANTITY};
                part[i]->quantity.value = v;
                part[i]->quantity.unit = STR("1");
            }
        if (x.kind == FHIR_PATH_QUANTITY && y.kind == FHIR_PATH_QUANTITY)
            return fhir_fp_quantity_equal(&x, &y, like);
        return 0;
    }
    meet(&x, b), meet(&y, a);
    if ((is_date(&x) && is_date(&y)) ||
        (x.kind == FHIR_PATH_TIME && y.kind == FHIR_PATH_TIME))
        return fhir_fp_when_equal(&x.when, &y.when, like);
    if (x.kind != y.kind)
        return 0;
    if (x.kind == FHIR_PATH_STRING)
        return like ? like_strings(x.text, y.text) : str_eq(x.text, y.text);
    if (x.kind == FHIR_PATH_BOOLEAN)
        return x.boolean == y.boolean;
    return str_eq(x.info.space, y.info.space) && str_eq(x.info.name, y.info.name);
}

int fhir_fp_equal(struct path_eval *e, const struct fhir_path_item *a,
                  const struct fhir_path_item *b, bool like)
{
    struct fhir_path_item x, y;
    int err = fhir_fp_spend(e, 1);
    if (err)
        return err;
    if (a->kind == FHIR_PATH_NODE && b->kind == FHIR_PATH_NODE) {
        int r;
        if (a->node.v == b->node.v && a->node.side == b->node.side && a->node.v)
            return 1;
        if ((!a->node.v || !b->node.v) || json_type(a->node.v) == JSON_OBJECT ||
            json_type(b->node.v) == JSON_OBJECT) {
            r = json_like(e, a->node.v, b->node.v, like);
            return r == 1 && !a->node.v ? json_like(e, a->node.side, b->node.side, like)
                                        : r;
        }
    }
    if (!fhir_fp_value(e->arena, a, &x) || !fhir_fp_value(e->arena, b, &y))
        return 0;
    return equal_values(&x, &y, like);
}

int fhir_fp_equal_lists(struct path_eval *e, uint32_t a, uint32_t b, uint32_t end,
                        bool like)
{
    uint32_t n = b - a;
    int answer = 1;
    if (n == 0 || end == b)
        return like ? n == 0 && end == b : PATH_UNKNOWN;
    if (n != end - b)
        return 0;
    if (like && n > 1) {
        for (uint32_t i = a; i < b; i++) { /* moved to the front of what is left of b */
            uint32_t k = b + (i - a);
            int r = 0;
            for (uint32_t j = k; j < end && !r; j++) {
                r = fhir_fp_equal(e, &e->v[i], &e->v[j], true);
                if (r == 1) {
                    struct fhir_path_item t = e->v[k];
                    e->v[k] = e->v[j];
                    e->v[j] = t;
                }
            }
            if (r != 1)
                return r;
        }
        return 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        int r = fhir_fp_equal(e, &e->v[a + i], &e->v[b + i], like);
        if (r <= 0)
            return r;
        if (r == PATH_UNKNOWN)
            answer = r;
    }
    return answer;
}

int fhir_fp_compare(struct path_eval *e, const struct path_op *op,
                    const struct fhir_path_item *a, const struct fhir_path_item *b,
                    int *out)
{
    struct fhir_path_item x, y;
    if (!fhir_fp_value(e->arena, a, &x) || !fhir_fp_value(e->arena, b, &y))
        return fhir_fp_error(e, op, "fhirpath.type");
    if (is_number(&x) && is_number(&y)) {
        *out = fhir_fp_dec_cmp(decimal_of(&x), decimal_of(&y));
        return 1;
    }
    meet(&x, b), meet(&y, &x), meet(&x, &y);
    if ((is_date(&x) && is_date(&y)) ||
        (x.kind == FHIR_PATH_TIME && y.kind == FHIR_PATH_TIME))
        return fhir_fp_when_cmp(&x.when, &y.when, out) ? 1 : PATH_UNKNOWN;
    if (x.kind == FHIR_PATH_STRING && y.kind == FHIR_PATH_STRING) {
        *out = str_cmp(x.text, y.text);
        *out = (*out > 0) - (*out < 0);
        return 1;
    }
    if (x.kind == FHIR_PATH_QUANTITY && y.kind == FHIR_PATH_QUANTITY)
        return fhir_fp_quantity_cmp(&x, &y, out) ? 1 : PATH_UNKNOWN;
    if ((x.kind == FHIR_PATH_QUANTITY && is_number(&y)) ||
        (y.kind == FHIR_PATH_QUANTITY && is_number(&x))) {
        struct fhir_path_item *n = is_number(&x) ? &x : &y,
                              q = {.kind = FHIR_PATH_QUANTITY};
        q.quantity.value = decimal_of(n);
        q.quantity.unit = STR("1");
        *n = q;
        return fhir_fp_quantity_cmp(&x, &y, out) ? 1 : PATH_UNKNOWN;
    }
    return fhir_fp_error(e, op, "fhirpath.type");
}
