/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "db/db_priv.h"

/* The text itself is kept, not a digest of it: I3 then needs no cryptography, and the
 * history of a file can be read in the file. */
static const char db_migration_table[] = "create table if not exists db_migration ("
                                         " version bigint primary key,"
                                         " name text not null,"
                                         " sql text not null,"
                                         " applied_at bigint not null)";

/* AM_OK and *applied, or AM_E_TAMPERED when the text differs from the applied one. */
static int db_applied(struct db_conn *c, const struct db_migration *m, bool *applied)
{
    struct db_stmt *s;
    int err = db_prepare(c, "select sql from db_migration where version = $1", &s);
    if (err)
        return err;
    db_bind_int(s, 1, m->version);
    err = db_step(s, applied);
    if (err || !*applied || str_eqc(db_str(s, 0), m->sql))
        return err;
    LOG_E("db.migration", log_i("version", m->version), log_s("name", m->name),
          log_s("wrong", "the applied text differs from this program's"));
    return AM_E_TAMPERED;
}

static int db_apply(struct db_conn *c, const struct db_migration *m)
{
    int err = c->ops->script(c, m->sql);
    if (!err && !c->ops->in_transaction(c))
        err = AM_E_INTERNAL; /* the text ended the transaction itself */
    if (!err)
        err = db_exec(c,
                      "insert into db_migration (version, name, sql, applied_at)"
                      " values ($1, $2, $3, $4)",
                      "issi", (int64_t)m->version, str_c(m->name), str_c(m->sql),
                      time_now());
    if (err)
        LOG_E("db.migration", log_i("version", m->version), log_s("name", m->name),
              log_err(err));
    return err;
}

/* Two processes may open a new file at once: the check is inside the transaction. */
static int db_migrate_one(struct db_conn *c, const struct db_migration *m)
{
    bool applied = false;
    int err = c->ops->begin(c);
    if (!err)
        err = db_applied(c, m, &applied);
    if (!err && !applied)
        err = db_apply(c, m);
    db_conn_done(c);
    if (!err)
        err = c->ops->commit(c);
    if (err)
        c->ops->rollback(c);
    return err;
}

/* A file written by a newer program has rules this one does not know. */
int db_refuse_newer(struct db_conn *c, size_t n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select max(version) from db_migration", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && row && db_int(s, 0) > (int64_t)n) {
        LOG_E("db.migration", log_i("version", db_int(s, 0)), log_i("known", (int64_t)n),
              log_s("wrong", "written by a newer program"));
        err = AM_E_UNSUPPORTED;
    }
    return err;
}

/* Inside a transaction, which serialises two processes that open a new database. */
static int db_migrate_start(struct db_conn *c, size_t n)
{
    int err = c->ops->begin(c);
    if (!err)
        err = c->ops->script(c, db_migration_table);
    if (!err)
        err = db_refuse_newer(c, n);
    db_conn_done(c);
    if (!err)
        err = c->ops->commit(c);
    if (err)
        c->ops->rollback(c);
    return err;
}

int db_migrate(struct db_conn *c, const struct db_migration *m, size_t n)
{
    int err = db_migrate_start(c, n);
    for (size_t i = 0; i < n && !err; i++) {
        am_assert(m[i].version == (int)i + 1);
        err = db_migrate_one(c, &m[i]);
    }
    return err;
}
