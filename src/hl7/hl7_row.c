/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/row.h"

#include "base/clock.h"
#include "hl7/hl7_map_priv.h"

struct hl7_row {
    const struct hl7_map *map;
    size_t *at;    /* where in the file each column of the map is */
    size_t n;      /* columns of the map */
    struct hl7 *m; /* an empty message: what is escaped is of its delimiters */
};

char hl7_row_separator(const struct hl7_map *map)
{
    struct str s = json_get_str(map->root, "separator");
    return s.n ? s.p[0] : ',';
}

static struct str name_of(const struct json *column)
{
    return json_type(column) == JSON_STRING ? json_str(column)
                                            : json_get_str(column, "name");
}

/* ---- what a map may say of its columns ---- */
static bool texts(const struct json *v)
{
    if (json_type(v) == JSON_STRING)
        return json_str(v).n > 0;
    for (json_each(it, v))
        if (json_type(it.val) != JSON_STRING || !json_str(it.val).n)
            return false;
    return json_type(v) == JSON_ARRAY && json_size(v);
}

static bool column_ok(const struct json *c)
{
    if (json_type(c) != JSON_STRING && json_type(c) != JSON_OBJECT)
        return false;
    for (json_each(it, json_type(c) == JSON_OBJECT ? c : NULL))
        if (!(str_eqc(it.key, "name") && json_type(it.val) == JSON_STRING) &&
            !(str_eqc(it.key, "date") && texts(it.val)) &&
            !(str_eqc(it.key, "decimal") && json_str_is(it.val, ",")) &&
            !(str_eqc(it.key, "empty") && texts(it.val)))
            return false;
    return name_of(c).n && !(json_get(c, "date") && json_get(c, "decimal"));
}

size_t hl7_columns_wrong(const struct json *columns)
{
    if (json_type(columns) != JSON_ARRAY || json_size(columns) > HL7_COLUMNS)
        return 0;
    for (json_each(it, columns)) {
        if (!column_ok(it.val))
            return it.i;
        for (json_each(before, columns))
            if (before.i < it.i && str_eq(name_of(before.val), name_of(it.val)))
                return it.i;
    }
    return SIZE_MAX;
}

/* ---- a table ---- */
static int find(const struct hl7_row *r, struct str wanted, const struct str *name,
                size_t n, size_t *at)
{
    for (size_t i = 0; i < n; i++) {
        struct buf b;
        size_t bad;
        bool same;
        buf_init(&b, SIZE_MAX / 2);
        same = !hl7_to_utf8(&b, r->map->charset, name[i], &bad) &&
               str_eq(buf_str(&b), wanted);
        buf_release(&b);
        if (same) {
            *at = i;
            return AM_OK;
        }
    }
    return AM_E_NOTFOUND;
}

int hl7_row_new(struct hl7_row **out, const struct hl7_map *map, const struct str *name,
                size_t n, struct diag *d)
{
    const struct json *columns = hl7_map_columns(map);
    struct hl7_row *r = am_calloc(1, sizeof *r);
    int err = r ? AM_OK : AM_E_NOMEM;
    am_assert(columns);
    if (!err) {
        r->map = map;
        r->n = json_size(columns);
        r->at = am_calloc(AM_MAX(r->n, (size_t)1), sizeof *r->at);
        err = r->at ? hl7_parse(&r->m, STR("MSH|^~\\&\r"), NULL, NULL) : AM_E_NOMEM;
    }
    for (json_each(it, err ? NULL : columns)) {
        struct str wanted = name_of(it.val);
        if (find(r, wanted, name, n, &r->at[it.i])) {
            char path[256];
            snprintf(path, sizeof path, "%.*s", (int)AM_MIN(wanted.n, sizeof path - 1),
                     wanted.p);
            diag_err(d, path, "csv.column", "the file has no such column");
            err = AM_E_INVALID;
        }
    }
    if (err)
        hl7_row_free(r);
    else
        *out = r;
    return err;
}

void hl7_row_free(struct hl7_row *r)
{
    if (!r)
        return;
    hl7_free(r->m);
    free(r->at);
    free(r);
}

/* ---- dates as they are written ---- */
struct moment { /* digits as they stand; n 0: not written */
    struct str part[6];
    char zone[6];
};

/* +01:00, +0100 or Z at the beginning of s; 0: none of them. */
static size_t zone_read(struct str s, char zone[6])
{
    size_t n = 1;
    if (s.n && s.p[0] == 'Z') {
        snprintf(zone, 6, "+0000");
        return 1;
    }
    if (!s.n || (s.p[0] != '+' && s.p[0] != '-'))
        return 0;
    zone[0] = s.p[0];
    for (size_t k = 1; k < 5; k++, n++) {
        n += k == 3 && n < s.n && s.p[n] == ':';
        if (n >= s.n || s.p[n] < '0' || s.p[n] > '9')
            return 0;
        zone[k] = s.p[n];
    }
    zone[5] = 0;
    return n;
}

static bool fits(struct str form, struct str s, struct moment *m)
{
    static const struct str token[] = {STR_INIT("YYYY"), STR_INIT("MM"), STR_INIT("DD"),
                                       STR_INIT("hh"),   STR_INIT("mm"), STR_INIT("ss")};
    *m = (struct moment){0};
    while (form.n) {
        size_t k = 0, n;
        while (k < AM_LEN(token) && !str_starts(form, token[k]))
            k++;
        n = k < AM_LEN(token) ? token[k].n : form.p[0] == 'Z' ? zone_read(s, m->zone) : 1;
        if (!n || s.n < n)
            return false;
        for (size_t i = 0; k < AM_LEN(token) && i < n; i++)
            if (s.p[i] < '0' || s.p[i] > '9')
                return false;
        if (k < AM_LEN(token))
            m->part[k] = str_sub(s, 0, n);
        else if (form.p[0] != 'Z' && form.p[0] != s.p[0])
            return false;
        form = str_sub(form, k < AM_LEN(token) ? n : 1, form.n);
        s = str_sub(s, n, s.n);
    }
    return !s.n;
}

/* As HL7 writes it: the parts from the year on, none left out before another. */
static int put_date(struct buf *b, const struct json *forms, struct str s)
{
    struct moment m;
    bool fit = json_type(forms) == JSON_STRING && fits(json_str(forms), s, &m);
    size_t k = 0;
    int err = AM_OK;
    for (json_each(it, json_type(forms) == JSON_ARRAY ? forms : NULL)) {
        fit = fits(json_str(it.val), s, &m);
        if (fit)
            break;
    }
    if (!fit || !m.part[0].n)
        return AM_E_SYNTAX;
    for (; k < AM_LEN(m.part) && m.part[k].n && !err; k++)
        err = buf_add(b, m.part[k]);
    for (; k < AM_LEN(m.part); k++)
        if (m.part[k].n)
            return AM_E_SYNTAX;
    return err ? err : buf_adds(b, m.zone);
}

/* ---- a cell ---- */
static bool one_of(const struct json *list, struct str s)
{
    if (json_type(list) == JSON_STRING)
        return str_eq(json_str(list), s);
    for (json_each(it, list))
        if (str_eq(json_str(it.val), s))
            return true;
    return false;
}

static int put_decimal(struct buf *b, struct str s)
{
    size_t comma = str_find(s, ',');
    int err = str_find(s, '.') < s.n ? AM_E_SYNTAX : buf_add(b, str_sub(s, 0, comma));
    if (!err && comma < s.n)
        err = buf_addc(b, '.');
    return err ? err : buf_add(b, str_sub(s, comma + 1, s.n));
}

static void complain(const struct hl7_row *r, size_t column, const char *code,
                     const char *why, struct diag *d)
{
    struct str name = name_of(json_at(hl7_map_columns(r->map), column));
    char path[256];
    snprintf(path, sizeof path, "#%zu %.*s", r->at[column] + 1,
             (int)AM_MIN(name.n, (size_t)200), name.p);
    diag_err(d, path, code, "%s", why);
}

static int put_cell(const struct hl7_row *r, size_t i, struct str cell, struct buf *out,
                    struct diag *d)
{
    const struct json *column = json_at(hl7_map_columns(r->map), i);
    const struct json *date = json_get(column, "date");
    struct buf text, made;
    struct str s;
    size_t bad;
    int err;
    buf_init(&text, SIZE_MAX / 2);
    buf_init(&made, SIZE_MAX / 2);
    err = hl7_to_utf8(&text, r->map->charset, cell, &bad);
    if (err == AM_E_SYNTAX) {
        complain(r, i, "csv.charset", "a byte that the character set does not have", d);
        err = AM_E_INVALID;
    }
    s = str_trim(buf_str(&text));
    for (size_t k = 0; !err && k < s.n; k++)
        if ((unsigned char)s.p[k] < ' ' && !strchr("\t\r\n", s.p[k])) {
            complain(r, i, "hl7.control", "a control character", d);
            err = AM_E_INVALID;
        }
    if (!err && s.n && !one_of(json_get(column, "empty"), s)) {
        err = date                          ? put_date(&made, date, s)
              : json_get(column, "decimal") ? put_decimal(&made, s)
                                            : buf_add(&made, s);
        if (err == AM_E_SYNTAX) {
            complain(r, i, "hl7.value", date ? "not a date" : "not a number", d);
            err = AM_E_INVALID;
        }
        if (!err)
            err = hl7_escape(r->m, buf_str(&made), out);
    }
    buf_release(&text);
    buf_release(&made);
    return err;
}

/* ---- a row ---- */
static int put_header(struct buf *out, int64_t at, struct str id)
{
    char iso[TIME_TEXT], digits[15];
    size_t n = 0;
    time_format(at, iso);
    for (const char *p = iso; *p && n < 14; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    digits[n] = 0;
    return buf_addf(out,
                    "MSH|^~\\&|CSV||||%s+0000||ROW|%.*s|P|2.5.1||||||UNICODE UTF-8\rROW",
                    digits, STR_FMT(id));
}

int hl7_row_make(const struct hl7_row *r, const struct str *cell, int64_t at,
                 struct str id, struct buf *out, struct diag *d)
{
    size_t before = out->n;
    int err = put_header(out, at, id), wrong = AM_OK;
    for (size_t i = 0; i < r->n && !err; i++) {
        err = buf_addc(out, '|');
        if (!err)
            err = put_cell(r, i, cell[r->at[i]], out, d);
        if (err == AM_E_INVALID) { /* all of them are told */
            wrong = err;
            err = AM_OK;
        }
    }
    if (!err)
        err = buf_addc(out, '\r');
    err = err ? err : wrong;
    if (err)
        buf_cut(out, before);
    return err;
}

void hl7_row_places(const struct hl7_row *r, struct diag *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct str path = str_c(d->item[i].path), rest;
        int64_t n;
        char *to;
        if (!str_starts(path, STR("ROW[1]-")))
            continue;
        path = str_cut(str_sub(path, 7, path.n), '.', &rest);
        if (str_int(path, 1, (int64_t)r->n, &n))
            continue;
        to = arena_printf(
            &d->arena, "#%zu %.*s", r->at[n - 1] + 1,
            STR_FMT(name_of(json_at(hl7_map_columns(r->map), (size_t)n - 1))));
        if (to)
            d->item[i].path = to;
    }
}
