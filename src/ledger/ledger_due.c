/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_due -- what `system` has to state at a time (lifecycle.md 2.1, V16, V19): expiry
 * and archive, and the suspensions that dates, drift and missed diagnoses bring.
 *
 * Each cause is answered once: a suspension that the authorities have lifted since is not
 * ordered again for the same cause, because `system` never overrules anybody. */
#include "ledger/ledger_priv.h"

struct asker {
    const struct ledger *l;
    int64_t at;
    ledger_due_fn *fn;
    void *cookie;
    int err;
};

static void ask(struct asker *k, enum ledger_due_kind kind, const struct ledger_verrec *v,
                const struct ledger_deprec *p, const char *motive)
{
    struct ledger_due d = {kind, &v->v, p ? &p->p : NULL, motive};
    if (!k->err)
        k->err = k->fn(k->cookie, &d);
}

/* Has `system` ordered this stop since that entry? In force or lifted: it was answered.
 */
static bool answered(const struct asker *k, const struct ledger_verrec *v,
                     const struct ledger_deprec *p, const char *motive, uint64_t since)
{
    for (size_t i = k->l->stop.n; i-- > 0;) {
        const struct ledger_stop *s = &k->l->stop.v[i].s;
        if (s->index < since)
            return false;
        if (s->by_role == LEDGER_SYSTEM && strcmp(s->motive_code, motive) == 0 &&
            memcmp(s->model_digest, v->v.digest, 32) == 0 &&
            (p ? s->scope == LEDGER_STOP_ESTABLISHMENT &&
                     strcmp(s->establishment, p->p.establishment) == 0 &&
                     (!*s->use_code || strcmp(s->use_code, p->p.use_code) == 0)
               : s->scope == LEDGER_STOP_NATIONAL))
            return true;
    }
    return false;
}

static void stop(struct asker *k, const struct ledger_verrec *v,
                 const struct ledger_deprec *p, const char *motive, bool due,
                 uint64_t since)
{
    if (due && !answered(k, v, p, motive, since))
        ask(k, LEDGER_DUE_STOP, v, p, motive);
}

/* ---- a deployment ---------------------------------------------------------------- */
static void about_deployment(struct asker *k, const struct ledger_verrec *v,
                             const struct ledger_deprec *p)
{
    const struct ledger_factrec *f = ledger_certificate(k->l, str_c(p->p.establishment));
    if (p->p.phase != LEDGER_P_PILOT && p->p.phase != LEDGER_P_DEPLOYED)
        return;
    stop(k, v, p, "dpia_expired", p->dpia_until && k->at >= p->dpia_until, p->approved);
    stop(k, v, p, "cndp_expired", p->cndp_until && k->at >= p->cndp_until, p->approved);
    stop(k, v, p, "certificate_expired", !ledger_house_certified(k->l, &p->p, k->at),
         f ? f->index : 0);
    stop(k, v, p, "drift", p->drift_confirmed != 0, p->drift_confirmed);
}

/* ---- a version ------------------------------------------------------------------- */
/* Drift confirmed in two regions is that of the version: the entry that made it so. */
static uint64_t national_drift(const struct ledger *l, const struct ledger_verrec *v)
{
    uint64_t first = 0, second = 0;
    const char *region = "";
    for (size_t i = 0; i < v->deployment.n; i++) {
        const struct ledger_deprec *p = &l->deployment.v[v->deployment.v[i]];
        if (!p->drift_confirmed)
            continue;
        if (!*region || strcmp(region, p->p.gst) == 0) {
            region = p->p.gst;
            first = AM_MAX(first, p->drift_confirmed);
        } else {
            second = AM_MAX(second, p->drift_confirmed);
        }
    }
    return second ? AM_MAX(first, second) : 0;
}

/* The newest case of a diagnosis missed, when their exact lower limit is above what was
 * declared. */
static uint64_t missed_diagnoses(const struct ledger *l, const struct ledger_verrec *v)
{
    struct ledger_false_negatives n;
    uint64_t newest = 0;
    ledger_false_negatives(l, &v->v, &n);
    for (size_t i = 0; n.exceeds && i < v->vigilance.n; i++) {
        const struct ledger_case *c = &l->vigilance.v[v->vigilance.v[i]];
        if (c->false_negative && c->history.n)
            newest = AM_MAX(newest, c->history.v[0]);
    }
    return newest;
}

static void about_version(struct asker *k, const struct ledger_verrec *v)
{
    unsigned ends =
        1U << LEDGER_V_LABELLED | 1U << LEDGER_V_SUSPENDED | 1U << LEDGER_V_DEFERRED;
    unsigned over = 1U << LEDGER_V_REFUSED | 1U << LEDGER_V_WITHDRAWN;
    int64_t end = ledger_expires(k->l, v);
    uint64_t drift, missed;
    if (((ends >> v->v.state) & 1) && end && k->at >= end) {
        ask(k, LEDGER_DUE_EXPIRY, v, NULL, "");
        return;
    }
    if (((over >> v->v.state) & 1) && !ledger_running(k->l, v) &&
        k->at >= ledger_archivable(k->l, v)) {
        ask(k, LEDGER_DUE_ARCHIVE, v, NULL, "");
        return;
    }
    if (v->v.state != LEDGER_V_LABELLED)
        return;
    stop(k, v, NULL, "device_certificate_expired",
         v->device_until && k->at >= v->device_until, v->v.declared.index);
    drift = national_drift(k->l, v);
    stop(k, v, NULL, "drift", drift != 0, drift);
    missed = missed_diagnoses(k->l, v);
    stop(k, v, NULL, "missed_diagnoses", missed != 0, missed);
    for (size_t i = 0; !k->err && i < v->deployment.n; i++)
        about_deployment(k, v, &k->l->deployment.v[v->deployment.v[i]]);
}

int ledger_due(const struct ledger *l, int64_t at, ledger_due_fn *fn, void *cookie)
{
    struct asker k = {l, at, fn, cookie, AM_OK};
    for (size_t i = 0; l->policy && !k.err && i < l->version.n; i++)
        about_version(&k, &l->version.v[i]);
    return k.err;
}
