/* SPDX-License-Identifier: Apache-2.0 */
/* eds_kept -- bodies that were read, as they are told, for the next who asks: what is in
 * a ward is read again and again. A rid is given once and what it names never changes, so
 * nothing here is ever wrong; it is only forgotten, the oldest first. Rids that may be
 * given again begin a new epoch: what an older view knows is neither told nor taken (each
 * shard's lock decides between it and the clearing). Each shard is one ring of bytes, so
 * that what it takes is known and its pages are touched only as it fills. */
#include <pthread.h>
#include <stdatomic.h>

#include "eds/eds_index_priv.h"

enum {
    KEPT_SHARDS = 16,
    KEPT_BUCKETS = 4096,
    KEPT_PART = 16, /* a body takes at most this part of a ring */
    KEPT_ALIGN = 16
};

struct kept_entry {
    int64_t rid;         /* 0: nothing, to the end of the ring */
    uint32_t size, next; /* of this with its body; the next of the bucket, + 1 */
    uint32_t body_n;
    struct eds_meta m;
    char body[];
};
struct kept_shard {
    pthread_mutex_t lock;
    char *ring; /* NULL: nothing yet */
    size_t head, tail, used;
    size_t top;                    /* bytes of the ring that were ever written */
    uint32_t bucket[KEPT_BUCKETS]; /* where its first entry is, + 1 */
};
struct eds_kept {
    size_t ring_b;
    atomic_ullong epoch;
    struct kept_shard shard[KEPT_SHARDS];
};

int eds_kept_new(struct eds_kept **out, size_t bytes)
{
    struct eds_kept *k = am_calloc(1, sizeof *k);
    if (!k)
        return AM_E_NOMEM;
    atomic_store(&k->epoch, 1);
    k->ring_b = bytes / KEPT_SHARDS / KEPT_ALIGN * KEPT_ALIGN;
    for (size_t i = 0; i < KEPT_SHARDS; i++)
        am_assert(!pthread_mutex_init(&k->shard[i].lock, NULL));
    *out = k;
    return AM_OK;
}

/* Nobody's data stay in freed memory. */
static void kept_drop(struct kept_shard *s)
{
    if (s->ring)
        explicit_bzero(s->ring, s->top);
    free(s->ring);
    s->ring = NULL;
    s->head = s->tail = s->used = s->top = 0;
    memset(s->bucket, 0, sizeof s->bucket);
}

void eds_kept_free(struct eds_kept *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < KEPT_SHARDS; i++) {
        kept_drop(&k->shard[i]);
        am_assert(!pthread_mutex_destroy(&k->shard[i].lock));
    }
    free(k);
}

uint64_t eds_kept_epoch(const struct eds_kept *k)
{
    return atomic_load(&k->epoch);
}

void eds_kept_clear(struct eds_kept *k)
{
    atomic_fetch_add(&k->epoch, 1);
    for (size_t i = 0; i < KEPT_SHARDS; i++) {
        struct kept_shard *s = &k->shard[i];
        am_assert(!pthread_mutex_lock(&s->lock));
        kept_drop(s);
        am_assert(!pthread_mutex_unlock(&s->lock));
    }
}

static uint64_t kept_mix(int64_t rid)
{
    return (uint64_t)rid * 0x9e3779b97f4a7c15u >> 40;
}

static struct kept_shard *kept_shard(struct eds_kept *k, int64_t rid)
{
    return &k->shard[kept_mix(rid) % KEPT_SHARDS];
}

static uint32_t *kept_bucket(struct kept_shard *s, int64_t rid)
{
    return &s->bucket[kept_mix(rid) / KEPT_SHARDS % KEPT_BUCKETS];
}

static struct kept_entry *kept_at(const struct kept_shard *s, size_t at)
{
    return (struct kept_entry *)(void *)(s->ring + at);
}

static struct kept_entry *kept_find(struct kept_shard *s, int64_t rid)
{
    uint32_t at = *kept_bucket(s, rid);
    while (at && kept_at(s, at - 1)->rid != rid)
        at = kept_at(s, at - 1)->next;
    return at ? kept_at(s, at - 1) : NULL;
}

/* ---- the ring ---- */
static void kept_forget(struct eds_kept *k, struct kept_shard *s)
{
    struct kept_entry *e = kept_at(s, s->tail);
    if (e->rid) {
        uint32_t *at = kept_bucket(s, e->rid);
        while (*at != s->tail + 1)
            at = &kept_at(s, *at - 1)->next;
        *at = e->next;
    }
    s->used -= e->size;
    s->tail = (s->tail + e->size) % k->ring_b;
    if (!s->used)
        s->head = s->tail = 0;
}

/* What of the ring's end is too short for the next is an entry of nothing. */
static void kept_turn(struct eds_kept *k, struct kept_shard *s)
{
    size_t rest = k->ring_b - s->head;
    if (rest) {
        struct kept_entry *e = kept_at(s, s->head);
        e->rid = 0;
        e->size = (uint32_t)rest;
        s->used += rest;
    }
    s->head = 0;
}

/* size bytes that follow each other. */
static struct kept_entry *kept_room(struct eds_kept *k, struct kept_shard *s, size_t size)
{
    for (;;) {
        bool ahead = s->used && s->tail >= s->head; /* the oldest is after the newest */
        size_t room = (ahead ? s->tail : k->ring_b) - s->head;
        if (room >= size)
            break;
        if (ahead)
            kept_forget(k, s);
        else
            kept_turn(k, s);
    }
    s->used += size;
    s->head += size;
    s->top = AM_MAX(s->top, s->head);
    return kept_at(s, s->head - size);
}

/* ---- ---- */
int eds_kept_get(struct eds_kept *k, uint64_t epoch, int64_t rid, struct buf *out,
                 struct eds_meta *m, bool *found)
{
    struct kept_shard *s = kept_shard(k, rid);
    const struct kept_entry *e;
    int err = AM_OK;
    am_assert(!pthread_mutex_lock(&s->lock));
    e = kept_find(s, rid);
    *found = e && eds_kept_epoch(k) == epoch;
    if (*found) {
        *m = e->m;
        err = buf_add(out, (struct str){e->body, e->body_n});
    }
    am_assert(!pthread_mutex_unlock(&s->lock));
    return err;
}

void eds_kept_put(struct eds_kept *k, uint64_t epoch, const struct eds_meta *m,
                  struct str body)
{
    struct kept_shard *s = kept_shard(k, m->rid);
    size_t size = sizeof(struct kept_entry) + body.n;
    uint32_t *bucket = kept_bucket(s, m->rid);
    size = (size + KEPT_ALIGN - 1) / KEPT_ALIGN * KEPT_ALIGN;
    if (size > k->ring_b / KEPT_PART || m->rid <= 0)
        return;
    am_assert(!pthread_mutex_lock(&s->lock));
    if (!s->ring)
        s->ring = am_malloc(k->ring_b); /* without it nothing is kept */
    if (s->ring && eds_kept_epoch(k) == epoch && !kept_find(s, m->rid)) {
        struct kept_entry *e = kept_room(k, s, size);
        e->rid = m->rid;
        e->size = (uint32_t)size;
        e->body_n = (uint32_t)body.n;
        e->m = *m;
        memcpy(e->body, body.p, body.n);
        e->next = *bucket;
        *bucket = (uint32_t)((char *)e - s->ring) + 1;
    }
    am_assert(!pthread_mutex_unlock(&s->lock));
}
