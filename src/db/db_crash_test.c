/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of the machine: kill -9 at any moment, a disk that fills, no memory. What a kill
 * cannot show is a power cut: that rests on synchronous=FULL, asserted here by reading it
 * back. */
#include "db/db_test_support.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { KILLS = 100, KILLS_PG = 25, CHILD_THREADS = 4 };

struct child {
    struct db *d;
    int pipe, first;
};

/* Acknowledged = the id is in the pipe, after db_write() said so. */
static void *child_writes(void *arg)
{
    struct child *w = arg;
    for (int32_t id = w->first;; id += CHILD_THREADS) {
        if (db_write(w->d, t_insert, &(struct t_item){.id = id}) ||
            write(w->pipe, &id, sizeof id) != sizeof id)
            _exit(3);
    }
    return NULL;
}

static void child_main(int pipe, int first)
{
    struct db *d = NULL;
    struct db_config c = t_config();
    struct child w[CHILD_THREADS];
    pthread_t t;
    if (db_open(&d, &c))
        _exit(2);
    for (int i = 0; i < CHILD_THREADS; i++) {
        w[i] = (struct child){d, pipe, first + i};
        if (pthread_create(&t, NULL, child_writes, &w[i]))
            _exit(2);
    }
    pause();
}

static int present(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "select 1 from item where id = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, *(int32_t *)arg);
    err = db_step(s, &row);
    return err ? err : row ? AM_OK : AM_E_NOTFOUND;
}

static void killed_at_any_moment_nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    int64_t acknowledged = 0;
    unsigned seed = 1;
    for (int k = 0; k < (t_pg ? KILLS_PG : KILLS); k++) {
        int p[2], status;
        int32_t id;
        pid_t pid;
        struct db *d;
        assert_int_equal(pipe(p), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child_main(p[1], k * 1000000 + 1);
        close(p[1]);
        assert_int_equal(read(p[0], &id, sizeof id), sizeof id);
        seed = seed * 1103515245u + 12345u;
        usleep(seed / 65536u % 12000u); /* up to 12 ms into the work */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        d = t_open();
        do {
            assert_ok(db_read(d, present, &id));
            acknowledged++;
        } while (read(p[0], &id, sizeof id) == sizeof id);
        close(p[0]);
        assert_true(t_count(d) >= acknowledged);
        if (k % 10 == 9)
            assert_ok(db_check(d));
        db_close(d);
    }
    print_message("%lld acknowledged rows, all present\n", (long long)acknowledged);
}

static int settings(struct db_conn *c, void *arg)
{
    static const struct {
        const char *sql, *value;
    } want[] = {{"pragma synchronous", "2"},
                {"pragma journal_mode", "wal"},
                {"pragma foreign_keys", "1"},
                {"pragma page_size", "4096"}};
    (void)arg;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        struct db_stmt *s;
        bool row;
        assert_ok(db_prepare(c, want[i].sql, &s));
        assert_ok(db_step(s, &row));
        assert_str_equal(db_str(s, 0), want[i].value);
    }
    return AM_OK;
}

static void the_writer_syncs_fully(void **state)
{
    (void)state;
    struct db *d = t_open();
    assert_ok(db_write(d, settings, NULL));
    db_close(d);
}

static int big(struct db_conn *c, void *arg)
{
    static char body[32768];
    return db_exec(c, "insert into item (id, name, body) values ($1, $2, $3)", "isb",
                   *(int64_t *)arg, str_c("big"), (struct str){body, sizeof body});
}

/* A limit on the file's size gives the write errors of a full disk, without a disk. */
static void full_disk_child(void)
{
    struct rlimit small, old;
    struct db *d = t_open();
    int64_t id = 1, before;
    int err = AM_OK;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 400000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (; id < 100000 && !err; id++)
        err = db_write(d, t_insert, &(struct t_item){.id = id});
    assert_int_equal(err, AM_E_NOSPACE);
    before = t_count(d);
    assert_int_equal(before, id - 2); /* all but the one that was refused */
    assert_int_equal(db_write(d, big, &id), AM_E_NOSPACE);
    assert_int_equal(t_count(d), before);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0); /* somebody made room */
    assert_ok(db_write(d, big, &id));
    assert_int_equal(t_count(d), before + 1);
    assert_ok(db_check(d));
    db_close(d);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    test_in_child(full_disk_child);
}

/* ---- memory: SQLite's own allocations fail in turn as well ---- */
static void *lite_malloc(int n)
{
    return am_malloc((size_t)n);
}

static void *lite_realloc(void *p, int n)
{
    return am_realloc(p, (size_t)n, 1);
}

static int lite_size(void *p)
{
    return p ? (int)malloc_usable_size(p) : 0;
}

static int lite_roundup(int n)
{
    return (n + 7) & ~7;
}

static int lite_init(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void lite_shutdown(void *unused)
{
    (void)unused;
}

static const sqlite3_mem_methods lite = {lite_malloc,   free,         lite_realloc,
                                         lite_size,     lite_roundup, lite_init,
                                         lite_shutdown, NULL};

static void survives_no_memory(void **state)
{
    (void)state;
    long n, failures = 0;
    for (n = 1;; n++) {
        struct db *d = NULL;
        struct db_config c = t_config();
        int64_t rows = -1;
        int err;
        c.readers = 1;
        am_oom_at(n);
        err = db_open(&d, &c);
        if (!err)
            err = db_write(d, t_insert, &(struct t_item){.id = n});
        if (!err)
            err = db_read(d, t_count_fn, &rows);
        db_close(d);
        if (!am_oom_at(0))
            break;
        failures += err == AM_E_NOMEM;
        /* SQLite does without some of its caches: then the call succeeded. */
        assert_true(err == AM_OK || err == AM_E_NOMEM);
    }
    print_message("%ld allocations failed in turn, %ld calls refused\n", n - 1, failures);
    assert_true(failures > 20);
    struct db *d = t_open();
    assert_ok(db_check(d));
    db_close(d);
}

struct nested {
    struct db *d;
    int (*call)(struct db *d, db_fn *fn, void *arg);
};

static int nested_fn(struct db_conn *c, void *arg)
{
    const struct nested *n = arg;
    int64_t rows;
    (void)c;
    return n->call(n->d, t_count_fn, &rows);
}

/* It could wait for itself for ever, so it aborts at once, on the first try. */
static void calls_that_nest_abort(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        int status;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct nested n = {t_open(), i & 1 ? db_read : db_write};
            close(2); /* the message is expected */
            signal(SIGABRT, SIG_DFL);
            if ((i & 2 ? db_read : db_write)(n.d, nested_fn, &n))
                _exit(2);
            _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest both[] = {
        T(killed_at_any_moment_nothing_acknowledged_is_lost), T(calls_that_nest_abort),
        T(survives_no_memory)};
    const struct CMUnitTest file[] = {T(the_writer_syncs_fully),
                                      T(a_full_disk_refuses_and_recovers)};
    int bad;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &lite) != SQLITE_OK)
        return 1;
    bad = cmocka_run_group_tests_name("files", file, NULL, NULL);
    return bad + t_run_both(both, AM_LEN(both));
}
