/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_clock -- the delays of lifecycle.md section 6, and what they announce: warnings
 * 90, 30 and 7 days before a term, and delays that somebody has to keep. Derived from the
 * state alone; the time comes in. Nothing here decides anything. */
#include "ledger/ledger_priv.h"

enum { HOLIDAYS_MAX = 1000, WORKING_DAYS_MAX = 366 };

/* ---- working days ---------------------------------------------------------------- */
/* "2026-03-20" is one day, "--05-01" the same day of every year. */
static bool is_holiday(const struct json *holidays, int64_t at)
{
    char day[TIME_TEXT];
    time_format(at, day);
    for (json_each(it, holidays)) {
        struct str s = json_str(it.val);
        if (s.n == 10 && memcmp(s.p, day, 10) == 0)
            return true;
        if (s.n == 7 && memcmp(s.p, "--", 2) == 0 && memcmp(s.p + 2, day + 5, 5) == 0)
            return true;
    }
    return false;
}

/* Saturday and Sunday are free; 1 January 1970 was a Thursday. Days are UTC days. */
static bool is_working(const struct json *holidays, int64_t at)
{
    int64_t weekday = (at / TIME_DAY + 4) % 7; /* 0: Sunday */
    return weekday != 0 && weekday != 6 && !is_holiday(holidays, at);
}

int64_t ledger_working_days(const struct json *holidays, int64_t at, unsigned n)
{
    int64_t limit = at + (int64_t)HOLIDAYS_MAX * TIME_DAY;
    while (n > 0 && at < limit) { /* a calendar without working days still ends */
        at += TIME_DAY;
        n -= is_working(holidays, at);
    }
    return at;
}

/* working_days.<name> of the policy, else its clock, else what the design proposes:
 * otherwise_days working days, or the duration. 0: it cannot be said. */
static int64_t deadline(const struct ledger *l, const char *name, int64_t from,
                        unsigned otherwise_days, const char *otherwise)
{
    const struct json *root = l->policy->root;
    int64_t n = json_int(json_get(json_get(root, "working_days"), name), 0), due;
    bool clock = json_get(json_get(root, "clocks"), name) != NULL;
    if (!n && !clock)
        n = otherwise_days;
    if (n > 0 && n <= WORKING_DAYS_MAX)
        return ledger_working_days(json_get(root, "holidays"), from, (unsigned)n);
    return time_add_iso(from, ledger_clock(l->policy, name, otherwise), &due) ? 0 : due;
}

/* ---- saying it ------------------------------------------------------------------- */
struct teller {
    const struct ledger *l;
    int64_t at;
    ledger_warning_fn *fn;
    void *cookie;
    int err;
};

static void tell(struct teller *t, const char *kind, const char *subject, const char *id,
                 int64_t since, int64_t due, bool term)
{
    struct ledger_warning w = {
        .kind = kind, .subject = subject, .since_at = since, .due_at = due, .term = term};
    int64_t left = due - t->at;
    if (t->err || !due || due == INT64_MAX)
        return;
    w.days_left = left >= 0 ? left / TIME_DAY : -((-left + TIME_DAY - 1) / TIME_DAY);
    w.late = left <= 0;
    if (term && w.days_left >= 90 && left > 90 * TIME_DAY)
        return; /* far enough not to be said */
    w.step = w.late ? 0 : left <= 7 * TIME_DAY ? 7 : left <= 30 * TIME_DAY ? 30 : 90;
    ledger_copy(w.id, sizeof w.id, str_c(id));
    t->err = t->fn(t->cookie, &w);
}

/* ---- versions -------------------------------------------------------------------- */
static void about_state(struct teller *t, const struct ledger_verrec *v, const char *id)
{
    const struct ledger *l = t->l;
    int64_t since = v->state_at;
    switch (v->v.state) {
    case LEDGER_V_DECLARED:
        tell(t, "admissibility", "version", id, since,
             deadline(l, "admissibility", since, 15, "P21D"), false);
        break;
    case LEDGER_V_UNDER_EVALUATION:
        tell(t, "evidence", "version", id, since,
             deadline(l, "evidence", since, 0, "P60D"), false);
        break;
    case LEDGER_V_EVALUATED:
        tell(t, "decision", "version", id, since,
             deadline(l, "decision", since, 0, "P30D"), false);
        break;
    default:
        break;
    }
}

static void about_appeal(struct teller *t, const struct ledger_verrec *v, const char *id)
{
    const struct ledger_factrec *f =
        ledger_fact_newest(t->l, v, LEDGER_FACT_APPEAL, LEDGER_NONE);
    int64_t since = v->v.decision.issued_at, due;
    if (v->v.state != LEDGER_V_REFUSED)
        return;
    if (f && f->index > v->v.decision.index) {
        tell(t, "appeal_judgement", "version", id, f->issued_at,
             deadline(t->l, "appeal_judgement", f->issued_at, 0, "P30D"), false);
        return;
    }
    due = deadline(t->l, "appeal", since, 0, "P30D");
    if (t->at < due) /* afterwards the refusal is final: nobody is late */
        tell(t, "appeal", "version", id, since, due, false);
}

/* Announced by its supplier: those who use it have until that day; then it is for the
 * supplier to withdraw it. */
static void about_notice(struct teller *t, const struct ledger_verrec *v, const char *id)
{
    const struct ledger_factrec *f =
        ledger_fact_newest(t->l, v, LEDGER_FACT_NOTICE, LEDGER_NONE);
    unsigned over =
        1U << LEDGER_V_REFUSED | 1U << LEDGER_V_WITHDRAWN | 1U << LEDGER_V_ARCHIVED;
    if (f && !((over >> v->v.state) & 1))
        tell(t, "withdrawal", "version", id, f->issued_at, f->until_at, true);
}

static void about_version(struct teller *t, const struct ledger_verrec *v)
{
    unsigned held = 1U << LEDGER_V_LABELLED | 1U << LEDGER_V_SUSPENDED;
    char id[CRYPTO_HEX];
    int64_t end;
    crypto_hex(v->v.digest, 32, id);
    about_state(t, v, id);
    about_appeal(t, v, id);
    about_notice(t, v, id);
    if (v->v.state == LEDGER_V_DEFERRED)
        tell(t, "deferral_expiry", "version", id, v->state_at, v->v.expires_at, true);
    if (!((held >> v->v.state) & 1))
        return;
    tell(t, "label_expiry", "version", id, v->label_at, v->v.expires_at, true);
    end = ledger_expires(t->l, v);
    if (end != v->v.expires_at)
        tell(t, "surveillance", "version", id, v->label_at, end, true);
    tell(t, "device_certificate", "version", id, v->v.declared.issued_at, v->device_until,
         true);
}

/* ---- deployments ----------------------------------------------------------------- */
/* Monthly for advanced, quarterly for intermediate; a base label is a pilot, whose end
 * is its own term. */
static void about_monitoring(struct teller *t, const struct ledger_verrec *v, size_t d)
{
    const struct ledger_deprec *p = &t->l->deployment.v[d];
    const struct ledger_factrec *f =
        ledger_fact_newest(t->l, v, LEDGER_FACT_MONITORING, d);
    int64_t since = AM_MAX(p->p.newest.issued_at, f ? f->issued_at : 0);
    if (v->v.level == LEDGER_INTERMEDIATE)
        tell(t, "monitoring", "deployment", p->p.id, since,
             deadline(t->l, "monitoring_intermediate", since, 0, "P3M"), true);
    if (v->v.level == LEDGER_ADVANCED)
        tell(t, "monitoring", "deployment", p->p.id, since,
             deadline(t->l, "monitoring_advanced", since, 0, "P1M"), true);
}

static void about_deployment(struct teller *t, size_t d)
{
    const struct ledger_deprec *p = &t->l->deployment.v[d];
    size_t v = ledger_find_version(t->l, p->p.model_digest);
    int64_t since = p->p.newest.issued_at;
    if (p->p.phase != LEDGER_P_PILOT && p->p.phase != LEDGER_P_DEPLOYED)
        return;
    tell(t, "dpia", "deployment", p->p.id, since, p->dpia_until, true);
    tell(t, "cndp", "deployment", p->p.id, since, p->cndp_until, true);
    if (p->p.phase == LEDGER_P_PILOT)
        tell(t, "pilot_end", "deployment", p->p.id, since, p->pilot_until, true);
    if (v != LEDGER_NONE)
        about_monitoring(t, &t->l->version.v[v], d);
}

/* ---- establishments, keys, stops ------------------------------------------------- */
static void about_fact(struct teller *t, const struct ledger_factrec *f)
{
    if (f->kind == LEDGER_FACT_CERTIFICATE && f->good &&
        ledger_certificate(t->l, str_c(f->place)) == f)
        tell(t, "establishment_certificate", "establishment", f->place, f->issued_at,
             f->until_at, true);
}

static void about_key(struct teller *t, const struct ledger_keyrec *k)
{
    if (k->k.revoked)
        return;
    tell(t, "key_expiry", "key", k->k.key_id, k->granted_at, k->k.not_after_at, true);
    if (strcmp(k->k.function, "authority") == 0) /* section 1: within 24 months */
        tell(t, "key_rotation", "key", k->k.key_id, k->granted_at,
             deadline(t->l, "key_rotation", k->granted_at, 0, "P24M"), true);
}

/* Field 6: whoever is written to about a product still answers; a new record says so. */
static void about_algorithm(struct teller *t, const struct ledger_algorithm *a)
{
    tell(t, "contact", "algorithm", a->id, a->issued_at,
         deadline(t->l, "contact", a->issued_at, 0, "P12M"), true);
}

static bool acknowledged(const struct ledger_stop *s, const char *node)
{
    for (size_t i = 0; i < s->ack.n; i++)
        if (strcmp(s->ack.v[i].node, node) == 0)
            return true;
    return false;
}

/* A node that serves a place where the version runs, and has not said that it obeyed. */
static bool awaits_node(const struct ledger *l, const struct ledger_stop *s,
                        const struct ledger_verrec *v)
{
    for (size_t i = 0; i < l->key.n; i++) {
        const struct ledger_key *k = &l->key.v[i].k;
        if (k->role != LEDGER_SYSTEM || k->revoked || acknowledged(s, k->org_id))
            continue;
        for (size_t j = 0; j < v->deployment.n; j++) {
            const struct ledger_deployment *p = &l->deployment.v[v->deployment.v[j]].p;
            bool serves = *k->establishment
                              ? strcmp(k->establishment, p->establishment) == 0
                              : *k->gst && strcmp(k->gst, p->gst) == 0;
            if (serves && p->phase != LEDGER_P_RETIRED &&
                ledger_stop_covers(s, p, str_c(s->service)))
                return true;
        }
    }
    return false;
}

static void about_stop(struct teller *t, const struct ledger_stop *s)
{
    size_t v = ledger_find_version(t->l, s->model_digest);
    char id[CRYPTO_HEX];
    if (s->lifted)
        return;
    crypto_hex(s->order, 32, id);
    if (!*s->motive_code)
        tell(t, "stop_motive", "stop", id, s->effect_at,
             deadline(t->l, "stop_motive", s->effect_at, 0, "PT24H"), false);
    if (v != LEDGER_NONE && awaits_node(t->l, s, &t->l->version.v[v]))
        tell(t, "stop_ack", "stop", id, s->effect_at,
             deadline(t->l, "stop_ack", s->effect_at, 0, "PT24H"), false);
    if (s->scope == LEDGER_STOP_NATIONAL && v != LEDGER_NONE &&
        t->l->version.v[v].v.state == LEDGER_V_SUSPENDED &&
        t->l->version.v[v].v.decision.index < s->index)
        tell(t, "stop_decision", "stop", id, s->effect_at,
             deadline(t->l, "stop_decision", s->effect_at, 0, "PT24H"), false);
}

int ledger_warnings(const struct ledger *l, int64_t at, ledger_warning_fn *fn,
                    void *cookie)
{
    struct teller t = {l, at, fn, cookie, AM_OK};
    if (!l->policy)
        return AM_OK;
    for (size_t i = 0; !t.err && i < l->version.n; i++)
        about_version(&t, &l->version.v[i]);
    for (size_t i = 0; !t.err && i < l->deployment.n; i++)
        about_deployment(&t, i);
    for (size_t i = 0; !t.err && i < l->fact.n; i++)
        about_fact(&t, &l->fact.v[i]);
    for (size_t i = 0; !t.err && i < l->key.n; i++)
        about_key(&t, &l->key.v[i]);
    for (size_t i = 0; !t.err && i < l->algorithm.n; i++)
        about_algorithm(&t, &l->algorithm.v[i].a);
    for (size_t i = 0; !t.err && i < l->stop.n; i++)
        about_stop(&t, &l->stop.v[i].s);
    return t.err;
}
