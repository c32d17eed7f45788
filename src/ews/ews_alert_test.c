/* SPDX-License-Identifier: Apache-2.0 */
/* An alert's life told step by step, what always holds over random days, the budget. */
#include <stdlib.h>

#include "base/test.h"
#include "embed/embed.h"
#include "ews/ews.h"

enum { LOW, LOW_MEDIUM, MEDIUM, HIGH }; /* levels of NEWS2 */
#define S(s)   ((int64_t)(s) * 1000000)
#define MIN(m) S(60 * (m))

static struct ews_table *news;
static const struct ews_rule rule = {.fire = MEDIUM,
                                     .clear = LOW_MEDIUM,
                                     .clear_us = MIN(30),
                                     .refractory_us = MIN(120),
                                     .reassess_us = MIN(240),
                                     .snooze_most_us = MIN(60)};

static int t_open(void **state)
{
    const struct embed_file *f = embed_find("ews/news2.json");
    struct json_doc *doc;
    (void)state;
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL));
    assert_ok(ews_table_read(&news, json_root(doc), NULL));
    json_free(doc);
    return 0;
}

static int t_close(void **state)
{
    (void)state;
    ews_table_free(news);
    return 0;
}

static unsigned between(struct ews_alert *a, size_t low, size_t high, int64_t at,
                        struct ews_budget *b)
{
    const struct ews_result is = {
        .complete = low == high, .level_low = low, .level_high = high};
    return ews_alert_step(news, &rule, a, &is, at, b);
}

static unsigned step(struct ews_alert *a, size_t level, int64_t at)
{
    return between(a, level, level, at, NULL);
}

static void a_life(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, LOW, MIN(0)), 0);
    assert_int_equal(step(&a, LOW_MEDIUM, MIN(1)), 0);
    assert_int_equal(step(&a, MEDIUM, MIN(2)), EWS_ACT_FIRE);
    assert_int_equal(a.state, EWS_FIRED);
    assert_int_equal(a.due_at, MIN(62)); /* the hour of its level */
    assert_int_equal(step(&a, MEDIUM, MIN(61)), 0);
    assert_int_equal(step(&a, MEDIUM, MIN(62)), EWS_ACT_ESCALATE);
    assert_int_equal(step(&a, MEDIUM, MIN(63)), 0);
    assert_int_equal(step(&a, HIGH, MIN(64)), EWS_ACT_WORSE);
    assert_int_equal(a.due_at, MIN(94)); /* half an hour now */
    assert_int_equal(step(&a, HIGH, MIN(94)), EWS_ACT_ESCALATE);
    assert_int_equal(a.escalations, 2);
    assert_int_equal(a.asked_at, MIN(2)); /* all of it one asking */
    assert_ok(ews_alert_acknowledge(&rule, &a, a.serial, MIN(95)));
    assert_int_equal(step(&a, HIGH, MIN(300)), 0); /* answered: silent */
    assert_int_equal(step(&a, HIGH, MIN(335)), EWS_ACT_AGAIN);
    assert_int_equal(a.asked_at, MIN(335)); /* a new asking */
    assert_int_equal(a.answered_at, 0);
    assert_int_equal(a.escalations, 0);
    assert_ok(ews_alert_snooze(&rule, &a, a.serial, MIN(336), MIN(1000)));
    assert_int_equal(a.due_at, MIN(396)); /* an hour at most */
    assert_int_equal(step(&a, MEDIUM, MIN(396)), EWS_ACT_AGAIN);
    assert_ok(ews_alert_acknowledge(&rule, &a, a.serial, MIN(397)));
    assert_int_equal(step(&a, LOW, MIN(400)), 0);        /* not yet half an hour */
    assert_int_equal(step(&a, LOW_MEDIUM, MIN(410)), 0); /* and there it is again */
    assert_int_equal(step(&a, LOW, MIN(420)), 0);
    assert_int_equal(step(&a, LOW, MIN(449)), 0);
    assert_int_equal(step(&a, LOW, MIN(450)), EWS_ACT_RESOLVE);
    assert_int_equal(a.state, EWS_RESOLVED);
}

static void worse_wakes_whoever_answered(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, MEDIUM, 0), EWS_ACT_FIRE);
    assert_ok(ews_alert_snooze(&rule, &a, a.serial, MIN(1), MIN(50)));
    assert_int_equal(step(&a, HIGH, MIN(2)), EWS_ACT_WORSE);
    assert_int_equal(a.due_at, MIN(32));
    assert_ok(ews_alert_acknowledge(&rule, &a, a.serial, MIN(3)));
    assert_int_equal(step(&a, HIGH, MIN(4)), 0);
}

static void what_is_missing_wakes_and_silences_nobody(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(between(&a, LOW, HIGH, 0, NULL), 0);
    assert_int_equal(between(&a, MEDIUM, HIGH, 1, NULL), EWS_ACT_FIRE);
    for (int m = 1; m < 60; m++)
        assert_int_equal(between(&a, LOW, HIGH, MIN(m), NULL), 0);
    assert_int_equal(a.state, EWS_FIRED);
    assert_int_equal(between(&a, LOW, HIGH, MIN(61), NULL),
                     EWS_ACT_ESCALATE | EWS_ACT_MISSING);
    /* and then a value is what is asked for, not one rank after the other */
    for (int m = 62; m < 300; m++) {
        unsigned acts = between(&a, LOW, HIGH, MIN(m), NULL);
        assert_int_equal(acts, (m - 61) % 60 ? 0 : EWS_ACT_MISSING);
    }
    assert_int_equal(a.escalations, 1);
}

static void what_is_missing_after_an_answer_is_not_better(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, HIGH, MIN(1)), EWS_ACT_FIRE);
    assert_ok(ews_alert_snooze(&rule, &a, a.serial, MIN(2), MIN(12)));
    assert_int_equal(between(&a, LOW, HIGH, MIN(12), NULL),
                     EWS_ACT_AGAIN | EWS_ACT_MISSING);
    assert_int_equal(a.worst, HIGH);
    assert_int_equal(a.due_at, MIN(42)); /* the half hour of the red level */
    assert_int_equal(between(&a, MEDIUM, HIGH, MIN(42), NULL), EWS_ACT_ESCALATE);
}

static void a_return_to_red_after_an_answer_is_told(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, HIGH, MIN(1)), EWS_ACT_FIRE);
    assert_ok(ews_alert_acknowledge(&rule, &a, a.serial, MIN(2)));
    assert_int_equal(step(&a, MEDIUM, MIN(3)), 0);
    assert_int_equal(step(&a, HIGH, MIN(10)), 0); /* a moment better: no news */
    assert_int_equal(step(&a, MEDIUM, MIN(11)), 0);
    assert_int_equal(between(&a, LOW, HIGH, MIN(12), NULL),
                     0); /* not known: from there */
    assert_int_equal(step(&a, MEDIUM, MIN(13)), 0);
    assert_int_equal(step(&a, MEDIUM, MIN(42)), 0);
    assert_int_equal(a.worst, HIGH);
    assert_int_equal(step(&a, MEDIUM, MIN(43)), 0);
    assert_int_equal(a.worst, MEDIUM);
    assert_int_equal(step(&a, HIGH, MIN(44)), EWS_ACT_WORSE);
    assert_int_equal(a.state, EWS_FIRED);
    assert_int_equal(a.asked_at, MIN(44));
    assert_int_equal(a.answered_at, 0);
}

static void an_escalation_due_is_not_lost_to_worse(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, MEDIUM, MIN(1)), EWS_ACT_FIRE);
    assert_int_equal(step(&a, HIGH, MIN(61)), EWS_ACT_WORSE | EWS_ACT_ESCALATE);
    assert_int_equal(a.escalations, 1);
    assert_int_equal(a.due_at, MIN(91));
}

static void an_answer_names_what_was_seen(void **state)
{
    struct ews_alert a = {0};
    uint32_t seen;
    (void)state;
    assert_int_equal(step(&a, MEDIUM, MIN(1)), EWS_ACT_FIRE);
    seen = a.serial;
    assert_int_equal(step(&a, HIGH, MIN(2)), EWS_ACT_WORSE);
    assert_int_equal(ews_alert_acknowledge(&rule, &a, seen, MIN(3)), AM_E_CONFLICT);
    assert_int_equal(ews_alert_snooze(&rule, &a, seen, MIN(3), MIN(9)), AM_E_CONFLICT);
    assert_int_equal(ews_alert_close(&a, seen, EWS_DEATH, MIN(3)), AM_E_CONFLICT);
    assert_int_equal(a.state, EWS_FIRED);
    assert_ok(ews_alert_acknowledge(&rule, &a, a.serial, MIN(3)));
    seen = a.serial;
    assert_int_equal(step(&a, HIGH, MIN(243)), EWS_ACT_AGAIN);
    assert_int_equal(ews_alert_acknowledge(&rule, &a, seen, MIN(244)), AM_E_CONFLICT);
    seen = a.serial;
    assert_int_equal(step(&a, LOW, MIN(245)), 0);
    assert_int_equal(step(&a, LOW, MIN(275)), EWS_ACT_RESOLVE);
    assert_int_equal(step(&a, HIGH, MIN(276)), EWS_ACT_FIRE);
    assert_int_equal(ews_alert_acknowledge(&rule, &a, seen, MIN(277)), AM_E_CONFLICT);
}

static void closed_is_silent_until_reopened(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, HIGH, MIN(1)), EWS_ACT_FIRE);
    assert_int_equal(ews_alert_close(&a, a.serial, 0, MIN(2)), AM_E_INVALID);
    assert_int_equal(ews_alert_reopen(&a, MIN(2)), AM_E_NOTFOUND);
    assert_ok(ews_alert_close(&a, a.serial, EWS_COMFORT, MIN(2)));
    assert_int_equal(a.closed, EWS_COMFORT);
    for (int m = 3; m < 600; m++)
        assert_int_equal(step(&a, HIGH, MIN(m)), 0);
    assert_int_equal(ews_alert_acknowledge(&rule, &a, a.serial, MIN(600)), AM_E_NOTFOUND);
    assert_ok(ews_alert_reopen(&a, MIN(601)));
    assert_int_equal(step(&a, HIGH, MIN(602)), EWS_ACT_FIRE);
    assert_int_equal(a.closed, 0);
}

static void nothing_is_held_longer_than_its_level_allows(void **state)
{
    struct ews_budget b;
    struct ews_alert a = {0};
    (void)state;
    ews_budget_init(&b, 1, 35, 0, 1, 0); /* an empty ward earns nothing */
    assert_true(ews_budget_take(&b, 0));
    assert_int_equal(between(&a, MEDIUM, MEDIUM, MIN(1), &b), EWS_ACT_HELD);
    assert_int_equal(between(&a, MEDIUM, MEDIUM, MIN(60), &b), 0);
    assert_int_equal(between(&a, MEDIUM, MEDIUM, MIN(61), &b), EWS_ACT_FIRE);
    assert_false(a.held);
    assert_int_equal(a.held_at, 0);
}

static void resolved_is_armed_again(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, MEDIUM, MIN(1)), EWS_ACT_FIRE);
    assert_int_equal(step(&a, LOW, MIN(2)), 0);
    assert_int_equal(step(&a, LOW, MIN(32)), EWS_ACT_RESOLVE);
    assert_int_equal(a.due_at, 0);
    assert_int_equal(step(&a, LOW, MIN(151)), 0);
    assert_int_equal(a.state, EWS_RESOLVED);
    assert_int_equal(step(&a, LOW, MIN(152)), 0);
    assert_int_equal(a.state, EWS_ARMED);
    assert_int_equal(a.fired_at, 0);
    assert_int_equal(a.resolved_at, 0);
    assert_int_equal(a.worst, 0);
}

static void after_it_resolved_only_worse_or_red_comes_soon(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, MEDIUM, 0), EWS_ACT_FIRE);
    assert_int_equal(step(&a, LOW, MIN(1)), 0);
    assert_int_equal(step(&a, LOW, MIN(31)), EWS_ACT_RESOLVE);
    assert_int_equal(step(&a, MEDIUM, MIN(40)), EWS_ACT_HELD);
    assert_int_equal(step(&a, MEDIUM, MIN(41)), 0); /* counted once */
    assert_true(a.held);
    assert_int_equal(step(&a, HIGH, MIN(42)), EWS_ACT_FIRE);
    assert_false(a.held);
    assert_int_equal(step(&a, LOW, MIN(50)), 0);
    assert_int_equal(step(&a, LOW, MIN(80)), EWS_ACT_RESOLVE);
    assert_int_equal(step(&a, HIGH, MIN(81)), EWS_ACT_FIRE); /* red: always */
    assert_int_equal(step(&a, LOW, MIN(90)), 0);
    assert_int_equal(step(&a, LOW, MIN(120)), EWS_ACT_RESOLVE);
    assert_int_equal(step(&a, MEDIUM, MIN(239)), EWS_ACT_HELD);
    assert_int_equal(step(&a, MEDIUM, MIN(240)), EWS_ACT_FIRE);
}

static void nobody_answers_what_did_not_fire(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(ews_alert_acknowledge(&rule, &a, 0, 0), AM_E_NOTFOUND);
    assert_int_equal(ews_alert_snooze(&rule, &a, 0, 0, MIN(1)), AM_E_NOTFOUND);
    assert_int_equal(step(&a, MEDIUM, MIN(1)), EWS_ACT_FIRE);
    assert_int_equal(ews_alert_snooze(&rule, &a, a.serial, MIN(2), MIN(2)), AM_E_INVALID);
    assert_int_equal(a.state, EWS_FIRED);
}

static void a_clock_that_falls_back_a_little_stands_still(void **state)
{
    struct ews_alert a = {0};
    (void)state;
    assert_int_equal(step(&a, MEDIUM, MIN(100)), EWS_ACT_FIRE);
    assert_int_equal(step(&a, MEDIUM, MIN(95)), 0);
    assert_int_equal(a.now, MIN(100));
    assert_int_equal(step(&a, LOW, MIN(96)), 0);
    assert_int_equal(step(&a, LOW, MIN(129)), 0);
    assert_int_equal(step(&a, LOW, MIN(130)), EWS_ACT_RESOLVE);
}

/* A year ahead by mistake, then put right: nothing waits a year. */
static void a_clock_put_right_freezes_nothing(void **state)
{
    const int64_t year = MIN(366 * 24 * 60);
    struct ews_alert a = {0}, b = {0}, c = {0};
    struct ews_budget ward;
    (void)state;
    assert_int_equal(step(&a, MEDIUM, year + MIN(1)), EWS_ACT_FIRE);
    assert_int_equal(step(&a, MEDIUM, MIN(2)), 0);
    assert_int_equal(a.now, MIN(2));
    assert_int_equal(a.fired_at, MIN(2));
    assert_int_equal(a.answered_at, 0); /* what was not is not made up */
    assert_int_equal(a.below_at, 0);
    assert_int_equal(step(&a, MEDIUM, MIN(61)), 0);
    assert_int_equal(step(&a, MEDIUM, MIN(62)), EWS_ACT_ESCALATE);
    assert_int_equal(step(&b, MEDIUM, year), EWS_ACT_FIRE); /* answered meanwhile */
    assert_ok(ews_alert_snooze(&rule, &b, b.serial, year, year + MIN(10)));
    assert_int_equal(step(&b, LOW, MIN(1)), 0);
    assert_int_equal(step(&b, LOW, MIN(31)), EWS_ACT_RESOLVE);
    assert_int_equal(step(&c, MEDIUM, year), EWS_ACT_FIRE); /* by who answers */
    assert_ok(ews_alert_acknowledge(&rule, &c, c.serial, MIN(5)));
    assert_int_equal(step(&c, MEDIUM, MIN(245)), EWS_ACT_AGAIN);
    ews_budget_init(&ward, 1, 35, 35, 1, 0);
    assert_true(ews_budget_take(&ward, year));
    assert_false(ews_budget_take(&ward, MIN(1)));
    assert_true(ews_budget_take(&ward, MIN(1 + 24 * 60)));
}

static void a_ward_is_not_told_more_than_it_can_bear(void **state)
{
    struct ews_budget b;
    struct ews_alert a;
    int told = 0;
    (void)state;
    ews_budget_init(&b, 1, 35, 35, 2, 0); /* one a day, two saved */
    assert_true(ews_budget_take(&b, 0));
    assert_true(ews_budget_take(&b, 0));
    assert_false(ews_budget_take(&b, 0));
    assert_false(ews_budget_take(&b, MIN(24 * 60) - 1));
    assert_true(ews_budget_take(&b, MIN(24 * 60)));
    assert_false(ews_budget_take(&b, MIN(24 * 60)));
    assert_true(ews_budget_take(&b, INT64_MAX)); /* no more than is saved */
    assert_true(ews_budget_take(&b, INT64_MAX));
    assert_false(ews_budget_take(&b, INT64_MAX));
    ews_budget_init(&b, 1, 35, 0, 1, 0); /* an empty ward earns nothing */
    assert_true(ews_budget_take(&b, 0));
    assert_false(ews_budget_take(&b, INT64_MAX));
    ews_budget_init(&b, 1, 35, 35, 3, 0);
    for (int i = 0; i < 20; i++) {
        unsigned acts;
        memset(&a, 0, sizeof a);
        acts = between(&a, i % 2 ? MEDIUM : HIGH, HIGH, 1, &b);
        assert_true(i % 2 == 0 ? acts == EWS_ACT_FIRE : true); /* A4 */
        told += i % 2 && acts == EWS_ACT_FIRE;
        assert_true(acts == EWS_ACT_FIRE || acts == EWS_ACT_HELD);
    }
    assert_int_equal(told, 3); /* red alerts took none of it */
}

/* ---- random days ---- */
static uint64_t seed;
static uint64_t drawn(uint64_t n)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed % n;
}

static uint64_t a_day(uint64_t s, int steps)
{
    struct ews_alert a = {0};
    struct ews_budget b;
    int64_t now = 0, below = -1;
    uint64_t told = 1469598103934665603u;
    size_t peak = 0;
    seed = s;
    ews_budget_init(&b, 1, 35, 35, 2, 0);
    for (int i = 0; i < steps; i++) {
        enum ews_alert_state before = a.state;
        size_t low = drawn(4), high = drawn(3) ? low : low + drawn(4 - low);
        unsigned acts;
        bool live = before != EWS_ARMED && before != EWS_RESOLVED;
        now += (int64_t)drawn(MIN(20)) + 1;
        if (!drawn(6))
            assert_true(ews_alert_acknowledge(&rule, &a, a.serial, now) != AM_E_CONFLICT);
        if (!drawn(9))
            assert_true(ews_alert_snooze(&rule, &a, a.serial, now,
                                         now + (int64_t)drawn(MIN(90))) != AM_E_CONFLICT);
        acts = between(&a, low, high, now, &b);
        if (high >= rule.clear)
            below = -1;
        else if (below < 0)
            below = now;
        if (acts & EWS_ACT_RESOLVE) { /* A1 */
            assert_true(live && below >= 0 && now - below >= rule.clear_us);
            assert_int_equal(a.state, EWS_RESOLVED);
        } else
            assert_true(!live || a.state != EWS_RESOLVED);
        if (live && low > peak)
            assert_true(acts & EWS_ACT_WORSE); /* A2 */
        if (acts & EWS_ACT_FIRE)
            assert_true(!live && low >= rule.fire);
        if (!live && low == HIGH)
            assert_true(acts & EWS_ACT_FIRE); /* A4 */
        if (acts & EWS_ACT_HELD)
            assert_true(!live && low == MEDIUM);
        if (a.state == EWS_FIRED && !a.below_at)
            assert_true(a.due_at > now); /* A3: never left waiting */
        if (acts & EWS_ACT_FIRE)
            peak = low;
        else if (acts & EWS_ACT_AGAIN)
            peak = AM_MAX(AM_MIN(peak, high), (size_t)rule.fire);
        else
            peak = AM_MAX(peak, low);
        told = (told ^ acts ^ (uint64_t)a.state << 8) * 1099511628211u;
    }
    return told;
}

static void what_always_holds(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 2000; s++)
        assert_true(a_day(s, 300) == a_day(s, 300)); /* A5 */
    assert_true(a_day(1, 300) != a_day(2, 300));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_life),
        TEST(worse_wakes_whoever_answered),
        TEST(what_is_missing_wakes_and_silences_nobody),
        TEST(after_it_resolved_only_worse_or_red_comes_soon),
        TEST(nobody_answers_what_did_not_fire),
        TEST(a_clock_that_falls_back_a_little_stands_still),
        TEST(a_clock_put_right_freezes_nothing),
        TEST(what_is_missing_after_an_answer_is_not_better),
        TEST(a_return_to_red_after_an_answer_is_told),
        TEST(an_escalation_due_is_not_lost_to_worse),
        TEST(an_answer_names_what_was_seen),
        TEST(closed_is_silent_until_reopened),
        TEST(nothing_is_held_longer_than_its_level_allows),
        TEST(resolved_is_armed_again),
        TEST(a_ward_is_not_told_more_than_it_can_bear),
        TEST(what_always_holds),
    };
    return cmocka_run_group_tests(tests, t_open, t_close);
}
