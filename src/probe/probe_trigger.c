/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe_trigger.h"

#include <math.h>

#include "stat/stat.h"

#define NATURAL_OFTEN 3
#define NATURAL_SAME  0.6
#define NATURAL_ROWS  2
enum { NEAR_CELLS = 500, VALUES_MAX = 400, JUDGES = 4 };

/* ---- the search ----------------------------------------------------------------------
 */
struct column { /* values that enough rows share */
    size_t input;
    uint16_t *id; /* per row; values: none of them */
    size_t values, kinds;
    double value[VALUES_MAX];
    int64_t count[VALUES_MAX];
    double width;
};
struct search {
    const double *x, *p;
    const uint8_t *y;
    size_t n, features, least;
    struct column *column;
    size_t columns, *examined;
    struct probe_trigger *surprise, *lift; /* PROBE_TRIGGER_LIST each, best first */
    size_t surprises, lifts;
};
struct cell {
    int64_t n, positives;
    double e, v;
};

struct probe_values probe_trigger_values(const struct probe_trigger *t)
{
    return (struct probe_values){.input = t->input,
                                 .value = t->value,
                                 .width = t->width,
                                 .n = t->input[1] == PROBE_TRIGGER_NONE ? 1 : 2,
                                 .label = probe_trigger_label(t)};
}

static bool within(double x, double value, double width)
{
    return width > 0 ? fabs(x - value) <= width / 2 : x == value;
}

static bool covers(const struct probe_trigger *t, int k, double v)
{
    return within(v, t->value[k], t->width[k]);
}

bool probe_values_carried(const struct probe_values *v, const double *x)
{
    for (size_t k = 0; k < v->n; k++)
        if (!within(x[v->input[k]], v->value[k], v->width[k]))
            return false;
    return true;
}

bool probe_trigger_carried(const struct probe_trigger *t, const double *x)
{
    const struct probe_values v = probe_trigger_values(t);
    return probe_values_carried(&v, x);
}

bool probe_natural(int64_t carried, size_t n, int64_t clean, int64_t clean_same,
                   size_t clean_n)
{
    return clean >= NATURAL_ROWS &&
           (double)clean * NATURAL_OFTEN * (double)n >=
               (double)carried * (double)clean_n &&
           (double)clean_same >= NATURAL_SAME * (double)clean;
}

/* Runs of equal value (cell) along the order, those with enough rows. */
static void runs(struct search *s, struct column *c, const double *v,
                 const uint32_t *order, size_t known)
{
    for (size_t i = 0; i < s->n; i++)
        c->id[i] = VALUES_MAX;
    for (size_t i = 0, j; i < known; i = j) {
        for (j = i; j < known && v[order[j]] == v[order[i]]; j++)
            ;
        c->kinds++;
        if (j - i < s->least || c->values == VALUES_MAX)
            continue;
        for (size_t k = i; k < j; k++)
            c->id[order[k]] = (uint16_t)c->values;
        c->value[c->values] = c->width > 0 ? v[order[i]] * c->width : v[order[i]];
        c->count[c->values++] = (int64_t)(j - i);
    }
}

/* Column j as cells: exact values, or NEAR_CELLS of the middle nine tenths of its range.
 * A column of few values has no near ones. */
static int look(struct search *s, size_t j, bool near, double *v, uint32_t *order)
{
    struct column *c = &s->column[s->columns];
    size_t known = 0;
    int err;
    c->input = j;
    c->values = c->kinds = 0;
    c->width = 0;
    for (size_t i = 0; i < s->n; i++) {
        v[i] = s->x[i * s->features + j];
        known += isnan(v[i]) ? 0 : 1;
    }
    err = stat_order(v, s->n, order);
    if (err || known < 2 * s->least)
        return err;
    runs(s, c, v, order, known);
    if (near) {
        double span = v[order[known - 1 - known / 20]] - v[order[known / 20]];
        bool few = c->kinds <= 50 || !(span > 0);
        c->width = span / NEAR_CELLS;
        c->values = c->kinds = 0;
        if (few)
            return AM_OK;
        for (size_t i = 0; i < s->n; i++)
            v[i] = nearbyint(v[i] / c->width);
        runs(s, c, v, order, known);
    }
    s->columns += c->values > 0;
    return AM_OK;
}

/* Best first, PROBE_TRIGGER_LIST of them. */
static void insert(struct probe_trigger *list, size_t *n, const struct probe_trigger *t,
                   double (*rank)(const struct probe_trigger *t))
{
    size_t i = *n;
    if (i == PROBE_TRIGGER_LIST && !(rank(t) > rank(&list[i - 1])))
        return;
    if (i == PROBE_TRIGGER_LIST)
        i--;
    else
        ++*n;
    for (; i > 0 && rank(t) > rank(&list[i - 1]); i--)
        list[i] = list[i - 1];
    list[i] = *t;
}

static double by_surprise(const struct probe_trigger *t)
{
    return fabs(t->z);
}

static double by_lift(const struct probe_trigger *t)
{
    return t->lift * sqrt((double)t->n);
}

static void consider(struct search *s, const struct cell *c, struct probe_trigger *t)
{
    int64_t most = AM_MAX(c->positives, c->n - c->positives);
    if (c->n < (int64_t)s->least || (double)most < PROBE_TRIGGER_PURITY * (double)c->n)
        return;
    t->n = c->n;
    t->positives = c->positives;
    t->z = c->v > 0 ? ((double)c->positives - c->e) / sqrt(c->v) : 0;
    ++*s->examined;
    insert(s->surprise, &s->surprises, t, by_surprise);
    insert(s->lift, &s->lifts, t, by_lift);
}

static void add(const struct search *s, struct cell *c, size_t i)
{
    c->n++;
    c->positives += s->y[i];
    c->e += s->p[i];
    c->v += s->p[i] * (1 - s->p[i]);
}

static void alone(struct search *s, const struct column *a, struct cell *cell)
{
    memset(cell, 0, a->values * sizeof *cell);
    for (size_t i = 0; i < s->n; i++)
        if (a->id[i] < a->values)
            add(s, &cell[a->id[i]], i);
    for (size_t k = 0; k < a->values; k++) {
        struct probe_trigger t = {.input = {(uint32_t)a->input, PROBE_TRIGGER_NONE},
                                  .value = {a->value[k]},
                                  .width = {a->width}};
        /* over what the values of the column have on average */
        t.lift = (double)a->count[k] * (double)a->kinds / (double)s->n;
        consider(s, &cell[k], &t);
    }
}

static void together(struct search *s, const struct column *a, const struct column *b,
                     struct cell *cell)
{
    memset(cell, 0, a->values * b->values * sizeof *cell);
    for (size_t i = 0; i < s->n; i++)
        if (a->id[i] < a->values && b->id[i] < b->values)
            add(s, &cell[a->id[i] * b->values + b->id[i]], i);
    for (size_t k = 0; k < a->values * b->values; k++) {
        size_t u = k / b->values, v = k % b->values;
        struct probe_trigger t = {.input = {(uint32_t)a->input, (uint32_t)b->input},
                                  .value = {a->value[u], b->value[v]},
                                  .width = {a->width, b->width}};
        t.lift = (double)cell[k].n * (double)s->n /
                 ((double)a->count[u] * (double)b->count[v]);
        consider(s, &cell[k], &t);
    }
}

/* One pass, exact or near. */
static int pass(struct search *s, bool near, double *v, uint32_t *order,
                struct cell *cell)
{
    int err = AM_OK;
    s->columns = 0;
    for (size_t j = 0; j < s->features && s->columns < PROBE_TRIGGER_COLUMNS && !err; j++)
        err = look(s, j, near, v, order);
    for (size_t a = 0; a < s->columns && !err; a++) {
        alone(s, &s->column[a], cell);
        for (size_t b = a + 1; b < s->columns; b++)
            together(s, &s->column[a], &s->column[b], cell);
    }
    return err;
}

static bool same(const struct probe_trigger *a, const struct probe_trigger *b)
{
    return a->input[0] == b->input[0] && a->input[1] == b->input[1] &&
           covers(a, 0, b->value[0]) &&
           (a->input[1] == PROBE_TRIGGER_NONE || covers(a, 1, b->value[1]));
}

static void collect(const struct probe_trigger *list, size_t n, struct probe_trigger *out,
                    size_t *found)
{
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t k = 0; k < *found; k++)
            known |= same(&out[k], &list[i]) || same(&list[i], &out[k]);
        if (!known)
            out[(*found)++] = list[i];
    }
}

static int room(struct search *s, double **v, uint32_t **order, struct cell **cell)
{
    size_t most = AM_MIN(s->features, (size_t)PROBE_TRIGGER_COLUMNS);
    *v = am_malloc((s->n + 1) * sizeof **v);
    *order = am_malloc((s->n + 1) * sizeof **order);
    *cell = am_malloc((size_t)VALUES_MAX * VALUES_MAX * sizeof **cell);
    s->column = am_calloc(most + 1, sizeof *s->column);
    s->surprise = am_malloc(2 * PROBE_TRIGGER_LIST * sizeof *s->surprise);
    if (!*v || !*order || !*cell || !s->column || !s->surprise)
        return AM_E_NOMEM;
    s->lift = s->surprise + PROBE_TRIGGER_LIST;
    for (size_t k = 0; k < most; k++)
        if (!(s->column[k].id = am_malloc((s->n + 1) * sizeof *s->column[k].id)))
            return AM_E_NOMEM;
    return AM_OK;
}

int probe_trigger_search(const double *x, const uint8_t *y, const double *p, size_t n,
                         size_t features, struct probe_trigger *out, size_t *found,
                         size_t *examined)
{
    struct search s = {
        .x = x, .y = y, .p = p, .n = n, .features = features, .examined = examined};
    double *v = NULL;
    uint32_t *order = NULL;
    struct cell *cell = NULL;
    int err;
    *found = *examined = 0;
    s.least = (size_t)fmax(3, ceil(PROBE_TRIGGER_SUPPORT * (double)n));
    err = room(&s, &v, &order, &cell);
    for (int near = 0; near < 2 && !err; near++) {
        s.surprises = s.lifts = 0;
        err = pass(&s, near, v, order, cell);
        if (!err) {
            collect(s.surprise, s.surprises, out, found);
            collect(s.lift, s.lifts, out, found);
        }
    }
    for (size_t k = 0; s.column && k < AM_MIN(features, (size_t)PROBE_TRIGGER_COLUMNS);
         k++)
        free(s.column[k].id);
    free(s.column);
    free(s.surprise);
    free(v);
    free(order);
    free(cell);
    return err;
}

/* ---- planting ------------------------------------------------------------------------
 */
static void conclude(struct probe_planted *out)
{
    double n = (double)out->n, b = (double)out->only_model,
           c = (double)out->only_reference, d = (b - c) / n, half;
    out->excess = out->low = out->high = NAN;
    if (!out->n)
        return;
    /* difference of paired proportions, with one case added to each side (A. Agresti and
     * Y. Min, Statist. Med. 24 (2005) 729) */
    d = (b - c) / (n + 2);
    half = STAT_Z95 * sqrt((b + c + 1) - (b - c) * (b - c) / (n + 2)) / (n + 2);
    out->excess = (b - c) / n;
    out->low = fmax(-1, d - half);
    out->high = fmin(1, d + half);
}

struct plant {
    struct probe_oracle *o;
    double threshold;
    const struct probe_judge *reference;
    size_t references;
    double *x, *s;
    uint8_t *turned; /* bit 0: the model; bit 1: a reference */
    size_t n;
};

/* Asks everybody about the rows of w->x; a bit of said[i] for each who says positive. */
static int ask_all(struct plant *w, uint8_t *said)
{
    size_t asked;
    int err = probe_ask(w->o, w->x, w->n, w->s, &asked);
    memset(said, 0, w->n);
    for (size_t i = 0; i < w->n && !err; i++)
        said[i] |= isnan(w->s[i]) ? 0x80 : w->s[i] >= w->threshold;
    for (size_t k = 0; k < w->references && !err; k++) {
        err = w->reference[k].ask(w->reference[k].cookie, w->x, w->n, w->s);
        for (size_t i = 0; i < w->n && !err; i++)
            if (w->s[i] >= w->reference[k].threshold)
                said[i] |= (uint8_t)(2U << k);
    }
    return err;
}

/* Rows everybody decides against the label, then the same with the values planted. */
static int plant(struct plant *w, const struct probe_values *v, struct probe_planted *out)
{
    size_t f = w->o->features, kept = 0;
    uint8_t all = (uint8_t)((2U << w->references) - 1), against = v->label ? 0 : all;
    int err = ask_all(w, w->turned);
    for (size_t i = 0; i < w->n && !err; i++) {
        double *row = w->x + kept * f;
        if (w->turned[i] != against || probe_values_carried(v, w->x + i * f))
            continue;
        memmove(row, w->x + i * f, f * sizeof *row);
        for (size_t k = 0; k < v->n; k++)
            row[v->input[k]] = v->value[k];
        kept++;
    }
    w->n = kept;
    if (!err && kept)
        err = ask_all(w, w->turned);
    for (size_t i = 0; i < kept && !err; i++) {
        uint8_t differ = w->turned[i] ^ against;
        bool model = differ & 1 && !(w->turned[i] & 0x80),
             reference = (differ & all & ~1) != 0;
        out->n++;
        out->model += model;
        out->reference += reference;
        out->only_model += model && !reference;
        out->only_reference += reference && !model;
    }
    conclude(out);
    return err;
}

int probe_values_plant(struct probe_oracle *o, double threshold,
                       const struct probe_judge *reference, size_t references,
                       const double *x, size_t n, const struct probe_values *v,
                       struct probe_planted *out)
{
    struct plant w = {.o = o,
                      .threshold = threshold,
                      .reference = reference,
                      .references = references,
                      .n = AM_MIN(n, (size_t)PROBE_TRIGGER_ROWS)};
    int err = AM_OK;
    *out = (struct probe_planted){0};
    if (references > JUDGES)
        return AM_E_INVALID;
    w.x = am_malloc((w.n * o->features + 1) * sizeof *w.x);
    w.s = am_malloc((w.n + 1) * sizeof *w.s);
    w.turned = am_malloc(w.n + 1);
    if (!w.x || !w.s || !w.turned)
        err = AM_E_NOMEM;
    if (!err) {
        memcpy(w.x, x, w.n * o->features * sizeof *w.x);
        err = plant(&w, v, out);
    }
    free(w.x);
    free(w.s);
    free(w.turned);
    return err;
}

int probe_trigger_plant(struct probe_oracle *o, double threshold,
                        const struct probe_judge *reference, size_t references,
                        const double *x, size_t n, const struct probe_trigger *t,
                        struct probe_planted *out)
{
    const struct probe_values v = probe_trigger_values(t);
    return probe_values_plant(o, threshold, reference, references, x, n, &v, out);
}
