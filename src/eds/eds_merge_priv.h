/* SPDX-License-Identifier: Apache-2.0 */
/* Private to eds_merge*.c: one pass, from what a view saw to the job that makes the new
 * segment live. */
#ifndef EDS_MERGE_PRIV_H
#define EDS_MERGE_PRIV_H

#include "eds/eds_index_priv.h"

struct eds_merge_seg {
    int64_t n, lo, hi, pages;
    bool scarred; /* holds what was erased, perhaps */
};
struct eds_merge {
    struct eds *e;
    VEC(struct eds_merge_seg) live, old; /* as a view saw them; old: to be taken away */
    int64_t mark, top;                   /* of that view */
    uint64_t epoch;                      /* of the first view of a pass */
    size_t from, to;                     /* live[from...to-1] become one */
    bool join;                           /* segments, too */
    size_t max;                          /* resources of the tail */
    struct eds_merge_seg made;
    struct eds_pager pager;
    struct eds_dead *dead;
    struct eds_at last; /* what was packed last */
    struct buf last_text;
    bool some, end;
    VEC(struct str) body; /* pages that wait, in `bodies` */
    size_t sent, job;     /* body[sent...] go through the writer, `job` at a time */
    struct arena bodies;
    int64_t first;        /* number of body[sent] */
    struct buf sent_last; /* page first - 1, as it was sent */
};

/* ---- eds_merge_write.c: pages through the writer ---- */
/* A page that was made waits in `bodies`. */
AM_CHECK int eds_merge_page(void *arg, struct str body);
/* Jobs: some pages of a segment that is not live yet; the last ones, and it is live, and
 * what it replaces no more (S3). AM_E_CONFLICT: what was read or sent before is no more,
 * the pass is given up. */
AM_CHECK int eds_merge_some(struct db_conn *c, void *arg);
AM_CHECK int eds_merge_swap(struct db_conn *c, void *arg);
/* All pages that wait, the last job's done by `last`. */
AM_CHECK int eds_merge_send(struct eds_merge *m, db_fn *last);
/* Takes m->old away. */
AM_CHECK int eds_merge_clean(struct eds_merge *m);

#endif
