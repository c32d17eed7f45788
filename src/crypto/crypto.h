/* SPDX-License-Identifier: Apache-2.0 */
/* crypto -- hashes, signatures, sealing, passwords: OpenSSL 3 behind one door.
 *
 * Statements are signed in ECDSA P-256 (DER signatures over SHA-256), logs and witnesses
 * in Ed25519. Small hashes (Merkle nodes) go through the low-level SHA-256 interface,
 * which is 3 to 4 times faster than the one-shot call (stack.md, section 6).
 *
 * Secrets: private keys live in struct crypto_key, passwords in the caller's buffer; all
 * are wiped on release. Comparisons of secrets take constant time (crypto_equal).
 * A key may also stay in a PKCS#11 token (struct crypto_token): then only its public half
 * is ever here.
 *
 * Threads: keys are immutable and may be shared; a hash context and a token have one
 * owner. */
#ifndef CRYPTO_H
#define CRYPTO_H

#include "base/buf.h"
#include "base/diag.h"

enum { CRYPTO_SHA256 = 32, CRYPTO_HEX = 65 };

struct crypto_sha256 { /* a hash being computed: plain memory, no release needed */
    uint32_t opaque[32];
};
void crypto_sha256_init(struct crypto_sha256 *h);
void crypto_sha256_add(struct crypto_sha256 *h, struct str s);
void crypto_sha256_end(struct crypto_sha256 *h, uint8_t out[CRYPTO_SHA256]);
void crypto_sha256(struct str s, uint8_t out[CRYPTO_SHA256]);
AM_CHECK int crypto_sha256_file(const char *path, uint8_t out[CRYPTO_SHA256],
                                uint64_t *size_b);
AM_CHECK int crypto_hmac_sha256(struct str key, struct str data,
                                uint8_t out[CRYPTO_SHA256]);
/* SHA-1 for RFC 4226 and 6238 only: authenticator applications know nothing else. */
AM_CHECK int crypto_hmac_sha1(struct str key, struct str data, uint8_t out[20]);
AM_CHECK int crypto_hkdf_sha256(struct str secret, struct str salt, struct str info,
                                uint8_t *out, size_t n);

/* SipHash-2-4 with a secret key (its 16 bytes as two little-endian words): 64 bits that
 * say nothing of what was hashed to who lacks the key. Names in an index; never a
 * signature. */
struct crypto_siphash { /* plain memory, no release needed */
    uint64_t v[4], tail;
    size_t n;
};
void crypto_siphash_init(struct crypto_siphash *h, const uint64_t key[2]);
void crypto_siphash_add(struct crypto_siphash *h, struct str s);
AM_CHECK uint64_t crypto_siphash_end(struct crypto_siphash *h);
AM_CHECK uint64_t crypto_siphash(const uint64_t key[2], struct str s);

/* Lower-case hex with a NUL; out holds 2*n+1. */
const char *crypto_hex(const uint8_t *p, size_t n, char *out);
/* Exactly n bytes of lower- or upper-case hex, else AM_E_SYNTAX. */
AM_CHECK int crypto_unhex(struct str hex, uint8_t *out, size_t n);
AM_CHECK int crypto_base64(struct buf *out, struct str data);    /* RFC 4648, padded */
AM_CHECK int crypto_base64url(struct buf *out, struct str data); /* no padding */
/* Strict: no white space, right padding, zero trailing bits; accepts the std alphabet. */
AM_CHECK int crypto_unbase64(struct buf *out, struct str text);
AM_CHECK int crypto_unbase64url(struct buf *out, struct str text);

AM_CHECK int crypto_random(void *out, size_t n);
bool crypto_equal(const void *a, const void *b, size_t n); /* constant time */
void crypto_wipe(void *p, size_t n);

enum crypto_alg { CRYPTO_P256 = 1, CRYPTO_ED25519 };
struct crypto_key; /* a private or public key */

AM_CHECK int crypto_key_generate(struct crypto_key **out, enum crypto_alg alg);
/* PEM: PKCS#8 private (optionally encrypted: pass may be STR_NULL), or SPKI public. */
AM_CHECK int crypto_key_from_pem(struct crypto_key **out, struct str pem,
                                 struct str pass);
AM_CHECK int crypto_key_to_pem(const struct crypto_key *k, struct buf *out,
                               struct str pass);
AM_CHECK int crypto_key_public_pem(const struct crypto_key *k, struct buf *out);
/* DER SubjectPublicKeyInfo: how leaves and directories name a key. */
AM_CHECK int crypto_key_from_spki(struct crypto_key **out, struct str der);
AM_CHECK int crypto_key_spki(const struct crypto_key *k, struct buf *out);
/* Raw 32-byte Ed25519 public key, for C2SP verifier keys. */
AM_CHECK int crypto_key_from_raw_ed25519(struct crypto_key **out, const uint8_t pub[32]);
AM_CHECK int crypto_key_raw_ed25519(const struct crypto_key *k, uint8_t pub[32]);
void crypto_key_free(struct crypto_key *k);
enum crypto_alg crypto_key_alg(const struct crypto_key *k);
bool crypto_key_private(const struct crypto_key *k);
/* key_id: lower-case hex of SHA-256 over the SPKI DER. */
AM_CHECK int crypto_key_id(const struct crypto_key *k, char out[CRYPTO_HEX]);
/* Keys in files: 0600, never overwritten; public half beside it as PATH.pub. */
AM_CHECK int crypto_key_save(const struct crypto_key *k, const char *path,
                             struct str pass);
AM_CHECK int crypto_key_load(struct crypto_key **out, const char *path, struct str pass);

/* P-256: DER ECDSA over SHA-256(data). Ed25519: 64 bytes over data. Appends to sig. */
AM_CHECK int crypto_sign(const struct crypto_key *k, struct str data, struct buf *sig);
/* AM_OK or AM_E_TAMPERED (also for malformed signatures). */
AM_CHECK int crypto_verify(const struct crypto_key *k, struct str data, struct str sig);

/* Multiples of one public P-256 key (150 KiB, 25 ms to make): thousands of its signatures
 * cost 40 % of crypto_verify() each. Same answers as crypto_verify(). One thread at a
 * time. AM_E_UNSUPPORTED: another kind of key. */
struct crypto_p256_table;
AM_CHECK int crypto_p256_table_new(struct crypto_p256_table **out,
                                   const struct crypto_key *k);
void crypto_p256_table_free(struct crypto_p256_table *t);
AM_CHECK int crypto_p256_table_verify(struct crypto_p256_table *t, struct str data,
                                      struct str sig);

/* Signatures of identity providers (RFC 7518): RS256 by modulus and exponent (2048 to
 * 8192 bits), ES256 by point (32 bytes each), signature r || s. AM_OK, AM_E_TAMPERED, or
 * AM_E_UNSUPPORTED: such a key is not accepted. */
AM_CHECK int crypto_verify_rs256(struct str n, struct str e, struct str data,
                                 struct str sig);
AM_CHECK int crypto_verify_es256(struct str x, struct str y, struct str data,
                                 struct str sig);
/* The two of SMART Backend Services: RSA with SHA-384, and P-384 (48 bytes each). */
AM_CHECK int crypto_verify_rs384(struct str n, struct str e, struct str data,
                                 struct str sig);
AM_CHECK int crypto_verify_es384(struct str x, struct str y, struct str data,
                                 struct str sig);

/* Signatures of others (OpenSSF Model Signing): ECDSA by P-256, P-384 or P-521 with
 * SHA-256, SHA-384, SHA-512. spki: DER, named curve, uncompressed point.
 * AM_E_UNSUPPORTED: another key; AM_E_TAMPERED. */
AM_CHECK int crypto_ecdsa_verify(struct str spki, struct str data, struct str sig);
/* Appends the key of certificate der[0] when its chain leads to a root of the PEM and all
 * are valid at that instant. AM_E_TAMPERED: no; AM_E_INVALID: no root, none given. */
AM_CHECK int crypto_chain_spki(const struct str *der, size_t n, struct str roots_pem,
                               int64_t at, struct buf *spki);

/* A P-256 key that never leaves its PKCS#11 token: security module, card, USB key. One
 * object = one module loaded into this process, one session, one login. The module is
 * code: only the operator may name it. One open token per module at a time.
 * Problems in d (codes token.*) say whether module, token, PIN or key is wrong; the PIN
 * is in no message. */
struct crypto_token;
struct crypto_token_where {
    const char *module; /* path of the shared library of the token's maker */
    const char *label;  /* of the token; NULL: slot alone tells */
    int64_t slot;       /* -1: label alone tells */
};
/* AM_E_NOTFOUND: no such module or token. AM_E_CONFLICT: several tokens of that label, or
 * the module is in use. AM_E_UNAUTHORIZED: PIN absent, wrong or locked; it is tried once
 * and never again, since tokens count. AM_E_UNAVAILABLE: the token was removed.
 * pin: STR_NULL leaves it to the token's own key pad. Copied, wiped by _free(). */
enum { CRYPTO_PIN_MAX = 255 };
AM_CHECK int crypto_token_open(struct crypto_token **out,
                               const struct crypto_token_where *where, struct str pin,
                               struct diag *d);
void crypto_token_free(struct crypto_token *t);
/* Chooses the private key by label, by id (bytes), or both; STR_NULL: whatever it is.
 * AM_E_NOTFOUND, AM_E_CONFLICT: several; AM_E_UNSUPPORTED: another curve. *pub: borrowed
 * until the next find or _free(). */
AM_CHECK int crypto_token_find(struct crypto_token *t, struct str label, struct str id,
                               const struct crypto_key **pub, struct diag *d);
/* As crypto_sign() with the key found. AM_OK: the signature verifies with *pub. */
AM_CHECK int crypto_token_sign(struct crypto_token *t, struct str data, struct buf *sig,
                               struct diag *d);

/* A secret sealed by an AES key that never leaves the token (CKM_AES_GCM): out = 12-byte
 * random nonce || ciphertext || 16-byte tag; it opens again, or it is not given. aad: at
 * most 64 bytes; plain: what fits in CRYPTO_TOKEN_SEALED. Key chosen as above.
 * AM_E_TAMPERED (token.sealed): not sealed by this key, or changed since. */
enum { CRYPTO_TOKEN_SEALED = 256 };
AM_CHECK int crypto_token_seal(struct crypto_token *t, struct str label, struct str id,
                               struct str aad, struct str plain, struct buf *out,
                               struct diag *d);
AM_CHECK int crypto_token_unseal(struct crypto_token *t, struct str label, struct str id,
                                 struct str aad, struct str sealed, struct buf *out,
                                 struct diag *d);

/* AES-256-GCM: out = 12-byte random nonce || ciphertext || 16-byte tag. */
AM_CHECK int crypto_seal(const uint8_t key[32], struct str aad, struct str plain,
                         struct buf *out);
/* AM_E_TAMPERED when the key, aad or bytes differ; out is then untouched. */
AM_CHECK int crypto_open(const uint8_t key[32], struct str aad, struct str sealed,
                         struct buf *out);

/* The same under one key, many times: its schedule is made once. One thread at a time. */
struct crypto_box;
AM_CHECK int crypto_box_new(struct crypto_box **out, const uint8_t key[32]);
void crypto_box_free(struct crypto_box *b); /* NULL is fine; wipes the key */
AM_CHECK int crypto_box_seal(struct crypto_box *b, struct str aad, struct str plain,
                             struct buf *out);
AM_CHECK int crypto_box_open(struct crypto_box *b, struct str aad, struct str sealed,
                             struct buf *out);

/* argon2id (RFC 9106): encoded string with salt and parameters ($argon2id$v=19$...). */
enum { CRYPTO_PASSWORD = 160 };
struct crypto_argon2 {
    uint32_t memory_kib, passes, lanes; /* zeros: 64 MiB, 3, 1 */
};
AM_CHECK int crypto_password_hash(struct str password, const struct crypto_argon2 *cost,
                                  char out[CRYPTO_PASSWORD]);
/* A key out of a passphrase; salt of 8 bytes or more. Costs as above, AM_E_INVALID. */
AM_CHECK int crypto_password_key(struct str password, struct str salt,
                                 const struct crypto_argon2 *cost, uint8_t out[32]);
/* AM_OK or AM_E_UNAUTHORIZED. */
AM_CHECK int crypto_password_check(struct str password, const char *encoded);

/* X.509: self-signed P-256 certificate for tests and first set-ups, PEM. */
AM_CHECK int crypto_cert_self(const struct crypto_key *k, const char *common_name,
                              const char *const *dns_or_ip, size_t n, int days,
                              struct buf *pem);
/* SHA-256 of the DER of the first certificate in pem; expiry instant. */
AM_CHECK int crypto_cert_info(struct str pem, uint8_t sha256[CRYPTO_SHA256],
                              int64_t *not_after_at);

#endif
