/* SPDX-License-Identifier: Apache-2.0 */
/* Files of rest beside the store, sealed under keys that only the store can derive: its
 * index words never leave the process, so who has the disk has no key. */
#include "crypto/crypto.h"
#include "rest/rest_priv.h"

int rest_sealed_key(const struct rest *r, struct str salt, struct str use,
                    uint8_t key[32])
{
    const struct fhir_row_key *k = eds_row_key(r->c.eds);
    return crypto_hkdf_sha256((struct str){(const char *)k->k, sizeof k->k}, salt, use,
                              key, 32);
}

int rest_sealed_write(const struct rest *r, const struct rest_sealed *f, struct str text,
                      struct buf *sealed)
{
    uint8_t key[32];
    struct buf own;
    int err = rest_sealed_key(r, f->salt, f->use, key);
    buf_init(&own, text.n + 64);
    if (!sealed)
        sealed = &own;
    buf_clear(sealed);
    if (!err)
        err = crypto_seal(key, str_c(f->name), text, sealed);
    if (!err)
        err = am_file_write(f->path, buf_str(sealed), 0600);
    crypto_wipe(key, sizeof key);
    buf_release(&own);
    return err;
}

int rest_sealed_read(const struct rest *r, const struct rest_sealed *f, struct buf *out)
{
    char *p = NULL;
    uint8_t key[32];
    size_t n = 0;
    int err = rest_sealed_key(r, f->salt, f->use, key);
    if (!err)
        err = am_file_read(f->path, r->c.told_max, &p, &n);
    if (!err)
        err = crypto_open(key, str_c(f->name), (struct str){p, n}, out);
    crypto_wipe(key, sizeof key);
    free(p);
    return err;
}
