/* SPDX-License-Identifier: Apache-2.0 */
#include "raster/raster_priv.h"

/* The first byte says which reader and shape; an image that is read is written whole. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct raster_shape shape[] = {{16, 12, 1}, {5, 4, 3}, {4, 3, 1}};
    struct raster_array a;
    uint8_t out[192];
    struct str file;
    if (!len)
        return 0;
    file = (struct str){(const char *)data + 1, len - 1};
    if (data[0] & 4) {
        if (raster_array(file, STR("images"), &shape[2], &a) == RASTER_OK) {
            for (uint64_t i = 0; i < 3; i++)
                (void)raster_array_at(&a, i, out);
            raster_array_release(&a);
        }
        return 0;
    }
    (void)raster_image(file, &shape[data[0] % AM_LEN(shape)], out);
    return 0;
}
