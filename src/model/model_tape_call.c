/* SPDX-License-Identifier: Apache-2.0 */
/* model_tape_call -- the calls of a session whose answer is more than numbers in a row:
 * single weights, the nearest change; and answers of no session (model_tape_other()). The
 * others are in model_session.c. */
#include "model/model_tape.h"

/* ---- weights --------------------------------------------------------------------------
 */
/* On the tape: tops, picked, total, then four numbers a weight. */
enum { WEIGHTS_HEAD = 3, WEIGHT_NUMBERS = 4 };

static int weights_take(double *v, size_t top, size_t picks, struct model_weight *out,
                        size_t *tops, size_t *picked, uint64_t *total)
{
    size_t n;
    int err = model_tape_take(TAPE_WEIGHTS, v,
                              WEIGHTS_HEAD + WEIGHT_NUMBERS * (top + picks), &n);
    if (err)
        return err;
    if (n < WEIGHTS_HEAD || !(v[0] >= 0 && v[0] <= (double)top) ||
        !(v[1] >= 0 && v[1] <= (double)picks) || !(v[2] >= 0 && v[2] < 0x1p63) ||
        (double)n != WEIGHTS_HEAD + WEIGHT_NUMBERS * (v[0] + v[1]))
        return AM_E_TAMPERED;
    *tops = (size_t)v[0];
    *picked = (size_t)v[1];
    *total = (uint64_t)v[2];
    for (size_t i = 0; i < *tops + *picked; i++) {
        const double *w = v + WEIGHTS_HEAD + WEIGHT_NUMBERS * i;
        if (!(w[0] >= 0 && w[0] < MODEL_FILE_MAX && w[1] >= 1 && w[1] <= 64 &&
              w[2] >= 0 && w[2] <= MODEL_WEIGHT_LE))
            return AM_E_TAMPERED;
        out[i] = (struct model_weight){.at = (size_t)w[0],
                                       .size = (size_t)w[1],
                                       .form = (enum model_weight_form)(int)w[2],
                                       .value = (float)w[3]};
    }
    return AM_OK;
}

static void weights_put(double *v, const struct model_weight *w, size_t tops,
                        size_t picked, uint64_t total, int err)
{
    size_t n = err ? 0 : WEIGHTS_HEAD + WEIGHT_NUMBERS * (tops + picked);
    v[0] = (double)tops;
    v[1] = (double)picked;
    v[2] = (double)total;
    for (size_t i = 0; i < tops + picked && !err; i++) {
        double *at = v + WEIGHTS_HEAD + WEIGHT_NUMBERS * i;
        at[0] = (double)w[i].at;
        at[1] = (double)w[i].size;
        at[2] = w[i].form;
        at[3] = (double)w[i].value;
    }
    model_tape_put(TAPE_WEIGHTS, err, v, n);
}

int model_session_weights(struct model_session *s, uint64_t seed, size_t top,
                          size_t picks, struct model_weight *out, size_t *tops,
                          size_t *picked, uint64_t *total, struct diag *d)
{
    const double q[] = {(double)(seed >> 32), (double)(seed & UINT32_MAX), (double)top,
                        (double)picks};
    double *v = am_malloc((WEIGHTS_HEAD + WEIGHT_NUMBERS * (top + picks)) * sizeof *v);
    int err;
    if (!v)
        return AM_E_NOMEM;
    model_tape_asked(TAPE_WEIGHTS, q, AM_LEN(q));
    if (model_tape_plays()) {
        err = weights_take(v, top, picks, out, tops, picked, total);
    } else {
        err = model_live_weights(s, seed, top, picks, out, tops, picked, total, d);
        weights_put(v, out, err ? 0 : *tops, err ? 0 : *picked, *total, err);
    }
    free(v);
    return err;
}

/* ---- what no session said -------------------------------------------------------------
 */
int model_tape_other(model_tape_fn *fn, void *cookie, const double *asked, size_t n_asked,
                     double *out, size_t max, size_t *n)
{
    int err;
    *n = 0;
    model_tape_asked(TAPE_OTHER, asked, n_asked);
    if (model_tape_plays())
        return model_tape_take(TAPE_OTHER, out, max, n);
    err = fn(cookie, out, max, n);
    am_assert(*n <= max);
    model_tape_put(TAPE_OTHER, err, out, err ? 0 : *n);
    return err;
}

/* ---- the nearest change ---------------------------------------------------------------
 */
enum { NEAREST_HEAD = 6 };

static void nearest_asked(const struct model_session *s, const double *x,
                          const struct model_axis *axis, const struct model_nearest *q,
                          bool started, const double *out)
{
    const double all[] = {q->threshold, q->eps, q->boxes_max, q->l2, started};
    model_tape_asked(TAPE_NEAREST, all, AM_LEN(all));
    model_tape_asked(TAPE_NEAREST, x, model_session_features(s));
    if (started)
        model_tape_asked(TAPE_NEAREST, out, model_session_features(s));
    for (size_t i = 0; i < model_session_features(s); i++) {
        const double a[] = {axis[i].lo, axis[i].hi, axis[i].unit, axis[i].grain,
                            axis[i].fixed};
        model_tape_asked(TAPE_NEAREST, a, AM_LEN(a));
    }
}

/* v: room for NEAREST_HEAD and a row. */
static int nearest_take(const struct model_session *s, double *v, struct model_nearest *q,
                        double *out)
{
    size_t n;
    int err =
        model_tape_take(TAPE_NEAREST, v, NEAREST_HEAD + model_session_features(s), &n);
    if (err)
        return err;
    if (n != NEAREST_HEAD + model_session_features(s) ||
        !(v[4] >= 0 && v[4] <= UINT32_MAX) || !(v[5] >= 0 && v[5] <= UINT32_MAX))
        return AM_E_TAMPERED;
    q->found = v[0] == 1;
    q->complete = v[1] == 1;
    q->distance = v[2];
    q->lower = v[3];
    q->boxes = (uint32_t)v[4];
    q->boxes_max = (uint32_t)v[5];
    memcpy(out, v + NEAREST_HEAD, model_session_features(s) * sizeof *out);
    return AM_OK;
}

static void nearest_put(const struct model_session *s, double *v,
                        const struct model_nearest *q, const double *out, int err)
{
    const double head[NEAREST_HEAD] = {q->found, q->complete, q->distance,
                                       q->lower, q->boxes,    q->boxes_max};
    memcpy(v, head, sizeof head);
    if (!err)
        memcpy(v + NEAREST_HEAD, out, model_session_features(s) * sizeof *out);
    model_tape_put(TAPE_NEAREST, err, v,
                   err ? 0 : NEAREST_HEAD + model_session_features(s));
}

int model_session_nearest(struct model_session *s, const double *x,
                          const struct model_axis *axis, bool started,
                          struct model_nearest *q, double *out, struct diag *d)
{
    double *v = am_malloc((NEAREST_HEAD + model_session_features(s)) * sizeof *v);
    int err;
    if (!v)
        return AM_E_NOMEM;
    nearest_asked(s, x, axis, q, started, out);
    if (model_tape_plays()) {
        err = nearest_take(s, v, q, out);
    } else {
        err = model_live_nearest(s, x, axis, started, q, out, d);
        nearest_put(s, v, q, out, err);
    }
    free(v);
    return err;
}
