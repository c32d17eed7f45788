/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of a session. What the child says is checked before it is believed: sizes,
 * error numbers, and the digest of the file against our own. */
#include "base/log.h"
#include "model/model_priv.h"
#include "model/model_tape.h"
#include "worker/worker.h"

enum {
    SESSION_SHM = 64 << 20,
    SESSION_ROWS_MIN = 64,
    SESSION_ROWS_EXPLAINED = 2048, /* an answer takes time: none may look like a hang */
    SESSION_REPLY = 8 << 20
};

struct model_session {
    struct worker *w;
    struct worker_shm file, shm; /* file: sealed; the child can read, nobody can write */
    struct buf describe;
    size_t features;
    uint8_t played[CRYPTO_SHA256]; /* no worker, a tape: what the file's digest was */
};

/* A crash or a hang of the child, told to the person who handed the file in. */
static int session_ended(struct model_session *s, int err, struct diag *d)
{
    bool late = err == AM_E_TIMEOUT;
    if (err != AM_E_TIMEOUT && err != AM_E_UNAVAILABLE)
        return err;
    diag_err(d, "", late ? "model.timeout" : "model.crashed",
             late ? "no answer in time (%s)" : "the model's process ended: %s",
             worker_end(s->w));
    diag_arg(d, "how", worker_end(s->w));
    return AM_E_REFUSED;
}

static void session_problems(const struct json *list, struct diag *d)
{
    for (json_each(it, list)) {
        char path[256], code[64], detail[512];
        int64_t sev = json_int(json_get(it.val, "severity"), DIAG_ERROR);
        struct str p = json_get_str(it.val, "path"), c = json_get_str(it.val, "code"),
                   t = json_get_str(it.val, "detail");
        snprintf(path, sizeof path, "%.*s", (int)AM_MIN(p.n, 255u), p.p ? p.p : "");
        snprintf(code, sizeof code, "%.*s", (int)AM_MIN(c.n, 63u), c.p ? c.p : "");
        snprintf(detail, sizeof detail, "%.*s", (int)AM_MIN(t.n, 511u), t.p ? t.p : "");
        diag_add(d, sev == DIAG_WARNING ? DIAG_WARNING : DIAG_ERROR, path, code, "%s",
                 detail);
    }
}

/* One request; *reply is the parsed answer (free with json_free), also on the errors the
 * child reports. */
static int session_ask(struct model_session *s, struct str request, int fd,
                       struct diag *d, struct json_doc **reply)
{
    struct buf text;
    int64_t code;
    int err;
    buf_init(&text, SESSION_REPLY);
    err = worker_call(s->w, request, &fd, fd >= 0 ? 1 : 0, &text);
    if (err)
        err = session_ended(s, err, d);
    else
        err = json_parse(reply, buf_str(&text), NULL, NULL);
    buf_release(&text);
    if (err)
        return err;
    code = json_int(json_get(json_root(*reply), "err"), 1);
    session_problems(json_get(json_root(*reply), "problems"), d);
    if (code > 0 || code <= -(int64_t)AM_I_COUNT)
        return AM_E_INTERNAL; /* not our child's language */
    return (int)code;
}

static int session_tell(struct model_session *s, struct str request, int fd,
                        struct diag *d)
{
    struct json_doc *reply = NULL;
    int err = session_ask(s, request, fd, d, &reply);
    json_free(reply);
    return err;
}

static int session_take_description(struct model_session *s, const struct json *reply)
{
    const struct json *describe = json_get(reply, "describe");
    int64_t features = json_int(json_get(reply, "features"), 0);
    uint8_t ours[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    struct jw w;
    model_session_digest(s, ours);
    crypto_hex(ours, sizeof ours, hex);
    if (features < 1 || features > MODEL_FEATURES_MAX ||
        !json_str_is(json_get(describe, "file_sha256"), hex))
        return AM_E_TAMPERED;
    s->features = (size_t)features;
    jw_init(&w, &s->describe);
    jw_val(&w, describe);
    return jw_done(&w);
}

static int session_hand_over(struct model_session *s, struct diag *d)
{
    struct json_doc *reply = NULL;
    int err = session_ask(s, STR("{\"op\":\"load\"}"), s->file.fd, d, &reply);
    if (!err)
        err = session_take_description(s, json_root(reply));
    json_free(reply);
    return err;
}

static int session_load(struct model_session *s, struct diag *d)
{
    struct str bytes = {s->file.p, s->file.size_b};
    int err = session_tell(s,
                           model_sniff(bytes) == MODEL_ONNX
                               ? STR("{\"op\":\"lock\",\"onnx\":true}")
                               : STR("{\"op\":\"lock\",\"onnx\":false}"),
                           -1, d);
    return err ? err : session_hand_over(s, d);
}

static int session_size(struct str bytes, struct diag *d)
{
    if (bytes.n > 0 && bytes.n <= MODEL_FILE_MAX)
        return AM_OK;
    diag_err(d, "", bytes.n ? "model.toobig" : "model.empty",
             "a model file has 1 to %d bytes", MODEL_FILE_MAX);
    return bytes.n ? AM_E_TOOBIG : AM_E_INVALID;
}

static int session_reload(struct model_session *s, struct str bytes, struct diag *d)
{
    struct worker_shm file;
    int err = session_size(bytes, d);
    if (!err)
        err = worker_shm_from(&file, bytes);
    if (err)
        return err;
    worker_shm_release(&s->file);
    s->file = file;
    s->features = 0;
    buf_clear(&s->describe);
    return session_hand_over(s, d);
}

int model_session_reload(struct model_session *s, struct str bytes, struct diag *d)
{
    uint8_t digest[CRYPTO_SHA256];
    int err;
    model_tape_asked(TAPE_RELOAD, NULL, 0);
    if (model_tape_plays())
        return model_tape_take_model(TAPE_RELOAD, &s->features, s->played, &s->describe);
    err = session_reload(s, bytes, d);
    model_session_digest(s, digest);
    model_tape_put_model(TAPE_RELOAD, err, s->features, digest, buf_str(&s->describe));
    return err;
}

static int session_open(struct model_session **out, struct str bytes,
                        const struct model_limits *limits, struct diag *d)
{
    struct model_limits l = limits ? *limits : (struct model_limits){0};
    const struct worker_limits wl = {l.memory_b, l.cpu_s, l.reply_ms};
    struct model_session *s;
    int err = session_size(bytes, d);
    if (err)
        return err;
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    s->shm.fd = s->file.fd = -1;
    buf_init(&s->describe, SESSION_REPLY);
    err = worker_shm_from(&s->file, bytes);
    if (!err)
        err = worker_spawn(&s->w, "model", &wl);
    if (!err)
        err = session_load(s, d);
    if (err) {
        model_session_close(s);
        return err;
    }
    *out = s;
    return AM_OK;
}

/* A session without a worker: the tape of this thread says what one said. */
static int session_play(struct model_session **out)
{
    struct model_session *s = am_calloc(1, sizeof *s);
    int err;
    if (!s)
        return AM_E_NOMEM;
    s->shm.fd = s->file.fd = -1;
    buf_init(&s->describe, SESSION_REPLY);
    err = model_tape_take_model(TAPE_OPEN, &s->features, s->played, &s->describe);
    if (err)
        model_session_close(s);
    else
        *out = s;
    return err;
}

int model_session_open(struct model_session **out, struct str bytes,
                       const struct model_limits *limits, struct diag *d)
{
    static const uint8_t none[CRYPTO_SHA256];
    uint8_t digest[CRYPTO_SHA256];
    int err;
    model_tape_asked(TAPE_OPEN, NULL, 0);
    if (model_tape_plays())
        return session_play(out);
    err = session_open(out, bytes, limits, d);
    if (err) {
        model_tape_put_model(TAPE_OPEN, err, 0, none, STR_NULL);
        return err;
    }
    model_session_digest(*out, digest);
    model_tape_put_model(TAPE_OPEN, err, (*out)->features, digest,
                         buf_str(&(*out)->describe));
    return err;
}

void model_session_close(struct model_session *s)
{
    if (!s)
        return;
    worker_free(s->w);
    worker_shm_release(&s->file);
    worker_shm_release(&s->shm);
    buf_release(&s->describe);
    free(s);
}

struct str model_session_describe(const struct model_session *s)
{
    return buf_str(&s->describe);
}

size_t model_session_features(const struct model_session *s)
{
    return s->features;
}

void model_session_digest(const struct model_session *s, uint8_t out[CRYPTO_SHA256])
{
    if (s->w)
        crypto_sha256((struct str){s->file.p, s->file.size_b}, out);
    else
        memcpy(out, s->played, sizeof s->played);
}

bool model_session_alive(struct model_session *s)
{
    double alive = 0;
    size_t n;
    model_tape_asked(TAPE_ALIVE, NULL, 0);
    if (model_tape_plays())
        return !model_tape_take(TAPE_ALIVE, &alive, 1, &n) && n && alive == 1;
    alive = worker_alive(s->w);
    model_tape_put(TAPE_ALIVE, AM_OK, &alive, 1);
    return alive == 1;
}

/* Memory for at least this many doubles, shared with the child. */
static int session_room(struct model_session *s, size_t doubles, struct diag *d)
{
    struct worker_shm m;
    int err;
    if (s->shm.p && s->shm.size_b >= doubles * sizeof(double))
        return AM_OK;
    err = worker_shm_new(&m, doubles * sizeof(double));
    if (err)
        return err;
    err = session_tell(s, STR("{\"op\":\"shm\"}"), m.fd, d);
    if (err) {
        worker_shm_release(&m);
        return err;
    }
    worker_shm_release(&s->shm);
    s->shm = m;
    return AM_OK;
}

/* The child is not believed: what it names must lie in the file. */
static int session_take_weights(const struct model_session *s, size_t n,
                                struct model_weight *out)
{
    const double *v = s->shm.p;
    for (size_t i = 0; i < n; i++, v += 4) {
        if (!(v[0] >= 0 && v[0] < MODEL_FILE_MAX && v[1] >= 1 && v[1] <= 64 &&
              v[0] + v[1] <= (double)s->file.size_b && v[2] >= 0 &&
              v[2] <= MODEL_WEIGHT_LE))
            return AM_E_TAMPERED;
        out[i] = (struct model_weight){.at = (size_t)v[0],
                                       .size = (size_t)v[1],
                                       .form = (enum model_weight_form)(int)v[2],
                                       .value = (float)v[3]};
    }
    return AM_OK;
}

int model_live_weights(struct model_session *s, uint64_t seed, size_t top, size_t picks,
                       struct model_weight *out, size_t *tops, size_t *picked,
                       uint64_t *total, struct diag *d)
{
    struct json_doc *reply = NULL;
    char req[120];
    int64_t t, p;
    int err = session_room(s, 4 * (top + picks + 1), d);
    if (err)
        return err;
    snprintf(req, sizeof req,
             "{\"op\":\"weights\",\"seed\":%llu,\"top\":%zu,\"picks\":%zu}",
             (unsigned long long)(seed >> 1), top, picks);
    err = session_ask(s, str_c(req), -1, d, &reply);
    t = json_int(json_get(json_root(reply), "tops"), -1);
    p = json_int(json_get(json_root(reply), "picked"), -1);
    *total = (uint64_t)json_int(json_get(json_root(reply), "total"), 0);
    json_free(reply);
    if (err)
        return err;
    if (t < 0 || p < 0 || (size_t)t > top || (size_t)p > picks)
        return AM_E_TAMPERED;
    *tops = (size_t)t;
    *picked = (size_t)p;
    return session_take_weights(s, *tops + *picked, out);
}

struct session_job {
    const double *x, *beside; /* rows that go with each part: means, a background */
    double *out;
    size_t n, beside_rows, width; /* width: doubles of the answer per row */
    const char *op;
    enum model_tape_op on_tape;
};

static int session_chunk(struct model_session *s, const struct session_job *j,
                         size_t from, size_t k, struct diag *d)
{
    size_t f = s->features, extra = j->beside_rows * f;
    double *x = s->shm.p;
    char req[100];
    int err;
    memcpy(x, j->x + from * f, k * f * sizeof *x);
    if (extra)
        memcpy(x + k * f, j->beside, extra * sizeof *x);
    snprintf(req, sizeof req, "{\"op\":\"%s\",\"n\":%zu,\"beside\":%zu}", j->op, k,
             j->beside_rows);
    err = session_tell(s, str_c(req), -1, d);
    if (!err)
        memcpy(j->out + from * j->width, x + k * f + extra, k * j->width * sizeof *x);
    return err;
}

static int session_all(struct model_session *s, const struct session_job *j,
                       struct diag *d)
{
    size_t f = s->features, per_row = f + j->width, beside = j->beside_rows * f;
    size_t room = SESSION_SHM / sizeof(double),
           most = room > beside ? AM_MAX((room - beside) / per_row, 1u) : 1;
    size_t rows = AM_MIN(AM_MAX(j->n, (size_t)SESSION_ROWS_MIN), most);
    int err;
    if (j->width > 1)
        rows = AM_MIN(rows, (size_t)SESSION_ROWS_EXPLAINED);
    err = session_room(s, rows * per_row + AM_MAX(beside, f), d);
    for (size_t done = 0; !err && done < j->n;) {
        size_t k = AM_MIN(rows, j->n - done);
        err = session_chunk(s, j, done, k, d);
        done += k;
    }
    return err;
}

static int session_run(struct model_session *s, const struct session_job *j,
                       struct diag *d)
{
    size_t out = j->n * j->width, n;
    int err;
    model_tape_asked(j->on_tape, j->x, j->n * s->features);
    if (j->beside_rows)
        model_tape_asked(j->on_tape, j->beside, j->beside_rows * s->features);
    if (model_tape_plays()) {
        err = model_tape_take(j->on_tape, j->out, out, &n);
        return !err && n != out ? AM_E_TAMPERED : err;
    }
    err = session_all(s, j, d);
    model_tape_put(j->on_tape, err, j->out, err ? 0 : out);
    return err;
}

int model_session_score(struct model_session *s, const double *x, size_t n, double *score,
                        struct diag *d)
{
    const struct session_job j = {
        .x = x, .out = score, .n = n, .width = 1, .op = "score", .on_tape = TAPE_SCORE};
    return session_run(s, &j, d);
}

int model_session_contributions(struct model_session *s, const double *x, size_t n,
                                const double *background_mean, double *phi,
                                struct diag *d)
{
    const struct session_job j = {.x = x,
                                  .beside = background_mean,
                                  .beside_rows = background_mean != NULL,
                                  .out = phi,
                                  .n = n,
                                  .width = s->features + 1,
                                  .op = "contributions",
                                  .on_tape = TAPE_CONTRIBUTIONS};
    return session_run(s, &j, d);
}

int model_session_contributions_against(struct model_session *s, const double *x,
                                        size_t n, const double *background, size_t rows,
                                        double *phi, struct diag *d)
{
    const struct session_job j = {.x = x,
                                  .beside = background,
                                  .beside_rows = rows,
                                  .out = phi,
                                  .n = n,
                                  .width = s->features + 1,
                                  .op = "against",
                                  .on_tape = TAPE_AGAINST};
    return rows && rows <= MODEL_BACKGROUND_MAX ? session_run(s, &j, d) : AM_E_INVALID;
}

/* Shared memory, both ways: x[f], out[f], axis[f], the question. */
int model_live_nearest(struct model_session *s, const double *x,
                       const struct model_axis *axis, bool started,
                       struct model_nearest *q, double *out, struct diag *d)
{
    size_t f = s->features;
    struct model_nearest_job *j;
    int err = session_room(s, model_nearest_room(f), d);
    if (err)
        return err;
    j = s->shm.p;
    j->q = *q;
    memcpy(model_nearest_x(j), x, f * sizeof *x);
    memcpy(model_nearest_out(j, f), started ? out : x, f * sizeof *x);
    memcpy(model_nearest_axis(j, f), axis, f * sizeof *axis);
    err = session_tell(s,
                       started ? STR("{\"op\":\"nearest\",\"started\":true}")
                               : STR("{\"op\":\"nearest\",\"started\":false}"),
                       -1, d);
    if (err)
        return err;
    *q = j->q;
    memcpy(out, model_nearest_out(j, f), f * sizeof *out);
    return AM_OK;
}
