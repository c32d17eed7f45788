/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/xml -- resources as XML (hl7.org/fhir/R4/xml.html), to and from their JSON.
 *
 * Both ways go by the tables of fhir/def.h, and lose nothing: numbers keep their digits,
 * primitives their ids and extensions, narratives their bytes, elements their order. What
 * XML could not say, or says against the tables (an element R4 does not know, text where
 * none may stand, elements out of order) is a problem, never dropped: codes xml.* and
 * fhir.xml_*. Whether a value is right (a date, a code) is the validator's business: a
 * number or boolean that is none becomes a JSON string, which it will refuse.
 *
 * Threads: reentrant. */
#ifndef FHIR_XML_H
#define FHIR_XML_H

#include "base/buf.h"
#include "base/diag.h"
#include "json/json.h"

/* Appends the resource as JSON. Places of problems are "line:column". AM_E_SYNTAX: no
 * XML; AM_E_INVALID: no resource of R4; AM_E_TOOBIG. */
AM_CHECK int fhir_xml_read(struct str xml, struct buf *json, struct diag *d);
/* Appends the resource as XML, in UTF-8, without a declaration. Places of problems are
 * JSON Pointers. The document was read with raw_numbers, or numbers may change form. */
AM_CHECK int fhir_xml_write(const struct json *resource, struct buf *xml, struct diag *d);

#define FHIR_XML_NS   "http://hl7.org/fhir"
#define FHIR_XHTML_NS "http://www.w3.org/1999/xhtml"

#endif
