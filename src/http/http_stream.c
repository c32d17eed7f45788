/* SPDX-License-Identifier: Apache-2.0 */
/* Replies too long to hold. The handler gives a struct http_stream instead of a body; the
 * server asks it for one piece at a time, on a job thread, and for the next one when the
 * peer has taken the last: what a reply costs is one piece, however long it is and
 * however slow the peer. Its length is not known before, so it is sent in chunks; a
 * failure in the middle cuts the connection before the last chunk, and the peer knows
 * that it has not got all of it.
 *
 * The library asks for bytes in its own thread, which never waits: when the piece is used
 * up the connection is suspended and the request is queued as at first. The time a peer
 * has for the whole is what its bytes take at HTTP_RATE, added up piece by piece; the
 * time the server takes does not count. */
#include "base/clock.h"
#include "base/log.h"
#include "http/http_server_priv.h"

void http_stream(struct http_resp *a, const struct http_stream *s)
{
    am_assert(!a->stream.next && s->next);
    a->stream = *s;
}

void http_stream_end(struct http_resp *a)
{
    struct http_stream s = a->stream;
    a->stream = (struct http_stream){0};
    if (s.end)
        s.end(s.cookie);
}

int http_stream_next(struct http_resp *a, bool *more)
{
    size_t before = a->body.n;
    int err = a->stream.next ? a->stream.next(a->stream.cookie, &a->body) : AM_OK;
    *more = !err && a->stream.next && a->body.n > before;
    return err;
}

int http_stream_all(struct http_resp *a)
{
    bool more = true;
    int err = AM_OK;
    while (more && !err)
        err = http_stream_next(a, &more);
    http_stream_end(a);
    return err;
}

/* A job thread's turn. */
void http_stream_work(struct http_one *one)
{
    bool more = false;
    int err;
    buf_clear(&one->resp.body);
    one->taken = 0;
    err = http_stream_next(&one->resp, &more);
    if (err) {
        LOG_W("http.cut", log_i("id", (int64_t)one->req.id),
              log_i("sent", (int64_t)one->sent_n), log_err(err));
        one->broken = true;
    }
    one->ended = !more;
    one->sent_n += one->resp.body.n;
    atomic_fetch_add(&one->s->bytes_out, one->resp.body.n);
}

/* Time stops for the peer while the server works, and n bytes more give more of it. */
static void stream_wait(struct http_one *one)
{
    int64_t at = one->link ? atomic_load(&one->link->deadline_at) : 0;
    one->left = at ? at - time_mono() : 0;
    if (one->link)
        atomic_store(&one->link->deadline_at, 0);
}

static void stream_go_on(struct http_one *one)
{
    int64_t now = time_mono();
    one->fresh = false;
    if (!one->link)
        return;
    atomic_store(&one->link->since, now);
    atomic_store(&one->link->deadline_at,
                 now + one->left + (int64_t)one->resp.body.n * TIME_SECOND / HTTP_RATE);
}

/* The library's thread wants at most `max` bytes. */
static ssize_t stream_read(void *cookie, uint64_t pos, char *out, size_t max)
{
    struct http_one *one = cookie;
    size_t n = AM_MIN(one->resp.body.n - one->taken, max);
    (void)pos;
    if (one->fresh)
        stream_go_on(one);
    if (one->broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (n) {
        memcpy(out, one->resp.body.p + one->taken, n);
        one->taken += n;
        return (ssize_t)n;
    }
    if (one->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    stream_wait(one);
    one->fresh = true;
    if (http_jobs_put_again(one))
        return 0; /* suspended: asked again when the next piece is there */
    return MHD_CONTENT_READER_END_WITH_ERROR; /* the server stops */
}

/* The first piece was made by the thread that called the handler. */
struct MHD_Response *http_stream_make(struct http_one *one)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, HTTP_PIECE, stream_read,
                                             one, NULL);
}
