/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side: starting, calling, ending. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/worker_priv.h"

struct worker {
    pid_t pid;
    int sock, pidfd;
    unsigned reply_ms;
    bool ended;
    char end[40], role[32];
};

static char worker_program[4096];

void worker_set_program(const char *path)
{
    am_assert(strlen(path) < sizeof worker_program);
    memcpy(worker_program, path, strlen(path) + 1);
}

static const char *worker_path(void)
{
    const char *env = getenv("AMANE_PROGRAM");
    if (worker_program[0])
        return worker_program;
    return env && env[0] ? env : "/proc/self/exe";
}

static void worker_set_end(struct worker *w, int status)
{
    w->ended = true;
    if (WIFSIGNALED(status))
        snprintf(w->end, sizeof w->end, "signal %d%s", WTERMSIG(status),
                 WTERMSIG(status) == SIGSYS ? " (seccomp)" : "");
    else
        snprintf(w->end, sizeof w->end, "exit %d", WEXITSTATUS(status));
}

/* Reaps if it has ended; waits up to wait_ms for that. */
static bool worker_reap(struct worker *w, int wait_ms)
{
    struct pollfd p = {.fd = w->pidfd, .events = POLLIN};
    int status = 0;
    pid_t k;
    if (w->ended)
        return true;
    if (wait_ms > 0)
        while (poll(&p, 1, wait_ms) < 0 && errno == EINTR)
            continue;
    do
        k = waitpid(w->pid, &status, WNOHANG);
    while (k < 0 && errno == EINTR);
    if (k == w->pid) {
        worker_set_end(w, status);
    } else if (k < 0) { /* somebody else reaped it: how it ended is lost */
        w->ended = true;
        snprintf(w->end, sizeof w->end, "unknown");
    }
    return w->ended;
}

static void worker_kill(struct worker *w)
{
    if (worker_reap(w, 0))
        return;
    kill(w->pid, SIGKILL);
    while (!worker_reap(w, 1000))
        continue; /* a killed process ends: only the kernel can be slow */
}

static void worker_limit(pid_t pid, int what, rlim_t soft, rlim_t hard)
{
    struct rlimit r = {.rlim_cur = soft, .rlim_max = hard};
    /* A child that is already gone is found out at the first call. */
    if (prlimit(pid, (enum __rlimit_resource)what, &r, NULL) && errno != ESRCH)
        LOG_E("worker.rlimit", log_i("what", what), log_i("errno", errno));
}

/* From outside, so that the limits need no trust in the child's start-up code. */
static void worker_limits_set(pid_t pid, const struct worker_limits *l)
{
    rlim_t memory = l->memory_b ? l->memory_b : (rlim_t)2 << 30;
    rlim_t cpu = l->cpu_s ? l->cpu_s : 600;
    if (!WORKER_SHADOW)
        worker_limit(pid, RLIMIT_AS, memory, memory);
    worker_limit(pid, RLIMIT_CPU, cpu, cpu + 1);
    worker_limit(pid, RLIMIT_CORE, 0, 0);
    worker_limit(pid, RLIMIT_NOFILE, 32, 32);
    worker_limit(pid, RLIMIT_MEMLOCK, 0, 0);
}

static int worker_actions(posix_spawn_file_actions_t *fa, posix_spawnattr_t *at, int sock)
{
    sigset_t none, all;
    int e = 0;
    sigemptyset(&none);
    sigfillset(&all);
    e |= posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);
    e |= posix_spawn_file_actions_addopen(fa, 1, "/dev/null", O_WRONLY, 0);
    e |= posix_spawn_file_actions_adddup2(fa, sock, WORKER_FD);
    e |= posix_spawn_file_actions_addclosefrom_np(fa, WORKER_FD + 1);
    e |= posix_spawnattr_setsigmask(at, &none);
    e |= posix_spawnattr_setsigdefault(at, &all);
    e |= posix_spawnattr_setflags(at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return e;
}

/* The child's environment: nothing of ours but the place of the model runtime. */
static int worker_exec(pid_t *pid, const char *role, int sock)
{
    char path[4096], name[] = "worker",
                     asan[] = "ASAN_OPTIONS=detect_leaks=0:"
                              "allocator_may_return_null=1";
    char copy[32], ort[4096] = "";
    char *argv[] = {path, name, copy, NULL};
    char *envp[] = {ort, WORKER_SHADOW ? asan : NULL, NULL};
    const char *o = getenv("AMANE_ORT");
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    int e;
    snprintf(path, sizeof path, "%s", worker_path());
    snprintf(copy, sizeof copy, "%s", role);
    snprintf(ort, sizeof ort, "AMANE_ORT=%s", o ? o : "");
    if ((e = posix_spawn_file_actions_init(&fa)))
        return am_err_errno(e);
    if ((e = posix_spawnattr_init(&at))) {
        posix_spawn_file_actions_destroy(&fa);
        return am_err_errno(e);
    }
    e = worker_actions(&fa, &at, sock);
    if (!e)
        e = posix_spawn(pid, path, &fa, &at, argv, envp);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    return e ? am_err_errno(e) : AM_OK;
}

int worker_spawn(struct worker **out, const char *role,
                 const struct worker_limits *limits)
{
    struct worker_limits l = limits ? *limits : (struct worker_limits){0};
    struct worker *w = am_calloc(1, sizeof *w);
    int sv[2], err;
    if (!w)
        return AM_E_NOMEM;
    am_assert(strlen(role) < sizeof w->role);
    snprintf(w->role, sizeof w->role, "%s", role);
    w->reply_ms = l.reply_ms ? l.reply_ms : 30000;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv)) {
        err = am_err_errno(errno);
        goto err0;
    }
    err = worker_exec(&w->pid, role, sv[1]);
    close(sv[1]);
    if (err)
        goto err1;
    w->sock = sv[0];
    w->pidfd = pidfd_open(w->pid, 0);
    if (w->pidfd < 0) {
        err = am_err_errno(errno);
        goto err2;
    }
    worker_limits_set(w->pid, &l);
    *out = w;
    return AM_OK;
err2:
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
err1:
    close(sv[0]);
err0:
    LOG_E("worker.spawn", log_s("role", role), log_err(err));
    free(w);
    return err;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (!worker_reap(w, 0)) {
        kill(w->pid, SIGTERM);
        if (!worker_reap(w, 200))
            worker_kill(w);
    }
    close(w->sock);
    close(w->pidfd);
    free(w);
}

bool worker_alive(struct worker *w)
{
    return !worker_reap(w, 0);
}

int worker_pid(const struct worker *w)
{
    return (int)w->pid;
}

const char *worker_end(const struct worker *w)
{
    return w->end;
}

/* After any failure on the wire the stream is out of step: the child has to go. */
static int worker_give_up(struct worker *w, int err)
{
    if (err == AM_E_UNAVAILABLE)
        worker_reap(w, 1000); /* it closed its end: it is dying by itself */
    worker_kill(w);
    LOG_W("worker.ended", log_s("role", w->role), log_s("how", w->end), log_err(err));
    return err;
}

int worker_call(struct worker *w, struct str request, const int *fds, size_t n_fds,
                struct buf *reply)
{
    int64_t deadline = worker_now_ms() + w->reply_ms;
    size_t before = reply->n;
    int err;
    if (request.n > WORKER_FRAME_MAX)
        return AM_E_TOOBIG;
    if (w->ended)
        return AM_E_UNAVAILABLE;
    err = worker_frame_write(w->sock, request, fds, n_fds, deadline);
    if (!err)
        err = worker_frame_read(w->sock, reply, NULL, NULL, deadline);
    if (err) {
        buf_cut(reply, before);
        return worker_give_up(w, err);
    }
    return AM_OK;
}
