/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench -- the verbs of `amane bench`, a file each (cmd_bench_<verb>.c). A new verb
 * is a line of the map and its lines of the synopsis, in order of the map. */
#ifndef CMD_BENCH_H
#define CMD_BENCH_H

#include "cmd.h"

/* X(verb): int cmd_bench_<verb>(argc, argv), argv[0] is the verb. */
#define CMD_BENCH_MAP(X) X(run)

#define X(verb) int cmd_bench_##verb(int argc, char **argv);
CMD_BENCH_MAP(X)
#undef X

extern const char cmd_bench_synopsis[];

#endif
