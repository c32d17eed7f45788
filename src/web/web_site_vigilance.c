/* SPDX-License-Identifier: Apache-2.0 */
/* Vigilance: counts for everybody, cases for those concerned (registry_reach.c); the
 * report and what follows it, made here and signed at /sign. */
#include "base/clock.h"
#include "web/web_site_priv.h"
#include "web/web_site_sign_priv.h"

enum { FIELD_MAX = 20000 };

static const char *const severities[] = {"non_serious", "serious", "life_threatening",
                                         "death"};
static const char *const answers[] = {"acknowledged", "root_cause_found",
                                      "correction_planned", "corrected", "contested"};
static const char *const outcomes[] = {"corrected", "no_action", "withdrawn",
                                       "duplicate"};

/* ---- facts ------------------------------------------------------------------------ */
static const struct auth_account *reader(const struct web_visit *v)
{
    return v->signed_in ? &v->who : NULL;
}

/* By its first entry of the log, which says nothing that is not public. */
static void case_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    snprintf(out, WEB_LIST_KEY, "%llu",
             (unsigned long long)ledger_case_at(x->l, place)->history.v[0]);
}

static bool case_wanted(const struct web_list *x, size_t place)
{
    return registry_reads_case(x->l, reader(x->arg), ledger_case_at(x->l, place)) > 0;
}

static int list_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                      struct jw *w, void *arg)
{
    struct ledger_places some = {0};
    struct web_list x = {
        .l = l, .arg = v, .n = ledger_cases(l), .key = case_key, .wanted = case_wanted};
    bool all;
    int err = registry_cases(l, reader(v), NULL, &some, &all);
    (void)cosigned;
    (void)arg;
    x.places = all ? NULL : &some;
    if (!err)
        web_list_find(v, &x);
    web_list_facts(&x, w);
    jw_key(w, "counts");
    ledger_vigilance_json(l, NULL, v->now, w);
    jw_key(w, "cases");
    jw_arr(w);
    for (size_t i = 0; i < x.shown; i++) {
        const struct ledger_case *c = ledger_case_at(l, x.place[i]);
        ledger_case_json(l, c, registry_reads_case(l, reader(v), c) > 1, v->now, w);
    }
    jw_arr_end(w);
    vec_release(&some);
    return err;
}

static int case_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                      struct jw *w, void *arg)
{
    const struct ledger_case *c = ledger_case_find(l, v->arg);
    unsigned reads = c ? registry_reads_case(l, reader(v), c) : 0;
    (void)cosigned;
    (void)arg;
    if (!reads)
        return AM_E_NOTFOUND;
    jw_key(w, "case");
    ledger_case_json(l, c, reads > 1, v->now, w);
    return AM_OK;
}

/* Members of a case as a page needs them: instants as numbers, state in words. */
static void put_case(struct web_visit *v, const struct json *c)
{
    static const char *const instant[] = {"aware_at",      "deadline_at", "reported_at",
                                          "answer_due_at", "answered_at", "closed_at"};
    static const char *const plain[] = {
        "case_id",       "model_digest", "algorithm_id", "version_label",
        "supplier",      "severity",     "widespread",   "false_negative",
        "personal_data", "report_late",  "late",         "establishment",
        "gst",           "by_org",       "by_role",      "terms",
        "traces",        "answer_code",  "outcome_code", "history"};
    for (size_t i = 0; i < AM_LEN(instant); i++)
        web_ktime(&v->w, instant[i], json_get_str(c, instant[i]));
    for (size_t i = 0; i < AM_LEN(plain); i++)
        if (json_get(c, plain[i]))
            jw_kval(&v->w, plain[i], json_get(c, plain[i]));
    web_kname(v, "name", json_get_str(c, "model_digest"));
    jw_kbool(&v->w, "open", !json_get_str(c, "closed_at").n);
}

int web_page_vigilance(struct web_visit *v)
{
    static const char *const count[] = {"cases", "serious", "open", "late",
                                        "serious_false_negatives"};
    struct json_doc *facts = NULL;
    int err = web_facts(v, list_facts, NULL, &facts);
    const struct json *f = json_root(facts), *cases = json_get(f, "cases");
    if (!err) {
        web_open(v);
        jw_key(&v->w, "counts");
        jw_arr(&v->w);
        for (size_t i = 0; i < AM_LEN(count); i++) {
            jw_obj(&v->w);
            jw_kstrz(&v->w, "what", count[i]);
            jw_kval(&v->w, "n", json_get(json_get(f, "counts"), count[i]));
            jw_obj_end(&v->w);
        }
        jw_arr_end(&v->w);
        jw_kbool(&v->w, "may_report", v->signed_in && auth_may(&v->who, AUTH_PROPOSE));
        jw_kbool(&v->w, "anonymous", !v->signed_in);
        web_list_pager(v, f, "cases");
        jw_key(&v->w, "cases");
        jw_arr(&v->w);
        for (json_each(it, cases)) {
            jw_obj(&v->w);
            put_case(v, it.val);
            jw_obj_end(&v->w);
        }
        jw_arr_end(&v->w);
        err = web_send(
            v, 200, "vigilance",
            (struct web_page){.title_id = "vigilance.title", .nav = "nav.vigilance"});
    }
    json_free(facts);
    return err;
}

/* ---- forms ------------------------------------------------------------------------ */
static void options(struct web_visit *v, const char *key, const char *const *code,
                    size_t n, struct str chosen)
{
    jw_key(&v->w, key);
    jw_arr(&v->w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "code", code[i]);
        jw_kbool(&v->w, "selected", str_eqc(chosen, code[i]));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static struct str field(const struct web_visit *v, const char *name)
{
    struct str s = str_trim(http_form(v->req, name));
    return s.n <= FIELD_MAX ? web_text_or(s) : STR("");
}

/* Values kept when a form comes back. */
static void keep(struct web_visit *v, const char *const *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        jw_kstr(&v->w, name[i], field(v, name[i]));
}

/* Words separated by spaces, commas or lines, as an array. */
static void words(struct jw *w, const char *key, struct str text)
{
    size_t from = 0;
    jw_key(w, key);
    jw_arr(w);
    for (size_t i = 0; i <= text.n; i++) {
        bool cut = i == text.n || strchr(" ,;\r\n\t", text.p[i]);
        if (!cut)
            continue;
        if (i > from)
            jw_str(w, str_sub(text, from, i));
        from = i + 1;
    }
    jw_arr_end(w);
}

/* "2026-11-04T16:30" of a form, read as UTC. */
static void instant(struct jw *w, const char *key, struct str text)
{
    jw_key(w, key);
    jw_strf(w, "%.*s%s", (int)AM_MIN(text.n, 32), text.p ? text.p : "",
            text.n == 16 ? ":00Z" : "Z");
}

static void head(struct web_visit *v, struct jw *w, const char *type)
{
    char at[TIME_TEXT];
    jw_obj(w);
    jw_kstrz(w, "type", type);
    jw_kstrz(w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(w, "issuer");
    jw_obj(w);
    jw_kstrz(w, "role", ledger_role_name(v->who.role));
    jw_kstrz(w, "org_id", v->who.org_id);
    jw_obj_end(w);
}

static bool checked(const struct web_visit *v, const char *name)
{
    return http_form(v->req, name).n > 0;
}

/* VIG-<year>-<50 random bits>: says nothing about anybody. */
static int case_number(const struct web_visit *v, char out[LEDGER_ID_MAX])
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t random[10];
    int year, month, day, err = crypto_random(random, sizeof random);
    if (err)
        return err;
    time_ymd(v->now, &year, &month, &day);
    int n = snprintf(out, LEDGER_ID_MAX, "VIG-%04d-", year);
    for (size_t i = 0; i < sizeof random; i++)
        out[(size_t)n + i] = base32[random[i] & 31];
    out[(size_t)n + sizeof random] = 0;
    return AM_OK;
}

static const char *const report_fields[] = {"gst", "aware", "traces", "terms"};

static int report_form(struct web_visit *v, int status)
{
    struct str severity = field(v, "severity");
    web_open(v);
    keep(v, report_fields, AM_LEN(report_fields));
    jw_kstr(&v->w, "model",
            v->req->method == HTTP_GET
                ? web_text_or(str_sub(http_query(v->req, "model"), 0, 64))
                : field(v, "model"));
    options(v, "severities", severities, AM_LEN(severities), severity);
    jw_kstrz(&v->w, "establishment", v->who.establishment);
    jw_kbool(&v->w, "widespread", checked(v, "widespread"));
    jw_kbool(&v->w, "false_negative", checked(v, "false_negative"));
    jw_kbool(&v->w, "personal_data", checked(v, "personal_data"));
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    return web_send(v, status, "vigilance_report",
                    (struct web_page){.title_id = "vigilance.report",
                                      .nav = "nav.vigilance",
                                      .url = STR("/vigilance/report")});
}

int web_page_report(struct web_visit *v)
{
    return report_form(v, 200);
}

static int report_record(struct web_visit *v, struct buf *out)
{
    char id[LEDGER_ID_MAX];
    struct jw w;
    int err = case_number(v, id);
    jw_init(&w, out);
    head(v, &w, "vigilance");
    jw_kstrz(&w, "case_id", id);
    jw_kstr(&w, "model_digest", field(v, "model"));
    if (v->who.establishment[0])
        jw_kstrz(&w, "establishment", v->who.establishment);
    if (field(v, "gst").n)
        jw_kstr(&w, "gst", field(v, "gst"));
    jw_kstr(&w, "severity", field(v, "severity"));
    jw_kbool(&w, "widespread", checked(v, "widespread"));
    jw_kbool(&w, "false_negative", checked(v, "false_negative"));
    jw_kbool(&w, "personal_data", checked(v, "personal_data"));
    instant(&w, "aware_at", field(v, "aware"));
    words(&w, "traces", field(v, "traces"));
    words(&w, "terms", field(v, "terms"));
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

/* What the reader can put right comes back in the form. */
static bool correctable(int err)
{
    return err == AM_E_INVALID || err == AM_E_SYNTAX || err == AM_E_CONFLICT ||
           err == AM_E_TOOMANY;
}

int web_page_report_post(struct web_visit *v)
{
    struct buf record;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&record, 1 << 20);
    err = report_record(v, &record);
    if (!err)
        err = web_propose(v, LEDGER_EVENT, buf_str(&record));
    buf_release(&record);
    return correctable(err) ? report_form(v, am_err_http(err)) : err;
}

/* ---- one case --------------------------------------------------------------------- */
static bool closes(const struct web_visit *v)
{
    return v->who.role == LEDGER_HAS || v->who.role == LEDGER_MSPS;
}

/* The terms by annex of the IMDRF terminology, and what a closure still needs. */
static void put_annexes(struct web_visit *v, const struct json *c)
{
    bool open = !json_get_str(c, "closed_at").n;
    jw_key(&v->w, "annexes");
    jw_arr(&v->w);
    for (char annex = 'a'; annex <= 'g'; annex++) {
        size_t n = 0;
        for (json_each(it, json_get(c, "terms")))
            n += json_str(it.val).n && (json_str(it.val).p[0] | 0x20) == annex;
        bool lacks = open && !n && annex >= 'b' && annex <= 'd';
        if (!n && !lacks)
            continue;
        jw_obj(&v->w);
        jw_kstr(&v->w, "annex", (struct str){&annex, 1});
        jw_kbool(&v->w, "lacks", lacks);
        jw_key(&v->w, "codes");
        jw_arr(&v->w);
        for (json_each(it, json_get(c, "terms")))
            if (json_str(it.val).n && (json_str(it.val).p[0] | 0x20) == annex)
                jw_val(&v->w, it.val);
        jw_arr_end(&v->w);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static int case_page(struct web_visit *v, int status)
{
    static const char *const fields[] = {"aware", "terms_new"};
    struct json_doc *facts = NULL;
    int err = web_facts(v, case_facts, NULL, &facts);
    const struct json *c = json_get(json_root(facts), "case");
    if (!err) {
        bool vendor = v->who.role == LEDGER_VENDOR;
        web_open(v);
        put_case(v, c);
        keep(v, fields, AM_LEN(fields));
        jw_kstr(&v->w, "traces_new", field(v, "traces"));
        jw_kbool(&v->w, "closing", str_eqc(field(v, "step"), "closure"));
        jw_kbool(&v->w, "may_follow",
                 auth_may(&v->who, AUTH_PROPOSE) && !json_get_str(c, "closed_at").n);
        jw_kbool(&v->w, "answers", vendor);
        jw_kbool(&v->w, "closes", closes(v));
        options(v, "answer_codes", answers, AM_LEN(answers), field(v, "code"));
        options(v, "outcome_codes", outcomes, AM_LEN(outcomes), field(v, "outcome"));
        options(v, "severities", severities, AM_LEN(severities), field(v, "severity"));
        put_annexes(v, c);
        web_problems(&v->w, "problems", v->l, &v->d);
        jw_kbool(&v->w, "has_problems", v->d.n > 0);
        jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
        err = web_send(
            v, status, "vigilance_case",
            (struct web_page){.title_id = "vigilance.case", .nav = "nav.vigilance"});
    }
    json_free(facts);
    return err;
}

int web_page_case(struct web_visit *v)
{
    return case_page(v, 200);
}

static int follow_record(struct web_visit *v, struct buf *out)
{
    struct str step = v->who.role == LEDGER_VENDOR ? STR("answer") : field(v, "step");
    struct jw w;
    jw_init(&w, out);
    head(v, &w, "vigilance_followup");
    jw_kstr(&w, "case_id", v->arg);
    jw_kstr(&w, "step", step);
    if (str_eqc(step, "answer"))
        jw_kstr(&w, "code", field(v, "code"));
    else if (str_eqc(step, "closure"))
        jw_kstr(&w, "code", field(v, "outcome"));
    if (field(v, "severity").n) {
        jw_kstr(&w, "severity", field(v, "severity"));
        instant(&w, "aware_at", field(v, "aware"));
    }
    if (field(v, "terms_new").n)
        words(&w, "terms", field(v, "terms_new"));
    if (field(v, "traces").n)
        words(&w, "traces", field(v, "traces"));
    jw_obj_end(&w);
    return jw_done(&w);
}

int web_page_case_post(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    struct buf record;
    int err = web_check_csrf(v);
    if (!err) /* a case of others is not there */
        err = web_facts(v, case_facts, NULL, &facts);
    json_free(facts);
    if (err)
        return err;
    buf_init(&record, 1 << 20);
    err = follow_record(v, &record);
    if (!err)
        err = web_propose(v, LEDGER_EVENT, buf_str(&record));
    buf_release(&record);
    return correctable(err) ? case_page(v, am_err_http(err)) : err;
}
