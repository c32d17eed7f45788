/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_key -- the key directory: grants, revocations, and where a key may act. */
#include "ledger/ledger_priv.h"

enum { SPKI_MAX = 256 };

const char *ledger_house(const struct ledger_key *k)
{
    return *k->establishment ? k->establishment : k->org_id;
}

const char *ledger_region(const struct ledger_key *k)
{
    return *k->gst ? k->gst : k->org_id;
}

void ledger_check_place(struct ledger_act *a, struct str establishment, struct str gst)
{
    const struct ledger_key *k = ledger_signer_key(a);
    bool ok = true;
    switch (ledger_role_place(k->role)) {
    case LEDGER_LOCAL:
    case LEDGER_USER:
        ok = str_eqc(establishment, ledger_house(k)) &&
             (!*k->gst || !gst.n || str_eqc(gst, k->gst));
        break;
    case LEDGER_REGIONAL:
        ok = str_eqc(gst, ledger_region(k));
        break;
    default:
        break;
    }
    if (!ok)
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id",
                      "%s of %s does not act there", ledger_role_name(k->role),
                      k->org_id);
}

static int problem(struct diag *d, const char *path, const char *member, const char *why)
{
    char at[96];
    snprintf(at, sizeof at, "%s/%s", path, member);
    diag_err(d, at, "key.member", "%s", why);
    return AM_E_INVALID;
}

static int read_text(const struct json *v, const char *member, char *out, size_t cap,
                     struct diag *d, const char *path)
{
    struct str s = json_get_str(v, member);
    if (!ledger_fits(s, cap))
        return problem(d, path, member, "too long");
    ledger_copy(out, cap, s);
    return AM_OK;
}

static int read_spki(const struct json *v, struct ledger_keyrec *k, struct diag *d,
                     const char *path)
{
    int err = crypto_unbase64(&k->k.spki, json_get_str(v, "spki"));
    if (!err)
        err = crypto_key_from_spki(&k->pub, buf_str(&k->k.spki));
    if (err == AM_E_NOMEM)
        return err;
    if (err || crypto_key_alg(k->pub) != CRYPTO_P256)
        return problem(d, path, "spki", "base64 of a P-256 SubjectPublicKeyInfo");
    err = crypto_key_id(k->pub, k->k.key_id);
    if (!err) {
        uint8_t id[32];
        char hex[CRYPTO_HEX];
        crypto_sha256(buf_str(&k->k.spki), id);
        if (strcmp(crypto_hex(id, 32, hex), k->k.key_id) != 0)
            return problem(d, path, "spki", "not the canonical DER of the key");
    }
    return err;
}

int ledger_key_read(const struct json *v, uint64_t index, struct ledger_keyrec *out,
                    struct diag *d, const char *path)
{
    struct ledger_keyrec k = {.k.granted = index};
    int err = AM_OK;
    buf_init(&k.k.spki, SPKI_MAX);
    if (ledger_role_parse(json_get_str(v, "role"), &k.k.role))
        err = problem(d, path, "role", "unknown role");
    if (!json_get_str(v, "org_id").n)
        err = problem(d, path, "org_id", "compulsory");
#define MEMBER(name)                                                                     \
    if (!err)                                                                            \
    err = read_text(v, #name, k.k.name, sizeof k.k.name, d, path)
    MEMBER(function);
    MEMBER(org_id);
    MEMBER(gst);
    MEMBER(establishment);
    MEMBER(label);
#undef MEMBER
    k.k.not_before_at = ledger_time(json_get(v, "not_before"));
    k.k.not_after_at = ledger_time(json_get(v, "not_after"));
    if (!err && ((json_get(v, "not_before") && !k.k.not_before_at) ||
                 (json_get(v, "not_after") && !k.k.not_after_at)))
        err = problem(d, path, "not_after", "not a time");
    if (!err)
        err = read_spki(v, &k, d, path);
    if (err) {
        ledger_key_drop(&k);
        return err;
    }
    *out = k;
    return AM_OK;
}

/* A local authority names its own staff, a region its own region, nobody more. */
static void check_grantor(struct ledger_act *a, const struct ledger_key *k)
{
    const struct ledger_key *me = ledger_signer_key(a);
    enum ledger_place mine = ledger_role_place(me->role),
                      its = ledger_role_place(k->role);
    bool local = its == LEDGER_LOCAL || its == LEDGER_USER;
    if (mine == LEDGER_NATIONAL)
        return;
    if (mine == LEDGER_REGIONAL && local && strcmp(k->gst, ledger_region(me)) == 0)
        return;
    if (mine == LEDGER_LOCAL && local && strcmp(ledger_house(k), ledger_house(me)) == 0)
        return;
    ledger_refuse(a, CODE_WRONG_ORGANISATION, "/key/org_id", "not theirs to grant");
}

static int grant(struct ledger_act *a)
{
    struct ledger *l = a->l;
    struct ledger_keyrec k;
    int err = ledger_key_read(json_get(a->r, "key"), a->index, &k, a->d, "/key");
    if (err == AM_E_INVALID) {
        ledger_guard(a, false, GUARD_KEY, "/key", "not a key that can be granted");
        return AM_OK;
    }
    if (err)
        return err;
    if (ledger_find_key(l, k.k.key_id) != LEDGER_NONE)
        ledger_refuse(a, CODE_EXISTS, "/key/spki", "%s was granted before", k.k.key_id);
    check_grantor(a, &k.k);
    k.granted_at = a->s->issued_at;
    if (!ledger_stopped_here(a)) {
        err = ledger_key_add(l, &k);
        if (!err)
            return AM_OK;
    }
    ledger_key_drop(&k);
    return err;
}

void ledger_plan_grant(struct ledger_act *a)
{
    enum ledger_role role = LEDGER_ROLE_NONE;
    if (ledger_role_parse(json_get_str(json_get(a->r, "key"), "role"), &role)) {
        ledger_guard(a, false, GUARD_KEY, "/key/role", "unknown role");
        return;
    }
    ledger_copy(a->rule, sizeof a->rule,
                ledger_role_place(role) == LEDGER_NATIONAL ? STR("key_grant.authority")
                                                           : STR("key_grant"));
    a->apply = grant;
}

static int revoke(struct ledger_act *a)
{
    char id[CRYPTO_HEX];
    const struct json *since = json_get(a->r, "compromised_since");
    size_t k;
    bool known = false, own = json_bool(json_get(a->r, "own"), false);
    ledger_copy(id, sizeof id, json_get_str(a->r, "key_id"));
    k = ledger_find_key(a->l, id);
    ledger_guard(a, !own || k == a->key, GUARD_KEY, "/key_id",
                 "own: the key that signs this");
    /* Else a signer could take back votes by calling the key stolen: that is an
     * authority's finding, and it is made about somebody else. */
    ledger_guard(a, !own || !since, GUARD_KEY, "/compromised_since",
                 "stated by an authority, never by the holder");
    ledger_guard(a, k != LEDGER_NONE && !a->l->key.v[k].k.revoked, GUARD_KEY, "/key_id",
                 "no such key in force");
    if (ledger_stopped_here(a))
        return AM_OK;
    for (size_t i = 0; since && i < a->l->voided.n; i++)
        known |= strcmp(a->l->voided.v[i].key_id, id) == 0 &&
                 a->l->voided.v[i].revoked == a->index;
    if (since && !known)
        a->refold = true;
    else
        a->l->key.v[k].k.revoked = a->index;
    return AM_OK;
}

/* own: whoever holds a key ends it, under a rule of its own name so that a policy that
 * says who revokes the keys of others does not take this away. */
void ledger_plan_revoke(struct ledger_act *a)
{
    bool own = json_bool(json_get(a->r, "own"), false);
    ledger_copy(a->rule, sizeof a->rule, own ? STR("key_revoke_own") : STR("key_revoke"));
    a->apply = revoke;
}
