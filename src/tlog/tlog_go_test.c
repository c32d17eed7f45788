/* SPDX-License-Identifier: Apache-2.0 */
/* Our folder, read by a program that shares no code with us: test/go/verify. */
#include "tlog/tlog_test.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "base/clock.h"

struct fixture {
    char dir[64], log[80], policy[80], verify[80], out[80], cache[80];
    struct crypto_key *key, *wkey[15];
    struct tlog *t;
    bool go;
};

/* Runs a program with its output in f->out; the exit code, 127 when it is not there. */
static int run(struct fixture *f, const char *const *argv)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    am_assert(argv[0]);
    if (pid == 0) {
        char *copy[8] = {0};
        int fd = open(f->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        setenv("GO111MODULE", "off", 1);
        setenv("GOFLAGS", "", 1);
        setenv("GOPATH", "/usr/share/gocode", 1);
        setenv("GOCACHE", f->cache, 1);
        setenv("GOTOOLCHAIN", "local", 1);
        unsetenv("LD_PRELOAD");
        for (size_t i = 0; argv[i]; i++)
            memcpy(&copy[i], &argv[i], sizeof copy[i]); /* execvp() wants no const */
        dup2(fd, 1);
        dup2(fd, 2);
        execvp(argv[0], copy);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect_output(struct fixture *f, const char *want)
{
    char *text;
    size_t n;
    assert_ok(am_file_read(f->out, 1 << 16, &text, &n));
    if (!strstr(text, want))
        fail_msg("expected \"%s\" in: %s", want, text);
    free(text);
}

static void write_policy(struct fixture *f)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_ok(buf_adds(&b, "log "));
    assert_ok(tlog_vkey_format(tlog_key(f->t), &b));
    for (int i = 0; i < 15; i++) {
        char name[16];
        struct tlog_vkey k;
        snprintf(name, sizeof name, "w%02d", i);
        assert_ok(tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, f->wkey[i], &k));
        assert_ok(buf_addf(&b, "\nwitness %s ", name));
        assert_ok(tlog_vkey_format(&k, &b));
    }
    assert_ok(buf_adds(&b,
                       "\ngroup nodes 8 w00 w01 w02 w03 w04 w05 w06 w07 w08 w09 w10 w11\n"
                       "group outsiders 2 w12 w13 w14\n"
                       "group both all nodes outsiders\nquorum both\n"));
    assert_ok(am_file_write(f->policy, buf_str(&b), 0600));
    buf_release(&b);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *root = getenv("AMANE_SOURCE_ROOT");
    const char *home = getenv("HOME");
    char source[4096];
    struct tlog_config c = {.origin = "registry.example/log"};
    temp_dir(f->dir);
    snprintf(f->log, sizeof f->log, "%s/log", f->dir);
    snprintf(f->policy, sizeof f->policy, "%s/policy", f->dir);
    snprintf(f->verify, sizeof f->verify, "%s/verify", f->dir);
    snprintf(f->out, sizeof f->out, "%s/out", f->dir);
    /* Go's own cache when there is one: compiling its library takes a minute. */
    if (getenv("GOCACHE") || home)
        snprintf(f->cache, sizeof f->cache, "%s%s",
                 getenv("GOCACHE") ? getenv("GOCACHE") : home,
                 getenv("GOCACHE") ? "" : "/.cache/go-build");
    else
        snprintf(f->cache, sizeof f->cache, "%s/cache", f->dir);
    f->key = seeded_key(0);
    for (int i = 0; i < 15; i++)
        f->wkey[i] = seeded_key((uint8_t)(100 + i));
    c.dir = f->log;
    c.key = f->key;
    assert_ok(tlog_open(&f->t, &c));
    write_policy(f);
    snprintf(source, sizeof source, "%s/test/go/verify/main.go", root ? root : ".");
    f->go = access("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog", F_OK) == 0 &&
            access(source, R_OK) == 0 &&
            run(f, (const char *[]){"go", "version", NULL}) == 0;
    if (f->go &&
        run(f, (const char *[]){"nice", "go", "build", "-o", f->verify, source, NULL})) {
        expect_output(f, "the verifier builds");
        return -1;
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tlog_close(f->t);
    crypto_key_free(f->key);
    for (int i = 0; i < 15; i++)
        crypto_key_free(f->wkey[i]);
    remove_tree(f->dir);
    free(f);
    return 0;
}

static void append_many(struct fixture *f, int n)
{
    uint64_t index = 0;
    char text[600];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < n; i++)
        assert_ok(tlog_queue(f->t, (struct str){text, 100 + (size_t)i % 500}, &index));
    assert_ok(tlog_wait(f->t, index));
}

static void cosign_by(struct fixture *f, int from, int to)
{
    struct buf note, lines;
    struct str body, sigs;
    struct tlog_checkpoint c;
    struct tlog_policy *p;
    char *raw;
    size_t n;
    buf_init(&note, 1 << 16);
    buf_init(&lines, 1 << 16);
    assert_ok(am_file_read(f->policy, 1 << 16, &raw, &n));
    assert_ok(tlog_policy_parse(&p, (struct str){raw, n}, NULL));
    free(raw);
    tlog_head(f->t, &c);
    assert_ok(tlog_note(f->t, &note));
    assert_ok(tlog_note_split(buf_str(&note), &body, &sigs));
    for (int i = from; i < to; i++)
        assert_ok(tlog_cosign(&tlog_policy_witness(p, (size_t)i)->key, f->wkey[i], body,
                              time_now(), &lines));
    assert_ok(tlog_add_cosignatures(f->t, p, c.size, buf_str(&lines)));
    tlog_policy_free(p);
    buf_release(&note);
    buf_release(&lines);
}

static void flip(struct fixture *f, const char *file, size_t at)
{
    char path[256], *text;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", f->log, file);
    assert_ok(am_file_read(path, 1 << 24, &text, &n));
    text[at % n] ^= 1;
    assert_ok(am_file_write(path, (struct str){text, n}, 0644));
    free(text);
}

static void go_accepts_our_log_and_refuses_an_altered_one(void **state)
{
    struct fixture *f = *state;
    const char *const verify[] = {f->verify, f->log, f->policy, NULL};
    if (!f->go) {
        print_message(
            "SKIPPED: go or golang-golang-x-mod-dev is not installed: the log was "
            "NOT verified by an independent implementation\n");
        skip();
    }
    append_many(f, 700);
    cosign_by(f, 0, 7); /* seven nodes are not eight */
    append_many(f, 1);
    assert_int_equal(run(f, verify), 1);
    cosign_by(f, 0, 7);
    cosign_by(f, 12, 14);
    assert_int_equal(run(f, verify), 1);
    expect_output(f, "checkpoint");
    cosign_by(f, 7, 12);
    assert_int_equal(run(f, verify), 0);
    append_many(f, 66000); /* two levels of full tiles */
    assert_int_equal(run(f, verify), 0);
    expect_output(f,
                  "verified: 66701 entries, 50 inclusion proofs, consistent since 701");

    static const struct {
        const char *file, *says;
        size_t at;
    } bad[] = {
        {"tile/entries/007", "root from the entry bundles", 30},
        {"tile/0/000", "inclusion", 32 * 3},
        {"tile/1/000", "", 32 * 9},
        {"checkpoint", "checkpoint signature", 23},
        {"checkpoint.cosigned", "checkpoint signature", 23},
        {"checkpoint.cosigned", "cosignature", SIZE_MAX},
    };
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        char path[256], *text;
        size_t n, at = bad[i].at;
        snprintf(path, sizeof path, "%s/%s", f->log, bad[i].file);
        if (at == SIZE_MAX) { /* inside the last signature's base64 */
            assert_ok(am_file_read(path, 1 << 24, &text, &n));
            at = n - 20;
            text[at] = text[at] == 'A' ? 'B' : 'A';
            assert_ok(am_file_write(path, (struct str){text, n}, 0644));
            free(text);
        } else {
            flip(f, bad[i].file, at);
        }
        assert_int_equal(run(f, verify), 1);
        expect_output(f, bad[i].says);
        if (bad[i].at != SIZE_MAX) {
            flip(f, bad[i].file, at);
            assert_int_equal(run(f, verify), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test_setup_teardown(go_accepts_our_log_and_refuses_an_altered_one,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
