/* SPDX-License-Identifier: Apache-2.0 */
/* The whole matrix, walked: every route and every page of both servers is really asked by
 * every role, at home and abroad, by nobody, and by a token for no right. What the table
 * (auth_tbl.h) says must happen, happens: a refusal at the door leaves a row in the
 * audit, so that it is not taken for another 403. */
#include "api/api_test_support.h"

#include "node/node.h"

static struct t t;
static struct api *api[2]; /* registry, node */
static struct node *node;
static char node_dir_[64];

static struct auth *auth_of(int server)
{
    return server ? node_auth(node) : registry_auth(t.r);
}

/* ---- who asks ---------------------------------------------------------------------- */
struct asker {
    struct auth_account who;
    char session[AUTH_TOKEN], token[AUTH_TOKEN], powerless[AUTH_TOKEN], csrf[AUTH_TOKEN];
    bool abroad; /* of another house than the node's */
};
static struct asker askers[2][64];
static size_t n_askers[2];

static void add(int server, enum ledger_role role, const char *function, bool abroad)
{
    struct asker *k = &askers[server][n_askers[server]++];
    struct auth_account spec = {.role = role, .services = "CARDIO"};
    struct auth *a = auth_of(server);
    enum auth_stage stage;
    int64_t id = 0;
    k->abroad = abroad;
    snprintf(spec.login, sizeof spec.login, "%s-%s%s", ledger_role_name(role), function,
             abroad ? "-abroad" : "");
    snprintf(spec.function, sizeof spec.function, "%s", function);
    snprintf(spec.org_id, sizeof spec.org_id, abroad ? "CHU-FES" : "CHU-RABAT");
    snprintf(spec.establishment, sizeof spec.establishment, "%s", spec.org_id);
    assert_ok(auth_account_create(a, &spec, STR("a long password"), &id, NULL));
    assert_ok(auth_account_get(a, id, &k->who));
    assert_ok(auth_open_for(a, id, time_now(), k->session, &stage));
    assert_int_equal(stage, AUTH_FULL);
    assert_ok(auth_csrf(a, str_c(k->session), k->csrf));
    assert_ok(auth_token_create(a, id, time_now(), 0, k->token));
    const struct auth_token_spec none = {.account = id, .scoped = true};
    assert_ok(auth_token_make(a, &k->who, &none, time_now(), k->powerless));
}

static void open_node(void)
{
    static const char genesis[] =
        "00000000000000000000000000000000000000000000000000000000000000aa";
    static char data[96];
    struct node_config c = {
        .dir = data, .registry_url = "http://127.0.0.1:1", .genesis = genesis};
    struct node_identity id;
    struct diag d;
    snprintf(node_dir_, sizeof node_dir_, "/tmp/amane-rights-XXXXXX");
    assert_non_null(mkdtemp(node_dir_));
    snprintf(data, sizeof data, "%s/data", node_dir_);
    buf_init(&id.witness_vkey, 4096);
    buf_init(&id.trace_vkey, 4096);
    buf_init(&id.service_spki, 4096);
    diag_init(&d);
    assert_ok(node_init(data, "n01", "GST-RSK", "CHU-RABAT", &id));
    assert_ok(node_open(&node, &c, &d));
    diag_release(&d);
    buf_release(&id.witness_vkey);
    buf_release(&id.trace_vkey);
    buf_release(&id.service_spki);
}

static int setup(void **state)
{
    (void)state;
    t_begin(&t);
    t_witnesses(&t);
    t_registry(&t);
    open_node();
    assert_ok(api_new_registry(&api[0], t.r));
    assert_ok(api_new_node(&api[1], node));
    for (int s = 0; s < 2; s++) {
        for (int r = LEDGER_VENDOR; r < LEDGER_ROLES; r++)
            add(s, (enum ledger_role)r, r == LEDGER_GST ? "direction" : "", false);
        add(s, LEDGER_MSPS, "registry_desk", false);
        add(s, LEDGER_DSI, "", true);
        add(s, LEDGER_DIM, "", true);
        add(s, LEDGER_PHYSICIAN, "", true);
        add(s, LEDGER_RSSI, "", true);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(api[0]);
    api_free(api[1]);
    node_close(node);
    nftw(node_dir_, t_remove, 16, FTW_DEPTH | FTW_PHYS);
    t_end(&t);
    return 0;
}

/* ---- asking ------------------------------------------------------------------------ */
/* The newest refusal in the audit, 0: none yet. */
static int64_t refusals(int server)
{
    const struct auth_audit_filter f = {.event = STR("right_refused"), .limit = 1};
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    buf_init(&b, 4096);
    jw_init(&w, &b);
    assert_ok(auth_audit_list(auth_of(server), &f, &w));
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    int64_t seq = json_int(json_get(json_at(json_root(doc), 0), "seq"), 0);
    json_free(doc);
    buf_release(&b);
    return seq;
}

/* A pattern with things that do not exist in the places of names. */
static const char *filled(const char *pattern)
{
    static char out[300];
    size_t n = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p == '{' || *p == '*') {
            n += (size_t)snprintf(out + n, sizeof out - n,
                                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            if (*p == '{')
                p = strchr(p, '}');
        } else {
            out[n++] = *p;
        }
    }
    out[n] = 0;
    return out;
}

static struct reply ask_as(int server, enum http_method method, const char *pattern,
                           const char *token, const char *session, const char *body)
{
    return t_ask(api[server], &(struct ask){.method = method,
                                            .path = filled(pattern),
                                            .token = token,
                                            .cookie = session,
                                            .type = session && method == HTTP_POST
                                                        ? "application/"
                                                          "x-www-form-urlencoded"
                                                        : NULL,
                                            .body = str_c(body)});
}

/* ---- routes ------------------------------------------------------------------------ */
struct route {
    char servers;
    enum http_method method;
    const char *pattern, *access;
};
static const struct route routes[] = {
#define X(servers, method, pattern, access, handler, request, reply, summary)            \
    {#servers[0], HTTP_##method, pattern, #access},
    API_TABLE(X)
#undef X
};

static bool right_called(const char *access, enum auth_right *out)
{
    static const char *const name[] = {
#define X(right, text, roles) #right,
        AUTH_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (!strcmp(access, name[i])) {
            *out = (enum auth_right)i;
            return true;
        }
    return false;
}

static bool here(const struct route *r, int server)
{
    return r->servers == 'B' || r->servers == (server ? 'N' : 'R');
}

static bool ends_itself(const struct route *r) /* the asker's own session */
{
    return r->method == HTTP_DELETE &&
           str_starts(str_c(r->pattern), STR("/api/v1/sessions"));
}

static void every_route_names_its_right_or_is_public(void **state)
{
    enum auth_right right;
    (void)state;
    for (size_t i = 0; i < AM_LEN(routes); i++)
        assert_true(!strcmp(routes[i].access, "PUBLIC") ||
                    !strcmp(routes[i].access, "SESSION") ||
                    right_called(routes[i].access, &right));
}

static void judge(int server, const struct asker *k, const struct route *r, bool due)
{
    int64_t before = refusals(server);
    struct reply got = ask_as(server, r->method, r->pattern, k->token, NULL, "");
    bool refused = refusals(server) != before;
    if (got.status == 401)
        fail_msg("%s: %s is not recognised", r->pattern, k->who.login);
    if (refused == due)
        fail_msg("%s %s: %s is %s (%d)", r->access, r->pattern, k->who.login,
                 due ? "refused" : "let in", got.status);
    if (refused)
        assert_int_equal(got.status, 403);
    t_done(&got);
}

static void every_route_lets_in_the_roles_of_the_table_and_nobody_else(void **state)
{
    size_t asked = 0;
    (void)state;
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < AM_LEN(routes); i++) {
            const struct route *r = &routes[i];
            enum auth_right right = AUTH_PREDICT;
            if (!here(r, s) || !strcmp(r->access, "PUBLIC") || ends_itself(r))
                continue;
            bool session = !strcmp(r->access, "SESSION");
            if (!session)
                assert_true(right_called(r->access, &right));
            struct reply got = ask_as(s, r->method, r->pattern, NULL, NULL, "");
            assert_int_equal(got.status, 401); /* nobody */
            t_done(&got);
            for (size_t k = 0; k < n_askers[s]; k++) {
                const struct asker *one = &askers[s][k];
                bool due =
                    (session || auth_may(&one->who, right)) && !(s == 1 && one->abroad);
                judge(s, one, r, due);
                asked++;
            }
        }
    assert_true(asked > 200);
}

/* A token for no right, on every route that needs one: also for whoever has them all. */
static void a_token_for_no_right_opens_no_door(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < AM_LEN(routes); i++) {
            enum auth_right right;
            if (!here(&routes[i], s) || !right_called(routes[i].access, &right))
                continue;
            for (size_t k = 0; k < n_askers[s]; k++) {
                struct reply got = ask_as(s, routes[i].method, routes[i].pattern,
                                          askers[s][k].powerless, NULL, "");
                assert_int_equal(got.status, 403);
                t_done(&got);
            }
        }
}

/* A cookie is sent without being asked: it changes nothing through the API. */
static void a_cookie_alone_changes_nothing_through_the_api(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < AM_LEN(routes); i++) {
            if (!here(&routes[i], s) || routes[i].method == HTTP_GET ||
                !strcmp(routes[i].access, "PUBLIC"))
                continue;
            struct reply got = ask_as(s, routes[i].method, routes[i].pattern, NULL,
                                      askers[s][0].session, "{}");
            assert_int_equal(got.status, 401);
            t_done(&got);
        }
}

/* ---- pages ------------------------------------------------------------------------- */
static bool page_here(const struct web_route *p, int server)
{
    return (p->site & (server ? WEB_ROUTE_NODE : WEB_ROUTE_REGISTRY)) != 0;
}

/* Those that end the session they are asked with. */
static bool page_ends(const struct web_route *p)
{
    return !strcmp(p->path, "/logout");
}

static void every_page_lets_in_the_roles_of_the_table_and_nobody_else(void **state)
{
    struct web_route p;
    size_t asked = 0;
    (void)state;
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; web_site_route(i, &p); i++) {
            if (!page_here(&p, s) || p.access == WEB_ROUTE_OPEN)
                continue;
            enum http_method method = p.post ? HTTP_POST : HTTP_GET;
            struct reply got = ask_as(s, method, p.path, NULL, NULL, "");
            assert_int_equal(got.status, 303); /* nobody: to the login page */
            assert_true(str_starts(t_header(&got, "Location"), STR("/login?")));
            t_done(&got);
            for (size_t k = 0; k < n_askers[s]; k++) {
                const struct asker *one = &askers[s][k];
                bool due =
                    (p.access < 0 || auth_may(&one->who, (enum auth_right)p.access)) &&
                    !(s == 1 && one->abroad);
                int64_t before = refusals(s);
                got = ask_as(s, method, p.path, NULL, one->session, "");
                if ((refusals(s) != before) == due || (!due && got.status != 403))
                    fail_msg("page %s: %s is %s (%d)", p.path, one->who.login,
                             due ? "refused" : "let in", got.status);
                t_done(&got);
                asked++;
            }
        }
    assert_true(asked > 200);
}

/* Every form of somebody signed in: without a token, with another session's. */
static void every_form_needs_the_token_of_its_session(void **state)
{
    struct web_route p;
    char foreign[128];
    (void)state;
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; web_site_route(i, &p); i++) {
            if (!page_here(&p, s) || !p.post ||
                (p.access == WEB_ROUTE_OPEN && !page_ends(&p)))
                continue;
            size_t k = 0;
            while (k < n_askers[s] &&
                   (askers[s][k].abroad ||
                    (p.access >= 0 &&
                     !auth_may(&askers[s][k].who, (enum auth_right)p.access))))
                k++;
            assert_true(k < n_askers[s]);
            const struct asker *one = &askers[s][k], *other = &askers[s][k ? k - 1 : 1];
            snprintf(foreign, sizeof foreign, "csrf=%s", other->csrf);
            const char *const body[] = {"", "csrf=", foreign};
            for (size_t b = 0; b < AM_LEN(body); b++) {
                struct reply got =
                    ask_as(s, HTTP_POST, p.path, NULL, one->session, body[b]);
                if (got.status != 403 && got.status != 404)
                    fail_msg("%s with \"%.8s\" answers %d", p.path, body[b], got.status);
                assert_true(got.status == 403 ||
                            strchr(p.path, '*')); /* what is named may not exist */
                t_done(&got);
            }
            struct auth_account still; /* and nothing was ended */
            assert_ok(auth_session(auth_of(s), str_c(one->session), time_now(), &still));
        }
}

/* ---- what belongs to others -------------------------------------------------------- */
static const struct asker *find(int server, enum ledger_role role, bool abroad)
{
    for (size_t k = 0; k < n_askers[server]; k++)
        if (askers[server][k].who.role == role && askers[server][k].abroad == abroad)
            return &askers[server][k];
    fail();
    return NULL;
}

static void people_of_another_house_are_not_there(void **state)
{
    const struct asker *dsi = find(1, LEDGER_DSI, false);
    const struct asker *theirs = find(1, LEDGER_DIM, true);
    struct auth_person p = {
        .name = "Elsewhere", .org_id = "CHU-FES", .establishment = "CHU-FES"};
    struct auth_account still;
    char path[96], body[400];
    int64_t id = 0;
    (void)state;
    assert_ok(auth_person_create(node_auth(node), NULL, &p, time_now(), &id));
    snprintf(path, sizeof path, "/api/v1/accounts/%lld", (long long)theirs->who.id);
    struct reply r = ask_as(1, HTTP_DELETE, path, dsi->token, NULL, "");
    assert_int_equal(r.status, 404);
    t_done(&r);
    snprintf(path, sizeof path, "/api/v1/persons/%lld", (long long)id);
    r = ask_as(1, HTTP_DELETE, path, dsi->token, NULL, "");
    assert_int_equal(r.status, 404);
    t_done(&r);
    const struct {
        const char *path, *fields;
        int64_t id;
    } form[] = {{"/people/close", "", theirs->who.id}, {"/people/erase", "", id}};
    for (size_t i = 0; i < AM_LEN(form); i++) {
        snprintf(body, sizeof body, "csrf=%s&id=%lld", dsi->csrf, (long long)form[i].id);
        r = ask_as(1, HTTP_POST, form[i].path, NULL, dsi->session, body);
        assert_int_equal(r.status, 404);
        t_done(&r);
    }
    snprintf(body, sizeof body,
             "csrf=%s&person=%lld&login=thief&password=a+long+password&role=dim"
             "&org_id=CHU-RABAT&establishment=CHU-RABAT",
             dsi->csrf, (long long)id);
    r = ask_as(1, HTTP_POST, "/people/account", NULL, dsi->session, body);
    assert_int_equal(r.status, 404);
    t_done(&r);
    snprintf(body, sizeof body,
             "csrf=%s&login=thief&password=a+long+password&role=dim&org_id=CHU-FES"
             "&establishment=CHU-FES",
             dsi->csrf);
    r = ask_as(1, HTTP_POST, "/people/account", NULL, dsi->session, body);
    assert_int_equal(r.status, 403);
    t_done(&r);
    assert_ok(auth_account_get(node_auth(node), theirs->who.id, &still));
    assert_true(still.active);
    static const char *const list[] = {"/people", "/api/v1/persons", "/api/v1/accounts"};
    for (size_t i = 0; i < AM_LEN(list); i++) {
        r = ask_as(1, HTTP_GET, list[i], i ? dsi->token : NULL, i ? NULL : dsi->session,
                   "");
        assert_int_equal(r.status, 200);
        assert_null(strstr(r.resp.body.p, "Elsewhere"));
        assert_null(strstr(r.resp.body.p, theirs->who.login));
        assert_non_null(strstr(r.resp.body.p, i == 1 ? "items" : dsi->who.login));
        t_done(&r);
    }
}

static void the_sessions_and_tokens_of_others_are_not_there(void **state)
{
    const struct asker *me = find(0, LEDGER_VENDOR, false),
                       *other = find(0, LEDGER_IMANOR, false);
    char path[96], hash[CRYPTO_HEX], body[300];
    uint8_t d[32];
    (void)state;
    const struct {
        const char *secret, *route, *form;
    } k[] = {{other->session, "sessions", "/account/sessions"},
             {other->token, "tokens", "/account/tokens/revoke"}};
    for (size_t i = 0; i < AM_LEN(k); i++) {
        crypto_sha256(str_c(k[i].secret), d);
        crypto_hex(d, 32, hash);
        snprintf(path, sizeof path, "/api/v1/%s/%.16s", k[i].route, hash);
        struct reply r = ask_as(0, HTTP_DELETE, path, me->token, NULL, "");
        assert_int_equal(r.status, 404);
        t_done(&r);
        snprintf(body, sizeof body, "csrf=%s&id=%.16s", me->csrf, hash);
        r = ask_as(0, HTTP_POST, k[i].form, NULL, me->session, body);
        assert_int_equal(r.status, 404);
        t_done(&r);
    }
    struct auth_account still;
    assert_ok(auth_session(auth_of(0), str_c(other->session), time_now(), &still));
    assert_ok(auth_token_check(auth_of(0), str_c(other->token), time_now(), &still));
}

static void an_rssi_reads_the_events_of_its_house_only(void **state)
{
    const struct asker *mine = find(0, LEDGER_RSSI, false),
                       *theirs = find(0, LEDGER_RSSI, true),
                       *auditor = find(0, LEDGER_AUDITOR, false);
    static const char *const page[] = {"/audit", "/audit.csv", "/api/v1/audit"};
    (void)state;
    assert_ok(auth_audit(auth_of(0), AUTH_E_EXPORT, &theirs->who, "mark", time_now()));
    assert_ok(auth_audit(auth_of(0), AUTH_E_EXPORT, &mine->who, "mark", time_now()));
    for (size_t i = 0; i < AM_LEN(page); i++) {
        bool route = i == 2;
        struct reply r = ask_as(0, HTTP_GET, page[i], route ? mine->token : NULL,
                                route ? NULL : mine->session, "");
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.resp.body.p, mine->who.pseudonym));
        assert_null(strstr(r.resp.body.p, theirs->who.pseudonym));
        t_done(&r);
        r = ask_as(0, HTTP_GET, page[i], route ? auditor->token : NULL,
                   route ? NULL : auditor->session, "");
        assert_non_null(strstr(r.resp.body.p, mine->who.pseudonym));
        assert_non_null(strstr(r.resp.body.p, theirs->who.pseudonym));
        t_done(&r);
    }
}

/* ---- what people write ------------------------------------------------------------- */
#define ATTACK "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{csrf}}"
static const char *const attack[] = {"Texte français é " ATTACK, "نص عربي " ATTACK,
                                     "English text " ATTACK};

static void encode(struct buf *b, const char *z)
{
    for (; *z; z++)
        assert_ok(buf_addf(b, "%%%02X", (unsigned char)*z));
}

static void unharmed(const struct reply *r, const char *path)
{
    static const char *const raw[] = {"<script>alert", "<img src=x", "onerror=alert(2)>",
                                      "\"'><"};
    for (size_t i = 0; i < AM_LEN(raw); i++)
        if (strstr(r->resp.body.p, raw[i]))
            fail_msg("%s lets %s through", path, raw[i]);
}

/* Every field of every form of somebody signed in, all at once, in each language: what
 * comes back, now and on the pages that show it later, is text. */
static void post_everywhere(int s, const struct asker *one, const char *text)
{
    static const char *const names[] = {
        "id",      "name",     "name_ar", "org_id",   "establishment",
        "login",   "password", "role",    "function", "services",
        "lang",    "kind",     "region",  "fr",       "ar",
        "en",      "person",   "days",    "right",    "all",
        "do",      "key_id",   "key",     "reason",   "since",
        "code",    "next",     "user",    "spki",     "motive",
        "comment", "scope",    "service", "envelope", "q",
        "record",  "title",    "text",    "action",   "to",
        "from"};
    struct web_route p;
    for (size_t i = 0; web_site_route(i, &p); i++) {
        struct buf b;
        if (!page_here(&p, s) || !p.post || page_ends(&p))
            continue;
        buf_init(&b, 1 << 16);
        assert_ok(buf_addf(&b, "csrf=%s", one->csrf));
        for (size_t k = 0; k < AM_LEN(names); k++) {
            assert_ok(buf_addf(&b, "&%s=", names[k]));
            encode(&b, text);
        }
        struct reply r = ask_as(s, HTTP_POST, p.path, NULL, one->session, b.p);
        unharmed(&r, p.path);
        t_done(&r);
        buf_release(&b);
    }
}

/* Texts that the forms do take: names of people, organisations, tokens. */
static void write_names(int s, const struct asker *admin, const char *text, size_t n)
{
    struct buf b;
    buf_init(&b, 1 << 14);
    assert_ok(buf_addf(
        &b, "csrf=%s&org_id=CHU-RABAT&establishment=CHU-RABAT&name=", admin->csrf));
    encode(&b, text);
    assert_ok(buf_adds(&b, "&name_ar="));
    encode(&b, text);
    struct reply r = ask_as(s, HTTP_POST, "/people/person", NULL, admin->session, b.p);
    assert_int_equal(r.status, 303);
    t_done(&r);
    buf_clear(&b);
    assert_ok(buf_addf(&b, "csrf=%s&days=3&name=", admin->csrf));
    encode(&b, "\"'><script>alert(1)</script><img src=x onerror=alert(2)>");
    r = ask_as(s, HTTP_POST, "/account/tokens", NULL, admin->session, b.p);
    unharmed(&r, "/account/tokens");
    t_done(&r);
    if (s == 0) {
        buf_clear(&b);
        assert_ok(buf_addf(&b, "csrf=%s&kind=vendor&org_id=X%zu", admin->csrf, n));
        static const char *const field[] = {"fr", "ar", "en", "region"};
        for (size_t i = 0; i < AM_LEN(field); i++) {
            assert_ok(buf_addf(&b, "&%s=", field[i]));
            encode(&b, i == 3 ? "<img src=x onerror=alert(2)>" : text);
        }
        r = ask_as(s, HTTP_POST, "/people/organisation", NULL, admin->session, b.p);
        assert_int_equal(r.status, 303);
        t_done(&r);
    }
    buf_release(&b);
}

static void every_page_shows_what_people_wrote_as_text(void **state)
{
    static const char *const lang[] = {"fr", "ar", "en"};
    struct web_route p;
    size_t seen = 0;
    (void)state;
    for (int s = 0; s < 2; s++) {
        const struct asker *admin = NULL;
        for (size_t k = 0; k < n_askers[s]; k++)
            if (!askers[s][k].abroad &&
                auth_may(&askers[s][k].who, AUTH_ACCOUNT_CREATE) &&
                (s == 1 || askers[s][k].who.role == LEDGER_MSPS))
                admin = &askers[s][k];
        assert_non_null(admin);
        for (size_t i = 0; i < AM_LEN(attack); i++) {
            write_names(s, admin, attack[i], i);
            for (size_t k = 0; k < n_askers[s]; k += 3)
                post_everywhere(s, &askers[s][k], attack[i]);
        }
        for (size_t i = 0; web_site_route(i, &p); i++) {
            if (!page_here(&p, s) || p.post)
                continue;
            for (size_t k = 0; k < n_askers[s]; k++)
                for (size_t l = 0; l < AM_LEN(lang); l++) {
                    struct buf q;
                    buf_init(&q, 1 << 14);
                    assert_ok(buf_addf(&q, "lang=%s", lang[l]));
                    static const char *const name[] = {"q",    "next", "why",    "event",
                                                       "from", "to",   "actor",  "state",
                                                       "role", "org",  "motive", "done",
                                                       "iss",  "code", "error"};
                    for (size_t m = 0; m < AM_LEN(name); m++) {
                        assert_ok(buf_addf(&q, "&%s=", name[m]));
                        encode(&q, attack[l]);
                    }
                    struct ask a = {.path = filled(p.path),
                                    .query = k % 2 ? q.p : "lang=ar",
                                    .cookie = askers[s][k].session};
                    struct reply r = t_ask(api[s], &a);
                    unharmed(&r, p.path);
                    seen += strstr(r.resp.body.p, "&lt;script&gt;") != NULL;
                    t_done(&r);
                    buf_release(&q);
                }
        }
    }
    assert_true(seen > 10); /* it was there, as text */
}

/* Every right and every event has its words in three languages. */
static void rights_and_events_have_words(void **state)
{
    char id[96];
    (void)state;
    for (int l = 0; l < 3; l++) {
        for (int r = 0; r < AUTH_RIGHTS; r++) {
            snprintf(id, sizeof id, "right.%s", auth_right_name((enum auth_right)r));
            if (!text_has((enum text_lang)l, id))
                fail_msg("no words for %s", id);
        }
        for (int e = 0; e < AUTH_EVENTS; e++) {
            snprintf(id, sizeof id, "audit.e.%s", auth_event_name((enum auth_event)e));
            assert_true(text_has((enum text_lang)l, id));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_route_names_its_right_or_is_public),
        TEST(every_route_lets_in_the_roles_of_the_table_and_nobody_else),
        TEST(a_token_for_no_right_opens_no_door),
        TEST(a_cookie_alone_changes_nothing_through_the_api),
        TEST(every_page_lets_in_the_roles_of_the_table_and_nobody_else),
        TEST(every_form_needs_the_token_of_its_session),
        TEST(people_of_another_house_are_not_there),
        TEST(the_sessions_and_tokens_of_others_are_not_there),
        TEST(an_rssi_reads_the_events_of_its_house_only),
        TEST(every_page_shows_what_people_wrote_as_text),
        TEST(rights_and_events_have_words)};
    log_set_level(LOG_OFF);
    return cmocka_run_group_tests(tests, setup, teardown);
}
