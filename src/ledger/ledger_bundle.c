/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_bundle -- one entry of the log as a Sigstore bundle v0.3: envelope, leaf and
 * inclusion proof in one document that verifiers written by others read.
 *
 * Sources: sigstore_bundle.proto, sigstore_rekor.proto (JSON mapping: int64 is a decimal
 * string, bytes are base64), C2SP signed-note for the key id. There is no integratedTime:
 * a tile log promises no time but that of its cosignatures, and keys are judged at an
 * index (registry.md, section 8); verifiers are told to ask for no timestamp. */
#include "ledger/ledger_priv.h"

static void put_base64(struct jw *w, const char *key, struct str data)
{
    struct buf b;
    buf_init(&b, (size_t)LEDGER_PAYLOAD_MAX * 2);
    if (!w->err)
        w->err = crypto_base64(&b, data);
    if (key)
        jw_kstr(w, key, buf_str(&b));
    else
        jw_str(w, buf_str(&b));
    buf_release(&b);
}

int ledger_log_id(const struct tlog_vkey *k, uint8_t out[32])
{
    struct buf b;
    int err;
    buf_init(&b, TLOG_NAME_MAX + 64);
    err = buf_addf(&b, "%s\n", k->name);
    if (!err)
        err = buf_addc(&b, (char)k->type);
    if (!err)
        err = buf_add(&b, (struct str){(const char *)k->pub, sizeof k->pub});
    if (!err)
        crypto_sha256(buf_str(&b), out);
    buf_release(&b);
    return err;
}

static void put_proof(struct jw *w, uint64_t index, const struct tlog_checkpoint *cp,
                      const struct tlog_proof *p, struct str note)
{
    jw_key(w, "inclusionProof");
    jw_obj(w);
    jw_key(w, "checkpoint");
    jw_obj(w);
    jw_kstr(w, "envelope", note);
    jw_obj_end(w);
    jw_key(w, "hashes");
    jw_arr(w);
    for (size_t i = 0; i < p->n; i++)
        put_base64(w, NULL, (struct str){(const char *)p->node[i].h, TLOG_HASH});
    jw_arr_end(w);
    jw_key(w, "logIndex");
    jw_strf(w, "%llu", (unsigned long long)index);
    put_base64(w, "rootHash", (struct str){(const char *)cp->root.h, TLOG_HASH});
    jw_key(w, "treeSize");
    jw_strf(w, "%llu", (unsigned long long)cp->size);
    jw_obj_end(w);
}

struct bundle {
    uint64_t index;
    uint8_t log_id[32];
    struct tlog_checkpoint cp;
    struct tlog_proof proof;
    struct buf leaf, payload;
    struct ledger_leaf_view view;
};

static void put_entry(struct jw *w, const struct bundle *b, struct str note)
{
    jw_key(w, "tlogEntries");
    jw_arr(w);
    jw_obj(w);
    put_base64(w, "canonicalizedBody", buf_str(&b->leaf));
    put_proof(w, b->index, &b->cp, &b->proof, note);
    jw_key(w, "kindVersion");
    jw_obj(w);
    jw_kstrz(w, "kind", "dsse");
    jw_kstrz(w, "version", "0.0.2");
    jw_obj_end(w);
    jw_key(w, "logId");
    jw_obj(w);
    put_base64(w, "keyId", (struct str){(const char *)b->log_id, sizeof b->log_id});
    jw_obj_end(w);
    jw_key(w, "logIndex");
    jw_strf(w, "%llu", (unsigned long long)b->index);
    jw_obj_end(w);
    jw_arr_end(w);
}

static void put_bundle(struct jw *w, const struct bundle *b, struct str note)
{
    jw_obj(w);
    jw_key(w, "dsseEnvelope");
    jw_obj(w);
    put_base64(w, "payload", buf_str(&b->payload));
    jw_kstrz(w, "payloadType", ledger_payload_type);
    jw_key(w, "signatures");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "keyid", b->view.key_id);
    put_base64(w, "sig", buf_str(&b->view.sig));
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_kstrz(w, "mediaType", LEDGER_BUNDLE_TYPE);
    jw_key(w, "verificationMaterial");
    jw_obj(w);
    jw_key(w, "publicKey");
    jw_obj(w);
    jw_kstrz(w, "hint", b->view.key_id);
    jw_obj_end(w);
    put_entry(w, b, note);
    jw_obj_end(w);
    jw_obj_end(w);
}

/* What the bundle says is read from the log and the store, and must hold together. */
static int gather(struct bundle *b, const struct ledger_bundle_from *f)
{
    int err = tlog_checkpoint_open(f->note, f->log_key, &b->cp);
    if (!err && b->index >= b->cp.size)
        err = AM_E_UNAVAILABLE;
    if (!err)
        err = ledger_log_id(f->log_key, b->log_id);
    if (!err)
        err = tlog_entry(f->log, b->index, &b->leaf);
    if (!err)
        err = tlog_prove_inclusion(f->log, b->index, b->cp.size, &b->proof);
    if (!err)
        err = ledger_leaf_parse(buf_str(&b->leaf), &b->view);
    if (!err)
        err = blob_get(f->blobs, b->view.payload_sha256, &b->payload);
    return err;
}

int ledger_bundle(const struct ledger_bundle_from *f, uint64_t index, struct jw *w)
{
    struct bundle b = {.index = index};
    int err;
    buf_init(&b.leaf, TLOG_ENTRY_MAX);
    buf_init(&b.payload, LEDGER_PAYLOAD_MAX);
    err = gather(&b, f);
    if (!err) {
        put_bundle(w, &b, f->note);
        err = w->err;
    }
    ledger_leaf_release(&b.view);
    buf_release(&b.payload);
    buf_release(&b.leaf);
    return err;
}
