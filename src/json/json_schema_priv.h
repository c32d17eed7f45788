/* SPDX-License-Identifier: Apache-2.0 */
/* json_schema -- how a schema looks once compiled.
 *
 *   index    every subschema becomes a node; $id opens a resource; anchors are noted
 *   rules    each node gets the rules of its keywords, references already resolved
 *   check    rules run against an instance; frames hold what unevaluated* must know
 *
 * The dialect of a resource follows its $schema: 2020-12 unless it says otherwise;
 * 2019-09, draft-07 and draft-06 are understood because schemas found in the wild use
 * them. */
#ifndef JSON_SCHEMA_PRIV_H
#define JSON_SCHEMA_PRIV_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "json/json_priv.h"
#include "json/json_regex_priv.h"

enum json_draft {
    JSON_DRAFT_6 = 1,
    JSON_DRAFT_7 = 2,
    JSON_DRAFT_2019 = 4,
    JSON_DRAFT_2020 = 8,
    JSON_DRAFT_OLD = JSON_DRAFT_6 | JSON_DRAFT_7,
    JSON_DRAFT_NEW = JSON_DRAFT_2019 | JSON_DRAFT_2020,
    JSON_DRAFT_ALL = 15
};
enum { JSON_SCHEMA_NODES = 200000 };

/* What a keyword holds: where the index looks for subschemas. */
enum json_holds {
    JSON_HOLDS_NONE,
    JSON_HOLDS_ONE,    /* a schema */
    JSON_HOLDS_LIST,   /* an array of schemas */
    JSON_HOLDS_MAP,    /* an object of schemas */
    JSON_HOLDS_EITHER, /* a schema or an array of them: items before 2020-12 */
    JSON_HOLDS_DEPS    /* an object of schemas and arrays of names: dependencies */
};

struct json_resource {
    struct str uri; /* absolute if the schema says so, no fragment */
    const struct json *root;
    enum json_draft draft;
    bool recursive; /* $recursiveAnchor: true */
};

struct json_node {
    const struct json *src;
    size_t res;
    const struct json_node *up; /* with kw, key or i: the place inside the document */
    const char *kw;
    struct str key;
    size_t i;
    bool constant; /* true or false, not an object */
    bool listed;   /* key and i absent, i, or key: see json_node_path() */
    struct json_rule *rule;
    size_t rules;
    bool tracks; /* has unevaluatedItems or unevaluatedProperties */
};

struct json_check;
struct json_frame;
struct json_compile;
struct json_rule;
typedef int json_compile_fn(struct json_compile *c, struct json_node *n,
                            struct json_rule *r);
typedef bool json_check_fn(struct json_check *c, const struct json_frame *f,
                           const struct json_rule *r);

struct json_keyword {
    const char *name;
    unsigned drafts; /* a set of enum json_draft */
    enum json_holds holds;
    unsigned on;              /* instance types, bits 1 << enum json_type; 0: all */
    json_compile_fn *compile; /* NULL: nothing to check */
    json_check_fn *check;
};

struct json_rule {
    const struct json_keyword *kw;
    const struct json *val;
    size_t n; /* of node, name and re, as far as the keyword has them */
    struct json_node **node;
    struct str *name;
    struct json_regex **re;
    uint16_t *slot; /* of json_named(): 1 + index in name, 0 empty */
    size_t slots;   /* a power of two; 0: look along name */
    size_t limit, limit2;
    uint64_t *need; /* of required: bits of its names in properties, which is beside */
    const struct json_rule *beside, *beside2; /* sibling keywords it depends on */
    struct json_node **dynamic;               /* by resource: who answers a dynamic ref */
    bool (*format)(struct str);
};

struct json_schema {
    struct arena arena;
    VEC(struct json_node *) node;
    VEC(struct json_resource) res;
    VEC(struct json_doc *) doc; /* meta-schemas in use */
    VEC(struct json_regex *) re;
    const struct json_node *root;
};

struct json_compile {
    struct json_schema *s;
    json_schema_resolver *resolve;
    void *cookie;
    struct diag *d;
    bool bad;           /* a problem was reported */
    struct map at;      /* address of a value -> node */
    struct map uris;    /* URI -> resource */
    struct map anchors; /* "resource#name" -> node */
    struct map dynamic; /* the same, $dynamicAnchor only */
};

/* json_schema_rule.c: the table of keywords, in the order their rules run. */
extern const struct json_keyword json_keywords[];
extern const size_t json_keywords_n;
int json_rules(struct json_compile *c, struct json_node *n);

/* json_schema_index.c */
/* draft: the dialect when the document does not say, its referrer's. */
AM_CHECK int json_index_doc(struct json_compile *c, const struct json *root,
                            struct str uri, enum json_draft draft,
                            struct json_node **out);
/* The node at v, which must have been indexed. */
struct json_node *json_node_at(const struct json_compile *c, const struct json *v);
/* What a reference inside n means; *out NULL and a problem noted when nothing. *dynamic
 * (may be NULL): the fragment, when it names a $dynamicAnchor. */
AM_CHECK int json_find_ref(struct json_compile *c, const struct json_node *n,
                           struct str ref, struct json_node **out, struct str *dynamic);
/* Of resource res, the node whose $dynamicAnchor is name; NULL if none. */
AM_CHECK int json_find_dynamic(struct json_compile *c, size_t res, struct str name,
                               struct json_node **out);
/* Notes a problem with the schema at keyword kw of n. */
void json_bad(struct json_compile *c, const struct json_node *n, const char *kw,
              const char *fmt, ...) AM_PRINTF(4, 5);

/* json_uri.c: RFC 3986 section 5.2; the result lives in a. */
AM_CHECK int json_uri_resolve(struct arena *a, struct str base, struct str ref,
                              struct str *out);
bool json_uri_ok(struct str s); /* absolute and well-formed */

/* json_format.c: NULL when the format is not asserted. */
typedef bool json_format_fn(struct str);
json_format_fn *json_format(struct str name);

/* json_meta.c */
struct json_meta {
    const char *uri, *text;
};
extern const struct json_meta json_metas[];
extern const size_t json_metas_n;

/* ---- while checking ---- */
struct json_place { /* where in the instance; NULL: its root */
    const struct json_place *up;
    struct str key;
    size_t i;
    bool element; /* of an array: i, else key */
};

struct json_frame { /* one schema being applied to one value */
    const struct json_frame *up;
    const struct json_node *node;
    const struct json *v;
    const struct json_place *at;
    unsigned char *seen; /* by member or element: evaluated; NULL when nobody asks */
};

enum { JSON_PLACES = 96, JSON_NEEDS = 256 };
struct json_check {
    const struct json_schema *s;
    struct diag *d;
    const struct json_frame *named; /* its properties rule knew every member */
    uint16_t place[JSON_PLACES];    /* of each member: 1 + its index in properties */
    bool placed;    /* by required for properties, which runs next in the same frame */
    unsigned quiet; /* inside anyOf, not, ...: answers only, no problems */
    size_t depth;
    uint64_t steps;
    uint64_t key[2]; /* of the hashes of uniqueItems */
    bool keyed;
    int err;
};

/* Applies node to v. merge (may be NULL): the caller's seen, for the same v. by: the
 * keyword that asks, which names the problem when node is false. */
bool json_apply(struct json_check *c, const struct json_frame *up,
                const struct json_node *n, const struct json *v,
                const struct json_place *at, unsigned char *merge, const char *by);
/* Where a name hashes to: schemas choose the names, so a chain is at most their number.
 */
static inline size_t json_name_hash(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    uint32_t h = (uint32_t)s.n;
    if (s.n)
        h ^=
            (uint32_t)p[0] << 8 | (uint32_t)p[s.n / 2] << 16 | (uint32_t)p[s.n - 1] << 24;
    return h * 0x9E3779B1u >> 16; /* Knuth 6.4: the upper half is the mixed one */
}

/* Index of a name in properties or required, or SIZE_MAX. */
static inline size_t json_named(const struct json_rule *r, struct str key)
{
    size_t at = json_name_hash(key), i;
    for (i = 0; !r->slots && i < r->n; i++)
        if (str_eq(r->name[i], key))
            return i;
    for (; r->slots && (i = r->slot[at &= r->slots - 1]) != 0; at++)
        if (r->name[i - 1].n == key.n && memcmp(r->name[i - 1].p, key.p, key.n) == 0)
            return i - 1;
    return SIZE_MAX;
}

/* Notes a problem and answers false. */
bool json_problem(struct json_check *c, const struct json_place *at, const char *kw,
                  const char *fmt, ...) AM_PRINTF(4, 5);
/* A named argument of the problem noted last: in quiet, nothing. */
void json_problem_arg(struct json_check *c, const char *name, struct str value);
/* Value as text, cut to fit. */
enum { JSON_BRIEF = 200 };
void json_brief(char out[JSON_BRIEF], const struct json *v);

json_check_fn json_check_ref, json_check_dynamic, json_check_all, json_check_any,
    json_check_one, json_check_not, json_check_if, json_check_deps, json_check_properties,
    json_check_patterns, json_check_additional, json_check_names, json_check_prefix,
    json_check_items, json_check_contains, json_check_uneval_items,
    json_check_uneval_props;
json_check_fn json_check_type, json_check_enum, json_check_const, json_check_multiple,
    json_check_range, json_check_length, json_check_pattern, json_check_count,
    json_check_unique, json_check_required, json_check_dep_required, json_check_format;

/* Keyed hash that equal values share: member order and number spelling do not matter. */
uint64_t json_hash(const uint64_t key[2], const struct json *v);

#endif
