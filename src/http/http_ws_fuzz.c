/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_ws_priv.h"

/* Any bytes as a client's: what is heard is within its bounds, and the same byte by byte
 * as at once. */
enum { MOST = 300 };
struct heard {
    uint64_t sum;
    size_t n;
};

static bool hear(void *arg, enum http_ws_op op, struct str data)
{
    struct heard *h = arg;
    unsigned code;
    am_assert(op == HTTP_WS_TEXT || op == HTTP_WS_BINARY || op >= HTTP_WS_CLOSE);
    am_assert(data.n <= (op >= HTTP_WS_CLOSE ? (size_t)HTTP_WS_CONTROL : MOST));
    am_assert(op != HTTP_WS_TEXT || str_utf8(data));
    if (op == HTTP_WS_CLOSE && !http_ws_close_code(data, &code))
        am_assert(code >= 1000 && code <= 4999);
    h->sum = h->sum * 31 + str_hash(data) + op;
    h->n++;
    return op != HTTP_WS_CLOSE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size};
    struct heard at_once = {0}, by_byte = {0};
    struct http_ws_in a, b;
    char accept[HTTP_WS_ACCEPT];
    int err = AM_OK;
    http_ws_in_init(&a, MOST);
    http_ws_in_init(&b, MOST);
    (void)!http_ws_feed(&a, all, hear, &at_once);
    for (size_t i = 0; i < size && !err; i++) {
        size_t n = by_byte.n;
        err = http_ws_feed(&b, str_sub(all, i, i + 1), hear, &by_byte);
        if (by_byte.n > n && by_byte.n == at_once.n)
            break; /* a close frame was the last that counts, or there was no more */
    }
    am_assert(at_once.n == by_byte.n && at_once.sum == by_byte.sum);
    am_assert(a.message.n <= MOST && b.message.n <= MOST);
    if (!http_ws_accept(str_sub(all, 0, 24), accept))
        am_assert(strlen(accept) == HTTP_WS_ACCEPT - 1);
    http_ws_in_release(&a);
    http_ws_in_release(&b);
    return 0;
}
