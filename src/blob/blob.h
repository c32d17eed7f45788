/* SPDX-License-Identifier: Apache-2.0 */
/* blob -- a content-addressed store of files: DIR/sha256/ab/cdef...
 *
 * A blob's name is the SHA-256 of its bytes, checked on every read: a flipped byte is
 * AM_E_TAMPERED and the path is logged. Writes are temp file + fsync + rename + directory
 * fsync, so a blob is there whole or not at all; putting the same bytes twice is fine.
 *
 * A store may stand before another place (blob_behind): a digest without a file is asked
 * there, and what comes back is checked against its name like a file's bytes. So whoever
 * reads statements by digest need not know whether they are files (a node's mirror, an
 * auditor's copy) or rows (the registry's own database).
 *
 * Access control is not here: callers decide who may read which digest.
 * Threads: any; the file system is the lock. */
#ifndef BLOB_H
#define BLOB_H

#include "base/buf.h"
#include "crypto/crypto.h"

struct blob_store;
AM_CHECK int blob_open(struct blob_store **out, const char *dir); /* creates dir 0700 */
void blob_close(struct blob_store *s);
/* Appends the bytes of a digest to out, or AM_E_NOTFOUND; called by any thread. */
typedef int blob_source(void *cookie, const uint8_t digest[CRYPTO_SHA256],
                        struct buf *out);
/* Set once, before the store is shared. blob_each() visits files only. */
void blob_behind(struct blob_store *s, blob_source *get, void *cookie);

AM_CHECK int blob_put(struct blob_store *s, struct str data,
                      uint8_t digest[CRYPTO_SHA256]);
/* Refuses (AM_E_TAMPERED) data whose digest is not the one announced. */
AM_CHECK int blob_put_as(struct blob_store *s, struct str data,
                         const uint8_t digest[CRYPTO_SHA256]);
/* Appends to out; AM_E_NOTFOUND, AM_E_TAMPERED, AM_E_TOOBIG (out's cap). */
AM_CHECK int blob_get(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256],
                      struct buf *out);
bool blob_has(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256]);
/* Size in bytes without reading; AM_E_NOTFOUND. */
AM_CHECK int blob_size(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256],
                       uint64_t *size_b);
/* Path of a digest inside the store, for workers and static servers. out: 4096 bytes. */
void blob_path(const struct blob_store *s, const uint8_t digest[CRYPTO_SHA256], char *out,
               size_t cap);
/* Visits every blob in digest order; stops at the first non-zero return, passed on. */
typedef int blob_visit(void *cookie, const uint8_t digest[CRYPTO_SHA256],
                       uint64_t size_b);
AM_CHECK int blob_each(const struct blob_store *s, blob_visit *visit, void *cookie);

#endif
