/* SPDX-License-Identifier: Apache-2.0 */
/* Crossings of attributes: every cell is a run of row numbers, split by one more
 * attribute with a counting sort; deeper splits use deeper buffers, so nothing is sorted
 * twice. */
#include <math.h>

#include "base/vec.h"
#include "stat/stat_multi.h"
#include "stat/stat_shrink.h"

const struct stat_cross_rule stat_cross_defaults = {
    .depth = STAT_CROSS_DEPTH,
    .support = 1,
    .shown_n = 20,
    .shown_pos = 5,
    .margin = 0.05,
    .most = 100000,
};

struct search {
    const uint8_t *code; /* 2 y + predicted */
    const uint32_t *const *attribute;
    const uint32_t *levels;
    size_t attributes;
    const struct stat_cross_rule *rule;
    uint32_t *rows[STAT_CROSS_DEPTH + 1]; /* rows[d]: the order at depth d */
    size_t *from[STAT_CROSS_DEPTH];
    VEC(struct stat_cell) cell;
    int64_t rejected;
};

static int push(struct search *w, const struct stat_cell *c)
{
    return w->cell.n >= w->rule->most ? AM_E_TOOBIG : vec_push(&w->cell, *c);
}

static void count_cell(const struct search *w, const uint32_t *rows, size_t n,
                       struct stat_cell *c)
{
    int64_t count[4] = {0};
    for (size_t i = 0; i < n; i++)
        count[w->code[rows[i]]]++;
    c->at = (struct stat_confusion){
        .tn = count[0], .fp = count[1], .fn = count[2], .tp = count[3]};
    c->n = (int64_t)n;
    c->n_pos = count[2] + count[3];
    c->shown = c->n >= w->rule->shown_n && c->n_pos >= w->rule->shown_pos;
}

/* Rows by level of attribute a into the buffer of depth d+1; from[d][l] is where level l
 * begins, from[d][levels] the end. */
static void split(struct search *w, size_t d, const uint32_t *rows, size_t n, size_t a)
{
    const uint32_t *level = w->attribute[a];
    size_t *from = w->from[d], levels = w->levels[a];
    memset(from, 0, (levels + 2) * sizeof *from);
    for (size_t i = 0; i < n; i++)
        if (level[rows[i]] != STAT_LEVEL_MISSING)
            from[level[rows[i]] + 2]++;
    for (size_t l = 2; l < levels + 2; l++)
        from[l] += from[l - 1];
    for (size_t i = 0; i < n; i++)
        if (level[rows[i]] != STAT_LEVEL_MISSING)
            w->rows[d + 1][from[level[rows[i]] + 1]++] = rows[i];
}

/* Every cell that adds attributes from `first` on to the path. Depth is at most 3. */
static int grow(struct search *w, const struct stat_cell *path, const uint32_t *rows,
                size_t n, size_t first)
{
    size_t d = path->depth;
    for (size_t a = first; a < w->attributes; a++) {
        split(w, d, rows, n, a);
        for (size_t l = 0; l < w->levels[a]; l++) {
            const uint32_t *part = w->rows[d + 1] + w->from[d][l];
            size_t size = w->from[d][l + 1] - w->from[d][l];
            struct stat_cell c = *path;
            if ((int64_t)size < w->rule->support)
                continue;
            c.attribute[d] = (uint32_t)a;
            c.level[d] = (uint32_t)l;
            c.depth = d + 1;
            count_cell(w, part, size, &c);
            int err = push(w, &c);
            if (!err && c.depth < w->rule->depth)
                err = grow(w, &c, part, size, a + 1);
            if (err)
                return err;
        }
    }
    return AM_OK;
}

/* ---- rates of what was found ---- */

static void counts_of(const struct stat_confusion *c, enum stat_cross_rate r, int64_t *x,
                      int64_t *n)
{
    const int64_t counts[STAT_CROSS_RATES][2] = {
        [STAT_CROSS_TPR] = {c->tp, c->tp + c->fn},
        [STAT_CROSS_FPR] = {c->fp, c->fp + c->tn},
        [STAT_CROSS_PPV] = {c->tp, c->tp + c->fp},
    };
    *x = counts[r][0];
    *n = counts[r][1];
}

static void judge(struct stat_cell_rate *c, const struct stat_prior *prior, int64_t x,
                  int64_t n, double margin)
{
    double overall = stat_proportion(x, n), pooled = overall * (1 - overall);
    double rest = (double)(n - c->n);
    c->value = stat_proportion(c->x, c->n);
    c->shrunk =
        c->n > 0 ? stat_shrink(prior, c->x, c->n) : (struct stat_shrunk){NAN, {NAN, NAN}};
    c->alarm = c->shrunk.ci.hi < overall - margin   ? -1
               : c->shrunk.ci.lo > overall + margin ? 1
                                                    : 0;
    double var = pooled * (1 / (double)c->n + 1 / rest);
    double diff = c->value - (double)(x - c->x) / rest;
    c->p = c->n > 0 && rest > 0 && var > 0 ? stat_normal_p2(diff / sqrt(var)) : NAN;
}

static int screen(struct stat_cross *f, enum stat_cross_rate r, double *p)
{
    for (size_t i = 0; i < f->n; i++)
        p[i] = f->cell[i].shown ? f->cell[i].rate[r].p : NAN;
    int err = stat_bh(p, f->n, p);
    for (size_t i = 0; i < f->n && !err; i++)
        f->cell[i].rate[r].bh = p[i];
    return err;
}

static int rate_cells(struct stat_cross *f, const struct stat_confusion *all,
                      const struct stat_cross_rule *rule)
{
    int64_t *x = am_malloc((2 * f->n + 1) * sizeof *x), *n = x + f->n;
    double *p = am_malloc((f->n + 1) * sizeof *p);
    int err = x && p ? AM_OK : AM_E_NOMEM;
    for (unsigned r = 0; r < STAT_CROSS_RATES && !err; r++) {
        int64_t all_x, all_n;
        counts_of(all, r, &all_x, &all_n);
        f->overall[r] = stat_proportion(all_x, all_n);
        for (size_t d = 1; d <= STAT_CROSS_DEPTH; d++) {
            size_t k = 0;
            for (size_t i = 0; i < f->n; i++)
                if (f->cell[i].depth == d) {
                    counts_of(&f->cell[i].at, r, &x[k], &n[k]);
                    k++;
                }
            stat_prior_fit(x, n, k, &f->prior[d - 1][r]);
        }
        for (size_t i = 0; i < f->n; i++) {
            struct stat_cell *c = &f->cell[i];
            counts_of(&c->at, r, &c->rate[r].x, &c->rate[r].n);
            judge(&c->rate[r], &f->prior[c->depth - 1][r], all_x, all_n, rule->margin);
        }
        err = screen(f, r, p);
    }
    free(p);
    free(x);
    return err;
}

/* ---- the whole ---- */

static int check(const uint8_t *y, size_t n, double t, const uint32_t *const *attribute,
                 const uint32_t *levels, size_t attributes,
                 const struct stat_cross_rule *rule)
{
    if (n > STAT_ROWS_MAX || attributes > STAT_ATTRIBUTES_MAX)
        return AM_E_TOOBIG;
    if (isnan(t) || rule->depth < 1 || rule->depth > STAT_CROSS_DEPTH ||
        rule->support < 1 || !(rule->margin >= 0))
        return AM_E_INVALID;
    for (size_t i = 0; i < n; i++)
        if (y[i] > 1)
            return AM_E_INVALID;
    for (size_t a = 0; a < attributes; a++) {
        if (levels[a] > STAT_LEVELS_CROSSED_MAX)
            return AM_E_TOOBIG;
        for (size_t i = 0; i < n; i++)
            if (attribute[a][i] >= levels[a] && attribute[a][i] != STAT_LEVEL_MISSING)
                return AM_E_INVALID;
    }
    return AM_OK;
}

static int search_init(struct search *w, size_t n, uint8_t **code)
{
    size_t most = 0;
    for (size_t a = 0; a < w->attributes; a++)
        most = AM_MAX(most, w->levels[a]);
    *code = am_malloc(n + 1);
    w->code = *code;
    bool all = *code != NULL;
    for (size_t d = 0; d <= w->rule->depth; d++) {
        w->rows[d] = am_malloc((n + 1) * sizeof *w->rows[d]);
        all = all && w->rows[d];
    }
    for (size_t d = 0; d < w->rule->depth; d++) {
        w->from[d] = am_malloc((most + 2) * sizeof *w->from[d]);
        all = all && w->from[d];
    }
    return all ? AM_OK : AM_E_NOMEM;
}

static void search_release(struct search *w, uint8_t *code)
{
    for (size_t d = 0; d <= STAT_CROSS_DEPTH; d++)
        free(w->rows[d]);
    for (size_t d = 0; d < STAT_CROSS_DEPTH; d++)
        free(w->from[d]);
    free(code);
}

int stat_cross(const double *s, const uint8_t *y, size_t n, double t,
               const uint32_t *const *attribute, const uint32_t *levels,
               size_t attributes, const struct stat_cross_rule *rule,
               struct stat_cross *out)
{
    int err = check(y, n, t, attribute, levels, attributes, rule);
    if (err)
        return err;
    struct search w = {
        .attribute = attribute, .levels = levels, .attributes = attributes, .rule = rule};
    struct stat_cell all = {0};
    uint8_t *code;
    size_t rows = 0;
    err = search_init(&w, n, &code);
    for (size_t i = 0; i < n && !err; i++) {
        if (isnan(s[i])) {
            w.rejected++;
            continue;
        }
        code[i] = (uint8_t)(2 * y[i] + (s[i] >= t));
        w.rows[0][rows++] = (uint32_t)i;
    }
    if (!err)
        count_cell(&w, w.rows[0], rows, &all);
    if (!err)
        err = grow(&w, &(struct stat_cell){0}, w.rows[0], rows, 0);
    struct stat_cross found = {
        .cell = w.cell.v, .n = w.cell.n, .rows = (int64_t)rows, .rejected = w.rejected};
    if (!err)
        err = rate_cells(&found, &all.at, rule);
    search_release(&w, code);
    if (err)
        free(found.cell);
    else
        *out = found;
    return err;
}

void stat_cross_release(struct stat_cross *c)
{
    free(c->cell);
    *c = (struct stat_cross){0};
}
