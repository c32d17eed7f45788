/* SPDX-License-Identifier: Apache-2.0 */
/* The child's side: dispatch, lock-down, frames. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/worker_priv.h"

/* Allowed whatever the arguments: memory, clocks, open descriptors, ending. */
static const int worker_allow[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(membarrier),
};

/* Libraries try these and take no for an answer. */
static const struct {
    int nr, errno_value;
} worker_refuse[] = {
    {SCMP_SYS(open), EACCES},       {SCMP_SYS(openat), EACCES},
    {SCMP_SYS(openat2), EACCES},    {SCMP_SYS(stat), EACCES},
    {SCMP_SYS(lstat), EACCES},      {SCMP_SYS(newfstatat), EACCES},
    {SCMP_SYS(statx), EACCES},      {SCMP_SYS(statfs), EACCES},
    {SCMP_SYS(access), EACCES},     {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(faccessat2), EACCES}, {SCMP_SYS(readlink), EACCES},
    {SCMP_SYS(readlinkat), EACCES}, {SCMP_SYS(getcwd), EACCES},
    {SCMP_SYS(ioctl), ENOTTY},      {SCMP_SYS(prctl), EPERM},
    {SCMP_SYS(sysinfo), EPERM},     {SCMP_SYS(get_mempolicy), EPERM},
    {SCMP_SYS(mbind), EPERM},       {SCMP_SYS(sched_setaffinity), EPERM},
};

/* Rules that look at arguments: no executable memory, no signal to others, no limits or
 * descriptor flags changed. */
static int worker_rules_args(scmp_filter_ctx f)
{
    const scmp_datum_t low = 0xffffffff; /* int arguments: the upper half is undefined */
    const scmp_datum_t me = (scmp_datum_t)getpid();
    const struct scmp_arg_cmp no_exec = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
    const struct scmp_arg_cmp self = {0, SCMP_CMP_MASKED_EQ, low, me};
    const struct scmp_arg_cmp query = {2, SCMP_CMP_EQ, 0, 0};
    const struct scmp_arg_cmp seals = {1, SCMP_CMP_MASKED_EQ, low, F_GET_SEALS};
    const struct scmp_arg_cmp getfl = {1, SCMP_CMP_MASKED_EQ, low, F_GETFL};
    const struct scmp_arg_cmp getfd = {1, SCMP_CMP_MASKED_EQ, low, F_GETFD};
    int e = 0;
    e |= seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);
    e |= seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
    e |= seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);
    e |= seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, &query);
    e |= seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &seals);
    e |= seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &getfl);
    e |= seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &getfd);
    return e;
}

static int worker_filter(void)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int e = 0;
    if (!f)
        return AM_E_NOMEM;
    e |= seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1); /* a library may have threads */
    for (size_t i = 0; i < AM_LEN(worker_allow); i++)
        e |= seccomp_rule_add(f, SCMP_ACT_ALLOW, worker_allow[i], 0);
    for (size_t i = 0; i < AM_LEN(worker_refuse); i++)
        e |= seccomp_rule_add(f, SCMP_ACT_ERRNO((uint32_t)worker_refuse[i].errno_value),
                              worker_refuse[i].nr, 0);
    e |= worker_rules_args(f);
    if (!e)
        e = seccomp_load(f);
    seccomp_release(f);
    return e ? AM_E_IO : AM_OK;
}

/* The parent's end of the socket closed while we compute: nobody wants the answer. (Not
 * PR_SET_PDEATHSIG: that fires when the *thread* that started us ends.) */
static void worker_orphan(int sig)
{
    struct pollfd p = {.fd = WORKER_FD, .events = POLLRDHUP};
    (void)sig;
    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP)))
        _exit(0);
}

static int worker_watch_parent(void)
{
    struct sigaction sa = {.sa_handler = worker_orphan, .sa_flags = SA_RESTART};
    int flags = fcntl(WORKER_FD, F_GETFL);
    if (flags < 0 || sigaction(SIGIO, &sa, NULL) ||
        fcntl(WORKER_FD, F_SETOWN, getpid()) ||
        fcntl(WORKER_FD, F_SETFL, flags | O_ASYNC))
        return AM_E_IO;
    worker_orphan(SIGIO); /* it may have gone before we watched */
    return AM_OK;
}

int worker_enter(void)
{
    int err = worker_watch_parent();
    if (!err &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)))
        err = AM_E_IO;
    if (!err)
        err = worker_filter();
    if (err)
        LOG_E("worker.enter", log_err(err), log_i("errno", errno));
    return err;
}

int worker_recv(struct buf *frame, int *fds, size_t *n_fds)
{
    return worker_frame_read(WORKER_FD, frame, fds, n_fds, 0);
}

int worker_send(struct str frame)
{
    return worker_frame_write(WORKER_FD, frame, NULL, 0, 0);
}

int worker_dispatch(int argc, char **argv, const struct worker_role *roles, size_t n)
{
    if (argc != 3 || strcmp(argv[1], "worker") != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(argv[2], roles[i].name) == 0) {
            int code = roles[i].main();
            /* Destructors of loaded libraries call what the filter forbids. */
            fflush(NULL);
            _exit(code);
        }
    fprintf(stderr, "worker: unknown role '%s'\n", argv[2]);
    return 2;
}
