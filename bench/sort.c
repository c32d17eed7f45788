/* SPDX-License-Identifier: Apache-2.0 */
/* Pages in other orders than newest first, from a store: what the first costs with its
 * total, and one in the middle.
 *
 *     bench-sort [OBSERVATIONS]   (300,000)
 *
 * Observations of 0.4 kB, a date, a quantity, a code and a patient each; wall time of one
 * thread, pages of 20. */
#include <unistd.h>

#include "base/clock.h"
#include "eds/eds.h"
#include "eds/search.h"

enum { GROUP = 500, PATIENTS = 5000 };

static void must(int err)
{
    if (err) {
        fprintf(stderr, "bench: %s\n", am_err_text(err));
        exit(3);
    }
}

static void put(struct eds_group *g, int i, struct buf *b)
{
    struct json_doc *doc;
    char id[37];
    unsigned r = (unsigned)i * 2654435761u;
    buf_clear(b);
    snprintf(id, sizeof id, "%08x-1111-4111-8111-%012x", r, (unsigned)i);
    must(buf_addf(
        b,
        "{\"resourceType\":\"Observation\",\"status\":\"%s\",\"code\":{\"coding\":"
        "[{\"system\":\"http://loinc.org\",\"code\":\"8480-%u\"}],\"text\":"
        "\"measure %u\"},\"subject\":{\"reference\":\"Patient/p%u\"},"
        "\"effectiveDateTime\":\"20%02u-%02u-%02uT%02u:30:00Z\","
        "\"valueQuantity\":{\"value\":%u.5,\"unit\":\"mmHg\",\"system\":"
        "\"http://unitsofmeasure.org\",\"code\":\"mm[Hg]\"}}",
        r % 3 ? "final" : "amended", r % 9, r % 900, r % PATIENTS, r / 7 % 24,
        1 + r / 11 % 12, 1 + r / 13 % 28, r / 17 % 24, r / 19 % 300));
    must(json_parse(&doc, buf_str(b), NULL, NULL));
    must(eds_put(g,
                 &(struct eds_ask){.verb = EDS_CREATE,
                                   .type = STR("Observation"),
                                   .id = str_c(id),
                                   .body = json_root(doc)},
                 NULL));
    json_free(doc);
}

static void fill(struct eds *e, int n)
{
    struct buf b;
    buf_init(&b, 4096);
    for (int i = 0; i < n; i += GROUP) {
        struct eds_group *g;
        must(eds_group_new(&g, e));
        for (int k = i; k < i + GROUP && k < n; k++)
            put(g, k, &b);
        must(eds_write(g));
        eds_group_free(g);
    }
    buf_release(&b);
}

static void page(struct eds_source *s, const struct fhir_row_key *key, const char *sort,
                 char next[EDS_CURSOR], double *ms, int64_t *total)
{
    struct fhir_query_config c = {.key = *key, .type = STR("Observation")};
    struct eds_search what = {.key = *key};
    struct fhir_query q;
    struct fhir_pair *pairs;
    struct eds_found f;
    struct diag d;
    struct arena a;
    int64_t from = time_mono();
    char text[200];
    size_t n;
    int err;
    arena_init(&a, 1 << 22);
    diag_init(&d);
    snprintf(text, sizeof text, "_sort=%s&_count=20", sort);
    must(fhir_query_split(str_c(text), &a, &pairs, &n, &d));
    must(fhir_query_parse(&q, &c, pairs, n, &a, &d));
    what.query = &q;
    q.page = str_c(next);
    err = eds_search(s, &what, &f, &d);
    must(err == AM_E_TOOBIG ? AM_OK : err); /* told by whoever asked: no next page */
    *ms = (double)(time_mono() - from) / 1e3;
    *total = f.total;
    memcpy(next, f.next, sizeof f.next);
    eds_found_release(&f);
    diag_release(&d);
    arena_release(&a);
}

static int measure(struct eds_view *v, void *arg)
{
    static const char *const order[] = {
        "-_lastUpdated", "_lastUpdated", "_id",    "date",    "-date", "value-quantity",
        "date,-_id",     "-date,status", "status", "subject", "code"};
    struct eds_source s = eds_view_source(v);
    for (size_t i = 0; i < AM_LEN(order); i++) {
        char next[EDS_CURSOR] = "";
        double first, later = 0;
        int64_t total;
        page(&s, arg, order[i], next, &first, &total);
        if (!*next) {
            printf("%-16s refused after %.0f ms\n", order[i], first);
            continue;
        }
        for (int k = 0; k < 3; k++)
            page(&s, arg, order[i], next, &later, &total);
        printf("%-16s first %8.1f ms, later %8.1f ms, total %lld\n", order[i], first,
               later, (long long)total);
    }
    return AM_OK;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/amane-sort-XXXXXX", path[64], rm[96];
    struct eds_config c = {.path = path, .rows = eds_rows_fhir, .key = {1}};
    struct fhir_row_key key;
    struct eds *e;
    int64_t from = time_mono(), n = 300000;
    if (argc > 1)
        must(str_int(str_c(argv[1]), 1, INT32_MAX, &n));
    if (!mkdtemp(dir))
        return 3;
    snprintf(path, sizeof path, "%s/e.db", dir);
    must(eds_open(&e, &c));
    key = *eds_row_key(e);
    fill(e, (int)n);
    printf("filled in %.1f s\n", (double)(time_mono() - from) / 1e6);
    must(eds_view(e, measure, &key));
    eds_close(e);
    snprintf(rm, sizeof rm, "rm -r %s", dir);
    return system(rm) ? 3 : 0;
}
