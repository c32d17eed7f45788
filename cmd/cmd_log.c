/* SPDX-License-Identifier: Apache-2.0 */
/* amane log: a copy of the log checked or listed, offline. */
#include "cmd.h"

#include <stdio.h>

#include "base/clock.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "registry/registry.h"

static const char synopsis[] =
    "usage: amane log verify DIR [--genesis SHA256] [--public] [--json]\n"
    "       amane log fsck DIR [--genesis SHA256] [--json]\n"
    "       amane log show DIR [--json]\n"
    "       amane log state DIR [--at SIZE[,SIZE...]] [--genesis SHA256] [--public] "
    "[--json]\n"
    "       amane log export DIR OUT [--public] [--genesis SHA256] [--json]\n"
    "       amane log bundle DIR INDEX\n";

/* ---- verify ---------------------------------------------------------------------- */
static void root_base64(const struct tlog_hash *h, struct buf *out)
{
    if (crypto_base64(out, (struct str){(const char *)h->h, sizeof h->h}))
        buf_clear(out);
}

static void put_problems(struct jw *w, const struct diag *d)
{
    jw_key(w, "problems");
    jw_arr(w);
    for (size_t i = 0; i < d->n; i++) {
        jw_obj(w);
        jw_kstrz(w, "path", d->item[i].path);
        jw_kstrz(w, "code", d->item[i].code);
        jw_kstrz(w, "detail", d->item[i].detail);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kint(w, "problems_dropped", (int64_t)d->more);
}

static int print_json(const struct ledger_verify_report *r, const struct diag *d, bool ok)
{
    struct buf b, root;
    struct jw w;
    char hex[CRYPTO_HEX], at[TIME_TEXT];
    int err;
    buf_init(&b, 8 << 20);
    buf_init(&root, 64);
    root_base64(&r->root, &root);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kbool(&w, "ok", ok);
    jw_kint(&w, "size", (int64_t)r->size);
    jw_kstr(&w, "root", buf_str(&root));
    jw_kstrz(&w, "genesis", crypto_hex(r->genesis, 32, hex));
    jw_kint(&w, "entries", (int64_t)r->entries_ok);
    jw_kint(&w, "payloads", (int64_t)r->payloads_ok);
    jw_kint(&w, "withheld", (int64_t)r->withheld);
    jw_key(&w, "withheld_at");
    jw_arr(&w);
    for (uint64_t i = 0; i < AM_MIN(r->withheld, LEDGER_WITHHELD_NAMED); i++)
        jw_int(&w, (int64_t)r->withheld_at[i]);
    jw_arr_end(&w);
    jw_kint(&w, "blobs", (int64_t)r->blobs_ok);
    jw_kint(&w, "inclusion_proofs", (int64_t)r->inclusion_ok);
    jw_kint(&w, "consistency_proofs", (int64_t)r->consistency_ok);
    jw_kint(&w, "cosignatures", (int64_t)r->cosignatures);
    jw_kstrz(&w, "lease_at", r->lease_at ? time_format(r->lease_at, at) : NULL);
    put_problems(&w, d);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&root);
    buf_release(&b);
    return err;
}

static void print_text(const struct ledger_verify_report *r, const struct diag *d,
                       bool ok)
{
    char hex[CRYPTO_HEX], at[TIME_TEXT];
    printf("%s\n", ok ? "the log holds" : "THE LOG DOES NOT HOLD");
    printf("  size                %llu\n", (unsigned long long)r->size);
    printf("  genesis             %s\n", crypto_hex(r->genesis, 32, hex));
    printf("  entries folded      %llu\n", (unsigned long long)r->entries_ok);
    printf("  payloads            %llu\n", (unsigned long long)r->payloads_ok);
    if (r->withheld) {
        printf("  withheld            %llu, without effect here: entries",
               (unsigned long long)r->withheld);
        for (uint64_t i = 0; i < AM_MIN(r->withheld, LEDGER_WITHHELD_NAMED); i++)
            printf(" %llu", (unsigned long long)r->withheld_at[i]);
        printf("%s\n", r->withheld > LEDGER_WITHHELD_NAMED ? " ..." : "");
    }
    printf("  blobs               %llu\n", (unsigned long long)r->blobs_ok);
    printf("  inclusion proofs    %llu\n", (unsigned long long)r->inclusion_ok);
    printf("  consistency proofs  %llu\n", (unsigned long long)r->consistency_ok);
    printf("  cosignatures        %llu\n", (unsigned long long)r->cosignatures);
    printf("  lease               %s\n",
           r->lease_at ? time_format(r->lease_at, at) : "none: no cosigned checkpoint");
    cmd_problems_under(d);
}

/* fsck: the registry's database as well, row by row. */
static int verify(const char *dir, const char *genesis, bool fsck,
                  enum ledger_verify_how how, bool json)
{
    struct ledger_verify_report r = {0};
    struct registry_copy *c = NULL;
    struct diag d;
    uint8_t pinned[32];
    int err, out = AM_OK;
    if (genesis && crypto_unhex(str_c(genesis), pinned, sizeof pinned)) {
        cmd_complain("cmd.usage.digest", "--genesis", NULL);
        return cmd_usage(synopsis, false);
    }
    diag_init(&d);
    err = registry_copy_open(&c, dir, &d);
    if (!err && fsck)
        err = registry_copy_fsck(c, &d);
    if (!err)
        err = ledger_verify_from(dir, registry_copy_blobs(c), how, str_c(genesis), &r,
                                 NULL, &d);
    registry_copy_close(c);
    if (!err || err == AM_E_INVALID) {
        if (json)
            out = print_json(&r, &d, !err);
        else
            print_text(&r, &d, !err);
        err = out ? out : err;
        out = err ? am_err_exit(err) : 0;
    } else {
        out = cmd_fail("verify", dir, err, &d);
    }
    diag_release(&d);
    return out;
}

/* ---- show ------------------------------------------------------------------------ */
static const char *const effects[] = {"none", "waiting", "in_effect"};

struct shown {
    const struct ledger *l;
    struct blob_store *blobs;
    struct jw *w; /* NULL: text */
};

static void show_json(struct jw *w, uint64_t i, const struct ledger_statement_view *s,
                      const uint8_t payload[32], const char *key_id,
                      const struct ledger_key *k, const struct ledger_outcome *o)
{
    char hex[CRYPTO_HEX], at[TIME_TEXT];
    jw_obj(w);
    jw_kint(w, "index", (int64_t)i);
    jw_kstrz(w, "kind", s ? ledger_kind_name(s->kind) : NULL);
    jw_key(w, "type");
    if (s && s->event_type.p)
        jw_str(w, s->event_type);
    else
        jw_null(w);
    jw_kstrz(w, "issued_at", s ? time_format(s->issued_at, at) : NULL);
    jw_kstrz(w, "payload", crypto_hex(payload, 32, hex));
    jw_kstrz(w, "key_id", key_id);
    jw_kstrz(w, "role", k ? ledger_role_name(k->role) : NULL);
    jw_kstrz(w, "org_id", k ? k->org_id : NULL);
    jw_kstrz(w, "effect", effects[o->effect]);
    jw_kstrz(w, "code", o->code);
    jw_kstrz(w, "transition", *o->transition ? o->transition : NULL);
    jw_key(w, "waived");
    jw_arr(w);
    for (unsigned g = 0; ledger_guard_waivable(g); g++)
        if ((o->waived >> g) & 1)
            jw_strz(w, ledger_guard_waivable(g));
    jw_arr_end(w);
    jw_obj_end(w);
}

static int show_entry(const struct shown *x, uint64_t i)
{
    struct ledger_statement_view s, *seen = NULL;
    const struct ledger_outcome *o = ledger_outcome(x->l, i);
    const struct ledger_key *k;
    const char *key_id;
    struct str type = STR("");
    uint8_t payload[32];
    struct buf b;
    int err = ledger_entry_of(x->l, i, payload, &key_id);
    buf_init(&b, 8 << 20);
    if (!err)
        err = blob_get(x->blobs, payload, &b);
    if (!err && !ledger_statement_parse(buf_str(&b), ledger_type_base(x->l), &s, NULL))
        seen = &s;
    if (seen && s.event_type.p)
        type = s.event_type;
    if (!err) {
        k = ledger_key_find(x->l, key_id);
        if (x->w)
            show_json(x->w, i, seen, payload, key_id, k, o);
        else
            printf("%6llu  %-10s %-15.*s %-14s %-12s %-9s %-4s %s\n",
                   (unsigned long long)i, seen ? ledger_kind_name(s.kind) : "?",
                   STR_FMT(type), k ? ledger_role_name(k->role) : "?",
                   k ? k->org_id : "?", effects[o->effect], o->transition, o->code);
    }
    if (seen)
        ledger_statement_release(seen);
    buf_release(&b);
    return err;
}

static int show_all(const struct shown *x)
{
    for (uint64_t i = 0; i < ledger_size(x->l); i++) {
        int err = show_entry(x, i);
        if (err)
            return err;
    }
    return AM_OK;
}

static int show(const char *dir, bool json)
{
    struct ledger_verify_report r;
    struct ledger *l = NULL;
    struct diag d;
    struct buf b;
    struct jw w;
    struct shown x = {0};
    struct registry_copy *c = NULL;
    int err = AM_OK, bad;
    diag_init(&d);
    buf_init(&b, 256 << 20);
    bad = registry_copy_open(&c, dir, &d);
    if (!bad)
        bad = ledger_verify_from(dir, registry_copy_blobs(c), LEDGER_VERIFY_PUBLIC,
                                 STR_NULL, &r, &l, &d);
    if (!l) {
        err = cmd_fail("read", dir, bad ? bad : AM_E_INVALID, &d);
        goto out;
    }
    x.blobs = registry_copy_blobs(c);
    x.l = l;
    jw_init(&w, &b);
    if (json) {
        x.w = &w;
        jw_arr(&w);
    }
    if (!err)
        err = show_all(&x);
    if (json && !err) {
        jw_arr_end(&w);
        err = cmd_out_json(&w, &b);
    }
    if (err)
        err = cmd_fail("show", dir, err, NULL);
    else if (bad) /* what could be folded is shown; that it does not hold is said */
        err = cmd_fail("verify", dir, bad, &d);
out:
    ledger_free(l);
    registry_copy_close(c);
    buf_release(&b);
    diag_release(&d);
    return err;
}

/* ---- export ---------------------------------------------------------------------- */
static int export_print(const struct registry_exported *x, const char *to, bool json)
{
    struct tlog_hash h;
    struct buf b, root;
    struct jw w;
    int err;
    buf_init(&b, 1 << 16);
    buf_init(&root, 64);
    memcpy(h.h, x->root, sizeof h.h);
    root_base64(&h, &root);
    if (!json) {
        printf("%llu entries in %s, %llu payloads, %llu withheld\n"
               "  root %.*s\n",
               (unsigned long long)x->size, to, (unsigned long long)x->payloads,
               (unsigned long long)x->withheld, STR_FMT(buf_str(&root)));
        err = AM_OK;
    } else {
        jw_init(&w, &b);
        jw_obj(&w);
        jw_kint(&w, "size", (int64_t)x->size);
        jw_kstr(&w, "root", buf_str(&root));
        jw_kint(&w, "payloads", (int64_t)x->payloads);
        jw_kint(&w, "withheld", (int64_t)x->withheld);
        jw_obj_end(&w);
        err = cmd_out_json(&w, &b);
    }
    buf_release(&root);
    buf_release(&b);
    return err;
}

static int export(const char *dir, const char *to, const char *genesis, bool public,
                  bool json)
{
    struct registry_exported x;
    struct registry_copy *c = NULL;
    struct diag d;
    int err, code = 0;
    diag_init(&d);
    err = registry_copy_open(&c, dir, &d);
    if (!err)
        err = registry_copy_export(c, dir, to, str_c(genesis), !public, &x, &d);
    if (!err)
        err = export_print(&x, to, json);
    if (err)
        code = cmd_fail("export", dir, err, &d);
    registry_copy_close(c);
    diag_release(&d);
    return code;
}

/* ---- bundle ---------------------------------------------------------------------- */
/* The log's key as entry 0 names it: the payload's digest is checked by the store. */
static int genesis_key(struct tlog *t, struct blob_store *blobs, struct tlog_vkey *out)
{
    struct ledger_leaf_view leaf = {0};
    struct json_doc *doc = NULL;
    struct buf b;
    int err;
    buf_init(&b, 8 << 20);
    err = tlog_entry(t, 0, &b);
    if (!err)
        err = ledger_leaf_parse(buf_str(&b), &leaf);
    buf_clear(&b);
    if (!err)
        err = blob_get(blobs, leaf.payload_sha256, &b);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    if (!err)
        err = tlog_vkey_parse(
            json_str(json_pointer(json_root(doc), STR("/predicate/log_key"))), out);
    json_free(doc);
    ledger_leaf_release(&leaf);
    buf_release(&b);
    return err;
}

static int bundle_write(struct tlog *t, struct blob_store *blobs, uint64_t index)
{
    struct ledger_bundle_from from = {.log = t, .blobs = blobs};
    struct tlog_vkey key;
    struct buf note, b;
    struct jw w;
    int err = genesis_key(t, blobs, &key);
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&b, 32 << 20);
    jw_init(&w, &b);
    if (!err)
        err = tlog_note_cosigned(t, &note);
    if (err == AM_E_NOTFOUND) /* no quorum yet: the log's own word */
        err = tlog_note(t, &note);
    from.note = buf_str(&note);
    from.log_key = &key;
    if (!err)
        err = ledger_bundle(&from, index, &w);
    if (!err)
        err = cmd_out_json(&w, &b);
    buf_release(&b);
    buf_release(&note);
    return err;
}

static int bundle(const char *dir, const char *text)
{
    struct tlog_config c = {0};
    struct registry_copy *copy = NULL; /* a registry keeps payloads in its database */
    struct tlog *t = NULL;
    struct diag d;
    char path[4096];
    int64_t index;
    int err;
    if (str_int(str_c(text), 0, INT64_MAX, &index))
        return cmd_usage(synopsis, false);
    diag_init(&d);
    err = registry_copy_open(&copy, dir, &d);
    snprintf(path, sizeof path, "%s/log", dir);
    c.dir = path;
    if (!err)
        err = tlog_open(&t, &c);
    if (!err)
        err = bundle_write(t, registry_copy_blobs(copy), (uint64_t)index);
    if (err ==
        AM_E_UNAVAILABLE) /* beyond the checkpoint: a copy will not grow by itself */
        err = AM_E_NOTFOUND;
    tlog_close(t);
    registry_copy_close(copy);
    if (err)
        err = cmd_fail("bundle", dir, err, &d);
    diag_release(&d);
    return err;
}

int cmd_log(int argc, char **argv)
{
    const char *genesis = NULL, *at = NULL;
    bool json = false, public = false, help;
    const struct cmd_opt opt[] = {
        {.name = "--genesis", .kind = CMD_TEXT, .text = &genesis},
        {.name = "--at", .kind = CMD_TEXT, .text = &at},
        {.name = "--public", .kind = CMD_FLAG, .flag = &public},
        {.name = "--json", .kind = CMD_FLAG, .flag = &json}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc == 3 && strcmp(argv[1], "state") == 0)
        return cmd_log_state(argv[2], at, genesis, public, json);
    if (at)
        return cmd_usage(synopsis, false);
    if (argc == 3 && strcmp(argv[1], "verify") == 0)
        return verify(argv[2], genesis, false,
                      public ? LEDGER_VERIFY_PUBLIC : LEDGER_VERIFY_ALL, json);
    if (argc == 4 && strcmp(argv[1], "export") == 0)
        return export(argv[2], argv[3], genesis, public, json);
    if (public)
        return cmd_usage(synopsis, false);
    if (argc == 3 && strcmp(argv[1], "fsck") == 0)
        return verify(argv[2], genesis, true, LEDGER_VERIFY_ALL, json);
    if (argc == 3 && strcmp(argv[1], "show") == 0 && !genesis)
        return show(argv[2], json);
    if (argc == 4 && strcmp(argv[1], "bundle") == 0 && !genesis && !json)
        return bundle(argv[2], argv[3]);
    return cmd_usage(synopsis, false);
}
