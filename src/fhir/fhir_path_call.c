/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_call -- calling functions: the base, the arguments, what FHIR adds. */
#include "base/clock.h"
#include "fhir/fhir_path_priv.h"
#include "fhir/param.h"

int fhir_fp_arg(struct path_eval *e, const struct path_op *op, unsigned i,
                const struct path_frame *f, struct fhir_path_item *out, bool *has)
{
    uint32_t from = e->n;
    int err = fhir_fp_eval(e, e->p->arg.v[op->b + i], f);
    if (!err)
        err = fhir_fp_one(e, op, from, out, has);
    if (!err)
        e->n = from;
    return err;
}

int fhir_fp_arg_int(struct path_eval *e, const struct path_op *op, unsigned i,
                    const struct path_frame *f, int64_t *out, bool *has)
{
    struct fhir_path_item v;
    int err = fhir_fp_arg(e, op, i, f, &v, has);
    if (err || !*has)
        return err;
    if (v.kind != FHIR_PATH_INTEGER)
        return fhir_fp_error(e, op, "fhirpath.type");
    *out = v.integer;
    return AM_OK;
}

static const char *const path_system[] = {"",         "Boolean", "Integer",  "Decimal",
                                          "String",   "Date",    "DateTime", "Time",
                                          "Quantity", ""};

int fhir_fp_is(struct path_eval *e, const struct fhir_path_item *item,
               const struct path_type *t, bool exact)
{
    struct str own;
    if (item->kind != FHIR_PATH_NODE)
        return t->system >= 0 && item->kind == (uint8_t)t->system;
    if (t->fhir) {
        /* as and ofType take a primitive by its own name: a code is no string there */
        if (exact && fhir_fp_type_primitive(t->fhir))
            return item->type == t->fhir;
        if (fhir_fp_type_is(item->type, t->fhir))
            return 1;
    }
    if (t->system < 0 || t->space.n || !(e->p->flags & FHIR_PATH_INVARIANT))
        return 0;
    own = fhir_fp_type_name(item->type);
    return str_eq_nocase(own, t->name);
}

static int of_type(struct path_eval *e, const struct path_op *op, uint32_t from)
{
    uint32_t to = from;
    if (op->fn == PATH_FN_IS || op->fn == PATH_FN_AS) {
        bool many = e->n > from + 1;
        if (many && (op->fn == PATH_FN_IS || (e->p->flags & FHIR_PATH_STRICT)))
            return fhir_fp_error(e, op, "fhirpath.single");
        if (op->fn == PATH_FN_IS) {
            int r;
            if (e->n == from)
                return AM_OK;
            r = fhir_fp_is(e, &e->v[from], &op->type, false);
            e->n = from;
            return fhir_fp_push_bool(e, r);
        }
    }
    for (uint32_t i = from; i < e->n; i++)
        if (fhir_fp_is(e, &e->v[i], &op->type, true))
            e->v[to++] = e->v[i];
    e->n = to;
    return AM_OK;
}

static void type_of(struct fhir_path_item *item)
{
    struct fhir_path_item t = {.kind = FHIR_PATH_TYPE};
    if (item->kind == FHIR_PATH_NODE) {
        t.info.space = STR("FHIR");
        t.info.name = fhir_fp_type_name(item->type);
        if (!t.info.name.p)
            t.info.name = STR("Element");
    } else {
        t.info.space = STR("System");
        t.info.name = str_c(path_system[item->kind]);
    }
    *item = t;
}

static int extension(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f, uint32_t from)
{
    struct fhir_path_item url;
    uint32_t mid = e->n, to;
    bool has;
    int err = fhir_fp_arg(e, op, 0, f, &url, &has);
    if (!err && has && url.kind != FHIR_PATH_STRING)
        err = fhir_fp_error(e, op, "fhirpath.type");
    for (uint32_t i = from; i < mid && !err && has; i++) {
        struct fhir_path_item item = e->v[i];
        err = fhir_fp_child(e, &item, STR("extension"), STR("_extension"));
    }
    if (err)
        return err;
    to = from;
    for (uint32_t i = mid; i < e->n; i++)
        if (str_eq(json_get_str(e->v[i].node.v, "url"), url.text))
            e->v[to++] = e->v[i];
    e->n = to;
    return AM_OK;
}

/* Type of "Patient/12", "http://x/fhir/Patient/12/_history/3". */
static uint16_t reference_type(struct str ref)
{
    struct str last = STR_NULL, part, rest = ref;
    uint16_t type = 0;
    while (rest.n) {
        part = str_cut(rest, '/', &rest);
        if (str_eqc(part, "_history"))
            break;
        if (last.n && last.p[0] >= 'A' && last.p[0] <= 'Z' && part.n &&
            fhir_fp_type_is(fhir_fp_type_find(last), fhir_fp_type_find(STR("Resource"))))
            type = fhir_fp_type_find(last);
        last = part;
    }
    return type;
}

static const struct json *in_document(const struct path_eval *e, struct str ref)
{
    const struct json *root = e->env->root,
                      *resource = e->env->resource ? e->env->resource : root;
    if (str_starts(ref, STR("#"))) {
        const struct json *const owner[] = {resource, root};
        if (ref.n == 1)
            return root;
        for (int k = 0; k < 2; k++)
            for (json_each(it, json_get(owner[k], "contained")))
                if (str_eq(json_get_str(it.val, "id"), str_sub(ref, 1, ref.n)))
                    return it.val;
        return NULL;
    }
    if (json_str_is(json_get(root, "resourceType"), "Bundle"))
        for (json_each(it, json_get(root, "entry"))) {
            struct str url = json_get_str(it.val, "fullUrl");
            if (str_eq(url, ref) ||
                (url.n > ref.n && str_ends(url, ref) && url.p[url.n - ref.n - 1] == '/' &&
                 str_find(ref, '/') < ref.n))
                return json_get(it.val, "resource");
        }
    return NULL;
}

static int resolve(struct path_eval *e, uint32_t from)
{
    uint32_t mid = e->n, to = from;
    for (uint32_t i = from; i < mid; i++) {
        struct fhir_path_item item = {.kind = FHIR_PATH_NODE}, s;
        struct str ref = STR_NULL;
        int err = fhir_fp_spend(e, 1 + json_size(json_get(e->env->root, "entry")) / 8);
        if (err)
            return err;
        if (e->v[i].kind == FHIR_PATH_NODE && json_type(e->v[i].node.v) == JSON_OBJECT)
            ref = json_get_str(e->v[i].node.v, "reference");
        else if (fhir_fp_value(e->arena, &e->v[i], &s) && s.kind == FHIR_PATH_STRING)
            ref = s.text;
        if (!ref.n)
            continue;
        item.node.v = in_document(e, ref);
        if (!item.node.v && e->env->resolve && ref.p[0] != '#')
            item.node.v = e->env->resolve(e->env->cookie, ref);
        item.type = fhir_fp_type_resource(item.node.v);
        if (!item.node.v && !e->env->resolve)
            item.type = reference_type(ref);
        if (item.node.v || item.type)
            e->v[to++] = item;
    }
    e->n = to;
    return AM_OK;
}

static int conforms(struct path_eval *e, const struct path_op *op,
                    const struct path_frame *f, uint32_t from)
{
    static const char base[] = "http://hl7.org/fhir/StructureDefinition/";
    struct fhir_path_item item, url;
    bool has;
    uint16_t type = 0;
    int r, err = fhir_fp_arg(e, op, 0, f, &url, &has);
    if (err || !has || e->n == from)
        return err;
    if (e->n > from + 1 || url.kind != FHIR_PATH_STRING)
        return fhir_fp_error(e, op,
                             e->n > from + 1 ? "fhirpath.single" : "fhirpath.type");
    item = e->v[from];
    e->n = from;
    if (str_starts(url.text, STR("http://hl7.org/fhir/StructureDefinition/")))
        type = fhir_fp_type_find(str_sub(url.text, sizeof base - 1, url.text.n));
    if (type)
        return fhir_fp_push_bool(e, item.kind == FHIR_PATH_NODE &&
                                        fhir_fp_type_is(item.type, type));
    r = e->env->conforms_to && item.kind == FHIR_PATH_NODE
            ? e->env->conforms_to(e->env->cookie, item.node.v, url.text)
            : -1;
    return r < 0 ? fhir_fp_error(e, op, "fhirpath.profile") : fhir_fp_push_bool(e, r);
}

static int member_of(struct path_eval *e, const struct path_op *op,
                     const struct path_frame *f, uint32_t from)
{
    struct fhir_path_item item, set;
    bool has;
    int r, err = fhir_fp_arg(e, op, 0, f, &set, &has);
    if (err)
        return err;
    if (!has || e->n == from) {
        e->n = from;
        return AM_OK;
    }
    if (e->n > from + 1 || set.kind != FHIR_PATH_STRING)
        return fhir_fp_error(e, op,
                             e->n > from + 1 ? "fhirpath.single" : "fhirpath.type");
    item = e->v[from];
    e->n = from;
    r = e->env->member_of ? e->env->member_of(e->env->cookie, &item, set.text) : -1;
    return r < 0 ? AM_OK : fhir_fp_push_bool(e, r);
}

static int value_of(struct path_eval *e, const struct path_op *op, uint32_t from)
{
    struct fhir_path_item v;
    bool one = e->n == from + 1 && fhir_fp_value(e->arena, &e->v[from], &v) &&
               json_type(e->v[from].kind == FHIR_PATH_NODE ? e->v[from].node.v : NULL) !=
                   JSON_OBJECT;
    e->n = from;
    if (op->fn == PATH_FN_HAS_VALUE)
        return fhir_fp_push_bool(e, one);
    return one ? fhir_fp_push(e, &v) : AM_OK;
}

static int html(struct path_eval *e, const struct path_op *op, uint32_t from)
{
    struct fhir_path_item v;
    bool has;
    int err = fhir_fp_one(e, op, from, &v, &has);
    if (err)
        return err;
    e->n = from;
    if (has)
        err = fhir_fp_spend(e, v.kind == FHIR_PATH_STRING ? v.text.n / 64 : 0);
    return err || !has
               ? err
               : fhir_fp_push_bool(e, v.kind == FHIR_PATH_STRING && fhir_fp_html(v.text));
}

/* SQL on FHIR: the key of a resource is its id. */
static int resource_key(struct path_eval *e, uint32_t from)
{
    uint32_t to = from;
    for (uint32_t i = from; i < e->n; i++) {
        const struct fhir_path_item item = e->v[i];
        struct str id =
            item.kind == FHIR_PATH_NODE && json_get_str(item.node.v, "resourceType").n
                ? json_get_str(item.node.v, "id")
                : STR_NULL;
        if (id.n)
            e->v[to++] = (struct fhir_path_item){.kind = FHIR_PATH_STRING, .text = id};
    }
    e->n = to;
    return AM_OK;
}

/* The key of what a reference names, where a resource here can have it: "Type/id", also
 * below env.base and with a version. An address of elsewhere is its own key: its id alone
 * could be that of another resource here. Contained and logical references have none. */
static int reference_key(struct path_eval *e, const struct path_op *op, uint32_t from)
{
    uint32_t to = from;
    for (uint32_t i = from; i < e->n; i++) {
        const struct fhir_path_item item = e->v[i];
        struct str ref = item.kind == FHIR_PATH_NODE
                             ? json_get_str(item.node.v, "reference")
                             : STR_NULL,
                   version, name, type, id;
        name = fhir_reference_name(ref, e->env->base, &version);
        if (!name.n)
            continue;
        type = str_cut(name, '/', &id);
        if (!fhir_search_type(type) || !id.n || str_find(id, '/') < id.n) {
            uint16_t t = reference_type(ref);
            type = t ? fhir_fp_type_name(t) : STR_NULL;
            id = name;
        }
        if (op->type.name.n && !str_eq(op->type.name, type))
            continue;
        e->v[to++] = (struct fhir_path_item){.kind = FHIR_PATH_STRING, .text = id};
    }
    e->n = to;
    return AM_OK;
}

static int clock_now(struct path_eval *e, const struct path_op *op, uint32_t from)
{
    struct fhir_path_item item = {.kind = FHIR_PATH_DATETIME};
    e->n = from;
    if (!e->now_at) /* one instant for the whole evaluation */
        e->now_at = e->env->now_at ? e->env->now_at : time_now();
    fhir_fp_when_now(e->now_at, &item.when);
    if (op->fn == PATH_FN_TODAY) {
        item.kind = FHIR_PATH_DATE;
        item.when = (struct fhir_when){.year = item.when.year,
                                       .month = item.when.month,
                                       .day = item.when.day,
                                       .zone = FHIR_NO_ZONE,
                                       .precision = FHIR_DAY};
    } else if (op->fn == PATH_FN_TIME_OF_DAY) {
        item.kind = FHIR_PATH_TIME;
        item.when.year = 0;
        item.when.month = item.when.day = 0;
        item.when.zone = FHIR_NO_ZONE;
    }
    return fhir_fp_push(e, &item);
}

int fhir_fp_call_fhir(struct path_eval *e, const struct path_op *op,
                      const struct path_frame *f, uint32_t from)
{
    switch (op->fn) {
    case PATH_FN_OF_TYPE:
    case PATH_FN_IS:
    case PATH_FN_AS:
        return of_type(e, op, from);
    case PATH_FN_TYPE:
        for (uint32_t i = from; i < e->n; i++)
            type_of(&e->v[i]);
        return AM_OK;
    case PATH_FN_NOW:
    case PATH_FN_TODAY:
    case PATH_FN_TIME_OF_DAY:
        return clock_now(e, op, from);
    case PATH_FN_EXTENSION:
        return extension(e, op, f, from);
    case PATH_FN_HAS_VALUE:
    case PATH_FN_GET_VALUE:
        return value_of(e, op, from);
    case PATH_FN_RESOLVE:
        return resolve(e, from);
    case PATH_FN_MEMBER_OF:
        return member_of(e, op, f, from);
    case PATH_FN_CONFORMS_TO:
        return conforms(e, op, f, from);
    case PATH_FN_RESOURCE_KEY:
        return resource_key(e, from);
    case PATH_FN_REFERENCE_KEY:
        return reference_key(e, op, from);
    default:
        return html(e, op, from);
    }
}

int fhir_fp_call(struct path_eval *e, const struct path_op *op,
                 const struct path_frame *f)
{
    uint32_t from = e->n;
    int err;
    if (op->fn == PATH_FN_NOT) {
        int r = fhir_fp_truth(e, op->a, f);
        if (r < 0)
            return r;
        return r == PATH_UNKNOWN ? AM_OK : fhir_fp_push_bool(e, !r);
    }
    err = fhir_fp_eval(e, op->a, f);
    if (err)
        return err;
    if (op->fn >= PATH_FN_ABS)
        return fhir_fp_call_number(e, op, f, from);
    if (op->fn >= PATH_FN_INDEX_OF)
        return fhir_fp_call_string(e, op, f, from);
    if (op->fn >= PATH_FN_TO_BOOLEAN)
        return fhir_fp_call_convert(e, op, f, from);
    if (op->fn == PATH_FN_OF_TYPE || op->fn == PATH_FN_IS || op->fn == PATH_FN_AS ||
        op->fn == PATH_FN_TYPE ||
        (op->fn >= PATH_FN_NOW && op->fn <= PATH_FN_REFERENCE_KEY))
        return fhir_fp_call_fhir(e, op, f, from);
    return fhir_fp_call_list(e, op, f, from);
}
