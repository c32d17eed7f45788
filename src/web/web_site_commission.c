/* SPDX-License-Identifier: Apache-2.0 */
/* The commission's and the desk's page of one file: where it stands, what the policy
 * computes from the evidence, and the forms of the texts that can be proposed for
 * signature (web_site_commission_text.c). The outcome is computed, never typed; the fold
 * computes it again. Signing itself is on /sign/{sha256}. */
#include "base/clock.h"
#include "web/web_site_commission_priv.h"

/* Evidence since the last decision: what a surveillance run brings. */
static bool fresh(const struct ledger_version *x)
{
    bool any = false;
    for (size_t i = 0; i < x->evidence.n && !any; i++)
        any = x->evidence.v[i].index > x->decision.index;
    return any;
}

/* ---- the list of files
 * --------------------------------------------------------------- */
static bool file_open(const struct web_list *list, size_t place)
{
    const struct ledger_version *x = ledger_version_at(list->l, place);
    return x->state != LEDGER_V_WITHDRAWN && x->state != LEDGER_V_ARCHIVED &&
           (x->state != LEDGER_V_LABELLED || fresh(x));
}

static int files_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                       struct jw *w, void *arg)
{
    struct web_list list = {
        .l = l, .n = ledger_versions(l), .key = web_version_key, .wanted = file_open};
    (void)cosigned;
    (void)arg;
    web_list_find(v, &list);
    web_list_facts(&list, w);
    jw_key(w, "files");
    jw_arr(w);
    for (size_t i = 0; i < list.shown; i++) {
        const struct ledger_version *x = ledger_version_at(l, list.place[i]);
        char hex[CRYPTO_HEX];
        jw_obj(w);
        jw_kbool(w, "surveyed", x->state == LEDGER_V_LABELLED);
        jw_kstrz(w, "digest", crypto_hex(x->digest, 32, hex));
        jw_kstrz(w, "id", x->algorithm_id);
        jw_kstrz(w, "version", x->version_label);
        jw_kstrz(w, "org", x->org_id);
        jw_kstrz(w, "state", ledger_v_name(x->state));
        jw_kbool(w, "ready", x->state == LEDGER_V_EVALUATED);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

int web_page_commission(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    int err = web_facts(v, files_facts, NULL, &facts);
    if (!err) {
        const struct json *list = json_get(json_root(facts), "files");
        web_open(v);
        web_named_rows(v, "files", list, NULL, "digest");
        web_list_pager(v, json_root(facts), "files");
        err = web_send(
            v, 200, "commission",
            (struct web_page){.title_id = "commission.title", .nav = "nav.desk"});
    }
    json_free(facts);
    return err;
}

/* ---- one file
 * ----------------------------------------------------------------------- */
static int key_facts(struct web_visit *v, const struct ledger *l,
                     const struct ledger_version *x, const struct ledger_key *k,
                     struct jw *w)
{
    bool mine = false;
    int err = auth_key_mine(v->site->auth, v->who.id, str_c(k->key_id), &mine);
    if (err)
        return err;
    jw_obj(w);
    jw_kstrz(w, "key_id", k->key_id);
    jw_kstr(w, "short", str_sub(str_c(k->key_id), 0, 8));
    jw_kstrz(w, "role", ledger_role_name(k->role));
    jw_kstrz(w, "function", k->function);
    jw_kstrz(w, "org_id", k->org_id);
    jw_kstrz(w, "org", k->label[0] ? k->label : k->org_id);
    jw_kbool(w, "mine", mine);
    jw_kbool(w, "recused", ledger_recused(l, k->key_id, x->digest, v->now));
    jw_obj_end(w);
    return AM_OK;
}

/* The national stops in force on it, and the roles whose signature gives it back. */
static void suspension_facts(const struct ledger *l, const struct ledger_version *x,
                             struct jw *w)
{
    unsigned roles = ledger_suspenders(l, x->digest);
    jw_key(w, "suspenders");
    jw_arr(w);
    for (unsigned r = 0; r < LEDGER_ROLES; r++)
        if ((roles >> r) & 1)
            jw_strz(w, ledger_role_name((enum ledger_role)r));
    jw_arr_end(w);
    jw_key(w, "orders");
    jw_arr(w);
    for (size_t i = 0; i < ledger_stops(l); i++) {
        const struct ledger_stop *s = ledger_stop_at(l, i);
        if (!s->lifted && s->scope == LEDGER_STOP_NATIONAL &&
            memcmp(s->model_digest, x->digest, sizeof x->digest) == 0)
            ledger_stop_json(l, s, w);
    }
    jw_arr_end(w);
}

/* A refusal that was appealed, and until when it must be judged. */
static int appealed(void *cookie, const struct ledger_warning *x)
{
    struct jw *w = cookie;
    if (!strcmp(x->kind, "appeal_judgement")) {
        jw_obj(w);
        jw_kstrz(w, "id", x->id);
        jw_kint(w, "due", x->due_at);
        jw_obj_end(w);
    }
    return AM_OK;
}

/* Must the supplier be heard before a refusal, and was it? */
static void hearing_facts(const struct ledger *l, const struct ledger_version *x,
                          int64_t now, struct jw *w)
{
    int64_t at;
    if (!ledger_hearing(l, x->digest, &at))
        return;
    jw_kbool(w, "must_hear", true);
    jw_kbool(w, "heard", at && at <= now);
    if (at > now)
        jw_kint(w, "heard_from", at);
}

static int file_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                      struct jw *w, void *arg)
{
    const struct web_file *g = arg;
    const struct ledger_version *x = ledger_version_find(l, g->digest);
    char hex[CRYPTO_HEX];
    int err = AM_OK;
    (void)cosigned;
    if (!x)
        return AM_E_NOTFOUND;
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(x->algorithm_id));
    if (a)
        jw_kstrz(w, "algorithm", crypto_hex(a->payload, 32, hex));
    jw_key(w, "version");
    ledger_version_json(l, x, v->now, w);
    jw_kbool(w, "fresh", fresh(x));
    suspension_facts(l, x, w);
    hearing_facts(l, x, v->now, w);
    jw_key(w, "appeals");
    jw_arr(w);
    if (x->state == LEDGER_V_REFUSED)
        err = ledger_warnings(l, v->now, appealed, w);
    jw_arr_end(w);
    jw_key(w, "keys");
    jw_arr(w);
    for (size_t i = 0; i < ledger_keys(l) && !err; i++) {
        static const unsigned judges = 1U << LEDGER_HAS | 1U << LEDGER_IMANOR |
                                       1U << LEDGER_BENCH_OPERATOR | 1U << LEDGER_MSPS |
                                       1U << LEDGER_CNDP;
        const struct ledger_key *k = ledger_key_at(l, i);
        bool own = k->role == LEDGER_VENDOR && !strcmp(k->org_id, x->org_id);
        if (!k->revoked && (own || ((judges >> k->role) & 1)))
            err = key_facts(v, l, x, k, w);
    }
    jw_arr_end(w);
    return err;
}

void web_commission_close(struct web_file *g)
{
    label_result_release(&g->label);
    label_result_release(&g->next);
    web_evidence_free(g->evidence);
    web_statement_release(&g->version);
    web_statement_release(&g->algorithm);
    json_free(g->policy);
    json_free(g->facts);
}

/* What the policy in force computes from the evidence there is, now. */
static int file_judge(struct web_visit *v, struct web_file *g)
{
    struct label_policy *p = NULL;
    const struct json *x = json_get(json_root(g->facts), "version");
    int err;
    bool labelled = json_str_is(json_get(x, "state"), "labelled"),
         has_level = labelled || json_str_is(json_get(x, "state"), "suspended");
    if (label_level_parse(json_get_str(x, has_level ? "level" : "requested"),
                          &g->asked) ||
        g->asked == LABEL_NONE)
        g->asked = LABEL_BASE;
    err = label_policy_new(&p, json_root(g->policy), NULL);
    if (!err)
        err = label_evaluate_from(p, g->version.s.record, g->evidence->record,
                                  g->evidence->all, &g->evidence->from, g->asked, v->now,
                                  &g->label, NULL);
    g->judged = !err;
    if (!err && labelled && g->asked < LABEL_ADVANCED) {
        err = label_evaluate_from(
            p, g->version.s.record, g->evidence->record, g->evidence->all,
            &g->evidence->from, (enum label_level)(g->asked + 1), v->now, &g->next, NULL);
        g->next_judged = !err;
    }
    label_policy_free(p);
    return err == AM_E_NOMEM ? err : AM_OK;
}

int web_commission_open(struct web_visit *v, struct web_file *g)
{
    *g = (struct web_file){0};
    int err = crypto_unhex(v->arg, g->digest, sizeof g->digest) ? AM_E_NOTFOUND : AM_OK;
    if (!err)
        err = web_facts(v, file_facts, g, &g->facts);
    const struct json *f = json_root(g->facts), *x = json_get(f, "version");
    if (!err)
        err = web_blob(v, json_get_str(f, "policy"), &g->policy);
    if (!err)
        err = web_statement(v, f, json_get_str(json_get(x, "declared"), "payload"),
                            &g->version);
    if (!err && json_get_str(f, "algorithm").n)
        err = web_statement(v, f, json_get_str(f, "algorithm"), &g->algorithm);
    if (!err)
        err = web_evidence_load(v, f, json_get(x, "evidence"), &g->evidence);
    return err ? err : file_judge(v, g);
}

/* The keys of a role, as boxes to tick: those ticked before stay so. */
void web_commission_keys(struct web_visit *v, const struct json *f, const char *name,
                         const char *role, const char *function)
{
    struct str rapporteur = web_kept(v, "rapporteur", STR("")),
               bench = web_kept(v, "bench", STR(""));
    jw_key(&v->w, name);
    jw_arr(&v->w);
    for (json_each(k, json_get(f, "keys"))) {
        char box[CRYPTO_HEX + 1];
        struct str id = json_get_str(k.val, "key_id");
        if (!web_commission_key(k.val, role, function))
            continue;
        snprintf(box, sizeof box, "k%.*s", STR_FMT(id));
        jw_obj(&v->w);
        jw_kstr(&v->w, "place", web_function(v->l, json_get_str(k.val, "function")));
        for (json_each(m, k.val)) {
            jw_keyn(&v->w, m.key);
            jw_val(&v->w, m.val);
        }
        jw_kbool(&v->w, "ticked", web_kept(v, box, STR("")).n > 0);
        jw_kbool(&v->w, "selected", str_eq(rapporteur, id) || str_eq(bench, id));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

/* Regions and houses the evidence comes from: a label holds where it was tested. */
static void sites(struct web_visit *v, const struct web_file *g, const char *name,
                  const char *member)
{
    struct buf b;
    bool first = true;
    int err = AM_OK;
    buf_init(&b, 4096);
    for (size_t i = 0; i < g->evidence->n && !err; i++)
        for (json_each(it,
                       json_get(json_get(g->evidence->record[i], "dataset"), "sites"))) {
            struct str s = json_get_str(it.val, member);
            struct str rest = buf_str(&b);
            bool known = !s.n || err;
            while (rest.n && !known)
                known = str_eq(str_cut(rest, ' ', &rest), s);
            if (known)
                continue;
            err = buf_addf(&b, "%s%.*s", first ? "" : " ", STR_FMT(s));
            first = false;
        }
    jw_kstr(&v->w, name,
            web_kept(v, strcmp(name, "gsts") ? name : "gst", web_text_or(buf_str(&b))));
    buf_release(&b);
}

/* What a form of this page held is shown again. */
static void put_kept(struct web_visit *v)
{
    static const char *const text[] = {
        "pointers",          "sealed",          "condition",        "reason",
        "derogation_reason", "derogation_rows", "derogation_until", "expires"};
    struct str verdict = web_kept(v, "verdict", STR(""));
    jw_key(&v->w, "kept");
    jw_obj(&v->w);
    for (size_t i = 0; i < AM_LEN(text); i++)
        jw_kstr(&v->w, text[i], web_kept(v, text[i], STR("")));
    jw_kbool(&v->w, "admissible", str_eqc(verdict, "admissible"));
    jw_kbool(&v->w, "inadmissible", str_eqc(verdict, "inadmissible"));
    jw_kbool(&v->w, "no_conflict", web_kept(v, "no_conflict", STR("")).n > 0);
    jw_kbool(&v->w, "derogates",
             web_kept(v, "derogation_reason", STR("")).n > 0 ||
                 web_kept(v, "derogation_rows", STR("")).n > 0);
    jw_obj_end(&v->w);
}

static void put_signers(struct web_visit *v, const struct web_file *g)
{
    const struct json *f = json_root(g->facts);
    web_commission_keys(v, f, "commissioners", "has", "commissioner");
    web_commission_keys(v, f, "standards", "imanor", NULL);
    jw_kbool(&v->w, "needs_imanor",
             g->label.reached > LABEL_BASE ||
                 (g->next_judged && g->next.reached > g->asked));
    web_commission_keys(v, f, "rapporteurs", "has", "rapporteur");
    web_commission_keys(v, f, "benches", "bench_operator", NULL);
    jw_key(&v->w, "suspenders");
    jw_arr(&v->w);
    for (json_each(role, json_get(f, "suspenders")))
        if (!json_str_is(role.val, "has")) { /* its commissioners sign anyway */
            char name[32];
            snprintf(name, sizeof name, "%.*s", STR_FMT(json_str(role.val)));
            jw_obj(&v->w);
            jw_kstrz(&v->w, "role", name);
            web_commission_keys(v, f, "keys", name, NULL);
            jw_obj_end(&v->w);
        }
    jw_arr_end(&v->w);
}

void web_commission_orders(struct web_visit *v, const struct web_file *g)
{
    const struct json *f = json_root(g->facts);
    jw_key(&v->w, "orders");
    jw_arr(&v->w);
    for (json_each(it, json_get(f, "orders"))) {
        jw_obj(&v->w);
        jw_kval(&v->w, "order", json_get(it.val, "order"));
        jw_kval(&v->w, "role", json_get(it.val, "by_role"));
        jw_kval(&v->w, "org", json_get(it.val, "by_org"));
        jw_kstr(&v->w, "motive",
                web_code(v->l, json_root(g->policy), "motives",
                         json_get_str(it.val, "motive_code")));
        web_ktime(&v->w, "at", json_get_str(it.val, "effect_at"));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

/* Suspended: by which orders, and what may be given back. */
static void put_suspension(struct web_visit *v, const struct web_file *g)
{
    const struct json *x = json_get(json_root(g->facts), "version");
    web_commission_orders(v, g);
    web_ktime(&v->w, "expiry", json_get_str(x, "expires_at"));
    web_commission_levels(v, g);
}

void web_commission_hearing(struct web_visit *v, const struct web_file *g)
{
    const struct json *f = json_root(g->facts);
    bool must = json_bool(json_get(f, "must_hear"), false),
         heard = json_bool(json_get(f, "heard"), false);
    jw_kbool(&v->w, "heard", must && heard);
    jw_kbool(&v->w, "to_hear", must && !heard && !json_get(f, "heard_from"));
    if (json_get(f, "heard_from"))
        jw_kval(&v->w, "heard_from", json_get(f, "heard_from"));
}

static void put_state(struct web_visit *v, const struct web_file *g)
{
    const struct json *x = json_get(json_root(g->facts), "version");
    struct str state = json_get_str(x, "state");
    bool decide = str_eqc(state, "evaluated"), back = str_eqc(state, "suspended"),
         keep = str_eqc(state, "labelled"), appeal = false;
    for (json_each(it, json_get(json_root(g->facts), "appeals")))
        if (str_eq(json_get_str(it.val, "id"), json_get_str(x, "model_digest"))) {
            appeal = true;
            jw_kval(&v->w, "judge_by", json_get(it.val, "due"));
        }
    jw_kval(&v->w, "digest", json_get(x, "model_digest"));
    jw_kval(&v->w, "state", json_get(x, "state"));
    web_kname(v, "name", json_get_str(x, "model_digest"));
    jw_kval(&v->w, "id", json_get(x, "algorithm_id"));
    jw_kval(&v->w, "version", json_get(x, "version_label"));
    jw_kbool(&v->w, "at_desk", str_eqc(state, "declared"));
    jw_kbool(&v->w, "to_assign",
             str_eqc(state, "admissible") || str_eqc(state, "deferred") ||
                 str_eqc(state, "expired") || appeal);
    jw_kbool(&v->w, "refused", str_eqc(state, "refused") && !appeal);
    jw_kbool(&v->w, "to_decide", decide);
    jw_kbool(&v->w, "to_reinstate", back);
    jw_kbool(&v->w, "to_keep", keep);
    jw_kint(&v->w, "evidence_n", (int64_t)g->evidence->n);
    web_change(v, x);
    jw_kstrz(&v->w, "asked", label_level_name(g->asked));
    if (g->judged) {
        jw_kstrz(&v->w, "computed", g->label.outcome);
        jw_kstrz(&v->w, "level", label_level_name(g->label.reached));
    }
    if (decide && g->judged)
        web_commission_choices(v, g);
    web_commission_hearing(v, g);
    web_commission_reports(v, g);
    jw_kbool(&v->w, "can_reinstate", back && g->judged && g->label.reached > LABEL_NONE);
    if (back)
        put_suspension(v, g);
    if (keep)
        web_commission_keeps(v, g);
}

static int file_page(struct web_visit *v, int status, struct web_file *g)
{
    web_open(v);
    put_state(v, g);
    put_signers(v, g);
    put_kept(v);
    sites(v, g, "gsts", "gst");
    sites(v, g, "houses", "site");
    int err = web_missing(v, json_root(g->policy), g->algorithm.s.record,
                          g->version.s.record, g->evidence);
    const struct json *both[] = {g->algorithm.s.record, g->version.s.record};
    if (!err)
        err = web_watch(v, both, AM_LEN(both));
    if (err)
        return err;
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    return web_send(v, status, "commission_file",
                    (struct web_page){.title_id = "commission.file", .nav = "nav.desk"});
}

int web_page_commission_file(struct web_visit *v)
{
    struct web_file g;
    int err = web_commission_open(v, &g);
    if (!err)
        err = file_page(v, 200, &g);
    web_commission_close(&g);
    return err;
}

int web_page_commission_post(struct web_visit *v)
{
    enum ledger_kind kind;
    struct buf record;
    struct web_file g;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&record, 1 << 20);
    err = web_commission_open(v, &g);
    if (!err)
        err = web_commission_text(v, &g, &kind, &record);
    if (!err)
        err = web_propose(v, kind, buf_str(&record));
    if (err == AM_E_INVALID || err == AM_E_TOOMANY)
        err = file_page(v, am_err_http(err), &g);
    web_commission_close(&g);
    buf_release(&record);
    return err;
}
