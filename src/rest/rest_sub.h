/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: Subscriptions of FHIR R4, also in the form of the Subscriptions R5
 * Backport IG 1.1, delivered by rest-hook or by websocket. Decisions: ADR 32.
 *
 * A Subscription is a resource of the store like any other. What is written of one
 * (rest_sub_write) has status `requested` or `off`; its headers, with the name of who
 * wrote it, are sealed in an extension. From then on only the server sets status: each
 * change is a version of the resource.
 *
 *   requested  a handshake is sent; answered 2xx: active. By websocket: active at once,
 * each socket that binds has a handshake of its own active     each version that matches
 * is an event error      nothing but failures for a day, or who asked may no more:
 * `error` says why off        nothing is done; also once its `end` has come
 *
 * Invariants
 *   S1  events are numbered from 1, in the order of rid; a number names one version for
 *       ever: numbers are on the disk before they are told;
 *   S2  an event is told again until the endpoint answered 2xx, and none after it before;
 *       the position is on the disk then: at least once, in order;
 *   S3  each time, what is told is what who asked may see at that moment: an event he may
 *       not see any more keeps its number, and names nothing;
 *   S4  an endpoint that is slow or fails takes no more than half of the threads;
 *   S5  by websocket S2 holds for the numbers, not for who listens: an event is told once
 *       to each socket that is bound then, and kept; who was away finds by the number of
 *       his handshake what he missed, and asks for it ($events). What is told has passed
 *       S3 for who made the Subscription and for who listens; a socket whose login,
 *       right or Subscription ends is closed within SUB_MIND_MS.
 *
 * DIR/<id>: the position, the numbers and the newest events, sealed.
 *
 * Threads: one that follows the store, SUB_THREADS that deliver; the list is under one
 * lock, which is never held while the disk or an endpoint is waited for. A struct
 * rest_sub belongs to who set `busy`. */
#ifndef REST_SUB_H
#define REST_SUB_H

#include <pthread.h>

#include "base/vec.h"
#include "http/http_ws.h"
#include "rest/rest_priv.h"

enum {
    SUB_MOST = 1000,     /* Subscriptions, those that are off included */
    SUB_MOST_EACH = 100, /* of one service */
    SUB_THREADS = 8,     /* half of them at most for who is slow */
    SUB_LOOK_MS = 100,   /* between two looks at the store */
    SUB_KEPT = 256,      /* events that $events can still tell */
    SUB_EVENTS = 20,     /* of a notification, without backport-max-count */
    SUB_EVENTS_MOST = 100,
    SUB_TOLD = 8 << 20,    /* bytes of the resources of a notification, about */
    SUB_LOOKED = 2000,     /* versions looked at in one view */
    SUB_TIMEOUT_S = 10,    /* of a delivery, without backport-timeout */
    SUB_TIMEOUT_MOST = 30, /* and the most of it */
    SUB_HEADERS = 6,
    SUB_HEADER_NAME = 128, /* bytes, its NUL included: what http_call() sends */
    SUB_TEXT = 64 << 10,   /* of one as it is stored */
    SUB_WAIT_MS = 1000,    /* after a first failure */
    SUB_WAIT_MOST_S = 600,
    SUB_GIVE_UP_S = 86400,
    SUB_SAVED = 5000,     /* versions passed by without an event, not on the disk */
    SUB_SLOW_MS = 1000,   /* a delivery that took longer: slow */
    SUB_MIND_MS = 1000,   /* between two looks at whether who listens may still */
    SUB_TOKEN = 44,       /* bytes of a token for a socket, its NUL included: 32 random */
    SUB_TOKEN_S = 60,     /* it may be used in that time, once */
    SUB_TOKENS = 1000,    /* at once */
    SUB_TOKENS_EACH = 16, /* of one login; the oldest goes */
    SUB_TOKEN_IDS = 32,   /* Subscriptions of one */
    SUB_BINDS = 64,       /* Subscriptions of one socket */
    SUB_VAIN = 8          /* messages of one socket that are refused in words */
};
#define SUB_TOPIC "urn:amane:topic:" /* and the name of a type of resources */
#define SUB_BACKPORT                                                                     \
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"

enum rest_sub_status { SUB_REQUESTED, SUB_ACTIVE, SUB_ERROR, SUB_OFF, SUB_STATUSES };
enum rest_sub_content { SUB_EMPTY, SUB_ID_ONLY, SUB_FULL };
const char *rest_sub_status_name(enum rest_sub_status s);

/* What a Subscription asks for; in the arena of the call. */
struct rest_sub_spec {
    struct str type; /* of the resources */
    bool topic;      /* the form of the backport: deletions are told too */
    bool everything; /* no condition */
    struct fhir_query q;
    bool socket; /* by websocket: no endpoint */
    struct str endpoint;
    bool listed; /* the operator's: it may be of an inner network */
    enum rest_sub_content content;
    bool payload;
    int64_t timeout_s, heartbeat_s, most;
    int64_t end_at; /* then it is off; INT64_MAX: never */
};
/* AM_E_INVALID with problems. */
AM_CHECK int rest_sub_read(struct rest_call *c, const struct json *resource,
                           struct rest_sub_spec *out);
AM_CHECK int rest_sub_content(struct str said, enum rest_sub_content *out);
bool rest_sub_topic(struct str type); /* one whose resources may be told */
/* {"who", "header": [..]} of a stored one. AM_E_UNAUTHORIZED: it has none of ours. */
AM_CHECK int rest_sub_unseal(const struct rest *r, const struct json *resource,
                             struct json_doc **out);

struct rest_sub_event {
    int64_t n, rid, ver, at;
    bool gone;
    char type[65], id[EDS_ID_MAX + 1];
};
struct rest_sub {
    char id[EDS_ID_MAX + 1];
    struct rest_sub *next;
    /* under the lock */
    char *who; /* rest_guard.stand of who wrote it; NULL: not known */
    bool busy;
    bool stale;     /* its resource has changed */
    bool news;      /* the store has grown since its turn began */
    bool slow;      /* its last delivery was, or failed, or it has had none */
    bool waits;     /* after a failure, or for ever: news do not matter */
    bool hook;      /* by rest-hook, as far as is known: no socket listens to it */
    int64_t due_at; /* monotonic */
    /* of who set busy */
    bool loaded, fast, deleted;
    enum rest_sub_status status;
    int64_t ver;
    char *text; /* the resource */
    size_t text_n;
    int64_t wait_ms, failing_at, told_at; /* monotonic; 0: not failing */
    int64_t again_at;                     /* until then who listens is minded, no more */
    char error[128];                      /* why it fails */
    /* what is kept */
    char same[65];     /* what its numbers are of: who asked, and for what */
    int64_t rid, then; /* all up to it was told; up to where once `pending` are */
    int64_t saved;     /* rid, on the disk */
    int64_t numbered;  /* n, on the disk */
    int64_t n;         /* events numbered so far */
    size_t pending;    /* the last of `event` */
    VEC(struct rest_sub_event) event;
};
struct rest_sub_token {
    struct rest_sub_token *next;
    uint8_t hash[32]; /* SHA-256 of its text */
    int64_t until;    /* monotonic */
    char *who;        /* rest_guard.keep */
    size_t n;
    char id[SUB_TOKEN_IDS][EDS_ID_MAX + 1];
};
struct rest_sub_bind { /* a socket listens to a Subscription */
    struct rest_sub_bind *next;
    struct http_ws *ws;
    char id[EDS_ID_MAX + 1];
    char *who;     /* rest_guard.keep */
    bool plain;    /* in R4's words, "ping ID": of an open node */
    bool fresh;    /* no handshake yet */
    int64_t since; /* monotonic */
};
/* A place that a call takes until the list has what it wrote. */
struct rest_sub_place {
    struct rest_sub_place *next;
    const struct rest_call *call; /* NULL: it is over */
    bool passes;                  /* the follower looks at what it wrote */
    char who[];                   /* rest_guard.stand */
};
struct rest_sub_worker {
    struct rest_subs *x;
    pthread_t thread;
    struct http_client *http;
    bool runs;
};
struct rest_subs {
    struct rest *r;
    char dir[REST_PATH_MAX];
    pthread_mutex_t lock;
    pthread_cond_t wake, end;
    struct rest_sub *first;
    size_t n, slow; /* slow: busy ones that are */
    struct rest_sub_place *place;
    struct rest_sub_token *token; /* the newest first */
    size_t tokens;
    struct rest_sub_bind *bind;
    int64_t seen; /* rid up to which the store was looked at; the follower's */
    bool over;    /* there are some for which there was no place */
    bool ends, follows;
    pthread_t follower;
    struct rest_sub_worker worker[SUB_THREADS];
};

/* ---- rest_sub_job.c ---- */
bool rest_subs_on(const struct rest *r); /* are there to be any? */
/* For it, or one more: a place that the call takes. AM_E_TOOMANY: in all, or of who asks
 * (*his); AM_E_NOMEM. */
AM_CHECK int rest_sub_room(struct rest_call *c, struct str id, bool *his);
/* These under the lock. Is it in the list? By websocket, as far as is known? It is to
 * have a turn: somebody listens. */
bool rest_sub_known(const struct rest_subs *x, const char *id);
bool rest_sub_open(const struct rest_subs *x, const char *id);
void rest_sub_call(struct rest_subs *x, const char *id);

/* ---- rest_sub_keep.c ---- */
AM_CHECK int rest_sub_save(struct rest_subs *x, struct rest_sub *s);
/* AM_E_NOTFOUND: nothing is kept; what is of other numbers is AM_OK, `same` tells. */
AM_CHECK int rest_sub_load(struct rest_subs *x, struct rest_sub *s);
void rest_sub_forget(struct rest_subs *x, const struct rest_sub *s);

/* ---- rest_sub_run.c ---- */
/* One turn: reads it anew where it is stale, shakes hands, tells what is new. Sets
 * `deleted`, `fast`. */
enum rest_sub_next { SUB_AT_ONCE, SUB_ON_NEWS, SUB_AFTER_WAIT, SUB_NEVER };
enum rest_sub_next rest_sub_turn(struct rest_subs *x, struct rest_sub *s,
                                 struct http_client *http, bool stale, int64_t *wait_ms);
/* ---- rest_sub_match.c ---- */
/* Do the terminologies know what the criteria ask of them? AM_E_NOTFOUND, .. */
AM_CHECK int rest_sub_resolves(struct rest_call *c, const struct rest_sub_spec *spec);
/* Numbers what is new to `s`: up to spec->most events more, pending; s->then moves. */
AM_CHECK int rest_sub_gather(struct rest_call *c, struct rest_sub *s,
                             const struct rest_sub_spec *spec, bool *more);

/* ---- rest_sub_tell.c ---- */
enum rest_sub_kind { SUB_HANDSHAKE, SUB_EVENT, SUB_HEARTBEAT, SUB_QUERY, SUB_ASKED };
struct rest_sub_telling_of {
    const struct rest_sub *s;
    const struct rest_sub_spec *spec;
    enum rest_sub_kind kind;
    size_t from, n;         /* of s->event */
    struct rest_call *also; /* who has to see it besides who is told; NULL: nobody */
};
/* A notification; what is in it is put in the record (rest_seen). */
AM_CHECK int rest_sub_tell(struct rest_call *c, const struct rest_sub_telling_of *of,
                           struct buf *out);
/* How it stands, as an entry of a searchset. */
AM_CHECK int rest_sub_tell_status(struct rest_call *c, const struct rest_sub *s,
                                  const struct rest_sub_spec *spec, struct jw *entries);

/* ---- rest_sub_token.c ---- */
void rest_sub_address(const struct rest *r, char out[REST_PATH_MAX]); /* "wss://.../ws" */

/* ---- rest_sub_bind.c ---- */
/* Takes t. AM_E_TOOMANY: there are as many as there may be; t stays the caller's. */
AM_CHECK int rest_sub_token_new(struct rest_subs *x, struct rest_sub_token *t,
                                char text[SUB_TOKEN]);
struct http_ws_face rest_sub_face(struct rest_subs *x);
/* Copies of those bound to it, that had their handshake or not. */
AM_CHECK int rest_sub_bound(struct rest_subs *x, const char *id, bool fresh,
                            struct rest_sub_bind **out);
void rest_sub_bound_free(struct rest_sub_bind *list);
void rest_sub_greeted(struct rest_subs *x, const struct rest_sub_bind *copy);
bool rest_sub_listened(struct rest_subs *x, const char *id);
/* Under the lock. Sockets bound to it are closed; those of what is not there. */
void rest_sub_silence(struct rest_subs *x, const char *id, const char *why);
void rest_sub_lost(struct rest_subs *x);
void rest_sub_binds_free(struct rest_subs *x); /* after http_server_stop() */

/* ---- rest_sub_ws.c: of who has the turn ---- */
/* To all that are bound (a handshake: to those that had none). */
AM_CHECK int rest_sub_ws_tell(struct rest_subs *x, const struct rest_sub_telling_of *of);
/* Closes the sockets of who may no more. maker: the name sealed in the Subscription. */
AM_CHECK int rest_sub_ws_mind(struct rest_subs *x, const struct rest_sub *s,
                              struct str maker);

#endif
