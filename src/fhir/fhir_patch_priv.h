/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the files fhir_patch_*.c: a tree that can be changed, over one that cannot.
 * A node stays a leaf over its JSON value until something inside it changes. */
#ifndef FHIR_PATCH_PRIV_H
#define FHIR_PATCH_PRIV_H

#include "base/arena.h"
#include "fhir/patch.h"

struct patch_node {
    enum json_type type;     /* of what is here: JSON_ARRAY, JSON_OBJECT, or a scalar */
    const struct json *leaf; /* untouched; NULL: the members below */
    struct str key;          /* in an object */
    struct patch_node *first, *last, *next, *prev;
    size_t n;
};

struct patch_node *fhir_patch_leaf(struct arena *a, const struct json *v);
/* Makes the members of a container nodes. AM_E_NOMEM. */
AM_CHECK int fhir_patch_open(struct arena *a, struct patch_node *node);
/* In an object by key, in an array by index; NULL: not there. Opens nothing. */
struct patch_node *fhir_patch_get(struct patch_node *node, struct str key);
struct patch_node *fhir_patch_at(struct patch_node *node, size_t i);
/* before NULL: at the end. */
void fhir_patch_insert(struct patch_node *node, struct patch_node *child,
                       struct patch_node *before);
void fhir_patch_remove(struct patch_node *node, struct patch_node *child);
/* child takes the place and the key of old. */
void fhir_patch_replace(struct patch_node *node, struct patch_node *old,
                        struct patch_node *child);
struct patch_node *fhir_patch_copy(struct arena *a, const struct patch_node *node);
bool fhir_patch_equal(const struct patch_node *node, const struct json *v);
AM_CHECK int fhir_patch_write(const struct patch_node *root, struct buf *out);

#endif
