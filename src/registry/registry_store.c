/* SPDX-License-Identifier: Apache-2.0 */
/* registry_store -- statements and their leaves in registry.db, one transaction for each
 * batch of the log.
 *
 * The log's sequencer calls registry_store_persist() before it writes a tile, so a row is
 * never younger than the checkpoint that covers it, and its commit is the only sync a
 * batch waits for. What a crash can leave is rows beyond the size up to which the log's
 * folder was synced: opening appends them again, same bytes, same order, same root as any
 * checkpoint that was published. Rows nobody was told of are among them: dropping those
 * would lose acknowledged statements if it is the log folder that went back in time. A
 * batch that failed while the server runs is another matter: its callers were told so,
 * and the next batch takes its place. */
#include "registry/registry_priv.h"

#include "base/log.h"
#include "registry/registry_tbl.h"

static const struct db_migration registry_migrations[] = {
#define X(version, name, sql) {version, name, sql},
    REGISTRY_MIGRATIONS(X)
#undef X
};

static int registry_store_at(struct registry_store *s, const struct registry_place *p,
                             bool look, struct diag *d)
{
    const struct db_config c = {.path = p->path,
                                .name = p->name,
                                .sole = !look,
                                .migrations = registry_migrations,
                                .n_migrations = AM_LEN(registry_migrations),
                                .read_only = look};
    int err = db_open(&s->db, &c);
    if (err)
        diag_err(d, p->server ? "database" : p->path, "registry.db",
                 "the database cannot be opened: %s", am_err_text(err));
    return err;
}

int registry_store_open_at(struct registry_store *s, const struct registry_place *p,
                           struct diag *d)
{
    return registry_store_at(s, p, false, d);
}

int registry_store_open(struct registry_store *s, const char *dir, struct diag *d)
{
    struct registry_place p;
    int err = registry_place(dir, "registry", &p, d);
    return err ? err : registry_store_at(s, &p, false, d);
}

int registry_store_look(struct registry_store *s, const char *dir, struct diag *d)
{
    struct registry_place p;
    int err = registry_place(dir, "registry", &p, d);
    return err ? err : registry_store_at(s, &p, true, d);
}

void registry_store_close(struct registry_store *s)
{
    db_close(s->db);
    s->db = NULL;
}

/* ---- writing --------------------------------------------------------------------- */
struct registry_batch {
    uint64_t first;
    const struct str *entry;
    const void *const *with;
    size_t n;
};

/* A standby that took over without the last rows must not be written on: the hole would
 * never be filled. */
static int registry_rows_join(struct db_conn *c, uint64_t first)
{
    struct db_stmt *st;
    bool row;
    int err =
        db_prepare(c, "select coalesce(max(idx) + 1, 0) from entry where idx < $1", &st);
    if (err)
        return err;
    db_bind_int(st, 1, (int64_t)first);
    err = db_step(st, &row);
    if (!err && db_int(st, 0) != (int64_t)first) {
        LOG_E("registry.db_behind", log_i("log", (int64_t)first),
              log_i("rows", db_int(st, 0)));
        err = AM_E_TAMPERED;
    }
    return err;
}

static int registry_write_batch(struct db_conn *c, void *arg)
{
    const struct registry_batch *b = arg;
    int err = registry_rows_join(c, b->first);
    if (!err)
        err =
            db_exec_later(c, "delete from entry where idx >= $1", "i", (int64_t)b->first);
    for (size_t i = 0; i < b->n && !err; i++) {
        static const struct registry_carried none; /* its bytes are elsewhere */
        const struct registry_carried *w = b->with[i] ? b->with[i] : &none;
        const struct str digest = {(const char *)w->digest, sizeof w->digest};
        err = db_exec_later(c,
                            "insert into entry (idx, leaf, payload_sha256, payload)"
                            " values ($1, $2, $3, $4)",
                            "ibbb", (int64_t)(b->first + i), b->entry[i], digest,
                            w->payload);
    }
    return err;
}

int registry_store_persist(struct registry_store *s, uint64_t first,
                           const struct str *entry, const void *const *with, size_t n)
{
    struct registry_batch b = {first, entry, with, n};
    return s->replaying ? AM_OK : db_write(s->db, registry_write_batch, &b);
}

/* ---- reading --------------------------------------------------------------------- */
struct registry_wanted {
    const uint8_t *digest;
    struct buf *out;
};

static int registry_read_payload(struct db_conn *c, void *arg)
{
    const struct registry_wanted *w = arg;
    struct db_stmt *st;
    bool row;
    int err = db_prepare(c,
                         "select payload from entry where payload_sha256 = $1"
                         " and payload is not null limit 1",
                         &st);
    if (err)
        return err;
    db_bind_blob(st, 1, w->digest, CRYPTO_SHA256);
    err = db_step(st, &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    return err ? err : buf_add(w->out, db_blob(st, 0));
}

int registry_store_get(void *store, const uint8_t digest[CRYPTO_SHA256], struct buf *out)
{
    struct registry_store *s = store;
    struct registry_wanted w = {digest, out};
    return db_read(s->db, registry_read_payload, &w);
}

enum { REPLAY_ROWS = 16384 }; /* far from the log's cap on waiting bytes */

/* ---- opening --------------------------------------------------------------------- */
struct registry_rows {
    uint64_t n, next; /* rows; one more than the greatest index */
    uint64_t from;    /* of a look at the leaves */
    VEC(char *) leaf;
    VEC(size_t) leaf_n;
};

static void registry_rows_release(struct registry_rows *r)
{
    for (size_t i = 0; i < r->leaf.n; i++)
        free(r->leaf.v[i]);
    vec_release(&r->leaf);
    vec_release(&r->leaf_n);
}

static int registry_count_rows(struct db_conn *c, void *arg)
{
    struct registry_rows *r = arg;
    struct db_stmt *st;
    bool row;
    int err = db_prepare(c, "select count(*), coalesce(max(idx) + 1, 0) from entry", &st);
    if (!err)
        err = db_step(st, &row);
    if (!err) {
        r->n = (uint64_t)db_int(st, 0);
        r->next = (uint64_t)db_int(st, 1);
    }
    return err;
}

static int registry_read_leaves(struct db_conn *c, void *arg)
{
    struct registry_rows *r = arg;
    struct db_stmt *st;
    bool row = true;
    int err = db_prepare(
        c, "select leaf from entry where idx >= $1 and idx < $2 order by idx", &st);
    if (err)
        return err;
    db_bind_int(st, 1, (int64_t)r->from);
    db_bind_int(st, 2, (int64_t)r->from + REPLAY_ROWS);
    while (!err && !(err = db_step(st, &row)) && row) {
        struct str leaf = db_blob(st, 0);
        char *copy = str_dup(leaf);
        if (!copy)
            return AM_E_NOMEM;
        err = vec_push(&r->leaf_n, leaf.n);
        if (!err)
            err = vec_push(&r->leaf, copy);
        if (err)
            free(copy);
    }
    return err;
}

struct registry_wanted_leaf {
    uint64_t index;
    struct buf leaf;
};

static int registry_read_leaf(struct db_conn *c, void *arg)
{
    struct registry_wanted_leaf *w = arg;
    struct db_stmt *st;
    bool row;
    int err = db_prepare(c, "select leaf from entry where idx = $1", &st);
    if (err)
        return err;
    db_bind_int(st, 1, (int64_t)w->index);
    err = db_step(st, &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    return err ? err : buf_add(&w->leaf, db_blob(st, 0));
}

/* Some rows the checkpoint does not cover, into the log. */
static int registry_append_some(struct registry_store *s, struct tlog *log,
                                struct registry_rows *r)
{
    uint64_t index = 0;
    int err = db_read(s->db, registry_read_leaves, r);
    for (size_t i = 0; i < r->leaf.n && !err; i++)
        err = tlog_queue(log, (struct str){r->leaf.v[i], r->leaf_n.v[i]}, &index);
    if (!err && r->leaf.n)
        err = tlog_wait(log, index);
    return err;
}

/* A crash came between the two commits, or an older log folder was put back. */
static int registry_append_again(struct registry_store *s, struct tlog *log,
                                 uint64_t size, uint64_t end, struct diag *d)
{
    uint64_t from = size;
    int err = AM_OK;
    s->replaying = true;
    while (from < end && !err) {
        struct registry_rows r = {.from = from};
        err = registry_append_some(s, log, &r);
        if (!err && !r.leaf.n)
            err = AM_E_TAMPERED;
        from += r.leaf.n;
        registry_rows_release(&r);
    }
    if (!err) /* else what is queued may still come: it must not replace its own row */
        s->replaying = false;
    if (err)
        diag_err(d, "registry.db", "registry.replay",
                 "rows beyond the log could not be appended: %s", am_err_text(err));
    else
        LOG_W("registry.replayed", log_i("from", (int64_t)size),
              log_i("entries", (int64_t)(end - size)));
    return err;
}

int registry_store_rows(struct registry_store *s, uint64_t *n)
{
    struct registry_rows r = {0};
    int err = db_read(s->db, registry_count_rows, &r);
    *n = r.n;
    return err;
}

/* The newest entry both have is the same: this database is this log's, not another's. */
static int registry_same_log(struct registry_store *s, struct tlog *log, uint64_t size,
                             struct diag *d)
{
    struct registry_wanted_leaf w = {.index = size - 1};
    struct buf leaf;
    int err;
    buf_init(&leaf, TLOG_ENTRY_MAX);
    buf_init(&w.leaf, TLOG_ENTRY_MAX);
    err = tlog_entry(log, size - 1, &leaf);
    if (!err)
        err = db_read(s->db, registry_read_leaf, &w);
    if (!err && !str_eq(buf_str(&leaf), buf_str(&w.leaf))) {
        diag_err(d, "registry.db", "registry.db_foreign",
                 "entry %llu of the database is not that of the log: this is another "
                 "registry's database",
                 (unsigned long long)(size - 1));
        err = AM_E_TAMPERED;
    }
    buf_release(&leaf);
    buf_release(&w.leaf);
    return err;
}

int registry_store_whole(struct registry_store *s, struct tlog *log, struct diag *d)
{
    struct registry_rows r = {0};
    struct tlog_checkpoint head;
    uint64_t published;
    int err = db_read(s->db, registry_count_rows, &r);
    if (err)
        return err;
    tlog_head(log, &head);
    if (r.n != r.next) {
        diag_err(d, "registry.db", "registry.db_holes",
                 "%llu rows up to index %llu: rows are missing; put the newest backup of "
                 "the database back",
                 (unsigned long long)r.n, (unsigned long long)r.next);
        return AM_E_TAMPERED;
    }
    published = tlog_published(log);
    if (r.n < published) {
        diag_err(d, "registry.db", "registry.db_behind",
                 "the log has %llu entries, the database %llu: an older copy of the "
                 "database was put back; put the newest one back",
                 (unsigned long long)published, (unsigned long long)r.n);
        return AM_E_TAMPERED;
    }
    return head.size ? registry_same_log(s, log, head.size, d) : AM_OK;
}

int registry_store_join(struct registry_store *s, struct tlog *log, struct diag *d)
{
    struct registry_rows r = {0};
    struct tlog_checkpoint head;
    int err = db_read(s->db, registry_count_rows, &r);
    tlog_head(log, &head);
    if (!err && r.n > head.size)
        err = registry_append_again(s, log, head.size, r.n, d);
    if (err)
        return err;
    err = tlog_rejoin(log);
    if (err)
        diag_err(d, "registry.db", "registry.db_behind",
                 "the rows do not give the tree of a checkpoint that was published (%s): "
                 "put the newest backup of the database back",
                 am_err_text(err));
    return err;
}

/* ---- checking -------------------------------------------------------------------- */
struct registry_compare {
    struct registry_store *s;
    struct registry_rows rows; /* a slice from rows.from on */
    struct diag *d;
    uint64_t wrong;
};

static int registry_compare_one(void *cookie, uint64_t index, struct str leaf)
{
    struct registry_compare *c = cookie;
    size_t i = (size_t)(index - c->rows.from);
    int err = AM_OK;
    if (i >= c->rows.leaf.n) {
        registry_rows_release(&c->rows);
        c->rows = (struct registry_rows){.from = index};
        err = db_read(c->s->db, registry_read_leaves, &c->rows);
        i = 0;
    }
    if (err)
        return err;
    if (i < c->rows.leaf.n &&
        str_eq(leaf, (struct str){c->rows.leaf.v[i], c->rows.leaf_n.v[i]}))
        return AM_OK;
    if (!c->wrong++)
        diag_err(c->d, "registry.db", "fsck.row",
                 "row %llu is not the entry of the log: put the newest backup of the "
                 "database back",
                 (unsigned long long)index);
    return AM_OK;
}

int registry_store_compare(struct registry_store *s, struct tlog *log, struct diag *d)
{
    struct registry_compare c = {.s = s, .d = d};
    struct registry_rows count = {0};
    struct tlog_checkpoint head;
    int err = db_check(s->db);
    if (err == AM_E_TAMPERED)
        diag_err(d, "registry.db", "fsck.database",
                 "the database file is damaged: put the newest backup back");
    else if (err && err != AM_E_UNSUPPORTED)
        return err;
    err = registry_store_whole(s, log, d);
    if (err && err != AM_E_TAMPERED)
        return err;
    tlog_head(log, &head);
    if (!err)
        err = tlog_each(log, 0, head.size, registry_compare_one, &c);
    registry_rows_release(&c.rows);
    if (err == AM_E_TAMPERED)
        return AM_OK; /* said */
    if (!err)
        err = db_read(s->db, registry_count_rows, &count);
    if (!err && count.n > head.size)
        diag_add(
            d, DIAG_WARNING, "registry.db", "fsck.beyond",
            "%llu rows beyond the log: a server is writing them now, or a crash left "
            "them and the next start appends them",
            (unsigned long long)(count.n - head.size));
    return err;
}
