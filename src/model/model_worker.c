/* SPDX-License-Identifier: Apache-2.0 */
/* The child of a session: the only place where a file from outside is parsed and run.
 *
 *   {"op":"lock","onnx":B}            loads the runtime if asked, then seccomp
 *   {"op":"load"} + file              {"features":n,"describe":{...}}; again: another
 *   {"op":"weights","seed":S,"top":T,"picks":P}   {"total":N,"tops":t,"picked":p} and
 *                                     (at, size, form, value) of each in the memory
 *   {"op":"shm"} + memory             where rows and answers go from now on
 *   {"op":"score","n":N}              x[N*f] -> score[N] behind it
 *   {"op":"contributions","n":N,"beside":B}   x[N*f], means[f] if B -> phi[N*(f+1)]
 * behind
 *   {"op":"against","n":N,"beside":B}   x[N*f], background[B*f] -> phi[N*(f+1)] behind
 *   {"op":"nearest","started":B}      struct model_nearest_job, changed in place
 *
 * Every reply has "err" (enum am_err), and "problems" when there are some. */
#include <unistd.h>

#include "model/model_priv.h"
#include "worker/worker.h"

struct child {
    struct model *m;
    struct worker_shm file, shm;
    struct diag d;
};

static void child_problems(struct jw *w, const struct diag *d)
{
    jw_key(w, "problems");
    jw_arr(w);
    for (size_t i = 0; i < d->n; i++) {
        jw_obj(w);
        jw_kint(w, "severity", d->item[i].severity);
        jw_kstrz(w, "path", d->item[i].path);
        jw_kstrz(w, "code", d->item[i].code);
        jw_kstrz(w, "detail", d->item[i].detail);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* Debian 13's ONNX Runtime greets with hundreds of lines on stderr (operators registered
 * twice): they go where our stdout is, to /dev/null. An absent runtime is no error yet:
 * it is reported when a model needs it. */
static void child_load_runtime(void)
{
    int keep = dup(STDERR_FILENO);
    if (keep >= 0)
        dup2(STDOUT_FILENO, STDERR_FILENO);
    (void)!model_ort_load(NULL);
    if (keep >= 0) {
        dup2(keep, STDERR_FILENO);
        close(keep);
    }
}

static int child_lock(const struct json *req)
{
    if (json_bool(json_get(req, "onnx"), false))
        child_load_runtime();
    return worker_enter();
}

static int child_load(struct child *c, int fd, struct jw *w)
{
    struct buf text;
    struct str bytes;
    int err;
    model_free(c->m);
    c->m = NULL;
    worker_shm_release(&c->file);
    err = worker_shm_map(&c->file, fd);
    if (err)
        return err;
    bytes = (struct str){c->file.p, c->file.size_b};
    err = model_load(&c->m, bytes, &c->d);
    if (err)
        return err;
    buf_init(&text, 4 << 20);
    err = model_describe(c->m, bytes, &text);
    if (!err) {
        jw_kint(w, "features", (int64_t)model_features(c->m));
        jw_key(w, "describe");
        jw_raw(w, buf_str(&text));
    }
    buf_release(&text);
    return err;
}

enum child_what { CHILD_SCORE, CHILD_CONTRIBUTIONS, CHILD_AGAINST };

static int child_run(struct child *c, const struct json *req, enum child_what what)
{
    size_t f = c->m ? model_features(c->m) : 0, room = c->shm.size_b / sizeof(double),
           n = (size_t)json_int(json_get(req, "n"), 0),
           beside = (size_t)json_int(json_get(req, "beside"), 0),
           per_row = f + (what == CHILD_SCORE ? 1 : f + 1);
    double *x = c->shm.p, *more, *out;
    if (!x || f == 0 || n == 0 || beside > room / f ||
        n > (room - beside * f) / per_row || (what != CHILD_AGAINST && beside > 1))
        return AM_E_INTERNAL;
    more = x + n * f;
    out = more + beside * f;
    if (what == CHILD_SCORE)
        return model_score(c->m, x, n, out);
    return what == CHILD_AGAINST
               ? model_contributions_against(c->m, x, n, more, beside, out)
               : model_contributions(c->m, x, n, beside ? more : NULL, out);
}

static int child_nearest(struct child *c, const struct json *req)
{
    size_t f = c->m ? model_features(c->m) : 0;
    struct model_nearest_job *j = c->shm.p;
    struct model_nearest q;
    if (!j || f == 0 || c->shm.size_b / sizeof(double) < model_nearest_room(f))
        return AM_E_INTERNAL;
    q = j->q;
    int err = model_nearest(c->m, model_nearest_x(j), model_nearest_axis(j, f),
                            json_bool(json_get(req, "started"), false), &q,
                            model_nearest_out(j, f));
    j->q = q;
    return err;
}

static int child_weights(struct child *c, const struct json *req, struct jw *w)
{
    struct str bytes = {c->file.p, c->file.size_b};
    size_t top = (size_t)json_int(json_get(req, "top"), 0),
           picks = (size_t)json_int(json_get(req, "picks"), 0), tops, picked;
    struct model_weight *at;
    uint64_t total, seed = (uint64_t)json_int(json_get(req, "seed"), 0);
    double *out = c->shm.p;
    int err;
    if (!c->m || !out || top > MODEL_WEIGHTS_ASKED_MAX ||
        picks > MODEL_WEIGHTS_ASKED_MAX || c->shm.size_b / sizeof *out / 4 < top + picks)
        return AM_E_INTERNAL;
    at = am_calloc(top + picks + 1, sizeof *at);
    if (!at)
        return AM_E_NOMEM;
    err = model_weights_choose(bytes, seed, top, picks, at, &tops, &picked, &total);
    for (size_t i = 0; i < tops + picked && !err; i++) {
        out[4 * i] = (double)at[i].at;
        out[4 * i + 1] = (double)at[i].size;
        out[4 * i + 2] = at[i].form;
        out[4 * i + 3] = (double)at[i].value;
    }
    free(at);
    if (err)
        return err;
    jw_kint(w, "total", (int64_t)total);
    jw_kint(w, "tops", (int64_t)tops);
    jw_kint(w, "picked", (int64_t)picked);
    return AM_OK;
}

static int child_shm(struct child *c, int fd)
{
    if (c->shm.p)
        worker_shm_release(&c->shm);
    return worker_shm_map(&c->shm, fd);
}

/* fd: -1 or the descriptor that came along; taken over by load and shm. */
static int child_do(struct child *c, const struct json *req, int fd, struct jw *w)
{
    struct str op = json_get_str(req, "op");
    if (str_eqc(op, "lock"))
        return child_lock(req);
    if (str_eqc(op, "load"))
        return child_load(c, fd, w);
    if (str_eqc(op, "weights"))
        return child_weights(c, req, w);
    if (str_eqc(op, "shm"))
        return child_shm(c, fd);
    if (str_eqc(op, "score"))
        return child_run(c, req, CHILD_SCORE);
    if (str_eqc(op, "contributions"))
        return child_run(c, req, CHILD_CONTRIBUTIONS);
    if (str_eqc(op, "against"))
        return child_run(c, req, CHILD_AGAINST);
    if (str_eqc(op, "nearest"))
        return child_nearest(c, req);
    return AM_E_INTERNAL;
}

static int child_answer(struct child *c, struct str frame, int fd, struct buf *out)
{
    struct json_doc *doc = NULL;
    struct jw w;
    int err = json_parse(&doc, frame, NULL, NULL);
    diag_clear(&c->d);
    jw_init(&w, out);
    jw_obj(&w);
    if (!err)
        err = child_do(c, json_root(doc), fd, &w);
    jw_kint(&w, "err", err);
    if (c->d.n)
        child_problems(&w, &c->d);
    jw_obj_end(&w);
    json_free(doc);
    return jw_done(&w);
}

int model_worker_main(void)
{
    struct child c = {.file.fd = -1, .shm.fd = -1};
    struct buf in, out;
    int err = AM_OK;
    buf_init(&in, 1 << 16);
    buf_init(&out, 8 << 20);
    diag_init(&c.d);
    while (!err) {
        int fd = -1;
        size_t n = 1;
        buf_clear(&in);
        buf_clear(&out);
        err = worker_recv(&in, &fd, &n);
        if (!err)
            err = child_answer(&c, buf_str(&in), n ? fd : -1, &out);
        if (!err)
            err = worker_send(buf_str(&out));
    }
    return err == AM_E_UNAVAILABLE ? 0 : 3; /* the parent is gone: nothing to report */
}
