/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_rule -- who must sign: rules from the policy, defaults from the table.
 *
 * A rule is a list of alternatives; an alternative is a list of terms {role, function?,
 * count}. It holds when every place of every term can be given to a different signer. */
#include "ledger/ledger_priv.h"

enum { PLACES = 24, TERMS = 12, ALTERNATIVES = 32 };

const char *const ledger_default_rules[][2] = {
#define X(name, text) {name, text},
    LEDGER_RULE_MAP(X)
#undef X
};
const size_t ledger_default_rules_n = AM_LEN(ledger_default_rules);

static void rule_release(struct ledger_rule *r)
{
    for (size_t i = 0; i < r->any.n; i++)
        vec_release(&r->any.v[i].term);
    vec_release(&r->any);
}

void ledger_rules_release(struct ledger_rules *r)
{
    for (size_t i = 0; i < r->rule.n; i++)
        rule_release(&r->rule.v[i]);
    vec_release(&r->rule);
    map_release(&r->by_name);
}

/* ---- "role/function*count + ... | ..." ------------------------------------------------
 */
static int term_parse(struct str text, struct ledger_term *t)
{
    struct str count, function, head = str_cut(str_trim(text), '*', &count);
    int64_t n = 1;
    head = str_cut(head, '/', &function);
    *t = (struct ledger_term){0};
    ledger_copy(t->function, sizeof t->function, str_trim(function));
    if (count.n && str_int(str_trim(count), 1, PLACES, &n))
        return AM_E_INVALID;
    t->count = (unsigned)n;
    return ledger_role_parse(str_trim(head), &t->role);
}

static int default_rule(const char *text, struct ledger_rule *r)
{
    struct str any = str_c(text);
    while (any.n) {
        struct str all = str_cut(any, '|', &any);
        struct ledger_alternative alt = {0};
        int err = AM_OK;
        while (all.n && !err) {
            struct ledger_term t;
            err = term_parse(str_cut(all, '+', &all), &t);
            am_assert(err == AM_OK); /* the table is ours */
            err = vec_push(&alt.term, t);
        }
        if (!err)
            err = vec_push(&r->any, alt);
        if (err) {
            vec_release(&alt.term);
            return err;
        }
    }
    return AM_OK;
}

/* ---- the policy's JSON ----------------------------------------------------------------
 */
static bool system_may(struct str rule)
{
    struct str rest = STR(LEDGER_SYSTEM_RULES),
               base = str_cut(rule, '.', &(struct str){0});
    while (rest.n)
        if (str_eq(str_cut(rest, ' ', &rest), base))
            return true;
    return false;
}

static int problem(struct diag *d, const char *path, const char *code, const char *detail)
{
    diag_err(d, path, code, "%s", detail);
    return AM_E_INVALID;
}

static int json_term(const struct json *v, struct str rule, struct ledger_term *t,
                     const char *path, struct diag *d)
{
    const struct json *count = json_get(v, "count");
    *t = (struct ledger_term){.count = 1};
    if (ledger_role_parse(json_get_str(v, "role"), &t->role))
        return problem(d, path, "policy.role", "unknown role");
    if (t->role == LEDGER_SYSTEM && !system_may(rule))
        return problem(d, path, "policy.system_raises", "system may only restrict (I11)");
    if (!ledger_fits(json_get_str(v, "function"), sizeof t->function))
        return problem(d, path, "policy.function", "too long");
    ledger_copy(t->function, sizeof t->function, json_get_str(v, "function"));
    if (count && (json_int(count, 0) < 1 || json_int(count, 0) > PLACES))
        return problem(d, path, "policy.count", "1 to 24");
    t->count = (unsigned)json_int(count, 1);
    return AM_OK;
}

static int json_alternative(const struct json *v, struct str rule, struct ledger_rule *r,
                            const char *path, struct diag *d)
{
    struct ledger_alternative alt = {0};
    size_t places = 0;
    int err = AM_OK;
    if (json_type(v) != JSON_ARRAY || !json_size(v) || json_size(v) > TERMS)
        return problem(d, path, "policy.rule", "a list of 1 to 12 terms");
    for (json_each(it, v)) {
        struct ledger_term t;
        err = json_term(it.val, rule, &t, path, d);
        if (!err)
            err = vec_push(&alt.term, t);
        if (err)
            break;
        places += t.count;
    }
    if (!err && places > PLACES)
        err = problem(d, path, "policy.rule", "more than 24 signers");
    if (!err)
        err = vec_push(&r->any, alt);
    if (err)
        vec_release(&alt.term);
    return err;
}

static int json_rule(const struct json *v, struct str name, struct ledger_rule *r,
                     struct diag *d)
{
    char path[80];
    snprintf(path, sizeof path, "/signing/%.*s", STR_FMT(name));
    if (json_type(json_at(v, 0)) != JSON_ARRAY)
        return json_alternative(v, name, r, path, d);
    if (json_size(v) > ALTERNATIVES)
        return problem(d, path, "policy.rule", "at most 32 alternatives");
    for (json_each(it, v)) {
        int err = json_alternative(it.val, name, r, path, d);
        if (err)
            return err;
    }
    return AM_OK;
}

/* Policy rules and defaults live in one map, told apart by a first letter. */
static int rule_add(struct ledger_rules *rules, char origin, struct ledger_rule *r)
{
    char key[sizeof r->name + 1];
    int err;
    snprintf(key, sizeof key, "%c%s", origin, r->name);
    err = map_set(&rules->by_name, str_c(key), rules->rule.n);
    if (!err)
        err = vec_push(&rules->rule, *r);
    if (err)
        rule_release(r);
    return err;
}

int ledger_rules_new(struct ledger_rules *out, const struct json *signing, struct diag *d)
{
    struct ledger_rules rules = {0};
    int err = AM_OK;
    map_init(&rules.by_name);
    for (json_each(it, signing)) {
        struct ledger_rule r = {0};
        if (!ledger_fits(it.key, sizeof r.name)) {
            err = problem(d, "/signing", "policy.rule", "name too long");
            break;
        }
        ledger_copy(r.name, sizeof r.name, it.key);
        err = json_rule(it.val, it.key, &r, d);
        if (err)
            rule_release(&r);
        else
            err = rule_add(&rules, 'p', &r);
        if (err)
            break;
    }
    for (size_t i = 0; !err && i < ledger_default_rules_n; i++) {
        struct ledger_rule r = {0};
        ledger_copy(r.name, sizeof r.name, str_c(ledger_default_rules[i][0]));
        err = default_rule(ledger_default_rules[i][1], &r);
        if (err)
            rule_release(&r);
        else
            err = rule_add(&rules, 'd', &r);
    }
    if (err) {
        ledger_rules_release(&rules);
        return err;
    }
    *out = rules;
    return AM_OK;
}

const struct ledger_rule *ledger_rule_find(const struct ledger_rules *r, const char *name)
{
    static const char origin[] = "pd";
    struct str rest, base = str_cut(str_c(name), '.', &rest);
    for (size_t i = 0; origin[i]; i++)
        for (int whole = 1; whole >= 0; whole--) {
            char key[64];
            size_t at;
            snprintf(key, sizeof key, "%c%.*s", origin[i],
                     whole ? (int)strlen(name) : (int)base.n, name);
            if (!map_get(&r->by_name, str_c(key), &at))
                return &r->rule.v[at];
        }
    return NULL;
}

/* ---- judging --------------------------------------------------------------------------
 */
/* A node signs for the user who pressed stop: the user's role is what counts. */
static enum ledger_role role_of(const struct ledger_act *a, const struct ledger_key *k)
{
    return k->role == LEDGER_SYSTEM && a->stands_for ? a->stands_for : k->role;
}

static bool fits_term(const struct ledger_act *a, const struct ledger_key *k,
                      const struct ledger_term *t)
{
    return role_of(a, k) == t->role &&
           (!t->function[0] || strcmp(t->function, k->function) == 0);
}

static const struct ledger_key *key_of(const struct ledger_act *a, size_t signer)
{
    return &a->l->key.v[a->signer[signer].key].k;
}

/* Gives place p to a signer, moving others along an augmenting path (Kuhn). */
static bool place_give(const struct ledger_act *a, const struct ledger_term *const *place,
                       size_t p, bool *seen, size_t *held)
{
    for (size_t s = 0; s < a->signers; s++) {
        if (seen[s] || !fits_term(a, key_of(a, s), place[p]))
            continue;
        seen[s] = true;
        if (held[s] == LEDGER_NONE || place_give(a, place, held[s], seen, held)) {
            held[s] = p;
            return true;
        }
    }
    return false;
}

static bool alternative_holds(const struct ledger_act *a,
                              const struct ledger_alternative *alt)
{
    const struct ledger_term *place[PLACES];
    size_t n = 0, held[LEDGER_SIGNERS];
    for (size_t t = 0; t < alt->term.n; t++)
        for (unsigned c = 0; c < alt->term.v[t].count && n < PLACES; c++)
            place[n++] = &alt->term.v[t];
    for (size_t s = 0; s < LEDGER_SIGNERS; s++)
        held[s] = LEDGER_NONE;
    for (size_t p = 0; p < n; p++) {
        bool seen[LEDGER_SIGNERS] = {false};
        if (!place_give(a, place, p, seen, held))
            return false;
    }
    return true;
}

static bool of_one_house(enum ledger_role r)
{
    enum ledger_place p = ledger_role_place(r);
    return p == LEDGER_LOCAL || p == LEDGER_USER;
}

/* Two roles asked are two organisations, unless both belong to one establishment (I13).
 */
static void check_organisations(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    for (size_t s = 0; s < a->signers; s++) {
        const struct ledger_key *k = key_of(a, s);
        if (k->role != me->role && strcmp(k->org_id, me->org_id) == 0 &&
            !(of_one_house(k->role) && of_one_house(me->role)))
            ledger_refuse(a, CODE_SAME_ORGANISATION, "/issuer/org_id",
                          "%s and %s of one organisation", ledger_role_name(k->role),
                          ledger_role_name(me->role));
    }
}

/* The record speaks for one of those who sign it. */
static void check_issuer(struct ledger_act *a)
{
    const struct json *issuer = json_get(a->r, "issuer");
    struct str role = json_get_str(issuer, "role"), org = json_get_str(issuer, "org_id");
    for (size_t s = 0; s < a->signers; s++)
        if (str_eqc(role, ledger_role_name(key_of(a, s)->role)) &&
            str_eqc(org, key_of(a, s)->org_id))
            return;
    ledger_refuse(a, CODE_ISSUER_MISMATCH, "/issuer", "none of the signers");
}

/* A decision lists its signers: nobody else signs, and it waits for all of them. */
static bool check_listed(struct ledger_act *a)
{
    const struct json *list = json_get(a->r, "signers");
    const struct ledger_key *me = ledger_signer_key(a);
    bool found = false;
    if (a->s->kind != LEDGER_DECISION)
        return true;
    for (json_each(it, list))
        found |= json_str_is(json_get(it.val, "key_id"), me->key_id) &&
                 json_str_is(json_get(it.val, "role"), ledger_role_name(me->role)) &&
                 json_str_is(json_get(it.val, "org_id"), me->org_id);
    if (!found)
        ledger_refuse(a, CODE_NOT_LISTED, "/signers", "%s is not one of them",
                      me->key_id);
    return json_size(list) == a->signers;
}

void ledger_rule_judge(struct ledger_act *a)
{
    const struct ledger_rule *r = ledger_rule_find(&a->l->policy->rules, a->rule);
    const struct ledger_key *me = ledger_signer_key(a);
    bool mine = (a->also >> me->role) & 1, holds = false, listed;
    for (size_t i = 0; r && i < r->any.n; i++) {
        const struct ledger_alternative *alt = &r->any.v[i];
        for (size_t t = 0; t < alt->term.n; t++)
            mine |= fits_term(a, me, &alt->term.v[t]);
        holds |= alternative_holds(a, alt);
    }
    if (!mine) {
        ledger_refuse(a, CODE_WRONG_ROLE, "/issuer/role", "%s%s%s may not sign %s",
                      ledger_role_name(me->role), *me->function ? "/" : "", me->function,
                      a->rule);
        return;
    }
    check_organisations(a);
    listed = check_listed(a);
    if (a->err)
        return;
    if (holds && listed)
        check_issuer(a);
    else
        a->waiting = true;
}
