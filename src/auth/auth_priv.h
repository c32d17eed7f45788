/* SPDX-License-Identifier: Apache-2.0 */
/* Private to auth: the object and what its files share. */
#ifndef AUTH_PRIV_H
#define AUTH_PRIV_H

#include <stdatomic.h>

#include "auth/auth.h"

struct auth_oidc;
void auth_oidc_free(struct auth_oidc *o);

#define AUTH_SESSION_LIFE (INT64_C(8) * 3600 * 1000000)
#define AUTH_SESSION_IDLE (INT64_C(30) * 60 * 1000000)
#define AUTH_TRY_WINDOW   (INT64_C(15) * 60 * 1000000)
#define AUTH_TRY_WIDEST   (INT64_C(60) * 60 * 1000000)
#define AUTH_TRY_KEPT     (INT64_C(24) * 3600 * 1000000)
#define AUTH_RESET_LIFE   (INT64_C(24) * 3600 * 1000000)
#define AUTH_ASK_LIFE     (INT64_C(24) * 3600 * 1000000)
#define AUTH_SETTLE       (INT64_C(7) * 24 * 3600 * 1000000)
#define AUTH_NOTICE_KEPT  (INT64_C(90) * 24 * 3600 * 1000000)
#define AUTH_CODE_LIFE    (INT64_C(5) * 60 * 1000000)
enum {
    AUTH_TRIES_ACCOUNT = 5,
    AUTH_TRIES_PEER = 20,
    AUTH_PASSWORD_MIN = 12,     /* characters */
    AUTH_PASSWORD_BYTES = 1024, /* as much as anybody hashes */
    AUTH_HASHES_MAX = 8         /* at 64 MiB each, what logins may take of the memory */
};

struct auth {
    struct db *db;
    uint8_t csrf_key[32];        /* of this process: forms do not outlive a restart */
    char decoy[CRYPTO_PASSWORD]; /* checked when the login is unknown, so that time tells
                                    nothing */
    struct crypto_argon2 cost;
    atomic_int hashing;
    uint8_t seal_key[32]; /* DIR/auth.key: seals TOTP secrets */
    enum auth_second_rule second_rule;
    struct auth_oidc *oidc; /* NULL: no identity provider */
};

/* auth_open() with another price of hashing: tests have no 64 MiB to wait for. */
AM_CHECK int auth_open_at(struct auth **out, const char *dir,
                          const struct crypto_argon2 *cost);
AM_CHECK int auth_open_path(struct auth **out, const char *dir, const char *path,
                            const struct crypto_argon2 *cost);

/* Column order shared by every SELECT of an account. */
#define AUTH_ACCOUNT_COLUMNS                                                             \
    "id,login,pseudonym,role,function,org_id,establishment,services,competences,lang,"   \
    "active,person,guarded,since_at"
enum { AUTH_COLUMNS = 14 };
void auth_account_row(struct db_stmt *s, struct auth_account *out);
void auth_hash_token(struct str token, char hex[CRYPTO_HEX]);
AM_CHECK int auth_new_token(char token[AUTH_TOKEN]);

void auth_copy(char *out, size_t cap, struct str s);
#define AUTH_COPY(field, s) auth_copy((field), sizeof(field), (s))
/* Sessions and tokens are named by the start of their hash. */
enum { AUTH_HANDLE = 16 };

/* ---- auth_login.c ---- */
struct auth_try {
    struct str login, peer, code;
    int64_t now, account, try_peer;
    char who_login[160], who_peer[160];
    char hash[CRYPTO_PASSWORD]; /* the decoy's when there is no account */
    char session[CRYPTO_HEX], waiting[CRYPTO_HEX];
    struct auth *auth;
    struct auth_account who;
    enum auth_stage stage;
    enum auth_event failed;
    bool locked;
};
/* db_fn: counts a try before it is made. AM_E_TOOMANY: none is left. */
AM_CHECK int auth_take_try(struct db_conn *c, void *arg);
/* Inside a write: what was counted for who succeeded is taken back. */
AM_CHECK int auth_forgive(struct db_conn *c, const struct auth_try *t);
/* Inside a write: the account by its id; AM_E_NOTFOUND. */
AM_CHECK int auth_account_row_of(struct db_conn *c, int64_t id, struct auth_account *out);

/* Hashing, never more at once than memory allows: AM_E_UNAVAILABLE. */
AM_CHECK int auth_try_password(struct auth *a, struct str password, const char *hash);
AM_CHECK int auth_hash_password(struct auth *a, struct str password,
                                char hash[CRYPTO_PASSWORD]);

/* ---- auth_account.c ---- */
/* AM_E_INVALID, said in d: at least 12 characters, at most 1024 bytes. */
AM_CHECK int auth_check_strength(struct str password, const char *path, struct diag *d);
/* The same for role, organisation and language. */
AM_CHECK int auth_check_place(const struct auth_account *spec, struct diag *d);

/* ---- auth_password.c ---- */
/* Inside a write, audited as `by`'s: a code kept; a second factor taken off. */
AM_CHECK int auth_reset_put(struct db_conn *c, const struct auth_account *by,
                            int64_t account, const char *hash, int64_t now);
AM_CHECK int auth_second_strip(struct db_conn *c, const struct auth_account *by,
                               int64_t account, int64_t now);

/* ---- auth_pair.c ---- */
/* Inside a write: what one administrator did alone, for its person to read. */
AM_CHECK int auth_notice_in(struct db_conn *c, enum auth_ask_kind kind, int64_t account,
                            const struct auth_account *by, int64_t now);

/* ---- auth_token.c ---- */
enum { AUTH_SCOPE_TEXT = 256 };
/* As rows keep it: "*" all, else names apart by spaces. */
void auth_scope_text(const struct auth_token_spec *spec, char out[AUTH_SCOPE_TEXT]);
void auth_scope_write(struct str text, struct jw *w); /* "all":..,"rights":[..] */
struct auth_token_row {
    const char *hash;
    struct str name, rights;
    int64_t account, until_at;
};
/* Inside a write, audited as `by`'s: the account is there and open. */
AM_CHECK int auth_token_put(struct db_conn *c, const struct auth_account *by,
                            const struct auth_token_row *row, int64_t now);

/* ---- auth_second.c ---- */
bool auth_second_required(const struct auth *a, const struct auth_account *who);
/* Inside a write: *in_force; and a code of it, which is then used up. */
AM_CHECK int auth_second_in_force(struct db_conn *c, int64_t account, bool *in_force);
AM_CHECK int auth_second_use(struct db_conn *c, struct auth *a,
                             const struct auth_account *who, struct str code,
                             int64_t now);

/* ---- auth_audit.c ---- */
/* Inside a write: the row is there when the change is, and only then. */
AM_CHECK int auth_audit_in(struct db_conn *c, enum auth_event e,
                           const struct auth_account *who, const char *object,
                           int64_t now);

/* ---- auth_jwt.c: signed tokens of identity providers, no store, no network ---- */
enum { AUTH_JWT_MAX = 16384 };
struct auth_jwt {
    struct json_doc *header, *claims;
    struct str signing; /* header.claims, as sent: borrowed */
    struct buf sig;
};
/* Compact form (RFC 7515): three parts, strict base64url, JSON objects, bounded; no
 * "crit". AM_E_SYNTAX, AM_E_TOOBIG. Nothing in it is believed yet. */
AM_CHECK int auth_jwt_parse(struct str text, struct auth_jwt *out);
void auth_jwt_release(struct auth_jwt *j);
/* AM_OK: signed by a key of this JWK set. The key says the algorithm; the header must
 * agree. AM_E_NOTFOUND: no key of that kid (rotated?); AM_E_TAMPERED; AM_E_UNSUPPORTED.
 */
AM_CHECK int auth_jwt_verify(const struct auth_jwt *j, const struct json *jwks);
/* The same, by one of these algorithms, names apart by spaces. */
AM_CHECK int auth_jwt_verify_by(const struct auth_jwt *j, const struct json *jwks,
                                const char *accepted);
struct auth_id_want {
    struct str issuer, client_id, nonce, access_token;
    int64_t now;
};
/* OpenID Connect Core 3.1.3.7. *why: code of the first claim that is wrong. */
AM_CHECK int auth_jwt_claims(const struct auth_jwt *j, const struct auth_id_want *want,
                             const char **why);

/* ---- auth_totp.c: RFC 6238, no store ---- */
enum {
    AUTH_TOTP_SECRET = 20, /* bytes: RFC 4226, section 4, R6 */
    AUTH_TOTP_CODE = 7,    /* six digits and a NUL */
    AUTH_TOTP_PERIOD_S = 30
};
AM_CHECK int auth_totp_code(const uint8_t secret[AUTH_TOTP_SECRET], int64_t step,
                            char out[AUTH_TOTP_CODE]);
/* A code of now, one step early or late, and later than last_step: *step is its own.
 * AM_E_UNAUTHORIZED otherwise. Every step is tried, whatever matches. */
AM_CHECK int auth_totp_match(const uint8_t secret[AUTH_TOTP_SECRET], struct str code,
                             int64_t now, int64_t last_step, int64_t *step);
/* RFC 4648 base32 without padding; out holds 33. */
void auth_totp_base32(const uint8_t secret[AUTH_TOTP_SECRET], char out[33]);

#endif
