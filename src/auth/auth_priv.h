/* SPDX-License-Identifier: Apache-2.0 */
/* Private to auth: the object and what its files share. */
#ifndef AUTH_PRIV_H
#define AUTH_PRIV_H

#include <stdatomic.h>

#include "auth/auth.h"

#define AUTH_SESSION_LIFE (INT64_C(8) * 3600 * 1000000)
#define AUTH_SESSION_IDLE (INT64_C(30) * 60 * 1000000)
#define AUTH_TRY_WINDOW   (INT64_C(15) * 60 * 1000000)
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
};

/* auth_open() with another price of hashing: tests have no 64 MiB to wait for. */
AM_CHECK int auth_open_at(struct auth **out, const char *dir,
                          const struct crypto_argon2 *cost);

/* Column order shared by every SELECT of an account. */
#define AUTH_ACCOUNT_COLUMNS                                                             \
    "id,login,pseudonym,role,function,org_id,establishment,services,competences,lang,"   \
    "active"
void auth_account_row(struct db_stmt *s, struct auth_account *out);
void auth_hash_token(struct str token, char hex[CRYPTO_HEX]);
AM_CHECK int auth_new_token(char token[AUTH_TOKEN]);

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
