/* SPDX-License-Identifier: Apache-2.0 */
/* amane policy -- recomputes a decision from a copy of the log alone, and shows a policy.
 *
 *   eval: DIR holds log/ and blobs/, as any stranger can copy them. The log is verified
 * and folded, the evidence and the policy a decision cites are read back by digest, and
 *         the policy is evaluated at the instant of that decision.
 *   show: the document, checked against schema/policy-1.json, in a table. */
#include "base/clock.h"
#include "blob/blob.h"
#include "cmd.h"
#include "embed/embed.h"
#include "label/label.h"
#include "ledger/ledger.h"
#include "registry/registry.h"

enum { POLICY_BLOB_MAX = 64 << 20 };

static const char synopsis[] =
    "usage: amane policy eval --log DIR --model ID [--genesis SHA256] [--json]\n"
    "       amane policy show FILE [--json]\n";

struct job {
    const char *dir, *model, *genesis;
    bool json;
    struct ledger *ledger;
    struct registry_copy *copy;
    struct blob_store *blobs;
    const struct ledger_version *version;
    struct ledger_change change; /* inside a plan: of which version, and which */
    bool inside;
    struct ledger_statement_view declared, decision, *evidence;
    const struct json **record; /* of each evidence */
    size_t n;
    bool decided;
    uint8_t policy_digest[CRYPTO_SHA256];
    struct json_doc *policy_doc;
    struct label_policy *policy;
    enum label_level requested;
    int64_t at;
    struct label_result result;
    struct diag d;
};

/* ---- finding the version
 * ------------------------------------------------------------------- */
/* 64 hex digits, or algorithm_id[@version_label]; without a label the newest declared. */
static bool is_it(const struct ledger_version *v, struct str id)
{
    struct str label, algorithm = str_cut(id, '@', &label);
    uint8_t digest[CRYPTO_SHA256];
    if (id.n == CRYPTO_HEX - 1 && crypto_unhex(id, digest, sizeof digest) == AM_OK)
        return memcmp(digest, v->digest, sizeof digest) == 0;
    return str_eqc(algorithm, v->algorithm_id) &&
           (!label.p || str_eqc(label, v->version_label));
}

static int find_version(struct job *j)
{
    for (size_t i = 0; i < ledger_versions(j->ledger); i++) {
        const struct ledger_version *v = ledger_version_at(j->ledger, i);
        if (is_it(v, str_c(j->model)) &&
            (!j->version || v->declared.index > j->version->declared.index))
            j->version = v;
    }
    if (j->version)
        return AM_OK;
    diag_err(&j->d, j->model, "policy.model", "the log declares no such model");
    return AM_E_NOTFOUND;
}

/* ---- reading statements back
 * ------------------------------------------------------------------ */
static int load(struct job *j, const uint8_t digest[32],
                struct ledger_statement_view *out)
{
    struct buf b;
    int err;
    buf_init(&b, POLICY_BLOB_MAX);
    err = blob_get(j->blobs, digest, &b);
    if (!err)
        err =
            ledger_statement_parse(buf_str(&b), ledger_type_base(j->ledger), out, &j->d);
    if (err) {
        char hex[CRYPTO_HEX];
        diag_err(&j->d, crypto_hex(digest, 32, hex), "policy.blob", "%s",
                 am_err_text(err));
    }
    buf_release(&b);
    return err;
}

static int load_policy(struct job *j)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, POLICY_BLOB_MAX);
    if (!j->decided)
        ledger_policy_digest(j->ledger, j->policy_digest);
    else if (crypto_unhex(json_get_str(j->decision.record, "policy_sha256"),
                          j->policy_digest, sizeof j->policy_digest))
        err = AM_E_INVALID;
    if (!err)
        err = blob_get(j->blobs, j->policy_digest, &b);
    if (!err)
        err = json_parse(&j->policy_doc, buf_str(&b), NULL, &j->d);
    if (!err)
        err = label_policy_new(&j->policy, json_root(j->policy_doc), &j->d);
    if (err)
        diag_err(&j->d, "/policy_sha256", "policy.blob", "%s", am_err_text(err));
    buf_release(&b);
    return err;
}

static int load_one(struct job *j, const uint8_t digest[32])
{
    int err = load(j, digest, &j->evidence[j->n]);
    if (!err) {
        j->record[j->n] = j->evidence[j->n].record;
        j->n++;
    }
    return err;
}

/* Nothing is decided yet: what a decision would cite, also of the version changed. */
static int load_open(struct job *j, const struct ledger_version *v)
{
    int err = AM_OK;
    for (size_t i = 0; i < v->evidence.n && !err; i++)
        err = load_one(j, v->evidence.v[i].payload);
    return err;
}

static int load_evidence(struct job *j)
{
    const struct json *cited = json_get(j->decision.record, "evidence");
    bool rests = j->inside && !*j->change.why;
    size_t n = j->decided
                   ? json_size(cited)
                   : j->version->evidence.n + (rests ? j->change.parent->evidence.n : 0);
    int err = AM_OK;
    j->evidence = calloc(n + 1, sizeof *j->evidence);
    j->record = calloc(n + 1, sizeof *j->record);
    if (!j->evidence || !j->record)
        return AM_E_NOMEM;
    if (!j->decided) {
        err = load_open(j, j->version);
        return err || !rests ? err : load_open(j, j->change.parent);
    }
    for (size_t i = 0; i < n && !err; i++) {
        uint8_t digest[CRYPTO_SHA256];
        if (crypto_unhex(json_str(json_at(cited, i)), digest, sizeof digest))
            err = AM_E_INVALID;
        else
            err = load_one(j, digest);
    }
    return err;
}

/* Granting and refusing answer a request; later decisions are about the level in force.
 */
static int read_request(struct job *j)
{
    const struct json *r = j->decision.record;
    struct str outcome = json_get_str(r, "outcome");
    bool asked = str_eqc(outcome, "granted") || str_eqc(outcome, "deferred") ||
                 str_eqc(outcome, "refused");
    j->requested = (enum label_level)j->version->requested;
    j->at = time_now();
    if (j->decided) {
        j->at = j->decision.issued_at;
        if (label_level_parse(json_get_str(r, asked ? "requested_level" : "label_level"),
                              &j->requested))
            return AM_E_INVALID;
    }
    if (j->requested == LABEL_NONE)
        j->requested = LABEL_BASE;
    return AM_OK;
}

static int judge(struct job *j)
{
    char parent[CRYPTO_HEX];
    struct label_from from = {.change = j->change.change, .logged = true};
    if (j->inside)
        from.parent = str_c(crypto_hex(j->change.parent->digest, 32, parent));
    return label_evaluate_from(j->policy, j->declared.record, j->record, j->n, &from,
                               j->requested, j->at, &j->result, &j->d);
}

static int evaluate(struct job *j)
{
    struct ledger_verify_report report;
    int err = registry_copy_open(&j->copy, j->dir, &j->d);
    if (!err) {
        j->blobs = registry_copy_blobs(j->copy);
        err = ledger_verify_from(j->dir, j->blobs, LEDGER_VERIFY_PUBLIC,
                                 j->genesis ? str_c(j->genesis) : STR_NULL, &report,
                                 &j->ledger, &j->d);
    }
    if (!err)
        err = find_version(j);
    if (!err)
        err = load(j, j->version->declared.payload, &j->declared);
    if (!err && j->version->decision.index) {
        j->decided = true;
        err = load(j, j->version->decision.payload, &j->decision);
    }
    if (!err)
        err = load_policy(j);
    if (!err)
        j->inside = ledger_change(j->ledger, j->version, time_now(), &j->change);
    if (!err)
        err = load_evidence(j);
    if (!err)
        err = read_request(j);
    return err ? err : judge(j);
}

/* ---- comparing
 * ----------------------------------------------------------------------------------- */
static int strictness(struct str outcome)
{
    return str_eqc(outcome, "refused") ? 2 : str_eqc(outcome, "deferred") ? 1 : 0;
}

/* The record says what the policy gives, and grants nothing beyond it. */
static bool equal(const struct job *j)
{
    const struct json *r = j->decision.record;
    enum label_level level = LABEL_NONE;
    struct str said = json_get_str(r, "outcome"),
               computed = json_get_str(r, "outcome_computed");
    if (!j->decided)
        return true;
    if (label_level_parse(json_get_str(r, "label_level"), &level) ||
        !str_eqc(computed, j->result.outcome) || level > j->result.reached)
        return false;
    return strictness(said) >= strictness(computed);
}

static void text_or_null(struct jw *w, const char *key, struct str s)
{
    jw_key(w, key);
    if (s.p)
        jw_str(w, s);
    else
        jw_null(w);
}

static int print_json(const struct job *j)
{
    char hex[CRYPTO_HEX];
    struct json_doc *verdicts = NULL;
    struct buf b, inner;
    struct jw w;
    int err;
    buf_init(&b, POLICY_BLOB_MAX);
    buf_init(&inner, POLICY_BLOB_MAX);
    jw_init(&w, &inner);
    label_result_json(j->policy, &j->result, j->requested, &w);
    err = jw_done(&w);
    if (!err)
        err = json_parse(&verdicts, buf_str(&inner), NULL, NULL);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kstrz(&w, "model_digest", crypto_hex(j->version->digest, 32, hex));
    jw_kstrz(&w, "algorithm_id", j->version->algorithm_id);
    jw_kstrz(&w, "version_label", j->version->version_label);
    jw_kstrz(&w, "policy_sha256", crypto_hex(j->policy_digest, 32, hex));
    jw_kint(&w, "tree_size", (int64_t)ledger_size(j->ledger));
    for (json_each(it, json_root(verdicts))) {
        jw_keyn(&w, it.key);
        jw_val(&w, it.val);
    }
    jw_kint(&w, "evidence", (int64_t)j->n);
    jw_kbool(&w, "decided", j->decided);
    text_or_null(&w, "recorded_outcome", json_get_str(j->decision.record, "outcome"));
    text_or_null(&w, "recorded_computed",
                 json_get_str(j->decision.record, "outcome_computed"));
    text_or_null(&w, "recorded_level", json_get_str(j->decision.record, "label_level"));
    jw_kbool(&w, "equal", equal(j));
    jw_obj_end(&w);
    err = err ? err : jw_done(&w);
    if (!err)
        err = buf_addc(&b, '\n');
    if (!err)
        err = cmd_out(buf_str(&b));
    json_free(verdicts);
    buf_release(&inner);
    buf_release(&b);
    return err;
}

static int print_table(const struct job *j)
{
    printf("%.*s: %s, level %s (asked: %s)%s\n", STR_FMT(label_policy_name(j->policy)),
           j->result.outcome, label_level_name(j->result.reached),
           label_level_name(j->requested),
           label_policy_national(j->policy) ? "" : "; not a national label");
    for (size_t i = 0; i < j->result.n; i++) {
        const struct label_row *r = &j->result.row[i];
        printf("  %-6s %-13s %-14s %s\n", r->id, label_level_name(r->level),
               label_verdict_name(r->verdict), r->reason);
    }
    if (j->decided)
        printf("recorded: %.*s, level %.*s: %s\n",
               STR_FMT(json_get_str(j->decision.record, "outcome")),
               STR_FMT(json_get_str(j->decision.record, "label_level")),
               equal(j) ? "equal" : "DIFFERS");
    else
        puts("no decision yet");
    return fflush(stdout) || ferror(stdout) ? AM_E_IO : AM_OK;
}

static int run_eval(struct job *j)
{
    int err, code = 0;
    diag_init(&j->d);
    err = evaluate(j);
    if (!err)
        err = j->json ? print_json(j) : print_table(j);
    if (err)
        code = cmd_fail("policy eval of", j->dir, err, &j->d);
    else if (!equal(j))
        code = 1;
    label_result_release(&j->result);
    for (size_t i = 0; i < j->n; i++)
        ledger_statement_release(&j->evidence[i]);
    free(j->evidence);
    free(j->record);
    ledger_statement_release(&j->declared);
    ledger_statement_release(&j->decision);
    label_policy_free(j->policy);
    json_free(j->policy_doc);
    registry_copy_close(j->copy);
    ledger_free(j->ledger);
    diag_release(&j->d);
    return code;
}

/* ---- show
 * -------------------------------------------------------------------------------------------
 */
static int check_schema(const struct json *doc, struct diag *d)
{
    const struct embed_file *f = embed_find("schema/policy-1.json");
    struct json_doc *schema_doc = NULL;
    struct json_schema *schema = NULL;
    int err;
    if (json_str_is(json_get(doc, "schema"), "amane_label_matrix"))
        return AM_OK; /* the bare matrix: label_policy_new() knows all of it */
    am_assert(f);     /* the program was built without its schemas */
    err = json_parse(&schema_doc, (struct str){(const char *)f->data, f->size}, NULL, d);
    if (!err)
        err = json_schema_compile(&schema, json_root(schema_doc), NULL, NULL, d);
    if (!err)
        err = json_schema_check(schema, doc, d);
    json_schema_free(schema);
    json_free(schema_doc);
    return err;
}

static int show_json(const struct json *doc)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, POLICY_BLOB_MAX);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_val(&w, doc);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

static int show_table(const struct label_policy *p)
{
    printf("%.*s%s\n", STR_FMT(label_policy_name(p)),
           label_policy_national(p) ? "" : " (not a national label)");
    for (size_t i = 0; i < label_policy_rows(p); i++) {
        const struct json *row = label_policy_row(p, i), *level = json_get(row, "level");
        printf("  %-6.*s %-12.*s %-12.*s %-12.*s %.*s\n",
               STR_FMT(json_get_str(row, "id")), STR_FMT(json_get_str(level, "base")),
               STR_FMT(json_get_str(level, "intermediate")),
               STR_FMT(json_get_str(level, "advanced")),
               STR_FMT(json_get_str(row, "threshold")));
    }
    return fflush(stdout) || ferror(stdout) ? AM_E_IO : AM_OK;
}

static int run_show(const char *file, bool json)
{
    struct json_doc *doc = NULL;
    struct label_policy *p = NULL;
    struct diag d;
    int err, code = 0;
    diag_init(&d);
    err = json_parse_file(&doc, file, NULL, &d);
    if (!err)
        err = check_schema(json_root(doc), &d);
    if (!err || err == AM_E_INVALID) {
        int err2 = label_policy_new(&p, json_root(doc), &d);
        err = err ? err : err2;
    }
    if (!err)
        err = json ? show_json(json_root(doc)) : show_table(p);
    if (err)
        code = cmd_fail("policy", file, err, &d);
    label_policy_free(p);
    json_free(doc);
    diag_release(&d);
    return code;
}

int cmd_policy(int argc, char **argv)
{
    struct job j = {0};
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--log", .kind = CMD_TEXT, .text = &j.dir},
        {.name = "--model", .kind = CMD_TEXT, .text = &j.model},
        {.name = "--genesis", .kind = CMD_TEXT, .text = &j.genesis},
        {.name = "--json", .kind = CMD_FLAG, .flag = &j.json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc == 3 && !strcmp(argv[1], "show") && !j.dir && !j.model && !j.genesis)
        return run_show(argv[2], j.json);
    if (argc != 2 || strcmp(argv[1], "eval") != 0 || !j.dir || !j.model)
        return cmd_usage(synopsis, false);
    return run_eval(&j);
}
