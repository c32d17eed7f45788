/* SPDX-License-Identifier: Apache-2.0 */
/* A database that went back: after a failover to a server that lacks the last writes, or
 * a copy put in place while a node runs, rids that were given are given again, to other
 * versions. What is remembered by rid (bodies, the tail, counts, facts of the door) would
 * then be of the wrong one.
 *
 * Whoever writes looks whenever the ground moved (each transaction): the head of the
 * chain that was told last must be in it, and no rid may be greater than the newest. A
 * writer always looks before it gives a rid, so nothing that was kept is met by a new
 * one; what an open view still holds is its own (eds_kept_epoch()). Another process that
 * writes in between, while this one has lost its lock, is seen at this one's next write,
 * not before. */
#include "base/log.h"
#include "eds/eds_index_priv.h"

void eds_told(struct eds *e, int64_t rid, const uint8_t head[CRYPTO_SHA256])
{
    am_assert(!pthread_mutex_lock(&e->lock));
    if (rid > e->told.rid) {
        e->told.rid = rid;
        memcpy(e->told.head, head, CRYPTO_SHA256);
    }
    am_assert(!pthread_mutex_unlock(&e->lock));
}

void eds_saw(struct eds *e, int64_t rid)
{
    long long seen = atomic_load_explicit(&e->seen, memory_order_relaxed);
    while (rid > seen && !atomic_compare_exchange_weak(&e->seen, &seen, rid))
        continue;
}

/* Is what was told last still a link of the chain? */
static int back_linked(struct eds *e, struct db_conn *c, bool *yes)
{
    uint8_t head[CRYPTO_SHA256];
    struct db_stmt *s;
    bool row = false;
    int64_t rid;
    int err;
    am_assert(!pthread_mutex_lock(&e->lock));
    if (!e->told.rid) { /* before this process gave any: all of it is committed */
        e->told.rid = e->now.rid;
        memcpy(e->told.head, e->now.head, sizeof head);
    }
    rid = e->told.rid;
    memcpy(head, e->told.head, sizeof head);
    am_assert(!pthread_mutex_unlock(&e->lock));
    *yes = !rid || crypto_equal(head, e->now.head, sizeof head);
    if (*yes)
        return AM_OK;
    err = db_prepare(c, "select hash from link where last = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, rid);
    err = db_step(s, &row);
    *yes = !err && row && db_blob(s, 0).n == sizeof head &&
           crypto_equal(db_blob(s, 0).p, head, sizeof head);
    return err;
}

static int back_number(struct db_conn *c, const char *sql, unsigned least, bool *there)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, sql, &s);
    if (!err)
        err = db_step(s, &row);
    *there = *there && !err && row && db_int(s, 0) >= (int64_t)least;
    return err;
}

/* Types, keys and dictionaries in memory must be those of the database. */
static int back_tools(struct eds *e, struct db_conn *c, bool *there)
{
    struct db_stmt *s;
    bool row = false;
    const char *name;
    int64_t n = 0;
    int err = db_prepare(c, "select n, name from kind order by n", &s);
    *there = true;
    if (err)
        return err;
    for (err = db_step(s, &row); !err && row; err = err ? err : db_step(s, &row)) {
        n = db_int(s, 0);
        name = eds_kind_name(e, n);
        *there = *there && (!name || str_eqc(db_str(s, 1), name));
    }
    *there = *there && !eds_kind_name(e, n + 1);
    if (!err)
        err = back_number(c, "select count(*) from vault where kind = 'data'",
                          atomic_load(&e->n_keys), there);
    return err ? err
               : back_number(c, "select count(*) from vault where kind = 'dict'",
                             atomic_load(&e->n_dicts), there);
}

/* Another epoch first, so that older views tell nothing any more; and once more last: a
 * view that began in between may have met, and told, what was not forgotten yet. */
static void back_forget(struct eds *e)
{
    eds_kept_clear(e->kept);
    eds_tail_clear(e->tail);
    am_assert(!pthread_mutex_lock(&e->lock));
    memset(e->counted, 0, sizeof e->counted);
    e->told.rid = e->now.rid;
    memcpy(e->told.head, e->now.head, sizeof e->told.head);
    am_assert(!pthread_mutex_unlock(&e->lock));
    atomic_store(&e->seen, e->now.rid);
    eds_kept_clear(e->kept);
}

int eds_back_look(struct eds *e, struct db_conn *c)
{
    int64_t seen = atomic_load(&e->seen);
    bool linked, there;
    int err = back_linked(e, c, &linked);
    if (err || (linked && seen <= e->now.rid))
        return err;
    err = back_tools(e, c, &there);
    if (err)
        return err;
    LOG_E("eds.went_back", log_i("newest", e->now.rid), log_i("seen", seen),
          log_s("then", there ? "goes on" : "nothing is written until it is reopened"));
    if (!there)
        atomic_store(&e->lost, true);
    back_forget(e);
    return AM_OK;
}
