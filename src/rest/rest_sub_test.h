/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of Subscriptions share: an endpoint in this process that answers what
 * the test wants and keeps what it was told. */
#ifndef REST_SUB_TEST_H
#define REST_SUB_TEST_H

#include "rest/rest_test.h"

#include <dirent.h>
#include <pthread.h>

enum { S_TOLD = 400 };
struct s_told {
    char path[32], header[64];
    char *body;
    int status;
};
static struct {
    pthread_mutex_t lock;
    struct http_server *server;
    int status; /* what it answers */
    struct s_told told[S_TOLD];
    size_t n;
} s_end = {.lock = PTHREAD_MUTEX_INITIALIZER};
static char s_dir[64], s_origin[64];

static inline int s_handle(void *cookie, struct http_req *r, struct http_resp *a)
{
    (void)cookie;
    if (str_starts(r->path, STR("/slow")))
        for (int i = 0; i < 21; i++)
            usleep(50000);
    if (str_starts(r->path, STR("/some")))
        usleep(20000);
    if (str_starts(r->path, STR("/long")))
        for (int i = 0; i < 10000; i++)
            if (buf_adds(&a->body, "It is well received.\n"))
                return AM_E_NOMEM;
    pthread_mutex_lock(&s_end.lock);
    a->status = s_end.status;
    if (s_end.n < S_TOLD) {
        struct s_told *t = &s_end.told[s_end.n++];
        snprintf(t->path, sizeof t->path, "%.*s", STR_FMT(r->path));
        snprintf(t->header, sizeof t->header, "%.*s", STR_FMT(http_header(r, "X-Key")));
        t->body = str_dup(r->body);
        t->status = s_end.status;
    }
    pthread_mutex_unlock(&s_end.lock);
    return AM_OK;
}

static inline void s_answer(int status)
{
    pthread_mutex_lock(&s_end.lock);
    s_end.status = status;
    pthread_mutex_unlock(&s_end.lock);
}

static inline size_t s_count(void)
{
    size_t n;
    pthread_mutex_lock(&s_end.lock);
    n = s_end.n;
    pthread_mutex_unlock(&s_end.lock);
    return n;
}

/* Waits until the endpoint was told so often. */
#define S_WAIT(want)                                                                     \
    do {                                                                                 \
        size_t want_ = (want);                                                           \
        for (int i_ = 0; i_ < 4000 && s_count() < want_; i_++)                           \
            usleep(2000);                                                                \
        if (s_count() < want_)                                                           \
            fail_msg("line %d: told %zu times, not %zu", __LINE__, s_count(), want_);    \
    } while (0)

static inline void s_forget(void)
{
    pthread_mutex_lock(&s_end.lock);
    for (size_t i = 0; i < s_end.n; i++)
        free(s_end.told[i].body);
    s_end.n = 0;
    pthread_mutex_unlock(&s_end.lock);
}

static inline void s_open(const struct rest_config *more)
{
    struct rest_config k = more ? *more : (struct rest_config){0};
    snprintf(s_dir, sizeof s_dir, "%s/sub", t_dir);
    k.sub.dir = s_dir;
    k.sub.allow = s_origin;
    if (!k.sub.wait_ms)
        k.sub.wait_ms = 20;
    t_close();
    t_open(&k);
}

static inline int s_setup(void **state)
{
    const struct http_config c = {
        .listen = "127.0.0.1:0", .handler = s_handle, .jobs = 16};
    int err = t_setup(state);
    if (err)
        return err;
    s_end.status = 200;
    assert_ok(http_server_start(&s_end.server, &c));
    snprintf(s_origin, sizeof s_origin, "http://127.0.0.1:%u",
             http_server_port(s_end.server));
    s_open(NULL);
    return 0;
}

static inline int s_teardown(void **state)
{
    struct dirent *e;
    DIR *d;
    t_close();
    http_server_stop(s_end.server, 2000);
    s_forget();
    d = opendir(s_dir);
    while (d && (e = readdir(d))) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", s_dir, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(s_dir);
    return t_teardown(state);
}
#define S(f) cmocka_unit_test_setup_teardown(f, s_setup, s_teardown)

/* PUT of a Subscription; channel: its members beside type and endpoint. */
static inline struct t_reply s_put(const char *id, const char *criteria, const char *path,
                                   const char *channel)
{
    char url[100], body[2000];
    snprintf(url, sizeof url, "/Subscription/%s", id);
    snprintf(body, sizeof body,
             "{\"resourceType\":\"Subscription\",\"id\":\"%s\",\"status\":\"requested\","
             "\"reason\":\"test\",\"criteria\":\"%s\",\"channel\":{\"type\":"
             "\"rest-hook\",\"endpoint\":\"%s%s\"%s%s}}",
             id, criteria, *path == '/' ? s_origin : "", path, *channel ? "," : "",
             channel);
    return t_send(&(struct t_asked){REST_PUT, .url = url, .body = body});
}

static inline void s_ask_at(int line, const char *id, const char *criteria,
                            const char *path, const char *channel)
{
    struct t_reply r = s_put(id, criteria, path, channel);
    if (r.a.status != 200 && r.a.status != 201)
        fail_msg("line %d: %d %s", line, r.a.status, t_body(&r));
    t_done(&r);
}
#define S_ASK(id, criteria, path, channel) s_ask_at(__LINE__, id, criteria, path, channel)
#define S_JSON                             "\"payload\":\"application/fhir+json\""

/* The status of a Subscription, once it is that one. */
static inline void s_status_at(int line, const char *id, const char *status)
{
    char url[100], got[20] = "";
    snprintf(url, sizeof url, "/Subscription/%s", id);
    for (int i = 0; i < 4000; i++) {
        struct t_reply r = t_send(&(struct t_asked){.url = url});
        snprintf(got, sizeof got, "%.*s", STR_FMT(json_str(t_at(&r, "/status"))));
        t_done(&r);
        if (!strcmp(got, status))
            return;
        usleep(2000);
    }
    fail_msg("line %d: %s is %s, not %s", line, id, got, status);
}
#define S_STATUS(id, status) s_status_at(__LINE__, id, status)

static inline void s_observe(const char *id, const char *code)
{
    char more[300];
    snprintf(more, sizeof more,
             "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://l\","
             "\"code\":\"%s\"}]},\"subject\":{\"reference\":\"Patient/p\"}",
             code);
    t_put("Observation", id, more);
}

/* What is told is valid R4. */
static inline void s_valid(const struct json *bundle)
{
    struct diag d;
    diag_init(&d);
    if (fhir_valid_check(t_valid, bundle, 0, &d))
        fail_msg("%s %s", d.item[0].path, d.item[0].code);
    diag_release(&d);
}

/* "kind since: n=Type/id n=..." of a notification. */
static inline const char *s_says(size_t i)
{
    static char out[8000];
    struct json_doc *doc;
    const struct json *list;
    char kind[40] = "", since[24] = "", events[7000] = "";
    size_t n = 0;
    pthread_mutex_lock(&s_end.lock);
    assert_true(i < s_end.n);
    assert_ok(json_parse(&doc, str_c(s_end.told[i].body), NULL, NULL));
    pthread_mutex_unlock(&s_end.lock);
    s_valid(json_root(doc));
    list = json_pointer(json_root(doc), STR("/entry/0/resource/parameter"));
    for (json_each(it, list)) {
        struct str name = json_get_str(it.val, "name");
        const struct json *part = json_get(it.val, "part");
        struct str focus =
            json_str(json_pointer(part, STR("/2/valueReference/reference")));
        if (str_eqc(name, "type"))
            snprintf(kind, sizeof kind, "%.*s",
                     STR_FMT(json_get_str(it.val, "valueCode")));
        if (str_eqc(name, "events-since-subscription-start"))
            snprintf(since, sizeof since, "%.*s",
                     STR_FMT(json_get_str(it.val, "valueString")));
        if (str_eqc(name, "notification-event"))
            n += (size_t)snprintf(
                events + n, sizeof events - n, " %.*s=%.*s",
                STR_FMT(json_str(json_pointer(part, STR("/0/valueString")))),
                STR_FMT(str_sub(focus, focus.n ? strlen(t_base) + 1 : 0, focus.n)));
    }
    snprintf(out, sizeof out, "%s %s:%s", kind, since, events);
    json_free(doc);
    return out;
}
#define S_SAYS(i, text) assert_string_equal(s_says(i), text)

#endif
