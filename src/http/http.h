/* SPDX-License-Identifier: Apache-2.0 */
/* http -- a server on libmicrohttpd (POLL mode, never epoll with suspend: it stalls, see
 * stack.md section 3) and a client on libcurl.
 *
 * Life of a request: the library's thread reads it under limits, the header gate
 * (stack.md, section 2) refuses smuggling attempts with 400 and Connection: close, the
 * connection is suspended, a job thread runs the handler -- which may wait on the disk, a
 * model or a peer -- then the connection resumes and the reply goes out. A full job queue
 * answers 503 with Retry-After at once. A long reply is a stream: one piece in memory.
 *
 * The server refuses to listen beyond loopback without TLS unless behind_proxy is set.
 *
 * Memory:  everything of one request lives in its arena (req->arena); response bodies are
 *          a struct buf owned by the response. Where that arena wanted memory even once,
 *          the answer is 503 whatever the handler made of it.
 * Threads: the handler is called by many threads at once; a request and its response
 *          belong to one of them. */
#ifndef HTTP_H
#define HTTP_H

#include "base/arena.h"
#include "base/buf.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};

struct http_field {
    struct str name, value;
};
struct http_req {
    enum http_method method; /* HTTP_GET for HEAD too: the server drops the body */
    const char *method_name; /* as sent */
    struct str path;  /* percent-decoded, valid UTF-8, no NUL, no "." or ".." segments */
    struct str query; /* raw */
    struct str body;
    struct str peer; /* address without port; behind_proxy: the last X-Forwarded-For */
    bool secure;     /* TLS here, or X-Forwarded-Proto: https behind a proxy */
    struct http_field *header;
    size_t headers;
    struct arena *arena;
    uint64_t id;          /* per process, for logs */
    struct http_one *one; /* the server's; NULL in a request made by hand */
};
bool http_token_ok(struct str s); /* a token of RFC 9110, 5.6.2: names of headers */
/* Case-insensitive; STR_NULL when absent. */
struct str http_header(const struct http_req *r, const char *name);
/* Percent-decoded parameter of the query; STR_NULL when absent or malformed. */
struct str http_query(const struct http_req *r, const char *name);
/* The nth of several parameters of that name, from 0. */
struct str http_query_nth(const struct http_req *r, const char *name, size_t nth);
/* Field of an application/x-www-form-urlencoded body. */
struct str http_form(const struct http_req *r, const char *name);
/* The same, where a value that is lost for want of memory must not look like one that was
 * not sent: AM_E_NOTFOUND, AM_E_SYNTAX, AM_E_NOMEM. */
AM_CHECK int http_form_value(const struct http_req *r, const char *name, struct str *out);
/* Cookie value; STR_NULL when absent. */
struct str http_cookie(const struct http_req *r, const char *name);

/* A body too long to hold, made piece by piece on job threads: http_stream.c. */
struct http_stream {
    /* Appends the next piece, some ten kilobytes, to *out, which is the same each time
     * and which the server has emptied; nothing appended: that was all. An error before
     * the first byte is answered as the handler's own would be; a later one cuts the
     * connection, so that the peer knows. */
    int (*next)(void *cookie, struct buf *out);
    void (*end)(void *cookie); /* called once, however it ended */
    void *cookie;
};
struct http_resp {
    int status; /* 200 */
    struct buf body;
    struct http_stream stream; /* next NULL: body is all there is */
    struct http_field
        header[24]; /* names and values borrowed or in the request's arena */
    size_t headers;
};
/* Sets a header (Set-Cookie, Link and WWW-Authenticate: one more of it); copies into the
 * arena. Dropped with a warning: values with control bytes, and what the server says
 * itself (Content-Length, Transfer-Encoding, Connection, Date). Unless set, the server
 * adds X-Content-Type-Options: nosniff, Referrer-Policy: no-referrer, Cache-Control:
 * no-store. */
void http_set(struct http_req *r, struct http_resp *a, const char *name,
              struct str value);
void http_setz(struct http_req *r, struct http_resp *a, const char *name, const char *z);

/* The last thing a handler does: from here on the server ends the stream. */
void http_stream(struct http_resp *a, const struct http_stream *s);
/* For requests made by hand. _next: the next piece goes to a->body, which the caller
 * empties or not; *more false: there was none. _all: everything, then ends it. */
AM_CHECK int http_stream_next(struct http_resp *a, bool *more);
AM_CHECK int http_stream_all(struct http_resp *a);
void http_stream_end(struct http_resp *a);

/* Fills *a. A non-zero return is answered by on_error (with *a emptied and its status set
 * from the error table), or else as a bare status. It must bound its own waiting:
 * stopping the server waits for it. */
typedef int http_handler(void *cookie, struct http_req *r, struct http_resp *a);

/* Long polls. A handler that has nothing to say yet calls http_park() and, if it is true,
 * returns AM_OK: the connection stays suspended without a thread, and the handler runs
 * anew after http_announce(), or a last time (http_waited()) when wait_ms are over, the
 * peer has left or the server stops. When there is no place for it, the request is
 * answered 503 with Connection: close. False: it has waited already; answer now. */
bool http_park(struct http_req *r, unsigned wait_ms);
bool http_waited(const struct http_req *r);
/* Has the peer closed the connection? For handlers that are at it for long; may say no.
 */
bool http_gone(const struct http_req *r);

struct http_server;
/* News: every parked request is handled again. Any thread. */
void http_announce(struct http_server *s);
/* Sockets (http/http_ws.h); 0: what is in brackets. */
struct http_ws_limit {
    unsigned most, most_each;    /* in all (256), and of one address (32) */
    size_t queue_b, queue_all_b; /* bytes that wait for one that reads slowly (16 MiB),
                                    and for all of them (64 MiB): beyond that the one
                                    for which most waits goes */
    size_t queue_new_b;          /* for one without a use (64 KiB) */
    unsigned open_ms;            /* without a use (10,000) */
    unsigned ping_ms;  /* of silence before a ping, and again before the end (30,000) */
    unsigned slow_ms;  /* in which a peer takes nothing of what waits for it (30,000) */
    unsigned close_ms; /* for its close frame (2,000) */
};
struct http_config {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0"; port 0 picks a free one */
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain */
    bool behind_proxy;
    size_t body_max;    /* 0: 64 MiB */
    size_t header_max;  /* 0: 32 KiB */
    size_t replies_max; /* bytes of replies that wait for their readers, in all; then a
                           GET of over 64 KiB is answered 503; 0: 512 MiB */
    unsigned jobs;      /* threads; 0: 16 */
    unsigned queue_max; /* 0: 1024 */
    unsigned connections_max; /* 0: 2000; from 7/8 on a new one costs the idlest; sockets
                                 come on top */
    unsigned parked_max;      /* long polls; a quarter for one address; 0: 500 */
    unsigned idle_s;          /* 0: 30 */
    struct http_ws_limit sockets;
    http_handler *handler;
    /* Turns (error, request) into a response; may be NULL. */
    void (*on_error)(void *cookie, struct http_req *r, struct http_resp *a, int err);
    void *cookie;
};
/* AM_E_REFUSED: beyond loopback without TLS or behind_proxy; AM_E_CONFLICT: the port is
 * taken; AM_E_SYNTAX: listen; AM_E_CRYPTO: certificate or key. SIGPIPE is ignored from
 * here on, as from http_client_new(). */
AM_CHECK int http_server_start(struct http_server **out, const struct http_config *c);
unsigned http_server_port(const struct http_server *s);
/* Stops accepting, lets requests in flight finish up to drain_ms, then closes. */
void http_server_stop(struct http_server *s, unsigned drain_ms);
struct http_stats {
    uint64_t requests, bad_requests, rejected_busy, in_flight, bytes_in, bytes_out;
    uint64_t by_class[6];          /* replies by status / 100 */
    uint64_t crowded_out;          /* connections closed to make room */
    uint64_t parked, park_refused; /* long polls: now, and turned away */
    uint64_t sockets, sockets_refused, sockets_wait_b; /* bytes that wait in them */
};
void http_server_stats(const struct http_server *s, struct http_stats *out);

/* ---- client ---- */
struct http_call {
    enum http_method method;
    const char *url; /* http:// or https:// only; redirects are not followed */
    struct str body;
    const char *content_type;
    const char *bearer; /* token, or NULL */
    struct http_field header[8];
    size_t headers;
    unsigned timeout_ms;    /* 0: 10,000 */
    const char *ca_file;    /* NULL: the system's */
    unsigned tls_only;      /* 0: 1.2 or newer; 10..13: 1.0..1.3 alone, however weak its
                               ciphers: what a probe asks, never who sends a secret */
    bool public_only;       /* the URL is a stranger's: https alone, and a connection of
                               its own to an address of the public Internet, looked at
                               once the name is resolved; else AM_E_REFUSED */
    const char *unix_proxy; /* reserved, NULL */
};
struct http_reply {
    int status;
    struct buf body; /* caller sets its cap with buf_init before the call */
    char content_type[128];
    char etag[80], location[512];
};
struct http_client; /* keeps connections alive; one owner at a time */
AM_CHECK int http_client_new(struct http_client **out);
void http_client_free(struct http_client *c);
/* The call in progress ends at once, and every later one: AM_E_UNAVAILABLE. Any thread;
 * the owner still frees it. */
void http_client_cancel(struct http_client *c);
/* AM_OK whenever the peer answered, whatever the status. AM_E_UNAVAILABLE (no
 * connection), AM_E_TIMEOUT, AM_E_TOOBIG (body over its cap, 64 KiB of headers: its
 * status is in the reply all the same),
 * AM_E_CRYPTO (the peer's certificate is not to be trusted), AM_E_INVALID (the URL or a
 * header). A header value that does not fit its field of *reply is left empty. */
AM_CHECK int http_call(struct http_client *c, const struct http_call *call,
                       struct http_reply *reply);

#endif
