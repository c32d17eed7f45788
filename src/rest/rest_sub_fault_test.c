/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions when memory runs out, at every allocation of a turn: no event is lost,
 * none gets two numbers, and what is on the disk is what was told. */
#include "rest/rest_sub.h"

#include "rest/rest_test.h"

static struct rest_subs f_subs;
static char f_file[PATH_MAX];

static int f_setup(void **state)
{
    int err = t_setup(state);
    if (err)
        return err;
    t_close();
    /* A port where nobody listens. */
    t_open(&(struct rest_config){.sub = {.allow = "http://127.0.0.1:1"}});
    f_subs = (struct rest_subs){.r = t_rest};
    snprintf(f_subs.dir, sizeof f_subs.dir, "%s", t_dir);
    snprintf(f_file, sizeof f_file, "%s/s", t_dir);
    assert_int_equal(pthread_mutex_init(&f_subs.lock, NULL), 0);
    t_rest->subs = &f_subs; /* no threads: turns are the test's */
    return 0;
}

static int f_teardown(void **state)
{
    t_rest->subs = NULL;
    while (f_subs.place) { /* no thread gives them back here */
        struct rest_sub_place *p = f_subs.place;
        f_subs.place = p->next;
        free(p);
    }
    pthread_mutex_destroy(&f_subs.lock);
    unlink(f_file);
    return t_teardown(state);
}

#define F_BODY                                                                           \
    "{\"resourceType\":\"Subscription\",\"id\":\"s\",\"status\":\"requested\","          \
    "\"reason\""                                                                         \
    ":\"x\",\"criteria\":\"Patient\",\"channel\":{\"type\":\"rest-hook\",\"endpoint\":"  \
    "\"http://127.0.0.1:1/\",\"payload\":\"application/fhir+json\",\"header\":[\"X-A: "  \
    "b\""                                                                                \
    "]}}"

/* As if the endpoint had taken the handshake. */
static void f_active(void)
{
    struct eds_ask ask = {
        .verb = EDS_UPDATE, .type = STR("Subscription"), .id = STR("s")};
    struct json_doc *doc = NULL;
    struct eds_group *g = NULL;
    struct buf had, is;
    char *at;
    buf_init(&had, EDS_BODY_MAX);
    buf_init(&is, EDS_BODY_MAX);
    assert_ok(eds_read(t_eds, ask.type, ask.id, 0, &had, NULL));
    at = strstr(had.p, "requested");
    assert_non_null(at);
    assert_ok(buf_addf(&is, "%.*sactive%s", (int)(at - had.p), had.p,
                       at + strlen("requested")));
    assert_ok(json_parse(&doc, buf_str(&is), NULL, NULL));
    ask.body = json_root(doc);
    assert_ok(eds_group_new(&g, t_eds));
    assert_ok(eds_put(g, &ask, NULL));
    assert_ok(eds_write(g));
    eds_group_free(g);
    json_free(doc);
    buf_release(&is);
    buf_release(&had);
}

static void a_turn_without_memory_is_taken_again(void **state)
{
    struct rest_sub s = {.id = "s"}, kept = {.id = "s"};
    struct http_client *http;
    bool failed = true;
    int64_t wait_ms, written = 0;
    (void)state;
    assert_ok(http_client_new(&http));
    for (long n = 1; failed; n += n < 100 ? 1 : 5) { /* written, or not at all */
        struct rest_request q = {
            .method = REST_PUT, .path = STR("/Subscription/s"), .body = STR(F_BODY)};
        struct rest_answer a;
        rest_answer_init(&a);
        am_oom_at(n);
        rest_serve(t_rest, &q, &a);
        failed = am_oom_at(0);
        if (a.status != 503 && a.status != 200 && a.status != 201)
            fail_msg("allocation %ld: %d", n, a.status);
        rest_answer_release(&a);
    }
    (void)rest_sub_turn(&f_subs, &s, http, true, &wait_ms);
    assert_int_equal(s.status, SUB_REQUESTED);
    assert_string_equal(s.error, "rest.sub_unreached err.unavailable");
    f_active();
    (void)rest_sub_turn(&f_subs, &s, http, true, &wait_ms);
    assert_int_equal(s.status, SUB_ACTIVE);
    failed = true;
    for (long n = 1; failed; n += n < 300 ? 1 : 11) {
        char id[24];
        snprintf(id, sizeof id, "p%lld", (long long)++written);
        t_put("Patient", id, "");
        s.error[0] = 0;
        am_oom_at(n);
        (void)rest_sub_turn(&f_subs, &s, http, false, &wait_ms);
        failed = am_oom_at(0);
        if (s.error[0]) { /* it was on its way: numbered on the disk */
            assert_ok(rest_sub_load(&f_subs, &kept));
            assert_int_equal(kept.n, s.n);
        }
        if (s.pending && s.error[0]) {
            for (size_t i = 1; i < s.event.n; i++)
                assert_int_equal(s.event.v[i].n, s.event.v[i - 1].n + 1);
            s.pending = 0; /* as if it had been taken */
            s.rid = s.then;
        }
    }
    for (int i = 0; i < 50 && s.n < written; i++) { /* what gathered meanwhile */
        (void)rest_sub_turn(&f_subs, &s, http, false, &wait_ms);
        s.pending = 0;
        s.rid = s.then;
    }
    assert_int_equal(s.n, written);
    assert_ok(rest_sub_load(&f_subs, &kept));
    assert_int_equal(kept.n, written);
    assert_int_equal(kept.event.v[kept.event.n - 1].n, written);
    free(s.text);
    vec_release(&s.event);
    vec_release(&kept.event);
    http_client_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_turn_without_memory_is_taken_again, f_setup,
                                        f_teardown),
    };
    return t_run_both(tests, AM_LEN(tests));
}
