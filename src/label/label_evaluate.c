/* SPDX-License-Identifier: Apache-2.0 */
/* label_evaluate -- rows at levels, the level reached, the outcome. */
#include "label/label_priv.h"

bool label_major(const struct label_policy *p, const struct label_group *g)
{
    return g->n >= p->major_n && g->positives >= p->major_positives &&
           g->n - g->positives >= p->major_negatives;
}

/* Declared in the plan, accepted by the evaluator (measure legitimate_predictor_accepted
 * of the attribute), and not one of those that never are. */
bool label_predictor(const struct label_case *c, struct str attribute)
{
    const struct json *list =
        json_get(json_get(c->record, "evaluation_plan"), "legitimate_predictors");
    bool declared = false;
    if (label_listed(c->p->never, LABEL_NEVER_PREDICTOR, attribute))
        return false;
    for (json_each(it, list))
        declared |= str_eq(json_get_str(it.val, "attribute"), attribute);
    for (size_t i = 0; i < c->measure.n && declared; i++)
        if (str_eqc(c->measure.v[i].name, "legitimate_predictor_accepted") &&
            str_eq(c->measure.v[i].group, attribute))
            return c->measure.v[i].estimate == 1;
    return false;
}

/* ---- groups
 * ---------------------------------------------------------------------------------- */
static bool of_attribute(struct str group, struct str attribute)
{
    struct str rest;
    return str_eq(str_cut(group, '=', &rest), attribute);
}

static enum label_reason attribute_reason(const struct label_case *c,
                                          struct str attribute)
{
    int64_t major = 0, n = 0, small = 0;
    for (size_t i = 0; i < c->group.n; i++) {
        const struct label_group *g = &c->group.v[i];
        if (!of_attribute(g->group, attribute))
            continue;
        n += g->n;
        if (label_major(c->p, g))
            major++;
        else
            small += g->n;
    }
    if (major < 2)
        return LABEL_R_FEW_GROUPS;
    return (double)small > c->p->small_share_max * (double)n ? LABEL_R_SMALL_GROUPS
                                                             : LABEL_R_NONE;
}

/* definitions.major_group.otherwise: the compulsory attributes must be demonstrable. */
static enum label_reason groups_reason(const struct label_case *c)
{
    enum label_reason why = LABEL_R_NONE;
    struct str rest = str_c(LABEL_COMPULSORY);
    if (c->p->compulsory) {
        for (json_each(it, c->p->compulsory))
            if (!why)
                why = attribute_reason(c, json_str(it.val));
        return why;
    }
    while (rest.n && !why)
        why = attribute_reason(c, str_cut(rest, ' ', &rest));
    return why;
}

/* ---- not applicable
 * ---------------------------------------------------------------------------- */
/* Does the record bear the reason out? Reasons it says nothing about are the evaluator's.
 */
static bool borne_out(const struct label_case *c, struct str reason)
{
    const struct json *plan = json_get(c->record, "evaluation_plan"),
                      *out = json_at(json_get(c->record, "outputs"), 0);
    if (str_eqc(reason, "output_not_probability"))
        return !json_str_is(json_get(plan, "output_scale"), "probability");
    if (str_eqc(reason, "not_critical_diagnosis"))
        return !c->critical;
    if (str_eqc(reason, "no_declared_threshold"))
        return json_type(json_get(out, "threshold")) != JSON_NUMBER &&
               json_size(json_get(plan, "thresholds")) == 0;
    if (str_eqc(reason, "task_without_discrimination"))
        return !label_word("binary risk_score multiclass multilabel",
                           json_get_str(c->record, "task"));
    return true;
}

static bool accepted(const struct label_case *c, struct str reason)
{
    for (json_each(it, json_get(c->p->matrix, "not_applicable_reasons")))
        if (str_eq(json_str(it.val), reason))
            return borne_out(c, reason);
    return false;
}

/* The newest statement that the row cannot apply, unless measures came after it. */
static const struct label_na *not_applicable(const struct label_case *c, struct str row)
{
    const struct label_na *newest = NULL;
    for (size_t i = 0; i < c->na.n; i++) {
        const struct label_na *a = &c->na.v[i];
        if (str_eq(a->row, row) &&
            (!newest || a->at > newest->at ||
             (a->at == newest->at && str_cmp(a->reason, newest->reason) < 0)))
            newest = a;
    }
    for (size_t i = 0; newest && i < c->measure.n; i++)
        if (str_eq(c->measure.v[i].row, row) && c->measure.v[i].at > newest->at)
            return NULL;
    return newest;
}

bool label_cannot_apply(const struct label_case *c, struct str row)
{
    const struct label_na *na = not_applicable(c, row);
    return na && accepted(c, na->reason);
}

/* ---- one row
 * -------------------------------------------------------------------------------------
 */
/* What a row without a deciding limit shows: the measure its first limit names, else the
 * first of all rows together, else the first of any group. */
static const struct label_measure *any_measure(const struct label_case *c,
                                               const struct label_rowdef *r)
{
    const struct label_measure *found = NULL;
    for (size_t i = 0; i < c->measure.n; i++) {
        const struct label_measure *m = &c->measure.v[i];
        if (!str_eq(m->row, r->id))
            continue;
        if (!m->group.n && r->limit.n && str_eq(m->name, r->limit.v[0].param))
            return m;
        if (!found || (!m->group.n && found->group.n))
            found = m;
    }
    return found;
}

static void comment(const struct label_case *c, const struct label_rowdef *r,
                    enum label_level level, struct label_judged *j)
{
    for (size_t i = 0; i < r->limit.n; i++) {
        const struct label_limit *l = &r->limit.v[i];
        struct label_judged seen = {0};
        if (!l->comment || !(l->levels >> level & 1))
            continue;
        label_judge_limit(c, r, l, level, &seen);
        if (seen.verdict == LABEL_PASS) /* the condition holds: somebody must comment */
            j->reason = LABEL_R_COMMENT;
    }
}

static void document(const struct label_case *c, const struct label_rowdef *r,
                     enum label_level level, struct label_judged *j)
{
    const struct label_measure *m = any_measure(c, r);
    j->verdict = LABEL_DOCUMENTED;
    if (m) {
        j->value = m->estimate;
        j->ci[0] = m->ci[0];
        j->ci[1] = m->ci[1];
        j->param = m->name;
    }
    comment(c, r, level, j);
}

static void judge_gate(const struct label_case *c, const struct label_rowdef *r,
                       enum label_level level, struct label_judged *j)
{
    enum label_reason why = r->by_attribute ? groups_reason(c) : LABEL_R_NONE;
    for (size_t i = 0; i < r->limit.n; i++)
        if ((r->limit.v[i].levels >> level & 1) && !r->limit.v[i].comment)
            label_judge_limit(c, r, &r->limit.v[i], level, j);
    if (why && j->verdict == LABEL_PASS) {
        j->verdict = LABEL_INSUFFICIENT;
        j->reason = why;
    }
}

/* Does the row gate at this level, for this model? */
static enum label_asked asked(const struct label_case *c, const struct label_rowdef *r,
                              enum label_level level)
{
    if (r->asked[level] == LABEL_GATE && r->critical_only && !c->critical)
        return LABEL_TO_DOCUMENT; /* PF-3: not critical => documented */
    return r->asked[level];
}

static void judge_row(const struct label_case *c, const struct label_rowdef *r,
                      enum label_level level, struct label_judged *j)
{
    const struct label_na *na = not_applicable(c, r->id);
    bool fact = label_row_computed(r->doc);
    enum label_asked a = asked(c, r, level);
    *j = (struct label_judged){.verdict = LABEL_NOT_REQUIRED,
                               .value = NAN,
                               .ci = {NAN, NAN},
                               .threshold = NAN,
                               .op = LABEL_OPS,
                               .additional = -1};
    if (a == LABEL_UNASKED)
        return;
    if (na && accepted(c, na->reason) && !fact) { /* what is posted can always be said */
        j->verdict = LABEL_NOT_APPLICABLE;
        j->param = na->reason; /* handed on as the reason */
        return;
    }
    j->verdict = LABEL_INSUFFICIENT;
    if (na && !fact) {
        j->reason = LABEL_R_NA_REFUSED;
    } else if (fact ? !(c->from && c->from->logged) : !any_measure(c, r)) {
        j->reason = LABEL_R_NO_EVIDENCE;
        for (size_t i = 0; i < c->old.n; i++)
            if (str_eq(c->old.v[i], r->id))
                j->reason = LABEL_R_TOO_OLD;
    } else if (a == LABEL_TO_DOCUMENT) {
        document(c, r, level, j);
        if (r->asked[level] == LABEL_GATE)
            j->reason = LABEL_R_NOT_CRITICAL;
    } else {
        judge_gate(c, r, level, j);
    }
}

/* ---- the result
 * ------------------------------------------------------------------------------------ */
/* Strings of the result outlive policy and evidence: the result owns a copy of each. */
static int intern(struct label_result *out, struct str s, const char **z)
{
    char **grown;
    *z = "";
    if (!s.n)
        return AM_OK;
    for (size_t i = 0; i < out->n_codes; i++)
        if (str_eqc(s, out->code[i])) {
            *z = out->code[i];
            return AM_OK;
        }
    grown = am_realloc(out->code, out->n_codes + 1, sizeof *grown);
    if (!grown)
        return AM_E_NOMEM;
    out->code = grown;
    grown[out->n_codes] = str_dup(s);
    if (!grown[out->n_codes])
        return AM_E_NOMEM;
    *z = grown[out->n_codes++];
    return AM_OK;
}

static int put_row(struct label_result *out, const struct label_rowdef *r,
                   enum label_level level, const struct label_judged *j)
{
    struct label_row *row = &out->row[out->n];
    int err;
    *row = (struct label_row){.level = level,
                              .verdict = j->verdict,
                              .reason = label_reason_name[j->reason],
                              .value = j->value,
                              .ci95 = {j->ci[0], j->ci[1]},
                              .threshold = j->threshold,
                              .op = j->op < LABEL_OPS ? label_op_name[j->op] : "",
                              .param = "",
                              .additional_positives = j->additional};
    snprintf(row->id, sizeof row->id, "%.*s", STR_FMT(r->id));
    if (j->verdict == LABEL_NOT_APPLICABLE)
        err = intern(out, j->param, &row->reason);
    else
        err = intern(out, j->param, &row->param);
    if (!err)
        out->n++;
    return err;
}

static bool gate_holds(enum label_verdict v)
{
    return v == LABEL_PASS || v == LABEL_NOT_APPLICABLE;
}

/* A level holds when its gates do and its documented rows have evidence: a documented row
 * without any leaves the evaluation incomplete (rule.missing_evidence). */
static void conclude(const struct label_case *c, enum label_level requested,
                     struct label_result *out)
{
    bool holds[LABEL_LEVELS] = {true, true, true, true}, base_fails = false;
    for (size_t i = 0; i < out->n; i++) {
        const struct label_row *row = &out->row[i];
        enum label_asked a = asked(c, &c->p->row.v[i % c->p->row.n], row->level);
        if (a == LABEL_GATE && !gate_holds(row->verdict))
            holds[row->level] = false;
        if (a == LABEL_TO_DOCUMENT && row->verdict == LABEL_INSUFFICIENT)
            holds[row->level] = false;
        base_fails |=
            a == LABEL_GATE && row->level == LABEL_BASE && row->verdict == LABEL_FAIL;
    }
    out->reached = LABEL_NONE;
    while (out->reached < requested && holds[out->reached + 1])
        out->reached++;
    out->outcome = out->reached > LABEL_NONE ? "granted"
                   : base_fails              ? "refused"
                                             : "deferred";
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int undemonstrated(const struct label_case *c, struct label_result *out)
{
    out->undemonstrated = am_calloc(c->group.n + 1, sizeof *out->undemonstrated);
    if (!out->undemonstrated)
        return AM_E_NOMEM;
    for (size_t i = 0; i < c->group.n; i++) {
        if (label_major(c->p, &c->group.v[i]))
            continue;
        out->undemonstrated[out->n_undemonstrated] = str_dup(c->group.v[i].group);
        if (!out->undemonstrated[out->n_undemonstrated])
            return AM_E_NOMEM;
        out->n_undemonstrated++;
    }
    if (out->n_undemonstrated)
        qsort(out->undemonstrated, out->n_undemonstrated, sizeof *out->undemonstrated,
              by_text);
    return AM_OK;
}

static int evaluate(const struct label_case *c, enum label_level requested,
                    struct label_result *out)
{
    int err = AM_OK;
    out->row = am_calloc(c->p->row.n * (size_t)requested + 1, sizeof *out->row);
    if (!out->row)
        return AM_E_NOMEM;
    for (int l = LABEL_BASE; l <= (int)requested; l++)
        for (size_t i = 0; i < c->p->row.n && !err; i++) {
            struct label_judged j;
            judge_row(c, &c->p->row.v[i], (enum label_level)l, &j);
            err = put_row(out, &c->p->row.v[i], (enum label_level)l, &j);
        }
    if (!err)
        err = undemonstrated(c, out);
    if (!err)
        conclude(c, requested, out);
    return err;
}

int label_evaluate(const struct label_policy *p, const struct json *record,
                   const struct json *const *evidence, size_t n,
                   enum label_level requested, int64_t at, struct label_result *out,
                   struct diag *d)
{
    return label_evaluate_from(p, record, evidence, n, NULL, requested, at, out, d);
}

int label_evaluate_from(const struct label_policy *p, const struct json *record,
                        const struct json *const *evidence, size_t n,
                        const struct label_from *from, enum label_level requested,
                        int64_t at, struct label_result *out, struct diag *d)
{
    struct label_case c = {.p = p, .record = record, .from = from};
    struct label_result result = {0};
    int err;
    if (requested <= LABEL_NONE || requested >= LABEL_LEVELS) {
        diag_err(d, "/requested_level", "label.level", "base, intermediate or advanced");
        return AM_E_INVALID;
    }
    err = label_case_load(&c, evidence, n, at, d);
    if (!err)
        err = evaluate(&c, requested, &result);
    label_case_release(&c);
    if (err) {
        label_result_release(&result);
        return err;
    }
    *out = result;
    return AM_OK;
}
