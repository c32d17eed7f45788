/* SPDX-License-Identifier: Apache-2.0 */
/* Two administrators: whose role signs statements (AUTH_SIGNERS), now or ever, gets no
 * new password and no token, and loses no second factor by one administrator's word. A
 * token made for a colleague would confirm what one asked oneself. One asks, another
 * one confirms within a day; both are in the audit, the person reads of it at the next
 * login. Another is another account, of another person, that did not become an
 * administrator within the last week by a colleague's hand: else one would open the
 * other. Local access to the server (auth_reset_issue() by NULL) is the way where there
 * is only one. */
#include "auth/auth_priv.h"
#include "base/clock.h"

bool auth_guarded(const struct auth_account *who)
{
    return who->guarded || (AUTH_SIGNERS >> who->role & 1);
}

static const char *auth_ask_name(enum auth_ask_kind kind)
{
    static const char *const name[] = {"password", "second", "token"};
    return (size_t)kind < AM_LEN(name) ? name[kind] : "password";
}

struct auth_asking {
    const struct auth_pair *p;
    char name[64], rights[AUTH_SCOPE_TEXT];
    const char *hash;
    struct jw *w;
    const char *establishment;
    struct auth_asked asked;
    int64_t account, found;
    struct auth_account who;
    struct diag *d;
};

static bool auth_same_person(const struct auth_account *a, const struct auth_account *b)
{
    return a->id == b->id || (a->person && a->person == b->person);
}

static bool auth_settled(const struct auth_account *a, int64_t now)
{
    return a->since_at == 0 || a->since_at <= now - AUTH_SETTLE;
}

static int auth_pair_said(struct db_conn *c, enum auth_event e,
                          const struct auth_asking *x)
{
    char object[64];
    snprintf(object, sizeof object, "account:%lld %s", (long long)x->asked.account,
             auth_ask_name(x->asked.kind));
    return auth_audit_in(c, e, x->p->by, object, x->p->now);
}

/* The account, still there and still this administrator's business. */
static int auth_pair_target(struct db_conn *c, struct auth_asking *x)
{
    int err = auth_account_row_of(c, x->asked.account, &x->who);
    if (!err && (!x->who.active || auth_people_bounds(x->p->node, x->p->by, x->who.role,
                                                      x->who.establishment, NULL)))
        err = AM_E_NOTFOUND;
    if (!err && auth_same_person(x->p->by, &x->who))
        err = AM_E_FORBIDDEN; /* one's own is changed by knowing it */
    if (!err && !auth_settled(x->p->by, x->p->now)) {
        diag_err(x->d, "", "account.new_administrator",
                 "an administrator of less than a week asks and confirms nothing");
        err = AM_E_FORBIDDEN;
    }
    return err;
}

/* Is there anybody who could confirm? */
static int auth_pair_other(struct db_conn *c, struct auth_asking *x)
{
    struct auth_account other;
    struct db_stmt *s;
    bool row = false, found = false;
    int err = db_prepare(c,
                         "SELECT " AUTH_ACCOUNT_COLUMNS " FROM account WHERE active=1 AND"
                         " role IN ('msps','director','dsi') ORDER BY id",
                         &s);
    while (!err && !found && !(err = db_step(s, &row)) && row) {
        auth_account_row(s, &other);
        found = !auth_same_person(&other, x->p->by) &&
                !auth_same_person(&other, &x->who) && auth_settled(&other, x->p->now) &&
                auth_people_bounds(x->p->node, &other, x->who.role, x->who.establishment,
                                   NULL) == AM_OK;
    }
    if (!err && !found) {
        diag_err(x->d, "", "account.lone_administrator",
                 "nobody else could confirm: open a second administrator, or use `account"
                 " reset` on the server's command line");
        err = AM_E_REFUSED;
    }
    return err;
}

static int auth_pair_pending(struct db_conn *c, struct auth_asking *x)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT id FROM ask WHERE account=$1 AND kind=$2 AND"
                         " confirmed_at=0 AND until_at>$3",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, x->asked.account);
    db_bind_int(s, 2, x->asked.kind);
    db_bind_int(s, 3, x->p->now);
    err = db_step(s, &row);
    if (!err && row) {
        diag_err(x->d, "", "account.asked", "it is asked for already: confirm that one");
        err = AM_E_EXISTS;
    }
    return err;
}

static int auth_ask_put(struct db_conn *c, void *arg)
{
    struct auth_asking *x = arg;
    int err = auth_pair_target(c, x);
    if (!err && x->asked.kind == AUTH_ASK_SECOND) {
        bool there = false;
        err = auth_second_in_force(c, x->asked.account, &there);
        if (!err && !there)
            err = AM_E_NOTFOUND;
    }
    if (!err)
        err = auth_pair_pending(c, x);
    if (!err)
        err = auth_pair_other(c, x);
    if (!err)
        err = db_exec(c, "DELETE FROM ask WHERE told_at>0 AND until_at<$1", "i",
                      x->p->now - AUTH_NOTICE_KEPT);
    if (!err)
        err = db_exec(c,
                      "INSERT INTO ask(account,kind,asked_by,asked_at,until_at,"
                      "confirmed_by,confirmed_at,told_at,token_name,token_rights,"
                      "token_until) VALUES($1,$2,$3,$4,$5,0,0,0,$6,$7,$8)",
                      "iiiiissi", x->asked.account, (int64_t)x->asked.kind, x->p->by->id,
                      x->p->now, x->asked.until_at, str_c(x->name), str_c(x->rights),
                      x->asked.token_until);
    x->asked.id = err ? 0 : db_last_id(c);
    return err ? err : auth_pair_said(c, AUTH_E_RESET_ASKED, x);
}

static int auth_ask_make(struct auth *a, struct auth_asking *x, struct auth_asked *out)
{
    x->asked.until_at = x->p->now + AUTH_ASK_LIFE;
    int err = db_write(a->db, auth_ask_put, x);
    if (!err)
        *out = x->asked;
    return err;
}

int auth_ask_begin(struct auth *a, const struct auth_pair *p, int64_t account,
                   enum auth_ask_kind kind, struct auth_asked *out, struct diag *d)
{
    struct auth_asking x = {.p = p, .d = d, .asked = {.account = account, .kind = kind}};
    am_assert(kind != AUTH_ASK_TOKEN);
    return auth_ask_make(a, &x, out);
}

int auth_ask_token(struct auth *a, const struct auth_pair *p,
                   const struct auth_token_spec *spec, struct auth_asked *out,
                   struct diag *d)
{
    struct auth_asking x = {.p = p,
                            .d = d,
                            .asked = {.account = spec->account,
                                      .kind = AUTH_ASK_TOKEN,
                                      .token_until = spec->until_at
                                                         ? spec->until_at
                                                         : p->now + 365 * TIME_DAY}};
    AUTH_COPY(x.name, str_c(spec->name));
    auth_scope_text(spec, x.rights);
    return auth_ask_make(a, &x, out);
}

/* One that waits. */
static int auth_ask_find(struct db_conn *c, struct auth_asking *x)
{
    struct db_stmt *s;
    bool row;
    int err = db_prepare(c,
                         "SELECT account,kind,asked_by,until_at,token_name,"
                         "token_rights,token_until FROM ask WHERE id=$1 AND"
                         " confirmed_at=0 AND until_at>$2",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, x->asked.id);
    db_bind_int(s, 2, x->p->now);
    err = db_step(s, &row);
    if (err || !row)
        return err ? err : AM_E_NOTFOUND;
    x->asked.account = db_int(s, 0);
    x->asked.kind = (enum auth_ask_kind)db_int(s, 1);
    x->found = db_int(s, 2);
    x->asked.until_at = db_int(s, 3);
    AUTH_COPY(x->name, db_str(s, 4));
    AUTH_COPY(x->rights, db_str(s, 5));
    x->asked.token_until = db_int(s, 6);
    return auth_pair_target(c, x);
}

/* The one who asked is no second one, nor is another account of the same person. */
static int auth_pair_second(struct db_conn *c, struct auth_asking *x)
{
    struct auth_account first;
    int err = auth_account_row_of(c, x->found, &first);
    if (!err && auth_same_person(&first, x->p->by)) {
        diag_err(x->d, "", "account.same_administrator",
                 "whoever asked does not confirm: another administrator does");
        err = AM_E_FORBIDDEN;
    }
    if (!err && !first.active)
        err = AM_E_NOTFOUND;
    return err;
}

/* What was asked for, by the second one's word. */
static int auth_ask_do(struct db_conn *c, const struct auth_asking *x)
{
    const struct auth_token_row token = {.hash = x->hash,
                                         .name = str_c(x->name),
                                         .rights = str_c(x->rights),
                                         .account = x->asked.account,
                                         .until_at = x->asked.token_until};
    if (x->asked.kind == AUTH_ASK_SECOND)
        return auth_second_strip(c, x->p->by, x->asked.account, x->p->now);
    if (x->asked.kind == AUTH_ASK_TOKEN)
        return auth_token_put(c, x->p->by, &token, x->p->now);
    return auth_reset_put(c, x->p->by, x->asked.account, x->hash, x->p->now);
}

static int auth_ask_done(struct db_conn *c, void *arg)
{
    struct auth_asking *x = arg;
    int err = auth_ask_find(c, x);
    if (!err)
        err = auth_pair_second(c, x);
    if (!err)
        err = db_exec(c,
                      "UPDATE ask SET confirmed_by=$1,confirmed_at=$2,told_at=0 WHERE"
                      " id=$3",
                      "iii", x->p->by->id, x->p->now, x->asked.id);
    if (!err)
        err = auth_pair_said(c, AUTH_E_RESET_CONFIRMED, x);
    return err ? err : auth_ask_do(c, x);
}

int auth_ask_confirm(struct auth *a, const struct auth_pair *p, int64_t ask,
                     struct auth_asked *out, char code[AUTH_TOKEN], struct diag *d)
{
    char hash[CRYPTO_HEX], fresh[AUTH_TOKEN];
    struct auth_asking x = {.p = p, .d = d, .hash = hash, .asked = {.id = ask}};
    int err = auth_new_token(fresh);
    if (err)
        return err;
    auth_hash_token(str_c(fresh), hash);
    err = db_write(a->db, auth_ask_done, &x);
    if (!err) {
        *out = x.asked;
        code[0] = 0;
        if (x.asked.kind != AUTH_ASK_SECOND)
            memcpy(code, fresh, sizeof fresh);
    }
    crypto_wipe(fresh, sizeof fresh);
    if (err == AM_E_FORBIDDEN) {
        int kept = auth_audit(a, AUTH_E_RIGHT_REFUSED, p->by, "reset_confirm", p->now);
        err = kept ? kept : err;
    }
    return err;
}

static int auth_ask_off(struct db_conn *c, void *arg)
{
    struct auth_asking *x = arg;
    int err = auth_ask_find(c, x);
    if (!err)
        err = db_exec(c, "UPDATE ask SET until_at=$1 WHERE id=$2", "ii", x->p->now,
                      x->asked.id);
    return err ? err : auth_pair_said(c, AUTH_E_RESET_WITHDRAWN, x);
}

int auth_ask_withdraw(struct auth *a, const struct auth_pair *p, int64_t ask)
{
    struct auth_asking x = {.p = p, .asked = {.id = ask}};
    return db_write(a->db, auth_ask_off, &x);
}

/* ---- what is read of it -------------------------------------------------------------
 */
#define AUTH_ASK_COLUMNS                                                                 \
    "ask.id,ask.account,account.login,ask.kind,ask.asked_at,ask.until_at,"               \
    "ask.confirmed_at,ask.told_at,"                                                      \
    "COALESCE((SELECT b.login FROM account b WHERE b.id=ask.asked_by),''),"              \
    "COALESCE((SELECT b.login FROM account b WHERE b.id=ask.confirmed_by),''),"          \
    "token_name,token_rights,token_until FROM ask JOIN account ON"                       \
    " account.id=ask.account "

static void auth_ask_row(struct jw *w, struct db_stmt *s, int64_t now)
{
    bool done = db_int(s, 6) != 0;
    jw_obj(w);
    jw_kint(w, "id", db_int(s, 0));
    jw_kint(w, "account", db_int(s, 1));
    jw_kstr(w, "login", db_str(s, 2));
    jw_kstrz(w, "kind", auth_ask_name((enum auth_ask_kind)db_int(s, 3)));
    jw_kstrz(w, "state", done ? "done" : db_int(s, 5) > now ? "asked" : "over");
    jw_kint(w, "asked_at", db_int(s, 4));
    jw_kint(w, "until_at", db_int(s, 5));
    if (done)
        jw_kint(w, "confirmed_at", db_int(s, 6));
    jw_kstr(w, "asked_by", db_str(s, 8)); /* "": on the server's command line */
    jw_kstr(w, "confirmed_by", db_str(s, 9));
    jw_kbool(w, "read", db_int(s, 7) != 0);
    if (db_int(s, 12)) { /* a token: what for */
        jw_kstr(w, "name", db_str(s, 10));
        auth_scope_write(db_str(s, 11), w);
        jw_kint(w, "token_until_at", db_int(s, 12));
    }
    jw_obj_end(w);
}

static int auth_asks_read(struct db_conn *c, void *arg)
{
    struct auth_asking *x = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT " AUTH_ASK_COLUMNS
                         "WHERE ask.confirmed_at=0 AND ask.until_at>$1 AND"
                         " account.active=1 AND ($2='' OR account.establishment=$2) AND"
                         " ($3=0 OR account.id=$3) ORDER BY ask.id LIMIT 1000",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, x->p->now);
    db_bind_str(s, 2, str_c(x->establishment ? x->establishment : ""));
    db_bind_int(s, 3, x->account);
    while (!(err = db_step(s, &row)) && row)
        auth_ask_row(x->w, s, x->p->now);
    return err;
}

int auth_asks(struct auth *a, const char *establishment, int64_t account, int64_t now,
              struct jw *w)
{
    const struct auth_pair p = {.now = now};
    struct auth_asking x = {
        .p = &p, .establishment = establishment, .account = account, .w = w};
    if (establishment && !establishment[0])
        return AM_E_FORBIDDEN;
    jw_arr(w);
    int err = db_read(a->db, auth_asks_read, &x);
    jw_arr_end(w);
    return err;
}

static int auth_notices_read(struct db_conn *c, void *arg)
{
    struct auth_asking *x = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "SELECT " AUTH_ASK_COLUMNS
                         "WHERE ask.account=$1 ORDER BY ask.id DESC LIMIT 20",
                         &s);
    if (err)
        return err;
    db_bind_int(s, 1, x->account);
    while (!(err = db_step(s, &row)) && row) {
        x->found += db_int(s, 7) == 0;
        if (x->w)
            auth_ask_row(x->w, s, x->p->now);
    }
    return err;
}

int auth_notices(struct auth *a, int64_t account, int64_t now, struct jw *w,
                 int64_t *unread)
{
    const struct auth_pair p = {.now = now};
    struct auth_asking x = {.p = &p, .account = account, .w = w};
    if (w)
        jw_arr(w);
    int err = db_read(a->db, auth_notices_read, &x);
    if (w)
        jw_arr_end(w);
    *unread = x.found;
    return err;
}

static int auth_notices_mark(struct db_conn *c, void *arg)
{
    struct auth_asking *x = arg;
    return db_exec(c, "UPDATE ask SET told_at=$1 WHERE account=$2 AND told_at=0", "ii",
                   x->p->now, x->account);
}

int auth_notices_seen(struct auth *a, const struct auth_account *who, int64_t now)
{
    const struct auth_pair p = {.now = now};
    struct auth_asking x = {.p = &p, .account = who->id};
    return db_write(a->db, auth_notices_mark, &x);
}

int auth_notice_in(struct db_conn *c, enum auth_ask_kind kind, int64_t account,
                   const struct auth_account *by, int64_t now)
{
    return db_exec(c,
                   "INSERT INTO ask(account,kind,asked_by,asked_at,until_at,confirmed_by,"
                   "confirmed_at,told_at) VALUES($1,$2,$3,$4,$4,$3,$4,0)",
                   "iiii", account, (int64_t)kind, by ? by->id : (int64_t)0, now);
}
