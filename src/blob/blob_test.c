/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "blob/blob.h"

struct fixture {
    char dir[64];
    struct blob_store *s;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strncpy(f->dir, "/tmp/amane-blob-XXXXXX", sizeof f->dir - 1);
    assert_non_null(mkdtemp(f->dir));
    assert_ok(blob_open(&f->s, f->dir));
    log_set_level(LOG_OFF);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
    (void)st, (void)type, (void)w;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    blob_close(f->s);
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* ---- a store before another place ---- */
static int behind(void *cookie, const uint8_t digest[CRYPTO_SHA256], struct buf *out)
{
    const struct str *have = cookie;
    uint8_t d[CRYPTO_SHA256];
    crypto_sha256(have[0], d);
    return memcmp(d, digest, sizeof d) ? AM_E_NOTFOUND : buf_add(out, have[1]);
}

static void what_is_no_file_is_asked_of_the_place_behind(void **state)
{
    struct fixture *f = *state;
    struct str have[2] = {STR("a statement"), STR("a statement")};
    uint8_t d[CRYPTO_SHA256], other[CRYPTO_SHA256];
    uint64_t n = 0;
    struct buf b;
    buf_init(&b, 100);
    crypto_sha256(have[0], d);
    crypto_sha256(STR("nowhere"), other);
    assert_int_equal(blob_get(f->s, d, &b), AM_E_NOTFOUND);
    blob_behind(f->s, behind, have);
    assert_ok(blob_get(f->s, d, &b));
    assert_true(str_eq(buf_str(&b), have[0]));
    assert_true(blob_has(f->s, d));
    assert_ok(blob_size(f->s, d, &n));
    assert_int_equal(n, have[0].n);
    assert_int_equal(blob_get(f->s, other, &b), AM_E_NOTFOUND);
    assert_false(blob_has(f->s, other));
    have[1] = STR("another statement"); /* what comes from there is checked, too */
    assert_int_equal(blob_get(f->s, d, &b), AM_E_TAMPERED);
    assert_int_equal(b.n, have[0].n);
    buf_release(&b);
}

static void a_blob_is_found_under_its_sha256(void **state)
{
    struct fixture *f = *state;
    uint8_t d[CRYPTO_SHA256];
    char path[PATH_MAX];
    uint64_t size_b;
    struct stat st;
    struct buf b;
    assert_ok(blob_put(f->s, STR("abc"), d));
    assert_hex_equal(d,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    blob_path(f->s, d, path, sizeof path);
    assert_non_null(strstr(
        path,
        "/sha256/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(blob_has(f->s, d));
    assert_ok(blob_size(f->s, d, &size_b));
    assert_int_equal(size_b, 3);
    buf_init(&b, 10);
    assert_ok(buf_adds(&b, "x"));
    assert_ok(blob_get(f->s, d, &b));
    assert_string_equal(b.p, "xabc");         /* appended */
    assert_ok(blob_put(f->s, STR("abc"), d)); /* again is fine */
    assert_ok(blob_put(f->s, STR_NULL, d));   /* the empty blob too */
    assert_ok(blob_get(f->s, d, &b));
    assert_string_equal(b.p, "xabc");
    buf_release(&b);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct fixture *f = *state;
    const uint8_t d[CRYPTO_SHA256] = {1};
    uint64_t size_b;
    struct buf b;
    buf_init(&b, 10);
    assert_int_equal(blob_get(f->s, d, &b), AM_E_NOTFOUND);
    assert_int_equal(blob_size(f->s, d, &size_b), AM_E_NOTFOUND);
    assert_false(blob_has(f->s, d));
    buf_release(&b);
}

static void announced_digest_must_be_the_true_one(void **state)
{
    struct fixture *f = *state;
    uint8_t d[CRYPTO_SHA256];
    crypto_sha256(STR("abc"), d);
    assert_ok(blob_put_as(f->s, STR("abc"), d));
    d[31] ^= 1;
    assert_int_equal(blob_put_as(f->s, STR("abc"), d), AM_E_TAMPERED);
    assert_false(blob_has(f->s, d));
}

static void every_flipped_bit_is_tampering(void **state)
{
    struct fixture *f = *state;
    uint8_t d[CRYPTO_SHA256];
    char path[PATH_MAX], bytes[] = "weights";
    struct buf b;
    buf_init(&b, 100);
    assert_ok(blob_put(f->s, STR("weights"), d));
    blob_path(f->s, d, path, sizeof path);
    for (size_t bit = 0; bit < 7 * 8; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_ok(am_file_write(path, (struct str){bytes, 7}, 0600));
        assert_int_equal(blob_get(f->s, d, &b), AM_E_TAMPERED);
        assert_int_equal(b.n, 0);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t n = 0; n < 7; n++) {
        assert_ok(am_file_write(path, (struct str){bytes, n}, 0600));
        assert_int_equal(blob_get(f->s, d, &b), AM_E_TAMPERED);
    }
    assert_ok(am_file_write(path, STR("weights "), 0600));
    assert_int_equal(blob_get(f->s, d, &b), AM_E_TAMPERED);
    assert_ok(blob_put(f->s, STR("weights"), d)); /* a new put heals it */
    assert_ok(blob_get(f->s, d, &b));
    assert_string_equal(b.p, "weights");
    buf_release(&b);
}

static void the_readers_cap_holds(void **state)
{
    struct fixture *f = *state;
    uint8_t d[CRYPTO_SHA256];
    struct buf b;
    assert_ok(blob_put(f->s, STR("eleven byte"), d));
    buf_init(&b, 10);
    assert_int_equal(blob_get(f->s, d, &b), AM_E_TOOBIG);
    assert_int_equal(b.n, 0);
    buf_release(&b);
    buf_init(&b, 11);
    assert_ok(blob_get(f->s, d, &b));
    buf_release(&b);
}

struct seen {
    size_t n, stop_at;
    uint8_t last[CRYPTO_SHA256];
    const struct blob_store *s;
};

static int see(void *cookie, const uint8_t digest[CRYPTO_SHA256], uint64_t size_b)
{
    struct seen *v = cookie;
    if (v->n && memcmp(v->last, digest, CRYPTO_SHA256) >= 0)
        return AM_E_CONFLICT;
    memcpy(v->last, digest, CRYPTO_SHA256);
    v->n++;
    if (size_b != 4)
        return AM_E_INVALID;
    return v->n == v->stop_at ? AM_E_TIMEOUT : AM_OK;
}

static void visits_go_in_digest_order_and_skip_strangers(void **state)
{
    struct fixture *f = *state;
    struct seen v = {0};
    uint8_t d[CRYPTO_SHA256];
    char path[PATH_MAX], text[5];
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "%04d", i);
        assert_ok(blob_put(f->s, str_c(text), d));
    }
    blob_path(f->s, d, path, sizeof path);
    strncat(path, ".tmp.1.2", sizeof path - strlen(path) - 1);
    assert_ok(am_file_write(path, STR("left by a killed writer"), 0600));
    assert_ok(blob_each(f->s, see, &v));
    assert_int_equal(v.n, 300);
    v = (struct seen){.stop_at = 7};
    assert_int_equal(blob_each(f->s, see, &v), AM_E_TIMEOUT);
    assert_int_equal(v.n, 7);
}

static void *put_many(void *arg)
{
    struct fixture *f = arg;
    char text[16];
    uint8_t d[CRYPTO_SHA256];
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "blob %d", i / 4);
        if (blob_put(f->s, str_c(text), d))
            return arg;
    }
    return NULL;
}

static void threads_may_put_the_same_digest_at_once(void **state)
{
    pthread_t t[8];
    void *bad;
    for (size_t i = 0; i < AM_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, put_many, *state), 0);
    for (size_t i = 0; i < AM_LEN(t); i++) {
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
}

static int verify_one(void *cookie, const uint8_t digest[CRYPTO_SHA256], uint64_t size_b)
{
    struct seen *v = cookie;
    struct buf b;
    int err;
    buf_init(&b, 1 << 20);
    err = blob_get(v->s, digest, &b);
    if (!err && b.n != size_b)
        err = AM_E_TAMPERED;
    buf_release(&b);
    v->n++;
    return err;
}

/* Child: puts until killed, then tells of each put it was promised. */
static void put_until_killed(struct fixture *f, unsigned round, int fd)
{
    char data[40000];
    for (unsigned i = 0;; i++) {
        uint8_t d[CRYPTO_SHA256];
        memset(data, (int)i, sizeof data);
        memcpy(data, &round, sizeof round);
        memcpy(data + 8, &i, sizeof i);
        if (blob_put(f->s, (struct str){data, i * 997u % sizeof data + 16}, d) ||
            write(fd, d, sizeof d) != (ssize_t)sizeof d)
            _exit(1);
    }
}

static void kill_nine_leaves_only_whole_blobs(void **state)
{
    struct fixture *f = *state;
    size_t promised = 0;
    /* On a busy machine a child may be killed before its first one: more of them, then.
     */
    for (unsigned round = 0; round < 60 || (promised == 0 && round < 2000); round++) {
        int fd[2];
        uint8_t d[CRYPTO_SHA256];
        pid_t pid;
        assert_int_equal(pipe(fd), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            put_until_killed(f, round, fd[1]);
        close(fd[1]);
        usleep(round * 977u % 23000u);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(fd[0], d, sizeof d) == (ssize_t)sizeof d) {
            struct buf b;
            buf_init(&b, 1 << 20);
            assert_ok(blob_get(f->s, d, &b)); /* what was promised is there */
            buf_release(&b);
            promised++;
        }
        close(fd[0]);
    }
    struct seen v = {.s = f->s};
    assert_ok(blob_each(f->s, verify_one, &v));
    assert_true(promised > 0 && v.n >= promised);
}

static size_t files_in(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Child: fills a 64 KiB tmpfs of its own. 77: mounting is not allowed here. */
static int fill_a_small_disk(const char *dir)
{
    struct blob_store *s;
    char data[20000], path[PATH_MAX], *slash;
    uint8_t d[CRYPTO_SHA256], first[CRYPTO_SHA256];
    struct seen v = {0};
    int err = AM_OK;
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", dir, "tmpfs", 0, "size=65536"))
        return 77;
    if (blob_open(&s, dir))
        return 2;
    for (int i = 0; i < 10 && !err; i++) {
        memset(data, i, sizeof data);
        crypto_sha256((struct str){data, sizeof data}, d);
        err = blob_put_as(s, (struct str){data, sizeof data}, d);
        if (!i)
            memcpy(first, d, sizeof d);
    }
    if (err != AM_E_NOSPACE || blob_has(s, d))
        return 3;
    blob_path(s, d, path, sizeof path);
    slash = strrchr(path, '/');
    *slash = 0;
    if (files_in(path)) /* nothing half-written stays */
        return 4;
    blob_path(s, first, path, sizeof path);
    v.s = s;
    if (blob_each(s, verify_one, &v) || !v.n || unlink(path) ||
        blob_put_as(s, (struct str){data, sizeof data}, d)) /* room again: works again */
        return 5;
    blob_close(s);
    return 0;
}

static void a_full_disk_is_an_error_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fill_a_small_disk(f->dir));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("SKIPPED: a_full_disk: this process may not mount a tmpfs\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_file_size_limit_is_an_error_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit r = {1000, 1000};
        char data[5000] = {1}, path[PATH_MAX];
        uint8_t d[CRYPTO_SHA256];
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &r);
        crypto_sha256((struct str){data, sizeof data}, d);
        if (blob_put_as(f->s, (struct str){data, sizeof data}, d) != AM_E_TOOBIG)
            _exit(2);
        blob_path(f->s, d, path, sizeof path);
        *strrchr(path, '/') = 0;
        _exit(blob_has(f->s, d) || files_in(path) ? 3 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void survives_no_memory(void **state)
{
    struct fixture *f = *state;
    uint8_t d[CRYPTO_SHA256];
    assert_ok(blob_put(f->s, STR("abc"), d));
    long n = 1;
    for (;; n++) {
        struct blob_store *s = NULL;
        struct buf b;
        buf_init(&b, 100);
        am_oom_at(n);
        int err = blob_open(&s, f->dir);
        if (!err)
            err = blob_get(s, d, &b);
        bool hit = am_oom_at(0);
        assert_int_equal(err, hit ? AM_E_NOMEM : AM_OK);
        buf_release(&b);
        blob_close(s);
        if (!hit)
            break;
    }
    assert_true(n > 2);
    blob_close(NULL);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest t[] = {
        WITH(a_blob_is_found_under_its_sha256),
        WITH(what_is_no_file_is_asked_of_the_place_behind),
        WITH(what_is_not_there_is_not_found),
        WITH(announced_digest_must_be_the_true_one),
        WITH(every_flipped_bit_is_tampering),
        WITH(the_readers_cap_holds),
        WITH(visits_go_in_digest_order_and_skip_strangers),
        WITH(threads_may_put_the_same_digest_at_once),
        WITH(kill_nine_leaves_only_whole_blobs),
        WITH(a_full_disk_is_an_error_and_leaves_nothing),
        WITH(a_file_size_limit_is_an_error_and_leaves_nothing),
        WITH(survives_no_memory),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
