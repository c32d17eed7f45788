/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a declaration beyond its schema: digests recomputed from the bytes, the model
 * file read in a worker and compared with what is declared (registry.md, 3.1 and 5). */
#include "registry/registry_priv.h"

#include <math.h>

#include "model/model.h"

int registry_check_algorithm(const struct json *record, struct diag *d)
{
    struct str id = json_get_str(record, "algorithm_id");
    if (id.n && !registry_algorithm_id_valid(id))
        diag_err(d, "/algorithm_id", "record.algorithm_id",
                 "not an identifier issued by the registry (check character)");
    if (json_get(record, "developer") &&
        !json_str_is(json_get(json_get(record, "developer"), "country"), "MA")) {
        if (!json_get(record, "local_representative"))
            diag_err(d, "/local_representative", "schema.required",
                     "compulsory when the developer is not in Morocco");
        if (!json_get(record, "declarant"))
            diag_err(d, "/declarant", "schema.required",
                     "compulsory when the developer is not in Morocco");
    }
    return diag_result(d);
}

static const char *const registry_hyper[] = {
    "max_depth",     "number_of_layers", "dropout_rate",     "regularization_strength",
    "learning_rate", "batch_size",       "number_of_epochs", "optimizer",
    "random_seed"};

/* What is declared and what the file holds: single precision is what files keep, and a
 * declared depth is a limit that the trees need not reach. */
static bool registry_agrees(const char *field, const struct json *declared, double file)
{
    double v = json_num(declared, NAN);
    if (json_type(declared) == JSON_STRING && str_double(json_str(declared), &v))
        return false;
    if (strcmp(field, "max_depth") == 0)
        return v >= file;
    return fabsf((float)v - (float)file) <= 1e-6f * fabsf((float)file);
}

static void registry_check_na(struct str type, const char *field, struct str na,
                              const char *path, struct diag *d)
{
    char reason[64];
    if (model_na_allowed(type, field, na))
        return;
    snprintf(reason, sizeof reason, "%.*s", (int)AM_MIN(na.n, 60), na.p);
    diag_err(d, path, "record.na_refused",
             "\"%s\" is not accepted for a model of type %.*s", reason,
             (int)AM_MIN(type.n, 60), type.p ? type.p : "");
    diag_arg(d, "reason", reason);
}

void registry_check_hyperparameters(const struct json *record,
                                    const struct json *described, struct diag *d)
{
    struct str type = json_get_str(record, "model_type");
    const struct json *known = json_get(described, "hyperparameters");
    for (size_t i = 0; i < AM_LEN(registry_hyper); i++) {
        const char *field = registry_hyper[i];
        const struct json *v = json_get(record, field), *file = json_get(known, field);
        struct str na = json_get_str(v, "na");
        char path[64];
        snprintf(path, sizeof path, "/%s", field);
        if (na.p) {
            registry_check_na(type, field, na, path, d);
        } else if (v && json_type(file) == JSON_NUMBER &&
                   !registry_agrees(field, v, json_num(file, NAN))) {
            diag_err(d, path, "record.differs_from_file", "the file says %g",
                     json_num(file, NAN));
        }
    }
}

/* XGBoost files say what they are. One tree may be a boosting or a forest of one; how an
 * ONNX graph was trained cannot be read from it. */
static void registry_check_type(const struct json *described, const struct json *record,
                                struct diag *d)
{
    struct str want = json_get_str(record, "model_type"),
               file = json_get_str(described, "model_type");
    if (!want.n || !file.n || str_eq(want, file) ||
        !str_starts(json_get_str(described, "format"), STR("xgboost")))
        return;
    if (str_eqc(file, "tree") && (str_eqc(want, "boosting") || str_eqc(want, "forest")))
        return;
    diag_err(d, "/model_type", "record.differs_from_file",
             "the file holds a model of type %.*s", STR_FMT(file));
}

/* Names, order and number of inputs and outputs equal the loaded model's. */
void registry_check_signature(const struct json *described, const struct json *record,
                              struct diag *d)
{
    const struct json *in = json_get(record, "inputs"),
                      *have = json_get(described, "inputs");
    if (in && json_size(in) != json_size(have))
        diag_err(d, "/inputs", "record.inputs_differ",
                 "%zu declared, the model reads %zu", json_size(in), json_size(have));
    for (size_t i = 0; i < json_size(in) && i < json_size(have); i++) {
        struct str want = json_get_str(json_at(in, i), "name"),
                   got = json_get_str(json_at(have, i), "name");
        char path[64];
        snprintf(path, sizeof path, "/inputs/%zu/name", i);
        if (got.n && !str_eq(want, got))
            diag_err(d, path, "record.inputs_differ",
                     "declared \"%.*s\", the model reads \"%.*s\"", STR_FMT(want),
                     STR_FMT(got));
    }
    if (json_get(record, "format") &&
        !str_eq(json_get_str(record, "format"), json_get_str(described, "format")))
        diag_err(d, "/format", "record.differs_from_file", "the file is %.*s",
                 STR_FMT(json_get_str(described, "format")));
    if (json_get(record, "canonical_weight_hash") &&
        !str_eq(json_get_str(record, "canonical_weight_hash"),
                json_get_str(described, "canonical_weight_hash")))
        diag_err(d, "/canonical_weight_hash", "record.digest_mismatch",
                 "recomputed from the file: %.*s",
                 STR_FMT(json_get_str(described, "canonical_weight_hash")));
    if (json_size(json_get(record, "outputs")) >
        json_size(json_get(described, "outputs")))
        diag_err(d, "/outputs", "record.outputs_differ",
                 "%zu declared, the model gives %zu",
                 json_size(json_get(record, "outputs")),
                 json_size(json_get(described, "outputs")));
    registry_check_type(described, record, d);
}

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

static void registry_digest_unique(struct registry *r, const struct json *record,
                                   const uint8_t digest[32], struct diag *d)
{
    const struct ledger_version *v;
    pthread_rwlock_rdlock(&r->fold);
    v = ledger_version_find(r->ledger, digest);
    if (v && !str_eqc(json_get_str(record, "algorithm_id"), v->algorithm_id))
        diag_err(d, "/model_digest", "record.digest_taken",
                 "these weights are registered under another identifier");
    pthread_rwlock_unlock(&r->fold);
}

int registry_check_version(struct registry *r, const struct json *record, struct diag *d)
{
    const struct json *artifacts = json_get(record, "artifacts");
    struct buf weights;
    uint8_t have[32], want[32];
    int err = AM_OK;
    if (json_get(record, "lifecycle_state") || json_get(record, "registry_status"))
        diag_err(d, "/lifecycle_state", "record.computed_field",
                 "the state is computed from the log, never declared");
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
        registry_digest_unique(r, record, want, d);
    }
    if (err == AM_E_INVALID)
        err = AM_OK;
    if (!err && weights.n)
        err = registry_open_model(r, buf_str(&weights), record, d);
    else if (!err)
        registry_check_hyperparameters(record, NULL, d);
    buf_release(&weights);
    return err ? err : diag_result(d);
}
