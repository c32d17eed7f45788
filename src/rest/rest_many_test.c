/* SPDX-License-Identifier: Apache-2.0 */
/* Search over several types, $lastn, $import. */
#include "rest/rest_test.h"

static int t_hidden;
static int t_see(void *arg, const struct rest_look *l, bool *yes)
{
    (void)arg;
    *yes = l->rid != t_hidden;
    return AM_OK;
}

static void t_guarded(int hidden)
{
    t_hidden = hidden;
    t_close();
    t_open(&(struct rest_config){.guard.see = t_see});
}

/* ---- labels ---- */
static void labels_of_all_are_those_that_may_be_seen(void **state)
{
    static const char two[] = "/parameter/0/valueMeta/tag/1/code";
    struct t_reply r;
    (void)state;
    t_put(
        "Patient", "a", /* rid 1 */
        "\"meta\":{\"tag\":[{\"system\":\"http://s\",\"code\":\"t\",\"display\":\"T\"}],"
        "\"profile\":[\"http://p\"]}");
    t_put(
        "Patient", "b",
        "\"meta\":{\"tag\":[{\"system\":\"http://s\",\"code\":\"t\"},{\"code\":\"t\"}]}");
    t_put("Practitioner", "c", "\"meta\":{\"security\":[{\"code\":\"r\"}]}");
    t_put("Organization", "d", "\"name\":\"profile tag security\"");
    r = T_WANT(200, .url = "/$meta");
    assert_str_equal(json_str(t_at(&r, "/parameter/0/valueMeta/profile/0")), "http://p");
    assert_str_equal(json_str(t_at(&r, "/parameter/0/valueMeta/tag/0/display")), "T");
    assert_int_equal(json_size(t_at(&r, "/parameter/0/valueMeta/tag")), 2);
    assert_str_equal(json_str(t_at(&r, "/parameter/0/valueMeta/security/0/code")), "r");
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/$meta");
    assert_null(t_at(&r, "/parameter/0/valueMeta/security"));
    assert_int_equal(json_size(t_at(&r, two)), 0);
    assert_str_equal(json_str(t_at(&r, two)), "t");
    t_done(&r);
    r = T_WANT(200, .url = "/Organization/$meta");
    assert_int_equal(json_size(t_at(&r, "/parameter/0/valueMeta")), 0);
    t_done(&r);
    T_REFUSED(400, "search.unknown", .url = "/$meta?x=1");
    T_REFUSED(404, "rest.type", .url = "/Horse/$meta");
    t_guarded(1);
    r = T_WANT(200, .url = "/$meta");
    assert_null(t_at(&r, "/parameter/0/valueMeta/profile"));
    assert_null(t_at(&r, "/parameter/0/valueMeta/tag/0/display"));
    t_done(&r);
}

/* ---- several types ---- */
static void several_types_are_searched_at_once(void **state)
{
    struct t_reply r;
    char next[400];
    (void)state;
    t_put("Patient", "a", "\"meta\":{\"tag\":[{\"code\":\"t\"}]}"); /* rid 1 */
    t_put("Practitioner", "d", "\"meta\":{\"tag\":[{\"code\":\"t\"}]}");
    t_put("Patient", "b", "");
    t_put("Observation", "o",
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":"
          "{\"reference\":\"Patient/a\"}");
    T_IDS("/", "o b d a");
    T_IDS("/?_type=Patient,Practitioner", "b d a");
    T_IDS("/?_tag=t", "d a");
    T_IDS("/?_type=Patient&_type=Observation&_id=o,b", "o b");
    T_IDS("/?_type=Observation,Patient&_id=o&_include=Observation:subject", "o a");
    T_IDS("/?_type=Patient,Practitioner&_sort=-_lastUpdated", "b d a");
    assert_int_equal(t_total("/?_type=Patient,Practitioner&_summary=count"), 3);
    r = T_WANT(200, .url = "/?_type=Patient,Observation&_count=2");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 3);
    assert_str_equal(json_str(t_at(&r, "/link/0/url")),
                     "http://test/fhir/?_type=Patient,Observation&_count=2");
    snprintf(next, sizeof next, "%.*s", STR_FMT(json_str(t_at(&r, "/link/1/url"))));
    assert_string_equal(t_ids(r), "o b");
    t_put("Patient", "c", "");
    T_IDS(next + sizeof t_base - 1, "a");
    r = T_WANT(200, REST_POST, .url = "/_search",
               .type = "application/x-www-form-urlencoded", .body = "_type=Practitioner");
    assert_string_equal(t_ids(r), "d");
    t_guarded(1);
    T_IDS("/?_type=Patient,Practitioner&_tag=t", "d");
    assert_int_equal(t_total("/?_type=Patient,Practitioner&_tag=t&_count=0"), 1);
    T_REFUSED(400, "rest.type", .url = "/?_type=Patient,X");
    /* of one type only, or of none: never dropped */
    T_REFUSED(400, "search.unknown", .url = "/?_type=Patient,Practitioner&birthdate=2024",
              .prefer = "handling=lenient");
    T_REFUSED(400, "search.unknown", .url = "/?gender=male");
    T_IDS("/?_type=Patient,Practitioner&_sort=_id", "b c d");
    t_guarded(0);
    T_IDS("/?_type=Patient,Practitioner&_sort=-_id", "d c b a");
    T_REFUSED(400, "search.sort", .url = "/?_type=Patient,Practitioner&_sort=birthdate");
}

/* ---- $lastn ---- */
static void t_observation(const char *id, const char *day, const char *codings,
                          const char *patient)
{
    char more[600];
    snprintf(more, sizeof more,
             "\"status\":\"final\",\"code\":{%s},\"effectiveDateTime\":\"%s\","
             "\"subject\":{\"reference\":\"Patient/%s\"}",
             codings, day, patient);
    t_put("Observation", id, more);
}
#define A  "\"coding\":[{\"system\":\"urn:s\",\"code\":\"a\"}]"
#define B  "\"coding\":[{\"system\":\"urn:s\",\"code\":\"b\"}]"
#define AB "\"coding\":[{\"system\":\"urn:s\",\"code\":\"a\"},{\"code\":\"x\"}]"

static void the_newest_of_each_code_by_its_date(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "p", "");
    t_put("Patient", "q", "");
    t_observation("b2", "2024-05-02", B, "p"); /* rid 3 */
    t_observation("a3", "2024-05-03", A, "p");
    t_observation("a1", "2024-05-01", A, "p"); /* written last, and oldest */
    t_observation("a2", "2024-05-02", AB, "p");
    t_observation("x0", "2024-04-30", "\"coding\":[{\"code\":\"x\"}]", "p");
    t_observation("t1", "2024-04-02", "\"text\":\"note\"", "p");
    t_observation("t0", "2024-04-01", "\"text\":\"note\"", "p");
    t_observation("q9", "2024-05-09", A, "q");
    T_IDS("/Observation/$lastn?patient=p", "a3 b2 t1");
    T_IDS("/Observation/$lastn?patient=p&max=2", "a3 a2 b2 t1 t0");
    T_IDS("/Observation/$lastn?subject=Patient/p&code=urn:s|a&max=9", "a3 a2 a1");
    r = T_WANT(200, .url = "/Observation/$lastn?patient=p");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 3);
    assert_str_equal(json_str(t_at(&r, "/link/0/url")),
                     "http://test/fhir/Observation/$lastn?patient=p");
    t_done(&r);
    r = T_WANT(200, REST_POST, .url = "/Observation/$lastn",
               .body = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":"
                       "\"patient\",\"valueString\":\"q\"}]}");
    assert_string_equal(t_ids(r), "q9");
    T_REFUSED(400, "rest.lastn", .url = "/Observation/$lastn?code=urn:s|a");
    T_REFUSED(400, "rest.value", .url = "/Observation/$lastn?patient=p&max=0");
    T_REFUSED(400, "search.unknown", .url = "/Observation/$lastn?patient=p&_count=1");
    T_REFUSED(400, "search.unknown", .url = "/Observation/$lastn?patient=p&cod=1");
    t_guarded(4); /* a3: then a2 is the newest that may be seen */
    T_IDS("/Observation/$lastn?patient=p", "a2 b2 t1");
}

/* ---- $import ---- */
#define NDJSON "application/fhir+ndjson"

static void what_is_good_is_kept_and_the_rest_is_told_by_line(void **state)
{
    const char *text = "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":false}\n"
                       "\n"
                       "{\"resourceType\":\"Patient\",\"id\":\"b\",\"gender\":\"F\"}\n"
                       "{\"resourceType\":\"Patient\"\n"
                       "{\"resourceType\":\"Patient\",\"id\":\"c\"}\r\n"
                       "{\"resourceType\":\"Patient\",\"id\":\"c\"}\n"
                       "{\"resourceType\":\"Nonsense\",\"id\":\"c\"}\n"
                       "{\"resourceType\":\"Patient\"}";
    static const int64_t line[] = {3, 4, 6, 7, 8};
    struct t_reply r;
    (void)state;
    t_put("Patient", "a", "\"active\":true");
    r = T_WANT(200, REST_POST, .url = "/$import", .type = NDJSON, .body = text);
    assert_int_equal(json_int(t_at(&r, "/parameter/0/valueInteger"), -1), 1);
    assert_int_equal(json_int(t_at(&r, "/parameter/1/valueInteger"), -1), 1);
    assert_int_equal(json_int(t_at(&r, "/parameter/2/valueInteger"), -1), 5);
    for (size_t i = 0; i < 5; i++) {
        char at[64];
        snprintf(at, sizeof at, "/parameter/%zu/part/0/valueInteger", 3 + i);
        assert_int_equal(json_int(t_at(&r, at), -1), line[i]);
    }
    assert_str_equal(json_str(t_at(&r, "/parameter/5/part/1/valueString")),
                     "rest.import_twice");
    t_done(&r);
    r = T_WANT(200, .url = "/Patient/a"); /* what is there stays */
    assert_true(json_bool(t_at(&r, "/active"), false));
    t_done(&r);
    assert_int_equal(t_total("/Patient"), 2);
    r = T_WANT(200, REST_POST, .url = "/$import", .type = NDJSON, .body = text);
    assert_int_equal(json_int(t_at(&r, "/parameter/0/valueInteger"), -1), 0);
    t_done(&r);
    assert_int_equal(t_total("/Patient"), 2);
    T_REFUSED(415, "rest.ndjson", REST_POST, .url = "/$import", .body = "{}");
}

static void many_lines_are_many_groups(void **state)
{
    char *text = am_malloc(100000);
    size_t n = 0;
    struct t_reply r;
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 450; i++)
        n += (size_t)snprintf(text + n, 100000 - n,
                              "{\"resourceType\":\"Patient\",\"id\":\"n%d\"}\n", i);
    r = T_WANT(200, REST_POST, .url = "/$import", .type = NDJSON, .body = text);
    assert_int_equal(json_int(t_at(&r, "/parameter/0/valueInteger"), -1), 450);
    t_done(&r);
    assert_int_equal(t_total("/Patient"), 450);
    free(text);
}

static int t_unfit(void *arg, const struct rest_fit *f, struct diag *d)
{
    (void)arg;
    (void)d;
    return json_str_is(json_get(f->ask->body, "id"), "no") ? AM_E_FORBIDDEN : AM_OK;
}

static void the_guard_is_asked_of_each_line(void **state)
{
    struct t_reply r;
    (void)state;
    t_put("Patient", "seen", "");
    t_close();
    t_hidden = 1;
    t_open(&(struct rest_config){.guard = {.see = t_see, .fit = t_unfit}});
    r = T_WANT(200, REST_POST, .url = "/$import", .type = NDJSON,
               .body = "{\"resourceType\":\"Patient\",\"id\":\"no\"}\n"
                       "{\"resourceType\":\"Patient\",\"id\":\"seen\"}\n"
                       "{\"resourceType\":\"Patient\",\"id\":\"yes\"}");
    assert_int_equal(json_int(t_at(&r, "/parameter/0/valueInteger"), -1), 1);
    assert_int_equal(json_int(t_at(&r, "/parameter/2/valueInteger"), -1), 2);
    assert_str_equal(json_str(t_at(&r, "/parameter/3/part/1/valueString")),
                     "rest.forbidden");
    assert_str_equal(json_str(t_at(&r, "/parameter/4/part/1/valueString")),
                     "rest.forbidden");
    t_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(labels_of_all_are_those_that_may_be_seen),
        T(several_types_are_searched_at_once),
        T(the_newest_of_each_code_by_its_date),
        T(what_is_good_is_kept_and_the_rest_is_told_by_line),
        T(many_lines_are_many_groups),
        T(the_guard_is_asked_of_each_line),
    };
    return t_run_both(tests, AM_LEN(tests));
}
