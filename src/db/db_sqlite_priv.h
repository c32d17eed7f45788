/* SPDX-License-Identifier: Apache-2.0 */
/* db_sqlite_priv -- shared by the files that speak to SQLite. */
#ifndef DB_SQLITE_PRIV_H
#define DB_SQLITE_PRIV_H

#include <sqlite3.h>

#include "db/db_priv.h"

struct db_lite_stmt {
    struct db_stmt base;
    sqlite3_stmt *st;
    int err;     /* first failed bind; the next step reports it */
    int index[]; /* SQLite's number of $i is index[i - 1] */
};
struct db_lite {
    struct db_conn base;
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *rollback, *savepoint, *release, *undo;
    struct db_wal *wal; /* of a writer */
};

/* Maps and, unless the data caused it, logs and remembers a failure. */
int db_lite_fail(struct db_lite *c, const char *op, int rc);

/* ---- db_sqlite_wal.c ---- */
/* Pages between checkpoints (8 MB): at 64 writers its two fsyncs are then spread over
 * some 10,000 rows. */
enum { DB_WAL_PAGES = 2000 };
/* Watches the commits of `db`, a writer, from now on. Owned by the caller, who closes it
 * before `db`. */
AM_CHECK int db_wal_open(struct db_wal **out, sqlite3 *db, int limit);
void db_wal_close(struct db_wal *w);
size_t db_wal_turns(const struct db_wal *w); /* how often its thread copied */
/* All of the WAL into the file, and the WAL cut to nothing; waits for whoever copies. */
int db_wal_cut(sqlite3 *db);

/* db_sqlite_stmt.c, for the table in db_sqlite.c */
int db_lite_stmt_new(struct db_conn *c, const char *sql, struct db_stmt **out);
int db_lite_stmt_ready(struct db_stmt *s);
void db_lite_stmt_clean(struct db_stmt *s);
void db_lite_stmt_free(struct db_stmt *s);
void db_lite_bind_int(struct db_stmt *s, int i, int64_t v);
void db_lite_bind_num(struct db_stmt *s, int i, double v);
void db_lite_bind_str(struct db_stmt *s, int i, struct str v);
void db_lite_bind_blob(struct db_stmt *s, int i, struct str v);
int db_lite_step(struct db_stmt *s, bool *row);
bool db_lite_is_null(struct db_stmt *s, int col);
int64_t db_lite_int(struct db_stmt *s, int col);
double db_lite_num(struct db_stmt *s, int col);
struct str db_lite_str(struct db_stmt *s, int col);
struct str db_lite_blob(struct db_stmt *s, int col);
int64_t db_lite_changes(struct db_conn *c);
int64_t db_lite_last_id(struct db_conn *c);

#endif
