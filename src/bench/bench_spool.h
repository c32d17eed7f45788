/* SPDX-License-Identifier: Apache-2.0 */
/* bench_spool -- the queue as a folder: for processes on one machine, or on several that
 * share it, and for a run that was interrupted.
 *
 *     KEY.json    the result of a job, written beside, flushed, then renamed: whole or
 *                 absent. One that is torn or altered is set aside (KEY.bad) and done
 * again KEY.held    locked by whoever does the job: the lock ends with its process,
 * however that ends (on other machines: when the file server says so). Whoever lives and
 * is slow touches it; untouched for the length of a lease, it is taken over
 *
 * There is no list to agree on: who has the same inputs has the same keys, and a process
 * with other inputs, another seed or another program only ever sees files that are not
 * its own. A folder holds results, never rows of the data; it is as secret as scores.csv.
 *
 * Threads: as the interface says. A process that is forked has no queue. */
#ifndef BENCH_SPOOL_H
#define BENCH_SPOOL_H

#include "bench/queue.h"

enum { BENCH_SPOOL_LEASE_S = 60 };
/* dir is made if need be (mode 0700). */
AM_CHECK int bench_spool_open(struct bench_queue **out, const char *dir);
/* Removes results, locks and, when nothing else is left, the folder: the run is written.
 */
void bench_spool_remove(struct bench_queue *q);

#endif
