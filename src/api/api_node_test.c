/* SPDX-License-Identifier: Apache-2.0 */
/* The face of a node that has never seen its registry: doors, rights, forms of answers.
 * What it does once it mirrors a log is tested by `node` and by the scenarios. */
#include "api/api_test_support.h"

static char dir[64], data[96];
static struct node *n;
static struct api *a;
static struct node_identity who;
static char doctor[AUTH_TOKEN], two[AUTH_TOKEN], dim[AUTH_TOKEN];

static void account(const char *login, enum ledger_role role, const char *services,
                    char token[AUTH_TOKEN])
{
    struct auth_account spec = {
        .role = role, .org_id = "CHU-RABAT", .establishment = "CHU-RABAT"};
    int64_t id = 0;
    snprintf(spec.login, sizeof spec.login, "%s", login);
    snprintf(spec.services, sizeof spec.services, "%s", services);
    assert_ok(
        auth_account_create(node_auth(n), &spec, STR("a long password"), &id, NULL));
    assert_ok(auth_token_create(node_auth(n), id, time_now(), 0, token));
}

static int setup(void **state)
{
    struct node_config c = {.dir = data,
                            .registry_url = "http://127.0.0.1:1",
                            .genesis = "00000000000000000000000000000000"
                                       "00000000000000000000000000000000"};
    struct diag d;
    (void)state;
    snprintf(dir, sizeof dir, "%s/amane-api-XXXXXX", test_top());
    if (!mkdtemp(dir))
        return -1;
    snprintf(data, sizeof data, "%s/data", dir);
    buf_init(&who.witness_vkey, 4096);
    buf_init(&who.trace_vkey, 4096);
    buf_init(&who.service_spki, 4096);
    diag_init(&d);
    assert_ok(node_init(data, "n01", "GST-RSK", "CHU-RABAT", &who));
    if (node_open(&n, &c, &d))
        fail_msg("%s %s", d.n ? d.item[0].code : "", d.n ? d.item[0].detail : "");
    diag_release(&d);
    account("doctor", LEDGER_PHYSICIAN, "CARDIO", doctor);
    account("two", LEDGER_NURSE, "CARDIO URGENCES", two);
    account("dim", LEDGER_DIM, "", dim);
    assert_ok(api_new_node(&a, n));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    node_close(n);
    buf_release(&who.witness_vkey);
    buf_release(&who.trace_vkey);
    buf_release(&who.service_spki);
    nftw(dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static void a_node_without_a_registry_says_so(void **state)
{
    struct reply r = t_ask(a, &(struct ask){.path = "/api/v1/state"});
    (void)state;
    assert_int_equal(r.status, 200);
    assert_str_equal(json_str(t_at(&r, "/node")), "n01");
    assert_str_equal(json_str(t_at(&r, "/gst")), "GST-RSK");
    assert_int_equal(json_int(t_at(&r, "/size"), -1), 0);
    assert_false(json_bool(t_at(&r, "/lease_fresh"), true));
    assert_false(json_bool(t_at(&r, "/registry_reachable"), true));
    t_done(&r);
    assert_int_equal(t_get(a, "/healthz", NULL), 200);
    r = t_ask(a, &(struct ask){.path = "/readyz"});
    assert_int_equal(r.status, 503); /* it does not know which log it mirrors */
    assert_false(json_bool(t_at(&r, "/ready"), true));
    t_done(&r);
    assert_int_equal(t_get(a, "/metrics", NULL), 200);
    r = t_ask(a, &(struct ask){.path = "/trace/checkpoint"});
    assert_int_equal(r.status, 200);
    t_done(&r);
    assert_int_equal(t_get(a, "/trace/../identity.json", NULL), 404);
    assert_int_equal(t_get(a, "/api/v1/versions", NULL), 404); /* the registry's */
}

static void the_right_is_asked_before_the_body_is_read(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
    } k[] = {{HTTP_POST, "/api/v1/predictions"},
             {HTTP_GET, "/api/v1/predictions"},
             {HTTP_GET, "/api/v1/predictions/x"},
             {HTTP_GET, "/api/v1/predictions/x/proof"},
             {HTTP_POST, "/api/v1/predictions/x/validation"},
             {HTTP_POST, "/api/v1/stops"},
             {HTTP_POST, "/api/v1/sync"},
             {HTTP_GET, "/api/v1/deployments"},
             {HTTP_POST, "/api/v1/accounts"}};
    struct reply r;
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        r = t_ask(a, &(struct ask){.method = k[i].method, .path = k[i].path});
        assert_int_equal(r.status, 401);
        t_assert_shape(&r, "unauthorized");
        t_done(&r);
    }
    r = t_post(a, "/api/v1/predictions", dim, "not even JSON");
    assert_int_equal(r.status, 403); /* who codes stays does not treat */
    t_done(&r);
    r = t_post(a, "/api/v1/sync", doctor, "");
    assert_int_equal(r.status, 403);
    t_done(&r);
    r = t_post(a, "/api/v1/predictions", doctor, "not even JSON");
    assert_int_equal(r.status, 400);
    t_done(&r);
}

static void a_prediction_nobody_may_make_is_refused_with_reasons(void **state)
{
    struct reply r = t_post(
        a, "/api/v1/predictions", doctor,
        "{\"deployment\":\"00\",\"service\":\"CARDIO\",\"bundle\":{\"resourceType\":"
        "\"Bundle\",\"type\":\"collection\",\"entry\":[]}}");
    (void)state;
    assert_int_equal(r.status, 422);
    assert_non_null(r.doc);
    assert_true(json_size(t_at(&r, "/problems")) > 0);
    t_done(&r);
}

static void those_who_treat_see_their_own_services(void **state)
{
    static const struct {
        const char *token, *query;
        int status;
    } k[] = {{doctor, NULL, 200},
             {doctor, "service=CARDIO", 200},
             {doctor, "service=URGENCES", 403},
             {two, NULL, 422}, /* which one? */
             {two, "service=URGENCES", 200},
             {two, "service=X", 403},
             {dim, NULL, 200},
             {dim, "service=CARDIO", 200},
             {doctor, "limit=0", 400},
             {doctor, "limit=501", 400},
             {doctor, "before=yesterday", 400}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct reply r = t_ask(a, &(struct ask){.path = "/api/v1/predictions",
                                                .token = k[i].token,
                                                .query = k[i].query});
        if (r.status != k[i].status)
            fail_msg("case %zu: %d", i, r.status);
        if (r.status == 200)
            assert_int_equal(json_type(t_at(&r, "/items")), JSON_ARRAY);
        t_done(&r);
    }
    assert_int_equal(t_get(a, "/api/v1/predictions/none", doctor), 404);
    assert_int_equal(t_get(a, "/api/v1/predictions/none/proof", doctor), 404);
    assert_int_equal(t_get(a, "/api/v1/deployments", doctor), 200);
}

static void a_house_opens_accounts_for_its_people_only(void **state)
{
#define ACCOUNT(login, role, rest)                                                       \
    "{\"login\":\"" login "\",\"password\":\"a long password\",\"role\":\"" role         \
    "\",\"org_id\":\"CHU-RABAT\"" rest "}"
    static const struct {
        const char *body;
        int status;
    } k[] = {{ACCOUNT("p1", "physician", ""), 201},
             {ACCOUNT("p2", "nurse", ",\"establishment\":\"CHU-RABAT\""), 201},
             {ACCOUNT("p3", "nurse", ",\"establishment\":\"CHU-FES\""), 403},
             {ACCOUNT("p4", "msps", ",\"function\":\"registry_desk\""), 403},
             {ACCOUNT("p5", "system", ""), 403},
             {ACCOUNT("p6", "has", ""), 403}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct reply r = t_post(a, "/api/v1/accounts", who.admin_token, k[i].body);
        if (r.status != k[i].status)
            fail_msg("case %zu: %d", i, r.status);
        t_done(&r);
    }
}

static void a_witness_answers_in_its_own_protocol(void **state)
{
    struct reply r = t_post(a, "/witness/add-checkpoint", NULL, "nonsense");
    (void)state;
    assert_int_equal(r.status, 503); /* it does not know any log yet */
    t_done(&r);
    r = t_post(a, "/api/v1/stop-orders", NULL, "{}");
    assert_true(r.status >= 400 && r.status < 500);
    assert_non_null(t_at(&r, "/problems"));
    t_done(&r);
}

static void an_extension_of_the_lease_needs_its_signatures_and_no_session(void **state)
{
    static const char *const body[] = {"", "{}", "{\"envelopes\":[{}]}"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(body); i++) {
        struct reply r = t_post(a, "/api/v1/lease-extension", NULL, body[i]);
        assert_true(r.status >= 400 && r.status < 500);
        assert_non_null(t_at(&r, "/problems"));
        t_done(&r);
    }
}

static void openapi_describes_the_node(void **state)
{
    struct reply r = t_ask(a, &(struct ask){.path = "/api/v1/openapi.json"});
    (void)state;
    assert_non_null(json_get(t_at(&r, "/paths"), "/api/v1/predictions/{id}/validation"));
    assert_null(json_get(t_at(&r, "/paths"), "/api/v1/versions"));
    assert_str_equal(json_str(t_at(&r, "/info/title")), "Amane node");
    t_done(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_without_a_registry_says_so),
        TEST(the_right_is_asked_before_the_body_is_read),
        TEST(a_prediction_nobody_may_make_is_refused_with_reasons),
        TEST(those_who_treat_see_their_own_services),
        TEST(a_house_opens_accounts_for_its_people_only),
        TEST(a_witness_answers_in_its_own_protocol),
        TEST(an_extension_of_the_lease_needs_its_signatures_and_no_session),
        TEST(openapi_describes_the_node),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
