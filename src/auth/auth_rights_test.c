/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

#include "auth/auth_tbl.h"

/* The table again, by role instead of by right, as read in design/lifecycle.md:
 *   A account_create  P blob_put  W blob_weights  E blob_evidence  I algorithm_id
 *   p predict  c chart_read  v validate  s stop_service  S stop_establishment
 *   t trace_read  N node_operate  U audit_read
 * Section 5. `version` record "C own" (vendor): P I; gst teams develop and sign
 * deployments: P I. Weights "R, sealed run" (bench), "run only" (gst, establishment: by
 * their node, role system): W. Score files: bench that made them, has that judges: E;
 * evidence "C" (bench), decisions "S" (has), policy "S" (msps), escrow "S", deployment
 * documents "C, S" (establishment): P. Prediction trace "C, S own" (clinician): p c t;
 * "R own" (establishment): t for those whose field it is. Validation is the physician's
 * by default, clinical_lead is one: v. Section 7, stops: service by physician, nurse,
 * pharmacist, lab_technician, clinical_lead, and by whoever may stop more; establishment
 * by director, dsi, dim, dpo, rssi, quality. Security events: auditor, msps, and the rssi
 * of its house: U. Everything else "-" or read in public. */
static const struct {
    enum ledger_role role;
    const char *function, *may;
} t_matrix[] = {
    {LEDGER_ROLE_NONE, "", ""},
    {LEDGER_VENDOR, "", "PIg"},
    {LEDGER_BENCH_OPERATOR, "", "PWEg"},
    {LEDGER_IMANOR, "", "g"},
    {LEDGER_HAS, "rapporteur", "PEg"},
    {LEDGER_HAS, "commissioner", "PEg"},
    {LEDGER_HAS, "certification", "PEg"},
    {LEDGER_MSPS, "registry_desk", "APUg"},
    {LEDGER_MSPS, "authority", "PUg"},
    {LEDGER_MSPS, "", "PUg"},
    {LEDGER_CNDP, "", "g"},
    {LEDGER_GST, "direction", "PIg"},
    {LEDGER_GST, "node_witness", "PIg"},
    {LEDGER_DIRECTOR, "", "APsStNg"},
    {LEDGER_DSI, "", "APsSNg"},
    {LEDGER_DIM, "", "PsStg"},
    {LEDGER_DPO, "", "PsStg"},
    {LEDGER_RSSI, "", "PsSUg"},
    {LEDGER_QUALITY, "", "PsStg"},
    {LEDGER_CLINICAL_LEAD, "", "Ppcvstg"},
    {LEDGER_PHYSICIAN, "", "pcvst"},
    {LEDGER_NURSE, "", "pcst"},
    {LEDGER_LAB_TECHNICIAN, "", "pcst"},
    {LEDGER_PHARMACIST, "", "pcst"},
    {LEDGER_SECRETARY, "", ""},
    {LEDGER_PEER_VISITOR, "", "g"},
    {LEDGER_ESCROW_AGENT, "", "Pg"},
    {LEDGER_AUDITOR, "", "U"},
    {LEDGER_RESEARCHER, "", ""},
    {LEDGER_SYSTEM, "", "W"},
};
static const char t_letters[] = "APWEIpcvsStNUg";

static void every_role_has_exactly_the_rights_of_the_matrix(void **state)
{
    bool seen[LEDGER_ROLES] = {false};
    (void)state;
    assert_int_equal(strlen(t_letters), AUTH_RIGHTS);
    for (size_t i = 0; i < AM_LEN(t_matrix); i++) {
        struct auth_account a = {.role = t_matrix[i].role, .active = true};
        snprintf(a.function, sizeof a.function, "%s", t_matrix[i].function);
        seen[t_matrix[i].role] = true;
        for (size_t r = 0; r < AUTH_RIGHTS; r++) {
            bool want = strchr(t_matrix[i].may, t_letters[r]) != NULL;
            if (auth_may(&a, (enum auth_right)r) != want)
                fail_msg("%s %s: %s is %s", ledger_role_name(a.role), a.function,
                         auth_right_name((enum auth_right)r), want ? "due" : "too much");
        }
        a.active = false; /* a closed account may do nothing */
        for (size_t r = 0; r < AUTH_RIGHTS; r++)
            assert_false(auth_may(&a, (enum auth_right)r));
    }
    for (size_t r = 0; r < LEDGER_ROLES; r++)
        assert_true(seen[r]);
    assert_false(auth_may(NULL, AUTH_PREDICT));
}

/* lifecycle.md, I11: the automaton only restricts. */
static void the_automaton_neither_predicts_nor_validates_nor_opens_accounts(void **state)
{
    (void)state;
    for (size_t r = 0; r < AUTH_RIGHTS; r++)
        assert_int_equal(auth_role_may(LEDGER_SYSTEM, STR_NULL, (enum auth_right)r),
                         r == AUTH_BLOB_WEIGHTS);
}

/* Every grant of the table, asked at home and abroad: the place decides. */
static void a_grant_holds_in_its_place_only(void **state)
{
    static const struct {
        enum ledger_role role;
        const char *function;
        enum auth_object object;
        enum auth_verb verb;
        bool org, region, house, service; /* enough when only that is one's own? */
    } want[] = {
        {LEDGER_VENDOR, "", AUTH_O_VERSION, AUTH_V_CREATE, true, false, false, false},
        {LEDGER_VENDOR, "", AUTH_O_VERSION, AUTH_V_READ, true, false, false, false},
        {LEDGER_HAS, "", AUTH_O_VERSION, AUTH_V_READ, true, true, true, true},
        {LEDGER_VENDOR, "", AUTH_O_WEIGHTS, AUTH_V_READ, false, false, false, false},
        {LEDGER_GST, "direction", AUTH_O_STOP, AUTH_V_CREATE, false, true, false, false},
        {LEDGER_GST, "node_witness", AUTH_O_STOP, AUTH_V_CREATE, false, false, false,
         false},
        {LEDGER_CNDP, "", AUTH_O_STOP, AUTH_V_CREATE, true, true, true, true},
        {LEDGER_DIM, "", AUTH_O_TRACE, AUTH_V_READ, false, false, true, false},
        {LEDGER_NURSE, "", AUTH_O_TRACE, AUTH_V_READ, false, false, false, false},
        {LEDGER_RSSI, "", AUTH_O_AUDIT, AUTH_V_READ, false, false, true, false},
        {LEDGER_AUDITOR, "", AUTH_O_AUDIT, AUTH_V_READ, true, true, true, true},
        {LEDGER_DSI, "", AUTH_O_ACCOUNT, AUTH_V_CREATE, false, false, true, false},
        {LEDGER_MSPS, "authority", AUTH_O_ACCOUNT, AUTH_V_CREATE, false, false, false,
         false},
        {LEDGER_GST, "", AUTH_O_DEPLOYMENT, AUTH_V_SIGN, false, true, false, false},
        {LEDGER_VENDOR, "", AUTH_O_CASE, AUTH_V_READ, true, false, false, false},
        {LEDGER_NURSE, "", AUTH_O_CASE, AUTH_V_READ, false, false, true, false},
        {LEDGER_IMANOR, "", AUTH_O_CASE, AUTH_V_READ, true, true, true, true},
        {LEDGER_CNDP, "", AUTH_O_CASE, AUTH_V_READ, false, false, false, false},
        {LEDGER_CNDP, "", AUTH_O_DATA_CASE, AUTH_V_READ, true, true, true, true},
        {LEDGER_RESEARCHER, "", AUTH_O_CASE, AUTH_V_READ, false, false, false, false},
        {LEDGER_ESCROW_AGENT, "", AUTH_O_DEPOSIT, AUTH_V_READ, true, false, false, false},
        {LEDGER_GST, "", AUTH_O_DEPOSIT, AUTH_V_READ, false, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        struct auth_account a = {.role = want[i].role,
                                 .org_id = "MINE",
                                 .establishment = "HOUSE",
                                 .services = "CARDIO",
                                 .active = true};
        const struct auth_place nowhere = {0}, org = {.org_id = "MINE"},
                                region = {.gst = "MINE"},
                                house = {.establishment = "HOUSE"},
                                service = {.service = "CARDIO"},
                                both = {.establishment = "HOUSE", .service = "CARDIO"},
                                away = {.org_id = "THEIRS",
                                        .gst = "THEIRS",
                                        .establishment = "OTHER",
                                        .service = "CARDIO"};
        bool all = want[i].org && want[i].region && want[i].house && want[i].service;
        snprintf(a.function, sizeof a.function, "%s", want[i].function);
        assert_int_equal(auth_can(&a, want[i].object, want[i].verb, &org), want[i].org);
        assert_int_equal(auth_can(&a, want[i].object, want[i].verb, &region),
                         want[i].region);
        assert_int_equal(auth_can(&a, want[i].object, want[i].verb, &house),
                         want[i].house);
        assert_int_equal(auth_can(&a, want[i].object, want[i].verb, &service),
                         want[i].service);
        assert_int_equal(auth_can(&a, want[i].object, want[i].verb, &nowhere), all);
        assert_int_equal(auth_can(&a, want[i].object, want[i].verb, &away), all);
        if (want[i].role == LEDGER_NURSE) /* both are needed */
            assert_true(auth_can(&a, want[i].object, want[i].verb, &both));
        a.establishment[0] = a.org_id[0] = 0; /* nobody's is not one's own */
        assert_int_equal(auth_can(&a, want[i].object, want[i].verb, &nowhere), all);
        a.active = false;
        assert_false(auth_can(&a, want[i].object, want[i].verb, &org));
    }
}

static void rights_have_the_names_of_the_table(void **state)
{
    (void)state;
#define X(right, name, roles) assert_string_equal(auth_right_name(AUTH_##right), name);
    AUTH_TABLE(X)
#undef X
}

static void a_service_is_one_of_the_list_or_the_star(void **state)
{
    struct auth_account a = {.services = "CARDIO URGENCES"};
    (void)state;
    assert_true(auth_in_service(&a, STR("CARDIO")));
    assert_true(auth_in_service(&a, STR("URGENCES")));
    assert_false(auth_in_service(&a, STR("CARD")));
    assert_false(auth_in_service(&a, STR("CARDIO URGENCES")));
    assert_false(auth_in_service(&a, STR("")));
    assert_false(auth_in_service(&a, STR("*")));
    snprintf(a.services, sizeof a.services, "*");
    assert_true(auth_in_service(&a, STR("ANY")));
    a.services[0] = 0;
    assert_false(auth_in_service(&a, STR("ANY")));
    assert_false(auth_in_service(&a, STR("")));
}

static void a_certificate_holds_to_the_end_of_its_last_day(void **state)
{
    struct auth_account a = {
        .competences = "AF-1=2026-10-31 CARDIO=2020-01-01 CARDIO=2027-01-31 BAD=soon"};
    int64_t last;
    (void)state;
    assert_ok(time_parse_date(STR("2026-10-31"), &last));
    assert_true(auth_competent(&a, STR("AF-1"), last));
    assert_true(auth_competent(&a, STR("AF-1"), last + TIME_DAY - 1));
    assert_false(auth_competent(&a, STR("AF-1"), last + TIME_DAY));
    assert_false(auth_competent(&a, STR("AF"), last));
    assert_false(auth_competent(&a, STR("AF-1=2026-10-31"), last));
    assert_false(auth_competent(&a, STR("OTHER"), last));
    assert_false(auth_competent(&a, STR("BAD"), 0));
    assert_false(auth_competent(&a, STR(""), 0));
    /* renewed: the old certificate does not hide the new one */
    assert_true(auth_competent(&a, STR("CARDIO"), last));
    assert_int_equal(auth_certified_until(&a, STR("AF-1")), last + TIME_DAY - 1);
    assert_true(auth_certified_until(&a, STR("CARDIO")) > last + TIME_DAY);
    assert_int_equal(auth_certified_until(&a, STR("OTHER")), 0);
    assert_int_equal(auth_certified_until(&a, STR("BAD")), 0);
}

TEST_MAIN(TEST(every_role_has_exactly_the_rights_of_the_matrix),
          TEST(the_automaton_neither_predicts_nor_validates_nor_opens_accounts),
          TEST(rights_have_the_names_of_the_table), TEST(a_grant_holds_in_its_place_only),
          TEST(a_service_is_one_of_the_list_or_the_star),
          TEST(a_certificate_holds_to_the_end_of_its_last_day))
