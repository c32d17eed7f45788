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
    if (now < b->at - EWS_AHEAD_US)
        b->at = now; /* the clock was put right: what is saved stays, time goes on */
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
static bool quiet(const struct ews_alert *a)
{
    return a->state == EWS_ARMED || a->state == EWS_RESOLVED || a->state == EWS_CLOSED;
}

/* A5. Falling back a little: standing still. Further: the clock had run ahead and was put
 * right, so all that was noted goes back with it, and no time asked is lost. */
static int64_t clock_of(struct ews_alert *a, int64_t now)
{
    int64_t *const noted[] = {&a->fired_at,    &a->asked_at, &a->due_at,
                              &a->answered_at, &a->below_at, &a->lower_at,
                              &a->resolved_at, &a->held_at};
    if (now < a->now - EWS_AHEAD_US) {
        for (size_t i = 0; i < AM_LEN(noted); i++)
            if (*noted[i])
                *noted[i] -= a->now - now;
        a->now = now;
    }
    return a->now = AM_MAX(now, a->now);
}

/* People are asked, from now on: whoever sees it answers this asking, none before. */
static void ask(const struct ews_table *t, struct ews_alert *a, size_t worst, int64_t now)
{
    int64_t us = ews_table_level(t, worst)->respond_us;
    if (a->state != EWS_FIRED) { /* a new asking */
        a->state = EWS_FIRED;
        a->asked_at = now;
        a->answered_at = 0;
        a->escalations = 0;
        a->due_at = 0;
    }
    a->worst = worst;
    a->serial++;
    if (!us)
        return;
    a->due_at = a->due_at > now ? AM_MIN(a->due_at, now + us) : now + us;
}

static unsigned fire(const struct ews_table *t, const struct ews_rule *r,
                     struct ews_alert *a, int64_t now, struct ews_budget *budget)
{
    const struct ews_level *l = ews_table_level(t, a->level);
    bool soon = a->state == EWS_RESOLVED && now - a->resolved_at < r->refractory_us &&
                a->level <= a->worst,
         long_held = a->held && l->respond_us && now - a->held_at >= l->respond_us;
    if (!l->red && (soon || (budget && !ews_budget_take(budget, now))) && !long_held) {
        unsigned acts = a->held ? 0 : EWS_ACT_HELD;
        if (!a->held)
            a->held_at = now;
        a->held = true;
        return acts;
    }
    *a = (struct ews_alert){
        .level = a->level, .now = now, .fired_at = now, .serial = a->serial};
    ask(t, a, a->level, now);
    return EWS_ACT_FIRE;
}

/* Since when something holds; true: for long enough. */
static bool lasted(bool holds, int64_t *since, int64_t now, int64_t us)
{
    if (!holds)
        *since = 0;
    else if (!*since)
        *since = now;
    return holds && now - *since >= us;
}

/* The time of an answer is over. What is not known is asked for: to measure again. */
static unsigned asked_too_long(const struct ews_table *t, const struct ews_rule *r,
                               struct ews_alert *a, const struct ews_result *is,
                               int64_t now)
{
    unsigned missing =
        is->level_low < r->clear && is->level_high >= r->clear ? EWS_ACT_MISSING : 0;
    int64_t us;
    if (a->state != EWS_FIRED) {
        /* as bad as it may still be: a level that is not known is not a better one */
        ask(t, a, AM_MAX(AM_MIN(a->worst, is->level_high), r->fire), now);
        return EWS_ACT_AGAIN | missing;
    }
    us = ews_table_level(t, a->worst)->respond_us;
    a->due_at = us ? now + us : 0;
    if (missing && a->escalations)
        return missing; /* the next in rank knows: a value is what is needed */
    a->escalations++;
    return EWS_ACT_ESCALATE | missing;
}

static unsigned live(const struct ews_table *t, const struct ews_rule *r,
                     struct ews_alert *a, const struct ews_result *is, int64_t now)
{
    bool over, lower;
    if (lasted(is->level_high < r->clear, &a->below_at, now, r->clear_us)) {
        a->state = EWS_RESOLVED;
        a->resolved_at = now;
        a->below_at = a->lower_at = a->due_at = 0;
        return EWS_ACT_RESOLVE;
    }
    lower = lasted(is->level_high < a->worst, &a->lower_at, now, r->clear_us);
    if (lower && a->state != EWS_FIRED && a->worst > r->fire) {
        a->worst = AM_MAX(is->level_high, r->fire); /* a return is worse again */
        a->lower_at = 0;
    }
    over = a->due_at && now >= a->due_at && !a->below_at; /* on its way down: not asked */
    if (a->level > a->worst) {
        bool late = over && a->state == EWS_FIRED;
        ask(t, a, a->level, now);
        a->lower_at = 0;
        a->escalations += late;
        return EWS_ACT_WORSE | (late ? EWS_ACT_ESCALATE : 0u);
    }
    return over ? asked_too_long(t, r, a, is, now) : 0;
}

unsigned ews_alert_step(const struct ews_table *t, const struct ews_rule *r,
                        struct ews_alert *a, const struct ews_result *now_is, int64_t now,
                        struct ews_budget *budget)
{
    am_assert(r->clear >= 1 && r->clear <= r->fire && r->fire < ews_table_levels(t));
    now = clock_of(a, now);
    a->level = now_is->level_low;
    if (a->state == EWS_CLOSED)
        return 0;
    if (!quiet(a))
        return live(t, r, a, now_is, now);
    if (a->level >= r->fire)
        return fire(t, r, a, now, budget);
    if (now_is->level_high < r->fire)
        a->held = false, a->held_at = 0;
    if (a->state == EWS_RESOLVED && now - a->resolved_at >= r->refractory_us)
        *a = (struct ews_alert){.level = a->level,
                                .now = now,
                                .serial = a->serial,
                                .held = a->held,
                                .held_at = a->held_at};
    return 0;
}

/* ---- people ---- */
static int answer(struct ews_alert *a, uint32_t seen, int64_t *now)
{
    if (quiet(a))
        return AM_E_NOTFOUND;
    if (seen != a->serial)
        return AM_E_CONFLICT;
    *now = clock_of(a, *now);
    return AM_OK;
}

int ews_alert_acknowledge(const struct ews_rule *r, struct ews_alert *a, uint32_t seen,
                          int64_t now)
{
    int err = answer(a, seen, &now);
    if (err)
        return err;
    a->state = EWS_ACKNOWLEDGED;
    a->answered_at = now;
    a->due_at = r->reassess_us ? now + r->reassess_us : 0;
    return AM_OK;
}

int ews_alert_snooze(const struct ews_rule *r, struct ews_alert *a, uint32_t seen,
                     int64_t now, int64_t until)
{
    int err = answer(a, seen, &now);
    if (err)
        return err;
    if (until <= now || r->snooze_most_us <= 0)
        return AM_E_INVALID;
    a->state = EWS_SNOOZED;
    a->answered_at = now;
    a->due_at = AM_MIN(until, now + r->snooze_most_us);
    return AM_OK;
}

int ews_alert_close(struct ews_alert *a, uint32_t seen, enum ews_reason why, int64_t now)
{
    if (why < EWS_DEATH || why > EWS_COMFORT)
        return AM_E_INVALID;
    if (seen != a->serial)
        return AM_E_CONFLICT;
    now = clock_of(a, now);
    *a = (struct ews_alert){.state = EWS_CLOSED,
                            .level = a->level,
                            .now = now,
                            .resolved_at = now,
                            .serial = a->serial,
                            .closed = why};
    return AM_OK;
}

int ews_alert_reopen(struct ews_alert *a, int64_t now)
{
    if (a->state != EWS_CLOSED)
        return AM_E_NOTFOUND;
    now = clock_of(a, now);
    *a = (struct ews_alert){.level = a->level, .now = now, .serial = a->serial};
    return AM_OK;
}
