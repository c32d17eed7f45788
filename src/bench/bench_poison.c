/* SPDX-License-Identifier: Apache-2.0 */
/* bench_poison -- row CY-5: was the training set tampered with? It needs that set, from
 * escrow (manifest.training); without it the row is insufficient and says why.
 *
 *   unexplained_slice_abs_z   largest |z| of a slice whose labels bend further from a
 *                             reference of main effects than the sealed ones do there, by
 *                             an exact test, error 0.01 a run (bench_slices.c); 0: there
 *                             is none
 *   effective_triggers        values that turn the model's decision on clean rows where
 *                             references fitted without their rows do not turn
 *   label_suspect_share       confident learning, out of fold: a list to look at, the
 *   suspect_line              first twenty by line of the file
 *   label_suspect_excess      the share less that of the sealed data under the same rule:
 *                             labels flipped at random show here, and nowhere else
 *   parts_*, spectral_*       each class in two groups, and its outliers, beside what
 *                             permuted columns give: of the inputs (a table has no
 *                             activations)
 *
 * Of images the references read what bench_picture.h sees of them, and the slices are of
 * that; the planted values are marks (bench_patch.c), beside STRIP (bench_strip.c).
 *
 * The two first gate. The lists alone never fail a model: honest tables have entries
 * (bench.md, 6.2). Nothing is told of fewer than ten rows but their number. */
#include "bench/bench_poison.h"
#include "bench/bench_picture.h"
#include "stat/stat_suspect.h"

enum { ROWS_MIN = 100, CLASS_MIN = 20, SUSPECTS = 20, PERMUTATIONS = 99 };
#define PARTS_SHARE      0.35 /* bench.md, 6.2 */
#define PARTS_SILHOUETTE 0.10
#define PARTS_P          0.01

int bench_poison_say(struct bench_poison *b, const char *name, const char *group,
                     double value, const double ci[2], const char *how, int64_t n)
{
    return bench_emit(b->r, "CY-5", name, group, value, ci, how, n, 0);
}

const char *bench_poison_input(const struct bench_poison *b, size_t input, char out[48])
{
    struct str name;
    size_t n;
    if (b->r->image.width) {
        bench_picture_name(&b->r->image, input, out);
        return out;
    }
    name = b->r->feature.v[input].name;
    n = AM_MIN(name.n, (size_t)40);
    for (size_t i = 0; i < n; i++)
        out[i] = name.p[i] == ';' || name.p[i] == '=' || (unsigned char)name.p[i] <= ' '
                     ? '_'
                     : name.p[i];
    while (n < name.n && n > 0 && ((unsigned char)name.p[n] & 0xC0) == 0x80)
        n--; /* whole characters */
    out[n] = '\0';
    return out;
}

/* ---- the rows ------------------------------------------------------------------------
 */
/* What references read: the rows themselves, or what they see of pictures. */
static int see(struct bench_poison *b, size_t n, size_t sealed)
{
    b->t.features = b->raw_features;
    b->x = b->raw;
    if (b->r->image.width) {
        b->t.features = bench_picture_features(&b->r->image);
        b->x = am_malloc(((n + sealed) * b->t.features + 1) * sizeof *b->x);
        if (!b->x)
            return AM_E_NOMEM;
        bench_pictures_see(&b->r->image, b->raw, n + sealed, b->x);
    }
    b->sealed_x = b->x + n * b->t.features;
    b->t = (struct bench_rows_view){b->x, b->y, n, b->t.features};
    return AM_OK;
}

int bench_poison_draw(struct bench_poison *b)
{
    const struct bench_train *t = b->r->train;
    size_t n, f = t->features, sealed = AM_MIN(b->r->used, (size_t)BENCH_TRAIN_ROWS);
    int err = bench_train_draw(t, b->r->seed, BENCH_TRAIN_ROWS, &b->row, &n);
    if (err)
        return err;
    b->raw = am_malloc(((n + sealed) * f + 1) * sizeof *b->raw);
    b->y = am_malloc(n + sealed + 1);
    b->p = am_malloc((n + 1) * sizeof *b->p);
    b->sealed_p = am_malloc((sealed + 1) * sizeof *b->sealed_p);
    if (!b->raw || !b->y || !b->p || !b->sealed_p)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        memcpy(b->raw + i * f, t->x + b->row[i] * f, f * sizeof *b->raw);
        b->y[i] = t->y[b->row[i]];
    }
    b->sealed = sealed;
    b->sealed_y = b->y + n;
    for (size_t i = 0; i < sealed; i++) {
        size_t from = i * b->r->used / sealed;
        memcpy(b->raw + (n + i) * f, b->r->x + b->r->of[from] * f, f * sizeof *b->raw);
        b->y[n + i] = b->r->y[from];
    }
    b->raw_features = f;
    return see(b, n, sealed);
}

void bench_poison_release(struct bench_poison *b)
{
    if (b->x != b->raw)
        free(b->x);
    free(b->raw);
    free(b->y);
    free(b->row);
    free(b->p);
    free(b->sealed_p);
}

/* The references: each row by a fit that did not see it, the sealed rows by one of all.
 */
static int expect(struct bench_poison *b)
{
    struct bench_reference whole;
    uint32_t *all = am_malloc((b->t.n + 1) * sizeof *all);
    int err;
    if (!all)
        return AM_E_NOMEM;
    for (size_t i = 0; i < b->t.n; i++)
        all[i] = (uint32_t)i;
    err = bench_reference_cross(BENCH_LOGISTIC, &b->t, b->r->seed, b->p);
    if (!err)
        err = bench_reference_fit(&whole, BENCH_LOGISTIC, &b->t, all, b->t.n, b->r->seed);
    free(all);
    if (err)
        return err;
    err = bench_reference_score(&whole, b->sealed_x, b->sealed, b->sealed_p);
    bench_reference_release(&whole);
    return err;
}

static int tell_rows(struct bench_poison *b, const struct bench_train *t)
{
    struct stat_auc auc;
    struct stat_ci ci;
    enum stat_ci_method how;
    int err = bench_poison_say(b, "training_rows", "", (double)t->n, bench_no_ci, "count",
                               (int64_t)t->n);
    if (!err)
        err = bench_poison_say(b, "training_rows_left_out", "", (double)t->left_out,
                               bench_no_ci, "count", (int64_t)t->n);
    if (!err)
        err = bench_poison_say(b, "training_rows_out_of_range", "", (double)t->outside,
                               bench_no_ci, "count", (int64_t)t->n);
    if (!err)
        err = bench_poison_say(b, "training_rows_examined", "", (double)b->t.n,
                               bench_no_ci, "count", (int64_t)t->n);
    if (!err)
        err = stat_auc(b->p, b->y, b->t.n, &auc);
    if (err)
        return err;
    ci = stat_auc_gate(&auc, &how);
    return bench_poison_say(b, "reference_auc", "", auc.auc, (double[2]){ci.lo, ci.hi},
                            stat_ci_method_name(how), auc.n);
}

/* ---- labels that look wrong ----------------------------------------------------------
 */
/* Sealed rows whose label the same rule suspects: what nature alone leaves in doubt. */
static int64_t sealed_suspects(const struct bench_poison *b, const struct stat_noise *s)
{
    int64_t n = 0;
    for (size_t i = 0; i < b->sealed; i++) {
        double own = b->sealed_y[i] ? b->sealed_p[i] : 1 - b->sealed_p[i];
        n += own < 0.5 && 1 - own >= s->threshold[!b->sealed_y[i]];
    }
    return n;
}

static int tell_excess(struct bench_poison *b, const struct stat_noise *s, int64_t all)
{
    int64_t n = (int64_t)b->t.n, there = sealed_suspects(b, s),
            sealed = (int64_t)b->sealed;
    struct stat_ci ci = stat_newcombe(all, n, there, sealed);
    return bench_poison_say(b, "label_suspect_excess", "",
                            stat_proportion(all, n) - stat_proportion(there, sealed),
                            (double[2]){ci.lo, ci.hi}, "newcombe_sealed", n);
}

static int tell_noise(struct bench_poison *b)
{
    struct stat_noise s;
    struct stat_ci ci;
    char group[32];
    int64_t all, n = (int64_t)b->t.n;
    int err = stat_label_noise(b->p, b->y, b->t.n, &s);
    if (err)
        return err;
    all = s.suspects[0] + s.suspects[1];
    ci = stat_wilson(all, n);
    err = bench_poison_say(b, "label_suspect_share", "", stat_proportion(all, n),
                           (double[2]){ci.lo, ci.hi}, "wilson", n);
    if (!err)
        err = tell_excess(b, &s, all);
    for (int y = 0; y < 2 && !err; y++) {
        snprintf(group, sizeof group, "label=%d", y);
        err = bench_poison_say(b, "label_suspects", group, (double)s.suspects[y],
                               bench_no_ci, "confident_learning", n);
    }
    for (size_t i = 0; i < AM_MIN((size_t)SUSPECTS, b->t.n) && !err; i++) {
        snprintf(group, sizeof group, "rank=%zu", i + 1);
        err = bench_poison_say(b, "suspect_line", group,
                               b->r->train->line[b->row[s.order[i]]], bench_no_ci,
                               "out_of_fold", n);
    }
    stat_noise_release(&s);
    return err;
}

/* ---- groups inside a class -----------------------------------------------------------
 */
static int tell_class(struct bench_poison *b, int y, const struct stat_parts *s)
{
    double share = stat_proportion(s->small, s->n);
    bool alarm =
        share < PARTS_SHARE && s->silhouette > PARTS_SILHOUETTE && s->p <= PARTS_P;
    struct stat_ci ci = stat_wilson(s->above, s->n);
    char group[32];
    int err;
    snprintf(group, sizeof group, "label=%d", y);
    err = bench_poison_say(b, "parts_silhouette", group, s->silhouette, bench_no_ci,
                           "inputs_pca10_2means", s->n);
    if (!err)
        err = bench_poison_say(b, "parts_permutation_p", group, s->p, bench_no_ci,
                               "columns_permuted", s->n);
    if (!err)
        err = bench_poison_say(b, "parts_small_share", group, share, bench_no_ci, "count",
                               s->n);
    if (!err)
        err = bench_poison_say(b, "parts_alarm", group, alarm, bench_no_ci, "rule", s->n);
    return err ? err
               : bench_poison_say(
                     b, "spectral_above_share", group, stat_proportion(s->above, s->n),
                     (double[2]){ci.lo, ci.hi}, "columns_permuted_1pc", s->n);
}

/* Rows of one class, evenly over the order when there are more than are looked at. */
static int tell_parts(struct bench_poison *b)
{
    size_t f = b->t.features;
    double *x = am_malloc((STAT_PARTS_ROWS * f + 1) * sizeof *x);
    int err = x ? AM_OK : AM_E_NOMEM;
    for (int y = 0; y < 2 && !err; y++) {
        struct stat_parts s;
        size_t of = 0, seen = 0, n = 0;
        for (size_t i = 0; i < b->t.n; i++)
            of += b->y[i] == y;
        for (size_t i = 0; i < b->t.n; i++) {
            size_t most = AM_MIN(of, (size_t)STAT_PARTS_ROWS);
            if (b->y[i] != y)
                continue;
            if (n < most && seen++ == n * of / most)
                memcpy(x + n++ * f, b->x + i * f, f * sizeof *x);
        }
        err = stat_parts(x, n, f, PERMUTATIONS, b->r->seed,
                         BENCH_DRAW_PARTS + (uint64_t)y, &s);
        if (err == AM_E_TOOBIG) {
            s = (struct stat_parts){.silhouette = NAN, .p = NAN};
            err = AM_OK;
        }
        if (!err)
            err = tell_class(b, y, &s);
    }
    free(x);
    return err;
}

/* ---- the family ----------------------------------------------------------------------
 */
static int absent(struct bench_poison *b, const char *why)
{
    int err =
        bench_poison_say(b, "unexplained_slice_abs_z", "", NAN, bench_no_ci, why, 0);
    return err ? err
               : bench_poison_say(b, "effective_triggers", "", NAN, bench_no_ci, why, 0);
}

int bench_poisoning(struct bench_run *r)
{
    struct bench_poison b = {.r = r};
    struct bench_strip strip;
    const struct bench_train *t = r->train;
    int64_t negatives = t ? (int64_t)t->n - t->positives : 0;
    int err;
    if (!t)
        return absent(&b, "no_training_data");
    if (t->n < ROWS_MIN || t->positives < CLASS_MIN || negatives < CLASS_MIN)
        return absent(&b, "too_few_rows");
    err = bench_poison_draw(&b);
    if (!err)
        err = expect(&b);
    if (!err)
        err = bench_poison_slices(&b);
    if (!err && !r->image.width)
        err = bench_poison_triggers(&b);
    if (!err && r->image.width)
        err = bench_poison_strip(&b, &strip);
    if (!err && r->image.width)
        err = bench_poison_patches(&b, &strip);
    if (!err)
        err = tell_rows(&b, t);
    if (!err)
        err = tell_noise(&b);
    if (!err)
        err = tell_parts(&b);
    bench_poison_release(&b);
    return err;
}
