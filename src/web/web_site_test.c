/* SPDX-License-Identifier: Apache-2.0 */
/* Pages against hostile records and hostile readers. The browser's side of the same pages
 * is test/45-pages.sh. */
#include "base/map.h"
#include "web/web_site_test_support.h"

static const char *const langs[] = {"fr", "ar", "en"};

static struct world world;
static struct node *node;
static struct web_site *node_site;
static char model_url[80];

/* ---- set-up
 * ------------------------------------------------------------------------- */
static void grant_vendor(void)
{
    struct buf b, spki;
    struct jw w;
    char at[TIME_TEXT];
    buf_init(&b, 4096);
    buf_init(&spki, 1024);
    spki64(world.vendor, &spki);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "issued_at", time_format(time_now(), at));
    jw_key(&w, "issuer");
    jw_raw(&w, STR("{\"role\":\"msps\",\"org_id\":\"MSPS\"}"));
    jw_kstrz(&w, "type", "key_grant");
    jw_key(&w, "key");
    jw_obj(&w);
    jw_kstrz(&w, "role", "vendor");
    jw_kstrz(&w, "org_id", "EXEMPL");
    jw_kstrz(&w, "label", "Vendor " ATTACK);
    jw_kstr(&w, "spki", buf_str(&spki));
    jw_obj_end(&w);
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    say(&world, LEDGER_EVENT, buf_str(&b), world.msps, true);
    buf_release(&spki);
    buf_release(&b);
}

static void declare(const char *example, enum ledger_kind kind, bool front_door)
{
    struct json_doc *doc;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 20);
    embedded(example, &doc);
    jw_init(&w, &b);
    poison(&w, STR(""), json_root(doc));
    assert_ok(jw_done(&w));
    say(&world, kind, buf_str(&b), world.vendor, front_door);
    if (kind == LEDGER_VERSION)
        snprintf(model_url, sizeof model_url, "/models/%.*s",
                 STR_FMT(json_get_str(json_root(doc), "model_digest")));
    json_free(doc);
    buf_release(&b);
}

/* Any statement that is let in makes the registry fold what was appended before it. */
static void fold_all(void)
{
    struct crypto_key *first = world.vendor;
    assert_ok(crypto_key_generate(&world.vendor, CRYPTO_P256));
    grant_vendor();
    crypto_key_free(world.vendor);
    world.vendor = first;
}

static void account(const char *login, enum ledger_role role, const char *services)
{
    struct auth_account a = {
        .role = role, .org_id = "CHU-RABAT", .establishment = "CHU-RABAT"};
    struct diag d;
    int64_t id;
    diag_init(&d);
    snprintf(a.login, sizeof a.login, "%s", login);
    snprintf(a.services, sizeof a.services, "%s", services);
    snprintf(a.lang, sizeof a.lang, "ar");
    assert_ok(auth_account_create(node_auth(node), &a, STR(PASSWORD), &id, &d));
    diag_release(&d);
}

static void open_node(void)
{
    struct node_identity id;
    struct diag d;
    static const char genesis[] =
        "00000000000000000000000000000000000000000000000000000000000000aa";
    struct node_config c = {.dir = in_folder("node"),
                            .registry_url = "http://127.0.0.1:9",
                            .genesis = genesis,
                            .poll_ms = 60000};
    diag_init(&d);
    buf_init(&id.witness_vkey, 512);
    buf_init(&id.trace_vkey, 512);
    buf_init(&id.service_spki, 512);
    assert_ok(node_init(in_folder("node"), "n01", "GST-RSK", "CHU-RABAT", &id));
    int err = node_open(&node, &c, &d);
    show_problems(&d);
    assert_ok(err);
    assert_ok(web_site_node(&node_site, node));
    account("medecin", LEDGER_PHYSICIAN, "CARDIO");
    account("dsi", LEDGER_DSI, "*");
    account("infirmier", LEDGER_NURSE, "CARDIO");
    buf_release(&id.service_spki);
    buf_release(&id.trace_vkey);
    buf_release(&id.witness_vkey);
    diag_release(&d);
}

static int setup(void **state)
{
    struct diag d;
    (void)state;
    if (make_folder())
        return -1;
    diag_init(&d);
    int err = web_init(&d);
    show_problems(&d);
    diag_release(&d);
    if (err)
        return -1;
    world_open(&world);
    grant_vendor();
    declare("schema/examples/algorithm.json", LEDGER_ALGORITHM, true);
    declare("schema/examples/version.json", LEDGER_VERSION, false);
    fold_all();
    open_node();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    web_site_free(node_site);
    node_close(node);
    world_close(&world);
    web_release();
    remove_folder();
    return 0;
}

static int get(struct ask *a, struct web_site *s, const char *url, const char *cookie)
{
    ask_init(a, HTTP_GET, url);
    if (cookie)
        ask_header(a, "Cookie", cookie);
    return web_site_handle(s, &a->req, &a->resp);
}

static int post(struct ask *a, struct web_site *s, const char *url, const char *cookie,
                const char *form)
{
    ask_init(a, HTTP_POST, url);
    if (cookie)
        ask_header(a, "Cookie", cookie);
    ask_form(a, form);
    return web_site_handle(s, &a->req, &a->resp);
}

/* ---- hostile records
 * ---------------------------------------------------------------- */
static void assert_harmless(const struct ask *a)
{
    assert_true(str_utf8(buf_str(&a->resp.body)));
    assert_false(holds(a, "<script>alert"));
    assert_false(holds(a, "<img src=x"));
    assert_false(holds(a, "\"'>"));
    assert_false(holds(a, "onerror=alert(2)>"));
}

static void stored_markup_never_reaches_a_page(void **state)
{
    char url[4][160];
    (void)state;
    for (size_t l = 0; l < AM_LEN(langs); l++) {
        snprintf(url[0], sizeof url[0], "/?lang=%s", langs[l]);
        snprintf(url[1], sizeof url[1], "%s?all=1&lang=%s", model_url, langs[l]);
        snprintf(url[2], sizeof url[2], "%s/record?lang=%s", model_url, langs[l]);
        snprintf(url[3], sizeof url[3], "/statements/2?lang=%s", langs[l]);
        for (size_t i = 0; i < AM_LEN(url); i++) {
            struct ask a;
            assert_ok(get(&a, world.site, url[i], NULL));
            assert_int_equal(a.resp.status, 200);
            assert_true(holds(&a, "&lt;script&gt;alert(1)&lt;/script&gt;"));
            assert_harmless(&a);
            ask_release(&a);
        }
    }
}

static void every_page_of_the_registry_answers_in_every_language(void **state)
{
    (void)state;
    static const char *const page[] = {"/",         "/witnesses",    "/verify",
                                       "/submit",   "/login",        "/statements/0",
                                       "/?q=coeur", "/?state=nosuch"};
    for (size_t l = 0; l < AM_LEN(langs); l++)
        for (size_t i = 0; i < AM_LEN(page); i++) {
            struct ask a;
            char lang[32];
            ask_init(&a, HTTP_GET, page[i]);
            ask_header(&a, "Accept-Language", langs[l]);
            assert_ok(web_site_handle(world.site, &a.req, &a.resp));
            assert_int_equal(a.resp.status, 200);
            snprintf(lang, sizeof lang, "<html lang=\"%s\" dir=\"%s\">", langs[l],
                     l == 1 ? "rtl" : "ltr");
            assert_true(holds(&a, lang));
            assert_string_equal(answer(&a, "X-Frame-Options"), "DENY");
            assert_null(strstr(answer(&a, "Content-Security-Policy"), "unsafe"));
            ask_release(&a);
        }
}

static void a_demonstration_policy_is_named_on_every_page_with_an_outcome(void **state)
{
    struct ask a;
    (void)state;
    assert_ok(get(&a, world.site, "/?lang=en", NULL));
    assert_true(holds(&a, "It is not the national label"));
    ask_release(&a);
    assert_ok(get(&a, world.site, model_url, NULL));
    assert_true(holds(&a, "class=\"banner\""));
    ask_release(&a);
}

static void search_ignores_case_and_accents(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool found;
    } t[] = {
        {"/?q=C%C5%93ur&lang=fr", true}, {"/?q=EXEMPLE+sante", true},
        {"/?q=nothing-like-it", false},  {"/?q=MA-IA-EXEMPL", true},
        {"/?state=declared", true},      {"/?state=archived", false},
        {"/?level=advanced", false},     {"/?level=none&state=declared&q=heart", true}};
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct ask a;
        assert_ok(get(&a, world.site, t[i].url, NULL));
        assert_int_equal(holds(&a, model_url), t[i].found);
        ask_release(&a);
    }
}

static void what_is_typed_comes_back_escaped(void **state)
{
    struct ask a;
    char long_url[600] = "/?q=";
    (void)state;
    assert_ok(
        get(&a, world.site, "/?q=%22%27%3E%3Cscript%3Ealert(1)%3C/script%3E", NULL));
    assert_harmless(&a);
    assert_true(holds(&a, "value=\"&quot;&#39;&gt;&lt;script&gt;"));
    ask_release(&a);
    memset(long_url + 4, 'a', sizeof long_url - 5);
    assert_ok(get(&a, world.site, long_url, NULL));
    assert_int_equal(a.resp.status, 200);
    ask_release(&a);
    assert_ok(post(&a, world.site, "/submit", NULL,
                   "envelope=%22%27%3E%3Cscript%3Ealert(1)%3C/script%3E"));
    assert_true(a.resp.status == 422 || a.resp.status == 400);
    assert_harmless(&a);
    ask_release(&a);
    assert_ok(post(&a, node_site, "/login", NULL,
                   "user=%22%27%3E%3Cscript%3Ealert(1)%3C/script%3E&password=x"));
    assert_int_equal(a.resp.status, 401);
    assert_harmless(&a);
    ask_release(&a);
}

/* ---- what cannot be found, or is asked wrongly
 * -------------------------------------------- */
static void what_is_missing_is_a_page_and_what_is_no_page_is_not_ours(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        int status;
    } t[] = {
        {"/models/00", 404},
        {"/models/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 404},
        {"/models/%22%3E", 404},
        {"/statements/999999", 404},
        {"/statements/-1", 404},
        {"/statements/x", 404},
        {"/statements/99999999999999999999999", 404},
        {"/logout", 405}};
    for (size_t l = 0; l < AM_LEN(langs); l++)
        for (size_t i = 0; i < AM_LEN(t); i++) {
            struct ask a;
            ask_init(&a, HTTP_GET, t[i].url);
            ask_header(&a, "Accept-Language", langs[l]);
            assert_ok(web_site_handle(world.site, &a.req, &a.resp));
            assert_int_equal(a.resp.status, t[i].status);
            assert_true(holds(&a, "<main id=\"main\""));
            ask_release(&a);
        }
    static const char *const other[] = {"/api/v1/versions", "/models",         "/models/",
                                        "/deployments",     "/assets/app.css", "/nope"};
    for (size_t i = 0; i < AM_LEN(other); i++) {
        struct ask a;
        assert_int_equal(get(&a, world.site, other[i], NULL), AM_E_NOTFOUND);
        assert_int_equal(a.resp.body.n, 0);
        ask_release(&a);
    }
}

static void an_error_page_can_be_asked_for(void **state)
{
    struct ask a;
    (void)state;
    ask_init(&a, HTTP_GET, "/nope?lang=ar");
    assert_ok(web_site_error(world.site, &a.req, &a.resp, AM_E_NOTFOUND));
    assert_int_equal(a.resp.status, 404);
    assert_true(holds(&a, "dir=\"rtl\""));
    ask_release(&a);
}

/* ---- language
 * ----------------------------------------------------------------------- */
static void language_follows_choice_then_cookie_then_account_then_browser(void **state)
{
    struct ask a;
    (void)state;
    ask_init(&a, HTTP_GET, "/verify?lang=ar");
    ask_header(&a, "Cookie", "amane_lang=en");
    ask_header(&a, "Accept-Language", "fr");
    assert_ok(web_site_handle(world.site, &a.req, &a.resp));
    assert_true(holds(&a, "<html lang=\"ar\" dir=\"rtl\">"));
    assert_non_null(strstr(answer(&a, "Set-Cookie"), "amane_lang=ar; Path=/"));
    ask_release(&a);
    ask_init(&a, HTTP_GET, "/verify?lang=xx");
    ask_header(&a, "Cookie", "amane_lang=en");
    ask_header(&a, "Accept-Language", "ar");
    assert_ok(web_site_handle(world.site, &a.req, &a.resp));
    assert_true(holds(&a, "<html lang=\"en\""));
    assert_string_equal(answer(&a, "Set-Cookie"), "");
    ask_release(&a);
}

/* ---- signing in
 * --------------------------------------------------------------------- */
static void sign_in(const char *login, char cookie[160], char csrf[AUTH_TOKEN])
{
    struct ask a;
    char form[200];
    snprintf(form, sizeof form, "user=%s&password=a+password+of+the+tests&next=/", login);
    assert_ok(post(&a, node_site, "/login", NULL, form));
    assert_int_equal(a.resp.status, 303);
    const char *set = answer(&a, "Set-Cookie");
    assert_non_null(strstr(set, "; HttpOnly; SameSite=Strict"));
    assert_non_null(strstr(set, "Path=/;"));
    snprintf(cookie, 160, "%.*s", (int)str_find(str_c(set), ';'), set);
    struct str token = str_sub(str_c(cookie), strlen("amane_session="), strlen(cookie));
    assert_ok(auth_csrf(node_auth(node), token, csrf));
    ask_release(&a);
}

/* Session fixation: a cookie that somebody planted, unknown or of the planter's own
 * session, is never the one that a login opens. */
static void a_cookie_planted_before_the_login_opens_nothing_after_it(void **state)
{
    char theirs[160], csrf[AUTH_TOKEN], unknown[160], form[120];
    (void)state;
    sign_in("infirmier", theirs, csrf);
    snprintf(unknown, sizeof unknown, "amane_session=%064d", 7);
    snprintf(form, sizeof form, "user=dsi&password=a+password+of+the+tests&next=/");
    const char *const planted[] = {unknown, theirs};
    for (size_t i = 0; i < AM_LEN(planted); i++) {
        struct auth_account who;
        struct ask a;
        assert_ok(post(&a, node_site, "/login", planted[i], form));
        assert_int_equal(a.resp.status, 303);
        const char *set = answer(&a, "Set-Cookie");
        assert_int_not_equal(strncmp(set, planted[i], strlen(planted[i])), 0);
        ask_release(&a);
        struct str token =
            str_sub(str_c(planted[i]), strlen("amane_session="), strlen(planted[i]));
        int err = auth_session(node_auth(node), token, time_now(), &who);
        assert_true(err == AM_E_UNAUTHORIZED || !strcmp(who.login, "infirmier"));
    }
}

static void without_a_session_the_node_asks_to_sign_in(void **state)
{
    (void)state;
    static const char *const page[] = {"/", "/predictions/1", "/deployments", "/state",
                                       "/deployments/1/stop"};
    for (size_t i = 0; i < AM_LEN(page); i++) {
        struct ask a;
        assert_ok(get(&a, node_site, page[i], NULL));
        assert_int_equal(a.resp.status, 303);
        assert_memory_equal(answer(&a, "Location"), "/login?why=required", 19);
        ask_release(&a);
        assert_ok(get(&a, node_site, page[i], "amane_session=00"));
        assert_memory_equal(answer(&a, "Location"), "/login?why=expired", 18);
        ask_release(&a);
    }
}

static void signing_in_never_leads_elsewhere(void **state)
{
    (void)state;
    static const char *const next[] = {"https://evil.invalid/", "//evil.invalid",
                                       "/%5Cevil.invalid", "%09//evil", "javascript:1"};
    for (size_t i = 0; i < AM_LEN(next); i++) {
        struct ask a;
        char form[240];
        snprintf(form, sizeof form,
                 "user=medecin&password=a+password+of+the+tests&next=%s", next[i]);
        assert_ok(post(&a, node_site, "/login", NULL, form));
        assert_string_equal(answer(&a, "Location"), "/");
        ask_release(&a);
    }
    assert_true(web_local_path(STR("/predictions/1?x=1")));
    assert_false(web_local_path(STR("/a b")));
}

static void a_form_without_its_token_is_refused(void **state)
{
    char cookie[160], csrf[AUTH_TOKEN], form[200];
    struct ask a;
    (void)state;
    sign_in("medecin", cookie, csrf);
    static const char *const to[] = {"/predictions/1/validate", "/deployments/1/stop",
                                     "/logout"};
    for (size_t i = 0; i < AM_LEN(to); i++) {
        assert_ok(
            post(&a, node_site, to[i], cookie, "decision=accept&scope=establishment"));
        assert_int_equal(a.resp.status, 403);
        assert_true(holds(&a, "<main id=\"main\""));
        ask_release(&a);
        assert_ok(post(&a, node_site, to[i], cookie, "csrf=00&decision=accept"));
        assert_int_equal(a.resp.status, 403);
        ask_release(&a);
    }
    snprintf(form, sizeof form, "csrf=%s&decision=accept", csrf);
    assert_ok(post(&a, node_site, "/predictions/1/validate", cookie, form));
    assert_int_equal(a.resp.status,
                     404); /* past the token: there is no such prediction */
    ask_release(&a);
}

static void a_form_from_another_site_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool refused;
    } t[] = {{"Sec-Fetch-Site", "cross-site", true},
             {"Sec-Fetch-Site", "same-site", true},
             {"Sec-Fetch-Site", "same-origin", false},
             {"Origin", "https://evil.invalid", true},
             {"Origin", "null", true},
             {"Origin", "http://node.invalid:80", false}};
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct ask a;
        ask_init(&a, HTTP_POST, "/login");
        ask_header(&a, "Host", "node.invalid:80");
        ask_header(&a, t[i].name, t[i].value);
        ask_form(&a, "user=medecin&password=a+password+of+the+tests");
        assert_ok(web_site_handle(node_site, &a.req, &a.resp));
        assert_int_equal(a.resp.status, t[i].refused ? 403 : 303);
        ask_release(&a);
    }
}

static void the_wrong_role_gets_a_403_page(void **state)
{
    char cookie[160], csrf[AUTH_TOKEN];
    struct ask a;
    (void)state;
    sign_in("dsi", cookie, csrf);
    assert_ok(get(&a, node_site, "/", cookie));
    assert_int_equal(a.resp.status, 403);
    assert_true(holds(&a, "href=\"/deployments\""));
    assert_true(holds(&a, "<html lang=\"ar\"")); /* the account's language */
    ask_release(&a);
    assert_ok(get(&a, node_site, "/state", cookie));
    assert_int_equal(a.resp.status, 200);
    ask_release(&a);
    sign_in("medecin", cookie, csrf);
    assert_ok(get(&a, node_site, "/", cookie));
    assert_int_equal(a.resp.status, 200); /* nothing pending, no mirror: still a page */
    assert_true(holds(&a, "medecin"));
    ask_release(&a);
}

static void a_file_that_extends_nothing_is_explained_on_the_state_page(void **state)
{
    char cookie[160], csrf[AUTH_TOKEN], body[400];
    struct ask a;
    (void)state;
    sign_in("dsi", cookie, csrf);
    snprintf(body, sizeof body,
             "--B\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n%s\r\n"
             "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"e.json\""
             "\r\nContent-Type: application/json\r\n\r\n{\"envelopes\":[]}\r\n--B--\r\n",
             csrf);
    ask_init(&a, HTTP_POST, "/state/lease-extension");
    ask_header(&a, "Content-Type", "multipart/form-data; boundary=B");
    ask_header(&a, "Cookie", cookie);
    a.req.body = str_c(body);
    assert_ok(web_site_handle(node_site, &a.req, &a.resp));
    assert_int_equal(a.resp.status, 422);
    assert_true(holds(&a, "action=\"/state/lease-extension\""));
    assert_true(holds(&a, "24"));
    assert_false(holds(&a, "extension.envelopes")); /* in words */
    ask_release(&a);
}

static void a_session_ends_with_signing_out(void **state)
{
    char cookie[160], csrf[AUTH_TOKEN], form[100];
    struct ask a;
    (void)state;
    sign_in("infirmier", cookie, csrf);
    snprintf(form, sizeof form, "csrf=%s", csrf);
    assert_ok(post(&a, node_site, "/logout", cookie, form));
    assert_int_equal(a.resp.status, 303);
    assert_non_null(strstr(answer(&a, "Set-Cookie"), "Max-Age=0"));
    ask_release(&a);
    assert_ok(get(&a, node_site, "/", cookie));
    assert_int_equal(a.resp.status, 303);
    ask_release(&a);
}

static void guessing_is_slowed_down_with_a_page(void **state)
{
    struct ask a;
    int status = 0;
    (void)state;
    for (int i = 0; i < 8 && status != 429; i++) {
        assert_ok(post(&a, node_site, "/login", NULL, "user=guessed&password=wrong"));
        status = a.resp.status;
        ask_release(&a);
    }
    assert_int_equal(status, 429);
}

/* ---- the national stop
 * -------------------------------------------------------------- */
static void the_order_to_sign_is_what_the_registry_obeys(void **state)
{
    char url[240], hex[CRYPTO_HEX];
    uint8_t digest[32];
    struct buf envelope, form;
    struct ask a, b;
    (void)state;
    snprintf(url, sizeof url, "%s/stop.json?role=msps&org=MSPS&motive=drill&at=%lld",
             model_url, (long long)(time_now() / TIME_SECOND * TIME_SECOND));
    assert_ok(get(&a, world.site, url, NULL));
    assert_int_equal(a.resp.status, 200);
    crypto_sha256(buf_str(&a.resp.body), digest);
    assert_non_null(strstr(answer(&a, "Content-Disposition"), "attachment"));
    char page[240]; /* the page names the digest of the same bytes */
    snprintf(page, sizeof page, "%s/stop?%s", model_url, strchr(url, '?') + 1);
    assert_ok(get(&b, world.site, page, NULL));
    assert_true(holds(&b, crypto_hex(digest, 32, hex)));
    assert_true(holds(&b, "enctype=\"multipart/form-data\""));
    ask_release(&b);
    buf_init(&envelope, 1 << 16);
    buf_init(&form, 1 << 16);
    assert_ok(ledger_sign(buf_str(&a.resp.body), world.msps, &envelope));
    ask_release(&a);
    assert_ok(buf_addf(&form,
                       "--B\r\nContent-Disposition: form-data; name=\"file\"; "
                       "filename=\"e.json\"\r\nContent-Type: application/json\r\n\r\n"
                       "%s\r\n--B\r\nContent-Disposition: form-data; name=\"envelope\""
                       "\r\n\r\n\r\n--B--\r\n",
                       envelope.p));
    ask_init(&a, HTTP_POST, "/submit");
    ask_header(&a, "Content-Type", "multipart/form-data; boundary=B");
    a.req.body = buf_str(&form);
    assert_ok(web_site_handle(world.site, &a.req, &a.resp));
    assert_int_equal(a.resp.status, 303);
    assert_memory_equal(answer(&a, "Location"), "/statements/", 12);
    ask_release(&a);
    assert_ok(get(&a, world.site, model_url, NULL));
    assert_true(holds(&a, "id=\"stops-h\""));
    ask_release(&a);
    buf_release(&form);
    buf_release(&envelope);
}

/* Follows the one order the test above gave. */
static void the_list_of_orders_leads_to_one_with_its_lift(void **state)
{
    char url[120] = "", *at;
    struct ask a;
    (void)state;
    assert_ok(get(&a, world.site, "/stops", NULL));
    assert_int_equal(a.resp.status, 200);
    at = strstr(a.resp.body.p, "href=\"/stops/");
    while (at && strspn(at + 13, "0123456789abcdef") != 64)
        at = strstr(at + 1, "href=\"/stops/");
    assert_non_null(at);
    snprintf(url, sizeof url, "%.71s", at + 6);
    assert_harmless(&a);
    ask_release(&a);
    assert_ok(get(&a, world.site, url, NULL));
    assert_int_equal(a.resp.status, 200);
    assert_true(holds(&a, "id=\"nodes-h\""));
    assert_true(holds(&a, "id=\"lift-h\""));
    assert_false(holds(&a, "value=\"lift\"")); /* proposing takes an account */
    assert_harmless(&a);
    ask_release(&a);
    memset(url + 7, 'e', 64);
    assert_ok(get(&a, world.site, url, NULL));
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
    assert_ok(get(&a, world.site, "/stops/zz", NULL));
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
}

/* Who may propose gets a text to sign; without a reason or a token, nothing. */
static void a_lift_is_proposed_with_its_reason_and_nothing_else(void **state)
{
    struct auth_account who = {
        .login = "levee", .role = LEDGER_MSPS, .function = "authority", .org_id = "MSPS"};
    struct auth *auth = registry_auth(world.registry);
    char token[AUTH_TOKEN], csrf[AUTH_TOKEN], cookie[160], form[320], url[80], *at;
    struct ask a;
    struct diag d;
    int64_t id;
    (void)state;
    diag_init(&d);
    assert_ok(auth_account_create(auth, &who, STR(PASSWORD), &id, &d));
    assert_ok(auth_login(auth, STR("levee"), STR(PASSWORD), STR("127.0.0.1"), time_now(),
                         token));
    assert_ok(auth_csrf(auth, str_c(token), csrf));
    snprintf(cookie, sizeof cookie, "amane_session=%s", token);
    assert_ok(get(&a, world.site, "/stops", cookie));
    at = strstr(a.resp.body.p, "href=\"/stops/");
    while (at && strspn(at + 13, "0123456789abcdef") != 64)
        at = strstr(at + 1, "href=\"/stops/");
    assert_non_null(at);
    snprintf(url, sizeof url, "%.71s", at + 6);
    ask_release(&a);
    const struct {
        const char *body;
        int status;
    } k[] = {{"act=lift&reason=cause+cleared", 303},
             {"act=lift&reason=+", 422},
             {"act=motive&motive=drill", 422}, /* it has one */
             {"act=other", 400}};
    for (size_t i = 0; i < AM_LEN(k); i++) {
        snprintf(form, sizeof form, "csrf=%s&%s", csrf, k[i].body);
        assert_ok(post(&a, world.site, url, cookie, form));
        assert_int_equal(a.resp.status, k[i].status);
        if (k[i].status == 303)
            assert_memory_equal(answer(&a, "Location"), "/sign/", 6);
        ask_release(&a);
    }
    assert_ok(post(&a, world.site, url, cookie, k[0].body));
    assert_int_equal(a.resp.status, 403);
    ask_release(&a);
    assert_ok(get(&a, world.site, url, cookie));
    assert_true(holds(&a, "value=\"lift\""));
    assert_harmless(&a);
    ask_release(&a);
    diag_release(&d);
}

static void an_order_needs_a_signer_that_is_named(void **state)
{
    char url[200];
    struct ask a;
    (void)state;
    snprintf(url, sizeof url, "%s/stop.json?role=physician&org=X", model_url);
    assert_ok(get(&a, world.site, url, NULL));
    assert_int_equal(a.resp.status, 400);
    ask_release(&a);
    snprintf(url, sizeof url, "%s/stop?role=has&org=%%22%%3E%%3Cscript%%3E", model_url);
    assert_ok(get(&a, world.site, url, NULL));
    assert_int_equal(a.resp.status, 200);
    assert_false(holds(&a, "stop.json"));
    assert_harmless(&a);
    ask_release(&a);
}

static void an_order_of_each_scope_names_what_it_covers(void **state)
{
    static const struct {
        const char *query, *holds;
        int status;
    } c[] = {
        {"scope=region&gst=GST-RSK&role=gst&org=GST-RSK", "\"gst\":\"GST-RSK\"", 200},
        {"scope=region&role=gst&org=GST-RSK", NULL, 400},
        {"scope=region&gst=GST-RSK&role=has&org=HAS", NULL, 400},
        {"scope=establishment&establishment=CHU-RABAT&role=dim&org=CHU-RABAT",
         "\"establishment\":\"CHU-RABAT\"", 200},
        {"scope=service&establishment=CHU-RABAT&role=nurse&org=CHU-RABAT", NULL, 400},
        {"scope=service&establishment=CHU-RABAT&service=CARDIO&role=nurse&org=CHU-RABAT",
         "\"service\":\"CARDIO\"", 200},
        {"scope=patient&role=nurse&org=CHU-RABAT", NULL, 400},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(c); i++) {
        char url[320];
        struct ask a;
        snprintf(url, sizeof url, "%s/stop.json?%s", model_url, c[i].query);
        assert_ok(get(&a, world.site, url, NULL));
        assert_int_equal(a.resp.status, c[i].status);
        assert_true(!c[i].holds || holds(&a, c[i].holds));
        ask_release(&a);
        snprintf(url, sizeof url, "%s/stop?%s", model_url, c[i].query);
        assert_ok(get(&a, world.site, url, NULL));
        assert_int_equal(a.resp.status, 200);
        assert_true(holds(&a, "data-sign=") == (c[i].status == 200));
        ask_release(&a);
    }
}

/* ---- templates
 * ---------------------------------------------------------------------- */
/* A context in which every name a template mentions is the attack. */
static void poisoned_context(const struct web_tpl *t, struct buf *out)
{
    struct map seen;
    struct jw w;
    map_init(&seen);
    jw_init(&w, out);
    jw_obj(&w);
    web_page(&w, TEXT_FR,
             &(struct web_page){.site = "node",
                                .title = STR(ATTACK),
                                .url = STR("/?" ATTACK),
                                .user = STR(ATTACK),
                                .role = STR("physician"),
                                .csrf = STR(ATTACK),
                                .demo_policy = STR(ATTACK)});
    for (size_t i = 0; i < t->nodes.n; i++) {
        const struct web_node *n = &t->nodes.v[i];
        struct str path[2 + WEB_ARGS] = {n->text, n->extra}, rest;
        size_t used;
        for (size_t k = 0; k < n->args; k++)
            path[2 + k] = n->arg[k].path;
        for (size_t k = 0; k < AM_LEN(path) && n->op != WEB_LITERAL; k++) {
            struct str name = path[k];
            if (name.n && name.p[0] == '.')
                name = str_sub(name, 1, name.n);
            name = str_cut(name, '.', &rest);
            /* is_list and is_object: a value that holds itself would never end */
            if (!name.n || str_eqc(name, "page") || str_starts(name, STR("is_")) ||
                name.p[0] == '@' || !map_get(&seen, name, &used))
                continue;
            assert_ok(map_set(&seen, name, 1));
            jw_keyn(&w, name);
            jw_strz(&w, ATTACK);
        }
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    map_release(&seen);
}

static void no_template_lets_anything_through(void **state)
{
    static const char prefix[] = "web/templates/";
    const struct embed_file *f;
    size_t rendered = 0;
    (void)state;
    for (size_t i = embed_first(prefix);
         (f = embed_at(i)) && str_starts(str_c(f->path), str_c(prefix)); i++) {
        struct str name = str_sub(str_c(f->path), strlen(prefix), strlen(f->path) - 5);
        const struct web_tpl *t = web_tpl_find(name);
        if (str_eqc(name, "base"))
            continue;
        for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++) {
            struct ask a;
            struct buf ctx;
            ask_init(&a, HTTP_GET, "/");
            buf_init(&ctx, 1 << 20);
            poisoned_context(t, &ctx);
            assert_ok(web_render_text(&a.resp.body, t->name, l, buf_str(&ctx)));
            assert_harmless(&a);
            buf_release(&ctx);
            ask_release(&a);
            rendered++;
        }
    }
    assert_true(rendered >= 90);
}

static void every_message_of_every_template_is_in_three_catalogues(void **state)
{
    static const char prefix[] = "web/templates/";
    const struct embed_file *f;
    size_t messages = 0;
    (void)state;
    for (size_t i = embed_first(prefix);
         (f = embed_at(i)) && str_starts(str_c(f->path), str_c(prefix)); i++) {
        const struct web_tpl *t =
            web_tpl_find(str_sub(str_c(f->path), strlen(prefix), strlen(f->path) - 5));
        for (size_t k = 0; k < t->nodes.n; k++) {
            const struct web_node *n = &t->nodes.v[k];
            char id[WEB_ID_MAX];
            if ((n->op != WEB_T && n->op != WEB_P) || str_find(n->text, '[') < n->text.n)
                continue;
            snprintf(id, sizeof id, "%.*s", STR_FMT(n->text));
            for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++)
                assert_true(text_has(l, id));
            messages++;
        }
    }
    assert_true(messages > 200);
}

/* ---- uploads
 * ------------------------------------------------------------------------ */
static void uploads_give_the_field_or_say_no(void **state)
{
    (void)state;
    static const char two[] = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1"
                              "\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; "
                              "filename=\"a\"\r\nX: y\r\n\r\n{}\r\n--b--\r\n";
    static const struct {
        const char *type, *body;
        int err;
    } t[] = {
        {"multipart/form-data; boundary=b", two, AM_OK},
        {"multipart/form-data; boundary=\"b\"", two, AM_OK},
        {"Multipart/Form-Data;boundary=b", two, AM_OK},
        {"multipart/form-data", two, AM_E_SYNTAX},
        {"multipart/form-data; boundary=", two, AM_E_SYNTAX},
        {"multipart/form-data; boundary=c", two, AM_E_SYNTAX},
        {"text/plain; boundary=b", two, AM_E_SYNTAX},
        {"multipart/form-data; boundary=b", "", AM_E_SYNTAX},
        {"multipart/form-data; boundary=b", "--b--", AM_E_NOTFOUND},
        {"multipart/form-data; boundary=b", "--b\r\nno head", AM_E_SYNTAX},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nz\r\n--b--",
         AM_E_NOTFOUND},
    };
    for (size_t i = 0; i < AM_LEN(t); i++) {
        struct str out = STR("untouched");
        assert_int_equal(web_upload(str_c(t[i].type), str_c(t[i].body), "file", &out),
                         t[i].err);
        assert_str_equal(out, t[i].err ? "untouched" : "{}");
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(stored_markup_never_reaches_a_page),
        TEST(every_page_of_the_registry_answers_in_every_language),
        TEST(a_demonstration_policy_is_named_on_every_page_with_an_outcome),
        TEST(search_ignores_case_and_accents),
        TEST(what_is_typed_comes_back_escaped),
        TEST(what_is_missing_is_a_page_and_what_is_no_page_is_not_ours),
        TEST(an_error_page_can_be_asked_for),
        TEST(language_follows_choice_then_cookie_then_account_then_browser),
        TEST(without_a_session_the_node_asks_to_sign_in),
        TEST(a_cookie_planted_before_the_login_opens_nothing_after_it),
        TEST(signing_in_never_leads_elsewhere),
        TEST(a_form_without_its_token_is_refused),
        TEST(a_form_from_another_site_is_refused),
        TEST(the_wrong_role_gets_a_403_page),
        TEST(a_file_that_extends_nothing_is_explained_on_the_state_page),
        TEST(a_session_ends_with_signing_out),
        TEST(the_order_to_sign_is_what_the_registry_obeys),
        TEST(the_list_of_orders_leads_to_one_with_its_lift),
        TEST(a_lift_is_proposed_with_its_reason_and_nothing_else),
        TEST(an_order_needs_a_signer_that_is_named),
        TEST(an_order_of_each_scope_names_what_it_covers),
        TEST(guessing_is_slowed_down_with_a_page),
        TEST(no_template_lets_anything_through),
        TEST(every_message_of_every_template_is_in_three_catalogues),
        TEST(uploads_give_the_field_or_say_no)};
    return cmocka_run_group_tests(t, setup, teardown);
}
