/* SPDX-License-Identifier: Apache-2.0 */
/* The commission's and the desk's page of one file: where it stands, what the policy
 * computes from the evidence, and the texts that can be proposed for signature:
 * admissibility, assignment, decision. The outcome is computed, never typed; the fold
 * computes it again. Signing itself is on /sign/{sha256}. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

/* ---- the list of files
 * --------------------------------------------------------------- */
static int files_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                       struct jw *w, void *arg)
{
    (void)cosigned;
    (void)arg;
    jw_key(w, "files");
    jw_arr(w);
    for (size_t i = ledger_versions(l); i > 0; i--) {
        const struct ledger_version *x = ledger_version_at(l, i - 1);
        char hex[CRYPTO_HEX];
        if (x->state == LEDGER_V_WITHDRAWN || x->state == LEDGER_V_ARCHIVED ||
            x->state == LEDGER_V_LABELLED)
            continue;
        jw_obj(w);
        jw_kstrz(w, "digest", crypto_hex(x->digest, 32, hex));
        jw_kstrz(w, "id", x->algorithm_id);
        jw_kstrz(w, "version", x->version_label);
        jw_kstrz(w, "org", x->org_id);
        jw_kstrz(w, "state", ledger_v_name(x->state));
        jw_kbool(w, "ready", x->state == LEDGER_V_EVALUATED);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    (void)v;
    return AM_OK;
}

int web_page_commission(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    int err = web_facts(v, files_facts, NULL, &facts);
    if (!err) {
        const struct json *list = json_get(json_root(facts), "files");
        web_open(v);
        jw_kval(&v->w, "files", list);
        jw_kbool(&v->w, "none", json_size(list) == 0);
        err = web_send(
            v, 200, "commission",
            (struct web_page){.title_id = "commission.title", .nav = "nav.desk"});
    }
    json_free(facts);
    return err;
}

/* ---- one file
 * ----------------------------------------------------------------------- */
struct file {
    uint8_t digest[32];
    struct json_doc *facts, *policy;
    struct web_statement algorithm, version;
    struct web_evidence *evidence;
    struct label_result label;
    enum label_level asked;
    bool judged;
};

static int file_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                      struct jw *w, void *arg)
{
    const struct file *g = arg;
    const struct ledger_version *x = ledger_version_find(l, g->digest);
    char hex[CRYPTO_HEX];
    (void)cosigned;
    if (!x)
        return AM_E_NOTFOUND;
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(x->algorithm_id));
    if (a)
        jw_kstrz(w, "algorithm", crypto_hex(a->payload, 32, hex));
    jw_key(w, "version");
    ledger_version_json(l, x, v->now, w);
    jw_key(w, "keys");
    jw_arr(w);
    for (size_t i = 0; i < ledger_keys(l); i++) {
        const struct ledger_key *k = ledger_key_at(l, i);
        bool mine = false;
        if (k->revoked || (k->role != LEDGER_HAS && k->role != LEDGER_IMANOR &&
                           k->role != LEDGER_BENCH_OPERATOR && k->role != LEDGER_MSPS))
            continue;
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
    }
    jw_arr_end(w);
    return AM_OK;
}

static void file_release(struct file *g)
{
    label_result_release(&g->label);
    web_evidence_free(g->evidence);
    web_statement_release(&g->version);
    web_statement_release(&g->algorithm);
    json_free(g->policy);
    json_free(g->facts);
}

/* What the policy in force computes from the evidence there is, now. */
static int file_judge(struct web_visit *v, struct file *g)
{
    struct label_policy *p = NULL;
    const struct json *x = json_get(json_root(g->facts), "version");
    int err;
    if (label_level_parse(json_get_str(x, "requested"), &g->asked) ||
        g->asked == LABEL_NONE)
        g->asked = LABEL_BASE;
    err = label_policy_new(&p, json_root(g->policy), NULL);
    if (!err)
        err = label_evaluate(p, g->version.s.record, g->evidence->record, g->evidence->n,
                             g->asked, v->now, &g->label, NULL);
    label_policy_free(p);
    g->judged = !err;
    return err == AM_E_NOMEM ? err : AM_OK;
}

static int file_open(struct web_visit *v, struct file *g)
{
    *g = (struct file){0};
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

static bool key_is(const struct json *k, const char *role, const char *function)
{
    return json_str_is(json_get(k, "role"), role) &&
           (!function || json_str_is(json_get(k, "function"), function));
}

static void keys_of(struct web_visit *v, const struct json *f, const char *name,
                    const char *role, const char *function)
{
    jw_key(&v->w, name);
    jw_arr(&v->w);
    for (json_each(k, json_get(f, "keys")))
        if (key_is(k.val, role, function))
            jw_val(&v->w, k.val);
    jw_arr_end(&v->w);
}

/* Regions and houses the evidence comes from: a label holds where it was tested. */
static void sites(struct web_visit *v, const struct file *g, const char *name,
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
    jw_kstr(&v->w, name, web_text_or(buf_str(&b)));
    buf_release(&b);
}

static int file_page(struct web_visit *v, int status, struct file *g)
{
    const struct json *f = json_root(g->facts), *x = json_get(f, "version");
    struct str state = json_get_str(x, "state");
    web_open(v);
    jw_kval(&v->w, "digest", json_get(x, "model_digest"));
    jw_kval(&v->w, "state", json_get(x, "state"));
    jw_kval(&v->w, "id", json_get(x, "algorithm_id"));
    jw_kval(&v->w, "version", json_get(x, "version_label"));
    jw_kbool(&v->w, "at_desk", str_eqc(state, "declared"));
    jw_kbool(&v->w, "to_assign",
             str_eqc(state, "admissible") || str_eqc(state, "deferred") ||
                 str_eqc(state, "expired"));
    jw_kbool(&v->w, "to_decide", str_eqc(state, "evaluated"));
    jw_kint(&v->w, "evidence_n", (int64_t)g->evidence->n);
    if (g->judged) {
        jw_kstrz(&v->w, "computed", g->label.outcome);
        jw_kstrz(&v->w, "level", label_level_name(g->label.reached));
    }
    jw_kstrz(&v->w, "asked", label_level_name(g->asked));
    keys_of(v, f, "commissioners", "has", "commissioner");
    keys_of(v, f, "standards", "imanor", NULL);
    jw_kbool(&v->w, "needs_imanor", g->label.reached > LABEL_BASE);
    keys_of(v, f, "rapporteurs", "has", "rapporteur");
    keys_of(v, f, "benches", "bench_operator", NULL);
    sites(v, g, "gsts", "gst");
    sites(v, g, "houses", "site");
    int err = web_missing(v, json_root(g->policy), g->algorithm.s.record,
                          g->version.s.record, g->evidence);
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
    struct file g;
    int err = file_open(v, &g);
    if (!err)
        err = file_page(v, 200, &g);
    file_release(&g);
    return err;
}

/* ---- texts to propose
 * --------------------------------------------------------------- */
static void begin(struct web_visit *v, struct jw *w, const char *role, struct str org)
{
    char at[TIME_TEXT];
    jw_obj(w);
    jw_kstrz(w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(w, "issuer");
    jw_obj(w);
    jw_kstrz(w, "role", role);
    jw_kstr(w, "org_id", web_text_or(org));
    jw_obj_end(w);
    jw_kstr(w, "model_digest", v->arg);
}

static struct str org_of(const struct json *f, const char *role, const char *function)
{
    for (json_each(k, json_get(f, "keys")))
        if (key_is(k.val, role, function))
            return json_get_str(k.val, "org_id");
    return STR("");
}

/* "A B C" of a form as a list; separators: spaces, commas, lines. */
static void words(struct jw *w, const char *key, struct str text)
{
    size_t from = 0;
    jw_key(w, key);
    jw_arr(w);
    for (size_t i = 0; i <= text.n; i++)
        if (i == text.n || strchr(" ,;\r\n\t", text.p[i])) {
            if (i > from)
                jw_str(w, web_text_or(str_sub(text, from, i)));
            from = i + 1;
        }
    jw_arr_end(w);
}

static void admissibility(struct web_visit *v, const struct file *g, struct jw *w)
{
    struct str verdict = http_form(v->req, "verdict");
    begin(v, w, "msps", org_of(json_root(g->facts), "msps", "registry_desk"));
    jw_kstrz(w, "type", "admissibility");
    jw_kstr(w, "verdict", web_text_or(verdict));
    words(w, "pointers", web_text_or(http_form(v->req, "pointers")));
    jw_obj_end(w);
}

static void assignment(struct web_visit *v, const struct file *g, struct jw *w)
{
    begin(v, w, "has", org_of(json_root(g->facts), "has", NULL));
    jw_kstrz(w, "type", "assignment");
    jw_kstr(w, "rapporteur", web_text_or(http_form(v->req, "rapporteur")));
    jw_kstr(w, "bench_operator", web_text_or(http_form(v->req, "bench")));
    jw_kstr(w, "requested_level", web_text_or(http_form(v->req, "level")));
    words(w, "sealed_data", web_text_or(http_form(v->req, "sealed")));
    jw_kbool(w, "no_conflict", http_form(v->req, "no_conflict").n > 0);
    jw_obj_end(w);
}

/* The signers chosen say that they have no interest: each is asked when signing. */
static void chosen(struct web_visit *v, const struct json *f, struct jw *w)
{
    jw_key(w, "signers");
    jw_arr(w);
    for (json_each(k, json_get(f, "keys"))) {
        char name[CRYPTO_HEX + 1];
        snprintf(name, sizeof name, "k%.*s", STR_FMT(json_get_str(k.val, "key_id")));
        if (!http_form(v->req, name).n)
            continue;
        jw_obj(w);
        jw_kval(w, "role", json_get(k.val, "role"));
        jw_kval(w, "org_id", json_get(k.val, "org_id"));
        jw_kval(w, "key_id", json_get(k.val, "key_id"));
        jw_kbool(w, "no_conflict", true);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void motives(const struct file *g, struct jw *w)
{
    jw_key(w, "motives");
    jw_arr(w);
    for (size_t i = 0; i < g->label.n; i++) {
        const struct label_row *r = &g->label.row[i];
        if (r->level != LABEL_BASE ||
            (r->verdict != LABEL_FAIL && r->verdict != LABEL_INSUFFICIENT))
            continue;
        jw_obj(w);
        jw_kstrz(w, "row", r->id);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void decision(struct web_visit *v, const struct file *g, struct jw *w)
{
    const struct json *f = json_root(g->facts), *x = json_get(f, "version");
    bool granted = !strcmp(g->label.outcome, "granted");
    const char *level = label_level_name(granted ? g->label.reached : LABEL_NONE);
    struct str condition = str_trim(web_text_or(http_form(v->req, "condition")));
    char at[TIME_TEXT];
    int64_t now = v->now / TIME_SECOND * TIME_SECOND, end;
    begin(v, w, "has", org_of(f, "has", "commissioner"));
    jw_kstrz(w, "outcome", g->label.outcome);
    jw_kstrz(w, "outcome_computed", g->label.outcome);
    jw_kstrz(w, "requested_level", label_level_name(g->asked));
    jw_kstrz(w, "label_level", level);
    jw_key(w, "scope");
    jw_obj(w);
    words(w, "gst", web_text_or(http_form(v->req, "gst")));
    words(w, "establishments", web_text_or(http_form(v->req, "houses")));
    words(w, "uses", json_get_str(x, "use_code"));
    jw_key(w, "undemonstrated_groups");
    jw_arr(w);
    for (size_t i = 0; i < g->label.n_undemonstrated; i++)
        jw_strz(w, g->label.undemonstrated[i]);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_kstrz(w, "decided_at", time_format(now, at));
    if (granted &&
        time_add_iso(now, json_get_str(json_get(json_root(g->policy), "terms"), level),
                     &end) == AM_OK)
        jw_kstrz(w, "expires_at", time_format(end, at));
    if (!granted)
        motives(g, w);
    jw_key(w, "conditions");
    jw_arr(w);
    if (condition.n) {
        jw_obj(w);
        jw_kstr(w, text_lang_code(v->l), condition);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kval(w, "policy_sha256", json_get(f, "policy"));
    jw_kval(w, "evidence", json_get(x, "evidence"));
    chosen(v, f, w);
    jw_obj_end(w);
}

int web_page_commission_post(struct web_visit *v)
{
    struct str act = http_form(v->req, "act");
    enum ledger_kind kind = LEDGER_EVENT;
    struct buf record;
    struct file g;
    struct jw w;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&record, 1 << 20);
    jw_init(&w, &record);
    err = file_open(v, &g);
    if (!err && str_eqc(act, "admissibility")) {
        admissibility(v, &g, &w);
    } else if (!err && str_eqc(act, "assignment")) {
        assignment(v, &g, &w);
    } else if (!err && str_eqc(act, "decision") && g.judged) {
        kind = LEDGER_DECISION;
        decision(v, &g, &w);
    } else if (!err) {
        err = AM_E_SYNTAX;
    }
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = web_propose(v, kind, buf_str(&record));
    if (err == AM_E_INVALID || err == AM_E_TOOMANY)
        err = file_page(v, am_err_http(err), &g);
    file_release(&g);
    buf_release(&record);
    return err;
}
