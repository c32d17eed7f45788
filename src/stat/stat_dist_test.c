/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers: mpmath 1.2.1 at 40 digits (gammainc, betainc, hyp2f1, quad, nsum,
 * findroot) and, for D_n, scipy 1.10.1 (scipy.stats.kstwo.sf). */
#include <math.h>

#include "base/test.h"
#include "stat/stat_dist.h"

static void relative_(double a, double b, double tol, int line)
{
    if (!(fabs(a - b) <= tol * fabs(b)))
        fail_msg("line %d: %.17g is not within %g (relative) of %.17g", line, a, tol, b);
}
#define relative(a, b, tol) relative_((a), (b), (tol), __LINE__)

static void gamma_known_answers(void **state)
{
    (void)state;
    static const double known[][4] = {
        {1e-06, 0.5, 0.0011283787909692364, 0.99887162120903076},
        {0.3, 0.5, 0.56142197391900014, 0.43857802608099986},
        {8, 0.5, 0.99993665751633376, 6.3342483666239843e-5},
        {1, 1, 0.63212055882855768, 0.36787944117144232},
        {40, 1.5, 0.99999999999999997, 3.0692774861724171e-17},
        {2.5, 3, 0.45618688411667048, 0.54381311588332952},
        {9, 10, 0.41259175566805859, 0.58740824433194141},
        {30, 10, 0.99999287824913718, 7.1217508628155771e-6},
        {70, 100, 0.00043037259497989086, 0.99956962740502011},
        {140, 100, 0.99983894282528744, 0.00016105717471255586},
        {10000.0, 10000.0, 0.5013298083399552, 0.4986701916600448},
        {10500, 10000.0, 0.99999957241275449, 4.2758724550596473e-7},
        {999000, 1000000.0, 0.15865521357430365, 0.84134478642569635},
        {0.2, 0.01, 0.98778440945675419, 0.012215590543245809},
    };
    for (size_t i = 0; i < AM_LEN(known); i++) {
        relative(stat_gamma_lower(known[i][0], known[i][1]), known[i][2], 1e-12);
        relative(stat_gamma_upper(known[i][0], known[i][1]), known[i][3], 1e-12);
        relative(stat_chi2_upper(2 * known[i][0], 2 * known[i][1]), known[i][3], 1e-12);
    }
}

static void gamma_ends_and_domain(void **state)
{
    (void)state;
    assert_true(stat_gamma_lower(0, 2) == 0 && stat_gamma_upper(0, 2) == 1);
    assert_true(stat_gamma_lower(INFINITY, 2) == 1 && stat_gamma_upper(INFINITY, 2) == 0);
    assert_true(stat_absent(stat_gamma_lower(-1, 2)));
    assert_true(stat_absent(stat_gamma_upper(1, 0)));
    assert_true(stat_absent(stat_gamma_upper(NAN, 1)));
    assert_true(stat_absent(stat_gamma_upper(1, INFINITY)));
    assert_true(stat_chi2_upper(-3, 1) == 1 && stat_chi2_upper(INFINITY, 1) == 0);
    assert_true(stat_absent(stat_chi2_upper(1, 0)) &&
                stat_absent(stat_chi2_upper(NAN, 1)));
}

static void t_known_answers(void **state)
{
    (void)state;
    static const double known[][3] = {
        {0, 3, 0.5},
        {1e-06, 5, 0.50000037960668982},
        {0.5, 1, 0.64758361765043327},
        {-1, 1, 0.25},
        {-2, 2, 0.091751709536136984},
        {-12.7, 1, 0.02501216384467208},
        {2.2281388519649385, 10, 0.97499999999909567},
        {-40, 3, 1.7190340394579264e-5},
        {-5, 30, 1.1648342733503898e-5},
        {1.5, 2.5, 0.87608177345685187},
        {-8, 1000, 1.7133307411957372e-15},
        {-30, 1000000.0, 6.0100471168317189e-198},
        {0.001, 1000000.0, 0.50039894211417546},
        {-100000000.0, 2, 4.9999999999999992e-17},
    };
    for (size_t i = 0; i < AM_LEN(known); i++) {
        relative(stat_t_cdf(known[i][0], known[i][1]), known[i][2], 1e-12);
        double p = known[i][2] < 0.5 ? known[i][2] : 1 - known[i][2];
        assert_near(stat_t_p2(known[i][0], known[i][1]), 2 * p, 1e-12);
    }
    assert_true(stat_t_cdf(INFINITY, 3) == 1 && stat_t_cdf(-INFINITY, 3) == 0);
    relative(stat_t_cdf(1.96, INFINITY), stat_normal_cdf(1.96), 1e-15);
    assert_true(stat_absent(stat_t_cdf(NAN, 3)) && stat_absent(stat_t_cdf(1, 0)) &&
                stat_absent(stat_t_p2(1, -1)));
}

static void t_quantile_known_answers(void **state)
{
    (void)state;
    static const double known[][3] = {
        {0.975, 1, 12.706204736174693},         {0.975, 2, 4.3026527297494618},
        {0.975, 3, 3.1824463052837084},         {0.975, 10, 2.2281388519862742},
        {0.975, 1000, 1.9623390808264081},      {0.6, 4, 0.27072229470759736},
        {0.5000001, 7, 2.5974602742784955e-7},  {1e-10, 1, -3183098861.8379066},
        {1e-10, 5, -156.82559270889432},        {0.025, 2.5, -3.5746548420036831},
        {0.3, 1000000.0, -0.52440067986020892},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        relative(stat_t_quantile(known[i][0], known[i][1]), known[i][2], 1e-12);
    assert_true(stat_t_quantile(0.5, 4) == 0);
    assert_true(stat_t_quantile(0, 4) == -INFINITY && stat_t_quantile(1, 4) == INFINITY);
    relative(stat_t_quantile(0.975, INFINITY), STAT_Z95, 1e-15);
    assert_true(stat_absent(stat_t_quantile(1.1, 4)) &&
                stat_absent(stat_t_quantile(0.2, 0)) &&
                stat_absent(stat_t_quantile(NAN, 1)));
}

static void t_quantile_inverts_the_cdf(void **state)
{
    (void)state;
    for (double df = 0.5; df < 1e7; df *= 3)
        for (double p = 1e-6; p < 0.999; p += 0.0371)
            relative(stat_t_cdf(stat_t_quantile(p, df), df), p, df < 1e4 ? 1e-12 : 1e-10);
}

static void kolmogorov_known_answers(void **state)
{
    (void)state;
    static const double known[][2] = {
        {0.05, 1},
        {0.1, 1},
        {0.3, 0.99999069419866543},
        {0.6, 0.86428277905060433},
        {0.99, 0.28087383922554892},
        {1, 0.26999967167735452},
        {1.01, 0.25943416909359744},
        {1.36, 0.049485876755377884},
        {2, 0.00067092525577969535},
        {5, 3.8574996959278356e-22},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        relative(stat_kolmogorov_upper(known[i][0]), known[i][1], 1e-12);
    assert_true(stat_kolmogorov_upper(-1) == 1 && stat_kolmogorov_upper(INFINITY) == 0);
    assert_true(stat_absent(stat_kolmogorov_upper(NAN)));
}

static void ks_known_answers(void **state)
{
    (void)state;
    static const struct {
        double d;
        int64_t n;
        double p;
    } known[] = {
        {0.274, 10, 0.37152038454349567},
        {0.1, 5, 1},
        {0.19, 5, 0.97732518400000001},
        {0.5, 5, 0.112},
        {0.9, 10, 1.9999999999999957e-10},
        {0.95, 10, 1.9531250000000172e-13},
        {0.17182974989030278, 87, 0.01024816899798231},
        {0.029013195550949056, 169, 0.99814537287433225},
        {0.3, 100, 1.7719869892662917e-08},
        {0.05132046254060696, 162, 0.76723853517765406},
        {0.02, 3000, 0.17889813623188955},
        {0.02, 20000, 2.2181270070049744e-07},
        {0.2, 500, 5.2568353619458688e-18},
        {0.01, 50000, 9.0180488118436018e-05},
    };
    for (size_t i = 0; i < AM_LEN(known); i++)
        relative(stat_ks_upper(known[i].d, known[i].n), known[i].p,
                 known[i].n <= 10000 ? 1e-10 : 1e-3);
    assert_true(stat_ks_upper(0, 7) == 1 && stat_ks_upper(1, 7) == 0);
    assert_true(stat_absent(stat_ks_upper(-0.1, 7)) && stat_absent(stat_ks_upper(2, 7)) &&
                stat_absent(stat_ks_upper(0.1, 0)) && stat_absent(stat_ks_upper(NAN, 3)));
}

static void ks_falls_with_d_across_its_methods(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 7, 139, 140, 141, 1000, 9999, 10001, 1000000};
    for (size_t i = 0; i < AM_LEN(sizes); i++) {
        double last = 1;
        for (double d = 0; d <= 1; d += 0.0005) {
            double p = stat_ks_upper(d, sizes[i]);
            if (!(p >= 0 && p <= last * (1 + 1e-6) + 1e-12))
                fail_msg("n %lld, d %g: %.17g after %.17g", (long long)sizes[i], d, p,
                         last);
            last = p;
        }
    }
    assert_near(stat_ks_upper(1.36 / 1e4, 100000000), stat_kolmogorov_upper(1.36), 1e-4);
}

TEST_MAIN(TEST(gamma_known_answers), TEST(gamma_ends_and_domain), TEST(t_known_answers),
          TEST(t_quantile_known_answers), TEST(t_quantile_inverts_the_cdf),
          TEST(kolmogorov_known_answers), TEST(ks_known_answers),
          TEST(ks_falls_with_d_across_its_methods))
