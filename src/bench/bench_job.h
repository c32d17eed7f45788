/* SPDX-License-Identifier: Apache-2.0 */
/* bench_job -- a run as jobs: one for each family, or one for each part of a family that
 * has many pieces of work (BENCH_PART_MAP).
 *
 * A job sees a view of the run: all that is constant (cases, scores, groups, model) is
 * shared, its lists of measures and of rows that do not apply are its own. What it gives
 * is written as canonical JSON, and read back from there even when the thread is the one
 * that asked: a measure is the same bits whether it came from here, from another machine
 * or from a run that was interrupted. Results are merged in the order of the table.
 *
 *   I1  a job's result is a function of its key: of record, manifest, data, model, seed,
 *       program and scores. No job reads what another gave, but for a family its parts.
 *   I2  a part emits measures, which the family takes over (bench_part_measures()), and
 *       numbers (bench_give()), from which it makes its own. Numbers come back as they
 *       were, infinities too; a NaN is a NaN.
 *
 * A family with parts: `size_t parts(const struct bench_run *)` says how many (a function
 * of the run alone, never of the machine), `int part(struct bench_run *, size_t k)` does
 * one; the family's function reads r->part[k].value and emits. */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include "bench/bench_priv.h"
#include "bench/queue.h"

struct bench_job {
    size_t family;      /* place in BENCH_FAMILY_MAP */
    size_t part, parts; /* parts 0: the family is one job */
    struct bench_task task;
};
struct bench_jobs {
    VEC(struct bench_job) job; /* in order of the table */
};
/* The jobs of a run whose rows are scored, with their keys. */
AM_CHECK int bench_jobs_list(const struct bench_run *r, struct bench_jobs *out);
void bench_jobs_release(struct bench_jobs *j);
/* Does one: its result, as the queue keeps it. */
AM_CHECK int bench_job_do(const struct bench_run *r, const struct bench_job *j,
                          struct buf *result);
/* One family, here and now, its parts one after the other: adds to r's measures. */
AM_CHECK int bench_family_do(struct bench_run *r, const char *name);
/* Lists, does (with in->jobs threads) and merges all of them into r. */
AM_CHECK int bench_jobs(struct bench_run *r, const struct bench_input *in);

/* bench_result.c: a view's lists to canonical JSON and back. Reading adds
 * to the view; it refuses what is not the result of this key (AM_E_TAMPERED). */
void bench_view(const struct bench_run *r, struct bench_run *view);
void bench_view_release(struct bench_run *view);
AM_CHECK int bench_result_write(const struct bench_run *view, const struct bench_task *t,
                                struct buf *out);
AM_CHECK int bench_result_read(struct str text, const struct bench_task *t,
                               struct bench_run *view);

/* A family whose own work ended in err, for a reason of the data or the model, is a
 * finding and not the end of the run: what it had emitted is dropped, each of its rows
 * has the measure BENCH_FAILED, and the answer is AM_OK. Other errors (memory, disk) come
 * back as they are. */
#define BENCH_FAILED "family_failed"
AM_CHECK int bench_isolate(struct bench_run *view, const char *rows, int err);

/* For parts. */
AM_CHECK int bench_give(struct bench_run *r, double v);
AM_CHECK int bench_part_measures(struct bench_run *r, size_t part);
struct bench_taken { /* the numbers of a part, one after the other */
    const struct bench_run *part;
    size_t at;
    bool bad; /* one was missing, or out of its range: whoever wrote them is no friend */
};
struct bench_taken bench_taken(const struct bench_run *r, size_t part);
double bench_take(struct bench_taken *t); /* NaN: no more */
int64_t bench_take_count(struct bench_taken *t, int64_t most);

#define X(family, parts, part)                                                           \
    size_t parts(const struct bench_run *r);                                             \
    int part(struct bench_run *r, size_t k);
BENCH_PART_MAP(X)
#undef X

#endif
