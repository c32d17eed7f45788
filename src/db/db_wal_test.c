/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's WAL goes back into the file while others write, and does not grow for ever. */
#include "db/db_sqlite_priv.h"
#include "db/db_test_support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { LIMIT = 100, ROUNDS = 600, BODY = 40000, PAGE = 4096, WRITERS = 4 };

static off_t size_of(const char *suffix)
{
    char p[PATH_MAX + 8];
    struct stat st;
    snprintf(p, sizeof p, "%s%s", t_path, suffix);
    return stat(p, &st) ? 0 : st.st_size;
}

static struct db *open_at(int limit)
{
    const struct db_config c = {.path = t_path,
                                .migrations = t_schema,
                                .n_migrations = AM_LEN(t_schema),
                                .checkpoint_pages = limit};
    struct db *d;
    assert_ok(db_open(&d, &c));
    return d;
}

static struct db *open_limited(void)
{
    return open_at(LIMIT);
}

static size_t turns(struct db *d)
{
    return db_wal_turns(((struct db_lite *)d->writer)->wal);
}

static int put(struct db_conn *c, void *arg)
{
    static const char body[BODY] = "x";
    const int64_t *id = arg;
    char name[32];
    snprintf(name, sizeof name, "n%lld", (long long)*id);
    return db_exec(c, "insert into item (id, name, body) values ($1, $2, $3)", "isb", *id,
                   str_c(name), (struct str){body, sizeof body});
}

/* Ten pages a row: without checkpoints the WAL would have 6,000 pages. */
static void the_wal_stays_small_and_nothing_is_lost(void **state)
{
    struct db *d = open_limited();
    off_t most = 0;
    int64_t n = 0;
    (void)state;
    for (int64_t i = 1; i <= ROUNDS; i++) {
        assert_ok(db_write(d, put, &i));
        most = AM_MAX(most, size_of("-wal"));
    }
    assert_true(turns(d) > 0);
    assert_ok(db_read(d, t_count_fn, &n));
    assert_int_equal(n, ROUNDS);
    assert_true(most > LIMIT * PAGE); /* it did wait for the limit */
    assert_true(most < (4 * LIMIT + 50) * (off_t)(PAGE + 24));
    assert_true(size_of("") > (off_t)BODY * ROUNDS / 2); /* in the file, before closing */
    db_close(d);
    assert_int_equal(size_of("-wal"), 0);
    d = open_limited();
    assert_ok(db_check(d));
    assert_ok(db_read(d, t_count_fn, &n));
    assert_int_equal(n, ROUNDS);
    db_close(d);
}

/* Far below the limit the file already gets what the WAL holds, step by step. */
static void a_wal_is_copied_as_it_grows(void **state)
{
    struct db *d = open_at(100000);
    const int64_t step = 1100 / (BODY / PAGE + 1);
    (void)state;
    for (int64_t i = 1, at = 1; i <= 3; i++) {
        for (; at <= i * step; at++)
            assert_ok(db_write(d, put, &at));
        /* a row is some 14 pages of the WAL, so two thirds are copied at least */
        assert_eventually(size_of("") > (off_t)BODY * i * step / 2);
        assert_true(turns(d) >= 1);
    }
    db_close(d);
}

struct crowd {
    struct db *d;
    atomic_long next;
    atomic_bool end;
};

static void *write_many(void *arg)
{
    struct crowd *k = arg;
    for (;;) {
        int64_t id = atomic_fetch_add(&k->next, 1) + 1;
        if (id > ROUNDS)
            return NULL;
        assert_ok(db_write(k->d, put, &id));
    }
}

static void *read_on(void *arg)
{
    struct crowd *k = arg;
    int64_t n = 0, before = 0;
    while (!atomic_load(&k->end)) {
        assert_ok(db_read(k->d, t_count_fn, &n));
        assert_true(n >= before);
        before = n;
    }
    return NULL;
}

static void readers_and_writers_meet_no_checkpoint(void **state)
{
    pthread_t t[WRITERS], reader;
    struct crowd k = {.d = open_limited()};
    int64_t n = 0;
    (void)state;
    assert_int_equal(pthread_create(&reader, NULL, read_on, &k), 0);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, write_many, &k), 0);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    atomic_store(&k.end, true);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_ok(db_read(k.d, t_count_fn, &n));
    assert_int_equal(n, ROUNDS);
    db_close(k.d);
}

/* The file is written anew while the thread may be at its work: it waits for it. */
static void a_scrub_cuts_the_wal_to_nothing(void **state)
{
    struct db *d = open_limited();
    (void)state;
    for (int64_t i = 1; i <= ROUNDS; i++)
        assert_ok(db_write(d, put, &i));
    assert_ok(db_scrub(d));
    assert_int_equal(size_of("-wal"), 0);
    db_close(d);
}

/* A disk that is full at the last moment is told of: closing would not say so. */
static void a_settled_file_is_whole_by_itself(void **state)
{
    struct db *d = open_limited();
    struct rlimit was, small;
    (void)state;
    for (int64_t id = 1; id <= 5; id++)
        assert_ok(db_write(d, put, &id));
    assert_true(size_of("-wal") > 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 16 * PAGE; /* the rows are of 50 */
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_true(db_settle(d) != AM_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_true(size_of("-wal") > 0);
    assert_ok(db_settle(d));
    assert_int_equal(size_of("-wal"), 0);
    assert_true(size_of("") > 5 * (off_t)BODY);
    db_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_wal_stays_small_and_nothing_is_lost, t_setup,
                                        t_teardown),
        cmocka_unit_test_setup_teardown(a_wal_is_copied_as_it_grows, t_setup, t_teardown),
        cmocka_unit_test_setup_teardown(readers_and_writers_meet_no_checkpoint, t_setup,
                                        t_teardown),
        cmocka_unit_test_setup_teardown(a_scrub_cuts_the_wal_to_nothing, t_setup,
                                        t_teardown),
        cmocka_unit_test_setup_teardown(a_settled_file_is_whole_by_itself, t_setup,
                                        t_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
