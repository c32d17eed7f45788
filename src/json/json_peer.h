/* SPDX-License-Identifier: Apache-2.0 */
/* json_peer -- for tests only: runs another implementation on a file and reads its
 * verdict. */
#ifndef JSON_PEER_H
#define JSON_PEER_H

#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

/* Runs argv with in_path as standard input; its output goes to out. Its exit status, or
 * 127 when there is no such program. */
static inline int json_peer_run(const char *const argv[], const char *in_path,
                                struct buf *out)
{
    int fd[2], status = 0;
    char part[4096];
    ssize_t n;
    pid_t pid;
    if (pipe(fd))
        return 127;
    pid = fork();
    if (pid == 0) {
        if (!freopen(in_path, "r", stdin) || dup2(fd[1], STDOUT_FILENO) < 0)
            _exit(127);
        close(fd[0]);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(fd[1]);
    while (pid > 0 && (n = read(fd[0], part, sizeof part)) > 0)
        if (buf_add(out, (struct str){part, (size_t)n}))
            break;
    close(fd[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 127;
    return WEXITSTATUS(status);
}

/* Writes text to a new file under /tmp; path is a mkstemp template. */
static inline bool json_peer_file(char *path, struct str text)
{
    int fd = mkstemp(path);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    if (fd >= 0)
        close(fd);
    return ok;
}

#endif
