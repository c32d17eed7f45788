/* SPDX-License-Identifier: Apache-2.0 */
/* The record of accesses, searched: of many records those that name one patient, as GET
 * /AuditEvent?patient= finds them, page after page to the beginning of the record.
 *
 *     bench-trail [RECORDS]   (1,000,000: some 400 MB in /var/tmp)
 *
 * Records are of 40,000 patients in turn, written by 64 callers who share syncs. */
#include "../bench/eds_load.h"
#include "base/log.h"
#include "door/door.h"

enum { TRAIL_WRITERS = 64, TRAIL_PATIENTS = 40000, TRAIL_PAGE = 20 };
struct trail {
    struct door_trail *t;
    const char *dir;
    size_t records;
    atomic_size_t next, done, failed;
    size_t told;
};

static void *trail_write(void *arg)
{
    struct trail *b = arg;
    size_t i;
    while ((i = atomic_fetch_add(&b->next, 1)) < b->records) {
        char text[500];
        int n = snprintf(
            text, sizeof text,
            "{\"moment\":\"after\",\"do\":\"search-type\",\"type\":\"Observation\","
            "\"query\":\"patient=Patient/p%zu\",\"status\":200,\"who\":{\"kind\":"
            "\"account\",\"id\":\"a%zu\",\"role\":\"physician\",\"org\":\"ma-gst-01\"},"
            "\"peer\":\"10.0.0.1\",\"seen\":[\"Observation/%zu\",\"Observation/%zu\"],"
            "\"patients\":[\"p%zu\"]}",
            i % TRAIL_PATIENTS, i % 300, i, i + 1, i % TRAIL_PATIENTS);
        int err = door_trail_add(b->t, time_now(), (struct str){text, (size_t)n});
        atomic_fetch_add(&b->failed, err != 0);
        atomic_fetch_add(&b->done, 1);
    }
    return NULL;
}

static int trail_tell(void *arg, struct str event)
{
    struct trail *b = arg;
    (void)event;
    b->told++;
    return b->told % TRAIL_PAGE == 0;
}

/* All pages; false: not those that were written. */
static bool trail_find(struct trail *b, const char *figure, size_t patient)
{
    size_t want = b->records / TRAIL_PATIENTS + (patient < b->records % TRAIL_PATIENTS);
    char id[32], text[200];
    struct door_events e = {.dir = b->dir};
    int64_t start = time_mono();
    uint64_t below = 0;
    size_t pages = 0;
    int err;
    snprintf(id, sizeof id, "p%zu", patient);
    e.patient = str_c(id);
    b->told = 0;
    do {
        err = door_events_back(&e, &below, trail_tell, b);
        pages++;
    } while (!err && below);
    snprintf(text, sizeof text,
             "%zu records of %d patients, %zu found on %zu pages of %d, warm cache",
             b->records, TRAIL_PATIENTS, b->told, pages, TRAIL_PAGE);
    load_show(figure, (double)(time_mono() - start) / 1000.0, "ms", 0, false, text, NULL);
    return !err && b->told == want;
}

int main(int argc, char **argv)
{
    char dir[] = "/var/tmp/amane-bench-XXXXXX", path[64];
    struct door_trail_config c = {.dir = path};
    struct trail b = {.dir = dir};
    struct load_figure f = {0};
    int64_t n = 1000000;
    bool good;
    if ((argc > 1 && str_int(str_c(argv[1]), TRAIL_PATIENTS, 100000000, &n)) ||
        !mkdtemp(dir))
        return 2;
    log_set_level(LOG_ERROR);
    b.records = (size_t)n;
    snprintf(path, sizeof path, "%s/keys", dir);
    good = !am_dir_make(path, 0700);
    snprintf(path, sizeof path, "%s/keys/access.key", dir);
    good = good && !eds_key_new(path) && !eds_key_load(path, c.key);
    snprintf(path, sizeof path, "%s/access", dir);
    good = good && !door_trail_open(&b.t, &c) &&
           load_threads(TRAIL_WRITERS, trail_write, &b, &b.done, &b.failed, &f);
    door_trail_close(b.t);
    if (good)
        load_show("trail.write", f.per_s, "records/s", 0, true,
                  "64 callers, one sync for who waits", &f);
    good = good && trail_find(&b, "trail.find_first", 7) && /* makes the indexes */
           trail_find(&b, "trail.find_patient", 9) &&
           trail_find(&b, "trail.find_another", 31234);
    (void)!nftw(dir, load_remove, 8, FTW_DEPTH | FTW_PHYS);
    if (!good)
        fprintf(stderr, "bench trail: what was found is not what was written\n");
    return good ? 0 : 3;
}
