/* SPDX-License-Identifier: Apache-2.0 */
/* json_regex -- the regular expressions of JSON Schema, matched in linear time.
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
#ifndef JSON_REGEX_PRIV_H
#define JSON_REGEX_PRIV_H

#include "base/base.h"

enum {
    JSON_REGEX_OPS = 10000, /* longest program; counted repeats are written out */
    JSON_REGEX_NEST = 64    /* open groups */
};

struct json_regex;
/* AM_E_INVALID (malformed), AM_E_UNSUPPORTED (look-around, back-reference, unknown
 * property), AM_E_TOOBIG, AM_E_NOMEM. *why (may be NULL) gets a static text on failure.
 */
AM_CHECK int json_regex_new(struct json_regex **out, struct str pattern,
                            const char **why);
void json_regex_free(struct json_regex *re);
/* Is there a match anywhere in text (valid UTF-8)? AM_E_NOMEM possible. */
AM_CHECK int json_regex_search(const struct json_regex *re, struct str text, bool *found);

struct json_run {
    uint32_t lo, hi, stride;
};
struct json_category {
    const char *name, *full_name;
    const struct json_run *run;
    size_t n;
};
extern const struct json_category json_categories[];
extern const size_t json_categories_n;

/* The compiled program: jumps are relative, so that code can be moved and copied. */
enum json_op_code {
    JSON_OP_CHAR,  /* x: code point */
    JSON_OP_ANY,   /* . */
    JSON_OP_CLASS, /* x: index of the class */
    JSON_OP_BEGIN,
    JSON_OP_END,
    JSON_OP_WORD,
    JSON_OP_NOT_WORD,
    JSON_OP_SPLIT, /* x, y: two ways on */
    JSON_OP_JUMP,  /* x */
    JSON_OP_MATCH
};
struct json_op {
    enum json_op_code code;
    int32_t x, y;
};
/* A class: the union of its items. Run tables are shared; lo..hi otherwise. */
struct json_class_item {
    const struct json_category *table;
    uint32_t lo, hi;
    bool negated;
};
struct json_class {
    size_t from, n; /* items */
    bool negated;
    uint32_t ascii[4]; /* the answer for U+0000..U+007F, negation included */
};
struct json_regex {
    struct json_op *op;
    struct json_class *cls;
    struct json_class_item *item;
    size_t n;
};
bool json_class_has(const struct json_regex *re, const struct json_class *c, uint32_t cp);

#endif
