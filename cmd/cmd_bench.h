/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench -- the verbs of `amane bench`, a file each (cmd_bench_<verb>.c). A new verb
 * is a line of the map and its lines of the synopsis, in order of the map. */
#ifndef CMD_BENCH_H
#define CMD_BENCH_H

#include "cmd.h"

/* X(verb): int cmd_bench_<verb>(argc, argv), argv[0] is the verb. */
#define CMD_BENCH_MAP(X) X(run) X(seal) X(work) X(report) X(verify) X(rerun)

#define X(verb) int cmd_bench_##verb(int argc, char **argv);
CMD_BENCH_MAP(X)
#undef X

/* report.fr.html, report.ar.html and report.en.html of the run in dir (module report);
 * mode: of the files. */
AM_CHECK int cmd_bench_reports(const char *dir, unsigned mode, struct diag *d);

extern const char cmd_bench_synopsis[];
/* Options of more than one verb; what is wrong with them is said on stderr. */
AM_CHECK int cmd_bench_number(const char *name, const char *text, int64_t lo, int64_t hi,
                              int64_t *out);
AM_CHECK int cmd_bench_jobs(const char *text, int64_t *out); /* default: processors */
/* Longest the model may take for one question, in s; 0: not said. */
AM_CHECK int cmd_bench_answer(const char *text, unsigned *out);
/* The folder of a file. */
AM_CHECK int cmd_bench_dir(const char *path, char out[4096]);

/* Runs on sealed sets (cmd_bench_vendor.c): does the manifest name one; is a file of the
 * output measures only; copy it to OUT/vendor and remember it in files; write the list.
 */
struct json;
bool cmd_bench_sealed(const struct json *manifest);
bool cmd_bench_for_vendor(const char *name);
AM_CHECK int cmd_bench_give(const char *out, const char *name, struct str text,
                            struct buf *files);
AM_CHECK int cmd_bench_given(const char *out, const struct json *record,
                             struct str files);

#endif
