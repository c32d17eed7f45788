/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: which store serves it, its cache of prepared statements, and the public
 * calls on statements, which only pass on. */
#include <stdarg.h>

#include "db/db_priv.h"

bool db_is_uri(const char *path)
{
    return strncmp(path, "postgresql:", 11) == 0 || strncmp(path, "postgres:", 9) == 0;
}

int db_conn_open(struct db_conn **out, const struct db_place *p, enum db_role role)
{
    const struct db_ops *ops = db_is_uri(p->path) ? &db_pg_ops : &db_sqlite_ops;
    return ops->open(out, p, role);
}

void db_conn_close(struct db_conn *c)
{
    if (c)
        c->ops->close(c);
}

/* ---- the cache ---- */
void db_cache_clear(struct db_conn *c)
{
    size_t had = c->cached;
    for (size_t i = 0; i < DB_BUCKETS; i++)
        while (c->bucket[i]) {
            struct db_stmt *s = c->bucket[i];
            c->bucket[i] = s->next;
            c->ops->stmt_free(s);
        }
    memset(c->fast, 0, sizeof c->fast);
    c->used = NULL;
    c->cached = 0;
    if (had && c->ops->cache_emptied)
        c->ops->cache_emptied(c);
}

void db_conn_done(struct db_conn *c)
{
    while (c->used) {
        struct db_stmt *s = c->used;
        c->used = s->used_next;
        s->used = false;
        c->ops->stmt_clean(s); /* values of one caller do not linger */
    }
    if (c->cached > DB_CACHE_MAX) /* somebody builds SQL texts: bounded, and rare */
        db_cache_clear(c);
}

static int db_stmt_get(struct db_conn *c, const char *sql, struct db_stmt **out)
{
    size_t f = ((uintptr_t)sql >> 3) % DB_FAST, b;
    struct db_stmt *s = c->fast[f].s;
    int err;
    if (s && c->fast[f].sql == sql && strcmp(s->sql, sql) == 0) {
        *out = s;
        return AM_OK;
    }
    b = str_hash(str_c(sql)) % DB_BUCKETS;
    for (s = c->bucket[b]; s && strcmp(s->sql, sql) != 0;)
        s = s->next;
    if (!s) {
        err = c->ops->stmt_new(c, sql, &s);
        if (err)
            return err;
        s->c = c;
        s->next = c->bucket[b];
        c->bucket[b] = s;
        c->cached++;
    }
    c->fast[f].sql = sql;
    c->fast[f].s = s;
    *out = s;
    return AM_OK;
}

int db_prepare(struct db_conn *c, const char *sql, struct db_stmt **out)
{
    struct db_stmt *s;
    int err = db_stmt_get(c, sql, &s);
    if (err)
        return err;
    if (!s->used) {
        s->used = true;
        s->used_next = c->used;
        c->used = s;
    }
    err = c->ops->stmt_ready(s);
    if (!err)
        *out = s;
    return err;
}

/* ---- statements ---- */
void db_bind_int(struct db_stmt *s, int i, int64_t v)
{
    am_assert(i >= 1 && i <= s->params);
    s->c->ops->bind_int(s, i, v);
}

void db_bind_num(struct db_stmt *s, int i, double v)
{
    am_assert(i >= 1 && i <= s->params);
    s->c->ops->bind_num(s, i, v);
}

void db_bind_str(struct db_stmt *s, int i, struct str v)
{
    am_assert(i >= 1 && i <= s->params);
    s->c->ops->bind_str(s, i, v);
}

void db_bind_blob(struct db_stmt *s, int i, const void *p, size_t n)
{
    am_assert(i >= 1 && i <= s->params);
    s->c->ops->bind_blob(s, i, p ? (struct str){p, n} : STR_NULL);
}

void db_bind_null(struct db_stmt *s, int i)
{
    am_assert(i >= 1 && i <= s->params);
    s->c->ops->bind_blob(s, i, STR_NULL);
}

int db_step(struct db_stmt *s, bool *row)
{
    bool unread;
    if (!row)
        row = &unread;
    *row = false;
    return s->c->ops->step(s, row);
}

bool db_null(struct db_stmt *s, int col)
{
    am_assert(col >= 0 && col < s->cols);
    return s->c->ops->is_null(s, col);
}

int64_t db_int(struct db_stmt *s, int col)
{
    am_assert(col >= 0 && col < s->cols);
    return s->c->ops->get_int(s, col);
}

double db_num(struct db_stmt *s, int col)
{
    am_assert(col >= 0 && col < s->cols);
    return s->c->ops->get_num(s, col);
}

struct str db_str(struct db_stmt *s, int col)
{
    return db_null(s, col) ? STR_NULL : s->c->ops->get_str(s, col);
}

struct str db_blob(struct db_stmt *s, int col)
{
    return db_null(s, col) ? STR_NULL : s->c->ops->get_blob(s, col);
}

static void db_bind_all(struct db_stmt *s, const char *types, va_list ap)
{
    for (int i = 1; types && types[i - 1]; i++) {
        struct str v;
        switch (types[i - 1]) {
        case 'i':
            db_bind_int(s, i, va_arg(ap, int64_t));
            break;
        case 'd':
            db_bind_num(s, i, va_arg(ap, double));
            break;
        case 's':
            db_bind_str(s, i, va_arg(ap, struct str));
            break;
        case 'b':
            v = va_arg(ap, struct str);
            db_bind_blob(s, i, v.p, v.n);
            break;
        default:
            am_assert(types[i - 1] == 'n');
            db_bind_null(s, i);
        }
    }
}

static int db_bound(struct db_conn *c, const char *sql, const char *types, va_list ap,
                    struct db_stmt **s)
{
    int err = db_prepare(c, sql, s);
    if (!err)
        db_bind_all(*s, types, ap);
    return err;
}

int db_exec(struct db_conn *c, const char *sql, const char *types, ...)
{
    struct db_stmt *s;
    va_list ap;
    va_start(ap, types);
    int err = db_bound(c, sql, types, ap, &s);
    va_end(ap);
    return err ? err : db_step(s, NULL);
}

int db_exec_later(struct db_conn *c, const char *sql, const char *types, ...)
{
    struct db_stmt *s;
    va_list ap;
    va_start(ap, types);
    int err = db_bound(c, sql, types, ap, &s);
    va_end(ap);
    return err ? err : db_step_later(s);
}

int db_step_later(struct db_stmt *s)
{
    return s->c->ops->later ? s->c->ops->later(s) : db_step(s, NULL);
}

int64_t db_changes(struct db_conn *c)
{
    return c->ops->changes(c);
}

int64_t db_last_id(struct db_conn *c)
{
    return c->ops->last_id(c);
}
