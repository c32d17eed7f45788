/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/term_op -- the operations of a terminology server, Parameters in, Parameters (or a
 * ValueSet) out: what a route gives to and sends back from fhir/term.h.
 *
 *   LOOKUP         code + system [+ version], or coding; displayLanguage, property
 *   VALIDATE_CODE  of a CodeSystem: url (or coding.system) or codeSystem; code
 *                  [+ version], coding or codeableConcept; display, abstract
 *   VALIDATE_SET   of a ValueSet: url or valueSet; code + system [+ systemVersion],
 * coding or codeableConcept; display, abstract EXPAND         url or valueSet; filter,
 * offset, count, activeOnly, displayLanguage, includeDesignations, designation (a use or
 * a language; several), excludeNotForUI, exclude-system; excludeNested (expansions are
 * flat), excludePostCoordinated (none has such) SUBSUMES       codeA, codeB + system [+
 * version], or codingA, codingB TRANSLATE      code + system, coding or codeableConcept;
 * url or conceptMap, source and target (value sets), targetsystem, reverse
 *
 * A code that is not valid is an answer (result false, with a message); what is asked
 * wrong is not: AM_E_INVALID (term.parameter), AM_E_NOTFOUND (a system, set, map, or for
 * LOOKUP and SUBSUMES a code), AM_E_UNSUPPORTED (a filter), AM_E_TOOBIG (term.costly).
 * A resource that comes with a question stands over those that are loaded, for it alone
 * (64 MiB at most). What an operation does not
 * read is refused, never ignored (term.unread): that and what fits are in one table,
 * fhir_tx_params().
 *
 * Threads: as fhir/term.h after fhir_tx_ready(). */
#ifndef FHIR_TERM_OP_H
#define FHIR_TERM_OP_H

#include "fhir/term.h"
#include "fhir/valid.h"

enum fhir_tx_op {
    FHIR_TX_LOOKUP,
    FHIR_TX_VALIDATE_CODE,
    FHIR_TX_VALIDATE_SET,
    FHIR_TX_EXPAND,
    FHIR_TX_SUBSUMES,
    FHIR_TX_TRANSLATE
};
enum fhir_tx_kind {
    FHIR_TX_P_TEXT,    /* code, uri, string, canonical... */
    FHIR_TX_P_BOOL,    /* valueBoolean */
    FHIR_TX_P_WHOLE,   /* valueInteger, 0 or more */
    FHIR_TX_P_CODING,  /* valueCoding */
    FHIR_TX_P_CONCEPT, /* valueCodeableConcept */
    FHIR_TX_P_RESOURCE /* a ValueSet, CodeSystem or ConceptMap that comes with it */
};
struct fhir_tx_param {
    const char *name; /* NULL: after the last */
    enum fhir_tx_kind kind;
    bool many; /* may come several times */
};
const struct fhir_tx_param *fhir_tx_params(enum fhir_tx_op op);
struct fhir_tx_how {
    fhir_sayer *say; /* NULL: in English */
    void *cookie;
    struct str lang; /* of displays, when the request says none; empty: as they are */
};
/* in: a Parameters resource; how: may be NULL. After an error what was written to out is
 * to be dropped. */
AM_CHECK int fhir_tx_operate(const struct fhir_tx *t, enum fhir_tx_op op,
                             const struct json *in, const struct fhir_tx_how *how,
                             struct jw *out, struct diag *d);

#endif
