/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the registry that write: identifiers, blobs, checks, submissions. */
#include "api/api_priv.h"

int api_h_algorithm_id(struct api_call *c)
{
    const struct json *v = NULL;
    char id[64];
    int err = api_body(c, &v);
    if (!err)
        err = registry_algorithm_id(c->api->r, json_get_str(v, "org6"), id);
    if (err == AM_E_INVALID)
        diag_err(&c->d, "/org6", "schema.pattern", "six capital letters or digits");
    if (err)
        return err;
    jw_obj(&c->w);
    jw_kstrz(&c->w, "algorithm_id", id);
    jw_obj_end(&c->w);
    return api_done(c, 201);
}

/* ---- blobs
 * ----------------------------------------------------------------------------------- */
int api_h_blob_put(struct api_call *c)
{
    uint8_t digest[32];
    int err = api_hex_param(c, 0, digest);
    if (err)
        return err;
    if (blob_has(registry_blobs(c->api->r), digest)) {
        c->resp->status = 204;
        return AM_OK;
    }
    err = blob_put_as(registry_blobs(c->api->r), c->req->body, digest);
    if (err == AM_E_TAMPERED) {
        diag_err(&c->d, "", "blob.digest",
                 "the bytes do not have the digest of the path");
        return AM_E_INVALID;
    }
    if (!err)
        c->resp->status = 201;
    return err;
}

static int api_blob_right(struct api_call *c, enum registry_blob class)
{
    enum auth_right right =
        class == REGISTRY_BLOB_WEIGHTS ? AUTH_BLOB_WEIGHTS : AUTH_BLOB_EVIDENCE;
    int err = api_identify(c);
    if (err || class >= REGISTRY_BLOB_CASE) /* the statement says whose it is */
        return err;
    return auth_may(&c->who, right) ? AM_OK : api_refuse(c, auth_right_name(right));
}

int api_h_blob_get(struct api_call *c)
{
    uint8_t digest[32];
    enum registry_blob class;
    uint64_t size;
    int err = api_hex_param(c, 0, digest);
    if (err)
        return err;
    class = registry_blob_class(c->api->r, digest);
    if (class == REGISTRY_BLOB_UNKNOWN) /* uploaded, cited by nothing: nobody's to read */
        return AM_E_NOTFOUND;
    if (class != REGISTRY_BLOB_PUBLIC) {
        err = api_blob_right(c, class);
        if (err)
            return err;
    }
    err = blob_size(registry_blobs(c->api->r), digest, &size);
    if (!err)
        err = blob_get(registry_blobs(c->api->r), digest, &c->resp->body);
    if (!err && class >= REGISTRY_BLOB_CASE &&
        !registry_reads_blob(c->api->r, &c->who, buf_str(&c->resp->body))) {
        diag_err(&c->d, "", "right.not_yours", "only those concerned read it");
        err = auth_audit(c->api->auth, AUTH_E_RIGHT_REFUSED, &c->who, "blob", time_now());
        if (!err)
            err = AM_E_FORBIDDEN;
    }
    if (!err && class != REGISTRY_BLOB_PUBLIC) { /* who took it is written first */
        char object[96];
        snprintf(object, sizeof object, "blob:%.*s", (int)AM_MIN(c->param[0].n, 64),
                 c->param[0].p);
        err = auth_audit(c->api->auth, AUTH_E_EXPORT, &c->who, object, time_now());
    }
    if (err)
        return err;
    http_setz(c->req, c->resp, "Content-Type", "application/octet-stream");
    http_setz(c->req, c->resp, "Cache-Control",
              class == REGISTRY_BLOB_PUBLIC ? "public, max-age=31536000, immutable"
                                            : "private, no-store");
    http_setz(c->req, c->resp, "Content-Disposition", "attachment");
    return AM_OK;
}

/* ---- records
 * -------------------------------------------------------------------------------------
 */
static int api_kind(struct str plural, enum ledger_kind *out)
{
    static const char *const name[] = {"algorithms", "versions",    "evidence",
                                       "decisions",  "deployments", "events"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_eqc(plural, name[i])) {
            *out = (enum ledger_kind)i;
            return AM_OK;
        }
    return AM_E_NOTFOUND;
}

/* Also beside success: a warning is never silent. */
void api_found(struct api_call *c, const char *key, const struct diag *d)
{
    enum text_lang l = api_lang(c->req);
    jw_key(&c->w, key);
    jw_arr(&c->w);
    for (size_t i = 0; i < d->n; i++) {
        jw_obj(&c->w);
        jw_kstrz(&c->w, "pointer", d->item[i].path);
        jw_kstrz(&c->w, "code", d->item[i].code);
        jw_kbool(&c->w, "warning", d->item[i].severity != DIAG_ERROR);
        api_say(&c->w, "detail", &d->item[i], l, false);
        jw_obj_end(&c->w);
    }
    jw_arr_end(&c->w);
}

int api_h_check(struct api_call *c)
{
    const struct json *v = NULL;
    enum ledger_kind kind;
    int err = api_kind(c->param[0], &kind);
    if (!err)
        err = api_body(c, &v);
    if (!err)
        err = registry_check(c->api->r, kind, v, &c->d);
    if (err)
        return err;
    jw_obj(&c->w);
    jw_kbool(&c->w, "ok", true);
    api_found(c, "warnings", &c->d);
    jw_obj_end(&c->w);
    return api_done(c, 200);
}

int api_h_submit(struct api_call *c)
{
    struct registry_receipt receipt;
    char hex[CRYPTO_HEX];
    enum ledger_kind kind;
    struct str plural = str_sub(c->req->path, strlen("/api/v1/"), c->req->path.n);
    int err = api_kind(plural, &kind);
    if (!err)
        err = registry_submit(c->api->r, kind, c->req->body, &receipt, &c->d);
    if (err)
        return err;
    jw_obj(&c->w);
    jw_kint(&c->w, "index", (int64_t)receipt.index);
    jw_kstrz(&c->w, "payload_sha256", crypto_hex(receipt.payload, 32, hex));
    jw_kstrz(&c->w, "record_sha256", crypto_hex(receipt.record, 32, hex));
    jw_kstrz(&c->w, "effect",
             receipt.outcome.effect == LEDGER_IN_EFFECT         ? "in_effect"
             : receipt.outcome.effect == LEDGER_WAITING_SIGNERS ? "waiting_signers"
                                                                : "no_effect");
    jw_kstrz(&c->w, "code", receipt.outcome.code);
    jw_kstrz(&c->w, "transition", receipt.outcome.transition);
    if (c->d.n)
        api_found(c, "warnings", &c->d);
    jw_obj_end(&c->w);
    return api_done(c, 201);
}
