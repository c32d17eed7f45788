/* SPDX-License-Identifier: Apache-2.0 */
/* A database that is being made on a server: what was not there before is taken away
 * again when the making fails. The lock is the connection's: it ends with it. */
#include "base/log.h"
#include "db/db_pg_priv.h"

enum { DB_BIRTH_MAX = 4 };

enum db_birth_state { DB_BIRTH_FULL, DB_BIRTH_EMPTY, DB_BIRTH_NONE };

struct db_birth {
    PGconn *pg;
    size_t n;
    char name[DB_BIRTH_MAX][40];
    enum db_birth_state before[DB_BIRTH_MAX];
};

/* The first value of the answer; AM_E_IO without one. */
static int db_birth_ask(struct db_birth *b, const char *sql, char out[16])
{
    PGresult *r = PQexec(b->pg, sql);
    int err = AM_E_IO;
    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1) {
        snprintf(out, 16, "%s", PQgetvalue(r, 0, 0));
        err = AM_OK;
    }
    PQclear(r);
    return err;
}

static int db_birth_look(struct db_birth *b, size_t i)
{
    char sql[256], got[16];
    int err;
    snprintf(sql, sizeof sql,
             "select case when n.oid is null then 2 when exists (select from pg_class c"
             " where c.relnamespace = n.oid) then 0 else 1 end from (select 1) x"
             " left join pg_namespace n on n.nspname = '%s'",
             b->name[i]);
    err = db_birth_ask(b, sql, got);
    if (!err)
        b->before[i] = (enum db_birth_state)(got[0] - '0');
    return err;
}

static int db_birth_lock(struct db_birth *b)
{
    char sql[96], got[16];
    int err;
    snprintf(sql, sizeof sql, "select pg_try_advisory_lock(%lld)",
             (long long)(str_hash(STR("amane birth")) >> 1));
    err = db_birth_ask(b, sql, got);
    return !err && got[0] != 't' ? AM_E_CONFLICT : err;
}

int db_birth_begin(struct db_birth **out, const char *uri, const char *const *name,
                   size_t n)
{
    struct db_birth *b = am_calloc(1, sizeof *b);
    int err;
    *out = NULL;
    if (!b)
        return AM_E_NOMEM;
    am_assert(n <= DB_BIRTH_MAX);
    b->n = n;
    b->pg = PQconnectdb(uri);
    err = PQstatus(b->pg) == CONNECTION_OK ? db_birth_lock(b) : AM_E_IO;
    for (size_t i = 0; i < n && !err; i++) {
        snprintf(b->name[i], sizeof b->name[i], "%s", name[i]);
        err = db_birth_look(b, i);
    }
    if (err) {
        db_birth_end(b, true);
        return err;
    }
    *out = b;
    return AM_OK;
}

/* A schema that was there stays, with whoever's rights it has; only what it holds goes.
 */
static void db_birth_undo(struct db_birth *b, size_t i)
{
    char sql[512];
    PGresult *r;
    if (b->before[i] == DB_BIRTH_FULL)
        return;
    if (b->before[i] == DB_BIRTH_NONE)
        snprintf(sql, sizeof sql,
                 "set client_min_messages = warning;"
                 "drop schema if exists \"%s\" cascade",
                 b->name[i]);
    else
        snprintf(sql, sizeof sql,
                 "set client_min_messages = warning; do $$ declare t name; begin"
                 " for t in select relname from pg_class c join pg_namespace n"
                 " on n.oid = c.relnamespace where nspname = '%s' and relkind = 'r' loop"
                 " execute format('drop table \"%s\".%%I cascade', t); end loop; end $$",
                 b->name[i], b->name[i]);
    r = PQexec(b->pg, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        LOG_E("db.birth_left", log_s("schema", b->name[i]),
              log_s("detail", PQerrorMessage(b->pg)));
    PQclear(r);
}

void db_birth_end(struct db_birth *b, bool keep)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n && !keep; i++)
        db_birth_undo(b, i);
    PQfinish(b->pg);
    free(b);
}
