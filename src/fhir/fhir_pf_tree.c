/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a profile: its snapshot without what base R4 says too; without a snapshot,
 * the tree of its base, and the differential laid over. */
#include "fhir/fhir_pf_priv.h"

/* ---- nodes ---- */

static const struct fhir_type *element_type(void)
{
    static const struct str element = STR_INIT("Element");
    return fhir_type_find(element);
}

/* The type whose members stand below a value of t. */
static const struct fhir_type *inside(const struct fhir_type *t)
{
    return t && t->prim ? element_type() : t;
}

static struct pf_node *find(struct pf_node *list, struct str name, struct str slice)
{
    while (list && !(str_eq(list->name, name) && str_eq(list->slice, slice)))
        list = list->next;
    return list;
}

static struct pf_node *append(struct fhir_profiles *p, struct pf_node **list,
                              struct pf_node *up, struct str name, struct str slice)
{
    struct pf_node *n = ARENA_NEW(&p->a, struct pf_node);
    if (!n)
        return NULL;
    n->name = name;
    n->slice = slice;
    n->up = up;
    while (*list)
        list = &(*list)->next;
    *list = n;
    return n;
}

static struct pf_node *child(struct fhir_profiles *p, struct pf_node *up, struct str name,
                             const struct fhir_type *t)
{
    struct pf_node *n = find(up->child, name, STR_NULL);
    if (!n) {
        n = append(p, &up->child, up, name, STR_NULL);
        if (n)
            n->t = t;
    }
    return n;
}

/* "a/b": the slice a, and in it a/b. */
static struct pf_node *slice(struct fhir_profiles *p, struct pf_node *n, struct str name)
{
    size_t end = 0;
    while (n && end < name.n) {
        struct pf_node *s;
        struct str part;
        while (end < name.n && name.p[end] != '/')
            end++;
        part = str_sub(name, 0, end++);
        s = find(n->slices, n->name, part);
        if (!s) {
            s = append(p, &n->slices, n, n->name, part);
            if (s)
                s->t = n->t;
        }
        n = s;
    }
    return n;
}

/* A value of R4's choice said by one of its names ("valueQuantity"): the slice of that
 * type. */
static int typed(struct fhir_profiles *p, struct pf_node *up, const struct fhir_member *m,
                 struct str name, struct pf_node **out)
{
    const struct fhir_elem *e = &fhir_def_elem[m->elem];
    struct pf_node *stem = child(p, up, fhir_text(e->name), NULL), *s;
    int err = stem ? fhir_pf_implied_slicing(p, stem) : AM_E_NOMEM;
    if (err)
        return err;
    s = slice(p, stem, name);
    if (!s)
        return AM_E_NOMEM;
    if (!s->types) {
        s->type = ARENA_NEW(&p->a, struct pf_type);
        if (!s->type)
            return AM_E_NOMEM;
        s->type->t = fhir_member_type(m);
        s->types = 1;
    }
    s->t = s->type->t;
    *out = s;
    return AM_OK;
}

/* One step of a path from a node. AM_E_INVALID: the type has no such element. *e: what
 * the base says of it; NULL: it is a slice, or nothing is known of its owner. */
static int step(struct fhir_profiles *p, struct pf_node **at, struct str name,
                struct str of, const struct fhir_elem **e)
{
    const struct fhir_type *t = inside((*at)->t);
    const struct fhir_member *m;
    struct pf_node *n = NULL;
    int err = AM_OK;
    if (str_ends(name, STR("[x]")))
        name.n -= 3;
    m = t ? fhir_member_find(t, name) : NULL;
    *e = m ? &fhir_def_elem[m->elem] : NULL;
    if (t && !m && !((*at)->t->prim && str_eqc(name, "value")))
        return AM_E_INVALID;
    if (m && m->type != FHIR_NONE && (fhir_def_elem[m->elem].flags & FHIR_ELEM_CHOICE)) {
        err = typed(p, *at, m, name, &n);
        *e = NULL;
    } else {
        n = child(p, *at, name, m && m->type != FHIR_NONE ? fhir_member_type(m) : NULL);
    }
    if (!err && n && of.n && !str_eq(n->slice, of)) {
        if (str_ends(name, STR("xtension")) || (*e && ((*e)->flags & FHIR_ELEM_CHOICE)))
            err = fhir_pf_implied_slicing(p, n);
        n = slice(p, n, of);
        *e = NULL;
    }
    *at = n;
    return err ? err : n ? AM_OK : AM_E_NOMEM;
}

/* ---- elements ---- */

struct laying {
    struct fhir_profiles *p;
    struct pf_profile *x;
    struct diag *d;
    struct str path[PF_DEPTH]; /* of the element laid last, and the node of each step */
    struct pf_node *node[PF_DEPTH];
    size_t depth;
};

/* By id, which says it all. */
static int by_id(struct laying *l, struct str id, struct pf_node **out,
                 const struct fhir_elem **e)
{
    struct str rest, head = str_cut(id, '.', &rest);
    struct pf_node *n = l->x->root;
    int err = AM_OK;
    (void)head;
    *e = NULL;
    while (rest.n && !err) {
        struct str of, name = str_cut(str_cut(rest, '.', &rest), ':', &of);
        err = step(l->p, &n, name, of, e);
    }
    *out = n;
    return err;
}

/* By path: below the element of the longest common path that came last. */
static int by_path(struct laying *l, struct str path, struct str of, struct pf_node **out,
                   const struct fhir_elem **e)
{
    struct str rest = path, part = str_cut(rest, '.', &rest);
    size_t depth = 0;
    struct pf_node *n = l->x->root;
    int err = AM_OK;
    *e = NULL;
    while (rest.n && !err) {
        part = str_cut(rest, '.', &rest);
        if (depth + 1 >= PF_DEPTH)
            return AM_E_INVALID;
        if (rest.n && depth < l->depth && str_eq(l->path[depth], part)) {
            n = l->node[depth++];
            continue;
        }
        err = step(l->p, &n, part, rest.n ? STR_NULL : of, e);
        l->path[depth] = part;
        l->node[depth++] = n;
        l->depth = depth;
    }
    *out = n;
    return err;
}

static int lay(struct laying *l, const struct json *def, bool strip)
{
    struct str id = json_get_str(def, "id"), path = json_get_str(def, "path");
    const struct fhir_elem *e = NULL;
    struct pf_node *n;
    int err = id.n ? by_id(l, id, &n, &e)
                   : by_path(l, path, json_get_str(def, "sliceName"), &n, &e);
    if (err == AM_E_INVALID)
        return fhir_pf_bad(l->d, l->x, id.n ? id : path, "sd.element", path);
    if (err)
        return err;
    return fhir_pf_read(l->p, l->x, n, def, strip ? e : NULL, l->d);
}

/* ---- the tree of the base ---- */

static struct pf_node *copy_list(struct fhir_profiles *p, const struct pf_node *list,
                                 struct pf_node *up, bool *ok);

static struct pf_node *copy(struct fhir_profiles *p, const struct pf_node *n,
                            struct pf_node *up, bool *ok)
{
    struct pf_node *c = ARENA_NEW(&p->a, struct pf_node);
    if (!c) {
        *ok = false;
        return NULL;
    }
    *c = *n;
    c->up = up;
    c->next = NULL;
    c->child = copy_list(p, n->child, c, ok);
    c->slices = copy_list(p, n->slices, c, ok);
    return c;
}

static struct pf_node *copy_list(struct fhir_profiles *p, const struct pf_node *list,
                                 struct pf_node *up, bool *ok)
{
    struct pf_node *first = NULL, **end = &first;
    for (; list && *ok; list = list->next) {
        *end = copy(p, list, up, ok);
        if (*end)
            end = &(*end)->next;
    }
    return first;
}

static int based(struct fhir_profiles *p, struct pf_profile *x, struct diag *d)
{
    struct str base = json_get_str(x->def, "baseDefinition");
    const struct pf_profile *b = fhir_pf_find(p, base);
    bool ok = true;
    size_t i;
    int err;
    if (b) {
        if (map_get(&p->by_url, b->url, &i))
            return AM_E_INVALID;
        err = fhir_pf_make(p, p->profile.v[i], d);
        if (err)
            return err;
        x->root = copy(p, b->root, NULL, &ok);
        return ok ? AM_OK : AM_E_NOMEM;
    }
    if (!fhir_pf_core(base))
        return fhir_pf_bad(d, x, STR_NULL, "sd.base", base);
    return AM_OK;
}

/* contentReference: the node of that path, slices apart. */
static struct pf_node *referred(struct pf_node *root, struct str id)
{
    struct str rest, head = str_cut(id, '.', &rest);
    (void)head;
    while (root && rest.n) {
        struct str name = str_cut(rest, '.', &rest);
        if (str_ends(name, STR("[x]")))
            name.n -= 3;
        root = find(root->child, name, STR_NULL);
    }
    return root;
}

static void refer(struct pf_node *root, struct pf_node *n)
{
    for (; n; n = n->next) {
        if (n->ref.n) {
            n->same = referred(root, n->ref);
            if (n->same == n)
                n->same = NULL;
        }
        refer(root, n->child);
        refer(root, n->slices);
    }
}

int fhir_pf_make(struct fhir_profiles *p, struct pf_profile *x, struct diag *d)
{
    const struct json *snapshot = json_get(json_get(x->def, "snapshot"), "element");
    const struct json *list =
        snapshot ? snapshot : json_get(json_get(x->def, "differential"), "element");
    struct laying l = {.p = p, .x = x, .d = d};
    int err = AM_OK, worst = AM_OK;
    if (x->root)
        return AM_OK;
    if (x->making)
        return fhir_pf_bad(d, x, STR_NULL, "sd.base", x->url);
    x->making = true;
    if (!snapshot)
        err = based(p, x, d);
    if (!err && !x->root) {
        x->root = ARENA_NEW(&p->a, struct pf_node);
        err = x->root ? AM_OK : AM_E_NOMEM;
    }
    x->making = false;
    if (err)
        return err;
    x->root->t = x->t;
    x->root->name = fhir_text(x->t->name);
    for (json_each(it, list)) {
        err = lay(&l, it.val, snapshot != NULL);
        if (err && err != AM_E_INVALID)
            return err;
        worst = err ? err : worst;
    }
    refer(x->root, x->root);
    return worst;
}
