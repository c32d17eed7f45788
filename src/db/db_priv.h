/* SPDX-License-Identifier: Apache-2.0 */
/* db_priv -- what a store must offer to db.c, db_writer.c and db_migrate.c. db_sqlite.c
 * is the only file that knows SQLite; a db_postgres.c would implement the same list. */
#ifndef DB_PRIV_H
#define DB_PRIV_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "db/db.h"

/* ---- one connection (db_sqlite.c, db_stmt.c) ---- */
enum db_role { DB_WRITER, DB_READER };
AM_CHECK int db_conn_open(struct db_conn **out, const char *path, enum db_role role);
void db_conn_close(struct db_conn *c);
AM_CHECK int db_conn_begin(struct db_conn *c); /* a reader's sees one snapshot */
AM_CHECK int db_conn_commit(struct db_conn *c);
void db_conn_rollback(struct db_conn *c);
/* A savepoint inside the transaction; release refuses what would fail at commit. */
AM_CHECK int db_conn_savepoint(struct db_conn *c);
AM_CHECK int db_conn_release(struct db_conn *c);
void db_conn_undo(struct db_conn *c);
/* False once the store rolled everything back by itself (disk full, I/O error). */
bool db_conn_in_transaction(struct db_conn *c);
/* The last failure that was the store's, not the data's; AM_OK since begin otherwise. */
int db_conn_fault(const struct db_conn *c);
/* The function ended: statements it borrowed are reset, a swollen cache is emptied. */
void db_conn_done(struct db_conn *c);
AM_CHECK int db_conn_script(struct db_conn *c, const char *sql); /* several statements */
AM_CHECK int db_conn_check(struct db_conn *c);
AM_CHECK int db_conn_backup(struct db_conn *c, const char *path);

/* ---- the database ---- */
struct db_job {
    db_fn *fn;
    void *arg;
    int err;
    sem_t done;
    struct db_job *next;
};
struct db {
    char *path;
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

#endif
