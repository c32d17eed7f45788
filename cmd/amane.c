/* SPDX-License-Identifier: Apache-2.0 */
/* amane -- finds the command named on the line and runs it. */
#include <signal.h>

#include "cmd.h"
#include "model/model.h"
#include "raster/raster.h"
#include "worker/worker.h"

static const struct {
    const char *noun;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
#define X(noun, help) {#noun, cmd_##noun, help},
    CMD_TABLE(X)
#undef X
};

static const struct worker_role roles[] = {{"model", model_worker_main},
                                           {"raster", raster_worker_main}};

static int help(FILE *to, int code)
{
    enum text_lang l = cmd_lang(TEXT_EN);
    fprintf(to,
            "amane: %.*s\n"
            "usage: amane <command> [arguments]      amane <command> -h\n\n",
            STR_FMT(text_get(l, "cmd.help_what")));
    for (size_t i = 0; i < AM_LEN(commands); i++) {
        struct str said = cmd_help(l, commands[i].noun, commands[i].help);
        fprintf(to, "  %-10s %.*s\n", commands[i].noun, STR_FMT(said));
    }
    fprintf(to, "\n%.*s\n", STR_FMT(text_get(l, "cmd.help_exit")));
    return code;
}

int main(int argc, char **argv)
{
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    signal(SIGPIPE,
           SIG_IGN); /* a reader that goes away is an error we report, not death */
    if (argc < 2)
        return help(stderr, 2);
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
        return help(stdout, 0);
    if (!strcmp(argv[1], "--version")) {
        puts("amane " AMANE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < AM_LEN(commands); i++)
        if (!strcmp(argv[1], commands[i].noun))
            return commands[i].run(argc - 1, argv + 1);
    cmd_complain("cmd.usage.command", argv[1], NULL);
    return help(stderr, 2);
}
