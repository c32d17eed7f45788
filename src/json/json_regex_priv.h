/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the files json_regex_*.c. */
#ifndef JSON_REGEX_PRIV_H
#define JSON_REGEX_PRIV_H

#include "json/regex.h"

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
    JSON_OP_ANY,   /* .; x: line ends too */
    JSON_OP_CLASS, /* x: index of the class */
    JSON_OP_BEGIN,
    JSON_OP_END,
    JSON_OP_WORD,
    JSON_OP_NOT_WORD,
    JSON_OP_SPLIT, /* x, y: two ways on */
    JSON_OP_JUMP,  /* x */
    JSON_OP_SAVE,  /* x: slot that remembers the position */
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
    char *name[JSON_REGEX_GROUPS]; /* of the groups, when they are remembered */
    bool capture;
};
bool json_class_has(const struct json_regex *re, const struct json_class *c, uint32_t cp);

static inline bool json_op_reads(const struct json_op *op)
{
    return op->code == JSON_OP_CHAR || op->code == JSON_OP_ANY ||
           op->code == JSON_OP_CLASS;
}

static inline bool json_op_takes(const struct json_regex *re, const struct json_op *op,
                                 uint32_t cp)
{
    const struct json_class *c;
    switch (op->code) {
    case JSON_OP_CHAR:
        return (uint32_t)op->x == cp;
    case JSON_OP_ANY: /* ECMA-262 LineTerminator */
        return op->x || (cp != '\n' && cp != '\r' && cp != 0x2028 && cp != 0x2029);
    case JSON_OP_CLASS:
        c = &re->cls[op->x];
        return cp < 128 ? c->ascii[cp / 32] >> (cp % 32) & 1 : json_class_has(re, c, cp);
    default:
        return false;
    }
}

static inline bool json_word(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
           (cp >= '0' && cp <= '9') || cp == '_';
}

#endif
