/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: u32 little-endian length, then bytes. Descriptors ride on the first byte. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/pause.h"
#include "worker/worker_priv.h"

union worker_cmsg { /* room for the descriptors, aligned as the kernel wants it */
    struct cmsghdr align;
    char bytes[CMSG_SPACE(WORKER_FDS * sizeof(int))];
};

int64_t worker_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int worker_wait(int sock, short events, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd p = {.fd = sock, .events = events};
        int64_t left = -1;
        int k;
        if (deadline_ms) {
            left = deadline_ms - worker_now_ms();
            if (left < 0)
                return AM_E_TIMEOUT;
            left = AM_MIN(left, 1 << 30);
        }
        am_pause_begin();
        k = poll(&p, 1, (int)left);
        am_pause_end();
        if (k > 0)
            return AM_OK;
        if (k == 0)
            return AM_E_TIMEOUT;
        if (errno != EINTR)
            return AM_E_IO;
    }
}

static int worker_send_error(int e)
{
    if (e == EPIPE || e == ECONNRESET)
        return AM_E_UNAVAILABLE;
    return am_err_errno(e);
}

int worker_frame_write(int sock, struct str payload, const int *fds, size_t n_fds,
                       int64_t deadline_ms)
{
    union worker_cmsg ctl;
    uint8_t head[4];
    size_t done = 0, total = sizeof head + payload.n;
    am_assert(n_fds <= WORKER_FDS);
    if (payload.n > WORKER_FRAME_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < sizeof head; i++)
        head[i] = (uint8_t)(payload.n >> (8 * i));
    while (done < total) {
        struct str rest = str_sub(payload, done > 4 ? done - 4 : 0, payload.n);
        struct iovec iov[2] = {
            {.iov_base = head + AM_MIN(done, 4u), .iov_len = 4 - AM_MIN(done, 4u)},
            {.iov_base = (void *)(uintptr_t)rest.p, .iov_len = rest.n},
        };
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t k;
        if (done == 0 && n_fds > 0) {
            struct cmsghdr *c;
            memset(&ctl, 0, sizeof ctl);
            msg.msg_control = ctl.bytes;
            msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
            c = CMSG_FIRSTHDR(&msg);
            am_assert(c); /* the room is ours */
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
            memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        k = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k > 0) {
            done += (size_t)k;
        } else if (k < 0 && errno == EAGAIN) {
            int err = worker_wait(sock, POLLOUT, deadline_ms);
            if (err)
                return err;
        } else if (k < 0 && errno != EINTR) {
            return worker_send_error(errno);
        }
    }
    return AM_OK;
}

/* Takes what arrived into fds while there is room, closes the rest. */
static void worker_take_fds(struct msghdr *msg, int *fds, size_t room, size_t *got)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (*got < room)
                fds[(*got)++] = fd;
            else
                close(fd);
        }
    }
}

static int worker_read_exact(int sock, char *p, size_t n, int *fds, size_t room,
                             size_t *got, int64_t deadline_ms)
{
    union worker_cmsg ctl;
    while (n > 0) {
        struct iovec iov = {.iov_base = p, .iov_len = n};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t k;
        int err;
        if (fds) {
            msg.msg_control = ctl.bytes;
            msg.msg_controllen = sizeof ctl.bytes;
        }
        if (deadline_ms && (err = worker_wait(sock, POLLIN, deadline_ms)))
            return err;
        k = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | (deadline_ms ? MSG_DONTWAIT : 0));
        if (k > 0) {
            if (fds)
                worker_take_fds(&msg, fds, room, got);
            p += k;
            n -= (size_t)k;
        } else if (k == 0 || errno == ECONNRESET) {
            return AM_E_UNAVAILABLE;
        } else if (errno != EINTR && errno != EAGAIN) {
            return AM_E_IO;
        }
    }
    return AM_OK;
}

int worker_frame_read(int sock, struct buf *out, int *fds, size_t *n_fds,
                      int64_t deadline_ms)
{
    uint8_t head[4];
    size_t room = fds ? *n_fds : 0, got = 0, n = 0;
    int err =
        worker_read_exact(sock, (char *)head, sizeof head, fds, room, &got, deadline_ms);
    for (size_t i = 0; !err && i < sizeof head; i++)
        n |= (size_t)head[i] << (8 * i);
    if (!err && n > WORKER_FRAME_MAX)
        err = AM_E_TOOBIG;
    if (!err)
        err = buf_reserve(out, n);
    if (!err)
        err = worker_read_exact(sock, out->p + out->n, n, fds, room, &got, deadline_ms);
    if (err) {
        while (got > 0)
            close(fds[--got]);
        return err;
    }
    out->n += n;
    out->p[out->n] = 0;
    if (fds)
        *n_fds = got;
    return AM_OK;
}
