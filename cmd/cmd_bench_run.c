/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench run -- measures a model on declared data (module bench), judges the
 * measures by a policy (module label), writes both. A refused input writes nothing and
 * names every problem; exit 1. */
#include "base/clock.h"
#include "bench/bench.h"
#include "bench/bench_vault.h"
#include "cmd_bench.h"
#include "cmd_bench_kept.h"
#include "cmd_bench_policy.h"
#include "cmd_bench_progress.h"
#include "crypto/crypto.h"
#include "ledger/ledger.h"
#include "model/model.h"

enum { BENCH_FILE_MAX = 64 << 20, BENCH_EVIDENCE_MAX = 64 };

struct args {
    const char *store, *store_key, *queue;
    const char *record, *model, *data, *out, *policy, *level, *org, *seed, *jobs, *answer;
    int64_t threads;
    unsigned answer_s;
    bool json, no_report, endpoint;
};
struct job {
    const struct args *a;
    enum label_level level;
    uint64_t seed;
    char *record_text, *manifest_text, *model;
    size_t record_n, manifest_n, model_n;
    struct json_doc *record, *manifest;
    struct cmd_bench_policy policy;
    struct bench_run *run;
    struct json_doc *evidence[BENCH_EVIDENCE_MAX];
    const struct json *evidence_root[BENCH_EVIDENCE_MAX];
    size_t family[BENCH_EVIDENCE_MAX]; /* of each: a policy may ask nothing of some */
    char evidence_hex[BENCH_EVIDENCE_MAX][CRYPTO_HEX];
    size_t n;
    struct bench_vault *vault;
    struct buf given; /* files of the vendor's folder */
    struct diag d;
};

/* ---- reading
 * -------------------------------------------------------------------------------- */
static int read_json(const char *path, char **text, size_t *n, struct json_doc **doc,
                     struct diag *d)
{
    struct diag own;
    int err = am_file_read(path, BENCH_FILE_MAX, text, n);
    if (err) {
        diag_err(d, path, "file", "%s", am_err_text(err));
        return err;
    }
    diag_init(&own);
    err = json_parse(doc, (struct str){*text, *n}, NULL, &own);
    diag_merge(d, &own, path);
    diag_release(&own);
    return err;
}

/* All files are tried, so that all that is wrong with them is said at once. */
static int read_all(struct job *j)
{
    int err[4];
    err[0] = read_json(j->a->record, &j->record_text, &j->record_n, &j->record, &j->d);
    err[1] =
        read_json(j->a->data, &j->manifest_text, &j->manifest_n, &j->manifest, &j->d);
    err[2] = j->a->endpoint
                 ? AM_OK
                 : am_file_read(j->a->model, MODEL_FILE_MAX, &j->model, &j->model_n);
    if (err[2])
        diag_err(&j->d, j->a->model, "file", "%s", am_err_text(err[2]));
    err[3] = cmd_bench_policy_read(&j->policy, j->a->policy, &j->d);
    for (size_t i = 0; i < AM_LEN(err); i++)
        if (err[i])
            return err[i];
    return AM_OK;
}

/* ---- running
 * ---------------------------------------------------------------------------------- */
/* Results of jobs stay in a folder until the run is written: interrupted, it takes up
 * where it was. */
static int run_bench(struct job *j)
{
    struct cmd_bench_progress progress;
    char dir[4096], spool[4096];
    struct bench_input in = {
        .record = json_root(j->record),
        .manifest = json_root(j->manifest),
        .manifest_text = {j->manifest_text, j->manifest_n},
        .manifest_dir = dir,
        .model = {j->model, j->model_n},
        .served = j->a->endpoint,
        .seed = j->seed,
        .jobs = (unsigned)j->a->threads,
        .answer_s = j->a->answer_s,
        .spool = j->a->queue                                ? j->a->queue
                 : cmd_bench_sealed(json_root(j->manifest)) ? NULL
                                                            : spool,
        .progress = cmd_bench_progress,
        .cookie = &progress,
        .by = j->a->org,
    };
    int err = cmd_bench_dir(j->a->data, dir);
    if (!err && snprintf(spool, sizeof spool, "%s/jobs", j->a->out) >= (int)sizeof spool)
        err = AM_E_TOOBIG;
    if (!err && j->a->store)
        err = bench_vault_open(&j->vault, j->a->store, j->a->store_key,
                               str_c(getenv("AMANE_KEY_PASSPHRASE")), &j->d);
    if (err)
        return err;
    in.vault = j->vault;
    cmd_bench_progress_init(&progress);
    err = bench_run(&j->run, &in, &j->d);
    cmd_bench_progress_end(&progress);
    return err;
}

/* Of a run on sealed sets everything is the operator's, but what goes to the vendor. */
static int write_file(struct job *j, const char *name, struct str text, unsigned mode)
{
    bool sealed = cmd_bench_sealed(json_root(j->manifest));
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", j->a->out, name), err;
    if (n < 0 || (size_t)n >= sizeof path)
        return AM_E_TOOBIG;
    err = am_file_write(path, text, sealed ? 0600 : mode);
    if (!err && sealed && cmd_bench_for_vendor(name))
        err = cmd_bench_give(j->a->out, name, text, &j->given);
    return err;
}

static bool row_wanted(const void *policy, struct str row)
{
    return ledger_row_known(policy, row);
}

static int write_evidence(struct job *j, size_t i, struct str org, int64_t at)
{
    char name[80];
    uint8_t digest[CRYPTO_SHA256];
    struct buf b;
    int err;
    buf_init(&b, BENCH_FILE_MAX);
    err = bench_evidence(j->run, i, row_wanted, j->policy.policy, org, at, &b);
    if (err == AM_E_NOTFOUND) { /* the policy asks nothing of this family */
        buf_release(&b);
        return AM_OK;
    }
    if (!err)
        err = buf_addc(&b, '\n');
    snprintf(name, sizeof name, "evidence-%s.json", bench_family(j->run, i));
    if (!err)
        err = write_file(j, name, buf_str(&b), 0644);
    if (!err)
        err = json_parse(&j->evidence[j->n], buf_str(&b), NULL, &j->d);
    if (!err) {
        crypto_sha256(buf_str(&b), digest);
        crypto_hex(digest, sizeof digest, j->evidence_hex[j->n]);
        j->family[j->n] = i;
        j->evidence_root[j->n] = json_root(j->evidence[j->n]);
        j->n++;
    }
    buf_release(&b);
    return err;
}

/* ---- summary
 * --------------------------------------------------------------------------------------
 */
static void warnings_json(const struct job *j, struct jw *w)
{
    jw_key(w, "warnings");
    jw_arr(w);
    for (size_t i = 0; i < j->d.n; i++) {
        jw_obj(w);
        jw_kstrz(w, "path", j->d.item[i].path);
        jw_kstrz(w, "code", j->d.item[i].code);
        jw_kstrz(w, "detail", j->d.item[i].detail);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void evidence_json(const struct job *j, struct jw *w)
{
    jw_key(w, "evidence");
    jw_arr(w);
    for (size_t i = 0; i < j->n; i++) {
        jw_obj(w);
        jw_kstrz(w, "family", bench_family(j->run, j->family[i]));
        jw_key(w, "file");
        jw_strf(w, "evidence-%s.json", bench_family(j->run, j->family[i]));
        jw_kstrz(w, "sha256", j->evidence_hex[i]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int summary_json(struct job *j, int64_t at, char said[160], struct buf *out)
{
    const struct json *record = json_root(j->record);
    const struct cmd_bench_asked asked = {record, j->evidence_root, j->n, j->level, at};
    uint8_t digest[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    struct jw w;
    int err, err2;
    jw_init(&w, out);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kstrz(&w, "schema", "amane/bench-summary/1");
    jw_kval(&w, "model_digest", json_get(record, "model_digest"));
    jw_kval(&w, "algorithm_id", json_get(record, "algorithm_id"));
    jw_kval(&w, "version_label", json_get(record, "version_label"));
    err = cmd_bench_verdicts(&j->policy, &asked, &w, said, &j->d);
    jw_key(&w, "measures");
    jw_arr(&w);
    for (size_t i = 0; i < bench_measures(j->run); i++)
        bench_measure_json(j->run, bench_measure_at(j->run, i), &w);
    jw_arr_end(&w);
    jw_key(&w, "subgroups");
    err2 = bench_subgroups_json(j->run, &w);
    jw_key(&w, "dataset");
    bench_dataset_json(j->run, &w);
    warnings_json(j, &w);
    evidence_json(j, &w);
    crypto_sha256(bench_scores(j->run), digest);
    jw_kstrz(&w, "scores_sha256", crypto_hex(digest, sizeof digest, hex));
    jw_key(&w, "bench");
    bench_meta_json(j->run, &w);
    jw_obj_end(&w);
    err = err ? err : err2 ? err2 : jw_done(&w);
    return err ? err : buf_addc(out, '\n');
}

static int judge(struct job *j, int64_t at, struct buf *summary)
{
    char said[160];
    int err = summary_json(j, at, said, summary);
    if (!err)
        fprintf(stderr, "bench: %s\n", said);
    return err;
}

static int write_all(struct job *j)
{
    struct str org =
        j->a->org ? str_c(j->a->org) : json_get_str(json_root(j->manifest), "tester_org");
    int64_t at = time_now() / TIME_SECOND * TIME_SECOND;
    struct buf b;
    int err = am_dir_make(j->a->out, 0755);
    am_assert(bench_families(j->run) <= BENCH_EVIDENCE_MAX);
    buf_init(&b, (size_t)1 << 30);
    if (!err)
        err =
            cmd_keep_run(j->a->out, j->run, (struct str){j->record_text, j->record_n},
                         (struct str){j->manifest_text, j->manifest_n}, j->policy.bytes);
    for (size_t i = 0; i < bench_families(j->run) && !err; i++)
        err = write_evidence(j, i, org, at);
    if (!err)
        err = write_file(j, "scores.csv", bench_scores(j->run), 0600);
    if (!err)
        err = bench_curves(j->run, &b);
    if (!err)
        err = write_file(j, "curves.json", buf_str(&b), 0644);
    buf_clear(&b);
    if (!err)
        err = judge(j, at, &b);
    if (!err)
        err = write_file(j, "summary.json", buf_str(&b), 0644);
    if (!err && j->given.n)
        err = cmd_bench_given(j->a->out, json_root(j->record), buf_str(&j->given));
    if (!err && !j->a->no_report)
        err = cmd_bench_reports(
            j->a->out, cmd_bench_sealed(json_root(j->manifest)) ? 0600 : 0644, &j->d);
    if (!err && j->a->json)
        err = cmd_out(buf_str(&b));
    buf_release(&b);
    return err;
}

/* ---- the command
 * ------------------------------------------------------------------------------------ */
static void refused_json(const struct diag *d)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 24);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "ok", false);
    jw_key(&w, "problems");
    jw_arr(&w);
    for (size_t i = 0; i < d->n; i++)
        if (d->item[i].severity == DIAG_ERROR) {
            jw_obj(&w);
            jw_kstrz(&w, "path", d->item[i].path);
            jw_kstrz(&w, "code", d->item[i].code);
            jw_kstrz(&w, "detail", d->item[i].detail);
            jw_obj_end(&w);
        }
    jw_arr_end(&w);
    jw_obj_end(&w);
    if (!jw_done(&w) && !buf_addc(&b, '\n') && cmd_out(buf_str(&b)))
        cmd_complain("cmd.usage.stdout", NULL, NULL);
    buf_release(&b);
}

static void job_release(struct job *j)
{
    bench_run_free(j->run);
    cmd_bench_policy_release(&j->policy);
    for (size_t i = 0; i < BENCH_EVIDENCE_MAX; i++)
        json_free(j->evidence[i]);
    json_free(j->record);
    json_free(j->manifest);
    free(j->record_text);
    free(j->manifest_text);
    free(j->model);
    bench_vault_free(j->vault);
    buf_release(&j->given);
    diag_release(&j->d);
}

static int run_job(const struct args *a, enum label_level level, uint64_t seed)
{
    struct job j = {.a = a, .level = level, .seed = seed};
    int err, code = 0;
    diag_init(&j.d);
    buf_init(&j.given, 1 << 20);
    err = read_all(&j);
    if (!err)
        err = run_bench(&j);
    if (!err)
        err = write_all(&j);
    if (!err && !a->queue) /* what others may use stays */
        bench_forget(j.run);
    if (err && a->json)
        refused_json(&j.d);
    if (err)
        code = cmd_fail("bench run of", a->data, err, &j.d);
    if (!err)
        cmd_problems(stderr, "bench: ", &j.d);
    job_release(&j);
    return code;
}

int cmd_bench_run(int argc, char **argv)
{
    struct args a = {0};
    enum label_level level = LABEL_BASE;
    int64_t seed = 1;
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--record", .kind = CMD_TEXT, .text = &a.record},
        {.name = "--model", .kind = CMD_TEXT, .text = &a.model},
        {.name = "--endpoint", .kind = CMD_FLAG, .flag = &a.endpoint},
        {.name = "--data", .kind = CMD_TEXT, .text = &a.data},
        {.name = "--out", .kind = CMD_TEXT, .text = &a.out},
        {.name = "--policy", .kind = CMD_TEXT, .text = &a.policy},
        {.name = "--level", .kind = CMD_TEXT, .text = &a.level},
        {.name = "--org", .kind = CMD_TEXT, .text = &a.org},
        {.name = "--seed", .kind = CMD_TEXT, .text = &a.seed},
        {.name = "--jobs", .kind = CMD_TEXT, .text = &a.jobs},
        {.name = "--store", .kind = CMD_TEXT, .text = &a.store},
        {.name = "--store-key", .kind = CMD_TEXT, .text = &a.store_key},
        {.name = "--queue", .kind = CMD_TEXT, .text = &a.queue},
        {.name = "--answer-s", .kind = CMD_TEXT, .text = &a.answer},
        {.name = "--no-report", .kind = CMD_FLAG, .flag = &a.no_report},
        {.name = "--json", .kind = CMD_FLAG, .flag = &a.json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(cmd_bench_synopsis, false);
    if (help)
        return cmd_usage(cmd_bench_synopsis, true);
    if (argc != 1 || !a.record || !a.model == !a.endpoint || !a.data || !a.out ||
        !a.store != !a.store_key)
        return cmd_usage(cmd_bench_synopsis, false);
    if (a.level && (label_level_parse(str_c(a.level), &level) || level == LABEL_NONE)) {
        cmd_complain("cmd.usage.one_of", "--level", "base, intermediate, advanced");
        return cmd_usage(cmd_bench_synopsis, false);
    }
    if (cmd_bench_number("--seed", a.seed, 0, INT64_MAX, &seed) ||
        cmd_bench_jobs(a.jobs, &a.threads) || cmd_bench_answer(a.answer, &a.answer_s))
        return cmd_usage(cmd_bench_synopsis, false);
    return run_job(&a, level, (uint64_t)seed);
}
