/* SPDX-License-Identifier: Apache-2.0 */
/* "What is missing" for a level: the fields a label asks for and the declaration did not.
 * A level asks for what the levels below it ask for. */
#include "registry/registry_priv.h"
#include "registry/registry_due_tbl.h"

#include <math.h>

enum due_when {
    ALWAYS,
    HAS_SEX_AND_AGE,
    IF_EXPLAINED,
    MONITORED_6,
    MONITORED_3,
    MONITORED_1
};
#define BASE         LEDGER_BASE
#define INTERMEDIATE LEDGER_INTERMEDIATE
#define ADVANCED     LEDGER_ADVANCED

static const struct {
    enum ledger_level level;
    char record;
    const char *pointer;
    enum due_when when;
} due[] = {
#define X(level, record, pointer, when) {level, #record[0], pointer, when},
    REGISTRY_DUE(X)
#undef X
};

static bool due_variable(const struct json *record, const char *name)
{
    for (json_each(it, json_get(record, "representativeness")))
        if (json_str_is(json_get(it.val, "variable"), name))
            return true;
    return false;
}

/* What is there but not good enough for the level: its code, or NULL. */
static const char *due_short(const struct json *record, const struct json *v,
                             enum due_when when)
{
    double months = when == MONITORED_6 ? 6 : when == MONITORED_3 ? 3 : 1;
    double days = registry_days(json_str(v));
    switch (when) {
    case HAS_SEX_AND_AGE:
        return due_variable(record, "sex") &&
                       (due_variable(record, "age") || due_variable(record, "age_band"))
                   ? NULL
                   : "record.due_groups";
    case MONITORED_6:
    case MONITORED_3:
    case MONITORED_1:
        return days <= months * 31 ? NULL : "record.due_period";
    default:
        return NULL;
    }
}

/* Field 38: a method has a version, unless it is none. */
static bool due_exempt(const struct json *record, enum due_when when)
{
    return when == IF_EXPLAINED &&
           json_str_is(json_get(json_get(record, "explainability"), "method"), "none");
}

/* A parent that is missing is named alone, not with each of its members. */
static bool due_child(const struct json *record, const char *pointer)
{
    const char *last = strrchr(pointer, '/');
    return last != pointer &&
           !json_pointer(record, (struct str){pointer, (size_t)(last - pointer)});
}

void registry_due(const struct json *algorithm, const struct json *version,
                  enum ledger_level level, struct diag *d)
{
    for (size_t i = 0; i < AM_LEN(due); i++) {
        const struct json *record = due[i].record == 'a' ? algorithm : version;
        const struct json *v = json_pointer(record, str_c(due[i].pointer));
        const char *code = v ? due_short(record, v, due[i].when) : "record.due";
        if (due[i].level > level || !record || !code)
            continue;
        if (!v && (due_child(record, due[i].pointer) || due_exempt(record, due[i].when)))
            continue;
        diag_err(d, due[i].pointer, code, "compulsory from level %s",
                 ledger_level_name(due[i].level));
        diag_arg(d, "level", ledger_level_name(due[i].level));
        diag_arg(d, "record", due[i].record == 'a' ? "algorithm" : "version");
    }
}
