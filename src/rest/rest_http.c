/* SPDX-License-Identifier: Apache-2.0 */
/* A server's request and response around rest_serve(). The handler runs on a job thread
 * of `http`: the thread that talks to the network never waits for the disk. */
#include "rest/rest_priv.h"

bool rest_mounted(const char *mount, struct str path)
{
    struct str m = str_c(mount);
    return str_starts(path, m) && (path.n == m.n || path.p[m.n] == '/');
}

static enum rest_method from_http(enum http_method m)
{
    switch (m) {
    case HTTP_GET:
    case HTTP_HEAD:
        return REST_GET;
    case HTTP_POST:
        return REST_POST;
    case HTTP_PUT:
        return REST_PUT;
    case HTTP_PATCH:
        return REST_PATCH;
    case HTTP_DELETE:
        return REST_DELETE;
    default:
        return REST_OTHER;
    }
}

static void to_http(struct http_req *q, struct http_resp *out, struct rest_answer *a)
{
    char retry[16];
    snprintf(retry, sizeof retry, "%d", a->retry_s);
    out->status = a->status;
    buf_release(&out->body);
    out->body = a->body;
    buf_init(&a->body, 0);
    if (out->body.n)
        http_setz(q, out, "Content-Type", a->type);
    if (a->etag[0])
        http_setz(q, out, "ETag", a->etag);
    if (a->modified[0])
        http_setz(q, out, "Last-Modified", a->modified);
    if (a->location[0])
        http_setz(q, out, a->status == 201 ? "Location" : "Content-Location",
                  a->location);
    if (a->allow[0])
        http_setz(q, out, "Allow", a->allow);
    if (a->vary)
        http_setz(q, out, "Vary", "Accept, Accept-Language");
    if (a->status >= 400)
        http_setz(q, out, "Content-Language", a->language);
    if (a->status == 401)
        http_setz(q, out, "WWW-Authenticate", "Bearer realm=\"amane\"");
    if (a->progress[0])
        http_setz(q, out, "X-Progress", a->progress);
    if (a->expires[0])
        http_setz(q, out, "Expires", a->expires);
    if (a->status == 429 || a->status == 503)
        http_setz(q, out, "Retry-After", "2");
    else if (a->retry_s)
        http_setz(q, out, "Retry-After", retry);
}

static void refused(const struct rest_request *q, int err, const char *code,
                    const char *detail, struct rest_answer *a)
{
    struct rest none = {.c = {.told_max = 1 << 20}};
    struct rest_call c = {.r = &none, .q = q, .a = a};
    arena_init(&c.arena, REST_ARENA);
    diag_init(&c.d);
    buf_init(&c.out, 1 << 20);
    if (rest_ask(&c)) /* what form it would have had: the error is another */
        diag_clear(&c.d);
    c.status = 0;
    rest_finish(&c, rest_bad(&c, err, "", code, str_c(detail)));
    buf_release(&c.out);
    diag_release(&c.d);
    arena_release(&c.arena);
}

static struct rest_request request(const char *mount, const struct http_req *q)
{
    static const char *const name[] = {
#define X(id, text) [REST_H_##id] = text,
        REST_HEADER_MAP(X)
#undef X
    };
    struct rest_request req = {.method = from_http(q->method),
                               .path = str_sub(q->path, strlen(mount), q->path.n),
                               .query = q->query,
                               .body = q->body};
    for (size_t i = 0; i < REST_HEADERS; i++)
        req.header[i] = http_header(q, name[i]);
    return req;
}

int rest_http(struct rest *r, const char *mount, void *who, struct http_req *q,
              struct http_resp *out)
{
    struct rest_request req = request(mount, q);
    struct rest_answer a;
    req.who = who;
    rest_answer_init(&a);
    rest_serve(r, &req, &a);
    to_http(q, out, &a);
    rest_answer_release(&a);
    return AM_OK;
}

int rest_http_refuse(const char *mount, int err, const char *code, const char *detail,
                     struct http_req *q, struct http_resp *out)
{
    struct rest_request req = request(mount, q);
    struct rest_answer a;
    rest_answer_init(&a);
    refused(&req, err, code, detail, &a);
    to_http(q, out, &a);
    rest_answer_release(&a);
    return AM_OK;
}
