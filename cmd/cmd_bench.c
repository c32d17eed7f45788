/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench VERB -- which verb is meant. */
#include "cmd_bench.h"

#include <unistd.h>

#include "bench/bench.h"

const char cmd_bench_synopsis[] =
    "usage: amane bench run --record R.json --model FILE|--endpoint\n"
    "                       --data MANIFEST.json --out DIR [--policy FILE]\n"
    "                       [--level base|intermediate|advanced] [--org ORG]\n"
    "                       [--seed N] [--jobs N] [--queue DIR] [--json]\n"
    "                       [--store DIR --store-key FILE] [--no-report]\n"
    "                       [--answer-s N]\n"
    "       amane bench seal key --out FILE\n"
    "       amane bench seal import MANIFEST.json --store DIR --key FILE --id ID\n"
    "                        [--runs N] [--runs-vendor N] [--runs-algorithm N]\n"
    "       amane bench seal list --store DIR --key FILE [--json]\n"
    "       amane bench seal log ID --store DIR --key FILE [--known DIGEST] [--json]\n"
    "       amane bench seal export-digest ID --store DIR --key FILE [--json]\n"
    "       amane bench work --record R.json --model FILE|--endpoint\n"
    "                        --data MANIFEST.json --queue DIR [--seed N] [--jobs N]\n"
    "                        [--answer-s N]\n"
    "       amane bench report DIR --out FILE.html [--lang fr|ar|en]\n"
    "       amane bench verify DIR|EVIDENCE.json [--data MANIFEST.json] [--record "
    "R.json]\n"
    "                       [--model FILE] [--policy FILE] [--jobs N] [--json]\n"
    "                       [--store DIR --store-key FILE]\n"
    "       amane bench rerun DIR|EVIDENCE.json --model FILE|--endpoint\n"
    "                       [--data MANIFEST.json] [--record R.json] [--policy FILE]\n"
    "                       [--jobs N] [--json] [--store DIR --store-key FILE]\n"
    "                       [--answer-s N]\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
#define X(verb) {#verb, cmd_bench_##verb},
    CMD_BENCH_MAP(X)
#undef X
};

int cmd_bench_number(const char *name, const char *text, int64_t lo, int64_t hi,
                     int64_t *out)
{
    if (!text || !str_int(str_c(text), lo, hi, out))
        return AM_OK;
    cmd_complain("cmd.usage.whole", name, text);
    return AM_E_USAGE;
}

int cmd_bench_jobs(const char *text, int64_t *out)
{
    *out = AM_MAX(1, AM_MIN(sysconf(_SC_NPROCESSORS_ONLN), BENCH_JOBS_MAX));
    return cmd_bench_number("--jobs", text, 1, BENCH_JOBS_MAX, out);
}

int cmd_bench_answer(const char *text, unsigned *out)
{
    int64_t n = 0;
    int err = cmd_bench_number("--answer-s", text, 1, 3600, &n);
    *out = (unsigned)n;
    return err;
}

int cmd_bench_dir(const char *path, char out[4096])
{
    const char *slash = strrchr(path, '/');
    int n = slash ? AM_MAX((int)AM_MIN(slash - path, 4096), 1) : 1;
    return snprintf(out, 4096, "%.*s", n, slash ? path : ".") >= 4096 ? AM_E_TOOBIG
                                                                      : AM_OK;
}

int cmd_bench(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < AM_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        return cmd_usage(cmd_bench_synopsis, true);
    return cmd_usage(cmd_bench_synopsis, false);
}
