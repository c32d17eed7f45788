/* SPDX-License-Identifier: Apache-2.0 */
/* hl7/map -- HL7 v2 messages to FHIR R4, by tables that a hospital declares.
 *
 * A mapping is JSON (mapping/hl7v2.json is the one that comes with the program; its form
 * is told in doc/en/hl7.md): `tables` of codes, `resources` (templates of FHIR resources
 * with expressions in them) and `messages` (which resources a message makes). Nothing of
 * a hospital is in the code. What is declared wrong is refused when it is loaded, with a
 * JSON Pointer to it.
 *
 * Expressions, objects whose member begins with "$":
 *   {"$": "PID-7", "as": "date", "table": "t", "else": x, "prefix": "p"}
 *                              what stands there; "$" may list paths: the first that
 * holds
 *   {"$all": "OBX-5", "with": "; ", "as": "decimal"}   every repetition, joined
 *   {"$first": [e, ...], "as": "decimal"}   the first e that has a value; "told": true,
 *                              and none of them makes one of what stands there: a warning
 *                              (hl7.unknown, argument `value`: of 63 bytes at most)
 *   {"$join": [e, ...], "with": "-"}   nothing unless each e has a value
 *   {"$each": "PID-5", "$when": c, "body": t}  in an array: t for each repetition of a
 *                              field, or each segment ("NTE") that follows this one;
 *                              "after": true: each after it, up to the next of its name
 *   {"$ref": "patient"}        a Reference to the resource of that name
 *   {"$refs": "observation"}   in an array: to all of them below this segment
 *   "$when": {"OBX-2": ["NM"]} in any object: it is left out unless all paths hold one of
 *                              those texts (true: something; false: nothing;
 *                              {"table": "t"}: a key of t; {"not": ["D"]}: none of those)
 * "as" is date, dateTime, instant, decimal, boolean (Y, N) or uri (a part of an address,
 * escaped). With `else`, an instant of which only the day is said is as if it were not.
 * An object or array all of whose expressions found nothing is left out, constants too.
 *
 * Of what is there already: `mode` create leaves it; merge keeps members that the message
 * does not give, objects below too (but those named in `whole`), and those named in
 * `keep` whatever it gives (`keep-when`: a condition, only then); replace keeps nothing.
 * `choice` names members of which FHIR has one ("deceased": deceasedBoolean and others).
 * Messages have an instant (`time`), kept as a tag: what an older message says (one
 * replayed late) fills holes at most. So a message may come twice, or late.
 *
 * Nothing is lost unsaid: a message that makes no resource is refused, and so is one
 * where a segment that `every` of its kind names ({"ORC": ["order", ...]}) makes none of
 * those resources, itself or by a segment after it and before the next of its name.
 *
 * Of what is made, the places in the message whose content is in nothing are told as
 * notes (hl7.untaken, "PID-26", "PID-5.6", "OBR-16[2]", "NK1" for a whole segment; 100 at
 * most), but for those that `ignore` names ("MSH", "PID-1", "PID-3.4": and all below).
 *
 * `secondary`: true, of a resource of `each` segment: where it cannot be read (I1), lacks
 * its identifier, or is told again (the later stands), its segment is told as untaken,
 * with the reason as a warning, and the rest of the message is taken.
 *
 * Whose it is: a resource that is there keeps its patient (the first {"$ref"} of its
 * template to a Patient), whatever a message says, unless that patient was replaced by
 * the message's (Patient.link, ADT A40): a number used twice refuses the message.
 * `former` lists identifiers of before ({"system", "value"}), looked for when nothing has
 * the present one: what is found so is taken if it is of the same patient and, to be
 * changed, was last written by the same application (MSH-3); a Patient is taken as it is.
 *
 * Invariants
 *   I1  a value that is not understood (a code no table has, a date that is none) refuses
 *       the message: nothing is guessed, nothing is left out in silence
 *       (of what is secondary, that alone is left out, and told);
 *   I2  each resource has an identifier, by which it is looked for; one message never
 *       makes two of one identifier;
 *   I3  no message moves a resource from one patient to another;
 *   I4  a message whose resources are there already as it says makes no entry.
 *
 * Limits: 2,000 resources a message, 1,000 repetitions a field.
 * Codes: hl7.map_* (loading); hl7.unmapped, require, identify, value, code, zone, time,
 * several, twice, nothing, patient, reference, toobig, with the place in the message,
 * never its content.
 *
 * Memory:  a map owns its document. Threads: immutable once loaded, any number. */
#ifndef HL7_MAP_H
#define HL7_MAP_H

#include "hl7/hl7.h"
#include "json/json.h"

struct hl7_map;
/* AM_E_SYNTAX, AM_E_INVALID with all problems in d; AM_E_TOOBIG, AM_E_NOMEM. */
AM_CHECK int hl7_map_load(struct hl7_map **out, struct str json, struct diag *d);
void hl7_map_free(struct hl7_map *map); /* NULL is fine */
/* Of messages that name no character set. */
enum hl7_charset hl7_map_charset(const struct hl7_map *map);
/* `columns` of a map of tables (CSV): field ROW-n holds the n-th; NULL: none. */
const struct json *hl7_map_columns(const struct hl7_map *map);

/* What the store has: appends the resource that the search "identifier=..." (or "_id=..."
 * of a Patient) of that type finds, with id and meta.versionId. AM_E_NOTFOUND;
 * AM_E_CONFLICT: several. */
typedef int hl7_current_fn(void *arg, struct str type, struct str query, struct buf *out);

/* Appends a transaction Bundle: conditional creates (ifNoneExist) of what is not there,
 * updates (ifMatch) of what is. *entries 0: nothing is to be done, and nothing is
 * appended. Whoever sends it looks again (calls again) when a create found something or
 * an update another version. AM_E_INVALID with problems in d, what `current` answers, or
 * AM_E_NOMEM. */
AM_CHECK int hl7_map_run(const struct hl7_map *map, const struct hl7 *m,
                         hl7_current_fn *current, void *arg, struct buf *bundle,
                         size_t *entries, struct diag *d);

/* Appends the search "identifier=..." that finds a resource with that identifier, as
 * `current` is asked. */
AM_CHECK int hl7_map_query(struct buf *out, struct str system, struct str value);

/* ---- values, as expressions convert them (`as`); appends; AM_E_SYNTAX: it is none ----
 */
/* YYYY[MM[DD[HHMM[SS[.S..]]]]][+-ZZZZ] (2.A.21, 2.A.22). date: to the day; dateTime: to
 * what is given, hours without minutes left out. zone "+01:00" when there is none in s;
 * AM_E_NOTFOUND: there is none at all, and it is wanted. */
AM_CHECK int hl7_date(struct buf *out, struct str s);
AM_CHECK int hl7_date_time(struct buf *out, struct str s, struct str zone);
/* The instant, UTC microseconds; to the minute at least. */
AM_CHECK int hl7_instant(struct str s, struct str zone, int64_t *at);
/* NM (2.A.47) as a JSON number, digits as they are: "+007.50" is 7.50. */
AM_CHECK int hl7_decimal(struct buf *out, struct str s);

/* Percent-encoded but for letters, digits, "-._~" (RFC 3986, 2.3): a part of an address.
 */
AM_CHECK int hl7_uri(struct buf *out, struct str s);

/* ---- merging ---- */
struct hl7_merging {           /* arrays of names, or NULL */
    const struct json *keep;   /* stay as base has them */
    const struct json *whole;  /* are not merged: what over has takes their place */
    const struct json *choice; /* "deceased": deceasedBoolean, deceasedDateTime... are
                                * one; `true` takes the place of no other type */
};
/* Appends `base` with the members of `over` on top, objects merged, all else replaced. */
AM_CHECK int hl7_merge(struct buf *out, const struct json *base, const struct json *over,
                       const struct hl7_merging *how);

#endif
