/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: searches and histories with their pages, operations, what the server says it
 * can; who may see what, and who is told of it. */
#include "rest/rest_test.h"

#include "fhir/def.h"

static void t_ward(void)
{
    t_put("Patient", "a", "\"name\":[{\"family\":\"Alami\"}],\"gender\":\"male\"");
    t_put("Patient", "b", "\"name\":[{\"family\":\"Berrada\"}],\"gender\":\"female\"");
    for (int i = 0; i < 6; i++) {
        char id[16], more[300];
        snprintf(id, sizeof id, "o%d", i);
        snprintf(more, sizeof more,
                 "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"urn:s\","
                 "\"code\":\"c%d\"}]},\"subject\":{\"reference\":\"Patient/%c\"},"
                 "\"valueQuantity\":{\"value\":%d}",
                 i % 2, i % 2 ? 'a' : 'b', i);
        t_put("Observation", id, more);
    }
}

static void a_misspelt_parameter_finds_nobody(void **state)
{
    struct t_reply r;
    (void)state;
    t_ward();
    r = T_WANT(400, .url = "/Patient?gendr=male&family=x");
    assert_str_equal(json_str(t_at(&r, "/issue/0/diagnostics")), "gendr");
    t_done(&r);
    r = T_WANT(200, .url = "/Patient?gendr=male&family=ala",
               .prefer = "handling=lenient");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 1);
    assert_str_equal(json_str(t_at(&r, "/link/0/url")),
                     "http://test/fhir/Patient?family=ala");
    t_done(&r);
    T_REFUSED(400, "search.date", .url = "/Patient?birthdate=2024-13");
    T_REFUSED(400, "search.refused", .url = "/Patient?_filter=name%20eq%20x");
    T_REFUSED(400, "search.terminology", .url = "/Observation?code:in=http://x/vs");
    T_REFUSED(400, "search.page", .url = "/Patient?_page=0");
}

static void post_search_is_the_same_search(void **state)
{
    struct t_reply r;
    (void)state;
    t_ward();
    r = T_WANT(200, REST_POST, .url = "/Patient/_search?gender=female",
               .type = "application/x-www-form-urlencoded", .body = "family=ber%20");
    assert_str_equal(json_str(t_at(&r, "/link/0/url")),
                     "http://test/fhir/Patient?gender=female&family=ber%20");
    assert_string_equal(t_ids(r), "b");
    T_REFUSED(415, "rest.content_type", REST_POST, .url = "/Patient/_search",
              .type = "application/json", .body = "{}");
}

static void pages_are_of_one_moment(void **state)
{
    struct t_reply r;
    char next[300];
    (void)state;
    t_ward();
    r = T_WANT(200, .url = "/Observation?_count=4");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 6);
    assert_str_equal(json_str(t_at(&r, "/link/1/relation")), "next");
    snprintf(next, sizeof next, "%.*s", STR_FMT(json_str(t_at(&r, "/link/1/url"))));
    assert_string_equal(t_ids(r), "o5 o4 o3 o2");
    t_put("Observation", "new", "\"status\":\"final\",\"code\":{\"text\":\"x\"}");
    t_put("Observation", "o0", "\"status\":\"final\",\"code\":{\"text\":\"x\"}");
    r = T_WANT(200, .url = next + sizeof t_base - 1);
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 6);
    assert_string_equal(t_ids(r), "o1");
    T_IDS("/Observation?_count=0", "");
    assert_int_equal(t_total("/Observation?_summary=count"), 7);
    r = T_WANT(200, .url = "/Observation?_total=none");
    assert_null(t_at(&r, "/total"));
    t_done(&r);
}

static void hits_and_what_is_included_are_told_apart(void **state)
{
    struct t_reply r;
    (void)state;
    t_ward();
    r = T_WANT(200, .url = "/Observation?code=urn:s|c1&_count=1&_include=*");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 3);
    assert_str_equal(json_str(t_at(&r, "/entry/0/search/mode")), "match");
    assert_str_equal(json_str(t_at(&r, "/entry/1/search/mode")), "include");
    assert_str_equal(json_str(t_at(&r, "/entry/1/fullUrl")),
                     "http://test/fhir/Patient/a");
    t_done(&r);
    r = T_WANT(200,
               .url = "/Observation?code=urn:s|c1&_count=1&_include=*&_elements=code");
    assert_null(t_at(&r, "/entry/0/resource/valueQuantity"));
    assert_non_null(t_at(&r, "/entry/1/resource/name")); /* _elements is of the hits */
    t_done(&r);
    T_IDS("/Patient?family=alami&_revinclude=*", "a o5 o3 o1");
    T_IDS("/Observation?subject.family=ala&_sort=value-quantity&_count=2", "o1 o3");
    T_IDS("/?_type=Observation,Patient&_id=a,b,o1,o0&_sort=_id", "a b o0 o1");
    T_IDS("/?_type=Observation,Patient&_id=a,b,o1,o0&_sort=-_id&_count=3", "o1 o0 b");
    T_IDS("/?_type=Observation,Patient&_id=a,o1&_sort=_lastUpdated", "a o1");
    T_REFUSED(400, "search.sort", .url = "/?_type=Observation,Patient&_sort=birthdate");
    T_IDS("/Observation?subject=http://test/fhir/Patient/a&_sort=-value-quantity",
          "o5 o3 o1");
}

static void a_compartment_holds_what_is_the_patient_s(void **state)
{
    (void)state;
    t_ward();
    T_IDS("/Patient/a/Observation?_count=2", "o5 o3");
    T_IDS("/Patient/a/Observation?code=c0", "");
    T_REFUSED(400, "search.compartment", .url = "/Patient/a/Organization");
}

static void histories_are_counted_without_being_told(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "h", "\"gender\":\"male\"");
    t_put("Patient", "h", "\"gender\":\"female\"");
    r = T_WANT(200, .url = "/Patient/h/_history?_count=0");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 2);
    assert_null(t_at(&r, "/entry"));
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/_history?_count=0");
    assert_null(t_at(&r, "/entry"));
    assert_null(t_at(&r, "/total"));
    t_done(&r);
    T_REFUSED(404, "rest.notfound", .url = "/Patient/none/_history?_count=0");
}

static void histories_are_told_newest_first(void **state)
{
    struct t_reply r;
    char next[300];
    (void)state;
    t_put("Patient", "a", "");
    t_put("Patient", "b", "");
    t_put("Patient", "a", "\"active\":true");
    T_ONLY(204, REST_DELETE, .url = "/Patient/a");
    r = T_WANT(200, .url = "/Patient/a/_history");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 3);
    assert_str_equal(json_str(t_at(&r, "/entry/0/request/method")), "DELETE");
    assert_null(t_at(&r, "/entry/0/resource"));
    assert_str_equal(json_str(t_at(&r, "/entry/1/response/etag")), "W/\"2\"");
    assert_str_equal(json_str(t_at(&r, "/entry/2/request/url")), "Patient");
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/_history?_count=2");
    snprintf(next, sizeof next, "%.*s", STR_FMT(json_str(t_at(&r, "/link/1/url"))));
    assert_string_equal(t_ids(r), "a");
    t_put("Patient", "c", "");
    assert_string_equal(t_ids(T_WANT(200, .url = next + sizeof t_base - 1)), "b a");
    T_IDS("/_history?_count=1", "c");
    T_IDS("/_history?_since=2100-01-01", "");
    T_IDS("/Encounter/_history", "");
    T_REFUSED(400, "search.date", .url = "/_history?_since=now");
    T_REFUSED(400, "search.count", .url = "/_history?_count=-1");
    T_REFUSED(400, "search.unknown", .url = "/_history?_at=2100-01-01");
}

static void validate_tells_and_stores_nothing(void **state)
{
    struct t_reply r;
    (void)state;
    r = T_WANT(200, REST_POST, .url = "/Patient/$validate",
               .body = "{\"resourceType\":\"Patient\",\"gender\":\"F\"}");
    assert_str_equal(json_str(t_at(&r, "/issue/0/severity")), "error");
    assert_str_equal(json_str(t_at(&r, "/issue/0/expression/0")), "Patient.gender");
    t_done(&r);
    r = T_WANT(200, REST_POST, .url = "/Patient/$validate",
               .body = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":"
                       "\"resource\",\"resource\":{\"resourceType\":\"Patient\"}},{"
                       "\"name\":\"profile\",\"valueUri\":\"http://x\"}]}");
    assert_str_equal(json_str(t_at(&r, "/issue/1/details/coding/0/code")),
                     "profile.absent");
    assert_str_equal(json_str(t_at(&r, "/issue/1/severity")), "error");
    t_done(&r);
    T_REFUSED(200, "rest.other_type", REST_POST, .url = "/Patient/$validate",
              .body = "{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"}}");
    assert_int_equal(t_total("/Patient"), 0);
    t_put("Patient", "a", "");
    T_ONLY(200, .url = "/Patient/a/$validate");
}

static void validate_knows_what_is_to_be_done(void **state)
{
#define V_AS(mode, more)                                                                 \
    "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"mode\",\"valueCode\":"  \
    "\"" mode "\"}" more "]}"
#define V_ONE(id)                                                                        \
    ",{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"" id    \
    "\"}}"
    (void)state;
    t_put("Patient", "a", "");
    T_ONLY(200, REST_POST, .url = "/Patient/a/$validate",
           .body = V_AS("update", V_ONE("a")));
    T_REFUSED(200, "rest.other_id", REST_POST, .url = "/Patient/a/$validate",
              .body = V_AS("update", V_ONE("b")));
    T_REFUSED(200, "rest.other_id", REST_POST, .url = "/Patient/a/$validate?mode=update",
              .body = "{\"resourceType\":\"Patient\"}");
    T_ONLY(200, REST_POST, .url = "/Patient/$validate",
           .body = V_AS("create", V_ONE("b")));
    T_ONLY(200, REST_POST, .url = "/Patient/a/$validate", .body = V_AS("delete", ""));
    T_ONLY(200, .url = "/Patient/a/$validate?mode=delete");
    T_REFUSED(404, "rest.notfound", REST_POST, .url = "/Patient/no/$validate",
              .body = V_AS("delete", ""));
    T_REFUSED(400, "rest.value", REST_POST, .url = "/Patient/$validate",
              .body = V_AS("delete", "")); /* of which? */
    T_REFUSED(400, "rest.value", REST_POST, .url = "/Patient/$validate",
              .body = V_AS("destroy", V_ONE("a")));
    assert_int_equal(t_total("/Patient"), 1);
}

/* Which versions were current at some time of an interval. */
static void a_history_tells_what_was_current_at_a_time(void **state)
{
    char at[3][TIME_TEXT], url[200];
    struct t_reply r;
    (void)state;
    for (int i = 0; i < 3; i++) {
        t_put("Patient", "h",
              i == 0   ? ""
              : i == 1 ? "\"active\":true"
                       : "\"active\":false");
        r = T_WANT(200, .url = "/Patient/h");
        snprintf(at[i], TIME_TEXT, "%.*s",
                 STR_FMT(json_str(t_at(&r, "/meta/lastUpdated"))));
        t_done(&r);
        usleep(3000);
    }
    for (int i = 0; i < 3; i++) {
        snprintf(url, sizeof url, "/Patient/h/_history?_at=%s", at[i]);
        r = T_WANT(200, .url = url);
        /* the instant of a version, to its millisecond: it, perhaps the one before */
        assert_true(json_size(t_at(&r, "/entry")) >= 1);
        assert_true(json_size(t_at(&r, "/entry")) <= 2);
        assert_str_equal(json_str(t_at(&r, "/entry/0/resource/meta/versionId")),
                         i == 0   ? "1"
                         : i == 1 ? "2"
                                  : "3");
        t_done(&r);
    }
    r = T_WANT(200, .url = "/Patient/h/_history?_at=2100-01-01");
    assert_int_equal(json_size(t_at(&r, "/entry")), 1); /* the newest, still */
    assert_str_equal(json_str(t_at(&r, "/entry/0/resource/meta/versionId")), "3");
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/h/_history?_at=2000-01-01");
    assert_int_equal(json_size(t_at(&r, "/entry")), 0);
    t_done(&r);
    snprintf(url, sizeof url, "/Patient/h/_history?_at=%.4s&_count=2", at[0]);
    r = T_WANT(200, .url = url);
    assert_int_equal(json_size(t_at(&r, "/entry")), 2);
    assert_str_equal(json_str(t_at(&r, "/link/1/relation")), "next");
    snprintf(url, sizeof url, "%.*s", STR_FMT(json_str(t_at(&r, "/link/1/url"))));
    t_done(&r);
    r = T_WANT(200, .url = strstr(url, "/Patient/h"));
    assert_int_equal(json_size(t_at(&r, "/entry")), 1); /* the rest, and none twice */
    assert_str_equal(json_str(t_at(&r, "/entry/0/resource/meta/versionId")), "1");
    t_done(&r);
    T_REFUSED(400, "search.date", .url = "/Patient/h/_history?_at=soon");
}

static void labels_are_added_and_taken_away(void **state)
{
    const char *meta = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":"
                       "\"meta\",\"valueMeta\":{\"security\":[{\"system\":\"urn:s\","
                       "\"code\":\"AIAST\"}],\"profile\":[\"http://p\"]}}]}";
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", "\"meta\":{\"tag\":[{\"code\":\"t\"}]}");
    for (int i = 0; i < 2; i++) { /* twice is once */
        r = T_WANT(200, REST_POST, .url = "/Patient/a/$meta-add", .body = meta);
        assert_int_equal(json_size(t_at(&r, "/parameter/0/valueMeta/security")), 1);
        assert_int_equal(json_size(t_at(&r, "/parameter/0/valueMeta/tag")), 1);
        t_done(&r);
    }
    assert_int_equal(t_total("/Patient?_security=urn:s|AIAST"), 1);
    r = T_WANT(200, REST_POST, .url = "/Patient/a/$meta-delete", .body = meta);
    assert_null(t_at(&r, "/parameter/0/valueMeta/security"));
    t_done(&r);
    T_ONLY(200, REST_POST, .url = "/Patient/a/$meta");
    T_ONLY(200, REST_POST, .url = "/Patient/$meta");
    T_ONLY(200, REST_POST, .url = "/$meta");
    r = T_WANT(200, .url = "/Patient/a/$meta");
    assert_str_equal(json_str(t_at(&r, "/parameter/0/valueMeta/tag/0/code")), "t");
    t_done(&r);
    T_REFUSED(400, "rest.meta", REST_POST, .url = "/Patient/a/$meta-add",
              .body = "{\"resourceType\":\"Parameters\"}");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/z/$meta");
}

static void what_the_server_says_it_can_is_the_tables(void **state)
{
    struct t_reply r = T_WANT(200, .url = "/metadata");
    struct diag d;
    size_t params = 0;
    (void)state;
    diag_init(&d);
    assert_ok(fhir_valid_check(t_valid, json_root(r.doc), 0, &d));
    diag_release(&d);
    assert_int_equal(json_size(t_at(&r, "/rest/0/resource")), fhir_search_types());
    for (json_each(it, t_at(&r, "/rest/0/resource")))
        params += json_size(json_get(it.val, "searchParam"));
    assert_true(params > 1378); /* common ones stand at every type */
    t_done(&r);
}

/* Whatever row of the table is asked, the answer is a resource and no 5xx. */
static void every_row_of_the_table_answers(void **state)
{
    (void)state;
    t_put("Patient", "a", "");
    t_put("ViewDefinition", "a",
          "\"resource\":\"Patient\",\"select\":[{\"column\":[{\"name\":\"id\","
          "\"path\":\"id\"}]}]");
    for (size_t i = 0; i < rest_routes; i++) {
        char url[200] = "";
        struct str left = str_c(rest_route[i].pattern);
        struct t_reply r;
        while (left.n) {
            struct str one = str_cut(left, '/', &left);
            struct str is = str_eqc(one, "{type}")    ? STR("Patient")
                            : str_eqc(one, "{other}") ? STR("Observation")
                            : str_eqc(one, "{id}")    ? STR("a")
                            : str_eqc(one, "{vid}")   ? STR("1")
                                                      : one;
            snprintf(url + strlen(url), sizeof url - strlen(url), "%s%.*s",
                     *url && url[strlen(url) - 1] != '/' ? "/" : "", STR_FMT(is));
            if (!*url)
                snprintf(url, sizeof url, "/");
        }
        if (!strcmp(rest_route[i].interaction, "$lastn"))
            snprintf(url + strlen(url), sizeof url - strlen(url), "?patient=a");
        r = t_send(&(struct t_asked){rest_route[i].method, .url = url});
        if (r.a.status >= 500 ||
            (r.a.status != 204 && !r.doc && rest_route[i].run != rest_h_view_run))
            fail_msg("%s %s: %d", rest_route[i].interaction, url, r.a.status);
        if (rest_route[i].method == REST_GET && rest_route[i].run != rest_h_term &&
            /* there is no folder for exports nor for Subscriptions */
            strncmp(rest_route[i].interaction, "$export", 7) != 0 &&
            rest_route[i].run != rest_h_sub_status &&
            rest_route[i].run != rest_h_sub_events &&
            rest_route[i].run != rest_h_sub_token)
            assert_int_equal(r.a.status, 200);
        t_done(&r);
    }
}

/* ---- who sees, and who is told ---- */
static int not_even(void *arg, const struct rest_look *l, bool *yes)
{
    (void)arg;
    *yes = l->rid % 2 != 0;
    return AM_OK;
}

static void what_one_may_not_see_is_not_there(void **state)
{
    (void)state;
    t_put("Patient", "a", ""); /* rid 1 */
    t_put("Patient", "b", ""); /* rid 2 */
    t_put("Observation", "o",  /* rid 3 */
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
          "\"Patient/b\"}");
    t_close();
    t_open(&(struct rest_config){.guard.see = not_even});
    T_ONLY(200, .url = "/Patient/a");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/b");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/b/_history/1");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/b/_history");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/b/$meta");
    T_REFUSED(403, "rest.forbidden", REST_PUT, .url = "/Patient/b",
              .body = "{\"resourceType\":\"Patient\",\"id\":\"b\"}");
    T_REFUSED(403, "rest.forbidden", REST_DELETE, .url = "/Patient/b");
    T_REFUSED(404, "rest.notfound", REST_PATCH, .url = "/Patient/b",
              .type = "application/json-patch+json", .body = "[]");
    T_REFUSED(403, "rest.forbidden", REST_POST, .url = "/",
              .body = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
                      "\"request\":{\"method\":\"DELETE\",\"url\":\"Patient/b\"}}]}");
    T_IDS("/Patient", "a");
    T_IDS("/_history", "o a");
    T_IDS("/Observation?_include=Observation:subject", "o");
    assert_int_equal(t_total("/Patient?_id=b"), 0);
}

/* Observations are only read, and only those of one code written. */
static int may_not(void *arg, const struct rest_access *a)
{
    (void)arg;
    return str_eqc(a->type, "Observation") && strcmp(a->interaction, "read") != 0 &&
                   strcmp(a->interaction, "create") != 0
               ? AM_E_FORBIDDEN
               : AM_OK;
}

static int only_final(void *arg, const struct rest_fit *f, struct diag *d)
{
    const struct json *r = f->ask->body;
    (void)arg;
    (void)d;
    return json_str_is(json_get(r, "resourceType"), "Observation") &&
                   !json_str_is(json_get(r, "status"), "final")
               ? AM_E_FORBIDDEN
               : AM_OK;
}

#define OBSERVATION(status)                                                              \
    "{\"resourceType\":\"Observation\",\"status\":\"" status                             \
    "\",\"code\":{\"text\":\"x\"}}"
#define ENTRY(method, url, resource)                                                     \
    "{\"request\":{\"method\":\"" method "\",\"url\":\"" url "\"}" resource "}"
#define BUNDLE(type, entry)                                                              \
    "{\"resourceType\":\"Bundle\",\"type\":\"" type "\",\"entry\":[" entry "]}"

static void each_entry_is_asked_of_the_guard(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Observation", "o", "\"status\":\"final\",\"code\":{\"text\":\"x\"}");
    t_close();
    t_open(&(struct rest_config){.guard = {.may = may_not, .fit = only_final}});
    T_ONLY(200, .url = "/Observation/o");
    T_REFUSED(403, "rest.forbidden", .url = "/Observation");
    T_REFUSED(403, "rest.forbidden", REST_DELETE, .url = "/Observation/o");
    T_ONLY(201, REST_POST, .url = "/Observation", .body = OBSERVATION("final"));
    T_REFUSED(403, "rest.forbidden", REST_POST, .url = "/Observation",
              .body = OBSERVATION("preliminary"));
    T_REFUSED(403, "rest.forbidden", REST_POST, .url = "/",
              .body = BUNDLE("transaction", ENTRY("DELETE", "Observation/o", "")));
    T_REFUSED(403, "rest.forbidden", REST_POST, .url = "/",
              .body = BUNDLE("transaction",
                             ENTRY("POST", "Observation",
                                   ",\"resource\":" OBSERVATION("preliminary"))));
    T_REFUSED(403, "rest.forbidden", REST_POST, .url = "/",
              .body =
                  BUNDLE("transaction",
                         ENTRY("POST", "Patient",
                               ",\"resource\":{\"resourceType\":\"Patient\",\"link\":[{"
                               "\"type\":\"seealso\",\"other\":{\"reference\":"
                               "\"Observation?code=x\"}}]}")));
    r = T_WANT(200, REST_POST, .url = "/",
               .body = BUNDLE("batch", ENTRY("GET", "Observation", "")));
    assert_str_equal(json_str(t_at(&r, "/entry/0/response/status")), "403");
    t_done(&r);
    T_REFUSED(403, "rest.get", REST_POST, .url = "/",
              .body = BUNDLE("transaction", ENTRY("GET", "Observation", "")));
}

struct t_audit {
    int calls, fail_at, seen, befores;
    int status;
    char interaction[32];
};

static int t_note(void *arg, const struct rest_access *a)
{
    struct t_audit *t = arg;
    t->calls++;
    t->befores += a->moment == REST_BEFORE;
    t->seen += (int)a->n_seen;
    t->status = a->status;
    snprintf(t->interaction, sizeof t->interaction, "%s", a->interaction);
    return t->calls == t->fail_at ? AM_E_IO : AM_OK;
}

static void no_answer_leaves_unaudited(void **state)
{
    struct t_audit t = {0};
    (void)state;
    t_close();
    t_open(&(struct rest_config){.audit = t_note, .audit_arg = &t});
    t_put("Patient", "a", "");
    assert_int_equal(t.calls, 2);
    assert_int_equal(t.befores, 1);
    assert_int_equal(t.seen, 1); /* what was written */
    T_ONLY(200, .url = "/Patient");
    assert_int_equal(t.seen, 2);
    assert_string_equal(t.interaction, "search-type");
    T_ONLY(404, .url = "/Patient/b");
    assert_int_equal(t.status, 404);
    t = (struct t_audit){.fail_at = 1};
    T_REFUSED(500, "rest.internal", .url = "/Patient/a");
    t = (struct t_audit){.fail_at = 1};
    T_REFUSED(500, "rest.internal", REST_DELETE, .url = "/Patient/a");
    T_ONLY(200, .url = "/Patient/a"); /* nothing was done */
    t = (struct t_audit){.fail_at = 2};
    T_REFUSED(503, "rest.unsure", REST_DELETE, .url = "/Patient/a");
    T_ONLY(410, .url = "/Patient/a"); /* it was done, and is said to be in doubt */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_misspelt_parameter_finds_nobody),
        T(post_search_is_the_same_search),
        T(pages_are_of_one_moment),
        T(hits_and_what_is_included_are_told_apart),
        T(a_compartment_holds_what_is_the_patient_s),
        T(histories_are_counted_without_being_told),
        T(histories_are_told_newest_first),
        T(validate_tells_and_stores_nothing),
        T(validate_knows_what_is_to_be_done),
        T(a_history_tells_what_was_current_at_a_time),
        T(labels_are_added_and_taken_away),
        T(what_the_server_says_it_can_is_the_tables),
        T(every_row_of_the_table_answers),
        T(what_one_may_not_see_is_not_there),
        T(each_entry_is_asked_of_the_guard),
        T(no_answer_leaves_unaudited),
    };
    return t_run_both(tests, AM_LEN(tests));
}
