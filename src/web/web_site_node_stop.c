/* SPDX-License-Identifier: Apache-2.0 */
/* The stop button of the node: asked once, says exactly what stops and for whom, then
 * stops. */
#include "base/clock.h"
#include "web/web_site_node_priv.h"

enum { CHOICES = 64 };

struct choice {
    char value[LEDGER_ID_MAX + 16]; /* "service:CARDIO" or "establishment" */
    struct str service;             /* STR_NULL: the establishment */
    int64_t pending;
};

struct stop_page {
    struct web_visit *v;
    const struct json *item; /* of node_deployments() */
    struct choice choice[CHOICES];
    size_t n;
};

/* The scopes this person may order: own services, the establishment. */
static void choices(struct stop_page *k)
{
    const struct auth_account *who = &k->v->who;
    const struct node *node = k->v->site->node;
    for (json_each(it, json_get(json_get(k->item, "deployment"), "service"))) {
        struct str s = json_str(it.val);
        if (!node_may(node, who, AUTH_STOP_SERVICE, s) || k->n + 1 >= CHOICES)
            continue;
        struct choice *c = &k->choice[k->n++];
        c->service = s;
        snprintf(c->value, sizeof c->value, "service:%.*s", STR_FMT(s));
    }
    if (node_may(node, who, AUTH_STOP_ESTABLISHMENT, STR_NULL))
        snprintf(k->choice[k->n++].value, sizeof k->choice->value, "establishment");
}

static int count(void *arg, const struct json *x)
{
    struct stop_page *k = arg;
    const struct json *p = json_get(x, "prediction");
    if (!str_eq(json_get_str(p, "model_digest"),
                json_get_str(json_get(k->item, "deployment"), "model_digest")))
        return AM_OK;
    for (size_t i = 0; i < k->n; i++)
        if (!k->choice[i].service.p ||
            str_eq(k->choice[i].service, json_get_str(p, "service")))
            k->choice[i].pending++;
    return AM_OK;
}

static int find_item(struct web_visit *v, struct json_doc **list,
                     const struct json **item)
{
    int err = web_node_deployments(v, list);
    for (json_each(it, json_get(json_root(*list), "items")))
        if (str_eq(json_get_str(it.val, "id"), v->arg))
            *item = it.val;
    if (!err && !*item)
        err = AM_E_NOTFOUND;
    if (!err && !web_node_may_stop(v))
        err = AM_E_FORBIDDEN;
    return err;
}

static void write_choices(struct stop_page *k)
{
    struct web_visit *v = k->v;
    struct jw *w = &v->w;
    const struct json *p = json_get(k->item, "deployment");
    jw_key(w, "choices");
    jw_arr(w);
    for (size_t i = 0; i < k->n; i++) {
        const struct choice *c = &k->choice[i];
        jw_obj(w);
        jw_kstrz(w, "value", c->value);
        jw_kstrz(w, "scope", c->service.p ? "service" : "establishment");
        jw_kstr(w, "where",
                c->service.p ? c->service
                             : web_text_or(json_get_str(p, "establishment")));
        jw_kint(w, "pending", c->pending);
        jw_kbool(w, "only", k->n == 1);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kbool(w, "has_choices", k->n > 0);
}

static int done_context(struct web_visit *v)
{
    struct str order = http_query(v->req, "order"), at = http_query(v->req, "at");
    uint8_t digest[32];
    int64_t n = 0, effect = 0;
    if (crypto_unhex(order, digest, sizeof digest))
        return AM_E_SYNTAX;
    if (str_int(http_query(v->req, "withdrawn"), 0, 1000000, &n))
        n = 0;
    jw_kbool(&v->w, "done", true);
    jw_kstr(&v->w, "order", order);
    jw_kint(&v->w, "withdrawn", n);
    if (str_int(at, 0, INT64_MAX, &effect) == AM_OK)
        jw_kint(&v->w, "effect_at", effect);
    return AM_OK;
}

static int show(struct web_visit *v, int status)
{
    struct json_doc *list = NULL, *facts = NULL, *policy = NULL;
    struct stop_page *k = am_calloc(1, sizeof *k);
    struct buf name;
    if (!k)
        return AM_E_NOMEM;
    buf_init(&name, 4096);
    k->v = v;
    int err = find_item(v, &list, &k->item);
    const struct json *p = json_get(k->item, "deployment");
    if (!err)
        err = web_node_models(v, &facts);
    if (!err)
        err = web_node_model_name(v, json_root(facts), json_get_str(p, "model_digest"),
                                  &name);
    if (!err && web_blob(v, json_get_str(json_root(facts), "policy"), &policy))
        policy = NULL; /* no list of motives: one may stop without */
    if (!err) {
        choices(k);
        err = web_node_pending(v, count, k);
    }
    if (!err) {
        web_open(v);
        web_node_notice(v);
        jw_kval(&v->w, "id", json_get(k->item, "id"));
        jw_kstr(&v->w, "name", buf_str(&name));
        jw_kval(&v->w, "establishment", json_get(p, "establishment"));
        jw_kval(&v->w, "services", json_get(p, "service"));
        jw_kval(&v->w, "effective", json_get(k->item, "effective"));
        jw_kbool(&v->w, "stopped", json_bool(json_get(k->item, "stopped"), false));
        write_choices(k);
        web_options(&v->w, "motives", v->l, json_root(policy), "motives",
                    http_form(v->req, "motive"));
        web_problems(&v->w, "problems", v->l, &v->d);
        jw_kbool(&v->w, "has_problems", v->d.n > 0);
        jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
        if (status == 200 && http_query(v->req, "order").p)
            err = done_context(v);
    }
    char url[160];
    snprintf(url, sizeof url, "/deployments/%.*s/stop", (int)AM_MIN(v->arg.n, 100),
             v->arg.p);
    if (!err)
        err = web_send(v, status, "node_stop",
                       (struct web_page){.title_id = "stop.title",
                                         .nav = "nav.models",
                                         .url = status == 200 ? STR_NULL : str_c(url)});
    json_free(policy);
    json_free(facts);
    json_free(list);
    buf_release(&name);
    free(k);
    return err;
}

int web_page_stop(struct web_visit *v)
{
    return show(v, 200);
}

/* ---- pressing it
 * -------------------------------------------------------------------- */
/* A motive is a code of the policy, or none: whatever else comes is dropped, for nothing
 * may delay a stop. */
static struct str motive_listed(struct web_visit *v, struct str motive)
{
    struct json_doc *facts = NULL, *policy = NULL;
    bool listed = false;
    int err = web_facts(v, NULL, NULL, &facts);
    if (!err)
        err = web_blob(v, json_get_str(json_root(facts), "policy"), &policy);
    for (json_each(it, json_get(json_get(json_root(policy), "codes"), "motives")))
        listed = listed || str_eq(json_get_str(it.val, "code"), motive);
    json_free(policy);
    json_free(facts);
    return !err && listed ? motive : STR_NULL;
}

static int request(struct web_visit *v, struct buf *out)
{
    struct str service, motive = motive_listed(v, http_form(v->req, "motive")),
                        scope = str_cut(http_form(v->req, "scope"), ':', &service);
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstr(&w, "scope", web_text_or(scope));
    jw_kstr(&w, "deployment", web_text_or(v->arg));
    if (service.n)
        jw_kstr(&w, "service", web_text_or(service));
    if (motive.n)
        jw_kstr(&w, "motive_code", web_text_or(motive));
    jw_obj_end(&w);
    return jw_done(&w);
}

static int stopped(struct web_visit *v, struct str reply)
{
    struct json_doc *doc = NULL;
    struct buf where;
    int64_t at = v->now;
    int err = json_parse(&doc, reply, NULL, NULL);
    buf_init(&where, WEB_URL_MAX);
    const struct json *r = json_root(doc);
    if (!err && time_parse(json_get_str(r, "effect_at"), &at))
        at = v->now;
    if (!err)
        err = buf_addf(&where, "/deployments/%.*s/stop?order=%.*s&withdrawn=%lld&at=%lld",
                       STR_FMT(v->arg), STR_FMT(json_get_str(r, "order")),
                       (long long)json_int(json_get(r, "withdrawn"), 0), (long long)at);
    if (!err)
        err = web_redirect(v, where.p);
    buf_release(&where);
    json_free(doc);
    return err;
}

int web_page_stop_post(struct web_visit *v)
{
    struct json_doc *doc = NULL, *list = NULL;
    const struct json *item = NULL;
    struct buf body, reply;
    buf_init(&body, 8192);
    buf_init(&reply, 65536);
    int err = web_check_csrf(v);
    if (!err)
        err = find_item(v, &list, &item);
    if (!err)
        err = request(v, &body);
    if (!err)
        err = json_parse(&doc, buf_str(&body), NULL, NULL);
    if (!err)
        err = node_stop(v->site->node, &v->who, json_root(doc), &reply, &v->d);
    if (!err)
        err = stopped(v, buf_str(&reply));
    else if (err == AM_E_INVALID)
        err = show(v, am_err_http(AM_E_INVALID));
    json_free(doc);
    json_free(list);
    buf_release(&reply);
    buf_release(&body);
    return err;
}
