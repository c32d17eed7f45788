/* SPDX-License-Identifier: Apache-2.0 */
/* Private to ward: asking the door, a patient's file while a page is made of it, and FHIR
 * values as people read them. */
#ifndef WARD_PRIV_H
#define WARD_PRIV_H

#include <pthread.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include "ward/ward.h"

enum {
    WARD_GLASSES = 512,
    WARD_GLASS_MS = 30 * 60 * 1000,
    WARD_FOUND = 20,    /* patients a search tells */
    WARD_BROKEN = 5,    /* found at most, for whom a reason is taken */
    WARD_SHORT = 8,     /* rows of a list on the chart */
    WARD_LONG = 100,    /* rows asked for */
    WARD_RESULTS = 400, /* newest observations a page is made of */
    WARD_GROUPS = 60,   /* kinds of them */
    WARD_TEXT = 300,    /* bytes of one text of a resource */
    WARD_ID = 64,
    WARD_QUERY = 2000,
    WARD_PENDING = 64 /* forms being written at once */
};

#define WARD_FORM_SYSTEM "urn:amane:form" /* of the keys of forms */

struct ward_glass {
    uint8_t session[CRYPTO_SHA256];
    char patient[WARD_ID + 1], reason[DOOR_REASON + 1];
    int64_t until; /* 0: a free place */
};

struct ward {
    struct door *door;
    struct rest *rest;
    struct web_pages pages;
    char ipp[256];
    pthread_mutex_t lock; /* of the tables below */
    struct ward_glass glass[WARD_GLASSES];
    char pending[WARD_PENDING][33]; /* keys of forms being written; "": a free place */
};

/* ---- ward.c: asking ---- */
struct ward_call {
    enum rest_method method;
    const char *path;  /* below the base */
    const char *query; /* percent-encoded; NULL: none */
    struct str body;
    struct str reason; /* empty: the glass is whole */
};
struct ward_reply {
    int status;
    struct json_doc *doc;
    const struct json *root; /* NULL: nothing was told */
};
/* AM_OK: 2xx. Else the error of its status, the outcome in *out: AM_E_FORBIDDEN,
 * AM_E_NOTFOUND (410 too), AM_E_CONFLICT, AM_E_INVALID, AM_E_UNAVAILABLE... Whatever the
 * outcome, *out is to be released. */
AM_CHECK int ward_ask(struct web_visit *v, const struct ward_call *k,
                      struct ward_reply *out);
void ward_reply_release(struct ward_reply *r);
/* A value for a FHIR query: escaped for FHIR, then for the address; appended. */
AM_CHECK int ward_query_value(struct buf *out, struct str value);

/* ---- ward_glass.c: reasons given ---- */
void ward_glass_put(struct web_visit *v, struct str patient, struct str reason);
/* False: none, or it is over. */
bool ward_glass_find(struct web_visit *v, struct str patient, struct ward_glass *out);
void ward_glass_end(struct web_visit *v, struct str patient);

/* ---- ward_file.c: a patient's file while a page is made of it ---- */
struct ward_file {
    struct web_visit *v;
    char id[WARD_ID + 1];
    struct ward_glass glass;
    bool broken; /* the glass: its reason goes with each request */
    struct ward_reply patient;
};
/* The patient of the path. AM_E_NOTFOUND: none whom this account may see. */
AM_CHECK int ward_file_open(struct ward_file *f, struct web_visit *v);
void ward_file_close(struct ward_file *f);
/* The page of whom there is no file for; other errors pass. */
AM_CHECK int ward_file_none(struct web_visit *v, int err);
AM_CHECK int ward_file_ask(struct ward_file *f, struct ward_call k,
                           struct ward_reply *out);
/* Several searches, "Condition?..." (of this patient: "$" becomes his id), one record. */
AM_CHECK int ward_file_batch(struct ward_file *f, const char *const *query, size_t n,
                             struct ward_reply *out);
/* Of the ith: its searchset, or NULL with *status. */
const struct json *ward_batch_at(const struct ward_reply *r, size_t i, int *status);
/* Opens the context: who it is, where the file's pages are, what may be entered. here:
 * the current of those pages. */
void ward_file_context(struct ward_file *f, const char *here);

/* ---- ward_read.c: FHIR values as people read them ---- */
/* Its beginning of at most n bytes, whole characters. */
struct str ward_begin(struct str s, size_t n);
/* Without controls of direction, shortened to WARD_TEXT. */
void ward_kstr(struct jw *w, const char *key, struct str s);
/* Bytes of a control of writing direction that s begins with; 0: none. */
size_t ward_direction(struct str s);
/* A date of FHIR as a member: {at, time?} or {text}; absent when there is none. */
void ward_kwhen(struct jw *w, const char *key, struct str date);
/* The civil day a date begins with, in microseconds. AM_E_SYNTAX: it has none. */
AM_CHECK int ward_day(struct str date, int64_t *at);
/* What a CodeableConcept is called. */
struct str ward_concept(enum text_lang l, const struct json *concept);
void ward_kconcept(struct jw *w, enum text_lang l, const char *key,
                   const struct json *concept);
/* "6,5 %", "positive", "120/80 mm[Hg]": value of an Observation, or of a component. */
AM_CHECK int ward_value(struct buf *out, enum text_lang l, const struct json *o);
AM_CHECK int ward_quantity(struct buf *out, enum text_lang l, const struct json *q);
struct str ward_unit(const struct json *quantity);
/* "H" "L" "HH" "LL" "A" "AA", or NULL: as the laboratory said, else by the range. */
const char *ward_flag(const struct json *o);
/* The range of the same unit as the value, or NULL. */
const struct json *ward_range(const struct json *o);
bool ward_machine(const struct json *resource);  /* a model said it, nobody validated */
bool ward_mistaken(const struct json *resource); /* entered in error */
/* Members of a patient in the open object: id, name, other, sex, age, born, died, ids. */
void ward_patient(struct jw *w, enum text_lang l, const struct json *patient,
                  int64_t now);
bool ward_arabic(struct str s);

/* ---- ward_results.c ---- */
struct str ward_measured(const struct json *observation); /* when; empty: not said */
/* Members value or words, flag, when, machine, provisional. */
AM_CHECK int ward_measure(struct jw *w, enum text_lang l, const struct json *observation);
/* The newest kinds, for the chart. */
AM_CHECK int ward_results_brief(struct ward_file *f);

/* ---- ward_search.c ---- */
struct ward_who { /* what a search asks */
    struct str name, identifier, born;
};
/* Member "rows" and "total" of the open context: who is found; ids: of them, n at most
 * WARD_FOUND. */
struct ward_found {
    char id[WARD_FOUND][WARD_ID + 1];
    size_t n;
    int64_t total;
};
AM_CHECK int ward_find(struct web_visit *v, const struct ward_who *who, struct str reason,
                       struct jw *rows, struct ward_found *out);

/* ---- stays ---- */
/* Has the patient come, and not left? */
bool ward_stay_open(const struct json *encounter);
/* May this account end one? */
bool ward_stay_may_end(const struct web_visit *v);
/* What kind of visit it is, in our words where we have them (ward_chart.c). */
struct str ward_stay_name(enum text_lang l, const struct json *encounter);

/* ---- pages ---- */
web_page_fn ward_page_search, ward_page_glass, ward_page_glass_post, ward_page_glass_end,
    ward_page_chart, ward_page_results, ward_page_trend, ward_page_vitals,
    ward_page_vitals_post, ward_page_lab, ward_page_lab_post, ward_page_diagnosis,
    ward_page_diagnosis_post, ward_page_prescribe, ward_page_prescribe_post,
    ward_page_open, ward_page_open_post, ward_page_identity, ward_page_identity_post,
    ward_page_stay, ward_page_stay_post, ward_page_leave, ward_page_leave_post,
    ward_page_agenda, ward_page_book, ward_page_book_post, ward_page_move,
    ward_page_move_post, ward_page_cancel, ward_page_cancel_post;

#endif
