/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX Runtime, loaded by name. Debian 12 has no header of it, so the few functions we
 * call are declared here by their place in `struct OrtApi` (onnxruntime_c_api.h: the
 * table only ever grows at its end; places checked against the published headers of 1.22
 * to 1.30).
 *
 * One thread, no spinning, no telemetry, no profiling, errors only in the log: scores
 * must not depend on the machine's mood (bench.md, section 7). */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>

#include "base/log.h"
#include "model/model_priv.h"

#ifndef AMANE_ORT_PATH
#define AMANE_ORT_PATH "libonnxruntime.so.1"
#endif

enum { ORT_API = 16, ORT_CHUNK = 4096 };
enum { /* places in struct OrtApi */
       ORT_GetErrorMessage = 2,
       ORT_CreateEnv = 3,
       ORT_DisableTelemetryEvents = 6,
       ORT_CreateSessionFromArray = 8,
       ORT_Run = 9,
       ORT_CreateSessionOptions = 10,
       ORT_SetSessionExecutionMode = 13,
       ORT_SetIntraOpNumThreads = 24,
       ORT_SetInterOpNumThreads = 25,
       ORT_CreateTensorWithDataAsOrtValue = 49,
       ORT_GetTensorMutableData = 51,
       ORT_GetTensorElementType = 60,
       ORT_GetDimensionsCount = 61,
       ORT_GetDimensions = 62,
       ORT_GetTensorTypeAndShape = 65,
       ORT_CreateCpuMemoryInfo = 69,
       ORT_ReleaseStatus = 93,
       ORT_ReleaseSession = 95,
       ORT_ReleaseValue = 96,
       ORT_ReleaseTensorTypeAndShapeInfo = 99,
       ORT_ReleaseSessionOptions = 100,
       ORT_AddSessionConfigEntry = 130,
};
struct ort_status;
typedef void (*ort_fn)(void);
struct ort_base {
    const ort_fn *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

static struct {
    pthread_once_t once;
    const ort_fn *api;
    const char *version;
    char problem[300];
    void *env, *memory;
} ort = {.once = PTHREAD_ONCE_INIT};

/* Each place with its type: a function pointer in, the same function pointer out. */
#define ORT(place, type) ((type)ort.api[place])
#define ORT_P1(place, a) (ORT(place, struct ort_status * (*)(void **))(a))

static bool ort_ok(struct ort_status *s, char *why, size_t size)
{
    if (!s)
        return true;
    if (why)
        snprintf(why, size, "%s",
                 ORT(ORT_GetErrorMessage, const char *(*)(const struct ort_status *))(s));
    ORT(ORT_ReleaseStatus, void (*)(struct ort_status *))(s);
    return false;
}

/* AMANE_ORT names the one library to use ("none": there is none); else the build's, else
 * the system's. */
static void *ort_dlopen(void)
{
    const char *env = getenv("AMANE_ORT");
    static const char *const path[] = {
        AMANE_ORT_PATH, "/usr/lib/amane/libonnxruntime.so.1", /* the package's */
        "libonnxruntime.so.1", "libonnxruntime.so.1.21"};
    void *lib = NULL;
    if (env && env[0])
        return strcmp(env, "none") == 0 ? NULL : dlopen(env, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; !lib && i < AM_LEN(path); i++)
        lib = dlopen(path[i], RTLD_NOW | RTLD_LOCAL);
    return lib;
}

static void ort_load(void)
{
    const struct ort_base *(*get_base)(void) = NULL;
    const struct ort_base *base;
    /* Since 1.24 the wheels' library keeps a device identifier and a database in the home
     * of its user, and a thread that tries to send them; its attempts after some seconds
     * are what seccomp kills a worker for. Asked before the library is loaded. */
    void *lib = setenv("ORT_DISABLE_TELEMETRY", "1", 1) ? NULL : ort_dlopen();
    void *sym = lib ? dlsym(lib, "OrtGetApiBase") : NULL;
    if (!sym) {
        snprintf(ort.problem, sizeof ort.problem, "ONNX Runtime is not installed");
        return;
    }
    memcpy(&get_base, &sym, sizeof sym); /* POSIX: a symbol is a function's address */
    base = get_base();
    ort.version = base->get_version();
    ort.api = base->get_api(ORT_API);
    if (!ort.api) {
        snprintf(ort.problem, sizeof ort.problem, "ONNX Runtime %s is too old",
                 ort.version);
        return;
    }
    if (!ort_ok(ORT(ORT_CreateEnv, struct ort_status * (*)(int, const char *, void **))(
                    4 /* fatal only */, "amane", &ort.env),
                ort.problem, sizeof ort.problem) ||
        !ort_ok(ORT(ORT_DisableTelemetryEvents,
                    struct ort_status * (*)(const void *))(ort.env),
                ort.problem, sizeof ort.problem) ||
        !ort_ok(ORT(ORT_CreateCpuMemoryInfo, struct ort_status * (*)(int, int, void **))(
                    0 /* device allocator */, 0 /* default */, &ort.memory),
                ort.problem, sizeof ort.problem))
        ort.api = NULL;
}

int model_ort_load(struct diag *d)
{
    pthread_once(&ort.once, ort_load);
    if (ort.api)
        return AM_OK;
    diag_err(d, "", "model.onnx_runtime", "%s", ort.problem);
    return AM_E_UNSUPPORTED;
}

const char *model_ort_version(void)
{
    return ort.api ? ort.version : NULL;
}

/* ---- a session ---- */

struct model_ort {
    void *session;
    const char **input_name;
};

static bool ort_options(void *o, char *why, size_t size)
{
    typedef struct ort_status *set_int(void *, int);
    typedef struct ort_status *set_entry(void *, const char *, const char *);
    static const char *const entry[][2] = {
        {"session.intra_op.allow_spinning", "0"},
        {"session.inter_op.allow_spinning", "0"},
        {"session.use_env_allocators", "0"},
        {"session.set_denormal_as_zero", "0"},
    };
    for (size_t i = 0; i < AM_LEN(entry); i++)
        if (!ort_ok(
                ORT(ORT_AddSessionConfigEntry, set_entry *)(o, entry[i][0], entry[i][1]),
                why, size))
            return false;
    return ort_ok(ORT(ORT_SetSessionExecutionMode, set_int *)(o, 0), why, size) &&
           ort_ok(ORT(ORT_SetIntraOpNumThreads, set_int *)(o, 1), why, size) &&
           ort_ok(ORT(ORT_SetInterOpNumThreads, set_int *)(o, 1), why, size);
}

static bool ort_session(struct model_ort *s, struct str bytes, char *why, size_t size)
{
    typedef struct ort_status *create(const void *, const void *, size_t, const void *,
                                      void **);
    void *options = NULL;
    bool ok;
    if (!ort_ok(ORT_P1(ORT_CreateSessionOptions, &options), why, size))
        return false;
    ok = ort_options(options, why, size) &&
         ort_ok(ORT(ORT_CreateSessionFromArray, create *)(ort.env, bytes.p, bytes.n,
                                                          options, &s->session),
                why, size);
    ORT(ORT_ReleaseSessionOptions, void (*)(void *))(options);
    return ok;
}

int model_ort_open(struct model_onnx *o, struct str bytes, struct diag *d)
{
    char why[300] = "";
    int err = model_ort_load(d);
    if (err)
        return err;
    o->ort = am_calloc(1, sizeof *o->ort);
    if (!o->ort)
        return AM_E_NOMEM;
    o->ort->input_name = am_calloc(o->input.n, sizeof *o->ort->input_name);
    if (!o->ort->input_name)
        return AM_E_NOMEM;
    for (size_t i = 0; i < o->input.n; i++)
        o->ort->input_name[i] = o->input.v[i].name;
    if (!ort_session(o->ort, bytes, why, sizeof why)) {
        diag_err(d, "", "model.onnx_session", "ONNX Runtime refuses the model: %s", why);
        return AM_E_INVALID;
    }
    return AM_OK;
}

void model_ort_close(struct model_ort *s)
{
    if (!s)
        return;
    if (s->session)
        ORT(ORT_ReleaseSession, void (*)(void *))(s->session);
    free(s->input_name);
    free(s);
}

/* ---- scoring ---- */

struct ort_run {
    const struct model_onnx *o;
    size_t rows;
    char *data;   /* the input tensors, one behind the other */
    void **value; /* OrtValue of each */
};

static size_t ort_width(int dtype)
{
    return dtype == MODEL_F32 ? 4 : 8;
}

/* Columns [first, first + k) of x as one dense tensor. AM_E_INVALID: a missing or huge
 * value where the model wants an integer. */
static int ort_fill_whole(int64_t *out, size_t k, const double *x, size_t rows,
                          size_t stride)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < k; j++) {
            double v = x[r * stride + j];
            if (!(fabs(v) < 9007199254740992.0))
                return AM_E_INVALID;
            out[r * k + j] = (int64_t)v;
        }
    return AM_OK;
}

static int ort_fill(void *out, const struct model_onnx_io *io, const double *x,
                    size_t rows, size_t stride)
{
    size_t k = (size_t)io->columns;
    if (io->dtype == MODEL_I64)
        return ort_fill_whole(out, k, x, rows, stride);
    for (size_t r = 0; r < rows; r++)
        if (io->dtype == MODEL_F32)
            for (size_t j = 0; j < k; j++)
                ((float *)out)[r * k + j] = (float)x[r * stride + j];
        else
            memcpy((double *)out + r * k, x + r * stride, k * sizeof *x);
    return AM_OK;
}

static int ort_inputs(struct ort_run *run, const double *x)
{
    typedef struct ort_status *create(const void *, void *, size_t, const int64_t *,
                                      size_t, int, void **);
    char *p = run->data;
    size_t first = 0;
    for (size_t i = 0; i < run->o->input.n; i++) {
        const struct model_onnx_io *io = &run->o->input.v[i];
        int64_t shape[AM_LEN(io->dim)];
        size_t n = run->rows * (size_t)io->columns * ort_width(io->dtype);
        int err = ort_fill(p, io, x + first, run->rows, run->o->features);
        if (err)
            return err;
        memcpy(shape, io->dim, sizeof shape);
        shape[0] = (int64_t)run->rows;
        if (!ort_ok(ORT(ORT_CreateTensorWithDataAsOrtValue, create *)(
                        ort.memory, p, n, shape, io->rank, io->dtype, &run->value[i]),
                    NULL, 0))
            return AM_E_INTERNAL;
        first += (size_t)io->columns;
        p += (n + 7) / 8 * 8; /* the next one may be of 8 bytes a value */
    }
    return AM_OK;
}

/* What came out must be what the signature promised, for exactly our rows. */
static int ort_output_columns(void *value, size_t rows, int dtype, size_t *columns)
{
    typedef struct ort_status *get(const void *, void **);
    typedef struct ort_status *get_size(const void *, size_t *);
    typedef struct ort_status *get_type(const void *, int *);
    typedef struct ort_status *get_dims(const void *, int64_t *, size_t);
    int64_t dim[2] = {0, 1};
    size_t rank = 0;
    int type = 0;
    void *info = NULL;
    bool ok;
    if (!ort_ok(ORT(ORT_GetTensorTypeAndShape, get *)(value, &info), NULL, 0))
        return AM_E_INVALID;
    ok = ort_ok(ORT(ORT_GetDimensionsCount, get_size *)(info, &rank), NULL, 0) &&
         ort_ok(ORT(ORT_GetTensorElementType, get_type *)(info, &type), NULL, 0) &&
         (rank == 1 || rank == 2) &&
         ort_ok(ORT(ORT_GetDimensions, get_dims *)(info, dim, rank), NULL, 0);
    ORT(ORT_ReleaseTensorTypeAndShapeInfo, void (*)(void *))(info);
    if (!ok || type != dtype || dim[0] != (int64_t)rows || dim[1] < 1 || dim[1] > 2)
        return AM_E_INVALID;
    *columns = (size_t)dim[1];
    return AM_OK;
}

static int ort_take(const struct ort_run *run, void *value, double *score)
{
    typedef struct ort_status *get(void *, void **);
    void *p = NULL;
    size_t k = 0;
    int dtype = run->o->output.dtype;
    int err = ort_output_columns(value, run->rows, dtype, &k);
    if (err)
        return err;
    if (!ort_ok(ORT(ORT_GetTensorMutableData, get *)(value, &p), NULL, 0))
        return AM_E_INTERNAL;
    for (size_t r = 0; r < run->rows; r++) {
        size_t at = r * k + (k - 1); /* of two columns, the second: class 1 */
        score[r] = dtype == MODEL_F32 ? (double)((float *)p)[at] : ((double *)p)[at];
    }
    return AM_OK;
}

static int ort_chunk(struct ort_run *run, const double *x, double *score)
{
    typedef struct ort_status *call(void *, const void *, const char *const *,
                                    const void *const *, size_t, const char *const *,
                                    size_t, void **);
    const char *output = run->o->output.name;
    char why[300] = "";
    void *out = NULL;
    int err = ort_inputs(run, x);
    if (!err &&
        !ort_ok(ORT(ORT_Run, call *)(run->o->ort->session, NULL, run->o->ort->input_name,
                                     (const void *const *)run->value, run->o->input.n,
                                     &output, 1, &out),
                why, sizeof why)) {
        LOG_W("model.ort_run", log_s("why", why));
        err = AM_E_INVALID;
    }
    if (!err)
        err = ort_take(run, out, score);
    if (out)
        ORT(ORT_ReleaseValue, void (*)(void *))(out);
    for (size_t i = 0; i < run->o->input.n; i++) {
        if (run->value[i])
            ORT(ORT_ReleaseValue, void (*)(void *))(run->value[i]);
        run->value[i] = NULL;
    }
    return err;
}

int model_ort_score(const struct model_onnx *o, const double *x, size_t n, double *score)
{
    struct ort_run run = {.o = o};
    size_t chunk = ORT_CHUNK;
    int err = AM_OK;
    for (size_t i = 0; i < o->input.n; i++)
        if (o->input.v[i].batch == 1)
            chunk = 1;
    chunk = AM_MAX(AM_MIN(chunk, n), 1u);
    run.data = am_malloc(chunk * o->features * 8);
    run.value = am_calloc(o->input.n, sizeof *run.value);
    if (!run.data || !run.value)
        err = AM_E_NOMEM;
    for (size_t done = 0; !err && done < n; done += run.rows) {
        run.rows = AM_MIN(chunk, n - done);
        err = ort_chunk(&run, x + done * o->features, score + done);
    }
    free(run.data);
    free(run.value);
    return err;
}
