/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/path -- FHIRPath N1 (2.0.0) over parsed resources, as FHIR R4 uses it.
 *
 *     err = fhir_path_compile(&p, STR("name.given.first()"), 0, d);
 *     struct fhir_path_env env = {.root = json_root(doc), .arena = &arena};
 *     err = fhir_path_eval(p, &env, NULL, &result, d);
 *
 * A program is a compact tree made once; an evaluation walks it over the immutable
 * resource. Elements stay what they are in the document (kind NODE: the JSON value, its
 * "_name" sibling, its R4 type); values the expression makes are of the System types.
 *
 * Decimals are 128-bit scaled integers, as written: 0.1 + 0.2 is 0.3, 1.10 keeps its
 * zero. Dates and times keep their precision; comparing beyond the common one, or with
 * and without a zone where the zone would decide, is empty. Quantities compare through
 * UCUM. Boolean operators have three values.
 *
 * Invariants
 *   I1  a program is immutable: any number of threads may evaluate it.
 *   I2  work and memory are bounded: env.steps, and the cap of env.arena; past them
 *       AM_E_TOOBIG, whatever the expression and the resource.
 *   I3  regular expressions match in linear time (json/regex.h).
 *
 * Beyond N1, since R4 material uses them: the functions of the FHIR specification
 * (extension, hasValue, resolve, memberOf, htmlChecks, conformsTo...), and of 2.1 and
 * later encode, escape, trim, split, join, matchesFull, lowBoundary, highBoundary,
 * precision, comparable, sort; of SQL on FHIR getResourceKey, getReferenceKey.
 *
 * Memory:  results borrow from the resource, the program and the arena.
 * Threads: reentrant; the callbacks must be too. */
#ifndef FHIR_PATH_H
#define FHIR_PATH_H

#include "base/arena.h"
#include "base/diag.h"
#include "json/json.h"

struct fhir_path;

enum fhir_path_flag {
    /* Errors where the default answers empty: an element its type has not, as() on many
     * items, an order asked of what has none, a condition that is no boolean. */
    FHIR_PATH_STRICT = 1,
    /* "is Boolean" also answers for the FHIR type boolean, as invariant que-7 means. */
    FHIR_PATH_INVARIANT = 2,
    /* join() of nothing is the empty text, as the suite of SQL on FHIR has it. */
    FHIR_PATH_SQL = 4
};
enum {
    FHIR_PATH_TEXT_B = 65536, /* longest expression */
    FHIR_PATH_DEPTH = 200,    /* deepest tree */
    FHIR_PATH_STEPS = 1000000 /* default of env.steps */
};
/* AM_E_SYNTAX (code fhirpath.syntax, path = "line:column"), AM_E_INVALID (unknown
 * function, unknown type), AM_E_TOOBIG, AM_E_NOMEM. */
AM_CHECK int fhir_path_compile(struct fhir_path **out, struct str text, unsigned flags,
                               struct diag *d);
void fhir_path_free(struct fhir_path *p);
/* The i-th %name of the program that the specification does not give a value, as often as
 * it is written; STR_NULL: no more. */
struct str fhir_path_variable(const struct fhir_path *p, size_t i);

/* An exact decimal: (hi * 2^64 + lo) / 10^scale. */
struct fhir_decimal {
    uint64_t lo;
    int64_t hi;
    int scale;
};
/* 1.20 -> 120 with scale 2; exponents as in JSON. AM_E_SYNTAX, or AM_E_TOOBIG past 38
 * digits. */
AM_CHECK int fhir_decimal_parse(struct str s, struct fhir_decimal *out);
double fhir_decimal_double(struct fhir_decimal d);

enum fhir_precision {
    FHIR_YEAR = 1,
    FHIR_MONTH,
    FHIR_DAY,
    FHIR_HOUR,
    FHIR_MINUTE,
    FHIR_SECOND,
    FHIR_FRACTION
};
enum { FHIR_NO_ZONE = INT16_MIN };
struct fhir_when {
    int16_t year, zone; /* zone: minutes east of UTC, or FHIR_NO_ZONE */
    uint8_t month, day, hour, minute, second;
    uint8_t precision; /* enum fhir_precision; a time starts at FHIR_HOUR */
    uint8_t digits;    /* of the fraction, as written */
    uint32_t nano;
};

enum fhir_path_kind {
    FHIR_PATH_NODE,
    FHIR_PATH_BOOLEAN,
    FHIR_PATH_INTEGER,
    FHIR_PATH_DECIMAL,
    FHIR_PATH_STRING,
    FHIR_PATH_DATE,
    FHIR_PATH_DATETIME,
    FHIR_PATH_TIME,
    FHIR_PATH_QUANTITY,
    FHIR_PATH_TYPE
};
struct fhir_path_item {
    uint8_t kind;  /* enum fhir_path_kind */
    bool calendar; /* QUANTITY: the unit is a word (year, day), not UCUM */
    uint16_t type; /* NODE: index of its R4 type in fhir/def.h, plus one; 0: unknown */
    union {
        struct {
            const struct json *v,
                *side; /* side: the "_name" member; either may be NULL */
        } node;
        bool boolean;
        int64_t integer;
        struct fhir_decimal decimal;
        struct str text;
        struct fhir_when when;
        struct {
            struct fhir_decimal value;
            struct str unit;
        } quantity;
        struct {
            struct str space, name;
        } info;
    };
};
struct fhir_path_result {
    struct fhir_path_item *item; /* in the arena */
    size_t n;
};

struct fhir_path_env {
    const struct json *root;     /* %rootResource */
    const struct json *resource; /* %resource; NULL: root */
    struct arena *arena;
    struct str base; /* of this server, for getReferenceKey(); may be empty */
    int64_t now_at;  /* of now() and today(); 0: the clock */
    size_t steps;    /* 0: FHIR_PATH_STEPS */
    /* A reference that is neither "#id" nor in the Bundle. Without a callback it becomes
     * an item of its type without content, so that "resolve() is Patient" answers. */
    const struct json *(*resolve)(void *cookie, struct str reference);
    /* 1 member, 0 not, other negative: not known (empty). */
    int (*member_of)(void *cookie, const struct fhir_path_item *item,
                     struct str valueset);
    int (*conforms_to)(void *cookie, const struct json *resource, struct str profile);
    void (*trace)(void *cookie, struct str name, const struct fhir_path_item *item,
                  size_t n);
    /* %name beyond those of the specification; AM_E_NOTFOUND: unknown. */
    int (*variable)(void *cookie, struct str name, struct fhir_path_item *out);
    void *cookie;
};
/* focus NULL: the root resource; without a root, the empty collection. AM_E_INVALID: the
 * expression cannot be evaluated here (code fhirpath.*), AM_E_TOOBIG, AM_E_NOMEM. */
AM_CHECK int fhir_path_eval(const struct fhir_path *p, const struct fhir_path_env *env,
                            const struct fhir_path_item *focus,
                            struct fhir_path_result *out, struct diag *d);
/* For invariants: 1 true, 0 false, FHIR_PATH_EMPTY empty, negative: an error. Takes no
 * memory from the arena for most expressions. */
enum { FHIR_PATH_EMPTY = 2 };
AM_CHECK int fhir_path_true(const struct fhir_path *p, const struct fhir_path_env *env,
                            const struct fhir_path_item *focus);

/* The item of a value, its type looked up by name ("" unknown; resources know theirs). */
struct fhir_path_item fhir_path_node(const struct json *v, const struct json *side,
                                     struct str type);
struct str fhir_path_type_name(uint16_t type); /* STR_NULL: unknown */
/* The value of an element as a System value: a FHIR.date becomes a Date. False: it has
 * none (a complex type, no value). System values are themselves. */
bool fhir_path_value(const struct fhir_path_item *item, struct arena *arena,
                     struct fhir_path_item *out);
/* As toString() would; without a string form AM_E_INVALID. */
AM_CHECK int fhir_path_text(const struct fhir_path_item *item, struct arena *arena,
                            struct str *out);
/* date, dateTime, instant ("2015-02-04T14:34:28Z") and time ("14:34"). AM_E_SYNTAX. */
AM_CHECK int fhir_when_parse(struct str s, enum fhir_path_kind kind,
                             struct fhir_when *out);

#endif
