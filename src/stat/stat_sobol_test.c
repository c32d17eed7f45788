/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "stat/stat_sobol.h"

/* The first points of the sequence in three coordinates, as printed in P. Bratley and B.
 * L. Fox, ACM TOMS 14 (1988) 88, and by scipy.stats.qmc.Sobol(3, scramble=False). */
static void the_first_points_are_the_published_ones(void **state)
{
    static const double want[8][3] = {
        {0, 0, 0},          {.5, .5, .5},       {.75, .25, .25},    {.25, .75, .75},
        {.375, .375, .625}, {.875, .875, .125}, {.625, .125, .875}, {.125, .625, .375}};
    double x[24];
    (void)state;
    assert_ok(stat_sobol(8, 3, 1, 1, x));
    for (size_t i = 0; i < 24; i++)
        assert_true(x[i] == want[i / 3][i % 3]);
}

/* Every coordinate of 2^k points meets each interval of length 2^-k exactly once, and
 * (t = 0 for the first two) every pair box of area 2^-k. */
static void every_coordinate_is_stratified(void **state)
{
    enum { N = 128, D = 50 };
    static double x[N * D];
    bool seen[N];
    (void)state;
    assert_ok(stat_sobol(N, D, 3, 4, x));
    for (size_t c = 0; c < D; c++) {
        memset(seen, 0, sizeof seen);
        for (size_t i = 0; i < N; i++)
            seen[(size_t)(x[i * D + c] * N)] = true;
        for (size_t i = 0; i < N; i++)
            assert_true(seen[i]);
    }
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < N; i++)
        seen[(size_t)(x[i * D] * 8) * 16 + (size_t)(x[i * D + 1] * 16)] = true;
    for (size_t i = 0; i < N; i++)
        assert_true(seen[i]);
}

static void no_two_coordinates_are_the_same(void **state)
{
    enum { N = 64, D = 63 };
    static double x[N * D];
    (void)state;
    assert_ok(stat_sobol(N, D, 1, 1, x));
    for (size_t a = 0; a < D; a++)
        for (size_t b = 0; b < a; b++) {
            size_t same = 0;
            for (size_t i = 0; i < N; i++)
                same += x[i * D + a] == x[i * D + b];
            assert_true(same < N / 2);
        }
}

static void too_many_points_are_refused(void **state)
{
    double x;
    (void)state;
    assert_int_equal(stat_sobol((size_t)STAT_SOBOL_POINTS_MAX + 1, 1, 1, 1, &x),
                     AM_E_TOOBIG);
}

TEST_MAIN(TEST(the_first_points_are_the_published_ones),
          TEST(every_coordinate_is_stratified), TEST(no_two_coordinates_are_the_same),
          TEST(too_many_points_are_refused))
