/* SPDX-License-Identifier: Apache-2.0 */
/* XGBoost JSON and UBJ: whatever the bytes, reading ends in a refusal or in a model that
 * scores, explains and describes itself inside its bounds. */
#include <math.h>

#include "model/model_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_use(struct model *m, struct str bytes)
{
    size_t f = model_features(m), rows = 9;
    double *x = am_calloc(rows * f, sizeof *x), *s = am_calloc(rows, sizeof *s);
    double *phi = am_calloc(rows * (f + 1), sizeof *phi);
    struct buf b;
    buf_init(&b, 1 << 22);
    am_assert(x && s && phi);
    for (size_t i = 0; i < rows * f; i++)
        x[i] = i % 5 == 0 ? NAN : (double)(i % 13) - 3;
    am_assert(model_score(m, x, rows, s) == AM_OK);
    if (m->xgb->node.n < 2000)
        (void)!model_contributions(m, x, rows, NULL, phi);
    am_assert(model_describe(m, bytes, &b) == AM_OK);
    buf_release(&b);
    free(x);
    free(s);
    free(phi);
}

/* Where the weights stand is looked for in whatever bytes. */
static int fuzz_weight(void *cookie, const struct model_weight *w)
{
    const struct str *bytes = cookie;
    am_assert(w->size > 0 && w->at <= bytes->n && w->size <= bytes->n - w->at);
    return AM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct model *m = NULL;
    struct diag d;
    if (model_sniff(bytes) == MODEL_ONNX)
        return 0; /* the other target's */
    (void)!model_weights_scan(bytes, fuzz_weight, &bytes);
    diag_init(&d);
    if (model_parse(&m, bytes, &d) == AM_OK)
        fuzz_use(m, bytes);
    else
        am_assert(d.errors > 0);
    model_free(m);
    diag_release(&d);
    return 0;
}
