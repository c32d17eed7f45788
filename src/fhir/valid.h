/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/valid -- is this a valid resource of base R4?
 *
 * Asked of every resource, all of it, against the tables of def.h: names, cardinality and
 * arrays, types, choices, the grammar of primitives with their "_name" companions and the
 * nulls of arrays, nothing empty; narrative (txt-1, txt-2); required bindings, of code,
 * Coding, CodeableConcept and Quantity; what a reference may name, and whether "#id" is
 * there; contained resources; Bundles (bdl-*, entries among each other, documents); and
 * the invariants, those met often by hand (fhir_valid_rule.c), the others by FHIRPath.
 * Terminology beyond required bindings and the content of extensions are judged where
 * profiles are used (fhir/profile.h): then each resource that declares some, contained
 * ones and entries of a Bundle too, is judged by those that are loaded.
 *
 * Every problem is in the diag: path = JSON Pointer, code fhir.*, arguments. An invariant
 * has code fhir.rule with arguments key and rule. fhir_location() turns the pointer into
 * the FHIRPath-like place that OperationOutcome.expression wants.
 *
 * Bounded: JSON's own depth, and work linear in the text but for sorting a Bundle's
 * entries.
 *
 * Memory:  a validator holds compiled invariants. Threads: it is immutable, any number.
 */
#ifndef FHIR_VALID_H
#define FHIR_VALID_H

#include "base/diag.h"
#include "fhir/profile.h"
#include "json/json.h"

enum fhir_valid_flag {
    FHIR_VALID_ADVICE = 1 << 0 /* best practice too, as warnings: dom-6, inv-0... */
};

struct fhir_valid;
/* Compiles the invariants that are not checked by hand. */
AM_CHECK int fhir_valid_new(struct fhir_valid **out);
void fhir_valid_free(struct fhir_valid *v);
/* How many invariants it evaluates with FHIRPath; for tests and documents. */
size_t fhir_valid_compiled(const struct fhir_valid *v);

/* Judges by these profiles too: ready, outliving v; before anything is judged. */
void fhir_valid_use(struct fhir_valid *v, const struct fhir_profiles *p);

/* AM_E_INVALID when there is an error in d, AM_E_UNSUPPORTED when resourceType is no type
 * of R4 (said in d), AM_E_NOMEM. v NULL: without the invariants that need FHIRPath.
 * Numbers are judged as written where the document was read with raw_numbers. */
AM_CHECK int fhir_valid_check(const struct fhir_valid *v, const struct json *resource,
                              unsigned flags, struct diag *d);

/* By these profiles too, whatever the resource declares. AM_E_NOTFOUND: one is not loaded
 * (said in d as profile.absent, an error). */
AM_CHECK int fhir_valid_check_as(const struct fhir_valid *v, const struct json *resource,
                                 const struct str *profile, size_t profiles,
                                 unsigned flags, struct diag *d);

/* Terminologies beside those of the profiles, asked for once, when a binding of a profile
 * names a value set that neither those nor R4's tables decide: what is loaded here can
 * not be loosened by them. *out NULL: none. It lives until the check is over. */
typedef int fhir_terms_fn(void *arg, const struct fhir_tx **out);
struct fhir_valid_ask {
    const struct str *profile; /* as above */
    size_t profiles;
    unsigned flags;
    fhir_terms_fn *terms; /* NULL: none */
    void *terms_arg;
};
AM_CHECK int fhir_valid_check_by(const struct fhir_valid *v, const struct json *resource,
                                 const struct fhir_valid_ask *ask, struct diag *d);

/* Says a problem in the reader's language. */
typedef int fhir_sayer(void *cookie, struct buf *out, const struct diag_item *it);
/* An OperationOutcome: one issue a problem, with severity, kind (IssueType), its code in
 * details.coding, its sentence (say NULL: the English detail), the place in expression
 * and its JSON Pointer in diagnostics. No problem: one issue, "informational". */
AM_CHECK int fhir_outcome(struct jw *w, const struct json *resource, const struct diag *d,
                          fhir_sayer *say, void *cookie);

/* "/entry/0/resource/name/1/given/0" -> "Bundle.entry[0].resource.name[1].given[0]".
 * What the pointer says beyond the resource is kept as it is. Appends. */
AM_CHECK int fhir_location(struct buf *out, const struct json *resource,
                           struct str pointer);

#endif
