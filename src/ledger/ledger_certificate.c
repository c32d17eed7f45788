/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_certificate -- a tender answer on paper: the registry's signed statement with
 * the checkpoint it stands on, checked without the registry.
 *
 *     {"schema": "amane/tender-certificate/1", "envelope": DSSE over a tender_check,
 *      "genesis": payload of entry 0 as text, "checkpoint": signed note,
 *      "root": root at tree_size, "consistency": proof from tree_size to the checkpoint,
 *      "keys": grants that lead to the service key, when entry 0 does not name it}
 *
 * Chain: pinned digest -> genesis -> log key and service key -> checkpoint and statement
 * -> the prefix the answer speaks of. Whether the answer is right is for the replay. */
#include "ledger/ledger_priv.h"

enum { CERTIFICATE_MAX = 16 << 20 };

static int problem(struct diag *d, const char *path, const char *code, const char *why)
{
    diag_err(d, path, code, "%s", why);
    return AM_E_INVALID;
}

static int refusal(int err)
{
    return err == AM_E_NOMEM ? err : AM_E_INVALID;
}

/* Entry 0 as text: pinned, and a genesis. */
static int open_genesis(struct str text, const uint8_t pinned[32],
                        struct ledger_statement_view *out, struct diag *d)
{
    struct json_doc *doc = NULL;
    uint8_t digest[32];
    int err;
    crypto_sha256(text, digest);
    if (!text.n || memcmp(digest, pinned, 32) != 0)
        return problem(d, "/genesis", "certificate.genesis", "not the genesis pinned");
    err = json_parse(&doc, text, NULL, NULL);
    if (!err)
        err = ledger_statement_parse(
            text, json_get_str(json_get(json_root(doc), "predicate"), "type_base"), out,
            NULL);
    json_free(doc);
    if (err)
        return err == AM_E_NOMEM
                   ? err
                   : problem(d, "/genesis", "certificate.genesis", "not a statement");
    return AM_OK;
}

static int open_envelope(const struct json *root, const struct ledger_statement_view *g,
                         struct ledger_certificate *c, struct diag *d)
{
    struct ledger_envelope env = {0};
    struct crypto_key *pub = NULL;
    struct buf text, pae;
    int err;
    buf_init(&text, CERTIFICATE_MAX);
    buf_init(&pae, LEDGER_PAYLOAD_MAX + 128);
    err = json_canon(&text, json_get(root, "envelope"));
    if (!err)
        err = ledger_envelope_open(buf_str(&text), &env, d);
    if (!err)
        err = ledger_certificate_key(root, g, &c->checkpoint, env.keyid, &pub, d);
    if (!err)
        err = ledger_pae(buf_str(&env.payload), &pae);
    if (!err && crypto_verify(pub, buf_str(&pae), buf_str(&env.sig)))
        err = problem(d, "/envelope", "certificate.signature", "does not hold");
    if (!err)
        err = ledger_statement_parse(buf_str(&env.payload),
                                     json_get_str(g->record, "type_base"), &c->statement,
                                     d);
    if (!err && !str_eqc(c->statement.event_type, "tender_check"))
        err = problem(d, "/envelope", "certificate.kind", "not a tender answer");
    memcpy(c->key_id, env.keyid, sizeof c->key_id);
    crypto_key_free(pub);
    ledger_envelope_release(&env);
    buf_release(&pae);
    buf_release(&text);
    return err ? refusal(err) : AM_OK;
}

/* The prefix of tree_size entries is the one the checkpoint covers. */
static int check_prefix(const struct json *root, struct ledger_certificate *c,
                        struct diag *d)
{
    const struct json *list = json_get(root, "consistency");
    struct tlog_proof proof = {0};
    int err = ledger_hash_read(json_get(root, "root"), &c->root);
    if (json_size(list) > TLOG_PROOF_MAX)
        err = AM_E_SYNTAX;
    for (json_each(it, list))
        if (!err)
            err = ledger_hash_read(it.val, &proof.node[proof.n++]);
    if (err)
        return err == AM_E_NOMEM ? err
                                 : problem(d, "/consistency", "certificate.proof",
                                           "not a list of hashes");
    if (c->tree_size < 1 || c->tree_size > c->checkpoint.size)
        err = AM_E_TAMPERED;
    else if (c->tree_size == c->checkpoint.size)
        err = proof.n || memcmp(&c->root, &c->checkpoint.root, sizeof c->root)
                  ? AM_E_TAMPERED
                  : AM_OK;
    else
        err = tlog_verify_consistency(&proof, c->tree_size, &c->root, c->checkpoint.size,
                                      &c->checkpoint.root);
    return err ? problem(d, "/consistency", "certificate.proof",
                         "the checkpoint does not cover what was asked about")
               : AM_OK;
}

static int check_checkpoint(const struct json *root, const struct json *genesis,
                            struct ledger_certificate *c, struct diag *d)
{
    struct str note = json_get_str(root, "checkpoint");
    struct tlog_vkey key;
    int err = tlog_vkey_parse(json_get_str(genesis, "log_key"), &key);
    if (!err)
        err = tlog_checkpoint_open(note, &key, &c->checkpoint);
    if (err)
        return err == AM_E_NOMEM ? err
                                 : problem(d, "/checkpoint", "certificate.checkpoint",
                                           "not signed by the key of the log");
    for (json_each(it, json_get(genesis, "witnesses"))) {
        int64_t at;
        if (tlog_vkey_parse(json_get_str(it.val, "vkey"), &key) == AM_OK &&
            tlog_cosignature_find(note, &key, &at) == AM_OK)
            c->witnesses++;
    }
    return AM_OK;
}

static int open_all(const struct json *root, const uint8_t genesis[32],
                    struct ledger_certificate *c, struct diag *d)
{
    struct ledger_statement_view g = {0};
    int err;
    if (!json_str_is(json_get(root, "schema"), "amane/tender-certificate/1"))
        return problem(d, "/schema", "certificate.schema", "amane/tender-certificate/1");
    err = open_genesis(json_get_str(root, "genesis"), genesis, &g, d);
    if (!err)
        err = check_checkpoint(root, g.record, c, d);
    if (!err)
        err = open_envelope(root, &g, c, d);
    if (!err) {
        int64_t size = json_int(json_get(c->statement.record, "tree_size"), 0);
        c->tree_size = size > 0 ? (uint64_t)size : 0;
        err = check_prefix(root, c, d);
    }
    ledger_statement_release(&g);
    return err;
}

int ledger_certificate_open(struct str text, const uint8_t genesis[32],
                            struct ledger_certificate *out, struct diag *d)
{
    const struct json_limits limits = {.size_b = CERTIFICATE_MAX, .depth = 32};
    struct ledger_certificate c = {0};
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, text, &limits, d);
    if (err)
        return refusal(err);
    err = open_all(json_root(doc), genesis, &c, d);
    json_free(doc);
    if (err) {
        ledger_certificate_release(&c);
        return err;
    }
    *out = c;
    return AM_OK;
}

void ledger_certificate_release(struct ledger_certificate *c)
{
    ledger_statement_release(&c->statement);
    *c = (struct ledger_certificate){0};
}
