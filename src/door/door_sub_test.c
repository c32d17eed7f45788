/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions behind the door: under whose rights they run, looked up each time. */
#include "door/door_test.h"

/* "service lab-1 standing SCOPES" of who has that token. */
static void stood(const char *token, char name[4000])
{
    struct door_caller c;
    struct http_field f = {STR("Authorization"), STR_NULL};
    struct http_req q = {.method = HTTP_POST, .header = &f, .headers = 1};
    char bearer[200];
    struct buf b;
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    f.value = str_c(bearer);
    buf_init(&b, REST_STAND);
    door_caller_init(&c, t_door);
    assert_ok(door_identify(&c, &q));
    assert_ok(door_stand(t_door, &c, &b));
    snprintf(name, 4000, "%.*s", STR_FMT(buf_str(&b)));
    door_caller_release(&c);
    buf_release(&b);
}

static bool sees(void *who, const char *type, const char *id)
{
    struct eds_meta m;
    struct buf text;
    bool yes = false;
    buf_init(&text, 2 * EDS_BODY_MAX);
    assert_ok(eds_read(t_eds, str_c(type), str_c(id), 0, &text, &m));
    assert_ok(door_see(t_door,
                       &(struct rest_look){.who = who,
                                           .rid = m.rid,
                                           .type = str_c(m.type),
                                           .id = str_c(m.id),
                                           .ver = m.ver,
                                           .body = buf_str(&text)},
                       &yes));
    buf_release(&text);
    return yes;
}

static void it_runs_under_what_the_token_gave_and_what_is_registered_now(void **state)
{
    char t[AUTH_CLIENT_TOKEN], less[AUTH_CLIENT_TOKEN], name[4000];
    void *who = NULL;
    (void)state;
    t_service("system/Observation.rs system/Patient.rs system/Subscription.cruds", t);
    assert_ok(auth_client_token(t_auth, STR("lab-1"),
                                STR("system/Observation.rs system/Subscription.cruds"),
                                time_now(), less));
    stood(less, name);
    assert_non_null(strstr(name, "service lab-1 standing "));
    /* The token is over, or revoked: the service stands. */
    assert_ok(auth_client_revoke(t_auth, str_c(less)));
    assert_ok(door_again(t_door, str_c(name), &who));
    assert_true(sees(who, "Observation", "oa"));
    assert_false(sees(who, "Patient", "a")); /* registered, but not of that token */
    door_drop(t_door, who);
    stood(t, name);
    assert_ok(door_again(t_door, str_c(name), &who));
    assert_true(sees(who, "Patient", "a"));
    door_drop(t_door, who);
    /* Registered for less: less is seen. */
    t_service("system/Observation.rs system/Subscription.cruds", t);
    assert_ok(door_again(t_door, str_c(name), &who));
    assert_true(sees(who, "Observation", "oa"));
    assert_false(sees(who, "Patient", "a"));
    door_drop(t_door, who);
    t_service("system/Claim.rs", t);
    who = NULL;
    assert_int_equal(door_again(t_door, str_c(name), &who), AM_E_UNAUTHORIZED);
    assert_null(who);
    assert_int_equal(door_again(t_door, STR("service nobody standing system/*.rs"), &who),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(door_again(t_door, STR("account 1 standing system/*.rs"), &who),
                     AM_E_UNAUTHORIZED);
}

static void people_have_none(void **state)
{
    (void)state;
    T_ONLY(403, .token = t_token[T_PHYSICIAN], .method = HTTP_POST,
           .path = "/Subscription",
           .body = "{\"resourceType\":\"Subscription\",\"status\":\"requested\","
                   "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{\"type\":"
                   "\"rest-hook\",\"endpoint\":\"https://x.invalid/\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_runs_under_what_the_token_gave_and_what_is_registered_now),
        T(people_have_none),
    };
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    fhir_valid_free(t_valid);
    return bad;
}
