/* SPDX-License-Identifier: Apache-2.0 */
/* door_trail_index -- beside a file of the trail, NAME.trail, what finds records in it:
 * NAME.index, sealed as records are. It is made of the chain by who searches, never by
 * who writes, and can be thrown away at any time.
 *
 * Plain, big-endian: number of the first record, records, bytes covered (8 each), digest
 * of the last one, least and greatest instant, postings (8 each); of each record its
 * instant and where it begins (8, 4); of each posting its key and the record (8, 4), by
 * key and record. Instants are taken from here, not from the file, where changing one
 * could hide a record from who asks by date.
 *
 * It is used only where the file has that digest at that byte; what it leads to is opened
 * and checked against the chain (door_trail_find.c). So a wrong one can neither invent a
 * record nor change one; and who cannot seal cannot make one that leaves some out. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "door/door_trail_find_priv.h"

enum { INDEX_FIXED = 5 * 8 + CRYPTO_SHA256 + 8, INDEX_MOST = 1 << 30 };
static const char index_aad[] = "amane access trail index 1";

static int index_path(const char *dir, uint64_t first, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%016llx.index", dir, (unsigned long long)first) <
                   PATH_MAX
               ? AM_OK
               : AM_E_TOOBIG;
}

void door_index_clear(struct door_index *x)
{
    x->place.n = x->post.n = 0;
    x->end = DOOR_TRAIL_HEAD;
    x->lo = INT64_MAX;
    x->hi = INT64_MIN;
}

void door_index_release(struct door_index *x)
{
    vec_release(&x->place);
    vec_release(&x->post);
}

/* ---- on the disk ---- */
static int index_read(struct door_index *x, struct str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    uint64_t first, n, posts;
    int err = AM_OK;
    if (s.n < INDEX_FIXED)
        return AM_E_TAMPERED;
    first = door_be_read(p, 8);
    n = door_be_read(p + 8, 8);
    x->end = door_be_read(p + 16, 8);
    memcpy(x->digest, p + 24, CRYPTO_SHA256);
    p += 24 + CRYPTO_SHA256;
    x->lo = (int64_t)door_be_read(p, 8);
    x->hi = (int64_t)door_be_read(p + 8, 8);
    posts = door_be_read(p + 16, 8);
    p += 24;
    if (first != x->first || n > INDEX_MOST / 12 || posts > INDEX_MOST / 12 ||
        s.n != INDEX_FIXED + 12 * (n + posts))
        return AM_E_TAMPERED;
    for (uint64_t i = 0; i < n && !err; i++, p += 12)
        err =
            vec_push(&x->place, ((struct door_place){(int64_t)door_be_read(p, 8),
                                                     (uint32_t)door_be_read(p + 8, 4)}));
    for (uint64_t i = 0; i < posts && !err; i++, p += 12) {
        const struct door_post post = {door_be_read(p, 8),
                                       (uint32_t)door_be_read(p + 8, 4)};
        err = post.record < n ? vec_push(&x->post, post) : AM_E_TAMPERED;
    }
    return err;
}

int door_index_load(const char *dir, const uint8_t key[DOOR_TRAIL_KEY],
                    struct door_index *x)
{
    char path[PATH_MAX], *text = NULL;
    struct buf plain;
    size_t n = 0;
    int err = index_path(dir, x->first, path);
    door_index_clear(x);
    buf_init(&plain, INDEX_MOST);
    if (!err)
        err = am_file_read(path, INDEX_MOST, &text, &n);
    if (!err)
        err = crypto_open(key, str_c(index_aad), (struct str){text, n}, &plain);
    if (!err)
        err = index_read(x, buf_str(&plain));
    if (err)
        door_index_clear(x);
    free(text);
    buf_release(&plain);
    return err == AM_E_NOMEM ? err : AM_OK; /* none, or another's: made anew */
}

static int index_order(const void *a, const void *b)
{
    const struct door_post *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
                            : (x->record > y->record) - (x->record < y->record);
}

static int index_number(struct buf *b, uint64_t v, size_t bytes)
{
    uint8_t be[8];
    door_be(v, bytes, be);
    return buf_add(b, (struct str){(const char *)be, bytes});
}

static int index_write(const struct door_index *x, struct buf *b)
{
    const uint64_t before[] = {x->first, x->place.n, x->end};
    const uint64_t after[] = {(uint64_t)x->lo, (uint64_t)x->hi, x->post.n};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(before) && !err; i++)
        err = index_number(b, before[i], 8);
    if (!err)
        err = buf_add(b, (struct str){(const char *)x->digest, sizeof x->digest});
    for (size_t i = 0; i < AM_LEN(after) && !err; i++)
        err = index_number(b, after[i], 8);
    for (size_t i = 0; i < x->place.n && !err; i++) {
        err = index_number(b, (uint64_t)x->place.v[i].at, 8);
        if (!err)
            err = index_number(b, x->place.v[i].begins, 4);
    }
    for (size_t i = 0; i < x->post.n && !err; i++) {
        err = index_number(b, x->post.v[i].key, 8);
        if (!err)
            err = index_number(b, x->post.v[i].record, 4);
    }
    return err;
}

/* One that cannot be kept (a full disk) serves this search alone. */
void door_index_keep(const char *dir, const uint8_t key[DOOR_TRAIL_KEY],
                     const struct door_index *x)
{
    char path[PATH_MAX];
    struct buf plain, sealed;
    int err = index_path(dir, x->first, path);
    buf_init(&plain, INDEX_MOST);
    buf_init(&sealed, INDEX_MOST);
    if (!err)
        err = index_write(x, &plain);
    if (!err)
        err = crypto_seal(key, str_c(index_aad), buf_str(&plain), &sealed);
    if (!err)
        err = am_file_write(path, buf_str(&sealed), 0600);
    if (err)
        LOG_W("door.index", log_i("first", (int64_t)x->first), log_err(err));
    buf_release(&plain);
    buf_release(&sealed);
}

/* ---- made of the chain ---- */
struct index_adding {
    struct door_index *x;
    int err;
};

void door_index_key(struct door_index_keys *k, struct str kind, struct str value)
{
    struct index_adding *a = k->to;
    const struct door_post p = {door_index_hash(kind, value),
                                (uint32_t)a->x->place.n - 1};
    if (!a->err)
        a->err = vec_push(&a->x->post, p);
}

uint64_t door_index_hash(struct str kind, struct str value)
{
    return str_hash(kind) * UINT64_C(0x9e3779b97f4a7c15) ^ str_hash(value);
}

static int index_one(struct door_index *x, const struct door_find *f,
                     const struct door_trail_raw *raw, size_t bytes, struct buf *plain)
{
    struct index_adding a = {x, AM_OK};
    struct door_index_keys keys = {&a};
    int err;
    if (x->end > UINT32_MAX)
        return AM_E_TOOBIG;
    buf_clear(plain);
    err = crypto_open(f->key, str_c(door_trail_aad), raw->sealed, plain);
    if (!err)
        err = vec_push(&x->place, ((struct door_place){raw->at, (uint32_t)x->end}));
    if (!err)
        err = f->keys(&keys, buf_str(plain));
    x->end += bytes;
    x->lo = AM_MIN(x->lo, raw->at);
    x->hi = AM_MAX(x->hi, raw->at);
    return err ? err : a.err;
}

/* Most of a record's names come again in it: each is kept once. */
static void index_sort(struct door_index *x)
{
    size_t n = 0;
    qsort(x->post.v, x->post.n, sizeof *x->post.v, index_order);
    for (size_t i = 0; i < x->post.n; i++)
        if (!n || index_order(&x->post.v[n - 1], &x->post.v[i]) != 0)
            x->post.v[n++] = x->post.v[i];
    x->post.n = n;
}

int door_index_grow(struct door_index *x, const struct door_find *f, struct str text,
                    struct door_chain *c)
{
    struct door_trail_raw raw;
    struct buf plain;
    size_t had = x->place.n;
    int err = AM_OK;
    buf_init(&plain, DOOR_TRAIL_RECORD);
    while (text.n && !err) {
        size_t before = text.n;
        err = door_trail_next(&text, c, &raw);
        if (!err)
            err = index_one(x, f, &raw, before - text.n, &plain);
    }
    buf_release(&plain);
    memcpy(x->digest, c->digest, sizeof x->digest);
    if (x->place.n > had && x->post.n)
        index_sort(x);
    return err;
}

/* ---- asked ---- */
void door_index_find(const struct door_index *x, uint64_t key, size_t *from, size_t *to)
{
    size_t lo = 0, hi = x->post.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (x->post.v[mid].key < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (*from = hi = lo; hi < x->post.n && x->post.v[hi].key == key;)
        hi++;
    *to = hi;
}
