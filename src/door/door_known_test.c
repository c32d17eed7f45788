/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of versions never stands for a judgement: who may see one is asked anew,
 * and another version, or another's rid, is another. */
#include "door/door_test.h"

static struct door_facts k_facts(const char *type, size_t patients)
{
    struct door_facts f = {.patients = patients, .machine = patients == 1};
    snprintf(f.type, sizeof f.type, "%s", type);
    for (size_t i = 0; i < patients; i++)
        snprintf(f.patient[i], sizeof f.patient[i], "p%zu", i);
    return f;
}

static void what_is_kept_is_of_its_rid_alone(void **state)
{
    struct door_known *k = NULL;
    struct door_facts f = k_facts("Observation", 2), got;
    char id[EDS_ID_MAX + 1];
    uint64_t asked, met;
    (void)state;
    assert_ok(door_known_new(&k));
    assert_false(door_known_get(k, 1, 5, &got, id));
    door_known_put(k, 1, 5, &f, STR("o"));
    assert_true(door_known_get(k, 1, 5, &got, id));
    assert_string_equal(id, "o");
    assert_string_equal(got.type, "Observation");
    assert_int_equal(got.patients, 2);
    assert_string_equal(got.patient[1], "p1");
    assert_false(got.machine || got.many);
    assert_false(door_known_get(k, 1, 5 + (1 << 15), &got, id)); /* of the same place */
    f = k_facts("Patient", 1);
    door_known_put(k, 1, 5 + (1 << 15), &f, STR("p0"));
    assert_false(door_known_get(k, 1, 5, &got, id));
    assert_true(door_known_get(k, 1, 5 + (1 << 15), &got, id));
    /* The store went back: that rid may be another's now. Nor is anything kept of what
     * may be taken back. */
    assert_false(door_known_get(k, 2, 5 + (1 << 15), &got, id));
    door_known_put(k, 0, 7, &f, STR("p0"));
    assert_false(door_known_get(k, 0, 7, &got, id));
    assert_true(got.machine);
    door_known_stats(k, &asked, &met);
    assert_int_equal(asked, 6);
    assert_int_equal(met, 2);
    door_known_free(k);
}

static void what_others_decide_is_not_kept(void **state)
{
    struct door_known *k = NULL;
    struct door_facts f = k_facts("Provenance", 1), got;
    char id[EDS_ID_MAX + 1];
    (void)state;
    assert_ok(door_known_new(&k));
    door_known_put(k, 1, 1, &f, STR("x"));
    f = k_facts("Group", 3);
    door_known_put(k, 1, 2, &f, STR("x"));
    f = k_facts("Group", 2);
    f.many = true;
    door_known_put(k, 1, 3, &f, STR("x"));
    door_known_put(k, 1, 0, &f, STR("x"));
    for (int64_t rid = 0; rid < 4; rid++)
        assert_false(door_known_get(k, 1, rid, &got, id));
    door_known_free(k);
}

#define ABOUT(patient, more)                                                             \
    "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"         \
    "\"Patient/" patient "\"}" more

static void who_may_see_it_is_asked_anew(void **state)
{
    char t[AUTH_CLIENT_TOKEN];
    (void)state;
    for (int i = 0; i < 2; i++) { /* read, and read of what is kept */
        T_ONLY(200, T_GET(T_DIM, "/Observation/oa"));
        T_ONLY(200, T_GET(T_NURSE, "/Observation/oa"));
        T_ONLY(404, T_GET(T_NURSE, "/Observation/ob"));
        T_ONLY(200, T_GET(T_DIM, "/Observation/ob"));
        T_ONLY(403, T_GET(T_SECRETARY, "/Observation/oa"));
        assert_int_equal(t_total(t_token[T_NURSE], "/Observation", ""), 1);
    }
    t_store("Observation", "oa", ABOUT("b", "")); /* the chart it should have been in */
    T_ONLY(404, T_GET(T_NURSE, "/Observation/oa"));
    T_ONLY(200, T_GET(T_NURSE, "/Observation/oa/_history/1"));
    T_ONLY(404, T_GET(T_NURSE, "/Observation/oa/_history/2"));
    t_store("Observation", "lab",
            ABOUT("b", ",\"category\":[{\"coding\":[{\"code\":\"lab\"}]}]"));
    assert_int_equal(t_total(t_token[T_DIM], "/Observation", ""), 3);
    t_service("system/Observation.rs?category=lab", t);
    assert_int_equal(t_total(t, "/Observation", ""), 1); /* parts want the body */
    t_service("system/Observation.rs", t);
    assert_int_equal(t_total(t, "/Observation", ""), 3);
}

/* A house's reader asks for no care, a nurse does; both in one request's memory. */
static void care_is_looked_for_where_it_is_asked(void **state)
{
    struct door_caller c;
    unsigned bits;
    (void)state;
    door_caller_init(&c, t_door);
    assert_ok(auth_token_check(t_auth, str_c(t_token[T_NURSE]), time_now(), &c.who));
    assert_ok(door_patient(&c, NULL, STR("a"), false, &bits));
    assert_int_equal(bits, DOOR_WILLING);
    assert_ok(door_patient(&c, NULL, STR("a"), true, &bits));
    assert_int_equal(bits, DOOR_WILLING | DOOR_RELATED);
    assert_ok(door_patient(&c, NULL, STR("b"), true, &bits));
    assert_int_equal(bits, DOOR_WILLING | DOOR_UNRELATED);
    door_caller_release(&c);
}

/* Memory asked for by a look at a Task by medical information, which reads none. */
static int k_look_in(struct eds_view *v, void *arg)
{
    struct door_caller c;
    char text[200];
    struct rest_look l = {.who = &c, .view = v, .type = STR("Task"), .id = STR("t")};
    bool yes;
    int err;
    snprintf(text, sizeof text,
             "{\"resourceType\":\"Task\",\"id\":\"t\",\"focus\":{\"reference\":\"%s\"}}",
             (const char *)arg);
    l.body = str_c(text);
    door_caller_init(&c, t_door);
    c.who.role = LEDGER_DIM;
    c.looks = DOOR_R;
    err = door_see(NULL, &l, &yes);
    assert_false(yes);
    door_caller_release(&c);
    return err;
}

static int k_look_at_house(void)
{
    return eds_view(t_eds, k_look_in, "Location/ea1");
}

static int k_look_at_visit(void)
{
    return eds_view(t_eds, k_look_in, "Encounter/ea");
}

static void whose_it_is_is_not_read_for_whom_it_is_not(void **state)
{
    (void)state;
    assert_int_equal(test_oom(k_look_at_visit), test_oom(k_look_at_house));
    assert_false(door_follows(STR("DeviceDefinition"), STR("x")));
    assert_true(door_follows(STR("Device"), STR("x")));
}

int main(void)
{
    const struct CMUnitTest kept[] = {
        TEST(what_is_kept_is_of_its_rid_alone),
        TEST(what_others_decide_is_not_kept),
    };
    const struct CMUnitTest tests[] = {
        T(who_may_see_it_is_asked_anew),
        T(care_is_looked_for_where_it_is_asked),
        T(whose_it_is_is_not_read_for_whom_it_is_not),
    };
    int bad = cmocka_run_group_tests_name("kept", kept, NULL, NULL);
    return bad + t_run_both(tests, AM_LEN(tests));
}
