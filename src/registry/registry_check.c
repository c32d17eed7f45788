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

/* One row of registry.md section 5: what may be {"na": reason} for this model type. */
struct registry_applies {
    const char *types; /* space separated */
    const char *na;    /* fields that may be not applicable */
    const char *reason;
};
static const struct registry_applies registry_matrix[] = {
    {"tree forest",
     "number_of_layers dropout_rate regularization_strength learning_rate batch_size "
     "number_of_epochs optimizer",
     "model_type_has_no_such_parameter"},
    {"boosting", "number_of_layers dropout_rate batch_size optimizer",
     "model_type_has_no_such_parameter"},
    {"dense_network cnn rnn transformer", "max_depth",
     "model_type_has_no_such_parameter"},
    {"logistic_regression linear_regression svm",
     "max_depth number_of_layers dropout_rate learning_rate batch_size number_of_epochs",
     "model_type_has_no_such_parameter"},
    {"logistic_regression linear_regression svm", "random_seed", "deterministic_solver"},
    {"expert_rules",
     "max_depth number_of_layers dropout_rate regularization_strength learning_rate "
     "batch_size number_of_epochs optimizer",
     "model_type_has_no_such_parameter"},
    {"expert_rules", "random_seed", "no_training_phase"},
};
static const char *const registry_hyper[] = {
    "max_depth",     "number_of_layers", "dropout_rate",     "regularization_strength",
    "learning_rate", "batch_size",       "number_of_epochs", "optimizer",
    "random_seed"};

static bool registry_word(const char *list, struct str word)
{
    struct str rest = str_c(list);
    while (rest.n)
        if (str_eq(str_cut(rest, ' ', &rest), word))
            return true;
    return false;
}

static bool registry_na_allowed(struct str type, const char *field, struct str reason)
{
    for (size_t i = 0; i < AM_LEN(registry_matrix); i++) {
        const struct registry_applies *m = &registry_matrix[i];
        if (registry_word(m->types, type) && registry_word(m->na, str_c(field)) &&
            str_eqc(reason, m->reason))
            return true;
    }
    return false;
}

int registry_check_hyperparameters(const struct json *record,
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
        if (na.p && !str_eqc(type, "ensemble") && !registry_na_allowed(type, field, na)) {
            diag_err(d, path, "record.na_refused",
                     "\"%.*s\" is not accepted for a model of type %.*s", STR_FMT(na),
                     STR_FMT(type));
            diag_arg(d, "reason", "na");
        }
        if (file && v && !na.p && json_type(file) == JSON_NUMBER &&
            json_num(file, NAN) != json_num(v, NAN))
            diag_err(d, path, "record.differs_from_file", "declared %g, the file says %g",
                     json_num(v, NAN), json_num(file, NAN));
    }
    return diag_result(d);
}

/* Names, order and number of inputs and outputs equal the loaded model's. */
int registry_check_signature(const struct json *described, const struct json *record,
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
    return diag_result(d);
}

/* ---- artefacts
 * --------------------------------------------------------------------------- */
static int registry_artifact(struct registry *r, const struct json *a, size_t i,
                             struct crypto_sha256 *root, struct buf *weights,
                             struct diag *d)
{
    struct str hex = json_get_str(a, "sha256");
    uint8_t digest[32];
    uint64_t size;
    char path[64];
    int err;
    snprintf(path, sizeof path, "/artifacts/%zu/sha256", i);
    if (crypto_unhex(hex, digest, sizeof digest))
        return AM_OK; /* the schema says it */
    crypto_sha256_add(root, (struct str){(const char *)digest, sizeof digest});
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
    if (!json_str_is(json_get(a, "role"), "weights") || weights->n)
        return AM_OK;
    return blob_get(r->blobs, digest, weights);
}

static int registry_open_model(struct str bytes, const struct json *record,
                               struct diag *d)
{
    struct model_session *s = NULL;
    struct json_doc *doc = NULL;
    struct diag in_file;
    int err;
    diag_init(&in_file);
    err = model_session_open(&s, bytes, NULL, &in_file);
    if (err == AM_E_INVALID || err == AM_E_REFUSED || err == AM_E_UNSUPPORTED ||
        err == AM_E_SYNTAX || err == AM_E_TOOBIG) {
        diag_err(d, "/artifacts", "record.model_refused",
                 "the model file does not open: %s",
                 in_file.n ? in_file.item[0].detail : am_err_text(err));
        if (in_file.n)
            diag_arg(d, "where", in_file.item[0].path);
        err = AM_OK;
    } else if (!err) {
        err = json_parse(&doc, model_session_describe(s), NULL, d);
        if (!err) {
            int one = registry_check_signature(json_root(doc), record, d);
            int two = registry_check_hyperparameters(record, json_root(doc), d);
            err = one == AM_E_INVALID || two == AM_E_INVALID ? AM_OK : one;
        }
    }
    json_free(doc);
    model_session_close(s);
    diag_release(&in_file);
    return err;
}

static int registry_digest_unique(struct registry *r, const struct json *record,
                                  const uint8_t digest[32], struct diag *d)
{
    const struct ledger_version *v;
    pthread_rwlock_rdlock(&r->fold);
    v = ledger_version_find(r->ledger, digest);
    if (v && !str_eqc(json_get_str(record, "algorithm_id"), v->algorithm_id))
        diag_err(d, "/model_digest", "record.digest_taken",
                 "these weights are registered under another identifier");
    pthread_rwlock_unlock(&r->fold);
    return AM_OK;
}

int registry_check_version(struct registry *r, const struct json *record, struct diag *d)
{
    const struct json *artifacts = json_get(record, "artifacts");
    struct crypto_sha256 root;
    struct buf weights;
    uint8_t have[32], want[32];
    int err = AM_OK;
    if (json_get(record, "lifecycle_state") || json_get(record, "registry_status"))
        diag_err(d, "/lifecycle_state", "record.computed_field",
                 "the state is computed from the log, never declared");
    buf_init(&weights, MODEL_FILE_MAX);
    crypto_sha256_init(&root);
    for (size_t i = 0; i < json_size(artifacts) && !err; i++)
        err = registry_artifact(r, json_at(artifacts, i), i, &root, &weights, d);
    crypto_sha256_end(&root, have);
    if (!err && json_size(artifacts) &&
        crypto_unhex(json_get_str(record, "model_digest"), want, sizeof want) == AM_OK) {
        char hex[CRYPTO_HEX];
        if (memcmp(have, want, sizeof have) != 0)
            diag_err(d, "/model_digest", "record.digest_mismatch",
                     "recomputed from the artefacts: %s",
                     crypto_hex(have, sizeof have, hex));
        err = registry_digest_unique(r, record, want, d);
    }
    if (!err && weights.n)
        err = registry_open_model(buf_str(&weights), record, d);
    else if (!err)
        err = registry_check_hyperparameters(record, NULL, d) == AM_E_NOMEM ? AM_E_NOMEM
                                                                            : AM_OK;
    buf_release(&weights);
    return err ? err : diag_result(d);
}
