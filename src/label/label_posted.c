/* SPDX-License-Identifier: Apache-2.0 */
/* label_posted -- row ID-5: is every automatic row of the matrix in the log, with a value
 * or with the word for why it has none? (label-matrix.md: "every metric field of this
 * matrix posted", 100 % of auto rows.) */
#include "label/label_priv.h"

bool label_row_computed(const struct json *row)
{
    for (json_each(it, json_get(row, "limits")))
        if (json_str_is(json_get(it.val, "param"), LABEL_POSTED))
            return true;
    return false;
}

/* "each_gst_auc_ci95_low" is told by the measure of that name or by "each_gst_auc". */
static bool names(const struct label_measure *m, struct str param, const char *base)
{
    return str_eq(m->name, param) || str_eqc(m->name, base);
}

static bool told(const struct label_measure *m)
{
    struct str how = json_get_str(m->doc, "ci_method");
    return !isnan(m->estimate) || (how.n && !str_eqc(how, "none"));
}

static bool measure_told(const struct label_case *c, struct str row, struct str param,
                         const char *base)
{
    for (size_t i = 0; i < c->measure.n; i++) {
        const struct label_measure *m = &c->measure.v[i];
        if (str_eq(m->row, row) && (!param.n || names(m, param, base)) && told(m))
            return true;
    }
    return false;
}

static bool limit_told(const struct label_case *c, const struct label_rowdef *r,
                       const struct label_limit *l)
{
    struct str rest = str_c(label_components(str_c(l->base)));
    if (!rest.n)
        return measure_told(c, r->id, l->param, l->base);
    while (rest.n) {
        struct str one = str_cut(rest, ' ', &rest);
        char base[64];
        snprintf(base, sizeof base, "%.*s", STR_FMT(one));
        if (!measure_told(c, r->id, one, base))
            return false;
    }
    return true;
}

static bool row_told(const struct label_case *c, const struct label_rowdef *r,
                     enum label_level level)
{
    bool limits = false;
    if (label_cannot_apply(c, r->id))
        return true;
    for (size_t i = 0; i < r->limit.n; i++) {
        const struct label_limit *l = &r->limit.v[i];
        if (!(l->levels >> level & 1))
            continue;
        limits = true;
        if (!limit_told(c, r, l))
            return false;
    }
    return limits || measure_told(c, r->id, STR_NULL, "");
}

double label_posted(const struct label_case *c, const struct label_rowdef *self,
                    enum label_level level)
{
    double n = 0, with = 0;
    for (size_t i = 0; i < c->p->row.n; i++) {
        const struct label_rowdef *r = &c->p->row.v[i];
        if (r == self || r->asked[level] == LABEL_UNASKED ||
            !json_str_is(json_get(r->doc, "mode"), "auto"))
            continue;
        n++;
        with += row_told(c, r, level);
    }
    return with / n; /* 0 / 0: NaN */
}
