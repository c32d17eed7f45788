/* SPDX-License-Identifier: Apache-2.0 */
/* A house with one prediction, one deployment, people, sessions and tokens: every route
 * of its node is asked by every role of the house, of another one and of none, for the
 * very things that are there. Whoever is not of the house gets nothing, whoever is gets
 * what the table (auth_tbl.h) grants in its services, and nothing has changed after. */
#include "api/api_test_support.h"
#include "node/node_testkit.h"

#define SECRET "0123456789abcdef" /* of a person's record, looked for in answers */

enum home { HOME, ABROAD, NOWHERE, HOMES };
struct guest {
    struct auth_account who;
    enum home home;
    bool ward; /* of the service of the prediction */
    char token[AUTH_TOKEN];
};
static struct guest guest[160];
static size_t guests;

struct things { /* in the places of names; all of the house unless they say otherwise */
    char prediction[CRYPTO_HEX], deployment[CRYPTO_HEX];
    char session[AUTH_TOKEN], token[AUTH_TOKEN], csrf[AUTH_TOKEN], session_id[17],
        token_id[17];
    int64_t account, person, foreign_account, foreign_person;
};
static struct things of;
static struct api *a;

static int64_t account(struct auth *auth, const char *login, enum ledger_role role,
                       enum home home, const char *services)
{
    struct auth_account spec = {.role = role};
    int64_t id = 0;
    snprintf(spec.login, sizeof spec.login, "%s", login);
    snprintf(spec.org_id, sizeof spec.org_id, TK_SITE);
    snprintf(spec.establishment, sizeof spec.establishment, "%s",
             home == HOME     ? TK_SITE
             : home == ABROAD ? "CHU-CASA"
                              : "");
    snprintf(spec.services, sizeof spec.services, "%s", services);
    snprintf(spec.competences, sizeof spec.competences, "%s=2030-01-01", TK_USE);
    assert_ok(auth_account_create(auth, &spec, STR("a long password"), &id, NULL));
    return id;
}

static void invite(struct auth *auth, enum ledger_role role, enum home home,
                   const char *service)
{
    struct guest *g = &guest[guests++];
    char login[AUTH_LOGIN_MAX];
    am_assert(guests <= AM_LEN(guest));
    snprintf(login, sizeof login, "g%zu", guests);
    *g = (struct guest){.home = home, .ward = !strcmp(service, "CARDIO")};
    int64_t id = account(auth, login, role, home, service);
    assert_ok(auth_account_get(auth, id, &g->who));
    assert_ok(auth_token_create(auth, id, time_now(), 0, g->token));
}

static int64_t person(struct auth *auth, const char *establishment)
{
    struct auth_person p = {.name = "Person " SECRET, .org_id = "X"};
    int64_t id = 0;
    snprintf(p.establishment, sizeof p.establishment, "%s", establishment);
    assert_ok(auth_person_create(auth, NULL, &p, time_now(), &id));
    return id;
}

static void short_id(const char *secret, char out[17])
{
    char hex[CRYPTO_HEX];
    uint8_t d[32];
    crypto_sha256(str_c(secret), d);
    snprintf(out, 17, "%.16s", crypto_hex(d, 32, hex));
}

static void furnish(struct nt *w)
{
    struct auth *auth = node_auth(w->n);
    enum auth_stage stage;
    if (nt_predict(w, 60, 200))
        fail_msg("no prediction: %s", w->d.n ? w->d.item[0].code : "");
    snprintf(of.prediction, sizeof of.prediction, "%s", w->last);
    snprintf(of.deployment, sizeof of.deployment, "%s", w->deployment);
    of.account = account(auth, "owner", LEDGER_PHYSICIAN, HOME, "CARDIO");
    of.foreign_account = account(auth, "stranger", LEDGER_PHYSICIAN, ABROAD, "CARDIO");
    of.person = person(auth, TK_SITE);
    of.foreign_person = person(auth, "CHU-CASA");
    assert_ok(auth_open_for(auth, of.account, time_now(), of.session, &stage));
    assert_ok(auth_token_create(auth, of.account, time_now(), 0, of.token));
    short_id(of.session, of.session_id);
    short_id(of.token, of.token_id);
    guests = 0;
    for (int r = LEDGER_DIRECTOR; r <= LEDGER_SECRETARY; r++)
        for (enum home h = HOME; h < HOMES; h++) {
            invite(auth, (enum ledger_role)r, h, "CARDIO");
            if (h == HOME)
                invite(auth, (enum ledger_role)r, h, "DERMATO");
        }
    assert_ok(api_new_node(&a, w->n));
}

static int setup(void **state)
{
    nt_setup(state);
    furnish(*state);
    return 0;
}

static int teardown(void **state)
{
    api_free(a);
    return nt_teardown(state);
}

/* ---- asking ------------------------------------------------------------------------ */
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

/* The path with what is there, or (foreign) what is another house's. */
static const char *path_to(const char *pattern, bool foreign)
{
    static char out[300];
    char id[24] = "";
    const char *what = of.prediction;
    if (strstr(pattern, "/accounts/") || strstr(pattern, "/persons/")) {
        int64_t mine = strstr(pattern, "/persons/") ? of.person : of.account,
                theirs =
                    strstr(pattern, "/persons/") ? of.foreign_person : of.foreign_account;
        snprintf(id, sizeof id, "%lld", (long long)(foreign ? theirs : mine));
        what = id;
    } else if (strstr(pattern, "/sessions/")) {
        what = of.session_id;
    } else if (strstr(pattern, "/tokens/")) {
        what = of.token_id;
    }
    const char *brace = strchr(pattern, '{');
    if (!brace)
        return pattern;
    snprintf(out, sizeof out, "%.*s%s%s", (int)(brace - pattern), pattern, what,
             strchr(brace, '}') + 1);
    return out;
}

static const char *body_for(const struct nt *w, const struct route *r, struct buf *b)
{
    buf_clear(b);
    if (r->method != HTTP_POST)
        return "";
    if (!strcmp(r->pattern, "/api/v1/predictions"))
        nt_request(w, "CARDIO", 60, 200, b);
    else if (!strcmp(r->pattern, "/api/v1/predictions/{id}/validation"))
        return "{\"outcome\":\"accepted\"}";
    else if (!strcmp(r->pattern, "/api/v1/stops"))
        tk_addf(b, "{\"scope\":\"service\",\"service\":\"CARDIO\",\"deployment\":\"%s\"}",
                of.deployment);
    else if (!strcmp(r->pattern, "/api/v1/predictions/{id}/report"))
        return "{\"severity\":\"serious\"}";
    else if (strstr(r->pattern, "/lift"))
        return "{\"reason\":\"looked into\"}";
    else if (!strcmp(r->pattern, "/api/v1/tokens"))
        tk_addf(b, "{\"account\":%lld}", (long long)of.account);
    else if (!strcmp(r->pattern, "/api/v1/accounts"))
        tk_addf(b,
                "{\"login\":\"thief\",\"password\":\"a long password\",\"role\":"
                "\"physician\",\"org_id\":\"X\",\"person\":%lld}",
                (long long)of.foreign_person);
    return b->n ? b->p : "{}";
}

static struct reply ask(const struct nt *w, const struct guest *g, const struct route *r,
                        bool foreign)
{
    struct buf b;
    buf_init(&b, 65536);
    const char *body = body_for(w, r, &b);
    struct reply got = t_ask(a, &(struct ask){.method = r->method,
                                              .path = path_to(r->pattern, foreign),
                                              .token = g->token,
                                              .body = str_c(body)});
    buf_release(&b);
    return got;
}

static bool of_a_node(const struct route *r)
{
    return r->servers != 'R' && strcmp(r->access, "PUBLIC") != 0 &&
           strcmp(r->pattern, "/api/v1/sessions") != 0; /* one's own, ended by asking */
}

/* Nothing of the house in what they were answered, but what they said themselves. */
static void tells_nothing(const struct reply *r, const char *path, const struct guest *g)
{
    const char *const word[] = {of.prediction, of.deployment, SECRET, "Patient/p1",
                                "owner"};
    for (size_t i = 0; i < AM_LEN(word); i++)
        if (!strstr(path, word[i]) && strstr(r->resp.body.p, word[i]))
            fail_msg("%s tells %s (%s) of %s", path, g->who.login,
                     ledger_role_name(g->who.role), word[i]);
}

static void nothing_has_changed(struct nt *w)
{
    struct auth_account still;
    struct auth *auth = node_auth(w->n);
    struct auth_person p;
    assert_string_equal(nt_status(w, of.prediction), "pending");
    assert_int_equal(nt_state(w).outbox, 0);
    assert_int_equal(nt_state(w).predictions, 1);
    assert_ok(auth_session(auth, str_c(of.session), time_now(), &still));
    assert_ok(auth_token_check(auth, str_c(of.token), time_now(), &still));
    for (int i = 0; i < 2; i++) {
        assert_ok(auth_account_get(auth, i ? of.foreign_account : of.account, &still));
        assert_true(still.active);
        assert_ok(auth_person_get(auth, i ? of.foreign_person : of.person, &p));
        assert_int_equal(p.erased_at, 0);
    }
    assert_ok(auth_account_get(auth, guest[guests - 1].who.id, &still));
    assert_int_equal(auth_account_get(auth, guest[guests - 1].who.id + 1, &still),
                     AM_E_NOTFOUND); /* nobody opened one */
}

/* ---- the walks --------------------------------------------------------------------- */
static void whoever_is_not_of_the_house_gets_nothing(void **state)
{
    struct nt *w = *state;
    size_t asked = 0;
    for (size_t i = 0; i < AM_LEN(routes); i++)
        for (size_t k = 0; k < guests && of_a_node(&routes[i]); k++)
            for (int foreign = 0; foreign < 2 && guest[k].home != HOME; foreign++) {
                struct reply r = ask(w, &guest[k], &routes[i], foreign);
                if (r.status != 403)
                    fail_msg("%s: %s of %s gets %d", routes[i].pattern,
                             ledger_role_name(guest[k].who.role),
                             guest[k].home == ABROAD ? "another house" : "no house",
                             r.status);
                tells_nothing(&r, path_to(routes[i].pattern, foreign), &guest[k]);
                t_done(&r);
                asked++;
            }
    assert_true(asked > 500);
    nothing_has_changed(w);
}

/* People of the house, on what is not of their services, or is somebody else's. */
static void people_of_the_house_get_no_more_than_the_table_grants(void **state)
{
    struct nt *w = *state;
    size_t refused = 0, seen = 0;
    for (size_t i = 0; i < AM_LEN(routes); i++)
        for (size_t k = 0; k < guests && of_a_node(&routes[i]); k++) {
            const struct guest *g = &guest[k];
            const char *pattern = routes[i].pattern;
            bool trace = !strcmp(routes[i].access, "TRACE_READ"),
                 own = g->ward && strcmp(routes[i].access, "SESSION") != 0;
            if (g->home != HOME || !strcmp(pattern, "/api/v1/deployments") ||
                !strcmp(pattern, "/api/v1/sync") || (own && !trace) ||
                (!trace && strstr(pattern, "/{id}") == NULL) ||
                !strcmp(pattern, "/api/v1/organisations"))
                continue;
            bool house = g->who.role == LEDGER_DIRECTOR || g->who.role == LEDGER_DIM ||
                         g->who.role == LEDGER_DPO || g->who.role == LEDGER_QUALITY,
                 ward = auth_may(&g->who, AUTH_TRACE_READ) && g->ward;
            struct reply r = ask(w, g, &routes[i], true);
            if (trace && (house || ward)) {
                assert_int_equal(r.status, 200);
                seen++;
            } else if (r.status != 403 && r.status != 404 &&
                       !(trace && r.status == 200 && !strstr(pattern, "{id}"))) {
                fail_msg("%s: %s of %s gets %d", pattern, ledger_role_name(g->who.role),
                         g->who.services, r.status);
            } else {
                tells_nothing(&r, path_to(pattern, true), g);
                refused++;
            }
            t_done(&r);
        }
    assert_true(refused > 50 && seen > 20);
    nothing_has_changed(w);
}

/* What acts: in another service than theirs nobody of the ward predicts, validates or
 * stops; those who watch over the house may stop there (lifecycle.md, section 7). */
static void nobody_acts_in_a_service_that_is_not_theirs(void **state)
{
    static const struct {
        const char *pattern;
        enum auth_right right;
    } act[] = {{"/api/v1/predictions", AUTH_PREDICT},
               {"/api/v1/predictions/{id}/validation", AUTH_VALIDATE}};
    struct nt *w = *state;
    for (size_t i = 0; i < AM_LEN(act); i++)
        for (size_t k = 0; k < guests; k++) {
            const struct route r = {'N', HTTP_POST, act[i].pattern, ""};
            if (guest[k].home != HOME || guest[k].ward)
                continue;
            struct reply got = ask(w, &guest[k], &r, false);
            bool door = auth_may(&guest[k].who, act[i].right);
            if (got.status != 403 && !(door && got.status == 422))
                fail_msg("%s: %s gets %d", act[i].pattern,
                         ledger_role_name(guest[k].who.role), got.status);
            t_done(&got);
        }
    for (size_t k = 0; k < guests; k++) {
        const struct route r = {'N', HTTP_POST, "/api/v1/stops", ""};
        if (guest[k].home != HOME || guest[k].ward ||
            (AUTH_HOUSE_STOP >> guest[k].who.role & 1))
            continue;
        struct reply got = ask(w, &guest[k], &r, false);
        assert_int_equal(got.status, 403);
        t_done(&got);
    }
    nothing_has_changed(w);
}

/* The same things, asked through the pages. */
static void the_pages_show_them_nothing_either(void **state)
{
    struct nt *w = *state;
    struct web_route p;
    size_t asked = 0;
    for (size_t i = 0; web_site_route(i, &p); i++) {
        char path[300];
        const char *star = strchr(p.path, '*');
        bool stop = strstr(p.path, "/deployments/") != NULL;
        if (!(p.site & WEB_ROUTE_NODE) || p.access == WEB_ROUTE_OPEN ||
            !strcmp(p.path, "/logout"))
            continue;
        snprintf(path, sizeof path, "%.*s%s%s",
                 (int)(star ? star - p.path : (long)strlen(p.path)), p.path,
                 !star  ? ""
                 : stop ? of.deployment
                        : of.prediction,
                 star ? star + 1 : "");
        for (size_t k = 0; k < guests; k++) {
            struct auth *auth = node_auth(w->n);
            char session[AUTH_TOKEN], csrf[AUTH_TOKEN], form[300];
            enum auth_stage stage;
            if (guest[k].home == HOME)
                continue;
            assert_ok(auth_open_for(auth, guest[k].who.id, time_now(), session, &stage));
            assert_ok(auth_csrf(auth, str_c(session), csrf));
            snprintf(form, sizeof form,
                     "csrf=%s&decision=accept&scope=establishment&id=%lld&confirm=1",
                     csrf, (long long)of.account);
            struct reply r = t_ask(
                a,
                &(struct ask){.method = p.post ? HTTP_POST : HTTP_GET,
                              .path = path,
                              .cookie = session,
                              .type = p.post ? "application/x-www-form-urlencoded" : NULL,
                              .body = str_c(p.post ? form : "")});
            if (r.status != 403)
                fail_msg("%s: %s from elsewhere gets %d", path, guest[k].who.login,
                         r.status);
            tells_nothing(&r, path, &guest[k]);
            t_done(&r);
            asked++;
        }
    }
    assert_true(asked > 200);
    nothing_has_changed(w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {
        TEST(whoever_is_not_of_the_house_gets_nothing),
        TEST(people_of_the_house_get_no_more_than_the_table_grants),
        TEST(nobody_acts_in_a_service_that_is_not_theirs),
        TEST(the_pages_show_them_nothing_either)};
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    return cmocka_run_group_tests(t, setup, teardown);
}
