/* SPDX-License-Identifier: Apache-2.0 */
/* api_door -- what a registry says while it opens. Folding a long log takes seconds; who
 * watches the server, mirrors its log or holds a connection is answered from the first
 * moment: /healthz, the log's files as they are on disk, and for everything else that it
 * is opening, with a time to come back (503), instead of a refused connection. Once it is
 * open the door is wide: every request goes to the interface.
 *
 * Threads: any; opening is one atomic store. */
#include <limits.h>
#include <stdatomic.h>

#include "api/api_priv.h"

struct api_door {
    _Atomic(struct api *) api; /* NULL: opening */
    char log[PATH_MAX];
};

int api_door_new(struct api_door **out, const char *dir)
{
    struct api_door *d = am_calloc(1, sizeof *d);
    if (!d)
        return AM_E_NOMEM;
    if (snprintf(d->log, sizeof d->log, "%s/log", dir) >= (int)sizeof d->log) {
        free(d);
        return AM_E_TOOBIG;
    }
    *out = d;
    return AM_OK;
}

void api_door_free(struct api_door *d)
{
    free(d);
}

void api_door_open(struct api_door *d, struct api *a)
{
    atomic_store(&d->api, a);
}

/* ---- while it opens ---------------------------------------------------------------- */
static int api_door_ready(struct api_call *c)
{
    jw_obj(&c->w);
    jw_kstrz(&c->w, "reason", "opening");
    jw_kstrz(&c->w, "server", "registry");
    jw_kint(&c->w, "size", 0);
    jw_kbool(&c->w, "ready", false);
    jw_obj_end(&c->w);
    return api_done(c, 503);
}

static int api_door_opening(struct api_call *c)
{
    enum text_lang lang = api_lang(c->req);
    struct str words = text_get(lang, "diag.registry.opening");
    if (str_starts(c->req->path, STR("/api/"))) {
        diag_err(&c->d, "", "registry.opening", "the registry is opening");
        return AM_E_UNAVAILABLE;
    }
    c->resp->status = 503;
    http_setz(c->req, c->resp, "Content-Type", "text/plain; charset=utf-8");
    http_setz(c->req, c->resp, "Content-Language", text_lang_code(lang));
    http_setz(c->req, c->resp, "Retry-After", "2");
    http_setz(c->req, c->resp, "Refresh", "2"); /* whoever reads it in a browser */
    return buf_addf(&c->resp->body, "%.*s\n", STR_FMT(words));
}

static int api_door_answer(struct api_door *d, struct api_call *c)
{
    const struct str log = STR("/log/");
    const struct http_req *r = c->req;
    bool reads = r->method == HTTP_GET || r->method == HTTP_HEAD;
    if (reads && str_eqc(r->path, "/healthz"))
        return api_h_health(c);
    if (reads && str_eqc(r->path, "/readyz"))
        return api_door_ready(c);
    if (reads && str_starts(r->path, log))
        return api_log_file(c, d->log, str_sub(r->path, log.n, r->path.n));
    return api_door_opening(c);
}

int api_door_handle(void *door, struct http_req *r, struct http_resp *a)
{
    struct api_door *d = door;
    struct api *api = atomic_load(&d->api);
    struct api_call c = {.req = r, .resp = a};
    int err;
    if (api)
        return api_handle(api, r, a);
    diag_init(&c.d);
    jw_init(&c.w, &a->body);
    err = api_door_answer(d, &c);
    if (err)
        api_problem(r, a, err, &c.d);
    diag_release(&c.d);
    return AM_OK;
}
