/* SPDX-License-Identifier: Apache-2.0 */
/* amane node access, amane node client: the record of who had access to the warehouse,
 * and the services that may enter it. */
#include "cmd_node_door.h"

#include <limits.h>

#include "base/clock.h"
#include "door/door.h"
#include "json/json.h"

/* ---- the record ---- */
static int access_head(const char *head, struct door_trail_read *r)
{
    struct str hash, seq = str_cut(str_c(head), ':', &hash);
    int64_t n;
    if (str_int(seq, 1, INT64_MAX - 1, &n) || hash.n != CRYPTO_HEX - 1 ||
        crypto_unhex(hash, r->head, sizeof r->head))
        return AM_E_USAGE;
    r->head_seq = (uint64_t)n;
    return AM_OK;
}

static int access_told(const struct door_trail_read *r, bool bad, bool json)
{
    char hex[CRYPTO_HEX];
    struct buf b;
    struct jw w;
    int err;
    crypto_hex(r->digest, sizeof r->digest, hex);
    buf_init(&b, 1024);
    if (json) {
        jw_init(&w, &b);
        jw_obj(&w);
        jw_kbool(&w, "ok", !bad);
        jw_kint(&w, "records", (int64_t)(r->last ? r->last - r->first + 1 : 0));
        jw_kint(&w, "files", (int64_t)r->files);
        jw_kint(&w, "torn", (int64_t)r->torn);
        jw_key(&w, "head");
        jw_strf(&w, "%llu:%s", (unsigned long long)r->last, hex);
        jw_obj_end(&w);
        err = cmd_out_json(&w, &b);
    } else {
        err = buf_addf(&b,
                       "%s %llu records in %llu files, %llu torn ends kept\n%s %llu:%s\n",
                       bad ? "broken after" : "ok",
                       (unsigned long long)(r->last ? r->last - r->first + 1 : 0),
                       (unsigned long long)r->files, (unsigned long long)r->torn,
                       bad ? "last good" : "head", (unsigned long long)r->last, hex);
        if (!err)
            err = cmd_out(buf_str(&b));
    }
    buf_release(&b);
    return err ? 3 : bad ? 1 : 0;
}

static int access_verify(const struct cmd_door *k)
{
    char path[PATH_MAX];
    struct door_trail_read r = {.dir = path};
    int err = k->head ? access_head(k->head, &r) : AM_OK;
    if (err)
        return cmd_fail("read the head", k->head, err, NULL);
    if (snprintf(path, sizeof path, "%s/access", k->dir) >= (int)sizeof path)
        return cmd_fail("read the record in", k->dir, AM_E_TOOBIG, NULL);
    err = door_trail_each(&r, NULL, NULL);
    if (err && err != AM_E_TAMPERED)
        return cmd_fail("read the record in", path, err, NULL);
    return access_told(&r, err != AM_OK, k->json);
}

/* ---- what it says, as AuditEvents, one a line ---- */
static int access_line(void *arg, struct str event)
{
    struct buf b;
    int err;
    (void)arg;
    buf_init(&b, SIZE_MAX / 2);
    err = buf_add(&b, event);
    if (!err)
        err = buf_addc(&b, '\n');
    if (!err)
        err = cmd_out(buf_str(&b));
    buf_release(&b);
    return err;
}

static int access_list(const struct cmd_door *k)
{
    struct door_events e = {.dir = k->dir,
                            .patient = str_c(k->patient),
                            .agent = str_c(k->who),
                            .date = {str_c(k->date)}};
    int err = door_events(&e, access_line, NULL);
    return err ? cmd_fail("read the record in", k->dir, err, NULL) : 0;
}

/* ---- services ---- */
static int client_put(const struct cmd_door *k, struct auth *a)
{
    struct auth_client spec = {0};
    struct diag d;
    char *text = NULL;
    size_t n = 0;
    int err, code;
    diag_init(&d);
    snprintf(spec.id, sizeof spec.id, "%.*s", (int)AUTH_CLIENT_ID - 1, k->client);
    snprintf(spec.purpose, sizeof spec.purpose, "%s", k->purpose ? k->purpose : "HRESCH");
    err = strlen(k->client) < AUTH_CLIENT_ID && strlen(k->scope) < AUTH_CLIENT_SCOPE &&
                  strlen(spec.purpose) < sizeof spec.purpose
              ? door_scope_check(str_c(k->scope))
              : AM_E_TOOBIG;
    if (err)
        diag_err(&d, "--scope", "auth.client_scope", "%s", k->scope);
    snprintf(spec.scope, sizeof spec.scope, "%s", k->scope);
    if (!err)
        err = am_file_read(k->jwks, AUTH_CLIENT_JWKS, &text, &n);
    if (!err)
        err = auth_client_put(a, &spec, (struct str){text, n}, time_now(), &d);
    code = err ? cmd_fail("register", k->client, err, &d) : 0;
    free(text);
    diag_release(&d);
    return code;
}

static int client_list(struct auth *a)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 16 << 20);
    jw_init(&w, &b);
    err = auth_clients(a, &w);
    if (!err)
        err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err ? cmd_fail("list", "clients", err, NULL) : 0;
}

static int client(const struct cmd_door *k, const char *verb)
{
    struct auth *a = NULL;
    int code, err = auth_open(&a, k->dir);
    if (err)
        return cmd_fail("open the accounts in", k->dir, err, NULL);
    if (strcmp(verb, "put") == 0)
        code = client_put(k, a);
    else if (strcmp(verb, "list") == 0)
        code = client_list(a);
    else {
        err = auth_client_close(a, str_c(k->client), time_now());
        code = err ? cmd_fail("close", k->client, err, NULL) : 0;
    }
    auth_close(a);
    return code;
}

bool cmd_is_door(int argc, char **argv, const struct cmd_door *k)
{
    if (argc != 3 || !k->dir)
        return false;
    if (!strcmp(argv[1], "access"))
        return !strcmp(argv[2], "verify") || !strcmp(argv[2], "list");
    if (strcmp(argv[1], "client") != 0)
        return false;
    return !strcmp(argv[2], "list") || (!strcmp(argv[2], "close") && k->client) ||
           (!strcmp(argv[2], "put") && k->client && k->jwks && k->scope);
}

int cmd_node_door(char **argv, const struct cmd_door *k)
{
    if (!strcmp(argv[1], "client"))
        return client(k, argv[2]);
    return !strcmp(argv[2], "verify") ? access_verify(k) : access_list(k);
}
