/* SPDX-License-Identifier: Apache-2.0 */
/* Power cuts: a folder whose entries are durable elsewhere is copied while it grows, and
 * everything in the copy that no sync vouches for is spoilt. AMANE_CUTS raises the rounds
 * (60), AMANE_SEED repeats one. */
#include "tlog/tlog_cut_test.h"
#include "tlog/tlog_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include "base/log.h"
#include "tlog/tlog_priv.h"

enum { ROUNDS = 60, ENTRIES = 3000, HEADS = 4096, TEXT = 24 };

struct fixture {
    char dir[64], cut[64]; /* the folder, its copy at the power cut */
    struct crypto_key *key;
    struct tlog *t;
    char row[ENTRIES][TEXT]; /* the owner's durable copy */
    uint64_t rows;
    struct tlog_checkpoint head[HEADS]; /* everything that was published */
    size_t heads;
    bool replaying;
};

static int keep_rows(void *cookie, uint64_t first, const struct str *entry,
                     const void *const *with, size_t n)
{
    struct fixture *f = cookie;
    (void)with;
    for (size_t i = 0; i < n && !f->replaying; i++)
        snprintf(f->row[first + i], TEXT, "%.*s", STR_FMT(entry[i]));
    if (!f->replaying)
        f->rows = first + n;
    return AM_OK;
}

static void note_head(void *cookie, const struct tlog_checkpoint *c)
{
    struct fixture *f = cookie;
    if (f->replaying)
        return;
    assert_true(f->heads < HEADS);
    f->head[f->heads++] = *c;
}

static int open_at(struct fixture *f, const char *dir, struct tlog **out)
{
    struct tlog_config c = {.dir = dir,
                            .origin = "log.example/a",
                            .key = f->key,
                            .batch_max = 7,
                            .sync_entries = 64,
                            .persist = keep_rows,
                            .on_checkpoint = note_head,
                            .cookie = f};
    return tlog_open(out, &c);
}

/* As the registry does: the rows beyond, then tlog_rejoin(). */
static int join(struct fixture *f, struct tlog *t, uint64_t rows)
{
    struct tlog_checkpoint head;
    uint64_t index = 0;
    int err = AM_OK;
    tlog_head(t, &head);
    f->replaying = true;
    for (uint64_t i = head.size; i < rows && !err; i++)
        err = tlog_queue(t, str_c(f->row[i]), &index);
    if (!err && head.size < rows)
        err = tlog_wait(t, index);
    if (err)
        return err; /* what is queued may still come: it is not new */
    f->replaying = false;
    return tlog_rejoin(t);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    log_set_level(LOG_OFF);
    temp_dir(f->dir);
    temp_dir(f->cut);
    f->key = seeded_key(0);
    assert_ok(open_at(f, f->dir, &f->t));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tlog_close(f->t);
    crypto_key_free(f->key);
    remove_tree(f->dir);
    remove_tree(f->cut);
    free(f);
    return 0;
}

static void grow(struct fixture *f, size_t n)
{
    const uint64_t first = f->rows;
    uint64_t index = first;
    char text[TEXT];
    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "entry %llu", (unsigned long long)(first + i));
        assert_ok(tlog_queue(f->t, str_c(text), &index));
    }
    if (n)
        assert_ok(tlog_wait(f->t, index));
}

static void copy(const char *from, const char *to)
{
    char command[256];
    remove_tree(to);
    snprintf(command, sizeof command, "cp -a %s %s 2>/dev/null", from, to);
    (void)!system(command); /* a temporary file may vanish meanwhile: as it should */
}

/* ---- the cut ----------------------------------------------------------------------- */
/* Copies first, so that the rows are those of a later moment: as a database is. */
static void cut_power(struct fixture *f, unsigned seed)
{
    copy(f->dir, f->cut);
    cut_spoil(f->cut, seed);
}

static void everything_is_there(struct fixture *f, struct tlog *t)
{
    struct tlog_checkpoint head;
    struct tlog_hash root;
    struct buf b;
    tlog_head(t, &head);
    assert_int_equal(head.size, f->rows);
    for (size_t i = 0; i < f->heads; i++) {
        assert_ok(tlog_root_at(t, f->head[i].size, &root));
        assert_memory_equal(&root, &f->head[i].root, sizeof root);
    }
    buf_init(&b, TLOG_ENTRY_MAX);
    for (uint64_t i = 0; i < f->rows; i += 1 + i / 40) {
        buf_clear(&b);
        assert_ok(tlog_entry(t, i, &b));
        assert_string_equal(b.p, f->row[i]);
    }
    buf_release(&b);
}

static void a_power_cut_loses_nothing_and_forks_nothing(void **state)
{
    struct fixture *f = *state;
    unsigned seed = getenv("AMANE_SEED")
                        ? (unsigned)strtoul(getenv("AMANE_SEED"), NULL, 10)
                        : (unsigned)time(NULL);
    size_t rounds =
        getenv("AMANE_CUTS") ? (size_t)strtoul(getenv("AMANE_CUTS"), NULL, 10) : ROUNDS;
    uint64_t behind = 0;
    for (size_t i = 0; i < rounds; i++) {
        struct tlog *t = NULL;
        if (f->rows + 80 < ENTRIES)
            grow(f, (size_t)rand_r(&seed) % 80);
        cut_power(f, seed + (unsigned)i);
        behind += f->rows - cut.synced;
        if (open_at(f, f->cut, &t) || join(f, t, f->rows))
            fail_msg("seed %u, round %zu: synced %llu of %llu", seed, i,
                     (unsigned long long)cut.synced, (unsigned long long)f->rows);
        everything_is_there(f, t);
        assert_ok(tlog_fsck(f->cut, tlog_key(t), NULL));
        tlog_close(t);
        assert_int_equal(cut_synced(f->cut), f->rows);
        assert_ok(tlog_fsck(f->cut, tlog_key(f->t), NULL));
    }
    print_message("%zu cuts, %zu files spoilt, %llu entries made again, seed %u\n",
                  rounds, cut.spoilt, (unsigned long long)behind, seed);
    assert_true(cut.spoilt > rounds && behind > 0);
}

static void a_second_cut_while_entries_come_again_is_survived(void **state)
{
    struct fixture *f = *state;
    struct tlog *t = NULL;
    grow(f, 1500);
    copy(f->dir, f->cut);
    cut_spoil(f->cut, 5);
    for (uint64_t rows = cut.synced; rows < f->rows; rows += 97) {
        assert_ok(open_at(f, f->cut, &t));
        (void)!join(f, t, rows); /* so far, when the second cut comes: may be too short */
        tlog_close(t);
        cut_spoil(f->cut, (unsigned)rows);
    }
    assert_ok(open_at(f, f->cut, &t));
    assert_ok(join(f, t, f->rows));
    everything_is_there(f, t);
    assert_ok(tlog_fsck(f->cut, tlog_key(t), NULL));
    tlog_close(t);
}

/* ---- an owner that has lost entries ---------------------------------------------- */
/* A folder as a kill leaves it: `checkpoint` ahead of `.synced`. */
static uint64_t ahead(struct fixture *f)
{
    grow(f, 30); /* fewer than sync_entries: within the second nobody syncs */
    copy(f->dir, f->cut);
    return cut_synced(f->cut);
}

static void fewer_rows_than_were_published_are_refused(void **state)
{
    struct fixture *f = *state;
    uint64_t synced = ahead(f);
    struct tlog *t = NULL;
    assert_true(synced < f->rows);
    assert_ok(open_at(f, f->cut, &t));
    assert_int_equal(tlog_published(t), f->rows);
    assert_int_equal(join(f, t, f->rows - 1), AM_E_TAMPERED);
    tlog_close(t);
    assert_ok(open_at(f, f->cut, &t)); /* and nothing was spoilt by trying */
    assert_ok(join(f, t, f->rows));
    everything_is_there(f, t);
    tlog_close(t);
}

static void other_rows_than_were_published_are_never_signed_over_them(void **state)
{
    struct fixture *f = *state;
    struct tlog *t = NULL;
    char path[128], *before = NULL, *after = NULL;
    size_t n, m;
    assert_true(ahead(f) < f->rows);
    snprintf(path, sizeof path, "%s/checkpoint", f->cut);
    assert_ok(am_file_read(path, TLOG_NOTE_MAX, &before, &n));
    f->row[f->rows - 2][0] = 'E';
    assert_ok(open_at(f, f->cut, &t));
    assert_int_equal(join(f, t, f->rows), AM_E_TAMPERED);
    tlog_close(t);
    assert_ok(am_file_read(path, TLOG_NOTE_MAX, &after, &m));
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n); /* the published one is still there */
    free(before);
    free(after);
}

static void the_published_checkpoint_never_goes_back(void **state)
{
    struct fixture *f = *state;
    struct tlog *t = NULL, *reader = NULL;
    struct tlog_config look = {.dir = f->cut};
    struct tlog_checkpoint head;
    uint64_t index = 0;
    assert_true(ahead(f) < 10);
    assert_ok(open_at(f, f->cut, &t));
    f->replaying = true;
    for (int i = 0; i < 10; i++) {
        assert_ok(tlog_append(t, str_c(f->row[i]), &index));
        assert_ok(tlog_open(&reader, &look)); /* its tiles are still there, too */
        tlog_head(reader, &head);
        assert_int_equal(head.size, f->rows);
        tlog_close(reader);
    }
    f->replaying = false;
    tlog_close(t);
}

/* ---- the rest -------------------------------------------------------------------- */
static void a_folder_without_a_synced_size_is_read_as_before(void **state)
{
    struct fixture *f = *state;
    char path[128];
    grow(f, 300);
    tlog_close(f->t);
    snprintf(path, sizeof path, "%s/.synced", f->dir);
    assert_int_equal(unlink(path), 0); /* a restored copy has none */
    assert_ok(open_at(f, f->dir, &f->t));
    assert_ok(join(f, f->t, f->rows));
    assert_int_equal(access(path, F_OK), 0);
    everything_is_there(f, f->t);
}

static void a_damaged_synced_size_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    grow(f, 10);
    tlog_close(f->t);
    f->t = NULL;
    snprintf(path, sizeof path, "%s/.synced", f->dir);
    assert_int_equal(truncate(path, 20), 0); /* it was durable: no power cut did this */
    assert_int_equal(open_at(f, f->dir, &f->t), AM_E_TAMPERED);
}

static void a_failed_batch_leaves_what_was_promised(void **state)
{
    struct fixture *f = *state;
    char path[128];
    uint64_t index;
    grow(f, 20);
    snprintf(path, sizeof path, "%s/.tmp", f->dir);
    assert_int_equal(rename(path, f->cut), 0); /* no tile can be written */
    assert_true(tlog_append(f->t, STR("lost"), &index) != AM_OK);
    f->rows = 20; /* the owner's next batch takes its place */
    assert_int_equal(rename(f->cut, path), 0);
    assert_ok(tlog_resume(f->t));
    grow(f, 300);
    everything_is_there(f, f->t);
    assert_ok(tlog_fsck(f->dir, tlog_key(f->t), NULL));
}

static void partial_tiles_of_old_syncs_do_not_pile_up(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    char path[128];
    DIR *d;
    for (int i = 0; i < 5; i++) /* each closes with a sync */
        for (int k = 0; k < 40; k++) {
            grow(f, 1);
            if (k == 39) {
                tlog_close(f->t);
                f->t = NULL;
                assert_ok(open_at(f, f->dir, &f->t));
                assert_ok(join(f, f->t, f->rows));
            }
        }
    snprintf(path, sizeof path, "%s/tile/0/000.p", f->dir);
    d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    assert_in_range(n, 1, TLOG_KEEPS);
}

static int cut_and_join(struct fixture *f)
{
    struct tlog *t = NULL;
    int err = open_at(f, f->cut, &t);
    if (!err)
        err = join(f, t, f->rows);
    tlog_close(t);
    f->replaying = false;
    return err;
}

static void no_memory_after_a_power_cut_is_an_error_and_no_more(void **state)
{
    struct fixture *f = *state;
    ahead(f);
    tlog_close(f->t);
    f->t = NULL;
    copy(f->cut, f->dir);
    for (long n = 1;; n++) {
        int err;
        cut_power(f, (unsigned)n);
        am_oom_at(n);
        err = cut_and_join(f);
        if (!am_oom_at(0)) {
            assert_ok(err);
            assert_true(n > 20);
            break;
        }
        if (err) /* the last sync, in its thread, may be what was denied */
            assert_int_equal(err, AM_E_NOMEM);
        assert_ok(cut_and_join(f));
    }
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest t[] = {
        WITH(a_power_cut_loses_nothing_and_forks_nothing),
        WITH(a_second_cut_while_entries_come_again_is_survived),
        WITH(fewer_rows_than_were_published_are_refused),
        WITH(other_rows_than_were_published_are_never_signed_over_them),
        WITH(the_published_checkpoint_never_goes_back),
        WITH(a_folder_without_a_synced_size_is_read_as_before),
        WITH(a_damaged_synced_size_is_refused),
        WITH(a_failed_batch_leaves_what_was_promised),
        WITH(partial_tiles_of_old_syncs_do_not_pile_up),
        WITH(no_memory_after_a_power_cut_is_an_error_and_no_more),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
