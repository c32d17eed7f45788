/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench verify -- makes the numbers of a run again without its model, from what it
 * left and, with --data, the data; compares every one to the last bit. */
#include "cmd_bench.h"
#include "cmd_bench_kept.h"
#include "model/model.h"

static int verify(struct kept *k, const char *model)
{
    const struct bench_kept kept = {.scores = {k->scores.p, k->scores.n},
                                    .answers = k->answers,
                                    .n = k->n_answers,
                                    .data = k->data_path != NULL,
                                    .only = k->summary ? NULL : k->evidence[0].family};
    struct bench_input in = {.kept = &kept};
    struct kept_file file = {0};
    int err = AM_OK;
    if (model)
        err = am_file_read(model, MODEL_FILE_MAX, &file.p, &file.n);
    if (err)
        diag_err(&k->d, model, "file", "%s", am_err_text(err));
    in.model = (struct str){file.p, file.n};
    if (!err)
        err = cmd_kept_run(k, &in);
    if (!err)
        err = cmd_kept_compare(k);
    free(file.p);
    return err;
}

int cmd_bench_verify(int argc, char **argv)
{
    const char *record = NULL, *data = NULL, *model = NULL;
    struct kept *k;
    bool json = false, help;
    int err, code;
    const struct cmd_opt opt[] = {
        {.name = "--record", .kind = CMD_TEXT, .text = &record},
        {.name = "--data", .kind = CMD_TEXT, .text = &data},
        {.name = "--model", .kind = CMD_TEXT, .text = &model},
        {.name = "--json", .kind = CMD_FLAG, .flag = &json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(cmd_bench_synopsis, false);
    if (help)
        return cmd_usage(cmd_bench_synopsis, true);
    if (argc != 2)
        return cmd_usage(cmd_bench_synopsis, false);
    k = am_calloc(1, sizeof *k);
    if (!k)
        return am_err_exit(AM_E_NOMEM);
    diag_init(&k->d);
    err = cmd_kept_read(k, argv[1], record, data);
    if (!err)
        err = verify(k, model);
    code = cmd_kept_tell(k, "bench verify of", err, json);
    cmd_kept_release(k);
    free(k);
    return code;
}
