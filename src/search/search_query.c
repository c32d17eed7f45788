/* SPDX-License-Identifier: Apache-2.0 */
/* search_query -- what matches, in which order, with which counts. Word by word over
 * arrays with one place per slot: with 100,000 documents that is cheaper than cleverness.
 */
#include "search/search_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Beginnings: at most so many words and postings, the rest of a very short one is left
 * out. */
enum { EXPAND_WORDS = 512, EXPAND_POSTINGS = 1 << 19 };

struct best { /* a hit and what orders it */
    uint64_t rank;
    uint32_t score, slot; /* score in thousandths */
};

struct run {
    const struct search *s;
    const struct search_query *q;
    char text[SEARCH_QUERY_WORDS][SEARCH_WORD_MAX];
    size_t text_n[SEARCH_QUERY_WORDS];
    size_t words;
    float *score, *best; /* of all words before; of this one */
    uint8_t *seen;       /* how many words the slot has matched */
    uint32_t filter[SEARCH_FILTERS];
    unsigned filtered; /* bit f: facet f is asked */
    uint64_t cursor_rank;
    uint32_t cursor_score;
    struct str cursor_id;
    uint32_t *count;      /* per name */
    uint8_t *asked;       /* per name: bit of its facet, if a filter wants it */
    VEC(struct best) top; /* a heap, worst first */
    size_t limit;
};

static int take_word(void *arg, struct str w)
{
    struct run *r = arg;
    if (r->words == SEARCH_QUERY_WORDS)
        return AM_E_TOOBIG;
    memcpy(r->text[r->words], w.p, w.n);
    r->text_n[r->words++] = w.n;
    return AM_OK;
}

/* ---- scores ------------------------------------------------------------------------ */
static double idf(const struct search *s, uint32_t docs)
{
    double n = (double)s->slot.n, d = (double)docs;
    return log(1 + (n - d + 0.5) / (d + 0.5));
}

/* Adds the postings of one word of the dictionary to what word k of the query matches. */
static void match(struct run *r, size_t k, uint32_t word, double boost)
{
    const struct search *s = r->s;
    const struct search_word *w = &s->word.v[word];
    double live = (double)(s->slot.n - s->dead);
    double mean = live > 0 && s->total_length ? (double)s->total_length / live : 1;
    double weight = boost * idf(s, w->docs) * 2.2;
    struct search_walk p;
    search_walk(&p, w);
    while (search_walk_next(&p)) {
        uint32_t i = p.slot - 1;
        double f = p.frequency, got;
        if (r->seen[i] < k || s->length[i] == SEARCH_DEAD)
            continue;
        got = weight * f / (f + 1.2 * (0.25 + 0.75 * s->length[i] / mean));
        if (r->seen[i] == k) {
            r->seen[i]++;
            r->best[i] = (float)got;
        } else if (got > r->best[i]) {
            r->best[i] = (float)got;
        }
    }
}

static size_t order_find(const struct search *s, struct str prefix)
{
    size_t lo = 0, hi = s->sorted;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (str_cmp(search_word_text(s, s->order[mid]), prefix) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void match_beginning(struct run *r, size_t k, struct str prefix, uint32_t whole)
{
    const struct search *s = r->s;
    size_t at = order_find(s, prefix), words = 0, postings = 0;
    for (; at < s->word.n && words < EXPAND_WORDS && postings < EXPAND_POSTINGS; at++) {
        uint32_t i = s->order[at];
        if (!str_starts(search_word_text(s, i), prefix)) {
            if (at < s->sorted)
                at = s->sorted - 1; /* the newer ones are in no order */
            continue;
        }
        if (i == whole)
            continue;
        words++;
        postings += s->word.v[i].docs;
        match(r, k, i, 0.5); /* a whole word says more than its beginning */
    }
}

static void match_all(struct run *r)
{
    const struct search *s = r->s;
    for (size_t k = 0; k < r->words; k++) {
        struct str text = {r->text[k], r->text_n[k]};
        uint32_t i = search_find_word(s, text);
        if (i != UINT32_MAX)
            match(r, k, i, 1);
        if (k + 1 == r->words)
            match_beginning(r, k, text, i);
        for (size_t j = 0; j < s->slot.n; j++)
            if (r->seen[j] == k + 1)
                r->score[j] += r->best[j];
    }
}

/* ---- order ------------------------------------------------------------------------- */
/* Scores are compared and written as whole thousandths, so that a cursor can hold them.
 */
static uint32_t thousandths(const struct run *r, uint32_t i)
{
    return (uint32_t)(r->score[i] * 1000.0F + 0.5F);
}

/* Does a come before b? Ids differ, so this is a strict order. */
static bool before(const struct search *s, const struct best *a, const struct best *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    if (a->rank != b->rank)
        return a->rank > b->rank;
    return strcmp(s->slot.v[a->slot].id, s->slot.v[b->slot].id) < 0;
}

static bool after_cursor(const struct run *r, const struct best *x)
{
    if (!r->cursor_id.n)
        return true;
    if (x->score != r->cursor_score)
        return x->score < r->cursor_score;
    if (x->rank != r->cursor_rank)
        return x->rank < r->cursor_rank;
    return str_cmp(str_c(r->s->slot.v[x->slot].id), r->cursor_id) > 0;
}

static void exchange(struct best *a, struct best *b)
{
    struct best t = *a;
    *a = *b;
    *b = t;
}

static void sift(struct run *r, size_t at)
{
    for (;;) {
        size_t worst = at, l = 2 * at + 1;
        for (size_t c = l; c < l + 2 && c < r->top.n; c++)
            if (before(r->s, &r->top.v[worst], &r->top.v[c]))
                worst = c;
        if (worst == at)
            return;
        exchange(&r->top.v[at], &r->top.v[worst]);
        at = worst;
    }
}

/* Keeps the limit + 1 best: the last one only tells that there is a next page. */
static int offer(struct run *r, uint32_t i)
{
    struct best x = {r->s->slot.v[i].rank, thousandths(r, i), i};
    if (!after_cursor(r, &x))
        return AM_OK;
    if (r->top.n <= r->limit) {
        size_t at = r->top.n;
        int err = vec_push(&r->top, x);
        while (!err && at && before(r->s, &r->top.v[(at - 1) / 2], &r->top.v[at])) {
            exchange(&r->top.v[at], &r->top.v[(at - 1) / 2]);
            at = (at - 1) / 2;
        }
        return err;
    }
    if (before(r->s, &x, &r->top.v[0])) {
        r->top.v[0] = x;
        sift(r, 0);
    }
    return AM_OK;
}

/* ---- facets ------------------------------------------------------------------------ */
static int filters_read(struct run *r)
{
    const struct search_query *q = r->q;
    if (q->filters > SEARCH_FILTERS)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < q->filters; i++) {
        if (q->filter[i].facet >= r->s->facets)
            return AM_E_INVALID;
        if (q->filter[i].value.n > SEARCH_VALUE_MAX)
            return AM_E_TOOBIG;
        r->filter[i] = search_find_name(r->s, q->filter[i].facet, q->filter[i].value);
        r->filtered |= 1u << q->filter[i].facet;
    }
    return AM_OK;
}

/* Facets asked of which the document has none of the values. */
static unsigned missing(const struct run *r, const struct search_slot *slot)
{
    const uint32_t *v = r->s->value.v + slot->value;
    unsigned got = 0;
    for (size_t k = 0; k < slot->values; k++)
        got |= r->asked[v[k]];
    return r->filtered & ~got;
}

static void count(struct run *r, const struct search_slot *slot, unsigned left)
{
    const uint32_t *v = r->s->value.v + slot->value;
    for (size_t k = 0; k < slot->values; k++)
        if (!left || left == 1u << r->s->name.v[v[k]].facet)
            r->count[v[k]]++;
}

/* From the newest: where ranks grow with slots, as in a register, the first page is full
 * at once and what follows is refused by one comparison. */
static int collect(struct run *r, struct search_result *out)
{
    const struct search *s = r->s;
    for (uint32_t i = (uint32_t)s->slot.n; i-- > 0;) {
        const struct search_slot *slot = &s->slot.v[i];
        unsigned left;
        int err;
        if (r->seen[i] != r->words || s->length[i] == SEARCH_DEAD)
            continue;
        left = r->filtered ? missing(r, slot) : 0;
        if (left & (left - 1))
            continue; /* two facets are missing: no count changes */
        count(r, slot, left);
        if (left)
            continue;
        out->total++;
        err = offer(r, i);
        if (err)
            return err;
    }
    return AM_OK;
}

/* ---- results ----------------------------------------------------------------------- */
static int hit_sort(const void *a, const void *b, void *arg)
{
    return before(arg, a, b) ? -1 : 1;
}

static int put_hits(struct run *r, struct search_result *out)
{
    const struct search *s = r->s;
    if (r->top.n)
        qsort_r(r->top.v, r->top.n, sizeof *r->top.v, hit_sort, (void *)(uintptr_t)s);
    for (size_t i = 0; i < r->top.n && i < r->limit; i++) {
        struct search_hit h = {.score = r->score[r->top.v[i].slot]};
        int err;
        snprintf(h.id, sizeof h.id, "%s", s->slot.v[r->top.v[i].slot].id);
        err = vec_push(&out->hit, h);
        if (err)
            return err;
    }
    if (r->top.n > r->limit) {
        const struct best *last = &r->top.v[r->limit - 1];
        snprintf(out->next, sizeof out->next, "%08" PRIx32 "%016" PRIx64 "%s",
                 last->score, last->rank, s->slot.v[last->slot].id);
    }
    return AM_OK;
}

static bool more(const struct search_count *x, const struct search_count *y)
{
    return x->n != y->n ? x->n > y->n : str_cmp(x->value, y->value) < 0;
}

/* The SEARCH_TOP of every facet, each in its place among those so far. */
static int put_counts(struct run *r, struct search_result *out)
{
    const struct search *s = r->s;
    for (size_t i = 0; i < s->name.n; i++) {
        const struct search_name *n = &s->name.v[i];
        struct search_count x = {{n->text, n->text_n}, r->count[i]}, *v;
        size_t at = out->facet[n->facet].n;
        int err = AM_OK;
        if (!x.n || (at == SEARCH_TOP && !more(&x, &out->facet[n->facet].v[at - 1])))
            continue;
        if (at < SEARCH_TOP)
            err = vec_push(&out->facet[n->facet], x);
        else
            at--;
        if (err)
            return err;
        v = out->facet[n->facet].v;
        for (; at && more(&x, &v[at - 1]); at--)
            v[at] = v[at - 1];
        v[at] = x;
    }
    return AM_OK;
}

/* ---- one query --------------------------------------------------------------------- */
static int hex(struct str s, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return AM_E_SYNTAX;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return AM_OK;
}

static int cursor_read(struct run *r)
{
    struct str c = r->q->cursor;
    uint64_t score;
    if (!c.n)
        return AM_OK;
    r->cursor_id = str_sub(c, 24, c.n);
    if (c.n < 25 || !search_id_valid(r->cursor_id) || hex(str_sub(c, 0, 8), &score) ||
        hex(str_sub(c, 8, 24), &r->cursor_rank))
        return AM_E_SYNTAX;
    r->cursor_score = (uint32_t)score;
    return AM_OK;
}

static int make_room(struct run *r)
{
    size_t n = r->s->slot.n + 1;
    r->score = am_calloc(n, sizeof *r->score);
    r->best = am_calloc(n, sizeof *r->best);
    r->seen = am_calloc(n, 1);
    r->count = am_calloc(r->s->name.n + 1, sizeof *r->count);
    r->asked = am_calloc(r->s->name.n + 1, 1);
    if (!r->score || !r->best || !r->seen || !r->count || !r->asked)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->q->filters; i++)
        if (r->filter[i] != UINT32_MAX)
            r->asked[r->filter[i]] = (uint8_t)(1u << r->q->filter[i].facet);
    return AM_OK;
}

int search_run(const struct search *s, const struct search_query *q,
               struct search_result *out)
{
    struct run r = {.s = s, .q = q, .limit = q->limit ? q->limit : 20};
    int err =
        q->text.n > SEARCH_QUERY_MAX || r.limit > SEARCH_LIMIT ? AM_E_TOOBIG : AM_OK;
    *out = (struct search_result){0};
    if (!err)
        err = search_words(q->text, take_word, &r);
    if (!err)
        err = cursor_read(&r);
    if (!err)
        err = filters_read(&r);
    if (!err)
        err = make_room(&r);
    if (!err) {
        match_all(&r);
        err = collect(&r, out);
    }
    if (!err)
        err = put_hits(&r, out);
    if (!err)
        err = put_counts(&r, out);
    if (err) {
        search_result_release(out);
    }
    free(r.score);
    free(r.best);
    free(r.seen);
    free(r.count);
    free(r.asked);
    vec_release(&r.top);
    return err;
}

void search_result_release(struct search_result *r)
{
    vec_release(&r->hit);
    for (size_t i = 0; i < SEARCH_FACETS; i++)
        vec_release(&r->facet[i]);
    *r = (struct search_result){0};
}
