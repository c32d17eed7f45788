/* SPDX-License-Identifier: Apache-2.0 */
/* "My account": sessions, API tokens, second factor, keys. Each person sees and ends what
 * is theirs; nothing here takes the number of another account. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

static const char home[] = "/account";

/* ---- the page
 * ----------------------------------------------------------------------- */
void web_rights(struct web_visit *v, const struct auth_account *of, const char *key)
{
    jw_key(&v->w, key);
    jw_arr(&v->w);
    for (size_t r = 0; r < AUTH_RIGHTS; r++)
        if (auth_may(of, (enum auth_right)r))
            jw_strz(&v->w, auth_right_name((enum auth_right)r));
    jw_arr_end(&v->w);
}

/* Keys of the directory this role and organisation may sign with. */
static int key_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                     struct jw *w, void *arg)
{
    (void)cosigned;
    (void)arg;
    jw_key(w, "keys");
    jw_arr(w);
    for (size_t i = ledger_list_first(l, LEDGER_KEYS_OF_ORG, str_c(v->who.org_id));
         i != SIZE_MAX; i = ledger_list_next(l, LEDGER_KEYS_OF_ORG, i)) {
        const struct ledger_key *k = ledger_key_at(l, i);
        bool mine = false;
        if (k->role != v->who.role)
            continue;
        int err = auth_key_mine(v->site->auth, v->who.id, str_c(k->key_id), &mine);
        if (err)
            return err;
        jw_obj(w);
        jw_kstrz(w, "key_id", k->key_id);
        jw_kstrz(w, "label", k->label);
        jw_kstrz(w, "function", k->function);
        jw_kbool(w, "valid", !k->revoked);
        jw_kint(w, "granted", (int64_t)k->granted);
        jw_kbool(w, "mine", mine);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    return AM_OK;
}

static int write_keys(struct web_visit *v)
{
    struct json_doc *facts = NULL;
    if (!v->site->registry)
        return AM_OK;
    int err = web_facts(v, key_facts, NULL, &facts);
    if (!err) {
        const struct json *keys = json_get(json_root(facts), "keys");
        jw_kbool(&v->w, "has_directory", true);
        jw_kval(&v->w, "keys", keys);
        jw_kbool(&v->w, "has_keys", json_size(keys) > 0);
        jw_kbool(&v->w, "may_ask", auth_may(&v->who, AUTH_PROPOSE));
    }
    json_free(facts);
    return err;
}

static int write_second(struct web_visit *v)
{
    struct auth_second_state s;
    int err = auth_second_get(v->site->auth, &v->who, &s);
    jw_kbool(&v->w, "second", s.in_force);
    jw_kbool(&v->w, "second_required", s.required);
    jw_kint(&v->w, "recovery_left", s.recovery_left);
    return err;
}

/* token: just made, shown this once. */
int web_account_page(struct web_visit *v, int status, const char *token)
{
    struct jw *w = &v->w;
    struct auth_person person;
    struct auth *a = v->site->auth;
    int64_t unread = 0;
    web_open(v);
    if (str_eqc(http_query(v->req, "done"), "password"))
        jw_kstrz(w, "message", "accounts.password_changed");
    jw_kstrz(w, "login", v->who.login);
    jw_kstrz(w, "role", ledger_role_name(v->who.role));
    jw_kstrz(w, "function", v->who.function);
    jw_kstrz(w, "org_id", v->who.org_id);
    jw_kstrz(w, "establishment", v->who.establishment);
    jw_kstrz(w, "services", v->who.services);
    jw_kstrz(w, "pseudonym", v->who.pseudonym);
    if (v->who.person && auth_person_get(a, v->who.person, &person) == AM_OK)
        jw_kstrz(w, "person", person.name);
    if (token)
        jw_kstrz(w, "token", token);
    if (v->d.n)
        web_problems(w, "problems", v->l, &v->d);
    jw_kbool(w, "has_problems", v->d.n > 0);
    jw_kint(w, "errors_n", (int64_t)v->d.n);
    jw_key(w, "sessions");
    int err = auth_sessions(a, v->who.id, v->session, v->now, w);
    jw_key(w, "tokens");
    if (!err)
        err = auth_tokens(a, v->who.id, v->now, w);
    web_rights(v, &v->who, "rights");
    jw_key(w, "notices");
    if (!err)
        err = auth_notices(a, v->who.id, v->now, w, &unread);
    jw_kbool(w, "unread", unread > 0);
    if (!err)
        err = write_second(v);
    if (!err)
        err = write_keys(v);
    if (!err)
        err = web_account_trainings(v, &v->who);
    return err ? err
               : web_send(v, status, "account",
                          (struct web_page){.title_id = "people.account",
                                            .url = STR("/account")});
}

int web_page_account(struct web_visit *v)
{
    return web_account_page(v, 200, NULL);
}

/* ---- sessions
 * ----------------------------------------------------------------------- */
int web_page_account_sessions(struct web_visit *v)
{
    struct str id = http_form(v->req, "id");
    int err = web_check_csrf(v);
    if (err)
        return err;
    if (str_eqc(id, "others"))
        err = auth_session_end_all(v->site->auth, &v->who, v->session, v->now);
    else if (str_eqc(id, "all"))
        err = auth_session_end_all(v->site->auth, &v->who, STR_NULL, v->now);
    else
        err = auth_session_end(v->site->auth, &v->who, id, v->now);
    if (err)
        return err;
    if (!str_eqc(id, "all"))
        return web_redirect(v, home);
    web_session_cookie(v, "", 0);
    return web_redirect(v, "/login?why=out");
}

/* ---- tokens
 * ------------------------------------------------------------------------- */
/* The nth field of that name in the form. */
static struct str form_nth(const struct web_visit *v, const char *name, size_t n)
{
    struct http_req as_query = *v->req;
    as_query.query = v->req->body;
    return http_query_nth(&as_query, name, n);
}

int web_token_form(struct web_visit *v, const struct auth_account *of,
                   struct auth_token_spec *out)
{
    struct str name = http_form(v->req, "name"), days = http_form(v->req, "days");
    int64_t n = 0;
    *out = (struct auth_token_spec){.account = of->id,
                                    .scoped = !str_eqc(http_form(v->req, "all"), "1")};
    if (!name.n || name.n >= sizeof out->name || !str_utf8(name))
        diag_err(&v->d, "/name", "people.token_name", "1 to 63 bytes");
    else
        memcpy(out->name, name.p, name.n);
    if (str_int(days, 1, 365, &n))
        diag_err(&v->d, "/days", "people.token_days", "1 to 365");
    out->until_at = v->now + n * TIME_DAY;
    for (size_t i = 0; i < AUTH_RIGHTS; i++) {
        struct str one = form_nth(v, "right", i);
        for (size_t r = 0; r < AUTH_RIGHTS; r++)
            if (one.n && str_eqc(one, auth_right_name((enum auth_right)r)) &&
                auth_may(of, (enum auth_right)r))
                out->scope |= UINT64_C(1) << r;
    }
    return diag_result(&v->d);
}

int web_page_account_tokens(struct web_visit *v)
{
    struct auth_token_spec spec;
    char token[AUTH_TOKEN];
    int err = web_check_csrf(v);
    if (err)
        return err;
    err = web_token_form(v, &v->who, &spec);
    if (err == AM_E_INVALID)
        return web_account_page(v, 422, NULL);
    if (!err)
        err = auth_token_make(v->site->auth, &v->who, &spec, v->now, token);
    if (err)
        return err;
    err = web_account_page(v, 200, token);
    crypto_wipe(token, sizeof token);
    return err;
}

int web_page_account_revoke(struct web_visit *v)
{
    int err = web_check_csrf(v);
    if (!err)
        err = auth_token_revoke(v->site->auth, &v->who, http_form(v->req, "id"), v->now);
    return err ? err : web_redirect(v, home);
}

/* ---- keys
 * --------------------------------------------------------------------------- */
/* Only a key of one's role and organisation can be called one's own. */
static int may_tie(struct web_visit *v, struct str key_id)
{
    struct json_doc *facts = NULL;
    bool found = false;
    int err = web_facts(v, key_facts, NULL, &facts);
    for (json_each(it, json_get(json_root(facts), "keys")))
        found = found || str_eq(json_get_str(it.val, "key_id"), key_id);
    json_free(facts);
    return err ? err : found ? AM_OK : AM_E_NOTFOUND;
}

/* PEM or bare base64, as tools print public keys: the letters between the lines. */
static int ask_for(struct web_visit *v, struct str text)
{
    struct buf b;
    bool armour = false;
    buf_init(&b, 4096);
    int err = AM_OK;
    for (size_t i = 0; i < text.n && !err; i++) {
        bool line_start = i == 0 || text.p[i - 1] == '\n';
        if (line_start)
            armour = text.p[i] == '-';
        if (!armour && (unsigned char)text.p[i] > ' ')
            err = buf_addc(&b, text.p[i]);
    }
    if (!err)
        err = web_key_request(v, buf_str(&b));
    if (!err)
        err = auth_audit(v->site->auth, AUTH_E_KEY_REQUESTED, &v->who, "grant", v->now);
    buf_release(&b);
    return err;
}

static int grantor_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                         struct jw *w, void *arg)
{
    (void)v;
    (void)cosigned;
    (void)arg;
    for (size_t i = 0; i < ledger_keys(l); i++)
        if (!ledger_key_at(l, i)->revoked && ledger_key_at(l, i)->role == LEDGER_MSPS) {
            jw_kstrz(w, "grantor", ledger_key_at(l, i)->org_id);
            break;
        }
    return AM_OK;
}

/* A revocation to sign; `since`, an index of the log, when the key is compromised. */
static int revoke(struct web_visit *v, struct str key_id)
{
    struct str reason = http_form(v->req, "reason"), since = http_form(v->req, "since");
    struct json_doc *facts = NULL;
    char at[TIME_TEXT];
    struct buf record;
    struct jw w;
    int64_t index = -1;
    if (since.n && str_int(since, 0, INT64_C(1) << 53, &index))
        return AM_E_INVALID;
    buf_init(&record, 8192);
    int err = web_facts(v, grantor_facts, NULL, &facts);
    jw_init(&w, &record);
    jw_obj(&w);
    jw_kstrz(&w, "type", "key_revoke");
    jw_kstrz(&w, "issued_at", time_format(v->now / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstrz(&w, "role", "msps");
    jw_kstr(&w, "org_id", web_text_or(json_get_str(json_root(facts), "grantor")));
    jw_obj_end(&w);
    jw_kstr(&w, "key_id", key_id);
    if (index >= 0)
        jw_kint(&w, "compromised_since", index);
    jw_kstr(&w, "reason", web_text_or(reason));
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = web_propose(v, LEDGER_EVENT, buf_str(&record));
    if (!err)
        err = auth_audit(v->site->auth, AUTH_E_KEY_REQUESTED, &v->who, "revoke", v->now);
    json_free(facts);
    buf_release(&record);
    return err;
}

static int key_done(struct web_visit *v, int err)
{
    if (err == AM_E_INVALID || err == AM_E_TOOMANY)
        return web_account_page(v, am_err_http(err), NULL);
    return err;
}

int web_page_account_keys(struct web_visit *v)
{
    struct str id = http_form(v->req, "key_id"), what = http_form(v->req, "do");
    int err = web_check_csrf(v);
    if (err)
        return err;
    if (!str_eqc(what, "tie") && !str_eqc(what, "untie") &&
        !auth_may(&v->who, AUTH_PROPOSE))
        return AM_E_FORBIDDEN;
    if (str_eqc(what, "request"))
        return key_done(v, ask_for(v, http_form(v->req, "key")));
    err = may_tie(v, id);
    if (!err && str_eqc(what, "revoke"))
        return key_done(v, revoke(v, id));
    if (!err)
        err = str_eqc(what, "tie") ? auth_key_tie(v->site->auth, &v->who, id, v->now)
                                   : auth_key_untie(v->site->auth, &v->who, id, v->now);
    if (err == AM_E_EXISTS)
        err = AM_OK;
    return err ? err : web_redirect(v, home);
}

/* ---- second factor
 * ------------------------------------------------------------------ */
static int second_page(struct web_visit *v, int status, const char *message)
{
    char base32[33], uri[AUTH_TOTP_URI];
    int err = auth_second_begin(v->site->auth, &v->who, base32, uri);
    if (err == AM_E_EXISTS)
        return web_redirect(v, v->signed_in ? home : "/login");
    if (err)
        return err;
    web_open(v);
    jw_kstrz(&v->w, "secret", base32);
    jw_kstrz(&v->w, "uri", uri);
    jw_kbool(&v->w, "must", v->stage == AUTH_ENROL);
    if (message)
        jw_kstrz(&v->w, "message", message);
    crypto_wipe(base32, sizeof base32);
    crypto_wipe(uri, sizeof uri);
    return web_send(v, status, "second",
                    (struct web_page){.title_id = "people.second_title",
                                      .url = STR("/account/second")});
}

int web_page_second(struct web_visit *v)
{
    return second_page(v, 200, NULL);
}

int web_page_second_post(struct web_visit *v)
{
    char recovery[AUTH_RECOVERY][AUTH_RECOVERY_TEXT];
    int err = web_check_csrf(v);
    if (!err)
        err = auth_second_confirm(v->site->auth, &v->who, http_form(v->req, "code"),
                                  v->now, recovery);
    if (err == AM_E_UNAUTHORIZED)
        return second_page(v, 401, "people.code_wrong");
    /* What may be done changes here: every session starts anew, this one too. */
    if (!err)
        err = auth_session_end_all(v->site->auth, &v->who, STR_NULL, v->now);
    if (err)
        return err;
    web_session_cookie(v, "", 0);
    v->signed_in = v->known = false;
    web_open(v);
    jw_key(&v->w, "recovery");
    jw_arr(&v->w);
    for (size_t i = 0; i < AUTH_RECOVERY; i++)
        jw_strz(&v->w, recovery[i]);
    jw_arr_end(&v->w);
    crypto_wipe(recovery, sizeof recovery);
    return web_send(
        v, 200, "second_done",
        (struct web_page){.title_id = "people.second_title", .url = STR("/login")});
}

int web_page_second_remove(struct web_visit *v)
{
    int err = web_check_csrf(v);
    if (!err)
        err =
            auth_second_remove(v->site->auth, &v->who, http_form(v->req, "code"), v->now);
    if (err == AM_E_UNAUTHORIZED || err == AM_E_TOOMANY || err == AM_E_REFUSED) {
        diag_err(&v->d, "/code",
                 err == AM_E_REFUSED ? "people.second_must" : "people.code_wrong",
                 "the code is not good");
        return web_account_page(v, am_err_http(err), NULL);
    }
    return err ? err : web_redirect(v, home);
}
