/* SPDX-License-Identifier: Apache-2.0 */
/* worker_priv -- shared by the two ends: frames on a stream socket. */
#ifndef WORKER_PRIV_H
#define WORKER_PRIV_H

#include "worker/worker.h"

enum { WORKER_FD = 3, WORKER_FDS = 2, WORKER_FRAME_MAX = 16 << 20 };

/* RLIMIT_AS cannot live with the shadow memory of AddressSanitizer or ThreadSanitizer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORKER_SHADOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WORKER_SHADOW 1
#endif
#endif
#ifndef WORKER_SHADOW
#define WORKER_SHADOW 0
#endif

/* deadline_ms: on the monotonic clock; 0: wait for ever. AM_E_UNAVAILABLE: the peer is
 * gone; AM_E_TIMEOUT; AM_E_TOOBIG: longer than WORKER_FRAME_MAX. */
AM_CHECK int worker_frame_write(int sock, struct str payload, const int *fds,
                                size_t n_fds, int64_t deadline_ms);
/* Appends the payload to out (AM_E_TOOBIG when it does not fit: the stream is then out of
 * step and must be dropped). fds may be NULL: descriptors that arrive are then discarded;
 * else *n_fds in: room, out: received; surplus ones are closed. */
AM_CHECK int worker_frame_read(int sock, struct buf *out, int *fds, size_t *n_fds,
                               int64_t deadline_ms);
int64_t worker_now_ms(void);

#endif
