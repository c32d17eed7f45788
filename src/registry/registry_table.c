/* SPDX-License-Identifier: Apache-2.0 */
/* registry_table -- the register at one size of the log, a row for each version, for
 * readers that take minutes. The fold moves on under its lock; what a long answer is made
 * from must not. So the rows are written, under one read lock, to a file in the folder
 * that has no name and goes with its last reader: neither memory nor the lock is held
 * while they are read. Who asks at the same size reads the same file, and when many sizes
 * are being read at once, a newcomer gets the newest of them.
 *
 * Threads: any. `table_lock` is taken before `fold`, and held while a table is made. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "registry/registry_priv.h"

enum { TOGETHER = 128 };

struct registry_table {
    int fd;
    uint64_t size, rows;
    unsigned readers;
};

/* ---- making one -------------------------------------------------------------------- */
struct making {
    struct registry *r;
    struct registry_table *t;
    struct registry_table_row row[TOGETHER];
    size_t n;
};

static int put_rows(struct making *m)
{
    const char *p = (const char *)m->row;
    size_t left = m->n * sizeof *m->row;
    while (left) {
        ssize_t k = write(m->t->fd, p, left);
        if (k < 0 && errno != EINTR)
            return am_err_errno(errno);
        p += k > 0 ? k : 0;
        left -= k > 0 ? (size_t)k : 0;
    }
    m->t->rows += m->n;
    m->n = 0;
    return AM_OK;
}

static void fill_row(struct registry_table_row *x, const struct ledger *l,
                     const struct ledger_version *v)
{
    const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(v->algorithm_id));
    *x = (struct registry_table_row){.state = v->state,
                                     .level = v->level,
                                     .registry_status = ledger_registry_status(v),
                                     .declared = v->declared.index,
                                     .decision = v->decision.index,
                                     .expires_at = v->expires_at,
                                     .named = a != NULL};
    memcpy(x->digest, v->digest, sizeof x->digest);
    if (a)
        memcpy(x->algorithm, a->payload, sizeof x->algorithm);
    memcpy(x->algorithm_id, v->algorithm_id, sizeof x->algorithm_id);
    memcpy(x->version_label, v->version_label, sizeof x->version_label);
    memcpy(x->org_id, v->org_id, sizeof x->org_id);
    memcpy(x->use_code, v->use_code, sizeof x->use_code);
}

static int make_rows(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct making *m = arg;
    int err = AM_OK;
    (void)cosigned;
    m->t->size = ledger_size(l);
    for (size_t i = 0; i < ledger_versions(l) && !err; i++) {
        fill_row(&m->row[m->n++], l, ledger_version_at(l, i));
        if (m->n == TOGETHER)
            err = put_rows(m);
    }
    return err ? err : put_rows(m);
}

/* A file without a name; some file systems have none: one that loses its name at once. */
static int open_file(const char *dir, int *fd)
{
    char path[REGISTRY_PATH_MAX];
    *fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return AM_OK;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return am_err_errno(errno);
    snprintf(path, sizeof path, "%s/.table-XXXXXX", dir);
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0)
        return am_err_errno(errno);
    unlink(path);
    return AM_OK;
}

static void table_free(struct registry_table *t)
{
    if (t && t->fd >= 0)
        close(t->fd);
    free(t);
}

static int table_make(struct registry *r, struct registry_table **out)
{
    struct making *m = am_calloc(1, sizeof *m);
    int err = m ? AM_OK : AM_E_NOMEM;
    if (!err) {
        m->t = am_calloc(1, sizeof *m->t);
        err = m->t ? AM_OK : AM_E_NOMEM;
    }
    if (!err) {
        m->t->fd = -1;
        err = open_file(r->dir, &m->t->fd);
    }
    if (!err)
        err = registry_view(r, make_rows, m);
    if (err) {
        LOG_W("registry.table", log_err(err));
        table_free(m ? m->t : NULL);
    } else {
        *out = m->t;
    }
    free(m);
    return err;
}

/* ---- who reads which --------------------------------------------------------------- */
static int size_now(void *arg, const struct ledger *l, uint64_t cosigned)
{
    uint64_t *size = arg;
    (void)cosigned;
    *size = ledger_size(l);
    return AM_OK;
}

/* Under table_lock: that of this size, or, when there is no place for another, the
 * newest. */
static struct registry_table *shared(struct registry *r, uint64_t size,
                                     struct registry_table ***place)
{
    struct registry_table *newest = NULL;
    *place = NULL;
    for (size_t i = 0; i < REGISTRY_TABLES; i++) {
        struct registry_table *t = r->table[i];
        if (!t)
            *place = &r->table[i];
        else if (!newest || t->size > newest->size)
            newest = t;
    }
    return newest && (newest->size == size || !*place) ? newest : NULL;
}

int registry_table_open(struct registry *r, struct registry_table **out)
{
    struct registry_table **place, *t;
    uint64_t size = 0;
    int err;
    pthread_mutex_lock(&r->table_lock);
    err = registry_view(r, size_now, &size);
    t = shared(r, size, &place);
    if (!err && !t) {
        err = table_make(r, &t);
        if (!err)
            *place = t;
    }
    if (!err) {
        t->readers++;
        *out = t;
    }
    pthread_mutex_unlock(&r->table_lock);
    return err;
}

void registry_table_close(struct registry *r, struct registry_table *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&r->table_lock);
    am_assert(t->readers > 0);
    if (--t->readers == 0) {
        for (size_t i = 0; i < REGISTRY_TABLES; i++)
            if (r->table[i] == t)
                r->table[i] = NULL;
        table_free(t);
    }
    pthread_mutex_unlock(&r->table_lock);
}

uint64_t registry_table_size(const struct registry_table *t)
{
    return t->size;
}

/* ---- reading ----------------------------------------------------------------------- */
int registry_table_read(const struct registry_table *t, uint64_t first,
                        struct registry_table_row *out, size_t max, size_t *n)
{
    size_t want, got = 0;
    *n = first < t->rows ? (size_t)AM_MIN((uint64_t)max, t->rows - first) : 0;
    want = *n * sizeof *out;
    while (got < want) {
        ssize_t k = pread(t->fd, (char *)out + got, want - got,
                          (off_t)(first * sizeof *out + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k ? am_err_errno(errno) : AM_E_IO;
        got += (size_t)k;
    }
    return AM_OK;
}
