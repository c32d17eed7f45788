/* SPDX-License-Identifier: Apache-2.0 */
/* A document with its file, sent by a person. */
#include "door/door_test.h"

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

#define F_FILE                                                                           \
    "{\"resourceType\":\"Binary\",\"contentType\":\"text/plain\",\"data\":\"eA==\"}"
#define F_DOCUMENT(url)                                                                  \
    "{\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"subject\":{"       \
    "\"reference\":\"Patient/a\"},\"content\":[{\"attachment\":{\"url\":\"" url "\"}}]}"

static void a_file_alone_is_refused_with_what_to_do(void **state)
{
    static const char *const said[][2] = {{"en", "in one transaction"},
                                          {"fr", "une même transaction"},
                                          {"ar", "معاملة واحدة"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(said); i++) {
        struct t_reply r = T_WANT(403, T_POST(T_PHYSICIAN, "/Binary"), .body = F_FILE,
                                  .language = said[i][0]);
        assert_non_null(strstr(r.body.p, said[i][1]));
        t_done(&r);
    }
    T_ONLY(403, T_PUT(T_PHYSICIAN, "/Binary/alone"),
           .body = "{\"resourceType\":\"Binary\",\"id\":\"alone\",\"contentType\":"
                   "\"text/plain\",\"data\":\"eA==\"}");
    T_ONLY(201, T_POST(T_PHYSICIAN, "/Binary"),
           .body = "{\"resourceType\":\"Binary\",\"contentType\":\"text/plain\",\"data\":"
                   "\"eA==\",\"securityContext\":{\"reference\":\"Patient/a\"}}");
}

static void nor_may_a_document_take_one_that_is_there(void **state)
{
    struct t_reply r;
    (void)state;
    t_store("Binary", "there", "\"contentType\":\"text/plain\"");
    r = T_WANT(403, T_POST(T_PHYSICIAN, "/DocumentReference"),
               .body = F_DOCUMENT("Binary/there"));
    assert_non_null(strstr(r.body.p, "in one transaction"));
    t_done(&r);
}

static void one_transaction_does_it(void **state)
{
    struct t_reply r;
    char path[200];
    (void)state;
    r = T_WANT(
        200, T_POST(T_PHYSICIAN, ""),
        .body = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
                "\"fullUrl\":\"urn:uuid:0b6c8a5e-1111-4222-8333-444455556666\","
                "\"resource\":" F_FILE
                ",\"request\":{\"method\":\"POST\",\"url\":\"Binary\"}},{"
                "\"resource\":" F_DOCUMENT("urn:uuid:0b6c8a5e-1111-4222-8333-"
                                           "444455556666") ",\"request\":{"
                                                           "\"method\":\"POST\",\"url\":"
                                                           "\"DocumentReference\"}}]}");
    snprintf(path, sizeof path, "%s",
             json_str(t_at(&r, "/entry/0/response/location")).p + strlen(t_base));
    *strstr(path, "/_history") = 0;
    t_done(&r);
    T_ONLY(200, T_GET(T_PHYSICIAN, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_file_alone_is_refused_with_what_to_do),
        T(nor_may_a_document_take_one_that_is_there),
        T(one_transaction_does_it),
    };
    return t_run_both(tests, AM_LEN(tests));
}
