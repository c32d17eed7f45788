/* SPDX-License-Identifier: Apache-2.0 */
/* Batches and transactions: references among entries, conditions, order, all or nothing,
 * and real bundles of patients. */
#include "fhir/fhir_test.h"
#include "rest/rest_test.h"

#include <dirent.h>

static struct t_reply t_bundle_at(int line, int status, const char *type,
                                  const char *prefer, const char *entries)
{
    static char body[1 << 20];
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Bundle\",\"type\":\"%s\",\"entry\":[%s]}", type,
             entries);
    return t_want_at(
        line, status,
        &(struct t_asked){REST_POST, .url = "/", .body = body, .prefer = prefer});
}
#define T_TRANSACTION(status, entries)                                                   \
    t_bundle_at(__LINE__, status, "transaction", NULL, entries)
#define T_BATCH(status, entries) t_bundle_at(__LINE__, status, "batch", NULL, entries)

#define POST(full, more, resource)                                                       \
    "{\"fullUrl\":\"" full "\",\"resource\":" resource                                   \
    ",\"request\":{\"method\":\"POST\",\"url\":" more "}}"
#define PATIENT                                                                          \
    "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:cin\",\"value\":"   \
    "\"A1\"}]}"
#define SEEN(who)                                                                        \
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"  \
    "\"subject\":{\"reference\":\"" who "\"}}"

static void entries_refer_to_one_another(void **state)
{
    struct t_reply r = T_TRANSACTION(
        200, POST("urn:uuid:1-o", "\"Observation\"",
                  SEEN("urn:uuid:1-p")) "," POST("urn:uuid:1-p", "\"Patient\"", PATIENT));
    char url[300];
    struct str at;
    (void)state;
    assert_str_equal(json_str(t_at(&r, "/entry/0/response/status")), "201");
    assert_str_equal(json_str(t_at(&r, "/entry/0/response/etag")), "W/\"1\"");
    at = json_str(t_at(&r, "/entry/1/response/location"));
    at = str_sub(at, sizeof t_base, at.n - 11);
    snprintf(url, sizeof url, "/Observation?subject=%.*s", STR_FMT(at));
    assert_int_equal(t_total(url), 1);
    t_done(&r);
}

static void one_failure_rolls_back_all(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_TRANSACTION(422, POST("urn:uuid:1-p", "\"Patient\"", PATIENT) "," POST(
                               "urn:uuid:1-b", "\"Patient\"",
                               "{\"resourceType\":\"Patient\",\"gender\":\"F\"}"));
    assert_str_equal(json_str(t_at(&r, "/issue/0/diagnostics")),
                     "/entry/1/resource/gender");
    assert_str_equal(json_str(t_at(&r, "/issue/0/expression/0")),
                     "Bundle.entry[1].resource.gender");
    t_done(&r);
    t_put("Patient", "a", "");
    r = T_TRANSACTION(412, POST("urn:uuid:1-p", "\"Patient\"",
                                PATIENT) ",{\"request\":{\"method\":\"DELETE\",\"url\":"
                                         "\"Patient/a\",\"ifMatch\":"
                                         "\"W/\\\"7\\\"\"}}");
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.version");
    assert_str_equal(json_str(t_at(&r, "/issue/0/diagnostics")), "/entry/1");
    t_done(&r);
    r = T_TRANSACTION(
        400, POST("urn:uuid:1-p", "\"Patient\"",
                  PATIENT) ",{\"request\":{\"method\":\"LOOK\",\"url\":\"Patient\"}}");
    t_done(&r);
    assert_int_equal(t_total("/Patient"), 1);
}

static void conditional_references_find_who_is_meant(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_TRANSACTION(412, POST("urn:uuid:1-o", "\"Observation\"",
                                SEEN("Patient?identifier=urn:cin|A1")));
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.reference");
    t_done(&r);
    t_put("Patient", "a", "\"identifier\":[{\"system\":\"urn:cin\",\"value\":\"A1\"}]");
    r = T_TRANSACTION(200, POST("urn:uuid:1-o", "\"Observation\"",
                                SEEN("Patient?identifier=urn:cin|A1")));
    t_done(&r);
    assert_int_equal(t_total("/Observation?subject=Patient/a"), 1);
    t_put("Patient", "b", "\"identifier\":[{\"system\":\"urn:cin\",\"value\":\"A1\"}]");
    r = T_TRANSACTION(412, POST("urn:uuid:1-o", "\"Observation\"",
                                SEEN("Patient?identifier=urn:cin|A1")));
    t_done(&r);
}

/* R4 resolves them last: what the transaction writes is meant too, what it replaces or
 * deletes no more. */
static void conditional_references_mean_what_is_written_with_them(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_TRANSACTION(200,
                      POST("urn:uuid:1-o", "\"Observation\"",
                           SEEN("Patient?identifier=urn:cin|A1")) "," POST("urn:uuid:1-p",
                                                                           "\"Patient\"",
                                                                           PATIENT));
    t_done(&r);
    assert_int_equal(t_total("/Observation?subject.identifier=urn:cin|A1"), 1);
    /* one there, one that comes: nobody knows whom it means */
    r = T_TRANSACTION(412,
                      POST("urn:uuid:1-o", "\"Observation\"",
                           SEEN("Patient?identifier=urn:cin|A1")) "," POST("urn:uuid:1-p",
                                                                           "\"Patient\"",
                                                                           PATIENT));
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.several");
    t_done(&r);
    t_put("Patient", "b", "\"identifier\":[{\"system\":\"urn:cin\",\"value\":\"B2\"}]");
    r = T_TRANSACTION(
        412, POST("urn:uuid:1-o", "\"Observation\"",
                  SEEN("Patient?identifier=urn:cin|B2")) ",{\"request\":{\"method\":"
                                                         "\"DELETE\",\"url\":"
                                                         "\"Patient/b\"}}");
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.reference");
    t_done(&r);
    /* of two, the one that stays */
    t_put("Patient", "c", "\"identifier\":[{\"system\":\"urn:cin\",\"value\":\"B2\"}]");
    r = T_TRANSACTION(
        200, POST("urn:uuid:1-o", "\"Observation\"",
                  SEEN("Patient?identifier=urn:cin|B2")) ",{\"request\":{\"method\":"
                                                         "\"DELETE\",\"url\":"
                                                         "\"Patient/c\"}}");
    t_done(&r);
    assert_int_equal(t_total("/Observation?subject=Patient/b"), 1);
    /* under its new number */
    r = T_TRANSACTION(
        200,
        POST("urn:uuid:1-o", "\"Observation\"",
             SEEN("Patient?identifier=urn:cin|C3")) ",{\"resource\":{"
                                                    "\"resourceType\":\"Patient\","
                                                    "\"id\":\"b\",\"identifier\":["
                                                    "{\"system\":\"urn:cin\","
                                                    "\"value\":\"C3\"}]},"
                                                    "\"request\":{\"method\":\"PUT\","
                                                    "\"url\":\"Patient/b\"}}");
    t_done(&r);
    assert_int_equal(t_total("/Observation?subject=Patient/b"), 2);
}

#define AT_HOME "http://elsewhere.ma/fhir/"
static void relative_references_are_of_the_server_they_come_from(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "1", ""); /* another one, of this server */
    r = T_TRANSACTION(200, POST(AT_HOME "Observation/7", "\"Observation\"",
                                SEEN("Patient/1")) "," POST(AT_HOME "Patient/1",
                                                            "\"Patient\"", PATIENT));
    t_done(&r);
    assert_int_equal(t_total("/Observation?subject=Patient/1"), 0);
    assert_int_equal(t_total("/Observation?subject.identifier=urn:cin|A1"), 1);
}

#define GET(url_) "{\"request\":{\"method\":\"GET\",\"url\":\"" url_ "\"}}"
#define PUT_NEW(id, url_)                                                                \
    "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"" id                           \
    "\"},\"request\":{\"method\":\"PUT\",\"url\":\"" url_ "\"}}"

static void a_get_that_fails_fails_all(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_TRANSACTION(
        404,
        POST("urn:uuid:1-p", "\"Patient\"",
             PATIENT) ",{\"request\":{\"method\":\"GET\",\"url\":\"Patient/none\"}}");
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")), "rest.get");
    assert_str_equal(json_str(t_at(&r, "/issue/0/diagnostics")), "/entry/1/request/url");
    t_done(&r);
    r = T_TRANSACTION(
        400, POST("urn:uuid:1-p", "\"Patient\"",
                  PATIENT) ",{\"request\":{\"method\":\"GET\",\"url\":\"Patient?x=1\"}}");
    t_done(&r);
    t_put("Patient", "a", "");
    r = T_TRANSACTION(410, "{\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/a\"}},"
                           "{\"request\":{\"method\":\"GET\",\"url\":\"Patient/a\"}}");
    t_done(&r);
    assert_int_equal(t_total("/Patient"), 1);
    /* what is written here is there to be read */
    r = T_TRANSACTION(
        200, "{\"request\":{\"method\":\"GET\",\"url\":\"Patient/n\"}},{\"resource\":{"
             "\"resourceType\":\"Patient\",\"id\":\"n\"},\"request\":{\"method\":"
             "\"PUT\",\"url\":\"Patient/n\"}}");
    assert_str_equal(json_str(t_at(&r, "/entry/0/resource/id")), "n");
    t_done(&r);
    r = T_TRANSACTION(200,
                      PUT_NEW("o", "Patient/o") "," GET("Patient/o/$everything") "," GET(
                          "Patient/o/_history") "," GET("Patient/o/_history/1"));
    assert_str_equal(json_str(t_at(&r, "/entry/3/response/status")), "200");
    t_done(&r);
    r = T_TRANSACTION(200,
                      PUT_NEW("q", "Patient?identifier=urn:cin|Q") "," GET("Patient/q"));
    assert_str_equal(json_str(t_at(&r, "/entry/1/resource/id")), "q");
    t_done(&r);
}

static void no_entries_have_no_answers(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_TRANSACTION(200, "");
    assert_null(t_at(&r, "/entry"));
    t_done(&r);
    r = T_BATCH(200, "");
    assert_null(t_at(&r, "/entry"));
    t_done(&r);
}

static void who_is_there_already_is_referred_to(void **state)
{
    const char *again =
        POST("urn:uuid:1-o", "\"Observation\"", SEEN("urn:uuid:1-p")) "," POST(
            "urn:uuid:1-p", "\"Patient\",\"ifNoneExist\":\"identifier=urn:cin|A1\"",
            PATIENT);
    struct t_reply r;
    (void)state;
    r = T_TRANSACTION(200, again);
    assert_str_equal(json_str(t_at(&r, "/entry/1/response/status")), "201");
    t_done(&r);
    r = T_TRANSACTION(200, again);
    assert_str_equal(json_str(t_at(&r, "/entry/1/response/status")), "200");
    t_done(&r);
    assert_int_equal(t_total("/Patient"), 1);
    assert_int_equal(t_total("/Observation?subject.identifier=A1"), 2);
}

static void the_order_is_delete_post_put_get(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "old", "\"identifier\":[{\"system\":\"urn:cin\",\"value\":\"A1\"}]");
    r = T_TRANSACTION(
        200,
        "{\"request\":{\"method\":\"GET\",\"url\":\"Patient?_count=0\"}},"
        "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"new\"},\"request\":{"
        "\"method\":\"PUT\",\"url\":\"Patient/new\"}}," POST(
            "urn:uuid:1-p", "\"Patient\"",
            PATIENT) ",{\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/old\"}}");
    assert_int_equal(json_int(t_at(&r, "/entry/0/resource/total"), -1), 2);
    assert_str_equal(json_str(t_at(&r, "/entry/1/response/status")), "201");
    assert_str_equal(json_str(t_at(&r, "/entry/3/response/status")), "204");
    t_done(&r);
    /* rid falls in the answer: the deletion was first, the update last. */
    r = T_WANT(200, .url = "/Patient/_history");
    assert_str_equal(json_str(t_at(&r, "/entry/0/resource/id")), "new");
    assert_str_equal(json_str(t_at(&r, "/entry/2/request/method")), "DELETE");
    t_done(&r);
}

static void a_transaction_updates_and_patches_by_query(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", "\"identifier\":[{\"value\":\"V\"}],\"gender\":\"male\"");
    t_put("Patient", "b", "\"identifier\":[{\"value\":\"W\"}]");
    t_put("Patient", "c", "\"identifier\":[{\"value\":\"X\"}]");
    r = T_TRANSACTION(
        200,
        "{\"resource\":{\"resourceType\":\"Patient\",\"identifier\":[{\"value\":\"W\"}],"
        "\"active\":true},\"request\":{\"method\":\"PUT\",\"url\":\"Patient?identifier="
        "W\"}},"
        "{\"resource\":{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":"
        "\"operation\",\"part\":[{\"name\":\"type\",\"valueCode\":\"delete\"},{\"name\":"
        "\"path\",\"valueString\":\"Patient.gender\"}]}]},\"request\":{\"method\":"
        "\"PATCH\",\"url\":\"Patient/a\"}},"
        "{\"request\":{\"method\":\"DELETE\",\"url\":\"Patient?identifier=X\"}}");
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/a");
    assert_null(t_at(&r, "/gender"));
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/b");
    assert_true(json_bool(t_at(&r, "/active"), false));
    t_done(&r);
    T_ONLY(410, .url = "/Patient/c");
    r = T_TRANSACTION(
        400, "{\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/a\"}},"
             "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"a\"},\"request\":{"
             "\"method\":\"PUT\",\"url\":\"Patient/a\"}}");
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")), "eds.twice");
    t_done(&r);
}

/* printf '[{"op":"remove","path":"/gender"}]' | base64 */
#define PATCH_BINARY                                                                     \
    "{\"resource\":{\"resourceType\":\"Binary\",\"contentType\":\"application/"          \
    "json-patch+json\",\"data\":\"W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2dlbmRlciJ9XQ==\"},"  \
    "\"request\":{\"method\":\"PATCH\",\"url\":\"Patient/a\"}}"

static void a_json_patch_travels_as_a_binary(void **state)
{
    static const char *const type[] = {"batch", "transaction"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(type); i++) {
        struct t_reply r;
        t_put("Patient", "a", "\"gender\":\"male\"");
        r = t_bundle_at(__LINE__, 200, type[i], NULL, PATCH_BINARY);
        assert_str_equal(json_str(t_at(&r, "/entry/0/response/status")), "200");
        t_done(&r);
        r = T_WANT(200, .url = "/Patient/a");
        assert_null(t_at(&r, "/gender"));
        t_done(&r);
    }
}

static void entries_of_a_batch_fail_alone(void **state)
{
    struct t_reply r = T_BATCH(200, POST("urn:uuid:1-p", "\"Patient\"", PATIENT) "," POST(
                                        "urn:uuid:1-q", "\"Patient\"",
                                        "{\"resourceType\":\"Patient\",\"gender\":"
                                        "\"F\"}") ",{\"request\":{\"method\":\"GET\","
                                                  "\"url\":\"Patient?identifier=A1\"}},"
                                                  "{\"request\":{\"method\":\"GET\","
                                                  "\"url\":\"Patient/nobody\"}}");
    (void)state;
    assert_str_equal(json_str(t_at(&r, "/type")), "batch-response");
    assert_str_equal(json_str(t_at(&r, "/entry/0/response/status")), "201");
    assert_str_equal(json_str(t_at(&r, "/entry/1/response/status")), "422");
    assert_str_equal(json_str(t_at(&r, "/entry/1/response/outcome/resourceType")),
                     "OperationOutcome");
    assert_int_equal(json_int(t_at(&r, "/entry/2/resource/total"), -1), 1);
    assert_str_equal(json_str(t_at(&r, "/entry/3/response/status")), "404");
    t_done(&r);
    r = t_bundle_at(__LINE__, 400, "collection", NULL, "");
    t_done(&r);
    /* A Bundle in a Bundle is no request. */
    r = T_BATCH(200, "{\"resource\":{\"resourceType\":\"Bundle\",\"type\":\"batch\"},"
                     "\"request\":{\"method\":\"POST\",\"url\":\"/\"}},"
                     "{\"request\":{\"method\":\"PUT\",\"url\":\"Patient/a\"}},"
                     "{\"request\":{\"method\":\"LOOK\",\"url\":\"Patient\"}},7,"
                     "{\"request\":{\"method\":\"GET\",\"url\":\"Patient\"}}");
    for (int i = 0; i < 4; i++) {
        char at[60];
        snprintf(at, sizeof at, "/entry/%d/response/status", i);
        assert_str_equal(json_str(t_at(&r, at)), "400");
        snprintf(at, sizeof at, "/entry/%d/response/outcome/resourceType", i);
        assert_str_equal(json_str(t_at(&r, at)), "OperationOutcome");
    }
    assert_str_equal(json_str(t_at(&r, "/entry/4/response/status")), "200");
    t_done(&r);
}

static void answers_are_valid_resources(void **state)
{
    static const char *const prefer[] = {"return=minimal", "return=representation"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(prefer); i++) {
        struct t_reply r = t_bundle_at(
            __LINE__, 200, "transaction", prefer[i],
            POST("urn:uuid:1-o", "\"Observation\"", SEEN("urn:uuid:1-p")) "," POST(
                "urn:uuid:1-p", "\"Patient\"",
                PATIENT) ",{\"request\":{\"method\":\"GET\",\"url\":\"Patient?_include=*"
                         "\"}}");
        struct diag d;
        diag_init(&d);
        if (fhir_valid_check(t_valid, json_root(r.doc), 0, &d))
            fail_msg("%s: %s %s", d.item[0].path, d.item[0].code, d.item[0].detail);
        assert_true(!json_get(t_at(&r, "/entry/0"), "resource") == (i == 0));
        diag_release(&d);
        t_done(&r);
    }
}

/* ---- real bundles ---- */
static void t_load(const char *name, struct t_reply *r, struct json_doc **sent)
{
    char path[200];
    struct rest_request q = {.method = REST_POST};
    struct buf text;
    snprintf(path, sizeof path, "fhir-synthea-r4/bundles/%s.json.gz", name);
    test_unpack(test_path(path), &text);
    q.body = buf_str(&text);
    assert_ok(json_parse(sent, q.body, &(struct json_limits){.raw_numbers = true}, NULL));
    rest_answer_init(&r->a);
    rest_serve(t_rest, &q, &r->a);
    if (r->a.status != 200)
        fail_msg("%s: %d %.600s", name, r->a.status, r->a.body.p);
    assert_ok(json_parse(&r->doc, buf_str(&r->a.body), NULL, NULL));
    buf_release(&text);
}

struct t_pairs { /* what was sent, with the references it must have got */
    const struct json *entries;
    const struct t_reply *told;
};

/* "Patient/123" of an entry of the answer. */
static struct str t_told(const struct t_reply *r, size_t i)
{
    char p[80];
    struct str s;
    snprintf(p, sizeof p, "/entry/%zu/response/location", i);
    s = json_str(t_at(r, p));
    return str_sub(s, sizeof t_base, s.n - 11);
}

static bool t_same(const struct t_pairs *k, const struct map *by, const struct json *a,
                   const struct json *b, bool top)
{
    size_t i;
    if (json_type(a) == JSON_STRING && !map_get(by, json_str(a), &i))
        return str_eq(json_str(b), t_told(k->told, i)) ||
               str_eq(json_str(b), json_str(a));
    if (json_type(a) == JSON_ARRAY) {
        bool same = json_size(a) == json_size(b);
        for (json_each(it, a))
            same = same && t_same(k, by, it.val, json_at(b, it.i), false);
        return same;
    }
    if (json_type(a) != JSON_OBJECT)
        return json_num_text(a).n ? str_eq(json_num_text(a), json_num_text(b))
                                  : json_equal(a, b);
    for (json_each(it, a))
        if (!(top && (str_eqc(it.key, "id") || str_eqc(it.key, "meta"))) &&
            !t_same(k, by, it.val, json_getn(b, it.key), false))
            return false;
    return top || json_size(a) == json_size(b);
}

static void t_reads_back(const char *name)
{
    struct t_reply r = {0};
    struct json_doc *sent;
    struct t_pairs pairs;
    struct map by;
    map_init(&by);
    t_load(name, &r, &sent);
    pairs = (struct t_pairs){json_get(json_root(sent), "entry"), &r};
    for (json_each(it, pairs.entries))
        assert_ok(map_set(&by, json_get_str(it.val, "fullUrl"), it.i));
    for (json_each(it, pairs.entries)) {
        char url[200];
        struct t_reply one;
        snprintf(url, sizeof url, "/%.*s", STR_FMT(t_told(&r, it.i)));
        one = T_WANT(200, .url = url);
        if (!t_same(&pairs, &by, json_get(it.val, "resource"), json_root(one.doc), true))
            fail_msg("%s entry %zu: %.900s", name, it.i, t_body(&one));
        t_done(&one);
    }
    map_release(&by);
    json_free(sent);
    t_done(&r);
}

/* AMANE_TEST_BUNDLES: every so manieth of those there are (1: all 429); unset: two. */
static void real_patients_are_read_back_as_they_were_sent(void **state)
{
    const char *every = getenv("AMANE_TEST_BUNDLES");
    size_t step = every ? strtoul(every, NULL, 10) : 0, i = 0;
    char at[4096];
    struct dirent *f;
    DIR *dir;
    (void)state;
    t_reads_back("018f428e-34f6-4707-8009-5ad742f901e7");
    t_reads_back("dbf9798e-4b52-4cd9-a9eb-ec36149c859a");
    if (!step)
        return;
    snprintf(at, sizeof at, "%s", test_path("fhir-synthea-r4/bundles"));
    dir = opendir(at);
    assert_non_null(dir);
    while ((f = readdir(dir))) {
        struct str name = str_c(f->d_name);
        char bare[200];
        if (!str_ends(name, STR(".json.gz")) || i++ % step)
            continue;
        snprintf(bare, sizeof bare, "%.*s", (int)(name.n - 8), name.p);
        t_reads_back(bare);
    }
    closedir(dir);
}

static void thousands_of_entries_are_one_write(void **state)
{
    enum { N = 3419 };
    struct buf b;
    struct t_reply r;
    (void)state;
    buf_init(&b, 8 << 20);
    assert_ok(buf_adds(
        &b, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["));
    assert_ok(buf_adds(&b, POST("urn:uuid:p", "\"Patient\"", PATIENT)));
    for (int i = 1; i < N; i++)
        assert_ok(buf_addf(
            &b, "," POST("urn:uuid:o%d", "\"Observation\"", SEEN("urn:uuid:p")), i));
    assert_ok(buf_adds(&b, "]}"));
    r = T_WANT(200, REST_POST, .url = "/", .body = b.p);
    assert_int_equal(json_size(t_at(&r, "/entry")), N);
    t_done(&r);
    assert_int_equal(t_total("/Observation?subject.identifier=A1"), N - 1);
    t_close();
    t_open(&(struct rest_config){.entries = 100});
    T_REFUSED(413, "rest.toobig", REST_POST, .url = "/", .body = b.p);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(entries_refer_to_one_another),
        T(one_failure_rolls_back_all),
        T(conditional_references_find_who_is_meant),
        T(conditional_references_mean_what_is_written_with_them),
        T(relative_references_are_of_the_server_they_come_from),
        T(a_get_that_fails_fails_all),
        T(no_entries_have_no_answers),
        T(who_is_there_already_is_referred_to),
        T(the_order_is_delete_post_put_get),
        T(a_transaction_updates_and_patches_by_query),
        T(a_json_patch_travels_as_a_binary),
        T(entries_of_a_batch_fail_alone),
        T(answers_are_valid_resources),
        T(real_patients_are_read_back_as_they_were_sent),
        T(thousands_of_entries_are_one_write),
    };
    return t_run_both(tests, AM_LEN(tests));
}
