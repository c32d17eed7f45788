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
    uint32_t *count;   /* per name */
    VEC(uint32_t) top; /* a heap, worst first */
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
    double mean = live > 0 && s->length ? (double)s->length / live : 1;
    double weight = boost * idf(s, w->docs) * 2.2;
    struct search_walk p;
    search_walk(&p, w);
    while (search_walk_next(&p)) {
        uint32_t i = p.slot - 1;
        double f = p.frequency, got;
        if (r->seen[i] < k || !s->slot.v[i].id)
            continue;
        got = weight * f / (f + 1.2 * (0.25 + 0.75 * s->slot.v[i].length / mean));
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
static bool before(const struct run *r, uint32_t a, uint32_t b)
{
    const struct search_slot *x = &r->s->slot.v[a], *y = &r->s->slot.v[b];
    uint32_t p = thousandths(r, a), q = thousandths(r, b);
    if (p != q)
        return p > q;
    if (x->rank != y->rank)
        return x->rank > y->rank;
    return strcmp(x->id, y->id) < 0;
}

static bool after_cursor(const struct run *r, uint32_t i)
{
    const struct search_slot *x = &r->s->slot.v[i];
    uint32_t p;
    if (!r->cursor_id.n)
        return true;
    p = thousandths(r, i);
    if (p != r->cursor_score)
        return p < r->cursor_score;
    if (x->rank != r->cursor_rank)
        return x->rank < r->cursor_rank;
    return str_cmp(str_c(x->id), r->cursor_id) > 0;
}

static void sift(struct run *r, size_t at)
{
    for (;;) {
        size_t worst = at, l = 2 * at + 1;
        uint32_t t;
        for (size_t c = l; c < l + 2 && c < r->top.n; c++)
            if (before(r, r->top.v[worst], r->top.v[c]))
                worst = c;
        if (worst == at)
            return;
        t = r->top.v[at];
        r->top.v[at] = r->top.v[worst];
        r->top.v[worst] = t;
        at = worst;
    }
}

/* Keeps the limit + 1 best: the last one only tells that there is a next page. */
static int offer(struct run *r, uint32_t i)
{
    if (r->top.n <= r->limit) {
        size_t at = r->top.n;
        int err = vec_push(&r->top, i);
        while (!err && at && before(r, r->top.v[(at - 1) / 2], r->top.v[at])) {
            uint32_t t = r->top.v[at];
            r->top.v[at] = r->top.v[(at - 1) / 2];
            r->top.v[(at - 1) / 2] = t;
            at = (at - 1) / 2;
        }
        return err;
    }
    if (before(r, i, r->top.v[0])) {
        r->top.v[0] = i;
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
    unsigned left = r->filtered;
    for (size_t i = 0; i < r->q->filters && left; i++)
        for (size_t k = 0; k < slot->values; k++)
            if (slot->value[k] == r->filter[i])
                left &= ~(1u << r->q->filter[i].facet);
    return left;
}

static void count(struct run *r, const struct search_slot *slot, unsigned left)
{
    for (size_t k = 0; k < slot->values; k++) {
        uint32_t name = slot->value[k];
        if (k && name == slot->value[0])
            break; /* padding of values given twice */
        if (!left || left == 1u << r->s->name.v[name].facet)
            r->count[name]++;
    }
}

static int collect(struct run *r, struct search_result *out)
{
    const struct search *s = r->s;
    for (uint32_t i = 0; i < s->slot.n; i++) {
        const struct search_slot *slot = &s->slot.v[i];
        unsigned left;
        int err;
        if (!slot->id || r->seen[i] != r->words)
            continue;
        left = missing(r, slot);
        if (left & (left - 1))
            continue; /* two facets are missing: no count changes */
        count(r, slot, left);
        if (left)
            continue;
        out->total++;
        err = after_cursor(r, i) ? offer(r, i) : AM_OK;
        if (err)
            return err;
    }
    return AM_OK;
}

/* ---- results ----------------------------------------------------------------------- */
static int hit_sort(const void *a, const void *b, void *arg)
{
    return before(arg, *(const uint32_t *)a, *(const uint32_t *)b) ? -1 : 1;
}

static int put_hits(struct run *r, struct search_result *out)
{
    if (r->top.n)
        qsort_r(r->top.v, r->top.n, sizeof *r->top.v, hit_sort, r);
    for (size_t i = 0; i < r->top.n && i < r->limit; i++) {
        struct search_hit h = {.score = r->score[r->top.v[i]]};
        int err;
        snprintf(h.id, sizeof h.id, "%s", r->s->slot.v[r->top.v[i]].id);
        err = vec_push(&out->hit, h);
        if (err)
            return err;
    }
    if (r->top.n > r->limit) {
        uint32_t last = r->top.v[r->limit - 1];
        snprintf(out->next, sizeof out->next, "%08" PRIx32 "%016" PRIx64 "%s",
                 thousandths(r, last), r->s->slot.v[last].rank, r->s->slot.v[last].id);
    }
    return AM_OK;
}

static int count_sort(const void *a, const void *b)
{
    const struct search_count *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : str_cmp(x->value, y->value);
}

static int put_counts(struct run *r, struct search_result *out)
{
    const struct search *s = r->s;
    for (size_t i = 0; i < s->name.n; i++) {
        const struct search_name *n = &s->name.v[i];
        int err;
        if (!r->count[i])
            continue;
        err = vec_push(&out->facet[n->facet],
                       ((struct search_count){{n->text, n->text_n}, r->count[i]}));
        if (err)
            return err;
    }
    for (size_t f = 0; f < s->facets; f++) {
        if (out->facet[f].n)
            qsort(out->facet[f].v, out->facet[f].n, sizeof *out->facet[f].v, count_sort);
        out->facet[f].n = AM_MIN(out->facet[f].n, (size_t)SEARCH_TOP);
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
    return r->score && r->best && r->seen && r->count ? AM_OK : AM_E_NOMEM;
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
