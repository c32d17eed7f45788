/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/tlog_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log.h"

struct fixture {
    char dir[64];
    struct crypto_key *key;
    struct tlog *t;
};

static struct tlog_config config(struct fixture *f)
{
    return (struct tlog_config){.dir = f->dir, .origin = "log.example/a", .key = f->key};
}

static void reopen(struct fixture *f)
{
    struct tlog_config c = config(f);
    tlog_close(f->t);
    f->t = NULL;
    assert_ok(tlog_open(&f->t, &c));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    log_set_level(LOG_OFF);
    temp_dir(f->dir);
    f->key = seeded_key(0);
    reopen(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tlog_close(f->t);
    crypto_key_free(f->key);
    remove_tree(f->dir);
    free(f);
    return 0;
}

static void append_range(struct tlog *t, int from, int to)
{
    uint64_t index = 0;
    char text[32];
    for (int i = from; i < to; i++) {
        snprintf(text, sizeof text, "entry %d", i);
        assert_ok(tlog_queue(t, str_c(text), &index));
        assert_int_equal(index, i);
    }
    if (to > from)
        assert_ok(tlog_wait(t, index));
}

static int fsck(struct fixture *f)
{
    return tlog_fsck(f->dir, tlog_key(f->t), NULL);
}

static void a_new_log_is_the_signed_empty_tree(void **state)
{
    struct fixture *f = *state;
    struct tlog_checkpoint c;
    struct tlog_hash empty;
    struct buf b;
    tlog_empty_root(&empty);
    buf_init(&b, 2000);
    assert_ok(tlog_note(f->t, &b));
    assert_ok(tlog_checkpoint_open(buf_str(&b), tlog_key(f->t), &c));
    assert_int_equal(c.size, 0);
    assert_memory_equal(&c.root, &empty, sizeof empty);
    assert_int_equal(tlog_note_cosigned(f->t, &b), AM_E_NOTFOUND);
    assert_ok(fsck(f));
    buf_release(&b);
}

static int expect_entry(void *cookie, uint64_t index, struct str entry)
{
    uint64_t *seen = cookie;
    char text[32];
    snprintf(text, sizeof text, "entry %d", (int)index);
    if (index != *seen || !str_eqc(entry, text))
        return AM_E_INTERNAL;
    (*seen)++;
    return AM_OK;
}

static void entries_come_back_as_they_went_in(void **state)
{
    struct fixture *f = *state;
    uint64_t seen = 0;
    struct buf b;
    buf_init(&b, TLOG_ENTRY_MAX);
    append_range(f->t, 0, 700);
    for (int again = 0; again < 2; again++) {
        seen = 0;
        assert_ok(tlog_each(f->t, 0, 700, expect_entry, &seen));
        assert_int_equal(seen, 700);
        seen = 250;
        assert_ok(tlog_each(f->t, 250, 260, expect_entry, &seen));
        assert_int_equal(seen, 260);
        assert_int_equal(tlog_each(f->t, 0, 701, expect_entry, &seen), AM_E_NOTFOUND);
        buf_clear(&b);
        assert_ok(tlog_entry(f->t, 699, &b));
        assert_string_equal(b.p, "entry 699");
        assert_int_equal(tlog_entry(f->t, 700, &b), AM_E_NOTFOUND);
        assert_int_equal(tlog_entry(f->t, UINT64_MAX, &b), AM_E_NOTFOUND);
        reopen(f);
    }
    assert_ok(fsck(f));
    buf_release(&b);
}

static void root_and_proofs_match_gos_sumdb(void **state)
{
    struct fixture *f = *state;
    /* golang.org/x/mod 0.7.0: TreeHash, ProveRecord(1000, 300), ProveTree(1000, 300) */
    static const char *inc[] = {
        "a9b2ab685093ef60ebc0e17ef8e05abd1e1d2c29c3d2020a9ab7ea3377b69704",
        "86e0f343836ea74091b29e258c4345682b397af3aaca4231759bc69b1d6e8fc1",
        "85d6972371e9bb8eac6f0eba58faaeebb85311ad0828b8901be9d9e35e337759",
        "0d2044513639844d3f7a5725444b816a9965faaea2e214660e88710c8e9ac5be",
        "809cbf7cb509dcf8b03fa6dd2d168daf153980834eff18a1b76e8fa3b5d41b08",
        "47a3cfbecc97474c55539e0825021f8908ae110b612f3f1f6f9088023223ddd4",
        "df9812eab648e76245ce8945d7ec662c4f848d7df0b60897da98e226db7dfcc3",
        "5f497073519e9407492f5d4bc6c8113c1b8062424e4c368fa9a85253ba0718c0",
        "da6596d95369f5fef322ab8e4e0da3b0b50236aa9c8a3b1d246f7411c9e2e32e",
        "31b0e9caf5c15d4eae3ed55b36abfe1c5d3210873262ece8c21a27ff7a172844"};
    static const char *con[] = {
        "85d6972371e9bb8eac6f0eba58faaeebb85311ad0828b8901be9d9e35e337759",
        "305bb6270b248dbe12d2d1715f80fea53609c1b9b342df803ccd569f15e9a52b",
        "0d2044513639844d3f7a5725444b816a9965faaea2e214660e88710c8e9ac5be",
        "809cbf7cb509dcf8b03fa6dd2d168daf153980834eff18a1b76e8fa3b5d41b08",
        "47a3cfbecc97474c55539e0825021f8908ae110b612f3f1f6f9088023223ddd4",
        "df9812eab648e76245ce8945d7ec662c4f848d7df0b60897da98e226db7dfcc3",
        "5f497073519e9407492f5d4bc6c8113c1b8062424e4c368fa9a85253ba0718c0",
        "da6596d95369f5fef322ab8e4e0da3b0b50236aa9c8a3b1d246f7411c9e2e32e",
        "31b0e9caf5c15d4eae3ed55b36abfe1c5d3210873262ece8c21a27ff7a172844"};
    struct tlog_checkpoint c;
    struct tlog_proof p;
    append_range(f->t, 0, 1000);
    tlog_head(f->t, &c);
    assert_int_equal(c.size, 1000);
    assert_hex_equal(c.root.h,
                     "346c6b9cb89c4b76fac9dcb20cda86e3a01c0a57417c139028eacd4538fde95b");
    assert_ok(tlog_prove_inclusion(f->t, 300, 1000, &p));
    assert_int_equal(p.n, AM_LEN(inc));
    for (size_t i = 0; i < p.n; i++)
        assert_hex_equal(p.node[i].h, inc[i]);
    assert_ok(tlog_prove_consistency(f->t, 300, 1000, &p));
    assert_int_equal(p.n, AM_LEN(con));
    for (size_t i = 0; i < p.n; i++)
        assert_hex_equal(p.node[i].h, con[i]);
}

/* Sizes around the tile borders, up to the second level of tiles. */
static void proofs_between_any_two_sizes_verify(void **state)
{
    struct fixture *f = *state;
    static const uint64_t size[] = {0,   1,   2,   3,   255,   256,   257,   511,  512,
                                    513, 767, 900, 999, 65535, 65536, 65537, 66000};
    struct tlog_hash root[AM_LEN(size)], leaf;
    struct tlog_proof p;
    append_range(f->t, 0, 66000);
    reopen(f);
    for (size_t i = 0; i < AM_LEN(size); i++)
        assert_ok(tlog_root_at(f->t, size[i], &root[i]));
    assert_hex_equal(root[5].h,
                     "da6596d95369f5fef322ab8e4e0da3b0b50236aa9c8a3b1d246f7411c9e2e32e");
    for (size_t i = 0; i < AM_LEN(size); i++)
        for (size_t j = i; j < AM_LEN(size); j++) {
            assert_ok(tlog_prove_consistency(f->t, size[i], size[j], &p));
            assert_ok(tlog_verify_consistency(&p, size[i], &root[i], size[j], &root[j]));
        }
    for (size_t j = 1; j < AM_LEN(size); j++)
        for (uint64_t m = 0; m < size[j]; m += 1 + m * 7 / 5) {
            char text[32];
            snprintf(text, sizeof text, "entry %d", (int)m);
            tlog_leaf_hash(str_c(text), &leaf);
            assert_ok(tlog_prove_inclusion(f->t, m, size[j], &p));
            assert_ok(tlog_verify_inclusion(&p, m, &leaf, size[j], &root[j]));
        }
    assert_int_equal(tlog_prove_inclusion(f->t, 5, 5, &p), AM_E_NOTFOUND);
    assert_int_equal(tlog_prove_inclusion(f->t, 0, 66001, &p), AM_E_NOTFOUND);
    assert_int_equal(tlog_prove_consistency(f->t, 6, 5, &p), AM_E_NOTFOUND);
    assert_int_equal(tlog_prove_consistency(f->t, 6, 66001, &p), AM_E_NOTFOUND);
    assert_int_equal(tlog_root_at(f->t, 66001, &leaf), AM_E_NOTFOUND);
}

static void wrong_entries_and_openers_are_refused(void **state)
{
    struct fixture *f = *state;
    struct tlog_config c = config(f);
    struct crypto_key *other = seeded_key(1);
    struct tlog *t = NULL;
    uint64_t i;
    char *big = calloc(1, TLOG_ENTRY_MAX + 1);
    assert_int_equal(tlog_append(f->t, STR_NULL, &i), AM_E_INVALID);
    assert_int_equal(tlog_append(f->t, (struct str){big, TLOG_ENTRY_MAX + 1}, &i),
                     AM_E_TOOBIG);
    assert_ok(tlog_append(f->t, (struct str){big, TLOG_ENTRY_MAX}, &i));
    assert_int_equal(i, 0);
    assert_int_equal(tlog_wait(f->t, 1), AM_E_INVALID);
    assert_int_equal(tlog_open(&t, &c), AM_E_CONFLICT); /* I5, same process */
    c.key = NULL; /* reading beside the writer is fine, writing is not */
    assert_ok(tlog_open(&t, &c));
    assert_int_equal(tlog_append(t, STR("x"), &i), AM_E_FORBIDDEN);
    assert_int_equal(tlog_collect(t), AM_E_FORBIDDEN);
    tlog_close(t);
    c.origin = "elsewhere";
    assert_int_equal(tlog_open(&t, &c), AM_E_CONFLICT);
    tlog_close(f->t);
    f->t = NULL;
    c = config(f);
    c.key = other;
    assert_int_equal(tlog_open(&t, &c), AM_E_TAMPERED);
    c = config(f);
    c.origin = "log.*";
    assert_int_equal(tlog_open(&t, &c), AM_E_INVALID);
    c = config(f);
    assert_ok(tlog_open(&f->t, &c)); /* refusals released the lock and changed nothing */
    free(big);
    crypto_key_free(other);
}

static void another_process_is_refused(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct tlog_config c = config(f);
        struct tlog *t;
        _exit(tlog_open(&t, &c) == AM_E_CONFLICT ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void *append_some(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < 50; i++) {
        uint64_t index = 0;
        struct buf b;
        int err = tlog_append(f->t, STR("from a thread"), &index);
        buf_init(&b, 100);
        if (!err)
            err = tlog_entry(f->t, index, &b);
        buf_release(&b);
        if (err)
            return arg;
    }
    return NULL;
}

static void threads_share_checkpoints(void **state)
{
    struct fixture *f = *state;
    pthread_t t[8];
    struct tlog_checkpoint c;
    void *bad;
    for (size_t i = 0; i < AM_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, append_some, f), 0);
    for (size_t i = 0; i < AM_LEN(t); i++) {
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    tlog_head(f->t, &c);
    assert_int_equal(c.size, 400);
    assert_ok(fsck(f));
}

static void count_checkpoint(void *cookie, const struct tlog_checkpoint *c)
{
    uint64_t *last = cookie;
    assert_true(c->size > *last);
    *last = c->size;
}

static void checkpoints_are_announced_and_closing_flushes(void **state)
{
    struct fixture *f = *state;
    struct tlog_config c = config(f);
    uint64_t last = 0, index;
    tlog_close(f->t);
    c.on_checkpoint = count_checkpoint;
    c.cookie = &last;
    c.batch_max = 3;
    assert_ok(tlog_open(&f->t, &c));
    for (int i = 0; i < 10; i++)
        assert_ok(tlog_queue(f->t, STR("x"), &index));
    tlog_close(f->t);
    f->t = NULL;
    assert_int_equal(last, 10);
    reopen(f);
    assert_ok(fsck(f));
}

static void a_waiting_entry_is_published_within_a_second(void **state)
{
    struct fixture *f = *state;
    struct tlog_config c = config(f);
    struct timespec a, b;
    uint64_t index;
    tlog_close(f->t);
    c.delay_ms = 600000; /* the bound is TLOG_DELAY_MS */
    assert_ok(tlog_open(&f->t, &c));
    append_range(f->t, 0, 50); /* company once, then none */
    clock_gettime(CLOCK_MONOTONIC, &a);
    assert_ok(tlog_append(f->t, STR("alone"), &index));
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 60000);
}

static size_t files_below(const char *dir)
{
    size_t n = 0;
    char path[4096];
    DIR *d = opendir(dir);
    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        n += e->d_type == DT_DIR ? files_below(path) : 1;
    }
    closedir(d);
    return n;
}

static void partial_tiles_do_not_pile_up(void **state)
{
    struct fixture *f = *state;
    uint64_t index;
    for (int i = 0; i < 300; i++)
        assert_ok(tlog_append(f->t, STR("x"), &index));
    /* 33 kept sizes: a leaf tile and a bundle each, 2 full, and one partial of level 1.
     */
    assert_in_range(files_below(f->dir), 60, 2 * 34 + 2 + 1 + 1);
    assert_ok(tlog_collect(f->t));
    assert_in_range(files_below(f->dir), 60, 2 * 34 + 2 + 1 + 1);
    reopen(f); /* then only the newest counts */
    assert_int_equal(files_below(f->dir), 2 + 2 + 1 + 1);
    assert_ok(fsck(f));
}

/* -- damage ----------------------------------------------------------------------------
 */

static void flip(const char *dir, const char *file, size_t at)
{
    char path[256], *text;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", dir, file);
    assert_ok(am_file_read(path, 1 << 20, &text, &n));
    text[at % n] ^= 4;
    assert_ok(am_file_write(path, (struct str){text, n}, 0644));
    free(text);
}

static void every_damaged_file_is_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *file, *code;
    } spot[] = {
        {"tile/entries/000", "tlog.entry_hash"},
        {"tile/entries/002.p/188", "tlog.entry_hash"},
        {"tile/0/001", "tlog.tile_hash"},
        {"tile/0/002.p/188", "tlog.tile_hash"},
        {"tile/1/000.p/2", "tlog.tile_hash"},
        {"checkpoint", "tlog.signature"},
    };
    append_range(f->t, 0, 700);
    assert_ok(fsck(f));
    for (size_t i = 0; i < AM_LEN(spot); i++) {
        /* 7th byte of an entry, any byte of a tile, a byte of the root's base64 */
        size_t at = spot[i].file[0] == 'c' ? strlen("log.example/a\n700\n") + 7 : 7;
        struct diag d;
        diag_init(&d);
        flip(f->dir, spot[i].file, at);
        assert_int_equal(tlog_fsck(f->dir, tlog_key(f->t), &d), AM_E_TAMPERED);
        assert_int_equal(d.n, 1);
        assert_string_equal(d.item[0].path, spot[i].file);
        assert_string_equal(d.item[0].code, spot[i].code);
        flip(f->dir, spot[i].file, at);
        diag_release(&d);
        assert_ok(fsck(f));
    }
}

static void a_missing_or_cut_file_is_named(void **state)
{
    struct fixture *f = *state;
    static const char *file[] = {"tile/entries/001", "tile/0/000", "tile/1/000.p/2"};
    append_range(f->t, 0, 700);
    for (size_t i = 0; i < AM_LEN(file); i++) {
        char path[256], *text;
        size_t n;
        struct diag d;
        snprintf(path, sizeof path, "%s/%s", f->dir, file[i]);
        assert_ok(am_file_read(path, 1 << 20, &text, &n));
        for (int cut = 0; cut < 2; cut++) {
            diag_init(&d);
            if (cut)
                assert_ok(am_file_write(path, (struct str){text, n - 1}, 0644));
            else
                unlink(path);
            assert_int_equal(tlog_fsck(f->dir, tlog_key(f->t), &d), AM_E_TAMPERED);
            assert_int_equal(d.n, 1);
            assert_string_equal(d.item[0].path, file[i]);
            diag_release(&d);
        }
        assert_ok(am_file_write(path, (struct str){text, n}, 0644));
        free(text);
    }
    assert_ok(fsck(f));
}

static int ignore_entry(void *cookie, uint64_t index, struct str entry)
{
    (void)cookie, (void)index, (void)entry;
    return AM_OK;
}

static void reading_a_damaged_log_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tlog_proof p;
    struct buf b;
    buf_init(&b, 1000);
    append_range(f->t, 0, 700);
    flip(f->dir, "tile/entries/000", 7);
    reopen(f);
    assert_int_equal(tlog_each(f->t, 0, 700, ignore_entry, NULL), AM_E_TAMPERED);
    assert_int_equal(tlog_entry(f->t, 0, &b), AM_E_TAMPERED);
    assert_ok(tlog_entry(f->t, 300, &b));
    flip(f->dir, "tile/entries/000", 7);
    flip(f->dir, "tile/0/000", 7);
    reopen(f);
    assert_int_equal(tlog_entry(f->t, 0, &b), AM_E_TAMPERED);
    assert_int_equal(tlog_prove_inclusion(f->t, 3, 700, &p), AM_E_TAMPERED);
    assert_ok(tlog_prove_inclusion(f->t, 300, 700, &p));
    buf_release(&b);
}

static void opening_a_damaged_edge_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *file[] = {"tile/0/002.p/188", "tile/entries/002.p/188",
                                 "tile/1/000.p/2", "checkpoint"};
    struct tlog_config c = config(f);
    char path[128];
    append_range(f->t, 0, 700);
    tlog_close(f->t);
    f->t = NULL;
    for (size_t i = 0; i < AM_LEN(file); i++) {
        flip(f->dir, file[i], 20);
        assert_int_equal(tlog_open(&f->t, &c), i == 3 ? AM_E_TAMPERED : AM_E_TAMPERED);
        assert_null(f->t);
        flip(f->dir, file[i], 20);
    }
    snprintf(path, sizeof path, "%s/checkpoint", f->dir);
    unlink(path); /* tiles without a checkpoint: never start over */
    assert_int_equal(tlog_open(&f->t, &c), AM_E_TAMPERED);
}

static void what_lies_beyond_the_checkpoint_is_discarded(void **state)
{
    struct fixture *f = *state;
    char *note, path[128];
    size_t n, files;
    snprintf(path, sizeof path, "%s/checkpoint", f->dir);
    append_range(f->t, 0, 10);
    assert_ok(am_file_read(path, 4096, &note, &n));
    files = files_below(f->dir);
    append_range(f->t, 10, 700);
    tlog_close(f->t);
    f->t = NULL;
    /* As after a crash between the tiles and the checkpoint. */
    assert_ok(am_file_write(path, (struct str){note, n}, 0644));
    free(note);
    reopen(f);
    assert_int_equal(files_below(f->dir), files);
    assert_ok(fsck(f));
    append_range(f->t, 10, 300);
    assert_ok(fsck(f));
}

/* -- crashes ---------------------------------------------------------------------------
 */

/* Child: appends numbered entries from where the log stands and reports each promise. */
static void append_until_killed(struct fixture *f, int fd)
{
    struct tlog_config c = config(f);
    struct tlog_checkpoint head;
    struct tlog *t;
    c.batch_max = 300;
    if (tlog_open(&t, &c))
        _exit(1);
    tlog_head(t, &head);
    for (uint64_t at = head.size;;) {
        uint64_t n = 1 + at % 5 * 70, index = 0; /* 1 to 281 at a time */
        char text[64];
        for (uint64_t i = 0; i < n; i++) {
            snprintf(text, sizeof text, "entry %d", (int)(at + i));
            if (tlog_queue(t, str_c(text), &index) || index != at + i)
                _exit(2);
        }
        if (tlog_wait(t, index) || write(fd, &index, sizeof index) != sizeof index)
            _exit(3);
        at += n;
    }
}

static uint64_t crash_once(struct fixture *f, unsigned delay_us)
{
    int fd[2], status;
    uint64_t index, promised = 0;
    pid_t pid;
    assert_int_equal(pipe(fd), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        append_until_killed(f, fd[1]);
    close(fd[1]);
    usleep(delay_us);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    while (read(fd[0], &index, sizeof index) == sizeof index)
        promised = index + 1;
    close(fd[0]);
    return promised;
}

static void kill_nine_loses_nothing_promised(void **state)
{
    struct fixture *f = *state;
    struct tlog_checkpoint before = {.size = 0}, head;
    struct tlog_proof p;
    tlog_empty_root(&before.root);
    /* On a busy machine, or a slow disk, a child may be killed before its first entry:
     * more of them then, each with a little more time. */
    for (unsigned round = 0; round < 200 || (before.size <= 256 && round < 2000);
         round++) {
        uint64_t promised, seen;
        tlog_close(f->t);
        f->t = NULL;
        promised = crash_once(f, round * 7919 % 30011 + (round < 200 ? 0 : round) * 1000);
        reopen(f);
        tlog_head(f->t, &head);
        assert_true(head.size >= promised); /* I1 */
        assert_ok(tlog_prove_consistency(f->t, before.size, head.size, &p));
        assert_ok(tlog_verify_consistency(&p, before.size, &before.root, head.size,
                                          &head.root));
        seen = before.size;
        assert_ok(tlog_each(f->t, before.size, head.size, expect_entry, &seen));
        assert_int_equal(seen, head.size);
        before = head;
    }
    assert_true(head.size > 256);
    assert_ok(fsck(f));
    print_message("at least 200 kills, %d entries\n", (int)head.size);
}

/* Child: a log on a tmpfs of its own. 77: mounting is not allowed here. */
static int fill_a_small_disk(struct fixture *f, bool resume)
{
    struct tlog_config c = config(f);
    struct tlog_checkpoint head;
    char text[2000] = "entry";
    uint64_t index, done = 0;
    struct tlog *t;
    int err = AM_OK;
    char ballast[128];
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", f->dir, "tmpfs", 0, "size=2m"))
        return 77;
    snprintf(ballast, sizeof ballast, "%s/.ballast", f->dir);
    if (am_file_write(ballast, (struct str){calloc(1, 1 << 20), 1 << 20}, 0600))
        return 2;
    if (tlog_open(&t, &c))
        return 3;
    for (int i = 0; i < 2000 && !err; i++) {
        err = tlog_append(t, (struct str){text, sizeof text}, &index);
        done += !err;
    }
    if (err != AM_E_NOSPACE || tlog_append(t, STR("x"), &index) != AM_E_NOSPACE)
        return 4; /* refuses until reopened */
    tlog_head(t, &head);
    if (head.size != done || tlog_health(t) != AM_E_NOSPACE)
        return 5;
    if (resume) { /* this round goes on without reopening */
        if (unlink(ballast) || tlog_resume(t) || tlog_health(t))
            return 9;
    } else {
        tlog_close(t);
        if (unlink(ballast) || tlog_open(&t, &c)) /* room again */
            return 6;
    }
    tlog_head(t, &head);
    if (head.size != done || tlog_append(t, STR("x"), &index) || index != done)
        return 7;
    if (tlog_fsck(f->dir, tlog_key(t), NULL))
        return 8;
    tlog_close(t);
    return 0;
}

static void full_disk(struct fixture *f, bool resume)
{
    int status;
    pid_t pid;
    tlog_close(f->t);
    f->t = NULL;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fill_a_small_disk(f, resume));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("SKIPPED: a_full_disk: this process may not mount a tmpfs\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_full_disk_refuses_and_loses_nothing(void **state)
{
    full_disk(*state, false);
}

static void with_room_again_the_log_goes_on_without_reopening(void **state)
{
    full_disk(*state, true);
}

/* ---- persist: the batch is somewhere else first ---- */
struct kept {
    struct fixture *f;
    uint64_t first, batches;
    char text[400];
    int err;
};

static int keep(void *cookie, uint64_t first, const struct str *entry,
                const void *const *with, size_t n)
{
    struct kept *k = cookie;
    struct tlog_checkpoint head;
    if (k->err)
        return k->err;
    tlog_head(k->f->t, &head);
    assert_int_equal(head.size, first); /* before the checkpoint */
    k->first = first;
    k->batches++;
    for (size_t i = 0; i < n; i++)
        snprintf(k->text + strlen(k->text), sizeof k->text - strlen(k->text),
                 "%llu:%.*s=%s ", (unsigned long long)first + i, STR_FMT(entry[i]),
                 with[i] ? (const char *)with[i] : "-");
    return AM_OK;
}

static void a_batch_is_handed_over_before_its_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct kept k = {.f = f};
    struct tlog_config c = config(f);
    struct tlog_checkpoint head;
    uint64_t index;
    c.persist = keep;
    c.cookie = &k;
    tlog_close(f->t);
    assert_ok(tlog_open(&f->t, &c));
    assert_ok(tlog_append_with(f->t, STR("a"), "one", &index));
    assert_ok(tlog_append(f->t, STR("b"), &index));
    assert_string_equal(k.text, "0:a=one 1:b=- ");
    k.err = AM_E_IO; /* refused there: nothing of it is here, and nothing goes on */
    assert_int_equal(tlog_append(f->t, STR("c"), &index), AM_E_IO);
    k.err = AM_OK;
    assert_int_equal(tlog_append(f->t, STR("d"), &index), AM_E_IO);
    tlog_head(f->t, &head);
    assert_int_equal(head.size, 2);
    assert_ok(tlog_resume(f->t));
    assert_ok(tlog_append(f->t, STR("e"), &index));
    assert_int_equal(index, 2);
    assert_string_equal(k.text, "0:a=one 1:b=- 2:e=- ");
    assert_ok(tlog_fsck(f->dir, tlog_key(f->t), NULL));
}

static int open_append_prove(struct fixture *f, uint64_t *index)
{
    struct tlog_config c = config(f);
    struct tlog *t = NULL;
    struct tlog_proof p;
    struct buf b;
    int err = tlog_open(&t, &c);
    buf_init(&b, TLOG_NOTE_MAX);
    if (!err)
        err = tlog_append(t, STR("x"), index);
    if (!err)
        err = tlog_prove_inclusion(t, 3, *index + 1, &p);
    if (!err)
        err = tlog_entry(t, 3, &b);
    if (!err)
        err = tlog_note(t, &b);
    tlog_close(t);
    buf_release(&b);
    return err;
}

static void survives_no_memory(void **state)
{
    struct fixture *f = *state;
    uint64_t index = 0;
    long n = 1;
    append_range(f->t, 0, 255); /* the next batches fill tiles */
    tlog_close(f->t);
    f->t = NULL;
    for (;; n++) {
        am_oom_at(n);
        int err = open_append_prove(f, &index);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    assert_true(n > 20);
    reopen(f);
    assert_ok(fsck(f));
    for (n = 1;; n++) {
        am_oom_at(n);
        int err = fsck(f);
        if (!am_oom_at(0)) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, AM_E_NOMEM);
    }
    tlog_close(NULL);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest t[] = {
        WITH(a_new_log_is_the_signed_empty_tree),
        WITH(entries_come_back_as_they_went_in),
        WITH(root_and_proofs_match_gos_sumdb),
        WITH(proofs_between_any_two_sizes_verify),
        WITH(wrong_entries_and_openers_are_refused),
        WITH(another_process_is_refused),
        WITH(threads_share_checkpoints),
        WITH(checkpoints_are_announced_and_closing_flushes),
        WITH(a_waiting_entry_is_published_within_a_second),
        WITH(partial_tiles_do_not_pile_up),
        WITH(every_damaged_file_is_named),
        WITH(a_missing_or_cut_file_is_named),
        WITH(reading_a_damaged_log_is_refused),
        WITH(opening_a_damaged_edge_is_refused),
        WITH(what_lies_beyond_the_checkpoint_is_discarded),
        WITH(kill_nine_loses_nothing_promised),
        WITH(a_full_disk_refuses_and_loses_nothing),
        WITH(with_room_again_the_log_goes_on_without_reopening),
        WITH(a_batch_is_handed_over_before_its_checkpoint),
        WITH(survives_no_memory),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
