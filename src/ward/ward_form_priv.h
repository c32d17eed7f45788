/* SPDX-License-Identifier: Apache-2.0 */
/* Private to ward: pages that enter something into a patient's file. A form is a table of
 * fields, a check across them and what it writes; ward_form.c walks a person through it:
 * the form, a page that shows what will be written, then one transaction with its
 * Provenance, then a page read back from the store.
 *
 * Written once: a form carries a key from its first page on, which becomes an identifier
 * of what it writes. Before writing the store is asked for it, and while one request
 * writes another with that key waits outside (told to try again). So a form sent twice,
 * also after a restart, leads to what is there. */
#ifndef WARD_FORM_PRIV_H
#define WARD_FORM_PRIV_H

#include "ward/ward_priv.h"

enum {
    WARD_FIELDS = 16,
    WARD_DIGITS = 24,
    WARD_LINE_MAX = 200, /* bytes of a line */
    WARD_AREA_MAX = 2000,
    WARD_INSTANT = 32,
    WARD_SYSTEM = 128, /* bytes of the address of a terminology */
    WARD_CODES = 20,   /* found for a WARD_FOUND_CODE */
    WARD_SIMILAR = 10, /* patients told who may be the same */
    WARD_OTHERS = 400, /* counted beyond those */
    WARD_FORM_BODY = 256 << 10,
    WARD_TO = 300 /* bytes of an address */
};
#define WARD_LOINC    "http://loinc.org"
#define WARD_UCUM     "http://unitsofmeasure.org"
#define WARD_V3       "http://terminology.hl7.org/CodeSystem/"
#define WARD_MESSAGE  "urn:amane:hl7v2:message-time" /* tag of hl7_map_run() */
#define WARD_LANGUAGE "http://hl7.org/fhir/StructureDefinition/language"

enum ward_kind {
    WARD_NUMBER,
    WARD_LINE,
    WARD_DAY, /* a line: year, month or day, as well as it is known */
    WARD_AREA,
    WARD_CHOICE,
    WARD_CLOCK, /* that was */
    WARD_AHEAD, /* a clock to come */
    WARD_FOUND_CODE,
    WARD_HIDDEN /* goes with the form: what it changes, and its version */
};
struct ward_field {
    const char *name; /* in the form; words ward_f.NAME, ward_h.NAME (perhaps) */
    enum ward_kind kind;
    bool required;
    int decimals;               /* at most */
    const char *unit, *ucum;    /* shown; of the quantity */
    double lo, hi;              /* refused outside; both 0: any */
    double usual_lo, usual_hi;  /* outside: asked again; both 0: never */
    const char *choices, *word; /* "a b c"; words WORD.a ... */
    /* What a choice is called, instead of by word; appended. */
    int (*called)(enum text_lang l, struct str choice, struct buf *out);
};
struct ward_entry;
struct ward_tx;
struct ward_form {
    const char *title, *path, *here; /* words; "/vitals" below the file; its tab */
    const char *type; /* of what is written: its creation must be granted, */
    const char *also; /* and of this type, where there is one */
    const struct ward_field *field;
    size_t n;
    bool changes;     /* not its creation but its change must be granted */
    bool opens;       /* a file: there is none yet, and path is whole */
    const char *done; /* page of the file after writing, "?saved=" of the form itself when
                         NULL */
    const char *conflict; /* word: what it means that something changed meanwhile */
    /* Values of the first page; may be NULL: none. */
    int (*first)(struct ward_entry *e);
    void (*check)(struct ward_entry *e); /* across fields, which are right one by one */
    /* Rows of the page before writing that no field shows; may be NULL. */
    void (*tell)(struct ward_entry *e, struct jw *w);
    void (*write)(struct ward_entry *e, struct ward_tx *t);
    int (*send)(struct ward_entry *e); /* NULL: ward_tx_send() */
    /* Is it written already? NULL: by the key of the form. */
    int (*there)(struct ward_entry *e, bool *there);
    /* Where who wrote goes, instead of `done`; may be NULL. */
    void (*after)(struct ward_entry *e, char to[WARD_TO]);
};

struct ward_entry { /* one form while it is dealt with */
    const struct ward_form *form;
    struct ward_file f;
    char key[33];
    struct str value[WARD_FIELDS];           /* as sent, trimmed */
    char number[WARD_FIELDS][WARD_DIGITS];   /* of numbers: as stored and shown; or "" */
    const char *error[WARD_FIELDS];          /* word */
    bool doubt[WARD_FIELDS];                 /* to be confirmed */
    char instant[WARD_FIELDS][WARD_INSTANT]; /* of clocks: with offset */
    struct {
        char code[WARD_ID + 1], name[WARD_LINE_MAX + 1], system[WARD_SYSTEM];
    } found[WARD_CODES]; /* by check(); a field of that kind is shown when there are any
                          */
    size_t n_found;
    const char *terms; /* by check(): word for the terminology that was searched; NULL:
                          none is loaded */
    size_t chosen_at;  /* among found */
    bool terms_failed; /* it could not be searched */
    char chosen[WARD_LINE_MAX + 1]; /* name of the code that was chosen; "": none */
    struct {                        /* by check(): shown before writing */
        char id[WARD_ID + 1], latin[WARD_TEXT + 1], arabic[WARD_TEXT + 1],
            born[WARD_DIGITS], ipp[WARD_ID + 1], cin[WARD_ID + 1];
    } similar[WARD_SIMILAR];
    size_t n_similar;
    char other[WARD_OTHERS][WARD_ID + 1];
    bool unlooked;           /* more names sound alike than were looked at */
    size_t n_others;         /* who may be the same too, and has no place there */
    char guard[WARD_ID + 1]; /* by check(): version of what guards the writing; "": none
                              */
    bool sure;
    const void *own;    /* of send() for its write() */
    const char *failed; /* word: why nothing is known to be written */
};
/* For `there` of a change: it is of a version, sent twice the second finds another. */
int ward_change_there(struct ward_entry *e, bool *there);
/* May this account enter it? */
bool ward_form_may(const struct web_visit *v, const struct ward_form *form);
/* The pages of a form. */
AM_CHECK int ward_form_get(struct web_visit *v, const struct ward_form *form);
AM_CHECK int ward_form_post(struct web_visit *v, const struct ward_form *form);

/* ---- ward_field.c: values of fields ---- */
size_t ward_field_at(const struct ward_entry *e, const char *name);
struct str ward_field_value(const struct ward_entry *e, const char *name);
/* Its beginning, as much as n bytes hold. */
void ward_field_text(const struct ward_entry *e, const char *name, char *out, size_t n);
const char *ward_field_number(const struct ward_entry *e, const char *name); /* "": no */
double ward_field_double(const struct ward_entry *e, const char *name);      /* NAN: no */
void ward_field_error(struct ward_entry *e, const char *name, const char *word);
void ward_field_doubt(struct ward_entry *e, const char *name);
/* Reads what was sent: fills all but key, sure and failed. Lines of an area end with \n.
 * AM_E_NOMEM. */
AM_CHECK int ward_fields_read(struct ward_entry *e);
/* Instead of what was sent; kept for the request. AM_E_NOMEM. */
AM_CHECK int ward_field_set(struct ward_entry *e, const char *name, struct str value);
void ward_fields_check(struct ward_entry *e);
bool ward_fields_wrong(const struct ward_entry *e),
    ward_fields_doubt(const struct ward_entry *e);
/* "36,50", "٣٦٫٥" to "36.50"; false: no number of so many decimals. */
/* The digit s begins with, ASCII or Arabic-Indic, its bytes in *n; 0: none. */
char ward_digit(struct str s, size_t *n);
bool ward_number(struct str s, int decimals, char out[WARD_DIGITS]);
/* A clock of this machine's zone ("2026-11-28T05:40") to an instant and its text with
 * the offset. AM_E_SYNTAX: none, or one that clocks leapt over. */
AM_CHECK int ward_clock(struct str s, int64_t *at, char out[WARD_INSTANT]);
/* The clock now; zone: "UTC+01:00", or NULL. */
void ward_clock_now(int64_t now, char out[WARD_INSTANT], char zone[WARD_INSTANT]);

/* ---- ward_report.c: the report a result stands in ---- */
void ward_report_check(struct ward_entry *e); /* of field `sample` */
AM_CHECK int ward_report_send(struct ward_entry *e);
/* Behind the Observation, which is the first of the form. at: when it was sampled. */
void ward_report_write(struct ward_tx *t, const char *at);

/* ---- ward_code.c: words and codes ---- */
/* What a set of that address has of these words. AM_E_NOTFOUND: it is not loaded. *r is
 * to be released. */
AM_CHECK int ward_code_expand(struct ward_entry *e, const char *set, struct str words,
                              struct ward_reply *r);
/* One more found, {system, code, display}; left out when it has no place or is no choice.
 */
void ward_code_add(struct ward_entry *e, const struct json *x);
/* What came of a search: false when that terminology is not loaded; else it is the one
 * that counts, named by word. */
bool ward_code_searched(struct ward_entry *e, int err, const char *word);
/* None is loaded. */
void ward_code_none(struct ward_entry *e, const char *words, const char *field);
/* What the field chose among them; a choice is wanted where there is one, and words that
 * stay without a code are asked again. */
void ward_code_choose(struct ward_entry *e, const char *words, const char *field);
/* Rows of the page before writing: the code, or that there is none. */
void ward_code_tell(struct ward_entry *e, struct jw *w);
/* Member "coding" of the open concept, where one was chosen. */
void ward_code_write(struct ward_entry *e, struct jw *w);

/* ---- ward_tx.c: what is written ---- */
struct ward_tx {
    struct ward_entry *e;
    struct jw w;
    size_t n;      /* resources so far */
    bool modifies; /* its Provenance says so */
};
/* Opens a resource of the form: its members follow in t->w, then ward_tx_end(). */
void ward_tx_begin(struct ward_tx *t, const char *type);
/* The same for a resource that is put: url "Type/id" or "Type?condition"; match: the
 * version it has, "": there is none, NULL: whatever it has. aside: of no Provenance. */
void ward_tx_put(struct ward_tx *t, const char *type, const char *url, const char *match,
                 bool aside);
void ward_tx_end(struct ward_tx *t);
/* Members of a resource but meta and those named in `but`, NULL at the end, nor what
 * FHIR says beside them ("_x" of x). */
void ward_tx_copy(struct jw *w, const struct json *resource, const char *const *but);
/* meta of what the desk writes. An HL7 message older than its tag fills only what is
 * empty (module hl7): replayed late, it overwrites nothing the desk has put right. old:
 * what is changed; NULL: it is new. profile: declared too; NULL: none. */
void ward_tx_meta(struct ward_tx *t, const struct json *old, const char *profile);
/* {"system": , "value": } of the form */
void ward_tx_key(struct ward_tx *t);
void ward_tx_subject(struct ward_tx *t, const char *key); /* the patient */
void ward_tx_self(struct ward_tx *t, const char *key); /* who enters it; NULL: no key */
/* A reference to the ith resource of the form. */
void ward_tx_refer(struct ward_tx *t, size_t i);
/* Of an Observation: status final, category, subject, performer. */
void ward_tx_measured(struct ward_tx *t, const char *category);
/* {"coding": [{system, code}]} */
void ward_tx_coded(struct jw *w, const char *key, const char *system, const char *code);
void ward_tx_quantity(struct jw *w, const char *key, const char *number, const char *unit,
                      const char *ucum, const char *comparator); /* "<", or NULL */
/* One transaction of what form->write says, and its Provenance. */
AM_CHECK int ward_tx_send(struct ward_entry *e);
/* The same of what write says; version: of the first thing written; NULL: not asked. */
AM_CHECK int ward_tx_run(struct ward_entry *e,
                         void (*write)(struct ward_entry *e, struct ward_tx *t),
                         char version[WARD_ID + 1]);
/* What stands in the store under the key of the form. */
AM_CHECK int ward_tx_find(struct ward_entry *e, struct ward_reply *out);

#endif
