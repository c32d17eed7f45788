/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- the key file: 32 random bytes, bare or under a passphrase. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "bench/bench_vault_priv.h"

enum { KEY_FILE_MAX = 4096, KEY_SEALED = 60 };
#define KEY_SCHEMA "amane/bench-key/1"

static int key_json(const uint8_t key[32], struct str passphrase,
                    const struct crypto_argon2 *cost, struct buf *out)
{
    struct crypto_argon2 c = cost ? *cost : (struct crypto_argon2){65536, 3, 1};
    uint8_t salt[16], kek[32];
    char hex[2 * KEY_SEALED + 1], salt_hex[33];
    struct buf sealed;
    int err = crypto_random(salt, sizeof salt);
    buf_init(&sealed, 128);
    if (!passphrase.n) {
        err = err ? err
                  : buf_addf(out, "{\"schema\":\"" KEY_SCHEMA "\",\"key\":\"%s\"}\n",
                             crypto_hex(key, 32, hex));
        crypto_wipe(hex, sizeof hex);
        return err;
    }
    if (!err)
        err = crypto_password_key(passphrase, (struct str){(const char *)salt, 16}, &c,
                                  kek);
    if (!err)
        err = crypto_seal(kek, STR(KEY_SCHEMA), (struct str){(const char *)key, 32},
                          &sealed);
    if (!err)
        err = buf_addf(out,
                       "{\"schema\":\"" KEY_SCHEMA
                       "\",\"argon2id\":{\"memory_kib\":%u,\"passes\":%u,"
                       "\"lanes\":%u,\"salt\":\"%s\"},\"key\":\"%s\"}\n",
                       c.memory_kib, c.passes, c.lanes, crypto_hex(salt, 16, salt_hex),
                       crypto_hex((const uint8_t *)sealed.p, KEY_SEALED, hex));
    crypto_wipe(kek, sizeof kek);
    buf_wipe(&sealed);
    return err;
}

int bench_vault_key_new(const char *path, struct str passphrase,
                        const struct crypto_argon2 *cost)
{
    uint8_t key[32];
    struct buf text;
    int fd = -1, err = crypto_random(key, sizeof key);
    buf_init(&text, KEY_FILE_MAX);
    if (!err)
        err = key_json(key, passphrase, cost, &text);
    if (!err) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        err = fd < 0 ? am_err_errno(errno) : AM_OK;
    }
    if (!err && (write(fd, text.p, text.n) != (ssize_t)text.n || fsync(fd)))
        err = errno ? am_err_errno(errno) : AM_E_IO;
    if (fd >= 0 && close(fd) && !err)
        err = am_err_errno(errno);
    if (fd >= 0 && err)
        unlink(path);
    crypto_wipe(key, sizeof key);
    buf_wipe(&text);
    return err;
}

static int unwrap(const struct json *root, struct str passphrase, uint8_t key[32])
{
    const struct json *a = json_get(root, "argon2id");
    struct crypto_argon2 c = {(uint32_t)json_int(json_get(a, "memory_kib"), 0),
                              (uint32_t)json_int(json_get(a, "passes"), 0),
                              (uint32_t)json_int(json_get(a, "lanes"), 0)};
    uint8_t salt[16], kek[32], sealed[KEY_SEALED];
    struct buf plain;
    int err;
    if (crypto_unhex(json_get_str(a, "salt"), salt, sizeof salt) ||
        crypto_unhex(json_get_str(root, "key"), sealed, sizeof sealed))
        return AM_E_SYNTAX;
    buf_init(&plain, 64);
    err = crypto_password_key(passphrase, (struct str){(const char *)salt, 16}, &c, kek);
    if (!err)
        err = crypto_open(kek, STR(KEY_SCHEMA),
                          (struct str){(const char *)sealed, sizeof sealed}, &plain);
    if (!err)
        memcpy(key, plain.p, 32);
    crypto_wipe(kek, sizeof kek);
    buf_wipe(&plain);
    return err == AM_E_TAMPERED  ? AM_E_UNAUTHORIZED
           : err == AM_E_INVALID ? AM_E_SYNTAX
                                 : err;
}

static int read_key(struct bench_vault *v, const char *path, struct str passphrase)
{
    struct json_doc *doc = NULL;
    const struct json *root;
    uint8_t id[8];
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(path, KEY_FILE_MAX, &text, &n);
    if (!err)
        err = json_parse(&doc, (struct str){text, n}, NULL, NULL);
    root = json_root(doc);
    if (!err && !json_str_is(json_get(root, "schema"), KEY_SCHEMA))
        err = AM_E_SYNTAX;
    else if (!err && json_get(root, "argon2id"))
        err = unwrap(root, passphrase, v->key);
    else if (!err)
        err = crypto_unhex(json_get_str(root, "key"), v->key, 32);
    json_free(doc);
    if (text)
        crypto_wipe(text, n);
    free(text);
    if (!err)
        err = crypto_hkdf_sha256((struct str){(const char *)v->key, 32}, STR(""),
                                 STR("amane sealed id 1"), id, sizeof id);
    if (!err)
        crypto_hex(id, sizeof id, v->key_id);
    return err;
}

int bench_vault_open(struct bench_vault **out, const char *dir, const char *key_path,
                     struct str passphrase, struct diag *d)
{
    struct bench_vault *v = am_calloc(1, sizeof *v);
    int err;
    if (!v)
        return AM_E_NOMEM;
    if (strlen(dir) >= sizeof v->dir - 200) { /* names are put behind it */
        free(v);
        return AM_E_TOOBIG;
    }
    snprintf(v->dir, sizeof v->dir, "%s", dir);
    err = read_key(v, key_path, passphrase);
    if (err && err != AM_E_NOMEM)
        diag_err(d, key_path, "bench.sealed_key", "%s", am_err_text(err));
    if (!err) {
        err = am_dir_make(dir, 0700);
        if (err && err != AM_E_NOMEM)
            diag_err(d, dir, "bench.file", "%s", am_err_text(err));
    }
    if (err) {
        bench_vault_free(v);
        return err;
    }
    *out = v;
    return AM_OK;
}

void bench_vault_free(struct bench_vault *v)
{
    if (v)
        crypto_wipe(v, sizeof *v);
    free(v);
}
