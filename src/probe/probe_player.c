/* SPDX-License-Identifier: Apache-2.0 */
/* Who plays: inputs that a rule ties together come from one row or from the other, never
 * from both; a derived input follows those it is computed from. */
#include <math.h>

#include "probe/probe_explain_priv.h"

static uint32_t root(const uint32_t *lead, uint32_t j)
{
    while (lead[j] != j)
        j = lead[j];
    return j;
}

/* The first of all leads: so a player's name does not depend on the order of the rules.
 */
static void tie(uint32_t *lead, uint32_t a, uint32_t b)
{
    a = root(lead, a);
    b = root(lead, b);
    lead[AM_MAX(a, b)] = AM_MIN(a, b);
}

static bool has(const uint64_t *set, size_t j)
{
    return set[j / 64] >> j % 64 & 1;
}

static void put(uint64_t *set, size_t j)
{
    set[j / 64] |= UINT64_C(1) << j % 64;
}

/* ---- derived inputs
 * ------------------------------------------------------------------- */
static bool in_group(const struct probe_rules *rules, uint32_t j)
{
    for (size_t i = 0; i < rules->n_onehot; i++)
        for (size_t k = 0; k < rules->onehot[i].n; k++)
            if (rules->onehot[i].input[k] == j)
                return true;
    return false;
}

static struct explain_derived *derived(const struct explain_players *p, uint32_t j)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->derived[i].input == j)
            return &p->derived[i];
    return NULL;
}

/* Is j of a relation that is not placed yet, as its derived input? */
static bool awaited(const struct probe_rules *rules, const bool *placed, uint32_t j)
{
    for (size_t i = 0; i < rules->n_relation; i++) {
        const struct probe_relation *t = &rules->relation[i];
        if (!placed[i] && t->derived != SIZE_MAX && t->input[t->derived] == j)
            return true;
    }
    return false;
}

/* One value follows from the others, and they are known before it. */
static bool places(const struct explain_players *p, const bool *placed,
                   const struct probe_relation *t)
{
    if (t->derived == SIZE_MAX || !isfinite(t->lo) || !isfinite(t->hi) ||
        t->coef[t->derived] == 0 || in_group(p->rules, t->input[t->derived]) ||
        derived(p, t->input[t->derived]))
        return false;
    for (size_t k = 0; k < t->n; k++)
        if (k != t->derived && awaited(p->rules, placed, t->input[k]))
            return false;
    return true;
}

/* What j stands for: itself, or all that it is derived from. */
static void add_sources(const struct explain_players *p, uint32_t j, uint64_t *set)
{
    const struct explain_derived *d = derived(p, j);
    if (!d) {
        put(set, j);
        return;
    }
    for (size_t w = 0; w < p->words; w++)
        set[w] |= d->source[w];
}

static void place(struct explain_players *p, const struct probe_relation *t)
{
    struct explain_derived *d = &p->derived[p->n];
    d->of = t;
    d->source = p->source + p->n * p->words;
    for (size_t k = 0; k < t->n; k++)
        if (k != t->derived)
            add_sources(p, t->input[k], d->source);
    d->input = t->input[t->derived];
    p->n++;
}

/* In an order in which each follows what it needs; what waits for itself is left out. */
static void place_all(struct explain_players *p, bool placed[PROBE_RELATIONS_MAX])
{
    const struct probe_rules *rules = p->rules;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < rules->n_relation; i++)
            if (!placed[i] && places(p, placed, &rules->relation[i])) {
                place(p, &rules->relation[i]);
                placed[i] = more = true;
            }
    }
}

/* ---- ties
 * ----------------------------------------------------------------------------- */
static void tie_set(struct explain_players *p, const uint64_t *set)
{
    size_t first = p->f;
    for (size_t j = 0; j < p->f; j++)
        if (has(set, j)) {
            first = first < p->f ? first : j;
            tie(p->lead, (uint32_t)first, (uint32_t)j);
        }
}

static void tie_all(struct explain_players *p, const bool placed[PROBE_RELATIONS_MAX],
                    uint64_t *set)
{
    const struct probe_rules *rules = p->rules;
    for (size_t i = 0; i < rules->n_onehot; i++)
        for (size_t k = 1; k < rules->onehot[i].n; k++)
            tie(p->lead, rules->onehot[i].input[0], rules->onehot[i].input[k]);
    for (size_t i = 0; i < rules->n_relation; i++) {
        const struct probe_relation *t = &rules->relation[i];
        if (placed[i])
            continue;
        memset(set, 0, p->words * sizeof *set);
        for (size_t k = 0; k < t->n; k++)
            add_sources(p, t->input[k], set);
        tie_set(p, set);
    }
    for (uint32_t j = 0; j < p->f; j++)
        p->lead[j] = root(p->lead, j);
}

int probe_players_open(struct explain_players *p, const struct probe_rules *rules,
                       size_t features)
{
    static const struct probe_rules none;
    bool placed[PROBE_RELATIONS_MAX] = {false};
    *p = (struct explain_players){
        .rules = rules ? rules : &none, .f = features, .words = (features + 63) / 64};
    if (p->rules->n_relation > PROBE_RELATIONS_MAX)
        return AM_E_TOOBIG;
    p->lead = am_malloc((features + 1) * sizeof *p->lead);
    p->derived = am_calloc(p->rules->n_relation + 1, sizeof *p->derived);
    p->source = am_calloc((p->rules->n_relation + 1) * p->words + 1, sizeof *p->source);
    if (!p->lead || !p->derived || !p->source)
        return AM_E_NOMEM;
    for (uint32_t j = 0; j < features; j++)
        p->lead[j] = j;
    place_all(p, placed);
    tie_all(p, placed, p->source + p->rules->n_relation * p->words);
    return AM_OK;
}

void probe_players_release(struct explain_players *p)
{
    free(p->lead);
    free(p->derived);
    free(p->source);
}

int probe_players(const struct probe_rules *rules, size_t features, uint32_t *lead,
                  bool *follows)
{
    struct explain_players p;
    int err = probe_players_open(&p, rules, features);
    for (size_t j = 0; j < features && !err; j++) {
        lead[j] = p.lead[j];
        follows[j] = derived(&p, (uint32_t)j) != NULL;
    }
    probe_players_release(&p);
    return err;
}

bool probe_player_follows(const struct explain_players *p, size_t j)
{
    return derived(p, (uint32_t)j) != NULL;
}

/* ---- a derived value
 * ------------------------------------------------------------------ */
/* In the middle of what the relation allows, as it is written if that is allowed too. A
 * source that is missing makes it missing; a model that takes no gap keeps what was. */
void probe_player_derive(const struct explain_players *p, const struct explain_derived *d,
                         double *x)
{
    const struct probe_relation *t = d->of;
    const struct probe_input *in = &p->rules->input[d->input];
    double rest = probe_relation_rest(t, x), g = probe_grid(in), v;
    v = (t->lo / 2 + t->hi / 2 - rest) / t->coef[t->derived];
    v = t->log ? exp(v) : v;
    if (!isfinite(v)) {
        x[d->input] = isnan(rest) && in->missing_allowed ? NAN : x[d->input];
        return;
    }
    x[d->input] = g > 0 ? round(v / g) * g : v;
    if (g > 0 && probe_relation_gap(t, x) != 0)
        x[d->input] = v;
}
