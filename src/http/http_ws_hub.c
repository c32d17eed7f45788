/* SPDX-License-Identifier: Apache-2.0 */
/* Upgrades, and the one thread that polls all sockets. */
#include "http/http_ws_hub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "http/http_server_priv.h"

static void hub_lock(struct http_ws_hub *h)
{
    am_assert(!pthread_mutex_lock(&h->lock));
}

static void hub_unlock(struct http_ws_hub *h)
{
    am_assert(!pthread_mutex_unlock(&h->lock));
}

/* A full pipe wakes as well. */
void http_ws_wake(struct http_ws_hub *h)
{
    ssize_t n = write(h->wake[1], "", 1);
    (void)n;
}

static void hub_slept(const struct http_ws_hub *h)
{
    char some[64];
    while (read(h->wake[0], some, sizeof some) == (ssize_t)sizeof some)
        ;
}

/* ---- who is there ---- */
static bool hub_room(struct http_ws_hub *h, struct http_ws *w)
{
    size_t of_one = 0;
    bool room;
    hub_lock(h);
    for (const struct http_ws *o = h->first; o; o = o->next)
        of_one += !strcmp(o->peer, w->peer);
    room = !h->stop && h->n < h->limit.most && of_one < h->limit.most_each;
    if (room) {
        w->next = h->first;
        h->first = w;
        h->n++;
    }
    hub_unlock(h);
    return room;
}

static void hub_leave(struct http_ws_hub *h, const struct http_ws *w)
{
    struct http_ws **at;
    hub_lock(h);
    for (at = &h->first; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    h->n--;
    hub_unlock(h);
}

size_t http_ws_count(struct http_ws_hub *h)
{
    size_t n;
    hub_lock(h);
    n = h->n;
    hub_unlock(h);
    return n;
}

struct http_ws *http_ws_fullest(struct http_ws_hub *h, const struct http_ws *but)
{
    struct http_ws *full = NULL;
    size_t most = 0;
    hub_lock(h);
    for (struct http_ws *w = h->first; w; w = w->next) {
        size_t n = atomic_load(&w->code) ? 0 : atomic_load(&w->waiting);
        if (n > most) {
            most = n;
            full = w;
        }
    }
    if (full == but)
        full = NULL;
    if (full)
        http_ws_hold(full); /* it is in the list: hub_end() has not dropped it yet */
    hub_unlock(h);
    return full;
}

static void hub_end(struct http_ws_hub *h, struct http_ws *w)
{
    hub_leave(h, w);
    w->face.end(w->face.cookie, w);
    http_ws_over(w);
    MHD_upgrade_action(w->urh, MHD_UPGRADE_ACTION_CLOSE);
    buf_release(&w->first);
    http_ws_drop(w);
}

/* ---- the thread ---- */
struct hub_round {
    VEC(struct pollfd) fd; /* [0]: the pipe */
    VEC(struct http_ws *) ws;
    bool fresh; /* one may have come with its first bytes: they are not waited for */
};

static int round_make(struct http_ws_hub *h, struct hub_round *r)
{
    int err = AM_OK;
    r->fd.n = r->ws.n = 0;
    r->fresh = false;
    err = vec_push(&r->fd, ((struct pollfd){.fd = h->wake[0], .events = POLLIN}));
    hub_lock(h);
    for (struct http_ws *w = h->first; w && !err; w = w->next) {
        if (w->stage == HTTP_WS_ASKED)
            continue;
        r->fresh = r->fresh || w->stage == HTTP_WS_FRESH;
        err = vec_push(&r->ws, w);
        if (!err)
            err = vec_push(&r->fd, ((struct pollfd){.fd = w->fd}));
    }
    hub_unlock(h);
    for (size_t i = 0; i < r->ws.n && !err; i++)
        r->fd.v[i + 1].events = http_ws_wants(r->ws.v[i]);
    return err;
}

static bool round_step(struct http_ws_hub *h, const struct hub_round *r, int64_t *due)
{
    int64_t now = time_mono();
    bool stop;
    hub_lock(h);
    stop = h->stop;
    hub_unlock(h);
    *due = stop ? h->stop_at : INT64_MAX;
    for (size_t i = 0; i < r->ws.n; i++) {
        struct http_ws *w = r->ws.v[i];
        int64_t at = INT64_MAX;
        if (stop)
            http_ws_close(w, HTTP_WS_AWAY, "the server ends");
        if (w->stage == HTTP_WS_FRESH) {
            w->stage = HTTP_WS_OPEN;
            if (w->first.n)
                http_ws_hear(w, buf_str(&w->first));
        }
        if (http_ws_step(w, r->fd.v[i + 1].revents, now, &at) &&
            !(stop && now >= h->stop_at))
            *due = AM_MIN(*due, at);
        else
            hub_end(h, w);
    }
    return stop;
}

static bool hub_empty(struct http_ws_hub *h)
{
    bool empty = true;
    hub_lock(h);
    for (const struct http_ws *w = h->first; w; w = w->next)
        empty = empty && w->stage == HTTP_WS_ASKED;
    hub_unlock(h);
    return empty;
}

static void *hub_main(void *arg)
{
    struct http_ws_hub *h = arg;
    struct hub_round r = {0};
    int64_t due = INT64_MAX;
    bool stop = false;
    while (!stop || !hub_empty(h)) {
        /* What is due by now is not waited for: only -1 waits for ever. */
        int64_t ms = due == INT64_MAX ? -1 : AM_MAX((due - time_mono()) / 1000 + 1, 0);
        int err = round_make(h, &r);
        if (err) { /* no memory for the list: looked at again soon */
            r.ws.n = 0;
            r.fd.n = AM_MIN(r.fd.n, (size_t)1);
            ms = 100;
        } else if (r.fresh)
            ms = 0;
        if (poll(r.fd.v, r.fd.n, (int)AM_MIN(ms, 60000)) < 0)
            am_assert(errno == EINTR || errno == ENOMEM);
        hub_slept(h);
        stop = round_step(h, &r, &due);
        if (err) /* of those nobody looked at */
            due = time_mono() + 100000;
    }
    vec_release(&r.fd);
    vec_release(&r.ws);
    return NULL;
}

static void hub_defaults(struct http_ws_limit *l)
{
    l->most_each = l->most_each ? l->most_each : 32;
    l->queue_b = l->queue_b ? l->queue_b : (size_t)16 << 20;
    l->queue_new_b = l->queue_new_b ? l->queue_new_b : (size_t)64 << 10;
    l->queue_all_b = l->queue_all_b ? l->queue_all_b : (size_t)64 << 20;
    l->open_ms = l->open_ms ? l->open_ms : 10000;
    l->ping_ms = l->ping_ms ? l->ping_ms : 30000;
    l->slow_ms = l->slow_ms ? l->slow_ms : 30000;
    l->close_ms = l->close_ms ? l->close_ms : 2000;
}

int http_ws_start(struct http_ws_hub **out, const struct http_ws_limit *l)
{
    struct http_ws_hub *h = am_calloc(1, sizeof *h);
    if (!h)
        return AM_E_NOMEM;
    h->limit = *l;
    hub_defaults(&h->limit);
    am_assert(!pthread_mutex_init(&h->lock, NULL));
    *out = h;
    if (pipe2(h->wake, O_NONBLOCK | O_CLOEXEC)) {
        h->wake[0] = h->wake[1] = -1;
        return am_err_errno(errno);
    }
    h->runs = !pthread_create(&h->thread, NULL, hub_main, h);
    return h->runs ? AM_OK : AM_E_NOMEM;
}

void http_ws_stop(struct http_ws_hub *h, unsigned wait_ms)
{
    if (!h || !h->runs)
        return;
    hub_lock(h);
    h->stop = true;
    h->stop_at = time_mono() + AM_MIN(wait_ms, h->limit.close_ms) * INT64_C(1000);
    hub_unlock(h);
    http_ws_wake(h);
    am_assert(!pthread_join(h->thread, NULL));
    h->runs = false;
}

void http_ws_hub_free(struct http_ws_hub *h)
{
    if (!h)
        return;
    am_assert(!h->first);
    if (h->wake[0] >= 0) {
        close(h->wake[0]);
        close(h->wake[1]);
    }
    am_assert(!pthread_mutex_destroy(&h->lock));
    free(h);
}

/* ---- upgrades ---- */
/* Is it one of the elements of a list, "keep-alive, Upgrade"? */
static bool upgrade_says(const struct http_req *r, const char *name, const char *word)
{
    for (size_t i = 0; i < r->headers; i++) {
        struct str left = r->header[i].value;
        if (!str_eq_nocase(r->header[i].name, str_c(name)))
            continue;
        while (left.n)
            if (str_eq_nocase(str_trim(str_cut(left, ',', &left)), str_c(word)))
                return true;
    }
    return false;
}

static int upgrade_no(struct http_req *r, struct http_resp *a, int status,
                      const char *said)
{
    a->status = status;
    http_setz(r, a, "Content-Type", "text/plain; charset=utf-8");
    return buf_addf(&a->body, "%s\n", said);
}

int http_ws_upgrade(struct http_req *r, struct http_resp *a, const struct http_ws_face *f)
{
    struct http_one *one = r->one;
    struct http_ws *w;
    char accept[HTTP_WS_ACCEPT];
    int err;
    if (!str_eqc(str_trim(http_header(r, "Sec-WebSocket-Version")), "13")) {
        http_setz(r, a, "Sec-WebSocket-Version", "13");
        http_setz(r, a, "Upgrade", "websocket");
        return upgrade_no(r, a, 426, "WebSocket, version 13");
    }
    err = http_ws_accept(str_trim(http_header(r, "Sec-WebSocket-Key")), accept);
    if (err == AM_E_NOMEM)
        return err;
    if (err || !one || strcmp(r->method_name, "GET") || r->body.n ||
        !upgrade_says(r, "Connection", "Upgrade") ||
        !upgrade_says(r, "Upgrade", "websocket"))
        return upgrade_no(r, a, 400, "no WebSocket request");
    w = http_ws_new(one->s->sockets, f, r->peer);
    if (!w)
        return AM_E_NOMEM;
    if (!hub_room(one->s->sockets, w)) {
        http_ws_over(w);
        http_ws_drop(w);
        atomic_fetch_add(&one->s->sockets->refused, 1u);
        return upgrade_no(r, a, 503, "too many WebSockets");
    }
    one->ws = w;
    a->status = 101;
    http_setz(r, a, "Upgrade", "websocket");
    http_setz(r, a, "Sec-WebSocket-Accept", accept);
    return AM_OK;
}

void http_ws_abandon(struct http_one *one)
{
    struct http_ws *w = one->ws;
    one->ws = NULL;
    if (!w)
        return;
    hub_leave(one->s->sockets, w);
    http_ws_over(w);
    http_ws_drop(w);
}

/* The library's thread: the answer is out, the socket is ours. */
static void upgrade_done(void *cookie, struct MHD_Connection *conn, void *con_cls,
                         const char *extra, size_t extra_n, MHD_socket fd,
                         struct MHD_UpgradeResponseHandle *urh)
{
    struct http_one *one = con_cls;
    struct http_ws *w = one->ws;
    struct http_ws_hub *h = one->s->sockets;
    bool stop;
    (void)cookie;
    (void)conn;
    http_link_upgraded(one->s, one->link);
    if (one->counted)
        atomic_fetch_sub(&one->s->in_flight, 1u);
    one->counted = false;
    buf_init(&w->first, 2 * one->s->conf.header_max);
    hub_lock(h);
    stop = h->stop || buf_add(&w->first, (struct str){extra, extra_n});
    if (!stop) {
        w->fd = fd;
        w->urh = urh;
        w->opened_at = w->heard_at = time_mono();
        w->stage = HTTP_WS_FRESH;
        one->ws = NULL;
    }
    hub_unlock(h);
    if (stop) {
        buf_release(&w->first);
        MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
    } else
        http_ws_wake(h);
}

struct MHD_Response *http_ws_reply(struct http_one *one)
{
    one->sent_n = 0;
    return MHD_create_response_for_upgrade(upgrade_done, NULL);
}
