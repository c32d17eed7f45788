/* SPDX-License-Identifier: Apache-2.0 */
/* What a ward keeps of its patients. */
#ifndef EWS_UNIT_PRIV_H
#define EWS_UNIT_PRIV_H

#include "base/map.h"
#include "ews/ews_priv.h"

enum { EWS_NAME = 64, EWS_GRAVES = 32 };

/* One value of a variable. Not readable: NAN and -1, which a score reads as implausible;
 * it still says that what was before it no longer holds. */
struct ews_kept {
    char ref[EWS_REF + 1];
    int64_t version, at;
    double number;
    int code;
};
struct ews_series { /* newest first */
    struct ews_kept v[EWS_KEPT];
    uint8_t n;
};
struct ews_watch { /* of a patient and a table */
    struct ews_series series[EWS_VARIABLES];
    struct ews_alert alert;
    struct ews_total trend[EWS_TREND];
    size_t trends; /* ever */
};
struct ews_grave { /* a reference that gives nothing up to this version */
    char ref[EWS_REF + 1];
    int64_t version;
};
struct ews_bed {
    char name[EWS_NAME + 1];
    bool taken;
    struct ews_watch *watch; /* n of them */
    struct ews_grave grave[EWS_GRAVES];
    size_t graves; /* ever */
};
struct ews_place { /* where an observation goes */
    size_t table, variable;
};
struct ews_unit {
    struct ews_unit_config c;
    ews_convert_fn *convert;
    ews_change_fn *change;
    void *arg;
    struct ews_budget budget;
    struct ews_bed *bed;
    size_t beds, taken;      /* beds: made so far */
    size_t *order;           /* the taken ones, by name */
    struct map code;         /* "system|code" -> first of places */
    struct ews_place *place; /* those of one code side by side, ended by table = n */
};

/* AM_E_NOTFOUND: longer than any code of a table. key: within out. */
AM_CHECK int ews_code_key(struct str system, struct str code, char *out, size_t size,
                          struct str *key);
struct ews_bed *ews_bed_of(const struct ews_unit *u, struct str patient);
/* Of a patient who has none. AM_E_TOOBIG: a name that cannot be; AM_E_NOSPACE: no bed. */
AM_CHECK int ews_bed_new(struct ews_unit *u, struct str patient, struct ews_bed **out);
/* Scores one table of a patient, steps its alert, tells what changed. */
void ews_look(struct ews_unit *u, const struct ews_bed *b, size_t t, int64_t now);

#endif
