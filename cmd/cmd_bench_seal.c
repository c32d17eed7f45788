/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench seal WHAT -- sealed test sets: their key, sealing, list, log, the digest
 * that leaves the machine. */
#include "base/clock.h"
#include "bench/bench_vault.h"
#include "cmd_bench.h"
#include "json/json.h"

enum { SEAL_OUT_MAX = 64 << 20 };

struct args {
    const char *store, *key, *id, *out, *known, *runs[3];
    bool json;
};

static struct str passphrase(void)
{
    return str_c(getenv("AMANE_KEY_PASSPHRASE"));
}

static int budget(const char *name, const char *text, int64_t otherwise, int64_t *out)
{
    *out = otherwise;
    if (!text || !str_int(str_c(text), 1, 1000000, out))
        return AM_OK;
    cmd_complain("cmd.usage.whole", name, text);
    return AM_E_USAGE;
}

/* ---- printing
 * -------------------------------------------------------------------------------- */
static void print_line(const struct json *v)
{
    static const char *const shown[] = {"seq",     "id",   "at",     "sealed_at",
                                        "purpose", "by",   "vendor", "algorithm_id",
                                        "runs",    "uses", "last",   "mac"};
    bool first = true;
    for (size_t i = 0; i < AM_LEN(shown); i++) {
        const struct json *one = json_get(v, shown[i]);
        if (json_type(one) == JSON_STRING)
            printf("%s%.*s", first ? "" : " ", STR_FMT(json_str(one)));
        else if (one)
            printf("%s%lld", first ? "" : " ", (long long)json_int(one, 0));
        first = first && !one;
    }
    printf("\n");
}

static int print(struct jw *w, struct buf *b, bool json)
{
    struct json_doc *doc = NULL;
    const struct json *root;
    int err;
    if (json)
        return cmd_out_json(w, b);
    err = jw_done(w);
    if (!err)
        err = json_parse(&doc, buf_str(b), NULL, NULL);
    root = json_root(doc);
    if (json_type(root) == JSON_OBJECT)
        print_line(root);
    for (json_each(it, json_type(root) == JSON_ARRAY ? root : NULL))
        print_line(it.val);
    json_free(doc);
    return err;
}

/* ---- the verbs
 * ------------------------------------------------------------------------------- */
static int seal_import(struct bench_vault *v, const struct args *a, const char *manifest,
                       struct diag *d)
{
    struct bench_vault_import in = {.id = a->id};
    struct json_doc *doc = NULL;
    char dir[4096];
    const char *slash = strrchr(manifest, '/');
    int err;
    if (slash && (size_t)(slash - manifest) >= sizeof dir)
        return AM_E_TOOBIG;
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)AM_MAX(slash - manifest, 1) : 1,
             slash ? manifest : ".");
    in.manifest_dir = dir;
    err = json_parse_file(&doc, manifest, NULL, d);
    in.manifest = json_root(doc);
    if (budget("--runs", a->runs[0], 100, &in.budget.set) ||
        budget("--runs-vendor", a->runs[1], 10, &in.budget.vendor) ||
        budget("--runs-algorithm", a->runs[2], 5, &in.budget.algorithm))
        err = AM_E_USAGE;
    if (!err)
        err = bench_vault_import(v, &in, d);
    json_free(doc);
    return err;
}

static int seal_say(struct bench_vault *v, const struct args *a, const char *what,
                    const char *id, struct diag *d)
{
    struct buf b;
    struct jw w;
    int err, out;
    buf_init(&b, SEAL_OUT_MAX);
    jw_init(&w, &b);
    if (!strcmp(what, "list"))
        err = bench_vault_list(v, &w, d);
    else if (!strcmp(what, "log"))
        err = bench_vault_log(v, id, a->known, &w, d);
    else
        err = bench_vault_digest(v, id, &w, d);
    /* sets that are whole are listed beside those that are not */
    out = err && strcmp(what, "list") != 0 ? AM_OK : print(&w, &b, a->json);
    buf_release(&b);
    return err ? err : out;
}

static int with_store(const struct args *a, const char *what, const char *arg)
{
    struct bench_vault *v = NULL;
    struct diag d;
    int err, code = 0;
    diag_init(&d);
    err = bench_vault_open(&v, a->store, a->key, passphrase(), &d);
    if (!err)
        err = strcmp(what, "import") ? seal_say(v, a, what, arg, &d)
                                     : seal_import(v, a, arg, &d);
    if (err)
        code = cmd_fail("bench seal of", arg ? arg : a->store, err, &d);
    bench_vault_free(v);
    diag_release(&d);
    return code;
}

static int new_key(const struct args *a)
{
    int err = bench_vault_key_new(a->out, passphrase(), NULL);
    return err ? cmd_fail("make key", a->out, err, NULL) : 0;
}

int cmd_bench_seal(int argc, char **argv)
{
    struct args a = {0};
    bool help, import, one;
    const struct cmd_opt opt[] = {
        {.name = "--store", .kind = CMD_TEXT, .text = &a.store},
        {.name = "--key", .kind = CMD_TEXT, .text = &a.key},
        {.name = "--id", .kind = CMD_TEXT, .text = &a.id},
        {.name = "--out", .kind = CMD_TEXT, .text = &a.out},
        {.name = "--known", .kind = CMD_TEXT, .text = &a.known},
        {.name = "--runs", .kind = CMD_TEXT, .text = &a.runs[0]},
        {.name = "--runs-vendor", .kind = CMD_TEXT, .text = &a.runs[1]},
        {.name = "--runs-algorithm", .kind = CMD_TEXT, .text = &a.runs[2]},
        {.name = "--json", .kind = CMD_FLAG, .flag = &a.json},
    };
    const char *what;
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(cmd_bench_synopsis, false);
    if (help)
        return cmd_usage(cmd_bench_synopsis, true);
    what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "key") && argc == 2 && a.out)
        return new_key(&a);
    import = !strcmp(what, "import");
    one = import || !strcmp(what, "log") || !strcmp(what, "export-digest");
    if (!a.store || !a.key || argc != 2 + one || (import && !a.id) ||
        (!one && strcmp(what, "list") != 0))
        return cmd_usage(cmd_bench_synopsis, false);
    return with_store(&a, what, one ? argv[2] : NULL);
}
