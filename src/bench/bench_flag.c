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

static int flag_of(struct bench_flags *f, struct str code, struct bench_flag **out)
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
    *at = (struct bench_flag){.code = code};
    f->n++;
    *out = at;
    return AM_OK;
}

static int read_flag(const struct bench_run *r, const struct json *doc, const char *kind,
                     struct bench_flags *f)
{
    struct str code = json_get_str(doc, "code");
    struct bench_flag *at;
    char name[96];
    int err = flag_of(f, code, &at);
    if (err)
        return err;
    if (json_get(doc, "input"))
        at->input = json_get_str(doc, "input");
    snprintf(name, sizeof name, "%s:%.*s", kind, STR_FMT(code));
    at->v = bench_extra(r, name);
    return at->v ? AM_OK : AM_E_INTERNAL;
}

static int by_code(const void *a, const void *b)
{
    return str_cmp(((const struct bench_flag *)a)->code,
                   ((const struct bench_flag *)b)->code);
}

int bench_flags(const struct bench_run *r, const char *member, struct bench_flags *out)
{
    const char *kind = member[3] == 'd' ? "condition" : "comorbidity";
    struct bench_flags f = {0};
    int err = AM_OK;
    for (size_t i = 0; i < r->set.n && !err; i++)
        for (json_each(it, json_get(r->set.v[i].doc, member)))
            if (!err)
                err = read_flag(r, it.val, kind, &f);
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
    free(f->flag);
    *f = (struct bench_flags){0};
}
