/* SPDX-License-Identifier: Apache-2.0 */
/* eds_whose_priv -- what was met of whom (eds_whose.c), and what goes of it (eds_fate.c).
 * Of resources that name no Patient only those are remembered that hang on what belongs
 * to patients, and who names which Binary: 16 bytes each. */
#ifndef EDS_WHOSE_PRIV_H
#define EDS_WHOSE_PRIV_H

#include "base/map.h"
#include "eds/eds_erase_priv.h"
#include "fhir/param.h"

struct whose_node {
    struct str type, id;
    uint64_t hash;
    bool self, him, by_address, other, goes, tagged, damaged;
    /* To what belongs to patients, where no Patient is named; of a Provenance also its
     * targets, whoever is named; away: by a whole address. */
    VEC(uint64_t) ref, away;
};
struct whose_pair { /* who names a Binary */
    uint64_t binary, by;
};
struct whose_binary { /* that what goes names */
    struct str name;  /* "Binary/id" */
    bool by_address;
};
struct whose {
    struct eds *e;
    struct eds_view *v;
    struct eds_erase *x;
    VEC(struct whose_node) node;
    struct map by_name;
    VEC(struct whose_pair) pair;
    VEC(struct whose_binary) binary;
    VEC(uint64_t) gone; /* hashes of what goes */
    size_t sorted;      /* of these, in order */
    struct buf kept, text;
    int64_t top, seen;
    /* of the version looked at */
    struct {
        bool him, by_address, other;
        VEC(uint64_t) ref, away, binary, target;
    } is;
};

static inline uint64_t eds_whose_hash(const struct whose *w, struct str name)
{
    return fhir_term_hash(&w->e->row_key, 0, FHIR_TERM_CODE, name, STR(""));
}

static inline bool eds_whose_belongs(struct str type)
{
    return fhir_compartment_has(STR("Patient"), type);
}

/* ---- eds_whose.c ---- */
/* NULL: not met; made if that is wanted. Good until the next is made. */
AM_CHECK int eds_whose_node(struct whose *w, const struct eds_meta *m, bool make,
                            struct whose_node **out);
/* May it go, by all that was ever said in it? Then it is among `gone`. */
AM_CHECK int eds_whose_take(struct whose *w, struct whose_node *n);

/* ---- eds_fate.c ---- */
/* All was met: what goes, and what is told of the rest. AM_E_NOTFOUND: no such Patient.
 */
AM_CHECK int eds_fates(struct whose *w);

#endif
