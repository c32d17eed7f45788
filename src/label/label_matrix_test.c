/* SPDX-License-Identifier: Apache-2.0 */
/* The whole matrix of the design folder: every construct is understood, evidence that
 * meets every limit reaches advanced, and the judgement is monotonic: stricter limits,
 * worse or fewer measures never give more. */
#include <math.h>

#include "base/log.h"
#include "embed/embed.h"
#include "label/label_test_support.h"

enum { FACTS_MAX = 400 };
struct fact {
    char row[16], name[80], group[40];
    double value, lo, hi;
};
static struct fact fact[FACTS_MAX];
static size_t facts;

static const struct json *embedded(struct bench *b, const char *path)
{
    const struct embed_file *f = embed_find(path);
    assert_non_null(f);
    return bench_parse(b, (const char *)f->data);
}

static void put(struct str row, struct str name, const char *group, double value)
{
    assert_true(facts < FACTS_MAX);
    for (size_t i = 0; i < facts; i++)
        if (str_eqc(row, fact[i].row) && str_eqc(name, fact[i].name) &&
            !strcmp(group, fact[i].group))
            return;
    snprintf(fact[facts].row, sizeof fact[0].row, "%.*s", STR_FMT(row));
    snprintf(fact[facts].name, sizeof fact[0].name, "%.*s", STR_FMT(name));
    snprintf(fact[facts].group, sizeof fact[0].group, "%s", group);
    fact[facts].value = fact[facts].lo = fact[facts].hi = value;
    facts++;
}

/* The value of a limit at its strictest, comfortably met. */
static double meets(const struct json *limit)
{
    const struct json *v = json_get(limit, "value");
    struct str op = json_get_str(limit, "op");
    double x = json_num(v, json_bool(v, false));
    if (json_type(v) == JSON_ARRAY)
        return (json_num(json_at(v, 0), 0) + json_num(json_at(v, 1), 0)) / 2;
    if (json_type(v) == JSON_STRING && str_double(json_str(v), &x))
        x = str_starts(json_str(v), STR("declared_max")) ? 0.001 : 0.9;
    if (str_eqc(op, "ge") || str_eqc(op, "gt"))
        return x + (x >= 1 ? 1 : 0.04);
    return str_eqc(op, "eq") ? x : x / 2;
}

/* Measures that meet every limit of every row at advanced. */
static void gather(const struct json *matrix)
{
    static const char *const groups[] = {"sex=F", "sex=M", "age_band=a", "age_band=b"};
    facts = 0;
    for (json_each(row, json_get(matrix, "rows"))) {
        struct str id = json_get_str(row.val, "id");
        put(id, STR("shown"), "", 1);
        for (json_each(it, json_get(row.val, "limits"))) {
            struct str param = json_get_str(it.val, "param");
            bool advanced = false;
            for (json_each(l, json_get(it.val, "levels")))
                advanced |= json_str_is(l.val, "advanced");
            if (!advanced)
                continue;
            if (str_starts(param, STR("specificity_ppv_npv"))) {
                put(id, STR("specificity"), "", 0.9);
                put(id, STR("ppv"), "", 0.9);
                put(id, STR("npv"), "", 0.9);
            } else if (str_starts(param, STR("each_gst_")) ||
                       str_starts(param, STR("site_"))) {
                put(id, param, "site=a", meets(it.val));
                put(id, param, "site=b", meets(it.val));
            } else {
                put(id, param, "", meets(it.val));
            }
        }
    }
    for (size_t i = 0; i < AM_LEN(groups); i++)
        put(STR("PF-1"), STR("auc"), groups[i], 0.9);
    put(STR("DA-1"), STR("positives"), "", 500); /* limits of lower levels only */
    put(STR("DA-1"), STR("negatives"), "", 500);
    put(STR("DA-1"), STR("n"), "", 2000);
}

static void write_facts(struct bench *b, size_t without, size_t worse)
{
    static char text[262144];
    size_t n = 0;
    for (size_t i = 0; i < facts; i++) {
        double v = fact[i].value;
        if (i == without)
            continue;
        if (i == worse)
            v = v > 0.5 ? -1e6 : 1e6; /* wrong for every operator the fact serves */
        n += (size_t)snprintf(
            text + n, sizeof text - n,
            "%s{\"row\":\"%s\",\"name\":\"%s\",\"group\":\"%s\",\"threshold\":"
            "null,\"estimate\":%.17g,\"ci95_low\":%.17g,\"ci95_high\":%.17g,"
            "\"ci_method\":\"\",\"n\":400,\"positives\":200,\"seed\":\"1\"}",
            n ? "," : "", fact[i].row, fact[i].name, fact[i].group, v, v, v);
    }
    assert_true(n < sizeof text);
    if (b->n)
        json_free(b->doc[--b->docs]);
    b->n = 0;
    {
        static char record[300000];
        snprintf(
            record, sizeof record,
            "{\"issued_at\":\"2026-10-02T00:00:00Z\",\"model_digest\":\"d\",\"dataset\":"
            "{\"sites\":[{\"site\":\"a\",\"gst\":\"G1\"},{\"site\":\"b\",\"gst\":\"G2\"}]"
            "},"
            "\"measures\":[%s]}",
            text);
        b->evidence[b->n++] = bench_parse(b, record);
    }
}

static void open_matrix(struct bench *b)
{
    const struct json *matrix;
    bench_empty(b);
    bench_record(
        b, "{\"model_digest\":\"d\",\"criticality\":\"critical_diagnosis\","
           "\"evaluation_plan\":{\"declared_minima\":{\"specificity\":0.6,\"ppv\":0.5,"
           "\"npv\":0.5},\"declared_maxima\":{\"severe_false_negative_rate\":0.02}}}");
    matrix = embedded(b, "policy/label-matrix.json");
    assert_ok(label_policy_new(&b->policy, matrix, &b->d));
    gather(matrix);
    write_facts(b, SIZE_MAX, SIZE_MAX);
}

static void the_matrix_is_understood_to_the_last_word(void **state)
{
    static const int gates[] = {18, 41, 49}; /* counts.gates of the matrix */
    static const char *const level[] = {"base", "intermediate", "advanced"};
    struct bench b;
    (void)state;
    open_matrix(&b);
    assert_int_equal(label_policy_rows(b.policy), 52);
    assert_false(label_policy_national(b.policy)); /* a proposal */
    for (size_t l = 0; l < 3; l++) {
        int n = 0;
        for (size_t i = 0; i < 52; i++)
            n += json_str_is(
                json_get(json_get(label_policy_row(b.policy, i), "level"), level[l]),
                "gate");
        assert_int_equal(n, gates[l]);
    }
    assert_null(label_policy_row(b.policy, 52));
    bench_close(&b);
}

static void evidence_that_meets_every_limit_reaches_advanced(void **state)
{
    struct bench b;
    (void)state;
    open_matrix(&b);
    b.logged = true;
    for (int l = LABEL_BASE; l <= LABEL_ADVANCED; l++) {
        bench_judge(&b, (enum label_level)l);
        for (size_t i = 0; i < b.result.n; i++) {
            const struct label_row *r = &b.result.row[i];
            if (r->verdict == LABEL_FAIL || r->verdict == LABEL_INSUFFICIENT)
                fail_msg("%s at %s: %s %s %s", r->id, label_level_name(r->level),
                         label_verdict_name(r->verdict), r->reason, r->param);
        }
        assert_int_equal(b.result.reached, l);
        assert_string_equal(b.result.outcome, "granted");
        assert_int_equal(b.result.n, 52 * l);
        assert_int_equal(b.result.n_undemonstrated, 0);
    }
    bench_close(&b);
}

/* Every single measure is needed by some level, and making it worse never helps. */
static void a_worse_or_missing_measure_never_raises_the_level(void **state)
{
    struct bench b;
    size_t lowered = 0;
    (void)state;
    open_matrix(&b);
    for (size_t i = 0; i < facts; i++) {
        write_facts(&b, SIZE_MAX, i);
        bench_judge(&b, LABEL_ADVANCED);
        assert_true(b.result.reached <= LABEL_ADVANCED);
        lowered += b.result.reached < LABEL_ADVANCED;
        write_facts(&b, i, SIZE_MAX);
        bench_judge(&b, LABEL_ADVANCED);
        for (size_t k = 0; k < b.result.n; k++)
            assert_true(b.result.row[k].verdict != LABEL_FAIL);
    }
    assert_true(lowered > 80); /* of the limits: the others are documents */
    bench_close(&b);
}

static int rank(enum label_verdict v)
{
    return v == LABEL_FAIL ? 2 : v == LABEL_INSUFFICIENT ? 1 : 0;
}

/* Writes the matrix again with the nth number of a limit made stricter. */
static bool stricter(struct buf *out, const struct json *v, long *n)
{
    struct jw w;
    bool done = false;
    jw_init(&w, out);
    jw_obj(&w);
    for (json_each(m, v)) {
        if (!str_eqc(m.key, "rows")) {
            jw_keyn(&w, m.key);
            jw_val(&w, m.val);
            continue;
        }
        jw_key(&w, "rows");
        jw_arr(&w);
        for (json_each(row, m.val)) {
            jw_obj(&w);
            for (json_each(f, row.val)) {
                jw_keyn(&w, f.key);
                if (!str_eqc(f.key, "limits")) {
                    jw_val(&w, f.val);
                    continue;
                }
                jw_arr(&w);
                for (json_each(l, f.val)) {
                    struct str op = json_get_str(l.val, "op");
                    const struct json *x = json_get(l.val, "value");
                    bool up = str_starts(op, STR("g")), down = str_starts(op, STR("l"));
                    bool hit = json_type(x) == JSON_NUMBER && (up || down) && --*n == 0;
                    jw_obj(&w);
                    for (json_each(k, l.val)) {
                        jw_keyn(&w, k.key);
                        if (hit && str_eqc(k.key, "value"))
                            jw_num(&w, json_num(x, 0) + (up ? 0.05 : -0.05));
                        else
                            jw_val(&w, k.val);
                    }
                    jw_obj_end(&w);
                    done |= hit;
                }
                jw_arr_end(&w);
            }
            jw_obj_end(&w);
        }
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    return done;
}

static void a_stricter_limit_never_makes_a_row_better(void **state)
{
    struct bench b;
    struct label_result before;
    const struct json *matrix;
    size_t worse = 0;
    (void)state;
    open_matrix(&b);
    matrix = embedded(&b, "policy/label-matrix.json");
    bench_judge(&b, LABEL_ADVANCED);
    before = b.result;
    b.result = (struct label_result){0};
    for (long i = 1;; i++) {
        struct label_policy *old = b.policy, *harder = NULL;
        struct json_doc *doc;
        struct buf text;
        long n = i;
        bool more;
        buf_init(&text, 1 << 20);
        more = stricter(&text, matrix, &n);
        assert_ok(json_parse(&doc, buf_str(&text), NULL, &b.d));
        assert_ok(label_policy_new(&harder, json_root(doc), &b.d));
        b.policy = harder;
        bench_judge(&b, LABEL_ADVANCED);
        for (size_t k = 0; k < before.n; k++) {
            assert_true(rank(b.result.row[k].verdict) >= rank(before.row[k].verdict));
            worse += rank(b.result.row[k].verdict) > rank(before.row[k].verdict);
        }
        assert_true(b.result.reached <= before.reached);
        b.policy = old;
        label_policy_free(harder);
        json_free(doc);
        buf_release(&text);
        if (!more)
            break;
    }
    assert_true(worse > 5);
    label_result_release(&before);
    bench_close(&b);
}

/* ---- levels, outcomes
 * ----------------------------------------------------------------------- */
#define ROW(id, base, more, limits)                                                      \
    "{\"id\":\"" id "\",\"level\":{\"base\":\"" base "\",\"intermediate\":\"gate\","     \
    "\"advanced\":\"gate\"}" more ",\"limits\":[" limits "]}"

static void outcomes_follow_the_base_gates(void **state)
{
    struct bench b;
    (void)state;
    bench_empty(&b);
    bench_policy(&b, ROW("A-1", "gate", "", L("m", "ge", "1")) "," ROW(
                         "B-1", "documented", "", L("k", "ge", "1")));
    bench_add(&b, "2026-10-02T00:00:00Z",
              MRGI("A-1", "m", "", "1", "null", "null", "9",
                   "3") "," MRGI("B-1", "k", "", "0", "null", "null", "9", "3"));
    bench_judge(&b, LABEL_ADVANCED);
    assert_int_equal(b.result.reached, LABEL_BASE); /* B-1 only gates later */
    assert_string_equal(b.result.outcome, "granted");
    b.n = 0;
    bench_add(&b, "2026-10-02T00:00:00Z",
              MRGI("A-1", "m", "", "1", "null", "null", "9", "3"));
    bench_judge(&b, LABEL_BASE); /* a documented row without evidence: incomplete */
    assert_string_equal(b.result.outcome, "deferred");
    b.n = 0;
    bench_add(&b, "2026-10-02T00:00:00Z",
              MRGI("B-1", "k", "", "1", "null", "null", "9", "3"));
    bench_judge(&b, LABEL_BASE);
    assert_string_equal(b.result.outcome, "deferred"); /* insufficient only */
    b.n = 0;
    bench_add(&b, "2026-10-02T00:00:00Z",
              MRGI("A-1", "m", "", "0", "null", "null", "9", "3"));
    bench_judge(&b, LABEL_BASE);
    assert_string_equal(b.result.outcome, "refused");
    assert_int_equal(b.result.reached, LABEL_NONE);
    bench_close(&b);
}

static void a_row_for_critical_diagnoses_is_documented_for_others(void **state)
{
    struct bench b;
    (void)state;
    bench_empty(&b);
    bench_policy(&b,
                 ROW("P-3", "gate", ",\"condition\":\"criticality = critical_diagnosis\"",
                     L("s", "ge", "0.8")));
    bench_add(&b, "2026-10-02T00:00:00Z",
              MRGI("P-3", "s", "", "0.1", "null", "null", "9", "3"));
    assert_int_equal(verdict_of(&b, "P-3", LABEL_BASE), LABEL_DOCUMENTED);
    assert_string_equal(row_of(&b, "P-3", LABEL_BASE)->reason, "not_critical_diagnosis");
    bench_record(&b, "{\"model_digest\":\"d\",\"criticality\":\"critical_diagnosis\"}");
    assert_int_equal(verdict_of(&b, "P-3", LABEL_BASE), LABEL_FAIL);
    /* the ministry's list raises what the vendor declared lower */
    bench_record(&b, "{\"model_digest\":\"d\",\"criticality\":\"standard\","
                     "\"intended_use\":{\"use_code\":\"STROKE\"}}");
    assert_int_equal(verdict_of(&b, "P-3", LABEL_BASE), LABEL_FAIL);
    bench_close(&b);
}

#define GROUPS                                                                           \
    MRGI("X", "n", "sex=F", "1", "null", "null", "300", "100")                           \
    "," MRGI("X", "n", "sex=M", "1", "null", "null", "300", "100") "," MRGI(             \
        "X", "n", "age_band=a", "1", "null", "null", "300",                              \
        "100") "," MRGI("X", "n", "age_band=b", "1", "null", "null", "300", "100")
#define SPREAD                                                                           \
    ROW("E-2", "gate", ",\"condition\":\"see definitions.legitimate_predictor\"",        \
        L("auc_spread", "le", "0.05"))

static void groups_too_small_make_the_row_insufficient(void **state)
{
    struct bench b;
    (void)state;
    bench_empty(&b);
    bench_policy(&b, SPREAD);
    bench_add(&b, "2026-10-02T00:00:00Z",
              GROUPS
              "," MRGI("E-2", "auc_spread", "sex", "0.01", "null", "null", "600", "9"));
    assert_int_equal(verdict_of(&b, "E-2", LABEL_BASE), LABEL_PASS);
    bench_add(&b, "2026-10-03T00:00:00Z", /* 29 positives: not major */
              MRGI("X", "k", "sex=F", "1", "null", "null", "400", "29"));
    assert_string_equal(row_of(&b, "E-2", LABEL_BASE)->reason, "too_few_major_groups");
    assert_int_equal(b.result.n_undemonstrated, 1);
    assert_string_equal(b.result.undemonstrated[0], "sex=F");
    bench_add(&b, "2026-10-03T00:00:00Z", /* no group of people */
              MRGI("CY-6", "k", "decimals=2", "1", "null", "null", "40", "2"));
    (void)row_of(&b, "E-2", LABEL_BASE);
    assert_int_equal(b.result.n_undemonstrated, 1);
    b.n = 1;
    bench_add(&b, "2026-10-03T00:00:00Z", /* a third group, small, 175 of 775 rows */
              MRGI("X", "k", "sex=U", "1", "null", "null", "175", "10"));
    assert_string_equal(row_of(&b, "E-2", LABEL_BASE)->reason, "small_groups");
    b.n = 1;
    bench_add(&b, "2026-10-03T00:00:00Z", /* 150 of 750: exactly 20 % is allowed */
              MRGI("X", "k", "sex=U", "1", "null", "null", "150", "10"));
    assert_int_equal(verdict_of(&b, "E-2", LABEL_BASE), LABEL_PASS);
    bench_close(&b);
}

static void a_legitimate_predictor_is_judged_by_calibration(void **state)
{
    struct bench b;
    (void)state;
    bench_empty(&b); /* the record declares age_band and sex */
    bench_policy(&b, SPREAD);
    bench_add(&b, "2026-10-02T00:00:00Z",
              GROUPS "," MRGI("E-2", "auc_spread", "age_band", "0.3", "null", "null",
                              "600", "9") "," MRGI("E-2", "auc_spread", "sex", "0.01",
                                                   "null", "null", "600", "9"));
    assert_int_equal(verdict_of(&b, "E-2", LABEL_BASE),
                     LABEL_FAIL); /* nobody accepted it */
    bench_add(&b, "2026-10-03T00:00:00Z",
              MRGI("ID-4", "legitimate_predictor_accepted", "age_band", "1", "null",
                   "null", "0", "0") "," MRGI("ID-4", "legitimate_predictor_accepted",
                                              "sex", "1", "null", "null", "0", "0"));
    assert_string_equal(row_of(&b, "E-2", LABEL_BASE)->reason, "no_measure");
    bench_add(&b, "2026-10-03T00:00:00Z",
              MRGI("E-2", "abs_citl_logit_per_band", "age_band", "0.2", "null", "null",
                   "0", "0"));
    assert_int_equal(verdict_of(&b, "E-2", LABEL_BASE), LABEL_PASS);
    bench_add(&b, "2026-10-04T00:00:00Z", /* sex never is one */
              MRGI("E-2", "auc_spread", "sex", "0.2", "null", "null", "600", "9"));
    assert_int_equal(verdict_of(&b, "E-2", LABEL_BASE), LABEL_FAIL);
    bench_close(&b);
}

static void a_comment_is_asked_for_and_never_gates(void **state)
{
    struct bench b;
    (void)state;
    bench_empty(&b);
    bench_policy(
        &b, "{\"id\":\"E-5\",\"level\":{\"base\":\"documented\",\"intermediate\":"
            "\"documented\",\"advanced\":\"documented\"},\"limits\":[{\"param\":\"r\","
            "\"op\":\"lt\",\"value\":0.8,\"levels\":" ALL
            ",\"origin\":\"P\",\"effect\":\"comment_required\"}]}");
    bench_add(&b, "2026-10-02T00:00:00Z",
              MRGI("E-5", "r", "", "0.7", "null", "null", "9", "3"));
    assert_int_equal(verdict_of(&b, "E-5", LABEL_BASE), LABEL_DOCUMENTED);
    assert_string_equal(row_of(&b, "E-5", LABEL_BASE)->reason, "comment_required");
    assert_string_equal(b.result.outcome, "granted");
    bench_add(&b, "2026-10-03T00:00:00Z",
              MRGI("E-5", "r", "", "0.8", "null", "null", "9", "3"));
    assert_string_equal(row_of(&b, "E-5", LABEL_BASE)->reason, "");
    bench_close(&b);
}

static void the_point_of_another_row_is_a_limit(void **state)
{
    struct bench b;
    (void)state;
    bench_empty(&b);
    bench_policy(&b, ROW("PF-1", "gate", "", L("auc", "ge", "0.8")) "," ROW(
                         "MS-1", "gate", "",
                         L("each_gst_auc", "ge", "\"PF-1 point of the level\"")));
    bench_add(&b, "2026-10-02T00:00:00Z",
              MRGI("PF-1", "auc", "", "0.9", "null", "null", "9", "3") "," MRGI(
                  "MS-1", "each_gst_auc", "gst=A", "0.8", "null", "null", "9", "3"));
    assert_int_equal(verdict_of(&b, "MS-1", LABEL_BASE), LABEL_PASS);
    assert_true(row_of(&b, "MS-1", LABEL_BASE)->threshold == 0.8);
    bench_add(&b, "2026-10-03T00:00:00Z",
              MRGI("MS-1", "each_gst_auc", "gst=B", "0.79", "null", "null", "9", "3"));
    assert_int_equal(verdict_of(&b, "MS-1", LABEL_BASE), LABEL_FAIL);
    bench_close(&b);
}

/* ---- policies that are refused
 * ------------------------------------------------------------------- */
static void what_is_not_understood_is_refused(void **state)
{
    static const struct {
        const char *row, *code;
    } bad[] = {
        {ROW("A-1", "gate", "", L("m", "about", "1")), "policy.op"},
        {ROW("A-1", "gate", "", L("m", "ge", "\"as usual\"")), "policy.value"},
        {ROW("A-1", "gate", "", L("m", "ge", "[1,2]")), "policy.value"},
        {ROW("A-1", "gate", "", L("m", "in", "[2,1]")), "policy.value"},
        {ROW("A-1", "gate", "", L("m", "ge", "null")), "policy.value"},
        {ROW("A-1", "gate", "", L("m", "ge", "true")), "policy.value"},
        {ROW("A-1", "gate", "", L("m_ci_meets", "ge", "1")), "policy.op"},
        {ROW("A-1", "gate", "", LE("m", "ge", "1", "pass")), "policy.else_verdict"},
        {ROW("A-1", "gate", "", ""), "policy.gate_without_limit"},
        {ROW("A-1", "wanted", "", L("m", "ge", "1")), "policy.level"},
        {ROW("A-1", "gate", ",\"condition\":\"on Sundays\"", L("m", "ge", "1")),
         "policy.condition"},
        {ROW("A-1", "gate", "", L("m", "ge", "1")) "," ROW("A-1", "gate", "",
                                                           L("m", "ge", "1")),
         "policy.id"},
        {ROW("", "gate", "", L("m", "ge", "1")), "policy.id"},
        {ROW("A-1", "gate", "", L("m", "ge", "\"PF-9 point of the level\"")),
         "policy.value"},
        {ROW("A-1", "gate", "",
             "{\"param\":\"m\",\"op\":\"ge\",\"value\":1,\"levels\":[],"
             "\"origin\":\"P\"}"),
         "policy.levels"},
        {ROW("A-1", "gate", "",
             "{\"param\":\"m\",\"op\":\"ge\",\"value\":1,\"levels\":" ALL
             ",\"unless\":\"x\"}"),
         "policy.member"},
        {ROW("A-1", "gate", "",
             "{\"param\":\"m\",\"op\":\"ge\",\"value\":1,\"levels\":" ALL
             ",\"effect\":\"fine\"}"),
         "policy.effect"},
        {"", "policy.rows"},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        char text[4096];
        struct bench b;
        struct label_policy *p = NULL;
        bool found = false;
        bench_empty(&b);
        snprintf(
            text, sizeof text,
            "{\"schema\":\"amane/policy/1\",\"matrix\":{\"evidence_max_age\":\"P12M\","
            "" DEFINITIONS ",\"rows\":[%s]}}",
            bad[i].row);
        assert_int_equal(label_policy_new(&p, bench_parse(&b, text), &b.d), AM_E_INVALID);
        assert_null(p);
        for (size_t k = 0; k < b.d.n; k++)
            found |= !strcmp(b.d.item[k].code, bad[i].code);
        if (!found)
            fail_msg("%zu: no %s", i, bad[i].code);
        bench_close(&b);
    }
}

static void all_holes_of_a_policy_are_named(void **state)
{
    struct bench b;
    struct label_policy *p = NULL;
    (void)state;
    bench_empty(&b);
    assert_int_equal(
        label_policy_new(&p,
                         bench_parse(&b, "{\"schema\":\"amane/policy/1\",\"matrix\":{"
                                         "\"evidence_max_age\":\"a year\",\"rows\":[{},"
                                         "{\"id\":\"A\"}]}}"),
                         &b.d),
        AM_E_INVALID);
    assert_true(b.d.n >= 6);
    assert_int_equal(
        label_policy_new(&p, bench_parse(&b, "{\"schema\":\"other\"}"), &b.d),
        AM_E_INVALID);
    assert_int_equal(
        label_policy_new(&p, bench_parse(&b, "{\"schema\":\"amane/policy/1\"}"), &b.d),
        AM_E_INVALID);
    assert_int_equal(label_policy_new(&p, bench_parse(&b, "[]"), &b.d), AM_E_INVALID);
    bench_close(&b);
}

static void the_demonstration_policy_says_what_it_is(void **state)
{
    struct bench b;
    (void)state;
    bench_empty(&b);
    assert_ok(label_policy_new(&b.policy, embedded(&b, "policy/demo-1.json"), &b.d));
    assert_false(label_policy_national(b.policy));
    assert_int_equal(label_policy_rows(b.policy), 12);
    assert_str_equal(label_policy_name(b.policy),
                     "Politique de démonstration : ne donne pas le label national");
    bench_close(&b);
}

/* ---- memory, JSON
 * --------------------------------------------------------------------------------- */
static void every_failed_allocation_is_an_error(void **state)
{
    struct bench b;
    const struct json *matrix;
    (void)state;
    open_matrix(&b);
    matrix = embedded(&b, "policy/demo-1.json");
    for (long n = 1;; n++) {
        struct label_policy *p = NULL;
        struct label_result r = {0};
        int err;
        am_oom_at(n);
        err = label_policy_new(&p, matrix, &b.d);
        if (!err)
            err = label_evaluate(p, b.record, b.evidence, b.n, LABEL_ADVANCED, b.at, &r,
                                 &b.d);
        if (!am_oom_at(0)) {
            assert_ok(err);
            label_result_release(&r);
            label_policy_free(p);
            break;
        }
        if (!err) /* a diag, or a cache, took the blow */
            label_result_release(&r);
        else
            assert_int_equal(err, AM_E_NOMEM);
        label_policy_free(p);
    }
    bench_close(&b);
}

static void a_row_is_named_whichever_of_its_limits_was_read(void **state)
{
    struct label_policy *p = NULL;
    struct bench b;
    bool found = false;
    (void)state;
    bench_empty(&b);
    assert_int_equal(
        label_policy_new(
            &p,
            bench_parse(&b,
                        "{\"schema\":\"amane/policy/1\",\"matrix\":{\"evidence_max_age\":"
                        "\"P12M\"," DEFINITIONS ",\"rows\":[" ROW(
                            "A-1", "gate", "",
                            "{\"param\":\"m\",\"op\":\"ge\",\"value\":1,\"levels\":"
                            "[\"advanced\"],\"origin\":\"P\"}") "]}}"),
            &b.d),
        AM_E_INVALID);
    for (size_t i = 0; i < b.d.n; i++)
        if (strcmp(b.d.item[i].code, "policy.gate_without_limit") == 0) {
            assert_string_equal(b.d.item[i].path, "/matrix/rows/0/limits");
            found = true;
        }
    assert_true(found);
    bench_close(&b);
}

static void the_result_as_json_has_its_members(void **state)
{
    struct bench b;
    struct json_doc *doc;
    struct buf text;
    struct jw w;
    (void)state;
    bench_open(&b, L("m_ci95_low", "gt", "0.5"), MI("m", "0.6", "0.4", "0.8"));
    bench_judge(&b, LABEL_BASE);
    buf_init(&text, 1 << 16);
    jw_init(&w, &text);
    label_result_json(b.policy, &b.result, LABEL_BASE, &w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&text), NULL, &b.d));
    assert_true(json_str_is(json_get(json_root(doc), "outcome"), "deferred"));
    assert_true(json_str_is(json_get(json_root(doc), "level"), "none"));
    assert_true(json_str_is(json_pointer(json_root(doc), STR("/requirements/0/verdict")),
                            "insufficient"));
    assert_true(
        json_num(json_pointer(json_root(doc), STR("/requirements/0/ci95/0")), 0) == 0.4);
    assert_int_equal(json_type(json_pointer(json_root(doc),
                                            STR("/requirements/0/additional_positives"))),
                     JSON_NULL);
    assert_false(json_bool(json_get(json_root(doc), "national"), true));
    json_free(doc);
    buf_clear(&text); /* none more is a number, no hole */
    assert_true(b.result.n > 0);
    b.result.row[0].additional_positives = 0;
    jw_init(&w, &text);
    label_result_json(b.policy, &b.result, LABEL_BASE, &w);
    assert_ok(jw_done(&w));
    assert_non_null(strstr(text.p, "\"additional_positives\":0"));
    buf_release(&text);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(the_matrix_is_understood_to_the_last_word),
        TEST(evidence_that_meets_every_limit_reaches_advanced),
        TEST(a_worse_or_missing_measure_never_raises_the_level),
        TEST(a_stricter_limit_never_makes_a_row_better),
        TEST(outcomes_follow_the_base_gates),
        TEST(a_row_for_critical_diagnoses_is_documented_for_others),
        TEST(groups_too_small_make_the_row_insufficient),
        TEST(a_legitimate_predictor_is_judged_by_calibration),
        TEST(a_comment_is_asked_for_and_never_gates),
        TEST(the_point_of_another_row_is_a_limit),
        TEST(what_is_not_understood_is_refused),
        TEST(all_holes_of_a_policy_are_named),
        TEST(the_demonstration_policy_says_what_it_is),
        TEST(every_failed_allocation_is_an_error),
        TEST(a_row_is_named_whichever_of_its_limits_was_read),
        TEST(the_result_as_json_has_its_members),
    };
    log_set_level(LOG_OFF);
    return cmocka_run_group_tests(t, NULL, NULL);
}
