/* SPDX-License-Identifier: Apache-2.0 */
/* Answers taken whole or refused by name; the question as the protocol writes it. */
#include "bench/bench_oip.h"

#include <math.h>

#include "base/test.h"
#include "bench/bench_endpoint.h"

static const struct bench_oip names = {.input = "x", .output = "y"};

static void a_question_is_one_tensor(void **state)
{
    const double x[] = {1, 0.1, -3, 4e10};
    struct bench_oip o = names;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 16);
    assert_ok(bench_oip_ask(&o, x, 2, 2, &b));
    assert_string_equal(b.p, "{\"inputs\":[{\"name\":\"x\",\"shape\":[2,2],\"datatype\":"
                             "\"FP64\",\"data\":[1,0.1,-3,40000000000]}]}");
    buf_clear(&b);
    o.fp32 = true; /* as the service will read it */
    assert_ok(bench_oip_ask(&o, x + 1, 1, 1, &b));
    assert_non_null(strstr(b.p, "\"FP32\",\"data\":[0.10000000149011612]"));
    buf_release(&b);
}

static void scores_are_read_in_the_shapes_of_the_protocol(void **state)
{
    static const char *const text[] = {
        "{\"outputs\":[{\"name\":\"y\",\"shape\":[2],\"datatype\":\"FP64\",\"data\":[0."
        "25,"
        "0.5]}]}",
        "{\"outputs\":[{\"name\":\"y\",\"shape\":[2,1],\"datatype\":\"FP32\",\"data\":[["
        "0.25],[0.5]]}]}",
        "{\"outputs\":[{\"name\":\"z\"},{\"name\":\"y\",\"shape\":[2,2],\"datatype\":"
        "\"FP64\",\"data\":[0.75,0.25,0.5,0.5]}]}"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(text); i++) {
        double s[2];
        enum bench_oip_fault fault;
        assert_ok(bench_oip_answer(&names, str_c(text[i]), 2, s, &fault));
        assert_true(s[0] == 0.25 && s[1] == 0.5 && fault == BENCH_OIP_NONE);
    }
}

static void null_is_a_missing_score(void **state)
{
    double s[1] = {3};
    enum bench_oip_fault fault;
    (void)state;
    assert_ok(bench_oip_answer(&names,
                               STR("{\"outputs\":[{\"name\":\"y\",\"shape\":[1],"
                                   "\"datatype\":\"FP64\",\"data\":[null]}]}"),
                               1, s, &fault));
    assert_true(isnan(s[0]));
}

#define OUT(rest) "{\"outputs\":[{\"name\":\"y\"," rest "}]}"
static void a_lie_is_refused_by_name_and_no_score_is_touched(void **state)
{
    static const struct {
        const char *text;
        enum bench_oip_fault fault;
    } lie[] = {
        {"", BENCH_OIP_JSON},
        {"{\"outputs\":[NaN]}", BENCH_OIP_JSON},
        {"[]", BENCH_OIP_OUTPUT},
        {"{\"outputs\":{\"name\":\"y\"}}", BENCH_OIP_OUTPUT},
        {"{\"outputs\":[{\"name\":\"z\"}]}", BENCH_OIP_OUTPUT},
        {OUT("\"shape\":[2],\"datatype\":\"BYTES\",\"data\":[0,1]"), BENCH_OIP_TYPE},
        {OUT("\"shape\":[3],\"datatype\":\"FP64\",\"data\":[0,1,1]"), BENCH_OIP_SHAPE},
        {OUT("\"shape\":[1,2],\"datatype\":\"FP64\",\"data\":[0,1]"), BENCH_OIP_SHAPE},
        {OUT("\"shape\":[2,3],\"datatype\":\"FP64\",\"data\":[0,1,0,1,0,1]"),
         BENCH_OIP_SHAPE},
        {OUT("\"shape\":[2,-1],\"datatype\":\"FP64\",\"data\":[0,1]"), BENCH_OIP_SHAPE},
        {OUT("\"shape\":2,\"datatype\":\"FP64\",\"data\":[0,1]"), BENCH_OIP_SHAPE},
        {OUT("\"shape\":[2],\"datatype\":\"FP64\",\"data\":[0]"), BENCH_OIP_COUNT},
        {OUT("\"shape\":[2],\"datatype\":\"FP64\",\"data\":[0,1,2]"), BENCH_OIP_COUNT},
        {OUT("\"shape\":[2],\"datatype\":\"FP64\",\"data\":0"), BENCH_OIP_COUNT},
        {OUT("\"shape\":[2],\"datatype\":\"FP64\",\"data\":[0,\"1\"]"), BENCH_OIP_VALUE},
        {OUT("\"shape\":[2],\"datatype\":\"FP64\",\"data\":[[[0]],1]"), BENCH_OIP_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(lie); i++) {
        double s[3] = {-7, -7, -7};
        enum bench_oip_fault fault;
        assert_int_equal(bench_oip_answer(&names, str_c(lie[i].text), 2, s, &fault),
                         AM_E_INVALID);
        if (fault != lie[i].fault)
            fail_msg("%s: %s", lie[i].text, bench_oip_fault_name[fault]);
        assert_true(s[0] == -7 && s[1] == -7 && s[2] == -7);
    }
}

static void metadata_names_the_tensors_of_the_declared_width(void **state)
{
    const struct str text = STR(
        "{\"name\":\"m\",\"inputs\":[{\"name\":\"in\",\"datatype\":\"FP32\",\"shape\":[-"
        "1,"
        "3]}],\"outputs\":[{\"name\":\"label\",\"datatype\":\"INT64\",\"shape\":[-1]},{"
        "\"name\":\"p\",\"datatype\":\"FP32\",\"shape\":[-1,2]}]}");
    struct bench_oip o = {.input = ""};
    enum bench_oip_fault fault;
    (void)state;
    assert_int_equal(bench_oip_metadata(&o, text, 4, &fault), AM_E_INVALID);
    assert_int_equal(fault, BENCH_OIP_SHAPE);
    assert_string_equal(o.input, "");
    assert_ok(bench_oip_metadata(&o, text, 3, &fault));
    assert_string_equal(o.input, "in");
    assert_string_equal(o.output, "p");
    assert_true(o.fp32);
}

static void decimals_are_those_a_number_needs(void **state)
{
    (void)state;
    assert_int_equal(bench_decimals(0), 0);
    assert_int_equal(bench_decimals(1), 0);
    assert_int_equal(bench_decimals(0.5), 1);
    assert_int_equal(bench_decimals(0.123), 3);
    assert_int_equal(bench_decimals(0.0005), 4);
    assert_int_equal(bench_decimals((double)0.123F), 3); /* a float, written in full */
    assert_true(bench_decimals(1.0 / 3) > 14);
    assert_true(bench_decimals((double)(1.0F / 3)) > 6);
}

static void no_memory_is_an_error(void **state)
{
    int err = AM_E_NOMEM;
    (void)state;
    for (unsigned k = 1; err; k++) {
        double s[1] = {-7};
        enum bench_oip_fault fault;
        am_oom_at(k);
        err = bench_oip_answer(&names,
                               STR("{\"outputs\":[{\"name\":\"y\",\"shape\":[1],"
                                   "\"datatype\":\"FP64\",\"data\":[0.5]}]}"),
                               1, s, &fault);
        am_oom_at(0);
        assert_true(err == AM_OK || err == AM_E_NOMEM);
        assert_true(s[0] == (err ? -7 : 0.5));
    }
}

TEST_MAIN(TEST(a_question_is_one_tensor),
          TEST(scores_are_read_in_the_shapes_of_the_protocol),
          TEST(null_is_a_missing_score),
          TEST(a_lie_is_refused_by_name_and_no_score_is_touched),
          TEST(metadata_names_the_tensors_of_the_declared_width),
          TEST(decimals_are_those_a_number_needs), TEST(no_memory_is_an_error))
