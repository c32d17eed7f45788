/* SPDX-License-Identifier: Apache-2.0 */
/* test -- cmocka with its includes in order, and the few asserts we add.
 *
 *     static void known_answer(void **state) { (void)state; ... }
 *     TEST_MAIN(TEST(known_answer), TEST(other_behaviour)) */
#ifndef AM_TEST_H
#define AM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

/* Built with ThreadSanitizer? */
#if defined(__SANITIZE_THREAD__)
#define TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#endif
#ifndef TEST_TSAN
#define TEST_TSAN 0
#endif

#define assert_ok(e) assert_int_equal((e), AM_OK)

#define assert_hex_equal(bytes, hex)                                                     \
    do {                                                                                 \
        char hex_[2 * sizeof(bytes) + 1];                                                \
        for (size_t i_ = 0; i_ < sizeof(bytes); i_++)                                    \
            snprintf(hex_ + 2 * i_, 3, "%02x", (bytes)[i_]);                             \
        assert_string_equal(hex_, hex);                                                  \
    } while (0)

#define assert_str_equal(s, lit)                                                         \
    do {                                                                                 \
        struct str s_ = (s);                                                             \
        assert_int_equal(s_.n, strlen(lit));                                             \
        assert_memory_equal(s_.p, lit, s_.n);                                            \
    } while (0)

/* |a - b| <= tol * max(1, |b|) */
#define assert_near(a, b, tol)                                                           \
    do {                                                                                 \
        double a_ = (a), b_ = (b), d_ = a_ > b_ ? a_ - b_ : b_ - a_;                     \
        double m_ = b_ < 0 ? -b_ : b_;                                                   \
        if (!(d_ <= (tol) * (m_ > 1 ? m_ : 1)))                                          \
            fail_msg("%.17g is not within %g of %.17g", a_, (double)(tol), b_);          \
    } while (0)

/* Another thread or process brings it about: waits for it, a minute at most, however busy
 * the machine is. */
#define assert_eventually(cond)                                                          \
    do {                                                                                 \
        for (int i_ = 0; i_ < 6000 && !(cond); i_++)                                     \
            usleep(10000);                                                               \
        assert_true(cond);                                                               \
    } while (0)

/* Folder for what a test writes: in memory where there is such a place, since kill -9
 * asks nothing of a disk and an fdatasync costs milliseconds on many. */
static inline const char *test_top(void)
{
    return access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
}

/* Real data beside the checkout, or NULL: a test that needs it calls skip(). */
static inline const char *test_shared(void)
{
    return getenv("AMANE_SHARED");
}

/* Fails allocation 1, then 2, then 3... of fn, which must answer AM_E_NOMEM each time,
 * until none is left to fail and it answers AM_OK. How many were failed. */
static inline long test_oom(int (*fn)(void))
{
    for (long n = 1;; n++) {
        am_oom_at(n);
        int err = fn();
        if (!am_oom_at(0)) {
            assert_ok(err);
            return n - 1;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
}

/* fn in a process of its own, which may change its limits; it must end well. */
static inline void test_in_child(void (*fn)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline void test_no_server(void **state)
{
    (void)state;
    print_message("AMANE_PG_URI is not set: nothing was run on PostgreSQL\n");
    skip();
}

/* Of n tests, how many of the long ones run on the second store too: the first few, and
 * all of them in `make soak`. */
static inline size_t test_slice(size_t n, size_t few)
{
    return getenv("AMANE_SOAK") ? n : few;
}

/* The tests on SQLite, then the first n_pg of them on PostgreSQL, *pg telling which. */
static inline int test_both_stores(const struct CMUnitTest *tests, size_t n, size_t n_pg,
                                   bool *pg)
{
    const struct CMUnitTest none[] = {cmocka_unit_test(test_no_server)};
    int bad = _cmocka_run_group_tests("sqlite", tests, n, NULL, NULL);
    if (!getenv("AMANE_PG_URI"))
        return bad + cmocka_run_group_tests_name("postgresql", none, NULL, NULL);
    *pg = true;
    return bad + _cmocka_run_group_tests("postgresql", tests, n_pg, NULL, NULL);
}

#define TEST(f) cmocka_unit_test(f)
#define TEST_MAIN(...)                                                                   \
    int main(void)                                                                       \
    {                                                                                    \
        const struct CMUnitTest t[] = {__VA_ARGS__};                                     \
        return cmocka_run_group_tests(t, NULL, NULL);                                    \
    }

#endif
