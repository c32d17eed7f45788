/* SPDX-License-Identifier: Apache-2.0 */
/* json_priv -- what the files of json share and nobody else sees: the yyjson value behind
 * a struct json, and exact views of its numbers. */
#ifndef JSON_PRIV_H
#define JSON_PRIV_H

#include <yyjson.h>

#include "json/json.h"

enum {
    JSON_DEPTH = 64,      /* levels, unless the caller says otherwise */
    JSON_DEPTH_MAX = 1000 /* most a caller may ask for: some readers recurse */
};

/* A struct json is a yyjson_val by another name; yyjson's functions take non-const. */
static inline yyjson_val *json_yy(const struct json *v)
{
    return (yyjson_val *)(uintptr_t)v;
}

static inline const struct json *json_of(const yyjson_val *v)
{
    return (const struct json *)v;
}

/* A number as it was written: integers within 64 bits are exact, longer ones keep their
 * digits. */
enum json_num_kind { JSON_NUM_UINT, JSON_NUM_NEG, JSON_NUM_REAL, JSON_NUM_BIG };
struct json_number {
    enum json_num_kind kind;
    uint64_t mag;    /* UINT and NEG: magnitude */
    double real;     /* all kinds: nearest double */
    struct str text; /* the token: BIG, and every number read with raw_numbers */
};
struct json_number json_number(const struct json *v); /* v is a JSON_NUMBER */
int json_number_cmp(const struct json *a,
                    const struct json *b); /* exact but for BIG/REAL */
bool json_number_integral(const struct json *v);

/* All digits of an integral double. */
enum { JSON_BIG_DIGITS = 320 };
struct str json_big_digits(double v, char mem[JSON_BIG_DIGITS]);
/* Shortest digits of |v| without leading or trailing zeros: |v| = 0.digits * 10^point. */
size_t json_num_digits(double v, char digits[64], int *point);

/* SipHash-1-3: keyed, so that nobody can prepare names that collide. */
uint64_t json_sip(const uint64_t key[2], struct str s);

/* Next sequence of valid UTF-8 as a code point; *i moves past it. */
uint32_t json_utf8_next(struct str s, size_t *i);
size_t json_utf8_count(struct str s); /* code points */

/* Appends s between quotes, escaped as RFC 8785 section 3.2.2.2 says. s is valid UTF-8.
 */
AM_CHECK int json_quote(struct buf *out, struct str s);

#endif
