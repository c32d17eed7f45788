/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of $export share: a ward, asking, waiting, and what the files hold. */
#ifndef REST_EXPORT_TEST_H
#define REST_EXPORT_TEST_H

#include "rest/rest_test.h"

#include <dirent.h>

static char x_dir[64];

/* Folders below, and what is in them. */
static inline void x_clean(const char *dir)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    while (d && (e = readdir(d))) {
        char path[PATH_MAX];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%.2000s/%s", dir, e->d_name);
        if (unlink(path))
            x_clean(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static inline void x_open(const struct rest_config *more)
{
    struct rest_config k = more ? *more : (struct rest_config){0};
    snprintf(x_dir, sizeof x_dir, "%s/export", t_dir);
    k.export_dir = x_dir;
    t_close();
    t_open(&k);
}

static inline int x_setup(void **state)
{
    int err = t_setup(state);
    if (!err)
        x_open(NULL);
    return err;
}

static inline int x_teardown(void **state)
{
    t_close(); /* its thread may still write */
    x_clean(x_dir);
    return t_teardown(state);
}
#define X_TEST(f) cmocka_unit_test_setup_teardown(f, x_setup, x_teardown)

static inline void x_ward(void)
{
    t_put("Practitioner", "doc", "");
    for (int i = 0; i < 3; i++) {
        char id[16], o[16], more[300];
        snprintf(id, sizeof id, "p%d", i);
        snprintf(o, sizeof o, "o%d", i);
        t_put("Patient", id, "\"name\":[{\"family\":\"Secretname\"}]");
        snprintf(more, sizeof more,
                 "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{"
                 "\"reference\":\"Patient/p%d\"}",
                 i);
        t_put("Observation", o, more);
    }
    t_put("Observation", "nobody",
          "\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":"
          "\"Location/here\"},\"note\":[{\"text\":\"Patient/p1\"}]");
    t_put("Group", "g",
          "\"type\":\"person\",\"actual\":true,\"member\":[{\"entity\":{\"reference\":"
          "\"Patient/p0\"}},{\"entity\":{\"reference\":\"Patient/p2\"},\"inactive\":true}"
          ",{\"entity\":{\"reference\":\"Practitioner/doc\"}}]");
}

/* Asks; where it is told how far it is, below the base. */
static inline const char *x_ask_at(int line, const char *url)
{
    static char status[REST_LOCATION];
    struct t_reply r =
        t_want_at(line, 202, &(struct t_asked){.url = url, .prefer = "respond-async"});
    assert_int_equal(r.a.body.n, 0);
    snprintf(status, sizeof status, "%.500s", r.a.location + strlen(t_base));
    t_done(&r);
    return status;
}
#define X_ASK(url) x_ask_at(__LINE__, url)

static inline struct t_reply x_wait(const char *status)
{
    for (int i = 0; i < 4000; i++) {
        struct t_reply r = t_send(&(struct t_asked){.url = status});
        if (r.a.status != 202)
            return r;
        assert_true(r.a.retry_s > 0 && r.a.progress[0]);
        t_done(&r);
        usleep(2000);
    }
    fail_msg("%s does not end", status);
    return (struct t_reply){0};
}

/* What a line says: an id; the address of a deletion; "error" and why. */
static inline void x_line(char *out, size_t n, const struct json *line)
{
    struct str url = json_str(json_pointer(line, STR("/entry/0/request/url"))),
               why = json_str(json_pointer(line, STR("/issue/0/details/coding/0/code"))),
               id = json_get_str(line, "id");
    snprintf(out, n, "%.*s", STR_FMT(url.n ? url : why.n ? why : id));
}

/* "Type:id id|Type:id" of a list of the manifest, types in its order. */
static inline const char *x_list(const char *status, const char *list)
{
    static char out[4096];
    struct t_reply r = x_wait(status);
    size_t n = 0;
    out[0] = 0;
    if (r.a.status != 200)
        fail_msg("%s: %d %s", status, r.a.status, r.a.body.p);
    assert_string_equal(r.a.type, "application/json");
    assert_true(r.a.expires[0]);
    for (json_each(it, t_at(&r, list))) {
        struct str url = json_get_str(it.val, "url"), left;
        int64_t lines = 0;
        char path[300];
        struct t_reply f;
        snprintf(path, sizeof path, "%.*s", (int)(url.n - strlen(t_base)),
                 url.p + strlen(t_base));
        f = t_want_at(
            __LINE__, 200,
            &(struct t_asked){.url = path, .accept = "application/fhir+ndjson"});
        assert_string_equal(f.a.type, "application/fhir+ndjson");
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s:", n ? "|" : "",
                              STR_FMT(json_get_str(it.val, "type")));
        for (left = buf_str(&f.a.body); left.n; lines++) {
            struct json_doc *doc;
            assert_ok(json_parse(&doc, str_cut(left, '\n', &left), NULL, NULL));
            if (lines)
                out[n++] = ' ';
            x_line(out + n, sizeof out - n, json_root(doc));
            n += strlen(out + n);
            json_free(doc);
        }
        assert_int_equal(lines, json_int(json_get(it.val, "count"), -1));
        t_done(&f);
    }
    t_done(&r);
    return out;
}

static inline const char *x_content(const char *status)
{
    return x_list(status, "/output");
}
#define X_IS(url, content) assert_string_equal(x_content(X_ASK(url)), content)

#endif
