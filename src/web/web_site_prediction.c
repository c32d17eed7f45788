/* SPDX-License-Identifier: Apache-2.0 */
/* One suggestion, and the clinician's decision on it. Accept, correct and refuse weigh
 * the same; nothing is chosen beforehand. */
#include "base/clock.h"
#include "base/log.h"
#include "web/web_site_node_priv.h"

/* What the person typed, shown again when something is wrong with it. */
struct typed {
    struct str decision, value, reason, comment, severity, note;
};

static int look_up(struct web_visit *v, struct json_doc **out)
{
    struct buf b;
    buf_init(&b, WEB_PAYLOAD_MAX);
    int err = node_prediction(v->site->node, v->arg, &b);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    if (err)
        return err;
    struct str service = json_get_str(json_get(json_root(*out), "prediction"), "service");
    if (node_may(v->site->node, &v->who, AUTH_CHART_READ, service))
        return AM_OK;
    json_free(*out);
    *out = NULL;
    return AM_E_FORBIDDEN;
}

static const char *status_of(struct str s)
{
    static const char *const known[] = {"accepted", "corrected", "refused", "withdrawn"};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eqc(s, known[i]))
            return known[i];
    return "preliminary";
}

static void head(struct web_visit *v, const struct json *x)
{
    const struct json *p = json_get(x, "prediction"),
                      *verdict = json_get(x, "validation");
    struct jw *w = &v->w;
    const char *status = status_of(json_get_str(x, "status"));
    jw_kval(w, "id", json_get(x, "id"));
    jw_kstrz(w, "state", status);
    jw_kbool(w, "pending", !strcmp(status, "preliminary"));
    jw_kval(w, "patient", json_get(p, "patient"));
    jw_kval(w, "service", json_get(p, "service"));
    jw_kval(w, "deployment", json_get(p, "deployment"));
    jw_kval(w, "digest", json_get(p, "model_digest"));
    jw_kval(w, "level", json_get(p, "label_level"));
    web_ktime(w, "at", json_get_str(p, "at"));
    web_node_risk(w, v->l, p);
    if (json_type(json_get(json_get(x, "trace"), "index")) == JSON_NUMBER)
        jw_kval(w, "trace_index", json_get(json_get(x, "trace"), "index"));
    jw_kval(w, "commit", json_get(json_get(x, "trace"), "commit"));
    if (json_type(verdict) == JSON_OBJECT) {
        web_ktime(w, "decided_at", json_get_str(verdict, "at"));
        if (json_get_str(verdict, "role").n)
            jw_kval(w, "decided_by", json_get(verdict, "role"));
        if (json_type(json_get(verdict, "corrected_value")) == JSON_NUMBER)
            jw_kval(w, "corrected", json_get(verdict, "corrected_value"));
        jw_kstr(w, "comment_given", web_text_or(json_get_str(verdict, "comment")));
    }
}

/* The gate, as it stands for this deployment now. */
static int gate(struct web_visit *v, struct str deployment)
{
    struct json_doc *list = NULL;
    int err = web_node_deployments(v, &list);
    for (json_each(it, json_get(json_root(list), "items")))
        if (str_eq(json_get_str(it.val, "id"), deployment)) {
            jw_kval(&v->w, "effective", json_get(it.val, "effective"));
            jw_kbool(&v->w, "stopped", json_bool(json_get(it.val, "stopped"), false));
            jw_kbool(&v->w, "pilot", str_eqc(json_get_str(it.val, "effective"), "pilot"));
            if (web_node_may_stop(v)) {
                jw_key(&v->w, "stop_url");
                jw_strf(&v->w, "/deployments/%.*s/stop", STR_FMT(deployment));
            }
        }
    json_free(list);
    return err;
}

static int model(struct web_visit *v, const struct json *facts, const struct json *p,
                 struct buf *name)
{
    struct str digest = json_get_str(p, "model_digest");
    const struct json *x = json_getn(json_get(facts, "versions"), digest);
    struct web_statement version = {0};
    struct web_evidence *e = NULL;
    int err = web_node_model_name(v, facts, digest, name);
    if (!err)
        err = web_statement(v, facts, json_get_str(x, "declared"), &version);
    if (err == AM_E_NOTFOUND)
        err = AM_OK; /* names fall back to the record's own */
    if (!err && web_evidence_load(v, facts, json_get(x, "evidence"), &e) == AM_OK)
        web_node_tested(v, e);
    if (!err) {
        web_node_inputs(&v->w, v->l, p, version.s.record);
        web_node_limits(&v->w, v->l, version.s.record);
        jw_kstr(&v->w, "model", buf_str(name));
    }
    web_evidence_free(e);
    web_statement_release(&version);
    return err;
}

static int form(struct web_visit *v, const struct json *facts, const struct json *x,
                const struct typed *t)
{
    struct json_doc *policy = NULL;
    struct jw *w = &v->w;
    struct str given = json_get_str(json_get(x, "validation"), "reason_code");
    int err = web_blob(v, json_get_str(facts, "policy"), &policy);
    if (err == AM_E_NOTFOUND)
        err = AM_OK;
    web_options(w, "reasons", v->l, json_root(policy), "override_reasons", t->reason);
    if (given.n)
        jw_kstr(w, "reason_given",
                web_code(v->l, json_root(policy), "override_reasons", given));
    jw_kbool(w, "may_validate", auth_may(&v->who, AUTH_VALIDATE));
    jw_kstr(w, "typed_value", web_text_or(t->value));
    jw_kstr(w, "typed_comment", web_text_or(t->comment));
    jw_kbool(w, "was_correct", str_eqc(t->decision, "correct"));
    jw_kbool(w, "was_refuse", str_eqc(t->decision, "refuse"));
    web_problems(w, "problems", v->l, &v->d);
    jw_kbool(w, "has_problems", v->d.n > 0);
    jw_kint(w, "errors_n", (int64_t)v->d.n);
    json_free(policy);
    return err;
}

/* The stop of this model for this patient, if there is one. */
static int patient_stop(struct web_visit *v, const struct json *p)
{
    struct json_doc *list = NULL;
    struct buf b;
    int err;
    buf_init(&b, WEB_CONTEXT_MAX);
    err = node_local_stops(v->site->node, &v->who, &b);
    if (!err)
        err = json_parse(&list, buf_str(&b), NULL, NULL);
    for (json_each(it, json_get(json_root(list), "items")))
        if (json_str_is(json_get(it.val, "scope"), "patient") &&
            str_eq(json_get_str(it.val, "patient"), json_get_str(p, "patient")) &&
            str_eq(json_get_str(it.val, "deployment"), json_get_str(p, "deployment")))
            jw_kval(&v->w, "patient_stop", json_get(it.val, "order"));
    json_free(list);
    buf_release(&b);
    return err;
}

/* What else may be done with an output: report it, stop the model for its patient. */
static int gestures(struct web_visit *v, const struct json *p, const struct typed *t)
{
    static const char *const severity[] = {"non_serious", "serious", "life_threatening",
                                           "death"};
    struct jw *w = &v->w;
    struct buf id;
    int err;
    jw_kbool(w, "may_report", true); /* look_up() let them see it */
    jw_kbool(w, "was_lifted", http_query(v->req, "lifted").n > 0);
    jw_kstr(w, "typed_note", web_text_or(t->note));
    jw_key(w, "severities");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(severity); i++) {
        jw_obj(w);
        jw_kstrz(w, "code", severity[i]);
        jw_kbool(w, "selected", str_eqc(t->severity, severity[i]));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    buf_init(&id, 64);
    err = node_report_of(v->site->node, v->arg, &id);
    if (!err)
        jw_kstr(w, "case_id", buf_str(&id));
    buf_release(&id);
    return err && err != AM_E_NOTFOUND ? err : patient_stop(v, p);
}

static int show(struct web_visit *v, int status, const struct typed *t)
{
    struct json_doc *x = NULL, *facts = NULL;
    struct buf name;
    char url[128];
    buf_init(&name, 4096);
    int err = look_up(v, &x);
    if (!err)
        err = web_node_models(v, &facts);
    if (err == AM_E_UNAVAILABLE)
        err = AM_OK;
    const struct json *p = json_get(json_root(x), "prediction");
    if (!err) {
        web_open(v);
        web_node_notice(v);
        head(v, json_root(x));
        err = gate(v, json_get_str(p, "deployment"));
    }
    if (!err)
        err = model(v, json_root(facts), p, &name);
    if (!err)
        err = form(v, json_root(facts), json_root(x), t);
    if (!err)
        err = gestures(v, p, t);
    snprintf(url, sizeof url, "/predictions/%.*s", (int)AM_MIN(v->arg.n, 100), v->arg.p);
    if (!err)
        err = web_send(v, status, "prediction",
                       (struct web_page){.title_id = "prediction.title",
                                         .nav = "nav.worklist",
                                         .url = status == 200 ? STR_NULL : str_c(url)});
    json_free(facts);
    json_free(x);
    buf_release(&name);
    return err;
}

int web_page_prediction(struct web_visit *v)
{
    return show(v, 200, &(struct typed){0});
}

/* ---- deciding
 * ----------------------------------------------------------------------- */
/* Typed in per cent, with a comma or a point; sent as a share. */
static int percent(struct str typed, double *share)
{
    char z[32];
    struct str s = str_trim(typed);
    if (!s.n || s.n >= sizeof z)
        return AM_E_SYNTAX;
    for (size_t i = 0; i < s.n; i++)
        z[i] = s.p[i] == ',' ? '.' : s.p[i];
    int err = str_double((struct str){z, s.n}, share);
    *share /= 100;
    return err;
}

static int request(const struct typed *t, const char **outcome, struct buf *out)
{
    struct jw w;
    double share;
    *outcome = str_eqc(t->decision, "accept")    ? "accepted"
               : str_eqc(t->decision, "correct") ? "corrected"
               : str_eqc(t->decision, "refuse")  ? "refused"
                                                 : NULL;
    if (!*outcome)
        return AM_E_SYNTAX;
    bool accepted = str_eqc(t->decision, "accept");
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "outcome", *outcome);
    if (t->reason.n && !accepted)
        jw_kstr(&w, "reason_code", web_text_or(t->reason));
    if (str_trim(t->comment).n && !accepted)
        jw_kstr(&w, "comment", web_text_or(t->comment));
    if (str_eqc(t->decision, "correct") && percent(t->value, &share) == AM_OK)
        jw_knum(&w, "corrected_value", share);
    jw_obj_end(&w);
    return jw_done(&w);
}

/* Only a reason of the policy's list counts: what pages offer is what they take. */
static int reason_listed(struct web_visit *v, struct str reason)
{
    struct json_doc *facts = NULL, *policy = NULL;
    int err = web_facts(v, NULL, NULL, &facts);
    bool listed = false;
    if (!err)
        err = web_blob(v, json_get_str(json_root(facts), "policy"), &policy);
    const struct json *list =
        json_get(json_get(json_root(policy), "codes"), "override_reasons");
    for (json_each(it, list))
        listed = listed || str_eq(json_get_str(it.val, "code"), reason);
    if (!err && !listed && json_size(list)) {
        diag_err(&v->d, "/reason_code", "page.reason", "choose a reason of the list");
        err = AM_E_INVALID;
    }
    json_free(policy);
    json_free(facts);
    return err;
}

static int decide(struct web_visit *v, const struct typed *t, const char **outcome)
{
    struct json_doc *doc = NULL, *x = NULL;
    struct buf body, reply;
    buf_init(&body, 65536);
    buf_init(&reply, 65536);
    int err = look_up(v, &x); /* not even whether it exists, beyond one's services */
    if (!err)
        err = request(t, outcome, &body);
    if (!err && strcmp(*outcome, "accepted") != 0 && t->reason.n)
        err = reason_listed(v, t->reason);
    if (!err)
        err = json_parse(&doc, buf_str(&body), NULL, NULL);
    if (!err)
        err =
            node_validate(v->site->node, &v->who, v->arg, json_root(doc), &reply, &v->d);
    json_free(doc);
    json_free(x);
    buf_release(&reply);
    buf_release(&body);
    return err;
}

int web_page_validate(struct web_visit *v)
{
    const struct typed t = {.decision = http_form(v->req, "decision"),
                            .value = http_form(v->req, "value"),
                            .reason = http_form(v->req, "reason"),
                            .comment = http_form(v->req, "comment")};
    const char *outcome = NULL;
    char where[64];
    int err = web_check_csrf(v);
    if (!err)
        err = decide(v, &t, &outcome);
    if (err == AM_E_INVALID || err == AM_E_CONFLICT)
        return show(v, am_err_http(err), &t);
    if (err)
        return err;
    snprintf(where, sizeof where, "/?done=%s", outcome);
    return web_redirect(v, where);
}

/* ---- reporting it, and stopping it for its patient --------------------------------- */
typedef int act_fn(struct web_visit *v, const struct json *request, struct buf *reply);

static int do_report(struct web_visit *v, const struct json *request, struct buf *reply)
{
    return node_report(v->site->node, &v->who, v->arg, request, reply, &v->d);
}

static int do_stop(struct web_visit *v, const struct json *request, struct buf *reply)
{
    (void)request;
    return node_stop_patient(v->site->node, &v->who, v->arg, reply, &v->d);
}

static int do_lift(struct web_visit *v, const struct json *request, struct buf *reply)
{
    return node_stop_lift(v->site->node, &v->who, http_form(v->req, "order"), request,
                          reply, &v->d);
}

static int act(struct web_visit *v, act_fn *fn, struct buf *body, const struct typed *t,
               const char *said)
{
    struct json_doc *x = NULL, *doc = NULL;
    struct buf reply;
    char where[160];
    int err = web_check_csrf(v);
    buf_init(&reply, 65536);
    if (!err)
        err = look_up(v, &x);
    if (!err)
        err = json_parse(&doc, buf_str(body), NULL, NULL);
    if (!err)
        err = fn(v, json_root(doc), &reply);
    json_free(doc);
    json_free(x);
    buf_release(&reply);
    if (err == AM_E_INVALID || err == AM_E_CONFLICT || (err == AM_E_FORBIDDEN && v->d.n))
        return show(v, am_err_http(err), t);
    snprintf(where, sizeof where, "/predictions/%.*s%s", (int)AM_MIN(v->arg.n, 100),
             v->arg.p, said);
    return err ? err : web_redirect(v, where);
}

int web_page_output_report(struct web_visit *v)
{
    const struct typed t = {.severity = http_form(v->req, "severity"),
                            .note = http_form(v->req, "note")};
    struct buf body;
    struct jw w;
    int err;
    buf_init(&body, 65536);
    jw_init(&w, &body);
    jw_obj(&w);
    jw_kstr(&w, "severity", web_text_or(t.severity));
    if (http_form(v->req, "false_negative").n)
        jw_kbool(&w, "false_negative", true);
    if (str_trim(t.note).n)
        jw_kstr(&w, "note", t.note);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = act(v, do_report, &body, &t, "#report-h");
    buf_release(&body);
    return err;
}

int web_page_patient_stop(struct web_visit *v)
{
    struct buf body;
    int err;
    buf_init(&body, 64);
    err = buf_adds(&body, "{}");
    if (!err)
        err = act(v, do_stop, &body, &(struct typed){0}, "#only-h");
    buf_release(&body);
    return err;
}

int web_page_patient_lift(struct web_visit *v)
{
    struct buf body;
    int err;
    buf_init(&body, 65536);
    err = web_lift_request(v, &body);
    if (!err)
        err = act(v, do_lift, &body, &(struct typed){0}, "?lifted=1#only-h");
    buf_release(&body);
    return err;
}
