/* SPDX-License-Identifier: Apache-2.0 */
#include "embed/embed.h"
#include "embed/embed_priv.h"

#include <string.h>

size_t embed_first(const char *prefix)
{
    size_t low = 0;
    size_t high = embed_table_n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(embed_table[mid].path, prefix) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct embed_file *embed_find(const char *path)
{
    const struct embed_file *f = embed_at(embed_first(path));
    return f && strcmp(f->path, path) == 0 ? f : NULL;
}

const struct embed_file *embed_at(size_t i)
{
    return i < embed_table_n ? &embed_table[i] : NULL;
}
