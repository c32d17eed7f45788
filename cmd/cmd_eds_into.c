/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a view into a table of a SQLite file, for whoever asks in SQL. One transaction:
 * the table is replaced whole, and other tables of the file stay. */
#include "cmd_eds_view.h"

#include "db/db.h"

struct cmd_eds_into {
    const struct view *view;
    struct db *db;
    struct buf make, drop, put, text;
    struct db_stmt *stmt;
    int (*rows)(void *arg);
    void *arg;
};

static int wrong(struct diag *d, const char *path, const char *code, struct str what)
{
    diag_err(d, path, code, "%.*s", STR_FMT(what));
    return AM_E_INVALID;
}

/* What SQL calls a value of that type; of an unknown one nothing: each value as it is. */
static const char *affinity(struct str type)
{
    static const char *const integer[] = {"integer", "positiveInt", "unsignedInt",
                                          "integer64", "boolean"};
    if (!type.n)
        return "";
    for (size_t i = 0; i < AM_LEN(integer); i++)
        if (str_ends(type, str_c(integer[i])))
            return " integer";
    return str_ends(type, STR("decimal")) ? " real" : " text";
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
                       c->collection ? " text" : affinity(c->type));
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
    buf_init(&x->make, 1 << 20);
    buf_init(&x->drop, 1 << 20);
    buf_init(&x->put, 1 << 20);
    buf_init(&x->text, 32 << 20);
    err = statements(x);
    if (!err)
        err = db_open(&x->db, &(struct db_config){.path = path, .readers = 1});
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

/* A number as SQL has it; false: no number. */
static bool number(struct db_stmt *s, int at, const struct fhir_path_item *item)
{
    const struct json *v = item->kind == FHIR_PATH_NODE ? item->node.v : NULL;
    if (item->kind == FHIR_PATH_INTEGER ||
        (json_is_int(v) && json_type(v) == JSON_NUMBER))
        db_bind_int(s, at, v ? json_int(v, 0) : item->integer);
    else if (item->kind == FHIR_PATH_DECIMAL || json_type(v) == JSON_NUMBER)
        db_bind_num(s, at, v ? json_num(v, 0) : fhir_decimal_double(item->decimal));
    else if (item->kind == FHIR_PATH_BOOLEAN || json_type(v) == JSON_BOOL)
        db_bind_int(s, at, v ? json_bool(v, false) : item->boolean);
    else
        return false;
    return true;
}

/* All cells that are texts, one after the other in x->text; then bound: the buffer does
 * not move any more. */
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
        const bool one = !view_column(x->view, i)->collection;
        const int at = (int)i + 1;
        if (one && (!cell[i].n || (cell[i].item->kind == FHIR_PATH_NODE &&
                                   json_type(cell[i].item->node.v) <= JSON_NULL)))
            db_bind_null(x->stmt, at);
        else if (!one || !number(x->stmt, at, cell[i].item))
            db_bind_str(x->stmt, at, str_sub(buf_str(&x->text), from, end[i]));
        from = end[i];
    }
    return err ? err : db_step(x->stmt, NULL);
}
