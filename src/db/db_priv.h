/* SPDX-License-Identifier: Apache-2.0 */
/* db_priv -- the part "one connection" of the port. A store implements struct db_ops:
 * db_sqlite*.c knows SQLite, db_pg*.c knows PostgreSQL, and nobody else does. db_conn.c
 * chooses between them and keeps what both need (the cache of prepared statements). */
#ifndef DB_PRIV_H
#define DB_PRIV_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "db/db.h"

enum { DB_BUCKETS = 256, DB_FAST = 64, DB_CACHE_MAX = 512 };
enum db_role { DB_WRITER, DB_READER };

/* Where the rows are: a file's path, or a libpq URI and the name of a schema. */
struct db_place {
    const char *path, *name;
    bool sole; /* refuse a second process (PostgreSQL: an advisory lock) */
    int checkpoint_pages, cache_kib, reader_cache_kib; /* 0: the store's own */
};

struct db_stmt { /* first member of a store's own statement */
    struct db_conn *c;
    const char *sql;           /* owned by the store's part */
    struct db_stmt *next;      /* in its bucket */
    struct db_stmt *used_next; /* borrowed by the running function */
    bool used;
    int params; /* $1 .. $params */
    int cols;
};

struct db_conn { /* first member of a store's own connection */
    const struct db_ops *ops;
    enum db_role role;
    int fault; /* last failure that was the store's, not the data's; AM_OK since begin */
    uint64_t ground; /* db_ground() */
    struct db_stmt *bucket[DB_BUCKETS], *used;
    size_t cached;
    /* Literals are met again by address: this spares hashing their text. */
    struct {
        const char *sql;
        struct db_stmt *s;
    } fast[DB_FAST];
};

struct db_ops {
    int (*open)(struct db_conn **out, const struct db_place *p, enum db_role role);
    void (*close)(struct db_conn *c);
    /* Once after the migrations; NULL: nothing to do. */
    int (*migrated)(struct db_conn *c);
    int (*begin)(struct db_conn *c); /* a reader's sees one snapshot */
    /* AM_E_UNSURE: asked for, but whether it happened is not known. */
    int (*commit)(struct db_conn *c);
    void (*rollback)(struct db_conn *c);
    /* A savepoint inside the transaction; release refuses what would fail at commit. */
    int (*savepoint)(struct db_conn *c);
    int (*release)(struct db_conn *c);
    void (*undo)(struct db_conn *c);
    /* False once the store rolled everything back by itself (disk full, server gone). */
    bool (*in_transaction)(struct db_conn *c);
    int (*script)(struct db_conn *c,
                  const char *sql); /* several statements, translated */
    int (*check)(struct db_conn *c);
    int (*backup)(struct db_conn *c, const char *path);
    int (*scrub)(struct db_conn *c);
    int (*settle)(struct db_conn *c); /* NULL: nothing to do */
    int64_t (*changes)(struct db_conn *c);
    int64_t (*last_id)(struct db_conn *c);
    /* Statements: made once per connection and text, made ready for each borrower (no
     * bindings, no row), left clean after it. */
    int (*stmt_new)(struct db_conn *c, const char *sql, struct db_stmt **out);
    int (*stmt_ready)(struct db_stmt *s);
    void (*stmt_clean)(struct db_stmt *s);
    void (*stmt_free)(struct db_stmt *s);
    void (*cache_emptied)(struct db_conn *c); /* NULL: nothing to do */
    void (*bind_int)(struct db_stmt *s, int i, int64_t v);
    void (*bind_num)(struct db_stmt *s, int i, double v);
    void (*bind_str)(struct db_stmt *s, int i, struct str v);
    void (*bind_blob)(struct db_stmt *s, int i, struct str v); /* STR_NULL: NULL */
    int (*step)(struct db_stmt *s, bool *row);
    int (*later)(struct db_stmt *s); /* as step, the answer may come at release */
    /* NULL: row by row */
    int (*insert_many)(struct db_conn *c, const char *into, const char *types,
                       const union db_array *col, size_t n);
    bool (*is_null)(struct db_stmt *s, int col);
    int64_t (*get_int)(struct db_stmt *s, int col);
    double (*get_num)(struct db_stmt *s, int col);
    struct str (*get_str)(struct db_stmt *s, int col); /* of a value that is not NULL */
    struct str (*get_blob)(struct db_stmt *s, int col);
    /* Queries: names of the tables, oldest first; name, type and place in the primary key
     * of the columns of table $1; of table %1$s and column %2$s, the numbers given out
     * set beyond the greatest (NULL: they are by themselves). */
    const char *tables, *columns, *renumber;
};
extern const struct db_ops db_sqlite_ops, db_pg_ops;

/* ---- one connection, whatever the store (db_conn.c) ---- */
AM_CHECK int db_conn_open(struct db_conn **out, const struct db_place *p,
                          enum db_role role);
void db_conn_close(struct db_conn *c);
void db_cache_clear(struct db_conn *c);
/* The function ended: statements it borrowed are reset, a swollen cache is emptied. */
void db_conn_done(struct db_conn *c);

/* ---- the database ---- */
struct db_job {
    db_fn *fn;
    void *arg;
    int err;
    sem_t done;
    struct db_job *next;
};
struct db {
    char *path, *name;
    bool sole;
    int checkpoint_pages, cache_kib, reader_cache_kib;
    struct db_conn *writer; /* owned by the writer thread between open and close */
    size_t batch_max;
    pthread_t thread;
    bool running; /* the writer thread has been started */

    pthread_mutex_t lock; /* guards everything below; never held while SQL runs */
    pthread_cond_t wake, reader_free;
    struct db_job *head, **tail;
    size_t queued;
    bool stop;
    struct db_conn **reader; /* [n_idle] idle ones first */
    size_t n_readers, n_idle;

    atomic_uint_fast64_t writes, commits, reads, failed;
};
AM_CHECK int db_writer_start(struct db *d);
void db_writer_stop(struct db *d); /* runs what is queued, then ends */
AM_CHECK int db_migrate(struct db_conn *c, const struct db_migration *m, size_t n);
/* Of a database that has migrations: AM_E_UNSUPPORTED beyond the n-th. */
AM_CHECK int db_refuse_newer(struct db_conn *c, size_t n);

#endif
