/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_server_priv.h"

#include "base/log.h"
#include "base/pause.h"

const char *http_phrase(int status)
{
    return MHD_get_reason_phrase_for((unsigned)status);
}

static bool http_add(struct MHD_Response *m, const char *name, const char *value)
{
    return MHD_add_response_header(m, name, value) == MHD_YES;
}

struct MHD_Response *http_bare(int status)
{
    char text[80];
    int n = snprintf(text, sizeof text, "%d %s\n", status, http_phrase(status));
    struct MHD_Response *m =
        MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);
    if (m && http_add(m, "Content-Type", "text/plain; charset=utf-8") &&
        http_add(m, "X-Content-Type-Options", "nosniff") &&
        http_add(m, "Cache-Control", "no-store") &&
        (status != 503 || http_add(m, "Retry-After", "1")))
        return m;
    if (m)
        MHD_destroy_response(m);
    return NULL;
}

static bool http_has(const struct http_resp *a, const char *name)
{
    for (size_t i = 0; i < a->headers; i++)
        if (str_eq_nocase(a->header[i].name, str_c(name)))
            return true;
    return false;
}

/* Values may be borrowed, so without a NUL after them: the copy has one. */
static bool http_field_add(struct MHD_Response *m, struct arena *a, struct http_field f)
{
    const char *name = arena_dup(a, f.name), *value = arena_dup(a, f.value);
    if (f.value.n == 0)
        return true; /* the library refuses an empty value; saying nothing is the same */
    return name && value && http_add(m, name, value);
}

static bool http_headers_add(struct MHD_Response *m, struct arena *arena,
                             const struct http_resp *a)
{
    static const struct {
        const char *name, *value;
    } usual[] = {{"X-Content-Type-Options", "nosniff"},
                 {"Referrer-Policy", "no-referrer"},
                 {"Cache-Control", "no-store"}};
    for (size_t i = 0; i < a->headers; i++)
        if (!http_field_add(m, arena, a->header[i]))
            return false;
    for (size_t i = 0; i < AM_LEN(usual); i++)
        if (!http_has(a, usual[i].name) && !http_add(m, usual[i].name, usual[i].value))
            return false;
    return a->status != 503 || http_has(a, "Retry-After") ||
           http_add(m, "Retry-After", "1");
}

/* The body changes hands: no copy between the handler's buffer and the socket. */
static struct MHD_Response *http_whole_make(struct http_resp *a, size_t *sent_n)
{
    bool silent = a->status == 204 || a->status == 304;
    size_t n = silent ? 0 : a->body.n;
    char *p = NULL;
    struct MHD_Response *m;
    if (silent)
        buf_clear(&a->body);
    p = buf_take(&a->body);
    if (!p)
        return NULL;
    *sent_n = n;
    m = MHD_create_response_from_buffer(n, p, MHD_RESPMEM_MUST_FREE);
    if (!m)
        free(p);
    return m;
}

static struct MHD_Response *http_reply_make(struct http_one *one)
{
    struct http_resp *a = &one->resp;
    struct MHD_Response *m = one->ws          ? http_ws_reply(one)
                             : a->stream.next ? http_stream_make(one)
                                              : http_whole_make(a, &one->sent_n);
    if (!m || http_headers_add(m, &one->arena, a))
        return m;
    MHD_destroy_response(m);
    return NULL;
}

static void http_resp_reset(struct http_resp *a, int status)
{
    http_stream_end(a);
    buf_release(&a->body);
    a->headers = 0;
    a->status = status;
}

static void http_failed(struct http_one *one, int err)
{
    struct http_server *s = one->s;
    int status = am_err_http(err);
    if (status >= 500)
        LOG_W("http.failed", log_i("id", (int64_t)one->req.id), log_i("status", status),
              log_err(err));
    http_ws_abandon(one);
    http_resp_reset(&one->resp, status);
    if (s->conf.on_error)
        s->conf.on_error(s->conf.cookie, &one->req, &one->resp, err);
    else
        one->refused = status;
}

/* one->reply may stay NULL when memory is out: the connection is then closed. False: the
 * request waits for news and is no longer this thread's. */
static bool http_work(struct http_one *one)
{
    struct http_server *s = one->s;
    int err;
    http_resp_reset(&one->resp, 200);
    err = s->conf.handler(s->conf.cookie, &one->req, &one->resp);
    /* A header that is lost, a parameter that seemed absent: no answer to rely on. */
    if (!err && one->arena.starved)
        err = AM_E_NOMEM;
    if (!err && one->park_until) {
        if (http_park_put(one))
            return false;
        one->close = true;
        one->refused = 503; /* not logged each: they may be thousands */
    }
    one->park_until = 0;
    if (!err && one->resp.stream.next) {
        bool more;
        err = http_stream_next(&one->resp, &more);
        one->ended = !more;
        one->sent_n = one->resp.body.n;
    }
    if (err)
        http_failed(one, err);
    if ((one->resp.status < 200 && !one->ws) || one->resp.status > 599) {
        LOG_E("http.status", log_i("id", (int64_t)one->req.id),
              log_i("status", one->resp.status));
        one->refused = 500;
    }
    if (!one->refused)
        one->reply = http_reply_make(one);
    if (!one->reply) {
        http_ws_abandon(one);
        one->resp.status = one->refused ? one->refused : 503;
        one->reply = http_bare(one->resp.status);
    }
    return true;
}

void *http_job_main(void *arg)
{
    struct http_job *j = arg;
    const struct am_pause pause = {http_queue_pause, http_queue_resume, j};
    struct http_one *one;
    bool stop;
    am_pause_set(&pause);
    while ((one = http_queue_take(j, &stop))) {
        if (one->stage == HTTP_STREAM) {
            if (stop)
                one->broken = true;
            else
                http_stream_work(one);
            one->stage = HTTP_SENT;
            MHD_resume_connection(one->conn);
            continue;
        }
        if (stop) { /* drained for long enough: what never started is refused */
            one->resp.status = 503;
            one->reply = http_bare(503);
        } else if (!http_work(one)) {
            continue;
        }
        one->stage = HTTP_REPLY;
        MHD_resume_connection(one->conn); /* from here the request is the library's */
    }
    return NULL;
}
