/* SPDX-License-Identifier: Apache-2.0 */
/* bench_tamper -- row CY-4: copies of the file with one bit of one weight inverted are
 * offered to the worker, as somebody who changed the file on a disk would offer them to a
 * node. What is counted is the check the node makes when it loads (node_pool.c): the
 * digest of the bytes the worker holds against the declared one. Beside it, what the two
 * other means would have seen without it: the canonical hash of the weights, and a
 * fingerprint of behaviour, the scores of 256 fixed rows in steps of 1e-5 (128 Sobol'
 * points of the declared ranges, the 128 rows of the data nearest to the threshold). */
#include "bench/bench_job.h"
#include "bench/bench_oracle.h"
#include "stat/stat_sobol.h"

enum {
    PROBES = 256,
    SOBOL = 128,
    RANDOM_FLIPS = 1000,
    EXPONENT_FLIPS = 100,
    EXPONENT_BITS = 8,
    TOP = (EXPONENT_FLIPS + EXPONENT_BITS - 1) / EXPONENT_BITS,
    ALTERED_MAX = MODEL_FILE_MAX,
    PARTS = 8 /* of the copies */
};
#define STEP 1e-5

struct campaign { /* counts of one kind of flip */
    int64_t n, refused, by_digest, by_weights, by_behaviour, silent;
};
struct tamper {
    struct bench_run *r;
    struct model_session *m;
    struct probe_input *in;
    double *x, *base, *s;
    size_t n; /* probes */
    char canonical[CRYPTO_HEX];
    struct campaign random, exponent;
    int64_t deaths; /* copies that ended a worker */
    bool dead;
    size_t part;
    struct campaign clean; /* the true file, offered once */
    uint64_t total;        /* weights of the file */
    double fingerprint;
};

/* ---- the probes ----------------------------------------------------------------------
 */
struct near {
    double distance;
    uint32_t row;
};

static int by_distance(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int add_boundary(struct tamper *t)
{
    struct bench_run *r = t->r;
    size_t f = r->feature.n, k = AM_MIN(r->used, (size_t)PROBES - SOBOL);
    struct near *near = am_malloc((r->used + 1) * sizeof *near);
    if (!near)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->used; i++)
        near[i] = (struct near){fabs(r->s[i] - r->threshold), (uint32_t)i};
    qsort(near, r->used, sizeof *near, by_distance);
    for (size_t i = 0; i < k; i++)
        memcpy(t->x + t->n++ * f, r->x + r->of[near[i].row] * f, f * sizeof *t->x);
    free(near);
    return AM_OK;
}

/* A place in [0,1) to a value the input can have. */
static double value_at(const struct probe_input *in, double u)
{
    if (in->kind == PROBE_CODE && in->n_values)
        return in->values[(size_t)(u * (double)in->n_values)];
    return probe_project(in, in->lo + u * (in->hi - in->lo));
}

static int make_probes(struct tamper *t)
{
    size_t f = t->r->feature.n;
    int err = bench_inputs(t->r, &t->in);
    t->x = am_malloc((PROBES * f + 1) * sizeof *t->x);
    t->base = am_malloc(PROBES * sizeof *t->base);
    t->s = am_malloc(PROBES * sizeof *t->s);
    if (!err && (!t->x || !t->base || !t->s))
        err = AM_E_NOMEM;
    if (!err)
        err = stat_sobol(SOBOL, f, t->r->seed, BENCH_DRAW_TAMPER, t->x);
    for (size_t i = 0; i < SOBOL * f && !err; i++)
        t->x[i] = value_at(&t->in[i % f], t->x[i]);
    t->n = SOBOL;
    return err ? err : add_boundary(t);
}

/* Steps of 1e-5; what is no number is one value of its own. */
static int64_t step_of(double s)
{
    return isfinite(s) && fabs(s) < 1e12 ? llround(s / STEP) : INT64_MIN;
}

/* First 48 bits of the SHA-256 of the steps: a number a measure can hold. */
static double fingerprint(const struct tamper *t)
{
    struct crypto_sha256 h;
    uint8_t out[CRYPTO_SHA256];
    uint64_t v = 0;
    crypto_sha256_init(&h);
    for (size_t i = 0; i < t->n; i++) {
        int64_t q = step_of(t->base[i]);
        crypto_sha256_add(&h, (struct str){(const char *)&q, sizeof q});
    }
    crypto_sha256_end(&h, out);
    for (size_t i = 0; i < 6; i++)
        v = v << 8 | out[i];
    return (double)v;
}

/* ---- one copy ------------------------------------------------------------------------
 */
/* A worker that ended is started again with the true file, 16 times at most. */
static int revive(struct tamper *t)
{
    struct diag own;
    int err;
    if (model_session_alive(t->m))
        return AM_OK;
    model_session_close(t->m);
    t->m = NULL;
    if (++t->deaths > BENCH_CRASHES_MAX) {
        t->dead = true;
        return AM_OK;
    }
    diag_init(&own);
    err = model_session_open(&t->m, t->r->model, &t->r->limits, &own);
    diag_release(&own);
    t->dead = err && err != AM_E_NOMEM;
    return t->dead ? AM_OK : err;
}

static void compare(struct tamper *t, struct campaign *c, bool refused)
{
    bool differs = false, flips = false;
    for (size_t i = 0; i < t->n && !refused; i++) {
        differs |= step_of(t->s[i]) != step_of(t->base[i]);
        flips |= (t->s[i] >= t->r->threshold) != (t->base[i] >= t->r->threshold);
    }
    c->by_behaviour += refused || differs;
    c->silent += flips;
}

static bool same_weights(const struct tamper *t)
{
    struct json_doc *doc = NULL;
    bool same =
        !json_parse(&doc, model_session_describe(t->m), NULL, NULL) &&
        json_str_is(json_get(json_root(doc), "canonical_weight_hash"), t->canonical);
    json_free(doc);
    return same;
}

/* What the worker now holds is told from the declared file? An open error other than
 * memory is a refusal: the copy would not have served. */
static int offer(struct tamper *t, struct str bytes, struct campaign *c)
{
    struct diag own;
    uint8_t held[CRYPTO_SHA256];
    bool refused;
    int err;
    diag_init(&own);
    err = model_session_reload(t->m, bytes, &own);
    if (err == AM_E_NOMEM) {
        diag_release(&own);
        return err;
    }
    model_session_digest(t->m, held);
    refused = err != AM_OK;
    c->n++;
    c->by_digest += memcmp(held, t->r->model_sha256, sizeof held) != 0;
    c->by_weights += refused || !same_weights(t);
    if (!refused) {
        err = model_session_score(t->m, t->x, t->n, t->s, &own);
        refused = err != AM_OK;
    }
    diag_release(&own);
    if (err == AM_E_NOMEM)
        return err;
    c->refused += refused;
    compare(t, c, refused);
    return refused ? revive(t) : AM_OK;
}

static int flip(struct tamper *t, const struct model_weight *w, unsigned bit,
                struct campaign *c)
{
    struct buf b;
    int err;
    buf_init(&b, ALTERED_MAX);
    err = model_weight_flip(t->r->model, w, bit, &b);
    if (err != AM_E_NOMEM) /* a file at the limit cannot grow: nobody could load it */
        err = err ? AM_OK : offer(t, buf_str(&b), c);
    buf_release(&b);
    return err;
}

/* ---- the campaign --------------------------------------------------------------------
 */
/* Few weights: each bit of each once. Else as many weights as flips, a bit of each. */
static int flip_random(struct tamper *t, const struct model_weight *w, size_t n)
{
    struct stat_rng rng;
    bool each = n * 32 <= RANDOM_FLIPS;
    size_t flips = each ? n * 32 : RANDOM_FLIPS;
    int err = AM_OK;
    stat_rng_init(&rng, t->r->seed, BENCH_DRAW_TAMPER, 1);
    for (size_t i = 0; i < flips && !err && !t->dead; i++) {
        unsigned drawn = (unsigned)stat_rng_below(&rng, 32);
        if (i % PARTS == t->part)
            err = flip(t, &w[each ? i / 32 : i * n / flips], each ? i % 32 : drawn,
                       &t->random);
    }
    return err;
}

static int flip_exponents(struct tamper *t, const struct model_weight *w, size_t n)
{
    size_t flips = AM_MIN(n * EXPONENT_BITS, (size_t)EXPONENT_FLIPS);
    int err = AM_OK;
    for (size_t i = t->part; i < flips && !err && !t->dead; i += PARTS)
        err = flip(t, &w[i / EXPONENT_BITS], 30 - (unsigned)(i % EXPONENT_BITS),
                   &t->exponent);
    return err;
}

static int campaigns(struct tamper *t)
{
    struct model_weight *w = am_malloc((TOP + RANDOM_FLIPS) * sizeof *w);
    size_t tops = 0, picked = 0;
    struct diag own;
    int err = w ? AM_OK : AM_E_NOMEM;
    diag_init(&own);
    if (!err)
        err = model_session_weights(t->m, t->r->seed, TOP, RANDOM_FLIPS, w, &tops,
                                    &picked, &t->total, &own);
    diag_release(&own);
    if (!err)
        err = flip_random(t, w + tops, picked);
    if (!err)
        err = flip_exponents(t, w, tops);
    free(w);
    return err;
}

/* ---- measures -------------------------------------------------------------------------
 */
static int share(struct tamper *t, const char *name, const char *flips, int64_t x,
                 int64_t n)
{
    struct stat_ci ci = stat_clopper_pearson(x, n);
    return bench_emit(t->r, "CY-4", name, flips, stat_proportion(x, n),
                      (const double[2]){ci.lo, ci.hi},
                      n ? "clopper-pearson" : "no_weight", n, 0);
}

static int emit_kind(struct tamper *t, const char *flips, const struct campaign *c)
{
    int err = share(t, "found_by_weight_hash_share", flips, c->by_weights, c->n);
    if (!err)
        err = share(t, "found_by_fingerprint_share", flips, c->by_behaviour, c->n);
    if (!err)
        err = share(t, "refused_by_reader_share", flips, c->refused, c->n);
    return err ? err : share(t, "silent_decision_flip_share", flips, c->silent, c->n);
}

static int fact(struct tamper *t, const char *name, double v, const char *how)
{
    return bench_emit(t->r, "CY-4", name, "", v, bench_no_ci, how, (int64_t)t->n, 0);
}

static int emit_all(struct tamper *t)
{
    const struct campaign *clean = &t->clean;
    int64_t n = t->random.n + t->exponent.n;
    int err = share(t, "tamper_detection_rate", "",
                    t->random.by_digest + t->exponent.by_digest, n);
    if (!err)
        err = emit_kind(t, "flips=random", &t->random);
    if (!err)
        err = emit_kind(t, "flips=exponent", &t->exponent);
    if (!err)
        err = fact(t, "false_alarms_on_true_copy",
                   (double)(clean->by_digest + clean->by_weights + clean->by_behaviour),
                   "count");
    if (!err)
        err = fact(t, "weights", (double)t->total, "count");
    if (!err)
        err = fact(t, "copies_that_ended_a_worker", (double)t->deaths, "count");
    if (!err)
        err = fact(t, "fingerprint_first_48_bits", t->fingerprint, "sha256");
    /* The interval at which a node looks again is the node's to show: named here so that
     * nobody takes silence for a result. */
    return err ? err
               : fact(t, "runtime_recheck_measured_here", 0, "measured_at_the_node");
}

/* ---- a part ---------------------------------------------------------------------------
 */
static int measure(struct tamper *t)
{
    struct diag own;
    int err = make_probes(t);
    if (err)
        return err;
    snprintf(t->canonical, sizeof t->canonical, "%.*s",
             STR_FMT(json_get_str(t->r->record, "canonical_weight_hash")));
    diag_init(&own);
    err = model_session_open(&t->m, t->r->model, &t->r->limits, &own);
    if (!err)
        err = model_session_score(t->m, t->x, t->n, t->base, &own);
    diag_release(&own);
    if (!err)
        err = offer(t, t->r->model, &t->clean);
    t->fingerprint = err ? NAN : fingerprint(t);
    if (!err && !t->dead)
        err = campaigns(t);
    t->dead |= err && err != AM_E_NOMEM;
    return err == AM_E_NOMEM ? err : AM_OK;
}

static int give_campaign(struct tamper *t, const struct campaign *c)
{
    const int64_t v[] = {c->n,          c->refused,      c->by_digest,
                         c->by_weights, c->by_behaviour, c->silent};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(v) && !err; i++)
        err = bench_give(t->r, (double)v[i]);
    return err;
}

static int give(struct tamper *t)
{
    int err = bench_give(t->r, t->dead);
    if (!err)
        err = bench_give(t->r, (double)t->n);
    if (!err)
        err = bench_give(t->r, (double)t->deaths);
    if (!err)
        err = bench_give(t->r, (double)t->total);
    if (!err)
        err = bench_give(t->r, t->fingerprint);
    if (!err)
        err = give_campaign(t, &t->clean);
    if (!err)
        err = give_campaign(t, &t->random);
    return err ? err : give_campaign(t, &t->exponent);
}

size_t bench_tampering_parts(const struct bench_run *r)
{
    (void)r;
    return PARTS;
}

int bench_tampering_part(struct bench_run *r, size_t k)
{
    struct tamper t = {.r = r, .part = k};
    int err = measure(&t);
    if (!err)
        err = give(&t);
    model_session_close(t.m);
    bench_inputs_free(r, t.in);
    free(t.x);
    free(t.base);
    free(t.s);
    return err;
}

/* ---- all parts ------------------------------------------------------------------------
 */
static void add_campaign(struct bench_taken *p, struct campaign *c)
{
    int64_t *v[] = {&c->n,          &c->refused,      &c->by_digest,
                    &c->by_weights, &c->by_behaviour, &c->silent};
    for (size_t i = 0; i < AM_LEN(v); i++)
        *v[i] += bench_take_count(p, RANDOM_FLIPS + EXPONENT_FLIPS);
}

int bench_tampering(struct bench_run *r)
{
    struct tamper t = {.r = r};
    int err;
    for (size_t k = 0; k < r->parts; k++) {
        struct bench_taken p = bench_taken(r, k);
        struct campaign clean = {0};
        t.dead |= bench_take_count(&p, 1) != 0;
        t.n = (size_t)bench_take_count(&p, PROBES);
        t.deaths += bench_take_count(&p, BENCH_CRASHES_MAX + 1);
        t.total = (uint64_t)bench_take_count(&p, INT64_C(1) << 53);
        t.fingerprint = bench_take(&p);
        add_campaign(&p, &clean);
        add_campaign(&p, &t.random);
        add_campaign(&p, &t.exponent);
        if (p.bad)
            return AM_E_TAMPERED;
        t.clean = clean;
    }
    if (t.dead)
        return fact(&t, "tamper_detection_rate", NAN, "model_failed");
    err = emit_all(&t);
    return err ? err : bench_forms(r, "CY-4", false);
}
