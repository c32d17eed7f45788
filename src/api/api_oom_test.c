/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while a request is answered: a refusal that says so or the whole
 * answer, never a part of one; what was asked is done once or not at all. Every reading
 * route of the registry, and the writing ones. */
#include "api/api_oom_test_support.h"

static struct t t;
static struct api *a;
static uint64_t version_index;

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    version_index = t.receipt.index;
    assert_ok(t_event(&t, T_HAS1,
                      "\"type\":\"stop\",\"scope\":\"national\","
                      "\"model_digest\":\"%s\",\"effect_at\":"
                      "\"2026-01-01T00:00:00Z\"",
                      t.model_hex));
    assert_ok(api_new_registry(&a, t.r));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    t_end(&t);
    return 0;
}

static void every_reading_route_answers_whole_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(routes); i++)
        if (routes[i].servers != 'N' && !strcmp(routes[i].method, "GET"))
            starve(a, (struct ask){.path = t_filled(&t, routes[i].pattern, version_index),
                                   .token = t.admin_token});
}

static void searches_and_cards_too(void **state)
{
    static const struct {
        const char *path, *query;
    } row[] = {{"/api/v1/versions", "q=coeur%20risque"},
               {"/api/v1/versions", "q=%22risque%22&level=basic&criticality=standard"},
               {"/api/v1/versions/{digest}/card", "format=annex8"},
               {"/api/v1/versions/{digest}/card", "format=hti1"},
               {"/api/v1/versions/{digest}/card", "format=fhir"},
               {"/api/v1/stops", "since=0&envelopes=1"},
               {"/api/v1/keys", "limit=2"},
               {"/api/v1/nothing", ""}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(row); i++)
        starve(a,
               (struct ask){.path = t_filled(&t, row[i].path, 0), .query = row[i].query});
}

static void pages_too(void **state)
{
    static const char *const path[] = {"/",      "/models/{digest}", "/stops", "/keys",
                                       "/login", "/assets/app.css",  "/none"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(path); i++)
        starve(a, (struct ask){.path = t_filled(&t, path[i], 0), .lang = "ar"});
}

/* Asking changes nothing there. */
static void questions_with_a_body_too(void **state)
{
    struct buf record, tender;
    (void)state;
    buf_init(&record, 1 << 20);
    buf_init(&tender, 1 << 20);
    t_version_record(&t, &record);
    t_addf(&tender,
           "{\"products\":[\"%s\"],\"use_code\":\"CARDIO-RISK\",\"opens_at\":"
           "\"2027-01-01\"}",
           t.model_hex);
    starve(a, (struct ask){.method = HTTP_POST,
                           .path = "/api/v1/checks/versions",
                           .body = buf_str(&record)});
    starve(a, (struct ask){.method = HTTP_POST,
                           .path = "/api/v1/fhir-twins",
                           .body = buf_str(&record)});
    starve(a, (struct ask){.method = HTTP_POST,
                           .path = "/api/v1/tender-checks",
                           .body = buf_str(&tender)});
    buf_release(&tender);
    buf_release(&record);
}

static uint64_t logged(void)
{
    struct registry_stats s;
    registry_stats(t.r, &s);
    return s.size;
}

/* A grant of a fresh key, signed. */
static void grant(struct buf *envelope)
{
    struct crypto_key *key = NULL;
    struct buf record;
    buf_init(&record, 8192);
    buf_init(envelope, 1 << 20);
    assert_ok(crypto_key_generate(&key, CRYPTO_P256));
    t_grant_record(key, "vendor", "OTHER1", &record);
    t_envelope(&t, LEDGER_EVENT, T_MSPS, buf_str(&record), envelope);
    crypto_key_free(key);
    buf_release(&record);
}

/* Whoever is told 503 sends it again: it is in the log once, and the log goes on. */
static void a_statement_is_logged_once_however_often_it_is_sent(void **state)
{
    struct reply r;
    bool failed = true;
    (void)state;
    for (long n = 1; failed; n = next(n)) {
        uint64_t before = logged();
        struct buf e;
        grant(&e);
        r = t_ask(a, &(struct ask){.method = HTTP_POST,
                                   .path = "/api/v1/events",
                                   .body = buf_str(&e),
                                   .oom = n});
        failed = r.failed;
        if (r.status != 201 && r.status != 503)
            fail_msg("allocation %ld: %d %.300s", n, r.status, r.resp.body.p);
        if (r.status == 201)
            assert_int_equal(logged(), before + 1);
        t_done(&r);
        r = t_ask(a, &(struct ask){.method = HTTP_POST,
                                   .path = "/api/v1/events",
                                   .body = buf_str(&e)});
        if (r.status != 201 && r.status != 409)
            fail_msg("after allocation %ld: %d %.300s", n, r.status, r.resp.body.p);
        assert_int_equal(logged(), before + 1);
        t_done(&r);
        buf_release(&e);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reading_route_answers_whole_or_not),
        cmocka_unit_test(searches_and_cards_too),
        cmocka_unit_test(pages_too),
        cmocka_unit_test(questions_with_a_body_too),
        cmocka_unit_test(a_statement_is_logged_once_however_often_it_is_sent),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
