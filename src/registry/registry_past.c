/* SPDX-License-Identifier: Apache-2.0 */
/* registry_past -- the fold at an older size of the log, made again from it. Any reader
 * may ask for one, and it may cost seconds, so:
 *
 *   - one is made at a time; who comes meanwhile is told to come again, at once;
 *   - a few are kept, together of no more entries than one may have; a later size goes on
 *     from the greatest kept below it;
 *   - a reader spends entries folded, and has so many a minute (AM_E_TOOMANY);
 *   - it is given up when the reader has gone: what was folded is kept as what it is.
 *
 * Threads: any; past_lock is taken alone. */
#include <time.h>

#include "base/clock.h"
#include "registry/registry_priv.h"

enum {
    LOOK_EVERY = 16,    /* entries: is the reader still there? */
    WAIT_MS = 250,      /* for others who read one that is kept */
    SPEND = 400000,     /* entries, for one reader, a minute */
    SPEND_LEAST = 4000, /* what a fold from the start costs at least */
};

/* ---- what readers spend ------------------------------------------------------------ */
static struct registry_spender *spender(struct registry *r, struct str who, int64_t now)
{
    struct registry_spender *old = &r->spender[0];
    for (size_t i = 0; i < AM_LEN(r->spender); i++) {
        struct registry_spender *s = &r->spender[i];
        if (str_eqc(who, s->who)) {
            old = s;
            break;
        }
        if (s->since < old->since)
            old = s;
    }
    if (!str_eqc(who, old->who) || now - old->since > 60 * TIME_SECOND) {
        snprintf(old->who, sizeof old->who, "%.*s", STR_FMT(who));
        old->since = now;
        old->spent = 0;
    }
    return old;
}

/* Under past_lock. */
static int spend(struct registry *r, const struct registry_reader *who, uint64_t entries)
{
    struct registry_spender *s;
    if (!who || !who->who.n)
        return AM_OK;
    s = spender(r, str_sub(who->who, 0, AM_MIN(who->who.n, sizeof s->who - 1)),
                time_mono());
    if (s->spent + entries > SPEND)
        return AM_E_TOOMANY;
    s->spent += entries;
    return AM_OK;
}

/* ---- what is kept ------------------------------------------------------------------ */
static void drop(struct registry_past *p)
{
    ledger_free(p->ledger);
    *p = (struct registry_past){0};
}

/* Room for one of that size: the least used go first. */
static void make_room(struct registry *r, const struct registry_past *mine, uint64_t size)
{
    for (;;) {
        struct registry_past *least = NULL;
        uint64_t sum = size;
        for (size_t i = 0; i < REGISTRY_PASTS; i++) {
            struct registry_past *p = &r->past[i];
            if (p == mine || !p->ledger)
                continue;
            sum += ledger_size(p->ledger);
            if (!least || p->used < least->used)
                least = p;
        }
        if (!least || sum <= REGISTRY_PAST_MAX)
            return;
        drop(least);
    }
}

/* The greatest that is not beyond it, or an empty place. */
static struct registry_past *nearest(struct registry *r, uint64_t size)
{
    struct registry_past *best = NULL, *place = &r->past[0];
    for (size_t i = 0; i < REGISTRY_PASTS; i++) {
        struct registry_past *p = &r->past[i];
        if (!p->ledger || (place->ledger && p->used < place->used))
            place = p;
        if (p->ledger && ledger_size(p->ledger) <= size &&
            (!best || ledger_size(p->ledger) > ledger_size(best->ledger)))
            best = p;
    }
    if (!best)
        drop(place);
    return best ? best : place;
}

/* ---- folding ----------------------------------------------------------------------- */
struct making {
    struct ledger *ledger;
    const struct registry_reader *who;
};

static int fold_one(void *cookie, uint64_t index, struct str leaf)
{
    struct making *m = cookie;
    if (index % LOOK_EVERY == 0 && m->who && m->who->gone && m->who->gone(m->who->cookie))
        return AM_E_UNAVAILABLE;
    return ledger_apply(m->ledger, leaf);
}

static int fold_to(struct registry *r, const struct registry_reader *who,
                   struct registry_past *p, uint64_t size)
{
    struct making m = {.who = who};
    uint64_t have = p->ledger ? ledger_size(p->ledger) : 0, cost = size - have;
    int err = spend(r, who, have ? cost : AM_MAX(cost, (uint64_t)SPEND_LEAST));
    if (err)
        return err;
    make_room(r, p, size);
    if (!p->ledger)
        err = ledger_new(&p->ledger, r->blobs);
    m.ledger = p->ledger;
    atomic_store(&r->past_folding, true);
    if (!err)
        err = tlog_each(r->log, have, size, fold_one, &m);
    atomic_store(&r->past_folding, false);
    return err;
}

/* Reading one that is kept is short; making one is not to be waited for. */
static int lock(struct registry *r)
{
    const struct timespec ms = {.tv_nsec = 1000 * 1000};
    for (int i = 0; pthread_mutex_trylock(&r->past_lock); i++) {
        if (atomic_load(&r->past_folding) || i == WAIT_MS)
            return AM_E_UNAVAILABLE;
        nanosleep(&ms, NULL);
    }
    return AM_OK;
}

int registry_view_as(struct registry *r, const struct registry_reader *who, uint64_t size,
                     registry_fn *fn, void *arg)
{
    struct tlog_checkpoint head;
    struct registry_past *p;
    int err;
    tlog_head(r->log, &head);
    if (size < 1 || size > head.size)
        return AM_E_NOTFOUND;
    if (size > REGISTRY_PAST_MAX)
        return AM_E_TOOBIG;
    err = lock(r);
    if (err)
        return err;
    p = nearest(r, size);
    p->used = ++r->past_used;
    if (!p->ledger || ledger_size(p->ledger) < size)
        err = fold_to(r, who, p, size);
    if (!err)
        err = fn(arg, p->ledger, size);
    pthread_mutex_unlock(&r->past_lock);
    return err;
}

int registry_view_at(struct registry *r, uint64_t size, registry_fn *fn, void *arg)
{
    return registry_view_as(r, NULL, size, fn, arg);
}

void registry_past_close(struct registry *r)
{
    for (size_t i = 0; i < REGISTRY_PASTS; i++)
        drop(&r->past[i]);
}
