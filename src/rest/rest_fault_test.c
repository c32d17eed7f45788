/* SPDX-License-Identifier: Apache-2.0 */
/* Many at once, and a disk and memory that run out. */
#include "rest/rest_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

enum { CROWD = 8, EACH = 12 };

static void crowd(void *(*fn)(void *))
{
    pthread_t t[CROWD];
    int number[CROWD];
    for (int i = 0; i < CROWD; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&t[i], NULL, fn, &number[i]), 0);
    }
    for (int i = 0; i < CROWD; i++)
        pthread_join(t[i], NULL);
}

static _Atomic int created, existed, other;

static void count(struct t_reply *r)
{
    if (r->a.status == 201)
        created++;
    else if (r->a.status == 200)
        existed++;
    else
        other++;
    t_done(r);
}

static void *create_each(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        char none[64], body[200];
        struct t_reply r;
        snprintf(none, sizeof none, "identifier=urn:s|%d", i);
        snprintf(body, sizeof body,
                 "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:s\","
                 "\"value\":\"%d\"}]}",
                 i);
        r = t_send(&(struct t_asked){REST_POST, .url = "/Patient", .body = body,
                                     .none_exist = none});
        count(&r);
    }
    return NULL;
}

static void parallel_conditional_creates_make_exactly_one(void **state)
{
    (void)state;
    created = existed = other = 0;
    crowd(create_each);
    assert_int_equal(other, 0);
    assert_int_equal(created, EACH);
    assert_int_equal(existed, EACH * (CROWD - 1));
    assert_int_equal(t_total("/Patient"), EACH);
}

static void *transact_each(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        char body[800];
        struct t_reply r;
        snprintf(
            body, sizeof body,
            "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
            "\"fullUrl\":\"urn:uuid:p\",\"resource\":{\"resourceType\":\"Patient\","
            "\"identifier\":[{\"value\":\"%d\"}]},\"request\":{\"method\":\"POST\","
            "\"url\":\"Patient\",\"ifNoneExist\":\"identifier=%d\"}},{\"resource\":{"
            "\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\""
            ":\"x\"},\"subject\":{\"reference\":\"urn:uuid:p\"}},\"request\":{"
            "\"method\":\"POST\",\"url\":\"Observation\"}}]}",
            i, i);
        r = t_send(&(struct t_asked){REST_POST, .url = "/", .body = body});
        count(&r);
    }
    return NULL;
}

static void parallel_transactions_agree_on_who_is_there(void **state)
{
    (void)state;
    created = existed = other = 0;
    crowd(transact_each);
    assert_int_equal(other, 0);
    assert_int_equal(t_total("/Patient"), EACH);
    for (int i = 0; i < EACH; i++) {
        char url[80];
        snprintf(url, sizeof url, "/Observation?subject:Patient.identifier=%d", i);
        assert_int_equal(t_total(url), CROWD);
    }
}

static void *patch_each(void *arg)
{
    const int *number = arg;
    for (int i = 0; i < 3; i++) {
        char body[200];
        struct t_reply r;
        snprintf(body, sizeof body,
                 "[{\"op\":\"add\",\"path\":\"/identifier/-\",\"value\":{\"value\":\"%d-"
                 "%d\"}}]",
                 *number, i);
        do {
            r = t_send(&(struct t_asked){REST_PATCH, .url = "/Patient/a",
                                         .type = "application/json-patch+json",
                                         .body = body});
            other += r.a.status != 200 && r.a.status != 409;
            if (r.a.status != 409)
                break;
            t_done(&r);
        } while (true);
        t_done(&r);
    }
    return NULL;
}

static void no_patch_is_lost(void **state)
{
    struct t_reply r;
    (void)state;
    other = 0;
    t_put("Patient", "a", "\"identifier\":[{\"value\":\"x\"}]");
    crowd(patch_each);
    assert_int_equal(other, 0);
    r = T_WANT(200, .url = "/Patient/a");
    assert_int_equal(json_size(t_at(&r, "/identifier")), 1 + 3 * CROWD);
    t_done(&r);
}

/* ---- a full disk: a limit on the file's size gives its errors ---- */
static int fill(int i)
{
    char body[4000];
    struct t_reply r;
    int status,
        n = snprintf(body, sizeof body, "{\"resourceType\":\"Patient\",\"name\":[");
    for (unsigned k = 0; k < 40; k++) /* nothing to squeeze */
        n += snprintf(body + n, sizeof body - (size_t)n, "%s{\"family\":\"%08x%08x\"}",
                      k ? "," : "", ((unsigned)i * 40 + k) * 2654435761u, k * 40503u);
    snprintf(body + n, sizeof body - (size_t)n, "]}");
    r = t_send(&(struct t_asked){REST_POST, .url = "/Patient", .body = body});
    status = r.a.status;
    if (status != 201) /* a reason, in the reader's language, not half an answer */
        assert_non_null(t_at(&r, "/issue/0/details/text"));
    t_done(&r);
    return status;
}

static void full_disk_child(void)
{
    struct rlimit small, old;
    int i = 0, status = 201;
    t_open(NULL);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 1500000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    while (status == 201 && i < 10000)
        status = fill(i++);
    assert_int_equal(status, 507);
    assert_true(i > 10);
    assert_int_equal(fill(i), 507);
    assert_int_equal(t_total("/Patient"), i - 1); /* it is read, and holds what it said */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0); /* somebody made room */
    assert_int_equal(fill(i), 201);
    assert_int_equal(t_total("/Patient"), i);
    t_close();
}

static void on_a_full_disk_it_is_507_and_goes_on(void **state)
{
    (void)state;
    t_close(); /* its threads are not the child's */
    test_in_child(full_disk_child);
    t_open(NULL);
}

/* ---- memory ---- */
static int starve(const struct t_asked *k, bool *failed)
{
    struct str query, path = str_cut(str_c(k->url), '?', &query);
    struct rest_request q = {
        .method = k->method, .path = path, .query = query, .body = str_c(k->body)};
    struct rest_answer a;
    int status;
    q.header[REST_H_CONTENT_TYPE] = str_c(k->type);
    q.header[REST_H_IF_NONE_EXIST] = str_c(k->none_exist);
    rest_answer_init(&a);
    rest_serve(t_rest, &q, &a);
    *failed = am_oom_at(0);
    status = a.status;
    rest_answer_release(&a);
    return status;
}

static void without_memory_it_is_503_or_done(void **state)
{
    static const struct t_asked ask[] = {
        {REST_POST, .url = "/Patient", .none_exist = "identifier=9",
         .body = "{\"resourceType\":\"Patient\",\"identifier\":[{\"value\":\"9\"}]}"},
        {REST_GET, .url = "/Patient?identifier=9&_elements=identifier&_format=xml"},
        {REST_GET, .url = "/Patient/a/_history?_summary=true&_pretty=true"},
        {REST_PATCH, .url = "/Patient/a", .type = "application/json-patch+json",
         .body = "[{\"op\":\"add\",\"path\":\"/active\",\"value\":true}]"},
        {REST_POST, .url = "/",
         .body = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
                 "\"fullUrl\":\"urn:uuid:p\",\"resource\":{\"resourceType\":\"Patient\","
                 "\"link\":[{\"other\":{\"reference\":\"Patient?identifier=W\"},\"type\":"
                 "\"seealso\"}]},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}}]"
                 "}"}};
    (void)state;
    t_put("Patient", "a", "\"identifier\":[{\"value\":\"W\"}]");
    for (size_t i = 0; i < AM_LEN(ask); i++) {
        bool failed = true;
        int64_t before = t_total("/Patient");
        for (long n = 1; failed; n += n < 200 ? 1 : 7) {
            int status;
            am_oom_at(n);
            status = starve(&ask[i], &failed);
            if (status != 200 && status != 201 && status != 503)
                fail_msg("%s, allocation %ld: %d", ask[i].url, n, status);
            if (!failed)
                assert_true(status == 200 || status == 201);
        }
        assert_true(t_total("/Patient") >= before);
    }
    assert_int_equal(t_total("/Patient?identifier=9"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(parallel_conditional_creates_make_exactly_one),
        T(parallel_transactions_agree_on_who_is_there),
        T(no_patch_is_lost),
        T(without_memory_it_is_503_or_done),
    };
    const struct CMUnitTest file[] = {T(on_a_full_disk_it_is_507_and_goes_on)};
    int bad = cmocka_run_group_tests_name("files", file, NULL, NULL);
    bad += test_both_stores(tests, AM_LEN(tests), test_slice(AM_LEN(tests), 3), &t_pg);
    fhir_valid_free(t_valid);
    return bad;
}
