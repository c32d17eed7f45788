/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat_score.h"

#include <math.h>

#include "stat/stat_priv.h"

/* ---- one walk down the distinct thresholds -------------------------------------------
 */
struct step {
    double threshold;
    int64_t tp, fp; /* at it */
    int64_t m, k;
};
typedef void walk_fn(void *cookie, const struct step *s);

static int walk(const double *s, const uint8_t *y, size_t n, walk_fn *fn, void *cookie)
{
    struct stat_auc a;
    struct stat_item *v;
    size_t used = 0;
    int err = stat_check_rows(s, y, n, &a);
    if (err)
        return err;
    v = am_malloc((2 * n + 1) * sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (!isnan(s[i]))
            v[used++] = (struct stat_item){stat_key(s[i]), (uint32_t)i, y[i]};
    stat_sort_items(v, v + n, used);
    struct step at = {.m = a.n_pos, .k = a.n_neg};
    for (size_t i = used; i > 0;) {
        uint64_t key = v[i - 1].key;
        at.threshold = s[v[i - 1].row];
        for (; i > 0 && v[i - 1].key == key; i--)
            v[i - 1].y ? at.tp++ : at.fp++;
        fn(cookie, &at);
    }
    free(v);
    return AM_OK;
}

struct precision {
    struct stat_sum sum;
    int64_t tp, m;
};

static void precision_step(void *cookie, const struct step *s)
{
    struct precision *p = cookie;
    p->m = s->m;
    if (s->tp > p->tp)
        stat_add(&p->sum,
                 (double)(s->tp - p->tp) * (double)s->tp / (double)(s->tp + s->fp));
    p->tp = s->tp;
}

int stat_average_precision(const double *s, const uint8_t *y, size_t n, double *out)
{
    struct precision p = {{0}, 0, 0};
    int err = walk(s, y, n, precision_step, &p);
    if (!err)
        *out = p.m ? stat_total(&p.sum) / (double)p.m : NAN;
    return err;
}

struct partial {
    struct stat_sum sum;
    double limit, x, y;
    bool absent;
};

static void partial_step(void *cookie, const struct step *s)
{
    struct partial *p = cookie;
    double x = (double)s->fp / (double)s->k, y = (double)s->tp / (double)s->m;
    p->absent = s->m == 0 || s->k == 0;
    if (p->absent || p->x >= p->limit)
        return;
    if (x > p->limit) { /* the chord, cut */
        y = p->y + (y - p->y) * (p->limit - p->x) / (x - p->x);
        x = p->limit;
    }
    stat_add(&p->sum, (x - p->x) * (y + p->y) / 2);
    p->x = x;
    p->y = y;
}

int stat_partial_auc(const double *s, const uint8_t *y, size_t n, double fpr, double *out)
{
    struct partial p = {.limit = fpr, .absent = true};
    int err;
    if (!(fpr > 0 && fpr <= 1))
        return AM_E_INVALID;
    err = walk(s, y, n, partial_step, &p);
    if (!err)
        *out = p.absent ? NAN : stat_total(&p.sum) / fpr;
    return err;
}

static void youden_step(void *cookie, const struct step *s)
{
    struct stat_youden *best = cookie;
    double j = (double)s->tp / (double)s->m - (double)s->fp / (double)s->k;
    if (s->m && s->k && !(j <= best->j)) /* the first one meets NaN */
        *best = (struct stat_youden){s->threshold, j};
}

int stat_youden_best(const double *s, const uint8_t *y, size_t n, struct stat_youden *out)
{
    struct stat_youden best = {NAN, NAN};
    int err = walk(s, y, n, youden_step, &best);
    if (!err)
        *out = best;
    return err;
}

/* ---- tables
 * ---------------------------------------------------------------------------- */
struct stat_table stat_table_of(const struct stat_confusion *c)
{
    double tp = (double)c->tp, fp = (double)c->fp, tn = (double)c->tn, fn = (double)c->fn,
           se = stat_proportion(c->tp, c->tp + c->fn),
           sp = stat_proportion(c->tn, c->tn + c->fp),
           under = sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn);
    return (struct stat_table){
        .accuracy = stat_proportion(c->tp + c->tn, c->tp + c->tn + c->fp + c->fn),
        .balanced_accuracy = (se + sp) / 2,
        .youden = se + sp - 1,
        .f1 = stat_proportion(2 * c->tp, 2 * c->tp + c->fp + c->fn),
        .mcc = under > 0 ? (tp * tn - fp * fn) / under : NAN,
    };
}

static struct stat_ci logit_ci(double p, double var)
{
    double mid = log(p / (1 - p)), half = STAT_Z95 * sqrt(var);
    if (!(isfinite(var) && p > 0 && p < 1))
        return (struct stat_ci){NAN, NAN};
    return (struct stat_ci){1 / (1 + exp(half - mid)), 1 / (1 + exp(-half - mid))};
}

struct stat_predictive stat_predictive_at(const struct stat_confusion *c, double q)
{
    struct stat_predictive r = {NAN, NAN, {NAN, NAN}, {NAN, NAN}};
    double m = (double)(c->tp + c->fn), k = (double)(c->tn + c->fp),
           se = stat_proportion(c->tp, c->tp + c->fn),
           sp = stat_proportion(c->tn, c->tn + c->fp), fired, quiet;
    if (!(q >= 0 && q <= 1) || stat_absent(se) || stat_absent(sp))
        return r;
    fired = se * q + (1 - sp) * (1 - q);
    quiet = sp * (1 - q) + (1 - se) * q;
    if (fired > 0)
        r.ppv = se * q / fired;
    if (quiet > 0)
        r.npv = sp * (1 - q) / quiet;
    r.ppv_ci = logit_ci(r.ppv, (1 - se) / (se * m) + sp / ((1 - sp) * k));
    r.npv_ci = logit_ci(r.npv, se / ((1 - se) * m) + (1 - sp) / (sp * k));
    return r;
}

/* ---- several classes
 * ------------------------------------------------------------------- */
struct several {
    const double *score;
    const uint8_t *label;
    size_t n, classes;
    double *s;
    uint8_t *y;
};

/* AUC of the score of class `of` between its rows and those of `against`, or all others
 * when against == of. */
static int one_auc(struct several *w, size_t of, size_t against, struct stat_auc *a)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (w->label[i] != of && w->label[i] != against && against != of)
            continue;
        w->s[n] = w->score[i * w->classes + of];
        w->y[n++] = w->label[i] == of;
    }
    return stat_auc(w->s, w->y, n, a);
}

static int all_pairs(struct several *w, double *m)
{
    struct stat_sum sum = {0};
    double pairs = 0;
    for (size_t i = 0; i < w->classes; i++)
        for (size_t j = i + 1; j < w->classes; j++) {
            struct stat_auc a, b;
            int err = one_auc(w, i, j, &a);
            if (!err)
                err = one_auc(w, j, i, &b);
            if (err)
                return err;
            if (stat_absent(a.auc) || stat_absent(b.auc))
                continue;
            stat_add(&sum, (a.auc + b.auc) / 2);
            pairs++;
        }
    *m = pairs > 0 ? stat_total(&sum) / pairs : NAN;
    return AM_OK;
}

int stat_hand_till(const double *score, const uint8_t *label, size_t n, size_t classes,
                   double *m, struct stat_auc *rest)
{
    struct several w = {.score = score, .label = label, .n = n, .classes = classes};
    int err = classes < 2 ? AM_E_INVALID : AM_OK;
    if (classes > STAT_CLASSES_MAX || n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n && !err; i++)
        err = label[i] < classes ? AM_OK : AM_E_INVALID;
    if (err)
        return err;
    w.s = am_malloc((n + 1) * sizeof *w.s);
    w.y = am_malloc(n + 1);
    err = w.s && w.y ? all_pairs(&w, m) : AM_E_NOMEM;
    for (size_t c = 0; c < classes && rest && !err; c++)
        err = one_auc(&w, c, c, &rest[c]);
    free(w.s);
    free(w.y);
    return err;
}
