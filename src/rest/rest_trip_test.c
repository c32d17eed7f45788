/* SPDX-License-Identifier: Apache-2.0 */
/* Every official example through the store and back, as JSON and as XML: nothing is lost,
 * nothing added but version and instant. */
#include "fhir/fhir_test.h"
#include "fhir/xml.h"
#include "rest/rest_test.h"

#include <dirent.h>

static size_t kept, refused;

static bool trip_same(const struct json *a, const struct json *b, bool meta)
{
    if (json_type(a) == JSON_ARRAY) {
        bool good = json_size(a) == json_size(b);
        for (json_each(it, a))
            good = good && trip_same(it.val, json_at(b, it.i), false);
        return good;
    }
    if (json_type(a) != JSON_OBJECT)
        return json_num_text(a).n ? str_eq(json_num_text(a), json_num_text(b))
                                  : json_equal(a, b);
    for (json_each(it, a))
        if (!(meta && (str_eqc(it.key, "versionId") || str_eqc(it.key, "lastUpdated"))) &&
            !trip_same(it.val, json_getn(b, it.key), str_eqc(it.key, "meta")))
            return false;
    for (json_each(it, b))
        if (!json_getn(a, it.key) && !str_eqc(it.key, "meta") &&
            !(meta && (str_eqc(it.key, "versionId") || str_eqc(it.key, "lastUpdated"))))
            return false;
    return true;
}

static void as_xml(const char *name, const char *url, const struct json *sent)
{
    struct t_reply r = T_WANT(200, .url = url, .accept = "application/fhir+xml");
    struct json_doc *back = NULL;
    struct buf text;
    buf_init(&text, 64 << 20);
    assert_ok(fhir_xml_read(buf_str(&r.a.body), &text, NULL));
    assert_ok(json_parse(&back, buf_str(&text),
                         &(struct json_limits){.raw_numbers = true}, NULL));
    if (!trip_same(sent, json_root(back), false))
        fail_msg("%s came back changed from XML: %.900s", name, text.p);
    json_free(back);
    buf_release(&text);
    t_done(&r);
}

static void trip(const char *name, const char *text)
{
    struct json_doc *sent = NULL;
    struct t_reply r;
    char url[200];
    assert_ok(
        json_parse(&sent, str_c(text), &(struct json_limits){.raw_numbers = true}, NULL));
    if (!json_get_str(json_root(sent), "id").n) { /* of the one Parameters */
        assert_str_equal(json_get_str(json_root(sent), "resourceType"), "Parameters");
        json_free(sent);
        return;
    }
    snprintf(url, sizeof url, "/%.*s/%.*s",
             STR_FMT(json_get_str(json_root(sent), "resourceType")),
             STR_FMT(json_get_str(json_root(sent), "id")));
    r = t_send(&(struct t_asked){REST_PUT, .url = url, .body = text});
    if (r.a.status == 422) { /* which, and why: fhir_valid_real_test.c */
        print_message("%s is not valid\n", name);
        refused++;
    } else {
        if (r.a.status != 200 && r.a.status != 201)
            fail_msg("%s: %d %.600s", name, r.a.status, r.a.body.p);
        t_done(&r);
        r = T_WANT(200, .url = url);
        if (!trip_same(json_root(sent), json_root(r.doc), false))
            fail_msg("%s came back changed: %.900s", name, t_body(&r));
        as_xml(name, url, json_root(sent));
        kept++;
    }
    t_done(&r);
    json_free(sent);
}

static void examples_come_back_as_they_were_sent(void **state)
{
    const char *under = test_path("fhir-r4-examples/examples");
    char at[4096], path[4500];
    struct dirent *f;
    DIR *dir;
    (void)state;
    if (!test_shared())
        skip();
    snprintf(at, sizeof at, "%s", under);
    dir = opendir(at);
    assert_non_null(dir);
    kept = refused = 0;
    while ((f = readdir(dir))) {
        char *text;
        size_t n;
        if (!str_ends(str_c(f->d_name), STR(".json")))
            continue;
        snprintf(path, sizeof path, "%s/%.300s", at, f->d_name);
        assert_ok(am_file_read(path, 64 << 20, &text, &n));
        trip(f->d_name, text);
        free(text);
    }
    closedir(dir);
    assert_true(kept > 60);
    assert_int_equal(refused, 6); /* as published they break their own specification */
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(examples_come_back_as_they_were_sent)};
    return t_run_both(tests, AM_LEN(tests));
}
