/* SPDX-License-Identifier: Apache-2.0 */
/* The face of the registry, route by route. One registry serves all tests of this
 * program: with an algorithm, a version, and accounts. */
#include "api/api_test_support.h"
#include "embed/embed.h"

static struct t t;
static struct api *a;
static char vendor_token[AUTH_TOKEN], system_token[AUTH_TOKEN],
    director_token[AUTH_TOKEN];
static int64_t vendor_id;
static uint64_t version_index;

static int64_t account(const char *login, enum ledger_role role, char token[AUTH_TOKEN])
{
    struct auth_account spec = {.role = role, .org_id = "ORG1"};
    int64_t id = 0;
    snprintf(spec.login, sizeof spec.login, "%s", login);
    assert_ok(auth_account_create(registry_auth(t.r), &spec, STR("a long password"), &id,
                                  NULL));
    assert_ok(auth_token_create(registry_auth(t.r), id, time_now(), 0, token));
    return id;
}

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_witnesses(&t);
    t_registry(&t);
    for (int i = 0; i < 3; i++)
        assert_ok(tlog_witness_add_log(t.witness[i], tlog_key(registry_log(t.r))));
    t_declared(&t);
    version_index = t.receipt.index;
    vendor_id = account("vendor", LEDGER_VENDOR, vendor_token);
    account("node", LEDGER_SYSTEM, system_token);
    account("director", LEDGER_DIRECTOR, director_token);
    assert_ok(api_new_registry(&a, t.r));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(a);
    t_end(&t);
    return 0;
}

/* ---- every route of the table
 * ------------------------------------------------------------------ */
struct row {
    char servers;
    const char *method, *pattern, *access, *request, *reply;
};
static const struct row rows[] = {
#define X(servers, method, pattern, access, handler, request, reply, summary)            \
    {#servers[0], #method, pattern, #access, request, reply},
    API_TABLE(X)
#undef X
};

static const char *filled(const char *pattern)
{
    return t_filled(&t, pattern, version_index);
}

static void until_proof(void)
{
    char path[160];
    snprintf(path, sizeof path, "/api/v1/versions/%s/proof", t.model_hex);
    assert_eventually(t_get(a, path, NULL) != 503);
    assert_int_equal(t_get(a, path, NULL), 200);
}

static void every_reading_route_answers_in_the_form_it_declares(void **state)
{
    size_t seen = 0;
    (void)state;
    until_proof();
    for (size_t i = 0; i < AM_LEN(rows); i++) {
        struct reply r;
        bool unknown = strncmp(rows[i].pattern, "/api/v1/deployments/{id}", 24) == 0 ||
                       strcmp(rows[i].pattern, "/api/v1/proposals/{sha256}") == 0 ||
                       strncmp(rows[i].pattern, "/api/v1/drafts/{", 16) == 0 ||
                       strcmp(rows[i].pattern, "/api/v1/stops/{order}") == 0 ||
                       strcmp(rows[i].pattern, "/api/v1/vigilance/{id}") == 0;
        if (rows[i].servers == 'N' || strcmp(rows[i].method, "GET") != 0)
            continue;
        r = t_ask(a,
                  &(struct ask){.path = filled(rows[i].pattern), .token = t.admin_token});
        if (r.status != (unknown ? 404 : 200))
            fail_msg("%s: %d %.*s", rows[i].pattern, r.status,
                     STR_FMT(buf_str(&r.resp.body)));
        if (!strchr(rows[i].reply, '/') && !r.doc)
            fail_msg("%s: no JSON", rows[i].pattern);
        if (!unknown && strchr(rows[i].reply, '/') &&
            !str_starts(t_header(&r, "Content-Type"), str_c(rows[i].reply)))
            fail_msg("%s: %.*s", rows[i].pattern, STR_FMT(t_header(&r, "Content-Type")));
        if (unknown)
            t_assert_shape(&r, "notfound");
        if (strcmp(rows[i].reply, "list") == 0) {
            assert_int_equal(json_type(t_at(&r, "/items")), JSON_ARRAY);
            if (!strstr(rows[i].pattern, "witnesses") &&
                !strstr(rows[i].pattern, "schemas") && !strstr(rows[i].pattern, "drafts"))
                assert_true(json_int(t_at(&r, "/tree_size"), 0) > 5);
        }
        if (strcmp(rows[i].pattern, "/readyz") == 0) {
            assert_true(json_int(t_at(&r, "/size"), 0) > 5);
            assert_true(json_int(t_at(&r, "/cosigned"), 0) > 5);
            assert_true(json_bool(t_at(&r, "/ready"), false));
        }
        t_done(&r);
        seen++;
    }
    assert_true(seen >= 18);
}

/* Opened with its index still to be made: all but searches answers, and says so. */
static void while_the_index_is_made_all_but_searches_answers(void **state)
{
    struct registry_config c = {.dir = t.data, .index_beside = true};
    char path[160];
    struct reply r;
    (void)state;
    api_free(a);
    registry_close(t.r);
    registry_index_hold(true);
    assert_ok(registry_open(&t.r, &c, &t.d));
    assert_ok(api_new_registry(&a, t.r));
    r = t_ask(a, &(struct ask){.path = "/readyz"});
    assert_int_equal(r.status, 503);
    assert_str_equal(json_str(t_at(&r, "/reason")), "starting");
    assert_int_equal(json_int(t_at(&r, "/indexed/of"), 0), 1);
    t_done(&r);
    r = t_ask(a, &(struct ask){.path = "/api/v1/versions", .query = "q=coeur"});
    assert_int_equal(r.status, 503);
    assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "search.starting");
    assert_str_equal(t_header(&r, "Retry-After"), "2");
    t_done(&r);
    snprintf(path, sizeof path, "/api/v1/versions/%s", t.model_hex);
    r = t_ask(a, &(struct ask){.path = path});
    assert_int_equal(r.status, 200);
    t_done(&r);
    r = t_ask(a, &(struct ask){.path = "/", .lang = "en"});
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.resp.body.p, "The search index is being made: 0 of 1"));
    t_done(&r);
    registry_index_hold(false);
    do {
        usleep(10000);
        r = t_ask(a, &(struct ask){.path = "/readyz"});
        t_done(&r);
    } while (r.status != 200);
    r = t_ask(a, &(struct ask){.path = "/", .lang = "en"});
    assert_null(strstr(r.resp.body.p, "is being made"));
    assert_non_null(strstr(r.resp.body.p, t.model_hex));
    t_done(&r);
}

/* A vendor writes, saves against an old version, asks what is wrong, declares. */
static void a_draft_goes_from_nothing_to_a_payload_to_sign(void **state)
{
    struct buf whole;
    struct reply r;
    char path[160], other[200];
    (void)state;
    r = t_post(a, "/api/v1/drafts", vendor_token, "{\"kind\":\"algorithm\"}");
    assert_int_equal(r.status, 201);
    snprintf(path, sizeof path, "/api/v1/drafts/%.*s",
             STR_FMT(json_str(t_at(&r, "/id"))));
    t_done(&r);
    snprintf(other, sizeof other, "%s/check", path);
    r = t_ask(a, &(struct ask){.path = other, .token = vendor_token, .lang = "fr"});
    assert_int_equal(r.status, 200);
    assert_false(json_bool(t_at(&r, "/ok"), true));
    assert_true(json_size(t_at(&r, "/problems")) >= 9); /* every compulsory field */
    t_done(&r);
    buf_init(&whole, 1 << 20);
    struct t another = {0}; /* an algorithm that is not declared yet */
    assert_ok(registry_algorithm_id(t.r, STR("DEMOAI"), another.algorithm_id));
    t_algorithm_record(&another, &whole);
    r = t_ask(a, &(struct ask){.method = HTTP_PUT,
                               .path = path,
                               .token = vendor_token,
                               .body = buf_str(&whole)});
    assert_int_equal(r.status, 412); /* no If-Match */
    t_done(&r);
    r = t_ask(a, &(struct ask){.method = HTTP_PUT,
                               .path = path,
                               .token = vendor_token,
                               .match = "\"1\"",
                               .body = buf_str(&whole)});
    assert_int_equal(r.status, 200);
    assert_true(str_eqc(t_header(&r, "ETag"), "\"2\""));
    t_done(&r);
    snprintf(other, sizeof other, "%s/check", path);
    r = t_ask(a, &(struct ask){.path = other, .token = vendor_token, .lang = "fr"});
    assert_true(json_bool(t_at(&r, "/ok"), false));
    assert_int_equal(json_size(t_at(&r, "/missing/intermediate")), 4); /* ar, en */
    t_done(&r);
    assert_int_equal(t_get(a, path, director_token), 200); /* same organisation */
    assert_int_equal(t_get(a, path, t.admin_token), 404);  /* another one */
    snprintf(other, sizeof other, "%s/declaration", path);
    r = t_post(a, other, vendor_token, "");
    assert_int_equal(r.status, 201);
    assert_true(str_starts(json_str(t_at(&r, "/page")), STR("/sign/")));
    t_done(&r);
    r = t_ask(a,
              &(struct ask){.method = HTTP_DELETE, .path = path, .token = vendor_token});
    assert_int_equal(r.status, 204);
    t_done(&r);
    assert_int_equal(t_get(a, path, vendor_token), 404);
    buf_release(&whole);
}

static void a_draft_with_holes_is_refused_with_every_hole(void **state)
{
    struct reply r = t_post(a, "/api/v1/drafts", vendor_token,
                            "{\"kind\":\"version\",\"record\":{\"task\":\"binary\"}}");
    char path[200];
    (void)state;
    assert_int_equal(r.status, 201);
    snprintf(path, sizeof path, "/api/v1/drafts/%.*s/declaration",
             STR_FMT(json_str(t_at(&r, "/id"))));
    t_done(&r);
    r = t_post(a, path, vendor_token, "");
    assert_int_equal(r.status, 422);
    assert_true(json_size(t_at(&r, "/problems")) > 30);
    t_done(&r);
}

static void every_protected_route_wants_a_name_and_then_a_right(void **state)
{
    static const enum http_method method[] = {HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE};
    static const char *const name[] = {"GET", "POST", "PUT", "DELETE"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(rows); i++) {
        struct ask q = {.path = filled(rows[i].pattern)};
        struct reply r;
        if (rows[i].servers == 'N' || strcmp(rows[i].access, "PUBLIC") == 0)
            continue;
        for (size_t k = 0; k < AM_LEN(name); k++)
            if (strcmp(rows[i].method, name[k]) == 0)
                q.method = method[k];
        r = t_ask(a, &q);
        assert_int_equal(r.status, 401);
        t_assert_shape(&r, "unauthorized");
        assert_true(str_starts(t_header(&r, "WWW-Authenticate"), STR("Bearer")));
        t_done(&r);
        q.token = "0123456789012345678901234567890123456789012345678901234567890123";
        r = t_ask(a, &q);
        assert_int_equal(r.status, 401);
        t_done(&r);
        if (strcmp(rows[i].access, "SESSION") == 0)
            continue;
        q.token = system_token; /* an automaton has none of these rights */
        r = t_ask(a, &q);
        assert_int_equal(r.status, 403);
        t_assert_shape(&r, "forbidden");
        assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "right.missing");
        t_done(&r);
    }
}

static void openapi_lists_exactly_the_table(void **state)
{
    struct reply r = t_ask(a, &(struct ask){.path = "/api/v1/openapi.json"});
    size_t here = 0, described = 0;
    (void)state;
    assert_str_equal(json_str(t_at(&r, "/openapi")), "3.1.0");
    for (size_t i = 0; i < AM_LEN(rows); i++) {
        char pattern[160], method[16];
        const struct json *op;
        char *star;
        if (rows[i].servers == 'N')
            continue;
        here++;
        snprintf(pattern, sizeof pattern, "%s", rows[i].pattern);
        star = strstr(pattern, "{*}");
        if (star)
            snprintf(star, sizeof pattern - (size_t)(star - pattern), "{path}");
        for (size_t k = 0; k < sizeof method; k++) {
            method[k] = (char)(rows[i].method[k] ? rows[i].method[k] | 0x20 : 0);
            if (!method[k])
                break;
        }
        op = json_get(json_get(t_at(&r, "/paths"), pattern), method);
        if (!json_get_str(op, "summary").n)
            fail_msg("%s %s is not described", method, pattern);
        assert_int_equal(json_size(json_get(op, "security")),
                         strcmp(rows[i].access, "PUBLIC") != 0);
        assert_int_equal(json_get(op, "requestBody") != NULL, *rows[i].request != 0);
    }
    for (json_each(path, t_at(&r, "/paths")))
        described += json_size(path.val);
    assert_int_equal(described, here);
    t_done(&r);
}

/* ---- matching, methods, errors
 * ------------------------------------------------------------------ */
static void the_page_of_the_interface_shows_every_route(void **state)
{
    static const char *const lang[] = {"fr", "ar", "en"};
    (void)state;
    for (size_t l = 0; l < AM_LEN(lang); l++) {
        char want[128];
        struct reply r = t_ask(a, &(struct ask){.path = "/api", .lang = lang[l]});
        assert_int_equal(r.status, 200);
        const char *body = r.resp.body.p;
        for (size_t i = 0; i < AM_LEN(rows); i++) {
            snprintf(want, sizeof want, "<code dir=\"ltr\">%s %s</code>", rows[i].method,
                     rows[i].pattern);
            if (rows[i].servers != 'N' && !strstr(body, want))
                fail_msg("%s: absent", want);
        }
        assert_null(strstr(body, "/api/v1/predictions")); /* the node's */
        t_done(&r);
    }
}

static void a_shape_has_a_page_with_its_example(void **state)
{
    (void)state;
    struct reply r = t_ask(a, &(struct ask){.path = "/api/shapes/org6"});
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.resp.body.p, "DEMOAI"));
    assert_non_null(strstr(r.resp.body.p, "^[A-Z0-9]{6}$"));
    t_done(&r);
}

static void what_is_not_in_the_table_is_not_found(void **state)
{
    static const char *const path[] = {"/apis",
                                       "/api/",
                                       "/api/shapes/",
                                       "/api/shapes/none",
                                       "/api/v1/",
                                       "/api/v1/versions/",
                                       "/api/v1/version",
                                       "/api/v1/versions/a/b",
                                       "/api/v1/statements/",
                                       "/api/v1/blobs",
                                       "/api/v1/state", /* the node's */
                                       "/log/",
                                       "/log/nothing",
                                       "/api/v1/checks/x/y",
                                       "/healthz/"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(path); i++) {
        struct reply r = t_ask(a, &(struct ask){.path = path[i]});
        if (r.status != 404)
            fail_msg("%s: %d", path[i], r.status);
        t_done(&r);
    }
}

static void a_wrong_method_hears_which_ones_there_are(void **state)
{
    static const struct {
        enum http_method method;
        const char *path, *allow;
    } k[] = {{HTTP_DELETE, "/api/v1/versions", "POST, GET, HEAD"},
             {HTTP_POST, "/healthz", "GET, HEAD"},
             {HTTP_POST, "/api/v1/keys", "GET, HEAD"},
             {HTTP_PUT, "/api/v1/sessions", "POST, DELETE, GET, HEAD"},
             {HTTP_PATCH, "/api/v1/blobs/00", "PUT, GET, HEAD"}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct reply r =
            t_ask(a, &(struct ask){.method = k[i].method, .path = k[i].path});
        assert_int_equal(r.status, 405);
        t_assert_shape(&r, "method");
        if (!str_eqc(t_header(&r, "Allow"), k[i].allow))
            fail_msg("%s: %.*s", k[i].path, STR_FMT(t_header(&r, "Allow")));
        t_done(&r);
    }
}

static void problems_speak_the_language_of_the_reader(void **state)
{
    static const struct {
        const char *header, *query, *lang;
    } k[] = {{NULL, NULL, "fr"},
             {"en-GB,en;q=0.9", NULL, "en"},
             {"ar", NULL, "ar"},
             {"de", NULL, "fr"},
             {"en", "lang=ar", "ar"}};
    struct str title[3];
    struct reply kept[3];
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        struct reply r = t_ask(a, &(struct ask){.path = "/api/v1/versions/zz",
                                                .lang = k[i].header,
                                                .query = k[i].query});
        assert_int_equal(r.status, 400);
        t_assert_shape(&r, "syntax");
        assert_str_equal(json_str(t_at(&r, "/lang")), k[i].lang);
        assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "path.version");
        assert_true(json_str(t_at(&r, "/problems/0/message")).n > 5);
        if (i < 3) {
            kept[i] = r;
            title[i] = json_str(t_at(&r, "/problems/0/message"));
        } else {
            t_done(&r);
        }
    }
    for (size_t i = 0; i < 3; i++) /* three languages, three sentences */
        assert_false(str_eq(title[i], title[(i + 1) % 3]));
    for (size_t i = 0; i < 3; i++)
        t_done(&kept[i]);
}

static void bodies_that_are_no_json_name_line_and_column(void **state)
{
    static const char *const bad[] = {"",     "{",    "{\"a\":1,\"a\":2}",
                                      "[1,]", "\xff", "nul"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        struct reply r = t_post(a, "/api/v1/sessions", NULL, bad[i]);
        if (r.status != 400)
            fail_msg("%s: %d", bad[i], r.status);
        t_assert_shape(&r, "syntax");
        assert_non_null(t_at(&r, "/problems/0/pointer"));
        t_done(&r);
    }
}

static void a_body_too_large_is_refused_by_its_size(void **state)
{
    size_t n = (size_t)API_BODY_JSON_MAX + 1;
    char *big = calloc(n, 1);
    struct reply r;
    (void)state;
    assert_non_null(big);
    memset(big, ' ', n);
    r = t_ask(a, &(struct ask){
                     .method = HTTP_POST, .path = "/api/v1/sessions", .body = {big, n}});
    assert_int_equal(r.status, 413);
    t_assert_shape(&r, "toobig");
    t_done(&r);
    free(big);
}

/* ---- sessions, accounts, tokens
 * ------------------------------------------------------------------ */
static void a_session_is_opened_used_and_closed(void **state)
{
    struct reply r = t_post(a, "/api/v1/sessions", NULL,
                            "{\"login\":\"vendor\",\"password\":\"a long password\"}");
    char token[AUTH_TOKEN];
    (void)state;
    assert_int_equal(r.status, 201);
    snprintf(token, sizeof token, "%.*s", STR_FMT(json_str(t_at(&r, "/token"))));
    t_done(&r);
    r = t_post(a, "/api/v1/algorithm-ids", token, "{\"org6\":\"DEMOAI\"}");
    assert_int_equal(r.status, 201);
    assert_true(registry_algorithm_id_valid(json_str(t_at(&r, "/algorithm_id"))));
    t_done(&r);
    /* the same secret as a cookie opens no writing door: browsers send it unasked */
    r = t_ask(a, &(struct ask){.method = HTTP_POST,
                               .path = "/api/v1/algorithm-ids",
                               .cookie = token,
                               .body = STR("{\"org6\":\"DEMOAI\"}")});
    assert_int_equal(r.status, 401);
    t_done(&r);
    r = t_ask(a, &(struct ask){
                     .method = HTTP_DELETE, .path = "/api/v1/sessions", .token = token});
    assert_int_equal(r.status, 204);
    assert_int_equal(r.resp.body.n, 0);
    t_done(&r);
    r = t_post(a, "/api/v1/algorithm-ids", token, "{\"org6\":\"DEMOAI\"}");
    assert_int_equal(r.status, 401);
    t_done(&r);
}

static void wrong_passwords_end_in_429_with_a_time_to_wait(void **state)
{
    struct reply r;
    (void)state;
    for (int i = 0; i < 5; i++) {
        r = t_post(a, "/api/v1/sessions", NULL,
                   "{\"login\":\"nobody\",\"password\":\"wrong wrong\"}");
        assert_int_equal(r.status, 401);
        t_done(&r);
    }
    r = t_post(a, "/api/v1/sessions", NULL,
               "{\"login\":\"nobody\",\"password\":\"wrong wrong\"}");
    assert_int_equal(r.status, 429);
    t_assert_shape(&r, "toomany");
    assert_str_equal(t_header(&r, "Retry-After"), "900");
    t_done(&r);
}

static void only_the_desk_opens_accounts_at_the_registry(void **state)
{
    static const char body[] = "{\"login\":\"new\",\"password\":\"a long password\","
                               "\"role\":\"msps\",\"function\":\"registry_desk\","
                               "\"org_id\":\"MSPS\"}";
    struct reply r = t_post(a, "/api/v1/accounts", director_token, body);
    char ask[64];
    (void)state;
    assert_int_equal(r.status, 403); /* the right, but of a house: not of the country */
    assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "account.desk");
    t_done(&r);
    r = t_post(a, "/api/v1/accounts", vendor_token, body);
    assert_int_equal(r.status, 403);
    t_done(&r);
    r = t_post(a, "/api/v1/accounts", t.admin_token, body);
    assert_int_equal(r.status, 201);
    assert_str_equal(json_str(t_at(&r, "/login")), "new");
    t_done(&r);
    r = t_post(a, "/api/v1/accounts", t.admin_token, body);
    assert_int_equal(r.status, 409);
    assert_str_equal(json_str(t_at(&r, "/problems/0/pointer")), "/login");
    t_done(&r);
    r = t_post(a, "/api/v1/accounts", t.admin_token, "{\"login\":\"X\",\"nickname\":1}");
    assert_int_equal(r.status, 422);
    assert_true(json_size(t_at(&r, "/problems")) >= 2);
    t_done(&r);
    /* nobody becomes somebody else by a token */
    snprintf(ask, sizeof ask, "{\"account\":%lld}", (long long)vendor_id);
    r = t_post(a, "/api/v1/tokens", director_token, ask);
    assert_int_equal(r.status, 403);
    t_done(&r);
    r = t_post(a, "/api/v1/tokens", system_token, ask);
    assert_int_equal(r.status, 403);
    t_done(&r);
    r = t_post(a, "/api/v1/tokens", t.admin_token, ask); /* it signs, and nobody else */
    assert_int_equal(r.status, 422);                     /* could confirm */
    assert_str_equal(json_str(t_at(&r, "/problems/0/code")),
                     "account.lone_administrator");
    t_done(&r);
}

static void a_token_of_who_signs_is_given_to_the_second_administrator(void **state)
{
    struct auth_account spec = {.login = "desk2", .role = LEDGER_MSPS, .org_id = "MSPS"};
    char second[AUTH_TOKEN], token[AUTH_TOKEN], text[128];
    struct reply r;
    int64_t id, ask;
    (void)state;
    snprintf(spec.function, sizeof spec.function, "registry_desk");
    assert_ok(auth_account_create(registry_auth(t.r), &spec, STR("a long password"), &id,
                                  NULL));
    assert_ok(auth_token_create(registry_auth(t.r), id, time_now(), 0, second));
    snprintf(text, sizeof text,
             "{\"account\":%lld,\"rights\":[\"algorithm_id\"],\"name\":\"robot\"}",
             (long long)vendor_id);
    r = t_post(a, "/api/v1/tokens", t.admin_token, text);
    assert_int_equal(r.status, 202);
    ask = json_int(t_at(&r, "/ask"), 0);
    assert_null(t_at(&r, "/token"));
    t_done(&r);
    r = t_post(a, "/api/v1/tokens", t.admin_token, text);
    assert_int_equal(r.status, 409);
    t_done(&r);
    r = t_ask(a, &(struct ask){.path = "/api/v1/account-asks", .token = second});
    assert_str_equal(json_str(t_at(&r, "/items/0/name")), "robot");
    assert_str_equal(json_str(t_at(&r, "/items/0/rights/0")), "algorithm_id");
    t_done(&r);
    snprintf(text, sizeof text, "/api/v1/account-asks/%lld", (long long)ask);
    r = t_post(a, text, t.admin_token, "");
    assert_int_equal(r.status, 403);
    t_done(&r);
    r = t_post(a, text, second, "");
    assert_int_equal(r.status, 201);
    snprintf(token, sizeof token, "%.*s", STR_FMT(json_str(t_at(&r, "/token"))));
    t_done(&r);
    r = t_post(a, "/api/v1/algorithm-ids", token, "{\"org6\":\"DEMOAI\"}");
    assert_int_equal(r.status, 201);
    t_done(&r);
    r = t_post(a, "/api/v1/tokens", token, "{}"); /* no wider one by it */
    assert_int_equal(r.status, 403);
    t_done(&r);
    assert_int_equal(t_get(a, "/api/v1/notices", vendor_token), 200);
}

static void tokens_are_made_for_oneself_until_a_day_to_come(void **state)
{
    static const struct {
        const char *body;
        int status;
    } k[] = {{"{}", 201},
             {"{\"until\":\"2999-01-01T00:00:00Z\"}", 201},
             {"{\"until\":\"2001-01-01T00:00:00Z\"}", 422},
             {"{\"until\":\"tomorrow\"}", 422},
             {"{\"account\":\"1\"}", 422},
             {"{\"account\":1.5}", 422},
             {"{\"account\":999999}", 403},
             {"[]", 422}};
    struct reply r;
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        r = t_post(a, "/api/v1/tokens", vendor_token, k[i].body);
        if (r.status != k[i].status)
            fail_msg("%s: %d", k[i].body, r.status);
        t_done(&r);
    }
    r = t_post(a, "/api/v1/tokens", t.admin_token, "{\"account\":999999}");
    assert_int_equal(r.status, 404);
    t_done(&r);
}

/* ---- blobs
 * ---------------------------------------------------------------------------------- */
static void a_file_is_kept_under_its_own_digest_only(void **state)
{
    static const struct str text = STR_INIT("policy or evidence");
    char path[128], hex[CRYPTO_HEX];
    uint8_t digest[32];
    struct ask q = {.method = HTTP_PUT,
                    .path = path,
                    .token = vendor_token,
                    .body = STR("something else")};
    struct reply r;
    (void)state;
    crypto_sha256(text, digest);
    snprintf(path, sizeof path, "/api/v1/blobs/%s", crypto_hex(digest, 32, hex));
    r = t_ask(a, &q);
    assert_int_equal(r.status, 422);
    assert_str_equal(json_str(t_at(&r, "/problems/0/code")), "blob.digest");
    t_done(&r);
    q.body = text;
    r = t_ask(a, &q);
    assert_int_equal(r.status, 201);
    t_done(&r);
    r = t_ask(a, &q); /* once more is fine */
    assert_int_equal(r.status, 204);
    t_done(&r);
    /* cited by nothing, it is nobody's to read, not even its uploader's */
    assert_int_equal(t_get(a, path, vendor_token), 404);
    q.path = "/api/v1/blobs/12";
    r = t_ask(a, &q);
    assert_int_equal(r.status, 400);
    t_done(&r);
}

static void weights_are_read_by_benches_and_nodes_only(void **state)
{
    char path[128], bench[AUTH_TOKEN];
    struct reply r;
    (void)state;
    account("bench", LEDGER_BENCH_OPERATOR, bench);
    snprintf(path, sizeof path, "/api/v1/blobs/%s", t.file_hex);
    assert_int_equal(t_get(a, path, NULL), 401);
    assert_int_equal(t_get(a, path, vendor_token), 403);
    assert_int_equal(t_get(a, path, t.admin_token), 403);
    assert_int_equal(t_get(a, path, bench), 200);
    r = t_ask(a, &(struct ask){.path = path, .token = system_token});
    assert_int_equal(r.status, 200);
    assert_true(str_eq(buf_str(&r.resp.body), buf_str(&t.model)));
    assert_str_equal(t_header(&r, "Cache-Control"), "private, no-store");
    t_done(&r);
}

/* ---- records
 * ---------------------------------------------------------------------------------- */
static void a_check_says_what_is_missing_without_submitting(void **state)
{
    struct reply r =
        t_post(a, "/api/v1/checks/versions", NULL, "{\"version_label\":\"1\"}");
    struct registry_stats before, after;
    struct buf b, edited;
    size_t n;
    (void)state;
    registry_stats(t.r, &before);
    assert_int_equal(r.status, 422);
    t_assert_shape(&r, "invalid");
    n = json_size(t_at(&r, "/problems"));
    assert_true(n > 35);
    for (size_t i = 0; i < n; i++) {
        const struct json *p = json_at(t_at(&r, "/problems"), i);
        assert_true(str_starts(json_get_str(p, "pointer"), STR("/")));
        assert_true(json_get_str(p, "code").n && json_get_str(p, "message").n);
    }
    t_done(&r);
    r = t_post(a, "/api/v1/checks/thoughts", NULL, "{}");
    assert_int_equal(r.status, 404);
    t_done(&r);
    buf_init(&b, 1 << 20);
    t_version_record(&t, &b);
    r = t_post(a, "/api/v1/checks/versions", NULL, b.p);
    assert_int_equal(r.status, 200);
    assert_true(json_bool(t_at(&r, "/ok"), false));
    assert_int_equal(json_size(t_at(&r, "/warnings")), 0);
    t_done(&r);
    t_edit(buf_str(&b), "relevance_morocco", "{\"fr\":\"CIN BK612345\"}", &edited);
    r = t_post(a, "/api/v1/checks/versions", NULL, edited.p);
    assert_int_equal(r.status, 200);
    assert_str_equal(json_str(t_at(&r, "/warnings/0/pointer")), "/relevance_morocco/fr");
    assert_str_equal(json_str(t_at(&r, "/warnings/0/code")), "record.personal_identity");
    assert_true(json_bool(t_at(&r, "/warnings/0/warning"), false));
    t_done(&r);
    buf_release(&edited);
    buf_release(&b);
    registry_stats(t.r, &after);
    assert_int_equal(before.size, after.size);
}

static void a_signed_statement_needs_no_account(void **state)
{
    struct buf record, envelope;
    struct reply r;
    char path[64];
    (void)state;
    buf_init(&record, 8192);
    buf_init(&envelope, 65536);
    t_grant_record(t.key[T_STRANGER], "auditor", "AUDIT1", &record);
    t_envelope(&t, LEDGER_EVENT, T_MSPS, buf_str(&record), &envelope);
    r = t_post(a, "/api/v1/events", NULL, envelope.p);
    assert_int_equal(r.status, 201);
    assert_str_equal(json_str(t_at(&r, "/effect")), "in_effect");
    assert_str_equal(json_str(t_at(&r, "/code")), "ok");
    assert_int_equal(json_str(t_at(&r, "/payload_sha256")).n, 64);
    assert_int_equal(json_str(t_at(&r, "/record_sha256")).n, 64);
    snprintf(path, sizeof path, "/api/v1/statements/%lld",
             (long long)json_int(t_at(&r, "/index"), -1));
    t_done(&r);
    r = t_ask(a, &(struct ask){.path = path});
    assert_int_equal(r.status, 200);
    assert_str_equal(json_str(t_at(&r, "/signer/role")), "msps");
    assert_str_equal(json_str(t_at(&r, "/outcome/effect")), "in_effect");
    assert_non_null(t_at(&r, "/payload/predicate"));
    t_done(&r);
    r = t_post(a, "/api/v1/events", NULL, envelope.p); /* again */
    assert_int_equal(r.status, 409);
    t_assert_shape(&r, "conflict");
    t_done(&r);
    r = t_post(a, "/api/v1/versions", NULL, envelope.p); /* by another door */
    assert_int_equal(r.status, 422);
    t_done(&r);
    buf_release(&envelope);
    buf_release(&record);
}

static void lists_can_be_filtered(void **state)
{
    static const struct {
        const char *query;
        size_t n;
    } k[] = {{NULL, 1},         {"state=declared", 1}, {"state=labelled", 0},
             {"level=none", 1}, {"level=base", 0},     {"q=cardio", 1},
             {"q=demoai", 1},   {"q=zzz", 0},          {"q=cardio&state=labelled", 0}};
    struct reply r;
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        r = t_ask(a, &(struct ask){.path = "/api/v1/versions", .query = k[i].query});
        if (json_size(t_at(&r, "/items")) != k[i].n)
            fail_msg("%s: %zu", k[i].query, json_size(t_at(&r, "/items")));
        t_done(&r);
    }
    r = t_ask(a, &(struct ask){.path = "/api/v1/stops", .query = "since=x"});
    assert_int_equal(r.status, 400);
    t_done(&r);
    assert_int_equal(t_get(a, "/api/v1/statements/99999", NULL), 404);
    assert_int_equal(t_get(a, "/api/v1/statements/-1", NULL), 400);
    assert_int_equal(t_get(a, "/api/v1/statements/18446744073709551616", NULL), 400);
}

static void a_proof_holds_against_the_checkpoint_beside_it(void **state)
{
    char path[160];
    struct tlog_checkpoint cp;
    struct tlog_proof proof = {0};
    struct tlog_hash leaf;
    struct buf entry, hash;
    struct reply r;
    (void)state;
    until_proof();
    snprintf(path, sizeof path, "/api/v1/versions/%s/proof", t.model_hex);
    r = t_ask(a, &(struct ask){.path = path});
    assert_int_equal(r.status, 200);
    assert_ok(tlog_checkpoint_open(json_str(t_at(&r, "/checkpoint")),
                                   tlog_key(registry_log(t.r)), &cp));
    assert_int_equal(cp.size, json_int(t_at(&r, "/tree_size"), 0));
    buf_init(&hash, 64);
    buf_init(&entry, TLOG_ENTRY_MAX);
    for (json_each(it, t_at(&r, "/declared/hashes"))) {
        buf_clear(&hash);
        assert_ok(crypto_unbase64(&hash, json_str(it.val)));
        memcpy(proof.node[proof.n++].h, hash.p, TLOG_HASH);
    }
    assert_ok(tlog_entry(registry_log(t.r),
                         (uint64_t)json_int(t_at(&r, "/declared/index"), 0), &entry));
    tlog_leaf_hash(buf_str(&entry), &leaf);
    assert_ok(tlog_verify_inclusion(&proof,
                                    (uint64_t)json_int(t_at(&r, "/declared/index"), 0),
                                    &leaf, cp.size, &cp.root));
    buf_release(&entry);
    buf_release(&hash);
    t_done(&r);
    memset(path, '0', sizeof path);
    snprintf(path, sizeof path, "/api/v1/versions/%064d/proof", 0);
    assert_int_equal(t_get(a, path, NULL), 404);
}

/* ---- the log as files
 * ------------------------------------------------------------------------ */
/* Something to steal under that name, where the name can be a file at all. */
static void bait(const char *name)
{
    char path[512], *slash;
    if (strstr(name, "..") || strstr(name, "//") || name[0] == '/' ||
        name[strlen(name) - 1] == '/')
        return;
    snprintf(path, sizeof path, "%s/log/%s", t.data, name);
    slash = strrchr(path, '/');
    *slash = 0;
    if (am_dir_make(path, 0700)) /* a file stands in the way: fine */
        return;
    *slash = '/';
    if (access(path, F_OK) && am_file_write(path, STR("secret"), 0600))
        print_message("no file can be at %s\n", name);
}

static void the_log_folder_cannot_be_left(void **state)
{
    static const char *const name[] = {"../keys/log.key",
                                       "tile/../../keys/log.key",
                                       "tile/0/../../origin",
                                       "tile",
                                       "tile/",
                                       "tile/0",
                                       "tile/0/",
                                       "tile/0/000/",
                                       "tile/0/000.p",
                                       "tile/0/000.p/",
                                       "tile/0/000.p/0",
                                       "tile/0/000.p/01",
                                       "tile/0/000.p/256",
                                       "tile/0/000.p/1/2",
                                       "tile/0/000.q/1",
                                       "tile/0/00",
                                       "tile/0/0000",
                                       "tile/0/x000",
                                       "tile/00/000",
                                       "tile/64/000",
                                       "tile/-1/000",
                                       "tile/entries",
                                       "tile/entries/..",
                                       "tile/entries/x001/x002",
                                       "tile/entriesx/000",
                                       "tile/0//000",
                                       "/etc/passwd",
                                       "checkpoint/",
                                       "checkpoint.",
                                       "checkpoint.tmp",
                                       "lock",
                                       "tile/0/x000/x000/x000/x000/x000/x000/x000/000",
                                       "tile/entries/000.p/p/1",
                                       "tile/0/.p./000"};
    char path[160];
    (void)state;
    for (size_t i = 0; i < AM_LEN(name); i++) {
        bait(name[i]);
        snprintf(path, sizeof path, "/log/%s", name[i]);
        if (t_get(a, path, NULL) != 404)
            fail_msg("%s", path);
    }
}

static void tiles_are_served_whole_and_cut(void **state)
{
    struct tlog_checkpoint head;
    struct reply whole, part;
    char path[96];
    (void)state;
    tlog_head(registry_log(t.r), &head);
    assert_true(head.size > 3 && head.size < 256);
    snprintf(path, sizeof path, "/log/tile/0/000.p/%llu", (unsigned long long)head.size);
    whole = t_ask(a, &(struct ask){.path = path});
    assert_int_equal(whole.status, 200);
    assert_int_equal(whole.resp.body.n, head.size * TLOG_HASH);
    assert_str_equal(t_header(&whole, "Content-Type"), "application/octet-stream");
    assert_true(str_ends(t_header(&whole, "Cache-Control"), STR("immutable")));
    t_done(&whole);
    assert_int_equal(t_get(a, "/log/tile/0/000", NULL), 404); /* not full yet */
    part = t_ask(a, &(struct ask){.path = "/log/checkpoint"});
    assert_int_equal(part.status, 200);
    assert_str_equal(t_header(&part, "Cache-Control"), "no-store");
    assert_true(str_starts(buf_str(&part.resp.body), STR("amane.example.org/log\n")));
    t_done(&part);
    /* a full tile: whatever width the collector removed is cut from it */
    for (uint64_t i = head.size; i < 256; i++) {
        uint64_t index;
        if (i % 50 == 0) /* queue many, wait for some: quicker */
            assert_ok(tlog_append(registry_log(t.r), STR("filler"), &index));
        else
            assert_ok(tlog_queue(registry_log(t.r), STR("filler"), &index));
        if (i == 255)
            assert_ok(tlog_wait(registry_log(t.r), index));
    }
    whole = t_ask(a, &(struct ask){.path = "/log/tile/0/000"});
    assert_int_equal(whole.status, 200);
    assert_int_equal(whole.resp.body.n, 256 * TLOG_HASH);
    part = t_ask(a, &(struct ask){.path = "/log/tile/0/000.p/77"});
    assert_int_equal(part.status, 200);
    assert_int_equal(part.resp.body.n, 77 * TLOG_HASH);
    assert_memory_equal(part.resp.body.p, whole.resp.body.p, part.resp.body.n);
    t_done(&part);
    t_done(&whole);
    whole = t_ask(a, &(struct ask){.path = "/log/tile/entries/000"});
    part = t_ask(a, &(struct ask){.path = "/log/tile/entries/000.p/5"});
    assert_int_equal(part.status, 200);
    {
        struct str entry[256];
        size_t n;
        assert_ok(tlog_bundle_parse(buf_str(&part.resp.body), entry, 256, &n));
        assert_int_equal(n, 5);
    }
    assert_memory_equal(part.resp.body.p, whole.resp.body.p, part.resp.body.n);
    t_done(&part);
    t_done(&whole);
}

static void assets_come_packed_to_who_takes_it(void **state)
{
    static const struct {
        const char *accept, *path;
        bool packed;
    } row[] = {
        {"gzip", "/assets/app.css", true},
        {"br;q=1, GZIP ; q=0.5", "/assets/app.css", true},
        {"deflate, gzip", "/assets/sign.js", true},
        {"gzip;q=0", "/assets/app.css", false},
        {"gzip; q=0.0, br", "/assets/app.css", false},
        {"gzip;q=x", "/assets/app.css", false},
        {"identity, x-gzip", "/assets/app.css", false},
        {",;,", "/assets/app.css", false},
        {"gzip", "/assets/fonts/plex-latin-400.woff2", false}, /* packed by its nature */
    };
    size_t whole = embed_find("web/assets/app.css")->size;
    (void)state;
    for (size_t i = 0; i < AM_LEN(row); i++) {
        struct reply r =
            t_ask(a, &(struct ask){.path = row[i].path, .encoding = row[i].accept});
        assert_int_equal(r.status, 200);
        assert_str_equal(t_header(&r, "Vary"), "Accept-Encoding");
        assert_int_equal(str_eqc(t_header(&r, "Content-Encoding"), "gzip"),
                         row[i].packed);
        if (row[i].packed)
            assert_int_equal((uint8_t)r.resp.body.p[0], 0x1f);
        else if (str_eqc(str_c(row[i].path), "/assets/app.css"))
            assert_int_equal(r.resp.body.n, whole);
        t_done(&r);
    }
}

static void assets_are_known_by_their_digest(void **state)
{
    struct reply r = t_ask(a, &(struct ask){.path = "/assets/app.css"});
    char tag[80];
    (void)state;
    assert_int_equal(r.status, 200);
    snprintf(tag, sizeof tag, "%.*s", STR_FMT(t_header(&r, "ETag")));
    assert_int_equal(strlen(tag), 66);
    assert_int_equal(tag[0], '"');
    t_done(&r);
    r = t_ask(a, &(struct ask){.path = "/assets/app.css", .match = tag});
    assert_int_equal(r.status, 304);
    assert_int_equal(r.resp.body.n, 0);
    t_done(&r);
    r = t_ask(a,
              &(struct ask){.path = "/assets/app.css", .match = tag, .encoding = "gzip"});
    assert_int_equal(r.status, 200); /* another form, another tag */
    t_done(&r);
    assert_int_equal(t_get(a, "/assets/../schema/version-1.json", NULL), 404);
    assert_int_equal(t_get(a, "/assets/", NULL), 404);
}

static void metrics_are_openmetrics_without_a_person(void **state)
{
    struct reply r = t_ask(a, &(struct ask){.path = "/metrics"});
    struct str text = buf_str(&r.resp.body), rest, line;
    (void)state;
    assert_true(
        str_starts(t_header(&r, "Content-Type"), STR("application/openmetrics-text")));
    assert_true(str_ends(text, STR("# EOF\n")));
    for (rest = text; rest.n;) {
        line = str_cut(rest, '\n', &rest);
        assert_true(str_starts(line, STR("# ")) || str_starts(line, STR("amane_")));
    }
    assert_null(memmem(text.p, text.n, "vendor", 6));
    t_done(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(every_reading_route_answers_in_the_form_it_declares),
        TEST(a_draft_goes_from_nothing_to_a_payload_to_sign),
        TEST(a_draft_with_holes_is_refused_with_every_hole),
        TEST(every_protected_route_wants_a_name_and_then_a_right),
        TEST(openapi_lists_exactly_the_table),
        TEST(the_page_of_the_interface_shows_every_route),
        TEST(a_shape_has_a_page_with_its_example),
        TEST(what_is_not_in_the_table_is_not_found),
        TEST(a_wrong_method_hears_which_ones_there_are),
        TEST(problems_speak_the_language_of_the_reader),
        TEST(bodies_that_are_no_json_name_line_and_column),
        TEST(a_body_too_large_is_refused_by_its_size),
        TEST(a_session_is_opened_used_and_closed),
        TEST(while_the_index_is_made_all_but_searches_answers),
        TEST(wrong_passwords_end_in_429_with_a_time_to_wait),
        TEST(only_the_desk_opens_accounts_at_the_registry),
        TEST(a_token_of_who_signs_is_given_to_the_second_administrator),
        TEST(tokens_are_made_for_oneself_until_a_day_to_come),
        TEST(a_file_is_kept_under_its_own_digest_only),
        TEST(weights_are_read_by_benches_and_nodes_only),
        TEST(a_check_says_what_is_missing_without_submitting),
        TEST(a_signed_statement_needs_no_account),
        TEST(lists_can_be_filtered),
        TEST(a_proof_holds_against_the_checkpoint_beside_it),
        TEST(the_log_folder_cannot_be_left),
        TEST(assets_are_known_by_their_digest),
        TEST(assets_come_packed_to_who_takes_it),
        TEST(metrics_are_openmetrics_without_a_person),
        TEST(tiles_are_served_whole_and_cut), /* last: it fills the log */
    };
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(tests, setup, teardown);
}
