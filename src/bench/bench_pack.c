/* SPDX-License-Identifier: Apache-2.0 */
/* bench_pack -- the image files of a sealed set as one run of bytes: for each, u32 bytes
 * of the name, name, u32 size, bytes; little-endian. Names are once each. */
#include "bench/bench_pack.h"

static int add_u32(struct buf *b, size_t v)
{
    const char four[4] = {(char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24)};
    return buf_add(b, (struct str){four, sizeof four});
}

static bool take(struct str *rest, struct str *out)
{
    size_t n = 0;
    if (rest->n < 4)
        return false;
    for (size_t i = 4; i-- > 0;)
        n = n << 8 | (uint8_t)rest->p[i];
    if (n > rest->n - 4)
        return false;
    *out = str_sub(*rest, 4, 4 + n);
    *rest = str_sub(*rest, 4 + n, rest->n);
    return true;
}

int bench_pack_add(struct buf *out, struct str name, struct str bytes)
{
    int err = add_u32(out, name.n);
    if (!err)
        err = buf_add(out, name);
    if (!err)
        err = add_u32(out, bytes.n);
    return err ? err : buf_add(out, bytes);
}

int bench_pack_open(struct bench_pack *p, struct str bytes)
{
    struct str rest = bytes, name, file;
    int err = AM_OK;
    map_init(&p->at);
    p->bytes = bytes;
    while (rest.n && !err) {
        if (!take(&rest, &name) || map_has(&p->at, name))
            err = AM_E_TAMPERED;
        else
            err = map_set(&p->at, name, bytes.n - rest.n);
        if (!err && !take(&rest, &file))
            err = AM_E_TAMPERED;
    }
    if (err)
        bench_pack_release(p);
    return err;
}

bool bench_pack_find(const struct bench_pack *p, struct str name, struct str *out)
{
    struct str rest;
    size_t at;
    if (map_get(&p->at, name, &at))
        return false;
    rest = str_sub(p->bytes, at, p->bytes.n);
    return take(&rest, out);
}

void bench_pack_release(struct bench_pack *p)
{
    map_release(&p->at);
}
