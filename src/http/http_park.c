/* SPDX-License-Identifier: Apache-2.0 */
/* Long polls: a request that waits for news holds a suspended connection and a few
 * kilobytes, never a thread. Its handler runs anew when something was announced, or a
 * last time when its time is up; it is the same request with the same arena.
 *
 * No news is lost: what was announced after the handler began to look makes it look
 * again. Places are few and fewer for one address, so that idle polls never take the
 * connections others need: who gets none is answered at once and tries again later. */
#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/http_server_priv.h"

bool http_park(struct http_req *r, unsigned wait_ms)
{
    struct http_one *one = r->one;
    if (!one || one->waited)
        return false;
    one->park_until = time_mono() + (int64_t)wait_ms * 1000;
    return true;
}

bool http_waited(const struct http_req *r)
{
    return r->one && r->one->waited;
}

/* Under queue_lock. */
static bool park_room(const struct http_server *s, const struct http_one *one)
{
    size_t all = 0, of_one = 0, max = s->conf.parked_max;
    for (const struct http_one *p = s->parked; p; p = p->next) {
        all++;
        of_one += str_eq(p->req.peer, one->req.peer);
    }
    return all < max && of_one < AM_MAX(max / 4, 16u);
}

/* Under queue_lock: back to the handlers. The length of the queue was judged when the
 * request came. */
static void park_queue(struct http_server *s, struct http_one *one)
{
    one->park_until = 0;
    http_queue_add(s, one);
}

bool http_park_put(struct http_one *one)
{
    struct http_server *s = one->s;
    bool parked = false, again = false;
    am_assert(!pthread_mutex_lock(&s->queue_lock));
    if (!s->stop && !atomic_load(&s->draining)) {
        again = one->seen != s->announced; /* something came while it looked */
        parked = again || park_room(s, one);
    }
    if (again) {
        park_queue(s, one);
    } else if (parked) {
        one->next = s->parked;
        s->parked = one;
        atomic_fetch_add(&s->parked_n, 1u);
    }
    am_assert(!pthread_mutex_unlock(&s->queue_lock));
    if (again)
        http_queue_announce(s);
    if (!parked)
        atomic_fetch_add(&s->park_refused, 1u);
    return parked;
}

/* The peer left: its request is answered into the void, and its place is free. Under TLS
 * its farewell hides that. */
static bool park_left(const struct http_one *one)
{
    char c;
    ssize_t n;
    if (!one->link)
        return false;
    n = recv(one->link->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

bool http_gone(const struct http_req *r)
{
    return r->one && park_left(r->one);
}

/* now 0: everybody, because there is news; INT64_MAX: everybody, for the last time. */
static void park_take(struct http_server *s, int64_t now)
{
    struct http_one **at;
    size_t n = 0;
    am_assert(!pthread_mutex_lock(&s->queue_lock));
    if (!now)
        s->announced++;
    at = &s->parked;
    while (*at) {
        struct http_one *one = *at;
        bool late = now && (one->park_until <= now || now == INT64_MAX);
        if (now && !late && !park_left(one)) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        one->waited = now != 0;
        park_queue(s, one);
        n++;
    }
    am_assert(!pthread_mutex_unlock(&s->queue_lock));
    atomic_fetch_sub(&s->parked_n, n);
    if (n)
        http_queue_announce(s);
}

void http_announce(struct http_server *s)
{
    park_take(s, 0);
}

void http_park_due(struct http_server *s)
{
    if (atomic_load(&s->parked_n) > 0)
        park_take(s, time_mono());
}

void http_park_end(struct http_server *s)
{
    park_take(s, INT64_MAX);
}
