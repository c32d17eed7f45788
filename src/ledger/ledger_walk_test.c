/* SPDX-License-Identifier: Apache-2.0 */
/* All transitions of lifecycle.md, walked: each is reached and taken once, and refused
 * once by each guard of the table under it. A refusal is one text of the very statement
 * that is then let through, or something that happened before it; where another test of
 * this folder makes it, the table names that test. The last tests hold the tables against
 * ledger_tbl.h: no transition and no guard is left out. */
#include "ledger/ledger_walk_kit.h"

/* ---- the refusals ---------------------------------------------------------------- */
/* step, guard; then a text and what stands instead ("@X" is the key of actor X), or what
 * happens before, or the test that makes it: "file: function". */
struct refusal {
    const char *step, *guard, *from, *to;
    void (*before)(void);
    const char *test;
};
#define SWAP(step, guard, from, to) {step, "guard." guard, from, to, NULL, NULL}
#define AFTER(step, guard, before)  {step, "guard." guard, NULL, NULL, before, NULL}
#define IN(step, guard, test)       {step, "guard." guard, NULL, NULL, NULL, test}

#define SHA TK_SEALED
#define RECORD(step)                                                                     \
    SWAP(step, "complete", "\"known_risks\"", "\"xnown_risks\""),                        \
        IN(step, "model_signature",                                                      \
           "guard: a_signature_or_a_twin_of_another_model_"                              \
           "does_not_count"),                                                            \
        IN(step, "fhir_twin",                                                            \
           "guard: a_signature_or_a_twin_of_another_model_does_not_"                     \
           "count")
#define DECLARED(step)                                                                   \
    RECORD(step), SWAP(step, "model_digest", "\"size\":32,\"sha256\":\"",                \
                       "\"size\":32,\"sha256\":\"00\",\"was\":\"")
#define SUPERSEDED(step)                                                                 \
    RECORD(step),                                                                        \
        SWAP(step, "supersedes", "\"supersedes\":\"",                                    \
             "\"supersedes\":\"" SHA "\",\"was\":\""),                                   \
        SWAP(step, "frozen", "\"random_seed\":\"1\"", "\"random_seed\":\"2\""),          \
        SWAP(step, "digest_taken", "\"algorithm_id\":\"MA-", "\"algorithm_id\":\"XX-")
#define NAMED(step)                                                                      \
    SWAP(step, "sealed", "[\"" SHA "\"]", "[]"),                                         \
        SWAP(step, "conflict_of_interest", "\"no_conflict\":true",                       \
             "\"no_conflict\":false"),                                                   \
        AFTER(step, "recused", recuse_rapporteur)
#define ASSIGNED(step)                                                                   \
    NAMED(step), SWAP(step, "rapporteur", "@RAPPORTEUR", "@HAS1"),                       \
        SWAP(step, "bench_operator", "@BENCH", "@VENDOR"),                               \
        SWAP(step, "level", "\"requested_level\":\"base\"",                              \
             "\"requested_level\":\"none\"")
#define DECIDED(step, recused)                                                           \
    SWAP(step, "policy", "\"policy_sha256\":\"",                                         \
         "\"policy_sha256\":\"" SHA "\",\"was\":\""),                                    \
        SWAP(step, "evidence", "\"evidence\":[", "\"evidence\":[\"" SHA "\","),          \
        SWAP(step, "conflict_of_interest", "\"no_conflict\":true",                       \
             "\"no_conflict\":false"),                                                   \
        SWAP(step, "outcome_differs", "\"outcome_computed\":\"granted\"",                \
             "\"outcome_computed\":\"refused\""),                                        \
        AFTER(step, "recused", recused)
#define TERM(step) SWAP(step, "term", "\"expires_at\":\"20", "\"expires_at\":\"21")
#define ASKED(step, level)                                                               \
    SWAP(step, "level", "\"requested_level\":\"" level "\"",                             \
         "\"requested_level\":\"advanced\"")
#define GIVEN(step, level)                                                               \
    SWAP(step, "level", "\"label_level\":\"" level "\"", "\"label_level\":\"none\"")
#define REASON(step)  SWAP(step, "reason", "\"reason\"", "\"was\"")
#define NO_USES(step) SWAP(step, "scope", "\"uses\":[\"" TK_USE "\"]", "\"uses\":[]")
#define CONFIRMED(step)                                                                  \
    IN(step, "record_due", "ask: it_binds_what_confirms_a_label_and_not_what_reduces_it")
#define CAP(step, fun) IN(step, "change_cap", "change: " fun)
#define PHASE(step, is)                                                                  \
    SWAP(step, "phase", "\"phase\":\"" is "\"", "\"phase\":\"unheard_of\"")
#define LACKS(guard, member) SWAP("P3", guard, "\"" member "\"", "\"was\"")

static const struct refusal refusal[] = {
    DECLARED("V2"),
    SWAP("V2", "version_label", "\"1.0.0\"", "\"one\""),
    IN("V2", "previous_version",
       "life: a_new_digest_is_a_new_version_with_a_greater_"
       "label"),
    DECLARED("V20"),
    SWAP("V20", "version_label", "\"1.1.0\"", "\"1.0.0\""),
    SWAP("V20", "previous_version", "{\"version_label\":\"1.0.0\",\"model_digest\":",
         "{\"version_label\":\"1.0.0\",\"was\":"),
    IN("V20", "change_parent",
       "change: a_parent_at_base_or_never_labelled_gives_"
       "nothing"),
    IN("V20", "change_plan", "change: a_change_no_plan_foresees_is_refused"),
    IN("V20", "change_kept", "change: what_the_change_does_not_touch_stays_as_it_was"),
    IN("V3", "admissibility_report", "guard: strict_pilot"),
    IN("V3I", "admissibility_report", "guard: strict_pilot"),
    SWAP("V3I", "pointers", "[\"/risks\"]", "[]"),
    SUPERSEDED("V4"),
    SUPERSEDED("V21"),
    SWAP("V21", "record_due", "\"relevance_morocco\"", "\"was\""),
    ASSIGNED("V5"),
    IN("V5", "evaluation_plan", "pair: open_without_plan"),
    ASSIGNED("V9"),
    IN("V9", "term", "rollback: a_deferral_that_has_lapsed_is_not_taken_up_again"),
    ASSIGNED("V10"),
    IN("V10", "appeal", "guard: an_appeal_taken_back_is_no_appeal"),
    IN("V10", "first_decision", "guard: an_appeal_in_time_is_judged_by_three_others"),
    ASSIGNED("V17"),
    NAMED("V5R"),
    SWAP("V5R", "rapporteur", "@RAPPORTEUR", "@RAPPORTEUR2"),
    SWAP("V5R", "bench_operator", "@BENCH2", "@BENCH"),
    SWAP("V5R", "level", "\"base\"", "\"intermediate\""),
    IN("V5R", "supersedes",
       "guard: a_rapporteur_recused_on_the_way_is_replaced_and_"
       "evidence_stays"),
    SWAP("V6", "rows", "[\"PF-1\",", "[\"ZZ-9\","),
    SWAP("V6", "sealed", "\"sha256\":\"5ea1ed", "\"sha256\":\"5ea1ee"),
    SWAP("V6", "supersedes", "\"family\"", "\"supersedes\":\"" SHA "\",\"family\""),
    AFTER("V6", "recused", recuse_bench),
    IN("V6", "bench_not_assigned", "pair: another_bench"),
    IN("V6", "vendor_signs", "refuse: the_vendor_never_speaks_for_the_bench"),
    IN("V6", "reproduced",
       "pair: a_run_that_nobody_repeated_does_not_end_an_"
       "evaluation"),
    DECIDED("V7", recuse_third),
    TERM("V7"),
    ASKED("V7", "base"),
    NO_USES("V7"),
    AFTER("V7", "stop_in_force", stop_nation),
    IN("V7", "rapporteur_votes", "refuse: the_rapporteur_does_not_vote"),
    IN("V7", "other_commissioners",
       "guard: whoever_refused_does_not_decide_after_the_"
       "appeal"),
    IN("V7", "reason", "life: stricter_than_computed_needs_a_reason"),
    IN("V7", "sites", "pair: open_intermediate_of_one_region"),
    IN("V7", "record_due", "ask: no_label_is_granted_whose_record_lacks_what_it_asks"),
    CAP("V7", "even_then_it_never_passes_the_level_of_its_parent"),
    IN("V7", "change_acceptance",
       "change: the_limits_of_the_plan_hold_for_the_new_"
       "weights"),
    DECIDED("V8D", recuse_third),
    ASKED("V8D", "base"),
    REASON("V8D"),
    DECIDED("V8R", recuse_third),
    ASKED("V8R", "base"),
    REASON("V8R"),
    IN("V8R", "vendor_heard", "guard: nobody_is_refused_or_deferred_unheard"),
    IN("V8D", "vendor_heard", "guard: nobody_is_refused_or_deferred_unheard"),
    DECIDED("V11", recuse_imanor),
    TERM("V11"),
    ASKED("V11", "intermediate"),
    NO_USES("V11"),
    CONFIRMED("V11"),
    IN("V11", "closed_pilot", "guard: to_intermediate"),
    IN("V11", "live_monitoring",
       "guard: every_transition_of_v_and_p_can_be_reached_with_"
       "nothing_waived"),
    IN("V11", "rows",
       "change: a_label_in_force_stands_when_its_parent_falls_but_does_"
       "not_rise"),
    CAP("V11", "a_surveillance_taken_back_or_followed_by_a_failure_lifts_no_cap"),
    DECIDED("V12", recuse_third),
    TERM("V12"),
    GIVEN("V12", "base"),
    REASON("V12"),
    DECIDED("V13", recuse_third),
    TERM("V13"),
    GIVEN("V13", "base"),
    CONFIRMED("V13"),
    IN("V13", "surveillance", "life: surveillance_maintains_and_time_expires"),
    AFTER("V14", "recused", recuse_first),
    DECIDED("V15", recuse_third),
    TERM("V15"),
    GIVEN("V15", "base"),
    CONFIRMED("V15"),
    REASON("V15"),
    IN("V15", "suspender",
       "life: one_key_stops_the_country_and_its_authority_must_"
       "reinstate"),
    SWAP("V16", "not_expired", "\"at\":\"20", "\"at\":\"21"),
    AFTER("V18", "recused", recuse_third),
    IN("V18", "vendor_heard",
       "guard: a_withdrawal_for_cause_waits_for_the_hearing_and_a_"
       "stop_does_not"),
    IN("V18", "withdrawal_plan",
       "guard: every_transition_of_v_and_p_can_be_reached_with_"
       "nothing_waived"),
    AFTER("V19", "retention", a_year_earlier),
    IN("V19", "ceiling", "walk: what_still_runs_is_not_archived"),
    PHASE("P1", "proposed"),
    SWAP("P1", "scope", "\"use_code\":\"" TK_USE "\"", "\"use_code\":\"OTHER\""),
    AFTER("P1", "ceiling", stop_nation),
    IN("P1", "sandbox",
       "facts: who_was_in_a_sandbox_meets_no_patient_whatever_its_"
       "label"),
    PHASE("P2", "pre_deployment"),
    SWAP("P2", "objectives", "\"objectives\":{\"obj", "\"was\":{\"obj"),
    PHASE("P3", "pilot"),
    AFTER("P3", "ceiling", stop_nation),
    AFTER("P3", "stop_in_force", stop_house),
    LACKS("risk_analysis", "risk_analysis"),
    LACKS("security_architecture", "security_architecture"),
    LACKS("dpia", "dpia"),
    LACKS("cndp", "cndp_authorization"),
    LACKS("baseline", "baseline_indicators"),
    LACKS("roster", "trained_roster_share"),
    LACKS("stop_drill", "stop_drill"),
    LACKS("pilot_term", "pilot_until"),
    SWAP("P3", "services", "[\"CARDIO\"]", "[]"),
    IN("P3", "interop_test", "guard: strict_pilot"),
    PHASE("P4", "deployed"),
    AFTER("P4", "ceiling", reduce),
    IN("P4", "local_validation",
       "guard: every_transition_of_v_and_p_can_be_reached_with_"
       "nothing_waived"),
    IN("P4", "review",
       "guard: every_transition_of_v_and_p_can_be_reached_with_nothing_"
       "waived"),
    IN("P4", "establishment_certified",
       "guard: every_transition_of_v_and_p_can_be_"
       "reached_with_nothing_waived"),
    SWAP("P5", "stop_target", "\"establishment\":\"" TK_SITE "\",", ""),
    SWAP("P6", "stop_target", "\"establishment\":\"" TK_SITE "\",", ""),
    IN("P7", "second_role", "pair: lifted_by_who_stopped"),
    IN("P7", "not_in_force", "life: a_stop_acts_at_once_and_two_roles_lift_it"),
    PHASE("P8", "stopped"),
    PHASE("P9", "pilot"),
    PHASE("P10", "retired"),
    IN("P10", "impact_report",
       "guard: every_transition_of_v_and_p_can_be_reached_with_"
       "nothing_waived"),
    PHASE("P11", "pilot"),
    AFTER("P11", "ceiling", stop_elder),
    SWAP("P11", "rollback", "\"loaded\":true", "\"loaded\":false"),
};

/* Guards of facts, keys, nodes, cases and deposits, which are no transition: the test
 * that makes them say no. */
static const char *const beside[][2] = {
    {"guard.algorithm_id", "refuse: the_declaration_must_hold_together"},
    {"guard.developer", "pair: not_the_developer"},
    {"guard.key", "refuse: a_grant_twice_or_by_the_wrong_hand_is_refused"},
    {"guard.policy_file", "life: a_policy_change_needs_both_houses_and_alters_nothing_"
                          "decided"},
    {"guard.visitor", "guard: a_visitor_comes_from_another_region"},
    {"guard.author", "guard: an_appeal_taken_back_is_no_appeal"},
    {"guard.fact", "guard: a_vendor_may_ask_for_a_recusal_and_no_more"},
    {"guard.lifted_by_v15", "life: one_key_stops_the_country_and_its_authority_must_"
                            "reinstate"},
    {"guard.node_key", "life: nodes_acknowledge_once_each"},
    {"guard.node_sequence", "life: a_node_grows_by_proofs_and_never_rewrites"},
    {"guard.node_rewrote", "life: a_node_grows_by_proofs_and_never_rewrites"},
    {"guard.k_min", "life: a_node_grows_by_proofs_and_never_rewrites"},
    {"guard.case_closed", "facts: a_case_goes_from_report_to_closure"},
    {"guard.case_terms", "facts: a_case_has_no_room_for_free_text"},
    {"guard.awareness", "facts: who_may_report_answer_and_close"},
    {"guard.escrow_items", "facts: a_deposit_names_the_five_items_by_safe_paths"},
    {"guard.escrow_manifest", "facts: a_receipt_is_checked_against_the_version"},
    {"guard.escrow_digests", "facts: a_receipt_is_checked_against_the_version"},
    {"guard.release_condition", "facts: a_release_needs_a_condition_that_was_agreed_and_"
                                "holds"},
    {"guard.released", "facts: a_release_is_ordered_by_two_and_executed_by_the_holder"},
};

/* ---- the walk -------------------------------------------------------------------- */
static const char *text_of(const char *from, struct buf *b)
{
    static const char *const name[] = {
#define X(id, role, function, org, gst, est) "@" #id,
        TK_ACTORS(X)
#undef X
    };
    for (size_t i = 0; i < TK_COUNT; i++)
        if (strcmp(from, name[i]) == 0)
            from = tk.id[i];
    buf_clear(b);
    tk_addf(b, "%s", from);
    return b->p;
}

static size_t problems; /* all are told, then the test fails */
static void wrong(const struct step *s, const char *wanted, const char *said)
{
    print_error("%s: %s expected, %s said\n", s->id, wanted, said);
    problems++;
}

static void refused(const struct refusal *r, const struct step *s)
{
    struct buf from, to;
    const char *code;
    buf_init(&from, 4096);
    buf_init(&to, 4096);
    if (r->from) {
        tk_from = text_of(r->from, &from);
        tk_to = text_of(r->to, &to);
    }
    code = s->say();
    tk_from = NULL;
    if (strcmp(code, r->guard))
        wrong(s, r->guard, code);
    buf_release(&from);
    buf_release(&to);
}

static void walk(const struct step *s)
{
    const char *code;
    s->reach();
    for (size_t i = 0; i < AM_LEN(refusal); i++)
        if (refusal[i].from && strcmp(refusal[i].step, s->id) == 0)
            refused(&refusal[i], s);
    code = s->say();
    if (strcmp(code, "ok"))
        wrong(s, "ok", code);
    if (strcmp(tk_outcome(&tk)->transition, s->row))
        wrong(s, s->row, tk_outcome(&tk)->transition);
    if (*s->state && strcmp(ledger_v_name(tk_v(&tk)->state), s->state))
        wrong(s, s->state, ledger_v_name(tk_v(&tk)->state));
    tk_close(&tk);
    for (size_t i = 0; i < AM_LEN(refusal); i++) {
        if (!refusal[i].before || strcmp(refusal[i].step, s->id))
            continue;
        s->reach();
        refusal[i].before();
        refused(&refusal[i], s);
        tk_close(&tk);
    }
}

static void each_transition_is_taken_once_and_refused_once_per_guard(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(step); i++)
        walk(&step[i]);
    assert_int_equal(problems, 0);
}

static void what_still_runs_is_not_archived(void **state)
{
    (void)state;
    at_pilot();
    assert_string_equal(say_withdraw(), "ok");
    tk.now += 3660 * TIME_DAY;
    assert_string_equal(say_archive(), "guard.ceiling");
    tk_close(&tk);
}

/* ---- nothing is left out --------------------------------------------------------- */
static const struct step *step_of(const char *id)
{
    for (size_t i = 0; i < AM_LEN(step); i++)
        if (strcmp(step[i].id, id) == 0)
            return &step[i];
    return NULL;
}

static void no_transition_is_left_out(void **state)
{
    static const char *const row[][2] = {
#define X(id, row, from, to, kind, discriminator, rule, check) {#id, row},
        LEDGER_V_MAP(X)
#undef X
#define X(id, from, to, check) {#id, #id},
            LEDGER_P_MAP(X)
#undef X
    };
    (void)state;
    assert_int_equal(AM_LEN(row), AM_LEN(step));
    for (size_t i = 0; i < AM_LEN(row); i++) {
        const struct step *s = step_of(row[i][0]);
        bool some = false;
        if (!s || strcmp(s->row, row[i][1]))
            fail_msg("%s is not walked", row[i][0]);
        for (size_t k = 0; k < AM_LEN(refusal); k++)
            some |= strcmp(refusal[k].step, row[i][0]) == 0;
        if (!some)
            fail_msg("%s is refused by no guard of the table", row[i][0]);
    }
}

static void no_guard_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(refusal); i++)
        if (!step_of(refusal[i].step))
            fail_msg("%s is no transition", refusal[i].step);
    for (int g = 0; g < GUARD_COUNT; g++) {
        size_t n = 0;
        for (size_t i = 0; i < AM_LEN(refusal); i++)
            n += strcmp(refusal[i].guard, ledger_guard_name[g]) == 0;
        for (size_t i = 0; i < AM_LEN(beside); i++)
            n += strcmp(beside[i][0], ledger_guard_name[g]) == 0;
        if (!n)
            fail_msg("%s refuses nothing in this walk", ledger_guard_name[g]);
    }
}

/* "file: function": the function is there, and its file names the guard. */
static void made_in(const char *guard, const char *test)
{
    const char *root = getenv("AMANE_SOURCE_ROOT"), *name = strchr(test, ':');
    char path[512], fun[160], *text;
    size_t n;
    bool there;
    assert_non_null(name);
    if (!root)
        skip();
    snprintf(path, sizeof path, "%s/src/ledger/ledger_%.*s_test.c", root,
             (int)(name - test), test);
    snprintf(fun, sizeof fun, "%s(", name + 2);
    assert_ok(am_file_read(path, 4 << 20, &text, &n));
    there = strstr(text, fun) && strstr(text, guard);
    free(text);
    if (!there)
        fail_msg("%s is not in %s", guard, test);
}

static void the_tests_named_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(refusal); i++)
        if (refusal[i].test)
            made_in(refusal[i].guard, refusal[i].test);
    for (size_t i = 0; i < AM_LEN(beside); i++)
        made_in(beside[i][0], beside[i][1]);
}

TEST_MAIN(TEST(each_transition_is_taken_once_and_refused_once_per_guard),
          TEST(what_still_runs_is_not_archived), TEST(no_transition_is_left_out),
          TEST(no_guard_is_left_out), TEST(the_tests_named_are_there))
