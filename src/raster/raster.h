/* SPDX-License-Identifier: Apache-2.0 */
/* raster -- small grey or colour images from outside, as bytes a model can be given.
 *
 * What is read: PNG (8 bits, grey or RGB, not interlaced), PGM and PPM (binary, 8 bits),
 * and NumPy arrays of uint8 ([n, h, w] or [n, h, w, 3]), alone (.npy) or in a .npz. The
 * width, height and channels wanted are given first: everything else is refused with its
 * reason, before any memory is sized by the file. So a file that declares 100,000 pixels
 * a side costs nothing, and a stream that inflates to more than the image is cut there.
 *
 * No library: the formats are read by our own few hundred lines (doc/adr), and those run
 * in a worker under seccomp (raster_session_...) whenever the bytes come from outside.
 * The functions without a session are for the worker, for tests and for fuzzers.
 *
 * Invariants
 *   R1  An image that is read has exactly the shape wanted; nothing is scaled, guessed or
 *       filled in. Checksums (CRC-32, Adler-32) hold.
 *   R2  Nothing is read beyond the file, nothing written beyond width*height*channels.
 *   R3  A refusal names one reason (RASTER_PROBLEM_MAP); out then has no meaning.
 *
 * Pixels: out[(channel * height + row) * width + column], 0 to 255: channels first, as
 * ONNX models read images.
 *
 * Memory: the inflated rows of one image; of an array the whole member of the .npz, at
 * most RASTER_ARRAY_MAX. Threads: no state; a session has one owner. */
#ifndef RASTER_H
#define RASTER_H

#include "base/base.h"

enum {
    RASTER_PIXELS_MAX = 1 << 16, /* width * height * channels */
    RASTER_FILE_MAX = 1 << 20,   /* bytes of one image file */
    RASTER_FILES_MAX = 256,      /* of one call of a session */
    RASTER_ARRAY_MAX = 256 << 20 /* bytes of an array, and of its file */
};
struct raster_shape {
    size_t width, height, channels; /* channels: 1 or 3 */
};

/* X(id, name, words) */
#define RASTER_PROBLEM_MAP(X)                                                            \
    X(OK, "ok", "")                                                                      \
    X(FORMAT, "format", "not a PNG, PGM, PPM, NPY or NPZ file that is read here")        \
    X(TRUNCATED, "truncated", "the file ends too early")                                 \
    X(CORRUPT, "corrupt", "a checksum or the compressed data are wrong")                 \
    X(SIZE, "size", "another width or height than declared")                             \
    X(CHANNELS, "channels", "another number of channels than declared")                  \
    X(DEPTH, "depth", "not 8 bits a value")                                              \
    X(INTERLACED, "interlaced", "interlaced images are not read")                        \
    X(ARRAY, "array", "no array of that name, of bytes, in C order")                     \
    X(INDEX, "index", "the array holds no image of that number")                         \
    X(TOOBIG, "toobig", "larger than is read here")                                      \
    X(MEMORY, "memory", "out of memory")
enum raster_problem {
#define X(id, name, words) RASTER_##id,
    RASTER_PROBLEM_MAP(X)
#undef X
        RASTER_PROBLEMS
};
const char *raster_problem_name(enum raster_problem p);
const char *raster_problem_words(enum raster_problem p);

bool raster_shape_ok(const struct raster_shape *want);
static inline size_t raster_pixels(const struct raster_shape *s)
{
    return s->width * s->height * s->channels;
}

/* One image: what the first bytes say decides between PNG, PGM and PPM. */
enum raster_problem raster_image(struct str file, const struct raster_shape *want,
                                 uint8_t *out);

/* An array of images; name: of the member of a .npz, without ".npy" (a .npy has none and
 * ignores it). data is borrowed from the file, or own. */
struct raster_array {
    const uint8_t *data;
    size_t n;     /* images */
    uint8_t *own; /* free with raster_array_release() */
    struct raster_shape shape;
};
enum raster_problem raster_array(struct str file, struct str name,
                                 const struct raster_shape *want,
                                 struct raster_array *out);
enum raster_problem raster_array_at(const struct raster_array *a, uint64_t index,
                                    uint8_t *out);
void raster_array_release(struct raster_array *a);

/* ---- through a worker -----------------------------------------------------------------
 */
struct raster_session;
AM_CHECK int raster_session_open(struct raster_session **out,
                                 const struct raster_shape *want);
void raster_session_close(struct raster_session *s);
/* n files to n images one behind the other, with one enum raster_problem each.
 * AM_E_TOOBIG beyond RASTER_FILES_MAX files or RASTER_FILE_MAX bytes of one;
 * AM_E_REFUSED: the worker did not survive them, close the session. */
AM_CHECK int raster_session_files(struct raster_session *s, const struct str *file,
                                  size_t n, uint8_t *pixel, uint8_t *problem);
/* Images number index[0..n) of an array. A problem of the array itself is that of every
 * image. */
AM_CHECK int raster_session_array(struct raster_session *s, struct str file,
                                  struct str name, const uint64_t *index, size_t n,
                                  uint8_t *pixel, uint8_t *problem);
/* Main of the worker role "raster": cmd registers it. */
int raster_worker_main(void);

#endif
