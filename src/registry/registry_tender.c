/* SPDX-License-Identifier: Apache-2.0 */
/* Tender answers: computed on the fold, signed by the service key, on paper with the
 * checkpoint that covers them. A question about an older size: registry_past.c. */
#include "registry/registry_priv.h"

#include "base/clock.h"

/* ---- the answer -------------------------------------------------------------------- */
struct registry_asking {
    struct registry *r;
    const struct json *query;
    struct registry_tender *out;
    char key_id[CRYPTO_HEX], org[LEDGER_ID_MAX];
    uint8_t genesis[32];
    struct str type_base; /* of the live fold: constant for life */
    uint64_t granted;     /* index of the service key's grant; 0: the genesis */
    char authority[CRYPTO_HEX];
};

static int registry_answer(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct registry_asking *q = arg;
    (void)cosigned;
    q->out->tree_size = ledger_size(l);
    return ledger_tender(l, q->query, &q->out->answer);
}

static int registry_constants(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct registry_asking *q = arg;
    const struct ledger_key *k = ledger_key_find(l, q->key_id);
    (void)cosigned;
    if (!k || k->revoked || k->role != LEDGER_SYSTEM)
        return AM_E_FORBIDDEN;
    memcpy(q->org, k->org_id, sizeof q->org);
    q->granted = k->granted;
    q->type_base = ledger_type_base(l);
    return ledger_genesis_digest(l, q->genesis);
}

static int registry_tender_record(const struct registry_asking *q, struct buf *out)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "type", "tender_check");
    jw_kstrz(&w, "issued_at", time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "system");
    jw_kstrz(&w, "org_id", q->org);
    jw_obj_end(&w);
    jw_kval(&w, "query", q->query);
    jw_key(&w, "answer");
    jw_raw(&w, buf_str(&q->out->answer));
    jw_kint(&w, "tree_size", (int64_t)q->out->tree_size);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int registry_tender_envelope(const struct registry_asking *q, struct buf *envelope)
{
    struct json_doc *doc = NULL;
    struct buf record, payload;
    int err;
    buf_init(&record, REGISTRY_RECORD_MAX);
    buf_init(&payload, REGISTRY_RECORD_MAX);
    err = registry_tender_record(q, &record);
    if (!err)
        err = json_parse(&doc, buf_str(&record), NULL, NULL);
    if (!err)
        err =
            ledger_statement(LEDGER_EVENT, json_root(doc), q->type_base, &payload, NULL);
    if (!err)
        err = ledger_sign(buf_str(&payload), q->r->service, envelope);
    json_free(doc);
    buf_release(&payload);
    buf_release(&record);
    return err;
}

static int registry_put_hash(struct jw *w, const struct tlog_hash *h)
{
    struct buf b;
    int err;
    buf_init(&b, 64);
    err = crypto_base64(&b, (struct str){(const char *)h->h, sizeof h->h});
    jw_str(w, buf_str(&b));
    buf_release(&b);
    return err;
}

/* The newest checkpoint with a quorum when it covers the answer, else the log's own. */
static int registry_note_for(struct registry *r, uint64_t size, struct buf *note,
                             struct tlog_checkpoint *cp)
{
    int err = tlog_note_cosigned(r->log, note);
    if (!err)
        err = tlog_checkpoint_open(buf_str(note), tlog_key(r->log), cp);
    if (!err && cp->size >= size)
        return AM_OK;
    buf_clear(note);
    err = tlog_note(r->log, note);
    return err ? err : tlog_checkpoint_open(buf_str(note), tlog_key(r->log), cp);
}

static int registry_put_proof(struct registry *r, uint64_t size, struct str note,
                              const struct tlog_checkpoint *cp, struct jw *w)
{
    struct tlog_proof proof = {0};
    struct tlog_hash root;
    int err = tlog_root_at(r->log, size, &root);
    if (!err && size < cp->size)
        err = tlog_prove_consistency(r->log, size, cp->size, &proof);
    jw_kstr(w, "checkpoint", note);
    jw_key(w, "root");
    if (!err)
        err = registry_put_hash(w, &root);
    jw_key(w, "consistency");
    jw_arr(w);
    for (size_t i = 0; !err && i < proof.n; i++)
        err = registry_put_hash(w, &proof.node[i]);
    jw_arr_end(w);
    return err;
}

/* ---- the history of the service key ------------------------------------------------ */
static int registry_grant_before(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct registry_asking *q = arg;
    const struct ledger_key *k = ledger_key_find(l, q->authority);
    (void)cosigned;
    q->granted = k ? k->granted : 0;
    return AM_OK;
}

/* The grants that lead from entry 0 to the key, newest first in index[]. */
static int registry_key_history(struct registry_asking *q, uint64_t *index, size_t max,
                                size_t *n)
{
    int err = AM_OK;
    for (*n = 0; q->granted && *n < max && !err;) {
        struct ledger_leaf_view leaf;
        struct buf entry;
        buf_init(&entry, TLOG_ENTRY_MAX);
        index[(*n)++] = q->granted;
        err = tlog_entry(q->r->log, q->granted, &entry);
        if (!err)
            err = ledger_leaf_parse(buf_str(&entry), &leaf);
        if (!err) {
            memcpy(q->authority, leaf.key_id, sizeof q->authority);
            ledger_leaf_release(&leaf);
            err = registry_view(q->r, registry_grant_before, q);
        }
        buf_release(&entry);
    }
    return err;
}

static int registry_put_grant(struct registry *r, uint64_t index, uint64_t size,
                              struct jw *w)
{
    struct ledger_leaf_view leaf = {0};
    struct tlog_proof proof = {0};
    struct buf entry, payload;
    int err;
    buf_init(&entry, TLOG_ENTRY_MAX);
    buf_init(&payload, REGISTRY_RECORD_MAX);
    err = tlog_entry(r->log, index, &entry);
    if (!err)
        err = ledger_leaf_parse(buf_str(&entry), &leaf);
    if (!err)
        err = blob_get(r->blobs, leaf.payload_sha256, &payload);
    if (!err)
        err = tlog_prove_inclusion(r->log, index, size, &proof);
    jw_obj(w);
    jw_kint(w, "index", (int64_t)index);
    jw_kstr(w, "leaf", buf_str(&entry));
    jw_kstr(w, "payload", buf_str(&payload));
    jw_key(w, "proof");
    jw_arr(w);
    for (size_t i = 0; !err && i < proof.n; i++)
        err = registry_put_hash(w, &proof.node[i]);
    jw_arr_end(w);
    jw_obj_end(w);
    ledger_leaf_release(&leaf);
    buf_release(&payload);
    buf_release(&entry);
    return err;
}

static int registry_put_keys(struct registry_asking *q, uint64_t size, struct jw *w)
{
    enum { GRANTS_MAX = 16 };
    uint64_t index[GRANTS_MAX];
    size_t n;
    int err;
    if (!q->granted)
        return AM_OK;
    err = registry_key_history(q, index, GRANTS_MAX, &n);
    jw_key(w, "keys");
    jw_arr(w);
    while (!err && n > 0)
        err = registry_put_grant(q->r, index[--n], size, w);
    jw_arr_end(w);
    return err;
}

static int registry_certify(struct registry_asking *q)
{
    struct registry *r = q->r;
    struct tlog_checkpoint cp = {0};
    struct buf envelope, note, genesis;
    struct jw w;
    int err;
    buf_init(&envelope, 2 * REGISTRY_RECORD_MAX);
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&genesis, REGISTRY_RECORD_MAX);
    err = registry_tender_envelope(q, &envelope);
    if (!err)
        err = registry_note_for(r, AM_MAX(q->out->tree_size, q->granted + 1), &note, &cp);
    if (!err)
        err = blob_get(r->blobs, q->genesis, &genesis);
    jw_init(&w, &q->out->certificate);
    jw_obj(&w);
    jw_kstrz(&w, "schema", "amane/tender-certificate/1");
    jw_key(&w, "envelope");
    jw_raw(&w, buf_str(&envelope));
    jw_kstr(&w, "genesis", buf_str(&genesis));
    if (!err)
        err = registry_put_proof(r, q->out->tree_size, buf_str(&note), &cp, &w);
    if (!err)
        err = registry_put_keys(q, cp.size, &w);
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    buf_release(&genesis);
    buf_release(&note);
    buf_release(&envelope);
    return err;
}

void registry_tender_init(struct registry_tender *t)
{
    t->tree_size = 0;
    buf_init(&t->answer, REGISTRY_RECORD_MAX);
    buf_init(&t->certificate, 4 * REGISTRY_RECORD_MAX);
}

void registry_tender_release(struct registry_tender *t)
{
    buf_release(&t->answer);
    buf_release(&t->certificate);
}

int registry_tender(struct registry *r, const struct registry_reader *who,
                    const struct json *query, uint64_t size, struct registry_tender *out,
                    struct diag *d)
{
    struct registry_asking q = {.r = r, .query = query, .out = out};
    int err = ledger_tender_check(query, d);
    if (err)
        return err;
    if (!r->service) {
        diag_err(d, "", "tender.no_key", "this registry has no service key");
        return AM_E_UNSUPPORTED;
    }
    err = crypto_key_id(r->service, q.key_id);
    if (!err)
        err = registry_view(r, registry_constants, &q);
    if (!err)
        err = size ? registry_view_as(r, who, size, registry_answer, &q)
                   : registry_view(r, registry_answer, &q);
    if (err == AM_E_FORBIDDEN) {
        diag_err(d, "", "tender.no_key", "the service key is not in the directory");
        return AM_E_UNSUPPORTED;
    }
    if (size && (err == AM_E_NOTFOUND || err == AM_E_TOOBIG)) {
        diag_err(d, "/tree_size", "tender.tree_size",
                 "1 to the size of the log, at most %d", REGISTRY_PAST_MAX);
        return AM_E_INVALID;
    }
    return err ? err : registry_certify(&q);
}
