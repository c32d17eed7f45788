/* SPDX-License-Identifier: Apache-2.0 */
/* eds_index_priv -- the index: how posting lists are kept, and what one view sees of
 * them.
 *
 * A write adds no index row: it only keeps `terms` with the resource. Rows of resources
 * up to a rid, the mark, stand in segments, sorted and packed in pages; rows of the
 * newest resources, the tail, are read from their `terms` into memory by whoever
 * searches. A thread of the writing process turns the tail into a segment and, as
 * segments become many, several neighbours into one (eds_merge.c).
 *
 * A segment covers a stretch of rids that no other covers (I2: rid only grows), so a list
 * is the newest segment's part, then the next one's. It is never changed: what was
 * replaced or deleted stays in it, and `dead` says so (by: the rid of whatever ended it)
 * until the segment is made anew.
 *
 * Invariants
 *   S1  for each view: the rows of its segments, those of the dead left out, and of its
 *       tail, are exactly those listed in `terms` of what is current in it;
 *   S2  the tail in memory is a cache of committed rows. Rows up to a `bound` of it were
 *       read in a snapshot that ended there, so they are whole for every later one; an
 *       older snapshot reads what it misses by itself;
 *   S3  a segment becomes valid in the transaction that makes what it replaces invalid.
 *
 * Locks: tail.rw guards the tail and the cached directories of segments; it may be held
 * while SQL runs, never while segments are read. The dead of a view are its own: whoever
 * adds to them makes a new set. */
#ifndef EDS_INDEX_PRIV_H
#define EDS_INDEX_PRIV_H

#include "eds/eds_priv.h"

enum {
    EDS_PAGE_B = 3900,       /* of a page's body: a leaf of SQLite holds one */
    EDS_SLICE = 1024,        /* pages made in one view */
    EDS_JOB = 64,            /* pages that go through the writer at once */
    EDS_SEG_PAGES = 1 << 22, /* at most: page ids of a segment follow each other */
    EDS_CHUNK = 4096,        /* resources in a chunk of the tail */
    EDS_KEPT_B = 32 << 20,   /* of bodies that were read */
    EDS_KINDS = 4
};

struct eds_at { /* a row of a resource */
    struct fhir_row row;
    int64_t rid;
};
/* The order within a segment: kind, values, rid (dates: beginning, rid, end). */
int eds_at_cmp(const struct eds_at *a, const struct eds_at *b);

/* ---- eds_page.c: rows in pages ---- */
typedef int eds_page_fn(void *arg, struct str body);
struct eds_pager {
    eds_page_fn *page;
    void *arg;
    int64_t lo;    /* rids are kept as distances from it */
    size_t page_b; /* of a page; a list goes in pieces of half of it or more */
    struct buf body, post, dir, text;
    struct eds_at last;
    uint64_t hash, n_post; /* the list being gathered */
    int64_t post_first, post_last;
    bool some; /* the page has a row */
    int64_t rows[EDS_KINDS];
    size_t pages;
};
void eds_pager_init(struct eds_pager *p, int64_t lo, size_t page_b, eds_page_fn *fn,
                    void *arg);
void eds_pager_release(struct eds_pager *p);
/* In the order of eds_at_cmp(). */
AM_CHECK int eds_pager_add(struct eds_pager *p, const struct eds_at *at);
AM_CHECK int eds_pager_end(struct eds_pager *p);

struct eds_page {
    struct str rest;
    int64_t lo;
    struct eds_at at; /* text: in `text` */
    struct buf text;
    uint64_t left; /* of the list */
};
/* body stays the caller's. Every failure is AM_E_TAMPERED (or no memory). */
AM_CHECK int eds_page_open(struct eds_page *p, struct str body, int64_t lo);
AM_CHECK int eds_page_next(struct eds_page *p, bool *more);
void eds_page_release(struct eds_page *p);
/* The rids of one term in a page of tokens, least first, at most max; *n: how many there
 * are. rid NULL: only counted. */
AM_CHECK int eds_page_list(struct str body, int64_t lo, uint64_t hash, int64_t *rid,
                           size_t max, size_t *n);
/* The first row of each page. */
typedef int eds_first_fn(void *arg, const struct eds_at *at);
AM_CHECK int eds_dir_each(struct str dir, int64_t lo, eds_first_fn *fn, void *arg);

/* ---- eds_seg.c: segments ---- */
struct eds_seg {
    int refs;
    bool loose;        /* not among those kept: goes with its last view */
    int64_t n, lo, hi; /* rids above lo, up to hi */
    struct eds_at *first;
    size_t pages, kind[EDS_KINDS + 1]; /* where the pages of a kind begin */
    struct arena texts;
};
AM_CHECK int eds_seg_load(struct eds_view *v, int64_t n, struct eds_seg **out);
void eds_seg_free(struct eds_seg *s);
/* The page where a row would stand that is not in a later one; SIZE_MAX: before all. */
size_t eds_seg_find(const struct eds_seg *s, const struct eds_at *at);
/* Borrowed until the next call on the view. */
AM_CHECK int eds_seg_page(struct eds_view *v, const struct eds_seg *s, size_t page,
                          struct str *body);
/* Rows one after the other, from a page on. */
struct eds_reel {
    struct eds_view *v;
    const struct eds_seg *s;
    size_t next;
    struct buf body;
    struct eds_page page;
    bool open;
};
void eds_reel_init(struct eds_reel *r, struct eds_view *v, const struct eds_seg *s,
                   size_t page);
AM_CHECK int eds_reel_next(struct eds_reel *r, bool *more); /* r->page.at */
void eds_reel_release(struct eds_reel *r);

/* ---- eds_tail.c: rows in memory ---- */
struct eds_slot {
    uint64_t key;
    uint32_t last, n; /* the newest of the list, from 1; 0: empty slot */
};
struct eds_slots {
    struct eds_slot *v;
    size_t n, cap;
};
struct eds_post {
    uint32_t rid, prev;
};
struct eds_tail_row {
    struct fhir_row row;
    uint32_t rid, prev;
};
struct eds_chunk {
    int refs;
    int64_t lo, hi; /* rids above lo, up to hi */
    size_t resources;
    struct eds_slots tok, other;
    VEC(struct eds_post) post;
    VEC(struct eds_tail_row) row;
    struct arena text;
};
struct eds_dead {
    int refs;
    struct eds_grave {
        int64_t rid, by;
    } *v;
    uint64_t *bit; /* 4 * cap: that of rid modulo their number is 1 if rid is here */
    size_t n, cap;
};
struct eds_tail {
    pthread_rwlock_t rw;
    int64_t lo, hi, gen; /* gen: greatest segment when the dead were read whole */
    VEC(struct eds_chunk *) chunk;
    VEC(int64_t) bound;
    struct eds_dead *dead, *fresh; /* fresh: few, since dead was made */
    VEC(struct eds_seg *) seg;     /* directories read */
};
/* What one view looks at; rids up to `mark` in segments, `shared` in chunks, top in own.
 */
struct eds_ix {
    VEC(struct eds_seg *) seg; /* oldest first, as chunks */
    VEC(struct eds_chunk *) chunk;
    struct eds_chunk *own;
    struct eds_dead *dead, *fresh, *own_dead;
    int64_t mark, shared, top, gen, dead_to;
    bool dead_any;
    uint64_t ground; /* a writer's */
};
AM_CHECK int eds_tail_new(struct eds_tail **out);
void eds_tail_free(struct eds_tail *t);
void eds_tail_clear(struct eds_tail *t);
/* Reads (from, to] of res into the chunk. */
AM_CHECK int eds_chunk_new(struct eds_chunk **out, int64_t lo);
void eds_chunk_put(struct eds_chunk *c);
AM_CHECK int eds_chunk_add(struct eds_chunk *c, int64_t rid, struct str terms);
/* The rows of a list, newest first: the index of the first, 0: none; then `prev`. */
uint32_t eds_chunk_tok(const struct eds_chunk *c, uint64_t hash, uint32_t *n);
uint32_t eds_chunk_row(const struct eds_chunk *c, const struct fhir_row *like);
AM_CHECK int eds_dead_new(struct eds_dead **out);
void eds_dead_put(struct eds_dead *d);
AM_CHECK int eds_dead_add(struct eds_dead *d, int64_t rid, int64_t by);
/* A new set of all that are in a or b. */
AM_CHECK int eds_dead_join(struct eds_dead **out, const struct eds_dead *a,
                           const struct eds_dead *b);
/* NULL: nobody. */
bool eds_dead_has(const struct eds_dead *d, int64_t rid, int64_t top);
AM_CHECK int eds_dead_read(struct eds_view *v, int64_t by, int64_t to,
                           struct eds_dead *into);

/* ---- eds_ix.c: what a view sees ---- */
AM_CHECK int eds_ix_get(struct eds_view *v, struct eds_ix **out);
void eds_ix_free(struct eds *e, struct eds_ix *x);
static inline bool eds_ix_dead(const struct eds_ix *x, int64_t rid)
{
    return x->dead_any &&
           (eds_dead_has(x->dead, rid, x->top) || eds_dead_has(x->fresh, rid, x->top) ||
            eds_dead_has(x->own_dead, rid, x->top));
}
/* Chunk i of the view's tail, newest first, and the rids of it that count. */
bool eds_ix_chunk(const struct eds_ix *x, size_t i, const struct eds_chunk **c,
                  int64_t *above, int64_t *until);

/* ---- eds_kept.c: bodies that were read, in `bytes` of memory at most ---- */
struct eds_kept;
AM_CHECK int eds_kept_new(struct eds_kept **out, size_t bytes);
void eds_kept_free(struct eds_kept *k);
/* A rid is of one version for ever within an epoch; a view is of one. */
uint64_t eds_kept_epoch(const struct eds_kept *k);
/* Nothing of them stays in memory; another epoch begins. */
void eds_kept_clear(struct eds_kept *k);
/* Appends the JSON of a rid, if it is here and the epoch is still that. From any thread.
 */
AM_CHECK int eds_kept_get(struct eds_kept *k, uint64_t epoch, int64_t rid,
                          struct buf *out, struct eds_meta *m, bool *found);
/* Of a rid that is committed: one that is taken back is given again. */
void eds_kept_put(struct eds_kept *k, uint64_t epoch, const struct eds_meta *m,
                  struct str body);

/* ---- eds_list.c ---- */
/* Rows of a span in any order; fn as eds_row_fn, and it must not ask the index. */
AM_CHECK int eds_span_each(struct eds_view *v, enum fhir_row_kind kind,
                           const struct eds_span *s, eds_row_fn *fn, void *arg);

/* ---- eds_merge.c, eds_merge_write.c ---- */
void eds_seg_met(struct eds *e, int64_t n); /* no segment gets that number, or less */
/* Segments of n resources of the tail while it has `least` rids, and neighbours of one
 * size made one, until nothing is left to do. */
AM_CHECK int eds_merge(struct eds *e, size_t n, size_t least);
/* The tail alone, and what was left half made: for an opening, which waits for it. */
AM_CHECK int eds_merge_tail(struct eds *e, size_t n, size_t least);
AM_CHECK int eds_merge_until(struct eds *e, size_t n, size_t least, const bool *stop);

/* ---- eds_merger.c ---- */
AM_CHECK int eds_merger_start(struct eds *e);
void eds_merger_stop(struct eds *e);               /* no merger: fine */
void eds_merger_wrote(struct eds *e, int64_t rid); /* waits while the tail is too long */
void eds_merger_reached(struct eds *e, int64_t mark);
/* Nothing is merged in between; not inside a pass. */
void eds_merger_hold(struct eds *e);
void eds_merger_let(struct eds *e);
typedef int eds_passes_fn(struct eds *e, size_t n, size_t least, const bool *stop);
AM_CHECK int eds_merger_alone(struct eds *e, eds_passes_fn *fn, size_t n, size_t least,
                              const bool *stop);

#endif
