/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows of one table, column by column: row by row where a statement costs nothing
 * but itself (SQLite); a store that pays for each round trip has its own way. */
#include "base/buf.h"
#include "db/db_priv.h"

static void db_many_bind(struct db_stmt *s, const char *types, const union db_array *col,
                         size_t row)
{
    for (int i = 0; types[i]; i++) {
        switch (types[i]) {
        case 'i':
            db_bind_int(s, i + 1, col[i].i[row]);
            break;
        case 'd':
            db_bind_num(s, i + 1, col[i].d[row]);
            break;
        case 's':
            am_assert(col[i].s[row].p);
            db_bind_str(s, i + 1, col[i].s[row]);
            break;
        default:
            am_assert(types[i] == 'b' && col[i].s[row].p);
            db_bind_blob(s, i + 1, col[i].s[row].p, col[i].s[row].n);
        }
    }
}

static int db_many_sql(struct buf *sql, const char *into, const char *types)
{
    int err = buf_addf(sql, "insert into %s values (", into);
    for (int i = 0; types[i] && !err; i++)
        err = buf_addf(sql, "%s$%d", i ? ", " : "", i + 1);
    return err ? err : buf_addc(sql, ')');
}

int db_insert_many(struct db_conn *c, const char *into, const char *types,
                   const union db_array *col, size_t n)
{
    struct db_stmt *s = NULL;
    struct buf sql;
    int err;
    if (!n)
        return AM_OK;
    if (c->ops->insert_many)
        return c->ops->insert_many(c, into, types, col, n);
    buf_init(&sql, 4096);
    err = db_many_sql(&sql, into, types);
    if (!err)
        err = db_prepare(c, sql.p, &s);
    for (size_t row = 0; row < n && !err; row++) {
        db_many_bind(s, types, col, row);
        err = db_step_later(s);
    }
    buf_release(&sql);
    return err;
}

uint64_t db_ground(const struct db_conn *c)
{
    return c->ground;
}
