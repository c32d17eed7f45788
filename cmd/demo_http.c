/* SPDX-License-Identifier: Apache-2.0 */
#include "demo.h"

#include <unistd.h>

void demo_reply_release(struct demo_reply *r)
{
    json_free(r->doc);
    buf_release(&r->body);
    *r = (struct demo_reply){.body = r->body};
}

int demo_call(struct demo *m, enum http_method method, const char *base, const char *path,
              const char *token, struct str body, struct demo_reply *r)
{
    char url[1400];
    struct http_call call = {.method = method,
                             .url = url,
                             .body = body,
                             .bearer = token,
                             .timeout_ms = 30000,
                             .content_type = "application/json"};
    struct http_reply reply = {0};
    int err;
    *r = (struct demo_reply){0};
    buf_init(&r->body, (size_t)64 << 20);
    snprintf(url, sizeof url, "%s%s", base, path);
    buf_init(&reply.body, (size_t)64 << 20);
    call.header[call.headers++] =
        (struct http_field){STR("Accept-Language"), str_c(text_lang_code(m->lang))};
    err = http_call(m->http, &call, &reply);
    if (!err) {
        r->status = reply.status;
        r->body = reply.body;
        if (reply.body.n && (reply.body.p[0] == '{' || reply.body.p[0] == '[') &&
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
    for (int i = 0; i < 400; i++) {
        struct demo_reply r;
        int64_t have = -1;
        if (demo_call(m, HTTP_GET, m->url, "/readyz", NULL, STR_NULL, &r) == AM_OK)
            have = json_int(json_get(r.v, "cosigned"), -1);
        demo_reply_release(&r);
        if (have >= size)
            return AM_OK;
        usleep(50000);
    }
    return demo_fail(m, "quorum", "the witnesses did not cosign in 20 s");
}

int demo_wait_size(struct demo *m, const struct demo_site *s, int64_t size)
{
    for (int i = 0; i < 400; i++) {
        struct demo_reply r;
        int64_t have = -1;
        if (demo_call(m, HTTP_GET, s->url, "/api/v1/state", NULL, STR_NULL, &r) == AM_OK)
            have = json_int(json_get(r.v, "size"), -1);
        demo_reply_release(&r);
        if (have >= size)
            return AM_OK;
        usleep(50000);
    }
    return demo_fail(m, s->node, "the mirror did not follow in 20 s");
}
