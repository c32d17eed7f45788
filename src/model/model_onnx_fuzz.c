/* SPDX-License-Identifier: Apache-2.0 */
/* Our own reader of ONNX files (never ONNX Runtime): a refusal with a problem, or a model
 * with a signature and a digest. */
#include "model/model_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model m = {.format = MODEL_ONNX};
    struct diag d;
    diag_init(&d);
    if (model_onnx_read(&m, (struct str){(const char *)data, size}, &d) == AM_OK)
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
