/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the trail: heads, records, links, and reading them all in order. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "door/door_trail_priv.h"

static const char trail_magic[] = "amane-trail-1\n";
const char door_trail_aad[] = "amane access trail";

void door_be(uint64_t v, size_t bytes, uint8_t *out)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

uint64_t door_be_read(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

void door_chain_add(struct door_chain *c, int64_t at, struct str sealed)
{
    struct crypto_sha256 h;
    uint8_t n[16];
    door_be(c->seq + 1, 8, n);
    door_be((uint64_t)at, 8, n + 8);
    crypto_sha256_init(&h);
    crypto_sha256_add(&h, (struct str){(const char *)c->digest, sizeof c->digest});
    crypto_sha256_add(&h, (struct str){(const char *)n, sizeof n});
    crypto_sha256_add(&h, sealed);
    crypto_sha256_end(&h, c->digest);
    c->seq++;
}

void door_trail_head(const struct door_chain *before, uint8_t out[DOOR_TRAIL_HEAD])
{
    memset(out, 0, DOOR_TRAIL_HEAD);
    memcpy(out, trail_magic, sizeof trail_magic - 1);
    door_be(before->seq + 1, 8, out + 16);
    memcpy(out + 24, before->digest, CRYPTO_SHA256);
}

int door_trail_head_read(struct str file, struct door_chain *before)
{
    const uint8_t *p = (const uint8_t *)file.p;
    if (file.n < DOOR_TRAIL_HEAD || memcmp(p, trail_magic, sizeof trail_magic - 1) != 0 ||
        door_be_read(p + 16, 8) == 0)
        return AM_E_TAMPERED;
    before->seq = door_be_read(p + 16, 8) - 1;
    memcpy(before->digest, p + 24, CRYPTO_SHA256);
    return AM_OK;
}

void door_trail_name(uint64_t first, char out[DOOR_TRAIL_NAME])
{
    snprintf(out, DOOR_TRAIL_NAME, "%016llx.trail", (unsigned long long)first);
}

static int trail_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int door_trail_list(const char *dir, struct door_trail_files *out)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int err = AM_OK;
    *out = (struct door_trail_files){0};
    if (!d)
        return am_err_errno(errno);
    while (!err && (e = readdir(d))) {
        struct str name = str_c(e->d_name);
        uint8_t first[8];
        out->torn += str_ends(name, STR(".torn"));
        if (name.n == 22 && str_ends(name, STR(".trail")) &&
            !crypto_unhex(str_sub(name, 0, 16), first, 8))
            err = vec_push(&out->first, door_be_read(first, 8));
    }
    closedir(d);
    if (err)
        vec_release(&out->first);
    else if (out->first.n)
        qsort(out->first.v, out->first.n, sizeof *out->first.v, trail_order);
    return err;
}

int door_trail_next(struct str *left, struct door_chain *c, struct door_trail_raw *out)
{
    const uint8_t *p = (const uint8_t *)left->p;
    struct door_chain next = *c;
    size_t n;
    if (left->n < DOOR_TRAIL_FIXED)
        return AM_E_NOTFOUND;
    n = (size_t)door_be_read(p, 4);
    if (n == 0 || n > DOOR_TRAIL_RECORD)
        return AM_E_TAMPERED;
    if (left->n < DOOR_TRAIL_FIXED + n + CRYPTO_SHA256)
        return AM_E_NOTFOUND;
    out->at = (int64_t)door_be_read(p + 4, 8);
    out->sealed = (struct str){(const char *)p + DOOR_TRAIL_FIXED, n};
    door_chain_add(&next, out->at, out->sealed);
    if (memcmp(next.digest, p + DOOR_TRAIL_FIXED + n, CRYPTO_SHA256) != 0)
        return AM_E_TAMPERED;
    *c = next;
    *left = str_sub(*left, DOOR_TRAIL_FIXED + n + CRYPTO_SHA256, left->n);
    return AM_OK;
}

/* ---- all of them ---- */
struct trail_walk {
    struct door_trail_read *r;
    struct door_chain c;
    door_trail_fn *fn;
    void *arg;
    struct buf plain;
    bool head_met;
};

static int trail_tell(struct trail_walk *w, const struct door_trail_raw *raw)
{
    struct door_trail_read *r = w->r;
    struct door_trail_item x = {.seq = w->c.seq, .at = raw->at, .digest = w->c.digest};
    int err = AM_OK;
    r->first = r->first ? r->first : x.seq;
    r->last = x.seq;
    memcpy(r->digest, w->c.digest, sizeof r->digest);
    if (r->head_seq == x.seq) {
        w->head_met = true;
        if (memcmp(r->head, w->c.digest, sizeof r->head) != 0)
            return AM_E_TAMPERED;
    }
    if (!w->fn || (r->below && x.seq >= r->below))
        return AM_OK;
    buf_clear(&w->plain);
    if (r->key)
        err = crypto_open(r->key, str_c(door_trail_aad), raw->sealed, &w->plain);
    x.text = buf_str(&w->plain);
    return err ? err : w->fn(w->arg, &x);
}

/* last: a file somebody may be writing to, or was when he died. */
static int trail_file(struct trail_walk *w, struct str text, uint64_t first, bool last)
{
    struct door_chain before;
    struct door_trail_raw raw;
    int err = door_trail_head_read(text, &before);
    if (err == AM_E_TAMPERED && last && text.n < DOOR_TRAIL_HEAD) {
        w->r->unfinished = true;
        return AM_OK;
    }
    if (err)
        return err;
    /* The first file there is begins where those before it, archived, ended. */
    if (w->r->files == 0)
        w->c = before;
    if (before.seq + 1 != first || before.seq != w->c.seq ||
        memcmp(before.digest, w->c.digest, sizeof before.digest) != 0)
        return AM_E_TAMPERED;
    w->r->files++;
    text = str_sub(text, DOOR_TRAIL_HEAD, text.n);
    while (text.n) {
        err = door_trail_next(&text, &w->c, &raw);
        if (err == AM_E_NOTFOUND) {
            w->r->unfinished = last;
            return last ? AM_OK : AM_E_TAMPERED;
        }
        if (!err)
            err = trail_tell(w, &raw);
        if (err)
            return err;
    }
    return AM_OK;
}

static int trail_open(const struct door_trail_read *r, uint64_t first, char **text,
                      size_t *n)
{
    char path[PATH_MAX], name[DOOR_TRAIL_NAME];
    door_trail_name(first, name);
    if (snprintf(path, sizeof path, "%s/%s", r->dir, name) >= (int)sizeof path)
        return AM_E_TOOBIG;
    return am_file_read(path, SIZE_MAX / 2, text, n);
}

int door_trail_each(struct door_trail_read *r, door_trail_fn *fn, void *arg)
{
    struct trail_walk w = {.r = r, .fn = fn, .arg = arg};
    struct door_trail_files files;
    int err = door_trail_list(r->dir, &files);
    r->first = r->last = r->files = 0;
    r->unfinished = false;
    memset(r->digest, 0, sizeof r->digest);
    if (err)
        return err;
    r->torn = files.torn;
    buf_init(&w.plain, DOOR_TRAIL_RECORD);
    for (size_t i = 0; i < files.first.n && !err; i++) {
        char *text = NULL;
        size_t n = 0;
        err = trail_open(r, files.first.v[i], &text, &n);
        if (!err)
            err = trail_file(&w, (struct str){text, n}, files.first.v[i],
                             i + 1 == files.first.n);
        free(text);
    }
    if (!err && r->head_seq && !w.head_met)
        err = AM_E_TAMPERED; /* cut before what is known to have been there */
    buf_release(&w.plain);
    vec_release(&files.first);
    return err > 0 ? AM_OK : err;
}

/* ---- the newest first ---- */
struct trail_place {
    uint64_t seq;
    struct door_trail_raw raw;
};
struct trail_back {
    struct door_trail_read *r;
    door_trail_at_fn *at;
    door_trail_fn *fn;
    void *arg;
    VEC(struct trail_place) place; /* of a file */
    struct door_chain after;       /* what the file after it says it follows */
    struct buf plain;
};

static int back_places(struct trail_back *b, struct str text, uint64_t first, bool last)
{
    struct door_chain c;
    struct trail_place p;
    int err = door_trail_head_read(text, &c);
    if (err == AM_E_TAMPERED && last && text.n < DOOR_TRAIL_HEAD) {
        b->r->unfinished = true;
        return AM_OK;
    }
    if (!err && c.seq + 1 != first)
        err = AM_E_TAMPERED;
    const struct door_chain before = c;
    text = str_sub(text, DOOR_TRAIL_HEAD, text.n);
    while (!err && text.n) {
        err = door_trail_next(&text, &c, &p.raw);
        p.seq = c.seq;
        if (!err && (!b->r->below || p.seq < b->r->below))
            err = vec_push(&b->place, p);
    }
    if (err == AM_E_NOTFOUND && last) {
        b->r->unfinished = true;
        err = AM_OK;
    }
    if (!err && b->r->files &&
        (c.seq != b->after.seq ||
         memcmp(c.digest, b->after.digest, sizeof c.digest) != 0))
        err = AM_E_TAMPERED;
    b->after = before;
    b->r->files += !err;
    return err == AM_E_NOTFOUND ? AM_E_TAMPERED : err;
}

static int back_tell(struct trail_back *b)
{
    int err = AM_OK;
    for (size_t i = b->place.n; i-- > 0 && !err;) {
        const struct trail_place *p = &b->place.v[i];
        struct door_trail_item x = {.seq = p->seq, .at = p->raw.at};
        if (b->at && !b->at(b->arg, x.at))
            continue;
        buf_clear(&b->plain);
        if (b->r->key)
            err = crypto_open(b->r->key, str_c(door_trail_aad), p->raw.sealed, &b->plain);
        x.text = buf_str(&b->plain);
        if (!err)
            err = b->fn(b->arg, &x);
    }
    return err;
}

int door_trail_back(struct door_trail_read *r, size_t most, door_trail_at_fn *at,
                    door_trail_fn *fn, void *arg)
{
    struct trail_back b = {.r = r, .at = at, .fn = fn, .arg = arg};
    struct door_trail_files files;
    int err = door_trail_list(r->dir, &files);
    r->first = r->last = r->files = 0;
    r->unfinished = r->more = false;
    if (err)
        return err;
    r->torn = files.torn;
    buf_init(&b.plain, DOOR_TRAIL_RECORD);
    for (size_t i = files.first.n; i-- > 0 && !err && !r->more;) {
        uint64_t first = files.first.v[i];
        char *text = NULL;
        size_t n = 0;
        if (r->below && first >= r->below)
            continue;
        if (most && r->files == most) {
            r->more = true;
            break;
        }
        b.place.n = 0;
        err = trail_open(r, first, &text, &n);
        if (!err)
            err = back_places(&b, (struct str){text, n}, first, i + 1 == files.first.n);
        r->first = first;
        if (!err)
            err = back_tell(&b);
        free(text);
    }
    buf_release(&b.plain);
    vec_release(&b.place);
    vec_release(&files.first);
    return err > 0 ? AM_OK : err;
}
