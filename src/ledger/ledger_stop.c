/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_stop -- stops, acknowledgements, lifts (lifecycle.md section 7): P5, P6, P7, and
 * V14 when the order is national.
 *
 * What is stopped is the union of the orders in force; a stop never needs a state to be
 * right, and lifting one lifts only that one. Nothing here can be waived. */
#include "ledger/ledger_priv.h"

size_t ledger_national_stops(const struct ledger *l, const struct ledger_verrec *v,
                             unsigned *roles)
{
    size_t n = 0;
    for (size_t i = 0; i < v->stop.n; i++) {
        const struct ledger_stop *s = &l->stop.v[v->stop.v[i]].s;
        if (s->scope != LEDGER_STOP_NATIONAL)
            continue;
        *roles |= 1U << s->by_role;
        n++;
    }
    return n;
}

unsigned ledger_suspended_roles(const struct ledger *l, const struct ledger_verrec *v)
{
    const unsigned robot = 1U << LEDGER_SYSTEM;
    unsigned roles = v->suspended_by;
    (void)ledger_national_stops(l, v, &roles);
    return roles & robot ? (roles & ~robot) | 1U << LEDGER_HAS : roles;
}

unsigned ledger_suspenders(const struct ledger *l, const uint8_t digest[32])
{
    size_t v = ledger_find_version(l, digest);
    return v == LEDGER_NONE ? 0 : ledger_suspended_roles(l, &l->version.v[v]);
}

void ledger_lift(struct ledger *l, size_t i, uint64_t index)
{
    struct ledger_stop *s = &l->stop.v[i].s;
    size_t v = ledger_find_version(l, s->model_digest);
    l->stops_in_force -= !s->lifted;
    s->lifted = index;
    if (v == LEDGER_NONE)
        return;
    struct ledger_verrec *ver = &l->version.v[v];
    for (size_t k = 0; k < ver->stop.n; k++)
        if (ver->stop.v[k] == i) { /* order kept: the first stop in force is the oldest */
            memmove(&ver->stop.v[k], &ver->stop.v[k + 1],
                    (ver->stop.n - k - 1) * sizeof *ver->stop.v);
            ver->stop.n--;
            return;
        }
}

/* ---- stop ------------------------------------------------------------------------ */
static enum ledger_scope scope_of(const struct ledger_act *a)
{
    enum ledger_scope s = LEDGER_STOP_NATIONAL;
    if (ledger_scope_parse(json_get_str(a->r, "scope"), &s))
        return LEDGER_STOP_NATIONAL;
    return s;
}

/* The region a stop acts in: named, or that of the deployment it stops. */
static struct str region_of(const struct ledger_act *a)
{
    struct str gst = json_get_str(a->r, "gst"), est = json_get_str(a->r, "establishment");
    const struct ledger_verrec *v = &a->l->version.v[a->version];
    for (size_t i = 0; !gst.n && i < v->deployment.n; i++) {
        const struct ledger_deployment *p = &a->l->deployment.v[v->deployment.v[i]].p;
        if (str_eqc(est, p->establishment))
            gst = str_c(p->gst);
    }
    return gst;
}

static void check_target(struct ledger_act *a, enum ledger_scope scope)
{
    bool est = json_get(a->r, "establishment"), gst = json_get(a->r, "gst");
    bool service = json_get(a->r, "service");
    bool ok = scope == LEDGER_STOP_NATIONAL || (scope == LEDGER_STOP_REGION && gst) ||
              (scope == LEDGER_STOP_ESTABLISHMENT && est) ||
              (scope == LEDGER_STOP_SERVICE && est && service) ||
              (scope == LEDGER_STOP_PATIENT && est);
    ledger_guard(a, ok, GUARD_STOP_TARGET, "/scope",
                 "a %s stop names what it covers: gst, establishment, service",
                 ledger_scope_name(scope));
}

/* A node signs for the user who pressed stop (`ordered_by`), in its own region; or the
 * automaton itself stops (P6; V14 by the registry's). */
static void plan_system(struct ledger_act *a, enum ledger_scope scope)
{
    const struct ledger_key *me = ledger_signer_key(a);
    const struct json *by = json_get(a->r, "ordered_by");
    enum ledger_role presser = LEDGER_SYSTEM;
    bool national = scope == LEDGER_STOP_NATIONAL;
    if (by && ledger_role_parse(json_get_str(by, "role"), &presser))
        presser = LEDGER_ROLE_NONE;
    bool registry = strcmp(me->function, "registry") == 0;
    if (!registry && (national || !str_eqc(region_of(a), ledger_region(me)))) {
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id",
                      "not in the region of this node");
        return;
    }
    if (presser == LEDGER_SYSTEM) {
        ledger_copy(a->rule, sizeof a->rule, STR("system"));
        return;
    }
    if (presser == LEDGER_ROLE_NONE || ledger_role_place(presser) == LEDGER_NATIONAL) {
        ledger_refuse(a, CODE_WRONG_ROLE, "/issuer/role", "a node does not speak for it");
        return;
    }
    a->stands_for = presser;
}

static int stop(struct ledger_act *a)
{
    struct ledger *l = a->l;
    const struct ledger_key *me = ledger_signer_key(a);
    struct ledger_verrec *v = &l->version.v[a->version];
    struct ledger_stoprec s = {.key = a->key};
    int err;
    if (ledger_stopped_here(a))
        return AM_OK;
    memcpy(s.s.order, a->s->record_sha256, 32);
    memcpy(s.s.model_digest, v->v.digest, 32);
    s.s.scope = scope_of(a);
    ledger_copy(s.s.gst, sizeof s.s.gst,
                s.s.scope < LEDGER_STOP_REGION ? region_of(a)
                                               : json_get_str(a->r, "gst"));
    ledger_copy(s.s.establishment, sizeof s.s.establishment,
                json_get_str(a->r, "establishment"));
    ledger_copy(s.s.service, sizeof s.s.service, json_get_str(a->r, "service"));
    ledger_copy(s.s.use_code, sizeof s.s.use_code, json_get_str(a->r, "use_code"));
    ledger_copy(s.s.motive_code, sizeof s.s.motive_code,
                json_get_str(a->r, "motive_code"));
    s.s.by_role = a->stands_for ? a->stands_for : me->role;
    ledger_copy(s.s.by_org, sizeof s.s.by_org,
                a->stands_for ? json_get_str(json_get(a->r, "ordered_by"), "org_id")
                              : str_c(me->org_id));
    s.s.effect_at = ledger_time(json_get(a->r, "effect_at"));
    s.s.index = a->index;
    err = vec_room(&v->stop);
    if (!err)
        err = ledger_list_room(l, LEDGER_STOPS_OF_MODEL, ledger_model(v));
    if (!err)
        err = map_set(&l->by_stop, (struct str){(const char *)s.s.order, 32}, l->stop.n);
    if (!err)
        err = vec_push(&l->stop, s);
    if (err)
        return err;
    ledger_list_join(l, LEDGER_STOPS_OF_MODEL, ledger_model(v));
    l->stops_in_force++;
    if (s.s.scope != LEDGER_STOP_PATIENT)
        v->stop.v[v->stop.n++] = l->stop.n - 1;
    if (s.s.scope == LEDGER_STOP_NATIONAL && v->v.state == LEDGER_V_LABELLED) {
        v->v.before = LEDGER_V_LABELLED;
        v->v.state = LEDGER_V_SUSPENDED;
    }
    return AM_OK;
}

void ledger_plan_stop(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    enum ledger_scope scope;
    if (ledger_scope_parse(json_get_str(a->r, "scope"), &scope)) {
        ledger_refuse(a, CODE_BAD_RECORD, "/scope", "patient to national");
        return;
    }
    if (a->version == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_VERSION, "/model_digest", "never declared");
        return;
    }
    if (ledger_find_stop(a->l, a->s->record_sha256) != LEDGER_NONE) {
        ledger_refuse(a, CODE_EXISTS, "", "ordered before");
        return;
    }
    if (!ledger_fits(json_get_str(a->r, "motive_code"), 64) ||
        !ledger_fits(json_get_str(a->r, "use_code"), 64) ||
        !ledger_fits(json_get_str(json_get(a->r, "ordered_by"), "org_id"), LEDGER_ID_MAX))
        ledger_refuse(a, CODE_BAD_RECORD, "/motive_code", "too long");
    check_target(a, scope);
    snprintf(a->rule, sizeof a->rule, "stop.%s", ledger_scope_name(scope));
    a->o.transition = me->role == LEDGER_SYSTEM ? "P6" : "P5";
    if (scope == LEDGER_STOP_NATIONAL &&
        a->l->version.v[a->version].v.state == LEDGER_V_LABELLED)
        a->o.transition = "V14";
    if (me->role == LEDGER_SYSTEM)
        plan_system(a, scope);
    else if (scope != LEDGER_STOP_NATIONAL)
        ledger_check_place(a, json_get_str(a->r, "establishment"), region_of(a));
    a->apply = stop;
}

/* ---- acknowledgement ------------------------------------------------------------- */
static size_t find_order(struct ledger_act *a)
{
    uint8_t order[32];
    size_t i = LEDGER_NONE;
    if (ledger_unhex(json_get(a->r, "order"), order))
        i = ledger_find_stop(a->l, order);
    if (i == LEDGER_NONE)
        ledger_refuse(a, CODE_UNKNOWN_ORDER, "/order", "no such stop");
    return i;
}

static int acknowledge(struct ledger_act *a)
{
    struct ledger_stop *s = &a->l->stop.v[a->order].s;
    struct ledger_ack ack = {.index = a->index,
                             .effect_at = ledger_time(json_get(a->r, "effect_at"))};
    const struct ledger_key *me = ledger_signer_key(a);
    for (size_t i = 0; i < s->ack.n; i++)
        if (strcmp(s->ack.v[i].node, me->org_id) == 0) {
            ledger_refuse(a, CODE_EXISTS, "/order", "acknowledged before");
            return AM_OK;
        }
    if (ledger_stopped_here(a))
        return AM_OK;
    ledger_copy(ack.node, sizeof ack.node, str_c(me->org_id));
    return vec_push(&s->ack, ack);
}

void ledger_plan_ack(struct ledger_act *a)
{
    struct str node = json_get_str(a->r, "node");
    const struct ledger_key *me = ledger_signer_key(a);
    size_t i = ledger_find_node(a->l, node);
    a->order = find_order(a);
    ledger_guard(
        a,
        str_eqc(node, me->org_id) ||
            (i != LEDGER_NONE && strcmp(a->l->node.v[i].n.org_id, me->org_id) == 0),
        GUARD_NODE_KEY, "/node", "not the node of this key");
    ledger_copy(a->rule, sizeof a->rule, STR("stop_ack"));
    a->apply = acknowledge;
}

/* ---- lift ------------------------------------------------------------------------ */
/* Who ordered it lifts it only with a second role (section 1). */
static void check_second_role(struct ledger_act *a, const struct ledger_stoprec *s)
{
    bool orderer = false, other = false;
    for (size_t i = 0; i < a->signers; i++) {
        orderer |= a->signer[i].key == s->key;
        other |= a->l->key.v[a->signer[i].key].k.role != a->l->key.v[s->key].k.role;
    }
    ledger_guard(a, !orderer || other || a->waiting, GUARD_SECOND_ROLE, "/order",
                 "who ordered it needs a second role to lift it");
}

static int lift(struct ledger_act *a)
{
    const struct ledger_stoprec *s = &a->l->stop.v[a->order];
    unsigned need = 0, signed_by = 0;
    if (s->s.scope != LEDGER_STOP_PATIENT)
        check_second_role(a, s);
    if (s->s.scope == LEDGER_STOP_NATIONAL && !a->waiting) {
        need = 1U << (s->s.by_role == LEDGER_SYSTEM ? LEDGER_HAS : s->s.by_role);
        for (size_t i = 0; i < a->signers; i++)
            signed_by |= 1U << a->l->key.v[a->signer[i].key].k.role;
        ledger_guard(a, (need & ~signed_by) == 0, GUARD_SUSPENDER, "/order",
                     "the authority that ordered it has not signed");
    }
    if (!ledger_stopped_here(a))
        ledger_lift(a->l, a->order, a->index);
    return AM_OK;
}

/* A user lifts a stop for one patient only if it is the user's own. */
static void check_patient_lift(struct ledger_act *a, const struct ledger_stoprec *s)
{
    const struct ledger_key *me = ledger_signer_key(a);
    if (s->s.scope == LEDGER_STOP_PATIENT && ledger_role_place(me->role) == LEDGER_USER &&
        a->key != s->key)
        ledger_refuse(a, CODE_WRONG_ROLE, "/order", "ordered by somebody else");
}

void ledger_plan_lift(struct ledger_act *a)
{
    const struct ledger_stoprec *s;
    size_t v;
    a->order = find_order(a);
    if (a->err)
        return;
    s = &a->l->stop.v[a->order];
    v = ledger_find_version(a->l, s->s.model_digest);
    ledger_guard(a, !s->s.lifted, GUARD_NOT_IN_FORCE, "/order", "lifted at entry %llu",
                 (unsigned long long)s->s.lifted);
    if (s->s.scope == LEDGER_STOP_NATIONAL) {
        ledger_guard(a, a->l->version.v[v].v.state != LEDGER_V_SUSPENDED,
                     GUARD_LIFTED_BY_V15, "/order", "by a decision `reinstated`");
        a->also = 1U << s->s.by_role;
    }
    check_patient_lift(a, s);
    ledger_check_place(a, str_c(s->s.establishment), str_c(s->s.gst));
    snprintf(a->rule, sizeof a->rule, "lift.%s", ledger_scope_name(s->s.scope));
    a->o.transition = s->s.scope == LEDGER_STOP_NATIONAL ? "" : "P7";
    a->apply = lift;
}

/* ---- the motive that follows ------------------------------------------------------ */
static int motive(struct ledger_act *a)
{
    struct ledger_stop *s = &a->l->stop.v[a->order].s;
    if (!ledger_stopped_here(a))
        ledger_copy(s->motive_code, sizeof s->motive_code,
                    json_get_str(a->r, "motive_code"));
    return AM_OK;
}

/* Within 24 h, by the house that ordered it or the node that signed for it; later it is
 * shown as late and the stop stays (section 7). */
void ledger_plan_motive(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a), *by;
    const struct ledger_stoprec *s;
    a->order = find_order(a);
    if (a->err)
        return;
    s = &a->l->stop.v[a->order];
    by = &a->l->key.v[s->key].k;
    if (*s->s.motive_code)
        ledger_refuse(a, CODE_EXISTS, "/motive_code", "it has a motive");
    if (!ledger_fits(json_get_str(a->r, "motive_code"), sizeof s->s.motive_code))
        ledger_refuse(a, CODE_BAD_RECORD, "/motive_code", "too long");
    if (strcmp(me->org_id, by->org_id) != 0 && strcmp(me->org_id, s->s.by_org) != 0)
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id", "ordered by %s",
                      s->s.by_org);
    ledger_copy(a->rule, sizeof a->rule, STR("stop_motive"));
    a->apply = motive;
}
