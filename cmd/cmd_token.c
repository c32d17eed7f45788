/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "json/json.h"

#define TOKEN_AAD "amane eds key 1"
enum { TOKEN_FILE = 4096, TOKEN_TEXT = 1024 };

/* ---- the PIN ---- */
/* Not am_file_read(): it would leave a copy of the PIN in freed memory. */
static int pin_of_file(const char *path, char *pin, size_t cap, size_t *n)
{
    struct stat st;
    size_t k = 0;
    int err, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return am_err_errno(errno);
    err = fstat(fd, &st) ? am_err_errno(errno) : AM_OK;
    while (!err && k < cap) {
        ssize_t r = read(fd, pin + k, cap - k);
        if (r == 0)
            break;
        if (r > 0)
            k += (size_t)r;
        else if (errno != EINTR)
            err = am_err_errno(errno);
    }
    close(fd);
    if (!err && S_ISREG(st.st_mode) && (st.st_mode & 077))
        LOG_W("sign.pin_mode", log_s("path", path), log_i("mode", st.st_mode & 0777));
    if (k && pin[k - 1] == '\n') /* what editors and echo add */
        k--;
    if (k && pin[k - 1] == '\r')
        k--;
    *n = k;
    return err;
}

/* The environment of a process can be read by others of its user: it is wiped at once. */
static int pin_of_environment(char *pin, size_t cap, size_t *n)
{
    char *env = getenv("AMANE_PIN");
    struct str value = str_c(env);
    int err = value.n > cap ? AM_E_TOOBIG : AM_OK;
    *n = err ? 0 : value.n;
    if (*n)
        memcpy(pin, value.p, *n);
    if (value.n)
        crypto_wipe(env, value.n);
    unsetenv("AMANE_PIN");
    return err;
}

int cmd_token(struct crypto_token **out, const struct crypto_token_where *where,
              const char *pin_file, struct diag *d)
{
    char pin[CRYPTO_PIN_MAX + 3]; /* a line end, and one more to see what is too long */
    size_t n = 0, file_n = 0;
    int err = pin_of_environment(pin, sizeof pin, &n);
    if (pin_file) {
        err = pin_of_file(pin_file, pin, sizeof pin, &file_n);
        n = file_n;
        if (err)
            diag_err(d, pin_file, "sign.pin_file", "cannot be read");
    }
    if (!err)
        err = crypto_token_open(out, where, (struct str){pin, n}, d);
    crypto_wipe(pin, sizeof pin);
    return err;
}

/* ---- a key sealed by one ---- */
static int key_write(const char *path, const struct cmd_token_key *k, struct str sealed)
{
    char hex[2 * CRYPTO_TOKEN_SEALED + 1];
    struct buf b;
    struct jw w;
    int err;
    crypto_hex((const uint8_t *)sealed.p, sealed.n, hex);
    buf_init(&b, TOKEN_FILE);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "module", k->module);
    jw_kstrz(&w, "token", k->token);
    jw_kstrz(&w, "label", k->label);
    if (k->pin_file)
        jw_kstrz(&w, "pin_file", k->pin_file);
    jw_kstrz(&w, "sealed", hex);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = buf_addc(&b, '\n');
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    buf_release(&b);
    return err;
}

int cmd_token_key_new(const char *path, const struct cmd_token_key *k, struct diag *d)
{
    struct crypto_token_where where = {
        .module = k->module, .label = k->token, .slot = -1};
    struct crypto_token *t = NULL;
    uint8_t key[EDS_KEY];
    struct buf sealed;
    struct stat st;
    int err;
    if (lstat(path, &st) == 0)
        return AM_E_EXISTS;
    buf_init(&sealed, CRYPTO_TOKEN_SEALED);
    err = cmd_token(&t, &where, k->pin_file, d);
    if (!err)
        err = crypto_random(key, sizeof key);
    if (!err)
        err = crypto_token_seal(t, str_c(k->label), STR_NULL, STR(TOKEN_AAD),
                                (struct str){(const char *)key, sizeof key}, &sealed, d);
    if (!err)
        err = key_write(path, k, buf_str(&sealed));
    crypto_wipe(key, sizeof key);
    crypto_token_free(t);
    buf_release(&sealed);
    return err;
}

/* A text of the file, ended by 0; NULL: it does not say. */
static const char *key_said(const struct json *v, const char *name, char room[TOKEN_TEXT])
{
    struct str s = json_get_str(v, name);
    if (!s.n || s.n >= TOKEN_TEXT || memchr(s.p, 0, s.n))
        return NULL;
    snprintf(room, TOKEN_TEXT, "%.*s", STR_FMT(s));
    return room;
}

static int key_open(const struct json *v, uint8_t key[EDS_KEY], struct diag *d)
{
    char room[4][TOKEN_TEXT];
    uint8_t sealed[CRYPTO_TOKEN_SEALED];
    struct str hex = json_get_str(v, "sealed");
    struct crypto_token_where where = {.module = key_said(v, "module", room[0]),
                                       .label = key_said(v, "token", room[1]),
                                       .slot = -1};
    const char *label = key_said(v, "label", room[2]),
               *pin_file = key_said(v, "pin_file", room[3]);
    struct crypto_token *t = NULL;
    struct buf plain;
    int err;
    if (!where.module || !where.label || !label || hex.n % 2 || !hex.n ||
        hex.n / 2 > sizeof sealed || crypto_unhex(hex, sealed, hex.n / 2))
        return AM_E_SYNTAX;
    buf_init(&plain, CRYPTO_TOKEN_SEALED);
    err = cmd_token(&t, &where, pin_file, d);
    if (!err)
        err =
            crypto_token_unseal(t, str_c(label), STR_NULL, STR(TOKEN_AAD),
                                (struct str){(const char *)sealed, hex.n / 2}, &plain, d);
    if (!err && plain.n != EDS_KEY)
        err = AM_E_SYNTAX;
    if (!err)
        memcpy(key, plain.p, EDS_KEY);
    buf_wipe(&plain);
    crypto_token_free(t);
    /* Of a key that is not there the caller would make one; of a token it must not. */
    return err == AM_E_NOTFOUND ? AM_E_UNAVAILABLE : err;
}

int cmd_token_key_load(const char *path, uint8_t key[EDS_KEY], struct diag *d)
{
    struct json_doc *doc = NULL;
    char *text = NULL;
    struct stat st;
    size_t n = 0;
    int err = stat(path, &st) ? am_err_errno(errno) : AM_OK;
    if (!err && (st.st_mode & 077))
        return AM_E_FORBIDDEN;
    if (!err)
        err = am_file_read(path, TOKEN_FILE, &text, &n);
    if (!err && (!n || text[0] != '{')) {
        crypto_wipe(text, n);
        free(text);
        return eds_key_load(path, key);
    }
    if (!err)
        err = json_parse(&doc, (struct str){text, n}, NULL, d);
    if (!err)
        err = key_open(json_root(doc), key, d);
    json_free(doc);
    free(text);
    return err;
}
