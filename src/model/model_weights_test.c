/* SPDX-License-Identifier: Apache-2.0 */
/* Where weights stand in files of the three formats, and copies that differ by a bit.
 * Counts were taken with python3 (json, and the protobuf by hand) from the same files. */
#include "model/model_test.h"

#include <math.h>

struct bag {
    struct model_weight w[8192];
    size_t n;
};

static int keep(void *cookie, const struct model_weight *w)
{
    struct bag *b = cookie;
    assert_true(b->n < AM_LEN(b->w));
    b->w[b->n++] = *w;
    return AM_OK;
}

static struct str shared(const char *name, char **text)
{
    const char *root = getenv("AMANE_SHARED");
    char path[4096];
    size_t n;
    snprintf(path, sizeof path, "%s/data/bench_truth/%s", root ? root : "/work/shared",
             name);
    assert_ok(am_file_read(path, (size_t)1 << 24, text, &n));
    return (struct str){*text, n};
}

static void scan(struct bag *b, struct str bytes)
{
    b->n = 0;
    assert_ok(model_weights_scan(bytes, keep, b));
}

static void json_and_ubj_have_the_same_weights(void **state)
{
    static struct bag a, b;
    char *ta, *tb;
    struct str ja = shared("model_pima_xgb.json", &ta),
               ub = shared("model_pima_xgb.ubj", &tb);
    (void)state;
    scan(&a, ja);
    scan(&b, ub);
    assert_true(a.n > 100 && a.n == b.n);
    for (size_t i = 0; i < a.n; i++) {
        double v;
        assert_true(a.w[i].value == b.w[i].value && b.w[i].size == 4);
        assert_int_equal(a.w[i].form, MODEL_WEIGHT_TEXT);
        assert_int_equal(b.w[i].form, MODEL_WEIGHT_BE);
        assert_ok(str_double(str_sub(ja, a.w[i].at, a.w[i].at + a.w[i].size), &v));
        assert_true((float)v == a.w[i].value);
    }
    free(ta);
    free(tb);
}

/* A network of 7 inputs, layers of floats: the parameters its description counts. */
static void onnx_weights_are_all_found(void **state)
{
    static struct bag b;
    char *t;
    struct str bytes = shared("model_pima_mlp.onnx", &t);
    struct model *m;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_ok(model_parse(&m, bytes, &d));
    scan(&b, bytes);
    assert_int_equal(b.n, m->onnx->parameters);
    for (size_t i = 0; i < b.n; i++) {
        float v;
        memcpy(&v, bytes.p + b.w[i].at, sizeof v);
        assert_true(v == b.w[i].value && b.w[i].form == MODEL_WEIGHT_LE);
    }
    model_free(m);
    diag_release(&d);
    free(t);
}

static bool canonical_of(struct str bytes, uint8_t out[32])
{
    struct model *m = NULL;
    struct diag d;
    bool ok;
    diag_init(&d);
    ok = !model_parse(&m, bytes, &d);
    if (ok)
        assert_ok(model_canonical_digest(m, out));
    model_free(m);
    diag_release(&d);
    return ok;
}

/* Flipped once the canonical digest differs (or the file is refused); twice, it is the
 * file again, but for the spelling of numbers in JSON. */
static void a_flip_changes_the_weights_and_a_second_undoes_it(void **state)
{
    static const char *const file[] = {"model_pima_xgb.json", "model_pima_xgb.ubj",
                                       "model_pima_mlp.onnx"};
    static struct bag b, again;
    (void)state;
    for (size_t f = 0; f < AM_LEN(file); f++) {
        char *t;
        struct str bytes = shared(file[f], &t);
        uint8_t was[32], is[32];
        assert_true(canonical_of(bytes, was));
        scan(&b, bytes);
        for (size_t i = 0; i < b.n; i += b.n / 7) {
            struct buf one, two;
            buf_init(&one, 1 << 24);
            buf_init(&two, 1 << 24);
            assert_ok(model_weight_flip(bytes, &b.w[i], 0, &one));
            assert_true(!canonical_of(buf_str(&one), is) || memcmp(is, was, 32) != 0);
            scan(&again, buf_str(&one));
            assert_int_equal(again.n, b.n);
            assert_ok(model_weight_flip(buf_str(&one), &again.w[i], 0, &two));
            assert_true(canonical_of(buf_str(&two), is));
            assert_memory_equal(is, was, 32);
            assert_true(f == 0 || str_eq(buf_str(&two), bytes));
            buf_release(&one);
            buf_release(&two);
        }
        free(t);
    }
}

static void the_largest_come_first_and_picks_follow_the_seed(void **state)
{
    struct model_weight a[20], c[20];
    char *t;
    struct str bytes = shared("model_pima_xgb.ubj", &t);
    size_t tops, picked;
    uint64_t total;
    (void)state;
    assert_ok(model_weights_choose(bytes, 5, 8, 12, a, &tops, &picked, &total));
    assert_true(tops == 8 && picked == 12 && total > 20);
    for (size_t i = 1; i < tops; i++)
        assert_true(fabsf(a[i].value) <= fabsf(a[i - 1].value));
    for (size_t i = tops + 1; i < tops + picked; i++)
        assert_true(a[i].at >= a[i - 1].at);
    assert_ok(model_weights_choose(bytes, 5, 8, 12, c, &tops, &picked, &total));
    for (size_t i = 0; i < 20; i++)
        assert_true(a[i].at == c[i].at);
    assert_ok(model_weights_choose(bytes, 6, 8, 12, c, &tops, &picked, &total));
    assert_true(memcmp(a + 8, c + 8, 12 * sizeof *a) != 0);
    free(t);
}

/* Names and strings that look like the arrays are not taken for them. */
static void only_arrays_are_weights(void **state)
{
    static struct bag b;
    (void)state;
    scan(&b, STR("{\"x\":\"\\\"weights\\\":[1]\",\"y\":[\"weights\",2],\"weights\":[1.5, "
                 "-2e3 ],\"split_conditions\":\"7\"}"));
    assert_int_equal(b.n, 2);
    assert_true(b.w[0].value == 1.5f && b.w[1].value == -2000);
    scan(&b, STR("{\"weights\":["));
    scan(&b, STR("{\"weights\""));
    scan(&b, STR("{\"wei\\"));
    assert_int_equal(b.n, 0);
}

static void a_place_outside_the_file_is_refused(void **state)
{
    struct model_weight w = {.at = 3, .size = 2};
    struct buf out;
    (void)state;
    buf_init(&out, 100);
    assert_int_equal(model_weight_flip(STR("1234"), &w, 0, &out), AM_E_INVALID);
    w = (struct model_weight){.at = 0, .size = 2, .form = MODEL_WEIGHT_LE};
    assert_int_equal(model_weight_flip(STR("1234"), &w, 0, &out), AM_E_INVALID);
    w.size = 4;
    assert_int_equal(model_weight_flip(STR("1234"), &w, 32, &out), AM_E_INVALID);
    buf_release(&out);
}

TEST_MAIN(TEST(json_and_ubj_have_the_same_weights), TEST(onnx_weights_are_all_found),
          TEST(a_flip_changes_the_weights_and_a_second_undoes_it),
          TEST(the_largest_come_first_and_picks_follow_the_seed),
          TEST(only_arrays_are_weights), TEST(a_place_outside_the_file_is_refused))
