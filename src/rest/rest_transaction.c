/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction: all of its entries or none. Everything it names is resolved first, in
 * one view: conditions, conditional references, ids; then the bodies are written again
 * with these, looked at, and put into one group in the order DELETE, POST, PUT and PATCH;
 * GETs come last, on what is there then. Where the writer finds that a condition means
 * something else by now, all is done anew. */
#include "fhir/patch.h"
#include "rest/rest_tx_priv.h"

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

/* ---- bodies, with what they refer to ---- */
struct tx_texts {
    const struct tx *t;
    struct eds_links links;
};

static const char *tx_entry_at(void *arg, struct str url)
{
    const struct tx *t = arg;
    size_t i;
    return map_get(&t->by_url, url, &i) ? NULL : t->e[i].target;
}

static struct str tx_renamed(void *arg, struct str key, struct str s)
{
    struct tx_texts *x = arg;
    size_t i;
    if (str_eqc(key, "reference") && !map_get(&x->t->by_query, s, &i))
        return str_c(x->t->ref[i].target);
    return eds_linked(&x->links, key, s);
}

static int tx_rewritten(struct tx *t, const struct tx_entry *e, struct json_doc **out)
{
    struct tx_texts x = {t, {tx_entry_at, t, &t->c->arena, e->l.full, false}};
    struct jw w;
    int err;
    jw_init(&w, &t->text);
    jw_val_texts(&w, e->l.resource, tx_renamed, &x);
    err = x.links.failed ? AM_E_NOMEM : jw_done(&w);
    return err ? err : rest_json(t->c, buf_str(&t->text), out);
}

static int tx_patched(struct tx *t, const struct tx_entry *e, struct json_doc **out,
                      struct diag *d)
{
    struct json_doc *doc = NULL, *patch = NULL;
    int err = rest_json(t->c, e->current, &doc);
    if (!err && json_str_is(json_get(e->l.resource, "resourceType"), "Binary")) {
        err = rest_patch_binary(t->c, e->l.resource, &patch);
        if (!err)
            err = fhir_patch_json(json_root(doc), json_root(patch), &t->text, d);
    } else if (!err)
        err = fhir_patch_path(json_root(doc), e->l.resource, &t->text, d);
    if (!err)
        err = rest_json(t->c, buf_str(&t->text), out);
    if (!err)
        err = rest_patch_narrative(t->c, json_root(doc), out, d);
    json_free(patch);
    json_free(doc);
    return err;
}

/* What it says of us by our address, as "Type/id". */
static int tx_local(struct tx *t, struct json_doc **doc)
{
    struct json_doc *local = NULL;
    int err = rest_local(t->c, json_root(*doc), &local);
    if (!local)
        return err;
    json_free(*doc);
    *doc = local;
    return err;
}

static int tx_made(struct tx *t, struct tx_entry *e, struct json_doc **out,
                   struct diag *d)
{
    int err;
    buf_clear(&t->text);
    err = e->l.method == REST_PATCH ? tx_patched(t, e, out, d) : tx_rewritten(t, e, out);
    if (!err)
        err = tx_local(t, out);
    if (!err)
        err = rest_judge(t->c, json_root(*out), STR_NULL, 0, d);
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
        err = rest_touch(t->c, &ask);
        /* What is patched was read before that: another version may be another's. */
        if (!err && e->l.method == REST_PATCH && ask.judged &&
            ask.judged != e->found.ver + 1)
            err = AM_E_CONFLICT;
        if (err)
            return err;
    }
    diag_init(&own);
    if (e->l.method != REST_DELETE)
        err = tx_made(t, e, &doc, &own);
    ask.body = json_root(doc);
    if (!err)
        err = rest_fits(t->c, &ask, t->c->body, e->l.full, &own);
    if (!err)
        err = eds_put(t->g, &ask, &own);
    if (!err)
        e->op = eds_group_n(t->g) - 1;
    diag_merge(&t->c->d, &own, rest_tx_path(t, i, "/resource"));
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
            return rest_bad(t->c, err, rest_tx_path(t, i, ""), "eds.twice",
                            str_c(e->target));
        }
        /* Patched on what is not current any more. */
        if (err == AM_E_PRECONDITION && !e->if_match && e->l.method == REST_PATCH)
            return AM_E_CONFLICT;
        if (err == AM_E_PRECONDITION)
            return rest_bad(t->c, err, rest_tx_path(t, i, ""),
                            e->where.c    ? "rest.several"
                            : e->if_match ? "rest.version"
                                          : "rest.exists",
                            str_c(e->target));
    }
    return err;
}

static int tx_write(struct tx *t, size_t writes)
{
    int err = eds_view(t->c->r->c.eds, rest_tx_resolve, t);
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
    rest_entries_begin(&w, t->n);
    for (size_t i = 0; i < t->n && !err; i++)
        err = tx_answer(t, i, &w);
    return err || rest_entries_end(&w, t->n) ? AM_E_UNSURE : AM_OK;
}

/* ---- what is read ---- */
/* Is the resource that the i-th entry reads (alone: it and nothing about it) written
 * here? Then not as it stands now. */
static const struct tx_entry *tx_written_here(const struct tx *t, size_t i, bool *alone)
{
    const struct rest_line *l = &t->e[i].l;
    struct str more, id, type = str_cut(l->path, '/', &id);
    id = str_cut(id, '/', &more);
    *alone = !more.n;
    for (size_t k = 0; k < t->n && id.n; k++) {
        const struct tx_entry *e = &t->e[k];
        struct str own = e->by_query ? json_get_str(e->l.resource, "id") : str_c(e->id);
        if (tx_writes(e) && str_eq(e->type, type) && str_eq(id, own))
            return e;
    }
    return NULL;
}

/* A GET that fails fails the transaction (R4 http.html#transaction: all or nothing): each
 * is tried before anything is written. What another request changes between this and the
 * answer is told in its entry. */
static int tx_try_gets(struct tx *t)
{
    int err = AM_OK;
    for (size_t i = 0; i < t->n && !err; i++) {
        const struct tx_entry *e = &t->e[i], *here;
        struct rest_request q;
        struct rest_answer a;
        bool alone;
        if (tx_writes(e))
            continue;
        here = tx_written_here(t, i, &alone);
        if (here && (here->l.method != REST_DELETE || !alone))
            continue;
        rest_answer_init(&a);
        rest_line_request(t->c, &e->l, &q);
        rest_part(t->c->r, &q, NULL, &a);
        if (here || a.status >= 400) {
            t->c->status = here ? 410 : a.status;
            err = rest_bad(t->c, a.status >= 500 ? AM_E_UNAVAILABLE : AM_E_NOTFOUND,
                           rest_tx_path(t, i, "/request/url"), "rest.get", e->l.url);
        }
        rest_answer_release(&a);
    }
    return err;
}

static int tx_run(struct tx *t)
{
    size_t writes;
    int err = rest_tx_read(t);
    if (!err)
        err = rest_tx_index(t);
    if (!err)
        err = tx_try_gets(t);
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
