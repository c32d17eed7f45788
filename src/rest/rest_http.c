/* SPDX-License-Identifier: Apache-2.0 */
/* A server's request and response around rest_serve(). The handler runs on a job thread
 * of `http`: the thread that talks to the network never waits for the disk. */
#include "rest/rest_sub.h"

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

/* What is told without anybody to serve: a resource, or an error. */
struct word {
    struct str resource; /* STR_NULL: the error */
    int err;
    const char *code, *detail;
};

static void say(const struct rest_request *q, const struct word *s, struct rest_answer *a)
{
    struct rest none = {.c = {.told_max = 64 << 20}};
    struct rest_call c = {.r = &none, .q = q, .a = a};
    int err;
    arena_init(&c.arena, REST_ARENA);
    diag_init(&c.d);
    buf_init(&c.out, none.c.told_max);
    err = rest_ask(&c); /* in which form */
    if (s->resource.p) {
        if (!err)
            err = buf_add(&c.out, s->resource);
    } else {
        diag_clear(&c.d); /* the error is another */
        err = rest_bad(&c, s->err, "", s->code, str_c(s->detail));
    }
    c.status = 0;
    rest_finish(&c, err);
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

/* A page of another origin, in a browser inside, is not to listen through it. */
static bool socket_origin_ok(const struct rest *r, struct str origin)
{
    struct str base = str_c(r->c.base);
    return !origin.n || (str_starts(base, origin) && base.n > origin.n &&
                         base.p[origin.n] == '/' && str_starts(origin, STR("http")));
}

bool rest_http_socket(struct rest *r, const char *mount, struct http_req *q,
                      struct http_resp *a, int *err)
{
    struct http_ws_face face;
    if (q->method != HTTP_GET ||
        !str_eqc(str_sub(q->path, strlen(mount), q->path.n), "/ws"))
        return false;
    if (!r->subs)
        *err = rest_http_refuse(mount, AM_E_NOTFOUND, "rest.sub_off", NULL, q, a);
    else if (!socket_origin_ok(r, http_header(q, "Origin")))
        *err = rest_http_refuse(mount, AM_E_FORBIDDEN, "rest.sub_origin", NULL, q, a);
    else {
        face = rest_sub_face(r->subs);
        *err = http_ws_upgrade(q, a, &face);
    }
    return true;
}

int rest_http(struct rest *r, const char *mount, void *who, struct http_req *q,
              struct http_resp *out)
{
    struct rest_request req = request(mount, q);
    struct rest_answer a;
    int err;
    if (rest_http_socket(r, mount, q, out, &err))
        return err;
    req.who = who;
    rest_answer_init(&a);
    rest_serve(r, &req, &a);
    to_http(q, out, &a);
    rest_answer_release(&a);
    return AM_OK;
}

static int told(const char *mount, const struct word *s, struct http_req *q,
                struct http_resp *out)
{
    struct rest_request req = request(mount, q);
    struct rest_answer a;
    rest_answer_init(&a);
    say(&req, s, &a);
    to_http(q, out, &a);
    rest_answer_release(&a);
    return AM_OK;
}

int rest_http_refuse(const char *mount, int err, const char *code, const char *detail,
                     struct http_req *q, struct http_resp *out)
{
    const struct word w = {.err = err, .code = code, .detail = detail};
    return told(mount, &w, q, out);
}

int rest_http_tell(const char *mount, struct str resource, struct http_req *q,
                   struct http_resp *out)
{
    return told(mount, &(struct word){.resource = resource}, q, out);
}
