/* SPDX-License-Identifier: Apache-2.0 */
/* bench_pack -- named files in one run of bytes: the images of a sealed set.
 *
 * Memory:  a pack borrows its bytes. Threads: one owner. */
#ifndef BENCH_PACK_H
#define BENCH_PACK_H

#include "base/buf.h"
#include "base/map.h"

struct bench_pack {
    struct str bytes;
    struct map at;
};
AM_CHECK int bench_pack_add(struct buf *out, struct str name, struct str bytes);
/* AM_E_TAMPERED: not such bytes, or a name twice; nothing is held then. */
AM_CHECK int bench_pack_open(struct bench_pack *p, struct str bytes);
bool bench_pack_find(const struct bench_pack *p, struct str name, struct str *out);
void bench_pack_release(struct bench_pack *p);

#endif
