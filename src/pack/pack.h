/* SPDX-License-Identifier: Apache-2.0 */
/* pack -- small texts made smaller: zstd, with a dictionary learnt from texts like them.
 *
 * A FHIR resource of 1.4 kB says little that another one of its type did not say: with a
 * dictionary it takes a seventh of its bytes, without one half of them. A dictionary is
 * data of the store that learnt it: it holds pieces of real resources, so it is kept as
 * they are, encrypted (module eds).
 *
 * Invariants
 *   I1  pack_open(pack_squeeze(x)) = x, with the same dictionary (NULL: none);
 *   I2  packed bytes are input: what is malformed, was packed with another dictionary or
 *       would exceed the cap is refused (AM_E_TAMPERED, AM_E_TOOBIG), out untouched.
 *
 * Memory:  a struct pack is the working memory of one call at a time, about 1 MiB; a
 *          dictionary about 5 times its bytes.
 * Threads: a dictionary is immutable and shared; a struct pack has one owner. */
#ifndef PACK_H
#define PACK_H

#include "base/buf.h"

struct pack_dict;
struct pack;

/* Learns a dictionary of at most max bytes. AM_E_INVALID: too few, or too unlike. */
AM_CHECK int pack_train(struct buf *out, const struct str *sample, size_t n, size_t max);
AM_CHECK int pack_dict_new(struct pack_dict **out, struct str bytes);
void pack_dict_free(struct pack_dict *d);

AM_CHECK int pack_new(struct pack **out);
void pack_free(struct pack *p);
/* Both append to out. max: most bytes the plain text may have. */
AM_CHECK int pack_squeeze(struct pack *p, const struct pack_dict *d, struct str plain,
                          struct buf *out);
AM_CHECK int pack_open(struct pack *p, const struct pack_dict *d, struct str packed,
                       size_t max, struct buf *out);

#endif
