/* SPDX-License-Identifier: Apache-2.0 */
/* probe_mutate -- rows under one operator: who draws what, and what became of the row. */
#include "probe/probe_mutate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe_mutate_priv.h"
#include "stat/stat_boot.h"

enum kinds { NONE, NUMBERS, LISTS, ALL };
enum share { VALUES, ROWS };
static const struct {
    const char *family, *name;
    enum kinds kinds;
    enum share of;
} operators[] = {
#define X(id, family, name, kinds, of) {family, name, kinds, of},
    PROBE_MUTATE_MAP(X)
#undef X
};

const char *probe_operator_name(enum probe_operator op)
{
    return op < PROBE_OPERATORS ? operators[op].name : "";
}

const char *probe_operator_family(enum probe_operator op)
{
    return op < PROBE_OPERATORS ? operators[op].family : "";
}

/* Does the operator know a mistake for this input? */
static bool touches(enum probe_operator op, const struct probe_input *f)
{
    bool number = f->kind == PROBE_NUMBER || f->kind == PROBE_INTEGER;
    enum kinds k = operators[op].kinds;
    if (k != ALL && (k == NONE || number != (k == NUMBERS)))
        return false;
    switch (op) {
    case PROBE_UNIT:
        return probe_has_units(f);
    case PROBE_NOISE:
    case PROBE_DRIFT:
    case PROBE_SATURATION:
        return !f->immutable; /* no device measures an age */
    default:
        return true;
    }
}

/* ---- facts about the columns
 * ------------------------------------------------------------------------- */
static int read_column(struct probe_mutator *m, size_t j)
{
    struct probe_column *c = &m->column[j];
    const struct probe_rows *r = &m->rows;
    c->sorted = m->storage + j * r->n;
    for (size_t i = 0; i < r->n; i++)
        if (!isnan(r->x[i * r->features + j]))
            c->sorted[c->n++] = r->x[i * r->features + j];
    if (stat_sort(c->sorted, c->n))
        return AM_E_NOMEM;
    c->low = c->n ? c->sorted[c->n / 20] : NAN;
    c->high = c->n ? c->sorted[c->n - 1 - c->n / 20] : NAN;
    return AM_OK;
}

/* The column a value is put into by mistake: the next of the same kind and unit, or of
 * the same kind when it is alone with its unit; the last is followed by the first. */
static bool alike(const struct probe_input *a, const struct probe_input *b, bool unit)
{
    bool na = a->kind == PROBE_NUMBER || a->kind == PROBE_INTEGER,
         nb = b->kind == PROBE_NUMBER || b->kind == PROBE_INTEGER;
    if (na != nb || (!na && a->kind != b->kind))
        return false;
    return !unit || str_eq(a->unit, b->unit);
}

static size_t mate_of(const struct probe_rows *r, size_t j)
{
    for (int unit = 1; unit >= 0; unit--)
        for (size_t d = 1; d < r->features; d++) {
            size_t k = (j + d) % r->features;
            if (alike(&r->in[j], &r->in[k], unit))
                return k;
        }
    return SIZE_MAX;
}

bool probe_operator_applies(enum probe_operator op, const struct probe_input *in,
                            size_t features)
{
    const struct probe_rows r = {.in = in, .features = features};
    bool any = op == PROBE_LABEL;
    for (size_t j = 0; j < features && !any && op < PROBE_OPERATORS; j++)
        any = touches(op, &in[j]) &&
              (op != PROBE_SWAP_COLUMNS || mate_of(&r, j) != SIZE_MAX);
    return any;
}

/* ---- who follows whom
 * -------------------------------------------------------------------------------- */
struct keyed {
    uint64_t key;
    uint32_t patient, row;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_patient(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    return x->patient != y->patient ? (x->patient < y->patient ? -1 : 1) : by_key(a, b);
}

static int read_order(struct probe_mutator *m)
{
    const struct probe_rows *r = &m->rows;
    struct keyed *k = am_malloc((r->n + 1) * sizeof *k);
    if (!k)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->n; i++)
        k[i] = (struct keyed){r->key[i], r->patient ? r->patient[i] : (uint32_t)i,
                              (uint32_t)i};
    qsort(k, r->n, sizeof *k, by_key);
    for (size_t i = 0; i < r->n; i++) {
        m->by_key[i] = k[i].row;
        m->place[k[i].row] = (uint32_t)i;
    }
    qsort(k, r->n, sizeof *k, by_patient);
    for (size_t i = 0, end; i < r->n; i = end) {
        for (end = i + 1; end < r->n && k[end].patient == k[i].patient;)
            end++;
        for (size_t j = i; j < end; j++)
            m->same[k[j].row] = k[j + 1 < end ? j + 1 : i].row;
    }
    free(k);
    return AM_OK;
}

int probe_mutator_new(struct probe_mutator **out, const struct probe_rows *rows)
{
    struct probe_mutator *m;
    size_t n = rows->n, f = rows->features;
    int err = AM_E_NOMEM;
    if (n >= UINT32_MAX)
        return AM_E_TOOBIG;
    m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    m->rows = *rows;
    m->column = am_calloc(f + 1, sizeof *m->column);
    m->able = am_calloc(f + 1, sizeof *m->able);
    m->storage = am_calloc(n * f + 1, sizeof *m->storage);
    m->by_key = am_calloc(n + 1, sizeof *m->by_key);
    m->place = am_calloc(n + 1, sizeof *m->place);
    m->same = am_calloc(n + 1, sizeof *m->same);
    if (m->column && m->able && m->storage && m->by_key && m->place && m->same)
        err = n ? read_order(m) : AM_OK;
    for (size_t j = 0; j < f && !err; j++) {
        err = read_column(m, j);
        m->column[j].mate = mate_of(rows, j);
        if (m->column[j].mate != SIZE_MAX)
            m->able[m->n_able++] = j;
    }
    if (err)
        probe_mutator_free(m);
    else
        *out = m;
    return err;
}

void probe_mutator_free(struct probe_mutator *m)
{
    if (!m)
        return;
    free(m->column);
    free(m->able);
    free(m->storage);
    free(m->by_key);
    free(m->place);
    free(m->same);
    free(m);
}

/* ---- keys
 * -------------------------------------------------------------------------------------------
 */
int probe_row_keys(const double *x, const uint8_t *y, size_t n, size_t features,
                   uint64_t *key)
{
    struct keyed *k = am_malloc((n + 1) * sizeof *k);
    if (!k)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        uint64_t h = y ? y[i] : 0;
        for (size_t j = 0; j < features; j++) {
            double v = x[i * features + j];
            h = stat_splitmix64(&h) ^ (isnan(v) ? UINT64_MAX : stat_key(v));
        }
        k[i] = (struct keyed){stat_splitmix64(&h), 0, (uint32_t)i};
    }
    if (n)
        qsort(k, n, sizeof *k, by_key);
    for (size_t i = 0, nth = 0; i < n; i++) {
        uint64_t h = k[i].key;
        nth = i && k[i - 1].key == h ? nth + 1 : 0;
        h ^= nth;
        key[k[i].row] = nth ? stat_splitmix64(&h) : h;
    }
    free(k);
    return AM_OK;
}

/* ---- what a new value is
 * ------------------------------------------------------------------------------- */
static bool in_list(const struct probe_input *f, double v)
{
    for (size_t i = 0; i < f->n_values; i++)
        if (f->values[i] == v)
            return true;
    return !f->n_values;
}

bool probe_refuses(const struct probe_input *f, double v)
{
    if (isnan(v))
        return !f->missing_allowed;
    return !(v >= f->lo && v <= f->hi) || (f->kind == PROBE_CODE && !in_list(f, v));
}

bool probe_impossible(const struct probe_mutator *m, size_t feature, double v)
{
    const struct probe_input *f = &m->rows.in[feature];
    const struct probe_column *c = &m->column[feature];
    double min, max;
    if (isnan(v))
        return false;
    if (!(v >= f->lo && v <= f->hi))
        return true;
    if (f->kind == PROBE_BOOLEAN)
        return v != 0 && v != 1;
    if (f->kind == PROBE_CODE)
        return !in_list(f, v);
    if (c->n < 2)
        return false;
    min = c->sorted[0];
    max = c->sorted[c->n - 1];
    return v < min - (max - min) || v > max + (max - min);
}

/* ---- one value
 * ------------------------------------------------------------------------------------------
 */
struct hand { /* at work on one row */
    const struct probe_mutator *m;
    const struct probe_mutation *how;
    size_t row;
    double *x;
    uint8_t *flag;
};

static void stream(const struct hand *h, size_t column, uint64_t key, struct stat_rng *r)
{
    stat_rng_init(r, h->how->seed, (uint64_t)h->how->op << 32 | column, key);
}

/* Mid-rank of v in its column, 0 to 1. */
static double rank_of(const struct probe_column *c, double v)
{
    size_t lo = 0, hi = c->n, below;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c->sorted[mid] < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    below = lo;
    for (hi = c->n; lo < hi;) {
        size_t mid = (lo + hi) / 2;
        if (c->sorted[mid] <= v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return c->n ? (double)(below + lo) / 2 / (double)c->n : 0.5;
}

/* A device never shows what is off its scale: M4 stays among the values there can be. */
static double sense(const struct hand *h, size_t j, double v, struct stat_rng *r)
{
    const struct probe_input *f = &h->m->rows.in[j];
    double unit = h->how->strength * probe_unit(f, v);
    struct stat_rng whole;
    if (h->how->op == PROBE_SATURATION)
        return fmin(fmax(v, h->m->column[j].low), h->m->column[j].high);
    if (h->how->op == PROBE_NOISE)
        return probe_project(f, v + unit * stat_rng_normal(r));
    stream(h, j, 0, &whole); /* one device, one direction, all rows */
    return probe_project(f, stat_rng_below(&whole, 2) ? v + unit : v - unit);
}

static double stale(const struct hand *h, size_t j, struct stat_rng *r)
{
    const struct probe_rows *rows = &h->m->rows;
    size_t other = h->m->same[h->row];
    if (other != h->row) {
        *h->flag |= PROBE_ROW_SAME_PATIENT;
    } else {
        size_t k = (size_t)stat_rng_below(r, rows->n);
        other = h->m->by_key[k];
        if (other == h->row)
            other = h->m->by_key[(k + 1) % rows->n];
    }
    return rows->x[other * rows->features + j];
}

static double mistake(const struct hand *h, size_t j, double v, struct stat_rng *r)
{
    const struct probe_input *f = &h->m->rows.in[j];
    switch (h->how->op) {
    case PROBE_MISSING:
    case PROBE_MISSING_HIGH:
        return NAN;
    case PROBE_UNIT:
        return probe_unit_error(f, v, r);
    case PROBE_NOISE:
    case PROBE_DRIFT:
    case PROBE_SATURATION:
        return sense(h, j, v, r);
    case PROBE_STALE:
        return stale(h, j, r);
    case PROBE_RECODE:
    case PROBE_RECODE_SHIFT:
        return probe_recode(h->how->op, f, v, r);
    default:
        return probe_transcribe(h->how->op, f, v, r);
    }
}

/* What a value that is new makes of the row. */
static void judge(const struct hand *h, size_t j, double was)
{
    double v = h->x[j];
    if (v == was || (isnan(v) && isnan(was)))
        return;
    *h->flag |= PROBE_ROW_CHANGED;
    if (probe_refuses(&h->m->rows.in[j], v))
        *h->flag |= PROBE_ROW_REFUSED;
    if (probe_impossible(h->m, j, v))
        *h->flag |= PROBE_ROW_IMPOSSIBLE;
}

static void put(const struct hand *h, size_t j, double v)
{
    double was = h->x[j];
    h->x[j] = v;
    judge(h, j, was);
}

/* ---- one row
 * -----------------------------------------------------------------------------------------
 */
static bool eligible(const struct hand *h, size_t j)
{
    return touches(h->how->op, &h->m->rows.in[j]) &&
           (!isnan(h->x[j]) || h->how->op == PROBE_STALE);
}

static void some_values(const struct hand *h)
{
    const struct probe_rows *rows = &h->m->rows;
    for (size_t j = 0; j < rows->features; j++) {
        double rate = h->how->rate, u;
        struct stat_rng r;
        if (!eligible(h, j))
            continue;
        if (h->how->op == PROBE_MISSING_HIGH) /* the higher, the likelier: mean is rate */
            rate *= 2 * rank_of(&h->m->column[j], h->x[j]);
        stream(h, j, rows->key[h->row], &r);
        u = stat_rng_double(&r);
        if (u < rate)
            put(h, j, mistake(h, j, h->x[j], &r));
    }
}

static void one_value(const struct hand *h)
{
    const struct probe_rows *rows = &h->m->rows;
    struct stat_rng r;
    size_t n = 0, k;
    for (size_t j = 0; j < rows->features; j++)
        n += eligible(h, j);
    if (!n)
        return;
    stream(h, rows->features, rows->key[h->row], &r);
    k = (size_t)stat_rng_below(&r, n);
    for (size_t j = 0; j < rows->features; j++)
        if (eligible(h, j) && k-- == 0) {
            put(h, j, mistake(h, j, h->x[j], &r));
            return;
        }
}

static void swap_columns(const struct hand *h, struct stat_rng *r)
{
    size_t a, b;
    double va;
    if (!h->m->n_able)
        return;
    a = h->m->able[stat_rng_below(r, h->m->n_able)];
    b = h->m->column[a].mate;
    va = h->x[a];
    put(h, a, h->x[b]);
    put(h, b, va);
}

/* Neighbours by key are exchanged both ways, unless they are one patient: pairs are the
 * same for every rate, and the pair draws as one. */
static void whole_row(const struct hand *h)
{
    const struct probe_mutator *m = h->m;
    const struct probe_rows *rows = &m->rows;
    size_t at = m->place[h->row], other = at ^ 1;
    struct stat_rng r;
    size_t first = m->by_key[at & ~(size_t)1], with;
    if (h->how->op == PROBE_SWAP_COLUMNS) {
        stream(h, 0, rows->key[h->row], &r);
        if (!h->how->one && stat_rng_double(&r) >= h->how->rate)
            return;
        swap_columns(h, &r);
        return;
    }
    if (other >= rows->n)
        return;
    with = m->by_key[other];
    stream(h, 0, rows->key[first], &r);
    if ((!h->how->one && stat_rng_double(&r) >= h->how->rate) ||
        (rows->patient && rows->patient[with] == rows->patient[h->row]))
        return;
    for (size_t j = 0; j < rows->features; j++)
        put(h, j, rows->x[with * rows->features + j]);
}

/* What the mistake has for consequences, and the row judged anew. */
static void follow(const struct hand *h)
{
    const struct probe_rows *rows = &h->m->rows;
    const double *was = rows->x + h->row * rows->features;
    uint64_t test = (uint64_t)h->how->op << 32 | (rows->features + 1);
    if (!(*h->flag & PROBE_ROW_CHANGED))
        return;
    probe_repair(rows->rules, was, h->how->seed, test, rows->key[h->row], h->x);
    *h->flag &= PROBE_ROW_SAME_PATIENT;
    for (size_t j = 0; j < rows->features; j++)
        judge(h, j, was[j]);
}

void probe_mutate(const struct probe_mutator *m, const struct probe_mutation *how,
                  size_t from, size_t to, double *x, uint8_t *flag)
{
    size_t f = m->rows.features;
    if (to > from)
        memcpy(x, m->rows.x + from * f, (to - from) * f * sizeof *x);
    for (size_t i = from; i < to; i++) {
        struct hand h = {m, how, i, x + (i - from) * f, &flag[i - from]};
        *h.flag = 0;
        if (how->op == PROBE_LABEL)
            continue;
        if (operators[how->op].of == ROWS)
            whole_row(&h);
        else if (how->one)
            one_value(&h);
        else
            some_values(&h);
        if (m->rows.rules)
            follow(&h);
    }
}

void probe_mutate_labels(const struct probe_mutator *m, const struct probe_mutation *how,
                         const uint8_t *y, uint8_t *out)
{
    for (size_t i = 0; i < m->rows.n; i++) {
        struct hand h = {.m = m, .how = how, .row = i};
        struct stat_rng r;
        stream(&h, 0, m->rows.key[i], &r);
        out[i] = stat_rng_double(&r) < how->rate ? !y[i] : y[i];
    }
}
