/* SPDX-License-Identifier: Apache-2.0 */
/* label -- verdict = policy(evidence): a pure function, so that anyone can recompute it.
 *
 * The policy file (schema/policy-1.json, first content policy/demo-1.json) holds the
 * requirement matrix (rows, limits per level, definitions; label-matrix.md), the quorum,
 * the signing rules, the waived checks, terms and clocks. This module reads only the
 * matrix part; `ledger` reads the signing part. No threshold lives in code: limits name a
 * `param`, the evidence measures give its estimate and interval, the operator compares
 * unrounded doubles.
 *
 * Verdict of a row at a level: fail, then insufficient, then pass (the worst limit wins);
 * not_applicable only with an accepted reason; documented where the level does not gate.
 * `insufficient` never passes a gate and says how many more positives would be needed.
 * A gate row without evidence is `insufficient` with reason `no_evidence`, never silent.
 *
 * Memory:  results own their strings. Threads: policies are immutable; calls reentrant.
 */
#ifndef LABEL_H
#define LABEL_H

#include "base/diag.h"
#include "json/json.h"

enum label_level {
    LABEL_NONE,
    LABEL_BASE,
    LABEL_INTERMEDIATE,
    LABEL_ADVANCED,
    LABEL_LEVELS
};
enum label_verdict {
    LABEL_PASS,
    LABEL_FAIL,
    LABEL_INSUFFICIENT,
    LABEL_NOT_APPLICABLE,
    LABEL_DOCUMENTED,
    LABEL_NOT_REQUIRED
};
const char *label_level_name(enum label_level l);     /* "none", "base"... */
const char *label_verdict_name(enum label_verdict v); /* "pass"... */
AM_CHECK int label_level_parse(struct str s, enum label_level *out);

struct label_policy;
/* doc is a policy document, or a bare matrix (design/label-matrix.json: a proposal, hence
 * never national); it is copied. AM_E_INVALID with problems in d. */
AM_CHECK int label_policy_new(struct label_policy **out, const struct json *doc,
                              struct diag *d);
void label_policy_free(struct label_policy *p);
struct str label_policy_name(const struct label_policy *p);
/* false: a demonstration policy, whose outcome may never be called the national label. */
bool label_policy_national(const struct label_policy *p);
size_t label_policy_rows(const struct label_policy *p);
/* The JSON of row i as in the matrix (id, family, level, limits...). */
const struct json *label_policy_row(const struct label_policy *p, size_t i);
/* Is the row (of the matrix) a fact about what was posted (ID-5, below)? Then nobody is
 * asked for evidence of it. */
bool label_row_computed(const struct json *row);

struct label_row {
    char id[16];            /* "PF-1" */
    enum label_level level; /* the level judged */
    enum label_verdict verdict;
    const char *reason;               /* stable code, "" when none */
    double value, ci95[2], threshold; /* of the limit that decided; NaN: none */
    const char *param, *op;           /* of that limit; "" when none */
    int64_t additional_positives;     /* -1: not computed */
};
struct label_result {
    enum label_level reached; /* highest level all of whose gates hold, <= requested */
    const char *outcome;      /* "granted", "deferred", "refused" */
    struct label_row *row;    /* every row at every level up to the requested one */
    size_t n;
    char **undemonstrated; /* "attribute=group" */
    size_t n_undemonstrated;
    char **code; /* the words rows point to */
    size_t n_codes;
};
/* record: the version record; evidence: evidence records (amane_record) for that digest,
 * any order: the newest one per (row, measure, group, site) counts. at: the instant of
 * judging (evidence older than the policy's maximum is ignored, reason
 * `evidence_too_old`). */
AM_CHECK int label_evaluate(const struct label_policy *p, const struct json *record,
                            const struct json *const *evidence, size_t n,
                            enum label_level requested, int64_t at,
                            struct label_result *out, struct diag *d);
void label_result_release(struct label_result *r);

/* ---- changes foreseen (label_change.c; field 44, lifecycle.md V20) ----
 * A plan that a commission approved lets new weights stand on evidence of the version
 * they change, for the rows that the change does not touch. `change` is the item of that
 * plan: {type, tests [row], families [family], acceptance [{row, measure, op, value}]}.
 */
struct label_from {
    struct str parent; /* model_digest of the version changed; empty: none */
    const struct json *change;
    bool logged; /* the evidence is all that a log holds of the version */
};
const char *label_change_name(size_t i); /* "retraining"...; NULL past the last */
bool label_change_known(struct str type);
bool label_family_known(const struct label_policy *p, struct str family);
/* Must evidence on that row be of the new weights? Yes for the rows and families the
 * change names, those its type always asks (label_tbl.h), those it sets limits to, and
 * for a row the policy does not know. */
bool label_rerun(const struct label_policy *p, const struct json *change, struct str row);
/* As label_evaluate(); evidence may also be of from->parent: it counts for rows that
 * need not be run again and of which there is no evidence of the record's own digest, old
 * or new, and for nothing else. from NULL: none may.
 *
 * Row ID-5 (a limit on `auto_rows_with_value_or_reason`) is a fact about what was posted,
 * so no bench can measure it: it is computed here when the evidence is what a log holds
 * (from->logged), and has none otherwise. It is the share, of the rows of mode `auto` the
 * level asks besides itself, of which the log has for each limit of the level a value, or
 * the word for why there is none (a measure without estimate whose ci_method is not empty
 * nor "none"), or an accepted reason why the row cannot apply. What evidence itself says
 * of that param counts for nothing. */
AM_CHECK int label_evaluate_from(const struct label_policy *p, const struct json *record,
                                 const struct json *const *evidence, size_t n,
                                 const struct label_from *from,
                                 enum label_level requested, int64_t at,
                                 struct label_result *out, struct diag *d);
/* Do the limits the plan sets to this change hold? Each needs the newest own measure of
 * its row and name, for everybody (no group). *failed: the first that does not; SIZE_MAX:
 * all hold. */
void label_accept(const struct json *change, struct str model_digest,
                  const struct json *const *evidence, size_t n, size_t *failed);
/* {policy, requested_level, level, outcome, national, requirements: [{id, level, verdict,
 * value, ci95, threshold, op, param, reason, additional_positives}],
 * undemonstrated_groups} */
void label_result_json(const struct label_policy *p, const struct label_result *r,
                       enum label_level requested, struct jw *w);

#endif
