/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/map.h"
#include "base/vec.h"
#include "csv/csv.h"

/* Offsets instead of pointers: 8 bytes a cell. */
struct cell {
    uint32_t at, n;
};
/* In n, until the record is whole: the field holds doubled quotes, still to be halved. */
#define DOUBLED (UINT32_C(1) << 31)

struct csv {
    char *text; /* doubled quotes are halved in place */
    VEC(struct cell) cell;
    VEC(uint32_t) line;
    struct map names;
    size_t columns;
};

struct reader {
    struct csv *c;
    const struct csv_limits *l;
    struct diag *d;
    size_t i, n;       /* next byte, end */
    size_t line, bol;  /* current line, where it begins */
    size_t start_line; /* of the current record */
    size_t fields;     /* read so far in it */
    int err;
};

/* ---- naming a place ---- */

/* Column counted in characters, from 1, as editors show it. */
static size_t column_of(const struct reader *r, size_t at)
{
    size_t n = 1;
    for (size_t i = r->bol; i < at; i++)
        n += ((unsigned char)r->c->text[i] & 0xC0) != 0x80;
    return n;
}

static int refuse(struct reader *r, int err, size_t at, const char *code,
                  const char *detail)
{
    char path[48];
    snprintf(path, sizeof path, "%zu:%zu", r->line, column_of(r, at));
    diag_err(r->d, path, code, "%s", detail);
    return r->err = err;
}

/* ---- the text as a whole ---- */

static int check_text(struct reader *r)
{
    struct str all = {r->c->text, r->n};
    const char *nul = memchr(all.p, 0, all.n);
    bool utf8 = str_utf8(all);
    if (!nul && utf8)
        return AM_OK;
    size_t at = nul ? (size_t)(nul - all.p) : all.n;
    size_t bad = utf8 ? all.n : str_utf8_bad(all);
    bool by_nul = at < bad;
    at = by_nul ? at : bad;
    for (size_t i = 0; i < at; i++)
        if (all.p[i] == '\n')
            r->line++, r->bol = i + 1;
    return by_nul ? refuse(r, AM_E_SYNTAX, at, "csv.nul", "NUL byte")
                  : refuse(r, AM_E_SYNTAX, at, "csv.utf8", "not UTF-8");
}

/* ---- one field ---- */

static int add_cell(struct reader *r, size_t at, size_t n, uint32_t flag)
{
    if (n > r->l->field_b)
        return refuse(r, AM_E_TOOBIG, r->i, "csv.toobig", "field longer than the limit");
    if (r->fields == r->l->columns)
        return refuse(r, AM_E_TOOBIG, r->i, "csv.toobig", "more columns than the limit");
    /* A record wider than the header is reported once, at its end; its surplus is not
     * kept. */
    if (r->c->columns == 0 || r->fields < r->c->columns) {
        struct cell one = {(uint32_t)at, (uint32_t)n | flag};
        if (r->c->cell.n == r->l->cells)
            return refuse(r, AM_E_TOOBIG, r->i, "csv.toobig",
                          "more cells than the limit");
        if (vec_push(&r->c->cell, one))
            return r->err = AM_E_NOMEM;
    }
    r->fields++;
    return AM_OK;
}

static int quoted(struct reader *r)
{
    const char *t = r->c->text;
    size_t open = r->i, open_line = r->line, open_bol = r->bol;
    uint32_t flag = 0;
    for (size_t i = open + 1; i < r->n; i++) {
        if (t[i] == '\n') {
            r->line++, r->bol = i + 1;
        } else if (t[i] == '"') {
            if (i + 1 >= r->n || t[i + 1] != '"') {
                r->i = i + 1;
                return add_cell(r, open + 1, i - open - 1, flag);
            }
            flag = DOUBLED;
            i++;
        }
    }
    /* name where it was opened; the end of the file tells nothing */
    r->line = open_line, r->bol = open_bol;
    return refuse(r, AM_E_SYNTAX, open, "csv.unterminated", "quote never closed");
}

/* Done when the record is whole, so that places named inside it are those of the file. */
static void halve_quotes(char *text, struct cell *one)
{
    char *t = text + one->at;
    uint32_t n = one->n & ~DOUBLED, to = 0;
    for (uint32_t i = 0; i < n; i++) {
        t[to++] = t[i];
        i += t[i] == '"';
    }
    one->n = to;
}

static bool ends_field(const struct reader *r, size_t i)
{
    char ch = r->c->text[i];
    return ch == r->l->separator || ch == '\n' || ch == '\r';
}

static int bare(struct reader *r)
{
    size_t from = r->i;
    while (r->i < r->n && !ends_field(r, r->i)) {
        if (r->c->text[r->i] == '"')
            return refuse(r, AM_E_SYNTAX, r->i, "csv.quote", "quote inside a bare field");
        r->i++;
    }
    return add_cell(r, from, r->i - from, 0);
}

/* ---- one record ---- */

/* After a field: true when the record goes on. */
static bool separator(struct reader *r)
{
    if (r->i == r->n)
        return false;
    char *t = r->c->text;
    if (t[r->i] == r->l->separator) {
        r->i++;
        return true;
    }
    if (t[r->i] == '\r') {
        if (r->i + 1 == r->n || t[r->i + 1] != '\n') {
            r->err = refuse(r, AM_E_SYNTAX, r->i, "csv.bare_cr", "carriage return alone");
            return false;
        }
        r->i++;
    }
    if (t[r->i] != '\n') {
        r->err = refuse(r, AM_E_SYNTAX, r->i, "csv.quote", "text after a closing quote");
        return false;
    }
    r->i++;
    r->line++, r->bol = r->i;
    return false;
}

static int record(struct reader *r)
{
    size_t first = r->c->cell.n;
    r->start_line = r->line;
    r->fields = 0;
    do
        r->err = r->i < r->n && r->c->text[r->i] == '"' ? quoted(r) : bare(r);
    while (!r->err && separator(r));
    for (size_t i = first; !r->err && i < r->c->cell.n; i++)
        if (r->c->cell.v[i].n & DOUBLED)
            halve_quotes(r->c->text, &r->c->cell.v[i]);
    return r->err;
}

static int header(struct reader *r)
{
    struct csv *c = r->c;
    int bad = AM_OK;
    if (record(r))
        return r->err;
    c->columns = r->fields;
    for (size_t i = 0; i < c->columns; i++) {
        struct str name = csv_name(c, i);
        const char *why = name.n == 0                ? "empty column name"
                          : map_has(&c->names, name) ? "repeated column name"
                                                     : NULL;
        if (why) {
            char path[48];
            snprintf(path, sizeof path, "1:#%zu", i + 1);
            diag_err(r->d, path, "csv.header", "%s", why);
            bad = AM_E_SYNTAX;
        } else if (map_set(&c->names, name, i)) {
            return AM_E_NOMEM;
        }
    }
    return bad;
}

static int body(struct reader *r)
{
    struct csv *c = r->c;
    bool ragged = false;
    for (size_t rows = 0; r->i < r->n; rows++) {
        if (rows == r->l->rows)
            return refuse(r, AM_E_TOOBIG, r->i, "csv.toobig", "more rows than the limit");
        if (record(r))
            return r->err;
        if (vec_push(&c->line, (uint32_t)r->start_line))
            return AM_E_NOMEM;
        if (r->fields != c->columns) {
            char path[48];
            snprintf(path, sizeof path, "%zu:1", r->start_line);
            diag_err(r->d, path, "csv.ragged", "%zu fields, the header has %zu",
                     r->fields, c->columns);
            ragged = true;
        }
    }
    return ragged ? AM_E_SYNTAX : AM_OK;
}

/* ---- the table ---- */

static struct csv_limits defaults(const struct csv_limits *given)
{
    struct csv_limits l = given ? *given : (struct csv_limits){0};
    l.size_b = l.size_b ? AM_MIN(l.size_b, (size_t)UINT32_MAX) : (size_t)256 << 20;
    l.columns = l.columns ? l.columns : 4096;
    l.rows = l.rows ? l.rows : 10000000;
    l.cells = l.cells ? l.cells : 50000000;
    l.field_b = l.field_b ? AM_MIN(l.field_b, (size_t)INT32_MAX) : 64 << 10;
    l.separator = l.separator ? l.separator : ',';
    am_assert(!strchr("\"\r\n", l.separator)); /* nor NUL, which strchr finds */
    return l;
}

/* Takes text, whatever happens. */
static int parse(struct csv **out, char *text, size_t n, const struct csv_limits *l,
                 struct diag *d)
{
    struct csv *c = am_calloc(1, sizeof *c);
    if (!c) {
        free(text);
        return AM_E_NOMEM;
    }
    c->text = text;
    map_init(&c->names);
    struct reader r = {.c = c, .l = l, .d = d, .n = n, .line = 1};
    int err = check_text(&r);
    if (!err && n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        r.i = r.bol = 3;
    if (!err && r.i == n)
        err = refuse(&r, AM_E_SYNTAX, r.i, "csv.empty", "no header");
    if (!err)
        err = header(&r);
    if (!err)
        err = body(&r);
    if (err) {
        csv_free(c);
        return err;
    }
    *out = c;
    return AM_OK;
}

int csv_parse(struct csv **out, struct str text, const struct csv_limits *limits,
              struct diag *d)
{
    struct csv_limits l = defaults(limits);
    if (text.n > l.size_b) {
        diag_err(d, "", "csv.toobig", "file longer than %zu bytes", l.size_b);
        return AM_E_TOOBIG;
    }
    char *copy = am_malloc(text.n + 1);
    if (!copy)
        return AM_E_NOMEM;
    if (text.n)
        memcpy(copy, text.p, text.n);
    return parse(out, copy, text.n, &l, d);
}

int csv_parse_file(struct csv **out, const char *path, const struct csv_limits *limits,
                   struct diag *d)
{
    struct csv_limits l = defaults(limits);
    char *text;
    size_t n;
    int err = am_file_read(path, l.size_b, &text, &n);
    if (err == AM_E_TOOBIG)
        diag_err(d, "", "csv.toobig", "file longer than %zu bytes", l.size_b);
    return err ? err : parse(out, text, n, &l, d);
}

void csv_free(struct csv *c)
{
    if (!c)
        return;
    map_release(&c->names);
    vec_release(&c->cell);
    vec_release(&c->line);
    free(c->text);
    free(c);
}

size_t csv_rows(const struct csv *c)
{
    return c->line.n;
}

size_t csv_columns(const struct csv *c)
{
    return c->columns;
}

static struct str view(const struct csv *c, size_t i)
{
    return (struct str){c->text + c->cell.v[i].at, c->cell.v[i].n};
}

struct str csv_name(const struct csv *c, size_t column)
{
    am_assert(column < c->columns);
    return view(c, column);
}

int csv_find(const struct csv *c, struct str name, size_t *column)
{
    return map_get(&c->names, name, column);
}

struct str csv_at(const struct csv *c, size_t row, size_t column)
{
    am_assert(row < csv_rows(c) && column < c->columns);
    return view(c, (row + 1) * c->columns + column);
}

size_t csv_line(const struct csv *c, size_t row)
{
    am_assert(row < csv_rows(c));
    return c->line.v[row];
}

bool csv_missing(struct str f)
{
    return f.n == 0 || str_eq_nocase(f, STR("NA")) || str_eq_nocase(f, STR("NaN")) ||
           str_eq_nocase(f, STR("null"));
}

/* The value itself may be personal data: it stays out of the message. */
static void number_problem(const struct csv *c, size_t row, size_t column, struct diag *d)
{
    char path[48];
    struct str name = csv_name(c, column), shown = str_sub(name, 0, 60);
    while (shown.n < name.n && shown.n && (name.p[shown.n] & 0xC0) == 0x80)
        shown.n--; /* cut between characters */
    snprintf(path, sizeof path, "%zu:#%zu", csv_line(c, row), column + 1);
    diag_err(d, path, "csv.number", "column %.*s: %s", STR_FMT(shown),
             csv_missing(csv_at(c, row, column)) ? "missing value"
                                                 : "not a finite decimal number");
}

int csv_numbers(const struct csv *c, size_t column, bool missing_ok, double *out,
                struct diag *d)
{
    int err = AM_OK;
    for (size_t row = 0; row < csv_rows(c); row++) {
        struct str f = csv_at(c, row, column);
        if (missing_ok && csv_missing(f)) {
            out[row] = NAN;
        } else if (str_double(f, &out[row])) {
            number_problem(c, row, column, d);
            out[row] = NAN;
            err = AM_E_SYNTAX;
        }
    }
    return err;
}
