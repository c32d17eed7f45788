/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of ward share: a node without a registry, its warehouse (SQLite or
 * PostgreSQL) behind its door, accounts, three patients, and visits made by hand.
 *
 * khadija is in the care of the service med; omar of nobody; hostile of med, and each of
 * its texts tries to break a page. */
#ifndef WARD_TEST_H
#define WARD_TEST_H

#include "base/test.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include "node/node.h"
#include "base/log.h"
#include "ward/ward_priv.h"

#define HOSTILE     "\\\"'><svg onload=alert(1)>\xe2\x80\xaegnp.exe"
#define HOSTILE_OUT "&#39;&gt;&lt;svg onload=alert(1)&gt;gnp.exe"

enum { W_PHYSICIAN, W_NURSE, W_LAB, W_SECRETARY, W_DSI, W_DPO, W_WHO };
static char w_dir[] = "/tmp/amane-ward-XXXXXX";
static bool w_pg;
static struct node *w_node;
static struct eds *w_eds;
static struct fhir_valid *w_valid;
static struct door *w_door;
static struct rest *w_rest;
static struct ward *w_ward;
static struct web_site *w_site;
static char w_session[W_WHO][AUTH_TOKEN], w_csrf[W_WHO][AUTH_TOKEN],
    w_pseudonym[W_WHO][33];

/* ---- one visit ---- */
struct w_page {
    int status;
    struct buf body;
    char to[300]; /* Location */
};

static inline struct w_page w_send(const char *session, const char *url, const char *form)
{
    struct w_page p = {0};
    struct arena arena;
    struct http_field h[3];
    char cookie[AUTH_TOKEN + 32];
    struct http_resp a = {.status = 200};
    struct http_req q = {.method = form ? HTTP_POST : HTTP_GET,
                         .method_name = form ? "POST" : "GET",
                         .body = str_c(form ? form : ""),
                         .peer = STR("127.0.0.1"),
                         .header = h,
                         .id = 7,
                         .arena = &arena};
    int err;
    arena_init(&arena, 64 << 20);
    q.path = str_cut(str_c(url), '?', &q.query);
    if (!q.query.p)
        q.query = STR("");
    snprintf(cookie, sizeof cookie, "amane_session=%s; amane_lang=en", session);
    h[q.headers++] = (struct http_field){STR("Cookie"), str_c(cookie)};
    if (form)
        h[q.headers++] = (struct http_field){STR("Content-Type"),
                                             STR("application/x-www-form-urlencoded")};
    buf_init(&a.body, 64 << 20);
    err = web_site_handle(w_site, &q, &a);
    p.status = err ? am_err_http(err) : a.status;
    for (size_t i = 0; i < a.headers; i++)
        if (str_eqc(a.header[i].name, "Location"))
            snprintf(p.to, sizeof p.to, "%.*s", STR_FMT(a.header[i].value));
    p.body = a.body;
    if (buf_addc(&p.body, 0) == AM_OK)
        p.body.n--;
    arena_release(&arena);
    return p;
}

/* A message holds a thousand bytes: those that matter. */
static inline const char *w_main(const struct w_page *p)
{
    static const char *const from[] = {"role=\"alert\"", "id=\"form-h\"", "<main"};
    for (size_t i = 0; i < AM_LEN(from) && p->body.n; i++)
        if (strstr(p->body.p, from[i]))
            return strstr(p->body.p, from[i]);
    return p->body.n ? p->body.p : "";
}

static inline struct w_page w_want_at(int line, int status, int who, const char *url,
                                      const char *form)
{
    struct w_page p = w_send(who < 0 ? "" : w_session[who], url, form);
    if (p.status != status)
        fail_msg("line %d: %s: %d instead of %d: %.2000s", line, url, p.status, status,
                 w_main(&p));
    return p;
}
#define W_GET(status, who, url)        w_want_at(__LINE__, status, who, url, NULL)
#define W_POST(status, who, url, form) w_want_at(__LINE__, status, who, url, form)

static inline void w_done(struct w_page *p)
{
    buf_release(&p->body);
}
static inline bool w_has(const struct w_page *p, const char *what)
{
    return p->body.n && strstr(p->body.p, what);
}
#define W_HAS(page, what)                                                                \
    do {                                                                                 \
        if (!w_has(page, what))                                                          \
            fail_msg("no \"%s\" in %.6000s", what, w_main(page));                        \
    } while (0)
#define W_LACKS(page, what)                                                              \
    do {                                                                                 \
        if (w_has(page, what))                                                           \
            fail_msg("\"%s\" in %.6000s", what, (page)->body.p);                         \
    } while (0)

/* A form with the CSRF token of who posts it; %s after it. */
static inline const char *w_form(int who, const char *rest)
{
    static char form[4096];
    snprintf(form, sizeof form, "csrf=%s&%s", w_csrf[who], rest);
    return form;
}

/* ---- the store, behind the door's back ---- */
static inline void w_store(const char *type, const char *id, const char *members)
{
    char url[200], body[8192];
    struct rest_config rc = {.eds = w_eds, .valid = w_valid, .base = "http://test/fhir"};
    struct rest_request q = {.method = REST_PUT};
    struct rest_answer a;
    struct rest *r = NULL;
    snprintf(url, sizeof url, "/%s/%s", type, id);
    snprintf(body, sizeof body, "{\"resourceType\":\"%s\",\"id\":\"%s\",%s}", type, id,
             members);
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

#define W_SUBJECT(id) "\"subject\":{\"reference\":\"Patient/" id "\"}"
static inline void w_patients(void)
{
    w_store("Patient", "khadija",
            "\"gender\":\"female\",\"birthDate\":\"1961-03-14\",\"identifier\":[{\"type\""
            ":{\"text\":\"IPP\"},\"system\":\"urn:ma:ipp\",\"value\":\"100234\"}],"
            "\"name\":[{\"use\":\"official\",\"family\":\"El Amrani\",\"given\":["
            "\"Khadija\"]},{\"family\":\"العمراني\",\"given\":[\"خديجة\"]}]");
    w_store("Patient", "omar",
            "\"gender\":\"male\",\"birthDate\":\"2025-12-01\",\"identifier\":[{\"value\":"
            "\"100777\"}],\"name\":[{\"family\":\"بنعلي\",\"given\":[\"عمر\"]}]");
    w_store("Patient", "hostile",
            "\"gender\":\"male\",\"birthDate\":\"1980\",\"identifier\":[{\"value\":"
            "\"" HOSTILE "\"}],\"name\":[{\"family\":\"" HOSTILE
            "\",\"given\":[\"Zakaria\"]}]");
    for (int i = 0; i < 2; i++) {
        char members[400];
        snprintf(members, sizeof members,
                 "\"status\":\"in-progress\",\"class\":{\"code\":\"IMP\"},\"subject\":{"
                 "\"reference\":\"Patient/%s\"},\"serviceProvider\":{\"reference\":"
                 "\"Organization/med\"}",
                 i ? "hostile" : "khadija");
        w_store("Encounter", i ? "stay-h" : "stay-k", members);
    }
}

/* ---- life ---- */
static inline void w_account(int i, enum ledger_role role, const char *services)
{
    struct auth *auth = node_auth(w_node);
    struct auth_account spec = {.role = role, .org_id = "ma-gst-01", .lang = "en"};
    struct diag d;
    int64_t id;
    diag_init(&d);
    snprintf(spec.login, sizeof spec.login, "who%d", i);
    snprintf(spec.services, sizeof spec.services, "%s", services);
    snprintf(spec.establishment, sizeof spec.establishment, "ma-chu-1");
    assert_ok(auth_account_create(auth, &spec, STR("a long password here"), &id, &d));
    assert_ok(auth_login(auth, str_c(spec.login), STR("a long password here"),
                         STR("127.0.0.1"), time_now(), w_session[i]));
    assert_ok(auth_csrf(auth, str_c(w_session[i]), w_csrf[i]));
    assert_ok(auth_account_get(auth, id, &spec));
    memcpy(w_pseudonym[i], spec.pseudonym, sizeof spec.pseudonym);
    diag_release(&d);
}

static inline void w_open(void)
{
    struct door_config c = {.auth = node_auth(w_node),
                            .establishment = "ma-chu-1",
                            .dir = w_dir,
                            .eds = w_eds,
                            .base = "http://test/fhir"};
    struct rest_config rc = {
        .eds = w_eds, .valid = w_valid, .base = "http://test/fhir", .body_max = 8 << 20};
    assert_ok(door_new(&w_door, &c));
    door_before(w_door, &rc);
    assert_ok(rest_new(&w_rest, &rc));
    assert_ok(ward_new(&w_ward, &(struct ward_config){.door = w_door, .rest = w_rest}));
    assert_ok(web_site_node(&w_site, w_node));
    web_site_more(w_site, ward_pages(w_ward));
}

static inline int w_setup(void **state)
{
    static const char genesis[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    static int number;
    char path[256], name[32], data[64];
    struct eds_config c = {.path = path, .name = name, .rows = eds_rows_fhir, .key = {7}};
    struct node_identity who = {0};
    struct diag d;
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
    memcpy(w_dir + sizeof w_dir - 7, "XXXXXX", 6);
    if (!mkdtemp(w_dir) || (!w_valid && fhir_valid_new(&w_valid)))
        return -1;
    snprintf(path, sizeof path, "%s/eds.db", w_dir);
    snprintf(name, sizeof name, "w%d_%d", (int)getpid(), ++number);
    if (w_pg)
        snprintf(path, sizeof path, "%s", getenv("AMANE_PG_URI"));
    snprintf(data, sizeof data, "%s/node", w_dir);
    auth_cheap_passwords();
    buf_init(&who.witness_vkey, 4096);
    buf_init(&who.trace_vkey, 4096);
    buf_init(&who.service_spki, 4096);
    diag_init(&d);
    assert_ok(node_init(data, "n01", "ma-gst-01", "ma-chu-1", &who));
    assert_ok(node_open(&w_node,
                        &(struct node_config){.dir = data,
                                              .registry_url = "http://127.0.0.1:9",
                                              .genesis = genesis,
                                              .poll_ms = 60000},
                        &d));
    buf_release(&who.witness_vkey);
    buf_release(&who.trace_vkey);
    buf_release(&who.service_spki);
    diag_release(&d);
    assert_ok(eds_open(&w_eds, &c));
    w_account(W_PHYSICIAN, LEDGER_PHYSICIAN, "med");
    w_account(W_NURSE, LEDGER_NURSE, "med");
    w_account(W_LAB, LEDGER_LAB_TECHNICIAN, "med");
    w_account(W_SECRETARY, LEDGER_SECRETARY, "");
    w_account(W_DSI, LEDGER_DSI, "");
    w_account(W_DPO, LEDGER_DPO, "");
    w_patients();
    w_open();
    return 0;
}

static inline int w_remove(const char *path, const struct stat *s, int kind,
                           struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(path);
}

static inline int w_teardown(void **state)
{
    (void)state;
    time_fake(0);
    web_site_free(w_site);
    ward_free(w_ward);
    rest_free(w_rest);
    door_free(w_door);
    eds_close(w_eds);
    node_close(w_node);
    return nftw(w_dir, w_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* On PostgreSQL the first few, in the soak all of them. */
static inline int w_run(const struct CMUnitTest *tests, size_t n, size_t few)
{
    return test_both_stores(tests, n, test_slice(n, few), &w_pg);
}

#endif
