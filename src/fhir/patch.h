/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/patch -- changing a resource by a patch: JSON Patch (RFC 6902) and FHIRPath Patch
 * (https://hl7.org/fhir/R4/fhirpatch.html). The result is a new text; nothing is changed
 * in place.
 *
 * Invariants
 *   I1  all or nothing: after an error *out is as it was.
 *   I2  numbers keep their digits when the documents were read with raw_numbers.
 *   I3  work is bounded: FHIR_PATCH_OPS operations, FHIR_PATCH_B bytes of result, and
 *       FHIR_PATCH_WORK_B bytes read and written in all.
 *   I4  of a primitive, the value and its "_name" companion go together: deleted, moved
 *       and replaced at the same place of both arrays.
 *
 * The result is not validated: a FHIRPath Patch gives elements of the right names, and
 * whether they make a valid resource is for fhir/valid.h.
 *
 * Problems: path = JSON Pointer into the patch; codes patch.syntax (malformed), .path
 * (its target is not there, or is several), .test, .value, .type (the table of R4 does
 * not know the element), .effort; fhirpath.* of an expression.
 *
 * Memory:  an arena of its own for the time of the call. Threads: reentrant. */
#ifndef FHIR_PATCH_H
#define FHIR_PATCH_H

#include "base/buf.h"
#include "base/diag.h"
#include "json/json.h"

enum { FHIR_PATCH_OPS = 1000, FHIR_PATCH_B = 16 << 20, FHIR_PATCH_WORK_B = 256 << 20 };

/* RFC 6902. AM_E_SYNTAX: patch is no JSON Patch. AM_E_INVALID: it cannot be applied, a
 * test failed. AM_E_TOOBIG, AM_E_NOMEM. Appends to *out. */
AM_CHECK int fhir_patch_json(const struct json *doc, const struct json *patch,
                             struct buf *out, struct diag *d);
/* parameters: a Parameters resource of operations. The same errors. */
AM_CHECK int fhir_patch_path(const struct json *resource, const struct json *parameters,
                             struct buf *out, struct diag *d);

#endif
