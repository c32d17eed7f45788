/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a packed text, with and without a dictionary; what opens is squeezed and
 * opened again. */
#include "pack/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pack *p;
    static struct pack_dict *d;
    struct buf out, again, packed;
    if (!p && (pack_new(&p) || pack_dict_new(&d, STR("{\"resourceType\":\"Patient\"}"))))
        return 0;
    for (int k = 0; k < 2; k++) {
        const struct pack_dict *with = k ? d : NULL;
        buf_init(&out, 1 << 16);
        buf_init(&again, 1 << 16);
        buf_init(&packed, 1 << 17);
        if (!pack_open(p, with, (struct str){(const char *)data, size}, 60000, &out)) {
            am_assert(!pack_squeeze(p, with, buf_str(&out), &packed));
            am_assert(!pack_open(p, with, buf_str(&packed), 60000, &again));
            am_assert(str_eq(buf_str(&out), buf_str(&again)));
        }
        buf_release(&out);
        buf_release(&again);
        buf_release(&packed);
    }
    return 0;
}
