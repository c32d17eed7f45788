/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of db share: a folder (SQLite) or a schema (PostgreSQL) of their own,
 * one table, a row at a time. t_run_both() runs a list on SQLite and then on the server
 * that AMANE_PG_URI names (tools/postgres.sh with ...); without one it says so. */
#ifndef DB_TEST_SUPPORT_H
#define DB_TEST_SUPPORT_H

#include "base/test.h"

#include <libpq-fe.h>
#include <limits.h>
#include <unistd.h>

#include "base/log.h"
#include "db/db.h"

static const struct db_migration t_schema[] = {
    {1, "item",
     "create table item (id bigint primary key, name text not null unique, body bytea);"
     "create table part (item bigint not null references item (id)"
     " deferrable initially deferred, n bigint check (n > 0));"
     "create table given (id integer primary key, v text)"},
    {2, "note", "alter table item add column note text"},
    {3, "more", "create table more (a integer)"},
};
static char t_dir[40], t_path[PATH_MAX], t_name[32];
static bool t_pg;

static inline void t_pg_exec(const char *sql)
{
    PGconn *pg = PQconnectdb(getenv("AMANE_PG_URI"));
    PGresult *r;
    r = PQexec(pg, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        print_message("%s: %s\n", sql, PQerrorMessage(pg));
    PQclear(r);
    PQfinish(pg);
}

static inline int t_setup(void **state)
{
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF); /* failures are provoked here */
    snprintf(t_dir, sizeof t_dir, "%s/amane-db-XXXXXX", test_top());
    if (!mkdtemp(t_dir))
        return -1;
    snprintf(t_path, sizeof t_path, "%s/t.db", t_dir);
    snprintf(t_name, sizeof t_name, "main");
    if (t_pg) {
        static int number;
        snprintf(t_path, sizeof t_path, "%s", getenv("AMANE_PG_URI"));
        snprintf(t_name, sizeof t_name, "t%d_%d", (int)getpid(), ++number);
    }
    return 0;
}

static inline int t_teardown(void **state)
{
    static const char *const suffix[] = {"",      "-wal",      "-shm",
                                         ".copy", ".copy-wal", ".copy-shm"};
    (void)state;
    if (t_pg) {
        char sql[128];
        snprintf(sql, sizeof sql,
                 "set client_min_messages = warning; drop schema if exists %s cascade",
                 t_name);
        t_pg_exec(sql);
    }
    for (size_t i = 0; !t_pg && i < AM_LEN(suffix); i++) {
        char p[PATH_MAX + 16];
        snprintf(p, sizeof p, "%s%s", t_path, suffix[i]);
        unlink(p);
    }
    return rmdir(t_dir);
}

static inline struct db_config t_config(void)
{
    return (struct db_config){
        .path = t_path, .name = t_name, .migrations = t_schema, .n_migrations = 3};
}

static inline struct db *t_open(void)
{
    struct db *d = NULL;
    struct db_config c = t_config();
    assert_ok(db_open(&d, &c));
    return d;
}

struct t_item {
    int64_t id;
    const char *name; /* NULL: its number */
    int then;         /* what the function returns after a good insert */
};

static inline int t_insert(struct db_conn *c, void *arg)
{
    const struct t_item *i = arg;
    char name[32];
    int err;
    snprintf(name, sizeof name, "n%lld", (long long)i->id);
    err = db_exec(c, "insert into item (id, name) values ($1, $2)", "is", i->id,
                  str_c(i->name ? i->name : name));
    return err ? err : i->then;
}

static inline int t_count_fn(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "select count(*) from item", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *(int64_t *)arg = db_int(s, 0);
    return err;
}

static inline int64_t t_count(struct db *d)
{
    int64_t n = -1;
    assert_ok(db_read(d, t_count_fn, &n));
    return n;
}

static inline void no_server(void **state)
{
    (void)state;
    print_message("AMANE_PG_URI is not set: nothing was run on PostgreSQL\n");
    skip();
}

static inline int t_run_pg(const struct CMUnitTest *tests, size_t n)
{
    const struct CMUnitTest none[] = {cmocka_unit_test(no_server)};
    if (!getenv("AMANE_PG_URI"))
        return cmocka_run_group_tests_name("postgresql", none, NULL, NULL);
    t_pg = true;
    return _cmocka_run_group_tests("postgresql", tests, n, NULL, NULL);
}

static inline int t_run_both(const struct CMUnitTest *tests, size_t n)
{
    int bad = _cmocka_run_group_tests("sqlite", tests, n, NULL, NULL);
    return bad + t_run_pg(tests, n);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

#endif
