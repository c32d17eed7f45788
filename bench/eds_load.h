/* SPDX-License-Identifier: Apache-2.0 */
/* The load that bench/eds.c puts on a store in SQLite and bench/eds_pg.c on one in
 * PostgreSQL: real Synthea bundles, everything durable and encrypted, parsing, index
 * rows, compression and sealing included; no HTTP, no validation, no audit. */
#ifndef BENCH_EDS_LOAD_H
#define BENCH_EDS_LOAD_H

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "eds/eds.h"
#include "fhir/param.h"

enum { LOAD_CHUNK = 70, LOAD_RESOURCES = 21000, LOAD_BUNDLE = 64 << 20 };

/* ---- index rows: those of the search parameters ---- */
static bool load_words; /* rows of _text and _content too */

static inline int load_rows(void *arg, const struct fhir_row_key *key,
                            const struct json *v, struct arena *a, struct fhir_rows *out)
{
    const struct fhir_index x = {.key = *key, .words = load_words};
    (void)arg;
    return fhir_rows(v, &x, a, out);
}

/* ---- the data ---- */
struct load_text {
    char *p;
    size_t n, resources;
};
static VEC(struct load_text) load_bundle, load_single;
static size_t load_bytes;

static inline int load_add(struct buf *b, size_t resources, bool single)
{
    struct load_text t = {NULL, b->n, resources};
    t.p = buf_take(b);
    if (!t.p)
        return AM_E_NOMEM;
    return single ? vec_push(&load_single, t) : vec_push(&load_bundle, t);
}

/* Bundles of LOAD_CHUNK entries, and each Observation alone. */
static inline int load_cut(const struct json *entries)
{
    struct buf b;
    struct jw w;
    int err = AM_OK;
    for (size_t i = 0; i < json_size(entries) && !err; i += LOAD_CHUNK) {
        size_t n = AM_MIN((size_t)LOAD_CHUNK, json_size(entries) - i);
        buf_init(&b, LOAD_BUNDLE);
        jw_init(&w, &b);
        jw_obj(&w);
        jw_kstrz(&w, "resourceType", "Bundle");
        jw_kstrz(&w, "type", "transaction");
        jw_key(&w, "entry");
        jw_arr(&w);
        for (size_t k = i; k < i + n; k++)
            jw_val(&w, json_at(entries, k));
        jw_arr_end(&w);
        jw_obj_end(&w);
        err = jw_done(&w);
        load_bytes += b.n;
        if (!err)
            err = load_add(&b, n, false);
    }
    for (size_t i = 0; i < json_size(entries) && !err && load_single.n < 2000; i++) {
        const struct json *r = json_get(json_at(entries, i), "resource");
        if (!json_str_is(json_get(r, "resourceType"), "Observation"))
            continue;
        buf_init(&b, LOAD_BUNDLE);
        jw_init(&w, &b);
        jw_val(&w, r);
        err = jw_done(&w);
        if (!err)
            err = load_add(&b, 1, true);
    }
    return err;
}

static inline int load_gunzip(const char *path, struct buf *out)
{
    char chunk[65536];
    int p[2], status, err = AM_OK;
    ssize_t k;
    pid_t pid;
    if (pipe(p))
        return AM_E_IO;
    pid = fork();
    if (pid == 0) {
        dup2(p[1], 1);
        execlp("gzip", "gzip", "-dc", path, (char *)NULL);
        _exit(127);
    }
    close(p[1]);
    while (!err && (k = read(p[0], chunk, sizeof chunk)) > 0)
        err = buf_add(out, (struct str){chunk, (size_t)k});
    close(p[0]);
    return pid < 0 || waitpid(pid, &status, 0) != pid || status ? AM_E_IO : err;
}

static inline int load_file(const char *path, size_t *resources)
{
    struct json_doc *doc = NULL;
    struct buf b;
    int err;
    buf_init(&b, LOAD_BUNDLE);
    err = load_gunzip(path, &b);
    if (!err)
        err = json_parse(&doc, buf_str(&b), &(struct json_limits){.size_b = LOAD_BUNDLE},
                         NULL);
    if (!err) {
        *resources += json_size(json_get(json_root(doc), "entry"));
        err = load_cut(json_get(json_root(doc), "entry"));
    }
    json_free(doc);
    buf_release(&b);
    return err;
}

static inline int load_data(void)
{
    const char *shared = getenv("AMANE_SHARED");
    char dir[PATH_MAX], path[PATH_MAX + 300];
    struct dirent **list;
    size_t resources = 0;
    int n, err = AM_OK;
    snprintf(dir, sizeof dir, "%s/data/fhir-synthea-r4/bundles",
             shared ? shared : "../shared");
    n = scandir(dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        if (!err && resources < LOAD_RESOURCES && list[i]->d_name[0] != '.')
            err = load_file(path, &resources);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    return n < 0 ? AM_E_NOTFOUND : err;
}

/* Whole bundles, so that each patient's papers refer to him. */
static inline bool load_patients(struct eds *e, size_t patients)
{
    const char *shared = getenv("AMANE_SHARED");
    char dir[PATH_MAX], path[PATH_MAX + 300];
    struct dirent **list = NULL;
    int n, err = AM_OK;
    snprintf(dir, sizeof dir, "%s/data/fhir-synthea-r4/bundles",
             shared ? shared : "../shared");
    n = scandir(dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        struct json_doc *doc = NULL;
        struct eds_group *g = NULL;
        struct buf b;
        buf_init(&b, LOAD_BUNDLE);
        snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        if (!err && patients && list[i]->d_name[0] != '.') {
            patients--;
            err = load_gunzip(path, &b);
            if (!err)
                err = json_parse(&doc, buf_str(&b),
                                 &(struct json_limits){.size_b = LOAD_BUNDLE}, NULL);
            if (!err)
                err = eds_group_new(&g, e);
            if (!err)
                err = eds_put_bundle(g, json_root(doc), EDS_IDS_GIVEN, NULL);
            if (!err)
                err = eds_write(g);
        }
        eds_group_free(g);
        json_free(doc);
        buf_release(&b);
        free(list[i]);
    }
    free(list);
    return n > 0 && !err;
}

static inline int load_remove(const char *path, const struct stat *st, int kind,
                              struct FTW *f)
{
    (void)st;
    (void)kind;
    (void)f;
    return remove(path);
}

/* ---- clients ---- */
struct load_ids { /* of what was created, to be read */
    char (*id)[37];
    size_t n, cap;
};
struct load {
    struct eds *e;
    atomic_size_t next, done, failed, bytes;
    size_t target;
    int64_t until;
    struct load_ids ids;
};

static inline int load_transaction(struct load *l, size_t k)
{
    const struct load_text *t = &load_bundle.v[k % load_bundle.n];
    struct json_doc *doc = NULL;
    struct eds_group *g = NULL;
    int err = json_parse(&doc, (struct str){t->p, t->n}, NULL, NULL);
    if (!err)
        err = eds_group_new(&g, l->e);
    if (!err)
        err = eds_put_bundle(g, json_root(doc), EDS_IDS_GIVEN, NULL);
    if (!err)
        err = eds_write(g);
    eds_group_free(g);
    json_free(doc);
    if (!err)
        atomic_fetch_add(&l->done, t->resources);
    return err;
}

static inline void *load_transactions(void *arg)
{
    struct load *l = arg;
    while (atomic_load(&l->done) < l->target && !atomic_load(&l->failed))
        if (load_transaction(l, atomic_fetch_add(&l->next, 1)))
            atomic_fetch_add(&l->failed, 1);
    return NULL;
}

static inline int load_create(struct load *l, size_t k)
{
    const struct load_text *t = &load_single.v[k % load_single.n];
    struct eds_ask ask = {.verb = EDS_CREATE, .type = STR("Observation")};
    struct json_doc *doc = NULL;
    struct eds_group *g = NULL;
    int err = json_parse(&doc, (struct str){t->p, t->n}, NULL, NULL);
    ask.body = json_root(doc);
    if (!err)
        err = eds_group_new(&g, l->e);
    if (!err)
        err = eds_put(g, &ask, NULL);
    if (!err)
        err = eds_write(g);
    if (!err && k < l->ids.cap) {
        struct str id = eds_done(g, 0)->id;
        memcpy(l->ids.id[k], id.p, id.n + 1);
    }
    eds_group_free(g);
    json_free(doc);
    return err;
}

static inline void *load_creates(void *arg)
{
    struct load *l = arg;
    while (time_mono() < l->until)
        if (load_create(l, atomic_fetch_add(&l->next, 1)))
            atomic_fetch_add(&l->failed, 1);
        else
            atomic_fetch_add(&l->done, 1);
    return NULL;
}

static inline void *load_reads(void *arg)
{
    struct load *l = arg;
    struct buf b;
    buf_init(&b, 1 << 20);
    while (time_mono() < l->until) {
        size_t k = atomic_fetch_add(&l->next, 7919) * 31 % l->ids.n;
        buf_clear(&b);
        if (eds_read(l->e, STR("Observation"), str_c(l->ids.id[k]), 0, &b, NULL))
            atomic_fetch_add(&l->failed, 1);
        atomic_fetch_add(&l->done, 1);
    }
    buf_release(&b);
    return NULL;
}

/* ---- measuring ---- */
struct load_figure {
    double per_s, cpu_us; /* wall; processor time of this process per operation */
};

static inline double load_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* n threads, 64 at most, of f(arg), which count what they did and what failed. */
static inline bool load_threads(int n, void *(*f)(void *), void *arg, atomic_size_t *did,
                                atomic_size_t *failed, struct load_figure *out)
{
    pthread_t t[64];
    double cpu = load_cpu();
    int64_t start = time_mono();
    size_t done;
    atomic_store(did, 0);
    atomic_store(failed, 0);
    for (int i = 0; i < n; i++)
        if (pthread_create(&t[i], NULL, f, arg))
            return false;
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    done = atomic_load(did);
    if (!done || atomic_load(failed))
        return false;
    out->per_s = (double)done * 1e6 / (double)(time_mono() - start);
    out->cpu_us = (load_cpu() - cpu) * 1e6 / (double)done;
    return true;
}

static inline bool load_run(struct load *l, int n, void *(*f)(void *),
                            struct load_figure *out)
{
    return load_threads(n, f, l, &l->done, &l->failed, out);
}

static inline double load_rss_mib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return (double)kib / 1024;
}

static inline void load_show(const char *figure, double value, const char *unit,
                             double target, bool higher, const char *conditions,
                             const struct load_figure *f)
{
    double load[1] = {0};
    (void)!getloadavg(load, 1);
    printf("{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"target\":%.0f,"
           "\"better\":\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%s",
           figure, value, unit, target, higher ? "higher" : "lower", conditions);
    if (f)
        printf("; %.0f us of processor each", f->cpu_us);
    printf("; %ld CPUs shared, load %.1f\"}\n", sysconf(_SC_NPROCESSORS_ONLN), load[0]);
    fflush(stdout);
}

static inline int load_counts(struct eds_view *v, void *arg)
{
    return eds_count(v, arg);
}

struct load_targets {
    const char *name; /* "eds", "eds_pg" */
    const char *store;
    double transactions, creates, reads;
};

static inline bool load_main(const struct eds_config *c, const struct load_targets *g,
                             size_t resources, struct eds_stats *stats)
{
    struct load l = {.target = resources};
    struct load_figure f;
    char name[64], text[200];
    double before = load_rss_mib();
    int64_t start;
    bool good;
    if (eds_open(&l.e, c))
        return false;
    l.ids.cap = 200000;
    l.ids.id = am_calloc(l.ids.cap, sizeof *l.ids.id);
    good = l.ids.id && load_run(&l, 4, load_transactions, &f);
    snprintf(name, sizeof name, "%s.transactions", g->name);
    snprintf(text, sizeof text, "resources in transactions of 70, 4 clients, %s",
             g->store);
    if (good)
        load_show(name, f.per_s, "/s", g->transactions, true, text, &f);
    l.next = 0;
    l.until = time_mono() + 4 * TIME_SECOND;
    good = good && load_run(&l, 64, load_creates, &f);
    l.ids.n = AM_MIN(atomic_load(&l.next), l.ids.cap);
    l.ids.n -= AM_MIN(l.ids.n, (size_t)64);
    snprintf(name, sizeof name, "%s.creates_64", g->name);
    snprintf(text, sizeof text, "Observations one by one, 64 clients, %s", g->store);
    if (good)
        load_show(name, f.per_s, "/s", g->creates, true, text, &f);
    l.until = time_mono() + 3 * TIME_SECOND;
    good = good && l.ids.n && load_run(&l, 2, load_reads, &f);
    snprintf(name, sizeof name, "%s.reads", g->name);
    snprintf(text, sizeof text, "Observation by id, 2 clients, %s", g->store);
    if (good)
        load_show(name, f.per_s, "/s", g->reads, true, text, &f);
    snprintf(name, sizeof name, "%s.rss", g->name);
    if (good)
        load_show(name, load_rss_mib() - before, "MiB", 256, false,
                  "grown since before the store was opened", NULL);
    good = good && !eds_view(l.e, load_counts, stats);
    eds_close(l.e);
    free(l.ids.id);
    start = time_mono();
    if (!good || eds_open(&l.e, c))
        return false;
    snprintf(name, sizeof name, "%s.cold_start", g->name);
    load_show(name, (double)(time_mono() - start) / 1e3, "ms", 1000, false, "eds_open()",
              NULL);
    eds_close(l.e);
    return true;
}

#endif
