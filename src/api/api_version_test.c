/* SPDX-License-Identifier: Apache-2.0 */
/* A version by its names and as it was (registry.md 12): GET /versions/{id}[@tree_size].
 */
#include "api/api_test_support.h"

static struct t t;
static struct api *a;
static int64_t declared_size; /* of the log, once the version was declared */

static int64_t size_now(void)
{
    struct registry_stats s;
    registry_stats(t.r, &s);
    return (int64_t)s.size;
}

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_registry(&t);
    t_declared(&t);
    assert_ok(api_new_registry(&a, t.r));
    declared_size = size_now();
    assert_ok(t_event(&t, T_DESK,
                      "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                      "\"admissible\",\"pointers\":[]",
                      t.model_hex));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    t_end(&t);
    return 0;
}

static struct reply get(const char *id, const char *rest, int64_t size)
{
    char path[256], at[32] = "";
    const char *query = strchr(rest, '?');
    if (size)
        snprintf(at, sizeof at, "@%lld", (long long)size);
    snprintf(path, sizeof path, "/api/v1/versions/%s%s%.*s", id, at,
             (int)strcspn(rest, "?"), rest);
    return t_ask(a, &(struct ask){.method = HTTP_GET,
                                  .path = path,
                                  .query = query ? query + 1 : NULL,
                                  .lang = "fr"});
}

static void the_identifier_of_an_algorithm_is_its_newest_version(void **state)
{
    static const char *const rest[] = {"", "/history", "/card?format=annex8",
                                       "/card?format=hti1"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(rest); i++) {
        struct reply by_digest = get(t.model_hex, rest[i], 0),
                     by_name = get(t.algorithm_id, rest[i], 0);
        struct buf one, other;
        buf_init(&one, 1 << 22);
        buf_init(&other, 1 << 22);
        assert_int_equal(by_digest.status, 200);
        assert_int_equal(by_name.status, 200);
        assert_ok(json_canon(&one, t_at(&by_digest, "")));
        assert_ok(json_canon(&other, t_at(&by_name, "")));
        assert_true(str_eq(buf_str(&one), buf_str(&other)));
        buf_release(&one);
        buf_release(&other);
        t_done(&by_digest);
        t_done(&by_name);
    }
}

static void a_version_is_told_as_it_was_at_a_size(void **state)
{
    struct reply now = get(t.model_hex, "", 0),
                 then = get(t.algorithm_id, "", declared_size),
                 history = get(t.model_hex, "/history", declared_size),
                 whole = get(t.model_hex, "/history", size_now()),
                 card = get(t.model_hex, "/card?format=annex8", declared_size);
    (void)state;
    assert_true(json_str_is(t_at(&now, "/version/state"), "admissible"));
    assert_int_equal(then.status, 200);
    assert_true(json_str_is(t_at(&then, "/version/state"), "declared"));
    assert_int_equal(json_int(t_at(&then, "/tree_size"), 0), declared_size);
    assert_int_equal(json_size(t_at(&history, "/items")) + 1,
                     json_size(t_at(&whole, "/items")));
    assert_int_equal(json_int(t_at(&card, "/tree_size"), 0), declared_size);
    assert_true(json_str_is(t_at(&card, "/A7_status/lifecycle_state"), "declared"));
    t_done(&card);
    t_done(&whole);
    t_done(&history);
    t_done(&then);
    t_done(&now);
}

static void what_was_has_the_same_bytes_for_ever(void **state)
{
    struct reply before = get(t.model_hex, "", declared_size), after;
    struct buf one, other;
    (void)state;
    buf_init(&one, 1 << 20);
    buf_init(&other, 1 << 20);
    t_grant(&t, T_STRANGER); /* the log grows */
    after = get(t.model_hex, "", declared_size);
    assert_ok(json_canon(&one, t_at(&before, "")));
    assert_ok(json_canon(&other, t_at(&after, "")));
    assert_true(str_eq(buf_str(&one), buf_str(&other)));
    buf_release(&one);
    buf_release(&other);
    t_done(&before);
    t_done(&after);
}

static void before_it_was_declared_there_is_no_version(void **state)
{
    struct reply r = get(t.model_hex, "", 1),
                 beyond = get(t.model_hex, "", size_now() + 1);
    (void)state;
    assert_int_equal(r.status, 404);
    assert_int_equal(beyond.status, 404);
    t_done(&r);
    t_done(&beyond);
}

static void a_name_or_a_size_that_is_none_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *id, *rest, *code;
        int status;
    } bad[] = {
        {"zz", "", "path.version", 400},
        {"MA-IA-DEMO-AAAAAAAAAA-0", "/history", "path.version",
         400}, /* check character */
        {"@3", "", "path.version", 400},
        {"M@", "", "path.size", 400},
        {"M@0", "", "path.size", 400},
        {"M@-1", "", "path.size", 400},
        {"M@x", "/card?format=chai", "path.size", 400},
        {"M@3@4", "", "path.size", 400},
        {"M@99999999999999999999", "", "path.size", 400},
        {"M@S", "/proof", "path.proof_size", 400},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        char id[128];
        struct reply r;
        if (strstr(bad[i].id, "@S"))
            snprintf(id, sizeof id, "%s@%lld", t.model_hex, (long long)declared_size);
        else
            snprintf(id, sizeof id, "%s%s",
                     bad[i].id[0] == 'M' && bad[i].id[1] == '@' ? t.model_hex : "",
                     bad[i].id[0] == 'M' && bad[i].id[1] == '@' ? bad[i].id + 1
                                                                : bad[i].id);
        r = get(id, bad[i].rest, 0);
        if (r.status != bad[i].status ||
            !json_str_is(t_at(&r, "/problems/0/code"), bad[i].code))
            fail_msg("%s%s: %d %.*s", bad[i].id, bad[i].rest, r.status,
                     STR_FMT(json_str(t_at(&r, "/problems/0/code"))));
        assert_true(json_str(t_at(&r, "/problems/0/message")).n > 20);
        t_done(&r);
    }
}

/* Each size is folded anew when none below it is kept: a reader has so many a minute. */
static void too_many_sizes_in_a_row_are_refused_with_a_time(void **state)
{
    struct reply r = get(t.model_hex, "", declared_size);
    (void)state;
    for (int i = 0; i < 1000 && r.status != 429; i++) {
        t_done(&r);
        r = get(t.model_hex, "", declared_size - i % declared_size);
    }
    t_assert_shape(&r, "toomany");
    assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "past.often");
    assert_str_equal(t_header(&r, "Retry-After"), "60");
    t_done(&r);
    r = get(t.model_hex, "", 0); /* today's is for everybody */
    assert_int_equal(r.status, 200);
    t_done(&r);
}

static void the_quorum_is_a_file_any_c2sp_tool_reads(void **state)
{
    struct reply r = t_ask(a, &(struct ask){.path = "/api/v1/quorum"});
    struct tlog_policy *p = NULL;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(r.status, 200);
    assert_true(str_starts(t_header(&r, "Content-Type"), STR("text/plain")));
    assert_true(str_starts(buf_str(&r.resp.body), STR("log ")));
    assert_ok(tlog_policy_parse(&p, buf_str(&r.resp.body), &d));
    tlog_policy_free(p);
    diag_release(&d);
    t_done(&r);
}

static void a_parameter_nobody_reads_is_refused_by_its_name(void **state)
{
    static const struct {
        const char *rest;
        int status;
    } q[] = {{"?tree_size=3", 400},
             {"/history?limit=1", 400},
             {"/card?format=hti1", 200},
             {"/card?format=hti1&tree_size=3", 400},
             {"?lang=ar", 200},
             {"?", 200},
             {"?&", 200},
             {"?tree%5fsize=3", 400},
             {"?a=1&b=2&c=3&d=4&e=5", 400}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(q); i++) {
        struct reply r = get(t.model_hex, q[i].rest, 0);
        assert_int_equal(r.resp.status, q[i].status);
        if (r.resp.status == 400)
            assert_non_null(strstr(buf_str(&r.resp.body).p, "query.unknown"));
        if (i == 0)
            assert_non_null(strstr(buf_str(&r.resp.body).p, "tree_size"));
        t_done(&r);
    }
}

static int damage(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c, "update entry set payload=$1 where idx=$2", "bi", STR("{}"),
                   (int64_t)t.receipt.index);
}

/* A payload whose bytes are no longer those of its digest costs its answers only (the key
 * was once written before the bytes were read: the writer's assertion ended the server).
 * Last: the store is not the same afterwards. */
static void a_payload_that_cannot_be_read_is_an_error_of_its_answer(void **state)
{
    char url[64];
    struct reply r;
    (void)state;
    assert_ok(db_write(registry_db(t.r), damage, NULL));
    snprintf(url, sizeof url, "/api/v1/statements/%llu",
             (unsigned long long)t.receipt.index);
    r = t_ask(a, &(struct ask){.path = url});
    assert_int_equal(r.status, 500);
    t_done(&r);
    r = get(t.model_hex, "", 0); /* the state needs none of these bytes */
    assert_int_equal(r.status, 200);
    t_done(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(the_identifier_of_an_algorithm_is_its_newest_version),
        TEST(a_version_is_told_as_it_was_at_a_size),
        TEST(what_was_has_the_same_bytes_for_ever),
        TEST(before_it_was_declared_there_is_no_version),
        TEST(a_parameter_nobody_reads_is_refused_by_its_name),
        TEST(a_name_or_a_size_that_is_none_is_refused_with_a_reason),
        TEST(too_many_sizes_in_a_row_are_refused_with_a_time),
        TEST(the_quorum_is_a_file_any_c2sp_tool_reads),
        TEST(a_payload_that_cannot_be_read_is_an_error_of_its_answer),
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
