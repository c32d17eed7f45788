/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of the commission's page: admissibility, assignment, decision, reinstatement,
 * a label kept, lowered or raised.
 * Outcomes and levels are computed from the evidence; a form may only ask for something
 * stricter, with a derogation, or for an earlier end. */
#include "base/clock.h"
#include "web/web_site_commission_priv.h"

bool web_commission_key(const struct json *k, const char *role, const char *function)
{
    return json_str_is(json_get(k, "role"), role) &&
           (!function || json_str_is(json_get(k, "function"), function));
}

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
        if (web_commission_key(k.val, role, function))
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

static struct str field(struct web_visit *v, const char *name)
{
    return str_trim(web_kept(v, name, STR("")));
}

/* ---- admissibility, assignment ------------------------------------------------------
 */
static void admissibility(struct web_visit *v, const struct web_file *g, struct jw *w)
{
    begin(v, w, "msps", org_of(json_root(g->facts), "msps", "registry_desk"));
    jw_kstrz(w, "type", "admissibility");
    jw_kstr(w, "verdict", field(v, "verdict"));
    words(w, "pointers", field(v, "pointers"));
    jw_obj_end(w);
}

static void assignment(struct web_visit *v, const struct web_file *g, struct jw *w)
{
    begin(v, w, "has", org_of(json_root(g->facts), "has", NULL));
    jw_kstrz(w, "type", "assignment");
    jw_kstr(w, "rapporteur", field(v, "rapporteur"));
    jw_kstr(w, "bench_operator", field(v, "bench"));
    jw_kstr(w, "requested_level", field(v, "level"));
    words(w, "sealed_data", field(v, "sealed"));
    jw_kbool(w, "no_conflict", field(v, "no_conflict").n > 0);
    jw_obj_end(w);
}

/* ---- days ---------------------------------------------------------------------------
 */
void web_commission_day(struct jw *w, const char *key, int64_t at)
{
    char text[TIME_TEXT];
    jw_kstr(w, key, str_sub(str_c(time_format(at, text)), 0, 10));
}

/* The last second of the day a field names, or `latest` when that is the day or nothing
 * is typed; later is a problem of `path`. */
static int64_t last_of(struct web_visit *v, const char *name, const char *path,
                       int64_t latest)
{
    struct str day = field(v, name);
    int64_t at = latest;
    if (!day.n)
        return latest;
    if (time_parse_date(day, &at) || at < 0) {
        diag_err(&v->d, path, "commission.day", "a day: YYYY-MM-DD");
        return latest;
    }
    if (at > latest)
        diag_err(&v->d, path, "commission.too_late", "later than the latest day");
    return AM_MIN(at + TIME_DAY - TIME_SECOND, latest);
}

static int64_t second_of(int64_t at)
{
    return at / TIME_SECOND * TIME_SECOND;
}

/* terms.<level> of the policy from now; 0: none. */
int64_t web_commission_term(const struct web_visit *v, const struct web_file *g,
                            enum label_level level)
{
    struct str term =
        json_get_str(json_get(json_root(g->policy), "terms"), label_level_name(level));
    int64_t end;
    return term.n && time_add_iso(second_of(v->now), term, &end) == AM_OK ? end : 0;
}

int64_t web_commission_expiry(const struct web_file *g)
{
    int64_t at;
    struct str s = json_get_str(json_get(json_root(g->facts), "version"), "expires_at");
    return s.n && time_parse(s, &at) == AM_OK ? at : 0;
}

/* ---- what all decisions say ---------------------------------------------------------
 */
/* Who signs declares to have no interest: asked of each when signing (/sign). */
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

static void groups(const struct label_result *r, struct jw *w)
{
    jw_key(w, "undemonstrated_groups");
    jw_arr(w);
    for (size_t i = 0; i < r->n_undemonstrated; i++)
        jw_strz(w, r->undemonstrated[i]);
    jw_arr_end(w);
}

void web_decision_begin(struct web_visit *v, const struct web_file *g, struct jw *w,
                        const char *role, const char *what, enum label_level level)
{
    bool raised = level > g->asked; /* computed at the level above the one there is */
    const char *function = strcmp(role, "has") ? NULL : "commissioner";
    begin(v, w, role, org_of(json_root(g->facts), role, function));
    jw_kstrz(w, "outcome", what);
    jw_kstrz(w, "outcome_computed", raised ? g->next.outcome : g->label.outcome);
    jw_kstrz(w, "requested_level", label_level_name(raised ? level : g->asked));
    jw_kstrz(w, "label_level", label_level_name(level));
}

/* When it was decided and until when it holds; end 0: it does not. */
void web_decision_period(struct web_visit *v, struct jw *w, int64_t end)
{
    char at[TIME_TEXT];
    jw_kstrz(w, "decided_at", time_format(second_of(v->now), at));
    if (end)
        jw_kstrz(w, "expires_at", time_format(end, at));
}

/* The name of the box that cites a report. */
static void report_box(const struct json *report, char out[CRYPTO_HEX + 1])
{
    snprintf(out, CRYPTO_HEX + 1, "r%.*s", STR_FMT(json_get_str(report, "payload")));
}

void web_commission_reports(struct web_visit *v, const struct web_file *g)
{
    const struct json *x = json_get(json_root(g->facts), "version");
    jw_key(&v->w, "reports");
    jw_arr(&v->w);
    for (json_each(it, json_get(x, "sandbox_reports"))) {
        char box[CRYPTO_HEX + 1];
        if (!json_str_is(json_get(it.val, "outcome"), "success"))
            continue;
        report_box(it.val, box);
        jw_obj(&v->w);
        jw_kstrz(&v->w, "box", box);
        jw_kval(&v->w, "index", json_get(it.val, "index"));
        jw_kbool(&v->w, "ticked", web_kept(v, box, STR("")).n > 0);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

/* The evidence it rests on, and the reports of sandboxes that were ticked. */
static void cited(struct web_visit *v, const struct json *x, enum label_level judged,
                  struct jw *w)
{
    jw_key(w, "evidence");
    jw_arr(w);
    web_change_cite(w, x, judged);
    for (json_each(it, json_get(x, "sandbox_reports"))) {
        char box[CRYPTO_HEX + 1];
        report_box(it.val, box);
        if (http_form(v->req, box).n)
            jw_val(w, json_get(it.val, "payload"));
    }
    jw_arr_end(w);
}

/* judged: the level the fold evaluates the evidence at. */
void web_decision_grounds(struct web_visit *v, const struct web_file *g, struct jw *w,
                          enum label_level judged)
{
    const struct json *f = json_root(g->facts);
    struct str condition = field(v, "condition");
    jw_key(w, "conditions");
    jw_arr(w);
    if (condition.n) {
        jw_obj(w);
        jw_kstr(w, text_lang_code(v->l), condition);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kval(w, "policy_sha256", json_get(f, "policy"));
    cited(v, json_get(f, "version"), judged, w);
    chosen(v, f, w);
}

/* ---- V7, V8 --------------------------------------------------------------------------
 */
struct choice {
    const char *outcome;
    enum label_level level; /* granted: which */
    bool stricter;          /* than computed */
    char value[32];         /* of the form */
};

/* The nth thing that may be decided: what is computed, then ever stricter. */
static bool choice_at(const struct web_file *g, size_t n, struct choice *c)
{
    size_t granted =
               strcmp(g->label.outcome, "granted")
                   ? 0
                   : (size_t)web_change_most(json_get(json_root(g->facts), "version"),
                                             g->label.reached),
           all = granted + (strcmp(g->label.outcome, "refused") ? 2 : 1);
    if (n >= all)
        return false;
    *c = (struct choice){n + 1 < all ? "deferred" : "refused", LABEL_NONE,
                         n > 0 || (!granted && !strcmp(g->label.outcome, "granted")), ""};
    if (n < granted) {
        c->outcome = "granted";
        c->level = (enum label_level)(granted - n);
    }
    snprintf(c->value, sizeof c->value, "%s.%s", c->outcome, label_level_name(c->level));
    return true;
}

void web_commission_choices(struct web_visit *v, const struct web_file *g)
{
    struct str asked = web_kept(v, "outcome", STR(""));
    struct choice c;
    jw_key(&v->w, "choices");
    jw_arr(&v->w);
    for (size_t i = 0; choice_at(g, i, &c); i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "value", c.value);
        jw_kstrz(&v->w, "outcome", c.outcome);
        if (c.level != LABEL_NONE)
            jw_kstrz(&v->w, "level", label_level_name(c.level));
        jw_kbool(&v->w, "computed", !c.stricter);
        jw_kbool(&v->w, "selected", asked.n ? str_eqc(asked, c.value) : i == 0);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    web_commission_day(&v->w, "today", v->now);
    if (choice_at(g, 0, &c) && c.level != LABEL_NONE)
        web_commission_day(&v->w, "latest", web_commission_term(v, g, c.level));
}

static void choose(struct web_visit *v, const struct web_file *g, struct choice *out)
{
    struct str asked = field(v, "outcome");
    struct choice c;
    am_assert(choice_at(g, 0, out)); /* a file that was judged has an outcome */
    for (size_t i = 0; asked.n && choice_at(g, i, &c); i++)
        if (str_eqc(asked, c.value)) {
            *out = c;
            return;
        }
    if (asked.n)
        diag_err(&v->d, "/outcome", "commission.outcome", "not stricter than computed");
}

static void motives(const struct web_file *g, struct jw *w)
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

/* Stricter than computed: why, on which rows, until when it is looked at again. */
static void derogation(struct web_visit *v, struct jw *w, int64_t latest)
{
    struct str why = field(v, "derogation_reason"), rows = field(v, "derogation_rows");
    int64_t until = last_of(v, "derogation_until", "/derogation/until", latest);
    char at[TIME_TEXT];
    if (!why.n)
        diag_err(&v->d, "/derogation/reason", "commission.derogation_reason",
                 "stricter than computed needs a reason");
    if (!rows.n)
        diag_err(&v->d, "/derogation/rows", "commission.derogation_rows",
                 "the rows it is about");
    jw_key(w, "derogation");
    jw_obj(w);
    jw_key(w, "reason");
    jw_obj(w);
    jw_kstr(w, text_lang_code(v->l), why);
    jw_obj_end(w);
    words(w, "rows", rows);
    jw_kstrz(w, "until", time_format(until, at));
    jw_obj_end(w);
}

/* Where it holds, as the form says. */
static void typed_scope(struct web_visit *v, const struct web_file *g,
                        const struct label_result *r, struct jw *w)
{
    jw_key(w, "scope");
    jw_obj(w);
    words(w, "gst", field(v, "gst"));
    words(w, "establishments", field(v, "houses"));
    words(w, "uses", json_get_str(json_get(json_root(g->facts), "version"), "use_code"));
    groups(r, w);
    jw_obj_end(w);
}

static void decision(struct web_visit *v, const struct web_file *g, struct jw *w)
{
    struct choice c;
    choose(v, g, &c);
    int64_t end = c.level == LABEL_NONE ? 0 : web_commission_term(v, g, c.level);
    int64_t year = second_of(v->now) + 365 * TIME_DAY;
    web_decision_begin(v, g, w, "has", c.outcome, c.level);
    typed_scope(v, g, &g->label, w);
    web_decision_period(v, w, end ? last_of(v, "expires", "/expires_at", end) : 0);
    if (!end)
        motives(g, w);
    if (c.stricter)
        derogation(v, w, end ? end : year);
    web_decision_grounds(v, g, w, g->asked);
    jw_obj_end(w);
}

/* ---- V15 -----------------------------------------------------------------------------
 */
static enum label_level most(const struct web_file *g)
{
    return web_change_most(json_get(json_root(g->facts), "version"),
                           AM_MIN(g->label.reached, g->asked)); /* asked: it had */
}

void web_commission_levels(struct web_visit *v, const struct web_file *g)
{
    struct str asked = web_kept(v, "level", STR(""));
    jw_key(&v->w, "levels");
    jw_arr(&v->w);
    for (int l = (int)most(g); l > LABEL_NONE; l--) {
        const char *name = label_level_name((enum label_level)l);
        jw_obj(&v->w);
        jw_kstrz(&v->w, "level", name);
        jw_kbool(&v->w, "selected", asked.n ? str_eqc(asked, name) : l == (int)most(g));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    web_commission_day(&v->w, "today", v->now);
    if (web_commission_expiry(g))
        web_commission_day(&v->w, "latest", web_commission_expiry(g));
}

/* Where and for what the label held before it was suspended: no wider now. */
void web_decision_scope(const struct web_file *g, struct jw *w)
{
    const struct json *x = json_get(json_root(g->facts), "version"),
                      *scope = json_get(x, "scope");
    jw_key(w, "scope");
    jw_obj(w);
    jw_kval(w, "gst", json_get(scope, "gst"));
    jw_kval(w, "establishments", json_get(scope, "establishments"));
    words(w, "uses", json_get_str(x, "use_code"));
    groups(&g->label, w);
    jw_obj_end(w);
}

/* Who suspended must be among those who sign. */
static void check_suspenders(struct web_visit *v, const struct json *f)
{
    for (json_each(role, json_get(f, "suspenders"))) {
        bool found = false;
        for (json_each(k, json_get(f, "keys"))) {
            char name[CRYPTO_HEX + 1];
            snprintf(name, sizeof name, "k%.*s", STR_FMT(json_get_str(k.val, "key_id")));
            found |= str_eq(json_get_str(k.val, "role"), json_str(role.val)) &&
                     http_form(v->req, name).n;
        }
        if (!found)
            diag_err(&v->d, "/signers", "guard.suspender",
                     "the authority that suspended has not signed");
    }
}

static void reinstated(struct web_visit *v, const struct web_file *g, struct jw *w)
{
    const struct json *f = json_root(g->facts);
    struct str level = field(v, "level"), reason = field(v, "reason");
    enum label_level given;
    if (label_level_parse(level, &given) || given == LABEL_NONE || given > most(g))
        diag_err(&v->d, "/label_level", "guard.level", "not a level it may get back");
    if (!reason.n)
        diag_err(&v->d, "/reason", "guard.reason", "compulsory");
    check_suspenders(v, f);
    web_decision_begin(v, g, w, "has", "reinstated", given);
    web_decision_scope(g, w);
    web_decision_period(v, w,
                        last_of(v, "expires", "/expires_at", web_commission_expiry(g)));
    jw_kstr(w, "reason", reason);
    web_decision_grounds(v, g, w, g->asked);
    jw_obj_end(w);
}

/* ---- V11, V12, V13 -------------------------------------------------------------------
 */
static void kept(struct web_visit *v, const struct web_file *g, struct jw *w)
{
    struct str asked = field(v, "keep"), reason = field(v, "reason");
    int64_t end = web_commission_expiry(g);
    struct web_keep k = {.outcome = "maintained", .level = g->asked};
    bool found = false;
    for (size_t i = 0; !found && web_commission_keep_at(g, i, &k); i++)
        found = str_eqc(asked, k.value);
    if (!found)
        diag_err(&v->d, "/outcome", "commission.keep", "not what the evidence allows");
    if (found && !strcmp(k.outcome, "reduced") && !reason.n)
        diag_err(&v->d, "/reason", "guard.reason", "compulsory");
    web_decision_begin(v, g, w, "has", k.outcome, k.level);
    if (k.level > g->asked) {
        typed_scope(v, g, &g->next, w);
        end = web_commission_term(v, g, k.level);
    } else {
        web_decision_scope(g, w);
    }
    web_decision_period(v, w, last_of(v, "expires", "/expires_at", end));
    if (reason.n)
        jw_kstr(w, "reason", reason);
    web_decision_grounds(v, g, w, AM_MAX(k.level, g->asked));
    jw_obj_end(w);
}

/* --------------------------------------------------------------------------------------
 */
int web_commission_text(struct web_visit *v, const struct web_file *g,
                        enum ledger_kind *kind, struct buf *out)
{
    struct str act = http_form(v->req, "act");
    struct jw w;
    jw_init(&w, out);
    *kind = LEDGER_EVENT;
    if (str_eqc(act, "admissibility")) {
        admissibility(v, g, &w);
    } else if (str_eqc(act, "assignment")) {
        assignment(v, g, &w);
    } else if (str_eqc(act, "decision") && g->judged) {
        *kind = LEDGER_DECISION;
        decision(v, g, &w);
    } else if (str_eqc(act, "reinstated") && g->judged) {
        *kind = LEDGER_DECISION;
        reinstated(v, g, &w);
    } else if (str_eqc(act, "kept") && g->judged) {
        *kind = LEDGER_DECISION;
        kept(v, g, &w);
    } else {
        return AM_E_SYNTAX;
    }
    int err = jw_done(&w);
    return err ? err : diag_result(&v->d);
}
