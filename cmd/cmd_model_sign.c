/* SPDX-License-Identifier: Apache-2.0 */
/* amane model sign | verify: OpenSSF Model Signing over a file or a folder. */
#include "cmd_model.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "cmd.h"
#include "json/json.h"

enum { DEPTH_MAX = 32, FILES_MAX = 100000, SIG_MAX = 16 << 20 };

struct folder {
    VEC(struct model_oms_file) file;
    const char *sig; /* left out, wherever it lies */
    struct stat sig_stat;
    bool has_sig;
    struct diag *d;
};

static void folder_release(struct folder *f)
{
    for (size_t i = 0; i < f->file.n; i++)
        free((char *)(uintptr_t)f->file.v[i].name.p);
    vec_release(&f->file);
}

static int hash_file(const char *path, uint8_t out[CRYPTO_SHA256])
{
    struct crypto_sha256 h;
    char piece[65536];
    FILE *in = fopen(path, "rb");
    size_t n;
    int err;
    if (!in)
        return am_err_errno(errno);
    crypto_sha256_init(&h);
    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        crypto_sha256_add(&h, (struct str){piece, n});
    err = ferror(in) ? AM_E_IO : AM_OK;
    crypto_sha256_end(&h, out);
    fclose(in);
    return err;
}

static int add_file(struct folder *f, const char *path, const char *name)
{
    struct model_oms_file one;
    int err;
    if (f->file.n >= FILES_MAX)
        return AM_E_TOOBIG;
    err = hash_file(path, one.sha256);
    if (err)
        return err;
    one.name = str_c(str_dup(str_c(name)));
    if (!one.name.p)
        return AM_E_NOMEM;
    err = vec_push(&f->file, one);
    if (err)
        free((char *)(uintptr_t)one.name.p);
    return err;
}

static bool ignored(const struct folder *f, const char *name, unsigned depth,
                    const struct stat *st)
{
    static const char *const left_out[] = {".git", ".gitignore", ".gitattributes",
                                           ".github"};
    if (f->has_sig && st->st_dev == f->sig_stat.st_dev &&
        st->st_ino == f->sig_stat.st_ino)
        return true;
    for (size_t i = 0; i < AM_LEN(left_out); i++)
        if (depth == 0 && strcmp(name, left_out[i]) == 0)
            return true;
    return false;
}

static int walk(struct folder *f, const char *dir, const char *base, unsigned depth);

static int entry(struct folder *f, const char *dir, const char *base, const char *name,
                 unsigned depth)
{
    char path[4096], rel[2048];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(rel, sizeof rel, "%s%s%s", base, *base ? "/" : "", name);
    if (strlen(path) + 1 >= sizeof path || lstat(path, &st))
        return am_err_errno(errno);
    if (ignored(f, name, depth, &st))
        return AM_OK;
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? walk(f, path, rel, depth + 1) : AM_E_TOOBIG;
    if (S_ISREG(st.st_mode))
        return add_file(f, path, rel);
    diag_err(f->d, rel, "oms.file", "neither a file nor a folder: links are not signed");
    return AM_E_INVALID;
}

static int walk(struct folder *f, const char *dir, const char *base, unsigned depth)
{
    struct dirent *e;
    DIR *open = opendir(dir);
    int err = AM_OK;
    if (!open)
        return am_err_errno(errno);
    while (!err && (e = readdir(open)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            err = entry(f, dir, base, e->d_name, depth);
    closedir(open);
    return err;
}

static const char *base_name(const char *path)
{
    const char *last = strrchr(path, '/');
    return last && last[1] ? last + 1 : path;
}

/* A folder's files, or the one file. */
static int enumerate(struct folder *f, const char *what)
{
    struct stat st;
    f->has_sig = f->sig && stat(f->sig, &f->sig_stat) == 0;
    if (stat(what, &st))
        return am_err_errno(errno);
    return S_ISDIR(st.st_mode) ? walk(f, what, "", 0)
                               : add_file(f, what, base_name(what));
}

static int sign(const char *what, const char *key_path, const char *out, struct diag *d)
{
    struct folder f = {.sig = out, .d = d};
    struct crypto_key *key = NULL;
    struct buf bundle;
    int err = crypto_key_load(&key, key_path, str_c(getenv("AMANE_KEY_PASSPHRASE")));
    buf_init(&bundle, SIG_MAX);
    if (!err)
        err = enumerate(&f, what);
    if (!err && !f.file.n) {
        diag_err(d, what, "oms.empty", "there is nothing to sign");
        err = AM_E_INVALID;
    }
    if (!err)
        err = model_oms_sign(str_c(base_name(what)), f.file.v, f.file.n, key, &bundle);
    if (!err)
        err = strcmp(out, "-") == 0 ? cmd_out(buf_str(&bundle))
                                    : am_file_write(out, buf_str(&bundle), 0644);
    buf_release(&bundle);
    crypto_key_free(key);
    folder_release(&f);
    return err;
}

/* SubjectPublicKeyInfo out of PEM, whatever the curve. */
static int spki_of(const char *path, struct buf *out)
{
    static const char head[] = "-----BEGIN PUBLIC KEY-----";
    char *text = NULL;
    struct buf packed;
    size_t n = 0;
    int err = am_file_read(path, 16384, &text, &n);
    const char *at = err ? NULL : strstr(text, head), *end;
    buf_init(&packed, 16384);
    if (!err && !at)
        err = AM_E_SYNTAX;
    for (at = at ? at + sizeof head - 1 : "", end = strchr(at, '-');
         !err && end && at < end; at++)
        if (*at != '\n' && *at != '\r')
            err = buf_add(&packed, (struct str){at, 1});
    if (!err)
        err = crypto_unbase64(out, buf_str(&packed));
    buf_release(&packed);
    free(text);
    return err;
}

static int verify(const char *what, const char *sig, const char *key, const char *roots,
                  struct diag *d)
{
    struct folder f = {.sig = sig, .d = d};
    struct json_doc *doc = NULL;
    struct model_oms_trust trust = {.at = time_now()};
    char *pem = NULL;
    size_t n = 0;
    struct buf spki;
    int err = json_parse_file(&doc, sig, NULL, d);
    buf_init(&spki, 512);
    if (!err && key)
        err = spki_of(key, &spki);
    if (!err && roots)
        err = am_file_read(roots, 1 << 20, &pem, &n);
    trust.spki = buf_str(&spki);
    trust.roots_pem = (struct str){pem, n};
    if (!err)
        err = enumerate(&f, what);
    if (!err)
        err = model_oms_verify(json_root(doc), f.file.v, f.file.n, &trust, d);
    free(pem);
    buf_release(&spki);
    json_free(doc);
    folder_release(&f);
    return err;
}

int cmd_model_sign(const char *what, const struct model_sign_args *a)
{
    struct diag d;
    int err;
    diag_init(&d);
    err = sign(what, a->key, a->out, &d);
    err = err ? cmd_fail("sign", what, err, &d) : 0;
    diag_release(&d);
    return err;
}

int cmd_model_verify(const char *what, const struct model_sign_args *a)
{
    struct diag d;
    int err;
    diag_init(&d);
    err = verify(what, a->signature, a->key, a->roots, &d);
    err = err ? cmd_fail("verify", what, err, &d) : 0;
    diag_release(&d);
    return err;
}
