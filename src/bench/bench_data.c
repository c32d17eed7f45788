/* SPDX-License-Identifier: Apache-2.0 */
/* bench_data -- tables (bench_source.h) to cases. A value that cannot be read is a
 * problem with its line and column; a row that cannot be used is counted with its reason.
 */
#include "bench/bench_priv.h"
#include "bench/bench_vault.h"

enum { BENCH_FILE_MAX = 256 << 20 };

const char *const bench_reject_name[BENCH_REJECTS] = {
#define X(id, name) name,
    BENCH_REJECT_MAP(X)
#undef X
};

int bench_open_path(const struct bench_input *in, struct str path, char out[4096])
{
    int n;
    if (path.n && path.p[0] == '/')
        n = snprintf(out, 4096, "%.*s", STR_FMT(path));
    else
        n = snprintf(out, 4096, "%s/%.*s", in->manifest_dir ? in->manifest_dir : ".",
                     STR_FMT(path));
    return n < 0 || n >= 4096 ? AM_E_TOOBIG : AM_OK;
}

bool bench_same(struct str a, struct str b)
{
    double x, y;
    return str_eq(a, b) || (!str_double(a, &x) && !str_double(b, &y) && x == y);
}

bool bench_missing(const struct bench_set *s, struct str v)
{
    if (csv_missing(v))
        return true;
    for (json_each(it, json_get(s->doc, "missing")))
        if (str_eq(json_str(it.val), v))
            return true;
    return false;
}

/* ---- opening a file
 * ------------------------------------------------------------------------ */
static int read_bytes(const struct bench_run *r, const struct bench_input *in,
                      struct bench_set *s, struct buf *out, struct diag *d)
{
    struct str where = json_get_str(s->doc, "path"), id, member, text = STR_NULL;
    char path[4096], at[BENCH_PATH], *bytes = NULL;
    int err;
    if (bench_sealed_path(where, &id, &member))
        return bench_sealed_read(r, s, out, d);
    err = bench_open_path(in, where, path);
    if (!err)
        err = am_file_read(path, BENCH_FILE_MAX, &bytes, &text.n);
    text.p = bytes;
    if (!err)
        err = buf_add(out, text);
    free(bytes);
    if (err && err != AM_E_NOMEM) {
        diag_err(d, bench_at(s, at, "/path"), "bench.file", "%s", am_err_text(err));
        err = AM_E_INVALID;
    }
    return err;
}

static int read_file(const struct bench_run *r, const struct bench_input *in,
                     struct bench_set *s, struct diag *d)
{
    struct str want = json_get_str(s->doc, "sha256");
    char at[BENCH_PATH], hex[CRYPTO_HEX];
    struct diag own;
    struct buf text;
    int err;
    buf_init(&text, BENCH_FILE_MAX);
    err = read_bytes(r, in, s, &text, d);
    if (err) {
        buf_wipe(&text);
        return err;
    }
    diag_init(&own);
    err = bench_source_parse(&s->source, s->doc, buf_str(&text), &own);
    s->csv = s->source.table;
    if (want.n && !str_eqc(want, crypto_hex(s->source.sha256, 32, hex)))
        diag_err(d, bench_at(s, at, "/sha256"), "bench.data_digest",
                 "the file has another digest: %s", hex);
    diag_merge(d, &own, bench_at(s, at, "/path:"));
    diag_release(&own);
    buf_wipe(&text);
    return err;
}

static void find_column(struct bench_set *s, struct str name, const char *member,
                        size_t *out, struct diag *d)
{
    char at[BENCH_PATH], more[96];
    if (csv_find(s->csv, name, out)) {
        snprintf(more, sizeof more, "/columns/%s", member);
        diag_err(d, bench_at(s, at, more), "csv.column", "no column is called \"%.*s\"",
                 STR_FMT(name));
        *out = BENCH_NO_COLUMN;
    }
}

/* Columns that the declarations beside "columns" name. */
static void find_declared(struct bench_set *s, struct diag *d)
{
    static const char *const list[] = {"groups", "conditions", "comorbidities"};
    const struct json *severity = json_get(s->doc, "severity");
    char at[BENCH_PATH], more[48];
    size_t unused;
    for (size_t k = 0; k < AM_LEN(list); k++)
        for (json_each(it, json_get(s->doc, list[k]))) {
            if (!csv_find(s->csv, json_get_str(it.val, "column"), &unused))
                continue;
            snprintf(more, sizeof more, "/%s/%zu/column", list[k], it.i);
            diag_err(d, bench_at(s, at, more), "csv.column",
                     "no column is called \"%.*s\"",
                     STR_FMT(json_get_str(it.val, "column")));
        }
    if (severity && csv_find(s->csv, json_get_str(severity, "column"), &unused))
        diag_err(d, bench_at(s, at, "/severity/column"), "csv.column",
                 "no column is called \"%.*s\"",
                 STR_FMT(json_get_str(severity, "column")));
}

static int find_columns(const struct bench_run *r, struct bench_set *s, struct diag *d)
{
    const struct json *columns = json_get(s->doc, "columns"),
                      *inputs = json_get(columns, "inputs");
    size_t unused;
    s->input = am_calloc(r->feature.n + 1, sizeof *s->input);
    if (!s->input)
        return AM_E_NOMEM;
    find_column(s, json_get_str(columns, "label"), "label", &s->label, d);
    if (json_get(columns, "patient_id"))
        find_column(s, json_get_str(columns, "patient_id"), "patient_id", &s->patient, d);
    if (json_get(columns, "timestamp"))
        find_column(s, json_get_str(columns, "timestamp"), "timestamp", &s->said, d);
    if (json_get(columns, "outcome_at"))
        find_column(s, json_get_str(columns, "outcome_at"), "outcome_at", &s->known, d);
    if (json_get(columns, "comparator"))
        find_column(s, json_get_str(columns, "comparator"), "comparator", &unused, d);
    if (r->image.width)
        find_column(s, json_get_str(columns, "image"), "image", &s->image, d);
    for (size_t i = 0; i < r->feature.n && !r->image.width; i++) {
        char member[80];
        struct str name = r->feature.v[i].name;
        snprintf(member, sizeof member, "inputs/%.*s", (int)AM_MIN(name.n, 60), name.p);
        find_column(s, json_str(json_getn(inputs, name)), member, &s->input[i], d);
    }
    find_declared(s, d);
    return AM_OK;
}

/* ---- values
 * ---------------------------------------------------------------------------------- */
/* One bad column must not hide another's. */
void bench_bad_cell(struct bench_set *s, size_t row, size_t column, const char *code,
                    const char *detail, struct diag *d)
{
    char at[BENCH_PATH], place[BENCH_SOURCE_PLACE], more[BENCH_SOURCE_PLACE + 8];
    if (s->bad++ >= BENCH_BAD_SHOWN)
        return;
    snprintf(more, sizeof more, "/path:%s",
             bench_source_place(&s->source, row, column, place));
    diag_err(d, bench_at(s, at, more), code, "%s", detail);
}

/* Codes stand for the numbers of `values`; the number itself is understood too. */
static bool read_code(const struct bench_feature *f, struct str v, double *out)
{
    double x;
    const struct json *n = json_getn(f->values, v);
    if (n) {
        *out = json_num(n, NAN);
        return true;
    }
    if (str_double(v, &x))
        return false;
    for (json_each(it, f->values))
        if (json_num(it.val, NAN) == x) {
            *out = x;
            return true;
        }
    return false;
}

static bool read_boolean(struct str v, double *out)
{
    if (!str_double(v, out))
        return *out == 0 || *out == 1;
    if (str_eq_nocase(v, STR("true")) || str_eq_nocase(v, STR("false"))) {
        *out = str_eq_nocase(v, STR("true"));
        return true;
    }
    return false;
}

/* One cell to a number; why it cannot be used, or BENCH_REJECTS for unreadable. */
static enum bench_reject read_input(const struct bench_set *s,
                                    const struct bench_feature *f, struct str v,
                                    double *out)
{
    *out = NAN;
    if (bench_missing(s, v))
        return f->missing_allowed ? BENCH_USED : BENCH_INPUT_MISSING;
    if (str_eqc(f->type, "code")      ? !read_code(f, v, out)
        : str_eqc(f->type, "boolean") ? !read_boolean(v, out)
                                      : str_double(v, out) != AM_OK)
        return BENCH_REJECTS;
    if (str_eqc(f->type, "integer") && *out != floor(*out))
        return BENCH_NOT_INTEGER;
    return *out >= f->lo && *out <= f->hi ? BENCH_USED : BENCH_OUT_OF_RANGE;
}

static enum bench_reject read_label(const struct bench_set *s, struct str v, uint8_t *y)
{
    const struct json *map = json_get(s->doc, "label_map");
    if (bench_missing(s, v))
        return BENCH_LABEL_MISSING;
    if (!map) {
        *y = bench_same(v, json_get_str(s->doc, "positive_label"));
        return BENCH_USED;
    }
    for (json_each(it, map))
        if (bench_same(it.key, v)) {
            *y = json_int(it.val, 0) == 1;
            return BENCH_USED;
        }
    return BENCH_REJECTS;
}

/* ---- rows
 * --------------------------------------------------------------------------------------
 */
static void read_row(const struct bench_run *r, struct bench_set *s, size_t row,
                     struct bench_case *c, double *x, size_t *outside, struct diag *d)
{
    enum bench_reject why = read_label(s, csv_at(s->csv, row, s->label), &c->y);
    if (why == BENCH_REJECTS)
        bench_bad_cell(s, row, s->label, "bench.label", "a label the map does not know",
                       d);
    bench_check_times(s, row, d);
    if (r->image.width && why == BENCH_USED &&
        bench_missing(s, csv_at(s->csv, row, s->image)))
        why = BENCH_INPUT_MISSING;
    for (size_t i = 0; i < r->feature.n && !r->image.width; i++) {
        enum bench_reject one =
            read_input(s, &r->feature.v[i], csv_at(s->csv, row, s->input[i]), &x[i]);
        if (one == BENCH_REJECTS)
            bench_bad_cell(s, row, s->input[i], "bench.value",
                           "not a value of this input", d);
        outside[i] += one == BENCH_OUT_OF_RANGE;
        if (why == BENCH_USED)
            why = one;
    }
    if (why == BENCH_USED && r->rules && !bench_rules_hold(r, x))
        why = BENCH_RULE_BROKEN;
    c->why = (uint8_t)why;
}

/* Rows that break a group or a relation, before any number: most of them, and what is
 * declared is wrong. */
static void tell_broken(struct bench_set *s, const struct bench_case *cases,
                        struct diag *d)
{
    size_t broken = 0, first = 0;
    char at[BENCH_PATH], place[BENCH_SOURCE_PLACE], more[BENCH_SOURCE_PLACE + 8];
    bool most;
    for (size_t i = s->rows; i-- > 0;)
        if (cases[i].why == BENCH_RULE_BROKEN) {
            broken++;
            first = i;
        }
    if (!broken)
        return;
    most = (double)broken > BENCH_IMPLAUSIBLE_SHARE * (double)s->rows;
    snprintf(more, sizeof more, "/path:%s",
             bench_source_place(&s->source, first, s->label, place));
    diag_add(d, most ? DIAG_ERROR : DIAG_WARNING, bench_at(s, at, more),
             "bench.rule_broken",
             "%zu of %zu rows break an indicator group or a relation%s", broken, s->rows,
             most ? ": is it declared as it is?" : ": left out, this is the first");
}

static int read_rows(const struct bench_run *r, const struct bench_input *in,
                     struct bench_set *s, struct bench_case *cases, double *x,
                     struct diag *d)
{
    size_t *outside = am_calloc(r->feature.n + 1, sizeof *outside);
    int err = AM_OK;
    if (!outside)
        return AM_E_NOMEM;
    for (size_t i = 0; i < s->rows; i++) {
        cases[i].row = (uint32_t)i;
        cases[i].score = NAN;
        read_row(r, s, i, &cases[i], x + i * r->feature.n, outside, d);
    }
    if (r->image.width)
        err = bench_image_load(r, in, s, x, d);
    tell_broken(s, cases, d);
    if (s->bad > BENCH_BAD_SHOWN) {
        char at[BENCH_PATH];
        diag_err(d, bench_at(s, at, "/path"), "bench.more", "%zu more cells like these",
                 s->bad - BENCH_BAD_SHOWN);
    }
    for (size_t i = 0; i < r->feature.n; i++) {
        char at[BENCH_PATH], more[96];
        struct str name = r->feature.v[i].name;
        snprintf(more, sizeof more, "/columns/inputs/%.*s", (int)AM_MIN(name.n, 60),
                 name.p);
        if ((double)outside[i] > BENCH_IMPLAUSIBLE_SHARE * (double)s->rows)
            diag_err(d, bench_at(s, at, more), "bench.implausible",
                     "%zu of %zu values lie outside [%g, %g]: another unit?", outside[i],
                     s->rows, r->feature.v[i].lo, r->feature.v[i].hi);
        else if (outside[i])
            diag_add(d, DIAG_WARNING, bench_at(s, at, more), "bench.out_of_range",
                     "%zu of %zu values outside [%g, %g]: rows left out", outside[i],
                     s->rows, r->feature.v[i].lo, r->feature.v[i].hi);
    }
    free(outside);
    return err;
}

static int make_room(struct bench_run *r, struct diag *d)
{
    size_t rows = 0;
    for (size_t i = 0; i < r->set.n; i++) {
        r->set.v[i].first = rows;
        r->set.v[i].rows = csv_rows(r->set.v[i].csv);
        rows += r->set.v[i].rows;
    }
    if (rows > BENCH_CELLS_MAX / (r->feature.n + 1)) {
        diag_err(d, "/manifest/data", "bench.toobig", "%zu rows of %zu inputs", rows,
                 r->feature.n);
        return AM_E_TOOBIG;
    }
    r->cases.v = am_calloc(rows + 1, sizeof *r->cases.v);
    r->x = am_calloc((rows + 1) * r->feature.n + 1, sizeof *r->x);
    if (!r->cases.v || !r->x)
        return AM_E_NOMEM;
    r->cases.n = r->cases.cap = rows;
    return AM_OK;
}

int bench_load(struct bench_run *r, const struct bench_input *in, struct diag *d)
{
    int err = bench_sealed_use(r, in, d);
    if (err)
        return err;
    for (size_t i = 0; i < r->set.n; i++) {
        int one = read_file(r, in, &r->set.v[i], d);
        if (!one)
            one = find_columns(r, &r->set.v[i], d);
        if (one && one != AM_E_INVALID)
            return one;
        err = one ? one : err;
    }
    err = err ? err : diag_result(d);
    if (!err)
        err = make_room(r, d);
    for (size_t i = 0; i < r->set.n && !err; i++) {
        struct bench_set *s = &r->set.v[i];
        for (size_t k = s->first; k < s->first + s->rows; k++)
            r->cases.v[k].set = (uint32_t)i;
        err =
            read_rows(r, in, s, r->cases.v + s->first, r->x + s->first * r->feature.n, d);
    }
    bench_opened_free(r->opened);
    r->opened = NULL;
    return err ? err : diag_result(d);
}

int bench_read_table(const struct bench_run *r, const struct bench_input *in,
                     struct bench_set *s, struct bench_case **cases, double **x,
                     struct diag *d)
{
    char at[BENCH_PATH];
    int err = read_file(r, in, s, d);
    if (!err)
        err = find_columns(r, s, d);
    if (!err)
        err = diag_result(d);
    if (err)
        return err;
    s->rows = csv_rows(s->csv);
    if (s->rows > BENCH_CELLS_MAX / (r->feature.n + 1)) {
        diag_err(d, bench_at(s, at, ""), "bench.toobig", "%zu rows of %zu inputs",
                 s->rows, r->feature.n);
        return AM_E_TOOBIG;
    }
    *cases = am_calloc(s->rows + 1, sizeof **cases);
    *x = am_calloc((s->rows + 1) * r->feature.n + 1, sizeof **x);
    err = *cases && *x ? read_rows(r, in, s, *cases, *x, d) : AM_E_NOMEM;
    return err ? err : diag_result(d);
}
