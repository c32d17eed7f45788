/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction: all of its entries or none. Everything it names is resolved first, in
 * one view: conditions, conditional references, ids; then the bodies are written again
 * with these, looked at, and put into one group in the order DELETE, POST, PUT and PATCH;
 * GETs come last, on what is there then. Where the writer finds that a condition means
 * something else by now, all is done anew. */
#include "fhir/patch.h"
#include "rest/rest_priv.h"

struct tx_entry {
    struct rest_line l;
    struct str type;
    char id[EDS_ID_MAX + 1]; /* what it is about; "": nothing */
    char *target;            /* "Type/id" for who refers to it */
    bool by_query;           /* PUT, PATCH, DELETE by Type?query */
    struct rest_where where; /* of that, or of ifNoneExist */
    struct eds_meta found;
    size_t n_found;
    struct str current; /* PATCH: text of the version `found` */
    int64_t if_match;
    bool if_none;
    size_t op; /* in the group; SIZE_MAX: none */
    struct eds_done done;
};
struct tx_reference { /* "Patient?identifier=..." */
    struct rest_where where;
    char *target;
};
struct tx {
    struct rest_call *c;
    struct tx_entry *e;
    size_t n;
    size_t *order; /* of the entries that write */
    struct map by_url, by_query;
    struct tx_reference *ref;
    size_t refs, cap_refs;
    struct eds_group *g;
    struct buf text;
};

static const char *tx_path(struct tx *t, size_t i, const char *more)
{
    return arena_printf(&t->c->arena, "/entry/%zu%s", i, more);
}

static bool tx_writes(const struct tx_entry *e)
{
    return e->l.method != REST_GET;
}

/* ---- reading the entries ---- */
static int tx_url(struct tx *t, size_t i)
{
    struct tx_entry *e = &t->e[i];
    struct str id, path = e->l.path;
    e->type = str_cut(path, '/', &id);
    if (!fhir_search_type(e->type))
        return rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/request/url"), "rest.type",
                        e->type);
    e->by_query = !id.n && e->l.query.n;
    if (e->l.method == REST_POST ? id.n > 0 : id.n ? !eds_id_ok(id) : !e->by_query)
        return rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/request/url"), "rest.entry",
                        e->l.url);
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
        return rest_bad(t->c, AM_E_PRECONDITION, tx_path(t, i, "/request/ifMatch"),
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
                   : rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/resource"),
                              "patch.syntax", STR("a Parameters resource is expected"));
    if (!str_eq(is, e->type))
        return rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/resource/resourceType"),
                        "rest.other_type", is);
    if (e->l.method == REST_PUT && !e->by_query && !str_eqc(id, e->id))
        return rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/resource/id"), "rest.other_id",
                        id);
    return e->l.method == REST_POST ? eds_new_id(e->id) : AM_OK;
}

static int tx_read(struct tx *t)
{
    int err = AM_OK;
    for (json_each(it, json_get(t->c->body, "entry"))) {
        struct tx_entry *e = &t->e[it.i];
        err = rest_line(t->c, it.val, it.i, &e->l);
        e->op = SIZE_MAX;
        if (!err && tx_writes(e)) {
            err = tx_url(t, it.i);
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

/* DELETE, POST, PUT and PATCH; each kind as it stands in the Bundle. */
static size_t tx_order(struct tx *t)
{
    static const enum rest_method rank[] = {REST_DELETE, REST_POST, REST_PUT, REST_PATCH};
    size_t n = 0;
    for (size_t k = 0; k < AM_LEN(rank); k++)
        for (size_t i = 0; i < t->n; i++)
            if (t->e[i].l.method == rank[k])
                t->order[n++] = i;
    return n;
}

/* ---- conditional references ---- */
static int tx_reference_add(struct tx *t, struct str s)
{
    struct str query, type = str_cut(s, '?', &query);
    struct tx_reference *r;
    int err;
    if (!query.n || !fhir_search_type(type) || map_has(&t->by_query, s))
        return AM_OK;
    if (t->refs == t->cap_refs) {
        size_t cap = t->cap_refs ? 2 * t->cap_refs : 16;
        r = am_realloc(t->ref, cap, sizeof *r);
        if (!r)
            return AM_E_NOMEM;
        t->ref = r;
        t->cap_refs = cap;
    }
    r = &t->ref[t->refs];
    *r = (struct tx_reference){0};
    err = rest_where_text(t->c, type, query, &r->where);
    if (!err)
        err = map_set(&t->by_query, s, t->refs);
    t->refs += !err;
    return err;
}

static int tx_references(struct tx *t, const struct json *v)
{
    int err = AM_OK;
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return AM_OK;
    for (json_each(it, v)) {
        struct str s = json_str(it.val);
        if (s.n && str_eqc(it.key, "reference") && str_find(s, '?') < s.n)
            err = tx_reference_add(t, s);
        else
            err = tx_references(t, it.val);
        if (err)
            return err;
    }
    return AM_OK;
}

/* ---- what it all means now ---- */
static int tx_resolve_reference(struct tx *t, struct eds_view *v, struct tx_reference *r)
{
    struct eds_meta m;
    size_t n = 0;
    int err = rest_where_in(v, &r->where, &m, &n);
    if (err)
        return err;
    if (!n)
        return rest_bad(t->c, AM_E_PRECONDITION, "", "rest.reference", r->where.type);
    r->target = arena_printf(&t->c->arena, "%s/%s", m.type, m.id);
    return r->target ? AM_OK : AM_E_NOMEM;
}

static int tx_patch_current(struct tx *t, struct eds_view *v, struct tx_entry *e,
                            size_t i)
{
    char *text;
    int err;
    buf_clear(&t->text);
    err = eds_get(v, e->type, str_c(e->id), 0, &t->text, &e->found);
    if (err == AM_E_NOTFOUND || (!err && e->found.gone))
        return rest_bad(t->c, AM_E_NOTFOUND, tx_path(t, i, ""), "rest.notfound",
                        str_c(e->id));
    if (!err && e->if_match && e->found.ver != e->if_match)
        return rest_bad(t->c, AM_E_PRECONDITION, tx_path(t, i, "/request/ifMatch"),
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
            return rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/resource/id"),
                            "rest.other_id", own);
        memcpy(e->id, e->found.id, sizeof e->found.id);
    } else if (e->by_query && e->l.method == REST_PUT) {
        if (own.n && !eds_id_ok(own))
            return rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/resource/id"), "rest.id",
                            own);
        if (own.n)
            snprintf(e->id, sizeof e->id, "%.*s", STR_FMT(own));
        else
            err = eds_new_id(e->id);
    } else if (e->by_query && e->l.method == REST_PATCH)
        return rest_bad(t->c, AM_E_NOTFOUND, tx_path(t, i, ""), "rest.notfound", e->type);
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

static int tx_resolve(struct eds_view *v, void *arg)
{
    struct tx *t = arg;
    int err = AM_OK;
    for (size_t i = 0; i < t->refs && !err; i++)
        err = tx_resolve_reference(t, v, &t->ref[i]);
    for (size_t i = 0; i < t->n && !err; i++)
        if (tx_writes(&t->e[i]))
            err = tx_resolve_entry(t, v, i);
    return err;
}

/* ---- bodies, with what they refer to ---- */
static struct str tx_renamed(const struct tx *t, struct str key, struct str s)
{
    size_t i;
    if (str_eqc(key, "reference") && !map_get(&t->by_query, s, &i))
        return str_c(t->ref[i].target);
    /* Identifier.value and the like are texts, not addresses. */
    if (!str_eqc(key, "value") && memchr(s.p, ':', s.n) && !map_get(&t->by_url, s, &i) &&
        t->e[i].target)
        return str_c(t->e[i].target);
    return s;
}

static void tx_again(struct tx *t, struct jw *w, struct str key, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_OBJECT:
        jw_obj(w);
        for (json_each(it, v)) {
            jw_keyn(w, it.key);
            tx_again(t, w, it.key, it.val);
        }
        jw_obj_end(w);
        break;
    case JSON_ARRAY:
        jw_arr(w);
        for (json_each(it, v))
            tx_again(t, w, key, it.val);
        jw_arr_end(w);
        break;
    case JSON_STRING:
        jw_str(w, json_str(v).n ? tx_renamed(t, key, json_str(v)) : json_str(v));
        break;
    default:
        jw_val(w, v);
    }
}

static int tx_patched(struct tx *t, const struct tx_entry *e, struct buf *out,
                      struct diag *d)
{
    struct json_doc *doc = NULL, *patch = NULL;
    int err = rest_json(t->c, e->current, &doc);
    if (!err && json_str_is(json_get(e->l.resource, "resourceType"), "Binary")) {
        err = rest_patch_binary(t->c, e->l.resource, &patch);
        if (!err)
            err = fhir_patch_json(json_root(doc), json_root(patch), out, d);
    } else if (!err)
        err = fhir_patch_path(json_root(doc), e->l.resource, out, d);
    json_free(patch);
    json_free(doc);
    return err;
}

static int tx_made(struct tx *t, struct tx_entry *e, struct json_doc **out,
                   struct diag *d)
{
    struct jw w;
    int err;
    buf_clear(&t->text);
    if (e->l.method == REST_PATCH)
        err = tx_patched(t, e, &t->text, d);
    else {
        jw_init(&w, &t->text);
        tx_again(t, &w, STR_NULL, e->l.resource);
        err = jw_done(&w);
    }
    if (!err)
        err = rest_json(t->c, buf_str(&t->text), out);
    if (!err)
        err = fhir_valid_check(t->c->r->c.valid, json_root(*out), 0, d);
    return err == AM_E_UNSUPPORTED ? AM_E_INVALID : err;
}

static int tx_put(struct tx *t, size_t i)
{
    struct tx_entry *e = &t->e[i];
    struct eds_ask ask = {.verb = e->l.method == REST_POST     ? EDS_CREATE
                                  : e->l.method == REST_DELETE ? EDS_DELETE
                                                               : EDS_UPDATE,
                          .type = e->type,
                          .id = str_c(e->id),
                          .fresh = e->l.method == REST_POST,
                          .if_match =
                              e->l.method == REST_PATCH ? e->found.ver : e->if_match,
                          .if_none = e->if_none && e->l.method == REST_PUT,
                          .conditional = e->where.c != NULL,
                          .settled = true,
                          .match = rest_where_match,
                          .match_arg = &e->where};
    struct json_doc *doc = NULL;
    struct diag own;
    int err = AM_OK;
    e->op = SIZE_MAX;
    if (!e->id[0] || (e->l.method == REST_POST && e->n_found))
        return AM_OK; /* nothing to delete; it is there already */
    if (ask.verb != EDS_CREATE) {
        err = rest_touch(t->c, e->type, ask.id);
        if (err)
            return err;
    }
    diag_init(&own);
    if (e->l.method != REST_DELETE)
        err = tx_made(t, e, &doc, &own);
    ask.body = json_root(doc);
    if (!err)
        err = eds_put(t->g, &ask, &own);
    if (!err)
        e->op = eds_group_n(t->g) - 1;
    diag_merge(&t->c->d, &own, tx_path(t, i, "/resource"));
    diag_release(&own);
    json_free(doc);
    return err;
}

/* ---- writing ---- */
static int tx_put_all(struct tx *t, size_t writes)
{
    int err = AM_OK;
    for (size_t k = 0; k < writes; k++) {
        int one = tx_put(t, t->order[k]);
        if (one && one != AM_E_INVALID)
            return one;
        err = err ? err : one; /* all that is not valid is told */
    }
    return err;
}

static int tx_failed(struct tx *t, int err)
{
    size_t op = eds_group_bad(t->g);
    for (size_t i = 0; i < t->n && op != SIZE_MAX; i++) {
        const struct tx_entry *e = &t->e[i];
        if (e->op != op)
            continue;
        if (err == AM_E_INVALID) {
            t->c->status = 400;
            return rest_bad(t->c, err, tx_path(t, i, ""), "eds.twice", str_c(e->target));
        }
        if (err == AM_E_PRECONDITION && e->l.method == REST_PATCH && !e->if_match)
            return AM_E_CONFLICT; /* patched on what is not current any more */
        if (err == AM_E_PRECONDITION)
            return rest_bad(t->c, err, tx_path(t, i, ""),
                            e->where.c    ? "rest.several"
                            : e->if_match ? "rest.version"
                                          : "rest.exists",
                            str_c(e->target));
    }
    return err;
}

static int tx_write(struct tx *t, size_t writes)
{
    int err = eds_view(t->c->r->c.eds, tx_resolve, t);
    if (err == AM_E_TOOBIG || err == AM_E_UNSUPPORTED)
        t->c->status = 400;
    if (!err)
        err = eds_group_new(&t->g, t->c->r->c.eds);
    if (!err)
        err = tx_put_all(t, writes);
    if (!err) {
        err = eds_write(t->g);
        if (err)
            err = tx_failed(t, err);
    }
    for (size_t i = 0; i < t->n && !err; i++)
        if (t->e[i].op != SIZE_MAX)
            t->e[i].done = *eds_done(t->g, t->e[i].op);
    eds_group_free(t->g);
    t->g = NULL;
    return err;
}

/* ---- the answer ---- */
static int tx_written(struct tx *t, struct tx_entry *e, struct rest_answer *a)
{
    struct rest_call *c = t->c;
    struct rest_call one = {.r = c->r, .q = c->q, .a = a};
    struct eds_meta m = e->found;
    struct str id = str_c(e->op == SIZE_MAX ? e->found.id : e->id);
    a->status = 200;
    if (!e->id[0] || (e->op != SIZE_MAX && e->done.did == EDS_NOTHING)) {
        a->status = 204;
        return AM_OK;
    }
    if (e->op != SIZE_MAX)
        m = (struct eds_meta){.ver = e->done.ver, .at = e->done.at};
    rest_tags(&one, &m);
    if (e->l.method == REST_DELETE) {
        a->status = 204;
        return AM_OK;
    }
    if (e->op != SIZE_MAX && e->done.did == EDS_CREATED)
        a->status = 201;
    rest_located(&one, e->type, id, m.ver);
    if (c->ret != REST_WHOLE)
        return AM_OK;
    return eds_read(c->r->c.eds, e->type, id, m.ver, &a->body, NULL);
}

static int tx_answer(struct tx *t, size_t i, struct jw *w)
{
    struct tx_entry *e = &t->e[i];
    struct rest_answer a;
    int err = AM_OK;
    rest_answer_init(&a);
    if (tx_writes(e)) {
        err = tx_written(t, e, &a);
        if (!err && e->id[0])
            err = rest_seen(t->c, e->type, e->id);
    } else {
        struct rest_request q;
        rest_line_request(t->c, &e->l, &q);
        rest_part(t->c->r, &q, NULL, &a);
    }
    if (!err)
        err = rest_line_answer(t->c, w, &a);
    rest_answer_release(&a);
    return err;
}

static int tx_answers(struct tx *t)
{
    struct jw w;
    int err = AM_OK;
    jw_init(&w, &t->c->out);
    rest_list_begin(t->c, &w, "transaction-response", -1);
    jw_key(&w, "entry");
    jw_arr(&w);
    for (size_t i = 0; i < t->n && !err; i++)
        err = tx_answer(t, i, &w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return err ? AM_E_UNSURE : jw_done(&w) ? AM_E_UNSURE : AM_OK;
}

static int tx_index(struct tx *t)
{
    int err = AM_OK;
    for (size_t i = 0; i < t->n && !err; i++) {
        struct str full = t->e[i].l.full;
        if (!full.n || !tx_writes(&t->e[i]))
            continue;
        if (map_has(&t->by_url, full))
            return rest_bad(t->c, AM_E_SYNTAX, tx_path(t, i, "/fullUrl"), "eds.twice",
                            full);
        err = map_set(&t->by_url, full, i);
    }
    for (size_t i = 0; i < t->n && !err; i++)
        if (tx_writes(&t->e[i]))
            err = tx_references(t, t->e[i].l.resource);
    return err;
}

static int tx_run(struct tx *t)
{
    size_t writes;
    int err = tx_read(t);
    if (!err)
        err = tx_index(t);
    writes = err ? 0 : tx_order(t);
    for (int i = 0; i < REST_TRIES && !err && writes; i++) {
        err = tx_write(t, writes);
        if (err != AM_E_CONFLICT || i + 1 == REST_TRIES)
            break;
        err = AM_OK;
    }
    t->c->wrote = !err && writes;
    return err ? err : tx_answers(t);
}

int rest_transaction(struct rest_call *c)
{
    struct tx t = {.c = c, .n = json_size(json_get(c->body, "entry"))};
    int err;
    map_init(&t.by_url);
    map_init(&t.by_query);
    buf_init(&t.text, 2 * EDS_BODY_MAX);
    t.e = am_calloc(t.n + 1, sizeof *t.e);
    t.order = am_calloc(t.n + 1, sizeof *t.order);
    err = t.e && t.order ? tx_run(&t) : AM_E_NOMEM;
    map_release(&t.by_url);
    map_release(&t.by_query);
    buf_release(&t.text);
    free(t.e);
    free(t.order);
    free(t.ref);
    return err;
}
