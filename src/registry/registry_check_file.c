/* SPDX-License-Identifier: Apache-2.0 */
/* What the model file says, compared with what is declared (registry.md, 3.1 and 5). The
 * description comes from a worker; NULL: the file did not open. */
#include "registry/registry_priv.h"

#include <math.h>

#include "model/model.h"

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

/* An ensemble takes the union of what its members need: `na` is for what none has. */
static bool registry_na_allowed(const struct json *record, const char *field,
                                struct str na)
{
    struct str type = json_get_str(record, "model_type");
    const struct json *members = json_get(record, "ensemble_members");
    if (!str_eqc(type, "ensemble"))
        return model_na_allowed(type, field, na);
    for (json_each(it, members))
        if (!model_na_allowed(json_get_str(it.val, "model_type"), field, na))
            return false;
    return json_size(members) > 0;
}

/* Boosting with dropped trees (DART) has a dropout rate: the file or the author says. */
static bool registry_dart(const struct json *record, const struct json *described)
{
    return json_str_is(json_get(described, "booster"), "dart") ||
           json_str_is(json_get(json_get(record, "other_hyperparameters"), "booster"),
                       "dart");
}

static void registry_check_na(const struct json *record, const struct json *described,
                              const char *field, struct str na, struct diag *d)
{
    struct str type = json_get_str(record, "model_type");
    char reason[64], path[64];
    bool dart = strcmp(field, "dropout_rate") == 0 && registry_dart(record, described);
    if (!dart && registry_na_allowed(record, field, na))
        return;
    snprintf(reason, sizeof reason, "%.*s", (int)AM_MIN(na.n, 60), na.p);
    snprintf(path, sizeof path, "/%s", field);
    diag_err(d, path, dart ? "record.dart_dropout" : "record.na_refused",
             "\"%s\" is not accepted for a model of type %.*s%s", reason,
             (int)AM_MIN(type.n, 60), type.p ? type.p : "", dart ? " (DART)" : "");
    diag_arg(d, "reason", reason);
}

void registry_check_hyperparameters(const struct json *record,
                                    const struct json *described, struct diag *d)
{
    const struct json *known = json_get(described, "hyperparameters");
    for (size_t i = 0; i < AM_LEN(registry_hyper); i++) {
        const char *field = registry_hyper[i];
        const struct json *v = json_get(record, field), *file = json_get(known, field);
        struct str na = json_get_str(v, "na");
        char path[64];
        snprintf(path, sizeof path, "/%s", field);
        if (na.p) {
            registry_check_na(record, described, field, na, d);
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

/* What only an ONNX file names: its operator set and its output. */
static void registry_check_onnx(const struct json *described, const struct json *record,
                                struct diag *d)
{
    int64_t opset = json_int(json_get(described, "opset"), 0);
    struct str got = json_get_str(json_at(json_get(described, "outputs"), 0), "name"),
               want = json_get_str(json_at(json_get(record, "outputs"), 0), "name");
    if (!str_eqc(json_get_str(described, "format"), "onnx"))
        return;
    if (opset && json_get(record, "opset") &&
        json_int(json_get(record, "opset"), 0) != opset)
        diag_err(d, "/opset", "record.differs_from_file", "the file says %lld",
                 (long long)opset);
    if (got.n && want.n && !str_eq(got, want))
        diag_err(d, "/outputs/0/name", "record.outputs_differ",
                 "declared \"%.*s\", the model gives \"%.*s\"", STR_FMT(want),
                 STR_FMT(got));
}

/* One input that is an image; its name is not compared when the model has none. */
static void registry_check_image(const struct json *image, const struct json *have,
                                 struct diag *d)
{
    const char *why =
        model_image_differs(have, (size_t)json_int(json_get(image, "width"), 0),
                            (size_t)json_int(json_get(image, "height"), 0),
                            (size_t)json_int(json_get(image, "channels"), 0));
    if (why)
        diag_err(d, "/inputs/0/image", "record.inputs_differ", "%s", why);
}

/* Names, order and number of inputs and outputs equal the loaded model's. */
void registry_check_signature(const struct json *described, const struct json *record,
                              struct diag *d)
{
    const struct json *in = json_get(record, "inputs"),
                      *have = json_get(described, "inputs"),
                      *image = json_get(json_at(in, 0), "image");
    if (image)
        registry_check_image(image, have, d);
    if (in && !image && json_size(in) != json_size(have))
        diag_err(d, "/inputs", "record.inputs_differ",
                 "%zu are declared, the model reads %zu", json_size(in), json_size(have));
    for (size_t i = 0; i < json_size(in) && i < json_size(have); i++) {
        struct str want = json_get_str(json_at(in, i), "name"),
                   got = json_get_str(json_at(have, i), "name");
        char path[64];
        snprintf(path, sizeof path, "/inputs/%zu/name", i);
        if (got.n && !str_eq(want, got) && !(image && json_size(have) > 1))
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
                 "%zu are declared, the model gives %zu",
                 json_size(json_get(record, "outputs")),
                 json_size(json_get(described, "outputs")));
    registry_check_type(described, record, d);
    registry_check_onnx(described, record, d);
}
