/* SPDX-License-Identifier: Apache-2.0 */
/* Callers without a request: who asked for an export, as long as his login holds; who
 * made a Subscription, as long as he is registered; and a service that enters by another
 * way than HTTP (HL7 v2).
 *
 * The name that an export keeps: "account ID token|session HASH", "service ID client
 * HASH": who, and by which login. What he may is not in it: it is looked up. That of a
 * Subscription: "service ID standing SCOPES", with what his token gave him then: what is
 * registered now bounds it, and it bounds what is registered now. */
#include <stdlib.h>

#include "door/door_priv.h"

static const char *keep_kind(const struct door_caller *c)
{
    return c->service ? "client" : c->by_session ? "session" : "token";
}

static int keep_who(const struct door_caller *c, struct buf *out)
{
    return c->service ? buf_addf(out, "service %s ", c->client.id)
                      : buf_addf(out, "account %lld ", (long long)c->who.id);
}

int door_keep(void *arg, void *who, struct buf *name)
{
    const struct door_caller *c = who;
    char hash[CRYPTO_HEX];
    int err;
    (void)arg;
    if (!c || !c->login.n)
        return AM_E_FORBIDDEN; /* no login of its own that could end */
    auth_login_name(c->login, hash);
    err = keep_who(c, name);
    return err ? err : buf_addf(name, "%s %s", keep_kind(c), hash);
}

bool door_his(void *arg, struct str name, void *who)
{
    const struct door_caller *c = who;
    struct buf own;
    bool yes;
    (void)arg;
    if (!c || c->anybody)
        return false;
    buf_init(&own, 128);
    yes = !keep_who(c, &own) && str_starts(name, buf_str(&own));
    buf_release(&own);
    return yes;
}

/* Services alone: no role is granted Subscriptions (door_tbl.h). */
int door_stand(void *arg, void *who, struct buf *name)
{
    const struct door_caller *c = who;
    int err;
    (void)arg;
    if (!c || !c->service)
        return AM_E_FORBIDDEN;
    err = keep_who(c, name);
    return err ? err : buf_addf(name, "standing %s", c->client.scope);
}

bool door_told(void *arg, void *who, struct str type)
{
    const unsigned need = DOOR_R | DOOR_S;
    enum door_reach reach;
    (void)arg;
    return who && (door_may_verbs(who, type, &reach) & need) == need;
}

/* ---- again ---- */
/* Those of `had` that the client's registration still covers. */
static int keep_scopes(struct door_caller *c, struct str had)
{
    struct door_scopes now;
    struct str left = had;
    struct buf kept;
    int err;
    buf_init(&kept, REST_STAND);
    door_scopes_init(&now, eds_row_key(c->door->eds));
    err = door_scopes_read(&now, str_c(c->client.scope));
    while (!err && left.n) {
        struct str one = str_cut(left, ' ', &left);
        struct door_scopes want;
        door_scopes_init(&want, eds_row_key(c->door->eds));
        err = door_scopes_read(&want, one);
        if (!err && door_scope_covers(&now, &want.v[0]))
            err = buf_addf(&kept, "%.*s ", STR_FMT(one));
        door_scopes_release(&want);
    }
    door_scopes_release(&now);
    if (!err)
        err = kept.n ? door_scopes_read(&c->scopes, buf_str(&kept)) : AM_E_UNAUTHORIZED;
    buf_release(&kept);
    return err;
}

static int keep_standing(struct door_caller *c, struct str id, struct str scopes)
{
    int err = auth_client_get(c->door->auth, id, &c->client);
    if (!err)
        err = keep_scopes(c, scopes);
    c->service = !err;
    return err == AM_E_NOTFOUND || err == AM_E_SYNTAX ? AM_E_UNAUTHORIZED : err;
}

static int keep_login(struct door_caller *c, struct str kind, struct str hash)
{
    struct auth *a = c->door->auth;
    int64_t now = time_now();
    if (str_eqc(kind, "client")) {
        int err = auth_client_named(a, hash, now, &c->client);
        if (!err)
            err = door_scopes_read(&c->scopes, str_c(c->client.scope));
        c->service = !err;
        return err;
    }
    return str_eqc(kind, "session") ? auth_session_named(a, hash, now, &c->who)
                                    : auth_token_named(a, hash, now, &c->who);
}

int door_again(void *arg, struct str name, void **who)
{
    struct door_caller *c = am_calloc(1, sizeof *c);
    struct str what, id, kind, hash;
    bool standing;
    int err;
    if (!c)
        return AM_E_NOMEM;
    what = str_cut(name, ' ', &hash);
    id = str_cut(hash, ' ', &hash);
    kind = str_cut(hash, ' ', &hash);
    door_caller_init(c, arg);
    standing = str_eqc(what, "service") && str_eqc(kind, "standing");
    err = !hash.n || !id.n || !what.n ? AM_E_UNAUTHORIZED
          : standing                  ? keep_standing(c, id, hash)
                                      : keep_login(c, kind, hash);
    if (!err && (!door_his(arg, name, c) || !door_at_home(c)))
        err = AM_E_UNAUTHORIZED; /* of another house by now */
    if (err) {
        door_drop(arg, c);
        return err;
    }
    c->looks = standing ? (unsigned)(DOOR_R | DOOR_S) : door_export_looks(c);
    *who = c;
    return AM_OK;
}

void door_drop(void *arg, void *who)
{
    struct door_caller *c = who;
    (void)arg;
    if (!c)
        return;
    door_caller_release(c);
    free(c);
}

/* ---- by another way ---- */
int door_service(struct door *d, const char *client, const char *peer, void **who)
{
    struct door_caller *c = am_calloc(1, sizeof *c);
    int err;
    if (!c)
        return AM_E_NOMEM;
    door_caller_init(c, d);
    err = auth_client_get(d->auth, str_c(client), &c->client);
    if (!err)
        err = door_scopes_read(&c->scopes, str_c(c->client.scope));
    if (err) {
        door_drop(d, c);
        return err == AM_E_NOTFOUND ? AM_E_UNAUTHORIZED : err;
    }
    c->service = c->files = true;
    snprintf(c->peer, sizeof c->peer, "%s", peer);
    *who = c;
    return AM_OK;
}

void door_service_end(void *who)
{
    door_drop(NULL, who);
}
