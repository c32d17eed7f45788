/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the FHIR interface on real Synthea patients, as rest_serve() answers
 * them: store on SQLite with sealed bodies, the answer's text made; no sockets.
 *
 *     bench-rest_ops [PATIENTS]   (120 of those in AMANE_SHARED)
 *
 * One client, then as many as there are processors; each asks for other patients. */
#include "../bench/eds_load.h"
#include "base/log.h"
#include "rest/rest.h"

enum { OPS_SECONDS = 4 };

struct ops {
    struct rest *rest;
    char dir[80];   /* of exports */
    char (*id)[37]; /* of patients */
    size_t n, cap;
    const char *tail; /* "/$everything" */
    atomic_size_t next, done, resources, bytes, failed;
    int64_t until;
};

static int ops_patient(void *arg, const struct eds_meta *m, struct str body)
{
    struct ops *o = arg;
    (void)body;
    if (o->n < o->cap)
        memcpy(o->id[o->n++], m->id, sizeof *o->id);
    return AM_OK;
}

static int ops_patients(struct eds_view *v, void *arg)
{
    return eds_each(v, STR("Patient"), 0, ops_patient, arg);
}

static void *ops_ask(void *arg)
{
    struct ops *o = arg;
    while (time_mono() < o->until) {
        char path[200];
        struct rest_answer a;
        struct rest_request q = {.method = REST_GET};
        size_t k = atomic_fetch_add(&o->next, 1) % o->n;
        snprintf(path, sizeof path, "/Patient/%s%s", o->id[k], o->tail);
        q.path = str_c(path);
        rest_answer_init(&a);
        rest_serve(o->rest, &q, &a);
        atomic_fetch_add(&o->failed, a.status != 200);
        atomic_fetch_add(&o->bytes, a.body.n);
        for (const char *p = a.body.p; p && (p = strstr(p, "\"fullUrl\"")); p++)
            atomic_fetch_add(&o->resources, 1);
        atomic_fetch_add(&o->done, 1);
        rest_answer_release(&a);
    }
    return NULL;
}

static bool ops_run(struct ops *o, const char *figure, double target, int clients)
{
    struct load_figure f = {0};
    char name[64], text[200];
    size_t done;
    atomic_store(&o->resources, 0);
    atomic_store(&o->bytes, 0);
    o->until = time_mono() + OPS_SECONDS * TIME_SECOND;
    if (!load_threads(clients, ops_ask, o, &o->done, &o->failed, &f))
        return false;
    done = atomic_load(&o->done);
    snprintf(name, sizeof name, "rest_ops.%s_%d", figure, clients);
    snprintf(text, sizeof text,
             "%zu Synthea patients, %zu resources and %zu kB an answer, %d client(s), "
             "SQLite, sealed bodies, no HTTP",
             o->n, atomic_load(&o->resources) / done,
             atomic_load(&o->bytes) / done / 1000, clients);
    load_show(name, f.per_s, "requests/s", target, true, text, &f);
    return true;
}

/* One export of everything, from asking to the manifest. */
static bool ops_export(struct ops *o)
{
    struct rest_request q = {.method = REST_GET, .path = STR("/$export")};
    struct load_figure f = {0};
    struct rest_answer a;
    double cpu = load_cpu();
    int64_t start = time_mono(), n = 0;
    char status[REST_LOCATION], text[200];
    struct json_doc *doc = NULL;
    q.header[REST_H_PREFER] = STR("respond-async");
    rest_answer_init(&a);
    rest_serve(o->rest, &q, &a);
    snprintf(status, sizeof status, "%s", strstr(a.location, "/$export-status"));
    q.path = str_c(status);
    while (a.status == 202) {
        usleep(5000);
        rest_answer_release(&a);
        rest_answer_init(&a);
        rest_serve(o->rest, &q, &a);
    }
    f.per_s = (double)(time_mono() - start) / 1e6;
    if (a.status != 200 || json_parse(&doc, buf_str(&a.body), NULL, NULL))
        return false;
    for (json_each(it, json_get(json_root(doc), "output")))
        n += json_int(json_get(it.val, "count"), 0);
    f.cpu_us = (load_cpu() - cpu) * 1e6 / (double)AM_MAX(n, 1);
    snprintf(text, sizeof text,
             "%lld resources, one export of everything, files sealed and synced, SQLite",
             (long long)n);
    load_show("rest_ops.export", (double)n / f.per_s, "resources/s", 60000, true, text,
              &f);
    json_free(doc);
    rest_answer_release(&a);
    return n > 0;
}

static bool ops_all(struct ops *o, struct eds *e)
{
    int clients = (int)AM_MIN(sysconf(_SC_NPROCESSORS_ONLN), 64L);
    struct fhir_valid *valid = NULL;
    bool good =
        fhir_valid_new(&valid) == AM_OK &&
        rest_new(&o->rest, &(struct rest_config){.eds = e,
                                                 .valid = valid,
                                                 .export_dir = o->dir,
                                                 .base = "http://b/fhir"}) == AM_OK &&
        eds_view(e, ops_patients, o) == AM_OK && o->n;
    good = good && ops_export(o) && ops_export(o);
    o->tail = "/$everything";
    if (good) { /* what was written is packed meanwhile, and pages are read once */
        o->until = time_mono() + OPS_SECONDS * TIME_SECOND;
        (void)ops_ask(o);
        fputs("bench rest_ops: measuring\n", stderr);
    }
    good = good && ops_run(o, "everything", 300, 1) &&
           ops_run(o, "everything", 300, clients);
    rest_free(o->rest);
    fhir_valid_free(valid);
    return good;
}

int main(int argc, char **argv)
{
    char dir[] = "/var/tmp/amane-bench-XXXXXX", path[64];
    struct eds_config c = {.path = path, .key = {1}, .rows = eds_rows_fhir};
    struct ops o = {.cap = 1000};
    struct eds *e = NULL;
    int64_t patients = 120;
    bool good;
    if ((argc > 1 && str_int(str_c(argv[1]), 1, 429, &patients)) || !mkdtemp(dir))
        return 2;
    log_set_level(LOG_ERROR);
    snprintf(path, sizeof path, "%s/e.db", dir);
    snprintf(o.dir, sizeof o.dir, "%s/export", dir);
    o.id = am_calloc(o.cap, sizeof *o.id);
    good = o.id && eds_open(&e, &c) == AM_OK && load_patients(e, (size_t)patients) &&
           ops_all(&o, e);
    eds_close(e);
    free(o.id);
    (void)!nftw(dir, load_remove, 8, FTW_DEPTH | FTW_PHYS);
    if (!good)
        fprintf(stderr, "bench rest_ops: an operation failed\n");
    return good ? 0 : 3;
}
