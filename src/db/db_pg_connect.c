/* SPDX-License-Identifier: Apache-2.0 */
/* Getting a connection, and what its errors mean. */
#include "base/clock.h"
#include "base/log.h"
#include "db/db_pg_priv.h"

/* ---- errors: SQLSTATE, PostgreSQL 15 appendix A ---- */
static const struct {
    const char *state; /* whole, or its class of two characters */
    int err;
} db_pg_states[] = {
    {"23505", AM_E_EXISTS},
    {"23", AM_E_CONFLICT},
    {"53100", AM_E_NOSPACE},
    {"53200", AM_E_NOMEM},
    {"53300", AM_E_UNAVAILABLE},
    {"54", AM_E_TOOBIG},
    {"22", AM_E_INVALID},
    {"25006", AM_E_FORBIDDEN},
    {"42501", AM_E_FORBIDDEN},
    {"28", AM_E_FORBIDDEN},
    {"40", AM_E_UNAVAILABLE},
    {"55P03", AM_E_UNAVAILABLE},
    {"57014", AM_E_UNAVAILABLE},
    {"57", AM_E_IO},
    {"58", AM_E_IO},
    {"08", AM_E_IO},
    {"XX001", AM_E_TAMPERED},
    {"XX002", AM_E_TAMPERED},
};

static int db_pg_state(const char *state)
{
    if (!state)
        return AM_E_IO; /* libpq's own: the connection */
    for (size_t i = 0; i < AM_LEN(db_pg_states); i++)
        if (strncmp(db_pg_states[i].state, state, strlen(db_pg_states[i].state)) == 0)
            return db_pg_states[i].err;
    return AM_E_INTERNAL;
}

int db_pg_fail(struct db_pg *c, const char *op, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    int err = db_pg_state(state);
    /* Of the message classes only these never quote a value. */
    bool told = state && (!strncmp(state, "42", 2) || !strncmp(state, "5", 1) ||
                          !strncmp(state, "XX", 2));
    if (err == AM_E_EXISTS || err == AM_E_CONFLICT)
        return err; /* an answer about the data, not a failure of the store */
    LOG_E("db.failed", log_s("op", op), log_s("schema", c->schema),
          log_s("code", state ? state : "connection"),
          log_s("detail", told ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : ""),
          log_err(err));
    c->base.fault = err;
    return err;
}

static void db_pg_notice(void *arg, const PGresult *r)
{
    struct db_pg *c = arg;
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (!severity || strcmp(severity, "WARNING") != 0)
        return;
    c->warned = true;
    LOG_W("db.warning", log_s("schema", c->schema), log_s("code", state));
}

/* ---- simple queries, outside the pipeline ---- */
int db_pg_simple(struct db_pg *c, const char *op, const char *sql)
{
    bool pipeline;
    PGresult *r;
    int err = AM_OK;
    if (c->pg && PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF) {
        err = db_pg_sync(c, op, &r); /* nothing may be under way */
        PQclear(r);
    }
    if (err)
        return err;
    if (!c->pg)
        return AM_E_IO;
    pipeline = PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF;
    if (pipeline && !PQexitPipelineMode(c->pg))
        return db_pg_lost(c, op);
    r = PQexec(c->pg, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        err = db_pg_fail(c, op, r);
    PQclear(r);
    if (PQstatus(c->pg) != CONNECTION_OK || (pipeline && !PQenterPipelineMode(c->pg)))
        return db_pg_lost(c, op);
    return err;
}

/* One value of one row; false when there is none. */
static bool db_pg_ask(struct db_pg *c, const char *sql, char *out, size_t n)
{
    PGresult *r = PQexec(c->pg, sql);
    bool have = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1;
    if (have)
        snprintf(out, n, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return have;
}

/* ---- connecting ---- */
int64_t db_pg_lock_key(const struct db_pg *c, const char *what)
{
    char text[64];
    snprintf(text, sizeof text, "amane %s %s", c->schema, what);
    return (int64_t)(str_hash(str_c(text)) >> 1);
}

static int db_pg_refuse(struct db_pg *c, const char *why, int err)
{
    LOG_E("db.server", log_s("schema", c->schema), log_s("wrong", why), log_err(err));
    return err;
}

/* What the server must be for I2 to hold. `local` and stronger settings are kept; `off`
 * would acknowledge what a crash can still take away. */
static int db_pg_judge_writer(struct db_pg *c)
{
    const char *standby = PQparameterStatus(c->pg, "in_hot_standby");
    char value[64] = "";
    if (standby && strcmp(standby, "on") == 0)
        return db_pg_refuse(c, "this server is a standby: it cannot be written", AM_E_IO);
    if (!db_pg_ask(c, "show fsync", value, sizeof value))
        return AM_E_IO;
    if (strcmp(value, "on") != 0)
        return db_pg_refuse(c, "fsync is off: nothing is durable", AM_E_UNSUPPORTED);
    if (!db_pg_ask(c, "show synchronous_commit", value, sizeof value))
        return AM_E_IO;
    if (strcmp(value, "off") == 0)
        return db_pg_simple(c, "connect", "set synchronous_commit = on");
    return AM_OK;
}

/* After a crash of ours the server needs a moment to see that the old one is gone. */
static int db_pg_take_sole(struct db_pg *c)
{
    char sql[80], got[8] = "";
    snprintf(sql, sizeof sql, "select pg_try_advisory_lock(%lld)",
             (long long)db_pg_lock_key(c, "sole"));
    for (int i = 0; i < 20; i++) {
        struct timespec pause = {0, 100000000};
        if (!db_pg_ask(c, sql, got, sizeof got))
            return AM_E_IO;
        if (got[0] == 't')
            return AM_OK;
        nanosleep(&pause, NULL);
    }
    return db_pg_refuse(c, "another process has this database open", AM_E_CONFLICT);
}

static int db_pg_make_schema(struct db_pg *c)
{
    char sql[256];
    long long key = (long long)db_pg_lock_key(c, "write");
    snprintf(sql, sizeof sql,
             "begin; select pg_advisory_xact_lock(%lld);"
             "create schema if not exists \"%s\"; commit",
             key, c->schema);
    return db_pg_simple(c, "schema", sql);
}

static int db_pg_settings(struct db_pg *c)
{
    char sql[512], exists[8] = "";
    const char *encoding = PQparameterStatus(c->pg, "server_encoding");
    int err;
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return db_pg_refuse(c, "the database's encoding is not UTF8", AM_E_UNSUPPORTED);
    snprintf(sql, sizeof sql,
             "set client_min_messages = warning; set standard_conforming_strings = on;"
             "set search_path = \"%s\"; set lock_timeout = '5s';"
             "set default_transaction_deferrable = off; set timezone = 'UTC'",
             c->schema);
    err = db_pg_simple(c, "connect", sql);
    if (err || c->base.role == DB_READER)
        return err;
    err = db_pg_judge_writer(c);
    if (!err && c->sole)
        err = db_pg_take_sole(c);
    snprintf(sql, sizeof sql, "select 1 from pg_namespace where nspname = '%s'",
             c->schema);
    if (!err && !db_pg_ask(c, sql, exists, sizeof exists))
        err = db_pg_make_schema(c);
    return err;
}

static PGconn *db_pg_dial(const struct db_pg *c)
{
    /* The URI comes last, so that it may say otherwise. A server that stops answering is
     * noticed after 10 s, not after TCP's quarter of an hour. */
    static const char *const key[] = {
        "connect_timeout", "application_name",    "tcp_user_timeout",
        "keepalives_idle", "keepalives_interval", "keepalives_count",
        "dbname",          "client_encoding",     NULL};
    const char *const value[] = {"5", "amane", "10000", "10", "5",
                                 "3", c->uri,  "UTF8",  NULL};
    return PQconnectdbParams(key, value, 1);
}

/* Fails at once while a pause lasts: who waits for the database is told, not held up. */
int db_pg_connect(struct db_pg *c)
{
    int err;
    if (time_mono() < c->retry_at)
        return AM_E_IO;
    c->pg = db_pg_dial(c);
    if (PQstatus(c->pg) == CONNECTION_OK) {
        c->in_tx = c->owed = c->dirty = c->inner = c->warned = false;
        c->generation++;
        PQsetNoticeReceiver(c->pg, db_pg_notice, c);
        err = db_pg_settings(c);
        if (!err && !PQenterPipelineMode(c->pg))
            err = AM_E_IO;
    } else { /* libpq's text names hosts, not secrets */
        LOG_E("db.connect", log_s("schema", c->schema),
              log_s("detail", c->pg ? PQerrorMessage(c->pg) : "out of memory"));
        err = c->pg ? AM_E_IO : AM_E_NOMEM;
    }
    if (!err) {
        c->retry_at = 0;
        c->pause_ms = 0;
        return AM_OK;
    }
    PQfinish(c->pg);
    c->pg = NULL;
    c->pause_ms =
        c->pause_ms ? AM_MIN(c->pause_ms * 2, DB_PG_PAUSE_MAX_MS) : DB_PG_PAUSE_MIN_MS;
    c->retry_at = time_mono() + (int64_t)c->pause_ms * 1000;
    return err;
}

/* ---- integrity ---- */
static int db_pg_check_each(struct db_pg *c, const char *list, size_t *found)
{
    PGresult *r = PQexec(c->pg, list), *one;
    int err = PQresultStatus(r) == PGRES_TUPLES_OK ? AM_OK : db_pg_fail(c, "check", r);
    for (int i = 0; !err && i < PQntuples(r); i++) {
        ExecStatusType st;
        one = PQexec(c->pg, PQgetvalue(r, i, 1));
        st = PQresultStatus(one);
        if (st != PGRES_TUPLES_OK || PQntuples(one) > 0) {
            LOG_E(
                "db.check", log_s("found", PQgetvalue(r, i, 0)),
                log_s("detail", st == PGRES_TUPLES_OK
                                    ? PQgetvalue(one, 0, 0)
                                    : PQresultErrorField(one, PG_DIAG_MESSAGE_PRIMARY)));
            (*found)++;
        }
        PQclear(one);
        if (PQstatus(c->pg) != CONNECTION_OK)
            err = AM_E_IO;
    }
    PQclear(r);
    return err;
}

int db_pg_check(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    char there[80], list[1024];
    size_t found = 0;
    int err;
    if (!PQexitPipelineMode(c->pg)) /* a connection of its own, nothing under way */
        return db_pg_lost(c, "check");
    if (!db_pg_ask(c,
                   "select quote_ident(nspname) from pg_extension join pg_namespace as n"
                   " on n.oid = extnamespace where extname = 'amcheck'",
                   there, sizeof there)) {
        LOG_W("db.check", log_s("wrong", "a superuser must `create extension amcheck` in"
                                         " this database first"));
        return AM_E_UNSUPPORTED;
    }
    snprintf(list, sizeof list,
             "select c.relname, 'select ''block '' || blkno || '': '' || msg from"
             " %s.verify_heapam(' || c.oid || ')' from pg_class c join pg_namespace n on"
             " n.oid = c.relnamespace where n.nspname = '%s' and c.relkind = 'r'",
             there, c->schema);
    err = db_pg_check_each(c, list, &found);
    snprintf(list, sizeof list,
             "select c.relname, 'select * from (select %s.bt_index_check(' || c.oid ||"
             " ', true)) as t where false' from pg_class c join pg_namespace n on n.oid ="
             " c.relnamespace join pg_am a on a.oid = c.relam where n.nspname = '%s' and"
             " c.relkind = 'i' and a.amname = 'btree'",
             there, c->schema);
    if (!err)
        err = db_pg_check_each(c, list, &found);
    return err ? err : found ? AM_E_TAMPERED : AM_OK;
}
