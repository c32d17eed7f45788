/* SPDX-License-Identifier: Apache-2.0 */
/* amane sign: a record or a ready payload becomes a DSSE envelope with one signature, by
 * a key in a file or by one in a PKCS#11 token. */
#include "cmd.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd_token.h"
#include "json/json.h"
#include "ledger/ledger.h"

static const char synopsis[] =
    "usage: amane sign FILE --key KEYFILE [--kind K --type-base URI] [--out F]\n"
    "       amane sign FILE --pkcs11 MODULE (--token LABEL | --slot N)\n"
    "                  (--label KEYLABEL | --id HEX) [--pin-file F]\n"
    "                  [--kind K --type-base URI] [--out F]\n";

enum { FILE_CAP = 4 << 20 };

struct signer { /* what the command line says of the key */
    const char *keyfile;
    const char *module, *token, *slot, *label, *id, *pin_file;
};

/* A record of that kind: checked, put in a Statement, made canonical. */
static int payload_of_record(struct str text, const char *kind, const char *type_base,
                             struct buf *payload, struct diag *d)
{
    enum ledger_kind k;
    struct json_doc *doc = NULL;
    int err = ledger_kind_parse(str_c(kind), &k);
    if (err) {
        diag_err(d, "--kind", "sign.kind",
                 "algorithm, version, evidence, decision, deployment or event");
        return AM_E_USAGE;
    }
    err = json_parse(&doc, text, NULL, d);
    if (!err)
        err = ledger_statement(k, json_root(doc), str_c(type_base), payload, d);
    json_free(doc);
    return err;
}

/* A payload as is must be what the log will read: a canonical Statement. */
static int payload_as_is(struct str text, struct buf *payload, struct diag *d)
{
    struct buf canon;
    int err;
    buf_init(&canon, FILE_CAP);
    err = json_canon_text(&canon, text, d);
    if (!err && !str_eq(buf_str(&canon), text)) {
        diag_err(d, "", "sign.canonical",
                 "a payload is canonical JSON (RFC 8785), as "
                 "bytes; give --kind to sign a record");
        err = AM_E_INVALID;
    }
    if (!err)
        err = buf_add(payload, text);
    buf_release(&canon);
    return err;
}

static int load_key(const char *path, struct crypto_key **key, struct diag *d)
{
    int err = crypto_key_load(key, path, str_c(getenv("AMANE_KEY_PASSPHRASE")));
    if (err)
        return err;
    if (crypto_key_private(*key) && crypto_key_alg(*key) == CRYPTO_P256)
        return AM_OK;
    diag_err(d, path, "sign.key", "statements are signed with a private P-256 key");
    return AM_E_INVALID;
}

static int open_token(const struct signer *s, struct crypto_token **token, struct diag *d)
{
    struct crypto_token_where where = {
        .module = s->module, .label = s->token, .slot = -1};
    if (s->slot && str_int(str_c(s->slot), 0, INT64_MAX, &where.slot)) {
        diag_err(d, "--slot", "sign.slot", "a whole number");
        return AM_E_USAGE;
    }
    return cmd_token(token, &where, s->pin_file, d);
}

static int find_key(const struct signer *s, struct crypto_token *token,
                    const struct crypto_key **pub, struct diag *d)
{
    uint8_t id[128];
    size_t n = s->id ? strlen(s->id) / 2 : 0;
    if (s->id && (n == 0 || n > sizeof id || crypto_unhex(str_c(s->id), id, n))) {
        diag_err(d, "--id", "sign.id", "1 to %zu bytes in hex", sizeof id);
        return AM_E_USAGE;
    }
    return crypto_token_find(token, str_c(s->label), (struct str){(const char *)id, n},
                             pub, d);
}

static int sign_by_token(const struct signer *s, struct str payload, struct buf *envelope,
                         struct diag *d)
{
    const struct crypto_key *pub = NULL;
    struct crypto_token *token = NULL;
    struct buf pae, sig;
    int err = open_token(s, &token, d);
    buf_init(&pae, FILE_CAP + 128);
    buf_init(&sig, 256);
    if (!err)
        err = find_key(s, token, &pub, d);
    if (!err)
        err = ledger_pae(payload, &pae);
    if (!err)
        err = crypto_token_sign(token, buf_str(&pae), &sig, d);
    if (!err)
        err = ledger_envelope(payload, pub, buf_str(&sig), envelope);
    buf_release(&sig);
    buf_release(&pae);
    crypto_token_free(token);
    return err;
}

static int sign_by_file(const struct signer *s, struct str payload, struct buf *envelope,
                        struct diag *d)
{
    struct crypto_key *key = NULL;
    int err = load_key(s->keyfile, &key, d);
    if (!err)
        err = ledger_sign(payload, key, envelope);
    crypto_key_free(key);
    return err;
}

static int put(const char *out, struct str envelope)
{
    return out ? am_file_write(out, envelope, 0644) : cmd_out(envelope);
}

/* The payload comes first: what cannot be signed must not cost a try of the PIN. */
static int sign(const char *file, const struct signer *s, const char *kind,
                const char *type_base, const char *out)
{
    struct buf payload, envelope;
    struct diag d;
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(file, FILE_CAP, &text, &n);
    diag_init(&d);
    buf_init(&payload, FILE_CAP);
    buf_init(&envelope, 2 * FILE_CAP);
    if (!err)
        err =
            kind ? payload_of_record((struct str){text, n}, kind, type_base, &payload, &d)
                 : payload_as_is((struct str){text, n}, &payload, &d);
    if (!err)
        err = s->module ? sign_by_token(s, buf_str(&payload), &envelope, &d)
                        : sign_by_file(s, buf_str(&payload), &envelope, &d);
    if (!err)
        err = buf_addc(&envelope, '\n');
    if (!err)
        err = put(out, buf_str(&envelope));
    if (err)
        err = cmd_fail("sign", file, err, &d);
    buf_release(&envelope);
    buf_release(&payload);
    diag_release(&d);
    free(text);
    return err;
}

/* A key file, or a token named one way at least and a key named one way at least. */
static bool complete(const struct signer *s)
{
    if (!s->module)
        return s->keyfile && !s->token && !s->slot && !s->label && !s->id && !s->pin_file;
    return !s->keyfile && (s->token || s->slot) && (s->label || s->id);
}

int cmd_sign(int argc, char **argv)
{
    const char *kind = NULL, *type_base = NULL, *out = NULL;
    struct signer s = {.keyfile = NULL};
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--key", .kind = CMD_TEXT, .text = &s.keyfile},
        {.name = "--pkcs11", .kind = CMD_TEXT, .text = &s.module},
        {.name = "--token", .kind = CMD_TEXT, .text = &s.token},
        {.name = "--slot", .kind = CMD_TEXT, .text = &s.slot},
        {.name = "--label", .kind = CMD_TEXT, .text = &s.label},
        {.name = "--id", .kind = CMD_TEXT, .text = &s.id},
        {.name = "--pin-file", .kind = CMD_TEXT, .text = &s.pin_file},
        {.name = "--kind", .kind = CMD_TEXT, .text = &kind},
        {.name = "--type-base", .kind = CMD_TEXT, .text = &type_base},
        {.name = "--out", .kind = CMD_TEXT, .text = &out}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc != 2 || !complete(&s) || !kind != !type_base)
        return cmd_usage(synopsis, false);
    return sign(argv[1], &s, kind, type_base, out);
}
