/* SPDX-License-Identifier: Apache-2.0 */
/* The client connects where it is told and nowhere else: no redirects, no proxy from the
 * environment, no cookies, no other protocol than http and https. */
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pause.h"
#include "http/http_priv.h"

enum { HTTP_REPLY_HEADERS_MAX = 65536 };

struct http_client {
    CURL *curl;
    pthread_mutex_t lock; /* guards the next two */
    curl_socket_t fd;     /* the newest connection; bad: none */
    bool cancelled;
    bool public_only, refused; /* of the call in progress; its thread's own */
};
/* What the callbacks fill during one call. */
struct http_taking {
    struct http_reply *reply;
    size_t header_bytes;
    int err;
};

static pthread_once_t http_curl_once = PTHREAD_ONCE_INIT;
static CURLcode http_curl_ready;

static void http_curl_init(void)
{
    http_curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_client_new(struct http_client **out)
{
    struct http_client *c;
    am_assert(!pthread_once(&http_curl_once, http_curl_init));
    if (http_curl_ready != CURLE_OK)
        return AM_E_INTERNAL;
    signal(SIGPIPE, SIG_IGN); /* CURLOPT_NOSIGNAL leaves it to us */
    c = am_calloc(1, sizeof *c);
    if (!c)
        return AM_E_NOMEM;
    c->curl = curl_easy_init();
    if (!c->curl) {
        free(c);
        return AM_E_NOMEM;
    }
    c->fd = CURL_SOCKET_BAD;
    am_assert(!pthread_mutex_init(&c->lock, NULL));
    *out = c;
    return AM_OK;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- ending a call from outside ---- */
static curl_socket_t http_socket_open(void *cookie, curlsocktype what,
                                      struct curl_sockaddr *a)
{
    struct http_client *c = cookie;
    curl_socket_t fd = CURL_SOCKET_BAD;
    (void)what;
    if (c->public_only && !http_address_public(&a->addr)) {
        c->refused = true; /* another address of the same name may do */
        return fd;
    }
    am_assert(!pthread_mutex_lock(&c->lock));
    if (!c->cancelled)
        c->fd = fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    am_assert(!pthread_mutex_unlock(&c->lock));
    return fd;
}

static int http_socket_close(void *cookie, curl_socket_t fd)
{
    struct http_client *c = cookie;
    am_assert(!pthread_mutex_lock(&c->lock));
    if (c->fd == fd)
        c->fd = CURL_SOCKET_BAD;
    close(fd);
    am_assert(!pthread_mutex_unlock(&c->lock));
    return 0;
}

void http_client_cancel(struct http_client *c)
{
    if (!c)
        return;
    am_assert(!pthread_mutex_lock(&c->lock));
    c->cancelled = true;
    if (c->fd != CURL_SOCKET_BAD)
        shutdown(c->fd, SHUT_RDWR);
    am_assert(!pthread_mutex_unlock(&c->lock));
}

static bool http_cancelled(struct http_client *c)
{
    bool yes;
    am_assert(!pthread_mutex_lock(&c->lock));
    yes = c->cancelled;
    am_assert(!pthread_mutex_unlock(&c->lock));
    return yes;
}

static size_t http_take_body(char *p, size_t size, size_t n, void *cookie)
{
    struct http_taking *t = cookie;
    t->err = buf_add(&t->reply->body, (struct str){p, size * n});
    return t->err ? 0 : size * n;
}

/* A value that does not fit is left out: half an ETag would be a wrong one. */
static void http_take_value(struct str line, const char *name, char *out, size_t size)
{
    struct str value, key = str_cut(line, ':', &value);
    if (!value.p || !str_eq_nocase(key, str_c(name)))
        return;
    value = str_trim(value);
    out[0] = 0;
    if (value.n < size && http_value_ok(value)) {
        memcpy(out, value.p, value.n);
        out[value.n] = 0;
    }
}

static size_t http_take_header(char *p, size_t size, size_t n, void *cookie)
{
    struct http_taking *t = cookie;
    struct http_reply *r = t->reply;
    struct str line = {p, size * n};
    t->header_bytes += line.n;
    if (t->header_bytes > HTTP_REPLY_HEADERS_MAX) {
        t->err = AM_E_TOOBIG;
        return 0;
    }
    if (str_starts(line, STR("HTTP/"))) /* a new reply: 100 Continue came before it */
        r->content_type[0] = r->etag[0] = r->location[0] = 0;
    http_take_value(line, "Content-Type", r->content_type, sizeof r->content_type);
    http_take_value(line, "ETag", r->etag, sizeof r->etag);
    http_take_value(line, "Location", r->location, sizeof r->location);
    return line.n;
}

static const char *http_method_name(enum http_method m)
{
    static const char *const name[] = {"GET",   "HEAD",   "POST",   "PUT",
                                       "PATCH", "DELETE", "OPTIONS"};
    am_assert((size_t)m < AM_LEN(name));
    return name[m];
}

static int http_list_add(struct curl_slist **list, const char *name, struct str value)
{
    struct buf b;
    struct curl_slist *more;
    int err;
    if (!http_token_ok(str_c(name)) || !http_value_ok(value))
        return AM_E_INVALID;
    buf_init(&b, 65536);
    err =
        buf_addf(&b, value.n ? "%s: " : "%s;", name); /* "Name;" is curl's empty value */
    if (!err)
        err = buf_add(&b, value);
    more = err ? NULL : curl_slist_append(*list, b.p);
    buf_wipe(&b); /* it may hold a token */
    if (err)
        return err;
    if (!more)
        return AM_E_NOMEM;
    *list = more;
    return AM_OK;
}

static int http_call_headers(const struct http_call *call, struct curl_slist **list)
{
    int err = AM_OK;
    if (call->content_type)
        err = http_list_add(list, "Content-Type", str_c(call->content_type));
    if (!err && call->bearer) {
        struct buf b;
        buf_init(&b, 32768);
        err = buf_addf(&b, "Bearer %s", call->bearer);
        if (!err)
            err = http_list_add(list, "Authorization", buf_str(&b));
        buf_wipe(&b);
    }
    for (size_t i = 0; i < call->headers && !err; i++) {
        char name[128];
        if (call->header[i].name.n >= sizeof name)
            return AM_E_INVALID;
        snprintf(name, sizeof name, "%.*s", STR_FMT(call->header[i].name));
        err = http_list_add(list, name, call->header[i].value);
    }
    if (!err && call->body.n) { /* no waiting for 100 Continue */
        struct curl_slist *more = curl_slist_append(*list, "Expect:");
        err = more ? AM_OK : AM_E_NOMEM;
        *list = more ? more : *list;
    }
    return err;
}

/* Sets one option, keeping the first failure. */
#define HTTP_OPT(option, value)                                                          \
    do {                                                                                 \
        if (!rc)                                                                         \
            rc = curl_easy_setopt(curl, option, value);                                  \
    } while (0)

/* One version and no other: OpenSSL takes 1.0 and 1.1 only with its floor lowered. */
static CURLcode http_tls_only(CURL *curl, unsigned version)
{
    static const long only[] = {CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_0,
                                CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1,
                                CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2,
                                CURL_SSLVERSION_TLSv1_3 | CURL_SSLVERSION_MAX_TLSv1_3};
    CURLcode rc = CURLE_OK;
    am_assert(version >= 10 && version - 10 < AM_LEN(only));
    HTTP_OPT(CURLOPT_SSLVERSION, only[version - 10]);
    if (version < 12)
        HTTP_OPT(CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0");
    return rc;
}

static CURLcode http_where(struct http_client *c, const struct http_call *call)
{
    CURL *curl = c->curl;
    CURLcode rc = CURLE_OK;
    HTTP_OPT(CURLOPT_OPENSOCKETFUNCTION, http_socket_open);
    HTTP_OPT(CURLOPT_OPENSOCKETDATA, c);
    HTTP_OPT(CURLOPT_CLOSESOCKETFUNCTION, http_socket_close);
    HTTP_OPT(CURLOPT_CLOSESOCKETDATA, c);
    HTTP_OPT(CURLOPT_URL, call->url);
    HTTP_OPT(CURLOPT_PROTOCOLS_STR, call->public_only ? "https" : "http,https");
    /* One kept alive from another call may lead to where this one must not go. */
    HTTP_OPT(CURLOPT_FRESH_CONNECT, call->public_only ? 1L : 0L);
    HTTP_OPT(CURLOPT_FOLLOWLOCATION, 0L);
    HTTP_OPT(CURLOPT_PROXY, "");
    HTTP_OPT(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    HTTP_OPT(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    HTTP_OPT(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!rc && call->tls_only)
        rc = http_tls_only(curl, call->tls_only);
    if (call->ca_file) {
        HTTP_OPT(CURLOPT_CAINFO, call->ca_file);
        HTTP_OPT(CURLOPT_CAPATH, NULL); /* this file's authorities, nobody else's */
    }
    HTTP_OPT(CURLOPT_NOSIGNAL, 1L);
    HTTP_OPT(CURLOPT_TIMEOUT_MS, call->timeout_ms ? (long)call->timeout_ms : 10000L);
    HTTP_OPT(CURLOPT_MAXCONNECTS, 8L);
    HTTP_OPT(CURLOPT_USERAGENT, "amane/" AMANE_VERSION);
    return rc;
}

static CURLcode http_what(CURL *curl, const struct http_call *call,
                          struct curl_slist *list, struct http_taking *t)
{
    CURLcode rc = CURLE_OK;
    bool upload = call->body.n || call->method == HTTP_POST || call->method == HTTP_PUT ||
                  call->method == HTTP_PATCH;
    if (upload) {
        HTTP_OPT(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        HTTP_OPT(CURLOPT_POSTFIELDS, call->body.p ? call->body.p : "");
    }
    if (call->method == HTTP_HEAD)
        HTTP_OPT(CURLOPT_NOBODY, 1L);
    else
        HTTP_OPT(CURLOPT_CUSTOMREQUEST, http_method_name(call->method));
    HTTP_OPT(CURLOPT_HTTPHEADER, list);
    HTTP_OPT(CURLOPT_WRITEFUNCTION, http_take_body);
    HTTP_OPT(CURLOPT_WRITEDATA, t);
    HTTP_OPT(CURLOPT_HEADERFUNCTION, http_take_header);
    HTTP_OPT(CURLOPT_HEADERDATA, t);
    return rc;
}

static int http_curl_error(CURLcode rc)
{
    switch (rc) {
    case CURLE_OK:
        return AM_OK;
    case CURLE_OUT_OF_MEMORY:
        return AM_E_NOMEM;
    case CURLE_OPERATION_TIMEDOUT:
        return AM_E_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED:
        return AM_E_INVALID;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return AM_E_CRYPTO;
    case CURLE_FILESIZE_EXCEEDED:
        return AM_E_TOOBIG;
    default:
        return AM_E_UNAVAILABLE;
    }
}

int http_call(struct http_client *c, const struct http_call *call,
              struct http_reply *reply)
{
    struct http_taking t = {.reply = reply};
    struct curl_slist *list = NULL;
    CURLcode rc = CURLE_OK;
    long status = 0;
    int err;
    buf_clear(&reply->body);
    reply->status = 0;
    if (http_cancelled(c))
        return AM_E_UNAVAILABLE;
    reply->content_type[0] = reply->etag[0] = reply->location[0] = 0;
    c->public_only = call->public_only;
    c->refused = false;
    curl_easy_reset(c->curl); /* options go, live connections stay */
    err = http_call_headers(call, &list);
    if (!err) {
        rc = http_where(c, call);
        if (!rc)
            rc = http_what(c->curl, call, list, &t);
        am_pause_begin();
        if (!rc)
            rc = curl_easy_perform(c->curl);
        am_pause_end();
        if (!rc)
            rc = curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
        else if (t.err) /* our end of it, not the peer's: what it said first stands */
            (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
        err = t.err ? t.err : http_curl_error(rc);
        if (err == AM_E_UNAVAILABLE && c->refused)
            err = AM_E_REFUSED;
    }
    curl_slist_free_all(list);
    if (rc) /* curl's text names hosts and reasons; the address may hold an identifier */
        LOG_D("http.call", log_s("failed", curl_easy_strerror(rc)), log_err(err));
    if (!err || err == AM_E_TOOBIG)
        reply->status = (int)status;
    return err;
}
