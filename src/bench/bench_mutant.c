/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_mutant.h"
#include "bench/bench_rules.h"

/* ---- the rows
 * -----------------------------------------------------------------------------------------
 */
struct chosen {
    uint64_t key;
    uint32_t used;
};

static int by_key(const void *a, const void *b)
{
    const struct chosen *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->used > y->used) - (x->used < y->used);
}

static int by_place(const void *a, const void *b)
{
    const struct chosen *x = a, *y = b;
    return (x->used > y->used) - (x->used < y->used);
}

int bench_row_keys(const struct bench_run *r, uint64_t **out)
{
    size_t f = r->feature.n;
    double *x = am_malloc((r->used * f + 1) * sizeof *x);
    uint64_t *key = am_malloc((r->used + 1) * sizeof *key);
    int err = x && key ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < r->used && !err; i++)
        memcpy(x + i * f, r->x + r->of[i] * f, f * sizeof *x);
    if (!err)
        err = probe_row_keys(x, r->y, r->used, f, key);
    free(x);
    if (err) {
        free(key);
        return err;
    }
    *out = key;
    return AM_OK;
}

/* Keys of all used rows; those of the lowest keys stay, in the order of the run. */
static int choose(struct bench_run *r, struct chosen **out, size_t *n)
{
    uint64_t *key = NULL;
    struct chosen *c = am_malloc((r->used + 1) * sizeof *c);
    int err = c ? bench_row_keys(r, &key) : AM_E_NOMEM;
    for (size_t i = 0; i < r->used && !err; i++)
        c[i] = (struct chosen){key[i], (uint32_t)i};
    free(key);
    if (err) {
        free(c);
        return err;
    }
    *n = AM_MIN(r->used, (size_t)BENCH_MUTANT_ROWS);
    if (*n < r->used) {
        qsort(c, r->used, sizeof *c, by_key);
        qsort(c, *n, sizeof *c, by_place);
    }
    *out = c;
    return AM_OK;
}

static int take(struct bench_mutant *b)
{
    struct bench_run *r = b->r;
    struct chosen *c = NULL;
    size_t f = b->features, n;
    int err = choose(r, &c, &n);
    if (err)
        return err;
    b->n = n;
    b->x = am_malloc((n * f + 1) * sizeof *b->x);
    b->x2 = am_malloc((n * f + 1) * sizeof *b->x2);
    b->packed = am_malloc((n * f + 1) * sizeof *b->packed);
    b->s = am_malloc((n + 1) * sizeof *b->s);
    b->s2 = am_malloc((n + 1) * sizeof *b->s2);
    b->answer = am_malloc((n + 1) * sizeof *b->answer);
    b->y = am_malloc(n + 1);
    b->flag = am_malloc(n + 1);
    b->patient = am_malloc((n + 1) * sizeof *b->patient);
    b->key = am_malloc((n + 1) * sizeof *b->key);
    b->at = am_malloc((n + 1) * sizeof *b->at);
    b->by_key = am_malloc((n + 1) * sizeof *b->by_key);
    if (!b->by_key || !b->x || !b->x2 || !b->packed || !b->s || !b->s2 || !b->answer ||
        !b->y || !b->flag || !b->patient || !b->key || !b->at)
        err = AM_E_NOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        size_t of = r->of[c[i].used];
        memcpy(b->x + i * f, r->x + of * f, f * sizeof *b->x);
        b->s[i] = r->s[c[i].used];
        b->y[i] = r->y[c[i].used];
        b->patient[i] = r->cluster[of];
        b->key[i] = c[i].key;
    }
    for (size_t i = 0; i < n && !err; i++)
        c[i].used = (uint32_t)i;
    if (n && !err)
        qsort(c, n, sizeof *c, by_key);
    for (size_t i = 0; i < n && !err; i++)
        b->by_key[i] = c[i].used;
    free(c);
    return err;
}

int bench_mutant_open(struct bench_mutant *b, struct bench_run *r)
{
    int err;
    *b = (struct bench_mutant){.r = r, .features = r->feature.n};
    err = take(b);
    if (!err)
        err = bench_inputs(r, &b->in);
    b->rules = (struct probe_rules){.input = b->in, .n = b->features};
    bench_rules_of(r, &b->rules);
    if (!err) {
        const struct probe_rows rows = {.x = b->x,
                                        .n = b->n,
                                        .features = b->features,
                                        .in = b->in,
                                        .key = b->key,
                                        .patient = b->patient,
                                        .rules = r->rules ? &b->rules : NULL};
        err = probe_mutator_new(&b->m, &rows);
    }
    if (!err)
        err = bench_oracle_open(&b->oracle, r, -1);
    if (err)
        bench_mutant_close(b);
    return err;
}

void bench_mutant_close(struct bench_mutant *b)
{
    bench_oracle_close(&b->oracle);
    probe_mutator_free(b->m);
    bench_inputs_free(b->r, b->in);
    free(b->x);
    free(b->x2);
    free(b->packed);
    free(b->s);
    free(b->s2);
    free(b->answer);
    free(b->y);
    free(b->flag);
    free(b->patient);
    free(b->key);
    free(b->at);
    free(b->by_key);
    *b = (struct bench_mutant){0};
}

size_t bench_mutant_draw(const struct bench_mutant *b, size_t most, const uint8_t *marked,
                         uint32_t *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n && n < most; i++)
        if (!marked || marked[b->by_key[i]])
            rows[n++] = b->by_key[i];
    return n;
}

/* ---- asking
 * -------------------------------------------------------------------------------------------
 */
int bench_mutant_ask(struct bench_mutant *b, uint8_t with, uint8_t without)
{
    size_t f = b->features, n = 0, asked;
    int64_t nans = b->oracle.probe.nans, outside = b->oracle.probe.outside,
            crashes = b->oracle.crashes;
    int err = AM_OK;
    for (size_t i = 0; i < b->n; i++) {
        b->s2[i] = NAN;
        if ((b->flag[i] & with) != with || (b->flag[i] & without))
            continue;
        memcpy(b->packed + n * f, b->x2 + i * f, f * sizeof *b->packed);
        b->at[n++] = (uint32_t)i;
    }
    if (n)
        err = probe_ask(&b->oracle.probe, b->packed, n, b->answer, &asked);
    for (size_t k = 0; k < n && !err; k++)
        b->s2[b->at[k]] = b->answer[k];
    b->nans = b->oracle.probe.nans - nans;
    b->outside = b->oracle.probe.outside - outside;
    b->crashes = b->oracle.crashes - crashes;
    return err;
}

/* After the operator: what changed is asked, the rest keeps its score. */
static int ask_changed(struct bench_mutant *b)
{
    int err;
    b->changed = b->refused = 0;
    for (size_t i = 0; i < b->n; i++) {
        b->changed += (b->flag[i] & PROBE_ROW_CHANGED) != 0;
        b->refused += (b->flag[i] & PROBE_ROW_REFUSED) != 0;
    }
    err = bench_mutant_ask(b, PROBE_ROW_CHANGED, PROBE_ROW_REFUSED);
    for (size_t i = 0; i < b->n && !err; i++)
        if (!(b->flag[i] & PROBE_ROW_CHANGED))
            b->s2[i] = b->s[i];
    return err;
}

int bench_mutant_apply(struct bench_mutant *b, const struct probe_mutation *how)
{
    probe_mutate(b->m, how, 0, b->n, b->x2, b->flag);
    return ask_changed(b);
}

int bench_mutant_image(struct bench_mutant *b, const struct probe_image_change *how,
                       double rate)
{
    const struct raster_shape *s = &b->r->image;
    const struct probe_image im = {
        {s->channels, s->height, s->width}, b->r->feature.v[0].lo, b->r->feature.v[0].hi};
    size_t f = b->features;
    int err = AM_OK;
    for (size_t i = 0; i < b->n && !err; i++) {
        double *to = b->x2 + i * f;
        const double *from = b->x + i * f;
        bool struck = probe_image_struck(how, b->key[i], rate);
        if (struck)
            err = probe_image_apply(&im, how, b->key[i], from, to);
        else
            memcpy(to, from, f * sizeof *to);
        b->flag[i] = struck && memcmp(from, to, f * sizeof *to) ? PROBE_ROW_CHANGED : 0;
    }
    return err ? err : ask_changed(b);
}

/* ---- comparing
 * ----------------------------------------------------------------------------------------
 */
/* A. Agresti and Y. Min, Statist. Med. 24 (2005) 729: difference of two proportions of
 * the same m rows, b rows lost and c won, half a row added to each of four cells. */
static void paired_share(struct bench_fall *f, int64_t b, int64_t c)
{
    double m = (double)f->positives + 2, d = (double)(b - c), mid = d / m,
           half = STAT_Z95 * sqrt(fmax(0, (double)(b + c) + 1 - d * d / m)) / m;
    f->sensitivity = f->positives ? d / (double)f->positives : NAN;
    f->sensitivity_ci[0] = f->positives ? fmax(-1, mid - half) : NAN;
    f->sensitivity_ci[1] = f->positives ? fmin(1, mid + half) : NAN;
}

int bench_mutant_fall(const struct bench_mutant *b, struct bench_fall *out)
{
    double t = b->r->threshold;
    int64_t lost = 0, won = 0, moved = 0;
    int err;
    *out = (struct bench_fall){0};
    for (size_t i = 0; i < b->n; i++) {
        bool was = b->s[i] >= t, is = b->s2[i] >= t;
        if (isnan(b->s2[i]))
            continue;
        out->n++;
        out->positives += b->y[i];
        out->flips += was != is;
        lost += b->y[i] && was && !is;
        won += b->y[i] && !was && is;
        moved += b->s[i] != b->s2[i];
    }
    paired_share(out, lost, won);
    if (b->r->clustered)
        err = stat_auc_paired_clustered(b->s, b->s2, b->y, b->patient, b->n,
                                        b->r->clusters, &out->auc);
    else
        err = stat_auc_paired(b->s, b->s2, b->y, b->n, &out->auc);
    if (!err && !moved && !isnan(out->auc.diff))
        out->auc.ci = (struct stat_ci){0, 0};
    return err;
}

const char *bench_fall_method(const struct bench_mutant *b)
{
    return b->r->clustered ? "obuchowski-paired" : "delong-paired";
}

int bench_mutant_auc(const struct bench_mutant *b, struct stat_auc *auc,
                     struct stat_ci *gate, char method[32])
{
    enum stat_ci_method how;
    int err = b->r->clustered
                  ? stat_auc_clustered(b->s2, b->y, b->patient, b->n, b->r->clusters, auc)
                  : stat_auc(b->s2, b->y, b->n, auc);
    if (err)
        return err;
    *gate = stat_auc_gate(auc, &how);
    snprintf(method, 32, "%s%s", b->r->clustered ? "obuchowski:" : "",
             stat_ci_method_name(how));
    return AM_OK;
}
