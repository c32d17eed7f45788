/* SPDX-License-Identifier: Apache-2.0 */
/* http_ws -- sockets of the WebSocket protocol (RFC 6455) on the server of http.h: a
 * handler answers a request by http_ws_upgrade(), and from then on the socket belongs to
 * one thread of the server that polls all of them. No socket takes a job thread.
 *
 * Invariants
 *   K1  sockets are bounded: in all, for one peer, in time until they are bound to
 *       something (http_ws_bound()), in silence (a ping that is not answered), in the
 *       bytes that wait for a peer that reads slowly (few until it is bound), and in
 *       those of all together: who takes nothing cannot cost those who read theirs;
 *   K2  what a peer sends that RFC 6455 forbids ends the socket with the code it says;
 *   K3  `end` is called once for each socket that was opened, and nothing after it;
 *   K4  when http_server_stop() returns every socket was told 1001 and is closed.
 *
 * Memory:  a socket lives until the last http_ws_drop(); what waits in it goes when it is
 *          over. Threads: `text` and `end` are called by the thread of the sockets, and
 *          must not wait; the others from any thread, with any lock held that `text` and
 *          `end` of the caller may wait for. The face has to live until
 *          http_server_stop(). */
#ifndef HTTP_WS_H
#define HTTP_WS_H

#include "http/http.h"

struct http_ws;
struct http_ws_face {
    /* A whole text message of at most HTTP_WS_MESSAGE bytes, UTF-8. Binary ones end the
     * socket (1003). */
    void (*text)(void *cookie, struct http_ws *w, struct str s);
    void (*end)(void *cookie, struct http_ws *w);
    void *cookie;
};
enum { HTTP_WS_MESSAGE = 16 << 10, HTTP_WS_REASON = 123 /* bytes */ };

/* The last thing a handler does: AM_OK with *a filled, 101, or 400 or 426 where it was no
 * such request, or 503 where there is no place. AM_E_NOMEM. */
AM_CHECK int http_ws_upgrade(struct http_req *r, struct http_resp *a,
                             const struct http_ws_face *f);
void http_ws_hold(struct http_ws *w);
void http_ws_drop(struct http_ws *w); /* NULL is fine */
/* It has a use: it is not closed for having none, and more may wait for it. */
void http_ws_bound(struct http_ws *w);
/* What it said was in vain: how often so far, since it was last bound; 1, 2, .. */
unsigned http_ws_vain(struct http_ws *w);
/* A text message, UTF-8; it is queued. AM_E_UNAVAILABLE: the socket is over or closes;
 * AM_E_TOOBIG: its peer reads too slowly, it is closed (1013); AM_E_NOMEM: nothing is
 * queued. Where too much waits in all sockets together, the one for which most waits is
 * closed (1013): this one only where that is it. */
AM_CHECK int http_ws_send(struct http_ws *w, struct str text);
/* Says why and closes. What waits in it is sent before only where code is 1000 or 1001;
 * later calls change nothing. reason: up to HTTP_WS_REASON bytes of UTF-8. */
void http_ws_close(struct http_ws *w, unsigned code, const char *reason);

#endif
