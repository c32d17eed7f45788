/* SPDX-License-Identifier: Apache-2.0 */
/* bench_image -- a record whose input is an image: each pixel is a feature, in the order
 * channel, row, column; a grey level k of 0 to 255 is lo + k (hi - lo) / 255 of the range
 * declared. The labels stay a table, whose column "image" names a file of a folder, or a
 * number of a NumPy array. Files are opened here, below the folder and through no link,
 * or come from a sealed set; what they hold is read in a worker (raster). */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench_pack.h"
#include "bench/bench_priv.h"
#include "bench/bench_vault.h"

enum { PIXEL_NAME = 16 };

double bench_grey(const struct bench_run *r)
{
    return (r->feature.v[0].hi - r->feature.v[0].lo) / 255;
}

/* ---- declarations ---------------------------------------------------------------------
 */
static int add_pixels(struct bench_run *r, const struct bench_feature *like, size_t n)
{
    r->pixel_names = am_malloc(n * PIXEL_NAME);
    if (!r->pixel_names)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct bench_feature f = *like;
        char *name = r->pixel_names + i * PIXEL_NAME;
        snprintf(name, PIXEL_NAME, "pixel-%zu", i);
        f.name = str_c(name);
        if (vec_push(&r->feature, f))
            return AM_E_NOMEM;
    }
    return AM_OK;
}

int bench_image_declare(struct bench_run *r, const struct json *input, size_t index,
                        struct diag *d)
{
    const struct json *image = json_get(input, "image"),
                      *range = json_get(input, "range");
    const struct raster_shape s = {(size_t)json_int(json_get(image, "width"), 0),
                                   (size_t)json_int(json_get(image, "height"), 0),
                                   (size_t)json_int(json_get(image, "channels"), 0)};
    struct bench_feature f = {.type = STR("number"),
                              .input = index,
                              .lo = json_num(json_at(range, 0), NAN),
                              .hi = json_num(json_at(range, 1), NAN)};
    char path[BENCH_PATH];
    snprintf(path, sizeof path, "/record/inputs/%zu/image", index);
    if (json_size(json_get(r->record, "inputs")) != 1 || !(f.lo < f.hi) ||
        json_bool(json_get(input, "missing_allowed"), false)) {
        diag_err(d, path, "bench.image_declared",
                 "an image is the only input, its range rises, and it is never missing");
        return AM_E_INVALID;
    }
    if (!raster_shape_ok(&s) || raster_pixels(&s) > MODEL_FEATURES_MAX) {
        diag_err(d, path, "bench.image_declared", "at most %d values are read",
                 MODEL_FEATURES_MAX);
        return AM_E_INVALID;
    }
    r->image = s;
    return add_pixels(r, &f, raster_pixels(&s));
}

void bench_image_check(const struct bench_run *r, const struct bench_set *s,
                       struct diag *d)
{
    const struct json *columns = json_get(s->doc, "columns"),
                      *images = json_get(s->doc, "images");
    char path[BENCH_PATH];
    bool image = r->image.width > 0;
    if (image != !!json_get(columns, "image") || image == !!json_get(columns, "inputs"))
        diag_err(d, bench_at(s, path, "/columns/image"), "bench.image_declared",
                 image ? "the model reads an image: columns.image and no inputs"
                       : "the model reads no image");
    if (image != !!images)
        diag_err(d, bench_at(s, path, "/images"), "bench.image_declared",
                 image ? "where the images are: a folder or an array"
                       : "the model reads no image");
}

/* ---- one set --------------------------------------------------------------------------
 */
struct images {
    const struct bench_run *r;
    struct bench_set *s;
    double *to; /* rows of the set */
    struct diag *d;
    const struct json *doc; /* the member "images" */
    struct raster_session *session;
    struct crypto_sha256 all;
    /* one batch */
    size_t n, room, *row;
    struct str *file;
    char **own; /* their bytes */
    uint64_t *index;
    uint8_t *pixel, *problem;
    int folder;
    bool sealed; /* the bytes of the files, or of the array, are these */
    struct buf clear;
    struct bench_pack pack;
};

static int room_for(struct images *m, size_t room)
{
    m->room = room;
    m->row = am_calloc(room + 1, sizeof *m->row);
    m->file = am_calloc(room + 1, sizeof *m->file);
    m->own = am_calloc(room + 1, sizeof *m->own);
    m->index = am_calloc(room + 1, sizeof *m->index);
    m->pixel = am_malloc(room * raster_pixels(&m->r->image) + 1);
    m->problem = am_malloc(room + 1);
    return m->row && m->file && m->own && m->index && m->pixel && m->problem ? AM_OK
                                                                             : AM_E_NOMEM;
}

static void images_release(struct images *m)
{
    for (size_t i = 0; m->own && i < m->n; i++)
        free(m->own[i]);
    free(m->row);
    free(m->file);
    free(m->own);
    free(m->index);
    free(m->pixel);
    free(m->problem);
    raster_session_close(m->session);
    bench_pack_release(&m->pack);
    buf_wipe(&m->clear);
    if (m->folder >= 0)
        close(m->folder);
}

static struct str named(const struct images *m, size_t row)
{
    return csv_at(m->s->csv, row, m->s->image);
}

static void bad(struct images *m, size_t row, const char *code, const char *why)
{
    char text[200];
    struct str name = named(m, row);
    snprintf(text, sizeof text, "%.*s: %s", (int)AM_MIN(name.n, 80), name.p, why);
    bench_bad_cell(m->s, row, m->s->image, code, text, m->d);
}

/* What the worker answered, to the rows. */
static void take(struct images *m)
{
    size_t n = raster_pixels(&m->r->image);
    double lo = m->r->feature.v[0].lo, hi = m->r->feature.v[0].hi,
           grey = bench_grey(m->r);
    for (size_t i = 0; i < m->n; i++) {
        double *x = m->to + m->row[i] * n;
        if (m->problem[i])
            bad(m, m->row[i], "bench.image", raster_problem_words(m->problem[i]));
        for (size_t k = 0; k < n && !m->problem[i]; k++)
            x[k] = fmin(lo + m->pixel[i * n + k] * grey, hi);
        free(m->own[i]);
        m->own[i] = NULL;
    }
    m->n = 0;
}

/* The worker is gone, or was never there: nothing it should have read is known. */
static int lost(struct images *m, int err)
{
    char at[BENCH_PATH];
    if (err == AM_E_NOMEM)
        return err;
    diag_err(m->d, bench_at(m->s, at, "/images"), "bench.image",
             "the worker that reads images failed: %s", am_err_text(err));
    return AM_E_INVALID;
}

/* ---- a folder -------------------------------------------------------------------------
 */
/* Part by part, so that no link leads out of the folder. -1: errno. */
static int open_below(int folder, struct str name)
{
    int fd = dup(folder);
    for (struct str rest = name; rest.n && fd >= 0;) {
        struct str part = str_cut(rest, '/', &rest);
        char z[256];
        int next;
        snprintf(z, sizeof z, "%.*s", (int)AM_MIN(part.n, sizeof z - 1), part.p);
        next = openat(fd, z,
                      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
                          (rest.n ? O_DIRECTORY : 0));
        close(fd);
        fd = next;
    }
    return fd;
}

/* All of a file that is one, and not too large. */
static const char *read_below(int folder, struct str name, char **own, struct str *out,
                              int *err)
{
    struct stat st;
    size_t done = 0;
    char *p;
    int fd = open_below(folder, name);
    *err = AM_E_INVALID;
    if (fd < 0)
        return errno == ELOOP ? "a link, which is not followed" : "not there";
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > RASTER_FILE_MAX) {
        close(fd);
        return "not a file, or larger than an image here can be";
    }
    p = am_malloc((size_t)st.st_size + 1);
    *err = p ? AM_OK : AM_E_NOMEM;
    while (p && done < (size_t)st.st_size) {
        ssize_t k = read(fd, p + done, (size_t)st.st_size - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            break; /* shorter than it was: what is there counts */
        done += (size_t)k;
    }
    close(fd);
    *own = p;
    *out = (struct str){p, done};
    return NULL;
}

static bool name_ok(struct str name)
{
    if (!model_oms_path_ok(name))
        return false;
    for (struct str rest = name; rest.n;)
        if (str_cut(rest, '/', &rest).n > 255)
            return false;
    return !memchr(name.p, 0, name.n);
}

/* A line as sha256sum prints it, into the digest of the folder. */
static void digest_line(struct images *m, struct str name, struct str bytes)
{
    uint8_t sum[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    crypto_sha256(bytes, sum);
    crypto_hex(sum, sizeof sum, hex);
    crypto_sha256_add(&m->all, str_c(hex));
    crypto_sha256_add(&m->all, STR("  "));
    crypto_sha256_add(&m->all, name);
    crypto_sha256_add(&m->all, STR("\n"));
}

static int flush_files(struct images *m)
{
    int err = raster_session_files(m->session, m->file, m->n, m->pixel, m->problem);
    if (err)
        return lost(m, err);
    take(m);
    return AM_OK;
}

/* The file that a row names: AM_E_INVALID, and a problem of that cell, when it cannot be
 * had. *own: what to free. */
static int file_of(struct images *m, size_t row, char **own, struct str *out)
{
    struct str name = named(m, row);
    const char *why = NULL;
    int err = AM_E_INVALID;
    if (!name_ok(name))
        why = "not a name below the folder";
    else if (!m->sealed)
        why = read_below(m->folder, name, own, out, &err);
    else if (!bench_pack_find(&m->pack, name, out))
        why = "not there";
    else
        err = AM_OK;
    if (why)
        bad(m, row, "bench.image_file", why);
    if (!err)
        digest_line(m, name, *out);
    return err;
}

static int one_file(struct images *m, size_t row)
{
    int err = file_of(m, row, &m->own[m->n], &m->file[m->n]);
    if (err)
        return err == AM_E_NOMEM ? err : AM_OK;
    m->row[m->n++] = row;
    return m->n == m->room ? flush_files(m) : AM_OK;
}

static int open_folder(struct images *m, const char *path)
{
    char at[BENCH_PATH];
    m->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->folder >= 0)
        return AM_OK;
    diag_err(m->d, bench_at(m->s, at, "/images/folder"), "bench.file", "%s",
             am_err_text(am_err_errno(errno)));
    return AM_E_INVALID;
}

static int read_folder(struct images *m, const char *path)
{
    int err = room_for(m, RASTER_FILES_MAX);
    if (!err)
        err = m->sealed ? bench_pack_open(&m->pack, buf_str(&m->clear))
                        : open_folder(m, path);
    for (size_t i = 0; i < m->s->rows && !err; i++)
        if (!bench_missing(m->s, named(m, i)))
            err = one_file(m, i);
    return err ? err : flush_files(m);
}

/* ---- an array -------------------------------------------------------------------------
 */
static void want_index(struct images *m, size_t row)
{
    int64_t v;
    if (bench_missing(m->s, named(m, row)))
        return;
    if (str_int(named(m, row), 0, INT64_MAX, &v)) {
        bad(m, row, "bench.image", "not a number of an image, from 0");
        return;
    }
    m->row[m->n] = row;
    m->index[m->n++] = (uint64_t)v;
}

static int array_file(struct images *m, const char *path, char **text, struct str *out)
{
    char at[BENCH_PATH];
    int err = am_file_read(path, RASTER_ARRAY_MAX, text, &out->n);
    out->p = *text;
    if (!err || err == AM_E_NOMEM)
        return err;
    diag_err(m->d, bench_at(m->s, at, "/images/array"), "bench.file", "%s",
             am_err_text(err));
    return AM_E_INVALID;
}

static int read_array(struct images *m, const char *path)
{
    struct str array = buf_str(&m->clear);
    char *text = NULL;
    int err = room_for(m, m->s->rows);
    if (!err && !m->sealed)
        err = array_file(m, path, &text, &array);
    if (err)
        return err;
    crypto_sha256_add(&m->all, array);
    for (size_t i = 0; i < m->s->rows; i++)
        want_index(m, i);
    err = raster_session_array(m->session, array, json_get_str(m->doc, "name"), m->index,
                               m->n, m->pixel, m->problem);
    free(text);
    if (err)
        return lost(m, err);
    take(m);
    return AM_OK;
}

/* ---- sealing --------------------------------------------------------------------------
 */
static int pack_file(struct images *m, struct map *seen, size_t row, struct buf *out)
{
    struct str name = named(m, row), file = STR_NULL;
    char *own = NULL;
    int err = file_of(m, row, &own, &file);
    if (!err && !map_has(seen, name)) {
        err = bench_pack_add(out, name, file);
        if (!err)
            err = map_set(seen, name, row);
    }
    free(own);
    return err == AM_E_INVALID ? AM_OK : err; /* it is in d: the next may have more */
}

static int pack_files(struct images *m, const char *path, struct buf *out)
{
    struct map seen;
    int err = open_folder(m, path);
    map_init(&seen);
    for (size_t i = 0; i < m->s->rows && !err; i++)
        if (!bench_missing(m->s, named(m, i)))
            err = pack_file(m, &seen, i, out);
    map_release(&seen);
    return err;
}

static int pack_array(struct images *m, const char *path, struct buf *out)
{
    struct str array = STR_NULL;
    char *text = NULL;
    int err = array_file(m, path, &text, &array);
    if (!err)
        err = buf_add(out, array);
    crypto_sha256_add(&m->all, array);
    free(text);
    return err;
}

static void check_digest(struct images *m)
{
    struct str want = json_get_str(m->doc, "sha256");
    char at[BENCH_PATH], hex[CRYPTO_HEX];
    uint8_t sum[CRYPTO_SHA256];
    crypto_sha256_end(&m->all, sum);
    if (want.n && !str_eqc(want, crypto_hex(sum, sizeof sum, hex)))
        diag_err(m->d, bench_at(m->s, at, "/images/sha256"), "bench.data_digest",
                 "the images have another digest: %s", hex);
}

int bench_image_pack(struct bench_set *s, const struct bench_input *in, struct buf *out,
                     struct diag *d)
{
    struct images m = {.s = s, .d = d, .doc = json_get(s->doc, "images"), .folder = -1};
    struct str folder = json_get_str(m.doc, "folder");
    char path[4096], at[BENCH_PATH];
    int err = bench_open_path(in, folder.n ? folder : json_get_str(m.doc, "array"), path);
    if (!err)
        err = csv_find(s->csv, json_get_str(json_get(s->doc, "columns"), "image"),
                       &s->image);
    crypto_sha256_init(&m.all);
    if (!err)
        err = folder.n ? pack_files(&m, path, out) : pack_array(&m, path, out);
    if (err == AM_E_TOOBIG || err == AM_E_NOTFOUND) {
        diag_err(d, bench_at(s, at, "/images"), "bench.file", "%s", am_err_text(err));
        err = AM_E_INVALID;
    }
    if (!err)
        check_digest(&m);
    images_release(&m);
    return err == AM_E_INVALID ? AM_OK : err; /* the problems are in d */
}

/* ---- a run ----------------------------------------------------------------------------
 */
int bench_image_load(const struct bench_run *r, const struct bench_input *in,
                     struct bench_set *s, double *x, struct diag *d)
{
    struct images m = {
        .r = r, .s = s, .to = x, .d = d, .doc = json_get(s->doc, "images"), .folder = -1};
    struct str folder = json_get_str(m.doc, "folder"), id, member;
    char path[4096];
    int err = bench_open_path(in, folder.n ? folder : json_get_str(m.doc, "array"), path);
    crypto_sha256_init(&m.all);
    buf_init(&m.clear, RASTER_ARRAY_MAX);
    m.sealed = bench_sealed_path(json_get_str(s->doc, "path"), &id, &member);
    if (!err && m.sealed)
        err = bench_opened_images(r->opened, id, member, &m.clear, d);
    if (!err) {
        err = raster_session_open(&m.session, &r->image);
        if (err)
            err = lost(&m, err);
    }
    if (!err)
        err = folder.n ? read_folder(&m, path) : read_array(&m, path);
    if (!err)
        check_digest(&m);
    images_release(&m);
    return err == AM_E_INVALID ? AM_OK : err; /* the problems are in d */
}
