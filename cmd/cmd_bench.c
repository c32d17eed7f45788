/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench VERB -- which verb is meant. */
#include "cmd_bench.h"

const char cmd_bench_synopsis[] =
    "usage: amane bench run --record R.json --model FILE --data MANIFEST.json --out DIR\n"
    "                       [--policy FILE] [--level base|intermediate|advanced]\n"
    "                       [--org ORG] [--seed N] [--jobs N] [--json]\n"
    "                       [--store DIR --store-key FILE]\n"
    "       amane bench seal key --out FILE\n"
    "       amane bench seal import MANIFEST.json --store DIR --key FILE --id ID\n"
    "                        [--runs N] [--runs-vendor N] [--runs-algorithm N]\n"
    "       amane bench seal list --store DIR --key FILE [--json]\n"
    "       amane bench seal log ID --store DIR --key FILE [--known DIGEST] [--json]\n"
    "       amane bench seal export-digest ID --store DIR --key FILE [--json]\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
#define X(verb) {#verb, cmd_bench_##verb},
    CMD_BENCH_MAP(X)
#undef X
};

int cmd_bench(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < AM_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        return cmd_usage(cmd_bench_synopsis, true);
    return cmd_usage(cmd_bench_synopsis, false);
}
