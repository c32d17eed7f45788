/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the two administrators: for an account whose role signs, one asks for a new
 * password (a token, a second factor off), another confirms; its person reads of it. */
#include "api/api_priv.h"

static struct auth_pair api_pair_of(const struct api_call *c)
{
    return (struct auth_pair){
        .by = &c->who, .node = c->api->n != NULL, .now = time_now()};
}

static int api_pair_asked(struct api_call *c, const struct auth_asked *asked)
{
    char until[TIME_TEXT];
    jw_obj(&c->w);
    jw_kint(&c->w, "ask", asked->id);
    jw_kstrz(&c->w, "until", time_format(asked->until_at, until));
    jw_obj_end(&c->w);
    return api_done(c, 202);
}

int api_pair_ask(struct api_call *c, int64_t account, enum auth_ask_kind kind)
{
    const struct auth_pair p = api_pair_of(c);
    struct auth_asked asked;
    int err = auth_ask_begin(c->api->auth, &p, account, kind, &asked, &c->d);
    return err ? err : api_pair_asked(c, &asked);
}

int api_pair_token(struct api_call *c, const struct auth_token_spec *spec)
{
    const struct auth_pair p = api_pair_of(c);
    struct auth_asked asked;
    int err = auth_ask_token(c->api->auth, &p, spec, &asked, &c->d);
    return err ? err : api_pair_asked(c, &asked);
}

int api_h_account_asks(struct api_call *c)
{
    int err = api_whole(c);
    if (err)
        return err;
    api_items(c);
    return api_list(c, auth_asks(c->api->auth,
                                 auth_reach(&c->who, AUTH_O_ACCOUNT, AUTH_V_READ), 0,
                                 time_now(), &c->w));
}

int api_h_account_ask_confirm(struct api_call *c)
{
    const struct auth_pair p = api_pair_of(c);
    struct auth_asked asked;
    char code[AUTH_TOKEN];
    int64_t id;
    int err = api_id(c, &id);
    if (!err)
        err = api_whole(c);
    if (!err)
        err = auth_ask_confirm(c->api->auth, &p, id, &asked, code, &c->d);
    if (err)
        return err;
    if (asked.kind == AUTH_ASK_SECOND) {
        c->resp->status = 204;
        return AM_OK;
    }
    err = asked.kind == AUTH_ASK_TOKEN ? api_token_made(c, code, asked.token_until)
                                       : api_reset_code(c, code);
    crypto_wipe(code, sizeof code);
    return err;
}

int api_h_account_ask_withdraw(struct api_call *c)
{
    const struct auth_pair p = api_pair_of(c);
    int64_t id;
    int err = api_id(c, &id);
    if (!err)
        err = api_whole(c);
    c->resp->status = 204;
    return err ? err : auth_ask_withdraw(c->api->auth, &p, id);
}

int api_h_notices(struct api_call *c)
{
    int64_t unread;
    int err = api_whole(c);
    if (err)
        return err;
    api_items(c);
    return api_list(c, auth_notices(c->api->auth, c->who.id, time_now(), &c->w, &unread));
}

int api_h_notices_read(struct api_call *c)
{
    int err = api_whole(c);
    c->resp->status = 204;
    return err ? err : auth_notices_seen(c->api->auth, &c->who, time_now());
}
