/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_state -- the folded state: its memory, its look-ups, its read-only views. */
#include "ledger/ledger_priv.h"

/* ---- release --------------------------------------------------------------------- */
static void drop_strings(char **v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(v[i]);
    free(v);
}

void ledger_names_drop(struct ledger_names *n)
{
    drop_strings(n->v, n->n);
    *n = (struct ledger_names){0};
}

int ledger_names_read(const struct json *list, struct ledger_names *out)
{
    struct ledger_names n = {0};
    for (json_each(it, list)) {
        struct str s = json_str(it.val);
        char *copy = str_dup(s.p ? s : STR(""));
        int err = copy ? vec_push(&n, copy) : AM_E_NOMEM;
        if (err) {
            free(copy);
            ledger_names_drop(&n);
            return err;
        }
    }
    *out = n;
    return AM_OK;
}

bool ledger_names_has(char *const *v, size_t n, struct str s)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqc(s, v[i]))
            return true;
    return false;
}

void ledger_key_drop(struct ledger_keyrec *k)
{
    buf_release(&k->k.spki);
    crypto_key_free(k->pub);
}

void ledger_version_drop(struct ledger_verrec *v)
{
    drop_strings(v->v.scope_gst.v, v->v.scope_gst.n);
    drop_strings(v->v.scope_establishment.v, v->v.scope_establishment.n);
    drop_strings(v->use.v, v->use.n);
    json_free(v->claim.doc);
    vec_release(&v->v.evidence);
    vec_release(&v->v.history);
    vec_release(&v->rows);
    vec_release(&v->run);
    vec_release(&v->sealed);
    vec_release(&v->stop);
    vec_release(&v->deployment);
    vec_release(&v->vigilance);
    vec_release(&v->deposit);
    vec_release(&v->fact);
}

void ledger_deployment_drop(struct ledger_deprec *p)
{
    drop_strings(p->p.service.v, p->p.service.n);
    vec_release(&p->p.history);
}

void ledger_clear(struct ledger *l)
{
    struct blob_store *blobs = l->blobs;
    ledger_verifier_free(l->verifier);
    json_free(l->genesis_doc);
    free(l->origin);
    free(l->type_base);
    ledger_policy_free(l->policy);
    for (size_t i = 0; i < l->key.n; i++)
        ledger_key_drop(&l->key.v[i]);
    for (size_t i = 0; i < l->version.n; i++)
        ledger_version_drop(&l->version.v[i]);
    for (size_t i = 0; i < l->deployment.n; i++)
        ledger_deployment_drop(&l->deployment.v[i]);
    for (size_t i = 0; i < l->stop.n; i++)
        vec_release(&l->stop.v[i].s.ack);
    for (size_t i = 0; i < l->vigilance.n; i++)
        ledger_case_drop(&l->vigilance.v[i]);
    vec_release(&l->vigilance);
    vec_release(&l->deposit);
    vec_release(&l->sandbox);
    map_release(&l->by_case);
    map_release(&l->by_deposit);
    map_release(&l->by_sandbox);
    for (size_t i = 0; i < l->fact.n; i++)
        ledger_fact_drop(&l->fact.v[i]);
    vec_release(&l->fact);
    vec_release(&l->recusal);
    vec_release(&l->unanswered);
    ledger_lists_drop(l);
    map_release(&l->by_fact);
    map_release(&l->by_house);
    vec_release(&l->entry);
    vec_release(&l->key);
    vec_release(&l->stranger);
    vec_release(&l->algorithm);
    vec_release(&l->version);
    vec_release(&l->deployment);
    vec_release(&l->stop);
    vec_release(&l->node);
    vec_release(&l->voided);
    free(l->firsts.slot);
    vec_release(&l->outcome);
    map_release(&l->by_key);
    map_release(&l->by_stranger);
    map_release(&l->by_algorithm);
    map_release(&l->by_version);
    map_release(&l->by_deployment);
    map_release(&l->by_stop);
    map_release(&l->by_node);
    *l = (struct ledger){.blobs = blobs};
}

int ledger_new(struct ledger **out, struct blob_store *blobs)
{
    struct ledger *l = am_calloc(1, sizeof *l);
    if (!l)
        return AM_E_NOMEM;
    l->blobs = blobs;
    *out = l;
    return AM_OK;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    ledger_clear(l);
    free(l);
}

/* ---- look-ups: a map may hold the key of an object that was never committed -----------
 */
static struct str bytes32(const uint8_t d[32])
{
    return (struct str){(const char *)d, 32};
}

size_t ledger_find_key(const struct ledger *l, const char *key_id)
{
    size_t i;
    if (map_get(&l->by_key, str_c(key_id), &i) || i >= l->key.n ||
        strcmp(l->key.v[i].k.key_id, key_id) != 0)
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_algorithm(const struct ledger *l, struct str id)
{
    size_t i;
    if (map_get(&l->by_algorithm, id, &i) || i >= l->algorithm.n ||
        !str_eqc(id, l->algorithm.v[i].a.id))
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_version(const struct ledger *l, const uint8_t digest[32])
{
    size_t i;
    if (map_get(&l->by_version, bytes32(digest), &i) || i >= l->version.n ||
        memcmp(l->version.v[i].v.digest, digest, 32) != 0)
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_deployment(const struct ledger *l, struct str id)
{
    size_t i;
    if (map_get(&l->by_deployment, id, &i) || i >= l->deployment.n ||
        !str_eqc(id, l->deployment.v[i].p.id))
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_stop(const struct ledger *l, const uint8_t order[32])
{
    size_t i;
    if (map_get(&l->by_stop, bytes32(order), &i) || i >= l->stop.n ||
        memcmp(l->stop.v[i].s.order, order, 32) != 0)
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_node(const struct ledger *l, struct str name)
{
    size_t i;
    if (map_get(&l->by_node, name, &i) || i >= l->node.n ||
        !str_eqc(name, l->node.v[i].n.name))
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_case(const struct ledger *l, struct str id)
{
    size_t i;
    if (map_get(&l->by_case, id, &i) || i >= l->vigilance.n ||
        !str_eqc(id, l->vigilance.v[i].id))
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_deposit(const struct ledger *l, const uint8_t receipt[32])
{
    size_t i;
    if (map_get(&l->by_deposit, bytes32(receipt), &i) || i >= l->deposit.n ||
        memcmp(l->deposit.v[i].receipt, receipt, 32) != 0)
        return LEDGER_NONE;
    return i;
}

size_t ledger_find_sandbox(const struct ledger *l, const uint8_t record[32])
{
    size_t i;
    if (map_get(&l->by_sandbox, bytes32(record), &i) || i >= l->sandbox.n ||
        memcmp(l->sandbox.v[i].record, record, 32) != 0)
        return LEDGER_NONE;
    return i;
}

/* ---- views ----------------------------------------------------------------------- */
struct str ledger_origin(const struct ledger *l)
{
    return str_c(l->origin);
}

struct str ledger_type_base(const struct ledger *l)
{
    return str_c(l->type_base);
}

const struct tlog_vkey *ledger_log_key(const struct ledger *l)
{
    return l->entry.n ? &l->log_key : NULL;
}

int ledger_genesis_digest(const struct ledger *l, uint8_t out[32])
{
    if (!l->entry.n)
        return AM_E_NOTFOUND;
    memcpy(out, l->genesis_payload, 32);
    return AM_OK;
}

void ledger_policy_digest(const struct ledger *l, uint8_t out[32])
{
    memset(out, 0, 32);
    if (l->policy)
        memcpy(out, l->policy->digest, 32);
}

const struct json *ledger_policy(const struct ledger *l)
{
    return l->policy ? l->policy->root : NULL;
}

const struct tlog_policy *ledger_quorum(const struct ledger *l)
{
    return l->policy ? l->policy->quorum : NULL;
}

const struct ledger_key *ledger_key_find(const struct ledger *l, const char *key_id)
{
    return ledger_key_at(l, ledger_find_key(l, key_id));
}

bool ledger_key_valid(const struct ledger *l, const char *key_id, enum ledger_role role,
                      int64_t at)
{
    const struct ledger_key *k = ledger_key_find(l, key_id);
    return k && k->role == role && !k->revoked &&
           (!k->not_before_at || at >= k->not_before_at) &&
           (!k->not_after_at || at < k->not_after_at);
}

size_t ledger_keys(const struct ledger *l)
{
    return l->key.n;
}

int ledger_key_add(struct ledger *l, const struct ledger_keyrec *k)
{
    struct str org = str_c(k->k.org_id);
    int err = ledger_list_room(l, LEDGER_KEYS_OF_ORG, org);
    if (!err)
        err = map_set(&l->by_key, str_c(k->k.key_id), l->key.n);
    if (!err)
        err = vec_push(&l->key, *k);
    if (!err)
        ledger_list_join(l, LEDGER_KEYS_OF_ORG, org);
    return err;
}

const struct ledger_key *ledger_key_at(const struct ledger *l, size_t i)
{
    ledger_look();
    return i < l->key.n ? &l->key.v[i].k : NULL;
}

size_t ledger_algorithms(const struct ledger *l)
{
    return l->algorithm.n;
}

const struct ledger_algorithm *ledger_algorithm_at(const struct ledger *l, size_t i)
{
    return i < l->algorithm.n ? &l->algorithm.v[i].a : NULL;
}

const struct ledger_algorithm *ledger_algorithm_find(const struct ledger *l,
                                                     struct str id)
{
    return ledger_algorithm_at(l, ledger_find_algorithm(l, id));
}

size_t ledger_versions(const struct ledger *l)
{
    return l->version.n;
}

const struct ledger_version *ledger_version_at(const struct ledger *l, size_t i)
{
    ledger_look();
    return i < l->version.n ? &l->version.v[i].v : NULL;
}

const struct ledger_version *ledger_version_find(const struct ledger *l,
                                                 const uint8_t digest[32])
{
    return ledger_version_at(l, ledger_find_version(l, digest));
}

size_t ledger_deployments(const struct ledger *l)
{
    return l->deployment.n;
}

const struct ledger_deployment *ledger_deployment_at(const struct ledger *l, size_t i)
{
    ledger_look();
    return i < l->deployment.n ? &l->deployment.v[i].p : NULL;
}

const struct ledger_deployment *ledger_deployment_find(const struct ledger *l,
                                                       struct str id)
{
    return ledger_deployment_at(l, ledger_find_deployment(l, id));
}

size_t ledger_stops_in_force(const struct ledger *l)
{
    return l->stops_in_force;
}

size_t ledger_stops_since(const struct ledger *l, uint64_t index)
{
    size_t lo = 0, hi = l->stop.n;
    while (lo < hi) { /* in the order of the log */
        size_t mid = lo + (hi - lo) / 2;
        if (l->stop.v[mid].s.index < index)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct ledger_stop *ledger_stop_find(const struct ledger *l,
                                           const uint8_t order[32])
{
    return ledger_stop_at(l, ledger_find_stop(l, order));
}

size_t ledger_stops(const struct ledger *l)
{
    return l->stop.n;
}

const struct ledger_stop *ledger_stop_at(const struct ledger *l, size_t i)
{
    ledger_look();
    return i < l->stop.n ? &l->stop.v[i].s : NULL;
}

size_t ledger_nodes(const struct ledger *l)
{
    return l->node.n;
}

const struct ledger_node *ledger_node_at(const struct ledger *l, size_t i)
{
    return i < l->node.n ? &l->node.v[i].n : NULL;
}

size_t ledger_cases(const struct ledger *l)
{
    return l->vigilance.n;
}

const struct ledger_case *ledger_case_at(const struct ledger *l, size_t i)
{
    ledger_look();
    return i < l->vigilance.n ? &l->vigilance.v[i] : NULL;
}

const struct ledger_case *ledger_case_find(const struct ledger *l, struct str id)
{
    return ledger_case_at(l, ledger_find_case(l, id));
}

size_t ledger_deposits(const struct ledger *l)
{
    return l->deposit.n;
}

const struct ledger_deposit *ledger_deposit_at(const struct ledger *l, size_t i)
{
    ledger_look();
    return i < l->deposit.n ? &l->deposit.v[i] : NULL;
}

size_t ledger_sandboxes(const struct ledger *l)
{
    return l->sandbox.n;
}

const struct ledger_sandbox *ledger_sandbox_at(const struct ledger *l, size_t i)
{
    return i < l->sandbox.n ? &l->sandbox.v[i] : NULL;
}

int ledger_deployment_id(const uint8_t model_digest[32], struct str establishment,
                         struct str use_code, char out[CRYPTO_HEX])
{
    struct buf b, canon;
    struct jw w;
    char hex[CRYPTO_HEX];
    uint8_t digest[32];
    int err;
    buf_init(&b, 8192);
    buf_init(&canon, 8192);
    jw_init(&w, &b);
    jw_arr(&w);
    jw_strz(&w, crypto_hex(model_digest, 32, hex));
    jw_str(&w, establishment);
    jw_str(&w, use_code);
    jw_arr_end(&w);
    err = jw_done(&w);
    if (!err)
        err = json_canon_text(&canon, buf_str(&b), NULL);
    if (!err) {
        crypto_sha256(buf_str(&canon), digest);
        crypto_hex(digest, 32, out);
    }
    buf_release(&canon);
    buf_release(&b);
    return err;
}
