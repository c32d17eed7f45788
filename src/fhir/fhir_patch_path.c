/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_patch_path -- FHIRPath Patch (https://hl7.org/fhir/R4/fhirpatch.html).
 *
 * Each operation is evaluated on what the one before left: its path gives elements, which
 * are looked for in the document by identity; the tree changes there and is written for
 * the next. */
#include "fhir/def.h"
#include "fhir/fhir_patch_priv.h"
#include "fhir/path.h"

enum { PATCH_STEPS = 128, PATCH_EVAL_B = 16 << 20 };

struct patch_step {
    struct str key;
    size_t index; /* SIZE_MAX: no array */
};
struct patch_op {
    size_t n; /* number of the parameter */
    struct str type, path, name;
    int64_t index, source, destination;
    const struct json *value; /* the part */
    size_t value_at;
};
struct patch_work {
    struct arena arena;
    struct diag *d;
    struct json_doc *doc; /* of this turn; NULL in the first */
    const struct json *root;
    struct patch_node *tree;
    struct patch_op op;
    size_t done_b; /* work so far */
};
/* Where an element is: owner[key], or owner[key][index]. */
struct patch_spot {
    struct patch_node *owner; /* NULL: the resource itself */
    struct str key;
    size_t index;
    const struct fhir_type *type; /* of the owner; NULL: unknown */
};

static int refuse(const struct patch_work *w, int err, const char *code,
                  const char *detail)
{
    char path[64];
    snprintf(path, sizeof path, "/parameter/%zu", w->op.n);
    diag_err(w->d, path, code, "%s", detail);
    return err;
}

/* ---- reading an operation ------------------------------------------------------------
 */
static bool choice(struct str key, const char *stem, bool under)
{
    size_t n = strlen(stem);
    if (under) {
        if (!key.n || key.p[0] != '_')
            return false;
        key = str_sub(key, 1, key.n);
    }
    return key.n > n && str_starts(key, str_c(stem)) && key.p[n] >= 'A' &&
           key.p[n] <= 'Z';
}

/* The value[x] of a parameter or part; *key its name, e.g. valueDate. */
static const struct json *value_x(const struct json *part, bool under, struct str *key)
{
    for (json_each(it, part))
        if (choice(it.key, "value", under)) {
            *key = it.key;
            return it.val;
        }
    return NULL;
}

static int part_int(const struct patch_work *w, const struct json *v, int64_t *out)
{
    *out = json_int(v, -1);
    return json_is_int(v) && *out >= 0
               ? AM_OK
               : refuse(w, AM_E_SYNTAX, "patch.syntax", "a whole number is expected");
}

static int read_part(struct patch_work *w, const struct json *part, size_t i)
{
    struct str name = json_get_str(part, "name"), key;
    const struct json *v = value_x(part, false, &key);
    struct str *text = str_eqc(name, "type")   ? &w->op.type
                       : str_eqc(name, "path") ? &w->op.path
                       : str_eqc(name, "name") ? &w->op.name
                                               : NULL;
    int64_t *number = str_eqc(name, "index")         ? &w->op.index
                      : str_eqc(name, "source")      ? &w->op.source
                      : str_eqc(name, "destination") ? &w->op.destination
                                                     : NULL;
    if (number)
        return part_int(w, v, number);
    if (text) {
        *text = json_str(v);
        return text->n ? AM_OK
                       : refuse(w, AM_E_SYNTAX, "patch.syntax", "a text is expected");
    }
    if (!str_eqc(name, "value"))
        return refuse(w, AM_E_SYNTAX, "patch.syntax", "no such part of an operation");
    w->op.value = part;
    w->op.value_at = i;
    return AM_OK;
}

static int read_op(struct patch_work *w, const struct json *parameter, size_t n)
{
    int err = AM_OK;
    w->op = (struct patch_op){.n = n, .index = -1, .source = -1, .destination = -1};
    if (!str_eqc(json_get_str(parameter, "name"), "operation"))
        return refuse(w, AM_E_SYNTAX, "patch.syntax", "an operation is expected");
    for (json_each(it, json_get(parameter, "part"))) {
        err = read_part(w, it.val, it.i);
        if (err)
            return err;
    }
    if (!w->op.path.n || !w->op.type.n)
        err = refuse(w, AM_E_SYNTAX, "patch.syntax", "type and path are needed");
    return err;
}

/* ---- finding elements ----------------------------------------------------------------
 */
static bool search(const struct json *v, const struct json *target,
                   struct patch_step *step, size_t depth, size_t *n)
{
    if (depth == PATCH_STEPS)
        return false;
    for (json_each(m, v)) {
        step[depth] = (struct patch_step){m.key, SIZE_MAX};
        *n = depth + 1;
        if (m.val == target)
            return true;
        if (json_type(m.val) == JSON_OBJECT && search(m.val, target, step, depth + 1, n))
            return true;
        if (json_type(m.val) != JSON_ARRAY)
            continue;
        for (json_each(e, m.val)) {
            step[depth] = (struct patch_step){m.key, e.i};
            *n = depth + 1;
            if (e.val == target || (json_type(e.val) == JSON_OBJECT &&
                                    search(e.val, target, step, depth + 1, n)))
                return true;
        }
    }
    return false;
}

/* The type of a member; of a resource, its own. */
static const struct fhir_type *member_type(const struct fhir_type *type, struct str key,
                                           const struct patch_node *node)
{
    const struct fhir_member *m = type ? fhir_member_find(type, key) : NULL;
    struct str own = STR_NULL;
    if (key.n && key.p[0] == '_')
        return fhir_type_find(STR("Element"));
    if (node && node->leaf)
        own = json_get_str(node->leaf, "resourceType");
    else if (node && node->type == JSON_OBJECT)
        for (const struct patch_node *c = node->first; c; c = c->next)
            if (str_eqc(c->key, "resourceType"))
                own = json_str(c->leaf);
    if (own.n)
        return fhir_type_find(own);
    return m && m->type != FHIR_NONE ? &fhir_def_type[m->type] : NULL;
}

static int spot_of(struct patch_work *w, const struct fhir_path_item *item,
                   struct patch_spot *out)
{
    const struct json *target = item->node.v ? item->node.v : item->node.side;
    struct patch_step step[PATCH_STEPS];
    struct patch_node *node = w->tree;
    size_t n = 0;
    *out = (struct patch_spot){
        .index = SIZE_MAX, .type = fhir_type_find(json_get_str(w->root, "resourceType"))};
    if (item->kind != FHIR_PATH_NODE || !target)
        return refuse(w, AM_E_INVALID, "patch.path", "the path gives no element");
    if (target == w->root)
        return AM_OK;
    if (!search(w->root, target, step, 0, &n))
        return refuse(w, AM_E_INVALID, "patch.path", "the path gives no element");
    for (size_t i = 0; i < n; i++) {
        int err = fhir_patch_open(&w->arena, node);
        if (err)
            return err;
        out->owner = node;
        out->key = step[i].key;
        out->index = step[i].index;
        if (i + 1 == n) {
            if (!item->node.v) /* only its companion is there */
                out->key = str_sub(out->key, 1, out->key.n);
            break;
        }
        node = fhir_patch_get(node, step[i].key);
        if (node && step[i].index != SIZE_MAX) {
            err = fhir_patch_open(&w->arena, node);
            if (err)
                return err;
            node = fhir_patch_at(node, step[i].index);
        }
        am_assert(node); /* the tree is that of the document */
        out->type = member_type(out->type, step[i].key, node);
    }
    return AM_OK;
}

static int elements(struct patch_work *w, struct fhir_path_result *r)
{
    struct fhir_path *p = NULL;
    struct fhir_path_env env = {.root = w->root, .arena = &w->arena};
    struct diag own;
    int err;
    diag_init(&own);
    err = fhir_path_compile(&p, w->op.path, 0, &own);
    if (!err)
        err = fhir_path_eval(p, &env, NULL, r, &own);
    if (err && own.n)
        refuse(w, err, own.item[0].code, own.item[0].detail);
    fhir_path_free(p);
    diag_release(&own);
    return err;
}

static int one_spot(struct patch_work *w, bool none_is_fine, struct patch_spot *at,
                    struct fhir_path_item *item, bool *found)
{
    struct fhir_path_result r = {0};
    int err = elements(w, &r);
    *found = false;
    if (err || (r.n == 0 && none_is_fine))
        return err;
    if (r.n != 1)
        return refuse(w, AM_E_INVALID, "patch.path",
                      r.n ? "the path gives several elements" : "nothing is there");
    *found = true;
    *item = r.item[0];
    return spot_of(w, item, at);
}

/* ---- values --------------------------------------------------------------------------
 */
struct patch_value {
    struct patch_node *v, *side;
    struct str suffix; /* "Date" of valueDate; empty: made of parts, or a resource */
};

static int value_of(struct patch_work *w, const struct json *part,
                    const struct fhir_type *type, unsigned depth,
                    struct patch_value *out);
static int member_put(struct patch_work *w, struct patch_node *owner,
                      const struct fhir_type *type, struct str name,
                      const struct json *part, unsigned depth);

/* value made of parts: an element without a type of its own, such as Patient.contact */
static int value_parts(struct patch_work *w, const struct json *parts,
                       const struct fhir_type *type, unsigned depth,
                       struct patch_value *out)
{
    int err = AM_OK;
    out->v = ARENA_NEW(&w->arena, struct patch_node);
    if (!out->v)
        return AM_E_NOMEM;
    out->v->type = JSON_OBJECT;
    for (json_each(it, parts)) {
        if (!err)
            err = member_put(w, out->v, type, json_get_str(it.val, "name"), it.val,
                             depth + 1);
    }
    return err;
}

static int value_of(struct patch_work *w, const struct json *part,
                    const struct fhir_type *type, unsigned depth, struct patch_value *out)
{
    struct str key = STR_NULL;
    const struct json *v = value_x(part, false, &key), *side = value_x(part, true, &key);
    *out = (struct patch_value){0};
    if (depth > 32)
        return refuse(w, AM_E_TOOBIG, "patch.effort", "too deep");
    if (!v && !side && json_get(part, "part"))
        return value_parts(w, json_get(part, "part"), type, depth, out);
    if (!v && !side && !(v = json_get(part, "resource")))
        return refuse(w, AM_E_SYNTAX, "patch.syntax", "a value is missing");
    if (key.n)
        out->suffix = str_sub(key, strlen("value") + (key.p[0] == '_'), key.n);
    if (v)
        out->v = fhir_patch_leaf(&w->arena, v);
    if (side)
        out->side = fhir_patch_leaf(&w->arena, side);
    return (v && !out->v) || (side && !out->side) ? AM_E_NOMEM : AM_OK;
}

/* ---- changing ------------------------------------------------------------------------
 */
static int under(struct patch_work *w, struct str key, struct str *out)
{
    char *z = arena_printf(&w->arena, "_%.*s", STR_FMT(key));
    if (!z)
        return AM_E_NOMEM;
    *out = str_c(z);
    return AM_OK;
}

/* The member of that name, opened; made when it is not there and create. */
static int list_of(struct patch_work *w, struct patch_node *owner, struct str key,
                   bool create, size_t pad, struct patch_node **out)
{
    *out = fhir_patch_get(owner, key);
    if (!*out && create) {
        struct patch_node *list = ARENA_NEW(&w->arena, struct patch_node);
        if (!list)
            return AM_E_NOMEM;
        list->type = JSON_ARRAY;
        list->key = key;
        fhir_patch_insert(owner, list, NULL);
        for (; pad; pad--) {
            struct patch_node *null = fhir_patch_leaf(&w->arena, NULL);
            if (!null)
                return AM_E_NOMEM;
            null->type = JSON_NULL;
            fhir_patch_insert(list, null, NULL);
        }
        *out = list;
    }
    return *out ? fhir_patch_open(&w->arena, *out) : AM_OK;
}

static struct patch_node *null_node(struct patch_work *w)
{
    struct patch_node *n = fhir_patch_leaf(&w->arena, NULL);
    if (n)
        n->type = JSON_NULL;
    return n;
}

/* Puts node (NULL: null) at an index of owner[key], if there is such a list or one has to
 * be; grows it with nulls. */
static int list_put(struct patch_work *w, struct patch_node *owner, struct str key,
                    struct patch_node *node, size_t index, size_t have, bool over)
{
    struct patch_node *list, *at;
    int err = list_of(w, owner, key, node != NULL, have, &list);
    if (err || !list)
        return err;
    if (!node && !(node = null_node(w)))
        return AM_E_NOMEM;
    while (list->n < index) {
        struct patch_node *pad = null_node(w);
        if (!pad)
            return AM_E_NOMEM;
        fhir_patch_insert(list, pad, NULL);
    }
    at = fhir_patch_at(list, index);
    if (at && over)
        fhir_patch_replace(list, at, node);
    else
        fhir_patch_insert(list, node, at);
    return AM_OK;
}

static size_t list_size(struct patch_work *w, struct patch_node *owner, struct str key,
                        struct str side)
{
    const struct patch_node *a = fhir_patch_get(owner, key),
                            *b = fhir_patch_get(owner, side);
    size_t x = a ? a->leaf ? json_size(a->leaf) : a->n : 0,
           y = b ? b->leaf ? json_size(b->leaf) : b->n : 0;
    (void)w;
    return AM_MAX(x, y);
}

/* Both lists: the values and their companions. */
static int lists_put(struct patch_work *w, struct patch_node *owner, struct str key,
                     const struct patch_value *value, size_t index, bool over)
{
    struct str side;
    size_t have;
    int err = under(w, key, &side);
    if (err)
        return err;
    have = list_size(w, owner, key, side);
    if (index == SIZE_MAX)
        index = have;
    err = list_put(w, owner, key, value->v, index, have, over);
    return err ? err : list_put(w, owner, side, value->side, index, have, over);
}

static void set(struct patch_node *owner, struct str key, struct patch_node *node)
{
    struct patch_node *old = fhir_patch_get(owner, key);
    if (node) {
        node->key = key;
        if (old)
            fhir_patch_replace(owner, old, node);
        else
            fhir_patch_insert(owner, node, NULL);
    } else if (old) {
        fhir_patch_remove(owner, old);
    }
}

/* valueQuantity of the stem "value" and the suffix "Quantity"; other names are theirs. */
static int json_name(struct patch_work *w, const struct fhir_type *type, struct str name,
                     const struct patch_value *value, struct str *out, bool *many)
{
    const struct fhir_member *m = type ? fhir_member_find(type, name) : NULL;
    *out = name;
    *many = false;
    if (!m)
        return refuse(w, AM_E_INVALID, "patch.type", "no such element");
    *many = fhir_def_elem[m->elem].max > 1;
    if (m->type == FHIR_NONE) {
        char *z =
            arena_printf(&w->arena, "%.*s%.*s", STR_FMT(name), STR_FMT(value->suffix));
        if (!z)
            return AM_E_NOMEM;
        *out = str_c(z);
        if (!fhir_member_find(type, *out))
            return refuse(w, AM_E_INVALID, "patch.type", "not a type of this element");
    }
    return AM_OK;
}

/* Is one of the names of a choice there, or the member itself? */
static bool present(struct patch_node *owner, const struct fhir_type *type,
                    struct str name)
{
    const struct fhir_member *m = fhir_member_find(type, name);
    for (const struct patch_node *c = owner->first; c; c = c->next) {
        struct str key =
            c->key.n && c->key.p[0] == '_' ? str_sub(c->key, 1, c->key.n) : c->key;
        const struct fhir_member *k = fhir_member_find(type, key);
        if (k && k->elem == m->elem)
            return true;
    }
    return false;
}

static int member_put(struct patch_work *w, struct patch_node *owner,
                      const struct fhir_type *type, struct str name,
                      const struct json *part, unsigned depth)
{
    const struct fhir_member *m = type && name.n ? fhir_member_find(type, name) : NULL;
    const struct fhir_type *inner =
        m && m->type != FHIR_NONE ? &fhir_def_type[m->type] : NULL;
    struct patch_value value;
    struct str key, side;
    bool many;
    int err = value_of(w, part, inner, depth, &value);
    if (!err)
        err = json_name(w, type, name, &value, &key, &many);
    if (err)
        return err;
    if (many)
        return lists_put(w, owner, key, &value, SIZE_MAX, false);
    if (present(owner, type, name))
        return refuse(w, AM_E_INVALID, "patch.path", "it is there already");
    err = under(w, key, &side);
    if (err)
        return err;
    if (value.v)
        set(owner, key, value.v);
    if (value.side)
        set(owner, side, value.side);
    return AM_OK;
}

/* The node an element is, opened. */
static int element_node(struct patch_work *w, const struct patch_spot *at,
                        struct patch_node **out)
{
    struct patch_node *node = at->owner ? fhir_patch_get(at->owner, at->key) : w->tree;
    int err = node ? fhir_patch_open(&w->arena, node) : AM_OK;
    if (!err && node && at->index != SIZE_MAX) {
        node = fhir_patch_at(node, at->index);
        err = node ? fhir_patch_open(&w->arena, node) : AM_OK;
    }
    *out = node;
    return err;
}

static int op_add(struct patch_work *w)
{
    struct patch_spot at;
    struct fhir_path_item item;
    struct patch_node *node;
    const struct fhir_type *type;
    bool found;
    int err;
    if (!w->op.name.n || !w->op.value)
        return refuse(w, AM_E_SYNTAX, "patch.syntax", "name and value are needed");
    err = one_spot(w, false, &at, &item, &found);
    if (!err)
        err = element_node(w, &at, &node);
    if (err)
        return err;
    type = at.owner ? member_type(at.type, at.key, node) : at.type;
    if (!node || node->type != JSON_OBJECT) { /* extension or id of a primitive */
        struct str side;
        err = under(w, at.key, &side);
        if (err)
            return err;
        if (at.index != SIZE_MAX)
            return refuse(w, AM_E_UNSUPPORTED, "patch.path",
                          "inside a primitive element");
        node = fhir_patch_get(at.owner, side);
        if (!node) {
            node = ARENA_NEW(&w->arena, struct patch_node);
            if (!node)
                return AM_E_NOMEM;
            node->type = JSON_OBJECT;
            set(at.owner, side, node);
        }
        err = fhir_patch_open(&w->arena, node);
        if (err)
            return err;
        type = fhir_type_find(STR("Element"));
    }
    return member_put(w, node, type, w->op.name, w->op.value, 0);
}

/* FHIR has no empty objects nor lists: what a deletion leaves empty goes too. Only what
 * was opened can have become so. */
static void prune(struct patch_node *node)
{
    for (struct patch_node *c = node->first, *next; c; c = next) {
        next = c->next;
        if (c->leaf || (c->type != JSON_OBJECT && c->type != JSON_ARRAY))
            continue;
        prune(c);
        if (!c->n && node->type == JSON_OBJECT)
            fhir_patch_remove(node, c);
    }
}

static int op_delete(struct patch_work *w)
{
    struct patch_spot at;
    struct fhir_path_item item;
    struct str name[2];
    bool found;
    int err = one_spot(w, true, &at, &item, &found);
    if (err || !found)
        return err;
    if (!at.owner)
        return refuse(w, AM_E_INVALID, "patch.path",
                      "the whole resource cannot be removed");
    name[0] = at.key;
    err = under(w, at.key, &name[1]);
    for (int i = 0; i < 2 && !err; i++) {
        struct patch_node *list = fhir_patch_get(at.owner, name[i]), *one;
        if (at.index == SIZE_MAX) {
            set(at.owner, name[i], NULL);
            continue;
        }
        err = list ? fhir_patch_open(&w->arena, list) : AM_OK;
        one = err ? NULL : fhir_patch_at(list, at.index);
        if (one)
            fhir_patch_remove(list, one);
    }
    if (!err)
        prune(w->tree);
    return err;
}

static int op_replace(struct patch_work *w)
{
    struct patch_spot at;
    struct fhir_path_item item;
    struct patch_value value;
    const struct fhir_member *m;
    struct str key, side;
    bool found;
    int err;
    if (!w->op.value)
        return refuse(w, AM_E_SYNTAX, "patch.syntax", "a value is missing");
    err = one_spot(w, false, &at, &item, &found);
    if (err)
        return err;
    if (!at.owner)
        return refuse(w, AM_E_INVALID, "patch.path",
                      "the whole resource cannot be replaced");
    m = at.type ? fhir_member_find(at.type, at.key) : NULL;
    err = value_of(w, w->op.value,
                   m && m->type != FHIR_NONE ? &fhir_def_type[m->type] : NULL, 0, &value);
    if (err)
        return err;
    if (at.index != SIZE_MAX)
        return lists_put(w, at.owner, at.key, &value, at.index, true);
    key = at.key;
    if (m && fhir_def_elem[m->elem].flags & FHIR_ELEM_CHOICE) { /* its type may change */
        struct str stem = fhir_text(fhir_def_elem[m->elem].name);
        bool many;
        err = json_name(w, at.type, stem, &value, &key, &many);
    }
    if (!err && !str_eq(key, at.key)) {
        set(at.owner, at.key, NULL);
        err = under(w, at.key, &side);
        if (!err)
            set(at.owner, side, NULL);
    }
    if (!err)
        err = under(w, key, &side);
    if (err)
        return err;
    set(at.owner, key, value.v);
    set(at.owner, side, value.side);
    return AM_OK;
}

/* The spot of the i-th element of a list, which is in one array with the first. */
static int list_spot(struct patch_work *w, const struct fhir_path_result *r, int64_t i,
                     struct patch_spot *at)
{
    struct patch_spot first;
    int err = spot_of(w, &r->item[0], &first);
    if (!err)
        err = spot_of(w, &r->item[i], at);
    if (!err && (at->index == SIZE_MAX || at->owner != first.owner ||
                 !str_eq(at->key, first.key)))
        err = refuse(w, AM_E_INVALID, "patch.path", "the path gives no single list");
    return err;
}

static int op_insert(struct patch_work *w)
{
    struct fhir_path_result r = {0};
    struct patch_spot at;
    struct patch_value value;
    const struct fhir_member *m;
    bool end;
    int err;
    if (!w->op.value || w->op.index < 0)
        return refuse(w, AM_E_SYNTAX, "patch.syntax", "index and value are needed");
    err = elements(w, &r);
    if (err)
        return err;
    if (!r.n || (uint64_t)w->op.index > r.n)
        return refuse(w, AM_E_INVALID, "patch.path",
                      r.n ? "the index is past the end" : "nothing is there");
    end = (size_t)w->op.index == r.n;
    err = list_spot(w, &r, end ? w->op.index - 1 : w->op.index, &at);
    if (err)
        return err;
    m = at.type ? fhir_member_find(at.type, at.key) : NULL;
    err = value_of(w, w->op.value,
                   m && m->type != FHIR_NONE ? &fhir_def_type[m->type] : NULL, 0, &value);
    return err ? err : lists_put(w, at.owner, at.key, &value, at.index + end, false);
}

static int op_move(struct patch_work *w)
{
    struct fhir_path_result r = {0};
    struct patch_spot from, to;
    struct str name[2];
    int err;
    if (w->op.source < 0 || w->op.destination < 0)
        return refuse(w, AM_E_SYNTAX, "patch.syntax",
                      "source and destination are needed");
    err = elements(w, &r);
    if (err)
        return err;
    if ((uint64_t)w->op.source >= r.n || (uint64_t)w->op.destination >= r.n)
        return refuse(w, AM_E_INVALID, "patch.path",
                      r.n ? "the index is past the end" : "nothing is there");
    err = list_spot(w, &r, w->op.source, &from);
    if (!err)
        err = list_spot(w, &r, w->op.destination, &to);
    name[0] = from.key;
    if (!err)
        err = under(w, from.key, &name[1]);
    for (int i = 0; i < 2 && !err; i++) {
        struct patch_node *list, *one;
        err = list_of(w, from.owner, name[i], false, 0, &list);
        one = err || !list ? NULL : fhir_patch_at(list, from.index);
        if (!one)
            continue;
        fhir_patch_remove(list, one);
        fhir_patch_insert(list, one, fhir_patch_at(list, to.index));
    }
    return err;
}

static int apply(struct patch_work *w)
{
    static const struct {
        const char *name;
        int (*run)(struct patch_work *);
    } known[] = {{"add", op_add},
                 {"insert", op_insert},
                 {"delete", op_delete},
                 {"replace", op_replace},
                 {"move", op_move}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(w->op.type, known[i].name))
            return known[i].run(w);
    return refuse(w, AM_E_SYNTAX, "patch.syntax",
                  "add, insert, delete, replace or move is expected");
}

/* Writes what the operation left, and reads it again for the next. */
static int turn(struct patch_work *w, struct buf *text)
{
    struct json_limits limits = {.size_b = FHIR_PATCH_B, .raw_numbers = true};
    struct json_doc *doc = NULL;
    int err;
    buf_clear(text);
    err = fhir_patch_write(w->tree, text);
    w->done_b += text->n;
    if (!err && w->done_b > FHIR_PATCH_WORK_B)
        err = AM_E_TOOBIG;
    if (!err)
        err = json_parse(&doc, buf_str(text), &limits, NULL);
    if (err)
        return err;
    json_free(w->doc);
    w->doc = doc;
    w->root = json_root(doc);
    return AM_OK;
}

int fhir_patch_path(const struct json *resource, const struct json *parameters,
                    struct buf *out, struct diag *d)
{
    struct patch_work w = {.d = d, .root = resource};
    const struct json *list = json_get(parameters, "parameter");
    struct buf text;
    int err = AM_OK;
    if (!json_str_is(json_get(parameters, "resourceType"), "Parameters") ||
        !json_get_str(resource, "resourceType").n) {
        diag_err(d, "", "patch.syntax", "%s", "a Parameters resource is expected");
        return AM_E_SYNTAX;
    }
    if (json_size(list) > FHIR_PATCH_OPS)
        err = AM_E_TOOBIG;
    buf_init(&text, FHIR_PATCH_B);
    arena_init(&w.arena, PATCH_EVAL_B);
    for (json_each(it, list)) {
        if (err)
            break;
        arena_release(&w.arena);
        arena_init(&w.arena, PATCH_EVAL_B);
        err = read_op(&w, it.val, it.i);
        w.tree = err ? NULL : fhir_patch_leaf(&w.arena, w.root);
        if (!err)
            err = w.tree ? apply(&w) : AM_E_NOMEM;
        if (!err)
            err = turn(&w, &text);
    }
    if (!err) {
        w.tree = fhir_patch_leaf(&w.arena, w.root);
        buf_clear(&text);
        err = w.tree ? fhir_patch_write(w.tree, &text) : AM_E_NOMEM;
    }
    if (!err)
        err = buf_add(out, buf_str(&text));
    if (err == AM_E_NOMEM && !w.arena.starved && w.arena.used > PATCH_EVAL_B / 2)
        err = AM_E_TOOBIG;
    if (err == AM_E_TOOBIG && d && !d->n)
        diag_err(d, "", "patch.effort", "%s", "the patch asks for too much work");
    buf_release(&text);
    arena_release(&w.arena);
    json_free(w.doc);
    return err;
}
