/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: the node's accounts, by session or token; and the reason of who breaks the
 * glass. */
#include "door/door_priv.h"

void door_caller_init(struct door_caller *c, struct door *d)
{
    *c = (struct door_caller){.door = d};
    map_init(&c->patient);
    map_init(&c->wrote_at);
    buf_init(&c->parts, DOOR_TRAIL_RECORD);
    door_scopes_init(&c->scopes, eds_row_key(d->eds));
}

void door_caller_release(struct door_caller *c)
{
    map_release(&c->patient);
    map_release(&c->wrote_at);
    free(c->wrote);
    buf_release(&c->parts);
    free(c->looked);
    door_scopes_release(&c->scopes);
}

static int who_service(struct door_caller *c, struct str bearer)
{
    int err = auth_client_check(c->door->auth, bearer, time_now(), &c->client);
    if (!err)
        err = door_scopes_read(&c->scopes, str_c(c->client.scope));
    c->service = !err;
    c->login = bearer;
    return err;
}

/* A cookie is sent by the browser without being asked: good for reading only. */
static int who_account(struct door_caller *c, const struct http_req *q, struct str bearer)
{
    int64_t now = time_now();
    int err;
    c->login = bearer.n ? bearer : http_cookie(q, "amane_session");
    if (bearer.n) {
        err = auth_token_check(c->door->auth, bearer, now, &c->who);
        if (err != AM_E_UNAUTHORIZED)
            return err;
    } else if (q->method != HTTP_GET && q->method != HTTP_HEAD)
        return AM_E_UNAUTHORIZED;
    c->by_session = true;
    return auth_session(c->door->auth, c->login, now, &c->who);
}

bool door_at_home(const struct door_caller *c)
{
    const char *house = c->door->establishment;
    return c->service || !house[0] || auth_of_house(&c->who, house);
}

int door_identify(struct door_caller *c, const struct http_req *q)
{
    struct str said = http_header(q, "Authorization"), bearer = STR_NULL;
    int err;
    snprintf(c->peer, sizeof c->peer, "%.*s", STR_FMT(q->peer));
    if (str_starts(said, STR("Bearer ")))
        bearer = str_trim(str_sub(said, 7, said.n));
    else if (said.n)
        return AM_E_UNAUTHORIZED;
    if (auth_client_tokenish(bearer))
        return who_service(c, bearer);
    err = who_account(c, q, bearer);
    return !err && !door_at_home(c) ? AM_E_FORBIDDEN : err;
}

/* ---- breaking the glass ---- */
/* Percent-encoded where it is not ASCII: headers carry no other letters. */
static int glass_text(struct str s, char out[DOOR_REASON + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (n == DOOR_REASON)
            return AM_E_SYNTAX;
        if (c == '%') {
            bool two = i + 2 < s.n;
            int hi = two ? str_hex_digit(s.p[i + 1]) : -1;
            int lo = two ? str_hex_digit(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return AM_E_SYNTAX;
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        out[n++] = c;
    }
    out[n] = 0;
    return door_reason_ok((struct str){out, n}) ? AM_OK : AM_E_SYNTAX;
}

int door_glass(struct door_caller *c, const struct http_req *q)
{
    struct str said = http_header(q, "X-Break-Glass");
    int err;
    if (!said.p)
        return AM_OK;
    if (c->service || !door_cares(c->who.role))
        return AM_E_FORBIDDEN;
    err = glass_text(str_trim(said), c->reason);
    if (err)
        c->reason[0] = 0;
    return err;
}
