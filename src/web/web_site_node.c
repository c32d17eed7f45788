/* SPDX-License-Identifier: Apache-2.0 */
/* The node's lists: what waits for a clinician, what is deployed here, how the node is.
 */
#include <math.h>

#include "base/clock.h"
#include "web/web_site_node_priv.h"
#include "web/web_site_sign_priv.h"

enum { SHOWN = 50, BATCH = 500, BATCHES = 40 };

/* ---- models known here
 * -------------------------------------------------------------- */
static int names_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                       struct jw *w, void *arg)
{
    (void)v;
    (void)cosigned;
    (void)arg;
    jw_key(w, "versions");
    jw_obj(w);
    for (size_t i = 0; i < ledger_versions(l); i++) {
        const struct ledger_version *x = ledger_version_at(l, i);
        char hex[CRYPTO_HEX];
        jw_key(w, crypto_hex(x->digest, 32, hex));
        jw_obj(w);
        jw_kstrz(w, "algorithm_id", x->algorithm_id);
        jw_kstrz(w, "version_label", x->version_label);
        jw_kstrz(w, "level", ledger_level_name(x->level));
        web_cited_facts(l, x, w);
        jw_obj_end(w);
    }
    jw_obj_end(w);
    return AM_OK;
}

int web_node_models(struct web_visit *v, struct json_doc **out)
{
    return web_facts(v, names_facts, NULL, out);
}

int web_node_model_name(struct web_visit *v, const struct json *facts, struct str digest,
                        struct buf *name)
{
    const struct json *x = json_getn(json_get(facts, "versions"), digest);
    struct web_statement a = {0};
    int err = AM_OK;
    if (json_get_str(x, "algorithm").n)
        err = web_statement(v, facts, json_get_str(x, "algorithm"), &a);
    if (err == AM_E_NOTFOUND)
        err = AM_OK; /* the mirror has the log but not yet this blob */
    if (!err)
        err = web_model_name(name, v->l, a.s.record, x);
    web_statement_release(&a);
    return err;
}

/* ---- what every page of the node says
 * ----------------------------------------------- */
void web_node_notice(struct web_visit *v)
{
    struct node_state st;
    node_state(v->site->node, &st);
    jw_key(&v->w, "lease");
    jw_obj(&v->w);
    jw_kbool(&v->w, "fresh", st.lease_fresh);
    jw_kbool(&v->w, "over", !st.lease_fresh);
    jw_kbool(&v->w, "warn", st.lease_fresh && st.lease_warn);
    if (st.lease_end_at)
        jw_kint(&v->w, "until", st.lease_end_at);
    if (st.lease_at)
        jw_kint(&v->w, "at", st.lease_at);
    if (st.lease_extended_until)
        jw_kint(&v->w, "extended", st.lease_extended_until);
    jw_kbool(&v->w, "split_view", st.split_view);
    jw_kbool(&v->w, "split_proved", st.split_proved);
    jw_obj_end(&v->w);
}

/* ---- worklist
 * ----------------------------------------------------------------------- */
int web_node_pending(struct web_visit *v, web_pending_fn *fn, void *arg)
{
    int64_t before = 0;
    int err = AM_OK;
    for (unsigned i = 0; i < BATCHES && !err; i++) {
        struct json_doc *doc = NULL;
        struct buf b;
        buf_init(&b, 64 << 20);
        err = node_predictions(v->site->node, STR("pending"), STR(""), before, BATCH, &b);
        if (!err)
            err = json_parse(&doc, buf_str(&b), &(struct json_limits){.size_b = 64 << 20},
                             NULL);
        for (json_each(it, json_get(json_root(doc), "items")))
            if (!err)
                err = fn(arg, it.val);
        before = json_int(json_get(json_root(doc), "next"), 0);
        json_free(doc);
        buf_release(&b);
        if (!before)
            break;
    }
    return err;
}

/* The list comes newest first; the oldest of it are kept in a ring. */
struct waiting {
    struct web_visit *v;
    const struct json *facts;
    struct buf item[SHOWN];
    uint64_t n;
};

static void waited(struct jw *w, int64_t us)
{
    int64_t minutes = us > 0 ? us / (60 * TIME_SECOND) : 0;
    if (minutes < 60)
        jw_kint(w, "minutes", minutes);
    else if (minutes < 48 * 60)
        jw_kint(w, "hours", minutes / 60);
    else
        jw_kint(w, "days", minutes / (24 * 60));
}

void web_node_risk(struct jw *w, enum text_lang l, const struct json *p)
{
    const struct json *out = json_get(p, "output");
    double risk = json_num(json_get(out, "probability"), NAN),
           threshold = json_num(json_get(out, "threshold"), NAN);
    char threshold_text[64] = "";
    struct buf b;
    jw_knum(w, "risk", risk);
    int64_t k = isfinite(risk) ? (int64_t)lround(risk * 100) : 0;
    if (risk > 0 && risk < 1) /* rounding must not make it certain */
        k = k < 1 ? 1 : k > 99 ? 99 : k;
    jw_kint(w, "k", k);
    jw_kint(w, "of", 100);
    buf_init(&b, 4096);
    if (isfinite(threshold)) {
        jw_kstrz(w, "side", risk >= threshold ? "above" : "below");
        jw_knum(w, "threshold", threshold);
        if (text_percent(&b, l, threshold, 0) == AM_OK)
            snprintf(threshold_text, sizeof threshold_text, "%s", b.p);
    }
    buf_clear(&b);
    struct text_arg arg[] = {
        {"text", web_text_or(web_words(l, json_get(p, "output_text")))},
        {"threshold", str_c(threshold_text)}};
    if (text_fmt(&b, l, threshold_text[0] ? "worklist.what" : "worklist.what_bare", arg,
                 2) == AM_OK)
        jw_kstr(w, "reason", buf_str(&b));
    buf_release(&b);
}

static int item(struct waiting *k, const struct json *x, struct buf *out)
{
    struct web_visit *v = k->v;
    const struct json *p = json_get(x, "prediction");
    struct str id = json_get_str(x, "id");
    struct buf name;
    struct jw w;
    int64_t at = v->now;
    if (time_parse(json_get_str(p, "at"), &at))
        at = v->now;
    buf_init(&name, 4096);
    int err = web_node_model_name(v, k->facts, json_get_str(p, "model_digest"), &name);
    struct str service = json_get_str(p, "service");
    jw_init(&w, out);
    jw_obj(&w);
    jw_key(&w, "href");
    jw_strf(&w, "/predictions/%.*s", STR_FMT(id));
    jw_key(&w, "action");
    jw_strf(&w, "/predictions/%.*s/validate", STR_FMT(id));
    jw_key(&w, "correct");
    jw_strf(&w, "/predictions/%.*s#correct", STR_FMT(id));
    jw_key(&w, "refuse");
    jw_strf(&w, "/predictions/%.*s#refuse", STR_FMT(id));
    jw_kval(&w, "patient", json_get(p, "patient"));
    jw_kstr(&w, "model", buf_str(&name));
    jw_kstr(&w, "service", web_text_or(service));
    jw_kstrz(&w, "state", "preliminary");
    web_node_risk(&w, v->l, p);
    waited(&w, v->now - at);
    jw_obj_end(&w);
    buf_release(&name);
    return err ? err : jw_done(&w);
}

static int keep(void *arg, const struct json *x)
{
    struct waiting *k = arg;
    struct str service = json_get_str(json_get(x, "prediction"), "service");
    if (!node_may(k->v->site->node, &k->v->who, AUTH_CHART_READ, service))
        return AM_OK;
    struct buf *slot = &k->item[k->n++ % SHOWN];
    buf_clear(slot);
    struct jw w;
    jw_init(&w, slot);
    jw_val(&w, x);
    return jw_done(&w);
}

static int write_items(struct waiting *k)
{
    struct jw *w = &k->v->w;
    uint64_t shown = AM_MIN(k->n, (uint64_t)SHOWN);
    int err = AM_OK;
    jw_key(w, "items");
    jw_arr(w);
    for (uint64_t i = 0; i < shown && !err; i++) {
        struct json_doc *doc = NULL;
        struct buf b;
        buf_init(&b, 1 << 16);
        err = json_parse(&doc, buf_str(&k->item[(k->n - 1 - i) % SHOWN]), NULL, NULL);
        if (!err)
            err = item(k, json_root(doc), &b);
        if (!err)
            jw_raw(w, buf_str(&b));
        json_free(doc);
        buf_release(&b);
    }
    jw_arr_end(w);
    jw_kint(w, "waiting", (int64_t)k->n);
    jw_kint(w, "more", (int64_t)(k->n - shown));
    jw_kbool(w, "has_more", k->n > shown);
    jw_kbool(w, "empty", k->n == 0);
    return err;
}

static void flash(struct web_visit *v)
{
    static const char *const said[] = {"accepted", "corrected", "refused"};
    struct str done = http_query(v->req, "done");
    for (size_t i = 0; i < AM_LEN(said); i++)
        if (str_eqc(done, said[i]))
            jw_kstrz(&v->w, "done", said[i]);
}

int web_page_worklist(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    if (!auth_may(&v->who, AUTH_CHART_READ))
        return AM_E_FORBIDDEN;
    int err = web_node_models(v, &facts);
    if (err == AM_E_UNAVAILABLE)
        err = AM_OK; /* no mirror yet: an empty list and a notice */
    struct waiting k = {.v = v, .facts = json_root(facts)};
    for (size_t i = 0; i < SHOWN; i++)
        buf_init(&k.item[i], WEB_PAYLOAD_MAX);
    if (!err)
        err = web_node_pending(v, keep, &k);
    if (!err) {
        web_open(v);
        web_node_notice(v);
        flash(v);
        err = write_items(&k);
    }
    if (!err)
        err = web_send(
            v, 200, "worklist",
            (struct web_page){.title_id = "worklist.title", .nav = "nav.worklist"});
    for (size_t i = 0; i < SHOWN; i++)
        buf_release(&k.item[i]);
    json_free(facts);
    return err;
}

/* ---- deployments
 * -------------------------------------------------------------------- */
bool web_node_may_stop(const struct web_visit *v)
{
    return auth_may(&v->who, AUTH_STOP_SERVICE) ||
           auth_may(&v->who, AUTH_STOP_ESTABLISHMENT);
}

static int deployment(struct web_visit *v, const struct json *facts,
                      const struct json *trainings, const struct json *x)
{
    const struct json *p = json_get(x, "deployment");
    struct str id = json_get_str(x, "id"), digest = json_get_str(p, "model_digest");
    struct jw *w = &v->w;
    struct buf name;
    buf_init(&name, 4096);
    int err = web_node_model_name(v, facts, digest, &name);
    jw_obj(w);
    jw_kstr(w, "id", id);
    jw_kstr(w, "name", buf_str(&name));
    jw_kval(w, "establishment", json_get(p, "establishment"));
    jw_kval(w, "services", json_get(p, "service"));
    jw_kval(w, "phase", json_get(p, "phase"));
    jw_kval(w, "effective", json_get(x, "effective"));
    jw_kval(w, "level", json_get(json_get(x, "version"), "level"));
    jw_kval(w, "digest", json_get(p, "model_digest"));
    jw_kval(w, "use_code", json_get(p, "use_code"));
    jw_kbool(w, "shadow", json_bool(json_get(p, "shadow"), false));
    jw_kbool(w, "stopped", json_bool(json_get(x, "stopped"), false));
    jw_kbool(w, "runs", json_bool(json_get(x, "runs"), false));
    jw_kbool(w, "pilot", str_eqc(json_get_str(x, "effective"), "pilot"));
    web_training_of(w, trainings, id);
    if (web_node_may_stop(v)) {
        jw_key(w, "stop_url");
        jw_strf(w, "/deployments/%.*s/stop", STR_FMT(id));
    }
    jw_obj_end(w);
    buf_release(&name);
    return err;
}

int web_node_deployments(struct web_visit *v, struct json_doc **out)
{
    struct buf b;
    buf_init(&b, WEB_CONTEXT_MAX);
    int err = node_deployments(v->site->node, &b);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

int web_page_deployments(struct web_visit *v)
{
    struct json_doc *facts = NULL, *list = NULL, *trainings = NULL;
    int err = web_node_models(v, &facts);
    if (err == AM_E_UNAVAILABLE)
        err = AM_OK;
    if (!err)
        err = web_node_deployments(v, &list);
    if (!err)
        err = web_trainings(v, &v->who, &trainings);
    const struct json *items = json_get(json_root(list), "items");
    if (!err) {
        web_open(v);
        web_node_notice(v);
        jw_key(&v->w, "deployments");
        jw_arr(&v->w);
        for (json_each(it, items))
            if (!err)
                err = deployment(v, json_root(facts), json_root(trainings), it.val);
        jw_arr_end(&v->w);
        jw_kbool(&v->w, "empty", json_size(items) == 0);
    }
    if (!err)
        err = web_send(v, 200, "deployments",
                       (struct web_page){.title_id = "node.title", .nav = "nav.models"});
    json_free(trainings);
    json_free(list);
    json_free(facts);
    return err;
}

/* ---- state
 * -------------------------------------------------------------------------- */
static int refused_stops(struct web_visit *v)
{
    struct json_doc *list = NULL;
    struct buf b;
    bool any = false;
    int err;
    buf_init(&b, WEB_CONTEXT_MAX);
    err = node_local_stops(v->site->node, &v->who, &b);
    if (!err)
        err = json_parse(&list, buf_str(&b), NULL, NULL);
    jw_key(&v->w, "refused_stops");
    jw_arr(&v->w);
    for (json_each(it, json_get(json_root(list), "items"))) {
        if (!json_get_str(it.val, "refused").n)
            continue;
        any = true;
        jw_obj(&v->w);
        jw_kval(&v->w, "order", json_get(it.val, "order"));
        jw_kval(&v->w, "scope", json_get(it.val, "scope"));
        jw_kstr(&v->w, "where", web_text_or(json_get_str(it.val, "service")));
        web_ktime(&v->w, "at", json_get_str(it.val, "effect_at"));
        jw_kbool(&v->w, "waiting", json_size(json_get(it.val, "lifts")) > 0);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "has_refused", any);
    json_free(list);
    buf_release(&b);
    return err;
}

static int show_state(struct web_visit *v, int status)
{
    struct json_doc *facts = NULL;
    struct node_state st;
    struct jw *w = &v->w;
    node_state(v->site->node, &st);
    int err = web_facts(v, NULL, NULL, &facts);
    if (err && err != AM_E_UNAVAILABLE)
        return err;
    web_open(v);
    web_node_notice(v);
    jw_kstrz(w, "name", node_name(v->site->node));
    jw_kstrz(w, "gst", node_gst(v->site->node));
    jw_kint(w, "size", (int64_t)st.size);
    jw_kstrz(w, "registry", st.registry_reachable ? "up" : "silent");
    jw_kint(w, "predictions", (int64_t)st.predictions);
    jw_kint(w, "pending", (int64_t)st.pending);
    jw_kint(w, "refused", (int64_t)st.refused);
    jw_kint(w, "outbox", (int64_t)st.outbox);
    jw_kint(w, "trace_size", (int64_t)st.trace_size);
    jw_kbool(w, "no_mirror", !facts);
    if (facts) {
        jw_kval(w, "genesis", json_get(json_root(facts), "genesis"));
        jw_kval(w, "policy", json_get(json_root(facts), "policy"));
    }
    err = refused_stops(v);
    jw_kbool(w, "was_extended", status == 200 && http_query(v->req, "extended").n > 0);
    web_problems(w, "problems", v->l, &v->d);
    jw_kbool(w, "has_problems", v->d.n > 0);
    jw_kint(w, "errors_n", (int64_t)v->d.n);
    if (!err)
        err =
            web_send(v, status, "node_state",
                     (struct web_page){.title_id = "state.title",
                                       .nav = "nav.state",
                                       .url = status == 200 ? STR_NULL : STR("/state")});
    json_free(facts);
    return err;
}

int web_page_state(struct web_visit *v)
{
    return show_state(v, 200);
}

/* The file that came on a stick: its signatures are the authority. */
int web_page_lease_extension_post(struct web_visit *v)
{
    struct buf reply;
    int err = web_sign_csrf(v);
    if (err)
        return err;
    buf_init(&reply, 4096);
    err =
        node_lease_extend(v->site->node, str_trim(web_posted(v, "file")), &reply, &v->d);
    buf_release(&reply);
    if (!err)
        return web_redirect(v, "/state?extended=1");
    return v->d.n ? show_state(v, am_err_http(err)) : err;
}

int web_lift_request(struct web_visit *v, struct buf *body)
{
    struct jw w;
    jw_init(&w, body);
    jw_obj(&w);
    jw_kstr(&w, "reason", web_text_or(http_form(v->req, "reason")));
    jw_obj_end(&w);
    return jw_done(&w);
}

int web_page_local_lift(struct web_visit *v)
{
    struct json_doc *doc = NULL;
    struct buf body, reply;
    int err = web_check_csrf(v);
    buf_init(&body, 65536);
    buf_init(&reply, 4096);
    if (!err)
        err = web_lift_request(v, &body);
    if (!err)
        err = json_parse(&doc, buf_str(&body), NULL, NULL);
    if (!err)
        err = node_stop_lift(v->site->node, &v->who, http_form(v->req, "order"),
                             json_root(doc), &reply, &v->d);
    json_free(doc);
    buf_release(&reply);
    buf_release(&body);
    if (!err)
        return web_redirect(v, "/state");
    return v->d.n ? show_state(v, am_err_http(err)) : err;
}
