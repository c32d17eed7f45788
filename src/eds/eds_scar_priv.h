/* SPDX-License-Identifier: Apache-2.0 */
/* eds_scar_priv -- what erasures left, for who follows the chain. */
#ifndef EDS_SCAR_PRIV_H
#define EDS_SCAR_PRIV_H

#include "eds/eds_priv.h"
#include "eds/erase.h"

enum { EDS_TAG = 16 };

struct eds_scar { /* an erased version */
    int64_t rid, erasure, ver;
    uint8_t tag[EDS_TAG], blind[CRYPTO_SHA256];
};
struct eds_attest {
    int64_t last, erasure;
    uint8_t hash[CRYPTO_SHA256];
};
struct eds_proof {
    struct eds_erasure is;
    int64_t seg, dict; /* the greatest numbers of a segment, a dictionary then */
};
struct eds_scars {
    VEC(struct eds_scar) scar;     /* by rid */
    VEC(struct eds_attest) attest; /* by last, erasure */
    VEC(struct eds_proof) proof;   /* by rid */
    struct arena texts;
};
void eds_scars_init(struct eds_scars *s);
void eds_scars_release(struct eds_scars *s);
AM_CHECK int eds_scars_load(struct eds_view *v, struct eds_scars *s);
/* That of the newest erasure that touched the link; NULL: none did. */
const struct eds_attest *eds_attest_of(const struct eds_scars *s, int64_t last);

/* Of Type/id; id packed. */
void eds_tag(const struct eds *e, const char *type, struct str id, uint8_t out[EDS_TAG]);
void eds_blind(const struct eds *e, const struct eds_leaf *l, uint8_t out[CRYPTO_SHA256]);
/* Over what an erasure says, the rids it erased and the attests it made. */
void eds_proof_digest(const struct eds *e, const struct eds_scars *s,
                      const struct eds_proof *p, uint8_t out[CRYPTO_SHA256]);

/* An attest: begun with the link, then in the order of rid. */
void eds_attest_begin(struct crypto_sha256 *h, const uint8_t prev[CRYPTO_SHA256]);
void eds_attest_leaf(struct crypto_sha256 *h, const struct eds_leaf *l);
void eds_attest_scar(struct crypto_sha256 *h, int64_t rid,
                     const uint8_t blind[CRYPTO_SHA256]);
/* An erasure has a link of its own, that none touches: one within another is forged, and
 * makes the attest wrong. */
void eds_attest_proof(struct crypto_sha256 *h, int64_t rid,
                      const uint8_t digest[CRYPTO_SHA256]);
void eds_attest_end(const struct eds *e, struct crypto_sha256 *h, int64_t last,
                    const uint8_t link[CRYPTO_SHA256], uint8_t out[CRYPTO_SHA256]);

/* Of an erased id: the newest version (ver 0), or that one. AM_E_NOTFOUND: none. */
AM_CHECK int eds_scar_find(struct eds *e, struct db_conn *c, const char *type,
                           struct str id, int64_t ver, struct eds_meta *m);

#endif
