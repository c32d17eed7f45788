/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings and what falls due: dates only, from the state. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call) assert_string_equal((call), "ok")
#define HERE                                                                             \
    "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION "\",\"use_code\":\"" TK_USE \
    "\","

static struct tk tk;

static int open_tk(void **state)
{
    (void)state;
    tk_open(&tk);
    return 0;
}

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

struct found {
    const char *kind;
    size_t n;
    struct ledger_warning w;
};

static int find(void *cookie, const struct ledger_warning *w)
{
    struct found *f = cookie;
    if (strcmp(w->kind, f->kind) == 0) {
        f->n++;
        f->w = *w;
    }
    return AM_OK;
}

static size_t warned(const char *kind, int64_t days, struct ledger_warning *out)
{
    struct found f = {.kind = kind};
    assert_ok(ledger_warnings(tk.l, tk.now + days * TIME_DAY, find, &f));
    if (out)
        *out = f.w;
    return f.n;
}

static int64_t at(const char *text)
{
    int64_t t;
    assert_ok(time_parse(str_c(text), &t));
    return t;
}

static void fifteen_working_days_skip_weekends_and_holidays(void **state)
{
    struct json_doc *doc;
    (void)state;
    /* python3 datetime, a day at a time: 15 with weekday() < 5 after 2 November */
    assert_true(ledger_working_days(NULL, at("2026-11-02T09:00:00Z"), 15) ==
                at("2026-11-23T09:00:00Z"));
    /* the same, without the two holidays */
    assert_ok(
        json_parse(&doc, STR("[\"--11-06\",\"2026-11-18\",\"2025-11-19\"]"), NULL, NULL));
    assert_true(ledger_working_days(json_root(doc), at("2026-11-02T09:00:00Z"), 15) ==
                at("2026-11-25T09:00:00Z"));
    /* from a Saturday, one working day is Monday */
    assert_true(ledger_working_days(NULL, at("2026-11-07T00:00:00Z"), 1) ==
                at("2026-11-09T00:00:00Z"));
    json_free(doc);
}

static void each_stage_has_its_delay(void **state)
{
    struct ledger_warning w;
    (void)state;
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    assert_int_equal(warned("admissibility", 0, &w), 1);
    assert_true(w.due_at == ledger_working_days(NULL, tk.now, 15));
    assert_false(w.term || w.late);
    assert_string_equal(w.subject, "version");
    assert_string_equal(w.id, tk.model_hex);
    assert_int_equal(warned("admissibility", 30, &w), 1);
    assert_true(w.late && w.step == 0 && w.days_left < 0);
    OK(tk_admissible(&tk));
    assert_int_equal(warned("admissibility", 30, NULL), 0);
    OK(tk_assign(&tk, "base"));
    assert_int_equal(warned("evidence", 0, &w), 1);
    assert_int_equal(w.days_left, 60);
    OK(tk_evidence(&tk, 0.88));
    assert_int_equal(warned("evidence", 0, NULL), 0);
    assert_int_equal(warned("decision", 0, &w), 1);
    assert_int_equal(w.days_left, 30);
    OK(tk_label(&tk));
    assert_int_equal(warned("decision", 0, NULL), 0);
}

static void a_term_is_announced_at_ninety_thirty_and_seven_days(void **state)
{
    static const struct {
        int64_t day;
        size_t n;
        unsigned step;
    } k[] = {{0, 0, 0},    {274, 0, 0},  {276, 1, 90}, {334, 1, 90},
             {336, 1, 30}, {357, 1, 30}, {359, 1, 7},  {364, 1, 7}};
    struct ledger_warning w = {0};
    (void)state;
    tk_to_label(&tk); /* for 365 days */
    for (size_t i = 0; i < AM_LEN(k); i++) {
        assert_int_equal(warned("label_expiry", k[i].day, &w), k[i].n);
        if (k[i].n)
            assert_int_equal(w.step, k[i].step);
        assert_false(k[i].n && w.late);
    }
    assert_int_equal(warned("label_expiry", 366, &w), 1);
    assert_true(w.late);
    assert_int_equal(w.step, 0);
    assert_int_equal(w.days_left, -1);
}

static void a_pilot_announces_its_own_end_and_that_of_its_approvals(void **state)
{
    struct ledger_warning w;
    (void)state;
    tk_to_pilot(&tk);
    assert_int_equal(warned("pilot_end", 100, &w), 1);
    assert_string_equal(w.id, tk_p(&tk)->id);
    assert_int_equal(warned("dpia", 100, NULL), 0);
    assert_int_equal(warned("dpia", 250, &w), 1);
    assert_string_equal(w.subject, "deployment");
    assert_int_equal(warned("cndp", 250, NULL), 0);
    assert_int_equal(warned("monitoring", 250, NULL), 0); /* base: the end of the pilot */
}

static void a_stop_without_motive_and_without_decision_is_late_after_a_day(void **state)
{
    struct ledger_warning w;
    (void)state;
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    assert_int_equal(warned("stop_motive", 0, &w), 1);
    assert_false(w.late);
    assert_int_equal(warned("stop_motive", 2, &w), 1);
    assert_true(w.late);
    assert_int_equal(warned("stop_decision", 2, &w), 1);
    assert_true(w.late);
}

static void an_announced_withdrawal_is_said_for_ninety_days_and_after(void **state)
{
    struct ledger_warning w;
    char leaves[TIME_TEXT];
    (void)state;
    tk_to_pilot(&tk);
    time_format(tk.now + 100 * TIME_DAY, leaves);
    OK(tk_say(&tk, LEDGER_EVENT, TK_VENDOR,
              "\"type\":\"withdrawal_notice\",\"model_digest\":\"%s\",\"leaves_at\":"
              "\"%s\",\"migration_plan\":\"%s\"",
              tk.model_hex, leaves, tk.model_hex));
    assert_int_equal(warned("withdrawal", 2, NULL), 0); /* far enough */
    assert_int_equal(warned("withdrawal", 20, &w), 1);
    assert_true(w.term && !w.late);
    assert_int_equal(warned("withdrawal", 101, &w), 1);
    assert_true(w.late); /* it was to leave, and is still there */
}

static void a_stop_waits_for_each_node_it_reaches(void **state)
{
    struct ledger_warning w;
    char order[CRYPTO_HEX];
    (void)state;
    tk_to_pilot(&tk); /* in the region of NODE; NODE2 serves another */
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    crypto_hex(tk.record_sha256, 32, order);
    assert_int_equal(warned("stop_ack", 0, &w), 1);
    assert_false(w.late || w.term);
    assert_string_equal(w.id, order);
    assert_int_equal(warned("stop_ack", 2, &w), 1);
    assert_true(w.late);
    OK(tk_say(&tk, LEDGER_EVENT, TK_NODE,
              "\"type\":\"stop_ack\",\"order\":\"%s\",\"node\":\"GST-RSK\","
              "\"effect_at\":\"2026-11-04T09:00:00Z\"",
              order));
    assert_int_equal(warned("stop_ack", 2, NULL), 0);
}

static void a_refusal_says_until_when_it_can_be_appealed(void **state)
{
    struct tk_decision d = {"refused", "base",  "none", "refused", NULL,
                            365,       tk_jury, 3,      NULL};
    struct ledger_warning w;
    (void)state;
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.70));
    OK(tk_decide(&tk, &d));
    assert_int_equal(warned("appeal", 10, &w), 1);
    assert_int_equal(w.days_left, 20); /* and a bit less: the refusal is seconds old */
    assert_int_equal(warned("appeal", 31, NULL), 0); /* final: nobody is late */
    OK(tk_say(&tk, LEDGER_EVENT, TK_VENDOR,
              "\"type\":\"appeal\",\"model_digest\":\"%s\",\"ground\":\"g\"",
              tk.model_hex));
    assert_int_equal(warned("appeal", 10, NULL), 0);
    assert_int_equal(warned("appeal_judgement", 31, &w), 1);
    assert_true(w.late);
}

static void authority_keys_are_to_be_rotated_within_two_years(void **state)
{
    (void)state;
    assert_int_equal(warned("key_rotation", 600, NULL), 0);
    assert_int_equal(warned("key_rotation", 700, NULL), 2); /* MSPS1, MSPS2 */
}

static void a_contact_is_confirmed_every_twelve_months_by_a_new_record(void **state)
{
    struct ledger_warning w;
    (void)state;
    OK(tk_algorithm(&tk));
    assert_int_equal(warned("contact", 200, NULL), 0);
    assert_int_equal(warned("contact", 300, &w), 1);
    assert_string_equal(w.subject, "algorithm");
    assert_int_equal(warned("contact", 400, &w), 1);
    assert_true(w.late);
}

static int refuse_to_listen(void *cookie, const struct ledger_warning *w)
{
    (void)w;
    ++*(int *)cookie;
    return AM_E_NOMEM;
}

static void a_listener_that_fails_ends_the_walk(void **state)
{
    int n = 0;
    (void)state;
    tk_to_pilot(&tk);
    assert_int_equal(ledger_warnings(tk.l, tk.now + 400 * TIME_DAY, refuse_to_listen, &n),
                     AM_E_NOMEM);
    assert_int_equal(n, 1);
}

/* ---- what falls due -------------------------------------------------------------- */
struct dues {
    size_t n;
    enum ledger_due_kind kind[16];
    const char *motive[16];
    bool national[16];
};

static int note_due(void *cookie, const struct ledger_due *d)
{
    struct dues *k = cookie;
    assert_true(k->n < 16);
    k->kind[k->n] = d->kind;
    k->motive[k->n] = d->motive;
    k->national[k->n++] = !d->deployment;
    return AM_OK;
}

static struct dues due(int64_t days)
{
    struct dues k = {0};
    assert_ok(ledger_due(tk.l, tk.now + days * TIME_DAY, note_due, &k));
    return k;
}

static const char *expire_now(void)
{
    char now[TIME_TEXT];
    return tk_say(&tk, LEDGER_EVENT, TK_ROBOT,
                  "\"type\":\"expiry\",\"model_digest\":\"%s\",\"at\":\"%s\"",
                  tk.model_hex, tk_time(&tk, 0, now));
}

static void an_expired_label_is_due_once(void **state)
{
    struct dues k;
    (void)state;
    tk_to_label(&tk);
    assert_int_equal(due(364).n, 0);
    k = due(366);
    assert_int_equal(k.n, 1);
    assert_int_equal(k.kind[0], LEDGER_DUE_EXPIRY);
    tk.now += 366 * TIME_DAY;
    OK(expire_now());
    assert_int_equal(due(0).n, 0);
}

static void expired_approvals_stop_the_deployment_once(void **state)
{
    struct dues k;
    (void)state;
    tk_to_pilot(&tk); /* DPIA for 300 days */
    assert_int_equal(due(299).n, 0);
    k = due(301);
    assert_int_equal(k.n, 1);
    assert_int_equal(k.kind[0], LEDGER_DUE_STOP);
    assert_string_equal(k.motive[0], "dpia_expired");
    assert_false(k.national[0]);
    tk.now += 301 * TIME_DAY;
    OK(tk_stop(&tk, TK_ROBOT, "establishment",
               "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
               "\",\"use_code\":\"" TK_USE "\",\"motive_code\":\"dpia_expired\","));
    assert_string_equal(tk_outcome(&tk)->transition, "P6");
    assert_int_equal(due(0).n, 0);
    { /* lifted: the same cause is not answered twice, and dates restrict anyway */
        uint8_t order[32];
        memcpy(order, tk.record_sha256, 32);
        (void)tk_lift(&tk, TK_DIRECTOR, order);
        OK(tk_co(&tk, TK_DIM));
    }
    assert_int_equal(due(0).n, 0);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
}

static void confirmed_drift_stops_where_it_was_seen(void **state)
{
    struct dues k;
    (void)state;
    tk_to_pilot(&tk);
    tk.now += 100 * TIME_DAY;
    for (int64_t i = 0; i < 2; i++) {
        char from[TIME_TEXT], to[TIME_TEXT];
        assert_int_equal(due(0).n, 0);
        OK(tk_say(&tk, LEDGER_EVENT, TK_NODE,
                  "\"type\":\"drift\",\"model_digest\":\"%s\"," HERE
                  "\"test\":\"cusum\",\"variable\":\"age\",\"from\":\"%s\",\"to\":\"%s\","
                  "\"n\":400,\"statistic\":9.1,\"calibrated_threshold\":8.05,"
                  "\"false_alarm_probability\":0.001,\"severity\":3,\"action\":\"stop\"",
                  tk.model_hex, tk_time(&tk, i * 10 - 30, from),
                  tk_time(&tk, i * 10 - 20, to)));
        tk.now -= TIME_SECOND; /* the second begins where the first ended */
    }
    k = due(0);
    assert_int_equal(k.n, 1);
    assert_string_equal(k.motive[0], "drift");
    assert_false(k.national[0]);
}

static void missed(char last)
{
    char now[TIME_TEXT];
    OK(tk_say(&tk, LEDGER_EVENT, TK_DOCTOR,
              "\"type\":\"vigilance\",\"case_id\":\"VIG-2026-AAAAAAAAA%c\","
              "\"model_digest\":\"%s\",\"establishment\":\"" TK_SITE
              "\",\"gst\":\"" TK_REGION
              "\",\"severity\":\"serious\",\"false_negative\":true,"
              "\"aware_at\":\"%s\",\"traces\":[],\"terms\":[\"A01\",\"E01\"]",
              last, tk.model_hex, tk_time(&tk, -1, now)));
}

/* 3 in 10: the exact lower limit is 0.0618... (ledger_facts_test.c). */
static void diagnoses_missed_above_the_declared_rate_stop_the_version_once(void **state)
{
    struct dues k;
    struct ledger_verrec *v;
    (void)state;
    tk_to_pilot(&tk);
    v = &tk.l->version.v[0];
    tk.l->deployment.v[0].p.uses = 10;
    for (int i = 0; i < 3; i++)
        missed((char)('A' + i));
    assert_int_equal(due(0).n, 0); /* nothing was declared */
    v->fn_declared = 0.062;
    assert_int_equal(due(0).n, 0); /* not above it with certainty */
    v->fn_declared = 0.06;
    k = due(0);
    assert_int_equal(k.n, 1);
    assert_int_equal(k.kind[0], LEDGER_DUE_STOP);
    assert_string_equal(k.motive[0], "missed_diagnoses");
    assert_true(k.national[0]);
    OK(tk_stop(&tk, TK_ROBOT, "national", "\"motive_code\":\"missed_diagnoses\","));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_SUSPENDED);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    assert_int_equal(due(0).n, 0);
}

static void ten_years_after_the_last_use_it_is_archived(void **state)
{
    static const enum tk_actor msps[] = {TK_MSPS1, TK_MSPS2};
    struct tk_decision d = {"withdrawn", "base", "none", "granted", ",\"reason\":\"r\"",
                            200,         msps,   2,      NULL};
    struct dues k;
    (void)state;
    tk_to_label(&tk);
    OK(tk_decide(&tk, &d));
    assert_int_equal(due(3650).n, 0);
    k = due(3655);
    assert_int_equal(k.n, 1);
    assert_int_equal(k.kind[0], LEDGER_DUE_ARCHIVE);
}

/* Anybody with a key may have a statement logged; what has no effect is no use. */
static void a_refused_statement_does_not_put_off_the_archive(void **state)
{
    static const enum tk_actor msps[] = {TK_MSPS1, TK_MSPS2};
    struct tk_decision d = {"withdrawn", "base", "none", "granted", ",\"reason\":\"r\"",
                            200,         msps,   2,      NULL};
    int64_t now;
    (void)state;
    tk_to_label(&tk);
    OK(tk_decide(&tk, &d));
    now = tk.now;
    for (int year = 1; year <= 9; year++) {
        tk.now = now + year * 365 * TIME_DAY;
        assert_string_not_equal(tk_evidence_by(&tk, TK_BENCH3, 0.9), "ok");
        assert_string_not_equal(tk_stop(&tk, TK_VENDOR2, "national", ""), "ok");
    }
    tk.now = now;
    assert_int_equal(due(3655).n, 1);
    OK(tk_stop(&tk, TK_HAS1, "national", "")); /* in effect: somebody needed it */
    assert_int_equal(tk.l->version.v[0].last_at, tk.now);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_tk, close_tk)
    const struct CMUnitTest t[] = {
        T(fifteen_working_days_skip_weekends_and_holidays),
        T(each_stage_has_its_delay),
        T(a_term_is_announced_at_ninety_thirty_and_seven_days),
        T(a_pilot_announces_its_own_end_and_that_of_its_approvals),
        T(a_stop_without_motive_and_without_decision_is_late_after_a_day),
        T(an_announced_withdrawal_is_said_for_ninety_days_and_after),
        T(a_stop_waits_for_each_node_it_reaches),
        T(a_refusal_says_until_when_it_can_be_appealed),
        T(authority_keys_are_to_be_rotated_within_two_years),
        T(a_contact_is_confirmed_every_twelve_months_by_a_new_record),
        T(a_listener_that_fails_ends_the_walk),
        T(an_expired_label_is_due_once),
        T(expired_approvals_stop_the_deployment_once),
        T(confirmed_drift_stops_where_it_was_seen),
        T(diagnoses_missed_above_the_declared_rate_stop_the_version_once),
        T(ten_years_after_the_last_use_it_is_archived),
        T(a_refused_statement_does_not_put_off_the_archive),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
