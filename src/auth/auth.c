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
     "CREATE INDEX attempt_who_at ON attempt(who, at);"},
    {3, "people, second factor, named tokens, audit",
     "CREATE TABLE organisation (org_id TEXT PRIMARY KEY, kind TEXT NOT NULL,"
     " region TEXT NOT NULL, name_fr TEXT NOT NULL, name_ar TEXT NOT NULL,"
     " name_en TEXT NOT NULL);"
     "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
     " name_ar TEXT NOT NULL, org_id TEXT NOT NULL, establishment TEXT NOT NULL,"
     " erased_at INTEGER NOT NULL);"
     "ALTER TABLE account ADD COLUMN person INTEGER NOT NULL DEFAULT 0;"
     "CREATE INDEX account_person ON account(person);"
     "CREATE TABLE key_tie (key_id TEXT NOT NULL, account INTEGER NOT NULL,"
     " at INTEGER NOT NULL, PRIMARY KEY (key_id, account));"
     "CREATE TABLE second_factor (account INTEGER PRIMARY KEY, sealed TEXT NOT NULL,"
     " last_step INTEGER NOT NULL, confirmed_at INTEGER NOT NULL);"
     "CREATE TABLE recovery (account INTEGER NOT NULL, hash TEXT NOT NULL,"
     " PRIMARY KEY (account, hash));"
     "ALTER TABLE session ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN name TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE token ADD COLUMN rights TEXT NOT NULL DEFAULT '*';"
     "ALTER TABLE token ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;"
     "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
     " event TEXT NOT NULL, actor TEXT NOT NULL, role TEXT NOT NULL,"
     " org_id TEXT NOT NULL, establishment TEXT NOT NULL, object TEXT NOT NULL,"
     " hash TEXT NOT NULL);"
     "CREATE INDEX audit_event ON audit(event, seq);"
     "CREATE INDEX audit_actor ON audit(actor, seq);"
     "CREATE INDEX audit_house ON audit(establishment, seq);"},
    {4, "identity providers",
     "CREATE TABLE identity (issuer TEXT NOT NULL, subject TEXT NOT NULL,"
     " account INTEGER NOT NULL, PRIMARY KEY (issuer, subject));"
     "CREATE TABLE oidc_state (hash TEXT PRIMARY KEY, provider TEXT NOT NULL,"
     " nonce TEXT NOT NULL, verifier TEXT NOT NULL, browser TEXT NOT NULL,"
     " next TEXT NOT NULL, at INTEGER NOT NULL);"},
    {5, "codes for a new password",
     "CREATE TABLE reset (hash TEXT PRIMARY KEY, account INTEGER NOT NULL,"
     " until_at INTEGER NOT NULL);"
     "CREATE INDEX reset_account ON reset(account);"},
    {6, "two administrators for a reset",
     "ALTER TABLE account ADD COLUMN guarded INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE account ADD COLUMN since_at INTEGER NOT NULL DEFAULT 0;"
     "CREATE TABLE ask (id INTEGER PRIMARY KEY, account INTEGER NOT NULL,"
     " kind INTEGER NOT NULL, asked_by INTEGER NOT NULL, asked_at INTEGER NOT NULL,"
     " until_at INTEGER NOT NULL, confirmed_by INTEGER NOT NULL,"
     " confirmed_at INTEGER NOT NULL, told_at INTEGER NOT NULL);"
     "CREATE INDEX ask_account ON ask(account);"},
    {7, "two administrators for a token",
     "ALTER TABLE ask ADD COLUMN token_name TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE ask ADD COLUMN token_rights TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE ask ADD COLUMN token_until INTEGER NOT NULL DEFAULT 0;"},
    {8, "services",
     "CREATE TABLE client (id TEXT PRIMARY KEY, scope TEXT NOT NULL,"
     " purpose TEXT NOT NULL, jwks TEXT NOT NULL, created_at INTEGER NOT NULL);"
     "CREATE TABLE client_jti (hash TEXT PRIMARY KEY, until_at INTEGER NOT NULL);"
     "CREATE INDEX client_jti_until ON client_jti(until_at);"
     "CREATE TABLE client_token (hash TEXT PRIMARY KEY, client TEXT NOT NULL,"
     " scope TEXT NOT NULL, until_at INTEGER NOT NULL);"
     "CREATE INDEX client_token_client ON client_token(client);"
     "CREATE INDEX client_token_until ON client_token(until_at);"}};

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

/* Beside the database, not in it: a copy of auth.db alone opens no second factor. */
static int auth_seal_key(struct auth *a, const char *dir)
{
    char path[PATH_MAX], hex[CRYPTO_HEX + 1], *text = NULL;
    size_t n = 0;
    if (snprintf(path, sizeof path, "%s/auth.key", dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    int err = am_file_read(path, 256, &text, &n);
    if (!err)
        err =
            crypto_unhex(str_trim((struct str){text, n}), a->seal_key, sizeof a->seal_key)
                ? AM_E_TAMPERED
                : AM_OK;
    if (text) {
        crypto_wipe(text, n);
        free(text);
    }
    if (err != AM_E_NOTFOUND)
        return err;
    err = crypto_random(a->seal_key, sizeof a->seal_key);
    if (err)
        return err;
    crypto_hex(a->seal_key, sizeof a->seal_key, hex);
    hex[CRYPTO_HEX - 1] = '\n';
    err = am_file_write(path, (struct str){hex, CRYPTO_HEX}, 0600);
    crypto_wipe(hex, sizeof hex);
    return err;
}

static const struct crypto_argon2 auth_cheap = {
    .memory_kib = 64, .passes = 1, .lanes = 1};
static const struct crypto_argon2 *auth_price = &auth_cost;

void auth_cheap_passwords(void)
{
    auth_price = &auth_cheap;
}

int auth_open(struct auth **out, const char *dir)
{
    return auth_open_at(out, dir, auth_price);
}

int auth_open_db(struct auth **out, const char *dir, const char *path)
{
    return auth_open_path(out, dir, path, auth_price);
}

struct db *auth_db(struct auth *a)
{
    return a->db;
}

int auth_open_at(struct auth **out, const char *dir, const struct crypto_argon2 *cost)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/auth.db", dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    return auth_open_path(out, dir, path, cost);
}

int auth_open_path(struct auth **out, const char *dir, const char *path,
                   const struct crypto_argon2 *cost)
{
    struct db_config c = {.path = path,
                          .name = "auth",
                          .migrations = auth_migrations,
                          .n_migrations = AM_LEN(auth_migrations)};
    struct auth *a;
    int err;
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
        err = auth_seal_key(a, dir);
    if (!err)
        err = db_open(&a->db, &c);
    if (err) {
        crypto_wipe(a->seal_key, sizeof a->seal_key);
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
    auth_oidc_free(a->oidc);
    db_close(a->db);
    crypto_wipe(a->csrf_key, sizeof a->csrf_key);
    crypto_wipe(a->seal_key, sizeof a->seal_key);
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
