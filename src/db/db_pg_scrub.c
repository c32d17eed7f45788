/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a schema without the bytes of what was deleted: its own tables, what the
 * planner keeps of their values, and the tables of other servers that it uses
 * (postgres_fdw passes no VACUUM on: they are asked by a connection of our own, with what
 * the catalogue says). */
#include "db/db_pg_priv.h"

#include "base/log.h"

/* VACUUM FULL empties the files, ANALYZE replaces the samples in pg_statistic. Whoever
 * does not own the database is warned about that table and leaves it to autovacuum. */
static const char scrub_here[] =
    "select format(case relkind when 'r' then 'vacuum (full, analyze) %I.%I' else"
    " 'analyze %I.%I' end, n.nspname, c.relname) from pg_class c join pg_namespace n on"
    " n.oid = c.relnamespace where n.nspname = $1 and (c.relkind = 'r' or c.relkind ="
    " 'p' and exists (select 1 from pg_stats s where s.schemaname = n.nspname and"
    " s.tablename = c.relname)) order by c.oid";
static const char scrub_last[] = "vacuum (full) pg_catalog.pg_statistic";

/* The command, and how libpq gets there (null: the mapping is not ours to read). */
static const char scrub_there[] =
    "select format('vacuum (full, analyze) %I.%I', coalesce((select option_value from"
    " pg_options_to_table(f.ftoptions) where option_name = 'schema_name'), n.nspname),"
    " coalesce((select option_value from pg_options_to_table(f.ftoptions) where"
    " option_name = 'table_name'), c.relname)), (select string_agg(format('%s=''%s''',"
    " option_name, replace(replace(option_value, '\\', '\\\\'), '''', '\\''')), ' ') from"
    " (select * from pg_options_to_table(s.srvoptions) union all select * from"
    " pg_options_to_table(u.umoptions)) o where option_name in ('host', 'hostaddr',"
    " 'port', 'dbname', 'user', 'password', 'passfile', 'sslmode', 'sslrootcert',"
    " 'sslcert', 'sslkey', 'target_session_attrs', 'connect_timeout') and u.umoptions is"
    " not null), c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " join pg_foreign_table f on f.ftrelid = c.oid join pg_foreign_server s on s.oid ="
    " f.ftserver left join pg_user_mappings u on u.srvid = s.oid and u.umuser = (select"
    " max(m.umuser) from pg_user_mappings m where m.srvid = s.oid and m.umuser in (0,"
    " (select oid from pg_roles where rolname = current_user))) where n.nspname = $1"
    " order by s.oid, c.oid";

static int scrub_run(struct db_pg *c, const char *sql)
{
    PGresult *r = PQexec(c->pg, sql);
    int err = PQresultStatus(r) == PGRES_COMMAND_OK ? AM_OK : db_pg_fail(c, "scrub", r);
    PQclear(r);
    return err;
}

static int scrub_other(const char *table, const char *to, const char *sql)
{
    PGconn *pg = PQconnectdb(to);
    PGresult *r = NULL;
    int err = !pg ? AM_E_NOMEM : PQstatus(pg) == CONNECTION_OK ? AM_OK : AM_E_IO;
    if (!err) {
        r = PQexec(pg, sql);
        err = PQresultStatus(r) == PGRES_COMMAND_OK ? AM_OK : AM_E_IO;
    }
    if (err)
        LOG_E("db.scrub", log_s("table", table),
              log_s("detail", pg ? PQerrorMessage(pg) : "out of memory"));
    PQclear(r);
    PQfinish(pg);
    return err;
}

typedef int scrub_fn(struct db_pg *c, const PGresult *r, int row);
static int scrub_one_here(struct db_pg *c, const PGresult *r, int row)
{
    return scrub_run(c, PQgetvalue(r, row, 0));
}

static int scrub_one_there(struct db_pg *c, const PGresult *r, int row)
{
    const char *table = PQgetvalue(r, row, 2);
    (void)c;
    if (!PQgetisnull(r, row, 1))
        return scrub_other(table, PQgetvalue(r, row, 1), PQgetvalue(r, row, 0));
    LOG_E("db.scrub", log_s("table", table),
          log_s("detail", "no user mapping that this user may read"));
    return AM_E_IO;
}

static int scrub_each(struct db_pg *c, const char *list, scrub_fn *fn)
{
    const char *const schema[] = {c->schema};
    PGresult *r = PQexecParams(c->pg, list, 1, NULL, schema, NULL, NULL, 0);
    int err = PQresultStatus(r) == PGRES_TUPLES_OK ? AM_OK : db_pg_fail(c, "scrub", r);
    for (int i = 0; !err && i < PQntuples(r); i++)
        err = fn(c, r, i);
    PQclear(r);
    return err;
}

int db_pg_scrub(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    int err;
    if (!PQexitPipelineMode(c->pg))
        return db_pg_lost(c, "scrub");
    err = scrub_each(c, scrub_here, scrub_one_here);
    if (!err)
        err = scrub_each(c, scrub_there, scrub_one_there);
    return err ? err : scrub_run(c, scrub_last);
}
