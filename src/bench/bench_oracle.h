/* SPDX-License-Identifier: Apache-2.0 */
/* bench_oracle -- the model of a run as probe's oracle: a worker that is started again
 * when a row breaks it. A row that breaks a fresh worker alone gets NaN and counts as a
 * crash; after BENCH_CRASHES_MAX of them the model is taken for dead and every later
 * answer is NaN, so that a hostile file costs a bounded number of processes. One that
 * does not answer in time is not asked for the row it hung on: after BENCH_HANGS_MAX of
 * them it is dead too, so that it costs a bounded time. */
#ifndef BENCH_ORACLE_H
#define BENCH_ORACLE_H

#include "bench/bench_priv.h"
#include "probe/probe.h"

enum { BENCH_CRASHES_MAX = 16, BENCH_HANGS_MAX = 4 };

struct bench_oracle {
    struct probe_oracle probe; /* what probe asks; cookie is this struct: do not copy */
    const struct bench_run *run;
    struct model_session *session;
    int64_t crashes; /* rows that broke a worker */
    int64_t hangs;   /* questions without an answer in time */
    bool dead;
    struct bench_line *line; /* instead of a session when an endpoint serves the run, but
                                for what is played from a tape */
};
/* budget in rows, < 0: none. The run outlives the oracle. AM_OK also when the file does
 * not open any more (dead); only memory is an error. */
AM_CHECK int bench_oracle_open(struct bench_oracle *o, const struct bench_run *r,
                               int64_t budget);
void bench_oracle_close(struct bench_oracle *o);

/* The inputs of the record with what the manifest's "features" say of them; *out is
 * freed by bench_inputs_free(). */
AM_CHECK int bench_inputs(const struct bench_run *r, struct probe_input **out);
void bench_inputs_free(const struct bench_run *r, struct probe_input *in);

#endif
