/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the door share: a store in a folder (SQLite) or a schema (PostgreSQL)
 * of its own, accounts, the interface behind the door, and asking in one line. */
#ifndef DOOR_TEST_H
#define DOOR_TEST_H

#include "base/test.h"

#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "door/door_priv.h"

static char t_dir[40], t_path[PATH_MAX], t_name[32];
static bool t_pg;
static struct auth *t_auth;
static struct eds *t_eds;
static struct fhir_valid *t_valid;
static struct door *t_door;
static struct rest *t_rest;
static const char t_base[] = "http://test/fhir";

enum { T_PHYSICIAN, T_NURSE, T_SECRETARY, T_DIM, T_DPO, T_DSI, T_STRANGER, T_WHO };
static char t_token[T_WHO][AUTH_TOKEN], t_pseudonym[T_WHO][33];

struct t_asked {
    const char *token;
    enum http_method method;
    const char *path, *query, *body;
    const char *glass, *language, *none_exist, *type, *prefer;
};
struct t_reply {
    int status;
    struct buf body;
    struct json_doc *doc;
    char challenge[200], content[300]; /* WWW-Authenticate, Content-Location */
};

static inline struct t_reply t_send(const struct t_asked *k)
{
    struct t_reply r = {0};
    int err;
    struct arena arena;
    struct http_field h[8];
    char bearer[AUTH_TOKEN + 16], path[512];
    struct http_resp a = {.status = 200};
    struct http_req q = {.method = k->method,
                         .query = str_c(k->query),
                         .body = str_c(k->body),
                         .peer = STR("127.0.0.1"),
                         .header = h,
                         .arena = &arena};
    arena_init(&arena, 8 << 20);
    snprintf(path, sizeof path, "/fhir%s", k->path);
    q.path = str_c(path);
    snprintf(bearer, sizeof bearer, "Bearer %s", k->token ? k->token : "");
    if (k->token)
        h[q.headers++] = (struct http_field){STR("Authorization"), str_c(bearer)};
    if (k->glass)
        h[q.headers++] = (struct http_field){STR("X-Break-Glass"), str_c(k->glass)};
    if (k->prefer)
        h[q.headers++] = (struct http_field){STR("Prefer"), str_c(k->prefer)};
    if (k->none_exist)
        h[q.headers++] = (struct http_field){STR("If-None-Exist"), str_c(k->none_exist)};
    if (k->body)
        h[q.headers++] = (struct http_field){
            STR("Content-Type"), str_c(k->type ? k->type : "application/fhir+json")};
    h[q.headers++] = (struct http_field){STR("Accept-Language"),
                                         str_c(k->language ? k->language : "en")};
    buf_init(&a.body, 64 << 20);
    err = door_http(t_door, t_rest, "/fhir", &q, &a);
    r.status = err ? am_err_http(err) : a.status; /* as the server answers */
    for (size_t i = 0; i < a.headers; i++)
        if (str_eqc(a.header[i].name, "WWW-Authenticate"))
            snprintf(r.challenge, sizeof r.challenge, "%.*s", STR_FMT(a.header[i].value));
        else if (str_eqc(a.header[i].name, "Content-Location"))
            snprintf(r.content, sizeof r.content, "%.*s", STR_FMT(a.header[i].value));
    r.body = a.body;
    if (r.body.n && r.body.p[0] == '{' && r.body.p[r.body.n - 1] != '\n')
        assert_ok(json_parse(&r.doc, buf_str(&r.body), NULL, NULL));
    arena_release(&arena);
    return r;
}

static inline void t_done(struct t_reply *r)
{
    json_free(r->doc);
    buf_release(&r->body);
}

static inline const struct json *t_at(const struct t_reply *r, const char *pointer)
{
    return json_pointer(json_root(r->doc), str_c(pointer));
}

static inline struct t_reply t_want_at(int line, int status, const struct t_asked *k)
{
    struct t_reply r = t_send(k);
    if (r.status != status)
        fail_msg("line %d: %s: %d instead of %d: %.500s", line, k->path, r.status, status,
                 r.body.p);
    return r;
}
#define T_WANT(status, ...) t_want_at(__LINE__, status, &(struct t_asked){__VA_ARGS__})
#define T_ONLY(status, ...)                                                              \
    do {                                                                                 \
        struct t_reply only_ = T_WANT(status, __VA_ARGS__);                              \
        t_done(&only_);                                                                  \
    } while (0)
#define T_GET(who, ...)  .token = t_token[who], .path = __VA_ARGS__
#define T_PUT(who, ...)  .token = t_token[who], .method = HTTP_PUT, .path = __VA_ARGS__
#define T_POST(who, ...) .token = t_token[who], .method = HTTP_POST, .path = __VA_ARGS__

/* Bundle.total of a search. */
static inline int64_t t_total(const char *token, const char *path, const char *query)
{
    struct t_reply r = T_WANT(200, .token = token, .path = path, .query = query);
    int64_t n = json_int(t_at(&r, "/total"), -1);
    t_done(&r);
    return n;
}

/* Written behind the door's back, by one who does not know our addresses: references by
 * them are kept as they are, as they were in stores of before. */
static inline void t_store(const char *type, const char *id, const char *members)
{
    char url[200], body[8192];
    struct rest_config rc = {
        .eds = t_eds, .valid = t_valid, .base = "http://before/fhir"};
    struct rest_request q = {.method = REST_PUT};
    struct rest_answer a;
    struct rest *r = NULL;
    snprintf(url, sizeof url, "/%s/%s", type, id);
    snprintf(body, sizeof body, "{\"resourceType\":\"%s\",\"id\":\"%s\"%s%s}", type, id,
             *members ? "," : "", members);
    q.path = str_c(url);
    q.body = str_c(body);
    rest_answer_init(&a);
    assert_ok(rest_new(&r, &rc));
    rest_serve(r, &q, &a);
    if (a.status != 200 && a.status != 201)
        fail_msg("PUT %s: %d %s", url, a.status, a.body.p);
    rest_free(r);
    rest_answer_release(&a);
}

static inline void t_account(int i, enum ledger_role role, const char *services,
                             const char *house)
{
    struct auth_account spec = {.role = role, .org_id = "ma-gst-01", .lang = "fr"};
    struct diag d;
    int64_t id;
    diag_init(&d);
    snprintf(spec.login, sizeof spec.login, "who%d", i);
    snprintf(spec.services, sizeof spec.services, "%s", services);
    snprintf(spec.establishment, sizeof spec.establishment, "%s", house);
    assert_ok(auth_account_create(t_auth, &spec, STR("a long password here"), &id, &d));
    assert_ok(auth_token_create(t_auth, id, time_now(), 0, t_token[i]));
    assert_ok(auth_account_get(t_auth, id, &spec));
    memcpy(t_pseudonym[i], spec.pseudonym, sizeof spec.pseudonym);
    diag_release(&d);
}

static inline void t_people(void)
{
    t_account(T_PHYSICIAN, LEDGER_PHYSICIAN, "cardio", "ma-chu-1");
    t_account(T_NURSE, LEDGER_NURSE, "cardio", "ma-chu-1");
    t_account(T_SECRETARY, LEDGER_SECRETARY, "", "ma-chu-1");
    t_account(T_DIM, LEDGER_DIM, "", "ma-chu-1");
    t_account(T_DPO, LEDGER_DPO, "", "ma-chu-1");
    t_account(T_DSI, LEDGER_DSI, "", "ma-chu-1");
    t_account(T_STRANGER, LEDGER_PHYSICIAN, "*", "ma-chu-2");
}

/* Patient a is in the care of cardio; b is nobody's. */
static inline void t_patients(void)
{
    t_store("Patient", "a", "\"name\":[{\"family\":\"Alami\"}]");
    t_store("Patient", "b", "\"name\":[{\"family\":\"Bennis\"}]");
    t_store("Organization", "cardio", "\"name\":\"Cardiology\"");
    t_store("Encounter", "ea",
            "\"status\":\"in-progress\",\"class\":{\"code\":\"IMP\"},\"subject\":{"
            "\"reference\":\"Patient/a\"},\"serviceProvider\":{\"reference\":"
            "\"Organization/cardio\"}");
    t_store("Encounter", "eb",
            "\"status\":\"finished\",\"class\":{\"code\":\"IMP\"},\"subject\":{"
            "\"reference\":\"Patient/b\"},\"serviceProvider\":{\"reference\":"
            "\"Organization/cardio\"}");
    t_store("Observation", "oa",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"Patient/a\"}");
    t_store("Observation", "ob",
            "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
            "\"reference\":\"http://test/fhir/Patient/b\"}");
}

/* Addresses of before. */
#define T_FORMER "http://older/fhir https://old.chu.ma/fhir"

/* The visibility predicate, which a test may hold up. */
static _Atomic(bool) t_hold, t_held;

static inline int t_look(void *arg, const struct rest_look *l, bool *yes)
{
    while (t_hold) {
        t_held = true;
        usleep(1000);
    }
    return door_see(arg, l, yes);
}

/* And what is judged of a write, held up once it is: what may come between. */
static _Atomic(bool) t_fit_hold, t_fit_held;

static inline int t_fits(void *arg, const struct rest_fit *f, struct diag *d)
{
    int err = door_fit(arg, f, d);
    while (t_fit_hold) {
        t_fit_held = true;
        usleep(1000);
    }
    return err;
}

static inline void t_enter(void)
{
    struct door_config c = {.auth = t_auth,
                            .establishment = "ma-chu-1",
                            .dir = t_dir,
                            .eds = t_eds,
                            .base = t_base,
                            .former = T_FORMER};
    char exports[PATH_MAX];
    struct rest_config rc = {.eds = t_eds,
                             .valid = t_valid,
                             .base = t_base,
                             .former = T_FORMER,
                             .export_dir = exports};
    snprintf(exports, sizeof exports, "%s/export", t_dir);
    assert_ok(door_new(&t_door, &c));
    door_before(t_door, &rc);
    rc.guard.see = t_look;
    rc.guard.fit = t_fits;
    assert_ok(rest_new(&t_rest, &rc));
}

static inline void t_leave(void)
{
    rest_free(t_rest);
    door_free(t_door);
    t_rest = NULL;
    t_door = NULL;
}

static inline int t_setup(void **state)
{
    static int number;
    struct eds_config c = {
        .path = t_path, .name = t_name, .rows = eds_rows_fhir, .key = {7}};
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
    snprintf(t_dir, sizeof t_dir, "%s/amane-door-XXXXXX", test_top());
    if (!mkdtemp(t_dir))
        return -1;
    snprintf(t_path, sizeof t_path, "%s/eds.db", t_dir);
    snprintf(t_name, sizeof t_name, "d%d_%d", (int)getpid(), ++number);
    if (t_pg)
        snprintf(t_path, sizeof t_path, "%s", getenv("AMANE_PG_URI"));
    if (!t_valid && fhir_valid_new(&t_valid))
        return -1;
    auth_cheap_passwords();
    assert_ok(auth_open(&t_auth, t_dir));
    assert_ok(eds_open(&t_eds, &c));
    t_people();
    t_patients();
    t_enter();
    return 0;
}

static inline int t_remove(const char *path, const struct stat *s, int kind,
                           struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(path);
}

static inline int t_teardown(void **state)
{
    (void)state;
    t_leave();
    eds_close(t_eds);
    auth_close(t_auth);
    return nftw(t_dir, t_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* On PostgreSQL the first few, in the soak all of them. */
static inline int t_run_some(const struct CMUnitTest *tests, size_t n, size_t few)
{
    int bad = test_both_stores(tests, n, test_slice(n, few), &t_pg);
    fhir_valid_free(t_valid);
    return bad;
}
static inline int t_run_both(const struct CMUnitTest *tests, size_t n)
{
    return t_run_some(tests, n, n);
}

/* ---- the record: records that hold all these texts ---- */
struct t_found {
    const char *want[4];
    int times;
};

static inline int find_all(void *arg, const struct door_trail_item *x)
{
    struct t_found *f = arg;
    bool all = true;
    for (size_t i = 0; i < AM_LEN(f->want) && f->want[i]; i++)
        all = all && strstr(x->text.p, f->want[i]);
    f->times += all;
    return AM_OK;
}

static inline int recorded(const char *a, const char *b, const char *c, const char *e)
{
    char path[PATH_MAX];
    uint8_t key[DOOR_TRAIL_KEY];
    struct door_trail_read r = {.dir = path, .key = key};
    struct t_found f = {.want = {a, b, c, e}};
    snprintf(path, sizeof path, "%s/access", t_dir);
    assert_ok(door_trail_key(t_dir, key));
    assert_ok(door_trail_each(&r, find_all, &f));
    return f.times;
}

/* ---- a service ---- */
static inline void t_service(const char *scope, char token[AUTH_CLIENT_TOKEN])
{
    struct auth_client c = {.id = "lab-1", .purpose = "HRESCH"};
    struct diag d;
    diag_init(&d);
    snprintf(c.scope, sizeof c.scope, "%s", scope);
    assert_ok(auth_client_put(t_auth, &c,
                              STR("{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":"
                                  "\"AAAA\",\"e\":\"AQAB\"}]}"),
                              time_now(), &d));
    assert_ok(auth_client_token(t_auth, STR("lab-1"), str_c(scope), time_now(), token));
    diag_release(&d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

#endif
