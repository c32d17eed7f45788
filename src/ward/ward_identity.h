/* SPDX-License-Identifier: Apache-2.0 */
/* Private to ward: who a patient is, as the desk enters it. The parts of a Patient that
 * the form holds, found in a resource and written back into one; all else of the resource
 * stays as it is. Identifiers, names and address are those of the Moroccan core
 * (profiles/ma-core). */
#ifndef WARD_IDENTITY_H
#define WARD_IDENTITY_H

#include "ward/ward_form_priv.h"

#define WARD_CIN           "urn:amane:ma:id:cin"
#define WARD_CNSS          "urn:amane:ma:id:cnss"
#define WARD_REGION        "urn:amane:ma:region"
#define WARD_PROVINCE      "urn:amane:ma:province"
#define WARD_CORE          "urn:amane:ma:patient"
#define WARD_REGION_CODE   "urn:amane:ma:region-code"
#define WARD_PROVINCE_CODE "urn:amane:ma:province-code"

/* Of a province: code of its region, names; NULL: no such code. */
const char *ward_province_region(struct str code);
const char *ward_region_name(struct str code, enum text_lang l);
/* "Rabat (Rabat-Sal\u00e9-K\u00e9nitra)"; appended. */
AM_CHECK int ward_province_called(enum text_lang l, struct str code, struct buf *out);

/* ---- ward_identity_part.c ---- */
/* The current name in that script, the best of them; NULL: none. */
const struct json *ward_name_of(const struct json *patient, bool arabic);
/* The identifier of that system that is not an old one; NULL: none. */
const struct json *ward_number_of(const struct json *patient, const char *system);
const struct json *ward_phone_of(const struct json *patient);
/* Values of the form from the patient of its file. AM_E_NOMEM. */
AM_CHECK int ward_identity_read(struct ward_entry *e);
/* Members of the Patient that the form holds: what did not change is copied as it was. */
void ward_identity_put(struct ward_entry *e, struct jw *w);
const char *ward_ipp_system(const struct ward_entry *e);

/* ---- ward_core.c ---- */
/* May a Patient of whom this stays be of the Moroccan core? NULL: nothing stays. */
bool ward_core_fits(const struct json *patient);
/* A name that stays, an IPP that stays; the language of one, the type of the other. */
void ward_core_name(struct jw *w, const struct json *name);
void ward_core_ipp(struct jw *w, const struct json *identifier);
void ward_core_arabic(struct jw *w);
void ward_core_mr(struct jw *w);

/* ---- ward_desk.c ---- */
/* Reads the version of what guards a new patient of this birth: before looking for who
 * may be the same. Marks the first field when it cannot be read. */
void ward_desk_guard(struct ward_entry *e);
/* Puts it one version on, in the transaction that writes the patient. */
void ward_desk_put(struct ward_tx *t);
/* What was sent as seen of who may be the same; all who are found are seen now. */
void ward_desk_seen(struct ward_entry *e);
/* Are all of them? */
bool ward_desk_saw(const struct ward_entry *e);

/* ---- ward_similar.c ---- */
/* Who may be the same patient: fills similar; of one who has a file already, only who
 * has his numbers. Marks the field of a number that somebody
 * else has. A search that fails is an error at the first field: nothing is created
 * unlooked. */
void ward_similar(struct ward_entry *e);
/* Could two days of birth, as well as they are known, be of the same person: equal, or
 * one of year, month and day differs, or one is not known. */
bool ward_birth_near(struct str a, struct str b);

#endif
