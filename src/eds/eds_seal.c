/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: squeezed, then sealed. The first bytes say how, so that what was written under
 * an older key or dictionary is read as easily. */
#include "eds/eds_priv.h"

enum { EDS_FORMAT = 1 };

/* What squeezing and sealing want, kept from one body to the next. */
struct eds_packer {
    struct pack *pack;
    struct crypto_box *box; /* under key number `key`; NULL: none yet */
    unsigned key;
    struct buf packed, kept;
};

static void packer_free(struct eds_packer *p)
{
    pack_free(p->pack);
    crypto_box_free(p->box);
    buf_release(&p->packed);
    buf_release(&p->kept);
    free(p);
}

static int packer_new(struct eds_packer **out)
{
    struct eds_packer *p = am_calloc(1, sizeof *p);
    int err;
    if (!p)
        return AM_E_NOMEM;
    buf_init(&p->packed, EDS_BODY_MAX + (EDS_BODY_MAX >> 6));
    buf_init(&p->kept, EDS_BODY_MAX);
    err = pack_new(&p->pack);
    if (err)
        packer_free(p);
    else
        *out = p;
    return err;
}

/* At most EDS_PACKERS work at once: it is all processor time, more would only take
 * memory. */
static int eds_packer_take(struct eds *e, struct eds_packer **out)
{
    int err = AM_OK;
    am_assert(!pthread_mutex_lock(&e->lock));
    while (!e->idle && e->packers == EDS_PACKERS)
        am_assert(!pthread_cond_wait(&e->packer_free, &e->lock));
    if (e->idle) {
        *out = e->packer[--e->idle];
    } else {
        err = packer_new(out);
        e->packers += !err;
    }
    am_assert(!pthread_mutex_unlock(&e->lock));
    return err;
}

/* Of a large body nothing stays. */
static void packer_tidy(struct buf *b)
{
    enum { PACKER_KEEPS = 1 << 16 };
    if (b->cap > PACKER_KEEPS)
        buf_release(b);
    else
        buf_clear(b);
}

static void eds_packer_put(struct eds *e, struct eds_packer *p)
{
    packer_tidy(&p->packed);
    packer_tidy(&p->kept);
    am_assert(!pthread_mutex_lock(&e->lock));
    e->packer[e->idle++] = p;
    am_assert(!pthread_cond_signal(&e->packer_free));
    am_assert(!pthread_mutex_unlock(&e->lock));
}

void eds_packers_free(struct eds *e)
{
    am_assert(e->idle == e->packers);
    for (size_t i = 0; i < e->idle; i++)
        packer_free(e->packer[i]);
    e->idle = e->packers = 0;
}

/* Numbers of keys are given once, and the key with it. */
static int packer_key(struct eds_packer *p, const struct eds *e, unsigned key)
{
    int err = AM_OK;
    if (p->box && p->key == key)
        return AM_OK;
    crypto_box_free(p->box);
    p->box = NULL;
    p->key = key;
    err = crypto_box_new(&p->box, e->key[key - 1]);
    return err;
}

static struct str eds_aad(struct str type, struct str id, char out[160])
{
    static const char head[] = "amane eds body 1 ";
    size_t n = sizeof head - 1;
    am_assert(type.n < EDS_NAME && id.n <= EDS_ID_MAX);
    memcpy(out, head, n);
    memcpy(out + n, type.p, type.n);
    n += type.n;
    out[n++] = '/';
    memcpy(out + n, id.p, id.n);
    return (struct str){out, n + id.n};
}

unsigned eds_dict_now(const struct eds *e)
{
    unsigned n = atomic_load(&e->n_dicts);
    return n && e->dict[n - 1] ? n : 0;
}

int eds_seal(struct eds *e, struct str type, struct str id, struct str kept,
             struct buf *out)
{
    char aad[160];
    unsigned key = atomic_load(&e->n_keys), dict = eds_dict_now(e);
    const uint8_t head[EDS_HEAD] = {EDS_FORMAT, (uint8_t)dict, (uint8_t)key,
                                    (uint8_t)(key >> 8)};
    struct eds_packer *p;
    int err = eds_packer_take(e, &p);
    if (err)
        return err;
    err = pack_squeeze(p->pack, dict ? e->dict[dict - 1] : NULL, kept, &p->packed);
    if (!err)
        err = packer_key(p, e, key);
    if (!err)
        err = buf_add(out, (struct str){(const char *)head, sizeof head});
    if (!err)
        err = crypto_box_seal(p->box, eds_aad(type, id, aad), buf_str(&p->packed), out);
    eds_packer_put(e, p);
    return err;
}

/* Into p->kept. */
static int packer_unseal(struct eds_packer *p, struct eds *e, const char *type,
                         const char *id, struct str sealed)
{
    char aad[160];
    unsigned key, dict;
    int err;
    if (sealed.n < EDS_HEAD || sealed.p[0] != EDS_FORMAT)
        return AM_E_TAMPERED;
    dict = (uint8_t)sealed.p[1];
    key = (uint8_t)sealed.p[2] | (unsigned)(uint8_t)sealed.p[3] << 8;
    if (!key || key > EDS_KEYS_MAX || dict > EDS_DICTS_MAX)
        return AM_E_TAMPERED;
    if (key > atomic_load(&e->n_keys) || dict > atomic_load(&e->n_dicts))
        return AM_E_UNAVAILABLE; /* newer than what was loaded */
    if (dict && !e->dict[dict - 1])
        return AM_E_TAMPERED; /* forgotten: nothing is kept under it */
    err = packer_key(p, e, key);
    if (!err)
        err = crypto_box_open(p->box, eds_aad(str_c(type), str_c(id), aad),
                              str_sub(sealed, EDS_HEAD, sealed.n), &p->packed);
    if (!err)
        err = pack_open(p->pack, dict ? e->dict[dict - 1] : NULL, buf_str(&p->packed),
                        EDS_BODY_MAX, &p->kept);
    return err;
}

int eds_unseal(struct eds *e, const char *type, const char *id, struct str sealed,
               struct buf *kept)
{
    struct eds_packer *p;
    int err = eds_packer_take(e, &p);
    if (err)
        return err;
    err = packer_unseal(p, e, type, id, sealed);
    if (!err)
        err = buf_add(kept, buf_str(&p->kept));
    eds_packer_put(e, p);
    return err;
}

int eds_unseal_join(struct eds *e, const struct eds_meta *m, struct str sealed,
                    struct buf *out)
{
    struct eds_packer *p;
    int err = eds_packer_take(e, &p);
    if (err)
        return err;
    err = packer_unseal(p, e, m->type, m->id, sealed);
    if (!err)
        err = eds_body_join(out, buf_str(&p->kept), m);
    eds_packer_put(e, p);
    return err;
}

void eds_body_digest(const struct eds *e, struct str kept, uint8_t out[CRYPTO_SHA256])
{
    am_assert(
        !crypto_hmac_sha256((struct str){(const char *)e->mac, EDS_KEY}, kept, out));
}
