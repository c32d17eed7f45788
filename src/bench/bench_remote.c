/* SPDX-License-Identifier: Apache-2.0 */
/* What the manifest says of an endpoint. */
#include "bench/bench_remote.h"

#include <arpa/inet.h>

enum { LIMIT_S = 900, TIMEOUT_MS = 10000, BATCH = 64, QUESTIONS = 1000, WAIT_S = 60 };

static void copy(char *out, size_t size, struct str s)
{
    snprintf(out, size, "%.*s", STR_FMT(s));
}

/* ---- the address ----------------------------------------------------------------------
 */
/* A name that begins with 127. may be anybody's: only numbers are this machine's. */
static bool is_local(const char *host)
{
    struct in_addr a;
    return !strcmp(host, "localhost") || !strcmp(host, "[::1]") ||
           (inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127);
}

/* scheme://host[:port][/path]; the schema has said which bytes. */
static int read_url(struct bench_remote *m, struct str url)
{
    struct str rest = url, host, tail;
    int64_t port;
    size_t n = 0;
    m->tls = str_starts(url, STR("https://"));
    if (!m->tls && !str_starts(url, STR("http://")))
        return AM_E_INVALID;
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    copy(m->url, sizeof m->url, url);
    rest = (struct str){rest.p + (m->tls ? 8 : 7), rest.n - (m->tls ? 8 : 7)};
    host = str_cut(rest, '/', &tail);
    if (host.n && host.p[0] == '[')
        while (n < host.n && host.p[n] != ']')
            n++;
    while (n < host.n && host.p[n] != ':')
        n++;
    copy(m->host, sizeof m->host, (struct str){host.p, n});
    m->local = is_local(m->host);
    m->port = m->tls ? 443 : 80;
    if (n == host.n)
        return n ? AM_OK : AM_E_INVALID;
    if (!n || str_int((struct str){host.p + n + 1, host.n - n - 1}, 1, 65535, &port))
        return AM_E_INVALID;
    m->port = (unsigned)port;
    return AM_OK;
}

/* ---- files beside the manifest --------------------------------------------------------
 */
static bool inside(struct str path)
{
    struct str rest = path;
    if (!path.n || path.p[0] == '/')
        return false;
    while (rest.n)
        if (str_eqc(str_cut(rest, '/', &rest), ".."))
            return false;
    return true;
}

static void file_problem(struct diag *d, const char *at, const char *why)
{
    diag_err(d, at, "bench.endpoint_file", "%s", why);
}

/* When numbers are made again nobody is called: no file need be there. */
static int place(const struct bench_input *in, struct str path, const char *at,
                 char out[4096], struct diag *d)
{
    out[0] = 0;
    if (!path.n)
        return AM_OK;
    if (in->kept) {
        snprintf(out, 4096, "%.*s", STR_FMT(path));
        return AM_OK;
    }
    if (!inside(path)) {
        file_problem(d, at, "outside the folder of the manifest");
        return AM_OK;
    }
    return bench_open_path(in, path, out);
}

/* One line of visible ASCII. */
static bool token_ok(struct str t)
{
    for (size_t i = 0; i < t.n; i++)
        if (t.p[i] <= ' ' || t.p[i] > '~')
            return false;
    return t.n && t.n < BENCH_TOKEN;
}

static int read_token(const struct bench_input *in, struct str path, const char *at,
                      struct bench_account *a, struct diag *d)
{
    char file[4096], *text;
    size_t n;
    int err = place(in, path, at, file, d);
    if (err || !file[0] || in->kept)
        return err;
    err = am_file_read(file, 4 * (size_t)BENCH_TOKEN, &text, &n);
    if (err == AM_E_NOMEM)
        return err;
    if (err) {
        file_problem(d, at, am_err_text(err));
        return AM_OK;
    }
    if (token_ok(str_trim((struct str){text, n})))
        copy(a->token, sizeof a->token, str_trim((struct str){text, n}));
    else
        file_problem(d, at, "not one line of visible ASCII");
    explicit_bzero(text, n);
    free(text);
    return AM_OK;
}

/* ---- the members ----------------------------------------------------------------------
 */
static void read_numbers(struct bench_remote *m, const struct json *e)
{
    const struct json *probe = json_get(e, "probe"), *rate = json_get(probe, "rate");
    m->missing = json_num(json_get(e, "missing_value"), NAN);
    m->batch = (size_t)json_int(json_get(e, "batch"), BATCH);
    m->timeout_ms = (unsigned)json_int(json_get(e, "timeout_ms"), TIMEOUT_MS);
    m->until =
        time_mono() + json_int(json_get(e, "limit_s"), LIMIT_S) * (int64_t)TIME_SECOND;
    m->questions_max = json_int(json_get(probe, "questions"), QUESTIONS);
    m->wait_ms = 1000 * json_int(json_get(probe, "wait_s"), WAIT_S);
    m->alert_ms = 1000 * json_int(json_get(probe, "alert_within_s"), 10);
    m->limit_requests = json_num(json_get(rate, "requests"), NAN);
    m->limit_s = json_num(json_get(rate, "per_s"), NAN);
    for (json_each(it, json_get(e, "clear_text_ports")))
        if (m->ports < BENCH_PORTS_MAX)
            m->port_clear[m->ports++] = (unsigned)json_int(it.val, 0);
    if (json_get(e, "clear_text_ports"))
        return;
    m->ports = 3; /* where such services listen when nobody says otherwise */
    m->port_clear[0] = 80;
    m->port_clear[1] = 8000;
    m->port_clear[2] = 8080;
}

static int read_files(struct bench_remote *m, const struct json *e,
                      const struct bench_input *in, struct diag *d)
{
    const struct json *probe = json_get(e, "probe");
    int err = read_token(in, json_get_str(e, "token_file"),
                         "/manifest/endpoint/token_file", &m->account, d);
    if (!err)
        err =
            place(in, json_get_str(e, "ca_file"), "/manifest/endpoint/ca_file", m->ca, d);
    m->probe = m->account;
    m->own_probe = json_get_str(probe, "token_file").n > 0;
    if (!err && m->own_probe)
        err = read_token(in, json_get_str(probe, "token_file"),
                         "/manifest/endpoint/probe/token_file", &m->probe, d);
    if (!err)
        err = place(in, json_get_str(probe, "alert_log"),
                    "/manifest/endpoint/probe/alert_log", m->alert_log, d);
    copy(m->probe.name, sizeof m->probe.name, json_get_str(probe, "account"));
    return err;
}

int bench_remote_read(struct bench_remote **out, const struct bench_run *r,
                      const struct bench_input *in, struct diag *d)
{
    const struct json *e = json_get(r->manifest, "endpoint");
    struct bench_remote *m;
    int err;
    *out = NULL;
    if (!e)
        return AM_OK;
    m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    if (read_url(m, json_get_str(e, "url")))
        diag_err(d, "/manifest/endpoint/url", "bench.endpoint_url",
                 "http:// or https://, a host, a port");
    copy(m->model, sizeof m->model, json_get_str(e, "model"));
    copy(m->oip.input, sizeof m->oip.input, json_get_str(e, "input"));
    copy(m->oip.output, sizeof m->oip.output, json_get_str(e, "output"));
    m->oip.fp32 = json_str_is(json_get(e, "datatype"), "FP32");
    read_numbers(m, e);
    err = read_files(m, e, in, d);
    if (err) {
        bench_remote_free(m);
        return err;
    }
    *out = m;
    return AM_OK;
}

void bench_remote_free(struct bench_remote *m)
{
    if (!m)
        return;
    explicit_bzero(m, sizeof *m);
    free(m);
}
