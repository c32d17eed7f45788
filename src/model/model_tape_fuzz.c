/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a tape: all that can be asked gets an answer or an error, and only a tape
 * that answered exactly these questions is whole. */
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct model_session *s)
{
    static const double x[2 * MODEL_FEATURES_MAX];
    static const struct model_axis axis[MODEL_FEATURES_MAX];
    static double out[2 * (MODEL_FEATURES_MAX + 1)];
    struct model_nearest q = {.threshold = 0.5};
    struct model_weight w[8];
    uint8_t digest[CRYPTO_SHA256];
    size_t tops, picked;
    uint64_t total;
    struct buf flipped;
    buf_init(&flipped, 64);
    (void)!model_session_score(s, x, 2, out, NULL);
    (void)!model_session_contributions(s, x, 2, NULL, out, NULL);
    (void)!model_session_nearest(s, x, axis, false, &q, out, NULL);
    if (!model_session_weights(s, 1, 4, 4, w, &tops, &picked, &total, NULL)) {
        am_assert(tops <= 4 && picked <= 4);
        for (size_t i = 0; i < tops + picked; i++)
            (void)!model_weight_flip(STR_NULL, &w[i], 3, &flipped);
    }
    (void)!model_session_reload(s, STR_NULL, NULL);
    (void)model_session_alive(s);
    model_session_digest(s, digest);
    am_assert(model_session_features(s) <= MODEL_FEATURES_MAX);
    buf_release(&flipped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model_tape *tape;
    struct model_session *s = NULL;
    struct str none;
    if (model_tape_play(&tape, (struct str){(const char *)data, size}))
        return 0;
    model_tape_use(tape);
    if (!model_session_open(&s, STR_NULL, NULL, NULL))
        ask(s);
    model_session_close(s);
    model_tape_use(NULL);
    (void)!model_tape_end(tape, &none);
    model_tape_free(tape);
    return 0;
}
