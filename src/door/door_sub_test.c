/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions behind the door: under whose rights they run, looked up each time. */
#include "door/door_test.h"
#include "eds/erase.h"

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

struct seeing {
    void *who;
    struct str type, id;
    bool yes;
};

static int sees_in(struct eds_view *v, void *arg)
{
    struct seeing *s = arg;
    struct eds_meta m;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_get(v, s->type, s->id, 0, &text, &m);
    if (!err)
        err = door_see(t_door,
                       &(struct rest_look){.who = s->who,
                                           .view = v,
                                           .rid = m.rid,
                                           .type = str_c(m.type),
                                           .id = str_c(m.id),
                                           .ver = m.ver,
                                           .gone = m.gone,
                                           .body = buf_str(&text)},
                       &s->yes);
    buf_release(&text);
    return err;
}

static bool sees(void *who, const char *type, const char *id)
{
    struct seeing s = {.who = who, .type = str_c(type), .id = str_c(id)};
    assert_ok(eds_view(t_eds, sees_in, &s));
    return s.yes;
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

/* ---- told ---- */
static _Atomic int h_told;
static char h_body[8000];

static int h_handle(void *cookie, struct http_req *r, struct http_resp *a)
{
    (void)cookie;
    (void)a;
    snprintf(h_body, sizeof h_body, "%.*s", STR_FMT(r->body));
    h_told++;
    return AM_OK;
}

/* Its threads outlive a test that fails: it is ended by what comes after each. */
static struct http_server *h_server;

static int h_teardown(void **state)
{
    int err = t_teardown(state); /* who calls it first */
    if (h_server)
        http_server_stop(h_server, 2000);
    h_server = NULL;
    return err;
}

static bool h_wait(int told)
{
    for (int i = 0; i < 4000 && h_told < told; i++)
        usleep(2000);
    return h_told >= told;
}

static void h_is(const char *token, const char *status)
{
    for (int i = 0; i < 4000; i++) {
        struct t_reply r = T_WANT(200, .token = token, .path = "/Subscription/s");
        bool is = json_str_is(t_at(&r, "/status"), status);
        t_done(&r);
        if (is)
            return;
        usleep(2000);
    }
    fail_msg("it is not %s", status);
}

#define H_SCOPE "system/Observation.cruds system/Subscription.cruds"
static void
each_telling_is_in_the_record_and_a_closed_service_is_told_no_more(void **state)
{
    const struct http_config hc = {.listen = "127.0.0.1:0", .handler = h_handle};
    char t[AUTH_CLIENT_TOKEN], more[AUTH_CLIENT_TOKEN], origin[64], allow[64],
        dir[PATH_MAX], body[900];
    struct rest_config rc = {.eds = t_eds, .valid = t_valid, .base = t_base};
    (void)state;
    assert_ok(http_server_start(&h_server, &hc));
    snprintf(origin, sizeof origin, "http://127.0.0.1:%u", http_server_port(h_server));
    snprintf(allow, sizeof allow, "%s", origin);
    snprintf(dir, sizeof dir, "%s/subscription", t_dir);
    rest_free(t_rest);
    door_before(t_door, &rc);
    rc.sub = (struct rest_sub_config){.dir = dir, .allow = allow, .wait_ms = 20};
    assert_ok(rest_new(&t_rest, &rc));
    memset(allow, 0, sizeof allow); /* it has its own */
    memset(dir, 0, sizeof dir);
    h_told = 0;
    t_service(H_SCOPE, t);
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Subscription\",\"id\":\"s\",\"status\":\"requested\","
             "\"reason\":\"x\",\"criteria\":\"Observation\",\"channel\":{\"type\":"
             "\"rest-hook\",\"endpoint\":\"%s/h\",\"payload\":"
             "\"application/fhir+json\"}}",
             origin);
    T_ONLY(201, .token = t, .method = HTTP_PUT, .path = "/Subscription/s", .body = body);
    h_is(t, "active");
    T_ONLY(201, .token = t, .method = HTTP_PUT, .path = "/Observation/n",
           .body =
               "{\"resourceType\":\"Observation\",\"id\":\"n\",\"status\":\"final\","
               "\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/a\"}}");
    assert_true(h_wait(2));
    assert_non_null(strstr(h_body, "Observation/n"));
    assert_int_equal(recorded("\"do\":\"subscription-notification\"", "\"lab-1\"",
                              "\"seen\":[\"Observation/n\"]", "\"patients\":[\"a\"]"),
                     1);
    /* Registered for less than what it is about: it ends, and comes back when asked. */
    t_service("system/Observation.r system/Patient.rs system/Subscription.cruds", more);
    t_store("Observation", "unseen",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"Patient/b\"}");
    h_is(more, "error");
    assert_int_equal(h_told, 2);
    t_service(H_SCOPE, t);
    T_ONLY(200, .token = t, .method = HTTP_PUT, .path = "/Subscription/s", .body = body);
    assert_true(h_wait(4)); /* the handshake, and what was written meanwhile */
    h_is(t, "active");
    h_told = 2;
    /* Closed: no call goes out any more. */
    assert_ok(auth_client_close(t_auth, STR("lab-1"), time_now()));
    t_store("Observation", "after",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"Patient/a\"}");
    usleep(500000);
    assert_int_equal(h_told, 2);
    t_service(H_SCOPE, more);
    h_is(more, "error");
    T_ONLY(200, .token = more, .method = HTTP_PUT, .path = "/Subscription/s",
           .body = body);
    assert_true(h_wait(4)); /* the handshake, and what was written meanwhile */
    assert_non_null(strstr(h_body, "Observation/after"));
}

/* Of an erased one nothing is left to judge by; its id may be written anew. */
static void what_was_erased_is_seen_by_nobody_and_may_come_anew(void **state)
{
    struct eds_erase x = {
        .id = STR("a"), .who = "officer", .ground = "withdrawal", .reason = "1/2026"};
    char t[AUTH_CLIENT_TOKEN], name[4000];
    void *who = NULL;
    (void)state;
    t_store("Patient", "a", "\"gender\":\"male\"");
    assert_ok(eds_erase(t_eds, &x));
    eds_erase_release(&x);
    t_service("system/Patient.cruds system/Subscription.cruds", t);
    stood(t, name);
    assert_ok(door_again(t_door, str_c(name), &who));
    assert_false(sees(who, "Patient", "a"));
    door_drop(t_door, who);
    T_ONLY(410, .token = t, .path = "/Patient/a");
    T_ONLY(201, .token = t, .method = HTTP_PUT, .path = "/Patient/a",
           .body = "{\"resourceType\":\"Patient\",\"id\":\"a\"}");
    T_ONLY(200, .token = t, .path = "/Patient/a");
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
        cmocka_unit_test_setup_teardown(
            each_telling_is_in_the_record_and_a_closed_service_is_told_no_more, t_setup,
            h_teardown),
        T(people_have_none),
        T(what_was_erased_is_seen_by_nobody_and_may_come_anew),
    };
    return t_run_both(tests, AM_LEN(tests));
}
