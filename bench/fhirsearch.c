/* SPDX-License-Identifier: Apache-2.0 */
/* Searching FHIR: what extraction of index rows costs, pages and counts on lists in
 * memory (the search itself, no disk), and the total of lists of ten million postings.
 *
 *     bench-fhirsearch [BUNDLES [COPIES]]   (60 of Synthea's, ten times)
 *
 * Copies have other ids. CPU seconds of this process, one thread. */
#include <dirent.h>
#include <time.h>

#include "eds/eds_oracle_test.h"
#include "eds/search.h"
#include "fhir/fhir_test.h"

static const struct fhir_index index_key = {.key = {{5, 6}}};

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int err)
{
    if (err) {
        fprintf(stderr, "bench: %s\n", am_err_text(err));
        exit(3);
    }
}

/* ---- ten million postings: term k is every kth rid ----------------------------------
 */
enum { MANY = 10000000 };
static int many_top(void *self, int64_t *rid)
{
    (void)self;
    *rid = MANY;
    return AM_OK;
}

static uint64_t many_hash[2];
static int many_term(void *self, uint64_t hash, int64_t below, size_t max, int64_t *rid,
                     size_t *n)
{
    int64_t step = hash == many_hash[0] ? 1 : 2, at;
    (void)self;
    at = (AM_MIN(below, MANY + 1) - 1) / step * step;
    for (*n = 0; *n < max && at > 0; at -= step)
        rid[(*n)++] = at;
    return AM_OK;
}

/* ---- */
struct totals {
    size_t resources, rows, bytes;
    double extract;
};

static void take(struct eds_mem *m, const struct json *resource, int copy,
                 struct totals *t)
{
    struct buf b;
    struct jw w;
    struct json_doc *doc;
    struct fhir_rows rows = {0};
    struct arena a;
    double from;
    buf_init(&b, 16 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, resource))
        if (str_eqc(it.key, "id")) {
            char id[80];
            snprintf(id, sizeof id, "%.60s%d", json_str(it.val).p, copy);
            jw_kstrz(&w, "id", id);
        } else {
            jw_keyn(&w, it.key);
            jw_val(&w, it.val);
        }
    jw_obj_end(&w);
    must(jw_done(&w));
    must(json_parse(&doc, buf_str(&b), NULL, NULL));
    arena_init(&a, 16 << 20);
    from = cpu_s();
    must(fhir_rows(json_root(doc), &index_key, &a, &rows));
    t->extract += cpu_s() - from;
    t->resources++;
    t->rows += rows.n;
    t->bytes += b.n;
    fhir_rows_release(&rows);
    arena_release(&a);
    must(eds_mem_put(m, doc, &index_key, (int64_t)t->resources));
    buf_release(&b);
}

static int64_t run(const struct eds_source *s, const char *type, const char *text)
{
    struct fhir_query_config c = {.key = index_key.key, .type = str_c(type)};
    struct fhir_query q;
    struct eds_search what = {.query = &q, .key = index_key.key};
    struct fhir_pair *pairs;
    struct eds_found f;
    struct arena a;
    int64_t total;
    size_t n;
    arena_init(&a, 16 << 20);
    must(fhir_query_split(str_c(text), &a, &pairs, &n, NULL));
    must(fhir_query_parse(&q, &c, pairs, n, &a, NULL));
    must(eds_search(s, &what, &f, NULL));
    total = f.total;
    eds_found_release(&f);
    arena_release(&a);
    return total;
}

static struct totals totals;

static void figure(const char *name, double value, const char *unit, const char *target,
                   const char *better)
{
    printf("{\"figure\":\"fhirsearch.%s\",\"value\":%.3f,\"unit\":\"%s\",\"target\":%s,"
           "\"better\":\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%zu "
           "resources, lists in memory, exact total, CPU of one thread\"}\n",
           name, value, unit, target, better, totals.resources);
    fflush(stdout);
}

static void measure(const struct eds_source *s, const char *name, const char *target,
                    const char *type, const char *text)
{
    int64_t n = 0;
    double from;
    (void)run(s, type, text); /* the first sorts the arrays */
    from = cpu_s();
    for (; cpu_s() - from < 0.5 && n < 200000; n++)
        (void)run(s, type, text);
    figure(name, (double)n / (cpu_s() - from), "searches/s", target, "higher");
}

static void measure_many(void)
{
    struct eds_source s = {.top = many_top, .term = many_term};
    uint32_t p = fhir_param_number(STR("Observation"), STR("code"));
    double from = cpu_s();
    for (size_t i = 0; i < 2; i++)
        many_hash[i] = fhir_term_hash(&index_key.key, p, FHIR_TERM_CODE,
                                      i ? STR("b") : STR("a"), STR_NULL);
    am_assert(run(&s, "Observation", "code=a&code=b&_summary=count") == MANY / 2);
    figure("count_10m", cpu_s() - from, "s", "0.5", "lower");
}

static void load(struct eds_mem *m, const char *name, int copies)
{
    char path[512];
    struct buf text, resolved;
    struct json_doc *raw, *doc;
    snprintf(path, sizeof path, "%s/data/fhir-synthea-r4/bundles/%s", test_shared(),
             name);
    test_unpack(path, &text);
    must(json_parse(&raw, buf_str(&text), NULL, NULL));
    buf_init(&resolved, 64 << 20);
    oracle_resolve(buf_str(&text), json_root(raw), &resolved);
    must(json_parse(&doc, buf_str(&resolved), NULL, NULL));
    for (int copy = 0; copy < copies; copy++)
        for (json_each(it, json_get(json_root(doc), "entry")))
            take(m, json_get(it.val, "resource"), copy, &totals);
    json_free(doc);
    json_free(raw);
    buf_release(&text);
    buf_release(&resolved);
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct eds_mem *m;
    struct eds_source s;
    struct dirent **name = NULL;
    char folder[512];
    int64_t bundles = 60, copies = 10;
    int n;
    if (argc > 1)
        must(str_int(str_c(argv[1]), 1, 429, &bundles));
    if (argc > 2)
        must(str_int(str_c(argv[2]), 1, 1000, &copies));
    if (!test_shared())
        return 2;
    snprintf(folder, sizeof folder, "%s/data/fhir-synthea-r4/bundles", test_shared());
    n = scandir(folder, &name, not_hidden, alphasort);
    must(eds_mem_new(&m));
    for (int i = 0; i < n; i++) {
        if (i < bundles)
            load(m, name[i]->d_name, (int)copies);
        free(name[i]);
    }
    free(name);
    s = eds_mem_source(m);
    figure("extract", (double)totals.resources / totals.extract, "resources/s", "null",
           "higher");
    figure("rows", (double)totals.rows / (double)totals.resources, "rows/resource",
           "null", "lower");
    measure(&s, "code", "15000", "Observation", "code=http://loinc.org|8302-2");
    measure(&s, "name", "null", "Patient", "name=b");
    measure(&s, "code_date", "null", "Observation",
            "code=http://loinc.org|8302-2&date=ge2015");
    measure(&s, "date", "null", "Observation", "date=ge2018-06&date=lt2018-07");
    measure(&s, "chain", "null", "Observation", "subject:Patient.family=b");
    measure(&s, "composite", "null", "Observation",
            "code-value-quantity=http://loinc.org|8302-2$gt170");
    measure_many();
    eds_mem_free(m);
    return 0;
}
