/* SPDX-License-Identifier: Apache-2.0 */
/* registry_backup -- a registry as a folder of files, taken while it runs, whatever its
 * database; and a registry made of such a folder.
 *
 * The log is copied first, the databases after it: a row is never younger than the
 * checkpoint that covers it, so the copy holds at least what its checkpoint promises, and
 * opening it appends the rest. Partial tiles the server has collected meanwhile are not
 * missed: tlog_fsck() judges the copy. MANIFEST has the form of sha256sum; it is written
 * last, so a copy without it is not one. */
#include "registry/registry_tables_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { REGISTRY_MANIFEST_MAX = 256 << 20, REGISTRY_DEPTH_MAX = 12 };

struct registry_backup {
    const char *from, *to;
    struct buf manifest;
    struct registry_backed *out;
    struct diag *d;
};

/* ---- files ---- */
static int registry_copy_bytes(int in, int out, struct crypto_sha256 *h)
{
    char block[65536];
    for (;;) {
        ssize_t n = read(in, block, sizeof block);
        if (n < 0)
            return am_err_errno(errno);
        if (n == 0)
            return fsync(out) ? am_err_errno(errno) : AM_OK;
        crypto_sha256_add(h, (struct str){block, (size_t)n});
        for (ssize_t at = 0, w; at < n; at += w)
            if ((w = write(out, block + at, (size_t)(n - at))) < 0)
                return am_err_errno(errno);
    }
}

/* AM_E_NOTFOUND: from is not there. */
static int registry_copy_file(const char *from, const char *to, unsigned mode,
                              uint8_t sha256[CRYPTO_SHA256])
{
    struct crypto_sha256 h;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out, err;
    if (in < 0)
        return am_err_errno(errno);
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    err = out < 0 ? am_err_errno(errno) : AM_OK;
    crypto_sha256_init(&h);
    if (!err)
        err = registry_copy_bytes(in, out, &h);
    crypto_sha256_end(&h, sha256);
    if (out >= 0)
        close(out);
    close(in);
    return err;
}

static int registry_listed(struct registry_backup *b, const char *name,
                           const uint8_t sha256[CRYPTO_SHA256])
{
    char hex[CRYPTO_HEX];
    return buf_addf(&b->manifest, "%s  %s\n", crypto_hex(sha256, CRYPTO_SHA256, hex),
                    name);
}

static int registry_take_file(struct registry_backup *b, const char *name)
{
    char from[REGISTRY_PATH_MAX], to[REGISTRY_PATH_MAX];
    uint8_t sha256[CRYPTO_SHA256];
    int err;
    if (snprintf(from, sizeof from, "%s/%s", b->from, name) >= (int)sizeof from ||
        snprintf(to, sizeof to, "%s/%s", b->to, name) >= (int)sizeof to)
        return AM_E_TOOBIG;
    err = registry_copy_file(from, to, 0600, sha256);
    if (!err)
        b->out->files++;
    return err ? err : registry_listed(b, name, sha256);
}

/* name: a folder below both. What vanishes while we look was not needed any more. */
static int registry_take_tree(struct registry_backup *b, const char *name, int depth)
{
    char path[REGISTRY_PATH_MAX], below[REGISTRY_PATH_MAX];
    DIR *dir;
    int err;
    snprintf(path, sizeof path, "%s/%s", b->to, name);
    err = depth > REGISTRY_DEPTH_MAX ? AM_E_TOOBIG : am_dir_make(path, 0700);
    snprintf(path, sizeof path, "%s/%s", b->from, name);
    dir = err ? NULL : opendir(path);
    if (!dir)
        return err ? err : errno == ENOENT ? AM_OK : am_err_errno(errno);
    for (struct dirent *e; !err && (e = readdir(dir));) {
        struct stat st;
        if (e->d_name[0] == '.' || strstr(e->d_name, ".tmp.") ||
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (snprintf(below, sizeof below, "%s/%s", name, e->d_name) >= (int)sizeof below)
            err = AM_E_TOOBIG;
        else if (S_ISDIR(st.st_mode))
            err = registry_take_tree(b, below, depth + 1);
        else if (S_ISREG(st.st_mode) && strcmp(e->d_name, "lock") != 0)
            err = registry_take_file(b, below);
        if (err == AM_E_NOTFOUND)
            err = AM_OK;
    }
    closedir(dir);
    return err;
}

/* ---- databases: always as SQLite files ---- */
static int registry_take_db(struct registry_backup *b, const char *name,
                            struct registry_tables *t, uint64_t root_at)
{
    char to[REGISTRY_PATH_MAX], file[32];
    struct registry_place p;
    struct registry_place there = {.name = name};
    struct registry_store store = {0};
    struct auth *auth = NULL;
    struct db *from = NULL;
    uint8_t sha256[CRYPTO_SHA256];
    int err = registry_place(b->from, name, &p, b->d);
    bool accounts = strcmp(name, "auth") == 0;
    snprintf(file, sizeof file, "%s.db", name);
    snprintf(to, sizeof to, "%s/%s", b->to, file);
    snprintf(there.path, sizeof there.path, "%s", to);
    if (!err)
        err = db_open(
            &from, &(struct db_config){.path = p.path, .name = name, .read_only = true});
    if (!err && !p.server)
        err = db_backup(from, to);
    if (!err)
        err = accounts ? auth_open_db(&auth, b->to, to)
                       : registry_store_open_at(&store, &there, b->d);
    if (!err && p.server)
        err = registry_tables_copy(from, accounts ? auth_db(auth) : store.db, t);
    if (!err)
        err = registry_tables_look(accounts ? auth_db(auth) : store.db, root_at, t);
    auth_close(auth);
    registry_store_close(&store);
    db_close(from);
    if (accounts) { /* made by opening; the true one goes with the keys */
        snprintf(to, sizeof to, "%s/auth.key", b->to);
        unlink(to);
        snprintf(to, sizeof to, "%s/%s", b->to, file);
    }
    if (!err)
        err = crypto_sha256_file(to, sha256, NULL);
    if (!err)
        b->out->files++;
    return err ? err : registry_listed(b, file, sha256);
}

/* ---- taking ---- */
static int registry_backup_head(struct registry_backup *b, struct tlog_checkpoint *head)
{
    char path[REGISTRY_PATH_MAX];
    struct tlog *log = NULL;
    int err;
    snprintf(path, sizeof path, "%s/log", b->to);
    err = tlog_open(&log, &(struct tlog_config){.dir = path});
    if (!err)
        tlog_head(log, head);
    tlog_close(log);
    return err ? err : tlog_fsck(path, NULL, b->d);
}

static int registry_backup_dbs(struct registry_backup *b)
{
    struct tlog_checkpoint head;
    struct registry_tables *t = am_calloc(1, sizeof *t);
    int err = t ? registry_backup_head(b, &head) : AM_E_NOMEM;
    if (!err)
        err = registry_take_db(b, "auth", t, 0);
    if (!err)
        err = registry_take_db(b, "registry", t, head.size);
    if (!err &&
        (t->leaves != head.size || memcmp(&t->root, &head.root, sizeof t->root))) {
        diag_err(b->d, "entry", "registry.root_differs",
                 "the rows of the copy do not give the root of its log");
        err = AM_E_TAMPERED;
    }
    if (!err) {
        b->out->size = head.size;
        memcpy(b->out->root, head.root.h, sizeof b->out->root);
    }
    free(t);
    return err;
}

static int registry_backup_keys(struct registry_backup *b, bool keys)
{
    int err = keys ? registry_take_tree(b, "keys", 0) : AM_OK;
    if (!err && keys)
        err = registry_take_file(b, "auth.key");
    return err;
}

int registry_backup(const char *dir, const char *to, bool keys,
                    struct registry_backed *out, struct diag *d)
{
    struct registry_backup b = {.from = dir, .to = to, .out = out, .d = d};
    char path[REGISTRY_PATH_MAX];
    int err;
    *out = (struct registry_backed){0};
    if (mkdir(to, 0700)) {
        err = am_err_errno(errno);
        diag_err(d, to, "registry.backup_place", "the copy goes into a new folder: %s",
                 am_err_text(err));
        return err;
    }
    buf_init(&b.manifest, REGISTRY_MANIFEST_MAX);
    err = registry_take_file(&b, "origin");
    if (!err)
        err = registry_take_file(&b, "witnesses");
    snprintf(path, sizeof path, "%s/log", to);
    if (!err)
        err = am_dir_make(path, 0700);
    if (!err) /* before its tiles: what it promises is there already */
        err = registry_take_file(&b, "log/checkpoint");
    if (!err)
        err = registry_take_tree(&b, "log/tile", 0);
    if (!err)
        err = registry_take_file(&b, "log/checkpoint.cosigned");
    if (err == AM_E_NOTFOUND)
        err = AM_OK;
    if (!err)
        err = registry_take_tree(&b, "blobs", 0);
    if (!err)
        err = registry_backup_dbs(&b);
    if (!err)
        err = registry_backup_keys(&b, keys);
    snprintf(path, sizeof path, "%s/MANIFEST", to);
    if (!err)
        err = am_file_write(path, buf_str(&b.manifest), 0600);
    buf_release(&b.manifest);
    return err;
}

/* ---- putting back ---- */
static bool registry_name_safe(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/",
                    name.p[i]) ||
            (name.p[i] == '.' && (i == 0 || name.p[i - 1] == '/')))
            return false;
    return name.n > 0 && name.n < 1000 && name.p[0] != '/' && name.p[name.n - 1] != '/';
}

static int registry_put_file(const char *from, const char *dir, struct str hex,
                             struct str name, struct diag *d)
{
    char a[REGISTRY_PATH_MAX], b[REGISTRY_PATH_MAX];
    uint8_t want[CRYPTO_SHA256], got[CRYPTO_SHA256];
    int err;
    if (!registry_name_safe(name) || crypto_unhex(hex, want, sizeof want)) {
        diag_err(d, "MANIFEST", "registry.manifest", "a line is not `sha256  name`");
        return AM_E_TAMPERED;
    }
    snprintf(a, sizeof a, "%s/%.*s", from, STR_FMT(name));
    snprintf(b, sizeof b, "%s/%.*s", dir, STR_FMT(name));
    *strrchr(b, '/') = '\0';
    err = am_dir_make(b, 0700);
    snprintf(b, sizeof b, "%s/%.*s", dir, STR_FMT(name));
    if (!err)
        err = registry_copy_file(a, b, 0600, got);
    if (!err && memcmp(got, want, sizeof got) != 0)
        err = AM_E_TAMPERED;
    if (err)
        diag_err(d, a, "registry.backup_file", "%s",
                 err == AM_E_TAMPERED ? "not the bytes of the MANIFEST"
                                      : am_err_text(err));
    return err;
}

static int registry_put_all(const char *from, const char *dir, struct diag *d)
{
    char path[REGISTRY_PATH_MAX], *text = NULL;
    struct str rest, line, hex;
    size_t n = 0;
    int err;
    snprintf(path, sizeof path, "%s/MANIFEST", from);
    err = am_file_read(path, REGISTRY_MANIFEST_MAX, &text, &n);
    if (err)
        diag_err(d, path, "registry.manifest", "no finished backup: %s",
                 am_err_text(err));
    rest = (struct str){text ? text : "", n};
    while (!err && rest.n) {
        line = str_cut(rest, '\n', &rest);
        hex = str_sub(line, 0, 64);
        err = registry_put_file(from, dir, hex, str_sub(line, 66, line.n), d);
    }
    free(text);
    return err;
}

/* As a start would find it; without the log's key only the files can be judged. */
static int registry_put_prove(const char *dir, struct registry_backed *out,
                              struct diag *d)
{
    char path[REGISTRY_PATH_MAX];
    struct registry_held h = {0};
    int err;
    snprintf(path, sizeof path, "%s/keys/log.key", dir);
    out->keys = access(path, F_OK) == 0;
    snprintf(path, sizeof path, "%s/log", dir);
    err = tlog_fsck(path, NULL, d);
    if (!err && out->keys) {
        err = registry_hold(&h, dir, d);
        out->size = h.head.size;
        memcpy(out->root, h.head.root.h, sizeof out->root);
        registry_held_release(&h);
    } else if (!err) {
        struct tlog *log = NULL;
        struct tlog_checkpoint head;
        err = tlog_open(&log, &(struct tlog_config){.dir = path});
        if (!err) {
            tlog_head(log, &head);
            out->size = head.size;
            memcpy(out->root, head.root.h, sizeof out->root);
        }
        tlog_close(log);
    }
    return err;
}

int registry_restore(const char *from, const char *dir, struct registry_backed *out,
                     struct diag *d)
{
    int err;
    *out = (struct registry_backed){0};
    if (getenv("AMANE_DATABASE")) {
        diag_err(d, "AMANE_DATABASE", "registry.database",
                 "a backup is put back as SQLite files: then `amane registry move`");
        return AM_E_CONFLICT;
    }
    if (mkdir(dir, 0700)) {
        err = am_err_errno(errno);
        diag_err(d, dir, "registry.backup_place", "it is put back into a new folder: %s",
                 am_err_text(err));
        return err;
    }
    err = registry_put_all(from, dir, d);
    return err ? err : registry_put_prove(dir, out, d);
}
