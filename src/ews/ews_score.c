/* SPDX-License-Identifier: Apache-2.0 */
/* Values to points, bounds and levels. */
#include <limits.h>
#include <math.h>

#include "ews/ews_priv.h"

/* A decimal such as 35.05 is a binary number a little below or above it: without the
 * tolerance half of the halves would be rounded down. 1e-9 of a unit of the last place
 * is far below what any monitor tells. */
bool ews_round(double v, int decimals, int64_t *out)
{
    static const double scale[] = {1, 10, 100, 1000};
    double x = v * scale[decimals];
    if (!isfinite(x) || fabs(x) > 9007199254740992.0)
        return false;
    *out = (int64_t)(x < 0 ? ceil(x - 0.5 - 1e-9) : floor(x + 0.5 + 1e-9));
    return true;
}

const struct ews_case *ews_case_of(const struct ews_slot *s, const int *code, size_t n)
{
    for (size_t c = 0; c < s->n_cases; c++) {
        bool holds = true;
        for (size_t i = 0; i < n && holds; i++)
            holds = s->cases[c].when[i] < 0 || s->cases[c].when[i] == code[i];
        if (holds)
            return &s->cases[c];
    }
    return NULL; /* the reader of tables has seen to it that one holds */
}

int ews_points(const struct ews_bands *b, int64_t value)
{
    size_t i = 0;
    while (i + 1 < b->n && value > b->to[i])
        i++;
    return b->points[i];
}

static enum ews_state state_of(const struct ews_slot *s, const struct ews_value *v,
                               int64_t now, int64_t *number)
{
    const struct ews_variable *p = &s->pub;
    if (!v->given)
        return s->otherwise >= 0 ? EWS_DEFAULT : EWS_MISSING;
    if (p->coded && (v->code < 0 || (size_t)v->code >= p->codes))
        return EWS_IMPLAUSIBLE;
    if (!p->coded && (!ews_round(v->number, p->decimals, number) || *number < s->from ||
                      *number > s->to))
        return EWS_IMPLAUSIBLE; /* as it would be written, not as a sensor drifts */
    if (v->at > now && v->at - now > EWS_AHEAD_US)
        return EWS_FUTURE;
    if (p->stale_us && v->at < now && now - v->at > p->stale_us)
        return EWS_STALE;
    return EWS_KNOWN;
}

static bool known(enum ews_state s)
{
    return s == EWS_KNOWN || s == EWS_DEFAULT;
}

static size_t level_of(const struct ews_table *t, int total, int single)
{
    size_t at = 0;
    for (size_t i = 0; i < t->n_levels; i++)
        if (total >= t->level[i].from || single >= t->level[i].single)
            at = i;
    return at;
}

/* The least and the most of one variable, where what it depends on is `code`. */
static void part_of(const struct ews_table *t, size_t i, enum ews_state state,
                    int64_t number, const int *code, struct ews_part *out)
{
    const struct ews_slot *s = &t->slot[i];
    out->state = state;
    if (s->pub.coded) {
        if (code[i] >= 0) {
            out->low = out->high = s->code[code[i]].points;
            return;
        }
        out->low = INT_MAX, out->high = 0;
        for (size_t k = 0; k < s->pub.codes; k++) {
            out->low = AM_MIN(out->low, s->code[k].points);
            out->high = AM_MAX(out->high, s->code[k].points);
        }
        return;
    }
    const struct ews_bands *b = &ews_case_of(s, code, t->n)->bands;
    if (known(state)) {
        out->low = out->high = ews_points(b, number);
        return;
    }
    out->low = INT_MAX, out->high = 0;
    for (size_t k = 0; k < b->n; k++) {
        out->low = AM_MIN(out->low, b->points[k]);
        out->high = AM_MAX(out->high, b->points[k]);
    }
}

/* One assignment of the codes others depend on: its bounds join those of the result. */
static void join(const struct ews_table *t, const enum ews_state *state,
                 const int64_t *number, const int *code, bool first,
                 struct ews_result *out)
{
    int low = 0, high = 0, single_low = 0, single_high = 0;
    size_t l, h;
    for (size_t i = 0; i < t->n; i++) {
        struct ews_part p;
        part_of(t, i, state[i], number[i], code, &p);
        low += p.low;
        high += p.high;
        single_low = AM_MAX(single_low, p.low);
        single_high = AM_MAX(single_high, p.high);
        if (first) {
            out->part[i] = p;
            continue;
        }
        out->part[i].low = AM_MIN(out->part[i].low, p.low);
        out->part[i].high = AM_MAX(out->part[i].high, p.high);
    }
    l = level_of(t, low, single_low);
    h = level_of(t, high, single_high);
    out->low = first ? low : AM_MIN(out->low, low);
    out->high = first ? high : AM_MAX(out->high, high);
    out->level_low = first ? l : AM_MIN(out->level_low, l);
    out->level_high = first ? h : AM_MAX(out->level_high, h);
}

void ews_score(const struct ews_table *t, const struct ews_value *v, int64_t now,
               struct ews_result *out)
{
    enum ews_state state[EWS_VARIABLES];
    int64_t number[EWS_VARIABLES] = {0};
    int code[EWS_VARIABLES];
    size_t open[EWS_VARIABLES], n_open = 0;
    bool first = true;
    *out = (struct ews_result){0};
    for (size_t i = 0; i < t->n; i++) {
        const struct ews_slot *s = &t->slot[i];
        state[i] = state_of(s, &v[i], now, &number[i]);
        out->unknown += !known(state[i]);
        code[i] = -1;
        if (s->pub.coded && known(state[i]))
            code[i] = state[i] == EWS_KNOWN ? v[i].code : s->otherwise;
        else if (s->asked) /* each of its values gives other bands elsewhere */
            open[n_open++] = i, code[i] = 0;
    }
    for (;;) {
        size_t k = 0;
        join(t, state, number, code, first, out);
        first = false;
        for (; k < n_open; k++) {
            if ((size_t)++code[open[k]] < t->slot[open[k]].pub.codes)
                break;
            code[open[k]] = 0;
        }
        if (k == n_open)
            break;
    }
    out->complete = !out->unknown;
}
