/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_signing -- what a signing page shows: under which rule a payload is judged, who
 * has signed it, which keys still may, and why the others may not. Every answer is the
 * dry judgement of ledger_admit(), so a page never promises what the fold would refuse.
 */
#include "ledger/ledger_priv.h"

enum { KEYS_SHOWN = 64 };

static bool fits(const struct ledger_key *k, const struct ledger_term *t)
{
    return k->role == t->role && (!t->function[0] || !strcmp(t->function, k->function));
}

static bool has_place(const struct ledger_act *a, const struct ledger_rule *r,
                      const struct ledger_key *k)
{
    if ((a->also >> k->role) & 1)
        return true;
    for (size_t i = 0; r && i < r->any.n; i++)
        for (size_t t = 0; t < r->any.v[i].term.n; t++)
            if (fits(k, &r->any.v[i].term.v[t]))
                return true;
    return false;
}

static void key_json(const struct ledger_key *k, struct jw *w)
{
    jw_kstrz(w, "key_id", k->key_id);
    jw_kstrz(w, "role", ledger_role_name(k->role));
    jw_kstrz(w, "function", k->function);
    jw_kstrz(w, "org_id", k->org_id);
    jw_kstrz(w, "org", k->label[0] ? k->label : k->org_id);
}

/* Leaves of this payload that count, in order; *effect: the one that completed the rule.
 */
static size_t signers_of(const struct ledger *l, const uint8_t payload[32],
                         size_t key[LEDGER_SIGNERS], uint64_t index[LEDGER_SIGNERS],
                         uint64_t *effect)
{
    uint64_t i = ledger_first_of(l, payload);
    size_t n = 0;
    if (i == UINT64_MAX)
        return 0;
    do {
        const struct ledger_entry *e = &l->entry.v[i];
        if (ledger_outcome_of(l, e)->effect == LEDGER_IN_EFFECT)
            *effect = i;
        if (e->counts && !e->strange && n < LEDGER_SIGNERS) {
            key[n] = e->key;
            index[n++] = i;
        }
        i = e->next;
    } while (i);
    return n;
}

/* One alternative: for every term how many places, how many filled. A term that names a
 * function is filled before one that names only the role. */
static void alternative_json(const struct ledger *l, const struct ledger_alternative *alt,
                             const size_t *key, size_t n, struct jw *w)
{
    bool used[LEDGER_SIGNERS] = {false};
    unsigned filled[64] = {0};
    for (int named = 1; named >= 0; named--)
        for (size_t t = 0; t < AM_MIN(alt->term.n, AM_LEN(filled)); t++)
            for (size_t s = 0; s < n && filled[t] < alt->term.v[t].count; s++)
                if (!used[s] && (alt->term.v[t].function[0] != 0) == named &&
                    fits(&l->key.v[key[s]].k, &alt->term.v[t])) {
                    used[s] = true;
                    filled[t]++;
                }
    jw_obj(w);
    jw_key(w, "terms");
    jw_arr(w);
    for (size_t t = 0; t < AM_MIN(alt->term.n, AM_LEN(filled)); t++) {
        jw_obj(w);
        jw_kstrz(w, "role", ledger_role_name(alt->term.v[t].role));
        jw_kstrz(w, "function", alt->term.v[t].function);
        jw_kint(w, "count", alt->term.v[t].count);
        jw_kint(w, "signed", filled[t]);
        jw_kint(w, "missing", (int64_t)alt->term.v[t].count - filled[t]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static void rule_json(const struct ledger *l, const struct ledger_rule *r,
                      const size_t *key, const uint64_t *index, size_t n, struct jw *w)
{
    jw_key(w, "any");
    jw_arr(w);
    for (size_t i = 0; r && i < r->any.n; i++)
        alternative_json(l, &r->any.v[i], key, n, w);
    jw_arr_end(w);
    jw_key(w, "signed");
    jw_arr(w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(w);
        key_json(&l->key.v[key[i]].k, w);
        jw_kint(w, "index", (int64_t)index[i]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

struct signing {
    const struct ledger *l;
    const struct ledger_statement_view *s;
    const uint8_t *payload;
    struct ledger_act plan;
};

/* The rule is the same whoever signs, but only a key of the directory can be judged: the
 * one the record names as its issuer first, then any. */
static int find_plan(struct signing *g, const uint8_t payload[32], struct diag *d)
{
    const struct json *issuer = json_get(g->s->record, "issuer");
    int err = AM_OK;
    for (int named = 1; named >= 0 && !g->plan.rule[0] && !err; named--)
        for (size_t i = 0; i < g->l->key.n && !g->plan.rule[0] && !err; i++) {
            const struct ledger_key *k = &g->l->key.v[i].k;
            bool is = json_str_is(json_get(issuer, "org_id"), k->org_id) &&
                      json_str_is(json_get(issuer, "role"), ledger_role_name(k->role));
            if (is != (bool)named || k->revoked)
                continue;
            if (d)
                diag_clear(d);
            err = ledger_try(g->l, g->s, payload, k->key_id, &g->plan, d);
        }
    return err;
}

/* Whoever signed is refused as a replay before any plan is made; the plan of a stranger's
 * payload of the same words is the same. */
static int plan_of(struct signing *g, struct diag *d)
{
    uint8_t other[32];
    int err = find_plan(g, g->payload, d);
    if (err || g->plan.rule[0])
        return err;
    memcpy(other, g->payload, sizeof other);
    other[0] ^= 1;
    return find_plan(g, other, NULL);
}

/* Judges every key the rule has a place for that has not signed. */
static int keys_json(const struct signing *g, const struct ledger_rule *r,
                     const size_t *key, size_t n, struct jw *w)
{
    size_t shown = 0;
    int err = AM_OK;
    jw_key(w, "keys");
    jw_arr(w);
    for (size_t i = 0; i < g->l->key.n && shown < KEYS_SHOWN && !err; i++) {
        const struct ledger_key *k = &g->l->key.v[i].k;
        struct ledger_act a;
        bool did = k->revoked || !has_place(&g->plan, r, k);
        for (size_t s = 0; s < n && !did; s++)
            did = key[s] == i;
        if (did)
            continue;
        err = ledger_try(g->l, g->s, g->payload, k->key_id, &a, NULL);
        if (err)
            break;
        shown++;
        jw_obj(w);
        key_json(k, w);
        jw_kbool(w, "may", !a.err);
        jw_kstrz(w, "code", a.err && a.o.code ? a.o.code : "ok");
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return err;
}

int ledger_signing_json(const struct ledger *l, struct str payload, struct jw *w,
                        struct diag *d)
{
    struct ledger_statement_view s;
    struct signing g = {.l = l, .s = &s};
    const struct ledger_rule *r;
    size_t key[LEDGER_SIGNERS], n;
    uint64_t index[LEDGER_SIGNERS], effect = 0;
    uint8_t digest[32];
    char hex[CRYPTO_HEX];
    int err = ledger_statement_parse(payload, str_c(l->type_base), &s, d);
    if (err)
        return err;
    crypto_sha256(payload, digest);
    g.payload = digest;
    n = signers_of(l, digest, key, index, &effect);
    err = plan_of(&g, d);
    r = ledger_rule_find(&l->policy->rules, g.plan.rule);
    jw_kstrz(w, "payload", crypto_hex(digest, sizeof digest, hex));
    jw_kstrz(w, "rule", g.plan.rule);
    jw_kstrz(w, "transition", g.plan.o.transition ? g.plan.o.transition : "");
    jw_kbool(w, "in_effect", effect != 0);
    if (effect != 0)
        jw_kint(w, "index", (int64_t)effect);
    rule_json(l, r, key, index, n, w);
    if (!err && effect == 0)
        err = keys_json(&g, r, key, n, w);
    ledger_statement_release(&s);
    return err;
}

/* Is this key one of those a decision names? Other texts name nobody. */
static bool may_be_listed(const struct ledger_statement_view *s,
                          const struct ledger_key *k)
{
    const struct json *list = json_get(s->record, "signers");
    bool found = s->kind != LEDGER_DECISION || !json_size(list);
    for (json_each(it, list))
        found |= json_str_is(json_get(it.val, "key_id"), k->key_id);
    return found;
}

/* Has anybody of that role a place? The record speaks for one of those who sign it. */
static bool role_has_place(const struct ledger_act *a, const struct ledger_rule *r,
                           enum ledger_role role)
{
    if ((a->also >> role) & 1)
        return true;
    for (size_t i = 0; r && i < r->any.n; i++)
        for (size_t t = 0; t < r->any.v[i].term.n; t++)
            if (r->any.v[i].term.v[t].role == role)
                return true;
    return !a->rule[0] || a->stands_for; /* no plan, or a node that speaks for a user */
}

/* It is about a thing that nobody has ever logged: no key will ever sign it as it is. */
static bool about_nothing(const struct ledger_act *a)
{
    static const char *const code[] = {"unknown_order", "unknown_case", "unknown_deposit",
                                       "unknown_sandbox"};
    bool found = false;
    for (size_t i = 0; i < AM_LEN(code); i++)
        found |= a->o.code && strcmp(a->o.code, code[i]) == 0;
    return found;
}

/* The record speaks for one of those who sign it: is it there already, or signing now? */
static bool issuer_signs(const struct ledger_act *a)
{
    const struct json *issuer = json_get(a->r, "issuer");
    bool found = a->stands_for;
    for (size_t s = 0; s < a->signers; s++) {
        const struct ledger_key *k = &a->l->key.v[a->signer[s].key].k;
        found |= json_str_is(json_get(issuer, "org_id"), k->org_id) &&
                 json_str_is(json_get(issuer, "role"), ledger_role_name(k->role));
    }
    return found;
}

/* One key: may it sign (*may)? What stands against the first that has a place is kept.
 */
static int try_key(const struct signing *g, const struct ledger_key *k, bool *may,
                   bool *said, struct diag *kept)
{
    struct ledger_act a;
    struct diag mine;
    diag_init(&mine);
    int err = ledger_try(g->l, g->s, g->payload, k->key_id, &a, &mine);
    *may = !err && !a.err && issuer_signs(&a);
    const struct ledger_rule *r = ledger_rule_find(&g->l->policy->rules, a.rule);
    if (!err && a.err && !*said && may_be_listed(g->s, k) &&
        (has_place(&a, r, k) || !role_has_place(&a, r, k->role) || about_nothing(&a))) {
        *said = true;
        diag_merge(kept, &mine, "");
    }
    diag_release(&mine);
    return err;
}

/* A decision waits for everybody it names: were they all to sign, would it take effect?
 */
static int check_quorum(const struct ledger *l, const struct ledger_statement_view *s,
                        struct str payload, struct diag *d)
{
    const struct json *list = json_get(s->record, "signers");
    char key_id[LEDGER_TOGETHER][CRYPTO_HEX];
    struct ledger_outcome o;
    size_t n = json_size(list);
    int err;
    if (s->kind != LEDGER_DECISION || !n || n > LEDGER_TOGETHER)
        return AM_OK;
    for (json_each(it, list))
        snprintf(key_id[it.i], CRYPTO_HEX, "%.*s",
                 STR_FMT(json_get_str(it.val, "key_id")));
    err = ledger_admit_together(l, payload, key_id, n, &o, NULL);
    if (err || o.effect != LEDGER_WAITING_SIGNERS)
        return err == AM_E_NOMEM ? err : AM_OK; /* what else stands against it is said */
    if (d)
        diag_err(d, "/signers", "signing.too_few",
                 "those it names are not enough to decide it");
    return AM_E_INVALID;
}

int ledger_signable(const struct ledger *l, struct str payload, struct diag *d)
{
    struct ledger_statement_view s;
    struct signing g = {.l = l, .s = &s};
    uint8_t digest[32];
    bool may = false, said = false;
    struct diag kept;
    int err = ledger_statement_parse(payload, str_c(l->type_base), &s, d);
    if (err)
        return err;
    diag_init(&kept);
    crypto_sha256(payload, digest);
    g.payload = digest;
    const struct json *issuer = json_get(s.record, "issuer");
    for (int named = 1; named >= 0 && !may && !err && (named || said); named--)
        for (size_t i = 0; i < l->key.n && !may && !err; i++) {
            const struct ledger_key *k = &l->key.v[i].k;
            bool is = json_str_is(json_get(issuer, "org_id"), k->org_id) &&
                      json_str_is(json_get(issuer, "role"), ledger_role_name(k->role));
            if (!k->revoked && is == (bool)named)
                err = try_key(&g, k, &may, &said, &kept);
        }
    if (!err && !may && said) {
        err = AM_E_INVALID;
        if (d)
            diag_merge(d, &kept, "");
    }
    if (!err && may)
        err = check_quorum(l, &s, payload, d);
    diag_release(&kept);
    ledger_statement_release(&s);
    return err;
}

static bool completed(const struct ledger *l, uint64_t i)
{
    do {
        if (ledger_outcome_of(l, &l->entry.v[i])->effect == LEDGER_IN_EFFECT)
            return true;
        i = l->entry.v[i].next;
    } while (i);
    return false;
}

size_t ledger_waiting(const struct ledger *l, uint64_t *index, size_t max)
{
    uint64_t end =
        l->entry.n > LEDGER_WAITING_BACK ? l->entry.n - LEDGER_WAITING_BACK : 0;
    size_t n = 0;
    for (uint64_t i = l->entry.n; i > end && n < max; i--) {
        const struct ledger_entry *e = &l->entry.v[i - 1];
        if (ledger_outcome_of(l, e)->effect != LEDGER_WAITING_SIGNERS ||
            ledger_first_of(l, e->payload) != i - 1 || completed(l, i - 1))
            continue;
        index[n++] = i - 1;
    }
    return n;
}
