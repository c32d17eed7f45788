/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_hear -- was the supplier heard (lifecycle.md V8)? A policy that names the delay
 * of a reply asks for a hearing; those written before there was such a fact do not, and
 * what they decided stands (I12). A hearing counts once the supplier answered, or once
 * its delay has passed; and only on the evidence it could see. */
#include "ledger/ledger_priv.h"

static bool asked(const struct ledger *l)
{
    return l->policy && json_get(json_get(l->policy->root, "clocks"), "reply");
}

/* From when the first hearing after that entry counts; 0: there is none. */
static int64_t counts_from(const struct ledger *l, const struct ledger_verrec *v,
                           uint64_t since)
{
    int64_t first = 0;
    for (size_t i = 0; i < v->fact.n; i++) {
        const struct ledger_factrec *f = &l->fact.v[v->fact.v[i]];
        if (f->kind == LEDGER_FACT_HEARING && !f->corrected && f->index > since &&
            f->until_at && (!first || f->until_at < first))
            first = f->until_at;
    }
    return first;
}

void ledger_check_heard(struct ledger_act *a, uint64_t since)
{
    int64_t from;
    if (!asked(a->l))
        return;
    from = counts_from(a->l, &a->l->version.v[a->version], since);
    ledger_guard(a, from && from <= a->s->issued_at, GUARD_HEARD, "/model_digest",
                 "no hearing of the supplier, or its delay is running");
}

uint64_t ledger_newest_evidence(const struct ledger_verrec *v)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < v->v.evidence.n; i++)
        newest = AM_MAX(newest, v->v.evidence.v[i].index);
    return newest;
}

bool ledger_hearing(const struct ledger *l, const uint8_t digest[32], int64_t *counts_at)
{
    size_t i = ledger_find_version(l, digest);
    *counts_at = 0;
    if (i == LEDGER_NONE || !asked(l))
        return false;
    const struct ledger_verrec *v = &l->version.v[i];
    *counts_at = counts_from(l, v,
                             v->v.state == LEDGER_V_EVALUATED ? ledger_newest_evidence(v)
                                                              : v->v.decision.index);
    return true;
}
