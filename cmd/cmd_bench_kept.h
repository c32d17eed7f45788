/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench_kept -- the folder a run left, read back and compared: what `amane bench
 * verify` and `amane bench rerun` share.
 *
 * A folder holds record.json, manifest.json and policy.json (the bytes that were read),
 * scores.csv,
 * answers-FAMILY.bin, evidence-FAMILY.json, curves.json and, written last, summary.json,
 * which names the evidence by digest. */
#ifndef CMD_BENCH_KEPT_H
#define CMD_BENCH_KEPT_H

#include "bench/bench.h"
#include "cmd.h"
#include "crypto/crypto.h"

enum { KEPT_FAMILIES_MAX = 64, KEPT_PATH = 4096 };
struct kept_file {
    char *p;
    size_t n;
};
struct kept_evidence {
    char family[64], name[96];
    struct kept_file file;
    struct json_doc *doc;
    struct bench_compared found;
    bool done;
};
struct kept {
    char dir[KEPT_PATH];
    const char *record_path, *data_path; /* NULL: those of the folder */
    struct kept_file record_text, manifest_text, scores, summary_text, curves;
    struct json_doc *record, *manifest, *summary;
    struct kept_file answers_file[KEPT_FAMILIES_MAX];
    struct bench_kept_answers answers[KEPT_FAMILIES_MAX];
    size_t n_answers;
    struct kept_evidence evidence[KEPT_FAMILIES_MAX];
    size_t n;
    uint64_t seed;
    struct bench_compared summary_found;
    struct bench_run *run;
    struct diag d;
};

/* Options of verify and rerun; what is not given is NULL. */
struct kept_args {
    const char *where, *record, *data, *model, *policy, *store, *store_key;
    int64_t threads;
    unsigned answer_s;
    bool json, help, endpoint; /* endpoint: it gives the scores, not a file */
};
/* One more comparison of k->run. */
typedef int kept_check(struct kept *k);
/* cmd_bench_again.c: the whole verb; asks: the model is asked, so that it is needed. */
int cmd_kept_main(int argc, char **argv, const char *doing, bool asks, kept_check *check);

/* where: the folder, or one evidence file in it. All that is wrong is in k->d. */
AM_CHECK int cmd_kept_read(struct kept *k, const char *where, const char *record,
                           const char *data);
/* Runs again under in (record, manifest and seed are filled in here). */
AM_CHECK int cmd_kept_run(struct kept *k, struct bench_input *in);
/* Evidence, summary, scores and curves against k->run. */
AM_CHECK int cmd_kept_compare(struct kept *k);
/* Says what was found (again: made again, run again); the exit code. */
int cmd_kept_tell(struct kept *k, const char *doing, int err, bool json);
void cmd_kept_release(struct kept *k);

/* What a run leaves for those who check: the declarations as they were read, the answers.
 * Answers of an earlier run in that folder are removed. */
AM_CHECK int cmd_keep_run(const char *dir, const struct bench_run *r, struct str record,
                          struct str manifest, struct str policy);
#endif
