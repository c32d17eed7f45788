/* SPDX-License-Identifier: Apache-2.0 */
/* Every stop order, and one of them: who obeyed and when, who is late or silent; what a
 * lift would give back and who must sign it; a motive that is missing. Texts are proposed
 * here and signed at /sign/{sha256}. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

enum { REASON_MAX = 4000 };

struct stops_page {
    uint8_t order[32];
    struct web_heard *heard;
    struct json_doc *facts, *policy;
};

int web_heard_new(const struct web_visit *v, struct web_heard **out)
{
    struct web_heard *h = am_calloc(1, sizeof *h);
    if (!h)
        return AM_E_NOMEM;
    h->n = registry_witnesses(v->site->registry, h->witness, WEB_HEARD_MAX);
    for (size_t i = 0; i < h->n; i++)
        h->seen[i] = (struct ledger_seen){h->witness[i].name, h->witness[i].at};
    *out = h;
    return AM_OK;
}

static void stops_release(struct stops_page *g)
{
    json_free(g->policy);
    json_free(g->facts);
    free(g->heard);
}

static void model_facts(const struct ledger *l, const struct ledger_stop *s, struct jw *w)
{
    const struct ledger_version *x = ledger_version_find(l, s->model_digest);
    jw_kstrz(w, "algorithm", x ? x->algorithm_id : "");
    jw_kstrz(w, "label", x ? x->version_label : "");
    jw_kbool(w, "by_decision",
             x && s->scope == LEDGER_STOP_NATIONAL && x->state == LEDGER_V_SUSPENDED);
}

static void order_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    crypto_hex(ledger_stop_at(x->l, place)->order, 32, out);
}

static int list_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                      struct jw *w, void *arg)
{
    const struct stops_page *g = arg;
    struct web_list x = {.l = l, .n = ledger_stops(l), .key = order_key};
    (void)cosigned;
    web_list_find(v, &x);
    web_list_facts(&x, w);
    jw_key(w, "orders");
    jw_arr(w);
    for (size_t i = 0; i < x.shown; i++) {
        const struct ledger_stop *s = ledger_stop_at(l, x.place[i]);
        jw_obj(w);
        model_facts(l, s, w);
        jw_key(w, "stop");
        ledger_stop_view_json(l, s, v->now, g->heard->seen, g->heard->n, w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

/* ---- in words ---------------------------------------------------------------------- */
static void put_order(struct web_visit *v, const struct stops_page *g,
                      const struct json *f)
{
    struct jw *w = &v->w;
    const struct json *s = json_get(f, "stop");
    bool lifted = json_is_int(json_get(s, "lifted"));
    struct str motive = json_get_str(s, "motive_code"),
               digest = json_get_str(s, "model_digest");
    int64_t late = 0, silent = 0;
    for (json_each(it, json_get(s, "nodes"))) {
        late += json_bool(json_get(it.val, "late"), false);
        silent += json_bool(json_get(it.val, "silent"), false);
    }
    jw_kval(w, "order", json_get(s, "order"));
    jw_kstr(w, "short", str_sub(json_get_str(s, "order"), 0, 8));
    jw_kstr(w, "digest", digest);
    web_kname(v, "name", digest);
    jw_kval(w, "algorithm", json_get(f, "algorithm"));
    jw_kval(w, "label", json_get(f, "label"));
    jw_kstrz(w, "state", lifted ? "none" : "in_force");
    jw_kval(w, "scope", json_get(s, "scope"));
    jw_kval(w, "gst", json_get(s, "gst"));
    jw_kval(w, "establishment", json_get(s, "establishment"));
    jw_kval(w, "service", json_get(s, "service"));
    jw_kval(w, "use", json_get(s, "use_code"));
    jw_kval(w, "role", json_get(s, "by_role"));
    jw_kval(w, "org", json_get(s, "by_org"));
    jw_kval(w, "index", json_get(s, "index"));
    web_ktime(w, "at", json_get_str(s, "effect_at"));
    jw_kstr(w, "motive",
            motive.n ? web_code(v->l, json_root(g->policy), "motives", motive) : STR(""));
    jw_kbool(w, "motive_late", json_bool(json_get(s, "motive_late"), false));
    web_ktime(w, "motive_due", json_get_str(s, "motive_due_at"));
    jw_kint(w, "acked_n", (int64_t)json_size(json_get(s, "ack")));
    if (late)
        jw_kint(w, "late_n", late);
    if (silent)
        jw_kint(w, "silent_n", silent);
    jw_kbool(w, "in_force", !lifted);
    if (lifted)
        jw_kval(w, "lifted", json_get(s, "lifted"));
}

int web_page_stops(struct web_visit *v)
{
    struct stops_page g = {0};
    int err = web_heard_new(v, &g.heard);
    if (!err)
        err = web_facts(v, list_facts, &g, &g.facts);
    const struct json *f = json_root(g.facts), *all = json_get(f, "orders");
    if (!err)
        err = web_blob(v, json_get_str(f, "policy"), &g.policy);
    if (!err) {
        web_open(v);
        jw_key(&v->w, "orders");
        jw_arr(&v->w);
        for (json_each(it, all)) {
            jw_obj(&v->w);
            put_order(v, &g, it.val);
            jw_obj_end(&v->w);
        }
        jw_arr_end(&v->w);
        web_list_pager(v, f, "orders");
        err = web_send(v, 200, "stops",
                       (struct web_page){.title_id = "nav.stops", .nav = "nav.stops"});
    }
    stops_release(&g);
    return err;
}

/* ---- one order --------------------------------------------------------------------- */
/* The record of a lift or a motive, as the one who is signed in would propose it. */
static int event_record(struct web_visit *v, const char *type, const char *member,
                        struct str value, struct buf *out)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "type", type);
    jw_kstrz(&w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", ledger_role_name(v->signed_in ? v->who.role : LEDGER_MSPS));
    jw_kstrz(&w, "org_id", v->signed_in && v->who.org_id[0] ? v->who.org_id : "-");
    jw_obj_end(&w);
    jw_kstr(&w, "order", v->arg);
    jw_kstr(&w, member, value);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Who would have to sign the lift, and who may not and why: the judgement of the fold. */
static int lift_facts(struct web_visit *v, const struct ledger *l, struct jw *w)
{
    struct json_doc *doc = NULL;
    struct buf record, payload;
    buf_init(&record, 8192);
    buf_init(&payload, 1 << 16);
    int err = event_record(v, "stop_lift", "reason", STR("-"), &record);
    if (!err)
        err = json_parse(&doc, buf_str(&record), NULL, NULL);
    if (!err)
        err = ledger_statement(LEDGER_EVENT, json_root(doc), ledger_type_base(l),
                               &payload, NULL);
    jw_key(w, "lift");
    jw_obj(w);
    if (!err)
        err = ledger_signing_json(l, buf_str(&payload), w, NULL);
    jw_obj_end(w);
    json_free(doc);
    buf_release(&payload);
    buf_release(&record);
    return err;
}

static void given_back(struct web_visit *v, const struct ledger *l,
                       const struct ledger_stop *s, struct jw *w)
{
    jw_key(w, "deployments");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, LEDGER_DEPLOYMENTS_OF_MODEL,
                                      ledger_model_name(s->model_digest));
         i != SIZE_MAX; i = ledger_list_next(l, LEDGER_DEPLOYMENTS_OF_MODEL, i)) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        if (!ledger_stop_hits(s, p))
            continue;
        jw_obj(w);
        jw_kstrz(w, "establishment", p->establishment);
        jw_kstrz(w, "gst", p->gst);
        jw_kstrz(w, "now", ledger_p_name(ledger_effective(l, p, v->now)));
        jw_kstrz(w, "after", ledger_p_name(ledger_after_lift(l, s, p, v->now)));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int order_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                       struct jw *w, void *arg)
{
    const struct stops_page *g = arg;
    const struct ledger_stop *s = ledger_stop_find(l, g->order);
    (void)cosigned;
    if (!s)
        return AM_E_NOTFOUND;
    model_facts(l, s, w);
    jw_key(w, "stop");
    ledger_stop_view_json(l, s, v->now, g->heard->seen, g->heard->n, w);
    given_back(v, l, s, w);
    return s->lifted ? AM_OK : lift_facts(v, l, w);
}

static void put_nodes(struct web_visit *v, const struct json *nodes)
{
    struct jw *w = &v->w;
    jw_key(w, "nodes");
    jw_arr(w);
    for (json_each(it, nodes)) {
        jw_obj(w);
        jw_kval(w, "node", json_get(it.val, "node"));
        jw_kbool(w, "obeyed", json_str_is(json_get(it.val, "state"), "acknowledged"));
        jw_kbool(w, "late", json_bool(json_get(it.val, "late"), false));
        jw_kbool(w, "silent", json_bool(json_get(it.val, "silent"), false));
        jw_kint(w, "delay", json_int(json_get(it.val, "delay_s"), 0));
        if (json_is_int(json_get(it.val, "index")))
            jw_kval(w, "index", json_get(it.val, "index"));
        web_ktime(w, "at", json_get_str(it.val, "effect_at"));
        web_ktime(w, "seen", json_get_str(it.val, "seen_at"));
        web_ktime(w, "lease_end", json_get_str(it.val, "lease_end_at"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kbool(w, "no_nodes", json_size(nodes) == 0);
}

/* Keys that might sign the lift, with what stands against the others. */
static void put_keys(struct web_visit *v, const struct json *lift)
{
    jw_key(&v->w, "keys");
    jw_arr(&v->w);
    for (json_each(k, json_get(lift, "keys"))) {
        struct str code = json_get_str(k.val, "code");
        jw_obj(&v->w);
        jw_kval(&v->w, "role", json_get(k.val, "role"));
        jw_kval(&v->w, "org", json_get(k.val, "org"));
        jw_kbool(&v->w, "may", json_bool(json_get(k.val, "may"), false));
        web_why(v, "why", code);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static int order_page(struct web_visit *v, int status, struct stops_page *g)
{
    const struct json *f = json_root(g->facts), *s = json_get(f, "stop");
    bool in_force = !json_is_int(json_get(s, "lifted"));
    bool may = v->signed_in && auth_may(&v->who, AUTH_PROPOSE);
    struct str reason = web_text_or(http_form(v->req, "reason"));
    web_open(v);
    put_order(v, g, f);
    put_nodes(v, json_get(s, "nodes"));
    jw_kval(&v->w, "deployments", json_get(f, "deployments"));
    jw_kbool(&v->w, "by_decision",
             in_force && json_bool(json_get(f, "by_decision"), false));
    web_sign_rule(v, json_get(f, "lift"));
    put_keys(v, json_get(f, "lift"));
    jw_kbool(&v->w, "has_signed", false);
    jw_kbool(&v->w, "may", may);
    jw_kbool(&v->w, "needs_motive", json_get_str(s, "motive_code").n == 0);
    jw_kstr(&v->w, "reason", reason.n <= REASON_MAX ? reason : STR(""));
    web_options(&v->w, "motives", v->l, json_root(g->policy), "motives",
                http_form(v->req, "motive"));
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    return web_send(v, status, "stop_order",
                    (struct web_page){.title_id = "stops.order", .nav = "nav.stops"});
}

static int order_open(struct web_visit *v, struct stops_page *g)
{
    *g = (struct stops_page){0};
    int err = web_heard_new(v, &g->heard);
    if (!err && crypto_unhex(v->arg, g->order, sizeof g->order))
        err = AM_E_NOTFOUND;
    if (!err)
        err = web_facts(v, order_facts, g, &g->facts);
    if (!err)
        err = web_blob(v, json_get_str(json_root(g->facts), "policy"), &g->policy);
    return err;
}

int web_page_stop_order(struct web_visit *v)
{
    struct stops_page g;
    int err = order_open(v, &g);
    if (!err)
        err = order_page(v, 200, &g);
    stops_release(&g);
    return err;
}

/* What the fold would refuse is refused before anybody is asked to sign it. */
static int may_propose(struct web_visit *v, const struct json *s, struct str act,
                       struct str reason)
{
    bool lift = str_eqc(act, "lift");
    if (!lift && !str_eqc(act, "motive"))
        return AM_E_SYNTAX;
    if (lift && json_is_int(json_get(s, "lifted")))
        diag_err(&v->d, "", "stops.is_lifted", "this order is lifted");
    if (lift && !reason.n)
        diag_err(&v->d, "/reason", "stops.no_reason", "a lift says why");
    if (!lift && json_get_str(s, "motive_code").n)
        diag_err(&v->d, "", "stops.has_motive", "this order has a motive");
    return v->d.n ? AM_E_INVALID : AM_OK;
}

int web_page_stop_order_post(struct web_visit *v)
{
    struct str act = http_form(v->req, "act"),
               reason = str_trim(web_text_or(http_form(v->req, "reason"))),
               motive = web_text_or(http_form(v->req, "motive"));
    struct stops_page g;
    struct buf record;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&record, 1 << 16);
    err = order_open(v, &g);
    if (!err)
        err = may_propose(v, json_get(json_root(g.facts), "stop"), act, reason);
    if (!err)
        err = str_eqc(act, "lift")
                  ? event_record(v, "stop_lift", "reason", reason, &record)
                  : event_record(v, "stop_motive", "motive_code", motive, &record);
    if (!err)
        err = web_propose(v, LEDGER_EVENT, buf_str(&record));
    if (err == AM_E_INVALID || err == AM_E_TOOMANY || err == AM_E_FORBIDDEN ||
        err == AM_E_CONFLICT)
        err = order_page(v, am_err_http(err), &g);
    stops_release(&g);
    buf_release(&record);
    return err;
}
