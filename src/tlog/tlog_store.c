/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the folder: C2SP paths, durable writes of a whole batch, removal of what no
 * checkpoint needs. Temporary files live in DIR/.tmp, so that one sweep finds them all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlog/tlog_priv.h"

enum { TLOG_OPEN_FILES = 32, TLOG_DIRS = 16 };

uint64_t tlog_count(uint64_t size, int level)
{
    return level < 0 ? size : level >= TLOG_LEVELS ? 0 : size >> 8 * level;
}

void tlog_tile_path(int level, uint64_t index, unsigned width, char out[TLOG_PATH])
{
    char digits[8][5];
    size_t n = 0, at;
    am_assert(level >= -1 && level < 64 && width >= 1 && width <= TLOG_WIDTH);
    at = (size_t)(level < 0 ? snprintf(out, TLOG_PATH, "tile/entries")
                            : snprintf(out, TLOG_PATH, "tile/%d", level));
    do {
        snprintf(digits[n], sizeof digits[n], n ? "x%03u" : "%03u",
                 (unsigned)(index % 1000));
        index /= 1000;
        n++;
    } while (index);
    while (n--)
        at += (size_t)snprintf(out + at, TLOG_PATH - at, "/%s", digits[n]);
    if (width < TLOG_WIDTH)
        snprintf(out + at, TLOG_PATH - at, ".p/%u", width);
}

int tlog_read(int dirfd, const char *path, size_t cap, struct buf *out)
{
    size_t old = out->n;
    int err = AM_OK, fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return am_err_errno(errno);
    while (!err) {
        char chunk[16384];
        ssize_t k = read(fd, chunk, sizeof chunk);
        if (k == 0)
            break;
        if (k < 0)
            err = errno == EINTR ? AM_OK : am_err_errno(errno);
        else if (out->n - old + (size_t)k > cap)
            err = AM_E_TOOBIG;
        else
            err = buf_add(out, (struct str){chunk, (size_t)k});
    }
    close(fd);
    if (err && out->n > old)
        buf_cut(out, old);
    return err;
}

int tlog_files_add(struct tlog_files *f, int level, uint64_t index, unsigned width,
                   struct str data)
{
    struct tlog_file *one;
    char *copy;
    int err = vec_room(f);
    if (err)
        return err;
    copy = am_malloc(data.n);
    if (!copy)
        return AM_E_NOMEM;
    if (data.n)
        memcpy(copy, data.p, data.n);
    one = &f->v[f->n++];
    tlog_tile_path(level, index, width, one->path);
    one->data = copy;
    one->n = data.n;
    return AM_OK;
}

void tlog_files_release(struct tlog_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->v[i].data);
    vec_release(f);
}

int tlog_sync_dir(int dirfd, const char *path)
{
    int err = AM_OK, fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return am_err_errno(errno);
    if (fsync(fd))
        err = am_err_errno(errno);
    close(fd);
    return err;
}

void tlog_parent(const char *path, char out[TLOG_PATH])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    memcpy(out, path, n);
    snprintf(out + n, TLOG_PATH - n, "%s", n ? "" : ".");
}

/* Makes the folders above path, each durable before anything is put in it. */
static int tlog_make_parents(int dirfd, const char *path, bool durable)
{
    char p[TLOG_PATH], up[TLOG_PATH];
    for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
        memcpy(p, path, (size_t)(s - path));
        p[s - path] = 0;
        if (mkdirat(dirfd, p, 0755) == 0) {
            int err;
            tlog_parent(p, up);
            err = durable ? tlog_sync_dir(dirfd, up) : AM_OK;
            if (err)
                return err;
        } else if (errno != EEXIST) {
            return am_err_errno(errno);
        }
    }
    return AM_OK;
}

static void tlog_tmp_name(size_t i, char out[TLOG_PATH])
{
    snprintf(out, TLOG_PATH, ".tmp/%zu", i);
}

static int tlog_write_tmp(int dirfd, const char *tmp, struct str data, int *out)
{
    int fd =
        openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return am_err_errno(errno);
    while (data.n) {
        ssize_t k = write(fd, data.p, data.n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            int err = am_err_errno(errno);
            close(fd);
            return err;
        }
        data = str_sub(data, (size_t)k, data.n);
    }
    *out = fd;
    return AM_OK;
}

/* Writes a few files, then syncs them: the first sync carries most of the others. */
static int tlog_write_some(int dirfd, const struct tlog_files *f, size_t from, size_t to,
                           bool durable)
{
    char tmp[TLOG_PATH];
    int fd[TLOG_OPEN_FILES] = {0}, err = AM_OK;
    size_t n = 0;
    for (size_t i = from; !err && i < to; i++) {
        tlog_tmp_name(i, tmp);
        err = tlog_write_tmp(dirfd, tmp, (struct str){f->v[i].data, f->v[i].n}, &fd[n]);
        n += !err;
    }
    for (size_t i = 0; i < n; i++) {
        if (!err && durable && fsync(fd[i]))
            err = am_err_errno(errno);
        if (close(fd[i]) && !err)
            err = am_err_errno(errno);
    }
    return err;
}

static int tlog_rename(int dirfd, const char *tmp, const char *path, bool durable)
{
    int err;
    if (renameat(dirfd, tmp, dirfd, path) == 0)
        return AM_OK;
    if (errno != ENOENT)
        return am_err_errno(errno);
    err = tlog_make_parents(dirfd, path, durable);
    if (err)
        return err;
    return renameat(dirfd, tmp, dirfd, path) ? am_err_errno(errno) : AM_OK;
}

/* Syncs each folder that got a file; a batch touches few of them, so a short list does.
 */
static int tlog_sync_parents(int dirfd, const struct tlog_files *f)
{
    char seen[TLOG_DIRS][TLOG_PATH], dir[TLOG_PATH];
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        bool known = false;
        int err;
        tlog_parent(f->v[i].path, dir);
        for (size_t j = 0; j < AM_MIN(n, (size_t)TLOG_DIRS); j++)
            known = known || !strcmp(seen[j], dir);
        if (known)
            continue;
        memcpy(seen[n++ % TLOG_DIRS], dir, sizeof dir);
        /* Safe although later files may land there too: all renames are done. */
        err = tlog_sync_dir(dirfd, dir);
        if (err)
            return err;
    }
    return AM_OK;
}

int tlog_files_write(int dirfd, const struct tlog_files *f, bool durable)
{
    char tmp[TLOG_PATH];
    int err = AM_OK;
    for (size_t i = 0; !err && i < f->n; i += TLOG_OPEN_FILES)
        err = tlog_write_some(dirfd, f, i, AM_MIN(f->n, i + TLOG_OPEN_FILES), durable);
    for (size_t i = 0; !err && i < f->n; i++) {
        tlog_tmp_name(i, tmp);
        err = tlog_rename(dirfd, tmp, f->v[i].path, durable);
    }
    if (!err && durable)
        err = tlog_sync_parents(dirfd, f);
    if (err)
        tlog_clean_tmp(dirfd); /* a full disk must not stay full of our leftovers */
    return err;
}

int tlog_file_put(int dirfd, const char *path, struct str data, bool durable)
{
    struct tlog_file one = {.n = data.n};
    struct tlog_files f = {&one, 1, 1};
    int err;
    snprintf(one.path, sizeof one.path, "%s", path);
    one.data = am_malloc(data.n);
    if (!one.data)
        return AM_E_NOMEM;
    if (data.n)
        memcpy(one.data, data.p, data.n);
    err = tlog_files_write(dirfd, &f, durable);
    free(one.data);
    return err;
}

int tlog_file_put_by(int dirfd, const char *tmp, const char *path, struct str data)
{
    char dir[TLOG_PATH];
    int fd = -1, err = tlog_write_tmp(dirfd, tmp, data, &fd);
    if (!err && fsync(fd))
        err = am_err_errno(errno);
    if (fd >= 0 && close(fd) && !err)
        err = am_err_errno(errno);
    if (!err)
        err = tlog_rename(dirfd, tmp, path, true);
    tlog_parent(path, dir);
    return err ? err : tlog_sync_dir(dirfd, dir);
}

void tlog_clean_tmp(int dirfd)
{
    int fd = openat(dirfd, ".tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(fd, e->d_name, 0);
    closedir(d);
}

/* Does a tree of that size need this partial tile? */
static bool tlog_needs(uint64_t size, int level, uint64_t index, unsigned width)
{
    uint64_t count = tlog_count(size, level);
    return count / TLOG_WIDTH == index && count % TLOG_WIDTH == width;
}

static bool tlog_kept(const uint64_t *keep, size_t n, int level, uint64_t index,
                      unsigned width)
{
    for (size_t i = 0; i < n; i++)
        if (tlog_needs(keep[i], level, index, width))
            return true;
    return false;
}

void tlog_drop_partials(int dirfd, uint64_t size, const uint64_t *keep, size_t n)
{
    for (int level = -1; level < TLOG_LEVELS; level++) {
        char path[TLOG_PATH];
        uint64_t count = tlog_count(size, level);
        unsigned width = (unsigned)(count % TLOG_WIDTH);
        if (!width || tlog_kept(keep, n, level, count / TLOG_WIDTH, width))
            continue;
        tlog_tile_path(level, count / TLOG_WIDTH, width, path);
        unlinkat(dirfd, path, 0); /* already gone is as good */
        *strrchr(path, '/') = 0;
        unlinkat(dirfd, path, AT_REMOVEDIR); /* only when empty */
    }
}

struct tlog_walk {
    int dirfd, level;
    uint64_t size;
    const uint64_t *keep;
    size_t n;
};

/* "123", "x123" or "123.p": the number and the kind; -1 when it is none of ours. */
static int tlog_component(const char *name, char *kind)
{
    bool x = name[0] == 'x';
    const char *p = name + x;
    for (int i = 0; i < 3; i++)
        if (p[i] < '0' || p[i] > '9')
            return -1;
    *kind = x ? 'x' : p[3] == 0 ? 'f' : 'p';
    if (p[3] && (x || strcmp(p + 3, ".p") != 0))
        return -1;
    return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
}

static void tlog_sweep_partials(const struct tlog_walk *w, int fd, const char *name,
                                uint64_t index)
{
    int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = sub < 0 ? NULL : fdopendir(sub);
    if (!d) {
        if (sub >= 0)
            close(sub);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        char *end;
        unsigned long width = strtoul(e->d_name, &end, 10);
        uint64_t count = tlog_count(w->size, w->level);
        bool beyond = index * TLOG_WIDTH + width > count;
        if (e->d_name[0] == '.' || *end || width == 0 || width >= TLOG_WIDTH)
            continue;
        if (beyond || !tlog_kept(w->keep, w->n, w->level, index, (unsigned)width))
            unlinkat(sub, e->d_name, 0);
    }
    closedir(d);
    unlinkat(fd, name, AT_REMOVEDIR);
}

static int tlog_sweep_dir(const struct tlog_walk *w, int fd, uint64_t prefix, int depth)
{
    DIR *d = fdopendir(fd);
    int err = AM_OK;
    if (!d) {
        close(fd);
        return AM_E_NOMEM;
    }
    for (struct dirent *e; !err && (e = readdir(d));) {
        char kind;
        int v = tlog_component(e->d_name, &kind);
        uint64_t index = prefix * 1000 + (uint64_t)v;
        if (v < 0)
            continue;
        if (kind == 'p') {
            tlog_sweep_partials(w, fd, e->d_name, index);
        } else if (kind == 'f') {
            if (index >= tlog_count(w->size, w->level) / TLOG_WIDTH)
                unlinkat(fd, e->d_name, 0);
        } else if (depth < 6) {
            int sub =
                openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            err =
                sub < 0 ? am_err_errno(errno) : tlog_sweep_dir(w, sub, index, depth + 1);
            unlinkat(fd, e->d_name, AT_REMOVEDIR);
        }
    }
    closedir(d);
    return err;
}

int tlog_sweep(int dirfd, uint64_t size, const uint64_t *keep, size_t n)
{
    struct tlog_walk w = {dirfd, -1, size, keep, n};
    for (; w.level < TLOG_LEVELS; w.level++) {
        char path[TLOG_PATH];
        int fd, err;
        if (w.level < 0)
            snprintf(path, sizeof path, "tile/entries");
        else
            snprintf(path, sizeof path, "tile/%d", w.level);
        fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0)
            return am_err_errno(errno);
        err = tlog_sweep_dir(&w, fd, 0, 0);
        if (err)
            return err;
    }
    return AM_OK;
}
