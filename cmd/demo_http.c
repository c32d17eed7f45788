/* SPDX-License-Identifier: Apache-2.0 */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void demo_reply_release(struct demo_reply *r)
{
    json_free(r->doc);
    buf_release(&r->body);
    *r = (struct demo_reply){.body = r->body};
}

static const char *const demo_methods[] = {[HTTP_GET] = "GET",
                                           [HTTP_POST] = "POST",
                                           [HTTP_PUT] = "PUT",
                                           [HTTP_DELETE] = "DELETE"};

static bool demo_is_json(struct str body)
{
    return body.n && (body.p[0] == '{' || body.p[0] == '[');
}

int demo_record_open(struct demo *m, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    m->record = fd < 0 ? NULL : fdopen(fd, "w");
    if (m->record)
        return AM_OK;
    if (fd >= 0)
        close(fd);
    return demo_fail(m, path, strerror(errno));
}

/* A body as it went over the wire: text when it is JSON, else how long it was. */
static void demo_record_body(struct jw *w, const char *key, struct str body)
{
    char size[16];
    snprintf(size, sizeof size, "%s_n", key);
    jw_kint(w, size, (int64_t)body.n);
    if (demo_is_json(body))
        jw_kstr(w, key, body);
}

/* What test/support/openapi.py reads. */
static int demo_record(struct demo *m, const struct http_call *call,
                       const struct http_reply *reply)
{
    struct buf line;
    struct jw w;
    int err;
    buf_init(&line, (size_t)160 << 20);
    jw_init(&w, &line);
    jw_obj(&w);
    jw_kstrz(&w, "method", demo_methods[call->method]);
    jw_kstrz(&w, "url", call->url);
    jw_kbool(&w, "authorised", call->bearer != NULL);
    jw_kstrz(&w, "request_type", call->content_type);
    demo_record_body(&w, "request", call->body);
    jw_kint(&w, "status", reply->status);
    jw_kstrz(&w, "type", reply->content_type);
    demo_record_body(&w, "response", buf_str(&reply->body));
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err && (fprintf(m->record, "%s\n", line.p) < 0 || fflush(m->record)))
        err = AM_E_IO;
    buf_release(&line);
    return err;
}

int demo_call(struct demo *m, enum http_method method, const char *base, const char *path,
              const char *token, struct str body, struct demo_reply *r)
{
    char url[1400];
    struct http_call call = {.method = method,
                             .url = url,
                             .body = body,
                             .bearer = token,
                             .timeout_ms = 120000,
                             .content_type =
                                 str_starts(str_c(path), STR("/api/v1/blobs/"))
                                     ? "application/octet-stream"
                                     : "application/json"};
    struct http_reply reply = {0};
    int err;
    *r = (struct demo_reply){0};
    buf_init(&r->body, (size_t)64 << 20);
    snprintf(url, sizeof url, "%s%s", base, path);
    buf_init(&reply.body, (size_t)64 << 20);
    call.header[call.headers++] =
        (struct http_field){STR("Accept-Language"), str_c(text_lang_code(m->lang))};
    err = http_call(m->http, &call, &reply);
    if (!err && m->record)
        err = demo_record(m, &call, &reply);
    if (!err) {
        r->status = reply.status;
        r->body = reply.body;
        if (demo_is_json(buf_str(&reply.body)) &&
            json_parse(&r->doc, buf_str(&r->body), NULL, NULL) == AM_OK)
            r->v = json_root(r->doc);
    } else {
        buf_release(&reply.body);
    }
    return err;
}

int demo_expect(struct demo *m, enum http_method method, const char *base,
                const char *path, const char *token, struct str body, int status,
                struct demo_reply *r)
{
    char what[512], detail[1024];
    int err = demo_call(m, method, base, path, token, body, r);
    if (!err && r->status == status)
        return AM_OK;
    snprintf(what, sizeof what, "%s%s", base, path);
    if (err)
        snprintf(detail, sizeof detail, "%s", am_err_text(err));
    else
        snprintf(detail, sizeof detail, "%d instead of %d: %.*s", r->status, status,
                 (int)AM_MIN(r->body.n, 800), r->body.p);
    demo_reply_release(r);
    return demo_fail(m, what, detail);
}

int demo_wait_cosigned(struct demo *m, int64_t size)
{
    for (int i = 0; i < DEMO_POLLS; i++) {
        struct demo_reply r;
        int64_t have = -1;
        if (demo_call(m, HTTP_GET, m->url, "/readyz", NULL, STR_NULL, &r) == AM_OK)
            have = json_int(json_get(r.v, "cosigned"), -1);
        demo_reply_release(&r);
        if (have >= size)
            return AM_OK;
        usleep(50000);
    }
    return demo_fail(m, "quorum", "the witnesses did not cosign in two minutes");
}

int demo_wait_size(struct demo *m, const struct demo_site *s, int64_t size)
{
    for (int i = 0; i < DEMO_POLLS; i++) {
        struct demo_reply r;
        int64_t have = -1;
        if (demo_call(m, HTTP_GET, s->url, "/api/v1/state", NULL, STR_NULL, &r) == AM_OK)
            have = json_int(json_get(r.v, "size"), -1);
        demo_reply_release(&r);
        if (have >= size)
            return AM_OK;
        usleep(50000);
    }
    return demo_fail(m, s->node, "the mirror did not follow in two minutes");
}
