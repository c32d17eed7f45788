/* SPDX-License-Identifier: Apache-2.0 */
/* This program is its own worker: roles below, chosen by what the first frame says. */
#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/worker_priv.h"

/* ---- what the child does ------------------------------------------------------------
 */

static void child_memory_bomb(void)
{
    /* Touches 64 MiB at a time until refused; the answer says after how many. */
    int n = 0;
    for (; n < 64; n++) {
        char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            break;
        p[0] = 1;
    }
    _exit(n < 64 ? 42 : 43);
}

static void child_does(struct str what, struct buf *reply)
{
    int v = 0;
    if (str_eqc(what, "crash"))
        raise(SIGABRT);
    else if (str_eqc(what, "exit"))
        _exit(7);
    else if (str_eqc(what, "hang"))
        for (;;)
            pause();
    else if (str_eqc(what, "spin"))
        for (volatile unsigned i = 0;; i++) {
            if (WORKER_SHADOW) /* ThreadSanitizer hands signals over in calls only */
                worker_now_ms();
        }
    else if (str_eqc(what, "bomb"))
        child_memory_bomb();
    else if (str_eqc(what, "open"))
        v = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
    else if (str_eqc(what, "socket"))
        v = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    else if (str_eqc(what, "fork"))
        v = (int)syscall(SYS_fork);
    else if (str_eqc(what, "execve"))
        v = (int)syscall(SYS_execve, "/bin/true", NULL, NULL);
    else if (str_eqc(what, "exec memory"))
        v = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
            MAP_FAILED;
    else if (str_eqc(what, "kill parent"))
        v = (int)syscall(SYS_tgkill, getpid() + 1, getpid() + 1, SIGKILL);
    else if (str_eqc(what, "descriptors"))
        for (int fd = 0; fd < 256; fd++)
            v += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
    else if (str_eqc(what, "environment"))
        for (char **e = environ; *e; e++)
            v += strncmp(*e, "AMANE_ORT=", 10) != 0 && strncmp(*e, "ASAN", 4) != 0;
    if (buf_addf(reply, "%d", v))
        _exit(9);
}

/* Doubles in shared memory: adds one to each. */
static int child_shm(int fd)
{
    struct worker_shm m;
    if (worker_shm_map(&m, fd))
        return -1;
    for (size_t i = 0; i < m.size_b / sizeof(double); i++)
        ((double *)m.p)[i] += 1;
    munmap(m.p, m.size_b);
    return 0;
}

static int child_main(void)
{
    struct buf in, out;
    buf_init(&in, WORKER_FRAME_MAX);
    buf_init(&out, WORKER_FRAME_MAX);
    if (worker_enter())
        return 8;
    for (;;) {
        int fds[WORKER_FDS];
        size_t n = WORKER_FDS;
        buf_clear(&in);
        buf_clear(&out);
        if (worker_recv(&in, fds, &n))
            return 0;
        if (str_eqc(buf_str(&in), "shm")) {
            if (buf_addf(&out, "%zu %d", n, n > 0 ? child_shm(fds[0]) : -2))
                return 9;
        } else if (str_starts(buf_str(&in), STR("echo"))) {
            if (buf_add(&out, buf_str(&in)))
                return 9;
        } else {
            child_does(buf_str(&in), &out);
        }
        while (n > 0)
            close(fds[--n]);
        if (worker_send(buf_str(&out)))
            return 0;
    }
}

/* ---- the tests ----------------------------------------------------------------------
 */

static struct worker *start(const struct worker_limits *l)
{
    struct worker *w = NULL;
    assert_ok(worker_spawn(&w, "test", l));
    return w;
}

/* One call in a fresh worker; what came back, or how it ended. */
static int ask(const char *what, char *out, size_t size)
{
    struct worker *w = start(NULL);
    struct buf reply;
    int err;
    buf_init(&reply, 1000);
    err = worker_call(w, str_c(what), NULL, 0, &reply);
    snprintf(out, size, "%s", err ? worker_end(w) : reply.p);
    buf_release(&reply);
    worker_free(w);
    return err;
}

static void a_thousand_calls_echo(void **state)
{
    struct worker *w = start(NULL);
    struct buf reply;
    (void)state;
    buf_init(&reply, 1000);
    for (int i = 0; i < 1000; i++) {
        char text[40];
        snprintf(text, sizeof text, "echo %d", i);
        buf_clear(&reply);
        assert_ok(worker_call(w, str_c(text), NULL, 0, &reply));
        assert_string_equal(reply.p, text);
    }
    assert_true(worker_alive(w));
    assert_string_equal(worker_end(w), "");
    buf_release(&reply);
    worker_free(w);
}

static void a_large_frame_passes_whole(void **state)
{
    struct worker *w = start(NULL);
    struct buf request, reply;
    (void)state;
    buf_init(&request, WORKER_FRAME_MAX);
    buf_init(&reply, WORKER_FRAME_MAX);
    assert_ok(buf_adds(&request, "echo"));
    while (request.n < 5000000)
        assert_ok(buf_addf(&request, "%zu,", request.n));
    assert_ok(worker_call(w, buf_str(&request), NULL, 0, &reply));
    assert_int_equal(reply.n, request.n);
    assert_memory_equal(reply.p, request.p, request.n);
    buf_release(&request);
    buf_release(&reply);
    worker_free(w);
}

static void a_request_over_the_cap_is_not_sent(void **state)
{
    struct worker *w = start(NULL);
    struct buf reply;
    char *big = am_calloc(1, WORKER_FRAME_MAX + 1);
    (void)state;
    buf_init(&reply, 100);
    assert_int_equal(
        worker_call(w, (struct str){big, WORKER_FRAME_MAX + 1}, NULL, 0, &reply),
        AM_E_TOOBIG);
    assert_ok(worker_call(w, STR("echo"), NULL, 0, &reply));
    buf_release(&reply);
    free(big);
    worker_free(w);
}

static void a_reply_over_the_buffer_ends_the_worker(void **state)
{
    struct worker *w = start(NULL);
    struct buf reply;
    (void)state;
    buf_init(&reply, 3);
    assert_int_equal(worker_call(w, STR("echo"), NULL, 0, &reply), AM_E_TOOBIG);
    assert_false(worker_alive(w));
    assert_int_equal(worker_call(w, STR("echo"), NULL, 0, &reply), AM_E_UNAVAILABLE);
    buf_release(&reply);
    worker_free(w);
}

static void crash_and_exit_are_told_apart(void **state)
{
    char how[64];
    (void)state;
    assert_int_equal(ask("crash", how, sizeof how), AM_E_UNAVAILABLE);
    assert_string_equal(how, "signal 6");
    assert_int_equal(ask("exit", how, sizeof how), AM_E_UNAVAILABLE);
    assert_string_equal(how, "exit 7");
}

static void hang_is_killed_at_the_deadline(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        /* seccomp kills at once, but a busy machine takes its time to start a program */
        const struct worker_limits l = {.reply_ms = i ? 30000 : 150};
        struct worker *w = start(&l);
        struct buf reply;
        buf_init(&reply, 100);
        /* pause() is no allowed call: the spin is what seccomp cannot stop */
        assert_int_equal(worker_call(w, i ? STR("hang") : STR("spin"), NULL, 0, &reply),
                         i ? AM_E_UNAVAILABLE : AM_E_TIMEOUT);
        assert_string_equal(worker_end(w), i ? "signal 31 (seccomp)" : "signal 9");
        buf_release(&reply);
        worker_free(w);
    }
}

static void processor_time_is_limited(void **state)
{
    const struct worker_limits l = {.cpu_s = 1, .reply_ms = 100000};
    struct worker *w = start(&l);
    struct buf reply;
    (void)state;
    buf_init(&reply, 100);
    assert_int_equal(worker_call(w, STR("spin"), NULL, 0, &reply), AM_E_UNAVAILABLE);
    assert_string_equal(worker_end(w), "signal 24"); /* SIGXCPU */
    buf_release(&reply);
    worker_free(w);
}

static void memory_is_limited(void **state)
{
    const struct worker_limits l = {.memory_b = (size_t)512 << 20};
    struct worker *w;
    struct buf reply;
    (void)state;
    if (WORKER_SHADOW) {
        print_message("RLIMIT_AS is left off under a sanitizer with shadow memory\n");
        skip();
    }
    w = start(&l);
    buf_init(&reply, 100);
    assert_int_equal(worker_call(w, STR("bomb"), NULL, 0, &reply), AM_E_UNAVAILABLE);
    assert_string_equal(worker_end(w), "exit 42");
    buf_release(&reply);
    worker_free(w);
}

static void opening_a_file_is_refused(void **state)
{
    char how[64];
    (void)state;
    assert_ok(ask("open", how, sizeof how));
    assert_int_equal(strtol(how, NULL, 10), EACCES);
}

static void forbidden_calls_kill(void **state)
{
    static const char *const what[] = {"socket", "fork", "execve", "exec memory",
                                       "kill parent"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(what); i++) {
        char how[64];
        assert_int_equal(ask(what[i], how, sizeof how), AM_E_UNAVAILABLE);
        assert_string_equal(how, "signal 31 (seccomp)");
    }
}

static void only_four_descriptors_and_no_environment_are_inherited(void **state)
{
    int leak = open("/dev/null", O_RDONLY); /* without CLOEXEC, on purpose */
    char how[64];
    (void)state;
    assert_true(leak >= 0);
    setenv("AMANE_SECRET_OF_THE_PARENT", "x", 1);
    assert_ok(ask("descriptors", how, sizeof how));
    assert_string_equal(how, "4");
    assert_ok(ask("environment", how, sizeof how));
    assert_string_equal(how, "0");
    close(leak);
}

static void shared_memory_travels_by_descriptor(void **state)
{
    struct worker *w = start(NULL);
    struct worker_shm m, fixed;
    struct buf reply;
    double *x;
    int two[2];
    (void)state;
    buf_init(&reply, 100);
    assert_ok(worker_shm_new(&m, 1000 * sizeof(double)));
    x = m.p;
    for (int i = 0; i < 1000; i++)
        x[i] = i;
    assert_ok(worker_shm_from(&fixed, STR("constant")));
    two[0] = m.fd;
    two[1] = fixed.fd;
    assert_ok(worker_call(w, STR("shm"), two, 2, &reply));
    assert_string_equal(reply.p, "2 0");
    for (int i = 0; i < 1000; i++)
        assert_true(x[i] == i + 1);
    assert_int_not_equal(ftruncate(m.fd, 8), 0); /* sealed */
    assert_int_not_equal(write(fixed.fd, "x", 1), 1);
    assert_memory_equal(fixed.p, "constant", 8);
    worker_shm_release(&m);
    worker_shm_release(&fixed);
    buf_release(&reply);
    worker_free(w);
}

static void shared_memory_that_could_shrink_is_refused(void **state)
{
    struct worker_shm m;
    int fd = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    (void)state;
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(worker_shm_map(&m, fd), AM_E_INVALID);
    close(fd);
    assert_int_equal(worker_shm_new(&m, 0), AM_E_INVALID);
}

static void an_unknown_role_is_an_exit(void **state)
{
    struct worker *w = NULL;
    struct buf reply;
    (void)state;
    buf_init(&reply, 100);
    assert_ok(worker_spawn(&w, "nobody", NULL));
    assert_int_equal(worker_call(w, STR("echo"), NULL, 0, &reply), AM_E_UNAVAILABLE);
    assert_string_equal(worker_end(w), "exit 2");
    worker_free(w);
    buf_release(&reply);
}

static void a_missing_program_is_an_error(void **state)
{
    struct worker *w = NULL;
    (void)state;
    worker_set_program("/nonexistent/amane");
    assert_int_equal(worker_spawn(&w, "test", NULL), AM_E_NOTFOUND);
    worker_set_program("/proc/self/exe");
    assert_null(w);
}

/* A middle process starts a worker, tells its pid and is killed; even a busy worker goes.
 */
static void a_worker_does_not_outlive_its_parent(void **state)
{
    (void)state;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int busy = 0; busy < 2; busy++) {
        int tube[2], status = 0, worker_pid_seen = 0;
        pid_t middle, k = 0;
        assert_int_equal(pipe(tube), 0);
        middle = fork();
        if (middle == 0) {
            struct worker *w = start(NULL);
            struct buf reply;
            int pid = worker_pid(w);
            buf_init(&reply, 100);
            if (worker_call(w, STR("echo"), NULL, 0, &reply) ||
                write(tube[1], &pid, sizeof pid) != (ssize_t)sizeof pid)
                _exit(1);
            if (busy && worker_call(w, STR("spin"), NULL, 0, &reply))
                _exit(1);
            pause();
            _exit(0);
        }
        assert_int_equal(read(tube[0], &worker_pid_seen, sizeof(int)), (int)sizeof(int));
        usleep(20000); /* let it get busy; where it is not, the test is the other one */
        kill(middle, SIGKILL);
        assert_int_equal(waitpid(middle, &status, 0), middle);
        assert_eventually(k || (k = waitpid(worker_pid_seen, &status, WNOHANG)));
        assert_int_equal(k, worker_pid_seen);
        close(tube[0]);
        close(tube[1]);
    }
}

static void freeing_ends_a_busy_worker(void **state)
{
    struct worker *w = start(NULL);
    int pid = worker_pid(w);
    (void)state;
    worker_free(w);
    assert_int_equal(kill(pid, 0), -1);
    worker_free(NULL);
}

static void no_descriptor_is_left_behind(void **state)
{
    int before = dup(0), after;
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct worker_shm m;
        char how[64];
        assert_ok(worker_shm_new(&m, 4096));
        worker_shm_release(&m);
        assert_int_equal(ask("exit", how, sizeof how), AM_E_UNAVAILABLE);
        assert_ok(ask("open", how, sizeof how));
    }
    close(before);
    after = dup(0);
    assert_int_equal(before, after);
    close(after);
}

static void allocation_failures_are_errors(void **state)
{
    (void)state;
    for (long n = 1; n < 50; n++) {
        struct worker *w = NULL;
        struct buf reply;
        int err;
        buf_init(&reply, 100);
        am_oom_at(n);
        err = worker_spawn(&w, "test", NULL);
        if (!err)
            err = worker_call(w, STR("echo"), NULL, 0, &reply);
        worker_free(w);
        buf_release(&reply);
        if (!am_oom_at(0)) {
            assert_ok(err);
            return;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    fail_msg("allocations never end");
}

int main(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"test", child_main}};
    const struct CMUnitTest t[] = {
        TEST(a_thousand_calls_echo),
        TEST(a_large_frame_passes_whole),
        TEST(a_request_over_the_cap_is_not_sent),
        TEST(a_reply_over_the_buffer_ends_the_worker),
        TEST(crash_and_exit_are_told_apart),
        TEST(hang_is_killed_at_the_deadline),
        TEST(processor_time_is_limited),
        TEST(memory_is_limited),
        TEST(opening_a_file_is_refused),
        TEST(forbidden_calls_kill),
        TEST(only_four_descriptors_and_no_environment_are_inherited),
        TEST(shared_memory_travels_by_descriptor),
        TEST(shared_memory_that_could_shrink_is_refused),
        TEST(an_unknown_role_is_an_exit),
        TEST(a_missing_program_is_an_error),
        TEST(a_worker_does_not_outlive_its_parent),
        TEST(freeing_ends_a_busy_worker),
        TEST(no_descriptor_is_left_behind),
        TEST(allocation_failures_are_errors),
    };
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code >= 0)
        return code;
    log_set_level(LOG_OFF); /* failures are what is tested here */
    worker_set_program("/proc/self/exe");
    return cmocka_run_group_tests(t, NULL, NULL);
}
