/* SPDX-License-Identifier: Apache-2.0 */
/* Does a node slow down as its store grows? Light patients, 30 small resources each, the
 * same searches on 1,000 of them and on 64,000 (REST_PATIENTS): design/fhir.md, 4 B. With
 * 1.9 million resources on disk, what the node takes in memory, how long it takes to
 * start, and how fast it counts. REST_DIR: the stores are kept there for the next run.
 * Otherwise as bench/rest.c. */
#include <unistd.h>

#include "../bench/rest_measure.h"
#include "eds/search.h"

enum {
    LIGHT_EACH = 30,
    LIGHT_CODES = 20,
    LIGHT_GROUP = 20,
    LIGHT_WRITERS = 4,
    LIGHT_TURNS = 3
};

static struct found patients, codes;
static int64_t many = 64000;

/* ---- the data ---- */
static int light_text(size_t patient, size_t i, char *out, size_t cap)
{
    size_t code = i % LIGHT_CODES, day = patient * 7 + i * 13;
    if (i == 0)
        return snprintf(
            out, cap,
            "{\"resourceType\":\"Patient\",\"id\":\"p%zu\",\"identifier\":[{"
            "\"system\":\"urn:ipp\",\"value\":\"%zu\"}],\"name\":[{\"family\":"
            "\"F%zu\",\"given\":[\"G%zu\"]}],\"gender\":\"%s\",\"birthDate\":"
            "\"19%02zu-%02zu-%02zu\"}",
            patient, patient, patient % 5000, patient % 700,
            patient % 2 ? "male" : "female", 30 + patient % 70, patient % 12 + 1,
            patient % 28 + 1);
    return snprintf(out, cap,
                    "{\"resourceType\":\"Observation\",\"id\":\"o%zu-%zu\",\"status\":"
                    "\"final\",\"code\":{\"coding\":[{\"system\":\"urn:codes\",\"code\":"
                    "\"c%zu\"}]},\"subject\":{\"reference\":\"Patient/p%zu\"},"
                    "\"effectiveDateTime\":\"20%02zu-%02zu-%02zuT%02zu:00:00Z\","
                    "\"valueQuantity\":{\"value\":%zu.%zu,\"unit\":\"mmol/L\",\"system\":"
                    "\"http://unitsofmeasure.org\",\"code\":\"mmol/L\"}}",
                    patient, i, code, patient, 10 + day / 336 % 16, day / 28 % 12 + 1,
                    day % 28 + 1, i % 24, 1 + day % 30, day % 10);
}

static int light_put(struct eds_group *g, size_t patient, size_t i)
{
    char text[1000];
    struct json_doc *doc = NULL;
    int n = light_text(patient, i, text, sizeof text);
    struct eds_ask ask = {.verb = EDS_CREATE};
    int err = json_parse(&doc, (struct str){text, (size_t)n}, NULL, NULL);
    if (!err) {
        ask.body = json_root(doc);
        ask.type = json_get_str(ask.body, "resourceType");
        ask.id = json_get_str(ask.body, "id");
        err = eds_put(g, &ask, NULL);
    }
    json_free(doc);
    return err;
}

struct light {
    struct eds *e;
    size_t patients;
    atomic_size_t next, done, failed;
};

static void *light_write(void *arg)
{
    struct light *l = arg;
    for (;;) {
        size_t from = atomic_fetch_add(&l->next, LIGHT_GROUP);
        struct eds_group *g = NULL;
        int err;
        if (from >= l->patients || atomic_load(&l->failed))
            return NULL;
        err = eds_group_new(&g, l->e);
        for (size_t p = from; p < AM_MIN(from + LIGHT_GROUP, l->patients); p++)
            for (size_t i = 0; i < LIGHT_EACH && !err; i++)
                err = light_put(g, p, i);
        if (!err)
            err = eds_write(g);
        eds_group_free(g);
        atomic_fetch_add(err ? &l->failed : &l->done, LIGHT_GROUP * LIGHT_EACH);
    }
}

static void light_load(const char *dir, size_t n)
{
    struct eds_config c = {.rows = eds_rows_fhir};
    char path[PATH_MAX], key[PATH_MAX];
    struct load_figure f;
    struct light l = {.patients = n};
    snprintf(path, sizeof path, "%s/keys", dir);
    assert_int_equal(am_dir_make(path, 0700), AM_OK);
    snprintf(key, sizeof key, "%s/keys/eds.key", dir);
    assert_int_equal(eds_key_new(key), AM_OK);
    assert_int_equal(eds_key_load(key, c.key), AM_OK);
    snprintf(path, sizeof path, "%s/eds.db", dir);
    c.path = getenv("REST_WAREHOUSE") ? getenv("REST_WAREHOUSE") : path;
    assert_int_equal(eds_open(&l.e, &c), AM_OK);
    fprintf(stderr, "bench: loading %zu patients\n", n);
    assert_true(load_threads(LIGHT_WRITERS, light_write, &l, &l.done, &l.failed, &f));
    eds_close(l.e);
}

/* ---- what is asked ---- */
static struct query query[] = {
    {"light_code", "Observation?code=%s&_count=20", "page of 20 by code", &codes, true,
     0},
    {"light_patient", "Observation?patient=%s&_count=20", "page of 20 by patient",
     &patients, false, 0},
    {"light_identifier", "Patient?identifier=%s", "a patient by identifier", &patients,
     true, 0},
};

static void light_found(size_t n)
{
    found_init(&patients);
    found_init(&codes);
    for (size_t i = 0; i < REST_MOST; i++) {
        char id[32], value[32];
        int k = snprintf(id, sizeof id, "p%zu", some(i, n));
        int m = snprintf(value, sizeof value, "urn%%3Aipp%%7C%zu", some(i, n));
        found_add(&patients, (struct str){id, (size_t)k}, (struct str){value, (size_t)m});
        m = snprintf(value, sizeof value, "urn%%3Acodes%%7Cc%zu", i % LIGHT_CODES);
        found_add(&codes, STR("c"), (struct str){value, (size_t)m});
    }
}

static void light_count(size_t n)
{
    static const char path[] = "/fhir/Observation?status=final&_summary=count";
    size_t postings = n * (LIGHT_EACH - 1);
    char text[200], name[40];
    int64_t best = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t start = time_mono();
        (void)client_get(&client, path);
        best = AM_MIN(best, time_mono() - start);
    }
    snprintf(name, sizeof name, "light_count_%zu", n);
    snprintf(text, sizeof text,
             "%zu postings in %.1f ms, the best of 5: so many a second", postings,
             (double)best / 1e3);
    show(name, (double)postings * 1e6 / (double)best, "postings/s", 2e7, true, text);
}

/* A node on so many patients. */
struct side {
    size_t n;
    char dir[PATH_MAX / 2], data[100];
    struct server server;
    struct client client;
    struct found patients, codes;
    double per_s[AM_LEN(query)], cpu_us[AM_LEN(query)];
};

/* The globals of rest_measure.h are those of this side until the next call. */
static void side_swap(struct side *s)
{
    struct server was = server;
    struct client asked = client;
    struct found patient = patients, code = codes;
    server = s->server;
    client = s->client;
    patients = s->patients;
    codes = s->codes;
    s->server = was;
    s->client = asked;
    s->patients = patient;
    s->codes = code;
    memcpy(data, s->data, sizeof s->data);
}

static void side_load(struct side *s, size_t n)
{
    const char *keep = getenv("REST_DIR");
    char path[PATH_MAX];
    s->n = n;
    if (keep) {
        snprintf(s->dir, sizeof s->dir, "%s/light-%zu", keep, n);
        assert_int_equal(am_dir_make(s->dir, 0700), AM_OK);
    } else {
        snprintf(s->dir, sizeof s->dir, "/var/tmp/amane-bench-XXXXXX");
        assert_non_null(mkdtemp(s->dir));
    }
    snprintf(s->data, sizeof s->data, "%zu light patients, %zu resources", n,
             n * LIGHT_EACH);
    snprintf(path, sizeof path, "%s/eds.db", s->dir);
    if (!keep || access(path, F_OK) != 0)
        light_load(s->dir, n);
}

static void side_start(struct side *s)
{
    char name[40];
    side_swap(s);
    light_found(s->n);
    serve(s->dir);
    snprintf(name, sizeof name, "light_cold_start_%zu", s->n);
    show(name, server.ready_s * 1e3, "ms", 1000, false,
         "from the start of the program to its listening");
    client.port = server.port;
    client.n = REST_CLIENTS;
    client_dial(&client);
    for (size_t i = 0; i < AM_LEN(query); i++)
        (void)closed(ask_query, &query[i], REST_CLIENTS); /* pages are read once */
    side_swap(s);
}

static void side_measure(struct side *s, size_t i)
{
    double cpu;
    side_swap(s);
    cpu = server_cpu();
    s->per_s[i] += closed(ask_query, &query[i], REST_CLIENTS) / LIGHT_TURNS;
    s->cpu_us[i] += (server_cpu() - cpu) * 1e6 / (double)client.done / LIGHT_TURNS;
    side_swap(s);
}

static void side_end(struct side *s)
{
    char name[40], text[PATH_MAX];
    side_swap(s);
    light_count(s->n);
    snprintf(name, sizeof name, "light_rss_%zu", s->n);
    show(name, server_rss_mib(server.pid), "MiB", 256, false,
         "resident memory of the node after all this");
    client.n = REST_CLIENTS;
    client_hang_up(&client);
    server_stop(&server);
    free(patients.id);
    free(patients.value);
    free(codes.id);
    free(codes.value);
    snprintf(text, sizeof text, "rm -rf '%s'", s->dir);
    assert_true(getenv("REST_DIR") || system(text) == 0);
}

/* Few and many are measured in turns, both nodes up: what else the machine does
 * weighs on both. */
int main(void)
{
    static struct side few, lots;
    if ((getenv("REST_PATIENTS") &&
         str_int(str_c(getenv("REST_PATIENTS")), 1000, 1000000, &many)) ||
        (getenv("REST_SECONDS") &&
         str_int(str_c(getenv("REST_SECONDS")), 1, 600, &seconds)))
        return 2;
    side_load(&few, 1000);
    side_load(&lots, (size_t)many);
    side_start(&few);
    side_start(&lots);
    for (size_t i = 0; i < AM_LEN(query); i++)
        for (int turn = 0; turn < LIGHT_TURNS; turn++) {
            side_measure(&few, i);
            side_measure(&lots, i);
        }
    side_end(&few);
    side_end(&lots);
    for (size_t i = 0; i < AM_LEN(query); i++) {
        char text[250];
        snprintf(text, sizeof text,
                 "%s: %.0f/s and %.0f us of the server's processor, with 1,000 patients "
                 "%.0f/s and %.0f us, %d clients, in turns",
                 query[i].conditions, lots.per_s[i], lots.cpu_us[i], few.per_s[i],
                 few.cpu_us[i], REST_CLIENTS);
        show(query[i].figure, 100 * lots.per_s[i] / few.per_s[i], "%", 70, true, text);
    }
    return 0;
}
