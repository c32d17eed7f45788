/* SPDX-License-Identifier: Apache-2.0 */
/* Views kept and run: whose rows are told, in which form, and what is refused. */
#include "rest/rest_test.h"

#define COLUMN(name, path) "{\"name\":\"" name "\",\"path\":\"" path "\"}"
#define MEMBERS                                                                          \
    "\"name\":\"obs\",\"status\":\"active\",\"resource\":\"Observation\",\"select\":[{"  \
    "\"column\":[" COLUMN("id", "getResourceKey()") "," COLUMN(                          \
        "patient", "subject.getReferenceKey(Patient)") "," COLUMN("v", "value.ofType("   \
                                                                       "Quantity)."      \
                                                                       "value") "]}]"
#define VIEW "{\"resourceType\":\"ViewDefinition\"," MEMBERS "}"
#define ASK(more)                                                                        \
    "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"viewResource\","        \
    "\"resource\":" VIEW "}" more "]}"
#define RUN                  "/$viewdefinition-run"
#define P(name, kind, value) ",{\"name\":\"" name "\",\"value" kind "\":" value "}"

static void t_obs(const char *id, const char *patient, const char *value)
{
    char m[400];
    snprintf(m, sizeof m,
             "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
             "\"%s\"},\"valueQuantity\":{\"value\":%s}",
             patient, value);
    t_put("Observation", id, m);
}

static void t_ward(void)
{
    t_put("Patient", "a", "");
    t_put("Patient", "b", "");
    t_obs("o1", "Patient/a", "1.50");
    t_obs("o2", "Patient/b", "2");
    t_obs("o3", "Patient/a/_history/1", "3");
}

#define ROW1 "{\"id\":\"o1\",\"patient\":\"a\",\"v\":1.50}\n"
#define ROW2 "{\"id\":\"o2\",\"patient\":\"b\",\"v\":2}\n"
#define ROW3 "{\"id\":\"o3\",\"patient\":\"a\",\"v\":3}\n"

static void t_rows(int line, const char *want, const struct t_asked *k)
{
    struct t_reply r = t_want_at(line, 200, k);
    if (strcmp(t_body(&r), want))
        fail_msg("line %d: %s\ninstead of\n%s", line, t_body(&r), want);
    t_done(&r);
}
#define ROWS(want, ...) t_rows(__LINE__, want, &(struct t_asked){__VA_ARGS__})

/* Definitions and rows are read, not bent to a column. */
/* clang-format off */
static void a_view_sent_is_run_over_the_store(void **state)
{
    struct t_reply r;
    (void)state;
    t_ward();
    ROWS(ROW1 ROW2 ROW3, REST_POST, .url = RUN, .body = ASK());
    ROWS(ROW1 ROW2 ROW3, REST_POST, .url = "/ViewDefinition/$run", .body = ASK());
    ROWS(ROW1 ROW2 ROW3, REST_POST, .url = "/ViewDefinition" RUN, .body = VIEW);
    r = T_WANT(200, REST_POST, .url = RUN, .body = ASK(), .accept = "text/csv");
    assert_string_equal(r.a.type, "text/csv; charset=utf-8");
    assert_string_equal(t_body(&r), "id,patient,v\no1,a,1.50\no2,b,2\no3,a,3\n");
    t_done(&r);
    ROWS("o1,a,1.50\n", REST_POST, .url = RUN, .body = ASK(P("_format", "Code", "\"csv\"")
         P("header", "Boolean", "false") P("_limit", "Integer", "1")));
    ROWS("[{\"id\":\"o1\",\"patient\":\"a\",\"v\":1.50},{\"id\":\"o2\","
         "\"patient\":\"b\",\"v\":2}]\n", REST_POST, .url = RUN
         "?_format=json&_limit=2", .body = ASK());
    r = T_WANT(200, REST_POST, .url = RUN, .body = ASK(),
               .accept = "application/fhir+json");
    assert_string_equal(r.a.type, "application/x-ndjson");
    t_done(&r);
}

static void patients_groups_and_since_choose(void **state)
{
    struct t_reply r;
    char body[1600], at[64];
    (void)state;
    time_fake(1700000000LL * TIME_SECOND);
    t_ward();
    ROWS(ROW1 ROW3, REST_POST, .url = RUN "?patient=a", .body = ASK());
    ROWS(ROW1 ROW2 ROW3, REST_POST, .url = RUN "?patient=b&patient=Patient/a", .body = ASK());
    ROWS(ROW2, REST_POST, .url = RUN, .body = ASK(P("patient", "Reference", "{\"reference\":\"Patient/b\"}")));
    T_REFUSED(404, "rest.notfound", REST_POST, .url = RUN "?patient=z", .body = ASK());
    T_REFUSED(404, "rest.notfound", REST_POST, .url = RUN "?patient=Group/a", .body = ASK());
    t_put("Group", "g",
          "\"type\":\"person\",\"actual\":true,\"member\":[{\"entity\":{\"reference\":"
          "\"Patient/b\"}},{\"entity\":{\"reference\":\"Patient/a\"},\"inactive\":true},{"
          "\"entity\":{\"reference\":\"Patient/gone\"}}]");
    ROWS(ROW2, REST_POST, .url = RUN "?group=g", .body = ASK());
    T_REFUSED(404, "rest.notfound", REST_POST, .url = RUN "?group=h", .body = ASK());
    time_fake(1700000100LL * TIME_SECOND);
    t_obs("o4", "Patient/a", "4");
    r = T_WANT(200, .url = "/Observation/o4");
    snprintf(at, sizeof at, "%.*s", STR_FMT(json_str(t_at(&r, "/meta/lastUpdated"))));
    t_done(&r);
    snprintf(body, sizeof body, ASK(P("_since", "Instant", "\"%s\"")), at);
    ROWS("{\"id\":\"o4\",\"patient\":\"a\",\"v\":4}\n", REST_POST, .url = RUN, .body =
         body);
    ROWS("{\"id\":\"o4\",\"patient\":\"a\",\"v\":4}\n", REST_POST, .url = RUN
         "?patient=a", .body = body);
    ROWS("", REST_POST, .url = RUN "?_since=2124-01-01T00:00:00Z", .body = ASK());
}

static void resources_sent_are_all_there_is(void **state)
{
    (void)state;
    t_ward();
    ROWS("{\"id\":\"mine\",\"patient\":null,\"v\":null}\n", REST_POST, .url = RUN, .body =
         ASK(",{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Observation\","
         "\"id\":\"mine\"}},{\"name\":\"resource\","
         "\"resource\":{\"resourceType\":\"Patient\",\"id\":\"p\"}}"));
    T_REFUSED(400, "rest.view_sent", REST_POST, .url = RUN "?patient=a", .body = ASK(
              ",{\"name\":\"resource\","
              "\"resource\":{\"resourceType\":\"Observation\"}}"));
}

static void a_view_is_kept_and_run_by_its_id(void **state)
{
    struct t_reply r;
    (void)state;
    t_ward();
    t_put("ViewDefinition", "v", MEMBERS);
    ROWS(ROW1 ROW2 ROW3, .url = "/ViewDefinition/v/$run");
    ROWS("id,patient,v\no1,a,1.50\n", .url = "/ViewDefinition/v" RUN
         "?_format=csv&_limit=1");
    ROWS(ROW2, REST_POST, .url = "/ViewDefinition/v/$run", .body =
         "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"patient\","
         "\"valueString\":\"b\"}]}");
    ROWS(ROW1 ROW2 ROW3, REST_POST, .url = RUN "?viewReference=ViewDefinition/v");
    ROWS(ROW1 ROW2 ROW3, REST_POST, .url = RUN, .body =
         "{\"resourceType\":\"Parameters\","
         "\"parameter\":[{\"name\":\"viewReference\","
         "\"valueReference\":{\"reference\":\"Library/v\"}}]}");
    r = T_WANT(200, .url = "/ViewDefinition/v");
    assert_str_equal(json_str(t_at(&r, "/resourceType")), "ViewDefinition");
    assert_str_equal(json_str(t_at(&r, "/id")), "v");
    assert_str_equal(json_str(t_at(&r, "/meta/versionId")), "1");
    assert_str_equal(json_str(t_at(&r, "/select/0/column/2/path")),
                     "value.ofType(Quantity).value");
    t_done(&r);
    r = T_WANT(201, REST_POST, .url = "/ViewDefinition", .body = VIEW);
    assert_non_null(strstr(r.a.location, "/fhir/ViewDefinition/"));
    assert_str_equal(json_str(t_at(&r, "/name")), "obs");
    t_done(&r);
    /* what is kept is R4: found as a Library, and valid as one */
    assert_int_equal(t_total("/Library?name=obs&status=active"), 2);
    r = T_WANT(200, .url = "/ViewDefinition?_id=v&name=obs&resource=Observation");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 1);
    assert_str_equal(json_str(t_at(&r, "/entry/0/fullUrl")),
                     "http://test/fhir/ViewDefinition/v");
    assert_str_equal(json_str(t_at(&r, "/entry/0/resource/resourceType")),
                     "ViewDefinition");
    t_done(&r);
    T_REFUSED(400, "search.unknown", .url = "/ViewDefinition?nome=obs");
    T_ONLY(406, .url = "/ViewDefinition", .accept = "application/fhir+xml");
    T_ONLY(406, .url = "/ViewDefinition/v", .accept = "application/fhir+xml");
    T_ONLY(406, REST_POST, .url = "/ViewDefinition", .body = VIEW,
           .accept = "application/fhir+xml");
    T_ONLY(204, REST_DELETE, .url = "/ViewDefinition/v");
    T_REFUSED(404, "rest.notfound", .url = "/ViewDefinition/v/$run");
    t_put("Library", "other",
          "\"status\":\"draft\",\"type\":{\"text\":\"x\"},\"content\":[{\"contentType\":"
          "\"application/json\",\"data\":\"e30=\"}]");
    assert_int_equal(t_total("/ViewDefinition"), 1);
    assert_int_equal(t_total("/ViewDefinition?url=none"), 0);
    T_REFUSED(404, "rest.notfound", .url = "/ViewDefinition/other");
    T_REFUSED(404, "rest.notfound", .url = "/ViewDefinition/other/$run");
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    t_ward();
    t_put("ViewDefinition", "v", MEMBERS);
    T_REFUSED(400, "rest.view_which", REST_POST, .url = RUN);
    T_REFUSED(400, "rest.view_which", REST_POST, .url = "/ViewDefinition/v/$run", .body =
              VIEW);
    T_REFUSED(422, "view.required", REST_POST, .url = RUN, .body =
              "{\"resourceType\":\"ViewDefinition\",\"resource\":\"Patient\"}");
    T_REFUSED(422, "view.variable", REST_PUT, .url = "/ViewDefinition/w", .body =
              "{\"resourceType\":\"ViewDefinition\",\"id\":\"w\","
              "\"resource\":\"Patient\",\"select\":[{\"column\":[" COLUMN("a", "%no")
              "]}]}");
    T_REFUSED(422, "view.many", REST_POST, .url = RUN, .body =
              "{\"resourceType\":\"ViewDefinition\",\"resource\":\"Observation\","
              "\"select\":[{\"column\":[" COLUMN("a", "id | status") "]}]}");
    T_REFUSED(406, "rest.view_format", REST_POST, .url = RUN "?_format=parquet", .body =
              ASK());
    T_REFUSED(406, "rest.view_format", REST_POST, .url = RUN, .body = ASK(), .accept =
              "image/png");
    T_REFUSED(400, "rest.value", REST_POST, .url = RUN "?_limit=0", .body = ASK());
    T_REFUSED(400, "rest.value", REST_POST, .url = RUN "?header=no", .body = ASK());
    T_REFUSED(400, "search.unknown", REST_POST, .url = RUN "?source=s3", .body = ASK());
    T_REFUSED(400, "search.unknown", REST_POST, .url = RUN, .body = ASK(P("x", "Code", "\"y\"")));
    T_REFUSED(400, "rest.value", REST_POST, .url = RUN, .body = ASK(","
              "{\"name\":\"view\",\"resource\":{\"resourceType\":\"Patient\"}}"));
    T_REFUSED(404, "rest.notfound", REST_POST, .url = RUN "?viewReference=Library/none");
    T_REFUSED(400, "rest.other_id", REST_PUT, .url = "/ViewDefinition/x", .body =
              "{\"resourceType\":\"ViewDefinition\",\"id\":\"w\"," MEMBERS "}");
}

/* clang-format on */

/* ---- who sees ---- */
static int only_a(void *arg, const struct rest_look *l, bool *yes)
{
    struct eds_meta m = {0};
    struct buf b;
    int err;
    (void)arg;
    buf_init(&b, EDS_BODY_MAX);
    err = l->body.n ? buf_add(&b, l->body) : eds_fetch(l->view, l->rid, &b, &m);
    *yes = !memmem(b.p, b.n, "Patient/b", 9) && !memmem(b.p, b.n, "\"id\":\"b\"", 8);
    buf_release(&b);
    return err;
}

static size_t audited;
static int record(void *arg, const struct rest_access *a)
{
    (void)arg;
    if (a->moment == REST_AFTER && !strcmp(a->interaction, "$viewdefinition-run"))
        audited = a->n_seen;
    return AM_OK;
}

static void rows_are_of_what_may_be_seen(void **state)
{
    (void)state;
    t_ward();
    t_put("Group", "g",
          "\"type\":\"person\",\"actual\":true,\"member\":[{\"entity\":{\"reference\":"
          "\"Patient/a\"}}]");
    t_close();
    t_open(&(struct rest_config){.guard.see = only_a, .audit = record});
    ROWS(ROW1 ROW3, REST_POST, .url = RUN, .body = ASK());
    assert_int_equal(audited, 2);
    ROWS(ROW1, REST_POST, .url = RUN "?_limit=1", .body = ASK());
    assert_int_equal(audited, 1);
    ROWS(ROW1 ROW3, REST_POST, .url = RUN "?group=g", .body = ASK());
    T_REFUSED(404, "rest.notfound", REST_POST, .url = RUN "?patient=b", .body = ASK());
}

static void an_answer_is_bounded(void **state)
{
    (void)state;
    t_ward();
    t_close();
    t_open(&(struct rest_config){.told_max = 60});
    T_ONLY(413, REST_POST, .url = RUN, .body = ASK());
    ROWS(ROW1, REST_POST, .url = RUN "?_limit=1", .body = ASK());
}

static void a_run_has_an_end(void **state)
{
    static const char view[] =
        "{\"resourceType\":\"ViewDefinition\",\"resource\":\"Patient\",\"select\":[{"
        "\"forEach\":\"name\",\"select\":[{\"forEach\":\"%resource.name\",\"select\":[{"
        "\"forEach\":\"%resource.name.where(use = 'x')\",\"column\":[{\"name\":\"a\","
        "\"path\":\"use\"}]}]}]}]}";
    char names[8000] = "\"name\":[{\"use\":\"old\"}";
    (void)state;
    for (int i = 0; i < 400; i++)
        strncat(names, ",{\"use\":\"old\"}", sizeof names - strlen(names) - 1);
    strncat(names, "]", sizeof names - strlen(names) - 1);
    t_put("Patient", "many", names);
    t_close();
    t_open(&(struct rest_config){.view_ms = 1});
    T_REFUSED(413, "rest.view_long", REST_POST, .url = RUN, .body = view);
}

static void the_capabilities_say_it(void **state)
{
    struct t_reply r = T_WANT(200, .url = "/metadata");
    bool said = false;
    (void)state;
    for (json_each(it, t_at(&r, "/rest/0/operation")))
        said |= json_str_is(json_get(it.val, "name"), "viewdefinition-run");
    assert_true(said);
    t_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_view_sent_is_run_over_the_store),
                                       T(patients_groups_and_since_choose),
                                       T(resources_sent_are_all_there_is),
                                       T(a_view_is_kept_and_run_by_its_id),
                                       T(what_is_not_understood_is_refused),
                                       T(rows_are_of_what_may_be_seen),
                                       T(an_answer_is_bounded),
                                       T(a_run_has_an_end),
                                       T(the_capabilities_say_it)};
    return t_run_both(tests, AM_LEN(tests));
}
