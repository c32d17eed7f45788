/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the demo: tools that end, servers that stay until told. Ended by pid. */
#include "demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { DEMO_ARGS = 40, DEMO_OUT_MAX = 64 << 20, DEMO_START_MS = 120000 };

/* argv without the program, NULL-terminated; stdout to fd, stderr to the log file. */
static int demo_spawn(struct demo *m, const char *const *argv, int out, const char *log,
                      pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    char *args[DEMO_ARGS + 2];
    size_t n = 0;
    int err;
    args[n++] = m->program;
    while (argv[n - 1] && n <= DEMO_ARGS) {
        args[n] = (char *)(uintptr_t)argv[n - 1]; /* posix_spawn does not write to them */
        n++;
    }
    args[n] = NULL;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, log,
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    err = posix_spawn(pid, m->program, &fa, NULL, args, environ);
    posix_spawn_file_actions_destroy(&fa);
    return err ? AM_E_IO : AM_OK;
}

static int demo_drain(int fd, struct buf *out)
{
    char chunk[65536];
    for (;;) {
        ssize_t k = read(fd, chunk, sizeof chunk);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? AM_E_IO : AM_OK;
        if (out) {
            int err = buf_add(out, (struct str){chunk, (size_t)k});
            if (err)
                return err;
        }
    }
}

int demo_tool(struct demo *m, struct buf *out, const char *const *argv)
{
    char log[DEMO_PATH + 32];
    int fd[2], status, err;
    pid_t pid;
    snprintf(log, sizeof log, "%s/tools.log", m->dir);
    if (pipe2(fd, O_CLOEXEC))
        return -1;
    err = demo_spawn(m, argv, fd[1], log, &pid);
    close(fd[1]);
    if (!err)
        err = demo_drain(fd[0], out);
    close(fd[0]);
    if (err)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Below the range the system gives to outgoing connections (32768 to 60999 unless it was
 * set otherwise): a server that starts seconds later would find its port taken by any
 * client. */
unsigned demo_free_port(void)
{
    enum { FIRST = 20000, LAST = 32000, TRIES = 100 };
    for (int i = 0; i < TRIES; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        uint32_t drawn = 0;
        unsigned port;
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool free_now;
        if (crypto_random(&drawn, sizeof drawn))
            drawn = (uint32_t)time_mono();
        port = FIRST + drawn % (LAST - FIRST);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons((uint16_t)port);
        free_now = s >= 0 && bind(s, (struct sockaddr *)&a, sizeof a) == 0;
        if (s >= 0)
            close(s);
        if (free_now)
            return port;
    }
    return 0;
}

/* Reads the ready line: one JSON line on stdout. */
static int demo_await_ready(int fd)
{
    int64_t end = time_mono() + (int64_t)DEMO_START_MS * 1000;
    char line[512];
    size_t n = 0;
    while (n + 1 < sizeof line && time_mono() < end) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t k;
        if (poll(&p, 1, 200) <= 0)
            continue;
        k = read(fd, line + n, 1);
        if (k <= 0)
            return AM_E_UNAVAILABLE; /* it died before it was ready */
        if (line[n++] == '\n')
            return AM_OK;
    }
    return AM_E_TIMEOUT;
}

int demo_server(struct demo *m, const char *const *argv, const char *log, int *pid)
{
    int fd[2], err;
    pid_t p;
    if (pipe2(fd, O_CLOEXEC))
        return AM_E_IO;
    err = demo_spawn(m, argv, fd[1], log, &p);
    close(fd[1]);
    if (!err) {
        *pid = p;
        err = demo_await_ready(fd[0]);
    }
    close(fd[0]);
    if (err)
        demo_fail(m, argv[0], log);
    return err;
}

void demo_stop_server(int *pid)
{
    int status;
    if (*pid <= 0)
        return;
    kill(*pid, SIGTERM);
    for (int i = 0; i < 100; i++) {
        if (waitpid(*pid, &status, WNOHANG) == *pid) {
            *pid = 0;
            return;
        }
        usleep(100000);
    }
    kill(*pid, SIGKILL);
    waitpid(*pid, &status, 0);
    *pid = 0;
}
