/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a ward as they come: put, corrected, taken back. */
#include <math.h>

#include "ews/ews_unit_priv.h"

static bool series_drop(struct ews_series *s, struct str ref)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eqc(ref, s->v[i].ref)) {
            memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1u) * sizeof *s->v);
            s->n--;
            return true;
        }
    return false;
}

/* U1: newest first; of one instant the greater reference is the later, so that the order
 * of arrival does not matter. False: older than all that are kept. */
static bool series_put(struct ews_series *s, const struct ews_kept *k)
{
    size_t i = 0;
    series_drop(s, str_c(k->ref)); /* twice in one panel, by two codes */
    while (i < s->n && (s->v[i].at > k->at ||
                        (s->v[i].at == k->at && strcmp(s->v[i].ref, k->ref) > 0)))
        i++;
    if (i == EWS_KEPT)
        return false;
    if (s->n == EWS_KEPT)
        s->n--;
    memmove(&s->v[i + 1], &s->v[i], (s->n - i) * sizeof *s->v);
    s->v[i] = *k;
    s->n++;
    return true;
}

/* Takes a reference out of all that a patient has, where it may have been under another
 * code; touched: tables that had it. */
static bool drop(const struct ews_unit *u, struct ews_bed *b, struct str ref,
                 bool *touched)
{
    bool any = false;
    for (size_t t = 0; t < u->c.n; t++)
        for (size_t i = 0; i < u->c.table[t]->n; i++)
            if (series_drop(&b->watch[t].series[i], ref))
                any = touched[t] = true;
    return any;
}

/* Is a later version of it known, or was it taken back? */
static bool outdated(const struct ews_unit *u, const struct ews_bed *b, struct str ref,
                     int64_t version)
{
    for (size_t i = 0; i < AM_MIN(b->graves, (size_t)EWS_GRAVES); i++)
        if (str_eqc(ref, b->grave[i].ref) && b->grave[i].version >= version)
            return true;
    for (size_t t = 0; t < u->c.n; t++)
        for (size_t i = 0; i < u->c.table[t]->n; i++)
            for (size_t k = 0; k < b->watch[t].series[i].n; k++) {
                const struct ews_kept *v = &b->watch[t].series[i].v[k];
                if (v->version > version && str_eqc(ref, v->ref))
                    return true;
            }
    return false;
}

static void bury(struct ews_bed *b, struct str ref, int64_t version)
{
    struct ews_grave *g = &b->grave[b->graves % EWS_GRAVES];
    for (size_t i = 0; i < AM_MIN(b->graves, (size_t)EWS_GRAVES); i++)
        if (str_eqc(ref, b->grave[i].ref)) {
            b->grave[i].version = AM_MAX(b->grave[i].version, version);
            return;
        }
    b->graves++;
    snprintf(g->ref, sizeof g->ref, "%.*s", STR_FMT(ref));
    g->version = version;
}

static int value_for(const struct ews_unit *u, const struct ews_place *p,
                     const struct ews_observation *o, struct ews_kept *k)
{
    const struct ews_table *t = u->c.table[p->table];
    const struct ews_variable *v = &t->slot[p->variable].pub;
    struct str unit = o->unit.n ? o->unit : STR("1");
    k->number = NAN;
    k->code = -1;
    if (v->coded != o->coded)
        return AM_E_INVALID;
    if (v->coded)
        k->code = ews_table_coding(t, p->variable, o->value_system, o->value_code);
    else if (u->convert(u->arg, o->number, unit, v->unit, &k->number))
        k->number = NAN;
    return v->coded ? (k->code < 0 ? AM_E_INVALID : AM_OK)
                    : (isfinite(k->number) ? AM_OK : AM_E_INVALID);
}

/* The places of an observation, and whether any of them can read it. */
static int places_of(const struct ews_unit *u, const struct ews_observation *o,
                     const struct ews_place **out, bool *readable)
{
    char text[512];
    struct str key;
    struct ews_kept k;
    size_t at;
    int err = ews_code_key(o->system, o->code, text, sizeof text, &key);
    if (!err)
        err = map_get(&u->code, key, &at);
    *out = NULL;
    *readable = false;
    if (err)
        return AM_E_NOTFOUND;
    *out = &u->place[at];
    for (const struct ews_place *p = *out; p->table < u->c.n; p++)
        *readable = *readable || !value_for(u, p, o, &k);
    return AM_OK;
}

static int ref_check(struct str ref)
{
    return !ref.n || memchr(ref.p, 0, ref.n) ? AM_E_INVALID
           : ref.n > EWS_REF                 ? AM_E_TOOBIG
                                             : AM_OK;
}

/* What can be said of an observation before anything is changed. */
static int admit(struct ews_unit *u, struct ews_bed **b, struct str patient,
                 const struct ews_observation *o, int64_t now)
{
    const struct ews_place *p;
    bool readable;
    int err = ref_check(o->ref);
    if (!err && o->at > now && o->at - now > EWS_AHEAD_US)
        err = AM_E_REFUSED;
    if (err)
        return err;
    err = places_of(u, o, &p, &readable);
    if (*b)
        return outdated(u, *b, o->ref, o->version) ? AM_E_CONFLICT : AM_OK;
    if (err)
        return err;
    return readable ? ews_bed_new(u, patient, b) : AM_E_INVALID;
}

static int put(const struct ews_unit *u, struct ews_bed *b,
               const struct ews_observation *o, bool *touched, bool *kept)
{
    const struct ews_place *p;
    bool readable;
    int err = places_of(u, o, &p, &readable), wrong = AM_OK;
    if (err)
        return err;
    for (; p->table < u->c.n; p++) {
        struct ews_kept k = {.at = o->at, .version = o->version};
        snprintf(k.ref, sizeof k.ref, "%.*s", STR_FMT(o->ref));
        if (value_for(u, p, o, &k))
            wrong = AM_E_INVALID;
        touched[p->table] = true;
        *kept |= series_put(&b->watch[p->table].series[p->variable], &k);
    }
    return wrong;
}

static int observe_all(struct ews_unit *u, struct str patient,
                       const struct ews_observation *o, size_t n, int64_t now, int *told)
{
    struct ews_bed *b = ews_bed_of(u, patient);
    bool touched[EWS_TABLES] = {false}, gone[EWS_PANEL] = {false};
    bool had = b != NULL;
    int first = AM_OK;
    for (size_t i = 0; i < n; i++)
        told[i] = admit(u, &b, patient, &o[i], now);
    for (size_t i = 0; i < n && b && !had; i++) /* a bed made by a later one of them */
        told[i] = admit(u, &b, patient, &o[i], now);
    /* one reference may give several of them: all it gave is taken out before */
    for (size_t i = 0; i < n; i++)
        if (!told[i])
            gone[i] = drop(u, b, o[i].ref, touched);
    for (size_t i = 0; i < n; i++) {
        bool kept = false;
        if (!told[i]) {
            told[i] = put(u, b, &o[i], touched, &kept);
            if (!kept && (gone[i] || o[i].version > 1))
                bury(b, o[i].ref, o[i].version - 1); /* what came before it */
        }
        first = first ? first : told[i];
    }
    for (size_t t = 0; t < u->c.n; t++)
        if (touched[t])
            ews_look(u, b, t, now);
    return first;
}

int ews_unit_observe(struct ews_unit *u, struct str patient,
                     const struct ews_observation *o, size_t n, int64_t now, int *told)
{
    int own[EWS_PANEL];
    if (!n || n > EWS_PANEL)
        return AM_E_TOOBIG;
    return observe_all(u, patient, o, n, now, told ? told : own);
}

int ews_unit_retract(struct ews_unit *u, struct str patient, struct str ref,
                     int64_t version, int64_t now)
{
    struct ews_bed *b = ews_bed_of(u, patient);
    bool touched[EWS_TABLES] = {false}, any;
    int err = ref_check(ref);
    if (err || !b)
        return err ? err : AM_E_NOTFOUND;
    if (outdated(u, b, ref, version))
        return AM_E_CONFLICT;
    any = drop(u, b, ref, touched);
    bury(b, ref, version);
    for (size_t t = 0; t < u->c.n; t++)
        if (touched[t])
            ews_look(u, b, t, now);
    return any ? AM_OK : AM_E_NOTFOUND;
}
