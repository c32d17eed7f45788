/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a server, for benches that measure it from outside: keep-alive connections
 * of one thread, in a closed loop (each asks again when answered) or an open one
 * (requests come at random instants, whether earlier ones were answered or not, and last
 * from the instant they were due). */
#ifndef BENCH_REST_CLIENT_H
#define BENCH_REST_CLIENT_H

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/test.h"

enum { CLIENT_MAX = 256, CLIENT_ANSWER = 64 << 20, CLIENT_TIMES = 1 << 20 };

/* Appends request number k, whole. */
typedef int client_ask_fn(void *arg, size_t k, struct buf *out);

struct client_conn {
    int fd;
    bool busy;
    int64_t since;
    struct buf out, in;
    size_t sent, head, whole; /* whole: 0 until the head of the answer is there */
};
struct client {
    unsigned port;
    int n; /* connections */
    client_ask_fn *ask;
    void *arg;
    size_t next, done, bad, bytes;
    struct client_conn conn[CLIENT_MAX];
    float *ms; /* how long the first CLIENT_TIMES took */
    unsigned short seed[3];
};

static inline void client_dial(struct client *c)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < c->n; i++) {
        struct client_conn *n = &c->conn[i];
        int one = 1;
        n->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(n->fd >= 0);
        assert_int_equal(connect(n->fd, (const struct sockaddr *)&a, sizeof a), 0);
        (void)setsockopt(n->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        buf_init(&n->out, CLIENT_ANSWER);
        buf_init(&n->in, CLIENT_ANSWER);
    }
    c->ms = am_calloc(CLIENT_TIMES, sizeof *c->ms);
    assert_non_null(c->ms);
}

static inline void client_hang_up(struct client *c)
{
    for (int i = 0; i < c->n; i++) {
        close(c->conn[i].fd);
        buf_release(&c->conn[i].out);
        buf_release(&c->conn[i].in);
    }
    free(c->ms);
}

static inline void client_push(struct client_conn *n)
{
    while (n->sent < n->out.n) {
        ssize_t k = send(n->fd, n->out.p + n->sent, n->out.n - n->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k <= 0)
            return; /* later */
        n->sent += (size_t)k;
    }
}

static inline void client_ask(struct client *c, struct client_conn *n, int64_t since)
{
    buf_clear(&n->out);
    buf_clear(&n->in);
    n->sent = n->whole = 0;
    n->since = since;
    n->busy = true;
    assert_int_equal(c->ask(c->arg, c->next++, &n->out), AM_OK);
    client_push(n);
}

/* The length of the answer, once its head is there. */
static inline void client_head(struct client_conn *n)
{
    static const char length[] = "\r\nContent-Length: ";
    const char *end, *at;
    if (n->whole || buf_addc(&n->in, 0))
        return;
    n->in.n--;
    end = strstr(n->in.p, "\r\n\r\n");
    if (!end)
        return;
    at = strstr(n->in.p, length);
    n->head = (size_t)(end - n->in.p) + 4;
    n->whole = n->head;
    if (at && at < end)
        n->whole += strtoul(at + sizeof length - 1, NULL, 10);
}

/* true: an answer is whole. */
static inline bool client_pull(struct client *c, struct client_conn *n)
{
    static char chunk[1 << 18];
    ssize_t k = recv(n->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (k < 0)
        return false;
    assert_true(k > 0);
    assert_int_equal(buf_add(&n->in, (struct str){chunk, (size_t)k}), AM_OK);
    client_head(n);
    if (!n->whole || n->in.n < n->whole)
        return false;
    assert_true(n->in.n == n->whole);
    if (strncmp(n->in.p, "HTTP/1.1 20", 11) != 0) {
        if (!c->bad++)
            fprintf(stderr, "bench: refused: %.600s\n", n->in.p);
    }
    if (c->done < CLIENT_TIMES)
        c->ms[c->done] = (float)((double)(time_mono() - n->since) / 1e3);
    c->done++;
    c->bytes += n->whole;
    n->busy = false;
    return true;
}

static inline void client_turn(struct client *c, int64_t wait_us)
{
    struct pollfd p[CLIENT_MAX];
    struct timespec t = {.tv_nsec = AM_MIN(AM_MAX(wait_us, 0), 900000) * 1000};
    for (int i = 0; i < c->n; i++)
        p[i] = (struct pollfd){
            .fd = c->conn[i].fd,
            .events = c->conn[i].sent < c->conn[i].out.n ? POLLIN | POLLOUT : POLLIN};
    assert_true(ppoll(p, (nfds_t)c->n, &t, NULL) >= 0);
    for (int i = 0; i < c->n; i++) {
        if (p[i].revents & POLLOUT)
            client_push(&c->conn[i]);
        if (p[i].revents & (POLLIN | POLLHUP | POLLERR))
            (void)client_pull(c, &c->conn[i]);
    }
}

/* Closed loop: until `until`, or until request number `last` was asked and answered. */
static inline void client_closed(struct client *c, int64_t until, size_t last)
{
    int busy = 1;
    c->done = c->bytes = c->bad = 0;
    while (busy) {
        busy = 0;
        for (int i = 0; i < c->n; i++) {
            if (!c->conn[i].busy && time_mono() < until && c->next < last)
                client_ask(c, &c->conn[i], time_mono());
            busy += c->conn[i].busy;
        }
        if (busy)
            client_turn(c, 500000);
    }
}

/* Open loop: n requests, so many a second, with exponential gaps. */
static inline void client_open(struct client *c, double per_s, size_t n)
{
    double due = (double)time_mono();
    size_t asked = 0;
    c->done = c->bytes = c->bad = 0;
    while (c->done < n) {
        int64_t now = time_mono();
        for (int i = 0; i < c->n && asked < n && due <= (double)now; i++)
            if (!c->conn[i].busy) {
                client_ask(c, &c->conn[i], (int64_t)due);
                asked++;
                due += -log(1 - erand48(c->seed)) * 1e6 / per_s;
            }
        client_turn(c, asked < n ? (int64_t)due - time_mono() : 500000);
    }
}

static inline int client_order(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Of what was asked last; sorts the times. */
static inline double client_percentile(struct client *c, double p)
{
    size_t n = AM_MIN(c->done, (size_t)CLIENT_TIMES);
    qsort(c->ms, n, sizeof *c->ms, client_order);
    return n ? (double)c->ms[AM_MIN(n - 1, (size_t)(p * (double)n))] : 0;
}

/* One request, its answer's body; status 20x or the bench ends. */
static inline struct str client_get(struct client *c, const char *path)
{
    struct client_conn *n = &c->conn[0];
    buf_clear(&n->out);
    buf_clear(&n->in);
    n->sent = n->whole = 0;
    assert_int_equal(
        buf_addf(&n->out, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path), AM_OK);
    n->busy = true;
    c->bad = 0;
    client_push(n);
    while (n->busy)
        client_turn(c, 500000);
    assert_int_equal(c->bad, 0);
    return (struct str){n->in.p + n->head, n->whole - n->head};
}

#endif
