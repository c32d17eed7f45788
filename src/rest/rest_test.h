/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of rest share: a store in a folder (SQLite) or a schema (PostgreSQL) of
 * its own, the interface on it, and asking in one line. */
#ifndef REST_TEST_H
#define REST_TEST_H

#include "base/test.h"

#include <limits.h>
#include <unistd.h>

#include "rest/rest_priv.h"

static char t_dir[40], t_path[PATH_MAX], t_name[32];
static bool t_pg;
static struct eds *t_eds;
static struct fhir_valid *t_valid;
static struct rest *t_rest;
static const char t_base[] = "http://test/fhir";

struct t_asked { /* what a test sends: unset members are not sent */
    enum rest_method method;
    const char *url; /* "/Patient?name=x" */
    const char *body;
    const char *accept, *language, *type, *if_match, *if_none_match, *since, *none_exist,
        *prefer;
};
struct t_reply {
    struct rest_answer a;
    struct json_doc *doc; /* NULL: no JSON */
};

static inline struct t_reply t_send(const struct t_asked *k)
{
    struct t_reply r = {0};
    struct str query, path = str_cut(str_c(k->url), '?', &query);
    struct rest_request q = {
        .method = k->method, .path = path, .query = query, .body = str_c(k->body)};
    q.header[REST_H_ACCEPT] = str_c(k->accept);
    q.header[REST_H_LANGUAGE] = str_c(k->language ? k->language : "en");
    q.header[REST_H_CONTENT_TYPE] = str_c(k->type   ? k->type
                                          : k->body ? "application/fhir+json"
                                                    : NULL);
    q.header[REST_H_IF_MATCH] = str_c(k->if_match);
    q.header[REST_H_IF_NONE_MATCH] = str_c(k->if_none_match);
    q.header[REST_H_IF_MODIFIED_SINCE] = str_c(k->since);
    q.header[REST_H_IF_NONE_EXIST] = str_c(k->none_exist);
    q.header[REST_H_PREFER] = str_c(k->prefer);
    rest_answer_init(&r.a);
    rest_serve(t_rest, &q, &r.a);
    if (r.a.body.n && r.a.body.p[0] == '{' && !strstr(r.a.type, "ndjson"))
        assert_ok(json_parse(&r.doc, buf_str(&r.a.body),
                             &(struct json_limits){.size_b = 256 << 20,
                                                   .values = 40000000,
                                                   .raw_numbers = true},
                             NULL));
    return r;
}

static inline void t_done(struct t_reply *r)
{
    json_free(r->doc);
    rest_answer_release(&r->a);
}

static inline const struct json *t_at(const struct t_reply *r, const char *pointer)
{
    return json_pointer(json_root(r->doc), str_c(pointer));
}

static inline const char *t_body(const struct t_reply *r)
{
    return r->a.body.p;
}

/* Sends, expects that status, tells what came instead. */
static inline struct t_reply t_want_at(int line, int status, const struct t_asked *k)
{
    struct t_reply r = t_send(k);
    if (r.a.status != status)
        fail_msg("line %d: %s: %d instead of %d: %.600s", line, k->url, r.a.status,
                 status, r.a.body.p);
    return r;
}
#define T_WANT(status, ...) t_want_at(__LINE__, status, &(struct t_asked){__VA_ARGS__})
/* The same where the status is all that is of interest. */
#define T_ONLY(status, ...)                                                              \
    do {                                                                                 \
        struct t_reply only_ = T_WANT(status, __VA_ARGS__);                              \
        t_done(&only_);                                                                  \
    } while (0)
/* ... and the code of the first problem. */
#define T_REFUSED(status, code, ...)                                                     \
    do {                                                                                 \
        struct t_reply only_ = T_WANT(status, __VA_ARGS__);                              \
        assert_str_equal(json_str(t_at(&only_, "/issue/0/details/coding/0/code")),       \
                         code);                                                          \
        t_done(&only_);                                                                  \
    } while (0)

static inline int64_t t_total(const char *url)
{
    struct t_reply r = t_want_at(__LINE__, 200, &(struct t_asked){.url = url});
    int64_t n = json_int(t_at(&r, "/total"), -1);
    t_done(&r);
    return n;
}

/* PUT of a resource; its id and type as given. */
static inline void t_put(const char *type, const char *id, const char *members)
{
    char url[200], body[8192];
    struct t_reply r;
    snprintf(url, sizeof url, "/%s/%s", type, id);
    snprintf(body, sizeof body, "{\"resourceType\":\"%s\",\"id\":\"%s\"%s%s}", type, id,
             *members ? "," : "", members);
    r = t_send(&(struct t_asked){REST_PUT, .url = url, .body = body});
    if (r.a.status != 200 && r.a.status != 201)
        fail_msg("PUT %s: %d %s", url, r.a.status, r.a.body.p);
    t_done(&r);
}

static inline void t_open(const struct rest_config *more)
{
    struct eds_config c = {
        .path = t_path, .name = t_name, .rows = eds_rows_fhir, .key = {7}};
    struct rest_config k = more ? *more : (struct rest_config){0};
    assert_ok(eds_open(&t_eds, &c));
    k.eds = t_eds;
    k.valid = t_valid;
    k.base = t_base;
    assert_ok(rest_new(&t_rest, &k));
}

static inline void t_close(void)
{
    rest_free(t_rest);
    eds_close(t_eds);
    t_rest = NULL;
    t_eds = NULL;
}

static inline int t_setup(void **state)
{
    static int number;
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF); /* failures are provoked here */
    snprintf(t_dir, sizeof t_dir, "%s/amane-rest-XXXXXX", test_top());
    if (!mkdtemp(t_dir))
        return -1;
    snprintf(t_path, sizeof t_path, "%s/e.db", t_dir);
    snprintf(t_name, sizeof t_name, "r%d_%d", (int)getpid(), ++number);
    if (t_pg)
        snprintf(t_path, sizeof t_path, "%s", getenv("AMANE_PG_URI"));
    if (!t_valid && fhir_valid_new(&t_valid))
        return -1;
    t_open(NULL);
    return 0;
}

static inline int t_teardown(void **state)
{
    static const char *const name[] = {"e.db", "e.db-wal", "e.db-shm", "e.db.lock"};
    (void)state;
    t_close();
    for (size_t i = 0; i < AM_LEN(name); i++) {
        char p[PATH_MAX];
        snprintf(p, sizeof p, "%s/%s", t_dir, name[i]);
        unlink(p);
    }
    time_fake(0);
    return rmdir(t_dir);
}

/* All of them on both stores. */
static inline int t_run_both(const struct CMUnitTest *tests, size_t n)
{
    int bad = test_both_stores(tests, n, n, &t_pg);
    fhir_valid_free(t_valid);
    return bad;
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_setup, t_teardown)

/* The ids of the entries, in their order, of a reply that is then done with. */
static inline const char *t_ids(struct t_reply r)
{
    static char out[2048];
    size_t n = 0;
    out[0] = 0;
    for (json_each(it, t_at(&r, "/entry")))
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", n ? " " : "",
                              STR_FMT(json_get_str(json_get(it.val, "resource"), "id")));
    t_done(&r);
    return out;
}
#define T_IDS(address, ids) assert_string_equal(t_ids(T_WANT(200, .url = address)), ids)

#endif
