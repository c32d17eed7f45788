/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionaries learnt from the store's own bodies: the first soon, so that little is kept
 * without one, the second when there is a fair sample of what comes in. Samples are
 * picked evenly among all that was prepared (reservoir sampling) and stay in memory. */
#include "base/log.h"
#include "eds/eds_priv.h"

enum {
    EDS_SAMPLES = 3000,
    EDS_SAMPLE_MAX = 8192, /* bytes of one; longer texts have patterns of their own */
    EDS_SAMPLE_BYTES = 6 << 20,
    EDS_DICT_BYTES = 112640
};
/* How many bodies were seen when the n-th dictionary is learnt. */
static const uint64_t eds_learn_at[] = {500, 20000};

/* Numbers of dictionaries are given once: the rest of them is for scrubs, each of which
 * wants one (eds_forget.c). */
enum { EDS_LEARN_TO = EDS_DICTS_MAX / 2 };

/* Those that are there: not the forgotten ones, nor the empty ones scrubs leave. */
static unsigned eds_dicts_there(const struct eds *e)
{
    unsigned n = atomic_load(&e->n_dicts), there = 0;
    for (unsigned i = atomic_load(&e->forgotten); i < n; i++)
        there += e->dict[i] != NULL;
    return there;
}

static bool eds_learns(const struct eds *e)
{
    return atomic_load(&e->n_dicts) < EDS_LEARN_TO &&
           eds_dicts_there(e) < AM_LEN(eds_learn_at);
}

static uint64_t eds_draw(uint64_t *state)
{
    uint64_t z =
        (*state += 0x9e3779b97f4a7c15u); /* splitmix64: an even choice, no more */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Into a slot whose bytes are dropped: the buffer is only ever appended to, and begun
 * anew when it is full (the sample is then of what came later). */
static void eds_sample_keep(struct eds_sample *s, size_t slot, struct str kept)
{
    size_t at = s->bytes.n;
    if (at + kept.n > EDS_SAMPLE_BYTES || buf_add(&s->bytes, kept))
        return;
    if (slot < s->part.n) {
        s->part.v[slot].at = at;
        s->part.v[slot].n = kept.n;
        return;
    }
    if (vec_room(&s->part))
        return;
    s->part.v[s->part.n].at = at;
    s->part.v[s->part.n++].n = kept.n;
}

void eds_sample_add(struct eds *e, struct str kept)
{
    struct eds_sample *s = &e->sample;
    if (!eds_learns(e) || kept.n > EDS_SAMPLE_MAX)
        return;
    am_assert(!pthread_mutex_lock(&e->lock));
    if (!s->learning) {
        uint64_t slot = s->seen < EDS_SAMPLES ? s->seen : eds_draw(&s->draw) % s->seen;
        s->seen++;
        if (slot < EDS_SAMPLES)
            eds_sample_keep(s, (size_t)slot, kept);
    }
    am_assert(!pthread_mutex_unlock(&e->lock));
}

static int eds_train(struct eds *e, struct buf *out)
{
    struct eds_sample *s = &e->sample;
    struct str *part = am_calloc(s->part.n + 1, sizeof *part);
    int err;
    if (!part)
        return AM_E_NOMEM;
    for (size_t i = 0; i < s->part.n; i++)
        part[i] = (struct str){s->bytes.p + s->part.v[i].at, s->part.v[i].n};
    err = pack_train(out, part, s->part.n, EDS_DICT_BYTES);
    free(part);
    return err;
}

void eds_sample_forget(struct eds *e)
{
    struct eds_sample *s = &e->sample;
    am_assert(!pthread_mutex_lock(&e->lock));
    if (!s->learning) {
        s->seen = 0;
        s->part.n = 0;
        buf_wipe(&s->bytes);
    }
    am_assert(!pthread_mutex_unlock(&e->lock));
}

/* While `learning` is set nobody else touches the sample. */
void eds_learn(struct eds *e)
{
    struct eds_sample *s = &e->sample;
    unsigned n = eds_dicts_there(e);
    struct buf dict;
    bool mine = false;
    int err;
    if (!eds_learns(e) || n >= AM_LEN(eds_learn_at))
        return;
    am_assert(!pthread_mutex_lock(&e->lock));
    if (!s->learning && s->seen >= eds_learn_at[n])
        mine = s->learning = true;
    am_assert(!pthread_mutex_unlock(&e->lock));
    if (!mine)
        return;
    buf_init(&dict, EDS_DICT_BYTES + 1);
    err = eds_train(e, &dict);
    if (!err)
        err = eds_vault_dict(e, buf_str(&dict));
    if (err)
        LOG_W("eds.dictionary", log_err(err));
    else
        LOG_I("eds.dictionary", log_i("n", atomic_load(&e->n_dicts)),
              log_i("bytes", (int64_t)dict.n));
    buf_wipe(&dict);
    am_assert(!pthread_mutex_lock(&e->lock));
    s->learning = false;
    if (err || n + 1 >= AM_LEN(eds_learn_at)) { /* enough, or another sample next time */
        s->seen = 0;
        s->part.n = 0;
        buf_wipe(&s->bytes);
    }
    am_assert(!pthread_mutex_unlock(&e->lock));
}
