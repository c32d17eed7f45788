/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of db share: a folder of their own, one table, a row at a time. */
#ifndef DB_TEST_SUPPORT_H
#define DB_TEST_SUPPORT_H

#include "base/test.h"

#include <limits.h>
#include <unistd.h>

#include "base/log.h"
#include "db/db.h"

static const struct db_migration t_schema[] = {
    {1, "item",
     "create table item (id bigint primary key, name text not null unique, body bytea);"
     "create table part (item bigint not null references item (id)"
     " deferrable initially deferred, n bigint check (n > 0));"},
    {2, "note", "alter table item add column note text"},
};
static char t_dir[] = "/tmp/amane-db-XXXXXX", t_path[PATH_MAX];

static int t_setup(void **state)
{
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF); /* failures are provoked here */
    memcpy(t_dir + sizeof t_dir - 7, "XXXXXX", 6);
    if (!mkdtemp(t_dir))
        return -1;
    snprintf(t_path, sizeof t_path, "%s/t.db", t_dir);
    return 0;
}

static int t_teardown(void **state)
{
    static const char *const suffix[] = {"",      "-wal",      "-shm",
                                         ".copy", ".copy-wal", ".copy-shm"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(suffix); i++) {
        char p[PATH_MAX + 16];
        snprintf(p, sizeof p, "%s%s", t_path, suffix[i]);
        unlink(p);
    }
    return rmdir(t_dir);
}

static inline struct db_config t_config(void)
{
    return (struct db_config){.path = t_path, .migrations = t_schema, .n_migrations = 2};
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

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

#endif
