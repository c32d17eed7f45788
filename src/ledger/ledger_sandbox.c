/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_sandbox -- a version tried without patients, with a scope, an end and a report
 * (registry.md 3.5). From the opening on it can never be deployed: what is learnt serves
 * its successors. And tender_check, which is logged and changes nothing. */
#include "ledger/ledger_priv.h"

enum { DATASETS_MAX = 100, FINDINGS_MAX = 200, EVIDENCE_MAX = 100 };

static int open_sandbox(struct ledger_act *a)
{
    struct ledger *l = a->l;
    struct ledger_verrec *v = &l->version.v[a->version];
    struct ledger_sandbox s = {.index = a->index};
    int64_t latest;
    int err;
    s.starts_at = ledger_time(json_get(a->r, "starts_at"));
    s.ends_at = ledger_time(json_get(a->r, "ends_at"));
    if (time_add_iso(s.starts_at, ledger_clock(l->policy, "sandbox", "P12M"), &latest))
        latest = 0;
    ledger_guard(
        a, s.ends_at > s.starts_at && s.ends_at > a->s->issued_at && s.ends_at <= latest,
        GUARD_SANDBOX, "/ends_at", "an end within the term of a sandbox");
    ledger_guard(a, json_bool(json_get(a->r, "no_patients"), false), GUARD_SANDBOX,
                 "/no_patients", "a sandbox has no patient in its scope");
    if (ledger_stopped_here(a))
        return AM_OK;
    memcpy(s.record, a->s->record_sha256, 32);
    memcpy(s.payload, a->payload, 32);
    memcpy(s.model_digest, v->v.digest, 32);
    ledger_copy(s.purpose, sizeof s.purpose, json_get_str(a->r, "purpose"));
    ledger_copy(s.site, sizeof s.site, json_get_str(a->r, "site"));
    ledger_copy(s.by_org, sizeof s.by_org, str_c(ledger_signer_key(a)->org_id));
    err = map_set(&l->by_sandbox, (struct str){(const char *)s.record, 32}, l->sandbox.n);
    if (!err)
        err = ledger_list_room(l, LEDGER_SANDBOXES_OF_MODEL, ledger_model(v));
    if (!err)
        err = vec_push(&l->sandbox, s);
    if (err)
        return err;
    ledger_list_join(l, LEDGER_SANDBOXES_OF_MODEL, ledger_model(v));
    if (!v->v.sandboxed)
        v->v.sandboxed = a->index;
    return AM_OK;
}

static bool in_use(const struct ledger_act *a, const struct ledger_verrec *v)
{
    for (size_t i = 0; i < v->deployment.n; i++) {
        enum ledger_p p = a->l->deployment.v[v->deployment.v[i]].p.phase;
        if (p != LEDGER_P_STOPPED && p != LEDGER_P_RETIRED)
            return true;
    }
    return false;
}

void ledger_plan_sandbox(struct ledger_act *a)
{
    static const unsigned open = 1U << LEDGER_V_DECLARED | 1U << LEDGER_V_ADMISSIBLE |
                                 1U << LEDGER_V_UNDER_EVALUATION |
                                 1U << LEDGER_V_EVALUATED | 1U << LEDGER_V_DEFERRED;
    const struct ledger_verrec *v;
    if (a->version == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_VERSION, "/model_digest", "never declared");
        return;
    }
    v = &a->l->version.v[a->version];
    if (!((open >> v->v.state) & 1))
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/model_digest", "no sandbox from %s",
                      ledger_v_name(v->v.state));
    ledger_guard(a, !in_use(a, v), GUARD_SANDBOX, "/model_digest", "it is deployed");
    if (!ledger_code_ok(json_get_str(a->r, "purpose")) ||
        !ledger_code_ok(json_get_str(a->r, "site")))
        ledger_refuse(a, CODE_BAD_RECORD, "/purpose", "codes");
    ledger_check_digests(a, "datasets", DATASETS_MAX);
    ledger_copy(a->rule, sizeof a->rule, STR("sandbox_open"));
    a->apply = open_sandbox;
}

/* The sandbox a statement names, of the version it names; false: refused. */
static bool named(struct ledger_act *a)
{
    uint8_t record[32];
    a->order = ledger_unhex(json_get(a->r, "sandbox"), record)
                   ? ledger_find_sandbox(a->l, record)
                   : LEDGER_NONE;
    if (a->order == LEDGER_NONE || a->version == LEDGER_NONE ||
        memcmp(a->l->sandbox.v[a->order].model_digest,
               a->l->version.v[a->version].v.digest, 32) != 0) {
        ledger_refuse(a, CODE_UNKNOWN_SANDBOX, "/sandbox", "no sandbox of this version");
        return false;
    }
    if (a->l->sandbox.v[a->order].report.index)
        ledger_refuse(a, CODE_EXISTS, "/sandbox", "reported at entry %llu",
                      (unsigned long long)a->l->sandbox.v[a->order].report.index);
    return true;
}

/* ---- a later end ------------------------------------------------------------------ */
static int extend(struct ledger_act *a)
{
    struct ledger_sandbox *s = &a->l->sandbox.v[a->order];
    if (ledger_stopped_here(a))
        return AM_OK;
    s->ends_at = ledger_time(json_get(a->r, "ends_at"));
    s->extended = a->index;
    return AM_OK;
}

/* The same sandbox, a later end: while it runs, with a reason, and never beyond the term
 * of a sandbox and that of its extensions together, counted from its start. */
void ledger_plan_sandbox_extension(struct ledger_act *a)
{
    const struct ledger_sandbox *s;
    int64_t end = ledger_time(json_get(a->r, "ends_at")), latest;
    if (!named(a))
        return;
    s = &a->l->sandbox.v[a->order];
    if (time_add_iso(s->starts_at, ledger_clock(a->l->policy, "sandbox", "P12M"),
                     &latest) ||
        time_add_iso(latest, ledger_clock(a->l->policy, "sandbox_extension", "P6M"),
                     &latest))
        latest = 0;
    ledger_guard(a, a->s->issued_at < s->ends_at, GUARD_SANDBOX, "/sandbox",
                 "it has ended: it waits for its report");
    ledger_guard(a, end > s->ends_at && end <= latest, GUARD_SANDBOX, "/ends_at",
                 "later than its end, within the terms of a sandbox and its extensions");
    ledger_copy(a->rule, sizeof a->rule, STR("sandbox_extension"));
    a->apply = extend;
}

/* ---- its report ------------------------------------------------------------------- */
/* Evidence it rests on must be evidence in effect for the same version. */
static void check_evidence(struct ledger_act *a)
{
    const struct ledger_verrec *v = &a->l->version.v[a->version];
    for (json_each(it, json_get(a->r, "evidence"))) {
        uint8_t digest[32];
        bool found = false;
        char path[40];
        snprintf(path, sizeof path, "/evidence/%zu", it.i);
        if (ledger_unhex(it.val, digest))
            for (size_t i = 0; !found && i < v->v.evidence.n; i++)
                found = memcmp(v->v.evidence.v[i].payload, digest, 32) == 0;
        ledger_guard(a, found, GUARD_EVIDENCE, path, "not evidence of this version");
    }
}

static int report(struct ledger_act *a)
{
    struct ledger_sandbox *s = &a->l->sandbox.v[a->order];
    check_evidence(a);
    if (ledger_stopped_here(a))
        return AM_OK;
    s->report = (struct ledger_ref){.index = a->index, .issued_at = a->s->issued_at};
    memcpy(s->report.payload, a->payload, 32);
    memcpy(s->report.record, a->s->record_sha256, 32);
    (void)ledger_unhex(json_get(a->r, "report_sha256"), s->report_sha256);
    ledger_copy(s->outcome, sizeof s->outcome, json_get_str(a->r, "outcome"));
    return AM_OK;
}

void ledger_plan_sandbox_report(struct ledger_act *a)
{
    static const char *const outcome[] = {"success", "failure", "inconclusive"};
    const struct ledger_key *me = ledger_signer_key(a);
    struct str said = json_get_str(a->r, "outcome");
    bool known = false;
    if (!named(a))
        return;
    for (size_t i = 0; i < AM_LEN(outcome); i++)
        known |= str_eqc(said, outcome[i]);
    if (!known)
        ledger_refuse(a, CODE_BAD_RECORD, "/outcome", "success, failure, inconclusive");
    ledger_guard(a, strcmp(me->org_id, a->l->version.v[a->version].v.org_id) != 0,
                 GUARD_VENDOR_SIGNS, "/issuer/org_id",
                 "the vendor's organisation does not judge its own version");
    ledger_check_codes(a, "findings", FINDINGS_MAX);
    ledger_check_digests(a, "evidence", EVIDENCE_MAX);
    ledger_copy(a->rule, sizeof a->rule, STR("sandbox_report"));
    a->apply = report;
}

/* ---- tender_check ---------------------------------------------------------------- */
static int nothing(struct ledger_act *a)
{
    (void)a; /* an answer changes nothing: anyone can compute it again (I14) */
    return AM_OK;
}

void ledger_plan_tender(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    int64_t size = json_int(json_get(a->r, "tree_size"), -1);
    if (me->role == LEDGER_SYSTEM && strcmp(me->function, "registry") != 0)
        ledger_refuse(a, CODE_WRONG_ROLE, "/issuer/role",
                      "the registry answers, no node");
    if (size < 1 || (uint64_t)size > a->index)
        ledger_refuse(a, CODE_BAD_RECORD, "/tree_size", "1 to %llu",
                      (unsigned long long)a->index);
    ledger_copy(a->rule, sizeof a->rule, STR("tender_check"));
    a->apply = nothing;
}
