/* SPDX-License-Identifier: Apache-2.0 */
/* label_policy -- reading a policy document into rows and limits. Everything the document
 * asks must be understood here: what is not is a problem, never a limit left out. */
#include "base/clock.h"
#include "label/label_priv.h"

static const char *const level_name[] = {
#define X(id, name) name,
    LABEL_LEVEL_MAP(X)
#undef X
};
static const char *const verdict_name[] = {
#define X(id, name) name,
    LABEL_VERDICT_MAP(X)
#undef X
};
const char *const label_op_name[LABEL_OPS] = {
#define X(id, name, holds) name,
    LABEL_OP_MAP(X)
#undef X
};
const char *const label_reason_name[LABEL_REASONS] = {
#define X(id, name) name,
    LABEL_REASON_MAP(X)
#undef X
};

const char *label_level_name(enum label_level l)
{
    return (unsigned)l < AM_LEN(level_name) ? level_name[l] : "none";
}

const char *label_verdict_name(enum label_verdict v)
{
    return (unsigned)v < AM_LEN(verdict_name) ? verdict_name[v] : "";
}

int label_level_parse(struct str s, enum label_level *out)
{
    for (size_t i = 0; i < AM_LEN(level_name); i++)
        if (str_eqc(s, level_name[i])) {
            *out = (enum label_level)i;
            return AM_OK;
        }
    return AM_E_SYNTAX;
}

/* ---- where we are in the document
 * ------------------------------------------------------ */
struct place {
    struct diag *d;
    char path[128];
};

static int problem(const struct place *at, const char *member, const char *code,
                   const char *detail)
{
    char path[192];
    snprintf(path, sizeof path, "%s%s%s", at->path, *member ? "/" : "", member);
    diag_err(at->d, path, code, "%s", detail);
    return AM_E_INVALID;
}

/* ---- limits
 * ------------------------------------------------------------------------------ */
void label_split_param(struct str param, char base[64], enum label_part *part)
{
    static const struct {
        const char *word;
        enum label_part part;
    } words[] = {
        {"_ci95_low", LABEL_LOW}, {"_ci95_high", LABEL_HIGH}, {"_ci_meets", LABEL_MEETS}};
    size_t n = AM_MIN(param.n, (size_t)63);
    *part = LABEL_POINT;
    memcpy(base, param.p, n);
    base[n] = 0;
    for (size_t i = 0; i < AM_LEN(words); i++) {
        char *at = strstr(base, words[i].word);
        size_t k = strlen(words[i].word);
        if (!at) /* auc_ci95_low_at_severity_2: the word may stand inside */
            continue;
        memmove(at, at + k, strlen(at + k) + 1);
        *part = words[i].part;
        return;
    }
}

static int read_levels(const struct json *v, unsigned *out)
{
    unsigned bits = 0;
    for (json_each(it, v)) {
        enum label_level l;
        if (label_level_parse(json_str(it.val), &l) || l == LABEL_NONE)
            return AM_E_INVALID;
        bits |= 1u << l;
    }
    *out = bits;
    return bits ? AM_OK : AM_E_INVALID;
}

static int read_text_value(struct str s, struct label_limit *l)
{
    struct str rest, row = str_cut(s, ' ', &rest);
    if (str_eqc(s, "declared_minimum")) {
        l->source = LABEL_DECLARED_MIN;
    } else if (str_eqc(s, "declared_maximum")) {
        l->source = LABEL_DECLARED_MAX;
    } else if (str_eqc(rest, "point of the level")) {
        l->source = LABEL_OF_ROW;
        l->of_row = row;
    } else {
        return str_double(s,
                          &l->value[0]); /* "1.2": a TLS version compares as a number */
    }
    return AM_OK;
}

static int read_value(const struct json *v, struct label_limit *l)
{
    switch (json_type(v)) {
    case JSON_NUMBER:
        l->value[0] = json_num(v, NAN);
        return l->op == LABEL_IN ? AM_E_INVALID : AM_OK;
    case JSON_BOOL:
        l->value[0] = json_bool(v, false);
        return l->op == LABEL_EQ ? AM_OK : AM_E_INVALID;
    case JSON_STRING:
        return l->op == LABEL_IN ? AM_E_INVALID : read_text_value(json_str(v), l);
    case JSON_ARRAY:
        l->value[0] = json_num(json_at(v, 0), NAN);
        l->value[1] = json_num(json_at(v, 1), NAN);
        return l->op == LABEL_IN && json_size(v) == 2 && l->value[0] <= l->value[1]
                   ? AM_OK
                   : AM_E_INVALID;
    default:
        return AM_E_INVALID;
    }
}

static int read_op(struct str s, enum label_op *out)
{
    for (size_t i = 0; i < LABEL_OPS; i++)
        if (str_eqc(s, label_op_name[i])) {
            *out = (enum label_op)i;
            return AM_OK;
        }
    return AM_E_INVALID;
}

static int read_otherwise(const struct json *v, struct label_limit *l)
{
    l->otherwise = LABEL_PASS;
    if (!v)
        return AM_OK;
    if (json_str_is(v, "fail"))
        l->otherwise = LABEL_FAIL;
    else if (json_str_is(v, "insufficient"))
        l->otherwise = LABEL_INSUFFICIENT;
    else
        return AM_E_INVALID;
    return AM_OK;
}

static int read_condition(const struct json *v, bool *critical, bool *attribute)
{
    if (!v)
        return AM_OK;
    if (json_str_is(v, "criticality = critical_diagnosis"))
        *critical = true;
    else if (attribute && json_str_is(v, "see definitions.legitimate_predictor"))
        *attribute = true;
    else
        return AM_E_INVALID;
    return AM_OK;
}

static int read_limit(const struct json *v, struct place *at, struct label_limit *l)
{
    static const char *const known[] = {"param",  "op",           "value",  "levels",
                                        "origin", "else_verdict", "effect", "condition"};
    int err = AM_OK;
    *l = (struct label_limit){.param = json_get_str(v, "param")};
    if (!l->param.n || l->param.n > 63)
        err = problem(at, "param", "policy.param", "1 to 63 characters");
    else
        label_split_param(l->param, l->base, &l->part);
    if (read_op(json_get_str(v, "op"), &l->op))
        err = problem(at, "op", "policy.op", "ge, gt, le, lt, eq or in");
    else if (read_value(json_get(v, "value"), l))
        err =
            problem(at, "value", "policy.value", "no value this comparison understands");
    if (l->part == LABEL_MEETS && l->op != LABEL_IN)
        err = problem(at, "op", "policy.op", "an interval meets a range: in");
    if (read_levels(json_get(v, "levels"), &l->levels))
        err = problem(at, "levels", "policy.levels", "base, intermediate, advanced");
    if (read_otherwise(json_get(v, "else_verdict"), l))
        err = problem(at, "else_verdict", "policy.else_verdict", "fail or insufficient");
    if (json_get(v, "effect")) {
        l->comment = json_str_is(json_get(v, "effect"), "comment_required");
        if (!l->comment)
            err = problem(at, "effect", "policy.effect", "comment_required");
    }
    if (read_condition(json_get(v, "condition"), &l->critical_only, NULL))
        err = problem(at, "condition", "policy.condition", "unknown condition");
    for (json_each(it, v)) {
        bool found = false;
        for (size_t i = 0; i < AM_LEN(known); i++)
            found |= str_eqc(it.key, known[i]);
        if (!found)
            err = problem(at, "", "policy.member", "a member this program does not know");
    }
    return err;
}

/* ---- rows
 * -------------------------------------------------------------------------------- */
static int read_asked(const struct json *v, struct place *at, struct label_rowdef *r)
{
    int err = AM_OK;
    r->asked[LABEL_NONE] = LABEL_UNASKED;
    for (int l = LABEL_BASE; l < LABEL_LEVELS; l++) {
        struct str s = json_get_str(v, level_name[l]);
        if (str_eqc(s, "gate"))
            r->asked[l] = LABEL_GATE;
        else if (str_eqc(s, "documented"))
            r->asked[l] = LABEL_TO_DOCUMENT;
        else if (str_eqc(s, "not_required"))
            r->asked[l] = LABEL_UNASKED;
        else
            err =
                problem(at, "level", "policy.level", "gate, documented or not_required");
    }
    return err;
}

/* A gate nobody can fail would be a hole in the policy. */
static int check_gates(const struct place *at, const struct label_rowdef *r)
{
    int err = AM_OK;
    for (int l = LABEL_BASE; l < LABEL_LEVELS; l++) {
        bool limited = false;
        for (size_t i = 0; i < r->limit.n; i++)
            limited |= (r->limit.v[i].levels >> l & 1) && !r->limit.v[i].comment;
        if (r->asked[l] == LABEL_GATE && !limited)
            err = problem(at, "limits", "policy.gate_without_limit", level_name[l]);
    }
    return err;
}

static int read_row(const struct json *v, struct place *at, struct label_rowdef *r)
{
    char here[sizeof at->path];
    int err = AM_OK, err2;
    memcpy(here, at->path, sizeof here);
    *r = (struct label_rowdef){.doc = v, .id = json_get_str(v, "id")};
    if (!r->id.n || r->id.n > 15)
        err = problem(at, "id", "policy.id", "1 to 15 characters");
    if (read_asked(json_get(v, "level"), at, r))
        err = AM_E_INVALID;
    if (read_condition(json_get(v, "condition"), &r->critical_only, &r->by_attribute))
        err = problem(at, "condition", "policy.condition", "unknown condition");
    if (json_type(json_get(v, "limits")) != JSON_ARRAY ||
        json_size(json_get(v, "limits")) > LABEL_LIMITS_MAX)
        err = problem(at, "limits", "policy.limits", "at most 20 limits");
    else
        for (json_each(it, json_get(v, "limits"))) {
            struct label_limit l;
            snprintf(at->path, sizeof at->path, "%.90s/limits/%zu", here, it.i);
            err2 = read_limit(it.val, at, &l);
            err = err2 ? err2 : err;
            err2 = vec_push(&r->limit, l);
            if (err2)
                return err2;
        }
    memcpy(at->path, here, sizeof here);
    return err ? err : check_gates(at, r);
}

static int read_rows(struct label_policy *p, struct place *at)
{
    const struct json *rows = json_get(p->matrix, "rows");
    char here[sizeof at->path];
    int err = AM_OK, err2;
    memcpy(here, at->path, sizeof here);
    if (json_type(rows) != JSON_ARRAY || !json_size(rows) ||
        json_size(rows) > LABEL_ROWS_MAX)
        return problem(at, "rows", "policy.rows", "1 to 500 rows");
    for (json_each(it, rows)) {
        struct label_rowdef r;
        snprintf(at->path, sizeof at->path, "%.90s/rows/%zu", here, it.i);
        err2 = read_row(it.val, at, &r);
        for (size_t i = 0; i < p->row.n && !err2; i++)
            if (str_eq(p->row.v[i].id, r.id))
                err2 = problem(at, "id", "policy.id", "appears twice");
        if (err2 != AM_E_NOMEM && vec_push(&p->row, r))
            err2 = AM_E_NOMEM;
        if (err2 == AM_E_NOMEM) {
            vec_release(&r.limit);
            return err2;
        }
        err = err2 ? err2 : err;
    }
    memcpy(at->path, here, sizeof here);
    return err;
}

/* "PF-1 point of the level" must name a row that has a point at those levels. */
static int check_references(const struct label_policy *p, struct place *at)
{
    int err = AM_OK;
    for (size_t i = 0; i < p->row.n; i++)
        for (size_t k = 0; k < p->row.v[i].limit.n; k++) {
            const struct label_limit *l = &p->row.v[i].limit.v[k];
            for (int v = LABEL_BASE; v < LABEL_LEVELS; v++)
                if (l->source == LABEL_OF_ROW && (l->levels >> v & 1) &&
                    isnan(label_point_of(p, l->of_row, (enum label_level)v)))
                    err = problem(at, "rows", "policy.value",
                                  "cites a row without a point at that level");
        }
    return err;
}

double label_point_of(const struct label_policy *p, struct str row,
                      enum label_level level)
{
    for (size_t i = 0; i < p->row.n; i++)
        for (size_t k = 0; str_eq(p->row.v[i].id, row) && k < p->row.v[i].limit.n; k++) {
            const struct label_limit *l = &p->row.v[i].limit.v[k];
            if ((l->levels >> level & 1) && l->part == LABEL_POINT && !l->comment &&
                l->source == LABEL_CONSTANT && l->op != LABEL_IN)
                return l->value[0];
        }
    return NAN;
}

/* ---- definitions
 * ------------------------------------------------------------------------- */
static int read_definitions(struct label_policy *p, struct place *at)
{
    const struct json *d = json_get(p->matrix, "definitions"),
                      *g = json_get(d, "major_group"),
                      *lp = json_get(d, "legitimate_predictor");
    int err = AM_OK;
    p->major_n = json_int(json_get(g, "n_min"), -1);
    p->major_positives = json_int(json_get(g, "positives_min"), -1);
    p->major_negatives = json_int(json_get(g, "negatives_min"), -1);
    if (p->major_n < 0 || p->major_positives < 0 || p->major_negatives < 0)
        err = problem(at, "definitions/major_group", "policy.major_group",
                      "n_min, positives_min, negatives_min");
    p->small_share_max = json_num(json_get(g, "small_share_max"), LABEL_SMALL_SHARE_MAX);
    p->compulsory = json_get(g, "compulsory_attributes");
    p->never = json_get(lp, "never_predictor");
    for (json_each(it, json_get(lp, "replaced_by"))) {
        struct label_limit l;
        struct place here = {.d = at->d};
        snprintf(here.path, sizeof here.path,
                 "%.40s/definitions/legitimate_predictor/replaced_by/%zu", at->path,
                 it.i);
        if (read_limit(it.val, &here, &l))
            err = AM_E_INVALID;
        if (vec_push(&p->replacing, l))
            return AM_E_NOMEM;
    }
    return err;
}

static int read_matrix(struct label_policy *p, struct place *at)
{
    int64_t unused;
    int err = read_definitions(p, at), err2;
    p->evidence_max_age = json_get_str(p->matrix, "evidence_max_age");
    if (!p->evidence_max_age.n || time_add_iso(0, p->evidence_max_age, &unused))
        err = err ? err
                  : problem(at, "evidence_max_age", "policy.duration",
                            "an ISO 8601 duration");
    if (err == AM_E_NOMEM)
        return err;
    err2 = read_rows(p, at);
    if (err2)
        return err2;
    err2 = check_references(p, at);
    return err2 ? err2 : err;
}

/* ---- the document
 * -------------------------------------------------------------------------- */
static int copy_doc(struct label_policy *p, const struct json *doc, struct diag *d)
{
    struct buf text;
    struct jw w;
    int err;
    buf_init(&text, (size_t)16 << 20);
    jw_init(&w, &text);
    jw_val(&w, doc);
    err = jw_done(&w);
    if (!err)
        err = json_parse(&p->doc, buf_str(&text), NULL, d);
    buf_release(&text);
    if (!err)
        p->root = json_root(p->doc);
    return err;
}

static int read_policy(struct label_policy *p, struct diag *d)
{
    struct place at = {.d = d};
    struct str schema = json_get_str(p->root, "schema");
    if (str_eqc(schema, "amane_label_matrix")) { /* the matrix alone: a proposal */
        p->matrix = p->root;
        p->name = json_get_str(p->root, "label");
    } else if (str_eqc(schema, "amane/policy/1")) {
        p->matrix = json_get(p->root, "matrix");
        p->name = json_get_str(json_get(p->root, "name"), "fr");
        p->national = json_bool(json_get(p->root, "national"), false);
        snprintf(at.path, sizeof at.path, "/matrix");
    } else {
        return problem(&at, "schema", "policy.schema", "amane/policy/1");
    }
    if (json_type(p->matrix) != JSON_OBJECT)
        return problem(&at, "", "policy.matrix", "a policy holds a matrix");
    return read_matrix(p, &at);
}

int label_policy_new(struct label_policy **out, const struct json *doc, struct diag *d)
{
    struct label_policy *p = am_calloc(1, sizeof *p);
    int err;
    if (!p)
        return AM_E_NOMEM;
    err = copy_doc(p, doc, d);
    if (!err)
        err = read_policy(p, d);
    if (err) {
        label_policy_free(p);
        return err;
    }
    *out = p;
    return AM_OK;
}

void label_policy_free(struct label_policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->row.n; i++)
        vec_release(&p->row.v[i].limit);
    vec_release(&p->row);
    vec_release(&p->replacing);
    json_free(p->doc);
    free(p);
}

struct str label_policy_name(const struct label_policy *p)
{
    return p->name;
}

bool label_policy_national(const struct label_policy *p)
{
    return p->national;
}

size_t label_policy_rows(const struct label_policy *p)
{
    return p->row.n;
}

const struct json *label_policy_row(const struct label_policy *p, size_t i)
{
    return i < p->row.n ? p->row.v[i].doc : NULL;
}
