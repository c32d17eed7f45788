/* SPDX-License-Identifier: Apache-2.0 */
/* json_regex -- from pattern to program, by recursive descent without a tree: code is
 * moved and copied as quantifiers and alternatives ask for it. */
#include "json/json_regex_priv.h"

#include "base/vec.h"
#include "json/json_priv.h"

struct json_re {
    struct str p;
    size_t i;
    VEC(struct json_op) op;
    VEC(struct json_class) cls;
    VEC(struct json_class_item) item;
    unsigned nest, flags, groups;
    char *name[JSON_REGEX_GROUPS];
    const char *why;
};

static int json_re_no(struct json_re *r, int err, const char *why)
{
    r->why = why;
    return err;
}

static bool json_re_at(const struct json_re *r, char c)
{
    return r->i < r->p.n && r->p.p[r->i] == c;
}

static bool json_re_eat(struct json_re *r, const char *z)
{
    size_t n = strlen(z);
    if (!str_starts(str_sub(r->p, r->i, r->p.n), str_c(z)))
        return false;
    r->i += n;
    return true;
}

static int json_re_emit(struct json_re *r, enum json_op_code code, int32_t x, int32_t y)
{
    if (r->op.n >= JSON_REGEX_OPS)
        return json_re_no(r, AM_E_TOOBIG, "pattern too large");
    return vec_push(&r->op, ((struct json_op){code, x, y}));
}

/* Puts one op before position at; the code after it moves as a block. */
static int json_re_insert(struct json_re *r, size_t at, struct json_op op)
{
    int err = json_re_emit(r, op.code, op.x, op.y);
    if (err)
        return err;
    memmove(&r->op.v[at + 1], &r->op.v[at], (r->op.n - 1 - at) * sizeof op);
    r->op.v[at] = op;
    return AM_OK;
}

static int json_re_copy(struct json_re *r, size_t from, size_t n)
{
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++) {
        struct json_op op = r->op.v[from + i];
        err = json_re_emit(r, op.code, op.x, op.y);
    }
    return err;
}

/* n hexadecimal digits; false and nothing eaten when they are not there. */
static bool json_re_hex(struct json_re *r, size_t n, uint32_t *out)
{
    uint32_t v = 0;
    if (r->i + n > r->p.n)
        return false;
    for (size_t k = 0; k < n; k++) {
        int d = str_hex_digit(r->p.p[r->i + k]);
        if (d < 0)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    r->i += n;
    *out = v;
    return true;
}

/* After \u: {H..}, HHHH, or a surrogate pair of two escapes. */
static bool json_re_unicode(struct json_re *r, uint32_t *cp)
{
    uint32_t d, low;
    size_t mark;
    if (json_re_eat(r, "{")) {
        *cp = 0;
        do {
            if (!json_re_hex(r, 1, &d) || (*cp = *cp << 4 | d) > 0x10FFFF)
                return false;
        } while (!json_re_eat(r, "}"));
        return true;
    }
    if (!json_re_hex(r, 4, cp))
        return false;
    mark = r->i;
    if (*cp >= 0xD800 && *cp < 0xDC00 && json_re_eat(r, "\\u")) {
        if (json_re_hex(r, 4, &low) && low >= 0xDC00 && low < 0xE000)
            *cp = 0x10000 + ((*cp - 0xD800) << 10) + (low - 0xDC00);
        else
            r->i = mark;
    }
    return true;
}

/* An escape that stands for one character; r->i is after the backslash. */
static int json_re_escape(struct json_re *r, uint32_t *cp)
{
    static const char from[] = "fnrtv", to[] = "\f\n\r\t\v";
    const char *known;
    char c;
    if (r->i >= r->p.n)
        return json_re_no(r, AM_E_INVALID, "\\ at the end of the pattern");
    c = r->p.p[r->i];
    known = c ? strchr(from, c) : NULL;
    if ((unsigned char)c >= 0x80) {
        *cp = json_utf8_next(r->p, &r->i);
        return AM_OK;
    }
    r->i++;
    if (known) {
        *cp = (unsigned char)to[known - from];
    } else if (c == 'x' || c == 'u') {
        if (!(c == 'x' ? json_re_hex(r, 2, cp) : json_re_unicode(r, cp)))
            return json_re_no(r, AM_E_INVALID, "bad \\x or \\u escape");
    } else if (c == 'c') {
        char l = r->i < r->p.n ? (char)(r->p.p[r->i] | 0x20) : 0;
        if (l < 'a' || l > 'z')
            return json_re_no(r, AM_E_INVALID, "\\c needs a letter");
        r->i++;
        *cp = (unsigned char)l & 31;
    } else if (c == '0' &&
               !(r->i < r->p.n && r->p.p[r->i] >= '0' && r->p.p[r->i] <= '9')) {
        *cp = 0;
    } else if ((c >= '0' && c <= '9') || c == 'k') {
        return json_re_no(r, AM_E_UNSUPPORTED, "back-references are not supported");
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        return json_re_no(r, AM_E_INVALID, "unknown escape");
    } else {
        *cp = (unsigned char)c; /* an escaped punctuation mark is itself */
    }
    return AM_OK;
}

static int json_re_item(struct json_re *r, uint32_t lo, uint32_t hi)
{
    return vec_push(&r->item, ((struct json_class_item){.lo = lo, .hi = hi}));
}

/* After \p or \P. */
static int json_re_property(struct json_re *r, bool negated)
{
    struct str name, rest = str_sub(r->p, r->i, r->p.n);
    struct json_class_item it = {.negated = negated};
    size_t end = str_find(rest, '}');
    if (!str_starts(rest, STR("{")) || end == rest.n)
        return json_re_no(r, AM_E_INVALID, "\\p needs {a property}");
    name = str_sub(rest, 1, end);
    r->i += end + 1;
    if (str_starts(name, STR("gc=")))
        name = str_sub(name, 3, name.n);
    else if (str_starts(name, STR("General_Category=")))
        name = str_sub(name, 17, name.n);
    if (str_eqc(name, "digit"))
        name = STR("Nd");
    for (size_t i = 0; i < json_categories_n; i++)
        if (str_eqc(name, json_categories[i].name) ||
            str_eqc(name, json_categories[i].full_name))
            it.table = &json_categories[i];
    if (str_eqc(name, "ASCII"))
        it.hi = 0x7F;
    else if (str_eqc(name, "Any"))
        it.hi = 0x10FFFF;
    else if (!it.table)
        return json_re_no(r, AM_E_UNSUPPORTED, "this Unicode property is not supported");
    return vec_push(&r->item, it);
}

/* Adds the ranges of a letter of dws to the items; a capital means all others. */
static int json_re_shorthand(struct json_re *r, char c)
{
    static const struct {
        char kind;
        uint32_t lo, hi;
    } t[] = {{'d', '0', '9'},       {'w', '0', '9'},       {'w', 'A', 'Z'},
             {'w', '_', '_'},       {'w', 'a', 'z'},       {'s', 9, 13},
             {'s', ' ', ' '},       {'s', 0xA0, 0xA0},     {'s', 0x1680, 0x1680},
             {'s', 0x2000, 0x200A}, {'s', 0x2028, 0x2029}, {'s', 0x202F, 0x202F},
             {'s', 0x205F, 0x205F}, {'s', 0x3000, 0x3000}, {'s', 0xFEFF, 0xFEFF}};
    bool others = c < 'a';
    uint32_t from = 0;
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(t) && !err; i++) {
        if (t[i].kind != (c | 0x20))
            continue;
        err = others ? json_re_item(r, from, t[i].lo - 1)
                     : json_re_item(r, t[i].lo, t[i].hi);
        from = t[i].hi + 1;
    }
    return err || !others ? err : json_re_item(r, from, 0x10FFFF);
}

/* \d \w \s \p and their capitals, r->i before the letter. *did: it was one of them. */
static int json_re_set(struct json_re *r, bool *did)
{
    char c = r->i < r->p.n ? r->p.p[r->i] : 0;
    *did = c && strchr("dDwWsSpP", c);
    if (!*did)
        return AM_OK;
    r->i++;
    return (c | 0x20) == 'p' ? json_re_property(r, c == 'P') : json_re_shorthand(r, c);
}

/* One end of a range: a character, or (*set) a shorthand already added to the items. */
static int json_re_class_atom(struct json_re *r, uint32_t *cp, bool *set)
{
    int err;
    *set = false;
    if (!json_re_eat(r, "\\")) {
        *cp = json_utf8_next(r->p, &r->i);
        return AM_OK;
    }
    if (json_re_eat(r, "b")) {
        *cp = '\b';
        return AM_OK;
    }
    err = json_re_set(r, set);
    return err || *set ? err : json_re_escape(r, cp);
}

static int json_re_class_items(struct json_re *r)
{
    while (r->i < r->p.n) {
        uint32_t lo = 0, hi;
        bool set = false, set2 = false;
        int err;
        if (json_re_eat(r, "]"))
            return AM_OK;
        err = json_re_class_atom(r, &lo, &set);
        if (err)
            return err;
        hi = lo;
        if (json_re_at(r, '-') && r->i + 1 < r->p.n && r->p.p[r->i + 1] != ']') {
            r->i++;
            err = json_re_class_atom(r, &hi, &set2);
            if (!err && (set || set2 || hi < lo))
                err = json_re_no(r, AM_E_INVALID, "bad range in a class");
        }
        if (!err && !set)
            err = json_re_item(r, lo, hi);
        if (err)
            return err;
    }
    return json_re_no(r, AM_E_INVALID, "class without ]");
}

/* Makes a class of the items from index from on, and the op that reads it. */
static int json_re_class_done(struct json_re *r, size_t from, bool negated)
{
    struct json_class c = {.from = from, .n = r->item.n - from, .negated = negated};
    struct json_regex view = {.item = r->item.v};
    for (uint32_t cp = 0; cp < 128; cp++)
        if (json_class_has(&view, &c, cp))
            c.ascii[cp / 32] |= 1u << (cp % 32);
    if (vec_push(&r->cls, c))
        return AM_E_NOMEM;
    return json_re_emit(r, JSON_OP_CLASS, (int32_t)r->cls.n - 1, 0);
}

static int json_re_class(struct json_re *r)
{
    bool negated = json_re_eat(r, "^");
    size_t from = r->item.n;
    int err = json_re_class_items(r);
    return err ? err : json_re_class_done(r, from, negated);
}

static int json_re_either(struct json_re *r);

/* The number of a group to remember, 0: none. */
static int json_re_number(struct json_re *r, struct str name, unsigned *group)
{
    *group = 0;
    if (!(r->flags & JSON_REGEX_CAPTURE) || r->groups + 1 >= JSON_REGEX_GROUPS)
        return AM_OK;
    *group = ++r->groups;
    if (!name.n)
        return AM_OK;
    r->name[*group] = str_dup(name);
    return r->name[*group] ? AM_OK : AM_E_NOMEM;
}

static int json_re_save(struct json_re *r, unsigned group, int32_t end)
{
    return group ? json_re_emit(r, JSON_OP_SAVE, (int32_t)group * 2 + end, 0) : AM_OK;
}

static int json_re_group(struct json_re *r)
{
    struct str name = STR_NULL;
    unsigned group = 0;
    bool plain = false;
    int err;
    if (json_re_eat(r, "?<=") || json_re_eat(r, "?<!") || json_re_eat(r, "?=") ||
        json_re_eat(r, "?!"))
        return json_re_no(r, AM_E_UNSUPPORTED, "look-around is not supported");
    if (json_re_eat(r, "?<")) {
        size_t end = str_find(str_sub(r->p, r->i, r->p.n), '>');
        if (end == 0 || r->i + end >= r->p.n)
            return json_re_no(r, AM_E_INVALID, "bad group name");
        name = str_sub(r->p, r->i, r->i + end);
        r->i += end + 1;
    } else if (json_re_eat(r, "?:")) {
        plain = true;
    } else if (json_re_at(r, '?')) {
        return json_re_no(r, AM_E_INVALID, "unknown kind of group");
    }
    if (++r->nest > JSON_REGEX_NEST)
        return json_re_no(r, AM_E_TOOBIG, "groups nested too deeply");
    err = plain ? AM_OK : json_re_number(r, name, &group);
    if (!err)
        err = json_re_save(r, group, 0);
    if (!err)
        err = json_re_either(r);
    r->nest--;
    if (!err && !json_re_eat(r, ")"))
        err = json_re_no(r, AM_E_INVALID, "group without )");
    return err ? err : json_re_save(r, group, 1);
}

/* Reads {n}, {n,} or {n,m}; false and nothing eaten when it is not one. */
static bool json_re_counts(struct json_re *r, size_t *min, size_t *max)
{
    size_t mark = r->i, *to = min;
    bool digits = false, comma = false;
    *min = 0;
    if (!json_re_eat(r, "{"))
        return false;
    for (; r->i < r->p.n; r->i++) {
        char c = r->p.p[r->i];
        if (c >= '0' && c <= '9') {
            *to = AM_MIN(*to * 10 + (size_t)(c - '0'), (size_t)JSON_REGEX_OPS + 1);
            digits = true;
        } else if (c == ',' && digits && !comma) {
            comma = true, digits = false;
            to = max;
            *max = 0;
        } else {
            break;
        }
    }
    if (json_re_eat(r, "}") && (digits || comma)) {
        if (!comma)
            *max = *min;
        else if (!digits)
            *max = SIZE_MAX;
        return true;
    }
    r->i = mark;
    return false;
}

/* Two ways on, the first one preferred; lazy prefers the second. */
static struct json_op json_re_split(int32_t x, int32_t y, bool lazy)
{
    return lazy ? (struct json_op){JSON_OP_SPLIT, y, x}
                : (struct json_op){JSON_OP_SPLIT, x, y};
}

static int json_re_emit_op(struct json_re *r, struct json_op op)
{
    return json_re_emit(r, op.code, op.x, op.y);
}

/* Repeats the code from start on: min copies, then a loop or max - min optional ones,
 * each of which may leave for the end. */
static int json_re_repeat(struct json_re *r, size_t start, size_t min, size_t max,
                          bool lazy)
{
    size_t len = r->op.n - start, need;
    int err = AM_OK;
    if (max == 0 || len == 0) {
        r->op.n = start;
        return AM_OK;
    }
    need = max == SIZE_MAX ? AM_MAX(min, 1) : max;
    if (need > JSON_REGEX_OPS || need * (len + 1) > JSON_REGEX_OPS)
        return json_re_no(r, AM_E_TOOBIG, "repeat count too large");
    if (max == SIZE_MAX && min == 0) {
        err = json_re_insert(r, start, json_re_split(1, (int32_t)len + 2, lazy));
        return err ? err : json_re_emit(r, JSON_OP_JUMP, -(int32_t)len - 1, 0);
    }
    for (size_t k = 1; k < min && !err; k++)
        err = json_re_copy(r, start, len);
    if (max == SIZE_MAX)
        return err ? err : json_re_emit_op(r, json_re_split(-(int32_t)len, 1, lazy));
    for (size_t k = AM_MAX(min, 1); k < max && !err; k++) {
        size_t left = max - k; /* optional copies from here to the end */
        err = json_re_emit_op(r, json_re_split(1, (int32_t)(left * (len + 1)), lazy));
        if (!err)
            err = json_re_copy(r, start, len);
    }
    if (!err && min == 0)
        err = json_re_insert(r, start,
                             json_re_split(1, (int32_t)(r->op.n - start) + 1, lazy));
    return err;
}

static int json_re_quantifier(struct json_re *r, size_t start)
{
    size_t min = 0, max = SIZE_MAX;
    if (json_re_eat(r, "+"))
        min = 1;
    else if (json_re_eat(r, "?"))
        max = 1;
    else if (!json_re_eat(r, "*") && !json_re_counts(r, &min, &max))
        return AM_OK;
    if (min > max)
        return json_re_no(r, AM_E_INVALID, "repeat counts out of order");
    return json_re_repeat(r, start, min, max, json_re_eat(r, "?"));
}

static int json_re_backslash(struct json_re *r, bool *assertion)
{
    size_t from = r->item.n;
    uint32_t cp;
    bool set;
    int err;
    *assertion = json_re_at(r, 'b') || json_re_at(r, 'B');
    if (json_re_eat(r, "b"))
        return json_re_emit(r, JSON_OP_WORD, 0, 0);
    if (json_re_eat(r, "B"))
        return json_re_emit(r, JSON_OP_NOT_WORD, 0, 0);
    err = json_re_set(r, &set);
    if (err)
        return err;
    if (set)
        return json_re_class_done(r, from, false);
    err = json_re_escape(r, &cp);
    return err ? err : json_re_emit(r, JSON_OP_CHAR, (int32_t)cp, 0);
}

static int json_re_term(struct json_re *r)
{
    size_t start = r->op.n;
    bool assertion = false;
    int err;
    if (json_re_eat(r, "^")) {
        assertion = true;
        err = json_re_emit(r, JSON_OP_BEGIN, 0, 0);
    } else if (json_re_eat(r, "$")) {
        assertion = true;
        err = json_re_emit(r, JSON_OP_END, 0, 0);
    } else if (json_re_eat(r, "(")) {
        err = json_re_group(r);
    } else if (json_re_eat(r, "[")) {
        err = json_re_class(r);
    } else if (json_re_eat(r, ".")) {
        err = json_re_emit(r, JSON_OP_ANY, (r->flags & JSON_REGEX_DOTALL) != 0, 0);
    } else if (json_re_eat(r, "\\")) {
        err = json_re_backslash(r, &assertion);
    } else if (json_re_at(r, '*') || json_re_at(r, '+') || json_re_at(r, '?')) {
        err = json_re_no(r, AM_E_INVALID, "nothing to repeat");
    } else {
        size_t min, max, mark = r->i;
        if (json_re_counts(r, &min, &max))
            return json_re_no(r, AM_E_INVALID, "nothing to repeat");
        r->i = mark;
        err = json_re_emit(r, JSON_OP_CHAR, (int32_t)json_utf8_next(r->p, &r->i), 0);
    }
    return err || assertion ? err : json_re_quantifier(r, start);
}

/* a|b|c: SPLIT a JUMP end SPLIT b JUMP end c. The jumps wait in a list through their x.
 */
static int json_re_either(struct json_re *r)
{
    size_t start = r->op.n, waiting = SIZE_MAX;
    int err = AM_OK;
    while (!err && r->i < r->p.n && !json_re_at(r, ')')) {
        size_t len;
        if (!json_re_eat(r, "|")) {
            err = json_re_term(r);
            continue;
        }
        len = r->op.n - start;
        err = json_re_insert(r, start,
                             (struct json_op){JSON_OP_SPLIT, 1, (int32_t)len + 2});
        if (!err)
            err = json_re_emit(r, JSON_OP_JUMP, (int32_t)waiting, 0);
        waiting = r->op.n - 1;
        start = r->op.n;
    }
    while (!err && waiting != SIZE_MAX) {
        struct json_op *jump = &r->op.v[waiting];
        size_t older = jump->x < 0 ? SIZE_MAX : (size_t)jump->x;
        jump->x = (int32_t)(r->op.n - waiting);
        waiting = older;
    }
    return err;
}

static int json_re_all(struct json_re *r)
{
    int err;
    if (!str_utf8(r->p))
        return json_re_no(r, AM_E_INVALID, "pattern is not UTF-8");
    err = json_re_either(r);
    if (!err && r->i < r->p.n)
        err = json_re_no(r, AM_E_INVALID, ") without (");
    return err ? err : json_re_emit(r, JSON_OP_MATCH, 0, 0);
}

int json_regex_new(struct json_regex **out, struct str pattern, unsigned flags,
                   const char **why)
{
    struct json_re r = {.p = pattern, .flags = flags, .why = "out of memory"};
    struct json_regex *re = am_calloc(1, sizeof *re);
    int err = re ? json_re_all(&r) : AM_E_NOMEM;
    if (err) {
        if (why)
            *why = r.why;
        vec_release(&r.op);
        vec_release(&r.cls);
        vec_release(&r.item);
        for (size_t i = 0; i < JSON_REGEX_GROUPS; i++)
            free(r.name[i]);
        free(re);
        return err;
    }
    memcpy(re->name, r.name, sizeof re->name);
    re->capture = flags & JSON_REGEX_CAPTURE;
    re->op = r.op.v;
    re->n = r.op.n;
    re->cls = r.cls.v;
    re->item = r.item.v;
    *out = re;
    return AM_OK;
}

void json_regex_free(struct json_regex *re)
{
    if (!re)
        return;
    free(re->op);
    free(re->cls);
    free(re->item);
    for (size_t i = 0; i < JSON_REGEX_GROUPS; i++)
        free(re->name[i]);
    free(re);
}

size_t json_regex_size(const struct json_regex *re)
{
    return re->n;
}

size_t json_regex_group(const struct json_regex *re, struct str name)
{
    for (size_t i = 1; i < JSON_REGEX_GROUPS; i++)
        if (re->name[i] && str_eqc(name, re->name[i]))
            return i;
    return SIZE_MAX;
}
