/* SPDX-License-Identifier: Apache-2.0 */
/* label_tbl -- the words the matrix may use. A construct that is not here is refused when
 * a policy is read, so that no limit is ever skipped for being misunderstood. */
#ifndef LABEL_TBL_H
#define LABEL_TBL_H

#define LABEL_LEVEL_MAP(X)                                                               \
    X(NONE, "none")                                                                      \
    X(BASE, "base") X(INTERMEDIATE, "intermediate") X(ADVANCED, "advanced")

#define LABEL_VERDICT_MAP(X)                                                             \
    X(PASS, "pass")                                                                      \
    X(FAIL, "fail")                                                                      \
    X(INSUFFICIENT, "insufficient")                                                      \
    X(NOT_APPLICABLE, "not_applicable")                                                  \
    X(DOCUMENTED, "documented")                                                          \
    X(NOT_REQUIRED, "not_required")

/* X(id, name, holds): a is the value measured, b that of the limit. Unrounded doubles; gt
 * and lt strict. IN compares with two values and is done by hand. */
#define LABEL_OP_MAP(X)                                                                  \
    X(GE, "ge", a >= b)                                                                  \
    X(GT, "gt", a > b)                                                                   \
    X(LE, "le", a <= b)                                                                  \
    X(LT, "lt", a < b)                                                                   \
    X(EQ, "eq", a == b)                                                                  \
    X(IN, "in", false)

/* Why a verdict is what it is: stable codes, texts in the catalogues. */
#define LABEL_REASON_MAP(X)                                                              \
    X(NONE, "")                                                                          \
    X(BELOW, "below_limit")                                                              \
    X(ABOVE, "above_limit")                                                              \
    X(DIFFERS, "differs_from_limit")                                                     \
    X(OUTSIDE, "outside_range")                                                          \
    X(INTERVAL, "interval_cannot_decide")                                                \
    X(NO_EVIDENCE, "no_evidence")                                                        \
    X(TOO_OLD, "evidence_too_old")                                                       \
    X(NO_MEASURE, "no_measure")                                                          \
    X(NO_VALUE, "no_value")                                                              \
    X(NO_INTERVAL, "no_interval")                                                        \
    X(NO_MINIMUM, "no_declared_minimum")                                                 \
    X(NO_MAXIMUM, "no_declared_maximum")                                                 \
    X(NA_REFUSED, "not_applicable_refused")                                              \
    X(FEW_GROUPS, "too_few_major_groups")                                                \
    X(SMALL_GROUPS, "small_groups")                                                      \
    X(COMMENT, "comment_required")                                                       \
    X(NOT_CRITICAL, "not_critical_diagnosis")

/* Types of change a plan may foresee (field 44). The vocabulary is that of the FDA's
 * guidance on predetermined change control plans (December 2024): changes of quantitative
 * performance, of inputs, of use inside the intended use; to which come changes around
 * the weights. X(name, floor): families of the matrix that must always be measured again
 * on the new weights, whatever the plan says. */
#define LABEL_CHANGE_MAP(X)                                                              \
    X("retraining", "identity data performance robustness equity reproducibility")       \
    X("recalibration", "identity performance equity")                                    \
    X("threshold_change", "identity performance equity")                                 \
    X("performance_tuning", "identity performance robustness equity reproducibility")    \
    X("input_source_extension", "identity data performance robustness multi_site")       \
    X("input_range_extension", "identity data performance robustness equity")            \
    X("population_extension", "identity data performance robustness equity multi_site")  \
    X("software_update", "identity performance cybersecurity")

/* A param that stands for several measures, each judged by itself. */
#define LABEL_COMPOSITE_MAP(X) X("specificity_ppv_npv", "specificity ppv npv")

/* Readings of definitions.major_group.otherwise and definitions.legitimate_predictor of
 * matrix 0.2.0, which says them in prose; a policy may state them as the members
 * compulsory_attributes, small_share_max and never_predictor. */
#define LABEL_COMPULSORY      "sex age_band"
#define LABEL_SMALL_SHARE_MAX 0.20
#define LABEL_NEVER_PREDICTOR "sex site gst insurance_scheme origin ethnic_origin"

#endif
