/* SPDX-License-Identifier: Apache-2.0 */
/* amane sign: a record or a ready payload becomes a DSSE envelope with one signature. */
#include "cmd.h"

#include <stdio.h>

#include "json/json.h"
#include "ledger/ledger.h"

static const char synopsis[] =
    "usage: amane sign FILE --key KEYFILE [--out F]\n"
    "       amane sign FILE --key KEYFILE --kind K --type-base URI [--out F]\n";

enum { FILE_CAP = 4 << 20 };

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

static int put(const char *out, struct str envelope)
{
    return out ? am_file_write(out, envelope, 0644) : cmd_out(envelope);
}

static int sign(const char *file, const char *keyfile, const char *kind,
                const char *type_base, const char *out)
{
    struct buf payload, envelope;
    struct crypto_key *key = NULL;
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
        err = load_key(keyfile, &key, &d);
    if (!err)
        err = ledger_sign(buf_str(&payload), key, &envelope);
    if (!err)
        err = buf_addc(&envelope, '\n');
    if (!err)
        err = put(out, buf_str(&envelope));
    if (err)
        err = cmd_fail("sign", file, err, &d);
    crypto_key_free(key);
    buf_release(&envelope);
    buf_release(&payload);
    diag_release(&d);
    free(text);
    return err;
}

int cmd_sign(int argc, char **argv)
{
    const char *key = NULL, *kind = NULL, *type_base = NULL, *out = NULL;
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--key", .kind = CMD_TEXT, .text = &key},
        {.name = "--kind", .kind = CMD_TEXT, .text = &kind},
        {.name = "--type-base", .kind = CMD_TEXT, .text = &type_base},
        {.name = "--out", .kind = CMD_TEXT, .text = &out}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc != 2 || !key || !kind != !type_base)
        return cmd_usage(synopsis, false);
    return sign(argv[1], key, kind, type_base, out);
}
