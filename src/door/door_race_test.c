/* SPDX-License-Identifier: Apache-2.0 */
/* What was judged is what is replaced: another writes the same id between the judgement
 * and the write. */
#include "door/door_test.h"

#include <pthread.h>

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

struct r_sent {
    struct t_asked asked;
    int status;
};

static void *r_send(void *arg)
{
    struct r_sent *s = arg;
    struct t_reply r = t_send(&s->asked);
    s->status = r.status;
    t_done(&r);
    return NULL;
}

/* Sends it, and once it is judged stores that behind its back. Its status. */
static int r_between(const struct t_asked *k, const char *type, const char *id,
                     const char *members)
{
    struct r_sent s = {*k, 0};
    pthread_t th;
    t_fit_held = false;
    t_fit_hold = true;
    assert_int_equal(pthread_create(&th, NULL, r_send, &s), 0);
    while (!t_fit_held)
        usleep(1000);
    t_store(type, id, members);
    t_fit_hold = false;
    pthread_join(th, NULL);
    return s.status;
}

/* The newest version of it. */
static int64_t r_now(const char *type, const char *id, const char *holds)
{
    struct eds_meta m;
    struct buf text;
    buf_init(&text, 1 << 16);
    assert_ok(eds_read(t_eds, str_c(type), str_c(id), 0, &text, &m));
    if (!strstr(text.p ? text.p : "", holds))
        fail_msg("not there: %s in %.300s", holds, text.p ? text.p : "");
    buf_release(&text);
    return m.ver;
}

#define R_SAID                                                                           \
    "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"       \
    "v3-ObservationValue\",\"code\":\"AIAST\"}]},\"status\":\"preliminary\","            \
    "\"subject\":{\"reference\":\"Patient/a\"}"
#define R_RISK                                                                           \
    "{\"resourceType\":\"RiskAssessment\",\"id\":\"x\",\"status\":\"final\","            \
    "\"subject\":{\"reference\":\"Patient/a\"}}"
#define R_MEASURE                                                                        \
    "{\"resourceType\":\"Observation\",\"id\":\"z\",\"status\":\"final\","               \
    "\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/a\"}}"

static void what_a_model_said_meanwhile_is_not_replaced_unvalidated(void **state)
{
    (void)state;
    assert_int_equal(r_between(&(struct t_asked){T_PUT(T_PHYSICIAN, "/RiskAssessment/x"),
                                                 .body = R_RISK},
                               "RiskAssessment", "x", R_SAID),
                     422);
    assert_int_equal(r_now("RiskAssessment", "x", "preliminary"), 1);
    /* nor an unlabelled one that became labelled */
    t_store("RiskAssessment", "x",
            "\"status\":\"final\",\"subject\":{\"reference\":\"Patient/a\"}");
    assert_int_equal(r_between(&(struct t_asked){T_PUT(T_PHYSICIAN, "/RiskAssessment/x"),
                                                 .body = R_RISK},
                               "RiskAssessment", "x", R_SAID),
                     422);
    assert_int_equal(r_now("RiskAssessment", "x", "preliminary"), 3);
}

static const char r_of_b[] =
    "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
    "\"Patient/b\"}";

static void a_patient_out_of_reach_is_not_written_over(void **state)
{
    (void)state;
    assert_int_equal(
        r_between(&(struct t_asked){T_PUT(T_NURSE, "/Observation/z"), .body = R_MEASURE},
                  "Observation", "z", r_of_b),
        403);
    assert_int_equal(r_now("Observation", "z", "Patient/b"), 1);
}

static void nor_in_a_transaction(void **state)
{
    (void)state;
    assert_int_equal(r_between(
                         &(struct t_asked){
                             T_POST(T_NURSE, ""),
                             .body = "{\"resourceType\":\"Bundle\",\"type\":"
                                     "\"transaction\",\"entry\":[{\"resource\":" R_MEASURE
                                     ",\"request\":{\"method\":\"PUT\",\"url\":"
                                     "\"Observation/z\"}}]}"},
                         "Observation", "z", r_of_b),
                     403);
    assert_int_equal(r_now("Observation", "z", "Patient/b"), 1);
}

/* What is patched is what was judged: of the version before it nothing is told either. */
static void what_is_patched_is_what_was_judged(void **state)
{
    struct r_sent s = {
        .asked = {
            T_POST(T_NURSE, ""),
            .body =
                "{\"resourceType\":\"Bundle\",\"type\":\"transaction\","
                "\"entry\":[{\"resource\":" R_MEASURE
                ",\"request\":{\"method\":\"PUT\",\"url\":"
                "\"Observation/z\"}},{\"resource\":{\"resourceType\":"
                "\"Binary\",\"contentType\":\"application/json-patch+json\","
                "\"data\":"
                "\"W3sib3AiOiJ0ZXN0IiwicGF0aCI6Ii92YWx1ZVN0cmluZyIsInZhbHVlIjoibm93In0sey"
                "JvcCI6InJlcGxhY2UiLCJwYXRoIjoiL3ZhbHVlU3RyaW5nIiwidmFsdWUiOiJ0aGVuIn1d\""
                "},"
                "\"request\":{\"method\":\"PATCH\",\"url\":"
                "\"Observation/w\"}}]}"}};
    pthread_t th;
    (void)state;
    t_store("Observation", "z",
            "\"status\":\"preliminary\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"Patient/a\"}");
    t_store("Observation", "w", r_of_b);
    t_held = false;
    t_hold = true;
    assert_int_equal(pthread_create(&th, NULL, r_send, &s), 0);
    while (!t_held)
        usleep(1000);
    t_store("Observation", "w",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"valueString\":\"now\","
            "\"subject\":{\"reference\":\"Patient/a\"}");
    t_hold = false;
    pthread_join(th, NULL);
    assert_int_equal(s.status, 200);
    assert_int_equal(r_now("Observation", "w", "then"), 3);
}

static void r_delete(const char *type, const char *id)
{
    struct eds_group *g = NULL;
    assert_ok(eds_group_new(&g, t_eds));
    assert_ok(eds_put(
        g, &(struct eds_ask){.verb = EDS_DELETE, .type = str_c(type), .id = str_c(id)},
        NULL));
    assert_ok(eds_write(g));
    eds_group_free(g);
}

/* No condition finds what was deleted: it is another's all the same. */
static void a_condition_opens_no_way_to_what_was_deleted(void **state)
{
    (void)state;
    t_store("Observation", "z", r_of_b);
    r_delete("Observation", "z");
    T_ONLY(403, T_PUT(T_NURSE, "/Observation/z"), .body = R_MEASURE);
    T_ONLY(403, T_PUT(T_NURSE, "/Observation"), .query = "identifier=none",
           .body = R_MEASURE);
    assert_int_equal(r_now("Observation", "z", ""), 2);
    t_store("Observation", "z", r_of_b); /* nor to what is hidden */
    T_ONLY(403, T_PUT(T_NURSE, "/Observation"), .query = "identifier=none",
           .body = R_MEASURE);
    assert_int_equal(r_now("Observation", "z", "Patient/b"), 3);
    t_store("Observation", "z",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"Patient/a\"}");
    r_delete("Observation", "z");
    T_ONLY(201, T_PUT(T_NURSE, "/Observation"), .query = "identifier=none",
           .body = R_MEASURE);
    assert_int_equal(r_now("Observation", "z", "Patient/a"), 6);
}

/* Of what may be changed, a change between is no error of who changes it. */
static void what_may_still_be_written_is_written_upon_the_other(void **state)
{
    (void)state;
    t_store("Observation", "z",
            "\"status\":\"preliminary\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"Patient/a\"}");
    assert_int_equal(
        r_between(&(struct t_asked){T_PUT(T_NURSE, "/Observation/z"), .body = R_MEASURE},
                  "Observation", "z",
                  "\"status\":\"amended\",\"code\":{\"text\":\"x\"},"
                  "\"subject\":{\"reference\":\"Patient/a\"}"),
        200);
    assert_int_equal(r_now("Observation", "z", "final"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_a_model_said_meanwhile_is_not_replaced_unvalidated),
        T(a_patient_out_of_reach_is_not_written_over),
        T(nor_in_a_transaction),
        T(what_is_patched_is_what_was_judged),
        T(a_condition_opens_no_way_to_what_was_deleted),
        T(what_may_still_be_written_is_written_upon_the_other),
    };
    return t_run_both(tests, AM_LEN(tests));
}
