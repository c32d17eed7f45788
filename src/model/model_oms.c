/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSF Model Signing 1.0: a Sigstore bundle around a DSSE envelope around an in-toto
 * statement that lists every file with its SHA-256. Method `files`, hash sha256, signing
 * by key or by certificate. Written from the specification; sections in brackets. */
#include "model/model_priv.h"

#include "json/json.h"

#define OMS_MEDIA     "application/vnd.dev.sigstore.bundle.v0.3+json"
#define OMS_PAYLOAD   "application/vnd.in-toto+json"
#define OMS_STATEMENT "https://in-toto.io/Statement/v1"
#define OMS_PREDICATE "https://model_signing/signature/v1.0"

enum { OMS_PAYLOAD_MAX = 4 << 20, OMS_CHAIN_MAX = 8 };

static const char *const oms_ignored[] = {".git", ".gitignore", ".gitattributes",
                                          ".github"}; /* [6.2] */

static int oms_by_name(const void *a, const void *b)
{
    const struct model_oms_file *x = a, *y = b;
    return str_cmp(x->name, y->name);
}

/* [6.5.1] SHA-256 over the digests in the order of names. f is sorted. */
static void oms_root(const struct model_oms_file *f, size_t n, uint8_t out[CRYPTO_SHA256])
{
    struct crypto_sha256 h;
    crypto_sha256_init(&h);
    for (size_t i = 0; i < n; i++)
        crypto_sha256_add(&h, (struct str){(const char *)f[i].sha256, CRYPTO_SHA256});
    crypto_sha256_end(&h, out);
}

/* [6.1.2] relative, normal, no way up. */
bool model_oms_path_ok(struct str s)
{
    if (!s.n || s.n > 1024 || s.p[0] == '/' || s.p[s.n - 1] == '/' || !str_utf8(s))
        return false;
    for (struct str rest = s; rest.n;) {
        struct str part = str_cut(rest, '/', &rest);
        if (!part.n || str_eqc(part, ".") || str_eqc(part, ".."))
            return false;
    }
    return true;
}

static int oms_pae(struct str payload, struct buf *out)
{
    int err = buf_addf(out, "DSSEv1 %zu %s %zu ", sizeof OMS_PAYLOAD - 1, OMS_PAYLOAD,
                       payload.n);
    return err ? err : buf_add(out, payload);
}

/* ---- signing
 * ------------------------------------------------------------------------------ */
static int oms_statement(struct str subject, const struct model_oms_file *f, size_t n,
                         struct buf *out)
{
    uint8_t root[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    struct jw w;
    oms_root(f, n, root);
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "_type", OMS_STATEMENT);
    jw_key(&w, "subject");
    jw_arr(&w);
    jw_obj(&w);
    jw_kstr(&w, "name", subject);
    jw_key(&w, "digest");
    jw_obj(&w);
    jw_kstrz(&w, "sha256", crypto_hex(root, sizeof root, hex));
    jw_obj_end(&w);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_kstrz(&w, "predicateType", OMS_PREDICATE);
    jw_key(&w, "predicate");
    jw_obj(&w);
    jw_key(&w, "serialization");
    jw_obj(&w);
    jw_kstrz(&w, "method", "files");
    jw_kstrz(&w, "hash_type", "sha256");
    jw_kbool(&w, "allow_symlinks", false);
    jw_key(&w, "ignore_paths");
    jw_arr(&w);
    for (size_t i = 0; i < AM_LEN(oms_ignored); i++)
        jw_strz(&w, oms_ignored[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_key(&w, "resources");
    jw_arr(&w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(&w);
        jw_kstr(&w, "name", f[i].name);
        jw_kstrz(&w, "algorithm", "sha256");
        jw_kstrz(&w, "digest", crypto_hex(f[i].sha256, CRYPTO_SHA256, hex));
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int oms_bundle(struct str payload, struct str sig, const char *hint,
                      struct buf *out)
{
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, OMS_PAYLOAD_MAX * 2);
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "mediaType", OMS_MEDIA);
    jw_key(&w, "verificationMaterial");
    jw_obj(&w);
    jw_key(&w, "publicKey");
    jw_obj(&w);
    jw_kstrz(&w, "hint", hint);
    jw_obj_end(&w);
    jw_key(&w, "tlogEntries");
    jw_arr(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_key(&w, "dsseEnvelope");
    jw_obj(&w);
    err = crypto_base64(&text, payload);
    jw_kstr(&w, "payload", buf_str(&text));
    jw_kstrz(&w, "payloadType", OMS_PAYLOAD);
    jw_key(&w, "signatures");
    jw_arr(&w);
    jw_obj(&w);
    buf_clear(&text);
    if (!err)
        err = crypto_base64(&text, sig);
    jw_kstr(&w, "sig", buf_str(&text));
    jw_kstrz(&w, "keyid", "");
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    jw_obj_end(&w);
    buf_release(&text);
    return err ? err : jw_done(&w);
}

int model_oms_sign(struct str subject, struct model_oms_file *f, size_t n,
                   const struct crypto_key *p256, struct buf *bundle)
{
    struct buf payload, pae, sig;
    char hint[CRYPTO_HEX];
    int err = AM_OK;
    if (n == 0 || !subject.n || crypto_key_alg(p256) != CRYPTO_P256)
        return AM_E_INVALID;
    qsort(f, n, sizeof *f, oms_by_name);
    for (size_t i = 0; i < n; i++)
        if (!model_oms_path_ok(f[i].name) || (i && str_eq(f[i].name, f[i - 1].name)))
            return AM_E_INVALID;
    buf_init(&payload, OMS_PAYLOAD_MAX);
    buf_init(&pae, OMS_PAYLOAD_MAX + 128);
    buf_init(&sig, 256);
    err = oms_statement(subject, f, n, &payload);
    if (!err)
        err = oms_pae(buf_str(&payload), &pae);
    if (!err)
        err = crypto_sign(p256, buf_str(&pae), &sig);
    if (!err)
        err = crypto_key_id(p256, hint);
    if (!err)
        err = oms_bundle(buf_str(&payload), buf_str(&sig), hint, bundle);
    buf_release(&sig);
    buf_release(&pae);
    buf_release(&payload);
    return err;
}

/* ---- verifying
 * ---------------------------------------------------------------------------- */
struct str model_oms_hint(const struct json *bundle)
{
    return json_get_str(json_get(json_get(bundle, "verificationMaterial"), "publicKey"),
                        "hint");
}

/* [4.1] The key that must have signed, or a problem. */
static int oms_key(const struct json *bundle, const struct model_oms_trust *t,
                   struct buf *spki, struct diag *d)
{
    const struct json *material = json_get(bundle, "verificationMaterial"),
                      *chain = json_get(json_get(material, "x509CertificateChain"),
                                        "certificates");
    struct str der[OMS_CHAIN_MAX];
    struct buf all;
    size_t mark[OMS_CHAIN_MAX + 1] = {0}, n = json_size(chain);
    int err = AM_OK;
    if (json_get(material, "publicKey") && t->spki.n)
        return buf_add(spki, t->spki);
    if (!n || n > OMS_CHAIN_MAX || !t->roots_pem.n) {
        diag_err(d, "/verificationMaterial", "oms.material",
                 "neither a key nor a certificate that is trusted here");
        return AM_E_INVALID;
    }
    buf_init(&all, OMS_PAYLOAD_MAX);
    for (size_t i = 0; i < n && !err; i++) {
        err = crypto_unbase64(&all, json_get_str(json_at(chain, i), "rawBytes"));
        mark[i + 1] = all.n;
    }
    for (size_t i = 0; i < n && !err; i++)
        der[i] = str_sub(buf_str(&all), mark[i], mark[i + 1]);
    if (!err)
        err = crypto_chain_spki(der, n, t->roots_pem, t->at, spki);
    buf_release(&all);
    if (err && err != AM_E_NOMEM) {
        diag_err(d, "/verificationMaterial/x509CertificateChain", "oms.certificate",
                 "no valid chain to a trusted root at that date");
        err = AM_E_INVALID;
    }
    return err;
}

/* Want of memory is no verdict about the bundle. */
static int oms_bytes(const struct json *env, struct buf *payload, struct buf *sig,
                     struct diag *d)
{
    const struct json *first = json_at(json_get(env, "signatures"), 0);
    int err = crypto_unbase64(payload, json_get_str(env, "payload"));
    if (!err)
        err = crypto_unbase64(sig, json_get_str(first, "sig"));
    if (!err || err == AM_E_NOMEM)
        return err;
    diag_err(d, "/dsseEnvelope", "oms.envelope", "payload and sig are base64");
    return AM_E_INVALID;
}

/* [8.1] and [8.2]: the payload, once its signature is good. */
static int oms_open(const struct json *bundle, const struct model_oms_trust *t,
                    struct buf *payload, struct diag *d)
{
    const struct json *env = json_get(bundle, "dsseEnvelope"),
                      *sigs = json_get(env, "signatures");
    struct buf spki, sig, pae;
    int err;
    if (!json_str_is(json_get(bundle, "mediaType"), OMS_MEDIA)) {
        diag_err(d, "/mediaType", "oms.bundle", "%s is expected", OMS_MEDIA);
        return AM_E_INVALID;
    }
    if (!json_str_is(json_get(env, "payloadType"), OMS_PAYLOAD) || json_size(sigs) != 1) {
        diag_err(d, "/dsseEnvelope", "oms.envelope", "one signature over %s",
                 OMS_PAYLOAD);
        return AM_E_INVALID;
    }
    buf_init(&spki, 512);
    buf_init(&sig, 512);
    buf_init(&pae, OMS_PAYLOAD_MAX + 128);
    err = oms_key(bundle, t, &spki, d);
    if (!err)
        err = oms_bytes(env, payload, &sig, d);
    if (!err)
        err = oms_pae(buf_str(payload), &pae);
    if (!err && crypto_ecdsa_verify(buf_str(&spki), buf_str(&pae), buf_str(&sig))) {
        diag_err(d, "/dsseEnvelope/signatures/0/sig", "oms.signature",
                 "not a signature of this key over these bytes");
        err = AM_E_INVALID;
    }
    buf_release(&pae);
    buf_release(&sig);
    buf_release(&spki);
    return err;
}

/* [8.3] and what we support of [5.2.2]. */
static void oms_shape(const struct json *st, struct diag *d)
{
    const struct json *s = json_get(json_get(st, "predicate"), "serialization");
    if (!json_str_is(json_get(st, "_type"), OMS_STATEMENT) ||
        !json_str_is(json_get(st, "predicateType"), OMS_PREDICATE) ||
        json_size(json_get(st, "subject")) != 1 ||
        !json_get_str(json_at(json_get(st, "subject"), 0), "name").n)
        diag_err(d, "/dsseEnvelope/payload", "oms.statement",
                 "an in-toto statement with the predicate of model signing");
    if (!json_str_is(json_get(s, "method"), "files") ||
        !json_str_is(json_get(s, "hash_type"), "sha256") ||
        json_bool(json_get(s, "allow_symlinks"), true))
        diag_err(d, "/dsseEnvelope/payload/predicate/serialization", "oms.unsupported",
                 "method files, sha256, no symbolic links");
}

static const struct model_oms_file *oms_find(const struct model_oms_file *f, size_t n,
                                             struct str name)
{
    struct model_oms_file want = {.name = name};
    return n ? bsearch(&want, f, n, sizeof *f, oms_by_name) : NULL;
}

/* [8.4] Each resource is a file with that digest, each file is a resource, in order. */
static void oms_manifest(const struct json *st, const struct model_oms_file *f, size_t n,
                         const uint8_t root[CRYPTO_SHA256], struct diag *d)
{
    const struct json *list = json_get(json_get(st, "predicate"), "resources");
    struct str before = STR_NULL,
               subject = json_get_str(
                   json_get(json_at(json_get(st, "subject"), 0), "digest"), "sha256");
    char hex[CRYPTO_HEX], path[96];
    for (json_each(it, list)) {
        struct str name = json_get_str(it.val, "name");
        const struct model_oms_file *one = oms_find(f, n, name);
        snprintf(path, sizeof path, "/dsseEnvelope/payload/predicate/resources/%zu",
                 it.i);
        if (!model_oms_path_ok(name) || (it.i && str_cmp(before, name) >= 0))
            diag_err(d, path, "oms.path", "normal paths, each once, in order");
        else if (!one)
            diag_err(d, path, "oms.manifest", "signed, but there is no such file");
        else if (!json_str_is(json_get(it.val, "algorithm"), "sha256") ||
                 !str_eqc(json_get_str(it.val, "digest"),
                          crypto_hex(one->sha256, CRYPTO_SHA256, hex)))
            diag_err(d, path, "oms.manifest", "the file has another digest");
        before = name;
    }
    if (json_size(list) != n)
        diag_err(d, "/dsseEnvelope/payload/predicate/resources", "oms.manifest",
                 "%zu files signed, %zu there", json_size(list), n);
    if (!str_eqc(subject, crypto_hex(root, CRYPTO_SHA256, hex)))
        diag_err(d, "/dsseEnvelope/payload/subject/0/digest/sha256", "oms.root",
                 "computed: %s", hex);
}

int model_oms_verify(const struct json *bundle, struct model_oms_file *f, size_t n,
                     const struct model_oms_trust *trust, struct diag *d)
{
    uint8_t root[CRYPTO_SHA256];
    struct json_doc *doc = NULL;
    struct diag found;
    struct buf payload;
    int err;
    diag_init(&found);
    buf_init(&payload, OMS_PAYLOAD_MAX);
    if (n)
        qsort(f, n, sizeof *f, oms_by_name);
    oms_root(f, n, root);
    err = oms_open(bundle, trust, &payload, &found);
    if (!err) {
        err = json_parse(&doc, buf_str(&payload), NULL, NULL);
        if (err && err != AM_E_NOMEM) {
            diag_err(&found, "/dsseEnvelope/payload", "oms.statement", "not JSON");
            err = AM_E_INVALID;
        }
    }
    if (!err) {
        oms_shape(json_root(doc), &found);
        oms_manifest(json_root(doc), f, n, root, &found);
        err = diag_result(&found);
    }
    diag_merge(d, &found, "");
    json_free(doc);
    buf_release(&payload);
    diag_release(&found);
    return err;
}
