/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { BLOB_MAGIC = 0x626c6f62, BLOB_BEHIND_MAX = 64 << 20 };

struct blob_store {
    uint32_t magic;
    char dir[PATH_MAX - 128]; /* room for "/sha256/ab/cdef..." and a temporary suffix */
    blob_source *behind;      /* NULL: files only */
    void *cookie;
};

int blob_open(struct blob_store **out, const char *dir)
{
    struct blob_store *s;
    char top[PATH_MAX];
    int err;
    if (!dir[0] || strlen(dir) >= sizeof s->dir)
        return AM_E_TOOBIG;
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    s->magic = BLOB_MAGIC;
    memcpy(s->dir, dir, strlen(dir) + 1);
    snprintf(top, sizeof top, "%s/sha256", s->dir);
    err = am_dir_make(top, 0700);
    if (err) {
        blob_close(s);
        return err;
    }
    *out = s;
    return AM_OK;
}

void blob_close(struct blob_store *s)
{
    if (!s)
        return;
    am_assert(s->magic == BLOB_MAGIC);
    s->magic = 0;
    free(s);
}

void blob_behind(struct blob_store *s, blob_source *get, void *cookie)
{
    am_assert(s->magic == BLOB_MAGIC);
    s->behind = get;
    s->cookie = cookie;
}

void blob_path(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256], char *out,
               size_t cap)
{
    char hex[CRYPTO_HEX];
    am_assert(s->magic == BLOB_MAGIC);
    crypto_hex(digest, CRYPTO_SHA256, hex);
    am_assert(snprintf(out, cap, "%s/sha256/%.2s/%s", s->dir, hex, hex + 2) < (int)cap);
}

static int blob_stat(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256],
                     uint64_t *size_b)
{
    char path[PATH_MAX];
    struct stat st;
    blob_path(s, digest, path, sizeof path);
    if (stat(path, &st))
        return am_err_errno(errno);
    if (!S_ISREG(st.st_mode))
        return AM_E_NOTFOUND;
    *size_b = (uint64_t)st.st_size;
    return AM_OK;
}

bool blob_has(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256])
{
    uint64_t size_b;
    return blob_size(s, digest, &size_b) == AM_OK;
}

int blob_size(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256],
              uint64_t *size_b)
{
    struct buf b;
    int err = blob_stat(s, digest, size_b);
    if (err != AM_E_NOTFOUND || !s->behind)
        return err;
    buf_init(&b, BLOB_BEHIND_MAX);
    err = s->behind(s->cookie, digest, &b);
    if (!err)
        *size_b = b.n;
    buf_release(&b);
    return err;
}

static int blob_write(struct blob_store *s, struct str data,
                      const uint8_t digest[CRYPTO_SHA256])
{
    char path[PATH_MAX], *slash;
    uint8_t there[CRYPTO_SHA256];
    uint64_t size_b;
    int err;
    blob_path(s, digest, path, sizeof path);
    slash = strrchr(path, '/');
    /* The same bytes again: nothing to do -- unless the copy on disk has rotted, which
     * this put then heals. */
    if (crypto_sha256_file(path, there, &size_b) == AM_OK) {
        if (crypto_equal(there, digest, sizeof there)) {
            *slash = 0; /* another writer may not have synced its rename yet */
            return am_dir_sync(path);
        }
        LOG_E("blob.healed", log_s("path", path));
    }
    *slash = 0;
    err = am_dir_make(path, 0700);
    *slash = '/';
    return err ? err : am_file_write(path, data, 0600);
}

int blob_put(struct blob_store *s, struct str data, uint8_t digest[CRYPTO_SHA256])
{
    uint8_t d[CRYPTO_SHA256];
    int err;
    crypto_sha256(data, d);
    err = blob_write(s, data, d);
    if (!err)
        memcpy(digest, d, sizeof d);
    return err;
}

int blob_put_as(struct blob_store *s, struct str data,
                const uint8_t digest[CRYPTO_SHA256])
{
    uint8_t d[CRYPTO_SHA256];
    crypto_sha256(data, d);
    if (!crypto_equal(d, digest, sizeof d))
        return AM_E_TAMPERED;
    return blob_write(s, data, d);
}

/* Reads straight into out, so that a large blob is in memory once. */
static int blob_read(int fd, struct buf *out)
{
    struct stat st;
    int err;
    if (fstat(fd, &st))
        return am_err_errno(errno);
    if (!S_ISREG(st.st_mode))
        return AM_E_NOTFOUND;
    err = buf_reserve(out, (size_t)st.st_size);
    while (!err) {
        char chunk[65536];
        ssize_t k = read(fd, chunk, sizeof chunk);
        if (k == 0)
            break;
        if (k > 0)
            err = buf_add(out, (struct str){chunk, (size_t)k});
        else if (errno != EINTR)
            err = am_err_errno(errno);
    }
    return err;
}

int blob_get(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256],
             struct buf *out)
{
    char path[PATH_MAX];
    uint8_t d[CRYPTO_SHA256];
    size_t old = out->n;
    int err, fd;
    blob_path(s, digest, path, sizeof path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        err = blob_read(fd, out);
        close(fd);
    } else {
        err = am_err_errno(errno);
        if (err == AM_E_NOTFOUND && s->behind)
            err = s->behind(s->cookie, digest, out);
    }
    if (!err) {
        crypto_sha256(str_sub(buf_str(out), old, out->n), d);
        if (!crypto_equal(d, digest, sizeof d)) {
            LOG_E("blob.tampered", log_s("path", path));
            err = AM_E_TAMPERED;
        }
    }
    if (err && out->n > old)
        buf_cut(out, old);
    return err;
}

static int blob_by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Everything else in the folder (temporary files of a killed writer) is no blob. */
static int blob_each_in(const struct blob_store *s, uint8_t first, blob_visit *visit,
                        void *cookie)
{
    char path[PATH_MAX], hex[CRYPTO_HEX], dir[3];
    struct dirent **list;
    int err = AM_OK, n;
    crypto_hex(&first, 1, dir);
    snprintf(path, sizeof path, "%s/sha256/%s", s->dir, dir);
    n = scandir(path, &list, NULL, blob_by_name);
    if (n < 0)
        return errno == ENOENT ? AM_OK : am_err_errno(errno);
    for (int i = 0; i < n; i++) {
        uint8_t digest[CRYPTO_SHA256];
        uint64_t size_b = 0;
        if (!err && strlen(list[i]->d_name) == CRYPTO_HEX - 3 &&
            strspn(list[i]->d_name, "0123456789abcdef") == CRYPTO_HEX - 3) {
            memcpy(hex, dir, 2);
            memcpy(hex + 2, list[i]->d_name, CRYPTO_HEX - 2);
            err = crypto_unhex(str_c(hex), digest, sizeof digest);
            if (!err)
                err = blob_stat(s, digest, &size_b);
            if (!err)
                err = visit(cookie, digest, size_b);
        }
        free(list[i]);
    }
    free(list);
    return err;
}

int blob_each(const struct blob_store *s, blob_visit *visit, void *cookie)
{
    int err = AM_OK;
    am_assert(s->magic == BLOB_MAGIC);
    for (unsigned i = 0; !err && i < 256; i++)
        err = blob_each_in(s, (uint8_t)i, visit, cookie);
    return err;
}
