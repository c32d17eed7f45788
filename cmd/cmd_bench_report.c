/* SPDX-License-Identifier: Apache-2.0 */
/* amane bench report -- the report of a run as one HTML file (module report). What it
 * reads may come from anybody: it is checked, and a folder that contradicts itself is
 * refused, every problem named; exit 1. */
#include "cmd_bench.h"
#include "report/report.h"
#include "web/web.h"

static int write_report(const struct report *r, enum text_lang l, const char *path,
                        unsigned mode, struct diag *d)
{
    struct buf html;
    int err;
    buf_init(&html, (size_t)256 << 20);
    err = report_html(r, l, &html, d);
    if (!err)
        err = am_file_write(path, buf_str(&html), mode);
    buf_release(&html);
    return err;
}

int cmd_bench_reports(const char *dir, unsigned mode, struct diag *d)
{
    struct report *r = NULL;
    char path[4096];
    int err = web_init(d);
    if (!err)
        err = report_read(&r, dir, d);
    for (int l = 0; l < TEXT_LANGS && !err; l++) {
        int n = snprintf(path, sizeof path, "%s/report.%s.html", dir,
                         text_lang_code((enum text_lang)l));
        err = n < 0 || (size_t)n >= sizeof path
                  ? AM_E_TOOBIG
                  : write_report(r, (enum text_lang)l, path, mode, d);
    }
    report_free(r);
    web_release();
    return err;
}

int cmd_bench_report(int argc, char **argv)
{
    const char *lang = NULL, *out = NULL;
    enum text_lang l = TEXT_FR;
    struct report *r = NULL;
    struct diag d;
    bool help;
    int err, code = 0;
    const struct cmd_opt opt[] = {
        {.name = "--lang", .kind = CMD_TEXT, .text = &lang},
        {.name = "--out", .kind = CMD_TEXT, .text = &out},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(cmd_bench_synopsis, false);
    if (help)
        return cmd_usage(cmd_bench_synopsis, true);
    if (argc != 2 || !out)
        return cmd_usage(cmd_bench_synopsis, false);
    if (lang && !text_lang_parse(str_c(lang), &l)) {
        cmd_complain("cmd.usage.one_of", "--lang", "fr, ar, en");
        return cmd_usage(cmd_bench_synopsis, false);
    }
    diag_init(&d);
    err = web_init(&d);
    if (!err)
        err = report_read(&r, argv[1], &d);
    if (!err)
        err = write_report(r, l, out, 0644, &d);
    if (err)
        code = cmd_fail("bench report of", argv[1], err, &d);
    report_free(r);
    web_release();
    diag_release(&d);
    return code;
}
