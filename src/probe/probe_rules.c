/* SPDX-License-Identifier: Apache-2.0 */
/* What a case can become: the projection of every question of an attack. */
#include "probe/probe_attack_priv.h"

enum { RULES_ROUNDS = 12 };
#define RULES_SLACK 1e-9

static bool measured(const struct probe_input *f)
{
    return f->kind == PROBE_NUMBER || f->kind == PROBE_INTEGER;
}

bool probe_rules_movable(const struct probe_goal *g, size_t j)
{
    const struct probe_input *f = &g->rules->input[j];
    return !f->immutable && !isnan(g->x[j]) && (!g->measured_only || measured(f));
}

/* One that changes with the missing word of a case binds nobody: neither holds nor
 * breaks.
 */
bool probe_onehot_holds(const struct probe_onehot *h, const double *x)
{
    size_t set = 0, unset = 0;
    for (size_t k = 0; k < h->n; k++) {
        double v = x[h->input[k]];
        if (isnan(v))
            return true;
        set += v == 1;
        unset += v == 0;
    }
    return set == 1 && set + unset == h->n;
}

double probe_relation_gap(const struct probe_relation *t, const double *x)
{
    double sum = 0, size = 0;
    for (size_t k = 0; k < t->n; k++)
        if (isnan(x[t->input[k]]))
            return 0;
    for (size_t k = 0; k < t->n; k++) {
        double v = x[t->input[k]];
        if (t->log && !(v > 0))
            return INFINITY;
        v = t->coef[k] * (t->log ? log(v) : v);
        sum += v;
        size += fabs(v);
    }
    size = RULES_SLACK * (1 + size);
    return sum < t->lo - size ? t->lo - sum : sum > t->hi + size ? t->hi - sum : 0;
}

double probe_relation_rest(const struct probe_relation *t, const double *x)
{
    double sum = 0;
    for (size_t k = 0; k < t->n; k++) {
        double v = x[t->input[k]];
        if (k != t->derived)
            sum += t->coef[k] * (t->log ? log(v) : v);
    }
    return sum;
}

/* A relation that the case itself breaks, or whose inputs are missing, binds nobody. */
void probe_rules_begin(struct attack *a)
{
    const struct probe_rules *rules = a->g->rules;
    for (size_t i = 0; i < rules->n_relation && i < PROBE_RELATIONS_MAX; i++)
        a->relation_on[i] = probe_relation_gap(&rules->relation[i], a->g->x) == 0;
}

/* Rounding to the grid may have left the ball, by less than one step of the grid. */
static double into_ball(const struct probe_input *f, double c, double r, double v)
{
    double most = r * (1 + RULES_SLACK), g = probe_grid(f);
    if (fabs(v - c) <= most)
        return v;
    v = probe_project(f, v > c ? fmin(v - g, c + r) : fmax(v + g, c - r));
    return fabs(v - c) <= most ? v : c;
}

/* A grey level: whole steps from c, no more than the ball has. Pixels are many, and this
 * is asked of each at every question. (x + 1.5 * 2^52) - 1.5 * 2^52 is the nearest whole
 * number. */
static inline double settle_step(const struct probe_input *f, double c, double most,
                                 double v)
{
    double k = (v - c) / f->step + 6755399441055744.0 - 6755399441055744.0;
    k = k > most ? most : k >= -most ? k : -most;
    v = k == 0 ? c : c + k * f->step;
    return v < f->lo ? f->lo : v > f->hi ? f->hi : v;
}

static double settle(const struct attack *a, size_t j, double v)
{
    const struct probe_input *f = &a->g->rules->input[j];
    double c = a->g->x[j], u = a->unit[j], r = a->g->eps * u;
    if (isnan(v) || fabs(v - c) <= 1e-12 * u)
        return c;
    if (!measured(f)) /* one change is one unit, whatever the codes are */
        return a->g->eps < 1 ? c : probe_project(f, v);
    if (isinf(a->g->eps))
        return probe_project(f, v);
    return into_ball(f, c, r, probe_project(f, fmin(fmax(v, c - r), c + r)));
}

static bool group_moves(const struct attack *a, const struct probe_onehot *h)
{
    size_t set = 0;
    for (size_t k = 0; k < h->n; k++) {
        if (!probe_rules_movable(a->g, h->input[k]))
            return false;
        set += a->g->x[h->input[k]] == 1;
    }
    return set == 1;
}

static void choose_one(const struct attack *a, const struct probe_onehot *h, double *x)
{
    size_t top = 0;
    if (!group_moves(a, h)) {
        for (size_t k = 0; k < h->n; k++)
            x[h->input[k]] = a->g->x[h->input[k]];
        return;
    }
    for (size_t k = 1; k < h->n; k++)
        if (x[h->input[k]] > x[h->input[top]])
            top = k;
    for (size_t k = 0; k < h->n; k++)
        x[h->input[k]] = k == top;
}

/* How the sum changes with input k at x. */
static double slope(const struct probe_relation *r, size_t k, const double *x)
{
    return r->log ? r->coef[k] / x[r->input[k]] : r->coef[k];
}

/* Moves along the relation, each input by the square of its unit: the nearest point in
 * units (of a curved one, one step of Newton's). */
static void close_gap(const struct attack *a, const struct probe_relation *r, double gap,
                      double *x)
{
    double size = 0, by[PROBE_RELATION_INPUTS];
    for (size_t k = 0; k < r->n && k < PROBE_RELATION_INPUTS; k++) {
        size_t j = r->input[k];
        bool moves = probe_rules_movable(a->g, j) && measured(&a->g->rules->input[j]);
        double cu = slope(r, k, x) * a->unit[j];
        by[k] = moves ? cu * a->unit[j] : 0;
        size += moves ? cu * cu : 0;
    }
    for (size_t k = 0; k < r->n && k < PROBE_RELATION_INPUTS; k++)
        if (size > 0 && by[k] != 0)
            x[r->input[k]] = settle(a, r->input[k], x[r->input[k]] + gap * by[k] / size);
}

/* A little more each round, as grids give way in steps; never past the middle. */
static double aim(const struct probe_relation *r, double gap, int round)
{
    return gap + copysign(fmin(fabs(gap) * 0.5 * round, (r->hi - r->lo) / 2), gap);
}

static bool relations(const struct attack *a, double *x)
{
    const struct probe_rules *rules = a->g->rules;
    bool open = true;
    for (int round = 0; open && round < RULES_ROUNDS; round++) {
        open = false;
        for (size_t i = 0; i < rules->n_relation && i < PROBE_RELATIONS_MAX; i++) {
            double gap =
                a->relation_on[i] ? probe_relation_gap(&rules->relation[i], x) : 0;
            open |= gap != 0;
            if (gap != 0 && isfinite(gap))
                close_gap(a, &rules->relation[i], aim(&rules->relation[i], gap, round),
                          x);
        }
    }
    return !open;
}

bool probe_rules_apply(const struct attack *a, double *x)
{
    const struct probe_rules *rules = a->g->rules;
    for (size_t i = 0; i < rules->n_onehot; i++)
        choose_one(a, &rules->onehot[i], x);
    for (size_t j = 0; j < rules->n; j++)
        x[j] = !probe_rules_movable(a->g, j) ? a->g->x[j]
               : rules->input[j].step > 0
                   ? settle_step(&rules->input[j], a->g->x[j], a->steps, x[j])
                   : settle(a, j, x[j]);
    return rules->n_relation == 0 || relations(a, x);
}

/* ---- for those who check --------------------------------------------------------------
 */
double probe_distance(const struct probe_rules *rules, enum probe_norm norm,
                      const double *x, const double *other)
{
    double sum = 0, top = 0;
    for (size_t j = 0; j < rules->n; j++) {
        const struct probe_input *f = &rules->input[j];
        double d;
        if (isnan(x[j]) && isnan(other[j]))
            continue;
        if (isnan(x[j]) || isnan(other[j]))
            return INFINITY;
        d = measured(f) ? fabs(other[j] - x[j]) / probe_unit(f, x[j]) : other[j] != x[j];
        sum += d * d;
        top = fmax(top, d);
    }
    return norm == PROBE_L2 ? sqrt(sum) : top;
}

static bool value_allowed(const struct probe_input *f, double v)
{
    return fabs(probe_project(f, v) - v) <= RULES_SLACK * (1 + fabs(v));
}

bool probe_reachable(const struct probe_rules *rules, const double *x,
                     const double *other)
{
    for (size_t j = 0; j < rules->n; j++) {
        if (memcmp(&x[j], &other[j], sizeof *x) == 0)
            continue;
        if (rules->input[j].immutable || isnan(x[j]) || isnan(other[j]) ||
            !value_allowed(&rules->input[j], other[j]))
            return false;
    }
    for (size_t i = 0; i < rules->n_onehot; i++)
        if (probe_onehot_holds(&rules->onehot[i], x) &&
            !probe_onehot_holds(&rules->onehot[i], other))
            return false;
    for (size_t i = 0; i < rules->n_relation; i++)
        if (probe_relation_gap(&rules->relation[i], x) == 0 &&
            probe_relation_gap(&rules->relation[i], other) != 0)
            return false;
    return true;
}
