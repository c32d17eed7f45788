/* SPDX-License-Identifier: Apache-2.0 */
/* tlog_cut_test -- what a power cut may do to a folder that is synced later: every file
 * that `.synced` does not vouch for is spoilt. */
#ifndef TLOG_CUT_TEST_H
#define TLOG_CUT_TEST_H

#include "base/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlog/tlog.h"

static struct {
    uint64_t synced;
    unsigned seed;
    size_t spoilt, root; /* files; length of the folder's name */
} cut;

static inline bool cut_vouched(const char *path)
{
    char want[96];
    if (!strcmp(path, ".synced") || !strcmp(path, ".cosigned") || !strcmp(path, ".lock"))
        return true;
    for (int level = -1; level < 8; level++) {
        uint64_t count = cut.synced >> 8 * AM_MAX(level, 0);
        for (uint64_t i = 0; i < count / 256; i++) {
            tlog_tile_path(level, i, 256, want);
            if (!strcmp(path, want))
                return true;
        }
        if (count % 256) {
            tlog_tile_path(level, count / 256, (unsigned)(count % 256), want);
            if (!strcmp(path, want))
                return true;
        }
    }
    return false;
}

/* Gone, empty, cut, zeroes, other bytes, or as it should be. */
static inline int cut_one(const char *path, const struct stat *st, int type,
                          struct FTW *w)
{
    unsigned how = (unsigned)rand_r(&cut.seed) % 6;
    int fd;
    (void)w;
    if (type != FTW_F || cut_vouched(path + cut.root) || how == 5)
        return 0;
    cut.spoilt++;
    if (how == 0)
        return unlink(path);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    if (how == 1)
        assert_int_equal(ftruncate(fd, 0), 0);
    if (how == 2)
        assert_int_equal(ftruncate(fd, st->st_size / 2), 0);
    if (how == 3) { /* the length came, the bytes did not */
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(ftruncate(fd, st->st_size), 0);
    }
    if (how == 4)
        assert_true(pwrite(fd, "spoilt", 6, st->st_size / 3) == 6);
    close(fd);
    return 0;
}

static inline uint64_t cut_synced(const char *dir)
{
    struct tlog_checkpoint c;
    struct str text = STR_NULL, sigs = STR_NULL;
    char path[256], *note;
    snprintf(path, sizeof path, "%s/.synced", dir);
    assert_ok(am_file_read(path, TLOG_NOTE_MAX, &note, &text.n));
    text.p = note;
    assert_ok(tlog_note_split(text, &text, &sigs));
    assert_ok(tlog_checkpoint_parse(text, &c));
    free(note);
    return c.size;
}

static inline void cut_spoil(const char *dir, unsigned seed)
{
    cut.seed = seed;
    cut.root = strlen(dir) + 1;
    cut.synced = cut_synced(dir);
    assert_int_equal(nftw(dir, cut_one, 16, FTW_PHYS), 0);
}

#endif
