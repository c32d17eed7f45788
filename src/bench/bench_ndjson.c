/* SPDX-License-Identifier: Apache-2.0 */
/* bench_ndjson -- one JSON object a line. A column of the manifest is the name of a
 * member, or a JSON Pointer when it begins with "/". A member that is absent or null is
 * missing; true and false are those words; a number is written as short as reads back to
 * itself. Lists, objects and whole numbers that a double cannot hold are refused: no
 * identifier is rounded into another's. */
#include <math.h>

#include "bench/bench_source.h"

static bool is_pointer(struct str name)
{
    return name.n && name.p[0] == '/';
}

static void bad(struct diag *d, size_t line, struct str name, const char *code,
                const char *detail)
{
    char at[BENCH_SOURCE_PLACE];
    snprintf(at, sizeof at, "%zu:%s%.*s", line, !name.n || is_pointer(name) ? "" : "/",
             (int)AM_MIN(name.n, (size_t)64), name.p ? name.p : "");
    diag_err(d, at, code, "%s", detail);
}

static int add_value(struct bench_grid *g, size_t column, const struct json *v,
                     size_t line, struct diag *d)
{
    char text[JSON_NUM];
    double x = json_num(v, NAN);
    switch (json_type(v)) {
    case JSON_NONE:
    case JSON_NULL:
        return bench_grid_add(g, STR(""));
    case JSON_STRING:
        return bench_grid_add(g, json_str(v));
    case JSON_BOOL:
        return bench_grid_add(g, json_bool(v, false) ? STR("true") : STR("false"));
    case JSON_NUMBER:
        if (!(fabs(x) <= 9007199254740991.0))
            bad(d, line, g->name.v[column], "bench.ndjson_number",
                "a number beyond 2^53 - 1: write an identifier as text");
        return bench_grid_add(g, (struct str){text, json_num_format(x, text)});
    default:
        bad(d, line, g->name.v[column], "bench.ndjson_value",
            "a text, a number, true, false or null is expected");
        return bench_grid_add(g, STR(""));
    }
}

/* The problem of a line, placed in the file: the parser counts lines from 1 in its text.
 */
static void merge_line(struct diag *d, const struct diag *own, size_t line)
{
    for (size_t i = 0; i < own->n; i++) {
        char at[BENCH_SOURCE_PLACE];
        struct str rest, path = str_c(own->item[i].path);
        (void)str_cut(path, ':', &rest);
        snprintf(at, sizeof at, "%zu:%.*s", line, (int)AM_MIN(rest.n, (size_t)64),
                 rest.p ? rest.p : "");
        diag_err(d, at, own->item[i].code, "%s", own->item[i].detail);
    }
}

static int read_line(struct bench_grid *g, struct str text, size_t line, struct diag *d)
{
    struct json_doc *doc = NULL;
    const struct json *root;
    struct diag own;
    int err;
    diag_init(&own);
    err = json_parse(&doc, text, NULL, &own);
    merge_line(d, &own, line);
    diag_release(&own);
    if (err)
        return err == AM_E_SYNTAX || err == AM_E_TOOBIG ? AM_OK : err; /* it is in d */
    root = json_root(doc);
    if (json_type(root) != JSON_OBJECT)
        bad(d, line, STR_NULL, "bench.ndjson", "one object a line is expected");
    err = vec_push(&g->line, line);
    for (size_t i = 0; i < g->name.n && !err; i++) {
        struct str name = g->name.v[i];
        const struct json *v = json_type(root) != JSON_OBJECT ? NULL
                               : is_pointer(name)             ? json_pointer(root, name)
                                                              : json_getn(root, name);
        g->seen[i] |= v != NULL;
        err = add_value(g, i, v, line, d);
    }
    json_free(doc);
    return err;
}

int bench_read_ndjson(struct bench_source *s, const struct json *doc, struct str bytes,
                      struct diag *d)
{
    struct bench_grid g;
    size_t before = d->errors, line = 0;
    int err = bench_grid_init(&g, doc);
    while (bytes.n && !err && d->errors - before < BENCH_SOURCE_BAD)
        err = read_line(&g, str_cut(bytes, '\n', &bytes), ++line, d);
    if (!err && d->errors > before)
        err = AM_E_INVALID;
    if (!err)
        err = bench_grid_table(&g, s, d);
    bench_grid_release(&g);
    return err;
}
