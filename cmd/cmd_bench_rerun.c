/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench rerun -- executes a run once more, model and all, and compares what it
 * gives with what was left: measures, scores, curves, and the answers byte for byte. */
#include "cmd_bench.h"
#include "cmd_bench_kept.h"
#include "model/model.h"

static void progress(void *cookie, const char *step, uint64_t done, uint64_t total)
{
    (void)cookie;
    fprintf(stderr, "bench: %s %llu/%llu\n", step, (unsigned long long)done,
            (unsigned long long)total);
}

static int compare_answers(struct kept *k)
{
    int err = AM_OK;
    for (size_t i = 0; bench_family_name(i) && !err; i++) {
        const char *family = bench_family_name(i);
        struct str was = STR_NULL;
        char name[96];
        struct buf b;
        for (size_t j = 0; j < k->n_answers; j++)
            if (!strcmp(k->answers[j].family, family))
                was = k->answers[j].bytes;
        buf_init(&b, (size_t)1 << 30);
        err = bench_answers(k->run, family, &b);
        snprintf(name, sizeof name, "answers-%s.bin", family);
        if (!err && !str_eq(was, buf_str(&b)))
            diag_err(&k->d, name, "kept.bytes", "other bytes than this run gives");
        buf_release(&b);
    }
    return err;
}

static int rerun(struct kept *k, const char *model, unsigned threads)
{
    struct bench_input in = {.jobs = threads, .progress = progress};
    struct kept_file file = {0};
    int err = am_file_read(model, MODEL_FILE_MAX, &file.p, &file.n);
    if (err)
        diag_err(&k->d, model, "file", "%s", am_err_text(err));
    in.model = (struct str){file.p, file.n};
    if (!err)
        err = cmd_kept_run(k, &in);
    if (!err)
        err = cmd_kept_compare(k);
    if (!err)
        err = compare_answers(k);
    free(file.p);
    return err;
}

int cmd_bench_rerun(int argc, char **argv)
{
    const char *record = NULL, *data = NULL, *model = NULL, *jobs = NULL;
    int64_t threads = 0;
    struct kept *k;
    bool json = false, help;
    int err, code;
    const struct cmd_opt opt[] = {
        {.name = "--record", .kind = CMD_TEXT, .text = &record},
        {.name = "--data", .kind = CMD_TEXT, .text = &data},
        {.name = "--model", .kind = CMD_TEXT, .text = &model},
        {.name = "--jobs", .kind = CMD_TEXT, .text = &jobs},
        {.name = "--json", .kind = CMD_FLAG, .flag = &json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(cmd_bench_synopsis, false);
    if (help)
        return cmd_usage(cmd_bench_synopsis, true);
    if (argc != 2 || !model || !data)
        return cmd_usage(cmd_bench_synopsis, false);
    if (jobs && str_int(str_c(jobs), 1, BENCH_JOBS_MAX, &threads)) {
        cmd_complain("cmd.usage.whole", "--jobs", jobs);
        return cmd_usage(cmd_bench_synopsis, false);
    }
    k = am_calloc(1, sizeof *k);
    if (!k)
        return am_err_exit(AM_E_NOMEM);
    diag_init(&k->d);
    err = cmd_kept_read(k, argv[1], record, data);
    if (!err)
        err = rerun(k, model, (unsigned)threads);
    code = cmd_kept_tell(k, "bench rerun of", err, json);
    cmd_kept_release(k);
    free(k);
    return code;
}
