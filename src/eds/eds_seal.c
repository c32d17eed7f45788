/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: squeezed, then sealed. The first bytes say how, so that what was written under
 * an older key or dictionary is read as easily. */
#include "eds/eds_priv.h"

enum { EDS_FORMAT = 1 };

/* At most EDS_PACKERS work at once: it is all processor time, more would only take
 * memory. */
static int eds_packer_take(struct eds *e, struct pack **out)
{
    int err = AM_OK;
    am_assert(!pthread_mutex_lock(&e->lock));
    while (!e->idle && e->packers == EDS_PACKERS)
        am_assert(!pthread_cond_wait(&e->packer_free, &e->lock));
    if (e->idle) {
        *out = e->packer[--e->idle];
    } else {
        err = pack_new(out);
        e->packers += !err;
    }
    am_assert(!pthread_mutex_unlock(&e->lock));
    return err;
}

static void eds_packer_put(struct eds *e, struct pack *p)
{
    am_assert(!pthread_mutex_lock(&e->lock));
    e->packer[e->idle++] = p;
    am_assert(!pthread_cond_signal(&e->packer_free));
    am_assert(!pthread_mutex_unlock(&e->lock));
}

void eds_packers_free(struct eds *e)
{
    am_assert(e->idle == e->packers);
    for (size_t i = 0; i < e->idle; i++)
        pack_free(e->packer[i]);
    e->idle = e->packers = 0;
}

static struct str eds_aad(const char *type, const char *id, char out[160])
{
    int n = snprintf(out, 160, "amane eds body 1 %s/%s", type, id);
    return (struct str){out, (size_t)n};
}

int eds_seal(struct eds *e, struct str type, struct str id, struct str kept,
             struct buf *out)
{
    char t[EDS_NAME], i[EDS_ID_MAX + 1], aad[160];
    unsigned key = atomic_load(&e->n_keys), dict = atomic_load(&e->n_dicts);
    const uint8_t head[EDS_HEAD] = {EDS_FORMAT, (uint8_t)dict, (uint8_t)key,
                                    (uint8_t)(key >> 8)};
    struct pack *p;
    struct buf packed;
    int err = eds_packer_take(e, &p);
    if (err)
        return err;
    buf_init(&packed, EDS_BODY_MAX + (EDS_BODY_MAX >> 6));
    err = pack_squeeze(p, dict ? e->dict[dict - 1] : NULL, kept, &packed);
    eds_packer_put(e, p);
    snprintf(t, sizeof t, "%.*s", STR_FMT(type));
    snprintf(i, sizeof i, "%.*s", STR_FMT(id));
    if (!err)
        err = buf_add(out, (struct str){(const char *)head, sizeof head});
    if (!err)
        err = crypto_seal(e->key[key - 1], eds_aad(t, i, aad), buf_str(&packed), out);
    buf_release(&packed);
    return err;
}

int eds_unseal(struct eds *e, const char *type, const char *id, struct str sealed,
               struct buf *kept)
{
    char aad[160];
    struct buf packed;
    struct pack *p;
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
    buf_init(&packed, EDS_BODY_MAX + (EDS_BODY_MAX >> 6));
    err = crypto_open(e->key[key - 1], eds_aad(type, id, aad),
                      str_sub(sealed, EDS_HEAD, sealed.n), &packed);
    if (!err)
        err = eds_packer_take(e, &p);
    if (!err) {
        err = pack_open(p, dict ? e->dict[dict - 1] : NULL, buf_str(&packed),
                        EDS_BODY_MAX, kept);
        eds_packer_put(e, p);
    }
    buf_release(&packed);
    return err;
}

void eds_body_digest(const struct eds *e, struct str kept, uint8_t out[CRYPTO_SHA256])
{
    am_assert(
        !crypto_hmac_sha256((struct str){(const char *)e->mac, EDS_KEY}, kept, out));
}
