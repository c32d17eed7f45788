/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest change of a forest, against enumeration of every cell where two inputs
 * move, and against random changes where all do. This program is its own worker. */
#include "model/model_test.h"
#include "model/model_test_worker.h"

enum { F = 7, ROWS = 20, CUTS = 400, DRAWS = 3000 };

static void axes(struct model_axis *a)
{
    static const double hi[F] = {20, 250, 150, 110, 70, 3, 100};
    for (size_t j = 0; j < F; j++)
        a[j] = (struct model_axis){.hi = hi[j], .unit = hi[j] / 100};
}

struct forest {
    struct model *m;
    double *row, score[ROWS];
    struct model_axis axis[F];
};

static void open_forest(struct forest *f)
{
    struct str bytes = test_truth("model_pima_xgb.json");
    struct csv *c = test_table("model_pima_xgb_expected.csv");
    f->m = test_model(bytes);
    f->row = test_matrix(c, 0, F);
    csv_free(c);
    test_str_free(bytes);
    axes(f->axis);
    assert_ok(model_score(f->m, f->row, ROWS, f->score));
}

static void close_forest(struct forest *f)
{
    model_free(f->m);
    free(f->row);
}

static bool turned(struct forest *f, size_t i, const double *x)
{
    double s;
    assert_ok(model_score(f->m, x, 1, &s));
    return (s >= 0.5) != (f->score[i] >= 0.5);
}

static double distance(const struct forest *f, bool l2, const double *x, const double *y)
{
    double sum = 0, top = 0;
    for (size_t j = 0; j < F; j++) {
        double d = fabs(x[j] - y[j]) / f->axis[j].unit;
        sum += d * d;
        top = fmax(top, d);
    }
    return l2 ? sqrt(sum) : top;
}

static int by_value(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

/* Values of input j worth trying: the case, each threshold, the float32 below it; on a
 * grid, the multiples on either side. */
static size_t candidates(const struct forest *f, size_t j, double c, double *out)
{
    const struct model_xgb *x = f->m->xgb;
    const struct model_axis *a = &f->axis[j];
    size_t n = 0, kept = 0;
    out[n++] = c;
    for (size_t i = 0; i < x->node.n; i++) {
        const struct model_node *nd = &x->node.v[i];
        float t = model_unkey(nd->u.key);
        if (!nd->step || nd->feature != j)
            continue;
        assert_true(n + 4 < CUTS);
        if (a->grain > 0) {
            out[n++] = floor((double)t / a->grain) * a->grain;
            out[n++] = ceil((double)t / a->grain) * a->grain;
            out[n++] = (ceil((double)t / a->grain) - 1) * a->grain;
        } else {
            out[n++] = (double)t;
            out[n++] = (double)nextafterf(t, -INFINITY);
        }
    }
    qsort(out, n, sizeof *out, by_value);
    for (size_t i = 0; i < n; i++)
        if ((!kept || out[i] != out[kept - 1]) &&
            ((out[i] >= a->lo && out[i] <= a->hi) || out[i] == c))
            out[kept++] = out[i];
    return kept;
}

static double by_enumeration(struct forest *f, bool l2, size_t i, size_t p, size_t q)
{
    static double a[CUTS], b[CUTS], x[CUTS * F], s[CUTS];
    const double *row = f->row + i * F;
    size_t n = candidates(f, p, row[p], a), k = candidates(f, q, row[q], b);
    double best = INFINITY;
    for (size_t u = 0; u < n; u++) {
        for (size_t v = 0; v < k; v++) {
            memcpy(x + v * F, row, F * sizeof *row);
            x[v * F + p] = a[u];
            x[v * F + q] = b[v];
        }
        assert_ok(model_score(f->m, x, k, s));
        for (size_t v = 0; v < k; v++)
            if ((s[v] >= 0.5) != (f->score[i] >= 0.5))
                best = fmin(best, distance(f, l2, row, x + v * F));
    }
    return best;
}

static void compare_two(struct forest *f, size_t i, size_t p, size_t q, bool l2)
{
    double out[F], want = by_enumeration(f, l2, i, p, q);
    struct model_nearest ask = {
        .threshold = 0.5, .eps = INFINITY, .boxes_max = 100000, .l2 = l2};
    for (size_t j = 0; j < F; j++)
        f->axis[j].fixed = j != p && j != q;
    assert_ok(model_nearest(f->m, f->row + i * F, f->axis, false, &ask, out));
    assert_true(ask.complete);
    assert_int_equal(ask.found, isfinite(want));
    if (!ask.found) {
        assert_true(isinf(ask.lower));
        return;
    }
    assert_near(ask.distance, want, 1e-9);
    assert_true(ask.lower == ask.distance && turned(f, i, out));
    assert_near(distance(f, l2, f->row + i * F, out), want, 1e-9);
    for (size_t j = 0; j < F; j++)
        assert_true(j == p || j == q || out[j] == f->row[i * F + j]);
}

static void where_two_inputs_move_it_is_the_best_of_all_cells(void **state)
{
    struct forest f;
    (void)state;
    open_forest(&f);
    for (size_t i = 0; i < ROWS; i++) {
        compare_two(&f, i, 1, 4, i % 2);
        compare_two(&f, i, i % 2 ? 5 : 0, 6, i % 3 == 0);
    }
    close_forest(&f);
}

static void values_lie_on_the_grid_of_the_input(void **state)
{
    struct forest f;
    (void)state;
    open_forest(&f);
    f.axis[1].grain = 1;
    f.axis[4].grain = 0.1;
    f.axis[6].grain = 5;
    for (size_t i = 0; i < ROWS; i++) {
        compare_two(&f, i, 1, 6, true);
        compare_two(&f, i, 4, 1, false);
    }
    close_forest(&f);
}

static void no_random_change_is_nearer_than_the_nearest(void **state)
{
    struct forest f;
    uint64_t seed = 7;
    (void)state;
    open_forest(&f);
    for (size_t i = 0; i < ROWS; i++) {
        double out[F], *row = f.row + i * F;
        struct model_nearest ask = {.threshold = 0.5, .eps = 2, .boxes_max = 20000};
        double r;
        assert_ok(model_nearest(f.m, row, f.axis, false, &ask, out));
        assert_true(!ask.found || turned(&f, i, out));
        assert_true(ask.lower <= 2 &&
                    (!ask.complete || !ask.found || ask.lower == ask.distance));
        r = ask.lower - 1e-5; /* a double may round to the next float32 */
        for (size_t k = 0; k < DRAWS; k++) {
            double y[F];
            for (size_t j = 0; j < F; j++)
                y[j] = fmin(fmax(row[j] + f.axis[j].unit * r *
                                              (k % 2 ? 2 * test_random(&seed) - 1
                                               : test_random(&seed) < 0.5 ? -1
                                                                          : 1),
                                 f.axis[j].lo),
                            f.axis[j].hi);
            assert_false(turned(&f, i, y));
        }
    }
    close_forest(&f);
}

static void a_known_change_is_only_ever_improved(void **state)
{
    struct forest f;
    size_t cut_short = 0, nearer = 0;
    (void)state;
    open_forest(&f);
    for (size_t i = 0; i < ROWS; i++) {
        const double *row = f.row + i * F;
        size_t other = 0;
        double out[F], first;
        struct model_nearest ask = {.threshold = 0.5, .eps = INFINITY, .boxes_max = 50};
        while ((f.score[other] >= 0.5) == (f.score[i] >= 0.5))
            other++;
        memcpy(out, f.row + other * F, sizeof out);
        first = distance(&f, false, row, out);
        assert_ok(model_nearest(f.m, row, f.axis, true, &ask, out));
        assert_true(ask.found && turned(&f, i, out) && ask.distance < first);
        assert_near(distance(&f, false, row, out), ask.distance, 1e-9);
        assert_true(ask.lower <= ask.distance && ask.boxes <= 50);
        cut_short += !ask.complete;
        first = ask.distance;
        ask.boxes_max = 20000;
        ask.eps = first;
        assert_ok(model_nearest(f.m, row, f.axis, true, &ask, out));
        assert_true(ask.found && ask.distance <= first && turned(&f, i, out));
        nearer += ask.distance < first;
    }
    assert_true(cut_short > 0 && nearer > 0);
    close_forest(&f);
}

static void a_missing_value_and_a_category_stay(void **state)
{
    struct model *m = test_model(STR(SMALL_MODEL));
    const double x[3] = {0, 1, 0.1}, missing[3] = {0, 1, NAN};
    struct model_axis a[3] = {
        {.hi = 1, .unit = 1}, {.hi = 5, .unit = 1, .grain = 1}, {.hi = 1, .unit = 1}};
    struct model_nearest ask = {.threshold = 0.28, .eps = INFINITY, .boxes_max = 100};
    double out[3];
    (void)state;
    assert_ok(model_nearest(m, x, a, false, &ask, out));
    assert_true(ask.found && ask.complete && out[1] == 1 && out[2] == 0.5);
    assert_near(ask.distance, 0.4, 1e-12);
    assert_ok(model_nearest(m, missing, a, false, &ask, out));
    assert_true(ask.complete && !ask.found); /* only c moves, and it is missing */
    model_free(m);
}

static void axes_without_a_unit_are_refused(void **state)
{
    struct model *m = test_model(STR(SMALL_MODEL));
    const double x[3] = {0, 1, 0.1};
    struct model_axis a[3] = {{.hi = 1, .unit = 1}, {.fixed = true}, {.hi = 1}};
    struct model_nearest ask = {.threshold = 0.4, .eps = 1, .boxes_max = 100};
    double out[3];
    (void)state;
    assert_int_equal(model_nearest(m, x, a, false, &ask, out), AM_E_INVALID);
    a[2].unit = 1;
    a[2].lo = 2;
    assert_int_equal(model_nearest(m, x, a, false, &ask, out), AM_E_INVALID);
    model_free(m);
}

static void the_worker_finds_the_same(void **state)
{
    struct forest f;
    struct str bytes = test_truth("model_pima_xgb.json");
    struct model_session *s = NULL;
    (void)state;
    open_forest(&f);
    assert_ok(model_session_open(&s, bytes, NULL, NULL));
    for (size_t i = 0; i < ROWS; i++) {
        double a[F], b[F];
        struct model_nearest p = {.threshold = 0.5, .eps = 3, .boxes_max = 500}, q = p;
        assert_ok(model_nearest(f.m, f.row + i * F, f.axis, false, &p, a));
        assert_ok(model_session_nearest(s, f.row + i * F, f.axis, false, &q, b, NULL));
        assert_true(p.found == q.found && p.complete == q.complete &&
                    p.distance == q.distance && p.lower == q.lower && p.boxes == q.boxes);
        if (p.found)
            assert_memory_equal(a, b, sizeof a);
    }
    model_session_close(s);
    test_str_free(bytes);
    close_forest(&f);
}

static struct forest *shared;
static int oom_run(void)
{
    double out[F];
    struct model_nearest ask = {.threshold = 0.5, .eps = 1, .boxes_max = 50};
    memcpy(out, shared->row + F, sizeof out);
    return model_nearest(shared->m, shared->row, shared->axis, true, &ask, out);
}

static void want_of_memory_is_an_error(void **state)
{
    struct forest f;
    (void)state;
    open_forest(&f);
    shared = &f;
    assert_true(test_oom(oom_run) >= 6);
    close_forest(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_two_inputs_move_it_is_the_best_of_all_cells),
        cmocka_unit_test(values_lie_on_the_grid_of_the_input),
        cmocka_unit_test(no_random_change_is_nearer_than_the_nearest),
        cmocka_unit_test(a_known_change_is_only_ever_improved),
        cmocka_unit_test(a_missing_value_and_a_category_stay),
        cmocka_unit_test(axes_without_a_unit_are_refused),
        cmocka_unit_test(the_worker_finds_the_same),
        cmocka_unit_test(want_of_memory_is_an_error),
    };
    int code = model_test_worker(argc, argv);
    return code >= 0 ? code : cmocka_run_group_tests(tests, NULL, NULL);
}
