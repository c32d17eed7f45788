/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_algorithm -- the stable identity that versions hang on. Not a state machine: a
 * fact, which its own organisation may supersede. */
#include "ledger/ledger_priv.h"

static int declare(struct ledger_act *a)
{
    struct ledger *l = a->l;
    struct str id = json_get_str(a->r, "algorithm_id");
    const struct ledger_key *me = ledger_signer_key(a);
    struct str org = json_get_str(json_get(a->r, "developer"), "org_id");
    size_t i = ledger_find_algorithm(l, id);
    struct ledger_algorec rec = {.a.index = a->index, .a.issued_at = a->s->issued_at};
    uint8_t replaced[32], short_of = ledger_ask_first(LEDGER_ALGORITHM, a->r);
    int err;
    ledger_guard(a, ledger_algorithm_id_valid(id), GUARD_ALGORITHM_ID, "/algorithm_id",
                 "MA-IA-<org6>-<10 base32>-<check>, ISO 7064 mod 37,36");
    ledger_guard(a, str_eqc(org, me->org_id), GUARD_DEVELOPER, "/developer/org_id",
                 "the signer is not the developer");
    if (i != LEDGER_NONE) {
        bool right = ledger_unhex(json_get(a->r, "supersedes"), replaced) &&
                     memcmp(replaced, l->algorithm.v[i].record, 32) == 0;
        if (!json_get(a->r, "supersedes"))
            ledger_refuse(a, CODE_EXISTS, "/algorithm_id", "declared before");
        else
            ledger_guard(a, right && strcmp(l->algorithm.v[i].a.org_id, me->org_id) == 0,
                         GUARD_SUPERSEDES, "/supersedes", "not the record in effect");
        ledger_check_ask_algorithm(a, &l->algorithm.v[i], short_of);
    }
    if (ledger_stopped_here(a))
        return AM_OK;
    if (i != LEDGER_NONE) {
        struct ledger_algorec *old = &l->algorithm.v[i];
        memcpy(old->a.payload, a->payload, 32);
        memcpy(old->record, a->s->record_sha256, 32);
        old->a.index = a->index;
        old->a.issued_at = a->s->issued_at;
        old->ask = short_of;
        return AM_OK;
    }
    ledger_copy(rec.a.id, sizeof rec.a.id, id);
    ledger_copy(rec.a.org_id, sizeof rec.a.org_id, org);
    memcpy(rec.a.payload, a->payload, 32);
    memcpy(rec.record, a->s->record_sha256, 32);
    rec.ask = short_of;
    err = map_set(&l->by_algorithm, id, l->algorithm.n);
    return err ? err : vec_push(&l->algorithm, rec);
}

void ledger_plan_algorithm(struct ledger_act *a)
{
    ledger_copy(a->rule, sizeof a->rule, STR("algorithm"));
    a->apply = declare;
}
