/* SPDX-License-Identifier: Apache-2.0 */
/* crypto_priv -- what the files of this module share, and nobody else sees. */
#ifndef CRYPTO_PRIV_H
#define CRYPTO_PRIV_H

#include <openssl/evp.h>

#include "crypto/crypto.h"

enum { CRYPTO_SPKI_P256 = 91, CRYPTO_SPKI_ED25519 = 44, CRYPTO_PEM_MAX = 16384 };
enum { CRYPTO_SIG_MAX = 80 }; /* bytes of a signature of ours */

struct crypto_key {
    uint32_t magic;
    enum crypto_alg alg;
    bool private;
    EVP_PKEY *pkey;
    uint8_t
        spki[CRYPTO_SPKI_P256]; /* the one DER form we accept, see crypto_spki_alg() */
    size_t spki_n;
};

/* Takes pkey, also on failure. Refuses all but P-256 and Ed25519. */
AM_CHECK int crypto_key_wrap(struct crypto_key **out, EVP_PKEY *pkey, bool private);
/* The EVP_PKEY behind k, after the check of the magic word. */
EVP_PKEY *crypto_key_pkey(const struct crypto_key *k);
/* A public key from the coordinates of its point: x then y, big-endian. */
AM_CHECK int crypto_key_from_p256(struct crypto_key **out, const uint8_t xy[64]);
/* crypto_token_open() past dlopen(): with the functions of a module that is already
 * there. where->module names it in messages only. */
struct ck_function_list;
AM_CHECK int crypto_token_attach(struct crypto_token **out, struct ck_function_list *f,
                                 const struct crypto_token_where *where, struct str pin,
                                 struct diag *d);
/* Empties OpenSSL's per-thread error queue (else it grows on hostile input); passes err
 * on. */
int crypto_fail(int err);

#endif
