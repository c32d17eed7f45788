/* SPDX-License-Identifier: Apache-2.0 */
/* embed -- files of the source tree carried inside the program.
 *
 * Pages, style sheets, fonts, JSON Schemas, SQL migrations and policy files are part of
 * what an auditor verifies: one program file, one digest. tools/embed.py turns
 * web/assets, web/templates, schema, policy and demo into a table at build time; this
 * header is the only way to it.
 *
 * Invariants
 *   I1  paths are those of the source tree ("schema/version-1.json"), unique and sorted
 * by strcmp. I2  sha256 is the digest of exactly data[0..size), computed when the program
 * was built. I3  a NUL byte follows data[size-1], so text may be read as a C string.
 *
 *   I4  gzip, where it is not NULL, unpacks (RFC 1952) to exactly data[0..size), and is
 * shorter.
 *
 * Memory:  everything is read-only program data; nothing to release.
 * Threads: any. */
#ifndef EMBED_EMBED_H
#define EMBED_EMBED_H

#include <stddef.h>
#include <stdint.h>

struct embed_file {
    const char *path;
    const uint8_t *data;
    size_t size;
    uint8_t sha256[32];
    const char *sha256_hex; /* 64 lower-case digits */
    const char *mime;       /* "text/css; charset=utf-8", by the ending of the name */
    const uint8_t *gzip;    /* of a text under web/assets/, for browsers; NULL: none */
    size_t gzip_size;
};

/* The file of that path, or NULL. */
const struct embed_file *embed_find(const char *path);
/* The i-th file in path order, or NULL past the end: for (i = 0; (f = embed_at(i)); i++).
 */
const struct embed_file *embed_at(size_t i);
/* Index of the first file whose path is >= prefix: start of a listing of one folder. */
size_t embed_first(const char *prefix);

#endif
