/* SPDX-License-Identifier: Apache-2.0 */
/* eds -- the health-data warehouse: keeps FHIR resources, every version, and finds them.
 *
 * What a resource says is the business of `fhir` (tables, validation, index rows) and of
 * whoever calls; eds keeps it durably, encrypted and provably unedited, and gives posting
 * lists to a search (eds/search.h). The model is design/fhir.md section 5:
 *
 *   res   the current version of each resource: rid -> type, id, version, body, terms
 *   hist  older versions and deletions
 *   seg, page   index rows (fhir/row.h) in sorted, packed segments; made from `terms`
 *   dead  what segments still hold and is current no more
 *   link  the hash chain over every version ever written, one link per group
 *   vault wrapped keys and dictionaries;  kind  numbers of the types met
 *   erasure, erased, attest   patients taken out for good, and the proof (eds/erase.h)
 *
 * A write is a group: prepared by the caller's own thread (index rows, compression,
 * sealing: eds_put), then written as a whole by the one writer thread (eds_write), which
 * alone sees what is current and so decides preconditions there. Many groups share one
 * fsync.
 *
 * Invariants
 *   I1  a group is there whole, index rows included, or not at all; AM_OK means durable;
 *   I2  rid only grows: each version, deletions included, has its own, and rid order is
 *       the order of `at` (meta.lastUpdated); a page that says "below rid" is stable;
 *   I3  the index rows of a resource are exactly those listed in its `terms`: a write
 * adds no other, and searches read those of the newest resources into memory; a thread of
 * the writing process packs the others into segments (eds/eds_index_priv.h); I4  nobody
 * learns a body from the disk: zstd, then AES-256-GCM under a data key that is wrapped by
 * the node's key, bound to type and id. Index values are keyed hashes (tokens) or plain
 * (dates, numbers, folded text): they want an encrypted volume; I5  a version changed,
 * removed, inserted or moved behind the program's back is found by eds_check(): link(n) =
 * SHA-256(link(n-1) || leaf of each version of group n), leaf = rid, type, id, version,
 * at, kind, HMAC-SHA256(body).
 *
 * The body that is kept has no `id`, `meta.versionId`, `meta.lastUpdated`: they are
 * columns, given by the writer, and put back when it is read. Members come back in the
 * order given, after resourceType, id, meta; numbers as the parser kept them.
 *
 * Memory:  a group, a view and what they lend live until freed or returned. An open store
 *          takes some 150 MiB at most (page caches, 8 packers, dictionaries), and while
 *          both much is written and something searched up to 4 kB for each of the newest
 *          65,536 resources.
 * Threads: eds_write(), eds_read(), eds_view() from any thread; a group has one owner; a
 *          view belongs to the function it was given to. Calls do not nest (db.h). */
#ifndef EDS_H
#define EDS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "fhir/row.h"
#include "json/json.h"

enum { EDS_KEY = 32, EDS_ID_MAX = 64, EDS_BODY_MAX = 16 << 20, EDS_GROUP_MAX = 10000 };

struct eds;
struct eds_view;
struct eds_group;

/* Index rows of a resource, a set in the order of fhir_row_cmp(); text may live in a.
 * It is given the resource as kept, with its id: without versionId and lastUpdated. */
typedef int eds_rows_fn(void *arg, const struct fhir_row_key *key,
                        const struct json *resource, struct arena *a,
                        struct fhir_rows *out);
/* Those of fhir/param.h, words of texts included, addresses without a server's base: what
 * every program writes and checks a store with. */
int eds_rows_fhir(void *arg, const struct fhir_row_key *key, const struct json *resource,
                  struct arena *a, struct fhir_rows *out);

/* Progress: done of about `of`; false asks to stop (AM_E_TIMEOUT). */
typedef bool eds_progress_fn(void *arg, int64_t done, int64_t of);

enum eds_mode {
    EDS_WRITE, /* the one process that writes; AM_E_CONFLICT while there is another */
    EDS_READ,  /* beside it: reads only */
    EDS_KEYS   /* beside it: eds_rewrap() only */
};
struct eds_config {
    const char *path;     /* a file, or postgresql://... */
    const char *name;     /* PostgreSQL: the schema; NULL: "eds" */
    uint8_t key[EDS_KEY]; /* the node's key, which wraps the store's own */
    enum eds_mode mode;
    eds_rows_fn *rows; /* NULL: no index rows are made */
    void *rows_arg;
    size_t readers; /* connections; 0: 4 */
    /* Of making index rows anew, while it is opened; NULL: the log tells. */
    eds_progress_fn *progress;
    void *progress_arg;
};
/* A new key in a new file (0600, hex, AM_E_EXISTS); reading one: AM_E_SYNTAX, or
 * AM_E_FORBIDDEN when others than its owner may read it. */
AM_CHECK int eds_key_new(const char *path);
AM_CHECK int eds_key_load(const char *path, uint8_t key[EDS_KEY]);

/* Creates the store if there is none (not with EDS_READ, EDS_KEYS). AM_E_UNAUTHORIZED:
 * another key than the one that wraps the store's; AM_E_TAMPERED: damaged. Index rows
 * that an older program made are made anew first (eds_again.c), some 10,000 resources a
 * second: AM_E_TIMEOUT when `progress` asked to stop, and the next opening goes on.
 * EDS_READ does not wait: while they are older its searches are AM_E_UNAVAILABLE. */
AM_CHECK int eds_open(struct eds **out, const struct eds_config *c);
void eds_close(struct eds *e); /* NULL is fine */
/* For hashing what is searched for. */
const struct fhir_row_key *eds_row_key(const struct eds *e);

/* ---- keys ---- */
/* From now on the store's keys are wrapped by `key`; the old one opens it no more. */
AM_CHECK int eds_rewrap(struct eds *e, const uint8_t key[EDS_KEY]);
/* A new data key for what is written from now on; eds_reseal() then seals older bodies
 * under it and the newest dictionary, a group of `n` at a time, from *rid on (0 at
 * first; 0 again when done), while all else goes on. */
AM_CHECK int eds_rotate(struct eds *e);
AM_CHECK int eds_reseal(struct eds *e, int64_t *rid, size_t n);

/* Bytes kept beside the store (messages that were refused), sealed under a key that comes
 * from its root: who has the store's key opens them, also after eds_rotate(),
 * eds_rewrap() and in a copy. name is bound to them (4,000 bytes at most). Appends.
 * AM_E_TAMPERED: changed since, of another name, of another store. Threads: any. */
AM_CHECK int eds_aside_seal(const struct eds *e, struct str name, struct str plain,
                            struct buf *out);
AM_CHECK int eds_aside_open(const struct eds *e, struct str name, struct str sealed,
                            struct buf *out);

/* ---- writing ---- */
enum eds_verb { EDS_CREATE, EDS_UPDATE, EDS_DELETE };
enum eds_did { EDS_CREATED, EDS_UPDATED, EDS_DELETED, EDS_EXISTED, EDS_NOTHING };

/* Which resources a condition names: at most the first two found and their number, 2
 * meaning several. Called in the writer, on what is current. */
typedef int eds_match_fn(struct eds_view *v, void *arg, int64_t rid[2], size_t *n);

struct eds_ask {
    enum eds_verb verb;
    struct str type;
    struct str id;           /* empty: CREATE gives one (time-ordered UUID) */
    const struct json *body; /* CREATE, UPDATE */
    int64_t if_match;        /* the version that must be current; 0: any, or none */
    bool if_none;            /* UPDATE: must not exist (If-None-Match: *) */
    int64_t judged;          /* UPDATE, DELETE: 1 + the newest version, deletions included
                              * (0: there never was one), that was looked at to allow it:
                              * another by now is AM_E_CONFLICT; 0: none was */
    bool keep;               /* CREATE with id: one that is there stays (EDS_EXISTED) */
    bool fresh;              /* CREATE with id: by eds_new_id(), never used before */
    /* A condition: terms that all hold (fhir_term_hash), or a function.
     * CREATE: none -> created; one -> EDS_EXISTED and its id, or AM_E_CONFLICT if
     * `settled` (its absence was relied on: look again). UPDATE, DELETE: the one found
     * must be `id`, none means that id is new: else AM_E_CONFLICT. Several are always
     * AM_E_PRECONDITION. */
    bool conditional, settled;
    const uint64_t *term;
    size_t n_terms;
    eds_match_fn *match;
    void *match_arg;
};
struct eds_done {
    enum eds_did did;
    struct str id; /* borrowed from the group */
    int64_t rid, ver, at;
};
AM_CHECK int eds_group_new(struct eds_group **out, struct eds *e);
void eds_group_free(struct eds_group *g);
/* Prepares one more (copies all but what the condition borrows). AM_E_INVALID with
 * problems (codes eds.*) in d: not a resource of that type, a malformed id. */
AM_CHECK int eds_put(struct eds_group *g, const struct eds_ask *ask, struct diag *d);
/* What a text of an entry becomes where it names another entry of the same Bundle
 * (eds_link.c), for jw_val_texts(). Identifier.value and the like are texts that name a
 * thing to people: never rewritten; nor is what is canonical. `find`: "Type/id" of the
 * entry that has this fullUrl, or NULL; `from`: the fullUrl of the entry that speaks;
 * `failed`: there was no memory, what was written is not to be used. */
struct eds_links {
    const char *(*find)(void *arg, struct str url);
    void *arg;
    struct arena *arena;
    struct str from;
    bool failed;
};
struct str eds_linked(void *links, struct str key, struct str s);
bool eds_link_canonical(struct str key);
/* All resources of a Bundle as creates. Addresses that are the fullUrl of an entry become
 * Type/id of what it is called here: a new id, or the one it brings (and then what is
 * there already stays: importing twice is importing once). */
enum eds_ids { EDS_IDS_GIVEN, EDS_IDS_KEPT };
AM_CHECK int eds_put_bundle(struct eds_group *g, const struct json *bundle,
                            enum eds_ids ids, struct diag *d);
/* The same walk, for who looks at each entry before he puts it: in order, addresses
 * resolved. `wrong`: NULL, or why it cannot be put (eds.object, eds.id, eds.twice,
 * eds.size); then resource may be NULL and id empty. An error of fn ends the walk. */
struct eds_bundled {
    size_t i;
    struct str type, id;
    const struct json *resource;
    const char *wrong;
};
typedef int eds_bundled_fn(void *arg, const struct eds_bundled *x);
/* What the i-th entry will be called; the resource as it came. */
typedef int eds_name_fn(void *arg, size_t i, const struct json *resource,
                        struct str full_url, char out[EDS_ID_MAX + 1]);
AM_CHECK int eds_bundle(const struct json *bundle, eds_name_fn *name, eds_bundled_fn *fn,
                        void *arg);
/* Once. AM_E_PRECONDITION, AM_E_CONFLICT, AM_E_EXISTS (CREATE of an id that is there),
 * AM_E_INVALID (the same resource twice), or the store's own: eds_group_bad() tells which
 * ask it was, SIZE_MAX for none. */
AM_CHECK int eds_write(struct eds_group *g);
size_t eds_group_bad(const struct eds_group *g);
size_t eds_group_n(const struct eds_group *g);
/* After AM_OK (id: after eds_put). */
const struct eds_done *eds_done(const struct eds_group *g, size_t i);
/* A new id, as CREATE gives it: 36 characters and a NUL. */
AM_CHECK int eds_new_id(char out[37]);
bool eds_id_ok(struct str id); /* FHIR: 1 to 64 of A-Z a-z 0-9 - . */

/* ---- reading ---- */
struct eds_meta {
    char type[65], id[EDS_ID_MAX + 1];
    int64_t rid, ver, at;
    bool gone;    /* this version is the deletion, or was erased */
    bool erased;  /* ... for good (eds/erase.h): no body, no version before it */
    bool current; /* nothing newer */
};
/* Appends the JSON of version ver (0: the newest); a deletion appends nothing. m may be
 * NULL. AM_E_NOTFOUND: never was; AM_E_TAMPERED. */
AM_CHECK int eds_read(struct eds *e, struct str type, struct str id, int64_t ver,
                      struct buf *out, struct eds_meta *m);

/* One snapshot for all that fn does. */
typedef int eds_view_fn(struct eds_view *v, void *arg);
AM_CHECK int eds_view(struct eds *e, eds_view_fn *fn, void *arg);
struct eds *eds_of(const struct eds_view *v);

AM_CHECK int eds_get(struct eds_view *v, struct str type, struct str id, int64_t ver,
                     struct buf *out, struct eds_meta *m);
/* The current version with that rid; AM_E_NOTFOUND. out may be NULL. */
AM_CHECK int eds_fetch(struct eds_view *v, int64_t rid, struct buf *out,
                       struct eds_meta *m);
AM_CHECK int eds_find(struct eds_view *v, struct str type, struct str id, int64_t *rid);

/* Versions, newest first. Empty type: the system; empty id: the type. onward: those with
 * a greater rid than `after`, oldest first (id empty, below and since_at 0). */
struct eds_past {
    struct str type, id;
    bool onward;
    int64_t after;    /* rid */
    int64_t below;    /* rid; 0: from the newest */
    int64_t since_at; /* at or after; 0: all */
    bool bodies;
};
/* fn returns AM_OK to go on, a positive number to stop, an error to fail. */
typedef int eds_version_fn(void *arg, const struct eds_meta *m, struct str body);
AM_CHECK int eds_history(struct eds_view *v, const struct eds_past *p, eds_version_fn *fn,
                         void *arg);

/* Current versions with a greater rid, in the order of rid. Empty type: all. */
AM_CHECK int eds_each(struct eds_view *v, struct str type, int64_t after,
                      eds_version_fn *fn, void *arg);

/* What is kept by rid beside the store is right within one epoch of it. Another begins
 * when rids may be given again: the database went back, as after a failover that lost
 * what was acknowledged. 0: this rid may be taken back still, nothing of it is kept. */
uint64_t eds_epoch(const struct eds_view *v, int64_t rid);

/* ---- posting lists, for searches ---- */
AM_CHECK int eds_top(struct eds_view *v, int64_t *rid); /* the greatest; 0: empty */
/* The first rid written at or after that instant; INT64_MAX: none (_lastUpdated). */
AM_CHECK int eds_rid_at(struct eds_view *v, int64_t at, int64_t *rid);
/* At most max rids of a term below `below` (INT64_MAX: all), greatest first. */
AM_CHECK int eds_tok(struct eds_view *v, uint64_t hash, int64_t below, size_t max,
                     int64_t *rid, size_t *n);
AM_CHECK int eds_tok_has(struct eds_view *v, uint64_t hash, int64_t rid, bool *has);
AM_CHECK int eds_tok_count(struct eds_view *v, uint64_t hash, int64_t *n);
/* Rows in the order of their values (ascending, or descending), all of them gathered
 * first; fn as eds_version_fn. */
typedef int eds_row_fn(void *arg, const struct fhir_row *row, int64_t rid);
struct eds_span {
    uint32_t param, unit;
    int64_t lo_min, lo_max;    /* dates: bounds of their beginning, included */
    double v_min, v_max;       /* quantities, included */
    struct str t_min, t_under; /* texts: from (included) to (excluded; empty: no end) */
    bool down;
};
AM_CHECK int eds_dat(struct eds_view *v, const struct eds_span *s, eds_row_fn *fn,
                     void *arg);
AM_CHECK int eds_qty(struct eds_view *v, const struct eds_span *s, eds_row_fn *fn,
                     void *arg);
AM_CHECK int eds_str(struct eds_view *v, const struct eds_span *s, eds_row_fn *fn,
                     void *arg);

/* ---- looking after ---- */
struct eds_stats {
    int64_t current, past, tokens, dates, quantities, texts; /* rows */
    int64_t body_b, terms_b;
    int64_t top;
    unsigned keys, dictionaries;
};
AM_CHECK int eds_count(struct eds_view *v, struct eds_stats *out);

struct eds_problem {
    const char *code;      /* eds.* */
    struct eds_meta where; /* rid 0: of the store as a whole */
};
typedef void eds_problem_fn(void *arg, const struct eds_problem *p);
/* Opens every body, makes its index rows anew, compares them with its terms and with the
 * tables, and follows the chain. AM_E_TAMPERED when anything was wrong. */
struct eds_check {
    eds_problem_fn *problem;
    eds_progress_fn *progress;
    void *arg;
    int64_t versions, rows;   /* what was looked at */
    int64_t erased, erasures; /* versions that were erased, by how many erasures */
    bool older; /* the rows are an older program's, and were not made anew to compare */
    uint8_t head[32]; /* of the chain: whoever keeps it can prove the past */
};
AM_CHECK int eds_check(struct eds *e, struct eds_check *c);
/* Online copy of one moment, beside who writes: into a file that is not there yet, or a
 * postgresql:// address whose schema `eds` is empty or not there (else AM_E_EXISTS),
 * whatever this store is on. On PostgreSQL it is whole or not there; of a file that fails
 * a part may stay. Its tables are those of this program. */
AM_CHECK int eds_backup(struct eds *e, const char *path);

#endif
