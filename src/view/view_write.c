/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON, NDJSON and CSV. */
#include "view/view_priv.h"

bool view_format(struct str name, enum view_format *out)
{
    static const struct {
        const char *name;
        enum view_format format;
    } known[] = {{"ndjson", VIEW_NDJSON},
                 {"application/x-ndjson", VIEW_NDJSON},
                 {"application/ndjson", VIEW_NDJSON},
                 {"application/fhir+ndjson", VIEW_NDJSON},
                 {"json", VIEW_JSON},
                 {"application/json", VIEW_JSON},
                 {"csv", VIEW_CSV},
                 {"text/csv", VIEW_CSV}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (str_eq_nocase(name, str_c(known[i].name))) {
            *out = known[i].format;
            return true;
        }
    return false;
}

const char *view_media(enum view_format f)
{
    return f == VIEW_CSV    ? "text/csv; charset=utf-8"
           : f == VIEW_JSON ? "application/json"
                            : "application/x-ndjson";
}

/* ---- JSON ---- */
static void item_json(struct jw *w, const struct fhir_path_item *item)
{
    struct arena a;
    struct str s;
    int err;
    if (item->kind == FHIR_PATH_NODE) {
        jw_val(w, item->node.v);
        return;
    }
    if (item->kind == FHIR_PATH_BOOLEAN) {
        jw_bool(w, item->boolean);
        return;
    }
    if (item->kind == FHIR_PATH_INTEGER) {
        jw_int(w, item->integer);
        return;
    }
    arena_init(&a, 1 << 20);
    err = fhir_path_text(item, &a, &s);
    if (!err && item->kind == FHIR_PATH_DECIMAL)
        jw_raw(w, s);
    else if (!err)
        jw_str(w, s);
    else if (!w->err)
        w->err = err;
    arena_release(&a);
}

static void list_json(struct jw *w, const struct view_cell *cell)
{
    jw_arr(w);
    for (size_t i = 0; i < cell->n; i++)
        item_json(w, &cell->item[i]);
    jw_arr_end(w);
}

static int row_json(struct buf *out, const struct view *v, const struct view_cell *cell)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    for (size_t i = 0; i < v->column.n; i++) {
        jw_keyn(&w, v->column.v[i].name);
        if (v->column.v[i].collection)
            list_json(&w, &cell[i]);
        else if (cell[i].n)
            item_json(&w, cell[i].item);
        else
            jw_null(&w);
    }
    jw_obj_end(&w);
    return jw_done(&w);
}

/* ---- CSV ---- */
static int field(struct buf *out, struct str s)
{
    int err;
    bool quote = false;
    for (size_t i = 0; i < s.n && !quote; i++)
        quote = s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
    if (!quote)
        return buf_add(out, s);
    err = buf_addc(out, '"');
    for (size_t i = 0; i < s.n && !err; i++) {
        err = buf_addc(out, s.p[i]);
        if (!err && s.p[i] == '"')
            err = buf_addc(out, '"');
    }
    return err ? err : buf_addc(out, '"');
}

/* A collection, or an item of many members, as JSON in one field. */
static int json_csv(struct buf *out, const struct view_cell *cell,
                    const struct fhir_path_item *item)
{
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, 16 << 20);
    jw_init(&w, &text);
    if (cell)
        list_json(&w, cell);
    else
        item_json(&w, item);
    err = jw_done(&w);
    if (!err)
        err = field(out, buf_str(&text));
    buf_release(&text);
    return err;
}

/* A value by itself: a text as it is, all else as JSON writes it. */
static int item_csv(struct buf *out, const struct fhir_path_item *item)
{
    const struct json *v = item->kind == FHIR_PATH_NODE ? item->node.v : NULL;
    struct arena a;
    struct str s;
    struct jw w;
    int err;
    if (json_type(v) == JSON_STRING)
        return field(out, json_str(v));
    if (item->kind == FHIR_PATH_STRING)
        return field(out, item->text);
    if (item->kind == FHIR_PATH_NODE && json_type(v) != JSON_OBJECT) {
        if (json_type(v) <= JSON_NULL)
            return AM_OK;
        jw_init(&w, out);
        jw_val(&w, v);
        return jw_done(&w);
    }
    if (v)
        return json_csv(out, NULL, item);
    arena_init(&a, 1 << 20);
    err = fhir_path_text(item, &a, &s);
    if (!err)
        err = field(out, s);
    arena_release(&a);
    return err;
}

static int cell_csv(struct buf *out, const struct view_column *c,
                    const struct view_cell *cell)
{
    if (c->collection)
        return json_csv(out, cell, NULL);
    return cell->n ? item_csv(out, cell->item) : AM_OK;
}

static int row_csv(struct buf *out, const struct view *v, const struct view_cell *cell)
{
    int err = AM_OK;
    for (size_t i = 0; i < v->column.n && !err; i++) {
        if (i)
            err = buf_addc(out, ',');
        if (!err)
            err = cell_csv(out, &v->column.v[i], &cell[i]);
    }
    return err ? err : buf_addc(out, '\n');
}

/* ---- a table ---- */
int view_begin(struct buf *out, const struct view *v, enum view_format f, bool header)
{
    int err = f == VIEW_JSON ? buf_addc(out, '[') : AM_OK;
    if (f != VIEW_CSV || !header)
        return err;
    for (size_t i = 0; i < v->column.n && !err; i++) {
        if (i)
            err = buf_addc(out, ',');
        if (!err)
            err = buf_add(out, v->column.v[i].name);
    }
    return err ? err : buf_addc(out, '\n');
}

int view_row(struct buf *out, const struct view *v, enum view_format f,
             const struct view_cell *cell, bool first)
{
    int err = AM_OK;
    if (f == VIEW_CSV)
        return row_csv(out, v, cell);
    if (f == VIEW_JSON && !first)
        err = buf_addc(out, ',');
    if (!err)
        err = row_json(out, v, cell);
    return err || f == VIEW_JSON ? err : buf_addc(out, '\n');
}

int view_end(struct buf *out, enum view_format f)
{
    return f == VIEW_JSON ? buf_adds(out, "]\n") : AM_OK;
}
