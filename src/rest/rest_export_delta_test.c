/* SPDX-License-Identifier: Apache-2.0 */
/* $export of a part: _typeFilter, patients named, and what was deleted since. */
#include "rest/rest_export_test.h"

static void d_ward(void)
{
    x_ward();
    t_put("Observation", "draft",
          "\"status\":\"preliminary\",\"code\":{\"text\":\"y\"},\"subject\":{"
          "\"reference\":\"Patient/p2\"},\"effectiveDateTime\":\"2020-02-03\"");
}

#define Q "%3F"
static void filters_refine_their_types_and_are_joined_by_or(void **state)
{
    (void)state;
    d_ward();
    X_IS("/$export?_typeFilter=Observation" Q "status%3Dpreliminary",
         "Practitioner:doc|Patient:p0 p1 p2|Group:g|Observation:draft");
    X_IS("/$export?_type=Observation,Patient&_typeFilter=Observation" Q
         "status%3Dpreliminary,Observation" Q "patient%3Dp0,Patient" Q "_id%3Dp1,p2",
         "Observation:o0 draft|Patient:p1 p2");
    X_IS("/$export?_type=Observation&_typeFilter=Observation" Q
         "status%3Dpreliminary&_typeFilter=Observation" Q "patient%3Dp0%26status%3Dfinal",
         "Observation:o0 draft");
    X_IS("/Patient/$export?_typeFilter=Observation" Q "date%3Dgt2019", /* none: no file */
         "Patient:p0 p1 p2|Group:g|Observation:draft");
    X_IS("/Group/g/$export?_typeFilter=Observation" Q "status%3Dpreliminary",
         "Patient:p0|Group:g");
    X_IS("/$export?_type=Observation&_typeFilter=Observation" Q "patient.name%3Dnobody",
         "");
}

#define FILTER(f)                                                                        \
    .url = "/$export?_type=Observation&_typeFilter=" f, .prefer = "respond-async"
static void a_filter_that_is_none_is_refused(void **state)
{
    (void)state;
    T_REFUSED(400, "rest.value", FILTER("Observation"));
    T_REFUSED(400, "rest.value", FILTER("Patient" Q "_id%3Dx")); /* not of _type */
    T_REFUSED(400, "rest.value", FILTER("Thing" Q "_id%3Dx"));
    T_REFUSED(400, "rest.value", FILTER(""));
    T_REFUSED(400, "rest.value", FILTER("Observation" Q "status%3Dfinal%26_sort%3Ddate"));
    T_REFUSED(400, "search.unknown", FILTER("Observation" Q "statu%3Dfinal"));
    T_REFUSED(400, "search.date", FILTER("Observation" Q "date%3Dx"));
    T_REFUSED(400, "rest.condition", FILTER("Observation" Q));
    for (int n = 64; n <= 65; n++) { /* the last that is taken, and one more */
        char url[5000];
        size_t at = (size_t)snprintf(url, sizeof url, "/$export?_type=Observation");
        for (int i = 0; i < n; i++)
            at += (size_t)snprintf(url + at, sizeof url - at, "%s",
                                   "&_typeFilter=Observation" Q "status%3Dfinal");
        T_ONLY(n == 64 ? 202 : 400, .url = url, .prefer = "respond-async");
    }
}

/* POST; the status address below the base. */
static const char *d_post(int line, const char *url, const char *parameters)
{
    static char status[REST_LOCATION];
    char body[2000];
    struct t_reply r;
    snprintf(body, sizeof body, "{\"resourceType\":\"Parameters\",\"parameter\":[%s]}",
             parameters);
    r = t_want_at(line, 202,
                  &(struct t_asked){REST_POST, .url = url, .body = body,
                                    .prefer = "respond-async"});
    snprintf(status, sizeof status, "%.500s", r.a.location + strlen(t_base));
    t_done(&r);
    return status;
}
#define POST(url, parameters) d_post(__LINE__, url, parameters)
#define PATIENT(id)           "{\"name\":\"patient\",\"valueReference\":{\"reference\":\"" id "\"}}"

static void patients_are_named_by_post(void **state)
{
    const char *status;
    (void)state;
    d_ward();
    status = POST("/Patient/$export",
                  PATIENT("Patient/p2") "," PATIENT("http://test/fhir/Patient/p1"));
    assert_string_equal(x_content(status),
                        "Patient:p1 p2|Observation:o1 o2 draft|Group:g");
    assert_string_equal(x_list(status, "/error"), "");
    status = POST("/Patient/$export",
                  PATIENT("Patient/p2") "," PATIENT(
                      "Patient/none") ","
                                      "{\"name\":\"_type\",\"valueString\":"
                                      "\"Observation\"},{\"name\":\"_typeFilter\","
                                      "\"valueString\":\"Observation?status=final\"}");
    assert_string_equal(x_content(status), "Observation:o2");
    assert_string_equal(x_list(status, "/error"), "OperationOutcome:rest.notfound");
    status = POST("/Group/g/$export", PATIENT("Patient/p0") "," PATIENT("Patient/p1"));
    assert_string_equal(x_content(status), "Patient:p0|Observation:o0|Group:g");
    assert_string_equal(x_list(status, "/error"), "OperationOutcome:rest.notfound");
    status = POST("/Group/g/$export", PATIENT("Patient/p1"));
    assert_string_equal(x_content(status), ""); /* not the whole group instead */
    T_REFUSED(400, "search.unknown", .url = "/Patient/$export?patient=Patient/p1",
              .prefer = "respond-async");
    T_REFUSED(400, "search.unknown", REST_POST, .url = "/$export",
              .prefer = "respond-async",
              .body = "{\"resourceType\":\"Parameters\",\"parameter\":[" PATIENT(
                  "Patient/p1") "]}");
    T_REFUSED(400, "rest.value", REST_POST, .url = "/Patient/$export",
              .prefer = "respond-async",
              .body = "{\"resourceType\":\"Parameters\",\"parameter\":[" PATIENT(
                  "Group/g") "]}");
}

static void d_delete(const char *url)
{
    T_ONLY(204, REST_DELETE, .url = url);
}

/* Two are deleted before; after it: two, one that comes back, one that came and went, and
 * one that went, came and went. */
static void d_deletions(char at[64])
{
    struct t_reply r;
    d_ward();
    d_delete("/Observation/o1");
    r = T_WANT(200, .url = "/Observation/draft");
    snprintf(at, 64, "%.*s", STR_FMT(json_str(t_at(&r, "/meta/lastUpdated"))));
    t_done(&r);
    usleep(2000);
    r = T_WANT(200, REST_PUT, .url = "/Practitioner/doc",
               .body =
                   "{\"resourceType\":\"Practitioner\",\"id\":\"doc\",\"active\":true}");
    snprintf(at, 64, "%.*s", STR_FMT(json_str(t_at(&r, "/meta/lastUpdated"))));
    t_done(&r);
    d_delete("/Observation/o0");
    d_delete("/Observation/nobody");
    d_delete("/Observation/draft");
    t_put("Observation", "draft",
          "\"status\":\"final\",\"code\":{\"text\":\"y\"},\"subject\":{\"reference\":"
          "\"Patient/p2\"}");
    t_put("Observation", "brief",
          "\"status\":\"final\",\"code\":{\"text\":\"z\"},\"subject\":{\"reference\":"
          "\"Patient/p1\"}");
    d_delete("/Observation/brief");
    d_delete("/Patient/p1");
    t_put("Patient", "p1", "");
    d_delete("/Patient/p1");
}

static const char *d_since(int line, const char *url, const char *at)
{
    char all[300];
    snprintf(all, sizeof all, "%s%c_since=%s", url, strchr(url, '?') ? '&' : '?', at);
    return x_ask_at(line, all);
}
#define SINCE(url) d_since(__LINE__, url, at)

static void what_went_since_is_listed(void **state)
{
    const char *status;
    char at[64];
    struct t_reply r;
    (void)state;
    d_deletions(at);
    status = SINCE("/$export");
    assert_string_equal(x_content(status), "Practitioner:doc|Observation:draft");
    assert_string_equal(x_list(status, "/deleted"),
                        "Bundle:Patient/p1 Observation/brief Observation/nobody "
                        "Observation/o0");
    status = SINCE("/$export?_type=Patient");
    assert_string_equal(x_list(status, "/deleted"), "Bundle:Patient/p1");
    status = SINCE("/Patient/$export");
    assert_string_equal(x_list(status, "/deleted"),
                        "Bundle:Patient/p1 Observation/brief Observation/o0");
    status = SINCE("/Group/g/$export");
    assert_string_equal(x_list(status, "/deleted"), "Bundle:Observation/o0");
    r = x_wait(X_ASK("/$export")); /* of everything, nothing went */
    assert_null(t_at(&r, "/deleted"));
    t_done(&r);
}

static int d_see(void *arg, const struct rest_look *l, bool *yes)
{
    *yes = !str_eqc(l->id, *(const char **)arg);
    return AM_OK;
}
static int d_keep(void *arg, void *who, struct buf *name)
{
    (void)arg;
    (void)who;
    return buf_adds(name, "x");
}
static int d_again(void *arg, struct str name, void **who)
{
    (void)arg;
    (void)name;
    *who = NULL;
    return AM_OK;
}
static bool d_his(void *arg, struct str name, void *who)
{
    (void)arg;
    (void)name;
    (void)who;
    return true;
}

static void what_one_may_not_see_did_not_go_either(void **state)
{
    char at[64], status[REST_LOCATION];
    const char *hidden = "o0";
    struct rest_config k = {.guard = {.see = d_see,
                                      .keep = d_keep,
                                      .again = d_again,
                                      .his = d_his,
                                      .arg = (void *)&hidden}};
    (void)state;
    d_deletions(at);
    x_open(&k);
    snprintf(status, sizeof status, "%s", SINCE("/$export?_type=Observation"));
    assert_string_equal(x_list(status, "/deleted"),
                        "Bundle:Observation/brief Observation/nobody");
    hidden = "brief"; /* judged again when it is fetched: there is one line less */
    {
        struct t_reply m = x_wait(status), f;
        struct str url = json_str(t_at(&m, "/deleted/0/url"));
        char path[300];
        snprintf(path, sizeof path, "%.*s", (int)(url.n - strlen(t_base)),
                 url.p + strlen(t_base));
        f = T_WANT(200, .url = path, .accept = "application/fhir+ndjson");
        assert_non_null(strstr(f.a.body.p, "Observation/nobody"));
        assert_null(strstr(f.a.body.p, "brief"));
        t_done(&f);
        t_done(&m);
    }
    hidden = "p1";
    assert_string_equal(
        x_list(d_post(__LINE__, "/Patient/$export", PATIENT("Patient/p1")), "/error"),
        "OperationOutcome:rest.notfound");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        X_TEST(filters_refine_their_types_and_are_joined_by_or),
        X_TEST(a_filter_that_is_none_is_refused),
        X_TEST(patients_are_named_by_post),
        X_TEST(what_went_since_is_listed),
        X_TEST(what_one_may_not_see_did_not_go_either),
    };
    return t_run_both(tests, AM_LEN(tests));
}
