/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of http share: a server with a few behaviours, and a raw socket. */
#ifndef HTTP_TEST_SUPPORT_H
#define HTTP_TEST_SUPPORT_H

#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"

/* How long a peer is waited for that must answer or close: never the measure of a test.
 */
enum { T_LONG_MS = 60000 };

static atomic_int t_running; /* handlers inside /slow or /held now */
static atomic_bool t_held;   /* those inside /held stay */

/* /slow?ms=N waits; /held until the test lets it; /fail?err=N fails; /show prints what
 * was understood; else 195 bytes. */
static int t_handler(void *cookie, struct http_req *r, struct http_resp *a)
{
    struct str v;
    int64_t n = 0;
    (void)cookie;
    http_setz(r, a, "Content-Type", "text/plain; charset=utf-8");
    if (str_eqc(r->path, "/slow")) {
        v = http_query(r, "ms");
        if (str_int(v, 0, 100000, &n))
            return AM_E_SYNTAX;
        atomic_fetch_add(&t_running, 1);
        usleep((useconds_t)n * 1000);
        atomic_fetch_sub(&t_running, 1);
        return buf_adds(&a->body, "slept\n");
    }
    if (str_eqc(r->path, "/held")) {
        atomic_fetch_add(&t_running, 1);
        while (atomic_load(&t_held))
            usleep(1000);
        atomic_fetch_sub(&t_running, 1);
        return buf_adds(&a->body, "held\n");
    }
    if (str_eqc(r->path, "/fail")) {
        v = http_query(r, "err");
        if (buf_adds(&a->body, "half a page") || str_int(v, 0, 100, &n))
            return AM_E_SYNTAX;
        return -(int)n;
    }
    if (str_eqc(r->path, "/length"))
        return buf_addf(&a->body, "%zu\n", r->body.n);
    if (str_eqc(r->path, "/nothing")) {
        http_setz(r, a, "Cache-Control", "private");
        http_setz(r, a, "X-Empty", "");
        http_setz(r, a, "X-One", "1");
        a->status = 204;
        return AM_OK;
    }
    if (str_eqc(r->path, "/show"))
        return buf_addf(&a->body,
                        "%s %.*s ?%.*s from %.*s%s body %.*s form %.*s cookie %.*s\n",
                        r->method_name, STR_FMT(r->path), STR_FMT(r->query),
                        STR_FMT(r->peer), r->secure ? " secure" : "", STR_FMT(r->body),
                        STR_FMT(http_form(r, "f")), STR_FMT(http_cookie(r, "c")));
    return buf_addf(&a->body, "%0195d", 7);
}

/* Until n handlers are inside /slow; a server that does not get there fails, not hangs.
 */
static inline void t_until_running(int n)
{
    assert_eventually(atomic_load(&t_running) >= n);
}

static inline struct http_config t_config(void)
{
    return (struct http_config){.listen = "127.0.0.1:0", .handler = t_handler, .jobs = 8};
}

static inline struct http_server *t_start(const struct http_config *c)
{
    struct http_server *s = NULL;
    assert_ok(http_server_start(&s, c));
    return s;
}

static inline int t_connect(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = T_LONG_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static inline void t_send(int fd, struct str s)
{
    while (s.n) {
        ssize_t k = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (k <= 0)
            return; /* the server may close while we speak */
        s = str_sub(s, (size_t)k, s.n);
    }
}

/* Until the peer closes, nothing came for ms, or what (NULL: no end) has come;
 * NUL-terminated. */
static inline size_t t_take(int fd, char *out, size_t size, const char *what, int ms)
{
    size_t n = 0;
    out[0] = 0;
    while (n + 1 < size && !(what && strstr(out, what))) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t k;
        if (poll(&p, 1, ms) <= 0)
            break;
        k = recv(fd, out + n, size - 1 - n, 0);
        if (k <= 0)
            break;
        n += (size_t)k;
        out[n] = 0;
    }
    return n;
}

static inline size_t t_receive(int fd, char *out, size_t size, int ms)
{
    return t_take(fd, out, size, NULL, ms);
}

/* False: the peer closed, or was silent, before what came. */
static inline bool t_hears(int fd, char *out, size_t size, const char *what)
{
    (void)t_take(fd, out, size, what, T_LONG_MS);
    return strstr(out, what) != NULL;
}

/* Status of the first reply; 0: closed without one; -1: silence for ms. */
static inline int t_status(int fd, int ms)
{
    char text[16] = "";
    size_t n = 0;
    while (n < 12) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t k;
        if (poll(&p, 1, ms) <= 0)
            return -1;
        k = recv(fd, text + n, 12 - n, 0);
        if (k <= 0)
            return 0;
        n += (size_t)k;
    }
    return (int)strtol(text + 9, NULL, 10);
}

static inline int t_ask(unsigned port, struct str request)
{
    int fd = t_connect(port), status;
    assert_true(fd >= 0);
    t_send(fd, request);
    status = t_status(fd, T_LONG_MS);
    close(fd);
    return status;
}

#endif
