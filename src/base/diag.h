/* SPDX-License-Identifier: Apache-2.0 */
/* diag -- everything that is wrong with the user's data, not the first thing only.
 *
 * Each problem has a path (JSON Pointer, "line:column", column name...), a stable code
 * (`schema.required`, `record.digest_mismatch`), a severity, and named arguments. Texts
 * come later, in the reader's language, from the catalogue entry "diag.<code>"; the
 * English detail is for logs and for readers of English. Its printf format and the values
 * put into it are kept apart too, so that it can be said in the other languages
 * (text_detail()).
 *
 * Memory:  the diag owns copies of all it is given. The list is capped (DIAG_MAX): past
 *          it only the counters grow, and diag.more says how many were dropped.
 * Threads: one owner. */
#ifndef AM_DIAG_H
#define AM_DIAG_H

#include <stdarg.h>

#include "base/arena.h"
#include "base/base.h"

enum { DIAG_MAX = 500, DIAG_ARGS = 4, DIAG_VALUES = 4 };
enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_INFO };

struct diag_arg {
    const char *name, *value;
};
struct diag_item {
    enum diag_severity severity;
    const char *path, *code, *detail; /* never NULL */
    struct diag_arg arg[DIAG_ARGS];
    size_t args;
    const char *format, *value[DIAG_VALUES]; /* what detail was made of; never NULL */
    size_t values;
};
struct diag {
    struct arena arena;
    struct diag_item *item;
    size_t n, cap;
    size_t errors, warnings, more;
};

void diag_init(struct diag *d);
void diag_release(struct diag *d);
void diag_clear(struct diag *d);
/* All adders accept d == NULL (problem dropped) and never fail: out of memory counts the
 * problem in d->more, so that errors > 0 remains true. detail is printf-formatted. */
void diag_add(struct diag *d, enum diag_severity sev, const char *path, const char *code,
              const char *detail, ...) AM_PRINTF(5, 6);
void diag_vadd(struct diag *d, enum diag_severity sev, const char *path, const char *code,
               const char *detail, va_list ap) AM_PRINTF(5, 0);
/* One error; the usual call. */
#define diag_err(d, path, code, ...)                                                     \
    diag_add((d), DIAG_ERROR, (path), (code), __VA_ARGS__)
/* Adds a named argument to the problem added last. */
void diag_arg(struct diag *d, const char *name, const char *value);
/* AM_E_INVALID when there is an error, else AM_OK. */
int diag_result(const struct diag *d);
/* Copies all problems of src into dst (NULL: dropped), each path prefixed. */
void diag_merge(struct diag *dst, const struct diag *src, const char *prefix);

#endif
