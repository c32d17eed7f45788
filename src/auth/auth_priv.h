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

#endif
