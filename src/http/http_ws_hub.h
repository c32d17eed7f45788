/* SPDX-License-Identifier: Apache-2.0 */
/* http_ws_hub -- private to http: the sockets of a server, and the thread that polls
 * them. Locks: that of each socket (what waits in it), then that of the hub (who is
 * there); never those of two sockets. */
#ifndef HTTP_WS_HUB_H
#define HTTP_WS_HUB_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/http_ws.h"
#include "http/http_ws_priv.h"

struct MHD_UpgradeResponseHandle;
struct http_one;

struct ws_piece { /* a frame that waits to be sent */
    struct ws_piece *next;
    enum http_ws_op op;
    size_t n, sent;
    uint8_t byte[];
};

enum http_ws_stage {
    HTTP_WS_ASKED, /* its 101 is on the way */
    HTTP_WS_FRESH, /* opened; the thread has not seen it yet */
    HTTP_WS_OPEN
};
struct http_ws {
    atomic_uint held;
    pthread_mutex_t lock;    /* of the next eight */
    struct http_ws_hub *hub; /* NULL: over */
    struct ws_piece *head, **tail;
    atomic_size_t waiting; /* bytes; read without the lock by http_ws_fullest() */
    atomic_uint code;      /* it closes; 0: it does not; read likewise */
    int64_t moved_at;      /* when the peer last took some */
    unsigned vain;         /* http_ws_vain() */
    bool bound;

    struct http_ws *next; /* lock of the hub; also the next two */
    enum http_ws_stage stage;
    char peer[64];

    /* of the thread */
    struct http_ws_face face;
    struct MHD_UpgradeResponseHandle *urh;
    int fd;
    struct http_ws_in in;
    struct buf first;                                   /* what came with the request */
    int64_t opened_at, heard_at, pinged_at, closing_at; /* monotonic; 0: not */
    bool heard_close, said_close;
};

struct http_ws_hub {
    struct http_ws_limit limit;
    atomic_size_t waiting; /* bytes in all sockets */
    pthread_mutex_t lock;
    struct http_ws *first; /* all there are */
    size_t n;
    bool stop;
    int64_t stop_at;
    int wake[2]; /* a pipe */
    pthread_t thread;
    bool runs;
    atomic_uint_fast64_t refused;
};

/* ---- http_ws.c ---- */
struct http_ws *http_ws_new(struct http_ws_hub *h, const struct http_ws_face *f,
                            struct str peer);
void http_ws_control(struct http_ws *w, enum http_ws_op op, struct str data);
void http_ws_hear(struct http_ws *w, struct str bytes);
void http_ws_over(struct http_ws *w);
short http_ws_wants(struct http_ws *w); /* events of poll() */
/* False: it is over. *due: when it has to be looked at again. */
bool http_ws_step(struct http_ws *w, short events, int64_t now, int64_t *due);

/* ---- http_ws_hub.c ---- */
AM_CHECK int http_ws_start(struct http_ws_hub **out, const struct http_ws_limit *l);
/* Says 1001 to all, waits for them up to wait_ms, closes them. New ones are refused. */
void http_ws_stop(struct http_ws_hub *h, unsigned wait_ms);
void http_ws_hub_free(struct http_ws_hub *h); /* NULL is fine; when nothing calls it */
size_t http_ws_count(struct http_ws_hub *h);
void http_ws_wake(struct http_ws_hub *h);
/* The one for which most waits, of those that do not close; held. NULL: it is `but`, or
 * nothing waits for any. */
struct http_ws *http_ws_fullest(struct http_ws_hub *h, const struct http_ws *but);
/* The answer 101 was not given, or never reached the peer. */
void http_ws_abandon(struct http_one *one);
/* For MHD_create_response_for_upgrade(). */
struct MHD_Response;
struct MHD_Response *http_ws_reply(struct http_one *one);

#endif
