/* SPDX-License-Identifier: Apache-2.0 */
/* The public face: which format, which runtime. */
#include <math.h>

#include "model/model_priv.h"

enum model_format model_sniff(struct str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    size_t i = 0;
    while (i < bytes.n && i < 64 && strchr(" \t\r\n", p[i]) && p[i])
        i++;
    if (i + 1 < bytes.n && p[i] == '{')
        /* JSON: a quote or white space comes next; UBJ: a length type or a count. */
        return i == 0 && strchr("iUIlL#$", p[1]) && p[1] ? MODEL_XGB_UBJ : MODEL_XGB_JSON;
    /* ModelProto: field 1 (ir_version), varint; writers put it first. */
    if (bytes.n > 2 && (p[0] == 0x08 || p[0] == 0x12 || p[0] == 0x3a || p[0] == 0x42))
        return MODEL_ONNX;
    return 0;
}

const char *model_format_name(enum model_format f)
{
    return f == MODEL_XGB_JSON  ? "xgboost-json"
           : f == MODEL_XGB_UBJ ? "xgboost-ubj"
                                : "onnx";
}

static int model_parse_ubj(struct model *m, struct str bytes, struct diag *d)
{
    struct buf text;
    int err;
    buf_init(&text, (size_t)MODEL_FILE_MAX * 2);
    err = model_ubj_to_json(&text, bytes, d);
    if (!err)
        err = model_xgb_read(m, buf_str(&text), d);
    buf_release(&text);
    return err;
}

int model_parse(struct model **out, struct str bytes, struct diag *d)
{
    struct model *m;
    int err = AM_E_UNSUPPORTED;
    if (bytes.n > MODEL_FILE_MAX) {
        diag_err(d, "", "model.toobig", "a model file may have %d bytes", MODEL_FILE_MAX);
        return AM_E_TOOBIG;
    }
    m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    m->format = model_sniff(bytes);
    if (m->format == MODEL_XGB_JSON)
        err = model_xgb_read(m, bytes, d);
    else if (m->format == MODEL_XGB_UBJ)
        err = model_parse_ubj(m, bytes, d);
    else if (m->format == MODEL_ONNX)
        err = model_onnx_read(m, bytes, d);
    else
        diag_err(d, "byte 0", "model.format", "neither XGBoost JSON or UBJ nor ONNX");
    if (err) {
        model_free(m);
        return err;
    }
    *out = m;
    return AM_OK;
}

int model_load(struct model **out, struct str bytes, struct diag *d)
{
    struct model *m = NULL;
    int err = model_parse(&m, bytes, d);
    if (!err && m->onnx)
        err = model_ort_open(m->onnx, bytes, d);
    if (err) {
        model_free(m);
        return err;
    }
    *out = m;
    return AM_OK;
}

void model_free(struct model *m)
{
    if (!m)
        return;
    for (size_t i = 0; m->name && i < m->features; i++)
        free(m->name[i]);
    free(m->name);
    model_xgb_free(m->xgb);
    model_onnx_free(m->onnx);
    free(m);
}

enum model_format model_kind(const struct model *m)
{
    return m->format;
}

size_t model_features(const struct model *m)
{
    return m->features;
}

const char *model_feature(const struct model *m, size_t i)
{
    am_assert(i < m->features);
    return m->name && m->name[i] ? m->name[i] : "";
}

int model_canonical_digest(const struct model *m, uint8_t out[CRYPTO_SHA256])
{
    memcpy(out, m->canonical, CRYPTO_SHA256);
    return AM_OK;
}

int model_score(const struct model *m, const double *x, size_t n, double *score)
{
    return m->xgb ? model_xgb_score(m->xgb, x, n, score)
                  : model_ort_score(m->onnx, x, n, score);
}

/* Linear: w_j (x_j - mean_j), base = margin at the means; a missing value is skipped by
 * the model, so it contributes what the model sees of it: nothing, minus the mean's part.
 */
static void model_linear_contributions(const struct model_xgb *g, const double *x,
                                       size_t n, const double *mean, double *phi)
{
    size_t f = g->features;
    for (size_t r = 0; r < n; r++) {
        double base = (double)g->weight[f] + (double)g->base_margin;
        for (size_t j = 0; j < f; j++) {
            double w = (double)g->weight[j], m = mean ? mean[j] : 0, v = x[r * f + j];
            phi[r * (f + 1) + j] = (isnan(v) ? 0 : w * v) - w * m;
            base += w * m;
        }
        phi[r * (f + 1) + f] = base;
    }
}

int model_contributions(const struct model *m, const double *x, size_t n,
                        const double *background_mean, double *phi)
{
    if (!m->xgb)
        return AM_E_UNSUPPORTED;
    if (m->xgb->booster != MODEL_GBLINEAR)
        return model_shap(m->xgb, x, n, phi);
    model_linear_contributions(m->xgb, x, n, background_mean, phi);
    return AM_OK;
}

/* The model skips a missing value: in the mean it is worth nothing. */
static void background_mean(const double *background, size_t rows, size_t f, double *mean)
{
    for (size_t j = 0; j < f; j++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++)
            sum += isnan(background[r * f + j]) ? 0 : background[r * f + j];
        mean[j] = sum / (double)rows;
    }
}

int model_contributions_against(const struct model *m, const double *x, size_t n,
                                const double *background, size_t rows, double *phi)
{
    double *mean;
    if (!rows || rows > MODEL_BACKGROUND_MAX)
        return AM_E_INVALID;
    if (!m->xgb)
        return AM_E_UNSUPPORTED;
    if (m->xgb->booster != MODEL_GBLINEAR)
        return model_shap_against(m->xgb, x, n, background, rows, phi);
    mean = am_malloc(m->features * sizeof *mean);
    if (!mean)
        return AM_E_NOMEM;
    background_mean(background, rows, m->features, mean);
    model_linear_contributions(m->xgb, x, n, mean, phi);
    free(mean);
    return AM_OK;
}

const char *model_float_text(float v, char out[MODEL_FLOAT_TEXT])
{
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(out, MODEL_FLOAT_TEXT, "%.*g", digits, (double)v);
        if (strtof(out, NULL) == v)
            break;
    }
    if (!strpbrk(out, ".e")) { /* to libxgboost "2" is no number but an integer */
        size_t n = strlen(out);
        memcpy(out + n, ".0", 3);
    }
    return out;
}
