/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_serve.h"

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "json/json.h"

enum { CMD_DRAIN_MS = 5000 };

static sigset_t cmd_signals(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGINT);
    sigaddset(&s, SIGTERM);
    return s;
}

void cmd_block_signals(void)
{
    sigset_t s = cmd_signals();
    pthread_sigmask(SIG_BLOCK, &s, NULL);
}

static int cmd_log_level(const struct conf *c, struct diag *d)
{
    static const char *const name[] = {"debug", "info", "warn", "error", "off"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (str_eqc(str_c(conf_text(c, CONF_LOG_LEVEL)), name[i])) {
            log_set_level((enum log_level)i);
            return AM_OK;
        }
    diag_err(d, "log_level", "conf.value", "debug, info, warn, error or off");
    return AM_E_INVALID;
}

int cmd_settings(struct conf *c, const char *dir, const char *file, const char *listen,
                 struct diag *d)
{
    char path[4096];
    int err;
    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return AM_E_TOOBIG;
    err = conf_load(c, path, d);
    if (!err)
        err = conf_environment(c, d);
    if (!err && listen)
        err = conf_set(c, STR("listen"), str_c(listen), "--listen", d);
    return err ? err : cmd_log_level(c, d);
}

int cmd_people(const struct conf *c, struct auth *a, struct diag *d)
{
    enum auth_second_rule rule;
    const char *oidc = conf_text(c, CONF_OIDC);
    if (auth_second_rule_parse(str_c(conf_text(c, CONF_SECOND_FACTOR)), &rule)) {
        diag_err(d, "second_factor", "conf.value", "off, deciders or all");
        return AM_E_INVALID;
    }
    auth_second_rule(a, rule);
    return *oidc ? auth_oidc_load(a, oidc, d) : AM_OK;
}

/* Is the head noted before still in the chain? */
static int cmd_audit_head(struct auth *a, const char *head)
{
    struct str hash, seq = str_cut(str_c(head), ':', &hash);
    struct auth_audit_filter f = {.limit = 1};
    struct json_doc *doc = NULL;
    int64_t n;
    struct buf b;
    struct jw w;
    if (str_int(seq, 1, INT64_MAX - 1, &n) || hash.n != CRYPTO_HEX - 1)
        return AM_E_USAGE;
    f.before = n + 1;
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    int err = auth_audit_list(a, &f, &w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = json_parse(&doc, buf_str(&b), NULL, NULL);
    const struct json *row = json_at(json_root(doc), 0);
    if (!err && (json_int(json_get(row, "seq"), 0) != n ||
                 !str_eq(json_get_str(row, "hash"), hash)))
        err = AM_E_TAMPERED;
    json_free(doc);
    buf_release(&b);
    return err;
}

int cmd_audit(struct auth *a, const char *head, bool json)
{
    struct auth_audit_head now;
    struct buf b;
    int err = auth_audit_verify(a, &now);
    if (!err && head)
        err = cmd_audit_head(a, head);
    if (err == AM_E_USAGE)
        return cmd_fail("read the head", head, err, NULL);
    if (err && err != AM_E_TAMPERED)
        return cmd_fail("read the audit of", "auth.db", err, NULL);
    buf_init(&b, 1024);
    int bad = err;
    if (json)
        err = buf_addf(
            &b, "{\"ok\":%s,\"rows\":%lld,\"head\":\"%lld:%s\",\"first_bad\":%lld}\n",
            bad ? "false" : "true", (long long)now.seq, (long long)now.seq, now.hash,
            (long long)now.bad);
    else if (now.bad)
        err = buf_addf(&b, "broken at row %lld\n", (long long)now.bad);
    else if (bad)
        err = buf_adds(&b, "the noted head is not in this chain\n");
    else
        err = buf_addf(&b, "ok %lld rows\nhead %lld:%s\n", (long long)now.seq,
                       (long long)now.seq, now.hash);
    if (!err)
        err = cmd_out(buf_str(&b));
    buf_release(&b);
    return err ? 3 : bad ? 1 : 0;
}

/* One JSON line on stdout: whoever started us reads where we are. */
static int cmd_ready(const struct conf *c, const struct http_server *s)
{
    struct str host = str_c(conf_text(c, CONF_LISTEN));
    struct buf b;
    struct jw w;
    int err;
    while (host.n && host.p[host.n - 1] != ':')
        host.n--;
    buf_init(&b, 1024);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "ready", true);
    jw_key(&w, "url");
    jw_strf(&w, "%s://%.*s%u", *conf_text(c, CONF_TLS_CERT) ? "https" : "http",
            STR_FMT(host), http_server_port(s));
    jw_kint(&w, "pid", getpid());
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

int cmd_listen(const struct conf *c, http_handler *handler, void *cookie,
               struct http_server **out)
{
    const char *cert = conf_text(c, CONF_TLS_CERT), *key = conf_text(c, CONF_TLS_KEY);
    const unsigned sockets = (unsigned)conf_int(c, CONF_WEBSOCKETS);
    struct http_config hc = {
        .listen = conf_text(c, CONF_LISTEN),
        .tls_cert = *cert ? cert : NULL,
        .tls_key = *key ? key : NULL,
        .behind_proxy = conf_bool(c, CONF_BEHIND_PROXY),
        .jobs = (unsigned)conf_int(c, CONF_JOBS),
        .body_max = (size_t)conf_int(c, CONF_BODY_MAX),
        .sockets = {.most = sockets, .most_each = AM_MAX(sockets / 8, 8u)},
        .handler = handler,
        .on_error = api_on_error, /* it needs no api */
        .cookie = cookie};
    int err = http_server_start(out, &hc);
    if (err == AM_E_REFUSED)
        fputs("amane: listening beyond loopback needs tls_cert and tls_key, or "
              "behind_proxy\n",
              stderr);
    return err ? cmd_fail("listen on", hc.listen, err, NULL) : 0;
}

int cmd_serve_on(const struct conf *c, struct http_server *server)
{
    sigset_t wait = cmd_signals();
    int sig = 0, err = cmd_ready(c, server);
    if (!err)
        sigwait(&wait, &sig);
    LOG_I("server.stopping", log_i("signal", sig));
    http_server_stop(server, CMD_DRAIN_MS);
    return err ? 3 : 0;
}

int cmd_serve(const struct conf *c, struct api *api)
{
    struct http_server *server = NULL;
    int code = cmd_listen(c, api_handle, api, &server);
    if (code)
        return code;
    api_set_server(api, server);
    return cmd_serve_on(c, server);
}
