/* SPDX-License-Identifier: Apache-2.0 */
/* Subscription/[id]/$get-ws-binding-token, and the same of several: what a client shows
 * on a websocket, where it has no other way to say who it is (Subscriptions R5 Backport
 * 1.1). For who made the Subscriptions alone: what is told is told as to him. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "rest/rest_op.h"
#include "rest/rest_sub.h"

struct token_ask {
    struct rest_call *c;
    struct rest_sub_token *t;
};

static bool token_on(const struct rest *r)
{
    const struct rest_guard *g = &r->c.guard;
    return r->subs && (!g->see || (g->keep && g->again && g->his));
}

/* May he, is it by websocket, and does it run? */
static int token_one(struct token_ask *k, struct str id)
{
    struct rest_call *c = k->c;
    const struct rest_guard *g = &c->r->c.guard;
    struct json_doc *doc = NULL, *seal = NULL;
    struct str status;
    int err;
    c->id = id;
    err = rest_current(c, &doc);
    status = json_get_str(json_root(doc), "status");
    if (!err &&
        (!json_str_is(json_pointer(json_root(doc), STR("/channel/type")), "websocket") ||
         str_eqc(status, "off") || str_eqc(status, "error"))) {
        c->status = 422;
        err = rest_bad(c, AM_E_INVALID, "id", "rest.sub_socket", id);
    }
    if (!err)
        err = rest_sub_unseal(c->r, json_root(doc), &seal);
    if (err == AM_E_UNAUTHORIZED ||
        (!err && g->his &&
         !g->his(g->arg, json_get_str(json_root(seal), "who"), c->q->who)))
        err = rest_bad(c, AM_E_FORBIDDEN, "id", "rest.forbidden", id);
    if (!err)
        snprintf(k->t->id[k->t->n++], sizeof k->t->id[0], "%.*s", STR_FMT(id));
    json_free(seal);
    json_free(doc);
    return err;
}

/* At the level of the type: those that are named, each once. None: 400. */
static int token_those(struct token_ask *k)
{
    struct rest_call *c = k->c;
    int err = AM_OK;
    for (size_t i = 0; i < c->pairs && !err; i++) {
        struct str id = c->pair[i].value;
        bool had = false;
        if (!str_eqc(c->pair[i].name, "id"))
            continue;
        for (size_t n = 0; n < k->t->n; n++)
            had = had || str_eqc(id, k->t->id[n]);
        if (!had && (!id.n || id.n > EDS_ID_MAX || k->t->n == SUB_TOKEN_IDS)) {
            c->status = 400;
            err = rest_bad(c, AM_E_SYNTAX, "id", "rest.value", id);
        } else if (!had)
            err = token_one(k, id);
    }
    if (!err && !k->t->n) {
        c->status = 400;
        err = rest_bad(c, AM_E_SYNTAX, "id", "rest.value", STR_NULL);
    }
    return err;
}

static int token_keep(struct token_ask *k)
{
    const struct rest_guard *g = &k->c->r->c.guard;
    struct buf who;
    int err;
    buf_init(&who, REST_STAND);
    err = g->keep ? g->keep(g->arg, k->c->q->who, &who) : AM_OK;
    if (!err) {
        k->t->who = str_dup(buf_str(&who));
        err = k->t->who ? AM_OK : AM_E_NOMEM;
    }
    buf_release(&who);
    return err;
}

void rest_sub_address(const struct rest *r, char out[REST_PATH_MAX])
{
    struct str base = str_c(r->c.base);
    snprintf(out, REST_PATH_MAX, "ws%.*s/ws",
             STR_FMT(str_sub(base, strlen("http"), base.n))); /* https: wss */
}

static void token_param(struct jw *w, const char *name, const char *value, const char *s)
{
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_kstrz(w, value, s);
    jw_obj_end(w);
}

static int token_say(struct rest_call *c, const struct rest_sub_token *t,
                     const char *text, const char *until)
{
    char url[REST_PATH_MAX];
    struct jw w;
    rest_sub_address(c->r, url);
    jw_init(&w, &c->out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Parameters");
    jw_key(&w, "parameter");
    jw_arr(&w);
    token_param(&w, "token", "valueString", text);
    token_param(&w, "expiration", "valueDateTime", until);
    for (size_t i = 0; i < t->n; i++)
        token_param(&w, "subscription", "valueString", t->id[i]);
    token_param(&w, "websocket-url", "valueUrl", url);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int token_give(struct token_ask *k)
{
    struct rest_call *c = k->c;
    const unsigned s = c->r->c.sub.token_s;
    char text[SUB_TOKEN], until[TIME_TEXT];
    int err = token_keep(k);
    if (!err) { /* said before it is anybody's: the list may let it go at once */
        time_format(time_now() + (s ? s : SUB_TOKEN_S) * TIME_SECOND, until);
        struct rest_sub_token copy = *k->t;
        err = rest_sub_token_new(c->r->subs, k->t, text);
        if (!err) {
            k->t = NULL;
            err = token_say(c, &copy, text, until);
        }
    }
    crypto_wipe(text, sizeof text);
    return err == AM_E_TOOMANY ? rest_bad(c, err, "", "rest.sub_many", STR_NULL) : err;
}

int rest_h_sub_token(struct rest_call *c)
{
    struct token_ask k = {.c = c};
    int err = rest_op_params(c);
    if (!err)
        err = rest_only(c, "id");
    if (!err && !token_on(c->r))
        err = rest_bad(c, AM_E_NOTFOUND, "", "rest.sub_off", STR_NULL);
    k.t = am_calloc(1, sizeof *k.t);
    if (!err && !k.t)
        err = AM_E_NOMEM;
    if (!err) /* the IG: at an instance `id` is ignored */
        err = c->id.n ? token_one(&k, c->id) : token_those(&k);
    if (!err)
        err = token_give(&k);
    if (k.t)
        free(k.t->who);
    free(k.t);
    return err;
}
