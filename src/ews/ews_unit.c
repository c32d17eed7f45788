/* SPDX-License-Identifier: Apache-2.0 */
/* A ward's patients, as their values come. */
#include <stdlib.h>

#include "ews/ews_unit_priv.h"

/* ---- which variables an observation gives ---- */
int ews_code_key(struct str system, struct str code, char *out, size_t size,
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
    int err = ews_code_key(c->system, c->code, text, sizeof text, &key);
    if (err || map_has(&u->code, key))
        return err;
    err = map_set(&u->code, key, *n);
    for (size_t t = 0; t < u->c.n; t++)
        for (size_t i = 0; i < u->c.table[t]->n; i++)
            if (observes(&u->c.table[t]->slot[i].pub, c))
                u->place[(*n)++] = (struct ews_place){t, i};
    u->place[(*n)++] = (struct ews_place){u->c.n, 0};
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

static void check_rule(const struct ews_unit_config *c, size_t i, struct diag *d)
{
    const struct ews_rule *r = &c->rule[i];
    const int64_t times[] = {r->clear_us, r->refractory_us, r->reassess_us,
                             r->snooze_most_us};
    size_t levels = c->table[i] ? ews_table_levels(c->table[i]) : 0;
    char path[40];
    bool odd = r->clear < 1 || r->clear > r->fire || r->fire >= levels;
    snprintf(path, sizeof path, "/rules/%zu", i);
    if (odd)
        diag_err(d, path, "score.rule",
                 "1 <= clear <= fire, which is a level of the table");
    for (size_t k = 0; k < AM_LEN(times); k++)
        if (times[k] < 0 || times[k] > EWS_RULE_MOST_US)
            diag_err(d, path, "score.rule", "a time is of 0 to 366 days");
}

static int check_config(const struct ews_unit_config *c, struct diag *d)
{
    struct diag own;
    int err;
    diag_init(&own);
    if (c->n < 1 || c->n > EWS_TABLES || c->patients < 1 || c->patients > EWS_PATIENTS)
        diag_err(&own, "", "score.rule", "1 to %d tables, 1 to %d patients", EWS_TABLES,
                 EWS_PATIENTS);
    if (c->number &&
        (c->number < 1 || c->number > 1000 || c->bed_days < 1 || c->bed_days > 10000 ||
         c->beds < 0 || c->beds > 100000 || c->saved < 1 || c->saved > 1000))
        diag_err(&own, "/budget", "score.rule", "a budget out of its ranges");
    for (size_t i = 0; i < AM_MIN(c->n, (size_t)EWS_TABLES); i++)
        check_rule(c, i, &own);
    err = diag_result(&own);
    if (d)
        diag_merge(d, &own, "");
    diag_release(&own);
    return err;
}

int ews_unit_new(struct ews_unit **out, const struct ews_unit_config *c,
                 ews_convert_fn *convert, ews_change_fn *change, void *arg, int64_t now,
                 struct diag *d)
{
    struct ews_unit *u;
    int err = check_config(c, d);
    if (err)
        return err;
    u = am_calloc(1, sizeof *u);
    if (!u)
        return AM_E_NOMEM;
    u->c = *c;
    u->convert = convert;
    u->change = change;
    u->arg = arg;
    map_init(&u->code);
    if (c->number)
        ews_budget_init(&u->budget, c->number, c->bed_days, c->beds, c->saved, now);
    u->bed = am_calloc(c->patients, sizeof *u->bed);
    u->order = am_calloc(c->patients, sizeof *u->order);
    err = u->bed && u->order ? index_codes(u) : AM_E_NOMEM;
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
    free(u->order);
    map_release(&u->code);
    free(u);
}

/* ---- patients: those who left leave no name behind ---- */
/* Where a name is among the ordered ones, or would be. */
static size_t seat_of(const struct ews_unit *u, struct str patient, bool *there)
{
    size_t from = 0, to = u->taken;
    *there = false;
    while (from < to && !*there) {
        size_t at = from + (to - from) / 2;
        int c = str_cmp(str_c(u->bed[u->order[at]].name), patient);
        *there = c == 0;
        if (c < 0)
            from = at + 1;
        else
            to = at;
    }
    return *there ? to : from;
}

struct ews_bed *ews_bed_of(const struct ews_unit *u, struct str patient)
{
    bool there;
    size_t at = seat_of(u, patient, &there);
    return there ? &u->bed[u->order[at]] : NULL;
}

int ews_bed_new(struct ews_unit *u, struct str patient, struct ews_bed **out)
{
    size_t i = u->beds, at;
    bool there;
    if (!patient.n || patient.n > EWS_NAME || memchr(patient.p, 0, patient.n))
        return AM_E_TOOBIG;
    if (u->taken == u->c.patients)
        return AM_E_NOSPACE;
    if (u->taken < u->beds)
        for (i = 0; u->bed[i].taken;)
            i++;
    if (!u->bed[i].watch) {
        u->bed[i].watch = am_calloc(u->c.n, sizeof *u->bed[i].watch);
        if (!u->bed[i].watch)
            return AM_E_NOMEM;
        u->beds = AM_MAX(u->beds, i + 1);
    }
    at = seat_of(u, patient, &there);
    am_assert(!there);
    memmove(&u->order[at + 1], &u->order[at], (u->taken - at) * sizeof *u->order);
    u->order[at] = i;
    snprintf(u->bed[i].name, sizeof u->bed[i].name, "%.*s", STR_FMT(patient));
    u->bed[i].taken = true;
    u->taken++;
    *out = &u->bed[i];
    return AM_OK;
}

void ews_unit_forget(struct ews_unit *u, struct str patient)
{
    bool there;
    size_t at = seat_of(u, patient, &there);
    struct ews_bed *b;
    struct ews_watch *w;
    if (!there)
        return;
    b = &u->bed[u->order[at]];
    w = b->watch;
    u->taken--;
    memmove(&u->order[at], &u->order[at + 1], (u->taken - at) * sizeof *u->order);
    explicit_bzero(w, u->c.n * sizeof *w);
    explicit_bzero(b, sizeof *b);
    b->watch = w;
}

size_t ews_unit_patients(const struct ews_unit *u)
{
    return u->taken;
}

/* ---- values ---- */
/* The newest that is not of a time to come: a clock may have been put right since. */
static void values_of(const struct ews_table *t, const struct ews_watch *w, int64_t now,
                      struct ews_value *v)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct ews_series *s = &w->series[i];
        size_t k = 0;
        v[i] = (struct ews_value){0};
        while (k < s->n && s->v[k].at > now + EWS_AHEAD_US)
            k++;
        if (k < s->n)
            v[i] = (struct ews_value){.given = true,
                                      .number = s->v[k].number,
                                      .code = s->v[k].code,
                                      .at = s->v[k].at};
    }
}

/* Scores one table of a patient, steps its alert, tells what changed. */
void ews_look(struct ews_unit *u, const struct ews_bed *b, size_t t, int64_t now)
{
    const struct ews_table *table = u->c.table[t];
    struct ews_watch *w = &b->watch[t];
    struct ews_value v[EWS_VARIABLES];
    struct ews_result is;
    const struct ews_total *before =
        w->trends ? &w->trend[(w->trends - 1) % EWS_TREND] : NULL;
    unsigned acts;
    bool moved;
    values_of(table, w, now, v);
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

void ews_unit_tick(struct ews_unit *u, int64_t now)
{
    for (size_t i = 0; i < u->beds; i++)
        for (size_t t = 0; u->bed[i].taken && t < u->c.n; t++)
            ews_look(u, &u->bed[i], t, now);
}

/* ---- what pages show ---- */
static struct ews_alert *alert_of(struct ews_unit *u, struct str patient, size_t table)
{
    const struct ews_bed *b = ews_bed_of(u, patient);
    return b && table < u->c.n ? &b->watch[table].alert : NULL;
}

const struct ews_alert *ews_unit_alert(struct ews_unit *u, struct str patient,
                                       size_t table)
{
    return alert_of(u, patient, table);
}

int ews_unit_acknowledge(struct ews_unit *u, struct str patient, size_t table,
                         uint32_t seen, int64_t now)
{
    struct ews_alert *a = alert_of(u, patient, table);
    return a ? ews_alert_acknowledge(&u->c.rule[table], a, seen, now) : AM_E_NOTFOUND;
}

int ews_unit_snooze(struct ews_unit *u, struct str patient, size_t table, uint32_t seen,
                    int64_t now, int64_t until)
{
    struct ews_alert *a = alert_of(u, patient, table);
    return a ? ews_alert_snooze(&u->c.rule[table], a, seen, now, until) : AM_E_NOTFOUND;
}

int ews_unit_close(struct ews_unit *u, struct str patient, size_t table, uint32_t seen,
                   enum ews_reason why, int64_t now)
{
    struct ews_alert *a = alert_of(u, patient, table);
    return a ? ews_alert_close(a, seen, why, now) : AM_E_NOTFOUND;
}

int ews_unit_reopen(struct ews_unit *u, struct str patient, size_t table, int64_t now)
{
    struct ews_alert *a = alert_of(u, patient, table);
    return a ? ews_alert_reopen(a, now) : AM_E_NOTFOUND;
}

int ews_unit_trend(const struct ews_unit *u, struct str patient, size_t table,
                   struct ews_total out[EWS_TREND], size_t *n)
{
    const struct ews_bed *b = ews_bed_of(u, patient);
    const struct ews_watch *w;
    if (!b || table >= u->c.n)
        return AM_E_NOTFOUND;
    w = &b->watch[table];
    *n = AM_MIN(w->trends, (size_t)EWS_TREND);
    for (size_t i = 0; i < *n; i++)
        out[i] = w->trend[(w->trends - *n + i) % EWS_TREND];
    return AM_OK;
}

int ews_unit_values(const struct ews_unit *u, struct str patient, size_t table,
                    int64_t now, struct ews_value *v)
{
    const struct ews_bed *b = ews_bed_of(u, patient);
    if (!b || table >= u->c.n)
        return AM_E_NOTFOUND;
    values_of(u->c.table[table], &b->watch[table], now, v);
    return AM_OK;
}
