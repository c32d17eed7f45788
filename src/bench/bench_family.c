/* SPDX-License-Identifier: Apache-2.0 */
/* bench_family -- the functions of the family table: numbers, never verdicts. */
#include "bench/bench_priv.h"
#include "model/model.h"
#include "ledger/ledger.h"

const double bench_no_ci[2] = {NAN, NAN};

int bench_emit(struct bench_run *r, const char *row, const char *name, const char *group,
               double estimate, const double ci[2], const char *method, int64_t n,
               int64_t positives)
{
    struct bench_measure m = {.threshold = NAN,
                              .estimate = estimate,
                              .ci95 = {ci[0], ci[1]},
                              .n = n,
                              .positives = positives};
    snprintf(m.row, sizeof m.row, "%s", row);
    snprintf(m.name, sizeof m.name, "%s", name);
    snprintf(m.group, sizeof m.group, "%s", group);
    snprintf(m.ci_method, sizeof m.ci_method, "%s", method);
    return vec_push(&r->measure, m);
}

int bench_not_applicable(struct bench_run *r, const char *row, const char *reason)
{
    struct bench_na na;
    snprintf(na.row, sizeof na.row, "%s", row);
    snprintf(na.reason, sizeof na.reason, "%s", reason);
    return vec_push(&r->na, na);
}

static int emit_at(struct bench_run *r, const char *row, const char *name,
                   const char *group, double estimate, const double ci[2],
                   const char *method, int64_t n, int64_t positives, double threshold)
{
    int err = bench_emit(r, row, name, group, estimate, ci, method, n, positives);
    if (!err)
        r->measure.v[r->measure.n - 1].threshold = threshold;
    return err;
}

int bench_fact(struct bench_run *r, const char *row, const char *name, double value,
               const char *how)
{
    return bench_emit(r, row, name, "", value, bench_no_ci, how, (int64_t)r->used, 0);
}

/* ---- identity
 * ---------------------------------------------------------------------------------- */
static double missing_fields(const struct bench_run *r, bool *na)
{
    double missing = 0;
    struct str type = json_get_str(r->record, "model_type");
    *na = true;
#define X(field)                                                                         \
    {                                                                                    \
        const struct json *v = json_get(r->record, field);                               \
        struct str why = json_get_str(v, "na");                                          \
        missing += !v || json_type(v) == JSON_NULL;                                      \
        if (why.p)                                                                       \
            *na &= model_na_allowed(type, field, why);                                   \
    }
    BENCH_HYPER_MAP(X)
#undef X
    return missing;
}

static double missing_plan(const struct bench_run *r)
{
    double missing = 0;
#define X(pointer)                                                                       \
    {                                                                                    \
        const struct json *v = json_pointer(r->record, STR(pointer));                    \
        missing += !v || json_type(v) == JSON_NULL ||                                    \
                   (json_type(v) == JSON_STRING && !json_str(v).n);                      \
    }
    BENCH_PLAN_MAP(X)
#undef X
    return missing;
}

/* Strictly before: a plan of the same second could have been written knowing the data. */
static bool dated_before(const struct bench_run *r)
{
    int64_t plan, frozen, unsealed;
    if (time_parse(json_get_str(r->record, "issued_at"), &plan) ||
        time_parse(json_get_str(json_get(r->manifest, "threshold"), "frozen_at"),
                   &frozen) ||
        time_parse(json_get_str(r->manifest, "unsealed_at"), &unsealed))
        return false;
    if (r->first_use_at) /* the log of a sealed set knows better than the manifest */
        unsealed = AM_MIN(unsealed, r->first_use_at);
    return plan < unsealed && frozen < unsealed;
}

bool bench_untold_first_use(const struct bench_run *r)
{
    return r->kept_csv && bench_sealed_any(r);
}

static bool tested_is_deployed(const struct bench_run *r)
{
    char hex[CRYPTO_HEX];
    struct str deployed = json_get_str(r->manifest, "deployed_sha256");
    crypto_hex(r->model_sha256, 32, hex);
    return r->model_declared && (!deployed.n || str_eqc(deployed, hex));
}

/* A service whose file nobody has seen: not known, which is no pass (ruling R-18). */
static int weights_identity(struct bench_run *r)
{
    const char *how = r->served ? "weights_out_of_sight" : "sha256";
    double unknown = r->served ? NAN : 0;
    int err = bench_fact(r, "ID-2", "file_hash_match", r->model_declared + unknown, how);
    if (!err)
        err = bench_fact(r, "ID-2", "canonical_weight_hash_match",
                         r->canonical_match + unknown, how);
    return err ? err
               : bench_fact(r, "ID-2", "tested_equals_deployed",
                            tested_is_deployed(r) + unknown, how);
}

int bench_identity(struct bench_run *r)
{
    bool na;
    double missing = missing_fields(r, &na);
    int err = bench_fact(r, "ID-1", "schema_valid", 1, "schema/version-1.json");
    if (!err) /* the registry refuses a second use of an id; here: its check character */
        err =
            bench_fact(r, "ID-1", "id_unique",
                       ledger_algorithm_id_valid(json_get_str(r->record, "algorithm_id")),
                       "check-character");
    if (!err)
        err = weights_identity(r);
    if (!err)
        err = bench_fact(r, "ID-3", "missing_metadata_fields", missing, "presence");
    if (!err)
        err = bench_fact(r, "ID-3", "na_reason_allowed", na, "table");
    if (!err)
        err = bench_fact(r, "ID-4", "missing_plan_fields", missing_plan(r), "presence");
    if (!err && !bench_untold_first_use(r))
        err = bench_fact(r, "ID-4", BENCH_DATED_BEFORE, dated_before(r), "timestamps");
    return err;
}

/* ---- data
 * -----------------------------------------------------------------------------------------
 */
static int64_t positives(const struct bench_run *r)
{
    int64_t m = 0;
    for (size_t i = 0; i < r->set.n; i++)
        m += r->set.v[i].positives;
    return m;
}

/* DA-2, when the manifest says when the outcomes were known; a row without both times is
 * not shown to be prospective. */
static int prospective(struct bench_run *r)
{
    const double *v = bench_extra(r, "case:prospective");
    int64_t yes = 0;
    struct stat_ci w;
    if (!v)
        return bench_fact(r, "DA-2", "prospective_share", NAN, "no_outcome_times");
    for (size_t i = 0; i < r->used; i++)
        yes += v[r->of[i]] == 1;
    w = stat_wilson(yes, (int64_t)r->used);
    return bench_emit(
        r, "DA-2", "prospective_share", "", stat_proportion(yes, (int64_t)r->used),
        (const double[2]){w.lo, w.hi}, "wilson", (int64_t)r->used, positives(r));
}

int bench_data(struct bench_run *r)
{
    int64_t n = (int64_t)r->used, m = positives(r);
    int err = bench_emit(r, "DA-1", "n", "", (double)n, bench_no_ci, "count", n, m);
    if (!err)
        err =
            bench_emit(r, "DA-1", "positives", "", (double)m, bench_no_ci, "count", n, m);
    if (!err)
        err = bench_emit(r, "DA-1", "negatives", "", (double)(n - m), bench_no_ci,
                         "count", n, m);
    for (size_t i = 0; i < r->set.n && !err; i++) {
        const struct bench_set *s = &r->set.v[i];
        char group[160];
        snprintf(group, sizeof group, "site=%.*s", STR_FMT(s->site));
        err = bench_emit(r, "DA-1", "site_n", group, (double)s->n, bench_no_ci, "count",
                         s->n, s->positives);
        if (!err)
            err = bench_emit(r, "DA-1", "site_positives", group, (double)s->positives,
                             bench_no_ci, "count", s->n, s->positives);
    }
    if (!err)
        err = bench_emit(r, "DA-3", "patient_overlap", "",
                         r->overlap < 0 ? NAN : (double)r->overlap, bench_no_ci,
                         r->leakage, n, m);
    if (!err)
        err = bench_emit(r, "DA-3", "duplicate_rows", "", (double)r->duplicates,
                         bench_no_ci, "count", n, m);
    if (!err)
        err = bench_emit(r, "DA-3", "site_overlap", "", (double)r->site_overlap,
                         bench_no_ci, "count", n, m);
    if (!err)
        err = bench_emit(r, "DA-3", "largest_single_input_auc", "", r->single_auc,
                         bench_no_ci, "mann-whitney", n, m);
    return err ? err : prospective(r);
}

/* ---- performance
 * ------------------------------------------------------------------------------------ */
int bench_more_positives(struct bench_run *r, const char *row, const char *name,
                         const char *group, const struct bench_slice *p, bool auc)
{
    static const double bound[] = BENCH_BOUNDS;
    char full[64];
    int err = AM_OK;
    snprintf(full, sizeof full, "%s.additional_positives", name);
    for (size_t i = 0; i < AM_LEN(bound) && !err; i++) {
        int64_t more;
        double point = auc ? p->auc.auc : p->b.sensitivity.value,
               low = auc ? p->gate.lo : p->b.sensitivity.wilson.lo;
        if (stat_absent(point) || !(point > bound[i]) || low > bound[i])
            continue; /* holds already, or never will at this point */
        if (auc) {
            more = stat_more_positives_auc(point, bound[i], p->auc.n_pos, p->auc.n_neg);
        } else {
            more = stat_trials_for_proportion(point, bound[i], false);
            more = more == STAT_NEVER ? more : more - p->b.sensitivity.n;
        }
        if (more == STAT_NEVER)
            continue;
        more = AM_MAX(more, 1); /* the interval at hand says: not yet */
        err = emit_at(r, row, full, group, (double)more, bench_no_ci,
                      auc ? "hanley-mcneil" : "wilson", p->auc.n, p->auc.n_pos, bound[i]);
    }
    return err;
}

static int rate(struct bench_run *r, const char *row, const char *name, const char *group,
                const struct stat_rate *v, int64_t m)
{
    const double ci[2] = {v->wilson.lo, v->wilson.hi};
    return emit_at(r, row, name, group, v->value, ci, "wilson", v->n, m, r->threshold);
}

static int auc_of(struct bench_run *r, const char *row, const char *name,
                  const char *group, const struct bench_slice *p)
{
    const double ci[2] = {p->gate.lo, p->gate.hi};
    return bench_emit(r, row, name, group, p->auc.auc, ci, p->method, p->auc.n,
                      p->auc.n_pos);
}

/* The bound a gate is compared with, as a measure of its own. */
static int low_of(struct bench_run *r, const char *row, const char *name,
                  const char *group, const struct bench_slice *p, bool auc)
{
    struct stat_ci ci = auc ? p->gate : p->b.sensitivity.wilson;
    const double both[2] = {ci.lo, ci.hi};
    int err = emit_at(r, row, name, group, ci.lo, both, auc ? p->method : "wilson",
                      p->auc.n, p->auc.n_pos, auc ? NAN : r->threshold);
    return err ? err : bench_more_positives(r, row, name, group, p, auc);
}

static int slice_measures(struct bench_run *r, const char *group,
                          const struct bench_slice *p, bool bounds)
{
    int64_t m = p->auc.n_pos;
    int err = auc_of(r, "PF-1", "auc", group, p);
    if (!err)
        err = bench_emit(r, "PF-1", "brier", group, p->b.brier, bench_no_ci, "", p->auc.n,
                         m);
    if (!err && bounds)
        err = low_of(r, "PF-2", "auc_ci95_low", group, p, true);
    if (!err)
        err = rate(r, "PF-3", "sensitivity", group, &p->b.sensitivity, m);
    if (!err && bounds)
        err = low_of(r, "PF-3", "sensitivity_ci95_low", group, p, false);
    if (!err)
        err = rate(r, "PF-4", "specificity", group, &p->b.specificity, m);
    if (!err)
        err = rate(r, "PF-4", "ppv", group, &p->b.ppv, m);
    if (!err)
        err = rate(r, "PF-4", "npv", group, &p->b.npv, m);
    return err ? err : bench_more_rates(r, group, p);
}

/* ---- several sites
 * -----------------------------------------------------------------------------------------
 */
static int multi_site(struct bench_run *r)
{
    int64_t distinct = 0;
    int err = AM_OK;
    for (size_t i = 0; i < r->set.n && !err; i++) {
        struct bench_slice p;
        char group[160];
        bool before = false;
        for (size_t k = 0; k < i; k++)
            before |= str_eq(r->set.v[k].gst, r->set.v[i].gst);
        if (before)
            continue;
        distinct++;
        snprintf(group, sizeof group, "gst=%.*s", STR_FMT(r->set.v[i].gst));
        err = bench_slice(r, BENCH_GST, i, 0, &p);
        if (!err)
            err = auc_of(r, "MS-1", "each_gst_auc", group, &p);
        if (!err)
            err = low_of(r, "MS-1", "each_gst_auc_ci95_low", group, &p, true);
    }
    return err ? err : bench_fact(r, "MS-1", "distinct_gst", (double)distinct, "count");
}

int bench_performance(struct bench_run *r)
{
    struct bench_slice p;
    char group[160];
    int err = bench_slice(r, BENCH_ALL, 0, 0, &p);
    if (!err)
        err = slice_measures(r, "", &p, true);
    if (!err)
        err = bench_scalars(r, BENCH_ALL, 0, 0, "", &p);
    for (size_t i = 0; i < r->set.n && !err; i++) {
        snprintf(group, sizeof group, "site=%.*s", STR_FMT(r->set.v[i].site));
        err = bench_slice(r, BENCH_SITE, i, 0, &p);
        if (!err)
            err = slice_measures(r, group, &p, false);
        if (!err)
            err = bench_scalars(r, BENCH_SITE, i, i + 1, group, &p);
    }
    for (size_t a = 0; a < r->attribute.n; a++)
        for (size_t v = 0; v < r->attribute.v[a].value.n && !err; v++) {
            snprintf(group, sizeof group, "%s=%s", r->attribute.v[a].name,
                     r->attribute.v[a].value.v[v]);
            if (r->attribute.v[a].context)
                continue; /* row RB-6 */
            err = bench_slice(r, BENCH_GROUP, a, v, &p);
            if (!err && p.auc.n >= BENCH_SHOWN_MIN)
                err = slice_measures(r, group, &p, false);
        }
    if (!err)
        err = bench_severe(r);
    if (!err)
        err = bench_calibration(r);
    if (!err)
        err = bench_versus(r);
    if (!err)
        err = multi_site(r);
    return err ? err : bench_pooled(r);
}

/* ---- equity: the table
 * --------------------------------------------------------------------------------- */
/* Share of used rows whose group is not known; 1 when nobody declares the attribute. */
static double missing_share(const struct bench_run *r, const struct bench_attribute *a)
{
    size_t missing = 0;
    if (!a || !r->used)
        return 1;
    for (size_t i = 0; i < r->used; i++)
        missing += a->id[r->of[i]] == BENCH_NO_GROUP;
    return (double)missing / (double)r->used;
}

static int group_table(struct bench_run *r, const struct bench_attribute *a)
{
    char group[160];
    int64_t hidden = 0;
    int err = AM_OK;
    for (size_t v = 0; v < a->value.n && !err; v++) {
        int64_t n = 0, m = 0;
        struct stat_ci w;
        for (size_t i = 0; i < r->used; i++)
            if (a->id[r->of[i]] == v) {
                n++;
                m += r->y[i];
            }
        hidden += n > 0 && n < BENCH_SHOWN_MIN;
        if (n < BENCH_SHOWN_MIN)
            continue;
        w = stat_wilson(m, n);
        snprintf(group, sizeof group, "%s=%s", a->name, a->value.v[v]);
        err = bench_emit(r, "EQ-1", "prevalence", group, stat_proportion(m, n),
                         (const double[2]){w.lo, w.hi}, "wilson", n, m);
    }
    if (!err)
        err = bench_emit(r, "EQ-1", "missing_share", a->name, missing_share(r, a),
                         bench_no_ci, "count", (int64_t)r->used, positives(r));
    if (!err)
        err = bench_emit(r, "EQ-1", "groups_not_shown", a->name, (double)hidden,
                         bench_no_ci, "count", (int64_t)r->used, positives(r));
    return err;
}

int bench_equity_documentation(struct bench_run *r)
{
    const struct bench_attribute *sex = bench_attribute(r, "sex"),
                                 *age = bench_attribute(r, "age_band");
    double a = missing_share(r, sex), b = missing_share(r, age);
    bool table = sex && age && sex->declared == r->set.n && age->declared == r->set.n;
    int err = bench_fact(r, "EQ-1", "group_table_sex_and_age", table, "presence");
    if (!err)
        err = bench_fact(r, "EQ-1", "missing_attribute_share", fmax(a, b), "count");
    for (size_t i = 0; i < r->attribute.n && !err; i++)
        if (!r->attribute.v[i].context)
            err = group_table(r, &r->attribute.v[i]);
    return err;
}
