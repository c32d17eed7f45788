/* SPDX-License-Identifier: Apache-2.0 */
/* One alert's life, and how many a ward is asked to bear. */
#include "ews/ews.h"

#define DAY_US 86400000000

/* ---- the budget: credit counts in bed-microseconds times `number` ---- */
static int64_t price(const struct ews_budget *b)
{
    return b->bed_days * DAY_US;
}

void ews_budget_init(struct ews_budget *b, int64_t number, int64_t bed_days, int64_t beds,
                     int64_t saved, int64_t now)
{
    am_assert(number >= 1 && number <= 1000 && bed_days >= 1 && bed_days <= 10000);
    am_assert(beds >= 0 && beds <= 100000 && saved >= 1 && saved <= 1000);
    *b = (struct ews_budget){
        .number = number, .bed_days = bed_days, .beds = beds, .saved = saved, .at = now};
    b->credit = saved * price(b);
}

bool ews_budget_take(struct ews_budget *b, int64_t now)
{
    int64_t rate = b->beds * b->number, most = b->saved * price(b);
    if (now > b->at) {
        int64_t gone = now - b->at;
        if (rate && gone > (most - b->credit) / rate)
            b->credit = most;
        else
            b->credit += gone * rate;
        b->at = now;
    }
    if (b->credit < price(b))
        return false;
    b->credit -= price(b);
    return true;
}

/* ---- the alert ---- */
static int64_t respond_us(const struct ews_table *t, size_t level)
{
    return ews_table_level(t, level)->respond_us;
}

static int64_t due(const struct ews_table *t, size_t level, int64_t now)
{
    int64_t us = respond_us(t, level);
    return us ? now + us : INT64_MAX;
}

static bool quiet(const struct ews_alert *a)
{
    return a->state == EWS_ARMED || a->state == EWS_RESOLVED;
}

static unsigned fire(const struct ews_table *t, const struct ews_rule *r,
                     struct ews_alert *a, int64_t now, struct ews_budget *budget)
{
    bool red = ews_table_level(t, a->level)->red,
         soon = a->state == EWS_RESOLVED && now - a->resolved_at < r->refractory_us &&
                a->level <= a->worst;
    if (!red && (soon || (budget && !ews_budget_take(budget, now)))) {
        unsigned acts = a->held ? 0 : EWS_ACT_HELD;
        a->held = true;
        return acts;
    }
    *a = (struct ews_alert){.state = EWS_FIRED,
                            .level = a->level,
                            .worst = a->level,
                            .now = now,
                            .fired_at = now,
                            .due_at = due(t, a->level, now)};
    return EWS_ACT_FIRE;
}

/* Below for long enough, and certainly so? */
static bool cleared(const struct ews_rule *r, struct ews_alert *a,
                    const struct ews_result *is, int64_t now)
{
    if (is->level_high >= r->clear) {
        a->below_at = 0;
        return false;
    }
    if (!a->below_at)
        a->below_at = now;
    return now - a->below_at >= r->clear_us;
}

static unsigned live(const struct ews_table *t, const struct ews_rule *r,
                     struct ews_alert *a, const struct ews_result *is, int64_t now)
{
    if (cleared(r, a, is, now)) {
        a->state = EWS_RESOLVED;
        a->resolved_at = now;
        a->below_at = 0;
        a->due_at = INT64_MAX;
        return EWS_ACT_RESOLVE;
    }
    if (a->level > a->worst) {
        int64_t soon = due(t, a->level, now);
        a->due_at =
            a->state == EWS_FIRED && a->due_at > now ? AM_MIN(a->due_at, soon) : soon;
        a->state = EWS_FIRED;
        a->worst = a->level;
        return EWS_ACT_WORSE;
    }
    if (now < a->due_at || a->below_at)
        return 0; /* on its way down: nobody is asked again */
    if (a->state == EWS_FIRED) {
        a->escalations++;
        a->due_at = due(t, a->worst, now);
        return EWS_ACT_ESCALATE;
    }
    a->state = EWS_FIRED;
    a->worst = AM_MAX(a->level, r->fire);
    a->due_at = due(t, a->worst, now);
    return EWS_ACT_AGAIN;
}

unsigned ews_alert_step(const struct ews_table *t, const struct ews_rule *r,
                        struct ews_alert *a, const struct ews_result *now_is, int64_t now,
                        struct ews_budget *budget)
{
    am_assert(r->clear >= 1 && r->clear <= r->fire && r->fire < ews_table_levels(t));
    a->now = now = AM_MAX(now, a->now); /* A5 */
    a->level = now_is->level_low;
    if (!quiet(a))
        return live(t, r, a, now_is, now);
    if (a->level >= r->fire)
        return fire(t, r, a, now, budget);
    if (now_is->level_high < r->fire)
        a->held = false;
    return 0;
}

bool ews_alert_acknowledge(const struct ews_rule *r, struct ews_alert *a, int64_t now)
{
    if (quiet(a))
        return false;
    a->now = now = AM_MAX(now, a->now);
    a->state = EWS_ACKNOWLEDGED;
    a->answered_at = now;
    a->due_at = r->reassess_us ? now + r->reassess_us : INT64_MAX;
    return true;
}

bool ews_alert_snooze(const struct ews_rule *r, struct ews_alert *a, int64_t now,
                      int64_t until)
{
    if (quiet(a) || until <= AM_MAX(now, a->now))
        return false;
    a->now = now = AM_MAX(now, a->now);
    a->state = EWS_SNOOZED;
    a->answered_at = now;
    a->due_at = AM_MIN(until, now + r->snooze_most_us);
    return true;
}
