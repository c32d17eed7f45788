/* SPDX-License-Identifier: Apache-2.0 */
/* Durable writes per second: one row of 800 bytes with a text key and an index per
 * db_write(), each acknowledged only after its fsync. The peer is the same store without
 * grouping: one thread, so one fsync per row. Point reads for the other side. */
#include "../bench/db_load.h"

int main(void)
{
    char dir[] = "/var/tmp/amane-bench-XXXXXX", path[64], file[96];
    struct db_config c = {.path = path, .migrations = schema, .n_migrations = 1};
    struct db *d = NULL;
    double one, grouped, reads;
    int64_t rows, unused;
    if (!mkdtemp(dir))
        return 3;
    snprintf(path, sizeof path, "%s/b.db", dir);
    if (db_open(&d, &c))
        return 3;
    one = run(d, 1, write_on, 0, 1, &rows);
    grouped = run(d, 64, write_on, 1, 1, &unused);
    reads = run(d, 2, read_on, 0, rows, &unused);
    db_close(d);
    for (int i = 0; i < 3; i++) {
        snprintf(file, sizeof file, "%s%s", path,
                 (const char *[]){"", "-wal", "-shm"}[i]);
        unlink(file);
    }
    rmdir(dir);
    if (one < 0 || grouped < 0 || reads < 0) {
        fprintf(stderr, "bench db: an operation failed\n");
        return 3;
    }
    show("db.durable_writes_1", one, 300, NULL, 0,
         "1 thread, 800 B rows, text key and one index, SQLite WAL synchronous=FULL");
    show("db.durable_writes_64", grouped, 20000, "one fsync per row, 1 thread", one,
         "64 threads, 800 B rows, text key and one index, SQLite WAL synchronous=FULL");
    show("db.point_reads_2", reads, 30000, NULL, 0,
         "2 threads, row of 800 B by text key");
    return 0;
}
