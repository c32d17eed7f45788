/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_envelope -- DSSE envelopes with exactly one signature, and Rekor v2 leaves.
 *
 * Sources: DSSE protocol.md v1.0 (PAE), Rekor v2 `dsse` entry 0.0.2 (field names of the
 * protobuf JSON mapping), registry.md 2.2. Both forms are checked by writing them again:
 * whatever would not come out byte for byte the same is refused. */
#include "ledger/ledger_priv.h"

enum { SIG_MAX = 256, SPKI_MAX = 256, LEAF_MAX = 4096, TEXT_MAX = 8 << 20 };

int ledger_pae(struct str payload, struct buf *out)
{
    size_t before = out->n;
    int err = buf_addf(out, "DSSEv1 %zu %s %zu ", sizeof ledger_payload_type - 1,
                       ledger_payload_type, payload.n);
    if (!err)
        err = buf_add(out, payload);
    if (err)
        buf_cut(out, before);
    return err;
}

static void put_base64(struct jw *w, const char *key, struct str data)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    if (!w->err)
        w->err = crypto_base64(&b, data);
    jw_kstr(w, key, buf_str(&b));
    buf_release(&b);
}

/* Members in the order of RFC 8785, so that the text is canonical as written. */
static int envelope_write(struct str payload, const char *keyid, struct str sig,
                          struct buf *out)
{
    struct jw w;
    size_t before = out->n;
    int err;
    jw_init(&w, out);
    jw_obj(&w);
    put_base64(&w, "payload", payload);
    jw_kstrz(&w, "payloadType", ledger_payload_type);
    jw_key(&w, "signatures");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstrz(&w, "keyid", keyid);
    put_base64(&w, "sig", sig);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (err)
        buf_cut(out, before);
    return err;
}

int ledger_sign(struct str payload, const struct crypto_key *p256, struct buf *envelope)
{
    struct buf pae, sig;
    char keyid[CRYPTO_HEX];
    int err = crypto_key_alg(p256) == CRYPTO_P256 ? AM_OK : AM_E_INVALID;
    buf_init(&pae, LEDGER_PAYLOAD_MAX + 128);
    buf_init(&sig, SIG_MAX);
    if (!err)
        err = ledger_pae(payload, &pae);
    if (!err)
        err = crypto_sign(p256, buf_str(&pae), &sig);
    if (!err)
        err = crypto_key_id(p256, keyid);
    if (!err)
        err = envelope_write(payload, keyid, buf_str(&sig), envelope);
    buf_release(&sig);
    buf_release(&pae);
    return err;
}

int ledger_envelope(struct str payload, const struct crypto_key *pub, struct str sig,
                    struct buf *envelope)
{
    struct buf pae;
    char keyid[CRYPTO_HEX];
    int err = crypto_key_alg(pub) == CRYPTO_P256 ? AM_OK : AM_E_INVALID;
    buf_init(&pae, LEDGER_PAYLOAD_MAX + 128);
    if (!err)
        err = ledger_pae(payload, &pae);
    if (!err)
        err = crypto_verify(pub, buf_str(&pae), sig);
    if (!err)
        err = crypto_key_id(pub, keyid);
    if (!err)
        err = envelope_write(payload, keyid, sig, envelope);
    buf_release(&pae);
    return err;
}

static bool hex64(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n == CRYPTO_HEX - 1;
}

/* AM_OK when d stayed as it was. Unknown members are refused: what a verifier does not
 * read must not be there. */
static int envelope_read(const struct json *v, struct ledger_envelope *e, struct diag *d)
{
    const struct json *sigs = json_get(v, "signatures"), *one = json_at(sigs, 0);
    struct str keyid = json_get_str(one, "keyid");
    int err;
    if (json_type(v) != JSON_OBJECT || json_size(v) != 3) {
        diag_err(d, "", "envelope.members",
                 "payload, payloadType, signatures and no more");
        return AM_E_INVALID;
    }
    if (!json_str_is(json_get(v, "payloadType"), ledger_payload_type)) {
        diag_err(d, "/payloadType", "envelope.payload_type", "must be %s",
                 ledger_payload_type);
        return AM_E_INVALID;
    }
    if (json_type(sigs) != JSON_ARRAY || json_size(sigs) != 1) {
        diag_err(d, "/signatures", "envelope.signatures",
                 "one signature per envelope: k signers are k envelopes");
        return AM_E_INVALID;
    }
    if (json_size(one) != 2 || !hex64(keyid)) {
        diag_err(d, "/signatures/0/keyid", "envelope.keyid", "keyid and sig, no more");
        return AM_E_INVALID;
    }
    err = crypto_unbase64(&e->payload, json_get_str(v, "payload"));
    if (err == AM_E_NOMEM)
        return err;
    if (err || e->payload.n == 0) {
        diag_err(d, "/payload", "envelope.base64", "strict base64, not empty, at most %d",
                 LEDGER_PAYLOAD_MAX);
        return err == AM_E_TOOBIG ? err : AM_E_INVALID;
    }
    err = crypto_unbase64(&e->sig, json_get_str(one, "sig"));
    if (err == AM_E_NOMEM)
        return err;
    if (err || e->sig.n == 0) {
        diag_err(d, "/signatures/0/sig", "envelope.base64",
                 "strict base64, DER signature");
        return AM_E_INVALID;
    }
    memcpy(e->keyid, keyid.p, keyid.n);
    e->keyid[keyid.n] = 0;
    return AM_OK;
}

int ledger_envelope_open(struct str text, struct ledger_envelope *out, struct diag *d)
{
    const struct json_limits limits = {.size_b = TEXT_MAX, .depth = 4, .values = 16};
    struct ledger_envelope e = {0};
    struct json_doc *doc;
    int err = json_parse(&doc, text, &limits, d);
    if (err)
        return err;
    buf_init(&e.payload, LEDGER_PAYLOAD_MAX);
    buf_init(&e.sig, SIG_MAX);
    err = envelope_read(json_root(doc), &e, d);
    json_free(doc);
    if (err) {
        ledger_envelope_release(&e);
        return err;
    }
    *out = e;
    return AM_OK;
}

void ledger_envelope_release(struct ledger_envelope *e)
{
    buf_release(&e->payload);
    buf_release(&e->sig);
}

/* ---- leaves ---------------------------------------------------------------------- */
int ledger_leaf(const uint8_t payload_sha256[32], struct str sig, struct str spki,
                struct buf *leaf)
{
    struct jw w;
    size_t before = leaf->n;
    int err;
    jw_init(&w, leaf);
    jw_obj(&w);
    jw_kstrz(&w, "apiVersion", "0.0.2");
    jw_kstrz(&w, "kind", "dsse");
    jw_key(&w, "spec");
    jw_obj(&w);
    jw_key(&w, "dsseV002");
    jw_obj(&w);
    jw_key(&w, "payloadHash");
    jw_obj(&w);
    jw_kstrz(&w, "algorithm", "SHA2_256");
    put_base64(&w, "digest", (struct str){(const char *)payload_sha256, 32});
    jw_obj_end(&w);
    jw_key(&w, "signatures");
    jw_arr(&w);
    jw_obj(&w);
    put_base64(&w, "content", sig);
    jw_key(&w, "verifier");
    jw_obj(&w);
    jw_kstrz(&w, "keyDetails", "PKIX_ECDSA_P256_SHA_256");
    jw_key(&w, "publicKey");
    jw_obj(&w);
    put_base64(&w, "rawBytes", spki);
    for (int i = 0; i < 3; i++)
        jw_obj_end(&w); /* publicKey, verifier, signature */
    jw_arr_end(&w);
    for (int i = 0; i < 3; i++)
        jw_obj_end(&w); /* dsseV002, spec, leaf */
    err = jw_done(&w);
    if (err)
        buf_cut(leaf, before);
    return err;
}

/* Base64 up to the next quote. */
static int leaf_field(struct str *rest, struct buf *out)
{
    const char *quote = rest->n ? memchr(rest->p, '"', rest->n) : NULL;
    struct str text = {rest->p, quote ? (size_t)(quote - rest->p) : 0};
    if (!quote)
        return AM_E_SYNTAX;
    *rest = str_sub(*rest, text.n, rest->n);
    return crypto_unbase64(out, text);
}

static int leaf_fixed(struct str *rest, const char *z)
{
    if (!str_starts(*rest, str_c(z)))
        return AM_E_SYNTAX;
    *rest = str_sub(*rest, strlen(z), rest->n);
    return AM_OK;
}

/* A leaf has one spelling (another would be another leaf), so it is read as it is
 * written: fixed text and strict base64. */
static int leaf_read(struct str rest, struct ledger_leaf_view *v)
{
    struct buf hash;
    uint8_t id[32];
    int err = leaf_fixed(&rest, "{\"apiVersion\":\"0.0.2\",\"kind\":\"dsse\",\"spec\":{"
                                "\"dsseV002\":{\"payloadHash\":{\"algorithm\":"
                                "\"SHA2_256\",\"digest\":\"");
    buf_init(&hash, 32);
    if (!err)
        err = leaf_field(&rest, &hash);
    if (!err && hash.n != 32)
        err = AM_E_SYNTAX;
    if (!err)
        memcpy(v->payload_sha256, hash.p, 32);
    buf_release(&hash);
    if (!err)
        err = leaf_fixed(&rest, "\"},\"signatures\":[{\"content\":\"");
    if (!err)
        err = leaf_field(&rest, &v->sig);
    if (!err)
        err = leaf_fixed(&rest, "\",\"verifier\":{\"keyDetails\":"
                                "\"PKIX_ECDSA_P256_SHA_256\",\"publicKey\":{"
                                "\"rawBytes\":\"");
    if (!err)
        err = leaf_field(&rest, &v->spki);
    if (!err)
        err = leaf_fixed(&rest, "\"}}}]}}}");
    if (!err && rest.n)
        err = AM_E_SYNTAX;
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_SYNTAX;
    crypto_sha256(buf_str(&v->spki), id);
    crypto_hex(id, 32, v->key_id);
    return AM_OK;
}

int ledger_leaf_parse(struct str leaf, struct ledger_leaf_view *out)
{
    struct ledger_leaf_view v = {0};
    int err;
    if (leaf.n > LEAF_MAX)
        return AM_E_SYNTAX;
    buf_init(&v.sig, SIG_MAX);
    buf_init(&v.spki, SPKI_MAX);
    err = leaf_read(leaf, &v);
    if (err) {
        ledger_leaf_release(&v);
        return err;
    }
    *out = v;
    return AM_OK;
}

void ledger_leaf_release(struct ledger_leaf_view *v)
{
    buf_release(&v->sig);
    buf_release(&v->spki);
}
