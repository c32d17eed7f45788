/* SPDX-License-Identifier: Apache-2.0 */
/* The library's idle limit starts anew with each byte, so a peer that sends one byte
 * every few seconds would hold its connection, and what the server keeps for it, for
 * days. Here every phase -- the headers, the body, taking the reply -- has an end. And
 * thousands of such peers together must not shut the door: when the server is nearly
 * full, whoever comes takes the place of the one that has been waited for the longest. */
#include "http/http_server_priv.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

void http_link_deadline(const struct http_server *s, struct http_link *l, size_t n)
{
    int64_t grace = 2 * TIME_SECOND * (int64_t)s->conf.idle_s;
    int64_t now = time_mono();
    if (!l)
        return;
    atomic_store(&l->since, now);
    atomic_store(&l->deadline_at, now + grace + (int64_t)(n / HTTP_RATE) * TIME_SECOND);
}

struct http_link *http_link_of(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i ? i->socket_context : NULL;
}

/* Under link_lock. Nobody is closed for whom the server itself is working, nor one that
 * was just accepted: an honest peer needs the time of one round trip. */
static void http_make_room(struct http_server *s)
{
    struct http_link *idlest = NULL;
    if (s->links_n < s->conf.connections_max - s->conf.connections_max / 8)
        return;
    for (struct http_link *l = s->links; l; l = l->next)
        if (atomic_load(&l->deadline_at) != 0 &&
            (!idlest || atomic_load(&l->since) < atomic_load(&idlest->since)))
            idlest = l;
    if (!idlest)
        return;
    shutdown(idlest->fd, SHUT_RDWR);
    atomic_store(&idlest->deadline_at, 0);
    atomic_fetch_add(&s->crowded, 1);
}

static void http_link_new(struct http_server *s, struct MHD_Connection *conn, void **out)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_link *l = am_calloc(1, sizeof *l);
    if (!l || !i) { /* this connection has the library's idle limit only */
        free(l);
        return;
    }
    l->fd = i->connect_fd;
    http_link_deadline(s, l, 0);
    am_assert(!pthread_mutex_lock(&s->link_lock));
    http_make_room(s); /* before the newcomer is in the list */
    s->links_n++;
    l->next = s->links;
    if (l->next)
        l->next->prev = l;
    s->links = l;
    am_assert(!pthread_mutex_unlock(&s->link_lock));
    *out = l;
}

void http_link_upgraded(struct http_server *s, struct http_link *l)
{
    if (!l)
        return;
    atomic_store(&l->deadline_at, 0);
    am_assert(!pthread_mutex_lock(&s->link_lock));
    s->links_n -= !l->upgraded;
    l->upgraded = true;
    am_assert(!pthread_mutex_unlock(&s->link_lock));
}

/* Called before the library closes the descriptor: after this nobody here knows it. */
static void http_link_free(struct http_server *s, struct http_link *l)
{
    if (!l)
        return;
    am_assert(!pthread_mutex_lock(&s->link_lock));
    if (l->next)
        l->next->prev = l->prev;
    if (l->prev)
        l->prev->next = l->next;
    else
        s->links = l->next;
    s->links_n -= !l->upgraded;
    am_assert(!pthread_mutex_unlock(&s->link_lock));
    free(l);
}

void http_on_connection(void *server, struct MHD_Connection *conn, void **link,
                        enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        http_link_new(server, conn, link);
    else
        http_link_free(server, *link);
}

/* shutdown(), not close(): the descriptor stays the library's, which sees the end. */
static size_t http_watch_once(const struct http_server *s)
{
    int64_t now = time_mono();
    size_t cut = 0;
    for (struct http_link *l = s->links; l; l = l->next) {
        int64_t at = atomic_load(&l->deadline_at);
        if (at == 0 || at > now)
            continue;
        shutdown(l->fd, SHUT_RDWR);
        atomic_store(&l->deadline_at, 0);
        cut++;
    }
    return cut;
}

static void *http_watch_main(void *arg)
{
    struct http_server *s = arg;
    am_assert(!pthread_mutex_lock(&s->link_lock));
    while (!s->watch_stop) {
        struct timespec until;
        size_t cut = http_watch_once(s);
        if (cut)
            LOG_I("http.too_slow", log_i("connections", (int64_t)cut));
        am_assert(!pthread_mutex_unlock(&s->link_lock)); /* never together: see _priv.h */
        http_park_due(s);
        am_assert(!pthread_mutex_lock(&s->link_lock));
        if (s->watch_stop)
            break;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        int e = pthread_cond_timedwait(&s->watch_wake, &s->link_lock, &until);
        am_assert(e == 0 || e == ETIMEDOUT);
    }
    am_assert(!pthread_mutex_unlock(&s->link_lock));
    return NULL;
}

int http_watch_start(struct http_server *s)
{
    if (pthread_create(&s->watch, NULL, http_watch_main, s))
        return AM_E_NOMEM;
    s->watching = true;
    return AM_OK;
}

void http_watch_stop(struct http_server *s)
{
    if (!s->watching)
        return;
    am_assert(!pthread_mutex_lock(&s->link_lock));
    s->watch_stop = true;
    am_assert(!pthread_cond_signal(&s->watch_wake));
    am_assert(!pthread_mutex_unlock(&s->link_lock));
    am_assert(!pthread_join(s->watch, NULL));
    s->watching = false;
}
