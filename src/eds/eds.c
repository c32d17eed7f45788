/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing; the tables. */
#include "eds/eds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "eds/eds_index_priv.h"

/* One page of the WAL is written for every page touched, and copied once more at each
 * checkpoint: index rows touch many. 25,000 pages (100 MB) between checkpoints; 64 MiB
 * for the writer's cache, 6 for each reader's: bodies that are read often are in
 * eds_kept.c, once for all of them. */
enum { EDS_CHECKPOINT = 25000, EDS_CACHE_KIB = 65536, EDS_READER_KIB = 6144 };
enum { EDS_WALK_B = 32 << 20 };

static const struct db_migration eds_schema[] = {
    {1, "store",
     "create table vault (kind text not null, n integer not null, at integer not null,"
     " sealed blob not null, primary key (kind, n)) strict;"
     "create table kind (n integer primary key, name text not null unique) strict;"
     "create table res (rid integer primary key, type integer not null,"
     " id blob not null, ver integer not null, at integer not null, body blob not null,"
     " terms blob not null) strict;"
     "create unique index res_id on res (type, id);"
     "create index res_type on res (type, rid);"
     "create table hist (rid integer primary key, type integer not null,"
     " id blob not null, ver integer not null, at integer not null,"
     " gone integer not null, body blob not null) strict;"
     "create unique index hist_id on hist (type, id, ver);"
     "create index hist_type on hist (type, rid);"
     "create table tok (h integer not null, rid integer not null,"
     " primary key (h, rid)) strict, without rowid;"
     "create table dat (p integer not null, lo integer not null, rid integer not null,"
     " hi integer not null, primary key (p, lo, rid, hi)) strict, without rowid;"
     "create table qty (p integer not null, unit integer not null, v real not null,"
     " rid integer not null, primary key (p, unit, v, rid)) strict, without rowid;"
     "create table str (p integer not null, t text not null, rid integer not null,"
     " primary key (p, t, rid)) strict, without rowid;"
     "create table link (last integer primary key, hash blob not null) strict"},
    {2, "segments",
     "create table seg (n integer primary key, lo integer not null, hi integer not null,"
     " live integer not null, pages integer not null, dir blob not null) strict;"
     "create table page (id integer primary key, body blob not null) strict;"
     "create table dead (ended integer primary key, rid integer not null) strict;"
     "drop table tok;"
     "drop table dat;"
     "drop table qty;"
     "drop table str"},
    {3, "erasures",
     "create table erasure (rid integer primary key, at integer not null,"
     " who text not null, ground text not null, reason text not null,"
     " resources integer not null, versions integer not null, seg integer not null,"
     " dict integer not null, scrubbed integer not null) strict;"
     "create table erased (rid integer primary key, erasure integer not null,"
     " ver integer not null, tag blob not null, blind blob not null) strict;"
     "create index erased_tag on erased (tag, ver);"
     "create table attest (last integer not null, erasure integer not null,"
     " hash blob not null, primary key (last, erasure)) strict"},
    {4, "row format",
     "create table row_format (n integer not null, up_to integer not null,"
     " seg integer not null, target integer not null) strict;"
     "insert into row_format (n, up_to, seg, target) values (1, -1, 0, 0)"},
};

/* One process writes: it remembers the last rid and the head of the chain. */
static int eds_lock(struct eds *e)
{
    char path[PATH_MAX];
    if (e->mode != EDS_WRITE || db_is_uri(e->path))
        return AM_OK;
    if (snprintf(path, sizeof path, "%s.lock", e->path) >= (int)sizeof path)
        return AM_E_TOOBIG;
    e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (e->lock_fd < 0)
        return am_err_errno(errno);
    if (!flock(e->lock_fd, LOCK_EX | LOCK_NB))
        return AM_OK;
    return errno == EWOULDBLOCK ? AM_E_CONFLICT : am_err_errno(errno);
}

static int eds_database(struct eds *e, const struct eds_config *c)
{
    struct db_config d = {.path = e->path,
                          .name = e->name,
                          .sole = c->mode == EDS_WRITE,
                          .migrations = eds_schema,
                          .n_migrations = AM_LEN(eds_schema),
                          .readers = c->readers,
                          .read_only = c->mode == EDS_READ,
                          .checkpoint_pages = EDS_CHECKPOINT,
                          .cache_kib = EDS_CACHE_KIB,
                          .reader_cache_kib = EDS_READER_KIB};
    if (c->mode != EDS_WRITE && !db_is_uri(e->path) && access(e->path, F_OK))
        return am_err_errno(errno);
    return db_open(&e->db, &d);
}

int eds_schema_open(struct db **out, const char *path, const char *name)
{
    const struct db_config d = {.path = path,
                                .name = name,
                                .sole = true,
                                .migrations = eds_schema,
                                .n_migrations = AM_LEN(eds_schema),
                                .checkpoint_pages = EDS_CHECKPOINT,
                                .cache_kib = EDS_CACHE_KIB};
    return db_open(out, &d);
}

int eds_open(struct eds **out, const struct eds_config *c)
{
    struct eds *e = am_calloc(1, sizeof *e);
    int err;
    if (!e)
        return AM_E_NOMEM;
    e->lock_fd = -1;
    e->mode = c->mode;
    e->rows = c->rows;
    e->rows_arg = c->rows_arg;
    e->progress = c->progress;
    e->progress_arg = c->progress_arg;
    e->page_b = EDS_PAGE_B;
    e->walk_b = EDS_WALK_B;
    e->slice = EDS_SLICE;
    e->chunk = EDS_CHUNK;
    memcpy(e->kek, c->key, EDS_KEY);
    am_assert(!pthread_mutex_init(&e->lock, NULL));
    am_assert(!pthread_cond_init(&e->packer_free, NULL));
    map_init(&e->kinds);
    buf_init(&e->sample.bytes, 16 << 20);
    e->path = str_dup(str_c(c->path));
    e->name = str_dup(str_c(c->name ? c->name : "eds"));
    e->key = am_calloc(EDS_KEYS_MAX, sizeof *e->key);
    e->kind = am_calloc(EDS_KINDS_MAX, sizeof *e->kind);
    err = e->path && e->name && e->key && e->kind ? eds_lock(e) : AM_E_NOMEM;
    if (!err)
        err = eds_database(e, c);
    if (!err)
        err = eds_parts_open(e);
    if (!err)
        err = eds_vault_open(e);
    if (!err)
        err = eds_kinds_load(e);
    if (!err)
        err = eds_scars_there(e);
    if (!err)
        err = eds_tail_new(&e->tail);
    if (!err)
        err = eds_kept_new(&e->kept, EDS_KEPT_B);
    if (!err)
        err = eds_again(e);
    if (!err && e->mode == EDS_WRITE)
        err = eds_merger_start(e);
    if (!err && e->mode == EDS_WRITE)
        err = eds_again_end(e);
    if (err) {
        eds_close(e);
        return err;
    }
    *out = e;
    return AM_OK;
}

void eds_close(struct eds *e)
{
    if (!e)
        return;
    eds_merger_stop(e);
    db_close(e->db);
    eds_ix_free(e, e->writer_ix);
    eds_tail_free(e->tail);
    eds_kept_free(e->kept);
    eds_packers_free(e);
    for (size_t i = 0; i < EDS_DICTS_MAX; i++)
        pack_dict_free(e->dict[i]);
    if (e->key)
        crypto_wipe(e->key, EDS_KEYS_MAX * sizeof *e->key);
    vec_release(&e->sample.part);
    buf_wipe(&e->sample.bytes);
    map_release(&e->kinds);
    pthread_cond_destroy(&e->packer_free);
    pthread_mutex_destroy(&e->lock);
    if (e->lock_fd >= 0)
        close(e->lock_fd);
    free(e->key);
    free(e->kind);
    free(e->name);
    free(e->path);
    crypto_wipe(e, sizeof *e);
    free(e);
}

const struct fhir_row_key *eds_row_key(const struct eds *e)
{
    return &e->row_key;
}
