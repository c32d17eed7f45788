/* SPDX-License-Identifier: Apache-2.0 */
/* What the label tests share: a policy of one row XX-1, evidence made from measures. */
#ifndef LABEL_TEST_SUPPORT_H
#define LABEL_TEST_SUPPORT_H

#include "base/clock.h"
#include "base/test.h"
#include "label/label.h"

#define ALL "[\"base\",\"intermediate\",\"advanced\"]"
/* Limits and measures of XX-1, as JSON text. */
#define L(param, op, value)                                                              \
    "{\"param\":\"" param "\",\"op\":\"" op "\",\"value\":" value ",\"levels\":" ALL     \
    ",\"origin\":\"P\"}"
#define LE(param, op, value, otherwise)                                                  \
    "{\"param\":\"" param "\",\"op\":\"" op "\",\"value\":" value ",\"levels\":" ALL     \
    ",\"origin\":\"P\",\"else_verdict\":\"" otherwise "\"}"
#define MRGI(row, name, group, est, lo, hi, n, pos)                                      \
    "{\"row\":\"" row "\",\"name\":\"" name "\",\"group\":\"" group                      \
    "\",\"threshold\":null,\"estimate\":" est ",\"ci95_low\":" lo ",\"ci95_high\":" hi   \
    ",\"ci_method\":\"\",\"n\":" n ",\"positives\":" pos ",\"seed\":\"1\"}"
#define MGI(name, group, est, lo, hi) MRGI("XX-1", name, group, est, lo, hi, "300", "100")
#define MG(name, group, est)          MGI(name, group, est, "null", "null")
#define MI(name, est, lo, hi)         MGI(name, "", est, lo, hi)
#define M(name, est)                  MG(name, "", est)
#define DEFINITIONS                                                                      \
    "\"definitions\":{\"major_group\":{\"n_min\":100,\"positives_min\":30,"              \
    "\"negatives_min\":30},\"legitimate_predictor\":{\"replaced_by\":["                  \
    "{\"param\":\"abs_citl_logit_per_band\",\"op\":\"le\",\"value\":0.3,\"levels\":" ALL \
    ",\"origin\":\"P\"},{\"param\":\"sensitivity_in_every_major_band\",\"op\":\"ge\","   \
    "\"value\":0.8,\"levels\":" ALL ",\"origin\":\"P\","                                 \
    "\"condition\":\"criticality = critical_diagnosis\"}]}}"
#define NA_REASONS                                                                       \
    "\"not_applicable_reasons\":[\"deterministic_solver\",\"output_not_probability\","   \
    "\"no_declared_threshold\",\"task_without_discrimination\","                         \
    "\"not_critical_diagnosis\"]"

enum { BENCH_RECORDS = 16 };
struct bench {
    struct diag d;
    struct label_policy *policy;
    struct label_result result;
    struct json_doc *doc[BENCH_RECORDS];
    size_t docs;
    const struct json *record, *evidence[BENCH_RECORDS];
    size_t n;
    int64_t at;
    bool logged; /* the evidence is what a log holds */
};

static inline const struct json *bench_parse(struct bench *b, const char *text)
{
    assert_true(b->docs < BENCH_RECORDS);
    assert_ok(json_parse(&b->doc[b->docs], str_c(text), NULL, &b->d));
    return json_root(b->doc[b->docs++]);
}

static inline void bench_record(struct bench *b, const char *text)
{
    b->record = bench_parse(b, text);
}

static inline void bench_policy(struct bench *b, const char *rows)
{
    static char text[65536];
    snprintf(text, sizeof text,
             "{\"schema\":\"amane/policy/1\",\"name\":{\"fr\":\"essai\",\"ar\":\"x\","
             "\"en\":\"test\"},\"national\":false,\"codes\":{\"critical\":[{\"system\":"
             "\"s\",\"code\":\"STROKE\"}]},\"matrix\":{\"evidence_max_age\":"
             "\"P12M\"," NA_REASONS "," DEFINITIONS ",\"rows\":[%s]}}",
             rows);
    label_policy_free(b->policy);
    b->policy = NULL;
    assert_ok(label_policy_new(&b->policy, bench_parse(b, text), &b->d));
}

static inline void bench_add(struct bench *b, const char *at, const char *measures)
{
    static char text[65536];
    snprintf(text, sizeof text,
             "{\"issued_at\":\"%s\",\"model_digest\":\"d\",\"dataset\":{\"sites\":["
             "{\"site\":\"a\",\"gst\":\"G1\"},{\"site\":\"b\",\"gst\":\"G2\"},"
             "{\"site\":\"c\",\"gst\":\"G1\"}]},\"measures\":[%s]}",
             at, measures);
    b->evidence[b->n++] = bench_parse(b, text);
}

static inline void bench_results(struct bench *b, const char *at, const char *results)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"issued_at\":\"%s\",\"model_digest\":\"d\",\"measures\":[],"
             "\"row_results\":%s}",
             at, results);
    b->evidence[b->n++] = bench_parse(b, text);
}

static inline void bench_empty(struct bench *b)
{
    *b = (struct bench){0};
    diag_init(&b->d);
    assert_ok(time_parse(STR("2026-11-01T00:00:00Z"), &b->at));
    bench_record(
        b, "{\"model_digest\":\"d\",\"criticality\":\"standard\",\"task\":\"binary\","
           "\"outputs\":[{\"threshold\":0.5}],\"intended_use\":{\"use_code\":\"U\"},"
           "\"evaluation_plan\":{\"output_scale\":\"probability\",\"thresholds\":[{}],"
           "\"declared_minima\":{\"specificity\":0.6,\"ppv\":0.5,\"npv\":0.4},"
           "\"declared_maxima\":{\"severe_false_negative_rate\":0.02},"
           "\"legitimate_predictors\":[{\"attribute\":\"age_band\"},"
           "{\"attribute\":\"sex\"}]}}");
}

static inline void bench_open(struct bench *b, const char *limits, const char *measures)
{
    static char rows[32768];
    bench_empty(b);
    snprintf(rows, sizeof rows,
             "{\"id\":\"XX-1\",\"level\":{\"base\":\"gate\",\"intermediate\":\"gate\","
             "\"advanced\":\"gate\"},\"limits\":[%s]}",
             limits);
    bench_policy(b, rows);
    bench_add(b, "2026-10-02T00:00:00Z", measures);
}

static inline void bench_close(struct bench *b)
{
    label_result_release(&b->result);
    label_policy_free(b->policy);
    for (size_t i = 0; i < b->docs; i++)
        json_free(b->doc[i]);
    diag_release(&b->d);
}

static inline void bench_judge(struct bench *b, enum label_level level)
{
    const struct label_from from = {.logged = b->logged};
    label_result_release(&b->result);
    assert_ok(label_evaluate_from(b->policy, b->record, b->evidence, b->n, &from, level,
                                  b->at, &b->result, &b->d));
}

static inline const struct label_row *row_of(struct bench *b, const char *id,
                                             enum label_level level)
{
    bench_judge(b, level);
    for (size_t i = 0; i < b->result.n; i++)
        if (!strcmp(b->result.row[i].id, id) && b->result.row[i].level == level)
            return &b->result.row[i];
    fail_msg("no row %s", id);
    return NULL;
}

static inline enum label_verdict verdict_of(struct bench *b, const char *id,
                                            enum label_level level)
{
    return row_of(b, id, level)->verdict;
}

#endif
