/* SPDX-License-Identifier: Apache-2.0 */
/* json/regex -- the regular expressions of JSON Schema, matched in linear time.
 *
 * The pattern (ECMA-262 with the u flag, without look-around and back-references) becomes
 * a program for a Thompson machine; all alternatives advance together over the code
 * points of the text, so a match costs at most text length * program length whatever the
 * pattern.
 *
 * Syntax: | ( ) (?: ) (?<name> ) . ^ $ \b \B * + ? {n} {n,} {n,m} and their lazy forms,
 * classes, \d \D \w \W \s \S, \p{..} \P{..} by general category (json_unicode.c) and Any,
 * ASCII; \t \n \v \f \r \0 \cX \xHH \uHHHH \u{H..}. Any other escaped letter or digit is
 * refused. A brace that is no quantifier stands for itself, as annex B allows.
 *
 * Threads: a compiled expression is immutable. */
#ifndef JSON_REGEX_H
#define JSON_REGEX_H

#include "base/base.h"

enum {
    JSON_REGEX_OPS = 10000, /* longest program; counted repeats are written out */
    JSON_REGEX_NEST = 64,   /* open groups */
    JSON_REGEX_GROUPS = 10  /* whole match, and groups 1 to 9, that are remembered */
};
enum json_regex_flag {
    JSON_REGEX_DOTALL = 1, /* . takes line ends too */
    JSON_REGEX_CAPTURE = 2 /* for json_regex_find() */
};

struct json_regex;
/* AM_E_INVALID (malformed), AM_E_UNSUPPORTED (look-around, back-reference, unknown
 * property), AM_E_TOOBIG, AM_E_NOMEM. *why (may be NULL) gets a static text on failure.
 */
AM_CHECK int json_regex_new(struct json_regex **out, struct str pattern, unsigned flags,
                            const char **why);
void json_regex_free(struct json_regex *re);
/* Is there a match anywhere in text (valid UTF-8)? AM_E_NOMEM possible. */
AM_CHECK int json_regex_search(const struct json_regex *re, struct str text, bool *found);
/* Length of the program: what each character of a text may cost. */
size_t json_regex_size(const struct json_regex *re);

/* Bytes of the text; to == SIZE_MAX: the group took no part. */
struct json_regex_span {
    size_t from, to;
};
/* The leftmost match from byte `from` on, alternatives in their order and repeats greedy
 * unless lazy, as ECMA-262 finds it. span[0] is the match, the others its groups. The
 * expression was made with JSON_REGEX_CAPTURE. AM_E_NOMEM possible. */
AM_CHECK int json_regex_find(const struct json_regex *re, struct str text, size_t from,
                             struct json_regex_span span[JSON_REGEX_GROUPS], bool *found);
/* Number of the group of that name, SIZE_MAX: none. */
size_t json_regex_group(const struct json_regex *re, struct str name);

#endif
