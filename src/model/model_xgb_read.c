/* SPDX-License-Identifier: Apache-2.0 */
/* The XGBoost document around the trees (schema of libxgboost's doc/model.schema,
 * versions 1.x to 3.x): objective, base score, names, booster. */
#include <float.h>
#include <math.h>

#include "base/map.h"
#include "model/model_priv.h"

/* Objectives with one output per row, and what turns the margin into it. */
static const struct {
    const char *name;
    enum model_link link;
    bool class_probability; /* base_score is one: its margin is a logit */
} xgb_objectives[] = {
    {"binary:logistic", MODEL_SIGMOID, true},
    {"reg:logistic", MODEL_SIGMOID, true},
    {"binary:logitraw", MODEL_IDENTITY, false},
    {"reg:squarederror", MODEL_IDENTITY, false},
    {"reg:squaredlogerror", MODEL_IDENTITY, false},
    {"reg:absoluteerror", MODEL_IDENTITY, false},
    {"reg:pseudohubererror", MODEL_IDENTITY, false},
    {"count:poisson", MODEL_EXP, false},
    {"reg:gamma", MODEL_EXP, false},
    {"reg:tweedie", MODEL_EXP, false},
};

/* libxgboost writes bare NaN and Infinity (thresholds of categorical splits, statistics),
 * which no JSON has. They become null; where a number is needed the reader says so. */
static int xgb_strict_text(struct buf *out, struct str text)
{
    size_t done = 0;
    bool in_string = false;
    int err = AM_OK;
    for (size_t i = 0; !err && i < text.n; i++) {
        struct str rest = str_sub(text, i, text.n);
        size_t skip;
        if (in_string) {
            if (text.p[i] == '\\')
                i++;
            else
                in_string = text.p[i] != '"';
            continue;
        }
        in_string = text.p[i] == '"';
        if (text.p[i] != 'N' && text.p[i] != 'I' && text.p[i] != '-')
            continue; /* most bytes of a large file are digits */
        skip = str_starts(rest, STR("NaN"))         ? 3
               : str_starts(rest, STR("Infinity"))  ? 8
               : str_starts(rest, STR("-Infinity")) ? 9
                                                    : 0;
        if (skip == 0)
            continue;
        err = buf_add(out, str_sub(text, done, i));
        if (!err)
            err = buf_adds(out, "null");
        done = i + skip;
        i = done - 1;
    }
    return err ? err : buf_add(out, str_sub(text, done, text.n));
}

static int xgb_objective(struct model_reader *r, const struct json *learner)
{
    struct str name = json_get_str(json_get(learner, "objective"), "name");
    struct model_xgb *x = r->x;
    for (size_t i = 0; i < AM_LEN(xgb_objectives); i++)
        if (str_eqc(name, xgb_objectives[i].name)) {
            float b = x->base_score;
            snprintf(x->objective, sizeof x->objective, "%s", xgb_objectives[i].name);
            x->link = xgb_objectives[i].link;
            x->base_margin = b;
            if ((xgb_objectives[i].class_probability && !(b > 0 && b < 1)) ||
                (x->link == MODEL_EXP && !(b > 0)))
                return model_bad(r, "objective", "model.base_score",
                                 "base_score is outside what the objective allows");
            if (xgb_objectives[i].class_probability)
                x->base_margin = -logf(1.0f / b - 1.0f);
            else if (x->link == MODEL_EXP)
                x->base_margin = logf(b);
            return AM_OK;
        }
    diag_err(r->d, "/learner/objective/name", "model.objective",
             "objective '%.*s' is not supported (one score per row is)",
             (int)AM_MIN(name.n, 60u), name.p ? name.p : "");
    return AM_E_UNSUPPORTED;
}

/* "5E-1", from 3.1 on also "[5E-1]" (one per target). */
static int xgb_base_score(struct model_reader *r, const struct json *param)
{
    const struct json *v = json_get(param, "base_score");
    struct str s = json_str(v);
    double b = json_num(v, NAN);
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = str_sub(s, 1, s.n - 1);
    if (json_type(v) == JSON_STRING && str_double(s, &b))
        b = NAN;
    if (!(fabs(b) <= (double)FLT_MAX))
        return model_bad(r, "base_score", "model.base_score",
                         "must be one finite number");
    r->x->base_score = (float)b;
    return AM_OK;
}

static int xgb_learner_param(struct model_reader *r, const struct json *param)
{
    int64_t features = 0, classes = 0, targets = 0;
    int err = model_param(r, param, "num_feature", 1, INT32_MAX, INT64_MIN, &features);
    if (!err && features > MODEL_FEATURES_MAX) {
        return model_refuse(r, AM_E_TOOBIG, "num_feature", "model.toobig",
                            "too many features");
    }
    if (!err)
        err = model_param(r, param, "num_class", 0, INT32_MAX, 0, &classes);
    if (!err)
        err = model_param(r, param, "num_target", 0, INT32_MAX, 1, &targets);
    if (!err && (classes > 1 || targets > 1)) {
        return model_refuse(r, AM_E_UNSUPPORTED, classes > 1 ? "num_class" : "num_target",
                            "model.multiclass",
                            "several scores per row are not supported");
    }
    r->x->features = (size_t)features;
    return err ? err : xgb_base_score(r, param);
}

static int xgb_name(struct model_reader *r, struct map *seen, struct str s, char **out)
{
    if (s.n == 0 || s.n >= MODEL_NAME_MAX || memchr(s.p, 0, s.n))
        return model_bad(r, "feature_names", "model.feature_name",
                         "a feature name is empty or too long");
    if (map_has(seen, s))
        return model_bad(r, "feature_names", "model.feature_name",
                         "a feature name comes twice");
    *out = str_dup(s);
    return *out ? map_set(seen, s, 0) : AM_E_NOMEM;
}

static int xgb_names(struct model_reader *r, struct model *m, const struct json *learner)
{
    const struct json *names = json_get(learner, "feature_names");
    struct map seen;
    int err = AM_OK;
    if (json_size(names) == 0)
        return AM_OK;
    if (json_size(names) != m->features)
        return model_bad(r, "feature_names", "model.array_length",
                         "as many names as features, or none");
    m->name = am_calloc(m->features, sizeof *m->name);
    if (!m->name)
        return AM_E_NOMEM;
    map_init(&seen);
    for (json_each(it, names)) {
        if (!err)
            err = xgb_name(r, &seen, json_str(it.val), &m->name[it.i]);
    }
    map_release(&seen);
    return err;
}

static int xgb_linear(struct model_reader *r, const struct json *booster)
{
    const struct json *model = json_get(booster, "model");
    struct model_xgb *x = r->x;
    int err;
    x->booster = MODEL_GBLINEAR;
    x->weight = am_malloc((x->features + 1) * sizeof *x->weight);
    if (!x->weight)
        return AM_E_NOMEM;
    err = json_pointer_add(&r->path, STR("model"));
    if (!err)
        err = model_floats(r, model, "weights", x->features + 1, false, x->weight);
    if (err)
        return err;
    x->boosted_rounds = json_int(json_get(model, "boosted_rounds"), 0);
    model_canon_tensor1(r->canon, "base_score", "f32", &x->base_score, 1, 4);
    model_canon_tensor1(r->canon, "weights", "f32", x->weight, x->features + 1, 4);
    return AM_OK;
}

static int xgb_tree_info(struct model_reader *r, const struct json *model, size_t trees)
{
    int32_t *info = am_malloc(AM_MAX(trees, 1u) * sizeof *info);
    int err;
    if (!info)
        return AM_E_NOMEM;
    err = model_ints(r, model, "tree_info", trees, 0, 0, info);
    if (!err) {
        model_canon_tensor1(r->canon, "base_score", "f32", &r->x->base_score, 1, 4);
        model_canon_tensor1(r->canon, "tree_info", "i32", info, trees, 4);
    }
    free(info);
    return err;
}

static int xgb_forest(struct model_reader *r, const struct json *model)
{
    const struct json *param = json_get(model, "gbtree_model_param");
    const struct json *trees = json_get(model, "trees");
    int64_t n = 0;
    size_t path = r->path.n;
    int err = json_pointer_add(&r->path, STR("gbtree_model_param"));
    if (!err)
        err = model_param(r, param, "num_trees", 0, MODEL_TREES_MAX, INT64_MIN, &n);
    if (!err)
        err = model_param(r, param, "num_parallel_tree", 0, MODEL_TREES_MAX, 1,
                          &r->x->parallel_trees);
    buf_cut(&r->path, path);
    if (!err && (json_type(trees) != JSON_ARRAY || json_size(trees) != (size_t)n))
        err =
            model_bad(r, "trees", "model.array_length", "not as many as num_trees says");
    if (!err)
        err = xgb_tree_info(r, model, (size_t)n);
    if (!err)
        err = json_pointer_add(&r->path, STR("trees"));
    for (json_each(it, trees)) {
        size_t at = r->path.n;
        if (!err)
            err = json_pointer_addi(&r->path, it.i);
        if (!err)
            err = model_xgb_tree(r, it.val, it.i);
        buf_cut(&r->path, at);
    }
    buf_cut(&r->path, path);
    return err;
}

static int xgb_weight_drop(struct model_reader *r, const struct json *booster)
{
    struct model_xgb *x = r->x;
    float *w = am_malloc(AM_MAX(x->tree.n, 1u) * sizeof *w);
    int err;
    if (!w)
        return AM_E_NOMEM;
    err = model_floats(r, booster, "weight_drop", x->tree.n, false, w);
    for (size_t i = 0; !err && i < x->tree.n; i++)
        x->tree.v[i].weight = w[i];
    if (!err)
        model_canon_tensor1(r->canon, "weight_drop", "f32", w, x->tree.n, 4);
    free(w);
    return err;
}

static int xgb_booster(struct model_reader *r, const struct json *learner)
{
    const struct json *b = json_get(learner, "gradient_booster");
    struct str name = json_get_str(b, "name");
    size_t path = r->path.n;
    int err = json_pointer_add(&r->path, STR("gradient_booster"));
    if (!err && str_eqc(name, "gblinear")) {
        err = xgb_linear(r, b);
    } else if (!err && str_eqc(name, "gbtree")) {
        err = json_pointer_add(&r->path, STR("model"));
        if (!err)
            err = xgb_forest(r, json_get(b, "model"));
    } else if (!err && str_eqc(name, "dart")) {
        size_t here = r->path.n;
        r->x->booster = MODEL_DART;
        err = json_pointer_add(&r->path, STR("gbtree"));
        if (!err)
            err = json_pointer_add(&r->path, STR("model"));
        if (!err)
            err = xgb_forest(r, json_get(json_get(b, "gbtree"), "model"));
        buf_cut(&r->path, here);
        if (!err)
            err = xgb_weight_drop(r, b);
    } else if (!err) {
        err = model_refuse(r, AM_E_UNSUPPORTED, "name", "model.booster",
                           "gbtree, dart and gblinear are known");
    }
    buf_cut(&r->path, path);
    return err;
}

/* What training left in the attributes: our own fit, and scikit-learn's parameters (a
 * JSON text inside a string, with bare NaN). Wishes, not facts: nothing here may fail a
 * load. */
static int xgb_attributes(struct model_xgb *x, const struct json *learner)
{
    const struct json *a = json_get(learner, "attributes");
    struct str sk = json_get_str(a, "scikit_learn");
    struct json_doc *doc = NULL;
    struct buf text;
    int err;
    if (str_int(json_get_str(a, "best_iteration"), 0, INT32_MAX, &x->best_iteration))
        x->best_iteration = -1;
    if (str_double(json_get_str(a, "amane.ridge"), &x->regularization))
        x->regularization = NAN;
    if (str_double(json_get_str(a, "amane.eta"), &x->learning_rate))
        x->learning_rate = NAN;
    if (str_int(json_get_str(a, "amane.seed"), 0, INT64_MAX, &x->random_seed))
        x->random_seed = -1;
    if (!sk.n)
        return AM_OK;
    buf_init(&text, 1 << 20);
    err = xgb_strict_text(&text, sk);
    if (!err)
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    if (!err) {
        const struct json *p = json_root(doc);
        x->learning_rate = json_num(json_get(p, "learning_rate"), NAN);
        x->regularization = json_num(json_get(p, "reg_lambda"), x->regularization);
        x->random_seed = json_int(json_get(p, "random_state"), -1);
    }
    json_free(doc);
    buf_release(&text);
    return err == AM_E_NOMEM ? err : AM_OK;
}

static void xgb_operators(struct model_reader *r)
{
    static const char *const booster[] = {"gbtree", "dart", "gblinear"};
    char text[80];
    snprintf(text, sizeof text, "booster %s", booster[r->x->booster]);
    model_canon_op(r->canon, str_c(text));
    snprintf(text, sizeof text, "objective %s", r->x->objective);
    model_canon_op(r->canon, str_c(text));
    snprintf(text, sizeof text, "num_feature %zu", r->x->features);
    model_canon_op(r->canon, str_c(text));
}

static int xgb_document(struct model_reader *r, struct model *m, const struct json *root)
{
    const struct json *learner = json_get(root, "learner");
    const struct json *version = json_get(root, "version");
    size_t i = 0;
    int err;
    if (json_type(learner) != JSON_OBJECT)
        return model_bad(r, "learner", "model.xgboost", "not an XGBoost model");
    for (json_each(it, version)) {
        if (i < 3)
            r->x->version[i++] = json_int(it.val, 0);
    }
    err = json_pointer_add(&r->path, STR("learner"));
    if (!err)
        err = json_pointer_add(&r->path, STR("learner_model_param"));
    if (!err)
        err = xgb_learner_param(r, json_get(learner, "learner_model_param"));
    buf_cut(&r->path,
            AM_MIN(r->path.n, strlen("/learner"))); /* shorter if out of memory */
    if (!err)
        err = xgb_objective(r, learner);
    m->features = err ? 0 : r->x->features;
    if (!err)
        err = xgb_names(r, m, learner);
    if (!err)
        err = xgb_attributes(r->x, learner);
    if (!err)
        err = xgb_booster(r, learner);
    if (!err)
        err = model_shap_prepare(r->x);
    if (!err) {
        xgb_operators(r);
        model_canon_end(r->canon, m->canonical);
    }
    return err;
}

int model_xgb_read(struct model *m, struct str text, struct diag *d)
{
    const struct json_limits limits = {.size_b = text.n + text.n / 2 + 16,
                                       .depth = MODEL_JSON_DEPTH,
                                       .values = 50000000};
    struct model_canon canon;
    struct model_reader r = {.d = d, .canon = &canon};
    struct json_doc *doc = NULL;
    struct buf strict;
    int err;
    m->xgb = r.x = am_calloc(1, sizeof *m->xgb);
    if (!m->xgb)
        return AM_E_NOMEM;
    m->xgb->learning_rate = m->xgb->regularization = NAN;
    m->xgb->random_seed = m->xgb->best_iteration = -1;
    buf_init(&r.path, 1000);
    buf_init(&strict, limits.size_b);
    model_canon_init(&canon);
    err = xgb_strict_text(&strict, text);
    if (!err)
        err = json_parse(&doc, buf_str(&strict), &limits, d);
    buf_release(&strict);
    if (!err)
        err = xgb_document(&r, m, json_root(doc));
    json_free(doc);
    buf_release(&r.path);
    return err == AM_E_SYNTAX ? AM_E_INVALID : err;
}

void model_xgb_free(struct model_xgb *x)
{
    if (!x)
        return;
    vec_release(&x->tree);
    vec_release(&x->node);
    vec_release(&x->cover);
    vec_release(&x->catset);
    vec_release(&x->cat_bit);
    free(x->weight);
    free(x);
}
