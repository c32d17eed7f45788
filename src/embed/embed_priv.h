/* SPDX-License-Identifier: Apache-2.0 */
/* The table that tools/embed.py generates (embed_data.c in the build folder). */
#ifndef EMBED_EMBED_PRIV_H
#define EMBED_EMBED_PRIV_H

#include "embed/embed.h"

extern const struct embed_file embed_table[];
extern const size_t embed_table_n;

#endif
