/* SPDX-License-Identifier: Apache-2.0 */
/* bench_extra -- what the manifest declares about a case besides inputs, label and
 * groups, read from the data once: patient, severity, the comparator's word, conditions,
 * comorbidities. The score file carries it. */
#include "bench/bench_priv.h"

const double *bench_extra(const struct bench_run *r, const char *name)
{
    for (size_t i = 0; i < r->extra.n; i++)
        if (!strcmp(r->extra.v[i].name, name))
            return r->extra.v[i].v;
    return NULL;
}

/* The column of that name, made when it is new: nothing is known yet. */
int bench_extra_add(struct bench_run *r, const char *name, double **out)
{
    struct bench_extra e;
    int err;
    for (size_t i = 0; i < r->extra.n; i++)
        if (!strcmp(r->extra.v[i].name, name)) {
            *out = r->extra.v[i].v;
            return AM_OK;
        }
    snprintf(e.name, sizeof e.name, "%s", name);
    e.v = am_malloc((r->cases.n + 1) * sizeof *e.v);
    if (!e.v)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->cases.n; i++)
        e.v[i] = NAN;
    err = vec_push(&r->extra, e);
    if (err)
        free(e.v);
    else
        *out = e.v;
    return err;
}

/* One cell to a number; NaN: not known. */
typedef double bench_extra_fn(const struct json *doc, struct str v);

static double number(const struct json *doc, struct str v)
{
    double x;
    (void)doc;
    return str_double(v, &x) ? NAN : x;
}

static double severe(const struct json *doc, struct str v)
{
    return bench_among(json_get(doc, "severe"), v);
}

static double present(const struct json *doc, struct str v)
{
    return bench_among(json_get(doc, "present"), v);
}

/* The score file has the numbers. */
static int read_kept(struct bench_run *r, const struct bench_set *s, const char *name,
                     double *v)
{
    size_t at;
    int err = csv_find(r->kept_csv, str_c(name), &at);
    for (size_t i = s->first; i < s->first + s->rows && !err; i++)
        if (csv_at(r->kept_csv, i, at).n && str_double(csv_at(r->kept_csv, i, at), &v[i]))
            err = AM_E_SYNTAX;
    return err;
}

static int read_column(struct bench_run *r, const struct bench_set *s, struct str column,
                       const struct json *doc, bench_extra_fn *fn, const char *name)
{
    double *v;
    size_t at;
    int err = bench_extra_add(r, name, &v);
    if (!err && r->kept_csv)
        return read_kept(r, s, name, v);
    if (!err)
        err = csv_find(s->csv, column, &at);
    for (size_t i = 0; i < s->rows && !err; i++) {
        struct str cell = csv_at(s->csv, i, at);
        if (!bench_missing(s, cell))
            v[s->first + i] = fn(doc, cell);
    }
    return err;
}

static int read_flags(struct bench_run *r, const struct bench_set *s, const char *member,
                      const char *kind)
{
    int err = AM_OK;
    for (json_each(it, json_get(s->doc, member))) {
        char name[96];
        snprintf(name, sizeof name, "%s:%.*s", kind,
                 STR_FMT(json_get_str(it.val, "code")));
        if (!err)
            err =
                read_column(r, s, json_get_str(it.val, "column"), it.val, present, name);
    }
    return err;
}

static int read_set(struct bench_run *r, const struct bench_set *s)
{
    const struct json *columns = json_get(s->doc, "columns");
    struct str comparator = json_get_str(columns, "comparator"),
               said = json_get_str(columns, "timestamp"),
               known = json_get_str(columns, "outcome_at");
    const struct json *severity = json_get(s->doc, "severity");
    int err = AM_OK;
    if (comparator.n)
        err = read_column(r, s, comparator, NULL, number, "case:comparator");
    if (said.n && !err)
        err = read_column(r, s, said, NULL, bench_instant, "case:order");
    if (said.n && known.n && !err)
        err = read_column(r, s, known, NULL, bench_instant, "case:prospective");
    if (severity && !err)
        err = read_column(r, s, json_get_str(severity, "column"), severity, severe,
                          "case:severe");
    if (!err)
        err = read_flags(r, s, "conditions", "condition");
    return err ? err : read_flags(r, s, "comorbidities", "comorbidity");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct bench_extra *)a)->name,
                  ((const struct bench_extra *)b)->name);
}

void bench_extra_sort(struct bench_run *r)
{
    if (r->extra.n)
        qsort(r->extra.v, r->extra.n, sizeof *r->extra.v, by_name);
}

int bench_extras(struct bench_run *r)
{
    double *cluster;
    int err = r->clustered ? bench_extra_add(r, "case:cluster", &cluster) : AM_OK;
    for (size_t i = 0; i < r->cases.n && r->clustered && !err; i++)
        cluster[i] = r->cluster[i];
    for (size_t i = 0; i < r->set.n && !err; i++)
        err = read_set(r, &r->set.v[i]);
    if (!err && !r->kept_csv)
        err = bench_times(r);
    bench_extra_sort(r);
    return err;
}

void bench_extras_release(struct bench_run *r)
{
    for (size_t i = 0; i < r->extra.n; i++)
        free(r->extra.v[i].v);
    vec_release(&r->extra);
}
