/* SPDX-License-Identifier: Apache-2.0 */
/* http_priv -- parsing without any I/O (http_parse.c), shared with the server, the tests
 * and the fuzzer. */
#ifndef HTTP_PRIV_H
#define HTTP_PRIV_H

#include <sys/socket.h>

#include "http/http.h"

enum http_method http_method_of(const char *name);

/* The header gate of stack.md, section 2: AM_OK, or AM_E_SYNTAX with *why for the log. */
AM_CHECK int http_gate(const struct http_field *f, size_t n, bool http_1_1,
                       const char **why);
bool http_value_ok(struct str value); /* no control byte but TAB */

/* "/a/b%20c" to its decoded form. AM_E_SYNTAX: does not start with a slash, a byte that
 * must be escaped, a broken escape, NUL or another control byte, an escaped slash or
 * backslash (they would change what a segment is), a "." or ".." segment, not UTF-8. */
AM_CHECK int http_path_decode(struct arena *a, struct str raw, struct str *out);
/* Percent-decoding of one form or query component, '+' meaning a blank; UTF-8, no NUL. */
AM_CHECK int http_component(struct arena *a, struct str raw, struct str *out);
/* The nth (from 0) parameter called name in "a=1&b=2"; AM_E_NOTFOUND. */
AM_CHECK int http_param(struct arena *a, struct str list, const char *name, size_t nth,
                        struct str *out);
/* Value in one Cookie header, without the quotes around it; STR_NULL. */
struct str http_cookie_in(struct str header, const char *name);
/* Last element of a comma-separated list, trimmed. */
struct str http_last(struct str list);
/* "1.2.3.4", "[::1]:80", "1.2.3.4:80", "::1" to the bare address; false when it is none.
 */
bool http_address_ok(struct str s, struct str *out);
/* Is it on the public Internet: not private, loopback, link-local, reserved, nor IPv6
 * that wraps IPv4? (http_public.c) */
bool http_address_public(const struct sockaddr *a);
/* "127.0.0.1:8080", "[::1]:0", "localhost:80". */
AM_CHECK int http_listen_parse(const char *s, struct sockaddr_storage *out, socklen_t *n,
                               bool *loopback);

#endif
