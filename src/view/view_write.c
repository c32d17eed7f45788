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

/* ---- one value as text ---- */
static int item_text(struct buf *out, const struct fhir_path_item *item)
{
    const struct json *v = item->kind == FHIR_PATH_NODE ? item->node.v : NULL;
    struct arena a;
    struct str s;
    struct jw w;
    int err;
    if (item->kind == FHIR_PATH_NODE && json_type(v) <= JSON_NULL)
        return AM_OK;
    if (v && json_type(v) != JSON_STRING) {
        jw_init(&w, out);
        jw_val(&w, v);
        return jw_done(&w);
    }
    if (v)
        return buf_add(out, json_str(v));
    arena_init(&a, 1 << 20);
    err = fhir_path_text(item, &a, &s);
    if (!err)
        err = buf_add(out, s);
    arena_release(&a);
    return err;
}

int view_text(struct buf *out, const struct view *v, size_t i,
              const struct view_cell *cell)
{
    struct jw w;
    if (!v->column.v[i].collection)
        return cell->n ? item_text(out, cell->item) : AM_OK;
    jw_init(&w, out);
    list_json(&w, cell);
    return jw_done(&w);
}

/* ---- CSV ---- */
/* Puts what stands in out from `from` on between quotes, where RFC 4180 asks for them. */
static int quoted(struct buf *out, size_t from)
{
    const size_t n = out->n;
    size_t quotes = 0, more;
    bool quote = false;
    int err;
    for (size_t i = from; i < n; i++) {
        char c = out->p[i];
        quotes += c == '"';
        quote |= c == ',' || c == '"' || c == '\n' || c == '\r';
    }
    if (!quote)
        return AM_OK;
    more = quotes + 2;
    err = buf_reserve(out, more);
    for (size_t i = 0; i < more && !err; i++)
        err = buf_addc(out, '"');
    if (err)
        return err;
    /* from the end, so that nothing is written over before it is read */
    for (size_t i = n, to = out->n - 1; i > from; i--) {
        out->p[--to] = out->p[i - 1];
        if (out->p[i - 1] == '"')
            out->p[--to] = '"';
    }
    out->p[from] = '"';
    return AM_OK;
}

static int cell_csv(struct buf *out, const struct view *v, size_t i,
                    const struct view_cell *cell)
{
    size_t from = out->n;
    int err = view_text(out, v, i, cell);
    return err ? err : quoted(out, from);
}

static int row_csv(struct buf *out, const struct view *v, const struct view_cell *cell)
{
    int err = AM_OK;
    for (size_t i = 0; i < v->column.n && !err; i++) {
        if (i)
            err = buf_addc(out, ',');
        if (!err)
            err = cell_csv(out, v, i, &cell[i]);
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
