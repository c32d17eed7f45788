/* SPDX-License-Identifier: Apache-2.0 */
/* Random queries over real Synthea patients: the ids found are those of the oracle. */
#include "eds/eds_naive_ask_test.h"
#include "fhir/fhir_test.h"

#include <unistd.h>

#include "base/clock.h"
#include "eds/eds_index_priv.h"
#include "eds/search.h"

static struct fhir_index sx = {.key = {{3, 4}}, .words = true}; /* or a store's key */

struct world {
    struct eds_mem *mem;
    struct eds_source source;
    VEC(const struct json *) resource; /* rid - 1 */
    struct eds *store;                 /* NULL: lists in memory */
};
static struct world world;
static bool store_pg;

static int world_rows(void *arg, const struct fhir_row_key *key, const struct json *v,
                      struct arena *a, struct fhir_rows *out)
{
    const struct fhir_index x = {.key = *key, .words = true};
    (void)arg;
    return fhir_rows(v, &x, a, out);
}

/* Some rows come to stand in segments of every size, some in the tail. */
static void world_store(const struct json *v, int64_t at)
{
    struct eds_group *g;
    time_fake(at);
    assert_ok(eds_group_new(&g, world.store));
    assert_ok(eds_put(g,
                      &(struct eds_ask){.verb = EDS_CREATE,
                                        .type = json_get_str(v, "resourceType"),
                                        .id = json_get_str(v, "id"),
                                        .body = v},
                      NULL));
    assert_ok(eds_write(g));
    assert_int_equal(eds_done(g, 0)->rid, world.resource.n + 1);
    eds_group_free(g);
    if (world.resource.n % 150 == 149)
        assert_ok(eds_merge(world.store, 100, 1));
}

static void world_put(const char *text, int64_t at)
{
    struct json_doc *doc;
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    if (world.store)
        world_store(json_root(doc), at);
    assert_ok(eds_mem_put(world.mem, doc, &sx, at));
    assert_ok(vec_push(&world.resource, json_root(doc)));
}

static void world_bundle(const char *name)
{
    char path[256];
    struct buf text, resolved;
    struct json_doc *raw, *doc;
    snprintf(path, sizeof path, "fhir-synthea-r4/bundles/%s.json.gz", name);
    test_unpack(test_path(path), &text);
    assert_ok(json_parse(&raw, buf_str(&text), NULL, NULL));
    buf_init(&resolved, 64 << 20);
    oracle_resolve(buf_str(&text), json_root(raw), &resolved);
    assert_ok(json_parse(&doc, buf_str(&resolved), NULL, NULL));
    for (json_each(it, json_get(json_root(doc), "entry"))) {
        struct buf one;
        struct jw w;
        buf_init(&one, 16 << 20);
        jw_init(&w, &one);
        jw_val(&w, json_get(it.val, "resource"));
        assert_ok(jw_done(&w));
        world_put(one.p, (int64_t)(world.resource.n + 1) * TIME_SECOND);
        buf_release(&one);
    }
    json_free(doc);
    json_free(raw);
    buf_release(&text);
    buf_release(&resolved);
}

static int world_open(void **state)
{
    static const char *const bundle[] = {"43f7ec4b-8cb9-4869-bc49-01b7c80ab49f",
                                         "e4531916-b162-4f4b-90c2-ce37e132b8d4"};
    (void)state;
    assert_ok(eds_mem_new(&world.mem));
    world.source = eds_mem_source(world.mem);
    if (!test_shared())
        return 0;
    for (size_t i = 0; i < AM_LEN(bundle); i++)
        world_bundle(bundle[i]);
    for (size_t i = 0; i < 160; i++) {
        struct buf b;
        buf_init(&b, 1 << 16);
        rich_resource(&b, i);
        world_put(b.p, (int64_t)(world.resource.n + 1) * TIME_SECOND);
        buf_release(&b);
    }
    asked_open();
    asked_now = 1717200000000000;
    return 0;
}

static int world_close(void **state)
{
    (void)state;
    eds_mem_free(world.mem);
    vec_release(&world.resource);
    asked_close();
    world = (struct world){0};
    return 0;
}

/* ---- running ------------------------------------------------------------------------
 */
struct run {
    struct arena arena;
    struct diag diag;
    struct eds_found found;
    int err;
};

static void run_page(struct run *r, const char *type, struct str text, struct str page,
                     struct eds_rids *all)
{
    struct fhir_query_config c = {.key = sx.key,
                                  .base = sx.base,
                                  .type = str_c(type),
                                  .now = 1717200000000000,
                                  .words = true};
    struct fhir_query q;
    struct eds_search s = {.query = &q, .key = sx.key, .base = sx.base};
    struct fhir_pair *pairs;
    size_t n;
    arena_init(&r->arena, 64 << 20);
    diag_init(&r->diag);
    r->found = (struct eds_found){0};
    r->err = fhir_query_split(text, &r->arena, &pairs, &n, &r->diag);
    if (!r->err)
        r->err = fhir_query_parse(&q, &c, pairs, n, &r->arena, &r->diag);
    if (!r->err) {
        q.page = page;
        r->err = eds_search(&world.source, &s, &r->found, &r->diag);
    }
    for (size_t i = 0; !r->err && all && i < r->found.hit.n; i++)
        assert_ok(vec_push(all, r->found.hit.v[i]));
}

static void run_close(struct run *r)
{
    eds_found_release(&r->found);
    diag_release(&r->diag);
    arena_release(&r->arena);
}

/* Every page; the total of the first is the number of all. */
static void run_all(const char *type, const char *query, struct eds_rids *all)
{
    char next[EDS_CURSOR] = "";
    int64_t total = -1;
    do {
        struct run r;
        run_page(&r, type, str_c(query), str_c(next), all);
        if (r.err)
            fail_msg("%s?%s: %s %s", type, query, am_err_text(r.err),
                     r.diag.n ? r.diag.item[0].code : "");
        total = r.found.total;
        memcpy(next, r.found.next, sizeof next);
        run_close(&r);
    } while (*next);
    if (total != (int64_t)all->n)
        fail_msg("%s?%s: total %lld, found %zu", type, query, (long long)total, all->n);
}

/* ---- random queries -----------------------------------------------------------------
 */
static void say_encoded(struct buf *b, const struct said *q)
{
    assert_ok(buf_addf(b, "%s%s=", b->n ? "&" : "", q->name));
    for (size_t i = 0; i < q->value.n; i++)
        assert_ok(buf_addf(b, "%%%02X", (unsigned char)q->value.p[i]));
}

static bool world_is(size_t i, struct str type)
{
    return str_eq(json_get_str(world.resource.v[i], "resourceType"), type);
}

/* Found: each once, all that both criteria want, in the order that was asked. */
static void is_as_wanted(const struct naive *w, const char *text, struct str type,
                         struct str sort, bool down, const bool *want[2],
                         const struct eds_rids *found)
{
    size_t wanted = 0;
    for (size_t i = 0; i < w->n; i++)
        wanted += want[0][i] && want[1][i] && world_is(i, type);
    for (size_t k = 0; k < found->n; k++) {
        size_t i = (size_t)found->v[k] - 1, last = k ? (size_t)found->v[k - 1] - 1 : 0;
        if (!want[0][i] || !want[1][i])
            fail_msg("%.*s?%s: %zu is found", STR_FMT(type), text, i + 1);
        if (k && (sort.n ? naive_order(w, last, i, sort, down) >= 0 : last <= i))
            fail_msg("%.*s?%s: %zu before %zu", STR_FMT(type), text, last + 1, i + 1);
    }
    for (size_t i = 0; i < w->n && wanted != found->n; i++) {
        bool is = false;
        for (size_t k = 0; k < found->n; k++)
            is = is || found->v[k] == (int64_t)i + 1;
        if (!is && want[0][i] && want[1][i] && world_is(i, type))
            fail_msg("%.*s?%s: %zu is not found", STR_FMT(type), text, i + 1);
    }
}

static size_t say_found; /* of all random searches: they must find something */

static void one_random_search(struct arena *a)
{
    static int64_t at[4096];
    struct naive w = {.resource = world.resource.v,
                      .at = at,
                      .n = world.resource.n,
                      .now = asked_now,
                      .a = a};
    bool *want[2] = {arena_alloc(a, w.n, 1), arena_alloc(a, w.n, 1)};
    struct said q[2] = {{.name = ""}, {.name = ""}};
    struct eds_rids found = {0};
    struct str type, sort = STR_NULL;
    bool down = pick(2), two = pick(2);
    struct buf text;
    size_t i, j;
    char name[65];
    for (i = 0; i < w.n; i++)
        at[i] = (int64_t)(i + 1) * TIME_SECOND;
    buf_init(&text, 1 << 16);
    for (int k = 0; k < 2; k++)
        buf_init(&q[k].value, 1 << 12);
    do {
        buf_clear(&q[0].value);
        i = pick(w.n);
    } while (!say(&w, &i, &q[0], 0));
    type = json_get_str(w.resource[i], "resourceType");
    j = i;
    two = two && say(&w, &j, &q[1], 0) && world_is(j, type);
    snprintf(name, sizeof name, "%.*s", STR_FMT(type));
    naive_set(&w, type, str_c(q[0].name), buf_str(&q[0].value), want[0]);
    memset(want[1], 1, w.n);
    say_encoded(&text, &q[0]);
    if (two) {
        naive_set(&w, type, str_c(q[1].name), buf_str(&q[1].value), want[1]);
        say_encoded(&text, &q[1]);
    }
    if (!pick(3) && say_sort(type, &sort))
        assert_ok(buf_addf(&text, "&_sort=%s%.*s", down ? "-" : "", STR_FMT(sort)));
    else
        sort = STR_NULL;
    assert_ok(buf_addf(&text, "&_count=%zu", 1 + pick(40)));
    run_all(name, text.p, &found);
    is_as_wanted(&w, text.p, type, sort, down, (const bool *[]){want[0], want[1]},
                 &found);
    say_found += found.n > 0;
    vec_release(&found);
    buf_release(&text);
    buf_release(&q[0].value);
    buf_release(&q[1].value);
}

static void random_queries_find_what_the_oracle_finds(void **state)
{
    (void)state;
    const char *many = getenv("EDS_ORACLE_QUERIES"); /* make soak asks for 100,000 */
    const char *from = getenv("EDS_ORACLE_SEED");
    int64_t n = store_pg ? 100 : world.store ? 300 : 800;
    struct arena a;
    (void)test_path("");
    if (from)
        seed = strtoull(from, NULL, 10);
    if (many)
        assert_ok(str_int(str_c(many), 1, 100000000, &n));
    for (int64_t i = 0; i < n; i++) {
        arena_init(&a, 512 << 20);
        one_random_search(&a);
        arena_release(&a);
    }
    if (say_found < (size_t)n / 3)
        fail_msg("%zu of %lld searches found something", say_found, (long long)n);
    say_found = 0;
}

/* ---- the same on a store ----------------------------------------------------------- */
static char store_dir[64], store_path[256], store_name[32];

static int store_open(void **state)
{
    struct eds_config c = {
        .path = store_path, .name = store_name, .rows = world_rows, .key = {1}};
    snprintf(store_dir, sizeof store_dir, "%s/amane-edso-XXXXXX", test_top());
    if (!mkdtemp(store_dir))
        return -1;
    snprintf(store_path, sizeof store_path, "%s/e.db", store_dir);
    snprintf(store_name, sizeof store_name, "o%d", (int)getpid());
    if (store_pg)
        snprintf(store_path, sizeof store_path, "%s", getenv("AMANE_PG_URI"));
    assert_ok(eds_open(&world.store, &c));
    sx.key = *eds_row_key(world.store);
    return world_open(state);
}

static int store_close(void **state)
{
    static const char *const tail[] = {"", "-wal", "-shm", ".lock"};
    eds_close(world.store);
    time_fake(0);
    for (size_t i = 0; i < AM_LEN(tail); i++) {
        char file[80];
        snprintf(file, sizeof file, "%s/e.db%s", store_dir, tail[i]);
        unlink(file);
    }
    rmdir(store_dir);
    sx.key = (struct fhir_row_key){{3, 4}};
    return world_close(state);
}

static int store_queries(struct eds_view *v, void *arg)
{
    world.source = eds_view_source(v);
    random_queries_find_what_the_oracle_finds(arg);
    return AM_OK;
}

static void a_store_finds_what_the_oracle_finds(void **state)
{
    (void)test_path("");
    assert_ok(eds_view(world.store, store_queries, state));
}

/* ---- a small world of our own -------------------------------------------------------
 */
static const char *const small[] = {
    "{\"resourceType\":\"Organization\",\"id\":\"o1\",\"name\":\"CHU\"}",
    "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"name\":[{\"family\":\"Alami\"}],"
    "\"birthDate\":\"1980-05-01\",\"managingOrganization\":{\"reference\":\"Organization/"
    "o1\"}}",
    "{\"resourceType\":\"Patient\",\"id\":\"p2\",\"name\":[{\"family\":\"Berrada\"}],"
    "\"birthDate\":\"1970\",\"deceasedDateTime\":\"2020\"}",
    "{\"resourceType\":\"Observation\",\"id\":\"b1\",\"status\":\"final\",\"code\":{"
    "\"coding\":"
    "[{\"system\":\"l\",\"code\":\"8480-6\"}]},\"subject\":{\"reference\":\"Patient/"
    "p1\"},"
    "\"effectiveDateTime\":\"2024-03-05\",\"valueQuantity\":{\"value\":150,\"system\":"
    "\"http://unitsofmeasure.org\",\"code\":\"mm[Hg]\"}}",
    "{\"resourceType\":\"Observation\",\"id\":\"b2\",\"status\":\"final\",\"code\":{"
    "\"coding\":"
    "[{\"system\":\"l\",\"code\":\"8480-6\"}]},\"subject\":{\"reference\":\"Patient/"
    "p2\"},"
    "\"effectiveDateTime\":\"2024-01-01\",\"valueQuantity\":{\"value\":12,\"system\":"
    "\"http://unitsofmeasure.org\",\"code\":\"cm[Hg]\"}}",
    "{\"resourceType\":\"List\",\"id\":\"l1\",\"entry\":[{\"item\":{\"reference\":"
    "\"Observation/b2\"}}]}",
    "{\"resourceType\":\"Patient\",\"id\":\"p9\",\"active\":true,\"identifier\":[{"
    "\"value\":"
    "\"Z9\",\"type\":{\"coding\":[{\"system\":\"t\",\"code\":\"NI\"}]}}],\"name\":[{"
    "\"given\":"
    "[\"\xD9\x85\xD8\xAD\xD9\x85\xD8\xAF\"],\"family\":\"B\xC3\xA9nani\"}]}",
    "{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\",\"period\":{"
    "\"start\":"
    "\"2024-02-01\"},\"text\":{\"div\":\"<p>Fi\xC3\xA8vre et toux</p>\"}}",
    "{\"resourceType\":\"ValueSet\",\"id\":\"x1\",\"url\":\"http://a.ma/fhir/vs/one\","
    "\"version\":\"1.0\"}",
    "{\"resourceType\":\"Provenance\",\"id\":\"v1\",\"target\":[{\"reference\":"
    "\"Observation/b1\"}]}"};

static int small_open(void **state)
{
    (void)state;
    assert_ok(eds_mem_new(&world.mem));
    world.source = eds_mem_source(world.mem);
    for (size_t i = 0; i < AM_LEN(small); i++)
        world_put(small[i], (int64_t)(i + 1) * TIME_SECOND);
    return 0;
}

/* ids in the order found, then those included after a '+'. */
static void finds(const char *type, const char *query, const char *ids)
{
    struct run r;
    char got[1024] = "";
    size_t n = 0;
    run_page(&r, type, str_c(query), STR_NULL, NULL);
    if (r.err)
        fail_msg("%s?%s: %s %s", type, query, am_err_text(r.err),
                 r.diag.n ? r.diag.item[0].code : "");
    for (size_t k = 0; k < 2; k++) {
        const struct eds_rids *l = k ? &r.found.included : &r.found.hit;
        for (size_t i = 0; i < l->n; i++)
            n += (size_t)snprintf(
                got + n, sizeof got - n, "%s%.*s", n ? (k && !i ? " +" : " ") : "",
                STR_FMT(json_get_str(world.resource.v[l->v[i] - 1], "id")));
    }
    if (strcmp(got, ids))
        fail_msg("%s?%s: found %s, expected %s", type, query, got, ids);
    run_close(&r);
}

static void joins_follow_references_both_ways(void **state)
{
    (void)state;
    finds("Observation", "subject:Patient.name=alami", "b1");
    finds("Observation", "patient.birthdate=lt1975", "b2");
    finds("Observation", "subject.organization.name=chu", "b1");
    finds("Patient", "_has:Observation:patient:date=ge2024-03", "p1");
    finds("Patient", "_has:Observation:patient:code=l|8480-6", "p2 p1");
    finds("Patient", "_has:Observation:patient:_has:Provenance:target:_id=v1", "p1");
    finds("Observation", "_list=l1", "b2");
    finds("Observation", "_list=nothing,l1", "b2");
    finds("Patient", "_id:not=p1", "p9 p2");
    finds("Observation", "_id=b1,b2,x", "b2 b1");
    finds("Patient", "_lastUpdated=gt1970-01-01T00:00:02Z", "p9 p2");
    finds("Patient", "", "p9 p2 p1");
}

static void each_way_of_asking_finds(void **state)
{
    (void)state;
    finds("Patient", "identifier=|Z9", "p9");
    finds("Patient", "identifier=t|Z9", "");
    finds("Patient", "identifier:of-type=t|NI|Z9", "p9");
    finds("Patient", "phonetic=Mohamed", "p9");
    finds("Patient", "family=benani", "p9");
    finds("Patient", "family:exact=benani", "");
    finds("Patient", "family:contains=ERRA", "p2");
    finds("Patient", "active:missing=true", "p2 p1");
    finds("Patient", "active:not=true", "p2 p1");
    finds("Patient", "name=alami,berrada", "p2 p1");
    finds("Encounter", "date=gt2030", "e1"); /* it has not ended */
    finds("Encounter", "date=lt2024-02", "");
    finds("Encounter", "date=sa2024-01", "e1");
    finds("Encounter", "_text=toux+fievre", "e1");
    finds("Encounter", "_text=toux+nez", "");
    finds("ValueSet", "url=http://a.ma/fhir/vs/one|1.0", "x1");
    finds("ValueSet", "url=http://a.ma/fhir/vs/one|2.0", "");
    finds("ValueSet", "url:below=http://a.ma/fhir", "x1");
    finds("ValueSet", "url:below=http://a.ma/fh", "");
    finds("ValueSet", "url:above=http://a.ma/fhir/vs/one/two", "x1");
    finds("Observation", "value-quantity=gt14|http://unitsofmeasure.org|cm[Hg]", "b1");
    finds("Observation", "value-quantity=150||mm[Hg]", "b1");
    finds("Observation", "code=l|", "b2 b1");
    finds("Observation", "value-quantity=1.6e2||mm[Hg]", ""); /* [155, 165) */
    finds("Observation", "value-quantity=1.4e2,145.5", "");
    finds("Observation", "value-quantity=1.5e2", "b1");
    finds("Observation", "value-quantity=2e2", ""); /* [195, 205), not [150, 250] */
    finds("Observation", "value-quantity=ne149.95", "b2 b1");
    finds("Observation", "value-quantity=1.45e2", "");
}

/* Rows hold 120 bytes of a text: 40 words of 4 here, and one that comes later. */
static void texts_are_found_whatever_their_length(void **state)
{
    char text[900] = "", put[1200], ask[1200];
    (void)state;
    for (int i = 0; i < 40; i++)
        snprintf(text + 4 * i, sizeof text - 4 * (size_t)i, "w%02d ", i);
    for (int i = 0; i < 2; i++) {
        snprintf(put, sizeof put,
                 "{\"resourceType\":\"ValueSet\",\"id\":\"t%d\",\"description\":"
                 "\"%s%s\"}",
                 i, text, i ? "\xD9\x82\xD9\x84\xD8\xA8 late" : "other");
        world_put(put, (99 + i) * TIME_SECOND);
    }
    finds("ValueSet", "description:contains=w20+w21", "t1 t0");
    finds("ValueSet", "description:contains=late", "t1");
    finds("ValueSet", "description:contains=%D9%82%D9%84%D8%A8", "t1");
    finds("ValueSet", "description:contains=never", "");
    snprintf(ask, sizeof ask, "description=%sothe", text);
    for (char *c = ask; *c; c++)
        if (*c == ' ')
            *c = '+';
    finds("ValueSet", ask, "t0");
    memcpy(ask + strlen(ask) - 4, "rest", 4);
    finds("ValueSet", ask, "");
    snprintf(ask, sizeof ask, "_id=t0,t1&description:contains=late"); /* beside a list */
    finds("ValueSet", ask, "t1");
}

static void composites_keep_their_parts_together(void **state)
{
    (void)state;
    finds("Observation", "code-value-quantity=8480-6$gt140", "b1");
    finds("Observation",
          "code-value-quantity=l|8480-6$gt110|http://unitsofmeasure.org|mm[Hg]", "b2 b1");
    finds("Observation", "code-value-quantity=l|other$gt1", "");
    finds("Observation", "code-value-quantity=l|$gt14", "b1"); /* any code of l */
    finds("Observation", "code-value-quantity=k|$gt14", "");
}

/* Beside nothing (a stretch is read) and beside a few (their own rows are). */
static void finds_both(const char *type, const char *query, const char *among,
                       const char *ids)
{
    char beside[300];
    finds(type, query, ids);
    snprintf(beside, sizeof beside, "_id=%s&%s", among, query);
    finds(type, beside, ids);
}

#define AGE(n)                                                                           \
    "{\"value\":" #n ",\"system\":\"http://unitsofmeasure.org\",\"code\":\"a\"}"
#define ONSET(id, onset)                                                                 \
    "{\"resourceType\":\"Condition\",\"id\":\"" id "\",\"subject\":{\"display\":\"x\"}," \
    "\"onset" onset "}"

static void a_range_is_an_interval(void **state)
{
    static const char *const query[][2] = {
        {"10", ""},
        {"7", "r4"},
        {"gt1000", "r2"},
        {"lt0", "r3"},
        {"sa5", "r4 r2"},
        {"eb11", "r4 r3 r1"},
        {"ne7", "r3 r2 r1"},
        {"ap5", "r3 r1"},
        {"ge10", "r2"},
        {"ge9", "r2 r1"},
        {"le1", "r3"},
        {"le2", "r3 r1"},
        {"gt9||a", "r2 r1"},
        {"gt119|http://unitsofmeasure.org|mo", "r2 r1"},
        {"gt120|http://unitsofmeasure.org|mo", "r2"},
        {"gt0||d", ""}};
    static const char *const put[] = {
        ONSET("r1", "Range\":{\"low\":" AGE(1) ",\"high\":" AGE(10) "}"),
        ONSET("r2", "Range\":{\"low\":" AGE(20) "}"),
        ONSET("r3", "Range\":{\"high\":" AGE(5) "}"), ONSET("r4", "Age\":" AGE(7))};
    char text[100];
    (void)state;
    for (size_t i = 0; i < AM_LEN(put); i++)
        world_put(put[i], (int64_t)(100 + i) * TIME_SECOND);
    for (size_t i = 0; i < AM_LEN(query); i++) {
        snprintf(text, sizeof text, "onset-age=%s", query[i][0]);
        finds_both("Condition", text, "r1,r2,r3,r4", query[i][1]);
    }
    finds("Condition", "_sort=onset-age", "r1 r4 r2 r3"); /* an open end comes last */
    finds("Condition", "_sort=-onset-age", "r1 r4 r3 r2");
}

static void a_name_is_found_by_each_of_its_words(void **state)
{
    (void)state;
    world_put("{\"resourceType\":\"Patient\",\"id\":\"n1\",\"name\":[{\"family\":\"El "
              "Idrissi\"}],\"address\":[{\"line\":[\"12, rue Allal Ben "
              "Abdellah\"],\"city\":\"Sidi Slimane\"}]}",
              100 * TIME_SECOND);
    world_put("{\"resourceType\":\"Patient\",\"id\":\"n2\",\"name\":[{\"family\":"
              "\"Idrissi-Alaoui\"}]}",
              101 * TIME_SECOND);
    finds_both("Patient", "family=Idrissi", "n1,n2", "n2 n1");
    finds_both("Patient", "family=drissi", "n1,n2", ""); /* not any piece of it */
    finds_both("Patient", "family=el+idr", "n1,n2", "n1");
    finds_both("Patient", "name=alaoui", "n1,n2", "n2");
    finds_both("Patient", "address-city=slim", "n1,n2", "n1");
    finds_both("Patient", "address=allal+ben", "n1,n2", "n1");
    finds_both("Patient", "address=lal+ben", "n1,n2", "");
    finds("Patient", "_id=n1,n2&_sort=family", "n1 n2"); /* by the whole of it */
}

static void a_token_that_is_a_string_has_no_case(void **state)
{
    (void)state;
    world_put("{\"resourceType\":\"ValueSet\",\"id\":\"v1\",\"url\":\"http://a.ma/two\","
              "\"version\":\"1.0-B\xC3\x89TA\",\"status\":\"draft\"}",
              100 * TIME_SECOND);
    finds("ValueSet", "version=1.0-b%C3%A9ta", "v1");
    finds("ValueSet", "version=|1.0-B%C3%89ta", "v1");
    finds("ValueSet", "version=x|1.0-B%C3%89ta", "");
    finds("ValueSet", "version:not=1.0-b%C3%A9Ta", "x1");
    finds("ValueSet", "version=1.0-beta", "");
    finds("ValueSet", "url=http://a.ma/two|1.0-B%C3%89TA", "v1");
    finds("ValueSet", "status=Draft", ""); /* a code has */
}

static void two_numbers_of_a_composite_are_of_one_element(void **state)
{
    (void)state;
    world_put(
        "{\"resourceType\":\"MolecularSequence\",\"id\":\"m1\",\"coordinateSystem\":0,"
        "\"referenceSeq\":{\"chromosome\":{\"coding\":[{\"code\":\"1\"}]},"
        "\"windowStart\":5,\"windowEnd\":9},\"variant\":[{\"start\":1,\"end\":5},{"
        "\"start\":20,\"end\":10}]}",
        100 * TIME_SECOND);
    finds_both("MolecularSequence", "chromosome-variant-coordinate=1$1$5", "m1", "m1");
    finds_both("MolecularSequence", "chromosome-variant-coordinate=1$lt2$lt6", "m1",
               "m1");
    finds_both("MolecularSequence", "chromosome-variant-coordinate=1$1$10", "m1", "");
    finds_both("MolecularSequence", "chromosome-variant-coordinate=1$lt2$gt9", "m1", "");
    finds_both("MolecularSequence", "chromosome-variant-coordinate=1$gt2$gt9", "m1",
               "m1");
    finds_both("MolecularSequence", "chromosome-variant-coordinate=2$1$5", "m1", "");
    finds_both("MolecularSequence", "chromosome-window-coordinate=1$5$9", "m1", "m1");
}

static void pages_are_sorted_as_asked(void **state)
{
    (void)state;
    finds("Observation", "_sort=date", "b2 b1");
    finds("Observation", "_sort=-date", "b1 b2");
    finds("Patient", "_sort=family", "p1 p9 p2");
    finds("Patient", "_sort=organization", "p1 p9 p2"); /* none comes last */
    finds("Patient", "_sort=-organization", "p1 p9 p2");
    finds("Observation", "_sort=status,-_id", "b2 b1");
    finds("Patient", "_sort=deceased", "p9 p1 p2");
    finds("Patient", "_sort=-deceased", "p2 p9 p1");
}

#define ORDER(id, med)                                                                   \
    "{\"resourceType\":\"MedicationRequest\",\"id\":\"" id                               \
    "\",\"contained\":[{\"resourceType\":\"Medication\",\"id\":\"m\",\"code\":{"         \
    "\"coding\":[{"                                                                      \
    "\"code\":\"" med                                                                    \
    "\"}]}},{\"resourceType\":\"Medication\",\"id\":\"other\",\"code\":{"                \
    "\"coding\":[{\"code\":\"unused\"}]}}],\"medicationReference\":{\"reference\":\"#"   \
    "m\"}}"

static void a_chain_goes_into_what_is_contained(void **state)
{
    (void)state;
    world_put(ORDER("mr1", "abc"), 100 * TIME_SECOND);
    world_put(ORDER("mr2", "xyz"), 101 * TIME_SECOND);
    world_put("{\"resourceType\":\"Medication\",\"id\":\"m3\",\"code\":{\"coding\":[{"
              "\"code\":\"abc\"}]}}",
              102 * TIME_SECOND);
    world_put("{\"resourceType\":\"MedicationRequest\",\"id\":\"mr3\","
              "\"medicationReference\":{\"reference\":\"Medication/m3\"}}",
              103 * TIME_SECOND);
    finds("MedicationRequest", "medication.code=abc", "mr3 mr1");
    finds("MedicationRequest", "medication:Medication.code=xyz", "mr2");
    finds("MedicationRequest", "medication.code=unused", ""); /* nothing refers to it */
    finds("MedicationRequest", "medication.code:not=abc", "mr2");
    finds("MedicationRequest", "_id=mr1,mr2&medication.code=abc", "mr1");
    finds("MedicationRequest", "subject:Patient.name=abc", "");
    /* what is contained has no id, nor time, of its own */
    finds("MedicationRequest", "medication:Medication._id=m", "");
    finds("MedicationRequest", "medication:Medication._id=m3", "mr3");
    finds("MedicationRequest", "medication:Medication._lastUpdated=lt2000", "mr3");
}

#define QUESTIONS(id, version, title)                                                    \
    "{\"resourceType\":\"Questionnaire\",\"id\":\"" id "\",\"url\":\"http://a.ma/q\","   \
    "\"version\":\"" version "\",\"title\":\"" title "\"}"
#define ANSWERS(id, of)                                                                  \
    "{\"resourceType\":\"QuestionnaireResponse\",\"id\":\"" id                           \
    "\",\"questionnaire\":\"" of "\"}"

static void canonical_references_are_followed(void **state)
{
    static const char *const put[] = {
        QUESTIONS("q1", "1", "Un"),       QUESTIONS("q2", "2", "Deux"),
        ANSWERS("a1", "http://a.ma/q|1"), ANSWERS("a2", "http://a.ma/q|2"),
        ANSWERS("a3", "http://a.ma/q"),   ANSWERS("a4", "http://a.ma/none")};
    (void)state;
    for (size_t i = 0; i < AM_LEN(put); i++)
        world_put(put[i], (int64_t)(100 + i) * TIME_SECOND);
    finds("QuestionnaireResponse", "questionnaire.title=un", "a3 a1");
    finds("QuestionnaireResponse", "questionnaire:Questionnaire.title=deux", "a3 a2");
    finds("QuestionnaireResponse", "_id=a1,a2&questionnaire.title=deux", "a2");
    finds("QuestionnaireResponse", "questionnaire=http://a.ma/q|2", "a2");
    finds("QuestionnaireResponse", "questionnaire=http://a.ma/q", "a3 a2 a1");
    finds("Questionnaire", "_has:QuestionnaireResponse:questionnaire:_id=a2", "q2");
    finds("Questionnaire", "_has:QuestionnaireResponse:questionnaire:_id=a3", "q2 q1");
    finds("QuestionnaireResponse", "_id=a1&_include=QuestionnaireResponse:questionnaire",
          "a1 +q1");
    finds("QuestionnaireResponse", "_id=a3&_include=QuestionnaireResponse:questionnaire",
          "a3 +q2");
    finds("QuestionnaireResponse", "_id=a2&_include=*", "a2 +q2");
    finds("Questionnaire", "_id=q1&_revinclude=QuestionnaireResponse:questionnaire",
          "q1 +a3 a1");
}

/* They are kept without the server's own base, and mean the same as with it. */
static void canonical_references_under_our_base_are_followed(void **state)
{
    static const char *const put[] = {
        "{\"resourceType\":\"Questionnaire\",\"id\":\"phq9\",\"title\":\"Neuf\","
        "\"url\":\"http://us.ma/fhir/Questionnaire/phq9\",\"version\":\"1.0\"}",
        "{\"resourceType\":\"Questionnaire\",\"id\":\"z\",\"title\":\"Autre\","
        "\"url\":\"http://us.ma/fhir/q/other\",\"version\":\"2\"}",
        ANSWERS("c1", "http://us.ma/fhir/Questionnaire/phq9|1.0"),
        ANSWERS("c2", "Questionnaire/phq9|1.0"),
        ANSWERS("c3", "Questionnaire/phq9"),
        ANSWERS("c4", "http://us.ma/fhir/q/other|2"),
        ANSWERS("c5", "http://us.ma/fhir/q/other|3")};
    static const char *const named[][2] = {{"c1", "c1 +phq9"},
                                           {"c2", "c2 +phq9"},
                                           {"c3", "c3 +phq9"},
                                           {"c4", "c4 +z"},
                                           {"c5", "c5"}};
    (void)state;
    sx.base = STR("http://us.ma/fhir");
    for (size_t i = 0; i < AM_LEN(put); i++)
        world_put(put[i], (int64_t)(100 + i) * TIME_SECOND);
    for (size_t i = 0; i < AM_LEN(named); i++) {
        char ask[90];
        snprintf(ask, sizeof ask, "_id=%s&_include=QuestionnaireResponse:questionnaire",
                 named[i][0]);
        finds("QuestionnaireResponse", ask, named[i][1]);
    }
    finds("QuestionnaireResponse", "questionnaire.title=neuf", "c3 c2 c1");
    finds("QuestionnaireResponse", "questionnaire.title=autre", "c4");
    finds("Questionnaire", "_has:QuestionnaireResponse:questionnaire:_id=c4", "z");
    finds("Questionnaire", "_id=z&_revinclude=QuestionnaireResponse:questionnaire",
          "z +c4");
    sx.base = STR_NULL;
}

/* More of one address than are looked at in one go. */
static void the_oldest_version_is_found_among_many(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++) {
        char text[200];
        snprintf(text, sizeof text, QUESTIONS("v%d", "%d", "Un"), i, i);
        world_put(text, (int64_t)(100 + i) * TIME_SECOND);
    }
    world_put(ANSWERS("a0", "http://a.ma/q|0"), 300 * TIME_SECOND);
    world_put(ANSWERS("a9", "http://a.ma/q|none"), 301 * TIME_SECOND);
    finds("QuestionnaireResponse", "_id=a0&_include=QuestionnaireResponse:questionnaire",
          "a0 +v0");
    finds("QuestionnaireResponse", "_id=a9&_include=QuestionnaireResponse:questionnaire",
          "a9");
}

static int (*mem_body)(void *self, int64_t rid, struct json_doc **out);
static int bodies;

static int counted_body(void *self, int64_t rid, struct json_doc **out)
{
    bodies++;
    return mem_body(self, rid, out);
}

static void a_hit_is_parsed_once_for_all_that_may_refer_to_it(void **state)
{
    (void)state;
    world_put(QUESTIONS("q1", "1", "Un"), 100 * TIME_SECOND);
    world_put(ANSWERS("a1", "http://a.ma/q|1"), 101 * TIME_SECOND);
    mem_body = world.source.body;
    world.source.body = counted_body;
    bodies = 0;
    finds("Questionnaire", "_id=q1&_revinclude=*", "q1 +a1");
    assert_int_equal(bodies, 1);
}

static void what_is_included_comes_once(void **state)
{
    (void)state;
    finds("Observation", "_id=b1&_include=Observation:patient", "b1 +p1");
    finds("Observation",
          "_id=b1&_include=Observation:patient&_include:iterate=Patient:organization",
          "b1 +p1 o1");
    finds("Patient",
          "_id=p1&_revinclude=Observation:patient"
          "&_revinclude:iterate=Provenance:target",
          "p1 +b1 v1");
    finds("Observation", "_id=b1&_include=*&_revinclude=*", "b1 +p1 v1");
    finds("Observation", "_include=Observation:subject:Group", "b2 b1");
}

static void pages_do_not_move_while_data_change(void **state)
{
    (void)state;
    struct run r;
    char next[EDS_CURSOR];
    run_page(&r, "Patient", STR("_count=2"), STR_NULL, NULL);
    assert_ok(r.err);
    assert_int_equal(r.found.total, 3);
    memcpy(next, r.found.next, sizeof next);
    run_close(&r);
    world_put("{\"resourceType\":\"Patient\",\"id\":\"p3\"}", 99 * TIME_SECOND);
    run_page(&r, "Patient", STR("_count=2"), str_c(next), NULL);
    assert_ok(r.err);
    assert_int_equal(r.found.hit.n, 1);
    assert_int_equal(r.found.hit.v[0], 2); /* p1, and no trace of p3 */
    assert_int_equal(r.found.total, 3);
    assert_string_equal(r.found.next, "");
    run_close(&r);
    run_page(&r, "Patient", STR(""), STR("9.x"), NULL);
    assert_int_equal(r.err, AM_E_SYNTAX);
    run_close(&r);
}

static int not_p1(void *arg, int64_t rid, bool *yes)
{
    (void)arg;
    *yes = rid != 2;
    return AM_OK;
}

static void what_may_not_be_seen_cannot_be_inferred(void **state)
{
    (void)state;
    static const char *const query[][3] = {
        {"Patient", "", "2"},
        {"Observation", "subject:Patient.name=alami", "0"},
        {"Observation", "_id=b1&_include=Observation:patient", "1"}};
    for (size_t i = 0; i < AM_LEN(query); i++) {
        struct fhir_query_config c = {.key = sx.key, .type = str_c(query[i][0])};
        struct fhir_query q;
        struct eds_search s = {.query = &q, .key = sx.key, .visible = not_p1};
        struct fhir_pair *pairs;
        struct eds_found f;
        struct arena a;
        size_t n;
        arena_init(&a, 1 << 22);
        assert_ok(fhir_query_split(str_c(query[i][1]), &a, &pairs, &n, NULL));
        assert_ok(fhir_query_parse(&q, &c, pairs, n, &a, NULL));
        assert_ok(eds_search(&world.source, &s, &f, NULL));
        assert_int_equal(f.total, query[i][2][0] - '0');
        assert_int_equal(f.included.n, 0);
        eds_found_release(&f);
        arena_release(&a);
    }
}

static void survives(const char *type, const char *query)
{
    int err = AM_E_NOMEM;
    for (long n = 1; err == AM_E_NOMEM && n < 3000; n++) {
        struct run r;
        (void)am_oom_at(n);
        run_page(&r, type, str_c(query), STR_NULL, NULL);
        (void)am_oom_at(0);
        err = r.err;
        run_close(&r);
    }
    assert_ok(err);
}

static void a_search_survives_any_lack_of_memory(void **state)
{
    (void)state;
    world_put(ORDER("mr1", "abc"), 100 * TIME_SECOND);
    world_put(QUESTIONS("q1", "1", "Un"), 101 * TIME_SECOND);
    world_put(ANSWERS("a1", "http://a.ma/q|1"), 102 * TIME_SECOND);
    survives("Observation", "subject:Patient.name=a&_sort=-date&_include=*&date=ge2020");
    survives("MedicationRequest", "medication.code=abc");
    survives("QuestionnaireResponse", "questionnaire.title=un&_include=*");
    survives("Questionnaire", "_revinclude=QuestionnaireResponse:questionnaire");
}

#define SMALL(name) cmocka_unit_test_setup_teardown(name, small_open, world_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_queries_find_what_the_oracle_finds,
                                        world_open, world_close),
        SMALL(joins_follow_references_both_ways),
        SMALL(each_way_of_asking_finds),
        SMALL(texts_are_found_whatever_their_length),
        SMALL(composites_keep_their_parts_together),
        SMALL(a_range_is_an_interval),
        SMALL(a_name_is_found_by_each_of_its_words),
        SMALL(a_token_that_is_a_string_has_no_case),
        SMALL(two_numbers_of_a_composite_are_of_one_element),
        SMALL(pages_are_sorted_as_asked),
        SMALL(a_chain_goes_into_what_is_contained),
        SMALL(canonical_references_are_followed),
        SMALL(canonical_references_under_our_base_are_followed),
        SMALL(the_oldest_version_is_found_among_many),
        SMALL(a_hit_is_parsed_once_for_all_that_may_refer_to_it),
        SMALL(what_is_included_comes_once),
        SMALL(pages_do_not_move_while_data_change),
        SMALL(what_may_not_be_seen_cannot_be_inferred),
        SMALL(a_search_survives_any_lack_of_memory)};
    const struct CMUnitTest stores[] = {cmocka_unit_test_setup_teardown(
        a_store_finds_what_the_oracle_finds, store_open, store_close)};
    int bad = cmocka_run_group_tests_name("lists", tests, NULL, NULL);
    return bad + test_both_stores(stores, AM_LEN(stores), AM_LEN(stores), &store_pg);
}
