/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_node_fhir.h"
#include "cmd_node_mllp.h"

#include <limits.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/volume.h"
#include "cmd_profiles.h"
#include "cmd_terms.h"
#include "cmd_token.h"
#include "crypto/crypto.h"
#include "door/door.h"
#include "rest/rest.h"
#include "ward/ward.h"

#define FHIR_MOUNT "/fhir"

struct face {
    struct api *api; /* NULL: /fhir alone */
    const char *ipp; /* system of hospital numbers */
    const char *dir;
    struct door *door;            /* NULL: /fhir is open to all */
    struct fhir_tx *core, *terms; /* terms: over core; NULL: none */
    struct cmd_profiles by;       /* its terms stand over these */
    struct ward *ward;            /* NULL: no pages, /fhir alone or open to all */
    _Atomic(struct rest *) rest;  /* NULL: not yet */
};

static int face_handle(void *cookie, struct http_req *r, struct http_resp *a)
{
    struct face *f = cookie;
    struct rest *rest = atomic_load(&f->rest);
    if (!rest_mounted(FHIR_MOUNT, r->path))
        return f->api ? api_handle(f->api, r, a) : AM_E_NOTFOUND;
    if (!rest)
        return AM_E_UNAVAILABLE;
    return f->door ? door_http(f->door, rest, FHIR_MOUNT, r, a)
                   : rest_http(rest, FHIR_MOUNT, NULL, r, a);
}

/* ---- the store ---- */
/* A key is made with the store, never for one that is there: it would not open it.
 * *made: now; a store in PostgreSQL tells only when it is opened. */
static int store_key(const char *path, const char *store, uint8_t key[EDS_KEY],
                     bool *made)
{
    char dir[PATH_MAX];
    struct diag d;
    int err;
    diag_init(&d);
    err = cmd_token_key_load(path, key, &d);
    if (d.n)
        cmd_problems(stderr, "", &d);
    diag_release(&d);
    *made = false;
    if (err != AM_E_NOTFOUND || access(store, F_OK) == 0)
        return err;
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    err = am_dir_make(dir, 0700);
    if (!err)
        err = eds_key_new(path);
    *made = !err;
    return err ? err : eds_key_load(path, key);
}

static int store_open(const struct conf *conf, const char *dir, struct eds **out)
{
    char path[PATH_MAX], key[PATH_MAX];
    const char *store = conf_text(conf, CONF_WAREHOUSE);
    struct eds_config c = {
        .path = *store ? store : path, .rows = eds_rows_fhir, .readers = 16};
    bool made;
    int err;
    if (snprintf(path, sizeof path, "%s/eds.db", dir) >= (int)sizeof path ||
        snprintf(key, sizeof key, "%s/keys/eds.key", dir) >= (int)sizeof key)
        return AM_E_TOOBIG;
    err = store_key(key, c.path, c.key, &made);
    if (!err)
        err = eds_open(out, &c);
    if (err == AM_E_UNAUTHORIZED && made)
        (void)unlink(key); /* the store has another, which is not here */
    crypto_wipe(c.key, sizeof c.key);
    return err;
}

/* ---- serving ---- */
static bool loopback(const char *listen)
{
    struct str s = str_c(listen);
    return str_starts(s, STR("127.")) || str_starts(s, STR("[::1]:")) ||
           str_starts(s, STR("localhost:"));
}

/* Scheme and host, perhaps a path; links are made of it, so nothing after it. */
static bool public_url_ok(struct str s)
{
    struct str host = str_starts(s, STR("https://"))  ? str_sub(s, 8, s.n)
                      : str_starts(s, STR("http://")) ? str_sub(s, 7, s.n)
                                                      : STR_NULL;
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] <= ' ' || host.p[i] > '~' || strchr("?#\"<>\\^`{|}@", host.p[i]))
            return false;
    return host.n && host.p[0] != '/' && host.p[host.n - 1] != '/' && s.n < 400;
}

/* The address people reach us at: the port is known once we listen. Behind a proxy it is
 * another, which the operator declares: what a client signs for (aud) is that one. */
static void base_of(const struct conf *c, unsigned port, char out[512])
{
    struct str host = str_c(conf_text(c, CONF_LISTEN));
    if (*conf_text(c, CONF_PUBLIC_URL)) {
        snprintf(out, 512, "%s%s", conf_text(c, CONF_PUBLIC_URL), FHIR_MOUNT);
        return;
    }
    while (host.n && host.p[host.n - 1] != ':')
        host.n--;
    snprintf(out, 512, "%s://%.*s%u%s", *conf_text(c, CONF_TLS_CERT) ? "https" : "http",
             STR_FMT(host), port, FHIR_MOUNT);
}

/* Those of before, "/fhir" at the end of each. false: one is none, or they are long. */
static bool former_of(const struct conf *c, char out[REST_FORMER])
{
    struct str left = str_trim(str_c(conf_text(c, CONF_FORMER_URLS)));
    size_t n = 0;
    out[0] = 0;
    while (left.n) {
        struct str one = str_cut(left, ' ', &left);
        if (one.n && !public_url_ok(one))
            return false;
        if (one.n)
            n += (size_t)snprintf(out + n, REST_FORMER - n, "%s%.*s%s", n ? " " : "",
                                  STR_FMT(one), FHIR_MOUNT);
        if (n >= REST_FORMER)
            return false;
    }
    return true;
}

void cmd_node_addresses(const struct conf *c, char base[512], char former[REST_FORMER])
{
    const char *port = strrchr(conf_text(c, CONF_LISTEN), ':');
    int64_t n = 0;
    if (port && str_int(str_c(port + 1), 1, UINT16_MAX, &n))
        n = 0;
    base_of(c, (unsigned)n, base);
    if (!former_of(c, former))
        former[0] = 0;
}

/* The door wants our address, which we have from the port. */
static int interface(struct face *f, const struct door_config *door,
                     struct rest_config *rc, struct rest **out)
{
    int err = door->auth ? door_new(&f->door, door) : AM_OK;
    if (f->door)
        door_before(f->door, rc);
    if (!err)
        err = rest_new(out, rc);
    if (!err && f->door && f->api)
        err =
            ward_new(&f->ward,
                     &(struct ward_config){.door = f->door, .rest = *out, .ipp = f->ipp});
    if (f->ward)
        web_site_more(api_site(f->api), ward_pages(f->ward));
    return err;
}

static void interface_end(struct face *f, struct rest *rest)
{
    if (f->ward)
        web_site_more(api_site(f->api), NULL);
    ward_free(f->ward);
    rest_free(rest);
    door_free(f->door);
}

static int serve(const struct conf *c, struct face *f, struct door_config *door,
                 struct rest_config *rc)
{
    struct http_server *server = NULL;
    struct cmd_node_ear *ear = NULL;
    struct rest *rest = NULL;
    char base[512], former[REST_FORMER];
    int err, code = cmd_listen(c, face_handle, f, &server);
    if (code)
        return code;
    base_of(c, http_server_port(server), base);
    (void)former_of(c, former); /* looked at before we listened */
    rc->base = door->base = base;
    rc->former = door->former = former;
    rc->terms = f->by.terms ? f->by.terms : f->terms ? f->terms : f->core;
    err = interface(f, door, rc, &rest);
    if (err) {
        http_server_stop(server, 0);
        interface_end(f, rest);
        return cmd_fail("serve", FHIR_MOUNT, err, NULL);
    }
    atomic_store(&f->rest, rest);
    if (f->api)
        api_set_server(f->api, server);
    code = cmd_node_hear(&ear, c, f->dir, rest, rc->eds, f->door);
    if (code)
        http_server_stop(server, 0);
    else
        code = cmd_serve_on(c, server);
    cmd_node_deaf(ear);
    interface_end(f, rest);
    return code;
}

static void subscriptions_of(const struct conf *c, const char *dir,
                             struct rest_sub_config *out)
{
    const char *ca = conf_text(c, CONF_SUBSCRIPTION_CA);
    *out = (struct rest_sub_config){
        .dir = dir,
        .allow = conf_text(c, CONF_SUBSCRIPTION_ALLOW),
        .ca_file = *ca ? ca : NULL,
        .wait_ms = (unsigned)conf_int(c, CONF_SUBSCRIPTION_WAIT_MS),
        .give_up_s = (unsigned)conf_int(c, CONF_SUBSCRIPTION_GIVE_UP_S),
        .most = (unsigned)conf_int(c, CONF_SUBSCRIPTION_MOST),
        .most_each = (unsigned)conf_int(c, CONF_SUBSCRIPTION_MOST_EACH)};
}

static int serve_store(const struct conf *c, struct face *f, struct door_config *door)
{
    struct rest_config rc = {.body_max = (size_t)conf_int(c, CONF_BODY_MAX),
                             .open = !door->auth};
    struct fhir_valid *valid = NULL;
    struct eds *eds = NULL;
    char exports[PATH_MAX], subs[PATH_MAX];
    int code, err;
    if (snprintf(exports, sizeof exports, "%s/export", door->dir) >=
            (int)sizeof exports ||
        snprintf(subs, sizeof subs, "%s/subscription", door->dir) >= (int)sizeof subs)
        return cmd_fail("open the store in", door->dir, AM_E_TOOBIG, NULL);
    rc.export_dir = exports;
    subscriptions_of(c, subs, &rc.sub);
    err = fhir_valid_new(&valid);
    if (!err && f->by.set)
        fhir_valid_use(valid, f->by.set);
    if (!err)
        err = store_open(c, door->dir, &eds);
    rc.valid = valid;
    rc.eds = door->eds = eds;
    code = err ? cmd_fail("open the store in", door->dir, err, NULL)
               : serve(c, f, door, &rc);
    eds_close(eds);
    fhir_valid_free(valid);
    return code;
}

/* The operator's terminologies, before anything is served: a folder that cannot be read
 * whole is an error, not fewer codes. An exit code. */
static int terms_load(const struct conf *c, struct face *f)
{
    struct cmd_terms_told told;
    struct diag d;
    char wrong[4096];
    int err = fhir_tx_core(&f->core), code;
    if (err)
        return cmd_fail("load terminologies", "HL7", err, NULL);
    if (!*conf_text(c, CONF_TERMINOLOGY))
        return 0;
    diag_init(&d);
    err = cmd_terms_load(conf_text(c, CONF_TERMINOLOGY), f->core, &f->terms, &told, wrong,
                         &d);
    code = err ? cmd_fail("load terminologies", wrong, err, &d) : 0;
    diag_release(&d);
    return code;
}

/* The profiles, with their own codes, over the terminologies. An exit code. */
static int profiles_load(const struct conf *c, struct face *f)
{
    const char *dir = conf_text(c, CONF_PROFILES);
    char wrong[4096];
    struct diag d;
    int err, code;
    if (!*dir)
        return 0;
    diag_init(&d);
    err = cmd_profiles_load(&f->by, &dir, 1, f->terms ? f->terms : f->core, false, wrong,
                            &d);
    code = err ? cmd_fail("load profiles", wrong, err, &d) : 0;
    if (!err)
        cmd_problems(stderr, "amane: ", &d);
    diag_release(&d);
    return code;
}

/* Names, dates and numbers of the index are in clear in the store. A node for trials has
 * nobody's. */
static int volume_ok(const struct conf *c, const char *dir, bool open)
{
    const char *want = conf_text(c, CONF_ENCRYPTED_VOLUME);
    bool seen = false;
    int err;
    if (strcmp(want, "off") && strcmp(want, "warn") && strcmp(want, "require")) {
        cmd_complain("node.volume_setting", NULL, want);
        return 2;
    }
    if (open || !strcmp(want, "off"))
        return 0;
    err = am_volume_encrypted(dir, "", &seen);
    if (!err && seen)
        return 0;
    if (strcmp(want, "require")) {
        cmd_complain("node.volume_warn", NULL, dir);
        return 0;
    }
    cmd_complain("node.volume_require", NULL, dir);
    return am_err_exit(AM_E_REFUSED);
}

int cmd_node_serve(const struct conf *c, struct api *api, struct node *n, const char *dir,
                   bool open)
{
    struct face f = {.api = api, .dir = dir, .ipp = conf_text(c, CONF_IPP_SYSTEM)};
    struct door_config door = {.dir = dir};
    char former[REST_FORMER];
    int code;
    if (open && !loopback(conf_text(c, CONF_LISTEN))) {
        cmd_complain("node.open_beyond", NULL, conf_text(c, CONF_LISTEN));
        return 2;
    }
    if (*conf_text(c, CONF_PUBLIC_URL) &&
        !public_url_ok(str_c(conf_text(c, CONF_PUBLIC_URL)))) {
        cmd_complain("node.public_url", NULL, conf_text(c, CONF_PUBLIC_URL));
        return 2;
    }
    if (!former_of(c, former)) {
        cmd_complain("node.former_urls", NULL, conf_text(c, CONF_FORMER_URLS));
        return 2;
    }
    code = volume_ok(c, dir, open);
    if (code)
        return code;
    if (open)
        cmd_complain("node.open", NULL, conf_text(c, CONF_LISTEN));
    else {
        door.auth = node_auth(n);
        door.establishment = node_establishment(n);
    }
    code = terms_load(c, &f);
    if (!code)
        code = profiles_load(c, &f);
    if (!code)
        code = serve_store(c, &f, &door);
    cmd_profiles_release(&f.by);
    fhir_tx_free(f.terms);
    fhir_tx_free(f.core);
    return code;
}
