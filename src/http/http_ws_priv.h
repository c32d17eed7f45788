/* SPDX-License-Identifier: Apache-2.0 */
/* http_ws_priv -- private to http: frames of the WebSocket protocol (RFC 6455, section
 * 5): bytes of a client in, whole messages out, and the head of a frame of the server
 * (http_ws_frame.c). No I/O: the socket is http_ws.c's.
 *
 * Invariants
 *   W1  what a message is does not depend on how its bytes come in pieces;
 *   W2  a frame that is not masked, has a reserved bit or opcode, a length that is not
 *       the shortest, a control frame in pieces or of more than 125 bytes, a text that is
 *       not UTF-8, a continuation of nothing: the reader ends with the close code of
 *       section 7.4.1, and takes nothing after it;
 *   W3  no more than `most` bytes and HTTP_WS_PIECES frames are held of one message, and
 *       a length is refused when it is announced, before its bytes come. */
#ifndef HTTP_WS_PRIV_H
#define HTTP_WS_PRIV_H

#include "base/buf.h"

enum http_ws_op {
    HTTP_WS_MORE = 0,
    HTTP_WS_TEXT = 1,
    HTTP_WS_BINARY = 2,
    HTTP_WS_CLOSE = 8,
    HTTP_WS_PING = 9,
    HTTP_WS_PONG = 10
};
enum http_ws_code { /* of a close frame; section 7.4.1 and the registry of IANA */
                    HTTP_WS_NORMAL = 1000,
                    HTTP_WS_AWAY = 1001,
                    HTTP_WS_PROTOCOL = 1002,
                    HTTP_WS_KIND = 1003,
                    HTTP_WS_NONE = 1005, /* never sent: a close frame without a code */
                    HTTP_WS_NOT_UTF8 = 1007,
                    HTTP_WS_POLICY = 1008,
                    HTTP_WS_TOOBIG = 1009,
                    HTTP_WS_FAILED = 1011,
                    HTTP_WS_LATER = 1013
};
enum {
    HTTP_WS_CONTROL = 125, /* bytes of a control frame's payload */
    HTTP_WS_PIECES = 64,   /* frames of one message */
    HTTP_WS_HEAD = 10      /* bytes of the head of a frame of the server, at most */
};

struct http_ws_in {
    size_t most;        /* bytes of a message */
    uint8_t head[14];   /* of the frame being read */
    size_t head_n;      /* bytes of it that came */
    uint64_t left;      /* of its payload, still to come */
    size_t at;          /* of its payload, that came */
    size_t pieces;      /* frames of the message begun; 0: none */
    enum http_ws_op op; /* of that message */
    struct buf message, control;
    enum http_ws_code wrong; /* 0: none yet */
};
/* A whole message, or a control frame; data is borrowed for the time of the call. False:
 * enough, the rest is not read. */
typedef bool http_ws_got(void *arg, enum http_ws_op op, struct str data);

void http_ws_in_init(struct http_ws_in *in, size_t most);
void http_ws_in_release(struct http_ws_in *in);
/* AM_E_SYNTAX: in->wrong is set; AM_E_NOMEM sets it too (HTTP_WS_FAILED). */
AM_CHECK int http_ws_feed(struct http_ws_in *in, struct str bytes, http_ws_got *fn,
                          void *arg);
/* The code of a close frame's payload, HTTP_WS_NONE where it is empty. AM_E_SYNTAX: one
 * byte, a code that may not be sent, or a reason that is not UTF-8. */
AM_CHECK int http_ws_close_code(struct str payload, unsigned *code);
/* The head of an unmasked frame that is a whole message; its length. */
size_t http_ws_head(enum http_ws_op op, uint64_t n, uint8_t out[HTTP_WS_HEAD]);

/* Sec-WebSocket-Accept for a client's key. AM_E_SYNTAX: the key is not 16 bytes in
 * base64. */
enum { HTTP_WS_ACCEPT = 29 }; /* bytes, the NUL included */
AM_CHECK int http_ws_accept(struct str key, char out[HTTP_WS_ACCEPT]);

#endif
