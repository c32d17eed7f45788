/* SPDX-License-Identifier: Apache-2.0 */
/* One model: what is declared, measured, decided, used, stopped; and the proof of it. */
#include "base/clock.h"
#include "web/web_site_priv.h"

enum { TIMELINE_MAX = 6, TIMELINE_ALL = 500, ENTRIES_MAX = 2000 };
static const enum ledger_list by_algorithm = LEDGER_VERSIONS_OF_ALGORITHM,
                              in_use = LEDGER_DEPLOYMENTS_OF_MODEL,
                              stopped = LEDGER_STOPS_OF_MODEL;

/* ---- facts
 * -------------------------------------------------------------------------- */
static void versions_of(const struct ledger *l, const struct ledger_version *v,
                        struct jw *w)
{
    char hex[CRYPTO_HEX];
    jw_key(w, "versions");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, by_algorithm, str_c(v->algorithm_id));
         i != SIZE_MAX; i = ledger_list_next(l, by_algorithm, i)) {
        const struct ledger_version *x = ledger_version_at(l, i);
        jw_obj(w);
        jw_kstrz(w, "digest", crypto_hex(x->digest, 32, hex));
        jw_kstrz(w, "version_label", x->version_label);
        jw_kstrz(w, "state", ledger_v_name(x->state));
        jw_kstrz(w, "level", ledger_level_name(x->level));
        jw_kint(w, "index", (int64_t)x->declared.index);
        jw_kint(w, "at", x->declared.issued_at);
        jw_kbool(w, "this", x == v);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

struct model_asked {
    const uint8_t *digest;
    const struct web_heard *heard;
};

/* Where an order in force is effective, and who is late or silent. */
static void stops_of(struct web_visit *v, const struct ledger *l,
                     const struct ledger_version *x, const struct web_heard *h,
                     struct jw *w)
{
    jw_key(w, "stops");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, stopped, ledger_model_name(x->digest));
         i != SIZE_MAX; i = ledger_list_next(l, stopped, i)) {
        const struct ledger_stop *s = ledger_stop_at(l, i);
        if (s->lifted)
            ledger_stop_json(l, s, w);
        else
            ledger_stop_view_json(l, s, v->now, h->seen, h->n, w);
    }
    jw_arr_end(w);
}

static int by_index_down(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Every statement about the version or about its deployments, newest first, once. */
static int entries_of(const struct ledger *l, const struct ledger_version *v,
                      struct jw *w)
{
    VEC(uint64_t) all = {0};
    int err = AM_OK;
    for (size_t i = 0; i < v->history.n && !err; i++)
        err = vec_push(&all, v->history.v[i]);
    for (size_t i = ledger_list_first(l, in_use, ledger_model_name(v->digest));
         i != SIZE_MAX && !err; i = ledger_list_next(l, in_use, i)) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        for (size_t k = 0; k < p->history.n && !err; k++)
            err = vec_push(&all, p->history.v[k]);
    }
    if (all.n)
        qsort(all.v, all.n, sizeof *all.v, by_index_down);
    jw_key(w, "entries");
    jw_arr(w);
    for (size_t i = 0; i < all.n && i < ENTRIES_MAX && !err; i++)
        if (!i || all.v[i] != all.v[i - 1])
            web_entry_facts(l, all.v[i], w);
    jw_arr_end(w);
    vec_release(&all);
    return err;
}

static int model_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                       struct jw *w, void *arg)
{
    const struct model_asked *asked = arg;
    const struct ledger_version *x = ledger_version_find(l, asked->digest);
    struct ledger_fact notice;
    char hex[CRYPTO_HEX];
    (void)cosigned;
    if (!x)
        return AM_E_NOTFOUND;
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(x->algorithm_id));
    jw_key(w, "version");
    ledger_version_json(l, x, v->now, w);
    if (a)
        jw_kstrz(w, "algorithm", crypto_hex(a->payload, 32, hex));
    versions_of(l, x, w);
    jw_key(w, "deployments");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, in_use, ledger_model_name(x->digest));
         i != SIZE_MAX; i = ledger_list_next(l, in_use, i))
        ledger_deployment_json(l, ledger_deployment_at(l, i), v->now, w);
    jw_arr_end(w);
    stops_of(v, l, x, asked->heard, w);
    if (ledger_notice(l, x->digest, &notice) && x->state != LEDGER_V_WITHDRAWN &&
        x->state != LEDGER_V_ARCHIVED)
        jw_kint(w, "leaves", notice.until_at);
    return entries_of(l, x, w);
}

/* ---- view-models
 * -------------------------------------------------------------------- */
static void deployments(struct web_visit *v, const struct json *facts)
{
    struct jw *w = &v->w;
    const struct json *all = json_get(facts, "deployments");
    jw_key(w, "deployments");
    jw_arr(w);
    for (json_each(it, all)) {
        jw_obj(w);
        jw_kval(w, "establishment", json_get(it.val, "establishment"));
        jw_kval(w, "gst", json_get(it.val, "gst"));
        jw_kval(w, "services", json_get(it.val, "service"));
        jw_kval(w, "phase", json_get(it.val, "phase"));
        jw_kval(w, "effective", json_get(it.val, "effective"));
        jw_kbool(w, "shadow", json_bool(json_get(it.val, "shadow"), false));
        jw_kbool(w, "stopped", json_get_str(it.val, "stopped_by").n > 0);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kstrz(w, "shadow_word", "shadow");
    jw_kbool(w, "has_deployments", json_size(all) > 0);
}

/* Nodes that have not answered: those only waited for, the late, the silent. */
static void stop_nodes(struct web_visit *v, const struct json *s)
{
    struct jw *w = &v->w;
    int64_t late = 0, silent = 0;
    jw_key(w, "acks");
    jw_arr(w);
    for (json_each(it, json_get(s, "ack"))) {
        jw_obj(w);
        jw_kval(w, "node", json_get(it.val, "node"));
        web_ktime(w, "at", json_get_str(it.val, "effect_at"));
        jw_kval(w, "index", json_get(it.val, "index"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_key(w, "silent");
    jw_arr(w);
    for (json_each(it, json_get(s, "nodes"))) {
        late += json_bool(json_get(it.val, "late"), false);
        if (json_bool(json_get(it.val, "silent"), false)) {
            jw_val(w, json_get(it.val, "node"));
            silent++;
        }
    }
    jw_arr_end(w);
    jw_kint(w, "acked_n", (int64_t)json_size(json_get(s, "ack")));
    if (late)
        jw_kint(w, "late_n", late);
    if (silent)
        jw_kint(w, "silent_n", silent);
}

static void stops(struct web_visit *v, const struct json *facts,
                  const struct json *policy)
{
    struct jw *w = &v->w;
    bool in_force = false;
    jw_key(w, "stops");
    jw_arr(w);
    for (json_each(it, json_get(facts, "stops"))) {
        const struct json *s = it.val;
        bool lifted = json_is_int(json_get(s, "lifted"));
        struct str motive = json_get_str(s, "motive_code");
        in_force = in_force || !lifted;
        jw_obj(w);
        jw_kstrz(w, "state", lifted ? "none" : "in_force");
        jw_kval(w, "order", json_get(s, "order"));
        jw_kval(w, "scope", json_get(s, "scope"));
        jw_kval(w, "where",
                json_get_str(s, "establishment").n ? json_get(s, "establishment")
                                                   : json_get(s, "gst"));
        jw_kval(w, "service", json_get(s, "service"));
        jw_kval(w, "role", json_get(s, "by_role"));
        jw_kval(w, "org", json_get(s, "by_org"));
        jw_kval(w, "index", json_get(s, "index"));
        web_ktime(w, "at", json_get_str(s, "effect_at"));
        if (motive.n)
            jw_kstr(w, "motive", web_code(v->l, policy, "motives", motive));
        stop_nodes(v, s);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kbool(w, "has_stops", json_size(json_get(facts, "stops")) > 0);
    jw_kbool(w, "stop_in_force", in_force);
}

/* A decision is signed by several: one card per decision, its signers inside. */
static void decision_signers(struct web_visit *v, const struct json *facts,
                             struct str payload)
{
    struct jw *w = &v->w;
    jw_key(w, "signers");
    jw_arr(w);
    for (json_each(it, json_get(facts, "entries"))) {
        if (!str_eq(json_get_str(it.val, "payload"), payload))
            continue;
        jw_obj(w);
        jw_kval(w, "role", json_get(it.val, "role"));
        jw_kval(w, "org", json_get(it.val, "org"));
        jw_kval(w, "index", json_get(it.val, "index"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void decision_card(struct web_visit *v, const struct json *facts,
                          const struct json *e, const struct json *r,
                          const struct json *policy)
{
    struct jw *w = &v->w;
    char id[WEB_ID_MAX];
    struct str outcome = json_get_str(r, "outcome"),
               level = json_get_str(r, "label_level");
    const struct json *scope = json_get(r, "scope");
    jw_obj(w);
    snprintf(id, sizeof id, "outcome.%.*s", (int)AM_MIN(outcome.n, 64), outcome.p);
    jw_kstr(w, "outcome", text_has(v->l, id) ? text_get(v->l, id) : web_text_or(outcome));
    if (level.n)
        jw_kstr(w, "level", level);
    web_ktime(w, "at", json_get_str(r, "decided_at"));
    web_ktime(w, "until", json_get_str(r, "expires_at"));
    jw_kval(w, "effect", json_get(e, "effect"));
    jw_kval(w, "index", json_get(e, "index"));
    jw_kval(w, "gst", json_get(scope, "gst"));
    jw_kval(w, "establishments", json_get(scope, "establishments"));
    jw_kval(w, "conditions", json_get(r, "conditions"));
    jw_kbool(w, "has_conditions", json_size(json_get(r, "conditions")) > 0);
    jw_kstr(w, "policy", web_text_or(web_words(v->l, json_get(policy, "name"))));
    jw_kval(w, "policy_digest", json_get(r, "policy_sha256"));
    decision_signers(v, facts, json_get_str(e, "payload"));
    jw_obj_end(w);
}

/* Newest first; the same payload signed again is the same decision. */
static int decisions(struct web_visit *v, const struct json *facts)
{
    const struct json *entries = json_get(facts, "entries");
    int err = AM_OK;
    size_t n = 0;
    jw_key(&v->w, "decisions");
    jw_arr(&v->w);
    for (json_each(it, entries)) {
        struct web_statement s = {0};
        struct json_doc *policy = NULL;
        struct str payload = json_get_str(it.val, "payload");
        bool seen = false;
        for (size_t k = 0; k < it.i && !seen; k++)
            seen = str_eq(payload, json_get_str(json_at(entries, k), "payload"));
        if (seen || n >= 20)
            continue;
        err = web_statement(v, facts, payload, &s);
        if (err)
            break;
        if (s.s.kind == LEDGER_DECISION) {
            if (web_blob(v, json_get_str(s.s.record, "policy_sha256"), &policy))
                policy = NULL; /* the digest alone is shown */
            decision_card(v, facts, it.val, s.s.record, json_root(policy));
            json_free(policy);
            n++;
        }
        web_statement_release(&s);
    }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "has_decisions", n > 0);
    return err;
}

static bool listed_before(const struct json *entries, const struct json *here,
                          const struct json *name)
{
    for (json_each(it, entries))
        for (json_each(one, json_get(it.val, "waived"))) {
            if (one.val == here)
                return false;
            if (json_equal(one.val, name))
                return true;
        }
    return false;
}

/* The checks a policy waived for what is in effect here, each once. */
static void waived(struct web_visit *v, const struct json *facts)
{
    const struct json *entries = json_get(facts, "entries");
    struct jw *w = &v->w;
    size_t n = 0;
    jw_key(w, "waived");
    jw_arr(w);
    for (json_each(it, entries))
        for (json_each(one, json_get(it.val, "waived"))) {
            char id[WEB_ID_MAX];
            struct str name = json_str(one.val);
            if (listed_before(entries, one.val, one.val))
                continue;
            snprintf(id, sizeof id, "%.*s", (int)AM_MIN(name.n, 100), name.p);
            jw_obj(w);
            jw_kstr(w, "name", name);
            jw_kstr(w, "text", text_has(v->l, id) ? text_get(v->l, id) : name);
            jw_obj_end(w);
            n++;
        }
    jw_arr_end(w);
    jw_kbool(w, "has_waived", n > 0);
}

/* ---- the page
 * ----------------------------------------------------------------------- */
struct model_docs {
    struct web_statement algorithm, version, decision;
    struct json_doc *policy, *in_force;
    struct web_evidence *evidence;
    const struct json *cited; /* the decision's record, or NULL */
};

static void docs_release(struct model_docs *d)
{
    web_evidence_free(d->evidence);
    json_free(d->policy);
    json_free(d->in_force);
    web_statement_release(&d->decision);
    web_statement_release(&d->version);
    web_statement_release(&d->algorithm);
}

/* The decision in force cites a policy and evidence; without one, the policy in force
 * and all evidence there is. */
static int docs_load(struct web_visit *v, const struct json *facts, struct model_docs *d)
{
    const struct json *x = json_get(facts, "version"),
                      *decision = json_get(x, "decision");
    struct str policy = json_get_str(facts, "policy");
    const struct json *evidence = json_get(x, "evidence");
    int err = web_statement(v, facts, json_get_str(json_get(x, "declared"), "payload"),
                            &d->version);
    if (!err && json_get_str(facts, "algorithm").n)
        err = web_statement(v, facts, json_get_str(facts, "algorithm"), &d->algorithm);
    if (!err)
        err = web_blob(v, policy, &d->in_force);
    if (!err && json_type(decision) == JSON_OBJECT) {
        err = web_statement(v, facts, json_get_str(decision, "payload"), &d->decision);
        d->cited = d->decision.s.record;
    }
    if (!err && json_get_str(d->cited, "policy_sha256").n) {
        policy = json_get_str(d->cited, "policy_sha256");
        evidence = json_get(d->cited, "evidence");
    }
    if (!err)
        err = web_blob(v, policy, &d->policy);
    if (!err)
        err = web_evidence_load(v, facts, evidence, &d->evidence);
    uint8_t digest[32];
    if (!err && crypto_unhex(policy, digest, sizeof digest) == AM_OK)
        err = web_note_policy(v, digest, json_root(d->policy));
    return err;
}

/* Its supplier withdraws it; the authorities suspend or withdraw it. */
static bool may_end(const struct web_visit *v, const struct json *x)
{
    return v->signed_in && (v->who.role == LEDGER_HAS || v->who.role == LEDGER_MSPS ||
                            v->who.role == LEDGER_CNDP ||
                            (v->who.role == LEDGER_VENDOR &&
                             str_eqc(json_get_str(x, "org_id"), v->who.org_id)));
}

static void head(struct web_visit *v, const struct json *facts,
                 const struct model_docs *d)
{
    const struct json *x = json_get(facts, "version"), *r = d->version.s.record;
    struct jw *w = &v->w;
    struct str vendor =
        json_get_str(json_get(d->algorithm.s.record, "developer"), "name");
    jw_kval(w, "digest", json_get(x, "model_digest"));
    jw_kval(w, "algorithm_id", json_get(x, "algorithm_id"));
    jw_kval(w, "state", json_get(x, "state"));
    jw_kval(w, "level", json_get(x, "level"));
    jw_kval(w, "status", json_get(x, "registry_status"));
    jw_kstr(w, "vendor", vendor.n ? vendor : web_text_or(json_get_str(x, "org_id")));
    jw_kstr(w, "intended_use",
            web_text_or(web_words(v->l, json_get(json_get(r, "intended_use"), "text"))));
    jw_kstr(w, "patient_information",
            web_text_or(web_words(v->l, json_get(r, "patient_information"))));
    web_ktime(w, "expires", json_get_str(x, "expires_at"));
    jw_key(w, "stop_url");
    jw_strf(w, "/models/%.*s/stop", STR_FMT(json_get_str(x, "model_digest")));
    jw_kbool(w, "refused", str_eqc(json_get_str(x, "state"), "refused"));
    jw_kbool(w, "may_judge",
             v->signed_in && (v->who.role == LEDGER_HAS || v->who.role == LEDGER_MSPS ||
                              v->who.role == LEDGER_IMANOR));
    jw_kbool(w, "may_end", may_end(v, x));
    if (json_get(facts, "leaves"))
        jw_kval(w, "leaves", json_get(facts, "leaves"));
    jw_kbool(w, "can_stop", !str_eqc(json_get_str(x, "state"), "archived"));
}

/* Counts are for everybody; cases are not (lifecycle.md 5). */
static void incidents(struct web_visit *v, const struct json *x)
{
    struct jw *w = &v->w;
    jw_kval(w, "supplier", json_get(x, "org_id"));
    jw_kval(w, "vigilance", json_get(x, "vigilance"));
    jw_kbool(w, "may_report", v->signed_in && auth_may(&v->who, AUTH_PROPOSE));
}

static int model_context(struct web_visit *v, const struct json *facts,
                         const struct model_docs *d)
{
    const struct json *x = json_get(facts, "version"),
                      *declared = json_get(x, "declared");
    enum label_level level = LABEL_BASE;
    if (label_level_parse(json_get_str(x, "requested"), &level) || level == LABEL_NONE)
        level = LABEL_BASE;
    bool all = http_query(v->req, "all").n > 0;
    web_open(v);
    head(v, facts, d);
    web_change(v, x);
    web_interval(&v->w, "auc", web_measure(d->evidence, NULL, STR("auc"), STR("")),
                 web_gate(json_root(d->policy), STR("auc"), level));
    web_record(&v->w, v->l, v->site, d->algorithm.s.record, d->version.s.record, true);
    jw_kval(&v->w, "versions", json_get(facts, "versions"));
    int err = web_verdicts(v, facts, json_root(d->policy), d->version.s.record,
                           d->evidence, d->cited);
    if (err)
        return err;
    web_forests(v, json_root(d->policy), d->evidence, level);
    err = decisions(v, facts);
    waived(v, facts);
    deployments(v, facts);
    stops(v, facts, json_root(d->in_force));
    if (!err)
        err = web_timeline(v, facts, all ? TIMELINE_ALL : TIMELINE_MAX);
    incidents(v, x);
    web_verify_box(v, facts, json_get_str(x, "model_digest"),
                   json_int(json_get(declared, "index"), 0));
    if (!err)
        err = web_proof(v, (uint64_t)json_int(json_get(declared, "index"), 0),
                        json_get_str(declared, "payload"));
    return err;
}

static int evidence_context(struct web_visit *v, const struct json *facts,
                            const struct model_docs *d)
{
    const struct json *x = json_get(facts, "version");
    enum label_level level = LABEL_BASE;
    if (label_level_parse(json_get_str(x, "requested"), &level) || level == LABEL_NONE)
        level = LABEL_BASE;
    web_open(v);
    head(v, facts, d);
    web_forests(v, json_root(d->policy), d->evidence, level);
    web_measures(v, json_root(d->policy), d->evidence, level);
    return AM_OK;
}

static int record_context(struct web_visit *v, const struct json *facts,
                          const struct model_docs *d)
{
    web_open(v);
    head(v, facts, d);
    jw_kbool(&v->w, "whole", true);
    web_record(&v->w, v->l, v->site, d->algorithm.s.record, d->version.s.record, false);
    web_record_inputs(&v->w, v->l, d->version.s.record);
    return AM_OK;
}

typedef int model_view(struct web_visit *v, const struct json *facts,
                       const struct model_docs *d);

static int model_page(struct web_visit *v, model_view *view, const char *template)
{
    struct json_doc *facts = NULL;
    struct web_heard *heard = NULL;
    struct model_docs d = {0};
    uint8_t digest[32];
    struct buf name;
    buf_init(&name, 4096);
    int err = crypto_unhex(v->arg, digest, sizeof digest) ? AM_E_NOTFOUND : AM_OK;
    if (!err)
        err = web_heard_new(v, &heard);
    if (!err)
        err = web_facts(v, model_facts, &(struct model_asked){digest, heard}, &facts);
    if (!err)
        err = docs_load(v, json_root(facts), &d);
    if (!err)
        err = web_model_name(&name, v->l, d.algorithm.s.record, d.version.s.record);
    if (!err)
        err = view(v, json_root(facts), &d);
    if (!err) {
        jw_kstr(&v->w, "name", buf_str(&name));
        err = web_send(v, 200, template,
                       (struct web_page){.title = buf_str(&name), .nav = "nav.register"});
    }
    docs_release(&d);
    json_free(facts);
    buf_release(&name);
    free(heard);
    return err;
}

int web_page_model(struct web_visit *v)
{
    return model_page(v, model_context, "model");
}

int web_page_evidence(struct web_visit *v)
{
    return model_page(v, evidence_context, "evidence");
}

int web_page_record(struct web_visit *v)
{
    return model_page(v, record_context, "model_record");
}
