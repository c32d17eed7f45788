/* SPDX-License-Identifier: Apache-2.0 */
/* The register as a table to take away: CSV (RFC 4180) and JSON, each bound to a tree
 * size and its root, so that whoever holds it can say which register it was. Told from a
 * table that does not change (registry_table.c), a piece at a time: it may be as long as
 * the register gets, and costs the same. */
#include "api/api_priv.h"

enum { API_EXPORT_ROWS = 64, API_EXPORT_PIECE = 48 << 10 };

struct api_export {
    struct api *api;
    struct registry_table *table;
    struct jw w; /* JSON: open from the first piece to the last */
    bool csv, begun, ended;
    uint64_t size, cosigned, at; /* at: rows told, and those that wait in row[] */
    struct registry_table_row row[API_EXPORT_ROWS];
    size_t rows, told;
    char root[64], tail[160];
    uint8_t algorithm[32]; /* whose record names holds */
    struct json_doc *names;
};

enum { API_TEXT = 80 };
static const char *const api_column[] = {
    "model_digest", "algorithm_id",    "version_label", "org_id",   "use_code",  "state",
    "level",        "registry_status", "declared",      "decision", "expires_at"};
static const char *const api_names[] = {"fr", "ar", "en"};

/* A column of a row; "" when it has none. */
static const char *api_text(const struct registry_table_row *x, size_t column,
                            char text[API_TEXT])
{
    const char *const plain[] = {
        x->algorithm_id,   x->version_label,        x->org_id,
        x->use_code,       ledger_v_name(x->state), ledger_level_name(x->level),
        x->registry_status};
    text[0] = 0;
    if (column == 0)
        return crypto_hex(x->digest, 32, text);
    if (column <= AM_LEN(plain))
        return plain[column - 1];
    if (column == 10)
        return x->expires_at ? time_format(x->expires_at, text) : text;
    if (column == 8 || x->decision)
        snprintf(text, API_TEXT, "%llu",
                 (unsigned long long)(column == 8 ? x->declared : x->decision));
    return text;
}

/* Names are in the statements: read outside the lock, once for versions that follow each
 * other. A withheld one leaves no name. */
static int api_export_name(struct api_export *x, const struct registry_table_row *row,
                           const struct json **name)
{
    struct buf b;
    int err = AM_OK;
    *name = NULL;
    if (!row->named)
        return AM_OK;
    if (!x->names || memcmp(x->algorithm, row->algorithm, 32) != 0) {
        json_free(x->names);
        x->names = NULL;
        buf_init(&b, (size_t)4 << 20);
        err = blob_get(registry_blobs(x->api->r), row->algorithm, &b);
        if (!err)
            err = json_parse(&x->names, buf_str(&b), NULL, NULL);
        memcpy(x->algorithm, row->algorithm, 32);
        buf_release(&b);
    }
    if (!err)
        *name = json_pointer(json_root(x->names), STR("/predicate/trade_name"));
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* ---- CSV --------------------------------------------------------------------------- */
/* A cell that a spreadsheet would run as a formula gets an apostrophe before it. */
static int api_csv_cell(struct buf *b, struct str s, bool first)
{
    int err = first ? AM_OK : buf_addc(b, ',');
    if (!err)
        err = buf_addc(b, '"');
    if (!err && s.n && strchr("=+-@\t\r", s.p[0]))
        err = buf_addc(b, '\'');
    for (size_t i = 0; i < s.n && !err; i++) {
        if (s.p[i] == '"')
            err = buf_addc(b, '"');
        if (!err)
            err = buf_addc(b, s.p[i]);
    }
    return err ? err : buf_addc(b, '"');
}

static int api_csv_head(struct api_export *x, struct buf *b)
{
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(api_column) && !err; i++)
        err = buf_addf(b, "%s%s", i ? "," : "", api_column[i]);
    for (size_t i = 0; i < AM_LEN(api_names) && !err; i++)
        err = buf_addf(b, ",trade_name_%s", api_names[i]);
    snprintf(x->tail, sizeof x->tail, ",\"%llu\",\"%s\"\r\n", (unsigned long long)x->size,
             x->root);
    return err ? err : buf_adds(b, ",tree_size,root\r\n");
}

static int api_csv_row(struct api_export *x, const struct registry_table_row *row,
                       struct buf *b)
{
    const struct json *name;
    char text[API_TEXT];
    int err = api_export_name(x, row, &name);
    for (size_t i = 0; i < AM_LEN(api_column) && !err; i++)
        err = api_csv_cell(b, str_c(api_text(row, i, text)), i == 0);
    for (size_t i = 0; i < AM_LEN(api_names) && !err; i++)
        err = api_csv_cell(b, json_get_str(name, api_names[i]), false);
    return err ? err : buf_adds(b, x->tail);
}

/* ---- JSON -------------------------------------------------------------------------- */
static int api_json_head(struct api_export *x, struct buf *b)
{
    jw_init(&x->w, b);
    jw_obj(&x->w);
    jw_kint(&x->w, "tree_size", (int64_t)x->size);
    jw_kint(&x->w, "cosigned_size", (int64_t)x->cosigned);
    jw_kstrz(&x->w, "root", x->root);
    jw_key(&x->w, "items");
    jw_arr(&x->w);
    return x->w.err;
}

static int api_json_row(struct api_export *x, const struct registry_table_row *row,
                        struct buf *b)
{
    const struct json *name;
    char text[API_TEXT];
    int err = api_export_name(x, row, &name);
    (void)b;
    if (err)
        return err;
    jw_obj(&x->w);
    for (size_t i = 0; i < 8; i++)
        jw_kstrz(&x->w, api_column[i], api_text(row, i, text));
    jw_kint(&x->w, "declared", (int64_t)row->declared);
    if (row->decision)
        jw_kint(&x->w, "decision", (int64_t)row->decision);
    if (row->expires_at)
        jw_kstrz(&x->w, "expires_at", api_text(row, 10, text));
    if (name)
        jw_kval(&x->w, "trade_name", name);
    jw_obj_end(&x->w);
    return x->w.err;
}

static int api_export_tail(struct api_export *x)
{
    x->ended = true;
    if (x->csv)
        return AM_OK;
    jw_arr_end(&x->w);
    jw_obj_end(&x->w);
    return jw_done(&x->w);
}

/* ---- piece by piece ---------------------------------------------------------------- */
static int api_export_row(struct api_export *x, struct buf *out)
{
    int err = AM_OK;
    if (x->told == x->rows) {
        x->told = 0;
        err = registry_table_read(x->table, x->at, x->row, AM_LEN(x->row), &x->rows);
        x->at += x->rows;
        if (err || !x->rows)
            return err ? err : api_export_tail(x);
    }
    return (x->csv ? api_csv_row : api_json_row)(x, &x->row[x->told++], out);
}

static int api_export_next(void *cookie, struct buf *out)
{
    struct api_export *x = cookie;
    int err = AM_OK;
    if (!x->begun)
        err = (x->csv ? api_csv_head : api_json_head)(x, out);
    x->begun = true;
    while (!err && !x->ended && out->n < API_EXPORT_PIECE)
        err = api_export_row(x, out);
    return err;
}

static void api_export_end(void *cookie)
{
    struct api_export *x = cookie;
    registry_table_close(x->api->r, x->table);
    json_free(x->names);
    free(x);
}

/* ---- beginning --------------------------------------------------------------------- */
static int api_export_root(struct api_export *x)
{
    struct tlog_hash root;
    struct buf b;
    int err = tlog_root_at(registry_log(x->api->r), x->size, &root);
    buf_init(&b, sizeof x->root - 1);
    if (!err)
        err = crypto_base64(&b, (struct str){(char *)root.h, sizeof root.h});
    snprintf(x->root, sizeof x->root, "%s", b.p);
    buf_release(&b);
    return err;
}

static int api_export_cosigned(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct api_export *x = arg;
    (void)l;
    x->cosigned = AM_MIN(cosigned, x->size); /* the table may be older than this */
    return AM_OK;
}

static void api_export_headers(struct api_call *c, uint64_t size, bool csv)
{
    char name[80];
    snprintf(name, sizeof name, "attachment; filename=\"register-%llu.%s\"",
             (unsigned long long)size, csv ? "csv" : "json");
    http_setz(c->req, c->resp, "Content-Type",
              csv ? "text/csv; charset=utf-8; header=present"
                  : "application/json; charset=utf-8");
    http_setz(c->req, c->resp, "Content-Disposition", name);
}

static int api_export_begin(struct api_export *x, struct api_call *c)
{
    int err = registry_table_open(c->api->r, &x->table);
    if (err)
        return err;
    x->size = registry_table_size(x->table);
    err = registry_view(c->api->r, api_export_cosigned, x);
    return err ? err : api_export_root(x);
}

static int api_export(struct api_call *c, bool csv)
{
    struct api_export *x = am_calloc(1, sizeof *x);
    int err;
    if (!x)
        return AM_E_NOMEM;
    x->api = c->api;
    x->csv = csv;
    err = api_export_begin(x, c);
    if (!err)
        api_export_headers(c, x->size, csv);
    if (err || api_unchanged(c, x->size, csv ? "csv" : "json"))
        api_export_end(x);
    else
        http_stream(c->resp, &(struct http_stream){api_export_next, api_export_end, x});
    return err;
}

int api_h_export_csv(struct api_call *c)
{
    return api_export(c, true);
}

int api_h_export_json(struct api_call *c)
{
    return api_export(c, false);
}
