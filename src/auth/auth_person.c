/* SPDX-License-Identifier: Apache-2.0 */
/* Who stands behind accounts and keys. This is the only place where a name meets a
 * pseudonym or a key_id; erasing a person cuts the ties here and touches nothing logged
 * (lifecycle.md, I8). */
#include "auth/auth_priv.h"
#include "base/clock.h"

struct auth_people {
    const struct auth_account *by;
    const struct auth_person *p;
    const struct json *org;
    const char *establishment;
    struct str key_id;
    int64_t id, now;
    struct auth_person *out;
    struct jw *w;
    bool found;
};

/* A line a person may write: bounded, no controls. */
static bool auth_line(struct str s, size_t max, bool must)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return s.n < max && (s.n || !must);
}

static int auth_want_line(const struct json *v, const char *pointer, const char *key,
                          size_t max, bool must, struct str *out, struct diag *d)
{
    const struct json *x = json_get(v, key);
    *out = json_str(x);
    if ((!x || out->p) && auth_line(*out, max, must))
        return AM_OK;
    diag_err(d, pointer, "account.text", "text of at most %zu bytes", max - 1);
    return AM_E_INVALID;
}

static int auth_only_members(const struct json *v, const char *known, struct diag *d)
{
    int err = json_type(v) == JSON_OBJECT ? AM_OK : AM_E_INVALID;
    if (err)
        diag_err(d, "", "account.object", "an object is expected");
    for (json_each(it, v)) {
        struct str rest = str_c(known);
        bool ok = false;
        while (rest.n)
            ok = str_eq(str_cut(rest, ' ', &rest), it.key) || ok;
        if (!ok) {
            diag_err(d, "", "account.unknown_member", "an unknown member");
            err = AM_E_INVALID;
        }
    }
    return err;
}

/* ---- organisations ----------------------------------------------------------------- */
static const char *const auth_org_kinds[] = {
    "ministry",   "authority", "standards", "data_protection", "gst",     "establishment",
    "laboratory", "vendor",    "escrow",    "audit",           "research"};

static int auth_check_org(const struct json *v, struct diag *d)
{
    const struct json *name = json_get(v, "name");
    struct str s, kind = json_get_str(v, "kind");
    bool known = false;
    int err = auth_only_members(v, "org_id kind region name", d);
    if (auth_want_line(v, "/org_id", "org_id", LEDGER_ID_MAX, true, &s, d))
        err = AM_E_INVALID;
    if (auth_want_line(v, "/region", "region", LEDGER_ID_MAX, false, &s, d))
        err = AM_E_INVALID;
    if (auth_want_line(name, "/name/fr", "fr", 200, true, &s, d) ||
        auth_want_line(name, "/name/ar", "ar", 200, false, &s, d) ||
        auth_want_line(name, "/name/en", "en", 200, false, &s, d))
        err = AM_E_INVALID;
    for (size_t i = 0; i < AM_LEN(auth_org_kinds); i++)
        known = known || str_eqc(kind, auth_org_kinds[i]);
    if (!known) {
        diag_err(d, "/kind", "account.org_kind", "no such kind of organisation");
        err = AM_E_INVALID;
    }
    return err;
}

static struct str auth_text_or(struct str s)
{
    return s.p ? s : STR("");
}

static int auth_put_org(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    const struct json *name = json_get(k->org, "name");
    struct str id = json_get_str(k->org, "org_id");
    char object[96];
    int err = db_exec(c, "DELETE FROM organisation WHERE org_id=$1", "s", id);
    if (!err)
        err = db_exec(c,
                      "INSERT INTO organisation(org_id,kind,region,name_fr,name_ar,"
                      "name_en) VALUES($1,$2,$3,$4,$5,$6)",
                      "ssssss", id, json_get_str(k->org, "kind"),
                      auth_text_or(json_get_str(k->org, "region")),
                      json_get_str(name, "fr"), auth_text_or(json_get_str(name, "ar")),
                      auth_text_or(json_get_str(name, "en")));
    snprintf(object, sizeof object, "organisation:%.*s", STR_FMT(id));
    return err ? err
               : auth_audit_in(c, AUTH_E_ORGANISATION_CHANGED, k->by, object, k->now);
}

int auth_organisation_put(struct auth *a, const struct auth_account *by,
                          const struct json *v, int64_t now, struct diag *d)
{
    struct auth_people k = {.by = by, .org = v, .now = now};
    int err = auth_check_org(v, d);
    return err ? err : db_write(a->db, auth_put_org, &k);
}

static int auth_list_orgs(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT org_id,kind,region,name_fr,name_ar,name_en,(SELECT"
                         " count(*) FROM account WHERE account.org_id=organisation.org_id"
                         " AND active=1) FROM organisation ORDER BY org_id",
                         &s);
    while (!err && !(err = db_step(s, &row)) && row) {
        jw_obj(k->w);
        jw_kstr(k->w, "org_id", db_str(s, 0));
        jw_kstr(k->w, "kind", db_str(s, 1));
        jw_kstr(k->w, "region", db_str(s, 2));
        jw_key(k->w, "name");
        jw_obj(k->w);
        jw_kstr(k->w, "fr", db_str(s, 3));
        if (db_str(s, 4).n)
            jw_kstr(k->w, "ar", db_str(s, 4));
        if (db_str(s, 5).n)
            jw_kstr(k->w, "en", db_str(s, 5));
        jw_obj_end(k->w);
        jw_kint(k->w, "accounts", db_int(s, 6));
        jw_obj_end(k->w);
    }
    return err;
}

int auth_organisations(struct auth *a, struct jw *w)
{
    struct auth_people k = {.w = w};
    jw_arr(w);
    int err = db_read(a->db, auth_list_orgs, &k);
    jw_arr_end(w);
    return err;
}

/* ---- persons ----------------------------------------------------------------------- */
int auth_person_from_json(const struct json *v, struct auth_person *out, struct diag *d)
{
    struct str name, name_ar, org, house;
    int err = auth_only_members(v, "name name_ar org_id establishment", d);
    *out = (struct auth_person){0};
    if (auth_want_line(v, "/name", "name", sizeof out->name, true, &name, d))
        err = AM_E_INVALID;
    if (auth_want_line(v, "/name_ar", "name_ar", sizeof out->name_ar, false, &name_ar, d))
        err = AM_E_INVALID;
    if (auth_want_line(v, "/org_id", "org_id", LEDGER_ID_MAX, true, &org, d))
        err = AM_E_INVALID;
    if (auth_want_line(v, "/establishment", "establishment", LEDGER_ID_MAX, false, &house,
                       d))
        err = AM_E_INVALID;
    if (err)
        return err;
    AUTH_COPY(out->name, name);
    AUTH_COPY(out->name_ar, name_ar);
    AUTH_COPY(out->org_id, org);
    AUTH_COPY(out->establishment, house);
    return AM_OK;
}

static int auth_insert_person(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    char object[48];
    int err = db_exec(c,
                      "INSERT INTO person(name,name_ar,org_id,establishment,erased_at)"
                      " VALUES($1,$2,$3,$4,0)",
                      "ssss", str_c(k->p->name), str_c(k->p->name_ar),
                      str_c(k->p->org_id), str_c(k->p->establishment));
    k->id = err ? 0 : db_last_id(c);
    snprintf(object, sizeof object, "person:%lld", (long long)k->id);
    return err ? err : auth_audit_in(c, AUTH_E_PERSON_CREATED, k->by, object, k->now);
}

int auth_person_create(struct auth *a, const struct auth_account *by,
                       const struct auth_person *p, int64_t now, int64_t *id)
{
    struct auth_people k = {.by = by, .p = p, .now = now};
    int err = db_write(a->db, auth_insert_person, &k);
    if (!err)
        *id = k.id;
    return err;
}

static int auth_find_person(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    struct db_stmt *s;
    bool row;
    int err = db_prepare(
        c, "SELECT name,name_ar,org_id,establishment,erased_at FROM person WHERE id=$1",
        &s);
    if (err)
        return err;
    db_bind_int(s, 1, k->id);
    err = db_step(s, &row);
    if (err || !row)
        return err ? err : AM_E_NOTFOUND;
    *k->out = (struct auth_person){.id = k->id, .erased_at = db_int(s, 4)};
    AUTH_COPY(k->out->name, db_str(s, 0));
    AUTH_COPY(k->out->name_ar, db_str(s, 1));
    AUTH_COPY(k->out->org_id, db_str(s, 2));
    AUTH_COPY(k->out->establishment, db_str(s, 3));
    return AM_OK;
}

int auth_person_get(struct auth *a, int64_t id, struct auth_person *out)
{
    struct auth_person found;
    struct auth_people k = {.id = id, .out = &found};
    int err = db_read(a->db, auth_find_person, &k);
    if (!err)
        *out = found;
    return err;
}

static int auth_list_persons(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT id,name,name_ar,org_id,establishment,erased_at,(SELECT"
                         " count(*) FROM account WHERE account.person=person.id AND"
                         " active=1) FROM person WHERE $1='' OR establishment=$1 ORDER BY"
                         " id",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, k->establishment ? str_c(k->establishment) : STR(""));
    while (!(err = db_step(s, &row)) && row) {
        jw_obj(k->w);
        jw_kint(k->w, "id", db_int(s, 0));
        jw_kstr(k->w, "name", db_str(s, 1));
        jw_kstr(k->w, "name_ar", db_str(s, 2));
        jw_kstr(k->w, "org_id", db_str(s, 3));
        jw_kstr(k->w, "establishment", db_str(s, 4));
        jw_kint(k->w, "erased_at", db_int(s, 5));
        jw_kbool(k->w, "erased", db_int(s, 5) > 0);
        jw_kint(k->w, "accounts", db_int(s, 6));
        jw_obj_end(k->w);
    }
    return err;
}

int auth_persons(struct auth *a, const char *establishment, struct jw *w)
{
    struct auth_people k = {.establishment = establishment, .w = w};
    if (establishment && !establishment[0])
        return AM_E_FORBIDDEN;
    jw_arr(w);
    int err = db_read(a->db, auth_list_persons, &k);
    jw_arr_end(w);
    return err;
}

/* What leads from an account to somebody, or lets somebody in. */
static int auth_erase(struct db_conn *c, void *arg)
{
    static const char *const gone[] = {
        "DELETE FROM session WHERE account IN (SELECT id FROM account WHERE person=$1)",
        "DELETE FROM token WHERE account IN (SELECT id FROM account WHERE person=$1)",
        "DELETE FROM second_factor WHERE account IN"
        " (SELECT id FROM account WHERE person=$1)",
        "DELETE FROM recovery WHERE account IN (SELECT id FROM account WHERE person=$1)",
        "DELETE FROM identity WHERE account IN (SELECT id FROM account WHERE person=$1)",
        "DELETE FROM key_tie WHERE account IN (SELECT id FROM account WHERE person=$1)",
        "DELETE FROM attempt WHERE who IN"
        " (SELECT 'l:' || login FROM account WHERE person=$1)",
        "UPDATE account SET active=0,login='erased-' || pseudonym,password='',person=0,"
        "services='',competences='' WHERE person=$1"};
    struct auth_people *k = arg;
    char object[48];
    int err = db_exec(
        c,
        "UPDATE person SET name='',name_ar='',erased_at=$1 WHERE id=$2 AND erased_at=0",
        "ii", k->now, k->id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    for (size_t i = 0; i < AM_LEN(gone) && !err; i++)
        err = db_exec(c, gone[i], "i", k->id);
    snprintf(object, sizeof object, "person:%lld", (long long)k->id);
    return err ? err : auth_audit_in(c, AUTH_E_PERSON_ERASED, k->by, object, k->now);
}

int auth_person_erase(struct auth *a, const struct auth_account *by, int64_t id,
                      int64_t now)
{
    struct auth_people k = {.by = by, .id = id, .now = now};
    return db_write(a->db, auth_erase, &k);
}

/* ---- accounts ---------------------------------------------------------------------- */
static int auth_list_accounts(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT id,login,role,function,org_id,establishment,active,"
                         "person,(SELECT count(*) FROM second_factor WHERE"
                         " second_factor.account=account.id AND confirmed_at>0) FROM"
                         " account WHERE $1='' OR establishment=$1 ORDER BY id",
                         &s);
    if (err)
        return err;
    db_bind_str(s, 1, k->establishment ? str_c(k->establishment) : STR(""));
    while (!(err = db_step(s, &row)) && row) {
        jw_obj(k->w);
        jw_kint(k->w, "id", db_int(s, 0));
        jw_kstr(k->w, "login", db_str(s, 1));
        jw_kstr(k->w, "role", db_str(s, 2));
        jw_kstr(k->w, "function", db_str(s, 3));
        jw_kstr(k->w, "org_id", db_str(s, 4));
        jw_kstr(k->w, "establishment", db_str(s, 5));
        jw_kbool(k->w, "active", db_int(s, 6) != 0);
        if (db_int(s, 7)) /* absent: nobody told */
            jw_kint(k->w, "person", db_int(s, 7));
        jw_kbool(k->w, "second", db_int(s, 8) != 0);
        jw_obj_end(k->w);
    }
    return err;
}

int auth_accounts(struct auth *a, const char *establishment, struct jw *w)
{
    struct auth_people k = {.establishment = establishment, .w = w};
    if (establishment && !establishment[0])
        return AM_E_FORBIDDEN;
    jw_arr(w);
    int err = db_read(a->db, auth_list_accounts, &k);
    jw_arr_end(w);
    return err;
}

/* ---- keys -------------------------------------------------------------------------- */
static int auth_tie(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    int err = db_exec(c, "INSERT INTO key_tie(key_id,account,at) VALUES($1,$2,$3)", "sii",
                      k->key_id, k->by->id, k->now);
    return err ? err : auth_audit_in(c, AUTH_E_ACCOUNT_CHANGED, k->by, "key", k->now);
}

int auth_key_tie(struct auth *a, const struct auth_account *who, struct str key_id,
                 int64_t now)
{
    struct auth_people k = {.by = who, .key_id = key_id, .now = now};
    if (key_id.n != CRYPTO_HEX - 1)
        return AM_E_INVALID;
    return db_write(a->db, auth_tie, &k);
}

static int auth_untie(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    int err = db_exec(c, "DELETE FROM key_tie WHERE key_id=$1 AND account=$2", "si",
                      k->key_id, k->by->id);
    if (!err && db_changes(c) == 0)
        err = AM_E_NOTFOUND;
    return err ? err : auth_audit_in(c, AUTH_E_ACCOUNT_CHANGED, k->by, "key", k->now);
}

int auth_key_untie(struct auth *a, const struct auth_account *who, struct str key_id,
                   int64_t now)
{
    struct auth_people k = {.by = who, .key_id = key_id, .now = now};
    return db_write(a->db, auth_untie, &k);
}

static int auth_is_tied(struct db_conn *c, void *arg)
{
    struct auth_people *k = arg;
    struct db_stmt *s;
    int err = db_prepare(c, "SELECT 1 FROM key_tie WHERE key_id=$1 AND account=$2", &s);
    if (err)
        return err;
    db_bind_str(s, 1, k->key_id);
    db_bind_int(s, 2, k->id);
    return db_step(s, &k->found);
}

int auth_key_mine(struct auth *a, int64_t account, struct str key_id, bool *mine)
{
    struct auth_people k = {.id = account, .key_id = key_id};
    int err = db_read(a->db, auth_is_tied, &k);
    *mine = k.found;
    return err;
}
