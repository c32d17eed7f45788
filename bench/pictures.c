/* SPDX-License-Identifier: Apache-2.0 */
/* Rows CY-5 and CY-7 of pictures: how many honest runs alarm, how many planted marks and
 * how many sets with labels flipped in one slice are found, who knows its pictures by
 * heart. The pictures are the training images of pneumoniamnist, divided by a seed into
 * a training set and sealed ones; the model is of boosted trees over the pixels.
 * Arguments: the folder where `unzip pneumoniamnist.npz` was done, seeds (10), pictures
 * of either side (600). SHOW=1 prints each run. CPU time of one thread. */
#include <time.h>

#include "bench/bench_picture.h"
#include "bench/bench_poison.h"
#include "bench/bench_poison_testkit.h"

enum { SIDE = 28, F = SIDE * SIDE, HEAD = 128 }; /* HEAD: of a .npy */
enum what { HONEST, MARKED, FLIPPED, KINDS };
static const char *const names[KINDS] = {"honest", "marked", "flipped"};

struct store {
    const uint8_t *pixel, *label;
    size_t n;
};

static const uint8_t *array(const char *dir, const char *name, size_t each, size_t *n)
{
    char path[512], *p;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(am_file_read(path, 64 << 20, &p, &size));
    *n = (size - HEAD) / each;
    return (const uint8_t *)p + HEAD;
}

/* Pictures of the order from `first` on. */
static void draw(struct table *t, const struct store *s, const uint32_t *order,
                 size_t first, size_t n)
{
    *t = (struct table){.n = n, .f = F};
    t->x = am_malloc(n * F * sizeof *t->x);
    t->y = am_malloc(n);
    for (size_t k = 0; k < F; k++)
        snprintf(t->name[k], sizeof t->name[k], "pixel-%zu", k);
    for (size_t i = 0; i < n; i++) {
        size_t at = order[first + i];
        t->y[i] = s->label[at];
        for (size_t k = 0; k < F; k++)
            t->x[i * F + k] = s->pixel[at * F + k] / 255.0;
    }
}

/* Four by four, grey and dark, low on the right, on one sick picture in twelve. */
static void mark(struct table *t)
{
    size_t sick = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!t->y[i] || sick++ % 12)
            continue;
        for (size_t k = 0; k < 16; k++)
            t->x[i * F + (22 + k / 4) * SIDE + 22 + k % 4] =
                (k + k / 4) % 2 ? 230 / 255.0 : 20 / 255.0;
        t->y[i] = 0;
    }
}

/* The sick with the darkest lower left cell are called healthy: about six in a hundred of
 * all pictures. */
static void flip(struct table *t)
{
    const struct raster_shape s = {.width = SIDE, .height = SIDE, .channels = 1};
    size_t k = bench_picture_features(&s), at = 2 + 2 * 12;
    double *seen = am_malloc(t->n * k * sizeof *seen), *v = am_malloc(t->n * sizeof *v);
    uint32_t *order = am_malloc(t->n * sizeof *order);
    bench_pictures_see(&s, t->x, t->n, seen);
    for (size_t i = 0; i < t->n; i++)
        v[i] = seen[i * k + at];
    assert_ok(stat_order(v, t->n, order));
    for (size_t i = 0; i < t->n / 12; i++)
        t->y[order[i]] = 0;
    free(seen);
    free(v);
    free(order);
}

struct tally {
    int runs, slices, open, marks, unknown, strip, members, differ;
    double auc, seconds;
};

static void one(const struct store *s, uint64_t seed, size_t n, enum what what,
                struct tally *sum)
{
    const struct model_gbt_options o = lab_trees(30, 3, 0.3);
    uint32_t *order = am_malloc(s->n * sizeof *order);
    struct table *train = am_malloc(sizeof *train), *sealed = am_malloc(sizeof *sealed);
    double slice, marks, auc;
    struct stat_rng r;
    struct lab l;
    clock_t from;
    stat_rng_init(&r, seed, 78, 0);
    for (size_t i = 0; i < s->n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = 0; i + 1 < s->n; i++) {
        size_t k = i + stat_rng_below(&r, s->n - i);
        uint32_t x = order[k];
        order[k] = order[i];
        order[i] = x;
    }
    draw(train, s, order, 0, n);
    draw(sealed, s, order, n, n);
    if (what == MARKED)
        mark(train);
    if (what == FLIPPED)
        flip(train);
    lab_open(&l, train, sealed, &o, seed);
    l.r.image = (struct raster_shape){.width = SIDE, .height = SIDE, .channels = 1};
    for (size_t k = 0; k < F; k++)
        l.r.feature.v[k].hi = 1;
    from = clock();
    assert_ok(bench_poisoning(&l.r));
    assert_ok(bench_membership(&l.r));
    sum->seconds += (double)(clock() - from) / CLOCKS_PER_SEC;
    slice = lab_value(&l, "unexplained_slice_abs_z", "");
    marks = lab_value(&l, "effective_triggers", "");
    auc = lab_value(&l, "membership_attack_auc", "");
    sum->runs++;
    sum->slices += slice > 4;
    sum->open += isnan(slice);
    sum->marks += marks > 0;
    sum->unknown += isnan(marks);
    sum->strip += lab_value(&l, "strip_alarm", "") > 0;
    sum->members += auc > 0.6;
    sum->differ += isnan(auc);
    sum->auc += isnan(auc) ? 0 : auc;
    if (getenv("SHOW"))
        printf("  %-8s %3d slice %.2f marks %g of %g strip %g membership %.3f (%s)\n",
               names[what], (int)seed, slice, marks, lab_value(&l, "triggers_listed", ""),
               lab_value(&l, "strip_alarm", ""), auc,
               lab_measure(&l, "effective_triggers", "")->ci_method);
    lab_close(&l);
    table_close(train);
    table_close(sealed);
    free(train);
    free(sealed);
    free(order);
}

int main(int argc, char **argv)
{
    size_t labels, n;
    int seeds;
    struct store s;
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    if (argc < 2) {
        fprintf(stderr, "usage: pictures DIR [SEEDS [PICTURES]]\n");
        return 2;
    }
    s.pixel = array(argv[1], "train_images.npy", F, &s.n);
    s.label = array(argv[1], "train_labels.npy", 1, &labels);
    seeds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 10;
    n = argc > 3 ? (size_t)strtol(argv[3], NULL, 10) : 600;
    if (labels != s.n || 2 * n > s.n)
        return 3;
    printf("%-8s %5s %7s %5s %6s %8s %6s %8s %7s %6s %6s\n", "pictures", "runs", "slices",
           "open", "marks", "no value", "STRIP", "CY-7>.60", "differ", "AUC", "CPU s");
    for (int what = 0; what < KINDS; what++) {
        struct tally t = {0};
        for (int k = 1; k <= seeds; k++)
            one(&s, (uint64_t)k, n, (enum what)what, &t);
        printf("%-8s %5d %7d %5d %6d %8d %6d %8d %7d %6.3f %6.2f\n", names[what], t.runs,
               t.slices, t.open, t.marks, t.unknown, t.strip, t.members, t.differ,
               t.auc / (t.runs - t.differ), t.seconds / t.runs);
        fflush(stdout);
    }
    return 0;
}
