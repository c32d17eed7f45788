/* SPDX-License-Identifier: Apache-2.0 */
/* The load that bench/db.c puts on SQLite and bench/db_pg.c on PostgreSQL. */
#ifndef BENCH_DB_LOAD_H
#define BENCH_DB_LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/db.h"

enum { ROW = 800, SECONDS = 3 };

static const struct db_migration schema[] = {
    {1, "row",
     "create table row (id text primary key, kind text not null, body text not null);"
     "create index row_kind on row (kind)"}};

struct load {
    struct db *d;
    int number;
    int64_t until, done, failed;
    int64_t keys; /* for reads */
};

struct row {
    char id[40];
};

static int put(struct db_conn *c, void *arg)
{
    static char body[ROW];
    const struct row *r = arg;
    if (!body[0])
        memset(body, 'x', sizeof body);
    return db_exec(c, "insert into row (id, kind, body) values ($1, $2, $3)", "sss",
                   str_c(r->id), STR("Observation"), (struct str){body, sizeof body});
}

static int get(struct db_conn *c, void *arg)
{
    const struct row *r = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c, "select body from row where id = $1", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(r->id));
    err = db_step(s, &row);
    return err ? err : row && db_str(s, 0).n == ROW ? AM_OK : AM_E_NOTFOUND;
}

static void *write_on(void *arg)
{
    struct load *l = arg;
    for (; time_mono() < l->until; l->done++) {
        struct row r;
        snprintf(
            r.id, sizeof r.id, "%016llx-%d-%lld",
            (unsigned long long)str_hash((struct str){(char *)&l->done, sizeof l->done}),
            l->number, (long long)l->done);
        l->failed += db_write(l->d, put, &r) != AM_OK;
    }
    return NULL;
}

static void *read_on(void *arg)
{
    struct load *l = arg;
    for (; time_mono() < l->until; l->done++) {
        struct row r;
        int64_t k = l->done % l->keys;
        snprintf(r.id, sizeof r.id, "%016llx-%d-%lld",
                 (unsigned long long)str_hash((struct str){(char *)&k, sizeof k}), 0,
                 (long long)k);
        l->failed += db_read(l->d, get, &r) != AM_OK;
    }
    return NULL;
}

/* Operations per second by n threads, or a negative number when one failed. */
static inline double run(struct db *d, int n, void *(*f)(void *), int base, int64_t keys,
                         int64_t *first)
{
    struct load l[64] = {0};
    pthread_t t[64];
    int64_t start = time_mono(), done = 0, failed = 0;
    for (int i = 0; i < n; i++) {
        l[i] = (struct load){.d = d,
                             .number = base + i,
                             .until = start + SECONDS * TIME_SECOND,
                             .keys = keys};
        if (pthread_create(&t[i], NULL, f, &l[i]))
            return -1;
    }
    for (int i = 0; i < n; i++) {
        pthread_join(t[i], NULL);
        done += l[i].done;
        failed += l[i].failed;
    }
    *first = l[0].done;
    return failed ? -1 : (double)done * 1e6 / (double)(time_mono() - start);
}

static inline void show(const char *figure, double value, double target, const char *peer,
                        double peer_value, const char *conditions)
{
    printf("{\"figure\":\"%s\",\"value\":%.0f,\"unit\":\"/s\",\"target\":%.0f,"
           "\"better\":\"higher\",",
           figure, value, target);
    if (peer)
        printf("\"peer\":\"%s\",\"peer_value\":%.0f,", peer, peer_value);
    else
        printf("\"peer\":null,\"peer_value\":null,");
    printf("\"conditions\":\"%s, %ld CPUs shared\"}\n", conditions,
           sysconf(_SC_NPROCESSORS_ONLN));
    fflush(stdout);
}

#endif
