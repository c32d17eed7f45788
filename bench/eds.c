/* SPDX-License-Identifier: Apache-2.0 */
/* The store of FHIR resources on SQLite: transactions, creates, reads, memory, disk.
 * EDS_RESOURCES: how many the transactions bring (200,000). */
#include "../bench/eds_load.h"

static double file_b(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : (double)st.st_size;
}

int main(void)
{
    static const struct load_targets targets = {
        "eds", "SQLite WAL synchronous=FULL, zstd, AES-256-GCM", 8000, 6000, 25000};
    char dir[] = "/var/tmp/amane-bench-XXXXXX", path[64], file[96];
    struct eds_config c = {.path = path, .key = {1}, .rows = load_rows};
    const char *n = getenv("EDS_RESOURCES");
    struct eds_stats s;
    double rows;
    bool good;
    load_words = getenv("EDS_WORDS") != NULL;
    if (load_data() || !mkdtemp(dir)) {
        fprintf(stderr, "bench eds: no data (AMANE_SHARED)\n");
        return 3;
    }
    snprintf(path, sizeof path, "%s/e.db", dir);
    good = load_main(&c, &targets, n ? (size_t)strtoul(n, NULL, 10) : 200000, &s);
    if (good) {
        rows = (double)(s.tokens + s.dates + s.quantities + s.texts) / (double)s.current;
        snprintf(file, sizeof file, "%.1f index rows each, %lld resources", rows,
                 (long long)s.current);
        load_show("eds.body_bytes", (double)s.body_b / (double)s.current, "bytes", 400,
                  false, file, NULL);
        load_show("eds.disk_bytes", file_b(path) / (double)s.current, "bytes", 1600,
                  false, file, NULL);
    }
    for (int i = 0; i < 4; i++) {
        snprintf(file, sizeof file, "%s%s", path,
                 (const char *[]){"", "-wal", "-shm", ".lock"}[i]);
        unlink(file);
    }
    rmdir(dir);
    if (!good)
        fprintf(stderr, "bench eds: an operation failed\n");
    return good ? 0 : 3;
}
