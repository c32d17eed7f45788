/* SPDX-License-Identifier: Apache-2.0 */
/* A log as a folder of its own, at one size: only the files that size needs, each read
 * through the checks of every reading, so that nothing is copied that does not lead to
 * the checkpoint. */
#include <fcntl.h>
#include <unistd.h>

#include "tlog/tlog_priv.h"

enum { TLOG_EXPORT_FILES = 64 }; /* written together */

struct tlog_exporting {
    struct tlog *t, *to;
    struct tlog_state *s;
    uint64_t size;
    struct tlog_files files;
};

static int tlog_export_flush(struct tlog_exporting *x)
{
    int err = x->files.n ? tlog_files_write(x->to->dirfd, &x->files, false) : AM_OK;
    tlog_files_release(&x->files);
    x->files = (struct tlog_files){0};
    return err;
}

static int tlog_export_add(struct tlog_exporting *x, int level, uint64_t index,
                           unsigned width, struct str data)
{
    int err = tlog_files_add(&x->files, level, index, width, data);
    if (!err && x->files.n == TLOG_EXPORT_FILES)
        err = tlog_export_flush(x);
    return err;
}

/* The first `width` entries of a bundle that may hold more. */
static int tlog_export_cut(struct str all, unsigned width, struct str *out)
{
    struct str entry[TLOG_WIDTH];
    size_t n = 0;
    int err = tlog_bundle_parse(all, entry, TLOG_WIDTH, &n);
    if (!err && n < width)
        err = AM_E_TAMPERED;
    if (!err)
        *out = str_sub(all, 0, (size_t)(entry[width - 1].p - all.p) + entry[width - 1].n);
    return err == AM_E_SYNTAX ? AM_E_TAMPERED : err;
}

static int tlog_export_one(struct tlog_exporting *x, int level, uint64_t index,
                           unsigned width)
{
    struct tlog_hash h[TLOG_WIDTH];
    struct str data = {(const char *)h, width * sizeof *h};
    unsigned have = 0;
    struct buf b;
    int err;
    buf_init(&b, TLOG_BUNDLE_MAX);
    if (level < 0) {
        err = tlog_bundle(x->t, x->s, index, &b);
        if (!err)
            err = tlog_export_cut(buf_str(&b), width, &data);
    } else {
        err = tlog_tile(x->t, x->s, level, index, h, &have);
        if (!err && have < width)
            err = AM_E_TAMPERED;
    }
    if (!err)
        err = tlog_export_add(x, level, index, width, data);
    buf_release(&b);
    return err;
}

static int tlog_export_level(struct tlog_exporting *x, int level)
{
    uint64_t count = tlog_count(x->size, level), full = count / TLOG_WIDTH;
    unsigned rest = (unsigned)(count % TLOG_WIDTH);
    int err = AM_OK;
    for (uint64_t i = 0; i < full && !err; i++)
        err = tlog_export_one(x, level, i, TLOG_WIDTH);
    if (!err && rest)
        err = tlog_export_one(x, level, full, rest);
    return err;
}

static int tlog_export_notes(struct tlog_exporting *x, struct str note, bool cosigned)
{
    int err = tlog_file_put(x->to->dirfd, "checkpoint", note, true);
    if (!err && cosigned)
        err = tlog_file_put(x->to->dirfd, "checkpoint.cosigned", note, true);
    return err;
}

int tlog_export(struct tlog *t, const char *dir, struct tlog_checkpoint *out)
{
    struct tlog_exporting x = {.t = t};
    struct tlog_checkpoint c = {0};
    struct str body = STR_NULL, sigs;
    struct buf note;
    bool cosigned;
    int err;
    buf_init(&note, TLOG_NOTE_MAX);
    err = tlog_note_cosigned(t, &note);
    cosigned = !err;
    if (err == AM_E_NOTFOUND) /* no quorum yet: the log's own word */
        err = tlog_note(t, &note);
    if (!err)
        err = tlog_note_split(buf_str(&note), &body, &sigs);
    if (!err)
        err = tlog_checkpoint_parse(body, &c);
    if (!err)
        err = tlog_new(&x.to, dir, true);
    if (err) {
        buf_release(&note);
        return err;
    }
    x.s = tlog_snapshot(t);
    x.size = c.size;
    if (c.size > x.s->size)
        err = AM_E_NOTFOUND;
    for (int level = -1; level < TLOG_LEVELS && !err; level++)
        err = tlog_export_level(&x, level);
    if (!err)
        err = tlog_export_flush(&x);
    if (!err) /* last: a folder without it is not a copy */
        err = tlog_export_notes(&x, buf_str(&note), cosigned);
    tlog_files_release(&x.files);
    tlog_clean_tmp(x.to->dirfd);
    (void)!unlinkat(x.to->dirfd, ".tmp", AT_REMOVEDIR); /* they say nothing to others */
    (void)!unlinkat(x.to->dirfd, ".lock", 0);
    tlog_state_put(x.s);
    tlog_destroy(x.to);
    if (!err)
        *out = c;
    buf_release(&note);
    return err;
}
