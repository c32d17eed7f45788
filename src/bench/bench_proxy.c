/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_proxy.h"

#include "bench/bench_mutant.h"
#include "probe/probe_explain.h"
#include "stat/stat_boot.h"

enum { PROXY_ROWS = 20000, PROXY_CLASS = 30, PROXY_VALUES = 50 };

struct proxy {
    const struct bench_run *r;
    const struct probe_input *in;
    size_t f, n;
    uint32_t *row; /* used rows looked at */
    double *column, *score;
    uint16_t *value; /* of the attribute, per row; BENCH_NO_GROUP: not known */
    uint8_t *y;
    uint32_t *order;
};

static double cell(const struct proxy *p, size_t i, size_t j)
{
    return p->r->x[p->r->of[p->row[i]] * p->f + j];
}

/* ---- how well a column tells a class
 * -------------------------------------------------- */
static int auc_of(const double *s, const uint8_t *y, size_t n, double *best)
{
    struct stat_auc a;
    int err = stat_auc(s, y, n, &a);
    if (err || a.n_pos < PROXY_CLASS || a.n_neg < PROXY_CLASS)
        return err;
    *best = fmax(isnan(*best) ? 0 : *best, fmax(a.auc, 1 - a.auc));
    return AM_OK;
}

/* Codes have no order: each value gets the share of the class among those who have it. */
static int share_of_code(struct proxy *p, const uint8_t *y, size_t n)
{
    int err = stat_order(p->column, n, p->order);
    for (size_t i = 0; i < n && !err;) {
        size_t from = i, m = 0;
        double v = p->column[p->order[i]];
        for (; i < n && p->column[p->order[i]] == v; i++)
            m += y[p->order[i]];
        if (i == from) { /* missing: they come last */
            for (; i < n; i++)
                p->score[p->order[i]] = NAN;
            break;
        }
        for (size_t k = from; k < i; k++)
            p->score[p->order[k]] = (double)m / (double)(i - from);
    }
    return err;
}

/* Rows of one value of the attribute (1) against the others (0). */
static int tells(struct proxy *p, size_t j, const uint8_t *y, size_t n, double *best)
{
    int err = AM_OK;
    if (p->in[j].kind == PROBE_CODE)
        err = share_of_code(p, y, n);
    else
        memcpy(p->score, p->column, n * sizeof *p->score);
    if (!err)
        err = auc_of(p->score, y, n, best);
    for (size_t i = 0; i < n; i++)
        p->score[i] = isnan(p->column[i]);
    return err ? err : auc_of(p->score, y, n, best);
}

static int tell_values(struct proxy *p, size_t values, size_t j, double *best)
{
    int err = AM_OK;
    *best = NAN;
    /* of two values one says it all */
    for (size_t v = values == 2; v < values && !err; v++) {
        size_t n = 0;
        for (size_t i = 0; i < p->n; i++) {
            if (p->value[i] == BENCH_NO_GROUP)
                continue;
            p->column[n] = cell(p, i, j);
            p->y[n++] = p->value[i] == v;
        }
        err = tells(p, j, p->y, n, best);
    }
    return err;
}

/* ---- attributes
 * ----------------------------------------------------------------------- */
static int add(struct proxy *p, struct bench_proxies *out, const char *name, size_t n,
               size_t values)
{
    struct bench_carried c = {.auc = am_malloc((p->f + 1) * sizeof *c.auc)};
    int err = c.auc ? AM_OK : AM_E_NOMEM;
    snprintf(c.name, sizeof c.name, "%.*s", (int)AM_MIN(n, sizeof c.name - 1), name);
    c.declared = bench_predictor_declared(p->r, c.name);
    for (size_t j = 0; j < p->f && !err; j++)
        err = tell_values(p, values, j, &c.auc[j]);
    if (!err)
        err = vec_push(&out->attribute, c);
    if (err)
        free(c.auc);
    return err;
}

static int add_groups(struct proxy *p, struct bench_proxies *out)
{
    int err = AM_OK;
    for (size_t a = 0; a < p->r->attribute.n && !err; a++) {
        const struct bench_attribute *at = &p->r->attribute.v[a];
        if (at->context || at->value.n < 2 || at->value.n > PROXY_VALUES)
            continue;
        for (size_t i = 0; i < p->n; i++)
            p->value[i] = at->id[p->r->of[p->row[i]]];
        err = add(p, out, at->name, strlen(at->name), at->value.n);
    }
    return err;
}

/* Few values: each is a group. Numbers: the upper half against the lower. */
static size_t split_input(struct proxy *p, size_t j, size_t n)
{
    double v[PROXY_VALUES], low = p->column[0], middle = p->column[n / 2];
    size_t values = 0;
    for (size_t i = 0; i < n && values <= PROXY_VALUES; i++)
        if (!i || p->column[i] != p->column[i - 1]) {
            if (values < PROXY_VALUES)
                v[values] = p->column[i];
            values++;
        }
    if (p->in[j].kind == PROBE_NUMBER || p->in[j].kind == PROBE_INTEGER ||
        values > PROXY_VALUES) {
        for (size_t i = 0; i < p->n; i++) {
            double c = cell(p, i, j);
            p->value[i] = isnan(c) ? BENCH_NO_GROUP : c >= middle && c > low;
        }
        return AM_MIN(values, (size_t)2);
    }
    for (size_t i = 0; i < p->n; i++) {
        p->value[i] = BENCH_NO_GROUP;
        for (size_t k = 0; k < values; k++)
            if (cell(p, i, j) == v[k])
                p->value[i] = (uint16_t)k;
    }
    return values;
}

static int add_input(struct proxy *p, struct bench_proxies *out, size_t j)
{
    size_t n = 0, values;
    int err;
    for (size_t i = 0; i < p->n; i++)
        if (!isnan(cell(p, i, j)))
            p->column[n++] = cell(p, i, j);
    err = n ? stat_sort(p->column, n) : AM_OK;
    if (err || !n)
        return err;
    values = split_input(p, j, n);
    return values < 2 ? AM_OK : add(p, out, p->in[j].name.p, p->in[j].name.n, values);
}

/* ---- carriers
 * ------------------------------------------------------------------------- */
static void conclude(const struct proxy *p, struct bench_proxies *out)
{
    for (size_t j = 0; j < p->f; j++) {
        bool other = false, justified = false, own;
        out->protected_input[j] = p->in[j].protected_attr;
        for (size_t a = 0; a < out->attribute.n; a++) {
            const struct bench_carried *c = &out->attribute.v[a];
            own = p->in[j].protected_attr && str_eqc(p->in[j].name, c->name);
            if (!(c->auc[j] >= BENCH_PROXY_AUC) || (own && !c->declared))
                continue;
            justified |= c->declared;
            other |= !c->declared;
        }
        out->carrier[j] = p->in[j].protected_attr || justified || other;
        out->declared[j] = justified && !other;
    }
}

static int proxy_init(struct proxy *p, const struct bench_run *r,
                      const struct probe_input *in)
{
    size_t f = r->feature.n, most = AM_MIN(r->used, (size_t)PROXY_ROWS) + 1;
    uint64_t *key = NULL;
    int err;
    *p = (struct proxy){.r = r,
                        .in = in,
                        .f = f,
                        .row = am_malloc(most * sizeof *p->row),
                        .column = am_malloc(most * sizeof *p->column),
                        .score = am_malloc(most * sizeof *p->score),
                        .value = am_malloc(most * sizeof *p->value),
                        .y = am_malloc(most),
                        .order = am_malloc(most * sizeof *p->order)};
    if (!p->row || !p->column || !p->score || !p->value || !p->y || !p->order)
        return AM_E_NOMEM;
    err = bench_row_keys(r, &key);
    if (!err)
        err = probe_background(key, NULL, r->used, PROXY_ROWS, r->seed, p->row, &p->n);
    free(key);
    return err;
}

int bench_proxies(const struct bench_run *r, const struct probe_input *in,
                  struct bench_proxies *out)
{
    struct proxy p;
    size_t f = r->feature.n;
    int err;
    *out = (struct bench_proxies){.protected_input = am_calloc(f + 1, sizeof(bool)),
                                  .carrier = am_calloc(f + 1, sizeof(bool)),
                                  .declared = am_calloc(f + 1, sizeof(bool))};
    err = proxy_init(&p, r, in);
    if (!out->protected_input || !out->carrier || !out->declared)
        err = AM_E_NOMEM;
    if (!err)
        err = add_groups(&p, out);
    for (size_t j = 0; j < f && !err; j++)
        if (in[j].protected_attr)
            err = add_input(&p, out, j);
    if (!err)
        conclude(&p, out);
    free(p.row);
    free(p.column);
    free(p.score);
    free(p.value);
    free(p.y);
    free(p.order);
    if (err)
        bench_proxies_release(out);
    return err;
}

void bench_proxies_release(struct bench_proxies *p)
{
    for (size_t i = 0; i < p->attribute.n; i++)
        free(p->attribute.v[i].auc);
    vec_release(&p->attribute);
    free(p->protected_input);
    free(p->carrier);
    free(p->declared);
    *p = (struct bench_proxies){0};
}
