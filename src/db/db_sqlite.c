/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db_sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "base/log.h"

static bool db_errno_full(int e)
{
    /* A file-size limit shows as EFBIG: for the caller that is a full disk. */
    return e == ENOSPC || e == EDQUOT || e == EFBIG;
}

/* SQLite says FULL for ENOSPC only; quotas and limits are found in the errno that the
 * file or its WAL kept. (sqlite3_system_errno() is not set by a commit that fails.) */
static int db_io_error(const struct db_lite *c, int rc)
{
    sqlite3_file *wal = NULL;
    int e = 0;
    if (rc == SQLITE_IOERR_NOMEM)
        return AM_E_NOMEM;
    if (!c->db)
        return AM_E_IO;
    if (db_errno_full(sqlite3_system_errno(c->db)))
        return AM_E_NOSPACE;
    if (!sqlite3_file_control(c->db, "main", SQLITE_FCNTL_LAST_ERRNO, &e) &&
        db_errno_full(e))
        return AM_E_NOSPACE;
    if (!sqlite3_file_control(c->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) && wal &&
        wal->pMethods && !wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &e) &&
        db_errno_full(e))
        return AM_E_NOSPACE;
    return AM_E_IO;
}

static int db_map(const struct db_lite *c, int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return AM_E_EXISTS;
    }
    switch (rc & 0xFF) {
    case SQLITE_CONSTRAINT:
        return AM_E_CONFLICT;
    case SQLITE_FULL:
        return AM_E_NOSPACE;
    case SQLITE_NOMEM:
        return AM_E_NOMEM;
    case SQLITE_TOOBIG:
        return AM_E_TOOBIG;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return AM_E_TAMPERED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return AM_E_UNAVAILABLE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return AM_E_FORBIDDEN;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return db_io_error(c, rc);
    default:
        return AM_E_INTERNAL;
    }
}

int db_lite_fail(struct db_lite *c, const char *op, int rc)
{
    int err = db_map(c, rc);
    if (err == AM_E_EXISTS || err == AM_E_CONFLICT)
        return err; /* an answer about the data, not a failure of the store */
    /* SQLite's text names tables and tokens of the program's SQL, never bound values. */
    LOG_E("db.failed", log_s("op", op), log_i("code", rc),
          log_s("detail", c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc)),
          log_err(err));
    c->base.fault = err;
    return err;
}

/* Before SQLite makes it, so that its WAL and shared memory inherit the mode. */
static int db_file_make(const char *path)
{
    char copy[PATH_MAX];
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? AM_OK : am_err_errno(errno);
    close(fd);
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return AM_E_TOOBIG;
    return am_dir_sync(dirname(copy));
}

/* page_size only acts on an empty file. Checkpoints are db_sqlite_wal.c's.
 * journal_size_limit gives the disk back after a burst. cell_size_check meets corruption
 * before it spreads. */
static const char db_pragmas[] = "pragma page_size = 4096;"
                                 "pragma journal_mode = wal;"
                                 "pragma synchronous = full;"
                                 "pragma foreign_keys = on;"
                                 "pragma trusted_schema = off;"
                                 "pragma cell_size_check = on;"
                                 "pragma temp_store = memory;"
                                 "pragma wal_autocheckpoint = 0;"
                                 "pragma journal_size_limit = 67108864;"
                                 "pragma cache_size = -16384;";

static int db_own_settings(struct db_lite *c, const struct db_place *p)
{
    int cache_kib = c->base.role == DB_WRITER ? p->cache_kib : p->reader_cache_kib;
    char sql[96] = "";
    if (c->base.role == DB_WRITER && p->checkpoint_pages)
        snprintf(sql, sizeof sql, "pragma journal_size_limit = %lld;",
                 2LL * 4096 * p->checkpoint_pages);
    if (cache_kib)
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "pragma cache_size = -%d",
                 cache_kib);
    return sql[0] ? sqlite3_exec(c->db, sql, NULL, NULL, NULL) : SQLITE_OK;
}

static int db_settings(struct db_lite *c, const struct db_place *p)
{
    int rc = sqlite3_extended_result_codes(c->db, 1);
    if (!rc)
        rc = sqlite3_busy_timeout(c->db, 5000); /* another process may hold the file */
    if (!rc)
        rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* "text" in double quotes is an identifier, as in PostgreSQL. */
    if (!rc)
        rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (!rc)
        rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    if (!rc)
        rc = sqlite3_exec(c->db, db_pragmas, NULL, NULL, NULL);
    if (!rc)
        rc = db_own_settings(c, p);
    if (!rc && c->base.role == DB_READER)
        rc = sqlite3_exec(c->db, "pragma query_only = on", NULL, NULL, NULL);
    return rc;
}

static int db_own_statements(struct db_lite *c)
{
    const struct {
        const char *sql;
        sqlite3_stmt **st;
    } own[] = {
        {c->base.role == DB_WRITER ? "begin immediate" : "begin", &c->begin},
        {"commit", &c->commit},
        {"rollback", &c->rollback}, /* prepared: it must work when memory is out */
        {"savepoint one", &c->savepoint},
        {"release one", &c->release},
        {"rollback to one", &c->undo},
    };
    for (size_t i = 0; i < AM_LEN(own); i++) {
        int rc = sqlite3_prepare_v3(c->db, own[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    own[i].st, NULL);
        if (rc)
            return rc;
    }
    return SQLITE_OK;
}

static void db_lite_close(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    db_cache_clear(base);
    db_wal_close(c->wal);
    sqlite3_finalize(c->begin);
    sqlite3_finalize(c->commit);
    sqlite3_finalize(c->rollback);
    sqlite3_finalize(c->savepoint);
    sqlite3_finalize(c->release);
    sqlite3_finalize(c->undo);
    am_assert(sqlite3_close(c->db) == SQLITE_OK); /* no statement is left behind */
    free(c);
}

static int db_lite_open(struct db_conn **out, const struct db_place *p, enum db_role role)
{
    const char *path = p->path;
    struct db_lite *c = am_calloc(1, sizeof *c);
    int rc, err;
    if (!c)
        return AM_E_NOMEM;
    c->base.ops = &db_sqlite_ops;
    c->base.role = role;
    err = role == DB_WRITER ? db_file_make(path) : AM_OK;
    if (err)
        goto failed;
    rc = sqlite3_open_v2(
        path, &c->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (!rc)
        rc = db_settings(c, p);
    if (!rc)
        rc = db_own_statements(c);
    if (rc)
        err = db_lite_fail(c, "open", rc);
    if (!err && role == DB_WRITER)
        err = db_wal_open(&c->wal, c->db,
                          p->checkpoint_pages ? p->checkpoint_pages : DB_WAL_PAGES);
    if (err)
        goto failed;
    *out = &c->base;
    return AM_OK;
failed:
    db_lite_close(&c->base);
    return err;
}

static int db_own(struct db_lite *c, sqlite3_stmt *st, const char *op)
{
    int rc = sqlite3_step(st);
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? AM_OK : db_lite_fail(c, op, rc);
}

static int db_lite_begin(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    base->fault = AM_OK;
    return db_own(c, c->begin, "begin");
}

static int db_lite_commit(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    return db_own(c, c->commit, "commit");
}

static bool db_lite_in_transaction(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    return !sqlite3_get_autocommit(c->db);
}

static void db_lite_rollback(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    if (db_lite_in_transaction(base) && db_own(c, c->rollback, "rollback"))
        am_assert(
            !db_lite_in_transaction(base)); /* an error there has rolled back as well */
}

static int db_lite_savepoint(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    return db_own(c, c->savepoint, "savepoint");
}

/* A deferred foreign key left open would make the whole batch fail at commit: it is this
 * function's fault alone, and is found here. */
static int db_lite_release(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    int open_keys = 0, high = 0;
    sqlite3_db_status(c->db, SQLITE_DBSTATUS_DEFERRED_FKS, &open_keys, &high, 0);
    return open_keys ? AM_E_CONFLICT : db_own(c, c->release, "release");
}

static void db_lite_undo(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    /* If even this fails the transaction cannot be trusted any more. */
    if (db_lite_in_transaction(base) &&
        (db_own(c, c->undo, "undo") || db_own(c, c->release, "undo")))
        db_lite_rollback(base);
}

static int db_lite_script(struct db_conn *base, const char *sql)
{
    struct db_lite *c = (struct db_lite *)base;
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc ? db_lite_fail(c, "script", rc) : AM_OK;
}

/* Logs each line a checking pragma returns; the first column that is text says what. */
static int db_findings(struct db_lite *c, const char *pragma, size_t *found)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(c->db, pragma, -1, &st, NULL);
    while (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        rc = SQLITE_OK;
        if (text && strcmp(text, "ok") == 0)
            continue;
        LOG_E("db.check", log_s("by", pragma), log_s("found", text));
        (*found)++;
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? AM_OK : db_lite_fail(c, "check", rc);
}

static int db_lite_check(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    size_t found = 0;
    int err = db_findings(c, "pragma integrity_check(20)", &found);
    if (!err)
        err = db_findings(c, "pragma foreign_key_check", &found);
    return err ? err : found ? AM_E_TAMPERED : AM_OK;
}

static int db_copy(struct db_lite *c, const char *tmp)
{
    struct db_lite to = {.base.role = DB_WRITER};
    sqlite3_backup *b;
    int err = AM_OK, rc = sqlite3_open_v2(tmp, &to.db, SQLITE_OPEN_READWRITE, NULL);
    if (!rc) {
        b = sqlite3_backup_init(to.db, "main", c->db, "main");
        /* All in one step: one snapshot, and in WAL mode no writer waits for it. */
        if (b)
            sqlite3_backup_step(b, -1);
        rc = b ? sqlite3_backup_finish(b) : sqlite3_extended_errcode(to.db);
    }
    if (rc)
        err = db_lite_fail(&to, "backup", rc);
    sqlite3_close(to.db);
    return err;
}

static int db_lite_backup(struct db_conn *base, const char *path)
{
    struct db_lite *c = (struct db_lite *)base;
    char tmp[PATH_MAX], copy[PATH_MAX];
    int err, fd;
    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
        return AM_E_TOOBIG;
    snprintf(copy, sizeof copy, "%s", path);
    if (access(path, F_OK) == 0)
        return AM_E_EXISTS;
    fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return am_err_errno(errno);
    err = db_copy(c, tmp);
    if (!err && fsync(fd))
        err = am_err_errno(errno);
    close(fd);
    /* link(), unlike rename(), refuses to replace a file that appeared meanwhile. */
    if (!err && link(tmp, path))
        err = am_err_errno(errno);
    unlink(tmp);
    return err ? err : am_dir_sync(dirname(copy));
}

/* The file is written anew, through a temporary one: in memory it would not fit. Then
 * the WAL goes into it and is cut to nothing, for which nobody else may be reading. */
static int db_lite_scrub(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    int rc;
    sqlite3_wal_hook(c->db, NULL, NULL); /* nobody else copies what is written here */
    rc = sqlite3_exec(c->db, "pragma temp_store = file; vacuum", NULL, NULL, NULL);
    if (!rc)
        rc = db_wal_cut(c->db);
    return rc ? db_lite_fail(c, "scrub", rc) : AM_OK;
}

static int db_lite_settle(struct db_conn *base)
{
    struct db_lite *c = (struct db_lite *)base;
    int rc = db_wal_cut(c->db);
    return rc ? db_lite_fail(c, "settle", rc) : AM_OK;
}

const struct db_ops db_sqlite_ops = {
    .open = db_lite_open,
    .close = db_lite_close,
    .begin = db_lite_begin,
    .commit = db_lite_commit,
    .rollback = db_lite_rollback,
    .savepoint = db_lite_savepoint,
    .release = db_lite_release,
    .undo = db_lite_undo,
    .in_transaction = db_lite_in_transaction,
    .script = db_lite_script,
    .check = db_lite_check,
    .backup = db_lite_backup,
    .scrub = db_lite_scrub,
    .settle = db_lite_settle,
    .changes = db_lite_changes,
    .last_id = db_lite_last_id,
    .stmt_new = db_lite_stmt_new,
    .stmt_ready = db_lite_stmt_ready,
    .stmt_clean = db_lite_stmt_clean,
    .stmt_free = db_lite_stmt_free,
    .bind_int = db_lite_bind_int,
    .bind_num = db_lite_bind_num,
    .bind_str = db_lite_bind_str,
    .bind_blob = db_lite_bind_blob,
    .step = db_lite_step,
    .is_null = db_lite_is_null,
    .get_int = db_lite_int,
    .get_num = db_lite_num,
    .get_str = db_lite_str,
    .get_blob = db_lite_blob,
    .tables = "select name from sqlite_master where type = 'table' and name not like"
              " 'sqlite_%' order by rowid",
    .columns = "select name, type, pk from pragma_table_info($1) order by cid",
};
