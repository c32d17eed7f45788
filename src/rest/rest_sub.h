/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: Subscriptions of FHIR R4, also in the form of the Subscriptions R5
 * Backport IG 1.1, delivered by rest-hook. Decisions: ADR 32.
 *
 * A Subscription is a resource of the store like any other. What is written of one
 * (rest_sub_write) has status `requested` or `off`; its headers, with the name of who
 * wrote it, are sealed in an extension. From then on only the server sets status: each
 * change is a version of the resource.
 *
 *   requested  a handshake is sent; answered 2xx: active
 *   active     each version that matches is an event
 *   error      nothing but failures for a day, or who asked may no more: `error` says why
 *   off        nothing is done; also once its `end` has come
 *
 * Invariants
 *   S1  events are numbered from 1, in the order of rid; a number names one version for
 *       ever: numbers are on the disk before they are told;
 *   S2  an event is told again until the endpoint answered 2xx, and none after it before;
 *       the position is on the disk then: at least once, in order;
 *   S3  each time, what is told is what who asked may see at that moment: an event he may
 *       not see any more keeps its number, and names nothing;
 *   S4  an endpoint that is slow or fails takes no more than half of the threads.
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
#include "rest/rest_priv.h"

enum {
    SUB_MOST = 1000,   /* Subscriptions, those that are off included */
    SUB_THREADS = 8,   /* half of them at most for who is slow */
    SUB_LOOK_MS = 100, /* between two looks at the store */
    SUB_KEPT = 256,    /* events that $events can still tell */
    SUB_EVENTS = 20,   /* of a notification, without backport-max-count */
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
    SUB_SAVED = 5000,  /* versions passed by without an event, not on the disk */
    SUB_SLOW_MS = 1000 /* a delivery that took longer: slow */
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
    bool busy;
    bool stale;     /* its resource has changed */
    bool news;      /* the store has grown since its turn began */
    bool slow;      /* its last delivery was, or failed, or it has had none */
    bool waits;     /* after a failure, or for ever: news do not matter */
    int64_t due_at; /* monotonic */
    /* of who set busy */
    bool loaded, fast, deleted;
    enum rest_sub_status status;
    int64_t ver;
    char *text; /* the resource */
    size_t text_n;
    int64_t wait_ms, failing_at, told_at; /* monotonic; 0: not failing */
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
    size_t n, slow;      /* slow: busy ones that are */
    size_t taken, ended; /* places taken by calls; of those that are over, too */
    int64_t seen;        /* rid up to which the store was looked at; the follower's */
    bool over;           /* there are some for which there was no place */
    bool ends, follows;
    pthread_t follower;
    struct rest_sub_worker worker[SUB_THREADS];
};

/* ---- rest_sub_job.c ---- */
bool rest_subs_on(const struct rest *r); /* are there to be any? */
/* For it, or one more: a place that the call takes. */
bool rest_sub_room(struct rest_call *c, struct str id);

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
/* A notification of `n` of s->event, from the `from`th on. What is in it is put in the
 * record (rest_seen). */
AM_CHECK int rest_sub_tell(struct rest_call *c, const struct rest_sub *s,
                           const struct rest_sub_spec *spec, enum rest_sub_kind kind,
                           size_t from, size_t n, struct buf *out);

#endif
