/* SPDX-License-Identifier: Apache-2.0 */
/* ews -- early-warning scores: tables as data, what is missing as bounds, alerts as a
 * state machine. No I/O, no clock: instants come from the caller.
 *
 * A table (schema/score-table-1.json, files of ews/) says for each variable which values
 * give how many points, and which totals ask for what. NEWS2, MEWS, qSOFA are such files:
 * no clinical number is in this code.
 *
 * Invariants
 *   I1  every value of a quantity has exactly one band: bands are given by their upper
 *       ends, ascending, the last one open; a value is rounded to the table's decimals
 *       before it is looked up, so that 35.05 does not fall between 35.0 and 35.1.
 *   I2  what is missing, stale or out of the plausible range is never counted as zero:
 *       the result has a lower and an upper bound, reached by some values of what is
 *       unknown (bounds are exact), and is `complete` only when nothing is unknown.
 *   I3  a level is told as a range too: [level_low, level_high].
 *   I4  the same table and inputs give the same result, bit for bit: integers only after
 *       the rounding.
 *
 * Memory:  a table owns all it holds; results are values.
 * Threads: a table is immutable: any number of readers. */
#ifndef EWS_H
#define EWS_H

#include "base/diag.h"
#include "json/json.h"

enum {
    EWS_VARIABLES = 24, /* of a table */
    EWS_BANDS = 16,     /* of a variable, or of one case of it */
    EWS_CASES = 8,      /* of a variable: bands that depend on another one */
    EWS_LEVELS = 8,
    EWS_CODINGS = 8,  /* of a variable's observations, or of one coded value */
    EWS_POINTS = 1000 /* the most a variable may give */
};

struct ews_table;
/* AM_E_INVALID: every problem in d, by JSON Pointer, code score.*. */
AM_CHECK int ews_table_read(struct ews_table **out, const struct json *table,
                            struct diag *d);
void ews_table_free(struct ews_table *t);

/* What is read of it. Texts are borrowed from the table. */
enum ews_language { EWS_FR, EWS_AR, EWS_EN, EWS_LANGUAGES };
struct ews_coding {
    struct str system, code;
};
struct ews_variable {
    struct str id, label[EWS_LANGUAGES];
    struct ews_coding observed[EWS_CODINGS]; /* codes of the observations that give it */
    size_t observed_n;
    struct str unit; /* UCUM, in which values are given here; coded: STR_NULL */
    bool coded;
    int decimals;     /* values are rounded to that many */
    double from, to;  /* plausible once rounded, both included; coded: not set */
    int64_t stale_us; /* older than this is missing; 0: never */
    size_t codes;     /* coded: its values */
};
struct ews_level {
    struct str id, label[EWS_LANGUAGES];
    int64_t respond_us; /* answer asked within; 0: none asked */
    bool red;           /* never held back by a budget */
};
struct str ews_table_id(const struct ews_table *t);
struct str ews_table_version(const struct ews_table *t);
struct str ews_table_title(const struct ews_table *t, enum ews_language l);
struct str ews_table_source(const struct ews_table *t);
int ews_table_maximum(const struct ews_table *t);
size_t ews_table_variables(const struct ews_table *t);
const struct ews_variable *ews_table_variable(const struct ews_table *t, size_t i);
size_t ews_table_levels(const struct ews_table *t); /* ascending severity */
const struct ews_level *ews_table_level(const struct ews_table *t, size_t i);
/* Index of the code of a coded variable: by its id in the table, or by a coding that
 * means it. -1: none. */
int ews_table_code(const struct ews_table *t, size_t variable, struct str id);
int ews_table_coding(const struct ews_table *t, size_t variable, struct str system,
                     struct str code);
struct str ews_table_code_id(const struct ews_table *t, size_t variable, size_t code);

/* One value for each variable, in their order. */
struct ews_value {
    bool given;
    double number; /* of a quantity, in the table's unit */
    int code;      /* of a coded one: index */
    int64_t at;    /* when it was so, UTC microseconds */
};
enum ews_state {
    EWS_KNOWN,
    EWS_DEFAULT, /* not given; the table says what holds then */
    EWS_MISSING,
    EWS_STALE,       /* given, too old */
    EWS_IMPLAUSIBLE, /* given, outside what the table calls plausible, or not finite */
    EWS_FUTURE       /* given, more than EWS_AHEAD_US after `now` */
};
enum { EWS_AHEAD_US = 300000000 }; /* clocks of monitors differ by minutes */
struct ews_part {
    enum ews_state state;
    int low, high; /* points; equal when known */
};
struct ews_result {
    bool complete;
    int low, high;                /* total; equal when complete */
    size_t level_low, level_high; /* indexes */
    size_t unknown;               /* variables neither known nor by default */
    struct ews_part part[EWS_VARIABLES];
};
/* now: UTC microseconds. n = ews_table_variables(). */
void ews_score(const struct ews_table *t, const struct ews_value *v, int64_t now,
               struct ews_result *out);

/* ---- alerts ---------------------------------------------------------------------
 * One alert for each patient and table. It fires when the level is reached for certain
 * (level_low) and resolves when it is certainly below (level_high): what is missing
 * neither wakes anybody nor silences an alert.
 *
 *   ARMED ---fire---> FIRED ---acknowledge---> ACKNOWLEDGED --snooze--> SNOOZED
 *     ^                 ^  |                        |  |                   |
 *     |                 |  +--snooze----------------|--|------------------>|
 *     |                 +--worse, or asked again----+--|--worse, or over---+
 *     +----refractory---- RESOLVED <--below for clear_us, from all three---+
 *     +----reopened------ CLOSED <--closed by a person with a reason, from any
 *
 *   A1  an alert that fired stays until a level certainly below `clear` has lasted
 *       clear_us; nobody can resolve it by hand. A person may close it, with a coded
 *       reason (death, transfer, comfort care): silent until a person reopens it.
 *   A2  a worse level fires again whatever was acknowledged or snoozed. Once answered,
 *       worse is counted from what it came down to for clear_us: a return is told.
 *   A3  while FIRED, each respond_us of the level without an answer escalates once more.
 *       While it is not known whether the level is still there, once only: what is asked
 *       then is to measure again (EWS_ACT_MISSING).
 *   A4  a red level is never held back: neither by budget nor by refractory time. No
 *       other level is for longer than its respond_us.
 *   A5  instants only come in: the same inputs in the same order give the same alerts.
 *       A clock that falls back by EWS_AHEAD_US at most is read as standing still; by
 *       more, it was put right: all instants go back by the same difference.
 *   A6  who answers names what was seen (`serial`): an answer to an asking before the
 *       last one is refused. */
enum ews_alert_state {
    EWS_ARMED,
    EWS_FIRED,
    EWS_ACKNOWLEDGED,
    EWS_SNOOZED,
    EWS_RESOLVED,
    EWS_CLOSED
};
enum ews_reason { EWS_DEATH = 1, EWS_TRANSFER, EWS_COMFORT };
struct ews_rule {
    size_t fire, clear;     /* levels; clear <= fire: below it for clear_us resolves */
    int64_t clear_us;       /* how long below */
    int64_t refractory_us;  /* after it resolved: fires again only if worse or red */
    int64_t reassess_us;    /* after an answer: asked again if still there; 0: never */
    int64_t snooze_most_us; /* longest snooze */
};
struct ews_alert {
    enum ews_alert_state state;
    size_t level, worst; /* now for certain; the worst of this asking */
    uint32_t serial;     /* raised by FIRE, WORSE, AGAIN: what an answer names */
    int64_t now;         /* of the last step */
    /* instants; 0: not */
    int64_t fired_at, asked_at, due_at; /* asked: since when nobody answered; due: the
                                           next escalation, or the next asking */
    int64_t answered_at, below_at, lower_at, resolved_at, held_at;
    uint32_t escalations;   /* of this asking */
    bool held;              /* reached, and not told: budget or refractory time */
    enum ews_reason closed; /* of CLOSED, else 0 */
};
enum ews_act {                       /* what a step asks to be done, OR of */
               EWS_ACT_FIRE = 1,     /* tell the ward */
               EWS_ACT_WORSE = 2,    /* it had fired; now a worse level: tell again */
               EWS_ACT_ESCALATE = 4, /* nobody answered in time: tell the next in rank */
               EWS_ACT_AGAIN = 8, /* answered or snoozed, and still there: tell again */
               EWS_ACT_RESOLVE = 16,
               EWS_ACT_HELD = 32,   /* would have fired; counted, not told */
               EWS_ACT_MISSING = 64 /* not known whether it is still so: measure again */
};
/* Alerts of one unit: at most `number` for every `bed_days` days of an occupied bed,
 * saved up to `saved` alerts. */
struct ews_budget {
    int64_t number, bed_days, beds, saved;
    int64_t credit, at;
};
/* Ranges: number 1 to 1000, bed_days 1 to 10000, beds 0 to 100000, saved 1 to 1000;
 * begins full. */
void ews_budget_init(struct ews_budget *b, int64_t number, int64_t bed_days, int64_t beds,
                     int64_t saved, int64_t now);
bool ews_budget_take(struct ews_budget *b, int64_t now);

/* A result, or the same one again because time went by: call it at least as often as
 * alerts may escalate. budget: NULL for none. */
unsigned ews_alert_step(const struct ews_table *t, const struct ews_rule *r,
                        struct ews_alert *a, const struct ews_result *now_is, int64_t now,
                        struct ews_budget *budget);
/* A person has seen it. seen: the serial shown to that person.
 * AM_E_NOTFOUND: there is nothing to answer; AM_E_CONFLICT: it was told anew since. */
AM_CHECK int ews_alert_acknowledge(const struct ews_rule *r, struct ews_alert *a,
                                   uint32_t seen, int64_t now);
/* A person wants to be told again at `until`, clamped to snooze_most_us. As above, and
 * AM_E_INVALID: not after now, or the rule lets nobody snooze. */
AM_CHECK int ews_alert_snooze(const struct ews_rule *r, struct ews_alert *a,
                              uint32_t seen, int64_t now, int64_t until);
/* A person closes it, fired or not. AM_E_CONFLICT as above; AM_E_INVALID: no reason. */
AM_CHECK int ews_alert_close(struct ews_alert *a, uint32_t seen, enum ews_reason why,
                             int64_t now);
/* AM_E_NOTFOUND: it is not closed. */
AM_CHECK int ews_alert_reopen(struct ews_alert *a, int64_t now);

/* ---- a unit: many patients, as their values come -----------------------------------
 * Keeps of each patient and variable the newest values, of each table the alert and the
 * last totals. One owner: the loop that receives values and ticks.
 *
 *   U1  a value is known by its reference: a later version of it corrects it, also when
 *       it is now under another code; a retraction takes it away and the one before it
 *       holds again; an earlier version that comes late is ignored. Order of arrival does
 *       not matter among the EWS_KEPT newest; of one instant the greater reference is the
 *       later one.
 *   U2  memory is bounded by `patients`; a patient beyond it is refused, never dropped
 *       silently. Nothing of a patient who left stays.
 *   U3  what values or a tick change is told in the order of tables, once for each.
 *   U4  a value that a table cannot read is kept as such: the variable is not known
 *       (EWS_IMPLAUSIBLE) until another comes; the one before it does not hold on. */
enum { EWS_KEPT = 8, EWS_TREND = 32, EWS_TABLES = 8 };
enum { EWS_REF = 120, EWS_PANEL = 64, EWS_PATIENTS = 100000 };
#define EWS_RULE_MOST_US INT64_C(31622400000000) /* 366 days */
struct ews_unit;
struct ews_unit_config {
    const struct ews_table *table[EWS_TABLES]; /* borrowed */
    struct ews_rule rule[EWS_TABLES];
    size_t n;
    size_t patients;                       /* at most */
    int64_t number, bed_days, beds, saved; /* of the budget; number 0: none */
};
/* value in `unit` as the table wants it: AM_OK, or what cannot be converted. */
typedef int ews_convert_fn(void *arg, double value, struct str from, struct str to,
                           double *out);
struct ews_observation {
    struct str system, code;
    struct str ref;  /* "Observation/a": 1 to EWS_REF bytes */
    int64_t version; /* of that reference, from 1 on; 0: not known, the last one counts */
    int64_t at;
    bool coded;
    double number;
    struct str unit;                     /* of a quantity, UCUM; empty: "1" */
    struct str value_system, value_code; /* of a coded one */
};
struct ews_change {
    struct str patient;
    size_t table;
    unsigned acts; /* 0: only the total moved */
    const struct ews_result *is;
    const struct ews_alert *alert;
};
typedef void ews_change_fn(void *arg, const struct ews_change *c);
/* AM_E_INVALID: rules, sizes or a budget out of their ranges, each in d (may be NULL),
 * code score.rule; AM_E_NOMEM. */
AM_CHECK int ews_unit_new(struct ews_unit **out, const struct ews_unit_config *c,
                          ews_convert_fn *convert, ews_change_fn *change, void *arg,
                          int64_t now, struct diag *d);
void ews_unit_free(struct ews_unit *u);
/* Values of one patient that came together, 1 to EWS_PANEL: all are put, then each table
 * is looked at once. All that one reference gives (components) goes in one call.
 * told: NULL, or n results; the answer is the first that is not AM_OK:
 *   AM_E_NOTFOUND  no table reads it
 *   AM_E_INVALID   no reference; or a unit or code some table does not understand: kept
 * as not readable there (U4), read by the others; alone it makes no bed AM_E_REFUSED   of
 * more than EWS_AHEAD_US after now; nothing changed AM_E_CONFLICT  an earlier version, or
 * one taken back; nothing changed AM_E_TOOBIG    a patient of over 64 bytes, a reference
 * of over EWS_REF, n AM_E_NOSPACE   no room for another patient */
AM_CHECK int ews_unit_observe(struct ews_unit *u, struct str patient,
                              const struct ews_observation *o, size_t n, int64_t now,
                              int *told);
/* Entered in error, in this version of it (0: not known). Versions up to it that come
 * later are ignored. AM_E_NOTFOUND: not among the newest; AM_E_CONFLICT: a later version
 * is known; AM_E_INVALID, AM_E_TOOBIG: the reference. */
AM_CHECK int ews_unit_retract(struct ews_unit *u, struct str patient, struct str ref,
                              int64_t version, int64_t now);
/* Time goes by: what grew old, who did not answer. */
void ews_unit_tick(struct ews_unit *u, int64_t now);
/* Left: nothing of it stays. */
void ews_unit_forget(struct ews_unit *u, struct str patient);
size_t ews_unit_patients(const struct ews_unit *u);
/* The alert of a patient and table, to show; NULL: not known. */
const struct ews_alert *ews_unit_alert(struct ews_unit *u, struct str patient,
                                       size_t table);
/* As ews_alert_*; AM_E_NOTFOUND also for a patient or table not known. */
AM_CHECK int ews_unit_acknowledge(struct ews_unit *u, struct str patient, size_t table,
                                  uint32_t seen, int64_t now);
AM_CHECK int ews_unit_snooze(struct ews_unit *u, struct str patient, size_t table,
                             uint32_t seen, int64_t now, int64_t until);
AM_CHECK int ews_unit_close(struct ews_unit *u, struct str patient, size_t table,
                            uint32_t seen, enum ews_reason why, int64_t now);
AM_CHECK int ews_unit_reopen(struct ews_unit *u, struct str patient, size_t table,
                             int64_t now);
struct ews_total {
    int64_t at;
    int16_t low, high;
    uint8_t level_low, level_high;
};
/* The last totals, oldest first, one for each change; AM_E_NOTFOUND. */
AM_CHECK int ews_unit_trend(const struct ews_unit *u, struct str patient, size_t table,
                            struct ews_total out[EWS_TREND], size_t *n);
/* The values a patient's score is made of now. v: EWS_VARIABLES. AM_E_NOTFOUND. */
AM_CHECK int ews_unit_values(const struct ews_unit *u, struct str patient, size_t table,
                             int64_t now, struct ews_value *v);

#endif
