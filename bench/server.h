/* SPDX-License-Identifier: Apache-2.0 */
/* A server of ours in a process of its own, as an operator starts it (program AMANE or
 * build/amane), for benches that measure one from outside. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/test.h"

enum { SERVER_ARGS = 24 };
struct server {
    pid_t pid;
    unsigned port;
    int out;
    double ready_s; /* from its start to the line that says where it listens */
};

static inline void server_start(struct server *s, const char *const *args)
{
    char *argv[SERVER_ARGS] = {NULL}, line[1024], *at;
    const char *program = getenv("AMANE");
    posix_spawn_file_actions_t files;
    int out[2];
    size_t n = 0;
    int64_t start = time_mono();
    argv[0] = (char *)(uintptr_t)(program ? program : "build/amane");
    for (size_t i = 0; args[i]; i++) {
        assert_true(i + 2 < SERVER_ARGS);
        argv[i + 1] = (char *)(uintptr_t)args[i];
    }
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&s->pid, argv[0], &files, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    close(out[1]);
    while (n + 1 < sizeof line && (!n || line[n - 1] != '\n')) {
        ssize_t k = read(out[0], line + n, sizeof line - 1 - n);
        if (k <= 0)
            fail_msg("%s %s did not start", argv[0], args[0]);
        n += (size_t)k;
    }
    line[n] = 0;
    at = strstr(line, "127.0.0.1:");
    assert_non_null(at);
    s->port = (unsigned)strtoul(at + strlen("127.0.0.1:"), NULL, 10);
    s->out = out[0]; /* open as long as it runs */
    s->ready_s = (double)(time_mono() - start) / 1e6;
}

static inline void server_stop(struct server *s)
{
    int status;
    if (!s->pid)
        return;
    kill(s->pid, SIGTERM);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    close(s->out);
    s->pid = 0;
}

/* Resident memory of a process; 0: of this one. */
static inline double server_rss_mib(pid_t pid)
{
    char path[64], *text = NULL;
    size_t n;
    int64_t pages = 0;
    struct str rest;
    snprintf(path, sizeof path, pid ? "/proc/%d/statm" : "/proc/self/statm", (int)pid);
    if (am_file_read(path, 4096, &text, &n))
        return 0;
    (void)str_cut((struct str){text, n}, ' ', &rest);
    if (str_int(str_cut(rest, ' ', &rest), 0, INT64_MAX, &pages))
        pages = 0;
    free(text);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

#endif
