/* SPDX-License-Identifier: Apache-2.0 */
/* door_trail_find -- records of the trail by what they name, the newest first. Of each
 * file its index says where they may be; each is read, its link of the chain computed and
 * compared, its seal opened, before it is told. Ends of files are compared with the heads
 * of those after them. A record nobody asked for is not read: that it was changed is
 * found by who checks the chain. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "door/door_trail_find_priv.h"

enum {
    FIND_WALKED = 8,      /* the work of a file that was walked */
    FIND_REST = 256 << 10 /* bytes of the newest file that are walked each time */
};

struct find_file {
    int fd;
    uint64_t size;
    struct door_chain before, end; /* of the file */
    struct door_index x;
    bool last;
};
struct find {
    struct door_trail_read *r;
    const struct door_find *f;
    struct door_chain after; /* what the file after this one says it follows */
    struct buf raw, plain;
    size_t work;
};

static int find_pread(const struct find_file *k, uint64_t at, void *p, size_t n)
{
    while (n) {
        ssize_t got = pread(k->fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? am_err_errno(errno) : AM_E_TAMPERED;
        p = (char *)p + got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return AM_OK;
}

static int find_text(struct find *w, const struct find_file *k, uint64_t at, size_t n)
{
    buf_clear(&w->raw);
    int err = buf_reserve(&w->raw, n);
    if (!err)
        err = find_pread(k, at, w->raw.p, n);
    if (!err)
        w->raw.n = n;
    return err;
}

/* ---- the index of a file ---- */
/* Is it of this file as it is? */
static int find_fits(const struct find_file *k, bool *yes)
{
    uint8_t digest[CRYPTO_SHA256];
    int err;
    *yes = false;
    if (!k->x.place.n || k->x.end > k->size || k->x.end < DOOR_TRAIL_HEAD + sizeof digest)
        return AM_OK;
    err = find_pread(k, k->x.end - sizeof digest, digest, sizeof digest);
    *yes = !err && memcmp(digest, k->x.digest, sizeof digest) == 0;
    return err;
}

/* Brought up to the end of the file, along the chain. */
static int find_grow(struct find *w, struct find_file *k)
{
    struct door_chain c = k->before;
    int err;
    if (k->x.place.n) {
        c.seq = k->x.first + k->x.place.n - 1;
        memcpy(c.digest, k->x.digest, sizeof c.digest);
    }
    err = find_text(w, k, k->x.end, (size_t)(k->size - k->x.end));
    if (!err)
        err = door_index_grow(&k->x, w->f, buf_str(&w->raw), &c);
    if (err == AM_E_NOTFOUND) { /* its last record is being written */
        w->r->unfinished = k->last;
        err = k->last ? AM_OK : AM_E_TAMPERED;
    }
    k->end = c;
    return err;
}

static int find_index(struct find *w, struct find_file *k)
{
    uint64_t covered;
    bool fits;
    int err = door_index_load(w->f->dir, w->f->key, &k->x);
    if (!err)
        err = find_fits(k, &fits);
    if (err)
        return err;
    if (!fits)
        door_index_clear(&k->x);
    covered = k->x.end;
    err = find_grow(w, k);
    w->work += 1;
    if (!err && k->x.place.n &&
        k->x.end - covered > (k->last ? (uint64_t)FIND_REST : 0)) {
        door_index_keep(w->f->dir, w->f->key, &k->x);
        w->work += FIND_WALKED - 1;
    }
    return err;
}

/* ---- what it leads to ---- */
static int find_record(struct find *w, const struct find_file *k, size_t i)
{
    const struct door_place *place = &k->x.place.v[i];
    struct door_trail_item x = {.seq = k->x.first + i, .at = place->at};
    struct door_chain c = k->before;
    struct door_trail_raw raw = {0};
    uint64_t at = place->begins;
    uint64_t next = i + 1 < k->x.place.n ? k->x.place.v[i + 1].begins : k->x.end;
    struct str left;
    int err = AM_OK;
    if (x.at < w->f->lo || x.at > w->f->hi || (w->f->at && !w->f->at(w->f->arg, x.at)))
        return AM_OK;
    c.seq = x.seq - 1;
    if (i)
        err = find_pread(k, at - sizeof c.digest, c.digest, sizeof c.digest);
    if (!err)
        err = find_text(w, k, at, (size_t)(next - at));
    left = buf_str(&w->raw);
    if (!err)
        err = door_trail_next(&left, &c, &raw);
    if (err == AM_E_NOTFOUND || (!err && (left.n || raw.at != x.at)))
        err = AM_E_TAMPERED;
    buf_clear(&w->plain);
    if (!err)
        err = crypto_open(w->f->key, str_c(door_trail_aad), raw.sealed, &w->plain);
    x.text = buf_str(&w->plain);
    return err ? err : w->f->fn(w->f->arg, &x);
}

static int find_records(struct find *w, const struct find_file *k)
{
    size_t from = 0, to = k->x.place.n, best = SIZE_MAX;
    bool all = w->f->n_wanted == 0;
    int err = AM_OK;
    if (k->x.hi < w->f->lo || k->x.lo > w->f->hi)
        return AM_OK;
    for (size_t i = 0; i < w->f->n_wanted; i++) {
        size_t a, b;
        door_index_find(&k->x, w->f->wanted[i], &a, &b);
        if (b - a < best) {
            best = b - a;
            from = a;
            to = b;
        }
    }
    while (to > from && !err) {
        size_t i = all ? to - 1 : k->x.post.v[to - 1].record;
        to--;
        if (!w->r->below || k->x.first + i < w->r->below)
            err = find_record(w, k, i);
    }
    return err;
}

/* ---- files ---- */
static int find_open(struct find *w, struct find_file *k, uint64_t first)
{
    char path[PATH_MAX], name[DOOR_TRAIL_NAME], head[DOOR_TRAIL_HEAD];
    struct stat s;
    int err;
    door_trail_name(first, name);
    if (snprintf(path, sizeof path, "%s/%s", w->f->dir, name) >= (int)sizeof path)
        return AM_E_TOOBIG;
    k->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (k->fd < 0 || fstat(k->fd, &s))
        return am_err_errno(errno);
    k->size = (uint64_t)s.st_size;
    if (k->size < DOOR_TRAIL_HEAD) {
        w->r->unfinished = k->last;
        return k->last ? AM_E_NOTFOUND : AM_E_TAMPERED;
    }
    err = find_pread(k, 0, head, sizeof head);
    if (!err)
        err = door_trail_head_read((struct str){head, sizeof head}, &k->before);
    return !err && k->before.seq + 1 != first ? AM_E_TAMPERED : err;
}

static int find_file(struct find *w, uint64_t first, bool last)
{
    struct find_file k = {.fd = -1, .last = last, .x = {.first = first}};
    int err = find_open(w, &k, first);
    bool begun = err == AM_E_NOTFOUND; /* the newest, without a head yet */
    if (!err)
        err = find_index(w, &k);
    if (!err && w->r->files &&
        (k.end.seq != w->after.seq ||
         memcmp(k.end.digest, w->after.digest, sizeof k.end.digest) != 0))
        err = AM_E_TAMPERED;
    w->after = k.before;
    w->r->first = first;
    w->r->files += !err;
    if (!err)
        err = find_records(w, &k);
    if (k.fd >= 0)
        close(k.fd);
    door_index_release(&k.x);
    return begun ? AM_OK : err;
}

int door_trail_find(struct door_trail_read *r, const struct door_find *f)
{
    struct find w = {.r = r, .f = f};
    struct door_trail_files files;
    int err = door_trail_list(f->dir, &files);
    r->first = r->last = r->files = 0;
    r->unfinished = r->more = false;
    if (err)
        return err;
    r->torn = files.torn;
    buf_init(&w.raw, SIZE_MAX / 2);
    buf_init(&w.plain, DOOR_TRAIL_RECORD);
    for (size_t i = files.first.n; i-- > 0 && !err && !r->more;) {
        if (r->below && files.first.v[i] >= r->below)
            continue;
        if (f->most && w.work >= f->most)
            r->more = true;
        else
            err = find_file(&w, files.first.v[i], i + 1 == files.first.n);
    }
    buf_release(&w.raw);
    buf_release(&w.plain);
    vec_release(&files.first);
    return err > 0 ? AM_OK : err;
}
