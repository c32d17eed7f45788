/* SPDX-License-Identifier: Apache-2.0 */
/* amane tender: a tender certificate checked offline; with a copy of the log, the answer
 * is computed again and compared byte by byte. */
#include "cmd.h"

#include <stdio.h>

#include "base/clock.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "registry/registry.h"

static const char synopsis[] =
    "usage: amane tender verify FILE --genesis SHA256 [--mirror DIR] [--json]\n"
    "       amane tender verify FILE --mirror DIR [--json]\n";

struct checked {
    struct ledger_certificate c;
    struct ledger *now; /* the fold of the mirror */
    struct diag d;
    bool replayed;
};

/* ---- replay ------------------------------------------------------------------------ */
static int apply_one(void *cookie, uint64_t index, struct str leaf)
{
    (void)index;
    return ledger_apply(cookie, leaf);
}

static int problem(struct diag *d, const char *path, const char *code, const char *why)
{
    diag_err(d, path, code, "%s", why);
    return AM_E_INVALID;
}

/* The directory of the copy knows whether the key still was one. */
static int check_key(struct checked *k)
{
    const struct ledger_key *key = ledger_key_find(k->now, k->c.key_id);
    if (!key)
        return problem(&k->d, "/envelope", "certificate.mirror",
                       "the copy of the log does not know the key");
    if (key->role != LEDGER_SYSTEM ||
        (key->revoked && key->revoked < k->c.checkpoint.size))
        return problem(&k->d, "/envelope", "certificate.key",
                       "the key was revoked before the checkpoint");
    return AM_OK;
}

/* The answer of the copy at that size, against the one that was signed. */
static int compare(struct checked *k, struct tlog *t, struct blob_store *blobs)
{
    const struct json *r = k->c.statement.record;
    struct ledger *past = NULL;
    struct tlog_hash root;
    struct buf ours, theirs;
    int err;
    buf_init(&ours, 8 << 20);
    buf_init(&theirs, 8 << 20);
    err = tlog_root_at(t, k->c.tree_size, &root);
    if (err == AM_E_NOTFOUND)
        err = problem(&k->d, "/tree_size", "certificate.mirror",
                      "the copy of the log is shorter than the answer");
    else if (!err && memcmp(&root, &k->c.root, sizeof root) != 0)
        err = problem(&k->d, "/root", "certificate.mirror",
                      "the copy of the log has another past");
    if (!err)
        err = ledger_new(&past, blobs);
    if (!err)
        err = tlog_each(t, 0, k->c.tree_size, apply_one, past);
    if (!err)
        err = ledger_tender_check(json_get(r, "query"), &k->d);
    if (!err)
        err = ledger_tender(past, json_get(r, "query"), &ours);
    if (!err)
        err = json_canon(&theirs, json_get(r, "answer"));
    if (!err && !str_eq(buf_str(&ours), buf_str(&theirs)))
        err = problem(&k->d, "/answer", "certificate.answer",
                      "computed again, the answer is another one");
    k->replayed = !err;
    ledger_free(past);
    buf_release(&theirs);
    buf_release(&ours);
    return err;
}

static int replay(struct checked *k, const char *dir, struct registry_copy *copy)
{
    struct tlog_config c = {0};
    struct tlog *t = NULL;
    char path[4096];
    int err;
    if (snprintf(path, sizeof path, "%s/log", dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    c.dir = path;
    err = tlog_open(&t, &c);
    if (!err)
        err = compare(k, t, registry_copy_blobs(copy));
    tlog_close(t);
    return err;
}

/* ---- saying it --------------------------------------------------------------------- */
/* What may change under the label, and what these weights are a change of. */
static void print_changes(const struct json *p)
{
    const struct json *plan = json_get(p, "change_plan"), *c = json_get(p, "change");
    struct str until = json_get_str(plan, "until");
    if (plan) {
        printf("    may change inside an approved plan:");
        for (json_each(it, json_get(plan, "types")))
            printf("%s %.*s", it.i ? "," : "", STR_FMT(json_str(it.val)));
        if (until.n)
            printf("; until %.*s", STR_FMT(until));
        if (json_get_str(plan, "why").n)
            printf("; not now: %.*s", STR_FMT(json_get_str(plan, "why")));
        printf("\n      statement %.*s\n", STR_FMT(json_get_str(plan, "statement")));
    }
    if (!c)
        return;
    printf("    is a change inside the plan of %.*s: %.*s",
           STR_FMT(json_get_str(c, "parent")), STR_FMT(json_get_str(c, "type")));
    if (json_bool(json_get(c, "capped"), false))
        printf("; level capped at %.*s", STR_FMT(json_get_str(c, "cap")));
    printf("\n      statement %.*s\n", STR_FMT(json_get_str(c, "statement")));
}

static void print_product(const struct json *p)
{
    printf("  %.*s: %s\n", STR_FMT(json_get_str(p, "product")),
           json_bool(json_get(p, "eligible"), false) ? "eligible" : "NOT eligible");
    for (json_each(it, json_get(p, "reasons"))) {
        printf("    %.*s", STR_FMT(json_get_str(it.val, "code")));
        for (json_each(a, json_get(it.val, "args")))
            printf(" %.*s=%.*s", STR_FMT(a.key), STR_FMT(json_str(a.val)));
        printf("\n");
    }
    print_changes(p);
}

static void print_text(const struct checked *k, bool ok)
{
    const struct json *r = k->c.statement.record;
    char at[TIME_TEXT];
    printf("%s\n", ok ? "the certificate holds" : "THE CERTIFICATE DOES NOT HOLD");
    if (k->c.statement.doc) {
        printf("  signed at    %s\n", time_format(k->c.statement.issued_at, at));
        printf("  tree size    %llu, under a checkpoint of %llu\n",
               (unsigned long long)k->c.tree_size,
               (unsigned long long)k->c.checkpoint.size);
        printf("  witnesses    %u\n", k->c.witnesses);
        printf("  computed again from a copy of the log: %s\n",
               k->replayed ? "the same answer" : "no");
        printf("  use          %.*s, bids open %.*s\n",
               STR_FMT(json_get_str(json_get(r, "query"), "use_code")),
               STR_FMT(json_get_str(json_get(r, "query"), "opens_at")));
        for (json_each(it, json_get(json_get(r, "answer"), "products")))
            print_product(it.val);
    }
    cmd_problems_under(&k->d);
}

static int print_json(const struct checked *k, bool ok)
{
    const struct json *r = k->c.statement.record;
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 16 << 20);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kbool(&w, "ok", ok);
    jw_kbool(&w, "replayed", k->replayed);
    if (k->c.statement.doc) {
        jw_kint(&w, "tree_size", (int64_t)k->c.tree_size);
        jw_kint(&w, "checkpoint_size", (int64_t)k->c.checkpoint.size);
        jw_kint(&w, "witnesses", k->c.witnesses);
        jw_kval(&w, "query", json_get(r, "query"));
        jw_kval(&w, "answer", json_get(r, "answer"));
    }
    jw_key(&w, "problems");
    jw_arr(&w);
    for (size_t i = 0; i < k->d.n; i++) {
        jw_obj(&w);
        jw_kstrz(&w, "path", k->d.item[i].path);
        jw_kstrz(&w, "code", k->d.item[i].code);
        jw_kstrz(&w, "detail", k->d.item[i].detail);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

/* ---- verify ------------------------------------------------------------------------ */
static int check(struct checked *k, struct str text, const char *genesis, const char *dir)
{
    struct ledger_verify_report report = {0};
    struct registry_copy *copy = NULL;
    uint8_t pinned[32];
    int err = AM_OK;
    if (genesis)
        err = crypto_unhex(str_c(genesis), pinned, sizeof pinned);
    if (!err && dir)
        err = registry_copy_open(&copy, dir, &k->d);
    if (!err && dir)
        err = ledger_verify_from(dir, registry_copy_blobs(copy), LEDGER_VERIFY_ALL,
                                 str_c(genesis), &report, &k->now, &k->d);
    if (!err && !genesis)
        memcpy(pinned, report.genesis, sizeof pinned);
    if (!err)
        err = ledger_certificate_open(text, pinned, &k->c, &k->d);
    if (!err && dir)
        err = check_key(k);
    if (!err && dir)
        err = replay(k, dir, copy);
    ledger_free(k->now); /* before the blobs it reads */
    k->now = NULL;
    registry_copy_close(copy);
    return err;
}

static int verify(const char *file, const char *genesis, const char *dir, bool json)
{
    struct checked k = {0};
    char *text;
    size_t n;
    uint8_t pinned[32];
    int err, out;
    if ((!genesis && !dir) ||
        (genesis && crypto_unhex(str_c(genesis), pinned, sizeof pinned)))
        return cmd_usage(synopsis, false);
    err = am_file_read(file, 16 << 20, &text, &n);
    if (err)
        return cmd_fail("read", file, err, NULL);
    diag_init(&k.d);
    err = check(&k, (struct str){text, n}, genesis, dir);
    if (!err || err == AM_E_INVALID) {
        out = AM_OK;
        if (json)
            out = print_json(&k, !err);
        else
            print_text(&k, !err);
        out = out ? am_err_exit(out) : err ? am_err_exit(err) : 0;
    } else {
        out = cmd_fail("verify", file, err, &k.d);
    }
    ledger_certificate_release(&k.c);
    diag_release(&k.d);
    free(text);
    return out;
}

int cmd_tender(int argc, char **argv)
{
    const char *genesis = NULL, *dir = NULL;
    bool json = false, help;
    const struct cmd_opt opt[] = {
        {.name = "--genesis", .kind = CMD_TEXT, .text = &genesis},
        {.name = "--mirror", .kind = CMD_TEXT, .text = &dir},
        {.name = "--json", .kind = CMD_FLAG, .flag = &json}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc == 3 && strcmp(argv[1], "verify") == 0)
        return verify(argv[2], genesis, dir, json);
    return cmd_usage(synopsis, false);
}
