/* SPDX-License-Identifier: Apache-2.0 */
/* search -- the index: documents in, documents out. A put first makes room for all it
 * needs, which may fail, then writes, which may not. */
#include "search/search_priv.h"

#include <stdlib.h>

enum { POSTING_B = 6, VALUES_MAX = 255, DEAD_MIN = 1024, FRESH_MIN = 1024 };

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
typedef uint64_t hash_fn(const struct search *s, uint32_t i);

static void table_place(struct search_table *t, uint64_t hash, uint32_t i)
{
    size_t at = hash & (t->cap - 1);
    while (t->cell[at])
        at = (at + 1) & (t->cap - 1);
    t->cell[at] = i + 1;
}

static int table_room(struct search *s, struct search_table *t, hash_fn *hash)
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
        if (t->cell[i])
            table_place(&u, hash(s, t->cell[i] - 1), t->cell[i] - 1);
    search_drop(s, t->cell, t->cap * sizeof *t->cell);
    *t = u;
    return AM_OK;
}

/* Closes the gap that a removed cell would leave in a probe (Knuth, 6.4 R). */
static void table_remove(struct search *s, struct search_table *t, hash_fn *hash,
                         uint32_t i)
{
    size_t mask = t->cap - 1, at = hash(s, i) & mask;
    while (t->cell[at] != i + 1)
        at = (at + 1) & mask;
    for (size_t j = (at + 1) & mask; t->cell[j]; j = (j + 1) & mask) {
        size_t home = hash(s, t->cell[j] - 1) & mask;
        if (((j - home) & mask) >= ((j - at) & mask)) {
            t->cell[at] = t->cell[j];
            at = j;
        }
    }
    t->cell[at] = 0;
    t->n--;
}

struct str search_word_text(const struct search *s, uint32_t i)
{
    return (struct str){s->pool + s->word.v[i].text, s->word.v[i].text_n};
}

static uint64_t hash_word(const struct search *s, uint32_t i)
{
    return str_hash(search_word_text(s, i));
}

static uint64_t hash_id(const struct search *s, uint32_t i)
{
    return str_hash(str_c(s->slot.v[i].id));
}

static uint64_t name_hash(unsigned facet, struct str value)
{
    return str_hash(value) * 31 + facet;
}

static uint64_t hash_name(const struct search *s, uint32_t i)
{
    const struct search_name *n = &s->name.v[i];
    return name_hash(n->facet, (struct str){n->text, n->text_n});
}

#define TABLE_FIND(t, hash, same)                                                        \
    for (size_t at = (t)->cap ? (hash) & ((t)->cap - 1) : 0; (t)->cap && (t)->cell[at];  \
         at = (at + 1) & ((t)->cap - 1)) {                                               \
        uint32_t i = (t)->cell[at] - 1;                                                  \
        if (same)                                                                        \
            return i;                                                                    \
    }                                                                                    \
    return UINT32_MAX

uint32_t search_find_word(const struct search *s, struct str text)
{
    TABLE_FIND(&s->by_word, str_hash(text), str_eq(text, search_word_text(s, i)));
}

uint32_t search_find_id(const struct search *s, struct str id)
{
    TABLE_FIND(&s->by_id, str_hash(id), str_eqc(id, s->slot.v[i].id));
}

uint32_t search_find_name(const struct search *s, unsigned facet, struct str value)
{
    TABLE_FIND(&s->by_name, name_hash(facet, value),
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

static int word_add(struct search *s, struct str text, uint32_t *out)
{
    uint32_t i = (uint32_t)s->word.n;
    int err = table_room(s, &s->by_word, hash_word);
    if (!err)
        err = ROOM(s, &s->word);
    if (!err)
        err = room(s, (void **)&s->order, i, &s->order_cap, sizeof *s->order);
    while (!err && s->pool_cap - s->pool_n < text.n) {
        size_t want = s->pool_cap ? s->pool_cap + s->pool_cap / 2 : 4096;
        err = want > UINT32_MAX ? AM_E_TOOBIG
                                : search_grow(s, (void **)&s->pool, s->pool_cap, want);
        if (!err)
            s->pool_cap = want;
    }
    if (err)
        return err;
    memcpy(s->pool + s->pool_n, text.p, text.n);
    s->word.v[i] =
        (struct search_word){.text = (uint32_t)s->pool_n, .text_n = (uint8_t)text.n};
    s->pool_n += text.n;
    s->word.n++;
    s->order[i] = i;
    table_place(&s->by_word, str_hash(text), i);
    s->by_word.n++;
    *out = i;
    return AM_OK;
}

static int posting_room(struct search *s, uint32_t word)
{
    struct search_word *w = &s->word.v[word];
    uint32_t want = AM_MAX(w->n + POSTING_B, w->cap + w->cap / 4);
    int err;
    if (w->cap - w->n >= POSTING_B)
        return AM_OK;
    err = search_grow(s, (void **)&w->p, w->cap, want);
    if (!err)
        w->cap = want;
    return err;
}

static void posting_add(struct search_word *w, uint32_t slot, uint8_t frequency)
{
    uint32_t d = slot + 1 - w->last;
    for (; d >= 0x80; d >>= 7)
        w->p[w->n++] = (uint8_t)(d | 0x80);
    w->p[w->n++] = (uint8_t)d;
    w->p[w->n++] = frequency;
    w->last = slot + 1;
    w->docs++;
}

/* ---- one document ------------------------------------------------------------------ */
struct counted {
    uint32_t word, n;
};
struct gather {
    struct search *s;
    unsigned weight;
    VEC(struct counted) count; /* one per occurrence, then one per word */
};

static int gather_word(void *arg, struct str word)
{
    struct gather *g = arg;
    uint32_t i = search_find_word(g->s, word);
    int err = i == UINT32_MAX ? word_add(g->s, word, &i) : AM_OK;
    return err ? err : vec_push(&g->count, ((struct counted){i, g->weight}));
}

static int by_word(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    return (x->word > y->word) - (x->word < y->word);
}

static int gather_all(struct gather *g, const struct search_doc *d)
{
    size_t out = 0;
    int err = AM_OK;
    for (size_t i = 0; i < d->fields && !err; i++) {
        g->weight = d->field[i].weight;
        err = g->weight >= 1 && g->weight <= 8 ? AM_OK : AM_E_INVALID;
        if (!err)
            err = search_words(d->field[i].text, gather_word, g);
    }
    if (err || !g->count.n)
        return err;
    qsort(g->count.v, g->count.n, sizeof *g->count.v, by_word);
    for (size_t i = 1; i < g->count.n; i++)
        if (g->count.v[i].word == g->count.v[out].word)
            g->count.v[out].n += g->count.v[i].n;
        else
            g->count.v[++out] = g->count.v[i];
    g->count.n = out + 1;
    for (size_t i = 0; i < g->count.n && !err; i++)
        err = posting_room(g->s, g->count.v[i].word);
    return err;
}

static int name_add(struct search *s, const struct search_value *v, uint32_t *out)
{
    struct search_name n = {.text_n = (uint32_t)v->value.n, .facet = v->facet};
    int err = table_room(s, &s->by_name, hash_name);
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
    table_place(&s->by_name, name_hash(n.facet, v->value), *out);
    s->by_name.n++;
    return AM_OK;
}

/* Numbers of the values, each once, in memory the slot will own. */
static int values_make(struct search *s, const struct search_value *v, size_t n,
                       struct search_slot *out)
{
    size_t have = 0;
    int err = n > VALUES_MAX ? AM_E_TOOBIG : AM_OK;
    if (!err && n)
        err = search_grow(s, (void **)&out->value, 0, n * sizeof *out->value);
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
        for (size_t k = 0; k < have && !err; k++)
            twice = twice || out->value[k] == number;
        if (!err && !twice)
            out->value[have++] = number;
    }
    if (err) {
        search_drop(s, out->value, n * sizeof *out->value);
        out->value = NULL;
        return err;
    }
    for (size_t k = have; k < n; k++) /* the size of the block stays known */
        out->value[k] = out->value[0];
    out->values = (uint8_t)n;
    return AM_OK;
}

static void slot_clear(struct search *s, struct search_slot *slot)
{
    if (slot->id)
        search_drop(s, slot->id, strlen(slot->id) + 1);
    search_drop(s, slot->value, slot->values * sizeof *slot->value);
    *slot = (struct search_slot){0};
}

static void slot_kill(struct search *s, uint32_t i)
{
    table_remove(s, &s->by_id, hash_id, i);
    s->length -= s->slot.v[i].length;
    slot_clear(s, &s->slot.v[i]);
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
        if (slot_now[i] != UINT32_MAX)
            s->slot.v[slot_now[i]] = s->slot.v[i];
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

static void commit(struct search *s, const struct gather *g, struct search_slot *slot)
{
    uint32_t i = (uint32_t)s->slot.n, old = search_find_id(s, str_c(slot->id));
    if (old != UINT32_MAX)
        slot_kill(s, old);
    for (size_t k = 0; k < g->count.n; k++) {
        uint32_t n = AM_MIN(g->count.v[k].n, 255u);
        posting_add(&s->word.v[g->count.v[k].word], i, (uint8_t)n);
        slot->length += n;
    }
    s->postings += g->count.n;
    s->length += slot->length;
    s->slot.v[s->slot.n++] = *slot;
    table_place(&s->by_id, hash_id(s, i), i);
    s->by_id.n++;
    compact_if_due(s);
}

int search_put(struct search *s, const struct search_doc *d)
{
    struct gather g = {.s = s};
    struct search_slot slot = {.rank = d->rank};
    int err = search_id_valid(d->id) ? AM_OK : AM_E_INVALID;
    if (!err)
        err = gather_all(&g, d);
    if (!err)
        err = order_settle(s);
    if (!err)
        err = ROOM(s, &s->slot);
    if (!err)
        err = table_room(s, &s->by_id, hash_id);
    if (!err)
        err = values_make(s, d->value, d->values, &slot);
    if (!err)
        err = search_grow(s, (void **)&slot.id, 0, d->id.n + 1);
    if (!err) {
        memcpy(slot.id, d->id.p, d->id.n);
        slot.id[d->id.n] = 0;
        commit(s, &g, &slot);
    } else {
        slot_clear(s, &slot);
    }
    vec_release(&g.count);
    return err;
}

int search_values(struct search *s, struct str id, uint64_t rank,
                  const struct search_value *v, size_t n)
{
    struct search_slot made = {0}, *slot;
    uint32_t i = search_find_id(s, id);
    int err;
    if (i == UINT32_MAX)
        return AM_E_NOTFOUND;
    err = values_make(s, v, n, &made);
    if (err)
        return err;
    slot = &s->slot.v[i];
    search_drop(s, slot->value, slot->values * sizeof *slot->value);
    slot->value = made.value;
    slot->values = made.values;
    slot->rank = rank;
    return AM_OK;
}

struct search_value search_value_at(const struct search *s, struct str id, size_t k)
{
    uint32_t i = search_find_id(s, id);
    const struct search_name *n;
    if (i == UINT32_MAX || k >= s->slot.v[i].values)
        return (struct search_value){0, STR_NULL};
    n = &s->name.v[s->slot.v[i].value[k]];
    return (struct search_value){n->facet, {n->text, n->text_n}};
}

int search_remove(struct search *s, struct str id)
{
    uint32_t i = search_find_id(s, id);
    if (i == UINT32_MAX)
        return AM_E_NOTFOUND;
    slot_kill(s, i);
    compact_if_due(s);
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
        free(s->word.v[i].p);
    for (size_t i = 0; i < s->slot.n; i++)
        slot_clear(s, &s->slot.v[i]);
    for (size_t i = 0; i < s->name.n; i++)
        free(s->name.v[i].text);
    vec_release(&s->word);
    vec_release(&s->slot);
    vec_release(&s->name);
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
