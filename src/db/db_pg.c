/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions on one PostgreSQL connection; see db_pg_priv.h for the idea. */
#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"
#include "db/db_pg_priv.h"

int db_pg_lost(struct db_pg *c, const char *op)
{
    LOG_E("db.lost", log_s("op", op), log_s("schema", c->schema));
    PQfinish(c->pg);
    c->pg = NULL;
    c->in_tx = c->owed = false;
    c->base.fault = AM_E_IO;
    return AM_E_IO;
}

bool db_pg_quiet(struct db_pg *c, const char *sql)
{
    return c->pg && PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 1) == 1;
}

/* Reads answers up to the sync. The first error is what went wrong: the rest was skipped
 * because of it. NULL separates the answers of one command from the next one's. */
static bool db_pg_read(struct db_pg *c, PGresult **last, PGresult **bad)
{
    for (int nothing = 0; nothing < 2;) {
        PGresult *r = PQgetResult(c->pg);
        ExecStatusType st = PQresultStatus(r);
        if (!r) {
            nothing++; /* two in a row: no command is left, the sync was lost */
            continue;
        }
        nothing = 0;
        if (st == PGRES_PIPELINE_SYNC) {
            PQclear(r);
            return PQstatus(c->pg) == CONNECTION_OK;
        }
        if (st == PGRES_FATAL_ERROR && !*bad) {
            *bad = r;
        } else if (st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK) {
            PQclear(*last);
            *last = r;
        } else {
            PQclear(r); /* skipped, or a second error */
        }
    }
    return false;
}

static bool db_pg_answers(struct db_pg *c, PGresult **last, PGresult **bad)
{
    bool good;
    am_pause_begin(); /* the server may be another machine */
    good = db_pg_read(c, last, bad);
    am_pause_end();
    return good;
}

static bool db_pg_settle(struct db_pg *c)
{
    PGresult *last = NULL, *bad = NULL;
    bool good;
    if (!c->owed)
        return true;
    c->owed = false;
    good = db_pg_answers(c, &last, &bad) && !bad;
    PQclear(last);
    PQclear(bad);
    return good;
}

int db_pg_sync(struct db_pg *c, const char *op, PGresult **res)
{
    PGresult *last = NULL, *bad = NULL;
    bool alive;
    int err = AM_OK;
    c->unread = 0; /* all of it is read now */
    *res = NULL;
    if (!c->pg || !db_pg_settle(c) || !PQpipelineSync(c->pg))
        return db_pg_lost(c, op);
    alive = db_pg_answers(c, &last, &bad);
    if (bad)
        err = db_pg_fail(c, op, bad);
    PQclear(bad);
    if (!alive)
        err = db_pg_lost(c, op);
    if (err)
        PQclear(last);
    else
        *res = last;
    return err;
}

static int db_pg_await(struct db_pg *c, const char *op)
{
    PGresult *r;
    int err = db_pg_sync(c, op, &r);
    PQclear(r);
    return err;
}

/* ---- statements whose answers were not awaited ---- */
int db_pg_catch_up(struct db_pg *c)
{
    if (!c->broken && c->unread) {
        c->broken = db_pg_await(c, "later");
        c->dirty = true;
    }
    return c->broken;
}

int db_pg_usable(const struct db_pg *c)
{
    if (c->pg && c->in_tx)
        return AM_OK;
    return c->base.fault ? c->base.fault : AM_E_IO; /* gone: the transaction ends first */
}

/* ---- savepoints ---- */
void db_pg_guard(struct db_pg *c)
{
    if (!c->dirty)
        return;
    if (c->inner)
        (void)db_pg_quiet(c, "release s");
    (void)db_pg_quiet(c, "savepoint s");
    c->inner = true;
    c->dirty = false;
}

void db_pg_back(struct db_pg *c)
{
    (void)db_pg_quiet(c, c->inner ? "rollback to s" : "rollback to f");
    c->dirty = false;
}

static int db_pg_savepoint(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    c->dirty = c->inner = false;
    c->broken = AM_OK;
    return db_pg_quiet(c, "savepoint f") ? AM_OK : db_pg_lost(c, "savepoint");
}

/* A deferred constraint left open would make the whole batch fail at commit: it is this
 * function's fault alone, and is found here. Only schemas that have one pay for it. */
static int db_pg_release(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    int err = db_pg_catch_up(c);
    if (!err && c->deferrable) {
        (void)db_pg_quiet(c, "set constraints all immediate");
        err = db_pg_await(c, "constraints");
        if (!err)
            (void)db_pg_quiet(c, "set constraints all deferred");
    }
    if (!err && !db_pg_quiet(c, "release f"))
        err = db_pg_lost(c, "release");
    return err;
}

static void db_pg_undo(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    if (!c->in_tx)
        return;
    if (!db_pg_quiet(c, "rollback to f") || !db_pg_quiet(c, "release f"))
        (void)db_pg_lost(c, "undo");
}

/* ---- transactions ---- */
static bool db_pg_in_transaction(struct db_conn *base)
{
    return ((struct db_pg *)base)->in_tx;
}

/* An idle connection that the server closed shows it when it is read. */
static bool db_pg_alive(struct db_pg *c)
{
    return c->pg && db_pg_settle(c) && PQconsumeInput(c->pg) &&
           PQstatus(c->pg) == CONNECTION_OK;
}

static int db_pg_alive_or_again(struct db_pg *c)
{
    if (db_pg_alive(c))
        return AM_OK;
    if (c->pg)
        (void)db_pg_lost(c, "idle");
    c->base.fault = AM_OK;
    return db_pg_connect(c);
}

/* As SQLite's "begin immediate": writers of one schema, of any process, take turns, and
 * what a function read stays true until its commit. */
static int db_pg_begin_writer(struct db_pg *c)
{
    char lock[80];
    snprintf(lock, sizeof lock, "select pg_advisory_xact_lock(%lld)",
             (long long)db_pg_lock_key(c, "write"));
    c->in_tx = true;
    c->dirty = c->inner = false;
    c->broken = AM_OK;
    if (!db_pg_quiet(c, "begin isolation level read committed read write") ||
        !db_pg_quiet(c, lock))
        return db_pg_lost(c, "begin");
    return db_pg_await(c, "begin");
}

static int db_pg_begin_reader(struct db_pg *c)
{
    c->in_tx = true;
    if (!db_pg_quiet(c, "begin isolation level repeatable read read only"))
        return db_pg_lost(c, "begin");
    return db_pg_savepoint(&c->base);
}

static void db_pg_rollback(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    if (!c->in_tx)
        return;
    c->in_tx = false;
    if (!db_pg_quiet(c, "rollback") || !db_pg_settle(c) || !PQpipelineSync(c->pg)) {
        (void)db_pg_lost(c, "rollback");
        return;
    }
    c->owed = true; /* read when the connection is wanted again */
}

static int db_pg_begin(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    int err;
    base->fault = AM_OK;
    err = db_pg_alive_or_again(c);
    if (err)
        return err;
    if (base->role == DB_READER)
        return db_pg_begin_reader(c);
    err = db_pg_begin_writer(c);
    if (err == AM_E_IO && !c->pg) { /* it broke unseen: nothing was asked of it yet */
        err = db_pg_connect(c);
        if (!err)
            err = db_pg_begin_writer(c);
    }
    if (err)
        db_pg_rollback(base);
    return err;
}

/* The server's own "no" is a no. No answer is not: the commit may have happened. Nor is
 * an answer with a warning, which is how the server says that it stopped waiting for its
 * standby. */
static int db_pg_commit(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    PGresult *r = NULL;
    int err;
    if (!c->in_tx)
        return base->fault ? base->fault : AM_E_IO;
    c->warned = false;
    if (!db_pg_quiet(c, "commit"))
        return db_pg_lost(c, "commit");
    err = db_pg_sync(c, "commit", &r);
    c->in_tx = false;
    if (!c->pg || (!err && c->warned)) {
        LOG_E("db.unsure", log_s("schema", c->schema));
        err = AM_E_UNSURE;
    } else if (!err && strcmp(PQcmdStatus(r), "COMMIT") != 0) {
        LOG_E("db.failed", log_s("op", "commit"), log_s("detail", PQcmdStatus(r)));
        err = AM_E_INTERNAL;
    }
    PQclear(r);
    return err;
}

static int db_pg_script(struct db_conn *base, const char *sql)
{
    struct db_pg *c = (struct db_pg *)base;
    char *text = db_pg_translate(sql);
    int err;
    if (!text)
        return AM_E_NOMEM;
    err = db_pg_simple(c, "script", text);
    free(text);
    if (c->pg && PQtransactionStatus(c->pg) == PQTRANS_IDLE)
        c->in_tx = false; /* the text ended it */
    return err;
}

/* ---- life ---- */
static void db_pg_close(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    db_cache_clear(base);
    PQfinish(c->pg);
    free(c->uri);
    free(c);
}

static int db_pg_open(struct db_conn **out, const struct db_place *p, enum db_role role)
{
    struct db_pg *c = am_calloc(1, sizeof *c);
    int err;
    if (!c)
        return AM_E_NOMEM;
    c->base.ops = &db_pg_ops;
    c->base.role = role;
    c->sole = p->sole && role == DB_WRITER;
    c->uri = str_dup(str_c(p->path));
    snprintf(c->schema, sizeof c->schema, "%s", p->name);
    err = c->uri ? db_pg_connect(c) : AM_E_NOMEM;
    if (err) {
        db_pg_close(&c->base);
        return err;
    }
    *out = &c->base;
    return AM_OK;
}

static int db_pg_migrated(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    struct db_stmt *s;
    bool row = false;
    int err = db_pg_begin(base);
    if (err)
        return err;
    (void)db_pg_savepoint(base);
    err = db_prepare(base,
                     "select 1 from pg_constraint where condeferrable and connamespace ="
                     " (select oid from pg_namespace where nspname = $1) limit 1",
                     &s);
    if (!err) {
        db_bind_str(s, 1, str_c(c->schema));
        err = db_step(s, &row);
    }
    c->deferrable = row;
    db_conn_done(base);
    db_pg_rollback(base);
    return err;
}

static int db_pg_backup(struct db_conn *c, const char *path)
{
    (void)c, (void)path;
    return AM_E_UNSUPPORTED;
}

const struct db_ops db_pg_ops = {
    .open = db_pg_open,
    .close = db_pg_close,
    .migrated = db_pg_migrated,
    .begin = db_pg_begin,
    .commit = db_pg_commit,
    .rollback = db_pg_rollback,
    .savepoint = db_pg_savepoint,
    .release = db_pg_release,
    .undo = db_pg_undo,
    .in_transaction = db_pg_in_transaction,
    .script = db_pg_script,
    .check = db_pg_check,
    .backup = db_pg_backup,
    .scrub = db_pg_scrub,
    .changes = db_pg_changes,
    .last_id = db_pg_last_id,
    .stmt_new = db_pg_stmt_new,
    .stmt_ready = db_pg_stmt_ready,
    .stmt_clean = db_pg_stmt_clean,
    .stmt_free = db_pg_stmt_free,
    .cache_emptied = db_pg_cache_emptied,
    .bind_int = db_pg_bind_int,
    .bind_num = db_pg_bind_num,
    .bind_str = db_pg_bind_str,
    .bind_blob = db_pg_bind_blob,
    .step = db_pg_step,
    .is_null = db_pg_is_null,
    .get_int = db_pg_int,
    .get_num = db_pg_num,
    .get_str = db_pg_str,
    .get_blob = db_pg_blob,
    .later = db_pg_later,
    .insert_many = db_pg_insert_many,
    .tables = "select relname from pg_class where relkind = 'r' and relnamespace ="
              " current_schema()::regnamespace order by oid",
    .columns = "select a.attname, format_type(a.atttypid, null),"
               " coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)"
               " from pg_class t join pg_attribute a on a.attrelid = t.oid"
               " left join pg_index i on i.indrelid = t.oid and i.indisprimary"
               " where t.relnamespace = current_schema()::regnamespace and t.relname = $1"
               " and a.attnum > 0 and not a.attisdropped order by a.attnum",
    .renumber = "select setval(pg_get_serial_sequence('%1$s', '%2$s'),"
                " coalesce(max(%2$s), 0) + 1, false) from %1$s",
};
