/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/profile -- StructureDefinitions that constrain R4: what a country, a hospital or a
 * project asks beyond the base, judged together with it (fhir_valid_use()).
 *
 * A profile becomes a tree that holds only what it asks more than base R4, which the
 * tables of def.h judge in any case: a snapshot is stripped of what the base says, and a
 * profile without one is its base's tree with its differential laid over it, to any depth
 * (bases in any order of loading). Elements are found by their id
 * ("Patient.identifier:cin.system"), without one by path and order.
 *
 * Judged: cardinality; fixed[x] (equal) and pattern[x] (contained); minValue and maxValue
 * of numbers, dates and quantities (a quantity in another unit is converted by UCUM, one
 * that cannot be compared is an error); maxLength in characters; narrowed types, with
 * their profiles; what a reference may name, and, where it is in the same document,
 * whether that conforms; bindings; invariants; contentReference; slicing by value,
 * pattern, type, profile and exists, ordered or not, closed, open or openAtEnd, slices of
 * slices, and "@default". Extensions whose definition is loaded: their content, where
 * they stand (contexts by element and by extension; those by FHIRPath are not judged) and
 * how often. mustSupport asks nothing of data.
 *
 * A required or extensible binding needs its value set, from `terms`, the tables or who
 * asks (fhir_terms_fn); what is not loaded is not known, and never an error: DIAG_INFO,
 * where FHIR_VALID_ADVICE is asked for. So is a declared profile that is not loaded.
 *
 * Problems have codes profile.*; arguments: profile (its address), and what is wrong.
 *
 * Bounded: PF_STEPS nodes for one resource, 32 profiles within each other, then
 * fhir.effort. Memory: profiles keep copies. Threads: one owner until ready, then any
 * number of readers. */
#ifndef FHIR_PROFILE_H
#define FHIR_PROFILE_H

#include "base/diag.h"
#include "fhir/term.h"
#include "json/json.h"

struct fhir_profiles;
/* terms: for bindings; NULL, or ready before anything is judged, and outliving *out. */
AM_CHECK int fhir_profiles_new(struct fhir_profiles **out, const struct fhir_tx *terms);
void fhir_profiles_free(struct fhir_profiles *p);
/* A StructureDefinition, or those of a Bundle (others in it are passed over). Definitions
 * of R4's own types and of logical models are passed over too. AM_E_UNSUPPORTED: neither;
 * AM_E_INVALID: no url, no type of R4 (codes sd.*); AM_E_EXISTS: that url is there
 * already, of another version or content; AM_E_NOMEM, AM_E_TOOBIG. */
AM_CHECK int fhir_profiles_add(struct fhir_profiles *p, const struct json *resource,
                               struct diag *d);
/* What the program brings (CC0): HL7's own extensions of R4, and its vital signs, by
 * which each Observation with one of their codes is then judged, whether it declares them
 * or not. After the operator's own, which stand for those of the same address.
 * AM_E_NOMEM, AM_E_TOOBIG. */
AM_CHECK int fhir_profiles_add_hl7(struct fhir_profiles *p);
/* Builds all trees. AM_E_INVALID with problems sd.*: a base that is not loaded, an
 * element the type has not, an invariant that is not FHIRPath; the path names the profile
 * and the element. Warnings: profiles that are named and not loaded. */
AM_CHECK int fhir_profiles_ready(struct fhir_profiles *p, struct diag *d);
size_t fhir_profiles_count(const struct fhir_profiles *p);
/* The type it constrains ("Patient"); STR_NULL: not loaded. "url" or "url|version". */
struct str fhir_profiles_type(const struct fhir_profiles *p, struct str canonical);
/* The i-th, in the order loaded: its url. */
struct str fhir_profiles_url(const struct fhir_profiles *p, size_t i);

#endif
