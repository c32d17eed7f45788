/* SPDX-License-Identifier: Apache-2.0 */
/* Patient/[id]/$everything: whose record it is, what of it is told, in which order, and
 * that no page loses or repeats anything. */
#include "rest/rest_test.h"

#include "base/vec.h"

/* Two patients, a visit of each by one practitioner; a and b in each other's papers. */
static void t_record(void)
{
    t_put("Practitioner", "doc", "\"active\":true");
    t_put("Organization", "org", "\"name\":\"x\"");
    t_put("Medication", "pill", "\"code\":{\"text\":\"x\"}");
    t_put("Patient", "a",
          "\"managingOrganization\":{\"reference\":\"Organization/org\"}");
    t_put("Patient", "b", "");
    for (int i = 0; i < 2; i++) {
        char id[8], more[500];
        snprintf(id, sizeof id, "e%c", 'a' + i);
        snprintf(
            more, sizeof more,
            "\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"subject\":{"
            "\"reference\":\"Patient/%c\"},\"period\":{\"start\":\"2024-01-01\","
            "\"end\":\"2024-03-01\"},\"participant\":[{\"individual\":{\"reference\":"
            "\"http://test/fhir/Practitioner/doc\"}}]",
            'a' + i);
        t_put("Encounter", id, more);
    }
    t_put("Observation", "ob",
          "\"status\":\"final\",\"code\":{\"text\":\"\\\"reference\\\":\\\"Patient/b\"},"
          "\"subject\":{\"reference\":\"Patient/b\"}");
    t_put("Observation", "oa", /* it names a paper of b's, and b: neither is a's */
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
          "\"Patient/a\"},\"effectiveDateTime\":\"2024-06-01\",\"focus\":[{\"reference\":"
          "\"Observation/ob\"},{\"reference\":\"Patient/b\"}]");
    t_put("MedicationRequest", "ma",
          "\"status\":\"active\",\"intent\":\"order\",\"medicationReference\":{"
          "\"reference\":\"Medication/pill\"},\"subject\":{\"reference\":\"Patient/a\"},"
          "\"authoredOn\":\"2024-02-10\"");
    t_put("Coverage", "ca",
          "\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"x\",\"name\":"
          "\"y\"}],\"status\":\"active\",\"beneficiary\":{\"reference\":\"Patient/a\"},"
          "\"payor\":[{\"reference\":\"Organization/org\"},{\"reference\":\"#x\"},{"
          "\"reference\":\"Organization/nowhere\"}]");
}

#define A "/Patient/a/$everything"

static void a_record_is_the_compartment_and_what_it_refers_to(void **state)
{
    struct t_reply r;
    (void)state;
    t_record();
    r = T_WANT(200, .url = A);
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 5);
    assert_str_equal(json_str(t_at(&r, "/type")), "searchset");
    assert_str_equal(json_str(t_at(&r, "/entry/4/search/mode")), "match");
    assert_str_equal(json_str(t_at(&r, "/entry/5/search/mode")), "include");
    assert_int_equal(json_size(t_at(&r, "/link")), 1);
    assert_string_equal(t_ids(r), "a ca ma oa ea pill org doc");
    T_IDS("/Patient/b/$everything", "b ob eb doc");
    T_REFUSED(404, "rest.notfound", .url = "/Patient/z/$everything");
    T_REFUSED(404, "rest.path", .url = "/Group/a/$everything");
    T_ONLY(204, REST_DELETE, .url = "/Patient/a");
    T_REFUSED(410, "rest.gone", .url = A);
}

static void dates_types_and_since_choose_what_is_told(void **state)
{
    struct t_reply r;
    char url[200], at[64];
    (void)state;
    t_record();
    /* June: the visit and the order are over; what has no date is told. */
    T_IDS(A "?start=2024-06-01", "a ca oa org");
    T_IDS(A "?end=2024-02", "a ca ma ea pill org doc");
    T_IDS(A "?start=2024-02-15&end=2024-02-20", "a ca ea org doc");
    T_IDS(A "?_type=Observation,Practitioner", "oa doc");
    T_IDS(A "?_type=Medication", "pill");
    r = T_WANT(200, .url = A "?_type=Patient&_type=Encounter");
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 2);
    assert_string_equal(t_ids(r), "a ea");
    r = T_WANT(200, .url = "/Coverage/ca");
    snprintf(at, sizeof at, "%.*s", STR_FMT(json_str(t_at(&r, "/meta/lastUpdated"))));
    t_done(&r);
    t_put("Practitioner", "doc", "\"active\":false");
    snprintf(url, sizeof url, A "?_since=%s", at);
    T_IDS(url, "ca doc"); /* changed, though the visit was not */
    T_REFUSED(400, "rest.type", .url = A "?_type=Observation,Nonsense");
    T_REFUSED(400, "search.date", .url = A "?start=2024-13");
    T_REFUSED(400, "search.date", .url = A "?_since=yesterday");
    T_REFUSED(400, "search.count", .url = A "?_count=-1");
    T_REFUSED(400, "search.unknown", .url = A "?code=x");
    T_REFUSED(400, "search.page", .url = A "?_page=5.1.3.1");
}

static void it_may_be_asked_by_post(void **state)
{
    struct t_reply r;
    (void)state;
    t_record();
    r = T_WANT(200, REST_POST, .url = A,
               .body = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":"
                       "\"_type\",\"valueCode\":\"Coverage\"},{\"name\":\"_count\","
                       "\"valueInteger\":3}]}");
    assert_str_equal(json_str(t_at(&r, "/link/0/url")),
                     "http://test/fhir/Patient/a/$everything?_type=Coverage&_count=3");
    assert_string_equal(t_ids(r), "ca");
    T_ONLY(200, REST_POST, .url = A);
    T_REFUSED(400, "rest.other_type", REST_POST, .url = A,
              .body = "{\"resourceType\":\"Patient\"}");
    T_REFUSED(400, "rest.value", REST_POST, .url = A,
              .body =
                  "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"x\"}]}");
}

enum { T_LONG = 50 };
/* All pages of that many: the ids in the order told, blanks between. */
static size_t t_pages(size_t count, int total, void (*meanwhile)(void), char out[2048])
{
    char next[400];
    size_t n = 0, pages = 0;
    snprintf(next, sizeof next, A "?_count=%zu", count);
    out[0] = 0;
    while (*next) {
        struct t_reply r = T_WANT(200, .url = next);
        struct str url = json_str(t_at(&r, "/link/1/url"));
        size_t entries = json_size(t_at(&r, "/entry"));
        assert_true(entries <= count && entries && ++pages < 50);
        assert_int_equal(json_int(t_at(&r, "/total"), -1), total);
        if (url.n) {
            assert_true(entries == count || count == T_LONG); /* the last is short */
            snprintf(next, sizeof next, "%.*s", (int)(url.n - strlen(t_base)),
                     url.p + strlen(t_base));
        } else
            *next = 0;
        n += (size_t)snprintf(out + n, 2048 - n, "%s%s", n ? " " : "", t_ids(r));
        if (meanwhile)
            meanwhile();
        meanwhile = NULL;
    }
    return pages;
}

static void t_another_visit(void)
{
    t_put("Observation", "new",
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
          "\"Patient/a\"},\"performer\":[{\"reference\":\"Practitioner/doc\"}]");
}

static void t_another_doctor(void)
{
    t_put("Practitioner", "doc", "\"active\":false");
}

static void pages_tell_each_resource_once_of_one_moment(void **state)
{
    char out[2048];
    (void)state;
    t_record();
    for (size_t count = 1; count < 10; count++) {
        t_pages(count, 5, NULL, out);
        assert_string_equal(out, "a ca ma oa ea pill org doc");
    }
    t_pages(2, 5, t_another_visit, out);
    assert_string_equal(out, "a ca ma oa ea pill org doc");
    t_pages(2, 6, t_another_doctor, out); /* as in searches: on no later page */
    assert_string_equal(out, "a new ca ma oa ea pill org");
    T_IDS(A "?_count=0", "");
}

static void a_page_ends_before_it_is_too_long(void **state)
{
    char out[2048];
    (void)state;
    t_record();
    t_close();
    t_open(&(struct rest_config){.told_max = 2048});
    assert_true(t_pages(T_LONG, 5, NULL, out) > 1);
    assert_string_equal(out, "a ca ma oa ea pill org doc");
}

/* ---- who may see what ---- */
static VEC(int64_t) hidden;
static int t_not_hidden(void *arg, const struct rest_look *l, bool *yes)
{
    (void)arg;
    *yes = true;
    for (size_t i = 0; i < hidden.n; i++)
        *yes &= hidden.v[i] != l->rid;
    return AM_OK;
}

/* rids, in the order t_record() writes */
enum { DOC = 1, ORG, PILL, PATIENT, OTHER, VISIT };
static void t_hide(int64_t rid)
{
    hidden.n = 0;
    assert_ok(vec_push(&hidden, rid));
}

static void what_one_may_not_see_brings_nothing(void **state)
{
    struct t_reply r;
    (void)state;
    t_record();
    t_close();
    t_open(&(struct rest_config){.guard.see = t_not_hidden});
    t_hide(VISIT); /* then nobody says that doc saw him */
    r = T_WANT(200, .url = A);
    assert_int_equal(json_int(t_at(&r, "/total"), -1), 4);
    assert_string_equal(t_ids(r), "a ca ma oa pill org");
    t_hide(PILL);
    T_IDS(A, "a ca ma oa ea org doc");
    t_hide(PATIENT);
    T_REFUSED(404, "rest.notfound", .url = A);
    vec_release(&hidden);
}

static int t_seen(void *arg, const struct rest_access *a)
{
    if (a->moment == REST_AFTER) {
        *(size_t *)arg = a->n_seen;
        assert_str_equal(a->type, "Patient");
        assert_str_equal(a->id, "a");
    }
    return AM_OK;
}

static void the_audit_is_told_of_every_resource(void **state)
{
    size_t seen = 0;
    (void)state;
    t_record();
    t_close();
    t_open(&(struct rest_config){.audit = t_seen, .audit_arg = &seen});
    T_ONLY(200, .url = A);
    assert_int_equal(seen, 8);
}

static void it_stands_at_patient_alone(void **state)
{
    struct t_reply r = T_WANT(200, .url = "/metadata");
    size_t n = 0;
    (void)state;
    for (json_each(it, t_at(&r, "/rest/0/resource")))
        for (json_each(op, json_get(it.val, "operation")))
            if (json_str_is(json_get(op.val, "name"), "everything")) {
                assert_true(json_str_is(json_get(it.val, "type"), "Patient"));
                assert_str_equal(
                    json_get_str(op.val, "definition"),
                    "http://hl7.org/fhir/OperationDefinition/Patient-everything");
                n++;
            }
    assert_int_equal(n, 1);
    t_done(&r);
}

static void stored_as(const char *url, const char *pointer, const char *reference)
{
    struct t_reply r = T_WANT(200, .url = url);
    assert_str_equal(json_str(t_at(&r, pointer)), reference);
    t_done(&r);
}

#define SEEN(subject)                                                                    \
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"  \
    "\"subject\":{\"reference\":\"" subject "\"}"

/* However it was written: by create, update, patch, transaction, import. */
static void who_is_named_by_our_address_is_ours(void **state)
{
    (void)state;
    t_close();
    t_open(&(struct rest_config){.former = "http://older/fhir https://old.chu.ma/fhir"});
    t_put("Patient", "a", "");
    T_ONLY(201, REST_POST, "/Observation",
           .body = SEEN("http://test/fhir/Patient/a") "}");
    t_put("Observation", "u",
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
          "\"HTTPS://OLD.chu.ma/fhir/Patient/a/_history/1\"}");
    stored_as("/Observation/u", "/subject/reference", "Patient/a/_history/1");
    T_ONLY(201, REST_PUT, "/Observation?identifier=x",
           .body = SEEN("http://older/fhir/Patient/a") ",\"id\":\"w\"}");
    stored_as("/Observation/w", "/subject/reference", "Patient/a");
    T_ONLY(200, REST_POST, "/",
           .body =
               "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{"
               "\"request\":{\"method\":\"PUT\",\"url\":\"Observation/t\"},"
               "\"resource\":" SEEN("http://older/fhir/Patient/a") ",\"id\":\"t\"}}]}");
    stored_as("/Observation/t", "/subject/reference", "Patient/a");
    T_ONLY(200, REST_POST, "/$import", .type = "application/fhir+ndjson",
           .body = SEEN("https://old.chu.ma/fhir/Patient/a") ",\"id\":\"i\"}\n");
    stored_as("/Observation/i", "/subject/reference", "Patient/a");
    t_put("Observation", "p", "\"status\":\"final\",\"code\":{\"text\":\"x\"}");
    T_ONLY(200, REST_PATCH, "/Observation/p", .type = "application/json-patch+json",
           .body = "[{\"op\":\"add\",\"path\":\"/subject\",\"value\":{\"reference\":"
                   "\"http://test/fhir/Patient/a\"}}]");
    stored_as("/Observation/p", "/subject/reference", "Patient/a");
    t_put("Group", "g",
          "\"type\":\"person\",\"actual\":true,\"member\":[{\"entity\":{\"reference\":"
          "\"https://old.chu.ma/fhir/Patient/a\"}}]");
    stored_as("/Group/g", "/member/0/entity/reference", "Patient/a");
    assert_int_equal(t_total("/Patient/a/Observation"), 6);
    assert_int_equal(t_total(A), 8); /* the Group too */
}

static void who_is_named_by_another_address_is_not(void **state)
{
    static const char *const other[] = {
        "https://other.ma/fhir/Patient/a", "https://old.chu.ma/fhirXPatient/a",
        "https://old.chu.ma/FHIR/Patient/a", "https://old.chu.ma.evil.ma/fhir/Patient/a",
        "http://old.chu.ma/fhir/Patient/a"};
    (void)state;
    t_close();
    t_open(&(struct rest_config){.former = "https://old.chu.ma/fhir"});
    t_put("Patient", "a", "");
    for (size_t i = 0; i < AM_LEN(other); i++) {
        char more[300];
        snprintf(more, sizeof more,
                 "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
                 "\"reference\":\"%s\"}",
                 other[i]);
        t_put("Observation", "o", more);
        stored_as("/Observation/o", "/subject/reference", other[i]);
        assert_int_equal(t_total("/Patient/a/Observation"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_record_is_the_compartment_and_what_it_refers_to),
        T(dates_types_and_since_choose_what_is_told),
        T(it_may_be_asked_by_post),
        T(pages_tell_each_resource_once_of_one_moment),
        T(a_page_ends_before_it_is_too_long),
        T(what_one_may_not_see_brings_nothing),
        T(the_audit_is_told_of_every_resource),
        T(it_stands_at_patient_alone),
        T(who_is_named_by_our_address_is_ours),
        T(who_is_named_by_another_address_is_not),
    };
    return t_run_both(tests, AM_LEN(tests));
}
