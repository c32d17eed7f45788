/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles of requests: how an entry says its request, and a batch, whose entries are
 * requests of their own. Transactions: rest_transaction.c. */
#include "rest/rest_priv.h"

static enum rest_method line_method(struct str s)
{
    static const struct {
        const char *name;
        enum rest_method m;
    } known[] = {{"GET", REST_GET}, {"HEAD", REST_GET},    {"POST", REST_POST},
                 {"PUT", REST_PUT}, {"PATCH", REST_PATCH}, {"DELETE", REST_DELETE}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(s, known[i].name))
            return known[i].m;
    return REST_OTHER;
}

static int line_bad(struct rest_call *c, size_t i, const char *where, const char *code,
                    struct str what)
{
    return rest_bad(c, AM_E_SYNTAX, arena_printf(&c->arena, "/entry/%zu%s", i, where),
                    code, what);
}

int rest_line(struct rest_call *c, const struct json *entry, size_t i,
              struct rest_line *out)
{
    const struct json *r = json_get(entry, "request");
    struct str base = str_c(c->r->c.base);
    *out = (struct rest_line){.method = line_method(json_get_str(r, "method")),
                              .url = json_get_str(r, "url"),
                              .full = json_get_str(entry, "fullUrl"),
                              .none_exist = json_get_str(r, "ifNoneExist"),
                              .if_match = json_get_str(r, "ifMatch"),
                              .if_none_match = json_get_str(r, "ifNoneMatch"),
                              .modified_since = json_get_str(r, "ifModifiedSince"),
                              .resource = json_get(entry, "resource")};
    if (json_type(r) != JSON_OBJECT)
        return line_bad(c, i, "/request", "rest.entry", STR_NULL);
    if (out->method == REST_OTHER)
        return line_bad(c, i, "/request/method", "rest.entry", json_get_str(r, "method"));
    if (str_starts(out->url, base))
        out->url = str_sub(out->url, base.n, out->url.n);
    if (str_starts(out->url, STR("/")))
        out->url = str_sub(out->url, 1, out->url.n);
    out->path = str_cut(out->url, '?', &out->query);
    if (!out->path.n)
        return line_bad(c, i, "/request/url", "rest.entry", out->url);
    return AM_OK;
}

void rest_line_request(const struct rest_call *c, const struct rest_line *l,
                       struct rest_request *q)
{
    *q = (struct rest_request){
        .method = l->method, .path = l->path, .query = l->query, .who = c->q->who};
    q->header[REST_H_LANGUAGE] = c->q->header[REST_H_LANGUAGE];
    q->header[REST_H_IF_MATCH] = l->if_match;
    q->header[REST_H_IF_NONE_MATCH] = l->if_none_match;
    q->header[REST_H_IF_MODIFIED_SINCE] = l->modified_since;
    q->header[REST_H_IF_NONE_EXIST] = l->none_exist;
    q->header[REST_H_PREFER] = c->q->header[REST_H_PREFER];
    if (c->ret == REST_RETURN_DEFAULT)
        q->header[REST_H_PREFER] =
            c->lenient ? STR("return=minimal,handling=lenient") : STR("return=minimal");
}

int rest_line_answer(struct rest_call *c, struct jw *w, const struct rest_answer *a)
{
    bool outcome = a->status >= 400 || c->ret == REST_OUTCOME;
    char at[TIME_TEXT];
    jw_obj(w);
    if (a->body.n && !outcome) {
        jw_key(w, "resource");
        jw_raw(w, buf_str(&a->body));
    }
    jw_key(w, "response");
    jw_obj(w);
    jw_key(w, "status");
    jw_strf(w, "%d", a->status);
    if (a->location[0])
        jw_kstrz(w, "location", a->location);
    if (a->etag[0])
        jw_kstrz(w, "etag", a->etag);
    if (a->at)
        jw_kstrz(w, "lastModified", time_format(a->at, at));
    if (a->body.n && outcome) {
        jw_key(w, "outcome");
        jw_raw(w, buf_str(&a->body));
    }
    jw_obj_end(w);
    jw_obj_end(w);
    return w->err;
}

/* One that cannot be read fails alone, as one that is refused does. */
static int batch_entry(struct rest_call *c, const struct json *entry, size_t i,
                       struct jw *w)
{
    struct rest_call bad = {.r = c->r, .q = c->q, .lang = c->lang};
    struct rest_line line;
    struct rest_request q;
    struct rest_answer a;
    int err;
    rest_answer_init(&a);
    arena_init(&bad.arena, REST_ARENA);
    diag_init(&bad.d);
    buf_init(&bad.out, c->r->c.told_max);
    err = rest_line(&bad, entry, i, &line);
    if (!err) {
        rest_line_request(c, &line, &q);
        rest_part(c->r, &q, line.resource, &a);
    } else if (err == AM_E_SYNTAX) {
        a.status = 400;
        err = rest_outcome(&bad, err);
        if (!err)
            err = buf_add(&a.body, buf_str(&bad.out));
    }
    if (!err)
        err = rest_line_answer(c, w, &a);
    rest_answer_release(&a);
    buf_release(&bad.out);
    diag_release(&bad.d);
    arena_release(&bad.arena);
    return err;
}

void rest_entries_begin(struct jw *w, size_t n)
{
    if (!n) /* FHIR's JSON has no empty arrays */
        return;
    jw_key(w, "entry");
    jw_arr(w);
}

int rest_entries_end(struct jw *w, size_t n)
{
    if (n)
        jw_arr_end(w);
    jw_obj_end(w);
    return jw_done(w);
}

int rest_batch(struct rest_call *c)
{
    const struct json *entries = json_get(c->body, "entry");
    struct jw w;
    int err = AM_OK;
    jw_init(&w, &c->out);
    rest_list_begin(c, &w, "batch-response", -1);
    rest_entries_begin(&w, json_size(entries));
    for (json_each(it, entries)) {
        err = batch_entry(c, it.val, it.i, &w);
        if (err)
            return err;
    }
    return rest_entries_end(&w, json_size(entries));
}

int rest_h_bundle(struct rest_call *c)
{
    struct str type;
    int err = rest_only(c, "");
    if (!err)
        err = rest_body(c, STR("Bundle"));
    if (err)
        return err;
    type = json_get_str(c->body, "type");
    if (!str_eqc(type, "batch") && !str_eqc(type, "transaction"))
        return rest_bad(c, AM_E_SYNTAX, "/type", "rest.bundle", type);
    if (json_size(json_get(c->body, "entry")) > c->r->c.entries)
        return rest_bad(c, AM_E_TOOBIG, "/entry", "rest.toobig", STR_NULL);
    return str_eqc(type, "batch") ? rest_batch(c) : rest_transaction(c);
}
