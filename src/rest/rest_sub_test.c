/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions: what is told, in which order and with which numbers, whatever the
 * endpoint does and whenever the node ends. */
#include "rest/rest_sub.h"

#include "rest/rest_sub_test.h"

static void what_matches_is_told_and_nothing_else(void **state)
{
    (void)state;
    s_observe("before", "a");
    S_ASK("s", "Observation?code=http://l|a", "/hook", S_JSON);
    S_STATUS("s", "active");
    S_WAIT(1);
    S_SAYS(0, "handshake 0:");
    s_observe("o1", "a");
    S_WAIT(2);
    S_SAYS(1, "event-notification 1: 1=Observation/o1");
    s_observe("other", "b");
    t_put("Patient", "p", "");
    T_ONLY(204, REST_DELETE, .url = "/Observation/o1"); /* R4: what is found, not lost */
    s_observe("o1", "a");
    S_WAIT(3);
    S_SAYS(2, "event-notification 2: 2=Observation/o1");
    usleep(300000);
    assert_int_equal(s_count(), 3);
}

static void a_topic_tells_deletions_and_what_its_filters_leave(void **state)
{
    (void)state;
    struct t_reply r = t_send(&(struct t_asked){
        REST_PUT, .url = "/Subscription/t",
        .body =
            "{\"resourceType\":\"Subscription\",\"id\":\"t\",\"status\":\"requested\","
            "\"reason\":\"x\",\"criteria\":\"urn:amane:topic:Observation\","
            "\"_criteria\":{\"extension\":[{\"url\":\"http://hl7.org/fhir/uv/"
            "subscriptions-backport/StructureDefinition/backport-filter-criteria\","
            "\"valueString\":\"Observation?code=http://l|a\"}]},"
            "\"channel\":{\"type\":\"rest-hook\",\"endpoint\":\"https://x.invalid/"
            "h\"}}"});
    assert_int_equal(r.a.status, 201);
    t_done(&r);
    S_ASK("all", "urn:amane:topic:Observation", "/all",
          "\"payload\":\"application/fhir+json\",\"_payload\":{\"extension\":[{\"url\":"
          "\"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
          "backport-payload-content\",\"valueCode\":\"id-only\"}]}");
    S_STATUS("all", "active");
    s_observe("o", "a");
    S_WAIT(2);
    assert_null(strstr(s_end.told[1].body, "\"subject\""));
    assert_non_null(strstr(s_end.told[1].body, "\"fullUrl\":\"http://test/fhir/"
                                               "Observation/o\""));
    T_ONLY(204, REST_DELETE, .url = "/Observation/o");
    S_WAIT(3);
    S_SAYS(2, "event-notification 2: 2=Observation/o");
    assert_non_null(strstr(s_end.told[2].body, "\"method\":\"DELETE\""));
}

static void what_fails_is_told_again_with_the_same_numbers(void **state)
{
    size_t n;
    (void)state;
    S_ASK("s", "Observation", "/hook", S_JSON);
    S_STATUS("s", "active");
    s_answer(503);
    s_observe("o1", "a");
    S_WAIT(3);
    s_observe("o2", "a");
    S_WAIT(4);
    t_close(); /* and the node ends */
    n = s_count();
    for (size_t i = 1; i < n; i++)
        S_SAYS(i, "event-notification 1: 1=Observation/o1");
    s_answer(200);
    s_open(NULL);
    S_WAIT(n + 2);
    S_SAYS(n, "event-notification 1: 1=Observation/o1");
    S_SAYS(n + 1, "event-notification 2: 2=Observation/o2");
    t_close();
    s_open(NULL);
    s_observe("o3", "a");
    n += 2;
    S_WAIT(n + 1);
    /* At least once: the end may have come before it was noted that it was told. */
    if (!strcmp(s_says(n), "event-notification 2: 2=Observation/o2"))
        S_WAIT(++n + 1);
    S_SAYS(n, "event-notification 3: 3=Observation/o3");
}

static void nothing_but_failures_ends_in_error_until_asked_anew(void **state)
{
    struct t_reply r;
    size_t n;
    (void)state;
    s_open(&(struct rest_config){.sub = {.give_up_s = 1, .wait_ms = 100}});
    S_ASK("s", "Observation", "/hook", S_JSON);
    S_STATUS("s", "active");
    s_answer(500);
    s_observe("o1", "a");
    S_STATUS("s", "error");
    r = T_WANT(200, .url = "/Subscription/s");
    assert_str_equal(json_str(t_at(&r, "/error")), "rest.sub_unreached 500");
    t_done(&r);
    n = s_count();
    assert_true(n <= 6); /* waits grow: 100, 200, 400, 800 ms */
    s_observe("o2", "a");
    s_answer(200);
    usleep(300000);
    assert_int_equal(s_count(), n);
    S_ASK("s", "Observation", "/hook", S_JSON);
    S_STATUS("s", "active");
    S_WAIT(n + 3);
    S_SAYS(n, "handshake 1:");
    S_SAYS(n + 1, "event-notification 1: 1=Observation/o1");
    S_SAYS(n + 2, "event-notification 2: 2=Observation/o2");
    r = T_WANT(200, .url = "/Subscription/s");
    assert_null(t_at(&r, "/error"));
    t_done(&r);
}

static void off_is_off_and_begins_anew(void **state)
{
    struct t_reply r;
    (void)state;
    S_ASK("s", "Observation", "/hook", S_JSON);
    S_STATUS("s", "active");
    s_observe("o1", "a");
    S_WAIT(2);
    r = T_WANT(200, REST_PATCH, .url = "/Subscription/s",
               .type = "application/json-patch+json",
               .body = "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"off\"}]");
    t_done(&r);
    usleep(300000);
    s_observe("o2", "a");
    usleep(300000);
    assert_int_equal(s_count(), 2);
    S_ASK("s", "Observation", "/hook", S_JSON);
    S_STATUS("s", "active");
    s_observe("o3", "a");
    S_WAIT(4);
    S_SAYS(3, "event-notification 1: 1=Observation/o3");
    T_ONLY(204, REST_DELETE, .url = "/Subscription/s");
    usleep(300000);
    s_observe("o4", "a");
    usleep(300000);
    assert_int_equal(s_count(), 4);
}

static void one_that_is_slow_does_not_delay_another(void **state)
{
    char id[16];
    int64_t began;
    (void)state;
    S_ASK("f", "Observation", "/fast", S_JSON);
    usleep(200000);               /* the others stand before it in the list */
    for (int i = 0; i < 8; i++) { /* as many as threads */
        snprintf(id, sizeof id, "s%d", i);
        S_ASK(id, "Observation", "/slow", "");
    }
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof id, "s%d", i);
        S_STATUS(id, "active");
    }
    S_STATUS("f", "active");
    usleep(200000);
    s_forget();
    began = time_mono();
    s_observe("o", "a");
    for (bool told = false; !told; usleep(2000)) {
        pthread_mutex_lock(&s_end.lock);
        for (size_t i = 0; i < s_end.n; i++)
            told = told || !strcmp(s_end.told[i].path, "/fast");
        pthread_mutex_unlock(&s_end.lock);
    }
    assert_true(time_mono() - began < 900000); /* no slow one is done yet */
}

static void what_passes_by_ends_nothing(void **state)
{
    char more[40];
    (void)state;
    s_open(&(struct rest_config){.sub = {.saved = 2}});
    S_ASK("s", "Observation?code=http://l|a", "/hook", S_JSON);
    S_STATUS("s", "active");
    for (int i = 0; i < 8; i++) {
        snprintf(more, sizeof more, "\"active\":%s", i % 2 ? "true" : "false");
        t_put("Patient", "p", more);
        usleep(150000); /* each is a turn of its own */
    }
    s_observe("o", "a");
    S_WAIT(2);
    S_SAYS(1, "event-notification 1: 1=Observation/o");
}

static void an_id_of_dots_is_no_folder(void **state)
{
    (void)state;
    S_ASK("..", "Observation", "/hook", S_JSON);
    S_STATUS("..", "active");
    s_observe("o1", "a");
    S_WAIT(2);
    usleep(1000000); /* until that it was taken is kept: else it is told again */
    s_open(NULL);
    s_observe("o2", "a");
    S_WAIT(3);
    S_SAYS(2, "event-notification 2: 2=Observation/o2");
}

static void those_deleted_take_no_place(void **state)
{
    (void)state;
    S_ASK("a", "Observation", "/a", "");
    S_ASK("b", "Observation", "/b", "");
    S_STATUS("a", "active");
    S_STATUS("b", "active");
    T_ONLY(204, REST_DELETE, .url = "/Subscription/a");
    T_ONLY(204, REST_DELETE, .url = "/Subscription/b");
    S_ASK("c", "Observation", "/c", S_JSON);
    S_STATUS("c", "active");
    s_observe("o1", "a");
    S_WAIT(4);
    S_SAYS(3, "event-notification 1: 1=Observation/o1");
    usleep(1000000); /* until that it was taken is kept: else it is told again */
    s_open(&(struct rest_config){.sub = {.most = 2}});
    s_observe("o2", "a");
    S_WAIT(5);
    S_SAYS(4, "event-notification 2: 2=Observation/o2");
    S_ASK("d", "Observation", "/d", "");
    S_STATUS("d", "active");
}

static void one_without_a_place_waits_for_it(void **state)
{
    (void)state;
    S_ASK("a", "Patient", "/a", "");
    S_STATUS("a", "active"); /* its newest version is the older: the place is its */
    S_ASK("b", "Observation", "/b", S_JSON);
    S_STATUS("b", "active");
    s_open(&(struct rest_config){.sub = {.most = 1}});
    s_observe("o", "a");
    usleep(300000);
    assert_int_equal(s_count(), 2);
    T_ONLY(204, REST_DELETE, .url = "/Subscription/a");
    S_WAIT(3);
    S_SAYS(2, "event-notification 1: 1=Observation/o");
}

static size_t told_where(const char *path)
{
    size_t at = SIZE_MAX;
    pthread_mutex_lock(&s_end.lock);
    for (size_t i = 0; i < s_end.n && at == SIZE_MAX; i++)
        if (!strcmp(s_end.told[i].path, path))
            at = i;
    pthread_mutex_unlock(&s_end.lock);
    return at;
}

static void a_backlog_of_eight_starves_no_ninth(void **state)
{
    char id[16];
    (void)state;
    for (int i = 0; i < 9; i++) {
        snprintf(id, sizeof id, "%s%d", i < 8 ? "s" : "n", i);
        S_ASK(id, i < 8 ? "Observation" : "Patient", i < 8 ? "/some" : "/ninth",
              "\"extension\":[{\"url\":\"" SUB_BACKPORT
              "max-count\",\"valuePositiveInt\":1}]");
        S_STATUS(id, "active");
    }
    t_put("Patient", "p", ""); /* all have been fast once */
    s_observe("o", "a");
    S_WAIT(18);
    usleep(100000);
    s_forget();
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "o%d", i);
        s_observe(id, "a");
    }
    S_WAIT(16); /* no thread is without work */
    t_put("Patient", "p", "\"active\":true");
    S_WAIT(320);
    assert_true(told_where("/ninth") < 240);
}

static void an_answer_too_long_to_read_is_an_answer(void **state)
{
    (void)state;
    S_ASK("s", "Observation", "/long", S_JSON);
    S_STATUS("s", "active");
    s_observe("o1", "a");
    s_observe("o2", "a");
    S_WAIT(2);
    usleep(300000);
    for (size_t i = 1, told = 0; i < s_count(); i++) {
        told += strstr(s_end.told[i].body, "Observation/o1") != NULL;
        assert_true(told == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S(what_passes_by_ends_nothing),
        S(an_id_of_dots_is_no_folder),
        S(those_deleted_take_no_place),
        S(one_without_a_place_waits_for_it),
        S(a_backlog_of_eight_starves_no_ninth),
        S(an_answer_too_long_to_read_is_an_answer),
        S(what_matches_is_told_and_nothing_else),
        S(a_topic_tells_deletions_and_what_its_filters_leave),
        S(what_fails_is_told_again_with_the_same_numbers),
        S(nothing_but_failures_ends_in_error_until_asked_anew),
        S(off_is_off_and_begins_anew),
        S(one_that_is_slow_does_not_delay_another),
    };
    return t_run_both(tests, AM_LEN(tests));
}
