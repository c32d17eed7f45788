/* SPDX-License-Identifier: Apache-2.0 */
/* Private to eds_sort*.c: hits with what they sort by. */
#ifndef EDS_SORT_PRIV_H
#define EDS_SORT_PRIV_H

#include "eds/eds_search_priv.h"

struct eds_sorted {
    int64_t rid;
    struct fhir_sort_key key[FHIR_QUERY_SORTS]; /* their texts stand behind it */
};
/* The first `most` hits after `last`, the worst of them on top (a heap). */
struct eds_best {
    struct eds_run *r;
    size_t sorts, most;
    const struct eds_sorted *last; /* NULL: the first page */
    struct eds_sorted **v;
    size_t n, cap;
};

/* By the first `sorts` orders; what has no value comes last in both directions, and of
 * equals the newest first. */
int eds_sorted_cmp(const struct fhir_query *q, size_t sorts, const struct eds_sorted *a,
                   const struct eds_sorted *b);
/* Do index rows hold the whole key? The key of a row, false: it is another parameter's;
 * a text stays the row's. longer: eds_sort_longer() of the parameter. */
bool eds_sort_rows(const struct fhir_query *q, const struct fhir_sort *s);
bool eds_sort_row(const struct fhir_sort *s, uint32_t longer, const struct fhir_row *row,
                  struct fhir_sort_key *out);
/* Where the rest of its keys stand: fhir_long_number(), or of numbers the Ranges'. */
uint32_t eds_sort_longer(const struct fhir_param *p);
/* The keys of a hit, its texts in `a`. */
AM_CHECK int eds_sort_keys(struct eds_run *r, size_t sorts, int64_t rid, struct arena *a,
                           struct eds_sorted *out);
/* Of a cursor: "n<bits of the double>", "t<decimal>", "x<text in hex>", "-". */
AM_CHECK int eds_sorted_write(const struct eds_sorted *s, size_t sorts, struct buf *b);
AM_CHECK int eds_sorted_read(struct eds_run *r, size_t sorts, struct str text,
                             struct eds_sorted *s);

/* Takes a copy of what comes after `last` and belongs to the first `most`. */
AM_CHECK int eds_best_offer(struct eds_best *b, const struct eds_sorted *s);
/* Of one that is among them, at i, another key, if that is better. */
AM_CHECK int eds_best_better(struct eds_best *b, size_t i, const struct eds_sorted *s);
void eds_best_order(struct eds_best *b); /* best first; no heap any more */
void eds_best_release(struct eds_best *b);

#endif
