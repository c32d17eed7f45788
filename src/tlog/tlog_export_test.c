/* SPDX-License-Identifier: Apache-2.0 */
/* A log as a folder of its own. */
#include "tlog/tlog_test.h"

struct fixture {
    char dir[64], log[80], out[80];
    struct crypto_key *key, *witness;
    struct tlog_policy *policy;
    struct tlog *t;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tlog_config c = {.origin = "log.example.org/1", .batch_max = 4096};
    struct tlog_vkey w;
    struct buf b;
    temp_dir(f->dir);
    f->key = seeded_key(1);
    f->witness = seeded_key(40);
    c.key = f->key;
    c.dir = f->log;
    snprintf(f->log, sizeof f->log, "%s/log", f->dir);
    snprintf(f->out, sizeof f->out, "%s/out", f->dir);
    assert_ok(tlog_open(&f->t, &c));
    buf_init(&b, 4096);
    assert_ok(buf_adds(&b, "log "));
    assert_ok(tlog_vkey_format(tlog_key(f->t), &b));
    assert_ok(buf_adds(&b, "\nwitness w "));
    assert_ok(tlog_vkey_make(STR("w"), TLOG_SIG_COSIGNATURE, f->witness, &w));
    assert_ok(tlog_vkey_format(&w, &b));
    assert_ok(buf_adds(&b, "\nquorum w\n"));
    assert_ok(tlog_policy_parse(&f->policy, buf_str(&b), NULL));
    buf_release(&b);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tlog_close(f->t);
    tlog_policy_free(f->policy);
    crypto_key_free(f->witness);
    crypto_key_free(f->key);
    remove_tree(f->dir);
    free(f);
    return 0;
}

static void grow(struct fixture *f, uint64_t to)
{
    struct tlog_checkpoint head;
    uint64_t index = 0;
    tlog_head(f->t, &head);
    for (uint64_t i = head.size; i < to; i++) {
        char text[40];
        snprintf(text, sizeof text, "entry %llu", (unsigned long long)i);
        assert_ok(tlog_queue(f->t, str_c(text), &index));
    }
    if (head.size < to)
        assert_ok(tlog_wait(f->t, index));
}

static void cosign(struct fixture *f)
{
    struct tlog_checkpoint head;
    struct tlog_vkey w;
    struct str body, sigs;
    struct buf note, line;
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&line, 4096);
    tlog_head(f->t, &head);
    assert_ok(tlog_note(f->t, &note));
    assert_ok(tlog_note_split(buf_str(&note), &body, &sigs));
    assert_ok(tlog_vkey_make(STR("w"), TLOG_SIG_COSIGNATURE, f->witness, &w));
    assert_ok(tlog_cosign(&w, f->witness, body, 1790000000000000, &line));
    assert_ok(tlog_add_cosignatures(f->t, f->policy, head.size, buf_str(&line)));
    buf_release(&line);
    buf_release(&note);
}

static unsigned counted;
static int count_file(const char *path, const struct stat *st, int type, struct FTW *w)
{
    (void)path, (void)st, (void)w;
    counted += type == FTW_F;
    return 0;
}

static unsigned files_of(const char *dir)
{
    counted = 0;
    assert_int_equal(nftw(dir, count_file, 16, FTW_PHYS), 0);
    return counted;
}

/* Exported, found sound by fsck, read again to the same root. */
static uint64_t exported(struct fixture *f)
{
    struct tlog_config c = {.dir = f->out};
    struct tlog_checkpoint got, head;
    struct tlog_hash root;
    struct tlog *copy;
    struct diag d;
    diag_init(&d);
    remove_tree(f->out);
    assert_ok(tlog_export(f->t, f->out, &got));
    assert_ok(tlog_fsck(f->out, tlog_key(f->t), &d));
    assert_int_equal(d.n, 0);
    assert_ok(tlog_open(&copy, &c));
    tlog_head(copy, &head);
    assert_int_equal(head.size, got.size);
    assert_ok(tlog_root_at(f->t, got.size, &root));
    assert_memory_equal(&root, &head.root, sizeof root);
    tlog_close(copy);
    diag_release(&d);
    return got.size;
}

static void every_size_gives_a_folder_of_its_own(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t size;
        unsigned files;
    } want[] = {/* note; bundles; hashes of level 0; of level 1 */
                {0, 1},
                {1, 1 + 1 + 1},
                {255, 1 + 1 + 1},
                {256, 1 + 1 + 1 + 1},
                {257, 1 + 2 + 2 + 1},
                {700, 1 + 3 + 3 + 1}};
    for (size_t i = 0; i < AM_LEN(want); i++) {
        grow(f, want[i].size);
        assert_int_equal(exported(f), want[i].size);
        assert_int_equal(files_of(f->out), want[i].files);
    }
}

static void the_cosigned_checkpoint_is_the_one_that_leaves(void **state)
{
    struct fixture *f = *state;
    char path[160];
    static const uint64_t at[] = {3, 256, 300, 511};
    for (size_t i = 0; i < AM_LEN(at); i++) {
        grow(f, at[i]);
        cosign(f);
        grow(f, at[i] + 40); /* signed by nobody else yet: not everybody's */
        assert_int_equal(exported(f), at[i]);
        snprintf(path, sizeof path, "%s/checkpoint.cosigned", f->out);
        assert_int_equal(access(path, F_OK), 0);
    }
}

static void an_altered_file_is_not_passed_on(void **state)
{
    struct fixture *f = *state;
    static const char *const name[] = {"tile/0/001", "tile/0/000"};
    struct tlog_checkpoint got = {.size = 77};
    char path[160], *text;
    size_t n;
    grow(f, 600);
    tlog_close(f->t); /* whose tiles are in memory */
    f->t = NULL;
    for (size_t i = 0; i < AM_LEN(name); i++) {
        struct tlog_config c = {.dir = f->log};
        struct tlog *reader;
        snprintf(path, sizeof path, "%s/%s", f->log, name[i]);
        assert_ok(am_file_read(path, 1 << 20, &text, &n));
        text[100] ^= 1;
        assert_ok(am_file_write(path, (struct str){text, n}, 0600));
        assert_ok(tlog_open(&reader, &c));
        remove_tree(f->out);
        assert_int_equal(tlog_export(reader, f->out, &got), AM_E_TAMPERED);
        assert_int_equal(got.size, 77);
        snprintf(path, sizeof path, "%s/checkpoint", f->out);
        assert_int_not_equal(access(path, F_OK), 0); /* no copy without it */
        tlog_close(reader);
        text[100] ^= 1;
        snprintf(path, sizeof path, "%s/%s", f->log, name[i]);
        assert_ok(am_file_write(path, (struct str){text, n}, 0600));
        free(text);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest t[] = {
        T(every_size_gives_a_folder_of_its_own),
        T(the_cosigned_checkpoint_is_the_one_that_leaves),
        T(an_altered_file_is_not_passed_on),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
