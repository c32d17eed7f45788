/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements of PostgreSQL: prepared once per connection and text, bound as text
 * (blobs as bytes), answered in binary. */
#include "base/log.h"
#include "db/db_pg_priv.h"

static struct db_pg_stmt *db_pg_of(struct db_stmt *s)
{
    return (struct db_pg_stmt *)s;
}

static struct db_pg *db_pg_conn(const struct db_pg_stmt *s)
{
    return (struct db_pg *)s->base.c;
}

/* ---- preparing ---- */
/* Everything but a plain query may change rows. */
static bool db_pg_writes(const char *sql)
{
    sql += strspn(sql, " \t\n(");
    return strncasecmp(sql, "select", 6) != 0 && strncasecmp(sql, "values", 6) != 0;
}

static bool db_pg_blank(const char *sql)
{
    return sql[strspn(sql, " \t\n;")] == '\0';
}

static int db_pg_shape(struct db_pg_stmt *s, const PGresult *r)
{
    int params = PQnparams(r), cols = PQnfields(r);
    s->base.params = params;
    s->base.cols = cols;
    s->ptype = am_calloc((size_t)params + 1, sizeof *s->ptype);
    s->param = am_calloc((size_t)params + 1, sizeof *s->param);
    s->ctype = am_calloc((size_t)cols + 1, sizeof *s->ctype);
    s->shown = am_calloc((size_t)cols + 1, sizeof *s->shown);
    if (!s->ptype || !s->param || !s->ctype || !s->shown) {
        s->base.params = s->base.cols = 0;
        return AM_E_NOMEM;
    }
    for (int i = 0; i < params; i++) {
        s->ptype[i] = PQparamtype(r, i);
        s->param[i].null = true;
    }
    for (int i = 0; i < cols; i++) {
        s->ctype[i] = PQftype(r, i);
        if (!db_pg_type_known(s->ctype[i])) {
            LOG_E("db.sql", log_s("wrong", "a column's type is not one of the port's"),
                  log_i("type", (int64_t)s->ctype[i]));
            return AM_E_INTERNAL;
        }
    }
    return AM_OK;
}

/* Before a statement that is awaited: what was sent is read, and a savepoint set. */
static int db_pg_begin_one(struct db_pg *c)
{
    int err = db_pg_catch_up(c);
    if (!err)
        err = db_pg_usable(c);
    if (!err)
        db_pg_guard(c);
    return err;
}

/* One round trip: prepare, and ask for the types. */
static int db_pg_parse(struct db_pg *c, struct db_pg_stmt *s, PGresult **shape)
{
    int err;
    *shape = NULL;
    err = db_pg_begin_one(c);
    if (err)
        return err;
    snprintf(s->name, sizeof s->name, "s%llu", (unsigned long long)++c->names);
    if (!PQsendPrepare(c->pg, s->name, s->text, 0, NULL) ||
        !PQsendDescribePrepared(c->pg, s->name))
        return db_pg_lost(c, "prepare");
    err = db_pg_sync(c, "prepare", shape);
    if (!err)
        s->generation = c->generation;
    else
        db_pg_back(c);
    return err;
}

int db_pg_stmt_new(struct db_conn *base, const char *sql, struct db_stmt **out)
{
    struct db_pg *c = (struct db_pg *)base;
    struct db_pg_stmt *s;
    PGresult *shape = NULL;
    int err;
    if (db_pg_blank(sql)) {
        LOG_E("db.sql", log_s("wrong", "not exactly one statement"));
        return AM_E_INTERNAL;
    }
    s = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    s->base.c = base;
    s->text = str_dup(str_c(sql));
    s->base.sql = s->text;
    s->write = db_pg_writes(sql);
    err = s->text ? db_pg_parse(c, s, &shape) : AM_E_NOMEM;
    if (!err)
        err = db_pg_shape(s, shape);
    PQclear(shape);
    if (err) {
        db_pg_stmt_free(&s->base);
        return err;
    }
    *out = &s->base;
    return AM_OK;
}

static void db_pg_unbind(struct db_pg_stmt *s)
{
    for (int i = 0; i < s->base.params; i++) {
        struct db_pg_param *p = &s->param[i];
        if (p->room > 4096) { /* one big value is not kept for ever */
            free(p->p);
            *p = (struct db_pg_param){0};
        }
        p->null = true;
    }
}

void db_pg_stmt_clean(struct db_stmt *base)
{
    struct db_pg_stmt *s = db_pg_of(base);
    PQclear(s->res);
    s->res = NULL;
    db_pg_unbind(s);
}

int db_pg_stmt_ready(struct db_stmt *base)
{
    struct db_pg_stmt *s = db_pg_of(base);
    struct db_pg *c = db_pg_conn(s);
    PGresult *shape = NULL;
    int err = AM_OK;
    db_pg_stmt_clean(base);
    s->err = AM_OK;
    if (s->generation != c->generation) {
        err = db_pg_parse(c, s, &shape);
        PQclear(shape);
    }
    return err;
}

void db_pg_stmt_free(struct db_stmt *base)
{
    struct db_pg_stmt *s = db_pg_of(base);
    PQclear(s->res);
    for (int i = 0; i < base->params; i++)
        free(s->param[i].p);
    free(s->param);
    free(s->ptype);
    free(s->ctype);
    free(s->shown);
    free(s->text);
    free(s);
}

void db_pg_cache_emptied(struct db_conn *base)
{
    struct db_pg *c = (struct db_pg *)base;
    if (c->in_tx)
        (void)db_pg_quiet(c, "deallocate all");
}

/* ---- binding ---- */
static void db_pg_bind(struct db_stmt *base, int i, struct str v, bool binary)
{
    struct db_pg_stmt *s = db_pg_of(base);
    struct db_pg_param *p = &s->param[i - 1];
    PQclear(s->res); /* a statement that still had rows starts anew */
    s->res = NULL;
    p->null = true;
    if (!v.p || s->err)
        return;
    if (v.n >= INT32_MAX) {
        s->err = AM_E_TOOBIG;
        return;
    }
    /* No text there holds a NUL: one that does is like nothing a query could find, and
     * cannot be written. */
    if (!binary && memchr(v.p, '\0', v.n)) {
        s->err = s->write ? AM_E_INVALID : AM_OK;
        return;
    }
    if (v.n + 1 > p->room) {
        size_t room = v.n + 1 < 64 ? 64 : v.n + 1;
        char *more = am_realloc(p->p, room, 1);
        if (!more) {
            s->err = AM_E_NOMEM;
            return;
        }
        p->p = more;
        p->room = room;
    }
    memcpy(p->p, v.p, v.n);
    p->p[v.n] = '\0';
    p->n = v.n;
    p->binary = binary;
    p->null = false;
}

void db_pg_bind_int(struct db_stmt *s, int i, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)v);
    db_pg_bind(s, i, str_c(text), false);
}

void db_pg_bind_num(struct db_stmt *s, int i, double v)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", v);
    db_pg_bind(s, i, str_c(text), false);
}

/* Text for a bytea would be read as its escape format: it goes as the bytes it is. */
void db_pg_bind_str(struct db_stmt *s, int i, struct str v)
{
    db_pg_bind(s, i, v, db_pg_of(s)->ptype[i - 1] == DB_PG_BYTEA);
}

void db_pg_bind_blob(struct db_stmt *s, int i, struct str v)
{
    db_pg_bind(s, i, v, true);
}

/* ---- running ---- */
static bool db_pg_send(struct db_pg *c, const struct db_pg_stmt *s)
{
    enum { FEW = 32 };
    const char *few_value[FEW] = {0}, **value = few_value;
    int few[2 * FEW] = {0}, *length = few, *format = few + FEW, n = s->base.params;
    bool sent = false;
    if (n > FEW) {
        value = am_calloc((size_t)n, sizeof *value);
        length = am_calloc(2 * (size_t)n, sizeof *length);
        format = length ? length + n : NULL;
    }
    if (value && length && format) {
        for (int i = 0; i < n; i++) {
            value[i] = s->param[i].null ? NULL : s->param[i].p;
            length[i] = (int)s->param[i].n;
            format[i] = s->param[i].binary;
        }
        sent = PQsendQueryPrepared(c->pg, s->name, n, value, length, format, 1) == 1;
    }
    if (n > FEW) {
        free(value);
        free(length);
    }
    return sent;
}

static int db_pg_run(struct db_pg_stmt *s)
{
    struct db_pg *c = db_pg_conn(s);
    int err;
    err = db_pg_begin_one(c);
    if (err)
        return err;
    if (!db_pg_send(c, s))
        return db_pg_lost(c, "step");
    err = db_pg_sync(c, "step", &s->res);
    if (err) {
        db_pg_back(c);
        return err;
    }
    if (PQtransactionStatus(c->pg) != PQTRANS_INTRANS) {
        c->in_tx = false; /* the statement ended the transaction: nothing stands */
        c->base.fault = AM_E_INTERNAL;
        return AM_E_INTERNAL;
    }
    if (s->write) {
        c->dirty = true;
        c->changes = strtoll(PQcmdTuples(s->res), NULL, 10);
    }
    s->row = -1;
    return AM_OK;
}

int db_pg_step(struct db_stmt *base, bool *row)
{
    struct db_pg_stmt *s = db_pg_of(base);
    if (s->err)
        return s->err;
    if (!s->res) {
        int err = db_pg_run(s);
        if (err)
            return err;
    }
    *row = ++s->row < PQntuples(s->res);
    if (!*row) { /* the bindings stay, so that a loop binds and steps again */
        PQclear(s->res);
        s->res = NULL;
    }
    return AM_OK;
}

/* No savepoint is set for it: its failure is the whole function's. */
int db_pg_later(struct db_stmt *base)
{
    struct db_pg_stmt *s = db_pg_of(base);
    struct db_pg *c = db_pg_conn(s);
    int err = s->err;
    if (!err && c->unread >= DB_PG_UNREAD_MAX)
        err = db_pg_catch_up(c);
    if (!err)
        err = db_pg_usable(c);
    if (err)
        return err;
    if (!db_pg_send(c, s))
        return db_pg_lost(c, "step");
    c->unread++;
    return AM_OK;
}

int64_t db_pg_changes(struct db_conn *c)
{
    return ((struct db_pg *)c)->changes;
}

/* "not yet defined in this session" is an error there, no value here. */
int64_t db_pg_last_id(struct db_conn *c)
{
    struct db_stmt *s;
    bool row = false;
    int64_t id = 0;
    int fault = c->fault;
    if (db_prepare(c, "select lastval()", &s) == AM_OK && db_step(s, &row) == AM_OK &&
        row)
        id = db_int(s, 0);
    c->fault = fault ? fault : ((struct db_pg *)c)->in_tx ? AM_OK : c->fault;
    return id;
}
