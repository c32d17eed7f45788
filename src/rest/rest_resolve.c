/* SPDX-License-Identifier: Apache-2.0 */
/* What the entries of a transaction ask, and whom they mean: read once, then resolved in
 * one view, again when the writer finds that it is not so any more. */
#include "rest/rest_tx_priv.h"

const char *rest_tx_path(struct tx *t, size_t i, const char *more)
{
    return arena_printf(&t->c->arena, "/entry/%zu%s", i, more);
}

/* ---- reading the entries ---- */
static int tx_url(struct tx *t, size_t i)
{
    struct tx_entry *e = &t->e[i];
    struct str id, path = e->l.path;
    e->type = str_cut(path, '/', &id);
    if (!fhir_search_type(e->type))
        return rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/request/url"),
                        "rest.type", e->type);
    e->by_query = !id.n && e->l.query.n;
    if (e->l.method == REST_POST ? id.n > 0 : id.n ? !eds_id_ok(id) : !e->by_query)
        return rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/request/url"),
                        "rest.entry", e->l.url);
    if (id.n)
        memcpy(e->id, id.p, id.n);
    return AM_OK;
}

static int tx_conditions(struct tx *t, size_t i)
{
    struct tx_entry *e = &t->e[i];
    struct rest_request q;
    struct rest_call probe = {.q = &q};
    int64_t none;
    int err;
    rest_line_request(t->c, &e->l, &q);
    err = rest_etag(&probe, REST_H_IF_MATCH, &e->if_match, &e->if_none);
    if (!err && e->if_match < 0)
        return rest_bad(t->c, AM_E_PRECONDITION, rest_tx_path(t, i, "/request/ifMatch"),
                        "rest.version", e->l.if_match);
    if (!err)
        err = rest_etag(&probe, REST_H_IF_NONE_MATCH, &none, &e->if_none);
    if (!err && e->by_query)
        err = rest_where_text(t->c, e->type, e->l.query, &e->where);
    else if (!err && e->l.method == REST_POST && e->l.none_exist.n)
        err = rest_where_text(t->c, e->type, e->l.none_exist, &e->where);
    return err;
}

static int tx_body(struct tx *t, size_t i)
{
    struct tx_entry *e = &t->e[i];
    struct str is = json_get_str(e->l.resource, "resourceType"),
               id = json_get_str(e->l.resource, "id");
    if (e->l.method == REST_DELETE)
        return AM_OK;
    if (e->l.method == REST_PATCH)
        return str_eqc(is, "Parameters") || str_eqc(is, "Binary")
                   ? AM_OK
                   : rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/resource"),
                              "patch.syntax", STR("a Parameters resource is expected"));
    if (!str_eq(is, e->type))
        return rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/resource/resourceType"),
                        "rest.other_type", is);
    if (e->l.method == REST_PUT && !e->by_query && !str_eqc(id, e->id))
        return rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/resource/id"),
                        "rest.other_id", id);
    return e->l.method == REST_POST ? eds_new_id(e->id) : AM_OK;
}

static int tx_may(struct tx *t, const struct tx_entry *e)
{
    const char *what = e->l.method == REST_POST    ? "create"
                       : e->l.method == REST_PUT   ? "update"
                       : e->l.method == REST_PATCH ? "patch"
                                                   : "delete";
    return rest_may_entry(t->c, what, e->type,
                          e->l.method == REST_POST ? STR_NULL : str_c(e->id),
                          e->by_query ? e->l.query : e->l.none_exist);
}

int rest_tx_read(struct tx *t)
{
    int err = AM_OK;
    for (json_each(it, json_get(t->c->body, "entry"))) {
        struct tx_entry *e = &t->e[it.i];
        err = rest_line(t->c, it.val, it.i, &e->l);
        e->op = SIZE_MAX;
        if (!err && tx_writes(e)) {
            err = tx_url(t, it.i);
            if (!err)
                err = tx_may(t, e);
            if (!err)
                err = tx_conditions(t, it.i);
            if (!err)
                err = tx_body(t, it.i);
        }
        if (err)
            return err;
    }
    return AM_OK;
}

int rest_tx_index(struct tx *t)
{
    int err = AM_OK;
    for (size_t i = 0; i < t->n && !err; i++) {
        struct str full = t->e[i].l.full;
        if (!full.n || !tx_writes(&t->e[i]))
            continue;
        if (map_has(&t->by_url, full))
            return rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/fullUrl"),
                            "eds.twice", full);
        err = map_set(&t->by_url, full, i);
    }
    for (size_t i = 0; i < t->n && !err; i++)
        if (tx_writes(&t->e[i]))
            err = rest_tx_references(t, t->e[i].l.resource);
    return err;
}

/* ---- what it all means now ---- */
static int tx_patch_current(struct tx *t, struct eds_view *v, struct tx_entry *e,
                            size_t i)
{
    char *text;
    int err;
    buf_clear(&t->text);
    err = eds_get(v, e->type, str_c(e->id), 0, &t->text, &e->found);
    if (err == AM_E_NOTFOUND || (!err && e->found.gone))
        return rest_bad(t->c, AM_E_NOTFOUND, rest_tx_path(t, i, ""), "rest.notfound",
                        str_c(e->id));
    if (!err && e->if_match && e->found.ver != e->if_match)
        return rest_bad(t->c, AM_E_PRECONDITION, rest_tx_path(t, i, "/request/ifMatch"),
                        "rest.version", e->l.if_match);
    text = err ? NULL : arena_dup(&t->c->arena, buf_str(&t->text));
    if (!err && !text)
        err = AM_E_NOMEM;
    if (!err)
        e->current = (struct str){text, t->text.n};
    return err;
}

static int tx_resolve_entry(struct tx *t, struct eds_view *v, size_t i)
{
    struct tx_entry *e = &t->e[i];
    struct str own = json_get_str(e->l.resource, "id");
    int err = AM_OK;
    e->n_found = 0;
    if (e->where.c)
        err = rest_where_in(v, &e->where, &e->found, &e->n_found);
    if (err)
        return err;
    if (e->by_query && e->n_found) {
        if (e->l.method == REST_PUT && own.n && !str_eqc(own, e->found.id))
            return rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/resource/id"),
                            "rest.other_id", own);
        memcpy(e->id, e->found.id, sizeof e->found.id);
    } else if (e->by_query && e->l.method == REST_PUT) {
        if (own.n && !eds_id_ok(own))
            return rest_bad(t->c, AM_E_SYNTAX, rest_tx_path(t, i, "/resource/id"),
                            "rest.id", own);
        if (own.n)
            snprintf(e->id, sizeof e->id, "%.*s", STR_FMT(own));
        else
            err = eds_new_id(e->id);
    } else if (e->by_query && e->l.method == REST_PATCH)
        return rest_bad(t->c, AM_E_NOTFOUND, rest_tx_path(t, i, ""), "rest.notfound",
                        e->type);
    else if (e->by_query)
        e->id[0] = 0;
    if (!err && e->l.method == REST_PATCH)
        err = tx_patch_current(t, v, e, i);
    if (!err && e->id[0]) {
        bool there = e->l.method == REST_POST && e->n_found;
        e->target = arena_printf(&t->c->arena, "%.*s/%s", STR_FMT(e->type),
                                 there ? e->found.id : e->id);
        err = e->target ? AM_OK : AM_E_NOMEM;
    }
    return err;
}

int rest_tx_resolve(struct eds_view *v, void *arg)
{
    struct tx *t = arg;
    int err = AM_OK;
    for (size_t i = 0; i < t->n && !err; i++)
        if (tx_writes(&t->e[i]))
            err = tx_resolve_entry(t, v, i);
    return err ? err : rest_tx_meant(t, v);
}
