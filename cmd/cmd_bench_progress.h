/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench_progress -- bench_input.progress for a person at a terminal. */
#ifndef CMD_BENCH_PROGRESS_H
#define CMD_BENCH_PROGRESS_H

#include "cmd.h"
#include "text/text.h"

struct cmd_bench_progress { /* cookie */
    enum text_lang lang;
    bool tty;
    int64_t since; /* of the first job; monotonic */
    uint64_t first;
    char last[64]; /* step told */
};
void cmd_bench_progress_init(struct cmd_bench_progress *p);
void cmd_bench_progress(void *cookie, const char *step, uint64_t done, uint64_t total);
/* The line is cleared: what comes next begins one. */
void cmd_bench_progress_end(const struct cmd_bench_progress *p);

#endif
