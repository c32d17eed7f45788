/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped tables against the published charts written a second time as conditions;
 * bounds against all that the unknown may be; rounding, age, refusals, no memory. */
#include <math.h>
#include <stdlib.h>

#include "base/test.h"
#include "embed/embed.h"
#include "ews/ews_priv.h"

enum { HOUR = 3600, NOW = 1000000 };
#define AT(s) ((int64_t)(s) * 1000000)

static struct ews_table *table_of(const char *path)
{
    const struct embed_file *f = embed_find(path);
    struct ews_table *t = NULL;
    struct json_doc *doc;
    struct diag d;
    assert_non_null(f);
    diag_init(&d);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    if (ews_table_read(&t, json_root(doc), &d))
        fail_msg("%s: %s %s", path, d.item[0].path, d.item[0].detail);
    assert_int_equal(d.n, 0);
    json_free(doc);
    diag_release(&d);
    return t;
}

static size_t find(const struct ews_table *t, const char *id)
{
    for (size_t i = 0; i < ews_table_variables(t); i++)
        if (str_eqc(ews_table_variable(t, i)->id, id))
            return i;
    fail_msg("no variable %s", id);
    return 0;
}

/* ---- the charts again, by hand ---- */
struct vitals {
    double rr, spo2, sbp, pulse, temp, gcs;
    int scale, oxygen, acvpu; /* scale 1 or 2; oxygen 0 or 1; A C V P U as 0 to 4 */
};

static int by_hand_news2(const struct vitals *v, int *single)
{
    int rr = v->rr <= 8    ? 3
             : v->rr <= 11 ? 1
             : v->rr <= 20 ? 0
             : v->rr <= 24 ? 2
                           : 3,
        sat, o2 = v->oxygen ? 2 : 0, conscious = v->acvpu ? 3 : 0,
        sbp = v->sbp <= 90    ? 3
              : v->sbp <= 100 ? 2
              : v->sbp <= 110 ? 1
              : v->sbp <= 219 ? 0
                              : 3,
        pulse = v->pulse <= 40    ? 3
                : v->pulse <= 50  ? 1
                : v->pulse <= 90  ? 0
                : v->pulse <= 110 ? 1
                : v->pulse <= 130 ? 2
                                  : 3,
        temp = v->temp < 35.05   ? 3
               : v->temp < 36.05 ? 1
               : v->temp < 38.05 ? 0
               : v->temp < 39.05 ? 1
                                 : 2;
    if (v->scale == 1)
        sat = v->spo2 <= 91 ? 3 : v->spo2 <= 93 ? 2 : v->spo2 <= 95 ? 1 : 0;
    else if (v->spo2 <= 87)
        sat = v->spo2 <= 83 ? 3 : v->spo2 <= 85 ? 2 : 1;
    else if (v->spo2 <= 92 || !v->oxygen)
        sat = 0;
    else
        sat = v->spo2 <= 94 ? 1 : v->spo2 <= 96 ? 2 : 3;
    *single =
        rr == 3 || sat == 3 || conscious == 3 || sbp == 3 || pulse == 3 || temp == 3;
    return rr + sat + o2 + conscious + sbp + pulse + temp;
}

static int by_hand_mews(const struct vitals *v)
{
    return (v->sbp <= 70    ? 3
            : v->sbp <= 80  ? 2
            : v->sbp <= 100 ? 1
            : v->sbp <= 199 ? 0
                            : 2) +
           (v->pulse <= 40    ? 2
            : v->pulse <= 50  ? 1
            : v->pulse <= 100 ? 0
            : v->pulse <= 110 ? 1
            : v->pulse <= 129 ? 2
                              : 3) +
           (v->rr < 9     ? 2
            : v->rr <= 14 ? 0
            : v->rr <= 20 ? 1
            : v->rr <= 29 ? 2
                          : 3) +
           (v->temp < 34.95   ? 2
            : v->temp < 38.45 ? 0
                              : 2) +
           (v->acvpu ? v->acvpu - 1 : 0);
}

static int by_hand_qsofa(const struct vitals *v)
{
    return (v->rr >= 22) + (v->sbp <= 100) + (v->gcs < 15);
}

static void put(const struct ews_table *t, struct ews_value *v, const char *id, double x)
{
    size_t i = find(t, id);
    v[i] = (struct ews_value){.given = true, .number = x, .at = AT(NOW)};
}

static void put_code(const struct ews_table *t, struct ews_value *v, const char *id,
                     const char *code)
{
    size_t i = find(t, id);
    v[i] = (struct ews_value){
        .given = true, .code = ews_table_code(t, i, str_c(code)), .at = AT(NOW)};
    assert_true(v[i].code >= 0);
}

static const char *const acvpu[] = {"alert", "confusion", "voice", "pain",
                                    "unresponsive"};

static void fill(const struct ews_table *t, const struct vitals *p, struct ews_value *v)
{
    static const struct {
        const char *id;
        size_t at;
    } number[] = {{"respiratory_rate", offsetof(struct vitals, rr)},
                  {"spo2", offsetof(struct vitals, spo2)},
                  {"systolic", offsetof(struct vitals, sbp)},
                  {"pulse", offsetof(struct vitals, pulse)},
                  {"temperature", offsetof(struct vitals, temp)},
                  {"gcs", offsetof(struct vitals, gcs)}};
    memset(v, 0, EWS_VARIABLES * sizeof *v);
    for (size_t i = 0; i < ews_table_variables(t); i++) {
        struct str id = ews_table_variable(t, i)->id;
        for (size_t k = 0; k < AM_LEN(number); k++)
            if (str_eqc(id, number[k].id))
                put(t, v, number[k].id,
                    *(const double *)(const void *)((const char *)p + number[k].at));
        if (str_eqc(id, "consciousness"))
            put_code(t, v, "consciousness", acvpu[p->acvpu]);
        if (str_eqc(id, "oxygen"))
            put_code(t, v, "oxygen", p->oxygen ? "oxygen" : "air");
        if (str_eqc(id, "spo2_scale"))
            put_code(t, v, "spo2_scale", p->scale == 1 ? "scale_1" : "scale_2");
    }
}

static uint64_t seed = 20261128;
static int drawn(int from, int to)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return from + (int)(seed % (uint64_t)(to - from + 1));
}

static struct vitals some(void)
{
    return (struct vitals){.rr = drawn(0, 60),
                           .spo2 = drawn(70, 100),
                           .sbp = drawn(30, 260),
                           .pulse = drawn(20, 180),
                           .temp = drawn(320, 420) / 10.0,
                           .gcs = drawn(3, 15),
                           .scale = drawn(1, 2),
                           .oxygen = drawn(0, 1),
                           .acvpu = drawn(0, 4)};
}

static void totals_are_those_of_the_charts(void **state)
{
    struct ews_table *news = table_of("ews/news2.json"),
                     *mews = table_of("ews/mews.json"),
                     *qsofa = table_of("ews/qsofa.json");
    struct ews_value v[EWS_VARIABLES];
    struct ews_result r;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct vitals p = some();
        int single, total = by_hand_news2(&p, &single);
        const char *level = total >= 7   ? "high"
                            : total >= 5 ? "medium"
                            : single     ? "low_medium"
                                         : "low";
        fill(news, &p, v);
        ews_score(news, v, AT(NOW), &r);
        assert_true(r.complete);
        assert_int_equal(r.low, total);
        assert_int_equal(r.high, total);
        assert_int_equal(r.level_low, r.level_high);
        assert_str_equal(ews_table_level(news, r.level_low)->id, level);
        fill(qsofa, &p, v);
        ews_score(qsofa, v, AT(NOW), &r);
        assert_int_equal(r.low, by_hand_qsofa(&p));
        assert_int_equal(r.level_low, by_hand_qsofa(&p) >= 2);
        if (p.acvpu == 1)
            p.acvpu = 0; /* MEWS knows no new confusion */
        fill(mews, &p, v);
        ews_score(mews, v, AT(NOW), &r);
        assert_int_equal(r.low, by_hand_mews(&p));
        assert_int_equal(r.level_low, by_hand_mews(&p) >= 5);
    }
    ews_table_free(news);
    ews_table_free(mews);
    ews_table_free(qsofa);
}

/* I2: each missing variable takes every value a band or a code begins or ends with. */
struct reach {
    int low, high, part_low[EWS_VARIABLES], part_high[EWS_VARIABLES];
    size_t level_low, level_high;
};

static void reach_one(const struct ews_table *t, const struct ews_value *v,
                      struct reach *o)
{
    struct ews_result r;
    ews_score(t, v, AT(NOW), &r);
    assert_true(r.complete);
    o->low = AM_MIN(o->low, r.low), o->high = AM_MAX(o->high, r.high);
    o->level_low = AM_MIN(o->level_low, r.level_low);
    o->level_high = AM_MAX(o->level_high, r.level_high);
    for (size_t i = 0; i < t->n; i++) {
        assert_int_equal(r.part[i].low, r.part[i].high);
        o->part_low[i] = AM_MIN(o->part_low[i], r.part[i].low);
        o->part_high[i] = AM_MAX(o->part_high[i], r.part[i].high);
    }
}

static void reach_all(const struct ews_table *t, struct ews_value *v, size_t i,
                      struct reach *o)
{
    while (i < t->n && v[i].given)
        i++;
    if (i == t->n) {
        reach_one(t, v, o);
        return;
    }
    v[i] = (struct ews_value){.given = true, .at = AT(NOW)};
    if (t->slot[i].pub.coded)
        for (size_t k = 0; k < t->slot[i].pub.codes; k++) {
            v[i].code = (int)k;
            reach_all(t, v, i + 1, o);
        }
    else
        for (size_t c = 0; c < t->slot[i].n_cases; c++)
            for (size_t k = 0; k < t->slot[i].cases[c].bands.n; k++) {
                const struct ews_bands *b = &t->slot[i].cases[c].bands;
                v[i].number = k + 1 < b->n ? (double)b->to[k] : (double)b->to[k - 1] + 1;
                v[i].number /= t->slot[i].pub.decimals ? 10 : 1;
                reach_all(t, v, i + 1, o);
            }
    v[i].given = false;
}

static void bounds_are_what_the_unknown_can_reach(void **state)
{
    struct ews_table *t = table_of("ews/news2.json");
    struct ews_value v[EWS_VARIABLES];
    (void)state;
    t->slot[find(t, "spo2_scale")].otherwise = -1; /* so that it may be unknown too */
    for (int i = 0; i < 300; i++) {
        struct reach o = {.low = 1000, .level_low = 100};
        struct vitals p = some();
        struct ews_result r;
        int holes = drawn(1, 4);
        for (size_t k = 0; k < t->n; k++)
            o.part_low[k] = 1000;
        fill(t, &p, v);
        for (int k = 0; k < holes; k++)
            v[drawn(0, (int)t->n - 1)].given = false;
        ews_score(t, v, AT(NOW), &r);
        assert_false(r.complete);
        assert_true(r.unknown >= 1);
        reach_all(t, v, 0, &o);
        assert_int_equal(r.low, o.low);
        assert_int_equal(r.high, o.high);
        assert_int_equal(r.level_low, o.level_low);
        assert_int_equal(r.level_high, o.level_high);
        for (size_t k = 0; k < t->n; k++) {
            assert_int_equal(r.part[k].low, o.part_low[k]);
            assert_int_equal(r.part[k].high, o.part_high[k]);
        }
    }
    ews_table_free(t);
}

static void nothing_known_is_nothing_said(void **state)
{
    struct ews_table *t = table_of("ews/news2.json");
    struct ews_value v[EWS_VARIABLES] = {0};
    struct ews_result r;
    (void)state;
    ews_score(t, v, AT(NOW), &r);
    assert_false(r.complete);
    assert_int_equal(r.low, 0);
    assert_int_equal(r.high, 20);
    assert_int_equal(r.level_low, 0);
    assert_int_equal(r.level_high, 3);
    assert_int_equal(r.unknown, t->n - 1); /* the scale has a default */
    assert_int_equal(r.part[find(t, "spo2_scale")].state, EWS_DEFAULT);
    assert_int_equal(r.part[find(t, "pulse")].state, EWS_MISSING);
    ews_table_free(t);
}

static void values_are_rounded_as_the_chart_is_written(void **state)
{
    static const struct {
        double value;
        int points;
    } temp[] = {{35.04, 3}, {35.05, 1}, {35.0499, 3}, {36.05, 0}, {36.049, 1},
                {38.05, 1}, {38.0, 0},  {39.049, 1},  {39.05, 2}, {20, 3},
                {45, 2},    {35.1, 1},  {39.1, 2}};
    struct ews_table *t = table_of("ews/news2.json");
    const struct vitals p = {16, 97, 120, 70, 37, 15, 1, 0, 0};
    struct ews_value v[EWS_VARIABLES];
    struct ews_result r;
    int64_t n;
    (void)state;
    fill(t, &p, v);
    for (size_t i = 0; i < AM_LEN(temp); i++) {
        put(t, v, "temperature", temp[i].value);
        ews_score(t, v, AT(NOW), &r);
        assert_int_equal(r.low, temp[i].points);
    }
    put(t, v, "temperature", 37);
    put(t, v, "respiratory_rate", 8.5); /* 9 */
    ews_score(t, v, AT(NOW), &r);
    assert_int_equal(r.low, 1);
    assert_true(ews_round(-0.25, 1, &n));
    assert_int_equal(n, -3);
    assert_false(ews_round(NAN, 0, &n));
    assert_false(ews_round(INFINITY, 0, &n));
    assert_false(ews_round(1e300, 3, &n));
    ews_table_free(t);
}

static void what_is_old_or_impossible_is_not_counted(void **state)
{
    static const struct {
        double value;
        int64_t age_s;
        enum ews_state state;
    } k[] = {{70, 12 * HOUR, EWS_KNOWN}, {70, 12 * HOUR + 1, EWS_STALE},
             {70, -300, EWS_KNOWN},      {70, -301, EWS_FUTURE},
             {351, 0, EWS_IMPLAUSIBLE},  {-1, 0, EWS_IMPLAUSIBLE},
             {NAN, 0, EWS_IMPLAUSIBLE},  {INFINITY, 0, EWS_IMPLAUSIBLE},
             {350, 0, EWS_KNOWN},        {0, 0, EWS_KNOWN}};
    struct ews_table *t = table_of("ews/news2.json");
    const struct vitals p = {16, 97, 120, 70, 37, 15, 1, 0, 0};
    size_t pulse = find(t, "pulse"), conscious = find(t, "consciousness");
    struct ews_value v[EWS_VARIABLES];
    struct ews_result r;
    (void)state;
    fill(t, &p, v);
    for (size_t i = 0; i < AM_LEN(k); i++) {
        bool known = k[i].state == EWS_KNOWN;
        v[pulse].number = k[i].value;
        v[pulse].at = AT(NOW - k[i].age_s);
        ews_score(t, v, AT(NOW), &r);
        assert_int_equal(r.part[pulse].state, k[i].state);
        assert_int_equal(r.complete, known);
        assert_int_equal(r.low, known && k[i].value != 70 ? 3 : 0);
        assert_int_equal(r.high, known ? r.low : 3);
    }
    put(t, v, "pulse", 70);
    v[conscious].code = 5; /* the table has no such value */
    ews_score(t, v, AT(NOW), &r);
    assert_int_equal(r.part[conscious].state, EWS_IMPLAUSIBLE);
    assert_int_equal(r.high, 3);
    ews_table_free(t);
}

/* What is a little out of the range, and is not once written as the chart writes. */
static void what_is_plausible_is_judged_as_it_is_written(void **state)
{
    static const struct {
        const char *id;
        double value;
        enum ews_state state;
    } k[] = {{"spo2", 100.4, EWS_KNOWN},
             {"spo2", 100.5, EWS_IMPLAUSIBLE},
             {"spo2", 0, EWS_KNOWN},
             {"spo2", -0.4, EWS_KNOWN},
             {"spo2", -0.5, EWS_IMPLAUSIBLE},
             {"temperature", 45.04, EWS_KNOWN},
             {"temperature", 19.95, EWS_KNOWN},
             {"temperature", 45.05, EWS_IMPLAUSIBLE}};
    struct ews_table *t = table_of("ews/news2.json");
    const struct vitals p = {16, 97, 120, 70, 37, 15, 1, 0, 0};
    struct ews_value v[EWS_VARIABLES];
    struct ews_result r;
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        fill(t, &p, v);
        put(t, v, k[i].id, k[i].value);
        ews_score(t, v, AT(NOW), &r);
        assert_int_equal(r.part[find(t, k[i].id)].state, k[i].state);
    }
    ews_table_free(t);
}

TEST_MAIN(TEST(totals_are_those_of_the_charts),
          TEST(bounds_are_what_the_unknown_can_reach),
          TEST(nothing_known_is_nothing_said),
          TEST(values_are_rounded_as_the_chart_is_written),
          TEST(what_is_old_or_impossible_is_not_counted),
          TEST(what_is_plausible_is_judged_as_it_is_written))
