/* SPDX-License-Identifier: Apache-2.0 */
/* http_server_priv -- the server's inside. Who runs what:
 *
 *   library thread  http_request.c: reading, the gate, limits, queueing replies
 *   job threads     http_job.c: the handler, building the reply; http_queue.c: how many
 *                   of them work; http_park.c: what waits;
 *                   http_stream.c: the next piece of a long reply
 *   watch thread    http_watch.c: cuts connections that are too slow as a whole
 *   socket thread   http_ws_hub.c: polls the WebSockets, http_ws.c
 *
 * Locks: queue_lock and link_lock are never held together; the library is called under
 * queue_lock only to suspend (http_jobs_put() says why). */
#ifndef HTTP_SERVER_PRIV_H
#define HTTP_SERVER_PRIV_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/http_priv.h"
#include "http/http_ws_hub.h"

/* The library changed its callbacks' type from int in 0.9.71. */
#if defined(MHD_VERSION) && MHD_VERSION < 0x00097100
#error "libmicrohttpd 0.9.71 or newer is needed"
#endif

enum {
    HTTP_RATE = 8192,       /* bytes a second below which a peer is too slow */
    HTTP_LINGER = 16 << 20, /* bytes thrown away after a refusal, so that it is read */
    HTTP_RESPONSE_MAX = 1 << 28, /* bytes of one reply */
    HTTP_FIELDS_MAX = 128,
    HTTP_PIECE = 32 << 10,      /* what the library asks of a stream at once */
    HTTP_HELD_BODIES = 8,       /* all bodies in memory together: times body_max */
    HTTP_REPLY_SMALL = 64 << 10 /* never turned away for want of room */
};

/* One connection, from accept to close. */
struct http_link {
    struct http_link *prev, *next; /* link_lock; also the next */
    bool upgraded;                 /* a socket by now: not one of links_n */
    int fd;
    atomic_int_fast64_t deadline_at; /* monotonic; 0: the server is the one to act */
    atomic_int_fast64_t since;       /* when this wait for the peer began, monotonic */
};

enum http_stage {
    HTTP_NEW,     /* headers not seen */
    HTTP_BODY,    /* reading */
    HTTP_DISCARD, /* refused while reading: what still comes is thrown away */
    HTTP_WORK,    /* suspended, owned by a job thread */
    HTTP_REPLY,   /* resumed: reply is ready */
    HTTP_SENT,    /* queued with the library */
    HTTP_STREAM   /* suspended anew: a job thread makes the next piece */
};
/* One request. */
struct http_one {
    struct http_req req;
    struct http_resp resp;
    struct http_server *s;
    struct http_link *link;
    struct MHD_Connection *conn;
    struct MHD_Response *reply;
    struct http_one *next; /* in the queue */
    struct arena arena;
    struct buf body;
    enum http_stage stage;
    int refused;        /* HTTP status decided while reading */
    bool raw;           /* the refusal already went out, past the library */
    bool close;         /* say Connection: close */
    bool counted;       /* in in_flight */
    bool waited;        /* its time as a long poll is over */
    uint64_t seen;      /* news announced when its handler began */
    int64_t park_until; /* monotonic; 0: not a long poll */
    struct http_ws *ws; /* the socket it becomes; NULL: none, or it is one by now */
    size_t discarded, sent_n;
    size_t replied; /* its part of the server's */
    /* of a stream */
    size_t taken;       /* bytes of this piece the library has */
    int64_t left;       /* of the peer's time, while the server works */
    bool fresh;         /* a piece was asked for: the peer's time runs again with it */
    bool ended, broken; /* that was all; it failed */
};

struct http_job {
    struct http_server *s;
    unsigned n; /* its number */
    pthread_t thread;
};

struct http_server {
    struct http_config conf;
    struct MHD_Daemon *daemon;
    char *cert, *key;
    size_t key_n;
    int listen_fd;
    unsigned port;
    bool tls;

    pthread_mutex_t queue_lock; /* guards what follows, down to link_lock */
    pthread_cond_t queue_wake, queue_ripe;
    struct http_one *head, **tail;
    unsigned queued, idle;
    unsigned hot;   /* as many job threads at once are enough */
    int64_t *began; /* of each: when it began what it is at, monotonic; 0: nothing */
    bool waking, minded, stop;
    struct http_job *job;
    unsigned jobs;
    struct http_one *parked;
    uint64_t announced;

    pthread_mutex_t link_lock; /* guards the next four */
    pthread_cond_t watch_wake;
    struct http_link *links;
    unsigned links_n;
    bool watch_stop;
    pthread_t watch;
    bool watching;

    struct http_ws_hub *sockets;
    size_t held;    /* bytes of bodies; the library's thread only */
    size_t replied; /* bytes of replies not wholly sent; the same */
    atomic_bool draining;
    atomic_uint_fast64_t next_id, requests, bad, busy, in_flight, bytes_in, bytes_out,
        parked_n, park_refused, by_class[6], crowded;
};

/* http_request.c: the library's callbacks */
void *http_on_uri(void *server, const char *uri, struct MHD_Connection *conn);
enum MHD_Result http_on_request(void *server, struct MHD_Connection *conn,
                                const char *url, const char *method, const char *version,
                                const char *upload, size_t *upload_n, void **one);
void http_on_completed(void *server, struct MHD_Connection *conn, void **one,
                       enum MHD_RequestTerminationCode how);

/* http_job.c: what a job thread does */
void *http_job_main(void *job);
/* A reply of a few words; NULL when out of memory. */
struct MHD_Response *http_bare(int status);
/* The library's text for a status, "Bad Request". */
const char *http_phrase(int status);

/* http_queue.c */
AM_CHECK int http_jobs_start(struct http_server *s);
void http_jobs_stop(struct http_server *s); /* after it nothing is suspended */
/* Suspends and queues; false when the queue is full or the server stops. */
bool http_jobs_put(struct http_one *one);
/* The same for the next piece of a stream; the queue is never too long for it. */
bool http_jobs_put_again(struct http_one *one);
/* The next request, or NULL when the server stops and none is left. *stop tells. */
struct http_one *http_queue_take(struct http_job *j, bool *stop);
/* Of a thread at work: it waits for long, it goes on (base/pause.h). */
void http_queue_pause(void *job);
void http_queue_resume(void *job);
/* Under queue_lock; http_queue_announce() after it, without. */
void http_queue_add(struct http_server *s, struct http_one *one);
void http_queue_announce(struct http_server *s);

/* http_park.c */
/* Takes the request from its job thread; false when there is no place. */
bool http_park_put(struct http_one *one);
void http_park_due(struct http_server *s);
void http_park_end(struct http_server *s);

/* http_stream.c */
struct MHD_Response *http_stream_make(struct http_one *one);
void http_stream_work(struct http_one *one);

/* http_watch.c */
AM_CHECK int http_watch_start(struct http_server *s);
void http_watch_stop(struct http_server *s);
void http_on_connection(void *server, struct MHD_Connection *conn, void **link,
                        enum MHD_ConnectionNotificationCode what);
/* It is a socket from now on, with limits of its own; NULL is fine. */
void http_link_upgraded(struct http_server *s, struct http_link *l);
struct http_link *http_link_of(struct MHD_Connection *conn);
/* From now: twice the idle limit, and the time n bytes take at HTTP_RATE. */
void http_link_deadline(const struct http_server *s, struct http_link *l, size_t n);

#endif
