/* SPDX-License-Identifier: Apache-2.0 */
/* Private to registry: a version with all that its exports say (registry.md, 10 and 11).
 * Borrowed pointers live until registry_card_release(). */
#ifndef REGISTRY_CARD_H
#define REGISTRY_CARD_H

#include "registry/registry_priv.h"

/* Where a version is or was used: the records in effect of one deployment, newest first.
 */
struct registry_card_place {
    char id[CRYPTO_HEX], model_digest[CRYPTO_HEX], establishment[LEDGER_ID_MAX],
        gst[LEDGER_ID_MAX], use_code[64];
    const char *phase; /* of the fold, a static word */
    uint64_t tree_size;
    VEC(struct registry_digest) payload;
    VEC(struct json_doc *) doc;
};
void registry_card_place_release(struct registry_card_place *p);
/* The newest record that has the member, or NULL. */
const struct json *registry_card_place_with(const struct registry_card_place *p,
                                            const char *member);

struct registry_card {
    struct json_doc *algorithm_doc, *version_doc; /* statements */
    VEC(struct json_doc *) evidence;
    VEC(struct registry_card_place) place;  /* after registry_card_places() */
    const struct json *algorithm, *version; /* records; algorithm may be NULL */
    const char *status, *state, *level;     /* of the fold, static words */
    bool labelled, embedded; /* embedded: the twin inside a record, see registry_fhir.c */
    int64_t declared_at, expires_at;
    uint64_t tree_size;
    char model_digest[CRYPTO_HEX], record_sha256[CRYPTO_HEX], decision_sha256[CRYPTO_HEX];
};
AM_CHECK int registry_card_load(struct registry *r, const uint8_t digest[32],
                                uint64_t size, struct registry_card *c);
/* Loads c->place at the tree size of c's fold, at most 200 deployments. */
AM_CHECK int registry_card_places(struct registry *r, const uint8_t digest[32],
                                  uint64_t size, struct registry_card *c);
/* The record inside a statement: the predicate, or its extension member. */
const struct json *registry_card_record(const struct json_doc *doc);
void registry_card_release(struct registry_card *c);
const struct json *registry_card_evidence(const struct registry_card *c, size_t i);
/* {fr, ar, en}: the language asked, else English, French, Arabic. */
struct str registry_card_words(const struct json *v, const char *lang);
/* Appends any value as text. */
AM_CHECK int registry_card_text(struct buf *b, const struct json *v, const char *lang);

AM_CHECK int registry_card_chai(const struct registry_card *c, const char *lang,
                                struct buf *out);
void registry_card_annex8(const struct registry_card *c, struct jw *w);
/* Section C, of who uses it; v: the version's record. */
void registry_card_annex8_place(const struct registry_card_place *p, const struct json *v,
                                struct jw *w);
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
