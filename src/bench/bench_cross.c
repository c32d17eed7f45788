/* SPDX-License-Identifier: Apache-2.0 */
/* bench_cross -- row EQ-7: crossings of attributes, whose small cells are drawn towards
 * the whole before anything is said of them. */
#include "bench/bench_priv.h"
#include "stat/stat_shrink.h"

enum { CELLS_TOLD = 50, CELL_ROWS = 20 };
#define FDR_Q 0.05

struct crossing {
    struct bench_run *r;
    const uint32_t *level[BENCH_ATTRIBUTES_MAX];
    uint32_t levels[BENCH_ATTRIBUTES_MAX];
    size_t of[BENCH_ATTRIBUTES_MAX]; /* attribute of the run */
    size_t attributes;
    struct stat_cross c;
};

/* The used rows' levels, attribute after attribute; those with one value cross nothing.
 */
static int levels_of(struct crossing *x, uint32_t **memory)
{
    struct bench_run *r = x->r;
    uint32_t *at = am_malloc((r->used * r->attribute.n + 1) * sizeof *at);
    *memory = at;
    if (!at)
        return AM_E_NOMEM;
    for (size_t a = 0; a < r->attribute.n; a++) {
        const struct bench_attribute *from = &r->attribute.v[a];
        if (from->value.n < 2 || from->context)
            continue;
        for (size_t i = 0; i < r->used; i++) {
            uint16_t id = from->id[r->of[i]];
            at[i] = id == BENCH_NO_GROUP ? STAT_LEVEL_MISSING : id;
        }
        x->of[x->attributes] = a;
        x->levels[x->attributes] = (uint32_t)from->value.n;
        x->level[x->attributes++] = at;
        at += r->used;
    }
    return AM_OK;
}

/* "sex=F;age_band=[60,70)": two parts or more, which no limit reads as a group. */
static void cell_name(const struct crossing *x, const struct stat_cell *c,
                      char out[BENCH_PATH])
{
    size_t n = 0;
    for (size_t k = 0; k < c->depth && n < BENCH_PATH; k++) {
        const struct bench_attribute *a = &x->r->attribute.v[x->of[c->attribute[k]]];
        int more = snprintf(out + n, BENCH_PATH - n, "%s%s=%s", k ? ";" : "", a->name,
                            a->value.v[c->level[k]]);
        n += more > 0 ? (size_t)more : 0;
    }
}

/* Which way a cell is worse: it finds fewer, alarms falsely more, is right less often. */
static const struct {
    const char *cell, *worse, *differ;
    int bad;
} rates[STAT_CROSS_RATES] = {
    [STAT_CROSS_TPR] = {"sensitivity_shrunk", "cells_below_overall_margin_0_05",
                        "cells_that_differ", -1},
    [STAT_CROSS_FPR] = {"fpr_shrunk", "fpr_cells_above_overall_margin_0_05",
                        "fpr_cells_that_differ", 1},
    [STAT_CROSS_PPV] = {"ppv_shrunk", "ppv_cells_below_overall_margin_0_05",
                        "ppv_cells_that_differ", -1},
};

static int tell_cell(struct crossing *x, const struct stat_cell *c, size_t k)
{
    const struct stat_cell_rate *t = &c->rate[k];
    char name[BENCH_PATH];
    cell_name(x, c, name);
    return bench_emit(x->r, "EQ-7", rates[k].cell, name, t->shrunk.mean,
                      (const double[2]){t->shrunk.ci.lo, t->shrunk.ci.hi},
                      "empirical-bayes", c->n, c->n_pos);
}

/* Crossings of the largest depth: what share of their rows lies in cells that are large
 * enough (the mean over crossings). */
static double covered(const struct crossing *x, size_t depth)
{
    int64_t in = 0, all = 0;
    double crossings = 1;
    for (size_t k = 0; k < depth; k++)
        crossings = crossings * (double)(x->attributes - k) / (double)(k + 1);
    for (size_t i = 0; i < x->c.n; i++)
        if (x->c.cell[i].depth == depth && x->c.cell[i].n >= CELL_ROWS)
            in += x->c.cell[i].n;
    all = x->c.rows;
    return all ? (double)in / ((double)all * crossings) : NAN;
}

static int tell_rate(struct crossing *x, size_t k)
{
    size_t worse = 0, found = 0, told = 0;
    int err = AM_OK;
    for (size_t i = 0; i < x->c.n && !err; i++) {
        const struct stat_cell *c = &x->c.cell[i];
        const struct stat_cell_rate *t = &c->rate[k];
        if (c->depth < 2)
            continue; /* one attribute: EQ-3 */
        worse += t->alarm == rates[k].bad;
        found += c->shown && t->bh <= FDR_Q;
        if (c->shown && (t->alarm || t->bh <= FDR_Q) && told++ < CELLS_TOLD)
            err = tell_cell(x, c, k);
    }
    if (!err)
        err = bench_fact(x->r, "EQ-7", rates[k].worse, (double)worse, "empirical-bayes");
    return err ? err
               : bench_fact(x->r, "EQ-7", rates[k].differ, (double)found,
                            "benjamini-hochberg");
}

static int tell(struct crossing *x)
{
    size_t depth = AM_MIN(x->attributes, (size_t)STAT_CROSS_DEPTH);
    int err = AM_OK;
    for (size_t k = 0; k < STAT_CROSS_RATES && !err; k++)
        err = tell_rate(x, k);
    if (!err)
        err = bench_fact(x->r, "EQ-7", "rows_in_cells_n20_share", covered(x, depth),
                         "count");
    return err ? err : bench_fact(x->r, "EQ-7", "fdr_q", FDR_Q, "benjamini-hochberg");
}

int bench_crossings(struct bench_run *r)
{
    struct crossing x = {.r = r};
    uint32_t *memory = NULL;
    int err = levels_of(&x, &memory);
    if (!err && x.attributes < 2)
        err = bench_fact(r, "EQ-7", "cells_below_overall_margin_0_05", NAN,
                         "too_few_attributes");
    else if (!err)
        err = stat_cross(r->s, r->y, r->used, r->threshold, x.level, x.levels,
                         x.attributes, &stat_cross_defaults, &x.c);
    if (err == AM_E_TOOBIG) /* more cells than anybody reads: said, not an end */
        err = bench_fact(r, "EQ-7", "cells_below_overall_margin_0_05", NAN,
                         "too_many_cells");
    else if (!err && x.attributes >= 2)
        err = tell(&x);
    stat_cross_release(&x.c);
    free(memory);
    return err;
}
