/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "db/db_sqlite_priv.h"

static struct db_lite_stmt *db_lite_of(struct db_stmt *s)
{
    return (struct db_lite_stmt *)s;
}

static struct db_lite *db_lite_conn(const struct db_stmt *s)
{
    return (struct db_lite *)s->c;
}

void db_lite_stmt_free(struct db_stmt *s)
{
    sqlite3_finalize(db_lite_of(s)->st);
    free(s);
}

/* The port's parameters are $1, $2...: SQLite takes them for names and numbers them in
 * order of appearance, so each $i is looked up once. Every one of 1..n must occur, as
 * PostgreSQL demands. */
static bool db_number_params(struct db_lite_stmt *s)
{
    for (int i = 0; i < s->base.params; i++) {
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

int db_lite_stmt_new(struct db_conn *base, const char *sql, struct db_stmt **out)
{
    struct db_lite *c = (struct db_lite *)base;
    sqlite3_stmt *st = NULL;
    struct db_lite_stmt *s;
    const char *tail;
    size_t n;
    int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, &tail);
    if (rc)
        return db_lite_fail(c, "prepare", rc);
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
    s->base.sql = sqlite3_sql(st);
    s->base.params = (int)n;
    s->base.cols = sqlite3_column_count(st);
    if (!db_number_params(s)) {
        LOG_E("db.sql", log_s("wrong", "parameters are not $1..$n"), log_s("sql", sql));
        db_lite_stmt_free(&s->base);
        return AM_E_INTERNAL;
    }
    *out = &s->base;
    return AM_OK;
}

void db_lite_stmt_clean(struct db_stmt *s)
{
    sqlite3_reset(db_lite_of(s)->st);
    sqlite3_clear_bindings(db_lite_of(s)->st);
}

int db_lite_stmt_ready(struct db_stmt *s)
{
    db_lite_stmt_clean(s);
    db_lite_of(s)->err = AM_OK;
    return AM_OK;
}

/* SQLite's number of $i; a statement that still had rows starts anew. */
static int db_slot(struct db_lite_stmt *s, int i)
{
    if (sqlite3_stmt_busy(s->st))
        sqlite3_reset(s->st);
    return s->index[i - 1];
}

static void db_bound(struct db_stmt *s, int rc)
{
    if (rc && !db_lite_of(s)->err)
        db_lite_of(s)->err = db_lite_fail(db_lite_conn(s), "bind", rc);
}

void db_lite_bind_int(struct db_stmt *s, int i, int64_t v)
{
    struct db_lite_stmt *l = db_lite_of(s);
    db_bound(s, sqlite3_bind_int64(l->st, db_slot(l, i), v));
}

void db_lite_bind_num(struct db_stmt *s, int i, double v)
{
    struct db_lite_stmt *l = db_lite_of(s);
    db_bound(s, sqlite3_bind_double(l->st, db_slot(l, i), v));
}

void db_lite_bind_str(struct db_stmt *s, int i, struct str v)
{
    struct db_lite_stmt *l = db_lite_of(s);
    int slot = db_slot(l, i);
    db_bound(
        s, v.p ? sqlite3_bind_text64(l->st, slot, v.p, v.n, SQLITE_TRANSIENT, SQLITE_UTF8)
               : sqlite3_bind_null(l->st, slot));
}

void db_lite_bind_blob(struct db_stmt *s, int i, struct str v)
{
    struct db_lite_stmt *l = db_lite_of(s);
    int slot = db_slot(l, i);
    db_bound(s, v.p ? sqlite3_bind_blob64(l->st, slot, v.p, v.n, SQLITE_TRANSIENT)
                    : sqlite3_bind_null(l->st, slot));
}

int db_lite_step(struct db_stmt *s, bool *row)
{
    struct db_lite_stmt *l = db_lite_of(s);
    int rc;
    if (l->err)
        return l->err;
    rc = sqlite3_step(l->st);
    if (rc == SQLITE_ROW) {
        *row = true;
        return AM_OK;
    }
    /* Done or failed: the bindings stay, so that a loop binds and steps again. */
    sqlite3_reset(l->st);
    return rc == SQLITE_DONE ? AM_OK : db_lite_fail(db_lite_conn(s), "step", rc);
}

int64_t db_lite_int(struct db_stmt *s, int col)
{
    return sqlite3_column_int64(db_lite_of(s)->st, col);
}

double db_lite_num(struct db_stmt *s, int col)
{
    return sqlite3_column_double(db_lite_of(s)->st, col);
}

bool db_lite_is_null(struct db_stmt *s, int col)
{
    return sqlite3_column_type(db_lite_of(s)->st, col) == SQLITE_NULL;
}

/* Not NULL yet no bytes: either empty, or SQLite had no memory to show it. */
static struct str db_bytes(struct db_stmt *s, int col, const void *p)
{
    if (p)
        return (struct str){p, (size_t)sqlite3_column_bytes(db_lite_of(s)->st, col)};
    if (sqlite3_errcode(db_lite_conn(s)->db) == SQLITE_NOMEM)
        db_bound(s, SQLITE_NOMEM);
    return STR("");
}

struct str db_lite_str(struct db_stmt *s, int col)
{
    return db_bytes(s, col, sqlite3_column_text(db_lite_of(s)->st, col));
}

struct str db_lite_blob(struct db_stmt *s, int col)
{
    return db_bytes(s, col, sqlite3_column_blob(db_lite_of(s)->st, col));
}

int64_t db_lite_changes(struct db_conn *c)
{
    return sqlite3_changes64(((struct db_lite *)c)->db);
}

int64_t db_lite_last_id(struct db_conn *c)
{
    return sqlite3_last_insert_rowid(((struct db_lite *)c)->db);
}
