/* SPDX-License-Identifier: Apache-2.0 */
/* Boosted trees of our own: what they learn, that they are deterministic, what is
 * refused. Side by side with libxgboost: model_gbt_peer_test.c. */
#include "model/model_test.h"

#include "model/model_gbt_priv.h"

enum { N = 400, F = 10 };
static const char *const name[F] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

struct made {
    double x[N * F];
    uint8_t y[N];
    struct buf model, report;
    struct diag d;
};

/* The label hangs on a, and on c being missing; the rest is noise. */
static int made_up(void **state)
{
    struct made *m = calloc(1, sizeof *m);
    uint64_t seed = 11;
    for (size_t i = 0; i < N; i++) {
        double eta = -1;
        for (size_t j = 0; j < F; j++)
            m->x[i * F + j] = test_random(&seed) < 0.1 ? NAN : 10 * test_random(&seed);
        eta += isnan(m->x[i * F]) ? 0 : m->x[i * F] / 2 - 2;
        eta += isnan(m->x[i * F + 2]) ? 3 : 0;
        m->y[i] = test_random(&seed) < 1 / (1 + exp(-eta));
    }
    buf_init(&m->model, 16 << 20);
    buf_init(&m->report, 16 << 20);
    diag_init(&m->d);
    *state = m;
    return 0;
}

static int made_down(void **state)
{
    struct made *m = *state;
    buf_release(&m->model);
    buf_release(&m->report);
    diag_release(&m->d);
    free(m);
    return 0;
}

static struct model_gbt_options options(unsigned rounds)
{
    struct model_gbt_options o = model_gbt_defaults();
    o.rounds = rounds;
    o.max_depth = 4;
    return o;
}

static int fit(struct made *m, const struct model_gbt_options *o)
{
    buf_clear(&m->model);
    buf_clear(&m->report);
    return model_fit_gbt(m->x, m->y, N, name, F, o, &m->model, &m->report, &m->d);
}

static double number(const struct made *m, const char *pointer)
{
    struct json_doc *doc = NULL;
    double v;
    assert_ok(json_parse(&doc, buf_str(&m->report), NULL, NULL));
    v = json_num(json_pointer(json_root(doc), str_c(pointer)), NAN);
    json_free(doc);
    return v;
}

/* The report's last round is what the written model says, row by row. */
static void the_written_model_scores_what_training_measured(void **state)
{
    struct made *m = *state;
    struct model_gbt_options o = options(20);
    double s[N], loss = 0;
    struct stat_auc auc;
    struct model *model;
    o.subsample = 0.7;
    o.colsample = 0.5;
    assert_ok(fit(m, &o));
    model = test_model(buf_str(&m->model));
    assert_ok(model_score(model, m->x, N, s));
    for (size_t i = 0; i < N; i++)
        loss -= log(m->y[i] ? s[i] : 1 - s[i]) / N;
    assert_ok(stat_auc(s, m->y, N, &auc));
    assert_near(number(m, "/rounds/19/train_logloss"), loss, 1e-6);
    assert_near(number(m, "/rounds/19/train_auc"), auc.auc, 1e-12);
    assert_true(auc.auc > 0.9);
    model_free(model);
}

static void training_loss_falls_and_the_cause_is_found(void **state)
{
    struct made *m = *state;
    const struct model_gbt_options o = options(20);
    struct json_doc *doc = NULL;
    double last = 1;
    char at[64];
    assert_ok(fit(m, &o));
    for (int i = 0; i < 20; i++) {
        snprintf(at, sizeof at, "/rounds/%d/train_logloss", i);
        assert_true(number(m, at) < last);
        last = number(m, at);
    }
    assert_ok(json_parse(&doc, buf_str(&m->report), NULL, NULL));
    assert_true(
        str_eqc(json_str(json_pointer(json_root(doc), STR("/importance/0/name"))), "a"));
    json_free(doc);
}

static void the_bytes_do_not_depend_on_threads(void **state)
{
    struct made *m = *state;
    struct model_gbt_options o = options(12);
    char *one;
    size_t n;
    o.subsample = 0.8;
    o.threads = 1;
    assert_ok(fit(m, &o));
    n = m->model.n;
    one = buf_take(&m->model);
    buf_init(&m->model, 16 << 20);
    o.threads = 7;
    assert_ok(fit(m, &o));
    assert_int_equal(m->model.n, n);
    assert_memory_equal(m->model.p, one, n);
    o.seed = 1;
    assert_ok(fit(m, &o));
    assert_true(m->model.n != n || memcmp(m->model.p, one, n) != 0);
    free(one);
}

/* More cells than GROW_THREAD_WORK: then threads do start. */
static void large_tables_use_threads_and_say_the_same(void **state)
{
    enum { ROWS = 40000 };
    double *x = malloc(ROWS * F * sizeof *x);
    uint8_t *y = malloc(ROWS);
    struct buf out[2];
    uint64_t seed = 3;
    (void)state;
    for (size_t i = 0; i < ROWS * F; i++)
        x[i] = test_random(&seed) < 0.05 ? NAN : test_random(&seed);
    for (size_t i = 0; i < ROWS; i++)
        y[i] = test_random(&seed) < (x[i * F] > 0.3 ? 0.6 : 0.2);
    for (unsigned k = 0; k < 2; k++) {
        struct model_gbt_options o = options(2);
        o.threads = 1 + 3 * k;
        buf_init(&out[k], 16 << 20);
        assert_ok(model_fit_gbt(x, y, ROWS, name, F, &o, &out[k], NULL, NULL));
    }
    assert_int_equal(out[0].n, out[1].n);
    assert_memory_equal(out[0].p, out[1].p, out[0].n);
    buf_release(&out[0]);
    buf_release(&out[1]);
    free(x);
    free(y);
}

/* Without subsample the order of the rows is not looked at. */
static void the_order_of_the_rows_does_not_matter(void **state)
{
    struct made *m = *state, back = {0};
    const struct model_gbt_options o = options(10);
    assert_ok(fit(m, &o));
    for (size_t i = 0; i < N; i++) {
        memcpy(back.x + i * F, m->x + (N - 1 - i) * F, F * sizeof *back.x);
        back.y[i] = m->y[N - 1 - i];
    }
    buf_init(&back.model, 16 << 20);
    assert_ok(model_fit_gbt(back.x, back.y, N, name, F, &o, &back.model, NULL, NULL));
    assert_int_equal(back.model.n, m->model.n);
    assert_memory_equal(back.model.p, m->model.p, m->model.n);
    buf_release(&back.model);
}

/* One split, done by hand: x < 2.5, lambda 1, base 0.5: g = -+0.5, h = 0.25 a row. */
static void a_stump_is_what_the_formulas_say(void **state)
{
    static const double x[6] = {1, 2, NAN, 3, 4, 5};
    static const uint8_t y[6] = {0, 0, 0, 1, 1, 1};
    static const char *const only[1] = {"only"};
    struct made *m = *state;
    struct model_gbt_options o = options(1);
    double s[2];
    const double ask[2] = {2.49, 2.51};
    struct model *model;
    o.max_depth = 1;
    o.eta = 0.5;
    o.base_score = 0.5;
    o.min_child_weight = 0.25;
    assert_ok(model_fit_gbt(x, y, 6, only, 1, &o, &m->model, NULL, NULL));
    model = test_model(buf_str(&m->model));
    assert_ok(model_score(model, ask, 2, s));
    assert_near(s[0], 1 / (1 + exp(0.5 * 1.5 / 1.75)), 1e-6);
    assert_near(s[1], 1 / (1 + exp(-0.5 * 1.5 / 1.75)), 1e-6);
    model_free(model);
    o.min_child_weight = 1; /* no child of weight 1: a stump of one leaf */
    buf_clear(&m->model);
    assert_ok(model_fit_gbt(x, y, 6, only, 1, &o, &m->model, NULL, NULL));
    model = test_model(buf_str(&m->model));
    assert_ok(model_score(model, ask, 2, s));
    assert_true(s[0] == s[1]);
    model_free(model);
}

static void missing_values_go_where_they_belong(void **state)
{
    struct made *m = *state;
    struct model_gbt_options o = options(1);
    double s[2], ask[2 * F] = {0};
    struct model *model;
    for (size_t i = 0; i < N; i++) /* only "missing" tells */
        m->y[i] = (uint8_t)(isnan(m->x[i * F + 2]) != 0);
    ask[2] = NAN;
    ask[F + 2] = 5;
    o.eta = 1;
    assert_ok(fit(m, &o));
    model = test_model(buf_str(&m->model));
    assert_ok(model_score(model, ask, 2, s));
    assert_true(s[0] > 0.7 && s[1] < 0.1);
    assert_near(number(m, "/rounds/0/train_auc"), 1, 1e-12);
    model_free(model);
}

static void columns_without_information_are_no_harm(void **state)
{
    struct made *m = *state;
    const struct model_gbt_options o = options(3);
    for (size_t i = 0; i < N; i++) {
        m->x[i * F + 3] = NAN;
        m->x[i * F + 4] = 7;
        m->x[i * F + 5] = -0.0;
    }
    assert_ok(fit(m, &o));
    model_free(test_model(buf_str(&m->model)));
}

static void few_bins_and_heavy_ties_work(void **state)
{
    struct made *m = *state;
    struct model_gbt_options o = options(5);
    o.bins = 3;
    for (size_t i = 0; i < N * F; i++)
        m->x[i] = floor(m->x[i] / 4);
    assert_ok(fit(m, &o));
    model_free(test_model(buf_str(&m->model)));
}

static void cross_validation_keeps_patients_together(void **state)
{
    struct made *m = *state;
    struct model_gbt_options o = options(10);
    uint32_t patient[N];
    uint64_t seed = 9;
    double by_row;
    o.folds = 4;
    assert_ok(fit(m, &o));
    by_row = number(m, "/cross_validation/auc");
    assert_true(by_row > 0.6 && by_row < 0.95);
    assert_true(number(m, "/cross_validation/best_round") >= 1);
    /* every row twice: a row left out has a twin inside unless patients are named */
    for (size_t i = 0; i < N; i++)
        patient[i] = (uint32_t)(i / 2);
    for (size_t i = 0; i < N; i += 2) {
        memcpy(m->x + (i + 1) * F, m->x + i * F, F * sizeof *m->x);
        m->y[i + 1] = m->y[i] = (uint8_t)(test_random(&seed) < 0.5); /* pure noise */
    }
    o.max_depth = 8;
    o.rounds = 40;
    assert_ok(fit(m, &o));
    assert_true(number(m, "/cross_validation/auc") > 0.75);
    o.patient = patient;
    assert_ok(fit(m, &o));
    assert_true(number(m, "/cross_validation/auc") < 0.65);
}

static void folds_want_enough_of_each_class(void **state)
{
    struct made *m = *state;
    struct model_gbt_options o = options(2);
    memset(m->y, 0, N);
    m->y[0] = m->y[9] = 1;
    o.folds = 3;
    assert_int_equal(fit(m, &o), AM_E_INVALID);
    assert_string_equal(m->d.item[0].code, "model.folds");
}

static void bad_options_are_all_named(void **state)
{
    struct made *m = *state;
    const struct model_gbt_options bad = {
        .folds = 1, .lambda = -1, .gamma = NAN, .min_child_weight = -1, .base_score = 2};
    assert_int_equal(fit(m, &bad), AM_E_INVALID);
    assert_int_equal(m->d.n, 11);
    assert_int_equal(m->model.n, 0);
}

static void bad_tables_are_refused(void **state)
{
    static const char *const twice[2] = {"a", "a"};
    struct made *m = *state;
    const struct model_gbt_options o = options(2);
    assert_int_equal(model_fit_gbt(m->x, m->y, N, twice, 2, &o, &m->model, NULL, &m->d),
                     AM_E_INVALID);
    assert_string_equal(m->d.item[0].code, "model.feature_name");
    diag_release(&m->d);
    diag_init(&m->d);
    m->x[5] = INFINITY;
    m->y[3] = 2;
    assert_int_equal(fit(m, &o), AM_E_INVALID);
    assert_string_equal(m->d.item[0].code, "model.infinite");
    assert_string_equal(m->d.item[1].code, "model.label");
    m->x[5] = 0;
    memset(m->y, 1, N);
    diag_release(&m->d);
    diag_init(&m->d);
    assert_int_equal(fit(m, &o), AM_E_INVALID);
    assert_string_equal(m->d.item[0].code, "model.one_class");
}

static void want_of_memory_leaves_nothing(void **state)
{
    struct made *m = *state;
    struct model_gbt_options o = options(2);
    int err = AM_E_NOMEM;
    o.folds = 2;
    o.threads = 2;
    o.colsample = 0.5;
    assert_ok(buf_adds(&m->report, "kept"));
    for (int64_t k = 1; err; k++) {
        am_oom_at(k);
        err = model_fit_gbt(m->x, m->y, 60, name, F, &o, &m->model, &m->report, NULL);
        am_oom_at(0);
        if (err) {
            assert_int_equal(err, AM_E_NOMEM);
            assert_int_equal(m->model.n, 0);
            assert_int_equal(m->report.n, 4);
        }
    }
}

static void bins_agree_with_the_reader(void **state)
{
    struct made *m = *state;
    uint32_t row[N];
    struct gbt_bins b;
    for (size_t i = 0; i < N; i++)
        row[i] = (uint32_t)i;
    assert_ok(model_gbt_bins(&b, m->x, row, N, F, 16));
    for (size_t j = 0; j < F; j++) {
        uint32_t cuts = b.cut_at[j + 1] - b.cut_at[j];
        const float *cut = b.cut + b.cut_at[j];
        assert_true(cuts >= 13 && cuts <= 15);
        for (size_t i = 0; i < N; i++) {
            float v = (float)m->x[i * F + j];
            uint8_t bin = model_gbt_bin(&b, i, j);
            if (isnan(v)) {
                assert_int_equal(bin, cuts);
                continue;
            }
            assert_true(v < cut[bin]);
            assert_true(bin == 0 || v >= cut[bin - 1]);
        }
    }
    model_gbt_bins_free(&b);
}

/* What one tree sees: the cells of its rows, in the columns it drew, whatever was there.
 */
static void picked_columns_hold_the_same_bins(void **state)
{
    static const uint32_t first[] = {0, 2, 3, 4, 5}, second[] = {1, F - 1};
    struct made *m = *state;
    uint32_t row[N], some[N / 3];
    struct gbt_bins b, part;
    for (size_t i = 0; i < N; i++)
        row[i] = (uint32_t)i;
    for (size_t i = 0; i < N / 3; i++)
        some[i] = (uint32_t)(3 * i + 1);
    for (size_t i = 0; i < N; i++) /* fewer cuts than the others */
        m->x[i * F + 1] = (double)(i % 3);
    assert_ok(model_gbt_bins(&b, m->x, row, N, F, 16));
    assert_ok(model_gbt_bins_room(&part, &b));
    model_gbt_bins_pick(&part, &b, first, AM_LEN(first), row, N);
    model_gbt_bins_pick(&part, &b, second, 2, some, N / 3);
    assert_int_equal(part.features, 2);
    assert_int_equal(part.groups, 1);
    for (size_t k = 0; k < 2; k++) {
        uint32_t j = second[k], cuts = b.cut_at[j + 1] - b.cut_at[j];
        assert_int_equal(part.cut_at[k + 1] - part.cut_at[k], cuts);
        assert_int_equal(part.slot[k + 1] - part.slot[k], cuts + 1);
        for (size_t i = 0; i < N / 3; i++)
            assert_int_equal(model_gbt_bin(&part, some[i], k),
                             model_gbt_bin(&b, some[i], j));
    }
    for (size_t k = 2; k < GBT_LANES; k++)
        for (size_t i = 0; i < N / 3; i++)
            assert_int_equal(model_gbt_bin(&part, some[i], k), 0);
    model_gbt_bins_free(&part);
    model_gbt_bins_free(&b);
}

#define WITH(t) cmocka_unit_test_setup_teardown(t, made_up, made_down)
TEST_MAIN(WITH(the_written_model_scores_what_training_measured),
          WITH(training_loss_falls_and_the_cause_is_found),
          WITH(the_bytes_do_not_depend_on_threads),
          TEST(large_tables_use_threads_and_say_the_same),
          WITH(the_order_of_the_rows_does_not_matter),
          WITH(a_stump_is_what_the_formulas_say),
          WITH(missing_values_go_where_they_belong),
          WITH(columns_without_information_are_no_harm),
          WITH(few_bins_and_heavy_ties_work),
          WITH(cross_validation_keeps_patients_together),
          WITH(folds_want_enough_of_each_class), WITH(bad_options_are_all_named),
          WITH(bad_tables_are_refused), WITH(want_of_memory_leaves_nothing),
          WITH(bins_agree_with_the_reader), WITH(picked_columns_hold_the_same_bins))
