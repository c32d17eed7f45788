/* SPDX-License-Identifier: Apache-2.0 */
/* The main job, end to end, on this machine: one registry and four nodes as processes,
 * all through their public HTTP API. */
#include "demo.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "web/web.h"

static const char synopsis[] =
    "usage: amane demo [--data DIR] [--real DIR | --made] [--lang fr|ar|en]\n"
    "                  [--until STEP] [--serve] [--record FILE]\n";

static int (*const demo_steps[])(struct demo *m) = {
    demo_step_actors,  demo_step_fit,    demo_step_declare,
    demo_step_bench,   demo_step_decide, demo_step_deploy,
    demo_step_predict, demo_step_stop,   demo_step_verify};

/* ---- the folder
 * ----------------------------------------------------------------------------- */
static int demo_remove(const char *path)
{
    struct dirent *e;
    DIR *d = opendir(path);
    int err = AM_OK;
    while (d && !err && (e = readdir(d))) {
        char a[PATH_MAX];
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (snprintf(a, sizeof a, "%s/%s", path, e->d_name) >= (int)sizeof a)
            err = AM_E_TOOBIG;
        else if (lstat(a, &st) == 0 && S_ISDIR(st.st_mode))
            err = demo_remove(a);
        else if (unlink(a))
            err = AM_E_IO;
    }
    if (d)
        closedir(d);
    if (!err && d && rmdir(path))
        err = AM_E_IO;
    return err;
}

/* Only a folder that an earlier demo made is ever removed. */
static int demo_prepare(struct demo *m)
{
    char mark[DEMO_PATH + 32];
    struct stat st;
    int err = AM_OK;
    snprintf(mark, sizeof mark, "%s/.amane-demo", m->dir);
    if (stat(m->dir, &st) == 0) {
        if (stat(mark, &st))
            return demo_fail(m, m->dir, "is there and was not made by the demo");
        err = demo_remove(m->dir);
    }
    if (!err)
        err = am_dir_make(m->dir, 0700);
    return err ? err : am_file_write(mark, STR("made by amane demo\n"), 0600);
}

static void demo_lang(struct demo *m, const char *lang)
{
    if (!lang || !text_lang_parse(str_c(lang), &m->lang))
        m->lang = cmd_lang(TEXT_FR);
}

static void demo_close(struct demo *m)
{
    for (size_t i = 0; i < DEMO_SITES; i++) {
        demo_stop_server(&m->site[i].pid);
        vec_release(&m->site[i].train);
        vec_release(&m->site[i].bench);
        vec_release(&m->site[i].held);
    }
    demo_stop_server(&m->pid);
    for (size_t i = 0; i < m->evidence.n; i++)
        free(m->evidence.v[i]);
    vec_release(&m->evidence);
    http_client_free(m->http);
    if (m->record && fclose(m->record))
        fprintf(stderr, "demo: --record: not all of it was written\n");
    json_free(m->cohort);
    json_free(m->policy);
    json_free(m->verdicts);
    buf_release(&m->facts);
    buf_release(&m->report);
    diag_release(&m->d);
}

static int demo_run(struct demo *m)
{
    int err = demo_prepare(m);
    jw_init(&m->w, &m->report);
    jw_arr(&m->w);
    jw_init(&m->f, &m->facts);
    jw_obj(&m->f);
    for (size_t i = 0; i < AM_LEN(demo_steps) && i < m->until && !err; i++)
        err = demo_steps[i](m);
    if (m->step) {
        jw_arr_end(&m->w);
        jw_obj_end(&m->w);
    }
    jw_arr_end(&m->w);
    jw_obj_end(&m->f);
    if (!err)
        err = jw_done(&m->w);
    if (!err)
        err = jw_done(&m->f);
    if (!err)
        err = demo_world(m);
    return err ? err : demo_report(m);
}

static void demo_serve(struct demo *m)
{
    sigset_t s;
    int sig;
    sigemptyset(&s);
    sigaddset(&s, SIGINT);
    sigaddset(&s, SIGTERM);
    sigprocmask(SIG_BLOCK, &s, NULL);
    printf("\n%s\n", m->url);
    for (size_t i = 0; i < DEMO_SITES; i++)
        printf("%s  %s\n", m->site[i].url, m->site[i].establishment);
    printf("login: medecin / demo-demo-demo    Ctrl-C\n");
    fflush(stdout);
    sigwait(&s, &sig);
}

static int demo_program(struct demo *m)
{
    ssize_t n = readlink("/proc/self/exe", m->program, sizeof m->program - 1);
    if (n <= 0)
        return AM_E_IO;
    m->program[n] = 0;
    return AM_OK;
}

int cmd_demo(int argc, char **argv)
{
    static struct demo m;
    const char *dir = NULL, *real = NULL, *lang = NULL, *until = "9", *record = NULL;
    bool made = false, help;
    struct stat st;
    int64_t steps;
    int err;
    const struct cmd_opt opt[] = {
        {.name = "--data", .kind = CMD_TEXT, .text = &dir},
        {.name = "--real", .kind = CMD_TEXT, .text = &real},
        {.name = "--made", .kind = CMD_FLAG, .flag = &made},
        {.name = "--lang", .kind = CMD_TEXT, .text = &lang},
        {.name = "--until", .kind = CMD_TEXT, .text = &until},
        {.name = "--serve", .kind = CMD_FLAG, .flag = &m.serve},
        {.name = "--record", .kind = CMD_TEXT, .text = &record}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc != 1 || (real && made) || str_int(str_c(until), 1, 9, &steps))
        return cmd_usage(synopsis, false);
    diag_init(&m.d);
    buf_init(&m.report, (size_t)64 << 20);
    buf_init(&m.facts, (size_t)16 << 20);
    demo_lang(&m, lang);
    m.started_at = time_mono();
    m.until = (unsigned)steps;
    snprintf(m.type_base, sizeof m.type_base, "https://amane.invalid/demo");
    snprintf(m.dir, sizeof m.dir, "%.900s", dir ? dir : "build/demo");
    if (!real)
        real = getenv("AMANE_HEART") ? getenv("AMANE_HEART")
                                     : "../shared/data/heart-disease-4sites";
    m.real = !made && stat(real, &st) == 0 && S_ISDIR(st.st_mode);
    snprintf(m.data, sizeof m.data, "%.1000s", real);
    err = demo_program(&m);
    if (!err && record)
        err = demo_record_open(&m, record);
    if (!err)
        err = http_client_new(&m.http);
    if (!err)
        err = demo_run(&m);
    if (!err && m.serve)
        demo_serve(&m);
    demo_close(&m);
    return err ? am_err_exit(err) : 0;
}
