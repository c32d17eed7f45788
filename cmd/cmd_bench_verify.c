/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench verify -- makes the numbers of a run again without its model, from what it
 * left and, with --data or --store, the data; compares every one to the last bit, and
 * judges the evidence again. */
#include "cmd_bench.h"
#include "cmd_bench_kept.h"

int cmd_bench_verify(int argc, char **argv)
{
    return cmd_kept_main(argc, argv, "bench verify of", false, NULL);
}
