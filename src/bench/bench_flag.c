/* SPDX-License-Identifier: Apache-2.0 */
/* bench_flag -- conditions and comorbidities: yes, no or not known of each case, by
 * SNOMED CT code. A site that does not declare a code knows nothing of it. */
#include "bench/bench_priv.h"

bool bench_among(const struct json *list, struct str v)
{
    if (!list)
        return bench_same(v, STR("1"));
    for (json_each(it, list))
        if (bench_same(v, json_str(it.val)))
            return true;
    return false;
}

static int flag_of(const struct bench_run *r, struct bench_flags *f, struct str code,
                   struct bench_flag **out)
{
    struct bench_flag *more, *at;
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->flag[i].code, code)) {
            *out = &f->flag[i];
            return AM_OK;
        }
    more = am_realloc(f->flag, f->n + 1, sizeof *more);
    if (!more)
        return AM_E_NOMEM;
    f->flag = more;
    at = &more[f->n];
    *at = (struct bench_flag){.code = code, .v = am_malloc(r->cases.n + 1)};
    if (!at->v)
        return AM_E_NOMEM;
    memset(at->v, BENCH_FLAG_UNKNOWN, r->cases.n + 1);
    f->n++;
    *out = at;
    return AM_OK;
}

static int read_flag(const struct bench_run *r, const struct bench_set *s,
                     const struct json *doc, struct bench_flags *f)
{
    struct bench_flag *at;
    size_t column;
    int err = flag_of(r, f, json_get_str(doc, "code"), &at);
    if (!err)
        err = csv_find(s->csv, json_get_str(doc, "column"), &column);
    if (err)
        return err;
    if (json_get(doc, "input"))
        at->input = json_get_str(doc, "input");
    for (size_t i = 0; i < s->rows; i++) {
        struct str v = csv_at(s->csv, i, column);
        if (!bench_missing(s, v))
            at->v[s->first + i] =
                bench_among(json_get(doc, "present"), v) ? BENCH_FLAG_YES : BENCH_FLAG_NO;
    }
    return AM_OK;
}

static int by_code(const void *a, const void *b)
{
    return str_cmp(((const struct bench_flag *)a)->code,
                   ((const struct bench_flag *)b)->code);
}

int bench_flags(const struct bench_run *r, const char *member, struct bench_flags *out)
{
    struct bench_flags f = {0};
    int err = AM_OK;
    for (size_t i = 0; i < r->set.n && !err; i++)
        for (json_each(it, json_get(r->set.v[i].doc, member)))
            if (!err)
                err = read_flag(r, &r->set.v[i], it.val, &f);
    if (err) {
        bench_flags_release(&f);
        return err;
    }
    if (f.n)
        qsort(f.flag, f.n, sizeof *f.flag, by_code);
    *out = f;
    return AM_OK;
}

void bench_flags_release(struct bench_flags *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->flag[i].v);
    free(f->flag);
    *f = (struct bench_flags){0};
}
