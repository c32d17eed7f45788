/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions are of PostgreSQL alone, so they need no translation; they are sent one by
 * one in the writer's transaction. */
#include "eds/parts.h"

#include "base/buf.h"
#include "base/log.h"
#include "eds/eds_priv.h"

static const char *const parts_before[] = {
    "create table body (rid bigint not null, body bytea not null) partition by hash"
    " (rid)"};
static const char *const parts_after[] = {
    "insert into body select rid, body from res",
    "insert into body select rid, body from hist where gone = 0",
    "alter table res rename to res_row", "alter table hist rename to hist_row",
    "alter table res_row drop column body", "alter table hist_row drop column body",
    "create view res as select r.rid, r.type, r.id, r.ver, r.at,"
    " (select b.body from body b where b.rid = r.rid) as body, r.terms from res_row r",
    "create view hist as select h.rid, h.type, h.id, h.ver, h.at, h.gone,"
    " case when h.gone = 0 then (select b.body from body b where b.rid = h.rid)"
    " else ''::bytea end as body from hist_row h",
    /* a version that becomes one of the past has its row in hist_row already; an
     * erasure's bodies go with eds_parts_erased(), once its rows are gone for good */
    "create function body_gone() returns trigger language plpgsql set search_path from"
    " current as 'begin"
    " if not exists (select 1 from hist_row where rid = old.rid)"
    " and not exists (select 1 from res_row where rid = old.rid)"
    " and not exists (select 1 from erased where rid = old.rid) then"
    " delete from body where rid = old.rid; end if; return null; end'",
    "create trigger body_gone after delete on res_row for each row"
    " execute function body_gone()",
    "create trigger body_gone after delete on hist_row for each row"
    " execute function body_gone()"};

static int parts_run(struct db_conn *c, const char *const *sql, size_t n)
{
    int err = AM_OK;
    for (size_t i = 0; i < n && !err; i++)
        err = db_exec(c, sql[i], "");
    return err;
}

static int parts_tables(struct db_conn *c, unsigned n)
{
    struct buf sql;
    int err = AM_OK;
    buf_init(&sql, 1024);
    for (unsigned i = 0; i < n && !err; i++) {
        buf_clear(&sql);
        err = buf_addf(&sql,
                       "create table body_%u partition of body (primary key (rid)) for"
                       " values with (modulus %u, remainder %u)",
                       i, n, i);
        if (!err)
            err = db_exec(c, sql.p, "");
    }
    buf_release(&sql);
    return err;
}

static int parts_split(struct db_conn *c, void *arg)
{
    const unsigned *n = arg;
    int err = parts_run(c, parts_before, AM_LEN(parts_before));
    if (!err)
        err = parts_tables(c, *n);
    return err ? err : parts_run(c, parts_after, AM_LEN(parts_after));
}

static int parts_look(struct db_conn *c, void *arg)
{
    struct eds *e = arg;
    struct db_stmt *s;
    int err = db_prepare(c,
                         "select 1 from pg_class where relname = 'body' and relkind = 'p'"
                         " and relnamespace = current_schema()::regnamespace",
                         &s);
    return err ? err : db_step(s, &e->apart);
}

int eds_parts_open(struct eds *e)
{
    e->body_top = INT64_MAX; /* what was killed before may have left some */
    e->body_swept = -1;
    return db_is_uri(e->path) ? db_read(e->db, parts_look, e) : AM_OK;
}

int eds_parts_make(struct eds *e, unsigned n)
{
    int err;
    am_assert(n > 0 && n <= EDS_PARTS_MAX && e->mode == EDS_WRITE);
    if (!db_is_uri(e->path))
        return AM_E_UNSUPPORTED;
    if (e->apart)
        return AM_E_EXISTS;
    err = db_write(e->db, parts_split, &n);
    return err ? err : eds_parts_open(e);
}

bool eds_parts(const struct eds *e)
{
    return e->apart;
}

/* A cleaning may be undone with the function that did it, or with the whole batch. Rows
 * after it are written only with it: seen from a later function, they are the proof. */
int eds_parts_clean(struct eds *e, struct db_conn *c, int64_t last)
{
    int err;
    if (!e->apart)
        return AM_OK;
    if (e->body_swept >= 0 && last > e->body_swept) {
        e->body_top = AM_MAX(e->body_put, last);
        e->body_swept = -1;
    }
    if (e->body_top <= last)
        return AM_OK;
    err = db_exec(c, "delete from body where rid > $1", "i", last);
    if (!err)
        e->body_swept = e->body_put = last;
    return err;
}

void eds_parts_put(struct eds *e, int64_t rid)
{
    e->body_top = AM_MAX(e->body_top, rid);
    e->body_put = AM_MAX(e->body_put, rid);
}

/* As an array, so that another server looks them up instead of sending all its rids. */
static int parts_erased(struct db_conn *c, void *unused)
{
    struct db_stmt *s;
    bool left = false;
    int err = db_prepare(c,
                         "select 1 from pg_class where relname ~ '^left_[0-9]+$'"
                         " and relnamespace = current_schema()::regnamespace",
                         &s);
    (void)unused;
    if (!err)
        err = db_step(s, &left);
    if (!err && left) {
        LOG_E("eds.scrub", log_s("wrong", "a cut move left bodies on another server:"
                                          " tools/place_part.sh list"));
        return AM_E_UNAVAILABLE;
    }
    if (err)
        return err;
    return db_exec(c, "delete from body where rid = any (array(select rid from erased))",
                   "");
}

int eds_parts_erased(struct eds *e)
{
    return e->apart ? db_write(e->db, parts_erased, NULL) : AM_OK;
}
