/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LABEL_PRIV_H
#define LABEL_PRIV_H

#include <math.h>

#include "base/map.h"
#include "base/vec.h"
#include "label/label.h"
#include "label/label_tbl.h"

enum { LABEL_ROWS_MAX = 500, LABEL_LIMITS_MAX = 20, LABEL_MEASURES_MAX = 1000000 };

enum label_op {
#define X(id, name, holds) LABEL_##id,
    LABEL_OP_MAP(X)
#undef X
        LABEL_OPS
};
enum label_reason {
#define X(id, name) LABEL_R_##id,
    LABEL_REASON_MAP(X)
#undef X
        LABEL_REASONS
};
extern const char *const label_reason_name[LABEL_REASONS];
extern const char *const label_op_name[LABEL_OPS];

/* Which part of a measure a param names: auc, auc_ci95_low, x_ci95_high, slope_ci_meets.
 */
enum label_part { LABEL_POINT, LABEL_LOW, LABEL_HIGH, LABEL_MEETS };
/* Where a limit takes its value from. */
enum label_source {
    LABEL_CONSTANT,
    LABEL_DECLARED_MIN,
    LABEL_DECLARED_MAX,
    LABEL_OF_ROW
};

struct label_limit {
    struct str param;
    char base[64]; /* param without its part: the point's name */
    enum label_part part;
    enum label_op op;
    enum label_source source;
    double value[2];              /* CONSTANT; IN: both */
    struct str of_row;            /* OF_ROW: "PF-1" */
    unsigned levels;              /* bit per enum label_level */
    enum label_verdict otherwise; /* else_verdict; LABEL_PASS: none given */
    bool comment;                 /* effect comment_required: never judges */
    bool critical_only;           /* condition of a replacing limit */
};
enum label_asked { LABEL_GATE, LABEL_TO_DOCUMENT, LABEL_UNASKED };
struct label_rowdef {
    const struct json *doc;
    struct str id;
    enum label_asked asked[LABEL_LEVELS];
    bool critical_only; /* condition: criticality = critical_diagnosis */
    bool by_attribute;  /* condition: see definitions.legitimate_predictor */
    VEC(struct label_limit) limit;
};
struct label_policy {
    struct json_doc *doc;
    const struct json *root, *matrix;
    struct str name;
    bool national;
    struct str evidence_max_age;
    int64_t major_n, major_positives, major_negatives;
    double small_share_max;
    const struct json *compulsory, *never; /* lists of the policy, or NULL */
    VEC(struct label_rowdef) row;
    VEC(struct label_limit) replacing; /* legitimate_predictor.replaced_by */
};

/* One measure that counts: the newest of its (row, name, group). */
struct label_measure {
    struct str row, name, group;
    double threshold, estimate, ci[2];
    int64_t n, positives, at;
    const struct json *doc, *record; /* the measure, its evidence record */
};
struct label_na { /* a row an evaluator calls not applicable */
    struct str row, reason;
    int64_t at;
};
struct label_group { /* "sex=F" with its size */
    struct str group;
    int64_t n, positives;
};
struct label_case { /* everything one evaluation knows */
    const struct label_policy *p;
    const struct json *record;
    bool critical;
    VEC(struct label_measure) measure;
    VEC(struct label_na) na;
    VEC(struct str) old; /* rows with evidence that is too old */
    VEC(struct label_group) group;
    struct map seen, groups;
    const struct label_from *from; /* NULL: no evidence of another digest counts */
    struct map own;                /* rows of which there is evidence of this digest */
};
/* Is the record of the version changed, and may a row be taken from it? */
bool label_of_parent(const struct label_case *c, const struct json *record);
bool label_inherits(const struct label_case *c, struct str row);
AM_CHECK int label_own_rows(struct label_case *c, const struct json *record);
int label_case_load(struct label_case *c, const struct json *const *evidence, size_t n,
                    int64_t at, struct diag *d);
void label_case_release(struct label_case *c);
bool label_word(const char *list, struct str word); /* in a space-separated list? */
bool label_listed(const struct json *list, const char *otherwise, struct str word);

/* label_posted.c: row ID-5. */
#define LABEL_POSTED "auto_rows_with_value_or_reason"
/* The share at that level; NaN: no row is asked. */
double label_posted(const struct label_case *c, const struct label_rowdef *self,
                    enum label_level level);
/* label_evaluate.c: is it accepted that the row cannot apply? */
bool label_cannot_apply(const struct label_case *c, struct str row);
/* label_limit.c: the measures that a composite param stands for; NULL: it is none. */
const char *label_components(struct str base);

/* What judging one limit, or one row, gave. */
struct label_judged {
    enum label_verdict verdict;
    enum label_reason reason;
    double value, ci[2], threshold;
    struct str param;
    enum label_op op;
    bool decided; /* a limit was looked at */
    int64_t additional;
};
/* Judges limit l of row r at a level into *out when worse than what is there. */
void label_judge_limit(const struct label_case *c, const struct label_rowdef *r,
                       const struct label_limit *l, enum label_level level,
                       struct label_judged *out);
bool label_major(const struct label_policy *p, const struct label_group *g);
/* An attribute the evaluation plan declares, and the evaluator accepted, as predictor. */
bool label_predictor(const struct label_case *c, struct str attribute);
/* Value of PF-1's point limit at a level (OF_ROW); NaN when the row has none. */
double label_point_of(const struct label_policy *p, struct str row,
                      enum label_level level);
void label_split_param(struct str param, char base[64], enum label_part *part);
#endif
