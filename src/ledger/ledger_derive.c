/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_derive -- what follows from the state: the coupling rule (lifecycle.md section
 * 4), stops as a union (section 7), the public status. Pure; time comes in as `at`. */
#include "ledger/ledger_priv.h"

const char *ledger_registry_status(const struct ledger_version *v)
{
    switch (v->state) {
    case LEDGER_V_LABELLED:
        return v->level == LEDGER_BASE ? "pilot_only" : "certified";
    case LEDGER_V_SUSPENDED:
        return "suspended";
    case LEDGER_V_REFUSED:
        return "refused";
    case LEDGER_V_WITHDRAWN:
    case LEDGER_V_ARCHIVED:
        return "withdrawn";
    default:
        return "registered";
    }
}

enum ledger_p ledger_ceiling(const struct ledger_version *v, struct str gst)
{
    if (v->state != LEDGER_V_LABELLED || v->sandboxed)
        return LEDGER_P_SUSPENDED;
    switch (v->level) {
    case LEDGER_BASE:
        return LEDGER_P_PILOT;
    case LEDGER_INTERMEDIATE:
        return ledger_names_has(v->scope_gst.v, v->scope_gst.n, gst) ? LEDGER_P_DEPLOYED
                                                                     : LEDGER_P_PILOT;
    case LEDGER_ADVANCED:
        return LEDGER_P_DEPLOYED;
    default:
        return LEDGER_P_SUSPENDED;
    }
}

enum ledger_p ledger_couple(enum ledger_p phase, enum ledger_p ceiling)
{
    if (phase != LEDGER_P_PILOT && phase != LEDGER_P_DEPLOYED)
        return phase;
    if (ceiling == LEDGER_P_DEPLOYED)
        return phase;
    return ceiling == LEDGER_P_PILOT ? LEDGER_P_PILOT : LEDGER_P_SUSPENDED;
}

bool ledger_may_show(enum ledger_p effective, unsigned conditions)
{
    return (effective == LEDGER_P_PILOT || effective == LEDGER_P_DEPLOYED) &&
           (conditions & LEDGER_SHOW_ALL) == LEDGER_SHOW_ALL;
}

bool ledger_stop_covers(const struct ledger_stop *s, const struct ledger_deployment *p,
                        struct str service)
{
    if (s->scope < LEDGER_STOP_REGION && *s->use_code &&
        strcmp(s->use_code, p->use_code) != 0)
        return false;
    switch (s->scope) {
    case LEDGER_STOP_NATIONAL:
        return true;
    case LEDGER_STOP_REGION:
        return strcmp(s->gst, p->gst) == 0;
    case LEDGER_STOP_ESTABLISHMENT:
        return strcmp(s->establishment, p->establishment) == 0;
    case LEDGER_STOP_SERVICE:
        return strcmp(s->establishment, p->establishment) == 0 &&
               str_eqc(service, s->service);
    default:
        return false; /* one patient: the node's own business */
    }
}

const struct ledger_stop *ledger_stopped(const struct ledger *l,
                                         const struct ledger_deployment *p,
                                         struct str service)
{
    size_t i = ledger_find_version(l, p->model_digest);
    const struct ledger_verrec *v;
    if (i == LEDGER_NONE)
        return NULL;
    v = &l->version.v[i];
    for (size_t s = 0; s < v->stop.n; s++)
        if (ledger_stop_covers(&l->stop.v[v->stop.v[s]].s, p, service))
            return &l->stop.v[v->stop.v[s]].s;
    return NULL;
}

enum ledger_p ledger_phase(const struct ledger *l, const struct ledger_deployment *p)
{
    if ((p->phase == LEDGER_P_PILOT || p->phase == LEDGER_P_DEPLOYED) &&
        ledger_stopped(l, p, STR_NULL))
        return LEDGER_P_SUSPENDED;
    return p->phase;
}

static const struct ledger_deprec *record_of(const struct ledger *l,
                                             const struct ledger_deployment *p)
{
    size_t i = ledger_find_deployment(l, str_c(p->id));
    return i == LEDGER_NONE ? NULL : &l->deployment.v[i];
}

bool ledger_approvals(const struct ledger *l, const struct ledger_deployment *p,
                      int64_t at)
{
    const struct ledger_deprec *r = record_of(l, p);
    return r && (!r->dpia_until || at < r->dpia_until) &&
           (!r->cndp_until || at < r->cndp_until);
}

/* P4 asked for a certificate: when it ends or is taken back, so does that phase. A pilot
 * runs without one. */
bool ledger_house_certified(const struct ledger *l, const struct ledger_deployment *p,
                            int64_t at)
{
    const struct ledger_factrec *f = ledger_certificate(l, str_c(p->establishment));
    if (!f || p->phase != LEDGER_P_DEPLOYED)
        return true;
    return f->good && (!f->until_at || at < f->until_at);
}

/* Dates that have passed restrict at once, before `system` has logged the expiry (2.1).
 */
static enum ledger_p effective(const struct ledger *l, const struct ledger_version *v,
                               const struct ledger_deployment *p, enum ledger_p phase,
                               int64_t at)
{
    const struct ledger_deprec *r = record_of(l, p);
    enum ledger_p ceiling = LEDGER_P_SUSPENDED;
    if (v && (!v->expires_at || at < v->expires_at))
        ceiling = ledger_ceiling(v, str_c(p->gst));
    if (!ledger_approvals(l, p, at) || !ledger_house_certified(l, p, at))
        ceiling = LEDGER_P_SUSPENDED;
    if (phase == LEDGER_P_PILOT && r && r->pilot_until && at >= r->pilot_until)
        ceiling = LEDGER_P_SUSPENDED;
    return ledger_couple(phase, ceiling);
}

enum ledger_p ledger_effective(const struct ledger *l, const struct ledger_deployment *p,
                               int64_t at)
{
    return effective(l, ledger_version_find(l, p->model_digest), p, ledger_phase(l, p),
                     at);
}

bool ledger_stop_hits(const struct ledger_stop *s, const struct ledger_deployment *p)
{
    bool yes = memcmp(s->model_digest, p->model_digest, 32) == 0 &&
               ledger_stop_covers(s, p, STR_NULL);
    for (size_t i = 0; i < p->service.n && !yes; i++)
        yes = memcmp(s->model_digest, p->model_digest, 32) == 0 &&
              ledger_stop_covers(s, p, str_c(p->service.v[i]));
    return yes;
}

enum ledger_p ledger_after_lift(const struct ledger *l, const struct ledger_stop *s,
                                const struct ledger_deployment *p, int64_t at)
{
    size_t i = ledger_find_version(l, p->model_digest);
    enum ledger_p phase = p->phase;
    struct ledger_version v;
    if (i == LEDGER_NONE)
        return LEDGER_P_SUSPENDED;
    v = l->version.v[i].v; /* borrowed parts: only read */
    if (s->scope == LEDGER_STOP_NATIONAL && v.state == LEDGER_V_SUSPENDED)
        v.state = v.before; /* what V15 gives back */
    for (size_t k = 0; k < l->version.v[i].stop.n; k++) {
        const struct ledger_stop *other = &l->stop.v[l->version.v[i].stop.v[k]].s;
        if (other == s || !ledger_stop_covers(other, p, STR_NULL))
            continue;
        if (phase == LEDGER_P_PILOT || phase == LEDGER_P_DEPLOYED)
            phase = LEDGER_P_SUSPENDED;
        if (other->scope == LEDGER_STOP_NATIONAL)
            v.state = LEDGER_V_SUSPENDED;
    }
    return effective(l, &v, p, phase, at);
}
