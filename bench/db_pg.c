/* SPDX-License-Identifier: Apache-2.0 */
/* The load of bench/db.c on a private PostgreSQL cluster over loopback TCP, durable as it
 * is deployed (fsync, synchronous_commit). The peer is SQLite under the same load. */
#include "db/db_pg_test_support.h"

#include "../bench/db_load.h"

static bool measure(const struct db_config *c, double *one, double *grouped,
                    double *reads)
{
    struct db *d = NULL;
    int64_t rows, unused;
    if (db_open(&d, c))
        return false;
    *one = run(d, 1, write_on, 0, 1, &rows);
    *grouped = run(d, 64, write_on, 1, 1, &unused);
    *reads = run(d, 2, read_on, 0, rows, &unused);
    db_close(d);
    return *one > 0 && *grouped > 0 && *reads > 0;
}

static bool measure_sqlite(double *one, double *grouped, double *reads)
{
    char dir[] = "/var/tmp/amane-bench-XXXXXX", path[64], file[96];
    struct db_config c = {.path = path, .migrations = schema, .n_migrations = 1};
    bool good;
    if (!mkdtemp(dir))
        return false;
    snprintf(path, sizeof path, "%s/b.db", dir);
    good = measure(&c, one, grouped, reads);
    for (int i = 0; i < 3; i++) {
        snprintf(file, sizeof file, "%s%s", path,
                 (const char *[]){"", "-wal", "-shm"}[i]);
        unlink(file);
    }
    rmdir(dir);
    return good;
}

int main(void)
{
    struct db_config c = {
        .path = pg_uri, .name = "bench", .migrations = schema, .n_migrations = 1};
    double lite[3], pg[3];
    bool good;
    if (!pg_have() || pg_up(NULL)) {
        fprintf(stderr, "bench db_pg: no PostgreSQL server programs\n");
        return 3;
    }
    good = measure(&c, &pg[0], &pg[1], &pg[2]);
    pg_down(NULL);
    if (!good || !measure_sqlite(&lite[0], &lite[1], &lite[2])) {
        fprintf(stderr, "bench db_pg: an operation failed\n");
        return 3;
    }
    show(
        "db_pg.durable_writes_1", pg[0], 200, "SQLite WAL FULL, same load", lite[0],
        "1 thread, 800 B rows, text key and one index, PostgreSQL on loopback, fsync on");
    show("db_pg.durable_writes_64", pg[1], 3000, "SQLite WAL FULL, same load", lite[1],
         "64 threads, 800 B rows, text key and one index, PostgreSQL on loopback, fsync "
         "on");
    show("db_pg.point_reads_2", pg[2], 5000, "SQLite WAL FULL, same load", lite[2],
         "2 threads, row of 800 B by text key, PostgreSQL on loopback");
    return 0;
}
