/* SPDX-License-Identifier: Apache-2.0 */
/* amane -- finds the command named on the line and runs it. */
#include <signal.h>

#include "cmd.h"
#include "model/model.h"
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

static const struct worker_role roles[] = {{"model", model_worker_main}};

static int help(FILE *to, int code)
{
    fputs("amane: every AI tool in a hospital known, evaluated, traced, supervised.\n"
          "usage: amane <command> [arguments]      amane <command> -h\n\n",
          to);
    for (size_t i = 0; i < AM_LEN(commands); i++)
        fprintf(to, "  %-10s %s\n", commands[i].noun, commands[i].help);
    fputs("\nExit status: 0 ok, 1 negative answer, 2 usage, 3 failure.\n", to);
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
