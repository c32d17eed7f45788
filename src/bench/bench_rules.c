/* SPDX-License-Identifier: Apache-2.0 */
/* bench_rules -- what the manifest says of several inputs at once:
 *
 *   indicator_groups  of these inputs exactly one is 1, the others 0
 *   relations         min <= sum coef * x <= max (scale "log": of the logarithms, so that
 *                     a product or a quotient is a relation: bmi, weight, height); an
 *                     input `derived` from the others follows them
 *
 * Rows of the data that break one are left out and counted, before any number; when most
 * do, it is the declaration that is wrong. Nothing that the bench makes of a row breaks
 * one that the row itself holds (probe.h: probe_rules). A relation with a missing input
 * binds nobody. */
#include "bench/bench_rules.h"

struct bench_rules {
    struct probe_onehot *onehot;
    size_t n_onehot;
    struct probe_relation *relation;
    size_t n_relation;
    uint32_t *input; /* of all, one after the other */
    double *coef;
    size_t n;
    uint32_t *group_of; /* of each input, from 1; 0: none */
};

void bench_rules_free(struct bench_rules *s)
{
    if (!s)
        return;
    free(s->onehot);
    free(s->relation);
    free(s->input);
    free(s->coef);
    free(s->group_of);
    free(s);
}

void bench_rules_of(const struct bench_run *r, struct probe_rules *out)
{
    if (!r->rules)
        return;
    out->onehot = r->rules->onehot;
    out->n_onehot = r->rules->n_onehot;
    out->relation = r->rules->relation;
    out->n_relation = r->rules->n_relation;
}

bool bench_rules_hold(const struct bench_run *r, const double *x)
{
    struct probe_rules rules = {0};
    bench_rules_of(r, &rules);
    for (size_t i = 0; i < rules.n_onehot; i++)
        if (!probe_onehot_holds(&rules.onehot[i], x))
            return false;
    for (size_t i = 0; i < rules.n_relation; i++)
        if (probe_relation_gap(&rules.relation[i], x) != 0)
            return false;
    return true;
}

/* ---- reading --------------------------------------------------------------------------
 */
static bool find(const struct bench_run *r, struct str name, uint32_t *out)
{
    for (size_t k = 0; k < r->feature.n && !r->image.width; k++)
        if (str_eq(r->feature.v[k].name, name)) {
            *out = (uint32_t)k;
            return true;
        }
    return false;
}

static void problem(struct diag *d, const char *list, size_t i, struct str name,
                    const char *code, const char *detail)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof path, "/manifest/%s/%zu%s%.*s", list, i, name.n ? "/" : "",
             (int)AM_MIN(name.n, 60), name.p ? name.p : "");
    diag_err(d, path, code, "%s", detail);
}

static void read_group(struct bench_run *r, const struct json *list, size_t i,
                       struct diag *d)
{
    struct bench_rules *s = r->rules;
    struct probe_onehot *h = &s->onehot[s->n_onehot++];
    *h = (struct probe_onehot){.input = s->input + s->n};
    for (json_each(it, list)) {
        struct str name = json_str(it.val);
        const struct bench_feature *f;
        uint32_t k;
        if (!find(r, name, &k)) {
            problem(d, "indicator_groups", i, name, "bench.input_unknown",
                    "the record declares no such input");
            continue;
        }
        f = &r->feature.v[k];
        if (s->group_of[k])
            problem(d, "indicator_groups", i, name, "bench.group_rule",
                    "an input is in one group");
        if (!(f->lo <= 0 && f->hi >= 1))
            problem(d, "indicator_groups", i, name, "bench.group_rule",
                    "its range has no 0 and 1");
        s->group_of[k] = (uint32_t)i + 1;
        s->input[s->n++] = k;
        h->n++;
    }
}

static void read_derived(struct bench_run *r, const struct json *doc, size_t i,
                         struct probe_relation *t, struct diag *d)
{
    struct str name = json_get_str(doc, "derived");
    uint32_t k = UINT32_MAX;
    t->derived = SIZE_MAX;
    if (!name.n)
        return;
    if (find(r, name, &k))
        for (size_t at = 0; at < t->n; at++)
            if (t->input[at] == k)
                t->derived = at;
    if (t->derived == SIZE_MAX)
        problem(d, "relations", i, STR("derived"), "bench.relation",
                "not an input of the relation");
    for (size_t o = 0; o + 1 < r->rules->n_relation; o++) {
        const struct probe_relation *other = &r->rules->relation[o];
        if (other->derived != SIZE_MAX && other->input[other->derived] == k)
            problem(d, "relations", i, STR("derived"), "bench.relation", "derived twice");
    }
}

static void read_relation(struct bench_run *r, const struct json *doc, size_t i,
                          struct diag *d)
{
    struct bench_rules *s = r->rules;
    struct probe_relation *t = &s->relation[s->n_relation++];
    *t = (struct probe_relation){.input = s->input + s->n,
                                 .coef = s->coef + s->n,
                                 .lo = json_num(json_get(doc, "min"), -INFINITY),
                                 .hi = json_num(json_get(doc, "max"), INFINITY),
                                 .log = json_str_is(json_get(doc, "scale"), "log")};
    for (json_each(it, json_get(doc, "inputs"))) {
        uint32_t k;
        if (!find(r, it.key, &k)) {
            problem(d, "relations", i, it.key, "bench.input_unknown",
                    "the record declares no such input");
            continue;
        }
        if (s->group_of[k])
            problem(d, "relations", i, it.key, "bench.relation",
                    "an input of an indicator group");
        if (t->log && !(r->feature.v[k].lo > 0))
            problem(d, "relations", i, it.key, "bench.relation",
                    "a logarithm needs a range above 0");
        s->coef[s->n] = json_num(it.val, NAN);
        s->input[s->n++] = k;
        t->n++;
    }
    if (!(t->lo <= t->hi))
        problem(d, "relations", i, STR_NULL, "bench.relation", "min is above max");
    read_derived(r, doc, i, t, d);
}

int bench_rules_read(struct bench_run *r, struct diag *d)
{
    const struct json *groups = json_get(r->manifest, "indicator_groups"),
                      *relations = json_get(r->manifest, "relations");
    struct bench_rules *s;
    size_t n = 0;
    if (!json_size(groups) && !json_size(relations))
        return AM_OK;
    s = r->rules = am_calloc(1, sizeof *s);
    if (!s)
        return AM_E_NOMEM;
    for (json_each(it, groups))
        n += json_size(it.val);
    for (json_each(it, relations))
        n += json_size(json_get(it.val, "inputs"));
    s->onehot = am_calloc(json_size(groups) + 1, sizeof *s->onehot);
    s->relation = am_calloc(json_size(relations) + 1, sizeof *s->relation);
    s->input = am_calloc(n + 1, sizeof *s->input);
    s->coef = am_calloc(n + 1, sizeof *s->coef);
    s->group_of = am_calloc(r->feature.n + 1, sizeof *s->group_of);
    if (!s->onehot || !s->relation || !s->input || !s->coef || !s->group_of)
        return AM_E_NOMEM; /* the run frees it */
    for (json_each(it, groups))
        read_group(r, it.val, it.i, d);
    for (json_each(it, relations))
        read_relation(r, it.val, it.i, d);
    return AM_OK;
}
