/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench rerun -- executes a run once more, model and all, and compares what it
 * gives with what was left: measures, scores, curves, and the answers byte for byte. */
#include "cmd_bench.h"
#include "cmd_bench_kept.h"

static int compare_answers(struct kept *k)
{
    int err = AM_OK;
    for (size_t i = 0; bench_family_name(i) && !err; i++) {
        const char *family = bench_family_name(i);
        struct str was = STR_NULL;
        char name[96];
        struct buf b;
        for (size_t j = 0; j < k->n_answers; j++)
            if (!strcmp(k->answers[j].family, family))
                was = k->answers[j].bytes;
        buf_init(&b, (size_t)1 << 30);
        err = bench_answers(k->run, family, &b);
        snprintf(name, sizeof name, "answers-%s.bin", family);
        if (!err && !bench_observed(k->run, family) && !str_eq(was, buf_str(&b)))
            diag_err(&k->d, name, "kept.bytes", "other bytes than this run gives");
        buf_release(&b);
    }
    return err;
}

int cmd_bench_rerun(int argc, char **argv)
{
    return cmd_kept_main(argc, argv, "bench rerun of", true, compare_answers);
}
