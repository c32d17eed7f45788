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
 * tests. auth_may() asks for a door; auth_can() for one object in its place.
 * Threads: any. */
#ifndef AUTH_H
#define AUTH_H

#include "base/diag.h"
#include "db/db.h"
#include "json/json.h"
#include "ledger/ledger.h"

enum { AUTH_TOKEN = 65, AUTH_LOGIN_MAX = 64, AUTH_LIST_MAX = 512 };

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
    char services[AUTH_LIST_MAX];    /* space separated codes; "*" all */
    char competences[AUTH_LIST_MAX]; /* "use_code=2027-01-31 ..." certified until */
    char lang[3];
    bool active;
};
bool auth_may(const struct auth_account *a, enum auth_right r);
/* May this account do that to an object that lies there? */
bool auth_can(const struct auth_account *a, enum auth_object o, enum auth_verb v,
              const struct auth_place *where);
/* The same for the object and verb of a right. */
bool auth_may_at(const struct auth_account *a, enum auth_right r,
                 const struct auth_place *where);
/* Holds a competence certificate for this use, valid at that instant? */
bool auth_competent(const struct auth_account *a, struct str use_code, int64_t at);
bool auth_in_service(const struct auth_account *a, struct str service);

struct auth;
AM_CHECK int auth_open(struct auth **out, const char *dir);
void auth_close(struct auth *a);
/* Problems of the request (login taken, weak password < 12 characters, unknown role) in
 * d. */
AM_CHECK int auth_account_create(struct auth *a, const struct auth_account *spec,
                                 struct str password, int64_t *id, struct diag *d);
/* Reads {login, password, role, function?, org_id, establishment?, services?[],
 * competences?[{use_code, until}], lang?}. */
AM_CHECK int auth_account_from_json(const struct json *v, struct auth_account *out,
                                    struct str *password, struct diag *d);
AM_CHECK int auth_account_get(struct auth *a, int64_t id, struct auth_account *out);
AM_CHECK int auth_account_disable(struct auth *a, int64_t id); /* ends its sessions too */

/* AM_E_UNAUTHORIZED (same answer and same time whether the login exists or not),
 * AM_E_TOOMANY while locked. token: the cookie's value. */
AM_CHECK int auth_login(struct auth *a, struct str login, struct str password,
                        struct str peer, int64_t now, char token[AUTH_TOKEN]);
AM_CHECK int auth_session(struct auth *a, struct str token, int64_t now,
                          struct auth_account *out);
AM_CHECK int auth_logout(struct auth *a, struct str token);
/* CSRF token of a session, and its check. */
AM_CHECK int auth_csrf(struct auth *a, struct str session_token, char out[AUTH_TOKEN]);
AM_CHECK int auth_csrf_check(struct auth *a, struct str session_token, struct str csrf);
/* API tokens ("Authorization: Bearer"): until_at 0 = one year. */
AM_CHECK int auth_token_create(struct auth *a, int64_t account, int64_t now,
                               int64_t until_at, char token[AUTH_TOKEN]);
AM_CHECK int auth_token_check(struct auth *a, struct str token, int64_t now,
                              struct auth_account *out);

#endif
