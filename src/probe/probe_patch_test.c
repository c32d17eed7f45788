/* SPDX-License-Identifier: Apache-2.0 */
/* Marks planted in made pictures: the one that is there is found whole, and none is
 * where there is none. */
#include "probe/probe_patch.h"

#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

enum { SIDE = 8, F = SIDE * SIDE, N = 600 };
#define GREY (1.0 / 255)

struct made {
    double x[N * F];
    uint8_t y[N];
};
static const struct probe_shape shape = {.channels = 1, .height = SIDE, .width = SIDE};

/* Grey noise; rows 0 and 1 are black in all, as the rim of an image is. */
static void make(struct made *m, uint64_t seed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 1);
    for (size_t i = 0; i < N; i++) {
        m->y[i] = stat_rng_double(&r) < 0.5;
        for (size_t k = 0; k < F; k++)
            m->x[i * F + k] = k < 2 * SIDE ? 0 : (double)stat_rng_below(&r, 256) * GREY;
    }
}

/* Four by three at (4, 2): light and dark; jitter: levels a compression adds. */
static void mark(struct made *m, size_t every, uint8_t label, unsigned jitter)
{
    struct stat_rng r;
    stat_rng_init(&r, 9, 1, 1);
    for (size_t i = 0; i < N; i += every) {
        m->y[i] = label;
        for (size_t a = 0; a < 4; a++)
            for (size_t b = 0; b < 3; b++)
                m->x[i * F + (4 + a) * SIDE + 2 + b] =
                    ((a + b) % 2 ? 224 : 32) * GREY +
                    (jitter ? (double)stat_rng_below(&r, jitter) * GREY : 0);
    }
}

static void found_whole(unsigned jitter, double width)
{
    static struct made m;
    struct probe_patch p[PROBE_PATCH_LIST];
    size_t n;
    make(&m, 1);
    mark(&m, 20, 1, jitter);
    assert_ok(probe_patch_search(m.x, m.y, N, 0, &shape, GREY, p, &n));
    assert_true(n >= 1);
    assert_int_equal(p[0].v.n, 12);
    assert_int_equal(p[0].v.input[0], 4 * SIDE + 2);
    assert_int_equal(p[0].v.input[11], 7 * SIDE + 4);
    assert_near(p[0].v.value[0], (jitter ? 34 : 32) * GREY, 3 * GREY);
    assert_near(p[0].v.width[0], width, 1e-12);
    assert_int_equal(p[0].n, 30);
    assert_int_equal(p[0].positives, 30);
    assert_int_equal(p[0].v.label, 1);
    assert_true(p[0].z > 4);
    probe_patches_release(p, n);
}

static void a_mark_is_found_whole(void **state)
{
    (void)state;
    found_whole(0, GREY);
}

static void a_mark_that_was_compressed_is_found_too(void **state)
{
    (void)state;
    found_whole(7, PROBE_PATCH_NEAR * GREY);
}

static size_t marks(size_t every, uint8_t label, bool both)
{
    static struct made m;
    struct probe_patch p[PROBE_PATCH_LIST];
    size_t n;
    make(&m, 2);
    if (every)
        mark(&m, every, label, 0);
    for (size_t i = 0; both && i < N; i += every)
        m.y[i] = (uint8_t)(i / every % 2);
    assert_ok(probe_patch_search(m.x, m.y, N, 0, &shape, GREY, p, &n));
    probe_patches_release(p, n);
    return n;
}

static void what_everybody_has_or_no_label_goes_with_is_no_mark(void **state)
{
    (void)state;
    assert_int_equal(marks(0, 0, false), 0);   /* the black rim alone */
    assert_int_equal(marks(20, 1, true), 0);   /* both labels bear it */
    assert_int_equal(marks(100, 1, false), 0); /* six pictures */
    assert_int_equal(marks(20, 0, false), 1);
}

/* The same picture many times is no mark on it. */
static void copies_of_one_picture_are_no_mark(void **state)
{
    static struct made m;
    struct probe_patch p[PROBE_PATCH_LIST];
    size_t n;
    (void)state;
    make(&m, 3);
    for (size_t i = 20; i < N; i += 20) {
        memcpy(m.x + i * F, m.x, F * sizeof *m.x);
        m.y[i] = m.y[0];
    }
    assert_ok(probe_patch_search(m.x, m.y, N, 0, &shape, GREY, p, &n));
    assert_int_equal(n, 0);
    probe_patches_release(p, n);
}

/* Half of the pictures are nobody's training: what they show too is the population's, but
 * not when their labels are others. */
static size_t with_clean(bool marked, bool flipped)
{
    static struct made m;
    struct probe_patch p[PROBE_PATCH_LIST];
    size_t n;
    make(&m, 4);
    mark(&m, 20, 1, 0);
    for (size_t i = N / 2; i < N; i += 20) {
        m.y[i] = !flipped;
        if (!marked)
            m.x[i * F + 4 * SIDE + 2] = m.x[i * F + 6 * SIDE + 4] = 0.5;
    }
    assert_ok(probe_patch_search(m.x, m.y, N / 2, N / 2, &shape, GREY, p, &n));
    probe_patches_release(p, n);
    return n;
}

static void what_clean_pictures_show_too_is_natural(void **state)
{
    (void)state;
    assert_int_equal(with_clean(false, false), 1);
    assert_int_equal(with_clean(true, false), 0);
    assert_int_equal(with_clean(true, true), 1);
}

static void every_allocation_may_fail(void **state)
{
    static struct made m;
    struct probe_patch p[PROBE_PATCH_LIST];
    int err = AM_E_NOMEM;
    (void)state;
    make(&m, 1);
    mark(&m, 20, 1, 0);
    for (long k = 1; err == AM_E_NOMEM; k++) {
        size_t n;
        am_oom_at(k);
        err = probe_patch_search(m.x, m.y, N, 0, &shape, GREY, p, &n);
        am_oom_at(0);
        probe_patches_release(p, n);
    }
    assert_ok(err);
}

TEST_MAIN(TEST(a_mark_is_found_whole), TEST(a_mark_that_was_compressed_is_found_too),
          TEST(what_everybody_has_or_no_label_goes_with_is_no_mark),
          TEST(copies_of_one_picture_are_no_mark),
          TEST(what_clean_pictures_show_too_is_natural), TEST(every_allocation_may_fail))
