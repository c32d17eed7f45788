/* SPDX-License-Identifier: Apache-2.0 */
/* db_pg_priv -- shared by the files that speak to PostgreSQL.
 *
 * A connection is always in libpq's pipeline mode. What needs no answer (savepoint,
 * release, rollback to) is sent and forgotten with db_pg_quiet(); what does ends with
 * db_pg_sync(), one round trip for all of it. A command that fails makes the server skip
 * the rest up to the next sync, and aborts the transaction to its last savepoint.
 *
 * Savepoints: "f" holds one function. SQLite undoes a failed statement alone and lets the
 * function go on; to give that here, a statement that follows a successful write of the
 * same function runs in a savepoint "s" inside "f". Most functions write once and need
 * none. */
#ifndef DB_PG_PRIV_H
#define DB_PG_PRIV_H

#include <libpq-fe.h>

#include "db/db_priv.h"

enum {
    DB_PG_PAUSE_MIN_MS = 50,
    DB_PG_PAUSE_MAX_MS = 5000,
    DB_PG_UNREAD_MAX = 200 /* answers that wait in the socket's buffer */
};

struct db_pg {
    struct db_conn base;
    char *uri, schema[40];
    bool sole;
    PGconn *pg;          /* NULL: gone, db_pg_begin() tries again */
    uint64_t generation; /* of the connection: names of statements live as long */
    uint64_t names;
    int64_t retry_at;
    int pause_ms;
    bool in_tx, dirty, inner; /* dirty: a write since the last savepoint; inner: "s" */
    bool owed;                /* a sync whose answers were not read yet */
    bool warned;              /* a warning arrived: at commit, a doubt */
    bool deferrable;          /* some constraint is checked late */
    int unread; /* statements of this function whose answer is not awaited */
    int broken; /* one of them failed: the function as a whole does */
    int64_t changes;
};

struct db_pg_param {
    char *p; /* NULL: SQL null */
    size_t n, room;
    bool null, binary;
};
struct db_pg_stmt {
    struct db_stmt base;
    char *text, name[24];
    uint64_t generation; /* prepared on that one; 0: on none */
    bool write;
    Oid *ptype, *ctype;
    struct db_pg_param *param;
    char (*shown)[40]; /* numbers asked for as text, by column */
    PGresult *res;
    int row, err;
};

/* ---- db_pg.c ---- */
bool db_pg_quiet(struct db_pg *c, const char *sql);
/* Waits for everything sent; *res (cleared by the caller) is the last answer. */
int db_pg_sync(struct db_pg *c, const char *op, PGresult **res);
/* Before a statement whose failure must not undo what the function did so far. */
void db_pg_guard(struct db_pg *c);
/* After a failed one: back to the last savepoint. */
void db_pg_back(struct db_pg *c);
/* Awaits what was not; the error of the function as a whole, if there is one. */
int db_pg_catch_up(struct db_pg *c);
int db_pg_usable(const struct db_pg *c);
/* The connection cannot be used any more. */
int db_pg_lost(struct db_pg *c, const char *op);

/* ---- db_pg_connect.c ---- */
int db_pg_connect(struct db_pg *c);
int db_pg_fail(struct db_pg *c, const char *op, const PGresult *r);
/* Several statements at once, outside the pipeline. */
int db_pg_simple(struct db_pg *c, const char *op, const char *sql);
int64_t db_pg_lock_key(const struct db_pg *c, const char *what);
int db_pg_check(struct db_conn *base);

/* ---- db_pg_scrub.c ---- */
int db_pg_scrub(struct db_conn *base);

/* ---- db_pg_sql.c ---- */
/* A migration's text in PostgreSQL's words; NULL if out of memory. */
AM_CHECK char *db_pg_translate(const char *sql);

/* ---- db_pg_stmt.c, for the table in db_pg.c ---- */
int db_pg_stmt_new(struct db_conn *c, const char *sql, struct db_stmt **out);
int db_pg_stmt_ready(struct db_stmt *s);
void db_pg_stmt_clean(struct db_stmt *s);
void db_pg_stmt_free(struct db_stmt *s);
void db_pg_cache_emptied(struct db_conn *c);
void db_pg_bind_int(struct db_stmt *s, int i, int64_t v);
void db_pg_bind_num(struct db_stmt *s, int i, double v);
void db_pg_bind_str(struct db_stmt *s, int i, struct str v);
void db_pg_bind_blob(struct db_stmt *s, int i, struct str v);
int db_pg_step(struct db_stmt *s, bool *row);
int db_pg_later(struct db_stmt *s);
int64_t db_pg_changes(struct db_conn *c);
int64_t db_pg_last_id(struct db_conn *c);

/* ---- db_pg_many.c ---- */
int db_pg_insert_many(struct db_conn *c, const char *into, const char *types,
                      const union db_array *col, size_t n);

/* ---- db_pg_value.c ---- */
bool db_pg_is_null(struct db_stmt *s, int col);
int64_t db_pg_int(struct db_stmt *s, int col);
double db_pg_num(struct db_stmt *s, int col);
struct str db_pg_str(struct db_stmt *s, int col);
struct str db_pg_blob(struct db_stmt *s, int col);
bool db_pg_type_known(Oid type);
enum { DB_PG_BYTEA = 17 };

#endif
