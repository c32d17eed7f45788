/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_patch_json -- JSON Patch, RFC 6902. */
#include "fhir/fhir_patch_priv.h"

enum { PATCH_DEPTH = 200 }; /* deepest place an operation may name */

struct patch_run {
    struct arena arena;
    struct patch_node *root;
    struct diag *d;
    size_t op; /* number of the operation */
};

static int refuse(const struct patch_run *r, const char *member, int err,
                  const char *code, const char *detail)
{
    char path[64];
    snprintf(path, sizeof path, "/%zu%s%s", r->op, *member ? "/" : "", member);
    diag_err(r->d, path, code, "%s", detail);
    return err;
}

/* A place in the tree: the container, and which member of it. */
struct patch_place {
    struct patch_node *parent; /* NULL: the whole document */
    struct patch_node *node;   /* NULL: not there */
    struct str key;            /* the last token, unescaped */
    size_t index;              /* in an array; SIZE_MAX: "-" */
    bool bad;                  /* no index */
};

/* ~1 and ~0; false: another escape. */
static bool unescape(struct arena *a, struct str *token)
{
    char *z;
    size_t n = 0;
    if (str_find(*token, '~') == token->n)
        return true;
    z = arena_alloc(a, token->n + 1, 1);
    if (!z)
        return false;
    for (size_t i = 0; i < token->n; i++) {
        char c = token->p[i];
        if (c == '~') {
            if (++i == token->n || (token->p[i] != '0' && token->p[i] != '1'))
                return false;
            c = token->p[i] == '0' ? '~' : '/';
        }
        z[n++] = c;
    }
    *token = (struct str){z, n};
    return true;
}

/* An index as RFC 6901 writes it: no sign, no leading zero. */
static bool index_of(struct str token, size_t *out)
{
    int64_t v;
    if (str_eqc(token, "-")) {
        *out = SIZE_MAX;
        return true;
    }
    if (!token.n || token.p[0] < '0' || token.p[0] > '9' ||
        (token.p[0] == '0' && token.n > 1) || str_int(token, 0, INT32_MAX, &v))
        return false;
    *out = (size_t)v;
    return true;
}

static int step(struct patch_run *r, struct patch_place *at, struct str token)
{
    int err = fhir_patch_open(&r->arena, at->node);
    at->parent = at->node;
    at->key = token;
    if (err)
        return err;
    if (at->parent->type == JSON_OBJECT) {
        at->node = fhir_patch_get(at->parent, token);
    } else if (at->parent->type == JSON_ARRAY) {
        at->bad = !index_of(token, &at->index);
        at->node = at->bad || at->index == SIZE_MAX
                       ? NULL
                       : fhir_patch_at(at->parent, at->index);
    } else {
        at->bad = true;
        at->node = NULL;
    }
    return AM_OK;
}

/* Follows a pointer; everything but its last token has to be there. */
static int find(struct patch_run *r, const struct json *op, const char *member,
                struct patch_place *at)
{
    struct str p = json_get_str(op, member);
    size_t depth = 0;
    *at = (struct patch_place){.node = r->root};
    if (json_type(json_get(op, member)) != JSON_STRING)
        return refuse(r, "", AM_E_SYNTAX, "patch.syntax", "a pointer is missing");
    if (p.n && p.p[0] != '/')
        return refuse(r, member, AM_E_SYNTAX, "patch.syntax", "a pointer begins with /");
    while (p.n) {
        size_t end = 1 + str_find(str_sub(p, 1, p.n), '/');
        struct str token = str_sub(p, 1, end);
        int err;
        if (!at->node)
            return refuse(r, member, AM_E_INVALID, "patch.path", "nothing is there");
        if (++depth > PATCH_DEPTH)
            return refuse(r, member, AM_E_TOOBIG, "patch.effort", "too deep");
        if (!unescape(&r->arena, &token))
            return refuse(r, member, AM_E_SYNTAX, "patch.syntax",
                          "~ is followed by 0 or 1");
        err = step(r, at, token);
        if (err)
            return err;
        p = str_sub(p, end, p.n);
    }
    return AM_OK;
}

static int must_be(struct patch_run *r, const struct patch_place *at, const char *member)
{
    return at->node ? AM_OK
                    : refuse(r, member, AM_E_INVALID, "patch.path", "nothing is there");
}

/* add: into an object whether or not it is there, into an array before the index. */
static int put(struct patch_run *r, const struct patch_place *at, struct patch_node *node)
{
    if (!at->parent) {
        node->key = STR_NULL;
        r->root = node;
        return AM_OK;
    }
    if (at->bad || (at->parent->type == JSON_ARRAY && at->index != SIZE_MAX &&
                    at->index > at->parent->n))
        return refuse(r, "path", AM_E_INVALID, "patch.path", "nothing is there");
    node->key = at->key;
    if (at->parent->type == JSON_OBJECT && at->node)
        fhir_patch_replace(at->parent, at->node, node);
    else
        fhir_patch_insert(at->parent, node,
                          at->parent->type == JSON_ARRAY ? at->node : NULL);
    return AM_OK;
}

static bool inside(struct str pointer, struct str of)
{
    return str_starts(pointer, of) && pointer.n > of.n && pointer.p[of.n] == '/';
}

static int move(struct patch_run *r, const struct json *op, bool copy)
{
    struct patch_place from, to;
    struct patch_node *node;
    int err = find(r, op, "from", &from);
    if (!err)
        err = must_be(r, &from, "from");
    if (!err)
        err = find(r, op, "path", &to); /* in full first: a bad one is refused as such */
    if (err)
        return err;
    if (copy) {
        node = fhir_patch_copy(&r->arena, from.node);
        return node ? put(r, &to, node) : AM_E_NOMEM;
    }
    if (str_eq(json_get_str(op, "from"), json_get_str(op, "path")))
        return AM_OK;
    if (!from.parent || inside(json_get_str(op, "path"), json_get_str(op, "from")))
        return refuse(r, "path", AM_E_INVALID, "patch.path", "nothing moves into itself");
    node = from.node;
    fhir_patch_remove(from.parent, node);
    err = find(r, op, "path", &to); /* again: indices may have moved */
    return err ? err : put(r, &to, node);
}

static int change(struct patch_run *r, const struct json *op, struct str name)
{
    const struct json *value = json_get(op, "value");
    struct patch_place at;
    struct patch_node *node;
    int err;
    if (str_eqc(name, "move") || str_eqc(name, "copy"))
        return move(r, op, str_eqc(name, "copy"));
    if (!value && !str_eqc(name, "remove"))
        return refuse(r, "", AM_E_SYNTAX, "patch.syntax", "a value is missing");
    err = find(r, op, "path", &at);
    if (err)
        return err;
    if (str_eqc(name, "add")) {
        node = fhir_patch_leaf(&r->arena, value);
        return node ? put(r, &at, node) : AM_E_NOMEM;
    }
    err = must_be(r, &at, "path");
    if (err)
        return err;
    if (str_eqc(name, "test"))
        return fhir_patch_equal(at.node, value)
                   ? AM_OK
                   : refuse(r, "value", AM_E_INVALID, "patch.test",
                            "another value is there");
    if (str_eqc(name, "remove")) {
        if (!at.parent)
            return refuse(r, "path", AM_E_INVALID, "patch.path",
                          "the whole document cannot be removed");
        fhir_patch_remove(at.parent, at.node);
        return AM_OK;
    }
    node = fhir_patch_leaf(&r->arena, value);
    if (!node)
        return AM_E_NOMEM;
    if (at.parent)
        fhir_patch_replace(at.parent, at.node, node);
    else
        r->root = node;
    return AM_OK;
}

static int apply(struct patch_run *r, const struct json *op)
{
    static const char *const known[] = {"add",  "remove", "replace",
                                        "move", "copy",   "test"};
    struct str name = json_get_str(op, "op");
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(name, known[i]))
            return change(r, op, name);
    return refuse(r, json_get(op, "op") ? "op" : "", AM_E_SYNTAX, "patch.syntax",
                  "add, remove, replace, move, copy or test is expected");
}

int fhir_patch_json(const struct json *doc, const struct json *patch, struct buf *out,
                    struct diag *d)
{
    struct patch_run r = {.d = d};
    int err = AM_OK;
    if (json_type(patch) != JSON_ARRAY) {
        diag_err(d, "", "patch.syntax", "%s", "a list of operations is expected");
        return AM_E_SYNTAX;
    }
    if (json_size(patch) > FHIR_PATCH_OPS) {
        diag_err(d, "", "patch.effort", "%s", "too many operations");
        return AM_E_TOOBIG;
    }
    arena_init(&r.arena, FHIR_PATCH_WORK_B);
    r.root = fhir_patch_leaf(&r.arena, doc);
    err = r.root ? AM_OK : AM_E_NOMEM;
    for (json_each(it, patch)) {
        if (err)
            break;
        r.op = it.i;
        err = apply(&r, it.val);
    }
    if (err == AM_E_NOMEM && !r.arena.starved && r.arena.used > FHIR_PATCH_WORK_B / 2)
        err = AM_E_TOOBIG;
    if (!err) {
        struct buf text;
        buf_init(&text, FHIR_PATCH_B);
        err = fhir_patch_write(r.root, &text);
        if (!err)
            err = buf_add(out, buf_str(&text));
        buf_release(&text);
    }
    if (err == AM_E_TOOBIG && d && !d->n)
        diag_err(d, "", "patch.effort", "%s", "the result is too large");
    arena_release(&r.arena);
    return err;
}
