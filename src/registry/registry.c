/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry_priv.h"

#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "embed/embed.h"

enum { INDEX_NOW = 1000 };

const char *registry_dir(const struct registry *r)
{
    return r->dir;
}

struct auth *registry_auth(struct registry *r)
{
    return r->auth;
}

struct tlog *registry_log(struct registry *r)
{
    return r->log;
}

struct blob_store *registry_blobs(struct registry *r)
{
    return r->blobs;
}

const struct crypto_key *registry_service_key(const struct registry *r)
{
    return r->service;
}

struct db *registry_db(struct registry *r)
{
    return r->store.db;
}

void registry_on_stop(struct registry *r, void (*fn)(void *cookie), void *cookie)
{
    r->on_stop = fn;
    r->on_stop_cookie = cookie;
}

void registry_note_quorum(struct registry *r)
{
    struct tlog_checkpoint c;
    struct buf note;
    buf_init(&note, TLOG_NOTE_MAX);
    if (tlog_note_cosigned(r->log, &note) == AM_OK &&
        tlog_checkpoint_open(buf_str(&note), tlog_key(r->log), &c) == AM_OK)
        atomic_store(&r->cosigned, c.size);
    buf_release(&note);
}

int registry_view(struct registry *r, registry_fn *fn, void *arg)
{
    int err;
    pthread_rwlock_rdlock(&r->fold);
    err = fn(arg, r->ledger, atomic_load(&r->cosigned));
    pthread_rwlock_unlock(&r->fold);
    return err;
}

void registry_stats(struct registry *r, struct registry_stats *out)
{
    pthread_rwlock_rdlock(&r->fold);
    *out = (struct registry_stats){.size = ledger_size(r->ledger),
                                   .versions = ledger_versions(r->ledger),
                                   .deployments = ledger_deployments(r->ledger),
                                   .stops = ledger_stops(r->ledger)};
    pthread_rwlock_unlock(&r->fold);
    out->cosigned = atomic_load(&r->cosigned);
    out->submitted = atomic_load(&r->submitted);
    out->refused = atomic_load(&r->refused);
}

/* ---- life
 * ------------------------------------------------------------------------------- */
int registry_schema(const char *kind, struct json_doc **doc, struct json_schema **out,
                    struct diag *d)
{
    char path[64];
    const struct embed_file *f;
    int err;
    snprintf(path, sizeof path, "schema/%s-1.json", kind);
    f = embed_find(path);
    am_assert(f); /* the program was built without its schemas */
    err = json_parse(doc, (struct str){(const char *)f->data, f->size}, NULL, d);
    return err ? err : json_schema_compile(out, json_root(*doc), NULL, NULL, d);
}

static int registry_schemas(struct registry *r, struct diag *d)
{
    int err = AM_OK;
    for (size_t k = 0; k < LEDGER_KINDS && !err; k++)
        err = registry_schema(ledger_kind_name((enum ledger_kind)k), &r->schema_doc[k],
                              &r->schema[k], d);
    return err;
}

/* Readers come all the time: without preference a writer might wait for ever. Nobody
 * takes the read lock twice. */
static void registry_locks(struct registry *r)
{
    pthread_rwlockattr_t a;
    pthread_condattr_t clock;
    pthread_rwlockattr_init(&a);
    pthread_rwlockattr_setkind_np(&a, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&r->fold, &a);
    pthread_rwlockattr_destroy(&a);
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->past_lock, NULL);
    pthread_mutex_init(&r->table_lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &clock);
    pthread_cond_init(&r->ail, &clock);
    pthread_condattr_destroy(&clock);
}

static void registry_on_checkpoint(void *cookie, const struct tlog_checkpoint *c)
{
    registry_batch_fold(cookie);
    registry_cosign_wake(cookie, c->size);
}

/* A registry without a service key works, and states nothing by itself. */
static int registry_load_service(struct registry *r, struct diag *d)
{
    char path[PATH_MAX];
    int err;
    snprintf(path, sizeof path, "%s/keys/service.key", r->dir);
    err = crypto_key_load(&r->service, path, STR_NULL);
    if (err == AM_E_NOTFOUND)
        return AM_OK;
    if (!err && crypto_key_alg(r->service) != CRYPTO_P256)
        err = AM_E_INVALID;
    if (err)
        diag_err(d, path, "registry.key", "the service key cannot be read: %s",
                 am_err_text(err));
    return err;
}

static int registry_persist(void *cookie, uint64_t first, const struct str *entry,
                            const void *const *with, size_t n)
{
    struct registry *r = cookie;
    int err = registry_batch_note(r, first, with, n);
    return err ? err : registry_store_persist(&r->store, first, entry, with, n);
}

/* Rows and log must tell the same story before anything of them is believed. */
static int registry_load_fold(struct registry *r, struct diag *d)
{
    struct tlog_checkpoint head;
    struct tlog_hash root;
    uint64_t rows = 0;
    int err = registry_store_rows(&r->store, &rows);
    tlog_head(r->log, &head);
    r->marked = registry_mark_get(r);
    if (!err)
        err = registry_fold_rows(r, rows, r->marked, head.size, &root);
    if (!err && memcmp(&root, &head.root, sizeof root) != 0)
        err = AM_E_TAMPERED;
    if (err)
        diag_err(d, "registry.db", "registry.db_other",
                 "the statements in the database are not those of the log (%s): run "
                 "`amane log fsck`, put the newest backup back",
                 am_err_text(err));
    if (!err) /* what a crash left beyond the checkpoint: verified and folded by now */
        err = registry_store_join(&r->store, r->log, d);
    if (!err)
        err = registry_catch_up(r);
    return err ? err : registry_mark_set(r);
}

static int registry_load(struct registry *r, struct diag *d)
{
    char path[PATH_MAX], origin[TLOG_NAME_MAX];
    struct tlog_config tc = {.dir = path,
                             .persist = registry_persist,
                             .on_checkpoint = registry_on_checkpoint,
                             .cookie = r};
    char *text;
    size_t n;
    int err;
    snprintf(path, sizeof path, "%s/keys/log.key", r->dir);
    err = crypto_key_load(&r->key, path, STR_NULL);
    if (err) {
        diag_err(d, path, "registry.key", "the log key cannot be read: %s",
                 am_err_text(err));
        return err;
    }
    err = registry_load_service(r, d);
    if (err)
        return err;
    snprintf(path, sizeof path, "%s/origin", r->dir);
    err = am_file_read(path, sizeof origin - 1, &text, &n);
    if (err) {
        diag_err(d, path, "registry.origin",
                 "not a registry folder: run `registry init`");
        return err;
    }
    snprintf(origin, sizeof origin, "%.*s", STR_FMT(str_trim((struct str){text, n})));
    free(text);
    snprintf(path, sizeof path, "%s/blobs", r->dir);
    err = blob_open(&r->blobs, path);
    if (err)
        return err;
    blob_behind(r->blobs, registry_store_get, &r->store);
    snprintf(path, sizeof path, "%s/log", r->dir);
    tc.origin = origin;
    tc.key = r->key;
    err = tlog_open(&r->log, &tc);
    if (err == AM_E_CONFLICT)
        diag_err(d, path, "registry.busy", "another process has this folder open");
    if (!err) /* under the log's lock: one process has the database, too */
        err = registry_store_open(&r->store, r->dir, d);
    if (!err)
        err = registry_store_whole(&r->store, r->log, d);
    if (!err)
        err = registry_place_auth(&r->auth, r->dir, d);
    if (!err)
        err = ledger_new(&r->ledger, r->blobs);
    if (!err)
        err = ledger_verifier_new(&r->verifier);
    return err ? err : registry_load_fold(r, d);
}

int registry_open(struct registry **out, const struct registry_config *c, struct diag *d)
{
    struct registry *r = am_calloc(1, sizeof *r);
    int err;
    if (!r)
        return AM_E_NOMEM;
    registry_locks(r);
    map_init(&r->class);
    map_init(&r->canonical);
    r->refresh_s = c->refresh_s ? c->refresh_s : 60;
    err = snprintf(r->dir, sizeof r->dir, "%s", c->dir) < (int)sizeof r->dir
              ? AM_OK
              : AM_E_TOOBIG;
    if (!err)
        err = registry_roots_read(r, c->model_roots, d);
    if (!err)
        err = registry_schemas(r, d);
    if (!err)
        err = registry_search_open(r);
    if (!err)
        err = registry_load(r, d);
    if (!err)
        err = registry_split_load(r);
    if (!err)
        err = registry_index_start(r, c->index_beside ? 0 : INDEX_NOW);
    if (!err) {
        registry_note_quorum(r);
        err = registry_cosign_start(r, d);
    }
    if (!err)
        err = registry_clock_start(r);
    if (!err)
        err = registry_heal_start(r);
    if (err) {
        registry_close(r);
        return err;
    }
    *out = r;
    return AM_OK;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    registry_cosign_stop(r);
    registry_clock_stop(r);
    registry_heal_stop(r);
    registry_index_stop(r);
    if (r->marked && registry_mark_set(r))
        LOG_W("registry.mark_kept", log_i("size", (int64_t)r->marked));
    tlog_close(r->log); /* its callback uses r: before anything else goes */
    registry_past_close(r);
    ledger_free(r->ledger);
    ledger_verifier_free(r->verifier);
    vec_release(&r->batch);
    free(r->type_base);
    auth_close(r->auth);
    blob_close(r->blobs); /* it reads the store */
    registry_store_close(&r->store);
    crypto_key_free(r->service);
    crypto_key_free(r->key);
    map_release(&r->class);
    registry_search_close(r);
    map_release(&r->canonical);
    vec_release(&r->twin);
    for (size_t k = 0; k < LEDGER_KINDS; k++) {
        json_schema_free(r->schema[k]);
        json_free(r->schema_doc[k]);
    }
    free(r->model_roots);
    pthread_cond_destroy(&r->ail);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->past_lock);
    pthread_mutex_destroy(&r->table_lock);
    pthread_mutex_destroy(&r->lock);
    pthread_rwlock_destroy(&r->fold);
    free(r);
}
