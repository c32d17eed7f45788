/* SPDX-License-Identifier: Apache-2.0 */
/* Recomputes a folder from its entry bundles and says which file is wrong.
 *
 * Who is to blame? A tile is vouched for by its parent, the partial tiles of the edge by
 * the checkpoint's root. When a tile differs from what lies below it and its voucher
 * holds it for right, what lies below is wrong; else the tile is. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tlog/tlog_priv.h"

struct tlog_check {
    int dirfd;
    struct diag *d;
    struct tlog_checkpoint c, cosigned;
    bool edge_ok; /* edge tiles give the checkpoint's root */
    bool has_cosigned;
    struct tlog_edge below[TLOG_LEVELS];     /* roots of child tile files, as they are */
    struct tlog_edge true_edge[TLOG_LEVELS]; /* from the entries alone */
    size_t problems;
};

static void tlog_blame(struct tlog_check *x, const char *path, const char *code,
                       uint64_t index)
{
    x->problems++;
    diag_err(x->d, path, code, "%llu", (unsigned long long)index);
}

/* Exactly the hashes of a tile file; AM_E_TAMPERED when missing or of the wrong size. */
static int tlog_check_read(int dirfd, int level, uint64_t index, unsigned width,
                           struct tlog_hash *h)
{
    char path[TLOG_PATH];
    struct buf b;
    int err;
    tlog_tile_path(level, index, width, path);
    buf_init(&b, TLOG_WIDTH * sizeof *h);
    err = tlog_read(dirfd, path, TLOG_WIDTH * sizeof *h, &b);
    if (err == AM_E_NOTFOUND || err == AM_E_TOOBIG || (!err && b.n != width * sizeof *h))
        err = AM_E_TAMPERED;
    if (!err)
        memcpy(h, b.p, b.n);
    buf_release(&b);
    return err;
}

/* What vouches for the tile says its root is that of h. */
static bool tlog_vouched(struct tlog_check *x, int level, uint64_t index, unsigned width,
                         const struct tlog_hash *h)
{
    struct tlog_hash parent[TLOG_WIDTH], root;
    uint64_t count = tlog_count(x->c.size, level + 1), up = index / TLOG_WIDTH;
    unsigned w = up < count / TLOG_WIDTH ? TLOG_WIDTH : (unsigned)(count % TLOG_WIDTH);
    if (width < TLOG_WIDTH)
        return x->edge_ok;
    if (tlog_check_read(x->dirfd, level + 1, up, w, parent))
        return false;
    tlog_fold(h, width, NULL, &root);
    return memcmp(&parent[index % TLOG_WIDTH], &root, sizeof root) == 0;
}

static size_t tlog_differs(const struct tlog_hash *a, const struct tlog_hash *b, size_t n)
{
    size_t i = 0;
    while (i < n && !memcmp(&a[i], &b[i], sizeof *a))
        i++;
    return i;
}

/* One tile against what lies below it; *h gets the file's hashes, or ours when it has
 * none, so that the level above is judged on what is there. */
static int tlog_check_tile(struct tlog_check *x, int level, uint64_t index,
                           unsigned width, const struct tlog_hash *source,
                           struct tlog_hash *h)
{
    char path[TLOG_PATH];
    size_t bad;
    int err = tlog_check_read(x->dirfd, level, index, width, h);
    tlog_tile_path(level, index, width, path);
    if (err && err != AM_E_TAMPERED)
        return err;
    if (err) {
        tlog_blame(x, path, "tlog.tile_unreadable", index);
        memcpy(h, source, width * sizeof *h);
        return AM_OK;
    }
    bad = tlog_differs(source, h, width);
    if (bad == width)
        return AM_OK;
    if (!tlog_vouched(x, level, index, width, h)) {
        tlog_blame(x, path, "tlog.tile_hash", index * TLOG_WIDTH + bad);
    } else if (level == 0) {
        tlog_tile_path(-1, index, width, path);
        tlog_blame(x, path, "tlog.entry_hash", index * TLOG_WIDTH + bad);
    } /* else the tile below was named already */
    return AM_OK;
}

static int tlog_check_push(struct tlog_check *x, int level, const struct tlog_hash *root,
                           uint64_t index)
{
    struct tlog_hash h[TLOG_WIDTH], up;
    struct tlog_edge *e = &x->below[level];
    int err;
    e->h[e->n++] = *root;
    if (e->n < TLOG_WIDTH)
        return AM_OK;
    e->n = 0;
    err = tlog_check_tile(x, level, index / TLOG_WIDTH, TLOG_WIDTH, e->h, h);
    tlog_fold(h, TLOG_WIDTH, NULL, &up);
    return err || level + 1 == TLOG_LEVELS
               ? err
               : tlog_check_push(x, level + 1, &up, index / TLOG_WIDTH);
}

static void tlog_edge_root(const struct tlog_edge *e, struct tlog_hash *out)
{
    const struct tlog_hash *right = NULL;
    tlog_empty_root(out);
    for (int l = 0; l < TLOG_LEVELS; l++)
        if (e[l].n) {
            tlog_fold(e[l].h, e[l].n, right, out);
            right = out;
        }
}

static void tlog_true_push(struct tlog_edge *e, struct tlog_hash h)
{
    for (int l = 0; l < TLOG_LEVELS; l++) {
        e[l].h[e[l].n++] = h;
        if (e[l].n < TLOG_WIDTH)
            return;
        tlog_fold(e[l].h, TLOG_WIDTH, NULL, &h);
        e[l].n = 0;
    }
}

/* Leaf hashes of one bundle; an unreadable one is named and its leaves taken from the
 * tile, so that the rest of the log is still checked. */
static int tlog_check_bundle(struct tlog_check *x, uint64_t index, unsigned width,
                             struct tlog_hash *leaf)
{
    struct str entry[TLOG_WIDTH];
    char path[TLOG_PATH];
    size_t n = 0;
    struct buf b;
    int err;
    tlog_tile_path(-1, index, width, path);
    buf_init(&b, TLOG_BUNDLE_MAX);
    err = tlog_read(x->dirfd, path, TLOG_BUNDLE_MAX, &b);
    if (!err && (tlog_bundle_parse(buf_str(&b), entry, TLOG_WIDTH, &n) || n != width))
        err = AM_E_TAMPERED;
    for (size_t i = 0; !err && i < width; i++)
        tlog_leaf_hash(entry[i], &leaf[i]);
    buf_release(&b);
    if (err == AM_E_NOTFOUND || err == AM_E_TOOBIG || err == AM_E_TAMPERED) {
        tlog_blame(x, path, "tlog.entry_unreadable", index * TLOG_WIDTH);
        err = tlog_check_read(x->dirfd, 0, index, width, leaf);
        if (err == AM_E_TAMPERED) {
            memset(leaf, 0, width * sizeof *leaf);
            err = AM_OK;
        }
    }
    return err;
}

static int tlog_check_entries(struct tlog_check *x)
{
    struct tlog_hash leaf[TLOG_WIDTH], h[TLOG_WIDTH], up, root;
    int err = AM_OK;
    for (uint64_t at = 0; !err && at < x->c.size; at += TLOG_WIDTH) {
        uint64_t index = at / TLOG_WIDTH;
        unsigned width = (unsigned)AM_MIN(x->c.size - at, (uint64_t)TLOG_WIDTH);
        err = tlog_check_bundle(x, index, width, leaf);
        if (!err)
            err = tlog_check_tile(x, 0, index, width, leaf, h);
        if (!err && width == TLOG_WIDTH) {
            tlog_fold(h, width, NULL, &up);
            err = tlog_check_push(x, 1, &up, index);
        }
        for (unsigned i = 0; !err && i < width; i++) {
            tlog_true_push(x->true_edge, leaf[i]);
            if (x->has_cosigned && at + i + 1 == x->cosigned.size) {
                tlog_edge_root(x->true_edge, &root);
                if (!x->problems && memcmp(&root, &x->cosigned.root, sizeof root) != 0)
                    tlog_blame(x, "checkpoint.cosigned", "tlog.root", x->cosigned.size);
            }
        }
    }
    for (int l = 1; !err && l < TLOG_LEVELS; l++)
        if (x->below[l].n)
            err = tlog_check_tile(x, l, tlog_count(x->c.size, l + 1), x->below[l].n,
                                  x->below[l].h, h);
    return err;
}

static int tlog_check_note(struct tlog_check *x, const char *path,
                           const struct tlog_vkey *k, struct tlog_checkpoint *c)
{
    struct str body = STR_NULL, sigs = STR_NULL;
    struct buf b;
    int err;
    buf_init(&b, TLOG_NOTE_MAX);
    err = tlog_read(x->dirfd, path, TLOG_NOTE_MAX, &b);
    if (!err && k)
        err = tlog_checkpoint_open(buf_str(&b), k, c);
    else if (!err)
        err = tlog_note_split(buf_str(&b), &body, &sigs);
    if (!err && !k)
        err = tlog_checkpoint_parse(body, c);
    buf_release(&b);
    return err;
}

/* Do the partial tiles of the edge, as they are on disk, give the checkpoint's root? */
static int tlog_check_edge(struct tlog_check *x)
{
    struct tlog_edge *e = am_calloc(TLOG_LEVELS, sizeof *e);
    struct tlog_hash root;
    int err = e ? AM_OK : AM_E_NOMEM;
    for (int l = 0; !err && l < TLOG_LEVELS; l++) {
        uint64_t count = tlog_count(x->c.size, l);
        e[l].n = (unsigned)(count % TLOG_WIDTH);
        if (e[l].n)
            err = tlog_check_read(x->dirfd, l, count / TLOG_WIDTH, e[l].n, e[l].h);
    }
    if (!err) {
        tlog_edge_root(e, &root);
        x->edge_ok = memcmp(&root, &x->c.root, sizeof root) == 0;
    }
    free(e);
    return err == AM_E_TAMPERED ? AM_OK : err; /* missing: named when its turn comes */
}

static int tlog_check_all(struct tlog_check *x, const struct tlog_vkey *k)
{
    struct tlog_hash root;
    int err = tlog_check_note(x, "checkpoint", k, &x->c);
    if (err == AM_E_NOMEM)
        return err;
    if (err) {
        tlog_blame(x, "checkpoint",
                   err == AM_E_TAMPERED ? "tlog.signature" : "tlog.checkpoint", 0);
        return AM_OK; /* without a size there is nothing to compare with */
    }
    err = tlog_check_note(x, "checkpoint.cosigned", k, &x->cosigned);
    x->has_cosigned = !err && x->cosigned.size <= x->c.size;
    if (err != AM_E_NOTFOUND && !x->has_cosigned)
        tlog_blame(x, "checkpoint.cosigned", "tlog.checkpoint", 0);
    err = tlog_check_edge(x);
    if (!err)
        err = tlog_check_entries(x);
    if (err)
        return err;
    tlog_edge_root(x->true_edge, &root);
    if (!x->problems && memcmp(&root, &x->c.root, sizeof root) != 0)
        tlog_blame(x, "checkpoint", "tlog.root", x->c.size);
    return AM_OK;
}

int tlog_fsck(const char *dir, const struct tlog_vkey *k, struct diag *d)
{
    struct tlog_check *x = am_calloc(1, sizeof *x);
    int err;
    if (!x)
        return AM_E_NOMEM;
    x->d = d;
    x->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->dirfd < 0) {
        err = am_err_errno(errno);
    } else {
        err = tlog_check_all(x, k);
        close(x->dirfd);
        if (!err && x->problems)
            err = AM_E_TAMPERED;
    }
    free(x);
    return err;
}
