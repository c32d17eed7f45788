/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_event -- who plans which event; policy changes and node checkpoints. */
#include "ledger/ledger_priv.h"

enum { COUNTS_MAX = 10000 };

void ledger_plan_event(struct ledger_act *a)
{
    static const struct {
        const char *type;
        void (*plan)(struct ledger_act *);
    } table[] = {
        {"admissibility", ledger_plan_v},
        {"assignment", ledger_plan_v},
        {"expiry", ledger_plan_v},
        {"archive", ledger_plan_v},
        {"stop", ledger_plan_stop},
        {"stop_ack", ledger_plan_ack},
        {"stop_lift", ledger_plan_lift},
        {"key_grant", ledger_plan_grant},
        {"key_revoke", ledger_plan_revoke},
        {"node_checkpoint", ledger_plan_node},
        {"policy_change", ledger_plan_policy},
        {"vigilance", ledger_plan_vigilance},
        {"vigilance_followup", ledger_plan_followup},
        {"escrow_receipt", ledger_plan_receipt},
        {"escrow_release", ledger_plan_release},
        {"sandbox_open", ledger_plan_sandbox},
        {"sandbox_extension", ledger_plan_sandbox_extension},
        {"sandbox_report", ledger_plan_sandbox_report},
        {"tender_check", ledger_plan_tender},
        {"stop_motive", ledger_plan_motive},
    };
    enum ledger_fact_kind fact;
    for (size_t i = 0; i < AM_LEN(table); i++)
        if (str_eqc(a->s->event_type, table[i].type)) {
            table[i].plan(a);
            return;
        }
    if (ledger_fact_kind(a->s->event_type, &fact)) {
        ledger_plan_fact(a);
        return;
    }
    ledger_refuse(a, CODE_SECOND_GENESIS, "/type", "a log begins once");
}

/* ---- policy_change --------------------------------------------------------------- */
static int change_policy(struct ledger_act *a)
{
    struct ledger *l = a->l;
    struct ledger_policy *next;
    uint8_t digest[32], previous[32];
    int err;
    ledger_guard(a,
                 ledger_unhex(json_get(a->r, "previous_sha256"), previous) &&
                     memcmp(previous, l->policy->digest, 32) == 0,
                 GUARD_POLICY, "/previous_sha256", "not the policy in force");
    if (!ledger_unhex(json_get(a->r, "policy_sha256"), digest) || a->err)
        return AM_OK;
    err = ledger_policy_load(l, digest, &next, a->d);
    if (err == AM_E_INVALID) {
        ledger_guard(a, false, GUARD_POLICY_FILE, "/policy_sha256", "does not hold");
        return AM_OK;
    }
    if (err)
        return err;
    if (ledger_stopped_here(a)) {
        ledger_policy_free(next);
        return AM_OK;
    }
    ledger_policy_free(l->policy);
    l->policy = next;
    return AM_OK;
}

void ledger_plan_policy(struct ledger_act *a)
{
    ledger_copy(a->rule, sizeof a->rule, STR("policy_change"));
    a->apply = change_policy;
}

/* ---- node_checkpoint: the log of logs -------------------------------------------- */
static int read_proof(const struct json *list, struct tlog_proof *p)
{
    p->n = 0;
    if (json_size(list) > TLOG_PROOF_MAX)
        return AM_E_SYNTAX;
    for (json_each(it, list)) {
        int err = ledger_hash_read(it.val, &p->node[p->n]);
        if (err)
            return err;
        p->n++;
    }
    return AM_OK;
}

/* A node never shrinks and never rewrites: every step is joined by a consistency proof.
 */
static int check_growth(struct ledger_act *a, const struct tlog_checkpoint *last,
                        const struct tlog_checkpoint *next)
{
    struct tlog_proof proof;
    int64_t previous = json_int(json_get(a->r, "previous_size"), -1);
    int err = read_proof(json_get(a->r, "proof"), &proof);
    if (err == AM_E_NOMEM)
        return err;
    ledger_guard(a, previous >= 0 && (uint64_t)previous == last->size,
                 GUARD_NODE_SEQUENCE, "/previous_size", "the log knows %llu",
                 (unsigned long long)last->size);
    if (a->err)
        return AM_OK;
    if (!err && next->size >= last->size && last->size)
        err = next->size == last->size
                  ? (memcmp(&next->root, &last->root, sizeof next->root) || proof.n
                         ? AM_E_TAMPERED
                         : AM_OK)
                  : tlog_verify_consistency(&proof, last->size, &last->root, next->size,
                                            &next->root);
    else if (!err && last->size == 0)
        err = proof.n ? AM_E_TAMPERED : AM_OK;
    ledger_guard(a, !err && next->size >= last->size, GUARD_NODE_REWROTE, "/proof",
                 "not an extension of the %llu entries known",
                 (unsigned long long)last->size);
    return AM_OK;
}

static void check_counts(struct ledger_act *a)
{
    const struct json *counts = json_get(a->r, "counts");
    bool ok = json_size(counts) <= COUNTS_MAX;
    for (json_each(it, counts)) {
        const struct json *n = json_get(it.val, "predictions");
        ok &= json_get_str(it.val, "deployment").n > 0 &&
              (json_type(n) == JSON_NULL ||
               (json_is_int(n) && json_int(n, 0) >= a->l->policy->k_min));
    }
    ledger_guard(a, ok, GUARD_K_MIN, "/counts", "a count under %lld is null",
                 (long long)a->l->policy->k_min);
}

/* The newest count of each deployment of the node's region; a hidden one stays as it was.
 */
static void commit_counts(struct ledger_act *a)
{
    const struct ledger_key *me = ledger_signer_key(a);
    for (json_each(it, json_get(a->r, "counts"))) {
        size_t i = ledger_find_deployment(a->l, json_get_str(it.val, "deployment"));
        const struct json *n = json_get(it.val, "predictions");
        struct ledger_deployment *p;
        struct ledger_verrec *v;
        if (i == LEDGER_NONE || !json_is_int(n))
            continue;
        p = &a->l->deployment.v[i].p;
        if (strcmp(p->gst, ledger_region(me)) != 0 || (uint64_t)json_int(n, 0) <= p->uses)
            continue;
        p->uses = (uint64_t)json_int(n, 0);
        v = &a->l->version.v[ledger_find_version(a->l, p->model_digest)];
        v->last_at = AM_MAX(v->last_at, a->s->issued_at); /* V19 counts from the use */
    }
}

static bool same_vkey(const struct tlog_vkey *a, const struct tlog_vkey *b)
{
    return strcmp(a->name, b->name) == 0 && a->id == b->id && a->type == b->type &&
           memcmp(a->pub, b->pub, sizeof a->pub) == 0;
}

static int node_checkpoint(struct ledger_act *a)
{
    struct ledger *l = a->l;
    const struct ledger_key *me = ledger_signer_key(a);
    struct ledger_noderec next = {0};
    struct str name = json_get_str(a->r, "node");
    size_t i;
    int err = tlog_vkey_parse(json_get_str(a->r, "vkey"), &next.vkey);
    if (err == AM_E_NOMEM)
        return err;
    ledger_guard(a, !err && (str_eqc(name, me->org_id) || str_eqc(name, next.vkey.name)),
                 GUARD_NODE_KEY, "/node", "neither the signer nor the log of the key");
    if (a->err)
        return AM_OK;
    i = ledger_find_node(l, str_c(next.vkey.name));
    if (i != LEDGER_NONE) {
        next.n.last = l->node.v[i].n.last;
        ledger_guard(a,
                     same_vkey(&l->node.v[i].vkey, &next.vkey) &&
                         strcmp(l->node.v[i].n.org_id, me->org_id) == 0,
                     GUARD_NODE_KEY, "/vkey", "that log has another key");
    }
    struct tlog_checkpoint grown = {.size =
                                        (uint64_t)json_int(json_get(a->r, "size"), 0)};
    ledger_copy(grown.origin, sizeof grown.origin, str_c(next.vkey.name));
    err = ledger_hash_read(json_get(a->r, "root"), &grown.root);
    if (err == AM_E_NOMEM)
        return err;
    ledger_guard(a, !err, GUARD_NODE_REWROTE, "/root", "not a base64 SHA-256");
    err = check_growth(a, &next.n.last, &grown);
    check_counts(a);
    if (err || ledger_stopped_here(a))
        return err;
    ledger_copy(next.n.name, sizeof next.n.name, str_c(next.vkey.name));
    ledger_copy(next.n.org_id, sizeof next.n.org_id, str_c(me->org_id));
    next.n.last = grown;
    next.n.index = a->index;
    next.n.at = a->s->issued_at;
    if (i != LEDGER_NONE) {
        l->node.v[i] = next;
        commit_counts(a);
        return AM_OK;
    }
    err = map_set(&l->by_node, str_c(next.n.name), l->node.n);
    if (!err)
        err = vec_push(&l->node, next);
    if (!err)
        commit_counts(a);
    return err;
}

void ledger_plan_node(struct ledger_act *a)
{
    ledger_copy(a->rule, sizeof a->rule, STR("node_checkpoint"));
    a->apply = node_checkpoint;
}
