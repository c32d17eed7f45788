/* SPDX-License-Identifier: Apache-2.0 */
/* Discordant pairs are inversions of b's ranks among rows sorted by a (ties of a by
 * rising b, so that they count for nothing). Inversions are counted from the top bit of
 * the ranks down: inside a block of equal upper bits, each zero after a one is an
 * inversion, and the stable partition makes the two blocks of the next bit. Nothing is
 * compared, so nothing is mispredicted: measured at 10^6 rows, a third of the time of a
 * merge sort. */
#include "stat/stat_order.h"

#include <math.h>

#include "stat/stat_priv.h"

__extension__ typedef __int128 i128;

enum { ORDER_SMALL = 12 };

static uint64_t pairs(uint64_t n)
{
    return n < 2 ? 0 : n % 2 ? (n - 1) / 2 * n : n / 2 * (n - 1);
}

static uint64_t inversions_small(const uint32_t *v, size_t n)
{
    uint64_t found = 0;
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            found += v[j] > v[i];
    return found;
}

static uint64_t inversions(uint32_t *v, uint32_t *tmp, size_t n, unsigned bit)
{
    uint64_t found = 0;
    size_t zeros = 0, ones = 0;
    if (n <= ORDER_SMALL)
        return inversions_small(v, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t x = v[i], one = x >> bit & 1;
        found += one ? 0 : ones;
        v[zeros] = x; /* never ahead of what is read */
        tmp[ones] = x;
        zeros += !one;
        ones += one;
    }
    memcpy(v + zeros, tmp, ones * sizeof *v);
    if (bit == 0)
        return found;
    found += inversions(v, tmp, zeros, bit - 1);
    return found + inversions(v + zeros, tmp, ones, bit - 1);
}

/* Rows by rising b, the doubled mid-rank of b (ties share it) in y, keyed anew by a: the
 * stable sort that follows leaves equal scores of a by rising b. */
static size_t rank_b(const double *a, const double *b, size_t n, struct stat_item *v,
                     struct stat_item *tmp, struct stat_pairs *o)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(a[i]) && !isnan(b[i]))
            v[used++] = (struct stat_item){stat_key(b[i]), (uint32_t)i, 0};
    stat_sort_items(v, tmp, used);
    for (size_t i = 0, end; i < used; i = end) {
        uint64_t key = v[i].key;
        for (end = i; end < used && v[end].key == key; end++)
            ;
        o->tied_b += pairs(end - i);
        for (size_t j = i; j < end; j++) {
            v[j].y = (uint32_t)(i + end + 1); /* ranks i+1..end */
            v[j].key = stat_key(a[v[j].row]);
        }
    }
    return used;
}

/* Sums about n + 1, the mean of a doubled mid-rank: exact. */
struct moments {
    i128 aa, bb, ab;
};

static void rank_a(const struct stat_item *v, size_t n, uint32_t *seq,
                   struct stat_pairs *o)
{
    struct moments m = {0};
    for (size_t i = 0, end; i < n; i = end) {
        int64_t da, run = 0;
        for (end = i; end < n && v[end].key == v[i].key; end++)
            ;
        o->tied_a += pairs(end - i);
        da = (int64_t)(i + end) - (int64_t)n;
        for (size_t j = i; j < end; j++) {
            int64_t db = (int64_t)v[j].y - (int64_t)(n + 1);
            m.aa += (i128)da * da;
            m.bb += (i128)db * db;
            m.ab += (i128)da * db;
            run = j > i && v[j].y == v[j - 1].y ? run + 1 : 0;
            o->tied_both += (uint64_t)run;
            seq[j] = v[j].y;
        }
    }
    if (m.aa > 0 && m.bb > 0)
        o->spearman = (double)m.ab / sqrt((double)m.aa * (double)m.bb);
}

static void finish(struct stat_pairs *o)
{
    uint64_t all = pairs((uint64_t)o->n);
    o->concordant = all - o->tied_a - o->tied_b + o->tied_both - o->discordant;
    double c = (double)o->concordant, d = (double)o->discordant,
           na = (double)(all - o->tied_a), nb = (double)(all - o->tied_b);
    o->tau_b = na > 0 && nb > 0 ? (c - d) / sqrt(na * nb) : NAN;
    o->inversion_rate = c + d > 0 ? d / (c + d) : NAN;
}

int stat_pairs(const double *a, const double *b, size_t n, struct stat_pairs *out)
{
    struct stat_pairs o = {.tau_b = NAN, .spearman = NAN, .inversion_rate = NAN};
    struct stat_item *v;
    uint32_t *seq;
    unsigned bit = 1;
    if (n > STAT_ROWS_MAX)
        return AM_E_TOOBIG;
    v = am_malloc((2 * n + 1) * sizeof *v);
    seq = am_malloc((2 * n + 1) * sizeof *seq);
    if (!v || !seq) {
        free(v);
        free(seq);
        return AM_E_NOMEM;
    }
    size_t used = rank_b(a, b, n, v, v + n, &o);
    stat_sort_items(v, v + n, used);
    rank_a(v, used, seq, &o);
    while ((uint64_t)2 << bit <= 2 * used)
        bit++;
    o.discordant = inversions(seq, seq + used, used, bit);
    o.n = (int64_t)used;
    o.rejected = (int64_t)(n - used);
    finish(&o);
    free(seq);
    free(v);
    *out = o;
    return AM_OK;
}
