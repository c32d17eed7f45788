/* SPDX-License-Identifier: Apache-2.0 */
/* A log made portable: from a registry's folder (its server may run), a node's mirror or
 * another copy, a folder that `amane log verify` and tools of others read, with nothing
 * in it that is not the log's.
 *
 *     OUT/log/...            tiles and entries of one checkpoint, the newest cosigned
 *     OUT/blobs/sha256/...   statements and policies
 *     OUT/keys/log.vkey      OUT/keys/quorum (C2SP tlog-policy)   OUT/genesis (digest)
 *
 * The source is verified first, whole: what does not hold is not passed on. Without
 * `everything`, statements that are not for everybody (cases, deposits) stay behind, as
 * in what the registry shows a stranger. */
#include "registry/registry_priv.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

struct exporting {
    const struct ledger *l;
    struct blob_store *from, *to;
    bool everything;
    struct registry_exported *out;
};

static int export_blob(struct exporting *x, const uint8_t digest[32], struct buf *b)
{
    uint8_t same[32];
    int err;
    buf_clear(b);
    err = blob_get(x->from, digest, b);
    return err ? err : blob_put(x->to, buf_str(b), same);
}

/* A statement, and the policy it names. */
static int export_payload(struct exporting *x, const uint8_t digest[32])
{
    struct json_doc *doc = NULL;
    uint8_t policy[32];
    struct str hex = STR_NULL;
    struct buf b;
    int err;
    buf_init(&b, REGISTRY_RECORD_MAX);
    err = export_blob(x, digest, &b);
    if (!err)
        x->out->payloads++;
    if (!err && json_parse(&doc, buf_str(&b), NULL, NULL) == AM_OK)
        hex = json_str(json_pointer(json_root(doc), STR("/predicate/policy_sha256")));
    if (!err && hex.n && crypto_unhex(hex, policy, sizeof policy) == 0 &&
        blob_has(x->from, policy))
        err = export_blob(x, policy, &b);
    json_free(doc);
    buf_release(&b);
    return err;
}

static int export_entry(void *cookie, uint64_t index, struct str leaf)
{
    struct exporting *x = cookie;
    struct ledger_leaf_view v = {0};
    enum ledger_reach reach = ledger_reach(x->l, index);
    int err = ledger_leaf_parse(leaf, &v);
    bool held = !err && (reach == LEDGER_REACH_PUBLIC ||
                         (x->everything && reach != LEDGER_REACH_WITHHELD));
    if (held)
        err = export_payload(x, v.payload_sha256);
    else if (!err)
        x->out->withheld++;
    ledger_leaf_release(&v);
    return err;
}

static int export_text(const char *to, const char *name, struct str text)
{
    char path[PATH_MAX];
    int err;
    if (snprintf(path, sizeof path, "%s/%s", to, name) >= (int)sizeof path)
        return AM_E_TOOBIG;
    *strrchr(path, '/') = '\0';
    err = am_dir_make(path, 0700);
    snprintf(path, sizeof path, "%s/%s", to, name);
    return err ? err : am_file_write(path, text, 0600);
}

static int export_keys(const struct ledger *l, const char *to)
{
    char hex[CRYPTO_HEX];
    uint8_t genesis[32];
    struct buf b;
    int err;
    buf_init(&b, 1 << 20);
    err = tlog_vkey_format(ledger_log_key(l), &b);
    if (!err)
        err = buf_addc(&b, '\n');
    if (!err)
        err = export_text(to, "keys/log.vkey", buf_str(&b));
    buf_clear(&b);
    if (!err)
        err = ledger_quorum_text(l, &b);
    if (!err)
        err = export_text(to, "keys/quorum", buf_str(&b));
    buf_clear(&b);
    if (!err)
        err = ledger_genesis_digest(l, genesis);
    if (!err)
        err = buf_addf(&b, "%s\n", crypto_hex(genesis, sizeof genesis, hex));
    if (!err)
        err = export_text(to, "genesis", buf_str(&b));
    buf_release(&b);
    return err;
}

static int export_files(struct exporting *x, const char *dir, const char *to)
{
    char path[PATH_MAX];
    struct tlog_config tc = {.dir = path};
    struct tlog_checkpoint c = {0};
    struct tlog *t = NULL;
    int err;
    snprintf(path, sizeof path, "%s/blobs", to);
    err = blob_open(&x->to, path);
    snprintf(path, sizeof path, "%s/log", dir);
    if (!err)
        err = tlog_open(&t, &tc); /* a reader: no lock, no change */
    snprintf(path, sizeof path, "%s/log", to);
    if (!err)
        err = tlog_export(t, path, &c);
    if (!err && c.size > ledger_size(x->l))
        err = AM_E_CONFLICT; /* it grew under us */
    if (!err)
        err = tlog_each(t, 0, c.size, export_entry, x);
    if (!err) {
        x->out->size = c.size;
        memcpy(x->out->root, c.root.h, sizeof x->out->root);
    }
    tlog_close(t);
    return err;
}

int registry_copy_export(struct registry_copy *c, const char *dir, const char *to,
                         struct str genesis, bool everything,
                         struct registry_exported *out, struct diag *d)
{
    struct exporting x = {.everything = everything, .out = out};
    struct ledger_verify_report report = {0};
    struct ledger *l = NULL;
    int err;
    *out = (struct registry_exported){0};
    x.from = registry_copy_blobs(c);
    err = ledger_verify_from(dir, x.from,
                             everything ? LEDGER_VERIFY_ALL : LEDGER_VERIFY_PUBLIC,
                             genesis, &report, &l, d);
    if (!err && mkdir(to, 0700)) {
        err = am_err_errno(errno);
        diag_err(d, to, "log.export_place", "the copy goes into a new folder: %s",
                 am_err_text(err));
    }
    x.l = l;
    if (!err)
        err = export_files(&x, dir, to);
    if (!err)
        err = export_keys(l, to);
    blob_close(x.to);
    ledger_free(l);
    return err;
}
