/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_ask -- what a label asks of the record (registry.md 3.1, column "From"), and
 * that it binds: no decision gives, confirms or brings back a label whose record lacks a
 * field that label asks for (doc/adr/0019).
 *
 * A record is looked at once, when it is declared: the state keeps the first row of the
 * table that it falls short of, one byte, so a decision reads no record for this. */
#include "ledger/ledger_ask_tbl.h"
#include "ledger/ledger_priv.h"

enum ask_when {
    ALWAYS,
    HAS_SEX_AND_AGE,
    IF_EXPLAINED,
    MONITORED_6,
    MONITORED_3,
    MONITORED_1
};
static const struct ledger_ask ask[] = {
#define X(level, kind, pointer, when) {LEDGER_##level, LEDGER_##kind, pointer},
    LEDGER_ASK_MAP(X)
#undef X
};
static const enum ask_when ask_when[] = {
#define X(level, kind, pointer, when) when,
    LEDGER_ASK_MAP(X)
#undef X
};
_Static_assert(AM_LEN(ask) < UINT8_MAX, "a row is kept in a byte");

const struct ledger_ask *ledger_ask(size_t i)
{
    return i < AM_LEN(ask) ? &ask[i] : NULL;
}

/* ---- one record against one row --------------------------------------------------- */
static bool has_variable(const struct json *list, const char *name)
{
    for (json_each(it, list))
        if (json_str_is(json_get(it.val, "variable"), name))
            return true;
    return false;
}

/* A period of so many months at most, of 31 days each. */
static bool within(const struct json *period, int64_t months)
{
    int64_t at;
    return !time_add_iso(0, json_str(period), &at) && at <= months * 31 * TIME_DAY;
}

/* Lists are asked for their first element, in a row of its own. */
static bool there(const struct json *v)
{
    if (json_type(v) == JSON_OBJECT && !json_size(v))
        return false;
    return ledger_filled(v) || json_type(v) == JSON_ARRAY;
}

const char *ledger_ask_short(size_t i, const struct json *record)
{
    const struct json *v = json_pointer(record, str_c(ask[i].pointer));
    /* Field 38: a method has a version, unless it is none. */
    if (ask_when[i] == IF_EXPLAINED &&
        json_str_is(json_get(json_get(record, "explainability"), "method"), "none"))
        return NULL;
    if (!there(v))
        return "record.due";
    switch (ask_when[i]) {
    case HAS_SEX_AND_AGE:
        return has_variable(v, "sex") &&
                       (has_variable(v, "age") || has_variable(v, "age_band"))
                   ? NULL
                   : "record.due_groups";
    case MONITORED_6:
        return within(v, 6) ? NULL : "record.due_period";
    case MONITORED_3:
        return within(v, 3) ? NULL : "record.due_period";
    case MONITORED_1:
        return within(v, 1) ? NULL : "record.due_period";
    default:
        return NULL;
    }
}

uint8_t ledger_ask_first(enum ledger_kind kind, const struct json *record)
{
    size_t i = 0;
    while (i < AM_LEN(ask) && (ask[i].kind != kind || !ledger_ask_short(i, record)))
        i++;
    return (uint8_t)i;
}

/* ---- the records in effect -------------------------------------------------------- */
static const struct ledger_ask *up_to(size_t i, enum ledger_level level)
{
    return i < AM_LEN(ask) && ask[i].level <= level ? &ask[i] : NULL;
}

const struct ledger_ask *ledger_asked(const struct ledger *l,
                                      const struct ledger_version *v,
                                      enum ledger_level level)
{
    size_t i = ledger_find_version(l, v->digest),
           a = ledger_find_algorithm(l, str_c(v->algorithm_id));
    size_t short_v = i == LEDGER_NONE ? 0 : l->version.v[i].ask,
           short_a = a == LEDGER_NONE ? 0 : l->algorithm.v[a].ask;
    return up_to(AM_MIN(short_v, short_a), level);
}

/* ---- guards ----------------------------------------------------------------------- */
void ledger_check_ask(struct ledger_act *a, const struct ledger_verrec *v,
                      enum ledger_level level)
{
    const struct ledger_ask *due = ledger_asked(a->l, &v->v, level);
    if (due)
        ledger_guard(a, false, GUARD_RECORD_DUE, "/label_level", "%s %s",
                     ledger_kind_name(due->kind), due->pointer);
}

enum ledger_level ledger_ask_capped(const struct ledger_act *a,
                                    const struct ledger_verrec *v,
                                    enum ledger_level level)
{
    while (level > LEDGER_LEVEL_NONE && !ledger_waives(a->l->policy, GUARD_RECORD_DUE) &&
           ledger_asked(a->l, &v->v, level))
        level--;
    return level;
}

static enum ledger_level in_force(const struct ledger_verrec *v)
{
    bool holds = v->v.state == LEDGER_V_LABELLED || v->v.state == LEDGER_V_SUSPENDED;
    return holds ? v->v.level : LEDGER_LEVEL_NONE;
}

/* was: the row the record in effect falls short of. What it lacked before may go on
 * lacking: a policy waived it, or its table was another. */
static void check_kept(struct ledger_act *a, size_t was, size_t now,
                       enum ledger_level level)
{
    const struct ledger_ask *lost = now < was ? up_to(now, level) : NULL;
    if (lost)
        ledger_guard(a, false, GUARD_RECORD_DUE, lost->pointer, "%s %s",
                     ledger_kind_name(lost->kind), lost->pointer);
}

void ledger_check_ask_version(struct ledger_act *a, const struct ledger_verrec *v,
                              uint8_t now)
{
    check_kept(a, v->ask, now, in_force(v));
}

void ledger_check_ask_algorithm(struct ledger_act *a, const struct ledger_algorec *g,
                                uint8_t now)
{
    const struct ledger *l = a->l;
    enum ledger_level most = LEDGER_LEVEL_NONE;
    size_t i = ledger_list_first(l, LEDGER_VERSIONS_OF_ALGORITHM, str_c(g->a.id));
    for (; now < g->ask && i < l->version.n;
         i = ledger_list_next(l, LEDGER_VERSIONS_OF_ALGORITHM, i))
        most = AM_MAX(most, in_force(&l->version.v[i]));
    check_kept(a, g->ask, now, most);
}
