/* SPDX-License-Identifier: Apache-2.0 */
/* registry_fold -- entries into the fold, by two doors.
 *
 * A running server folds a batch in the log's sequencer, between its checkpoint and the
 * waking of its callers: each statement as its submission parsed and verified it, all
 * under one write lock. So nobody reads, parses or hashes it again, and sixty-four
 * callers do not queue for a lock each.
 *
 * An opening server folds the rows of its database: chunks read in order by this thread,
 * made ready by one thread per core (hash, signature, parsing), folded by this thread
 * while the next chunk is made ready. The rows must hash to the root of the checkpoint.
 * Signatures below the verified mark (registry_mark.c) are not verified again. */
#include "registry/registry_priv.h"

#include <malloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { COLLECT_EVERY = 65536 };
enum { CHUNK = 2048, CHUNK_B = 16 << 20, THREADS_MAX = 16, LEVELS = 64 };

static int registry_note(struct registry *r, const struct ledger_statement_view *s,
                         const uint8_t payload[32], uint64_t index)
{
    int err = registry_classify(r, s);
    if (!err)
        registry_search_note(r, s, payload);
    if (!err)
        registry_feed_note(r, s, index);
    if (!err && str_eqc(s->event_type, "stop"))
        atomic_store(&r->stop_news, true);
    return err;
}

/* Without the lock: whoever pushes stops will read the fold. */
static void registry_tell_stop(struct registry *r)
{
    if (atomic_exchange(&r->stop_news, false) && r->on_stop)
        r->on_stop(r->on_stop_cookie);
}

/* Only once it is folded is it known how to read it. */
static int registry_note_genesis(struct registry *r, const struct ledger_ready *ready)
{
    struct ledger_statement_view s;
    int err =
        ledger_statement_parse(ready->payload, ledger_type_base(r->ledger), &s, NULL);
    if (!err) {
        err = registry_note(r, &s, ready->payload_sha256, 0);
        ledger_statement_release(&s);
    }
    return err;
}

/* Under the write lock. */
static int registry_fold_ready(struct registry *r, const struct ledger_ready *ready)
{
    uint64_t index = ledger_size(r->ledger);
    int err = ledger_apply_ready(r->ledger, ready);
    if (err) {
        LOG_E("registry.fold", log_i("index", (int64_t)index), log_err(err));
        return err;
    }
    if (!index)
        return registry_note_genesis(r, ready);
    return ready->readable ? registry_note(r, &ready->st, ready->payload_sha256, index)
                           : AM_OK;
}

/* ---- while the server runs ------------------------------------------------------- */
int registry_batch_note(struct registry *r, uint64_t first, const void *const *with,
                        size_t n)
{
    r->batch.n = 0;
    r->batch_first = first;
    for (size_t i = 0; i < n; i++) {
        int err = vec_push(&r->batch, (struct registry_carried *)(uintptr_t)with[i]);
        if (err)
            return err;
    }
    return AM_OK;
}

void registry_batch_fold(struct registry *r)
{
    uint64_t size;
    int err = AM_OK;
    pthread_rwlock_wrlock(&r->fold);
    if (!r->ledger || ledger_size(r->ledger) != r->batch_first)
        err = AM_E_CONFLICT; /* at opening, or after an error: catching up will do it */
    for (size_t i = 0; i < r->batch.n && !err; i++) {
        struct registry_carried *w = r->batch.v[i];
        if (!w || !w->ready)
            break;
        err = registry_fold_ready(r, w->ready);
        if (!err) {
            w->outcome = *ledger_outcome(r->ledger, r->batch_first + i);
            w->folded = true;
        }
    }
    size = r->batch_first + r->batch.n;
    r->batch.n = 0;
    pthread_rwlock_unlock(&r->fold);
    registry_tell_stop(r);
    /* Partial tiles leave as their checkpoints age; what cosignatures put back or a crash
     * left is swept now and then, and at every opening. */
    if (size / COLLECT_EVERY != r->batch_first / COLLECT_EVERY && tlog_collect(r->log))
        LOG_W("registry.collect", log_i("size", (int64_t)size));
}

/* ---- rows, made ready ahead ------------------------------------------------------ */
struct registry_row {
    struct str leaf, payload;
    struct buf borrowed; /* a payload that is elsewhere: another row, or a file */
    struct ledger_ready ready;
    struct tlog_hash hash;
    bool verified; /* below the mark */
    int err;
};
struct registry_chunk {
    struct registry_row *row;
    size_t n;
    uint64_t first;
    struct buf bytes; /* of leaves and payloads */
};
struct registry_load {
    struct registry *r;
    struct ledger *beside; /* a fold of its own; NULL: the registry's, which is empty */
    struct str type_base;
    uint64_t next, end, mark;
    uint64_t at;              /* size of the checkpoint: rows beyond it are a crash's */
    struct tlog_hash at_root; /* what the rows below hash to */
    struct registry_chunk chunk[2];
    struct tlog_hash root[LEVELS]; /* of full subtrees, greatest first */
    unsigned roots;
    /* the threads: they take rows of `work` one by one */
    pthread_t thread[THREADS_MAX];
    unsigned threads;
    pthread_mutex_t lock;
    pthread_cond_t more, done;
    struct registry_chunk *work;
    size_t taken, finished;
    bool stop;
};

static int row_ready(struct registry_load *k, struct ledger_verifier *v,
                     struct registry_row *row)
{
    struct ledger_leaf_view leaf;
    int err = ledger_leaf_parse(row->leaf, &leaf);
    tlog_leaf_hash(row->leaf, &row->hash);
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_TAMPERED;
    if (!row->payload.p) {
        buf_init(&row->borrowed, REGISTRY_RECORD_MAX);
        err = blob_get(k->r->blobs, leaf.payload_sha256, &row->borrowed);
        row->payload = buf_str(&row->borrowed);
    }
    if (!err)
        err = ledger_prepare(row->verified ? NULL : v, &leaf, row->payload, k->type_base,
                             &row->ready);
    ledger_leaf_release(&leaf);
    return err;
}

static void *row_thread(void *arg)
{
    struct registry_load *k = arg;
    struct ledger_verifier *v = NULL;
    int err = ledger_verifier_new(&v);
    pthread_mutex_lock(&k->lock);
    for (;;) {
        struct registry_chunk *c = k->work;
        size_t from, to;
        if (k->stop)
            break;
        if (!c || k->taken == c->n) {
            pthread_cond_wait(&k->more, &k->lock);
            continue;
        }
        from = k->taken;
        to = k->taken = AM_MIN(c->n, from + 16);
        pthread_mutex_unlock(&k->lock);
        for (size_t i = from; i < to; i++)
            c->row[i].err = err ? err : row_ready(k, v, &c->row[i]);
        pthread_mutex_lock(&k->lock);
        k->finished += to - from;
        if (k->finished == c->n)
            pthread_cond_signal(&k->done);
    }
    pthread_mutex_unlock(&k->lock);
    ledger_verifier_free(v);
    return NULL;
}

static void work_begin(struct registry_load *k, struct registry_chunk *c)
{
    pthread_mutex_lock(&k->lock);
    k->work = c;
    k->taken = k->finished = 0;
    pthread_cond_broadcast(&k->more);
    pthread_mutex_unlock(&k->lock);
}

static void work_wait(struct registry_load *k)
{
    pthread_mutex_lock(&k->lock);
    while (k->work && k->finished < k->work->n)
        pthread_cond_wait(&k->done, &k->lock);
    k->work = NULL;
    pthread_mutex_unlock(&k->lock);
}

static void chunk_clear(struct registry_chunk *c)
{
    for (size_t i = 0; i < c->n; i++) {
        ledger_ready_release(&c->row[i].ready);
        if (c->row[i].borrowed.p)
            buf_release(&c->row[i].borrowed);
    }
    if (c->n)
        memset(c->row, 0, c->n * sizeof *c->row);
    c->n = 0;
    buf_clear(&c->bytes);
}

/* ---- reading --------------------------------------------------------------------- */
/* Offsets first: the buffer may move while it grows. */
static int chunk_row(struct registry_chunk *c, struct db_stmt *st)
{
    struct registry_row *row = &c->row[c->n];
    struct str leaf = db_blob(st, 1), payload = db_blob(st, 2);
    int err;
    if ((uint64_t)db_int(st, 0) != c->first + c->n)
        return AM_E_TAMPERED; /* a hole */
    row->leaf.n = leaf.n;
    row->payload = (struct str){payload.p ? "" : NULL, payload.n};
    err = buf_add(&c->bytes, leaf);
    if (!err)
        err = buf_add(&c->bytes, payload);
    if (!err)
        c->n++;
    return err;
}

struct chunk_wanted {
    struct registry_load *k;
    struct registry_chunk *c;
};

static int chunk_rows(struct db_conn *conn, void *arg)
{
    const struct chunk_wanted *w = arg;
    struct registry_load *k = w->k;
    struct db_stmt *st;
    bool row = false;
    int err = db_prepare(conn,
                         "select idx, leaf, payload from entry where idx >= $1"
                         " and idx < $2 order by idx",
                         &st);
    if (err)
        return err;
    db_bind_int(st, 1, (int64_t)k->next);
    db_bind_int(st, 2, (int64_t)AM_MIN(k->end, k->next + CHUNK));
    err = db_step(st, &row);
    while (!err && row && w->c->bytes.n < CHUNK_B) {
        err = chunk_row(w->c, st);
        if (!err)
            err = db_step(st, &row);
    }
    return err;
}

static int chunk_read(struct registry_load *k, struct registry_chunk *c)
{
    struct chunk_wanted w = {k, c};
    const char *p;
    int err;
    chunk_clear(c);
    c->first = k->next;
    if (k->next >= k->end)
        return AM_OK;
    err = db_read(k->r->store.db, chunk_rows, &w);
    if (!err && !c->n)
        err = AM_E_TAMPERED; /* fewer rows than entries */
    p = c->bytes.p;
    for (size_t i = 0; i < c->n && !err; i++) {
        struct registry_row *row = &c->row[i];
        row->leaf.p = p;
        p += row->leaf.n;
        if (row->payload.p)
            row->payload.p = p;
        p += row->payload.n;
        row->verified = c->first + i < k->mark;
    }
    k->next += c->n;
    return err;
}

/* ---- the root -------------------------------------------------------------------- */
/* After n leaves: one more. Full subtrees of equal size join. */
static void root_add(struct registry_load *k, uint64_t n, const struct tlog_hash *leaf)
{
    struct tlog_hash h = *leaf;
    for (; n & 1; n >>= 1)
        tlog_node_hash(&k->root[--k->roots], &h, &h);
    k->root[k->roots++] = h;
}

static void root_end(const struct registry_load *k, struct tlog_hash *out)
{
    unsigned i = k->roots;
    if (!i) {
        tlog_empty_root(out);
        return;
    }
    *out = k->root[--i];
    while (i)
        tlog_node_hash(&k->root[--i], out, out);
}

/* ---- all of it ------------------------------------------------------------------- */
static int chunk_fold(struct registry_load *k, struct registry_chunk *c)
{
    int err = AM_OK;
    if (!k->beside)
        pthread_rwlock_wrlock(&k->r->fold);
    for (size_t i = 0; i < c->n && !err; i++) {
        err = c->row[i].err;
        if (err)
            LOG_E("registry.row", log_i("index", (int64_t)(c->first + i)), log_err(err));
        if (!err)
            err = k->beside ? ledger_apply_ready(k->beside, &c->row[i].ready)
                            : registry_fold_ready(k->r, &c->row[i].ready);
        if (c->first + i == k->at)
            root_end(k, &k->at_root);
        root_add(k, c->first + i, &c->row[i].hash);
    }
    if (!k->beside)
        pthread_rwlock_unlock(&k->r->fold);
    return err;
}

/* Entry 0 alone: it names the type base the others are read with. */
static int load_genesis(struct registry_load *k)
{
    struct registry_chunk *c = &k->chunk[0];
    uint64_t end = k->end;
    int err;
    k->end = 1;
    err = chunk_read(k, c);
    k->end = end;
    k->type_base = STR_NULL;
    work_begin(k, c);
    work_wait(k);
    if (!err)
        err = chunk_fold(k, c);
    chunk_clear(c);
    if (!err && !k->r->type_base) /* a copy: folding again for a compromised key makes a
                                     new ledger */
        k->r->type_base = str_dup(ledger_type_base(k->r->ledger));
    if (!err && !k->r->type_base)
        err = AM_E_NOMEM;
    k->type_base = str_c(k->r->type_base);
    return err;
}

static int load_rows(struct registry_load *k)
{
    unsigned turn = 0;
    int err = k->end ? load_genesis(k) : AM_E_NOTFOUND; /* no log without entry 0 */
    if (!err)
        err = chunk_read(k, &k->chunk[0]);
    work_begin(k, &k->chunk[0]);
    while (!err && k->chunk[turn].n) {
        struct registry_chunk *now = &k->chunk[turn], *after = &k->chunk[turn ^ 1];
        int later = chunk_read(k, after); /* while the threads make this one ready */
        work_wait(k);
        if (!later)
            work_begin(k, after);
        err = chunk_fold(k, now);
        err = err ? err : later;
        turn ^= 1;
    }
    work_wait(k);
    return err;
}

static int load_begin(struct registry_load *k)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned want = (unsigned)AM_MIN(AM_MAX(cores, 1L), (long)THREADS_MAX);
    for (size_t i = 0; i < AM_LEN(k->chunk); i++) {
        buf_init(&k->chunk[i].bytes, CHUNK_B + 2 * REGISTRY_RECORD_MAX);
        k->chunk[i].row = am_calloc(CHUNK, sizeof *k->chunk[i].row);
        if (!k->chunk[i].row)
            return AM_E_NOMEM;
    }
    while (k->threads < want) {
        if (pthread_create(&k->thread[k->threads], NULL, row_thread, k))
            break;
        k->threads++;
    }
    return k->threads ? AM_OK : AM_E_NOMEM;
}

static void load_end(struct registry_load *k)
{
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_broadcast(&k->more);
    pthread_mutex_unlock(&k->lock);
    for (unsigned i = 0; i < k->threads; i++)
        pthread_join(k->thread[i], NULL);
    for (size_t i = 0; i < AM_LEN(k->chunk); i++) {
        if (k->chunk[i].row)
            chunk_clear(&k->chunk[i]);
        free(k->chunk[i].row);
        buf_release(&k->chunk[i].bytes);
    }
    pthread_cond_destroy(&k->more);
    pthread_cond_destroy(&k->done);
    pthread_mutex_destroy(&k->lock);
    /* What was parsed lies freed in the arenas of threads that are gone, a hundred
     * megabytes of it: the server that runs for months gives it back. */
    (void)malloc_trim(0);
}

/* *root: what the first k->at rows hash to. */
static int load_all(struct registry_load *k, struct tlog_hash *root)
{
    int err;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->more, NULL);
    pthread_cond_init(&k->done, NULL);
    err = load_begin(k);
    if (!err)
        err = load_rows(k);
    load_end(k);
    if (k->at == k->end)
        root_end(k, &k->at_root);
    *root = k->at_root;
    return err;
}

int registry_fold_rows(struct registry *r, uint64_t end, uint64_t mark, uint64_t at,
                       struct tlog_hash *root)
{
    struct registry_load k = {.r = r, .end = end, .mark = mark, .at = at};
    int64_t start = time_mono();
    int err;
    am_assert(ledger_size(r->ledger) == 0);
    err = load_all(&k, root);
    LOG_I("registry.folded", log_i("entries", (int64_t)ledger_size(r->ledger)),
          log_i("verified_before", (int64_t)AM_MIN(mark, end)),
          log_i("ms", (time_mono() - start) / 1000), log_err(err));
    return err;
}

int registry_verify_again(struct registry *r)
{
    struct tlog_checkpoint head;
    struct registry_load k = {.r = r};
    struct tlog_hash root;
    int err;
    tlog_head(r->log, &head);
    k.end = k.at = head.size;
    err = ledger_new(&k.beside, r->blobs);
    if (!err)
        err = load_all(&k, &root);
    if (!err && memcmp(&root, &head.root, sizeof root) != 0)
        err = AM_E_TAMPERED;
    ledger_free(k.beside);
    return err;
}

/* ---- an entry at a time, from the log: the exception ----------------------------- */
static int registry_fold_one(void *cookie, uint64_t index, struct str leaf)
{
    struct registry *r = cookie;
    struct ledger_leaf_view v;
    struct ledger_ready ready = {0};
    struct buf payload;
    int err = ledger_leaf_parse(leaf, &v);
    (void)index;
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_TAMPERED;
    buf_init(&payload, REGISTRY_RECORD_MAX);
    err = blob_get(r->blobs, v.payload_sha256, &payload);
    if (!err)
        err = ledger_prepare(r->verifier, &v, buf_str(&payload),
                             ledger_type_base(r->ledger), &ready);
    if (!err)
        err = registry_fold_ready(r, &ready);
    ledger_ready_release(&ready);
    buf_release(&payload);
    ledger_leaf_release(&v);
    return err;
}

int registry_catch_up(struct registry *r)
{
    struct tlog_checkpoint head;
    uint64_t have;
    int err = AM_OK;
    pthread_rwlock_wrlock(&r->fold);
    tlog_head(r->log, &head);
    have = ledger_size(r->ledger);
    if (have < head.size)
        err = tlog_each(r->log, have, head.size, registry_fold_one, r);
    pthread_rwlock_unlock(&r->fold);
    registry_tell_stop(r);
    return err;
}
