/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_fact -- events that change no state by themselves: appeals, reports, approvals,
 * surveillance, audits, certificates, visits, recusals, lease extensions, corrections.
 *
 * A fact is checked like every statement (signer, place, term) and kept in a list; the
 * guards of both machines, the clocks and the faces read that list. A `correction` by the
 * same organisation takes one back for what comes later; what was decided on it stands.
 */
#include "ledger/ledger_priv.h"

static const struct {
    const char *type;
    bool correctable;
} fact_info[LEDGER_FACTS] = {
#define X(id, type, correctable) [LEDGER_FACT_##id] = {type, correctable},
    LEDGER_FACT_MAP(X)
#undef X
};

bool ledger_fact_kind(struct str type, enum ledger_fact_kind *out)
{
    for (size_t i = 0; i < LEDGER_FACTS; i++)
        if (str_eqc(type, fact_info[i].type)) {
            *out = (enum ledger_fact_kind)i;
            return true;
        }
    return false;
}

void ledger_fact_drop(struct ledger_factrec *f)
{
    free(f->place);
    free(f->org);
}

const struct ledger_factrec *ledger_fact_newest(const struct ledger *l,
                                                const struct ledger_verrec *v,
                                                enum ledger_fact_kind kind,
                                                size_t deployment)
{
    for (size_t i = v->fact.n; i-- > 0;) {
        const struct ledger_factrec *f = &l->fact.v[v->fact.v[i]];
        if (f->kind == kind && !f->corrected &&
            (deployment == LEDGER_NONE || f->deployment == deployment))
            return f;
    }
    return NULL;
}

const struct ledger_factrec *ledger_certificate(const struct ledger *l,
                                                struct str establishment)
{
    size_t i;
    if (map_get(&l->by_house, establishment, &i) || i >= l->fact.n ||
        l->fact.v[i].corrected || l->fact.v[i].kind != LEDGER_FACT_CERTIFICATE ||
        !str_eqc(establishment, l->fact.v[i].place))
        return NULL;
    return &l->fact.v[i];
}

/* ---- what each fact must hold ---------------------------------------------------- */
static struct ledger_verrec *version_of(struct ledger_act *a)
{
    return &a->l->version.v[a->version];
}

/* The end of a delay of the policy, from an instant; 0 when it cannot be said. */
static int64_t after(const struct ledger_act *a, int64_t from, const char *clock,
                     const char *otherwise)
{
    int64_t until;
    return time_add_iso(from, ledger_clock(a->l->policy, clock, otherwise), &until)
               ? 0
               : until;
}

static bool word(struct ledger_act *a, const char *member, const char *yes,
                 const char *no)
{
    const struct json *v = json_get(a->r, member);
    char path[40];
    snprintf(path, sizeof path, "/%s", member);
    ledger_guard(a, json_str_is(v, yes) || json_str_is(v, no), GUARD_FACT, path,
                 "%s or %s", yes, no);
    return json_str_is(v, yes);
}

static void check_own(struct ledger_act *a)
{
    if (strcmp(ledger_signer_key(a)->org_id, version_of(a)->v.org_id) != 0)
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id",
                      "not the organisation of this version");
}

static void check_not_own(struct ledger_act *a)
{
    ledger_guard(a, strcmp(ledger_signer_key(a)->org_id, version_of(a)->v.org_id) != 0,
                 GUARD_VENDOR_SIGNS, "/issuer/org_id",
                 "the vendor's organisation does not judge its own version");
}

static void check_appeal(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct ledger_verrec *v = version_of(a);
    const struct ledger_factrec *old =
        ledger_fact_newest(a->l, v, LEDGER_FACT_APPEAL, LEDGER_NONE);
    check_own(a);
    if (v->v.state != LEDGER_V_REFUSED)
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/model_digest",
                      "no refusal to appeal");
    ledger_guard(a, a->s->issued_at < after(a, v->v.decision.issued_at, "appeal", "P30D"),
                 GUARD_TERM, "/issued_at", "the refusal is final");
    if (old && old->index > v->v.decision.index)
        ledger_refuse(a, CODE_EXISTS, "/model_digest", "appealed at entry %llu",
                      (unsigned long long)old->index);
    f->good = true;
}

static void check_notice(struct ledger_act *a, struct ledger_factrec *f)
{
    unsigned ended =
        1U << LEDGER_V_REFUSED | 1U << LEDGER_V_WITHDRAWN | 1U << LEDGER_V_ARCHIVED;
    int64_t earliest = after(a, a->s->issued_at, "notice", "P90D");
    check_own(a);
    if ((ended >> version_of(a)->v.state) & 1)
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/model_digest", "it has ended");
    f->until_at = ledger_time(json_get(a->r, "leaves_at"));
    ledger_guard(a, earliest && f->until_at >= earliest, GUARD_TERM, "/leaves_at",
                 "at least %.*s ahead",
                 STR_FMT(ledger_clock(a->l->policy, "notice", "P90D")));
    f->good = true;
}

/* The supplier answered, or was invited and let its delay pass: then the fact says so and
 * counts from the end of the delay. */
static void check_hearing(struct ledger_act *a, struct ledger_factrec *f)
{
    check_not_own(a);
    f->at = ledger_time(json_get(a->r, "invited_at"));
    ledger_guard(a, f->at && f->at <= a->s->issued_at, GUARD_TERM, "/invited_at",
                 "not yet");
    f->good = json_bool(json_get(a->r, "answered"), false);
    f->until_at = f->good ? f->at : after(a, f->at, "reply", "P30D");
}

static bool phase_in(const struct ledger_act *a, unsigned phases)
{
    return (phases >> a->l->deployment.v[a->deployment].p.phase) & 1;
}
#define RUNNING (1U << LEDGER_P_PILOT | 1U << LEDGER_P_DEPLOYED)
#define OPEN    (RUNNING | 1U << LEDGER_P_PROPOSED | 1U << LEDGER_P_PRE_DEPLOYMENT)

static void check_phase(struct ledger_act *a, unsigned phases)
{
    if (!phase_in(a, phases))
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/establishment", "it is %s",
                      ledger_p_name(a->l->deployment.v[a->deployment].p.phase));
}

static void check_pilot_report(struct ledger_act *a, struct ledger_factrec *f)
{
    check_phase(a, 1U << LEDGER_P_PILOT);
    f->good = word(a, "outcome", "success", "failure");
    f->at = ledger_time(json_get(a->r, "closed_at"));
    ledger_guard(a, f->at <= a->s->issued_at, GUARD_TERM, "/closed_at", "not yet");
}

static void check_pilot_extension(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct ledger_deprec *p = &a->l->deployment.v[a->deployment];
    check_phase(a, 1U << LEDGER_P_PILOT);
    if (ledger_fact_newest(a->l, version_of(a), LEDGER_FACT_PILOT_EXTENSION,
                           a->deployment))
        ledger_refuse(a, CODE_EXISTS, "/until", "a pilot is renewed once");
    f->until_at = ledger_time(json_get(a->r, "until"));
    ledger_guard(a,
                 p->pilot_until && f->until_at > p->pilot_until &&
                     f->until_at <= after(a, p->pilot_until, "pilot", "P6M"),
                 GUARD_TERM, "/until", "at most %.*s after the first end",
                 STR_FMT(ledger_clock(a->l->policy, "pilot", "P6M")));
    f->good = true;
}

/* A renewed DPIA; an authorisation renewed by the CNDP, or ended by it (a past date). */
static void check_approval(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct json *dpia = json_get(a->r, "dpia"),
                      *cndp = json_get(a->r, "cndp_authorization");
    const struct json *one = dpia ? dpia : cndp;
    check_phase(a, OPEN);
    f->until_at = ledger_time(json_get(one, "expires"));
    ledger_guard(a, !dpia != !cndp && ledger_has(one, "number") && f->until_at,
                 GUARD_FACT, dpia ? "/dpia" : "/cndp_authorization",
                 "one of the two, {number, expires}");
    ledger_guard(a, !dpia || f->until_at > a->s->issued_at, GUARD_TERM, "/dpia/expires",
                 "already over");
    f->good = true;
}

static void check_window(struct ledger_act *a, struct ledger_factrec *f)
{
    f->at = ledger_time(json_get(a->r, "from"));
    f->until_at = ledger_time(json_get(a->r, "to"));
    ledger_guard(a, f->at < f->until_at && f->until_at <= a->s->issued_at, GUARD_FACT,
                 "/to", "a window that has ended");
    check_phase(a, RUNNING);
}

static void check_monitoring(struct ledger_act *a, struct ledger_factrec *f)
{
    check_window(a, f);
    f->good = word(a, "verdict", "pass", "signal");
}

static void check_drift(struct ledger_act *a, struct ledger_factrec *f)
{
    double p = json_num(json_get(a->r, "false_alarm_probability"), -1);
    int64_t severity = json_int(json_get(a->r, "severity"), 0);
    check_window(a, f);
    ledger_guard(a, severity >= 1 && severity <= 3, GUARD_FACT, "/severity", "1 to 3");
    ledger_guard(a, p >= 0 && p <= 1, GUARD_FACT, "/false_alarm_probability", "0 to 1");
    ledger_guard(a, json_int(json_get(a->r, "n"), 0) > 0, GUARD_FACT, "/n", "at least 1");
    f->severity = (unsigned)(severity & 3);
    f->good = severity < 3;
}

static void check_surveillance(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct ledger_verrec *v = version_of(a);
    const struct ledger_key *me = ledger_signer_key(a);
    bool fresh = false;
    check_not_own(a);
    if (v->v.state != LEDGER_V_LABELLED && v->v.state != LEDGER_V_SUSPENDED)
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/model_digest", "it has no label");
    ledger_guard(a,
                 v->bench != LEDGER_NONE &&
                     strcmp(a->l->key.v[v->bench].k.org_id, me->org_id) == 0,
                 GUARD_BENCH_NOT_ASSIGNED, "/issuer/org_id",
                 "%s was not assigned to this version", me->org_id);
    for (json_each(it, json_get(a->r, "evidence"))) {
        uint8_t digest[32];
        bool found = false;
        for (size_t i = 0; ledger_unhex(it.val, digest) && i < v->v.evidence.n; i++)
            if (memcmp(digest, v->v.evidence.v[i].payload, 32) == 0) {
                found = true;
                fresh |= v->v.evidence.v[i].index > v->v.decision.index;
            }
        ledger_guard(a, found, GUARD_EVIDENCE, "/evidence", "not evidence in effect");
    }
    ledger_guard(a, fresh, GUARD_SURVEILLANCE, "/evidence",
                 "no evidence since the last decision");
    f->good = word(a, "verdict", "pass", "fail");
}

static void check_audit(struct ledger_act *a, struct ledger_factrec *f)
{
    check_not_own(a);
    f->good = word(a, "verdict", "pass", "fail");
}

static void check_lease(struct ledger_act *a, struct ledger_factrec *f)
{
    f->until_at = ledger_time(json_get(a->r, "until"));
    ledger_guard(a,
                 f->until_at > a->s->issued_at &&
                     f->until_at <= after(a, a->s->issued_at, "lease_extension", "PT48H"),
                 GUARD_TERM, "/until", "at most %.*s ahead",
                 STR_FMT(ledger_clock(a->l->policy, "lease_extension", "PT48H")));
    f->good = true;
}

/* By the organisation that stated it; who has an interest does not deny it later. */
static void check_correction(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct ledger_key *me = ledger_signer_key(a);
    const struct ledger_factrec *old;
    uint8_t record[32];
    size_t i;
    if (!ledger_unhex(json_get(a->r, "corrects"), record) ||
        !ledger_fact_of(a->l, record, &i)) {
        ledger_guard(a, false, GUARD_FACT, "/corrects", "no such fact");
        return;
    }
    old = &a->l->fact.v[i];
    f->about = i;
    ledger_guard(a, fact_info[old->kind].correctable && !old->corrected, GUARD_FACT,
                 "/corrects", "cannot be taken back");
    ledger_guard(a,
                 strcmp(a->l->key.v[old->key].k.org_id, me->org_id) == 0 &&
                     (old->kind != LEDGER_FACT_RECUSAL || old->key == a->key),
                 GUARD_AUTHOR, "/corrects", "stated by somebody else");
}

/* ---- the effects: none can fail -------------------------------------------------- */
/* Two windows of severity 3 that follow one another, or the same at a second site:
 * confirmed (section 9.2). Windows that overlap are one observation. */
static void note_drift(struct ledger *l, const struct ledger_factrec *f)
{
    struct ledger_deprec *p = &l->deployment.v[f->deployment];
    const struct ledger_verrec *v = &l->version.v[f->version];
    bool confirmed = p->drift_to && f->at >= p->drift_to &&
                     f->at <= p->drift_to + (p->drift_to - p->drift_from);
    int64_t recent;
    if (f->severity < 3)
        return;
    if (time_add_iso(f->at, STR("P3M"), &recent))
        recent = INT64_MAX;
    for (size_t i = 0; i < v->deployment.n; i++) {
        struct ledger_deprec *q = &l->deployment.v[v->deployment.v[i]];
        if (q == p || !q->drift_to || strcmp(q->p.establishment, p->p.establishment) == 0)
            continue;
        if (f->at <= q->drift_to + (recent - f->at)) { /* less than three months ago */
            confirmed = true;
            q->drift_confirmed = AM_MAX(q->drift_confirmed, f->index);
        }
    }
    p->drift_from = f->at;
    p->drift_to = f->until_at;
    if (confirmed)
        p->drift_confirmed = f->index;
}

static void note_correction(struct ledger *l, size_t corrected)
{
    struct ledger_factrec *old = &l->fact.v[corrected];
    old->corrected = true;
    if (old->kind == LEDGER_FACT_LEASE_EXTENSION) {
        l->lease_until = 0;
        for (size_t i = 0; i < l->fact.n; i++)
            if (l->fact.v[i].kind == LEDGER_FACT_LEASE_EXTENSION &&
                !l->fact.v[i].corrected)
                l->lease_until = AM_MAX(l->lease_until, l->fact.v[i].until_at);
    }
    for (size_t i = corrected; old->kind == LEDGER_FACT_CERTIFICATE && i-- > 0;) {
        size_t now;
        const struct ledger_factrec *f = &l->fact.v[i];
        if (map_get(&l->by_house, str_c(old->place), &now) || now != corrected)
            return; /* a newer one holds anyway */
        if (f->kind == LEDGER_FACT_CERTIFICATE && !f->corrected &&
            strcmp(f->place, old->place) == 0) {
            (void)!map_set(&l->by_house, str_c(old->place), i); /* replaces: no memory */
            return;
        }
    }
}

static void note(struct ledger_act *a, const struct ledger_factrec *f, size_t i)
{
    struct ledger *l = a->l;
    struct ledger_deprec *p =
        f->deployment == LEDGER_NONE ? NULL : &l->deployment.v[f->deployment];
    switch (f->kind) {
    case LEDGER_FACT_PILOT_EXTENSION:
        p->pilot_until = f->until_at;
        break;
    case LEDGER_FACT_APPROVAL:
        *(json_get(a->r, "dpia") ? &p->dpia_until : &p->cndp_until) = f->until_at;
        p->approved = f->index;
        break;
    case LEDGER_FACT_DRIFT:
        note_drift(l, f);
        break;
    case LEDGER_FACT_LEASE_EXTENSION:
        l->lease_until = AM_MAX(l->lease_until, f->until_at);
        break;
    case LEDGER_FACT_CORRECTION:
        note_correction(l, f->about);
        break;
    case LEDGER_FACT_RECUSAL:
        l->recusal.v[l->recusal.n++] = i;
        break;
    default:
        break;
    }
}

/* ---- one fact -------------------------------------------------------------------- */
static int own_strings(struct ledger_act *a, struct ledger_factrec *f)
{
    struct str org = json_get_str(a->r, "with_org"),
               est = json_get_str(a->r, "establishment");
    if (est.n && f->deployment == LEDGER_NONE && !(f->place = str_dup(est)))
        return AM_E_NOMEM;
    if (org.n && !(f->org = str_dup(org)))
        return AM_E_NOMEM;
    return AM_OK;
}

static int keep(struct ledger_act *a, struct ledger_factrec *f)
{
    struct ledger *l = a->l;
    struct ledger_verrec *v = a->version == LEDGER_NONE ? NULL : version_of(a);
    int err = own_strings(a, f);
    if (!err && v)
        err = vec_room(&v->fact);
    if (!err)
        err = vec_room(&l->fact);
    if (!err)
        err = vec_room(&l->recusal);
    if (!err)
        err = map_set(&l->by_fact, (struct str){(const char *)f->record, 32}, l->fact.n);
    if (!err && f->kind == LEDGER_FACT_CERTIFICATE) /* last: nothing fails after it */
        err = map_set(&l->by_house, str_c(f->place), l->fact.n);
    if (err) {
        ledger_fact_drop(f);
        return err;
    }
    if (v)
        v->fact.v[v->fact.n++] = l->fact.n;
    l->fact.v[l->fact.n++] = *f;
    note(a, f, l->fact.n - 1);
    return AM_OK;
}

static int fact(struct ledger_act *a)
{
    static void (*const check[LEDGER_FACTS])(struct ledger_act *,
                                             struct ledger_factrec *) = {
        [LEDGER_FACT_APPEAL] = check_appeal,
        [LEDGER_FACT_NOTICE] = check_notice,
        [LEDGER_FACT_PILOT_REPORT] = check_pilot_report,
        [LEDGER_FACT_PILOT_EXTENSION] = check_pilot_extension,
        [LEDGER_FACT_APPROVAL] = check_approval,
        [LEDGER_FACT_MONITORING] = check_monitoring,
        [LEDGER_FACT_DRIFT] = check_drift,
        [LEDGER_FACT_SURVEILLANCE] = check_surveillance,
        [LEDGER_FACT_AUDIT] = check_audit,
        [LEDGER_FACT_CERTIFICATE] = ledger_check_certificate,
        [LEDGER_FACT_VISIT] = ledger_check_visit,
        [LEDGER_FACT_RECUSAL] = ledger_check_recusal,
        [LEDGER_FACT_LEASE_EXTENSION] = check_lease,
        [LEDGER_FACT_HEARING] = check_hearing,
        [LEDGER_FACT_CORRECTION] = check_correction,
    };
    struct ledger_factrec f = {.index = a->index,
                               .issued_at = a->s->issued_at,
                               .version = a->version,
                               .deployment = a->deployment,
                               .key = a->key,
                               .about = LEDGER_NONE};
    const struct json *issuer = json_get(a->r, "issuer");
    bool known = ledger_fact_kind(a->s->event_type, &f.kind);
    am_assert(known);
    for (size_t i = 0; i < a->signers; i++) { /* of several, who it is issued by */
        const struct ledger_key *k = &a->l->key.v[a->signer[i].key].k;
        if (json_str_is(json_get(issuer, "org_id"), k->org_id) &&
            json_str_is(json_get(issuer, "role"), ledger_role_name(k->role)))
            f.key = a->signer[i].key;
    }
    memcpy(f.record, a->s->record_sha256, 32);
    check[f.kind](a, &f);
    return ledger_stopped_here(a) ? AM_OK : keep(a, &f);
}

/* Automata speak for their own region; the registry's for the country. */
static void check_region(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    if (me->role == LEDGER_SYSTEM && strcmp(me->function, "registry") != 0 &&
        !str_eqc(json_get_str(a->r, "gst"), ledger_region(me)))
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id",
                      "not in the region of this node");
}

void ledger_plan_fact(struct ledger_act *a)
{
    bool deployment = json_get(a->r, "use_code") != NULL;
    bool version = json_get(a->r, "model_digest") != NULL;
    struct str est = json_get_str(a->r, "establishment"), gst = json_get_str(a->r, "gst");
    snprintf(a->rule, sizeof a->rule, "%.*s", STR_FMT(a->s->event_type));
    if (str_eqc(a->s->event_type, "approval"))
        snprintf(a->rule, sizeof a->rule, "approval.%s",
                 json_get(a->r, "dpia") ? "dpia" : "cndp");
    a->apply = fact;
    if (version && a->version == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_VERSION, "/model_digest", "never declared");
        return;
    }
    if (!deployment)
        return;
    if (a->deployment == LEDGER_NONE) {
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/establishment", "not deployed there");
        return;
    }
    if (!str_eqc(gst, a->l->deployment.v[a->deployment].p.gst))
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/gst", "the establishment is in %s",
                      a->l->deployment.v[a->deployment].p.gst);
    ledger_check_place(a, est, gst);
    check_region(a);
}

/* ---- views ----------------------------------------------------------------------- */
size_t ledger_facts(const struct ledger *l)
{
    return l->fact.n;
}

int ledger_facts_of(struct ledger_places *p, const struct ledger *l,
                    const uint8_t model_digest[32])
{
    size_t v = ledger_find_version(l, model_digest);
    int err = AM_OK;
    for (size_t i = 0; v != LEDGER_NONE && i < l->version.v[v].fact.n && !err; i++)
        err = vec_push(p, l->version.v[v].fact.v[i]);
    return err;
}

void ledger_fact_at(const struct ledger *l, size_t i, struct ledger_fact *out)
{
    ledger_look();
    const struct ledger_factrec *f = &l->fact.v[i];
    *out = (struct ledger_fact){
        .type = fact_info[f->kind].type,
        .index = f->index,
        .issued_at = f->issued_at,
        .at = f->at,
        .until_at = f->until_at,
        .model_digest =
            f->version == LEDGER_NONE ? NULL : l->version.v[f->version].v.digest,
        .deployment =
            f->deployment == LEDGER_NONE ? "" : l->deployment.v[f->deployment].p.id,
        .establishment = f->place ? f->place
                         : f->deployment == LEDGER_NONE
                             ? ""
                             : l->deployment.v[f->deployment].p.establishment,
        .org_id = l->key.v[f->key].k.org_id,
        .with_org = f->org ? f->org : "",
        .about_key = f->kind == LEDGER_FACT_RECUSAL ? l->key.v[f->about].k.key_id : "",
        .good = f->good,
        .corrected = f->corrected,
        .severity = f->severity};
    memcpy(out->record, f->record, 32);
    memcpy(out->payload, l->entry.v[f->index].payload, 32);
}

bool ledger_notice(const struct ledger *l, const uint8_t digest[32],
                   struct ledger_fact *out)
{
    size_t v = ledger_find_version(l, digest);
    const struct ledger_factrec *f =
        v == LEDGER_NONE
            ? NULL
            : ledger_fact_newest(l, &l->version.v[v], LEDGER_FACT_NOTICE, LEDGER_NONE);
    if (f)
        ledger_fact_at(l, (size_t)(f - l->fact.v), out);
    return f != NULL;
}

bool ledger_fact_of(const struct ledger *l, const uint8_t record[32], size_t *i)
{
    return map_get(&l->by_fact, (struct str){(const char *)record, 32}, i) == AM_OK &&
           *i < l->fact.n && memcmp(l->fact.v[*i].record, record, 32) == 0;
}

int64_t ledger_lease_extension(const struct ledger *l)
{
    return l->lease_until;
}

int64_t ledger_lease_end(const struct ledger *l, int64_t lease_at, int64_t until)
{
    struct str length = json_get_str(json_get(ledger_policy(l), "lease"), "end");
    int64_t end, cap;
    if (!length.n || time_add_iso(lease_at, length, &end))
        end = lease_at + TIME_DAY;
    if (!l->policy ||
        time_add_iso(end, ledger_clock(l->policy, "lease_extension", "PT48H"), &cap))
        cap = end;
    return AM_MAX(end, AM_MIN(AM_MAX(l->lease_until, until), cap));
}
