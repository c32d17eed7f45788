/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of answers: refused, or tapes that lie inside it. */
#include "bench/bench_answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct bench_answers a;
    if (bench_answers_read(bytes, &a))
        return 0;
    am_assert(a.tape.n > 0 && a.family.n > 0);
    for (size_t i = 0; i < a.tape.n; i++) {
        struct str t = a.tape.v[i].bytes;
        am_assert(t.p >= bytes.p && t.p + t.n <= bytes.p + bytes.n);
    }
    bench_answers_release(&a);
    return 0;
}
