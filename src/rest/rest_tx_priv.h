/* SPDX-License-Identifier: Apache-2.0 */
/* rest_tx_priv -- a transaction on its way: what its entries ask (rest_resolve.c), then
 * what is written and answered (rest_transaction.c). */
#ifndef REST_TX_PRIV_H
#define REST_TX_PRIV_H

#include "rest/rest_priv.h"

struct tx_entry {
    struct rest_line l;
    struct str type;
    char id[EDS_ID_MAX + 1]; /* what it is about; "": nothing */
    char *target;            /* "Type/id" for who refers to it */
    bool by_query;           /* PUT, PATCH, DELETE by Type?query */
    struct rest_where where; /* of that, or of ifNoneExist */
    struct eds_meta found;
    size_t n_found;
    struct str current; /* PATCH: text of the version `found` */
    int64_t if_match;
    bool if_none;
    size_t op; /* in the group; SIZE_MAX: none */
    struct eds_done done;
};
struct tx_reference { /* "Patient?identifier=..." */
    struct rest_where where;
    char *target;
};
struct tx {
    struct rest_call *c;
    struct tx_entry *e;
    size_t n;
    size_t *order; /* of the entries that write */
    struct map by_url, by_query;
    struct tx_reference *ref;
    size_t refs, cap_refs;
    struct eds_group *g;
    struct buf text;
};

static inline bool tx_writes(const struct tx_entry *e)
{
    return e->l.method != REST_GET;
}

/* "/entry/<i><more>", in the arena. */
const char *rest_tx_path(struct tx *t, size_t i, const char *more);
/* Every entry: its request, its conditions, its type and body. */
AM_CHECK int rest_tx_read(struct tx *t);
/* Who is meant by a fullUrl; which references are queries. */
AM_CHECK int rest_tx_index(struct tx *t);
/* ---- rest_tx_refs.c ---- */
/* Notes the conditional references in v; then, entries resolved, whom each means. */
AM_CHECK int rest_tx_references(struct tx *t, const struct json *v);
AM_CHECK int rest_tx_meant(struct tx *t, struct eds_view *v);
/* For eds_view(), arg a struct tx: whom conditions and conditional references mean now.
 */
int rest_tx_resolve(struct eds_view *v, void *arg);

#endif
