/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_sqlite_priv.h"

#include <stdarg.h>

#include "base/log.h"

void db_cache_clear(struct db_conn *c)
{
    for (size_t i = 0; i < DB_BUCKETS; i++)
        while (c->bucket[i]) {
            struct db_stmt *s = c->bucket[i];
            c->bucket[i] = s->next;
            sqlite3_finalize(s->st);
            free(s);
        }
    memset(c->fast, 0, sizeof c->fast);
    c->used = NULL;
    c->cached = 0;
}

void db_conn_done(struct db_conn *c)
{
    while (c->used) {
        struct db_stmt *s = c->used;
        c->used = s->used_next;
        s->used = false;
        sqlite3_reset(s->st);
        sqlite3_clear_bindings(s->st); /* values of one caller do not linger */
    }
    if (c->cached > DB_CACHE_MAX) /* somebody builds SQL texts: bounded, and rare */
        db_cache_clear(c);
}

/* The port's parameters are $1, $2...: SQLite takes them for names and numbers them in
 * order of appearance, so each $i is looked up once. Every one of 1..n must occur, as
 * PostgreSQL demands. */
static bool db_number_params(struct db_stmt *s)
{
    for (int i = 0; i < s->params; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", i + 1);
        s->index[i] = sqlite3_bind_parameter_index(s->st, name);
        if (s->index[i] == 0)
            return false;
    }
    return true;
}

static bool db_tail_blank(const char *tail)
{
    return strspn(tail, " \t\n;") == strlen(tail);
}

static int db_stmt_new(struct db_conn *c, const char *sql, struct db_stmt **out)
{
    sqlite3_stmt *st = NULL;
    struct db_stmt *s;
    const char *tail;
    size_t n;
    int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, &tail);
    if (rc)
        return db_fail(c, "prepare", rc);
    if (!st || !db_tail_blank(tail)) {
        sqlite3_finalize(st);
        LOG_E("db.sql", log_s("wrong", "not exactly one statement"));
        return AM_E_INTERNAL;
    }
    n = (size_t)sqlite3_bind_parameter_count(st);
    s = am_calloc(1, sizeof *s + n * sizeof s->index[0]);
    if (!s) {
        sqlite3_finalize(st);
        return AM_E_NOMEM;
    }
    s->st = st;
    s->c = c;
    s->params = (int)n;
    if (!db_number_params(s)) {
        LOG_E("db.sql", log_s("wrong", "parameters are not $1..$n"), log_s("sql", sql));
        sqlite3_finalize(st);
        free(s);
        return AM_E_INTERNAL;
    }
    *out = s;
    return AM_OK;
}

static int db_stmt_get(struct db_conn *c, const char *sql, struct db_stmt **out)
{
    size_t f = ((uintptr_t)sql >> 3) % DB_FAST, b;
    struct db_stmt *s = c->fast[f].s;
    int err;
    if (s && c->fast[f].sql == sql && strcmp(sqlite3_sql(s->st), sql) == 0) {
        *out = s;
        return AM_OK;
    }
    b = str_hash(str_c(sql)) % DB_BUCKETS;
    for (s = c->bucket[b]; s && strcmp(sqlite3_sql(s->st), sql) != 0;)
        s = s->next;
    if (!s) {
        err = db_stmt_new(c, sql, &s);
        if (err)
            return err;
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
    sqlite3_reset(s->st);
    sqlite3_clear_bindings(s->st);
    s->err = AM_OK;
    *out = s;
    return AM_OK;
}

/* SQLite's number of $i; a statement that still had rows starts anew. */
static int db_slot(struct db_stmt *s, int i)
{
    am_assert(i >= 1 && i <= s->params);
    if (sqlite3_stmt_busy(s->st))
        sqlite3_reset(s->st);
    return s->index[i - 1];
}

static void db_bound(struct db_stmt *s, int rc)
{
    if (rc && !s->err)
        s->err = db_fail(s->c, "bind", rc);
}

void db_bind_int(struct db_stmt *s, int i, int64_t v)
{
    db_bound(s, sqlite3_bind_int64(s->st, db_slot(s, i), v));
}

void db_bind_num(struct db_stmt *s, int i, double v)
{
    db_bound(s, sqlite3_bind_double(s->st, db_slot(s, i), v));
}

void db_bind_str(struct db_stmt *s, int i, struct str v)
{
    int slot = db_slot(s, i);
    db_bound(
        s, v.p ? sqlite3_bind_text64(s->st, slot, v.p, v.n, SQLITE_TRANSIENT, SQLITE_UTF8)
               : sqlite3_bind_null(s->st, slot));
}

void db_bind_blob(struct db_stmt *s, int i, const void *p, size_t n)
{
    int slot = db_slot(s, i);
    db_bound(s, p ? sqlite3_bind_blob64(s->st, slot, p, n, SQLITE_TRANSIENT)
                  : sqlite3_bind_null(s->st, slot));
}

void db_bind_null(struct db_stmt *s, int i)
{
    db_bound(s, sqlite3_bind_null(s->st, db_slot(s, i)));
}

int db_step(struct db_stmt *s, bool *row)
{
    int rc;
    if (row)
        *row = false;
    if (s->err)
        return s->err;
    rc = sqlite3_step(s->st);
    if (rc == SQLITE_ROW) {
        if (row)
            *row = true;
        return AM_OK;
    }
    /* Done or failed: the bindings stay, so that a loop binds and steps again. */
    sqlite3_reset(s->st);
    return rc == SQLITE_DONE ? AM_OK : db_fail(s->c, "step", rc);
}

static int db_col(struct db_stmt *s, int col)
{
    am_assert(col >= 0 && col < sqlite3_column_count(s->st));
    return col;
}

int64_t db_int(struct db_stmt *s, int col)
{
    return sqlite3_column_int64(s->st, db_col(s, col));
}

double db_num(struct db_stmt *s, int col)
{
    return sqlite3_column_double(s->st, db_col(s, col));
}

bool db_null(struct db_stmt *s, int col)
{
    return sqlite3_column_type(s->st, db_col(s, col)) == SQLITE_NULL;
}

/* Not NULL yet no bytes: either empty, or SQLite had no memory to show it. */
static struct str db_bytes(struct db_stmt *s, int col, const void *p)
{
    if (p)
        return (struct str){p, (size_t)sqlite3_column_bytes(s->st, col)};
    if (sqlite3_errcode(s->c->db) == SQLITE_NOMEM)
        db_bound(s, SQLITE_NOMEM);
    return STR("");
}

struct str db_str(struct db_stmt *s, int col)
{
    return db_null(s, col) ? STR_NULL : db_bytes(s, col, sqlite3_column_text(s->st, col));
}

struct str db_blob(struct db_stmt *s, int col)
{
    return db_null(s, col) ? STR_NULL : db_bytes(s, col, sqlite3_column_blob(s->st, col));
}

int db_exec(struct db_conn *c, const char *sql, const char *types, ...)
{
    struct db_stmt *s;
    struct str v;
    va_list ap;
    int err = db_prepare(c, sql, &s);
    if (err)
        return err;
    va_start(ap, types);
    for (int i = 1; types && types[i - 1]; i++)
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
    va_end(ap);
    return db_step(s, NULL);
}

int64_t db_changes(struct db_conn *c)
{
    return sqlite3_changes64(c->db);
}

int64_t db_last_id(struct db_conn *c)
{
    return sqlite3_last_insert_rowid(c->db);
}
