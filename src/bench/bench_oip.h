/* SPDX-License-Identifier: Apache-2.0 */
/* bench_oip -- the Open Inference Protocol, version 2, as JSON over HTTP: the question,
 * and the answer of a service nobody vouches for. Pure: text in, text out.
 *
 * One input tensor [rows, features], one output tensor [rows], [rows,1] or [rows,2] (its
 * second column). An answer is taken whole or not at all: a shape that is not the one
 * asked for, more or fewer values, a value that is no number, another type: each is named
 * (enum bench_oip_fault). `null` is a missing score. */
#ifndef BENCH_OIP_H
#define BENCH_OIP_H

#include "json/json.h"

#define BENCH_OIP_FAULT_MAP(X)                                                           \
    X(NONE, "")                                                                          \
    X(JSON, "not_json")                                                                  \
    X(OUTPUT, "no_such_output")                                                          \
    X(TYPE, "datatype")                                                                  \
    X(SHAPE, "shape")                                                                    \
    X(COUNT, "count")                                                                    \
    X(VALUE, "not_a_number")                                                             \
    X(OTHER, "other_question")
enum bench_oip_fault {
#define X(id, name) BENCH_OIP_##id,
    BENCH_OIP_FAULT_MAP(X)
#undef X
        BENCH_OIP_FAULTS
};
extern const char *const bench_oip_fault_name[BENCH_OIP_FAULTS];

enum { BENCH_OIP_NAME = 128 };
struct bench_oip { /* how the tensors are called; "" : not known yet */
    char input[BENCH_OIP_NAME], output[BENCH_OIP_NAME];
    bool fp32;   /* FP64 otherwise */
    char id[24]; /* of the question; "": none. An answer with another id is refused */
};

/* Appends the body of an infer request; rows hold no NaN. */
AM_CHECK int bench_oip_ask(const struct bench_oip *o, const double *x, size_t n,
                           size_t features, struct buf *out);
/* The scores of n rows. AM_E_INVALID with *fault set, scores untouched; AM_E_NOMEM. */
AM_CHECK int bench_oip_answer(const struct bench_oip *o, struct str body, size_t n,
                              double *score, enum bench_oip_fault *fault);
/* What the service says of its model: fills the names that are "" and the type. Refuses
 * another number of features than is declared. */
AM_CHECK int bench_oip_metadata(struct bench_oip *o, struct str body, size_t features,
                                enum bench_oip_fault *fault);

#endif
