/* SPDX-License-Identifier: Apache-2.0 */
/* worker -- child processes that open what we do not trust.
 *
 * A worker is this same program started again (posix_spawn of the program path with the
 * arguments "worker ROLE"), with a socketpair for control messages and shared memory
 * (sealed memfd) for bulk data. The child calls worker_enter() as soon as it has loaded
 * what it needs: from then on seccomp allows only memory, futex, clock, read/write on
 * open descriptors and exit; no files, no network, no processes. rlimits bound memory,
 * CPU time and core files. A crash, a hang or a forbidden call costs the parent nothing
 * but an error.
 *
 * Messages: length-prefixed frames (u32 little-endian, then bytes); up to 2 descriptors
 * may ride on a frame. Content is JSON by convention (one object per frame); matrices are
 * little-endian doubles in shared memory, NaN = missing.
 *
 * Threads: one owner per struct worker. */
#ifndef WORKER_H
#define WORKER_H

#include "base/buf.h"

struct worker;
struct worker_limits {
    size_t memory_b;   /* RLIMIT_AS; 0: 2 GiB */
    unsigned cpu_s;    /* RLIMIT_CPU; 0: 600 */
    unsigned reply_ms; /* longest wait for one reply; 0: 30,000 */
};
/* Path of the program to start: argv[0] resolved; tests set AMANE_PROGRAM or call this.
 */
void worker_set_program(const char *path);
AM_CHECK int worker_spawn(struct worker **out, const char *role,
                          const struct worker_limits *limits);
/* Ends the child (TERM, then KILL after 200 ms) and reaps it. */
void worker_free(struct worker *w);
bool worker_alive(struct worker *w);
int worker_pid(const struct worker *w);

/* One request, one reply. fds (<= 2) are duplicated to the child. Errors: AM_E_TIMEOUT
 * (child is killed), AM_E_UNAVAILABLE (it died: *why says how), AM_E_TOOBIG. */
AM_CHECK int worker_call(struct worker *w, struct str request, const int *fds,
                         size_t n_fds, struct buf *reply);
/* How the child ended: "signal 31 (seccomp)", "signal 9", "exit 3", "" while alive. */
const char *worker_end(const struct worker *w);

/* Shared memory: sealed against resizing, mapped read-write in the parent. */
struct worker_shm {
    int fd;
    void *p;
    size_t size_b;
};
AM_CHECK int worker_shm_new(struct worker_shm *m, size_t size_b);
AM_CHECK int worker_shm_from(struct worker_shm *m, struct str data); /* read-only copy */
AM_CHECK int worker_shm_map(struct worker_shm *m, int fd);           /* in the child */
void worker_shm_release(struct worker_shm *m);

/* ---- child side ------------------------------------------------------------------- */
/* Locks the process down; after it only frames on the control socket and memory work. */
AM_CHECK int worker_enter(void);
/* Waits for a frame; *n_fds in: room in fds, out: received. AM_E_UNAVAILABLE: the parent
 * is gone, exit quietly. */
AM_CHECK int worker_recv(struct buf *frame, int *fds, size_t *n_fds);
AM_CHECK int worker_send(struct str frame);

/* A role: name and main function, registered by cmd in one table. Returns an exit code.
 */
struct worker_role {
    const char *name;
    int (*main)(void);
};
/* Runs the role named in argv ("worker ROLE"); -1 if argv is not a worker call. */
int worker_dispatch(int argc, char **argv, const struct worker_role *roles, size_t n);

#endif
