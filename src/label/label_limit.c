/* SPDX-License-Identifier: Apache-2.0 */
/* label_limit -- one limit against the measures it names.
 *
 * A limit on a point decides by the point. A limit on a bound of the interval that does
 * not hold is `insufficient` while the point satisfies it (more data may decide), `fail`
 * when the point does not either; else_verdict overrides. A point limit whose interval
 * has a limit that says `fail` by itself (the deviation rule) is `insufficient` when only
 * the point is over: definitions.deviation. */
#include "label/label_priv.h"

static bool holds(enum label_op op, double a, double b)
{
    switch (op) {
#define X(id, name, expr)                                                                \
    case LABEL_##id:                                                                     \
        return expr;
        LABEL_OP_MAP(X)
#undef X
    case LABEL_OPS:
        break;
    }
    return false;
}

static const enum label_reason wrong[LABEL_OPS] = {
    [LABEL_GE] = LABEL_R_BELOW,   [LABEL_GT] = LABEL_R_BELOW,
    [LABEL_LE] = LABEL_R_ABOVE,   [LABEL_LT] = LABEL_R_ABOVE,
    [LABEL_EQ] = LABEL_R_DIFFERS, [LABEL_IN] = LABEL_R_OUTSIDE,
};

static int rank(enum label_verdict v)
{
    return v == LABEL_FAIL ? 2 : v == LABEL_INSUFFICIENT ? 1 : 0;
}

/* Keeps the worst; of equals the first. */
static void settle(struct label_judged *out, const struct label_judged *j)
{
    if (!out->decided || rank(j->verdict) > rank(out->verdict))
        *out = *j;
    out->decided = true;
}

/* ---- measures
 * -------------------------------------------------------------------------- */
static const struct label_measure *find(const struct label_case *c, struct str row,
                                        struct str name, struct str group)
{
    char key[512];
    size_t i;
    int n = snprintf(key, sizeof key, "%.*s\n%.*s\n%.*s", STR_FMT(row), STR_FMT(name),
                     STR_FMT(group));
    if (n < 0 || (size_t)n >= sizeof key ||
        map_get(&c->seen, (struct str){key, (size_t)n}, &i))
        return NULL;
    return &c->measure.v[i];
}

/* The point behind a bound that stands alone: same group, in its row or in any other. */
static double point_of(const struct label_case *c, struct str row, const char *base,
                       struct str group)
{
    const struct label_measure *m = find(c, row, str_c(base), group);
    for (size_t i = 0; i < c->p->row.n && !m; i++)
        m = find(c, c->p->row.v[i].id, str_c(base), group);
    return m ? m->estimate : NAN;
}

struct seen { /* what a param of a group turns out to be */
    const struct label_measure *m;
    double value, point;
};

static bool look(const struct label_case *c, struct str row, const struct label_limit *l,
                 struct str name, const char *base, struct str group, struct seen *s)
{
    s->m = find(c, row, name, group);
    if (s->m) {
        s->value = s->m->estimate;
        s->point = l->part == LABEL_POINT ? s->value : point_of(c, row, base, group);
        return true;
    }
    s->m = l->part == LABEL_POINT ? NULL : find(c, row, str_c(base), group);
    if (!s->m)
        return false;
    s->point = s->m->estimate;
    s->value = l->part == LABEL_HIGH ? s->m->ci[1] : s->m->ci[0];
    return true;
}

/* ---- the value to compare with
 * ---------------------------------------------------------- */
/* "site_ppv", "ppv" -> "ppv": what the plan declares a minimum for. */
static struct str stem(const char *base)
{
    struct str s = str_c(base);
    if (str_starts(s, STR("each_gst_")))
        return str_sub(s, 9, s.n);
    return str_starts(s, STR("site_")) ? str_sub(s, 5, s.n) : s;
}

static double limit_value(const struct label_case *c, const struct label_limit *l,
                          const char *base, enum label_level level,
                          enum label_reason *why)
{
    const struct json *plan = json_get(c->record, "evaluation_plan");
    switch (l->source) {
    case LABEL_DECLARED_MIN:
        *why = LABEL_R_NO_MINIMUM;
        return json_num(json_getn(json_get(plan, "declared_minima"), stem(base)), NAN);
    case LABEL_DECLARED_MAX:
        *why = LABEL_R_NO_MAXIMUM;
        return json_num(json_getn(json_get(plan, "declared_maxima"), stem(base)), NAN);
    case LABEL_OF_ROW:
        *why = LABEL_R_NO_VALUE;
        return label_point_of(c->p, l->of_row, level);
    case LABEL_CONSTANT:
        break;
    }
    return l->value[0];
}

/* ---- judging
 * ------------------------------------------------------------------------------ */
static int64_t additional(const struct label_case *c, const struct label_rowdef *r,
                          const struct label_limit *l, struct str group, double value)
{
    for (size_t i = 0; i < c->measure.n; i++) {
        const struct label_measure *m = &c->measure.v[i];
        if (str_eq(m->row, r->id) && str_eq(m->group, group) && m->threshold == value &&
            m->estimate >= 0 && m->estimate < 1e15 && str_starts(m->name, l->param) &&
            str_eqc(str_sub(m->name, l->param.n, m->name.n), ".additional_positives"))
            return (int64_t)m->estimate;
    }
    return -1;
}

/* Does the row fail by its interval instead (deviation)? */
static bool interval_fails(const struct label_rowdef *r, const struct label_limit *l,
                           enum label_level level)
{
    for (size_t i = 0; i < r->limit.n; i++) {
        const struct label_limit *o = &r->limit.v[i];
        if ((o->levels >> level & 1) && o->part != LABEL_POINT &&
            o->otherwise == LABEL_FAIL && !strcmp(o->base, l->base))
            return true;
    }
    return false;
}

static void judge_broken(const struct label_rowdef *r, const struct label_limit *l,
                         enum label_level level, const struct seen *s,
                         struct label_judged *j)
{
    bool may_be = l->part == LABEL_POINT
                      ? interval_fails(r, l, level)
                      : isnan(s->point) || holds(l->op, s->point, j->threshold);
    j->verdict = may_be ? LABEL_INSUFFICIENT : LABEL_FAIL;
    j->reason = may_be ? LABEL_R_INTERVAL : wrong[l->op];
    if (l->otherwise != LABEL_PASS) {
        j->verdict = l->otherwise;
        j->reason = wrong[l->op];
    }
}

static void judge_range(const struct label_limit *l, const struct seen *s,
                        struct label_judged *j)
{
    double lo = l->part == LABEL_MEETS ? s->m->ci[0] : s->value,
           hi = l->part == LABEL_MEETS ? s->m->ci[1] : s->value;
    j->value = s->point;
    if (isnan(lo) || isnan(hi)) {
        j->verdict = LABEL_INSUFFICIENT;
        j->reason = l->part == LABEL_MEETS ? LABEL_R_NO_INTERVAL : LABEL_R_NO_VALUE;
    } else if (hi < l->value[0] || lo > l->value[1]) {
        j->verdict = l->otherwise == LABEL_PASS ? LABEL_FAIL : l->otherwise;
        j->reason = LABEL_R_OUTSIDE;
    }
}

static void judge_seen(const struct label_case *c, const struct label_rowdef *r,
                       const struct label_limit *l, enum label_level level,
                       const struct seen *s, const char *base, struct label_judged *out)
{
    enum label_reason why = LABEL_R_NONE;
    struct label_judged j = {.verdict = LABEL_PASS,
                             .value = s->value,
                             .ci = {s->m->ci[0], s->m->ci[1]},
                             .threshold = limit_value(c, l, base, level, &why),
                             .param = l->param,
                             .op = l->op,
                             .additional = -1};
    if (l->op == LABEL_IN) {
        judge_range(l, s, &j);
    } else if (isnan(j.threshold) || isnan(s->value)) {
        j.verdict = LABEL_INSUFFICIENT;
        j.reason = isnan(j.threshold)       ? why
                   : l->part == LABEL_POINT ? LABEL_R_NO_VALUE
                                            : LABEL_R_NO_INTERVAL;
    } else if (!holds(l->op, s->value, j.threshold)) {
        judge_broken(r, l, level, s, &j);
        j.additional = additional(c, r, l, s->m->group, j.threshold);
        if (label_word("positives site_positives", l->param))
            j.additional = (int64_t)fmin(ceil(fmax(j.threshold - s->value, 0)), 1e15);
    }
    settle(out, &j);
}

static void judge_missing(const struct label_limit *l, struct label_judged *out)
{
    settle(out, &(struct label_judged){.verdict = LABEL_INSUFFICIENT,
                                       .reason = LABEL_R_NO_MEASURE,
                                       .value = NAN,
                                       .ci = {NAN, NAN},
                                       .threshold = l->source == LABEL_CONSTANT &&
                                                            l->op != LABEL_IN
                                                        ? l->value[0]
                                                        : NAN,
                                       .param = l->param,
                                       .op = l->op,
                                       .additional = -1});
}

/* ---- every group a param speaks of
 * -------------------------------------------------------- */
static bool named(const struct label_measure *m, const struct label_limit *l,
                  struct str name, const char *base)
{
    return str_eq(m->name, name) || (l->part != LABEL_POINT && str_eqc(m->name, base));
}

/* "" first; attributes ("sex") always; "sex=F", "site=x" only when there is no "" measure
 * or the param is about sites. */
static bool wanted(struct str group, bool by_place, bool whole)
{
    size_t eq = str_find(group, '=');
    if (!group.n || str_find(group, ';') < group.n)
        return false;
    if (by_place)
        return str_starts(group, STR("site=")) || str_starts(group, STR("gst="));
    return eq == group.n || !whole;
}

static void judge_replacing(const struct label_case *c, const struct label_rowdef *r,
                            struct str attribute, enum label_level level,
                            struct label_judged *out)
{
    for (size_t i = 0; i < c->p->replacing.n; i++) {
        const struct label_limit *l = &c->p->replacing.v[i];
        struct seen s;
        if (!(l->levels >> level & 1) || (l->critical_only && !c->critical))
            continue;
        if (look(c, r->id, l, l->param, l->base, attribute, &s))
            judge_seen(c, r, l, level, &s, l->base, out);
        else
            judge_missing(l, out);
    }
}

static void judge_name(const struct label_case *c, const struct label_rowdef *r,
                       const struct label_limit *l, enum label_level level,
                       struct str name, const char *base, struct label_judged *out)
{
    bool by_place = str_starts(name, STR("each_gst_")) || str_starts(name, STR("site_"));
    bool whole, any;
    struct seen s;
    whole = any = !by_place && look(c, r->id, l, name, base, STR(""), &s);
    if (whole)
        judge_seen(c, r, l, level, &s, base, out);
    for (size_t i = 0; i < c->measure.n; i++) {
        const struct label_measure *m = &c->measure.v[i];
        if (!str_eq(m->row, r->id) || !named(m, l, name, base) ||
            !wanted(m->group, by_place, whole) ||
            !look(c, r->id, l, name, base, m->group, &s))
            continue;
        any = true;
        if (r->by_attribute && label_predictor(c, m->group))
            judge_replacing(c, r, m->group, level, out);
        else
            judge_seen(c, r, l, level, &s, base, out);
    }
    if (!any)
        judge_missing(l, out);
}

/* ---- how many GST
 * ---------------------------------------------------------------------------- */
static struct str gst_of(const struct label_measure *m)
{
    struct str rest, key = str_cut(m->group, '=', &rest);
    if (str_eqc(key, "gst"))
        return rest;
    if (!str_eqc(key, "site") || str_find(m->group, ';') < m->group.n)
        return STR_NULL;
    for (json_each(it, json_get(json_get(m->record, "dataset"), "sites")))
        if (str_eq(json_get_str(it.val, "site"), rest))
            return json_get_str(it.val, "gst");
    return STR_NULL;
}

/* Evidence of several runs adds up: the GST of all measures of the row that count. */
static double distinct_gst(const struct label_case *c, struct str row)
{
    double n = 0;
    for (size_t i = 0; i < c->measure.n; i++) {
        struct str g = gst_of(&c->measure.v[i]);
        bool before = !g.n || !str_eq(c->measure.v[i].row, row);
        for (size_t k = 0; k < i && !before; k++)
            before =
                str_eq(c->measure.v[k].row, row) && str_eq(gst_of(&c->measure.v[k]), g);
        n += !before;
    }
    return n;
}

/* ---- the limit
 * ---------------------------------------------------------------------------------- */
const char *label_components(struct str base)
{
#define X(param, names)                                                                  \
    if (str_eqc(base, param))                                                            \
        return names;
    LABEL_COMPOSITE_MAP(X)
#undef X
    return NULL;
}

/* A fact about the evidence as a whole. */
static void judge_fact(const struct label_case *c, const struct label_rowdef *r,
                       const struct label_limit *l, enum label_level level, double value,
                       struct label_judged *out)
{
    struct label_measure whole = {.row = r->id, .ci = {NAN, NAN}};
    struct seen s = {.m = &whole, .value = value, .point = value};
    judge_seen(c, r, l, level, &s, l->base, out);
}

void label_judge_limit(const struct label_case *c, const struct label_rowdef *r,
                       const struct label_limit *l, enum label_level level,
                       struct label_judged *out)
{
    const char *names = label_components(str_c(l->base));
    struct str rest = str_c(names);
    if (str_eqc(l->param, LABEL_POSTED)) {
        judge_fact(c, r, l, level, label_posted(c, r, level), out);
        return;
    }
    if (str_eqc(l->param, "distinct_gst") && distinct_gst(c, r->id) > 0) {
        judge_fact(c, r, l, level, distinct_gst(c, r->id), out);
        return;
    }
    if (!names)
        judge_name(c, r, l, level, l->param, l->base, out);
    while (rest.n) {
        struct str one = str_cut(rest, ' ', &rest);
        char base[64];
        snprintf(base, sizeof base, "%.*s", STR_FMT(one));
        judge_name(c, r, l, level, l->part == LABEL_POINT ? one : STR("\n"), base, out);
    }
}
