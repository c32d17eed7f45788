/* SPDX-License-Identifier: Apache-2.0 */
/* bench_source -- which format, and the grid that becomes a table. */
#include "bench/bench_source.h"

enum { BENCH_TABLE_MAX = 256 << 20, BENCH_COLUMNS_MAX = 4096 };

static const struct {
    const char *name;
    int (*read)(struct bench_source *, const struct json *, struct str, struct diag *);
} formats[] = {
#define X(format) {#format, bench_read_##format},
    BENCH_FORMAT_MAP(X)
#undef X
};

int bench_source_parse(struct bench_source *s, const struct json *doc, struct str bytes,
                       struct diag *d)
{
    struct str format = json_get_str(doc, "format");
    crypto_sha256(bytes, s->sha256);
    for (size_t i = 0; i < AM_LEN(formats); i++)
        if (str_eqc(format.n ? format : STR("csv"), formats[i].name)) {
            int err = formats[i].read(s, doc, bytes, d);
            return err == AM_E_SYNTAX || err == AM_E_TOOBIG ? AM_E_INVALID : err;
        }
    diag_err(d, "", "bench.format", "not a format of data sets");
    return AM_E_INVALID;
}

int bench_read_csv(struct bench_source *s, const struct json *doc, struct str bytes,
                   struct diag *d)
{
    (void)doc;
    return csv_parse(&s->table, bytes, NULL, d);
}

void bench_source_release(struct bench_source *s)
{
    csv_free(s->table);
    free(s->line);
    *s = (struct bench_source){0};
}

const char *bench_source_place(const struct bench_source *s, size_t row, size_t column,
                               char out[BENCH_SOURCE_PLACE])
{
    struct str name = csv_name(s->table, column);
    if (!s->line)
        snprintf(out, BENCH_SOURCE_PLACE, "%zu:#%zu", csv_line(s->table, row),
                 column + 1);
    else
        snprintf(out, BENCH_SOURCE_PLACE, "%zu:%s%.*s", s->line[row],
                 name.n && name.p[0] == '/' ? "" : "/", (int)AM_MIN(name.n, (size_t)64),
                 name.p);
    return out;
}

/* ---- the grid
 * ------------------------------------------------------------------------------- */
static int grid_name(struct bench_grid *g, struct str name)
{
    for (size_t i = 0; i < g->name.n; i++)
        if (str_eq(g->name.v[i], name))
            return AM_OK;
    if (!name.n)
        return AM_OK;
    return g->name.n < BENCH_COLUMNS_MAX ? vec_push(&g->name, name) : AM_E_TOOBIG;
}

/* "column" wherever it stands: groups, conditions, severity and what comes later. */
static int grid_columns(struct bench_grid *g, const struct json *v, unsigned depth)
{
    int err = AM_OK;
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return AM_OK;
    for (json_each(it, v)) {
        if (str_eqc(it.key, "column"))
            err = grid_name(g, json_str(it.val));
        else if (depth < 4)
            err = grid_columns(g, it.val, depth + 1);
        if (err)
            return err;
    }
    return AM_OK;
}

int bench_grid_init(struct bench_grid *g, const struct json *doc)
{
    const struct json *columns = json_get(doc, "columns");
    int err = AM_OK;
    *g = (struct bench_grid){0};
    buf_init(&g->text, BENCH_TABLE_MAX);
    for (json_each(it, columns)) {
        if (str_eqc(it.key, "units"))
            continue;
        if (json_type(it.val) == JSON_STRING)
            err = grid_name(g, json_str(it.val));
        for (json_each(one, it.val))
            err = err ? err : grid_name(g, json_str(one.val));
        if (err)
            return err;
    }
    err = grid_columns(g, doc, 0);
    if (err)
        return err;
    g->seen = am_calloc(g->name.n + 1, sizeof *g->seen);
    return g->seen ? AM_OK : AM_E_NOMEM;
}

void bench_grid_release(struct bench_grid *g)
{
    vec_release(&g->name);
    vec_release(&g->cell);
    vec_release(&g->line);
    free(g->seen);
    g->seen = NULL;
    buf_wipe(&g->text); /* may be a sealed set's rows */
}

int bench_grid_add(struct bench_grid *g, struct str v)
{
    struct bench_cell c = {g->text.n, v.n};
    int err = buf_add(&g->text, v);
    return err ? err : vec_push(&g->cell, c);
}

static int quoted(struct buf *b, struct str v)
{
    int err = buf_addc(b, '"');
    while (v.n && !err) {
        size_t n = str_find(v, '"');
        err = buf_add(b, str_sub(v, 0, n));
        if (!err && n < v.n)
            err = buf_adds(b, "\"\"");
        v = str_sub(v, n + 1, v.n);
    }
    return err ? err : buf_addc(b, '"');
}

static int grid_row(const struct bench_grid *g, size_t row, bool names, struct buf *b)
{
    bool first = true;
    int err = AM_OK;
    for (size_t i = 0; i < g->name.n && !err; i++) {
        struct bench_cell c = {0};
        if (!g->seen[i])
            continue;
        if (!names)
            c = g->cell.v[row * g->name.n + i];
        if (!first)
            err = buf_addc(b, ',');
        first = false;
        if (!err)
            err = quoted(b, names ? g->name.v[i] : (struct str){g->text.p + c.at, c.n});
    }
    return err ? err : buf_addc(b, '\n');
}

int bench_grid_table(struct bench_grid *g, struct bench_source *s, struct diag *d)
{
    struct buf b;
    int err;
    if (!g->line.n) {
        diag_err(d, "1:1", "csv.empty", "the file holds no row");
        return AM_E_INVALID;
    }
    buf_init(&b, BENCH_TABLE_MAX);
    err = grid_row(g, 0, true, &b);
    for (size_t i = 0; i < g->line.n && !err; i++)
        err = grid_row(g, i, false, &b);
    if (err == AM_E_TOOBIG)
        diag_err(d, "1", "csv.toobig", "more than 256 MiB of cells");
    if (!err)
        err = csv_parse(&s->table, buf_str(&b), NULL, d);
    if (!err) {
        s->line = g->line.v;
        g->line.v = NULL;
        g->line.n = g->line.cap = 0;
    }
    buf_wipe(&b);
    return err;
}
