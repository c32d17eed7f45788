/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_escrow -- deposits with a third party and their release (lifecycle.md 10).
 *
 * A receipt names every file deposited. From level 1 on, the weights must be those of the
 * version and the data those of its training and validation manifests: one number in four
 * places. A newer receipt of the same deposit takes the place of the older one. */
#include "ledger/ledger_priv.h"

enum { FILES_MAX = 1000, PATH_MAX_B = 300, LEVEL_MAX = 3, CONDITIONS_MAX = 20 };

static const char *const item_name[] = {
#define X(id, name) name,
    LEDGER_ESCROW_ITEM_MAP(X)
#undef X
};
enum escrow_item {
#define X(id, name) ITEM_##id,
    LEDGER_ESCROW_ITEM_MAP(X)
#undef X
        ITEM_COUNT
};
static const char *const release_name[] = {
#define X(id, name) name,
    LEDGER_RELEASE_MAP(X)
#undef X
};
enum release {
#define X(id, name) RELEASE_##id,
    LEDGER_RELEASE_MAP(X)
#undef X
        RELEASE_COUNT
};

const char *ledger_release_name(unsigned i)
{
    return i < AM_LEN(release_name) ? release_name[i] : NULL;
}

static size_t find_name(const char *const *name, size_t n, struct str s)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqc(s, name[i]))
            return i;
    return n;
}

/* ---- the manifest ---------------------------------------------------------------- */
/* A path inside the deposit: relative, no step up, no control character. */
static bool path_ok(struct str s)
{
    struct str rest = s;
    if (!s.n || s.p[0] == '/' || !ledger_fits(s, PATH_MAX_B))
        return false;
    while (rest.n)
        if (str_eqc(str_cut(rest, '/', &rest), ".."))
            return false;
    return true;
}

static bool path_twice(const struct json *items, size_t i)
{
    struct str path = json_get_str(json_at(items, i), "path");
    for (json_each(it, items))
        if (it.i >= i)
            return false;
        else if (str_eq(json_get_str(it.val, "path"), path))
            return true;
    return false;
}

static void check_items(struct ledger_act *a)
{
    const struct json *items = json_get(a->r, "items");
    unsigned seen = 0;
    uint8_t digest[32];
    if (json_size(items) > FILES_MAX) {
        ledger_refuse(a, CODE_BAD_RECORD, "/items", "more than %d files", FILES_MAX);
        return;
    }
    for (json_each(it, items)) {
        size_t k = find_name(item_name, ITEM_COUNT, json_get_str(it.val, "item"));
        const struct json *size = json_get(it.val, "size");
        char path[32];
        snprintf(path, sizeof path, "/items/%zu", it.i);
        if (k == ITEM_COUNT || json_size(it.val) != 4 ||
            !path_ok(json_get_str(it.val, "path")) ||
            !ledger_unhex(json_get(it.val, "sha256"), digest) || !json_is_int(size) ||
            json_int(size, -1) < 0)
            ledger_refuse(a, CODE_BAD_RECORD, path, "{item, path, sha256, size}");
        else if (path_twice(items, it.i))
            ledger_refuse(a, CODE_BAD_RECORD, path, "two files have this path");
        seen |= 1U << k;
    }
    for (size_t k = 0; k < ITEM_COUNT; k++)
        ledger_guard(a, (seen >> k) & 1, GUARD_ESCROW_ITEMS, "/items", "no %s",
                     item_name[k]);
}

static int check_manifest(struct ledger_act *a)
{
    uint8_t named[32], found[32];
    struct buf canon;
    int err;
    buf_init(&canon, LEDGER_PAYLOAD_MAX);
    err = json_canon(&canon, json_get(a->r, "items"));
    if (!err) {
        crypto_sha256(buf_str(&canon), found);
        ledger_guard(a,
                     ledger_unhex(json_get(a->r, "manifest_sha256"), named) &&
                         memcmp(named, found, 32) == 0,
                     GUARD_ESCROW_MANIFEST, "/manifest_sha256",
                     "not the digest of the canonical form of items");
    }
    buf_release(&canon);
    return err == AM_E_NOMEM ? err : AM_OK;
}

static bool deposited(const struct ledger_act *a, enum escrow_item k, struct str sha256,
                      const struct json *size)
{
    for (json_each(it, json_get(a->r, "items")))
        if (json_str_is(json_get(it.val, "item"), item_name[k]) &&
            str_eq(json_get_str(it.val, "sha256"), sha256) &&
            (!size || json_equal(json_get(it.val, "size"), size)))
            return true;
    return false;
}

static void check_data(struct ledger_act *a, const struct json *record,
                       const char *member)
{
    for (json_each(it, json_get(record, member)))
        ledger_guard(
            a, deposited(a, ITEM_DATA, json_get_str(it.val, "manifest_sha256"), NULL),
            GUARD_ESCROW_DIGESTS, "/items", "%s/%zu is not in the deposit", member, it.i);
}

/* Level 1: what is deposited is what was declared. */
static int check_digests(struct ledger_act *a, const struct ledger_verrec *v)
{
    struct ledger_statement_view s;
    int err = ledger_load(a->l, v->v.declared.payload, &s);
    if (err)
        return err;
    for (json_each(it, json_get(s.record, "artifacts")))
        if (json_str_is(json_get(it.val, "role"), "weights"))
            ledger_guard(a,
                         deposited(a, ITEM_WEIGHTS, json_get_str(it.val, "sha256"),
                                   json_get(it.val, "size")),
                         GUARD_ESCROW_DIGESTS, "/items",
                         "artifacts/%zu is not in the deposit", it.i);
    check_data(a, s.record, "training_data");
    check_data(a, s.record, "validation_data");
    ledger_statement_release(&s);
    return AM_OK;
}

static unsigned check_conditions(struct ledger_act *a)
{
    const struct json *list = json_get(a->r, "conditions");
    unsigned bits = 0;
    bool ok = json_size(list) > 0 && json_size(list) <= CONDITIONS_MAX;
    for (json_each(it, list)) {
        size_t k = find_name(release_name, RELEASE_COUNT, json_str(it.val));
        ok &= k < RELEASE_COUNT;
        bits |= 1U << k;
    }
    if (!ok)
        ledger_refuse(a, CODE_BAD_RECORD, "/conditions", "when it may be released");
    return bits;
}

/* ---- receipt --------------------------------------------------------------------- */
/* The deposit a receipt renews, or LEDGER_NONE. */
static size_t renewed(const struct ledger_act *a, const struct ledger_verrec *v)
{
    for (size_t i = 0; i < v->deposit.n; i++)
        if (str_eqc(json_get_str(a->r, "deposit_id"),
                    a->l->deposit.v[v->deposit.v[i]].deposit_id))
            return v->deposit.v[i];
    return LEDGER_NONE;
}

static void fill_deposit(const struct ledger_act *a, unsigned conditions,
                         struct ledger_deposit *e)
{
    *e = (struct ledger_deposit){.conditions = conditions, .index = a->index};
    memcpy(e->receipt, a->s->record_sha256, 32);
    memcpy(e->payload, a->payload, 32);
    (void)ledger_unhex(json_get(a->r, "model_digest"), e->model_digest);
    (void)ledger_unhex(json_get(a->r, "manifest_sha256"), e->manifest);
    ledger_copy(e->deposit_id, sizeof e->deposit_id, json_get_str(a->r, "deposit_id"));
    ledger_copy(e->agent, sizeof e->agent, str_c(ledger_signer_key(a)->org_id));
    e->level = (unsigned)json_int(json_get(a->r, "level"), 0);
    e->files = json_size(json_get(a->r, "items"));
    e->deposited_at = ledger_time(json_get(a->r, "deposited_at"));
}

static int commit_receipt(struct ledger_act *a, size_t old, unsigned conditions)
{
    struct ledger *l = a->l;
    struct ledger_verrec *v = &l->version.v[a->order];
    struct str key = {(const char *)a->s->record_sha256, 32};
    int err = map_set(&l->by_deposit, key, old != LEDGER_NONE ? old : l->deposit.n);
    if (!err && old == LEDGER_NONE)
        err = vec_room(&v->deposit);
    if (!err && old == LEDGER_NONE)
        err = ledger_list_room(l, LEDGER_DEPOSITS_OF_MODEL, ledger_model(v));
    if (!err && old == LEDGER_NONE)
        err = vec_room(&l->deposit);
    if (err)
        return err;
    if (old == LEDGER_NONE) {
        v->deposit.v[v->deposit.n++] = l->deposit.n;
        ledger_list_join(l, LEDGER_DEPOSITS_OF_MODEL, ledger_model(v));
        old = l->deposit.n++;
    }
    fill_deposit(a, conditions, &l->deposit.v[old]);
    return AM_OK;
}

static int receipt(struct ledger_act *a)
{
    const struct ledger_verrec *v = &a->l->version.v[a->order];
    const struct ledger_key *me = ledger_signer_key(a);
    size_t old = renewed(a, v);
    unsigned conditions = check_conditions(a);
    int err;
    check_items(a);
    if (a->err)
        return AM_OK;
    err = check_manifest(a);
    if (!err && json_int(json_get(a->r, "level"), 0) > 0)
        err = check_digests(a, v);
    if (err)
        return err;
    if (old != LEDGER_NONE) {
        const struct ledger_deposit *e = &a->l->deposit.v[old];
        if (strcmp(e->agent, me->org_id) != 0)
            ledger_refuse(a, CODE_WRONG_ORGANISATION, "/deposit_id", "held by %s",
                          e->agent);
        ledger_guard(a, !e->ordered, GUARD_RELEASED, "/deposit_id",
                     "its release was ordered at entry %llu",
                     (unsigned long long)e->ordered);
    }
    return ledger_stopped_here(a) ? AM_OK : commit_receipt(a, old, conditions);
}

void ledger_plan_receipt(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    int64_t at = ledger_time(json_get(a->r, "deposited_at"));
    uint8_t digest[32];
    a->order = ledger_unhex(json_get(a->r, "model_digest"), digest)
                   ? ledger_find_version(a->l, digest)
                   : LEDGER_NONE;
    if (a->order == LEDGER_NONE) {
        ledger_refuse(a, CODE_UNKNOWN_VERSION, "/model_digest", "never declared");
        return;
    }
    if (!ledger_code_ok(json_get_str(a->r, "deposit_id")))
        ledger_refuse(a, CODE_BAD_RECORD, "/deposit_id", "a code");
    if (json_int(json_get(a->r, "level"), 0) > LEVEL_MAX)
        ledger_refuse(a, CODE_BAD_RECORD, "/level", "0 to %d", LEVEL_MAX);
    if (at > a->s->issued_at)
        ledger_refuse(a, CODE_BAD_RECORD, "/deposited_at", "after its receipt");
    ledger_guard(a, strcmp(me->org_id, a->l->version.v[a->order].v.org_id) != 0,
                 GUARD_VENDOR_SIGNS, "/issuer/org_id", "the developer is no third party");
    ledger_copy(a->rule, sizeof a->rule, STR("escrow_receipt"));
    a->apply = receipt;
}

/* ---- release --------------------------------------------------------------------- */
/* A serious case that nobody corrected although the term has passed. */
static bool uncorrected(const struct ledger_act *a, const uint8_t digest[32])
{
    size_t i = ledger_find_version(a->l, digest);
    for (size_t c = 0; i != LEDGER_NONE && c < a->l->version.v[i].vigilance.n; c++) {
        const struct ledger_case *k =
            &a->l->vigilance.v[a->l->version.v[i].vigilance.v[c]];
        if (k->severity >= LEDGER_SERIOUS && !k->closed_at &&
            a->s->issued_at > k->answer_due_at)
            return true;
    }
    return false;
}

static int order(struct ledger_act *a)
{
    struct ledger_deposit *e = &a->l->deposit.v[a->order];
    struct str name = json_get_str(a->r, "condition");
    size_t k = find_name(release_name, RELEASE_COUNT, name);
    ledger_guard(a, k < RELEASE_COUNT && ((e->conditions >> k) & 1),
                 GUARD_RELEASE_CONDITION, "/condition", "not agreed in the receipt");
    ledger_guard(a, k != RELEASE_VIGILANCE || uncorrected(a, e->model_digest),
                 GUARD_RELEASE_CONDITION, "/condition",
                 "no serious case is open past the term of its answer");
    ledger_guard(a, ledger_code_ok(json_get_str(a->r, "beneficiary")),
                 GUARD_RELEASE_CONDITION, "/beneficiary", "who maintains it from now on");
    ledger_guard(a, !e->ordered, GUARD_RELEASED, "/deposit", "ordered at entry %llu",
                 (unsigned long long)e->ordered);
    if (ledger_stopped_here(a))
        return AM_OK;
    ledger_copy(e->condition, sizeof e->condition, name);
    ledger_copy(e->beneficiary, sizeof e->beneficiary, json_get_str(a->r, "beneficiary"));
    memcpy(e->order, a->s->record_sha256, 32);
    e->ordered = a->index;
    return AM_OK;
}

static int execute(struct ledger_act *a)
{
    struct ledger_deposit *e = &a->l->deposit.v[a->order];
    uint8_t named[32];
    if (strcmp(ledger_signer_key(a)->org_id, e->agent) != 0)
        ledger_refuse(a, CODE_WRONG_ORGANISATION, "/issuer/org_id", "held by %s",
                      e->agent);
    if (!e->ordered || !ledger_unhex(json_get(a->r, "order"), named) ||
        memcmp(named, e->order, 32) != 0)
        ledger_refuse(a, CODE_UNKNOWN_ORDER, "/order", "no such order for this deposit");
    ledger_guard(a, !e->executed, GUARD_RELEASED, "/deposit", "released at entry %llu",
                 (unsigned long long)e->executed);
    if (!ledger_stopped_here(a))
        e->executed = a->index;
    return AM_OK;
}

void ledger_plan_release(struct ledger_act *a)
{
    struct str step = json_get_str(a->r, "step");
    uint8_t receipt_sha256[32], digest[32];
    bool ordering = str_eqc(step, "order");
    a->order = ledger_unhex(json_get(a->r, "deposit"), receipt_sha256)
                   ? ledger_find_deposit(a->l, receipt_sha256)
                   : LEDGER_NONE;
    if (!ordering && !str_eqc(step, "execute")) {
        ledger_refuse(a, CODE_BAD_RECORD, "/step", "order or execute");
        return;
    }
    if (a->order == LEDGER_NONE ||
        !ledger_unhex(json_get(a->r, "model_digest"), digest) ||
        memcmp(digest, a->l->deposit.v[a->order].model_digest, 32) != 0) {
        ledger_refuse(a, CODE_UNKNOWN_DEPOSIT, "/deposit",
                      "not the newest receipt of a deposit of this version");
        return;
    }
    ledger_copy(a->rule, sizeof a->rule,
                ordering ? STR("escrow_release.order") : STR("escrow_release.execute"));
    a->apply = ordering ? order : execute;
}

/* ---- derived --------------------------------------------------------------------- */
const struct ledger_deposit *ledger_deposit_of(const struct ledger *l,
                                               const uint8_t model_digest[32])
{
    size_t i = ledger_find_version(l, model_digest);
    const struct ledger_deposit *best = NULL;
    for (size_t k = 0; i != LEDGER_NONE && k < l->version.v[i].deposit.n; k++) {
        const struct ledger_deposit *e = &l->deposit.v[l->version.v[i].deposit.v[k]];
        if (!best || e->level > best->level)
            best = e;
    }
    return best;
}
