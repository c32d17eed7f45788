/* SPDX-License-Identifier: Apache-2.0 */
/* A ward whose values come in any order, are corrected, taken back, grow old; patients
 * come and go; no memory. */
#include <stdlib.h>

#include "base/test.h"
#include "embed/embed.h"
#include "ews/ews.h"

#define S(s) ((int64_t)(s) * 1000000)
enum { HOUR = 3600, NEWS = 0, QSOFA = 1 };

static struct ews_table *table[2];

static struct ews_table *table_of(const char *path)
{
    const struct embed_file *f = embed_find(path);
    struct ews_table *t;
    struct json_doc *doc;
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    assert_ok(ews_table_read(&t, json_root(doc), NULL));
    json_free(doc);
    return t;
}

static int t_open(void **state)
{
    (void)state;
    table[NEWS] = table_of("ews/news2.json");
    table[QSOFA] = table_of("ews/qsofa.json");
    return 0;
}

static int t_close(void **state)
{
    (void)state;
    ews_table_free(table[NEWS]);
    ews_table_free(table[QSOFA]);
    return 0;
}

/* The only units here: per minute from per second, and what is already right. */
static int convert(void *arg, double v, struct str from, struct str to, double *out)
{
    (void)arg;
    *out = str_eqc(from, "/s") && str_eqc(to, "/min") ? v * 60 : v;
    return str_eq(from, to) || (str_eqc(from, "1") && str_eqc(to, "{score}")) ||
                   (str_eqc(from, "/s") && str_eqc(to, "/min"))
               ? AM_OK
               : AM_E_INVALID;
}

struct heard {
    size_t n, fired, resolved, last_table;
    unsigned acts;
    int low, high;
};

static void hear(void *arg, const struct ews_change *c)
{
    struct heard *h = arg;
    h->n++;
    h->acts |= c->acts;
    h->fired += !!(c->acts & EWS_ACT_FIRE);
    h->resolved += !!(c->acts & EWS_ACT_RESOLVE);
    h->last_table = c->table;
    h->low = c->is->low, h->high = c->is->high;
}

static struct ews_unit *unit_of(size_t tables, size_t patients, struct heard *h)
{
    const struct ews_rule rule = {.fire = 1,
                                  .clear = 1,
                                  .clear_us = S(60),
                                  .refractory_us = 0,
                                  .snooze_most_us = S(HOUR)};
    struct ews_unit_config c = {.n = tables, .patients = patients};
    struct ews_unit *u;
    for (size_t i = 0; i < tables; i++) {
        c.table[i] = table[i];
        c.rule[i] = rule;
    }
    c.rule[NEWS].fire = 2; /* from 5 on */
    c.rule[NEWS].clear = 1;
    assert_ok(ews_unit_new(&u, &c, convert, hear, h, 0, NULL));
    return u;
}

static struct ews_observation value(const char *code, double v, const char *unit,
                                    const char *ref, int64_t at)
{
    return (struct ews_observation){.system = STR("http://loinc.org"),
                                    .code = str_c(code),
                                    .ref = str_c(ref),
                                    .at = at,
                                    .number = v,
                                    .unit = str_c(unit)};
}

static int see(struct ews_unit *u, const char *code, double v, const char *unit,
               const char *ref, int64_t at)
{
    struct ews_observation o = value(code, v, unit, ref, at);
    return ews_unit_observe(u, STR("amal"), &o, 1, at, NULL);
}

static int see_code(struct ews_unit *u, const char *system, const char *code,
                    const char *value_code, const char *ref, int64_t at)
{
    struct ews_observation o = value(code, 0, "", ref, at);
    o.system = str_c(system);
    o.coded = true;
    o.value_system = STR("http://snomed.info/sct");
    o.value_code = str_c(value_code);
    return ews_unit_observe(u, STR("amal"), &o, 1, at, NULL);
}

static int total(struct ews_unit *u, size_t t, int64_t now, bool *complete)
{
    struct ews_value v[EWS_VARIABLES];
    struct ews_result r;
    assert_ok(ews_unit_values(u, STR("amal"), t, now, v));
    ews_score(table[t], v, now, &r);
    if (complete)
        *complete = r.complete;
    return r.low;
}

/* All of NEWS2 as a monitor and a nurse give it. */
static void admit(struct ews_unit *u, int64_t at)
{
    assert_ok(see(u, "9279-1", 16, "/min", "O/rr", at));
    assert_ok(see(u, "59408-5", 97, "%", "O/sat", at));
    assert_ok(see(u, "8480-6", 120, "mm[Hg]", "O/sbp", at));
    assert_ok(see(u, "8867-4", 70, "/min", "O/hr", at));
    assert_ok(see(u, "8310-5", 37, "Cel", "O/t", at));
    assert_ok(see_code(u, "http://loinc.org", "67775-7", "248234008", "O/acvpu", at));
    assert_ok(see_code(u, "urn:amane:score", "inspired-gas", "722742002", "O/air", at));
}

static void a_stay(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 10, &h);
    struct ews_total trend[EWS_TREND];
    bool complete;
    size_t n;
    (void)state;
    admit(u, S(0));
    assert_int_equal(total(u, NEWS, S(0), &complete), 0);
    assert_true(complete);
    assert_int_equal(h.fired, 0);
    assert_ok(see(u, "9279-1", 0.45, "/s", "O/rr2", S(10)));  /* 27 a minute: 3 */
    assert_ok(see(u, "8867-4", 115, "/min", "O/hr2", S(20))); /* 2 */
    assert_int_equal(h.fired, 1);
    assert_int_equal(h.low, 5);
    assert_int_equal(ews_unit_alert(u, STR("amal"), NEWS)->state, EWS_FIRED);
    /* corrected: it was 75 */
    assert_ok(see(u, "8867-4", 75, "/min", "O/hr2", S(20)));
    assert_int_equal(total(u, NEWS, S(30), NULL), 3);
    ews_unit_tick(u, S(40));
    assert_int_equal(h.resolved, 0); /* still one variable at 3 */
    assert_ok(ews_unit_retract(u, STR("amal"), STR("O/rr2"), 0, S(50)));
    assert_int_equal(total(u, NEWS, S(50), &complete), 0); /* the one before it */
    assert_true(complete);
    ews_unit_tick(u, S(109));
    assert_int_equal(h.resolved, 0);
    ews_unit_tick(u, S(110));
    assert_int_equal(h.resolved, 1);
    /* half a day later nothing is known any more, and nobody is told it is well */
    ews_unit_tick(u, S(12 * HOUR + 21));
    assert_int_equal(h.low, 0);
    assert_int_equal(h.high, 20);
    assert_ok(ews_unit_trend(u, STR("amal"), NEWS, trend, &n));
    assert_true(n >= 5);
    assert_int_equal(trend[n - 1].high, 20);
    assert_int_equal(trend[n - 1].at, S(12 * HOUR + 21));
    ews_unit_free(u);
}

static void a_value_serves_every_table_that_reads_it(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(2, 10, &h);
    (void)state;
    assert_ok(see(u, "9279-1", 25, "/min", "O/rr", S(0)));
    assert_int_equal(total(u, QSOFA, S(0), NULL), 1);
    assert_int_equal(total(u, NEWS, S(0), NULL), 3);
    assert_int_equal(h.last_table, QSOFA); /* U3 */
    assert_ok(see(u, "9269-2", 13, "{score}", "O/gcs", S(1)));
    assert_int_equal(total(u, QSOFA, S(1), NULL), 2);
    assert_int_equal(h.fired, 1);
    ews_unit_free(u);
}

static void what_no_table_understands_is_told(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 1, &h);
    struct ews_observation o = value("8867-4", 70, "/min", "O/x", 0);
    char name[66];
    (void)state;
    assert_int_equal(see(u, "1234-5", 1, "1", "O/a", 0), AM_E_NOTFOUND);
    assert_int_equal(ews_unit_patients(u), 0); /* nobody for that */
    assert_ok(see(u, "8867-4", 140, "/min", "O/a", 0));
    assert_int_equal(total(u, NEWS, 0, NULL), 3);
    /* corrected into a unit nobody converts: the old value is gone as well */
    assert_int_equal(see(u, "8867-4", 70, "parrots", "O/a", 1), AM_E_INVALID);
    assert_int_equal(total(u, NEWS, 1, NULL), 0);
    assert_int_equal(see_code(u, "http://loinc.org", "67775-7", "1", "O/b", 1),
                     AM_E_INVALID);
    assert_int_equal(see_code(u, "http://loinc.org", "8867-4", "1", "O/b", 1),
                     AM_E_INVALID);
    assert_int_equal(ews_unit_observe(u, STR("badr"), &o, 1, 0, NULL),
                     AM_E_NOSPACE); /* U2 */
    memset(name, 'n', 65), name[65] = 0;
    assert_int_equal(ews_unit_observe(u, str_c(name), &o, 1, 0, NULL), AM_E_TOOBIG);
    assert_int_equal(ews_unit_retract(u, STR("amal"), STR("O/never"), 0, 2),
                     AM_E_NOTFOUND);
    assert_int_equal(ews_unit_retract(u, STR("badr"), STR("O/a"), 0, 2), AM_E_NOTFOUND);
    assert_null(ews_unit_alert(u, STR("badr"), NEWS));
    ews_unit_free(u);
}

static void the_order_of_arrival_does_not_matter(void **state)
{
    struct ews_observation o[EWS_KEPT];
    static const char *const ref[EWS_KEPT] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct ews_value first[EWS_VARIABLES], v[EWS_VARIABLES];
    (void)state;
    srandom(11);
    for (int round = 0; round < 500; round++) {
        struct heard h = {0};
        struct ews_unit *u = unit_of(1, 1, &h);
        for (size_t i = 0; i < EWS_KEPT; i++)
            o[i] = value("8867-4", 50.0 + (double)i, "/min", ref[i],
                         S(i / 2 * 60)); /* two of each instant */
        for (size_t i = EWS_KEPT - 1; i > 0 && round; i--) {
            size_t j = (size_t)random() % (i + 1);
            struct ews_observation t = o[i];
            o[i] = o[j], o[j] = t;
        }
        for (size_t i = 0; i < EWS_KEPT; i++)
            assert_ok(ews_unit_observe(u, STR("amal"), &o[i], 1, S(1000), NULL));
        for (size_t gone = 0; gone < EWS_KEPT; gone++) {
            assert_ok(ews_unit_values(u, STR("amal"), NEWS, S(1000), v));
            if (!round && !gone)
                memcpy(first, v, sizeof first);
            if (!gone)
                assert_memory_equal(v, first, sizeof v);
            assert_ok(ews_unit_retract(u, STR("amal"), str_c(ref[gone]), 0, S(1001)));
        }
        assert_int_equal(ews_unit_retract(u, STR("amal"), STR("z"), 0, S(1001)),
                         AM_E_NOTFOUND);
        ews_unit_free(u);
    }
}

static int see_version(struct ews_unit *u, const char *code, double v, const char *ref,
                       int64_t version, int64_t at)
{
    struct ews_observation o = value(code, v, "/min", ref, at);
    o.version = version;
    return ews_unit_observe(u, STR("amal"), &o, 1, S(1000), NULL);
}

static void the_future_blinds_nothing(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 1, &h);
    struct ews_observation o = value("8867-4", 70, "/min", "O/later", S(1301));
    (void)state;
    assert_ok(see_version(u, "8867-4", 140, "O/a", 1, S(900)));
    assert_int_equal(ews_unit_observe(u, STR("amal"), &o, 1, S(1000), NULL),
                     AM_E_REFUSED);
    o.at = S(1300); /* monitors differ by minutes */
    assert_ok(ews_unit_observe(u, STR("amal"), &o, 1, S(1000), NULL));
    assert_int_equal(total(u, NEWS, S(1000), NULL), 0);
    /* and then the clock is put right: what is of a time to come waits */
    assert_int_equal(total(u, NEWS, S(950), NULL), 3);
    ews_unit_free(u);
}

static void an_earlier_version_that_comes_late_is_ignored(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 1, &h);
    (void)state;
    assert_ok(see_version(u, "8867-4", 70, "O/a", 2, 0));
    assert_int_equal(see_version(u, "8867-4", 140, "O/a", 1, 0), AM_E_CONFLICT);
    assert_int_equal(total(u, NEWS, 0, NULL), 0);
    assert_ok(see_version(u, "8867-4", 140, "O/a", 3, 0));
    assert_int_equal(total(u, NEWS, 0, NULL), 3);
    assert_int_equal(ews_unit_retract(u, STR("amal"), STR("O/a"), 2, 1), AM_E_CONFLICT);
    assert_ok(ews_unit_retract(u, STR("amal"), STR("O/a"), 4, 1));
    assert_int_equal(see_version(u, "8867-4", 140, "O/a", 3, 0), AM_E_CONFLICT);
    assert_int_equal(total(u, NEWS, 0, NULL), 0);
    /* taken back before it came */
    assert_int_equal(ews_unit_retract(u, STR("amal"), STR("O/b"), 1, 1), AM_E_NOTFOUND);
    assert_int_equal(see_version(u, "8867-4", 140, "O/b", 1, 0), AM_E_CONFLICT);
    assert_ok(see_version(u, "8867-4", 140, "O/b", 2, 0)); /* final again */
    ews_unit_free(u);
}

static void a_correction_may_change_the_code(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 1, &h);
    (void)state;
    assert_ok(see_version(u, "8867-4", 30, "O/a", 1, 0)); /* pulse: 3 */
    assert_ok(see_version(u, "9279-1", 30, "O/a", 2, 0)); /* it was a respiratory rate */
    assert_int_equal(total(u, NEWS, 0, NULL), 3);
    /* it was neither: nothing of it stays, nor comes back */
    assert_int_equal(see_version(u, "1234-5", 30, "O/a", 3, 0), AM_E_NOTFOUND);
    assert_int_equal(total(u, NEWS, 0, NULL), 0);
    assert_int_equal(h.low, 0);
    assert_int_equal(see_version(u, "8867-4", 30, "O/a", 1, 0), AM_E_CONFLICT);
    assert_int_equal(see_version(u, "8867-4", 30, "", 1, 0), AM_E_INVALID);
    ews_unit_free(u);
}

static void what_cannot_be_read_ends_what_was_before(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 2, &h);
    struct ews_observation o = value("8867-4", 70, "parrots", "O/x", 0);
    struct ews_value v[EWS_VARIABLES];
    struct ews_result r;
    (void)state;
    assert_int_equal(ews_unit_observe(u, STR("badr"), &o, 1, 0, NULL), AM_E_INVALID);
    assert_int_equal(ews_unit_patients(u), 0); /* no bed for that */
    admit(u, 0);
    assert_int_equal(see(u, "8867-4", 70, "parrots", "O/hr2", 5), AM_E_INVALID);
    assert_ok(ews_unit_values(u, STR("amal"), NEWS, 5, v));
    ews_score(table[NEWS], v, 5, &r);
    assert_int_equal(r.unknown, 1);
    assert_int_equal(r.low, 0);
    assert_int_equal(r.high, 3);
    assert_int_equal(h.high, 3);
    ews_unit_free(u);
}

static void a_panel_is_looked_at_once(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 1, &h);
    struct ews_observation o[4] = {
        value("8867-4", 70, "parrots", "O/x", 0), value("8480-6", 85, "mm[Hg]", "O/p", 0),
        value("9279-1", 26, "/min", "O/p", 0), value("1234-5", 1, "1", "O/q", 0)};
    int told[4];
    (void)state;
    assert_int_equal(ews_unit_observe(u, STR("amal"), o, 4, 0, told), AM_E_INVALID);
    assert_int_equal(told[0], AM_E_INVALID);
    assert_ok(told[1]);
    assert_ok(told[2]);
    assert_int_equal(told[3], AM_E_NOTFOUND);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.fired, 1);
    assert_int_equal(h.low, 6); /* both of one reference */
    assert_int_equal(ews_unit_observe(u, STR("amal"), o, 0, 0, told), AM_E_TOOBIG);
    ews_unit_free(u);
}

static void an_answer_through_the_unit(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(2, 1, &h);
    const struct ews_alert *a;
    (void)state;
    assert_ok(see(u, "9269-2", 13, "", "O/gcs", 0)); /* no unit: a number */
    assert_ok(see(u, "9279-1", 25, "/min", "O/rr", 0));
    a = ews_unit_alert(u, STR("amal"), QSOFA);
    assert_int_equal(a->state, EWS_FIRED);
    assert_int_equal(ews_unit_acknowledge(u, STR("amal"), QSOFA, a->serial + 1, 1),
                     AM_E_CONFLICT);
    assert_int_equal(ews_unit_acknowledge(u, STR("badr"), QSOFA, 1, 1), AM_E_NOTFOUND);
    assert_int_equal(ews_unit_snooze(u, STR("amal"), 2, 1, 1, 9), AM_E_NOTFOUND);
    assert_ok(ews_unit_acknowledge(u, STR("amal"), QSOFA, a->serial, 1));
    assert_int_equal(a->state, EWS_ACKNOWLEDGED);
    assert_ok(ews_unit_snooze(u, STR("amal"), QSOFA, a->serial, 1, S(9)));
    assert_int_equal(a->state, EWS_SNOOZED);
    assert_ok(ews_unit_close(u, STR("amal"), QSOFA, a->serial, EWS_TRANSFER, 2));
    assert_int_equal(a->state, EWS_CLOSED);
    assert_ok(ews_unit_reopen(u, STR("amal"), QSOFA, 3));
    assert_int_equal(a->state, EWS_ARMED);
    ews_unit_free(u);
}

static void the_scale_of_saturation_can_be_set(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 1, &h);
    struct ews_observation o = value("spo2-scale", 0, "", "O/scale", 0);
    (void)state;
    admit(u, 0);
    assert_ok(see(u, "2708-6", 90, "%", "O/sat2", 1));
    assert_int_equal(total(u, NEWS, 1, NULL), 3);
    o.system = o.value_system = STR("urn:amane:score");
    o.coded = true;
    o.value_code = STR("scale_2");
    assert_ok(ews_unit_observe(u, STR("amal"), &o, 1, 2, NULL));
    assert_int_equal(total(u, NEWS, 2, NULL), 0);
    ews_unit_free(u);
}

static void rules_that_cannot_be_are_refused(void **state)
{
    static const struct ews_rule bad[] = {
        {.fire = 2, .clear = 0},
        {.fire = 1, .clear = 2},
        {.fire = 4, .clear = 1},
        {.fire = 2, .clear = 1, .clear_us = -1},
        {.fire = 2, .clear = 1, .reassess_us = INT64_MAX}};
    struct ews_unit *u = NULL;
    struct ews_unit_config c = {.n = 1, .patients = 1, .table = {table[NEWS]}};
    struct diag d;
    (void)state;
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        c.rule[0] = bad[i];
        diag_init(&d);
        assert_int_equal(ews_unit_new(&u, &c, convert, hear, NULL, 0, &d), AM_E_INVALID);
        assert_string_equal(d.item[0].code, "score.rule");
        assert_string_equal(d.item[0].path, "/rules/0");
        diag_release(&d);
    }
    c.rule[0] = (struct ews_rule){.fire = 2, .clear = 1};
    c.number = 1;
    assert_int_equal(ews_unit_new(&u, &c, convert, hear, NULL, 0, NULL), AM_E_INVALID);
    c.number = 0, c.n = 0;
    assert_int_equal(ews_unit_new(&u, &c, convert, hear, NULL, 0, NULL), AM_E_INVALID);
    assert_null(u);
}

static void beds_are_given_to_the_next(void **state)
{
    struct heard h = {0};
    struct ews_unit *u = unit_of(1, 3, &h);
    char name[16];
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct ews_observation o;
        snprintf(name, sizeof name, "p%d", i);
        o = value("8867-4", 140, "/min", "O/x", 0);
        assert_ok(ews_unit_observe(u, str_c(name), &o, 1, 0, NULL));
        if (i >= 2) {
            struct ews_value v[EWS_VARIABLES];
            snprintf(name, sizeof name, "p%d", i - 2);
            ews_unit_forget(u, str_c(name));
            assert_int_equal(ews_unit_values(u, str_c(name), NEWS, 0, v), AM_E_NOTFOUND);
            assert_int_equal(ews_unit_patients(u), 2);
        }
    }
    ews_unit_forget(u, STR("nobody"));
    assert_int_equal(ews_unit_patients(u), 2);
    ews_unit_free(u);
}

static void no_memory_nothing_half_done(void **state)
{
    struct heard h = {0};
    struct ews_unit_config c = {.n = 1, .patients = 2, .table = {table[NEWS]}};
    int err = AM_E_NOMEM;
    (void)state;
    c.rule[0] = (struct ews_rule){.fire = 2, .clear = 1};
    for (long n = 1; err == AM_E_NOMEM; n++) {
        struct ews_observation o = value("8867-4", 140, "/min", "O/x", 0);
        struct ews_unit *u = NULL;
        am_oom_at(n);
        err = ews_unit_new(&u, &c, convert, hear, &h, 0, NULL);
        if (!err) {
            err = ews_unit_observe(u, STR("amal"), &o, 1, 0, NULL);
            assert_int_equal(ews_unit_patients(u), !err);
        }
        am_oom_at(0);
        if (u && err) { /* and then it goes on */
            assert_ok(ews_unit_observe(u, STR("amal"), &o, 1, 0, NULL));
            assert_int_equal(ews_unit_patients(u), 1);
        }
        ews_unit_free(u);
    }
    assert_ok(err);
    ews_unit_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stay),
        TEST(a_value_serves_every_table_that_reads_it),
        TEST(what_no_table_understands_is_told),
        TEST(the_order_of_arrival_does_not_matter),
        TEST(the_future_blinds_nothing),
        TEST(an_earlier_version_that_comes_late_is_ignored),
        TEST(a_correction_may_change_the_code),
        TEST(what_cannot_be_read_ends_what_was_before),
        TEST(a_panel_is_looked_at_once),
        TEST(an_answer_through_the_unit),
        TEST(the_scale_of_saturation_can_be_set),
        TEST(rules_that_cannot_be_are_refused),
        TEST(beds_are_given_to_the_next),
        TEST(no_memory_nothing_half_done),
    };
    return cmocka_run_group_tests(tests, t_open, t_close);
}
