/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions: what becomes of headers, who may no more, what is refused, its end, and
 * what can be asked of one. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "eds/erase.h"
#include "rest/rest_sub.h"

#include "rest/rest_sub_test.h"

/* ---- headers ---- */
static void headers_are_sealed_and_the_endpoint_s_alone(void **state)
{
    struct t_reply r;
    char with[4000], *end;
    struct str text;
    (void)state;
    S_ASK("s", "Observation", "/hook", S_JSON ",\"header\":[\"X-Key: Sesame\"]");
    S_STATUS("s", "active");
    assert_string_equal(s_end.told[0].header, "Sesame");
    r = T_WANT(200, .url = "/Subscription/s/_history");
    assert_null(strstr(t_body(&r), "Sesame"));
    assert_null(strstr(t_body(&r), "X-Key"));
    t_done(&r);
    /* Read, changed and put: the header stays. */
    r = T_WANT(200, .url = "/Subscription/s");
    text = buf_str(&r.a.body);
    snprintf(with, sizeof with, "%.*s", STR_FMT(text));
    t_done(&r);
    T_ONLY(200, REST_PUT, .url = "/Subscription/s", .body = with);
    S_WAIT(2);
    assert_string_equal(s_end.told[1].header, "Sesame");
    /* The same with another endpoint: it is not his to have. */
    end = strstr(with, "/hook");
    memcpy(end, "/hack", 5);
    T_ONLY(200, REST_PUT, .url = "/Subscription/s", .body = with);
    S_WAIT(3);
    assert_string_equal(s_end.told[2].path, "/hack");
    assert_string_equal(s_end.told[2].header, "");
}

static _Atomic(bool) s_other; /* another hand writes */
static _Atomic(bool) s_gone;  /* who asked may no more */
static _Atomic(bool) s_hide;  /* Observation/hidden is not for him now */

static int g_stand(void *arg, void *who, struct buf *name)
{
    (void)arg;
    (void)who;
    return buf_adds(name, s_other ? "mallory" : "alice");
}

static int g_again(void *arg, struct str name, void **who)
{
    (void)arg;
    *who = NULL;
    return s_gone && str_eqc(name, "alice") ? AM_E_UNAUTHORIZED : AM_OK;
}

static bool g_his(void *arg, struct str name, void *who)
{
    (void)arg;
    (void)who;
    return str_eqc(name, s_other ? "mallory" : "alice");
}

static int g_see(void *arg, const struct rest_look *l, bool *yes)
{
    struct eds_meta m;
    (void)arg;
    *yes = true;
    if (l->id.n)
        *yes = !s_hide || !str_eqc(l->id, "hidden");
    else if (!eds_fetch(l->view, l->rid, NULL, &m))
        *yes = !s_hide || strcmp(m.id, "hidden") != 0;
    return AM_OK;
}
static const struct rest_config g_guarded = {
    .guard = {.stand = g_stand, .again = g_again, .his = g_his, .see = g_see}};

static void another_hand_does_not_get_the_headers(void **state)
{
    struct t_reply r;
    char with[4000];
    (void)state;
    s_other = s_gone = s_hide = false;
    s_open(&g_guarded);
    S_ASK("s", "Observation", "/hook", S_JSON ",\"header\":[\"X-Key: Sesame\"]");
    S_STATUS("s", "active");
    r = T_WANT(200, .url = "/Subscription/s");
    snprintf(with, sizeof with, "%.*s", STR_FMT(buf_str(&r.a.body)));
    t_done(&r);
    s_other = true;
    T_ONLY(200, REST_PUT, .url = "/Subscription/s", .body = with);
    S_WAIT(2);
    assert_string_equal(s_end.told[0].header, "Sesame");
    assert_string_equal(s_end.told[1].header, "");
}

static void who_may_no_more_is_told_nothing(void **state)
{
    struct t_reply r;
    size_t n;
    (void)state;
    s_other = s_gone = s_hide = false;
    s_open(&g_guarded);
    S_ASK("s", "Observation", "/hook", S_JSON);
    S_STATUS("s", "active");
    s_hide = true;
    s_observe("hidden", "a");
    s_observe("o1", "a");
    S_WAIT(2);
    S_SAYS(1, "event-notification 1: 1=Observation/o1");
    assert_null(strstr(s_end.told[1].body, "hidden"));
    s_hide = false;
    s_answer(500);
    s_observe("hidden", "a");
    S_WAIT(3);
    s_hide = true;     /* numbered when it could be seen, told when it cannot */
    n = s_count() + 1; /* one may be on its way */
    s_answer(200);
    S_WAIT(n);
    S_SAYS(s_count() - 1, "event-notification 2: 2=");
    assert_null(strstr(s_end.told[s_count() - 1].body, "hidden"));
    s_gone = true;
    n = s_count();
    s_observe("o2", "a");
    S_STATUS("s", "error");
    assert_int_equal(s_count(), n);
    r = T_WANT(200, .url = "/Subscription/s");
    assert_str_equal(json_str(t_at(&r, "/error")), "rest.sub_login");
    t_done(&r);
}

/* ---- what is refused ---- */
static void refused(int line, const char *code, const char *criteria, const char *path,
                    const char *channel)
{
    struct t_reply r = s_put("x", criteria, path, channel);
    struct str got = json_str(t_at(&r, "/issue/0/details/coding/0/code"));
    bool any = false;
    for (json_each(it, t_at(&r, "/issue")))
        any =
            any || json_str_is(json_pointer(it.val, STR("/details/coding/0/code")), code);
    if (r.a.status != 422 || !any)
        fail_msg("line %d: %d %.*s", line, r.a.status, STR_FMT(got));
    t_done(&r);
}
#define REFUSED(...) refused(__LINE__, __VA_ARGS__)

/* Of an address that nobody listed: not even a connection is made. */
static void inner_networks_are_not_called(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    char url[64];
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/x", ntohs(a.sin_port));
    S_ASK("in", "Observation", url, "");
    usleep(400000);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    S_STATUS("in", "requested");
    close(fd);
}

static void what_is_too_long_is_refused(void)
{
    static char body[100000];
    char name[200];
    size_t n;
    snprintf(name, sizeof name, "\"header\":[\"X-%0126d: x\"]", 1);
    REFUSED("rest.sub_header", "Observation", "/h", name);
    n = (size_t)snprintf(
        body, sizeof body,
        "{\"resourceType\":\"Subscription\",\"status\":\"requested\",\"criteria\":"
        "\"Observation\",\"channel\":{\"type\":\"rest-hook\",\"endpoint\":"
        "\"https://x.invalid/\"},\"reason\":\"");
    memset(body + n, 'x', 70000);
    snprintf(body + n + 70000, sizeof body - n - 70000, "\"}");
    T_REFUSED(422, "rest.sub_big", REST_POST, .url = "/Subscription", .body = body);
}

static void what_could_not_be_kept_is_refused(void **state)
{
    static const char *const endpoint[] = {
        "http://hook.chu.ma/x", "https://u:p@hook.chu.ma/x", "ftp://hook.chu.ma/x",
        "https:///x",           "http://127.0.0.1:1@evil/",  "x"};
    (void)state;
    REFUSED("rest.sub_criteria", "Nothing?x=y", "/h", "");
    REFUSED("rest.sub_criteria", "Observation?nothing=y", "/h", "");
    REFUSED("rest.sub_criteria", "Subscription?status=active", "/h", "");
    REFUSED("rest.sub_criteria", "urn:amane:topic:Nothing", "/h", "");
    REFUSED("rest.sub_alone", "Observation?patient.name=x", "/h", "");
    REFUSED("rest.sub_alone", "Patient?_has:Observation:patient:code=x", "/h", "");
    REFUSED("rest.sub_alone", "Observation?_include=Observation:subject", "/h", "");
    REFUSED("rest.sub_header", "Observation", "/h", "\"header\":[\"Host: x\"]");
    REFUSED("rest.sub_header", "Observation", "/h", "\"header\":[\"no colon\"]");
    REFUSED("rest.sub_payload", "Observation", "/h", "\"payload\":\"text/plain\"");
    REFUSED("rest.sub_criteria", "Observation?code:in=http://nowhere", "/h", "");
    what_is_too_long_is_refused();
    for (size_t i = 0; i < AM_LEN(endpoint); i++)
        REFUSED("rest.sub_endpoint", "Observation", endpoint[i], "");
    T_REFUSED(422, "rest.sub_channel", REST_POST, .url = "/Subscription",
              .body = "{\"resourceType\":\"Subscription\",\"status\":\"requested\","
                      "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{"
                      "\"type\":\"sms\",\"endpoint\":\"tel:1\"}}");
    T_REFUSED(422, "rest.sub_status", REST_POST, .url = "/Subscription",
              .body = "{\"resourceType\":\"Subscription\",\"status\":\"error\","
                      "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{"
                      "\"type\":\"rest-hook\",\"endpoint\":\"https://x.invalid/\"}}");
    inner_networks_are_not_called();
}

/* "n=focus ..." of the first entry of a Bundle. */
static const char *events_of(struct t_reply r)
{
    static char out[2000];
    size_t n = 0;
    out[0] = 0;
    s_valid(json_root(r.doc));
    for (json_each(it, t_at(&r, "/entry/0/resource/parameter"))) {
        const struct json *part = json_get(it.val, "part");
        struct str focus =
            json_str(json_pointer(part, STR("/2/valueReference/reference")));
        if (json_str_is(json_get(it.val, "name"), "notification-event"))
            n += (size_t)snprintf(
                out + n, sizeof out - n, "%s%.*s=%.*s", n ? " " : "",
                STR_FMT(json_str(json_pointer(part, STR("/0/valueString")))),
                STR_FMT(str_sub(focus, focus.n ? strlen(t_base) + 1 : 0, focus.n)));
    }
    t_done(&r);
    return out;
}

static void how_it_stands_and_what_it_told_can_be_asked(void **state)
{
    struct t_reply r;
    (void)state;
    s_other = s_gone = s_hide = false;
    s_open(&(struct rest_config){.guard = g_guarded.guard, .sub = {.give_up_s = 1}});
    S_ASK("s", "Observation", "/hook", S_JSON);
    S_STATUS("s", "active");
    assert_string_equal(events_of(T_WANT(200, .url = "/Subscription/s/$events")), "");
    s_observe("o1", "a");
    S_WAIT(2);
    s_observe("hidden", "a");
    S_WAIT(3);
    s_observe("o3", "a");
    S_WAIT(4);
#define EVENTS(query) events_of(T_WANT(200, .url = "/Subscription/s/$events" query))
    assert_string_equal(EVENTS(""),
                        "1=Observation/o1 2=Observation/hidden 3=Observation/o3");
    s_hide = true; /* what was told when it came is left out when asked for later */
    assert_string_equal(EVENTS("?eventsSinceNumber=2"), "2= 3=Observation/o3");
    assert_string_equal(EVENTS("?eventsSinceNumber=2&eventsUntilNumber=2"), "2=");
    assert_string_equal(EVENTS("?eventsSinceNumber=4"), "");
    r = T_WANT(200, .url = "/Subscription/s/$events?content=id-only");
    assert_str_equal(json_str(t_at(&r, "/type")), "history");
    assert_str_equal(json_str(t_at(&r, "/entry/1/fullUrl")),
                     "http://test/fhir/Observation/o1");
    assert_null(t_at(&r, "/entry/1/resource"));
    assert_null(strstr(t_body(&r), "hidden"));
    t_done(&r);
    T_REFUSED(400, "rest.value", .url = "/Subscription/s/$events?eventsSinceNumber=x");
    T_REFUSED(400, "rest.value", .url = "/Subscription/s/$events?content=all");
    T_REFUSED(404, "rest.notfound", .url = "/Subscription/none/$events");
    s_answer(500);
    s_observe("o4", "a");
    S_STATUS("s", "error");
    r = T_WANT(200, .url = "/Subscription/s/$status", .language = "fr");
    assert_str_equal(json_str(t_at(&r, "/type")), "searchset");
    s_valid(json_root(r.doc));
    assert_non_null(strstr(t_body(&r), "\"valueCode\":\"error\""));
    assert_non_null(strstr(t_body(&r), "\"code\":\"rest.sub_unreached\""));
    assert_non_null(strstr(t_body(&r), "est perdu"));
    assert_non_null(strstr(t_body(&r), "(500)"));
    t_done(&r);
}

/* Pending when it was erased: its number is told, and nothing else. */
static void what_was_erased_blocks_nothing(void **state)
{
    struct eds_erase x = {
        .id = STR("p"), .who = "officer", .ground = "withdrawal", .reason = "1/2026"};
    size_t n;
    (void)state;
    S_ASK("s", "Patient", "/hook", S_JSON);
    S_STATUS("s", "active");
    s_answer(500);
    t_put("Patient", "p", "\"gender\":\"male\"");
    t_put("Patient", "p", "\"gender\":\"female\"");
    S_WAIT(3);
    assert_ok(eds_erase(t_eds, &x));
    eds_erase_release(&x);
    n = s_count() + 1; /* one may be on its way */
    s_answer(200);
    S_WAIT(n);
    usleep(300000);
    t_put("Patient", "q", "");
    for (int i = 0; i < 4000 && !strstr(s_says(s_count() - 1), "=Patient/q"); i++)
        usleep(2000);
    assert_non_null(strstr(s_says(s_count() - 1), "=Patient/q"));
    assert_null(
        strstr(events_of(T_WANT(200, .url = "/Subscription/s/$events")), "Patient/p"));
    T_ONLY(201, REST_PUT, .url = "/Patient/p",
           .body = "{\"resourceType\":\"Patient\",\"id\":\"p\"}");
}

static void what_is_kept_no_more_is_said(void **state)
{
    char more[64];
    (void)state;
    S_ASK("s", "Patient", "/hook",
          S_JSON ",\"extension\":[{\"url\":\"" SUB_BACKPORT
                 "max-count\",\"valuePositiveInt\":100}]");
    S_STATUS("s", "active");
    s_answer(500); /* so that they gather */
    for (int i = 0; i < 310; i++) {
        snprintf(more, sizeof more, "\"active\":%s", i % 2 ? "true" : "false");
        t_put("Patient", "p", more);
    }
    s_answer(200);
    for (int i = 0; i < 4000 && !strstr(s_says(s_count() - 1), " 310="); i++)
        usleep(2000);
    usleep(100000);
    T_REFUSED(400, "rest.sub_kept", .url = "/Subscription/s/$events?eventsSinceNumber=9");
    assert_string_equal(EVENTS("?eventsSinceNumber=55&eventsUntilNumber=56"),
                        "55=Patient/p 56=Patient/p");
}

static void the_end_and_the_heartbeat_come_in_time(void **state)
{
    char body[900], at[TIME_TEXT];
    size_t n;
    (void)state;
    S_ASK("s", "Observation", "/hook",
          "\"extension\":[{\"url\":\"" SUB_BACKPORT
          "heartbeat-period\",\"valueUnsignedInt\":1}]");
    S_STATUS("s", "active");
    s_observe("o", "a");
    S_WAIT(2);
    S_SAYS(1, "event-notification 1: 1="); /* no payload: that something is new */
    assert_null(strstr(s_end.told[1].body, "Observation/o"));
    S_WAIT(3);
    S_SAYS(2, "heartbeat 1:");
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Subscription\",\"id\":\"s\",\"status\":\"active\","
             "\"reason\":\"x\",\"end\":\"%s\",\"criteria\":\"Observation\",\"channel\""
             ":{\"type\":\"rest-hook\",\"endpoint\":\"%s/hook\"}}",
             time_format(time_now() + 700000, at), s_origin);
    T_ONLY(200, REST_PUT, .url = "/Subscription/s", .body = body);
    S_STATUS("s", "active");
    S_STATUS("s", "off");
    n = s_count();
    s_observe("o", "b");
    usleep(300000);
    assert_int_equal(s_count(), n);
}

static void bundles_and_imports_seal_as_well(void **state)
{
    char body[1200];
    struct t_reply r;
    (void)state;
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
             "\"resource\":{\"resourceType\":\"Subscription\",\"id\":\"t\",\"status\":"
             "\"requested\",\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{"
             "\"type\":\"rest-hook\",\"endpoint\":\"%s/t\",\"header\":[\"X-Key: "
             "Sesame\"]}},\"request\":{\"method\":\"PUT\",\"url\":\"Subscription/t\"}}]}",
             s_origin);
    T_ONLY(200, REST_POST, .url = "/", .body = body);
    S_STATUS("t", "active");
    assert_string_equal(s_end.told[0].header, "Sesame");
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Subscription\",\"id\":\"i\",\"status\":\"active\","
             "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{\"type\":"
             "\"rest-hook\",\"endpoint\":\"%s/i\",\"header\":[\"X-Key: Sesame\"]}}\n",
             s_origin);
    T_ONLY(200, REST_POST, .url = "/$import", .type = "application/fhir+ndjson",
           .body = body);
    S_STATUS("i", "off");
    r = T_WANT(200, .url = "/Subscription");
    assert_null(strstr(t_body(&r), "Sesame"));
    t_done(&r);
    assert_int_equal(s_count(), 1);
    /* A line that is refused leaves the others. */
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Subscription\",\"id\":\"h\",\"status\":\"active\","
             "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{\"type\":"
             "\"rest-hook\",\"endpoint\":\"%s/i\",\"header\":[\"Host: x\"]}}\n"
             "{\"resourceType\":\"Patient\",\"id\":\"line2\"}\n",
             s_origin);
    r = T_WANT(200, REST_POST, .url = "/$import", .type = "application/fhir+ndjson",
               .body = body);
    assert_non_null(strstr(t_body(&r), "rest.sub_header"));
    t_done(&r);
    T_ONLY(404, .url = "/Subscription/h");
    T_ONLY(200, .url = "/Patient/line2");
}

/* What it asks of a terminology is gone: not tried for ever, each second. */
static void what_stays_wrong_ends_in_error(void **state)
{
    struct t_reply r;
    (void)state;
    s_open(&(struct rest_config){.sub = {.give_up_s = 1, .wait_ms = 100}});
    t_put("ValueSet", "v",
          "\"url\":\"http://v\",\"status\":\"active\",\"compose\":{\"include\":[{"
          "\"system\":\"http://l\",\"concept\":[{\"code\":\"a\"}]}]}");
    S_ASK("s", "Observation?code:in=http://v", "/hook", S_JSON);
    S_STATUS("s", "active");
    s_observe("b1", "b");
    s_observe("a1", "a");
    S_WAIT(2);
    S_SAYS(1, "event-notification 1: 1=Observation/a1");
    T_ONLY(204, REST_DELETE, .url = "/ValueSet/v");
    s_observe("a2", "a");
    S_STATUS("s", "error");
    r = T_WANT(200, .url = "/Subscription/s");
    assert_true(str_starts(json_str(t_at(&r, "/error")), STR("rest.sub_turn ")));
    t_done(&r);
}

/* More in one call than there is room for, faster than the list grows. */
static void there_are_no_more_than_there_may_be(void **state)
{
    char body[4000];
    size_t n = 0;
    struct t_reply r;
    (void)state;
    s_open(&(struct rest_config){.sub = {.most = 3}});
    for (int i = 0; i < 5; i++)
        n += (size_t)snprintf(
            body + n, sizeof body - n,
            "{\"resourceType\":\"Subscription\",\"id\":\"i%d\",\"status\":\"active\","
            "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{\"type\":"
            "\"rest-hook\",\"endpoint\":\"%s/i\"}}\n",
            i, s_origin);
    r = T_WANT(200, REST_POST, .url = "/$import", .type = "application/fhir+ndjson",
               .body = body);
    assert_non_null(strstr(t_body(&r), "rest.sub_many"));
    t_done(&r);
    assert_int_equal(t_total("/Subscription?_summary=count"), 3);
    usleep(400000); /* places kept are given back */
    T_ONLY(204, REST_DELETE, .url = "/Subscription/i0");
    usleep(400000);
    S_ASK("s", "Observation", "/s", "");
    r = s_put("t", "Observation", "/t", "");
    assert_int_equal(r.a.status, 429);
    t_done(&r);
}

static void the_capabilities_name_the_topics(void **state)
{
    struct t_reply r = T_WANT(200, .url = "/metadata");
    (void)state;
    assert_non_null(strstr(t_body(&r), "\"urn:amane:topic:Observation\""));
    assert_null(strstr(t_body(&r), "urn:amane:topic:AuditEvent"));
    t_done(&r);
    t_close();
    t_open(NULL);
    r = T_WANT(200, .url = "/metadata");
    assert_null(strstr(t_body(&r), "urn:amane:topic"));
    t_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S(headers_are_sealed_and_the_endpoint_s_alone),
        S(another_hand_does_not_get_the_headers),
        S(who_may_no_more_is_told_nothing),
        S(what_could_not_be_kept_is_refused),
        S(the_end_and_the_heartbeat_come_in_time),
        S(bundles_and_imports_seal_as_well),
        S(how_it_stands_and_what_it_told_can_be_asked),
        S(what_is_kept_no_more_is_said),
        S(what_was_erased_blocks_nothing),
        S(the_capabilities_name_the_topics),
        S(there_are_no_more_than_there_may_be),
        S(what_stays_wrong_ends_in_error),
    };
    return t_run_both(tests, AM_LEN(tests));
}
