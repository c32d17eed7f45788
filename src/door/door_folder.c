/* SPDX-License-Identifier: Apache-2.0 */
/* Folders and files of the service, which root (a command, the node's first start) opens
 * too. The service's user writes in them: whatever stands there may be his trap, a link
 * to what is root's. So root follows no link there and gives away only what it has just
 * made itself, by the descriptor it made it with, never by a name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "door/door_trail_priv.h"

static bool folder_root(void)
{
    return geteuid() == 0;
}

/* To whom the folder `whose` belongs. */
static int folder_give(int whose, int fd)
{
    struct stat s, own;
    if (!folder_root())
        return AM_OK;
    if (fstat(whose, &s) || fstat(fd, &own))
        return am_err_errno(errno);
    /* Under the filter of the unit (deploy/systemd) there is no chown, nor need of it. */
    if (s.st_uid == own.st_uid && s.st_gid == own.st_gid)
        return AM_OK;
    return fchown(fd, s.st_uid, s.st_gid) ? am_err_errno(errno) : AM_OK;
}

/* Put in the place of one just made, a folder of root's would hold something. */
static bool folder_empty(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    size_t n = 0;
    if (!d) {
        if (own >= 0)
            close(own);
        return false;
    }
    while (readdir(d))
        n++;
    closedir(d);
    return n <= 2; /* "." and ".." */
}

static int folder_in(int at, const char *name, int *fd)
{
    const int follow = folder_root() ? O_NOFOLLOW : 0;
    const bool made = !mkdirat(at, name, 0700);
    int err = AM_OK;
    if (!made && errno != EEXIST)
        return am_err_errno(errno);
    *fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
    if (*fd < 0)
        return errno == ELOOP || errno == ENOTDIR ? AM_E_FORBIDDEN : am_err_errno(errno);
    if (made && folder_root() && folder_empty(*fd))
        err = folder_give(at, *fd);
    if (!err && made && fsync(at))
        err = am_err_errno(errno);
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

int door_folder_open(const char *path, int *fd)
{
    char above[PATH_MAX], *slash;
    const char *name = path;
    int at, err;
    *fd = -1;
    if (snprintf(above, sizeof above, "%s", path) >= (int)sizeof above)
        return AM_E_TOOBIG;
    slash = strrchr(above, '/');
    if (slash) {
        name = path + (slash - above) + 1;
        slash[slash == above] = 0;
    }
    err = am_dir_make(slash ? above : ".", 0700);
    if (err)
        return err;
    at = open(slash ? above : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return am_err_errno(errno);
    err = folder_in(at, name, fd);
    close(at);
    return err;
}

int door_folder_new(int folder, const char *name, int how, int *fd)
{
    int err;
    *fd = openat(folder, name, how | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return am_err_errno(errno);
    err = folder_give(folder, *fd);
    if (err) {
        close(*fd);
        *fd = -1;
        (void)unlinkat(folder, name, 0);
    }
    return err;
}

/* ---- the lock ---- */
/* One that root made, and died before it gave it: there is nothing in it, and it has no
 * other name. */
static int lock_give(int folder, int fd)
{
    struct stat s;
    if (fstat(fd, &s))
        return am_err_errno(errno);
    if (!S_ISREG(s.st_mode) || s.st_nlink > 1)
        return AM_E_FORBIDDEN;
    if (!folder_root() || s.st_uid != 0 || s.st_size || !s.st_nlink)
        return AM_OK;
    return folder_give(folder, fd);
}

static int lock_open(int folder, int *fd)
{
    int err;
    *fd = openat(folder, "lock",
                 O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (*fd < 0)
        return errno == ELOOP ? AM_E_FORBIDDEN : am_err_errno(errno);
    err = lock_give(folder, *fd);
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

/* One that was removed or replaced meanwhile locks nothing: the next to come opens
 * another. */
static bool lock_named(int folder, int fd)
{
    struct stat ours, named;
    return !fstat(fd, &ours) && !fstatat(folder, "lock", &named, AT_SYMLINK_NOFOLLOW) &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

int door_folder_lock(int folder, int64_t wait_ms, int *fd)
{
    const int64_t until = time_mono() + wait_ms * (TIME_SECOND / 1000);
    for (;;) {
        int err = *fd < 0 ? lock_open(folder, fd) : AM_OK;
        if (err)
            return err;
        if (!flock(*fd, LOCK_EX | LOCK_NB)) {
            if (lock_named(folder, *fd))
                return AM_OK;
            close(*fd);
            *fd = -1;
        } else if (errno != EWOULDBLOCK && errno != EINTR)
            return am_err_errno(errno);
        if (time_mono() > until)
            return AM_E_UNAVAILABLE;
        usleep(500);
    }
}
