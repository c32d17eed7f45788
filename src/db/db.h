/* SPDX-License-Identifier: Apache-2.0 */
/* db -- the port to a relational store: SQLite, or PostgreSQL when the path is a libpq
 * URI.
 *
 * One writer thread per database with group commit: db_write() queues a function, the
 * writer runs what waits inside ONE transaction (each function in its own savepoint, so
 * that one failure undoes only itself), commits durably, then wakes every caller. When
 * db_write() returns AM_OK the change survives a power cut. Readers run on their own
 * connections, at any time, and see committed states only.
 *
 * Invariants
 *   I1  a function that returns an error leaves no trace in the database;
 *   I2  db_write() returns AM_OK only after the commit is durable;
 *   I3  migrations run in order, each once, each in a transaction; an applied migration
 *       whose text changed is refused.
 *
 * SQL text: statements are what SQLite and PostgreSQL both accept; parameters are $1,
 * $2... Migrations may also say `integer` (64 bits on both), `integer primary key` (given
 * out by the database), `blob`, `real`, `strict` and `without rowid`: db_pg_sql.c is the
 * one place that translates them. Text compares byte by byte on both.
 *
 * PostgreSQL: a connection that breaks comes back by itself, with growing pauses between
 * tries; what ran on it fails with AM_E_IO and left no trace. Only a commit whose answer
 * never came is AM_E_UNSURE: whoever gets it must look before doing the work again. The
 * rows of one statement are fetched at once: page through big tables.
 *
 * Calls do not nest: a function given to db_write() or db_read() calls neither on the
 * same database (asserted: it could wait for itself for ever). db_read() sees one
 * snapshot from the function's first statement to its end. Threads: db_write() and
 * db_read() from any thread; a struct db_conn belongs to the function it was given to,
 * and statements to that call. */
#ifndef DB_H
#define DB_H

#include "base/base.h"

struct db;
struct db_conn;
struct db_stmt;

struct db_migration {
    int version; /* 1, 2, 3 ... */
    const char *name, *sql;
};
struct db_config {
    const char *path; /* a file, or postgresql://... */
    const char *name; /* PostgreSQL: the schema that holds the tables, a word; compulsory
                         there, so that several databases share one server's */
    bool sole;        /* PostgreSQL: AM_E_CONFLICT while another process opened it so */
    const struct db_migration *migrations;
    size_t n_migrations;
    size_t readers;   /* connections; 0: 4 */
    size_t batch_max; /* functions per commit; 0: 256 */
    bool read_only;   /* looks at another's file: makes none, migrates and writes nothing;
                         refuses a newer one all the same */
    /* SQLite, for stores that take much at once. Pages between checkpoints (0: 2,000: the
     * WAL is written once and copied once, so the fewer the better, until it no longer
     * fits in memory); KiB of the page cache of the writer and of each reader (0: 16
     * MiB).
     */
    int checkpoint_pages, cache_kib, reader_cache_kib;
};
bool db_is_uri(const char *path); /* would PostgreSQL serve it? */

/* Creates the file (mode 0600), or the schema, if there is none. AM_E_TAMPERED: not a
 * database, or a migration's text changed since it was applied (I3); AM_E_UNSUPPORTED:
 * written by a newer program, or a server that cannot be durable (fsync off) or does not
 * speak UTF-8. Migrations are numbered 1..n in order (asserted). */
AM_CHECK int db_open(struct db **out, const struct db_config *c);
void db_close(struct db *d); /* finishes queued writes first */

/* PostgreSQL: schemas that are to be made, by one process at a time (AM_E_CONFLICT).
 * Ending without `keep` takes away again what was not there at the beginning: whole
 * schemas, or what an empty one has come to hold. */
struct db_birth;
AM_CHECK int db_birth_begin(struct db_birth **out, const char *uri,
                            const char *const *name, size_t n);
void db_birth_end(struct db_birth *b, bool keep); /* NULL is fine */

typedef int db_fn(struct db_conn *c, void *arg);
/* Blocks until durable. Returns fn's own error, or the store's (AM_E_NOSPACE, AM_E_IO,
 * AM_E_UNSURE: the commit was sent and the server vanished). */
AM_CHECK int db_write(struct db *d, db_fn *fn, void *arg);
AM_CHECK int db_read(struct db *d, db_fn *fn, void *arg);

/* Prepared once per connection and SQL text (pointer identity of a literal is enough to
 * hit the cache); reset and borrowed here, valid until the function returns. */
AM_CHECK int db_prepare(struct db_conn *c, const char *sql, struct db_stmt **out);
void db_bind_int(struct db_stmt *s, int i, int64_t v); /* i from 1 */
void db_bind_num(struct db_stmt *s, int i, double v);
void db_bind_str(struct db_stmt *s, int i, struct str v); /* text; STR_NULL binds NULL */
void db_bind_blob(struct db_stmt *s, int i, const void *p, size_t n);
void db_bind_null(struct db_stmt *s, int i);
/* AM_OK with *row (may be NULL) telling if there is a row; AM_E_EXISTS on a uniqueness
 * violation, AM_E_CONFLICT on another constraint. After the last row, or an error, bind
 * again and step again: the statement starts anew with the bindings it had. */
AM_CHECK int db_step(struct db_stmt *s, bool *row);
int64_t db_int(struct db_stmt *s, int col); /* col from 0 */
double db_num(struct db_stmt *s, int col);
struct str db_str(struct db_stmt *s, int col); /* borrowed until the next step */
struct str db_blob(struct db_stmt *s, int col);
bool db_null(struct db_stmt *s, int col);
/* One statement without rows, bound by a format string of 'i' int64_t, 'd' double,
 * 's' struct str, 'b' struct str (blob), 'n' NULL: db_exec(c, sql, "is", (int64_t)7,
 * name) */
AM_CHECK int db_exec(struct db_conn *c, const char *sql, const char *types, ...);
/* The same without waiting for the answer, where the store can do without: for many rows
 * in one function. What goes wrong is this call's error or that of the function as a
 * whole (which then leaves no trace), with one of the errors of db_step(). */
AM_CHECK int db_exec_later(struct db_conn *c, const char *sql, const char *types, ...);
AM_CHECK int db_step_later(struct db_stmt *s); /* the same of a bound statement */
/* n rows, column by column: into is "table (a, b)", types names the columns as db_exec()
 * does (no 'n'), col[i] holds column i of every row; a str of NULL is refused
 * (asserted). As db_exec_later(): few round trips, however many rows. */
union db_array {
    const int64_t *i;
    const double *d;
    const struct str *s;
};
AM_CHECK int db_insert_many(struct db_conn *c, const char *into, const char *types,
                            const union db_array *col, size_t n);
/* Changes whenever something done on this connection before may have been undone: what a
 * writer's function remembers of the database is good while this number stays. */
uint64_t db_ground(const struct db_conn *c);
int64_t db_changes(struct db_conn *c);
/* What `integer primary key` gave out at the last insert of this function. */
int64_t db_last_id(struct db_conn *c);

/* ---- copying a database to another store ---- */
enum { DB_COLUMNS_MAX = 64 };
struct db_column {
    char name[64];
    char type; /* 'i', 'd', 's' or 'b', as db_exec() names them */
    int key;   /* 1, 2...: its place in the primary key; 0: none */
};
/* Every table but that of the migrations, oldest first. */
typedef int db_table_fn(void *arg, const char *table, const struct db_column *col,
                        size_t n);
AM_CHECK int db_tables(struct db_conn *c, db_table_fn *fn, void *arg);
/* Rows were put with their own `integer primary key`: the next one given out is beyond
 * them. */
AM_CHECK int db_renumber(struct db_conn *c, const char *table, const char *column);

/* Full integrity check; AM_E_TAMPERED names what failed in the log. PostgreSQL: amcheck
 * over every table and index of the schema; AM_E_UNSUPPORTED without that extension. */
AM_CHECK int db_check(struct db *d);
/* Online copy, complete and durable or not there at all; AM_E_EXISTS if path exists.
 * PostgreSQL: AM_E_UNSUPPORTED, pg_dump and pg_basebackup are the operator's. */
AM_CHECK int db_backup(struct db *d, const char *path);
/* Writes the database's files anew, without the bytes of rows that were deleted or
 * replaced (free pages, room within pages, the WAL). SQLite: takes up to twice the size
 * of the database meanwhile, beside it and in SQLITE_TMPDIR; AM_E_UNAVAILABLE: another
 * process reads. PostgreSQL: VACUUM FULL and ANALYZE of each table, which others wait
 * for, on other servers (foreign tables) too, AM_E_IO when one does not answer; the
 * server's WAL goes with its own checkpoints. Nothing queued may wait for it: no
 * db_write() meanwhile. */
AM_CHECK int db_scrub(struct db *d);
/* All that is committed is in the database's file itself when it returns AM_OK: no WAL
 * beside it that a copy of the file would lack. SQLite: AM_E_UNAVAILABLE while another
 * reads. PostgreSQL: nothing to do. */
AM_CHECK int db_settle(struct db *d);

struct db_stats {
    uint64_t writes;  /* functions that ended, good or not */
    uint64_t failed;  /* of these */
    uint64_t commits; /* batches; writes / commits is the mean size of a group */
    uint64_t reads;
    uint64_t queued; /* waiting now */
};
void db_stats_get(struct db *d, struct db_stats *out);

#endif
