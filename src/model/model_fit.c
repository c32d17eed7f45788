/* SPDX-License-Identifier: Apache-2.0 */
/* Logistic regression by Newton-Raphson (iteratively reweighted least squares) with
 * ridge: Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 4.4.1
 * and 3.4.1.
 *
 *   maximise  sum_i [ y_i eta_i - log(1 + exp(eta_i)) ] - ridge/2 * sum_j beta_j^2
 *   eta = beta_0 + sum_j beta_j (x_j - mean_j) / sd_j          (beta_0 is not penalised)
 *
 * sd is the population's (divisor n), so that the result equals scikit-learn's
 * StandardScaler + LogisticRegression(C = 1/ridge). A step that does not improve is
 * halved. Sums run in row order: the same rows give the same bits. */
#include <math.h>

#include "model/model_priv.h"

enum { FIT_FEATURES_MAX = 1000, FIT_STEPS = 50, FIT_HALVINGS = 30 };
#define FIT_TOLERANCE 1e-10

struct fit {
    const double *x;
    const uint8_t *y;
    size_t n, p; /* p: coefficients, the intercept last */
    double ridge;
    double *mean, *sd;           /* p - 1 */
    double *beta, *step, *trial; /* p */
    double *hessian, *row;       /* p * p, p */
    double objective;
    unsigned steps;
    bool converged;
};

/* One Newton step's sums over rows, additive over sites (federated fitting sends these).
 */
static double fit_sums(struct fit *f, const double *beta, double *gradient,
                       double *hessian)
{
    size_t p = f->p, k = p - 1;
    double total = 0;
    if (gradient)
        memset(gradient, 0, p * sizeof *gradient);
    if (hessian)
        memset(hessian, 0, p * p * sizeof *hessian);
    for (size_t i = 0; i < f->n; i++) {
        const double *x = f->x + i * k;
        double eta = beta[k], mu, w;
        for (size_t j = 0; j < k; j++) {
            f->row[j] = (x[j] - f->mean[j]) / f->sd[j];
            eta += beta[j] * f->row[j];
        }
        f->row[k] = 1;
        /* log(1 + e^eta) without overflow */
        total += (f->y[i] ? eta : 0) - (fmax(eta, 0) + log1p(exp(-fabs(eta))));
        mu = 1 / (1 + exp(-eta));
        w = mu * (1 - mu);
        for (size_t a = 0; gradient && a < p; a++) {
            gradient[a] += (f->y[i] - mu) * f->row[a];
            for (size_t b = 0; hessian && b <= a; b++)
                hessian[a * p + b] += w * f->row[a] * f->row[b];
        }
    }
    return total;
}

static double fit_penalty(const struct fit *f, const double *beta)
{
    double s = 0;
    for (size_t j = 0; j + 1 < f->p; j++)
        s += beta[j] * beta[j];
    return f->ridge / 2 * s;
}

/* Solves H s = g by Cholesky (lower triangle, in place); false: not positive definite. */
static bool fit_solve(double *h, double *g, size_t p)
{
    for (size_t a = 0; a < p; a++) {
        double before = h[a * p + a];
        for (size_t b = 0; b <= a; b++) {
            double s = h[a * p + b];
            for (size_t c = 0; c < b; c++)
                s -= h[a * p + c] * h[b * p + c];
            if (a != b)
                h[a * p + b] = s / h[b * p + b];
            else if (!(s > before * 1e-13)) /* a column the others already explain */
                return false;
            else
                h[a * p + a] = sqrt(s);
        }
    }
    for (size_t a = 0; a < p; a++) {
        for (size_t c = 0; c < a; c++)
            g[a] -= h[a * p + c] * g[c];
        g[a] /= h[a * p + a];
    }
    for (size_t a = p; a-- > 0;) {
        for (size_t c = a + 1; c < p; c++)
            g[a] -= h[c * p + a] * g[c];
        g[a] /= h[a * p + a];
    }
    return true;
}

/* beta + step, halved until the objective does not fall. Returns the largest change. */
static double fit_line(struct fit *f)
{
    double scale = 1, change = 0;
    for (int k = 0; k < FIT_HALVINGS; k++, scale /= 2) {
        double o;
        change = 0;
        for (size_t j = 0; j < f->p; j++) {
            f->trial[j] = f->beta[j] + scale * f->step[j];
            change = fmax(change, fabs(scale * f->step[j]));
        }
        o = fit_sums(f, f->trial, NULL, NULL) - fit_penalty(f, f->trial);
        /* at the optimum rounding may lose an ulp: that is no step back */
        if (o >= f->objective - 1e-12 * fabs(f->objective)) {
            f->objective = o;
            memcpy(f->beta, f->trial, f->p * sizeof *f->beta);
            return change;
        }
    }
    return 0;
}

static int fit_newton(struct fit *f, unsigned steps_max, double tolerance, struct diag *d)
{
    f->objective = fit_sums(f, f->beta, NULL, NULL) - fit_penalty(f, f->beta);
    while (f->steps < steps_max && !f->converged) {
        (void)fit_sums(f, f->beta, f->step, f->hessian);
        for (size_t j = 0; j + 1 < f->p; j++) {
            f->step[j] -= f->ridge * f->beta[j];
            f->hessian[j * f->p + j] += f->ridge;
        }
        if (!fit_solve(f->hessian, f->step, f->p)) {
            if (f->steps > 3) /* weights vanish: fitted probabilities are all 0 or 1 */
                break;
            diag_err(d, "", "model.singular",
                     "the columns are linearly dependent: drop one, or give a ridge");
            return AM_E_INVALID;
        }
        f->steps++;
        f->converged = fit_line(f) < tolerance;
    }
    if (!f->converged)
        diag_add(d, DIAG_WARNING, "", "model.not_converged",
                 "after %u steps (separated classes? a ridge helps)", f->steps);
    return AM_OK;
}

/* ---- before: checks and standardisation ---- */

static int fit_check(const struct fit *f, const char *const *name, struct diag *d)
{
    size_t k = f->p - 1, positives = 0;
    bool bad = false;
    for (size_t i = 0; i < f->n; i++) {
        positives += f->y[i] == 1;
        if (f->y[i] > 1) {
            diag_err(d, "label", "model.label", "row %zu: not 0 or 1", i);
            bad = true;
        }
        for (size_t j = 0; j < k; j++)
            if (!isfinite(f->x[i * k + j])) {
                diag_err(d, name[j], "model.missing", "row %zu has no value", i);
                bad = true;
            }
    }
    if (bad)
        return AM_E_INVALID;
    if (positives == 0 || positives == f->n) {
        diag_err(d, "label", "model.one_class", "all rows have the same label");
        return AM_E_INVALID;
    }
    return AM_OK;
}

static int fit_standardise(struct fit *f, const char *const *name, struct diag *d)
{
    size_t k = f->p - 1;
    int err = AM_OK;
    for (size_t j = 0; j < k; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < f->n; i++)
            sum += f->x[i * k + j];
        f->mean[j] = sum / (double)f->n;
        for (size_t i = 0; i < f->n; i++) {
            double e = f->x[i * k + j] - f->mean[j];
            squares += e * e;
        }
        f->sd[j] = sqrt(squares / (double)f->n);
        if (!(f->sd[j] > 1e-12 * fabs(f->mean[j])) || f->sd[j] <= 0) {
            diag_err(d, name[j], "model.constant", "the column never changes");
            err = AM_E_INVALID;
        }
    }
    return err;
}

/* ---- after: what is written ---- */

static void fit_raw(const struct fit *f, double *raw)
{
    size_t k = f->p - 1;
    raw[k] = f->beta[k];
    for (size_t j = 0; j < k; j++) {
        raw[j] = f->beta[j] / f->sd[j];
        raw[k] -= raw[j] * f->mean[j];
    }
}

static void fit_strings(struct jw *w, const char *key, const char *const *name,
                        const char *same, size_t n)
{
    jw_key(w, key);
    jw_arr(w);
    for (size_t j = 0; j < n; j++)
        jw_strz(w, same ? same : name[j]);
    jw_arr_end(w);
}

static void fit_write_booster(const struct fit *f, const double *raw, struct jw *w)
{
    char text[MODEL_FLOAT_TEXT];
    jw_key(w, "gradient_booster");
    jw_obj(w);
    jw_key(w, "model");
    jw_obj(w);
    jw_kint(w, "boosted_rounds", f->steps);
    jw_key(w, "weights");
    jw_arr(w);
    for (size_t j = 0; j < f->p; j++)
        jw_raw(w, str_c(model_float_text((float)raw[j], text)));
    jw_arr_end(w);
    jw_obj_end(w);
    jw_kstrz(w, "name", "gblinear");
    jw_obj_end(w);
}

/* The layout of libxgboost 1.7: its later versions read it too. */
static void fit_write_model(const struct fit *f, const char *const *name,
                            const double *raw, struct jw *w)
{
    jw_obj(w);
    jw_key(w, "learner");
    jw_obj(w);
    jw_key(w, "attributes"); /* strings only; libxgboost keeps them */
    jw_obj(w);
    jw_kstrz(w, "amane.fit", "logistic, Newton");
    jw_key(w, "amane.ridge");
    jw_strf(w, "%.17g", f->ridge);
    jw_obj_end(w);
    fit_strings(w, "feature_names", name, NULL, f->p - 1);
    fit_strings(w, "feature_types", name, "float", f->p - 1);
    fit_write_booster(f, raw, w);
    jw_key(w, "learner_model_param");
    jw_obj(w);
    jw_kstrz(w, "base_score", "5E-1");
    jw_kstrz(w, "boost_from_average", "1");
    jw_kstrz(w, "num_class", "0");
    jw_key(w, "num_feature");
    jw_strf(w, "%zu", f->p - 1);
    jw_kstrz(w, "num_target", "1");
    jw_obj_end(w);
    jw_key(w, "objective");
    jw_raw(w, STR("{\"name\":\"binary:logistic\","
                  "\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}}"));
    jw_obj_end(w);
    jw_key(w, "version");
    jw_raw(w, STR("[1,7,4]"));
    jw_obj_end(w);
}

static void fit_coefficient(struct jw *w, const char *name, double raw,
                            double standardised)
{
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_knum(w, "raw", raw);
    jw_knum(w, "standardised", standardised);
    jw_obj_end(w);
}

static void fit_write_report(const struct fit *f, const char *const *name,
                             const double *raw, struct jw *w)
{
    int64_t positives = 0;
    double squares = 0;
    for (size_t i = 0; i < f->n; i++)
        positives += f->y[i];
    for (size_t j = 0; j + 1 < f->p; j++)
        squares += f->beta[j] * f->beta[j];
    jw_obj(w);
    jw_kint(w, "n", (int64_t)f->n);
    jw_kint(w, "n_pos", positives);
    jw_kint(w, "steps", f->steps);
    jw_kbool(w, "converged", f->converged);
    jw_knum(w, "ridge", f->ridge);
    jw_knum(w, "log_likelihood", f->objective + f->ridge / 2 * squares);
    jw_key(w, "coefficients");
    jw_arr(w);
    fit_coefficient(w, "(intercept)", raw[f->p - 1], f->beta[f->p - 1]);
    for (size_t j = 0; j + 1 < f->p; j++)
        fit_coefficient(w, name[j], raw[j], f->beta[j]);
    jw_arr_end(w);
    jw_obj_end(w);
}

static int fit_write(const struct fit *f, const char *const *name, struct buf *model_json,
                     struct buf *report)
{
    size_t before = model_json->n, before_report = report->n;
    double *raw = am_malloc(f->p * sizeof *raw);
    struct jw w;
    int err;
    if (!raw)
        return AM_E_NOMEM;
    fit_raw(f, raw);
    jw_init(&w, model_json);
    fit_write_model(f, name, raw, &w);
    err = jw_done(&w);
    if (!err) {
        jw_init(&w, report);
        fit_write_report(f, name, raw, &w);
        err = jw_done(&w);
    }
    free(raw);
    if (err) {
        buf_cut(model_json, before);
        buf_cut(report, before_report);
    }
    return err;
}

int model_fit_logistic(const double *x, const uint8_t *y, size_t n,
                       const char *const *name, size_t features,
                       const struct model_fit_options *o, struct buf *model_json,
                       struct buf *report, struct diag *d)
{
    struct model_fit_options opt = o ? *o : (struct model_fit_options){0};
    struct fit f = {.x = x, .y = y, .n = n, .p = features + 1, .ridge = opt.ridge};
    double *room;
    int err;
    if (n == 0 || features == 0 || features > FIT_FEATURES_MAX || !(opt.ridge >= 0)) {
        diag_err(d, "", "model.fit", "needs rows, 1 to %d columns and a ridge >= 0",
                 FIT_FEATURES_MAX);
        return AM_E_INVALID;
    }
    room = am_calloc(f.p * (f.p + 7), sizeof *room);
    if (!room)
        return AM_E_NOMEM;
    f.mean = room;
    f.sd = f.mean + f.p;
    f.beta = f.sd + f.p;
    f.step = f.beta + f.p;
    f.trial = f.step + f.p;
    f.row = f.trial + f.p;
    f.hessian = f.row + f.p;
    err = fit_check(&f, name, d);
    if (!err)
        err = fit_standardise(&f, name, d);
    if (!err)
        err = fit_newton(&f, opt.steps_max ? opt.steps_max : FIT_STEPS,
                         opt.tolerance > 0 ? opt.tolerance : FIT_TOLERANCE, d);
    if (!err)
        err = fit_write(&f, name, model_json, report);
    free(room);
    return err;
}
