/* SPDX-License-Identifier: Apache-2.0 */
/* Private to ward: appointments. Who has one is busy: a patient, a practitioner.
 *
 * Two at the desk. FHIR knows no constraint across resources, so each agenda has a
 * Schedule of its own, under an id made of who it is of. Who books reads the Schedules of
 * patient and practitioner, then their appointments, and writes the appointment together
 * with both Schedules at the versions that were read: whoever booked in between has
 * changed one of them, the transaction is refused, and everything is read again. Holds
 * among those who book here; a system that writes Appointments through /fhir or HL7 does
 * not ask, but what it wrote is seen. */
#ifndef WARD_AGENDA_H
#define WARD_AGENDA_H

#include "ward/ward_form_priv.h"

enum {
    AGENDA_TRIES = 8,
    AGENDA_ASKED = 200,   /* appointments of one agenda looked at, at most */
    AGENDA_LONGEST_H = 24 /* of an appointment whose end is looked for */
};
struct ward_agenda_span {
    int64_t from, to;
};
/* When it is; false: it occupies nobody (cancelled, no time). */
bool ward_agenda_span(const struct json *appointment, struct ward_agenda_span *out);
/* The first participant of that type ("Practitioner"); NULL: none. */
const struct json *ward_agenda_party(const struct json *appointment, const char *type);
/* May it still be moved or cancelled? */
bool ward_agenda_open(const struct json *appointment, int64_t now);
/* Member "when": its start by the clock of this place, however it is stored. */
void ward_agenda_when(struct jw *w, const struct json *appointment);
/* "Practitioner/x" to the id of its Schedule. */
void ward_agenda_id(const char *who, char out[WARD_ID + 1]);

struct ward_agenda_pair {                             /* what booking depends on */
    const char *who[2];                               /* "Patient/x", "Practitioner/y" */
    char id[2][WARD_ID + 1], version[2][WARD_ID + 1]; /* of their Schedules; "": none */
    bool taken[2];
};
/* Reads both agendas around a span, but the appointment `own` (NULL: none).
 * AM_E_UNAVAILABLE: not all of them could be read. */
AM_CHECK int ward_agenda_read(struct ward_entry *e, struct ward_agenda_span span,
                              const char *own, struct ward_agenda_pair *p);

/* Puts a Schedule one version on (version "": there is none): whoever read that version
 * too is refused. who: whose it is, "Patient/x"; NULL: nobody's. */
void ward_agenda_put(struct ward_tx *t, const char *id, const char *version,
                     const char *who);

/* The appointment that a form names, at the version it was made of; is it of this
 * patient? AM_E_NOTFOUND, AM_E_CONFLICT: changed since. *out is to be released. */
AM_CHECK int ward_agenda_one(struct ward_entry *e, struct str id, const char *version,
                             struct ward_reply *out);
/* The same by the fields of a form that changes it; AM_E_CONFLICT too when it is past or
 * over. */
AM_CHECK int ward_agenda_old(struct ward_entry *e, struct ward_reply *out);
/* Fields appointment and version of a form, from its address. */
AM_CHECK int ward_agenda_named(struct ward_entry *e, struct ward_reply *out);

/* ---- ward_book_whom.c ---- */
/* The practitioner of a form, by field `who`: fills found and chosen. */
void ward_book_whom(struct ward_entry *e);

#define WARD_AGENDA_FORM(name, at, fields)                                               \
    .title = name, .path = at, .here = "ward.agenda", .type = "Appointment",             \
    .also = "Patient", .field = fields, .n = AM_LEN(fields), .done = "/appointments",    \
    .conflict = "ward_e.changed"

#endif
