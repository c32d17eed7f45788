/* SPDX-License-Identifier: Apache-2.0 */
/* model_onnx_priv -- the pieces of an ONNX file while it is being read. */
#ifndef MODEL_ONNX_PRIV_H
#define MODEL_ONNX_PRIV_H

#include "model/model_pb.h"
#include "model/model_priv.h"

enum {
    ONNX_RANK_MAX = 8,
    ONNX_TENSORS_MAX = 100000,
    ONNX_NODES_MAX = 100000,
    ONNX_IO_MAX = MODEL_FEATURES_MAX,
    ONNX_NAME_MAX = 128,
};

struct onnx_tensor {
    struct str name;
    int dtype;
    int64_t dim[ONNX_RANK_MAX];
    size_t rank;
    struct str raw;  /* little-endian, borrowed from the file or from made */
    struct buf made; /* when the file kept the values in typed fields */
    uint64_t elements;
};
struct onnx_value { /* an input or output of the graph */
    struct str name;
    int dtype;                  /* 0: not a tensor */
    int64_t dim[ONNX_RANK_MAX]; /* -1: not fixed */
    size_t rank;
    bool has_shape;
};
struct onnx_reader {
    struct diag *d;
    struct model_onnx *o;
    VEC(struct onnx_tensor) tensor;
    VEC(struct onnx_value) input, output;
    struct buf ops; /* operator texts, each with a NUL behind */
    size_t nodes, dense, conv, recurrent, attention, trees, squash, post_none;
    bool saw_graph;
};
/* A borrowed tensor message into t; release t->made afterwards. */
AM_CHECK int model_onnx_tensor_read(struct pb m, struct onnx_tensor *t);
const char *model_onnx_dtype_name(int dtype); /* NULL: refused */
AM_CHECK int model_onnx_node_read(struct onnx_reader *r, struct pb m);
/* Inputs and outputs of the graph to features and score. */
AM_CHECK int model_onnx_signature(struct onnx_reader *r, struct model *m);

#endif
