/* SPDX-License-Identifier: Apache-2.0 */
/* The WAL goes back into the file beside the writer, which would else stand still for as
 * long as that takes (200 ms for 100 MB) with everybody who waits for its commit. A
 * thread with a connection of its own copies it as it grows, a few MB at a time: 100 MB
 * at once keep the disk busy for 60 ms, and a commit's sync waits behind them. At the
 * limit the writer copies what came meanwhile, which is little, because only a WAL that
 * was copied whole begins anew. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "db/db_sqlite_priv.h"

enum {
    WAL_STEP = 1024,  /* pages the thread copies at a time */
    WAL_LITTLE = 128, /* pages, at most an eighth of `limit`, the writer copies itself */
    WAL_AGAIN = 32,   /* pages between two turns of the thread, at least */
    WAL_FAR = 4,      /* times `limit`: then the writer waits until it is copied */
    WAL_TRIES = 500,  /* of WAL_TRY_MS, where somebody else copies */
    WAL_TRY_MS = 10
};

struct db_wal {
    sqlite3 *db;
    pthread_t thread;
    bool running;
    int limit, little;
    int asked_at;        /* pages when the thread was last told; of the writer */
    atomic_int copied;   /* pages of the present WAL that are in the file */
    atomic_size_t turns; /* of the thread */
    atomic_bool failing; /* and said to be */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool asked, busy, stop; /* under the lock */
};

/* All there is when it begins; what comes meanwhile is for another turn. SQLITE_BUSY:
 * somebody else copies. */
static int wal_copy(struct db_wal *w, sqlite3 *db)
{
    int pages = -1, copied = -1;
    int rc =
        sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    if (!rc)
        atomic_store(&w->copied, AM_MAX(copied, 0));
    if (rc && rc != SQLITE_BUSY && !atomic_exchange(&w->failing, true))
        LOG_W("db.checkpoint", log_i("code", rc));
    if (!rc)
        atomic_store(&w->failing, false);
    return rc;
}

static void *wal_main(void *arg)
{
    struct db_wal *w = arg;
    am_assert(!pthread_mutex_lock(&w->lock));
    while (!w->stop) {
        if (!w->asked) {
            am_assert(!pthread_cond_wait(&w->wake, &w->lock));
            continue;
        }
        w->busy = true;
        am_assert(!pthread_mutex_unlock(&w->lock));
        if (!wal_copy(w, w->db))
            atomic_fetch_add(&w->turns, 1u);
        am_assert(!pthread_mutex_lock(&w->lock));
        w->asked = w->busy = false;
    }
    am_assert(!pthread_mutex_unlock(&w->lock));
    return NULL;
}

/* Begun when it is first needed: many stores never fill a WAL. */
static bool wal_begin(struct db_wal *w, const char *path)
{
    if (w->running)
        return true;
    if (!w->db && (sqlite3_open_v2(path, &w->db,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                       SQLITE_OPEN_PRIVATECACHE,
                                   NULL) ||
                   sqlite3_exec(w->db, "pragma synchronous = full", NULL, NULL, NULL))) {
        sqlite3_close(w->db);
        w->db = NULL;
    }
    w->running = w->db && !pthread_create(&w->thread, NULL, wal_main, w);
    return w->running;
}

/* An old reader may keep the thread from copying for a second: it is not told again at
 * each commit. */
static void wal_ask(struct db_wal *w, int pages)
{
    if (pages - w->asked_at < WAL_AGAIN)
        return;
    w->asked_at = pages;
    am_assert(!pthread_mutex_lock(&w->lock));
    if (!w->busy && !w->asked) {
        w->asked = true;
        am_assert(!pthread_cond_signal(&w->wake));
    }
    am_assert(!pthread_mutex_unlock(&w->lock));
}

static bool wal_busy(struct db_wal *w)
{
    bool busy;
    am_assert(!pthread_mutex_lock(&w->lock));
    busy = w->busy || w->asked;
    am_assert(!pthread_mutex_unlock(&w->lock));
    return busy;
}

/* After each commit of the writer, in its thread. A failure is met again by the next. */
static int wal_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct db_wal *w = arg;
    int copied = atomic_load(&w->copied), rc;
    bool far = pages > WAL_FAR * w->limit, begun;
    (void)name;
    if (pages < copied || pages < w->asked_at) { /* it began anew */
        atomic_store(&w->copied, copied = 0);
        w->asked_at = 0;
    }
    if (pages < w->limit && pages - copied < WAL_STEP)
        return SQLITE_OK;
    begun = wal_begin(w, sqlite3_db_filename(db, "main"));
    if (begun && !far &&
        (pages < w->limit || pages - copied > w->little || wal_busy(w))) {
        wal_ask(w, pages);
        return SQLITE_OK;
    }
    rc = wal_copy(w, db);
    for (int i = 0; rc == SQLITE_BUSY && far && i < WAL_TRIES; i++) {
        sqlite3_sleep(WAL_TRY_MS);
        rc = wal_copy(w, db);
    }
    return SQLITE_OK;
}

int db_wal_open(struct db_wal **out, sqlite3 *db, int limit)
{
    struct db_wal *w = am_calloc(1, sizeof *w);
    if (!w)
        return AM_E_NOMEM;
    w->limit = limit;
    w->little = AM_MIN(WAL_LITTLE, limit / 8);
    am_assert(!pthread_mutex_init(&w->lock, NULL));
    am_assert(!pthread_cond_init(&w->wake, NULL));
    sqlite3_wal_hook(db, wal_grew, w);
    *out = w;
    return AM_OK;
}

size_t db_wal_turns(const struct db_wal *w)
{
    return atomic_load(&w->turns);
}

/* SQLite does not wait for another checkpoint by itself, whatever its busy timeout. */
int db_wal_cut(sqlite3 *db)
{
    int rc = SQLITE_BUSY, pages, copied;
    for (int i = 0; i < WAL_TRIES; i++) {
        rc = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, &pages,
                                       &copied);
        if (rc != SQLITE_BUSY)
            break;
        sqlite3_sleep(WAL_TRY_MS);
    }
    return rc;
}

void db_wal_close(struct db_wal *w)
{
    if (!w)
        return;
    am_assert(!pthread_mutex_lock(&w->lock));
    w->stop = true;
    am_assert(!pthread_cond_signal(&w->wake));
    am_assert(!pthread_mutex_unlock(&w->lock));
    if (w->running)
        am_assert(!pthread_join(w->thread, NULL));
    am_assert(sqlite3_close(w->db) == SQLITE_OK);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
    free(w);
}
