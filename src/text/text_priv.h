/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of the table that tools/po2c.py writes; filling a message in. */
#ifndef TEXT_PRIV_H
#define TEXT_PRIV_H

#include "text/text.h"

enum { TEXT_FORMS = 6 }; /* the most plural forms a language of ours has: Arabic */

/* form[l] points to one message, or to all plural forms of language l in CLDR order. */
struct text_entry {
    const char *id;
    bool plural;
    const struct str *form[TEXT_LANGS];
};
extern const struct text_entry text_catalog[]; /* sorted by strcmp of id */
extern const size_t text_catalog_n;
/* Copies pattern to out, {name} replaced. All or nothing: a caller never sees half a
 * sentence. */
AM_CHECK int text_expand(struct buf *out, struct str pattern, const struct text_arg *arg,
                         size_t n);

#endif
