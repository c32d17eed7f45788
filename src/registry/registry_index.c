/* SPDX-License-Identifier: Apache-2.0 */
/* registry_index -- the register's index made at opening, beside the server.
 *
 * A small register is indexed before registry_open() returns. A large one answers at once
 * and a thread of its own indexes what the fold holds, oldest first: it notes a few
 * versions under the read lock, reads and parses their records under none, and puts them
 * under the write lock if they are still what was noted. Statements folded meanwhile keep
 * the index themselves, as always (registry_search.c); what they have put is not put
 * again. Two walks, since the fold may be made anew below the first (a compromised key).
 *
 * Until it is whole, registry_indexing() says so: a search would miss models. */
#include "base/clock.h"
#include "base/log.h"
#include "registry/registry_priv.h"

enum { TOGETHER = 16, WALKS = 2 };
static atomic_bool held;

void registry_index_hold(bool hold)
{
    atomic_store(&held, hold);
}

struct noted { /* one version, and what its texts are read from */
    uint8_t digest[32], declared[32], algorithm[32];
    bool named; /* it has an algorithm */
    struct registry_text version, names;
    int err;
};
struct walk {
    struct registry *r;
    size_t at, end, n;
    int walk;
    struct noted noted[TOGETHER];
};

static void forget(struct walk *k)
{
    for (size_t i = 0; i < k->n; i++) {
        registry_text_release(&k->noted[i].version);
        registry_text_release(&k->noted[i].names);
    }
    k->n = 0;
}

/* The next few that are not indexed. */
static int note(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct walk *k = arg;
    (void)cosigned;
    forget(k);
    k->end = ledger_versions(l);
    for (size_t seen = 0; k->at < k->end && k->n < TOGETHER && seen < 4096; seen++) {
        const struct ledger_version *v = ledger_version_at(l, k->at++);
        const struct ledger_algorithm *a =
            ledger_algorithm_find(l, str_c(v->algorithm_id));
        struct noted *x = &k->noted[k->n];
        if (registry_search_has(k->r, v))
            continue;
        *x = (struct noted){.named = a != NULL};
        memcpy(x->digest, v->digest, sizeof x->digest);
        memcpy(x->declared, v->declared.payload, sizeof x->declared);
        if (a)
            memcpy(x->algorithm, a->payload, sizeof x->algorithm);
        k->n++;
    }
    return AM_OK;
}

static void read_records(struct walk *k)
{
    for (size_t i = 0; i < k->n; i++) {
        struct noted *x = &k->noted[i];
        x->err = registry_text_read(k->r, x->declared, &x->version);
        if (!x->err && x->named)
            x->err = registry_text_read(k->r, x->algorithm, &x->names);
    }
}

/* Under the write lock: unless another statement came between. */
static int put_one(struct registry *r, const struct noted *x)
{
    const struct ledger_version *v = ledger_version_find(r->ledger, x->digest);
    const struct ledger_algorithm *a;
    if (x->err || !v || registry_search_has(r, v) ||
        memcmp(v->declared.payload, x->declared, 32) != 0)
        return x->err; /* the second walk takes what changed */
    a = ledger_algorithm_find(r->ledger, str_c(v->algorithm_id));
    if (a && (!x->named || memcmp(a->payload, x->algorithm, 32) != 0))
        return AM_OK;
    return registry_search_put(r, v, &x->version, x->named ? &x->names : NULL);
}

static void put_all(struct walk *k)
{
    pthread_rwlock_wrlock(&k->r->fold);
    for (size_t i = 0; i < k->n; i++) {
        int err = put_one(k->r, &k->noted[i]);
        if (k->walk == WALKS - 1) /* tried twice: it is not found by words */
            registry_search_missed(k->r, err);
    }
    pthread_rwlock_unlock(&k->r->fold);
}

/* Is it to end? Waits while a test holds it. */
static bool stopping(const struct registry *r)
{
    const struct timespec ms = {.tv_nsec = 1000 * 1000};
    while (atomic_load(&held) && !atomic_load(&r->index_stop))
        nanosleep(&ms, NULL);
    return atomic_load(&r->index_stop);
}

static void *index_all(void *arg)
{
    struct walk *k = arg;
    struct registry *r = k->r;
    int64_t start = time_mono();
    for (k->walk = 0; k->walk < WALKS; k->walk++)
        for (k->at = 0, k->end = 1; k->at < k->end && !stopping(r);) {
            int err = registry_view(r, note, k);
            am_assert(!err);
            read_records(k);
            if (k->n)
                put_all(k);
            if (!k->walk)
                atomic_store(&r->indexed, k->at);
        }
    forget(k);
    free(k);
    if (!atomic_load(&r->index_stop)) {
        atomic_store(&r->indexing, false);
        LOG_I("registry.indexed", log_i("versions", (int64_t)atomic_load(&r->indexed)),
              log_i("ms", (time_mono() - start) / 1000));
    }
    return NULL;
}

int registry_index_start(struct registry *r, size_t now)
{
    size_t n = ledger_versions(r->ledger);
    struct walk *k = am_calloc(1, sizeof *k);
    if (!k)
        return AM_E_NOMEM;
    k->r = r;
    atomic_store(&r->index_of, n);
    atomic_store(&r->indexing, true);
    r->index_live = true; /* statements keep it from here on */
    if (n <= now) {
        (void)index_all(k);
        return AM_OK;
    }
    if (pthread_create(&r->indexer, NULL, index_all, k)) {
        free(k);
        return AM_E_NOMEM;
    }
    r->indexer_started = true;
    return AM_OK;
}

void registry_index_stop(struct registry *r)
{
    atomic_store(&r->index_stop, true);
    if (r->indexer_started)
        pthread_join(r->indexer, NULL);
    r->indexer_started = false;
}

bool registry_indexing(struct registry *r, uint64_t *done, uint64_t *of)
{
    *done = atomic_load(&r->indexed);
    *of = atomic_load(&r->index_of);
    return atomic_load(&r->indexing);
}
