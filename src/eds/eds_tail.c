/* SPDX-License-Identifier: Apache-2.0 */
/* eds_tail -- rows in memory: chunks of the newest resources, each list linked from its
 * newest row down; and the dead. */
#include "eds/eds_index_priv.h"

enum { TAIL_TEXT = 512 << 20 };

int eds_tail_new(struct eds_tail **out)
{
    struct eds_tail *t = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    if (pthread_rwlock_init(&t->rw, NULL)) {
        free(t);
        return AM_E_NOMEM;
    }
    *out = t;
    return AM_OK;
}

void eds_tail_free(struct eds_tail *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->chunk.n; i++)
        eds_chunk_put(t->chunk.v[i]);
    for (size_t i = 0; i < t->seg.n; i++)
        eds_seg_free(t->seg.v[i]);
    eds_dead_put(t->dead);
    eds_dead_put(t->fresh);
    vec_release(&t->chunk);
    vec_release(&t->seg);
    vec_release(&t->bound);
    pthread_rwlock_destroy(&t->rw);
    free(t);
}

/* Views that are open keep what they hold. */
void eds_tail_clear(struct eds_tail *t)
{
    am_assert(!pthread_rwlock_wrlock(&t->rw));
    for (size_t i = 0; i < t->chunk.n; i++)
        eds_chunk_put(t->chunk.v[i]);
    for (size_t i = 0; i < t->seg.n; i++)
        if (t->seg.v[i]->refs)
            t->seg.v[i]->loose = true;
        else
            eds_seg_free(t->seg.v[i]);
    eds_dead_put(t->dead);
    eds_dead_put(t->fresh);
    t->dead = t->fresh = NULL;
    t->chunk.n = t->bound.n = t->seg.n = 0;
    t->lo = t->hi = t->gen = 0;
    am_assert(!pthread_rwlock_unlock(&t->rw));
}

/* ---- lists by key ---- */
static uint64_t tail_mix(uint64_t h)
{
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 32);
}

static struct eds_slot *slots_at(const struct eds_slots *s, uint64_t key)
{
    size_t i = (size_t)tail_mix(key) & (s->cap - 1);
    while (s->v[i].last && s->v[i].key != key)
        i = (i + 1) & (s->cap - 1);
    return &s->v[i];
}

static int slots_grow(struct eds_slots *s)
{
    struct eds_slots more = {.cap = s->cap ? 2 * s->cap : 256, .n = s->n};
    more.v = am_calloc(more.cap, sizeof *more.v);
    if (!more.v)
        return AM_E_NOMEM;
    for (size_t i = 0; i < s->cap; i++)
        if (s->v[i].last)
            *slots_at(&more, s->v[i].key) = s->v[i];
    free(s->v);
    *s = more;
    return AM_OK;
}

/* Makes row number `last` (from 1) the newest of the list; *prev: the one before. */
static int slots_add(struct eds_slots *s, uint64_t key, uint32_t last, uint32_t *prev)
{
    struct eds_slot *slot;
    int err = 2 * s->n >= s->cap ? slots_grow(s) : AM_OK;
    if (err)
        return err;
    slot = slots_at(s, key);
    s->n += !slot->last;
    *prev = slot->last;
    slot->key = key;
    slot->last = last;
    slot->n++;
    return AM_OK;
}

/* ---- chunks ---- */
int eds_chunk_new(struct eds_chunk **out, int64_t lo)
{
    struct eds_chunk *c = am_calloc(1, sizeof *c);
    if (!c)
        return AM_E_NOMEM;
    c->refs = 1;
    c->lo = c->hi = lo;
    arena_init(&c->text, TAIL_TEXT);
    *out = c;
    return AM_OK;
}

void eds_chunk_put(struct eds_chunk *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
        return;
    arena_release(&c->text);
    vec_release(&c->post);
    vec_release(&c->row);
    free(c->tok.v);
    free(c->other.v);
    free(c);
}

/* Rows of one kind, param and unit are one list; that two might share a key is seen by
 * whoever reads them. */
static uint64_t tail_key(const struct fhir_row *r)
{
    return tail_mix((uint64_t)r->kind << 32 | r->param) ^ r->unit;
}

struct tail_adding {
    struct eds_chunk *c;
    uint32_t rid;
};

static int tail_row(void *arg, const struct fhir_row *r)
{
    struct tail_adding *a = arg;
    struct eds_chunk *c = a->c;
    struct eds_tail_row row = {.row = *r, .rid = a->rid};
    struct eds_post post = {.rid = a->rid};
    int err;
    if (c->post.n >= UINT32_MAX - 1 || c->row.n >= UINT32_MAX - 1)
        return AM_E_TOOBIG;
    if (r->kind == FHIR_ROW_TOKEN) {
        err = slots_add(&c->tok, r->hash, (uint32_t)c->post.n + 1, &post.prev);
        return err ? err : vec_push(&c->post, post);
    }
    if (r->kind == FHIR_ROW_STRING) {
        char *p = arena_dup(&c->text, r->text);
        if (!p)
            return AM_E_NOMEM;
        row.row.text.p = p;
    }
    err = slots_add(&c->other, tail_key(r), (uint32_t)c->row.n + 1, &row.prev);
    return err ? err : vec_push(&c->row, row);
}

int eds_chunk_add(struct eds_chunk *c, int64_t rid, struct str terms)
{
    struct tail_adding a = {c, (uint32_t)(rid - c->lo)};
    if (rid - c->lo > UINT32_MAX)
        return AM_E_TOOBIG;
    c->resources++;
    return eds_terms_each(terms, tail_row, &a);
}

uint32_t eds_chunk_tok(const struct eds_chunk *c, uint64_t hash, uint32_t *n)
{
    const struct eds_slot *s = c->tok.cap ? slots_at(&c->tok, hash) : NULL;
    *n = s ? s->n : 0;
    return s ? s->last : 0;
}

uint32_t eds_chunk_row(const struct eds_chunk *c, const struct fhir_row *like)
{
    return c->other.cap ? slots_at(&c->other, tail_key(like))->last : 0;
}

/* ---- the dead ---- */
int eds_dead_new(struct eds_dead **out)
{
    struct eds_dead *d = am_calloc(1, sizeof *d);
    if (!d)
        return AM_E_NOMEM;
    d->refs = 1;
    *out = d;
    return AM_OK;
}

void eds_dead_put(struct eds_dead *d)
{
    if (!d || __atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL))
        return;
    free(d->v);
    free(d->bit);
    free(d);
}

static uint64_t *dead_bit(const struct eds_dead *d, int64_t rid, uint64_t *mask)
{
    size_t i = (size_t)rid & (4 * d->cap - 1);
    *mask = (uint64_t)1 << (i & 63);
    return &d->bit[i >> 6];
}

static struct eds_grave *dead_at(const struct eds_dead *d, int64_t rid)
{
    size_t i = (size_t)tail_mix((uint64_t)rid) & (d->cap - 1);
    while (d->v[i].rid && d->v[i].rid != rid)
        i = (i + 1) & (d->cap - 1);
    return &d->v[i];
}

static void dead_put(struct eds_dead *d, int64_t rid, int64_t by)
{
    struct eds_grave *g = dead_at(d, rid);
    uint64_t mask, *bit = dead_bit(d, rid, &mask);
    *bit |= mask;
    d->n += !g->rid;
    *g = (struct eds_grave){rid, by};
}

static int dead_grow(struct eds_dead *d)
{
    struct eds_dead more = {.cap = d->cap ? 2 * d->cap : 64};
    more.v = am_calloc(more.cap, sizeof *more.v);
    more.bit = am_calloc(more.cap / 16, sizeof *more.bit);
    if (!more.v || !more.bit) {
        free(more.v);
        free(more.bit);
        return AM_E_NOMEM;
    }
    for (size_t i = 0; i < d->cap; i++)
        if (d->v[i].rid)
            dead_put(&more, d->v[i].rid, d->v[i].by);
    free(d->v);
    free(d->bit);
    d->v = more.v;
    d->bit = more.bit;
    d->cap = more.cap;
    return AM_OK;
}

int eds_dead_add(struct eds_dead *d, int64_t rid, int64_t by)
{
    int err = 2 * d->n >= d->cap ? dead_grow(d) : AM_OK;
    if (!err)
        dead_put(d, rid, by);
    return err;
}

static int dead_all(struct eds_dead *into, const struct eds_dead *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < d->cap && !err; i++)
        if (d->v[i].rid)
            err = eds_dead_add(into, d->v[i].rid, d->v[i].by);
    return err;
}

int eds_dead_join(struct eds_dead **out, const struct eds_dead *a,
                  const struct eds_dead *b)
{
    struct eds_dead *d = NULL;
    int err = eds_dead_new(&d);
    if (!err)
        err = dead_all(d, a);
    if (!err)
        err = dead_all(d, b);
    if (err)
        eds_dead_put(d);
    else
        *out = d;
    return err;
}

bool eds_dead_has(const struct eds_dead *d, int64_t rid, int64_t top)
{
    const struct eds_grave *g;
    uint64_t mask;
    if (!d || !d->n || !(*dead_bit(d, rid, &mask) & mask))
        return false; /* most: no list is walked far for the sake of a few dead */
    g = dead_at(d, rid);
    return g->rid && g->by <= top;
}

int eds_dead_read(struct eds_view *v, int64_t by, int64_t to, struct eds_dead *into)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(
        v->c, "select rid, ended from dead where ended > $1 and ended <= $2", &s);
    if (err)
        return err;
    db_bind_int(s, 1, by);
    db_bind_int(s, 2, to);
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row))
        err = db_int(s, 0) > 0 ? eds_dead_add(into, db_int(s, 0), db_int(s, 1))
                               : AM_E_TAMPERED;
    return err;
}
