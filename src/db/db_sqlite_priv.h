/* SPDX-License-Identifier: Apache-2.0 */
/* db_sqlite_priv -- shared by the two files that speak to SQLite. */
#ifndef DB_SQLITE_PRIV_H
#define DB_SQLITE_PRIV_H

#include <sqlite3.h>

#include "db/db_priv.h"

enum { DB_BUCKETS = 256, DB_FAST = 64, DB_CACHE_MAX = 512 };

struct db_stmt {
    sqlite3_stmt *st;
    struct db_conn *c;
    struct db_stmt *next;      /* in its bucket */
    struct db_stmt *used_next; /* borrowed by the running function */
    bool used;
    int err;     /* first failed bind; the next step reports it */
    int params;  /* $1 .. $params */
    int index[]; /* SQLite's number of $i is index[i - 1] */
};
struct db_conn {
    sqlite3 *db;
    enum db_role role;
    int fault;
    sqlite3_stmt *begin, *commit, *rollback, *savepoint, *release, *undo;
    struct db_stmt *bucket[DB_BUCKETS], *used;
    size_t cached;
    /* Literals are met again by address: this spares hashing their text. */
    struct {
        const char *sql;
        struct db_stmt *s;
    } fast[DB_FAST];
};

/* Maps and, unless the data caused it, logs and remembers a failure. */
int db_fail(struct db_conn *c, const char *op, int rc);
void db_cache_clear(struct db_conn *c);

#endif
