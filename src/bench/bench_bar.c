/* SPDX-License-Identifier: Apache-2.0 */
/* bench_bar -- bars of the report: what each input adds to the score on average, and
 * whether it is a protected attribute or stands for one. Read from the measures of row
 * EQ-9, which may have been made elsewhere (bench_job.h). */
#include "bench/bench_priv.h"

static bool of_row(const struct bench_measure *m, const char *name)
{
    return !strcmp(m->row, "EQ-9") && !strcmp(m->name, name);
}

/* Is there a measure of that name about the input ("input:age" or "input:age;...")? */
static bool said(const struct bench_run *r, const char *name, const char *input)
{
    size_t n = strlen(input);
    for (size_t i = 0; i < r->measure.n; i++) {
        const struct bench_measure *m = &r->measure.v[i];
        if (of_row(m, name) && !strncmp(m->group, input, n) &&
            (!m->group[n] || m->group[n] == ';'))
            return true;
    }
    return false;
}

/* The next input, from *i on, whose value stands at that one's place; NULL: no more. */
static const char *with(const struct bench_run *r, const char *input, size_t *i)
{
    size_t n = strlen(input);
    for (; *i < r->measure.n; ++*i) {
        const char *group = r->measure.v[*i].group;
        if (of_row(&r->measure.v[*i], "stands_with") && !strncmp(group, input, n) &&
            !strncmp(group + n, ";with:", strlen(";with:"))) {
            ++*i;
            return group + n + strlen(";with:");
        }
    }
    return NULL;
}

/* Of the input or of one of those that stand with it. */
static bool said_of_any(const struct bench_run *r, const char *name, const char *input)
{
    char group[160];
    const char *other;
    for (size_t i = 0; (other = with(r, input, &i));) {
        snprintf(group, sizeof group, "input:%s", other);
        if (said(r, name, group))
            return true;
    }
    return said(r, name, input);
}

static void bar(const struct bench_run *r, const struct bench_measure *m, struct jw *w)
{
    const char *other;
    size_t i = 0;
    jw_obj(w);
    jw_kstrz(w, "input", m->group + strlen("input:"));
    if (with(r, m->group, &i)) {
        jw_key(w, "with");
        jw_arr(w);
        for (i = 0; (other = with(r, m->group, &i));)
            jw_strz(w, other);
        jw_arr_end(w);
    }
    jw_knum(w, "y", m->estimate);
    jw_kbool(w, "protected", said_of_any(r, "protected_input", m->group));
    jw_kbool(w, "proxy", said_of_any(r, "proxy_auc", m->group));
    jw_obj_end(w);
}

void bench_bars_json(const struct bench_run *r, struct jw *w)
{
    const struct bench_measure *first = NULL, *share = NULL;
    for (size_t i = r->measure.n; i-- > 0;) {
        const struct bench_measure *m = &r->measure.v[i];
        first = of_row(m, "mean_abs_attribution") ? m : first;
        share = of_row(m, "protected_attribution_share") ? m : share;
    }
    jw_arr(w);
    if (first) {
        jw_obj(w);
        jw_kstrz(w, "group", "");
        jw_kstrz(w, "method", first->ci_method);
        jw_kint(w, "n", first->n);
        jw_knum(w, "protected_share", share ? share->estimate : NAN);
        jw_key(w, "points");
        jw_arr(w);
        for (size_t i = 0; i < r->measure.n; i++)
            if (of_row(&r->measure.v[i], "mean_abs_attribution"))
                bar(r, &r->measure.v[i], w);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}
