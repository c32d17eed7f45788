/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a view into a table of a SQLite file or of PostgreSQL, for whoever asks in SQL.
 * One transaction: the table is replaced whole, and other tables stay. */
#include "cmd_eds_view.h"

#include "db/db.h"

struct cmd_eds_into {
    const struct view *view;
    bool server; /* PostgreSQL */
    struct db *db;
    struct buf make, drop, put, text;
    struct db_stmt *stmt;
    struct diag *d;
    int (*rows)(void *arg);
    void *arg;
};

static int wrong(struct diag *d, const char *path, const char *code, struct str what)
{
    diag_err(d, path, code, "%.*s", STR_FMT(what));
    return AM_E_INVALID;
}

/* What a column of that type holds: 'i', 'd', 's' as db_exec() names them; 0: each value
 * as it is, which SQLite can, and PostgreSQL has as text. */
static char kind(const struct cmd_eds_into *x, size_t i)
{
    static const char *const integer[] = {"integer", "positiveInt", "unsignedInt",
                                          "integer64", "boolean"};
    const struct view_column *c = view_column(x->view, i);
    if (c->collection)
        return 's';
    if (!c->type.n)
        return x->server ? 's' : 0;
    for (size_t k = 0; k < AM_LEN(integer); k++)
        if (str_ends(c->type, str_c(integer[k])))
            return 'i';
    return str_ends(c->type, STR("decimal")) ? 'd' : 's';
}

static const char *declared(char kind)
{
    return kind == 'i'   ? " bigint"
           : kind == 'd' ? " double precision"
           : kind == 's' ? " text"
                         : "";
}

static int statements(struct cmd_eds_into *x)
{
    const struct view *v = x->view;
    struct str name = view_name(v);
    int err = buf_addf(&x->drop, "drop table if exists \"%.*s\"", STR_FMT(name));
    if (!err)
        err = buf_addf(&x->make, "create table \"%.*s\" (", STR_FMT(name));
    if (!err)
        err = buf_addf(&x->put, "insert into \"%.*s\" values (", STR_FMT(name));
    for (size_t i = 0; i < view_columns(v) && !err; i++) {
        const struct view_column *c = view_column(v, i);
        err = buf_addf(&x->make, "%s\"%.*s\"%s", i ? ", " : "", STR_FMT(c->name),
                       declared(kind(x, i)));
        if (!err)
            err = buf_addf(&x->put, "%s$%zu", i ? ", " : "", i + 1);
    }
    if (!err)
        err = buf_addc(&x->make, ')');
    return err ? err : buf_addc(&x->put, ')');
}

int cmd_eds_into_new(struct cmd_eds_into **out, const char *path, const struct view *v,
                     struct diag *d)
{
    struct cmd_eds_into *x;
    int err;
    if (!view_name(v).n)
        return wrong(d, "/name", "view.required", STR("name"));
    for (size_t i = 0; i < view_columns(v); i++) /* SQL does not tell a from A */
        for (size_t k = 0; k < i; k++)
            if (str_eq_nocase(view_column(v, i)->name, view_column(v, k)->name))
                return wrong(d, "", "view.twice", view_column(v, i)->name);
    x = am_calloc(1, sizeof *x);
    if (!x)
        return AM_E_NOMEM;
    x->view = v;
    x->d = d;
    x->server = db_is_uri(path);
    buf_init(&x->make, 1 << 20);
    buf_init(&x->drop, 1 << 20);
    buf_init(&x->put, 1 << 20);
    buf_init(&x->text, 32 << 20);
    err = statements(x);
    if (!err)
        err = db_open(&x->db,
                      &(struct db_config){.path = path, .name = "views", .readers = 1});
    if (err)
        cmd_eds_into_free(x);
    else
        *out = x;
    return err;
}

void cmd_eds_into_free(struct cmd_eds_into *x)
{
    if (!x)
        return;
    if (x->db)
        db_close(x->db);
    buf_release(&x->make);
    buf_release(&x->drop);
    buf_release(&x->put);
    buf_release(&x->text);
    free(x);
}

static int fill(struct db_conn *c, void *arg)
{
    struct cmd_eds_into *x = arg;
    int err = db_exec(c, x->drop.p, "");
    if (!err)
        err = db_exec(c, x->make.p, "");
    if (!err)
        err = db_prepare(c, x->put.p, &x->stmt);
    return err ? err : x->rows(x->arg);
}

int cmd_eds_into_fill(struct cmd_eds_into *x, int (*rows)(void *arg), void *arg)
{
    x->rows = rows;
    x->arg = arg;
    return db_write(x->db, fill, x);
}

/* The number of an item; false: it is none. */
static bool number(const struct fhir_path_item *item, bool *whole, int64_t *n, double *d)
{
    const struct json *v = item->kind == FHIR_PATH_NODE ? item->node.v : NULL;
    bool truth = item->kind == FHIR_PATH_BOOLEAN || json_type(v) == JSON_BOOL;
    *whole = truth || item->kind == FHIR_PATH_INTEGER || json_is_int(v);
    *n = truth ? (v ? json_bool(v, false) : item->boolean)
         : v   ? json_int(v, 0)
               : item->integer;
    if (*whole)
        *d = (double)*n;
    else if (json_type(v) == JSON_NUMBER)
        *d = json_num(v, 0);
    else if (item->kind == FHIR_PATH_DECIMAL)
        *d = fhir_decimal_double(item->decimal);
    else
        return false;
    return true;
}

/* AM_E_INVALID with a problem: no value of what the view says the column is. */
static int bind(struct cmd_eds_into *x, size_t i, const struct view_cell *cell,
                struct str text)
{
    const char k = kind(x, i);
    const int at = (int)i + 1;
    bool whole = false, is;
    int64_t n = 0;
    double d = 0;
    is = k != 's' && number(cell->item, &whole, &n, &d);
    if ((k == 'i' && !whole) || (k == 'd' && !is))
        return wrong(x->d, view_column(x->view, i)->name.p, "view.value", text);
    if (!is)
        db_bind_str(x->stmt, at, text);
    else if (whole && k != 'd')
        db_bind_int(x->stmt, at, n);
    else
        db_bind_num(x->stmt, at, d);
    return AM_OK;
}

/* All cells as texts, one after the other in x->text; then bound: the buffer does not
 * move any more. */
int cmd_eds_into_row(struct cmd_eds_into *x, const struct view_cell *cell)
{
    size_t n = view_columns(x->view), from = 0;
    size_t end[VIEW_COLUMNS];
    int err = AM_OK;
    buf_clear(&x->text);
    for (size_t i = 0; i < n && !err; i++) {
        err = view_text(&x->text, x->view, i, &cell[i]);
        end[i] = x->text.n;
    }
    for (size_t i = 0; i < n && !err; i++) {
        if (!view_column(x->view, i)->collection &&
            (!cell[i].n || (cell[i].item->kind == FHIR_PATH_NODE &&
                            json_type(cell[i].item->node.v) <= JSON_NULL)))
            db_bind_null(x->stmt, (int)i + 1);
        else
            err = bind(x, i, &cell[i], str_sub(buf_str(&x->text), from, end[i]));
        from = end[i];
    }
    return err ? err : db_step_later(x->stmt);
}
