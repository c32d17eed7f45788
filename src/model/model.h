/* SPDX-License-Identifier: Apache-2.0 */
/* model -- everything that touches the bytes of a model: reading, describing, running,
 * explaining, fitting. Nothing else in Amane may open a model file.
 *
 * One interface, two runtimes: `tree` = our own evaluator for XGBoost JSON and UBJ
 * (gbtree, gblinear), `onnx` = ONNX Runtime loaded by dlopen (absent is AM_E_UNSUPPORTED
 * with a clear problem), one intra-op thread, no spinning, no external data, no custom
 * operators.
 *
 * Two ways to use it. In process (model_load...): only for bytes we made ourselves, for
 * tests, and inside a worker. Through a worker (model_session...): for everything that
 * comes from outside; the file is parsed and run in a child under seccomp and rlimits.
 *
 * Inputs: rows x features, row-major doubles, NaN = missing; an image is a row, flattened
 * in the order of the model's dimensions. Outputs: one score per row
 * (binary: probability after the link), double.
 *
 * Digests: file = SHA-256 of the file's bytes; canonical = SHA-256 over sorted (tensor
 * name, dtype, shape, raw little-endian bytes) plus the operator list (bench.md, 6.1), so
 * that a re-saved or re-commented model is recognised as the same weights, in JSON or
 * UBJ.
 *
 * Threads: a loaded model is immutable and may score from many threads (tree); a session
 * has one owner. */
#ifndef MODEL_H
#define MODEL_H

#include "base/buf.h"
#include "base/diag.h"
#include "crypto/crypto.h"
#include "json/json.h"

enum { MODEL_FEATURES_MAX = 4096, MODEL_NAME_MAX = 64, MODEL_FILE_MAX = 256 << 20 };
enum model_format { MODEL_XGB_JSON = 1, MODEL_XGB_UBJ, MODEL_ONNX };

struct model; /* loaded, in this process */

/* AM_E_INVALID with problems in d (path = JSON Pointer, or "byte N"), AM_E_UNSUPPORTED,
 * AM_E_TOOBIG, AM_E_NOMEM. The format is recognised from the bytes. */
AM_CHECK int model_load(struct model **out, struct str bytes, struct diag *d);
void model_free(struct model *m);
enum model_format model_kind(const struct model *m);
size_t model_features(const struct model *m);
/* Name of input i, as the file has it; "" when the file names none. */
const char *model_feature(const struct model *m, size_t i);
AM_CHECK int model_canonical_digest(const struct model *m, uint8_t out[CRYPTO_SHA256]);
/* JSON object: format, runtime {name, version}, model_type (section 5 of registry.md),
 * inputs [{name, type}] (an image is one input with the "shape" of a row), outputs
 * [{name, type}], objective, hyperparameters readable from the file (max_depth as built,
 * number_of_trees = number_of_epochs, learning_rate when present, number_of_layers...),
 * file_sha256, canonical_weight_hash, size_b. */
AM_CHECK int model_describe(const struct model *m, struct str bytes, struct buf *json);
/* Does a model with the described inputs read an image of that shape, as one row of width
 * * height * channels values, channels first? NULL: yes; else why not. */
const char *model_image_differs(const struct json *inputs, size_t width, size_t height,
                                size_t channels);
/* x: n * model_features doubles. */
AM_CHECK int model_score(const struct model *m, const double *x, size_t n, double *score);
/* Additive contributions on the margin (log-odds) scale: phi has n * (features + 1), the
 * last column is the base value; their sum is the margin. gblinear: exact, against
 * background means when given (NULL: zero); gbtree: path-dependent TreeSHAP (Lundberg
 * 2018). AM_E_UNSUPPORTED for onnx. */
AM_CHECK int model_contributions(const struct model *m, const double *x, size_t n,
                                 const double *background_mean, double *phi);
/* The same against the rows of a background (1 to MODEL_BACKGROUND_MAX), interventional:
 * an input that is not known has the value of one of them, so the base is their mean
 * margin. Trees and gblinear, exactly; AM_E_UNSUPPORTED for onnx, and when a leaf asks
 * more than 64 inputs. */
enum { MODEL_BACKGROUND_MAX = 1 << 16 };
AM_CHECK int model_contributions_against(const struct model *m, const double *x, size_t n,
                                         const double *background, size_t rows,
                                         double *phi);

/* ---- the nearest change that turns a decision (trees) ---------------------------------
 * For an input that can move: its range, the unit distances are counted in, the step of
 * its values (0: any; multiples of it otherwise). */
struct model_axis {
    double lo, hi, unit, grain;
    bool fixed;
};
struct model_nearest {
    /* asked */
    double threshold;   /* positive: score >= threshold */
    double eps;         /* nothing further away; may be INFINITY */
    uint32_t boxes_max; /* work, and memory: lowered to what 64 MiB hold */
    bool l2;            /* else L_inf */
    /* answered */
    bool found, complete; /* complete: nothing nearer exists, or nothing at all */
    double distance;      /* of what is found */
    double lower;         /* nothing is nearer than this */
    uint32_t boxes;
};
/* Values of out that moved are float32, as the model reads them. out: room for a row,
 * left alone when nothing is found; started: it holds a changed row already, from which
 * to start. Inputs asked as categories stay. AM_E_UNSUPPORTED: not a forest;
 * AM_E_INVALID: axes without unit or range. */
AM_CHECK int model_nearest(const struct model *m, const double *x,
                           const struct model_axis *axis, bool started,
                           struct model_nearest *q, double *out);

/* ---- through a worker -----------------------------------------------------------------
 */
struct model_session;
struct model_limits {
    size_t memory_b;   /* 0: 2 GiB */
    unsigned cpu_s;    /* 0: 600 */
    unsigned reply_ms; /* 0: 30,000 */
};
/* Loads bytes in a fresh worker. Problems found by the parser come back in d with the
 * same paths; a crash or a hang of the worker is AM_E_REFUSED with code model.crashed /
 * model.timeout and how it ended. */
AM_CHECK int model_session_open(struct model_session **out, struct str bytes,
                                const struct model_limits *limits, struct diag *d);
void model_session_close(struct model_session *s);
/* The description made by the worker (borrowed JSON text). */
struct str model_session_describe(const struct model_session *s);
size_t model_session_features(const struct model_session *s);
AM_CHECK int model_session_score(struct model_session *s, const double *x, size_t n,
                                 double *score, struct diag *d);
AM_CHECK int model_session_contributions(struct model_session *s, const double *x,
                                         size_t n, const double *background_mean,
                                         double *phi, struct diag *d);
AM_CHECK int model_session_contributions_against(struct model_session *s, const double *x,
                                                 size_t n, const double *background,
                                                 size_t rows, double *phi,
                                                 struct diag *d);
AM_CHECK int model_session_nearest(struct model_session *s, const double *x,
                                   const struct model_axis *axis, bool started,
                                   struct model_nearest *q, double *out, struct diag *d);
/* Digest of the file the session was opened with, recomputed from memory now. */
void model_session_digest(const struct model_session *s, uint8_t out[CRYPTO_SHA256]);
bool model_session_alive(struct model_session *s);
/* Other bytes in the same worker: what model_session_open() checks is checked again. On
 * an error the session holds no model (scoring is AM_E_INTERNAL) and may be loaded again,
 * unless it has ended. */
AM_CHECK int model_session_reload(struct model_session *s, struct str bytes,
                                  struct diag *d);

/* ---- single weights, to alter copies of a file (bench: row CY-4) ----
 * Where a float32 weight stands in the file: thresholds and leaves of trees, weights of
 * gblinear, tensors and attributes of floats of ONNX. The child finds them. */
enum model_weight_form { MODEL_WEIGHT_TEXT, MODEL_WEIGHT_BE, MODEL_WEIGHT_LE };
struct model_weight {
    size_t at, size; /* bytes of the file */
    enum model_weight_form form;
    float value;
};
/* The `top` of largest magnitude, then `picks` drawn by the seed (all of them in order of
 * the file when there are no more): out has room for both; *total: weights of the file.
 */
enum { MODEL_WEIGHTS_ASKED_MAX = 4096 };
AM_CHECK int model_session_weights(struct model_session *s, uint64_t seed, size_t top,
                                   size_t picks, struct model_weight *out, size_t *tops,
                                   size_t *picked, uint64_t *total, struct diag *d);
/* Appends a copy of the file with bit 0..31 of that weight inverted. AM_E_INVALID when
 * the weight does not lie in the file. */
AM_CHECK int model_weight_flip(struct str bytes, const struct model_weight *w,
                               unsigned bit, struct buf *out);
/* ---- what was answered, to be answered again without the model ----
 * The thread that uses a tape records on it everything the sessions of that thread ask
 * and are told, and model_weight_flip()'s errors; or plays a tape recorded before: no
 * worker is started and no byte of a model is needed (bytes may be STR_NULL). Errors are
 * answers too, except AM_E_NOMEM. */
struct model_tape;
AM_CHECK int model_tape_record(struct model_tape **out);
/* bytes are borrowed. Whatever they hold, what is asked gets an answer or an error. */
AM_CHECK int model_tape_play(struct model_tape **out, struct str bytes);
void model_tape_free(struct model_tape *t);
/* In this thread from now on; NULL: none. Returns the one before. */
struct model_tape *model_tape_use(struct model_tape *t);
/* Once, last. Recorded: the bytes, borrowed from t; AM_E_NOMEM, AM_E_TOOBIG. Played:
 * AM_E_TAMPERED unless exactly what was asked then was asked now, in that order. */
AM_CHECK int model_tape_end(struct model_tape *t, struct str *bytes);
size_t model_tape_asks(const struct model_tape *t); /* questions so far */
/* An answer of nobody's session (a service, what was seen of it), recorded and played as
 * theirs: fn gives *n numbers, max at most, unless the tape of the thread has them. */
typedef int model_tape_fn(void *cookie, double *out, size_t max, size_t *n);
AM_CHECK int model_tape_other(model_tape_fn *fn, void *cookie, const double *asked,
                              size_t n_asked, double *out, size_t max, size_t *n);
/* Main of the worker role "model": cmd registers it. */
int model_worker_main(void);

/* May this hyperparameter ("max_depth"...) be {"na": reason} for a model of this type?
 * The table of registry.md, section 5. */
bool model_na_allowed(struct str model_type, const char *field, struct str reason);

/* ---- OpenSSF Model Signing 1.0 (model_oms.c) ---- */
struct model_oms_file {
    struct str name; /* path under the model, '/' between */
    uint8_t sha256[CRYPTO_SHA256];
};
struct model_oms_trust {
    struct str spki;      /* the key (DER) that must have signed, when by key */
    struct str roots_pem; /* roots of the chain, when by certificate, at that instant */
    int64_t at;
};
bool model_oms_path_ok(struct str path);
/* Appends the bundle; subject = name of the file or folder. Sorts f. AM_E_INVALID: no
 * file, a path twice or not normal, another curve than P-256. */
AM_CHECK int model_oms_sign(struct str subject, struct model_oms_file *f, size_t n,
                            const struct crypto_key *p256, struct buf *bundle);
/* The bundle is well formed, signed by whom is trusted, and lists exactly these files.
 * Every problem in d (codes oms.*); AM_E_INVALID. Sorts f. */
AM_CHECK int model_oms_verify(const struct json *bundle, struct model_oms_file *f,
                              size_t n, const struct model_oms_trust *trust,
                              struct diag *d);
struct str model_oms_hint(const struct json *bundle); /* which key: its key_id */

/* ---- fitting ---- */
struct model_fit_options {
    double ridge;       /* L2 penalty on standardised coefficients, >= 0 */
    unsigned steps_max; /* 0: 50 */
    double tolerance;   /* 0: 1e-10, on the largest change of a coefficient */
};
/* Logistic regression by Newton-Raphson with ridge (Hastie, Tibshirani, Friedman, 4.4.1).
 * Columns are standardised for fitting, coefficients given back on the raw scale; rows
 * with a missing value are AM_E_INVALID. Appends XGBoost gblinear JSON (binary:logistic)
 * that libxgboost loads and scores identically (float32 weights). report: JSON object {n,
 * n_pos, steps, converged, log_likelihood, coefficients [{name, raw, standardised}]}. */
AM_CHECK int model_fit_logistic(const double *x, const uint8_t *y, size_t n,
                                const char *const *name, size_t features,
                                const struct model_fit_options *o, struct buf *model_json,
                                struct buf *report, struct diag *d);

/* Boosted trees for 0/1 labels, histogram method; options mean what they mean in XGBoost.
 * Start from model_gbt_defaults(). */
struct model_gbt_options {
    unsigned rounds;         /* 1..10000 */
    unsigned max_depth;      /* 1..12 */
    unsigned bins;           /* 3..256 a column, "missing" included */
    unsigned threads;        /* 0: one a processor; the result is the same */
    unsigned folds;          /* 2..20: cross-validation in the report; 0: none */
    double eta;              /* learning rate, (0, 1] */
    double lambda, gamma;    /* L2 penalty of leaves; least gain of a split */
    double min_child_weight; /* least sum of p (1 - p) in a child */
    double subsample;        /* share of rows a tree sees, (0, 1] */
    double colsample;        /* share of columns a tree sees, (0, 1] */
    double base_score;       /* a probability; NaN: the share of positives */
    uint64_t seed;           /* of subsample, colsample and folds */
    const uint32_t *patient; /* of each row, rows of one stay in one fold; NULL: no two */
};
struct model_gbt_options model_gbt_defaults(void);
/* Missing values (NaN) are accepted. Appends XGBoost JSON (gbtree, binary:logistic) that
 * libxgboost loads and scores identically (float32); the same rows and options give the
 * same bytes. report (NULL: nothing is measured on the way, which is faster): JSON object
 * {n, n_pos, options, rounds [{train_logloss, train_auc}], importance [{name, gain,
 * share, splits}], cross_validation}. */
AM_CHECK int model_fit_gbt(const double *x, const uint8_t *y, size_t n,
                           const char *const *name, size_t features,
                           const struct model_gbt_options *o, struct buf *model_json,
                           struct buf *report, struct diag *d);

#endif
