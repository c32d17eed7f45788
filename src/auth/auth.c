/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_priv.h"

#include <limits.h>

static const struct db_migration auth_migrations[] = {
    {1, "accounts",
     "CREATE TABLE account (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE,"
     " pseudonym TEXT NOT NULL UNIQUE, password TEXT NOT NULL, role TEXT NOT NULL,"
     " function TEXT NOT NULL, org_id TEXT NOT NULL, establishment TEXT NOT NULL,"
     " services TEXT NOT NULL, competences TEXT NOT NULL, lang TEXT NOT NULL,"
     " active INTEGER NOT NULL);"
     "CREATE TABLE session (hash TEXT PRIMARY KEY, account INTEGER NOT NULL,"
     " created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL);"
     "CREATE INDEX session_account ON session(account);"
     "CREATE TABLE token (hash TEXT PRIMARY KEY, account INTEGER NOT NULL,"
     " until_at INTEGER NOT NULL);"
     "CREATE INDEX token_account ON token(account);"
     "CREATE TABLE attempt (who TEXT NOT NULL, at INTEGER NOT NULL);"
     "CREATE INDEX attempt_who ON attempt(who, at);"},
    {2, "attempts have an id",
     "DROP TABLE attempt;"
     "CREATE TABLE attempt (id INTEGER PRIMARY KEY, who TEXT NOT NULL,"
     " at INTEGER NOT NULL);"
     "CREATE INDEX attempt_who_at ON attempt(who, at);"}};

/* RFC 9106 section 4, second recommendation: 64 MiB, 3 passes; one lane, since the
 * machine has few cores and logins are rare. */
static const struct crypto_argon2 auth_cost = {
    .memory_kib = 65536, .passes = 3, .lanes = 1};
/* Of 24 random bytes nobody kept, at that cost: checked when the login is unknown. What
 * it says does not matter (no account has it), what it costs does. */
static const char auth_decoy[] = "$argon2id$v=19$m=65536,t=3,p=1$+8yVlVDm1I1SHljEQChwNw$"
                                 "XAMIGV+JgaTDqeKHUq2ZEENl9zjEH5MqDzg91kOhfg0";

static bool auth_same_cost(const struct crypto_argon2 *a, const struct crypto_argon2 *b)
{
    return a->memory_kib == b->memory_kib && a->passes == b->passes &&
           a->lanes == b->lanes;
}

int auth_open(struct auth **out, const char *dir)
{
    return auth_open_at(out, dir, &auth_cost);
}

int auth_open_at(struct auth **out, const char *dir, const struct crypto_argon2 *cost)
{
    char path[PATH_MAX];
    struct db_config c = {.path = path,
                          .migrations = auth_migrations,
                          .n_migrations = AM_LEN(auth_migrations)};
    struct auth *a;
    int err;
    if (snprintf(path, sizeof path, "%s/auth.db", dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    a = am_calloc(1, sizeof *a);
    if (!a)
        return AM_E_NOMEM;
    a->cost = *cost;
    err = crypto_random(a->csrf_key, sizeof a->csrf_key);
    if (!err && auth_same_cost(cost, &auth_cost))
        memcpy(a->decoy, auth_decoy, sizeof auth_decoy);
    else if (!err)
        err = crypto_password_hash(STR("no account has this"), &a->cost, a->decoy);
    if (!err)
        err = db_open(&a->db, &c);
    if (err) {
        free(a);
        return err;
    }
    *out = a;
    return AM_OK;
}

void auth_close(struct auth *a)
{
    if (!a)
        return;
    db_close(a->db);
    crypto_wipe(a->csrf_key, sizeof a->csrf_key);
    free(a);
}

int auth_new_token(char token[AUTH_TOKEN])
{
    uint8_t raw[32];
    int err = crypto_random(raw, sizeof raw);
    if (!err)
        crypto_hex(raw, sizeof raw, token);
    crypto_wipe(raw, sizeof raw);
    return err;
}

/* Tokens are random, so a plain hash at rest is enough: no dictionary to try. */
void auth_hash_token(struct str token, char hex[CRYPTO_HEX])
{
    uint8_t d[CRYPTO_SHA256];
    crypto_sha256(token, d);
    crypto_hex(d, sizeof d, hex);
}
