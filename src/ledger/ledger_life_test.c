/* SPDX-License-Identifier: Apache-2.0 */
/* The two life cycles of lifecycle.md, transition by transition. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)
#define AT_HOME          "\"gst\":\"" TK_REGION "\",\"establishment\":\"" TK_SITE "\","

static struct tk tk; /* one country per test */
static const enum tk_actor jury4[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR};

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

static void a_model_goes_from_declaration_to_pilot(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    assert_string_equal(tk_outcome(&tk)->transition, "V2");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_DECLARED);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "registered");
    OK(tk_admissible(&tk));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_ADMISSIBLE);
    OK(tk_assign(&tk, "base"));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION);
    OK(tk_evidence(&tk, 0.88));
    assert_string_equal(tk_outcome(&tk)->transition, "V6");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    OK(tk_label(&tk));
    assert_memory_equal(tk_v(&tk)->decision.record, tk.record_sha256, 32);
    assert_memory_equal(tk_v(&tk)->decision.payload, tk.payload_sha256, 32);
    assert_string_equal(tk_outcome(&tk)->transition, "V7");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED);
    assert_int_equal(tk_v(&tk)->level, LEDGER_BASE);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "pilot_only");
    OK(tk_propose(&tk));
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_PROPOSED);
    OK(tk_prepare(&tk));
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_PRE_DEPLOYMENT);
    OK(tk_pilot(&tk));
    assert_string_equal(tk_outcome(&tk)->transition, "P3");
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    /* dates restrict by themselves: DPIA (300 d), pilot (150 d), label (365 d) */
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now + 149 * TIME_DAY),
                     LEDGER_P_PILOT);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now + 151 * TIME_DAY),
                     LEDGER_P_SUSPENDED);
    assert_true(ledger_approvals(tk.l, tk_p(&tk), tk.now));
    assert_false(ledger_approvals(tk.l, tk_p(&tk), tk.now + 301 * TIME_DAY));
    /* leaves: V2 V3 V5 V6, 3 votes, P1, 4 for P2, 6 for P3 */
    assert_int_equal(tk_v(&tk)->history.n, 18);
    assert_int_equal(tk_p(&tk)->history.n, 11);
    assert_int_equal(tk_p(&tk)->history.v[0], tk_p(&tk)->newest.index - 10);
    assert_string_equal(tk_p(&tk)->establishment, TK_SITE);
    assert_int_equal(tk_p(&tk)->service.n, 1);
    assert_memory_equal(tk_p(&tk)->newest.record, tk.record_sha256, 32);
}

static void what_the_policy_waives_is_said_in_the_outcome(void **state)
{
    uint64_t waived;
    bool signature = false, roster = false;
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    waived = tk_outcome(&tk)->waived;
    for (unsigned i = 0; ledger_guard_waivable(i); i++)
        if ((waived >> i) & 1) {
            signature |= strcmp(ledger_guard_waivable(i), "guard.model_signature") == 0;
            roster |= strcmp(ledger_guard_waivable(i), "guard.roster") == 0;
        }
    assert_true(signature);
    assert_false(roster); /* it held, or was not asked: not waived here */
}

static void the_inadmissible_is_declared_again_with_a_fuller_record(void **state)
{
    struct buf b;
    char first[CRYPTO_HEX];
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    memcpy(first, tk.version_record, sizeof first);
    CODE(tk_say(&tk, LEDGER_EVENT, TK_DESK,
                "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                "\"inadmissible\",\"pointers\":[]",
                tk.model_hex),
         "guard.pointers");
    OK(tk_say(&tk, LEDGER_EVENT, TK_DESK,
              "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
              "\"inadmissible\",\"pointers\":[\"/risks/0\"]",
              tk.model_hex));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_INADMISSIBLE);
    CODE(tk_assign(&tk, "base"), "illegal_transition");
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.0.0", 7);
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p), "guard.supersedes");
    OK(tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s,\"supersedes\":\"%s\",\"reason\":\"r\"",
              b.p, first));
    assert_string_equal(tk_outcome(&tk)->transition, "V4");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_DECLARED);
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
                "%s,\"supersedes\":\"%s\",\"reason\":\"r\"", b.p, first),
         "guard.supersedes"); /* that one is no longer in effect */
    crypto_hex(tk_v(&tk)->declared.record, 32, first);
    OK(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
              "%s,\"publications\":[],\"supersedes\":\"%s\",\"reason\":\"r\"", b.p,
              first));
    assert_string_equal(tk_outcome(&tk)->transition, "V21");
    buf_release(&b);
}

static void a_new_digest_is_a_new_version_with_a_greater_label(void **state)
{
    struct buf b;
    char first[CRYPTO_HEX];
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    memcpy(first, tk.model_hex, sizeof first);
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.1.0", 8);
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p), "guard.previous_version");
    OK(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
              "%s,\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":"
              "\"%s\"}",
              b.p, first));
    assert_string_equal(tk_outcome(&tk)->transition, "V20");
    buf_clear(&b);
    tk_version_members(&tk, &b, "1.0.9", 9);
    CODE(tk_say(&tk, LEDGER_VERSION, TK_VENDOR,
                "%s,\"previous_version\":{\"version_label\":\"1.0.0\",\"model_digest\":"
                "\"%s\"}",
                b.p, first),
         "guard.version_label");
    buf_release(&b);
}

static void weak_evidence_is_refused_whatever_is_claimed(void **state)
{
    struct tk_decision d = {"refused", "base",  "none", "refused", NULL,
                            365,       tk_jury, 3,      NULL};
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.70));
    CODE(tk_label(&tk), "guard.outcome_differs"); /* lenient: refused */
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    OK(tk_decide(&tk, &d));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_REFUSED);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "refused");
    CODE(tk_assign(&tk, "base"), "waiting_signers"); /* V10: a panel of three */
    CODE(tk_co(&tk, TK_HAS1), "guard.first_decision");
    CODE(tk_co(&tk, TK_HAS4), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS5), "guard.appeal"); /* nobody has appealed */
}

static void stricter_than_computed_needs_a_reason(void **state)
{
    struct tk_decision d = {"deferred", "base",  "none", "granted", NULL,
                            365,        tk_jury, 3,      NULL};
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.88));
    CODE(tk_decide(&tk, &d), "guard.reason");
    d.extra = ",\"reason\":\"sites too alike\"";
    OK(tk_decide(&tk, &d));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_DEFERRED);
    OK(tk_assign(&tk, "base")); /* V9 */
    assert_string_equal(tk_outcome(&tk)->transition, "V9");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION);
}

/* Labels the version intermediate, as a policy that waives the missing facts allows. */
static void to_intermediate(void)
{
    struct tk_decision d = {
        "granted", "intermediate", "intermediate", "granted", NULL, 365, jury4, 4, NULL};
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "intermediate"));
    OK(tk_evidence(&tk, 0.90));
    OK(tk_decide(&tk, &d));
    assert_int_equal(tk_v(&tk)->level, LEDGER_INTERMEDIATE);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "certified");
}

static void intermediate_deploys_inside_the_regions_of_the_evidence(void **state)
{
    static const enum tk_actor p4[] = {TK_DIRECTOR, TK_DIM, TK_GST}, p9[] = {TK_DIM},
                               p10[] = {TK_DIRECTOR};
    struct tk_decision d = {"reduced", "intermediate", "base", "granted", NULL,
                            300,       tk_jury,        3,      NULL};
    (void)state;
    tk_open(&tk);
    to_intermediate();
    assert_int_equal(ledger_ceiling(tk_v(&tk), STR(TK_REGION)), LEDGER_P_DEPLOYED);
    assert_int_equal(ledger_ceiling(tk_v(&tk), STR("GST-CS")), LEDGER_P_PILOT);
    OK(tk_propose(&tk));
    OK(tk_prepare(&tk));
    OK(tk_pilot(&tk));
    OK(tk_deploy(&tk, "P4", "deployed", NULL, p4, 3));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_DEPLOYED);
    CODE(tk_decide(&tk, &d), "guard.reason");
    d.extra = ",\"reason\":\"drift\"";
    OK(tk_decide(&tk, &d)); /* V12: the deployment falls to pilot by the coupling rule */
    assert_string_equal(tk_outcome(&tk)->transition, "V12");
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_DEPLOYED);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    OK(tk_deploy(&tk, "P9", "pilot", NULL, p9, 1));
    CODE(tk_deploy(&tk, "P4", "deployed", NULL, p4, 3), "guard.ceiling");
    OK(tk_deploy(&tk, "P10", "retired", NULL, p10, 1));
    CODE(tk_propose(&tk), "illegal_transition");
}

static void base_becomes_intermediate_one_level_at_a_time(void **state)
{
    struct tk_decision up = {
        "granted", "intermediate", "intermediate", "granted", NULL, 365, jury4, 4, NULL};
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    up.requested = up.level = "advanced";
    CODE(tk_decide(&tk, &up), "guard.level");
    up.requested = up.level = "intermediate";
    OK(tk_decide(&tk, &up));
    assert_string_equal(tk_outcome(&tk)->transition, "V11");
    assert_int_equal(tk_v(&tk)->level, LEDGER_INTERMEDIATE);
}

static void surveillance_maintains_and_time_expires(void **state)
{
    struct tk_decision d = {"maintained", "base",  "base", "granted", NULL,
                            300,          tk_jury, 3,      NULL};
    char list[200], old[CRYPTO_HEX], at[TIME_TEXT];
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    CODE(tk_decide(&tk, &d), "guard.surveillance");
    memcpy(old, tk.evidence, sizeof old);
    OK(tk_evidence(&tk, 0.86));
    assert_string_equal(tk_outcome(&tk)->transition, ""); /* a fact, no transition */
    snprintf(list, sizeof list, "[\"%s\",\"%s\"]", old, tk.evidence);
    d.evidence = list;
    d.days = 4000;
    CODE(tk_decide(&tk, &d), "guard.term"); /* surveillance does not extend the term */
    d.days = 300;
    OK(tk_decide(&tk, &d));
    assert_string_equal(tk_outcome(&tk)->transition, "V13");
    CODE(tk_say(&tk, LEDGER_EVENT, TK_ROBOT,
                "\"type\":\"expiry\",\"model_digest\":\"%s\",\"at\":\"%s\"", tk.model_hex,
                tk_time(&tk, 0, at)),
         "guard.not_expired");
    tk.now += 20 * TIME_DAY;
    for (int i = 0; i < 15; i++, tk.now += 20 * TIME_DAY) /* time passes in the log */
        OK(tk_stop(&tk, TK_DOCTOR, "patient", AT_HOME));
    OK(tk_say(&tk, LEDGER_EVENT, TK_ROBOT,
              "\"type\":\"expiry\",\"model_digest\":\"%s\",\"at\":\"%s\"", tk.model_hex,
              tk_time(&tk, 0, at)));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EXPIRED);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "registered");
    OK(tk_assign(&tk, "base"));
    assert_string_equal(tk_outcome(&tk)->transition, "V17");
}

static void withdrawal_is_final_and_the_archive_waits_ten_years(void **state)
{
    static const enum tk_actor vendor[] = {TK_VENDOR};
    struct tk_decision d = {"withdrawn", "base", "none", "granted", NULL,
                            365,         vendor, 1,      NULL};
    char at[TIME_TEXT];
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    OK(tk_decide(&tk, &d));
    assert_string_equal(tk_outcome(&tk)->transition, "V18");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_WITHDRAWN);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "withdrawn");
    CODE(tk_assign(&tk, "base"), "illegal_transition");
    CODE(tk_label(&tk), "illegal_transition");
    CODE(tk_say(&tk, LEDGER_EVENT, TK_ROBOT,
                "\"type\":\"archive\",\"model_digest\":\"%s\",\"at\":\"%s\"",
                tk.model_hex, tk_time(&tk, 0, at)),
         "guard.retention");
    tk.now += 3660 * TIME_DAY;
    OK(tk_say(&tk, LEDGER_EVENT, TK_ROBOT,
              "\"type\":\"archive\",\"model_digest\":\"%s\",\"at\":\"%s\"", tk.model_hex,
              tk_time(&tk, 0, at)));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_ARCHIVED);
}

/* ---- stops ----------------------------------------------------------------------- */
static void a_stop_acts_at_once_and_two_roles_lift_it(void **state)
{
    uint8_t first[32], second[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_DIRECTOR, "establishment", AT_HOME));
    assert_string_equal(tk_outcome(&tk)->transition, "P5");
    memcpy(first, tk.record_sha256, 32);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_PILOT); /* remembered */
    OK(tk_stop(&tk, TK_RSSI, "establishment", AT_HOME));
    memcpy(second, tk.record_sha256, 32);
    CODE(tk_lift(&tk, TK_DIRECTOR, first), "waiting_signers");
    OK(tk_co(&tk, TK_DIM));
    assert_string_equal(tk_outcome(&tk)->transition, "P7");
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    CODE(tk_lift(&tk, TK_DIM, second), "waiting_signers");
    OK(tk_co(&tk, TK_DIRECTOR));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    CODE(tk_lift(&tk, TK_DIM, second), "guard.not_in_force");
}

static void a_service_stop_covers_its_service_only(void **state)
{
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    CODE(tk_stop(&tk, TK_DOCTOR, "service", AT_HOME), "guard.stop_target");
    OK(tk_stop(&tk, TK_DOCTOR, "service", AT_HOME "\"service\":\"CARDIO\","));
    assert_non_null(ledger_stopped(tk.l, tk_p(&tk), STR("CARDIO")));
    assert_null(ledger_stopped(tk.l, tk_p(&tk), STR("REA")));
    assert_null(ledger_stopped(tk.l, tk_p(&tk), STR_NULL));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
}

static void a_node_signs_the_stop_its_user_pressed(void **state)
{
    const char *by = AT_HOME "\"service\":\"CARDIO\",\"ordered_by\":{\"role\":"
                             "\"physician\",\"org_id\":\"" TK_SITE "\"},";
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_NODE, "service", by));
    assert_string_equal(tk_outcome(&tk)->transition, "P6");
    assert_int_equal(ledger_stop_at(tk.l, 0)->by_role, LEDGER_PHYSICIAN);
    assert_string_equal(ledger_stop_at(tk.l, 0)->by_org, TK_SITE);
    CODE(tk_stop(&tk, TK_NODE2, "service", by), "wrong_organisation"); /* other region */
    CODE(tk_stop(&tk, TK_NODE, "establishment", by),
         "wrong_role"); /* a physician may not */
    CODE(tk_stop(&tk, TK_NODE, "establishment",
                 AT_HOME "\"ordered_by\":{\"role\":\"has\",\"org_id\":\"HAS\"},"),
         "wrong_role");
    OK(tk_stop(&tk, TK_NODE, "establishment", AT_HOME)); /* the automaton itself */
    CODE(tk_stop(&tk, TK_NODE, "national", ""), "wrong_organisation");
    OK(tk_stop(&tk, TK_ROBOT, "national", ""));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_SUSPENDED);
}

static void one_key_stops_the_country_and_its_authority_must_reinstate(void **state)
{
    static const enum tk_actor with_cndp[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_CNDP};
    struct tk_decision d = {
        "reinstated", "base",  "base", "granted", ",\"reason\":\"cleared\"",
        300,          tk_jury, 3,      NULL};
    uint8_t order[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_CNDP, "national", ""));
    memcpy(order, tk.record_sha256, 32);
    assert_string_equal(tk_outcome(&tk)->transition, "V14");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_SUSPENDED);
    assert_int_equal(tk_v(&tk)->level, LEDGER_BASE); /* remembered */
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "suspended");
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    CODE(tk_lift(&tk, TK_CNDP, order), "guard.lifted_by_v15");
    CODE(tk_decide(&tk, &d), "guard.suspender");
    d.by = with_cndp;
    d.n = 4;
    OK(tk_decide(&tk, &d));
    assert_string_equal(tk_outcome(&tk)->transition, "V15");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    assert_int_equal(ledger_stop_at(tk.l, 0)->lifted, ledger_size(tk.l) - 1);
}

/* A policy whose V15 names the commission only: the ministry that suspended by a decision
 * has a place beside it, or nobody could ever reinstate. */
static void who_suspended_by_decision_signs_beside_the_rule(void **state)
{
    static const enum tk_actor ministry[] = {TK_MSPS1};
    static const enum tk_actor with_msps[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_MSPS1};
    struct tk_decision s = {"suspended", "base",   "base", "granted", NULL,
                            300,         ministry, 1,      NULL};
    struct tk_decision d = {
        "reinstated", "base",    "base", "granted", ",\"reason\":\"cleared\"",
        300,          with_msps, 4,      NULL};
    (void)state;
    tk_open_with(
        &tk, TK_WAIVED,
        "{\"V15\":[{\"role\":\"has\",\"function\":\"commissioner\",\"count\":3}]}");
    tk_to_pilot(&tk);
    OK(tk_decide(&tk, &s));
    assert_int_equal(ledger_suspenders(tk.l, tk_v(&tk)->digest), 1U << LEDGER_MSPS);
    OK(tk_decide(&tk, &d));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED);
    assert_int_equal(ledger_suspenders(tk.l, tk_v(&tk)->digest), 0);
}

static void a_region_stops_itself_and_has_must_agree_to_lift(void **state)
{
    uint8_t order[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    CODE(tk_stop(&tk, TK_GST2, "region", "\"gst\":\"" TK_REGION "\","),
         "wrong_organisation");
    OK(tk_stop(&tk, TK_GST, "region", "\"gst\":\"" TK_REGION "\","));
    memcpy(order, tk.record_sha256, 32);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    CODE(tk_lift(&tk, TK_GST2, order), "wrong_organisation");
    CODE(tk_lift(&tk, TK_GST, order), "waiting_signers");
    OK(tk_co(&tk, TK_HAS1));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
}

static void a_patient_stop_is_lifted_by_its_user_or_the_lead(void **state)
{
    uint8_t order[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_DOCTOR, "patient", AT_HOME));
    memcpy(order, tk.record_sha256, 32);
    CODE(tk_lift(&tk, TK_DIM, order), "wrong_role");
    OK(tk_lift(&tk, TK_DOCTOR, order));
    OK(tk_stop(&tk, TK_NODE, "patient",
               AT_HOME "\"ordered_by\":{\"role\":\"nurse\",\"org_id\":\"" TK_SITE
                       "\"},"));
    memcpy(order, tk.record_sha256, 32);
    CODE(tk_lift(&tk, TK_DOCTOR, order), "wrong_role"); /* not the doctor's own */
    CODE(tk_lift(&tk, TK_NODE, order), "wrong_role");   /* an automaton never lifts */
    OK(tk_lift(&tk, TK_LEAD, order));
}

static void nodes_acknowledge_once_each(void **state)
{
    char order[CRYPTO_HEX], at[TIME_TEXT];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
    crypto_hex(tk.record_sha256, 32, order);
#define ACK(who, node)                                                                   \
    tk_say(                                                                              \
        &tk, LEDGER_EVENT, who,                                                          \
        "\"type\":\"stop_ack\",\"order\":\"%s\",\"node\":\"%s\",\"effect_at\":\"%s\"",   \
        order, node, tk_time(&tk, 0, at))
    OK(ACK(TK_NODE, TK_REGION));
    CODE(ACK(TK_NODE, TK_REGION), "exists");
    CODE(ACK(TK_NODE2, TK_REGION), "guard.node_key");
    CODE(ACK(TK_GST2, "GST-CS"), "wrong_role");
    OK(ACK(TK_NODE2, "GST-CS"));
    assert_int_equal(ledger_stop_at(tk.l, 0)->ack.n, 2);
    assert_string_equal(ledger_stop_at(tk.l, 0)->ack.v[1].node, "GST-CS");
    memset(order, 'e', 64);
    CODE(ACK(TK_NODE, TK_REGION), "unknown_order");
}

static void a_final_stop_takes_a_quorum_and_only_ends(void **state)
{
    static const enum tk_actor msps[] = {TK_MSPS1, TK_MSPS2}, one[] = {TK_MSPS1};
    static const enum tk_actor p10[] = {TK_DIRECTOR};
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    CODE(tk_deploy(&tk, "P8", "stopped", NULL, one, 1), "waiting_signers");
    OK(tk_deploy(&tk, "P8", "stopped", NULL, msps, 2));
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_STOPPED);
    CODE(tk_pilot(&tk), "illegal_transition");
    CODE(tk_propose(&tk), "illegal_transition");
    OK(tk_deploy(&tk, "P10", "retired", NULL, p10, 1));
    CODE(tk_deploy(&tk, "P8", "stopped", NULL, msps, 2), "illegal_transition");
}

/* A rule of the policy with alternatives, and one that replaces a default. */
static void the_policy_says_who_signs(void **state)
{
    (void)state;
    tk_open_with(&tk, TK_WAIVED,
                 "{\"V3\":[[{\"role\":\"msps\",\"function\":\"authority\",\"count\":2}],"
                 "[{\"role\":\"imanor\",\"count\":1},{\"role\":\"cndp\",\"count\":1}]],"
                 "\"stop.national\":[{\"role\":\"msps\",\"count\":1}]}");
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    CODE(tk_admissible(&tk), "wrong_role"); /* the desk is in neither alternative */
    CODE(tk_say(&tk, LEDGER_EVENT, TK_IMANOR,
                "\"type\":\"admissibility\",\"model_digest\":\"%s\",\"verdict\":"
                "\"admissible\",\"pointers\":[]",
                tk.model_hex),
         "waiting_signers");
    CODE(tk_co(&tk, TK_MSPS1), "waiting_signers"); /* one of each: neither holds yet */
    OK(tk_co(&tk, TK_CNDP));
    CODE(tk_stop(&tk, TK_HAS1, "national", ""), "wrong_role");
    OK(tk_stop(&tk, TK_MSPS1, "national", ""));
}

/* echo -n '["a3..30","CHU-RABAT","CARDIO-RISK"]' | sha256sum */
static void a_deployment_is_named_by_model_place_and_use(void **state)
{
    uint8_t digest[32];
    char id[CRYPTO_HEX];
    (void)state;
    tk_open_empty(&tk);
    assert_ok(crypto_unhex(
        STR("a3889a1fe6edee9581493014cddc85e46fdec1efc8f189882256590d212ffd30"), digest,
        32));
    assert_ok(ledger_deployment_id(digest, STR("CHU-RABAT"), STR("CARDIO-RISK"), id));
    assert_string_equal(
        id, "7b194a40cf1f46fb2f3ded0af9bbbee4c9a14182c510f06a2677e0734bfc1182");
}

/* ---- nodes ----------------------------------------------------------------------- */
static const char *node_says(enum tk_actor who, const char *node, uint64_t size,
                             const struct tlog_hash *root, uint64_t previous,
                             const struct tlog_proof *p, const char *counts)
{
    struct buf b;
    const char *code;
    buf_init(&b, 8192);
    tk_addf(&b, "\"type\":\"node_checkpoint\",\"node\":\"%s\",\"vkey\":\"", node);
    tk_add_vkey(&b, "node1.example.org/trace", TLOG_SIG_ED25519, tk.witness[0]);
    tk_addf(&b, "\",\"size\":%llu,\"previous_size\":%llu,\"root\":\"",
            (unsigned long long)size, (unsigned long long)previous);
    assert_ok(crypto_base64(&b, (struct str){(const char *)root->h, 32}));
    tk_addf(&b, "\",\"proof\":[");
    for (size_t i = 0; p && i < p->n; i++) {
        tk_addf(&b, "%s\"", i ? "," : "");
        assert_ok(crypto_base64(&b, (struct str){(const char *)p->node[i].h, 32}));
        tk_addf(&b, "\"");
    }
    tk_addf(&b, "],\"counts\":[%s]", counts);
    code = tk_say(&tk, LEDGER_EVENT, who, "%s", b.p);
    buf_release(&b);
    return code;
}

static void a_node_grows_by_proofs_and_never_rewrites(void **state)
{
    struct tlog_hash leaf[3], one, two, three;
    struct tlog_proof to2 = {.n = 1}, to3 = {.n = 1};
    (void)state;
    tk_open(&tk);
    for (int i = 0; i < 3; i++)
        tlog_leaf_hash((struct str){&"abc"[i], 1}, &leaf[i]);
    one = leaf[0];
    tlog_node_hash(&leaf[0], &leaf[1], &two);
    tlog_node_hash(&two, &leaf[2], &three);
    to2.node[0] = leaf[1];
    to3.node[0] = leaf[2];
    CODE(node_says(TK_GST, TK_REGION, 1, &one, 0, NULL, ""), "wrong_role");
    CODE(node_says(TK_NODE, "elsewhere", 1, &one, 0, NULL, ""), "guard.node_key");
    OK(node_says(TK_NODE, TK_REGION, 1, &one, 0, NULL, ""));
    CODE(node_says(TK_NODE2, "GST-CS", 2, &two, 1, &to2, ""), "guard.node_key");
    CODE(node_says(TK_NODE, TK_REGION, 2, &two, 0, NULL, ""), "guard.node_sequence");
    CODE(node_says(TK_NODE, TK_REGION, 2, &three, 1, &to2, ""), "guard.node_rewrote");
    CODE(node_says(TK_NODE, TK_REGION, 1, &two, 1, NULL, ""), "guard.node_rewrote");
    CODE(node_says(TK_NODE, TK_REGION, 0, &two, 1, NULL, ""), "guard.node_rewrote");
    OK(node_says(TK_NODE, TK_REGION, 2, &two, 1, &to2, ""));
    CODE(node_says(TK_NODE, TK_REGION, 3, &three, 2, &to2, ""), "guard.node_rewrote");
    CODE(node_says(TK_NODE, TK_REGION, 3, &three, 2, &to3,
                   "{\"deployment\":\"x\",\"predictions\":9}"),
         "guard.k_min");
    OK(node_says(TK_NODE, TK_REGION, 3, &three, 2, &to3,
                 "{\"deployment\":\"x\",\"predictions\":null},{\"deployment\":\"y\","
                 "\"predictions\":10}"));
    assert_int_equal(ledger_nodes(tk.l), 1);
    assert_int_equal(ledger_node_at(tk.l, 0)->last.size, 3);
    assert_string_equal(ledger_node_at(tk.l, 0)->name, "node1.example.org/trace");
}

/* V19 counts ten years from the last use: more predictions are one, the same count and
 * a region's word about another's deployment are not. */
static void predictions_a_node_counts_are_the_last_use(void **state)
{
    struct tlog_hash one;
    char counts[200];
    int64_t before;
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    before = tk.l->version.v[0].last_at;
    tlog_leaf_hash(STR("a"), &one);
    snprintf(counts, sizeof counts, "{\"deployment\":\"%s\",\"predictions\":10}",
             tk_p(&tk)->id);
    tk.now += 30 * TIME_DAY;
    OK(node_says(TK_NODE, TK_REGION, 1, &one, 0, NULL, counts));
    assert_true(tk.l->version.v[0].last_at > before);
    assert_int_equal(tk.l->version.v[0].last_at, tk.now);
    before = tk.now;
    tk.now += 30 * TIME_DAY;
    OK(node_says(TK_NODE, TK_REGION, 1, &one, 1, NULL, counts));
    assert_int_equal(tk.l->version.v[0].last_at, before);
}

/* ---- policy ---------------------------------------------------------------------- */
static const char *change_policy(const uint8_t next[32])
{
    char to[CRYPTO_HEX], from[CRYPTO_HEX];
    uint8_t now[32];
    const char *code;
    ledger_policy_digest(tk.l, now);
    code = tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                  "\"type\":\"policy_change\",\"policy_sha256\":\"%s\","
                  "\"previous_sha256\":\"%s\",\"reason\":\"r\"",
                  crypto_hex(next, 32, to), crypto_hex(now, 32, from));
    if (strcmp(code, "waiting_signers") == 0)
        (void)tk_co(&tk, TK_MSPS2);
    return strcmp(code, "waiting_signers") == 0 ? tk_co(&tk, TK_HAS1) : code;
}

static void a_policy_change_needs_both_houses_and_alters_nothing_decided(void **state)
{
    uint8_t next[32], bad[32], before[32], after[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    memcpy(before, tk_v(&tk)->decision.payload, 32);
    tk_put_policy(&tk, "[]", "{}", next);
    OK(change_policy(next));
    ledger_policy_digest(tk.l, after);
    assert_memory_equal(after, next, 32);
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED); /* I12 */
    assert_memory_equal(tk_v(&tk)->decision.payload, before, 32);
    tk_put_policy(&tk, "[\"guard.model_digest\"]", "{}", bad); /* identity: never */
    CODE(change_policy(bad), "guard.policy_file");
    tk_put_policy(&tk, "[]", "{\"P3\":[{\"role\":\"system\",\"count\":1}]}",
                  bad); /* I11 */
    CODE(change_policy(bad), "guard.policy_file");
    tk_put_policy(&tk, "[]", "{\"P3\":[{\"role\":\"nobody\",\"count\":1}]}", bad);
    CODE(change_policy(bad), "guard.policy_file");
    tk.model[0] ^= 1;
    memset(bad, 0x42, sizeof bad);
    assert_string_equal(change_policy(bad), am_err_text(AM_E_NOTFOUND));
}

static void the_quorum_is_built_from_genesis_and_policy(void **state)
{
    const struct tlog_policy *q;
    (void)state;
    tk_open(&tk);
    q = ledger_quorum(tk.l);
    assert_int_equal(tlog_policy_witnesses(q), 4);
    assert_string_equal(tlog_policy_log(q)->name, TK_ORIGIN);
    assert_str_equal(ledger_origin(tk.l), TK_ORIGIN);
}

/* ---- the coupling rule ----------------------------------------------------------- */
/* lifecycle.md section 4: 18 states of V x 9 of P x inside/outside x 2^6 conditions. */
static void twelve_of_20736_cases_may_show_an_output(void **state)
{
    static const struct {
        enum ledger_v s;
        enum ledger_level level;
    } v[] = {{LEDGER_V_NONE, 0},
             {LEDGER_V_DRAFT, 0},
             {LEDGER_V_DECLARED, 0},
             {LEDGER_V_INADMISSIBLE, 0},
             {LEDGER_V_ADMISSIBLE, 0},
             {LEDGER_V_UNDER_EVALUATION, 0},
             {LEDGER_V_EVALUATED, 0},
             {LEDGER_V_LABELLED, LEDGER_BASE},
             {LEDGER_V_LABELLED, LEDGER_INTERMEDIATE},
             {LEDGER_V_LABELLED, LEDGER_ADVANCED},
             {LEDGER_V_DEFERRED, 0},
             {LEDGER_V_REFUSED, 0},
             {LEDGER_V_SUSPENDED, LEDGER_BASE},
             {LEDGER_V_SUSPENDED, LEDGER_INTERMEDIATE},
             {LEDGER_V_SUSPENDED, LEDGER_ADVANCED},
             {LEDGER_V_EXPIRED, 0},
             {LEDGER_V_WITHDRAWN, 0},
             {LEDGER_V_ARCHIVED, 0}};
    static const enum ledger_p p[] = {LEDGER_P_NONE,
                                      LEDGER_P_PROPOSED,
                                      LEDGER_P_PRE_DEPLOYMENT,
                                      LEDGER_P_PILOT,
                                      LEDGER_P_DEPLOYED,
                                      LEDGER_P_SUSPENDED, /* of pilot */
                                      LEDGER_P_SUSPENDED /* of deployed */,
                                      LEDGER_P_STOPPED,
                                      LEDGER_P_RETIRED};
    char inside[] = "IN", *gst[] = {inside};
    size_t cases = 0, shown = 0;
    (void)state;
    tk_open_empty(&tk);
    for (size_t i = 0; i < AM_LEN(v); i++)
        for (size_t j = 0; j < AM_LEN(p); j++)
            for (int where = 0; where < 2; where++)
                for (unsigned c = 0; c <= LEDGER_SHOW_ALL; c++) {
                    struct ledger_version ver = {.state = v[i].s, .level = v[i].level};
                    enum ledger_p e;
                    ver.scope_gst.v = gst;
                    ver.scope_gst.n = 1;
                    e = ledger_couple(
                        p[j], ledger_ceiling(&ver, where ? STR("OUT") : STR("IN")));
                    cases++;
                    if (ledger_may_show(e, c)) {
                        shown++;
                        assert_int_equal(c, LEDGER_SHOW_ALL);
                        assert_int_equal(v[i].s, LEDGER_V_LABELLED);
                        assert_true(p[j] == LEDGER_P_PILOT || p[j] == LEDGER_P_DEPLOYED);
                    }
                }
    assert_int_equal(cases, 20736);
    assert_int_equal(shown, 12);
}

#define T(f) cmocka_unit_test_teardown(f, close_tk)
TEST_MAIN(T(a_model_goes_from_declaration_to_pilot),
          T(what_the_policy_waives_is_said_in_the_outcome),
          T(the_inadmissible_is_declared_again_with_a_fuller_record),
          T(a_new_digest_is_a_new_version_with_a_greater_label),
          T(weak_evidence_is_refused_whatever_is_claimed),
          T(stricter_than_computed_needs_a_reason),
          T(intermediate_deploys_inside_the_regions_of_the_evidence),
          T(base_becomes_intermediate_one_level_at_a_time),
          T(surveillance_maintains_and_time_expires),
          T(withdrawal_is_final_and_the_archive_waits_ten_years),
          T(a_stop_acts_at_once_and_two_roles_lift_it),
          T(a_service_stop_covers_its_service_only),
          T(a_node_signs_the_stop_its_user_pressed),
          T(one_key_stops_the_country_and_its_authority_must_reinstate),
          T(who_suspended_by_decision_signs_beside_the_rule),
          T(a_region_stops_itself_and_has_must_agree_to_lift),
          T(a_patient_stop_is_lifted_by_its_user_or_the_lead),
          T(nodes_acknowledge_once_each), T(a_final_stop_takes_a_quorum_and_only_ends),
          T(a_node_grows_by_proofs_and_never_rewrites),
          T(predictions_a_node_counts_are_the_last_use),
          T(a_policy_change_needs_both_houses_and_alters_nothing_decided),
          T(the_policy_says_who_signs), T(a_deployment_is_named_by_model_place_and_use),
          T(the_quorum_is_built_from_genesis_and_policy),
          T(twelve_of_20736_cases_may_show_an_output))
