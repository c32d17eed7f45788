/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a request, as the library's callbacks tell it. All of this runs in the
 * library's one thread, so nothing here waits. */
#include "http/http_server_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "base/log.h"

/* The raw target is only shown here, before the library decodes anything. */
void *http_on_uri(void *server, const char *uri, struct MHD_Connection *conn)
{
    struct http_server *s = server;
    struct http_one *one = am_calloc(1, sizeof *one);
    struct str rest;
    char *copy;
    (void)conn;
    if (!one)
        return NULL;
    /* Bodies are parsed into the arena: several times their size may be needed. */
    arena_init(&one->arena, 4 * s->conf.body_max + (16 << 20));
    copy = arena_dup(&one->arena, str_c(uri));
    if (!copy) {
        arena_release(&one->arena);
        free(one);
        return NULL;
    }
    one->s = s;
    one->req.one = one;
    one->req.arena = &one->arena;
    one->req.id = atomic_fetch_add(&s->next_id, 1u) + 1;
    one->req.path = str_cut(str_c(copy), '?', &rest);
    one->req.query = rest.p ? rest : STR("");
    one->req.body = STR("");
    buf_init(&one->body, s->conf.body_max);
    buf_init(&one->resp.body, HTTP_RESPONSE_MAX);
    return one;
}

void http_on_completed(void *server, struct MHD_Connection *conn, void **con_cls,
                       enum MHD_RequestTerminationCode how)
{
    struct http_server *s = server;
    struct http_one *one = *con_cls;
    (void)how;
    if (!one)
        return;
    *con_cls = NULL;
    http_link_deadline(s, http_link_of(conn), 0); /* for the next request's headers */
    s->held -= one->body.n;
    s->replied -= one->replied;
    http_ws_abandon(one);
    if (one->reply)
        MHD_destroy_response(one->reply);
    if (one->counted)
        atomic_fetch_sub(&s->in_flight, 1u);
    http_stream_end(&one->resp);
    buf_release(&one->resp.body);
    buf_release(&one->body);
    arena_release(&one->arena);
    free(one);
}

static void http_count_reply(struct http_server *s, int status, size_t n)
{
    atomic_fetch_add(&s->by_class[status / 100], 1u);
    atomic_fetch_add(&s->bytes_out, n);
}

static enum MHD_Result http_send(struct http_one *one, int status, struct MHD_Response *m)
{
    struct http_server *s = one->s;
    enum MHD_Result ok;
    if (!m)
        return MHD_NO; /* no memory for a reply: the connection is closed */
    if (!one->ws && (one->close || atomic_load(&s->draining)) &&
        MHD_add_response_header(m, "Connection", "close") != MHD_YES) {
        MHD_destroy_response(m);
        return MHD_NO;
    }
    one->stage = HTTP_SENT;
    http_count_reply(s, status, one->sent_n);
    ok = MHD_queue_response(one->conn, (unsigned)status, m);
    MHD_destroy_response(m);
    return ok;
}

static enum MHD_Result http_refuse(struct http_one *one, int status)
{
    if (status < 500)
        atomic_fetch_add(&one->s->bad, 1u);
    one->close = true; /* what follows is unread, or cannot be trusted */
    http_link_deadline(one->s, one->link, 0);
    return http_send(one, status, http_bare(status));
}

/* ---- the first callback: headers ---- */
struct http_collect {
    struct http_req *r;
    size_t bytes, max;
};

static enum MHD_Result http_count_field(void *cookie, enum MHD_ValueKind kind,
                                        const char *name, size_t name_n,
                                        const char *value, size_t value_n)
{
    struct http_collect *c = cookie;
    (void)kind;
    (void)name;
    (void)value;
    c->max++;
    c->bytes += name_n + value_n + 4;
    return MHD_YES;
}

static enum MHD_Result http_collect(void *cookie, enum MHD_ValueKind kind,
                                    const char *name, size_t name_n, const char *value,
                                    size_t value_n)
{
    struct http_collect *c = cookie;
    struct http_req *r = c->r;
    (void)kind;
    am_assert(r->headers < c->max);
    r->header[r->headers++] =
        (struct http_field){{name, name_n}, {value ? value : "", value_n}};
    return MHD_YES;
}

static int http_headers(struct http_one *one)
{
    struct http_collect c = {.r = &one->req};
    MHD_get_connection_values_n(one->conn, MHD_HEADER_KIND, http_count_field, &c);
    if (c.max > HTTP_FIELDS_MAX || c.bytes > one->s->conf.header_max)
        return 431;
    one->req.header = arena_alloc(&one->arena, c.max + 1, sizeof(struct http_field));
    if (!one->req.header)
        return 503;
    MHD_get_connection_values_n(one->conn, MHD_HEADER_KIND, http_collect, &c);
    return 0;
}

static int http_peer(struct http_one *one)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(one->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    char z[INET6_ADDRSTRLEN] = "", *copy;
    if (i && i->client_addr && i->client_addr->sa_family == AF_INET) {
        memcpy(&v4, i->client_addr, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, z, sizeof z);
    } else if (i && i->client_addr && i->client_addr->sa_family == AF_INET6) {
        memcpy(&v6, i->client_addr, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], z, sizeof z);
        else
            inet_ntop(AF_INET6, &v6.sin6_addr, z, sizeof z);
    }
    copy = arena_dup(&one->arena, str_c(z));
    one->req.peer = str_c(copy);
    return copy ? AM_OK : AM_E_NOMEM;
}

/* The proxy appends to what the client claimed: only the last element is its own word. */
static void http_forwarded(struct http_req *r)
{
    struct str v;
    for (size_t i = 0; i < r->headers; i++) {
        if (str_eq_nocase(r->header[i].name, STR("X-Forwarded-For")) &&
            http_address_ok(http_last(r->header[i].value), &v))
            r->peer = v;
        if (str_eq_nocase(r->header[i].name, STR("X-Forwarded-Proto")))
            r->secure = str_eq_nocase(http_last(r->header[i].value), STR("https"));
    }
}

/* HTTP status to refuse with, or 0. */
static int http_judge(struct http_one *one, const char *version)
{
    struct http_req *r = &one->req;
    const char *why = NULL;
    struct str path;
    int err, status = http_headers(one);
    if (status)
        return status;
    if (http_gate(r->header, r->headers, strcmp(version, "HTTP/1.1") == 0, &why)) {
        LOG_D("http.refused", log_i("id", (int64_t)r->id), log_s("why", why));
        return 400;
    }
    err = http_path_decode(&one->arena, r->path, &path);
    if (!err)
        err = http_peer(one);
    if (err)
        return am_err_http(err);
    r->path = path;
    r->secure = one->s->tls;
    if (one->s->conf.behind_proxy)
        http_forwarded(r);
    return 0;
}

/* ---- refusing a body that is on its way ---- */
/* The library can answer before or after a body, not within. On a plain socket the
 * refusal is written past it, so that the peer learns it while still sending; what comes
 * after is thrown away for a while, because closing at once would reset the connection
 * and destroy the refusal in flight. Under TLS the refusal has to wait for the end of the
 * body. */
static void http_refuse_midway(struct http_one *one, int status)
{
    char text[256];
    int n;
    one->stage = HTTP_DISCARD;
    one->refused = status;
    one->close = true;
    one->s->held -= one->body.n;
    buf_release(&one->body);
    if (status < 500)
        atomic_fetch_add(&one->s->bad, 1u);
    if (one->s->tls || !one->link)
        return;
    n = snprintf(text, sizeof text,
                 "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                 "Cache-Control: no-store\r\nContent-Length: 4\r\n\r\n%d\n",
                 status, http_phrase(status), status);
    http_count_reply(one->s, status, 4);
    /* One segment into an idle socket: what does not fit is not worth waiting for. */
    one->raw = send(one->link->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n;
    if (one->raw)
        shutdown(one->link->fd, SHUT_WR);
}

static enum MHD_Result http_body_more(struct http_one *one, const char *p, size_t n)
{
    struct http_server *s = one->s;
    int err;
    atomic_fetch_add(&s->bytes_in, n);
    if (one->stage == HTTP_DISCARD) {
        one->discarded += n;
        return one->discarded > HTTP_LINGER ? MHD_NO : MHD_YES;
    }
    if (s->held > HTTP_HELD_BODIES * s->conf.body_max) {
        atomic_fetch_add(&s->busy, 1u);
        http_refuse_midway(one, 503);
        return MHD_YES;
    }
    err = buf_add(&one->body, (struct str){p, n});
    if (err) {
        http_refuse_midway(one, am_err_http(err));
        return MHD_YES;
    }
    s->held += n;
    /* The whole body has to come at HTTP_RATE at least, on the mean. */
    if (one->link)
        atomic_fetch_add(&one->link->deadline_at, (int64_t)n * TIME_SECOND / HTTP_RATE);
    return MHD_YES;
}

/* ---- the callbacks ---- */
static enum MHD_Result http_first(struct http_one *one, struct MHD_Connection *conn,
                                  const char *method, const char *version)
{
    struct http_server *s = one->s;
    struct str length;
    int64_t n = 0;
    int status;
    atomic_fetch_add(&s->requests, 1u);
    one->conn = conn;
    one->link = http_link_of(conn);
    one->req.method_name = method;
    one->req.method = http_method_of(method);
    status = http_judge(one, version);
    if (status)
        return http_refuse(one, status);
    if (atomic_load(&s->draining))
        return http_refuse(one, 503);
    atomic_fetch_add(&s->in_flight, 1u);
    one->counted = true;
    one->stage = HTTP_BODY;
    http_link_deadline(s, one->link, 0);
    length = http_header(&one->req, "Content-Length");
    if (length.p &&
        (str_int(length, 0, INT64_MAX, &n) || (uint64_t)n > s->conf.body_max)) {
        /* Who waits for "100 Continue" has sent nothing yet, and is answered in order. */
        bool unsent = http_header(&one->req, "Expect").p;
        if (unsent || ((s->tls || !one->link) && n > HTTP_LINGER))
            return http_refuse(one, 413);
        http_refuse_midway(one, 413);
    }
    return MHD_YES;
}

static enum MHD_Result http_last_call(struct http_one *one)
{
    if (one->stage == HTTP_DISCARD)
        return one->raw ? MHD_NO : http_send(one, one->refused, http_bare(one->refused));
    one->req.body = buf_str(&one->body);
    if (one->link)
        atomic_store(&one->link->deadline_at, 0); /* now the server is the one to act */
    if (http_jobs_put(one))
        return MHD_YES;
    atomic_fetch_add(&one->s->busy, 1u);
    http_link_deadline(one->s, one->link, 0);
    return http_send(one, 503, http_bare(503));
}

/* Readers that take their time keep what they are sent in memory: all together may not
 * take more than a share of it. One alone always may, and what was written is told: a
 * 503 would have it written again. */
static bool http_reply_room(struct http_one *one)
{
    struct http_server *s = one->s;
    bool reads = one->req.method == HTTP_GET;
    if (reads && one->sent_n > HTTP_REPLY_SMALL && s->replied &&
        s->replied + one->sent_n > s->conf.replies_max)
        return false;
    one->replied = one->sent_n;
    s->replied += one->replied;
    return true;
}

static enum MHD_Result http_reply_send(struct http_one *one)
{
    struct MHD_Response *m = one->reply;
    one->reply = NULL;
    if (m && !one->ws && !http_reply_room(one)) {
        MHD_destroy_response(m);
        atomic_fetch_add(&one->s->busy, 1u);
        one->sent_n = 4;
        http_link_deadline(one->s, one->link, one->sent_n);
        return http_send(one, 503, http_bare(503));
    }
    http_link_deadline(one->s, one->link, one->sent_n);
    return http_send(one, one->resp.status, m);
}

enum MHD_Result http_on_request(void *server, struct MHD_Connection *conn,
                                const char *url, const char *method, const char *version,
                                const char *upload, size_t *upload_n, void **con_cls)
{
    struct http_one *one = *con_cls;
    (void)server;
    (void)url;
    if (!one)
        return MHD_NO; /* no memory for the request */
    switch (one->stage) {
    case HTTP_NEW:
        return http_first(one, conn, method, version);
    case HTTP_BODY:
    case HTTP_DISCARD:
        if (*upload_n) {
            size_t n = *upload_n;
            *upload_n = 0;
            return http_body_more(one, upload, n);
        }
        return http_last_call(one);
    case HTTP_REPLY:
        return http_reply_send(one);
    case HTTP_WORK:
    case HTTP_SENT:
    case HTTP_STREAM:
        break;
    }
    return MHD_NO;
}
