/* SPDX-License-Identifier: Apache-2.0 */
/* Facts, and the guards they feed: a whole life with nothing waived, then every fact that
 * has no effect and why. */
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)
#define HERE                                                                             \
    "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION "\",\"use_code\":\"" TK_USE \
    "\","
#define DIGEST TK_SEALED

static struct tk tk;

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

/* An event about the version: members after model_digest. */
static const char *about(enum tk_actor who, const char *type, const char *fmt, ...)
    AM_PRINTF(3, 4);
static const char *about(enum tk_actor who, const char *type, const char *fmt, ...)
{
    struct buf b;
    const char *code;
    va_list ap;
    buf_init(&b, 1 << 16);
    va_start(ap, fmt);
    assert_ok(buf_addv(&b, fmt, ap));
    va_end(ap);
    code = tk_say(&tk, LEDGER_EVENT, who, "\"type\":\"%s\",\"model_digest\":\"%s\"%s%s",
                  type, tk.model_hex, b.n ? "," : "", b.p);
    buf_release(&b);
    return code;
}

static const char *event(enum tk_actor who, const char *type, const char *fmt, ...)
    AM_PRINTF(3, 4);
static const char *event(enum tk_actor who, const char *type, const char *fmt, ...)
{
    struct buf b;
    const char *code;
    va_list ap;
    buf_init(&b, 1 << 16);
    va_start(ap, fmt);
    assert_ok(buf_addv(&b, fmt, ap));
    va_end(ap);
    code = tk_say(&tk, LEDGER_EVENT, who, "\"type\":\"%s\",%s", type, b.p);
    buf_release(&b);
    return code;
}

static void days(int64_t n)
{
    tk.now += n * TIME_DAY;
}

static const char *when(int64_t n) /* n days from now; a few may live at once */
{
    static char text[4][TIME_TEXT];
    static unsigned i;
    i = (i + 1) % 4;
    return tk_time(&tk, n, text[i]);
}

static const char *recuse(enum tk_actor by, enum tk_actor whom, const char *members)
{
    return event(by, "recusal", "\"key_id\":\"%s\",\"ground\":\"interest\",%s",
                 tk.id[whom], members);
}

/* ---- members that prove: OMS bundle, twin ---------------------------------------- */
static void bundle(struct buf *b, const char *name, const char *model, const char *file)
{
    struct buf text, b64;
    buf_init(&text, 4096);
    buf_init(&b64, 8192);
    tk_addf(&text,
            "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"m\","
            "\"digest\":{\"sha256\":\"%s\"}}],\"predicateType\":"
            "\"https://model_signing/signature/v1.0\",\"predicate\":{\"resources\":[{"
            "\"name\":\"%s\",\"algorithm\":\"sha256\",\"digest\":\"%s\"}]}}",
            model, name, file);
    assert_ok(crypto_base64(&b64, buf_str(&text)));
    tk_addf(b,
            ",\"model_signature\":{\"dsseEnvelope\":{\"payload\":\"%s\",\"payloadType\":"
            "\"application/vnd.in-toto+json\",\"signatures\":[{\"sig\":\"AA==\"}]}}",
            b64.p);
    buf_release(&b64);
    buf_release(&text);
}

static void twin(struct buf *b, const char *digest)
{
    tk_addf(b,
            ",\"fhir_twin\":{\"device\":{\"resourceType\":\"Device\",\"version\":[{"
            "\"value\":\"1.0.0\"},{\"value\":\"sha256:%s\"}]},\"document_reference\":{"
            "\"resourceType\":\"DocumentReference\"}}",
            digest);
}

static const char *declare(const char *name, bool good_file, bool good_twin,
                           const char *extra)
{
    struct buf b;
    const char *code;
    uint8_t weights[32];
    char hex[CRYPTO_HEX];
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.0.0", 7);
    assert_ok(blob_put(tk.blobs, STR("weights 7"), weights));
    bundle(&b, name, tk.model_hex, good_file ? crypto_hex(weights, 32, hex) : DIGEST);
    twin(&b, good_twin ? tk.model_hex : DIGEST);
    tk_addf(&b, "%s", extra);
    code = tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s", b.p);
    buf_release(&b);
    return code;
}

static void a_signature_or_a_twin_of_another_model_does_not_count(void **state)
{
    (void)state;
    tk_open_with(&tk, "[]", "{}");
    OK(tk_algorithm(&tk));
    CODE(tk_version(&tk), "guard.model_signature");
    CODE(declare("other.json", true, true, ""), "guard.model_signature");
    CODE(declare("model.json", false, true, ""), "guard.model_signature");
    CODE(declare("model.json", true, false, ""), "guard.fhir_twin");
    OK(declare("model.json", true, true, ""));
    assert_true(tk_outcome(&tk)->waived == 0);
}

/* ---- the whole life, nothing waived ---------------------------------------------- */
static const char *evidence_from(enum tk_actor who, double x, int sites)
{
    struct buf b;
    const char *code;
    uint8_t scores[32];
    char hex[CRYPTO_HEX];
    static const char *const row[] = {"PF-1", "PF-3", "PF-4"}, *const name[] = {
                                                                   "auc", "sensitivity",
                                                                   "ppv"};
    assert_ok(blob_put(tk.blobs, STR("row,score\n1,0.5\n"), scores));
    buf_init(&b, 1 << 16);
    tk_addf(&b,
            "\"family\":\"performance\",\"rows\":[\"PF-1\",\"PF-3\",\"PF-4\"],"
            "\"model_digest\":\"%s\",\"dataset\":{\"id\":\"d\",\"sha256\":\"" TK_SEALED
            "\",\"n\":400,\"positives\":180,\"period\":{\"from\":\"2026-01-01\",\"to\":"
            "\"2026-06-30\"},\"external\":true,\"tester_org\":\"BENCH1\","
            "\"leakage_test\":\"none\",\"sites\":[",
            tk.model_hex);
    for (int i = 0; i < sites; i++)
        tk_addf(&b,
                "%s{\"site\":\"S%d\",\"gst\":\"G%d\",\"n\":400,\"positives\":180,"
                "\"sha256\":\"" TK_SEALED "\"}",
                i ? "," : "", i, i);
    tk_addf(&b, "]},\"measures\":[");
    for (int i = 0; i < 3; i++)
        tk_addf(&b,
                "%s{\"row\":\"%s\",\"name\":\"%s\",\"group\":\"\",\"threshold\":null,"
                "\"estimate\":%.3f,\"ci95_low\":%.3f,\"ci95_high\":%.3f,\"ci_method\":"
                "\"delong\",\"n\":400,\"positives\":180,\"seed\":\"1\"}",
                i ? "," : "", row[i], name[i], x, x - 0.01, x + 0.01);
    tk_addf(&b, "],\"scores_sha256\":\"%s\"", crypto_hex(scores, 32, hex));
    code = tk_say(&tk, LEDGER_EVIDENCE, who, "%s", b.p);
    buf_release(&b);
    return code;
}

/* The JSON list of the payload digests of the evidence in effect. */
static void evidence_list(struct buf *b)
{
    const struct ledger_version *v = tk_v(&tk);
    tk_addf(b, "[");
    for (size_t i = 0; i < v->evidence.n; i++) {
        char hex[CRYPTO_HEX];
        tk_addf(b, "%s\"%s\"", i ? "," : "",
                crypto_hex(v->evidence.v[i].payload, 32, hex));
    }
    tk_addf(b, "]");
}

static int64_t term_days = 300;

static const char *decide(const char *outcome, const char *level, const char *extra,
                          const enum tk_actor *by, size_t n)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 14);
    evidence_list(&b);
    code = tk_decide(&tk, &(struct tk_decision){outcome, level, level, "granted", extra,
                                                term_days, by, n, b.p});
    buf_release(&b);
    return code;
}

static const enum tk_actor jury4[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR},
                           p4[] = {TK_DIRECTOR, TK_DIM, TK_GST};

static const char *certificate(const char *status, int64_t expires)
{
    return event(TK_CERTIFIER, "establishment_certificate",
                 "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION
                 "\",\"status\":\"%s\",\"reference\":\"C-1\",\"expires\":\"%s\"",
                 status, when(expires));
}

static void strict_pilot(void)
{
    struct buf b;
    tk_open_with(&tk, "[]", "{}");
    OK(tk_algorithm(&tk));
    OK(declare("model.json", true, true, ""));
    CODE(tk_admissible(&tk), "guard.admissibility_report");
    OK(about(TK_DESK, "admissibility",
             "\"verdict\":\"admissible\",\"pointers\":[],\"report_sha256\":\"" DIGEST
             "\""));
    OK(tk_assign(&tk, "base"));
    OK(evidence_from(TK_BENCH, 0.9, 2));
    OK(evidence_from(TK_BENCH2, 0.9, 2));
    OK(decide("granted", "base", NULL, tk_jury, 3));
    OK(tk_propose(&tk));
    OK(tk_prepare(&tk));
    buf_init(&b, 8192);
    tk_pilot_facts(&tk, &b, 0.9, 300);
    CODE(tk_deploy(&tk, "P3", "pilot", b.p, tk_board, 6), "guard.interop_test");
    tk_addf(&b, ",\"interop_test\":\"" DIGEST "\"");
    OK(tk_deploy(&tk, "P3", "pilot", b.p, tk_board, 6));
    assert_true(tk_outcome(&tk)->waived == 0);
    buf_release(&b);
}

static const char *pilot_report(const char *outcome)
{
    const char *code = about(TK_DIRECTOR, "pilot_report",
                             HERE "\"outcome\":\"%s\",\"closed_at\":\"%s\",\"patients\":"
                                  "300,\"report_sha256\":\"" DIGEST "\"",
                             outcome, when(0));
    return strcmp(code, "waiting_signers") == 0 ? tk_co(&tk, TK_DIM) : code;
}

#define LOCAL(x)                                                                         \
    ",\"local_validation\":[{\"row\":\"PF-1\",\"name\":\"auc\",\"group\":\"\","          \
    "\"estimate\":" x ",\"ci95_low\":0.8,\"ci95_high\":0.95}]"
#define REVIEW                                                                           \
    ",\"review\":{\"override_rate\":0.1,\"vigilance_cases\":0,\"quality_report\":"       \
    "\"" DIGEST "\"}"

/* Intermediate for that many days. */
static void to_intermediate(int64_t term)
{
    strict_pilot();
    days(60);
    CODE(decide("granted", "intermediate", NULL, jury4, 4), "guard.closed_pilot");
    OK(pilot_report("failure"));
    CODE(decide("granted", "intermediate", NULL, jury4, 4), "guard.closed_pilot");
    OK(pilot_report("success"));
    term_days = term;
    OK(decide("granted", "intermediate", NULL, jury4, 4));
    term_days = 300;
    assert_string_equal(tk_outcome(&tk)->transition, "V11");
    assert_true(tk_outcome(&tk)->waived == 0);
}

static void every_transition_of_v_and_p_can_be_reached_with_nothing_waived(void **state)
{
    (void)state;
    strict_pilot();
    days(60);
    CODE(decide("granted", "intermediate", NULL, jury4, 4), "guard.closed_pilot");
    OK(pilot_report("failure"));
    CODE(decide("granted", "intermediate", NULL, jury4, 4), "guard.closed_pilot");
    OK(pilot_report("success"));
    OK(decide("granted", "intermediate", NULL, jury4, 4));
    assert_string_equal(tk_outcome(&tk)->transition, "V11");
    /* P4: local data, review, certificate */
    CODE(tk_deploy(&tk, "P4", "deployed", LOCAL("0.9") REVIEW, p4, 3),
         "guard.establishment_certified");
    OK(certificate("under_way", 200));
    CODE(tk_deploy(&tk, "P4", "deployed", LOCAL("0.7") REVIEW, p4, 3),
         "guard.local_validation");
    CODE(tk_deploy(&tk, "P4", "deployed", REVIEW, p4, 3), "guard.local_validation");
    CODE(tk_deploy(&tk, "P4", "deployed", LOCAL("0.9"), p4, 3), "guard.review");
    OK(tk_deploy(&tk, "P4", "deployed", LOCAL("0.9") REVIEW, p4, 3));
    assert_true(tk_outcome(&tk)->waived == 0);
    /* advanced: three sites, live monitoring, audit, maintenance */
    OK(evidence_from(TK_BENCH, 0.91, 3));
    OK(evidence_from(TK_BENCH2, 0.91, 3));
    CODE(decide("granted", "advanced", NULL, jury4, 4), "guard.live_monitoring");
    OK(about(TK_NODE, "monitoring",
             HERE "\"verdict\":\"pass\",\"from\":\"%s\",\"to\":\"%s\",\"report_sha256\":"
                  "\"" DIGEST "\"",
             when(-30), when(0)));
    CODE(decide("granted", "advanced", NULL, jury4, 4), "guard.live_monitoring");
    OK(about(TK_AUDITOR, "audit",
             "\"verdict\":\"pass\",\"report_sha256\":\"" DIGEST "\""));
    OK(decide("granted", "advanced", NULL, jury4, 4));
    assert_int_equal(tk_v(&tk)->level, LEDGER_ADVANCED);
    assert_true(tk_outcome(&tk)->waived == 0);
    /* the end: notice, withdrawal, retirement */
    {
        static const enum tk_actor vendor[] = {TK_VENDOR}, director[] = {TK_DIRECTOR};
        char plan[400];
        snprintf(plan, sizeof plan,
                 ",\"withdrawal\":{\"deployments\":[\"%s\"],\"migration_plan\":\"" DIGEST
                 "\",\"escrow_checked\":true}",
                 tk_p(&tk)->id);
        CODE(decide("withdrawn", "advanced", plan, vendor, 1), "guard.withdrawal_plan");
        CODE(about(TK_VENDOR, "withdrawal_notice",
                   "\"leaves_at\":\"%s\",\"migration_plan\":\"" DIGEST "\"", when(80)),
             "guard.term");
        OK(about(TK_VENDOR, "withdrawal_notice",
                 "\"leaves_at\":\"%s\",\"migration_plan\":\"" DIGEST "\"", when(91)));
        CODE(decide("withdrawn", "advanced", plan, vendor, 1), "guard.withdrawal_plan");
        days(92);
        CODE(decide("withdrawn", "advanced",
                    ",\"withdrawal\":{\"deployments\":[],\"escrow_checked\":true}",
                    vendor, 1),
             "guard.withdrawal_plan");
        OK(decide("withdrawn", "advanced", plan, vendor, 1));
        assert_int_equal(tk_v(&tk)->state, LEDGER_V_WITHDRAWN);
        assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
        CODE(tk_deploy(&tk, "P10", "retired", NULL, director, 1), "guard.impact_report");
        CODE(tk_deploy(&tk, "P10", "retired", ",\"impact_report\":\"" DIGEST "\"",
                       director, 1),
             "guard.impact_report");
        OK(tk_deploy(&tk, "P10", "retired",
                     ",\"impact_report\":\"" DIGEST "\",\"traces_export\":\"" DIGEST "\"",
                     director, 1));
        CODE(about(TK_ROBOT, "archive", "\"at\":\"%s\"", when(0)), "guard.retention");
        days(3660);
        OK(about(TK_ROBOT, "archive", "\"at\":\"%s\"", when(0)));
        assert_int_equal(tk_v(&tk)->state, LEDGER_V_ARCHIVED);
    }
}

/* ---- appeal ---------------------------------------------------------------------- */
static void refuse_it(void)
{
    struct tk_decision d = {"refused", "base",  "none", "refused", NULL,
                            365,       tk_jury, 3,      NULL};
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.70));
    CODE(about(TK_VENDOR, "appeal", "\"ground\":\"too early\""), "illegal_transition");
    OK(tk_decide(&tk, &d));
}

/* ---- the supplier is heard --------------------------------------------------------- */
static void to_evaluated_with_a_hearing_asked(double auc)
{
    tk_clocks = "{\"reply\":\"P30D\"}";
    tk_open(&tk);
    tk_clocks = "{}";
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    CODE(about(TK_RAPPORTEUR, "hearing", "\"invited_at\":\"%s\",\"answered\":true",
               when(1)),
         "guard.term");
    OK(about(TK_RAPPORTEUR, "hearing", "\"invited_at\":\"%s\",\"answered\":true",
             when(0)));
    OK(tk_evidence(&tk, auc)); /* what it was heard on is older than this */
}

static void nobody_is_refused_or_deferred_unheard(void **state)
{
    static const char *const outcome[] = {"refused", "deferred"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(outcome); i++) {
        struct tk_decision d = {outcome[i],
                                "base",
                                "none",
                                i ? "granted" : "refused",
                                i ? ",\"reason\":\"sites too alike\"" : NULL,
                                365,
                                tk_jury,
                                3,
                                NULL};
        if (i)
            tk_close(&tk);
        to_evaluated_with_a_hearing_asked(i ? 0.88 : 0.70);
        CODE(tk_decide(&tk, &d), "guard.vendor_heard");
        CODE(about(TK_VENDOR, "hearing", "\"invited_at\":\"%s\",\"answered\":true",
                   when(0)),
             "wrong_role"); /* nobody hears himself */
        OK(about(TK_RAPPORTEUR, "hearing", "\"invited_at\":\"%s\",\"answered\":true",
                 when(0)));
        OK(tk_decide(&tk, &d));
        assert_int_equal(tk_v(&tk)->state, i ? LEDGER_V_DEFERRED : LEDGER_V_REFUSED);
    }
}

static void a_supplier_that_is_silent_was_heard_when_its_delay_has_passed(void **state)
{
    int64_t from;
    struct tk_decision d = {"refused", "base",  "none", "refused", NULL,
                            365,       tk_jury, 3,      NULL};
    (void)state;
    to_evaluated_with_a_hearing_asked(0.70);
    assert_true(ledger_hearing(tk.l, tk_v(&tk)->digest, &from));
    assert_int_equal(from, 0); /* asked, and nobody invited yet */
    OK(about(TK_MSPS1, "hearing", "\"invited_at\":\"%s\",\"answered\":false", when(0)));
    assert_true(ledger_hearing(tk.l, tk_v(&tk)->digest, &from));
    assert_int_equal(from - tk.now, 30 * TIME_DAY - TIME_SECOND);
    days(29);
    CODE(tk_decide(&tk, &d), "guard.vendor_heard");
    days(2);
    OK(tk_decide(&tk, &d));
}

static void a_hearing_taken_back_is_none(void **state)
{
    struct tk_decision d = {"refused", "base",  "none", "refused", NULL,
                            365,       tk_jury, 3,      NULL};
    char hex[CRYPTO_HEX];
    (void)state;
    to_evaluated_with_a_hearing_asked(0.70);
    OK(about(TK_MSPS1, "hearing", "\"invited_at\":\"%s\",\"answered\":true", when(0)));
    crypto_hex(tk.record_sha256, 32, hex);
    OK(event(TK_MSPS1, "correction", "\"corrects\":\"%s\",\"reason\":\"r\"", hex));
    CODE(tk_decide(&tk, &d), "guard.vendor_heard");
}

static void a_withdrawal_for_cause_waits_for_the_hearing_and_a_stop_does_not(void **state)
{
    struct tk_decision d = {
        "withdrawn",
        "base",
        "none",
        "granted",
        ",\"withdrawal\":{\"deployments\":[],\"escrow_checked\":true}",
        365,
        tk_jury,
        3,
        NULL};
    (void)state;
    to_evaluated_with_a_hearing_asked(0.88);
    OK(tk_label(&tk));                         /* what is granted needs no hearing */
    OK(tk_stop(&tk, TK_HAS1, "national", "")); /* and a stop waits for nobody */
    CODE(tk_decide(&tk, &d), "guard.vendor_heard");
    OK(about(TK_MSPS1, "hearing", "\"invited_at\":\"%s\",\"answered\":true", when(0)));
    OK(tk_decide(&tk, &d));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_WITHDRAWN);
}

static void an_appeal_in_time_is_judged_by_three_others(void **state)
{
    (void)state;
    refuse_it();
    CODE(about(TK_VENDOR2, "appeal", "\"ground\":\"g\""), "wrong_organisation");
    CODE(about(TK_HAS1, "appeal", "\"ground\":\"g\""), "wrong_role");
    days(29);
    OK(about(TK_VENDOR, "appeal", "\"ground\":\"the threshold was misread\""));
    CODE(about(TK_VENDOR, "appeal", "\"ground\":\"and again\""), "exists");
    CODE(tk_assign(&tk, "base"), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS2), "guard.first_decision");
    CODE(tk_co(&tk, TK_HAS4), "waiting_signers");
    OK(tk_co(&tk, TK_HAS5));
    assert_string_equal(tk_outcome(&tk)->transition, "V10");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION);
    OK(tk_evidence(&tk, 0.9));
}

/* Five commissioners, three of whom refused: the appeal needs a sixth. */
static const enum tk_actor panel[] = {TK_HAS4, TK_HAS5, TK_STRANGER};

static char cited[400]; /* evidence of before and after */

static void to_the_decision_on_an_appeal(double auc)
{
    char first[CRYPTO_HEX];
    refuse_it();
    snprintf(first, sizeof first, "%s", tk.evidence);
    OK(tk_grant(&tk, TK_STRANGER));
    OK(about(TK_VENDOR, "appeal", "\"ground\":\"the threshold was misread\""));
    CODE(tk_assign(&tk, "base"), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS4), "waiting_signers");
    OK(tk_co(&tk, TK_HAS5));
    OK(tk_evidence(&tk, auc));
    snprintf(cited, sizeof cited, "[\"%s\",\"%s\"]", first, tk.evidence);
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
}

static void whoever_refused_does_not_decide_after_the_appeal(void **state)
{
    static const enum tk_actor mixed[] = {TK_HAS2, TK_HAS4, TK_HAS5, TK_STRANGER};
    struct tk_decision d = {"granted", "base", "base", "granted", NULL,
                            365,       mixed,  4,      cited};
    (void)state;
    to_the_decision_on_an_appeal(0.88);
    CODE(tk_label(&tk), "guard.other_commissioners");
    tk_unsigned = true;
    (void)tk_decide(&tk, &d);
    tk_unsigned = false;
    CODE(tk_co(&tk, TK_HAS4), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS5), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS2), "guard.other_commissioners");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    d.by = panel;
    d.n = 3;
    OK(tk_decide(&tk, &d));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED);
    tk.now += 200 * TIME_DAY; /* answered: later decisions are everybody's */
    d = (struct tk_decision){"reduced", "base",  "base", "granted", ",\"reason\":\"r\"",
                             365,       tk_jury, 3,      NULL};
    assert_string_not_equal(tk_decide(&tk, &d), "guard.other_commissioners");
}

static void a_signature_of_before_the_refusal_answers_no_appeal(void **state)
{
    static const enum tk_actor four[] = {TK_HAS1, TK_HAS4, TK_HAS5, TK_STRANGER};
    struct tk_decision end = {
        "withdrawn",
        "base",
        "none",
        "granted",
        ",\"withdrawal\":{\"deployments\":[],\"escrow_checked\":true}",
        365,
        four,
        4,
        NULL};
    struct tk_decision no = {"refused", "base",  "none", "refused", NULL,
                             365,       tk_jury, 3,      NULL};
    struct buf waits;
    uint8_t digest[32];
    (void)state;
    buf_init(&waits, 1 << 20);
    tk_open(&tk);
    OK(tk_grant(&tk, TK_STRANGER));
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.70));
    tk_unsigned = true;
    (void)tk_decide(&tk, &end);
    tk_unsigned = false;
    CODE(tk_co(&tk, TK_HAS1), "waiting_signers");
    assert_ok(buf_add(&waits, buf_str(&tk.payload)));
    memcpy(digest, tk.payload_sha256, 32);
    OK(tk_decide(&tk, &no)); /* HAS1 again */
    OK(about(TK_VENDOR, "appeal", "\"ground\":\"g\""));
    CODE(tk_assign(&tk, "base"), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS4), "waiting_signers");
    OK(tk_co(&tk, TK_HAS5));
    buf_clear(&tk.payload);
    assert_ok(buf_add(&tk.payload, buf_str(&waits)));
    memcpy(tk.payload_sha256, digest, 32);
    CODE(tk_co(&tk, TK_HAS4), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS5), "waiting_signers");
    CODE(tk_co(&tk, TK_STRANGER), "waiting_signers"); /* for HAS1, who is void */
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION);
    buf_release(&waits);
}

static void a_deferral_leaves_the_appeal_open(void **state)
{
    struct tk_decision d = {"deferred", "base", "none", "granted", ",\"reason\":\"r\"",
                            365,        panel,  3,      cited};
    (void)state;
    to_the_decision_on_an_appeal(0.88);
    OK(tk_decide(&tk, &d));
    OK(tk_assign(&tk, "base")); /* V9 */
    OK(tk_evidence(&tk, 0.9));
    CODE(tk_label(&tk), "guard.other_commissioners");
}

static void an_appeal_after_thirty_days_comes_too_late(void **state)
{
    (void)state;
    refuse_it();
    days(31);
    CODE(about(TK_VENDOR, "appeal", "\"ground\":\"g\""), "guard.term");
}

static void an_appeal_taken_back_is_no_appeal(void **state)
{
    char hex[CRYPTO_HEX];
    (void)state;
    refuse_it();
    OK(about(TK_VENDOR, "appeal", "\"ground\":\"g\""));
    crypto_hex(tk.record_sha256, 32, hex);
    CODE(event(TK_VENDOR2, "correction", "\"corrects\":\"%s\",\"reason\":\"r\"", hex),
         "guard.author");
    CODE(event(TK_VENDOR, "correction", "\"corrects\":\"" DIGEST "\",\"reason\":\"r\""),
         "guard.fact");
    OK(event(TK_VENDOR, "correction", "\"corrects\":\"%s\",\"reason\":\"r\"", hex));
    CODE(event(TK_VENDOR, "correction", "\"corrects\":\"%s\",\"reason\":\"r2\"", hex),
         "guard.fact");
    CODE(tk_assign(&tk, "base"), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS4), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS5), "guard.appeal");
}

/* ---- recusal --------------------------------------------------------------------- */
static void who_declares_an_interest_signs_nothing_on_that_vendor(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(recuse(TK_HAS1, TK_HAS1, "\"with_org\":\"ACME01\""));
    assert_true(ledger_recused(tk.l, tk.id[TK_HAS1], tk.model, tk.now));
    assert_false(ledger_recused(tk.l, tk.id[TK_HAS2], tk.model, tk.now));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.88));
    CODE(tk_decide(&tk, &(struct tk_decision){"granted", "base", "base", "granted", NULL,
                                              365, tk_jury, 1, NULL}),
         "guard.recused");
    {
        static const enum tk_actor others[] = {TK_HAS2, TK_HAS3, TK_HAS4};
        OK(tk_decide(&tk, &(struct tk_decision){"granted", "base", "base", "granted",
                                                NULL, 365, others, 3, NULL}));
    }
    OK(tk_stop(&tk, TK_HAS1, "national", "")); /* anybody may still stop */
}

static void a_signature_that_waits_is_void_once_its_signer_is_recused(void **state)
{
    struct buf waiting;
    uint8_t digest[32];
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    OK(tk_evidence(&tk, 0.88));
    tk_unsigned = true;
    (void)tk_decide(&tk, &(struct tk_decision){"granted", "base", "base", "granted", NULL,
                                               365, tk_jury, 3, NULL});
    tk_unsigned = false;
    buf_init(&waiting, 1 << 16);
    assert_ok(buf_add(&waiting, buf_str(&tk.payload)));
    memcpy(digest, tk.payload_sha256, 32);
    CODE(tk_co(&tk, TK_HAS1), "waiting_signers");
    CODE(tk_co(&tk, TK_HAS2), "waiting_signers");
    OK(recuse(TK_HAS1, TK_HAS1, "\"with_org\":\"ACME01\""));
    buf_clear(&tk.payload);
    assert_ok(buf_add(&tk.payload, buf_str(&waiting)));
    memcpy(tk.payload_sha256, digest, 32);
    CODE(tk_co(&tk, TK_HAS3), "waiting_signers"); /* two that count, of three */
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    buf_release(&waiting);
}

static void a_vendor_may_ask_for_a_recusal_and_no_more(void **state)
{
    struct ledger_fact f;
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(recuse(TK_VENDOR, TK_HAS1, "\"with_org\":\"OTHER1\""));
    ledger_fact_at(tk.l, ledger_facts(tk.l) - 1, &f);
    assert_false(f.good);
    assert_string_equal(f.about_key, tk.id[TK_HAS1]);
    OK(recuse(TK_VENDOR, TK_HAS1, "\"with_org\":\"ACME01\""));
    assert_false(ledger_recused(tk.l, tk.id[TK_HAS1], tk.model, tk.now));
    OK(recuse(TK_MSPS1, TK_HAS1, "\"with_org\":\"ACME01\""));
    assert_true(ledger_recused(tk.l, tk.id[TK_HAS1], tk.model, tk.now));
    CODE(recuse(TK_HAS1, TK_HAS1, "\"ended\":\"2020-01-01\""), "guard.fact");
    CODE(event(TK_HAS1, "recusal",
               "\"key_id\":\"" DIGEST "\",\"ground\":\"g\",\"with_org\":\"X\""),
         "guard.key");
}

static void an_interest_bars_for_five_years_after_its_end(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(recuse(TK_HAS1, TK_HAS1, "\"with_org\":\"ACME01\",\"ended\":\"2021-12-01\""));
    OK(recuse(TK_HAS2, TK_HAS2, "\"with_org\":\"ACME01\",\"ended\":\"2021-10-01\""));
    assert_true(ledger_recused(tk.l, tk.id[TK_HAS1], tk.model, tk.now));
    assert_false(ledger_recused(tk.l, tk.id[TK_HAS2], tk.model, tk.now));
    CODE(recuse(TK_HAS3, TK_HAS3, "\"with_org\":\"ACME01\",\"ended\":\"2031-10-01\""),
         "guard.term");
}

static void a_recused_rapporteur_or_bench_is_not_assigned(void **state)
{
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    /* the interest of one machine's key is that of the laboratory */
    OK(recuse(TK_BENCH2, TK_BENCH2, "\"with_org\":\"ACME01\""));
    CODE(tk_assign(&tk, "base"), "guard.recused");
    assert_true(ledger_recused(tk.l, tk.id[TK_BENCH], tk.model, tk.now));
    OK(recuse(TK_RAPPORTEUR, TK_RAPPORTEUR, "\"establishment\":\"CHU-CASA\""));
    assert_false(ledger_recused(tk.l, tk.id[TK_RAPPORTEUR], tk.model, tk.now));
    OK(recuse(TK_HAS1, TK_RAPPORTEUR, "\"with_org\":\"ACME01\""));
    CODE(tk_assign(&tk, "base"), "guard.recused");
}

static const char *replace(const char *record, enum tk_actor rapporteur,
                           enum tk_actor bench, const char *level)
{
    return event(TK_RAPPORTEUR2, "assignment",
                 "\"rapporteur\":\"%s\",\"bench_operator\":\"%s\",\"requested_level\":"
                 "\"%s\",\"sealed_data\":[\"" TK_SEALED "\"],\"no_conflict\":true,"
                 "\"model_digest\":\"%s\",\"replaces\":\"%s\"",
                 tk.id[rapporteur], tk.id[bench], level, tk.model_hex, record);
}

static void under_evaluation(char assignment[CRYPTO_HEX])
{
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(tk_admissible(&tk));
    OK(tk_assign(&tk, "base"));
    crypto_hex(tk.record_sha256, 32, assignment);
}

static void a_rapporteur_recused_on_the_way_is_replaced_and_evidence_stays(void **state)
{
    char was[CRYPTO_HEX];
    (void)state;
    under_evaluation(was);
    CODE(replace(was, TK_RAPPORTEUR2, TK_BENCH, "base"), "guard.supersedes");
    OK(recuse(TK_RAPPORTEUR, TK_RAPPORTEUR, "\"with_org\":\"ACME01\""));
    CODE(replace(DIGEST, TK_RAPPORTEUR2, TK_BENCH, "base"), "guard.supersedes");
    CODE(replace(was, TK_RAPPORTEUR2, TK_BENCH, "advanced"), "guard.level");
    CODE(replace(was, TK_RAPPORTEUR2, TK_BENCH2, "base"), "guard.bench_operator");
    CODE(replace(was, TK_RAPPORTEUR, TK_BENCH, "base"), "guard.recused");
    CODE(replace(was, TK_HAS1, TK_BENCH, "base"), "guard.rapporteur");
    OK(replace(was, TK_RAPPORTEUR2, TK_BENCH, "base"));
    assert_string_equal(tk_outcome(&tk)->transition, "V5");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION);
    CODE(replace(was, TK_RAPPORTEUR2, TK_BENCH, "base"), "guard.supersedes");
    OK(tk_evidence(&tk, 0.88));
    OK(tk_label(&tk));
    CODE(replace(was, TK_RAPPORTEUR2, TK_BENCH, "base"), "illegal_transition");
}

static void a_bench_whose_key_is_revoked_is_replaced(void **state)
{
    char was[CRYPTO_HEX];
    (void)state;
    under_evaluation(was);
    OK(event(TK_BENCH, "key_revoke", "\"key_id\":\"%s\",\"own\":true,\"reason\":\"r\"",
             tk.id[TK_BENCH]));
    OK(replace(was, TK_RAPPORTEUR, TK_BENCH2, "base"));
    CODE(tk_evidence(&tk, 0.88), "key_revoked");
    OK(tk_evidence_by(&tk, TK_BENCH2, 0.88));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
}

/* A laboratory's interest is that of all its keys: another one starts again. */
static void a_bench_recused_on_the_way_takes_its_evidence_with_it(void **state)
{
    char was[CRYPTO_HEX];
    (void)state;
    under_evaluation(was);
    OK(tk_evidence(&tk, 0.88));
    tk.l->version.v[0].v.state = LEDGER_V_UNDER_EVALUATION; /* as if rows were missing */
    OK(recuse(TK_BENCH, TK_BENCH, "\"with_org\":\"ACME01\""));
    CODE(replace(was, TK_RAPPORTEUR, TK_BENCH2, "base"), "guard.recused");
    assert_int_equal(tk_v(&tk)->evidence.n, 1);
    OK(replace(was, TK_RAPPORTEUR, TK_BENCH3, "base"));
    assert_int_equal(tk_v(&tk)->evidence.n, 0);
    CODE(tk_evidence_by(&tk, TK_BENCH2, 0.88), "guard.recused");
    OK(tk_evidence_by(&tk, TK_BENCH3, 0.88));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    assert_int_equal(tk_v(&tk)->evidence.n, 1);
}

/* ---- one's own key --------------------------------------------------------------- */
static const char *own(enum tk_actor by, enum tk_actor whose, const char *more)
{
    return event(by, "key_revoke", "\"key_id\":\"%s\",\"own\":true,%s\"reason\":\"r\"",
                 tk.id[whose], more);
}

static void whoever_holds_a_key_may_end_it_and_no_other(void **state)
{
    (void)state;
    tk_open(&tk);
    CODE(own(TK_DOCTOR, TK_DSI, ""), "guard.key");
    CODE(event(TK_DOCTOR, "key_revoke", "\"key_id\":\"%s\",\"reason\":\"r\"",
               tk.id[TK_DOCTOR]),
         "wrong_role"); /* what was logged without the word keeps its meaning */
    CODE(own(TK_NODE, TK_NODE, ""), "wrong_role");
    OK(own(TK_DOCTOR, TK_DOCTOR, ""));
    assert_false(ledger_key_valid(tk.l, tk.id[TK_DOCTOR], LEDGER_PHYSICIAN, tk.now));
    CODE(own(TK_DOCTOR, TK_DOCTOR, ""), "key_revoked");
}

static void a_holder_cannot_undo_what_his_key_signed(void **state)
{
    char since[64];
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    snprintf(since, sizeof since, "\"compromised_since\":%llu,",
             (unsigned long long)ledger_size(tk.l) - 1);
    OK(tk_version(&tk));
    CODE(own(TK_VENDOR, TK_VENDOR, since), "guard.key");
    OK(own(TK_VENDOR, TK_VENDOR, ""));
    assert_int_equal(ledger_versions(tk.l), 1);
}

static void a_recusal_is_taken_back_by_who_declared_it(void **state)
{
    char hex[CRYPTO_HEX];
    (void)state;
    tk_open(&tk);
    OK(tk_algorithm(&tk));
    OK(tk_version(&tk));
    OK(recuse(TK_HAS1, TK_HAS1, "\"with_org\":\"ACME01\""));
    crypto_hex(tk.record_sha256, 32, hex);
    CODE(event(TK_HAS2, "correction", "\"corrects\":\"%s\",\"reason\":\"r\"", hex),
         "guard.author");
    OK(event(TK_HAS1, "correction", "\"corrects\":\"%s\",\"reason\":\"r\"", hex));
    assert_false(ledger_recused(tk.l, tk.id[TK_HAS1], tk.model, tk.now));
}

/* ---- establishments -------------------------------------------------------------- */
static const char *visit(enum tk_actor who, const char *gst)
{
    return event(who, "visit",
                 "\"establishment\":\"" TK_SITE "\",\"gst\":\"%s\",\"visited_at\":\"%s\","
                 "\"outcome\":\"conform\",\"report_sha256\":\"" DIGEST
                 "\",\"no_conflict\":true",
                 gst, when(0));
}

static void a_visitor_comes_from_another_region(void **state)
{
    (void)state;
    tk_open(&tk);
    CODE(visit(TK_VISITOR2, TK_REGION), "guard.visitor");
    OK(visit(TK_VISITOR, TK_REGION));
    CODE(visit(TK_VISITOR, "GST-CS"), "guard.visitor");
    OK(recuse(TK_DIRECTOR, TK_VISITOR, "\"establishment\":\"" TK_SITE "\""));
    OK(visit(TK_VISITOR, TK_REGION)); /* only asked */
    OK(recuse(TK_HAS1, TK_VISITOR, "\"establishment\":\"" TK_SITE "\""));
    CODE(visit(TK_VISITOR, TK_REGION), "guard.recused");
    CODE(visit(TK_DIRECTOR, TK_REGION), "wrong_role");
}

static void a_certificate_that_ends_suspends_what_was_deployed_on_it(void **state)
{
    char hex[CRYPTO_HEX];
    (void)state;
    to_intermediate(300);
    CODE(certificate("certified", -1), "guard.term");
    CODE(certificate("perhaps", 10), "guard.fact");
    OK(certificate("certified", 30));
    OK(tk_deploy(&tk, "P4", "deployed", LOCAL("0.9") REVIEW, p4, 3));
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_DEPLOYED);
    assert_int_not_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now + 31 * TIME_DAY),
                     LEDGER_P_SUSPENDED);
    OK(certificate("withdrawn", 300));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
    crypto_hex(tk.record_sha256, 32, hex);
    OK(event(TK_CERTIFIER, "correction", "\"corrects\":\"%s\",\"reason\":\"r\"", hex));
    assert_int_not_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
}

/* ---- deployments ----------------------------------------------------------------- */
static const char *two(const char *first, enum tk_actor second)
{
    return strcmp(first, "waiting_signers") == 0 ? tk_co(&tk, second) : first;
}

static void an_approval_is_renewed_and_the_cndp_ends_its_own(void **state)
{
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk); /* DPIA for 300 days */
    assert_false(ledger_approvals(tk.l, tk_p(&tk), tk.now + 301 * TIME_DAY));
    CODE(two(about(TK_DIRECTOR, "approval",
                   HERE "\"dpia\":{\"number\":\"D2\",\"expires\":\"2020-01-01\"}"),
             TK_DPO),
         "guard.term");
    CODE(about(TK_DPO, "approval",
               HERE "\"dpia\":{\"number\":\"D2\",\"expires\":\"2028-01-01\"},"
                    "\"cndp_authorization\":{\"number\":\"A2\",\"expires\":"
                    "\"2028-01-01\"}"),
         "waiting_signers");
    CODE(tk_co(&tk, TK_DIRECTOR), "guard.fact");
    OK(two(about(TK_DIRECTOR, "approval",
                 HERE "\"dpia\":{\"number\":\"D2\",\"expires\":\"2028-01-01\"}"),
           TK_DPO));
    assert_true(ledger_approvals(tk.l, tk_p(&tk), tk.now + 301 * TIME_DAY));
    CODE(about(TK_DPO, "approval",
               HERE "\"cndp_authorization\":{\"number\":\"A2\",\"expires\":"
                    "\"2028-01-01\"}"),
         "wrong_role");
    OK(about(TK_CNDP, "approval",
             HERE
             "\"cndp_authorization\":{\"number\":\"A1\",\"expires\":\"2026-01-01\"}"));
    assert_false(ledger_approvals(tk.l, tk_p(&tk), tk.now));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_SUSPENDED);
}

static void a_pilot_is_renewed_once(void **state)
{
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk); /* until day 150 */
#define RENEW(d)                                                                         \
    two(two(about(TK_DIM, "pilot_extension", HERE "\"until\":\"%s\"", when(d)), TK_DPO), \
        TK_LEAD)
    CODE(RENEW(400), "guard.term");
    CODE(RENEW(100), "guard.term");
    OK(RENEW(300));
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now + 200 * TIME_DAY),
                     LEDGER_P_PILOT);
    CODE(RENEW(310), "exists");
}

static const char *drift(enum tk_actor who, const char *where, int severity, int64_t from,
                         int64_t to)
{
    return about(
        who, "drift",
        "%s\"test\":\"cusum\",\"variable\":\"age\",\"from\":\"%s\",\"to\":\"%s\","
        "\"n\":400,\"statistic\":9.1,\"calibrated_threshold\":8.05,"
        "\"false_alarm_probability\":0.001,\"severity\":%d,\"action\":\"stop\"",
        where, when(from), when(to), severity);
}

static void drift_of_severity_three_counts_when_a_second_window_confirms_it(void **state)
{
    const struct ledger_deprec *p;
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    days(100);
    p = &tk.l->deployment.v[0];
    CODE(drift(TK_NODE2, HERE, 3, -90, -60), "wrong_organisation");
    CODE(drift(TK_NODE, HERE, 4, -90, -60), "guard.fact");
    CODE(drift(TK_NODE, HERE, 3, -60, -90), "guard.fact");
    CODE(drift(TK_DIM, HERE, 3, -90, -60), "wrong_role");
    OK(drift(TK_NODE, HERE, 3, -90, -60));
    assert_int_equal(p->drift_confirmed, 0);
    OK(drift(TK_NODE, HERE, 3, -80, -50)); /* overlaps: the same observation */
    assert_int_equal(p->drift_confirmed, 0);
    OK(drift(TK_NODE, HERE, 2, -50, -20));
    assert_int_equal(p->drift_confirmed, 0);
    OK(drift(TK_NODE, HERE, 3, -49, -19));
    assert_true(p->drift_confirmed == ledger_size(tk.l) - 1);
}

static void facts_about_a_place_where_it_does_not_run_are_refused(void **state)
{
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    CODE(pilot_report("success"), "illegal_transition");
    OK(tk_propose(&tk));
    CODE(pilot_report("success"), "illegal_transition"); /* no pilot yet */
    CODE(drift(TK_NODE, HERE, 1, -3, -2), "illegal_transition");
    CODE(about(TK_DIRECTOR, "pilot_report",
               "\"establishment\":\"" TK_SITE "\",\"gst\":\"GST-CS\",\"use_code\":"
               "\"" TK_USE "\",\"outcome\":\"success\",\"closed_at\":\"%s\","
               "\"patients\":1,\"report_sha256\":\"" DIGEST "\"",
               when(0)),
         "wrong_organisation");
}

/* ---- surveillance ---------------------------------------------------------------- */
static void surveillance_cites_new_evidence_and_holds_the_label(void **state)
{
    struct buf b;
    (void)state;
    tk_open(&tk);
    tk_to_label(&tk);
    buf_init(&b, 4096);
    evidence_list(&b);
    CODE(about(TK_BENCH, "surveillance", "\"verdict\":\"pass\",\"evidence\":%s", b.p),
         "guard.surveillance");
    CODE(about(TK_BENCH, "surveillance",
               "\"verdict\":\"pass\",\"evidence\":[\"" DIGEST "\"]"),
         "guard.evidence");
    OK(tk_evidence(&tk, 0.87));
    buf_clear(&b);
    evidence_list(&b);
    CODE(about(TK_BENCH, "surveillance", "\"verdict\":\"fine\",\"evidence\":%s", b.p),
         "guard.fact");
    OK(about(TK_BENCH, "surveillance", "\"verdict\":\"pass\",\"evidence\":%s", b.p));
    buf_release(&b);
}

static void a_year_and_a_month_without_surveillance_ends_a_longer_label(void **state)
{
    (void)state;
    to_intermediate(700);
    days(394);
    CODE(about(TK_ROBOT, "expiry", "\"at\":\"%s\"", when(0)), "guard.not_expired");
    days(2);
    OK(about(TK_ROBOT, "expiry", "\"at\":\"%s\"", when(0)));
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EXPIRED);
    OK(tk_assign(&tk, "base"));
    assert_string_equal(tk_outcome(&tk)->transition, "V17");
}

/* ---- lease ----------------------------------------------------------------------- */
static void the_lease_is_extended_by_ministry_and_authority_for_two_days(void **state)
{
    static const enum tk_actor by[] = {TK_MSPS1, TK_MSPS2, TK_HAS1, TK_HAS2, TK_HAS3};
    const char *code = "";
    char hex[CRYPTO_HEX];
    (void)state;
    tk_open(&tk);
    for (int late = 1; late >= 0; late--) {
        code = event(by[0], "lease_extension", "\"until\":\"%s\",\"reason\":\"cable\"",
                     when(late ? 3 : 2));
        for (size_t i = 1; i < AM_LEN(by); i++) {
            CODE(code, "waiting_signers");
            code = tk_co(&tk, by[i]);
        }
        if (late)
            CODE(code, "guard.term");
    }
    OK(code);
    assert_true(ledger_lease_extension(tk.l) > tk.now + TIME_DAY);
    crypto_hex(tk.record_sha256, 32, hex);
    OK(event(TK_MSPS1, "correction", "\"corrects\":\"%s\",\"reason\":\"r\"", hex));
    assert_int_equal(ledger_lease_extension(tk.l), 0);
}

/* ---- motive ---------------------------------------------------------------------- */
static void the_motive_of_a_stop_follows_from_the_house_that_ordered_it(void **state)
{
    char hex[CRYPTO_HEX];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    OK(tk_stop(&tk, TK_DIRECTOR, "establishment",
               "\"establishment\":\"" TK_SITE "\",\"gst\":\"" TK_REGION "\","));
    crypto_hex(tk.record_sha256, 32, hex);
    CODE(event(TK_LEAD2, "stop_motive",
               "\"order\":\"%s\",\"motive_code\":\"patient_safety\"", hex),
         "wrong_organisation");
    CODE(event(TK_DIM, "stop_motive", "\"order\":\"" DIGEST "\",\"motive_code\":\"x\""),
         "unknown_order");
    OK(event(TK_DIM, "stop_motive", "\"order\":\"%s\",\"motive_code\":\"patient_safety\"",
             hex));
    assert_string_equal(ledger_stop_at(tk.l, 0)->motive_code, "patient_safety");
    CODE(event(TK_DIM, "stop_motive", "\"order\":\"%s\",\"motive_code\":\"other\"", hex),
         "exists");
}

/* What feeds a guard must be said: a reason why it is not said, or nothing, is not it. */
static void only_what_is_said_counts_as_there(void **state)
{
    static const struct {
        const char *value;
        bool there;
    } want[] = {{"{\"na\":\"rule based\"}", false},
                {"{\"na\":\"kept\",\"number\":\"7\"}", true},
                {"{\"number\":\"7\"}", true},
                {"{}", true},
                {"null", false},
                {"\"\"", false},
                {"\"x\"", true},
                {"[]", false},
                {"[0]", true},
                {"0", true},
                {"false", true}};
    (void)state;
    for (size_t i = 0; i < AM_LEN(want); i++) {
        struct json_doc *doc = NULL;
        char text[64];
        snprintf(text, sizeof text, "{\"plan\":%s}", want[i].value);
        assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
        if (ledger_has(json_root(doc), "plan") != want[i].there)
            fail_msg("%s", want[i].value);
        assert_false(ledger_has(json_root(doc), "other"));
        json_free(doc);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, close_tk)
    const struct CMUnitTest t[] = {
        TEST(only_what_is_said_counts_as_there),
        T(a_signature_or_a_twin_of_another_model_does_not_count),
        T(every_transition_of_v_and_p_can_be_reached_with_nothing_waived),
        T(an_appeal_in_time_is_judged_by_three_others),
        T(whoever_refused_does_not_decide_after_the_appeal),
        T(a_signature_of_before_the_refusal_answers_no_appeal),
        T(a_deferral_leaves_the_appeal_open),
        T(an_appeal_after_thirty_days_comes_too_late),
        T(an_appeal_taken_back_is_no_appeal),
        T(who_declares_an_interest_signs_nothing_on_that_vendor),
        T(a_signature_that_waits_is_void_once_its_signer_is_recused),
        T(a_vendor_may_ask_for_a_recusal_and_no_more),
        T(an_interest_bars_for_five_years_after_its_end),
        T(a_recused_rapporteur_or_bench_is_not_assigned),
        T(a_rapporteur_recused_on_the_way_is_replaced_and_evidence_stays),
        T(a_bench_whose_key_is_revoked_is_replaced),
        T(a_bench_recused_on_the_way_takes_its_evidence_with_it),
        T(whoever_holds_a_key_may_end_it_and_no_other),
        T(a_holder_cannot_undo_what_his_key_signed),
        T(a_recusal_is_taken_back_by_who_declared_it),
        T(a_visitor_comes_from_another_region),
        T(a_certificate_that_ends_suspends_what_was_deployed_on_it),
        T(an_approval_is_renewed_and_the_cndp_ends_its_own),
        T(a_pilot_is_renewed_once),
        T(drift_of_severity_three_counts_when_a_second_window_confirms_it),
        T(nobody_is_refused_or_deferred_unheard),
        T(a_supplier_that_is_silent_was_heard_when_its_delay_has_passed),
        T(a_hearing_taken_back_is_none),
        T(a_withdrawal_for_cause_waits_for_the_hearing_and_a_stop_does_not),
        T(facts_about_a_place_where_it_does_not_run_are_refused),
        T(surveillance_cites_new_evidence_and_holds_the_label),
        T(a_year_and_a_month_without_surveillance_ends_a_longer_label),
        T(the_lease_is_extended_by_ministry_and_authority_for_two_days),
        T(the_motive_of_a_stop_follows_from_the_house_that_ordered_it),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
