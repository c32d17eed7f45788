/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_recuse -- who must stay out (lifecycle.md sections 1 and 12): recusals, visits,
 * certificates of establishments.
 *
 * A person declares an interest with an organisation, a version or an establishment;
 * `has` and `msps` may decide it for somebody. Anybody else concerned only asks: the
 * request is kept and has no effect, or a vendor could empty the commission. An interest
 * that ended bars for five years more. The interest of a laboratory is that of all its
 * keys. */
#include "ledger/ledger_priv.h"

static bool same_person(const struct ledger *l, size_t barred, size_t key)
{
    const struct ledger_key *b = &l->key.v[barred].k, *k = &l->key.v[key].k;
    bool house = b->role == LEDGER_BENCH_OPERATOR || b->role == LEDGER_IMANOR;
    return barred == key ||
           (house && b->role == k->role && strcmp(b->org_id, k->org_id) == 0);
}

bool ledger_barred(const struct ledger *l, size_t key, const struct ledger_verrec *v,
                   struct str establishment, int64_t at)
{
    for (size_t i = 0; i < l->recusal.n; i++) {
        const struct ledger_factrec *f = &l->fact.v[l->recusal.v[i]];
        bool over = f->until_at && at >= f->until_at;
        if (!f->good || f->corrected || over || !same_person(l, f->about, key))
            continue;
        if (v && f->version != LEDGER_NONE && &l->version.v[f->version] == v)
            return true;
        if (v && f->org && strcmp(f->org, v->v.org_id) == 0)
            return true;
        if (f->place && str_eqc(establishment, f->place))
            return true;
    }
    return false;
}

bool ledger_recused(const struct ledger *l, const char *key_id, const uint8_t digest[32],
                    int64_t at)
{
    size_t k = ledger_find_key(l, key_id), v = ledger_find_version(l, digest);
    return k != LEDGER_NONE && v != LEDGER_NONE &&
           ledger_barred(l, k, &l->version.v[v], STR_NULL, at);
}

/* What counts on a version is signed by nobody recused from it: neither this leaf, nor
 * one signed before the recusal and waiting. */
void ledger_check_recused(struct ledger_act *a)
{
    const struct ledger_verrec *v = &a->l->version.v[a->version];
    size_t n = 0;
    if (a->l->recusal.n == 0)
        return;
    ledger_guard(a, !ledger_barred(a->l, a->key, v, STR_NULL, a->s->issued_at),
                 GUARD_RECUSED, "/issuer", "%s is recused", ledger_signer_key(a)->key_id);
    for (size_t i = 0; i < a->signers; i++)
        if (!ledger_barred(a->l, a->signer[i].key, v, STR_NULL, a->s->issued_at))
            a->signer[n++] = a->signer[i];
    a->signers = n;
}

void ledger_check_appeal(struct ledger_act *a)
{
    const struct ledger_verrec *v = &a->l->version.v[a->version];
    size_t n = 0;
    if (!v->appeal)
        return;
    ledger_guard(a, !ledger_signed(a->l, v->appealed, a->key), GUARD_OTHER_COMMISSIONERS,
                 "/issuer", "signed the decision appealed");
    for (size_t i = 0; i < a->signers; i++) /* also what was signed before, and waits */
        if (ledger_holds(a, !ledger_signed(a->l, v->appealed, a->signer[i].key),
                         GUARD_OTHER_COMMISSIONERS))
            a->signer[n++] = a->signer[i];
    a->signers = n;
}

/* ---- recusal --------------------------------------------------------------------- */
void ledger_check_recusal(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct ledger_key *me = ledger_signer_key(a);
    int64_t ended = ledger_time(json_get(a->r, "ended"));
    char id[CRYPTO_HEX];
    ledger_copy(id, sizeof id, json_get_str(a->r, "key_id"));
    f->about = ledger_find_key(a->l, id);
    ledger_guard(a, f->about != LEDGER_NONE, GUARD_KEY, "/key_id", "no such key");
    ledger_guard(a,
                 json_get(a->r, "with_org") || json_get(a->r, "model_digest") ||
                     json_get(a->r, "establishment"),
                 GUARD_FACT, "/with_org", "an organisation, a version or a place");
    ledger_guard(a, ledger_fits(json_get_str(a->r, "with_org"), LEDGER_ID_MAX),
                 GUARD_FACT, "/with_org", "too long");
    if (ended &&
        time_add_iso(ended, ledger_clock(a->l->policy, "interest", "P5Y"), &f->until_at))
        f->until_at = 0;
    ledger_guard(a, ended <= a->s->issued_at, GUARD_TERM, "/ended", "not yet");
    f->good = f->about == a->key || me->role == LEDGER_HAS || me->role == LEDGER_MSPS;
}

/* ---- establishments -------------------------------------------------------------- */
void ledger_check_certificate(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct json *status = json_get(a->r, "status");
    bool certified = json_str_is(status, "certified"),
         under_way = json_str_is(status, "under_way");
    f->until_at = ledger_time(json_get(a->r, "expires"));
    f->good = certified || under_way;
    ledger_guard(
        a, f->good || json_str_is(status, "refused") || json_str_is(status, "withdrawn"),
        GUARD_FACT, "/status", "certified, under_way, refused or withdrawn");
    ledger_guard(a, !certified || f->until_at > a->s->issued_at, GUARD_TERM, "/expires",
                 "a certificate has a term");
}

/* Visitors come from another region, without an interest in the house (section 12). */
void ledger_check_visit(struct ledger_act *a, struct ledger_factrec *f)
{
    const struct ledger_key *me = ledger_signer_key(a);
    struct str est = json_get_str(a->r, "establishment");
    f->at = ledger_time(json_get(a->r, "visited_at"));
    ledger_guard(a, *me->gst && !str_eqc(json_get_str(a->r, "gst"), me->gst),
                 GUARD_VISITOR, "/gst", "a visitor comes from another region");
    ledger_guard(a, !str_eqc(est, me->org_id) && !str_eqc(est, me->establishment),
                 GUARD_VISITOR, "/establishment", "a visitor's own house");
    ledger_guard(a, !ledger_barred(a->l, a->key, NULL, est, a->s->issued_at),
                 GUARD_RECUSED, "/establishment", "the visitor is recused");
    ledger_guard(a, json_bool(json_get(a->r, "no_conflict"), false),
                 GUARD_CONFLICT_OF_INTEREST, "/no_conflict", "must be declared");
    ledger_guard(a, f->at <= a->s->issued_at, GUARD_TERM, "/visited_at", "not yet");
    f->good = true;
}
