/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out at a node: what is shown is whole or 503; what a person says is
 * kept once, or not, and said again it is never kept twice. */
#include "api/api_oom_test_support.h"
#include "node/node_testkit.h"

static struct api *a;
static struct nt *w;
static char doctor[AUTH_TOKEN], director[AUTH_TOKEN], path[160];

static void account(const char *login, enum ledger_role role, char token[AUTH_TOKEN])
{
    struct auth_account spec = {
        .role = role, .org_id = TK_SITE, .establishment = TK_SITE, .services = "CARDIO"};
    int64_t id = 0;
    snprintf(spec.login, sizeof spec.login, "%s", login);
    snprintf(spec.competences, sizeof spec.competences, "%s=2030-01-01", TK_USE);
    assert_ok(
        auth_account_create(node_auth(w->n), &spec, STR("a long password"), &id, NULL));
    assert_ok(auth_token_create(node_auth(w->n), id, time_now(), 0, token));
}

static int setup(void **state)
{
    nt_setup(state);
    w = *state;
    if (nt_predict(w, 60, 200))
        fail_msg("no prediction: %s", w->d.n ? w->d.item[0].code : "");
    account("amal", LEDGER_PHYSICIAN, doctor);
    account("said", LEDGER_DIRECTOR, director);
    assert_ok(api_new_node(&a, w->n));
    return 0;
}

static int teardown(void **state)
{
    api_free(a);
    return nt_teardown(state);
}

static void every_reading_route_answers_whole_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(routes); i++) {
        const char *brace = strstr(routes[i].pattern, "{id}");
        if (routes[i].servers == 'R' || strcmp(routes[i].method, "GET") != 0)
            continue;
        snprintf(
            path, sizeof path, "%.*s%s%s",
            (int)(brace ? brace - routes[i].pattern : (long)strlen(routes[i].pattern)),
            routes[i].pattern, brace ? w->last : "", brace ? brace + 4 : "");
        starve(a, (struct ask){.path = path,
                               .token = strstr(path, "people") ? director : doctor});
    }
}

static void pages_too(void **state)
{
    static const char *const page[] = {"/login", "/none", "/assets/app.css"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(page); i++)
        starve(a, (struct ask){.path = page[i], .lang = "ar"});
}

static uint64_t decided(void)
{
    struct node_state s = nt_state(w);
    return s.predictions - s.pending;
}

static void make_verdict(struct ask *q, struct buf *b, unsigned k)
{
    static const char *const verdict[] = {
        "{\"outcome\":\"accepted\"}",
        "{\"outcome\":\"refused\",\"reason_code\":\"clinical\"}",
        "{\"outcome\":\"corrected\",\"reason_code\":\"clinical\",\"corrected_value\":0."
        "5}"};
    assert_predicts(w);
    snprintf(path, sizeof path, "/api/v1/predictions/%s/validation", w->last);
    q->path = path;
    q->token = doctor;
    t_addf(b, "%s", verdict[k % AM_LEN(verdict)]);
}

static void a_verdict_is_kept_once(void **state)
{
    (void)state;
    every_step(&(struct gesture){"verdict", a, make_verdict, decided, 201, 1, 409});
}

static size_t stops_in_force(void)
{
    struct reply r =
        t_ask(a, &(struct ask){.path = "/api/v1/local-stops", .token = doctor});
    size_t n = json_size(t_at(&r, "/items"));
    assert_int_equal(r.status, 200);
    t_done(&r);
    return n;
}

/* In force from here on: last. The same request until it is done. */
static void stopped_once(const char *where, const char *body)
{
    bool failed = true;
    int status = 503;
    size_t first = stops_in_force();
    for (long n = 1; failed && status == 503; n = next(n)) {
        size_t before = stops_in_force(), after;
        struct reply r = t_ask(a, &(struct ask){.method = HTTP_POST,
                                                .path = where,
                                                .token = doctor,
                                                .body = str_c(body),
                                                .oom = n});
        failed = r.failed;
        status = r.status;
        if (status != 201 && status != 503 && status != 409)
            fail_msg("%s, allocation %ld: %d %.300s", where, n, status, r.resp.body.p);
        t_done(&r);
        after = stops_in_force();
        assert_true(after <= first + 1);
        if (status != 503) /* 409: it acted before, where that could not be said */
            assert_int_equal(after, first + 1);
        assert_true(after >= before);
    }
    assert_int_not_equal(status, 503);
}

static void a_stop_acts_once_and_at_once(void **state)
{
    char body[200];
    (void)state;
    assert_predicts(w);
    snprintf(path, sizeof path, "/api/v1/predictions/%s/stop", w->last);
    stopped_once(path, "{}");
    snprintf(body, sizeof body,
             "{\"scope\":\"service\",\"service\":\"CARDIO\",\"deployment\":\"%s\"}",
             w->deployment);
    stopped_once("/api/v1/stops", body);
    assert_true(nt_predict(w, 60, 200) != AM_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(every_reading_route_answers_whole_or_not),
        TEST(pages_too),
        TEST(a_verdict_is_kept_once),
        TEST(a_stop_acts_once_and_at_once),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
