/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

int am_file_read(const char *path, size_t cap, char **out, size_t *n)
{
    struct buf b;
    int err = AM_OK, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return am_err_errno(errno);
    buf_init(&b, cap);
    for (;;) {
        char chunk[65536];
        ssize_t k = read(fd, chunk, sizeof chunk);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            err = am_err_errno(errno);
        else if (k > 0)
            err = buf_add(&b, (struct str){chunk, (size_t)k});
        if (k <= 0 || err)
            break;
    }
    close(fd);
    if (!err) {
        *n = b.n;
        *out = buf_take(&b);
        err = *out ? AM_OK : AM_E_NOMEM;
    }
    buf_release(&b);
    return err;
}

static int am_write_all(int fd, struct str data)
{
    while (data.n) {
        ssize_t k = write(fd, data.p, data.n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return am_err_errno(errno);
        data = str_sub(data, (size_t)k, data.n);
    }
    return AM_OK;
}

int am_dir_sync(const char *path)
{
    int err = AM_OK, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return am_err_errno(errno);
    if (fsync(fd))
        err = am_err_errno(errno);
    close(fd);
    return err;
}

static int am_parent_sync(const char *path)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return AM_E_TOOBIG;
    return am_dir_sync(dirname(copy));
}

int am_file_write(const char *path, struct str data, unsigned mode)
{
    static atomic_uint serial;
    char tmp[PATH_MAX];
    int fd, err;
    if (snprintf(tmp, sizeof tmp, "%s.tmp.%ld.%u", path, (long)getpid(),
                 atomic_fetch_add(&serial, 1u)) >= (int)sizeof tmp)
        return AM_E_TOOBIG;
    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return am_err_errno(errno);
    err = am_write_all(fd, data);
    if (!err && fsync(fd))
        err = am_err_errno(errno);
    if (close(fd) && !err)
        err = am_err_errno(errno);
    if (!err && rename(tmp, path))
        err = am_err_errno(errno);
    if (err) {
        unlink(tmp);
        return err;
    }
    return am_parent_sync(path);
}

int am_dir_make(const char *path, unsigned mode)
{
    char p[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof p)
        return AM_E_TOOBIG;
    memcpy(p, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (p[i] != '/' && p[i] != 0)
            continue;
        p[i] = 0;
        if (mkdir(p, (mode_t)mode) == 0) {
            int err = am_parent_sync(p);
            if (err)
                return err;
        } else if (errno != EEXIST) {
            return am_err_errno(errno);
        }
        p[i] = path[i];
    }
    return AM_OK;
}
