/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_eval -- walking the program: the stack, navigation, operators. */
#include "base/clock.h"
#include "fhir/fhir_path_priv.h"

int fhir_fp_error(struct path_eval *e, const struct path_op *op, const char *code)
{
    char path[48];
    size_t line = 1, column = 1;
    if (!e->d)
        return AM_E_INVALID;
    for (size_t i = 0; op && i < op->at && i < e->p->text.n; i++) {
        if (e->p->text.p[i] == '\n')
            line++, column = 1;
        else if (((unsigned char)e->p->text.p[i] & 0xC0) != 0x80)
            column++;
    }
    snprintf(path, sizeof path, "%zu:%zu", line, column);
    diag_err(e->d, path, code, "%.*s", op ? (int)op->name.n : 0, op ? op->name.p : "");
    return AM_E_INVALID;
}

int fhir_fp_spend(struct path_eval *e, size_t steps)
{
    if (e->steps > steps) {
        e->steps -= steps;
        return AM_OK;
    }
    e->steps = 0;
    diag_err(e->d, "", "fhirpath.effort", "the expression asks for too much work");
    return AM_E_TOOBIG;
}

static int grow(struct path_eval *e)
{
    uint32_t cap = e->cap * 2;
    struct fhir_path_item *v;
    if (cap > 1u << 22)
        return fhir_fp_spend(e, SIZE_MAX);
    v = arena_alloc(e->arena, cap, sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    memcpy(v, e->v, e->n * sizeof *v);
    e->v = v;
    e->cap = cap;
    return AM_OK;
}

int fhir_fp_push(struct path_eval *e, const struct fhir_path_item *item)
{
    struct fhir_path_item copy = *item; /* it may stand on the stack itself */
    int err = e->steps > 1 ? (e->steps--, AM_OK) : fhir_fp_spend(e, 1);
    if (!err && e->n == e->cap)
        err = grow(e);
    if (err)
        return err;
    e->v[e->n++] = copy;
    return AM_OK;
}

int fhir_fp_push_bool(struct path_eval *e, bool b)
{
    return fhir_fp_push(
        e, &(struct fhir_path_item){.kind = FHIR_PATH_BOOLEAN, .boolean = b});
}

int fhir_fp_push_int(struct path_eval *e, int64_t i)
{
    return fhir_fp_push(
        e, &(struct fhir_path_item){.kind = FHIR_PATH_INTEGER, .integer = i});
}

int fhir_fp_push_str(struct path_eval *e, struct str s)
{
    return fhir_fp_push(e, &(struct fhir_path_item){.kind = FHIR_PATH_STRING, .text = s});
}

int fhir_fp_push_dec(struct path_eval *e, struct fhir_decimal d)
{
    return fhir_fp_push(
        e, &(struct fhir_path_item){.kind = FHIR_PATH_DECIMAL, .decimal = d});
}

/* ---- navigation ----------------------------------------------------------------------
 */
static int push_element(struct path_eval *e, const struct json *v,
                        const struct json *side, uint16_t type)
{
    struct fhir_path_item item = {.kind = FHIR_PATH_NODE, .type = type};
    if (json_type(v) == JSON_NULL)
        v = NULL;
    if (json_type(side) != JSON_OBJECT)
        side = NULL;
    if (!v && !side)
        return AM_OK;
    item.node.v = v;
    item.node.side = side;
    if (fhir_fp_type_open(type) && json_type(v) == JSON_OBJECT) {
        uint16_t own = fhir_fp_type_resource(v);
        item.type = own ? own : type;
    }
    return fhir_fp_push(e, &item);
}

/* A member and its "_member": one element, or as many as the arrays have. */
static int push_member(struct path_eval *e, const struct json *v, const struct json *side,
                       uint16_t type)
{
    struct json_iter a, b;
    bool more_a, more_b;
    if (json_type(v) != JSON_ARRAY && json_type(side) != JSON_ARRAY)
        return push_element(e, v, side, type);
    a = json_iter(json_type(v) == JSON_ARRAY ? v : NULL);
    b = json_iter(json_type(side) == JSON_ARRAY ? side : NULL);
    for (;;) {
        int err;
        more_a = json_next(&a), more_b = json_next(&b);
        if (!more_a && !more_b)
            return AM_OK;
        err = push_element(e, more_a ? a.val : NULL, more_b ? b.val : NULL, type);
        if (err)
            return err;
    }
}

/* value -> valueQuantity, _valueString */
static int push_choice(struct path_eval *e, const struct fhir_path_item *from,
                       const struct json *obj, struct str name, bool *found)
{
    for (json_each(it, obj)) {
        struct str key = it.key;
        bool under = key.n && key.p[0] == '_';
        char twin[80];
        const struct json *other;
        uint16_t type;
        int err;
        if (under)
            key = str_sub(key, 1, key.n);
        if (key.n <= name.n || key.n + 2 > sizeof twin || !str_starts(key, name) ||
            !fhir_fp_member_choice(from->type, name, key, &type))
            continue;
        *found = true;
        twin[0] = '_';
        memcpy(twin + 1, key.p, key.n);
        other = json_getn(obj, under ? key : (struct str){twin, key.n + 1});
        if (under && other)
            continue; /* seen with its value */
        err = push_member(e, under ? NULL : it.val, under ? it.val : other, type);
        if (err)
            return err;
    }
    return AM_OK;
}

int fhir_fp_child(struct path_eval *e, const struct fhir_path_item *from, struct str name,
                  struct str side)
{
    const struct fhir_path_item base = *from; /* the stack may move */
    const struct json *obj = base.node.v, *v;
    enum path_member kind;
    uint16_t type = 0;
    bool found = false;
    if (base.kind == FHIR_PATH_TYPE) {
        struct str s = str_eqc(name, "namespace") ? base.info.space
                       : str_eqc(name, "name")    ? base.info.name
                                                  : STR_NULL;
        return s.p ? fhir_fp_push_str(e, s) : AM_OK;
    }
    if (base.kind != FHIR_PATH_NODE)
        return AM_OK;
    if (json_type(obj) != JSON_OBJECT) { /* of a primitive: id and extension */
        obj = base.node.side;
        v = json_getn(obj, name);
        return v ? push_member(
                       e, v, NULL,
                       fhir_fp_member_json(fhir_fp_type_find(STR("Element")), name))
                 : AM_OK;
    }
    kind = fhir_fp_member(base.type, name, &type);
    if (kind == PATH_MEMBER_NO || kind == PATH_MEMBER_TYPED) {
        if (e->p->flags & FHIR_PATH_STRICT)
            return fhir_fp_error(e, NULL, "fhirpath.element");
        if (str_eqc(name, "resourceType"))
            return AM_OK;
    }
    if (kind != PATH_MEMBER_CHOICE) {
        const struct json *s = NULL;
        v = json_getn(obj, name);
        if (!type || fhir_fp_type_primitive(type))
            s = json_getn(obj, side);
        if (v || s)
            return push_member(e, v, s,
                               type ? type : fhir_fp_member_json(base.type, name));
        if (kind != PATH_MEMBER_MAYBE)
            return AM_OK;
    }
    return push_choice(e, &base, obj, name, &found);
}

int fhir_fp_children(struct path_eval *e, struct fhir_path_item from)
{
    const struct json *obj = from.node.v;
    if (from.kind != FHIR_PATH_NODE)
        return AM_OK;
    if (json_type(obj) != JSON_OBJECT)
        obj = from.node.side;
    for (json_each(it, obj)) {
        char twin[128];
        struct str key = it.key;
        const struct json *side = NULL;
        int err;
        if (str_eqc(key, "resourceType") && obj == from.node.v)
            continue;
        if (key.n && key.p[0] == '_') {
            key = str_sub(key, 1, key.n);
            if (json_getn(obj, key))
                continue;
            err = push_member(e, NULL, it.val, fhir_fp_member_json(from.type, key));
        } else {
            if (json_type(it.val) != JSON_OBJECT && key.n + 1 < sizeof twin) {
                twin[0] = '_';
                memcpy(twin + 1, key.p, key.n);
                side = json_getn(obj, (struct str){twin, key.n + 1});
            }
            err = push_member(
                e, it.val, side,
                obj == from.node.v
                    ? fhir_fp_member_json(from.type, key)
                    : fhir_fp_member_json(fhir_fp_type_find(STR("Element")), key));
        }
        if (err)
            return err;
    }
    return AM_OK;
}

/* The results pushed from `mid` on take the place of the items from `from` on. */
static void settle(struct path_eval *e, uint32_t from, uint32_t mid)
{
    if (mid != from)
        memmove(&e->v[from], &e->v[mid], (e->n - mid) * sizeof *e->v);
    e->n = from + (e->n - mid);
}

static int eval_child(struct path_eval *e, const struct path_op *op,
                      const struct path_frame *f)
{
    uint32_t from = e->n, mid;
    const struct path_op *base = &e->p->op.v[op->a];
    int err;
    if (base->code == PATH_THIS) { /* the usual start: nothing to copy */
        if (!f->has)
            return AM_OK;
        if (op->type.fhir && f->self.kind == FHIR_PATH_NODE &&
            fhir_fp_type_is(f->self.type, op->type.fhir))
            return fhir_fp_push(e, &f->self);
        return fhir_fp_child(e, &f->self, op->name, op->side);
    }
    err = fhir_fp_eval(e, op->a, f);
    mid = e->n;
    for (uint32_t i = from; i < mid && !err; i++) {
        struct fhir_path_item item = e->v[i];
        err = fhir_fp_child(e, &item, op->name, op->side);
    }
    if (!err)
        settle(e, from, mid);
    return err;
}

static int eval_item(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f)
{
    uint32_t from = e->n, mid;
    struct fhir_path_item index;
    bool has;
    int err = fhir_fp_eval(e, op->a, f);
    mid = e->n;
    if (!err)
        err = fhir_fp_eval(e, op->b, f);
    if (!err)
        err = fhir_fp_one(e, op, mid, &index, &has);
    if (err)
        return err;
    e->n = mid;
    if (has && index.kind != FHIR_PATH_INTEGER)
        return fhir_fp_error(e, op, "fhirpath.type");
    if (!has || index.integer < 0 || index.integer >= mid - from) {
        e->n = from;
        return AM_OK;
    }
    e->v[from] = e->v[from + (uint32_t)index.integer];
    e->n = from + 1;
    return AM_OK;
}

static int eval_var(struct path_eval *e, const struct path_op *op)
{
    static const struct {
        const char *name, *text;
    } known[] = {{"sct", "http://snomed.info/sct"},
                 {"loinc", "http://loinc.org"},
                 {"ucum", "http://unitsofmeasure.org"}};
    const struct json *root = e->env->root,
                      *resource = e->env->resource ? e->env->resource : root;
    struct fhir_path_item item;
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(op->name, known[i].name))
            return fhir_fp_push_str(e, str_c(known[i].text));
    if (str_eqc(op->name, "resource"))
        return resource ? push_element(e, resource, NULL, 0) : AM_OK;
    if (str_eqc(op->name, "rootResource"))
        return root ? push_element(e, root, NULL, 0) : AM_OK;
    if (str_eqc(op->name, "context"))
        return e->has_focus ? fhir_fp_push(e, &e->focus) : AM_OK;
    if (e->env->variable) {
        int err = e->env->variable(e->env->cookie, op->name, &item);
        if (err != AM_E_NOTFOUND)
            return err ? err : fhir_fp_push(e, &item);
    }
    if (str_starts(op->name, STR("vs-")) || str_starts(op->name, STR("ext-"))) {
        bool vs = op->name.p[0] == 'v';
        char *z = arena_printf(e->arena, "http://hl7.org/fhir/%s/%.*s",
                               vs ? "ValueSet" : "StructureDefinition",
                               STR_FMT(str_sub(op->name, vs ? 3 : 4, op->name.n)));
        return z ? fhir_fp_push_str(e, str_c(z)) : AM_E_NOMEM;
    }
    return fhir_fp_error(e, op, "fhirpath.variable");
}

/* ---- operators -----------------------------------------------------------------------
 */
int fhir_fp_one(struct path_eval *e, const struct path_op *op, uint32_t from,
                struct fhir_path_item *out, bool *has)
{
    *has = false;
    if (e->n == from)
        return AM_OK;
    if (e->n > from + 1)
        return fhir_fp_error(e, op, "fhirpath.single");
    *has = fhir_fp_value(e->arena, &e->v[from], out);
    if (!*has && !(e->v[from].kind == FHIR_PATH_NODE && !e->v[from].node.v)) {
        *out = e->v[from]; /* a complex element: for whom may take one */
        *has = true;
    }
    return AM_OK;
}

/* Both sides as single values; *has false when one is empty. */
static int two_values(struct path_eval *e, const struct path_op *op,
                      const struct path_frame *f, struct fhir_path_item *a,
                      struct fhir_path_item *b, bool *has_a, bool *has_b)
{
    uint32_t from = e->n;
    int err = fhir_fp_eval(e, op->a, f);
    if (!err)
        err = fhir_fp_one(e, op, from, a, has_a);
    if (err)
        return err;
    e->n = from;
    err = fhir_fp_eval(e, op->b, f);
    if (!err)
        err = fhir_fp_one(e, op, from, b, has_b);
    e->n = err ? e->n : from;
    return err;
}

static int eval_arith(struct path_eval *e, const struct path_op *op,
                      const struct path_frame *f)
{
    struct fhir_path_item a, b;
    bool has_a = false, has_b = false, has;
    int err = two_values(e, op, f, &a, &b, &has_a, &has_b);
    if (err || !has_a || !has_b)
        return err;
    err = fhir_fp_arith(e, op, &a, &b, &has);
    return err || !has ? err : fhir_fp_push(e, &a);
}

static int eval_concat(struct path_eval *e, const struct path_op *op,
                       const struct path_frame *f)
{
    struct fhir_path_item a, b;
    bool has_a = false, has_b = false;
    struct str s = STR(""), t = STR("");
    char *z;
    int err = two_values(e, op, f, &a, &b, &has_a, &has_b);
    if (!err && has_a)
        err = fhir_path_text(&a, e->arena, &s);
    if (!err && has_b)
        err = fhir_path_text(&b, e->arena, &t);
    if (!err)
        err = fhir_fp_spend(e, (s.n + t.n) / 64);
    if (err)
        return err == AM_E_INVALID && ((has_a && !s.n) || (has_b && !t.n))
                   ? fhir_fp_error(e, op, "fhirpath.type")
                   : err;
    if (!t.n || !s.n)
        return fhir_fp_push_str(e, t.n ? t : s);
    z = arena_alloc(e->arena, s.n + t.n + 1, 1);
    if (!z)
        return AM_E_NOMEM;
    memcpy(z, s.p, s.n);
    memcpy(z + s.n, t.p, t.n);
    return fhir_fp_push_str(e, (struct str){z, s.n + t.n});
}

static int eval_sign(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f)
{
    struct fhir_path_item a;
    bool has;
    uint32_t from = e->n;
    int err = fhir_fp_eval(e, op->a, f);
    if (!err)
        err = fhir_fp_one(e, op, from, &a, &has);
    if (err)
        return err;
    e->n = from;
    if (!has)
        return AM_OK;
    if (a.kind == FHIR_PATH_INTEGER) {
        if (op->code == PATH_SIGN)
            a.integer = -a.integer;
    } else if (a.kind == FHIR_PATH_DECIMAL) {
        if (op->code == PATH_SIGN)
            a.decimal = fhir_fp_dec(-fhir_fp_dec_v(a.decimal), a.decimal.scale);
    } else if (a.kind == FHIR_PATH_QUANTITY) {
        if (op->code == PATH_SIGN)
            a.quantity.value =
                fhir_fp_dec(-fhir_fp_dec_v(a.quantity.value), a.quantity.value.scale);
    } else {
        return fhir_fp_error(e, op, "fhirpath.type");
    }
    return fhir_fp_push(e, &a);
}

static int truth_compare(struct path_eval *e, const struct path_op *op,
                         const struct path_frame *f)
{
    struct fhir_path_item a, b;
    bool has_a = false, has_b = false;
    int c = 0, r = two_values(e, op, f, &a, &b, &has_a, &has_b);
    if (r || !has_a || !has_b)
        return r ? r : PATH_UNKNOWN;
    r = fhir_fp_compare(e, op, &a, &b, &c);
    if (r != 1)
        return r;
    return op->code == PATH_LT   ? c < 0
           : op->code == PATH_LE ? c <= 0
           : op->code == PATH_GT ? c > 0
                                 : c >= 0;
}

static int truth_equal(struct path_eval *e, const struct path_op *op,
                       const struct path_frame *f)
{
    uint32_t from = e->n, mid;
    bool like = op->code == PATH_LIKE || op->code == PATH_UNLIKE;
    const struct path_op *right = &e->p->op.v[op->b];
    int r = fhir_fp_eval(e, op->a, f);
    mid = e->n;
    if (!r && right->code == PATH_CONST && mid == from + 1) { /* code = 'final' */
        r = fhir_fp_equal(e, &e->v[from], &e->p->constant.v[right->a], like);
    } else {
        if (!r)
            r = fhir_fp_eval(e, op->b, f);
        if (!r)
            r = fhir_fp_equal_lists(e, from, mid, e->n, like);
    }
    if (r < 0)
        return r;
    e->n = from;
    if (r != PATH_UNKNOWN && (op->code == PATH_NE || op->code == PATH_UNLIKE))
        r = !r;
    return r;
}

static int truth_member(struct path_eval *e, const struct path_op *op,
                        const struct path_frame *f)
{
    uint32_t from = e->n, mid;
    int r = 0, err = fhir_fp_eval(e, op->code == PATH_IN ? op->a : op->b, f);
    mid = e->n;
    if (!err)
        err = fhir_fp_eval(e, op->code == PATH_IN ? op->b : op->a, f);
    if (!err && mid > from + 1)
        err = fhir_fp_error(e, op, "fhirpath.single");
    if (err)
        return err;
    if (mid == from) {
        e->n = from;
        return PATH_UNKNOWN;
    }
    for (uint32_t i = mid; i < e->n && r != 1; i++) {
        r = fhir_fp_equal(e, &e->v[from], &e->v[i], false);
        if (r < 0)
            return r;
    }
    e->n = from;
    return r == 1;
}

static int truth_logic(struct path_eval *e, const struct path_op *op,
                       const struct path_frame *f)
{
    int a = fhir_fp_truth(e, op->a, f), b;
    if (a < 0)
        return a;
    if ((op->code == PATH_AND && a == PATH_FALSE) ||
        (op->code == PATH_OR && a == PATH_TRUE))
        return a;
    if (op->code == PATH_IMPLIES && a == PATH_FALSE)
        return PATH_TRUE;
    b = fhir_fp_truth(e, op->b, f);
    if (b < 0)
        return b;
    switch (op->code) {
    case PATH_AND:
        return b == PATH_FALSE ? b : a == PATH_UNKNOWN ? a : b;
    case PATH_OR:
        return b == PATH_TRUE ? b : a == PATH_UNKNOWN ? a : b;
    case PATH_IMPLIES:
        return b == PATH_TRUE ? b : a == PATH_UNKNOWN ? a : b;
    default:
        return a == PATH_UNKNOWN || b == PATH_UNKNOWN ? PATH_UNKNOWN : a != b;
    }
}

/* exists() and empty() of a path, not() of a truth, without making the collection's
 * truth an item. PATH_UNKNOWN + 1: not one of those. */
static int truth_call(struct path_eval *e, const struct path_op *op,
                      const struct path_frame *f)
{
    uint32_t from = e->n, n;
    int r;
    if (op->fn == PATH_FN_NOT) {
        r = fhir_fp_truth(e, op->a, f);
        return r == PATH_TRUE || r == PATH_FALSE ? !r : r;
    }
    if (op->argc || (op->fn != PATH_FN_EXISTS && op->fn != PATH_FN_EMPTY))
        return PATH_UNKNOWN + 1;
    r = fhir_fp_eval(e, op->a, f);
    if (r)
        return r;
    n = e->n - from;
    e->n = from;
    return (n > 0) == (op->fn == PATH_FN_EXISTS);
}

int fhir_fp_truth(struct path_eval *e, uint32_t at, const struct path_frame *f)
{
    const struct path_op *op = &e->p->op.v[at];
    uint32_t from = e->n;
    struct fhir_path_item one;
    bool has;
    int r = PATH_UNKNOWN + 1;
    if (e->steps-- <= 1)
        return fhir_fp_spend(e, SIZE_MAX);
    if (op->code >= PATH_LT && op->code <= PATH_GE)
        return truth_compare(e, op, f);
    if (op->code >= PATH_EQ && op->code <= PATH_UNLIKE)
        return truth_equal(e, op, f);
    if (op->code == PATH_IN || op->code == PATH_CONTAINS)
        return truth_member(e, op, f);
    if (op->code >= PATH_AND && op->code <= PATH_IMPLIES)
        return truth_logic(e, op, f);
    if (op->code == PATH_CALL)
        r = truth_call(e, op, f);
    if (r != PATH_UNKNOWN + 1)
        return r;
    r = fhir_fp_eval(e, at, f);
    if (!r)
        r = fhir_fp_one(e, op, from, &one, &has);
    if (r)
        return r;
    e->n = from;
    if (!has)
        return PATH_UNKNOWN;
    /* a single item that is no boolean is true: singleton evaluation, N1 4.5 */
    return one.kind == FHIR_PATH_BOOLEAN ? one.boolean : PATH_TRUE;
}

static int eval_truth(struct path_eval *e, uint32_t at, const struct path_frame *f)
{
    int r = fhir_fp_truth(e, at, f);
    if (r < 0)
        return r;
    return r == PATH_UNKNOWN ? AM_OK : fhir_fp_push_bool(e, r);
}

static int eval_union(struct path_eval *e, const struct path_op *op,
                      const struct path_frame *f)
{
    uint32_t from = e->n;
    int err = fhir_fp_eval(e, op->a, f);
    if (!err)
        err = fhir_fp_eval(e, op->b, f);
    return err ? err : fhir_fp_distinct(e, from, 0);
}

static int eval_type(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f)
{
    uint32_t from = e->n;
    int err = fhir_fp_eval(e, op->a, f), r;
    if (err || e->n == from)
        return err;
    if (e->n > from + 1)
        return fhir_fp_error(e, op, "fhirpath.single");
    r = fhir_fp_is(e, &e->v[from], &op->type, op->code == PATH_AS);
    if (r < 0)
        return r;
    if (op->code == PATH_AS) {
        e->n -= r ? 0 : 1;
        return AM_OK;
    }
    e->n = from;
    return fhir_fp_push_bool(e, r);
}

int fhir_fp_eval(struct path_eval *e, uint32_t at, const struct path_frame *f)
{
    const struct path_op *op = &e->p->op.v[at];
    int err = AM_OK;
    if (e->steps-- <= 1)
        return fhir_fp_spend(e, SIZE_MAX);
    switch (op->code) {
    case PATH_CONST:
        return fhir_fp_push(e, &e->p->constant.v[op->a]);
    case PATH_NONE:
        return AM_OK;
    case PATH_THIS:
        return f->has ? fhir_fp_push(e, &f->self) : AM_OK;
    case PATH_INDEX:
        return f->index >= 0 ? fhir_fp_push_int(e, f->index) : AM_OK;
    case PATH_TOTAL:
        for (uint32_t i = 0; i < f->totals && !err; i++)
            err = fhir_fp_push(e, &e->v[f->total + i]);
        return err;
    case PATH_VAR:
        return eval_var(e, op);
    case PATH_CHILD:
        return eval_child(e, op, f);
    case PATH_ITEM:
        return eval_item(e, op, f);
    case PATH_CALL:
        return fhir_fp_call(e, op, f);
    case PATH_SIGN:
    case PATH_PLUS:
        return eval_sign(e, op, f);
    case PATH_CONCAT:
        return eval_concat(e, op, f);
    case PATH_UNION:
        return eval_union(e, op, f);
    case PATH_IS:
    case PATH_AS:
        return eval_type(e, op, f);
    default:
        return op->code < PATH_CONCAT ? eval_arith(e, op, f) : eval_truth(e, at, f);
    }
}
