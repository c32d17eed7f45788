/* SPDX-License-Identifier: Apache-2.0 */
/* Images: a row of numbers in, the declared shape out. */
#include <dirent.h>

#include "model/model_test_onnx.h"

enum { DIAG_CODE = 64 };

/* A tensor type: elem, then one dimension each ("n", or a number below 128). */
static struct str shaped(struct buf *b, int elem, const int *dim, size_t rank)
{
    struct buf shape, type, value;
    buf_init(&shape, 200);
    buf_init(&type, 200);
    buf_init(&value, 200);
    for (size_t i = 0; i < rank; i++) {
        const char one[] = {'\n', 2, '\010', (char)dim[i], 0};
        assert_ok(
            buf_add(&shape, dim[i] ? (struct str){one, 4} : STR("\n\003\022\001n")));
    }
    assert_ok(buf_addc(&type, '\010'));
    assert_ok(buf_addc(&type, (char)elem));
    pb_add(&type, 2, buf_str(&shape));
    pb_add(&value, 1, buf_str(&type));
    buf_init(b, 200);
    assert_ok(buf_adds(b, "\n\001x"));
    pb_add(b, 2, buf_str(&value));
    buf_release(&shape);
    buf_release(&type);
    buf_release(&value);
    return buf_str(b);
}

/* The mean of the image, taken over rows first so that only [n, 1, h, w] fits: MaxPool
 * along the width, then Flatten, then ReduceMean. */
static const struct made mean = {
    .node = STR_INIT("\n\001x\022\001m\042\007MaxPool\052\025\n\014kernel_shape"
                     "\100\001\100\002\240\001\007"),
    .graph_extra = STR_INIT("\n\017\n\001m\022\001f\042\007Flatten"
                            "\n\037\n\001f\022\001p\042\012ReduceMean\052\013\n\004axes"
                            "\100\001\240\001\007"),
    .output =
        STR_INIT("\n\001p\022\017\n\015\010\001\022\011\n\003\022\001n\n\002\010\001"),
};

static int load(struct model **m, int elem, const int *dim, size_t rank,
                struct str extra_input, char code[DIAG_CODE])
{
    struct made one = mean;
    struct buf f, in;
    struct diag d;
    int err;
    one.input = shaped(&in, elem, dim, rank);
    if (extra_input.n) {
        struct buf more;
        buf_init(&more, 500);
        assert_ok(buf_add(&more, one.graph_extra));
        pb_add(&more, 11, extra_input);
        one.graph_extra = buf_str(&more);
        made_bytes(&one, &f);
        buf_release(&more);
    } else {
        made_bytes(&one, &f);
    }
    diag_init(&d);
    err = model_load(m, buf_str(&f), &d);
    snprintf(code, DIAG_CODE, "%s", d.n ? d.item[0].code : "");
    diag_release(&d);
    buf_release(&f);
    buf_release(&in);
    return err;
}

static void an_image_enters_row_by_row(void **state)
{
    const int any[] = {0, 1, 2, 4}, single[] = {1, 1, 2, 4};
    /* pairs along the width: largest of (0 1) (1 2) (2 3) = 1, 2, 3; (7 0) (0 0) (0 9) */
    const double x[] = {0, 1, 2, 3, 7, 0, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1};
    char code[DIAG_CODE];
    (void)state;
    if (!test_onnx_runtime()) {
        print_message("SKIPPED: ONNX Runtime is not installed\n");
        skip();
    }
    for (int fixed = 0; fixed < 2; fixed++) {
        struct model *m = NULL;
        double s[2];
        assert_ok(load(&m, MODEL_F32, fixed ? single : any, 4, STR_NULL, code));
        assert_int_equal(model_features(m), 8);
        assert_ok(model_score(m, x, 2, s));
        assert_near(s[0], (1 + 2 + 3 + 7 + 0 + 9) / 6., 1e-6);
        assert_near(s[1], 1, 1e-6);
        model_free(m);
    }
}

static void an_image_is_described_by_its_shape(void **state)
{
    const int any[] = {0, 1, 28, 28};
    char code[DIAG_CODE];
    struct model *m = NULL;
    struct buf text;
    (void)state;
    if (!test_onnx_runtime())
        skip();
    assert_ok(load(&m, MODEL_F32, any, 4, STR_NULL, code));
    buf_init(&text, 1 << 16);
    assert_ok(model_describe(m, STR("x"), &text));
    assert_non_null(
        strstr(text.p,
               "\"inputs\":[{\"name\":\"x\",\"type\":\"float32\",\"shape\":[1,28,28]}]"));
    buf_release(&text);
    model_free(m);
}

static void other_images_are_refused(void **state)
{
    static const struct {
        int elem, dim[5];
        size_t rank;
        const char *code;
    } t[] = {
        {MODEL_F32, {0, 1, 0, 4}, 4, "model.onnx_input"}, /* a side that is not fixed */
        {MODEL_F64, {0, 1, 2, 4}, 4, "model.onnx_input"}, /* not float */
        {MODEL_F32, {0, 1, 1, 2, 4}, 5, "model.onnx_input"},
        {MODEL_F32, {0, 1, 65, 64}, 4, "model.toobig"},
        {MODEL_F32, {0, 127, 127, 127}, 4, "model.toobig"},
        {MODEL_F32, {2, 1, 2, 4}, 4, "model.onnx_batch"},
    };
    char code[DIAG_CODE];
    struct model *m = NULL;
    const int any[] = {0, 1, 2, 4};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        assert_int_equal(load(&m, t[i].elem, t[i].dim, t[i].rank, STR_NULL, code),
                         AM_E_UNSUPPORTED);
        assert_string_equal(code, t[i].code);
    }
    assert_int_equal(
        load(&m, MODEL_F32, any, 4,
             STR("\n\001y\022\017\n\015\010\001\022\011\n\003\022\001n\n\002\010\001"),
             code),
        AM_E_UNSUPPORTED);
    assert_string_equal(code, "model.onnx_input");
}

static size_t threads(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* One that woke up to send telemetry was what seccomp killed every worker for. */
static void the_runtime_starts_no_thread(void **state)
{
    size_t before = threads();
    (void)state;
    if (!test_onnx_runtime())
        skip();
    assert_int_equal(threads(), before);
}

TEST_MAIN(TEST(the_runtime_starts_no_thread), TEST(an_image_enters_row_by_row),
          TEST(an_image_is_described_by_its_shape), TEST(other_images_are_refused))
