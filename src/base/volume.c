/* SPDX-License-Identifier: Apache-2.0 */
#include "base/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fscrypt.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEEP = 16, MOUNTS_B = 16 << 20 };

struct mount {
    char device[32]; /* "253:0" */
    char type[64];
};

static int of_path(const char *root, const char *path, bool real, int depth, bool *seen);

/* ---- the mount ---- */
/* \040 is a blank (proc(5)). */
static void decode(struct str s, char out[PATH_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < PATH_MAX - 1; i++) {
        bool octal = s.p[i] == '\\' && i + 3 < s.n;
        out[n++] = octal ? (char)((s.p[i + 1] - '0') * 64 + (s.p[i + 2] - '0') * 8 +
                                  (s.p[i + 3] - '0'))
                         : s.p[i];
        i += octal ? 3 : 0;
    }
    out[n] = 0;
}

/* How much of the path the mount point covers; SIZE_MAX: not that path. */
static size_t covers(const char *point, const char *path)
{
    size_t n = strlen(point);
    if (n == 1)
        return 1;
    return !strncmp(point, path, n) && (path[n] == '/' || !path[n]) ? n : SIZE_MAX;
}

static void copy(char *out, size_t room, struct str s)
{
    snprintf(out, room, "%.*s", (int)AM_MIN(s.n, room - 1), s.n ? s.p : "");
}

/* "36 35 98:0 /root /point options tag:value - type source options" */
static void line_of(struct str line, const char *path, size_t *best, struct mount *out)
{
    struct str device = STR_NULL, point = STR_NULL, rest = line;
    char name[PATH_MAX];
    size_t n;
    for (int i = 0; i < 5; i++) {
        struct str field = str_cut(rest, ' ', &rest);
        if (i == 2)
            device = field;
        if (i == 4)
            point = field;
    }
    while (rest.n && !str_eqc(str_cut(rest, ' ', &rest), "-"))
        ;
    decode(point, name);
    n = point.n ? covers(name, path) : SIZE_MAX;
    if (n == SIZE_MAX || n < *best)
        return;
    *best = n; /* of two on one point the later hides the earlier */
    copy(out->device, sizeof out->device, device);
    copy(out->type, sizeof out->type, str_cut(rest, ' ', &rest));
}

static int mount_of(const char *root, const char *path, struct mount *out)
{
    char file[PATH_MAX], *text = NULL;
    size_t n = 0, best = 0;
    struct str rest;
    int err;
    *out = (struct mount){0};
    snprintf(file, sizeof file, "%s/proc/self/mountinfo", root);
    err = am_file_read(file, MOUNTS_B, &text, &n);
    for (rest = (struct str){text, n}; !err && rest.n;)
        line_of(str_cut(rest, '\n', &rest), path, &best, out);
    free(text);
    return err;
}

/* ---- the device ---- */
/* The first line of a small file of /sys; "": there is none. */
static void word_of(const char *dir, const char *name, char out[PATH_MAX])
{
    char file[PATH_MAX + 32];
    size_t n = 0;
    int fd;
    ssize_t got;
    out[0] = 0;
    snprintf(file, sizeof file, "%s/%s", dir, name);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    got = read(fd, out, PATH_MAX - 1);
    close(fd);
    n = got > 0 ? (size_t)got : 0;
    out[n] = 0;
    out[strcspn(out, "\n")] = 0;
}

static bool device_encrypted(const char *root, const char *dir, int depth);

/* -1: it rests on no other devices. */
static int slaves_encrypted(const char *root, const char *dir, int depth)
{
    char name[PATH_MAX + 16], slave[2 * PATH_MAX];
    const struct dirent *e;
    int all = -1;
    DIR *d;
    snprintf(name, sizeof name, "%s/slaves", dir);
    d = opendir(name);
    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(slave, sizeof slave, "%s/%s", name, e->d_name);
        all = all && strlen(slave) < PATH_MAX && device_encrypted(root, slave, depth + 1);
    }
    if (d)
        closedir(d);
    return all;
}

/* cryptsetup names all its devices so; those of dm-integrity and dm-verity prove what
 * they hold, and hide nothing. */
static bool uuid_encrypts(const char *uuid)
{
    struct str s = str_c(uuid);
    return str_starts(s, STR("CRYPT-")) && !str_starts(s, STR("CRYPT-INTEGRITY-")) &&
           !str_starts(s, STR("CRYPT-VERITY-"));
}

static bool device_encrypted(const char *root, const char *dir, int depth)
{
    char real[PATH_MAX], word[PATH_MAX], part[PATH_MAX], up[PATH_MAX + 4];
    bool seen = false;
    int slaves;
    if (depth > DEEP || !realpath(dir, real))
        return false;
    word_of(real, "dm/uuid", word);
    if (uuid_encrypts(word))
        return true;
    slaves = slaves_encrypted(root, real, depth);
    if (slaves >= 0)
        return slaves;
    word_of(real, "loop/backing_file", word);
    if (word[0])
        return of_path(root, word, true, depth + 1, &seen) == AM_OK && seen;
    word_of(real, "partition", part);
    snprintf(up, sizeof up, "%s/..", real);
    return part[0] && device_encrypted(root, up, depth + 1);
}

/* ---- the folder ---- */
static bool folder_encrypted(const char *path)
{
    struct fscrypt_get_policy_ex_arg policy = {.policy_size = sizeof policy.policy};
    int fd = open(path, O_RDONLY | O_CLOEXEC), got;
    if (fd < 0)
        return false;
    got = ioctl(fd, FS_IOC_GET_ENCRYPTION_POLICY_EX, &policy);
    close(fd);
    return got == 0;
}

/* real: the path has no links any more, and root is not in it. */
static int of_path(const char *root, const char *path, bool real, int depth, bool *seen)
{
    char full[PATH_MAX], at[PATH_MAX], top[PATH_MAX], dir[PATH_MAX + 64];
    struct mount m;
    int err;
    *seen = false;
    if (snprintf(full, sizeof full, "%s%s", root, path) >= (int)sizeof full)
        return AM_E_TOOBIG;
    if (!real && (!realpath(full, at) || !realpath(*root ? root : "/", top)))
        return am_err_errno(errno);
    if (!real)
        path = *root ? at + strlen(top) : at;
    if (!real && folder_encrypted(at)) {
        *seen = true;
        return AM_OK;
    }
    err = mount_of(root, path, &m);
    if (err)
        return err;
    snprintf(dir, sizeof dir, "%s/sys/dev/block/%s", root, m.device);
    *seen = !strcmp(m.type, "ecryptfs") || !strcmp(m.type, "fuse.gocryptfs") ||
            (m.device[0] && device_encrypted(root, dir, depth));
    return AM_OK;
}

int am_volume_encrypted(const char *path, const char *root, bool *seen)
{
    return of_path(root, path, false, 0, seen);
}
