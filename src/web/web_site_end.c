/* SPDX-License-Identifier: Apache-2.0 */
/* How a label ends, as a page of one file: the decision that follows a national stop
 * within the delay of the policy, whose clock is shown (V14); the withdrawal, by the
 * supplier once its notice has run, or for cause by the commission or the ministry, with
 * what still runs, a plan for it, and the escrow looked at (V18, section 10). What runs
 * is read from the register, never typed. Texts are signed at /sign/{sha256}. */
#include "base/clock.h"
#include "web/web_site_commission_priv.h"

enum { RECORD_MAX = 1 << 20 };

struct end_page {
    struct web_file g;
    struct json_doc *facts;
    struct web_statement notice;
    bool supplier, judge; /* who looks: its supplier; the commission or the ministry */
};

/* ---- what the register knows ------------------------------------------------------- */
struct clock {
    const struct ledger *l;
    const uint8_t *digest;
    int64_t due_at;
    bool late;
};

/* The delay of the decision after the oldest order nobody has decided on. */
static int decision_due(void *cookie, const struct ledger_warning *w)
{
    struct clock *c = cookie;
    uint8_t order[32];
    const struct ledger_stop *s;
    if (strcmp(w->kind, "stop_decision") != 0 || crypto_unhex(str_c(w->id), order, 32))
        return AM_OK;
    s = ledger_stop_find(c->l, order);
    if (s && !memcmp(s->model_digest, c->digest, 32) &&
        (!c->due_at || w->due_at < c->due_at)) {
        c->due_at = w->due_at;
        c->late = w->late;
    }
    return AM_OK;
}

static void running_facts(struct web_visit *v, const struct ledger *l, struct str model,
                          struct jw *w)
{
    jw_key(w, "deployments");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, LEDGER_DEPLOYMENTS_OF_MODEL, model);
         i != SIZE_MAX; i = ledger_list_next(l, LEDGER_DEPLOYMENTS_OF_MODEL, i)) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        if (p->phase != LEDGER_P_PILOT && p->phase != LEDGER_P_DEPLOYED)
            continue;
        jw_obj(w);
        jw_kstrz(w, "id", p->id);
        jw_kstrz(w, "establishment", p->establishment);
        jw_kstrz(w, "gst", p->gst);
        jw_kstrz(w, "phase", ledger_p_name(p->phase));
        jw_kstrz(w, "effective", ledger_p_name(ledger_effective(l, p, v->now)));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void deposit_facts(struct web_visit *v, const struct ledger *l, struct str model,
                          struct jw *w)
{
    jw_key(w, "deposits");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, LEDGER_DEPOSITS_OF_MODEL, model); i != SIZE_MAX;
         i = ledger_list_next(l, LEDGER_DEPOSITS_OF_MODEL, i)) {
        const struct ledger_deposit *e = ledger_deposit_at(l, i);
        jw_obj(w);
        jw_kint(w, "at", e->deposited_at);
        jw_key(w, "level");
        jw_strf(w, "%u", e->level);
        jw_key(w, "deposit");
        ledger_deposit_json(l, e, registry_reads_deposit(l, &v->who, e), w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int end_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                     struct jw *w, void *arg)
{
    const struct web_file *g = arg;
    struct str model = ledger_model_name(g->digest);
    struct clock c = {.l = l, .digest = g->digest};
    struct ledger_fact notice;
    char hex[CRYPTO_HEX];
    int err = ledger_warnings(l, v->now, decision_due, &c);
    (void)cosigned;
    if (c.due_at) {
        jw_kint(w, "due", c.due_at);
        jw_kbool(w, "late", c.late);
    }
    if (ledger_notice(l, g->digest, &notice)) {
        jw_key(w, "notice");
        jw_obj(w);
        jw_kstrz(w, "payload", crypto_hex(notice.payload, 32, hex));
        jw_kint(w, "index", (int64_t)notice.index);
        jw_kint(w, "leaves", notice.until_at);
        jw_kbool(w, "over", notice.until_at <= v->now);
        jw_obj_end(w);
    }
    running_facts(v, l, model, w);
    deposit_facts(v, l, model, w);
    return err;
}

static int end_open(struct web_visit *v, struct end_page *p)
{
    *p = (struct end_page){0};
    int err = web_commission_open(v, &p->g);
    const struct json *x = json_get(json_root(p->g.facts), "version");
    p->supplier =
        v->who.role == LEDGER_VENDOR && str_eqc(json_get_str(x, "org_id"), v->who.org_id);
    p->judge = v->who.role == LEDGER_HAS || v->who.role == LEDGER_MSPS;
    if (!err && !p->supplier && !p->judge && v->who.role != LEDGER_CNDP)
        err = AM_E_FORBIDDEN;
    if (!err)
        err = web_facts(v, end_facts, &p->g, &p->facts);
    const struct json *f = json_root(p->facts);
    if (!err && json_get(f, "notice"))
        err = web_statement(v, f, json_get_str(json_get(f, "notice"), "payload"),
                            &p->notice);
    return err;
}

static void end_close(struct end_page *p)
{
    web_statement_release(&p->notice);
    json_free(p->facts);
    web_commission_close(&p->g);
}

/* ---- what may be done -------------------------------------------------------------- */
static struct str state_of(const struct end_page *p)
{
    return json_get_str(json_get(json_root(p->g.facts), "version"), "state");
}

static bool ended(struct str state)
{
    return str_eqc(state, "refused") || str_eqc(state, "withdrawn") ||
           str_eqc(state, "archived");
}

/* A national stop suspended it, and no decision has followed. */
static bool awaits_decision(const struct web_visit *v, const struct end_page *p)
{
    return str_eqc(state_of(p), "suspended") && json_get(json_root(p->facts), "due") &&
           !p->supplier && auth_may(&v->who, AUTH_PROPOSE);
}

static bool notice_over(const struct end_page *p)
{
    return json_bool(json_get(json_get(json_root(p->facts), "notice"), "over"), false);
}

static struct str plan_of(struct web_visit *v, const struct end_page *p)
{
    return str_trim(web_kept(
        v, "plan", web_text_or(json_get_str(p->notice.s.record, "migration_plan"))));
}

/* ---- the page ---------------------------------------------------------------------- */
static void put_suspension(struct web_visit *v, const struct end_page *p)
{
    const struct json *f = json_root(p->facts), *keys = json_root(p->g.facts);
    static const char *const role[] = {"has", "msps", "cndp"};
    struct str state = state_of(p);
    bool awaits = awaits_decision(v, p);
    jw_kbool(&v->w, "awaits", awaits);
    jw_kbool(&v->w, "decided", str_eqc(state, "suspended") && !json_get(f, "due"));
    jw_kbool(&v->w, "stop_first", str_eqc(state, "labelled") && !p->supplier);
    if (json_get(f, "due")) {
        jw_kval(&v->w, "due", json_get(f, "due"));
        jw_kval(&v->w, "late", json_get(f, "late"));
    }
    web_commission_orders(v, &p->g);
    jw_key(&v->w, "authorities");
    jw_arr(&v->w);
    for (size_t i = 0; awaits && i < AM_LEN(role); i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "role", role[i]);
        web_commission_keys(v, keys, "keys", role[i], NULL);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static void put_withdrawal(struct web_visit *v, const struct end_page *p)
{
    const struct json *f = json_root(p->facts), *notice = json_get(f, "notice");
    bool open = !ended(state_of(p));
    jw_kbool(&v->w, "ended", !open);
    jw_kbool(&v->w, "by_choice", open && p->supplier);
    jw_kbool(&v->w, "for_cause", open && p->judge);
    jw_kbool(&v->w, "can_withdraw",
             open && (p->judge || (p->supplier && notice_over(p))));
    if (open && notice)
        jw_kval(&v->w, "notice", notice);
    jw_kval(&v->w, "deployments", json_get(f, "deployments"));
    jw_kbool(&v->w, "runs", json_size(json_get(f, "deployments")) > 0);
    jw_kval(&v->w, "deposits", json_get(f, "deposits"));
    jw_kstr(&v->w, "plan", plan_of(v, p));
    jw_kbool(&v->w, "escrow_checked", web_kept(v, "escrow_checked", STR("")).n > 0);
    if (p->supplier)
        web_commission_keys(v, json_root(p->g.facts), "own", "vendor", NULL);
    if (p->judge) {
        web_commission_hearing(v, &p->g);
        web_commission_keys(v, json_root(p->g.facts), "commissioners", "has",
                            "commissioner");
        web_commission_keys(v, json_root(p->g.facts), "ministry", "msps", "authority");
    }
}

static int end_page(struct web_visit *v, int status, struct end_page *p)
{
    static const char *const text[] = {"reason", "condition"};
    const struct json *x = json_get(json_root(p->g.facts), "version");
    struct str act = web_kept(v, "act", STR(""));
    web_open(v);
    jw_kval(&v->w, "digest", json_get(x, "model_digest"));
    web_kname(v, "name", json_get_str(x, "model_digest"));
    jw_kval(&v->w, "id", json_get(x, "algorithm_id"));
    jw_kval(&v->w, "version", json_get(x, "version_label"));
    jw_kval(&v->w, "state", json_get(x, "state"));
    put_suspension(v, p);
    put_withdrawal(v, p);
    for (size_t form = 0; form < 2; form++) { /* what each form held */
        bool mine = str_eqc(act, form ? "withdrawn" : "suspended");
        jw_key(&v->w, form ? "kept_withdrawn" : "kept_suspended");
        jw_obj(&v->w);
        for (size_t i = 0; i < AM_LEN(text); i++)
            jw_kstr(&v->w, text[i], mine ? web_kept(v, text[i], STR("")) : STR(""));
        jw_obj_end(&v->w);
    }
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    return web_send(v, status, "end",
                    (struct web_page){.title_id = "end.title", .nav = "nav.desk"});
}

int web_page_end(struct web_visit *v)
{
    struct end_page p;
    int err = end_open(v, &p);
    if (!err)
        err = end_page(v, 200, &p);
    end_close(&p);
    return err;
}

/* ---- the texts --------------------------------------------------------------------- */
/* The role of a ticked key: that of whoever prepares it, else the first; "" : none. */
static const char *issuer(const struct web_visit *v, const struct end_page *p,
                          size_t *roles)
{
    static const enum ledger_role role[] = {LEDGER_HAS, LEDGER_MSPS, LEDGER_CNDP};
    const char *found = "";
    *roles = 0;
    for (size_t i = 0; i < AM_LEN(role); i++) {
        bool ticked = false;
        for (json_each(k, json_get(json_root(p->g.facts), "keys"))) {
            char box[CRYPTO_HEX + 1];
            snprintf(box, sizeof box, "k%.*s", STR_FMT(json_get_str(k.val, "key_id")));
            ticked |= web_commission_key(k.val, ledger_role_name(role[i]), NULL) &&
                      http_form(v->req, box).n;
        }
        *roles += ticked;
        if (ticked && (!*found || role[i] == v->who.role))
            found = ledger_role_name(role[i]);
    }
    return found;
}

static struct str reason_of(struct web_visit *v)
{
    struct str reason = str_trim(web_kept(v, "reason", STR("")));
    if (!reason.n)
        diag_err(&v->d, "/reason", "guard.reason", "compulsory");
    return reason;
}

static enum label_level level_of(const struct end_page *p)
{
    const struct json *x = json_get(json_root(p->g.facts), "version");
    enum label_level level = LABEL_NONE;
    return label_level_parse(json_get_str(x, "level"), &level) ? LABEL_NONE : level;
}

/* V14: the label stays what it was, without effect. */
static void suspended(struct web_visit *v, const struct end_page *p, struct jw *w)
{
    size_t roles;
    const char *by = issuer(v, p, &roles);
    struct str reason = reason_of(v);
    if (!awaits_decision(v, p))
        diag_err(&v->d, "/outcome", "end.no_stop", "no national stop waits for it");
    web_decision_begin(v, &p->g, w, *by ? by : ledger_role_name(v->who.role), "suspended",
                       level_of(p));
    web_decision_scope(&p->g, w);
    web_decision_period(v, w, 0);
    jw_kstr(w, "reason", reason);
    web_decision_grounds(v, &p->g, w, p->g.asked);
    jw_obj_end(w);
}

static void withdrawal(struct web_visit *v, const struct end_page *p, struct jw *w)
{
    const struct json *runs = json_get(json_root(p->facts), "deployments");
    struct str plan = plan_of(v, p);
    bool checked = web_kept(v, "escrow_checked", STR("")).n > 0;
    if (json_size(runs) && !plan.n)
        diag_err(&v->d, "/withdrawal/migration_plan", "end.plan",
                 "what still runs needs a plan");
    if (!checked)
        diag_err(&v->d, "/withdrawal/escrow_checked", "end.escrow",
                 "the condition of the escrow was not looked at");
    jw_key(w, "withdrawal");
    jw_obj(w);
    jw_key(w, "deployments");
    jw_arr(w);
    for (json_each(it, runs))
        jw_val(w, json_get(it.val, "id"));
    jw_arr_end(w);
    if (plan.n)
        jw_kstr(w, "migration_plan", plan);
    jw_kbool(w, "escrow_checked", checked);
    jw_obj_end(w);
}

/* V18 */
static void withdrawn(struct web_visit *v, const struct end_page *p, struct jw *w)
{
    size_t roles;
    const char *by = issuer(v, p, &roles);
    struct str reason = reason_of(v);
    if (ended(state_of(p)))
        diag_err(&v->d, "/outcome", "end.ended", "it has ended");
    if (p->supplier && !notice_over(p))
        diag_err(&v->d, "/withdrawal", "end.notice", "its notice has not run");
    if (!p->supplier && roles > 1)
        diag_err(&v->d, "/signers", "end.one_body", "the commission or the ministry");
    web_decision_begin(v, &p->g, w,
                       p->supplier || !*by ? ledger_role_name(v->who.role) : by,
                       "withdrawn", LABEL_NONE);
    web_decision_scope(&p->g, w);
    web_decision_period(v, w, 0);
    jw_kstr(w, "reason", reason);
    withdrawal(v, p, w);
    web_decision_grounds(v, &p->g, w, p->g.asked);
    jw_obj_end(w);
}

static int end_text(struct web_visit *v, const struct end_page *p, struct buf *out)
{
    struct str act = http_form(v->req, "act");
    bool suspends = str_eqc(act, "suspended"), withdraws = str_eqc(act, "withdrawn");
    struct jw w;
    if (!suspends && !withdraws)
        return AM_E_SYNTAX;
    if (suspends ? p->supplier : !p->supplier && !p->judge)
        return AM_E_FORBIDDEN;
    if (!p->g.judged)
        return AM_E_CONFLICT;
    jw_init(&w, out);
    if (suspends)
        suspended(v, p, &w);
    else
        withdrawn(v, p, &w);
    int err = jw_done(&w);
    return err ? err : diag_result(&v->d);
}

int web_page_end_post(struct web_visit *v)
{
    struct end_page p;
    struct buf record;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&record, RECORD_MAX);
    err = end_open(v, &p);
    if (!err)
        err = end_text(v, &p, &record);
    if (!err)
        err = web_propose(v, LEDGER_DECISION, buf_str(&record));
    if (err == AM_E_INVALID || err == AM_E_TOOMANY)
        err = end_page(v, am_err_http(err), &p);
    end_close(&p);
    buf_release(&record);
    return err;
}
