/* SPDX-License-Identifier: Apache-2.0 */
/* One socket: what waits to be sent, and what its peer says. The thread that polls all of
 * them is http_ws_hub.c's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/http_ws_hub.h"

static void ws_lock(struct http_ws *w)
{
    am_assert(!pthread_mutex_lock(&w->lock));
}

static void ws_unlock(struct http_ws *w)
{
    am_assert(!pthread_mutex_unlock(&w->lock));
}

struct http_ws *http_ws_new(struct http_ws_hub *h, const struct http_ws_face *f,
                            struct str peer)
{
    struct http_ws *w = am_calloc(1, sizeof *w);
    if (!w)
        return NULL;
    am_assert(!pthread_mutex_init(&w->lock, NULL));
    atomic_init(&w->held, 1);
    w->hub = h;
    w->face = *f;
    w->fd = -1;
    w->tail = &w->head;
    http_ws_in_init(&w->in, HTTP_WS_MESSAGE);
    snprintf(w->peer, sizeof w->peer, "%.*s", STR_FMT(peer));
    return w;
}

void http_ws_hold(struct http_ws *w)
{
    atomic_fetch_add(&w->held, 1u);
}

void http_ws_drop(struct http_ws *w)
{
    if (!w || atomic_fetch_sub(&w->held, 1u) != 1)
        return;
    am_assert(!w->head); /* http_ws_over() was first */
    am_assert(!pthread_mutex_destroy(&w->lock));
    http_ws_in_release(&w->in);
    free(w);
}

/* ---- what waits; under the lock of the socket ---- */
static struct ws_piece *piece_new(enum http_ws_op op, struct str data)
{
    uint8_t head[HTTP_WS_HEAD];
    size_t head_n = http_ws_head(op, data.n, head);
    struct ws_piece *p = am_malloc(sizeof *p + head_n + data.n);
    if (!p)
        return NULL;
    *p = (struct ws_piece){.op = op, .n = head_n + data.n};
    memcpy(p->byte, head, head_n);
    if (data.n)
        memcpy(p->byte + head_n, data.p, data.n);
    return p;
}

static void piece_free(struct http_ws *w, struct ws_piece *p)
{
    w->waiting -= p->n;
    atomic_fetch_sub(&w->hub->waiting, p->n);
    free(p);
}

/* Those of which nothing was sent yet; op 0: all of them. */
static void pieces_drop(struct http_ws *w, enum http_ws_op op)
{
    struct ws_piece **at = &w->head;
    while (*at) {
        struct ws_piece *p = *at;
        if (p->sent || (op && p->op != op)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        piece_free(w, p);
    }
    w->tail = at;
}

static void piece_add(struct http_ws *w, struct ws_piece *p)
{
    if (!w->head)
        w->moved_at = time_mono();
    *w->tail = p;
    w->tail = &p->next;
    w->waiting += p->n;
    atomic_fetch_add(&w->hub->waiting, p->n);
}

/* A ping or a pong goes before messages that were not begun. */
static void piece_add_first(struct http_ws *w, struct ws_piece *p)
{
    struct ws_piece **at = w->head && w->head->sent ? &w->head->next : &w->head;
    if (!*at) {
        piece_add(w, p);
        return;
    }
    p->next = *at;
    *at = p;
    w->waiting += p->n;
    atomic_fetch_add(&w->hub->waiting, p->n);
}

void http_ws_control(struct http_ws *w, enum http_ws_op op, struct str data)
{
    struct ws_piece *p = piece_new(op, data);
    ws_lock(w);
    pieces_drop(w, op); /* of several that wait the newest counts, section 5.5.3 */
    if (p && !w->code)
        piece_add_first(w, p);
    else
        free(p);
    ws_unlock(w);
}

/* Under the lock. */
static void ws_closes(struct http_ws *w, unsigned code, const char *reason)
{
    struct ws_piece *p;
    char say[2 + HTTP_WS_REASON + 1] = {(char)(code >> 8), (char)(code & 0xFF)};
    size_t n = 2;
    if (w->code)
        return;
    w->code = code;
    if (code != HTTP_WS_NONE)
        n += (size_t)snprintf(say + 2, sizeof say - 2, "%s", reason);
    else
        n = 0; /* an answer to a close frame that gave none */
    if (code != HTTP_WS_NORMAL && code != HTTP_WS_AWAY)
        pieces_drop(w, 0);
    p = piece_new(HTTP_WS_CLOSE, (struct str){say, AM_MIN(n, sizeof say - 1)});
    if (p)
        piece_add(w, p); /* without memory it is closed without a word */
}

void http_ws_close(struct http_ws *w, unsigned code, const char *reason)
{
    ws_lock(w);
    if (w->hub && !w->code) {
        ws_closes(w, code, reason);
        http_ws_wake(w->hub);
    }
    ws_unlock(w);
}

void http_ws_bound(struct http_ws *w)
{
    ws_lock(w);
    w->bound = true;
    w->vain = 0;
    ws_unlock(w);
}

unsigned http_ws_vain(struct http_ws *w)
{
    unsigned n;
    ws_lock(w);
    n = ++w->vain;
    ws_unlock(w);
    return n;
}

/* Has it no place for n bytes more? *full, held: another has to go for it. */
static bool ws_is_full(const struct http_ws *w, size_t n, struct http_ws **full)
{
    const struct http_ws_limit *k = &w->hub->limit;
    if (w->waiting + n > (w->bound ? k->queue_b : k->queue_new_b))
        return true;
    if (atomic_load(&w->hub->waiting) + n <= k->queue_all_b)
        return false;
    *full = http_ws_fullest(w->hub, w);
    return !*full;
}

/* Takes p where it is AM_OK and *full is NULL. */
static int ws_queue(struct http_ws *w, struct ws_piece *p, struct http_ws **full)
{
    int err = AM_OK;
    *full = NULL;
    ws_lock(w);
    if (!w->hub || w->code)
        err = AM_E_UNAVAILABLE;
    else if (ws_is_full(w, p->n, full)) {
        err = AM_E_TOOBIG;
        ws_closes(w, HTTP_WS_LATER, "slow");
    } else if (!*full)
        piece_add(w, p);
    if (err != AM_E_UNAVAILABLE)
        http_ws_wake(w->hub);
    ws_unlock(w);
    return err;
}

int http_ws_send(struct http_ws *w, struct str text)
{
    struct ws_piece *p = piece_new(HTTP_WS_TEXT, text);
    struct http_ws *full;
    int err;
    if (!p)
        return AM_E_NOMEM;
    err = ws_queue(w, p, &full);
    while (full) { /* each time one less that does not close: it ends */
        http_ws_close(full, HTTP_WS_LATER, "slow");
        http_ws_drop(full);
        err = ws_queue(w, p, &full);
    }
    if (err)
        free(p);
    return err;
}

/* ---- of the thread of the sockets ---- */
void http_ws_over(struct http_ws *w)
{
    ws_lock(w);
    while (w->head) {
        struct ws_piece *p = w->head;
        w->head = p->next;
        piece_free(w, p);
    }
    w->tail = &w->head;
    w->hub = NULL;
    ws_unlock(w);
}

/* Sends what the system takes. False: the connection is gone. */
static bool ws_write(struct http_ws *w)
{
    bool ok = true, more = true;
    ws_lock(w);
    while (w->head && more) {
        struct ws_piece *p = w->head;
        ssize_t n =
            send(w->fd, p->byte + p->sent, p->n - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            more = false;
            ok = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
            continue;
        }
        w->moved_at = time_mono();
        p->sent += (size_t)n;
        if (p->sent < p->n)
            continue;
        w->head = p->next;
        if (!w->head)
            w->tail = &w->head;
        w->said_close = w->said_close || p->op == HTTP_WS_CLOSE;
        piece_free(w, p);
    }
    ws_unlock(w);
    return ok;
}

/* What waits for a peer that leaves is nobody's any more. */
static void ws_answer_close(struct http_ws *w, struct str payload)
{
    unsigned code;
    int err = http_ws_close_code(payload, &code);
    w->heard_close = true;
    ws_lock(w);
    if (!w->code)
        pieces_drop(w, 0);
    ws_closes(w, err ? (unsigned)HTTP_WS_PROTOCOL : code, "");
    ws_unlock(w);
}

static void ws_text(struct http_ws *w, struct str s)
{
    bool closes;
    ws_lock(w);
    closes = w->code;
    ws_unlock(w);
    if (!closes)
        w->face.text(w->face.cookie, w, s);
}

static bool ws_got(void *arg, enum http_ws_op op, struct str data)
{
    struct http_ws *w = arg;
    switch (op) {
    case HTTP_WS_TEXT:
        ws_text(w, data);
        break;
    case HTTP_WS_PING:
        http_ws_control(w, HTTP_WS_PONG, data);
        break;
    case HTTP_WS_CLOSE:
        ws_answer_close(w, data);
        return false;
    case HTTP_WS_BINARY:
        http_ws_close(w, HTTP_WS_KIND, "text only");
        break;
    case HTTP_WS_PONG:
    case HTTP_WS_MORE:
        break;
    }
    return true;
}

void http_ws_hear(struct http_ws *w, struct str bytes)
{
    w->heard_at = time_mono();
    w->pinged_at = 0;
    if (w->heard_close) /* after its close frame nothing of it counts */
        return;
    if (http_ws_feed(&w->in, bytes, ws_got, w))
        http_ws_close(w, w->in.wrong, "");
}

/* False: the peer has left. */
static bool ws_read(struct http_ws *w)
{
    char piece[16 << 10];
    ssize_t n = recv(w->fd, piece, sizeof piece, MSG_DONTWAIT);
    if (n > 0)
        http_ws_hear(w, (struct str){piece, (size_t)n});
    return n > 0 ||
           (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

/* What is due by now. *due: when to look again. */
static bool ws_in_time(struct http_ws *w, int64_t now, int64_t *due)
{
    const struct http_ws_limit *k = &w->hub->limit;
    bool waits, bound, closes;
    int64_t moved_at;
    ws_lock(w);
    waits = w->head;
    moved_at = w->moved_at;
    bound = w->bound;
    closes = w->code;
    ws_unlock(w);
    if (closes && !w->closing_at)
        w->closing_at = now;
    *due = closes         ? w->closing_at + k->close_ms * INT64_C(1000)
           : waits        ? moved_at + k->slow_ms * INT64_C(1000)
           : w->pinged_at ? w->pinged_at + k->ping_ms * INT64_C(1000)
                          : w->heard_at + k->ping_ms * INT64_C(1000);
    if (!bound && !closes)
        *due = AM_MIN(*due, w->opened_at + k->open_ms * INT64_C(1000));
    if (now < *due)
        return true;
    if (closes || waits || w->pinged_at)
        return false;
    *due = now;
    if (!bound && now >= w->opened_at + k->open_ms * INT64_C(1000))
        http_ws_close(w, HTTP_WS_POLICY, "idle");
    else {
        http_ws_control(w, HTTP_WS_PING, STR(""));
        w->pinged_at = now;
    }
    return true;
}

bool http_ws_step(struct http_ws *w, short events, int64_t now, int64_t *due)
{
    if ((events & (POLLIN | POLLHUP | POLLERR)) && !ws_read(w))
        return false;
    if (!ws_in_time(w, now, due) || !ws_write(w))
        return false;
    return !(w->heard_close && w->said_close);
}

short http_ws_wants(struct http_ws *w)
{
    short events = POLLIN;
    ws_lock(w);
    if (w->head)
        events |= POLLOUT;
    ws_unlock(w);
    return events;
}
