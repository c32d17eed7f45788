/* SPDX-License-Identifier: Apache-2.0 */
/* A linear model: its weights by equations (F. Tramer et al., USENIX Security 2016), and
 * the nearest change in a box, which is exact. */
#include "probe/probe_attack_priv.h"

enum { LINEAR_ROWS = 64, LINEAR_STEPS = 200 };
#define LINEAR_STEP      4.0  /* units each way */
#define LINEAR_EDGE      1e-3 /* probabilities nearer to 0 or 1 have lost their digits */
#define LINEAR_TOLERANCE 1e-3

void probe_linear_release(struct probe_linear *l)
{
    free(l->w);
    l->w = NULL;
}

static double level(const struct probe_linear *l, double s)
{
    return l->logit ? log(s / (1 - s)) : s;
}

static bool usable(const struct probe_linear *l, double s)
{
    return !isnan(s) && (!l->logit || (s > LINEAR_EDGE && s < 1 - LINEAR_EDGE));
}

static double linear_level(const struct probe_linear *l, const double *x)
{
    double sum = l->b;
    for (size_t j = 0; j < l->n; j++)
        if (!isnan(x[j]))
            sum += l->w[j] * x[j];
    return sum;
}

/* The complete row whose score is nearest to 1/2 (or the first); n: none. */
static size_t base_row(const struct probe_linear *l, const double *rows, const double *s,
                       size_t n)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        bool whole = usable(l, s[i]);
        for (size_t j = 0; j < l->n; j++)
            whole &= !isnan(rows[i * l->n + j]);
        if (whole && (best == n || (l->logit && fabs(s[i] - 0.5) < fabs(s[best] - 0.5))))
            best = i;
    }
    return best;
}

/* Two questions an input; false when an answer is of no use. */
static int solve(struct probe_oracle *o, const struct probe_input *in, const double *base,
                 struct probe_linear *l, bool *fine)
{
    size_t n = l->n, asked;
    double *x = am_malloc((2 * n + 1) * sizeof *x), s[2];
    int err = x ? AM_OK : AM_E_NOMEM;
    *fine = true;
    for (size_t j = 0; j < n && !err && *fine; j++) {
        double h =
            probe_unit(&in[j], base[j]) * (in[j].kind == PROBE_NUMBER ? LINEAR_STEP : 1);
        memcpy(x, base, n * sizeof *x);
        memcpy(x + n, base, n * sizeof *x);
        x[j] += h;
        x[n + j] -= h;
        err = probe_ask(o, x, 2, s, &asked);
        *fine = !err && asked == 2 && usable(l, s[0]) && usable(l, s[1]);
        if (*fine)
            l->w[j] = (level(l, s[0]) - level(l, s[1])) / (x[j] - x[n + j]);
    }
    free(x);
    return err;
}

/* Does it predict the rows that were not used? Digits lost near 0 and 1 are forgiven. */
static bool predicts(const struct probe_linear *l, const double *rows, const double *s,
                     size_t n)
{
    size_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        double want, lost;
        if (!usable(l, s[i]))
            continue;
        want = level(l, s[i]);
        lost = l->logit ? 1e-6 / (s[i] * (1 - s[i])) : 0;
        if (!(fabs(linear_level(l, rows + i * l->n) - want) <=
              LINEAR_TOLERANCE * (1 + fabs(want)) + lost))
            return false;
        seen++;
    }
    return seen >= 2;
}

static int fit(struct probe_oracle *o, const struct probe_input *in, const double *rows,
               size_t n, struct probe_linear *l)
{
    double s[LINEAR_ROWS];
    size_t asked, base;
    bool fine;
    int err = n ? probe_ask(o, rows, n, s, &asked) : AM_OK;
    if (err || !n)
        return err;
    base = base_row(l, rows, s, asked);
    if (base == asked)
        return AM_OK;
    err = solve(o, in, rows + base * l->n, l, &fine);
    if (err || !fine)
        return err;
    l->b = 0;
    l->b = level(l, s[base]) - linear_level(l, rows + base * l->n);
    l->linear = predicts(l, rows, s, asked);
    return AM_OK;
}

int probe_linear_fit(struct probe_oracle *o, const struct probe_input *in,
                     const double *rows, size_t n, struct probe_linear *out)
{
    int64_t before = o->queries;
    int err;
    *out = (struct probe_linear){.n = o->features, .logit = o->lo == 0 && o->hi == 1};
    out->w = am_calloc(out->n + 1, sizeof *out->w);
    if (!out->w)
        return AM_E_NOMEM;
    err = fit(o, in, rows, AM_MIN(n, (size_t)LINEAR_ROWS), out);
    out->queries = o->queries - before;
    if (err)
        probe_linear_release(out);
    return err;
}

/* ---- the nearest change in a box ------------------------------------------------------
 */
struct box {
    double *pull, *room; /* per input that moves: |w * unit|; units to its edge */
    double *way;         /* -1, 0, 1 */
    size_t m;
};

/* z of length t: t itself in every input (L_inf), or t times its pull (L2). */
static double reach_of(const struct box *b, enum probe_norm norm, double t, size_t k)
{
    return fmin(norm == PROBE_LINF ? t : t * b->pull[k], b->room[k]);
}

static double gain_of(const struct box *b, enum probe_norm norm, double t)
{
    double sum = 0;
    for (size_t k = 0; k < b->m; k++)
        sum += b->way[k] != 0 ? b->pull[k] * reach_of(b, norm, t, k) : 0;
    return sum;
}

/* The least t with gain >= want; infinite when the box has none. */
static double solve_box(const struct box *b, enum probe_norm norm, double want)
{
    double low = 0, high = 1;
    for (int i = 0; i < LINEAR_STEPS && gain_of(b, norm, high) < want; i++)
        high *= 2;
    if (!(gain_of(b, norm, high) >= want))
        return INFINITY;
    for (int i = 0; i < LINEAR_STEPS; i++) {
        double t = (low + high) / 2;
        *(gain_of(b, norm, t) >= want ? &high : &low) = t;
    }
    return high;
}

static void open_box(const struct attack *a, const struct probe_linear *l, double sign,
                     struct box *b)
{
    for (size_t k = 0; k < a->m; k++) {
        const struct probe_input *f = &a->g->rules->input[a->at[k]];
        double w = l->w[a->at[k]] * a->unit[a->at[k]] * sign, c = a->g->x[a->at[k]];
        b->pull[k] = fabs(w);
        b->way[k] = w > 0 ? 1 : w < 0 ? -1 : 0;
        b->room[k] = fmax((w > 0 ? f->hi - c : c - f->lo) / a->unit[a->at[k]], 0);
        if (f->kind == PROBE_CODE)
            b->way[k] = 0; /* codes have no direction: other attacks try them */
    }
}

/* The grid rounds inwards as often as outwards: asks a little further out, too. */
static int ask_outwards(struct attack *a, const struct box *b, double t)
{
    static const double more[] = {0,    1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4,
                                  1e-3, 0.01, 0.02, 0.05, 0.1,  0.2,  0.5};
    double *z = am_malloc((AM_LEN(more) * a->m + 1) * sizeof *z), s[AM_LEN(more)];
    int err;
    if (!z)
        return AM_E_NOMEM;
    for (size_t i = 0; i < AM_LEN(more); i++)
        for (size_t k = 0; k < a->m; k++)
            z[i * a->m + k] = b->way[k] * reach_of(b, a->g->norm, t * (1 + more[i]), k);
    err = probe_attack_ask(a, z, AM_LEN(more), s);
    free(z);
    return err;
}

static int nearest(struct attack *a, const struct probe_linear *l, struct box *b)
{
    double goal = level(l, a->g->threshold), here = linear_level(l, a->g->x), t, sum = 0;
    open_box(a, l, a->positive ? -1 : 1, b);
    t = solve_box(b, a->g->norm, fabs(goal - here));
    a->f->lower = t;
    if (isinf(t))
        return AM_OK;
    for (size_t k = 0; k < a->m; k++) {
        double z = b->way[k] != 0 ? reach_of(b, a->g->norm, t, k) : 0;
        sum += z * z;
    }
    if (a->g->norm == PROBE_L2)
        a->f->lower = sqrt(sum);
    return ask_outwards(a, b, t);
}

int probe_attack_linear(const struct probe_goal *g, const struct probe_linear *l,
                        struct probe_found *f)
{
    struct attack a;
    struct box b;
    int err;
    am_assert(l->linear && l->n == g->rules->n);
    err = probe_attack_open(&a, g, f, 8);
    if (err)
        return err;
    b.m = a.m;
    b.pull = am_malloc((3 * a.m + 1) * sizeof *b.pull);
    if (!b.pull) {
        probe_attack_close(&a);
        return AM_E_NOMEM;
    }
    b.room = b.pull + a.m;
    b.way = b.room + a.m;
    if (!a.over)
        err = nearest(&a, l, &b);
    free(b.pull);
    probe_attack_close(&a);
    return err;
}
