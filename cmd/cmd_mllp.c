/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_mllp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hl7/mllp.h"

enum { MESSAGE = 16 << 20, CHUNK = 65536, ANSWER_S = 30 };
enum state { PEER_FREE, PEER_BUSY, PEER_DONE };

struct peer {
    struct cmd_mllp *of;
    pthread_t thread;
    _Atomic(int) state;
    int fd;
    char name[80]; /* address:port */
    struct buf answer;
};
struct cmd_mllp {
    struct cmd_hl7 *hl7;
    int fd, stop[2]; /* a byte in the pipe: all end */
    unsigned port;
    pthread_t thread;
    _Atomic(uint64_t) answers;
    struct peer peer[CMD_MLLP_PEERS];
};

/* ---- a message ---- */
static bool says(const struct diag *d, const char *code)
{
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->item[i].code, code))
            return true;
    return false;
}

/* Durable one way or the other, or rejected: never lost after an answer. */
static enum hl7_ack settle(struct peer *p, struct str raw, bool cut, bool readable,
                           struct diag *d)
{
    size_t entries;
    char kept[CMD_HL7_PATH];
    int err;
    if (cut) { /* not kept: what is missing of it is with its sender alone */
        diag_err(d, "", "hl7.toobig", "a message has at most %d bytes", MESSAGE);
        return HL7_REJECT;
    }
    err = cmd_hl7_take(p->of->hl7, raw, p->name, &entries, d);
    if (err == AM_E_REFUSED) {
        err = cmd_hl7_keep(p->of->hl7, raw, p->name, d, kept);
        if (!err)
            return readable && !says(d, "hl7.unmapped") ? HL7_ERROR : HL7_REJECT;
    }
    if (!err) {
        cmd_hl7_unknown_count(p->of->hl7->unknown, d);
        return HL7_ACCEPT;
    }
    LOG_E("mllp.store", log_s("peer", p->name), log_err(err));
    diag_clear(d);
    diag_err(d, "", "hl7.later", "%s", am_err_text(err));
    return HL7_REJECT;
}

static int send_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return AM_E_IO;
        s = str_sub(s, (size_t)n, s.n);
    }
    return AM_OK;
}

static int take(void *arg, struct str raw, bool cut)
{
    struct peer *p = arg;
    const struct hl7_limits l = {.charset = hl7_map_charset(p->of->hl7->map)};
    struct hl7_acked a = {.now = time_now()};
    struct hl7 *m = NULL;
    struct diag d;
    char id[40];
    int err;
    diag_init(&d);
    snprintf(id, sizeof id, "%llx.%llx", (unsigned long long)a.now,
             (unsigned long long)atomic_fetch_add(&p->of->answers, 1));
    err = cut ? AM_E_TOOBIG : hl7_parse(&m, raw, &l, NULL);
    a.what = settle(p, raw, cut, err == AM_OK, &d);
    a.id = id;
    a.d = &d;
    buf_clear(&p->answer);
    err = hl7_ack(&p->answer, m, &a);
    if (!err)
        err = send_all(p->fd, buf_str(&p->answer));
    hl7_free(m);
    diag_release(&d);
    return err;
}

/* ---- a connection ---- */
/* AM_OK: there is something to read. */
static int wait_for(const struct peer *p, int64_t until)
{
    struct pollfd f[2] = {{.fd = p->fd, .events = POLLIN},
                          {.fd = p->of->stop[0], .events = POLLIN}};
    int64_t left = (until - time_mono()) / 1000;
    int n = left > 0 ? poll(f, 2, (int)AM_MIN(left, (int64_t)600000)) : 0;
    if (n < 0)
        return errno == EINTR ? AM_E_TIMEOUT : AM_E_IO;
    return f[1].revents ? AM_E_UNAVAILABLE : n ? AM_OK : AM_E_TIMEOUT;
}

static void serve(struct peer *p, char *bytes)
{
    struct hl7_frames f;
    int64_t until = time_mono() + CMD_MLLP_SILENT_S * TIME_SECOND;
    bool inside = false;
    hl7_frames_init(&f, MESSAGE);
    while (wait_for(p, until) == AM_OK) {
        ssize_t n = recv(p->fd, bytes, CHUNK, 0);
        if (n <= 0 || hl7_frames_put(&f, (struct str){bytes, (size_t)n}, take, p))
            break;
        /* the minute of a frame does not begin anew with each of its bytes */
        if (!hl7_frames_inside(&f))
            until = time_mono() + CMD_MLLP_SILENT_S * TIME_SECOND;
        else if (!inside || memchr(bytes, 0x1C, (size_t)n))
            until = time_mono() + CMD_MLLP_FRAME_S * TIME_SECOND;
        inside = hl7_frames_inside(&f);
    }
    hl7_frames_release(&f);
}

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    char *bytes = am_malloc(CHUNK);
    buf_init(&p->answer, 1 << 20);
    if (bytes)
        serve(p, bytes);
    free(bytes);
    buf_release(&p->answer);
    close(p->fd);
    atomic_store(&p->state, PEER_DONE);
    return NULL;
}

/* ---- accepting ---- */
static struct peer *free_peer(struct cmd_mllp *m)
{
    for (size_t i = 0; i < CMD_MLLP_PEERS; i++) {
        struct peer *p = &m->peer[i];
        if (atomic_load(&p->state) == PEER_DONE) {
            am_assert(!pthread_join(p->thread, NULL));
            atomic_store(&p->state, PEER_FREE);
        }
        if (atomic_load(&p->state) == PEER_FREE)
            return p;
    }
    return NULL;
}

static void name_of(const struct sockaddr_storage *a, socklen_t n, char out[80])
{
    char host[48] = "?", port[16] = "?";
    if (getnameinfo((const struct sockaddr *)a, n, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        host[0] = '?';
    snprintf(out, 80, "%s:%s", host, port);
}

static void welcome(struct cmd_mllp *m, int fd, const struct sockaddr_storage *a,
                    socklen_t n)
{
    const struct timeval t = {.tv_sec = ANSWER_S};
    struct peer *p = free_peer(m);
    if (!p || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t)) {
        LOG_W("mllp.full", log_i("peers", CMD_MLLP_PEERS));
        close(fd);
        return;
    }
    p->of = m;
    p->fd = fd;
    name_of(a, n, p->name);
    atomic_store(&p->state, PEER_BUSY);
    if (pthread_create(&p->thread, NULL, peer_run, p)) {
        atomic_store(&p->state, PEER_FREE);
        close(fd);
    }
}

static void *accept_run(void *arg)
{
    struct cmd_mllp *m = arg;
    struct pollfd f[2] = {{.fd = m->fd, .events = POLLIN},
                          {.fd = m->stop[0], .events = POLLIN}};
    for (;;) {
        struct sockaddr_storage a;
        socklen_t n = sizeof a;
        int fd;
        if (poll(f, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (f[1].revents)
            return NULL;
        fd = accept4(m->fd, (struct sockaddr *)&a, &n, SOCK_CLOEXEC);
        if (fd >= 0)
            welcome(m, fd, &a, n);
        else if (errno == EMFILE || errno == ENFILE)
            usleep(100000); /* until somebody leaves */
    }
}

/* ---- listening ---- */
static bool loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >>
                   24 ==
               127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(
               &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static int bind_to(struct cmd_mllp *m, const struct addrinfo *a)
{
    struct sockaddr_storage got;
    socklen_t n = sizeof got;
    int one = 1;
    if (!loopback(a->ai_addr))
        return AM_E_FORBIDDEN;
    m->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m->fd < 0 || setsockopt(m->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(m->fd, a->ai_addr, a->ai_addrlen) || listen(m->fd, 64) ||
        getsockname(m->fd, (struct sockaddr *)&got, &n))
        return AM_E_IO;
    m->port = got.ss_family == AF_INET
                  ? ntohs(((const struct sockaddr_in *)(const void *)&got)->sin_port)
                  : ntohs(((const struct sockaddr_in6 *)(const void *)&got)->sin6_port);
    return AM_OK;
}

static int listen_at(struct cmd_mllp *m, const char *address)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *a = NULL;
    char host[64], *port;
    int err;
    snprintf(host, sizeof host, "%s", address + (*address == '['));
    port = strrchr(host, ':');
    if (!port || strlen(address) >= sizeof host)
        return AM_E_USAGE;
    *port++ = 0;
    if (*address == '[' && *host && host[strlen(host) - 1] == ']')
        host[strlen(host) - 1] = 0;
    if (getaddrinfo(host, port, &hints, &a))
        return AM_E_USAGE;
    err = bind_to(m, a);
    freeaddrinfo(a);
    return err;
}

static void release(struct cmd_mllp *m)
{
    if (m->fd >= 0)
        close(m->fd);
    for (size_t i = 0; i < 2; i++)
        if (m->stop[i] >= 0)
            close(m->stop[i]);
    free(m);
}

int cmd_mllp_start(struct cmd_mllp **out, struct cmd_hl7 *h, const char *address)
{
    struct cmd_mllp *m = am_calloc(1, sizeof *m);
    int err;
    if (!m)
        return AM_E_NOMEM;
    m->hl7 = h;
    m->fd = m->stop[0] = m->stop[1] = -1;
    err = pipe2(m->stop, O_CLOEXEC) ? AM_E_IO : listen_at(m, address);
    if (!err && pthread_create(&m->thread, NULL, accept_run, m))
        err = AM_E_IO;
    if (err)
        release(m);
    else
        *out = m;
    return err;
}

unsigned cmd_mllp_port(const struct cmd_mllp *m)
{
    return m->port;
}

void cmd_mllp_stop(struct cmd_mllp *m)
{
    if (!m)
        return;
    if (write(m->stop[1], "", 1) != 1)
        LOG_E("mllp.stop", log_err(AM_E_IO));
    am_assert(!pthread_join(m->thread, NULL));
    for (size_t i = 0; i < CMD_MLLP_PEERS; i++)
        if (atomic_load(&m->peer[i].state) != PEER_FREE)
            am_assert(!pthread_join(m->peer[i].thread, NULL));
    release(m);
}
