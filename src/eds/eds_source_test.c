/* SPDX-License-Identifier: Apache-2.0 */
/* The store answers searches as lists in memory do. */
#include "base/test.h"

#include <limits.h>
#include <unistd.h>

#include "eds/eds.h"
#include "eds/search.h"

static char dir[64], path[PATH_MAX], name[32];
static bool pg;

static const char *const resource[][3] = {
    {"Patient", "p1", "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Alami\"}]}"},
    {"Patient", "p2",
     "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Berrada\"}]}"},
    {"Observation", "b1",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{"
     "\"code\":\"x\"}]},"
     "\"subject\":{\"reference\":\"Patient/p1\"},\"effectiveDateTime\":\"2024-03-05\","
     "\"valueQuantity\":{\"value\":5}}"},
    {"Observation", "b2",
     "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{"
     "\"code\":\"y\"}]},"
     "\"subject\":{\"reference\":\"Patient/"
     "p2\"},\"effectivePeriod\":{\"start\":\"2024-01-01\"},"
     "\"valueQuantity\":{\"value\":9}}"},
    {"List", "l1",
     "{\"resourceType\":\"List\",\"entry\":[{\"item\":{\"reference\":\"Patient/"
     "p2\"}}]}"}};

static int store_rows(void *arg, const struct fhir_row_key *key, const struct json *v,
                      struct arena *a, struct fhir_rows *out)
{
    const struct fhir_index x = {.key = *key};
    (void)arg;
    return fhir_rows(v, &x, a, out);
}

static void store_put(struct eds *e, const char *type, const char *id, const char *text)
{
    struct eds_group *g;
    struct json_doc *doc;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    assert_ok(eds_group_new(&g, e));
    assert_ok(eds_put(g,
                      &(struct eds_ask){.verb = EDS_UPDATE,
                                        .type = str_c(type),
                                        .id = str_c(id),
                                        .body = json_root(doc)},
                      NULL));
    assert_ok(eds_write(g));
    eds_group_free(g);
    json_free(doc);
}

struct store_asked {
    struct fhir_row_key key;
    const char *type, *query;
    char ids[512];
};

static void store_found(struct eds_view *v, const struct eds_rids *l, char *out)
{
    for (size_t i = 0; i < l->n; i++) {
        struct eds_meta m;
        assert_ok(eds_fetch(v, l->v[i], NULL, &m));
        snprintf(out + strlen(out), 80, "%s%s", *out ? " " : "", m.id);
    }
}

static int store_ask(struct eds_view *v, void *arg)
{
    struct store_asked *k = arg;
    struct eds_source s = eds_view_source(v);
    struct fhir_query_config c = {.key = k->key, .type = str_c(k->type)};
    struct fhir_query q;
    struct eds_search what = {.query = &q, .key = k->key};
    struct fhir_pair *pairs;
    struct eds_found f;
    struct arena a;
    size_t n;
    arena_init(&a, 1 << 22);
    assert_ok(fhir_query_split(str_c(k->query), &a, &pairs, &n, NULL));
    assert_ok(fhir_query_parse(&q, &c, pairs, n, &a, NULL));
    assert_ok(eds_search(&s, &what, &f, NULL));
    assert_int_equal(f.total, f.hit.n);
    *k->ids = 0;
    store_found(v, &f.hit, k->ids);
    store_found(v, &f.included, k->ids);
    eds_found_release(&f);
    arena_release(&a);
    return AM_OK;
}

static void store_finds(struct eds *e, const char *type, const char *query,
                        const char *ids)
{
    struct store_asked k = {.key = *eds_row_key(e), .type = type, .query = query};
    assert_ok(eds_view(e, store_ask, &k));
    if (strcmp(k.ids, ids))
        fail_msg("%s?%s: found %s, expected %s", type, query, k.ids, ids);
}

static void the_store_answers_every_kind_of_ask(void **state)
{
    struct eds *e;
    struct eds_config c = {.path = path, .name = name, .rows = store_rows, .key = {1}};
    (void)state;
    assert_ok(eds_open(&e, &c));
    for (size_t i = 0; i < AM_LEN(resource); i++)
        store_put(e, resource[i][0], resource[i][1], resource[i][2]);
    store_finds(e, "Patient", "", "p2 p1");
    store_finds(e, "Patient", "family=ala", "p1");
    store_finds(e, "Patient", "family:contains=RAD", "p2");
    store_finds(e, "Patient", "family:exact=Berrada", "p2");
    store_finds(e, "Observation", "code=x", "b1");
    store_finds(e, "Observation", "code:not=x", "b2");
    store_finds(e, "Observation", "date=ge2024-03", "b2 b1");
    store_finds(e, "Observation", "date=lt2024-03", "b2");
    store_finds(e, "Observation", "code=x&date=2024-03", "b1"); /* rows of its own */
    store_finds(e, "Observation", "value-quantity=gt5", "b2");
    store_finds(e, "Observation", "value-quantity=5", "b1");
    store_finds(e, "Observation", "subject:Patient.family=b", "b2");
    store_finds(e, "Patient", "_has:Observation:patient:code=x", "p1");
    store_finds(e, "Patient", "_list=l1", "p2");
    store_finds(e, "Patient", "_id=p1&_revinclude=Observation:patient", "p1 b1");
    store_finds(e, "Observation", "_id=b2&_include=Observation:patient", "b2 p2");
    store_finds(e, "Observation", "_sort=date", "b2 b1");
    store_finds(e, "Patient", "_sort=family", "p1 p2");
    store_finds(e, "Patient", "_lastUpdated=gt2001", "p2 p1");
    store_finds(e, "Patient", "_lastUpdated=lt2001", "");
    store_put(e, "Patient", "p1",
              "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Zaki\"}]}");
    store_finds(e, "Patient", "family=ala", ""); /* as it is now */
    store_finds(e, "Patient", "", "p1 p2");      /* what changed last is first */
    eds_close(e);
}

static int dir_open(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s/amane-edsq-XXXXXX", test_top());
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/e.db", dir);
    snprintf(name, sizeof name, "q%d_%d", (int)getpid(), pg);
    if (pg)
        snprintf(path, sizeof path, "%s", getenv("AMANE_PG_URI"));
    return 0;
}

static int dir_close(void **state)
{
    static const char *const tail[] = {"", "-wal", "-shm", ".lock"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(tail); i++) {
        char file[PATH_MAX + 8];
        snprintf(file, sizeof file, "%s/e.db%s", dir, tail[i]);
        unlink(file);
    }
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        the_store_answers_every_kind_of_ask, dir_open, dir_close)};
    return test_both_stores(tests, AM_LEN(tests), AM_LEN(tests), &pg);
}
