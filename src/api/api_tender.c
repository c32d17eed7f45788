/* SPDX-License-Identifier: Apache-2.0 */
/* Tender checks: anybody asks, everybody gets the same bytes for the same log. */
#include "api/api_priv.h"

/* The members of the question, without what only says where to look. */
static int api_tender_query(const struct json *body, struct json_doc **out)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    if (json_type(body) == JSON_OBJECT) {
        jw_obj(&w);
        for (json_each(it, body))
            if (!str_eqc(it.key, "tree_size")) {
                jw_keyn(&w, it.key);
                jw_val(&w, it.val);
            }
        jw_obj_end(&w);
    } else {
        jw_null(&w);
    }
    err = jw_done(&w);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

static void api_tender_message(struct api_call *c, const struct json *reason)
{
    struct text_arg arg[4];
    struct buf b;
    char id[96];
    size_t n = 0;
    enum text_lang lang = api_lang(c->req);
    snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(reason, "code")));
    buf_init(&b, 4096);
    for (json_each(it, json_get(reason, "args")))
        if (n < AM_LEN(arg)) {
            char *key = arena_dup(c->req->arena, it.key);
            arg[n++] = (struct text_arg){key ? key : "", json_str(it.val)};
        }
    jw_obj(&c->w);
    jw_kval(&c->w, "code", json_get(reason, "code"));
    jw_kval(&c->w, "args", json_get(reason, "args"));
    if (text_has(lang, id) && text_fmt(&b, lang, id, arg, n) == AM_OK)
        jw_kstr(&c->w, "message", buf_str(&b));
    jw_obj_end(&c->w);
    buf_release(&b);
}

/* The answer again, each reason with its sentence. */
static int api_tender_products(struct api_call *c, struct str answer)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, answer, NULL, NULL);
    if (err)
        return err;
    jw_key(&c->w, "products");
    jw_arr(&c->w);
    for (json_each(it, json_get(json_root(doc), "products"))) {
        jw_obj(&c->w);
        for (json_each(m, it.val)) {
            jw_keyn(&c->w, m.key);
            if (!str_eqc(m.key, "reasons")) {
                jw_val(&c->w, m.val);
                continue;
            }
            jw_arr(&c->w);
            for (json_each(r, m.val))
                api_tender_message(c, r.val);
            jw_arr_end(&c->w);
        }
        jw_obj_end(&c->w);
    }
    jw_arr_end(&c->w);
    json_free(doc);
    return AM_OK;
}

int api_h_tender(struct api_call *c)
{
    const struct json *body = NULL;
    struct json_doc *query = NULL;
    struct registry_reader who = api_reader(c);
    struct registry_tender t;
    int64_t size = 0;
    int err = api_body(c, &body);
    registry_tender_init(&t);
    if (!err && json_get(body, "tree_size")) {
        size = json_int(json_get(body, "tree_size"), 0);
        if (size < 1) {
            diag_err(&c->d, "/tree_size", "tender.tree_size", "a size of the log");
            err = AM_E_INVALID;
        }
    }
    if (!err)
        err = api_tender_query(body, &query);
    if (!err)
        err =
            registry_tender(c->api->r, &who, json_root(query), (uint64_t)size, &t, &c->d);
    api_past_refused(c, err);
    if (!err) {
        jw_obj(&c->w);
        jw_kint(&c->w, "tree_size", (int64_t)t.tree_size);
        err = api_tender_products(c, buf_str(&t.answer));
        jw_key(&c->w, "certificate");
        jw_raw(&c->w, buf_str(&t.certificate));
        jw_obj_end(&c->w);
    }
    registry_tender_release(&t);
    json_free(query);
    return err ? err : api_done(c, 200);
}
