/* SPDX-License-Identifier: Apache-2.0 */
/* A copy that grows only by verified steps. */
#include "base/log.h"
#include "tlog/tlog_priv.h"

int tlog_mirror_open(struct tlog **out, const char *dir, const struct tlog_vkey *log)
{
    struct tlog *t;
    int err = tlog_new(&t, dir, true);
    if (err)
        return err;
    t->role = TLOG_MIRROR;
    t->vkey = *log;
    err = tlog_recover(t);
    if (err == AM_E_NOTFOUND)
        err = AM_OK; /* nothing applied yet */
    if (err) {
        tlog_destroy(t);
        return err;
    }
    *out = t;
    return AM_OK;
}

/* The two notes first in memory, so that after the files nothing can fail. Under io. */
static int tlog_mirror_commit(struct tlog *t, struct tlog_state *next,
                              const struct tlog_files *files, struct str note)
{
    struct tlog_state *old;
    struct buf copy;
    int err;
    buf_init(&copy, TLOG_NOTE_MAX);
    err = buf_add(&copy, note);
    if (!err)
        err = tlog_files_write(t->dirfd, files, true);
    if (!err)
        err = tlog_file_put(t->dirfd, "checkpoint", note, true);
    if (!err)
        err = tlog_file_put(t->dirfd, "checkpoint.cosigned", note, true);
    tlog_lock(&t->mu);
    if (!err)
        err = tlog_remember(t, next->size, note);
    if (err) {
        /* The disk may be ahead of us: reopening tells. */
        t->failed = err;
    } else {
        old = t->state;
        t->state = tlog_state_ref(next);
        t->next = next->size;
        tlog_state_put(old);
        buf_release(&t->cosigned);
        t->cosigned = copy;
        t->cosigned_size = next->size;
        buf_init(&copy, 0);
    }
    tlog_unlock(&t->mu);
    buf_release(&copy);
    return err;
}

static int tlog_mirror_step(struct tlog *t, const struct str *entry, size_t n,
                            const struct tlog_checkpoint *c, struct str note)
{
    struct tlog_files files = {0};
    struct tlog_state *next = NULL;
    uint64_t before = t->state->size, keep[TLOG_KEEPS];
    int err;
    if (c->size < before)
        return AM_E_CONFLICT;
    if (c->size - before != n)
        return AM_E_INVALID;
    err = tlog_state_next(t->state, entry, n, &next, &files);
    if (!err && memcmp(&next->root, &c->root, sizeof c->root) != 0) {
        LOG_E("tlog.mirror_root", log_s("origin", c->origin),
              log_i("size", (int64_t)c->size));
        err = AM_E_TAMPERED;
    }
    if (!err)
        err = tlog_mirror_commit(t, next, &files, note);
    if (!err && n) {
        size_t k;
        tlog_lock(&t->mu);
        k = tlog_keep(t, keep);
        uint64_t old = t->recent_n > TLOG_KEEP
                           ? t->recent[(t->recent_n - 1 - TLOG_KEEP) % TLOG_RECENT].size
                           : 0;
        tlog_unlock(&t->mu);
        if (old)
            tlog_drop_partials(t->dirfd, old, keep, k);
    }
    tlog_files_release(&files);
    tlog_state_put(next);
    return err;
}

int tlog_mirror_apply(struct tlog *t, const struct str *entry, size_t n, struct str note)
{
    struct tlog_checkpoint c;
    int err;
    if (t->role != TLOG_MIRROR)
        return AM_E_FORBIDDEN;
    err = tlog_checkpoint_open(note, &t->vkey, &c);
    for (size_t i = 0; !err && i < n; i++)
        if (!entry[i].n || entry[i].n > TLOG_ENTRY_MAX)
            err = AM_E_INVALID;
    if (err)
        return err;
    tlog_lock(&t->io);
    err = t->failed ? t->failed : tlog_mirror_step(t, entry, n, &c, note);
    tlog_unlock(&t->io);
    return err;
}
