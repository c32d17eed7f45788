/* SPDX-License-Identifier: Apache-2.0 */
/* People and organisations: the registry's desk for everyone, on a node its director and
 * dsi for their house. What they may touch is asked of the matrix for each object. */
#include "base/clock.h"
#include "web/web_site_priv.h"

/* ---- the page
 * ----------------------------------------------------------------------- */
void web_people_roles(struct web_visit *v)
{
    jw_key(&v->w, "roles");
    jw_arr(&v->w);
    for (int r = LEDGER_VENDOR; r < LEDGER_ROLES; r++)
        if (auth_people_bounds(v->site->node != NULL, &v->who, (enum ledger_role)r,
                               v->who.establishment, NULL) == AM_OK)
            jw_strz(&v->w, ledger_role_name((enum ledger_role)r));
    jw_arr_end(&v->w);
}

/* The three forms: what the one just refused held is shown again, but its password. */
static void choices(struct web_visit *v, const char *key, const char *const *code,
                    size_t n, struct str now)
{
    jw_key(&v->w, key);
    jw_arr(&v->w);
    for (size_t i = 0; i < n; i++) {
        jw_obj(&v->w);
        jw_kstrz(&v->w, "code", code[i]);
        jw_kbool(&v->w, "selected", str_eqc(now, code[i]));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}

static void put_form(struct web_visit *v, const char *name, const char *path,
                     const char *house)
{
    static const char *const text[] = {"name",   "name_ar", "org_id",   "establishment",
                                       "person", "login",   "function", "services",
                                       "region", "fr",      "ar",       "en"};
    bool mine = str_eqc(v->req->path, path) && v->d.n > 0;
    jw_key(&v->w, name);
    jw_obj(&v->w);
    jw_kbool(&v->w, "open", mine);
    for (size_t i = 0; i < AM_LEN(text); i++) {
        struct str first = !strcmp(text[i], "org_id") && strcmp(name, "new_organisation")
                               ? str_c(v->who.org_id)
                           : !strcmp(text[i], "establishment") ? str_c(house)
                                                               : STR("");
        jw_kstr(&v->w, text[i], mine ? web_kept(v, text[i], first) : first);
    }
    jw_obj_end(&v->w);
}

static void put_forms(struct web_visit *v, const char *house)
{
    static const char *const kind[] = {
        "establishment", "gst",      "vendor",    "laboratory",
        "authority",     "ministry", "standards", "data_protection",
        "escrow",        "audit",    "research"};
    static const char *const lang[] = {"fr", "ar", "en"};
    put_form(v, "new_person", "/people/person", house);
    put_form(v, "new_account", "/people/account", house);
    put_form(v, "new_organisation", "/people/organisation", house);
    enum ledger_role role;
    if (ledger_role_parse(web_kept(v, "role", STR("")), &role) == AM_OK)
        jw_kstrz(&v->w, "role_kept", ledger_role_name(role));
    choices(v, "kinds", kind, AM_LEN(kind), web_kept(v, "kind", STR("")));
    choices(v, "languages", lang, AM_LEN(lang), web_kept(v, "lang", STR("")));
}

static int people_page(struct web_visit *v, int status)
{
    const char *house = auth_reach(&v->who, AUTH_O_ACCOUNT, AUTH_V_READ);
    struct jw *w = &v->w;
    web_open(v);
    if (v->d.n)
        web_problems(w, "problems", v->l, &v->d);
    jw_kbool(w, "has_problems", v->d.n > 0);
    jw_kint(w, "errors_n", (int64_t)v->d.n);
    jw_kbool(w, "registry", v->site->registry != NULL);
    jw_kstrz(w, "house", house ? house : "");
    jw_kstrz(w, "org_id", v->who.org_id);
    web_people_roles(v);
    put_forms(v, house ? house : "");
    jw_key(w, "persons");
    int err = auth_persons(v->site->auth, house, w);
    jw_key(w, "accounts");
    if (!err)
        err = auth_accounts(v->site->auth, house, w);
    jw_key(w, "asks");
    if (!err)
        err = auth_asks(v->site->auth, house, 0, v->now, w);
    jw_key(w, "organisations");
    if (!err)
        err = auth_organisations(v->site->auth, w);
    return err ? err
               : web_send(v, status, "people",
                          (struct web_page){.title_id = "people.title",
                                            .url = STR("/people")});
}

int web_page_people(struct web_visit *v)
{
    return people_page(v, 200);
}

/* A form in error is shown again with what is wrong. */
static int finish(struct web_visit *v, int err)
{
    if (err == AM_E_INVALID || err == AM_E_EXISTS)
        return people_page(v, 422);
    return err ? err : web_redirect(v, "/people");
}

/* ---- forms as JSON, so that one reader checks both doors
 * ----------------------------- */
void web_json_field(struct web_visit *v, struct jw *w, const char *key)
{
    struct str s = http_form(v->req, key);
    if (s.n && str_utf8(s))
        jw_kstr(w, key, s);
}

void web_json_words(struct web_visit *v, struct jw *w, const char *key)
{
    struct str s = http_form(v->req, key);
    jw_key(w, key);
    jw_arr(w);
    while (s.n) {
        struct str one = str_cut(s, ' ', &s);
        if (one.n && str_utf8(one))
            jw_str(w, one);
    }
    jw_arr_end(w);
}

int web_json_form(struct jw *w, struct buf *b, struct json_doc **out)
{
    jw_obj_end(w);
    int err = jw_done(w);
    return err ? err : json_parse(out, buf_str(b), NULL, NULL);
}

int web_page_people_person(struct web_visit *v)
{
    struct auth_person p;
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    int64_t id;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&b, 8192);
    jw_init(&w, &b);
    jw_obj(&w);
    web_json_field(v, &w, "name");
    web_json_field(v, &w, "name_ar");
    web_json_field(v, &w, "org_id");
    web_json_field(v, &w, "establishment");
    err = web_json_form(&w, &b, &doc);
    if (!err)
        err = auth_person_from_json(json_root(doc), &p, &v->d);
    if (!err && !auth_can(&v->who, AUTH_O_ACCOUNT, AUTH_V_CREATE,
                          &(struct auth_place){.establishment = p.establishment}))
        err = AM_E_FORBIDDEN;
    if (!err)
        err = auth_person_create(v->site->auth, &v->who, &p, v->now, &id);
    json_free(doc);
    buf_release(&b);
    return finish(v, err);
}

/* The person behind a new account must be one this administrator may see. */
static int person_seen(struct web_visit *v, int64_t id)
{
    struct auth_person p;
    int err = id ? auth_person_get(v->site->auth, id, &p) : AM_OK;
    if (!err && id &&
        (p.erased_at ||
         !auth_can(&v->who, AUTH_O_ACCOUNT, AUTH_V_READ,
                   &(struct auth_place){.establishment = p.establishment})))
        err = AM_E_NOTFOUND;
    return err;
}

int web_page_people_account(struct web_visit *v)
{
    static const char *const text[] = {"login",  "password",      "role", "function",
                                       "org_id", "establishment", "lang"};
    struct auth_account spec;
    struct json_doc *doc = NULL;
    struct str password = STR_NULL;
    struct buf b;
    struct jw w;
    int64_t id, person = 0;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&b, 16384);
    jw_init(&w, &b);
    jw_obj(&w);
    for (size_t i = 0; i < AM_LEN(text); i++)
        web_json_field(v, &w, text[i]);
    web_json_words(v, &w, "services");
    if (str_int(http_form(v->req, "person"), 1, INT64_MAX, &person) == AM_OK)
        jw_kint(&w, "person", person);
    err = web_json_form(&w, &b, &doc);
    if (!err)
        err = auth_account_from_json(json_root(doc), &spec, &password, &v->d);
    if (!err)
        err = auth_people_bounds(v->site->node != NULL, &v->who, spec.role,
                                 spec.establishment, &v->d);
    if (!err)
        err = person_seen(v, spec.person);
    if (!err)
        err = auth_account_open(v->site->auth, &v->who, &spec, password, v->now, &id,
                                &v->d);
    json_free(doc);
    buf_wipe(&b);
    return finish(v, err);
}

int web_page_people_organisation(struct web_visit *v)
{
    static const char *const name[] = {"fr", "ar", "en"};
    struct json_doc *doc = NULL;
    struct buf b;
    struct jw w;
    int err = web_check_csrf(v);
    if (err)
        return err;
    buf_init(&b, 8192);
    jw_init(&w, &b);
    jw_obj(&w);
    web_json_field(v, &w, "org_id");
    web_json_field(v, &w, "kind");
    web_json_field(v, &w, "region");
    jw_key(&w, "name");
    jw_obj(&w);
    for (size_t i = 0; i < AM_LEN(name); i++)
        web_json_field(v, &w, name[i]);
    jw_obj_end(&w);
    err = web_json_form(&w, &b, &doc);
    if (!err)
        err =
            auth_organisation_put(v->site->auth, &v->who, json_root(doc), v->now, &v->d);
    json_free(doc);
    buf_release(&b);
    return finish(v, err);
}

/* ---- endings
 * ------------------------------------------------------------------------ */
int web_page_people_erase(struct web_visit *v)
{
    int64_t id = 0;
    int err = web_check_csrf(v);
    if (!err)
        err = str_int(http_form(v->req, "id"), 1, INT64_MAX, &id);
    if (!err)
        err = person_seen(v, id);
    if (!err)
        err = auth_person_erase(v->site->auth, &v->who, id, v->now);
    return err ? err : web_redirect(v, "/people");
}

int web_page_people_close(struct web_visit *v)
{
    struct auth_account other;
    int64_t id = 0;
    int err = web_check_csrf(v);
    if (!err)
        err = str_int(http_form(v->req, "id"), 1, INT64_MAX, &id);
    if (!err)
        err = auth_account_get(v->site->auth, id, &other);
    if (!err && !auth_can(&v->who, AUTH_O_ACCOUNT, AUTH_V_CREATE,
                          &(struct auth_place){.establishment = other.establishment}))
        err = AM_E_NOTFOUND; /* of another house: not there */
    if (!err)
        err = auth_account_close(v->site->auth, &v->who, id, v->now);
    return err ? err : web_redirect(v, "/people");
}
