/* SPDX-License-Identifier: Apache-2.0 */
/* Roots and proofs from tiles that somebody else serves, honest or not. */
#include "tlog/tlog_test.h"

enum { SIZE = 700, FORKED_AT = 300 };

struct theirs { /* how the tiles are served */
    const char *dir;
    unsigned asked;
    bool flip, cut, none, no_partial;
    int err;
};

struct fixture {
    char dir[64], log_dir[80], fork_dir[80];
    struct crypto_key *key;
    struct tlog *log, *fork;
};

static int serve(void *cookie, const char *path, struct buf *out)
{
    struct theirs *x = cookie;
    char file[200], *text;
    size_t n;
    int err;
    x->asked++;
    if (x->err)
        return x->err;
    if (x->none || (x->no_partial && strstr(path, ".p/")))
        return AM_E_NOTFOUND;
    snprintf(file, sizeof file, "%s/%s", x->dir, path);
    err = am_file_read(file, 1 << 20, &text, &n);
    if (err)
        return err;
    if (x->flip)
        text[n / 2] ^= 1;
    err = buf_add(out, (struct str){text, x->cut ? n - 1 : n});
    free(text);
    return err;
}

static void grow(struct tlog *t, int from, int to, const char *what)
{
    uint64_t index = 0;
    for (int i = from; i < to; i++) {
        char text[40];
        snprintf(text, sizeof text, "%s %d", what, i);
        assert_ok(tlog_queue(t, str_c(text), &index));
    }
    assert_ok(tlog_wait(t, index));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tlog_config c = {.origin = "log.example.org/1", .batch_max = 4096};
    temp_dir(f->dir);
    f->key = seeded_key(1);
    c.key = f->key;
    snprintf(f->log_dir, sizeof f->log_dir, "%s/log", f->dir);
    snprintf(f->fork_dir, sizeof f->fork_dir, "%s/fork", f->dir);
    c.dir = f->log_dir;
    assert_ok(tlog_open(&f->log, &c));
    c.dir = f->fork_dir;
    assert_ok(tlog_open(&f->fork, &c));
    grow(f->log, 0, SIZE, "entry");
    grow(f->fork, 0, FORKED_AT, "entry");
    grow(f->fork, FORKED_AT, SIZE + 50, "other");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tlog_close(f->log);
    tlog_close(f->fork);
    crypto_key_free(f->key);
    remove_tree(f->dir);
    free(f);
    return 0;
}

static struct tlog_checkpoint at(struct tlog *t, uint64_t size)
{
    struct tlog_checkpoint c;
    tlog_head(t, &c);
    c.size = size;
    assert_ok(tlog_root_at(t, size, &c.root));
    return c;
}

static int past(struct theirs *x, uint64_t held, uint64_t size,
                const struct tlog_checkpoint *of, struct tlog_hash *root,
                struct tlog_proof *p)
{
    struct tlog_remote *r;
    int err;
    assert_ok(tlog_remote_new(&r, held, serve, x));
    err = tlog_remote_past(r, size, of, root, p);
    tlog_remote_free(r);
    return err;
}

static void their_tiles_give_the_roots_and_proofs_that_ours_give(void **state)
{
    struct fixture *f = *state;
    struct theirs x = {.dir = f->log_dir};
    struct tlog_remote *r;
    static const uint64_t sizes[] = {0,   1,   2,   3,   7,   128, 255, 256,
                                     257, 300, 511, 512, 513, 640, 699, 700};
    assert_ok(tlog_remote_new(&r, SIZE, serve, &x));
    for (size_t i = 0; i < AM_LEN(sizes); i++)
        for (size_t k = i; k < AM_LEN(sizes); k++) {
            struct tlog_checkpoint of = at(f->log, sizes[k]);
            struct tlog_proof p = {.n = 0}, ours = {.n = 0};
            struct tlog_hash root, want;
            assert_ok(tlog_remote_past(r, sizes[i], &of, &root, &p));
            assert_ok(tlog_root_at(f->log, sizes[i], &want));
            assert_ok(tlog_prove_consistency(f->log, sizes[i], sizes[k], &ours));
            assert_memory_equal(&root, &want, sizeof root);
            assert_int_equal(p.n, ours.n);
            assert_memory_equal(p.node, ours.node, p.n * sizeof *p.node);
        }
    tlog_remote_free(r);
    assert_int_equal(x.asked, 4); /* three of level 0, one of level 1: each once */
}

static void a_fork_gives_another_root_before_a_size_and_proves_it(void **state)
{
    struct fixture *f = *state;
    struct theirs x = {.dir = f->fork_dir};
    struct tlog_checkpoint of = at(f->fork, SIZE + 50), ours = at(f->log, SIZE);
    struct tlog_proof p;
    struct tlog_hash root;
    assert_ok(past(&x, SIZE + 50, SIZE, &of, &root, &p));
    assert_memory_not_equal(&root, &ours.root, sizeof root);
    assert_ok(tlog_verify_consistency(&p, SIZE, &root, of.size, &of.root));
    assert_ok(past(&x, SIZE + 50, FORKED_AT, &of, &root, &p));
    ours = at(f->log, FORKED_AT);
    assert_memory_equal(&root, &ours.root, sizeof root); /* what they have in common */
}

static void tiles_of_another_tree_or_altered_prove_nothing(void **state)
{
    struct fixture *f = *state;
    struct theirs fork = {.dir = f->fork_dir}, flip = {.dir = f->log_dir, .flip = true},
                  cut = {.dir = f->log_dir, .cut = true};
    struct tlog_checkpoint of = at(f->log, SIZE);
    struct tlog_hash root = {{0}}, zero = {{0}};
    struct tlog_proof p = {.n = 0};
    assert_int_equal(past(&fork, SIZE + 50, 400, &of, &root, &p), AM_E_TAMPERED);
    assert_int_equal(past(&flip, SIZE, 400, &of, &root, &p), AM_E_TAMPERED);
    assert_int_equal(past(&cut, SIZE, 400, &of, &root, &p), AM_E_TAMPERED);
    assert_int_equal(p.n, 0); /* nothing of it leaves */
    assert_memory_equal(&root, &zero, sizeof root);
}

static void who_holds_less_or_answers_nothing_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct theirs x = {.dir = f->log_dir}, none = {.none = true},
                  away = {.err = AM_E_TIMEOUT};
    struct tlog_checkpoint of = at(f->log, SIZE), huge = of;
    struct tlog_hash root;
    struct tlog_proof p;
    assert_int_equal(past(&x, SIZE - 1, 10, &of, &root, &p), AM_E_NOTFOUND);
    assert_int_equal(past(&x, SIZE, SIZE + 1, &of, &root, &p), AM_E_NOTFOUND);
    assert_int_equal(past(&none, SIZE, 10, &of, &root, &p), AM_E_NOTFOUND);
    assert_int_equal(past(&away, SIZE, 10, &of, &root, &p), AM_E_TIMEOUT);
    huge.size = UINT64_MAX;
    assert_int_equal(past(&x, UINT64_MAX, 10, &huge, &root, &p), AM_E_NOTFOUND);
    huge.size =
        (UINT64_C(1) << 53) - 1; /* seven levels, and no more questions than that */
    x.asked = 0;
    x.flip = true;
    assert_true(past(&x, huge.size, 10, &huge, &root, &p) != AM_OK);
    assert_true(x.asked <= 128);
}

static void a_full_tile_stands_for_a_collected_partial_one(void **state)
{
    struct fixture *f = *state;
    struct theirs x = {.dir = f->log_dir, .no_partial = true};
    struct tlog_checkpoint of = at(f->log, 256);
    struct tlog_hash root;
    struct tlog_proof p;
    assert_ok(past(&x, 256, 100, &of, &root, &p));
    of = at(f->log, 200); /* they said 200 when we asked, and have grown since */
    assert_ok(past(&x, 200, 100, &of, &root, &p));
}

static void memory_that_runs_out_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct theirs x = {.dir = f->log_dir};
    struct tlog_checkpoint of = at(f->log, SIZE);
    struct tlog_hash root;
    struct tlog_proof p;
    bool hit = true;
    for (long n = 1; hit; n++) {
        struct tlog_remote *r = NULL;
        int err;
        am_oom_at(n);
        err = tlog_remote_new(&r, SIZE, serve, &x);
        if (!err)
            err = tlog_remote_past(r, 400, &of, &root, &p);
        hit = am_oom_at(0);
        tlog_remote_free(r);
        assert_int_equal(err, hit ? AM_E_NOMEM : AM_OK);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(their_tiles_give_the_roots_and_proofs_that_ours_give),
        cmocka_unit_test(a_fork_gives_another_root_before_a_size_and_proves_it),
        cmocka_unit_test(tiles_of_another_tree_or_altered_prove_nothing),
        cmocka_unit_test(who_holds_less_or_answers_nothing_says_nothing),
        cmocka_unit_test(a_full_tile_stands_for_a_collected_partial_one),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(t, setup, teardown);
}
