/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-validation, stratified: patients (or rows, when no patient is named) are shuffled
 * apart for those with and without a positive row, and dealt to the folds in turn. Each
 * fold is scored by a forest, its bins included, that has seen none of its rows. */
#include <math.h>

#include "model/model_gbt_priv.h"

enum { CV_DRAW = 0x6376 };

struct cv {
    const struct gbt_table *t;
    const struct model_gbt_options *o;
    uint8_t *fold;              /* of each row */
    uint32_t *inside, *outside; /* rows of a fold, and the others */
    double *score;              /* out of fold, as probabilities */
};

/* who[0..n): one class of patients; dealt after a shuffle, starting where the last ended.
 */
static void cv_deal(uint32_t *who, size_t n, unsigned folds, struct stat_rng *rng,
                    uint8_t *fold, size_t *turn)
{
    for (size_t i = 0; i < n; i++) {
        size_t other = i + stat_rng_below(rng, n - i);
        uint32_t p = who[other];
        who[other] = who[i];
        fold[p] = (uint8_t)((*turn)++ % folds);
    }
}

/* Numbers of patients need not be dense: the largest sizes the tables. */
static int cv_folds(struct cv *c, struct diag *d)
{
    const struct gbt_table *t = c->t;
    const uint32_t *patient = c->o->patient;
    size_t people = t->n, counts[2] = {0}, turn = 0;
    struct stat_rng rng;
    uint8_t *class, *fold;
    uint32_t *who;
    int err = AM_OK;
    for (size_t i = 0; patient && i < t->n; i++)
        people = AM_MAX(people, (size_t)patient[i] + 1);
    class = am_calloc(people, 1); /* 0: nobody, 1: no positive row, 2: some */
    fold = am_calloc(people, 1);
    who = am_malloc(people * sizeof *who);
    if (!class || !fold || !who)
        err = AM_E_NOMEM;
    for (size_t i = 0; !err && i < t->n; i++) {
        uint8_t *k = &class[patient ? patient[i] : i];
        *k = AM_MAX(*k, (uint8_t)(1 + t->y[i]));
    }
    stat_rng_init(&rng, c->o->seed, CV_DRAW, 0);
    for (int k = 2; !err && k >= 1; k--) {
        size_t n = 0;
        for (size_t p = 0; p < people; p++)
            if (class[p] == k)
                who[n++] = (uint32_t)p;
        counts[k - 1] = n;
        cv_deal(who, n, c->o->folds, &rng, fold, &turn);
    }
    for (size_t i = 0; !err && i < t->n; i++)
        c->fold[i] = fold[patient ? patient[i] : i];
    free(class);
    free(fold);
    free(who);
    if (!err && AM_MIN(counts[0], counts[1]) < c->o->folds) {
        diag_err(d, "folds", "model.folds",
                 "%u folds need as many patients of each class; here are %zu and %zu",
                 c->o->folds, counts[1], counts[0]);
        err = AM_E_INVALID;
    }
    return err;
}

static int cv_mean(struct gbt_cv *cv, const struct gbt_forest *f, unsigned folds)
{
    int err = AM_OK;
    for (size_t i = 0; !err && i < f->valid.n; i++) {
        if (i >= cv->mean.n)
            err = vec_push(&cv->mean, (struct gbt_round){0});
        if (err)
            break;
        cv->mean.v[i].logloss += f->valid.v[i].logloss / folds;
        cv->mean.v[i].auc += f->valid.v[i].auc / folds;
    }
    return err;
}

static int cv_one(struct gbt_cv *cv, struct cv *c, unsigned k)
{
    struct gbt_fold *out = &cv->fold[k];
    struct gbt_forest f = {0};
    size_t others = 0;
    int err;
    for (size_t i = 0; i < c->t->n; i++)
        if (c->fold[i] == k) {
            c->inside[out->n++] = (uint32_t)i;
            out->n_pos += c->t->y[i];
        } else {
            c->outside[others++] = (uint32_t)i;
        }
    err = model_gbt_train(&f, c->t, c->outside, others, c->inside, out->n, c->o, false);
    if (!err) {
        const struct gbt_round *last = &f.valid.v[f.valid.n - 1];
        out->logloss = last->logloss;
        out->auc = last->auc;
        for (size_t i = 0; i < out->n; i++)
            c->score[c->inside[i]] = 1 / (1 + exp(-f.score[i]));
        err = cv_mean(cv, &f, c->o->folds);
    }
    model_gbt_forest_free(&f);
    return err;
}

int model_gbt_cv(struct gbt_cv *cv, const struct gbt_table *t,
                 const struct model_gbt_options *o, struct diag *d)
{
    struct cv c = {.t = t, .o = o};
    int err = AM_OK;
    *cv = (struct gbt_cv){.folds = o->folds};
    c.fold = am_malloc(t->n);
    c.inside = am_malloc(t->n * sizeof *c.inside);
    c.outside = am_malloc(t->n * sizeof *c.outside);
    c.score = am_malloc(t->n * sizeof *c.score);
    if (!c.fold || !c.inside || !c.outside || !c.score)
        err = AM_E_NOMEM;
    if (!err)
        err = cv_folds(&c, d);
    for (unsigned k = 0; !err && k < o->folds; k++)
        err = cv_one(cv, &c, k);
    if (!err)
        err = stat_auc(c.score, t->y, t->n, &cv->pooled);
    free(c.fold);
    free(c.inside);
    free(c.outside);
    free(c.score);
    return err;
}
