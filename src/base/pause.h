/* SPDX-License-Identifier: Apache-2.0 */
/* pause -- a thread tells that it waits: for a commit, for another machine. Whoever
 * counts the threads at work (the queue of a server) lets another one work meanwhile; in
 * any other thread it says nothing to nobody.
 *
 *     am_pause_begin();
 *     while (sem_wait(&done)) ...
 *     am_pause_end();
 *
 * Pauses do not nest. Threads: what is set is of the calling thread, borrowed. */
#ifndef AM_PAUSE_H
#define AM_PAUSE_H

struct am_pause {
    void (*begin)(void *arg), (*end)(void *arg);
    void *arg;
};
/* NULL: nobody counts this thread (as at its start). */
void am_pause_set(const struct am_pause *p);
void am_pause_begin(void);
void am_pause_end(void);

#endif
