/* SPDX-License-Identifier: Apache-2.0 */
/* json_schema_rule -- the table of keywords, and turning each into a rule. */
#include "json/json_schema_priv.h"

static int json_rule_nodes(struct json_compile *c, struct json_rule *r, size_t n)
{
    r->n = n;
    r->node = arena_alloc(&c->s->arena, n + 1, sizeof(struct json_node *));
    r->name = arena_alloc(&c->s->arena, n + 1, sizeof *r->name);
    r->re = arena_alloc(&c->s->arena, n + 1, sizeof(struct json_regex *));
    return r->node && r->name && r->re ? AM_OK : AM_E_NOMEM;
}

/* The table that finds a name; the first of two equal ones. */
static int json_rule_table(struct json_compile *c, struct json_rule *r)
{
    size_t cap = 4;
    if (r->n >= UINT16_MAX)
        return AM_OK;
    while (cap < 4 * r->n)
        cap *= 2;
    r->slot = arena_alloc(&c->s->arena, cap, sizeof *r->slot);
    if (!r->slot)
        return AM_E_NOMEM;
    memset(r->slot, 0, cap * sizeof *r->slot);
    r->slots = cap;
    for (size_t i = 0; i < r->n; i++) {
        size_t at = json_name_hash(r->name[i]) & (cap - 1);
        while (r->slot[at])
            at = (at + 1) & (cap - 1);
        r->slot[at] = (uint16_t)(i + 1);
    }
    return AM_OK;
}

/* Says what the keyword wants; the schema is refused, the search for problems goes on. */
static int json_wants(struct json_compile *c, const struct json_node *n,
                      const struct json_rule *r, const char *what)
{
    json_bad(c, n, r->kw->name, "%s must be %s", r->kw->name, what);
    return AM_OK;
}

static const struct json_rule *json_sibling(const struct json_node *n, const char *name)
{
    for (size_t i = 0; i < n->rules; i++)
        if (strcmp(n->rule[i].kw->name, name) == 0)
            return &n->rule[i];
    return NULL;
}

static int json_c_one(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    int err = json_rule_nodes(c, r, 1);
    (void)n;
    if (!err)
        r->node[0] = json_node_at(c, r->val);
    return err;
}

static int json_c_list(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    int err;
    if (json_type(r->val) != JSON_ARRAY || json_size(r->val) == 0)
        return json_wants(c, n, r, "a non-empty array of schemas");
    err = json_rule_nodes(c, r, json_size(r->val));
    for (json_each(it, r->val))
        if (!err)
            r->node[it.i] = json_node_at(c, it.val);
    return err;
}

/* properties, dependentSchemas, dependencies: names with a schema (or, NULL, an array).
 */
static int json_c_map(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    int err;
    if (json_type(r->val) != JSON_OBJECT)
        return json_wants(c, n, r, "an object");
    err = json_rule_nodes(c, r, json_size(r->val));
    for (json_each(it, r->val)) {
        if (err)
            break;
        r->name[it.i] = it.key;
        r->node[it.i] = json_node_at(c, it.val);
    }
    return err ? err : json_rule_table(c, r);
}

static int json_c_regex(struct json_compile *c, const struct json_node *n,
                        const struct json_rule *r, struct str pattern,
                        struct json_regex **out)
{
    const char *why = "";
    int err = json_regex_new(out, pattern, 0, &why);
    if (err == AM_E_NOMEM)
        return err;
    if (err) {
        json_bad(c, n, r->kw->name, "cannot use the pattern \"%.*s\": %s",
                 (int)AM_MIN(pattern.n, 120), pattern.p, why);
        return AM_OK;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a vector of pointers */
    if (vec_push(&c->s->re, *out)) {
        json_regex_free(*out);
        return AM_E_NOMEM;
    }
    return AM_OK;
}

static int json_c_patterns(struct json_compile *c, struct json_node *n,
                           struct json_rule *r)
{
    int err = json_c_map(c, n, r);
    for (size_t i = 0; i < r->n && !err; i++)
        err = json_c_regex(c, n, r, r->name[i], &r->re[i]);
    return err;
}

static int json_c_additional(struct json_compile *c, struct json_node *n,
                             struct json_rule *r)
{
    r->beside = json_sibling(n, "properties");
    r->beside2 = json_sibling(n, "patternProperties");
    return json_c_one(c, n, r);
}

/* items: a schema for the elements after prefixItems; before 2020-12 it may itself be the
 * list, with additionalItems for the rest. */
static int json_c_items(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    bool old = !(c->s->res.v[n->res].draft & JSON_DRAFT_2020);
    if (old && json_type(r->val) == JSON_ARRAY) {
        int err = json_rule_nodes(c, r, json_size(r->val));
        for (json_each(it, r->val))
            if (!err)
                r->node[it.i] = json_node_at(c, it.val);
        r->limit = 1; /* a list */
        return err;
    }
    r->beside = json_sibling(n, "prefixItems");
    return json_c_one(c, n, r);
}

static int json_c_more_items(struct json_compile *c, struct json_node *n,
                             struct json_rule *r)
{
    r->beside = json_sibling(n, "items");
    return json_c_one(c, n, r);
}

static bool json_c_whole(const struct json *v, size_t *out)
{
    if (json_type(v) != JSON_NUMBER || !json_number_integral(v) || json_num(v, -1) < 0)
        return false;
    *out = json_is_int(v) ? (size_t)json_int(v, 0) : SIZE_MAX;
    return true;
}

static int json_c_count(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    return json_c_whole(r->val, &r->limit)
               ? AM_OK
               : json_wants(c, n, r, "a non-negative integer");
}

static int json_c_contains(struct json_compile *c, struct json_node *n,
                           struct json_rule *r)
{
    const struct json *min = json_get(n->src, "minContains"),
                      *max = json_get(n->src, "maxContains");
    r->limit = 1;
    r->limit2 = SIZE_MAX;
    if (c->s->res.v[n->res].draft & JSON_DRAFT_NEW) {
        if (min && !json_c_whole(min, &r->limit))
            json_bad(c, n, "minContains", "minContains must be a non-negative integer");
        if (max && !json_c_whole(max, &r->limit2))
            json_bad(c, n, "maxContains", "maxContains must be a non-negative integer");
    }
    return json_c_one(c, n, r);
}

/* if, with its then and else: all three are nodes 0, 1, 2; absent ones stay NULL. */
static int json_c_if(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    const struct json *t = json_get(n->src, "then"), *e = json_get(n->src, "else");
    int err = json_rule_nodes(c, r, 3);
    if (err)
        return err;
    r->node[0] = json_node_at(c, r->val);
    r->node[1] = t ? json_node_at(c, t) : NULL;
    r->node[2] = e ? json_node_at(c, e) : NULL;
    return AM_OK;
}

static int json_c_uneval(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    n->tracks = true;
    return json_c_one(c, n, r);
}

static int json_c_reference(struct json_compile *c, struct json_node *n,
                            struct json_rule *r, struct str *dynamic)
{
    struct str ref = json_str(r->val);
    int err;
    if (!ref.p)
        return json_wants(c, n, r, "a string");
    err = json_rule_nodes(c, r, 1);
    if (!err)
        err = json_find_ref(c, n, ref, &r->node[0], dynamic);
    if (!err && !r->node[0])
        json_bad(c, n, r->kw->name, "nothing is found at %.*s", (int)AM_MIN(ref.n, 300),
                 ref.p);
    return err;
}

static int json_c_ref(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    return json_c_reference(c, n, r, NULL);
}

/* Core section 8.2.3.2: only a reference that lands on a $dynamicAnchor is dynamic. Who
 * answers for each resource is settled later, by json_rules_dynamic(). */
static int json_c_dynamic(struct json_compile *c, struct json_node *n,
                          struct json_rule *r)
{
    struct str name = STR_NULL;
    int err = json_c_reference(c, n, r, &name);
    if (!err && name.p) {
        r->limit = 1;
        r->name[0] = name;
    }
    return err;
}

/* 2019-09 core, section 8.2.4.2.1. */
static int json_c_recursive(struct json_compile *c, struct json_node *n,
                            struct json_rule *r)
{
    int err = json_c_reference(c, n, r, NULL);
    if (!err && r->node && r->node[0])
        r->limit = c->s->res.v[r->node[0]->res].recursive;
    return err;
}

static int json_c_type(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    static const char *const names[] = {"null",  "boolean", "number", "string",
                                        "array", "object",  "integer"};
    size_t wanted = json_type(r->val) == JSON_ARRAY ? json_size(r->val) : 1, known = 0;
    for (size_t k = 0; k < AM_LEN(names); k++) {
        bool in = json_str_is(r->val, names[k]);
        if (json_type(r->val) == JSON_ARRAY)
            for (json_each(it, r->val))
                in = in || json_str_is(it.val, names[k]);
        known += in;
        if (in)
            r->limit |= (size_t)1 << (JSON_NULL + k);
    }
    return known == wanted && known
               ? AM_OK
               : json_wants(c, n, r, "one or more different type names");
}

static int json_c_array(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    return json_type(r->val) == JSON_ARRAY ? AM_OK : json_wants(c, n, r, "an array");
}

static int json_c_any(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    (void)c, (void)n, (void)r;
    return AM_OK;
}

static int json_c_bool(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    r->limit = json_bool(r->val, false);
    return json_type(r->val) == JSON_BOOL ? AM_OK : json_wants(c, n, r, "true or false");
}

static int json_c_number(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    return json_type(r->val) == JSON_NUMBER ? AM_OK : json_wants(c, n, r, "a number");
}

static int json_c_multiple(struct json_compile *c, struct json_node *n,
                           struct json_rule *r)
{
    return json_num(r->val, 0) > 0 ? AM_OK : json_wants(c, n, r, "a number above 0");
}

static int json_c_pattern(struct json_compile *c, struct json_node *n,
                          struct json_rule *r)
{
    struct str p = json_str(r->val);
    int err = p.p ? json_rule_nodes(c, r, 1) : AM_OK;
    if (!p.p)
        return json_wants(c, n, r, "a string");
    return err ? err : json_c_regex(c, n, r, p, &r->re[0]);
}

static bool json_c_strings(const struct json *v)
{
    if (json_type(v) != JSON_ARRAY)
        return false;
    for (json_each(it, v))
        if (json_type(it.val) != JSON_STRING)
            return false;
    return true;
}

static int json_c_required(struct json_compile *c, struct json_node *n,
                           struct json_rule *r)
{
    int err;
    if (!json_c_strings(r->val))
        return json_wants(c, n, r, "an array of names");
    err = json_rule_nodes(c, r, json_size(r->val));
    for (json_each(it, r->val))
        if (!err)
            r->name[it.i] = json_str(it.val);
    return err ? err : json_rule_table(c, r);
}

/* properties: required, which runs before it, may use its table when it has every name.
 */
static int json_c_properties(struct json_compile *c, struct json_node *n,
                             struct json_rule *r)
{
    int err = json_c_map(c, n, r);
    struct json_rule *required = NULL;
    uint64_t *need;
    for (size_t i = 0; i < n->rules; i++)
        if (strcmp(n->rule[i].kw->name, "required") == 0)
            required = &n->rule[i];
    if (err || !required || r->n > JSON_NEEDS || r->n >= UINT16_MAX)
        return err;
    need = arena_alloc(&c->s->arena, JSON_NEEDS / 64, sizeof *need);
    if (!need)
        return AM_E_NOMEM;
    memset(need, 0, JSON_NEEDS / 8);
    for (size_t i = 0; i < required->n; i++) {
        size_t k = json_named(r, required->name[i]);
        if (k == SIZE_MAX)
            return AM_OK;
        need[k / 64] |= (uint64_t)1 << (k % 64);
    }
    required->need = need;
    required->beside = r;
    r->beside = required;
    return AM_OK;
}

static int json_c_dep_required(struct json_compile *c, struct json_node *n,
                               struct json_rule *r)
{
    if (json_type(r->val) != JSON_OBJECT)
        return json_wants(c, n, r, "an object");
    for (json_each(it, r->val))
        if (!json_c_strings(it.val))
            return json_wants(c, n, r, "an object of arrays of names");
    return AM_OK;
}

static int json_c_deps(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    for (json_each(it, r->val))
        if (json_type(it.val) == JSON_ARRAY && !json_c_strings(it.val))
            return json_wants(c, n, r, "an object of schemas and arrays of names");
    return json_c_map(c, n, r);
}

static int json_c_format(struct json_compile *c, struct json_node *n, struct json_rule *r)
{
    if (json_type(r->val) != JSON_STRING)
        return json_wants(c, n, r, "a string");
    r->format = json_format(json_str(r->val));
    return AM_OK;
}

enum {
    OBJ = 1 << JSON_OBJECT,
    ARR = 1 << JSON_ARRAY,
    TXT = 1 << JSON_STRING,
    NUM = 1 << JSON_NUMBER,
    D20 = JSON_DRAFT_2020,
    D19 = JSON_DRAFT_2019,
    NEW = JSON_DRAFT_NEW,
    OLD = JSON_DRAFT_OLD,
    ALL = JSON_DRAFT_ALL
};
#define NONE   JSON_HOLDS_NONE
#define ONE    JSON_HOLDS_ONE
#define LIST   JSON_HOLDS_LIST
#define MAP    JSON_HOLDS_MAP
#define EITHER JSON_HOLDS_EITHER
#define DEPS   JSON_HOLDS_DEPS

/* clang-format off */
const struct json_keyword json_keywords[] = {
    {"$ref", ALL, NONE, 0, json_c_ref, json_check_ref},
    {"$dynamicRef", D20, NONE, 0, json_c_dynamic, json_check_dynamic},
    {"$recursiveRef", D19, NONE, 0, json_c_recursive, json_check_dynamic},
    {"$defs", NEW, MAP, 0, NULL, NULL},
    {"definitions", ALL, MAP, 0, NULL, NULL},
    {"type", ALL, NONE, 0, json_c_type, json_check_type},
    {"enum", ALL, NONE, 0, json_c_array, json_check_enum},
    {"const", ALL, NONE, 0, json_c_any, json_check_const},
    {"multipleOf", ALL, NONE, NUM, json_c_multiple, json_check_multiple},
    {"maximum", ALL, NONE, NUM, json_c_number, json_check_range},
    {"exclusiveMaximum", ALL, NONE, NUM, json_c_number, json_check_range},
    {"minimum", ALL, NONE, NUM, json_c_number, json_check_range},
    {"exclusiveMinimum", ALL, NONE, NUM, json_c_number, json_check_range},
    {"maxLength", ALL, NONE, TXT, json_c_count, json_check_length},
    {"minLength", ALL, NONE, TXT, json_c_count, json_check_length},
    {"pattern", ALL, NONE, TXT, json_c_pattern, json_check_pattern},
    {"format", ALL, NONE, TXT, json_c_format, json_check_format},
    {"maxItems", ALL, NONE, ARR, json_c_count, json_check_count},
    {"minItems", ALL, NONE, ARR, json_c_count, json_check_count},
    {"uniqueItems", ALL, NONE, ARR, json_c_bool, json_check_unique},
    {"maxProperties", ALL, NONE, OBJ, json_c_count, json_check_count},
    {"minProperties", ALL, NONE, OBJ, json_c_count, json_check_count},
    {"required", ALL, NONE, OBJ, json_c_required, json_check_required},
    {"dependentRequired", NEW, NONE, OBJ, json_c_dep_required, json_check_dep_required},
    {"properties", ALL, MAP, OBJ, json_c_properties, json_check_properties},
    {"patternProperties", ALL, MAP, OBJ, json_c_patterns, json_check_patterns},
    {"additionalProperties", ALL, ONE, OBJ, json_c_additional, json_check_additional},
    {"propertyNames", ALL, ONE, OBJ, json_c_one, json_check_names},
    {"dependentSchemas", NEW, MAP, OBJ, json_c_map, json_check_deps},
    {"dependencies", OLD, DEPS, OBJ, json_c_deps, json_check_deps},
    {"prefixItems", D20, LIST, ARR, json_c_list, json_check_prefix},
    {"items", D20, ONE, ARR, json_c_items, json_check_items},
    {"items", OLD | D19, EITHER, ARR, json_c_items, json_check_items},
    {"additionalItems", OLD | D19, ONE, ARR, json_c_more_items, json_check_items},
    {"contains", ALL, ONE, ARR, json_c_contains, json_check_contains},
    {"allOf", ALL, LIST, 0, json_c_list, json_check_all},
    {"anyOf", ALL, LIST, 0, json_c_list, json_check_any},
    {"oneOf", ALL, LIST, 0, json_c_list, json_check_one},
    {"not", ALL, ONE, 0, json_c_one, json_check_not},
    {"if", NEW | JSON_DRAFT_7, ONE, 0, json_c_if, json_check_if},
    {"then", NEW | JSON_DRAFT_7, ONE, 0, NULL, NULL},
    {"else", NEW | JSON_DRAFT_7, ONE, 0, NULL, NULL},
    {"contentSchema", NEW, ONE, 0, NULL, NULL},
    /* last: they ask what the others evaluated */
    {"unevaluatedItems", NEW, ONE, ARR, json_c_uneval, json_check_uneval_items},
    {"unevaluatedProperties", NEW, ONE, OBJ, json_c_uneval, json_check_uneval_props},
};
/* clang-format on */
const size_t json_keywords_n = AM_LEN(json_keywords);

int json_rules(struct json_compile *c, struct json_node *n)
{
    unsigned draft = c->s->res.v[n->res].draft;
    bool only_ref = draft & JSON_DRAFT_OLD && json_get(n->src, "$ref");
    if (json_type(n->src) != JSON_OBJECT)
        return AM_OK;
    n->rule = arena_alloc(&c->s->arena, json_size(n->src) + 1, sizeof *n->rule);
    if (!n->rule)
        return AM_E_NOMEM;
    for (size_t k = 0; k < json_keywords_n; k++) {
        const struct json_keyword *kw = &json_keywords[k];
        const struct json *val =
            kw->compile && kw->drafts & draft ? json_get(n->src, kw->name) : NULL;
        struct json_rule *r = &n->rule[n->rules];
        int err;
        if (!val || (only_ref && kw->check != json_check_ref))
            continue;
        *r = (struct json_rule){.kw = kw, .val = val};
        err = kw->compile(c, n, r);
        if (err)
            return err;
        n->rules++;
    }
    return AM_OK;
}
