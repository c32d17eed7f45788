/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows in one statement: the columns travel as arrays (binary), and the server
 * unnests them. COPY would be a little faster still, but cannot be sent in a pipeline. */
#include <arpa/inet.h>
#include <endian.h>

#include "base/buf.h"
#include "db/db_pg_priv.h"

enum {
    DB_PG_MANY_ROWS = 8192,
    DB_PG_MANY_BYTES = 4 << 20, /* of one column, in one statement, if rows allow */
    DB_PG_INT8 = 20,
    DB_PG_FLOAT8 = 701,
    DB_PG_TEXT = 25
};

static const struct {
    char type;
    uint32_t oid;
    const char *name;
} db_pg_array[] = {{'i', DB_PG_INT8, "bigint"},
                   {'d', DB_PG_FLOAT8, "double precision"},
                   {'s', DB_PG_TEXT, "text"},
                   {'b', DB_PG_BYTEA, "bytea"}};

static size_t db_pg_array_of(char type)
{
    size_t k = 0;
    while (k < AM_LEN(db_pg_array) && db_pg_array[k].type != type)
        k++;
    am_assert(k < AM_LEN(db_pg_array));
    return k;
}

static int db_pg_be32(struct buf *b, uint32_t v)
{
    v = htonl(v);
    return buf_add(b, (struct str){(const char *)&v, sizeof v});
}

static int db_pg_be64(struct buf *b, const void *p)
{
    uint64_t v;
    int err = db_pg_be32(b, sizeof v);
    memcpy(&v, p, sizeof v);
    v = htobe64(v);
    return err ? err : buf_add(b, (struct str){(const char *)&v, sizeof v});
}

/* The binary form of a one-dimensional array without NULLs. */
static int db_pg_column(struct buf *b, char type, const union db_array *col, size_t from,
                        size_t n)
{
    const uint32_t head[] = {1, 0, db_pg_array[db_pg_array_of(type)].oid, (uint32_t)n, 1};
    int err = AM_OK;
    buf_clear(b);
    for (size_t i = 0; i < AM_LEN(head) && !err; i++)
        err = db_pg_be32(b, head[i]);
    for (size_t row = from; row < from + n && !err; row++) {
        if (type == 'i') {
            err = db_pg_be64(b, &col->i[row]);
        } else if (type == 'd') {
            err = db_pg_be64(b, &col->d[row]);
        } else {
            struct str v = col->s[row];
            am_assert(v.p);
            if (v.n >= INT32_MAX)
                return AM_E_TOOBIG;
            if (type == 's' && memchr(v.p, '\0', v.n))
                return AM_E_INVALID; /* no text there holds a NUL */
            err = db_pg_be32(b, (uint32_t)v.n);
            if (!err)
                err = buf_add(b, v);
        }
    }
    return err;
}

static int db_pg_many_sql(struct buf *sql, const char *into, const char *types)
{
    int err = buf_addf(sql, "insert into %s select * from unnest(", into);
    for (int i = 0; types[i] && !err; i++)
        err = buf_addf(sql, "%s$%d::%s[]", i ? ", " : "", i + 1,
                       db_pg_array[db_pg_array_of(types[i])].name);
    return err ? err : buf_addc(sql, ')');
}

/* How many rows from `from` go into one statement. */
static size_t db_pg_many_rows(const char *types, const union db_array *col, size_t from,
                              size_t n)
{
    size_t bytes = 0, rows = 0;
    for (; from + rows < n && rows < DB_PG_MANY_ROWS; rows++) {
        for (int i = 0; types[i]; i++)
            if (types[i] == 's' || types[i] == 'b')
                bytes += col[i].s[from + rows].n;
        if (rows && bytes > DB_PG_MANY_BYTES)
            break;
    }
    return rows;
}

int db_pg_insert_many(struct db_conn *c, const char *into, const char *types,
                      const union db_array *col, size_t n)
{
    struct buf sql, column;
    struct db_stmt *s = NULL;
    int err;
    buf_init(&sql, 4096);
    buf_init(&column, INT32_MAX);
    err = db_pg_many_sql(&sql, into, types);
    if (!err)
        err = db_prepare(c, sql.p, &s);
    for (size_t from = 0, rows; from < n && !err; from += rows) {
        rows = db_pg_many_rows(types, col, from, n);
        for (int i = 0; types[i] && !err; i++) {
            err = db_pg_column(&column, types[i], &col[i], from, rows);
            if (!err)
                db_bind_blob(s, i + 1, column.p, column.n);
        }
        if (!err)
            err = db_step_later(s);
    }
    buf_release(&sql);
    buf_release(&column);
    return err;
}
