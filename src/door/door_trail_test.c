/* SPDX-License-Identifier: Apache-2.0 */
/* The trail: what is told is there, what was changed is found. */
#include "base/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door/door_trail_test.h"

static void t_add(struct door_trail *t, int i)
{
    char text[64];
    snprintf(text, sizeof text, "{\"n\":%d}", i);
    assert_ok(door_trail_add(t, i, str_c(text)));
}

static int count_and_order(void *arg, const struct door_trail_item *x)
{
    uint64_t *n = arg;
    char want[64];
    snprintf(want, sizeof want, "{\"n\":%lld}", (long long)x->at);
    assert_true(str_eqc(x->text, want));
    assert_int_equal(x->seq, ++*n);
    return AM_OK;
}

static void all_is_read_back_in_order_over_files(void **state)
{
    struct door_trail *t = t_open(1000);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    uint64_t n = 0;
    (void)state;
    for (int i = 1; i <= 60; i++)
        t_add(t, i);
    door_trail_close(t);
    t = t_open(1000);
    for (int i = 61; i <= 100; i++)
        t_add(t, i);
    door_trail_close(t);
    assert_ok(door_trail_each(&r, count_and_order, &n));
    assert_int_equal(n, 100);
    assert_int_equal(r.last, 100);
    assert_true(r.files > 5);
    r.head_seq = 40;
    assert_int_equal(door_trail_each(&r, NULL, NULL), AM_E_TAMPERED); /* another digest */
}

static void first_file(char path[PATH_MAX + 64])
{
    char name[DOOR_TRAIL_NAME];
    door_trail_name(1, name);
    snprintf(path, PATH_MAX + 64, "%s/%s", t_sub, name);
}

struct back {
    uint64_t next, told, stop, opened;
    int64_t only; /* 0: all */
};

static bool back_at(void *arg, int64_t at)
{
    const struct back *b = arg;
    return !b->only || at == b->only;
}

static int back_order(void *arg, const struct door_trail_item *x)
{
    struct back *b = arg;
    char want[64];
    b->opened++;
    snprintf(want, sizeof want, "{\"n\":%lld}", (long long)x->at);
    assert_true(str_eqc(x->text, want));
    if (b->next)
        assert_int_equal(x->seq, b->next - 1);
    b->next = x->seq;
    b->told++;
    return b->told == b->stop;
}

static void the_newest_are_read_first_and_no_more_than_that(void **state)
{
    struct door_trail *t = t_open(1000);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    struct back b = {.next = 101};
    uint64_t first;
    (void)state;
    for (int i = 1; i <= 100; i++)
        t_add(t, i);
    door_trail_close(t);
    assert_ok(door_trail_back(&r, 0, NULL, back_order, &b));
    assert_int_equal(b.told, 100);
    assert_int_equal(b.next, 1);
    assert_false(r.more);
    b = (struct back){.next = 101, .stop = 3};
    assert_ok(door_trail_back(&r, 0, NULL, back_order, &b));
    assert_int_equal(b.next, 98);
    assert_int_equal(r.files, 1); /* the others were not read */
    b = (struct back){.next = 101};
    assert_ok(door_trail_back(&r, 2, NULL, back_order, &b));
    assert_true(r.more);
    assert_int_equal(r.files, 2);
    assert_int_equal(b.next, r.first);
    first = r.first;
    r.below = first; /* and goes on there */
    assert_ok(door_trail_back(&r, 0, NULL, back_order, &b));
    assert_int_equal(b.told, 100);
    assert_false(r.more);
    r.below = 0;
    b = (struct back){.only = 7};
    assert_ok(door_trail_back(&r, 0, back_at, back_order, &b));
    assert_int_equal(b.opened, 1);
    assert_int_equal(b.next, 7);
}

/* A byte of an older file, and a file that is another's. */
static void what_was_changed_is_not_told_backwards(void **state)
{
    struct door_trail *t = t_open(1000);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    struct back b = {.stop = 3};
    char path[PATH_MAX + 64];
    struct stat s;
    uint8_t byte;
    int fd;
    (void)state;
    for (int i = 1; i <= 40; i++)
        t_add(t, i);
    door_trail_close(t);
    first_file(path);
    fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &s), 0);
    for (off_t at = s.st_size - 200; at < s.st_size; at++) {
        b = (struct back){.stop = 1000};
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x20;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_int_equal(door_trail_back(&r, 0, NULL, back_order, &b), AM_E_TAMPERED);
        assert_true(b.next > 1 && b.told > 0); /* of the files after it only */
        byte ^= 0x20;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    /* whole, and shorter by a record than the next file says */
    assert_int_equal(pread(fd, &byte, 1, 64 + 3), 1); /* sealed, of n below 10 */
    assert_int_equal(ftruncate(fd, s.st_size - (12 + byte + 1 + CRYPTO_SHA256)), 0);
    b = (struct back){.stop = 1000};
    assert_int_equal(door_trail_back(&r, 0, NULL, back_order, &b), AM_E_TAMPERED);
    close(fd);
}

/* ---- several processes ---- */
static void two_writers_make_one_chain(void **state)
{
    struct door_trail *t = t_open(1000), *u = t_open(1000);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    uint64_t n = 0;
    (void)state;
    for (int i = 1; i <= 90; i++) /* in turns of 1, 2, 3... over files */
        t_add(i * i % 7 < 3 ? t : u, i);
    door_trail_close(t);
    t_add(u, 91);
    door_trail_close(u);
    assert_ok(door_trail_each(&r, count_and_order, &n));
    assert_int_equal(n, 91);
    assert_true(r.files > 5);
}

static void one_who_does_not_let_go_is_not_waited_for_for_ever(void **state)
{
    struct door_trail_config c = {.dir = t_sub, .wait_ms = 30};
    struct door_trail *t = NULL;
    struct door_trail_read r = {.dir = t_sub};
    char path[PATH_MAX + 64];
    int fd;
    (void)state;
    assert_ok(door_trail_open(&t, &c));
    snprintf(path, sizeof path, "%s/lock", t_sub);
    fd = open(path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(door_trail_add(t, 1, STR("{}")), AM_E_UNAVAILABLE);
    close(fd);
    assert_ok(door_trail_add(t, 2, STR("{}")));
    door_trail_close(t);
    assert_ok(door_trail_each(&r, NULL, NULL));
    assert_int_equal(r.last, 1);
}

/* What another left at the end, or took from it. */
static void a_writer_minds_what_another_left(void **state)
{
    struct door_trail *t = t_open(0), *u = t_open(0);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    char path[PATH_MAX + 64];
    struct stat s;
    uint64_t n = 0;
    int fd;
    (void)state;
    t_add(t, 1);
    t_add(u, 2);
    first_file(path);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\0\0\0\x30torn", 8), 8); /* he died */
    t_add(t, 3);
    assert_ok(door_trail_each(&r, count_and_order, &n));
    assert_int_equal(n, 3);
    assert_int_equal(r.torn, 1);
    assert_int_equal(fstat(fd, &s), 0);
    assert_int_equal(write(fd, "\0\0\0\1at......x", 13), 13); /* no link of the chain */
    assert_int_equal(write(fd, r.digest, sizeof r.digest), sizeof r.digest);
    assert_int_equal(door_trail_add(u, 4, STR("{}")), AM_E_TAMPERED);
    assert_int_equal(ftruncate(fd, s.st_size - 1), 0); /* of what was told */
    assert_int_equal(door_trail_add(t, 4, STR("{}")), AM_E_TAMPERED);
    close(fd);
    door_trail_close(t);
    door_trail_close(u);
}

/* Every byte of the file turned, one at a time. */
static void any_byte_changed_is_found(void **state)
{
    struct door_trail *t = t_open(0);
    struct door_trail_read r = {.dir = t_sub};
    char path[PATH_MAX + 64];
    struct stat s;
    int fd;
    (void)state;
    for (int i = 1; i <= 3; i++)
        t_add(t, i);
    door_trail_close(t);
    assert_ok(door_trail_each(&r, NULL, NULL));
    r.head_seq = 3; /* noted elsewhere */
    memcpy(r.head, r.digest, sizeof r.head);
    first_file(path);
    fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &s), 0);
    for (off_t at = 0; at < s.st_size; at++) {
        uint8_t b, other;
        if (at >= 14 && at < 16)
            continue; /* of the head, and nothing yet */
        if (at >= 56 && at < DOOR_TRAIL_HEAD)
            continue;
        assert_int_equal(pread(fd, &b, 1, at), 1);
        other = b ^ 0x20;
        assert_int_equal(pwrite(fd, &other, 1, at), 1);
        if (door_trail_each(&r, NULL, NULL) != AM_E_TAMPERED)
            fail_msg("byte %lld", (long long)at);
        assert_int_equal(pwrite(fd, &b, 1, at), 1);
    }
    close(fd);
    assert_ok(door_trail_each(&r, NULL, NULL));
}

static void a_torn_end_is_kept_apart_and_written_on(void **state)
{
    struct door_trail *t = t_open(0);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    char path[PATH_MAX + 64];
    struct stat s;
    uint64_t n = 0;
    (void)state;
    t_add(t, 1);
    t_add(t, 2);
    door_trail_close(t);
    first_file(path);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(truncate(path, s.st_size - 7), 0);
    assert_ok(door_trail_each(&r, NULL, NULL));
    assert_true(r.unfinished);
    assert_int_equal(r.last, 1);
    t = t_open(0);
    t_add(t, 2);
    door_trail_close(t);
    assert_ok(door_trail_each(&r, count_and_order, &n));
    assert_int_equal(n, 2);
    assert_int_equal(r.torn, 1);
    assert_false(r.unfinished);
}

static void a_record_changed_before_the_end_stops_the_writer(void **state)
{
    struct door_trail *t = t_open(0);
    struct door_trail_config c = {.dir = t_sub};
    char path[PATH_MAX + 64];
    int fd;
    (void)state;
    t_add(t, 1);
    t_add(t, 2);
    door_trail_close(t);
    first_file(path);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, DOOR_TRAIL_HEAD + 20), 1);
    close(fd);
    assert_int_equal(door_trail_open(&t, &c), AM_E_TAMPERED);
}

/* ---- many at once; a file that may not grow ---- */
enum { CROWD = 8, EACH = 40 };

static void *add_many(void *arg)
{
    struct door_trail *t = arg;
    for (int i = 0; i < EACH; i++)
        t_add(t, i);
    return NULL;
}

static void many_share_a_sync(void **state)
{
    struct door_trail *t = t_open(0);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    struct door_trail_stats s;
    pthread_t th[CROWD];
    (void)state;
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&th[i], NULL, add_many, t), 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(th[i], NULL);
    door_trail_stats(t, &s);
    assert_int_equal(s.records, CROWD * EACH);
    assert_true(s.syncs <= s.records);
    print_message("%llu records, %llu syncs, %d threads\n", (unsigned long long)s.records,
                  (unsigned long long)s.syncs, CROWD);
    door_trail_close(t);
    assert_ok(door_trail_each(&r, NULL, NULL));
    assert_int_equal(r.last, CROWD * EACH);
}

static void what_found_no_room_is_told_and_not_there(void **state)
{
    struct door_trail *t = t_open(0);
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    struct rlimit old, tight;
    uint64_t n = 0;
    (void)state;
    t_add(t, 1);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = (struct rlimit){300, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 3; i++)
        assert_true(door_trail_add(t, 2,
                                   STR("{\"n\":2, and a text that is much too long "
                                       "for what is left of the file's room, which "
                                       "is some hundred bytes\"}")) != AM_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    t_add(t, 2);
    door_trail_close(t);
    assert_ok(door_trail_each(&r, count_and_order, &n));
    assert_int_equal(n, 2);
}

/* ---- killed at any moment ---- */
static void child_adds(int out)
{
    struct door_trail *t = t_open(2000);
    for (int i = 1;; i++) {
        t_add(t, i);
        if (write(out, &i, sizeof i) != sizeof i) /* the reply */
            _exit(1);
    }
}

static void what_was_told_survives_a_kill(void **state)
{
    (void)state;
    for (int round = 0; round < 25; round++) {
        struct door_trail_read r = {.dir = t_sub, .key = t_key};
        int p[2], told = 0, last = 0;
        pid_t child;
        assert_int_equal(pipe(p), 0);
        child = fork();
        if (child == 0) {
            close(p[0]);
            child_adds(p[1]);
        }
        close(p[1]);
        usleep((useconds_t)(2000 + 700 * round));
        kill(child, SIGKILL);
        while (read(p[0], &told, sizeof told) == sizeof told)
            last = told;
        close(p[0]);
        waitpid(child, NULL, 0);
        if (door_trail_each(&r, NULL, NULL) == AM_E_NOTFOUND)
            continue; /* killed before the folder was */
        assert_ok(door_trail_each(&r, NULL, NULL));
        assert_true(r.last >= (uint64_t)last);
        assert_true(r.last <= (uint64_t)last + 1);
        assert_int_equal(t_teardown(NULL), 0);
        assert_int_equal(t_setup(NULL), 0);
    }
}

enum { HANDS = 3, HAND_ADDS = 60 };

static void child_hand(int out)
{
    struct door_trail *t = t_open(1500);
    for (int i = 1; i <= HAND_ADDS; i++) {
        t_add(t, i);
        if (write(out, &i, sizeof i) != sizeof i)
            _exit(1);
    }
    door_trail_close(t);
    _exit(0);
}

/* Three processes at once, one of them killed: one chain, with all that was told. */
static void processes_at_once_make_one_chain(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct door_trail_read r = {.dir = t_sub, .key = t_key};
        int p[2], one, told = 0;
        pid_t child[HANDS];
        assert_int_equal(pipe(p), 0);
        for (int i = 0; i < HANDS; i++) {
            child[i] = fork();
            if (child[i] == 0) {
                close(p[0]);
                child_hand(p[1]);
            }
        }
        close(p[1]);
        usleep((useconds_t)(4000 + 3000 * round));
        kill(child[0], SIGKILL);
        while (read(p[0], &one, sizeof one) == sizeof one)
            told++;
        close(p[0]);
        for (int i = 0; i < HANDS; i++) {
            int status;
            waitpid(child[i], &status, 0);
            if (i) /* he who was killed aside */
                assert_int_equal(status, 0);
        }
        assert_ok(door_trail_each(&r, NULL, NULL));
        assert_true(r.last >= (uint64_t)told && r.last <= (uint64_t)told + 1);
        assert_true(told >= (HANDS - 1) * HAND_ADDS);
        assert_int_equal(t_teardown(NULL), 0);
        assert_int_equal(t_setup(NULL), 0);
    }
}

static int oom_add(void)
{
    struct door_trail_config c = {.dir = t_sub};
    struct door_trail *t = NULL;
    int err;
    memcpy(c.key, t_key, sizeof c.key);
    err = door_trail_open(&t, &c);
    if (!err)
        err = door_trail_add(t, 1, STR("{}"));
    door_trail_close(t);
    return err;
}

static void without_memory_it_says_so(void **state)
{
    struct door_trail_read r = {.dir = t_sub, .key = t_key};
    (void)state;
    assert_true(test_oom(oom_add) > 3);
    assert_ok(door_trail_each(&r, NULL, NULL));
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

TEST_MAIN(T(all_is_read_back_in_order_over_files),
          T(the_newest_are_read_first_and_no_more_than_that),
          T(what_was_changed_is_not_told_backwards), T(two_writers_make_one_chain),
          T(one_who_does_not_let_go_is_not_waited_for_for_ever),
          T(a_writer_minds_what_another_left), T(processes_at_once_make_one_chain),
          T(any_byte_changed_is_found), T(a_torn_end_is_kept_apart_and_written_on),
          T(a_record_changed_before_the_end_stops_the_writer), T(many_share_a_sync),
          T(what_found_no_room_is_told_and_not_there), T(what_was_told_survives_a_kill),
          T(without_memory_it_says_so))
