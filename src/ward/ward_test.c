/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that read: who may, who is found, what a chart says and does not say. */
#include "ward/ward_test.h"

#include "base/log.h"

static void each_page_wants_a_session(void **state)
{
    const struct web_pages *p = ward_pages(w_ward);
    (void)state;
    for (size_t i = 0; i < p->n; i++) {
        char url[200] = "";
        struct str left = str_c(p->page[i].path);
        while (left.n) { /* each "*" becomes a patient */
            struct str part = str_cut(left, '*', &left);
            snprintf(url + strlen(url), sizeof url - strlen(url), "%.*s%s", STR_FMT(part),
                     left.p ? "khadija" : "");
        }
        struct w_page r =
            w_want_at(__LINE__, 303, -1, url, p->page[i].post ? "a=b" : NULL);
        if (strncmp(r.to, "/login", 6) != 0)
            fail_msg("%s leads to %s", url, r.to);
        w_done(&r);
    }
}

/* web/gallery.json: what test/59-ward.sh opens. */
static void each_page_is_looked_at_by_the_browser_test(void **state)
{
    const struct web_pages *p = ward_pages(w_ward);
    const char *root = getenv("AMANE_SOURCE_ROOT");
    struct json_doc *gallery;
    char path[1024];
    size_t entries = 0, pages = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/web/gallery.json", root ? root : ".");
    assert_ok(json_parse_file(&gallery, path, NULL, NULL));
    for (json_each(it, json_get(json_root(gallery), "pages")))
        entries += json_str_is(json_get(it.val, "site"), "ward");
    for (size_t i = 0; i < p->n; i++) {
        size_t n = 0;
        for (json_each(it, json_get(json_root(gallery), "pages")))
            n += json_str_is(json_get(it.val, "site"), "ward") &&
                 json_str_is(json_get(it.val, "path"), p->page[i].path) &&
                 json_size(json_get(it.val, "at"));
        if (!p->page[i].post && n != 1)
            fail_msg("%s: %zu entries in the pages of web/gallery.json", p->page[i].path,
                     n);
        pages += !p->page[i].post;
    }
    assert_int_equal(entries, pages); /* none of a page that is not */
    json_free(gallery);
}

static void each_form_wants_its_token(void **state)
{
    const struct web_pages *p = ward_pages(w_ward);
    (void)state;
    for (size_t i = 0; i < p->n; i++) {
        static const int who[] = {W_PHYSICIAN, W_NURSE, W_LAB, W_SECRETARY};
        char url[200];
        struct str rest, part = str_cut(str_c(p->page[i].path), '*', &rest);
        if (!p->page[i].post)
            continue;
        snprintf(url, sizeof url, "%.*s%s%.*s", STR_FMT(part), rest.p ? "khadija" : "",
                 STR_FMT(rest));
        for (size_t k = 0; k < AM_LEN(who); k++) {
            struct w_page r =
                W_POST(403, who[k], url, "csrf=00&name=a&reason=long+enough");
            w_done(&r);
        }
    }
}

static void who_has_no_patients_sees_no_page(void **state)
{
    static const char *const url[] = {"/patients", "/patients?name=khadija",
                                      "/patients/khadija", "/patients/khadija/results",
                                      "/break-glass"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(url); i++) {
        struct w_page r = W_GET(403, W_DSI, url[i]);
        W_LACKS(&r, "Amrani");
        w_done(&r);
    }
}

static void finds(const char *query, const char *what)
{
    char url[300];
    snprintf(url, sizeof url, "/patients?%s", query);
    struct w_page r = W_GET(200, W_PHYSICIAN, url);
    if (what)
        W_HAS(&r, what);
    else
        W_LACKS(&r, "/patients/khadija");
    W_LACKS(&r, "/patients/omar");
    w_done(&r);
}

static void a_patient_is_found_by_what_is_known_of_him(void **state)
{
    static const char khadija[] = "href=\"/patients/khadija\"";
    (void)state;
    finds("name=khad", khadija);
    finds("name=KHADIJA+el", khadija);
    finds("name=amrani+khadija", khadija);                 /* whole words, in any order */
    finds("name=%D8%AE%D8%AF%D9%8A%D8%AC%D8%A9", khadija); /* خديجة */
    finds("name=Khadidja", khadija);                       /* another spelling */
    finds("identifier=100234", khadija);
    finds("identifier=1002", NULL);
    finds("born=1961-03-14&name=k", khadija);
    finds("born=1961-03-15&name=k", NULL);
    finds("name=%D8%B9%D9%85%D8%B1", NULL); /* omar: in nobody's care */
    finds("identifier=100777", NULL);
    finds("name=a%2Cb%7C%24%5C", NULL); /* signs of searches are letters here */
    struct w_page r = W_GET(200, W_PHYSICIAN, "/patients?name=khad");
    W_HAS(&r, "1 patient found");
    W_HAS(&r, "العمراني خديجة");
    W_HAS(&r, "100234");
    w_done(&r);
    r = W_GET(200, W_PHYSICIAN, "/patients?name=nobody");
    W_HAS(&r, "No patient found");
    w_done(&r);
    r = W_GET(200, W_PHYSICIAN, "/patients?born=yesterday");
    W_HAS(&r, "cannot be read");
    w_done(&r);
    r = W_GET(200, W_SECRETARY, "/patients?identifier=100777");
    W_HAS(&r, "href=\"/patients/omar\"");
    w_done(&r);
}

static void texts_of_resources_stay_texts(void **state)
{
    static const char *const url[] = {
        "/patients?name=Zakaria", "/patients/hostile", "/patients/hostile/results",
        "/patients/hostile/trend?system=%22%3E%3Cscript%3Ealert(1)%3C/"
        "script%3E&code=%22%3E"
        "%3Cscript%3Ealert(1)%3C/script%3E"};
    (void)state;
    w_store("Condition", "h",
            "\"code\":{\"text\":\"" HOSTILE "\"}," W_SUBJECT("hostile"));
    w_store("Observation", "h",
            "\"status\":\"final\",\"code\":{\"text\":\"" HOSTILE
            "\"},\"valueQuantity\":{\"value\":1,\"unit\":\"" HOSTILE
            "\"}," W_SUBJECT("hostile"));
    for (size_t i = 0; i < AM_LEN(url); i++) {
        struct w_page r = W_GET(200, W_PHYSICIAN, url[i]);
        W_HAS(&r, HOSTILE_OUT);
        W_LACKS(&r, "<script>alert");
        W_LACKS(&r, "<svg onload");
        W_LACKS(&r, "\xe2\x80\xae");
        w_done(&r);
    }
}

static void nobody_learns_who_is_there(void **state)
{
    struct w_page there = W_GET(404, W_PHYSICIAN, "/patients/omar"),
                  not_there = W_GET(404, W_PHYSICIAN, "/patients/amor"),
                  odd = W_GET(404, W_PHYSICIAN, "/patients/%24export");
    (void)state;
    for (char *p; (p = strstr(there.body.p, "omar"));)
        memcpy(p, "amor", 4); /* the address, in the links of languages */
    assert_string_equal(there.body.p, not_there.body.p);
    W_HAS(&odd, "No file to show");
    w_done(&there);
    w_done(&not_there);
    w_done(&odd);
}

static void a_chart_says_numbers_as_they_were_written(void **state)
{
    struct w_page r;
    (void)state;
    w_store("Observation", "a",
            "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\","
            "\"code\":\"4548-4\"}]},\"effectiveDateTime\":\"2026-11-21T23:30:00+01:00\","
            "\"valueQuantity\":{\"value\":6.50,\"unit\":\"%\"},\"referenceRange\":[{"
            "\"high\":{\"value\":6.0,\"unit\":\"%\"}}]," W_SUBJECT("khadija"));
    w_store("Observation", "wrong",
            "\"status\":\"entered-in-error\",\"code\":{\"coding\":[{\"system\":\"http://"
            "loinc.org\",\"code\":\"4548-4\"}]},\"effectiveDateTime\":\"2026-11-22\","
            "\"valueQuantity\":{\"value\":65,\"unit\":\"%\"}," W_SUBJECT("khadija"));
    r = W_GET(200, W_PHYSICIAN, "/patients/khadija");
    W_HAS(&r, "6.50\xe2\x80\xaf%");
    W_HAS(&r, "High");
    W_HAS(&r, "Haemoglobin A1c");
    W_HAS(&r, "21 November 2026"); /* as it was there, not a day later */
    W_HAS(&r, "23:30");
    W_LACKS(&r, "65\xe2\x80\xaf%");
    W_HAS(&r, "This does not mean that there is none"); /* allergies */
    w_done(&r);
    r = W_GET(200, W_SECRETARY, "/patients/khadija");
    W_LACKS(&r, "6.50");
    W_LACKS(&r, "Allergies");
    W_HAS(&r, "Visits and stays");
    w_done(&r);
}

static void what_a_model_said_says_so(void **state)
{
    struct w_page r;
    (void)state;
    w_store("RiskAssessment", "m",
            "\"status\":\"preliminary\",\"meta\":{\"security\":[{\"system\":\"http://"
            "terminology.hl7.org/CodeSystem/v3-ObservationValue\",\"code\":\"AIAST\"}]},"
            "\"prediction\":[{\"outcome\":{\"text\":\"Sepsis\"},\"probabilityDecimal\":"
            "0.12}]," W_SUBJECT("khadija"));
    r = W_GET(200, W_PHYSICIAN, "/patients/khadija");
    W_HAS(&r, "Sepsis");
    W_HAS(&r, "Said by a model, not validated");
    W_HAS(&r, "12 of 100 patients like this one");
    w_done(&r);
    r = W_GET(200, W_NURSE, "/patients/khadija");
    W_LACKS(&r, "Sepsis");
    w_done(&r);
}

static void put_measure(const char *id, const char *at, const char *value,
                        const char *unit)
{
    char members[600];
    snprintf(
        members, sizeof members,
        "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\","
        "\"code\":\"2339-0\"}]},\"effectiveDateTime\":\"%s\",\"valueQuantity\":{"
        "\"value\":%s,\"unit\":\"%s\"}," W_SUBJECT("khadija"),
        at, value, unit);
    w_store("Observation", id, members);
}

static void units_never_share_a_curve(void **state)
{
    static const char url[] =
        "/patients/khadija/trend?system=http%3A%2F%2Floinc.org&code=2339-0";
    struct w_page r;
    (void)state;
    put_measure("g1", "2026-01", "1.01", "g/L"); /* no day: not drawn */
    r = W_GET(200, W_PHYSICIAN, url);
    W_HAS(&r, "Nothing here can be drawn");
    W_LACKS(&r, "<figure");
    w_done(&r);
    put_measure("g2", "2026-02-01", "5.6", "mmol/L");
    put_measure("g3", "2026-03-01", "0.98", "g/L");
    put_measure("g4", "2026-04-01T08:00:00Z", "1.25", "g/L");
    r = W_GET(200, W_PHYSICIAN, url);
    W_HAS(&r, "<title>Glucose</title>");
    W_HAS(&r, "<desc>Latest measure: 1.25\xe2\x80\xafg/L, 1 April 2026</desc>");
    W_HAS(&r, "2 measures are not drawn");
    W_HAS(&r, "5.6\xe2\x80\xafmmol/L");
    W_HAS(&r, "1.01\xe2\x80\xafg/L");
    w_done(&r);
}

/* ---- breaking the glass ---- */
static size_t w_recorded; /* records with the reason */
static int count_reason(void *arg, struct str event)
{
    char text[8192];
    snprintf(text, sizeof text, "%.*s", STR_FMT(event));
    w_recorded += strstr(text, arg) != NULL;
    return AM_OK;
}
static size_t recorded(const char *reason)
{
    w_recorded = 0;
    assert_ok(door_events(&(struct door_events){.dir = w_dir}, count_reason,
                          (void *)(uintptr_t)reason));
    return w_recorded;
}

static void the_glass_is_broken_with_a_reason(void **state)
{
    struct w_page r;
    (void)state;
    r = W_POST(422, W_PHYSICIAN, "/break-glass",
               w_form(W_PHYSICIAN, "identifier=100777&reason=short"));
    W_HAS(&r, "aria-invalid");
    W_HAS(&r, "value=\"100777\"");
    w_done(&r);
    r = W_POST(422, W_PHYSICIAN, "/break-glass",
               w_form(W_PHYSICIAN, "reason=arrest+in+the+corridor"));
    W_HAS(&r, "Give a name or an identifier");
    w_done(&r);
    r = W_POST(422, W_PHYSICIAN, "/break-glass",
               w_form(W_PHYSICIAN, "identifier=no&reason=arrest+in+the+corridor"));
    W_HAS(&r, "Nobody is found");
    w_done(&r);
    r = W_POST(403, W_SECRETARY, "/break-glass",
               w_form(W_SECRETARY, "identifier=100777&reason=arrest+in+the+corridor"));
    w_done(&r);
    r = W_GET(404, W_PHYSICIAN, "/patients/omar");
    w_done(&r);
    r = W_POST(303, W_PHYSICIAN, "/break-glass",
               w_form(W_PHYSICIAN, "identifier=100777&reason=arrest+in+the+corridor"));
    assert_string_equal(r.to, "/patients/omar");
    w_done(&r);
    size_t before = recorded("arrest in the corridor");
    r = W_GET(200, W_PHYSICIAN, "/patients/omar");
    W_HAS(&r, "arrest in the corridor");
    w_done(&r);
    assert_true(recorded("arrest in the corridor") > before);
    r = W_GET(404, W_NURSE, "/patients/omar"); /* nobody else's */
    w_done(&r);
    r = W_POST(303, W_PHYSICIAN, "/patients/omar/glass-end", w_form(W_PHYSICIAN, ""));
    w_done(&r);
    r = W_GET(404, W_PHYSICIAN, "/patients/omar");
    w_done(&r);
}

static void a_reason_is_over_after_half_an_hour(void **state)
{
    int64_t now = time_now();
    struct w_page r =
        W_POST(303, W_PHYSICIAN, "/break-glass",
               w_form(W_PHYSICIAN, "identifier=100777&reason=a+night+on+call"));
    (void)state;
    w_done(&r);
    time_fake(now + 20 * 60 * TIME_SECOND);
    r = W_GET(200, W_PHYSICIAN, "/patients/omar");
    w_done(&r);
    time_fake(now + 31 * 60 * TIME_SECOND);
    r = W_GET(404, W_PHYSICIAN, "/patients/omar");
    w_done(&r);
}

static void the_table_of_reasons_is_bounded(void **state)
{
    struct web_visit v = {.pages = w_ward, .session = STR("s"), .now = TIME_DAY};
    struct ward_glass g;
    char id[16];
    (void)state;
    for (int i = 0; i <= WARD_GLASSES; i++) {
        snprintf(id, sizeof id, "p%d", i);
        v.now++;
        ward_glass_put(&v, str_c(id), STR("some reason"));
    }
    assert_false(ward_glass_find(&v, STR("p0"), &g)); /* the oldest made room */
    assert_true(ward_glass_find(&v, STR("p1"), &g));
    assert_true(ward_glass_find(&v, str_c(id), &g));
    v.session = STR("t");
    assert_false(ward_glass_find(&v, str_c(id), &g));
}

/* ---- small pieces ---- */
static void says(const char *json, const char *want)
{
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    buf_init(&b, 8192);
    jw_init(&w, &b);
    jw_obj(&w);
    assert_ok(
        json_parse(&doc, str_c(json), &(struct json_limits){.raw_numbers = true}, NULL));
    ward_patient(&w, TEXT_EN, json_root(doc),
                 INT64_C(1795824000) * TIME_SECOND); /* 2026-11-28 */
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(buf_addc(&b, 0));
    if (!strstr(b.p, want))
        fail_msg("no %s in %s", want, b.p);
    json_free(doc);
    buf_release(&b);
}

static void ages_are_whole_years_months_or_days(void **state)
{
    (void)state;
    says("{\"birthDate\":\"1961-11-28\"}", "\"years\":65");
    says("{\"birthDate\":\"1961-11-29\"}", "\"years\":64");
    says("{\"birthDate\":\"2024-11-28\"}", "\"years\":2");
    says("{\"birthDate\":\"2024-11-29\"}", "\"months\":23");
    says("{\"birthDate\":\"2026-11-01\"}", "\"days\":27");
    says("{\"birthDate\":\"1961-11-28\",\"deceasedDateTime\":\"2000-11-27\"}",
         "\"years\":38");
    says("{\"birthDate\":\"2027-01-01\"}", "\"name\":\"No name\",\"born\"");
    says("{\"birthDate\":\"1961\"}", "\"born\":{\"text\":\"1961\"}");
    says("{\"name\":[{\"use\":\"old\",\"family\":\"A\"},{\"text\":\"B\"}]}",
         "\"name\":\"B\"");
}

static void texts_lose_controls_and_are_cut_whole(void **state)
{
    struct buf b;
    struct jw w;
    char lng[2 * WARD_TEXT + 1];
    (void)state;
    buf_init(&b, 8192);
    jw_init(&w, &b);
    jw_obj(&w);
    ward_kstr(&w, "a", STR("x\xe2\x80\xaey\xe2\x81\xa6z\xd8\x9cw\xe2\x80\x8f\n"));
    for (size_t i = 0; i < sizeof lng - 1; i += 2)
        memcpy(lng + i, "\xd8\xa8", 2);
    lng[sizeof lng - 1] = 0;
    ward_kstr(&w, "b", str_sub(str_c(lng), 0, WARD_TEXT + 2));
    ward_kstr(&w, "c", STR_NULL);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_true(str_starts(buf_str(&b), STR("{\"a\":\"xyzw \",\"b\":\"")));
    assert_true(str_ends(buf_str(&b), STR("\xd8\xa8\xe2\x80\xa6\",\"c\":\"\"}")));
    buf_release(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, w_setup, w_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_patient_is_found_by_what_is_known_of_him),
        T(nobody_learns_who_is_there),
        T(a_chart_says_numbers_as_they_were_written),
        T(each_page_wants_a_session),
        T(each_page_is_looked_at_by_the_browser_test),
        T(each_form_wants_its_token),
        T(who_has_no_patients_sees_no_page),
        T(texts_of_resources_stay_texts),
        T(what_a_model_said_says_so),
        T(units_never_share_a_curve),
        T(the_glass_is_broken_with_a_reason),
        T(a_reason_is_over_after_half_an_hour),
        T(the_table_of_reasons_is_bounded),
        cmocka_unit_test(ages_are_whole_years_months_or_days),
        cmocka_unit_test(texts_lose_controls_and_are_cut_whole),
    };
    return w_run(tests, AM_LEN(tests), 3);
}
