/* SPDX-License-Identifier: Apache-2.0 */
/* bench_train -- manifest.training: the rows the model was fitted on, as escrow hands
 * them over. Checked as a data set is; kept apart from the cases: no score, no output but
 * of the families that need it (CY-5, CY-7).
 *
 * A value outside the range of the record stays in: whoever plants values need not keep
 * to it. A row without a label, or with a value nobody can read, is counted and left out.
 */
#include "bench/bench_reference.h"

struct place {
    const struct bench_train *t;
    uint32_t row;
};

static int by_values(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    const struct bench_train *t = p->t;
    for (size_t j = 0; j < t->features; j++) {
        uint64_t u = stat_key(t->x[p->row * t->features + j]),
                 v = stat_key(t->x[q->row * t->features + j]);
        if (u != v)
            return u < v ? -1 : 1;
    }
    if (t->y[p->row] != t->y[q->row])
        return t->y[p->row] < t->y[q->row] ? -1 : 1;
    return (t->line[p->row] > t->line[q->row]) - (t->line[p->row] < t->line[q->row]);
}

int bench_train_sort(struct bench_train *t)
{
    struct bench_train to = {0};
    struct place *place = am_malloc((t->n + 1) * sizeof *place);
    to.x = am_malloc((t->n * t->features + 1) * sizeof *to.x);
    to.y = am_malloc(t->n + 1);
    to.line = am_malloc((t->n + 1) * sizeof *to.line);
    if (!place || !to.x || !to.y || !to.line) {
        free(place);
        free(to.x);
        free(to.y);
        free(to.line);
        return AM_E_NOMEM;
    }
    for (size_t i = 0; i < t->n; i++)
        place[i] = (struct place){t, (uint32_t)i};
    if (t->n)
        qsort(place, t->n, sizeof *place, by_values);
    for (size_t i = 0; i < t->n; i++) {
        memcpy(to.x + i * t->features, t->x + place[i].row * t->features,
               t->features * sizeof *to.x);
        to.y[i] = t->y[place[i].row];
        to.line[i] = t->line[place[i].row];
    }
    free(place);
    free(t->x);
    free(t->y);
    free(t->line);
    t->x = to.x;
    t->y = to.y;
    t->line = to.line;
    return AM_OK;
}

static bool usable(uint8_t why)
{
    return why == BENCH_USED || why == BENCH_OUT_OF_RANGE || why == BENCH_NOT_INTEGER ||
           why == BENCH_INPUT_MISSING;
}

/* Rows that can be used move to the front. */
static int pack(struct bench_train *t, const struct bench_case *c)
{
    t->y = am_malloc(t->set.rows + 1);
    t->line = am_malloc((t->set.rows + 1) * sizeof *t->line);
    if (!t->y || !t->line)
        return AM_E_NOMEM;
    for (size_t i = 0; i < t->set.rows; i++) {
        if (!usable(c[i].why)) {
            t->left_out++;
            continue;
        }
        memmove(t->x + t->n * t->features, t->x + i * t->features,
                t->features * sizeof *t->x);
        t->y[t->n] = c[i].y;
        t->line[t->n++] = (uint32_t)(t->set.source.line ? t->set.source.line[i]
                                                        : csv_line(t->set.csv, i));
        t->positives += c[i].y;
        t->outside += c[i].why == BENCH_OUT_OF_RANGE;
    }
    return bench_train_sort(t);
}

int bench_train(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    const struct json *doc = json_get(r->manifest, "training");
    struct bench_case *c = NULL;
    struct bench_train *t;
    int err;
    if (!doc)
        return AM_OK;
    t = r->train = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    t->features = r->feature.n;
    t->set = (struct bench_set){.doc = doc,
                                .index = BENCH_TRAINING,
                                .label = BENCH_NO_COLUMN,
                                .patient = BENCH_NO_COLUMN,
                                .said = BENCH_NO_COLUMN,
                                .known = BENCH_NO_COLUMN};
    bench_check_columns(r, &t->set, d);
    err = diag_result(d);
    if (!err)
        err = bench_read_table(r, in, &t->set, &c, &t->x, d);
    if (!err)
        err = pack(t, c);
    free(c);
    return err;
}

void bench_train_free(struct bench_train *t)
{
    if (!t)
        return;
    bench_source_release(&t->set.source);
    free(t->set.input);
    free(t->x);
    free(t->y);
    free(t->line);
    free(t);
}

int bench_train_draw(const struct bench_train *t, uint64_t seed, size_t most,
                     uint32_t **row, size_t *n)
{
    struct stat_rng r;
    uint32_t *v = am_malloc((t->n + 1) * sizeof *v);
    *row = NULL;
    *n = 0;
    if (!v)
        return AM_E_NOMEM;
    stat_rng_init(&r, seed, BENCH_DRAW_TRAIN, 0);
    /* selection sampling (D. Knuth, TAOCP 2, 3.4.2, algorithm S): in order, all alike */
    for (size_t i = 0, want = AM_MIN(most, t->n); i < t->n; i++)
        if (stat_rng_below(&r, t->n - i) < want - *n)
            v[(*n)++] = (uint32_t)i;
    *row = v;
    return AM_OK;
}
