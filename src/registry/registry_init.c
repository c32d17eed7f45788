/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry_priv.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <unistd.h>

#include "base/clock.h"

static bool registry_empty_dir(const char *dir)
{
    DIR *d = opendir(dir);
    bool empty = true;
    if (!d)
        return true;
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            empty = false;
    closedir(d);
    return empty;
}

/* Origins are read as regular expressions by some verifiers: plain characters only. */
static bool registry_origin_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789./-", s.p[i]) || !s.p[i])
            return false;
    return s.n > 0 && s.n < TLOG_NAME_MAX;
}

/* The ministry, whose automaton holds the service key; else who comes first. */
static struct str registry_ministry(const struct json *spec)
{
    const struct json *list = json_get(spec, "authorities");
    for (json_each(it, list))
        if (json_str_is(json_get(it.val, "role"), "msps"))
            return json_get_str(it.val, "org_id");
    return json_get_str(json_at(list, 0), "org_id");
}

/* The authorities of the spec, then the registry's own service key: it signs what the
 * clock brings (expiry, archive, suspensions that are due) and answers, never more. */
static void registry_authorities(const struct json *spec, struct str service,
                                 struct jw *w)
{
    struct str ministry = registry_ministry(spec);
    jw_arr(w);
    for (json_each(it, json_get(spec, "authorities")))
        jw_val(w, it.val);
    jw_obj(w);
    jw_kstrz(w, "role", "system");
    jw_kstrz(w, "function", "registry");
    jw_kstr(w, "org_id", ministry);
    jw_kstr(w, "label", ministry);
    jw_kstr(w, "spki", service);
    jw_obj_end(w);
    jw_arr_end(w);
}

static int registry_genesis_record(const struct json *spec, const struct tlog_vkey *key,
                                   struct str service, const char *policy_hex,
                                   struct buf *out)
{
    const struct json *first = json_at(json_get(spec, "authorities"), 0);
    char at[TIME_TEXT];
    struct buf vkey;
    struct jw w;
    int err;
    buf_init(&vkey, 512);
    err = tlog_vkey_format(key, &vkey);
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "type", "genesis");
    jw_kstrz(&w, "issued_at", time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
    jw_key(&w, "issuer");
    jw_obj(&w);
    jw_kstr(&w, "role", json_get_str(first, "role"));
    jw_kstr(&w, "org_id", json_get_str(first, "org_id"));
    jw_obj_end(&w);
    jw_kstr(&w, "origin", json_get_str(spec, "origin"));
    jw_kstr(&w, "type_base", json_get_str(spec, "type_base"));
    jw_kstr(&w, "log_key", buf_str(&vkey));
    jw_key(&w, "witnesses");
    jw_arr(&w);
    for (json_each(it, json_get(spec, "witnesses"))) {
        jw_obj(&w);
        jw_kstr(&w, "name", json_get_str(it.val, "name"));
        jw_kstr(&w, "vkey", json_get_str(it.val, "vkey"));
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_key(&w, "authorities");
    registry_authorities(spec, service, &w);
    jw_kstrz(&w, "policy_sha256", policy_hex);
    jw_obj_end(&w);
    buf_release(&vkey);
    return err ? err : jw_done(&w);
}

/* Statement, signature and leaf of entry 0. */
static int registry_genesis_leaf(struct str record, struct str type_base,
                                 const struct crypto_key *signer, struct buf *payload,
                                 uint8_t payload_sha[32], struct buf *leaf,
                                 struct diag *d)
{
    struct json_doc *doc = NULL;
    struct buf pae, sig, spki;
    int err = json_parse(&doc, record, NULL, d);
    buf_init(&pae, REGISTRY_RECORD_MAX + 128);
    buf_init(&sig, 256);
    buf_init(&spki, 512);
    if (!err)
        err = ledger_statement(LEDGER_EVENT, json_root(doc), type_base, payload, d);
    crypto_sha256(buf_str(payload), payload_sha);
    if (!err)
        err = ledger_pae(buf_str(payload), &pae);
    if (!err)
        err = crypto_sign(signer, buf_str(&pae), &sig);
    if (!err)
        err = crypto_key_spki(signer, &spki);
    if (!err)
        err = ledger_leaf(payload_sha, buf_str(&sig), buf_str(&spki), leaf);
    buf_release(&spki);
    buf_release(&sig);
    buf_release(&pae);
    json_free(doc);
    return err;
}

/* ---- before anything is written
 * -------------------------------------------------------------------------------- */
static int registry_conforms(const char *kind, const struct json *v, const char *prefix,
                             struct diag *d)
{
    struct json_doc *doc = NULL;
    struct json_schema *schema = NULL;
    struct diag found;
    int err;
    diag_init(&found);
    err = registry_schema(kind, &doc, &schema, &found);
    if (!err)
        err = json_schema_check(schema, v, &found);
    diag_merge(d, &found, prefix);
    diag_release(&found);
    json_schema_free(schema);
    json_free(doc);
    return err;
}

/* What the spec gave ends up in the record: its pointers are those of the spec. */
static int registry_check_genesis(struct str record, struct diag *d)
{
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, record, NULL, d);
    if (!err)
        err = registry_conforms("event", json_root(doc), "", d);
    json_free(doc);
    return err;
}

static int registry_write_witnesses(const char *dir, const struct json *spec)
{
    char path[PATH_MAX];
    struct buf b;
    int err = AM_OK;
    buf_init(&b, 1 << 20);
    for (json_each(it, json_get(spec, "witnesses"))) {
        struct str name = json_get_str(it.val, "name"), url = json_get_str(it.val, "url");
        if (url.n && !err)
            err = buf_addf(&b, "%.*s %.*s\n", STR_FMT(name), STR_FMT(url));
    }
    snprintf(path, sizeof path, "%s/witnesses", dir);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600);
    buf_release(&b);
    return err;
}

static int registry_first_account(const char *dir, const struct json *spec,
                                  char token[AUTH_TOKEN], struct diag *d)
{
    struct auth_account desk = {.login = "registry-desk",
                                .role = LEDGER_MSPS,
                                .function = "registry_desk",
                                .services = "*",
                                .lang = "fr"};
    const struct json *first = json_at(json_get(spec, "authorities"), 0);
    char password[2 * 24 + 1];
    uint8_t raw[24];
    struct auth *a = NULL;
    int64_t id;
    int err = crypto_random(raw, sizeof raw);
    snprintf(desk.org_id, sizeof desk.org_id, "%.*s",
             STR_FMT(json_get_str(first, "org_id")));
    if (!err)
        err = registry_place_auth(&a, dir, d);
    if (!err) /* a password nobody knows: this account enters by its token */
        err = auth_account_create(a, &desk, str_c(crypto_hex(raw, sizeof raw, password)),
                                  &id, d);
    if (!err)
        err = auth_token_create(a, id, time_now(), 0, token);
    auth_close(a);
    crypto_wipe(password, sizeof password);
    crypto_wipe(raw, sizeof raw);
    return err;
}

/* DIR/keys/service.key (P-256, 0600); b64 gets its public half. */
static int registry_service_make(const char *dir, struct buf *b64)
{
    char path[PATH_MAX];
    struct crypto_key *key = NULL;
    struct buf spki;
    int err = crypto_key_generate(&key, CRYPTO_P256);
    buf_init(&spki, 512);
    snprintf(path, sizeof path, "%s/keys/service.key", dir);
    if (!err)
        err = crypto_key_save(key, path, STR_NULL);
    if (!err)
        err = crypto_key_spki(key, &spki);
    if (!err)
        err = crypto_base64(b64, buf_str(&spki));
    buf_release(&spki);
    crypto_key_free(key);
    return err;
}

static int registry_init_persist(void *cookie, uint64_t first, const struct str *entry,
                                 const void *const *with, size_t n)
{
    return registry_store_persist(cookie, first, entry, with, n);
}

/* On a server the tables may be another registry's: not one row of it is touched. */
static int registry_init_empty(struct registry_store *store, struct diag *d)
{
    uint64_t n = 0;
    int err = registry_store_rows(store, &n);
    if (!err && n) {
        diag_err(d, "database", "registry.not_empty",
                 "the database holds a registry of %llu statements already",
                 (unsigned long long)n);
        err = AM_E_EXISTS;
    }
    return err;
}

static int registry_init_log(const char *dir, const struct json *spec,
                             const struct crypto_key *signer, struct str service,
                             uint8_t genesis[32], struct diag *d)
{
    char path[PATH_MAX], origin[TLOG_NAME_MAX], policy_hex[CRYPTO_HEX];
    struct registry_store store = {0};
    struct registry_carried with;
    struct tlog_config tc = {.dir = path,
                             .origin = origin,
                             .persist = registry_init_persist,
                             .cookie = &store};
    struct crypto_key *key = NULL;
    struct blob_store *blobs = NULL;
    struct tlog *log = NULL;
    struct buf policy, record, payload, leaf;
    uint8_t digest[32];
    uint64_t index;
    int err;
    buf_init(&payload, REGISTRY_RECORD_MAX);
    buf_init(&policy, REGISTRY_RECORD_MAX);
    buf_init(&record, REGISTRY_RECORD_MAX);
    buf_init(&leaf, TLOG_ENTRY_MAX);
    snprintf(origin, sizeof origin, "%.*s", STR_FMT(json_get_str(spec, "origin")));
    snprintf(path, sizeof path, "%s/keys/log.key", dir);
    err = crypto_key_generate(&key, CRYPTO_ED25519);
    if (!err)
        err = crypto_key_save(key, path, STR_NULL);
    snprintf(path, sizeof path, "%s/blobs", dir);
    if (!err)
        err = blob_open(&blobs, path);
    if (!err)
        err = json_canon(&policy, json_get(spec, "policy"));
    if (!err)
        err = blob_put(blobs, buf_str(&policy), digest);
    crypto_hex(digest, sizeof digest, policy_hex);
    if (!err)
        err = registry_store_open(&store, dir, d);
    if (!err)
        err = registry_init_empty(&store, d);
    snprintf(path, sizeof path, "%s/log", dir);
    tc.key = key;
    if (!err)
        err = tlog_open(&log, &tc);
    if (!err)
        err = registry_genesis_record(spec, tlog_key(log), service, policy_hex, &record);
    if (!err)
        err = registry_check_genesis(buf_str(&record), d);
    if (!err)
        err = registry_genesis_leaf(buf_str(&record), json_get_str(spec, "type_base"),
                                    signer, &payload, genesis, &leaf, d);
    with = (struct registry_carried){.payload = buf_str(&payload)};
    if (!err) {
        memcpy(with.digest, genesis, sizeof with.digest);
        err = tlog_append_with(log, buf_str(&leaf), &with, &index);
    }
    tlog_close(log);
    registry_store_close(&store);
    blob_close(blobs);
    crypto_key_free(key);
    buf_release(&leaf);
    buf_release(&payload);
    buf_release(&record);
    buf_release(&policy);
    return err;
}

/* The first entry must be signed by one of the authorities it names. */
static int registry_signer_named(const struct json *spec, const struct crypto_key *signer,
                                 struct diag *d)
{
    struct buf spki, b64;
    bool named = false;
    int err;
    buf_init(&spki, 512);
    buf_init(&b64, 1024);
    err = crypto_key_spki(signer, &spki);
    if (!err)
        err = crypto_base64(&b64, buf_str(&spki));
    for (json_each(it, json_get(spec, "authorities")))
        named = named || str_eq(json_get_str(it.val, "spki"), buf_str(&b64));
    if (!err && !named) {
        diag_err(d, "/authorities", "registry.signer",
                 "the key that signs is not one of the authorities");
        err = AM_E_INVALID;
    }
    buf_release(&b64);
    buf_release(&spki);
    return err;
}

static int registry_check_spec(const struct json *spec, const struct crypto_key *signer,
                               struct diag *d)
{
    size_t before = d->errors;
    int err = AM_OK;
    if (!registry_origin_ok(json_get_str(spec, "origin")))
        diag_err(d, "/origin", "registry.origin", "characters a-z 0-9 . / - only");
    if (json_size(json_get(spec, "authorities")) == 0)
        diag_err(d, "/authorities", "schema.required", "at least one authority");
    else
        err = registry_signer_named(spec, signer, d);
    if (err && err != AM_E_INVALID)
        return err;
    if (json_type(json_get(spec, "policy")) != JSON_OBJECT)
        diag_err(d, "/policy", "schema.required", "the policy document");
    else
        err = registry_conforms("policy", json_get(spec, "policy"), "/policy", d);
    if (err && err != AM_E_INVALID)
        return err;
    return d->errors > before ? AM_E_INVALID : AM_OK;
}

static int registry_remove_one(const char *path, const struct stat *st, int type,
                               struct FTW *w)
{
    (void)st, (void)type;
    return w->level == 0 ? 0 : remove(path); /* the folder itself was the caller's */
}

/* Refuses a first entry that the fold would not accept: before anybody pins it. */
static int registry_prove(const char *dir, struct diag *d)
{
    struct registry *r = NULL;
    struct registry_config c = {.dir = dir};
    int err = registry_open(&r, &c, d);
    registry_close(r);
    return err;
}

static int registry_fill(const char *dir, const struct json *spec,
                         const struct crypto_key *signer, char admin_token[AUTH_TOKEN],
                         uint8_t genesis[32], struct diag *d)
{
    char path[PATH_MAX];
    struct buf service;
    int err;
    buf_init(&service, 1024);
    snprintf(path, sizeof path, "%s/origin", dir);
    err = am_file_write(path, json_get_str(spec, "origin"), 0600);
    if (!err)
        err = registry_service_make(dir, &service);
    if (!err)
        err = registry_init_log(dir, spec, signer, buf_str(&service), genesis, d);
    buf_release(&service);
    if (!err)
        err = registry_write_witnesses(dir, spec);
    if (!err)
        err = registry_first_account(dir, spec, admin_token, d);
    return err ? err : registry_prove(dir, d);
}

/* On a server others may be at work: what fails here leaves nothing of ours there. */
static int registry_begin(struct db_birth **birth, const char *dir, struct diag *d)
{
    static const char *const schema[] = {"registry", "auth"};
    struct registry_place p;
    int err = registry_place(dir, "registry", &p, d);
    if (err || !p.server)
        return err;
    err = db_birth_begin(birth, p.path, schema, AM_LEN(schema));
    if (err)
        diag_err(d, "database", "registry.db", "the database cannot be opened: %s",
                 am_err_text(err));
    return err;
}

static int registry_make(const char *dir, const char *database, const struct json *spec,
                         const struct crypto_key *signer, char admin_token[AUTH_TOKEN],
                         uint8_t genesis[32], struct diag *d)
{
    struct db_birth *birth = NULL;
    char path[PATH_MAX];
    int err;
    snprintf(path, sizeof path, "%s/keys", dir);
    err = am_dir_make(path, 0700);
    if (!err && database)
        err = registry_place_set(dir, database);
    if (!err)
        err = registry_begin(&birth, dir, d);
    if (!err)
        err = registry_fill(dir, spec, signer, admin_token, genesis, d);
    db_birth_end(birth, !err);
    return err;
}

int registry_init(const char *dir, const struct json *spec,
                  const struct crypto_key *signer, char admin_token[AUTH_TOKEN],
                  uint8_t genesis[32], struct diag *d)
{
    return registry_init_at(dir, NULL, spec, signer, admin_token, genesis, d);
}

int registry_init_at(const char *dir, const char *database, const struct json *spec,
                     const struct crypto_key *signer, char admin_token[AUTH_TOKEN],
                     uint8_t genesis[32], struct diag *d)
{
    int err;
    if (!registry_empty_dir(dir)) {
        diag_err(d, dir, "registry.not_empty", "the folder is not empty");
        return AM_E_EXISTS;
    }
    err = registry_check_spec(spec, signer, d);
    if (err)
        return err;
    err = registry_make(dir, database, spec, signer, admin_token, genesis, d);
    if (err) /* it was empty: half a registry is worth less than none */
        (void)nftw(dir, registry_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return err;
}
