/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_vigilance -- cases (lifecycle.md 9.1): a report, what is learnt, the supplier's
 * answer, the closure.
 *
 * A case carries codes, instants and commitments; there is no member for free text, so
 * there is none for a patient either. Deadlines are fixed when the report takes effect,
 * under the policy then in force (I12). */
#include <math.h>

#include "ledger/ledger_priv.h"
#include "stat/stat.h"

enum { TRACES_MAX = 100, TERMS_MAX = 100, CASE_ID = 19 }; /* VIG-2026-ABCDEFGHIJ */

static const struct {
    const char *name, *clock, *otherwise;
} severity[] = {
#define X(id, name, clock, otherwise) [LEDGER_##id] = {name, clock, otherwise},
    LEDGER_SEVERITY_MAP(X)
#undef X
};

const char *ledger_severity_name(enum ledger_severity s)
{
    return (size_t)s < AM_LEN(severity) ? severity[s].name : "?";
}

int ledger_severity_parse(struct str s, enum ledger_severity *out)
{
    for (size_t i = 0; i < AM_LEN(severity); i++)
        if (str_eqc(s, severity[i].name)) {
            *out = (enum ledger_severity)i;
            return AM_OK;
        }
    return AM_E_SYNTAX;
}

/* ---- forms ----------------------------------------------------------------------- */
static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool case_id_ok(struct str s)
{
    static const char form[] = "VIG-dddd-bbbbbbbbbb"; /* year, base32 of 50 random bits */
    for (size_t i = 0; i < CASE_ID && s.n == CASE_ID; i++) {
        char c = s.p[i], f = form[i];
        bool base32 = (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7');
        if (f == 'd' ? !digit(c) : f == 'b' ? !base32 : c != f)
            return false;
    }
    return s.n == CASE_ID;
}

/* IMDRF adverse event terminology: annex, then one to three levels of two digits; annex
 * G has two digits and three. */
static bool term_ok(struct str s)
{
    bool g = s.n && s.p[0] == 'G';
    if (s.n != 3 && (g ? s.n != 6 : s.n != 5 && s.n != 7))
        return false;
    if (s.p[0] < 'A' || s.p[0] > 'G')
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!digit(s.p[i]))
            return false;
    return true;
}

static unsigned annex_of(struct str term)
{
    return term_ok(term) ? 1U << (term.p[0] - 'A') : 0;
}

/* Bit per annex that a list of terms names. */
static unsigned check_terms(struct ledger_act *a)
{
    const struct json *list = json_get(a->r, "terms");
    unsigned annexes = 0;
    if (json_size(list) > TERMS_MAX)
        ledger_refuse(a, CODE_BAD_RECORD, "/terms", "more than %d", TERMS_MAX);
    for (json_each(it, list)) {
        char path[32];
        snprintf(path, sizeof path, "/terms/%zu", it.i);
        if (!term_ok(json_str(it.val)))
            ledger_refuse(a, CODE_BAD_RECORD, path, "an IMDRF code of annex A to G");
        annexes |= annex_of(json_str(it.val));
    }
    return annexes;
}

static void check_forms(struct ledger_act *a)
{
    static const char *const code[] = {"establishment", "gst", "code"};
    if (!case_id_ok(json_get_str(a->r, "case_id")))
        ledger_refuse(a, CODE_BAD_RECORD, "/case_id", "VIG-<year>-<10 of A-Z2-7>");
    for (size_t i = 0; i < AM_LEN(code); i++) {
        char path[32];
        snprintf(path, sizeof path, "/%s", code[i]);
        if (json_get(a->r, code[i]) && !ledger_code_ok(json_get_str(a->r, code[i])))
            ledger_refuse(a, CODE_BAD_RECORD, path, "a code");
    }
    if (json_get(a->r, "reason") || json_get(a->r, "supersedes"))
        ledger_refuse(a, CODE_BAD_RECORD, "/reason", "a case has no free text");
    ledger_check_digests(a, "traces", TRACES_MAX);
}

static enum ledger_severity severity_of(struct ledger_act *a, enum ledger_severity most)
{
    enum ledger_severity s = most;
    if (json_get(a->r, "severity") &&
        ledger_severity_parse(json_get_str(a->r, "severity"), &s))
        ledger_refuse(a, CODE_BAD_RECORD, "/severity", "non_serious to death");
    return s;
}

/* ---- clocks ---------------------------------------------------------------------- */
static int64_t after(const struct ledger_act *a, int64_t at, const char *clock,
                     const char *otherwise)
{
    int64_t due;
    return time_add_iso(at, ledger_clock(a->l->policy, clock, otherwise), &due) ? 0 : due;
}

/* The term of the severity; widespread harm has the short one whatever else it is. */
static int64_t deadline(const struct ledger_act *a, const struct ledger_case *c)
{
    int64_t due = 0, urgent;
    if (*severity[c->severity].clock)
        due = after(a, c->aware_at, severity[c->severity].clock,
                    severity[c->severity].otherwise);
    if (!c->widespread)
        return due;
    urgent = after(a, c->aware_at, "vigilance_urgent", "P2D");
    return due && due < urgent ? due : urgent;
}

static void check_awareness(struct ledger_act *a)
{
    int64_t at = ledger_time(json_get(a->r, "aware_at"));
    ledger_guard(a, at && at <= a->s->issued_at, GUARD_AWARENESS, "/aware_at",
                 "when the establishment knew: not after the report");
}

/* ---- report ---------------------------------------------------------------------- */
static int grow(void **v, size_t *cap, size_t need, size_t size)
{
    int err = AM_OK;
    while (!err && *cap < need)
        err = am_vec_grow(v, cap, size);
    return err;
}

/* All memory first: on success the lists of c have room for what the record names. */
static int reserve_lists(const struct ledger_act *a, struct ledger_case *c)
{
    size_t traces = json_size(json_get(a->r, "traces"));
    size_t terms = json_size(json_get(a->r, "terms"));
    int err = grow((void **)&c->trace.v, &c->trace.cap, c->trace.n + traces,
                   sizeof *c->trace.v);
    if (!err)
        err =
            grow((void **)&c->term.v, &c->term.cap, c->term.n + terms, sizeof *c->term.v);
    return err ? err : vec_room(&c->history);
}

static bool has_term(const struct ledger_case *c, struct str code)
{
    for (size_t i = 0; i < c->term.n; i++)
        if (str_eqc(code, c->term.v[i].code))
            return true;
    return false;
}

static void take_lists(const struct ledger_act *a, struct ledger_case *c)
{
    for (json_each(it, json_get(a->r, "traces"))) {
        struct tlog_hash h;
        bool known = !ledger_unhex(it.val, h.h);
        for (size_t i = 0; !known && i < c->trace.n; i++)
            known = memcmp(c->trace.v[i].h, h.h, sizeof h.h) == 0;
        if (!known)
            c->trace.v[c->trace.n++] = h;
    }
    for (json_each(it, json_get(a->r, "terms"))) {
        struct ledger_imdrf t;
        if (has_term(c, json_str(it.val)))
            continue;
        ledger_copy(t.code, sizeof t.code, json_str(it.val));
        c->term.v[c->term.n++] = t;
    }
    c->history.v[c->history.n++] = a->index;
}

void ledger_case_drop(struct ledger_case *c)
{
    vec_release(&c->trace);
    vec_release(&c->term);
    vec_release(&c->history);
}

static void fill_case(struct ledger_act *a, struct ledger_case *c)
{
    const struct ledger_key *me = ledger_signer_key(a);
    (void)ledger_unhex(json_get(a->r, "model_digest"), c->model_digest);
    ledger_copy(c->id, sizeof c->id, json_get_str(a->r, "case_id"));
    ledger_copy(c->establishment, sizeof c->establishment,
                json_get_str(a->r, "establishment"));
    ledger_copy(c->gst, sizeof c->gst, json_get_str(a->r, "gst"));
    ledger_copy(c->by_org, sizeof c->by_org, str_c(me->org_id));
    c->by_role = me->role;
    c->severity = severity_of(a, LEDGER_NON_SERIOUS);
    c->widespread = json_bool(json_get(a->r, "widespread"), false);
    c->personal_data = json_bool(json_get(a->r, "personal_data"), false);
    c->false_negative = json_bool(json_get(a->r, "false_negative"), false);
    c->aware_at = ledger_time(json_get(a->r, "aware_at"));
    c->reported_at = a->s->issued_at;
    c->deadline_at = deadline(a, c);
    c->report_late = c->deadline_at && c->reported_at > c->deadline_at;
    c->answer_due_at = after(a, c->reported_at, "vigilance_answer", "P10D");
}

/* ---- counts ----------------------------------------------------------------------
 */
bool ledger_case_late(const struct ledger_case *c, int64_t at)
{
    int64_t answered = c->answered_at ? c->answered_at : c->closed_at;
    return c->report_late ||
           (c->answer_due_at && (answered ? answered : at) > c->answer_due_at);
}

static void count_case(const struct ledger_case *c, int64_t at,
                       struct ledger_vigilance *out)
{
    bool serious = c->severity >= LEDGER_SERIOUS;
    out->cases++;
    out->serious += serious;
    out->open += !c->closed_at;
    out->late += ledger_case_late(c, at);
    out->false_negatives += serious && c->false_negative;
}

/* Whether it is late depends on the hour until it is answered or closed. */
static bool unanswered(const struct ledger_case *c)
{
    return !c->answered_at && !c->closed_at;
}

/* A case enters the counts, or leaves them while it changes. */
static void count(struct ledger *l, const struct ledger_case *c, int sign)
{
    struct ledger_vigilance one = {0}, *all = &l->counted;
    count_case(c, 0, &one);
    all->cases += (uint64_t)(sign * (int64_t)one.cases);
    all->serious += (uint64_t)(sign * (int64_t)one.serious);
    all->open += (uint64_t)(sign * (int64_t)one.open);
    all->false_negatives += (uint64_t)(sign * (int64_t)one.false_negatives);
    if (!unanswered(c))
        all->late += (uint64_t)(sign * (int64_t)one.late);
}

static void drop_answered(struct ledger *l, size_t i)
{
    for (size_t k = 0; k < l->unanswered.n && !unanswered(&l->vigilance.v[i]); k++)
        if (l->unanswered.v[k] == i)
            l->unanswered.v[k] = l->unanswered.v[--l->unanswered.n];
}

/* Room in every list a case is in. */
static int reserve_places(struct ledger *l, const struct ledger_verrec *v,
                          const struct ledger_case *c)
{
    int err = ledger_list_room(l, LEDGER_CASES_OF_MODEL, ledger_model(v));
    if (!err)
        err = ledger_list_room(l, LEDGER_CASES_OF_SUPPLIER, str_c(v->v.org_id));
    if (!err)
        err = ledger_list_room(l, LEDGER_CASES_OF_HOUSE, str_c(c->establishment));
    return err ? err : vec_room(&l->unanswered);
}

static int report(struct ledger_act *a)
{
    struct ledger *l = a->l;
    struct ledger_verrec *v;
    struct ledger_case c = {0};
    unsigned annexes = check_terms(a);
    int err;
    check_awareness(a);
    ledger_guard(a, (annexes & 1) && (annexes & (1U << 4 | 1U << 5)), GUARD_CASE_TERMS,
                 "/terms", "a first report names the problem (A) and an effect (E or F)");
    if (ledger_stopped_here(a))
        return AM_OK;
    v = &l->version.v[a->order];
    fill_case(a, &c);
    err = reserve_lists(a, &c);
    if (!err)
        err = vec_room(&v->vigilance);
    if (!err)
        err = reserve_places(l, v, &c);
    if (!err)
        err = map_set(&l->by_case, str_c(c.id), l->vigilance.n);
    if (!err)
        err = vec_room(&l->vigilance);
    if (err) {
        ledger_case_drop(&c);
        return err;
    }
    take_lists(a, &c);
    v->vigilance.v[v->vigilance.n++] = l->vigilance.n;
    ledger_list_join(l, LEDGER_CASES_OF_MODEL, ledger_model(v));
    ledger_list_join(l, LEDGER_CASES_OF_SUPPLIER, str_c(v->v.org_id));
    ledger_list_join(l, LEDGER_CASES_OF_HOUSE, str_c(c.establishment));
    l->unanswered.v[l->unanswered.n++] = l->vigilance.n;
    l->vigilance.v[l->vigilance.n++] = c;
    count(l, &c, 1);
    return AM_OK;
}

/* A vendor reports on its own versions, a node in its region, others in their house. */
static void check_reporter(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    struct str est = json_get_str(a->r, "establishment"), gst = json_get_str(a->r, "gst");
    bool ok = true;
    if (me->role == LEDGER_VENDOR)
        ok = strcmp(me->org_id, a->l->version.v[a->order].v.org_id) == 0;
    else if (me->role == LEDGER_SYSTEM)
        ok = est.n && str_eqc(gst, ledger_region(me));
    else
        ledger_check_place(a, est, gst);
    if (!ok)
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id",
                      "neither its version nor its region");
}

void ledger_plan_vigilance(struct ledger_act *a)
{
    uint8_t digest[32];
    check_forms(a);
    (void)severity_of(a, LEDGER_NON_SERIOUS);
    a->order = ledger_unhex(json_get(a->r, "model_digest"), digest)
                   ? ledger_find_version(a->l, digest)
                   : LEDGER_NONE;
    if (a->order == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_VERSION, "/model_digest", "never declared");
        return;
    }
    if (ledger_find_case(a->l, json_get_str(a->r, "case_id")) != LEDGER_NONE)
        ledger_refuse(a, CODE_EXISTS, "/case_id", "a case has this number");
    check_reporter(a);
    ledger_copy(a->rule, sizeof a->rule, STR("vigilance"));
    a->apply = report;
}

/* ---- what follows ---------------------------------------------------------------- */
static struct ledger_case *case_of(const struct ledger_act *a)
{
    return &a->l->vigilance.v[a->order];
}

static unsigned annexes_of(const struct ledger_case *c)
{
    unsigned all = 0;
    for (size_t i = 0; i < c->term.n; i++)
        all |= annex_of(str_c(c->term.v[i].code));
    return all;
}

/* A graver turn has its own awareness and so its own term; a case never gets milder. */
static void take_severity(struct ledger_act *a, struct ledger_case *c)
{
    enum ledger_severity s = severity_of(a, c->severity);
    bool spread = json_bool(json_get(a->r, "widespread"), c->widespread);
    if (s <= c->severity && spread <= c->widespread)
        return;
    c->severity = AM_MAX(s, c->severity);
    c->widespread |= spread;
    c->aware_at = ledger_time(json_get(a->r, "aware_at"));
    c->reported_at = a->s->issued_at;
    c->deadline_at = deadline(a, c);
    c->report_late |= c->deadline_at && c->reported_at > c->deadline_at;
}

static int coding(struct ledger_act *a)
{
    struct ledger_case *c = case_of(a);
    enum ledger_severity s = severity_of(a, c->severity);
    bool spread = json_bool(json_get(a->r, "widespread"), c->widespread);
    int err;
    (void)check_terms(a);
    if (s > c->severity || spread > c->widespread)
        check_awareness(a);
    if (c->term.n + json_size(json_get(a->r, "terms")) > 4 * TERMS_MAX ||
        c->trace.n + json_size(json_get(a->r, "traces")) > 4 * TRACES_MAX)
        ledger_refuse(a, CODE_BAD_RECORD, "/terms", "more than a case holds");
    if (ledger_stopped_here(a))
        return AM_OK;
    err = reserve_lists(a, c);
    if (err)
        return err;
    count(a->l, c, -1);
    take_severity(a, c);
    take_lists(a, c);
    count(a->l, c, 1);
    return AM_OK;
}

static int answer(struct ledger_act *a)
{
    struct ledger_case *c = case_of(a);
    int err;
    (void)check_terms(a);
    if (ledger_stopped_here(a))
        return AM_OK;
    err = reserve_lists(a, c);
    if (err)
        return err;
    count(a->l, c, -1);
    if (!c->answered_at)
        c->answered_at = a->s->issued_at;
    ledger_copy(c->answer_code, sizeof c->answer_code, json_get_str(a->r, "code"));
    take_lists(a, c);
    count(a->l, c, 1);
    drop_answered(a->l, a->order);
    return AM_OK;
}

static int closure(struct ledger_act *a)
{
    struct ledger_case *c = case_of(a);
    unsigned need = 1U << 1 | 1U << 2 | 1U << 3, have = annexes_of(c) | check_terms(a);
    int err;
    ledger_guard(a, (have & need) == need, GUARD_CASE_TERMS, "/terms",
                 "investigation (B), findings (C) and conclusion (D) before closure");
    if (ledger_stopped_here(a))
        return AM_OK;
    err = reserve_lists(a, c);
    if (err)
        return err;
    count(a->l, c, -1);
    c->closed_at = a->s->issued_at;
    ledger_copy(c->outcome_code, sizeof c->outcome_code, json_get_str(a->r, "code"));
    take_lists(a, c);
    count(a->l, c, 1);
    drop_answered(a->l, a->order);
    return AM_OK;
}

static void check_follower(struct ledger_act *a, const struct ledger_case *c)
{
    const struct ledger_key *me = ledger_signer_key(a);
    size_t v = ledger_find_version(a->l, c->model_digest);
    if (me->role != LEDGER_VENDOR)
        ledger_check_place(a, str_c(c->establishment), str_c(c->gst));
    else if (v == LEDGER_NONE || strcmp(me->org_id, a->l->version.v[v].v.org_id) != 0)
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id",
                      "not the supplier of this version");
}

void ledger_plan_followup(struct ledger_act *a)
{
    static const struct {
        const char *step;
        int (*apply)(struct ledger_act *);
        bool code;
    } table[] = {
        {"coding", coding, false}, {"answer", answer, true}, {"closure", closure, true}};
    struct str step = json_get_str(a->r, "step");
    const struct ledger_case *c;
    check_forms(a);
    a->order = ledger_find_case(a->l, json_get_str(a->r, "case_id"));
    if (a->order == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_CASE, "/case_id", "no such case");
        return;
    }
    c = case_of(a);
    ledger_guard(a, !c->closed_at, GUARD_CASE_CLOSED, "/case_id", "the case is closed");
    for (size_t i = 0; i < AM_LEN(table); i++)
        if (str_eqc(step, table[i].step)) {
            a->apply = table[i].apply;
            snprintf(a->rule, sizeof a->rule, "vigilance_followup.%s", table[i].step);
            if (table[i].code != (json_get(a->r, "code") != NULL))
                ledger_refuse(a, CODE_BAD_RECORD, "/code",
                              "an answer or a closure has one, a coding has none");
        }
    if (!a->apply) {
        ledger_refuse(a, CODE_BAD_RECORD, "/step", "coding, answer or closure");
        return;
    }
    check_follower(a, c);
}

/* ---- derived --------------------------------------------------------------------- */
void ledger_vigilance(const struct ledger *l, const uint8_t digest[32], int64_t at,
                      struct ledger_vigilance *out)
{
    size_t i = digest ? ledger_find_version(l, digest) : LEDGER_NONE;
    *out = (struct ledger_vigilance){0};
    if (!digest)
        *out = l->counted;
    for (size_t c = 0; !digest && c < l->unanswered.n; c++)
        out->late += ledger_case_late(&l->vigilance.v[l->unanswered.v[c]], at);
    for (size_t c = 0; i != LEDGER_NONE && c < l->version.v[i].vigilance.n; c++)
        count_case(&l->vigilance.v[l->version.v[i].vigilance.v[c]], at, out);
}

void ledger_false_negatives(const struct ledger *l, const struct ledger_version *v,
                            struct ledger_false_negatives *out)
{
    size_t i = ledger_find_version(l, v->digest);
    struct ledger_vigilance count;
    struct stat_ci mean;
    *out = (struct ledger_false_negatives){.declared = NAN, .lo = NAN, .hi = NAN};
    if (i == LEDGER_NONE)
        return;
    ledger_vigilance(l, v->digest, 0, &count);
    out->n = count.false_negatives;
    out->declared = l->version.v[i].fn_declared;
    for (size_t p = 0; p < l->version.v[i].deployment.n; p++)
        out->uses += l->deployment.v[l->version.v[i].deployment.v[p]].p.uses;
    if (!out->uses)
        return;
    mean = stat_poisson((int64_t)out->n);
    out->lo = mean.lo / (double)out->uses;
    out->hi = mean.hi / (double)out->uses;
    out->exceeds = out->lo > out->declared; /* NaN: false */
}
