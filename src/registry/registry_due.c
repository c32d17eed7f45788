/* SPDX-License-Identifier: Apache-2.0 */
/* "What is missing" for a level: everything a label asks for and the record lacks, of the
 * table by which the fold grants (ledger_ask_tbl.h). A level asks for what the levels
 * below it ask for. */
#include "registry/registry_priv.h"

/* Only the outermost member that is missing is named, not each of its own. */
static bool due_within(const struct json *record, const struct ledger_ask *x)
{
    const struct ledger_ask *outer;
    for (size_t i = 0; (outer = ledger_ask(i)) && outer != x; i++) {
        size_t n = strlen(outer->pointer);
        if (outer->kind == x->kind && strncmp(outer->pointer, x->pointer, n) == 0 &&
            x->pointer[n] == '/' && ledger_ask_short(i, record))
            return true;
    }
    return false;
}

void registry_due(const struct json *algorithm, const struct json *version,
                  enum ledger_level level, struct diag *d)
{
    const struct ledger_ask *x;
    for (size_t i = 0; (x = ledger_ask(i)); i++) {
        const struct json *record = x->kind == LEDGER_ALGORITHM ? algorithm : version;
        const char *code =
            record && x->level <= level ? ledger_ask_short(i, record) : NULL;
        if (!code || due_within(record, x))
            continue;
        diag_err(d, x->pointer, code, "compulsory from level %s",
                 ledger_level_name(x->level));
        diag_arg(d, "level", ledger_level_name(x->level));
        diag_arg(d, "record", ledger_kind_name(x->kind));
    }
}
