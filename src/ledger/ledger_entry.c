/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_entry -- what the fold keeps of each entry, small: a national log has millions.
 *
 * Outcomes are few and shared: an entry holds the number of its own. The table from a
 * payload to its first entry holds entry numbers only (a digest is its own hash), so an
 * entry costs 48 bytes and some 8 in the table. */
#include "ledger/ledger_priv.h"

static uint64_t hash_of(const uint8_t payload[32])
{
    uint64_t h;
    memcpy(&h, payload, sizeof h);
    return h;
}

/* The slot of that payload, or the free one it would get. */
static uint32_t *slot_of(const struct ledger *l, const uint8_t payload[32])
{
    const struct ledger_firsts *f = &l->firsts;
    size_t i = (size_t)hash_of(payload) & (f->cap - 1);
    while (f->slot[i] && memcmp(l->entry.v[f->slot[i] - 1].payload, payload, 32) != 0)
        i = (i + 1) & (f->cap - 1);
    return &f->slot[i];
}

uint64_t ledger_first_of(const struct ledger *l, const uint8_t payload[32])
{
    uint32_t at = l->firsts.cap ? *slot_of(l, payload) : 0;
    return at ? at - 1 : UINT64_MAX;
}

static int firsts_grow(struct ledger *l)
{
    struct ledger_firsts old = l->firsts;
    size_t cap = old.cap ? old.cap * 2 : 256;
    uint32_t *slot = am_calloc(cap, sizeof *slot);
    if (!slot)
        return AM_E_NOMEM;
    l->firsts = (struct ledger_firsts){slot, cap, old.n};
    for (size_t i = 0; i < old.cap; i++)
        if (old.slot[i])
            *slot_of(l, l->entry.v[old.slot[i] - 1].payload) = old.slot[i];
    free(old.slot);
    return AM_OK;
}

int ledger_entry_room(struct ledger *l)
{
    int err = l->entry.n < UINT32_MAX - 1 ? AM_OK : AM_E_TOOBIG;
    if (!err)
        err = vec_room(&l->entry);
    if (!err)
        err = vec_room(&l->outcome);
    if (!err && (l->firsts.n + 1) * 4 > l->firsts.cap * 3)
        err = firsts_grow(l);
    return err;
}

static bool same_outcome(const struct ledger_outcome *a, const struct ledger_outcome *b)
{
    return a->effect == b->effect && a->waived == b->waived &&
           strcmp(a->code, b->code) == 0 && strcmp(a->transition, b->transition) == 0;
}

static uint32_t outcome_number(struct ledger *l, const struct ledger_outcome *o)
{
    for (size_t i = 0; i < l->outcome.n; i++)
        if (same_outcome(&l->outcome.v[i], o))
            return (uint32_t)i;
    l->outcome.v[l->outcome.n] = *o; /* ledger_entry_room() */
    return (uint32_t)l->outcome.n++;
}

void ledger_entry_add(struct ledger *l, const struct ledger_entry *e,
                      const struct ledger_outcome *o)
{
    uint64_t index = l->entry.n, i = ledger_first_of(l, e->payload);
    struct ledger_entry *mine = &l->entry.v[l->entry.n++];
    *mine = *e;
    mine->outcome = outcome_number(l, o);
    if (i == UINT64_MAX) {
        *slot_of(l, e->payload) = (uint32_t)index + 1;
        l->firsts.n++;
        return;
    }
    while (l->entry.v[i].next)
        i = l->entry.v[i].next;
    l->entry.v[i].next = (uint32_t)index;
}

const struct ledger_outcome *ledger_outcome_of(const struct ledger *l,
                                               const struct ledger_entry *e)
{
    return &l->outcome.v[e->outcome];
}
