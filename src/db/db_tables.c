/* SPDX-License-Identifier: Apache-2.0 */
/* What a database is made of, for whoever copies it to another store. */
#include "db/db_priv.h"

enum { DB_TABLES_MAX = 256 };
struct db_table_names {
    char name[DB_TABLES_MAX][64];
    size_t n;
};

/* Names go into SQL text: only those that need no quotes exist here. */
static bool db_plain(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz_0123456789", name.p[i]))
            return false;
    return name.n > 0 && name.n < 64;
}

static int db_table_list(struct db_conn *c, struct db_table_names *t)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, c->ops->tables, &s);
    while (!err && !(err = db_step(s, &row)) && row) {
        struct str name = db_str(s, 0);
        if (str_eqc(name, "db_migration"))
            continue;
        if (!db_plain(name) || t->n == DB_TABLES_MAX)
            return AM_E_UNSUPPORTED;
        snprintf(t->name[t->n++], sizeof t->name[0], "%.*s", STR_FMT(name));
    }
    return err;
}

/* The words of a migration, or PostgreSQL's names of the same types. */
static char db_type(struct str type)
{
    char low[32] = "";
    for (size_t i = 0; i < type.n && i + 1 < sizeof low; i++)
        low[i] = (char)(type.p[i] | 0x20);
    if (strstr(low, "int"))
        return 'i';
    if (strstr(low, "bytea") || strstr(low, "blob"))
        return 'b';
    return strstr(low, "double") || strstr(low, "real") ? 'd' : 's';
}

static int db_column_list(struct db_conn *c, const char *table, struct db_column *col,
                          size_t *n)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, c->ops->columns, &s);
    *n = 0;
    if (!err)
        db_bind_str(s, 1, str_c(table));
    while (!err && !(err = db_step(s, &row)) && row) {
        struct str name = db_str(s, 0);
        if (!db_plain(name) || *n == DB_COLUMNS_MAX)
            return AM_E_UNSUPPORTED;
        col[*n] =
            (struct db_column){.type = db_type(db_str(s, 1)), .key = (int)db_int(s, 2)};
        snprintf(col[*n].name, sizeof col->name, "%.*s", STR_FMT(name));
        (*n)++;
    }
    return err;
}

int db_tables(struct db_conn *c, db_table_fn *fn, void *arg)
{
    struct db_table_names *t = am_calloc(1, sizeof *t);
    struct db_column *col = am_calloc(DB_COLUMNS_MAX, sizeof *col);
    size_t n;
    int err = t && col ? db_table_list(c, t) : AM_E_NOMEM;
    for (size_t i = 0; !err && i < t->n; i++) {
        err = db_column_list(c, t->name[i], col, &n);
        if (!err)
            err = fn(arg, t->name[i], col, n);
    }
    free(col);
    free(t);
    return err;
}

int db_renumber(struct db_conn *c, const char *table, const char *column)
{
    char sql[400];
    struct db_stmt *s;
    const char *f = c->ops->renumber;
    size_t n = 0;
    int err;
    if (!f)
        return AM_OK;
    am_assert(db_plain(str_c(table)) && db_plain(str_c(column)));
    for (; *f && n + 65 < sizeof sql; f++) {
        if (*f != '%') {
            sql[n++] = *f;
            continue;
        }
        n +=
            (size_t)snprintf(sql + n, sizeof sql - n, "%s", f[1] == '1' ? table : column);
        f += 3; /* %1$s */
    }
    sql[n] = '\0';
    err = db_prepare(c, sql, &s);
    return err ? err : db_step(s, NULL);
}
