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

/* ---- a source is asked for so many bodies, not more ---- */
struct look { /* men, each with a family name that was cut */
    struct fhir_row row;
    int64_t men;
    size_t bodies;
};

static int look_top(void *self, int64_t *rid)
{
    *rid = ((struct look *)self)->men;
    return AM_OK;
}

static int look_term(void *self, uint64_t hash, int64_t below, size_t max, int64_t *rid,
                     size_t *n)
{
    int64_t at = AM_MIN(below, ((struct look *)self)->men + 1);
    (void)hash;
    for (*n = 0; *n < max && at > 1;)
        rid[(*n)++] = --at;
    return AM_OK;
}

static int look_count(void *self, uint64_t hash, int64_t *n)
{
    (void)hash;
    return look_top(self, n);
}

static int look_own(void *self, int64_t rid, eds_each_fn *fn, void *arg)
{
    return fn(arg, &((struct look *)self)->row, rid);
}

static int look_body(void *self, int64_t rid, struct json_doc **out)
{
    (void)rid;
    ((struct look *)self)->bodies++;
    return json_parse(out, STR("{\"resourceType\":\"Patient\"}"), NULL, NULL);
}

/* Three texts that no row tells of: three bodies for each man. */
static int look_for(struct look *l, struct diag *d)
{
    const struct eds_source s = {.self = l,
                                 .top = look_top,
                                 .term = look_term,
                                 .count = look_count,
                                 .own = look_own,
                                 .body = look_body};
    struct fhir_query_config c = {.type = STR("Patient")};
    struct fhir_query q;
    struct eds_search what = {.query = &q};
    struct fhir_pair *pairs;
    struct eds_found f;
    struct arena a;
    size_t n;
    int err;
    arena_init(&a, 1 << 22);
    assert_ok(
        fhir_query_split(STR("gender=male&family:contains=x,y,z"), &a, &pairs, &n, NULL));
    assert_ok(fhir_query_parse(&q, &c, pairs, n, &a, NULL));
    err = eds_search(&s, &what, &f, d);
    if (!err) {
        assert_int_equal(f.hit.n, 0);
        eds_found_release(&f);
    }
    arena_release(&a);
    return err;
}

static void bodies_of_cut_texts_are_bounded(void **state)
{
    char cut[FHIR_ROW_TEXT_MAX];
    struct look l = {.row = {.kind = FHIR_ROW_STRING,
                             .param = fhir_param_number(STR("Patient"), STR("family")),
                             .text = {cut, sizeof cut}},
                     .men = 10};
    struct diag d;
    (void)state;
    memset(cut, 'a', sizeof cut);
    diag_init(&d);
    assert_ok(look_for(&l, &d));
    assert_int_equal(l.bodies, 30);
    l.men = EDS_SORT_BODIES / 3 + 1;
    l.bodies = 0;
    assert_int_equal(look_for(&l, &d), AM_E_TOOBIG);
    assert_int_equal(l.bodies, EDS_SORT_BODIES);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].code, "search.costly");
    diag_release(&d);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store_answers_every_kind_of_ask, dir_open,
                                        dir_close),
        cmocka_unit_test(bodies_of_cut_texts_are_bounded)};
    return test_both_stores(tests, AM_LEN(tests), 1, &pg);
}
