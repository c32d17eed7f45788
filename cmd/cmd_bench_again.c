/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench_again -- what `amane bench verify` and `amane bench rerun` do alike: options,
 * the folder, the store of sealed sets, the comparison, the verdicts, the answer. */
#include "base/clock.h"
#include "bench/bench_vault.h"
#include "cmd_bench.h"
#include "cmd_bench_kept.h"
#include "cmd_bench_policy.h"
#include "cmd_bench_progress.h"
#include "model/model.h"

#define POLICY_FILE  "policy.json"
#define SUMMARY_FILE "summary.json"

/* ---- verdicts -------------------------------------------------------------------------
 */
/* The one the summary names by digest: of the program, or kept in the folder. */
static int find_policy(struct kept *k, const struct kept_args *a,
                       struct cmd_bench_policy *out)
{
    const struct json *want =
        json_get(json_get(json_root(k->summary), "policy"), "sha256");
    char path[KEPT_PATH];
    int n, err = cmd_bench_policy_read(out, a->policy, &k->d);
    if (err || a->policy || json_str_is(want, out->sha256))
        return err;
    n = snprintf(path, sizeof path, "%s/" POLICY_FILE, k->dir);
    cmd_bench_policy_release(out);
    err = n < 0 || n >= (int)sizeof path ? AM_E_TOOBIG
                                         : cmd_bench_policy_read(out, path, &k->d);
    if (!err && json_str_is(want, out->sha256))
        diag_add(&k->d, DIAG_WARNING, POLICY_FILE, "kept.policy",
                 "judged by the policy of the folder, which is not the program's");
    return err;
}

static int verdicts(struct kept *k, const struct cmd_bench_policy *p, struct buf *out)
{
    const struct json *evidence[KEPT_FAMILIES_MAX], *summary = json_root(k->summary);
    struct cmd_bench_asked a = {.record = json_root(k->record), .evidence = evidence};
    struct jw w;
    int err;
    for (size_t i = 0; i < k->n; i++)
        if (k->evidence[i].doc)
            evidence[a.n++] = json_root(k->evidence[i].doc);
    /* a run judges when it issues its evidence */
    if (!a.n || time_parse(json_get_str(evidence[0], "issued_at"), &a.at) ||
        label_level_parse(json_get_str(summary, "requested_level"), &a.level))
        return AM_E_INVALID;
    jw_init(&w, out);
    jw_obj(&w);
    err = cmd_bench_verdicts(p, &a, &w, NULL, &k->d);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

static int compare_verdicts(struct kept *k, const struct cmd_bench_policy *p)
{
    struct bench_compared found;
    struct diag own;
    struct buf b;
    int err;
    diag_init(&own);
    buf_init(&b, 64 << 20);
    err = verdicts(k, p, &b);
    if (!err)
        err = bench_compare_members(k->run, json_root(k->summary), buf_str(&b), &found,
                                    &own);
    if (!err)
        k->summary_found.differences += found.differences;
    diag_merge(&k->d, &own, SUMMARY_FILE);
    diag_release(&own);
    buf_release(&b);
    return err;
}

/* The verdicts of the summary: the policy it names, on the evidence that is there. */
static int judge(struct kept *k, const struct kept_args *a)
{
    struct cmd_bench_policy p = {.text = NULL};
    int err = k->summary ? find_policy(k, a, &p) : AM_OK;
    if (err == AM_E_NOMEM || !k->summary)
        return err;
    if (err || !json_str_is(json_get(json_get(json_root(k->summary), "policy"), "sha256"),
                            p.sha256)) {
        diag_err(&k->d, SUMMARY_FILE, "kept.policy_missing",
                 "the policy it names is not at hand: no verdict is made again");
        err = AM_OK;
    } else {
        err = compare_verdicts(k, &p);
    }
    if (err == AM_E_INVALID) {
        diag_err(&k->d, SUMMARY_FILE, "kept.verdicts",
                 "no verdict can be made again of what is there");
        err = AM_OK;
    }
    cmd_bench_policy_release(&p);
    return err;
}

/* ---- the work -------------------------------------------------------------------------
 */
static int run_again(struct kept *k, const struct kept_args *a, kept_check *check,
                     struct bench_input *in)
{
    struct cmd_bench_progress progress;
    int err;
    in->jobs = (unsigned)a->threads;
    in->answer_s = a->answer_s;
    in->progress = cmd_bench_progress;
    in->cookie = &progress;
    cmd_bench_progress_init(&progress);
    err = cmd_kept_run(k, in);
    cmd_bench_progress_end(&progress);
    if (!err)
        err = cmd_kept_compare(k);
    if (!err)
        err = judge(k, a);
    return err || !check ? err : check(k);
}

static int with_files(struct kept *k, const struct kept_args *a, kept_check *check,
                      struct bench_input *in)
{
    struct bench_vault *vault = NULL;
    struct kept_file model = {0};
    int err = AM_OK;
    if (a->model)
        err = am_file_read(a->model, MODEL_FILE_MAX, &model.p, &model.n);
    if (err)
        diag_err(&k->d, a->model, "file", "%s", am_err_text(err));
    if (!err && a->store)
        err = bench_vault_open(&vault, a->store, a->store_key,
                               str_c(getenv("AMANE_KEY_PASSPHRASE")), &k->d);
    in->model = (struct str){model.p, model.n};
    in->vault = vault;
    if (!err)
        err = run_again(k, a, check, in);
    bench_vault_free(vault);
    free(model.p);
    return err;
}

static int again(struct kept *k, const struct kept_args *a, bool asks, kept_check *check)
{
    struct bench_kept kept = {.scores = {k->scores.p, k->scores.n},
                              .answers = k->answers,
                              .n = k->n_answers,
                              .data = a->data || a->store,
                              .only = k->summary ? NULL : k->evidence[0].family};
    struct bench_input in = {
        .kept = asks ? NULL : &kept, .again = asks, .served = a->endpoint};
    char path[KEPT_PATH];
    int n = snprintf(path, sizeof path, "%s/manifest.json", k->dir);
    if (n < 0 || n >= (int)sizeof path)
        return AM_E_TOOBIG;
    if (a->store && !a->data) /* sealed sets need no folder */
        k->data_path = path;
    n = with_files(k, a, check, &in);
    k->data_path = a->data;
    return n;
}

static int parse(int argc, char **argv, struct kept_args *a, bool asks)
{
    const char *jobs = NULL, *answer = NULL;
    const struct cmd_opt opt[] = {
        {.name = "--record", .kind = CMD_TEXT, .text = &a->record},
        {.name = "--data", .kind = CMD_TEXT, .text = &a->data},
        {.name = "--model", .kind = CMD_TEXT, .text = &a->model},
        {.name = "--endpoint", .kind = CMD_FLAG, .flag = &a->endpoint},
        {.name = "--policy", .kind = CMD_TEXT, .text = &a->policy},
        {.name = "--store", .kind = CMD_TEXT, .text = &a->store},
        {.name = "--store-key", .kind = CMD_TEXT, .text = &a->store_key},
        {.name = "--jobs", .kind = CMD_TEXT, .text = &jobs},
        {.name = "--answer-s", .kind = CMD_TEXT, .text = &answer},
        {.name = "--json", .kind = CMD_FLAG, .flag = &a->json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &a->help))
        return AM_E_USAGE;
    if (a->help)
        return AM_OK;
    if (argc != 2 || !a->store != !a->store_key || (!asks && (a->endpoint || answer)) ||
        (asks && (!a->model == !a->endpoint || (!a->data && !a->store))))
        return AM_E_USAGE;
    a->where = argv[1];
    if (cmd_bench_answer(answer, &a->answer_s))
        return AM_E_USAGE;
    return cmd_bench_jobs(jobs, &a->threads);
}

int cmd_kept_main(int argc, char **argv, const char *doing, bool asks, kept_check *check)
{
    struct kept_args a = {.where = NULL};
    struct kept *k;
    int err, code;
    if (parse(argc, argv, &a, asks))
        return cmd_usage(cmd_bench_synopsis, false);
    if (a.help)
        return cmd_usage(cmd_bench_synopsis, true);
    k = am_calloc(1, sizeof *k);
    if (!k)
        return am_err_exit(AM_E_NOMEM);
    diag_init(&k->d);
    err = cmd_kept_read(k, a.where, a.record, a.data);
    if (!err)
        err = again(k, &a, asks, check);
    code = cmd_kept_tell(k, doing, err, a.json);
    cmd_kept_release(k);
    free(k);
    return code;
}
