/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle here is the definition, pair by pair in O(m k): it shares no code with the
 * ranks. Agreement with R and Python on real tables is tested in cmd/cmd_stat_test.c. */
#include <math.h>

#include "base/test.h"
#include "stat/stat.h"

enum { N = 240 };
static double sa[N], sb[N];
static uint8_t y[N];
static uint32_t part[N];

/* Rounded scores, hence ties inside and across classes; b is a noisy copy of a. */
static void sample(uint64_t seed)
{
    struct stat_rng r;
    stat_rng_init(&r, seed, 1, 0);
    for (size_t i = 0; i < N; i++) {
        y[i] = stat_rng_double(&r) < 0.3;
        sa[i] = round(4 * (stat_rng_normal(&r) + y[i])) / 4;
        sb[i] = round(4 * (sa[i] + stat_rng_normal(&r))) / 4;
        part[i] = (uint32_t)stat_rng_below(&r, 60);
    }
}

static double psi(double pos, double neg)
{
    return pos > neg ? 1 : pos == neg ? 0.5 : 0;
}

/* placements by definition */
static void naive_place(const double *s, const uint8_t *label, size_t n, double *v)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0, of = 0;
        for (size_t j = 0; j < n; j++)
            if (label[j] != label[i]) {
                sum += label[i] ? psi(s[i], s[j]) : psi(s[j], s[i]);
                of++;
            }
        v[i] = sum / of;
    }
}

static double mean_of(const double *v, const uint8_t *label, size_t n, uint8_t class)
{
    double sum = 0, of = 0;
    for (size_t i = 0; i < n; i++)
        if (label[i] == class)
            sum += v[i], of++;
    return sum / of;
}

/* S/n of one class: its part of DeLong's (co)variance */
static double naive_cov(const double *v, const double *w, const uint8_t *label, size_t n,
                        uint8_t class)
{
    double mv = mean_of(v, label, n, class), mw = mean_of(w, label, n, class), sum = 0,
           of = 0;
    for (size_t i = 0; i < n; i++)
        if (label[i] == class)
            sum += (v[i] - mv) * (w[i] - mw), of++;
    return sum / (of - 1) / of;
}

static double naive_delong(const double *v, const double *w)
{
    return naive_cov(v, w, y, N, 1) + naive_cov(v, w, y, N, 0);
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    double v[N], place[N];
    struct stat_auc a, b;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sample(seed);
        naive_place(sa, y, N, v);
        assert_ok(stat_auc(sa, y, N, &a));
        assert_near(a.auc, mean_of(v, y, N, 1), 1e-14);
        assert_near(a.auc, mean_of(v, y, N, 0), 1e-14);
        assert_true(fabs(a.var / naive_delong(v, v) - 1) < 1e-12);
        assert_ok(stat_auc_placements(sa, y, N, &b, place));
        assert_memory_equal(&a, &b, sizeof a); /* two sorts, same bits */
        for (size_t i = 0; i < N; i++)
            assert_near(place[i], v[i], 1e-14);
    }
}

static void known_answer_by_hand(void **state)
{
    (void)state;
    /* positives 1, 3, 3; negatives 0, 1, 2, 3. V10 = 1.5/4, 3.5/4, 3.5/4; AUC = 8.5/12.
     * V01 = 3/3, 2.5/3, 2/3, 1/3. S10 = 1/12, S01 = 5/... by fractions: 2.1875/27. */
    const double s[] = {1, 0, 3, 1, 3, 2, 3};
    const uint8_t l[] = {1, 0, 1, 0, 1, 0, 0};
    struct stat_auc a;
    assert_ok(stat_auc(s, l, 7, &a));
    assert_int_equal(a.n, 7);
    assert_int_equal(a.n_pos, 3);
    assert_near(a.auc, 8.5 / 12, 1e-16);
    assert_near(a.var, (1.0 / 12) / 3 + (2.1875 / 27) / 4, 1e-16);
}

static void row_order_does_not_matter(void **state)
{
    (void)state;
    struct stat_auc a, b;
    struct stat_compare c, d;
    struct stat_rng r;
    sample(7);
    assert_ok(stat_auc(sa, y, N, &a));
    assert_ok(stat_auc_paired(sa, sb, y, N, &c));
    stat_rng_init(&r, 9, 0, 0);
    for (size_t i = N; i > 1; i--) {
        size_t j = stat_rng_below(&r, i);
        double t = sa[i - 1], u = sb[i - 1];
        uint8_t l = y[i - 1];
        sa[i - 1] = sa[j], sb[i - 1] = sb[j], y[i - 1] = y[j];
        sa[j] = t, sb[j] = u, y[j] = l;
    }
    assert_ok(stat_auc(sa, y, N, &b));
    assert_ok(stat_auc_paired(sa, sb, y, N, &d));
    assert_memory_equal(&a, &b, sizeof a); /* to the bit */
    assert_true(c.cov == d.cov && c.z == d.z && c.var == d.var);
}

static void monotone_transforms_and_flips(void **state)
{
    (void)state;
    struct stat_auc a, b;
    double t[N];
    uint8_t flip[N];
    sample(3);
    assert_ok(stat_auc(sa, y, N, &a));
    for (size_t i = 0; i < N; i++)
        t[i] = exp(3 * sa[i]) - 5e3;
    assert_ok(stat_auc(t, y, N, &b));
    assert_memory_equal(&a, &b, sizeof a);
    for (size_t i = 0; i < N; i++)
        t[i] = -sa[i], flip[i] = !y[i];
    assert_ok(stat_auc(t, y, N, &b)); /* scores reversed */
    assert_near(b.auc, 1 - a.auc, 1e-15);
    assert_true(fabs(b.var / a.var - 1) < 1e-14);
    assert_ok(stat_auc(sa, flip, N, &b)); /* labels reversed */
    assert_near(b.auc, 1 - a.auc, 1e-15);
    assert_ok(stat_auc(t, flip, N, &b)); /* both */
    assert_near(b.auc, a.auc, 1e-15);
    assert_true(fabs(b.var / a.var - 1) < 1e-14);
}

static void signs_zeros_infinities_and_nan(void **state)
{
    (void)state;
    const double s[] = {-INFINITY, -1, -0.0, 0.0, 5e-324, 1, INFINITY, NAN, -NAN};
    const uint8_t l[] = {0, 0, 0, 1, 1, 1, 1, 1, 0};
    struct stat_auc a;
    double place[9];
    uint32_t order[9];
    assert_ok(stat_auc(s, l, 9, &a));
    assert_int_equal(a.rejected, 2);
    assert_int_equal(a.n, 7);
    assert_near(a.auc, 11.5 / 12, 1e-16); /* -0 ties with +0 */
    assert_ok(stat_auc_placements(s, l, 9, &a, place));
    assert_true(stat_absent(place[7]) && stat_absent(place[8]));
    assert_near(place[3], 2.5 / 3, 1e-16);
    for (size_t i = 0; i + 1 < 7; i++)
        assert_true(i == 2 ? stat_key(s[i]) == stat_key(s[i + 1])
                           : stat_key(s[i]) < stat_key(s[i + 1]));
    assert_ok(stat_order(s, 9, order));
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(order[i], i); /* stable, NaN of both signs last */
    const uint8_t bad[] = {0, 2};
    assert_int_equal(stat_auc(s, bad, 2, &a), AM_E_INVALID);
    struct stat_confusion c;
    assert_int_equal(stat_confuse(s, bad, 2, 0, &c), AM_E_INVALID);
}

static bool none(struct stat_ci ci)
{
    return stat_absent(ci.lo) && stat_absent(ci.hi);
}

static void one_class_has_no_auc(void **state)
{
    (void)state;
    const double s[] = {0.1, 0.2, 0.3};
    for (uint8_t class = 0; class < 2; class ++)
        for (size_t n = 0; n <= 3; n++) {
            const uint8_t l[] = {class, class, class};
            struct stat_binary b;
            double place[3];
            enum stat_ci_method how = STAT_CI_WALD;
            assert_ok(stat_binary(s, l, n, 0.15, &b));
            assert_int_equal(b.auc.n, n);
            assert_true(stat_absent(b.auc.auc) && stat_absent(b.auc.var));
            assert_true(none(b.wald) && none(b.logit) &&
                        none(stat_auc_gate(&b.auc, &how)));
            assert_int_equal(how, STAT_CI_NONE);
            b.auc = (struct stat_auc){.n = 99};
            assert_ok(stat_auc_placements(s, l, n, &b.auc, place));
            assert_true(b.auc.n == (int64_t)n && stat_absent(b.auc.auc));
            assert_true(n == 0 || stat_absent(place[0]));
            assert_int_equal(stat_absent(b.brier), n == 0);
            assert_int_equal(stat_absent(b.sensitivity.value), n == 0 || class == 0);
            assert_int_equal(none(b.specificity.wilson), n == 0 || class == 1);
            assert_int_equal(none(b.specificity.clopper_pearson), n == 0 || class == 1);
        }
}

static void a_single_positive_has_no_variance(void **state)
{
    (void)state;
    const double s[] = {0.9, 0.2, 0.95, 0.1};
    const uint8_t l[] = {1, 0, 0, 0};
    struct stat_auc a;
    enum stat_ci_method how;
    assert_ok(stat_auc(s, l, 4, &a));
    assert_near(a.auc, 2.0 / 3, 1e-16);
    assert_true(stat_absent(a.var) && none(stat_auc_wald(&a)) &&
                none(stat_auc_logit(&a)));
    struct stat_ci gate = stat_auc_gate(&a, &how), wilson = stat_wilson_p(a.auc, 1);
    assert_int_equal(how, STAT_CI_WILSON);
    assert_true(gate.lo == wilson.lo && gate.hi == wilson.hi);
}

static void perfect_and_constant_scores_use_wilson(void **state)
{
    (void)state;
    double s[60];
    uint8_t l[60];
    struct stat_auc a;
    enum stat_ci_method how;
    for (size_t i = 0; i < 60; i++)
        l[i] = i < 20, s[i] = l[i] ? 2 + (double)i : -(double)i;
    assert_ok(stat_auc(s, l, 60, &a));
    assert_true(a.auc == 1 && a.var == 0);
    assert_true(none(stat_auc_wald(&a)) && none(stat_auc_logit(&a)));
    struct stat_ci gate = stat_auc_gate(&a, &how);
    assert_int_equal(how, STAT_CI_WILSON);
    assert_near(gate.lo, 20 / (20 + STAT_Z95 * STAT_Z95), 1e-15);
    assert_true(gate.hi == 1);
    for (size_t i = 0; i < 60; i++)
        s[i] = 0.25;
    assert_ok(stat_auc(s, l, 60, &a));
    assert_true(a.auc == 0.5 && a.var == 0); /* exactly */
    gate = stat_auc_gate(&a, &how);
    assert_int_equal(how, STAT_CI_WILSON);
    assert_near(gate.lo + gate.hi, 1, 1e-15);
}

static void gate_rule_follows_bench_md(void **state)
{
    (void)state;
    struct stat_auc a = {.n = 1000, .n_pos = 50, .n_neg = 950, .auc = 0.95, .var = 1e-4};
    enum stat_ci_method how;
    struct stat_ci gate = stat_auc_gate(&a, &how), wald = stat_auc_wald(&a);
    assert_int_equal(how, STAT_CI_WALD); /* 0.95 and 50 are not beyond */
    assert_true(gate.lo == wald.lo && gate.hi == wald.hi);
    a.auc = nextafter(0.95, 1);
    gate = stat_auc_gate(&a, &how);
    assert_int_equal(how, STAT_CI_LOGIT);
    assert_true(gate.lo == stat_auc_logit(&a).lo);
    a.auc = 0.8, a.n_pos = 49;
    (void)stat_auc_gate(&a, &how);
    assert_int_equal(how, STAT_CI_LOGIT);
    a.n_pos = 950, a.n_neg = 49;
    (void)stat_auc_gate(&a, &how);
    assert_int_equal(how, STAT_CI_LOGIT);
    a.auc = 0.99, a.var = 0.01;
    assert_true(stat_auc_wald(&a).hi == 1); /* truncated */
    assert_true(stat_auc_logit(&a).hi < 1);
    assert_string_equal(stat_ci_method_name(STAT_CI_WILSON), "wilson-neff");
}

static void paired_agrees_with_the_definition(void **state)
{
    (void)state;
    double va[N], vb[N];
    struct stat_compare c, back;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        sample(seed);
        naive_place(sa, y, N, va);
        naive_place(sb, y, N, vb);
        assert_ok(stat_auc_paired(sa, sb, y, N, &c));
        double cov = naive_delong(va, vb);
        double var = naive_delong(va, va) + naive_delong(vb, vb) - 2 * cov;
        assert_near(c.diff, mean_of(va, y, N, 1) - mean_of(vb, y, N, 1), 1e-14);
        assert_true(fabs(c.cov / cov - 1) < 1e-11);
        assert_true(fabs(c.var / var - 1) < 1e-11);
        assert_true(fabs(c.z / (c.diff / sqrt(var)) - 1) < 1e-10);
        assert_near(c.ci.hi - c.ci.lo, 2 * STAT_Z95 * sqrt(var), 1e-12);
        assert_ok(stat_auc_paired(sb, sa, y, N, &back));
        assert_true(back.z == -c.z && back.p == c.p);
        struct stat_compare u;
        stat_auc_unpaired(&c.a, &c.b, &u);
        assert_near(u.var, c.a.var + c.b.var, 1e-15);
        assert_true(fabs(u.z) < fabs(c.z)); /* pairing helps correlated scores */
    }
}

static void equal_scores_have_no_z(void **state)
{
    (void)state;
    struct stat_compare c;
    sample(5);
    assert_ok(stat_auc_paired(sa, sa, y, N, &c));
    assert_true(c.diff == 0 && c.var == 0);
    assert_true(stat_absent(c.z) && stat_absent(c.p) && none(c.ci));
    assert_true(c.cov == c.a.var);
    assert_ok(stat_auc_paired(sa, sb, y, 0, &c));
    assert_true(stat_absent(c.a.auc) && stat_absent(c.var) && stat_absent(c.z));
}

static void nan_in_either_score_rejects_the_pair(void **state)
{
    (void)state;
    struct stat_compare c, d;
    sample(6);
    assert_ok(stat_auc_paired(sa + 2, sb + 2, y + 2, N - 2, &c));
    sa[0] = NAN, sb[1] = NAN;
    assert_ok(stat_auc_paired(sa, sb, y, N, &d));
    assert_int_equal(d.a.rejected, 2);
    assert_int_equal(d.b.rejected, 2);
    assert_int_equal(d.a.n, N - 2);
    assert_true(c.z == d.z && c.a.auc == d.a.auc && c.b.var == d.b.var);
}

/* Obuchowski by definition, on naive placements. */
static double naive_obuchowski(const double *v, double auc, uint32_t parts)
{
    double s10 = 0, s01 = 0, s11 = 0, m = 0, k = 0, i10 = 0, i01 = 0, all = 0;
    for (uint32_t g = 0; g < parts; g++) {
        double v10 = 0, v01 = 0, mi = 0, ki = 0;
        for (size_t i = 0; i < N; i++) {
            if (part[i] != g)
                continue;
            *(y[i] ? &v10 : &v01) += v[i];
            *(y[i] ? &mi : &ki) += 1;
        }
        m += mi, k += ki, i10 += mi > 0, i01 += ki > 0, all += mi + ki > 0;
        s10 += pow(v10 - mi * auc, 2);
        s01 += pow(v01 - ki * auc, 2);
        s11 += (v10 - mi * auc) * (v01 - ki * auc);
    }
    return s10 * i10 / (i10 - 1) / m / m + s01 * i01 / (i01 - 1) / k / k +
           2 * s11 * all / (all - 1) / m / k;
}

static void clusters_agree_with_obuchowski(void **state)
{
    (void)state;
    struct stat_auc a, b;
    double v[N];
    sample(11);
    naive_place(sa, y, N, v);
    assert_ok(stat_auc_clustered(sa, y, part, N, 60, &a));
    assert_true(fabs(a.var / naive_obuchowski(v, mean_of(v, y, N, 1), 60) - 1) < 1e-11);
    for (uint32_t i = 0; i < N; i++)
        part[i] = i;
    assert_ok(stat_auc_clustered(sa, y, part, N, N, &b));
    assert_ok(stat_auc(sa, y, N, &a));
    assert_true(fabs(b.var / a.var - 1) < 1e-12); /* one row each: DeLong */
    assert_int_equal(stat_auc_clustered(sa, y, part, N, N - 1, &b), AM_E_INVALID);
    assert_int_equal(stat_auc_clustered(sa, y, part + N - 1, 1, N - 1, &b), AM_E_INVALID);
    for (uint32_t i = 0; i < N; i++)
        part[i] = 0;
    assert_ok(stat_auc_clustered(sa, y, part, N, 1, &b));
    assert_true(stat_absent(b.var) && b.auc == a.auc); /* one patient: no variance */
}

static void doubled_rows_cost_no_information(void **state)
{
    (void)state;
    /* Every patient twice: DeLong believes in twice the data, Obuchowski does not. */
    double s[2 * N];
    uint8_t l[2 * N];
    uint32_t who[2 * N];
    struct stat_auc once, naive, clustered;
    sample(12);
    for (uint32_t i = 0; i < 2 * N; i++)
        s[i] = sa[i % N], l[i] = y[i % N], who[i] = i % N;
    assert_ok(stat_auc(sa, y, N, &once));
    assert_ok(stat_auc(s, l, sizeof l, &naive));
    assert_ok(stat_auc_clustered(s, l, who, sizeof l, N, &clustered));
    assert_true(naive.var < 0.51 * once.var);
    assert_true(fabs(clustered.var / once.var - 1) < 1e-10);
}

/* One row each: DeLong's variance of the difference. Every patient twice: that of once.
 */
static void pairs_of_clusters_agree_with_delong(void **state)
{
    double a[2 * N], b[2 * N];
    uint8_t l[2 * N];
    uint32_t who[2 * N];
    struct stat_compare once, each, twice;
    (void)state;
    sample(13);
    for (uint32_t i = 0; i < 2 * N; i++)
        a[i] = sa[i % N], b[i] = sb[i % N], l[i] = y[i % N], who[i] = i % N;
    a[0] = a[N] = NAN;
    b[5] = b[N + 5] = NAN;
    assert_ok(stat_auc_paired(a, b, l, N, &once));
    assert_ok(stat_auc_paired_clustered(a, b, l, who, N, N, &each));
    assert_true(each.a.rejected == 2 && each.diff == once.diff && each.diff != 0);
    assert_true(fabs(each.var / once.var - 1) < 1e-11);
    assert_true(fabs(each.ci.hi - once.ci.hi) < 1e-12);
    assert_ok(stat_auc_paired_clustered(a, b, l, who, 2 * N, N, &twice));
    assert_true(fabs(twice.var / once.var - 1) < 1e-10);
    assert_true(fabs(twice.p - once.p) < 1e-9);
    assert_int_equal(stat_auc_paired_clustered(a, b, l, who, N, N - 1, &each),
                     AM_E_INVALID);
    assert_ok(stat_auc_paired_clustered(a, a, l, who, N, N, &each));
    assert_true(each.diff == 0 && stat_absent(each.ci.lo) && stat_absent(each.z));
}

static void groups_equal_their_own_rows(void **state)
{
    (void)state;
    struct stat_auc g[61], one;
    struct stat_binary b[61], bone;
    sample(13);
    part[0] = 60; /* a group of one row; some others may be small or of one class */
    assert_ok(stat_auc_groups(sa, y, part, N, 61, g));
    assert_ok(stat_binary_groups(sa, y, part, N, 61, 0.5, b));
    for (uint32_t id = 0; id < 61; id++) {
        double s[N];
        uint8_t l[N];
        size_t n = 0;
        for (size_t i = 0; i < N; i++)
            if (part[i] == id)
                s[n] = sa[i], l[n++] = y[i];
        assert_ok(stat_auc(s, l, n, &one));
        assert_ok(stat_binary(s, l, n, 0.5, &bone));
        assert_memory_equal(&one, &g[id], sizeof one);
        assert_memory_equal(&bone.auc, &b[id].auc, sizeof one);
        assert_memory_equal(&bone.at, &b[id].at, sizeof bone.at);
    }
    assert_int_equal(stat_auc_groups(sa, y, part, N, 60, g), AM_E_INVALID);
}

static void confusion_and_brier(void **state)
{
    (void)state;
    const double s[] = {0.5, 0.49999999999999994, 0.7, 0.1, NAN, 1, 0};
    const uint8_t l[] = {1, 1, 0, 0, 1, 1, 1};
    struct stat_confusion c;
    assert_ok(stat_confuse(s, l, 7, 0.5, &c)); /* s >= t is positive */
    assert_int_equal(c.tp, 2);
    assert_int_equal(c.fn, 2);
    assert_int_equal(c.fp, 1);
    assert_int_equal(c.tn, 1);
    assert_int_equal(c.rejected, 1);
    assert_near(stat_brier(s, l, 7), (0.25 + 0.25 + 0.49 + 0.01 + 0 + 1) / 6, 1e-15);
    assert_int_equal(stat_confuse(s, l, 7, NAN, &c), AM_E_INVALID);
    const double out[] = {0.5, 1.0000000000000002}, neg[] = {-1e-300, 0.5};
    assert_true(stat_absent(stat_brier(out, l, 2)) && stat_absent(stat_brier(neg, l, 2)));
    assert_true(stat_absent(stat_brier(s, l, 0)));
}

/* For qsort: rows by score, then by row. */
static const double *by;
static int by_score(const void *p, const void *q)
{
    uint32_t i = *(const uint32_t *)p, j = *(const uint32_t *)q;
    return by[i] < by[j] ? -1 : by[i] > by[j] ? 1 : i < j ? -1 : i > j;
}

static void order_is_that_of_a_comparison_sort(void **state)
{
    (void)state;
    /* Scores that differ in every digit, only in the low ones (falling: the repair pass
     * must give up), only in the high ones, hardly at all, and not at all. */
    enum { ROWS = 3000 };
    static double s[ROWS];
    static uint32_t got[ROWS], want[ROWS];
    struct stat_rng r;
    stat_rng_init(&r, 5, 0, 0);
    for (int kind = 0; kind < 6; kind++)
        for (size_t n = ROWS; n > 0; n = n / 7) {
            for (uint32_t i = 0; i < n; i++) {
                uint64_t some = stat_rng_below(&r, 50);
                s[i] = kind == 0   ? stat_rng_normal(&r) * pow(10, (double)some - 25)
                       : kind == 1 ? 1 - (double)i * 0x1p-50
                       : kind == 2 ? 1 - (double)(i % 97) * 0x1p-52
                       : kind == 3 ? ldexp(some & 1 ? 1 : -1, (int)some)
                       : kind == 4 ? 0.5 + 0x1p-30 * stat_rng_double(&r)
                                   : 0.25;
                want[i] = i;
            }
            by = s;
            qsort(want, n, sizeof want[0], by_score);
            assert_ok(stat_order(s, n, got));
            assert_memory_equal(got, want, n * sizeof want[0]);
        }
}

static void a_million_rows_with_heavy_ties(void **state)
{
    (void)state;
    /* pROC#19: products of ranks beyond 2^31. Ten score values, so the truth follows from
     * two histograms in long double. */
    const size_t n = 1000000;
    double *s = malloc(n * sizeof *s), hist[2][10] = {{0}};
    uint8_t *l = malloc(n);
    struct stat_rng r;
    struct stat_auc a;
    assert_true(s && l);
    stat_rng_init(&r, 19, 0, 0);
    for (size_t i = 0; i < n; i++) {
        l[i] = stat_rng_double(&r) < 0.4;
        uint64_t v = stat_rng_below(&r, l[i] ? 10 : 8);
        s[i] = (double)v / 10;
        hist[l[i]][v]++;
    }
    assert_ok(stat_auc(s, l, n, &a));
    long double m = (long double)a.n_pos, k = (long double)a.n_neg, auc = 0, s10 = 0,
                s01 = 0;
    long double below = 0, above = m;
    for (int v = 0; v < 10; v++) {
        auc += hist[1][v] * (below + hist[0][v] / 2.0L);
        below += hist[0][v];
    }
    auc /= m * k;
    below = 0;
    for (int v = 0; v < 10; v++) {
        above -= hist[1][v];
        long double d10 = (below + hist[0][v] / 2.0L) / k - auc;
        long double d01 = (above + hist[1][v] / 2.0L) / m - auc;
        s10 += hist[1][v] * d10 * d10, s01 += hist[0][v] * d01 * d01;
        below += hist[0][v];
    }
    assert_true(fabsl(a.auc / auc - 1) < 1e-15L);
    assert_true(fabsl(a.var / (s10 / (m - 1) / m + s01 / (k - 1) / k) - 1) < 1e-14L);
    free(l);
    free(s);
}

static void intervals_cover_what_they_promise(void **state)
{
    (void)state;
    /* Binormal, m = k = 60, true AUC = Phi(1.2/sqrt 2) = 0.8019; 2,000 replicates, so the
     * standard error of the coverage is 0.005. */
    const double truth = stat_normal_cdf(1.2 / sqrt(2));
    int wald = 0, logit = 0, reps = 2000;
    for (int rep = 0; rep < reps; rep++) {
        double s[120];
        uint8_t l[120];
        struct stat_rng r;
        struct stat_auc a;
        stat_rng_init(&r, 2026, 95, (uint64_t)rep);
        for (size_t i = 0; i < 120; i++)
            l[i] = i & 1, s[i] = stat_rng_normal(&r) + 1.2 * l[i];
        assert_ok(stat_auc(s, l, 120, &a));
        struct stat_ci w = stat_auc_wald(&a), g = stat_auc_logit(&a);
        wald += w.lo <= truth && truth <= w.hi;
        logit += g.lo <= truth && truth <= g.hi;
    }
    assert_in_range(wald, reps * 925 / 1000, reps * 970 / 1000);
    assert_in_range(logit, reps * 935 / 1000, reps * 970 / 1000);
}

static int everything(void)
{
    static struct stat_auc a, g[60];
    static struct stat_compare c;
    static double place[N];
    static uint32_t order[N];
    int err = stat_auc(sa, y, N, &a);
    err = err ? err : stat_auc_placements(sa, y, N, &a, place);
    err = err ? err : stat_auc_paired(sa, sb, y, N, &c);
    err = err ? err : stat_auc_clustered(sa, y, part, N, 60, &a);
    err = err ? err : stat_auc_paired_clustered(sa, sb, y, part, N, 60, &c);
    err = err ? err : stat_order(sa, N, order);
    return err ? err : stat_auc_groups(sa, y, part, N, 60, g);
}

static void survives_no_memory(void **state)
{
    (void)state;
    long n = 1;
    sample(1);
    for (;; n++) {
        am_oom_at(n);
        int err = everything();
        if (!am_oom_at(0))
            break;
        assert_int_equal(err, AM_E_NOMEM);
    }
    assert_true(n > 12);
}

TEST_MAIN(TEST(agrees_with_the_definition), TEST(known_answer_by_hand),
          TEST(row_order_does_not_matter), TEST(monotone_transforms_and_flips),
          TEST(signs_zeros_infinities_and_nan), TEST(one_class_has_no_auc),
          TEST(a_single_positive_has_no_variance),
          TEST(perfect_and_constant_scores_use_wilson), TEST(gate_rule_follows_bench_md),
          TEST(paired_agrees_with_the_definition), TEST(equal_scores_have_no_z),
          TEST(nan_in_either_score_rejects_the_pair),
          TEST(clusters_agree_with_obuchowski), TEST(doubled_rows_cost_no_information),
          TEST(pairs_of_clusters_agree_with_delong), TEST(groups_equal_their_own_rows),
          TEST(confusion_and_brier), TEST(order_is_that_of_a_comparison_sort),
          TEST(a_million_rows_with_heavy_ties), TEST(intervals_cover_what_they_promise),
          TEST(survives_no_memory))
