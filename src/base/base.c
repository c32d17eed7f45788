/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <stdatomic.h>

static const struct {
    int http, exit;
    const char *key, *text;
} am_errs[] = {{200, 0, "err.ok", "ok"},
#define X(name, http, exit, key, text) {http, exit, key, text},
               AM_ERR_MAP(X)
#undef X
};

static size_t am_err_slot(int err)
{
    am_assert(err <= 0 && (size_t)-err < AM_LEN(am_errs));
    return (size_t)-err;
}

const char *am_err_text(int err)
{
    return am_errs[am_err_slot(err)].text;
}

const char *am_err_key(int err)
{
    return am_errs[am_err_slot(err)].key;
}

int am_err_http(int err)
{
    return am_errs[am_err_slot(err)].http;
}

int am_err_exit(int err)
{
    return am_errs[am_err_slot(err)].exit;
}

int am_err_errno(int errno_value)
{
    switch (errno_value) {
    case ENOMEM:
        return AM_E_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return AM_E_NOSPACE;
    case ENOENT:
    case ENOTDIR:
        return AM_E_NOTFOUND;
    case EEXIST:
        return AM_E_EXISTS;
    case EACCES:
    case EPERM:
        return AM_E_FORBIDDEN;
    case EFBIG:
    case ENAMETOOLONG:
        return AM_E_TOOBIG;
    case ETIMEDOUT:
        return AM_E_TIMEOUT;
    default:
        return AM_E_IO;
    }
}

_Noreturn void am_assert_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expr);
    abort();
}

static atomic_long am_oom_left;
static atomic_bool am_oom_hit;

bool am_oom_at(long n)
{
    bool hit = am_oom_hit;
    am_oom_left = n;
    am_oom_hit = false;
    return hit;
}

/* Armed by tests only: in the servers the counter stays 0 and the check is one load. When
 * what is tested has threads, which of them meets the failure is theirs to race for. */
static bool am_oom_now(void)
{
    if (atomic_load_explicit(&am_oom_left, memory_order_relaxed) <= 0 ||
        atomic_fetch_sub(&am_oom_left, 1) != 1)
        return false;
    atomic_store(&am_oom_hit, true);
    return true;
}

void *am_calloc(size_t n, size_t size)
{
    return am_oom_now() ? NULL : calloc(n, size);
}

void *am_malloc(size_t size)
{
    return am_oom_now() ? NULL : malloc(size ? size : 1);
}

void *am_realloc(void *p, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || am_oom_now())
        return NULL;
    return realloc(p, total ? total : 1);
}
