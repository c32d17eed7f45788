/* SPDX-License-Identifier: Apache-2.0 */
/* An account after it was opened: edited by who administers it, a code for a forgotten
 * password, a token for its programs, a lost second factor; one's own password and
 * telephone. */
#include "web/web_site_priv.h"

/* ---- somebody's account ------------------------------------------------------------ */
static int administered(struct web_visit *v, struct auth_account *other)
{
    int64_t id;
    int err = str_int(v->arg, 1, INT64_MAX, &id) ? AM_E_NOTFOUND : AM_OK;
    if (!err)
        err = auth_account_get(v->site->auth, id, other);
    if (!err &&
        (!other->active || auth_people_bounds(v->site->node != NULL, &v->who, other->role,
                                              other->establishment, NULL)))
        err = AM_E_NOTFOUND; /* closed, or of another house: not there */
    return err;
}

static void choices(struct web_visit *v, const struct auth_account *x)
{
    static const char *const lang[] = {"fr", "ar", "en"};
    jw_key(&v->w, "choices");
    jw_arr(&v->w);
    for (int r = LEDGER_VENDOR; r < LEDGER_ROLES; r++) {
        if (auth_people_bounds(v->site->node != NULL, &v->who, (enum ledger_role)r,
                               x->establishment, NULL))
            continue;
        jw_obj(&v->w);
        jw_kstrz(&v->w, "role", ledger_role_name((enum ledger_role)r));
        jw_kbool(&v->w, "selected", r == (int)x->role);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    jw_key(&v->w, "langs");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(lang); i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "lang", lang[i]);
        jw_kbool(&v->w, "selected", !strcmp(x->lang, lang[i]));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

/* What a gesture came to: words, or what is shown this once. */
struct outcome {
    const char *message, *code, *token;
};

static int account_form(struct web_visit *v, int status, const struct auth_account *x,
                        const struct outcome *o)
{
    struct auth_second_state second;
    char url[64];
    int err = auth_second_get(v->site->auth, x, &second);
    if (err)
        return err;
    web_open(v);
    if (o->message)
        jw_kstrz(&v->w, "message", o->message);
    if (o->code)
        jw_kstrz(&v->w, "code", o->code);
    if (o->token)
        jw_kstrz(&v->w, "token", o->token);
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    jw_kint(&v->w, "id", x->id);
    jw_kstrz(&v->w, "login", x->login);
    jw_kstrz(&v->w, "function", x->function);
    jw_kstrz(&v->w, "org_id", x->org_id);
    jw_kstrz(&v->w, "establishment", x->establishment);
    jw_kstrz(&v->w, "services", x->services);
    jw_kstrz(&v->w, "competences", x->competences);
    jw_kbool(&v->w, "second", second.in_force);
    jw_kbool(&v->w, "self", x->id == v->who.id);
    jw_kbool(&v->w, "guarded", auth_guarded(x));
    choices(v, x);
    web_rights(v, x, "rights");
    jw_key(&v->w, "asks");
    err = auth_asks(v->site->auth, NULL, x->id, v->now, &v->w);
    if (!err)
        err = web_account_trainings(v, x);
    if (err)
        return err;
    snprintf(url, sizeof url, "/people/accounts/%lld", (long long)x->id);
    return web_send(v, status, "person_account",
                    (struct web_page){.title_id = "accounts.edit", .url = str_c(url)});
}

int web_page_person_account(struct web_visit *v)
{
    struct auth_account other;
    int err = administered(v, &other);
    return err ? err : account_form(v, 200, &other, &(struct outcome){0});
}

/* TRAINING=2027-01-31 ..., as accounts keep them. */
static void competences(struct web_visit *v, struct jw *w)
{
    struct str s = http_form(v->req, "competences"), until;
    jw_key(w, "competences");
    jw_arr(w);
    while (s.n) {
        struct str one = str_cut(s, ' ', &s);
        if (!one.n || !str_utf8(one))
            continue;
        jw_obj(w);
        jw_kstr(w, "training", str_cut(one, '=', &until));
        jw_kstr(w, "until", web_text_or(until));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int save(struct web_visit *v, struct auth_account *other)
{
    static const char *const text[] = {"role", "function", "org_id", "establishment",
                                       "lang"};
    struct auth_account spec = {0};
    struct json_doc *doc = NULL;
    struct str password;
    struct buf b;
    struct jw w;
    buf_init(&b, 16384);
    jw_init(&w, &b);
    jw_obj(&w);
    for (size_t i = 0; i < AM_LEN(text); i++)
        web_json_field(v, &w, text[i]);
    web_json_words(v, &w, "services");
    competences(v, &w);
    int err = web_json_form(&w, &b, &doc);
    if (!err)
        err = auth_account_from_json(json_root(doc), &spec, &password, &v->d);
    if (!err)
        err = auth_people_bounds(v->site->node != NULL, &v->who, spec.role,
                                 spec.establishment, &v->d);
    if (!err)
        err = auth_account_edit(v->site->auth, &v->who, other->id, &spec, v->now, &v->d);
    json_free(doc);
    buf_release(&b);
    if (err == AM_E_INVALID)
        return account_form(v, 422, other, &(struct outcome){0});
    if (!err && other->id == v->who.id)
        return web_redirect(v, "/login?why=out"); /* this session ended too */
    if (!err)
        err = auth_account_get(v->site->auth, other->id, other);
    if (err)
        return err;
    return account_form(v, 200, other, &(struct outcome){.message = "accounts.saved"});
}

/* ---- two administrators ------------------------------------------------------------ */
/* What stands in the way is said on the page. */
static int paired(struct web_visit *v, const struct auth_account *x, int err,
                  const struct outcome *o)
{
    if (err && v->d.n)
        return account_form(v, am_err_http(err), x, &(struct outcome){0});
    return err ? err : account_form(v, 200, x, o);
}

static struct auth_pair pair_of(const struct web_visit *v)
{
    return (struct auth_pair){
        .by = &v->who, .node = v->site->node != NULL, .now = v->now};
}

static int ask_or_answer(struct web_visit *v, const struct auth_account *x,
                         struct str act)
{
    const struct outcome waits = {.message = "pair.asked"},
                         withdrawn = {.message = "pair.withdrawn"};
    const struct auth_pair p = pair_of(v);
    struct auth_asked asked = {0};
    struct outcome o = {0};
    char code[AUTH_TOKEN] = "";
    int64_t id = 0;
    int err;
    if (str_eqc(act, "reset") || str_eqc(act, "second")) {
        err = auth_ask_begin(v->site->auth, &p, x->id,
                             str_eqc(act, "second") ? AUTH_ASK_SECOND : AUTH_ASK_PASSWORD,
                             &asked, &v->d);
        return paired(v, x, err, &waits);
    }
    err = str_int(http_form(v->req, "ask"), 1, INT64_MAX, &id) ? AM_E_NOTFOUND : AM_OK;
    if (!err && str_eqc(act, "withdraw")) {
        err = auth_ask_withdraw(v->site->auth, &p, id);
        return paired(v, x, err, &withdrawn);
    }
    if (!err)
        err = auth_ask_confirm(v->site->auth, &p, id, &asked, code, &v->d);
    if (asked.kind == AUTH_ASK_SECOND)
        o.message = "accounts.second_dropped";
    else if (asked.kind == AUTH_ASK_TOKEN)
        o.token = code;
    else
        o.code = code;
    err = paired(v, x, err, &o);
    crypto_wipe(code, sizeof code);
    return err;
}

/* A token of the account's: made, or asked for where its role signs. */
static int token_for(struct web_visit *v, const struct auth_account *x)
{
    const struct outcome waits = {.message = "pair.asked"};
    const struct auth_pair p = pair_of(v);
    struct auth_token_spec spec;
    struct auth_asked asked;
    char token[AUTH_TOKEN] = "";
    int err = web_token_form(v, x, &spec);
    if (!err && auth_guarded(x)) {
        err = auth_ask_token(v->site->auth, &p, &spec, &asked, &v->d);
        return paired(v, x, err, &waits);
    }
    if (!err)
        err = auth_token_make(v->site->auth, &v->who, &spec, v->now, token);
    err = paired(v, x, err, &(struct outcome){.token = token});
    crypto_wipe(token, sizeof token);
    return err;
}

int web_page_notices_read(struct web_visit *v)
{
    int err = web_check_csrf(v);
    if (!err)
        err = auth_notices_seen(v->site->auth, &v->who, v->now);
    return err ? err : web_redirect(v, "/account");
}

int web_page_person_account_post(struct web_visit *v)
{
    struct auth_account other;
    char code[AUTH_TOKEN];
    struct str act = http_form(v->req, "act");
    int err = web_check_csrf(v);
    if (!err)
        err = administered(v, &other);
    if (err)
        return err;
    if (str_eqc(act, "save"))
        return save(v, &other);
    if (str_eqc(act, "token") && other.id != v->who.id)
        return token_for(v, &other);
    if (str_eqc(act, "confirm") || str_eqc(act, "withdraw") ||
        (auth_guarded(&other) && (str_eqc(act, "reset") || str_eqc(act, "second"))))
        return ask_or_answer(v, &other, act);
    if (str_eqc(act, "second")) {
        err = auth_second_drop(v->site->auth, &v->who, other.id, v->now);
        return paired(v, &other, err,
                      &(struct outcome){.message = "accounts.second_dropped"});
    }
    if (!str_eqc(act, "reset"))
        return AM_E_SYNTAX;
    err = auth_reset_issue(v->site->auth, &v->who, other.id, v->now, code);
    if (!err)
        err = account_form(v, 200, &other, &(struct outcome){.code = code});
    crypto_wipe(code, sizeof code);
    return err;
}

/* ---- one's own --------------------------------------------------------------------- */
int web_page_account_password(struct web_visit *v)
{
    const struct auth_renewal k = {.old = http_form(v->req, "old"),
                                   .fresh = http_form(v->req, "password"),
                                   .session = v->session,
                                   .peer = v->req->peer};
    int err = web_check_csrf(v);
    if (err)
        return err;
    err = auth_password_change(v->site->auth, &v->who, &k, v->now, &v->d);
    if (err == AM_E_UNAUTHORIZED)
        diag_err(&v->d, "/old", "accounts.password_wrong", "not the password of now");
    if (err == AM_E_TOOMANY)
        diag_err(&v->d, "/old", "accounts.tries", "too many tries");
    if (v->d.n)
        return web_account_page(v, err == AM_E_INVALID ? 422 : am_err_http(err), NULL);
    return err ? err : web_redirect(v, "/account?done=password");
}

int web_page_second_replace(struct web_visit *v)
{
    int err = web_check_csrf(v);
    if (!err)
        err = auth_second_replace(v->site->auth, &v->who, http_form(v->req, "code"),
                                  v->now);
    if (err == AM_E_UNAUTHORIZED || err == AM_E_TOOMANY) {
        diag_err(&v->d, "/code", "people.code_wrong", "the code is not good");
        return web_account_page(v, am_err_http(err), NULL);
    }
    if (err)
        return err;
    web_session_cookie(v, "", 0);
    return web_redirect(v, "/login?why=out");
}

/* ---- with a code, before any session ------------------------------------------------
 */
static int reset_form(struct web_visit *v, int status, const char *message,
                      struct str code)
{
    web_open(v);
    if (message)
        jw_kstrz(&v->w, "message", message);
    web_problems(&v->w, "problems", v->l, &v->d);
    jw_kbool(&v->w, "has_problems", v->d.n > 0);
    jw_kint(&v->w, "errors_n", (int64_t)v->d.n);
    jw_kstr(&v->w, "code", code.n < 100 && str_utf8(code) ? web_text_or(code) : STR(""));
    return web_send(
        v, status, "reset",
        (struct web_page){.title_id = "accounts.reset_title", .url = STR("/reset")});
}

int web_page_reset(struct web_visit *v)
{
    return reset_form(v, 200, NULL, STR_NULL);
}

/* No token of a session: there is none; a form of another site is refused before. */
int web_page_reset_post(struct web_visit *v)
{
    struct str code = str_trim(http_form(v->req, "code"));
    int err = auth_reset_use(v->site->auth, code, http_form(v->req, "password"),
                             v->req->peer, v->now, &v->d);
    if (err == AM_E_INVALID)
        return reset_form(v, 422, NULL, code);
    if (err == AM_E_UNAUTHORIZED || err == AM_E_TOOMANY)
        return reset_form(v, am_err_http(err),
                          err == AM_E_TOOMANY ? "accounts.tries" : "accounts.code_wrong",
                          code);
    return err ? err : web_redirect(v, "/login?why=reset");
}
