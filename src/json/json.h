/* SPDX-License-Identifier: Apache-2.0 */
/* json -- reading, writing, canonicalising and validating JSON.
 *
 * Reading gives an immutable tree (yyjson inside, seen by nobody else); writing is a
 * streaming writer into a struct buf: to change a document, write a new one.
 *
 * Strict by default (RFC 8259 + I-JSON): valid UTF-8 only, no duplicate member names, no
 * NaN/Infinity, no comments, no trailing commas, no lone surrogates, nothing after the
 * value, bounded size and depth. Problems name the line and column, or a JSON Pointer.
 *
 * Canonical form: RFC 8785 (JCS). Integers beyond 2^53-1 in magnitude are refused there,
 * since they would not survive the double that JCS prescribes.
 *
 * Memory:  a struct json_doc owns the tree and a copy of its strings; struct json
 *          pointers and str views borrow from it until json_free().
 * Threads: a document is immutable: any number of readers. A writer has one owner. */
#ifndef JSON_H
#define JSON_H

#include "base/buf.h"
#include "base/diag.h"

struct json_doc;
struct json; /* one value inside a document */

struct json_limits {
    size_t size_b;    /* 0: 16 MiB */
    size_t depth;     /* 0: 64; at most 1000 */
    size_t values;    /* 0: 4,000,000 */
    bool raw_numbers; /* numbers keep their text: json_num_text(), and jw_val() as read */
};

enum json_type {
    JSON_NONE, /* what json_type(NULL) answers: absent */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* limits may be NULL. On failure *out is untouched; AM_E_SYNTAX (d gets "line:column" and
 * a code json.*), AM_E_TOOBIG, AM_E_NOMEM. */
AM_CHECK int json_parse(struct json_doc **out, struct str text,
                        const struct json_limits *limits, struct diag *d);
AM_CHECK int json_parse_file(struct json_doc **out, const char *path,
                             const struct json_limits *limits, struct diag *d);
void json_free(struct json_doc *doc);
const struct json *json_root(const struct json_doc *doc);

/* All readers accept NULL (absent) and wrong types, so that chains need no checks. */
enum json_type json_type(const struct json *v);
const struct json *json_get(const struct json *obj, const char *key); /* NULL: absent */
const struct json *json_getn(const struct json *obj, struct str key);
const struct json *json_at(const struct json *arr, size_t i);
size_t json_size(const struct json *v);    /* members or elements; 0 for others */
struct str json_str(const struct json *v); /* STR_NULL unless a string */
struct str json_get_str(const struct json *obj, const char *key);
bool json_str_is(const struct json *v, const char *z);
bool json_bool(const struct json *v, bool otherwise);
double json_num(const struct json *v, double otherwise); /* any number */
bool json_is_int(const struct json *v);                  /* integral value within int64 */
int64_t json_int(const struct json *v, int64_t otherwise);
/* A number as written ("1.50", "1e3"), where raw_numbers was asked; else STR_NULL. */
struct str json_num_text(const struct json *v);
bool json_equal(const struct json *a, const struct json *b); /* 1 == 1.0; order-free */

/* for (json_each(it, value)) use it.key (objects), it.i, it.val */
struct json_iter {
    struct str key;
    size_t i;
    const struct json *val;
    const void *priv[2];
};
struct json_iter json_iter(const struct json *v);
bool json_next(struct json_iter *it); /* false: no more */
#define json_each(it, v)                                                                 \
    struct json_iter it = json_iter(v);                                                  \
    json_next(&it);

/* RFC 6901; NULL when nothing is there or the pointer is malformed. */
const struct json *json_pointer(const struct json *root, struct str pointer);
/* Appends "/token" with ~ and / escaped. */
AM_CHECK int json_pointer_add(struct buf *b, struct str token);
AM_CHECK int json_pointer_addi(struct buf *b, size_t index);

/* RFC 8785. AM_E_INVALID for integers beyond 2^53-1, however written (1e20 too, as it
 * would be printed as one: the canonical text can always be canonicalised again).
 * Appends. */
AM_CHECK int json_canon(struct buf *out, const struct json *v);
/* Does *text begin with the canonical form of v? Moves past it. The same answer as
 * writing it and comparing, without writing. */
bool json_canon_match(const struct json *v, struct str *text);
/* Parses, then canonicalises: text to canonical text. */
AM_CHECK int json_canon_text(struct buf *out, struct str text, struct diag *d);
/* The shortest round-trip form of ECMAScript, as JCS wants it. v finite. */
enum { JSON_NUM = 32 };
size_t json_num_format(double v, char out[JSON_NUM]);

/* The writer. Errors stick: call freely, check once at jw_done(). */
struct jw {
    struct buf *out;
    int err;
    unsigned depth;
    bool comma, pretty, key; /* key: a member name waits for its value */
};
void jw_init(struct jw *w, struct buf *out);
void jw_pretty(struct jw *w);       /* two-space indent, for people */
AM_CHECK int jw_done(struct jw *w); /* AM_OK, or the first error */
void jw_obj(struct jw *w);
void jw_obj_end(struct jw *w);
void jw_arr(struct jw *w);
void jw_arr_end(struct jw *w);
void jw_key(struct jw *w, const char *key);
void jw_keyn(struct jw *w, struct str key);
void jw_str(struct jw *w, struct str s);   /* invalid UTF-8 is AM_E_INVALID */
void jw_strz(struct jw *w, const char *z); /* NULL writes null */
void jw_strf(struct jw *w, const char *fmt, ...) AM_PRINTF(2, 3);
void jw_int(struct jw *w, int64_t i);
void jw_num(struct jw *w, double v); /* NaN and infinities write null */
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct str json);      /* already JSON, trusted */
void jw_val(struct jw *w, const struct json *v); /* copies a value; NULL writes null */
/* The same with other texts: each string, not the keys, as fn gives it. key: of the
 * member it stands in, of an array's too; empty at the top. */
typedef struct str jw_text_fn(void *arg, struct str key, struct str s);
void jw_val_texts(struct jw *w, const struct json *v, jw_text_fn *fn, void *arg);
/* key + value in one call */
void jw_kstr(struct jw *w, const char *key, struct str s);
void jw_kstrz(struct jw *w, const char *key, const char *z);
void jw_kint(struct jw *w, const char *key, int64_t i);
void jw_knum(struct jw *w, const char *key, double v);
void jw_kbool(struct jw *w, const char *key, bool v);
void jw_kval(struct jw *w, const char *key, const struct json *v);

/* JSON Schema 2020-12: all of core, applicator, validation, unevaluated*; format is
 * asserted for date, date-time, uri, email, uuid, json-pointer, regex. $ref and
 * $dynamicRef resolve inside the schema, to the 2020-12 meta-schemas, or through the
 * resolver; nothing is ever fetched. Regular expressions: ECMA-262 subset without
 * back-references or look-around, matched in linear time. A document whose $schema names
 * draft-06, draft-07 or 2019-09 is read in that dialect. */
struct json_schema;
/* Gives the document of an absolute URI (borrowed, must outlive the schema), or NULL. */
typedef const struct json *json_schema_resolver(void *cookie, struct str uri);
/* Every problem goes to d: path = JSON Pointer into the schema, code = schema.invalid.
 * AM_OK, AM_E_INVALID or a system error. The schema is borrowed: it must outlive *out. */
AM_CHECK int json_schema_compile(struct json_schema **out, const struct json *schema,
                                 json_schema_resolver *resolve, void *cookie,
                                 struct diag *d);
void json_schema_free(struct json_schema *s);
/* Adds every problem to d: path = JSON Pointer into the instance (a missing member is
 * named by the pointer it would have), code = schema.<keyword>. AM_OK, AM_E_INVALID,
 * AM_E_TOOBIG (code schema.effort or schema.depth: schema and instance together ask for
 * more work than is done) or a system error. Any number of threads may validate with one
 * schema. */
AM_CHECK int json_schema_check(const struct json_schema *s, const struct json *v,
                               struct diag *d);
/* Both at once, for a schema given as text and used once; prefix stands before the path
 * of every problem. */
AM_CHECK int json_schema_check_text(struct str schema, const struct json *v,
                                    const char *prefix, struct diag *d);

#endif
