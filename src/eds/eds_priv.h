/* SPDX-License-Identifier: Apache-2.0 */
/* eds_priv -- shared by the files of eds. Locks: `lock` guards the kinds, the pool and
 * the samples; it is never held while SQL runs. Keys and dictionaries are only ever
 * added, below a counter, and live until the store is closed: reading them needs no lock.
 * `now` belongs to the writer thread. */
#ifndef EDS_PRIV_H
#define EDS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/vec.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "eds/eds.h"
#include "pack/pack.h"

enum {
    EDS_KEYS_MAX = 4096,
    EDS_DICTS_MAX = 200,
    EDS_KINDS_MAX = 4096,
    EDS_PACKERS = 8,
    EDS_COUNTED = 1024,
    EDS_NAME = 65, /* of a type, with its NUL */
    EDS_HEAD = 4,  /* before a sealed body: format, dictionary, key (2 bytes) */
    /* Of the index rows: one more whenever fhir_rows() makes others of what is kept
     * already. 2: word by word names, Ranges as intervals, pairs of numbers; 3: who
     * contains what, canonical references without a version. */
    EDS_ROW_FORMAT = 3
};

struct eds_part { /* of the bytes of the sample */
    size_t at, n;
};
struct eds_sample { /* bodies to learn a dictionary from; under lock */
    struct buf bytes;
    VEC(struct eds_part) part;
    uint64_t seen, draw; /* draw: state of the generator that picks */
    bool learning;       /* a thread is at it */
};

struct eds {
    struct db *db;
    char *path, *name;
    int lock_fd;
    enum eds_mode mode;
    eds_rows_fn *rows;
    void *rows_arg;
    uint8_t kek[EDS_KEY], mac[EDS_KEY], dict_key[EDS_KEY], aside_key[EDS_KEY];
    struct fhir_row_key row_key;
    uint8_t (*key)[EDS_KEY]; /* [EDS_KEYS_MAX] number 1 is key[0] */
    atomic_uint n_keys;
    struct pack_dict *dict[EDS_DICTS_MAX]; /* number 1 is dict[0] */
    atomic_uint n_dicts;
    atomic_uint
        forgotten; /* those up to this number were forgotten since it was opened */
    /* Are the tables of erasures there? An older program's store, only read, has none. */
    atomic_bool scars;
    atomic_bool formatted; /* likewise the table of the format of rows */
    struct {               /* rows were made anew, which is told when they are merged */
        bool done;
        int64_t format, up_to; /* as the table says */
    } again;
    eds_progress_fn *progress;
    void *progress_arg;

    pthread_mutex_t lock;
    pthread_cond_t packer_free;
    char (*kind)[EDS_NAME]; /* [EDS_KINDS_MAX] number 1 is kind[0] */
    size_t n_kinds;
    struct map kinds;
    struct eds_packer *packer[EDS_PACKERS];
    size_t packers, idle; /* made; the first `idle` of the array are free */
    struct eds_sample sample;

    struct { /* what the writer remembers, good for one ground (db_ground) */
        uint64_t ground;
        int64_t rid, at;
        int64_t base; /* rid when this ground began: what was committed */
        uint8_t head[CRYPTO_SHA256];
        bool scarred; /* something was erased once */
    } now;
    struct { /* the newest group whose writer was told; under lock */
        int64_t rid;
        uint8_t head[CRYPTO_SHA256];
    } told;
    atomic_llong seen;    /* the greatest rid that was read */
    atomic_llong seg_met; /* the greatest number of a segment, read or made */
    /* The database went back behind a key, a dictionary or a type that bodies may have
     * been prepared with: nothing is written until the store is opened anew. */
    atomic_bool lost;
    bool apart; /* bodies are split off (eds/parts.h); set when it is opened */
    /* Writer: no body lies beyond body_top. The last rid when bodies were cleaned, -1
     * when that is known to be committed, and the highest rid put since. */
    int64_t body_top, body_swept, body_put;
    struct eds_tail *tail; /* eds_index_priv.h */
    struct eds_kept *kept; /* likewise */
    struct eds_counted {   /* a list's length when the newest rid was top; under lock */
        uint64_t hash;
        int64_t top, n; /* top 0: none yet */
    } counted[EDS_COUNTED];
    struct eds_merger *merger;
    /* Bytes of a page, pages of a job, resources of a chunk: tests make them small. */
    size_t page_b, slice, chunk;
    size_t walk_b; /* bytes after which what is read or sealed anew at once ends */
    struct eds_ix *writer_ix; /* of the transaction that runs */
};
struct eds_view {
    struct eds *e;
    struct db_conn *c;
    bool writer;       /* in the writer: sees what is not committed yet */
    bool alone;        /* reads all of the index for itself: trusts no cache */
    uint64_t epoch;    /* when it began: caches of another are not its own */
    struct eds_ix *ix; /* NULL until the index is asked */
};

/* ---- eds.c ---- */
/* The tables of a store without what makes it one: no keys, no lock of its file. */
AM_CHECK int eds_schema_open(struct db **out, const char *path, const char *name);

/* ---- eds_copy.c ---- */
/* As eds_backup(), row by row, whatever the two are; name: the schema, on PostgreSQL. */
AM_CHECK int eds_copy(struct eds *e, const char *path, const char *name);

/* ---- eds_id.c: an id in as few bytes as it needs ---- */
struct eds_id {
    size_t n;
    char p[EDS_ID_MAX + 1];
};
void eds_id_pack(struct str id, struct eds_id *out); /* id is ok */
AM_CHECK int eds_id_unpack(struct str packed, char out[EDS_ID_MAX + 1]);

/* ---- eds_vault.c ---- */
AM_CHECK int eds_vault_open(struct eds *e); /* loads, or makes what is missing */
AM_CHECK int eds_vault_load(struct eds *e);
/* Adds one; empty: from now on none is used. */
AM_CHECK int eds_vault_dict(struct eds *e, struct str bytes);

/* ---- eds_kind.c ---- */
AM_CHECK int eds_kinds_load(struct eds *e);
/* AM_E_NOTFOUND: never met. */
AM_CHECK int eds_kind(struct eds *e, struct str type, int64_t *n);
AM_CHECK int eds_kind_make(struct eds *e, struct str type, int64_t *n);
/* Another process may have met more; not from inside a view. */
const char *eds_kind_name(struct eds *e, int64_t n); /* NULL: unknown */

/* ---- eds_body.c: what is kept of a resource ---- */
AM_CHECK int eds_body_split(struct buf *out, const struct json *resource, struct str type,
                            struct diag *d);
AM_CHECK int eds_body_join(struct buf *out, struct str kept, const struct eds_meta *m);
AM_CHECK int eds_body_index(struct buf *out, struct str kept, struct str type,
                            struct str id);
AM_CHECK int eds_parse(struct json_doc **out, struct str text); /* numbers as written */

/* ---- eds_scar.c ---- */
AM_CHECK int eds_scars_there(struct eds *e); /* sets e->scars; not from inside a view */

/* ---- eds_seal.c ---- */
AM_CHECK int eds_seal(struct eds *e, struct str type, struct str id, struct str kept,
                      struct buf *out);
AM_CHECK int eds_unseal(struct eds *e, const char *type, const char *id,
                        struct str sealed, struct buf *kept);
/* The resource as it is told, its columns put back. */
AM_CHECK int eds_unseal_join(struct eds *e, const struct eds_meta *m, struct str sealed,
                             struct buf *out);
/* Number of the dictionary that squeezes what is written now; 0: none. */
unsigned eds_dict_now(const struct eds *e);
void eds_body_digest(const struct eds *e, struct str kept, uint8_t out[CRYPTO_SHA256]);
void eds_packers_free(struct eds *e);

/* ---- eds_learn.c ---- */
void eds_sample_add(struct eds *e, struct str kept);
void eds_learn(struct eds *e); /* when there is enough; failing costs bytes only */
void eds_sample_forget(struct eds *e);

/* ---- eds_forget.c: dictionaries learnt before the erasures not scrubbed yet ---- */
AM_CHECK int eds_forget(struct eds *e, eds_progress_fn *progress, void *arg);

/* ---- eds_term.c: the index rows of one resource, packed ---- */
AM_CHECK int eds_terms_pack(struct buf *out, const struct fhir_rows *rows);
typedef int eds_term_fn(void *arg, const struct fhir_row *row);
AM_CHECK int eds_terms_each(struct str packed, eds_term_fn *fn, void *arg);

/* ---- eds_again.c: rows of an older format ---- */
/* At opening: makes them anew (EDS_WRITE), or sees whether there are any. */
AM_CHECK int eds_again(struct eds *e);
/* Then, when they stand in segments: tells their format. Nothing was made: fine. */
AM_CHECK int eds_again_end(struct eds *e);
/* Sets e->formatted; not from inside a view. */
AM_CHECK int eds_formats_there(struct eds *e);
/* Are the rows of another format than this program asks? Never the writer's own. */
AM_CHECK int eds_rows_older(struct eds_view *v, bool *older);
/* The terms of a resource, from what is kept of it; text is scratch. */
AM_CHECK int eds_rows_of(struct eds *e, const struct eds_meta *m, struct str kept,
                         struct buf *text, struct buf *terms);

/* ---- eds_group.c, eds_write.c ---- */
struct eds_op {
    enum eds_verb verb;
    int64_t kind;
    const char *type; /* the store's own */
    struct eds_id key;
    int64_t if_match, judged;
    bool fresh, if_none, keep, conditional, settled;
    const uint64_t *term;
    size_t n_terms;
    eds_match_fn *match;
    void *match_arg;
    struct str body, terms;
    uint8_t digest[CRYPTO_SHA256];
    int64_t old; /* rid of the version it replaces; 0: none */
    struct eds_done done;
};
struct eds_group {
    struct eds *e;
    struct arena arena;
    VEC(struct eds_op) op;
    struct buf work, work2;
    size_t bad;
    int64_t last; /* rid; 0: nothing was written */
    uint8_t head[CRYPTO_SHA256];
    bool written;
};
AM_CHECK int eds_group_run(struct db_conn *c, void *group); /* a db_fn */

/* ---- eds_chain.c ---- */
struct eds_leaf {
    int64_t rid, ver, at;
    const char *type;
    struct str id; /* packed */
    bool gone;
    const uint8_t *digest; /* of the body; NULL: a deletion has none */
};
void eds_chain_begin(struct crypto_sha256 *h, const uint8_t prev[CRYPTO_SHA256]);
void eds_chain_add(struct crypto_sha256 *h, const struct eds_leaf *l);
/* The leaf of an erasure: no type is called by an empty name. */
void eds_chain_erasure(struct crypto_sha256 *h, int64_t rid, int64_t at,
                       const uint8_t digest[CRYPTO_SHA256]);
/* What the writer goes on from. */
AM_CHECK int eds_now(struct eds *e, struct db_conn *c);

/* ---- eds_back.c: a database that went back ---- */
/* The caller of a group was told that it is committed; head: of the chain, after it. */
void eds_told(struct eds *e, int64_t rid, const uint8_t head[CRYPTO_SHA256]);
/* A rid was read, or its rows were. */
void eds_saw(struct eds *e, int64_t rid);
/* The writer read e->now anew: is all there that was told and seen? If not, another epoch
 * begins, and e->lost says that it took along what was written with since. */
AM_CHECK int eds_back_look(struct eds *e, struct db_conn *c);

/* ---- eds_parts.c ---- */
AM_CHECK int eds_parts_open(struct eds *e);
/* Takes away bodies beyond the last rid, if there may be any (P2). */
AM_CHECK int eds_parts_clean(struct eds *e, struct db_conn *c, int64_t last);
void eds_parts_put(struct eds *e, int64_t rid); /* a body goes in */
/* Takes away the bodies of what was erased, in a write of its own: done again, it does
 * the same. */
AM_CHECK int eds_parts_erased(struct eds *e);

/* ---- eds_walk.c ---- */
struct eds_version {
    struct eds_meta m;
    char id[EDS_ID_MAX + 1]; /* packed */
    size_t id_n;
    struct str body, terms; /* as kept; terms: NULL unless current */
    bool damaged;           /* type or id is none */
};
/* What the chain says of it; names of x are borrowed. */
static inline struct eds_leaf eds_leaf_of(const struct eds_version *x,
                                          const uint8_t *digest)
{
    return (struct eds_leaf){.rid = x->m.rid,
                             .ver = x->m.ver,
                             .at = x->m.at,
                             .type = x->m.type,
                             .id = {x->id, x->id_n},
                             .gone = x->m.gone,
                             .digest = digest};
}
typedef int eds_walk_fn(void *arg, const struct eds_version *x);
AM_CHECK int eds_walk(struct eds_view *v, int64_t after, eds_walk_fn *fn, void *arg);
/* The same of what is current. */
AM_CHECK int eds_walk_current(struct eds_view *v, int64_t after, eds_walk_fn *fn,
                              void *arg);

/* ---- eds_index.c: the index as a whole ---- */
struct eds_sum { /* of rows, in any order */
    uint64_t n, sum;
};
/* Adds the row of that resource. */
void eds_sum_add(struct eds_sum sum[4], const struct fhir_row *r, int64_t rid);
/* Visits every row; fn as eds_row_fn, and it must not ask the index. */
AM_CHECK int eds_index_each(struct eds_view *v, eds_row_fn *fn, void *arg);
AM_CHECK int eds_index_has(struct eds_view *v, const struct fhir_row *r, int64_t rid,
                           bool *has);

/* ---- eds_read.c ---- */
/* Columns rid, type, id, ver, at in this order. */
AM_CHECK int eds_meta_read(const struct eds_view *v, struct db_stmt *s,
                           struct eds_meta *m);

#endif
