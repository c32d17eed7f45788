/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_server_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static void http_log(void *unused, const char *fmt, va_list ap) AM_PRINTF(2, 0);
static void http_log(void *unused, const char *fmt, va_list ap)
{
    struct buf b;
    (void)unused;
    buf_init(&b, 2048);
    if (!buf_addv(&b, fmt, ap))
        LOG_D("http.library", log_str("says", str_trim(buf_str(&b))));
    buf_release(&b);
}

/* Targets are decoded by http_path_decode(), never twice. */
static size_t http_no_unescape(void *unused, struct MHD_Connection *conn, char *s)
{
    (void)unused;
    (void)conn;
    return strlen(s);
}

static int http_listen(struct http_server *s, const char *where)
{
    struct sockaddr_storage a;
    socklen_t n = 0;
    bool loopback;
    int on = 1, err = http_listen_parse(where, &a, &n, &loopback);
    if (err) {
        LOG_E("http.listen", log_s("wrong", "not ADDRESS:PORT"), log_s("listen", where));
        return err;
    }
    if (!loopback && !s->tls && !s->conf.behind_proxy) {
        LOG_E("http.listen", log_s("listen", where),
              log_s("wrong", "beyond loopback only with TLS or behind_proxy"));
        return AM_E_REFUSED;
    }
    s->listen_fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listen_fd < 0)
        return am_err_errno(errno);
    if (setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(s->listen_fd, (const struct sockaddr *)&a, n) ||
        listen(s->listen_fd, 1024) ||
        getsockname(s->listen_fd, (struct sockaddr *)&a, &n)) {
        err = errno == EADDRINUSE ? AM_E_CONFLICT : am_err_errno(errno);
        LOG_E("http.listen", log_s("listen", where),
              log_s("errno", strerrorname_np(errno)));
        return err;
    }
    s->port = a.ss_family == AF_INET6
                  ? ntohs(((const struct sockaddr_in6 *)(const void *)&a)->sin6_port)
                  : ntohs(((const struct sockaddr_in *)(const void *)&a)->sin_port);
    return AM_OK;
}

static int http_tls_load(struct http_server *s)
{
    size_t n;
    int err;
    if (!s->conf.tls_cert && !s->conf.tls_key)
        return AM_OK;
    if (!s->conf.tls_cert || !s->conf.tls_key)
        return AM_E_USAGE;
    s->tls = true;
    err = am_file_read(s->conf.tls_cert, 1 << 20, &s->cert, &n);
    if (!err)
        err = am_file_read(s->conf.tls_key, 1 << 20, &s->key, &s->key_n);
    if (err)
        LOG_E("http.tls", log_s("cert", s->conf.tls_cert), log_err(err));
    return err;
}

/* The default soft limit of 1,024 files would be met before connections_max, and the
 * sockets beside them. */
static void http_files_allow(const struct http_server *s)
{
    struct rlimit r;
    /* Under TLS the library has two more for each socket. */
    rlim_t want = s->conf.connections_max + 256u + 3 * (rlim_t)s->conf.sockets.most;
    if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= want)
        return;
    r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &r))
        LOG_W("http.files", log_i("wanted", (int64_t)want));
}

/* TLS 1.2 and 1.3, forward secrecy and AEAD only. */
static const char http_tls_priority[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-AES-128-CBC:-AES-256-CBC:"
    "-AES-128-CCM:-AES-256-CCM:%SERVER_PRECEDENCE";

static int http_daemon_start(struct http_server *s)
{
    /* Poll, not epoll: epoll with suspended connections stalls (stack.md, section 3). */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG | (s->tls ? MHD_USE_TLS : 0u);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, s->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    char priority[sizeof http_tls_priority];
    memcpy(priority, http_tls_priority, sizeof priority);
    tls[2].ptr_value = priority;
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, http_on_request, s, MHD_OPTION_EXTERNAL_LOGGER, http_log,
        NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
        MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, s, MHD_OPTION_UNESCAPE_CALLBACK,
        http_no_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, s, MHD_OPTION_CONNECTION_LIMIT,
        /* Sockets have places of their own: they take none of plain HTTP. */
        s->conf.connections_max + s->conf.sockets.most, MHD_OPTION_CONNECTION_TIMEOUT,
        s->conf.idle_s,
        /* Twice the headers: the library keeps its own notes, and the reply's, there too.
         */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, 2 * s->conf.header_max, MHD_OPTION_ARRAY,
        s->tls ? tls : tls + 3, MHD_OPTION_END);
    if (s->daemon)
        return AM_OK;
    LOG_E("http.start", log_s("wrong", s->tls ? "certificate, key or memory" : "memory"));
    return s->tls ? AM_E_CRYPTO : AM_E_NOMEM;
}

static void http_defaults(struct http_config *c)
{
    c->body_max = c->body_max ? c->body_max : (size_t)64 << 20;
    c->header_max = c->header_max ? c->header_max : 32768;
    c->replies_max = c->replies_max ? c->replies_max : (size_t)512 << 20;
    c->jobs = c->jobs ? c->jobs : 16;
    c->queue_max = c->queue_max ? c->queue_max : 1024;
    c->connections_max = c->connections_max ? c->connections_max : 2000;
    c->idle_s = c->idle_s ? c->idle_s : 30;
    c->parked_max = c->parked_max ? c->parked_max : 500;
    c->sockets.most = c->sockets.most ? c->sockets.most : 256;
}

static void http_server_free(struct http_server *s)
{
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->key)
        explicit_bzero(s->key, s->key_n);
    free(s->key);
    free(s->cert);
    http_ws_hub_free(s->sockets);
    pthread_cond_destroy(&s->queue_wake);
    pthread_cond_destroy(&s->queue_ripe);
    pthread_cond_destroy(&s->watch_wake);
    pthread_mutex_destroy(&s->queue_lock);
    pthread_mutex_destroy(&s->link_lock);
    free(s);
}

int http_server_start(struct http_server **out, const struct http_config *c)
{
    struct http_server *s = am_calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    int err;
    if (!s)
        return AM_E_NOMEM;
    am_assert(c->handler);
    s->conf = *c;
    s->listen_fd = -1;
    http_defaults(&s->conf);
    am_assert(!pthread_mutex_init(&s->queue_lock, NULL));
    am_assert(!pthread_mutex_init(&s->link_lock, NULL));
    am_assert(!pthread_cond_init(&s->queue_wake, NULL));
    am_assert(!pthread_condattr_init(&monotonic));
    am_assert(!pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC));
    am_assert(!pthread_cond_init(&s->watch_wake, &monotonic));
    am_assert(!pthread_cond_init(&s->queue_ripe, &monotonic));
    pthread_condattr_destroy(&monotonic);
    signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error code, not a signal */
    http_files_allow(s);
    err = http_tls_load(s);
    if (!err)
        err = http_listen(s, c->listen);
    if (!err)
        err = http_jobs_start(s);
    if (!err)
        err = http_watch_start(s);
    if (!err)
        err = http_ws_start(&s->sockets, &s->conf.sockets);
    if (!err)
        err = http_daemon_start(s);
    if (err) {
        http_ws_stop(s->sockets, 0);
        http_jobs_stop(s);
        http_watch_stop(s);
        http_server_free(s);
        return err;
    }
    *out = s;
    return AM_OK;
}

unsigned http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_stop(struct http_server *s, unsigned drain_ms)
{
    int64_t until;
    if (!s)
        return;
    until = time_mono() + (int64_t)drain_ms * 1000;
    atomic_store(&s->draining, true);
    MHD_quiesce_daemon(s->daemon); /* gives the socket back */
    close(s->listen_fd);
    s->listen_fd = -1;
    http_park_end(s);
    http_ws_stop(s->sockets, drain_ms);
    while (atomic_load(&s->in_flight) > 0 && time_mono() < until)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    if (atomic_load(&s->in_flight) > 0)
        LOG_W("http.drain", log_i("unfinished", (int64_t)atomic_load(&s->in_flight)));
    http_jobs_stop(s); /* first: the library must not stop with suspended connections */
    http_watch_stop(s);
    MHD_stop_daemon(s->daemon);
    http_server_free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
    *out = (struct http_stats){.requests = atomic_load(&s->requests),
                               .bad_requests = atomic_load(&s->bad),
                               .rejected_busy = atomic_load(&s->busy),
                               .in_flight = atomic_load(&s->in_flight),
                               .bytes_in = atomic_load(&s->bytes_in),
                               .bytes_out = atomic_load(&s->bytes_out),
                               .parked = atomic_load(&s->parked_n),
                               .park_refused = atomic_load(&s->park_refused),
                               .crowded_out = atomic_load(&s->crowded),
                               .sockets_refused = atomic_load(&s->sockets->refused),
                               .sockets_wait_b = atomic_load(&s->sockets->waiting)};
    out->sockets = http_ws_count(s->sockets);
    for (size_t i = 0; i < AM_LEN(out->by_class); i++)
        out->by_class[i] = atomic_load(&s->by_class[i]);
}
