/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the desk share: whom one books with, what the store holds behind the
 * door's back, forms sent by the secretary, and several of them at once. */
#ifndef WARD_DESK_TEST_H
#define WARD_DESK_TEST_H

#include "ward/ward_test.h"

#include <pthread.h>

#define KEY  "0011223344554677a899aabbccddeeff"
#define ID   "00112233-4455-4677-a899-aabbccddeeff"
#define KEY2 "1011223344554677a899aabbccddeeff"
#define NOW  (INT64_C(1795824000) * TIME_SECOND) /* 2026-11-28T00:00Z, 01:00 here */

static inline int d_setup(void **state)
{
    int err = w_setup(state);
    setenv("TZ", "UTC-1", 1);
    tzset();
    w_store("Practitioner", "dr-b",
            "\"active\":true,\"name\":[{\"family\":\"Bennis\",\"given\":[\"Leila\"],"
            "\"prefix\":[\"Dr\"]}]");
    w_store("Practitioner", "dr-c", "\"name\":[{\"text\":\"Dr Cherkaoui\"}]");
    w_store("Practitioner", "dr-c2", "\"name\":[{\"text\":\"Dr Cherkaoui Omar\"}]");
    time_fake(NOW);
    return err;
}

/* What the store holds, behind the door's back. */
static inline struct rest_answer stored(const char *path, const char *query)
{
    struct rest_config rc = {.eds = w_eds, .valid = w_valid, .base = "http://test/fhir"};
    struct rest_request q = {
        .method = REST_GET, .path = str_c(path), .query = str_c(query)};
    struct rest_answer a;
    struct rest *r = NULL;
    assert_ok(rest_new(&r, &rc));
    rest_answer_init(&a);
    rest_serve(r, &q, &a);
    rest_free(r);
    assert_int_equal(a.status, 200);
    return a;
}

static inline void holds_at(int line, const char *path, const char *query,
                            const char *what, bool yes)
{
    struct rest_answer a = stored(path, query);
    if ((strstr(a.body.p, what) != NULL) != yes)
        fail_msg("line %d: %s?%s: %s %s: %.6000s", line, path, query,
                 yes ? "without" : "with", what, a.body.p);
    rest_answer_release(&a);
}
#define HOLDS(path, query, what) holds_at(__LINE__, path, query, what, true)
#define LACKS(path, query, what) holds_at(__LINE__, path, query, what, false)

static inline int total(const char *path, const char *query)
{
    struct rest_answer a = stored(path, query);
    struct json_doc *doc;
    int n;
    assert_ok(json_parse(&doc, buf_str(&a.body), NULL, NULL));
    n = (int)json_int(json_get(json_root(doc), "total"), -1);
    json_free(doc);
    rest_answer_release(&a);
    return n;
}

static inline struct w_page post_at(int line, int status, const char *url,
                                    const char *form)
{
    return w_want_at(line, status, W_SECRETARY, url, w_form(W_SECRETARY, form));
}
#define POST(status, url, form) post_at(__LINE__, status, url, form)
static inline void post_only(int line, int status, const char *url, const char *form)
{
    struct w_page p = post_at(line, status, url, form);
    w_done(&p);
}
#define POST_ONLY(status, url, form) post_only(__LINE__, status, url, form)

#define OPEN "/new-patient"
#define WHO                                                                              \
    "family=Alaoui&given=Fatima+Zahra&family_ar=%D8%A7%D9%84%D8%B9%D9%84%D9%88%D9%8A&"   \
    "given_ar=%D9%81%D8%A7%D8%B7%D9%85%D8%A9&gender=female"
#define REST                                                                             \
    "&born=1984-02-29&ipp=200300&cin=be+123+456&cnss=123456789&phone=06+12-34-56-78&"    \
    "street=12+rue+des+Oudayas&city=Rabat&province=RAB"

/* ---- at once ---- */
struct racer {
    pthread_t thread;
    pthread_barrier_t *start;
    char url[100], form[1500];
    int status;
};
static inline void *race_run(void *arg)
{
    struct racer *r = arg;
    struct w_page p;
    pthread_barrier_wait(r->start);
    p = w_send(w_session[W_SECRETARY], r->url, r->form);
    r->status = p.status;
    w_done(&p);
    return NULL;
}

enum { RACERS = 8 };
/* How many of them wrote. */
static inline int race(struct racer r[RACERS])
{
    pthread_barrier_t start;
    int n = 0;
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        r[i].start = &start;
        assert_int_equal(pthread_create(&r[i].thread, NULL, race_run, &r[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(r[i].thread, NULL);
        if (r[i].status != 303 && r[i].status != 409 && r[i].status != 422)
            fail_msg("%d", r[i].status);
        n += r[i].status == 303;
    }
    pthread_barrier_destroy(&start);
    return n;
}

#endif
