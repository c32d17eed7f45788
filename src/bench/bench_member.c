/* SPDX-License-Identifier: Apache-2.0 */
/* bench_member -- row CY-7: can one tell from the model's answers who was in its training
 * set? Members are rows of manifest.training, the others the used rows of the bench that
 * are not in it. The score of a row is phi = log odds of its own label.
 *
 *   attack=loss        phi itself (S. Yeom et al. 2018)
 *   attack=calibrated  phi less the mean phi of shadow models that never saw the row
 *                      (L. Watson et al. 2022): a hard row is not taken for a stranger
 *   attack=lira        the same over its deviation across the shadows: the offline form
 * of N. Carlini et al., Membership inference attacks from first principles, 2022, light:
 * SHADOWS models
 *
 * Shadows are fitted on halves of the training set, in pairs that complete each other, so
 * that every row, member or not, has as many that never saw it. Another hospital's rows
 * are harder for every model: membership_shift_auc is the AUC of the difficulty alone;
 * when its interval leaves 0.5, attack=loss measures the hospitals and does not count.
 * The head, membership_attack_auc, is the strongest attack that counts.
 *
 * Of pictures the shadows read what bench_picture.h sees of them, too little to tell how
 * hard a picture is; so a picture is also held against itself:
 *
 *   attack=neighbour   phi less the mean phi of the picture moved by one pixel, up, down,
 *                      left and right (J. Mattern et al., Membership inference attacks by
 *                      neighbourhood comparison, 2023): no other model is needed
 *
 * And where the shift leaves 0.5 even for shadows that see so little, no attack on
 * pictures can be told from what sets the hospitals apart: no value (sites_differ). */
#include "bench/bench_oracle.h"
#include "bench/bench_picture.h"
#include "bench/bench_reference.h"

enum { SIDE = 1000, SIDE_MIN = 100, CLASS_MIN = 10, SHADOWS = 16, PAIRS = SHADOWS / 2 };
#define CLIP     1e-6
#define LEAST_SD 0.1 /* of phi: what shadows that agree are taken to differ by */

struct member {
    struct bench_run *r;
    struct bench_rows_view t; /* the members, whom shadows are fitted on */
    size_t n, members;        /* rows in all, members first */
    double *x, *score;
    double *seen;    /* what shadows read: x, or what is seen of pictures */
    size_t features; /* of x */
    uint8_t *y, *in;
    double *phi, *sum, *squares;
    double *neighbour; /* of pictures: mean phi of those moved by one pixel */
    bool shifted;
    struct stat_auc best;
    struct stat_ci best_ci;
    const char *best_how;
};

static double phi_of(double p, uint8_t y)
{
    double own = fmax(CLIP, fmin(1 - CLIP, y ? p : 1 - p));
    return log(own / (1 - own));
}

/* ---- who -----------------------------------------------------------------------------
 */
static void put(struct member *m, const double *x, uint8_t y)
{
    memcpy(m->x + m->n * m->features, x, m->features * sizeof *m->x);
    m->y[m->n++] = y;
}

/* Rows of the bench that are rows of the training set too are members or nobody. */
static int seen_rows(const struct bench_train *t, struct map *seen)
{
    int err = AM_OK;
    for (size_t i = 0; i < t->n && !err; i++)
        err = map_set(seen,
                      (struct str){(const char *)(t->x + i * t->features),
                                   t->features * sizeof *t->x},
                      i);
    return err;
}

/* What shadows are fitted on. */
static int see(struct member *m)
{
    const struct raster_shape *s = &m->r->image;
    m->seen = m->x;
    m->t = (struct bench_rows_view){m->x, m->y, m->members, m->features};
    if (!s->width)
        return AM_OK;
    m->t.features = bench_picture_features(s);
    m->t.x = m->seen = am_malloc((m->n * m->t.features + 1) * sizeof *m->seen);
    if (!m->seen)
        return AM_E_NOMEM;
    bench_pictures_see(s, m->x, m->n, m->seen);
    return AM_OK;
}

static int gather(struct member *m, const struct bench_train *t)
{
    struct bench_run *r = m->r;
    size_t f = t->features, k = AM_MIN(r->used, (size_t)SIDE), n = 0;
    uint32_t *row = NULL;
    struct map seen;
    int err;
    map_init(&seen);
    err = seen_rows(t, &seen);
    if (!err)
        err = bench_train_draw(t, r->seed, SIDE, &row, &n);
    for (size_t i = 0; i < n && !err; i++)
        put(m, t->x + row[i] * f, t->y[row[i]]);
    m->members = m->n;
    for (size_t i = 0; i < k && !err; i++) {
        const double *x = r->x + r->of[i * r->used / k] * f;
        if (!map_has(&seen, (struct str){(const char *)x, f * sizeof *x}))
            put(m, x, r->y[i * r->used / k]);
    }
    map_release(&seen);
    free(row);
    return err ? err : see(m);
}

/* A picture moved by one pixel; what comes in is the rim again. */
static void move(const struct raster_shape *s, const double *x, int down, int right,
                 double *out)
{
    for (size_t c = 0; c < s->channels; c++)
        for (size_t r = 0; r < s->height; r++)
            for (size_t k = 0; k < s->width; k++) {
                size_t row = down > 0 ? r - (r > 0)
                             : down   ? AM_MIN(r + 1, s->height - 1)
                                      : r,
                       column = right > 0 ? k - (k > 0)
                                : right   ? AM_MIN(k + 1, s->width - 1)
                                          : k;
                *out++ = x[(c * s->height + row) * s->width + column];
            }
}

static int ask_neighbours(struct member *m, struct bench_oracle *o)
{
    static const int step[][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    double *moved = am_malloc((m->n * m->features + 1) * sizeof *moved),
           *p = am_malloc((m->n + 1) * sizeof *p);
    int err = moved && p ? AM_OK : AM_E_NOMEM;
    for (size_t k = 0; k < AM_LEN(step) && !err; k++) {
        size_t asked;
        for (size_t i = 0; i < m->n; i++)
            move(&m->r->image, m->x + i * m->features, step[k][0], step[k][1],
                 moved + i * m->features);
        err = probe_ask(&o->probe, moved, m->n, p, &asked);
        for (size_t i = 0; i < m->n && !err; i++)
            m->neighbour[i] += phi_of(p[i], m->y[i]) / (double)AM_LEN(step);
    }
    free(moved);
    free(p);
    return err;
}

/* The model's answers; rows without one stay in place and out of every figure. */
static int ask_model(struct member *m, bool *dead)
{
    struct bench_oracle o;
    size_t asked;
    int err = bench_oracle_open(&o, m->r, -1);
    if (!err)
        err = probe_ask(&o.probe, m->x, m->n, m->score, &asked);
    if (!err && m->r->image.width)
        err = ask_neighbours(m, &o);
    *dead = o.dead;
    bench_oracle_close(&o);
    return err;
}

static bool probability(const struct member *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->score[i] < 0 || m->score[i] > 1)
            return false;
    return true;
}

/* ---- shadows -------------------------------------------------------------------------
 */
/* m->in: one half of the members, drawn class by class. */
static void halve(struct member *m, uint64_t pair, uint32_t *who)
{
    struct stat_rng r;
    memset(m->in, 0, m->n);
    stat_rng_init(&r, m->r->seed, BENCH_DRAW_MEMBERS, pair);
    for (int y = 0; y < 2; y++) {
        size_t n = 0;
        for (size_t i = 0; i < m->members; i++)
            if (m->y[i] == y)
                who[n++] = (uint32_t)i;
        for (size_t i = 0; i < n / 2; i++) {
            size_t k = i + stat_rng_below(&r, n - i);
            uint32_t one = who[k];
            who[k] = who[i];
            m->in[one] = 1;
        }
    }
}

/* The shadow of one half: adds its phi to the rows it did not see. Of the two shadows of
 * a pair a stranger takes the first or the second in turn: as many as a member. */
static int shadow(struct member *m, enum bench_reference_kind kind, unsigned pair,
                  bool half, uint32_t *who, double *p)
{
    struct bench_reference f;
    size_t n = 0;
    int err;
    for (size_t i = 0; i < m->members; i++)
        if (m->in[i] == half)
            who[n++] = (uint32_t)i;
    err = bench_reference_fit(&f, kind, &m->t, who, n, m->r->seed + pair);
    if (err)
        return err;
    err = bench_reference_score(&f, m->seen, m->n, p);
    for (size_t i = 0; i < m->n && !err; i++) {
        bool unseen = i < m->members ? m->in[i] != half : ((i + pair) % 2 == 0) == half;
        double v = phi_of(p[i], m->y[i]);
        m->sum[i] += unseen ? v : 0;
        m->squares[i] += unseen ? v * v : 0;
    }
    bench_reference_release(&f);
    return err;
}

static int shadows(struct member *m)
{
    struct str type = json_get_str(m->r->record, "model_type");
    enum bench_reference_kind kind =
        str_ends(type, STR("_regression")) ? BENCH_LOGISTIC : BENCH_SHADOW;
    uint32_t *who = am_malloc((m->n + 1) * sizeof *who);
    double *p = am_malloc((m->n + 1) * sizeof *p);
    int err = who && p ? AM_OK : AM_E_NOMEM;
    for (unsigned pair = 0; pair < PAIRS && !err; pair++) {
        halve(m, pair, who);
        for (int half = 0; half < 2 && !err; half++)
            err = shadow(m, kind, pair, half, who, p);
    }
    free(who);
    free(p);
    return err;
}

/* ---- figures -------------------------------------------------------------------------
 */
static int say(struct member *m, const char *name, const char *group, double v,
               const double ci[2], const char *how)
{
    return bench_emit(m->r, "CY-7", name, group, v, ci, how, (int64_t)m->n,
                      (int64_t)m->members);
}

/* AUC of v, members being positive; NaN scores are left out. */
static int attack(struct member *m, const double *v, const uint8_t *member,
                  const char *name, const char *group, bool counts, struct stat_ci *ci)
{
    enum stat_ci_method how;
    struct stat_auc a;
    int err = stat_auc(v, member, m->n, &a);
    if (err)
        return err;
    *ci = stat_auc_gate(&a, &how);
    if (counts && (!m->best_how || a.auc > m->best.auc)) {
        m->best = a;
        m->best_ci = *ci;
        m->best_how = stat_ci_method_name(how);
    }
    return say(m, name, group, a.auc, (double[2]){ci->lo, ci->hi},
               stat_ci_method_name(how));
}

static int attacks(struct member *m)
{
    double *v = am_malloc((m->n + 1) * sizeof *v);
    uint8_t *member = am_calloc(m->n + 1, 1);
    struct stat_ci ci;
    int err = v && member ? AM_OK : AM_E_NOMEM;
    for (size_t i = 0; i < m->n && !err; i++) {
        member[i] = i < m->members;
        v[i] = isnan(m->score[i]) ? NAN : m->sum[i] / PAIRS;
    }
    if (!err)
        err = attack(m, v, member, "membership_shift_auc", "", false, &ci);
    m->shifted = !err && !(ci.lo <= 0.5 && ci.hi >= 0.5);
    for (size_t i = 0; i < m->n && !err; i++)
        v[i] = m->phi[i];
    if (!err)
        err = attack(m, v, member, "membership_auc", "attack=loss", !m->shifted, &ci);
    for (size_t i = 0; i < m->n && !err; i++)
        v[i] = m->phi[i] - m->sum[i] / PAIRS;
    if (!err)
        err = attack(m, v, member, "membership_auc", "attack=calibrated", true, &ci);
    for (size_t i = 0; i < m->n && !err; i++) {
        double mean = m->sum[i] / PAIRS,
               var = fmax(0, m->squares[i] / PAIRS - mean * mean);
        v[i] = (m->phi[i] - mean) / sqrt(var + LEAST_SD * LEAST_SD);
    }
    if (!err)
        err = attack(m, v, member, "membership_auc", "attack=lira", true, &ci);
    for (size_t i = 0; i < m->n && m->r->image.width && !err; i++)
        v[i] = m->phi[i] - m->neighbour[i];
    if (!err && m->r->image.width)
        err = attack(m, v, member, "membership_auc", "attack=neighbour", true, &ci);
    free(v);
    free(member);
    return err;
}

static int absent(struct bench_run *r, const char *why)
{
    return bench_emit(r, "CY-7", "membership_attack_auc", "", NAN, bench_no_ci, why, 0,
                      0);
}

static int conclude(struct member *m)
{
    int err = attacks(m);
    if (!err && m->shifted && m->r->image.width)
        err = absent(m->r, "sites_differ");
    else if (!err)
        err = say(m, "membership_attack_auc", "", m->best.auc,
                  (const double[2]){m->best_ci.lo, m->best_ci.hi}, m->best_how);
    if (!err)
        err = say(m, "shadow_models", "", SHADOWS, bench_no_ci, "count");
    return err ? err
               : say(m, "strangers", "", (double)(m->n - m->members), bench_no_ci,
                     "count");
}

static int room(struct member *m, const struct bench_train *t)
{
    m->features = t->features;
    m->x = am_malloc((2 * SIDE * t->features + 1) * sizeof *m->x);
    m->score = am_malloc(2 * SIDE * sizeof *m->score);
    m->phi = am_malloc(2 * SIDE * sizeof *m->phi);
    m->sum = am_calloc(2 * SIDE, sizeof *m->sum);
    m->squares = am_calloc(2 * SIDE, sizeof *m->squares);
    m->neighbour = am_calloc(2 * SIDE, sizeof *m->neighbour);
    m->y = am_malloc(2 * SIDE);
    m->in = am_malloc(2 * SIDE);
    return m->neighbour && m->x && m->score && m->phi && m->sum && m->squares && m->y &&
                   m->in
               ? AM_OK
               : AM_E_NOMEM;
}

/* Enough of both sides, and of both classes among the members: halves are fitted. */
static bool enough(const struct member *m)
{
    size_t positives = 0;
    for (size_t i = 0; i < m->members; i++)
        positives += m->y[i];
    return m->members >= SIDE_MIN && m->n - m->members >= SIDE_MIN &&
           positives >= CLASS_MIN && m->members - positives >= CLASS_MIN;
}

static int measure(struct member *m, const struct bench_train *t)
{
    bool dead = false;
    int err = room(m, t);
    if (!err)
        err = gather(m, t);
    if (err)
        return err;
    if (!enough(m))
        return absent(m->r, "too_few_rows");
    err = ask_model(m, &dead);
    if (err)
        return err;
    if (dead)
        return absent(m->r, "model_failed");
    if (!probability(m))
        return absent(m->r, "no_probability");
    for (size_t i = 0; i < m->n; i++)
        m->phi[i] = isnan(m->score[i]) ? NAN : phi_of(m->score[i], m->y[i]);
    err = shadows(m);
    return err ? err : conclude(m);
}

int bench_membership(struct bench_run *r)
{
    struct member m = {.r = r};
    int err;
    if (!r->train)
        return absent(r, "no_training_data");
    err = measure(&m, r->train);
    if (m.seen != m.x)
        free(m.seen);
    free(m.x);
    free(m.neighbour);
    free(m.score);
    free(m.phi);
    free(m.sum);
    free(m.squares);
    free(m.y);
    free(m.in);
    return err;
}
