/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_end -- how a version stops being labelled: suspension by decision (V14), expiry
 * (V16), withdrawal (V18), archive (V19), and when the clock brings them. */
#include "ledger/ledger_priv.h"

static void set_decision(struct ledger_act *a, struct ledger_verrec *v)
{
    v->v.decision.index = a->index;
    v->v.decision.issued_at = a->s->issued_at;
    memcpy(v->v.decision.payload, a->payload, 32);
    memcpy(v->v.decision.record, a->s->record_sha256, 32);
}

/* V14 by decision: follows a stop within 24 h for readers of VSAs, or suspends itself. */
int ledger_suspend(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version];
    if (ledger_stopped_here(a))
        return AM_OK;
    for (size_t i = 0; i < a->signers; i++)
        v->suspended_by |= 1U << a->l->key.v[a->signer[i].key].k.role;
    if (v->v.state == LEDGER_V_LABELLED)
        v->v.before = LEDGER_V_LABELLED;
    v->v.state = LEDGER_V_SUSPENDED;
    set_decision(a, v);
    return AM_OK;
}

/* When V16 falls due: the term, or a year and a month without surveillance; 0: never. */
int64_t ledger_expires(const struct ledger *l, const struct ledger_verrec *v)
{
    const struct ledger_factrec *f =
        ledger_fact_newest(l, v, LEDGER_FACT_SURVEILLANCE, LEDGER_NONE);
    int64_t term = v->v.expires_at, seen = v->label_at, due;
    if (v->v.state == LEDGER_V_DEFERRED || !seen)
        return term;
    if (f && f->good)
        seen = AM_MAX(seen, f->issued_at);
    if (time_add_iso(seen, ledger_clock(l->policy, "surveillance", "P12M"), &due) ||
        time_add_iso(due, ledger_clock(l->policy, "surveillance_grace", "P30D"), &due))
        return term;
    return !term || due < term ? due : term;
}

int ledger_expire(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version];
    int64_t at = ledger_time(json_get(a->r, "at")), due = ledger_expires(a->l, v);
    ledger_guard(a, due && at >= due && a->s->issued_at >= at, GUARD_NOT_EXPIRED, "/at",
                 "before the term of the label");
    if (ledger_stopped_here(a))
        return AM_OK;
    v->v.before = v->v.state;
    v->v.state = a->to;
    v->v.level = LEDGER_LEVEL_NONE;
    return AM_OK;
}

/* Every deployment still running is named, with a plan for it; the escrow was looked at;
 * who leaves by choice gave notice (V18). */
static bool withdrawal_plan(const struct ledger_act *a, const struct ledger_verrec *v)
{
    const struct json *w = json_get(a->r, "withdrawal");
    const struct ledger_factrec *notice =
        ledger_fact_newest(a->l, v, LEDGER_FACT_NOTICE, LEDGER_NONE);
    bool voluntary = ledger_signer_key(a)->role != LEDGER_HAS &&
                     ledger_signer_key(a)->role != LEDGER_MSPS;
    uint8_t digest[32];
    size_t running = 0;
    for (size_t i = 0; i < v->deployment.n; i++) {
        const struct ledger_deployment *p = &a->l->deployment.v[v->deployment.v[i]].p;
        bool named = p->phase != LEDGER_P_PILOT && p->phase != LEDGER_P_DEPLOYED;
        running += !named;
        for (json_each(it, json_get(w, "deployments")))
            named |= json_str_is(it.val, p->id);
        if (!named)
            return false;
    }
    if (running && !ledger_unhex(json_get(w, "migration_plan"), digest))
        return false;
    if (voluntary && !(notice && notice->until_at <= a->s->issued_at))
        return false;
    return json_bool(json_get(w, "escrow_checked"), false);
}

int ledger_withdraw(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version];
    enum ledger_role by = ledger_signer_key(a)->role;
    if (by == LEDGER_HAS || by == LEDGER_MSPS) /* for cause; who leaves says so itself */
        ledger_check_heard(a, v->v.decision.index);
    ledger_guard(
        a, withdrawal_plan(a, v), GUARD_WITHDRAWAL_PLAN, "/withdrawal",
        "{deployments, migration_plan, escrow_checked}; by choice: after notice");
    if (ledger_stopped_here(a))
        return AM_OK;
    v->v.before = v->v.state;
    v->v.state = a->to;
    v->v.level = LEDGER_LEVEL_NONE;
    set_decision(a, v);
    return AM_OK;
}

bool ledger_running(const struct ledger *l, const struct ledger_verrec *v)
{
    for (size_t i = 0; i < v->deployment.n; i++) {
        enum ledger_p p = l->deployment.v[v->deployment.v[i]].p.phase;
        if (p == LEDGER_P_PILOT || p == LEDGER_P_DEPLOYED)
            return true;
    }
    return false;
}

/* When V19 falls due, once nothing runs; INT64_MAX: it cannot be said. */
int64_t ledger_archivable(const struct ledger *l, const struct ledger_verrec *v)
{
    int64_t due;
    return time_add_iso(v->last_at, ledger_clock(l->policy, "archive", "P10Y"), &due)
               ? INT64_MAX
               : due;
}

int ledger_archive(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version];
    int64_t at = ledger_time(json_get(a->r, "at")), due = ledger_archivable(a->l, v);
    ledger_guard(a, !ledger_running(a->l, v), GUARD_CEILING, "/model_digest",
                 "still deployed");
    ledger_guard(a, at >= due && a->s->issued_at >= at, GUARD_RETENTION, "/at",
                 "too early after the last use");
    if (ledger_stopped_here(a))
        return AM_OK;
    v->v.before = v->v.state;
    v->v.state = a->to;
    return AM_OK;
}
