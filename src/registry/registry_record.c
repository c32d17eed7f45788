/* SPDX-License-Identifier: Apache-2.0 */
/* Records read back from the store, and which weights are whose twin. */
#include "registry/registry_priv.h"

int registry_payload(struct registry *r, const uint8_t payload[32], struct json_doc **out)
{
    struct buf text;
    int err;
    buf_init(&text, REGISTRY_RECORD_MAX + 4096);
    err = blob_get(r->blobs, payload, &text);
    if (!err)
        err = json_parse(out, buf_str(&text), NULL, NULL);
    buf_release(&text);
    return err == AM_E_SYNTAX ? AM_E_TAMPERED : err;
}

int registry_declared(struct registry *r, const uint8_t digest[32], struct json_doc **out)
{
    const struct ledger_version *v;
    uint8_t payload[32];
    pthread_rwlock_rdlock(&r->fold);
    v = ledger_version_find(r->ledger, digest);
    if (v)
        memcpy(payload, v->declared.payload, sizeof payload);
    pthread_rwlock_unlock(&r->fold);
    return v ? registry_payload(r, payload, out) : AM_E_NOTFOUND;
}

/* Under the write lock, for each version folded. */
int registry_twin_note(struct registry *r, struct str canonical, const uint8_t digest[32])
{
    struct registry_digest one;
    size_t at;
    int err;
    if (canonical.n != 2 * CRYPTO_SHA256 ||
        map_get(&r->canonical, canonical, &at) == AM_OK)
        return AM_OK;
    memcpy(one.sha256, digest, sizeof one.sha256);
    err = vec_push(&r->twin, one);
    return err ? err : map_set(&r->canonical, canonical, r->twin.n - 1);
}

int registry_twin(struct registry *r, struct str canonical, const uint8_t digest[32],
                  uint8_t out[32])
{
    size_t at;
    if (map_get(&r->canonical, canonical, &at) != AM_OK ||
        memcmp(r->twin.v[at].sha256, digest, 32) == 0)
        return AM_E_NOTFOUND;
    memcpy(out, r->twin.v[at].sha256, 32);
    return AM_OK;
}
