/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_ws_priv.h"

#include "crypto/crypto.h"
#include "crypto/sha1.h"

void http_ws_in_init(struct http_ws_in *in, size_t most)
{
    *in = (struct http_ws_in){.most = most};
    buf_init(&in->message, most);
    buf_init(&in->control, HTTP_WS_CONTROL);
}

void http_ws_in_release(struct http_ws_in *in)
{
    buf_release(&in->message);
    buf_release(&in->control);
}

static int ws_wrong(struct http_ws_in *in, enum http_ws_code code)
{
    in->wrong = code;
    return code == HTTP_WS_FAILED ? AM_E_NOMEM : AM_E_SYNTAX;
}

/* ---- the head: two bytes, a length of 0, 2 or 8 more, and the mask ---- */
static size_t ws_long(uint8_t second)
{
    unsigned n = second & 0x7F;
    return n == 127 ? 8 : n == 126 ? 2 : 0;
}

static bool ws_is_control(enum http_ws_op op)
{
    return op >= HTTP_WS_CLOSE;
}

/* What its first two bytes say. */
static int ws_begin(struct http_ws_in *in)
{
    const enum http_ws_op op = (enum http_ws_op)(in->head[0] & 0x0F);
    const bool last = in->head[0] & 0x80;
    if (in->head[0] & 0x70) /* no extension was agreed on */
        return ws_wrong(in, HTTP_WS_PROTOCOL);
    if (!(in->head[1] & 0x80)) /* a client masks, section 5.1 */
        return ws_wrong(in, HTTP_WS_PROTOCOL);
    switch (op) {
    case HTTP_WS_MORE:
        return in->pieces ? AM_OK : ws_wrong(in, HTTP_WS_PROTOCOL);
    case HTTP_WS_TEXT:
    case HTTP_WS_BINARY:
        return in->pieces ? ws_wrong(in, HTTP_WS_PROTOCOL) : AM_OK;
    case HTTP_WS_CLOSE:
    case HTTP_WS_PING:
    case HTTP_WS_PONG:
        return last && (in->head[1] & 0x7F) <= HTTP_WS_CONTROL
                   ? AM_OK
                   : ws_wrong(in, HTTP_WS_PROTOCOL);
    }
    return ws_wrong(in, HTTP_WS_PROTOCOL);
}

/* The head is whole. */
static int ws_headed(struct http_ws_in *in)
{
    const enum http_ws_op op = (enum http_ws_op)(in->head[0] & 0x0F);
    const size_t more = ws_long(in->head[1]);
    uint64_t n = 0;
    for (size_t i = 0; i < more; i++)
        n = n << 8 | in->head[2 + i];
    if (!more)
        n = in->head[1] & 0x7F;
    if ((more == 2 && n < 126) || (more == 8 && (n <= UINT16_MAX || n >> 63)))
        return ws_wrong(in, HTTP_WS_PROTOCOL);
    in->left = n;
    in->at = 0;
    if (ws_is_control(op))
        return AM_OK;
    if (n > in->most - in->message.n || in->pieces == HTTP_WS_PIECES)
        return ws_wrong(in, HTTP_WS_TOOBIG);
    if (op != HTTP_WS_MORE)
        in->op = op;
    in->pieces++;
    return AM_OK;
}

static size_t ws_head_size(const struct http_ws_in *in)
{
    return in->head_n < 2 ? 2 : 2 + ws_long(in->head[1]) + 4;
}

/* ---- the payload ---- */
static int ws_payload(struct http_ws_in *in, struct buf *to, struct str *bytes)
{
    const uint8_t *mask = in->head + ws_head_size(in) - 4;
    size_t n = (size_t)AM_MIN(in->left, (uint64_t)bytes->n);
    if (buf_reserve(to, n))
        return ws_wrong(in, HTTP_WS_FAILED);
    for (size_t i = 0; i < n; i++)
        if (buf_addc(to, (char)((uint8_t)bytes->p[i] ^ mask[in->at++ % 4])))
            return ws_wrong(in, HTTP_WS_FAILED);
    in->left -= n;
    *bytes = str_sub(*bytes, n, bytes->n);
    return AM_OK;
}

/* A text may end only where a character does; before that, only its last few bytes may be
 * of one that is not whole. */
static bool ws_text_ok(struct str s, bool whole)
{
    size_t bad = str_utf8_bad(s);
    if (bad == s.n)
        return true;
    if (whole || s.n - bad > 3)
        return false;
    for (size_t i = bad + 1; i < s.n; i++)
        if (((uint8_t)s.p[i] & 0xC0) != 0x80)
            return false;
    return (uint8_t)s.p[bad] >= 0xC2 && (uint8_t)s.p[bad] <= 0xF4;
}

/* A frame is whole. */
static int ws_end(struct http_ws_in *in, http_ws_got *fn, void *arg, bool *go_on)
{
    const enum http_ws_op op = (enum http_ws_op)(in->head[0] & 0x0F);
    const bool last = in->head[0] & 0x80;
    in->head_n = 0;
    if (ws_is_control(op)) {
        *go_on = fn(arg, op, buf_str(&in->control));
        buf_clear(&in->control);
        return AM_OK;
    }
    if (in->op == HTTP_WS_TEXT && !ws_text_ok(buf_str(&in->message), last))
        return ws_wrong(in, HTTP_WS_NOT_UTF8);
    if (!last)
        return AM_OK;
    in->pieces = 0;
    *go_on = fn(arg, in->op, buf_str(&in->message));
    buf_clear(&in->message);
    return AM_OK;
}

/* As far as the bytes go, up to the end of one frame. */
static int ws_frame(struct http_ws_in *in, struct str *bytes, http_ws_got *fn, void *arg,
                    bool *go_on)
{
    bool control;
    int err = AM_OK;
    while (in->head_n < ws_head_size(in) && bytes->n && !err) {
        in->head[in->head_n++] = (uint8_t)bytes->p[0];
        *bytes = str_sub(*bytes, 1, bytes->n);
        if (in->head_n == 2)
            err = ws_begin(in);
        if (!err && in->head_n > 2 && in->head_n == ws_head_size(in))
            err = ws_headed(in);
    }
    if (err || in->head_n < ws_head_size(in))
        return err;
    control = ws_is_control((enum http_ws_op)(in->head[0] & 0x0F));
    err = ws_payload(in, control ? &in->control : &in->message, bytes);
    return err || in->left ? err : ws_end(in, fn, arg, go_on);
}

int http_ws_feed(struct http_ws_in *in, struct str bytes, http_ws_got *fn, void *arg)
{
    bool go_on = true;
    int err = in->wrong ? ws_wrong(in, in->wrong) : AM_OK;
    while (bytes.n && !err && go_on)
        err = ws_frame(in, &bytes, fn, arg, &go_on);
    return err;
}

/* ---- close frames ---- */
/* Section 7.4: those that are defined to be sent, and those of libraries and
 * applications. */
static bool ws_code_ok(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
            code != 1006) ||
           (code >= 3000 && code <= 4999);
}

int http_ws_close_code(struct str payload, unsigned *code)
{
    *code = HTTP_WS_NONE;
    if (!payload.n)
        return AM_OK;
    if (payload.n < 2)
        return AM_E_SYNTAX;
    *code = (unsigned)((uint8_t)payload.p[0] << 8 | (uint8_t)payload.p[1]);
    return ws_code_ok(*code) && str_utf8(str_sub(payload, 2, payload.n)) ? AM_OK
                                                                         : AM_E_SYNTAX;
}

/* ---- what the server sends ---- */
size_t http_ws_head(enum http_ws_op op, uint64_t n, uint8_t out[HTTP_WS_HEAD])
{
    const size_t more = n > UINT16_MAX ? 8 : n >= 126 ? 2 : 0;
    out[0] = (uint8_t)(0x80 | op);
    out[1] = (uint8_t)(more == 8 ? 127 : more == 2 ? 126 : n);
    for (size_t i = 0; i < more; i++)
        out[2 + i] = (uint8_t)(n >> (8 * (more - 1 - i)));
    return 2 + more;
}

/* Section 4.2.2: SHA-1 of the key as sent and of a constant. It proves that the server
 * read a WebSocket request, and protects nothing. */
int http_ws_accept(struct str key, char out[HTTP_WS_ACCEPT])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t sum[CRYPTO_SHA1];
    char both[24 + sizeof guid];
    struct buf b;
    int err;
    if (key.n != 24)
        return AM_E_SYNTAX;
    buf_init(&b, 64);
    err = crypto_unbase64(&b, key);
    if (!err && b.n != 16)
        err = AM_E_SYNTAX;
    snprintf(both, sizeof both, "%.*s%s", STR_FMT(key), guid);
    buf_clear(&b);
    if (!err)
        err = crypto_sha1(str_c(both), sum);
    if (!err)
        err = crypto_base64(&b, (struct str){(const char *)sum, sizeof sum});
    if (!err)
        snprintf(out, HTTP_WS_ACCEPT, "%s", b.p);
    buf_release(&b);
    return err == AM_E_NOMEM || !err ? err : AM_E_SYNTAX;
}
