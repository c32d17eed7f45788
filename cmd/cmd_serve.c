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
    err = jw_done(&w);
    if (!err)
        err = buf_addc(&b, '\n');
    if (!err)
        err = cmd_out(buf_str(&b));
    buf_release(&b);
    return err;
}

int cmd_serve(const struct conf *c, struct api *api)
{
    const char *cert = conf_text(c, CONF_TLS_CERT), *key = conf_text(c, CONF_TLS_KEY);
    struct http_config hc = {.listen = conf_text(c, CONF_LISTEN),
                             .tls_cert = *cert ? cert : NULL,
                             .tls_key = *key ? key : NULL,
                             .behind_proxy = conf_bool(c, CONF_BEHIND_PROXY),
                             .jobs = (unsigned)conf_int(c, CONF_JOBS),
                             .body_max = (size_t)conf_int(c, CONF_BODY_MAX),
                             .handler = api_handle,
                             .on_error = api_on_error,
                             .cookie = api};
    struct http_server *server = NULL;
    sigset_t wait = cmd_signals();
    int sig = 0, err = http_server_start(&server, &hc);
    if (err == AM_E_REFUSED)
        fputs("amane: listening beyond loopback needs tls_cert and tls_key, or "
              "behind_proxy\n",
              stderr);
    if (err)
        return cmd_fail("listen on", hc.listen, err, NULL);
    api_set_server(api, server);
    err = cmd_ready(c, server);
    if (!err)
        sigwait(&wait, &sig);
    LOG_I("server.stopping", log_i("signal", sig));
    http_server_stop(server, CMD_DRAIN_MS);
    return err ? 3 : 0;
}
