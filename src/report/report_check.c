/* SPDX-License-Identifier: Apache-2.0 */
/* report_check -- what schemas cannot say: rows once a level, intervals that hold what
 * they bound, counts that fit, a level that its rows allow, evidence that agrees. */
#include "report/report_priv.h"

#include "base/base.h"
#include "label/label.h"

static bool ordered(double lo, double hi)
{
    return isnan(lo) || isnan(hi) || lo <= hi;
}

static void check_measure(const struct json *m, size_t i, struct diag *d)
{
    char path[64];
    double lo = report_num(m, "ci95_low"), hi = report_num(m, "ci95_high");
    snprintf(path, sizeof path, "/summary/measures/%zu", i);
    if (!ordered(lo, hi)) /* a ratio may have no upper bound */
        diag_err(d, path, "report.interval", "%.*s", STR_FMT(json_get_str(m, "name")));
}

/* A measure's n is its own denominator; a table's is all its people. */
static void check_counts(const struct json *v, const char *path, struct diag *d)
{
    int64_t n = json_int(json_get(v, "n"), 0),
            positives = json_int(json_get(v, "positives"), 0);
    if (positives > n)
        diag_err(d, path, "report.counts", "%lld > %lld", (long long)positives,
                 (long long)n);
}

static void check_rows(const struct report *r, struct diag *d)
{
    const struct json *list = json_get(r->summary, "requirements");
    enum label_level reached;
    char path[64];
    if (label_level_parse(json_get_str(r->summary, "level"), &reached))
        reached = LABEL_NONE;
    for (json_each(it, list)) {
        const struct json *ci = json_get(it.val, "ci95");
        struct str id = json_get_str(it.val, "id"),
                   verdict = json_get_str(it.val, "verdict");
        enum label_level level = LABEL_ADVANCED;
        snprintf(path, sizeof path, "/summary/requirements/%zu", it.i);
        if (label_level_parse(json_get_str(it.val, "level"), &level))
            continue;
        for (json_each(other, list)) {
            if (other.i >= it.i)
                break;
            if (str_eq(json_get_str(other.val, "id"), id) &&
                str_eq(json_get_str(other.val, "level"), json_get_str(it.val, "level")))
                diag_err(d, path, "report.twice", "%.*s", STR_FMT(id));
        }
        if (json_size(ci) == 2 &&
            !ordered(json_num(json_at(ci, 0), NAN), json_num(json_at(ci, 1), NAN)))
            diag_err(d, path, "report.interval", "%.*s", STR_FMT(id));
        if (level <= reached &&
            (str_eqc(verdict, "insufficient") ||
             (str_eqc(verdict, "fail") && json_get_str(it.val, "op").n)))
            diag_err(d, path, "report.level", "%.*s", STR_FMT(id));
    }
}

void report_check(const struct report *r, struct diag *d)
{
    const struct json *requested = json_get(r->summary, "requested_level");
    enum label_level asked = LABEL_NONE, reached = LABEL_NONE;
    if (json_size(json_get(r->summary, "requirements")) > 1000 ||
        json_size(r->measures) > REPORT_MEASURES_MAX) {
        diag_err(d, "/summary", "report.too_many", "%zu", json_size(r->measures));
        return;
    }
    if (!label_level_parse(json_str(requested), &asked) &&
        !label_level_parse(json_get_str(r->summary, "level"), &reached) &&
        reached > asked)
        diag_err(d, "/summary/level", "report.level", "%.*s",
                 STR_FMT(json_get_str(r->summary, "level")));
    check_rows(r, d);
    for (json_each(it, r->measures))
        check_measure(it.val, it.i, d);
    check_counts(json_get(r->summary, "dataset"), "/summary/dataset", d);
    for (json_each(it, json_get(r->summary, "subgroups")))
        check_counts(it.val, "/summary/subgroups", d);
    for (json_each(it, json_get(r->curves, "roc")))
        check_counts(it.val, "/curves/roc", d);
}

/* The same thing, and the same figures, null and all. */
static bool same(const struct json *a, const struct json *b)
{
    static const char *const word[] = {"row", "name", "group", "ci_method"};
    static const char *const figure[] = {"estimate", "ci95_low", "ci95_high", "n",
                                         "positives"};
    for (size_t i = 0; i < AM_LEN(word); i++)
        if (!str_eq(json_get_str(a, word[i]), json_get_str(b, word[i])))
            return false;
    for (size_t i = 0; i < AM_LEN(figure); i++) {
        double x = report_num(a, figure[i]), y = report_num(b, figure[i]);
        if (!(x == y || (isnan(x) && isnan(y))))
            return false;
    }
    return true;
}

void report_check_evidence(const struct report *r, const struct json *evidence,
                           const char *file, struct diag *d)
{
    const struct json *list = json_get(evidence, "measures");
    char path[160];
    size_t found = 0;
    if (!str_eq(json_get_str(evidence, "model_digest"),
                json_get_str(r->summary, "model_digest")))
        diag_err(d, file, "report.other_model", "%.*s",
                 STR_FMT(json_get_str(evidence, "model_digest")));
    /* the bench writes both in one order: one walk finds them all */
    const struct json **wanted = am_calloc(json_size(list) + 1, sizeof *wanted);
    if (!wanted) {
        diag_err(d, file, "file", "%s", am_err_text(AM_E_NOMEM));
        return;
    }
    for (json_each(it, list))
        wanted[it.i] = it.val;
    for (json_each(it, r->measures))
        if (wanted[found] && same(wanted[found], it.val))
            found++;
    if (wanted[found]) {
        snprintf(path, sizeof path, "%s/measures/%zu", file, found);
        diag_err(d, path, "report.differs", "%.*s %.*s",
                 STR_FMT(json_get_str(wanted[found], "row")),
                 STR_FMT(json_get_str(wanted[found], "name")));
    }
    free(wanted);
}
