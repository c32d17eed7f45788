/* SPDX-License-Identifier: Apache-2.0 */
/* amane key: make a key, or show what others need to know of one. */
#include "cmd.h"

#include <stdio.h>

#include "crypto/crypto.h"
#include "json/json.h"
#include "tlog/tlog.h"

static const char synopsis[] =
    "usage: amane key new --out FILE [--alg p256|ed25519]\n"
    "       amane key show FILE [--name NAME] [--witness] [--json]\n";

static struct str passphrase(void)
{
    return str_c(getenv("AMANE_KEY_PASSPHRASE"));
}

static int new_key(const char *out, const char *alg)
{
    struct crypto_key *k = NULL;
    char id[CRYPTO_HEX];
    enum crypto_alg a = CRYPTO_P256;
    int err;
    if (alg && strcmp(alg, "ed25519") == 0)
        a = CRYPTO_ED25519;
    else if (alg && strcmp(alg, "p256") != 0)
        return cmd_usage(synopsis, false);
    err = crypto_key_generate(&k, a);
    if (!err)
        err = crypto_key_save(k, out, passphrase());
    if (!err)
        err = crypto_key_id(k, id);
    crypto_key_free(k);
    if (err)
        return cmd_fail("make key", out, err, NULL);
    printf("%s\n", id);
    return 0;
}

struct shown {
    char id[CRYPTO_HEX];
    struct buf spki, vkey; /* base64; verifier key or empty */
    enum crypto_alg alg;
    bool private;
};

static int describe(const struct crypto_key *k, const char *name, bool witness,
                    struct shown *s)
{
    struct tlog_vkey v;
    struct buf der;
    int err = crypto_key_id(k, s->id);
    buf_init(&der, 512);
    s->alg = crypto_key_alg(k);
    s->private = crypto_key_private(k);
    if (!err)
        err = crypto_key_spki(k, &der);
    if (!err)
        err = crypto_base64(&s->spki, buf_str(&der));
    if (!err && name && s->alg == CRYPTO_ED25519) {
        err = tlog_vkey_make(str_c(name),
                             witness ? TLOG_SIG_COSIGNATURE : TLOG_SIG_ED25519, k, &v);
        if (!err)
            err = tlog_vkey_format(&v, &s->vkey);
    } else if (!err && name) {
        err = AM_E_INVALID; /* verifier keys are Ed25519 */
    }
    buf_release(&der);
    return err;
}

static int print(const struct shown *s, bool json)
{
    const char *alg = s->alg == CRYPTO_P256 ? "p256" : "ed25519";
    struct buf b;
    struct jw w;
    int err;
    if (!json) {
        printf("key_id   %s\nalg      %s%s\nspki     %s\n", s->id, alg,
               s->private ? " (private)" : "", s->spki.p);
        if (s->vkey.n)
            printf("vkey     %s\n", s->vkey.p);
        return AM_OK;
    }
    buf_init(&b, 8192);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kstrz(&w, "key_id", s->id);
    jw_kstrz(&w, "alg", alg);
    jw_kbool(&w, "private", s->private);
    jw_kstr(&w, "spki", buf_str(&s->spki));
    jw_kstrz(&w, "vkey", s->vkey.n ? s->vkey.p : NULL);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

static int show(const char *file, const char *name, bool witness, bool json)
{
    struct crypto_key *k = NULL;
    struct shown s = {.private = false};
    int err;
    buf_init(&s.spki, 1024);
    buf_init(&s.vkey, 1024);
    err = crypto_key_load(&k, file, passphrase());
    if (!err)
        err = describe(k, name, witness, &s);
    if (!err)
        err = print(&s, json);
    crypto_key_free(k);
    buf_release(&s.spki);
    buf_release(&s.vkey);
    return err ? cmd_fail("show key", file, err, NULL) : 0;
}

int cmd_key(int argc, char **argv)
{
    const char *out = NULL, *alg = NULL, *name = NULL;
    bool json = false, witness = false, help;
    const struct cmd_opt opt[] = {
        {.name = "--out", .kind = CMD_TEXT, .text = &out},
        {.name = "--alg", .kind = CMD_TEXT, .text = &alg},
        {.name = "--name", .kind = CMD_TEXT, .text = &name},
        {.name = "--witness", .kind = CMD_FLAG, .flag = &witness},
        {.name = "--json", .kind = CMD_FLAG, .flag = &json}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc == 2 && strcmp(argv[1], "new") == 0 && out)
        return new_key(out, alg);
    if (argc == 3 && strcmp(argv[1], "show") == 0)
        return show(argv[2], name, witness, json);
    return cmd_usage(synopsis, false);
}
