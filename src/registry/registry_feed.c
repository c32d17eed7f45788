/* SPDX-License-Identifier: Apache-2.0 */
/* registry_feed -- the newest decisions, for whoever follows the register: a bounded view
 * brought up with the fold. Stops need none: the fold lists them all. */
#include "registry/registry_priv.h"

void registry_feed_note(struct registry *r, const struct ledger_statement_view *s,
                        uint64_t index)
{
    const struct ledger_outcome *o = ledger_outcome(r->ledger, index);
    struct registry_decision d = {.index = index, .at = s->issued_at};
    struct str outcome = json_get_str(s->record, "outcome"),
               level = json_get_str(s->record, "label_level");
    if (s->kind != LEDGER_DECISION || !o || o->effect != LEDGER_IN_EFFECT)
        return;
    memcpy(d.model, s->subject, sizeof d.model);
    snprintf(d.outcome, sizeof d.outcome, "%.*s", STR_FMT(outcome));
    if (!level.n)
        level = json_get_str(s->record, "requested_level");
    if (ledger_level_parse(level, &d.level))
        d.level = LEDGER_LEVEL_NONE;
    r->decided[r->decisions++ % REGISTRY_DECISIONS] = d;
}

size_t registry_decisions(struct registry *r, struct registry_decision *out, size_t max)
{
    size_t n = (size_t)AM_MIN(r->decisions, (uint64_t)AM_MIN(max, REGISTRY_DECISIONS));
    for (size_t i = 0; i < n; i++)
        out[i] = r->decided[(r->decisions - 1 - i) % REGISTRY_DECISIONS];
    return n;
}
