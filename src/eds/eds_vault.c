/* SPDX-License-Identifier: Apache-2.0 */
/* The vault: secrets of the store, each sealed under the node's key (kek).
 *
 *   kek  1   eight bytes that tell which key wraps the others: a wrong key is told from
 *            damage
 *   root 1   never changes: the keys of digests, of index terms, of dictionaries and of
 *            what is kept beside the store come from it (HKDF)
 *   data n   the key of bodies; the greatest n seals what is written now
 *   dict n   dictionaries, under a key of root; empty: one that was forgotten
 *            (eds_forget.c), its number stays taken */
#include "base/clock.h"
#include "base/log.h"
#include "eds/eds_priv.h"

struct eds_vault_row {
    const char *kind;
    int64_t n;
    struct str sealed;
};

static struct str eds_key_str(const uint8_t key[EDS_KEY])
{
    return (struct str){(const char *)key, EDS_KEY};
}

static int eds_kek_id(const uint8_t kek[EDS_KEY], uint8_t out[8])
{
    return crypto_hkdf_sha256(eds_key_str(kek), STR(""), STR("amane eds kek id 1"), out,
                              8);
}

static struct str eds_vault_aad(const char *kind, int64_t n, char out[64])
{
    snprintf(out, 64, "amane eds %s %lld", kind, (long long)n);
    return str_c(out);
}

/* ---- from root ---- */
static int eds_root_use(struct eds *e, const uint8_t root[EDS_KEY])
{
    uint8_t words[16];
    struct str r = eds_key_str(root);
    int err = crypto_hkdf_sha256(r, STR(""), STR("amane eds digest 1"), e->mac, EDS_KEY);
    if (!err)
        err = crypto_hkdf_sha256(r, STR(""), STR("amane eds dictionary 1"), e->dict_key,
                                 EDS_KEY);
    if (!err)
        err = crypto_hkdf_sha256(r, STR(""), STR("amane eds aside 1"), e->aside_key,
                                 EDS_KEY);
    if (!err)
        err =
            crypto_hkdf_sha256(r, STR(""), STR("amane eds terms 1"), words, sizeof words);
    if (!err)
        memcpy(e->row_key.k, words, sizeof words);
    crypto_wipe(words, sizeof words);
    return err;
}

/* ---- beside the store ---- */
static int eds_aside_aad(struct buf *aad, struct str name)
{
    buf_init(aad, 4096);
    return buf_addf(aad, "amane eds aside %.*s", STR_FMT(name));
}

int eds_aside_seal(const struct eds *e, struct str name, struct str plain,
                   struct buf *out)
{
    struct buf aad;
    int err = eds_aside_aad(&aad, name);
    if (!err)
        err = crypto_seal(e->aside_key, buf_str(&aad), plain, out);
    buf_release(&aad);
    return err;
}

int eds_aside_open(const struct eds *e, struct str name, struct str sealed,
                   struct buf *out)
{
    struct buf aad;
    int err = eds_aside_aad(&aad, name);
    if (!err)
        err = crypto_open(e->aside_key, buf_str(&aad), sealed, out);
    buf_release(&aad);
    return err;
}

/* ---- loading ---- */
static int eds_dict_use(struct eds *e, int64_t n, struct str sealed)
{
    char aad[64];
    struct buf plain;
    int err;
    if (n <= (int64_t)atomic_load(&e->n_dicts))
        return AM_OK;
    if (n != (int64_t)atomic_load(&e->n_dicts) + 1 || n > EDS_DICTS_MAX)
        return AM_E_TAMPERED;
    if (!sealed.n) {
        atomic_store(&e->n_dicts, (unsigned)n);
        return AM_OK;
    }
    buf_init(&plain, 1 << 20);
    err = crypto_open(e->dict_key, eds_vault_aad("dict", n, aad), sealed, &plain);
    if (!err)
        err = pack_dict_new(&e->dict[n - 1], buf_str(&plain));
    if (!err)
        atomic_store(&e->n_dicts, (unsigned)n);
    buf_wipe(&plain);
    return err;
}

static int eds_secret_use(struct eds *e, const char *kind, int64_t n, struct str sealed)
{
    char aad[64];
    struct buf plain;
    bool data = strcmp(kind, "data") == 0;
    int err = AM_OK;
    if (data && n <= (int64_t)atomic_load(&e->n_keys))
        return AM_OK;
    if (data && (n != (int64_t)atomic_load(&e->n_keys) + 1 || n > EDS_KEYS_MAX))
        return AM_E_TAMPERED;
    buf_init(&plain, 64);
    err = crypto_open(e->kek, eds_vault_aad(kind, n, aad), sealed, &plain);
    if (!err && plain.n != EDS_KEY)
        err = AM_E_TAMPERED;
    if (!err && data) {
        memcpy(e->key[n - 1], plain.p, EDS_KEY);
        atomic_store(&e->n_keys, (unsigned)n);
    } else if (!err) {
        err = eds_root_use(e, (const uint8_t *)plain.p);
    }
    buf_wipe(&plain);
    return err;
}

/* Is it this key that wraps the others? Asked first: the order below is "kek" last. */
static int eds_kek_check(struct eds *e, struct db_conn *c)
{
    struct db_stmt *s;
    uint8_t id[8];
    bool row = false;
    int err = eds_kek_id(e->kek, id);
    if (!err)
        err = db_prepare(c, "select sealed from vault where kind = 'kek'", &s);
    if (!err)
        err = db_step(s, &row);
    if (err)
        return err;
    if (!row)
        return AM_E_NOTFOUND;
    if (db_blob(s, 0).n == sizeof id && crypto_equal(db_blob(s, 0).p, id, sizeof id))
        return AM_OK;
    LOG_E("eds.key", log_s("wrong", "not the key that wraps this store's"));
    return AM_E_UNAUTHORIZED;
}

/* root before what needs it: "root" is read first, then data, then dict. */
static int eds_vault_fn(struct db_conn *c, void *arg)
{
    struct eds *e = arg;
    struct db_stmt *s;
    bool row = false, root = false;
    int err = eds_kek_check(e, c);
    if (err)
        return err;
    err = db_prepare(c,
                     "select kind, n, sealed from vault where kind <> 'kek'"
                     " order by case kind when 'root' then 1 else 2 end, kind, n",
                     &s);
    if (err)
        return err;
    am_assert(!pthread_mutex_lock(&e->lock));
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        struct str kind = db_str(s, 0);
        if (str_eqc(kind, "dict")) {
            err = eds_dict_use(e, db_int(s, 1), db_blob(s, 2));
        } else {
            root = root || str_eqc(kind, "root");
            err = eds_secret_use(e, str_eqc(kind, "root") ? "root" : "data", db_int(s, 1),
                                 db_blob(s, 2));
        }
    }
    am_assert(!pthread_mutex_unlock(&e->lock));
    if (!err && (!root || !atomic_load(&e->n_keys)))
        err = AM_E_TAMPERED;
    if (err)
        LOG_E("eds.vault", log_err(err));
    return err;
}

int eds_vault_load(struct eds *e)
{
    return db_read(e->db, eds_vault_fn, e);
}

/* ---- writing ---- */
static int eds_vault_put(struct db_conn *c, const char *kind, int64_t n,
                         const uint8_t under[EDS_KEY], struct str plain)
{
    char aad[64];
    struct buf sealed;
    int err;
    buf_init(&sealed, 1 << 20);
    err = crypto_seal(under, eds_vault_aad(kind, n, aad), plain, &sealed);
    if (!err)
        err = db_exec(c,
                      "insert into vault (kind, n, at, sealed) values ($1, $2, $3, $4)"
                      " on conflict (kind, n) do update set sealed = excluded.sealed",
                      "siib", str_c(kind), n, time_now(), buf_str(&sealed));
    buf_wipe(&sealed);
    return err;
}

static int eds_vault_kek(struct db_conn *c, const uint8_t kek[EDS_KEY])
{
    uint8_t id[8];
    int err = eds_kek_id(kek, id);
    return err ? err
               : db_exec(c,
                         "insert into vault (kind, n, at, sealed) values ('kek', 1, $1,"
                         " $2) on conflict (kind, n) do update set sealed ="
                         " excluded.sealed",
                         "ib", time_now(), (struct str){(const char *)id, sizeof id});
}

static int eds_vault_make(struct db_conn *c, void *arg)
{
    struct eds *e = arg;
    uint8_t root[EDS_KEY], data[EDS_KEY];
    int err = crypto_random(root, sizeof root);
    if (!err)
        err = crypto_random(data, sizeof data);
    if (!err)
        err = eds_vault_kek(c, e->kek);
    if (!err)
        err = eds_vault_put(c, "root", 1, e->kek, eds_key_str(root));
    if (!err)
        err = eds_vault_put(c, "data", 1, e->kek, eds_key_str(data));
    crypto_wipe(root, sizeof root);
    crypto_wipe(data, sizeof data);
    return err;
}

int eds_vault_open(struct eds *e)
{
    int err = eds_vault_load(e);
    if (err != AM_E_NOTFOUND || e->mode != EDS_WRITE)
        return err;
    err = db_write(e->db, eds_vault_make, e);
    return err ? err : eds_vault_load(e);
}

struct eds_vault_new {
    struct eds *e;
    struct str bytes; /* of a dictionary */
    const uint8_t *kek;
};

static int eds_dict_fn(struct db_conn *c, void *arg)
{
    const struct eds_vault_new *v = arg;
    unsigned n = atomic_load(&v->e->n_dicts) + 1;
    if (n > EDS_DICTS_MAX)
        return AM_E_TOOMANY;
    if (!v->bytes.n)
        return db_exec(
            c, "insert into vault (kind, n, at, sealed) values ('dict', $1, $2, $3)",
            "iib", (int64_t)n, time_now(), STR(""));
    return eds_vault_put(c, "dict", n, v->e->dict_key, v->bytes);
}

int eds_vault_dict(struct eds *e, struct str bytes)
{
    struct eds_vault_new v = {.e = e, .bytes = bytes};
    int err = db_write(e->db, eds_dict_fn, &v);
    return err ? err : eds_vault_load(e);
}

static int eds_rotate_fn(struct db_conn *c, void *arg)
{
    struct eds *e = arg;
    uint8_t data[EDS_KEY];
    unsigned n = atomic_load(&e->n_keys) + 1;
    int err = n > EDS_KEYS_MAX ? AM_E_TOOMANY : crypto_random(data, sizeof data);
    if (!err)
        err = eds_vault_put(c, "data", n, e->kek, eds_key_str(data));
    crypto_wipe(data, sizeof data);
    return err;
}

int eds_rotate(struct eds *e)
{
    int err = db_write(e->db, eds_rotate_fn, e);
    if (!err)
        err = eds_vault_load(e);
    if (!err)
        LOG_I("eds.rotated", log_i("keys", atomic_load(&e->n_keys)));
    return err;
}

/* ---- another key around the same secrets ---- */
static int eds_rewrap_one(struct eds *e, struct db_conn *c, const char *kind, int64_t n,
                          const uint8_t kek[EDS_KEY])
{
    char aad[64];
    struct buf plain;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select sealed from vault where kind = $1 and n = $2", &s);
    if (err)
        return err;
    db_bind_str(s, 1, str_c(kind));
    db_bind_int(s, 2, n);
    err = db_step(s, &row);
    if (!err && !row)
        err = AM_E_TAMPERED;
    buf_init(&plain, 64);
    if (!err)
        err = crypto_open(e->kek, eds_vault_aad(kind, n, aad), db_blob(s, 0), &plain);
    if (!err)
        err = eds_vault_put(c, kind, n, kek, buf_str(&plain));
    buf_wipe(&plain);
    return err;
}

static int eds_rewrap_fn(struct db_conn *c, void *arg)
{
    const struct eds_vault_new *v = arg;
    unsigned keys = atomic_load(&v->e->n_keys);
    int err = eds_kek_check(v->e, c);
    if (!err)
        err = eds_rewrap_one(v->e, c, "root", 1, v->kek);
    for (unsigned n = 1; n <= keys && !err; n++)
        err = eds_rewrap_one(v->e, c, "data", n, v->kek);
    return err ? err : eds_vault_kek(c, v->kek);
}

int eds_rewrap(struct eds *e, const uint8_t key[EDS_KEY])
{
    struct eds_vault_new v = {.e = e, .kek = key};
    int err = eds_vault_load(e); /* keys another process made meanwhile */
    if (!err)
        err = db_write(e->db, eds_rewrap_fn, &v);
    if (!err)
        memcpy(e->kek, key, EDS_KEY);
    return err;
}
