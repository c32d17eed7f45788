/* SPDX-License-Identifier: Apache-2.0 */
/* Field 23: the weights are signed by a key of the organisation that declares them, over
 * exactly the artefacts of the record. Whether a signature is compulsory is the policy's
 * to say (guard model_signature); one that is there must be good. */
#include "registry/registry_priv.h"

#include "base/clock.h"
#include "model/model.h"

enum { SIGNED_FILES_MAX = 1000, ROOTS_MAX = 1 << 20 };

/* The key the bundle names, when it is in the directory for this organisation. */
static int signature_key(struct registry *r, const struct json *record, struct str hint,
                         struct buf *spki)
{
    struct str org = json_get_str(json_get(record, "issuer"), "org_id");
    const struct ledger_key *k = NULL;
    char id[CRYPTO_HEX];
    int err = AM_E_NOTFOUND;
    if (hint.n != 2 * CRYPTO_SHA256)
        return err;
    snprintf(id, sizeof id, "%.*s", STR_FMT(hint));
    pthread_rwlock_rdlock(&r->fold);
    k = ledger_key_find(r->ledger, id);
    if (k && !k->revoked && str_eqc(org, k->org_id))
        err = buf_add(spki, buf_str(&k->spki));
    pthread_rwlock_unlock(&r->fold);
    return err;
}

/* The setting model_roots, read once: what is there must be certificates. */
int registry_roots_read(struct registry *r, const char *path, struct diag *d)
{
    size_t n;
    int err;
    if (!path || !*path)
        return AM_OK;
    err = am_file_read(path, ROOTS_MAX, &r->model_roots, &n);
    if (!err && !strstr(r->model_roots, "-----BEGIN CERTIFICATE-----"))
        err = AM_E_INVALID;
    if (err)
        diag_err(d, "model_roots", "registry.model_roots",
                 "%s: not a PEM file of certificates (%s)", path, am_err_text(err));
    return err;
}

/* Signed by certificate: under a root the operator trusts, or not at all. The declaring
 * organisation signs the record itself with its key of the directory all the same. */
static bool signature_by_certificate(const struct json *bundle)
{
    const struct json *material = json_get(bundle, "verificationMaterial");
    return json_get(material, "x509CertificateChain") && !json_get(material, "publicKey");
}

static size_t signature_files(const struct json *artifacts, struct model_oms_file *f)
{
    size_t n = 0;
    for (json_each(it, artifacts)) {
        if (n >= SIGNED_FILES_MAX)
            break;
        f[n].name = json_get_str(it.val, "path");
        if (crypto_unhex(json_get_str(it.val, "sha256"), f[n].sha256, CRYPTO_SHA256) ==
            AM_OK)
            n++;
    }
    return n;
}

int registry_check_weights_signature(struct registry *r, const struct json *record,
                                     struct diag *d)
{
    const struct json *bundle = json_get(record, "model_signature");
    struct model_oms_file *files;
    struct model_oms_trust trust = {.at = time_now()};
    struct diag found;
    struct buf spki;
    size_t n;
    int err;
    if (!bundle)
        return AM_OK;
    files = am_calloc(SIGNED_FILES_MAX, sizeof *files);
    if (!files)
        return AM_E_NOMEM;
    n = signature_files(json_get(record, "artifacts"), files);
    diag_init(&found);
    buf_init(&spki, 512);
    if (signature_by_certificate(bundle) && r->model_roots) {
        trust.roots_pem = str_c(r->model_roots);
        err = AM_OK;
    } else {
        err = signature_key(r, record, model_oms_hint(bundle), &spki);
    }
    if (err == AM_E_NOTFOUND && signature_by_certificate(bundle)) {
        diag_err(d, "/model_signature/verificationMaterial", "record.signature_roots",
                 "this registry trusts no certificate authority: sign with a key");
        err = AM_OK;
    } else if (err == AM_E_NOTFOUND) {
        diag_err(d, "/model_signature/verificationMaterial", "record.signature_key",
                 "no key of the issuing organisation has this hint");
        err = AM_OK;
    } else if (!err) {
        trust.spki = buf_str(&spki);
        err = model_oms_verify(bundle, files, n, &trust, &found);
        diag_merge(d, &found, "/model_signature");
    }
    buf_release(&spki);
    diag_release(&found);
    free(files);
    return err == AM_E_INVALID ? AM_OK : err;
}
