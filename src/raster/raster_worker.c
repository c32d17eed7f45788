/* SPDX-License-Identifier: Apache-2.0 */
/* raster_worker -- the child: the only place where image files from outside are read.
 *
 *   {"op":"files","n":N,"width":W,"height":H,"channels":C} + in + out
 *   {"op":"array","name":"val_images", ...the same...} + in + out
 *
 * in: N struct raster_entry, then bytes. out: N problems, then N images. */
#include <unistd.h>

#include "json/json.h"
#include "raster/raster_priv.h"
#include "worker/worker.h"

struct job {
    struct worker_shm in, out;
    struct raster_shape want;
    size_t n;
};

static struct raster_entry entry(const struct job *j, size_t i)
{
    struct raster_entry e;
    memcpy(&e, (const char *)j->in.p + i * sizeof e, sizeof e);
    return e;
}

static uint8_t *image(const struct job *j, size_t i)
{
    return (uint8_t *)j->out.p + j->n + i * raster_pixels(&j->want);
}

static void do_files(struct job *j)
{
    const struct str all = {j->in.p, j->in.size_b};
    for (size_t i = 0; i < j->n; i++) {
        struct raster_entry e = entry(j, i);
        struct str file;
        ((uint8_t *)j->out.p)[i] =
            (uint8_t)(raster_part(all, e.at, e.size, &file)
                          ? raster_image(file, &j->want, image(j, i))
                          : RASTER_TRUNCATED);
    }
}

static void do_array(struct job *j, struct str name)
{
    const size_t head = j->n * sizeof(struct raster_entry);
    const struct str file = {(const char *)j->in.p + head, j->in.size_b - head};
    struct raster_array a;
    enum raster_problem why = raster_array(file, name, &j->want, &a);
    for (size_t i = 0; i < j->n; i++)
        ((uint8_t *)j->out.p)[i] =
            (uint8_t)(why ? why : raster_array_at(&a, entry(j, i).at, image(j, i)));
    if (!why)
        raster_array_release(&a);
}

static int run(struct job *j, const struct json *req)
{
    struct str op = json_get_str(req, "op");
    j->n = (size_t)json_int(json_get(req, "n"), 0);
    j->want = (struct raster_shape){(size_t)json_int(json_get(req, "width"), 0),
                                    (size_t)json_int(json_get(req, "height"), 0),
                                    (size_t)json_int(json_get(req, "channels"), 0)};
    if (!raster_shape_ok(&j->want) || !j->n ||
        j->n > j->in.size_b / sizeof(struct raster_entry) ||
        j->n > j->out.size_b / (1 + raster_pixels(&j->want)))
        return AM_E_INVALID;
    if (str_eqc(op, "files"))
        do_files(j);
    else if (str_eqc(op, "array"))
        do_array(j, json_get_str(req, "name"));
    else
        return AM_E_INVALID;
    return AM_OK;
}

/* Descriptors are taken over. */
static int answer(struct str frame, const int fds[2], struct buf *out)
{
    struct job j = {.in = {.fd = -1}, .out = {.fd = -1}};
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, frame, NULL, NULL);
    if (!err)
        err = worker_shm_map(&j.in, fds[0]);
    if (!err) {
        err = worker_shm_map(&j.out, fds[1]);
        if (!err)
            err = run(&j, json_root(doc));
        worker_shm_release(&j.out);
    }
    worker_shm_release(&j.in);
    json_free(doc);
    return buf_addf(out, "{\"err\":%d}", err);
}

int raster_worker_main(void)
{
    struct buf in, out;
    int err = worker_enter();
    buf_init(&in, 1 << 16);
    buf_init(&out, 1 << 16);
    while (!err) {
        int fds[2] = {-1, -1};
        size_t n = 2;
        buf_clear(&in);
        buf_clear(&out);
        err = worker_recv(&in, fds, &n);
        if (!err && n != 2)
            err = AM_E_INVALID;
        if (!err)
            err = answer(buf_str(&in), fds, &out);
        if (!err)
            err = worker_send(buf_str(&out));
    }
    return err == AM_E_UNAVAILABLE ? 0 : 3;
}
