/* SPDX-License-Identifier: Apache-2.0 */
/* Private to registry: a version with all that its exports say (registry.md, 10 and 11).
 * Borrowed pointers live until registry_card_release(). */
#ifndef REGISTRY_CARD_H
#define REGISTRY_CARD_H

#include "registry/registry_priv.h"

struct registry_card {
    struct json_doc *algorithm_doc, *version_doc; /* statements */
    VEC(struct json_doc *) evidence;
    const struct json *algorithm, *version; /* records; algorithm may be NULL */
    const char *status, *state, *level;     /* of the fold, static words */
    bool labelled, embedded; /* embedded: the twin inside a record, see registry_fhir.c */
    int64_t declared_at, expires_at;
    uint64_t tree_size;
    char model_digest[CRYPTO_HEX], record_sha256[CRYPTO_HEX], decision_sha256[CRYPTO_HEX];
};
AM_CHECK int registry_card_load(struct registry *r, const uint8_t digest[32],
                                uint64_t size, struct registry_card *c);
void registry_card_release(struct registry_card *c);
const struct json *registry_card_evidence(const struct registry_card *c, size_t i);
/* {fr, ar, en}: the language asked, else English, French, Arabic. */
struct str registry_card_words(const struct json *v, const char *lang);
/* Appends any value as text. */
AM_CHECK int registry_card_text(struct buf *b, const struct json *v, const char *lang);

AM_CHECK int registry_card_chai(const struct registry_card *c, const char *lang,
                                struct buf *out);
void registry_card_annex8(const struct registry_card *c, struct jw *w);
void registry_card_hti1(const struct registry_card *c, struct jw *w);
/* {resourceType: Bundle, entry: [Device, DocumentReference]} */
void registry_card_fhir(const struct registry_card *c, struct jw *w);
/* {device, document_reference} of a record: what its field fhir_twin holds. */
void registry_twin_write(const struct json *algorithm, const struct json *version,
                         struct jw *w);
/* That twin, checked, and compared with the one declared: problems at /fhir_twin. */
AM_CHECK int registry_twin_check(const struct json *algorithm, const struct json *version,
                                 struct diag *d);

#endif
