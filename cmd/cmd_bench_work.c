/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench work -- jobs of a run done here, for a run that waits elsewhere: the same
 * declarations, model (or endpoint), data, seed and program, a folder that both see.
 * Nothing is judged and nothing written but results of jobs; tokens of an endpoint are
 * each worker's own files. Ends when every job is done. */
#include <unistd.h>

#include "bench/bench.h"
#include "cmd_bench.h"
#include "cmd_bench_progress.h"
#include "model/model.h"

enum { WORK_FILE_MAX = 64 << 20 };

struct args {
    const char *record, *model, *data, *queue, *seed_text, *jobs_text, *answer;
    int64_t seed, jobs;
    unsigned answer_s;
    bool endpoint;
};
struct files {
    struct json_doc *record, *manifest;
    char *manifest_text, *model;
    size_t manifest_n, model_n;
};

static int read_file(const char *path, size_t most, char **text, size_t *n,
                     struct diag *d)
{
    int err = am_file_read(path, most, text, n);
    if (err)
        diag_err(d, path, "file", "%s", am_err_text(err));
    return err;
}

static int read_files(const struct args *a, struct files *f, struct diag *d)
{
    int err = json_parse_file(&f->record, a->record, NULL, d);
    if (!err)
        err = read_file(a->data, WORK_FILE_MAX, &f->manifest_text, &f->manifest_n, d);
    if (!err)
        err = json_parse(&f->manifest, (struct str){f->manifest_text, f->manifest_n},
                         NULL, d);
    if (err || a->endpoint)
        return err;
    return read_file(a->model, MODEL_FILE_MAX, &f->model, &f->model_n, d);
}

static int work(const struct args *a, const struct files *f, struct diag *d)
{
    struct cmd_bench_progress progress;
    struct bench_run *run = NULL;
    char dir[4096];
    const struct bench_input in = {
        .record = json_root(f->record),
        .manifest = json_root(f->manifest),
        .manifest_text = {f->manifest_text, f->manifest_n},
        .manifest_dir = dir,
        .model = {f->model, f->model_n},
        .served = a->endpoint,
        .answer_s = a->answer_s,
        .seed = (uint64_t)a->seed,
        .jobs = (unsigned)a->jobs,
        .spool = a->queue,
        .helps = true,
        .progress = cmd_bench_progress,
        .cookie = &progress,
    };
    int err = cmd_bench_dir(a->data, dir);
    if (err)
        return err;
    cmd_bench_progress_init(&progress);
    err = bench_run(&run, &in, d);
    cmd_bench_progress_end(&progress);
    bench_run_free(run);
    return err;
}

static int run(const struct args *a)
{
    struct files f = {.model_n = 0};
    struct diag d;
    int err, code = 0;
    diag_init(&d);
    err = read_files(a, &f, &d);
    if (!err)
        err = work(a, &f, &d);
    if (err)
        code = cmd_fail("bench work of", a->data, err, &d);
    json_free(f.record);
    json_free(f.manifest);
    free(f.manifest_text);
    free(f.model);
    diag_release(&d);
    return code;
}

int cmd_bench_work(int argc, char **argv)
{
    struct args a = {.seed = 1};
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--record", .kind = CMD_TEXT, .text = &a.record},
        {.name = "--model", .kind = CMD_TEXT, .text = &a.model},
        {.name = "--endpoint", .kind = CMD_FLAG, .flag = &a.endpoint},
        {.name = "--answer-s", .kind = CMD_TEXT, .text = &a.answer},
        {.name = "--data", .kind = CMD_TEXT, .text = &a.data},
        {.name = "--queue", .kind = CMD_TEXT, .text = &a.queue},
        {.name = "--seed", .kind = CMD_TEXT, .text = &a.seed_text},
        {.name = "--jobs", .kind = CMD_TEXT, .text = &a.jobs_text},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(cmd_bench_synopsis, false);
    if (help)
        return cmd_usage(cmd_bench_synopsis, true);
    if (argc != 1 || !a.record || !a.model == !a.endpoint || !a.data || !a.queue ||
        cmd_bench_number("--seed", a.seed_text, 0, INT64_MAX, &a.seed) ||
        cmd_bench_jobs(a.jobs_text, &a.jobs) || cmd_bench_answer(a.answer, &a.answer_s))
        return cmd_usage(cmd_bench_synopsis, false);
    return run(&a);
}
