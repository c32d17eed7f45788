/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_p -- machine P, the life of a deployment: P1-P4, P8-P11. Stops (P5, P6) and
 * lifts (P7) are ledger_stop.c: the phase kept here is the one they remember. */
#include <math.h>

#include "ledger/ledger_priv.h"

enum { INDICATORS = 12, SERVICES_MAX = 100 }; /* V.3: 12 baseline indicators */

static int propose(struct ledger_act *a);
static int prepare(struct ledger_act *a);
static int pilot(struct ledger_act *a);
static int deploy(struct ledger_act *a);
static int by_stop(struct ledger_act *a);
static int by_lift(struct ledger_act *a);
static int stop(struct ledger_act *a);
static int step_back(struct ledger_act *a);
static int retire(struct ledger_act *a);
static int rollback(struct ledger_act *a);

#define P(state) (1U << LEDGER_P_##state)
const struct ledger_p_row ledger_p_table[] = {
#define X(id, from, to, check) {#id, from, LEDGER_P_##to, check},
    LEDGER_P_MAP(X)
#undef X
};
const size_t ledger_p_rows = AM_LEN(ledger_p_table);

static enum ledger_p target(const struct ledger_act *a)
{
    for (size_t i = 0; i < ledger_p_rows; i++)
        if (strcmp(ledger_p_table[i].id, a->o.transition) == 0)
            return ledger_p_table[i].to;
    return LEDGER_P_NONE;
}

void ledger_plan_deployment(struct ledger_act *a)
{
    struct str id = json_get_str(a->r, "transition");
    struct str gst = json_get_str(a->r, "gst");
    const struct ledger_p_row *row = NULL;
    const struct ledger_deployment *p = NULL;
    enum ledger_p phase = LEDGER_P_NONE;
    if (a->version == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_VERSION, "/model_digest", "never declared");
        return;
    }
    if (a->deployment != LEDGER_NONE) {
        p = &a->l->deployment.v[a->deployment].p;
        phase = ledger_phase(a->l, p);
    }
    for (size_t i = 0; i < ledger_p_rows; i++)
        if (str_eqc(id, ledger_p_table[i].id))
            row = &ledger_p_table[i];
    if (!row) {
        ledger_refuse(a, CODE_BAD_RECORD, "/transition", "P1 to P11");
        return;
    }
    a->o.transition = row->id;
    a->apply = row->apply;
    if (row->apply == by_stop || row->apply == by_lift) {
        ledger_refuse(a, row->apply == by_stop ? CODE_MADE_BY_STOP : CODE_MADE_BY_LIFT,
                      "/transition", "made by an order, not by a record");
        return;
    }
    if (!((row->from >> phase) & 1)) {
        ledger_refuse(a, CODE_ILLEGAL_TRANSITION, "/transition", "%s from %s", row->id,
                      ledger_p_name(phase));
        return;
    }
    /* Whoever was in a sandbox meets no patient, whatever its label (registry.md 3.5). */
    ledger_guard(a,
                 !a->l->version.v[a->version].v.sandboxed || row->apply == stop ||
                     row->apply == retire,
                 GUARD_SANDBOX, "/model_digest", "in the sandbox since entry %llu",
                 (unsigned long long)a->l->version.v[a->version].v.sandboxed);
    if (p && !str_eqc(gst, p->gst))
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/gst", "the establishment is in %s",
                      p->gst);
    if (!ledger_fits(json_get_str(a->r, "use_code"), sizeof p->use_code))
        ledger_refuse(a, CODE_BAD_RECORD, "/use_code", "too long");
    ledger_copy(a->rule, sizeof a->rule, id);
    ledger_check_place(a, json_get_str(a->r, "establishment"), gst);
}

/* ---- guards ---------------------------------------------------------------------- */
static void check_common(struct ledger_act *a)
{
    struct str mode = json_get_str(a->r, "mode");
    const struct json *services = json_get(a->r, "service");
    ledger_guard(a, json_str_is(json_get(a->r, "phase"), ledger_p_name(target(a))),
                 GUARD_PHASE, "/phase", "%s leads to %s", a->o.transition,
                 ledger_p_name(target(a)));
    if (!str_eqc(mode, "active") && !str_eqc(mode, "shadow"))
        ledger_refuse(a, CODE_BAD_RECORD, "/mode", "active or shadow");
    if (json_size(services) > SERVICES_MAX)
        ledger_refuse(a, CODE_BAD_RECORD, "/service", "more than %d", SERVICES_MAX);
    for (json_each(it, services)) {
        char path[32];
        snprintf(path, sizeof path, "/service/%zu", it.i);
        if (!json_str(it.val).n || !ledger_fits(json_str(it.val), LEDGER_ID_MAX))
            ledger_refuse(a, CODE_BAD_RECORD, path, "a name");
    }
}

static enum ledger_p ceiling_here(const struct ledger_act *a)
{
    return ledger_ceiling(&a->l->version.v[a->version].v, json_get_str(a->r, "gst"));
}

/* Going forward needs a label that allows it and no stop over it. */
static void check_forward(struct ledger_act *a, enum ledger_p needs)
{
    const struct ledger_verrec *v = &a->l->version.v[a->version];
    enum ledger_p c = ceiling_here(a);
    bool ok = c == LEDGER_P_DEPLOYED || (c == LEDGER_P_PILOT && needs == LEDGER_P_PILOT);
    ledger_guard(a, ok, GUARD_CEILING, "/model_digest", "the version is %s %s",
                 ledger_v_name(v->v.state), ledger_level_name(v->v.level));
    ledger_guard(a, !v->v.expires_at || a->s->issued_at < v->v.expires_at, GUARD_CEILING,
                 "/issued_at", "the label has expired");
    if (a->deployment != LEDGER_NONE)
        ledger_guard(
            a, !ledger_stopped(a->l, &a->l->deployment.v[a->deployment].p, STR_NULL),
            GUARD_STOP_IN_FORCE, "/model_digest", "a stop covers it");
}

static void check_scope(struct ledger_act *a)
{
    const struct ledger_verrec *v = &a->l->version.v[a->version];
    struct str est = json_get_str(a->r, "establishment"), gst = json_get_str(a->r, "gst");
    const struct ledger_version *pub = &v->v;
    bool named =
        ledger_names_has(pub->scope_establishment.v, pub->scope_establishment.n, est);
    ledger_guard(a, ledger_names_has(v->use.v, v->use.n, json_get_str(a->r, "use_code")),
                 GUARD_SCOPE, "/use_code", "not a use of the decision");
    if (pub->scope_establishment.n == 0)
        named = ledger_names_has(pub->scope_gst.v, pub->scope_gst.n, gst);
    /* base: pilot sites only; above, the ceiling says where what is allowed. */
    ledger_guard(a, named || pub->level > LEDGER_BASE, GUARD_SCOPE, "/establishment",
                 "not a site of the decision");
}

/* {number, expires, ...} whose expiry lies after the record. */
static bool approval(const struct ledger_act *a, const char *member)
{
    const struct json *v = json_get(a->r, member);
    int64_t until = ledger_time(json_get(v, "expires"));
    return ledger_has(v, "number") && until > a->s->issued_at;
}

static void check_pilot_facts(struct ledger_act *a)
{
    int64_t until = ledger_time(json_get(a->r, "pilot_until")), latest;
    struct str term = ledger_clock(a->l->policy, "pilot", "P6M");
    const struct json *base = json_get(a->r, "baseline_indicators");
    const struct json *values =
        json_get(base, "values") ? json_get(base, "values") : base;
    double share = json_num(json_get(a->r, "trained_roster_share"), 0);
    uint8_t digest[32];
    ledger_guard(a,
                 ledger_unhex(json_get(a->r, "risk_analysis"), digest) ||
                     ledger_has(json_get(a->r, "risk_analysis"), "sha256"),
                 GUARD_RISK_ANALYSIS, "/risk_analysis", "digest of the five categories");
    ledger_guard(a,
                 ledger_unhex(json_get(a->r, "security_architecture"), digest) ||
                     ledger_has(json_get(a->r, "security_architecture"), "sha256"),
                 GUARD_SECURITY_ARCHITECTURE, "/security_architecture", "digest");
    ledger_guard(a, approval(a, "dpia"), GUARD_DPIA, "/dpia",
                 "{number, date, expires}, not expired");
    ledger_guard(a, approval(a, "cndp_authorization"), GUARD_CNDP, "/cndp_authorization",
                 "{number, expires}, not expired");
    ledger_guard(a,
                 ledger_unhex(json_get(a->r, "interop_test"), digest) ||
                     ledger_has(json_get(a->r, "interop_test"), "sha256"),
                 GUARD_INTEROP_TEST, "/interop_test", "digest of the test on the node");
    ledger_guard(a, json_size(values) >= INDICATORS, GUARD_BASELINE,
                 "/baseline_indicators", "%d indicators, frozen", INDICATORS);
    ledger_guard(a, share >= a->l->policy->roster_min, GUARD_ROSTER,
                 "/trained_roster_share", "%.3f, at least %.3f", share,
                 a->l->policy->roster_min);
    ledger_guard(a, ledger_has(a->r, "stop_drill"), GUARD_STOP_DRILL, "/stop_drill",
                 "not done");
    if (time_add_iso(a->s->issued_at, term, &latest))
        latest = 0;
    ledger_guard(a, until > a->s->issued_at && until <= latest, GUARD_PILOT_TERM,
                 "/pilot_until", "at most %.*s", STR_FMT(term));
    ledger_guard(a, json_size(json_get(a->r, "service")), GUARD_SERVICES, "/service",
                 "named services only");
}

/* ---- commit ---------------------------------------------------------------------- */
static void set_facts(struct ledger_act *a, struct ledger_deprec *p)
{
    int64_t dpia = ledger_time(json_get(json_get(a->r, "dpia"), "expires"));
    int64_t cndp = ledger_time(json_get(json_get(a->r, "cndp_authorization"), "expires"));
    int64_t until = ledger_time(json_get(a->r, "pilot_until"));
    p->p.before = p->p.phase;
    p->p.phase = target(a);
    p->p.shadow = json_str_is(json_get(a->r, "mode"), "shadow");
    if (json_get(a->r, "local_threshold"))
        p->p.local_threshold = json_num(json_get(a->r, "local_threshold"), NAN);
    p->p.newest = (struct ledger_ref){.index = a->index, .issued_at = a->s->issued_at};
    memcpy(p->p.newest.payload, a->payload, 32);
    memcpy(p->p.newest.record, a->s->record_sha256, 32);
    if (dpia)
        p->dpia_until = dpia;
    if (cndp)
        p->cndp_until = cndp;
    if (until)
        p->pilot_until = until;
    if (dpia || cndp)
        p->approved = a->index;
    if (strcmp(a->o.transition, "P3") == 0)
        p->p3_at = a->s->issued_at;
}

static int commit_new(struct ledger_act *a, struct ledger_names *services)
{
    struct ledger *l = a->l;
    struct ledger_verrec *v = &l->version.v[a->version];
    struct ledger_deprec p = {.p.local_threshold = NAN};
    int err = ledger_deployment_id(v->v.digest, json_get_str(a->r, "establishment"),
                                   json_get_str(a->r, "use_code"), p.p.id);
    ledger_copy(p.p.use_code, sizeof p.p.use_code, json_get_str(a->r, "use_code"));
    if (!err)
        err = vec_room(&v->deployment);
    if (!err)
        err = vec_room(&p.p.history);
    if (!err)
        err = map_set(&l->by_deployment, str_c(p.p.id), l->deployment.n);
    if (!err)
        err = ledger_list_room(l, LEDGER_DEPLOYMENTS_OF_MODEL, ledger_model(v));
    if (!err)
        err = ledger_list_room(l, LEDGER_DEPLOYMENTS_OF_HOUSE,
                               json_get_str(a->r, "establishment"));
    if (!err)
        err = ledger_list_room(l, LEDGER_DEPLOYMENTS_OF_USE, str_c(p.p.use_code));
    if (!err)
        err = vec_room(&l->deployment);
    if (err) {
        vec_release(&p.p.history);
        return err;
    }
    memcpy(p.p.model_digest, v->v.digest, 32);
    ledger_copy(p.p.establishment, sizeof p.p.establishment,
                json_get_str(a->r, "establishment"));
    ledger_copy(p.p.gst, sizeof p.p.gst, json_get_str(a->r, "gst"));
    set_facts(a, &p);
    p.p.service.v = services->v;
    p.p.service.n = services->n;
    p.p.service.cap = services->cap;
    *services = (struct ledger_names){0};
    a->deployment = l->deployment.n;
    v->deployment.v[v->deployment.n++] = a->deployment;
    ledger_list_join(l, LEDGER_DEPLOYMENTS_OF_MODEL, ledger_model(v));
    ledger_list_join(l, LEDGER_DEPLOYMENTS_OF_HOUSE, str_c(p.p.establishment));
    ledger_list_join(l, LEDGER_DEPLOYMENTS_OF_USE, str_c(p.p.use_code));
    l->deployment.v[l->deployment.n++] = p;
    return AM_OK;
}

static int commit(struct ledger_act *a)
{
    struct ledger_names services, old;
    struct ledger_deprec *p;
    int err;
    if (ledger_stopped_here(a))
        return AM_OK;
    err = ledger_names_read(json_get(a->r, "service"), &services);
    if (err)
        return err;
    if (a->deployment == LEDGER_NONE) {
        err = commit_new(a, &services);
        ledger_names_drop(&services);
        return err;
    }
    p = &a->l->deployment.v[a->deployment];
    set_facts(a, p);
    old = (struct ledger_names){p->p.service.v, p->p.service.n, p->p.service.cap};
    p->p.service.v = services.v;
    p->p.service.n = services.n;
    p->p.service.cap = services.cap;
    ledger_names_drop(&old);
    return AM_OK;
}

/* ---- the transitions ------------------------------------------------------------- */
static int propose(struct ledger_act *a)
{
    check_common(a);
    check_forward(a, LEDGER_P_PILOT);
    check_scope(a);
    return commit(a);
}

static int prepare(struct ledger_act *a)
{
    check_common(a);
    ledger_guard(a, ledger_has(a->r, "objectives"), GUARD_OBJECTIVES, "/objectives",
                 "objectives, expected benefits, effects on workflow and data quality");
    return commit(a);
}

static int pilot(struct ledger_act *a)
{
    check_common(a);
    check_forward(a, LEDGER_P_PILOT);
    check_scope(a);
    check_pilot_facts(a);
    return commit(a);
}

/* {override_rate, vigilance_cases, quality_report}: looked at before P4. */
static void check_review(struct ledger_act *a)
{
    const struct json *r = json_get(a->r, "review");
    double rate = json_num(json_get(r, "override_rate"), -1);
    uint8_t digest[32];
    ledger_guard(
        a,
        rate >= 0 && rate <= 1 && json_int(json_get(r, "vigilance_cases"), -1) >= 0 &&
            ledger_unhex(json_get(r, "quality_report"), digest),
        GUARD_REVIEW, "/review", "{override_rate, vigilance_cases, quality_report}");
}

static void check_certificate(struct ledger_act *a)
{
    const struct ledger_factrec *f =
        ledger_certificate(a->l, json_get_str(a->r, "establishment"));
    ledger_guard(a, f && f->good && (!f->until_at || a->s->issued_at < f->until_at),
                 GUARD_CERTIFIED, "/establishment",
                 "not certified for the use of AI, and not under way");
}

static int deploy(struct ledger_act *a)
{
    check_common(a);
    check_forward(a, LEDGER_P_DEPLOYED);
    ledger_guard(a,
                 ledger_proof_local(a->l->policy, json_get(a->r, "local_validation"),
                                    a->l->version.v[a->version].v.level),
                 GUARD_LOCAL_VALIDATION, "/local_validation",
                 "measures on local data that pass the gates of the level");
    check_review(a);
    check_certificate(a);
    return commit(a);
}

static int stop(struct ledger_act *a)
{
    check_common(a);
    return commit(a);
}

static int step_back(struct ledger_act *a)
{
    check_common(a);
    return commit(a);
}

static int retire(struct ledger_act *a)
{
    uint8_t digest[32];
    check_common(a);
    ledger_guard(a, ledger_unhex(json_get(a->r, "impact_report"), digest),
                 GUARD_IMPACT_REPORT, "/impact_report", "digest of the report");
    ledger_guard(a, ledger_unhex(json_get(a->r, "traces_export"), digest),
                 GUARD_IMPACT_REPORT, "/traces_export", "digest of the traces kept");
    return commit(a);
}

/* P11: the deployment it replaces runs another version of the same algorithm here, for
 * the same use. NULL: it does not. */
static struct ledger_deprec *replaced(struct ledger_act *a)
{
    size_t i = ledger_find_deployment(
        a->l, json_get_str(json_get(a->r, "rollback"), "replaces"));
    struct ledger_deprec *q = i == LEDGER_NONE ? NULL : &a->l->deployment.v[i];
    size_t v = q ? ledger_find_version(a->l, q->p.model_digest) : LEDGER_NONE;
    if (!q || v == LEDGER_NONE || v == a->version || q->p.shadow ||
        (q->p.phase != LEDGER_P_PILOT && q->p.phase != LEDGER_P_DEPLOYED) ||
        !str_eqc(json_get_str(a->r, "establishment"), q->p.establishment) ||
        !str_eqc(json_get_str(a->r, "use_code"), q->p.use_code) ||
        strcmp(a->l->version.v[v].v.algorithm_id,
               a->l->version.v[a->version].v.algorithm_id) != 0)
        return NULL;
    return q;
}

/* The previous version is labelled, loaded and inactive: no deployment yet, or a shadow.
 * What was proved for P3 serves again for 12 months, of either. */
static int rollback(struct ledger_act *a)
{
    struct ledger_deprec *q = replaced(a), *p;
    struct ledger_deprec old = {0};
    int64_t proved, until;
    size_t from;
    int err;
    check_common(a);
    check_forward(a, LEDGER_P_PILOT);
    check_scope(a);
    ledger_guard(a, json_str_is(json_get(a->r, "mode"), "active"), GUARD_ROLLBACK,
                 "/mode", "active");
    ledger_guard(a, q != NULL, GUARD_ROLLBACK, "/rollback/replaces",
                 "a running deployment of another version of it, here");
    ledger_guard(a, json_bool(json_get(json_get(a->r, "rollback"), "loaded"), false),
                 GUARD_ROLLBACK, "/rollback/loaded", "not on the node");
    if (a->deployment != LEDGER_NONE) {
        old = a->l->deployment.v[a->deployment];
        ledger_guard(a, old.p.shadow, GUARD_ROLLBACK, "/transition", "it is active");
    }
    proved = AM_MAX(old.p3_at, q ? q->p3_at : 0);
    ledger_guard(a,
                 proved &&
                     !time_add_iso(proved,
                                   ledger_clock(a->l->policy, "evidence_usable", "P12M"),
                                   &until) &&
                     a->s->issued_at < until,
                 GUARD_ROLLBACK, "/rollback", "nothing proved for P3 within 12 months");
    if (ledger_stopped_here(a))
        return AM_OK;
    from = (size_t)(q - a->l->deployment.v);
    err = vec_room(&q->p.history);
    if (!err)
        err = commit(a);
    if (err)
        return err;
    p = &a->l->deployment.v[a->deployment];
    q = &a->l->deployment.v[from]; /* the list may have moved */
    q->p.shadow = true;            /* loaded and measured, shown to nobody */
    q->p.history.v[q->p.history.n++] = a->index;
    p->p3_at = proved;
    if (!p->dpia_until)
        p->dpia_until = q->dpia_until;
    if (!p->cndp_until)
        p->cndp_until = q->cndp_until;
    if (!p->pilot_until)
        p->pilot_until = q->pilot_until;
    return AM_OK;
}

/* Never called: the plan refuses both. They stand in the table so that it is complete. */
static int by_stop(struct ledger_act *a)
{
    ledger_refuse(a, CODE_MADE_BY_STOP, "/transition", "made by a stop");
    return AM_OK;
}

static int by_lift(struct ledger_act *a)
{
    ledger_refuse(a, CODE_MADE_BY_LIFT, "/transition", "made by a lift");
    return AM_OK;
}
