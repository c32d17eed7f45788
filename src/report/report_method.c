/* SPDX-License-Identifier: Apache-2.0 */
/* report_method -- the way from a printed number to its formula. */
#include "report/report_method_tbl.h"
#include "report/report_priv.h"

static const struct method {
    const char *rows, *names, *formula, *after, *where, *test;
} methods[] = {
#define X(rows, names, formula, after, where, test)                                      \
    {rows, names, formula, after, where, test},
    REPORT_FORMULA_MAP(X) REPORT_INTERVAL_MAP(X)
#undef X
};
enum {
#define X(...) +1
    FORMULAS = 0 REPORT_FORMULA_MAP(X)
#undef X
};

size_t report_method_count(void)
{
    return AM_LEN(methods);
}

/* Is v one of the words? "x*" takes all that begin with x, "*x" all that end with it. */
static bool among(const char *words, struct str v)
{
    struct str rest = str_c(words);
    while (rest.n) {
        struct str w = str_cut(rest, ' ', &rest);
        if (str_eq(w, v))
            return true;
        if (w.n && w.p[w.n - 1] == '*' && str_starts(v, str_sub(w, 0, w.n - 1)))
            return true;
        if (w.n > 1 && w.p[0] == '*' && v.n >= w.n - 1 &&
            str_eq(str_sub(v, v.n - (w.n - 1), v.n), str_sub(w, 1, w.n)))
            return true;
    }
    return false;
}

static size_t find(size_t from, size_t to, struct str row, struct str name)
{
    for (size_t i = from; i < to; i++)
        if ((!methods[i].rows[0] || among(methods[i].rows, row)) &&
            among(methods[i].names, name))
            return i;
    return SIZE_MAX;
}

size_t report_method_of(struct str row, struct str name)
{
    return find(0, FORMULAS, row, name);
}

size_t report_interval_of(struct str ci_method)
{
    return find(FORMULAS, AM_LEN(methods), STR(""), ci_method);
}

/* "F12", "I3": as the annex numbers them. */
static void mark(struct jw *w, size_t i)
{
    jw_kstrz(w, "kind", i < FORMULAS ? "F" : "I");
    jw_kint(w, "no", (int64_t)(i < FORMULAS ? i + 1 : i + 1 - FORMULAS));
}

static void cite(struct report_page *p, size_t i)
{
    if (i == SIZE_MAX)
        return;
    p->method[i] = true;
    jw_obj(p->w);
    mark(p->w, i);
    jw_obj_end(p->w);
}

void report_refs(struct report_page *p, const struct json *measure)
{
    jw_key(p->w, "refs");
    jw_arr(p->w);
    if (measure) {
        cite(p, report_method_of(json_get_str(measure, "row"),
                                 json_get_str(measure, "name")));
        if (isfinite(report_num(measure, "ci95_low")))
            cite(p, report_interval_of(json_get_str(measure, "ci_method")));
    }
    jw_arr_end(p->w);
}

/* The names a formula stands for, without the stars of the table. */
static void names(struct jw *w, const struct method *m)
{
    struct str rest = str_c(m->names);
    jw_key(w, "names");
    jw_arr(w);
    while (rest.n) {
        struct str one = str_cut(rest, ' ', &rest);
        if (one.n && !str_eqc(one, "*"))
            jw_strf(w, "%.*s%s", (int)one.n - (one.p[one.n - 1] == '*'), one.p,
                    one.p[one.n - 1] == '*' ? "\xe2\x80\xa6" : "");
    }
    jw_arr_end(w);
}

void report_methods(struct report_page *p)
{
    struct jw *w = p->w;
    jw_key(w, "methods");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(methods); i++) {
        if (!p->method[i])
            continue;
        jw_obj(w);
        mark(w, i);
        names(w, &methods[i]);
        jw_kstrz(w, "rows", methods[i].rows);
        jw_kstrz(w, "formula", methods[i].formula);
        jw_kstrz(w, "after", methods[i].after);
        jw_kstrz(w, "where", methods[i].where);
        jw_kstrz(w, "test", methods[i].test);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}
