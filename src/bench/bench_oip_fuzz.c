/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_oip.h"

#include <math.h>

/* Whatever a service says: an answer is whole, or a fault has a name and no score is
 * touched. First byte: how many rows were asked. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bench_oip o = {.output = "y"}, any = {.fp32 = false};
    struct str body;
    enum bench_oip_fault fault;
    double score[256];
    size_t n;
    int err;
    if (!len)
        return 0;
    n = data[0];
    body = (struct str){(const char *)data + 1, len - 1};
    for (size_t i = 0; i < AM_LEN(score); i++)
        score[i] = -7;
    err = bench_oip_answer(&o, body, n, score, &fault);
    am_assert((err == AM_E_INVALID) == (fault != BENCH_OIP_NONE));
    for (size_t i = err ? 0 : n; i < AM_LEN(score); i++)
        am_assert(score[i] == -7);
    err = bench_oip_answer(&any, body, n, score, &fault);
    am_assert((err == AM_E_INVALID) == (fault != BENCH_OIP_NONE));
    err = bench_oip_metadata(&any, body, 3, &fault);
    am_assert(err ? !any.input[0] : any.input[0] && any.output[0]);
    return 0;
}
