/* SPDX-License-Identifier: Apache-2.0 */
/* model_test_peer -- libxgboost in tests: what to do with its errors, its predictions;
 * and a test that skips loudly where it is not installed (then AMANE_HAVE_XGBOOST is not
 * defined, and the rest of the file must not be compiled). */
#ifndef MODEL_TEST_PEER_H
#define MODEL_TEST_PEER_H

#include "model/model_test.h"

#ifndef AMANE_HAVE_XGBOOST

static void libxgboost_is_absent(void **state)
{
    (void)state;
    print_message("SKIPPED: libxgboost is not installed, no peer to compare with\n");
    skip();
}

TEST_MAIN(TEST(libxgboost_is_absent))

#else
#include <xgboost/c_api.h>

#define xgb_ok(e)                                                                        \
    do {                                                                                 \
        if (e)                                                                           \
            fail_msg("libxgboost: %s", XGBGetLastError());                               \
    } while (0)

/* type 0: scores, 1: margins, 2: contributions */
static inline const float *peer_predict(BoosterHandle b, DMatrixHandle d, int type)
{
    char config[200];
    const float *out = NULL;
    const bst_ulong *shape = NULL;
    bst_ulong dims = 0;
    snprintf(config, sizeof config,
             "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
             "\"strict_shape\":false}",
             type);
    xgb_ok(XGBoosterPredictFromDMatrix(b, d, config, &shape, &dims, &out));
    return out;
}
#endif
#endif
