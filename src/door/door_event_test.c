/* SPDX-License-Identifier: Apache-2.0 */
/* The record as AuditEvents: pages, what may be asked, and the form of the answer. */
#include "door/door_test.h"

#include <fcntl.h>

static const struct json *v_entry(const struct t_reply *r, size_t i)
{
    return json_get(json_at(t_at(r, "/entry"), i), "resource");
}

static struct str v_link(const struct t_reply *r, const char *relation)
{
    for (json_each(it, t_at(r, "/link")))
        if (json_str_is(json_get(it.val, "relation"), relation))
            return json_get_str(it.val, "url");
    return STR_NULL;
}

static void pages_tell_each_record_once_the_newest_first(void **state)
{
    enum { READS = 47 };
    char query[600] = "patient=a&_count=10";
    int64_t last = INT64_MAX, id;
    size_t told = 0, pages = 0;
    (void)state;
    for (int i = 0; i < READS; i++)
        T_ONLY(200, T_GET(T_NURSE, i % 2 ? "/Observation/oa" : "/Patient/a"));
    T_ONLY(200, T_GET(T_DIM, "/Patient/b"));
    while (query[0]) {
        struct t_reply r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = query);
        struct str next = v_link(&r, "next"), before;
        size_t n = json_size(t_at(&r, "/entry"));
        assert_true(n <= 10 && pages < 10);
        assert_null(t_at(&r, "/total")); /* more than was looked at */
        for (size_t i = 0; i < n; i++) {
            assert_ok(str_int(json_get_str(v_entry(&r, i), "id"), 1, INT64_MAX, &id));
            assert_true(id < last);
            last = id;
        }
        told += n;
        pages++;
        assert_true(str_starts(v_link(&r, "self"), str_c(t_base)));
        query[0] = 0;
        if (next.n) {
            before = str_cut(next, '?', &next);
            assert_str_equal(before, "http://test/fhir/AuditEvent");
            snprintf(query, sizeof query, "%.*s", STR_FMT(next));
        }
        t_done(&r);
        T_ONLY(200, T_GET(T_NURSE, "/Patient/a")); /* is not on the pages that follow */
    }
    assert_int_equal(told, READS);
    assert_int_equal(pages, 5);
}

static size_t v_many(const char *query)
{
    struct t_reply r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = query);
    size_t n = json_size(t_at(&r, "/entry"));
    int64_t total = json_int(t_at(&r, "/total"), -1);
    if (total >= 0)
        assert_true((size_t)total >= n);
    t_done(&r);
    return n;
}

static void what_is_asked_holds_and_no_less(void **state)
{
    char query[200];
    struct t_reply r;
    (void)state;
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"));
    T_ONLY(200, T_GET(T_DIM, "/Patient/a"));
    snprintf(query, sizeof query, "patient=Patient/a&agent=%s", t_pseudonym[T_DIM]);
    assert_int_equal(v_many(query), 1);
    snprintf(query, sizeof query, "patient=a&agent:identifier=|%s", t_pseudonym[T_DIM]);
    assert_int_equal(v_many(query), 1);
    assert_int_equal(v_many("patient=a&date=ge2020-01-01&date=lt2020-02-01"), 0);
    assert_int_equal(v_many("patient=a&date=ge2020-01-01&date=ge2020-02-01"), 2);
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = "patient=a&_count=0");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 2);
    assert_null(t_at(&r, "/entry"));
    t_done(&r);
    static const char *const bad[] = {
        "patiant=b",       "date=gt",         "_count=-1",           "_count=x",
        "_page=0",         "_sort=date",      "patient=a&patient=b", "date=2026-13-01",
        "agent=x&agent=y", "entity=Patient/a"};
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        r = t_send(&(struct t_asked){T_GET(T_DPO, "/AuditEvent"), .query = bad[i]});
        if (r.status != 400)
            fail_msg("%s: %d", bad[i], r.status);
        t_done(&r);
    }
    T_ONLY(403, T_GET(T_NURSE, "/AuditEvent"));
    T_ONLY(403, T_GET(T_DSI, "/AuditEvent"));
}

static void in_xml_too(void **state)
{
    struct t_reply r;
    (void)state;
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"));
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = "patient=a&_format=xml");
    assert_non_null(strstr(r.body.p, "<Bundle xmlns=\"http://hl7.org/fhir\""));
    assert_non_null(strstr(r.body.p, "<AuditEvent"));
    assert_non_null(strstr(r.body.p, "AuditEvent?patient=a&amp;_format=xml"));
    t_done(&r);
    r = T_WANT(400, T_GET(T_DPO, "/AuditEvent"), .query = "x=y&_format=xml");
    assert_non_null(strstr(r.body.p, "<OperationOutcome"));
    t_done(&r);
}

/* Who looked is written before he is told; a record that was changed is not told. */
static void a_broken_chain_is_said(void **state)
{
    char path[PATH_MAX];
    int fd;
    (void)state;
    T_ONLY(200, T_GET(T_NURSE, "/Patient/a"));
    snprintf(path, sizeof path, "%s/access/0000000000000001.trail", t_dir);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 100), 1);
    close(fd);
    T_ONLY(500, T_GET(T_DPO, "/AuditEvent"), .query = "patient=a");
}

/* What was begun is not told as done; operations and broken glass are found as such. */
static void attempts_operations_and_broken_glass_are_told_apart(void **state)
{
    struct t_reply r;
    const char *id;
    char path[80];
    (void)state;
    T_ONLY(200, T_GET(T_DIM, "/Patient/b"));
    T_ONLY(200, T_GET(T_DIM, "/Patient/a/$everything"));
    T_ONLY(200, T_GET(T_PHYSICIAN, "/Patient/b"), .glass = "cardiac arrest in hall");
    T_ONLY(201, T_POST(T_NURSE, "/Observation"),
           .body = "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{"
                   "\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/a\"}}");
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"), .query = "subtype=create");
    assert_int_equal(json_size(t_at(&r, "/entry")), 2); /* after, before */
    assert_string_equal(json_str(t_at(&r, "/entry/0/resource/outcome")).p, "0");
    assert_null(t_at(&r, "/entry/1/resource/outcome"));
    assert_string_equal(json_str(t_at(&r, "/entry/1/resource/outcomeDesc")).p, "before");
    t_done(&r);
    assert_int_equal(v_many("subtype=operation"), 1);
    assert_int_equal(v_many("subtype=$everything"), 1);
    assert_int_equal(v_many("subtype=urn:amane:operation|$everything"), 1);
    assert_int_equal(
        v_many("subtype=http://hl7.org/fhir/restful-interaction|$everything"), 0);
    assert_int_equal(v_many("_security=BTG"), 1);
    assert_int_equal(v_many("_security=TREAT"), 0);
    r = T_WANT(200, T_GET(T_DPO, "/AuditEvent"),
               .query =
                   "_security=http://terminology.hl7.org/CodeSystem/v3-ActReason|BTG");
    assert_int_equal(json_size(t_at(&r, "/entry")), 1);
    id = json_str(t_at(&r, "/entry/0/resource/id")).p;
    snprintf(path, sizeof path, "/AuditEvent/%s", id);
    t_done(&r);
    r = T_WANT(200, T_GET(T_DPO, path));
    assert_string_equal(json_str(t_at(&r, "/id")).p, path + 12);
    assert_string_equal(json_str(t_at(&r, "/meta/security/0/code")).p, "BTG");
    t_done(&r);
    T_ONLY(404, T_GET(T_DPO, "/AuditEvent/999999"));
    T_ONLY(404, T_GET(T_DPO, "/AuditEvent/x"));
    T_ONLY(403, T_GET(T_NURSE, path));
    T_ONLY(403, T_GET(T_DSI, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pages_tell_each_record_once_the_newest_first),
        T(what_is_asked_holds_and_no_less),
        T(attempts_operations_and_broken_glass_are_told_apart),
        T(in_xml_too),
        T(a_broken_chain_is_said),
    };
    return t_run_both(tests, AM_LEN(tests));
}
