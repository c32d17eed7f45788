/* SPDX-License-Identifier: Apache-2.0 */
/* raster_session -- the parent: files into shared memory, images out of it. */
#include "raster/raster_priv.h"

#include "json/json.h"
#include "worker/worker.h"

struct raster_session {
    struct worker *w;
    struct raster_shape want;
};

int raster_session_open(struct raster_session **out, const struct raster_shape *want)
{
    const struct worker_limits limits = {.memory_b = (size_t)1 << 30, .cpu_s = 120};
    struct raster_session *s;
    int err;
    if (!raster_shape_ok(want))
        return AM_E_INVALID;
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    s->want = *want;
    err = worker_spawn(&s->w, "raster", &limits);
    if (err) {
        free(s);
        return err;
    }
    *out = s;
    return AM_OK;
}

void raster_session_close(struct raster_session *s)
{
    if (!s)
        return;
    worker_free(s->w);
    free(s);
}

static int ask(struct raster_session *s, const char *op, struct str name, size_t n,
               const int fds[2])
{
    struct buf request, reply;
    struct json_doc *doc = NULL;
    struct jw w;
    int err;
    buf_init(&request, 1 << 16);
    buf_init(&reply, 1 << 16);
    jw_init(&w, &request);
    jw_obj(&w);
    jw_kstrz(&w, "op", op);
    jw_kint(&w, "n", (int64_t)n);
    jw_kint(&w, "width", (int64_t)s->want.width);
    jw_kint(&w, "height", (int64_t)s->want.height);
    jw_kint(&w, "channels", (int64_t)s->want.channels);
    jw_kstr(&w, "name", name);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = worker_call(s->w, buf_str(&request), fds, 2, &reply);
    if (!err)
        err = json_parse(&doc, buf_str(&reply), NULL, NULL);
    if (!err && json_int(json_get(json_root(doc), "err"), 1) != AM_OK)
        err = AM_E_INTERNAL;
    json_free(doc);
    buf_release(&request);
    buf_release(&reply);
    return err && err != AM_E_NOMEM ? AM_E_REFUSED : err;
}

/* What came back is the child's word: a problem is one of ours, or the data are wrong. */
static void take(const struct raster_session *s, const uint8_t *p, size_t n,
                 uint8_t *pixel, uint8_t *problem)
{
    memcpy(pixel, p + n, n * raster_pixels(&s->want));
    for (size_t i = 0; i < n; i++)
        problem[i] = p[i] < RASTER_PROBLEMS ? p[i] : RASTER_CORRUPT;
}

static int call(struct raster_session *s, const char *op, struct str name,
                const struct worker_shm *in, size_t n, uint8_t *pixel, uint8_t *problem)
{
    struct worker_shm out;
    int err = worker_shm_new(&out, n * (1 + raster_pixels(&s->want)));
    if (err)
        return err;
    err = ask(s, op, name, n, (const int[2]){in->fd, out.fd});
    if (!err)
        take(s, out.p, n, pixel, problem);
    worker_shm_release(&out);
    return err;
}

int raster_session_files(struct raster_session *s, const struct str *file, size_t n,
                         uint8_t *pixel, uint8_t *problem)
{
    size_t at = n * sizeof(struct raster_entry), size = at;
    struct worker_shm in;
    int err;
    if (n > RASTER_FILES_MAX)
        return AM_E_TOOBIG;
    for (size_t i = 0; i < n; i++) {
        if (file[i].n > RASTER_FILE_MAX)
            return AM_E_TOOBIG;
        size += file[i].n;
    }
    err = n ? worker_shm_new(&in, size) : AM_E_INVALID;
    if (err)
        return n ? err : AM_OK;
    for (size_t i = 0; i < n; i++) {
        const struct raster_entry e = {at, file[i].n};
        memcpy((char *)in.p + i * sizeof e, &e, sizeof e);
        if (file[i].n)
            memcpy((char *)in.p + at, file[i].p, file[i].n);
        at += file[i].n;
    }
    err = call(s, "files", STR(""), &in, n, pixel, problem);
    worker_shm_release(&in);
    return err;
}

int raster_session_array(struct raster_session *s, struct str file, struct str name,
                         const uint64_t *index, size_t n, uint8_t *pixel,
                         uint8_t *problem)
{
    size_t head = n * sizeof(struct raster_entry);
    struct worker_shm in;
    int err;
    if (file.n > RASTER_ARRAY_MAX || n > RASTER_ARRAY_MAX / raster_pixels(&s->want))
        return AM_E_TOOBIG;
    err = n ? worker_shm_new(&in, head + file.n) : AM_E_INVALID;
    if (err)
        return n ? err : AM_OK;
    for (size_t i = 0; i < n; i++) {
        const struct raster_entry e = {index[i], 0};
        memcpy((char *)in.p + i * sizeof e, &e, sizeof e);
    }
    if (file.n)
        memcpy((char *)in.p + head, file.p, file.n);
    err = call(s, "array", name, &in, n, pixel, problem);
    worker_shm_release(&in);
    return err;
}
