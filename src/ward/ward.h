/* SPDX-License-Identifier: Apache-2.0 */
/* ward -- the pages of a node's warehouse: a patient is found, his chart is read, what
 * was measured, found and prescribed is entered. FHIR resources come and go through the
 * door (door_ask()) and the interface (rest) as at /fhir; pages are web's (web/visit.h).
 *
 * Invariants
 *   I1  nothing of a patient is shown or written but by door_ask(), for the session that
 *       asks: role, care relation, opposition, what no human has validated, and the
 *       record of the access are the door's, here as at /fhir;
 *   I2  nothing is written without the session's CSRF token;
 *   I3  who breaks the glass gives a reason for each patient; it goes with every request
 *       about him for WARD_GLASS_MS, for that session, and is told on each page;
 *   I4  a number is shown as it was written, with its unit; figures of different units
 *       never share a curve; what is not shown is said to be missing;
 *   I5  texts of resources carry no control of writing direction into a page;
 *   I6  a form is written once, whole, after it was shown, with who wrote it.
 *
 * Memory:  one visit at a time; reasons in one table of WARD_GLASSES, the oldest goes.
 * Threads: any, after ward_new(); one lock, of the tables, never held while asking. */
#ifndef WARD_H
#define WARD_H

#include "door/door.h"
#include "rest/rest.h"
#include "web/visit.h"

struct ward;
#define WARD_IPP "urn:amane:ma:ipp" /* as in mapping/hl7v2.json */
struct ward_config {
    struct door *door; /* borrowed */
    struct rest *rest; /* borrowed; behind that door */
    const char *ipp;   /* copied: system of the establishment's numbers; NULL: WARD_IPP */
};
AM_CHECK int ward_new(struct ward **out, const struct ward_config *c);
void ward_free(struct ward *w); /* NULL is fine */
/* For web_site_more(); lives as long as w. */
const struct web_pages *ward_pages(const struct ward *w);

#endif
