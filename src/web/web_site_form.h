/* SPDX-License-Identifier: Apache-2.0 */
/* Inside web only: forms made from a JSON Schema (web_site_form.c). */
#ifndef WEB_SITE_FORM_H
#define WEB_SITE_FORM_H

#include "web/web_site_priv.h"

enum { WEB_POINTER_MAX = 320, WEB_FORM_ITEMS = 200 /* of a list, on one page */ };

struct web_form {
    struct web_visit *v;
    const struct json *root;     /* the schema of the record */
    const struct diag *problems; /* shown at the field they are about; NULL: none */
    struct str act; /* the button pressed: "save", "add:/ptr", "remove:/ptr" */
};
/* Writes the field of a top-level property as an element of the open list. */
void web_form_field(struct web_form *f, struct str key, const struct json *value);
/* Appends what the posted form holds for it as JSON, or nothing. */
AM_CHECK int web_form_read(struct web_form *f, struct str key, struct buf *out);
void web_form_id(char out[WEB_POINTER_MAX], const char *pointer);

const struct json *web_schema_resolve(const struct json *root, const struct json *node);
const struct json *web_schema_child(const struct json *root, const struct json *node,
                                    struct str key);
/* x-title or x-description of a property, or of what it refers to. */
struct str web_schema_words(enum text_lang l, const struct json *root,
                            const struct json *node, const char *member);
bool web_schema_requires(const struct json *schema, struct str key);

/* ---- web_site_escrow.c ---- */
/* Member `items` of the open object out of a table item,path,sha256,size; AM_E_INVALID:
 * problems in d. */
AM_CHECK int web_escrow_items(struct str file, struct jw *w, struct diag *d);

#endif
