/* SPDX-License-Identifier: Apache-2.0 */
/* auth -- who is asking, and what they may do: accounts, sessions, tokens, the rights
 * table.
 *
 * Accounts live in DIR/auth.db, apart from everything that is public or folded. They tie
 * a person to a role, an organisation, an establishment and services; the public log
 * never names a person. Statements are authorised by signatures (ledger), not by
 * sessions: a session opens pages, uploads, predictions, validations and local stops.
 *
 * Passwords: argon2id. Sessions and tokens: 256 random bits, stored hashed, compared in
 * constant time; sessions end after 8 h or 30 min idle; failed logins lock
 * (5 per account and 20 per address in 15 min). CSRF: a token bound to the session
 * (HMAC), required on every form post of a cookie session.
 *
 * Rights: one table (auth_tbl.h): object x role -> verb, place; it drives API, pages and
 * tests. auth_may() asks for a door; auth_can() for one object in its place, and who is
 * of no establishment is in no house; auth_reach() says what lists may show. Threads:
 * any. */
#ifndef AUTH_H
#define AUTH_H

#include "auth/auth_tbl.h"
#include "base/diag.h"
#include "db/db.h"
#include "json/json.h"
#include "ledger/ledger.h"

enum {
    AUTH_TOKEN = 65,
    AUTH_LOGIN_MAX = 64,
    AUTH_LIST_MAX = 512,
    AUTH_COMPETENCES_MAX = 2048
};

/* name, roles allowed: see auth_tbl.h */
enum auth_right {
    AUTH_ACCOUNT_CREATE, /* registry: msps registry_desk; node: director, dsi */
    AUTH_BLOB_PUT,       /* upload artefacts, evidence, policies */
    AUTH_BLOB_WEIGHTS,   /* read weights: bench_operator, system (nodes) */
    AUTH_BLOB_EVIDENCE,  /* read score files: bench_operator, has */
    AUTH_ALGORITHM_ID,   /* ask for an identifier: vendor, gst */
    AUTH_PREDICT,        /* physician, nurse, lab_technician, pharmacist */
    AUTH_CHART_READ,     /* see patients' data on the node */
    AUTH_VALIDATE,       /* physician; others where the use code says so */
    AUTH_STOP_SERVICE,
    AUTH_STOP_ESTABLISHMENT,
    AUTH_TRACE_READ,   /* dim, dpo, quality, director, physician (own) */
    AUTH_NODE_OPERATE, /* dsi, director: load files, see the node's state */
    AUTH_AUDIT_READ,   /* auditor, msps; rssi in its house */
    AUTH_PROPOSE,      /* ask for signatures: every role that signs statements */
    AUTH_RIGHTS
};
enum auth_object {
    AUTH_O_VERSION,
    AUTH_O_WEIGHTS,
    AUTH_O_SCORES,
    AUTH_O_DOCUMENT,
    AUTH_O_EVIDENCE,
    AUTH_O_DECISION,
    AUTH_O_DEPLOYMENT,
    AUTH_O_STOP, /* regional and national */
    AUTH_O_HOUSE_STOP,
    AUTH_O_SERVICE_STOP,
    AUTH_O_TRACE,
    AUTH_O_CHART,
    AUTH_O_CASE,
    AUTH_O_DATA_CASE, /* a case that concerns personal data */
    AUTH_O_DEPOSIT,
    AUTH_O_POLICY,
    AUTH_O_IDENTIFIER,
    AUTH_O_NODE,
    AUTH_O_ACCOUNT,
    AUTH_O_AUDIT,
    AUTH_OBJECTS
};
enum auth_verb { AUTH_V_CREATE, AUTH_V_SIGN, AUTH_V_READ, AUTH_V_OPERATE, AUTH_VERBS };
/* Where an object lies; members left NULL or 0 are nobody's. */
struct auth_place {
    const char *org_id, *gst, *establishment, *service;
    int64_t account;
};
const char *auth_right_name(enum auth_right r);
bool auth_role_may(enum ledger_role role, struct str function, enum auth_right r);

struct auth_account {
    int64_t id;
    char login[AUTH_LOGIN_MAX];
    char pseudonym[33]; /* random, what traces carry instead of a name */
    enum ledger_role role;
    char function[32], org_id[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX];
    char services[AUTH_LIST_MAX]; /* space separated codes; "*" all */
    /* "ai-cardio-1=2027-01-31 ...": certificates of competence, by the code of a training
     * (field 13 of a version) or of a use, and their last day */
    char competences[AUTH_COMPETENCES_MAX];
    char lang[3];
    bool active;
    int64_t person; /* row of the person, 0: none told */
    bool guarded;   /* its role signs, or once did: two administrators for a reset */
    int64_t
        since_at;   /* what it is now since then by a colleague's hand; 0: by nobody's */
    bool scoped;    /* came with an API token that has some rights only: */
    uint64_t scope; /* bit per enum auth_right */
};
bool auth_may(const struct auth_account *a, enum auth_right r);
/* May this account do that to an object that lies there? */
bool auth_can(const struct auth_account *a, enum auth_object o, enum auth_verb v,
              const struct auth_place *where);
/* The same for the object and verb of a right. */
bool auth_may_at(const struct auth_account *a, enum auth_right r,
                 const struct auth_place *where);
/* Is that house's server its own? An account of no establishment is of no house. */
bool auth_of_house(const struct auth_account *a, const char *establishment);
/* Which objects of that kind a list may show it: NULL all, "" none, else its house's. */
const char *auth_reach(const struct auth_account *a, enum auth_object o,
                       enum auth_verb v);
/* May `by` open (or close) an account of that role in that house, on this server? Why
 * not: in d, which may be NULL. */
AM_CHECK int auth_people_bounds(bool node, const struct auth_account *by,
                                enum ledger_role role, const char *establishment,
                                struct diag *d);
/* Holds a competence certificate of this code (a training, a use), valid at that instant?
 */
bool auth_competent(const struct auth_account *a, struct str code, int64_t at);
/* The last instant of the longest certificate of this code; 0: there is none. */
int64_t auth_certified_until(const struct auth_account *a, struct str code);
bool auth_in_service(const struct auth_account *a, struct str service);

struct auth;
AM_CHECK int auth_open(struct auth **out, const char *dir);
/* The same in a database of one's choice: a file, or a libpq URI (schema `auth`). */
AM_CHECK int auth_open_db(struct auth **out, const char *dir, const char *path);
/* Tests of what stands on auth: from now on auth_open() hashes at 64 KiB and one pass
 * instead of 64 MiB and three, which were most of what such a test cost. Before any
 * thread. The program never calls it: tools/check_banned.sh looks. */
void auth_cheap_passwords(void);
struct db *auth_db(struct auth *a); /* for copies of it, borrowed */
void auth_close(struct auth *a);
/* Problems of the request (login taken, weak password < 12 characters, unknown role) in
 * d. */
AM_CHECK int auth_account_create(struct auth *a, const struct auth_account *spec,
                                 struct str password, int64_t *id, struct diag *d);
/* The same, audited as `by`'s doing. */
AM_CHECK int auth_account_open(struct auth *a, const struct auth_account *by,
                               const struct auth_account *spec, struct str password,
                               int64_t now, int64_t *id, struct diag *d);
/* Reads {login, password, role, function?, org_id, establishment?, services?[],
 * competences?[{training or use_code, until}], lang?, person?}. */
AM_CHECK int auth_account_from_json(const struct json *v, struct auth_account *out,
                                    struct str *password, struct diag *d);
AM_CHECK int auth_account_get(struct auth *a, int64_t id, struct auth_account *out);
/* Role, function, organisation, place, services, competences, language; the login and the
 * pseudonym stay. Ends sessions and tokens. spec as auth_account_from_json() read it,
 * with no login. AM_E_NOTFOUND: none, or closed. Who may: auth_people_bounds() before and
 * after. */
AM_CHECK int auth_account_edit(struct auth *a, const struct auth_account *by, int64_t id,
                               const struct auth_account *spec, int64_t now,
                               struct diag *d);
/* A code to hand over, good once and for 24 hours; the one before is worth nothing now.
 * AM_E_FORBIDDEN for oneself; AM_E_REFUSED: that account needs two administrators
 * (auth_ask_begin()). by NULL: somebody at the server's command line. */
AM_CHECK int auth_reset_issue(struct auth *a, const struct auth_account *by, int64_t id,
                              int64_t now, char code[AUTH_TOKEN]);
/* A new password for who holds a code: sessions and tokens end, the second factor stays.
 * AM_E_UNAUTHORIZED: no such code, used or over; AM_E_TOOMANY; AM_E_INVALID in d. */
AM_CHECK int auth_reset_use(struct auth *a, struct str code, struct str password,
                            struct str peer, int64_t now, struct diag *d);
/* By who knows the old one; other sessions end. AM_E_UNAUTHORIZED, AM_E_TOOMANY,
 * AM_E_INVALID in d. */
struct auth_renewal {
    struct str old, fresh, session, peer; /* session: stays open */
};
AM_CHECK int auth_password_change(struct auth *a, const struct auth_account *who,
                                  const struct auth_renewal *k, int64_t now,
                                  struct diag *d);
/* The second factor of somebody who lost it; sessions end, and the next one enrols again
 * where the role must. AM_E_NOTFOUND: there is none; AM_E_FORBIDDEN, AM_E_REFUSED and
 * NULL as above. */
AM_CHECK int auth_second_drop(struct auth *a, const struct auth_account *by, int64_t id,
                              int64_t now);
/* An administrator's account where there is none left, or one only, by somebody at the
 * server's command line: opened without a password anybody knows, with a code for one. */
AM_CHECK int auth_administrator_open(struct auth *a, const struct auth_account *spec,
                                     int64_t now, char code[AUTH_TOKEN], struct diag *d);
AM_CHECK int auth_account_find(struct auth *a, struct str login,
                               struct auth_account *out);

/* ---- two administrators (auth_pair.c): for an account whose role signs ---------------
 */
bool auth_guarded(const struct auth_account *who);
enum auth_ask_kind { AUTH_ASK_PASSWORD, AUTH_ASK_SECOND, AUTH_ASK_TOKEN };
struct auth_pair {
    const struct auth_account *by;
    bool node; /* whose rules say who administers whom: auth_people_bounds() */
    int64_t now;
};
struct auth_asked {
    int64_t id, account, until_at, token_until; /* the last one: of a token */
    enum auth_ask_kind kind;
};
/* The first word. AM_E_NOTFOUND: not this administrator's business; AM_E_FORBIDDEN for
 * oneself; in d: AM_E_EXISTS asked already, AM_E_REFUSED nobody could confirm. */
AM_CHECK int auth_ask_begin(struct auth *a, const struct auth_pair *p, int64_t account,
                            enum auth_ask_kind kind, struct auth_asked *out,
                            struct diag *d);
/* The same for a token of spec->account, with those rights and until then: whoever holds
 * it acts in that name, and confirms what others ask where that is an administrator's. */
struct auth_token_spec;
AM_CHECK int auth_ask_token(struct auth *a, const struct auth_pair *p,
                            const struct auth_token_spec *spec, struct auth_asked *out,
                            struct diag *d);
/* The second, within a day: a code for a password, the token, "" once a second factor is
 * off.
 * AM_E_FORBIDDEN (audited) for who asked, or is the same person. AM_E_NOTFOUND: not
 * there, over, done. */
AM_CHECK int auth_ask_confirm(struct auth *a, const struct auth_pair *p, int64_t ask,
                              struct auth_asked *out, char code[AUTH_TOKEN],
                              struct diag *d);
AM_CHECK int auth_ask_withdraw(struct auth *a, const struct auth_pair *p, int64_t ask);
/* Those that wait, of one house or of all (NULL), of one account or of all (0). [{id,
 * account, login, kind, state, asked_at, until_at, asked_by, confirmed_by, ...}] */
AM_CHECK int auth_asks(struct auth *a, const char *establishment, int64_t account,
                       int64_t now, struct jw *w);
/* What was asked and done about an account's ways in, newest first; w may be NULL. */
AM_CHECK int auth_notices(struct auth *a, int64_t account, int64_t now, struct jw *w,
                          int64_t *unread);
AM_CHECK int auth_notices_seen(struct auth *a, const struct auth_account *who,
                               int64_t now);

AM_CHECK int auth_account_disable(struct auth *a, int64_t id); /* ends its sessions too */

/* ---- login --------------------------------------------------------------------------
 */
/* How far a session has come. Only AUTH_FULL is a session for auth_session(). */
enum auth_stage {
    AUTH_FULL,
    AUTH_CODE, /* password good, the second factor is waited for: 5 minutes */
    AUTH_ENROL /* the role needs a second factor and has none yet: enrolling is all it may
                */
};
struct auth_credentials {
    struct str login, password, peer;
    struct str code; /* of the second factor, or a recovery code; STR_NULL: not yet */
};
/* Who must have a second factor: nobody (as opened), roles that decide (AUTH_DECIDERS),
 * or everyone. An account that has one is always asked for it. */
enum auth_second_rule { AUTH_SECOND_OFF, AUTH_SECOND_DECIDERS, AUTH_SECOND_ALL };
AM_CHECK int auth_second_rule_parse(struct str s, enum auth_second_rule *out);
void auth_second_rule(struct auth *a, enum auth_second_rule rule);

/* AM_E_UNAUTHORIZED (same answer and same time whether the login exists or not),
 * AM_E_TOOMANY while locked. token: the cookie's value, always a new one. */
AM_CHECK int auth_login_with(struct auth *a, const struct auth_credentials *c,
                             int64_t now, char token[AUTH_TOKEN], enum auth_stage *stage);
/* Without a second factor: AM_E_UNAUTHORIZED when one is needed. */
AM_CHECK int auth_login(struct auth *a, struct str login, struct str password,
                        struct str peer, int64_t now, char token[AUTH_TOKEN]);
/* The second step: ends the waiting session, opens another under a new token. */
AM_CHECK int auth_second(struct auth *a, struct str waiting, struct str code,
                         struct str peer, int64_t now, char token[AUTH_TOKEN]);
/* A full session for an account an identity provider vouched for (auth_oidc.c), or the
 * stage its role still asks for. */
AM_CHECK int auth_open_for(struct auth *a, int64_t account, int64_t now,
                           char token[AUTH_TOKEN], enum auth_stage *stage);

/* ---- sessions -----------------------------------------------------------------------
 */
AM_CHECK int auth_session(struct auth *a, struct str token, int64_t now,
                          struct auth_account *out);
AM_CHECK int auth_session_stage(struct auth *a, struct str token, int64_t now,
                                struct auth_account *out, enum auth_stage *stage);
AM_CHECK int auth_logout(struct auth *a, struct str token);
/* One's sessions: [{id, created_at, seen_at, current}], instants in microseconds. */
AM_CHECK int auth_sessions(struct auth *a, int64_t account, struct str current,
                           int64_t now, struct jw *w);
/* Ends one of that account's sessions by its id; AM_E_NOTFOUND for others'. */
AM_CHECK int auth_session_end(struct auth *a, const struct auth_account *who,
                              struct str id, int64_t now);
/* All of them, or all but `keep`. */
AM_CHECK int auth_session_end_all(struct auth *a, const struct auth_account *who,
                                  struct str keep, int64_t now);
/* CSRF token of a session, and its check. */
AM_CHECK int auth_csrf(struct auth *a, struct str session_token, char out[AUTH_TOKEN]);
AM_CHECK int auth_csrf_check(struct auth *a, struct str session_token, struct str csrf);

/* ---- API tokens ("Authorization: Bearer") -------------------------------------------
 */
struct auth_token_spec {
    int64_t account, until_at; /* 0: one year */
    char name[64];
    bool scoped;
    uint64_t scope; /* bit per right; those the account has not give nothing */
};
/* by: NULL, or its account's own; another's only where nothing is signed in that name,
 * else AM_E_REFUSED: auth_ask_token(). Its person is told. */
AM_CHECK int auth_token_make(struct auth *a, const struct auth_account *by,
                             const struct auth_token_spec *spec, int64_t now,
                             char token[AUTH_TOKEN]);
AM_CHECK int auth_token_create(struct auth *a, int64_t account, int64_t now,
                               int64_t until_at, char token[AUTH_TOKEN]);
AM_CHECK int auth_token_check(struct auth *a, struct str token, int64_t now,
                              struct auth_account *out);
/* [{id, name, rights: [..] or null, created_at, until_at, used_at}] */
AM_CHECK int auth_tokens(struct auth *a, int64_t account, int64_t now, struct jw *w);
AM_CHECK int auth_token_revoke(struct auth *a, const struct auth_account *who,
                               struct str id, int64_t now);

/* ---- second factor ------------------------------------------------------------------
 */
enum { AUTH_TOTP_URI = 256, AUTH_RECOVERY = 10, AUTH_RECOVERY_TEXT = 12 };
/* A new secret, not in force until confirmed: base32 and otpauth:// address. The same one
 * again until it is confirmed. AM_E_EXISTS: one is in force. */
AM_CHECK int auth_second_begin(struct auth *a, const struct auth_account *who,
                               char base32[33], char uri[AUTH_TOTP_URI]);
/* In force once a code of it is given; recovery codes are shown this once. */
AM_CHECK int auth_second_confirm(struct auth *a, const struct auth_account *who,
                                 struct str code, int64_t now,
                                 char recovery[AUTH_RECOVERY][AUTH_RECOVERY_TEXT]);
/* For a new telephone: the old factor goes, with a code of it, and every session; the
 * next one enrols. Also where the role must have one. */
AM_CHECK int auth_second_replace(struct auth *a, const struct auth_account *who,
                                 struct str code, int64_t now);
/* Needs a code (or recovery code). AM_E_REFUSED where the role must have one. */
AM_CHECK int auth_second_remove(struct auth *a, const struct auth_account *who,
                                struct str code, int64_t now);
struct auth_second_state {
    bool in_force, required;
    int64_t since_at;
    int64_t recovery_left;
};
AM_CHECK int auth_second_get(struct auth *a, const struct auth_account *who,
                             struct auth_second_state *out);

/* ---- audit: security events, hash-chained -------------------------------------------
 */
enum auth_event {
#define X(event, name) AUTH_E_##event,
    AUTH_EVENT_MAP(X)
#undef X
        AUTH_EVENTS
};
const char *auth_event_name(enum auth_event e);
AM_CHECK int auth_event_parse(struct str s, enum auth_event *out);
/* who: NULL when nobody is known. object: a code ("account:7"), never content. The
 * request fails when this fails. */
AM_CHECK int auth_audit(struct auth *a, enum auth_event e, const struct auth_account *who,
                        const char *object, int64_t now);
struct auth_audit_filter {
    const char *establishment; /* NULL: everywhere */
    struct str event, actor;   /* empty: all */
    int64_t from_at, to_at;    /* 0: no bound */
    int64_t before;            /* seq, 0: from the newest */
    unsigned limit;            /* at most 1000 */
};
/* Newest first: [{seq, at, event, actor, role, org_id, establishment, object, hash}]. */
AM_CHECK int auth_audit_list(struct auth *a, const struct auth_audit_filter *f,
                             struct jw *w);
/* Recomputes the chain. AM_E_TAMPERED: *bad is the first row that does not follow. A head
 * noted elsewhere shows that the end was not cut. */
struct auth_audit_head {
    int64_t seq, bad;
    char hash[CRYPTO_HEX];
};
AM_CHECK int auth_audit_verify(struct auth *a, struct auth_audit_head *out);

/* ---- people and organisations (auth_person.c) ---------------------------------------
 */
/* Organisation: {org_id, kind, region?, name: {fr, ar, en}}; replaces one of that id. */
AM_CHECK int auth_organisation_put(struct auth *a, const struct auth_account *by,
                                   const struct json *v, int64_t now, struct diag *d);
/* [{org_id, kind, region, name: {fr, ar, en}, accounts}] */
AM_CHECK int auth_organisations(struct auth *a, struct jw *w);
/* Person: {name, name_ar?, org_id, establishment?}. */
struct auth_person {
    int64_t id;
    char name[128], name_ar[128], org_id[LEDGER_ID_MAX], establishment[LEDGER_ID_MAX];
    int64_t erased_at;
};
AM_CHECK int auth_person_from_json(const struct json *v, struct auth_person *out,
                                   struct diag *d);
AM_CHECK int auth_person_create(struct auth *a, const struct auth_account *by,
                                const struct auth_person *p, int64_t now, int64_t *id);
AM_CHECK int auth_person_get(struct auth *a, int64_t id, struct auth_person *out);
/* [{id, name, name_ar, org_id, establishment, erased_at, accounts: n}] of one house, or
 * of all (NULL). */
AM_CHECK int auth_persons(struct auth *a, const char *establishment, struct jw *w);
/* Law 09-08: name, ties and ways in go; accounts stay as pseudonyms of nobody. */
AM_CHECK int auth_person_erase(struct auth *a, const struct auth_account *by, int64_t id,
                               int64_t now);
/* [{id, login, role, function, org_id, establishment, active, person, second}] */
AM_CHECK int auth_accounts(struct auth *a, const char *establishment, struct jw *w);
AM_CHECK int auth_account_close(struct auth *a, const struct auth_account *by, int64_t id,
                                int64_t now);
/* The tie of a key of the ledger's directory to an account; it is nowhere else. */
AM_CHECK int auth_key_tie(struct auth *a, const struct auth_account *who,
                          struct str key_id, int64_t now);
AM_CHECK int auth_key_untie(struct auth *a, const struct auth_account *who,
                            struct str key_id, int64_t now);
AM_CHECK int auth_key_mine(struct auth *a, int64_t account, struct str key_id,
                           bool *mine);

/* ---- identity providers (auth_oidc.c): OpenID Connect, code flow with PKCE -----------
 */
/* Reads {redirect_uri, providers: [{id, name {fr, ar, en}, issuer, client_id,
 * client_secret_file?, claim?}]}. Issuers are https; plain http on the loopback only.
 * claim: whose value names an existing login the first time; absent: only subjects tied
 * before get in. No account is ever made here. Before threads start. */
AM_CHECK int auth_oidc_load(struct auth *a, const char *path, struct diag *d);
/* [{id, name: {...}}] */
void auth_oidc_providers(const struct auth *a, struct jw *w);
/* Where to send the browser, and what to put in its cookie. next: a path of ours. */
AM_CHECK int auth_oidc_begin(struct auth *a, struct str provider, struct str next,
                             int64_t now, struct buf *url, char browser[AUTH_TOKEN]);
struct auth_oidc_return {
    struct str state, code, issuer; /* of the query; issuer: RFC 9207, may be absent */
    struct str error;               /* what the provider says instead */
    struct str browser;             /* the cookie */
};
/* A state serves once, in the browser that began. AM_E_UNAUTHORIZED for everything that
 * is not as it should be (audited with its reason), AM_E_UNAVAILABLE: no answer. */
AM_CHECK int auth_oidc_finish(struct auth *a, const struct auth_oidc_return *r,
                              int64_t now, char token[AUTH_TOKEN], enum auth_stage *stage,
                              struct buf *next);

/* ---- services (auth_client.c): SMART Backend Services, private_key_jwt --------------
 */
#define AUTH_CLIENT_PREFIX "sys_"
enum {
    AUTH_CLIENT_ID = 65,
    AUTH_CLIENT_SCOPE = 2048,
    AUTH_CLIENT_JWKS = 65536,
    AUTH_CLIENT_TOKEN = AUTH_TOKEN + 4
};
struct auth_client {
    char id[AUTH_CLIENT_ID]; /* A-Z a-z 0-9 . _ - */
    char
        scope[AUTH_CLIENT_SCOPE]; /* what it may ask for; of a token: what it was given */
    char purpose[32]; /* of v3-PurposeOfUse, for oppositions: "HRESCH"; never empty */
};
bool auth_client_id_ok(struct str id);
/* Registers, or replaces: its tokens end. jwks: {"keys": [...]}, public, RSA (RS384) or
 * P-384 (ES384), each with a kid; problems in d (codes auth.client_*). Audited. */
AM_CHECK int auth_client_put(struct auth *a, const struct auth_client *spec,
                             struct str jwks, int64_t now, struct diag *d);
AM_CHECK int auth_client_close(struct auth *a, struct str id, int64_t now);
/* [{client_id, scope, purpose, since}] */
AM_CHECK int auth_clients(struct auth *a, struct jw *w);
/* A client assertion for the token endpoint `aud`: once each (jti, also after a restart),
 * five minutes at most. AM_E_UNAUTHORIZED for whatever is wrong; why is in the audit. */
AM_CHECK int auth_client_assert(struct auth *a, struct str assertion, struct str aud,
                                int64_t now, struct auth_client *out);
/* A token for five minutes. Audited. */
AM_CHECK int auth_client_token(struct auth *a, struct str id, struct str scope,
                               int64_t now, char token[AUTH_CLIENT_TOKEN]);
bool auth_client_tokenish(struct str token);
/* AM_E_UNAUTHORIZED: none, over, revoked, its client closed. */
AM_CHECK int auth_client_check(struct auth *a, struct str token, int64_t now,
                               struct auth_client *out);
/* Whoever has it may end it. */
AM_CHECK int auth_client_revoke(struct auth *a, struct str token);
/* By its name, for what comes without an assertion (HL7 v2). AM_E_NOTFOUND. */
AM_CHECK int auth_client_get(struct auth *a, struct str id, struct auth_client *out);

/* ---- logins of work that outlives its request ---------------------------------------
 */
/* A name of the login behind a token: its hash, no secret. */
void auth_login_name(struct str token, char name[CRYPTO_HEX]);
/* Does it still hold? AM_E_UNAUTHORIZED: over, ended, its account closed or changed. It
 * is no use of it: no session lives longer by it. A service's token still holds for 26
 * hours though its five minutes are over, unless it was revoked or its client closed or
 * registered anew. */
AM_CHECK int auth_token_named(struct auth *a, struct str name, int64_t now,
                              struct auth_account *out);
AM_CHECK int auth_session_named(struct auth *a, struct str name, int64_t now,
                                struct auth_account *out);
AM_CHECK int auth_client_named(struct auth *a, struct str name, int64_t now,
                               struct auth_client *out);

#endif
