/* SPDX-License-Identifier: Apache-2.0 */
/* A row after an operator, made one that can be: a mistake in one input of a group or of
 * a relation has consequences for the others, or is none.
 *
 *   indicators  a group is one answer: what is recoded becomes another answer of it, a
 *               missing member makes it missing
 *   derived     computed from the others where the data are: it follows them, with the
 *               rounding it had; missing when one of them is
 *   the rest    a change that breaks a relation without a derived input could not have
 *               been entered: it is undone
 *
 * Only what the row itself holds binds it. The last resort is the row as it was, which
 * holds everything: so nothing that leaves here breaks a rule. */
#include <math.h>
#include <string.h>

#include "probe/probe_mutate_priv.h"

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* ---- groups ---------------------------------------------------------------------------
 */
static void set_one(const struct probe_onehot *h, size_t one, double *x)
{
    for (size_t k = 0; k < h->n; k++)
        x[h->input[k]] = k == one;
}

static void repair_group(const struct probe_onehot *h, const double *was,
                         struct stat_rng *r, double *x)
{
    size_t set = h->n, changed = 0, risen = h->n;
    bool missing = false;
    for (size_t k = 0; k < h->n; k++) {
        double a = was[h->input[k]], b = x[h->input[k]];
        set = a == 1 ? k : set;
        changed += !same(a, b);
        missing |= isnan(b);
        if (a != 1 && b == 1 && risen == h->n)
            risen = k;
    }
    if (!changed || set == h->n)
        return;
    if (missing) {
        for (size_t k = 0; k < h->n; k++)
            x[h->input[k]] = NAN;
        return;
    }
    if (probe_onehot_holds(h, x))
        return;
    if (risen == h->n && h->n > 1) { /* its answer is taken away: any other */
        risen = (size_t)stat_rng_below(r, h->n - 1);
        risen += risen >= set;
    }
    set_one(h, risen < h->n ? risen : set, x);
}

/* ---- relations ------------------------------------------------------------------------
 */
static void derive(const struct probe_input *in, const struct probe_relation *t,
                   const double *was, double *x)
{
    uint32_t j = t->input[t->derived];
    double coef = t->coef[t->derived], rest = probe_relation_rest(t, x),
           before = probe_relation_rest(t, was), v, g;
    if (isnan(rest) || isnan(before) || rest == before || isnan(was[j])) {
        x[j] = isnan(rest) ? NAN : was[j];
        return;
    }
    v = t->log ? was[j] * exp((before - rest) / coef) : was[j] + (before - rest) / coef;
    x[j] = v;
    g = probe_grid(&in[j]);
    if (!(g > 0))
        return;
    x[j] = round(v / g) * g; /* as it is written, if that holds */
    if (probe_relation_gap(t, x) != 0)
        x[j] = v;
}

static void undo(const struct probe_relation *t, const double *was, double *x)
{
    for (size_t k = 0; k < t->n; k++)
        x[t->input[k]] = was[t->input[k]];
}

static bool touched(const struct probe_relation *t, const double *was, const double *x)
{
    for (size_t k = 0; k < t->n; k++)
        if (!same(was[t->input[k]], x[t->input[k]]))
            return true;
    return false;
}

static bool holds(const struct probe_rules *rules, const double *was, const double *x)
{
    for (size_t i = 0; i < rules->n_onehot; i++)
        if (probe_onehot_holds(&rules->onehot[i], was) &&
            !probe_onehot_holds(&rules->onehot[i], x))
            return false;
    for (size_t i = 0; i < rules->n_relation; i++)
        if (probe_relation_gap(&rules->relation[i], was) == 0 &&
            probe_relation_gap(&rules->relation[i], x) != 0)
            return false;
    return true;
}

static void repair_relation(const struct probe_rules *rules,
                            const struct probe_relation *t, const double *was,
                            bool follow, double *x)
{
    if (probe_relation_gap(t, was) != 0 || !touched(t, was, x))
        return;
    if (follow && t->derived != SIZE_MAX)
        derive(rules->input, t, was, x);
    if (probe_relation_gap(t, x) != 0)
        undo(t, was, x);
}

void probe_repair(const struct probe_rules *rules, const double *was, uint64_t seed,
                  uint64_t test, uint64_t key, double *x)
{
    struct stat_rng r;
    size_t n = rules->n_relation;
    stat_rng_init(&r, seed, test, key);
    for (size_t i = 0; i < rules->n_onehot; i++)
        if (probe_onehot_holds(&rules->onehot[i], was))
            repair_group(&rules->onehot[i], was, &r, x);
    /* first what follows, in the order declared and again; then what is undone */
    for (size_t round = 0; round < 2 * n && (!round || !holds(rules, was, x)); round++)
        for (size_t i = 0; i < n; i++)
            repair_relation(rules, &rules->relation[i], was, round < n, x);
    if (!holds(rules, was, x))
        memcpy(x, was, rules->n * sizeof *x);
}
