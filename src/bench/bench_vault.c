/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- the store: its lock, the head of each set. */
#include "bench/bench_vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "bench/bench_vault_priv.h"

void (*bench_vault_step)(enum vault_step step);

int bench_vault_problem(struct diag *d, const char *id, int err, const char *code,
                        const char *detail)
{
    char at[96];
    snprintf(at, sizeof at, "sealed:%.64s", id);
    if (d)
        diag_err(d, at, code, "%s", detail);
    return err;
}

bool bench_vault_id(struct str id)
{
    static const char more[] = "._-";
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool word =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && (!i || !memchr(more, c, sizeof more - 1)))
            return false;
    }
    return id.n > 0 && id.n <= 63;
}

bool bench_sealed_path(struct str path, struct str *id, struct str *member)
{
    struct str rest;
    if (!str_starts(path, STR("sealed:")))
        return false;
    *id = str_cut(str_sub(path, 7, path.n), '/', &rest);
    *member = rest;
    return true;
}

int bench_vault_lock(const struct bench_vault *v, int *fd)
{
    char path[VAULT_PATH];
    snprintf(path, sizeof path, "%s/lock", v->dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return am_err_errno(errno);
    while (flock(*fd, LOCK_EX)) {
        int e = errno;
        if (e == EINTR)
            continue;
        close(*fd);
        return am_err_errno(e);
    }
    return AM_OK;
}

void bench_vault_unlock(int fd)
{
    close(fd); /* and with it the lock, as when the process ends */
}

/* ---- HMACs over canonical JSON
 * --------------------------------------------------------------- */
int bench_vault_canon(struct buf *out, const struct json *v, const char *skip)
{
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, VAULT_DOC_MAX);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, v)) {
        if (str_eqc(it.key, skip))
            continue;
        jw_keyn(&w, it.key);
        jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    if (!err)
        err = json_canon(out, json_root(doc));
    json_free(doc);
    buf_release(&b);
    return err;
}

int bench_vault_mac(const uint8_t key[32], const char *before, struct str body,
                    char hex[CRYPTO_HEX])
{
    uint8_t mac[32];
    struct buf b;
    int err;
    buf_init(&b, VAULT_DOC_MAX);
    err = buf_addf(&b, "%s\n", before);
    if (!err)
        err = buf_add(&b, body);
    if (!err)
        err = crypto_hmac_sha256((struct str){(const char *)key, 32}, buf_str(&b), mac);
    if (!err)
        crypto_hex(mac, 32, hex);
    buf_release(&b);
    return err;
}

int bench_vault_signed(struct buf *out, struct str body, const char mac[CRYPTO_HEX])
{
    int err = buf_add(out, str_sub(body, 0, body.n - 1)); /* without its brace */
    return err ? err : buf_addf(out, ",\"mac\":\"%s\"}\n", mac);
}

/* ---- the head
 * ------------------------------------------------------------------------------- */
void bench_vault_keys(const struct bench_vault *v, struct vault_set *s)
{
    struct str key = {(const char *)v->key, 32}, salt = {(const char *)s->salt, 32};
    am_assert(!crypto_hkdf_sha256(key, salt, STR("amane sealed data 1"), s->data, 32));
    am_assert(!crypto_hkdf_sha256(key, salt, STR("amane sealed head 1"), s->seal, 32));
    am_assert(!crypto_hkdf_sha256(key, salt, STR("amane sealed log 1"), s->log, 32));
}

int bench_vault_set_dir(const struct bench_vault *v, const char *name,
                        struct vault_set *s)
{
    int n = snprintf(s->dir, sizeof s->dir, "%s/%s", v->dir, name);
    return n > 0 && n < (int)sizeof s->dir ? AM_OK : AM_E_TOOBIG;
}

int bench_vault_head_write(const struct vault_set *s, struct str text)
{
    struct json_doc *doc = NULL;
    struct buf canon, out;
    char path[VAULT_PATH], mac[CRYPTO_HEX];
    int err = json_parse(&doc, text, NULL, NULL);
    buf_init(&canon, VAULT_DOC_MAX);
    buf_init(&out, VAULT_DOC_MAX);
    if (!err)
        err = json_canon(&canon, json_root(doc));
    if (!err)
        err = bench_vault_mac(s->seal, s->id, buf_str(&canon), mac);
    if (!err)
        err = bench_vault_signed(&out, buf_str(&canon), mac);
    snprintf(path, sizeof path, "%s/head.json", s->dir);
    if (!err)
        err = am_file_write(path, buf_str(&out), 0600);
    json_free(doc);
    buf_release(&canon);
    buf_release(&out);
    return err;
}

static int check_head(const struct bench_vault *v, struct vault_set *s, struct diag *d)
{
    const struct json *h = s->head;
    char mac[CRYPTO_HEX];
    struct buf canon;
    int err;
    if (!json_str_is(json_get(h, "schema"), "amane/bench-sealed/1") ||
        crypto_unhex(json_get_str(h, "salt"), s->salt, 32))
        return bench_vault_problem(d, s->id, AM_E_TAMPERED, VAULT_TAMPERED,
                                   "the head of the set cannot be read");
    if (!json_str_is(json_get(h, "key_id"), v->key_id))
        return bench_vault_problem(d, s->id, AM_E_UNAUTHORIZED, "bench.sealed_key",
                                   "sealed with another key");
    bench_vault_keys(v, s);
    buf_init(&canon, VAULT_DOC_MAX);
    err = bench_vault_canon(&canon, h, "mac");
    if (!err)
        err = bench_vault_mac(s->seal, s->id, buf_str(&canon), mac);
    buf_release(&canon);
    if (err)
        return err;
    if (!json_str_is(json_get(h, "mac"), mac) || !json_str_is(json_get(h, "id"), s->id))
        return bench_vault_problem(d, s->id, AM_E_TAMPERED, VAULT_TAMPERED,
                                   "the head of the set is altered");
    return AM_OK;
}

int bench_vault_load(const struct bench_vault *v, struct str id, struct vault_set *s,
                     struct diag *d)
{
    char path[VAULT_PATH], *text = NULL;
    size_t n = 0;
    int err;
    *s = (struct vault_set){0};
    snprintf(s->id, sizeof s->id, "%.*s", (int)AM_MIN(id.n, (size_t)63), id.p);
    if (!bench_vault_id(id))
        return bench_vault_problem(d, s->id, AM_E_INVALID, "bench.sealed_id",
                                   "1 to 63 letters, digits, dots, dashes");
    err = bench_vault_set_dir(v, s->id, s);
    snprintf(path, sizeof path, "%s/head.json", s->dir);
    if (!err)
        err = am_file_read(path, VAULT_DOC_MAX, &text, &n);
    if (err == AM_E_NOTFOUND)
        (void)bench_vault_problem(d, s->id, err, "bench.sealed_unknown",
                                  "the store has no such set");
    if (!err)
        err = json_parse(&s->doc, (struct str){text, n}, NULL, NULL);
    if (err == AM_E_SYNTAX)
        err = bench_vault_problem(d, s->id, AM_E_TAMPERED, VAULT_TAMPERED,
                                  "the head of the set cannot be read");
    free(text);
    s->head = json_root(s->doc);
    if (!err)
        err = check_head(v, s, d);
    if (!err)
        err = bench_vault_log_load(s, d);
    if (err)
        bench_vault_set_release(s);
    return err;
}

void bench_vault_set_release(struct vault_set *s)
{
    for (size_t i = 0; i < s->use.n; i++)
        json_free(s->use.v[i]);
    vec_release(&s->use);
    json_free(s->doc);
    crypto_wipe(s, sizeof *s);
}
