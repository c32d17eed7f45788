/* SPDX-License-Identifier: Apache-2.0 */
/* What a label asks of the record binds: each row of the table, one field away from a
 * record that has them all, and what a superseding record may lose. */
#include "ledger/ledger_ask_tbl.h"
#include "ledger/ledger_priv.h"
#include "ledger/ledger_snapshot.h"
#include "ledger/ledger_testkit.h"

#define OK(call)         assert_string_equal((call), "ok")
#define CODE(call, code) assert_string_equal((call), code)
#define DUE              "guard.record_due"

static struct tk tk;
static const enum tk_actor jury[] = {TK_HAS1, TK_HAS2, TK_HAS3, TK_IMANOR};

static int close_tk(void **state)
{
    (void)state;
    tk_close(&tk);
    return 0;
}

/* The base level asks only for records, of use; others for what the table says. */
#define LAX                                                                              \
    "\"guard.model_signature\",\"guard.fhir_twin\",\"guard.admissibility_report\","      \
    "\"guard.closed_pilot\",\"guard.sites\",\"guard.reproduced\","                       \
    "\"guard.live_monitoring\",\"guard.surveillance\""

/* ---- records, one text away from the full ones ---------------------------------------
 */
static const char *changed(const char *text, const char *from, const char *to)
{
    static struct buf b;
    const char *at = from ? strstr(text, from) : NULL;
    buf_release(&b);
    buf_init(&b, 1 << 16);
    if (!from)
        tk_addf(&b, "%s", text);
    else
        assert_non_null(at);
    if (from)
        tk_addf(&b, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return b.p;
}

static const char *say_algorithm(const char *from, const char *to, const char *more)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 16);
    tk_algorithm_members(&tk, &b);
    code = tk_say(&tk, LEDGER_ALGORITHM, TK_VENDOR, "%s%s", changed(b.p, from, to), more);
    buf_release(&b);
    return code;
}

static const char *say_version(const char *from, const char *to, const char *more)
{
    struct buf b;
    const char *code;
    buf_init(&b, 1 << 16);
    tk_version_members(&tk, &b, "1.0.0", 7);
    code = tk_say(&tk, LEDGER_VERSION, TK_VENDOR, "%s%s", changed(b.p, from, to), more);
    buf_release(&b);
    return code;
}

static const char *again(enum ledger_kind kind, const char *from, const char *to)
{
    char more[160], hex[CRYPTO_HEX];
    size_t i = ledger_find_algorithm(tk.l, str_c(tk.algorithm_id));
    crypto_hex(kind == LEDGER_VERSION ? tk_v(&tk)->declared.record
                                      : tk.l->algorithm.v[i].record,
               32, hex);
    snprintf(more, sizeof more, ",\"supersedes\":\"%s\",\"reason\":\"r\"", hex);
    return kind == LEDGER_VERSION ? say_version(from, to, more)
                                  : say_algorithm(from, to, more);
}

static void open_with(const char *waived, enum ledger_kind kind, const char *from,
                      const char *to)
{
    tk_open_with(&tk, waived, "{}");
    OK(say_algorithm(kind == LEDGER_ALGORITHM ? from : NULL, to, ""));
    OK(say_version(kind == LEDGER_VERSION ? from : NULL, to, ""));
    OK(tk_admissible(&tk));
}

static void evaluate(enum ledger_level asked)
{
    OK(tk_assign(&tk, ledger_level_name(asked)));
    OK(tk_evidence(&tk, 0.88));
}

static const char *decide(const char *outcome, enum ledger_level asked,
                          enum ledger_level level, const char *extra)
{
    bool granted = strcmp(outcome, "granted") == 0; /* others keep an older term */
    struct tk_decision d = {.outcome = outcome,
                            .requested = ledger_level_name(asked),
                            .level = ledger_level_name(level),
                            .computed = "granted",
                            .extra = extra,
                            .days = granted ? 300 : 200,
                            .by = jury,
                            .n = level > LEDGER_BASE && granted ? 4 : 3};
    return tk_decide(&tk, &d);
}

/* ---- each row ------------------------------------------------------------------------
 */
/* The change that takes away what one row asks, in the order of the table. */
static const struct {
    const char *pointer, *from, *to;
} lose[] = {
    {"/representativeness", "\"variable\":\"sex\"", "\"variable\":\"region\""},
    {"/relevance_morocco", "\"relevance_morocco\":", "\"x\":"},
    {"/fairness_approach", "\"fairness_approach\":" TK_WORD, "\"fairness_approach\":{}"},
    {"/bias_mitigation", "\"bias_mitigation\":" TK_WORD,
     "\"bias_mitigation\":{\"na\":\"r\"}"},
    {"/explainability", "\"explainability\":", "\"x\":"},
    {"/explainability/version", "\"scope\":\"both\",\"version\":\"1\"",
     "\"scope\":\"both\""},
    {"/cybersecurity", "\"cybersecurity\":{", "\"cybersecurity\":null,\"x\":{"},
    {"/cybersecurity/evidence/0", "\"evidence\":[{\"claim\"",
     "\"evidence\":[],\"x\":[{\"claim\""},
    {"/interoperability", "\"interoperability\":", "\"x\":"},
    {"/maintenance", "\"maintenance\":", "\"x\":"},
    {"/maintenance/monitoring_period", "\"P1M\"", "\"P7M\""},
    {"/patient_information", "\"patient_information\":{",
     "\"patient_information\":\"\",\"x\":{"},
    {"/patient_information/fr", "\"patient_information\":{\"fr\"",
     "\"patient_information\":{\"en\""},
    {"/patient_information/ar", "\"patient_information\":" TK_WORD,
     "\"patient_information\":{\"fr\":\"t\"}"},
    {"/trade_name/ar", "\"trade_name\":" TK_NAME,
     "\"trade_name\":{\"fr\":\"C\",\"en\":\"H\"}"},
    {"/trade_name/en", "\"trade_name\":" TK_NAME,
     "\"trade_name\":{\"fr\":\"C\",\"ar\":\"H\"}"},
    {"/short_name/ar", "\"short_name\":" TK_NAME,
     "\"short_name\":{\"fr\":\"C\",\"en\":\"H\"}"},
    {"/short_name/en", "\"short_name\":" TK_NAME,
     "\"short_name\":{\"fr\":\"C\",\"ar\":\"H\"}"},
    {"/sbom", "\"sbom\":", "\"x\":"},
    {"/relevance_evidence", "\"relevance_evidence\":", "\"x\":"},
    {"/relevance_evidence/0", "\"relevance_evidence\":[",
     "\"relevance_evidence\":[],\"x\":["},
    {"/labelling", "\"labelling\":", "\"x\":"},
    {"/escrow", "\"escrow\":", "\"x\":"},
    {"/instructions_for_use/ar", ",\"ar\":" TK_SHA, ""},
    {"/maintenance/monitoring_period", "\"P1M\"", "\"P4M\""},
    {"/maintenance/monitoring_period", "\"P1M\"", "\"P32D\""},
};

static void levels_rise_from_row_to_row(void **state)
{
    const struct ledger_ask *x;
    size_t n = 0;
    (void)state;
    for (; (x = ledger_ask(n)); n++) {
        assert_true(n == 0 || x->level >= ledger_ask(n - 1)->level);
        assert_true(n < AM_LEN(lose));
        assert_string_equal(lose[n].pointer, x->pointer);
    }
    assert_int_equal(n, AM_LEN(lose));
}

/* The field that the last decision was refused for: "version /sbom". */
static void assert_named(enum ledger_level asked, size_t row)
{
    char want[96];
    struct diag d;
    struct ledger_outcome o;
    const struct ledger_ask *x = ledger_ask(row);
    snprintf(want, sizeof want, "%s %s", ledger_kind_name(x->kind), x->pointer);
    assert_ptr_equal(ledger_asked(tk.l, tk_v(&tk), asked), x);
    diag_init(&d);
    tk_unsigned = true; /* the statement, judged for one of its signers */
    (void)decide("granted", asked, asked, NULL);
    tk_unsigned = false;
    assert_int_equal(ledger_admit(tk.l, buf_str(&tk.payload), tk.id[TK_HAS1], &o, &d),
                     AM_E_INVALID);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].code, DUE);
    assert_string_equal(d.item[0].path, "/label_level");
    assert_string_equal(d.item[0].detail, want);
    diag_release(&d);
}

static void no_label_is_granted_whose_record_lacks_what_it_asks(void **state)
{
    (void)state;
    for (size_t i = 0; i < AM_LEN(lose); i++) {
        const struct ledger_ask *x = ledger_ask(i);
        open_with("[" LAX "]", x->kind, lose[i].from, lose[i].to);
        evaluate(x->level);
        CODE(decide("granted", x->level, x->level, NULL), DUE);
        assert_named(x->level, i);
        assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
        OK(again(x->kind, NULL, NULL)); /* the fuller record */
        OK(decide("granted", x->level, x->level, NULL));
        assert_int_equal(tk_v(&tk)->level, x->level);
        if (i + 1 < AM_LEN(lose))
            tk_close(&tk);
    }
}

static void a_method_that_is_none_has_no_version(void **state)
{
    (void)state;
    open_with("[" LAX "]", LEDGER_VERSION,
              "\"method\":\"linear\",\"scope\":\"both\",\"version\":\"1\"",
              "\"method\":\"none\",\"scope\":\"both\"");
    evaluate(LEDGER_ADVANCED);
    OK(decide("granted", LEDGER_ADVANCED, LEDGER_ADVANCED, NULL));
}

/* ---- the level below -----------------------------------------------------------------
 */
static void what_a_higher_label_asks_is_not_asked_below_and_needs_no_reason(void **state)
{
    (void)state;
    open_with("[" LAX "]", LEDGER_VERSION, "\"sbom\":", "\"x\":");
    evaluate(LEDGER_INTERMEDIATE);
    CODE(decide("granted", LEDGER_INTERMEDIATE, LEDGER_INTERMEDIATE, NULL), DUE);
    OK(decide("granted", LEDGER_INTERMEDIATE, LEDGER_BASE, NULL));
    assert_string_equal(tk_outcome(&tk)->transition, "V7");
    CODE(decide("granted", LEDGER_INTERMEDIATE, LEDGER_INTERMEDIATE, NULL), DUE);
    OK(again(LEDGER_VERSION, NULL, NULL));
    OK(decide("granted", LEDGER_INTERMEDIATE, LEDGER_INTERMEDIATE, NULL));
    assert_string_equal(tk_outcome(&tk)->transition, "V11");
}

static void a_policy_may_waive_it_in_public(void **state)
{
    bool said = false;
    (void)state;
    open_with("[" LAX ",\"" DUE "\"]", LEDGER_VERSION, "\"sbom\":", "\"x\":");
    evaluate(LEDGER_INTERMEDIATE);
    /* then nothing in the record speaks for less than the evidence reaches */
    CODE(decide("granted", LEDGER_INTERMEDIATE, LEDGER_BASE, NULL), "guard.reason");
    OK(decide("granted", LEDGER_INTERMEDIATE, LEDGER_INTERMEDIATE, NULL));
    for (unsigned g = 0; ledger_guard_waivable(g); g++)
        said |= (tk_outcome(&tk)->waived >> g & 1) &&
                strcmp(ledger_guard_waivable(g), DUE) == 0;
    assert_true(said);
}

static void change_policy(const char *waived)
{
    char to[CRYPTO_HEX], from[CRYPTO_HEX];
    uint8_t next[32], now[32];
    tk_put_policy(&tk, waived, "{}", next);
    ledger_policy_digest(tk.l, now);
    CODE(tk_say(&tk, LEDGER_EVENT, TK_MSPS1,
                "\"type\":\"policy_change\",\"policy_sha256\":\"%s\","
                "\"previous_sha256\":\"%s\",\"reason\":\"r\"",
                crypto_hex(next, 32, to), crypto_hex(now, 32, from)),
         "waiting_signers");
    CODE(tk_co(&tk, TK_MSPS2), "waiting_signers");
    OK(tk_co(&tk, TK_HAS1));
}

/* A label granted while it was waived is neither confirmed nor brought back without the
 * fields; a reduction is never held up. */
static void it_binds_what_confirms_a_label_and_not_what_reduces_it(void **state)
{
    const char *reason = ",\"reason\":\"r\"";
    const enum ledger_level high = LEDGER_INTERMEDIATE;
    (void)state;
    open_with("[" LAX ",\"" DUE "\"]", LEDGER_VERSION, "\"sbom\":", "\"x\":");
    evaluate(high);
    OK(decide("granted", high, high, NULL));
    change_policy("[" LAX "]");
    CODE(decide("maintained", high, high, NULL), DUE);
    OK(decide("suspended", high, high, ",\"motive_code\":\"M1\",\"reason\":\"r\""));
    CODE(decide("reinstated", high, high, reason), DUE);
    OK(decide("reinstated", high, LEDGER_BASE, reason));
    OK(again(LEDGER_VERSION, NULL, NULL));
    OK(decide("granted", high, high, NULL));
}

static void a_reduction_asks_nothing_of_the_record(void **state)
{
    const enum ledger_level high = LEDGER_INTERMEDIATE;
    (void)state;
    open_with("[" LAX ",\"" DUE "\"]", LEDGER_VERSION, "\"explainability\":", "\"x\":");
    evaluate(high);
    OK(decide("granted", high, high, NULL));
    change_policy("[" LAX "]");
    OK(decide("reduced", high, LEDGER_BASE, ",\"reason\":\"r\""));
    assert_non_null(ledger_asked(tk.l, tk_v(&tk), LEDGER_BASE));
}

/* ---- what a superseding record may lose ----------------------------------------------
 */
static void a_record_does_not_lose_what_the_label_in_force_asks(void **state)
{
    (void)state;
    open_with("[" LAX "]", LEDGER_VERSION, NULL, NULL);
    evaluate(LEDGER_INTERMEDIATE);
    OK(again(LEDGER_VERSION, "\"maintenance\":", "\"x\":")); /* no label yet */
    OK(again(LEDGER_VERSION, NULL, NULL));
    OK(decide("granted", LEDGER_INTERMEDIATE, LEDGER_INTERMEDIATE, NULL));
    CODE(again(LEDGER_VERSION, "\"sbom\":", "\"x\":"), DUE);
    CODE(again(LEDGER_VERSION, "\"maintenance\":", "\"x\":"), DUE);
    CODE(again(LEDGER_VERSION, "\"P1M\"", "\"P6M\""), DUE);
    OK(again(LEDGER_VERSION, "\"P1M\"", "\"P3M\"")); /* an advanced label would ask */
    CODE(again(LEDGER_ALGORITHM, "\"trade_name\":" TK_NAME,
               "\"trade_name\":{\"fr\":\"C\",\"en\":\"H\"}"),
         DUE);
    OK(again(LEDGER_ALGORITHM, "\"funding\":\"own\"", "\"funding\":\"other\""));
    OK(decide("suspended", LEDGER_INTERMEDIATE, LEDGER_INTERMEDIATE,
              ",\"motive_code\":\"M1\",\"reason\":\"r\""));
    CODE(again(LEDGER_VERSION, "\"sbom\":", "\"x\":"), DUE); /* it would come back */
}

static void a_line_without_a_label_that_asks_may_lose_a_name(void **state)
{
    (void)state;
    open_with("[" LAX "]", LEDGER_VERSION, NULL, NULL);
    evaluate(LEDGER_BASE);
    OK(decide("granted", LEDGER_BASE, LEDGER_BASE, NULL));
    OK(again(LEDGER_ALGORITHM, "\"trade_name\":" TK_NAME,
             "\"trade_name\":{\"fr\":\"C\",\"en\":\"H\"}"));
    assert_string_equal(ledger_asked(tk.l, tk_v(&tk), LEDGER_ADVANCED)->pointer,
                        "/trade_name/ar");
    assert_null(ledger_asked(tk.l, tk_v(&tk), LEDGER_BASE));
}

/* What was lacking before may go on lacking: a policy waived it. */
static void a_record_that_lacked_it_already_may_be_superseded(void **state)
{
    (void)state;
    open_with("[" LAX ",\"" DUE "\"]", LEDGER_VERSION, "\"sbom\":", "\"x\":");
    evaluate(LEDGER_INTERMEDIATE);
    OK(decide("granted", LEDGER_INTERMEDIATE, LEDGER_INTERMEDIATE, NULL));
    change_policy("[" LAX "]");
    OK(again(LEDGER_VERSION, "\"sbom\":", "\"y\":"));
    CODE(again(LEDGER_VERSION, "\"maintenance\":", "\"y\":"), DUE);
}

#define T(f) cmocka_unit_test_teardown(f, close_tk)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_rise_from_row_to_row),
        T(no_label_is_granted_whose_record_lacks_what_it_asks),
        T(a_method_that_is_none_has_no_version),
        T(what_a_higher_label_asks_is_not_asked_below_and_needs_no_reason),
        T(a_policy_may_waive_it_in_public),
        T(it_binds_what_confirms_a_label_and_not_what_reduces_it),
        T(a_reduction_asks_nothing_of_the_record),
        T(a_record_does_not_lose_what_the_label_in_force_asks),
        T(a_line_without_a_label_that_asks_may_lose_a_name),
        T(a_record_that_lacked_it_already_may_be_superseded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
