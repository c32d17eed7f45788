/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/tlog_test.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"

enum { NOW = 1000000 }; /* a second */
static const int64_t now = NOW * TIME_SECOND;

struct fixture {
    char dir[64], log[80], wit[80], mir[80];
    struct crypto_key *key, *wkey[4];
    struct tlog *t;
    struct tlog_witness *w;
    struct tlog_policy *p; /* 2 of the witnesses 0 to 2 */
};

static void open_witness(struct fixture *f)
{
    tlog_witness_close(f->w);
    assert_ok(tlog_witness_open(&f->w, f->wit, "w0", f->wkey[0]));
    assert_ok(tlog_witness_add_log(f->w, tlog_key(f->t)));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tlog_config c = {.origin = "log"};
    struct tlog_vkey k;
    struct buf text;
    log_set_level(LOG_OFF);
    temp_dir(f->dir);
    snprintf(f->log, sizeof f->log, "%s/log", f->dir);
    snprintf(f->wit, sizeof f->wit, "%s/wit", f->dir);
    snprintf(f->mir, sizeof f->mir, "%s/mir", f->dir);
    f->key = seeded_key(0);
    c.dir = f->log;
    c.key = f->key;
    assert_ok(tlog_open(&f->t, &c));
    buf_init(&text, 4096);
    assert_ok(buf_adds(&text, "log "));
    assert_ok(tlog_vkey_format(tlog_key(f->t), &text));
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "w%d", i);
        f->wkey[i] = seeded_key((uint8_t)(10 + i));
        if (i == 3)
            break; /* known to nobody */
        assert_ok(tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, f->wkey[i], &k));
        assert_ok(buf_addf(&text, "\nwitness %s ", name));
        assert_ok(tlog_vkey_format(&k, &text));
    }
    assert_ok(buf_adds(&text, "\ngroup g 2 w0 w1 w2\nquorum g\n"));
    assert_ok(tlog_policy_parse(&f->p, buf_str(&text), NULL));
    buf_release(&text);
    open_witness(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tlog_close(f->t);
    tlog_witness_close(f->w);
    tlog_policy_free(f->p);
    crypto_key_free(f->key);
    for (int i = 0; i < 4; i++)
        crypto_key_free(f->wkey[i]);
    remove_tree(f->dir);
    free(f);
    return 0;
}

static void append(struct fixture *f, int n)
{
    uint64_t index = 0;
    char text[32];
    for (int i = 0; i < n; i++) {
        struct tlog_checkpoint c;
        tlog_head(f->t, &c);
        snprintf(text, sizeof text, "entry %d", (int)c.size);
        assert_ok(tlog_append(f->t, str_c(text), &index));
    }
}

static uint64_t note_now(struct fixture *f, struct buf *note)
{
    struct tlog_checkpoint c;
    buf_clear(note);
    assert_ok(tlog_note(f->t, note));
    assert_ok(tlog_checkpoint_open(buf_str(note), tlog_key(f->t), &c));
    return c.size;
}

/* Sends a request and returns the status; the reply replaces what b held. */
static int ask(struct fixture *f, struct str request, struct buf *b, bool *split)
{
    int status = -1;
    buf_clear(b);
    assert_ok(tlog_witness_add_checkpoint(f->w, request, now, &status, b, split));
    return status;
}

static int ask_growth(struct fixture *f, uint64_t old, struct buf *reply)
{
    struct buf note, request;
    bool split;
    int status;
    buf_init(&note, 1 << 16);
    buf_init(&request, 1 << 16);
    uint64_t size = note_now(f, &note);
    assert_ok(tlog_witness_request(f->t, old, size, buf_str(&note), &request));
    status = ask(f, buf_str(&request), reply, &split);
    assert_false(split);
    buf_release(&note);
    buf_release(&request);
    return status;
}

static void a_growing_log_is_cosigned_step_by_step(void **state)
{
    struct fixture *f = *state;
    struct buf reply, note;
    int64_t at;
    uint64_t size = 0;
    buf_init(&reply, 1 << 16);
    buf_init(&note, 1 << 16);
    for (int step = 0; step < 6; step++) {
        uint64_t old = size;
        append(f, step * 3);
        assert_int_equal(ask_growth(f, old, &reply), 200);
        size = note_now(f, &note);
        assert_ok(buf_add(&note, buf_str(&reply)));
        assert_ok(tlog_cosignature_find(buf_str(&note), tlog_witness_key(f->w), &at));
        assert_int_equal(at, now);
        if (step == 3)
            open_witness(f); /* the state survives */
    }
    assert_int_equal(ask_growth(f, size, &reply), 200); /* the same tree again is fine */
    buf_release(&reply);
    buf_release(&note);
}

static void a_stale_size_is_told_the_known_one(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    buf_init(&reply, 1 << 16);
    append(f, 5);
    assert_int_equal(ask_growth(f, 0, &reply), 200);
    append(f, 2);
    assert_int_equal(ask_growth(f, 0, &reply), 409);
    assert_string_equal(reply.p, "5\n");
    assert_int_equal(ask_growth(f, 3, &reply), 409);
    assert_string_equal(reply.p, "5\n");
    assert_int_equal(ask_growth(f, 5, &reply), 200);
    buf_release(&reply);
}

static void malformed_and_foreign_requests_are_refused(void **state)
{
    struct fixture *f = *state;
    struct crypto_key *forger = seeded_key(77);
    struct buf note, b, request;
    struct tlog_vkey k = *tlog_key(f->t);
    struct str body, sigs;
    bool split;
    const char *head[] = {"",           "old\n\n",   "old 00\n\n",
                          "old x\n\n",  "old 0\n",   "old 0\nAAAA\n\n",
                          "old 0 \n\n", "OLD 0\n\n", "old 18446744073709551616\n\n"};
    buf_init(&note, 1 << 16);
    buf_init(&request, 1 << 16);
    buf_init(&b, 1 << 16);
    append(f, 3);
    note_now(f, &note);
    for (size_t i = 0; i < AM_LEN(head); i++) {
        buf_clear(&request);
        assert_ok(buf_addf(&request, "%s%s", head[i], note.p));
        assert_int_equal(ask(f, buf_str(&request), &b, &split), 400);
    }
    buf_clear(&request);
    assert_ok(buf_addf(&request, "old 4\n\n%s", note.p)); /* larger than the checkpoint */
    assert_int_equal(ask(f, buf_str(&request), &b, &split), 400);
    buf_clear(&request);
    assert_ok(buf_adds(&request, "old 0\n"));
    for (int i = 0; i < 64; i++)
        assert_ok(buf_adds(&request, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
    assert_ok(buf_addf(&request, "\n%s", note.p));
    assert_int_equal(ask(f, buf_str(&request), &b, &split), 400);

    assert_ok(tlog_note_split(buf_str(&note), &body, &sigs)); /* signed by another key */
    assert_ok(crypto_key_raw_ed25519(forger, k.pub));
    buf_clear(&request);
    assert_ok(buf_addf(&request, "old 0\n\n%.*s\n", STR_FMT(body)));
    assert_ok(tlog_note_sign(&k, forger, body, &request));
    assert_int_equal(ask(f, buf_str(&request), &b, &split), 403);
    buf_clear(&request);
    assert_ok(buf_adds(&request, "old 0\n\nother\n3\n"));
    assert_ok(buf_add(&request, str_sub(buf_str(&note), strlen("log\n3\n"), note.n)));
    assert_int_equal(ask(f, buf_str(&request), &b, &split), 404);
    assert_int_equal(b.n, 0);
    crypto_key_free(forger);
    buf_release(&note);
    buf_release(&request);
    buf_release(&b);
}

/* What a cheating log would publish: another tree under the same key. */
static void forge_note(struct fixture *f, uint64_t size, struct buf *note)
{
    struct tlog_checkpoint c = {.origin = "log", .size = size};
    struct buf body;
    memset(c.root.h, 7, sizeof c.root.h);
    buf_init(&body, 1000);
    assert_ok(tlog_checkpoint_format(&c, &body));
    assert_ok(buf_addf(note, "%s\n", body.p));
    assert_ok(tlog_note_sign(tlog_key(f->t), f->key, buf_str(&body), note));
    buf_release(&body);
}

static size_t evidence(const struct fixture *f, const char *kind)
{
    size_t n = 0;
    DIR *d = opendir(f->wit);
    am_assert(d);
    for (struct dirent *e; (e = readdir(d));)
        n += !strncmp(e->d_name, kind, strlen(kind));
    closedir(d);
    return n;
}

static void a_split_view_is_refused_and_kept(void **state)
{
    struct fixture *f = *state;
    struct buf request, b;
    bool split;
    buf_init(&request, 1 << 16);
    buf_init(&b, 1 << 16);
    append(f, 5);
    assert_int_equal(ask_growth(f, 0, &b), 200);
    assert_ok(buf_adds(&request, "old 5\n\n"));
    forge_note(f, 5, &request); /* another root for the size we signed */
    assert_int_equal(ask(f, buf_str(&request), &b, &split), 409);
    assert_string_equal(b.p, "5\n");
    assert_true(split);
    assert_int_equal(evidence(f, "split-"), 1);
    buf_clear(&request);
    assert_ok(
        buf_adds(&request, "old 5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"));
    forge_note(f, 8, &request); /* a larger tree that no proof joins to ours */
    assert_int_equal(ask(f, buf_str(&request), &b, &split), 422);
    assert_int_equal(b.n, 0);
    assert_true(split);
    assert_int_equal(evidence(f, "suspect-"), 1);
    assert_int_equal(ask(f, buf_str(&request), &b, &split), 422);
    assert_int_equal(evidence(f, "suspect-"), 1); /* once */
    append(f, 1);
    assert_int_equal(ask_growth(f, 5, &b), 200); /* the honest log goes on */
    buf_release(&request);
    buf_release(&b);
}

static void a_damaged_state_stops_the_witness(void **state)
{
    struct fixture *f = *state;
    struct tlog_witness *w;
    struct buf reply;
    char path[512], *text;
    DIR *d;
    size_t n;
    buf_init(&reply, 1 << 16);
    append(f, 2);
    assert_int_equal(ask_growth(f, 0, &reply), 200);
    assert_int_equal(tlog_witness_open(&w, f->wit, "w0", f->wkey[0]), AM_E_CONFLICT);
    tlog_witness_close(f->w);
    f->w = NULL;
    d = opendir(f->wit);
    am_assert(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, ".note"))
            snprintf(path, sizeof path, "%s/%s", f->wit, e->d_name);
    closedir(d);
    assert_ok(am_file_read(path, 1 << 16, &text, &n));
    text[6] ^= 1;
    assert_ok(am_file_write(path, (struct str){text, n}, 0600));
    free(text);
    assert_ok(tlog_witness_open(&f->w, f->wit, "w0", f->wkey[0]));
    assert_int_equal(tlog_witness_add_log(f->w, tlog_key(f->t)), AM_E_TAMPERED);
    assert_int_equal(ask_growth(f, 0, &reply), 404); /* and it does not serve that log */
    buf_release(&reply);
}

struct racer {
    struct fixture *f;
    struct buf request;
    int status;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct buf b;
    bool split;
    buf_init(&b, 1 << 16);
    if (tlog_witness_add_checkpoint(r->f->w, buf_str(&r->request), now, &r->status, &b,
                                    &split))
        r->status = -1;
    buf_release(&b);
    return NULL;
}

static void of_two_racing_requests_one_wins(void **state)
{
    struct fixture *f = *state;
    struct buf note, reply;
    uint64_t known = 0;
    buf_init(&note, 1 << 16);
    buf_init(&reply, 1 << 16);
    for (int round = 0; round < 30; round++) {
        struct racer r[2] = {{.f = f}, {.f = f}};
        pthread_t t[2];
        uint64_t size[2];
        for (int i = 0; i < 2; i++) { /* both grow from the same known tree */
            append(f, 1);
            buf_init(&r[i].request, 1 << 16);
            size[i] = note_now(f, &note);
            assert_ok(tlog_witness_request(f->t, known, size[i], buf_str(&note),
                                           &r[i].request));
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
        for (int i = 0; i < 2; i++) {
            pthread_join(t[i], NULL);
            buf_release(&r[i].request);
        }
        assert_int_equal(r[0].status + r[1].status, 200 + 409);
        known = r[0].status == 200 ? size[0] : size[1];
        assert_int_equal(ask_growth(f, known, &reply), 200);
        known = size[1];
    }
    buf_release(&note);
    buf_release(&reply);
}

/* Child: cosigns ever larger trees and reports each signature that left. */
static void cosign_until_killed(struct fixture *f, int fd)
{
    struct tlog_witness *w;
    struct buf request, note, reply;
    if (tlog_witness_open(&w, f->wit, "w0", f->wkey[0]) ||
        tlog_witness_add_log(w, tlog_key(f->t)))
        _exit(1);
    buf_init(&request, 1 << 16);
    buf_init(&note, 1 << 16);
    buf_init(&reply, 1 << 16);
    for (uint64_t size = 0; size < 400; size++) {
        int status;
        bool split;
        struct tlog_checkpoint c = {.origin = "log", .size = size};
        struct buf body;
        buf_init(&body, 1000);
        buf_clear(&note);
        buf_clear(&request);
        buf_clear(&reply);
        if (tlog_root_at(f->t, size, &c.root) || tlog_checkpoint_format(&c, &body) ||
            buf_addf(&note, "%s\n", body.p) ||
            tlog_note_sign(tlog_key(f->t), f->key, buf_str(&body), &note) ||
            tlog_witness_request(f->t, size ? size - 1 : 0, size, buf_str(&note),
                                 &request) ||
            tlog_witness_add_checkpoint(w, buf_str(&request), now, &status, &reply,
                                        &split))
            _exit(2);
        buf_release(&body);
        if (status == 200 && write(fd, &size, sizeof size) != sizeof size)
            _exit(3);
    }
    _exit(0);
}

static void kill_nine_forgets_no_cosignature(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    uint64_t index;
    buf_init(&reply, 1 << 16);
    for (int i = 0; i < 400; i++)
        assert_ok(tlog_queue(f->t, STR("x"), &index));
    assert_ok(tlog_wait(f->t, index));
    for (unsigned round = 0; round < 25; round++) {
        int fd[2];
        uint64_t size, signed_size = 0, known = 0;
        pid_t pid;
        tlog_witness_close(f->w);
        f->w = NULL;
        remove_tree(f->wit);
        assert_int_equal(pipe(fd), 0);
        pid = fork();
        if (pid == 0)
            cosign_until_killed(f, fd[1]);
        close(fd[1]);
        usleep(2000 + round * 7919 % 40000);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(fd[0], &size, sizeof size) == sizeof size)
            signed_size = size;
        close(fd[0]);
        open_witness(f);
        if (ask_growth(f, 0, &reply) == 409) /* tells what it knows */
            known = strtoull(reply.p, NULL, 10);
        else
            assert_int_equal(signed_size, 0);
        assert_true(known >= signed_size); /* I4 */
    }
    buf_release(&reply);
}

/* -- cosignatures back at the log ------------------------------------------------------
 */

static void line_of(struct fixture *f, int i, struct str note, int64_t second,
                    struct buf *out)
{
    char name[8];
    struct tlog_vkey k;
    struct str body, sigs;
    snprintf(name, sizeof name, "w%d", i);
    assert_ok(tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, f->wkey[i], &k));
    assert_ok(tlog_note_split(note, &body, &sigs));
    assert_ok(tlog_cosign(&k, f->wkey[i], body, second * TIME_SECOND, out));
}

static void a_quorum_makes_the_cosigned_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct buf note, lines, got;
    char path[128], *text;
    size_t n;
    uint64_t size;
    int64_t lease;
    buf_init(&note, 1 << 16);
    buf_init(&lines, 1 << 16);
    buf_init(&got, 1 << 16);
    append(f, 3);
    size = note_now(f, &note);
    line_of(f, 0, buf_str(&note), 100, &lines);
    assert_ok(tlog_add_cosignatures(f->t, f->p, size, buf_str(&lines)));
    assert_int_equal(tlog_note_cosigned(f->t, &got), AM_E_NOTFOUND);
    buf_clear(&lines);
    line_of(f, 1, buf_str(&note), 200, &lines);
    line_of(f, 3, buf_str(&note), 200, &lines); /* a stranger: dropped */
    line_of(f, 0, buf_str(&note), 300, &lines); /* a newer one: replaces */
    assert_ok(tlog_add_cosignatures(f->t, f->p, size, buf_str(&lines)));
    assert_ok(tlog_note_cosigned(f->t, &got));
    assert_ok(tlog_policy_check(f->p, buf_str(&got), NULL, &lease, NULL));
    assert_int_equal(lease, 200 * TIME_SECOND);
    struct str body, sigs;
    assert_ok(tlog_note_split(buf_str(&got), &body, &sigs));
    n = 0;
    for (size_t i = 0; i < sigs.n; i++)
        n += sigs.p[i] == '\n';
    assert_int_equal(n, 3);       /* log, w0, w1 */
    for (int i = 0; i < 2; i++) { /* both files hold it */
        snprintf(path, sizeof path, "%s/checkpoint%s", f->log, i ? ".cosigned" : "");
        assert_ok(am_file_read(path, 1 << 16, &text, &n));
        assert_true(str_eq((struct str){text, n}, buf_str(&got)));
        free(text);
    }
    buf_clear(&got); /* growth: the cosigned one stays, the new one is bare */
    append(f, 1);
    assert_ok(tlog_note_cosigned(f->t, &got));
    assert_ok(tlog_policy_check(f->p, buf_str(&got), NULL, NULL, NULL));
    note_now(f, &note);
    assert_int_equal(tlog_policy_check(f->p, buf_str(&note), NULL, NULL, NULL),
                     AM_E_PRECONDITION);
    assert_ok(tlog_fsck(f->log, tlog_key(f->t), NULL));
    buf_release(&note);
    buf_release(&lines);
    buf_release(&got);
}

static void late_cosignatures_count_while_the_log_grows(void **state)
{
    struct fixture *f = *state;
    struct buf note, lines, got;
    struct tlog_checkpoint c;
    uint64_t size;
    char path[128];
    buf_init(&note, 1 << 16);
    buf_init(&lines, 1 << 16);
    buf_init(&got, 1 << 16);
    append(f, 5);
    size = note_now(f, &note);
    line_of(f, 0, buf_str(&note), 100, &lines);
    line_of(f, 2, buf_str(&note), 100, &lines);
    append(f, 60); /* more than the checkpoints whose partial tiles are kept */
    snprintf(path, sizeof path, "%s/tile/0/000.p/5", f->log);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_ok(tlog_add_cosignatures(f->t, f->p, size, buf_str(&lines)));
    assert_ok(tlog_note_cosigned(f->t, &got));
    assert_ok(tlog_policy_check(f->p, buf_str(&got), &c, NULL, NULL));
    assert_int_equal(c.size, 5);
    assert_int_equal(access(path, F_OK), 0); /* its tiles are back, and stay */
    append(f, 60);
    assert_ok(tlog_collect(f->t));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(tlog_add_cosignatures(f->t, f->p, 1, buf_str(&lines)),
                     AM_E_TAMPERED);
    assert_int_equal(tlog_add_cosignatures(f->t, f->p, 999, buf_str(&lines)),
                     AM_E_CONFLICT);
    assert_int_equal(tlog_add_cosignatures(f->t, f->p, size, STR("garbage\n")),
                     AM_E_SYNTAX);
    tlog_close(f->t); /* it is known again after a restart */
    struct tlog_config cf = {.dir = f->log, .origin = "log", .key = f->key};
    assert_ok(tlog_open(&f->t, &cf));
    buf_clear(&got);
    assert_ok(tlog_note_cosigned(f->t, &got));
    assert_ok(tlog_policy_check(f->p, buf_str(&got), NULL, NULL, NULL));
    assert_int_equal(access(path, F_OK), 0);
    buf_release(&note);
    buf_release(&lines);
    buf_release(&got);
}

/* -- mirror ----------------------------------------------------------------------------
 */

static int apply(struct fixture *f, struct tlog *m, int from, int to, struct str note)
{
    static char text[1000][16];
    struct str e[1000];
    (void)f;
    for (int i = from; i < to; i++) {
        snprintf(text[i - from], sizeof text[0], "entry %d", i);
        e[i - from] = str_c(text[i - from]);
    }
    return tlog_mirror_apply(m, e, (size_t)(to - from), note);
}

static void a_mirror_follows_only_what_the_note_proves(void **state)
{
    struct fixture *f = *state;
    struct tlog *m, *second;
    struct tlog_checkpoint c;
    struct buf note, forged, old;
    struct tlog_proof p;
    struct tlog_hash leaf;
    uint64_t index;
    buf_init(&note, 1 << 16);
    buf_init(&old, 1 << 16);
    buf_init(&forged, 1 << 16);
    assert_ok(tlog_mirror_open(&m, f->mir, tlog_key(f->t)));
    assert_int_equal(tlog_mirror_open(&second, f->mir, tlog_key(f->t)), AM_E_CONFLICT);
    assert_int_equal(tlog_note(m, &note), AM_E_NOTFOUND);
    append(f, 20);
    note_now(f, &old);
    assert_ok(apply(f, m, 0, 20, buf_str(&old)));
    append(f, 280);
    assert_int_equal(note_now(f, &note), 300);
    assert_int_equal(apply(f, m, 20, 299, buf_str(&note)), AM_E_INVALID); /* one short */
    assert_int_equal(apply(f, m, 21, 301, buf_str(&note)),
                     AM_E_TAMPERED); /* other entries */
    forge_note(f, 300, &forged);
    assert_int_equal(apply(f, m, 20, 300, buf_str(&forged)), AM_E_TAMPERED);
    tlog_head(m, &c);
    assert_int_equal(c.size, 20); /* nothing of them was kept */
    assert_ok(tlog_fsck(f->mir, tlog_key(f->t), NULL));
    assert_ok(apply(f, m, 20, 300, buf_str(&note)));
    assert_ok(
        apply(f, m, 300, 300, buf_str(&note))); /* the same again: newer signatures */
    assert_int_equal(apply(f, m, 300, 300, buf_str(&old)),
                     AM_E_CONFLICT); /* going back */
    note.p[2] ^= 1;
    assert_int_not_equal(apply(f, m, 300, 300, buf_str(&note)), AM_OK);
    note.p[2] ^= 1;
    assert_int_equal(tlog_append(m, STR("x"), &index), AM_E_FORBIDDEN);
    tlog_close(m);
    assert_ok(tlog_mirror_open(&m, f->mir, tlog_key(f->t)));
    tlog_head(m, &c);
    assert_int_equal(c.size, 300);
    buf_clear(&old);
    assert_ok(tlog_note_cosigned(m, &old));
    assert_string_equal(old.p, note.p);
    assert_ok(tlog_prove_inclusion(m, 250, 300, &p));
    tlog_leaf_hash(STR("entry 250"), &leaf);
    assert_ok(tlog_verify_inclusion(&p, 250, &leaf, 300, &c.root));
    assert_ok(tlog_fsck(f->mir, tlog_key(f->t), NULL));
    tlog_close(m);
    buf_release(&note);
    buf_release(&old);
    buf_release(&forged);
}

static int witness_step(struct fixture *f, struct str request)
{
    struct tlog_witness *w = NULL;
    struct buf b;
    bool split;
    int status, err;
    buf_init(&b, 1 << 16);
    err = tlog_witness_open(&w, f->wit, "w0", f->wkey[0]);
    if (!err)
        err = tlog_witness_add_log(w, tlog_key(f->t));
    if (!err)
        err = tlog_witness_add_checkpoint(w, request, now, &status, &b, &split);
    if (!err)
        assert_int_equal(status, 200);
    tlog_witness_close(w);
    buf_release(&b);
    return err;
}

static void witness_survives_no_memory(void **state)
{
    struct fixture *f = *state;
    struct buf request, note;
    long n = 1;
    tlog_witness_close(f->w);
    f->w = NULL;
    buf_init(&request, 1 << 16);
    buf_init(&note, 1 << 16);
    append(f, 3);
    note_now(f, &note);
    assert_ok(tlog_witness_request(f->t, 0, 3, buf_str(&note), &request));
    for (;; n++) {
        remove_tree(f->wit);
        am_oom_at(n);
        int err = witness_step(f, buf_str(&request));
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    assert_true(n > 5);
    buf_release(&request);
    buf_release(&note);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest t[] = {
        WITH(a_growing_log_is_cosigned_step_by_step),
        WITH(a_stale_size_is_told_the_known_one),
        WITH(malformed_and_foreign_requests_are_refused),
        WITH(a_split_view_is_refused_and_kept),
        WITH(a_damaged_state_stops_the_witness),
        WITH(of_two_racing_requests_one_wins),
        WITH(kill_nine_forgets_no_cosignature),
        WITH(a_quorum_makes_the_cosigned_checkpoint),
        WITH(late_cosignatures_count_while_the_log_grows),
        WITH(a_mirror_follows_only_what_the_note_proves),
        WITH(witness_survives_no_memory),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
