/* SPDX-License-Identifier: Apache-2.0 */
/* The two life cycles, from genesis to stop and lift. */
#include "ledger/ledger_testkit.h"

static void a_model_goes_from_declaration_to_pilot(void **state)
{
    struct tk tk;
    (void)state;
    tk_open(&tk);
    assert_string_equal(tk_algorithm(&tk), "ok");
    assert_string_equal(tk_version(&tk), "ok");
    assert_string_equal(tk_outcome(&tk)->transition, "V2");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_DECLARED);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "registered");
    assert_string_equal(tk_admissible(&tk), "ok");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_ADMISSIBLE);
    assert_string_equal(tk_assign(&tk, "base"), "ok");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_UNDER_EVALUATION);
    assert_string_equal(tk_evidence(&tk, 0.88), "ok");
    assert_string_equal(tk_outcome(&tk)->transition, "V6");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_EVALUATED);
    assert_string_equal(tk_label(&tk), "ok");
    assert_string_equal(tk_outcome(&tk)->transition, "V7");
    assert_int_equal(tk_v(&tk)->state, LEDGER_V_LABELLED);
    assert_int_equal(tk_v(&tk)->level, LEDGER_BASE);
    assert_string_equal(ledger_registry_status(tk_v(&tk)), "pilot_only");
    assert_string_equal(tk_propose(&tk), "ok");
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_PROPOSED);
    assert_string_equal(tk_prepare(&tk), "ok");
    assert_int_equal(tk_p(&tk)->phase, LEDGER_P_PRE_DEPLOYMENT);
    assert_string_equal(tk_pilot(&tk), "ok");
    assert_string_equal(tk_outcome(&tk)->transition, "P3");
    assert_int_equal(ledger_effective(tk.l, tk_p(&tk), tk.now), LEDGER_P_PILOT);
    tk_close(&tk);
}

TEST_MAIN(TEST(a_model_goes_from_declaration_to_pilot))
