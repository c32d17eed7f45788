/* SPDX-License-Identifier: Apache-2.0 */
/* A ward's patients, as their values come. */
#include <stdlib.h>

#include "base/map.h"
#include "ews/ews_priv.h"

enum { NAME_MAX_B = 64 };

struct kept { /* one value of a variable */
    uint64_t ref;
    int64_t at;
    double number;
    int code;
};
struct series { /* newest first */
    struct kept v[EWS_KEPT];
    uint8_t n;
};
struct watch { /* of a patient and a table */
    struct series series[EWS_VARIABLES];
    struct ews_alert alert;
    struct ews_total trend[EWS_TREND];
    size_t trends; /* ever */
};
struct bed {
    char name[NAME_MAX_B + 1];
    bool taken;
    struct watch *watch; /* n of them */
};
struct place { /* where an observation goes */
    size_t table, variable;
};
struct ews_unit {
    struct ews_unit_config c;
    ews_convert_fn *convert;
    ews_change_fn *change;
    void *arg;
    struct ews_budget budget;
    struct bed *bed;
    size_t beds, taken, forgotten; /* beds: made so far */
    struct map name;               /* patient -> bed; may hold names long gone */
    struct map code;               /* "system|code" -> first of places */
    struct place *place; /* those of one code side by side, ended by table = n */
};

/* ---- which variables an observation gives ---- */
static int key_of(struct str system, struct str code, char *out, size_t size,
                  struct str *key)
{
    int n = snprintf(out, size, "%.*s|%.*s", STR_FMT(system), STR_FMT(code));
    if (n < 0 || (size_t)n >= size)
        return AM_E_NOTFOUND; /* longer than any code of a table */
    *key = (struct str){out, (size_t)n};
    return AM_OK;
}

static bool observes(const struct ews_variable *v, const struct ews_coding *c)
{
    for (size_t k = 0; k < v->observed_n; k++)
        if (str_eq(v->observed[k].system, c->system) &&
            str_eq(v->observed[k].code, c->code))
            return true;
    return false;
}

/* All places of one coding, side by side. */
static int index_coding(struct ews_unit *u, const struct ews_coding *c, size_t *n)
{
    char text[512];
    struct str key;
    int err = key_of(c->system, c->code, text, sizeof text, &key);
    if (err || map_has(&u->code, key))
        return err;
    err = map_set(&u->code, key, *n);
    for (size_t t = 0; t < u->c.n; t++)
        for (size_t i = 0; i < u->c.table[t]->n; i++)
            if (observes(&u->c.table[t]->slot[i].pub, c))
                u->place[(*n)++] = (struct place){t, i};
    u->place[(*n)++] = (struct place){u->c.n, 0};
    return err;
}

static int index_codes(struct ews_unit *u)
{
    size_t n = 0;
    int err = AM_OK;
    u->place = am_calloc(u->c.n * EWS_VARIABLES * EWS_CODINGS * 2 + 1, sizeof *u->place);
    if (!u->place)
        return AM_E_NOMEM;
    for (size_t t = 0; t < u->c.n; t++)
        for (size_t i = 0; i < u->c.table[t]->n; i++) {
            const struct ews_variable *v = &u->c.table[t]->slot[i].pub;
            for (size_t k = 0; k < v->observed_n && !err; k++)
                err = index_coding(u, &v->observed[k], &n);
        }
    return err;
}

int ews_unit_new(struct ews_unit **out, const struct ews_unit_config *c,
                 ews_convert_fn *convert, ews_change_fn *change, void *arg, int64_t now)
{
    struct ews_unit *u = am_calloc(1, sizeof *u);
    int err;
    if (!u)
        return AM_E_NOMEM;
    am_assert(c->n >= 1 && c->n <= EWS_TABLES && c->patients >= 1);
    u->c = *c;
    u->convert = convert;
    u->change = change;
    u->arg = arg;
    map_init(&u->name);
    map_init(&u->code);
    if (c->number)
        ews_budget_init(&u->budget, c->number, c->bed_days, c->beds, c->saved, now);
    u->bed = am_calloc(c->patients, sizeof *u->bed);
    err = u->bed ? index_codes(u) : AM_E_NOMEM;
    if (err)
        ews_unit_free(u);
    else
        *out = u;
    return err;
}

void ews_unit_free(struct ews_unit *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->beds; i++)
        free(u->bed[i].watch);
    free(u->bed);
    free(u->place);
    map_release(&u->name);
    map_release(&u->code);
    free(u);
}

/* ---- patients ---- */
static struct bed *bed_of(const struct ews_unit *u, struct str patient)
{
    size_t i;
    if (map_get(&u->name, patient, &i) || !u->bed[i].taken ||
        !str_eqc(patient, u->bed[i].name))
        return NULL;
    return &u->bed[i];
}

/* Names of those who left stay in the map: now and then it is made anew. */
static int names_anew(struct ews_unit *u)
{
    struct map fresh;
    int err = AM_OK;
    map_init(&fresh);
    for (size_t i = 0; i < u->beds && !err; i++)
        if (u->bed[i].taken)
            err = map_set(&fresh, str_c(u->bed[i].name), i);
    if (err) {
        map_release(&fresh);
        return err;
    }
    map_release(&u->name);
    u->name = fresh;
    u->forgotten = 0;
    return AM_OK;
}

static int bed_new(struct ews_unit *u, struct str patient, struct bed **out)
{
    size_t i = u->beds;
    int err = AM_OK;
    if (!patient.n || patient.n > NAME_MAX_B || u->taken == u->c.patients)
        return AM_E_TOOBIG;
    if (u->taken < u->beds)
        for (i = 0; u->bed[i].taken;)
            i++;
    if (!u->bed[i].watch) {
        u->bed[i].watch = am_calloc(u->c.n, sizeof *u->bed[i].watch);
        if (!u->bed[i].watch)
            return AM_E_NOMEM;
        u->beds = AM_MAX(u->beds, i + 1);
    }
    if (u->forgotten > u->c.patients)
        err = names_anew(u);
    if (!err)
        err = map_set(&u->name, patient, i);
    if (err)
        return err;
    memset(u->bed[i].watch, 0, u->c.n * sizeof *u->bed[i].watch);
    snprintf(u->bed[i].name, sizeof u->bed[i].name, "%.*s", STR_FMT(patient));
    u->bed[i].taken = true;
    u->taken++;
    *out = &u->bed[i];
    return AM_OK;
}

void ews_unit_forget(struct ews_unit *u, struct str patient)
{
    struct bed *b = bed_of(u, patient);
    if (!b)
        return;
    explicit_bzero(b->watch, u->c.n * sizeof *b->watch);
    explicit_bzero(b->name, sizeof b->name);
    b->taken = false;
    u->taken--;
    u->forgotten++;
}

size_t ews_unit_patients(const struct ews_unit *u)
{
    return u->taken;
}

/* ---- values ---- */
static void values_of(const struct ews_table *t, const struct watch *w,
                      struct ews_value *v)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct kept *k = w->series[i].v;
        v[i] = (struct ews_value){0};
        if (w->series[i].n)
            v[i] = (struct ews_value){
                .given = true, .number = k->number, .code = k->code, .at = k->at};
    }
}

/* Scores one table of a patient, steps its alert, tells what changed. */
static void look(struct ews_unit *u, const struct bed *b, size_t t, int64_t now)
{
    const struct ews_table *table = u->c.table[t];
    struct watch *w = &b->watch[t];
    struct ews_value v[EWS_VARIABLES];
    struct ews_result is;
    const struct ews_total *before =
        w->trends ? &w->trend[(w->trends - 1) % EWS_TREND] : NULL;
    unsigned acts;
    bool moved;
    values_of(table, w, v);
    ews_score(table, v, now, &is);
    acts = ews_alert_step(table, &u->c.rule[t], &w->alert, &is, now,
                          u->c.number ? &u->budget : NULL);
    moved = !before || before->low != is.low || before->high != is.high ||
            before->level_low != is.level_low || before->level_high != is.level_high;
    if (moved)
        w->trend[w->trends++ % EWS_TREND] =
            (struct ews_total){now, (int16_t)is.low, (int16_t)is.high,
                               (uint8_t)is.level_low, (uint8_t)is.level_high};
    if (moved || acts)
        u->change(u->arg, &(struct ews_change){str_c(b->name), t, acts, &is, &w->alert});
}

static bool series_drop(struct series *s, uint64_t ref)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].ref == ref) {
            memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1u) * sizeof *s->v);
            s->n--;
            return true;
        }
    return false;
}

/* U1: newest first; of one instant the greater reference is the later, so that the order
 * of arrival does not matter. */
static void series_put(struct series *s, const struct kept *k)
{
    size_t i = 0;
    while (i < s->n &&
           (s->v[i].at > k->at || (s->v[i].at == k->at && s->v[i].ref > k->ref)))
        i++;
    if (i == EWS_KEPT)
        return;
    if (s->n == EWS_KEPT)
        s->n--;
    memmove(&s->v[i + 1], &s->v[i], (s->n - i) * sizeof *s->v);
    s->v[i] = *k;
    s->n++;
}

static int value_for(const struct ews_unit *u, const struct place *p,
                     const struct ews_observation *o, struct kept *k)
{
    const struct ews_table *t = u->c.table[p->table];
    const struct ews_variable *v = &t->slot[p->variable].pub;
    if (v->coded != o->coded)
        return AM_E_INVALID;
    if (!v->coded)
        return u->convert(u->arg, o->number, o->unit, v->unit, &k->number) ? AM_E_INVALID
                                                                           : AM_OK;
    k->code = ews_table_coding(t, p->variable, o->value_system, o->value_code);
    return k->code < 0 ? AM_E_INVALID : AM_OK;
}

int ews_unit_observe(struct ews_unit *u, const struct ews_observation *o, int64_t now)
{
    struct bed *b = bed_of(u, o->patient);
    bool touched[EWS_TABLES] = {false};
    char text[512];
    struct str key;
    size_t at;
    int err = key_of(o->system, o->code, text, sizeof text, &key), wrong = AM_OK;
    if (!err)
        err = map_get(&u->code, key, &at);
    if (!err && !b)
        err = bed_new(u, o->patient, &b);
    if (err)
        return err;
    for (const struct place *p = &u->place[at]; p->table < u->c.n; p++) {
        struct series *s = &b->watch[p->table].series[p->variable];
        struct kept k = {.ref = str_hash(o->ref), .at = o->at};
        err = value_for(u, p, o, &k);
        /* corrected into what no table understands: what it said before is gone too */
        touched[p->table] |= series_drop(s, k.ref) || !err;
        if (err)
            wrong = err;
        else
            series_put(s, &k);
    }
    for (size_t t = 0; t < u->c.n; t++)
        if (touched[t])
            look(u, b, t, now);
    return wrong;
}

int ews_unit_retract(struct ews_unit *u, struct str patient, struct str ref, int64_t now)
{
    const struct bed *b = bed_of(u, patient);
    uint64_t hash = str_hash(ref);
    bool any = false;
    if (!b)
        return AM_E_NOTFOUND;
    for (size_t t = 0; t < u->c.n; t++) {
        bool touched = false;
        for (size_t i = 0; i < u->c.table[t]->n; i++)
            touched |= series_drop(&b->watch[t].series[i], hash);
        if (touched)
            look(u, b, t, now);
        any |= touched;
    }
    return any ? AM_OK : AM_E_NOTFOUND;
}

void ews_unit_tick(struct ews_unit *u, int64_t now)
{
    for (size_t i = 0; i < u->beds; i++)
        for (size_t t = 0; u->bed[i].taken && t < u->c.n; t++)
            look(u, &u->bed[i], t, now);
}

/* ---- what pages show ---- */
struct ews_alert *ews_unit_alert(struct ews_unit *u, struct str patient, size_t table)
{
    const struct bed *b = bed_of(u, patient);
    return b && table < u->c.n ? &b->watch[table].alert : NULL;
}

int ews_unit_trend(const struct ews_unit *u, struct str patient, size_t table,
                   struct ews_total out[EWS_TREND], size_t *n)
{
    const struct bed *b = bed_of(u, patient);
    const struct watch *w;
    if (!b || table >= u->c.n)
        return AM_E_NOTFOUND;
    w = &b->watch[table];
    *n = AM_MIN(w->trends, (size_t)EWS_TREND);
    for (size_t i = 0; i < *n; i++)
        out[i] = w->trend[(w->trends - *n + i) % EWS_TREND];
    return AM_OK;
}

int ews_unit_values(const struct ews_unit *u, struct str patient, size_t table,
                    struct ews_value *v)
{
    const struct bed *b = bed_of(u, patient);
    if (!b || table >= u->c.n)
        return AM_E_NOTFOUND;
    values_of(u->c.table[table], &b->watch[table], v);
    return AM_OK;
}
