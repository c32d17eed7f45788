/* SPDX-License-Identifier: Apache-2.0 */
/* search -- the index: documents in, documents out. A put first makes room for all it
 * needs, which may fail, then writes, which may not. */
#include "search/search_priv.h"

#include <stdlib.h>

enum { VALUES_MAX = 255, DEAD_MIN = 1024, FRESH_MIN = 1024, WASTE_MIN = 4096 };

/* ---- counted memory ---------------------------------------------------------------- */
int search_grow(struct search *s, void **p, size_t have_b, size_t want_b)
{
    void *q;
    if (want_b <= have_b)
        return AM_OK;
    if (want_b - have_b > s->max_b - s->bytes)
        return AM_E_TOOBIG;
    q = am_realloc(*p, want_b, 1);
    if (!q)
        return AM_E_NOMEM;
    *p = q;
    s->bytes += want_b - have_b;
    return AM_OK;
}

void search_drop(struct search *s, void *p, size_t b)
{
    free(p);
    if (p)
        s->bytes -= b;
}

/* One more element in a VEC of the index. */
static int room(struct search *s, void **v, size_t n, size_t *cap, size_t size)
{
    size_t want = *cap ? *cap + *cap / 2 : 64;
    int err;
    if (n < *cap)
        return AM_OK;
    if (want >= UINT32_MAX)
        return AM_E_TOOBIG;
    err = search_grow(s, v, *cap * size, want * size);
    if (!err)
        *cap = want;
    return err;
}
#define ROOM(s, vec)                                                                     \
    room((s), (void **)&(vec)->v, (vec)->n, &(vec)->cap, sizeof *(vec)->v)

/* ---- tables ------------------------------------------------------------------------ */
/* Eight bytes at a time; the tables use the low half. */
static uint64_t hash_of(struct str s, uint64_t h)
{
    uint64_t v;
    h = (h ^ s.n) * 0x9E3779B97F4A7C15u;
    for (; s.n >= 8; s.p += 8, s.n -= 8) {
        memcpy(&v, s.p, 8);
        h = (h ^ v) * 0xBF58476D1CE4E5B9u;
        h ^= h >> 32;
    }
    v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | (unsigned char)s.p[i];
    h = (h ^ v) * 0x94D049BB133111EBu;
    return h ^ h >> 32;
}

static void table_place(struct search_table *t, uint64_t hash, uint32_t i)
{
    size_t at = (uint32_t)hash & (t->cap - 1);
    while (t->cell[at].number)
        at = (at + 1) & (t->cap - 1);
    t->cell[at] = (struct search_cell){i + 1, (uint32_t)hash};
}

static int table_room(struct search *s, struct search_table *t)
{
    struct search_table u = {.n = t->n, .cap = t->cap ? 2 * t->cap : 64};
    int err;
    if (4 * (t->n + 1) <= 3 * t->cap)
        return AM_OK;
    err = search_grow(s, (void **)&u.cell, 0, u.cap * sizeof *u.cell);
    if (err)
        return err;
    memset(u.cell, 0, u.cap * sizeof *u.cell);
    for (size_t i = 0; i < t->cap; i++)
        if (t->cell[i].number)
            table_place(&u, t->cell[i].hash, t->cell[i].number - 1);
    search_drop(s, t->cell, t->cap * sizeof *t->cell);
    *t = u;
    return AM_OK;
}

/* Closes the gap that a removed cell would leave in a probe (Knuth, 6.4 R). */
static void table_remove(struct search_table *t, uint64_t hash, uint32_t i)
{
    size_t mask = t->cap - 1, at = (uint32_t)hash & mask;
    while (t->cell[at].number != i + 1)
        at = (at + 1) & mask;
    for (size_t j = (at + 1) & mask; t->cell[j].number; j = (j + 1) & mask) {
        size_t home = t->cell[j].hash & mask;
        if (((j - home) & mask) >= ((j - at) & mask)) {
            t->cell[at] = t->cell[j];
            at = j;
        }
    }
    t->cell[at] = (struct search_cell){0};
    t->n--;
}

static uint64_t hash_id(const struct search *s, uint32_t i)
{
    return hash_of(str_c(s->slot.v[i].id), 0);
}

#define TABLE_FIND(t, hash_, same)                                                       \
    uint32_t hash = (uint32_t)(hash_);                                                   \
    for (size_t at = (t)->cap ? hash & ((t)->cap - 1) : 0;                               \
         (t)->cap && (t)->cell[at].number; at = (at + 1) & ((t)->cap - 1)) {             \
        uint32_t i = (t)->cell[at].number - 1;                                           \
        if ((t)->cell[at].hash == hash && (same))                                        \
            return i;                                                                    \
    }                                                                                    \
    return UINT32_MAX

static uint32_t find_word(const struct search *s, struct str text, uint64_t h)
{
    TABLE_FIND(&s->by_word, h, str_eq(text, search_word_text(s, i)));
}

uint32_t search_find_word(const struct search *s, struct str text)
{
    return find_word(s, text, hash_of(text, 0));
}

uint32_t search_find_id(const struct search *s, struct str id)
{
    TABLE_FIND(&s->by_id, hash_of(id, 0), str_eqc(id, s->slot.v[i].id));
}

uint32_t search_find_name(const struct search *s, unsigned facet, struct str value)
{
    TABLE_FIND(&s->by_name, hash_of(value, facet),
               s->name.v[i].facet == facet &&
                   str_eq(value, (struct str){s->name.v[i].text, s->name.v[i].text_n}));
}

/* ---- words ------------------------------------------------------------------------- */
static int word_sort(const void *a, const void *b, void *arg)
{
    const struct search *s = arg;
    return str_cmp(search_word_text(s, *(const uint32_t *)a),
                   search_word_text(s, *(const uint32_t *)b));
}

/* Merges the newer words in once they are many beside the sorted ones. */
static int order_settle(struct search *s)
{
    size_t n = s->word.n, fresh = n - s->sorted, i = s->sorted, out = n;
    uint32_t *tail;
    int err;
    if (fresh < FRESH_MIN || fresh < s->sorted / 16)
        return AM_OK;
    tail = am_malloc(fresh * sizeof *tail);
    if (!tail)
        return AM_E_NOMEM;
    memcpy(tail, s->order + s->sorted, fresh * sizeof *tail);
    qsort_r(tail, fresh, sizeof *tail, word_sort, s);
    while (fresh) /* from the end, so that nothing is overwritten before it moved */
        if (i && word_sort(&s->order[i - 1], &tail[fresh - 1], s) > 0)
            s->order[--out] = s->order[--i];
        else
            s->order[--out] = tail[--fresh];
    free(tail);
    s->sorted = n;
    err = AM_OK;
    return err;
}

static int word_add(struct search *s, struct str text, uint64_t hash, uint32_t *out)
{
    uint32_t i = (uint32_t)s->word.n;
    int err = table_room(s, &s->by_word);
    if (!err)
        err = ROOM(s, &s->word);
    if (!err)
        err = room(s, (void **)&s->order, i, &s->order_cap, sizeof *s->order);
    while (!err && s->pool_cap - s->pool_n < text.n + 1) {
        size_t want = s->pool_cap ? s->pool_cap + s->pool_cap / 2 : 4096;
        err = want > UINT32_MAX ? AM_E_TOOBIG
                                : search_grow(s, (void **)&s->pool, s->pool_cap, want);
        if (!err)
            s->pool_cap = want;
    }
    if (err)
        return err;
    s->word.v[i] = (struct search_word){.text = (uint32_t)s->pool_n};
    s->pool[s->pool_n++] = (char)text.n;
    memcpy(s->pool + s->pool_n, text.p, text.n);
    s->pool_n += text.n;
    s->word.n++;
    s->order[i] = i;
    table_place(&s->by_word, hash, i);
    s->by_word.n++;
    *out = i;
    return AM_OK;
}

/* For one posting of that slot. */
static int posting_room(struct search *s, struct search_word *w, uint32_t slot)
{
    uint32_t d = slot + 1 - w->last, have = w->cap ? w->cap : SEARCH_INLINE, need = 2;
    uint8_t *p = w->cap ? w->at.p : NULL;
    uint32_t want;
    int err;
    for (; d >= 0x80; d >>= 7)
        need++;
    if (w->n + need <= have)
        return AM_OK;
    want = AM_MAX(w->n + need, w->cap + w->cap / 8);
    want = (want + 7) / 16 * 16 + 8; /* what malloc gives for such a size */
    err = search_grow(s, (void **)&p, w->cap, want);
    if (err)
        return err;
    if (!w->cap)
        memcpy(p, w->at.few, w->n);
    w->at.p = p;
    w->cap = want;
    return AM_OK;
}

static void posting_add(struct search_word *w, uint32_t slot, uint8_t frequency)
{
    uint8_t *p = (w->cap ? w->at.p : w->at.few) + w->n;
    uint32_t d = slot + 1 - w->last;
    w->n += 2;
    for (; d >= 0x80; d >>= 7, w->n++)
        *p++ = (uint8_t)(d | 0x80);
    *p++ = (uint8_t)d;
    *p = frequency;
    w->last = slot + 1;
    w->docs++;
}

/* ---- one document ------------------------------------------------------------------ */
struct counted {
    uint32_t word, n;
};
enum { AHEAD = 32 };
struct waiting { /* a word of the text whose place is on its way from memory */
    uint64_t hash;
    uint8_t n, weight;
    char p[SEARCH_WORD_MAX];
};
struct gather {
    struct search *s;
    unsigned weight;
    size_t waits;
    VEC(struct counted) count; /* one per word */
    struct waiting wait[AHEAD];
};

/* A word knows where it was counted last: if that place is in use and is its own, it was
 * in this document. So nothing is sorted, and nothing is cleared between documents. */
static int gather_one(struct gather *g, const struct waiting *w)
{
    struct str text = {w->p, w->n};
    uint32_t i = find_word(g->s, text, w->hash), at;
    int err = i == UINT32_MAX ? word_add(g->s, text, w->hash, &i) : AM_OK;
    if (err)
        return err;
    at = g->s->word.v[i].counted;
    if (at < g->count.n && g->count.v[at].word == i) {
        g->count.v[at].n += w->weight;
        return AM_OK;
    }
    g->s->word.v[i].counted = (uint32_t)g->count.n;
    return vec_push(&g->count, ((struct counted){i, w->weight}));
}

/* Number + 1 of the word whose hash this is, most likely; 0: none has it. */
static uint32_t likely(const struct search *s, uint64_t hash)
{
    const struct search_table *t = &s->by_word;
    size_t at = (uint32_t)hash & (t->cap - 1);
    while (t->cell[at].number && t->cell[at].hash != (uint32_t)hash)
        at = (at + 1) & (t->cap - 1);
    return t->cell[at].number;
}

/* Looking a word up reads its cell, the word and its text, each far away. Thirty-two
 * words go together, so that the memory fetches for all of them at once. */
static int gather_flush(struct gather *g)
{
    const struct search *s = g->s;
    uint32_t number[AHEAD] = {0};
    int err = AM_OK;
    for (size_t i = 0; i < g->waits && s->by_word.cap; i++) {
        number[i] = likely(s, g->wait[i].hash);
        if (number[i])
            __builtin_prefetch(&s->word.v[number[i] - 1], 1);
    }
    for (size_t i = 0; i < g->waits; i++)
        if (number[i])
            __builtin_prefetch(s->pool + s->word.v[number[i] - 1].text);
    for (size_t i = 0; i < g->waits && !err; i++)
        err = gather_one(g, &g->wait[i]);
    g->waits = 0;
    return err;
}

static int gather_word(void *arg, struct str word)
{
    struct gather *g = arg;
    struct waiting *w = &g->wait[g->waits++];
    const struct search_table *t = &g->s->by_word;
    memcpy(w->p, word.p, word.n);
    w->n = (uint8_t)word.n;
    w->weight = (uint8_t)g->weight;
    w->hash = hash_of(word, 0);
    if (t->cap)
        __builtin_prefetch(&t->cell[(uint32_t)w->hash & (t->cap - 1)]);
    return g->waits == AHEAD ? gather_flush(g) : AM_OK;
}

static int gather_all(struct gather *g, const struct search_doc *d)
{
    struct search_word *word;
    int err = AM_OK;
    for (size_t i = 0; i < d->fields && !err; i++) {
        g->weight = d->field[i].weight;
        err = g->weight >= 1 && g->weight <= 8 ? AM_OK : AM_E_INVALID;
        if (!err)
            err = search_words(d->field[i].text, gather_word, g);
    }
    if (!err)
        err = gather_flush(g);
    word = g->s->word.v;
    for (size_t i = 0; i < g->count.n && !err; i++) {
        struct search_word *w = &word[g->count.v[i].word];
        err = posting_room(g->s, w, (uint32_t)g->s->slot.n);
        if (!err && w->cap)
            __builtin_prefetch(w->at.p + w->n, 1);
    }
    return err;
}

static int name_add(struct search *s, const struct search_value *v, uint32_t *out)
{
    struct search_name n = {.text_n = (uint32_t)v->value.n, .facet = v->facet};
    int err = table_room(s, &s->by_name);
    if (!err)
        err = ROOM(s, &s->name);
    if (!err)
        err = search_grow(s, (void **)&n.text, 0, v->value.n + 1);
    if (err)
        return err;
    memcpy(n.text, v->value.p, v->value.n);
    n.text[v->value.n] = 0;
    *out = (uint32_t)s->name.n;
    s->name.v[s->name.n++] = n;
    table_place(&s->by_name, hash_of(v->value, n.facet), *out);
    s->by_name.n++;
    return AM_OK;
}

/* Numbers of the values, each once; room for them among the others. */
struct numbers {
    uint32_t v[VALUES_MAX];
    uint8_t n;
};

static int numbers_make(struct search *s, const struct search_value *v, size_t n,
                        struct numbers *out)
{
    int err = n > VALUES_MAX ? AM_E_TOOBIG : AM_OK;
    out->n = 0;
    for (size_t i = 0; i < n && !err; i++) {
        uint32_t number;
        bool twice = false;
        err = v[i].facet < s->facets && v[i].value.n && str_utf8(v[i].value) &&
                      v[i].value.n <= SEARCH_VALUE_MAX
                  ? AM_OK
                  : AM_E_INVALID;
        number = err ? UINT32_MAX : search_find_name(s, v[i].facet, v[i].value);
        if (!err && number == UINT32_MAX)
            err = name_add(s, &v[i], &number);
        for (size_t k = 0; k < out->n && !err; k++)
            twice = twice || out->v[k] == number;
        if (!err && !twice)
            out->v[out->n++] = number;
    }
    while (!err && s->value.cap - s->value.n < out->n) {
        size_t cap = s->value.cap;
        err = room(s, (void **)&s->value.v, cap, &s->value.cap, sizeof *s->value.v);
    }
    return err;
}

/* Where they were, if they fit, or behind all. */
static void numbers_keep(struct search *s, const struct numbers *x,
                         struct search_slot *slot)
{
    if (x->n > slot->values) {
        s->value_waste += slot->values;
        slot->value = (uint32_t)s->value.n;
        s->value.n += x->n;
    } else {
        s->value_waste += (size_t)(slot->values - x->n);
    }
    if (x->n)
        memcpy(s->value.v + slot->value, x->v, x->n * sizeof *x->v);
    slot->values = x->n;
}

/* Writes the values anew, slot by slot, once half of them are nobody's. */
static void values_if_due(struct search *s)
{
    size_t n = s->value.n - s->value_waste, at = 0;
    uint32_t *v = NULL;
    if (s->value_waste < WASTE_MIN || s->value_waste < n)
        return;
    n = AM_MAX(n, (size_t)64);
    if (search_grow(s, (void **)&v, 0, n * sizeof *v))
        return; /* without memory they stay until the next time */
    for (size_t i = 0; i < s->slot.n; i++) {
        struct search_slot *slot = &s->slot.v[i];
        memcpy(v + at, s->value.v + slot->value, slot->values * sizeof *v);
        slot->value = (uint32_t)at;
        at += slot->values;
    }
    search_drop(s, s->value.v, s->value.cap * sizeof *v);
    s->value.v = v;
    s->value.cap = n;
    s->value.n = at;
    s->value_waste = 0;
}

static void slot_kill(struct search *s, uint32_t i)
{
    struct search_slot *slot = &s->slot.v[i];
    table_remove(&s->by_id, hash_id(s, i), i);
    s->total_length -= s->length[i];
    s->length[i] = SEARCH_DEAD;
    s->value_waste += slot->values;
    search_drop(s, slot->id, strlen(slot->id) + 1);
    *slot = (struct search_slot){0};
    s->dead++;
}

bool search_id_valid(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
              (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == ':' || c == '-'))
            return false;
    }
    return id.n >= 1 && id.n <= SEARCH_ID_MAX;
}

/* Writes every list of postings anew without the dead: shorter, so in place. */
static void compact(struct search *s, uint32_t *slot_now)
{
    uint32_t live = 0;
    for (size_t i = 0; i < s->slot.n; i++)
        slot_now[i] = s->slot.v[i].id ? live++ : UINT32_MAX;
    s->postings = 0;
    for (size_t i = 0; i < s->word.n; i++) {
        struct search_word *w = &s->word.v[i];
        struct search_walk k;
        search_walk(&k, w);
        w->n = w->docs = w->last = 0;
        while (search_walk_next(&k))
            if (slot_now[k.slot - 1] != UINT32_MAX)
                posting_add(w, slot_now[k.slot - 1], k.frequency);
        s->postings += w->docs;
    }
    memset(s->by_id.cell, 0, s->by_id.cap * sizeof *s->by_id.cell);
    for (size_t i = 0; i < s->slot.n; i++)
        if (slot_now[i] != UINT32_MAX) {
            s->slot.v[slot_now[i]] = s->slot.v[i];
            s->length[slot_now[i]] = s->length[i];
        }
    s->slot.n = live;
    s->dead = 0;
    for (uint32_t i = 0; i < live; i++)
        table_place(&s->by_id, hash_id(s, i), i);
}

static void compact_if_due(struct search *s)
{
    uint32_t *now;
    if (s->dead < DEAD_MIN || s->dead < s->slot.n / 3)
        return;
    now = am_malloc(s->slot.n * sizeof *now);
    if (now) /* without memory the dead stay until the next time */
        compact(s, now);
    free(now);
}

static int slot_room(struct search *s)
{
    int err = room(s, (void **)&s->length, s->slot.n, &s->length_cap, sizeof *s->length);
    return err ? err : ROOM(s, &s->slot);
}

static void commit(struct search *s, const struct gather *g, struct search_slot *slot,
                   const struct numbers *x)
{
    uint32_t i = (uint32_t)s->slot.n, old = search_find_id(s, str_c(slot->id));
    uint32_t length = 0;
    if (old != UINT32_MAX)
        slot_kill(s, old);
    for (size_t k = 0; k < g->count.n; k++) {
        uint32_t n = AM_MIN(g->count.v[k].n, 255u);
        posting_add(&s->word.v[g->count.v[k].word], i, (uint8_t)n);
        length += n;
    }
    numbers_keep(s, x, slot);
    s->postings += g->count.n;
    s->total_length += length;
    s->length[i] = length;
    s->slot.v[s->slot.n++] = *slot;
    table_place(&s->by_id, hash_id(s, i), i);
    s->by_id.n++;
    compact_if_due(s);
    values_if_due(s);
}

int search_put(struct search *s, const struct search_doc *d)
{
    struct gather g = {.s = s};
    struct search_slot slot = {.rank = d->rank};
    struct numbers x;
    int err = search_id_valid(d->id) ? AM_OK : AM_E_INVALID;
    if (!err)
        err = gather_all(&g, d);
    if (!err)
        err = order_settle(s);
    if (!err)
        err = slot_room(s);
    if (!err)
        err = table_room(s, &s->by_id);
    if (!err)
        err = numbers_make(s, d->value, d->values, &x);
    if (!err)
        err = search_grow(s, (void **)&slot.id, 0, d->id.n + 1);
    if (!err) {
        memcpy(slot.id, d->id.p, d->id.n);
        slot.id[d->id.n] = 0;
        commit(s, &g, &slot, &x);
    }
    vec_release(&g.count);
    return err;
}

int search_values(struct search *s, struct str id, uint64_t rank,
                  const struct search_value *v, size_t n)
{
    struct numbers x;
    uint32_t i = search_find_id(s, id);
    int err;
    if (i == UINT32_MAX)
        return AM_E_NOTFOUND;
    err = numbers_make(s, v, n, &x);
    if (err)
        return err;
    numbers_keep(s, &x, &s->slot.v[i]);
    s->slot.v[i].rank = rank;
    values_if_due(s);
    return AM_OK;
}

struct search_value search_value_at(const struct search *s, struct str id, size_t k)
{
    uint32_t i = search_find_id(s, id);
    const struct search_name *n;
    if (i == UINT32_MAX || k >= s->slot.v[i].values)
        return (struct search_value){0, STR_NULL};
    n = &s->name.v[s->value.v[s->slot.v[i].value + k]];
    return (struct search_value){n->facet, {n->text, n->text_n}};
}

int search_remove(struct search *s, struct str id)
{
    uint32_t i = search_find_id(s, id);
    if (i == UINT32_MAX)
        return AM_E_NOTFOUND;
    slot_kill(s, i);
    compact_if_due(s);
    values_if_due(s);
    return AM_OK;
}

bool search_has(const struct search *s, struct str id)
{
    return search_find_id(s, id) != UINT32_MAX;
}

/* ---- life -------------------------------------------------------------------------- */
int search_new(struct search **out, const struct search_config *c)
{
    struct search *s = am_calloc(1, sizeof *s);
    am_assert(c->facets <= SEARCH_FACETS);
    if (!s)
        return AM_E_NOMEM;
    s->max_b = c->max_b ? c->max_b : (size_t)256 << 20;
    s->facets = c->facets;
    *out = s;
    return AM_OK;
}

void search_free(struct search *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->word.n; i++)
        if (s->word.v[i].cap)
            free(s->word.v[i].at.p);
    for (size_t i = 0; i < s->slot.n; i++)
        free(s->slot.v[i].id);
    for (size_t i = 0; i < s->name.n; i++)
        free(s->name.v[i].text);
    vec_release(&s->word);
    vec_release(&s->slot);
    vec_release(&s->value);
    vec_release(&s->name);
    free(s->length);
    free(s->by_word.cell);
    free(s->by_id.cell);
    free(s->by_name.cell);
    free(s->pool);
    free(s->order);
    free(s);
}

void search_stats(const struct search *s, struct search_stats *out)
{
    *out = (struct search_stats){.docs = s->slot.n - s->dead,
                                 .dead = s->dead,
                                 .words = s->word.n,
                                 .postings = s->postings,
                                 .bytes = s->bytes,
                                 .max_b = s->max_b};
}
