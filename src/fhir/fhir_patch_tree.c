/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_patch_tree -- see fhir_patch_priv.h. */
#include "fhir/fhir_patch_priv.h"

struct patch_node *fhir_patch_leaf(struct arena *a, const struct json *v)
{
    struct patch_node *node = ARENA_NEW(a, struct patch_node);
    if (node) {
        node->leaf = v;
        node->type = json_type(v);
    }
    return node;
}

void fhir_patch_insert(struct patch_node *node, struct patch_node *child,
                       struct patch_node *before)
{
    child->next = before;
    child->prev = before ? before->prev : node->last;
    *(child->prev ? &child->prev->next : &node->first) = child;
    *(before ? &before->prev : &node->last) = child;
    node->n++;
}

void fhir_patch_remove(struct patch_node *node, struct patch_node *child)
{
    *(child->prev ? &child->prev->next : &node->first) = child->next;
    *(child->next ? &child->next->prev : &node->last) = child->prev;
    child->next = child->prev = NULL;
    node->n--;
}

void fhir_patch_replace(struct patch_node *node, struct patch_node *old,
                        struct patch_node *child)
{
    child->key = old->key;
    fhir_patch_insert(node, child, old);
    fhir_patch_remove(node, old);
}

int fhir_patch_open(struct arena *a, struct patch_node *node)
{
    const struct json *v = node->leaf;
    if (!v || (node->type != JSON_ARRAY && node->type != JSON_OBJECT))
        return AM_OK;
    for (json_each(it, v)) {
        struct patch_node *child = fhir_patch_leaf(a, it.val);
        if (!child)
            return AM_E_NOMEM;
        child->key = it.key;
        fhir_patch_insert(node, child, NULL);
    }
    node->leaf = NULL;
    return AM_OK;
}

struct patch_node *fhir_patch_get(struct patch_node *node, struct str key)
{
    struct patch_node *c = node && node->type == JSON_OBJECT ? node->first : NULL;
    while (c && !str_eq(c->key, key))
        c = c->next;
    return c;
}

struct patch_node *fhir_patch_at(struct patch_node *node, size_t i)
{
    struct patch_node *c = node && node->type == JSON_ARRAY ? node->first : NULL;
    while (c && i--)
        c = c->next;
    return c;
}

/* Depth is that of the documents, whose readers bound it; a patch can nest them into one
 * another only as often as it has operations, which the caller bounds. */
struct patch_node *fhir_patch_copy(struct arena *a, const struct patch_node *node)
{
    struct patch_node *copy = ARENA_NEW(a, struct patch_node);
    if (!copy)
        return NULL;
    copy->type = node->type;
    copy->leaf = node->leaf;
    copy->key = node->key;
    for (const struct patch_node *c = node->first; c; c = c->next) {
        struct patch_node *child = fhir_patch_copy(a, c);
        if (!child)
            return NULL;
        fhir_patch_insert(copy, child, NULL);
    }
    return copy;
}

bool fhir_patch_equal(const struct patch_node *node, const struct json *v)
{
    size_t i = 0;
    if (node->leaf)
        return json_equal(node->leaf, v);
    if (node->type != json_type(v) || node->n != json_size(v))
        return false;
    for (const struct patch_node *c = node->first; c; c = c->next, i++) {
        const struct json *w =
            node->type == JSON_ARRAY ? json_at(v, i) : json_getn(v, c->key);
        if (!w || !fhir_patch_equal(c, w))
            return false;
    }
    return true;
}

static void write(const struct patch_node *node, struct jw *w)
{
    bool object = node->type == JSON_OBJECT;
    if (node->leaf || (!object && node->type != JSON_ARRAY)) {
        jw_val(w, node->leaf); /* NULL: null */
        return;
    }
    if (object)
        jw_obj(w);
    else
        jw_arr(w);
    for (const struct patch_node *c = node->first; c && !w->err; c = c->next) {
        if (object)
            jw_keyn(w, c->key);
        write(c, w);
    }
    if (object)
        jw_obj_end(w);
    else
        jw_arr_end(w);
}

int fhir_patch_write(const struct patch_node *root, struct buf *out)
{
    size_t before = out->n;
    struct jw w;
    int err;
    jw_init(&w, out);
    write(root, &w);
    err = jw_done(&w);
    if (err)
        buf_cut(out, before);
    return err;
}
