/* SPDX-License-Identifier: Apache-2.0 */
/* base -- the vocabulary every module speaks: errors, strings, checked allocation.
 *
 * Three kinds of failure, three treatments (house-style.md, section 4):
 *   1. a broken promise between programmers  -> am_assert(), aborts, in every build;
 *   2. a system failure                      -> a negative enum am_err, logged once where
 *                                               it is first detected;
 *   3. the user's data is wrong              -> collected in a struct diag (base/diag.h),
 *                                               and the call returns AM_E_INVALID.
 *
 * Memory:  am_calloc() and friends are malloc with a switch that makes the nth call fail,
 *          so that tests can walk every allocation-failure path.
 * Threads: everything here is reentrant, except am_oom_at(), for single-threaded tests.
 */
#ifndef AM_BASE_H
#define AM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* The one table of failures: name, HTTP status, exit code, catalogue key of its text.
 * Exit codes: 1 negative answer, 2 usage, 3 failure. */
#define AM_ERR_MAP(X)                                                                    \
    X(NOMEM, 503, 3, "err.nomem", "out of memory")                                       \
    X(INVALID, 422, 1, "err.invalid", "invalid input")                                   \
    X(SYNTAX, 400, 1, "err.syntax", "malformed input")                                   \
    X(NOTFOUND, 404, 1, "err.notfound", "not found")                                     \
    X(EXISTS, 409, 1, "err.exists", "already exists")                                    \
    X(CONFLICT, 409, 1, "err.conflict", "conflict with the current state")               \
    X(PRECONDITION, 412, 1, "err.precondition", "precondition failed")                   \
    X(UNAUTHORIZED, 401, 1, "err.unauthorized", "authentication required")               \
    X(FORBIDDEN, 403, 1, "err.forbidden", "not allowed")                                 \
    X(TOOBIG, 413, 1, "err.toobig", "too large")                                         \
    X(TOOMANY, 429, 1, "err.toomany", "too many requests")                               \
    X(UNSUPPORTED, 415, 1, "err.unsupported", "unsupported format")                      \
    X(METHOD, 405, 1, "err.method", "method not allowed")                                \
    X(TAMPERED, 500, 1, "err.tampered", "integrity check failed")                        \
    X(REFUSED, 422, 1, "err.refused", "refused")                                         \
    X(TIMEOUT, 504, 3, "err.timeout", "timed out")                                       \
    X(UNAVAILABLE, 503, 3, "err.unavailable", "temporarily unavailable")                 \
    X(NOSPACE, 507, 3, "err.nospace", "no space left")                                   \
    X(IO, 500, 3, "err.io", "input/output error")                                        \
    X(CRYPTO, 500, 3, "err.crypto", "cryptographic failure")                             \
    X(USAGE, 400, 2, "err.usage", "wrong usage")                                         \
    X(INTERNAL, 500, 3, "err.internal", "internal error")                                \
    X(UNSURE, 503, 3, "err.unsure", "sent, but whether it was done is not known")

enum am_err_index {
    AM_I_OK = 0,
#define X(name, http, exit, key, text) AM_I_##name,
    AM_ERR_MAP(X)
#undef X
        AM_I_COUNT
};
enum am_err {
    AM_OK = 0,
#define X(name, http, exit, key, text) AM_E_##name = -(int)AM_I_##name,
    AM_ERR_MAP(X)
#undef X
};
const char *am_err_text(int err); /* English, for logs */
const char *am_err_key(int err);  /* catalogue key, for people */
int am_err_http(int err);
int am_err_exit(int err);
/* Maps errno to the table: ENOSPC and EDQUOT -> NOSPACE, ENOENT -> NOTFOUND, ... IO. */
int am_err_errno(int errno_value);

#define AM_CHECK        __attribute__((warn_unused_result))
#define AM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define AM_LEN(arr)     (sizeof(arr) / sizeof((arr)[0]))
#define AM_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define AM_MAX(a, b)    ((a) > (b) ? (a) : (b))

/* Broken promises between programmers abort, in every build: never for bad input. */
#define am_assert(e) ((e) ? (void)0 : am_assert_fail(#e, __FILE__, __LINE__))
_Noreturn void am_assert_fail(const char *expr, const char *file, int line);

/* A borrowed view of bytes; not NUL-terminated, never owns. */
struct str {
    const char *p;
    size_t n;
};
#define STR(lit)   ((struct str){"" lit, sizeof(lit) - 1})
#define STR_NULL   ((struct str){NULL, 0})
#define STR_FMT(s) (int)(s).n, (s).p /* for "%.*s" */
/* In static tables, where a compound literal is not constant. */
#define STR_INIT(lit) {"" lit, sizeof(lit) - 1}

struct str str_c(const char *z); /* view of a C string; NULL gives STR_NULL */
bool str_eq(struct str a, struct str b);
bool str_eqc(struct str a, const char *z);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
int str_cmp(struct str a, struct str b);        /* byte order, shorter first */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_sub(struct str s, size_t from, size_t to); /* clamped to s */
struct str str_trim(struct str s);                        /* ASCII white space */
/* Index of the first c, or s.n. */
size_t str_find(struct str s, char c);
/* Splits at the first c: returns what is before, *rest = after (STR_NULL when none). */
struct str str_cut(struct str s, char c, struct str *rest);
/* Valid UTF-8 (no surrogates, no overlong forms, <= U+10FFFF)? */
bool str_utf8(struct str s);
size_t str_utf8_bad(struct str s); /* first byte of no whole character; s.n: none */
/* Copy with a NUL at the end; NULL when out of memory. Release with free(). */
AM_CHECK char *str_dup(struct str s);
/* Value of a hexadecimal digit, of either case; -1: it is none. */
int str_hex_digit(char c);
/* Whole-string numbers inside [lo, hi]; anything else is AM_E_SYNTAX, *out untouched. */
AM_CHECK int str_int(struct str s, int64_t lo, int64_t hi, int64_t *out);
AM_CHECK int str_double(struct str s, double *out); /* finite, '.' decimal, C locale */
uint64_t str_hash(struct str s); /* FNV-1a 64: tables, never security */

/* Zeroed memory or NULL. Release with free(). */
AM_CHECK void *am_calloc(size_t n, size_t size);
AM_CHECK void *am_malloc(size_t size);
/* n * size bytes, checked for overflow; on failure p is untouched. */
AM_CHECK void *am_realloc(void *p, size_t n, size_t size);

/* Make the nth am_calloc()/am_malloc()/am_realloc() from now fail (n >= 1); 0 turns it
 * off. Returns true if the failure armed before has been delivered. */
bool am_oom_at(long n);

/* Whole file into malloc'd memory with a NUL after it (not counted in *n). Over cap:
 * AM_E_TOOBIG. */
AM_CHECK int am_file_read(const char *path, size_t cap, char **out, size_t *n);
/* Writes to path.tmp.<pid>.<n>, fsyncs, renames into place and fsyncs the directory:
 * after success the new content survives a power cut; after failure the old one stands.
 */
AM_CHECK int am_file_write(const char *path, struct str data, unsigned mode);
AM_CHECK int am_dir_make(const char *path, unsigned mode); /* like mkdir -p */
AM_CHECK int am_dir_sync(const char *path);

#endif
