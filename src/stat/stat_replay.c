/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors on streams drawn from the reference: thresholds and planted shifts. */
#include <math.h>

#include "base/vec.h"
#include "stat/stat_boot.h"
#include "stat/stat_detect.h"

static int check_reference(const struct stat_reference *ref)
{
    if (ref->n == 0)
        return AM_E_INVALID;
    if (ref->n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < ref->n; i++)
        if (isnan(ref->x[i]))
            return AM_E_INVALID;
    return AM_OK;
}

static bool outcome(struct stat_rng *r, double p, double odds)
{
    return stat_rng_double(r) * (1 - p + odds * p) < odds * p;
}

/* One value of the stream, into the detector. */
static double feed(struct stat_detector *d, const struct stat_reference *ref,
                   struct stat_rng *r, const struct stat_planted *shift)
{
    double x = ref->x[stat_rng_below(r, ref->n)];
    bool y = false;
    if (d->kind == STAT_DETECT_CALIBRATION)
        y = outcome(r, x, shift ? shift->odds : 1);
    if (shift)
        x = shift->scale * x + shift->add;
    if (shift && (d->kind == STAT_DETECT_CALIBRATION || d->kind == STAT_DETECT_ADWIN))
        x = fmin(1, fmax(0, x));
    return stat_detector_add(d, x, y);
}

/* ---- thresholds ---- */

/* When the level of a stream rose above all before it, and to what. */
struct record {
    double level, at;
};
struct records {
    struct record *v;
    size_t n, cap; /* a vec */
};

/* Records of one stream until its end; a stream's own begin at from. */
static int watch(struct stat_detector d, const struct stat_reference *ref,
                 struct stat_rng *rng, int64_t length, struct records *r)
{
    double highest = 0;
    for (int64_t i = 1; i <= length; i++) {
        double level = feed(&d, ref, rng, NULL);
        if (level > highest) {
            int err = vec_push(r, ((struct record){level, (double)i}));
            if (err)
                return err;
            highest = level;
        }
    }
    return AM_OK;
}

/* Mean first passage above h; streams that never pass count as `length`. */
static double mean_run(const struct records *r, const size_t *from, size_t runs, double h,
                       double length)
{
    struct stat_sum sum = {0};
    for (size_t i = 0; i < runs; i++) {
        size_t lo = from[i], hi = from[i + 1];
        while (lo < hi) { /* levels rise: the first one above h */
            size_t mid = lo + (hi - lo) / 2;
            if (r->v[mid].level > h)
                hi = mid;
            else
                lo = mid + 1;
        }
        stat_add(&sum, lo < from[i + 1] ? r->v[lo].at : length);
    }
    return stat_total(&sum) / (double)runs;
}

static double solve(const struct records *r, const size_t *from, size_t runs, double run,
                    double length)
{
    double lo = 0, hi = 0;
    for (size_t i = 0; i < r->n; i++)
        hi = fmax(hi, r->v[i].level);
    for (int i = 0; i < 60; i++) {
        double mid = (lo + hi) / 2;
        if (mean_run(r, from, runs, mid, length) < run)
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}

int stat_detect_threshold(const struct stat_detector *d, const struct stat_reference *ref,
                          double run, size_t runs, uint64_t seed, uint64_t test,
                          double *h)
{
    struct records r = {0};
    int err = check_reference(ref);
    if (err)
        return err;
    if (d->kind == STAT_DETECT_ADWIN || !(run >= 2 && run <= 1e7) || runs < 10 ||
        runs > 100000)
        return AM_E_INVALID;
    int64_t length = (int64_t)ceil(10 * run);
    struct stat_detector fresh = *d;
    stat_detector_reset(&fresh);
    size_t *from = am_calloc(runs + 1, sizeof *from);
    err = from ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < runs && !err; i++) {
        struct stat_rng rng;
        stat_rng_init(&rng, seed, test, i);
        err = watch(fresh, ref, &rng, length, &r);
        from[i + 1] = r.n;
    }
    if (!err)
        *h = solve(&r, from, runs, run, (double)length);
    free(from);
    free(r.v);
    return err;
}

/* ---- planted shifts ---- */

/* Watches until the shift is found; the delay from 1, or 0. */
static int64_t replay_one(struct stat_detector *d, double threshold,
                          const struct stat_reference *ref,
                          const struct stat_planted *planted, struct stat_rng *rng,
                          int64_t *false_alarms)
{
    for (int64_t i = 0; i < planted->before; i++)
        if (feed(d, ref, rng, NULL) > threshold) {
            ++*false_alarms;
            stat_detector_reset(d);
        }
    for (int64_t i = 1; i <= planted->after; i++)
        if (feed(d, ref, rng, planted) > threshold)
            return i;
    return 0;
}

static int check_replay(double threshold, const struct stat_planted *p, size_t runs)
{
    double total = ((double)p->before + (double)p->after) * (double)runs;
    return threshold > 0 && p->before >= 0 && p->after >= 1 && runs >= 1 &&
                   total <= 1e9 && p->odds > 0 && isfinite(p->odds) && isfinite(p->add) &&
                   isfinite(p->scale)
               ? AM_OK
               : AM_E_INVALID;
}

int stat_detect_replay(const struct stat_detector *d, double threshold,
                       const struct stat_reference *ref,
                       const struct stat_planted *planted, size_t runs, uint64_t seed,
                       uint64_t test, struct stat_replay *out)
{
    struct stat_replay r = {
        .runs = runs, .mean_delay = NAN, .median_delay = NAN, .p95_delay = NAN};
    struct stat_sum sum = {0};
    int err = check_reference(ref);
    if (!err)
        err = check_replay(threshold, planted, runs);
    if (err)
        return err;
    double *delay = am_malloc(runs * sizeof *delay);
    if (!delay)
        return AM_E_NOMEM;
    for (size_t i = 0; i < runs; i++) {
        struct stat_detector one = *d;
        struct stat_rng rng;
        stat_detector_reset(&one);
        stat_rng_init(&rng, seed, test, i);
        int64_t found = replay_one(&one, threshold, ref, planted, &rng, &r.false_alarms);
        if (found) {
            delay[r.detected++] = (double)found;
            stat_add(&sum, (double)found);
        }
    }
    r.values = planted->before * (int64_t)runs;
    r.false_alarm_rate = stat_proportion(r.false_alarms, r.values);
    if (r.detected > 0) {
        err = stat_sort(delay, r.detected);
        r.mean_delay = stat_total(&sum) / (double)r.detected;
        r.median_delay = stat_quantile(delay, r.detected, 0.5);
        r.p95_delay = stat_quantile(delay, r.detected, 0.95);
    }
    free(delay);
    if (!err)
        *out = r;
    return err;
}
