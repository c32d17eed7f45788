/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: what an International Patient Summary shows, and where. */
#ifndef REST_SUMMARY_H
#define REST_SUMMARY_H

#include "rest/rest_op.h"

enum summary_section {
    SUMMARY_PROBLEMS,
    SUMMARY_ALLERGIES,
    SUMMARY_MEDICATIONS,
    SUMMARY_IMMUNIZATIONS,
    SUMMARY_RESULTS,
    SUMMARY_PROCEDURES,
    SUMMARY_DEVICES,
    SUMMARY_VITALS,
    SUMMARY_PAST,
    SUMMARY_PREGNANCY,
    SUMMARY_SOCIAL,
    SUMMARY_PLAN,
    SUMMARY_SECTIONS
};
struct summary_section_def {
    const char *loinc, *title; /* the name of its words */
    bool required;
};
extern const struct summary_section_def rest_summary_section[SUMMARY_SECTIONS];

/* May something of that type be in one? */
bool rest_summary_type(struct str type);
/* Where it stands; SUMMARY_SECTIONS: nowhere. */
enum summary_section rest_summary_pick(const struct json *resource);
/* One line of it: what, of an observation its value and day too. In a. */
AM_CHECK int rest_summary_text(struct arena *a, const struct json *resource,
                               struct str *out);
struct str rest_summary_concept(const struct json *concept);  /* text, display or code */
struct str rest_summary_when(const struct json *observation); /* its date, or empty */
/* The reference to what is prescribed or worn; empty: none. */
struct str rest_summary_thing(const struct json *resource);

#endif
