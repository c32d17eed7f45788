/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_policy -- the policy in force, entry 0, and the quorum they give together. */
#include "ledger/ledger_priv.h"

enum { POLICY_MAX = 4 << 20, POLICY_TEXT = 1 << 16, K_MIN = 10 };

static int problem(struct diag *d, const char *path, const char *code, const char *detail)
{
    diag_err(d, path, code, "%s", detail);
    return AM_E_INVALID;
}

/* Names the policy waives: known and waivable, or the policy does not hold. Names of
 * other modules' checks (without "guard.") are theirs to judge. */
static int read_waived(const struct json *list, uint64_t *out, struct diag *d)
{
    uint64_t bits = 0;
    for (json_each(it, list)) {
        struct str name = json_str(it.val);
        bool known = !str_starts(name, STR("guard."));
        for (unsigned i = 0; ledger_guard_waivable(i); i++)
            if (str_eqc(name, ledger_guard_waivable(i))) {
                bits |= UINT64_C(1) << i;
                known = true;
            }
        if (!known) {
            diag_err(d, "/waived", "policy.not_waivable", "%.*s", STR_FMT(name));
            return AM_E_INVALID;
        }
    }
    *out = bits;
    return AM_OK;
}

struct str ledger_clock(const struct ledger_policy *p, const char *name,
                        const char *otherwise)
{
    struct str s = json_get_str(json_get(p->root, "clocks"), name);
    int64_t at;
    return s.n && !time_add_iso(0, s, &at) ? s : str_c(otherwise);
}

void ledger_policy_free(struct ledger_policy *p)
{
    if (!p)
        return;
    label_policy_free(p->label);
    ledger_rules_release(&p->rules);
    tlog_policy_free(p->quorum);
    json_free(p->doc);
    free(p);
}

static int policy_read(const struct ledger *l, struct ledger_policy *p, struct diag *d)
{
    const struct json *root = p->root;
    int err;
    if (!json_str_is(json_get(root, "schema"), "amane/policy/1"))
        return problem(d, "/schema", "policy.schema", "amane/policy/1");
    p->k_min = json_int(json_get(root, "k_min"), K_MIN);
    p->roster_min = json_num(json_get(root, "roster_min"), 0.8); /* V.2: 80 % trained */
    err = read_waived(json_get(root, "waived"), &p->waived, d);
    if (!err)
        err = ledger_rules_new(&p->rules, json_get(root, "signing"), d);
    if (!err)
        err = ledger_quorum_make(l, root, &p->quorum, d);
    if (!err)
        err = label_policy_new(&p->label, root, d);
    return err;
}

int ledger_policy_load(const struct ledger *l, const uint8_t digest[32],
                       struct ledger_policy **out, struct diag *d)
{
    struct ledger_policy *p = am_calloc(1, sizeof *p);
    struct buf text;
    int err;
    if (!p)
        return AM_E_NOMEM;
    memcpy(p->digest, digest, 32);
    buf_init(&text, POLICY_MAX);
    err = blob_get(l->blobs, digest, &text);
    if (!err) {
        err = json_parse(&p->doc, buf_str(&text), NULL, d);
        err = err == AM_E_SYNTAX || err == AM_E_TOOBIG ? AM_E_INVALID : err;
    }
    if (!err) {
        p->root = json_root(p->doc);
        err = policy_read(l, p, d);
    }
    buf_release(&text);
    if (err) {
        ledger_policy_free(p);
        return err;
    }
    *out = p;
    return AM_OK;
}

/* ---- the quorum as a C2SP tlog-policy file --------------------------------------------
 */
static bool token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '#')
            return false;
    return s.n > 0 && s.n < 128;
}

static int quorum_groups(const struct json *groups, struct buf *b)
{
    int err = AM_OK;
    for (json_each(it, groups)) {
        const struct json *k = json_get(it.val, "k");
        struct str name = json_get_str(it.val, "name");
        if (!token(name) || !(json_is_int(k) || token(json_str(k))))
            return AM_E_INVALID;
        err = buf_addf(b, "group %.*s ", STR_FMT(name));
        if (!err)
            err = json_is_int(k) ? buf_addf(b, "%lld", (long long)json_int(k, 0))
                                 : buf_add(b, json_str(k));
        for (json_each(of, json_get(it.val, "of"))) {
            if (!token(json_str(of.val)))
                return AM_E_INVALID;
            if (!err)
                err = buf_addf(b, " %.*s", STR_FMT(json_str(of.val)));
        }
        if (!err)
            err = buf_addc(b, '\n');
        if (err)
            return err;
    }
    return AM_OK;
}

static int quorum_text(const struct json *genesis, const struct json *quorum,
                       struct buf *b)
{
    struct str name = json_get_str(quorum, "quorum");
    int err = buf_addf(b, "log %.*s\n", STR_FMT(json_get_str(genesis, "log_key")));
    for (json_each(it, json_get(genesis, "witnesses"))) {
        struct str n = json_get_str(it.val, "name"), k = json_get_str(it.val, "vkey");
        if (!token(n) || !token(k))
            return AM_E_INVALID;
        if (!err)
            err = buf_addf(b, "witness %.*s %.*s\n", STR_FMT(n), STR_FMT(k));
    }
    if (!err)
        err = quorum_groups(json_get(quorum, "groups"), b);
    if (!err && !token(name))
        return AM_E_INVALID;
    return err ? err : buf_addf(b, "quorum %.*s\n", STR_FMT(name));
}

int ledger_quorum_make(const struct ledger *l, const struct json *policy,
                       struct tlog_policy **out, struct diag *d)
{
    struct buf text;
    int err;
    buf_init(&text, POLICY_TEXT);
    err = quorum_text(l->genesis, json_get(policy, "quorum"), &text);
    if (!err)
        err = tlog_policy_parse(out, buf_str(&text), d);
    buf_release(&text);
    if (err && err != AM_E_NOMEM)
        err = problem(d, "/quorum", "policy.quorum",
                      "groups over the names of the genesis witnesses");
    return err;
}

int ledger_quorum_text(const struct ledger *l, struct buf *out)
{
    return quorum_text(l->genesis, json_get(ledger_policy(l), "quorum"), out);
}

/* ---- entry 0 --------------------------------------------------------------------- */
static bool origin_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) { /* Sigstore reads names as regular expressions */
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '/' ||
              c == '-'))
            return false;
    }
    return s.n > 0 && s.n < TLOG_NAME_MAX;
}

static int add_authority(struct ledger *l, const struct json *v, int64_t at)
{
    struct ledger_keyrec k = {0};
    int err = ledger_key_read(v, 0, &k, NULL, "");
    k.granted_at = at;
    if (!err && ledger_find_key(l, k.k.key_id) != LEDGER_NONE)
        err = AM_E_INVALID; /* one key, one grant */
    if (!err)
        err = ledger_key_add(l, &k);
    if (err)
        ledger_key_drop(&k);
    return err;
}

/* Called on an empty ledger; the caller clears it when this fails. */
int ledger_genesis(struct ledger *l, const struct ledger_statement_view *s,
                   const char *key_id, const uint8_t payload[32])
{
    const struct json *r = s->record;
    struct ledger_act a = {.l = l, .s = s, .r = r};
    struct str origin = json_get_str(r, "origin");
    uint8_t digest[32];
    int err = AM_OK;
    if (s->kind != LEDGER_EVENT || !str_eqc(s->event_type, "genesis"))
        return AM_E_INVALID;
    ledger_shape(&a);
    if (a.err || !origin_ok(origin) ||
        !ledger_unhex(json_get(r, "policy_sha256"), digest))
        return AM_E_INVALID;
    err = tlog_vkey_parse(json_get_str(r, "log_key"), &l->log_key);
    if (err || !str_eqc(origin, l->log_key.name))
        return err == AM_E_NOMEM ? err : AM_E_INVALID;
    l->origin = str_dup(origin);
    l->type_base = str_dup(json_get_str(r, "type_base"));
    if (!l->origin || !l->type_base)
        return AM_E_NOMEM;
    for (json_each(it, json_get(r, "authorities")))
        if ((err = add_authority(l, it.val, s->issued_at)))
            return err;
    if (ledger_find_key(l, key_id) == LEDGER_NONE)
        return AM_E_INVALID;
    memcpy(l->genesis_payload, payload, 32);
    l->genesis = r;
    l->latest_at = s->issued_at;
    return ledger_policy_load(l, digest, &l->policy, NULL);
}
