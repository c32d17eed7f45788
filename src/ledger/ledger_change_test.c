/* SPDX-License-Identifier: Apache-2.0 */
/* V20: new weights inside an approved change plan: what counts, what caps, what ends it.
 */
#include "ledger/ledger_change_kit.h"

static const struct ledger_version *version(int i)
{
    return ledger_version_find(tk.l, of[i].model);
}

static struct ledger_change change_of(int i)
{
    struct ledger_change c;
    assert_true(ledger_change(tk.l, version(i), tk.now, &c));
    return c;
}

/* ---- inside a plan ---------------------------------------------------------------- */
static void inside_an_approved_plan_a_reduced_bench_suffices(void **state)
{
    struct ledger_change c;
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    assert_int_equal(version(1)->state, LEDGER_V_EVALUATED); /* RB-5, CY-1: inherited */
    c = change_of(1);
    assert_string_equal(c.why, "");
    assert_int_equal(c.cap, LEDGER_BASE);
    assert_ptr_equal(c.parent, version(0));
    assert_false(c.reduced);
    OK(grant("intermediate", "base", 0));
    assert_true(change_of(1).reduced);
    assert_int_equal(version(1)->level, LEDGER_BASE);
}

static void rows_the_plan_runs_again_are_never_taken_from_the_parent(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    OK(declare(1, "1.1.0", 0, CLAIM));
    to_evaluation("base");
    OK(bench("RB-5 CY-1", 0.88)); /* what it need not have measured */
    assert_int_equal(version(1)->state, LEDGER_V_UNDER_EVALUATION);
    OK(bench("PF-1", 0.9));
    assert_int_equal(version(1)->state, LEDGER_V_UNDER_EVALUATION); /* PF-4 too */
    OK(bench("PF-4", 0.9));
    assert_int_equal(version(1)->state, LEDGER_V_EVALUATED);
}

static void what_the_new_weights_failed_is_not_covered_by_the_parent(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    OK(declare(1, "1.1.0", 0, CLAIM));
    to_evaluation("intermediate");
    OK(bench("RB-5", 0.95)); /* worse than the limit; the parent's 0.88 holds */
    OK(bench(PERFORMANCE, 0.9));
    assert_int_equal(version(1)->state, LEDGER_V_EVALUATED);
    CODE(grant("intermediate", "base", 0), "guard.outcome_differs");
}

static void a_decision_cites_the_evidence_of_the_parent_it_rests_on(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    CODE(grant("intermediate", "base", -1), "guard.evidence");
    OK(grant("intermediate", "base", 0));
}

static void without_a_claim_evidence_of_another_version_counts_for_nothing(void **state)
{
    struct ledger_change c;
    (void)state;
    parent("intermediate", PLAN);
    OK(declare(1, "1.1.0", 0, ""));
    assert_false(ledger_change(tk.l, version(1), tk.now, &c));
    to_evaluation("intermediate");
    OK(bench(PERFORMANCE, 0.9));
    assert_int_equal(version(1)->state, LEDGER_V_UNDER_EVALUATION);
    OK(bench("RB-5 CY-1", 0.88));
    CODE(grant("intermediate", "intermediate", 0), "guard.evidence");
    OK(grant("intermediate", "intermediate", -1));
}

/* ---- the cap ----------------------------------------------------------------------- */
static void
its_label_is_a_level_below_the_parent_until_a_surveillance_passes(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    CODE(grant("intermediate", "intermediate", 0), "guard.change_cap");
    OK(grant("intermediate", "base", 0));
    CODE(grant("intermediate", "intermediate", 0), "guard.change_cap"); /* V11 */
    OK(bench("PF-1", 0.91));
    OK(survey("fail"));
    CODE(grant("intermediate", "intermediate", 0), "guard.change_cap");
    OK(survey("pass"));
    assert_true(change_of(1).lifted);
    assert_int_equal(change_of(1).cap, LEDGER_INTERMEDIATE);
    OK(grant("intermediate", "intermediate", 0));
    assert_true(change_of(1).reduced); /* it still rests on the parent's evidence */
}

static void a_surveillance_taken_back_or_followed_by_a_failure_lifts_no_cap(void **state)
{
    char hex[CRYPTO_HEX];
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    OK(grant("intermediate", "base", 0));
    OK(bench("PF-1", 0.91));
    OK(survey("pass"));
    crypto_hex(tk.record_sha256, 32, hex);
    OK(tk_say(&tk, LEDGER_EVENT, TK_BENCH,
              "\"type\":\"correction\",\"corrects\":\"%s\",\"reason\":\"r\"", hex));
    CODE(grant("intermediate", "intermediate", 0), "guard.change_cap");
    OK(survey("pass"));
    OK(survey("fail"));
    CODE(grant("intermediate", "intermediate", 0), "guard.change_cap");
}

static void even_then_it_never_passes_the_level_of_its_parent(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    child("advanced"); /* the parent has evidence on all rows asked at advanced */
    OK(grant("advanced", "base", 0));
    OK(bench("PF-1", 0.91));
    OK(survey("pass"));
    OK(grant("intermediate", "intermediate", 0));
    CODE(grant("advanced", "advanced", 0), "guard.change_cap");
    assert_int_equal(version(1)->level, LEDGER_INTERMEDIATE);
}

static void a_full_bench_of_its_own_is_not_capped(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    OK(bench("RB-5 CY-1", 0.88));
    CODE(grant("intermediate", "intermediate", 0), "guard.evidence"); /* rests on none */
    OK(grant("intermediate", "intermediate", -1));
    assert_false(change_of(1).reduced);
}

static void a_label_that_comes_to_a_full_bench_later_loses_its_cap(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    OK(grant("intermediate", "base", 0));
    OK(bench("RB-5 CY-1", 0.88));
    OK(grant("intermediate", "intermediate", -1));
    assert_false(change_of(1).reduced);
    assert_int_equal(version(1)->level, LEDGER_INTERMEDIATE);
}

/* ---- what a claim needs -------------------------------------------------------------
 */
static void a_change_no_plan_foresees_is_refused(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    CODE(declare(1, "1.1.0", 0, ",\"planned_change\":{\"type\":\"retraining\"}"),
         "guard.change_plan");
    CODE(declare(2, "1.1.0", 0, ",\"planned_change\":{\"type\":\"\"}"),
         "guard.change_plan");
}

static void a_type_the_policy_does_not_know_is_refused_even_when_planned(void **state)
{
    (void)state;
    parent("intermediate",
           ",\"change_plan\":{\"changes\":[{\"type\":\"anything\",\"tests\":[]}]}");
    CODE(declare(1, "1.1.0", 0, ",\"planned_change\":{\"type\":\"anything\"}"),
         "guard.change_plan");
}

static void a_plan_counts_once_a_commission_has_decided_on_it(void **state)
{
    (void)state;
    parent("intermediate", "");
    CODE(declare(1, "1.1.0", 0, CLAIM), "guard.change_plan");
    about(0);
    OK(supersede("1.0.0", -1, PLAN)); /* V21: later than the decision */
    CODE(declare(1, "1.1.0", 0, CLAIM), "guard.change_plan");
    about(0);
    OK(bench("PF-1", 0.9));
    OK(decide("maintained", "intermediate", "intermediate", "granted", -1));
    OK(declare(1, "1.1.0", 0, CLAIM));
}

static void a_plan_slipped_in_between_two_signatures_is_not_approved(void **state)
{
    struct buf mine;
    uint8_t payload[32];
    (void)state;
    OK(declare(0, "1.0.0", -1, ""));
    to_evaluation("intermediate");
    OK(bench(ALL_ROWS, 0.88));
    buf_init(&mine, 1 << 16);
    tk_unsigned = true; /* a text with its signers, signed by hand below */
    memcpy(tk.evidence, of[0].evidence[0], CRYPTO_HEX);
    (void)tk_decide(&tk, &(struct tk_decision){"granted", "intermediate", "intermediate",
                                               "granted", NULL, 300, jury, 4, NULL});
    tk_unsigned = false;
    CODE(tk_co(&tk, TK_HAS1), "waiting_signers");
    assert_ok(buf_add(&mine, buf_str(&tk.payload)));
    memcpy(payload, tk.payload_sha256, 32);
    OK(supersede("1.0.0", -1, PLAN));
    buf_clear(&tk.payload);
    assert_ok(buf_add(&tk.payload, buf_str(&mine)));
    memcpy(tk.payload_sha256, payload, 32);
    CODE(tk_co(&tk, TK_HAS2), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS3), "waiting_signers");
    OK(tk_co(&tk, TK_IMANOR));
    buf_release(&mine);
    assert_int_equal(version(0)->level, LEDGER_INTERMEDIATE);
    CODE(declare(1, "1.1.0", 0, CLAIM), "guard.change_plan");
}

static void what_the_change_does_not_touch_stays_as_it_was(void **state)
{
    char more[512];
    (void)state;
    parent("intermediate", PLAN);
    snprintf(more, sizeof more, "%s", CLAIM);
    {
        struct buf b, other;
        const char *at;
        buf_init(&b, 1 << 16);
        buf_init(&other, 1 << 16);
        tk_version_members(&tk, &b, "1.1.0", 21);
        at = strstr(b.p, "\"task\":\"risk_score\"");
        assert_non_null(at);
        tk_addf(&other, "%.*s\"task\":\"binary\"%s", (int)(at - b.p), b.p,
                at + strlen("\"task\":\"risk_score\""));
        CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
                    "%s,\"previous_version\":{\"version_label\":\"1.0.0\","
                    "\"model_digest\":\"%s\"}%s",
                    other.p, of[0].hex, more),
             "guard.change_kept");
        buf_release(&other);
        buf_release(&b);
    }
    OK(declare(1, "1.1.0", 0, CLAIM));
}

static void the_limits_of_the_plan_hold_for_the_new_weights(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    OK(declare(1, "1.1.0", 0, CLAIM));
    to_evaluation("intermediate");
    OK(bench(PERFORMANCE, 0.84)); /* passes the policy, 0.80; not the plan, 0.85 */
    CODE(grant("intermediate", "base", 0), "guard.change_acceptance");
    OK(bench("RB-5 CY-1", 0.84)); /* a full bench is outside the plan */
    OK(grant("intermediate", "intermediate", -1));
}

static void a_claim_is_fixed_at_declaration_and_may_only_be_dropped(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    OK(declare(1, "1.1.0", 0, CLAIM));
    CODE(supersede("1.1.0", 0, ""), "guard.frozen"); /* V21 keeps it */
    crypto_hex(ledger_version_find(tk.l, of[1].model)->declared.record, 32, of[1].record);
    CODE(supersede("1.1.0", -1, CLAIM), "guard.frozen"); /* of that same parent */
    crypto_hex(ledger_version_find(tk.l, of[1].model)->declared.record, 32, of[1].record);
    OK(tk_say(&tk, LEDGER_EVENT, TK_DESK,
              "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
              "\"inadmissible\",\"pointers\":[\"/planned_change\"]",
              of[1].hex));
    OK(supersede("1.1.0", 0, "")); /* V4 */
    to_evaluation("base");
    OK(bench(PERFORMANCE, 0.9));
    assert_int_equal(version(1)->state, LEDGER_V_UNDER_EVALUATION);
    CODE(supersede("1.1.0", 0, CLAIM), "guard.frozen"); /* nor added again */
}

/* ---- the parent falls ----------------------------------------------------------------
 */
static void suspend_parent(void)
{
    about(0);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    about(1);
}

static void suspend_by_decision(void)
{
    static const enum tk_actor by[] = {TK_HAS1};
    about(0);
    OK(tk_decide(&tk,
                 &(struct tk_decision){"suspended", "intermediate", "none", "granted",
                                       ",\"reason\":\"r\"", 0, by, 1, NULL}));
    about(1);
}

static void withdraw_parent(void)
{
    static const enum tk_actor by[] = {TK_VENDOR};
    about(0);
    OK(tk_say(&tk, LEDGER_EVENT, TK_VENDOR,
              "\"type\":\"withdrawal_notice\",\"model_digest\":\"%s\",\"leaves_at\":"
              "\"2027-06-01T00:00:00Z\",\"migration_plan\":\"" TK_SEALED "\"",
              of[0].hex));
    tk.now += 250 * TIME_DAY;
    OK(tk_decide(&tk, &(struct tk_decision){"withdrawn", "base", "none", "granted",
                                            ",\"reason\":\"r\"", 0, by, 1, NULL}));
    about(1);
}

static void expire_parent(void)
{
    tk.now += 301 * TIME_DAY; /* over its term, also before the automaton says so */
}

static void reduce_parent(void)
{
    about(0);
    OK(decide("reduced", "intermediate", "base", "granted", -1));
    about(1);
}

static void a_parent_that_does_not_stand_gives_no_reduction(void **state)
{
    static void (*const fall[])(void) = {suspend_parent, suspend_by_decision,
                                         withdraw_parent, expire_parent, reduce_parent};
    static const char *const why[] = {"parent_suspended", "parent_suspended",
                                      "parent_withdrawn", "parent_expired",
                                      "parent_base"};
    for (size_t i = 0; i < AM_LEN(fall); i++) {
        if (i)
            (void)open_tk(state);
        parent("intermediate", PLAN);
        child("intermediate");
        fall[i]();
        assert_string_equal(change_of(1).why, why[i]);
        assert_int_equal(change_of(1).cap, LEDGER_LEVEL_NONE);
        CODE(grant("intermediate", "base", 0), "guard.evidence");
        CODE(grant("intermediate", "base", -1), "guard.outcome_differs");
        CODE(declare(2, "1.2.0", 0, CLAIM), "guard.change_parent"); /* nor a new claim */
        if (i + 1 < AM_LEN(fall))
            (void)close_tk(state);
    }
}

static void a_label_in_force_stands_when_its_parent_falls_but_does_not_rise(void **state)
{
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    OK(grant("intermediate", "base", 0));
    OK(bench("PF-1", 0.91));
    OK(survey("pass"));
    suspend_parent();
    assert_int_equal(version(1)->state, LEDGER_V_LABELLED);
    CODE(grant("intermediate", "intermediate", -1), "guard.rows");
    OK(bench("RB-5 CY-1", 0.88));
    OK(grant("intermediate", "intermediate", -1));
}

static void a_parent_at_base_or_never_labelled_gives_nothing(void **state)
{
    (void)state;
    parent("base", PLAN);
    CODE(declare(1, "1.1.0", 0, CLAIM), "guard.change_parent");
    CODE(declare(1, "1.1.0", -1, CLAIM), "guard.previous_version");
    OK(declare(1, "1.1.0", 0, ""));
    CODE(declare(2, "1.2.0", 1, CLAIM), "guard.change_parent");
}

/* ---- chains ---------------------------------------------------------------------------
 */
static void a_version_on_a_reduced_bench_is_no_parent(void **state)
{
    (void)state;
    parent("advanced", PLAN);
    OK(declare(1, "1.1.0", 0, CLAIM PLAN));
    to_evaluation("intermediate");
    OK(bench(PERFORMANCE, 0.9));
    OK(grant("intermediate", "intermediate", 0));
    CODE(declare(2, "1.2.0", 1, CLAIM), "guard.change_parent");
    about(1);
    OK(bench("PF-1", 0.91));
    OK(survey("pass")); /* the cap is gone, what it rests on is not */
    CODE(declare(2, "1.2.0", 1, CLAIM), "guard.change_parent");
    OK(declare(2, "1.2.0", 0, CLAIM)); /* of what was measured whole, it may */
    about(1);
    OK(bench("RB-5 CY-1", 0.88));
    OK(decide("maintained", "intermediate", "intermediate", "granted", -1));
    OK(declare(3, "1.3.0", 1, CLAIM)); /* a full bench of its own makes a parent */
}

/* ---- the same everywhere
 * ---------------------------------------------------------------- */
static void the_entries_give_the_same_state_again(void **state)
{
    struct ledger *again;
    uint8_t a[32], b[32];
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    OK(grant("intermediate", "base", 0));
    assert_ok(ledger_new(&again, tk.blobs));
    for (size_t i = 0; i < tk.leaf.n; i++)
        assert_ok(ledger_apply(again, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}));
    assert_ok(ledger_state_digest(tk.l, a));
    assert_ok(ledger_state_digest(again, b));
    assert_memory_equal(a, b, 32);
    ledger_free(again);
}

static void the_view_says_what_is_run_again_what_is_taken_and_why(void **state)
{
    struct buf b;
    struct jw w;
    struct json_doc *doc;
    const struct json *c;
    (void)state;
    parent("intermediate", PLAN);
    child("intermediate");
    OK(grant("intermediate", "base", 0));
    buf_init(&b, 1 << 16);
    jw_init(&w, &b);
    ledger_version_json(tk.l, version(1), tk.now, &w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    c = json_get(json_root(doc), "change");
    assert_true(json_str_is(json_get(c, "type"), "recalibration"));
    assert_true(json_str_is(json_get(c, "parent"), of[0].hex));
    assert_true(json_str_is(json_get(c, "cap"), "base"));
    assert_true(json_bool(json_get(c, "reduced"), false));
    assert_int_equal(json_size(json_get(c, "rerun")), 2); /* PF-1, PF-4 at base */
    assert_int_equal(json_size(json_get(c, "inherited")), 1);
    assert_true(json_str_is(json_at(json_get(c, "inherited"), 0), "RB-5"));
    assert_true(json_str_is(json_at(json_get(c, "evidence"), 0), of[0].evidence[0]));
    json_free(doc);
    buf_release(&b);
}

/* Memory that runs out anywhere leaves all of a claim or none, and loses nothing. */
static void a_claim_survives_memory_that_runs_out(void **state)
{
    struct buf leaf;
    int err = AM_E_NOMEM;
    (void)state;
    parent("intermediate", PLAN);
    for (int n = 1; err == AM_E_NOMEM; n++) {
        struct ledger *l;
        assert_ok(ledger_new(&l, tk.blobs));
        for (size_t i = 0; i < tk.leaf.n; i++)
            assert_ok(ledger_apply(l, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}));
        if (n == 1) {
            struct ledger *mine = tk.l;
            tk.l = l; /* makes the leaf, applied to a state that is thrown away */
            OK(declare(1, "1.1.0", 0, CLAIM));
            tk.l = mine;
            ledger_free(l);
            buf_init(&leaf, 1 << 16);
            tk.leaf.n--;
            tk.leaf_n.n--;
            assert_ok(buf_add(
                &leaf, (struct str){tk.leaf.v[tk.leaf.n], tk.leaf_n.v[tk.leaf.n]}));
            free(tk.leaf.v[tk.leaf.n]);
            continue;
        }
        (void)am_oom_at(n - 1);
        err = ledger_apply(l, buf_str(&leaf));
        (void)am_oom_at(0);
        if (err)
            assert_null(ledger_version_find(l, of[1].model));
        else
            assert_non_null(ledger_version_find(l, of[1].model));
        ledger_free(l);
    }
    assert_ok(err);
    buf_release(&leaf);
}

int main(void)
{
    const struct CMUnitTest t[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_tk, close_tk)
        T(inside_an_approved_plan_a_reduced_bench_suffices),
        T(rows_the_plan_runs_again_are_never_taken_from_the_parent),
        T(what_the_new_weights_failed_is_not_covered_by_the_parent),
        T(a_decision_cites_the_evidence_of_the_parent_it_rests_on),
        T(without_a_claim_evidence_of_another_version_counts_for_nothing),
        T(its_label_is_a_level_below_the_parent_until_a_surveillance_passes),
        T(a_surveillance_taken_back_or_followed_by_a_failure_lifts_no_cap),
        T(even_then_it_never_passes_the_level_of_its_parent),
        T(a_full_bench_of_its_own_is_not_capped),
        T(a_label_that_comes_to_a_full_bench_later_loses_its_cap),
        T(a_change_no_plan_foresees_is_refused),
        T(a_type_the_policy_does_not_know_is_refused_even_when_planned),
        T(a_plan_counts_once_a_commission_has_decided_on_it),
        T(a_plan_slipped_in_between_two_signatures_is_not_approved),
        T(what_the_change_does_not_touch_stays_as_it_was),
        T(the_limits_of_the_plan_hold_for_the_new_weights),
        T(a_claim_is_fixed_at_declaration_and_may_only_be_dropped),
        T(a_parent_that_does_not_stand_gives_no_reduction),
        T(a_label_in_force_stands_when_its_parent_falls_but_does_not_rise),
        T(a_parent_at_base_or_never_labelled_gives_nothing),
        T(a_version_on_a_reduced_bench_is_no_parent),
        T(the_entries_give_the_same_state_again),
        T(the_view_says_what_is_run_again_what_is_taken_and_why),
        T(a_claim_survives_memory_that_runs_out),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
