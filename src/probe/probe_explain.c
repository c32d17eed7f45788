/* SPDX-License-Identifier: Apache-2.0 */
/* The background, the mixtures of it with a row, and all coalitions of a few inputs. */
#include <math.h>

#include "probe/probe_explain_priv.h"
#include "stat/stat.h"

/* ---- the background
 * ------------------------------------------------------------------- */
struct drawn {
    uint64_t key;
    uint32_t row;
};

static int by_key(const void *a, const void *b)
{
    const struct drawn *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Shares of `want` in proportion, what is left to the largest remainders. */
static void shares(const size_t size[256], size_t n, size_t want, size_t out[256])
{
    uint64_t rest[256];
    size_t given = 0;
    for (size_t s = 0; s < 256; s++) {
        out[s] = (size_t)((uint64_t)size[s] * want / n);
        rest[s] = (uint64_t)size[s] * want % n;
        given += out[s];
    }
    for (; given < want; given++) {
        size_t best = 0;
        for (size_t s = 1; s < 256; s++)
            if (rest[s] > rest[best])
                best = s;
        out[best]++;
        rest[best] = 0;
    }
}

int probe_background(const uint64_t *key, const uint8_t *stratum, size_t n, size_t want,
                     uint64_t seed, uint32_t *out, size_t *got)
{
    size_t size[256] = {0}, share[256] = {0}, k = 0;
    struct drawn *d = am_malloc((n + 1) * sizeof *d);
    *got = 0;
    if (!d)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        uint64_t mixed =
            key[i] ^ (seed * UINT64_C(0x9E3779B97F4A7C15) + EXPLAIN_BACKGROUND);
        d[i] = (struct drawn){stat_splitmix64(&mixed), (uint32_t)i};
        size[stratum ? stratum[i] : 0]++;
    }
    if (n) {
        qsort(d, n, sizeof *d, by_key);
        shares(size, n, AM_MIN(want, n), share);
    }
    for (size_t i = 0; i < n; i++) {
        size_t *left = &share[stratum ? stratum[d[i].row] : 0];
        if (*left) {
            out[k++] = d[i].row;
            --*left;
        }
    }
    free(d);
    *got = k;
    return AM_OK;
}

/* ---- mixtures
 * ------------------------------------------------------------------------- */
/* Of the players it follows: none is known, all are, or some. */
enum followed { FOLLOWS_BACKGROUND, FOLLOWS_ROW, FOLLOWS_BOTH };

static enum followed followed(const struct explain_game *g, const uint64_t *need,
                              const uint64_t *coalition)
{
    bool in = false, out = false;
    for (size_t w = 0; w < g->words; w++) {
        in |= (need[w] & coalition[w]) != 0;
        out |= (need[w] & ~coalition[w]) != 0;
    }
    return in && out ? FOLLOWS_BOTH : in ? FOLLOWS_ROW : FOLLOWS_BACKGROUND;
}

static void mix_derived(const struct explain_game *g, const uint64_t *coalition,
                        double *out)
{
    size_t f = g->features;
    for (size_t k = 0; k < g->players.n; k++) {
        const struct explain_derived *d = &g->players.derived[k];
        enum followed how = followed(g, g->need + k * g->words, coalition);
        for (size_t r = 0; r < g->e->rows && how != FOLLOWS_BACKGROUND; r++) {
            if (how == FOLLOWS_ROW)
                out[r * f + d->input] = g->x[d->input];
            else
                probe_player_derive(&g->players, d, out + r * f);
        }
    }
}

static void mix_rows(const struct explain_game *g, const uint64_t *coalition, double *out)
{
    size_t f = g->features, rows = g->e->rows;
    memcpy(out, g->e->background, rows * f * sizeof *out);
    for (size_t i = 0; i < g->m; i++) {
        if (!(coalition[i / 64] >> i % 64 & 1))
            continue;
        for (size_t k = g->start[i]; k < g->start[i + 1]; k++)
            for (size_t r = 0, j = g->member[k]; r < rows; r++)
                out[r * f + j] = g->x[j];
    }
    mix_derived(g, coalition, out);
}

/* The mean of the answers that are numbers. */
static double mean_answer(struct explain_game *g, const double *answer, size_t n)
{
    struct stat_sum sum = {0};
    size_t good = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(answer[i])) {
            stat_add(&sum, answer[i]);
            good++;
        }
    g->failed |= !good;
    return good ? stat_total(&sum) / (double)good : NAN;
}

int probe_explain_ask(struct explain_game *g, const uint64_t *coalition, size_t n,
                      double *worth)
{
    size_t rows = g->e->rows, asked;
    for (size_t done = 0; done < n;) {
        size_t k = AM_MIN(g->most, n - done);
        int err;
        for (size_t i = 0; i < k; i++)
            mix_rows(g, coalition + (done + i) * g->words,
                     g->mix + i * rows * g->features);
        err = probe_ask(g->e->oracle, g->mix, k * rows, g->answer, &asked);
        if (err)
            return err;
        g->failed |= asked < k * rows;
        for (size_t i = 0; i < k; i++)
            worth[done + i] = mean_answer(g, g->answer + i * rows, rows);
        done += k;
    }
    return AM_OK;
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool varies(const struct explain_game *g, size_t j)
{
    for (size_t r = 0; r < g->e->rows; r++)
        if (!same(g->e->background[r * g->features + j], g->x[j]))
            return true;
    return false;
}

/* Does one of the players that input j follows vary? If none does, what j varies by is
 * its own (how it was rounded), and it plays. */
static bool follows_varying(const struct explain_game *g, const bool *plays, size_t j)
{
    for (size_t k = 0; k < g->players.n; k++)
        for (size_t s = 0; g->players.derived[k].input == j && s < g->features; s++)
            if (g->players.derived[k].source[s / 64] >> s % 64 & 1 &&
                plays[g->players.lead[s]])
                return true;
    return false;
}

/* plays[lead]: the player varies. */
static void find_players(struct explain_game *g, bool *plays)
{
    const struct explain_players *p = &g->players;
    memset(plays, 0, g->features * sizeof *plays);
    for (size_t j = 0; j < g->features; j++)
        if (!probe_player_follows(p, j) && varies(g, j))
            plays[p->lead[j]] = true;
    for (size_t j = 0; j < g->features; j++)
        if (probe_player_follows(p, j) && varies(g, j))
            plays[j] = !follows_varying(g, plays, j);
    for (size_t j = 0, n = 0; j < g->features; j++) {
        if (!plays[j])
            continue;
        g->start[g->m] = n;
        g->vary[g->m++] = (uint32_t)j;
        for (size_t k = j; k < g->features; k++)
            if (p->lead[k] == j)
                g->member[n++] = (uint32_t)k;
        g->start[g->m] = n;
    }
    g->words = AM_MAX((g->m + 63) / 64, (size_t)1);
}

/* Of each derived input: the players it follows; none when it plays itself. */
static void find_needs(struct explain_game *g, const bool *plays)
{
    for (size_t k = 0; k < g->players.n; k++) {
        const struct explain_derived *d = &g->players.derived[k];
        uint64_t *need = g->need + k * g->words;
        for (size_t i = 0; i < g->m && !plays[d->input]; i++)
            for (size_t m = g->start[i]; m < g->start[i + 1]; m++)
                if (d->source[g->member[m] / 64] >> g->member[m] % 64 & 1)
                    need[i / 64] |= UINT64_C(1) << i % 64;
    }
}

static int open_players(struct explain_game *g)
{
    size_t f = g->features;
    bool *plays = am_malloc(f * sizeof *plays);
    int err = probe_players_open(&g->players, g->e->rules, f);
    g->vary = am_malloc(f * sizeof *g->vary);
    g->member = am_malloc(f * sizeof *g->member);
    g->start = am_calloc(f + 1, sizeof *g->start);
    if (!err && (!plays || !g->vary || !g->member || !g->start))
        err = AM_E_NOMEM;
    if (!err) {
        find_players(g, plays);
        g->need = am_calloc(g->players.n * g->words + 1, sizeof *g->need);
        err = g->need ? AM_OK : AM_E_NOMEM;
    }
    if (!err)
        find_needs(g, plays);
    free(plays);
    return err;
}

static int open_game(struct explain_game *g, const struct probe_explain *e,
                     const double *x)
{
    size_t f = e->oracle->features, row_b = f * sizeof *x, asked;
    int err;
    *g = (struct explain_game){.e = e, .x = x, .features = f};
    g->most = AM_MAX(PROBE_EXPLAIN_BLOCK_B / (e->rows * row_b), (size_t)1);
    err = open_players(g);
    g->mix = am_malloc(g->most * e->rows * row_b);
    g->answer = am_malloc(g->most * e->rows * sizeof *g->answer);
    if (!err && (!g->mix || !g->answer))
        err = AM_E_NOMEM;
    if (err)
        return err;
    err = probe_ask(e->oracle, x, 1, &g->score, &asked);
    if (!err)
        err = probe_ask(e->oracle, e->background, e->rows, g->answer, &asked);
    if (err)
        return err;
    g->base = mean_answer(g, g->answer, e->rows);
    g->failed |= isnan(g->score) || asked < e->rows;
    return AM_OK;
}

static void close_game(struct explain_game *g)
{
    probe_players_release(&g->players);
    free(g->vary);
    free(g->member);
    free(g->start);
    free(g->need);
    free(g->mix);
    free(g->answer);
}

/* ---- all coalitions
 * ------------------------------------------------------------------- */
static void exact_values(const struct explain_game *g, const double *v, double *value)
{
    size_t m = g->m;
    double weight[PROBE_EXACT_MAX]; /* s! (m-1-s)! / m! */
    weight[0] = 1.0 / (double)m;
    for (size_t s = 1; s < m; s++)
        weight[s] = weight[s - 1] * (double)s / (double)(m - s);
    for (size_t i = 0; i < m; i++) {
        struct stat_sum sum = {0};
        for (size_t s = 0; s < (size_t)1 << m; s++)
            if (!(s >> i & 1))
                stat_add(&sum, weight[__builtin_popcountll(s)] *
                                   (v[s | (size_t)1 << i] - v[s]));
        value[i] = stat_total(&sum);
    }
}

static int exact(struct explain_game *g, double *value, size_t *asked)
{
    size_t n = (size_t)1 << g->m;
    uint64_t *coalition = am_malloc(n * sizeof *coalition);
    double *v = am_malloc(n * sizeof *v);
    int err = coalition && v ? AM_OK : AM_E_NOMEM;
    *asked = n - 2;
    for (size_t s = 0; s < n && !err; s++)
        coalition[s] = s;
    if (!err)
        err = probe_explain_ask(g, coalition + 1, n - 2, v + 1);
    if (!err) {
        v[0] = g->base;
        v[n - 1] = g->score;
        exact_values(g, v, value);
    }
    free(coalition);
    free(v);
    return err;
}

static int values(struct explain_game *g, double *value, struct probe_shapley *out)
{
    out->exact = g->m <= PROBE_EXACT_MAX && !(g->e->sampled && g->m > 2);
    if (g->failed || !g->m)
        return AM_OK;
    return out->exact ? exact(g, value, &out->coalitions)
                      : probe_kernel(g, value, &out->se, &out->coalitions);
}

int probe_shapley(const struct probe_explain *e, const double *x, double *phi,
                  struct probe_shapley *out)
{
    struct explain_game g;
    double *value = NULL;
    int err;
    *out = (struct probe_shapley){0};
    if (e->oracle->features > PROBE_EXPLAIN_MAX)
        return AM_E_TOOBIG;
    if (!e->rows || e->rows > PROBE_BACKGROUND || !e->oracle->features)
        return AM_E_INVALID;
    err = open_game(&g, e, x);
    if (!err) {
        value = am_calloc(g.m + 1, sizeof *value);
        err = value ? values(&g, value, out) : AM_E_NOMEM;
    }
    if (!err) {
        out->answered = !g.failed;
        out->base = g.base;
        out->score = g.score;
        for (size_t j = 0; j < g.features; j++)
            phi[j] = g.failed ? NAN : 0;
        for (size_t i = 0; i < g.m && !g.failed; i++)
            phi[g.vary[i]] = value[i];
    }
    free(value);
    close_game(&g);
    return err;
}
