/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_parse -- from tokens to the tree, by precedence (N1, section 6.8):
 * path, unary, * / div mod, + - &, is as, |, < <= > >=, = ~ != !~, in contains, and,
 * or xor, implies. */
#include "fhir/fhir_path_priv.h"

enum { PATH_OPS = 20000 };

static const struct {
    const char *name;
    uint8_t least, most;
    char how;
} path_fns[] = {
#define X(id, name, least, most, how) {name, least, most, #how[0]},
    FHIR_PATH_FUNCTIONS(X)
#undef X
};

struct path_parser {
    struct path_lexer l;
    struct fhir_path *p;
    unsigned nest;
};

static int expression(struct path_parser *s, int level, uint32_t *out);

static bool at(const struct path_parser *s, const char *z)
{
    return (s->l.token == PATH_T_PUNCT || (s->l.token == PATH_T_NAME && !s->l.quoted)) &&
           str_eqc(s->l.text, z);
}

static int expect(struct path_parser *s, const char *z, const char *what)
{
    return at(s, z) ? fhir_fp_lex(&s->l) : fhir_fp_syntax(&s->l, what);
}

static uint16_t depth_of(const struct fhir_path *p, uint32_t op)
{
    return op < p->op.n ? p->op.v[op].depth : 0;
}

/* Adds an op above the ops a and b (UINT32_MAX: none). */
static int emit(struct path_parser *s, struct path_op op, uint32_t *out)
{
    struct fhir_path *p = s->p;
    unsigned deep = AM_MAX(op.code == PATH_CONST ? 0u : depth_of(p, op.a),
                           op.code == PATH_CALL ? 0u : depth_of(p, op.b));
    for (unsigned i = 0; i < op.argc && op.code == PATH_CALL; i++)
        deep = AM_MAX(deep, depth_of(p, p->arg.v[op.b + i]));
    if (deep >= FHIR_PATH_DEPTH || p->op.n >= PATH_OPS) {
        diag_err(s->l.d, "", "fhirpath.effort", "the expression is too large");
        return AM_E_TOOBIG;
    }
    op.depth = (uint16_t)(deep + 1);
    *out = (uint32_t)p->op.n;
    return vec_push(&p->op, op);
}

static struct path_op node(const struct path_parser *s, enum path_code code)
{
    return (struct path_op){
        .code = (uint8_t)code, .a = UINT32_MAX, .b = UINT32_MAX, .at = (uint32_t)s->l.at};
}

static int constant(struct path_parser *s, struct fhir_path_item item, uint32_t *out)
{
    struct path_op op = node(s, PATH_CONST);
    op.a = (uint32_t)s->p->constant.n;
    if (vec_push(&s->p->constant, item))
        return AM_E_NOMEM;
    return emit(s, op, out);
}

/* A number, with its unit if one follows: 4 days, 4 'mg'. */
static int number(struct path_parser *s, uint32_t *out)
{
    struct fhir_path_item item = {.kind = FHIR_PATH_DECIMAL};
    bool whole = str_find(s->l.text, '.') == s->l.text.n;
    struct fhir_decimal d;
    int err = fhir_decimal_parse(s->l.text, &d);
    if (err)
        return fhir_fp_syntax(&s->l, "this number has too many digits");
    item.decimal = d;
    if (whole) {
        int64_t i;
        if (str_int(s->l.text, 0, INT32_MAX, &i))
            whole = false; /* beyond Integer: only a decimal can hold it */
        else
            item.kind = FHIR_PATH_INTEGER, item.integer = i;
    }
    err = fhir_fp_lex(&s->l);
    if (err)
        return err;
    if (s->l.token == PATH_T_STRING ||
        (s->l.token == PATH_T_NAME && !s->l.quoted && fhir_fp_calendar(s->l.text).n)) {
        item = (struct fhir_path_item){.kind = FHIR_PATH_QUANTITY,
                                       .calendar = s->l.token == PATH_T_NAME};
        item.quantity.value = d;
        item.quantity.unit = item.calendar ? fhir_fp_calendar(s->l.text) : s->l.text;
        err = fhir_fp_lex(&s->l);
    }
    return err ? err : constant(s, item, out);
}

static int date(struct path_parser *s, uint32_t *out)
{
    struct fhir_path_item item = {.kind = FHIR_PATH_DATE};
    struct str t = s->l.text;
    if (str_starts(t, STR("T"))) {
        item.kind = FHIR_PATH_TIME;
        t = str_sub(t, 1, t.n);
    } else if (str_find(t, 'T') < t.n) {
        item.kind = FHIR_PATH_DATETIME;
        if (t.p[t.n - 1] == 'T')
            t.n--;
    }
    if (fhir_when_parse(t, item.kind, &item.when))
        return fhir_fp_syntax(&s->l, "no such date or time");
    {
        int err = fhir_fp_lex(&s->l);
        return err ? err : constant(s, item, out);
    }
}

/* Name, or space.Name. */
static int type_name(struct path_parser *s, struct path_type *t)
{
    static const char *const known[] = {"Boolean", "Integer",  "Decimal", "String",
                                        "Date",    "DateTime", "Time",    "Quantity"};
    int err;
    *t = (struct path_type){.name = s->l.text, .system = -1};
    if (s->l.token != PATH_T_NAME)
        return fhir_fp_syntax(&s->l, "a type is expected here");
    err = fhir_fp_lex(&s->l);
    if (!err && at(s, ".")) {
        err = fhir_fp_lex(&s->l);
        if (!err && s->l.token != PATH_T_NAME)
            err = fhir_fp_syntax(&s->l, "a type is expected here");
        t->space = t->name;
        t->name = s->l.text;
        if (!err)
            err = fhir_fp_lex(&s->l);
    }
    if (err)
        return err;
    if (!t->space.n || str_eqc(t->space, "System"))
        for (size_t i = 0; i < AM_LEN(known); i++)
            if (str_eqc(t->name, known[i]))
                t->system = (int8_t)(FHIR_PATH_BOOLEAN + i);
    if (!t->space.n || str_eqc(t->space, "FHIR"))
        t->fhir = fhir_fp_type_find(t->name);
    if (t->fhir || t->system >= 0 || str_eqc(t->space, "System"))
        return AM_OK;
    diag_err(s->l.d, "", "fhirpath.type", "%.*s", STR_FMT(t->name));
    return AM_E_INVALID;
}

static int regex(struct path_parser *s, struct path_op *op)
{
    const struct path_op *pattern;
    const char *why = "";
    int err;
    if (op->fn != PATH_FN_MATCHES && op->fn != PATH_FN_REPLACE_MATCHES &&
        op->fn != PATH_FN_MATCHES_FULL)
        return AM_OK;
    pattern = &s->p->op.v[s->p->arg.v[op->b]];
    if (pattern->code != PATH_CONST ||
        s->p->constant.v[pattern->a].kind != FHIR_PATH_STRING)
        return AM_OK;
    err = fhir_fp_regex((enum path_fn)op->fn, s->p->constant.v[pattern->a].text, &op->re,
                        &why);
    if (err && err != AM_E_NOMEM)
        diag_err(s->l.d, "", "fhirpath.regex", "%s", why);
    return err;
}

/* What order has the result of children()? Strict expressions may not ask. */
static int ordered(struct path_parser *s, const struct path_op *op)
{
    const struct path_op *base = op->a < s->p->op.n ? &s->p->op.v[op->a] : NULL;
    bool asks = op->fn == PATH_FN_FIRST || op->fn == PATH_FN_LAST ||
                op->fn == PATH_FN_TAIL || op->fn == PATH_FN_SKIP ||
                op->fn == PATH_FN_TAKE;
    if (!(s->p->flags & FHIR_PATH_STRICT) || !asks || !base || base->code != PATH_CALL ||
        (base->fn != PATH_FN_CHILDREN && base->fn != PATH_FN_DESCENDANTS))
        return AM_OK;
    diag_err(s->l.d, "", "fhirpath.order", "%s", path_fns[op->fn].name);
    return AM_E_INVALID;
}

static int arguments(struct path_parser *s, struct path_op *op)
{
    uint32_t arg[16];
    unsigned n = 0;
    int err = AM_OK;
    bool sorts = op->fn == PATH_FN_SORT;
    while (!err && !at(s, ")")) {
        bool down = false;
        if (n && (err = expect(s, ",", "a comma or ) is expected here")))
            break;
        if (n == AM_LEN(arg))
            return fhir_fp_syntax(&s->l, "too many arguments");
        if (sorts && at(s, "-")) { /* sort(-family): descending, whatever the kind */
            down = true;
            err = fhir_fp_lex(&s->l);
        }
        if (!err && path_fns[op->fn].how == 'T')
            err = type_name(s, &op->type);
        else if (!err)
            err = expression(s, 0, &arg[n]);
        if (!err && path_fns[op->fn].how != 'T') {
            s->p->op.v[arg[n]].descending = down;
        }
        n++;
    }
    if (!err && (n < path_fns[op->fn].least || n > path_fns[op->fn].most)) {
        diag_err(s->l.d, "", "fhirpath.arguments", "%s", path_fns[op->fn].name);
        err = AM_E_INVALID;
    }
    if (err)
        return err;
    op->b = (uint32_t)s->p->arg.n;
    if (path_fns[op->fn].how == 'T')
        n = 0;
    for (unsigned i = 0; i < n; i++)
        if (vec_push(&s->p->arg, arg[i]))
            return AM_E_NOMEM;
    op->argc = (uint8_t)n;
    return regex(s, op);
}

static int call(struct path_parser *s, struct str name, uint32_t base, uint32_t *out)
{
    struct path_op op = node(s, PATH_CALL);
    int err;
    op.a = base;
    op.fn = PATH_FNS;
    for (unsigned i = 0; i < PATH_FNS; i++)
        if (str_eqc(name, path_fns[i].name))
            op.fn = (uint8_t)i;
    if (op.fn == PATH_FNS) {
        diag_err(s->l.d, "", "fhirpath.function", "%.*s", STR_FMT(name));
        return AM_E_INVALID;
    }
    op.name = str_c(path_fns[op.fn].name);
    err = fhir_fp_lex(&s->l); /* ( */
    if (!err)
        err = arguments(s, &op);
    if (!err)
        err = fhir_fp_lex(&s->l); /* ) */
    if (!err)
        err = ordered(s, &op);
    if (!err)
        err = emit(s, op, out);
    if (err)
        json_regex_free(op.re);
    return err;
}

/* Has the type of an "as" that member? Strict expressions may not ask otherwise. */
static int member_of(struct path_parser *s, uint32_t base, const struct path_op *op)
{
    const struct path_op *b = &s->p->op.v[base];
    bool typed =
        b->code == PATH_AS ||
        (b->code == PATH_CALL && (b->fn == PATH_FN_AS || b->fn == PATH_FN_OF_TYPE));
    uint16_t type;
    if (!(s->p->flags & FHIR_PATH_STRICT) || !typed || !b->type.fhir ||
        fhir_fp_member(b->type.fhir, op->name, &type) != PATH_MEMBER_NO)
        return AM_OK;
    diag_err(s->l.d, "", "fhirpath.element", "%.*s", STR_FMT(op->name));
    return AM_E_INVALID;
}

/* A member or a function, of base or of the focus. */
static int invocation(struct path_parser *s, uint32_t base, bool first, uint32_t *out)
{
    struct path_op op;
    struct str name = s->l.text;
    char *side;
    int err;
    if (s->l.token != PATH_T_NAME)
        return fhir_fp_syntax(&s->l, "a name is expected here");
    op = node(s, PATH_CHILD);
    err = fhir_fp_lex(&s->l);
    if (err)
        return err;
    if (at(s, "("))
        return call(s, name, base, out);
    side = arena_alloc(&s->p->arena, name.n + 2, 1);
    if (!side)
        return AM_E_NOMEM;
    side[0] = '_';
    memcpy(side + 1, name.p, name.n);
    op.a = base;
    op.name = (struct str){side + 1, name.n};
    op.side = (struct str){side, name.n + 1};
    if (first && name.n && name.p[0] < 'a')
        op.type.fhir = fhir_fp_type_find(name);
    err = member_of(s, base, &op);
    return err ? err : emit(s, op, out);
}

static int dollar(struct path_parser *s, uint32_t *out)
{
    static const char *const names[] = {"this", "index", "total"};
    int err = fhir_fp_lex(&s->l);
    for (unsigned i = 0; i < AM_LEN(names) && !err; i++)
        if (at(s, names[i])) {
            struct path_op op = node(s, PATH_THIS + i);
            err = fhir_fp_lex(&s->l);
            return err ? err : emit(s, op, out);
        }
    return err ? err : fhir_fp_syntax(&s->l, "$this, $index or $total is expected here");
}

static int variable(struct path_parser *s, uint32_t *out)
{
    struct path_op op;
    int err = fhir_fp_lex(&s->l);
    if (err)
        return err;
    if (s->l.token != PATH_T_NAME && s->l.token != PATH_T_STRING)
        return fhir_fp_syntax(&s->l, "a name is expected here");
    op = node(s, PATH_VAR);
    op.name = s->l.text;
    err = fhir_fp_lex(&s->l);
    return err ? err : emit(s, op, out);
}

static int term(struct path_parser *s, uint32_t *out)
{
    int err;
    if (s->l.token == PATH_T_NUMBER)
        return number(s, out);
    if (s->l.token == PATH_T_DATE)
        return date(s, out);
    if (s->l.token == PATH_T_STRING) {
        struct fhir_path_item item = {.kind = FHIR_PATH_STRING, .text = s->l.text};
        err = fhir_fp_lex(&s->l);
        return err ? err : constant(s, item, out);
    }
    if (at(s, "true") || at(s, "false")) {
        struct fhir_path_item item = {.kind = FHIR_PATH_BOOLEAN,
                                      .boolean = at(s, "true")};
        err = fhir_fp_lex(&s->l);
        return err ? err : constant(s, item, out);
    }
    if (at(s, "{")) {
        err = fhir_fp_lex(&s->l);
        if (!err)
            err = expect(s, "}", "} is expected here");
        return err ? err : emit(s, node(s, PATH_NONE), out);
    }
    if (at(s, "(")) {
        err = fhir_fp_lex(&s->l);
        if (!err)
            err = expression(s, 0, out);
        return err ? err : expect(s, ")", ") is expected here");
    }
    if (at(s, "$"))
        return dollar(s, out);
    if (at(s, "%"))
        return variable(s, out);
    if (s->l.token != PATH_T_NAME)
        return fhir_fp_syntax(&s->l, "an expression is expected here");
    err = emit(s, node(s, PATH_THIS), out);
    return err ? err : invocation(s, *out, true, out);
}

/* term, then .name .fn() [index] as often as they follow. */
static int path(struct path_parser *s, uint32_t *out)
{
    int err = term(s, out);
    while (!err && (at(s, ".") || at(s, "["))) {
        struct path_op op = node(s, PATH_ITEM);
        bool dot = at(s, ".");
        err = fhir_fp_lex(&s->l);
        if (err)
            break;
        if (dot) {
            err = invocation(s, *out, false, out);
            continue;
        }
        op.a = *out;
        err = expression(s, 0, &op.b);
        if (!err)
            err = expect(s, "]", "] is expected here");
        if (!err)
            err = emit(s, op, out);
    }
    return err;
}

static const struct {
    const char *name;
    uint8_t level;
    uint8_t code;
} path_binary[] = {{"implies", 1, PATH_IMPLIES},
                   {"or", 2, PATH_OR},
                   {"xor", 2, PATH_XOR},
                   {"and", 3, PATH_AND},
                   {"in", 4, PATH_IN},
                   {"contains", 4, PATH_CONTAINS},
                   {"=", 5, PATH_EQ},
                   {"!=", 5, PATH_NE},
                   {"~", 5, PATH_LIKE},
                   {"!~", 5, PATH_UNLIKE},
                   {"<", 6, PATH_LT},
                   {"<=", 6, PATH_LE},
                   {">", 6, PATH_GT},
                   {">=", 6, PATH_GE},
                   {"|", 7, PATH_UNION},
                   {"is", 8, PATH_IS},
                   {"as", 8, PATH_AS},
                   {"+", 9, PATH_ADD},
                   {"-", 9, PATH_SUB},
                   {"&", 9, PATH_CONCAT},
                   {"*", 10, PATH_MUL},
                   {"/", 10, PATH_DIV},
                   {"div", 10, PATH_IDIV},
                   {"mod", 10, PATH_MOD}};
enum { PATH_LEVEL_UNARY = 11 };

static int unary(struct path_parser *s, uint32_t *out)
{
    struct path_op op = node(s, at(s, "-") ? PATH_SIGN : PATH_PLUS);
    int err;
    if (!at(s, "-") && !at(s, "+"))
        return path(s, out);
    if (++s->nest > FHIR_PATH_DEPTH) {
        diag_err(s->l.d, "", "fhirpath.effort", "the expression is too large");
        return AM_E_TOOBIG;
    }
    err = fhir_fp_lex(&s->l);
    if (!err)
        err = unary(s, &op.a);
    s->nest--;
    return err ? err : emit(s, op, out);
}

static int binary(struct path_parser *s, int level, uint32_t *out)
{
    int err = unary(s, out);
    while (!err) {
        size_t k = 0;
        struct path_op op;
        while (k < AM_LEN(path_binary) && !at(s, path_binary[k].name))
            k++;
        if (k == AM_LEN(path_binary) || path_binary[k].level < level)
            break;
        op = node(s, path_binary[k].code);
        op.a = *out;
        err = fhir_fp_lex(&s->l);
        if (!err && (op.code == PATH_IS || op.code == PATH_AS))
            err = type_name(s, &op.type);
        else if (!err)
            err = expression(s, path_binary[k].level + 1, &op.b);
        if (!err)
            err = emit(s, op, out);
    }
    return err;
}

static int expression(struct path_parser *s, int level, uint32_t *out)
{
    int err;
    if (++s->nest > FHIR_PATH_DEPTH) {
        diag_err(s->l.d, "", "fhirpath.effort", "the expression is too large");
        return AM_E_TOOBIG;
    }
    err = binary(s, level, out);
    s->nest--;
    return err;
}

int fhir_fp_parse(struct fhir_path *p, struct diag *d)
{
    struct path_parser s = {.l = {.p = p, .d = d}, .p = p};
    int err = fhir_fp_lex(&s.l);
    if (!err)
        err = expression(&s, 0, &p->start);
    if (!err && s.l.token != PATH_T_END)
        err = fhir_fp_syntax(&s.l, "nothing more is expected here");
    return err;
}
