/* SPDX-License-Identifier: Apache-2.0 */
/* bench_drift -- row DM-1: would the detectors of the node see the shifts the row names,
 * soon enough, without crying wolf? Streams drawn from the run's own rows are watched by
 * CUSUM; the thresholds of all streams together allow one false alarm in 16,000
 * predictions; then the shifts are planted.
 *
 *   auc     each row's placement among the other class (its mean is the AUC, E. R. DeLong
 *           1988, eq. 4), lowered by 0.05; it needs the outcome of each prediction
 *   score   moved by half a deviation or until its PSI against the reference exceeds 0.25
 *   inputs  likewise, the four numeric ones that go with the score most; of an image the
 *           brightness (mean) and the contrast (standard deviation) of its pixels
 *
 * That an alarm reaches the registry is the node's to show. */
#include "bench/bench_job.h"
#include "stat/stat_detect.h"
#include "stat/stat_drift.h"

enum {
    INPUTS_WATCHED = 4,
    STREAMS_MAX = INPUTS_WATCHED + 2,
    LEAST = 30, /* values of a reference */
    RUN_PER_STREAM = 16000,
    RUNS_THRESHOLD = 20,
    REPLAYS = 100,
    BEFORE = 4000,
    AFTER = 2000,
    HALVINGS = 40
};
#define AUC_FALL    0.05
#define PSI_PLANTED 0.25

struct stream {
    char name[80];
    double *x, add; /* add NaN: no shift can be planted */
    size_t n;
    bool can;        /* a shift can be planted */
    const char *why; /* when none can */
    struct stat_replay replay;
};
struct monitoring {
    struct bench_run *r;
    struct stream s[STREAMS_MAX];
    size_t n;
};

static double psi_of(const struct stream *s, double *moved, double add, int *err)
{
    struct stat_drift d = {0};
    for (size_t i = 0; i < s->n; i++)
        moved[i] = s->x[i] + add;
    if (!*err)
        *err = stat_drift(s->x, s->n, moved, s->n, &d);
    return d.binned.psi;
}

static void spread(const double *x, size_t n, double *mean, double *sd)
{
    struct stat_sum a = {0}, b = {0};
    for (size_t i = 0; i < n; i++)
        stat_add(&a, x[i]);
    *mean = n ? stat_total(&a) / (double)n : NAN;
    for (size_t i = 0; i < n; i++)
        stat_add(&b, (x[i] - *mean) * (x[i] - *mean));
    *sd = n > 1 ? sqrt(stat_total(&b) / (double)(n - 1)) : NAN;
}

/* Four deviations would be a shift by PSI? Then some least one is. */
static int plantable(struct stream *s)
{
    double *moved = am_malloc((s->n + 1) * sizeof *moved), mean, sd;
    int err = moved ? AM_OK : AM_E_NOMEM;
    spread(s->x, s->n, &mean, &sd);
    s->why = "constant";
    s->can = !err && sd > 0 && psi_of(s, moved, 4 * sd, &err) > PSI_PLANTED;
    free(moved);
    return err;
}

/* The smallest shift whose PSI exceeds 0.25, of half a standard deviation at least (what
 * 0.25 is for a normal variable): where few values occur, one step across the edges of
 * the bins would pass for a shift. */
static int plant(struct stream *s)
{
    double *moved = am_malloc((s->n + 1) * sizeof *moved), lo, hi, mean, sd;
    int err = AM_OK;
    if (!moved)
        return AM_E_NOMEM;
    spread(s->x, s->n, &mean, &sd);
    lo = sd / 2;
    hi = 4 * sd;
    if (psi_of(s, moved, lo, &err) > PSI_PLANTED)
        hi = lo;
    for (unsigned i = 0; i < HALVINGS && !err && lo < hi; i++) {
        double mid = (lo + hi) / 2;
        *(psi_of(s, moved, mid, &err) > PSI_PLANTED ? &hi : &lo) = mid;
    }
    s->add = hi;
    free(moved);
    return err;
}

/* Takes x over, its missing values dropped. */
static int add_stream(struct monitoring *m, const char *name, double *x, size_t n)
{
    struct stream *s = &m->s[m->n++];
    snprintf(s->name, sizeof s->name, "stream=%s", name);
    s->x = x;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            s->x[s->n++] = x[i];
    s->add = NAN;
    s->why = "too_few_values";
    return s->n < LEAST ? AM_OK : plantable(s);
}

static int watch_auc(struct monitoring *m)
{
    struct bench_run *r = m->r;
    double *place = am_malloc((r->used + 1) * sizeof *place), mean, sd;
    struct stat_auc auc;
    struct stream *s = &m->s[m->n++];
    int err = place ? stat_auc_placements(r->s, r->y, r->used, &auc, place) : AM_E_NOMEM;
    snprintf(s->name, sizeof s->name, "stream=auc");
    s->x = place;
    s->n = r->used;
    spread(place, err ? 0 : s->n, &mean, &sd);
    s->can = s->n >= LEAST && sd > 0;
    s->add = s->can ? -AUC_FALL : NAN;
    s->why = "too_few_values";
    return err;
}

/* ---- which inputs
 * ------------------------------------------------------------------------ */
static double correlation(const struct bench_run *r, size_t input)
{
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, n = 0;
    for (size_t i = 0; i < r->used; i++) {
        double x = r->x[r->of[i] * r->feature.n + input], y = r->s[i];
        if (isnan(x))
            continue;
        n++;
        sx += x;
        sy += y;
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    xx -= sx * sx / n;
    yy -= sy * sy / n;
    return xx > 0 && yy > 0 ? fabs(xy - sx * sy / n) / sqrt(xx * yy) : 0;
}

/* Inputs by falling correlation, at most four, the first of the record among equals. */
static size_t choose(const struct bench_run *r, size_t out[INPUTS_WATCHED])
{
    double best[INPUTS_WATCHED];
    size_t n = 0;
    for (size_t k = 0; k < r->feature.n; k++) {
        bool number = str_eqc(r->feature.v[k].type, "number") ||
                      str_eqc(r->feature.v[k].type, "integer");
        double c = number ? correlation(r, k) : -1;
        size_t i = n;
        while (i && best[i - 1] < c)
            i--;
        if (!number || i == INPUTS_WATCHED)
            continue;
        n = AM_MIN(n + 1, (size_t)INPUTS_WATCHED);
        memmove(best + i + 1, best + i, (n - 1 - i) * sizeof *best);
        memmove(out + i + 1, out + i, (n - 1 - i) * sizeof *out);
        best[i] = c;
        out[i] = k;
    }
    return n;
}

static int column(const struct bench_run *r, size_t input, double **out)
{
    double *x = am_malloc((r->used + 1) * sizeof *x);
    if (!x)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->used; i++)
        x[i] = input == SIZE_MAX ? r->s[i] : r->x[r->of[i] * r->feature.n + input];
    *out = x;
    return AM_OK;
}

/* A device that changes shows in all pixels at once. */
static int watch_image(struct monitoring *m, bool contrast)
{
    struct bench_run *r = m->r;
    double *x = am_malloc((r->used + 1) * sizeof *x), mean, sd;
    if (!x)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->used; i++) {
        spread(r->x + r->of[i] * r->feature.n, r->feature.n, &mean, &sd);
        x[i] = contrast ? sd : mean;
    }
    return add_stream(m, contrast ? "contrast" : "brightness", x, r->used);
}

static int gather(struct monitoring *m)
{
    struct bench_run *r = m->r;
    size_t input[INPUTS_WATCHED], n = r->image.width ? 0 : choose(r, input);
    double *x;
    int err = watch_auc(m);
    if (!err)
        err = column(r, SIZE_MAX, &x);
    if (!err)
        err = add_stream(m, "score", x, r->used);
    for (int contrast = 0; contrast < 2 && !err && r->image.width; contrast++)
        err = watch_image(m, contrast);
    for (size_t i = 0; i < n && !err; i++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", STR_FMT(r->feature.v[input[i]].name));
        err = column(r, input[i], &x);
        if (!err)
            err = add_stream(m, name, x, r->used);
    }
    return err;
}

/* ---- replay
 * ------------------------------------------------------------------------------- */
static int replay(struct monitoring *m, size_t i, size_t streams)
{
    struct stream *s = &m->s[i];
    const struct stat_reference ref = {s->x, s->n};
    const struct stat_planted planted = {
        .before = BEFORE, .after = AFTER, .add = s->add, .scale = 1, .odds = 1};
    uint64_t draw = BENCH_DRAW_DRIFT + 2 * (uint64_t)i;
    struct stat_detector d;
    double mean, sd, h;
    int err;
    spread(s->x, s->n, &mean, &sd);
    err = stat_detector_init(&d, STAT_DETECT_CUSUM, mean, sd, fabs(s->add) / sd / 2);
    if (!err)
        err = stat_detect_threshold(&d, &ref, (double)RUN_PER_STREAM * (double)streams,
                                    RUNS_THRESHOLD, m->r->seed, draw, &h);
    if (!err && !(h > 0)) { /* so rarely another value that no run of them is a sign */
        s->add = NAN;
        s->why = "constant";
        return AM_OK;
    }
    return err ? err
               : stat_detect_replay(&d, h, &ref, &planted, REPLAYS, m->r->seed, draw + 1,
                                    &s->replay);
}

static int tell_stream(struct monitoring *m, const struct stream *s, double *worst)
{
    const struct stat_replay *p = &s->replay;
    /* seen in fewer than 95 of 100 replays: later than anybody waited */
    bool seen = (double)p->detected >= 0.95 * (double)p->runs;
    double delay = isnan(s->add) ? NAN : seen ? p->p95_delay : AFTER + 1;
    struct stat_ci ci = stat_poisson(p->false_alarms);
    double per = 1e4 / (double)AM_MAX(p->values, 1);
    int err = bench_emit(m->r, "DM-1", "delay_p95", s->name, delay, bench_no_ci,
                         isnan(s->add) ? s->why
                         : seen        ? "replay"
                                       : "not_detected",
                         (int64_t)p->runs, 0);
    if (!isnan(delay))
        *worst = isnan(*worst) ? delay : fmax(*worst, delay);
    if (err || isnan(s->add))
        return err;
    err = bench_emit(m->r, "DM-1", "planted_shift", s->name, s->add, bench_no_ci, "add",
                     (int64_t)s->n, 0);
    return err ? err
               : bench_emit(m->r, "DM-1", "stream_false_alarms_per_10000", s->name,
                            (double)p->false_alarms * per,
                            (const double[2]){ci.lo * per, ci.hi * per}, "garwood",
                            p->values, 0);
}

static int tell(struct monitoring *m)
{
    double worst = NAN, rate = 0;
    size_t seen = 0;
    int err = AM_OK;
    for (size_t i = 0; i < m->n && !err; i++) {
        err = tell_stream(m, &m->s[i], &worst);
        seen += m->s[i].can;
        rate += m->s[i].replay.false_alarm_rate;
    }
    if (!err)
        err = bench_fact(m->r, "DM-1", "detection_delay_predictions", worst,
                         seen ? "replay-p95" : "nothing_to_watch");
    if (!err)
        err = bench_fact(m->r, "DM-1", "false_alarms_per_10000", seen ? 1e4 * rate : NAN,
                         seen ? "replay" : "nothing_to_watch");
    return err ? err : bench_fact(m->r, "DM-1", "streams_watched", (double)seen, "count");
}

/* ---- a part is a stream ---------------------------------------------------------------
 */
static void release(struct monitoring *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->s[i].x);
}

static size_t watched(const struct monitoring *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->s[i].can;
    return n;
}

static int give(struct monitoring *m, const struct stream *s)
{
    const struct stat_replay *p = &s->replay;
    const double v[] = {s->add,
                        (double)p->runs,
                        (double)p->detected,
                        (double)p->values,
                        (double)p->false_alarms,
                        p->false_alarm_rate,
                        p->p95_delay};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(v) && !err; i++)
        err = bench_give(m->r, v[i]);
    return err;
}

static bool take(struct monitoring *m, size_t i)
{
    static const int64_t any = INT64_C(1) << 53;
    struct bench_taken p = bench_taken(m->r, i);
    struct stream *s = &m->s[i];
    s->add = bench_take(&p);
    s->replay.runs = (size_t)bench_take_count(&p, REPLAYS);
    s->replay.detected = (size_t)bench_take_count(&p, REPLAYS);
    s->replay.values = bench_take_count(&p, any);
    s->replay.false_alarms = bench_take_count(&p, any);
    s->replay.false_alarm_rate = bench_take(&p);
    s->replay.p95_delay = bench_take(&p);
    return !p.bad;
}

size_t bench_monitoring_parts(const struct bench_run *r)
{
    (void)r;
    return STREAMS_MAX;
}

int bench_monitoring_part(struct bench_run *r, size_t k)
{
    struct monitoring m = {.r = r};
    int err = gather(&m);
    if (!err && k < m.n && m.s[k].can) {
        if (k) /* stream 0 is the area: its shift is given */
            err = plant(&m.s[k]);
        if (!err)
            err = replay(&m, k, watched(&m));
        if (!err)
            err = give(&m, &m.s[k]);
    }
    release(&m);
    return err;
}

int bench_monitoring(struct bench_run *r)
{
    struct monitoring m = {.r = r};
    int err = gather(&m);
    for (size_t i = 0; i < m.n && !err; i++)
        if (m.s[i].can && !take(&m, i))
            err = AM_E_TAMPERED;
    if (!err)
        err = tell(&m);
    if (!err)
        err = bench_forms(r, "DM-1", false);
    release(&m);
    return err;
}
