/* SPDX-License-Identifier: Apache-2.0 */
/* model_test_onnx -- ONNX messages built by hand, for tests. */
#ifndef MODEL_TEST_ONNX_H
#define MODEL_TEST_ONNX_H

#include "model/model_test.h"

static inline void pb_add(struct buf *b, unsigned field, struct str s)
{
    size_t n = s.n;
    assert_ok(buf_addc(b, (char)(field << 3 | 2)));
    for (; n >= 128; n >>= 7)
        assert_ok(buf_addc(b, (char)((n & 127) | 128)));
    assert_ok(buf_addc(b, (char)n));
    assert_ok(buf_add(b, s));
}

struct made { /* pieces of a Sigmoid(x) model, to be replaced one by one */
    struct str node, graph_extra, model_extra, input, output;
};
/* tensor type: elem 1 (float), shape [n, 3] and [n, 1] */
static const struct made good = {
    .node = STR_INIT("\n\001x\022\001p\042\007Sigmoid"),
    .input =
        STR_INIT("\n\001x\022\017\n\015\010\001\022\011\n\003\022\001n\n\002\010\001"),
    .output =
        STR_INIT("\n\001p\022\017\n\015\010\001\022\011\n\003\022\001n\n\002\010\001"),
};

static inline void made_bytes(const struct made *m, struct buf *f)
{
    struct buf g;
    buf_init(&g, 1 << 20);
    buf_init(f, 1 << 20);
    pb_add(&g, 1, m->node);
    assert_ok(buf_add(&g, m->graph_extra));
    pb_add(&g, 11, m->input);
    pb_add(&g, 12, m->output);
    assert_ok(buf_adds(f, "\010\010"));
    pb_add(f, 7, buf_str(&g));
    pb_add(f, 8, STR("\n\000\020\015"));
    assert_ok(buf_add(f, m->model_extra));
    buf_release(&g);
}

#endif
