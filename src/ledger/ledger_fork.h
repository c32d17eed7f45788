/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_fork -- copies of a folded state that are cheap to make and to throw away, so
 * that a test can try a million continuations. Only tests include this file.
 *
 * What statements change is copied; what they do not (keys' material, policy, genesis) is
 * shared. Most maps are shared too: a look-up compares the name it finds, so an entry
 * that another copy has left there is harmless; ledger_unfork() hands grown maps back. A
 * forked ledger must not see policy_change or compromised_since. */
#ifndef LEDGER_FORK_H
#define LEDGER_FORK_H

#include "ledger/ledger_priv.h"

static inline void *fork_bytes(const void *p, size_t n)
{
    void *copy = malloc(n ? n : 1);
    am_assert(copy);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

#define FORK_VEC(vec)                                                                    \
    ((vec)->v = fork_bytes((vec)->v, (vec)->n * sizeof *(vec)->v), (vec)->cap = (vec)->n)

static inline char *fork_text(const char *s)
{
    return s ? fork_bytes(s, strlen(s) + 1) : NULL;
}

#define FORK_NAMES(vec)                                                                  \
    do {                                                                                 \
        FORK_VEC(vec);                                                                   \
        for (size_t name_ = 0; name_ < (vec)->n; name_++)                                \
            (vec)->v[name_] = fork_text((vec)->v[name_]);                                \
    } while (0)

static inline void fork_version(struct ledger_verrec *v)
{
    FORK_NAMES(&v->v.scope_gst);
    FORK_NAMES(&v->v.scope_establishment);
    FORK_NAMES(&v->use);
    FORK_VEC(&v->v.evidence);
    FORK_VEC(&v->v.history);
    FORK_VEC(&v->rows);
    FORK_VEC(&v->run);
    FORK_VEC(&v->sealed);
    FORK_VEC(&v->vigilance);
    FORK_VEC(&v->deposit);
    FORK_VEC(&v->stop);
    FORK_VEC(&v->deployment);
    FORK_VEC(&v->fact);
}

/* The maps that copies share. */
#define FORK_MAPS(X)                                                                     \
    X(by_key)                                                                            \
    X(by_stranger)                                                                       \
    X(by_algorithm)                                                                      \
    X(by_version)                                                                        \
    X(by_deployment)                                                                     \
    X(by_stop)                                                                           \
    X(by_node)                                                                           \
    X(by_fact)                                                                           \
    X(by_house)

static inline struct ledger *ledger_fork(const struct ledger *from)
{
    struct ledger *l = fork_bytes(from, sizeof *from);
    am_assert(!l->vigilance.n && !l->deposit.n && !l->sandbox.n && !l->voided.n);
    l->verifier = NULL;
    l->firsts.slot = fork_bytes(l->firsts.slot, l->firsts.cap * sizeof *l->firsts.slot);
    for (int x = 0; x < LEDGER_LISTS; x++) { /* no name is beside the number of a list */
        am_assert(!map_copy(&l->list[x].by_name, &from->list[x].by_name));
        FORK_VEC(&l->list[x].newest);
        FORK_VEC(&l->list[x].older);
    }
    FORK_VEC(&l->entry);
    FORK_VEC(&l->outcome);
    FORK_VEC(&l->key);
    FORK_VEC(&l->stranger);
    FORK_VEC(&l->algorithm);
    FORK_VEC(&l->node);
    FORK_VEC(&l->recusal);
    FORK_VEC(&l->version);
    for (size_t i = 0; i < l->version.n; i++)
        fork_version(&l->version.v[i]);
    FORK_VEC(&l->deployment);
    for (size_t i = 0; i < l->deployment.n; i++) {
        FORK_NAMES(&l->deployment.v[i].p.service);
        FORK_VEC(&l->deployment.v[i].p.history);
    }
    FORK_VEC(&l->stop);
    for (size_t i = 0; i < l->stop.n; i++)
        FORK_VEC(&l->stop.v[i].s.ack);
    FORK_VEC(&l->fact);
    for (size_t i = 0; i < l->fact.n; i++) {
        struct ledger_factrec *f = &l->fact.v[i];
        f->place = fork_text(f->place);
        f->org = fork_text(f->org);
        if (f->kind == LEDGER_FACT_CERTIFICATE && !f->corrected)
            am_assert(!map_set(&l->by_house, str_c(f->place), i));
    }
    return l;
}

static inline void ledger_unfork(struct ledger *l, struct ledger *parent)
{
#define FORK_BACK(name) parent->name = l->name;
    FORK_MAPS(FORK_BACK)
#undef FORK_BACK
    for (size_t i = 0; i < l->version.n; i++) {
        if (i < parent->version.n &&
            l->version.v[i].claim.doc == parent->version.v[i].claim.doc)
            l->version.v[i].claim.doc = NULL; /* shared */
        ledger_version_drop(&l->version.v[i]);
    }
    for (size_t i = parent->key.n; i < l->key.n; i++)
        ledger_key_drop(&l->key.v[i]); /* granted here; the others are the parent's */
    for (size_t i = 0; i < l->deployment.n; i++)
        ledger_deployment_drop(&l->deployment.v[i]);
    for (size_t i = 0; i < l->stop.n; i++)
        vec_release(&l->stop.v[i].s.ack);
    for (size_t i = 0; i < l->fact.n; i++)
        ledger_fact_drop(&l->fact.v[i]);
    free(l->firsts.slot);
    ledger_lists_drop(l);
    vec_release(&l->entry);
    vec_release(&l->outcome);
    vec_release(&l->key);
    vec_release(&l->stranger);
    vec_release(&l->algorithm);
    vec_release(&l->node);
    vec_release(&l->recusal);
    vec_release(&l->version);
    vec_release(&l->deployment);
    vec_release(&l->stop);
    vec_release(&l->fact);
    free(l);
}

/* A copy beside another living copy: its maps are its own, ledger_unfork_apart() ends it.
 */
static inline struct ledger *ledger_fork_apart(const struct ledger *from)
{
    struct ledger *l = ledger_fork(from);
    struct map own;
#define FORK_OWN(name)                                                                   \
    am_assert(!map_copy(&own, &l->name));                                                \
    l->name = own;
    FORK_MAPS(FORK_OWN)
#undef FORK_OWN
    return l;
}

static inline void ledger_unfork_apart(struct ledger *l, const struct ledger *parent)
{
    struct ledger *end = fork_bytes(parent, sizeof *parent); /* its maps are let go */
    ledger_unfork(l, end);
#define FORK_DROP(name) map_release(&end->name);
    FORK_MAPS(FORK_DROP)
#undef FORK_DROP
    free(end);
}

#endif
