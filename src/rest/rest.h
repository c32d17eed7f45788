/* SPDX-License-Identifier: Apache-2.0 */
/* rest -- the FHIR R4 REST interface of a store (eds): what a request means, and what is
 * answered, without sockets. rest_http() is the way in from a server.
 *
 * All interactions are one table (rest_tbl.h): dispatch, 405 with Allow, the
 * CapabilityStatement and the tests that walk it.
 *
 * Invariants
 *   I1  what is asked is understood whole or refused: an unknown search parameter, or any
 *       parameter an interaction does not read, is 400 with its name, unless the request
 *       says Prefer: handling=lenient, and then it does not stand in link.self;
 *   I2  conditions (If-Match, If-None-Exist, Type?query of update, patch and delete) hold
 *       in the writer at the moment of writing: of parallel conditional creates one
 *       creates;
 *   I3  a transaction is there whole or not at all; a resource that is not valid R4 is
 *       never stored;
 *   I4  what went wrong is an OperationOutcome in the reader's language; a client's
 *       mistake is never 5xx;
 *   I5  no answer leaves unaudited: `audit` is called before anything is written and
 *       before anything is told; where it fails, the request fails;
 *   I6  nothing is done or told that the guard refuses: it is asked of each interaction,
 *       entries of Bundles included, of each resource that would be told, found or
 *       followed, and of each that would be written, as it is and as it becomes.
 *
 * Memory:  a request has an arena and buffers of its own, all bounded by the limits.
 * Threads: rest_serve() from any number; the callbacks must bear it. `see` is called
 *          inside a view and inside the writer: it asks eds through that view only, and
 *          runs no search in it. */
#ifndef REST_H
#define REST_H

#include "eds/eds.h"
#include "eds/search.h"
#include "fhir/term.h"
#include "fhir/valid.h"
#include "http/http.h"

enum rest_method {
    REST_GET, /* HEAD too: who sends leaves the body out */
    REST_POST,
    REST_PUT,
    REST_PATCH,
    REST_DELETE,
    REST_OTHER
};
#define REST_HEADER_MAP(X)                                                               \
    X(ACCEPT, "Accept")                                                                  \
    X(LANGUAGE, "Accept-Language")                                                       \
    X(CONTENT_TYPE, "Content-Type")                                                      \
    X(IF_MATCH, "If-Match")                                                              \
    X(IF_NONE_MATCH, "If-None-Match")                                                    \
    X(IF_MODIFIED_SINCE, "If-Modified-Since")                                            \
    X(IF_NONE_EXIST, "If-None-Exist")                                                    \
    X(PREFER, "Prefer")
enum rest_header {
#define X(name, text) REST_H_##name,
    REST_HEADER_MAP(X)
#undef X
        REST_HEADERS
};

struct rest_request { /* all borrowed */
    enum rest_method method;
    struct str path;  /* below the base, decoded: "/Patient/1"; empty is "/" */
    struct str query; /* raw, without '?' */
    struct str body;
    struct str header[REST_HEADERS]; /* STR_NULL: not there */
    void *who;                       /* passed to audit */
};
enum { REST_LOCATION = 512 };
struct rest_answer {
    int status;
    const char *type; /* of the body; static */
    struct buf body;
    char etag[40], modified[40], location[REST_LOCATION], allow[64];
    char progress[80], expires[40]; /* of an export */
    int retry_s;                    /* 0: not said */
    int64_t at;                     /* of `modified`; 0: not said */
    bool vary;                      /* Accept and Accept-Language were looked at */
    const char *language;
};
void rest_answer_init(struct rest_answer *a);
void rest_answer_release(struct rest_answer *a);

enum rest_moment {
    REST_BEFORE, /* of what writes: nothing is done yet */
    REST_AFTER   /* of everything: done, and not told yet */
};
struct rest_access {
    enum rest_moment moment;
    const char *interaction;     /* FHIR's word: "read", "search-type"... */
    struct str type, id;         /* as far as the request names them */
    struct str other;            /* type searched for in a compartment of type/id */
    bool part;                   /* of a Bundle: its answer leaves with the Bundle's */
    bool joint;                  /* of a transaction: asked before any is done */
    struct str query;            /* as sent */
    int status;                  /* AFTER */
    const struct eds_name *seen; /* AFTER: resources written, or told */
    size_t n_seen;
    void *who;
};
/* Not AM_OK: the request fails with it; AFTER something was written: AM_E_UNSURE. */
typedef int rest_audit_fn(void *arg, const struct rest_access *a);

/* Who may what. Each member may be NULL: all is allowed. */
enum rest_change { REST_NO_CHANGE, REST_UPDATES, REST_DELETES };
struct rest_look { /* a version that would be told, found, followed or changed */
    void *who;
    struct eds_view *view;
    int64_t rid;
    struct str type, id; /* empty: eds_fetch(view, rid) tells, it is current */
    int64_t ver;
    struct str body;         /* empty: as above, or `gone` */
    bool gone;               /* the version is the deletion */
    enum rest_change change; /* what is about to be done to it */
};
struct rest_fit { /* what would be stored */
    void *who;
    /* Of a transaction's POST the id is new. `judged` binds the write to the version that
     * was looked at: the guard binds it too, AM_E_CONFLICT where it saw another. */
    struct eds_ask *ask;
    const struct json *group; /* the transaction's Bundle as it came; NULL: by itself */
    struct str full_url;      /* of its entry; empty: none */
};
struct rest_guard {
    /* The interaction as a whole; also for each entry of a Bundle. AM_E_FORBIDDEN. */
    int (*may)(void *arg, const struct rest_access *a);
    int (*see)(void *arg, const struct rest_look *l, bool *yes);
    /* AM_E_FORBIDDEN, or AM_E_INVALID with problems in d. Not in a view: it may ask eds.
     */
    int (*fit)(void *arg, const struct rest_fit *f, struct diag *d);
    /* $export goes on when its request is over. keep: a name for who asked and by which
     * login (512 bytes at most, kept on disk, sealed). again: who that is, looked up when
     * it begins, every second, and when something of it is fetched: an error
     * (AM_E_UNAUTHORIZED: that login was taken away) ends the export, and its files go.
     * his: is who asks now the one who asked? Where `see` is set and one of these is not,
     * there is no $export. Called from its thread; his also under its lock. */
    int (*keep)(void *arg, void *who, struct buf *name);
    int (*again)(void *arg, struct str name, void **who);
    void (*drop)(void *arg, void *who); /* of again() */
    bool (*his)(void *arg, struct str name, void *who);
    /* A Subscription outlives the login it was made by. stand: a name for who made it and
     * for what he was given then (REST_STAND bytes at most), which again() looks up as
     * well: what he may now, and no more than he might then. AM_E_FORBIDDEN: not for
     * him. Where `see` is set and this is not, there are no Subscriptions. */
    int (*stand)(void *arg, void *who, struct buf *name);
    /* May who again() found read and search that type still? If not, his Subscription to
     * it ends. NULL: yes. */
    bool (*told)(void *arg, void *who, struct str type);
    void *arg;
};

enum { REST_STAND = 8192 };
/* Subscriptions (FHIR R4, and the Subscriptions R5 Backport 1.1), delivered by
 * rest-hook or by websocket. */
struct rest_sub_config {
    const char *dir;   /* where their positions are kept, sealed; NULL: there are none */
    const char *allow; /* "https://inner.chu.ma http://127.0.0.1:8000": addresses that may
                          be told though they are not of the public Internet, or not
                          https; a blank between two; NULL: none */
    const char *ca_file; /* of those addresses; NULL: the system's authorities */
    unsigned wait_ms;    /* after a failure, doubled each time; 0: 1,000 */
    unsigned give_up_s;  /* of nothing but failures: status error; 0: a day */
    unsigned saved;      /* versions passed by without an event before the position is
                            written; 0: 5,000 */
    unsigned most;       /* Subscriptions, those that are off included; 0: 1,000 */
    unsigned most_each;  /* of one service; 0: 100 */
    unsigned token_s;    /* life of a token for a websocket; 0: 60 */
};

enum { REST_FORMER = 4096 }; /* bytes of `former`, its NUL included */
struct rest_config {         /* its texts are copied */
    struct eds *eds;         /* open for writing, rows by eds_rows_fhir(); borrowed */
    const struct fhir_valid *valid; /* borrowed; NULL: invariants that need FHIRPath are
                                       not looked at */
    const struct fhir_tx *terms;    /* terminologies, ready; borrowed; NULL: those of the
                                       store alone */
    const char *base;               /* "http://host/fhir", no slash at the end */
    const char *former;             /* such addresses of before, a blank between two: what
                                       refers below them means us; NULL: none */
    struct rest_guard guard;        /* what is not seen is not changed either */
    rest_audit_fn *audit;           /* NULL: none */
    void *audit_arg;
    const char *export_dir; /* where $export keeps its files, sealed; NULL: no $export */
    struct rest_sub_config sub;
    bool open;       /* nobody logs in: the CapabilityStatement says so */
    size_t body_max; /* 0: 64 MiB */
    size_t entries;  /* of a batch or transaction; 0: EDS_GROUP_MAX */
    size_t told_max; /* bytes of an answer; 0: 64 MiB */
    int64_t view_ms; /* longest run of a view; 0: a minute */
};
struct rest;
AM_CHECK int rest_new(struct rest **out, const struct rest_config *c);
void rest_free(struct rest *r);

/* Always answers: an error is an answer too. Whatever the outcome, *a is to be released.
 */
void rest_serve(struct rest *r, const struct rest_request *q, struct rest_answer *a);

/* The same for a server's request whose path begins with `mount` ("/fhir"); who: passed
 * to the callbacks. */
int rest_http(struct rest *r, const char *mount, void *who, struct http_req *q,
              struct http_resp *a);
/* An error as an OperationOutcome, before there is anybody to serve; code: of the
 * catalogue ("rest.login"), detail may be NULL. */
int rest_http_refuse(const char *mount, int err, const char *code, const char *detail,
                     struct http_req *q, struct http_resp *a);
/* A resource (JSON) that somebody else made, in the form and language asked for. */
int rest_http_tell(const char *mount, struct str resource, struct http_req *q,
                   struct http_resp *a);
/* The "Type/id..." that a reference names below base or one of the former addresses
 * (apart by blanks; scheme and host in any case); any other text as it is. */
struct str rest_below(struct str base, struct str former, struct str s);
/* Is it the request for a websocket, GET mount/ws, and answered? It needs no login: who
 * binds to a Subscription shows a token. The interface has to live until
 * http_server_stop(). */
bool rest_http_socket(struct rest *r, const char *mount, struct http_req *q,
                      struct http_resp *a, int *err);
/* Is the request one for rest_http()? */
bool rest_mounted(const char *mount, struct str path);

#endif
