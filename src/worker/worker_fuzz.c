/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a peer writes on the socket, reading frames ends, within its bounds. */
#include <sys/socket.h>
#include <unistd.h>

#include "worker/worker_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b;
    int sv[2], fds[WORKER_FDS];
    size_t n = WORKER_FDS, total = 0;
    if (size > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
        return 0;
    am_assert(write(sv[0], data, size) == (ssize_t)size);
    shutdown(sv[0], SHUT_WR);
    buf_init(&b, 100000);
    while (!worker_frame_read(sv[1], &b, fds, &n, 0)) {
        am_assert(n == 0);
        n = WORKER_FDS;
        total += b.n + 4;
        am_assert(total <= size);
        buf_clear(&b);
    }
    buf_release(&b);
    close(sv[0]);
    close(sv[1]);
    return 0;
}
