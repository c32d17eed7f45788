/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_certificate_key -- which service key may sign a tender answer. Entry 0 grants
 * the first; a later one is proved by its history, which the certificate carries:
 *
 *     "keys": [{"index", "leaf": entry as text, "payload": key_grant as text,
 *               "proof": inclusion in the checkpoint}], oldest first
 *
 * Each grant is in the log the checkpoint covers and signed by an authority of the
 * ministry, of entry 0 or of a grant before it. That the key was not revoked since is for
 * whoever has the log (`amane tender verify --mirror`). */
#include "ledger/ledger_priv.h"

struct key_chain {
    const struct ledger_statement_view *genesis;
    const struct tlog_checkpoint *checkpoint;
    const char *wanted;
    char authority[LEDGER_CERTIFICATE_KEYS][CRYPTO_HEX]; /* of grants seen */
    size_t n;
    struct crypto_key *found;
};

static int chain_problem(struct diag *d, const char *why)
{
    diag_err(d, "/keys", "certificate.key", "%s", why);
    return AM_E_INVALID;
}

static bool chain_is(const struct ledger_keyrec *k, enum ledger_role role,
                     const char *function)
{
    return k->k.role == role && strcmp(k->k.function, function) == 0;
}

/* The key of entry 0 with that role, function and id; its public part is moved out when
 * asked for. AM_E_NOTFOUND. */
static int chain_genesis(const struct key_chain *c, enum ledger_role role,
                         const char *function, const char *key_id,
                         struct crypto_key **out)
{
    for (json_each(it, json_get(c->genesis->record, "authorities"))) {
        struct ledger_keyrec k = {0};
        int err = ledger_key_read(it.val, 0, &k, NULL, "");
        bool hit = !err && chain_is(&k, role, function) && !strcmp(k.k.key_id, key_id);
        if (hit && out) {
            *out = k.pub;
            k.pub = NULL;
        }
        ledger_key_drop(&k);
        if (hit || err == AM_E_NOMEM)
            return err;
    }
    return AM_E_NOTFOUND;
}

/* Is the signer an authority by now? */
static int chain_trusts(const struct key_chain *c, const char *key_id)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->authority[i], key_id) == 0)
            return AM_OK;
    return chain_genesis(c, LEDGER_MSPS, "authority", key_id, NULL);
}

static int chain_included(const struct key_chain *c, const struct json *link,
                          struct str leaf)
{
    const struct json *list = json_get(link, "proof");
    int64_t index = json_int(json_get(link, "index"), -1);
    struct tlog_proof proof = {0};
    struct tlog_hash hash;
    int err = index < 0 || json_size(list) > TLOG_PROOF_MAX ? AM_E_SYNTAX : AM_OK;
    for (json_each(it, list))
        if (!err)
            err = ledger_hash_read(it.val, &proof.node[proof.n++]);
    tlog_leaf_hash(leaf, &hash);
    return err ? err
               : tlog_verify_inclusion(&proof, (uint64_t)index, &hash,
                                       c->checkpoint->size, &c->checkpoint->root);
}

static int chain_signed(const struct ledger_leaf_view *leaf, struct str payload)
{
    struct crypto_key *pub = NULL;
    uint8_t digest[32];
    struct buf pae;
    int err;
    crypto_sha256(payload, digest);
    if (memcmp(digest, leaf->payload_sha256, sizeof digest) != 0)
        return AM_E_TAMPERED;
    buf_init(&pae, LEDGER_PAYLOAD_MAX + 128);
    err = crypto_key_from_spki(&pub, buf_str(&leaf->spki));
    if (!err)
        err = ledger_pae(payload, &pae);
    if (!err)
        err = crypto_verify(pub, buf_str(&pae), buf_str(&leaf->sig));
    crypto_key_free(pub);
    buf_release(&pae);
    return err;
}

/* What the grant says, kept. */
static int chain_take(struct key_chain *c, struct str payload)
{
    struct ledger_statement_view s = {0};
    struct ledger_keyrec k = {0};
    int err = ledger_statement_parse(
        payload, json_get_str(c->genesis->record, "type_base"), &s, NULL);
    if (!err && !str_eqc(s.event_type, "key_grant"))
        err = AM_E_INVALID;
    if (!err)
        err = ledger_key_read(json_get(s.record, "key"), 0, &k, NULL, "");
    if (!err && chain_is(&k, LEDGER_MSPS, "authority")) {
        memcpy(c->authority[c->n++], k.k.key_id, CRYPTO_HEX);
    } else if (!err && chain_is(&k, LEDGER_SYSTEM, "registry") &&
               !strcmp(k.k.key_id, c->wanted)) {
        crypto_key_free(c->found);
        c->found = k.pub;
        k.pub = NULL;
    }
    ledger_key_drop(&k);
    ledger_statement_release(&s);
    return err;
}

static int chain_link(struct key_chain *c, const struct json *link, struct diag *d)
{
    struct str text = json_get_str(link, "leaf"), payload = json_get_str(link, "payload");
    struct ledger_leaf_view leaf = {0};
    const char *why = "not an entry of the log";
    int err = ledger_leaf_parse(text, &leaf);
    if (!err) {
        why = "the checkpoint does not cover a grant";
        err = chain_included(c, link, text);
    }
    if (!err) {
        why = "a grant is not signed by an authority of the ministry";
        err = chain_trusts(c, leaf.key_id);
    }
    if (!err)
        err = chain_signed(&leaf, payload);
    if (!err) {
        why = "not a key grant";
        err = chain_take(c, payload);
    }
    ledger_leaf_release(&leaf);
    return !err || err == AM_E_NOMEM ? err : chain_problem(d, why);
}

int ledger_certificate_key(const struct json *root,
                           const struct ledger_statement_view *genesis,
                           const struct tlog_checkpoint *checkpoint, const char *key_id,
                           struct crypto_key **out, struct diag *d)
{
    const struct json *list = json_get(root, "keys");
    struct key_chain c = {.genesis = genesis, .checkpoint = checkpoint, .wanted = key_id};
    int err = chain_genesis(&c, LEDGER_SYSTEM, "registry", key_id, out);
    if (err != AM_E_NOTFOUND)
        return err;
    err = json_size(list) > LEDGER_CERTIFICATE_KEYS
              ? chain_problem(d, "more grants than are followed")
              : AM_OK;
    for (json_each(it, list))
        if (!err)
            err = chain_link(&c, it.val, d);
    if (!err && !c.found) {
        diag_err(d, "/envelope", "certificate.key",
                 "neither the genesis nor a grant shown makes this a service key");
        err = AM_E_INVALID;
    }
    if (err)
        crypto_key_free(c.found);
    else
        *out = c.found;
    return err;
}
