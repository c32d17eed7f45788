/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of vigilance, suppliers, escrow, sandboxes, tenders: who sees what, what a form
 * makes. With AMANE_PAGES_OUT=DIR the pages are written there, to be looked at. */
#include "web/web_site_test_support.h"

#define CASE  "VIG-2026-ABCDEFGHIJ"
#define OTHER "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

static struct world world;
static struct crypto_key *doctor, *agent, *has, *bench;
static char model[CRYPTO_HEX], sandbox[CRYPTO_HEX], order[CRYPTO_HEX];
static uint64_t case_index;

struct person {
    const char *login;
    enum ledger_role role;
    const char *org, *est;
    char cookie[160], csrf[AUTH_TOKEN];
};
static struct person
    quality = {.login = "qualite",
               .role = LEDGER_QUALITY,
               .org = "CHU-RABAT",
               .est = "CHU-RABAT"},
    vendor = {.login = "vendeur", .role = LEDGER_VENDOR, .org = "EXEMPL", .est = ""},
    rival = {.login = "rival", .role = LEDGER_VENDOR, .org = "RIVAL1", .est = ""},
    authority = {.login = "has", .role = LEDGER_HAS, .org = "HAS", .est = ""};

static void sign_in(struct person *p)
{
    struct auth_account a = {.role = p->role};
    char token[AUTH_TOKEN];
    int64_t id;
    snprintf(a.login, sizeof a.login, "%s", p->login);
    snprintf(a.org_id, sizeof a.org_id, "%s", p->org);
    snprintf(a.establishment, sizeof a.establishment, "%s", p->est);
    snprintf(a.lang, sizeof a.lang, "fr");
    assert_ok(
        auth_account_create(registry_auth(world.registry), &a, STR(PASSWORD), &id, NULL));
    assert_ok(auth_login(registry_auth(world.registry), str_c(p->login), STR(PASSWORD),
                         STR("127.0.0.1"), time_now(), token));
    assert_ok(auth_csrf(registry_auth(world.registry), str_c(token), p->csrf));
    snprintf(p->cookie, sizeof p->cookie, "amane_session=%s", token);
}

/* ---- what the log holds ------------------------------------------------------------ */
static const char *days(int64_t n)
{
    static char at[4][TIME_TEXT];
    static unsigned i;
    return time_format((time_now() / TIME_SECOND + n * 86400) * TIME_SECOND, at[i++ % 4]);
}

/* {issued_at, issuer, members}: the record's digest goes to hex when it is not NULL. */
static void event(struct crypto_key *key, const char *role, const char *org,
                  const char *members, char hex[CRYPTO_HEX])
{
    struct buf b, canon;
    uint8_t digest[32];
    buf_init(&b, 1 << 16);
    buf_init(&canon, 1 << 16);
    assert_ok(buf_addf(&b,
                       "{\"issued_at\":\"%s\",\"issuer\":{\"role\":\"%s\",\"org_id\":"
                       "\"%s\"},%s}",
                       days(0), role, org, members));
    assert_ok(json_canon_text(&canon, buf_str(&b), NULL));
    crypto_sha256(buf_str(&canon), digest);
    if (hex)
        crypto_hex(digest, 32, hex);
    say(&world, LEDGER_EVENT, buf_str(&canon), key, true);
    buf_release(&canon);
    buf_release(&b);
}

static struct crypto_key *grant(const char *role, const char *org)
{
    struct crypto_key *k;
    struct buf b, spki;
    buf_init(&b, 4096);
    buf_init(&spki, 1024);
    assert_ok(crypto_key_generate(&k, CRYPTO_P256));
    spki64(k, &spki);
    assert_ok(
        buf_addf(&b,
                 "\"type\":\"key_grant\",\"key\":{\"role\":\"%s\",\"org_id\":\"%s\","
                 "\"label\":\"%s\",\"spki\":\"%.*s\"}",
                 role, org, org, STR_FMT(buf_str(&spki))));
    event(world.msps, "msps", "MSPS", b.p, NULL);
    buf_release(&spki);
    buf_release(&b);
    return k;
}

static void declare(const char *example, enum ledger_kind kind)
{
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    embedded(example, &doc);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, json_root(doc))) { /* as it is, but of today */
        jw_keyn(&w, it.key);
        if (str_eqc(it.key, "issued_at"))
            jw_strz(&w, days(0));
        else
            jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    say(&world, kind, buf_str(&b), world.vendor, kind == LEDGER_ALGORITHM);
    if (kind == LEDGER_VERSION)
        snprintf(model, sizeof model, "%.*s",
                 STR_FMT(json_get_str(json_root(doc), "model_digest")));
    json_free(doc);
    buf_release(&b);
}

static void deposit(void)
{
    struct json_doc *doc;
    struct buf b, items, canon;
    char hex[CRYPTO_HEX];
    uint8_t digest[32];
    buf_init(&b, 1 << 16);
    buf_init(&items, 1 << 16);
    buf_init(&canon, 1 << 16);
    embedded("schema/examples/event-escrow-receipt.json", &doc);
    assert_ok(json_canon(&canon, json_get(json_root(doc), "items")));
    crypto_sha256(buf_str(&canon), digest);
    assert_ok(
        buf_addf(&b,
                 "\"type\":\"escrow_receipt\",\"model_digest\":\"%s\","
                 "\"deposit_id\":\"D-2026-014\",\"deposited_at\":\"%s\",\"level\":0,"
                 "\"items\":%.*s,\"manifest_sha256\":\"%s\",\"conditions\":["
                 "\"insolvency\",\"court_order\"]",
                 model, days(-3), STR_FMT(buf_str(&canon)), crypto_hex(digest, 32, hex)));
    event(agent, "escrow_agent", "TIERS1", b.p, order);
    json_free(doc);
    buf_release(&canon);
    buf_release(&items);
    buf_release(&b);
}

static int last_index(void *arg, const struct ledger *l, uint64_t cosigned)
{
    (void)cosigned;
    *(uint64_t *)arg = ledger_size(l) - 1;
    return AM_OK;
}

static int genesis_of(void *arg, const struct ledger *l, uint64_t cosigned)
{
    (void)cosigned;
    return ledger_genesis_digest(l, arg);
}

static void report_case(void)
{
    char text[1024];
    snprintf(text, sizeof text,
             "\"type\":\"vigilance\",\"case_id\":\"" CASE "\",\"model_digest\":\"%s\","
             "\"establishment\":\"CHU-RABAT\",\"gst\":\"GST-RSK\",\"severity\":"
             "\"life_threatening\",\"false_negative\":true,\"aware_at\":\"%s\","
             "\"traces\":[\"" OTHER "\"],\"terms\":[\"A0101\",\"E0101\"]",
             model, days(-5));
    event(doctor, "physician", "CHU-RABAT", text, NULL);
    assert_ok(registry_view(world.registry, last_index, &case_index));
}

static void open_sandbox(void)
{
    char text[1024];
    snprintf(
        text, sizeof text,
        "\"type\":\"sandbox_open\",\"model_digest\":\"%s\",\"purpose\":\"usability\","
        "\"site\":\"CHU-RABAT\",\"datasets\":[],\"starts_at\":\"%s\",\"ends_at\":"
        "\"%s\",\"no_patients\":true",
        model, days(0), days(60));
    event(has, "has", "HAS", text, sandbox);
}

static int setup(void **state)
{
    (void)state;
    if (world_begin(&world))
        return -1;
    crypto_key_free(world.vendor);
    world.vendor = grant("vendor", "EXEMPL");
    declare("schema/examples/algorithm.json", LEDGER_ALGORITHM);
    declare("schema/examples/version.json", LEDGER_VERSION);
    doctor = grant("physician", "CHU-RABAT");
    agent = grant("escrow_agent", "TIERS1");
    has = grant("has", "HAS");
    bench = grant("bench_operator", "BENCH1");
    report_case();
    deposit();
    open_sandbox();
    sign_in(&quality);
    sign_in(&vendor);
    sign_in(&rival);
    sign_in(&authority);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    crypto_key_free(doctor);
    crypto_key_free(agent);
    crypto_key_free(has);
    crypto_key_free(bench);
    world_end(&world);
    return 0;
}

/* ---- asking ------------------------------------------------------------------------ */
static void get(struct ask *a, const char *url, const struct person *p)
{
    ask_init(a, HTTP_GET, url);
    if (p)
        ask_header(a, "Cookie", p->cookie);
    assert_ok(web_site_handle(world.site, &a->req, &a->resp));
}

static void post(struct ask *a, const char *url, const struct person *p, const char *form)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_ok(buf_addf(&b, "csrf=%s&%s", p->csrf, form));
    ask_init(a, HTTP_POST, url);
    ask_header(a, "Cookie", p->cookie);
    ask_form(a, arena_dup(&a->arena, buf_str(&b)));
    assert_ok(web_site_handle(world.site, &a->req, &a->resp));
    buf_release(&b);
}

/* The page in each language, 200, no id shown as itself, written down when asked. */
static void look(const char *name, const char *url, const struct person *p)
{
    static const char *const lang[] = {"fr", "ar", "en"};
    for (size_t i = 0; i < AM_LEN(lang); i++) {
        char full[512], path[300];
        uint64_t misses = text_misses();
        struct ask a;
        snprintf(full, sizeof full, "%s%clang=%s", url, strchr(url, '?') ? '&' : '?',
                 lang[i]);
        get(&a, full, p);
        if (a.resp.status != 200)
            fail_msg("%s: %d", full, a.resp.status);
        if (text_misses() != misses)
            fail_msg("%s: words are missing", full);
        assert_true(holds(&a, "<h1>"));
        if (getenv("AMANE_PAGES_OUT")) {
            snprintf(path, sizeof path, "%s/%s.%s.html", getenv("AMANE_PAGES_OUT"), name,
                     lang[i]);
            assert_ok(am_file_write(path, buf_str(&a.resp.body), 0644));
        }
        ask_release(&a);
    }
}

static void every_page_speaks_three_languages(void **state)
{
    char url[300];
    (void)state;
    look("vigilance", "/vigilance", NULL);
    look("vigilance-quality", "/vigilance", &quality);
    look("report", "/vigilance/report", &quality);
    look("case-vendor", "/vigilance/" CASE, &vendor);
    look("case-has", "/vigilance/" CASE, &authority);
    look("supplier", "/suppliers/EXEMPL", NULL);
    look("escrow", "/escrow", NULL);
    look("escrow-has", "/escrow", &authority);
    look("sandboxes", "/sandboxes", NULL);
    look("warnings", "/warnings", NULL);
    look("warnings-has", "/warnings?kind=admissibility", &authority);
    look("tender", "/tender", NULL);
    snprintf(url, sizeof url, "/tender?products=%s&use=CARDIO-RISK&opens=2027-01-15",
             model);
    look("tender-answer", url, NULL);
    snprintf(url, sizeof url, "/statements/%llu", (unsigned long long)case_index);
    look("statement", url, NULL);
}

/* Trade name and version, not an identifier; the identifier stands beneath. */
static void a_list_calls_a_model_by_its_name_in_the_readers_language(void **state)
{
    static const struct {
        const char *url, *name;
    } t[] = {{"/suppliers/EXEMPL?lang=fr", "<bdi>C\xc5\x93ur-4 1.0.0</bdi>"},
             {"/suppliers/EXEMPL?lang=ar", "<bdi>\xd9\x82\xd9\x84\xd8\xa8-4 1.0.0</bdi>"},
             {"/escrow?lang=en", "<bdi>Heart-4 1.0.0</bdi>"},
             {"/sandboxes?lang=en", "<bdi>Heart-4 1.0.0</bdi>"},
             {"/warnings?lang=en", "<bdi>Heart-4 1.0.0</bdi>"}};
    struct ask a;
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        get(&a, t[i].url, NULL);
        if (!holds(&a, t[i].name))
            fail_msg("%s does not say %s", t[i].url, t[i].name);
        ask_release(&a);
    }
    get(&a, "/vigilance?lang=en", &quality);
    assert_true(holds(&a, "<bdi>Heart-4 1.0.0</bdi>"));
    ask_release(&a);
}

static void a_refused_form_names_its_fields_and_says_why_at_them(void **state)
{
    struct ask a;
    (void)state;
    post(&a, "/vigilance/report?lang=en", &quality, "model=&terms=&aware=x");
    assert_int_equal(a.resp.status, 422);
    assert_true(holds(&a, "<b>Known since"));
    assert_true(holds(&a, "<b>IMDRF terms</b>"));
    assert_false(holds(&a, "<code><bdi dir=\"ltr\">/"));
    ask_release(&a);
    post(&a, "/events/appeal?lang=en", &vendor, "act=propose&/model_digest=x");
    assert_int_equal(a.resp.status, 422);
    assert_true(holds(&a, "aria-invalid=\"true\""));
    ask_release(&a);
}

static void bands_of_age_are_words(void **state)
{
    static const struct {
        enum text_lang l;
        const char *group, *words;
    } t[] = {{TEXT_FR, "age_band=<45", "moins de 45 ans"},
             {TEXT_EN, "age_band=45-54", "45 to 54 years"},
             {TEXT_EN, "age_band=40-<60.5", "40 to under 60.5 years"},
             {TEXT_EN, "age_band=65+", "65 years and over"},
             {TEXT_FR, "age_band=?", "\xc3\x82ge ?"},
             {TEXT_EN, "site=s1;age_band=<45", "s1, under 45 years"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct buf b;
        buf_init(&b, 1024);
        struct str said = web_group_name(&b, t[i].l, str_c(t[i].group));
        assert_true(str_eqc(said, t[i].words));
        buf_release(&b);
    }
}

/* One version declared, one case of five days ago that nobody has answered yet. */
static void warnings_are_everybodys_and_filtered_by_kind_and_organisation(void **state)
{
    static const struct {
        const char *url;
        bool there;
    } t[] = {{"/warnings", true},
             {"/warnings?kind=admissibility", true},
             {"/warnings?kind=label_expiry", false},
             {"/warnings?org=EXEMPL", true},
             {"/warnings?org=RIVAL1", false},
             {"/warnings?kind=admissibility&org=EXEMPL", true},
             {"/warnings?kind=%22%3E%3Cscript%3E&org=%22%3E%3Cscript%3E", false}};
    char link[160];
    struct ask a;
    (void)state;
    snprintf(link, sizeof link, "/models/%s", model);
    for (size_t i = 0; i < AM_LEN(t); i++) {
        get(&a, t[i].url, NULL);
        assert_int_equal(a.resp.status, 200);
        assert_int_equal(holds(&a, link), t[i].there);
        assert_false(holds(&a, "<script>"));
        assert_false(holds(&a, CASE)); /* counts, never cases */
        assert_false(holds(&a, "href=\"/warnings\""));
        ask_release(&a);
    }
    get(&a, "/", &authority); /* the way there is shown to officials */
    assert_true(holds(&a, "href=\"/warnings\""));
    ask_release(&a);
}

/* A page asked for with allocation 1, 2, 3... failing: an error, and then the page. */
static void starve(const char *url, const char *cookie)
{
    bool delivered = true;
    for (long n = 1; n < 20000 && delivered; n += n < 100 ? 1 : 29) {
        struct ask a;
        ask_init(&a, HTTP_GET, url);
        if (cookie)
            ask_header(&a, "Cookie", cookie);
        am_oom_at(n);
        int err = web_site_handle(world.site, &a.req, &a.resp);
        delivered = am_oom_at(0);
        assert_true(err == AM_E_NOMEM || (!err && a.resp.status >= 200));
        if (!delivered)
            assert_int_equal(a.resp.status, 200);
        ask_release(&a);
    }
    assert_false(delivered);
}

static void without_memory_the_page_of_warnings_is_an_error_and_comes_back(void **state)
{
    (void)state;
    starve("/warnings?org=EXEMPL", NULL);
}

static void without_memory_the_end_of_a_label_is_an_error_and_comes_back(void **state)
{
    char url[128];
    (void)state;
    snprintf(url, sizeof url, "/models/%s/end", model);
    starve(url, authority.cookie);
}

static void who_may_end_a_label_has_its_page(void **state)
{
    static const struct {
        const struct person *p;
        int status;
    } t[] = {
        {&authority, 200}, {&vendor, 200}, {&rival, 403}, {&quality, 403}, {NULL, 303}};
    char url[128];
    struct ask a;
    (void)state;
    snprintf(url, sizeof url, "/models/%s/end", model);
    for (size_t i = 0; i < AM_LEN(t); i++) {
        get(&a, url, t[i].p);
        assert_int_equal(a.resp.status, t[i].status);
        ask_release(&a);
    }
    post(&a, url, &vendor, "act=suspended&reason=x");
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
    post(&a, url, &authority, "act=other");
    assert_int_equal(a.resp.status, 400);
    ask_release(&a);
}

static void a_case_is_shown_to_those_it_concerns_only(void **state)
{
    const struct {
        const struct person *p;
        int status;
    } t[] = {
        {&quality, 200}, {&vendor, 200}, {&authority, 200}, {&rival, 404}, {NULL, 303}};
    char url[64];
    struct ask a;
    (void)state;
    for (size_t i = 0; i < AM_LEN(t); i++) {
        get(&a, "/vigilance/" CASE, t[i].p);
        assert_int_equal(a.resp.status, t[i].status);
        ask_release(&a);
        get(&a, "/vigilance", t[i].p);
        assert_int_equal(holds(&a, CASE), t[i].status == 200);
        ask_release(&a);
    }
    snprintf(url, sizeof url, "/statements/%llu", (unsigned long long)case_index);
    get(&a, url, &rival);
    assert_int_equal(a.resp.status, 200);
    assert_false(holds(&a, CASE)); /* the entry is there, its words are not */
    assert_false(holds(&a, OTHER));
    ask_release(&a);
    get(&a, url, &vendor);
    assert_true(holds(&a, CASE));
    ask_release(&a);
}

static void a_case_says_what_its_codes_are_and_what_its_closure_needs(void **state)
{
    struct ask a;
    (void)state;
    get(&a, "/vigilance/" CASE, &authority);
    assert_true(holds(&a, "Problème du produit (A)"));
    assert_true(holds(&a, "Conclusion de l’enquête (D)"));
    assert_true(holds(&a, "à donner avant la clôture"));
    assert_false(holds(&a, "Composant en cause (G)")); /* nobody asks for it */
    ask_release(&a);
}

static void a_report_becomes_a_text_to_sign(void **state)
{
    char form[512], where[128];
    struct ask a;
    (void)state;
    snprintf(form, sizeof form,
             "model=%s&gst=GST-RSK&severity=serious&aware=2026-11-04T16%%3A30&"
             "terms=A0101+E0101&traces=&false_negative=1",
             model);
    post(&a, "/vigilance/report", &quality, form);
    if (a.resp.status != 303)
        fail_msg("%s", a.resp.body.p);
    snprintf(where, sizeof where, "%s", answer(&a, "Location"));
    assert_memory_equal(where, "/sign/", 6);
    ask_release(&a);
    get(&a, where, &quality);
    assert_int_equal(a.resp.status, 200);
    assert_true(holds(&a, "VIG-"));
    ask_release(&a);
    get(&a, where, &rival); /* a text about a case of others */
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
    get(&a, "/sign", &rival);
    assert_false(holds(&a, where));
    ask_release(&a);
}

static void a_bad_report_comes_back_with_its_values_and_problems(void **state)
{
    char form[512];
    struct ask a;
    (void)state;
    snprintf(form, sizeof form,
             "model=%s&severity=serious&aware=2026-11-04T16%%3A30&terms=A0101+Mme+A."
             "&traces=%%3Cscript%%3E",
             model);
    post(&a, "/vigilance/report", &quality, form);
    assert_int_equal(a.resp.status, 422);
    assert_true(holds(&a, "role=\"alert\""));
    assert_true(holds(&a, "A0101 Mme A."));
    assert_false(holds(&a, "<script>"));
    ask_release(&a);
    snprintf(form, sizeof form, "model=%s", model);
    ask_init(&a, HTTP_POST, "/vigilance/report");
    ask_header(&a, "Cookie", quality.cookie);
    ask_form(&a, form); /* without the token of the form */
    assert_ok(web_site_handle(world.site, &a.req, &a.resp));
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
}

static void the_supplier_answers_and_the_authority_closes_by_forms(void **state)
{
    struct ask a;
    (void)state;
    post(&a, "/vigilance/" CASE, &vendor, "code=correction_planned&terms_new=B01");
    assert_int_equal(a.resp.status, 303);
    ask_release(&a);
    post(&a, "/vigilance/" CASE, &authority,
         "step=closure&outcome=corrected&terms_new=B01+C01+D01");
    assert_int_equal(a.resp.status, 303);
    ask_release(&a);
    post(&a, "/vigilance/" CASE, &rival, "code=contested");
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
}

static void a_tender_answer_has_its_reasons_and_its_certificate(void **state)
{
    char url[400];
    struct ledger_certificate c;
    uint8_t genesis[32];
    struct ask a;
    (void)state;
    snprintf(url, sizeof url, "/tender?products=%s&use=CARDIO-RISK&opens=2027-01-15",
             model);
    get(&a, url, NULL);
    assert_int_equal(a.resp.status, 200);
    assert_true(holds(&a, "/tender/certificate.json?products="));
    ask_release(&a);
    snprintf(url, sizeof url,
             "/tender/certificate.json?products=%s&use=CARDIO-RISK&opens=2027-01-15",
             model);
    get(&a, url, NULL);
    assert_int_equal(a.resp.status, 200);
    assert_ok(registry_view(world.registry, genesis_of, genesis));
    assert_ok(ledger_certificate_open(buf_str(&a.resp.body), genesis, &c, NULL));
    ledger_certificate_release(&c);
    ask_release(&a);
    get(&a, "/tender?products=x+y&use=&opens=", NULL);
    assert_int_equal(a.resp.status, 422);
    assert_true(holds(&a, "role=\"alert\""));
    ask_release(&a);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct ask a;
    (void)state;
    get(&a, "/suppliers/NOBODY", NULL);
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
    get(&a, "/vigilance/VIG-2026-ZZZZZZZZZZ", &authority);
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(every_page_speaks_three_languages),
        TEST(a_list_calls_a_model_by_its_name_in_the_readers_language),
        TEST(bands_of_age_are_words),
        TEST(a_refused_form_names_its_fields_and_says_why_at_them),
        TEST(warnings_are_everybodys_and_filtered_by_kind_and_organisation),
        TEST(without_memory_the_page_of_warnings_is_an_error_and_comes_back),
        TEST(without_memory_the_end_of_a_label_is_an_error_and_comes_back),
        TEST(who_may_end_a_label_has_its_page),
        TEST(a_case_is_shown_to_those_it_concerns_only),
        TEST(a_case_says_what_its_codes_are_and_what_its_closure_needs),
        TEST(a_report_becomes_a_text_to_sign),
        TEST(a_bad_report_comes_back_with_its_values_and_problems),
        TEST(the_supplier_answers_and_the_authority_closes_by_forms),
        TEST(a_tender_answer_has_its_reasons_and_its_certificate),
        TEST(what_is_not_there_is_not_found),
    };
    return cmocka_run_group_tests(t, setup, teardown);
}
