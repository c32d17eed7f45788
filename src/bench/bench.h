/* SPDX-License-Identifier: Apache-2.0 */
/* bench -- measures a model on declared data sets and writes evidence. It emits measures
 * only; verdicts are `label`'s (cmd joins both in summary.json).
 *
 * Input: a version record (schema/version-1.json), the model's bytes, a manifest of one
 * or more data sets (schema/bench-manifest-1.json). Everything is validated before any
 * number is computed. The model runs in a worker: a crash or a hang is a finding, never
 * the end of the run. Deterministic for a given seed.
 *
 * Families are table entries (bench_tbl.h): name, rows of the matrix they feed, function.
 * So far: `identity`, `data`, `performance`, `equity_documentation`, `equity`,
 * `explanations`, `multi_site`, `drift_monitoring`, `drift`, `reproducibility`,
 * `mutation`, `degradation`, `adversarial`, `ordering`, `coherence`, `context`,
 * `tampering`, `extraction`, `poisoning`, `membership`, `endpoint`, `governance`,
 * `interoperability`
 * (rows IO-1 to IO-3, which tenders ask for and no label); a row without a family appears
 * with reason `family_not_available`, never silently absent.
 *
 * A run is a list of jobs (bench_job.h) that threads, and other machines, take from a
 * queue (queue.h); the measures are the same bytes whoever did them.
 *
 * Threads: calls are independent; a run has `jobs` threads of its own. progress() is
 * called from one of them at a time. */
#ifndef BENCH_H
#define BENCH_H

#include "base/diag.h"
#include "base/vec.h"
#include "json/json.h"

struct bench_measure { /* records.md: measures[] */
    char row[16], name[64], group[160];
    double threshold, estimate, ci95[2]; /* NaN: null */
    char ci_method[32];
    int64_t n, positives;
};
struct bench_run;
enum { BENCH_JOBS_MAX = 256 };
struct bench_vault;
/* What a run left, to make its numbers again (`amane bench verify`): its score file, and
 * for each family that asked the model the file of the answers. The model is not started
 * and its bytes may be STR_NULL. With the data (data): every family. Without: those that
 * the score file, the record and the manifest tell (bench_told_by_scores()). */
struct bench_kept {
    struct str scores;
    const struct bench_kept_answers {
        const char *family;
        struct str bytes;
    } *answers;
    size_t n;
    bool data;
    const char *only; /* a family; NULL: all */
};
struct bench_input {
    const struct json *record, *manifest;
    struct str manifest_text; /* its file's bytes, whose digest the evidence cites; may be
                                 STR_NULL: then that of the canonical form */
    const char *manifest_dir; /* data paths are relative to it */
    struct str model;         /* bytes */
    bool served;              /* no bytes: the manifest's endpoint gives the scores */
    uint64_t seed;
    struct bench_vault *vault;     /* of sealed sets (bench_vault.h); NULL: none */
    const char *by;                /* who uses them; NULL: tester_org */
    const struct bench_kept *kept; /* NULL: the model is asked */
    bool again;    /* a run made once more, to compare: the log of sealed sets says so */
    unsigned jobs; /* threads that measure; 0 and 1: the caller's alone */
    /* Folder that keeps the results of jobs (bench_spool.h), so that other processes can
     * do some and an interrupted run finds what was done; NULL: memory. */
    const char *spool;
    const char *only;  /* "family family": for tests, which need not pay for the others;
                          NULL, as every run of the program: all */
    unsigned answer_s; /* longest a worker may take for one question; 0: 30 */
    bool helps;        /* does jobs for a run elsewhere: no measures come of it */
    /* Progress for people: done of total, a stable step name; may be NULL. Of families:
     * what the jobs that are done cost where it was measured, in ms. */
    void (*progress)(void *cookie, const char *step, uint64_t done, uint64_t total);
    void *cookie;
};
/* AM_E_REFUSED: a sealed set's budget is used up. */
AM_CHECK int bench_run(struct bench_run **out, const struct bench_input *in,
                       struct diag *d);
void bench_run_free(struct bench_run *r);
/* The run is written: what its spool kept of it is removed. */
void bench_forget(struct bench_run *r);
size_t bench_measures(const struct bench_run *r);
const struct bench_measure *bench_measure_at(const struct bench_run *r, size_t i);
/* Rows that a policy knows: the others, with their measures, stay out of evidence, which
 * no log would admit with them. NULL: every row. */
typedef bool bench_row_fn(const void *cookie, struct str row);
/* One evidence record per family that ran (records.md), unsigned; issuer given.
 * AM_E_NOTFOUND when none of its rows is wanted. */
size_t bench_families(const struct bench_run *r);
const char *bench_family(const struct bench_run *r, size_t i);
AM_CHECK int bench_evidence(const struct bench_run *r, size_t family,
                            bench_row_fn *wanted, const void *cookie, struct str org_id,
                            int64_t at, struct buf *record_json);
/* The sealed per-case score file: CSV case,site,label,score,rejected + group columns. */
struct str bench_scores(const struct bench_run *r);
/* What the model answered, for the file of that family (bench_answers.h); nothing is
 * added when it asked nothing. */
AM_CHECK int bench_answers(const struct bench_run *r, const char *family,
                           struct buf *out);
bool bench_told_by_scores(const char *family);
/* Do its answers say what a service did at that time? Then another execution compares
 * their numbers, not their bytes. */
bool bench_observed(const struct bench_run *r, const char *family);
/* What was kept against what this run gives, to the last bit: each difference is an error
 * in d (codes kept.*, path = JSON Pointer into the document). */
struct bench_compared {
    size_t measures, equal, untold; /* untold: needs the data, which are not there */
    size_t differences, untold_members;
};
AM_CHECK int bench_compare(const struct bench_run *r, const struct json *evidence,
                           struct bench_compared *out, struct diag *d);
/* Measures, subgroups, counts and digests of summary.json. */
AM_CHECK int bench_compare_summary(const struct bench_run *r, const struct json *summary,
                                   struct bench_compared *out, struct diag *d);
/* Any members of a document, now given as text. */
AM_CHECK int bench_compare_members(const struct bench_run *r, const struct json *was,
                                   struct str now, struct bench_compared *out,
                                   struct diag *d);
/* The program that runs now. */
void bench_program(const struct bench_run *r, char hex[65]);
/* Does the summary judge a row this family feeds? */
bool bench_judged(const struct bench_run *r, size_t family, const struct json *summary);
const char *bench_family_name(size_t i); /* of this program; NULL past the last */
/* For summary.json: measures one by one, counts of the data, table of subgroups (groups
 * of fewer than 10 people are left out), the run itself. */
void bench_measure_json(const struct bench_run *r, const struct bench_measure *m,
                        struct jw *w);
void bench_dataset_json(const struct bench_run *r, struct jw *w);
AM_CHECK int bench_subgroups_json(const struct bench_run *r, struct jw *w);
void bench_meta_json(const struct bench_run *r, struct jw *w);
/* Does a family of this program feed the row? If not: reason `family_not_available`. */
bool bench_feeds(const char *row);
/* ROC, calibration points for the report: JSON. */
AM_CHECK int bench_curves(const struct bench_run *r, struct buf *json);

#endif
