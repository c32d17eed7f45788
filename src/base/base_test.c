/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"

static void every_error_has_its_row(void **state)
{
    (void)state;
    assert_int_equal(am_err_http(AM_OK), 200);
    assert_int_equal(am_err_exit(AM_OK), 0);
    assert_int_equal(am_err_http(AM_E_TOOBIG), 413);
    assert_int_equal(am_err_exit(AM_E_USAGE), 2);
    assert_int_equal(am_err_exit(AM_E_IO), 3);
    assert_string_equal(am_err_key(AM_E_TAMPERED), "err.tampered");
    for (int i = 0; i < AM_I_COUNT; i++) {
        assert_true(strlen(am_err_text(-i)) > 1);
        assert_in_range(am_err_http(-i), 200, 599);
        assert_in_range(am_err_exit(-i), 0, 3);
    }
    assert_int_equal(am_err_errno(ENOSPC), AM_E_NOSPACE);
    assert_int_equal(am_err_errno(ENOENT), AM_E_NOTFOUND);
    assert_int_equal(am_err_errno(EBADF), AM_E_IO);
}

static void views_compare_and_split(void **state)
{
    (void)state;
    struct str rest, s = STR("a=b=c");
    assert_str_equal(str_cut(s, '=', &rest), "a");
    assert_str_equal(rest, "b=c");
    assert_true(str_cut(STR("abc"), '=', &rest).n == 3 && rest.p == NULL);
    assert_str_equal(str_trim(STR(" \t x y\r\n")), "x y");
    assert_true(str_cmp(STR("ab"), STR("abc")) < 0);
    assert_true(str_cmp(STR("b"), STR("abc")) > 0);
    assert_true(str_cmp(STR_NULL, STR("")) == 0);
    assert_true(str_eq_nocase(STR("Content-Length"), STR("content-length")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_true(str_starts(STR("sha256:ab"), STR("sha256:")));
    assert_false(str_starts(STR("sha"), STR("sha256:")));
    assert_true(str_ends(STR("model.json"), STR(".json")));
    assert_str_equal(str_sub(STR("abcdef"), 2, 4), "cd");
    assert_int_equal(str_sub(STR("abc"), 5, 9).n, 0);
}

static void a_hexadecimal_digit_has_a_value(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        assert_int_equal(str_hex_digit((char)c), at ? (int)(at - digits) : -1);
    }
}

static void utf8_is_checked_strictly(void **state)
{
    (void)state;
    assert_true(str_utf8(STR("")));
    assert_true(str_utf8(STR("أمان é 𝒜")));
    assert_false(str_utf8(STR("\xC0\x80")));         /* overlong */
    assert_false(str_utf8(STR("\xED\xA0\x80")));     /* surrogate */
    assert_false(str_utf8(STR("\xF4\x90\x80\x80"))); /* beyond U+10FFFF */
    assert_false(str_utf8(STR("\xE2\x82")));         /* cut */
    assert_false(str_utf8(STR("a\x80")));
    assert_int_equal(str_utf8_bad(STR("é\x80z")), 2);
    assert_int_equal(str_utf8_bad(STR("ab\xE2\x82")), 2);
    assert_int_equal(str_utf8_bad(STR("é")), 2);
}

static void numbers_are_whole_or_nothing(void **state)
{
    (void)state;
    int64_t v = 7;
    double d = 7;
    assert_ok(str_int(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &v));
    assert_true(v == INT64_MIN);
    assert_ok(str_int(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &v));
    assert_true(v == INT64_MAX);
    v = 7;
    assert_int_equal(str_int(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &v),
                     AM_E_SYNTAX);
    assert_int_equal(str_int(STR("12x"), 0, 100, &v), AM_E_SYNTAX);
    assert_int_equal(str_int(STR("101"), 0, 100, &v), AM_E_SYNTAX);
    assert_int_equal(str_int(STR(""), 0, 100, &v), AM_E_SYNTAX);
    assert_int_equal(str_int(STR("-"), -1, 100, &v), AM_E_SYNTAX);
    assert_int_equal(v, 7);
    assert_ok(str_double(STR("-1.5e3"), &d));
    assert_true(d == -1500.0);
    assert_int_equal(str_double(STR("nan"), &d), AM_E_SYNTAX);
    assert_int_equal(str_double(STR("1e999"), &d), AM_E_SYNTAX);
    assert_int_equal(str_double(STR("1,5"), &d), AM_E_SYNTAX);
    assert_int_equal(str_double(STR("0x10"), &d), AM_E_SYNTAX);
    assert_true(d == -1500.0);
}

static void a_buffer_never_passes_its_cap(void **state)
{
    (void)state;
    struct buf b;
    char *z;
    buf_init(&b, 10);
    assert_string_equal(b.p, "");
    assert_ok(buf_addf(&b, "%d-%s", 42, "abc"));
    assert_string_equal(b.p, "42-abc");
    assert_int_equal(buf_adds(&b, "12345"), AM_E_TOOBIG);
    assert_string_equal(b.p, "42-abc");
    assert_ok(buf_adds(&b, "1234"));
    buf_cut(&b, 2);
    assert_str_equal(buf_str(&b), "42");
    buf_cut(&b, 0);
    assert_ok(buf_addf(&b, "%s", "0123456789")); /* as much as it may hold */
    assert_int_equal(buf_addf(&b, "%d", 7), AM_E_TOOBIG);
    assert_string_equal(b.p, "0123456789");
    buf_cut(&b, 2);
    assert_int_equal(buf_addf(&b, "%s", "23456789!"), AM_E_TOOBIG);
    assert_string_equal(b.p, "01");
    buf_clear(&b);
    assert_ok(buf_addf(&b, "%d", 42));
    z = buf_take(&b);
    assert_string_equal(z, "42");
    assert_int_equal(b.n, 0);
    free(z);
    buf_wipe(&b);
}

/* Whatever room there is already. */
static void formatted_text_is_whole(void **state)
{
    (void)state;
    for (int had = 0; had < 200; had++)
        for (int more = 0; more < 200; more += 7) {
            struct buf b;
            buf_init(&b, 1000);
            assert_ok(buf_addf(&b, "%0*d", had, 0));
            buf_clear(&b);
            assert_ok(buf_addf(&b, "%*s", had, ""));
            assert_ok(buf_addf(&b, "%*s|", more, "x"));
            assert_int_equal(b.n, had + AM_MAX(more, 1) + 1);
            assert_int_equal(strlen(b.p), b.n);
            assert_true(b.p[b.n - 1] == '|' && b.p[b.n - 2] == 'x');
            buf_release(&b);
        }
}

static void an_arena_zeroes_aligns_and_caps(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100000);
    for (size_t i = 1; i < 200; i++) {
        unsigned char *p = arena_alloc(&a, i, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xAB, i);
    }
    assert_null(arena_alloc(&a, SIZE_MAX, 2));
    assert_null(arena_alloc(&a, 1, SIZE_MAX - 3));
    assert_null(arena_alloc(&a, 100000, 1));
    assert_string_equal(arena_printf(&a, "%s %d", "n", 3), "n 3");
    assert_string_equal(arena_dup(&a, STR("xyz")), "xyz");
    arena_release(&a);
    assert_non_null(arena_alloc(&a, 99000, 1));
    arena_release(&a);
}

static void a_copy_of_a_map_is_another_map(void **state)
{
    struct map m, copy;
    size_t v;
    char key[16];
    (void)state;
    map_init(&m);
    assert_ok(map_copy(&copy, &m));
    assert_false(map_has(&copy, STR("k1")));
    for (size_t i = 0; i < 40; i++) {
        int n = snprintf(key, sizeof key, "k%zu", i);
        assert_ok(map_set(&m, (struct str){key, (size_t)n}, i));
    }
    for (long fail = 1; fail <= 41; fail++) { /* the slots, forty keys */
        am_oom_at(fail);
        assert_int_equal(map_copy(&copy, &m), AM_E_NOMEM);
        assert_true(am_oom_at(0));
        assert_int_equal(copy.n + copy.cap, 0);
    }
    assert_ok(map_copy(&copy, &m));
    assert_ok(map_set(&copy, STR("k7"), 70));
    assert_ok(map_set(&copy, STR("of the copy"), 1));
    assert_ok(map_get(&m, STR("k7"), &v));
    assert_int_equal(v, 7);
    assert_false(map_has(&m, STR("of the copy")));
    map_release(&m);
    assert_ok(map_get(&copy, STR("k39"), &v));
    assert_int_equal(v, 39);
    map_release(&copy);
}

static void a_map_finds_what_was_set(void **state)
{
    (void)state;
    struct map m;
    char key[32];
    size_t v;
    map_init(&m);
    assert_int_equal(map_get(&m, STR("x"), &v), AM_E_NOTFOUND);
    for (size_t i = 0; i < 5000; i++) {
        int n = snprintf(key, sizeof key, "k%zu", i);
        assert_ok(map_set(&m, (struct str){key, (size_t)n}, i));
    }
    assert_ok(map_set(&m, STR("k7"), 70));
    assert_int_equal(m.n, 5000);
    for (size_t i = 0; i < 5000; i++) {
        int n = snprintf(key, sizeof key, "k%zu", i);
        assert_ok(map_get(&m, (struct str){key, (size_t)n}, &v));
        assert_int_equal(v, i == 7 ? 70 : i);
    }
    assert_false(map_has(&m, STR("k5000")));
    map_release(&m);
}

static void a_vector_keeps_order(void **state)
{
    (void)state;
    VEC(int) v = {0};
    for (int i = 0; i < 1000; i++)
        assert_ok(vec_push(&v, i));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v.v[i], i);
    vec_release(&v);
    assert_null(v.v);
}

static void no_memory_leaves_objects_as_they_were(void **state)
{
    (void)state;
    struct buf b;
    struct map m;
    struct arena a;
    buf_init(&b, 1000);
    map_init(&m);
    arena_init(&a, 1000);
    am_oom_at(1);
    assert_int_equal(buf_adds(&b, "x"), AM_E_NOMEM);
    assert_true(am_oom_at(1));
    assert_int_equal(map_set(&m, STR("k"), 1), AM_E_NOMEM);
    assert_true(am_oom_at(2));
    assert_int_equal(map_set(&m, STR("k"), 1), AM_E_NOMEM); /* the key's copy */
    assert_true(am_oom_at(1));
    assert_null(arena_alloc(&a, 1, 1));
    assert_true(am_oom_at(1));
    assert_null(str_dup(STR("x")));
    assert_true(am_oom_at(0));
    assert_int_equal(b.n + m.n + a.used, 0);
    assert_ok(map_set(&m, STR("k"), 1));
    map_release(&m);
    buf_release(&b);
    arena_release(&a);
}

static void instants_round_trip(void **state)
{
    (void)state;
    char z[TIME_TEXT];
    int64_t t, u;
    int y, m, d;
    /* date -u -d 2026-11-21T22:41:52 +%s -> 1795300912 */
    assert_ok(time_parse(STR("2026-11-21T22:41:52Z"), &t));
    assert_true(t == INT64_C(1795300912) * TIME_SECOND);
    assert_string_equal(time_format(t, z), "2026-11-21T22:41:52Z");
    assert_ok(time_parse(STR("2026-11-21T23:41:52.5+01:00"), &u));
    assert_true(u == t + TIME_SECOND / 2);
    assert_string_equal(time_format(u, z), "2026-11-21T22:41:52.500000Z");
    assert_ok(time_parse_date(STR("2000-02-29"), &t));
    time_ymd(t, &y, &m, &d);
    assert_true(y == 2000 && m == 2 && d == 29);
    for (int64_t day = -200000; day < 200000; day += 37) {
        assert_ok(time_parse(str_c(time_format(day * TIME_DAY + 1, z)), &u));
        assert_true(u == day * TIME_DAY + 1);
    }
}

static void bad_instants_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026-11-21",
                                      "2026-11-21T22:41:52",
                                      "2026-13-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-11-21T24:00:00Z",
                                      "2026-11-21T22:41:52.Z",
                                      "2026-11-21T22:41:52Zx",
                                      "2026-11-21T22:41:52+1:00"};
    int64_t t = 5;
    for (size_t i = 0; i < AM_LEN(bad); i++)
        assert_int_equal(time_parse(str_c(bad[i]), &t), AM_E_SYNTAX);
    assert_true(t == 5);
    assert_int_equal(time_parse_date(STR("1900-02-29"), &t), AM_E_SYNTAX);
}

static void durations_follow_the_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *from, *dur, *to;
    } v[] = {{"2026-01-31T00:00:00Z", "P1M", "2026-02-28T00:00:00Z"},
             {"2026-11-21T22:00:00Z", "P12M", "2027-11-21T22:00:00Z"},
             {"2024-02-29T01:02:03Z", "P1Y", "2025-02-28T01:02:03Z"},
             {"2026-11-21T22:00:00Z", "P1DT2H3M4S", "2026-11-23T00:03:04Z"},
             {"2026-11-21T22:00:00Z", "PT24H", "2026-11-22T22:00:00Z"}};
    int64_t a, b, c;
    for (size_t i = 0; i < AM_LEN(v); i++) {
        assert_ok(time_parse(str_c(v[i].from), &a));
        assert_ok(time_add_iso(a, str_c(v[i].dur), &b));
        assert_ok(time_parse(str_c(v[i].to), &c));
        assert_true(b == c);
    }
    assert_int_equal(time_add_iso(0, STR("P"), &a), AM_E_SYNTAX);
    assert_int_equal(time_add_iso(0, STR("PT"), &a), AM_E_SYNTAX);
    assert_int_equal(time_add_iso(0, STR("1D"), &a), AM_E_SYNTAX);
    assert_int_equal(time_add_iso(0, STR("P1M1Y"), &a), AM_E_SYNTAX);
    assert_int_equal(time_add_iso(0, STR("P1H"), &a), AM_E_SYNTAX);
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    char dir[] = "/tmp/amane-base-XXXXXX", path[64], *p;
    struct stat st;
    size_t n;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a/b", dir);
    assert_ok(am_dir_make(path, 0700));
    assert_ok(am_dir_make(path, 0700));
    snprintf(path, sizeof path, "%s/a/b/f", dir);
    assert_int_equal(am_file_read(path, 100, &p, &n), AM_E_NOTFOUND);
    assert_ok(am_file_write(path, STR("one"), 0600));
    assert_ok(am_file_write(path, STR("two!"), 0600));
    assert_ok(am_file_read(path, 100, &p, &n));
    assert_int_equal(n, 4);
    assert_string_equal(p, "two!");
    free(p);
    assert_int_equal(am_file_read(path, 3, &p, &n), AM_E_TOOBIG);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unlink(path);
}

/* A child with a file-size limit stands for a full disk: the old content must survive. */
static void a_full_disk_keeps_the_old_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/amane-base-XXXXXX", path[64], *p;
    size_t n;
    int status;
    pid_t pid;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/f", dir);
    assert_ok(am_file_write(path, STR("kept"), 0600));
    pid = fork();
    if (pid == 0) {
        static char big[8192];
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
        _exit(am_file_write(path, (struct str){big, sizeof big}, 0600) == AM_E_TOOBIG
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_ok(am_file_read(path, 100, &p, &n));
    assert_string_equal(p, "kept");
    free(p);
    unlink(path);
    assert_int_equal(rmdir(dir), 0); /* no temporary file left behind */
}

static void a_log_line_is_json_whatever_it_carries(void **state)
{
    (void)state;
    char line[512];
    int fd[2];
    ssize_t n;
    assert_int_equal(pipe(fd), 0);
    log_set_fd(fd[1]);
    time_fake(INT64_C(1795300912) * TIME_SECOND);
    LOG_W("test.event", log_s("q", "a\"b\\\n\xff"), log_i("n", -3), log_d("x", 0.5),
          log_d("bad", NAN), log_err(AM_E_IO));
    time_fake(0);
    log_set_fd(2);
    n = read(fd[0], line, sizeof line - 1);
    assert_true(n > 0);
    line[n] = 0;
    assert_string_equal(line,
                        "{\"at\":\"2026-11-21T22:41:52Z\",\"level\":\"warn\","
                        "\"event\":\"test.event\",\"q\":\"a\\\"b\\\\\\u000a\\u00ff\","
                        "\"n\":-3,\"x\":0.5,\"bad\":null,"
                        "\"error\":\"input/output error\"}\n");
    close(fd[0]);
    close(fd[1]);
}

TEST_MAIN(TEST(every_error_has_its_row), TEST(views_compare_and_split),
          TEST(a_hexadecimal_digit_has_a_value), TEST(utf8_is_checked_strictly),
          TEST(numbers_are_whole_or_nothing), TEST(a_buffer_never_passes_its_cap),
          TEST(formatted_text_is_whole), TEST(an_arena_zeroes_aligns_and_caps),
          TEST(a_map_finds_what_was_set), TEST(a_copy_of_a_map_is_another_map),
          TEST(a_vector_keeps_order), TEST(no_memory_leaves_objects_as_they_were),
          TEST(instants_round_trip), TEST(bad_instants_are_refused),
          TEST(durations_follow_the_calendar), TEST(a_file_is_replaced_whole),
          TEST(a_full_disk_keeps_the_old_file),
          TEST(a_log_line_is_json_whatever_it_carries))
