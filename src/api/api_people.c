/* SPDX-License-Identifier: Apache-2.0 */
/* Routes about people: one's own sessions and tokens, accounts and persons one may
 * administer, the audit. What lies elsewhere is not there (404). */
#include "api/api_priv.h"

int api_list(struct api_call *c, int err)
{
    jw_obj_end(&c->w);
    if (!err)
        return api_done(c, 200);
    buf_clear(&c->resp->body);
    return err;
}

void api_items(struct api_call *c)
{
    jw_obj(&c->w);
    jw_key(&c->w, "items");
}

int api_id(struct api_call *c, int64_t *id)
{
    return str_int(c->param[0], 1, INT64_MAX, id) ? AM_E_NOTFOUND : AM_OK;
}

/* A token for some rights is no way to the account itself. */
int api_whole(struct api_call *c)
{
    return c->who.scoped ? api_refuse(c, "account") : AM_OK;
}

/* ---- one's own --------------------------------------------------------------------- */
int api_h_sessions(struct api_call *c)
{
    int err = api_whole(c);
    if (err)
        return err;
    api_items(c);
    return api_list(c,
                    auth_sessions(c->api->auth, c->who.id, c->token, time_now(), &c->w));
}

int api_h_session_end(struct api_call *c)
{
    int err = api_whole(c);
    c->resp->status = 204;
    if (!err)
        err = str_eqc(c->param[0], "all")
                  ? auth_session_end_all(c->api->auth, &c->who, STR_NULL, time_now())
                  : auth_session_end(c->api->auth, &c->who, c->param[0], time_now());
    return err;
}

int api_h_tokens(struct api_call *c)
{
    int err = api_whole(c);
    if (err)
        return err;
    api_items(c);
    return api_list(c, auth_tokens(c->api->auth, c->who.id, time_now(), &c->w));
}

int api_h_token_revoke(struct api_call *c)
{
    int err = api_whole(c);
    c->resp->status = 204;
    return err ? err : auth_token_revoke(c->api->auth, &c->who, c->param[0], time_now());
}

/* ---- accounts ---------------------------------------------------------------------- */
int api_h_accounts(struct api_call *c)
{
    api_items(c);
    return api_list(c, auth_accounts(c->api->auth,
                                     auth_reach(&c->who, AUTH_O_ACCOUNT, AUTH_V_READ),
                                     &c->w));
}

int api_h_account_close(struct api_call *c)
{
    struct auth_account other;
    int64_t id;
    int err = api_id(c, &id);
    if (!err)
        err = auth_account_get(c->api->auth, id, &other);
    if (!err && !auth_can(&c->who, AUTH_O_ACCOUNT, AUTH_V_CREATE,
                          &(struct auth_place){.establishment = other.establishment}))
        err = AM_E_NOTFOUND;
    if (!err)
        err = auth_account_close(c->api->auth, &c->who, id, time_now());
    c->resp->status = 204;
    return err;
}

/* An account this person may administer; of another house, or of a role it may not open
 * accounts for: not there. */
static int api_administered(struct api_call *c, struct auth_account *other)
{
    int64_t id;
    int err = api_id(c, &id);
    if (!err)
        err = api_whole(c);
    if (!err)
        err = auth_account_get(c->api->auth, id, other);
    if (!err && auth_people_bounds(c->api->n != NULL, &c->who, other->role,
                                   other->establishment, NULL))
        err = AM_E_NOTFOUND;
    return err;
}

int api_h_account_edit(struct api_call *c)
{
    const struct json *v = NULL;
    struct auth_account other, spec;
    struct str password = STR_NULL;
    int err = api_administered(c, &other);
    if (!err)
        err = api_body(c, &v);
    if (!err)
        err = api_only(c, v,
                       "role function org_id establishment services competences lang");
    if (!err)
        err = auth_account_from_json(v, &spec, &password, &c->d);
    if (!err)
        err = auth_people_bounds(c->api->n != NULL, &c->who, spec.role,
                                 spec.establishment, &c->d);
    if (!err)
        err =
            auth_account_edit(c->api->auth, &c->who, other.id, &spec, time_now(), &c->d);
    c->resp->status = 204;
    return err;
}

int api_reset_code(struct api_call *c, const char *code)
{
    jw_obj(&c->w);
    jw_kstrz(&c->w, "code", code);
    jw_kstrz(&c->w, "page", "/reset");
    jw_obj_end(&c->w);
    return api_done(c, 201);
}

int api_h_account_reset(struct api_call *c)
{
    struct auth_account other;
    char code[AUTH_TOKEN];
    int err = api_administered(c, &other);
    if (!err && auth_guarded(&other))
        return api_pair_ask(c, other.id, AUTH_ASK_PASSWORD);
    if (!err)
        err = auth_reset_issue(c->api->auth, &c->who, other.id, time_now(), code);
    if (err)
        return err;
    err = api_reset_code(c, code);
    crypto_wipe(code, sizeof code);
    return err;
}

int api_h_account_second(struct api_call *c)
{
    struct auth_account other;
    int err = api_administered(c, &other);
    if (!err && auth_guarded(&other))
        return api_pair_ask(c, other.id, AUTH_ASK_SECOND);
    if (!err)
        err = auth_second_drop(c->api->auth, &c->who, other.id, time_now());
    c->resp->status = 204;
    return err;
}

/* ---- passwords --------------------------------------------------------------------- */
int api_h_password_change(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_whole(c);
    if (!err)
        err = api_body(c, &v);
    if (!err)
        err = api_only(c, v, "old password");
    if (!err)
        err = auth_password_change(
            c->api->auth, &c->who,
            &(struct auth_renewal){.old = json_get_str(v, "old"),
                                   .fresh = json_get_str(v, "password"),
                                   .session = c->token,
                                   .peer = c->req->peer},
            time_now(), &c->d);
    c->resp->status = 204;
    return err;
}

int api_h_password_reset(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = api_only(c, v, "code password");
    if (!err)
        err =
            auth_reset_use(c->api->auth, json_get_str(v, "code"),
                           json_get_str(v, "password"), c->req->peer, time_now(), &c->d);
    c->resp->status = 204;
    return err;
}

/* ---- persons ----------------------------------------------------------------------- */
int api_h_persons(struct api_call *c)
{
    api_items(c);
    return api_list(c, auth_persons(c->api->auth,
                                    auth_reach(&c->who, AUTH_O_ACCOUNT, AUTH_V_READ),
                                    &c->w));
}

int api_h_person_create(struct api_call *c)
{
    const struct json *v = NULL;
    struct auth_person p;
    int64_t id;
    int err = api_body(c, &v);
    if (!err)
        err = auth_person_from_json(v, &p, &c->d);
    if (!err && !auth_can(&c->who, AUTH_O_ACCOUNT, AUTH_V_CREATE,
                          &(struct auth_place){.establishment = p.establishment}))
        err = api_refuse(c, "account_create");
    if (!err)
        err = auth_person_create(c->api->auth, &c->who, &p, time_now(), &id);
    if (err)
        return err;
    jw_obj(&c->w);
    jw_kint(&c->w, "id", id);
    jw_obj_end(&c->w);
    return api_done(c, 201);
}

int api_h_person_erase(struct api_call *c)
{
    struct auth_person p;
    int64_t id;
    int err = api_id(c, &id);
    if (!err)
        err = auth_person_get(c->api->auth, id, &p);
    if (!err && !auth_can(&c->who, AUTH_O_ACCOUNT, AUTH_V_CREATE,
                          &(struct auth_place){.establishment = p.establishment}))
        err = AM_E_NOTFOUND;
    if (!err)
        err = auth_person_erase(c->api->auth, &c->who, id, time_now());
    c->resp->status = 204;
    return err;
}

/* ---- organisations ----------------------------------------------------------------- */
int api_h_organisations(struct api_call *c)
{
    api_items(c);
    return api_list(c, auth_organisations(c->api->auth, &c->w));
}

int api_h_organisation_put(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = auth_organisation_put(c->api->auth, &c->who, v, time_now(), &c->d);
    c->resp->status = 204;
    return err;
}

/* ---- audit ------------------------------------------------------------------------- */
int api_h_audit(struct api_call *c)
{
    struct str before = http_query(c->req, "before"), limit = http_query(c->req, "limit");
    struct auth_audit_filter f = {.establishment =
                                      auth_reach(&c->who, AUTH_O_AUDIT, AUTH_V_READ),
                                  .event = http_query(c->req, "event"),
                                  .actor = http_query(c->req, "actor")};
    int64_t n = 50;
    if ((before.n && str_int(before, 1, INT64_MAX, &f.before)) ||
        (limit.n && str_int(limit, 1, 1000, &n))) {
        diag_err(&c->d, "", "query.number", "before and limit (1 to 1000) are numbers");
        return AM_E_SYNTAX;
    }
    f.limit = (unsigned)n;
    api_items(c);
    return api_list(c, auth_audit_list(c->api->auth, &f, &c->w));
}
