/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_priv.h"

#include <limits.h>
#include <sys/stat.h>

static int node_make_key(const char *dir, const char *name, enum crypto_alg alg,
                         struct crypto_key **out)
{
    char path[PATH_MAX];
    int err = crypto_key_generate(out, alg);
    snprintf(path, sizeof path, "%s/keys/%s.key", dir, name);
    return err ? err : crypto_key_save(*out, path, STR_NULL);
}

static int node_vkey(const char *name, enum tlog_sig_type type,
                     const struct crypto_key *k, struct buf *out)
{
    struct tlog_vkey v;
    int err = tlog_vkey_make(str_c(name), type, k, &v);
    return err ? err : tlog_vkey_format(&v, out);
}

static int node_first_account(const char *dir, const char *gst, const char *establishment,
                              char token[AUTH_TOKEN])
{
    struct auth_account who = {
        .login = "director", .role = LEDGER_DIRECTOR, .services = "*", .lang = "fr"};
    char password[2 * 24 + 1];
    uint8_t raw[24];
    struct auth *a = NULL;
    int64_t id;
    int err = crypto_random(raw, sizeof raw);
    (void)gst;
    snprintf(who.org_id, sizeof who.org_id, "%s", establishment);
    snprintf(who.establishment, sizeof who.establishment, "%s", establishment);
    if (!err)
        err = auth_open(&a, dir);
    if (!err) /* a password nobody knows: this account enters by its token */
        err = auth_account_create(a, &who, str_c(crypto_hex(raw, sizeof raw, password)),
                                  &id, NULL);
    if (!err)
        err = auth_token_create(a, id, time_now(), 0, token);
    auth_close(a);
    crypto_wipe(password, sizeof password);
    crypto_wipe(raw, sizeof raw);
    return err;
}

static int node_write_identity(const char *dir, const char *name, const char *gst,
                               const char *establishment)
{
    char path[PATH_MAX];
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "name", name);
    jw_kstrz(&w, "gst", gst);
    jw_kstrz(&w, "establishment", establishment);
    jw_obj_end(&w);
    err = jw_done(&w);
    snprintf(path, sizeof path, "%s/identity.json", dir);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    buf_release(&b);
    return err;
}

static bool node_name_ok(const char *s, size_t max)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/",
                    s[i]))
            return false;
    return n > 0 && n < max;
}

int node_init(const char *dir, const char *name, const char *gst,
              const char *establishment, struct node_identity *out)
{
    char path[PATH_MAX];
    struct crypto_key *witness = NULL, *trace = NULL, *service = NULL;
    struct stat st;
    int err;
    if (!node_name_ok(name, TLOG_NAME_MAX) || !node_name_ok(gst, LEDGER_ID_MAX) ||
        !node_name_ok(establishment, LEDGER_ID_MAX))
        return AM_E_INVALID;
    snprintf(path, sizeof path, "%s/identity.json", dir);
    if (stat(path, &st) == 0)
        return AM_E_EXISTS;
    snprintf(path, sizeof path, "%s/keys", dir);
    err = am_dir_make(path, 0700);
    if (!err)
        err = node_make_key(dir, "witness", CRYPTO_ED25519, &witness);
    if (!err)
        err = node_make_key(dir, "trace", CRYPTO_ED25519, &trace);
    if (!err)
        err = node_make_key(dir, "service", CRYPTO_P256, &service);
    if (!err)
        err = node_vkey(name, TLOG_SIG_COSIGNATURE, witness, &out->witness_vkey);
    if (!err)
        err = node_vkey(name, TLOG_SIG_ED25519, trace, &out->trace_vkey);
    if (!err)
        err = crypto_key_spki(service, &out->service_spki);
    if (!err)
        err = node_first_account(dir, gst, establishment, out->admin_token);
    if (!err) /* last: a folder with an identity is a whole one */
        err = node_write_identity(dir, name, gst, establishment);
    crypto_key_free(witness);
    crypto_key_free(trace);
    crypto_key_free(service);
    return err;
}
