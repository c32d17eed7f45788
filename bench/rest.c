/* SPDX-License-Identifier: Apache-2.0 */
/* The FHIR interface of a node as a hospital meets it: the program itself, over HTTP, on
 * real Synthea bundles; validation, index, encryption and durable commits included, no
 * login (`--open`). The clients are another process on the same processors.
 *
 *     bench-rest [BUNDLES]   (120 of those in AMANE_SHARED)
 *
 * REST_WAREHOUSE: postgresql:// address of the store instead of SQLite.
 * REST_SECONDS: how long each figure is measured (4); REST_ONLY: that figure alone;
 * REST_CONF: a line of the node's settings. */
#include "../bench/rest_measure.h"

enum { REST_LOADERS = 8 };

static struct found patients, observations, codes;
static struct buf bundle[REST_MOST];
static size_t bundles;

/* ---- the load ---- */
static int ask_bundle(void *arg, size_t k, struct buf *out)
{
    (void)arg;
    return buf_addf(out,
                    "POST /fhir HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/fhir+json\r\nPrefer: return=minimal\r\nContent-Length: "
                    "%zu\r\n\r\n%.*s",
                    bundle[k].n, STR_FMT(buf_str(&bundle[k])));
}

static int ask_create(void *arg, size_t k, struct buf *out)
{
    char body[2000];
    size_t p = k * 7919 % patients.n;
    int n = snprintf(
        body, sizeof body,
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"category\":[{"
        "\"coding\":"
        "[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
        "observation-category\",\"code\":\"vital-signs\",\"display\":\"vital-signs\"}]}],"
        "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8310-5\","
        "\"display\":\"Body temperature\"}],\"text\":\"Body temperature\"},\"subject\":{"
        "\"reference\":\"Patient/%s\"},\"effectiveDateTime\":\"2026-%02zu-%02zuT%02zu:%02"
        "zu:00+01:00\",\"valueQuantity\":{\"value\":%zu.%zu,\"unit\":\"Cel\",\"system\":"
        "\"http://unitsofmeasure.org\",\"code\":\"Cel\"}}",
        patients.id[p], k / 28 % 12 + 1, k % 28 + 1, k % 24, k % 60, 36 + k % 4, k % 10);
    (void)arg;
    return buf_addf(out,
                    "POST /fhir/Observation HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/fhir+json\r\nContent-Length: %d\r\n\r\n%s",
                    n, body);
}

static int ask_read(void *arg, size_t k, struct buf *out)
{
    char path[200];
    (void)arg;
    snprintf(path, sizeof path, "Observation/%s",
             observations.id[some(k, observations.n)]);
    return ask_path(out, path);
}

/* ---- what is there ---- */
static struct str percent(struct str s, char out[200])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n + 4 < 200; i++)
        if (strchr("|:/ ", s.p[i]))
            n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned char)s.p[i]);
        else
            out[n++] = s.p[i];
    return (struct str){out, n};
}

static void look(const char *path, struct found *f, bool code)
{
    struct json_doc *doc = NULL;
    struct str body = client_get(&client, path);
    assert_int_equal(json_parse(&doc, body, NULL, NULL), AM_OK);
    for (json_each(it, json_get(json_root(doc), "entry"))) {
        const struct json *r = json_get(it.val, "resource");
        const struct json *c = json_at(json_get(json_get(r, "code"), "coding"), 0);
        const struct json *i = json_at(json_get(r, "identifier"), 0);
        char text[200], part[200];
        snprintf(text, sizeof text, "%.*s|%.*s",
                 STR_FMT(json_str(json_get(code ? c : i, "system"))),
                 STR_FMT(json_str(json_get(code ? c : i, code ? "code" : "value"))));
        found_add(f, json_str(json_get(r, "id")), percent(str_c(text), part));
    }
    json_free(doc);
    assert_true(f->n > 0);
}

static void load_all(void)
{
    struct buf *all = bundle;
    double cpu = server_cpu(), wall;
    size_t resources = 0;
    int64_t start = time_mono();
    char text[200];
    for (size_t i = 0; i < bundles; i++)
        for (const char *p = all[i].p; (p = strstr(p, "\"fullUrl\"")); p++)
            resources++;
    start = time_mono();
    client.n = REST_LOADERS;
    client.ask = ask_bundle;
    client.next = 0;
    client_closed(&client, INT64_MAX, bundles);
    assert_int_equal(client.bad, 0);
    wall = (double)(time_mono() - start) / 1e6;
    snprintf(text, sizeof text,
             "%zu resources in transactions of %zu, %d clients, %.0f us of the server's "
             "processor each",
             resources, resources / bundles, REST_LOADERS,
             (server_cpu() - cpu) * 1e6 / (double)resources);
    show("transactions", (double)resources / wall, "resources/s",
         *store == 'P' ? 6000 : 8000, true, text);
}

static void all(void)
{
    static struct query query[] = {
        {"search_code", "Observation?code=%s&_count=20", "page of 20 by code", &codes,
         true, 15000},
        {"search_patient", "Observation?patient=%s&_count=20", "page of 20 by patient",
         &patients, false, 15000},
        {"include",
         "Encounter?patient=%s&_include=Encounter:service-provider"
         "&_revinclude=Observation:encounter&_count=5",
         "5 encounters of a patient, their provider, their observations", &patients,
         false, 5000},
        {"chained", "Observation?patient.identifier=%s&_count=20",
         "page of 20 by the patient's identifier", &patients, true, 8000},
        {"everything", "Patient/%s/$everything", "Patient/$everything, first page",
         &patients, false, 300},
    };
    load_all();
    look("/fhir/Patient?_count=1000&_elements=identifier", &patients, false);
    look("/fhir/Observation?_count=1000", &observations, true);
    codes = observations;
    measure("reads", ask_read, NULL, 25000, "an Observation by id");
    for (size_t i = 0; i < AM_LEN(query); i++)
        measure(query[i].figure, ask_query, &query[i], query[i].target,
                query[i].conditions);
    /* last: it gives each patient hundreds more */
    measure("creates_64", ask_create, NULL, 6000, "Observations one by one");
    show("rss", server_rss_mib(server.pid), "MiB", 256, false,
         "resident memory of the node after all this");
}

static bool read_bundles(size_t most)
{
    const char *shared = getenv("AMANE_SHARED");
    char dir[PATH_MAX], path[PATH_MAX + 300];
    struct dirent **list = NULL;
    int n;
    snprintf(dir, sizeof dir, "%s/data/fhir-synthea-r4/bundles",
             shared ? shared : "../shared");
    n = scandir(dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        if (bundles < most && list[i]->d_name[0] != '.') {
            buf_init(&bundle[bundles], LOAD_BUNDLE);
            if (!load_gunzip(path, &bundle[bundles]) && !buf_addc(&bundle[bundles], 0))
                bundle[bundles++].n--;
        }
        free(list[i]);
    }
    free(list);
    return bundles > 0;
}

int main(int argc, char **argv)
{
    char dir[] = "/var/tmp/amane-bench-XXXXXX", text[100];
    int64_t most = 120;
    if ((argc > 1 && str_int(str_c(argv[1]), 1, REST_MOST, &most)) ||
        (getenv("REST_SECONDS") &&
         str_int(str_c(getenv("REST_SECONDS")), 1, 600, &seconds)) ||
        !read_bundles((size_t)most) || !mkdtemp(dir)) {
        fprintf(stderr, "bench rest: no data (AMANE_SHARED)\n");
        return 3;
    }
    snprintf(data, sizeof data, "%zu Synthea bundles", bundles);
    found_init(&patients);
    found_init(&observations);
    serve(dir);
    client.port = server.port;
    client.n = REST_CLIENTS;
    client_dial(&client);
    all();
    client.n = REST_CLIENTS;
    client_hang_up(&client);
    server_stop(&server);
    serve(dir);
    show("cold_start", server.ready_s * 1e3, "ms", 1000, false,
         "from the start of the program to its listening, the store as left");
    server_stop(&server);
    for (size_t i = 0; i < bundles; i++)
        buf_release(&bundle[i]);
    free(patients.id);
    free(patients.value);
    free(observations.id);
    free(observations.value);
    snprintf(text, sizeof text, "rm -rf '%s'", dir);
    return system(text) ? 3 : 0;
}
