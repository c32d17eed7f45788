/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_decide -- decisions that keep a label: V7, V8, V11, V12, V13, V15.
 *
 * The fold evaluates the policy again over the evidence in effect (I4): a decision may be
 * stricter than computed, with a reason, and never more lenient. */
#include "ledger/ledger_priv.h"

struct decision {
    enum ledger_level requested, level; /* asked, granted */
    int64_t decided_at, expires_at;     /* expires_at 0: none said */
    bool v7, v8, v11, v12, v13, v15, reason;
    enum ledger_level asked; /* evaluated: what was asked, or the level in force */
    bool rests;              /* on evidence of the parent too (V20) */
};

static void read_decision(struct ledger_act *a, const struct ledger_verrec *v,
                          struct decision *c)
{
    const char *id = a->o.transition;
    *c = (struct decision){
        .decided_at = ledger_time(json_get(a->r, "decided_at")),
        .expires_at = ledger_time(json_get(a->r, "expires_at")),
        .v7 = strcmp(id, "V7") == 0,
        .v8 = strcmp(id, "V8") == 0,
        .v11 = strcmp(id, "V11") == 0,
        .v12 = strcmp(id, "V12") == 0,
        .v13 = strcmp(id, "V13") == 0,
        .v15 = strcmp(id, "V15") == 0,
        .reason = ledger_has(a->r, "reason") ||
                  ledger_has(json_get(a->r, "derogation"), "reason"),
    };
    if (ledger_level_parse(json_get_str(a->r, "requested_level"), &c->requested))
        c->requested = LEDGER_LEVEL_NONE;
    if (ledger_level_parse(json_get_str(a->r, "label_level"), &c->level))
        c->level = LEDGER_LEVEL_NONE;
    c->asked = c->v7 || c->v8 || c->v11 ? c->requested : v->v.level;
    c->rests = ledger_rests(a->l, v, c->asked, a->s->issued_at);
}

/* ---- what it must cite ----------------------------------------------------------- */
static void check_policy(struct ledger_act *a)
{
    uint8_t digest[32];
    ledger_guard(a,
                 ledger_unhex(json_get(a->r, "policy_sha256"), digest) &&
                     memcmp(digest, a->l->policy->digest, 32) == 0,
                 GUARD_POLICY, "/policy_sha256", "not the policy in force");
}

/* The report of a sandbox that succeeded, of any version of the product line (B7): it may
 * be cited beside the evidence of this one. */
static bool sandboxed_success(const struct ledger *l, const struct ledger_verrec *v,
                              const uint8_t payload[32])
{
    for (size_t i = 0; i < l->sandbox.n; i++) {
        const struct ledger_sandbox *s = &l->sandbox.v[i];
        size_t of = ledger_find_version(l, s->model_digest);
        if (s->report.index && !memcmp(s->report.payload, payload, 32))
            return strcmp(s->outcome, "success") == 0 && of != LEDGER_NONE &&
                   !strcmp(l->version.v[of].v.algorithm_id, v->v.algorithm_id);
    }
    return false;
}

static size_t cited(const struct json *list, const struct ledger_verrec *v)
{
    size_t found = 0;
    for (size_t i = 0; i < v->v.evidence.n; i++) {
        bool there = false;
        uint8_t digest[32];
        for (json_each(it, list))
            there |= ledger_unhex(it.val, digest) &&
                     memcmp(digest, v->v.evidence.v[i].payload, 32) == 0;
        found += there;
    }
    return found;
}

/* All there is in effect; of the parent too when something rests on it (V20). */
static void check_evidence(struct ledger_act *a, const struct ledger_verrec *v,
                           bool rests)
{
    const struct json *list = json_get(a->r, "evidence");
    const struct ledger_verrec *p = rests ? &a->l->version.v[v->claim.parent] : NULL;
    size_t all = v->v.evidence.n + (p ? p->v.evidence.n : 0), found, reports = 0;
    for (json_each(it, list)) {
        uint8_t digest[32];
        reports += ledger_unhex(it.val, digest) && sandboxed_success(a->l, v, digest);
    }
    found = cited(list, v) + (p ? cited(list, p) : 0);
    ledger_guard(a, found == all && json_size(list) == found + reports, GUARD_EVIDENCE,
                 "/evidence",
                 "the %zu payload digests in effect, and reports of sandboxes of this"
                 " product line that succeeded; no others",
                 all);
}

static void check_signers(struct ledger_act *a)
{
    for (json_each(it, json_get(a->r, "signers"))) {
        char path[40];
        snprintf(path, sizeof path, "/signers/%zu/no_conflict", it.i);
        ledger_guard(a, json_bool(json_get(it.val, "no_conflict"), false),
                     GUARD_CONFLICT_OF_INTEREST, path, "must be declared");
    }
}

/* ---- what it may grant ----------------------------------------------------------- */
static void check_level(struct ledger_act *a, const struct ledger_verrec *v,
                        const struct decision *c)
{
    enum ledger_level now = v->v.level;
    bool ok = true;
    if (c->v7)
        ok = c->requested == v->v.requested && c->level >= LEDGER_BASE &&
             c->level <= c->requested;
    else if (c->v8)
        ok = c->requested == v->v.requested;
    else if (c->v11)
        ok = c->level == now + 1 && c->requested == c->level;
    else if (c->v12)
        ok = c->level + 1 == now && c->level >= LEDGER_BASE;
    else if (c->v13)
        ok = c->level == now;
    else if (c->v15)
        ok = c->level >= LEDGER_BASE && c->level <= now;
    ledger_guard(a, ok, GUARD_LEVEL, "/label_level",
                 "not a level this decision may give");
    if (c->v11)
        ledger_guard(a, ledger_rows_covered(a, v, c->requested), GUARD_ROWS, "/evidence",
                     "rows of the level asked are without evidence");
    if (c->v12 || c->v15)
        ledger_guard(a, c->reason, GUARD_REASON, "/reason", "compulsory");
}

/* terms.<level> from the day of the decision; a reduced, maintained or reinstated label
 * keeps its old term at most. */
static void check_term(struct ledger_act *a, const struct ledger_verrec *v,
                       const struct decision *c)
{
    struct str term =
        json_get_str(json_get(a->l->policy->root, "terms"), ledger_level_name(c->level));
    int64_t latest = 0;
    bool ok;
    if (c->v8)
        return;
    if (!term.n || time_add_iso(c->decided_at, term, &latest))
        latest = 0;
    if (c->v12 || c->v13 || c->v15) {
        ok = c->expires_at <= v->v.expires_at; /* 0, none said, keeps the old one */
        if (c->expires_at)
            ok &= c->expires_at > c->decided_at;
    } else {
        ok = c->expires_at > c->decided_at && c->expires_at <= latest;
    }
    ledger_guard(a, ok, GUARD_TERM, "/expires_at", "at most %.*s after the decision",
                 STR_FMT(term));
}

static int count_sites(struct ledger_act *a, const struct ledger_verrec *v, size_t *gsts,
                       size_t *sites)
{
    struct map seen;
    int err = AM_OK;
    map_init(&seen);
    *gsts = *sites = 0;
    for (size_t i = 0; !err && i < v->v.evidence.n; i++) {
        struct ledger_statement_view s;
        err = ledger_load(a->l, v->v.evidence.v[i].payload, &s);
        if (err)
            break;
        for (json_each(it, json_get(json_get(s.record, "dataset"), "sites"))) {
            static const char *const member[] = {"gst", "site"};
            for (int m = 0; m < 2 && !err; m++) {
                char key[LEDGER_ID_MAX + 8];
                struct str name = json_get_str(it.val, member[m]);
                snprintf(key, sizeof key, "%s:%.*s", member[m],
                         (int)AM_MIN(name.n, LEDGER_ID_MAX), name.p ? name.p : "");
                if (!name.n || map_has(&seen, str_c(key)))
                    continue;
                err = map_set(&seen, str_c(key), 1);
                ++*(m ? sites : gsts);
            }
        }
        ledger_statement_release(&s);
    }
    map_release(&seen);
    return err;
}

static bool pilot_closed(const struct ledger *l, const struct ledger_verrec *v)
{
    for (size_t i = v->fact.n; i-- > 0;) {
        const struct ledger_factrec *f = &l->fact.v[v->fact.v[i]];
        if (f->kind == LEDGER_FACT_PILOT_REPORT && f->good && !f->corrected)
            return true;
    }
    return false;
}

/* Every place where it runs reported within the last quarter, and one does run. */
static bool monitored(const struct ledger_act *a, const struct ledger_verrec *v)
{
    struct str every = ledger_clock(a->l->policy, "monitoring_intermediate", "P3M");
    size_t running = 0;
    for (size_t i = 0; i < v->deployment.n; i++) {
        size_t d = v->deployment.v[i];
        enum ledger_p phase = a->l->deployment.v[d].p.phase;
        const struct ledger_factrec *f =
            ledger_fact_newest(a->l, v, LEDGER_FACT_MONITORING, d);
        int64_t until;
        if (phase != LEDGER_P_PILOT && phase != LEDGER_P_DEPLOYED)
            continue;
        running++;
        if (!f || !f->good || time_add_iso(f->issued_at, every, &until) ||
            until < a->s->issued_at)
            return false;
    }
    return running > 0;
}

/* Advanced: live monitoring, a regulatory audit passed, a maintenance contract. */
static int check_advanced(struct ledger_act *a, const struct ledger_verrec *v)
{
    const struct ledger_factrec *audit =
        ledger_fact_newest(a->l, v, LEDGER_FACT_AUDIT, LEDGER_NONE);
    struct ledger_statement_view declared;
    int err = ledger_load(a->l, v->v.declared.payload, &declared);
    if (err)
        return err;
    ledger_guard(a, monitored(a, v), GUARD_LIVE_MONITORING, "/label_level",
                 "a place where it runs has not reported for a quarter");
    ledger_guard(a, audit && audit->good, GUARD_LIVE_MONITORING, "/label_level",
                 "no regulatory audit passed");
    ledger_guard(a, ledger_has(declared.record, "maintenance"), GUARD_LIVE_MONITORING,
                 "/label_level", "no maintenance in the record");
    ledger_statement_release(&declared);
    return AM_OK;
}

/* Intermediate and advanced ask for facts of use (V7). */
static int check_use(struct ledger_act *a, const struct ledger_verrec *v,
                     const struct decision *c)
{
    size_t gsts, sites;
    int err = count_sites(a, v, &gsts, &sites);
    if (err)
        return err;
    ledger_guard(a, pilot_closed(a->l, v), GUARD_CLOSED_PILOT, "/label_level",
                 "no pilot of this version has closed with success");
    ledger_guard(a, gsts >= 2 && (c->level < LEDGER_ADVANCED || sites >= 3), GUARD_SITES,
                 "/evidence", "2 regions; advanced: 3 establishments");
    return c->level >= LEDGER_ADVANCED ? check_advanced(a, v) : AM_OK;
}

static void check_scope(struct ledger_act *a, const struct decision *c)
{
    const struct json *scope = json_get(a->r, "scope");
    bool sites =
        json_size(json_get(scope, "gst")) || json_size(json_get(scope, "establishments"));
    ledger_guard(a, json_size(json_get(scope, "uses")), GUARD_SCOPE, "/scope/uses",
                 "at least one use");
    ledger_guard(a, sites || c->level >= LEDGER_ADVANCED, GUARD_SCOPE,
                 "/scope/establishments", "the sites it holds for");
    for (json_each(it, json_get(scope, "gst")))
        if (!json_str(it.val).n)
            ledger_refuse(a, CODE_BAD_RECORD, "/scope/gst", "names");
}

/* Whoever suspended must agree, and nothing is granted over a national stop. */
static void check_stops(struct ledger_act *a, const struct ledger_verrec *v,
                        const struct decision *c)
{
    unsigned roles = 0, signed_by = 0;
    size_t n = ledger_national_stops(a->l, v, &roles);
    if (c->v7)
        ledger_guard(a, n == 0, GUARD_STOP_IN_FORCE, "/model_digest",
                     "a national stop is in force");
    if (!c->v15 || a->waiting)
        return;
    roles = ledger_suspended_roles(a->l, v);
    for (size_t i = 0; i < a->signers; i++)
        signed_by |= 1U << a->l->key.v[a->signer[i].key].k.role;
    ledger_guard(a, (roles & ~signed_by) == 0, GUARD_SUSPENDER, "/signers",
                 "the authority that suspended has not signed");
}

static void check_surveillance(struct ledger_act *a, const struct ledger_verrec *v)
{
    bool fresh = false;
    for (size_t i = 0; i < v->v.evidence.n; i++)
        fresh |= v->v.evidence.v[i].index > v->v.decision.index;
    ledger_guard(a, fresh, GUARD_SURVEILLANCE, "/evidence",
                 "no evidence since the last decision");
}

/* ---- recomputing ----------------------------------------------------------------- */
/* Records of the version's own evidence, then of its parent's. */
struct cited {
    struct ledger_statement_view declared, *s;
    const struct json **record;
    size_t n;
};

static int load_evidence(struct ledger_act *a, const struct ledger_verrec *v,
                         struct cited *c)
{
    int err = AM_OK;
    for (size_t i = 0; !err && i < v->v.evidence.n; i++) {
        err = ledger_load(a->l, v->v.evidence.v[i].payload, &c->s[c->n]);
        if (!err) {
            c->record[c->n] = c->s[c->n].record;
            c->n++;
        }
    }
    return err;
}

static void cited_release(struct cited *c)
{
    for (size_t i = 0; i < c->n; i++)
        ledger_statement_release(&c->s[i]);
    ledger_statement_release(&c->declared);
    free(c->record);
    free(c->s);
}

static int evaluate(struct ledger_act *a, const struct ledger_verrec *v,
                    const struct decision *d, struct label_result *out)
{
    const struct ledger_verrec *p = d->rests ? &a->l->version.v[v->claim.parent] : NULL;
    size_t n = v->v.evidence.n + (p ? p->v.evidence.n : 0);
    char parent[CRYPTO_HEX] = "";
    struct label_from from = {.change = p ? json_root(v->claim.doc) : NULL,
                              .logged = true};
    struct cited c = {.s = am_calloc(n + 1, sizeof *c.s),
                      .record = am_calloc(n + 1, sizeof *c.record)};
    int err = c.s && c.record ? ledger_load(a->l, v->v.declared.payload, &c.declared)
                              : AM_E_NOMEM;
    if (!err)
        err = load_evidence(a, v, &c);
    if (!err && p)
        err = load_evidence(a, p, &c);
    if (p)
        from.parent = str_c(crypto_hex(p->v.digest, 32, parent));
    if (!err)
        err = label_evaluate_from(a->l->policy->label, c.declared.record, c.record, c.n,
                                  &from, (enum label_level)d->asked, a->s->issued_at, out,
                                  NULL);
    if (!err && p && !d->v8 && ledger_rests(a->l, v, d->level, a->s->issued_at))
        ledger_check_accept(a, v, c.record, c.n);
    cited_release(&c);
    return err;
}

/* granted < deferred < refused: how strict an outcome is. */
static int strictness(struct str outcome)
{
    if (str_eqc(outcome, "granted"))
        return 0;
    return str_eqc(outcome, "deferred") ? 1 : 2;
}

static void compare(struct ledger_act *a, const struct ledger_verrec *v,
                    const struct decision *c, const struct label_result *r)
{
    enum ledger_level most = ledger_ask_capped(
        a, v, ledger_capped(a->l, v, (enum ledger_level)r->reached, a->s->issued_at));
    struct str outcome = json_get_str(a->r, "outcome");
    struct str claimed = json_get_str(a->r, "outcome_computed");
    int said = strictness(outcome), computed = strictness(str_c(r->outcome));
    bool keeps = !c->v8; /* a label exists after this decision */
    if (c->v7 || c->v8 || c->v11 || claimed.n)
        ledger_guard(a, str_eqc(claimed, r->outcome), GUARD_OUTCOME_DIFFERS,
                     "/outcome_computed", "the policy gives %s", r->outcome);
    if (keeps)
        ledger_guard(a, (size_t)c->level <= (size_t)r->reached, GUARD_OUTCOME_DIFFERS,
                     "/label_level", "the evidence reaches %s",
                     label_level_name(r->reached));
    if (c->v8)
        ledger_guard(a, said >= computed, GUARD_OUTCOME_DIFFERS, "/outcome",
                     "the policy gives %s", r->outcome);
    if ((c->v8 && said > computed) || (c->v7 && c->level < most))
        ledger_guard(a, c->reason, GUARD_REASON, "/derogation/reason",
                     "stricter than computed needs a reason");
}

static int recompute(struct ledger_act *a, const struct ledger_verrec *v,
                     const struct decision *c)
{
    struct label_result r = {0};
    int err;
    if (c->asked < LEDGER_BASE)
        return AM_OK; /* check_level has refused */
    err = evaluate(a, v, c, &r);
    if (err == AM_E_INVALID || err == AM_E_REFUSED) {
        ledger_guard(a, false, GUARD_OUTCOME_DIFFERS, "/evidence",
                     "the policy cannot be evaluated over it");
        return AM_OK;
    }
    if (err)
        return err;
    compare(a, v, c, &r);
    label_result_release(&r);
    return AM_OK;
}

/* ---- commit ---------------------------------------------------------------------- */
static void swap_names(char ***v, size_t *n, size_t *cap, struct ledger_names *with)
{
    struct ledger_names old = {*v, *n, *cap};
    *v = with->v;
    *n = with->n;
    *cap = with->cap;
    *with = old;
}

static void commit_common(struct ledger_act *a, struct ledger_verrec *v,
                          const struct decision *c)
{
    bool reduced = ledger_rests(a->l, v, c->level, a->s->issued_at);
    v->v.decision.index = a->index;
    v->v.decision.issued_at = a->s->issued_at;
    memcpy(v->v.decision.payload, a->payload, 32);
    memcpy(v->v.decision.record, a->s->record_sha256, 32);
    memcpy(v->decision_policy, a->l->policy->digest, 32);
    v->v.before = v->v.state;
    v->v.state = a->to;
    if (c->v8)
        v->v.level = LEDGER_LEVEL_NONE;
    else
        v->v.level = c->level;
    if (c->expires_at)
        v->v.expires_at = c->expires_at;
    v->suspended_by = 0;
    if (a->to != LEDGER_V_DEFERRED) /* a deferral leaves the appeal open */
        v->appeal = false;
    if (!c->v8)
        ledger_claim_decided(a, v, reduced, c->v7 || c->v11 || c->v13);
    if (c->v7 || c->v11 || c->v12 || c->v13)
        v->label_at = a->s->issued_at;
    for (size_t i = v->stop.n; c->v15 && i-- > 0;)
        if (a->l->stop.v[v->stop.v[i]].s.scope == LEDGER_STOP_NATIONAL)
            ledger_lift(a->l, v->stop.v[i], a->index);
}

static int commit(struct ledger_act *a, struct ledger_verrec *v, const struct decision *c)
{
    const struct json *scope = json_get(a->r, "scope");
    struct ledger_names gst = {0}, est = {0}, use = {0};
    int err = ledger_names_read(json_get(scope, "gst"), &gst);
    if (!err)
        err = ledger_names_read(json_get(scope, "establishments"), &est);
    if (!err)
        err = ledger_names_read(json_get(scope, "uses"), &use);
    if (!err) {
        commit_common(a, v, c);
        if (c->v7 || c->v11 || scope) {
            swap_names(&v->v.scope_gst.v, &v->v.scope_gst.n, &v->v.scope_gst.cap, &gst);
            swap_names(&v->v.scope_establishment.v, &v->v.scope_establishment.n,
                       &v->v.scope_establishment.cap, &est);
            swap_names(&v->use.v, &v->use.n, &v->use.cap, &use);
        }
        if (c->v8 && !c->expires_at) /* a deferral lapses after 12 months (V16) */
            if (time_add_iso(c->decided_at,
                             ledger_clock(a->l->policy, "deferred", "P12M"),
                             &v->v.expires_at))
                v->v.expires_at = c->decided_at;
    }
    ledger_names_drop(&gst);
    ledger_names_drop(&est);
    ledger_names_drop(&use);
    return err;
}

int ledger_decide(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version];
    struct decision c;
    int err = AM_OK;
    read_decision(a, v, &c);
    check_policy(a);
    check_evidence(a, v, c.rests);
    check_signers(a);
    check_level(a, v, &c);
    check_term(a, v, &c);
    check_stops(a, v, &c);
    if (c.v7 || c.v11)
        check_scope(a, &c);
    if (c.v13)
        check_surveillance(a, v);
    if (!c.v8)
        ledger_check_cap(a, v, c.level);
    if (!c.v8 && !c.v12) /* nothing stands in the way of a reduction */
        ledger_check_ask(a, v, c.level);
    if (c.v8)
        ledger_check_heard(a, ledger_newest_evidence(v)); /* on what it is refused for */
    if ((c.v7 || c.v11) && c.level >= LEDGER_INTERMEDIATE)
        err = check_use(a, v, &c);
    if (!err)
        err = recompute(a, v, &c);
    if (err || ledger_stopped_here(a))
        return err;
    return commit(a, v, &c);
}
