/* SPDX-License-Identifier: Apache-2.0 */
/* The account of one attack: what is asked, what is kept, and the line search. */
#include "probe/probe_attack_priv.h"

enum { LINE_STEPS = 60, BALLS = 8 };

static int attack_memory(struct attack *a, size_t n)
{
    a->at = am_malloc((n + 1) * sizeof *a->at);
    a->unit = am_malloc((n + 1) * sizeof *a->unit);
    a->grid = am_malloc((n + 1) * sizeof *a->grid);
    a->best = am_calloc(n + 1, sizeof *a->best);
    a->x = am_malloc((PROBE_BATCH + 1) * (n + 1) * sizeof *a->x);
    a->score = am_malloc(PROBE_BATCH * sizeof *a->score);
    return a->at && a->unit && a->grid && a->best && a->x && a->score ? AM_OK
                                                                      : AM_E_NOMEM;
}

int probe_attack_open(struct attack *a, const struct probe_goal *g, struct probe_found *f,
                      uint64_t method)
{
    size_t n = g->rules->n;
    *a = (struct attack){.g = g, .f = f, .left = g->budget};
    *f = (struct probe_found){.x = f->x, .distance = INFINITY, .first = -1};
    f->score = g->score;
    if (n != g->oracle->features || g->rules->n_relation > PROBE_RELATIONS_MAX)
        return AM_E_INVALID;
    if (attack_memory(a, n)) {
        probe_attack_close(a);
        return AM_E_NOMEM;
    }
    a->steps = floor(g->eps * (1 + 1e-9));
    a->positive = g->score >= g->threshold;
    a->over = a->left <= 0 || isnan(g->score);
    for (size_t j = 0; j < n; j++) {
        a->unit[j] = probe_unit(&g->rules->input[j], g->x[j]);
        if (probe_rules_movable(g, j)) {
            a->grid[a->m] = probe_grid(&g->rules->input[j]) / a->unit[j];
            a->at[a->m++] = (uint32_t)j;
        }
    }
    a->over |= a->m == 0;
    probe_rules_begin(a);
    stat_rng_init(&a->rng, g->seed, method, g->stream);
    return AM_OK;
}

void probe_attack_close(struct attack *a)
{
    free(a->at);
    free(a->unit);
    free(a->grid);
    free(a->best);
    free(a->x);
    free(a->score);
}

bool probe_attack_flips(const struct attack *a, double score)
{
    return !isnan(score) && (score >= a->g->threshold) != a->positive;
}

double probe_attack_gain(const struct attack *a, double score)
{
    if (isnan(score))
        return -INFINITY;
    return a->positive ? a->g->threshold - score : score - a->g->threshold;
}

double probe_attack_norm(const struct attack *a, const double *z)
{
    double sum = 0, top = 0;
    for (size_t k = 0; k < a->m; k++) {
        enum probe_kind kind = a->g->rules->input[a->at[k]].kind;
        double d = kind == PROBE_CODE || kind == PROBE_BOOLEAN ? z[k] != 0 : fabs(z[k]);
        sum += d * d;
        top = d > top ? d : top;
    }
    return a->g->norm == PROBE_L2 ? sqrt(sum) : top;
}

void probe_attack_ball(const struct attack *a, double r, double *z)
{
    if (a->g->norm == PROBE_LINF) {
        for (size_t k = 0; k < a->m; k++)
            z[k] = z[k] > r ? r : z[k] >= -r ? z[k] : -r;
    } else {
        double d = 0;
        for (size_t k = 0; k < a->m; k++)
            d += z[k] * z[k];
        d = sqrt(d);
        for (size_t k = 0; k < a->m && d > r; k++)
            z[k] *= r / d;
    }
}

/* z to a row under the rules and back; false: the case itself, or nothing allowed. */
static bool place(struct attack *a, double *z, double *x)
{
    const struct probe_goal *g = a->g;
    bool moved = false, fine;
    if (!isinf(g->eps))
        probe_attack_ball(a, g->eps, z);
    memcpy(x, g->x, g->rules->n * sizeof *x);
    for (size_t k = 0; k < a->m; k++)
        x[a->at[k]] = g->x[a->at[k]] + z[k] * a->unit[a->at[k]];
    fine = probe_rules_apply(a, x);
    for (size_t k = 0; k < a->m; k++) {
        size_t j = a->at[k];
        z[k] = (x[j] - g->x[j]) / a->unit[j];
        moved |= z[k] != 0;
    }
    return fine && moved;
}

/* Keeps what flips when it is the nearest so far. Rounding can leave an L2 ball. */
static void keep(struct attack *a, const double *z, const double *x, double score,
                 int64_t asked)
{
    struct probe_found *f = a->f;
    double d = probe_attack_norm(a, z);
    if (!probe_attack_flips(a, score) || d > a->g->eps * (1 + 1e-9))
        return;
    if (f->first < 0 && d <= a->g->mark * (1 + 1e-9))
        f->first = asked;
    a->over |= !isinf(a->g->eps);
    if (f->found && d >= f->distance)
        return;
    f->found = true;
    f->distance = d;
    f->score = score;
    memcpy(f->x, x, a->g->rules->n * sizeof *x);
    memcpy(a->best, z, a->m * sizeof *z);
}

int probe_attack_ask(struct attack *a, double *z, size_t n, double *score)
{
    size_t m = a->m, w = a->g->rules->n, k = 0, asked = 0, which[PROBE_BATCH];
    int err = AM_OK;
    am_assert(n <= PROBE_BATCH);
    for (size_t i = 0; i < n; i++) {
        score[i] = NAN;
        if (a->over || (int64_t)k >= a->left) {
            a->over = true;
            continue;
        }
        if (place(a, z + i * m, a->x + k * w))
            which[k++] = i;
    }
    if (k)
        err = probe_ask(a->g->oracle, a->x, k, a->score, &asked);
    if (err)
        return err;
    for (size_t i = 0; i < asked; i++) {
        score[which[i]] = a->score[i];
        keep(a, z + which[i] * m, a->x + i * w, a->score[i],
             a->f->queries + (int64_t)i + 1);
    }
    a->f->queries += (int64_t)asked;
    a->left -= (int64_t)asked;
    a->over |= a->left <= 0 || asked < k;
    return AM_OK;
}

/* ---- along a line ---------------------------------------------------------------------
 */
static void between(const struct attack *a, const double *far, double t, double reach,
                    double *z)
{
    for (size_t k = 0; k < a->m; k++)
        z[k] = a->g->norm == PROBE_L2 ? far[k] * t
                                      : fmin(fmax(far[k], -t * reach), t * reach);
}

int probe_attack_line(struct attack *a, double *z, double tolerance)
{
    double reach = 0, low = 0, high = 1;
    double *try = am_malloc((2 * a->m + 1) * sizeof *try), *far;
    int err = try ? AM_OK : AM_E_NOMEM;
    if (err)
        return err;
    far = try + a->m;
    memcpy(far, z, a->m * sizeof *far);
    for (size_t k = 0; k < a->m; k++)
        reach = fmax(reach, fabs(far[k]));
    for (int i = 0; i < LINE_STEPS && !err && !a->over; i++) {
        double s, t = i ? (low + high) / 2 : 1 - tolerance;
        if (high - low <= tolerance * high)
            break;
        between(a, far, t, reach, try);
        err = probe_attack_ask(a, try, 1, &s);
        if (!err && probe_attack_flips(a, s)) {
            high = t;
            memcpy(z, try, a->m * sizeof *z);
        } else {
            low = t;
        }
    }
    free(try);
    return err;
}

int probe_attack_balls(struct attack *a, probe_ball_fn *fn)
{
    double r = isinf(a->g->eps) ? 1 : a->g->eps;
    int err = AM_OK;
    if (!isinf(a->g->eps))
        return a->over ? AM_OK : fn(a, r, a->left);
    for (int i = 0; i < BALLS && !err && !a->over && !a->f->found; i++, r *= 2)
        err = fn(a, r, a->left / (BALLS - i));
    if (!err && a->f->found && !a->over)
        err = probe_attack_line(a, a->best, 1e-6);
    return err;
}
