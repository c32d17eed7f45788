/* SPDX-License-Identifier: Apache-2.0 */
/* Our own reader of ONNX files (never ONNX Runtime): a refusal with a problem, or a model
 * with a signature and a digest. */
#include "model/model_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    struct model m = {.format = MODEL_ONNX};
    struct diag d;
    (void)!model_weights_scan(bytes, fuzz_weight, &bytes);
    diag_init(&d);
    if (model_onnx_read(&m, bytes, &d) == AM_OK)
        am_assert(m.features > 0 && m.features <= MODEL_FEATURES_MAX &&
                  m.onnx->output.name);
    else
        am_assert(d.errors > 0);
    for (size_t i = 0; m.name && i < m.features; i++)
        free(m.name[i]);
    free(m.name);
    model_onnx_free(m.onnx);
    diag_release(&d);
    return 0;
}
