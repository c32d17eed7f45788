/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a declaration beyond its schema: digests recomputed from the bytes, the model
 * file read in a worker and compared with what is declared (registry.md, 3.1 and 5). */
#include "registry/registry_priv.h"

#include "model/model.h"

/* ---- artefacts
 * --------------------------------------------------------------------------- */
enum { REGISTRY_ARTIFACTS_MAX = 1000 };
struct registry_artifact {
    struct str path;
    uint8_t digest[32];
    size_t i; /* in the record */
};

static int registry_by_path(const void *a, const void *b)
{
    const struct registry_artifact *x = a, *y = b;
    return str_cmp(x->path, y->path);
}

/* OpenSSF Model Signing, method `files`: SHA-256 over the digests in path order, whatever
 * the order of the record. AM_E_INVALID: a digest or a path is not one. */
static int registry_root(const struct json *artifacts, uint8_t out[32], struct diag *d)
{
    struct registry_artifact *list;
    struct crypto_sha256 root;
    size_t n = json_size(artifacts);
    int err = AM_OK;
    if (n == 0 || n > REGISTRY_ARTIFACTS_MAX)
        return AM_E_INVALID; /* the schema says it */
    list = am_calloc(n, sizeof *list);
    if (!list)
        return AM_E_NOMEM;
    for (json_each(it, artifacts)) {
        list[it.i] =
            (struct registry_artifact){.path = json_get_str(it.val, "path"), .i = it.i};
        if (crypto_unhex(json_get_str(it.val, "sha256"), list[it.i].digest, 32))
            err = AM_E_INVALID;
    }
    qsort(list, n, sizeof *list, registry_by_path);
    crypto_sha256_init(&root);
    for (size_t k = 0; k < n && !err; k++) {
        crypto_sha256_add(&root, (struct str){(const char *)list[k].digest, 32});
        if (k && str_eq(list[k].path, list[k - 1].path)) {
            char path[64];
            snprintf(path, sizeof path, "/artifacts/%zu/path", list[k].i);
            diag_err(d, path, "record.path_twice", "two files have this path");
        }
    }
    crypto_sha256_end(&root, out);
    free(list);
    return err;
}

static int registry_artifact(struct registry *r, const struct json *a, size_t i,
                             struct buf *weights, struct diag *d)
{
    struct str hex = json_get_str(a, "sha256");
    uint8_t digest[32];
    uint64_t size;
    char path[64];
    int err;
    snprintf(path, sizeof path, "/artifacts/%zu/sha256", i);
    if (crypto_unhex(hex, digest, sizeof digest))
        return AM_OK; /* the schema says it */
    if (!blob_has(r->blobs, digest)) {
        diag_err(d, path, "record.artifact_missing",
                 "upload the file first: PUT /api/v1/blobs/%.*s", STR_FMT(hex));
        return AM_OK;
    }
    err = blob_size(r->blobs, digest, &size);
    if (err)
        return err;
    if (json_int(json_get(a, "size"), -1) != (int64_t)size) {
        snprintf(path, sizeof path, "/artifacts/%zu/size", i);
        diag_err(d, path, "record.size_differs", "the file has %llu bytes",
                 (unsigned long long)size);
    }
    if (!json_str_is(json_get(a, "role"), "weights"))
        return AM_OK;
    snprintf(path, sizeof path, "/artifacts/%zu/role", i);
    if (weights->n) {
        diag_err(d, path, "record.one_weights", "one file of weights is what nodes load");
        return AM_OK;
    }
    err = blob_get(r->blobs, digest, weights);
    if (err == AM_E_TOOBIG) {
        diag_err(d, path, "record.model_refused", "weights have at most %d MiB",
                 MODEL_FILE_MAX >> 20);
        err = AM_OK;
    }
    return err;
}

/* Field 41: whoever judges a certificate reads its copy. */
static void registry_copies(struct registry *r, const struct json *record, struct diag *d)
{
    const struct json *list = json_get(json_get(record, "regulatory"), "certificates");
    for (json_each(it, list)) {
        struct str hex = json_get_str(it.val, "copy_sha256");
        uint8_t digest[32];
        char path[64];
        snprintf(path, sizeof path, "/regulatory/certificates/%zu/copy_sha256", it.i);
        if (crypto_unhex(hex, digest, sizeof digest) == AM_OK &&
            !blob_has(r->blobs, digest))
            diag_err(d, path, "record.copy_missing",
                     "upload the copy first: PUT /api/v1/blobs/%.*s", STR_FMT(hex));
    }
}

/* Anybody may ask for a check: the workers it starts are counted. */
static int registry_session(struct registry *r, struct str bytes,
                            struct model_session **out, struct diag *d)
{
    int err = AM_E_UNAVAILABLE;
    if (atomic_fetch_add(&r->opening, 1) < REGISTRY_MODELS_MAX)
        err = model_session_open(out, bytes, NULL, d);
    atomic_fetch_sub(&r->opening, 1);
    return err;
}

static int registry_open_model(struct registry *r, struct str bytes,
                               const struct json *record, struct diag *d)
{
    struct model_session *s = NULL;
    struct json_doc *doc = NULL;
    struct diag in_file;
    int err;
    diag_init(&in_file);
    err = registry_session(r, bytes, &s, &in_file);
    if (err == AM_E_INVALID || err == AM_E_REFUSED || err == AM_E_UNSUPPORTED ||
        err == AM_E_SYNTAX || err == AM_E_TOOBIG) {
        diag_err(d, "/artifacts", "record.model_refused",
                 "the model file does not open: %s",
                 in_file.n ? in_file.item[0].detail : am_err_text(err));
        if (in_file.n)
            diag_arg(d, "where", in_file.item[0].path);
        registry_check_hyperparameters(record, NULL, d);
        err = AM_OK;
    } else if (!err) {
        err = json_parse(&doc, model_session_describe(s), NULL, d);
        if (!err) {
            registry_check_signature(json_root(doc), record, d); /* both: into d */
            registry_check_hyperparameters(record, json_root(doc), d);
        }
    }
    json_free(doc);
    model_session_close(s);
    diag_release(&in_file);
    return err;
}

int registry_check_version(struct registry *r, const struct json *record, struct diag *d)
{
    static const char *const computed[] = {"lifecycle_state", "registry_status"};
    const struct json *artifacts = json_get(record, "artifacts");
    struct buf weights;
    uint8_t have[32], want[32];
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(computed); i++)
        if (json_get(record, computed[i]))
            registry_problem(d, "record.computed_field", "computed, never declared",
                             "/%s", computed[i]);
    registry_rule_version(record, d);
    registry_copies(r, record, d);
    buf_init(&weights, MODEL_FILE_MAX);
    for (size_t i = 0; i < json_size(artifacts) && !err; i++)
        err = registry_artifact(r, json_at(artifacts, i), i, &weights, d);
    if (!err)
        err = registry_root(artifacts, have, d);
    if (!err &&
        crypto_unhex(json_get_str(record, "model_digest"), want, sizeof want) == AM_OK) {
        char hex[CRYPTO_HEX];
        if (memcmp(have, want, sizeof have) != 0)
            diag_err(d, "/model_digest", "record.digest_mismatch",
                     "recomputed from the artefacts: %s",
                     crypto_hex(have, sizeof have, hex));
    }
    if (err == AM_E_INVALID)
        err = AM_OK;
    if (!err && weights.n)
        err = registry_open_model(r, buf_str(&weights), record, d);
    else if (!err)
        registry_check_hyperparameters(record, NULL, d);
    buf_release(&weights);
    if (!err)
        err = registry_check_weights_signature(r, record, d);
    if (!err)
        err = registry_check_sbom(r, record, d);
    if (!err)
        err = registry_world_version(r, record, d);
    if (!err &&
        diag_result(d) == AM_OK) /* a twin of a wrong record would say nothing new */
        err = registry_world_twin(r, record, d);
    return err ? err : diag_result(d);
}
