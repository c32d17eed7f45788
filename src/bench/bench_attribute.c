/* SPDX-License-Identifier: Apache-2.0 */
/* bench_attribute -- groups of people the manifest declares: sex, age band, others. The
 * kinds sex and age_band give their own attribute name, whatever the site calls them, so
 * that sites add up and the policy finds its compulsory attributes. */
#include "bench/bench_priv.h"

static bool is_context(struct str word)
{
#define X(kind)                                                                          \
    if (str_eqc(word, kind))                                                             \
        return true;
    BENCH_CONTEXT_MAP(X)
#undef X
    return false;
}

static struct str attribute_name(const struct json *g)
{
    struct str kind = json_get_str(g, "kind");
    return str_eqc(kind, "other") ? json_get_str(g, "name") : kind;
}

static void edge(char out[JSON_NUM], double v)
{
    out[json_num_format(v, out)] = 0;
}

/* Bands [b0,b1): "<45", "45-54" (whole numbers), "45-<50.5", "65+". */
static bool band(const struct json *bands, struct str v, char out[80])
{
    size_t n = json_size(bands), i = 0;
    double x, lo, hi;
    char a[JSON_NUM], b[JSON_NUM];
    if (str_double(v, &x))
        return false;
    while (i < n && x >= json_num(json_at(bands, i), NAN))
        i++;
    lo = i ? json_num(json_at(bands, i - 1), NAN) : NAN;
    hi = i < n ? json_num(json_at(bands, i), NAN) : NAN;
    edge(a, lo == floor(lo) && hi == floor(hi) ? lo : (isnan(lo) ? 0 : lo));
    edge(b, isnan(hi) ? 0 : hi);
    if (!i) {
        snprintf(out, 80, "<%s", b);
    } else if (i == n) {
        snprintf(out, 80, "%s+", a);
    } else if (lo == floor(lo) && hi == floor(hi)) {
        edge(b, hi - 1);
        snprintf(out, 80, lo == hi - 1 ? "%s" : "%s-%s", a, b);
    } else {
        snprintf(out, 80, "%s-<%s", a, b);
    }
    return true;
}

/* Name of the group of a cell; false when it is not known. */
static bool group_name(const struct bench_set *s, const struct json *g, struct str v,
                       char out[80])
{
    const struct json *values = json_get(g, "values");
    size_t n = 0;
    if (bench_missing(s, v))
        return false;
    if (json_get(g, "bands"))
        return band(json_get(g, "bands"), v, out);
    for (json_each(it, values))
        if (bench_same(it.key, v)) {
            snprintf(out, 80, "%.*s", (int)AM_MIN(json_str(it.val).n, (size_t)40),
                     json_str(it.val).p);
            return true;
        }
    if (values)
        return false;                          /* a closed list */
    for (size_t i = 0; i < v.n && n < 40; i++) /* '=' and ';' build group names */
        out[n++] =
            v.p[i] == '=' || v.p[i] == ';' || (unsigned char)v.p[i] <= ' ' ? '_' : v.p[i];
    while (n && (v.n > n) && ((unsigned char)v.p[n] & 0xc0) == 0x80)
        n--; /* never half a character */
    out[n] = 0;
    return n > 0;
}

static int attribute_of(struct bench_run *r, struct str name,
                        struct bench_attribute **out)
{
    struct bench_attribute a = {.context = is_context(name)};
    for (size_t i = 0; i < r->attribute.n; i++)
        if (str_eqc(name, r->attribute.v[i].name)) {
            *out = &r->attribute.v[i];
            return AM_OK;
        }
    if (r->attribute.n == BENCH_ATTRIBUTES_MAX)
        return AM_E_TOOBIG;
    snprintf(a.name, sizeof a.name, "%.*s", STR_FMT(name));
    a.id = am_malloc((r->cases.n + 1) * sizeof *a.id);
    if (!a.id)
        return AM_E_NOMEM;
    for (size_t i = 0; i < r->cases.n; i++)
        a.id[i] = BENCH_NO_GROUP;
    if (vec_push(&r->attribute, a)) {
        free(a.id);
        return AM_E_NOMEM;
    }
    *out = &r->attribute.v[r->attribute.n - 1];
    return AM_OK;
}

static int value_id(struct bench_attribute *a, struct map *ids, const char *name,
                    uint16_t *out)
{
    size_t i;
    char *copy;
    if (!map_get(ids, str_c(name), &i)) {
        *out = (uint16_t)i;
        return AM_OK;
    }
    if (a->value.n == BENCH_GROUPS_MAX)
        return AM_E_TOOBIG;
    copy = str_dup(str_c(name));
    if (!copy)
        return AM_E_NOMEM;
    if (vec_push(&a->value, copy)) {
        free(copy);
        return AM_E_NOMEM;
    }
    *out = (uint16_t)(a->value.n - 1);
    return map_set(ids, str_c(name), *out);
}

/* Ids are remade in byte order of the names: no site's order of rows shows. */
static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sort_values(struct bench_run *r, struct bench_attribute *a)
{
    size_t n = a->value.n;
    char **old = am_malloc((n + 1) * sizeof *old);
    uint16_t *at = am_malloc((n + 1) * sizeof *at);
    if (!old || !at) {
        free(old);
        free(at);
        return AM_E_NOMEM;
    }
    if (n) {
        memcpy(old, a->value.v, n * sizeof *old);
        qsort(a->value.v, n, sizeof *a->value.v, by_name);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (old[i] == a->value.v[k])
                at[i] = (uint16_t)k;
    for (size_t i = 0; i < r->cases.n; i++)
        if (a->id[i] != BENCH_NO_GROUP)
            a->id[i] = at[a->id[i]];
    free(old);
    free(at);
    return AM_OK;
}

/* Of the data, or of the score file, which holds the names of the groups. */
static bool group_of(const struct bench_run *r, const struct bench_set *s,
                     const struct json *g, size_t row, size_t column, char out[80])
{
    struct str v;
    if (!r->kept_csv)
        return group_name(s, g, csv_at(s->csv, row, column), out);
    v = csv_at(r->kept_csv, s->first + row, column);
    snprintf(out, 80, "%.*s", (int)AM_MIN(v.n, (size_t)79), v.p ? v.p : "");
    return v.n > 0;
}

static int read_group(struct bench_run *r, struct bench_set *s, const struct json *g,
                      size_t k, struct diag *d)
{
    struct bench_attribute *a;
    struct map ids;
    char at[BENCH_PATH], more[48], name[80];
    size_t column;
    int err = AM_OK;
    snprintf(more, sizeof more, "/groups/%zu", k);
    /* people called "device" would leave the rows of equity */
    if (json_str_is(json_get(g, "kind"), "other") &&
        is_context(json_get_str(g, "name"))) {
        diag_err(d, bench_at(s, at, more), "bench.group_name",
                 "this name is a kind of its own: say so, or use another");
        return AM_E_INVALID;
    }
    err = attribute_of(r, attribute_name(g), &a);
    if (!err)
        err = r->kept_csv ? csv_find(r->kept_csv, attribute_name(g), &column)
                          : csv_find(s->csv, json_get_str(g, "column"), &column);
    map_init(&ids);
    for (size_t i = 0; !err && i < a->value.n; i++)
        err = map_set(&ids, str_c(a->value.v[i]), i);
    for (size_t i = 0; !err && i < s->rows; i++)
        if (group_of(r, s, g, i, column, name))
            err = value_id(a, &ids, name, &a->id[s->first + i]);
    map_release(&ids);
    if (!err)
        a->declared++;
    if (err == AM_E_TOOBIG) {
        diag_err(d, bench_at(s, at, more), "bench.groups",
                 "too many attributes, or too many values: an identifier is not a group");
        err = AM_E_INVALID;
    }
    return err;
}

static int by_attribute(const void *a, const void *b)
{
    return strcmp(((const struct bench_attribute *)a)->name,
                  ((const struct bench_attribute *)b)->name);
}

const struct bench_attribute *bench_attribute(const struct bench_run *r, const char *name)
{
    for (size_t i = 0; i < r->attribute.n; i++)
        if (!strcmp(r->attribute.v[i].name, name))
            return &r->attribute.v[i];
    return NULL;
}

bool bench_origin_authorised(const struct bench_run *r)
{
    return json_str_is(json_pointer(r->manifest, STR("/ethnic_origin/status")),
                       "authorised");
}

/* Ethnic origin is not even read unless the CNDP has authorised it (row EQ-8). */
static bool may_read(const struct bench_run *r, const struct bench_set *s,
                     const struct json *g, size_t k, struct diag *d)
{
    char at[BENCH_PATH], more[48];
    if (!json_str_is(json_get(g, "kind"), "origin") || bench_origin_authorised(r))
        return true;
    snprintf(more, sizeof more, "/groups/%zu", k);
    diag_add(d, DIAG_WARNING, bench_at(s, at, more), "bench.origin",
             "ethnic origin without an authorisation of the CNDP: not read");
    return false;
}

int bench_attributes(struct bench_run *r, struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; i < r->set.n; i++)
        for (json_each(it, json_get(r->set.v[i].doc, "groups"))) {
            if (!may_read(r, &r->set.v[i], it.val, it.i, d))
                continue;
            int one = read_group(r, &r->set.v[i], it.val, it.i, d);
            if (one && one != AM_E_INVALID)
                return one;
            err = one ? one : err;
        }
    for (size_t i = 0; i < r->attribute.n && !err; i++)
        err = sort_values(r, &r->attribute.v[i]);
    if (r->attribute.n)
        qsort(r->attribute.v, r->attribute.n, sizeof *r->attribute.v, by_attribute);
    return err;
}
